/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Splits a text of parameters, such as the kernel's command line or a module's options, as the kernel does. */
#pragma once

#include <glib.h>

/* What the kernel counts as white space between parameters. */
#define NEST_KERNEL_BLANKS " \t\n\v\f\r"

/**
 * nest_kernel_args_next: take the next parameter from a text, by the kernel's rules for quotes.
 * @text: (inout) the text; afterwards what is left of it
 * @ret_name: (out)(transfer full)
 * @ret_value: (out)(transfer full)(nullable) NULL where there is no '='
 *
 * The rules are those of next_arg() in the kernel's lib/cmdline.c.
 *
 * Returns: FALSE at the end of the text; @ret_name and @ret_value are not set then.
 */
gboolean nest_kernel_args_next(const char **text, gchar **ret_name, gchar **ret_value);

/**
 * nest_kernel_args_match: whether two names of a module or parameter are the same to the kernel and libkmod.
 *
 * '-' and '_' are the same character to them.
 */
gboolean nest_kernel_args_match(const char *one, const char *other);

/* Whether the kernel takes @value for yes, by its first letters (param_set_bool() in kernel/params.c, kstrtobool() in
 * lib/kstrtox.c). @value: (nullable) NULL, a name alone, is yes */
gboolean nest_kernel_args_is_yes(const char *value);
