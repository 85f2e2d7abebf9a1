/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at libvirt: whether it answers, which one it is, and what it does at the host's shutdown. */
#include "doctor.h"

#include "host/libvirt_daemon.h"

#include <unistd.h>

const char *
nest_doctor_libvirt_unit(void)
{
    return nest_libvirt_daemon_unit();
}

static void
add_unreachable(NestDoctor *doctor)
{
    const char *unit = nest_doctor_libvirt_unit();
    g_autofree gchar *start = g_strdup_printf("sudo systemctl start %s.socket", unit);

    nest_doctor_add(
        doctor, "libvirt-reachable", NEST_DOCTOR_FAIL,
        !unit ? "install libvirt's daemon (Debian: sudo apt install libvirt-daemon-system)"
        : geteuid() != 0 ? "sudo virt-nest doctor"
                         : start,
        "%s", doctor->unreachable->message);
}

/* libvirt's numbers are 1,000,000 a major, and 1,000 a minor release. */
static gchar *
version_text(unsigned long version)
{
    return g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
}

static void
add_reachable(NestDoctor *doctor, const char *uri)
{
    unsigned long version = 0;
    g_autofree gchar *text = NULL;
    const char *unit = nest_doctor_libvirt_unit();

    (void)virConnectGetLibVersion(doctor->connection->libvirt, &version);
    text = version_text(version);
    nest_doctor_add(doctor, "libvirt-reachable", NEST_DOCTOR_PASS, NULL,
                    "%s answers (libvirt %s%s%s)", uri, text, unit ? ", " : "", unit ? unit : "");
}

/* Domains of the host are root's; a session has others, and virtnestd does not look at it. */
static void
look_at_uri(NestDoctor *doctor, const char *uri)
{
    if (g_str_has_suffix(uri, "/session"))
        nest_doctor_add(
            doctor, "libvirt-system", NEST_DOCTOR_WARN, "sudo virt-nest doctor",
            "this is a session, with domains of its own and no guard; the host's are in qemu:///system");
    else
        nest_doctor_add(doctor, "libvirt-system", NEST_DOCTOR_PASS, NULL,
                        "these are the host's domains");
}

void
nest_doctor_libvirt(NestDoctor *doctor)
{
    g_autofree gchar *uri =
        doctor->connection ? virConnectGetURI(doctor->connection->libvirt) : NULL;

    if (!doctor->connection) {
        add_unreachable(doctor);
        return;
    }
    add_reachable(doctor, uri ? uri : "libvirt");
    if (uri)
        look_at_uri(doctor, uri);
}
