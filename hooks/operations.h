/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations that libvirt asks its hook about: what both parts of the hook know of each. */
#pragma once

#include <stddef.h>

/* What the second part takes at most; libvirt itself takes 4 MiB. */
#define NEST_HOOK_MAX_BYTES ((size_t)16 * 1024 * 1024)

/* What is so of an operation. */
enum {
    NEST_OPERATION_UNFAILING = 1 << 0, /* the second part runs in a child and fails nothing */
    NEST_OPERATION_PRINTS = 1 << 1,    /* a rewritten XML goes to standard output */
    NEST_OPERATION_RELOADS = 1 << 2,   /* where nesting is off on this host, tries to turn it on */
    NEST_OPERATION_INHIBITS = 1 << 3,  /* from then on nobody may turn nesting off */
};

/* The whole table of design.md, "What the hook judges". An operation that is not here passes, and must not even fail,
 * so nothing is done for it. In a row: the operation as libvirt calls it (docs/hooks.rst); qemu_hook.c's judgement; what a
 * message says is refused (NULL: nothing ever is); what becomes of a refused guest, unless it is restored; what is so. */
#define NEST_OPERATIONS(ROW)                                                                       \
    ROW("prepare", check_prepare, "start domain", "",                                              \
        NEST_OPERATION_PRINTS | NEST_OPERATION_RELOADS)                                            \
    ROW("start", check_start, "start domain", "", NEST_OPERATION_INHIBITS)                         \
    ROW("migrate", check_arrival, "take in domain", " (it stays on the source as it is)",          \
        NEST_OPERATION_RELOADS)                                                                    \
    ROW("restore", note_restore, NULL, "", NEST_OPERATION_UNFAILING)                               \
    ROW("stopped", clear_flags, NULL, "", 0)                                                       \
    ROW("release", clear_flags, NULL, "", 0)
