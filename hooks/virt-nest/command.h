/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands of virt-nest: what main.c knows of each, and what they share. */
#pragma once

#include "base/log.h"

/* Exit statuses (virt-nest(1), "EXIT STATUS"). */
enum { NEST_EXIT_DONE, NEST_EXIT_FAILED, NEST_EXIT_USAGE };

typedef struct NestCommand NestCommand;

/**
 * NestCall: one command line on its way to its command.
 */
typedef struct {
    const NestCommand *command; /* the row of main.c's table */
    gchar *uri;                 /* -c URI; NULL: libvirt chooses, as for virsh */
    gboolean verbose;           /* -v */
    gchar *line;                /* @words as they were typed, quoted for a shell */
    gchar **words;              /* the command's name and what follows it */
    gchar **arguments;          /* what is left of @words without options; never NULL once parsed */
} NestCall;

/**
 * NestCommand: a command; a new one is a row in main.c.
 */
struct NestCommand {
    const char *name;           /* as a person types it */
    int (*run)(NestCall *call); /* does it; returns the exit status */
    gboolean connects;          /* takes -c URI */
    const char *arguments;      /* as the help shows them: "DOMAIN..." */
    const char *summary;        /* one line */
};

/**
 * nest_command_parse: read a command's options.
 * @options: the command's own, ending with a row of zeros; -c, -v and --help are added
 * @ret_status: the exit status, if there is nothing left to do
 *
 * Opens the log as well, which each command has.
 *
 * Returns: FALSE if there is nothing left to do: the help was asked for and has been printed, or
 * the command line is wrong, which has been reported.
 */
gboolean nest_command_parse(NestCall *call, const GOptionEntry *options,
                            int *ret_status) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_command_fail: say what went wrong, on standard error.
 * @error: (transfer full) the error
 *
 * Returns: the exit status: NEST_EXIT_USAGE for NEST_ERROR_USAGE, else NEST_EXIT_FAILED.
 */
int nest_command_fail(GError *error);

/* Says that the command line is wrong, and where the help is; returns NEST_EXIT_USAGE. */
int nest_command_misused(const NestCall *call, const char *what);

/* "sudo " for the command that a message names, unless root reads it: "". */
const char *nest_command_sudo(void);

/* Prints the help of a command line; returns NEST_EXIT_DONE. */
int nest_command_help(GOptionContext *context);

/* The commands; commands that belong together share a file. */
int nest_tag_commands_enable(NestCall *call);
int nest_tag_commands_disable(NestCall *call);
int nest_apply(NestCall *call);
int nest_status(NestCall *call);
int nest_top(NestCall *call);
int nest_allow(NestCall *call);
int nest_may_leave(NestCall *call);
int nest_preflight(NestCall *call);
int nest_drain(NestCall *call);
int nest_bench(NestCall *call);
int nest_rewrite(NestCall *call);
int nest_rules(NestCall *call);
int nest_host(NestCall *call);
int nest_drain_plan(NestCall *call);
int nest_host_check(NestCall *call);
int nest_doctor(NestCall *call);
int nest_bug_report(NestCall *call);
