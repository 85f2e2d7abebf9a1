/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at virtnestd: whether it runs, will run after the next boot, and can read its settings. */
#include "daemon.h"
#include "doctor.h"

#include "base/config.h"
#include "base/daemon_status.h"
#include "base/root.h"

#define UNITS "/etc/systemd/system"

/* The units of a host, each with what is missing without it. */
static const struct {
    const char *id;
    const char *unit;
    const char *wanted; /* the link that `systemctl enable` makes */
    const char *lack;
} units[] = {
    {"virtnestd-enabled", "virtnestd", UNITS "/multi-user.target.wants/virtnestd.service",
     "after the next boot no definition is corrected, and no guard is armed"},
    {"drain-enabled", "virt-nest-drain", UNITS "/multi-user.target.wants/virt-nest-drain.service",
     "when the host is shut down, guests with nested guests cannot be saved, and are not shut down in order"},
};

static void
look_at_process(NestDoctor *doctor)
{
    if (nest_daemon_runs())
        nest_doctor_add(doctor, "virtnestd-running", NEST_DOCTOR_PASS, NULL, "it runs");
    else
        nest_doctor_add(
            doctor, "virtnestd-running", NEST_DOCTOR_FAIL,
            nest_doctor_is_on_systemd() ? "sudo systemctl start virtnestd" : "sudo virtnestd",
            "it does not run: no definition is corrected, and no guard is armed or disarmed");
}

/* An earlier build may say nothing of itself. */
static void
look_at_release(NestDoctor *doctor)
{
    static const char remedy[] = "sudo systemctl restart virtnestd (guards stay as they are)";
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

static void
look_at_units(NestDoctor *doctor)
{
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        g_autofree gchar *path = nest_root_path(units[i].wanted);
        g_autofree gchar *remedy = g_strdup_printf("sudo systemctl enable %s", units[i].unit);

        if (g_file_test(path, G_FILE_TEST_IS_SYMLINK))
            nest_doctor_add(doctor, units[i].id, NEST_DOCTOR_PASS, NULL, "%s.service is enabled",
                            units[i].unit);
        else
            nest_doctor_add(doctor, units[i].id, NEST_DOCTOR_WARN, remedy,
                            "%s.service is not enabled: %s", units[i].unit, units[i].lack);
    }
}

static void
look_at_settings(NestDoctor *doctor)
{
    NestConfig config = NEST_CONFIG_DEFAULT;
    g_autoptr(NestDaemonStatus) status = nest_daemon_status_read();
    g_autoptr(GError) error = NULL;
    g_autoptr(GKeyFile) settings = NULL;

    if (nest_config_load(&config, &error))
        g_strfreev(nest_config_plugins(&settings, &error));
    if (!error && status && status->settings)
        nest_doctor_add(
            doctor, "settings", NEST_DOCTOR_FAIL, "sudo systemctl reload virtnestd",
            "virtnestd goes on with older settings, as it could not read those that were there: %s",
            status->settings);
    else if (error)
        nest_doctor_add(doctor, "settings", NEST_DOCTOR_FAIL,
                        "correct " NEST_CONFIG_FILE ", then sudo systemctl reload virtnestd",
                        "%s; until then the defaults hold", error->message);
    else
        nest_doctor_add(doctor, "settings", NEST_DOCTOR_PASS, NULL,
                        NEST_CONFIG_FILE " has no mistake");
}

void
nest_doctor_daemon(NestDoctor *doctor)
{
    look_at_process(doctor);
    look_at_release(doctor);
    if (nest_doctor_is_on_systemd())
        look_at_units(doctor);
    look_at_settings(doctor);
}
