/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at a host that is a guest itself: whether its own host gives it VMX or SVM, and whether their networks
 * clash. */
#include "doctor.h"

#include "base/root.h"

#include <string.h>

#define NETWORK "/etc/libvirt/qemu/networks/default.xml"
#define ADDRESS "192.168.122.1"
/* The same network in /proc/net/route: of little-endian hexadecimal numbers. */
#define ROUTE "\t007AA8C0\t"
#define BRIDGE "virbr"

/* Linux sets this flag for every guest. */
static gboolean
is_guest(const char *cpuinfo)
{
    return cpuinfo && strstr(cpuinfo, " hypervisor");
}

static void
look_at_feature(NestDoctor *doctor)
{
    const NestCpuVendor *vendor = doctor->host.vendor;

    if (!vendor || doctor->host.state != NEST_KVM_NO_HARDWARE)
        nest_doctor_add(doctor, "guest-feature", NEST_DOCTOR_PASS, NULL,
                        "this host is a guest, and its host gives it %s",
                        vendor ? vendor->feature : "what it needs");
    else
        nest_doctor_add(
            doctor, "guest-feature", NEST_DOCTOR_FAIL,
            "on its host: virt-nest enable DOMAIN, then shut this guest down and start it again",
            "this host is a guest, and its host gives it no %s", vendor->feature);
}

/* Whether a network card, not libvirt's own bridge, leads to the network that libvirt gives its guests. */
static gboolean
is_outer_network(const char *routes)
{
    g_auto(GStrv) lines = g_strsplit(routes, "\n", -1);

    for (gsize i = 0; lines[i]; i++)
        if (strstr(lines[i], ROUTE) && !g_str_has_prefix(lines[i], BRIDGE))
            return TRUE;
    return FALSE;
}

static void
look_at_network(NestDoctor *doctor)
{
    g_autofree gchar *path = nest_root_path(NETWORK);
    g_autofree gchar *table = nest_root_path("/proc/net/route");
    g_autofree gchar *network = NULL;
    g_autofree gchar *routes = NULL;

    if (!g_file_get_contents(path, &network, NULL, NULL) || !strstr(network, ADDRESS) ||
        !g_file_get_contents(table, &routes, NULL, NULL))
        return;
    if (is_outer_network(routes))
        nest_doctor_add(
            doctor, "guest-network", NEST_DOCTOR_WARN,
            "virsh net-edit default: give it another address, as 192.168.123.1, and range; then virsh "
            "net-destroy default, virsh net-start default",
            "libvirt's network \"default\" has the addresses of the network that this guest is in "
            "(192.168.122.0/24): guests in it have no way out");
    else
        nest_doctor_add(doctor, "guest-network", NEST_DOCTOR_PASS, NULL,
                        "libvirt's network \"default\" does not clash with this guest's own");
}

void
nest_doctor_guest(NestDoctor *doctor)
{
    g_autofree gchar *cpuinfo = nest_cpu_vendor_cpuinfo();

    if (!is_guest(cpuinfo))
        return;
    look_at_feature(doctor);
    look_at_network(doctor);
}
