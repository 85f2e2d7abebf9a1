/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ward: a running domain under guard, what is known of it and what is wanted for it. */
#include "virtnestd/ward.h"

#include "base/log.h"

/* How long a reason may be out of date. */
#define REASON_MS 10000

NestWard *
nest_ward_new(NestGuardian *guardian, NestLiveDomain *run)
{
    NestWard *ward = g_new0(NestWard, 1);

    ward->guardian = guardian;
    ward->run = nest_live_domain_ref(run);
    return ward;
}

void
nest_ward_free(gpointer data)
{
    NestWard *ward = data;

    if (ward->job)
        ward->job->owner = NULL;
    nest_live_domain_unref(ward->run);
    nest_live_status_free(ward->shown);
    g_free(ward->problem);
    g_free(ward->said);
    g_free(ward);
}

static gint64
real_seconds(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

gboolean
nest_ward_is_lifted(const NestWard *ward)
{
    return ward->run->let_go ||
           (!ward->spent && nest_allow_holds(&ward->run->allow, real_seconds()));
}

/* Without a tag that asks for it nothing is armed anew, but what is armed stays while nested guests run. */
gboolean
nest_ward_wants_arms(const NestWard *ward)
{
    return ward->verdict.state == NEST_VERDICT_RUNNING && !nest_ward_is_lifted(ward) &&
           (ward->run->guarded || ward->armed);
}

/* A KVM guest has a counter, and to read its registers taints it: only where the counter stays away. */
gboolean
nest_ward_wants_bit(const NestWard *ward)
{
    return nest_verdict_wants_bit(&ward->verdict) || !ward->run->guest.kvm ||
           ward->blind >= NEST_WARD_MAX_BLIND;
}

NestGuardState
nest_ward_guard(const NestWard *ward)
{
    if (ward->armed)
        return NEST_GUARD_ARMED;
    if (ward->verdict.state != NEST_VERDICT_RUNNING)
        return NEST_GUARD_OFF;
    if (ward->lifted)
        return NEST_GUARD_LIFTED;
    return ward->problem ? NEST_GUARD_FAILED : NEST_GUARD_OFF;
}

const char *
nest_ward_reason(const NestWard *ward)
{
    return nest_verdict_why_words(nest_verdict_why_name(ward->verdict.why));
}

void
nest_ward_say_once(NestWard *ward, const GError *error)
{
    if (g_strcmp0(ward->said, error->message) == 0)
        return;
    g_free(ward->said);
    ward->said = g_strdup(error->message);
    nest_log_error(ward->run->guest.name, ward->run->guest.uuid, error);
}

static NestLiveStatus *
live_status_of(const NestWard *ward, gint64 now)
{
    NestLiveStatus *status = nest_live_status_new();
    const NestVerdict *verdict = &ward->verdict;
    NestGuardState guard = nest_ward_guard(ward);

    status->nested = verdict->state == NEST_VERDICT_RUNNING;
    status->since = real_seconds() - (now - verdict->since) / 1000;
    status->why = g_strdup(nest_verdict_why_name(verdict->why));
    status->probe = g_strdup(ward->probe);
    status->guard = g_strdup(nest_guard_state_name(guard));
    status->problem = guard == NEST_GUARD_FAILED ? g_strdup(ward->problem) : NULL;
    return status;
}

static gboolean
is_other(const NestWard *ward, const NestLiveStatus *status, gint64 now)
{
    const NestLiveStatus *shown = ward->shown;

    if (!shown || shown->nested != status->nested || g_strcmp0(shown->guard, status->guard) != 0 ||
        g_strcmp0(shown->problem, status->problem) != 0)
        return TRUE;
    return now - ward->shown_at > REASON_MS &&
           (g_strcmp0(shown->why, status->why) != 0 || g_strcmp0(shown->probe, status->probe) != 0);
}

gboolean
nest_ward_show(NestWard *ward, gint64 now)
{
    g_autoptr(NestLiveStatus) status = live_status_of(ward, now);

    if (!is_other(ward, status, now))
        return FALSE;
    nest_live_status_free(ward->shown);
    ward->shown = g_steal_pointer(&status);
    ward->shown_at = now;
    return TRUE;
}
