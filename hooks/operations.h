/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the hook's prefilter and its judge share: the operations that libvirt asks its hook about, and the judge's function. */
#pragma once

#include <stddef.h>

/* The longest XML that the judge takes; libvirt itself takes 4 MiB. */
#define NEST_HOOK_MAX_BYTES ((size_t)16 * 1024 * 1024)

/**
 * nest_hook_judge: the one function of the judge, which is a shared object; the prefilter looks it up by name.
 * @argc: as in main()
 * @argv: the arguments that libvirt gave the hook; the domain's XML is on standard input
 *
 * Returns: the hook's exit status.
 */
int nest_hook_judge(int argc, char **argv) __attribute__((visibility("default")));
#define NEST_HOOK_JUDGE "nest_hook_judge"

/* The operation at the end of a start, when QEMU runs. The hook judges nothing here. It only records the time of the
 * call (host/hook_place.h), which shows others that libvirt called the hook at this start. */
#define NEST_OPERATION_STARTED "started"

/* The properties of an operation. */
enum {
    NEST_OPERATION_UNFAILING = 1 << 0, /* the judge runs in a child and fails nothing */
    NEST_OPERATION_PRINTS = 1 << 1,    /* a rewritten XML goes to standard output */
    NEST_OPERATION_RELOADS = 1 << 2,   /* where nesting is off on this host, tries to turn it on */
    NEST_OPERATION_INHIBITS = 1 << 3,  /* from then on nobody may turn nesting off */
};

/* The whole table of design.md, "What the hook judges". Any other operation passes: a failure of the hook could do
 * harm there, so the hook judges nothing. A row has: libvirt's name of the operation (docs/hooks.rst); qemu_hook.c's
 * judgement; the action that a message says is refused (NULL: nothing is ever refused); what happens to a refused
 * guest, unless it is being restored; the properties. */
#define NEST_OPERATIONS(ROW)                                                                       \
    ROW("prepare", check_prepare, "start domain", "",                                              \
        NEST_OPERATION_PRINTS | NEST_OPERATION_RELOADS)                                            \
    ROW("start", check_start, "start domain", "", NEST_OPERATION_INHIBITS)                         \
    ROW("migrate", check_migrate, "take in domain", " (it stays on the source as it is)",          \
        NEST_OPERATION_RELOADS)                                                                    \
    ROW("restore", flag_restore, NULL, "", NEST_OPERATION_UNFAILING)                               \
    ROW("stopped", clear_flags, NULL, "", 0)                                                       \
    ROW("release", clear_flags, NULL, "", 0)
