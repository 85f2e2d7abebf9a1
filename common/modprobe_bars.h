/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keeps the KVM module from being loaded at all, by somebody's decision. */
#pragma once

#include "cpu_vendor.h"

typedef enum {
    NEST_MODPROBE_INSTALL,          /* a command is run in place of loading it */
    NEST_MODPROBE_BLACKLIST,        /* it is not loaded by itself, only by name */
    NEST_MODPROBE_KERNEL_BLACKLIST, /* the kernel refuses it */
    NEST_MODPROBE_BARS
} NestModprobeBarKind;

/**
 * NestModprobeBar: one line or kernel argument that does so.
 */
typedef struct {
    NestModprobeBarKind kind;
    gchar *file;         /* "/etc/modprobe.d/hardening.conf", or "/proc/cmdline" */
    guint line;          /* in @file, from 1 */
    gchar *text;         /* as "install kvm_intel /bin/false" */
    gboolean dependency; /* of kvm, without which the vendor's module is not loaded */
} NestModprobeBar;

/**
 * nest_modprobe_bars_read: all of them for a vendor's module.
 * @lines: from nest_modprobe_files_read()
 *
 * `install` lines, of which libkmod takes the first that fits; `blacklist` lines and modprobe.blacklist=; and
 * module_blacklist=, of which the kernel takes the last (kernel/module/main.c).
 *
 * Returns: (transfer full)(element-type NestModprobeBar) the strongest last.
 */
GPtrArray *nest_modprobe_bars_read(const NestCpuVendor *vendor,
                                   const GPtrArray *lines) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_modprobe_bars_find: what keeps the module away.
 * @loaded: it is loaded now: what needs kvm has it, and to be loaded by itself it need not
 * @forced: somebody wants it all the same
 *
 * Returns: (nullable)(transfer none) NULL where nothing does.
 */
const NestModprobeBar *nest_modprobe_bars_find(const GPtrArray *bars, gboolean loaded,
                                               gboolean forced);

/**
 * nest_modprobe_bars_refuse: set NEST_ERROR_HOST_KEPT_OFF: the module is kept away.
 * @remedy: (nullable) the command that does it all the same, where one does
 */
void nest_modprobe_bars_refuse(const NestModprobeBar *bar, const char *module, const char *remedy,
                               GError **error);

/* A kind as programs read it: "install", "blacklist", "module-blacklist". */
const char *nest_modprobe_bars_kind_name(NestModprobeBarKind kind);
