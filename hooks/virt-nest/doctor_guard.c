/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at what the guard needs: its plugin, and a QEMU with a block format that cannot be migrated. */
#include "doctor.h"

#include "blocker-image.h"

#include "base/config.h"
#include "base/root.h"
#include "host/reinstall.h"
#include "daemon.h"

#include <string.h>

#define PLUGIN "guard-blocker"
#define PLUGIN_FILE NEST_PLUGINDIR "/" PLUGIN ".so"
#define KEY "formats"
#define READ_ONLY                                                                                  \
    "(read-only):" /* stands before the formats that QEMU opens read-only, as the guard opens them */

/* Where the QEMU of this host's kind of guests is: Debian, Fedora; RHEL; Arch, older ones; NixOS. */
static const char *const emulators[] = {"/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm",
                                        "/usr/bin/qemu-kvm",
                                        "/run/libvirt/nix-emulators/qemu-system-x86_64"};

/* What the settings say. */
typedef struct {
    gboolean known;  /* they could be read */
    gboolean loaded; /* the plugin is among those to be loaded */
    gchar *formats;  /* (nullable) the formats to be tried; NULL: all */
} Settings;

static void
settings_clear(Settings *settings)
{
    g_free(settings->formats);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Settings, settings_clear)

static Settings
read_settings(void)
{
    g_autoptr(GKeyFile) file = NULL;
    g_auto(GStrv) names = NULL;
    Settings settings = {0};

    if (nest_daemon_settings(NULL) != NEST_DAEMON_SETTINGS_GOOD)
        return settings;
    names = nest_config_plugins(&file, NULL);
    if (!names)
        return settings;
    settings.known = TRUE;
    settings.loaded = g_strv_contains((const gchar *const *)names, PLUGIN);
    settings.formats = g_key_file_get_value(file, PLUGIN, KEY, NULL);
    return settings;
}

/* (transfer full) What takes a key out of the settings, so that its default holds. */
static gchar *
to_remove(const char *key, const char *restart)
{
    return g_strdup_printf("sudo sed -i '/^ *%s *=/d' " NEST_CONFIG_FILE
                           " && %s (guards stay as they are)",
                           key, restart);
}

static void
diagnose_plugin(NestDoctor *doctor, const Settings *settings)
{
    g_autofree gchar *path = nest_root_path(PLUGIN_FILE);
    g_autofree gchar *restart = nest_doctor_restart(doctor);
    g_autofree gchar *install = nest_reinstall("sudo ", restart);
    g_autofree gchar *remove = to_remove("load", restart);

    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
        nest_doctor_add(doctor, "guard-plugin", NEST_DOCTOR_FAIL, install,
                        PLUGIN_FILE " is not there: no guard is ever armed");
    else if (settings->known && !settings->loaded)
        nest_doctor_add(doctor, "guard-plugin", NEST_DOCTOR_WARN, remove,
                        "[plugins] load= in " NEST_CONFIG_FILE " leaves out " PLUGIN
                        ": no guard is ever armed");
    else
        nest_doctor_add(doctor, "guard-plugin", NEST_DOCTOR_PASS, NULL, "its plugin is there");
}

/* @list: words, each ended by a blank, a comma or the line. */
static gboolean
has_word(const char *list, const char *word)
{
    g_auto(GStrv) words = g_strsplit_set(list, ", \t\n", -1);

    return g_strv_contains((const gchar *const *)words, word);
}

/* (transfer full) The formats with which the guard can arm in a QEMU; "" if there is none. @formats: (nullable) only
 * these count */
static gchar *
usable_formats(const char *answer, const char *formats)
{
    const char *list = strstr(answer, READ_ONLY);
    GString *usable = g_string_new(NULL);
    const NestBlockerFormat *format = NULL;

    for (guint i = 0; (format = nest_blocker_format_get(i)); i++) {
        const char *name = nest_blocker_format_name(format);

        if (has_word(list ? list : answer, name) && (!formats || has_word(formats, name)))
            g_string_append_printf(usable, "%s%s", usable->len ? ", " : "", name);
    }
    return g_string_free(usable, FALSE);
}

static void
judge_formats(NestDoctor *doctor, const char *emulator, const char *answer,
              const Settings *settings)
{
    g_autofree gchar *all = usable_formats(answer, NULL);
    g_autofree gchar *usable = usable_formats(answer, settings->formats);
    g_autofree gchar *restart = nest_doctor_restart(doctor);
    g_autofree gchar *remove = to_remove(KEY, restart);

    if (*usable)
        nest_doctor_add(
            doctor, "guard-formats", NEST_DOCTOR_PASS, NULL,
            "%s has a format for the guard: %s (man virt-nest-nested-guests-running shows its refusal)",
            emulator, usable);
    else if (*all)
        nest_doctor_add(doctor, "guard-formats", NEST_DOCTOR_FAIL, remove,
                        "%s has none of the formats that [" PLUGIN "] " KEY
                        "=%s names, so no guard can be armed; it has %s",
                        emulator, settings->formats, all);
    else
        nest_doctor_add(
            doctor, "guard-formats", NEST_DOCTOR_FAIL,
            "install a QEMU whose build has vdi, vpc, vmdk, parallels or qcow",
            "%s has no block format with which a guard can be armed: migration and save "
            "are not refused while nested guests run",
            emulator);
}

/* QEMU lists its formats and ends without creating a machine; the list has only the formats that its build allows. */
static gboolean
diagnose_emulator(NestDoctor *doctor, const char *emulator, const Settings *settings)
{
    const char *const argv[] = {emulator, "-drive", "format=help", NULL};
    g_autofree gchar *path = nest_root_path(emulator);
    g_autofree gchar *answer = NULL;
    g_autofree gchar *remedy = g_strdup_printf("%s --version (says what is wrong)", emulator);

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return FALSE;
    answer = nest_doctor_ask(argv);
    if (answer)
        judge_formats(doctor, emulator, answer, settings);
    else
        nest_doctor_add(doctor, "guard-formats", NEST_DOCTOR_FAIL, remedy,
                        "%s does not tell which block formats it has: it cannot be run", emulator);
    return TRUE;
}

void
nest_doctor_guard(NestDoctor *doctor)
{
    g_auto(Settings) settings = read_settings();
    gboolean any = FALSE;

    diagnose_plugin(doctor, &settings);
    for (gsize i = 0; i < G_N_ELEMENTS(emulators) && !any; i++)
        any = diagnose_emulator(doctor, emulators[i], &settings);
    if (!any)
        nest_doctor_add(
            doctor, "guard-formats", NEST_DOCTOR_FAIL,
            "install QEMU (Debian: sudo apt install qemu-system-x86; Fedora, RHEL: sudo dnf "
            "install qemu-kvm)",
            "there is no QEMU for x86 guests, neither %s nor %s", emulators[0], emulators[1]);
}
