/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's questions to other programs of this host: to systemd about units, once for all parts, and to others. */
#include "doctor.h"

#include "base/root.h"
#include "base/systemd.h"
#include "host/reinstall.h"

#include <string.h>

#define SYSTEMCTL "/usr/bin/systemctl"
#define PROPERTIES                                                                                 \
    "Id,LoadState,ActiveState,UnitFileState,StateChangeTimestampMonotonic,"                        \
    "FragmentPath,After,Before"

/* All units that a part asks about. */
static const char *const units[] = {
    "virtnestd.service", "virt-nest-drain.service", "libvirt-guests.service", "libvirtd.service",
    "libvirtd.socket",   "virtqemud.service",       "virtqemud.socket",
};

gchar *
nest_doctor_ask(const char *const *argv)
{
    g_autofree gchar *path = nest_root_path(argv[0]);
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    gchar *out = NULL;
    gint status = 0;

    if (!g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
        return NULL;
    g_ptr_array_add(all, (gpointer) "timeout");
    g_ptr_array_add(all, (gpointer) "10");
    g_ptr_array_add(all, path);
    for (gsize i = 1; argv[i]; i++)
        g_ptr_array_add(all, (gpointer)argv[i]);
    g_ptr_array_add(all, NULL);
    if (!g_spawn_sync(NULL, (gchar **)all->pdata, NULL,
                      G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &out, NULL,
                      &status, NULL))
        return NULL;
    if (status != 0)
        g_clear_pointer(&out, g_free);
    return out;
}

/* @block: the lines of one unit; each of its properties becomes "UNIT PROPERTY" in @table. */
static void
read_block(GHashTable *table, const char *block)
{
    g_auto(GStrv) lines = g_strsplit(block, "\n", -1);
    const char *id = NULL;

    for (gsize i = 0; lines[i] && !id; i++)
        id = g_str_has_prefix(lines[i], "Id=") ? lines[i] + strlen("Id=") : NULL;
    for (gsize i = 0; id && lines[i]; i++) {
        char *value = strchr(lines[i], '=');

        if (!value)
            continue;
        *value++ = '\0';
        g_hash_table_insert(table, g_strdup_printf("%s %s", id, lines[i]), g_strdup(value));
    }
}

static GHashTable *
ask_systemd(void)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    const char *argv[G_N_ELEMENTS(units) + 4] = {SYSTEMCTL, "show", "--property=" PROPERTIES};
    g_autofree gchar *answer = NULL;
    g_auto(GStrv) blocks = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
        argv[3 + i] = units[i];
    answer = nest_systemd_runs() ? nest_doctor_ask(argv) : NULL;
    blocks = g_strsplit(answer ? answer : "", "\n\n", -1);
    for (gsize i = 0; blocks[i]; i++)
        read_block(table, blocks[i]);
    return table;
}

const char *
nest_doctor_unit(NestDoctor *doctor, const char *unit, const char *property)
{
    g_autofree gchar *key = g_strdup_printf("%s %s", unit, property);
    const char *value = NULL;

    if (!doctor->units)
        doctor->units = ask_systemd();
    value = g_hash_table_lookup(doctor->units, key);
    return value ? value : "";
}

/* (transfer full) The unit as systemctl takes it. */
static gchar *
short_name(const char *unit)
{
    const char *end = g_str_has_suffix(unit, ".service") ? strrchr(unit, '.') : NULL;

    return end ? g_strndup(unit, (gsize)(end - unit)) : g_strdup(unit);
}

gchar *
nest_doctor_unit_unmask(NestDoctor *doctor, const char *unit)
{
    const char *state = nest_doctor_unit(doctor, unit, "UnitFileState");
    g_autofree gchar *name = short_name(unit);

    if (!g_str_has_prefix(state, "masked"))
        return g_strdup("");
    return g_strdup_printf("sudo systemctl unmask%s %s && ",
                           g_str_equal(state, "masked-runtime") ? " --runtime" : "", name);
}

gchar *
nest_doctor_unit_command(NestDoctor *doctor, const char *unit, const char *verb)
{
    g_autofree gchar *unmask = nest_doctor_unit_unmask(doctor, unit);
    g_autofree gchar *name = short_name(unit);

    return g_strdup_printf("%ssudo systemctl %s %s", unmask, verb, name);
}

void
nest_doctor_add_enabled(NestDoctor *doctor, const char *id, const char *unit, const char *lack)
{
    const char *state = nest_doctor_unit(doctor, unit, "UnitFileState");
    g_autofree gchar *enable = NULL;
    g_autofree gchar *remedy = NULL;

    if (!nest_systemd_runs())
        return;
    if (!*nest_doctor_unit(doctor, unit, "LoadState")) {
        nest_doctor_add(doctor, id, NEST_DOCTOR_UNKNOWN, NULL,
                        "systemd does not answer (systemctl show %s)", unit);
        return;
    }
    enable = nest_doctor_unit_command(doctor, unit, "enable");
    /* Where the unit is not there at all, no command of systemd's helps. */
    remedy = g_str_equal(nest_doctor_unit(doctor, unit, "LoadState"), "not-found")
                 ? nest_reinstall("sudo ", enable)
                 : g_steal_pointer(&enable);
    if (g_str_equal(state, "enabled"))
        nest_doctor_add(doctor, id, NEST_DOCTOR_PASS, NULL, "%s is enabled", unit);
    else
        nest_doctor_add(doctor, id, NEST_DOCTOR_WARN, remedy, "%s is %s: %s", unit,
                        !*state                                 ? "not installed"
                        : g_str_equal(state, "disabled")        ? "not enabled"
                        : g_str_equal(state, "enabled-runtime") ? "enabled until the next boot only"
                                                                : state,
                        lack);
}
