/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe that asks libvirt's domstats for the entries into nested guests, for hosts where debugfs cannot be read. */
#include "base/error.h"
#include "nest-plugin.h"
#include "settings.h"

#include <libvirt/virterror.h>
#include <string.h>

/* A list that ends in NULL, as virDomainListGetStats() makes it. */
typedef virDomainStatsRecordPtr Records;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Records, virDomainStatsRecordListFree)

static gboolean
domstats_start(GKeyFile *settings, gpointer *ret_state, GError **error)
{
    (void)ret_state;
    return nest_settings_none(settings, nest_plugin.name, error);
}

static gboolean
domstats_applies(gpointer state, const NestGuest *guest)
{
    (void)state;
    return guest->kvm;
}

/* Adds up "vcpu.N.nested_run.sum"; "nested_run" is KVM's name, which libvirt passes on. Returns: whether any vCPU has
 * a count. */
static gboolean
add_vcpu_entries(const virDomainStatsRecord *record, guint64 *entries)
{
    gboolean counted = FALSE;

    for (int i = 0; i < record->nparams; i++) {
        const virTypedParameter *value = &record->params[i];
        const char *number = value->field + strlen("vcpu.");

        if (value->type == VIR_TYPED_PARAM_ULLONG && g_str_has_prefix(value->field, "vcpu.") &&
            g_ascii_isdigit(*number) &&
            g_str_equal(number + strspn(number, "0123456789"), ".nested_run.sum")) {
            *entries += value->value.ul;
            counted = TRUE;
        }
    }
    return counted;
}

/* Asks with NOWAIT, so that libvirt does not wait for the end of a domain's job, but leaves out some
 * values. */
static gboolean
domstats_sample(gpointer state, const NestGuest *guest, virDomainPtr domain, NestEvidence *evidence,
                GError **error)
{
    virDomainPtr domains[] = {domain, NULL};
    g_autoptr(Records) records = NULL;
    guint64 entries = 0;

    (void)state, (void)guest;
    if (virDomainListGetStats(domains, VIR_DOMAIN_STATS_VCPU, &records,
                              VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT) < 0) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_LIBVIRT, "cannot read domstats: %s",
                    virGetLastErrorMessage());
        return FALSE;
    }
    if (!records || !records[0] || !add_vcpu_entries(records[0], &entries)) {
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_LIBVIRT,
                            "domstats does not count the entries into nested guests: the domain is "
                            "busy with a job, or libvirt is older than 8.9, QEMU than 7.1 or the "
                            "kernel than 5.14");
        return FALSE;
    }
    evidence->counted = TRUE;
    evidence->entries = entries;
    return TRUE;
}

const NestPlugin nest_plugin = {
    .abi = NEST_PLUGIN_ABI,
    .size = sizeof(NestPlugin),
    .name = "probe-domstats",
    .kind = NEST_PLUGIN_PROBE,
    .counts = TRUE,
    .start = domstats_start,
    .applies = domstats_applies,
    .sample = domstats_sample,
};
