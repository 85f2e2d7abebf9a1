/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guard-blocker alone: loads the plugin as virtnestd does, and calls it for one domain.
 *
 *   blocker PLUGIN.so arm|disarm|armed DOMAIN [KEY=VALUE...]   settings of its group
 *
 * Prints what came out of it; 1 and the error where it failed. $BLOCKER_ID is the id of a run that has ended. */
#include "base/error.h"
#include "nest-plugin.h"

#include <gmodule.h>
#include <libvirt/virterror.h>
#include <stdio.h>

static gboolean
run_arm(const NestPlugin *plugin, gpointer state, const NestGuest *guest, virDomainPtr domain,
        GError **error)
{
    g_autofree gchar *aborted = NULL;

    if (!plugin->arm(state, guest, domain, &aborted, error))
        return FALSE;
    printf(aborted ? "armed, aborted: %s\n" : "armed\n", aborted);
    return TRUE;
}

static gboolean
run_disarm(const NestPlugin *plugin, gpointer state, const NestGuest *guest, virDomainPtr domain,
           GError **error)
{
    return plugin->disarm(state, guest, domain, error) && puts("disarmed") >= 0;
}

static gboolean
run_armed(const NestPlugin *plugin, gpointer state, const NestGuest *guest, virDomainPtr domain,
          GError **error)
{
    gboolean armed = FALSE;

    return plugin->is_armed(state, guest, domain, &armed, error) && puts(armed ? "yes" : "no") >= 0;
}

static const struct {
    const char *name;
    gboolean (*run)(const NestPlugin *plugin, gpointer state, const NestGuest *guest,
                    virDomainPtr domain, GError **error);
} actions[] = {{"arm", run_arm}, {"disarm", run_disarm}, {"armed", run_armed}};

/* Of its QEMU; 0: unknown. */
static gint64
read_pid(const char *name)
{
    g_autofree gchar *path = g_strdup_printf("/run/libvirt/qemu/%s.pid", name);
    g_autofree gchar *pid = NULL;

    return g_file_get_contents(path, &pid, NULL, NULL) ? g_ascii_strtoll(pid, NULL, 10) : 0;
}

static gboolean
run(const char *action, const NestPlugin *plugin, gpointer state, virDomainPtr domain, GError **error)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    NestGuest guest = {.name = virDomainGetName(domain), .uuid = uuid, .feature = "svm"};

    guest.id = (int)(g_getenv("BLOCKER_ID") ? g_ascii_strtoll(g_getenv("BLOCKER_ID"), NULL, 10)
                                           : virDomainGetID(domain));
    guest.pid = read_pid(guest.name);
    virDomainGetUUIDString(domain, uuid);
    for (gsize i = 0; i < G_N_ELEMENTS(actions); i++)
        if (g_str_equal(actions[i].name, action))
            return actions[i].run(plugin, state, &guest, domain, error);
    g_error("no such action: %s", action);
}

static const NestPlugin *
load(const char *file)
{
    GModule *module = g_module_open(file, G_MODULE_BIND_LOCAL);
    gpointer symbol = NULL;

    if (!module || !g_module_symbol(module, NEST_PLUGIN_SYMBOL, &symbol))
        g_error("%s", g_module_error());
    return symbol;
}

static virDomainPtr
find_domain(const char *name)
{
    virConnectPtr connection = virConnectOpen("qemu:///system");
    virDomainPtr domain = connection ? virDomainLookupByName(connection, name) : NULL;

    if (!domain)
        g_error("%s: %s", name, virGetLastErrorMessage());
    return domain;
}

static void
be_silent(void *context, virErrorPtr error)
{
    (void)context, (void)error;
}

int
main(int argc, char **argv)
{
    const NestPlugin *plugin = argc > 3 ? load(argv[1]) : NULL;
    g_autoptr(GKeyFile) settings = g_key_file_new();
    g_autoptr(GError) error = NULL;
    gpointer state = NULL;
    gboolean done = FALSE;

    if (!plugin)
        return 2;
    virSetErrorFunc(NULL, be_silent);
    for (int i = 4; i < argc; i++) {
        g_auto(GStrv) pair = g_strsplit(argv[i], "=", 2);

        g_key_file_set_value(settings, plugin->name, pair[0], pair[1]);
    }
    if (plugin->start(settings, &state, &error)) {
        virDomainPtr domain = find_domain(argv[3]);
        virConnectPtr connection = virDomainGetConnect(domain);

        done = run(argv[2], plugin, state, domain, &error);
        virDomainFree(domain);
        virConnectClose(connection);
        plugin->stop(state);
    }
    if (!done) {
        g_autofree gchar *text = nest_error_text(error);

        (void)fprintf(stderr, "%s\n", text);
    }
    return done ? 0 : 1;
}
