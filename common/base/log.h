/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Log lines with fields: they go to the journal if there is one, else to standard error. */
#pragma once

#include <glib.h>

/* Which lines are logged: those of this level and of all above it. */
typedef enum {
    NEST_LOG_LEVEL_WARNING, /* problems */
    NEST_LOG_LEVEL_NOTICE,  /* ... and notable actions, such as those of the guard */
    NEST_LOG_LEVEL_INFO,    /* ... and all other actions; the default */
    NEST_LOG_LEVEL_DEBUG,   /* ... and received events and decisions */
} NestLogLevel;

/* The levels' names, in their order, ending in NULL. */
extern const char *const nest_log_levels[];

/* Where a program's log lines go, and which of them; lasts as long as the program. */
typedef struct NestLog NestLog;

/* The plural's ending. */
#define NEST_LOG_S(n) ((n) == 1 ? "" : "s")

/**
 * nest_log_open: decide once where this program's log lines go.
 * @program: its name, in front of each line on standard error
 * @service: FALSE for a program that a person or another program runs: its standard error belongs to the
 *   caller, so its log lines go to the journal if there is one. TRUE for a daemon: its log lines go to the
 *   journal only if its standard error is the journal
 *
 * $VIRT_NEST_LOG sets the level. If a person runs the program, lines of level debug go to standard error, because the
 * person has asked for them. With $VIRT_NEST_ROOT nothing goes to the machine's journal.
 *
 * Returns: (transfer none) the log; each program opens one.
 */
NestLog *nest_log_open(const char *program, gboolean service);

/* Sets the level debug, for an option of the command line. It wins over $VIRT_NEST_LOG and the settings. */
void nest_log_be_verbose(NestLog *log);

/* Sets the level of the settings. It counts only if neither the command line nor $VIRT_NEST_LOG has set one. */
void nest_log_set_level(NestLog *log, NestLogLevel level);

/**
 * nest_log: log one line.
 * @level: G_LOG_LEVEL_DEBUG, _INFO, _MESSAGE (worth noticing), _WARNING
 * @domain: (nullable) the domain's name; field VIRT_NEST_DOMAIN
 * @uuid: (nullable) its uuid; field VIRT_NEST_UUID
 * @format: the message, without the domain's name
 */
void nest_log(GLogLevelFlags level, const char *domain, const char *uuid, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Logs an error with its code as the field VIRT_NEST_CODE, at level warning. */
void nest_log_error(const char *domain, const char *uuid, const GError *error);

/**
 * nest_log_last_error: log the error with which this program ends.
 *
 * The line goes to standard error in any case. For a line that was sent to the journal's socket, journald looks up the
 * sender's unit, and finds none if the sender has ended by then. journalctl -u and systemctl status would then not show the
 * line (facts.md, "systemd and the host's shutdown").
 */
void nest_log_last_error(const GError *error);

/* Logs an error at the highest level, as an emergency, which the journal shows on every terminal. */
void nest_log_emergency(const GError *error);

/* What the guard does. Each event has its own MESSAGE_ID, by which the journal can be searched. */
typedef enum {
    NEST_LOG_ARMED,
    NEST_LOG_DISARMED,
    NEST_LOG_ABORTED,
    NEST_LOG_ALLOWED,
    NEST_LOG_REFUSED, /* a guest that resumes: migrated here, restored, or reverted to a snapshot */
} NestLogEvent;

/* As nest_log(), at level message, with the event's id as the field MESSAGE_ID (listed in virtnestd(8)). */
void nest_log_event(NestLogEvent event, const char *domain, const char *uuid, const char *format,
                    ...) G_GNUC_PRINTF(4, 5);
