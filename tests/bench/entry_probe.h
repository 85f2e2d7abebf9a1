/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A probe of the program's own, which tells of a guest's next entry into an L2, as virtnestd's does. */
#pragma once

#include "nest-plugin.h"

#include <libvirt/libvirt.h>

typedef struct {
    const NestPlugin *plugin;
    gpointer state;
} EntryProbe;

/* @path: probe-trace.so. Ends the program where the kernel does not tell. */
void entry_probe_load(EntryProbe *probe, const char *path);

/* From now on, the next entry of this domain of the first libvirt is told. */
void entry_probe_watch(const EntryProbe *probe, virDomainPtr domain);

/* When the guest entered, in nanoseconds of bench_now(); 0: it has not within @ms. */
gint64 entry_probe_wait(const EntryProbe *probe, gint64 ms);

void entry_probe_unload(EntryProbe *probe);
