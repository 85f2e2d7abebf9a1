/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watch for entries into nested guests: a plugin reports by itself which guest has just entered one. */
#pragma once

#include "plugin_host.h"

typedef struct NestEntryWatch NestEntryWatch;

/**
 * nest_entry_watch_new: prepare a watch with the first plugin of that kind. There may be no such plugin.
 * @entered: called from the main loop with the PID of a QEMU whose guest has just entered a nested guest, and with
 *   the time of the entry, CLOCK_MONOTONIC in microseconds
 * @data: for it
 */
NestEntryWatch *nest_entry_watch_new(const NestPluginHost *plugins,
                                     void (*entered)(gpointer data, gint64 pid, gint64 time),
                                     gpointer data);
void nest_entry_watch_free(NestEntryWatch *watch);

/**
 * nest_entry_watch_add: have the guest's next entry reported, once.
 *
 * Of several failures in a row the first is logged, with the reason.
 *
 * Returns: (nullable) the plugin's name; NULL if the guest must be sampled instead.
 */
const char *nest_entry_watch_add(NestEntryWatch *watch, const NestGuest *guest);

/* From now on no entry of the guest is reported. */
void nest_entry_watch_remove(NestEntryWatch *watch, const NestGuest *guest);
