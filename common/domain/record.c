/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record: a domain's CPU before virtnestd corrected it, and as the correction wrote it. */
#include "domain/record.h"

void
nest_record_clear(NestRecord *record)
{
    g_clear_pointer(&record->original, g_free);
    g_clear_pointer(&record->applied, g_free);
    g_clear_pointer(&record->id, g_free);
}

void
nest_record_set(NestRecord *record, const NestRecord *other)
{
    NestRecord copy = {g_strdup(other->original), g_strdup(other->applied), g_strdup(other->id)};

    nest_record_clear(record);
    *record = copy;
}
