/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our drop-in in modprobe's configuration, which turns nesting on at each boot. */
#pragma once

#include "host/cpu_vendor.h"

/* The circumstances in which the drop-in is written; these are bits. */
typedef enum {
    NEST_MODPROBE_LOADED =
        1
        << 0, /* the module is loaded, so it may also be loaded by name at boot: blacklists do not count */
    NEST_MODPROBE_FORCE =
        1 << 1, /* even where somebody set nested=0, as far as our drop-in is read after it */
} NestModprobeDropinUse;

/* Whether nest_modprobe_dropin_keep_on() would be refused, and why; changes nothing. */
gboolean nest_modprobe_dropin_may_keep_on(const NestCpuVendor *vendor, NestModprobeDropinUse use,
                                          GError **error);

/**
 * nest_modprobe_dropin_keep_on: turn nesting on at each boot, by our drop-in (NEST_MODPROBE_FILE).
 *
 * The drop-in is written to a temporary file beside it, synchronized and renamed. A drop-in that already has the very
 * text that would be written is left alone, even without force. Lines that somebody added to our drop-in stay; our line
 * for the other vendor is removed. Nothing is written that would not work: where something keeps the module from being
 * loaded, or the kernel refuses a value, no line of ours helps.
 *
 * Returns: FALSE with NEST_ERROR_HOST_KEPT_OFF, NEST_ERROR_HOST_VALUE or NEST_ERROR_IO; what was there is untouched
 * then.
 */
gboolean nest_modprobe_dropin_keep_on(const NestCpuVendor *vendor, NestModprobeDropinUse use,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_modprobe_dropin_forget: take our drop-in away, or our lines of it where somebody added others.
 * @ret_removed: (out) whether there was one
 *
 * Returns: FALSE with NEST_ERROR_IO.
 */
gboolean nest_modprobe_dropin_forget(gboolean *ret_removed,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
