/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at the kernel: the known nested escapes, and whether this kernel has them. */
#include "doctor.h"

#include "base/root.h"
#include "host/advisories.h"

#include <string.h>

/* How each distribution's kernel is brought up to date. */
static const struct {
    const char *distribution;
    const char *remedy;
} updates[] = {
    {"debian", "sudo apt update && sudo apt upgrade, then boot the new kernel"},
    {"proxmox", "sudo apt update && sudo apt full-upgrade, then boot the new kernel"},
    {"rhel", "sudo dnf upgrade kernel, then boot the new kernel"},
};

static const char *
remedy_of(const NestKernel *kernel)
{
    for (gsize i = 0; i < G_N_ELEMENTS(updates); i++)
        if (g_strcmp0(updates[i].distribution, kernel->distribution) == 0)
            return updates[i].remedy;
    return "boot the latest release of this kernel's series";
}

static void
add_advisory(NestDoctor *doctor, const NestAdvisory *advisory, const NestKernel *kernel,
             const char *patch)
{
    gboolean affected = advisory->state == NEST_ADVISORY_AFFECTED;

    if (affected && !patch)
        nest_doctor_add(doctor, "advisory",
                        doctor->host.state == NEST_KVM_ON ? NEST_DOCTOR_FAIL : NEST_DOCTOR_WARN,
                        remedy_of(kernel), "%s (%s) is not mended in %s: %s", advisory->name,
                        advisory->published, kernel->version, advisory->about);
    else if (affected)
        nest_doctor_add(
            doctor, "advisory", NEST_DOCTOR_UNKNOWN, NULL,
            "%s (%s) is not mended in %s; whether the live patch %s mends it cannot be seen",
            advisory->name, advisory->published, kernel->version, patch);
}

/* @names: of advisories, ", " before each */
static void
add_unknown(NestDoctor *doctor, const char *names, const NestKernel *kernel)
{
    if (*names)
        nest_doctor_add(
            doctor, "advisory", NEST_DOCTOR_UNKNOWN, NULL,
            "whether the kernel %s has the fixes of %s, by which a nested guest can break out, cannot be "
            "seen: " NEST_ADVISORIES_FILE " does not have this kernel; ask who makes it",
            kernel->version, names + strlen(", "));
}

static void
diagnose_advisories(NestDoctor *doctor)
{
    g_auto(NestKernel) kernel = {0};
    g_autofree gchar *patches = nest_root_path("/sys/kernel/livepatch");
    g_autoptr(GDir) directory = g_dir_open(patches, 0, NULL);
    const char *patch = directory ? g_dir_read_name(directory) : NULL; /* one in force */
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) advisories = nest_advisories_of_host(doctor->host.vendor, &kernel, &error);
    g_autoptr(GString) unknown = g_string_new(NULL);
    gboolean all_fixed = TRUE;

    if (!advisories) {
        nest_doctor_add(doctor, "advisory", NEST_DOCTOR_UNKNOWN, NULL, "%s", error->message);
        return;
    }
    for (guint i = 0; i < advisories->len; i++) {
        const NestAdvisory *advisory = g_ptr_array_index(advisories, i);

        all_fixed = all_fixed && advisory->state == NEST_ADVISORY_FIXED;
        add_advisory(doctor, advisory, &kernel, patch);
        if (advisory->state == NEST_ADVISORY_UNKNOWN)
            g_string_append_printf(unknown, ", %s", advisory->name);
    }
    add_unknown(doctor, unknown->str, &kernel);
    if (all_fixed)
        nest_doctor_add(doctor, "advisory", NEST_DOCTOR_PASS, NULL,
                        "%s has the fixes of all %u nested escapes that are known", kernel.version,
                        advisories->len);
}

void
nest_doctor_kernel(NestDoctor *doctor)
{
    if (doctor->host.state == NEST_KVM_NO_HARDWARE)
        nest_doctor_add(doctor, "advisory", NEST_DOCTOR_PASS, NULL,
                        "KVM has no nested guests here, so none can break out");
    else
        diagnose_advisories(doctor);
}
