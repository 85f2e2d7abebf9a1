/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands that reinstall virt-nest if a part of it is missing. They depend on how this build was installed. */
#pragma once

#include <glib.h>

/**
 * nest_reinstall: the commands that install virt-nest anew.
 * @sudo: what stands before a command that only root may run
 * @then: (nullable) a command to follow
 *
 * A package itself runs what systemd needs for its files. apt and dnf cannot find a package that was installed from a file,
 * so the remark names the file.
 *
 * Returns: (transfer full) commands, and a remark in parentheses.
 */
gchar *nest_reinstall(const char *sudo, const char *then) G_GNUC_WARN_UNUSED_RESULT;
