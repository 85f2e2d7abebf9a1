/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command reports about this host's virtnestd: that it runs and is well, or what is wrong and what to do. */
#include "daemon.h"

#include "base/config.h"
#include "base/daemon_status.h"
#include "base/liveness.h"
#include "base/root.h"
#include "host/hook_calls.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* Only root can test virtnestd's lock; other users read what virtnestd has written. */
gboolean
nest_daemon_runs(void)
{
    g_autoptr(NestDaemonStatus) status = nest_daemon_status_read();

    return status || (geteuid() == 0 && nest_liveness_is_held());
}

NestDaemonSettings
nest_daemon_settings(GError **error)
{
    g_autofree gchar *path = nest_root_path(NEST_CONFIG_FILE);
    NestConfig config = NEST_CONFIG_DEFAULT;
    g_autoptr(GKeyFile) settings = NULL;
    g_auto(GStrv) names = NULL;

    if (g_access(path, R_OK) < 0 && errno == EACCES)
        return NEST_DAEMON_SETTINGS_HIDDEN;
    if (!nest_config_load(&config, error))
        return NEST_DAEMON_SETTINGS_MISTAKEN;
    names = nest_config_plugins(&settings, error);
    return names ? NEST_DAEMON_SETTINGS_GOOD : NEST_DAEMON_SETTINGS_MISTAKEN;
}

/* virtnestd does not start with mistaken settings, so these have to be corrected first. */
static gchar *
print_none_runs(const char *sudo)
{
    g_autoptr(GError) error = NULL;

    if (nest_daemon_settings(&error) == NEST_DAEMON_SETTINGS_MISTAKEN)
        return g_strdup_printf("no virtnestd runs, and none starts with these settings: %s; then: "
                               "%ssystemctl start virtnestd",
                               error->message, sudo);
    return g_strdup_printf(
        "no virtnestd runs: no definition is corrected by itself, and no guard is "
        "armed or disarmed: %ssystemctl start virtnestd",
        sudo);
}

gchar *
nest_daemon_problem(const char *sudo)
{
    g_autoptr(NestDaemonStatus) status = nest_daemon_status_read();
    g_autoptr(GDateTime) since = NULL;
    g_autofree gchar *date = NULL;

    if (!status && nest_daemon_runs())
        return g_strdup_printf("virtnestd is of an older release than this virt-nest (" NEST_VERSION
                               "): %ssystemctl restart virtnestd, which leaves guards as they are",
                               sudo);
    if (!status)
        return print_none_runs(sudo);
    if (!g_str_equal(status->version, NEST_VERSION))
        return g_strdup_printf("virtnestd is of release %s, and this virt-nest of " NEST_VERSION
                               ": %ssystemctl restart virtnestd, which leaves guards as they are",
                               status->version, sudo);
    if (!status->settings)
        return NULL;
    since = g_date_time_new_from_unix_local(status->settings_since);
    date = since ? g_date_time_format(since, "%F %T") : g_strdup("its start");
    return g_strdup_printf("virtnestd could not read its settings at %s, and goes on with those it "
                           "had: %s; then: %ssystemctl reload virtnestd",
                           date, status->settings, sudo);
}

gchar *
nest_daemon_hook_problem(const char *sudo)
{
    g_autoptr(NestDaemonStatus) status = nest_daemon_status_read();
    NestHookCalls calls = {0};

    if (!status || !status->unjudged_since || !status->unjudged)
        return NULL;
    calls = nest_hook_calls_read();
    if (nest_hook_calls_judge(&calls, status->unjudged_since, FALSE) != NEST_HOOK_NOT_CALLED)
        return NULL;
    return nest_hook_calls_text(&calls, status->unjudged, status->unjudged_tagged, sudo);
}
