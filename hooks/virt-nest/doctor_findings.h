/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the doctor has found, and how that is printed. */
#pragma once

#include <glib.h>

typedef enum {
    NEST_DOCTOR_PASS,    /* as it should be */
    NEST_DOCTOR_WARN,    /* works, but not as well or as safely as it could */
    NEST_DOCTOR_FAIL,    /* something that the administrator wants does not work */
    NEST_DOCTOR_UNKNOWN, /* cannot be seen from here */
} NestDoctorStatus;

/**
 * NestDoctorFinding: one line of the doctor's screen.
 */
typedef struct {
    const char *subject; /* the part that found it: "hook" */
    const char *id;      /* stable, for programs: "hook-called"; static */
    NestDoctorStatus status;
    gchar *text; /* what was seen */
    gchar *
        remedy; /* (nullable) what to do, a command where there is one; never NULL for WARN and FAIL */
} NestDoctorFinding;

/* (transfer full)(element-type NestDoctorFinding) An empty list; nest_doctor_add() fills it. */
GPtrArray *nest_doctor_findings_new(void) G_GNUC_WARN_UNUSED_RESULT;

/* How many of them have this status. */
guint nest_doctor_findings_count(const GPtrArray *findings, NestDoctorStatus status);

/* For a person. The last line says whether anything has to be done. */
void nest_doctor_findings_print(const GPtrArray *findings);

/* For programs: an array of objects. */
void nest_doctor_findings_print_json(const GPtrArray *findings);
