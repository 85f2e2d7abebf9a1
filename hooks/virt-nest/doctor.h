/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest doctor: what is looked at, what is found, and what to do about it.
 *
 * A part of the doctor (a function of the table in doctor.c) examines one thing and adds findings. It changes nothing,
 * needs no root, and says "unknown" if it cannot see something. A remedy is a command if one helps; text in " (...)"
 * after it is for people only. */
#pragma once

#include "connection.h"
#include "doctor_findings.h"

#include "host/hook_calls.h"

/**
 * NestDoctorSurvey: what one look at all domains has found.
 */
typedef struct {
    GPtrArray *problems; /* of NestReport: the domains that have one */
    guint tagged;        /* how many domains are */
    guint tagged_kvm;    /* ... and are no emulated ones */
    gboolean partial;    /* not every domain could be looked at */
    gint64
        started; /* when the youngest domain that runs was started, in ms since 1970; 0: none runs, or unknown */
    gchar *youngest; /* (nullable) its name */
} NestDoctorSurvey;

/**
 * NestDoctor: what the parts have, and where they put what they find.
 */
typedef struct {
    NestConnection *connection; /* (nullable) NULL: libvirt cannot be reached */
    const GError *unreachable;  /* ... and why; else NULL */
    NestKvmModule host;
    NestHookCalls hook;
    NestDoctorSurvey survey; /* empty where libvirt cannot be reached */
    GHashTable *units;       /* (nullable) what systemd says of units; NULL: nobody has asked */
    const char *subject;     /* of the part that looks now */
    GPtrArray *findings;     /* of NestDoctorFinding */
} NestDoctor;

/**
 * nest_doctor_add: add a finding.
 * @id: static; one thing has the same id whatever its status
 * @remedy: (nullable) a command to run, or what else to do; for WARN and FAIL never NULL
 */
void nest_doctor_add(NestDoctor *doctor, const char *id, NestDoctorStatus status,
                     const char *remedy, const char *format, ...) G_GNUC_PRINTF(5, 6);

/* --- what parts share */

/* Looks at all domains, once for all parts. */
void nest_doctor_survey(NestDoctor *doctor);

/**
 * nest_doctor_without_kvm: the severity of a host whose KVM can have no nested guests.
 * @lasting: nothing is broken: the host's CPU cannot nest
 *
 * Returns: NEST_DOCTOR_WARN if every domain could be read, and either all tagged ones are emulated, so that they nest
 * without KVM, or none is tagged and the lack is @lasting; NEST_DOCTOR_FAIL otherwise.
 */
NestDoctorStatus nest_doctor_without_kvm(const NestDoctor *doctor, gboolean lasting);

/* Whether the domains are those of the system's libvirt, which virtnestd and the units take care of. */
gboolean nest_doctor_is_system(const NestDoctor *doctor);

/**
 * nest_doctor_libvirt_restart: the commands that restart libvirt's daemon with its socket.
 *
 * They help if either unit does not run, hangs, is masked, or has failed so often that systemd does not start it any
 * more. Guests run on.
 *
 * Returns: (transfer full) commands
 */
gchar *nest_doctor_libvirt_restart(NestDoctor *doctor) G_GNUC_WARN_UNUSED_RESULT;

/* libvirt's release in its own form, 1,000,000 a major and 1,000 a minor; 0: unknown. */
unsigned long nest_doctor_libvirt_release(const NestDoctor *doctor);

/**
 * nest_doctor_ask: run a program of this host that only prints something.
 * @argv: its path on the host first, ending in NULL
 *
 * The program is ended after ten seconds, so that a hanging program does not block the doctor.
 *
 * Returns: (transfer full)(nullable) what it printed; NULL if it is not there, or its exit status was not 0.
 */
gchar *nest_doctor_ask(const char *const *argv) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_doctor_unit: what systemd says of a unit.
 * @unit: one of the table in doctor_units.c, with its suffix
 * @property: one of those that are asked for there
 *
 * Returns: "" where systemd does not run, or does not answer.
 */
const char *nest_doctor_unit(NestDoctor *doctor, const char *unit, const char *property);

/* (transfer full) "sudo systemctl unmask UNIT && "; "" where it is not masked. */
gchar *nest_doctor_unit_unmask(NestDoctor *doctor, const char *unit) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) The remedy for a @file that virtnestd reads: a person corrects the file, then virtnestd reads it
 * again, or starts. */
gchar *nest_doctor_to_correct(NestDoctor *doctor, const char *file) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) What starts virtnestd anew. */
gchar *nest_doctor_restart(NestDoctor *doctor) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_doctor_unit_command: a command of systemd's for a unit, which works for a masked unit as well.
 * @verb: "start"
 *
 * Returns: (transfer full) "sudo systemctl start UNIT"
 */
gchar *nest_doctor_unit_command(NestDoctor *doctor, const char *unit,
                                const char *verb) G_GNUC_WARN_UNUSED_RESULT;

/* If systemd runs, adds whether a unit is started at each boot. @lack: what is missing without the unit. */
void nest_doctor_add_enabled(NestDoctor *doctor, const char *id, const char *unit,
                             const char *lack);

/* When libvirt's daemon began, in milliseconds since 1970; 0: it does not run. */
gint64 nest_doctor_libvirt_began(const NestDoctor *doctor);

/**
 * nest_doctor_libvirt_label: how AppArmor or SELinux confines libvirt's daemon.
 *
 * Returns: (transfer full)(nullable) its label, as the kernel shows it; "" where there is none; NULL if the daemon does
 * not run.
 */
gchar *nest_doctor_libvirt_label(const NestDoctor *doctor) G_GNUC_WARN_UNUSED_RESULT;

/* Whether libvirt's daemon has called the hook since it began. */
gboolean nest_doctor_hook_is_called(const NestDoctor *doctor);

/* The parts, in the order of the screen. */
void nest_doctor_libvirt(NestDoctor *doctor);
void nest_doctor_hook(NestDoctor *doctor);
void nest_doctor_confined(NestDoctor *doctor);
void nest_doctor_daemon(NestDoctor *doctor);
void nest_doctor_rules(NestDoctor *doctor);
void nest_doctor_guard(NestDoctor *doctor);
void nest_doctor_shutdown(NestDoctor *doctor);
void nest_doctor_host(NestDoctor *doctor);
void nest_doctor_guest(NestDoctor *doctor);
void nest_doctor_kernel(NestDoctor *doctor);
void nest_doctor_domains(NestDoctor *doctor);
