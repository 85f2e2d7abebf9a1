/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What decides nesting at the next load of the KVM module: modprobe's configuration. */
#pragma once

#include "modprobe_bars.h"
#include "modprobe_mistakes.h"
#include "cpu_vendor.h"

/* Our one drop-in. */
#define NEST_MODPROBE_FILE "/etc/modprobe.d/virt-nest.conf"

/**
 * NestModprobeSetting: one `options MODULE ... nested=...`, or the kernel argument MODULE.nested=...
 */
typedef struct {
    gchar *file;      /* as on the host: "/etc/modprobe.d/kvm.conf", or "/proc/cmdline" */
    guint line;       /* in @file, from 1 */
    gchar *name;      /* the module as it is written there: "kvm-amd" */
    gchar *value;     /* as it stands there: "0"; empty where there is none */
    gboolean on;      /* what the kernel makes of it */
    gboolean refused; /* ... or that it refuses it, and with it the module */
    gboolean ours;    /* in NEST_MODPROBE_FILE */
} NestModprobeSetting;

/**
 * NestModprobeConf: all there is about one module.
 */
typedef struct {
    const char *module;  /* as the vendor calls it */
    GPtrArray *settings; /* of NestModprobeSetting, in the kernel's order */
    GPtrArray *bars;     /* of NestModprobeBar: what keeps the module from being loaded */
    GPtrArray *mistakes; /* of NestModprobeMistake: lines without effect */
    gboolean initramfs; /* the initramfs is set up to load the module, with a copy of these files */
} NestModprobeConf;

/**
 * nest_modprobe_conf_read: what is set, in modprobe.d(5)'s order.
 *
 * The files as nest_modprobe_files_read() has them; then the kernel's command line, all of it: libkmod also takes
 * what stands behind "--" there.
 *
 * Returns: (transfer full) never NULL.
 */
NestModprobeConf *nest_modprobe_conf_read(const NestCpuVendor *vendor) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) The same if our drop-in had the text @ours; NULL: as it is. */
NestModprobeConf *nest_modprobe_conf_read_with(const NestCpuVendor *vendor,
                                               const char *ours) G_GNUC_WARN_UNUSED_RESULT;

void nest_modprobe_conf_free(NestModprobeConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestModprobeConf, nest_modprobe_conf_free)

/**
 * nest_modprobe_conf_winner: the setting that decides at the next load.
 *
 * The last one; but the first that the kernel refuses before all others, as it then loads nothing.
 *
 * Returns: (nullable)(transfer none) NULL where nobody says anything: the kernel's default, which is on
 * since 4.20.
 */
const NestModprobeSetting *nest_modprobe_conf_winner(const NestModprobeConf *conf);

/* (nullable)(transfer none) The kernel argument that decides for a module that is built in. */
const NestModprobeSetting *nest_modprobe_conf_argument(const NestModprobeConf *conf);

/* (nullable)(transfer none) An operator's nested=0 that a nested=1 of the distribution overrides. */
const NestModprobeSetting *nest_modprobe_conf_overridden(const NestModprobeConf *conf);

/* (transfer full) What to do about the boot loader's configuration, for a module that is built in. */
gchar *nest_modprobe_conf_boot_remedy(const NestModprobeConf *conf,
                                      gboolean nested) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_modprobe_conf_check_load: whether the module would be loaded at all.
 * @loaded: it is loaded now, and would be unloaded
 * @force: also where a line of modprobe.d keeps it away
 * @remedy: (nullable) the command to name that has force
 *
 * Returns: FALSE with NEST_ERROR_HOST_KEPT_OFF, naming what keeps it away, or NEST_ERROR_HOST_VALUE, naming the value
 * that the kernel refuses.
 */
gboolean nest_modprobe_conf_check_load(const NestModprobeConf *conf, gboolean loaded,
                                       gboolean force, const char *remedy, GError **error);

/**
 * nest_modprobe_conf_check: refuse to go against somebody's nested=0.
 *
 * Also against one that a distribution's nested=1 overrides.
 *
 * Returns: FALSE with NEST_ERROR_HOST_KEPT_OFF, naming file and line and --force; or NEST_ERROR_HOST_VALUE.
 */
gboolean nest_modprobe_conf_check(const NestModprobeConf *conf, GError **error);

/* Refuses for the winner, which is off; returns FALSE. @last: it is so whatever our drop-in says. */
gboolean nest_modprobe_conf_refuse(const NestModprobeConf *conf, gboolean last, GError **error);
