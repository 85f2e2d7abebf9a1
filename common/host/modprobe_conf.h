/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modprobe's configuration, which decides about nesting at the next load of the KVM module. */
#pragma once

#include "host/cpu_vendor.h"
#include "host/modprobe_bars.h"
#include "host/modprobe_mistakes.h"

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
    gboolean on;      /* whether the kernel takes the value as on */
    gboolean refused; /* whether the kernel refuses the value, and so does not load the module */
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
 * nest_modprobe_conf_read: read what is set, in modprobe.d(5)'s order.
 *
 * First come the files, in the order of nest_modprobe_files_read(); then the whole command line of the kernel,
 * because libkmod also takes what follows "--" there.
 *
 * Returns: (transfer full) never NULL.
 */
NestModprobeConf *nest_modprobe_conf_read(const NestCpuVendor *vendor) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) Reads the same as if our drop-in had the text @ours; NULL: the text it has. */
NestModprobeConf *nest_modprobe_conf_read_with(const NestCpuVendor *vendor,
                                               const char *ours) G_GNUC_WARN_UNUSED_RESULT;

void nest_modprobe_conf_free(NestModprobeConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestModprobeConf, nest_modprobe_conf_free)

/**
 * nest_modprobe_conf_winner: find the setting that decides at the next load.
 *
 * If the kernel refuses any settings, the first of these decides, because then nothing is loaded;
 * otherwise the last setting decides.
 *
 * Returns: (nullable)(transfer none) NULL where nothing is set: then the kernel's default decides,
 * which is on since 4.20.
 */
const NestModprobeSetting *nest_modprobe_conf_winner(const NestModprobeConf *conf);

/* (nullable)(transfer none) The kernel argument that decides for a module that is built in: the last one whose value the
 * kernel does not refuse. */
const NestModprobeSetting *nest_modprobe_conf_argument(const NestModprobeConf *conf);

/* (nullable)(transfer none) An operator's nested=0 that a nested=1 of the distribution overrides. */
const NestModprobeSetting *nest_modprobe_conf_overridden(const NestModprobeConf *conf);

/* (transfer full) What to do about the boot loader's configuration, for a module that is built in. */
gchar *nest_modprobe_conf_boot_remedy(const NestModprobeConf *conf,
                                      gboolean nested) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_modprobe_conf_check_load: whether the module would be loaded at all.
 * @loaded: the module is loaded now, and would be unloaded first
 * @force: go ahead even where a line of modprobe.d keeps the module from being loaded
 * @remedy: (nullable) the command with force that the message is to name
 *
 * Returns: FALSE with NEST_ERROR_HOST_KEPT_OFF, naming what keeps it away, or NEST_ERROR_HOST_VALUE, naming the value
 * that the kernel refuses.
 */
gboolean nest_modprobe_conf_check_load(const NestModprobeConf *conf, gboolean loaded,
                                       gboolean force, const char *remedy, GError **error);

/* The same for the next boot, against which no force helps. @loaded: it is loaded now. */
gboolean nest_modprobe_conf_check_boot(const NestModprobeConf *conf, gboolean loaded,
                                       GError **error);

/**
 * nest_modprobe_conf_check: refuse to go against somebody's nested=0.
 * @remedy: (nullable) the command with force that the message is to name, where force helps
 *
 * This includes a nested=0 that a distribution's nested=1 overrides.
 *
 * Returns: FALSE with NEST_ERROR_HOST_KEPT_OFF, naming file and line or the kernel's argument; or with
 * NEST_ERROR_HOST_VALUE.
 */
gboolean nest_modprobe_conf_check(const NestModprobeConf *conf, const char *remedy, GError **error);

/* Refuses because the setting that decides turns nesting off; returns FALSE. @remedy: (nullable) the command that
 * overrides the setting; NULL: it decides whatever our drop-in says. */
gboolean nest_modprobe_conf_refuse(const NestModprobeConf *conf, const char *remedy,
                                   GError **error);
