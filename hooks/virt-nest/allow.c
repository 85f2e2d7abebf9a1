/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest allow: lets a guarded domain be migrated or saved although nested guests run in it.
 *
 * The command writes what is allowed into the live metadata, and waits until virtnestd has lifted the guard. If no
 * virtnestd runs, the command disarms the guard itself. */
#include "visit.h"

#include "base/config.h"
#include "base/error.h"
#include "daemon.h"
#include "base/log.h"
#include "plugin_host.h"
#include "virt/live_domain.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_SECONDS 10
#define POLL_US 100000
#define LONGEST_DAYS 7

/* What the command line asks for. */
typedef struct {
    gchar *duration; /* --for, as it was typed; NULL: not given */
    gint64 seconds;  /* ... in seconds */
    gboolean once;   /* --once, the default */
    gboolean end;    /* --end */
} Request;

static void
allow_request_clear(Request *request)
{
    g_free(request->duration);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Request, allow_request_clear)

static const struct {
    char letter;
    gint64 seconds;
} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};

static gint64
unit_seconds(char letter)
{
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
        if (units[i].letter == letter)
            return units[i].seconds;
    return 0;
}

/* Refuses a number without a unit, which could mean any unit. */
static gboolean
read_duration(Request *request, GError **error)
{
    gsize length = strlen(request->duration);
    gint64 unit = length ? unit_seconds(request->duration[length - 1]) : 0;
    g_autofree gchar *number = g_strndup(request->duration, length ? length - 1 : 0);
    guint64 n = 0;

    if (unit && g_ascii_string_to_unsigned(number, 10, 1, G_MAXINT, &n, NULL))
        request->seconds = (gint64)n * unit;
    if (request->seconds > 0 && request->seconds <= LONGEST_DAYS * unit_seconds('d'))
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_USAGE,
                "--for does not take '%s': give a number and its unit, such as 90s, 10m, 2h or 1d, "
                "and %d days at most",
                request->duration, LONGEST_DAYS);
    return FALSE;
}

/* What the domain's definition says; NULL where it has none, or a malformed one. */
static NestDefinition *
read_corrected_definition(const NestConnection *connection, virDomainPtr domain)
{
    g_autofree gchar *text =
        virDomainIsPersistent(domain) == 1 ? nest_virt_read_inactive(domain, NULL) : NULL;

    return text ? nest_definition_correct(text, connection->host.vendor, connection->policy,
                                          nest_connection_can_nest(connection), NULL)
                : NULL;
}

static NestLiveDomain *
read_guarded(const NestConnection *connection, virDomainPtr domain, GError **error)
{
    g_autoptr(NestDefinition) definition = read_corrected_definition(connection, domain);
    g_autoptr(NestLiveDomain) live = NULL;

    if (virDomainIsActive(domain) != 1) {
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_GUARD,
                            "it does not run, so it has no guard to lift: start it first (virsh "
                            "start)");
        return NULL;
    }
    if (!nest_live_domain_read(domain, definition, connection->policy, FALSE, &live, error))
        return NULL;
    if (live && (live->guarded || (live->marked && live->state->live.guard)))
        return g_steal_pointer(&live);
    g_set_error_literal(error, NEST_ERROR, NEST_ERROR_GUARD,
                        "it is not guarded, so migration and save are not refused and there is "
                        "nothing to lift: it has no tag with migration='refuse', or no nested CPU "
                        "(see virt-nest status)");
    return NULL;
}

/* The metadata call would wait until the job is over (facts.md, "Jobs"). */
static gboolean
check_idle(virDomainPtr domain, GError **error)
{
    if (!nest_virt_is_busy(domain))
        return TRUE;
    g_set_error_literal(error, NEST_ERROR, NEST_ERROR_GUARD,
                        "a job of libvirt runs on it (a migration, save or snapshot), and "
                        "nothing can be written into its metadata until that is over: wait for it "
                        "(virsh domjobinfo) or end it (virsh domjobabort), then try again");
    return FALSE;
}

/* @element: NULL takes it out. */
static gboolean
write_live_metadata(virDomainPtr domain, const char *element, const char *prefix, const char *uri,
                    GError **error)
{
    return nest_virt_set_metadata(domain, element, prefix, uri, VIR_DOMAIN_AFFECT_LIVE,
                                  "cannot write what is allowed into its metadata", error);
}

static gboolean
write_allow(virDomainPtr domain, const Request *request, GError **error)
{
    NestAllow allow = {
        .once = request->once,
        .until = request->seconds ? g_get_real_time() / G_USEC_PER_SEC + request->seconds : 0};
    g_autofree gchar *element = request->end ? NULL : nest_allow_format(&allow);

    return write_live_metadata(domain, element, NEST_ALLOW_PREFIX, NEST_ALLOW_NAMESPACE, error);
}

static gchar *
how_long(const Request *request)
{
    return request->duration
               ? g_strdup_printf("for %s", request->duration)
               : g_strdup("for one migration, save or memory snapshot within an hour");
}

static void
log_allow(virDomainPtr domain, const Request *request)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);
    g_autofree gchar *span = how_long(request);
    const char *sudo = g_getenv("SUDO_USER");
    g_autofree gchar *who =
        g_strdup_printf("by uid %u%s%s", getuid(), sudo ? ", sudo of " : "", sudo ? sudo : "");

    if (request->end)
        nest_log(G_LOG_LEVEL_MESSAGE, virDomainGetName(domain), uuid,
                 "what virt-nest allow allowed was taken back %s", who);
    else
        nest_log_event(NEST_LOG_ALLOWED, virDomainGetName(domain), uuid,
                       "migration and save with nested guests allowed %s %s", span, who);
}

/* Whether virtnestd has reacted. While the element is there, the guard must be lifted. If what was allowed is over
 * already, virtnestd has removed the element, and the guard must not be lifted. While nested guests run, "off" is only
 * the state before the guard is armed. */
static gboolean
has_followed(const NestLiveDomain *live)
{
    const NestLiveStatus *status = live && live->marked ? &live->state->live : NULL;

    if (!status || !status->guard)
        return FALSE;
    if (nest_live_status_guard_is(status, NEST_GUARD_OFF))
        return !status->nested;
    return live->has_allow == nest_live_status_guard_is(status, NEST_GUARD_LIFTED);
}

/* (transfer full)(nullable) The domain once virtnestd has reacted, or as it was last when the time was over. */
static NestLiveDomain *
wait_for_guard(virDomainPtr domain, gboolean *ret_followed)
{
    gint64 end = g_get_monotonic_time() + WAIT_SECONDS * G_TIME_SPAN_SECOND;

    for (;;) {
        g_autoptr(NestLiveDomain) live = NULL;
        gboolean is_read = nest_live_domain_read(domain, NULL, NULL, FALSE, &live, NULL);

        *ret_followed = is_read && has_followed(live);
        if (*ret_followed || g_get_monotonic_time() >= end)
            return g_steal_pointer(&live);
        g_usleep(POLL_US);
    }
}

static void
print_allowed(virDomainPtr domain, const Request *request, const char *then)
{
    g_autofree gchar *span = how_long(request);

    (void)printf("%s: %s%s; %s\n", virDomainGetName(domain),
                 request->end ? "no longer allowed" : "allowed ", request->end ? "" : span, then);
}

/* What comes next, by the guard's new state. */
static const struct {
    NestGuardState guard;
    const char *text;
} outcomes[] = {
    {NEST_GUARD_LIFTED, "its guard is lifted until that is over, or until virt-nest allow --end"},
    {NEST_GUARD_OFF,
     "no nested guests run in it now, so nothing is refused; if some begin, migration and save stay possible "
     "until that is over, or until virt-nest allow --end"},
    {NEST_GUARD_ARMED, "its guard is armed again: migration and save are refused"},
    {NEST_GUARD_FAILED, "but its guard could not be armed again: virt-nest status tells why"},
};

/* A guard that has failed stays as it is, as long as virtnestd cannot ask the domain's QEMU. */
static void
refuse_not_followed(const NestLiveDomain *live, const Request *request, GError **error)
{
    const NestLiveStatus *status = live && live->marked ? &live->state->live : NULL;
    const char *what = request->end ? "taken back" : "allowed";

    if (status && status->problem && nest_live_status_guard_is(status, NEST_GUARD_FAILED))
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_DAEMON,
            "what was %s is written, but virtnestd cannot change the guard yet (%s): it does so "
            "when that is over: see virt-nest status",
            what, status->problem);
    else
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_DAEMON,
            "virtnestd did not answer within %d s: the guard stays as it was until virtnestd "
            "reads what was %s: see systemctl status virtnestd",
            WAIT_SECONDS, what);
}

static gboolean
let_follow(virDomainPtr domain, const Request *request, GError **error)
{
    gboolean followed = FALSE;
    g_autoptr(NestLiveDomain) live = wait_for_guard(domain, &followed);

    for (gsize i = 0; followed && i < G_N_ELEMENTS(outcomes); i++)
        if (nest_live_status_guard_is(&live->state->live, outcomes[i].guard))
            print_allowed(domain, request, outcomes[i].text);
    if (!followed)
        refuse_not_followed(live, request, error);
    return followed;
}

/* Loads the guard plugins of virtnestd, and no other plugins. */
static NestPluginHost *
load_guards(GError **error)
{
    g_autoptr(GKeyFile) settings = NULL;
    g_auto(GStrv) names = nest_config_plugins(&settings, error);
    g_autoptr(NestPluginHost) plugins = NULL;

    if (!names)
        return NULL;
    plugins = nest_plugin_host_load_prefixed(NEST_PLUGINDIR, "guard-", (const gchar *const *)names,
                                             settings);
    if (nest_plugin_host_get(plugins, NEST_PLUGIN_GUARD, 0))
        return g_steal_pointer(&plugins);
    g_set_error_literal(error, NEST_ERROR, NEST_ERROR_PLUGIN,
                        "virtnestd does not run, and none of its guard plugins could be loaded to "
                        "disarm the guard without it: start virtnestd (systemctl start "
                        "virtnestd), then try again");
    return NULL;
}

static gboolean
disarm_guard_plugins(const NestLiveDomain *live, virDomainPtr domain, GError **error)
{
    g_autoptr(NestPluginHost) plugins = load_guards(error);
    const NestLoadedPlugin *guard = NULL;

    if (!plugins)
        return FALSE;
    for (guint i = 0; (guard = nest_plugin_host_get(plugins, NEST_PLUGIN_GUARD, i)); i++)
        if (!guard->plugin->disarm(guard->state, &live->guest, domain, error))
            return FALSE;
    return TRUE;
}

/* Writes what virtnestd would write if it were running. */
static gboolean
write_lifted(const NestLiveDomain *live, virDomainPtr domain, GError **error)
{
    g_autoptr(NestState) state = nest_state_new();
    g_autofree gchar *element = NULL;

    if (!live->state->live.guard)
        return TRUE;
    nest_state_set_persistent(state, live->state);
    nest_live_status_set(&state->live, &live->state->live);
    g_free(state->live.guard);
    state->live.guard = g_strdup(nest_guard_state_name(NEST_GUARD_LIFTED));
    element = nest_state_format(state, FALSE);
    return write_live_metadata(domain, element, "neststate", NEST_STATE_NAMESPACE, error);
}

static gboolean
do_alone(const NestLiveDomain *live, virDomainPtr domain, const Request *request, GError **error)
{
    if (request->end) {
        print_allowed(
            domain, request,
            "virtnestd does not run: to arm the guard again, start it (systemctl start virtnestd)");
        return TRUE;
    }
    if (!disarm_guard_plugins(live, domain, error) || !write_lifted(live, domain, error))
        return FALSE;
    print_allowed(
        domain, request,
        "virtnestd does not run, so this command disarmed the guard itself; the next virtnestd arms it "
        "again once that is over (systemctl start virtnestd)");
    return TRUE;
}

static gboolean
allow(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    const Request *request = data;
    g_autoptr(NestLiveDomain) live = read_guarded(connection, domain, error);

    if (!live)
        return FALSE;
    if (request->end && !live->has_allow)
        return printf("%s: nothing was allowed, so there is nothing to take back\n",
                      virDomainGetName(domain)) > 0;
    if (!check_idle(domain, error) || !write_allow(domain, request, error))
        return FALSE;
    log_allow(domain, request);
    /* Without virtnestd, only root can disarm the guard. */
    return geteuid() == 0 && !nest_daemon_runs() ? do_alone(live, domain, request, error)
                                                 : let_follow(domain, request, error);
}

/* Parses the command line, and reports what is wrong with it. */
static gboolean
read_allow_options(NestCall *call, Request *request, int *ret_status)
{
    GError *error = NULL;
    const GOptionEntry options[] = {
        {"for", 0, 0, G_OPTION_ARG_FILENAME, &request->duration,
         "for a time: 90s, 10m, 2h or 1d, 7d at most", "DURATION"},
        {"once", 0, 0, G_OPTION_ARG_NONE, &request->once,
         "for one migration, save or memory snapshot within an hour (the default)", NULL},
        {"end", 0, 0, G_OPTION_ARG_NONE, &request->end, "take back what was allowed", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, ret_status))
        return FALSE;
    if (request->duration && !read_duration(request, &error))
        *ret_status = nest_command_fail(error);
    else if ((request->duration != NULL) + request->once + request->end > 1)
        *ret_status = nest_command_misused(call, "give only one of --for, --once and --end");
    else if (g_strv_length(call->arguments) != 1)
        *ret_status = nest_command_misused(call, "name one domain");
    else
        return TRUE;
    return FALSE;
}

int
nest_allow(NestCall *call)
{
    g_auto(Request) request = {0};
    g_autoptr(NestConnection) connection = NULL;
    GError *error = NULL;
    int status = NEST_EXIT_DONE;

    if (!read_allow_options(call, &request, &status))
        return status;
    request.once = !request.duration && !request.end;
    connection = nest_connection_open_for(call, NEST_CONNECTION_TO_CHANGE, &error);
    if (!connection)
        return nest_command_fail(error);
    return nest_connection_visit(connection, call->arguments, allow, &request);
}
