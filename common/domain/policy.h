/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy: what this host's configuration says about its domains, besides their own tags. */
#pragma once

#include "base/config.h"
#include "domain/rules.h"

/**
 * NestPolicy: what the configuration said when it was read. It is reference-counted, because threads share it, and it
 * never changes.
 */
typedef struct {
    NestUntagged untagged; /* [untagged] policy=leave|disable */
    NestRules *rules; /* the rules of rules.d; mistaken ones are among them, but decide nothing */
} NestPolicy;

/**
 * nest_policy_load: read the policy.
 *
 * Returns: (transfer full) the policy, or NULL with NEST_ERROR_CONFIG.
 */
NestPolicy *nest_policy_load(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) The policy of settings that were read. */
NestPolicy *nest_policy_new(const NestConfig *config) G_GNUC_WARN_UNUSED_RESULT;

NestPolicy *nest_policy_ref(NestPolicy *policy);
void nest_policy_unref(NestPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestPolicy, nest_policy_unref)

/* Whether it may concern a domain that does not mention virt-nest at all. @policy: (nullable) NULL: there is none */
gboolean nest_policy_concerns_all(const NestPolicy *policy);
