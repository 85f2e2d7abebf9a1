/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands of virt-nest share: reading their options and saying what went wrong. */
#include "command.h"

#include "base/error.h"

#include <stdio.h>

int
nest_command_fail(GError *error)
{
    g_autoptr(GError) owned = error;
    g_autofree gchar *text = nest_error_text(owned);

    (void)fflush(stdout); /* keeps the order where both streams go to one terminal or file */
    (void)fprintf(stderr, "%s\n", text);
    return g_error_matches(owned, NEST_ERROR, NEST_ERROR_USAGE) ? NEST_EXIT_USAGE
                                                                : NEST_EXIT_FAILED;
}

int
nest_command_misused(const NestCall *call, const char *what)
{
    return nest_command_fail(g_error_new(NEST_ERROR, NEST_ERROR_USAGE,
                                         "%s: see virt-nest %s --help", what, call->command->name));
}

int
nest_command_help(GOptionContext *context)
{
    g_autofree gchar *help = g_option_context_get_help(context, TRUE, NULL);

    (void)fputs(help, stdout);
    return NEST_EXIT_DONE;
}

/* The URI and the arguments are taken as bytes, whatever the locale: names are UTF-8. */
static void
add_shared_options(GOptionContext *context, NestCall *call, gboolean *help)
{
    const GOptionEntry connect[] = {
        {"connect", 'c', 0, G_OPTION_ARG_FILENAME, &call->uri,
         "the libvirt to talk to, as for virsh", "URI"},
        G_OPTION_ENTRY_NULL,
    };
    const GOptionEntry shared[] = {
        {"help", 'h', 0, G_OPTION_ARG_NONE, help, "show this help", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &call->arguments, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (call->command->connects)
        g_option_context_add_main_entries(context, connect, NULL);
    g_option_context_add_main_entries(context, shared, NULL);
}

gboolean
nest_command_parse(NestCall *call, const GOptionEntry *options, int *ret_status)
{
    g_autoptr(GOptionContext) context = g_option_context_new(call->command->arguments);
    g_autofree gchar *name = g_strdup_printf("virt-nest %s", call->command->name);
    g_autoptr(GError) error = NULL;
    gboolean help = FALSE;

    g_set_prgname(name);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_summary(context, call->command->summary);
    g_option_context_add_main_entries(context, options, NULL);
    add_shared_options(context, call, &help);
    if (!g_option_context_parse_strv(context, &call->words, &error)) {
        *ret_status = nest_command_misused(call, error->message);
        return FALSE;
    }
    if (help) {
        *ret_status = nest_command_help(context);
        return FALSE;
    }
    if (!call->arguments)
        call->arguments = g_new0(gchar *, 1);
    return TRUE;
}
