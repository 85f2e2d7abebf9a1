/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a program ends when it cannot go on, because memory or time has run out, or because of a fault of its own. */
#pragma once

#include <stdbool.h>

/* How long an operation of the hook may take. libvirt and all its clients wait for it. The time
 * starts anew in the judge. A judgement takes milliseconds. It takes two seconds at most
 * where it waits for virtnestd, and 15 where it reloads the KVM module (kvm_lock.c). */
#ifndef NEST_FATAL_SECONDS /* the unit tests make it small */
#define NEST_FATAL_SECONDS 20
#endif

/**
 * NestFatalHandler: what to print, and with which exit status to end.
 */
typedef struct {
    const char *action;   /* what is refused, like "start domain"; NULL: nothing, exit status 0 */
    const char *name;     /* the domain's, or the file's; any bytes */
    unsigned int seconds; /* the program ends after so many; 0: no time limit */
    /* libvirt appends our line to a long one of its own, so ours begins with a newline */
    bool to_libvirt;
    bool (*concerns_us)(void); /* called in a signal handler; FALSE: exit status 0; NULL: as TRUE */
} NestFatalHandler;

/**
 * nest_fatal_handler_set: from now on end in a defined way, whatever happens.
 * @handler: how to end; copied, except for its strings. Another call
 *   replaces it and starts the time again.
 *
 * Theory of operation: the signals that report a fault, or that the time has run out, are caught on
 * a stack of their own, because a full stack is one of the faults; no_memory.c reports a lack of
 * memory. The handler allocates nothing. It writes one line, "nest: cannot ACTION 'NAME': REASON
 * [NEST-IO]", if the other end can take it, and ends the process: with 1, or silently with 0 where
 * nothing may be refused. It cannot catch SIGKILL, nor a failure before main(), for
 * example if there is too little memory to load libc. libvirt counts both as a failure of the hook. At stopped and
 * release this changes nothing (tests/libvirt/hostile.test). To catch them, the prefilter would need a parent that
 * waits for it, which is a fork at every start.
 *
 * Returns: "nest: cannot ACTION 'NAME'", after a newline if it goes to libvirt, for other refusals. It is escaped for
 *   printing, and stays valid.
 */
const char *nest_fatal_handler_set(const NestFatalHandler *handler);

/* Ends the process as the handler says. @reason says what is lacking and what to do, and is printed as it is. */
void nest_fatal(const char *reason) __attribute__((noreturn));

/* Ends the process as the handler says, for lack of memory. If no handler is set yet, the line begins
 * with "nest" alone, and the exit status is 1. */
void nest_fatal_no_memory(void) __attribute__((noreturn));
