/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record: a domain's CPU before virtnestd corrected it, and the CPU that the correction wrote. */
#pragma once

#include "domain/unknown.h"

/**
 * NestRecord: the persistent part of virtnestd's metadata (state.h); all NULL where there is none.
 */
typedef struct {
    gchar *original; /* the <cpu> before the correction; "" where there was none; NULL: no record */
    gchar *applied;  /* the <cpu> as the correction wrote it; NULL only if @original is NULL */
    gchar *id;       /* a nonce that only this correction wrote, in the attribute "write" */
    NestUnknown in_original; /* what another release wrote into <original> */
    NestUnknown in_applied;  /* ... and into <applied> */
} NestRecord;

/* Empties it. */
void nest_record_clear(NestRecord *record);

/* (transfer full) Makes it the record of another correction. What another release wrote stays. */
void nest_record_replace(NestRecord *record, gchar *original, gchar *applied, gchar *id);

/* Makes it a copy of another. */
void nest_record_set(NestRecord *record, const NestRecord *other);
