/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An initramfs, written file by file. */
#include "initramfs.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct NestInitramfs {
    gchar *path;
    FILE *file;
    GHashTable *added; /* the paths */
    guint inode;       /* of the last one */
};

static gboolean
fail_with_archive(const NestInitramfs *archive, int problem, GError **error)
{
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                "cannot write %s: %s: make place there, or set TMPDIR to another directory",
                archive->path, g_strerror(problem));
    return FALSE;
}

NestInitramfs *
nest_initramfs_new(const char *path, GError **error)
{
    g_autoptr(NestInitramfs) archive = g_new0(NestInitramfs, 1);

    archive->path = g_strdup(path);
    archive->added = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    archive->file = fopen(path, "we");
    if (archive->file)
        return g_steal_pointer(&archive);
    (void)fail_with_archive(archive, errno, error);
    return NULL;
}

void
nest_initramfs_free(NestInitramfs *archive)
{
    if (!archive)
        return;
    if (archive->file)
        (void)fclose(archive->file);
    g_hash_table_unref(archive->added);
    g_free(archive->path);
    g_free(archive);
}

/* Headers with their names, and data, begin at multiples of four. */
static void
pad(NestInitramfs *archive, gsize length)
{
    static const char zeros[4];

    (void)fwrite(zeros, 1, (4 - length % 4) % 4, archive->file);
}

/* @name: without a leading slash. nest_initramfs_finish() reports write errors. */
static void
write_entry(NestInitramfs *archive, const char *name, guint mode, const void *data, gsize length)
{
    gsize size = strlen(name) + 1;
    guint links = S_ISDIR(mode) ? 2 : 1;

    (void)fprintf(archive->file, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s",
                  ++archive->inode, mode, 0U, 0U, links, 0U, (guint)length, 0U, 0U, 0U, 0U,
                  (guint)size, 0U, name);
    (void)fputc('\0', archive->file);
    pad(archive, 110 + size); /* of which the header has 110 */
    if (length > 0)
        (void)fwrite(data, 1, length, archive->file);
    pad(archive, length);
}

static void
add_directories(NestInitramfs *archive, const char *path)
{
    for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        gchar *directory = g_strndup(path, (gsize)(at - path));

        if (g_hash_table_add(archive->added, directory))
            write_entry(archive, directory + 1, S_IFDIR | 0755, NULL, 0);
    }
}

void
nest_initramfs_add(NestInitramfs *archive, const char *path, const void *data, gsize length)
{
    add_directories(archive, path);
    if (g_hash_table_add(archive->added, g_strdup(path)))
        write_entry(archive, path + 1, S_IFREG | 0755, data, length);
}

gboolean
nest_initramfs_add_copy(NestInitramfs *archive, const char *path, const char *from, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(GMappedFile) file = NULL;

    if (g_hash_table_contains(archive->added, path))
        return TRUE;
    file = g_mapped_file_new(from, FALSE, &problem);
    if (!file) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                    "cannot read a file that the guests need: %s: run it as root, or install the "
                    "package that has it",
                    problem->message);
        return FALSE;
    }
    nest_initramfs_add(archive, path, g_mapped_file_get_contents(file),
                       g_mapped_file_get_length(file));
    return TRUE;
}

gboolean
nest_initramfs_finish(NestInitramfs *archive, GError **error)
{
    gboolean failed = FALSE;

    write_entry(archive, "TRAILER!!!", 0, NULL, 0);
    failed = ferror(archive->file) != 0;
    if (fclose(archive->file) != 0)
        failed = TRUE;
    archive->file = NULL;
    return !failed || fail_with_archive(archive, errno, error);
}
