/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs that a manager of virtual machines calls have in common: their messages, and how they end. */
#pragma once

#include "domain/asked.h"

/**
 * nest_manager_begin: from now on end in a defined way, even if memory runs out or twenty seconds have passed.
 * @action: what is refused then, such as "start domain"
 * @name: the domain's name; it stays valid
 */
void nest_manager_begin(const char *action, const char *name);

/**
 * nest_manager_rewrite: nest_asked_rewrite(), which also prints the changes, or why there are none, to standard error.
 * @name: the domain's name
 */
gchar *nest_manager_rewrite(const NestAsked *asked, const char *name, const char *text,
                            NestAskedCheck check, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Says what went wrong on standard error, with the domain's name (nullable) before it; returns @status. */
int nest_manager_fail(const char *name, GError *error, int status);
