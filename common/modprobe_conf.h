/* What decides nesting at the next load of the KVM module: modprobe's configuration, and our drop-in in it. */
#pragma once

#include "platform.h"

/* Our one drop-in. */
#define NEST_MODPROBE_FILE "/etc/modprobe.d/virt-nest.conf"

/**
 * NestModprobeSetting: one `options MODULE ... nested=...`, or the kernel argument MODULE.nested=...
 */
typedef struct {
    gchar *file;   /* as on the host: "/etc/modprobe.d/kvm.conf", or "/proc/cmdline" */
    guint line;    /* in @file, from 1 */
    gchar *value;  /* as it stands there: "0"; empty where there is none */
    gboolean on;   /* what the kernel makes of it */
    gboolean ours; /* in NEST_MODPROBE_FILE */
} NestModprobeSetting;

/**
 * NestModprobeConf: all of them for one module.
 */
typedef struct {
    const char *module;  /* as the platform calls it */
    GPtrArray *settings; /* of NestModprobeSetting, in the kernel's order: the last one wins */
    gboolean initramfs; /* the initramfs is set up to load the module, with a copy of these files */
} NestModprobeConf;

/**
 * nest_modprobe_conf_read: what is set, in modprobe.d(5)'s order.
 *
 * Files of /etc, /run, /usr/local/lib, /usr/lib and /lib/modprobe.d by name, one of an earlier folder in the
 * place of one of the same name in a later; then the kernel's command line, all of it: libkmod also takes what
 * stands behind "--" there. What cannot be read is skipped, as modprobe does.
 *
 * Returns: (transfer full) never NULL.
 */
NestModprobeConf *nest_modprobe_conf_read(const NestPlatform *platform) G_GNUC_WARN_UNUSED_RESULT;

void nest_modprobe_conf_free(NestModprobeConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestModprobeConf, nest_modprobe_conf_free)

/**
 * nest_modprobe_conf_winner: the setting that is in force at the next load.
 *
 * Returns: (nullable)(transfer none) NULL where nobody says anything: the kernel's default, which is on
 * since 4.20.
 */
const NestModprobeSetting *nest_modprobe_conf_winner(const NestModprobeConf *conf);

/**
 * nest_modprobe_conf_check: refuse to go against somebody's nested=0.
 *
 * Returns: FALSE with NEST_ERROR_HOST_KEPT_OFF, naming file and line and --force, where the winner says off.
 */
gboolean nest_modprobe_conf_check(const NestModprobeConf *conf, GError **error);

/* Whether nest_modprobe_conf_keep_on() would be refused, and why; changes nothing. */
gboolean nest_modprobe_conf_may_keep_on(const NestPlatform *platform, gboolean force,
                                        GError **error);

/**
 * nest_modprobe_conf_keep_on: have nesting on at each boot, by our drop-in.
 * @force: also where somebody set nested=0, as far as our file is read after that
 *
 * Written to a temporary file beside it, synchronized and renamed; left alone where it already says so, also
 * without @force. Lines that somebody added to our drop-in stay; one of ours for the other vendor goes.
 *
 * Returns: FALSE with NEST_ERROR_HOST_KEPT_OFF or NEST_ERROR_IO; what was there is untouched then.
 */
gboolean nest_modprobe_conf_keep_on(const NestPlatform *platform, gboolean force,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_modprobe_conf_forget: take our drop-in away, or our lines of it where somebody added others.
 * @ret_removed: (out) whether there was one
 *
 * Returns: FALSE with NEST_ERROR_IO.
 */
gboolean nest_modprobe_conf_forget(gboolean *ret_removed, GError **error) G_GNUC_WARN_UNUSED_RESULT;
