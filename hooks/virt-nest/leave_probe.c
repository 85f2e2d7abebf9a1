/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the probes and the guard plugins about one guest now, if no virtnestd has asked them. */
#include "leave_probe.h"

#include "base/config.h"
#include "plugin_host.h"

#define SAMPLES 6         /* at most, unless entries grow before */
#define BETWEEN_US 200000 /* an idle nested Linux is entered some twenty times a second */

/* While the command runs, any entry that it has seen counts as recent. */
static const NestVerdictRules rules = {.linger_ms = 3600000};

static NestPluginHost *
load_plugins(const char *directory, const char *prefix)
{
    g_autoptr(GKeyFile) settings = g_key_file_new();
    g_auto(GStrv) names = nest_config_default_plugins();

    return nest_plugin_host_load_prefixed(directory, prefix, (const gchar *const *)names, settings);
}

/* Asks the probes of one kind, until one of them gives evidence. */
static gboolean
sample_kind(const NestPluginHost *plugins, virDomainPtr domain, const NestGuest *guest,
            gboolean counts, NestEvidence *evidence)
{
    const NestLoadedPlugin *probe = NULL;

    for (guint i = 0; (probe = nest_plugin_host_get(plugins, NEST_PLUGIN_PROBE, i)); i++)
        /* A probe that counts does so without touching the guest. */
        if (probe->plugin->sample && probe->plugin->counts == counts &&
            nest_loaded_plugin_applies(probe, guest) &&
            probe->plugin->sample(probe->state, guest, probe->plugin->local ? NULL : domain,
                                  evidence, NULL))
            return TRUE;
    return FALSE;
}

NestVerdict
nest_leave_probe_sample(const char *directory, virDomainPtr domain, const NestGuest *guest,
                        gboolean ask_qemu)
{
    g_autoptr(NestPluginHost) plugins = load_plugins(directory, "probe-");
    NestVerdict verdict = {0};

    for (guint n = 0; n < SAMPLES; n++) {
        NestEvidence evidence = {0};

        if (n > 0)
            g_usleep(BETWEEN_US);
        sample_kind(plugins, domain, guest, TRUE, &evidence);
        if (ask_qemu)
            sample_kind(plugins, domain, guest, FALSE, &evidence);
        nest_verdict_add(&verdict, &evidence, &rules, 0,
                         g_get_monotonic_time() / G_TIME_SPAN_MILLISECOND);
        /* One more sample may prove more where a counter stands still: it may grow. */
        if (verdict.reason != NEST_REASON_LINGER && verdict.reason != NEST_REASON_QUIET)
            break;
    }
    return verdict;
}

gboolean
nest_leave_probe_is_armed(const char *directory, virDomainPtr domain, const NestGuest *guest)
{
    g_autoptr(NestPluginHost) plugins = load_plugins(directory, "guard-");
    const NestLoadedPlugin *guard = NULL;

    for (guint i = 0; (guard = nest_plugin_host_get(plugins, NEST_PLUGIN_GUARD, i)); i++) {
        gboolean armed = FALSE;

        if (guard->plugin->is_armed &&
            guard->plugin->is_armed(guard->state, guest, domain, &armed, NULL) && armed)
            return TRUE;
    }
    return FALSE;
}
