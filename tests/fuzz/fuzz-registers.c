/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that the registers of all vCPUs, and of no more than the domain has, are read from any text.
 *
 * The first byte chooses the feature, the second the number of vCPUs, the rest is the text. */
#include "fuzz.h"

#include <string.h>

#include "../../plugins/registers.c" // NOLINT(bugprone-suspicious-include)

#define SET_VCPU "\nCPU#9\nEFER=0000000000001000 CR4=00002000\n"
#define CLEAR_VCPU "\nCPU#9\nEFER=0000000000000d01 CR4=000006f0\n"

gboolean
fuzz_start(void)
{
    return TRUE;
}

static guint
count_vcpus(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint n = 0;

    for (gsize i = 0; lines[i]; i++)
        n += g_str_has_prefix(lines[i], "CPU");
    return n;
}

static void
check_more(const char *text, const char *feature, const char *vcpu, NestBit bit)
{
    g_autofree gchar *more = g_strconcat(text, vcpu, NULL);
    guint vcpus = count_vcpus(more);

    PROMISE("another vCPU counts", nest_registers_read(more, feature, vcpus) == bit, more);
    PROMISE("and no other than the domain has",
            nest_registers_read(more, feature, vcpus - 1) == NEST_BIT_UNKNOWN, more);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const char *const features[] = {"svm", "vmx", "", "sev"};
    const char *feature = size > 1 ? features[fuzz_choice(data[0], G_N_ELEMENTS(features))] : NULL;
    guint vcpus = size > 1 ? fuzz_choice(data[1], 10) : 0;
    g_autofree gchar *text = NULL;
    NestBit bit = NEST_BIT_UNKNOWN;

    if (!feature)
        return 0;
    text = g_strndup((const char *)data + 2, size - 2);
    bit = nest_registers_read(text, feature, vcpus);
    if (bit == NEST_BIT_UNKNOWN)
        return 0;
    PROMISE("what is known is known of a vCPU", vcpus > 0 && count_vcpus(text) > 0, text);
    PROMISE("and of a register",
            find_register(feature) && strstr(text, find_register(feature)->name), text);
    if (bit == NEST_BIT_SET)
        return 0;
    PROMISE("it is clear in all", count_vcpus(text) <= vcpus, text);
    check_more(text, feature, SET_VCPU, NEST_BIT_SET);
    check_more(text, feature, CLEAR_VCPU, NEST_BIT_CLEAR);
    return 0;
}
