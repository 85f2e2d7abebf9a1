/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live status: says in a running tagged domain's live XML that this guest runs, and what its guard does. */
#include "virtnestd/publish.h"

#include "virt/virt.h"

/* @element: (nullable) NULL removes it. */
static gboolean
set_element(virDomainPtr domain, const char *element, const char *prefix, const char *uri,
            GError **error)
{
    g_autoptr(GError) problem = NULL;

    if (nest_virt_set_metadata(domain, element, prefix, uri, VIR_DOMAIN_AFFECT_LIVE,
                               "cannot write into the running domain's metadata", &problem))
        return TRUE;
    if (nest_virt_has_stopped(domain))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&problem));
    return FALSE;
}

/* (transfer full)(nullable) virtnestd's element as it should stand in the live XML. NULL: the tag
 * and the guard are gone, so the element must be removed as well. */
static gchar *
wanted_element(const NestLiveDomain *live, const NestLiveStatus *status)
{
    g_autoptr(NestState) state = nest_state_new();

    if (status || live->marked)
        nest_live_status_set(&state->live, status ? status : &live->state->live);
    if (!live->tagged && !state->live.nested)
        return NULL;
    nest_state_set_persistent(state, live->state);
    g_free(state->live.uuid);
    g_free(state->live.qemu);
    state->live.uuid = g_strdup(live->guest.uuid);
    state->live.qemu = g_strdup(live->qemu);
    return nest_state_format(state, FALSE);
}

gboolean
nest_publish_live_status(virDomainPtr domain, const NestLiveDomain *live,
                         const NestLiveStatus *status, gboolean allow_is_over, gboolean *ret_busy,
                         GError **error)
{
    g_autofree gchar *before = nest_state_format(live->state, FALSE);
    g_autofree gchar *element = wanted_element(live, status);
    gboolean changed = g_strcmp0(before, element) != 0;
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    gboolean forget =
        live->has_allow && (allow_is_over || live->arrived || !nest_allow_holds(&live->allow, now));

    if (!changed && !forget)
        return TRUE;
    *ret_busy = nest_virt_is_busy(domain);
    if (*ret_busy)
        return TRUE;
    if (changed && !set_element(domain, element, "neststate", NEST_STATE_NAMESPACE, error))
        return FALSE;
    return !forget || set_element(domain, NULL, NEST_ALLOW_PREFIX, NEST_ALLOW_NAMESPACE, error);
}
