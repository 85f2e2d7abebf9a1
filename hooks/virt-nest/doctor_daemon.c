/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at virtnestd: whether it runs, will run after the next boot, and can read its settings. */
#include "daemon.h"
#include "doctor.h"

#include "base/config.h"
#include "base/daemon_status.h"
#include "base/root.h"
#include "base/systemd.h"

#define UNIT "virtnestd.service"

gchar *
nest_doctor_restart(NestDoctor *doctor)
{
    if (nest_systemd_runs())
        return nest_doctor_unit_command(doctor, UNIT, "restart");
    return g_strdup(nest_daemon_runs() ? "end virtnestd, then sudo virtnestd" : "sudo virtnestd");
}

static void
diagnose_process(NestDoctor *doctor)
{
    g_autofree gchar *start = nest_systemd_runs() ? nest_doctor_unit_command(doctor, UNIT, "start")
                                                  : g_strdup("sudo virtnestd");

    if (nest_daemon_runs())
        nest_doctor_add(doctor, "virtnestd-running", NEST_DOCTOR_PASS, NULL, "it runs");
    else
        nest_doctor_add(
            doctor, "virtnestd-running", NEST_DOCTOR_FAIL, start,
            "it does not run: no definition is corrected, and no guard is armed or disarmed");
}

/* An earlier build may say nothing of itself. */
static void
diagnose_release(NestDoctor *doctor)
{
    g_autofree gchar *restart = nest_doctor_restart(doctor);
    g_autofree gchar *remedy = g_strdup_printf("%s (guards stay as they are)", restart);
    g_autoptr(NestDaemonStatus) status = nest_daemon_status_read();

    if (!nest_daemon_runs())
        return;
    if (!status)
        nest_doctor_add(doctor, "virtnestd-release", NEST_DOCTOR_FAIL, remedy,
                        "it is of an earlier release than this virt-nest (" NEST_VERSION ")");
    else if (!g_str_equal(status->version, NEST_VERSION))
        nest_doctor_add(doctor, "virtnestd-release", NEST_DOCTOR_FAIL, remedy,
                        "it is of release %s, and this virt-nest of " NEST_VERSION,
                        status->version);
    else
        nest_doctor_add(doctor, "virtnestd-release", NEST_DOCTOR_PASS, NULL,
                        "it is of this release, " NEST_VERSION);
}

gchar *
nest_doctor_to_correct(NestDoctor *doctor, const char *file)
{
    g_autofree gchar *command =
        nest_doctor_unit_command(doctor, UNIT, nest_daemon_runs() ? "reload" : "start");

    return g_strdup_printf("correct %s, then %s", file, command);
}

static void
add_mistaken_settings(NestDoctor *doctor, const GError *error)
{
    g_autofree gchar *remedy = nest_doctor_to_correct(doctor, NEST_CONFIG_FILE);

    nest_doctor_add(doctor, "settings", NEST_DOCTOR_FAIL, remedy,
                    "%s; no virtnestd starts with these settings%s", error->message,
                    nest_daemon_runs() ? ", and the one that runs goes on with those that it had"
                                       : "");
}

/* What virtnestd has reported about its settings also serves users who may not read them. */
static void
diagnose_daemon_settings(NestDoctor *doctor)
{
    g_autoptr(NestDaemonStatus) status = nest_daemon_status_read();
    g_autoptr(GError) error = NULL;
    NestDaemonSettings settings = nest_daemon_settings(&error);

    if (settings == NEST_DAEMON_SETTINGS_MISTAKEN)
        add_mistaken_settings(doctor, error);
    else if (status && status->settings)
        nest_doctor_add(
            doctor, "settings", NEST_DOCTOR_FAIL, "sudo systemctl reload virtnestd",
            "virtnestd goes on with older settings, because it could not read the present ones: %s",
            status->settings);
    else if (settings == NEST_DAEMON_SETTINGS_HIDDEN)
        nest_doctor_add(doctor, "settings", NEST_DOCTOR_UNKNOWN, NULL,
                        "only root may read " NEST_CONFIG_FILE);
    else
        nest_doctor_add(doctor, "settings", NEST_DOCTOR_PASS, NULL,
                        NEST_CONFIG_FILE " has no mistake");
}

void
nest_doctor_daemon(NestDoctor *doctor)
{
    diagnose_process(doctor);
    diagnose_release(doctor);
    nest_doctor_add_enabled(
        doctor, "virtnestd-enabled", UNIT,
        "after the next boot no definition is corrected, and no guard is armed");
    diagnose_daemon_settings(doctor);
}
