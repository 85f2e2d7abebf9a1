/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bars: what keeps the KVM module from being loaded, or unloaded, at all, because somebody decided so. */
#pragma once

#include "host/cpu_vendor.h"

typedef enum {
    NEST_MODPROBE_INSTALL,          /* a command is run in place of loading it */
    NEST_MODPROBE_BLACKLIST,        /* it is not loaded by itself, only by name */
    NEST_MODPROBE_KERNEL_BLACKLIST, /* the kernel refuses it */
    NEST_MODPROBE_ALIAS,            /* its name means another module */
    NEST_MODPROBE_REMOVE,           /* a command is run in place of unloading it */
    NEST_MODPROBE_NO_MODULES,       /* the kernel neither loads nor unloads any module */
    NEST_MODPROBE_BARS
} NestModprobeBarKind;

/**
 * NestModprobeBar: one line, kernel argument or sysctl that keeps the module from being loaded or unloaded.
 */
typedef struct {
    NestModprobeBarKind kind;
    gchar *file;         /* "/etc/modprobe.d/hardening.conf", "/proc/cmdline", or the sysctl's */
    guint line;          /* in @file, from 1 */
    gchar *text;         /* such as "install kvm_intel /bin/false" */
    gboolean dependency; /* it is about kvm, without which the vendor's module is not loaded */
} NestModprobeBar;

/**
 * nest_modprobe_bars_read: find all bars for a vendor's module.
 * @lines: from nest_modprobe_files_read()
 *
 * These are: `install`, `remove` and `alias` lines, of which libkmod takes the first that matches; `blacklist` lines and
 * modprobe.blacklist=; module_blacklist=, of which the kernel takes the last; nomodule; and the sysctl
 * kernel.modules_disabled (kernel/module/main.c). The other words of modprobe.d(5) keep no module away: if a softdep fails,
 * libkmod goes on; the `install` line of a softdep is not run (module_load.h); and a weakdep is a hint for an initramfs.
 * The `install` lines of other modules that are needed are found only when the module is to be loaded, because the kernel's
 * index names these modules.
 *
 * Returns: (transfer full)(element-type NestModprobeBar) those of the files, then those of the
 * kernel; nest_modprobe_bars_find() finds the one that counts.
 */
GPtrArray *nest_modprobe_bars_read(const NestCpuVendor *vendor,
                                   const GPtrArray *lines) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_modprobe_bars_find: find the bar that keeps the module from being loaded now.
 * @loaded: the module is loaded now, and would be unloaded first. Then bars about kvm do not count, because kvm stays
 *   loaded; blacklists do not count, because the module is loaded by name; and only then `remove` lines count
 * @forced: somebody wants it nevertheless. Then only bars that nobody can override count
 *
 * Returns: (nullable)(transfer none) NULL where nothing does.
 */
const NestModprobeBar *nest_modprobe_bars_find(const GPtrArray *bars, gboolean loaded,
                                               gboolean forced);

/**
 * nest_modprobe_bars_find_at_boot: find the bar that will keep the module from being loaded at the next boot.
 * @loaded: the module is loaded: blacklists do not count then, because whoever loaded it by its name (modprobe; not
 *   systemd-modules-load, which heeds blacklists) may do so at boot, too
 *
 * An `alias` does not count, because udev does not load the module by its name.
 *
 * Returns: (nullable)(transfer none) NULL where nothing does.
 */
const NestModprobeBar *nest_modprobe_bars_find_at_boot(const GPtrArray *bars, gboolean loaded);

/**
 * nest_modprobe_bars_refuse: set NEST_ERROR_HOST_KEPT_OFF: a bar prevents loading the module.
 * @remedy: (nullable) the command that turns nesting on nevertheless; NULL if nesting is not to be turned on
 */
void nest_modprobe_bars_refuse(const NestModprobeBar *bar, const char *module, const char *remedy,
                               GError **error);

/* A kind as programs read it: "install", "blacklist", "module-blacklist", "alias", "remove", "modules-disabled". */
const char *nest_modprobe_bars_kind_name(NestModprobeBarKind kind);
