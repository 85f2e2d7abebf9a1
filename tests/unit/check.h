/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the unit tests share: reading a domain, judging an error, laying out a host in a directory. */
#pragma once

#include "base/error.h"
#include "domain/domain_xml.h"

#include <glib/gstdio.h>
#include <string.h>

/* The tests run in the top directory of the sources (tests/run goes there), or are told where it is. */
static inline gchar *
check_source_path(const char *path)
{
    const char *directory = g_getenv("NEST_SOURCES");

    return g_build_filename(directory ? directory : ".", path, NULL);
}

/* A document that has to be read. */
static inline NestDomainXml *
check_parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    NestDomainXml *xml = nest_domain_xml_parse(text, strlen(text), &error);

    g_assert_no_error(error);
    g_assert_nonnull(xml);
    return xml;
}

/* A document that must not be read. */
static inline void
check_refuses(const char *text, gsize length, int code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(text, length, &error);

    g_assert_null(xml);
    g_assert_error(error, NEST_ERROR, code);
}

/* A text has to hold each of the pieces, which are separated by '|'. */
static inline void
check_says(const char *text, const char *pieces)
{
    g_auto(GStrv) list = g_strsplit(pieces, "|", -1);

    for (gsize i = 0; list[i]; i++)
        if (!strstr(text, list[i]))
            g_error("this lacks \"%s\": %s", list[i], text);
}

/* The mode of a file, not of what it leads to. */
static inline guint
check_mode(const char *path)
{
    GStatBuf status;

    g_assert_cmpint(g_lstat(path, &status), ==, 0);
    return status.st_mode & 07777;
}

/* A directory of its own as $VIRT_NEST_ROOT. */
static inline gchar *
check_root_new(void)
{
    gchar *directory = g_dir_make_tmp("virt-nest-test-XXXXXX", NULL);

    g_assert_nonnull(directory);
    g_setenv("VIRT_NEST_ROOT", directory, TRUE);
    return directory;
}

/* Takes a directory made by check_root_new() away with all that is in it. */
static inline void
check_root_free(gchar *directory)
{
    g_autofree gchar *quoted = g_shell_quote(directory);
    g_autofree gchar *command = g_strconcat("rm -rf ", quoted, NULL);

    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_unsetenv("VIRT_NEST_ROOT");
    g_free(directory);
}

/* Writes a file below $VIRT_NEST_ROOT, with the directories it needs. */
static inline void
check_root_write(const char *path, const char *text)
{
    g_autofree gchar *full = g_build_filename(g_getenv("VIRT_NEST_ROOT"), path, NULL);
    g_autofree gchar *directory = g_path_get_dirname(full);

    g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
    g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

/* Adds a table's row as a test of its own: its name is "/SUITE/the row's sentence". */
static inline void
check_add_row(const char *suite, const char *sentence, gconstpointer row, GTestDataFunc test)
{
    g_autofree gchar *path = g_strdup_printf("/%s/%s", suite, sentence);

    g_test_add_data_func(path, row, test);
}
