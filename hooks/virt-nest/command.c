/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands of virt-nest share: reading their options and saying what went wrong. */
#include "command.h"

#include "base/error.h"
#include "base/spelling.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

const char *
nest_command_sudo(void)
{
    return geteuid() == 0 ? "" : "sudo ";
}

int
nest_command_help(GOptionContext *context)
{
    g_autofree gchar *help = g_option_context_get_help(context, TRUE, NULL);

    (void)fputs(help, stdout);
    return NEST_EXIT_DONE;
}

/* (transfer full) The words as somebody would type them. */
static gchar *
quote_words(gchar **words)
{
    GString *line = g_string_new(NULL);

    for (gsize i = 0; words[i]; i++) {
        gboolean plain = words[i][strspn(words[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
                                                   "UVWXYZ0123456789-_./:=+,@")] == '\0';
        g_autofree gchar *quoted = plain && *words[i] ? NULL : g_shell_quote(words[i]);

        g_string_append_printf(line, "%s%s", i ? " " : "", quoted ? quoted : words[i]);
    }
    return g_string_free(line, FALSE);
}

static int
report_misuse(const NestCall *call, const GError *error, const GOptionEntry *const *options)
{
    g_autofree gchar *unknown =
        g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION)
            ? nest_spelling_unknown_option((const gchar *const *)call->words, options)
            : NULL;

    return nest_command_misused(call, unknown ? unknown : error->message);
}

/* The URI and the arguments are taken as bytes, whatever the locale: names are UTF-8. */
static gboolean
parse_words(NestCall *call, const GOptionEntry *options, gboolean *ret_help, int *ret_status)
{
    g_autoptr(GOptionContext) context = g_option_context_new(call->command->arguments);
    const GOptionEntry connect[] = {
        {"connect", 'c', 0, G_OPTION_ARG_FILENAME, &call->uri,
         "the libvirt to talk to, as for virsh", "URI"},
        G_OPTION_ENTRY_NULL,
    };
    const GOptionEntry shared[] = {
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &call->verbose, "say what is done on the way", NULL},
        {"help", 'h', 0, G_OPTION_ARG_NONE, ret_help, "show this help", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &call->arguments, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };
    const GOptionEntry *const tables[] = {options, shared, call->command->connects ? connect : NULL,
                                          NULL};
    g_autoptr(GError) error = NULL;

    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_summary(context, call->command->summary);
    g_option_context_add_main_entries(context, options, NULL);
    if (call->command->connects)
        g_option_context_add_main_entries(context, connect, NULL);
    g_option_context_add_main_entries(context, shared, NULL);
    if (!g_option_context_parse_strv(context, &call->words, &error)) {
        *ret_status = report_misuse(call, error, tables);
        return FALSE;
    }
    if (*ret_help)
        *ret_status = nest_command_help(context);
    return !*ret_help;
}

gboolean
nest_command_parse(NestCall *call, const GOptionEntry *options, int *ret_status)
{
    g_autofree gchar *name = g_strdup_printf("virt-nest %s", call->command->name);
    NestLog *log = NULL;
    gboolean help = FALSE;

    g_set_prgname(name);
    call->line = quote_words(call->words);
    if (!parse_words(call, options, &help, ret_status))
        return FALSE;
    log = nest_log_open("virt-nest", FALSE);
    if (call->verbose)
        nest_log_be_verbose(log);
    if (!call->arguments)
        call->arguments = g_new0(gchar *, 1);
    return TRUE;
}
