/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call of the hook's judge: the domain that libvirt asks about, and what has been read for its judgement. */
#include "hook_call.h"

#include "base/config.h"
#include "base/log.h"
#include "base/root.h"

void
nest_hook_call_clear(NestHookCall *call)
{
    nest_live_status_free(call->live);
    nest_policy_unref(call->policy);
    nest_domain_xml_free(call->xml);
}

const NestPolicy *
nest_hook_call_policy(NestHookCall *call)
{
    g_autofree gchar *path = nest_root_path(NEST_CONFIG_FILE);
    g_autoptr(GError) error = NULL;
    NestConfig config = NEST_CONFIG_DEFAULT;

    if (!call->policy)
        call->policy = nest_policy_load(&error);
    if (call->policy)
        return call->policy;
    nest_log_error(call->name, call->uuid, error);
    config.untagged = nest_config_peek(path) ? NEST_UNTAGGED_DISABLE : NEST_UNTAGGED_LEAVE;
    call->policy = nest_policy_new(&config);
    return call->policy;
}

gboolean
nest_hook_call_is_forbidden(const NestHookCall *call)
{
    return call->wish.kind == NEST_WISH_DISABLE;
}
