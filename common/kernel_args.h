/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A text of parameters, as the kernel's command line or a module's options, taken apart as the kernel does. */
#pragma once

#include <glib.h>

/* What the kernel counts as white space between parameters. */
#define NEST_KERNEL_BLANKS " \t\n\v\f\r"

/**
 * nest_kernel_args_next: take the next parameter off a text, by the kernel's rules for quotes.
 * @text: (inout) what is left of it
 * @ret_name: (out)(transfer full)
 * @ret_value: (out)(transfer full)(nullable) NULL where there is no '='
 *
 * The source is lib/cmdline.c, next_arg().
 *
 * Returns: FALSE at the end, with nothing given.
 */
gboolean nest_kernel_args_next(const char **text, gchar **ret_name, gchar **ret_value);

/**
 * nest_kernel_args_match: whether two names of a module or parameter are the same to the kernel and libkmod.
 *
 * '-' and '_' are.
 */
gboolean nest_kernel_args_match(const char *one, const char *other);
