/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe that reads from the vCPUs' registers, through QEMU's monitor, whether the guest's hypervisor is on.
 * It is needed for TCG domains, which count no entries, and to prove that no nested guest exists. */
#include "base/error.h"
#include "monitor.h"
#include "nest-plugin.h"
#include "registers.h"
#include "settings.h"

static gboolean
registers_start(GKeyFile *settings, gpointer *ret_state, GError **error)
{
    (void)ret_state;
    return nest_settings_none(settings, nest_plugin.name, error);
}

static gboolean
registers_sample(gpointer state, const NestGuest *guest, virDomainPtr domain,
                 NestEvidence *evidence, GError **error)
{
    const gboolean known = nest_registers_shows(guest->feature);
    gsize longest = NEST_REGISTERS_OTHER_BYTES + guest->vcpus * NEST_REGISTERS_VCPU_BYTES;
    g_autofree gchar *text =
        known ? nest_monitor_human(domain, "info registers -a", longest, error) : NULL;
    NestBit bit = text ? nest_registers_read(text, guest->feature, guest->vcpus) : NEST_BIT_UNKNOWN;

    (void)state;
    if (!known)
        g_set_error(error, NEST_ERROR, NEST_ERROR_ANSWER,
                    "no register that QEMU shows tells whether %s is in use",
                    *guest->feature ? guest->feature : "the feature");
    if (!text)
        return FALSE;
    if (bit == NEST_BIT_UNKNOWN) {
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_ANSWER,
            "QEMU's \"info registers -a\" does not show, for every one of at most %u vCPUs, "
            "whether %s is in use",
            guest->vcpus, guest->feature);
        return FALSE;
    }
    evidence->bit = bit;
    return TRUE;
}

const NestPlugin nest_plugin = {
    .abi = NEST_PLUGIN_ABI,
    .size = sizeof(NestPlugin),
    .name = "probe-registers",
    .kind = NEST_PLUGIN_PROBE,
    .start = registers_start,
    .sample = registers_sample,
};
