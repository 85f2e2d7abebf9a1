/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at the host's shutdown: the unit that shuts down guests with nested guests, its place before
 * libvirt-guests, and what libvirt's daemon does to guests by itself. */
#include "doctor.h"

#include "base/root.h"
#include "base/systemd.h"
#include "host/reinstall.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define DRAIN "virt-nest-drain.service"
#define GUESTS "libvirt-guests.service"
#define QEMU_CONF "/etc/libvirt/qemu.conf"
#define FIRST_RELEASE 11002000 /* of libvirt that acts on guests by itself */

/* --- the unit */

static gboolean
names(const char *list, const char *unit)
{
    g_auto(GStrv) words = g_strsplit(list, " ", -1);

    return g_strv_contains((const gchar *const *)words, unit);
}

/* A unit that has not been started is not stopped either, and its stop is what drains. */
static void
diagnose_activity(NestDoctor *doctor)
{
    g_autofree gchar *remedy = nest_doctor_unit_command(doctor, DRAIN, "start");

    if (g_str_equal(nest_doctor_unit(doctor, DRAIN, "ActiveState"), "active"))
        nest_doctor_add(doctor, "drain-waits", NEST_DOCTOR_PASS, NULL,
                        DRAIN " waits for the host's shutdown");
    else
        nest_doctor_add(doctor, "drain-waits", NEST_DOCTOR_WARN, remedy,
                        DRAIN " is not started, so it does nothing when the host is shut down");
}

/* What starts later is stopped earlier (systemd.unit(5), "Before=, After="). */
static void
diagnose_order(NestDoctor *doctor)
{
    const char *file = nest_doctor_unit(doctor, DRAIN, "FragmentPath");
    gboolean revised = g_str_has_prefix(file, "/etc/") || g_str_has_prefix(file, "/run/");
    gboolean after = names(nest_doctor_unit(doctor, DRAIN, "After"), GUESTS);
    gboolean before = names(nest_doctor_unit(doctor, DRAIN, "Before"), GUESTS);
    g_autofree gchar *remedy = revised || before ? g_strdup("sudo systemctl revert virt-nest-drain")
                                                 : nest_reinstall("sudo ", NULL);

    if (after && !before)
        nest_doctor_add(doctor, "drain-order", NEST_DOCTOR_PASS, NULL,
                        "it drains before libvirt-guests saves what still runs");
    else
        nest_doctor_add(doctor, "drain-order", NEST_DOCTOR_WARN, remedy,
                        "%s does not make it drain before " GUESTS
                        ", which tries to save guests with nested guests, and kills them",
                        file);
}

static void
diagnose_drain(NestDoctor *doctor)
{
    const char *state = nest_doctor_unit(doctor, DRAIN, "LoadState");

    nest_doctor_add_enabled(
        doctor, "drain-enabled", DRAIN,
        "when the host is shut down, guests with nested guests cannot be saved, and are not shut down in order");
    if (*state && !g_str_equal(state, "not-found"))
        diagnose_activity(doctor);
    if (g_str_equal(state, "loaded"))
        diagnose_order(doctor);
}

/* --- libvirt's daemon */

/* What it does by itself. @refused: with these values it does not start; @always: harmful without libvirt-guests, too */
static const struct {
    const char *key;
    const char *const refused[3];
    gboolean always;
    const char *harm;
} actions[] = {
    {"auto_shutdown_poweroff",
     {NULL},
     TRUE,
     "libvirt powers guests off as soon as the host is to be shut down, before virt-nest drain can "
     "shut down those with nested guests in order"},
    {"auto_shutdown_try_save",
     {"all", "transient", NULL},
     FALSE,
     "libvirt saves guests by itself as the host is shut down, while " GUESTS
     " does so, too; libvirt asks that only one of them does"},
    {"auto_shutdown_try_shutdown",
     {NULL},
     FALSE,
     "libvirt shuts guests down by itself as the host is shut down, while " GUESTS
     " acts on them, too; libvirt asks that only one of them does"},
};

/* (transfer full)(nullable) The value of a key, without quotation marks. */
static gchar *
read_conf_value(char **lines, const char *key)
{
    gchar *value = NULL;

    for (gsize i = 0; lines[i]; i++) {
        const char *at = lines[i] + strspn(lines[i], " \t");
        gsize length = strlen(key);

        if (strncmp(at, key, length) != 0 || !strchr(" \t=", at[length]) || !at[length])
            continue;
        at += length;
        at += strspn(at, " \t=\"'");
        g_free(value);
        value = g_strndup(at, strcspn(at, " \t\"'#"));
    }
    return value;
}

static gboolean
add_action(NestDoctor *doctor, gsize i, const char *value)
{
    g_autofree gchar *restart = nest_doctor_libvirt_restart(doctor);
    gboolean twice =
        names("enabled enabled-runtime", nest_doctor_unit(doctor, GUESTS, "UnitFileState"));
    g_autofree gchar *remedy = g_strdup_printf("sudo sed -i 's/^[ \\t]*%s/#&/' " QEMU_CONF "; %s",
                                               actions[i].key, restart);

    if (g_strv_contains(actions[i].refused, value))
        nest_doctor_add(doctor, "auto-shutdown", NEST_DOCTOR_FAIL, remedy,
                        "%s=%s in " QEMU_CONF
                        " is a value with which libvirt's daemon does not start",
                        actions[i].key, value);
    else if (actions[i].always || twice)
        nest_doctor_add(doctor, "auto-shutdown", NEST_DOCTOR_WARN, remedy,
                        "%s=%s in " QEMU_CONF ": %s", actions[i].key, value, actions[i].harm);
    else
        return FALSE;
    return TRUE;
}

static void
judge_actions(NestDoctor *doctor, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gboolean any = FALSE;
    gboolean bad = FALSE;

    for (gsize i = 0; i < G_N_ELEMENTS(actions); i++) {
        g_autofree gchar *value = read_conf_value(lines, actions[i].key);
        gboolean acts = value && !g_str_equal(value, "none");

        any |= acts;
        bad |= acts && add_action(doctor, i, value);
    }
    if (!bad)
        nest_doctor_add(
            doctor, "auto-shutdown", NEST_DOCTOR_PASS, NULL,
            any ? "libvirt acts on guests by itself at the host's shutdown; those with nested "
                  "guests it cannot save, and virt-nest drain shuts them down"
                : "libvirt's daemon leaves guests alone when the host is shut down");
}

static void
diagnose_actions(NestDoctor *doctor)
{
    unsigned long release = nest_doctor_libvirt_release(doctor);
    g_autofree gchar *path = nest_root_path(QEMU_CONF);
    g_autofree gchar *text = NULL;

    if (release && release < FIRST_RELEASE)
        nest_doctor_add(
            doctor, "auto-shutdown", NEST_DOCTOR_PASS, NULL,
            "this release of libvirt does nothing to guests by itself when the host is shut down");
    else if (g_file_get_contents(path, &text, NULL, NULL))
        judge_actions(doctor, text);
    else if (g_access(path, R_OK) < 0 && errno == EACCES)
        nest_doctor_add(doctor, "auto-shutdown", NEST_DOCTOR_UNKNOWN, NULL,
                        "only root may read " QEMU_CONF);
    else
        judge_actions(doctor, "");
}

void
nest_doctor_shutdown(NestDoctor *doctor)
{
    if (!nest_doctor_is_system(doctor))
        return;
    if (nest_systemd_runs())
        diagnose_drain(doctor);
    diagnose_actions(doctor);
}
