/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd: follows libvirt's events and acts where no hook can: see virtnestd(8).
 *
 * This file has the process, its signals and its settings. The other files:
 *
 *   event_connection.c   receives libvirt's events
 *   workers.c            the threads for calls to libvirt; connection_pool.c has their connections
 *   domains.c            the table of domains; scanner.c and scan.c find the domains that belong there
 *   domain.c             one domain: decides what is done for it
 *   domain_guard.c       the domain's guard; domain_sample.c takes its samples
 *   sync_job.c           a job that corrects a definition and reads a domain (with restart.c, and with correct.c and
 *                        live_domain.c of common/virt)
 *   publish.c            a job that writes a live status
 *   guard_job.c          a job that samples, arms or disarms, by the plugins that plugins/plugin_host.c has loaded
 *   late_snapshots.c     names the snapshots that were made before the guard was armed
 *   domain_status.c      the state of the guard, and the live status; domain_report.c decides when it is published
 *   guard_log.c          the guard's log lines; domain_log.c keeps the log short
 *   backoff.c            says when an action that failed is tried again
 *   flap_damping.c       keeps a guest armed whose nested guests keep starting and ending
 *   domain_silence.c     says which QEMU may be asked while others do not answer
 *   entry_watch.c        listens to the plugin that reports entries into nested guests
 *   host.c               turns nesting on in the host's KVM module; kvm_unit.c has a unit of systemd do it
 *   hook_watch.c         notices that libvirt does not call the hook
 *   inhibit.c            delays the host's shutdown
 *   release.c            disarms all domains */
#include "base/config.h"
#include "base/daemon_status.h"
#include "base/error.h"
#include "base/liveness.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/root.h"
#include "base/spelling.h"
#include "domain/xml.h"
#include "virtnestd/domains.h"
#include "virtnestd/inhibit.h"
#include "virtnestd/event_connection.h"
#include "virtnestd/host.h"
#include "virtnestd/release.h"

#include <glib-unix.h>
#include <locale.h>
#include <malloc.h>
#include <unistd.h>

/* How long virtnestd waits, after SIGTERM, for calls to libvirt that are under way. */
#define STOP_SECONDS 2
#define STOP_POLL_MS 20

/* Memory blocks of at least this many bytes go back to the kernel when they are freed. */
#define LARGE_BYTES (256 * 1024)

/* The only guard plugin that has ever existed. So it has armed every domain that is armed. */
#define BLOCKER "guard-blocker"

/* The exit status of --release where another virtnestd runs, for make uninstall. */
#define STATUS_RUNS 3

/* The command line. */
typedef struct {
    gchar *uri;
    gboolean session;
    gboolean foreground;
    gboolean release;
    gboolean check_config;
    gboolean verbose;
    gboolean version;
} Options;

static void
daemon_options_clear(Options *options)
{
    g_free(options->uri);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, daemon_options_clear)

/* The whole daemon. */
typedef struct {
    NestConfig config;       /* the settings in force */
    NestPolicy *policy;      /* ... what they say about domains */
    NestLog *log;            /* where the log lines go */
    NestDaemonStatus status; /* what virtnestd says of itself */
    int status_fd;           /* keeps the written @status valid; -1: it was not written yet */
    NestHost *host;          /* turns nesting on in the host's KVM module */
    NestPluginHost *plugins; /* probes, guards and exports */
    NestInhibit *inhibit;    /* delays the host's shutdown */
    NestDomains *domains;    /* all that is known of domains */
    NestEventConnection *connection; /* the connection to libvirt */
    GMainLoop *loop;                 /* runs until SIGTERM */
    gboolean idle;                   /* stopped, and no call to libvirt is under way */
} Daemon;

/* Writes daemon->status, for every user to read. */
static void
write_daemon_status(Daemon *daemon)
{
    g_autoptr(GError) error = NULL;
    int former = daemon->status_fd;
    int fd = nest_daemon_status_write(&daemon->status, &error);

    if (fd < 0) {
        nest_log_error(NULL, NULL, error);
        return;
    }
    daemon->status_fd = fd;
    if (former >= 0)
        close(former);
}

/* @problem: (nullable) why the settings could not be read */
static void
record_settings_problem(Daemon *daemon, const GError *problem)
{
    g_free(daemon->status.settings);
    daemon->status.settings = problem ? g_strdup(problem->message) : NULL;
    daemon->status.settings_since = g_get_real_time() / G_USEC_PER_SEC;
    write_daemon_status(daemon);
}

static void
on_connected(gpointer data, virConnectPtr control, const char *uri, guint server_workers)
{
    Daemon *daemon = data;

    nest_notify("STATUS=Connected to libvirt");
    nest_domains_set_server_workers(daemon->domains, server_workers);
    nest_domains_attach(daemon->domains, control, uri);
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

    nest_domains_job_transferring(((Daemon *)data)->domains, uuid);
}

static void
on_job_ended(gpointer data, virDomainPtr domain)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);

    nest_domains_job_ended(((Daemon *)data)->domains, uuid);
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
on_armed(gpointer data, gboolean any)
{
    nest_inhibit_hold(((Daemon *)data)->inhibit, any);
}

static void
on_needs_kvm(gpointer data)
{
    nest_host_want(((Daemon *)data)->host);
}

/* The guest that has ended may be the one that kept the module in use. */
static void
on_stopped(gpointer data)
{
    nest_host_retry(((Daemon *)data)->host);
}

static void
on_unjudged(gpointer data, const NestUnjudged *unjudged)
{
    NestDaemonStatus *status = &((Daemon *)data)->status;

    g_free(status->unjudged);
    g_free(status->unjudged_tagged);
    status->unjudged_since = unjudged->since;
    status->unjudged = g_strdup(unjudged->name);
    status->unjudged_tagged = g_strdup(unjudged->tagged);
    write_daemon_status(data);
}

static const NestDomainsListener domains_listener = {on_armed, on_needs_kvm, on_stopped,
                                                     on_unjudged};

/* Scans all domains again, because the effect of a tag with required='no' depends on the host. */
static void
on_host_ready(gpointer data)
{
    nest_domains_scan(((Daemon *)data)->domains);
}

static void
warn_of_former_name(const NestConfig *config)
{
    if (config->renamed)
        nest_log(G_LOG_LEVEL_WARNING, NULL, NULL,
                 NEST_CONFIG_FILE
                 ": %s: change it, because the next release will refuse the old name",
                 config->renamed);
}

/* Logs each mistake in the rules. A mistaken rule decides nothing, and domains that it may have matched stay as they are.
 * Returns: whether there is no mistake. */
static gboolean
log_rules(const NestRules *rules)
{
    gboolean right = TRUE;

    for (guint i = 0; i < nest_rules_length(rules); i++) {
        const NestRule *rule = nest_rules_get(rules, i);

        if (rule->mistake)
            nest_log_error(NULL, NULL, rule->mistake);
        right &= !rule->mistake;
    }
    return right;
}

static gboolean
load_settings(Daemon *daemon, GError **error)
{
    if (!nest_config_load(&daemon->config, error))
        return FALSE;
    nest_policy_unref(daemon->policy);
    daemon->policy = nest_policy_new(&daemon->config);
    nest_log_set_level(daemon->log, daemon->config.log_level);
    if (nest_root_is_session())
        daemon->config.manage = NEST_MANAGE_NO; /* the host is its administrator's */
    warn_of_former_name(&daemon->config);
    (void)log_rules(daemon->policy->rules);
    return TRUE;
}

/* SIGHUP: if the settings cannot be read, those in force stay as they are. */
static gboolean
reload_settings(gpointer data)
{
    Daemon *daemon = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GKeyFile) settings = NULL;

    nest_notify("RELOADING=1");
    if (load_settings(daemon, &error)) {
        nest_domains_set_policy(daemon->domains, daemon->policy);
        nest_log(G_LOG_LEVEL_INFO, NULL, NULL, "settings read again; looking at every domain");
        g_strfreev(nest_config_plugins(
            &settings, &error)); /* reports now what would make the next start fail */
    }
    if (error)
        nest_log_error(NULL, NULL, error);
    record_settings_problem(daemon, error);
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

/* Waits for calls that are under way, such as one that arms or disarms a guard. */
static gboolean
quit_if_idle(gpointer data)
{
    Daemon *daemon = data;

    daemon->idle = !nest_domains_are_busy(daemon->domains);
    return daemon->idle ? quit(data) : G_SOURCE_CONTINUE;
}

static gboolean
stop(gpointer data)
{
    Daemon *daemon = data;

    nest_notify("STOPPING=1");
    g_timeout_add_seconds(STOP_SECONDS, quit, daemon);
    nest_domains_stop(daemon->domains);
    if (quit_if_idle(daemon) == G_SOURCE_CONTINUE)
        g_timeout_add(STOP_POLL_MS, quit_if_idle, daemon);
    return G_SOURCE_CONTINUE;
}

static void
run_daemon(Daemon *daemon, const char *uri)
{
    static const char virt_nest[] = NEST_BINDIR "/virt-nest";
    const char *const drain[] = {virt_nest, "-c", uri, "drain", NULL};

    daemon->loop = g_main_loop_new(NULL, FALSE);
    daemon->host = nest_host_new(&daemon->config, on_host_ready, daemon);
    daemon->inhibit = nest_inhibit_new(drain);
    daemon->domains = nest_domains_new(&daemon->config, daemon->plugins, &domains_listener, daemon);
    nest_domains_set_policy(daemon->domains, daemon->policy);
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
        nest_plugin_host_free(daemon->plugins);
    }
    nest_inhibit_free(daemon->inhibit);
    nest_host_free(daemon->host);
    g_main_loop_unref(daemon->loop);
}

/* Sets the error: what is wrong with the command line, and which option may have been meant. */
static void
set_misused(GError **error, const GError *problem, gchar **words, const GOptionEntry *entries)
{
    const GOptionEntry *const tables[] = {entries, NULL};
    g_autofree gchar *unknown =
        g_error_matches(problem, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION)
            ? nest_spelling_unknown_option((const gchar *const *)words, tables)
            : NULL;

    g_set_error(error, NEST_ERROR, NEST_ERROR_USAGE, "%s: see virtnestd --help",
                unknown ? unknown : problem->message);
}

static gboolean
read_daemon_options(int *argc, char ***argv, Options *options, GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) problem = NULL;
    const GOptionEntry entries[] = {
        {"connect", 'c', 0, G_OPTION_ARG_STRING, &options->uri,
         "libvirt to follow (qemu:///system; of an ordinary user qemu:///session)", "URI"},
        {"session", 0, 0, G_OPTION_ARG_NONE, &options->session,
         "Follow this user's own libvirt, qemu:///session", NULL},
        {"foreground", 'f', 0, G_OPTION_ARG_NONE, &options->foreground,
         "Stay in the foreground, as virtnestd always does", NULL},
        {"check-config", 0, 0, G_OPTION_ARG_NONE, &options->check_config,
         "Check the settings, say what is wrong with them, and leave", NULL},
        {"release", 0, 0, G_OPTION_ARG_NONE, &options->release,
         "Disarm every guard and leave, as the removal of the package does", NULL},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &options->verbose,
         "Log also the events that arrive and what is decided", NULL},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &options->version, "Print the version and leave",
         NULL},
        G_OPTION_ENTRY_NULL,
    };

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, "Gives tagged libvirt domains nested virtualization.");
    if (!g_option_context_parse(context, argc, argv, &problem)) {
        set_misused(error, problem, *argv + 1, entries);
        return FALSE;
    }
    if (*argc > 1)
        g_set_error(error, NEST_ERROR, NEST_ERROR_USAGE,
                    "'%s' is not an argument of virtnestd: see virtnestd --help", (*argv)[1]);
    else if (options->session && !nest_root_is_session())
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_USAGE,
            "--session is for an ordinary user, but root's virtnestd follows qemu:///system: leave it out");
    else
        return TRUE;
    return FALSE;
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
    daemon->status.version = g_strdup(NEST_VERSION);
    daemon->status.since = g_get_real_time() / G_USEC_PER_SEC;
    record_settings_problem(daemon, NULL);
    daemon->plugins = nest_plugin_host_load(NEST_PLUGINDIR, (const gchar *const *)names, settings);
    return TRUE;
}

/* Loads the plugins that disarm. The blocker is loaded whatever the settings say, and without its own
 * settings: it may have armed domains before the settings were broken, or before it was removed from
 * them. */
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
        nest_log_last_error(error);
        return g_error_matches(error, NEST_ERROR, NEST_ERROR_DAEMON) ? STATUS_RUNS : 1;
    }
    plugins = load_to_disarm();
    if (!nest_disarm_all(uri, plugins, &error)) {
        if (error)
            nest_log_last_error(error);
        return 1; /* a thread may still use the plugins */
    }
    nest_plugin_host_free(plugins);
    return 0;
}

static gboolean
is_loaded(const NestPluginHost *plugins, const char *name)
{
    for (int kind = NEST_PLUGIN_PROBE; kind <= NEST_PLUGIN_WATCH; kind++) {
        const NestLoadedPlugin *loaded = NULL;

        for (guint i = 0; (loaded = nest_plugin_host_get(plugins, (NestPluginKind)kind, i)); i++)
            if (g_str_equal(loaded->plugin->name, name))
                return TRUE;
    }
    return FALSE;
}

/* Reads all that a start reads, and reports what is wrong. Each plugin is loaded, because it checks its own group. */
static gboolean
check_settings(GError **error)
{
    NestConfig config = NEST_CONFIG_DEFAULT;
    g_autoptr(GKeyFile) settings = NULL;
    g_auto(GStrv) names = NULL;
    g_autoptr(NestPluginHost) plugins = NULL;
    g_autoptr(NestRules) rules = NULL;

    if (!nest_config_load(&config, error))
        return FALSE;
    warn_of_former_name(&config);
    names = nest_config_plugins(&settings, error);
    if (!names)
        return FALSE;
    plugins = nest_plugin_host_load(NEST_PLUGINDIR, (const gchar *const *)names, settings);
    for (gsize i = 0; names[i]; i++)
        if (!is_loaded(plugins, names[i]))
            return FALSE;
    rules = nest_rules_load();
    return log_rules(rules);
}

/* Returns: the exit status. */
static int
check_config(void)
{
    g_autoptr(GError) error = NULL;

    if (check_settings(&error)) {
        g_print(NEST_CONFIG_FILE ": no mistake was found\n");
        return 0;
    }
    if (error)
        nest_log_last_error(error);
    return 1;
}

/* Returns: the exit status. */
static int
run_or_disarm(Daemon *daemon, const Options *options)
{
    g_autoptr(GError) error = NULL;
    const char *uri = options->uri ? options->uri : nest_virt_usual_uri();

    nest_xml_init();
    nest_virt_init();
    /* The client that connects first starts a session's libvirt daemon, in the client's control group. If that client is a
     * service, the daemon and all guests end with the service, or when the user logs out (facts.md, "systemd and the host's
     * shutdown"). */
    if (nest_root_is_session())
        g_setenv("LIBVIRT_AUTOSTART", "0", TRUE);
    if (options->check_config)
        return check_config();
    if (options->release)
        return disarm_host(uri);
    if (!prepare(daemon, &error)) {
        nest_log_last_error(error);
        return 1;
    }
    run_daemon(daemon, uri);
    nest_policy_unref(daemon->policy);
    g_free(daemon->status.version);
    g_free(daemon->status.settings);
    g_free(daemon->status.unjudged);
    g_free(daemon->status.unjudged_tagged);
    return 0;
}

int
main(int argc, char **argv)
{
    Daemon daemon = {.config = NEST_CONFIG_DEFAULT, .status_fd = -1};
    g_auto(Options) options = {0};
    g_autoptr(GError) error = NULL;
    gboolean well = FALSE;

    (void)setlocale(LC_ALL, "");
    /* Otherwise malloc() would keep, for each thread, the memory of an answer of megabytes. */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    daemon.log = nest_log_open("virtnestd", TRUE);
    (void)signal(
        SIGPIPE,
        SIG_IGN); /* libvirt's client library may write to a libvirtd that has just ended */
    well = read_daemon_options(&argc, &argv, &options, &error);
    if (!well) {
        nest_log_last_error(error);
        return 2;
    }
    if (options.version) {
        g_print("virtnestd " NEST_VERSION "\n");
        return 0;
    }
    if (options.verbose)
        nest_log_be_verbose(daemon.log);
    return run_or_disarm(&daemon, &options);
}
