/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd: follows libvirt's events and acts where no hook can: see virtnestd(8).
 *
 * This file has the process, its signals and its settings. event_connection.c receives libvirt's events, and
 * connection_pool.c has the connections for calls. scan.c and domains.c decide which domains are synced. The parts
 * of a sync are in correct.c (with define_tracker.c) and live_domain.c of common/virt, and in publish.c and
 * restart.c. host.c takes care of the host's KVM module. guard.c watches running domains, each as a monitored
 * domain (monitored_domain.c). guard_job.c does the guard's work on a worker, through the plugins that
 * plugins/plugin_host.c has loaded. late_snapshots.c names the snapshots that were made before the guard was armed.
 * inhibit.c delays the host's shutdown, and release.c disarms all domains. */
#include "base/config.h"
#include "base/error.h"
#include "base/liveness.h"
#include "base/log.h"
#include "base/notify.h"
#include "domain/xml.h"
#include "virtnestd/domains.h"
#include "virtnestd/inhibit.h"
#include "virtnestd/event_connection.h"
#include "virtnestd/release.h"

#include <glib-unix.h>
#include <locale.h>

/* How long SIGTERM waits for calls to libvirt that are under way. */
#define STOP_SECONDS 5
#define STOP_POLL_MS 20

/* The plugin without which no domain was ever armed. */
#define BLOCKER "guard-blocker"

/* The exit status of --release where another virtnestd runs, for make uninstall. */
#define STATUS_RUNS 3

/* The whole daemon. */
typedef struct {
    NestConfig config;               /* the settings in force */
    NestHost *host;                  /* takes care of its KVM module */
    NestPluginHost *plugins;         /* probes, guards and exports */
    NestGuardManager *manager;       /* uses the plugins */
    NestInhibit *inhibit;            /* delays the host's shutdown */
    NestDomains *domains;            /* which domains are to be synced */
    NestEventConnection *connection; /* the connection to libvirt */
    GMainLoop *loop;                 /* runs until SIGTERM */
    gboolean idle;                   /* stopped, and no call to libvirt is under way */
} Daemon;

static void
on_connected(gpointer data, virConnectPtr control, virConnectPtr work)
{
    Daemon *daemon = data;

    nest_notify("STATUS=Connected to libvirt");
    nest_domains_attach(daemon->domains, control, work);
}

static void
on_lost(gpointer data)
{
    Daemon *daemon = data;

    nest_notify("STATUS=Waiting for libvirt");
    nest_domains_detach(daemon->domains);
}

static void
on_domain_lifecycle(gpointer data, virDomainPtr domain, int event, int detail)
{
    nest_domains_lifecycle(((Daemon *)data)->domains, domain, event, detail);
}

static void
on_domain_metadata(gpointer data, virDomainPtr domain, const char *uri)
{
    nest_domains_metadata(((Daemon *)data)->domains, domain, uri);
}

static void
on_job_transferring(gpointer data, virDomainPtr domain)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);

    nest_guard_manager_job_transferring(((Daemon *)data)->manager, uuid);
}

static void
on_job_ended(gpointer data, virDomainPtr domain)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);

    nest_guard_manager_job_ended(((Daemon *)data)->manager, uuid);
}

static const NestEventListener listener = {
    .connected = on_connected,
    .lost = on_lost,
    .lifecycle = on_domain_lifecycle,
    .metadata = on_domain_metadata,
    .job_transferring = on_job_transferring,
    .job_ended = on_job_ended,
};

static void
on_guard_changed(gpointer data, const char *uuid)
{
    nest_domains_sync(((Daemon *)data)->domains, uuid);
}

static void
on_guard_armed(gpointer data, gboolean any)
{
    nest_inhibit_hold(((Daemon *)data)->inhibit, any);
}

static const NestGuardListener guard_listener = {on_guard_changed, on_guard_armed};

/* Scans all domains again, because the effect of a tag with required='no' depends on the host. */
static void
on_host_ready(gpointer data)
{
    nest_domains_scan(((Daemon *)data)->domains);
}

static gboolean
load_settings(Daemon *daemon, GError **error)
{
    if (!nest_config_load(&daemon->config, error))
        return FALSE;
    if (daemon->config.renamed)
        nest_log(G_LOG_LEVEL_WARNING, NULL, NULL,
                 NEST_CONFIG_FILE ": %s: change it, as the next release does not take it any more",
                 daemon->config.renamed);
    return TRUE;
}

/* SIGHUP: if the settings cannot be read, those in force stay as they are. */
static gboolean
reload_settings(gpointer data)
{
    Daemon *daemon = data;
    g_autoptr(GError) error = NULL;

    nest_notify("RELOADING=1");
    if (load_settings(daemon, &error))
        nest_log(G_LOG_LEVEL_INFO, NULL, NULL, "settings read again; looking at every domain");
    else
        nest_log_error(NULL, NULL, error);
    nest_domains_scan(daemon->domains);
    nest_notify("READY=1");
    return G_SOURCE_CONTINUE;
}

static gboolean
quit(gpointer data)
{
    g_main_loop_quit(((Daemon *)data)->loop);
    return G_SOURCE_REMOVE;
}

/* Also waits for a guard that is just being armed or disarmed. */
static gboolean
quit_idle(gpointer data)
{
    Daemon *daemon = data;

    daemon->idle = !nest_guard_manager_is_busy(daemon->manager);
    if (daemon->idle)
        return quit(data);
    g_timeout_add(STOP_POLL_MS, quit_idle, daemon);
    return G_SOURCE_REMOVE;
}

static gboolean
stop(gpointer data)
{
    Daemon *daemon = data;

    nest_notify("STOPPING=1");
    g_timeout_add_seconds(STOP_SECONDS, quit, daemon);
    nest_domains_stop(daemon->domains, quit_idle, daemon);
    return G_SOURCE_CONTINUE;
}

static void
run(Daemon *daemon, const char *uri)
{
    static const char virt_nest[] = NEST_BINDIR "/virt-nest";
    const char *const drain[] = {virt_nest, "-c", uri, "drain", NULL};

    daemon->loop = g_main_loop_new(NULL, FALSE);
    daemon->host = nest_host_new(&daemon->config, on_host_ready, daemon);
    daemon->inhibit = nest_inhibit_new(drain);
    daemon->manager =
        nest_guard_manager_new(&daemon->config, daemon->plugins, &guard_listener, daemon);
    daemon->domains = nest_domains_new(&daemon->config, daemon->host, daemon->manager);
    daemon->connection = nest_event_connection_new(uri, &listener, daemon);
    g_unix_signal_add(SIGHUP, reload_settings, daemon);
    g_unix_signal_add(SIGTERM, stop, daemon);
    g_unix_signal_add(SIGINT, stop, daemon);
    nest_notify("READY=1\nSTATUS=Waiting for libvirt");
    nest_notify_feed_watchdog();
    g_main_loop_run(daemon->loop);
    nest_event_connection_free(daemon->connection);
    if (daemon->idle) { /* else a worker waits for libvirt and still needs these */
        nest_domains_free(daemon->domains);
        nest_guard_manager_free(daemon->manager);
        nest_plugin_host_free(daemon->plugins);
    }
    nest_inhibit_free(daemon->inhibit);
    nest_host_free(daemon->host);
    g_main_loop_unref(daemon->loop);
}

static gboolean
read_options(int *argc, char ***argv, gchar **ret_uri, gboolean *ret_release, GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    gboolean foreground = FALSE;
    gboolean version = FALSE;
    const GOptionEntry entries[] = {
        {"connect", 'c', 0, G_OPTION_ARG_STRING, ret_uri, "libvirt to follow (qemu:///system)",
         "URI"},
        {"foreground", 'f', 0, G_OPTION_ARG_NONE, &foreground,
         "Stay in the foreground, as virtnestd always does", NULL},
        {"release", 0, 0, G_OPTION_ARG_NONE, ret_release,
         "Disarm every guard and leave, as the removal of the package does", NULL},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &version, "Print the version and leave", NULL},
        G_OPTION_ENTRY_NULL,
    };

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, "Gives tagged libvirt domains nested virtualization.");
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (version) {
        g_print("virtnestd " NEST_VERSION "\n");
        exit(0);
    }
    if (*argc > 1) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_USAGE,
                    "'%s' is not an argument of virtnestd: see "
                    "virtnestd --help",
                    (*argv)[1]);
        return FALSE;
    }
    return TRUE;
}

/* Reads the settings, takes the lock and loads the plugins. */
static gboolean
prepare(Daemon *daemon, GError **error)
{
    g_autoptr(GKeyFile) settings = NULL;
    g_auto(GStrv) names = NULL;

    if (!load_settings(daemon, error) || !nest_liveness_take(error))
        return FALSE;
    names = nest_config_plugins(&settings, error);
    if (!names)
        return FALSE;
    daemon->plugins = nest_plugin_host_load(NEST_PLUGINDIR, (const gchar *const *)names, settings);
    return TRUE;
}

/* Loads the plugins that disarm. The blocker is loaded whatever the settings say, and without
 * settings of its own: it may have armed domains before the settings were broken, or before it was
 * left out of them. */
static NestPluginHost *
load_to_disarm(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GKeyFile) settings = NULL;
    g_auto(GStrv) names = nest_config_plugins(&settings, &error);
    g_autoptr(GPtrArray) wanted = g_ptr_array_new();

    g_ptr_array_add(wanted, (gpointer)BLOCKER);
    for (gsize i = 0; names && names[i]; i++)
        g_ptr_array_add(wanted, names[i]);
    g_ptr_array_add(wanted, NULL);
    if (!names) {
        nest_log_error(NULL, NULL, error);
        nest_log(G_LOG_LEVEL_MESSAGE, NULL, NULL,
                 "the guards are disarmed by the default plugin, " BLOCKER);
        settings = g_key_file_new();
    }
    (void)g_key_file_remove_group(settings, BLOCKER, NULL);
    return nest_plugin_host_load(NEST_PLUGINDIR, (const gchar *const *)wanted->pdata, settings);
}

/* Returns: the exit status. */
static int
disarm_host(const char *uri)
{
    g_autoptr(GError) error = NULL;
    NestPluginHost *plugins = NULL;

    if (!nest_liveness_take(&error)) {
        nest_log_error(NULL, NULL, error);
        return g_error_matches(error, NEST_ERROR, NEST_ERROR_DAEMON) ? STATUS_RUNS : 1;
    }
    plugins = load_to_disarm();
    if (!nest_disarm_all(uri, plugins, &error)) {
        if (error)
            nest_log_error(NULL, NULL, error);
        return 1; /* a thread may still use the plugins */
    }
    nest_plugin_host_free(plugins);
    return 0;
}

/* Returns: the exit status. */
static int
run_or_disarm(Daemon *daemon, const char *uri, gboolean release)
{
    g_autoptr(GError) error = NULL;

    nest_xml_init();
    nest_virt_init();
    if (release)
        return disarm_host(uri);
    if (!prepare(daemon, &error)) {
        nest_log_error(NULL, NULL, error);
        return 1;
    }
    run(daemon, uri);
    return 0;
}

int
main(int argc, char **argv)
{
    Daemon daemon = {.config = NEST_CONFIG_DEFAULT};
    g_autofree gchar *uri = NULL;
    gboolean release = FALSE;
    g_autoptr(GError) error = NULL;

    (void)setlocale(LC_ALL, "");
    nest_log_open("virtnestd", TRUE);
    (void)signal(SIGPIPE, SIG_IGN); /* libvirt writes to a libvirtd that may just have gone */
    if (!read_options(&argc, &argv, &uri, &release, &error)) {
        nest_log_error(NULL, NULL, error);
        return 2;
    }
    return run_or_disarm(&daemon, uri ? uri : "qemu:///system", release);
}
