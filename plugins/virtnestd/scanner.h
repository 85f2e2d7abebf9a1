/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scanner: the course of the scans of all domains, from the listing to the last sync that a scan led to. */
#pragma once

#include "domain/policy.h"
#include "virtnestd/workers.h"

typedef struct NestScanner NestScanner;

/**
 * nest_scanner_new: begin without a scan.
 * @syncs: the workers that list, filter, and then sync
 * @max_filters: how many batches are filtered at a time
 * @found: told from the main loop of each domain that is to be synced; what it pushes to @syncs belongs to the scan
 * @data: for it
 */
NestScanner *nest_scanner_new(NestWorkers *syncs, guint max_filters,
                              void (*found)(gpointer data, const char *uuid), gpointer data);

/* The jobs of @syncs must be over. */
void nest_scanner_free(NestScanner *scanner);

/* What the settings say of domains, for the scans that follow. */
void nest_scanner_set_policy(NestScanner *scanner, NestPolicy *policy);

/* Begins a scan: now, or after the one that is under way. A listing that failed is tried again. */
void nest_scanner_begin(NestScanner *scanner);

/* Ends the scan, if it has nothing more to wait for; to be called after a change of @syncs. */
void nest_scanner_end_if_over(NestScanner *scanner);

/* libvirt is gone: what is under way leads to nothing. */
void nest_scanner_cancel(NestScanner *scanner);

/* Begins nothing new. */
void nest_scanner_stop(NestScanner *scanner);

/* Whether a scan is under way, or is to be tried again. */
gboolean nest_scanner_is_busy(const NestScanner *scanner);
