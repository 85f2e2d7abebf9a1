/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest, the command a person runs: finds its command in the table and runs it. */
#include "command.h"

#include "base/error.h"
#include "base/spelling.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A new command is a row here and a function in command.h. */
static const NestCommand commands[] = {
    {"enable", nest_tag_commands_enable, TRUE, "DOMAIN...",
     "Tag domains and give them their nested CPU."},
    {"disable", nest_tag_commands_disable, TRUE, "DOMAIN...",
     "Take the tag away and put the CPU back."},
    {"apply", nest_apply, TRUE, "DOMAIN... | --all", "Correct definitions, as virtnestd does."},
    {"status", nest_status, TRUE, "[DOMAIN...]",
     "Show what is tagged, what is in effect, and why not."},
    {"top", nest_top, TRUE, "[DOMAIN...]", "Watch nested guests and guards as they change."},
    {"allow", nest_allow, TRUE, "DOMAIN",
     "Let a domain be migrated or saved with nested guests in it."},
    {"may-leave", nest_may_leave, TRUE, "DOMAIN",
     "Tell whether a domain may be migrated or saved, by the exit status."},
    {"preflight", nest_preflight, TRUE, "DOMAIN URI",
     "Tell whether a running domain would live on another host."},
    {"drain", nest_drain, TRUE, "",
     "Shut down the domains whose nested guests keep them from a save."},
    {"bench", nest_bench, TRUE, "", "Measure what nesting costs on this host."},
    {"rewrite", nest_rewrite, FALSE, "[FILE]", "Read domain XML, print it with its nested CPU."},
    {"rules", nest_rules, TRUE, "", "List this host's rules, or say which decides about a domain."},
    {"host", nest_host, FALSE, "[enable | disable | drain-plan]",
     "Show this host's nesting, turn it on, or remove the setting for it."},
    {"doctor", nest_doctor, TRUE, "", "Look at all that nesting rests on, and say what is wrong."},
    {"report", nest_bug_report, TRUE, "", "Print what a report of a fault needs."},
    {"check-host", nest_host_check, FALSE, "", "Tell by the exit status whether guests can nest."},
};

/* The options that stand before the command. */
typedef struct {
    gchar *uri;
    gboolean verbose;
    gboolean version;
    gboolean help;
} Options;

static void
command_options_clear(Options *options)
{
    g_free(options->uri);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, command_options_clear)

static GOptionContext *
new_context(const GOptionEntry *entries)
{
    GOptionContext *context = g_option_context_new("COMMAND ...");
    g_autoptr(GString) list = g_string_new("Commands:\n");

    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        g_string_append_printf(list, "  %-10s  %s\n", commands[i].name, commands[i].summary);
    g_string_append(list, "\nvirt-nest COMMAND --help tells more of one, virt-nest(1) of all.");
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_strict_posix(context, TRUE); /* stops at the command */
    g_option_context_set_summary(context, "Nested virtualization for libvirt, by tag.");
    g_option_context_set_description(context, list->str);
    g_option_context_add_main_entries(context, entries, NULL);
    return context;
}

static int
refuse_command(const char *name)
{
    const char *names[G_N_ELEMENTS(commands) + 1] = {NULL};
    g_autofree gchar *list = NULL;
    g_autofree gchar *hint = NULL;
    g_autofree gchar *what =
        name ? g_strdup_printf("there is no command '%s'", name) : g_strdup("a command is missing");

    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        names[i] = commands[i].name;
    list = g_strjoinv(", ", (gchar **)names);
    hint = nest_spelling_hint(name ? name : "", names);
    return nest_command_fail(g_error_new(NEST_ERROR, NEST_ERROR_USAGE,
                                         "%s%s: the commands are %s (see virt-nest --help)", what,
                                         hint, list));
}

/* What is wrong before the command. */
static int
refuse_line(gchar **words, const GError *error, const GOptionEntry *entries)
{
    const GOptionEntry *const tables[] = {entries, NULL};
    g_autofree gchar *unknown =
        g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION)
            ? nest_spelling_unknown_option((const gchar *const *)words, tables)
            : NULL;

    return nest_command_fail(g_error_new(NEST_ERROR, NEST_ERROR_USAGE, "%s: see virt-nest --help",
                                         unknown ? unknown : error->message));
}

/* @words: the command's name and all that follows it; copied. */
static int
run_command(gchar **words, const Options *options)
{
    NestCall call = {
        .uri = g_strdup(options->uri), .verbose = options->verbose, .words = g_strdupv(words)};
    int status = NEST_EXIT_DONE;

    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        if (g_str_equal(commands[i].name, words[0]))
            call.command = &commands[i];
    status = call.command ? call.command->run(&call) : refuse_command(words[0]);
    g_strfreev(call.arguments);
    g_strfreev(call.words);
    g_free(call.line);
    g_free(call.uri);
    return status;
}

static int
run_command_line(gchar ***words)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"connect", 'c', 0, G_OPTION_ARG_FILENAME, &options.uri,
         "the libvirt to talk to, as for virsh", "URI"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &options.verbose, "say what is done on the way",
         NULL},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &options.version, "show the version", NULL},
        {"help", 'h', 0, G_OPTION_ARG_NONE, &options.help, "show this help", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = new_context(entries);
    g_autoptr(GError) error = NULL;

    if (!g_option_context_parse_strv(context, words, &error))
        return refuse_line(*words, error, entries);
    if (options.help || g_strcmp0((*words)[1], "help") == 0)
        return nest_command_help(context);
    if (options.version)
        return printf("virt-nest %s\n", NEST_VERSION) < 0 ? NEST_EXIT_FAILED : NEST_EXIT_DONE;
    return (*words)[1] ? run_command(*words + 1, &options) : refuse_command(NULL);
}

/* @problem: as errno; 0 where an earlier write failed */
static int
refuse_output(int problem)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    /* Whoever reads it has seen enough (`virt-nest top | head`): no message, as from others. */
    if (poll(&out, 1, 0) == 1 && out.revents & POLLERR)
        return NEST_EXIT_FAILED;
    return nest_command_fail(g_error_new(NEST_ERROR, NEST_ERROR_IO, "cannot write the output: %s",
                                         problem ? g_strerror(problem)
                                                 : "see whether the disk that it goes to is full"));
}

/* Without setlocale(): names are UTF-8 to libvirt, and printed as they are; messages are English. */
int
main(int argc, char **argv)
{
    g_auto(GStrv) words = g_strdupv(argv);
    int status = NEST_EXIT_DONE;

    (void)argc;
    /* If a standard stream is closed, the next file opened would take its place, for example one of
     * libvirt's sockets, and output would go there. On what is opened here instead, reading or
     * writing fails. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            abort();
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe must be an error, not the end */
    g_set_prgname("virt-nest");
    status = run_command_line(&words);
    /* A full disk or a closed pipe shows here at the latest. */
    return fflush(stdout) == 0 && !ferror(stdout) ? status : refuse_output(errno);
}
