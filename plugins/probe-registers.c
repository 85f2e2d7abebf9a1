/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe that reads from the vCPUs' registers, through QEMU's monitor, whether the guest's hypervisor is on.
 * It serves TCG domains, which count no entries, and proves that no nested guest exists. */
#include "base/error.h"
#include "monitor.h"
#include "nest-plugin.h"
#include "settings.h"

/* The register bits that show it: facts.md, "Evidence of nested guests". */
static const struct {
    const char *feature;
    const char *pattern; /* matches a vCPU's part: its number and the register's value */
    guint bit;
} registers[] = {
    {"svm", "\\A#[0-9]+\\s.*?\\bEFER=([0-9A-Fa-f]{1,16})\\s", 12},
    {"vmx", "\\A#[0-9]+\\s.*?\\bCR4=([0-9A-Fa-f]{1,16})\\s", 13},
};

static gboolean
registers_start(GKeyFile *settings, gpointer *ret_state, GError **error)
{
    (void)ret_state;
    return nest_settings_none(settings, nest_plugin.name, error);
}

/* @part: what the monitor says of one vCPU, after "CPU" */
static NestBit
read_vcpu(const char *part, gsize r)
{
    g_autoptr(GRegex) pattern =
        g_regex_new(registers[r].pattern, G_REGEX_RAW | G_REGEX_DOTALL, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    g_autofree gchar *digits = NULL;

    if (!g_regex_match(pattern, part, 0, &match))
        return NEST_BIT_UNKNOWN;
    digits = g_match_info_fetch(match, 1);
    return g_ascii_strtoull(digits, NULL, 16) >> registers[r].bit & 1 ? NEST_BIT_SET
                                                                      : NEST_BIT_CLEAR;
}

/* One vCPU with the bit set proves that it is set; only all of them can prove that it is clear. */
static NestBit
read_vcpus(const char *text, const char *feature)
{
    g_auto(GStrv) parts = g_regex_split_simple("^CPU", text, G_REGEX_RAW | G_REGEX_MULTILINE, 0);
    NestBit all = parts[0] && parts[1] ? NEST_BIT_CLEAR : NEST_BIT_UNKNOWN;
    gsize r = 0;

    while (r < G_N_ELEMENTS(registers) && !g_str_equal(registers[r].feature, feature))
        r++;
    if (r == G_N_ELEMENTS(registers))
        return NEST_BIT_UNKNOWN;
    for (gsize i = 1; parts[0] && parts[i]; i++) {
        NestBit one = read_vcpu(parts[i], r);

        if (one == NEST_BIT_SET)
            return NEST_BIT_SET;
        if (one == NEST_BIT_UNKNOWN)
            all = NEST_BIT_UNKNOWN;
    }
    return all;
}

static gboolean
registers_sample(gpointer state, const NestGuest *guest, virDomainPtr domain,
                 NestEvidence *evidence, GError **error)
{
    g_autofree gchar *text = nest_monitor_human(domain, "info registers -a", error);
    NestBit bit = text ? read_vcpus(text, guest->feature) : NEST_BIT_UNKNOWN;

    (void)state;
    if (!text)
        return FALSE;
    if (bit == NEST_BIT_UNKNOWN) {
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_MONITOR,
            "QEMU's \"info registers -a\" does not show for every vCPU whether %s is in use",
            guest->feature);
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
