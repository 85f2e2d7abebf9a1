/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest doctor: what is looked at, what is found, and what to do about it.
 *
 * A part of the doctor (a function of the table in doctor.c) looks at one thing and adds findings. It changes nothing,
 * needs no root, and says "unknown" where it cannot see. */
#pragma once

#include "connection.h"

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

/**
 * NestDoctor: what the parts have, and where they put what they find.
 */
typedef struct {
    NestConnection *connection; /* (nullable) NULL: libvirt cannot be reached */
    const GError *unreachable;  /* ... and why; else NULL */
    NestKvmModule host;
    const char *subject; /* of the part that looks now */
    GPtrArray *findings; /* of NestDoctorFinding */
} NestDoctor;

/**
 * nest_doctor_add: add a finding.
 * @id: static; one thing has the same id whatever its status
 * @remedy: (nullable) a command to run, or what else to do; for WARN and FAIL never NULL
 */
void nest_doctor_add(NestDoctor *doctor, const char *id, NestDoctorStatus status,
                     const char *remedy, const char *format, ...) G_GNUC_PRINTF(5, 6);

/* (nullable) The unit of the libvirt daemon that manages QEMU domains here: "libvirtd" or "virtqemud". */
const char *nest_doctor_libvirt_unit(void);

/* Whether systemd runs this host, so that its commands help. */
gboolean nest_doctor_is_on_systemd(void);

/* The parts, in the order of the screen. */
void nest_doctor_libvirt(NestDoctor *doctor);
void nest_doctor_hook(NestDoctor *doctor);
void nest_doctor_daemon(NestDoctor *doctor);
void nest_doctor_host(NestDoctor *doctor);
void nest_doctor_guest(NestDoctor *doctor);
void nest_doctor_kernel(NestDoctor *doctor);
void nest_doctor_domains(NestDoctor *doctor);
