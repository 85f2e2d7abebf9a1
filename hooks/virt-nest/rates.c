/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries into nested guests a second, by the plugins that count them without touching the guest. */
#include "rates.h"

#include "base/config.h"
#include "plugin_host.h"
#include "virt/virt.h"

#include <string.h>

struct NestRates {
    NestPluginHost *plugins;
    GHashTable *domains; /* "UUID ID" -> Sampled */
};

typedef struct {
    NestRate rate;
    gboolean seen; /* since the last nest_rates_forget_gone() */
} Sampled;

/* --- one domain's */

void
nest_rates_add(NestRate *rate, const NestEvidence *evidence, gint64 now)
{
    gboolean known =
        rate->counted && evidence->counted && evidence->entries >= rate->entries && now > rate->at;
    double value = known ? (double)(evidence->entries - rate->entries) * G_USEC_PER_SEC /
                               (double)(now - rate->at)
                         : NEST_RATES_UNKNOWN;

    if (rate->at && rate->n == NEST_RATES_KEPT)
        memmove(rate->kept, rate->kept + 1, sizeof(double) * --rate->n);
    if (rate->at)
        rate->kept[rate->n++] = value;
    rate->counted = evidence->counted;
    rate->entries = evidence->entries;
    rate->at = now;
}

double
nest_rates_last(const NestRate *rate)
{
    return rate->n > 0 ? rate->kept[rate->n - 1] : NEST_RATES_UNKNOWN;
}

/* The lowest bar stands for no entries, and for an unknown rate. */
static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "#"};

gchar *
nest_rates_graph(const NestRate *rate, guint width, gboolean utf8)
{
    const char *const *levels = utf8 ? blocks : ascii;
    guint highest = utf8 ? G_N_ELEMENTS(blocks) - 1 : G_N_ELEMENTS(ascii) - 1;
    guint n = MIN(rate->n, width);
    const double *shown = rate->kept + rate->n - n;
    GString *graph = g_string_new(NULL);
    double most = 0;

    g_string_append_printf(graph, "%*s", (int)(width - n), "");
    for (guint i = 0; i < n; i++)
        most = MAX(most, shown[i]);
    for (guint i = 0; i < n; i++)
        g_string_append(graph,
                        levels[shown[i] > 0 ? 1 + (guint)(shown[i] / most * (highest - 1)) : 0]);
    return g_string_free(graph, FALSE);
}

/* --- all domains' */

NestRates *
nest_rates_new(const char *directory)
{
    NestRates *rates = g_new0(NestRates, 1);
    g_autoptr(GKeyFile) settings = g_key_file_new();
    g_auto(GStrv) names = nest_config_default_plugins();

    rates->plugins =
        nest_plugin_host_load_prefixed(directory, "probe-", (const gchar *const *)names, settings);
    rates->domains = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return rates;
}

void
nest_rates_free(NestRates *rates)
{
    if (!rates)
        return;
    nest_plugin_host_free(rates->plugins);
    g_hash_table_unref(rates->domains);
    g_free(rates);
}

/* A probe that counts does so without touching the guest; one that reads the bit may taint it. */
static gboolean
sample_by(const NestLoadedPlugin *probe, virConnectPtr libvirt, const NestGuest *guest,
          NestEvidence *evidence)
{
    const NestPlugin *plugin = probe->plugin;
    g_autoptr(virDomain) domain = NULL;

    if (!plugin->counts || !plugin->sample || !nest_loaded_plugin_applies(probe, guest))
        return FALSE;
    if (!plugin->local)
        domain = libvirt ? virDomainLookupByUUIDString(libvirt, guest->uuid) : NULL;
    return (plugin->local || domain) &&
           plugin->sample(probe->state, guest, domain, evidence, NULL) && evidence->counted;
}

static NestEvidence
sample_by_first_probe(const NestRates *rates, virConnectPtr libvirt, const NestGuest *guest)
{
    const NestLoadedPlugin *probe = NULL;

    for (guint i = 0; (probe = nest_plugin_host_get(rates->plugins, NEST_PLUGIN_PROBE, i)); i++) {
        NestEvidence evidence = {0};

        if (sample_by(probe, libvirt, guest, &evidence))
            return evidence;
    }
    return (NestEvidence){0};
}

const NestRate *
nest_rates_sample(NestRates *rates, virConnectPtr libvirt, const NestGuest *guest)
{
    g_autofree gchar *run = g_strdup_printf("%s %d", guest->uuid, guest->id);
    Sampled *sampled = g_hash_table_lookup(rates->domains, run);
    NestEvidence evidence = sample_by_first_probe(rates, libvirt, guest);

    if (!sampled) {
        sampled = g_new0(Sampled, 1);
        g_hash_table_insert(rates->domains, g_steal_pointer(&run), sampled);
    }
    sampled->seen = TRUE;
    nest_rates_add(&sampled->rate, &evidence, g_get_monotonic_time());
    return &sampled->rate;
}

static gboolean
sampled_is_gone(gpointer run, gpointer value, gpointer data)
{
    Sampled *sampled = value;
    gboolean gone = !sampled->seen;

    (void)run, (void)data;
    sampled->seen = FALSE;
    return gone;
}

void
nest_rates_forget_gone(NestRates *rates)
{
    g_hash_table_foreach_remove(rates->domains, sampled_is_gone, NULL);
}
