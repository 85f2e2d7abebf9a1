/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy: what this host's configuration says about its domains, besides their own tags. */
#include "domain/policy.h"

NestPolicy *
nest_policy_new(const NestConfig *config)
{
    NestPolicy *policy = g_atomic_rc_box_new0(NestPolicy);

    policy->untagged = config->untagged;
    policy->rules = nest_rules_load();
    return policy;
}

NestPolicy *
nest_policy_load(GError **error)
{
    NestConfig config = NEST_CONFIG_DEFAULT;

    return nest_config_load(&config, error) ? nest_policy_new(&config) : NULL;
}

NestPolicy *
nest_policy_ref(NestPolicy *policy)
{
    return g_atomic_rc_box_acquire(policy);
}

static void
policy_clear(gpointer policy)
{
    nest_rules_unref(((NestPolicy *)policy)->rules);
}

void
nest_policy_unref(NestPolicy *policy)
{
    if (policy)
        g_atomic_rc_box_release_full(policy, policy_clear);
}

gboolean
nest_policy_concerns_all(const NestPolicy *policy)
{
    return policy &&
           (policy->untagged != NEST_UNTAGGED_LEAVE || nest_rules_length(policy->rules) > 0);
}
