/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our drop-in in modprobe's configuration: what has nesting on at each boot. */
#pragma once

#include "cpu_vendor.h"

/* For whom it is: bits. */
typedef enum {
    NEST_MODPROBE_LOADED =
        1 << 0, /* the module is loaded now, so that whoever loads it will do so again */
    NEST_MODPROBE_FORCE =
        1 << 1, /* also where somebody set nested=0, as far as ours is read after that */
} NestModprobeDropinUse;

/* Whether nest_modprobe_dropin_keep_on() would be refused, and why; changes nothing. */
gboolean nest_modprobe_dropin_may_keep_on(const NestCpuVendor *vendor, NestModprobeDropinUse use,
                                          GError **error);

/**
 * nest_modprobe_dropin_keep_on: have nesting on at each boot, by our drop-in (NEST_MODPROBE_FILE).
 *
 * Written to a temporary file beside it, synchronized and renamed; left alone where it already says so, also
 * without force. Lines that somebody added to our drop-in stay; one of ours for the other vendor goes. Nothing
 * is written that would not work: where something keeps the module from being loaded, or a value is one that the
 * kernel refuses, no line of ours helps.
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
