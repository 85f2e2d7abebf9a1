/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that the guests of virt-nest bench boot. They are made from this host's kernel and drivers, its QEMU with
 * libraries and firmware, and a program of ours. */
#pragma once

#include "bench_guest.h"
#include "host/cpu_vendor.h"

/**
 * nest_bench_files_make: make the files.
 * @machine: its emulator, type, programs and sizes are read; directory and kernel are set, for
 *   nest_bench_files_remove(); memory grows if programs of others go into the guests
 * @vendor: of the CPU that the first guest has
 *
 * Returns: FALSE with NEST_ERROR_IO or NEST_ERROR_HOST_FILES.
 */
gboolean nest_bench_files_make(NestBenchMachine *machine, const NestCpuVendor *vendor,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full)(nullable) The path of a program of this host that can go into a guest. */
gchar *nest_bench_files_find_program(const char *name) G_GNUC_WARN_UNUSED_RESULT;

/* Removes the directory, if one was made. */
void nest_bench_files_remove(NestBenchMachine *machine);
