/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scanner: runs the scans of all domains, each from the list of domains to the last sync that follows from it. */
#pragma once

#include "domain/policy.h"
#include "virtnestd/workers.h"

typedef struct NestScanner NestScanner;

/**
 * nest_scanner_new: begin without a scan.
 * @syncs: the workers that list, filter, and then sync
 * @max_filters: how many batches are filtered at a time
 * @found: called from the main loop for each domain that is to be synced; jobs that it pushes to @syncs belong to the scan
 * @data: for it
 */
NestScanner *nest_scanner_new(NestWorkers *syncs, guint max_filters,
                              void (*found)(gpointer data, const char *uuid), gpointer data);

/* The jobs of @syncs must be over. */
void nest_scanner_free(NestScanner *scanner);

/* Sets what the settings say about domains, for the scans that follow. */
void nest_scanner_set_policy(NestScanner *scanner, NestPolicy *policy);

/* Begins a scan: now, or after the one that is under way. A listing that failed is tried again. */
void nest_scanner_begin(NestScanner *scanner);

/* Ends the scan if it waits for nothing more; to be called after each change of @syncs. */
void nest_scanner_end_if_over(NestScanner *scanner);

/* libvirt is gone: the results of what is under way are dropped. */
void nest_scanner_cancel(NestScanner *scanner);

/* Begins nothing new. */
void nest_scanner_stop(NestScanner *scanner);

/* Whether a scan is under way, or is to be tried again. */
gboolean nest_scanner_is_busy(const NestScanner *scanner);
