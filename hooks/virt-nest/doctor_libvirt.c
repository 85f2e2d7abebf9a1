/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at libvirt: whether it answers, which one it is, and what it does at the host's shutdown. */
#include "doctor.h"

#include "base/systemd.h"
#include "host/libvirt_daemon.h"

#include <unistd.h>

/* In libvirt's version numbers, a major release counts this much, and a minor one MINOR. */
#define MAJOR 1000000
#define MINOR 1000
#define SYSTEM_DOCTOR "sudo virt-nest -c qemu:///system doctor"

/* The daemon's unit wants its sockets, which start before it. */
gchar *
nest_doctor_libvirt_restart(NestDoctor *doctor)
{
    const char *name = nest_libvirt_daemon_unit() ? nest_libvirt_daemon_unit() : "libvirtd";
    g_autofree gchar *service = g_strconcat(name, ".service", NULL);
    g_autofree gchar *socket = g_strconcat(name, ".socket", NULL);
    g_autofree gchar *start = nest_doctor_unit_command(doctor, service, "start");
    g_autofree gchar *unmask = nest_doctor_unit_unmask(doctor, socket);

    if (!nest_systemd_runs())
        return g_strdup_printf("sudo %s --daemon", name);
    return g_strdup_printf("sudo systemctl stop %s %s; sudo systemctl reset-failed %s %s; %s%s",
                           socket, name, socket, name, unmask, start);
}

static void
add_unreachable(NestDoctor *doctor)
{
    const char *unit = nest_libvirt_daemon_unit();
    g_autofree gchar *restart = nest_doctor_libvirt_restart(doctor);

    nest_doctor_add(
        doctor, "libvirt-reachable", NEST_DOCTOR_FAIL,
        !unit ? "install libvirt's daemon (Debian: sudo apt install libvirt-daemon-system)"
        : geteuid() != 0 ? SYSTEM_DOCTOR
                         : restart,
        "%s", doctor->unreachable->message);
}

unsigned long
nest_doctor_libvirt_release(const NestDoctor *doctor)
{
    unsigned long version = 0;

    if (doctor->connection)
        (void)virConnectGetLibVersion(doctor->connection->libvirt, &version);
    return version;
}

gboolean
nest_doctor_is_system(const NestDoctor *doctor)
{
    return !doctor->connection || !nest_virt_is_session(doctor->connection->libvirt);
}

static void
add_reachable(NestDoctor *doctor, const char *uri)
{
    unsigned long version = nest_doctor_libvirt_release(doctor);
    const char *unit = nest_libvirt_daemon_unit();

    nest_doctor_add(doctor, "libvirt-reachable", NEST_DOCTOR_PASS, NULL,
                    "%s answers (libvirt %lu.%lu.%lu%s%s)", uri, version / MAJOR,
                    version / MINOR % MINOR, version % MINOR, unit ? ", " : "", unit ? unit : "");
}

/* The host's domains belong to root. A session has domains of its own, which the host's virtnestd does not manage. */
static void
diagnose_uri(NestDoctor *doctor)
{
    if (!nest_doctor_is_system(doctor))
        nest_doctor_add(
            doctor, "libvirt-system", NEST_DOCTOR_WARN, SYSTEM_DOCTOR,
            "this is a session, with domains of its own and %s; the host's are in qemu:///system",
            nest_connection_is_watched(doctor->connection)
                ? "a virtnestd of its own"
                : "no guard (systemctl --user start virtnestd)");
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
    /* Without the socket at which libvirt takes changes, nothing can be corrected, and root has nobody else to ask. */
    if (doctor->connection->limits && geteuid() == 0) {
        g_autofree gchar *restart = nest_doctor_libvirt_restart(doctor);

        nest_doctor_add(doctor, "libvirt-reachable", NEST_DOCTOR_FAIL, restart,
                        "libvirt lets root read, but change nothing: %s",
                        doctor->connection->limits);
    } else {
        add_reachable(doctor, uri ? uri : "libvirt");
    }
    if (uri)
        diagnose_uri(doctor);
}
