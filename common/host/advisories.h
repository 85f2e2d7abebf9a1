/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's version against the nested escapes that are known (install/config/advisories.conf). */
#pragma once

#include "host/cpu_vendor.h"

#define NEST_ADVISORIES_FILE NEST_DATADIR "/virt-nest/advisories.conf"

typedef enum {
    NEST_ADVISORY_FIXED,    /* this kernel has the fix, or never had the hole */
    NEST_ADVISORY_AFFECTED, /* it does not */
    NEST_ADVISORY_UNKNOWN,  /* no list has its series */
} NestAdvisoryState;

/**
 * NestKernel: a kernel as it names itself.
 */
typedef struct {
    gchar *release;           /* uname -r: "6.1.0-44-amd64" */
    gchar *version;           /* what is compared: "6.1.187-1" */
    const char *distribution; /* (nullable) in advisories.conf's words; NULL: Linux itself */
    gboolean
        known; /* @version can be compared: Linux itself, or a distribution that is in the lists */
} NestKernel;

/**
 * NestAdvisory: one advisory, and whether a kernel is affected.
 */
typedef struct {
    gchar *name;      /* "CVE-2026-53359" */
    gchar *published; /* "2026-07" */
    gchar *about;     /* one line */
    NestAdvisoryState state;
} NestAdvisory;

/**
 * nest_kernel_read: what the running kernel says of itself.
 * @release: of uname(2)
 * @build: its version, which has Debian's: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.187-1 (2026-10-01)"
 *
 * A kernel that a distribution builds under Linux's own version numbers cannot be told from Linux itself if its release
 * has no more than these numbers.
 */
NestKernel nest_kernel_read(const char *release, const char *build);

void nest_kernel_clear(NestKernel *kernel);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NestKernel, nest_kernel_clear)

/**
 * nest_advisories_judge: compare a kernel with all advisories.
 * @path: the file
 * @five_level_ept: what the processor has; always TRUE where it is not Intel's
 *
 * Returns: (transfer full)(element-type NestAdvisory) NULL with NEST_ERROR_IO where the file cannot be read.
 */
GPtrArray *nest_advisories_judge(const char *path, const NestKernel *kernel,
                                 gboolean five_level_ept, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_advisories_of_host: compare the running kernel with the advisories that are installed.
 * @vendor: (nullable) this host's
 * @ret_kernel: (out) what the kernel says of itself
 *
 * Returns: (transfer full)(element-type NestAdvisory) NULL with NEST_ERROR_IO.
 */
GPtrArray *nest_advisories_of_host(const NestCpuVendor *vendor, NestKernel *ret_kernel,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
