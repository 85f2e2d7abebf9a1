/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One file of rules: a key file in which each group is a rule. */
#pragma once

#include "domain/rules.h"

/* The longest file that is read. */
#define NEST_RULE_FILE_MAX_BYTES ((gsize)64 * 1024)

/**
 * nest_rule_file_read: read the rules of one file.
 * @path: the file, without $VIRT_NEST_ROOT
 * @rules: (element-type NestRule) they are added to it
 *
 * A file that cannot be read, or has a line that is neither a group nor a key, is added as one mistaken rule.
 */
void nest_rule_file_read(const char *path, GPtrArray *rules);

/* (transfer full) A mistaken rule in place of what cannot be read. @message: says what, why, what next */
NestRule *nest_rule_file_mistaken(const char *path, guint line,
                                  const char *message) G_GNUC_WARN_UNUSED_RESULT;

void nest_rule_free(NestRule *rule);
