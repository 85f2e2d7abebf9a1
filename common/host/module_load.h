/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads a kernel module with modprobe's configuration, but runs no command of it. */
#pragma once

#include <glib.h>
#include <libkmod.h>

/**
 * nest_module_load_command: the `install` line that modprobe would run in place of loading a module, or one that it needs.
 * @ret_module: (out)(transfer full) which of them, if there is such a line
 *
 * A needed module that is in the kernel is not loaded, so that its line does not count.
 *
 * Returns: (transfer none)(nullable) the command.
 */
const char *nest_module_load_command(struct kmod_module *module,
                                     gchar **ret_module) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_module_load: load a module, and before it those that it needs, with the options of modprobe's configuration.
 * @options: more options for @module, as "nested=1"
 *
 * `install` lines are not run, not even those of softdeps. (libkmod runs the latter even if the caller skips the module's
 * own line, because modules that this one needs may have softdeps: libkmod/libkmod-module.c.) Nobody knows what such a
 * command does and whether it ends, and meanwhile the host would be without the module. The log names the commands that
 * were not run.
 *
 * Returns: 0 or -errno.
 */
int nest_module_load(struct kmod_module *module, const char *options) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a module is in the kernel, loaded or built in. */
gboolean nest_module_is_in_kernel(struct kmod_module *module);
