/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record: a domain's CPU before virtnestd corrected it, and the CPU that the correction wrote. */
#include "domain/record.h"

void
nest_record_replace(NestRecord *record, gchar *original, gchar *applied, gchar *id)
{
    g_free(record->original);
    g_free(record->applied);
    g_free(record->id);
    record->original = original;
    record->applied = applied;
    record->id = id;
}

void
nest_record_clear(NestRecord *record)
{
    nest_record_replace(record, NULL, NULL, NULL);
    nest_unknown_clear(&record->in_original);
    nest_unknown_clear(&record->in_applied);
}

void
nest_record_set(NestRecord *record, const NestRecord *other)
{
    nest_record_replace(record, g_strdup(other->original), g_strdup(other->applied),
                        g_strdup(other->id));
    nest_unknown_set(&record->in_original, &other->in_original);
    nest_unknown_set(&record->in_applied, &other->in_applied);
}
