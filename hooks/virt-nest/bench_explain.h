/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The properties of this host that decide how much nesting costs, and whether its figures mean anything. */
#pragma once

#include "bench_report.h"
#include "host/cpu_vendor.h"

/**
 * nest_bench_explain: fill in the report's kernel, explanations, and why it has no meaning.
 * @vendor: of the host's KVM module; NULL where L1 is emulated
 */
void nest_bench_explain(NestBenchReport *report, const NestCpuVendor *vendor);
