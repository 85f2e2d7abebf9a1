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

#define MAKER "/sys/class/dmi/id/sys_vendor"

/* How the hosts of guests give VMX or SVM; the first where it is not known whose guest this is. */
static const struct {
    const char *name; /* as the guest's firmware has it */
    const char *what;
} makers[] = {
    {"QEMU", "virt-nest enable DOMAIN"},
    {"VMware", "set vhv.enable = \"TRUE\" in this guest's .vmx"},
    {"Microsoft", "Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"},
    {"innotek", "VBoxManage modifyvm NAME --nested-hw-virt on"},
    {"Google", "set enableNestedVirtualization of this instance"},
};

/* (transfer full) What to do on the host of this guest, by what made the guest. */
static gchar *
to_give_feature(void)
{
    g_autofree gchar *path = nest_root_path(MAKER);
    g_autofree gchar *maker = NULL;
    const char *what = makers[0].what;

    if (g_file_get_contents(path, &maker, NULL, NULL))
        for (gsize i = 0; i < G_N_ELEMENTS(makers); i++)
            what = g_str_has_prefix(maker, makers[i].name) ? makers[i].what : what;
    return g_strdup_printf("on its host: %s, then shut this guest down and start it again", what);
}

/* The CPU that its host gives it may have the feature, and this guest itself hides it: nesting-now says what to do. */
static void
diagnose_feature(NestDoctor *doctor)
{
    const NestKvmModule *host = &doctor->host;
    const char *feature = host->vendor ? host->vendor->feature : "what it needs";
    g_autofree gchar *remedy = to_give_feature();

    if (host->vendor && host->state == NEST_KVM_NO_HARDWARE && (host->cleared || host->locked))
        nest_doctor_add(doctor, "guest-feature", NEST_DOCTOR_PASS, NULL,
                        "this host is a guest, and its host gives it %s; %s hides it", feature,
                        host->cleared ? "a kernel argument here" : "the firmware here");
    else if (host->vendor && host->state == NEST_KVM_NO_HARDWARE)
        nest_doctor_add(doctor, "guest-feature", nest_doctor_without_kvm(doctor, TRUE), remedy,
                        "this host is a guest, and its host gives it no %s", feature);
    else
        nest_doctor_add(doctor, "guest-feature", NEST_DOCTOR_PASS, NULL,
                        "this host is a guest, and its host gives it %s", feature);
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
diagnose_network(NestDoctor *doctor)
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
            "sudo virsh net-dumpxml --inactive default | sed 's/192\\.168\\.122\\./192.168.123./g' | "
            "sudo virsh net-define /dev/stdin (then virsh net-destroy default, virsh net-start default)",
            "libvirt's network \"default\" has the addresses of the network that this guest is in "
            "(192.168.122.0/24): guests in it have no way out");
    else
        nest_doctor_add(
            doctor, "guest-network", NEST_DOCTOR_PASS, NULL,
            "libvirt's network \"default\" does not clash with the one that this host is in");
}

void
nest_doctor_guest(NestDoctor *doctor)
{
    g_autofree gchar *cpuinfo = nest_cpu_vendor_cpuinfo();

    if (!cpuinfo || !strstr(cpuinfo, " hypervisor")) /* Linux sets this flag for every guest */
        return;
    diagnose_feature(doctor);
    diagnose_network(doctor);
}
