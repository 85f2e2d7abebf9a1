/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that domstats' values are counted by their names, whatever they are called.
 *
 * Each line of the input is a value: its first byte chooses the type, the rest is the name. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "../../plugins/probe-domstats.c" // NOLINT(bugprone-suspicious-include)

static virDomainStatsRecord record;

gboolean
fuzz_start(void)
{
    return TRUE;
}

/* Stand for libvirt. */
int
virDomainListGetStats(virDomainPtr *domains, unsigned int stats,
                      virDomainStatsRecordPtr **ret_records, unsigned int flags)
{
    (void)domains, (void)stats, (void)flags;
    *ret_records = g_new0(virDomainStatsRecordPtr, 2);
    (*ret_records)[0] = &record;
    return 1;
}

void
virDomainStatsRecordListFree(virDomainStatsRecordPtr *records)
{
    g_free(records);
}

const char *
virGetLastErrorMessage(void)
{
    return "no error";
}

/* The same as the plugin says, in other words. */
static gboolean
is_counted(const virTypedParameter *value)
{
    int length = 0;

    return value->type == VIR_TYPED_PARAM_ULLONG &&
           sscanf(value->field, "vcpu.%*[0-9].nested_run.sum%n", &length) == 0 && length > 0 &&
           value->field[length] == '\0';
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree gchar *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint n = g_strv_length(lines);
    g_autofree virTypedParameter *values = g_new0(virTypedParameter, n + 1);
    g_autoptr(GError) error = NULL;
    NestEvidence evidence = {0};
    guint counted = 0;

    for (guint i = 0; i < n; i++) {
        values[i].type = *lines[i] ? (int)fuzz_choice((guint8)*lines[i], 9) : 0;
        g_strlcpy(values[i].field, *lines[i] ? lines[i] + 1 : "", sizeof(values[i].field));
        values[i].value.ul = 1;
        counted += is_counted(&values[i]);
    }
    record = (virDomainStatsRecord){.params = values, .nparams = (int)n};
    if (domstats_sample(NULL, NULL, NULL, &evidence, &error))
        PROMISE("each is counted once", evidence.counted && evidence.entries == counted, text);
    else
        fuzz_check_error(error, NEST_ERROR_LIBVIRT, NEST_ERROR_LIBVIRT);
    PROMISE("none is an error", (counted == 0) == (error != NULL), text);
    return 0;
}
