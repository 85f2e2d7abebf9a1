/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A probe of the program's own, which tells of a guest's next entry into an L2. */
#include "entry_probe.h"

#include "virt.h"

#include <gmodule.h>
#include <poll.h>

void
entry_probe_load(EntryProbe *probe, const char *path)
{
    g_autoptr(GKeyFile) settings = g_key_file_new();
    g_autoptr(GError) error = NULL;
    GModule *module = g_module_open(path, G_MODULE_BIND_LOCAL);
    gpointer symbol = NULL;

    if (!module || !g_module_symbol(module, NEST_PLUGIN_SYMBOL, &symbol))
        bench_die("cannot load %s: %s", path, g_module_error());
    probe->plugin = symbol;
    if (!probe->plugin->start(settings, &probe->state, &error))
        bench_die("%s: %s", path, error->message);
}

void
entry_probe_watch(const EntryProbe *probe, virDomainPtr domain)
{
    g_autofree gchar *path = g_strdup_printf("/run/libvirt/qemu/%s.pid", virDomainGetName(domain));
    g_autofree gchar *pid = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN];
    g_autoptr(GError) error = NULL;
    NestGuest guest = {.name = virDomainGetName(domain), .uuid = uuid, .kvm = TRUE};

    if (virDomainGetUUIDString(domain, uuid) < 0 || !g_file_get_contents(path, &pid, NULL, NULL))
        bench_die("cannot read %s", path);
    guest.pid = g_ascii_strtoll(pid, NULL, 10);
    if (!probe->plugin->watch(probe->state, &guest, &error))
        bench_die("cannot watch %s: %s", guest.name, error->message);
}

gint64
entry_probe_wait(const EntryProbe *probe, gint64 ms)
{
    struct pollfd told = {.fd = probe->plugin->get_fd(probe->state), .events = POLLIN};
    gint64 entered = 0;

    (void)poll(&told, 1, (int)ms);
    return probe->plugin->next_entered(probe->state, &entered) ? entered * 1000 : 0;
}

void
entry_probe_unload(EntryProbe *probe)
{
    probe->plugin->stop(probe->state);
}
