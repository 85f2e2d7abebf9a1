/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Log lines with fields: they go to the journal if there is one, else to standard error. */
#pragma once

#include <glib.h>

/**
 * nest_log_open: decide once where this program's log lines go.
 * @program: its name, in front of each line on standard error
 * @service: FALSE for a program that a person runs or that is called by another: its standard error
 *   belongs to the caller, and what it logs goes to the journal if there is one; TRUE for a daemon:
 *   to the journal only if its standard error is the journal
 *
 * $VIRT_NEST_ROOT keeps a test out of the machine's journal.
 */
void nest_log_open(const char *program, gboolean service);

/**
 * nest_log: log one line.
 * @level: G_LOG_LEVEL_INFO, _MESSAGE (worth noticing), _WARNING
 * @domain: (nullable) the domain's name; field VIRT_NEST_DOMAIN
 * @uuid: (nullable) its uuid; field VIRT_NEST_UUID
 * @format: the message, without the domain's name
 */
void nest_log(GLogLevelFlags level, const char *domain, const char *uuid, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Logs an error with its code as the field VIRT_NEST_CODE, at level warning. */
void nest_log_error(const char *domain, const char *uuid, const GError *error);

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
