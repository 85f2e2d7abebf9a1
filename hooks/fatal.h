/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a program ends where nothing else can be done: no memory, no end in sight, a fault of its own. */
#pragma once

#include <stdbool.h>

/* How long an operation of the hook may take; libvirt and all its clients wait meanwhile. The second part
 * counts anew. A judgement takes milliseconds, and two seconds at most where it waits for virtnestd. */
#ifndef NEST_FATAL_SECONDS /* the unit tests make it small */
#define NEST_FATAL_SECONDS 20
#endif

/**
 * NestFatalHandler: what is to be said, and with which exit status.
 */
typedef struct {
    const char *action; /* what is refused: "start domain", short; NULL: nothing, it ends with 0 */
    const char *name;   /* the domain's, or the file's; any bytes */
    unsigned int seconds;      /* after so many it ends; 0: it may take any time */
    bool (*concerns_us)(void); /* asked in a signal handler: FALSE ends it with 0; NULL: it does */
} NestFatalHandler;

/**
 * nest_fatal_handler_set: from now on end in a defined way, whatever happens.
 * @wish: how; copied, but for its strings. Arming again replaces it, and counts the time anew.
 *
 * Theory of operation: the signals that tell of a fault, or of the time that ran out, are caught on a
 * stack of their own, as a full stack is one of the faults; no_memory.c tells of a lack of memory. What
 * handles them allocates nothing: it writes one line, "nest: cannot ACTION 'NAME': REASON [NEST-IO]",
 * if the other end can take it, and ends the process: with 1, or with 0 and in silence where nothing may
 * be refused. Not caught are what comes before main() (the dynamic loader without memory ends with 127) and
 * SIGKILL. To libvirt these are failures, which at stopped and release change nothing
 * (tests/libvirt/hostile.test); to notice them the front would have to fork at every start.
 *
 * Returns: "nest: cannot ACTION 'NAME'", fit to be printed, for other refusals; lives on.
 */
const char *nest_fatal_handler_set(const NestFatalHandler *wish);

/* Ends the process so for lack of memory; where it is not armed yet, with a line of its own and 1. */
void nest_fatal_no_memory(void) __attribute__((noreturn));
