/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs that a manager of virtual machines calls have in common: their messages, and how they end. */
#include "manager.h"

#include "../fatal.h"
#include "base/error.h"

#include <libxml/xmlerror.h>
#include <stdio.h>

void
nest_manager_begin(const char *action, const char *name)
{
    const NestFatalHandler fatal = {.action = action, .name = name, .seconds = NEST_FATAL_SECONDS};

    (void)nest_fatal_handler_set(&fatal);
    /* Without this, libxml2 prints some errors, such as one about an encoding, to standard error. */
    xmlSetStructuredErrorFunc(NULL, nest_xml_be_silent);
}

gchar *
nest_manager_rewrite(const NestAsked *asked, const char *name, const char *text,
                     NestAskedCheck check, GError **error)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) problem = NULL;
    gchar *rewritten = nest_asked_rewrite(asked, text, check, changes, &problem, error);

    for (guint i = 0; i < changes->len; i++) {
        g_autofree gchar *line =
            g_strdup_printf("%s: %s", name, (const char *)g_ptr_array_index(changes, i));
        g_autofree gchar *escaped = nest_error_escape(line);

        (void)fprintf(stderr, "nest: %s\n", escaped);
    }
    if (problem) {
        g_prefix_error(&problem, "it starts without nested guests, because of required=no: ");
        (void)nest_manager_fail(name, g_steal_pointer(&problem), 0);
    }
    return rewritten;
}

int
nest_manager_fail(const char *name, GError *error, int status)
{
    g_autofree gchar *text = NULL;

    if (name)
        g_prefix_error(&error, "%s: ", name);
    text = nest_error_text(error);
    (void)fprintf(stderr, "%s\n", text);
    g_error_free(error);
    return status;
}
