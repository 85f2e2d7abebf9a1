/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A monitored domain: a running domain under guard, what is known of it and what is wanted for it. */
#include "virtnestd/monitored_domain.h"

#include "base/log.h"

/* How long a reason may be out of date. */
#define REASON_MS 10000

NestMonitoredDomain *
nest_monitored_domain_new(NestGuardManager *manager, NestLiveDomain *live)
{
    NestMonitoredDomain *monitored = g_new0(NestMonitoredDomain, 1);

    monitored->manager = manager;
    monitored->live = nest_live_domain_ref(live);
    return monitored;
}

void
nest_monitored_domain_free(gpointer data)
{
    NestMonitoredDomain *monitored = data;

    if (monitored->job)
        monitored->job->owner = NULL;
    nest_live_domain_unref(monitored->live);
    nest_live_status_free(monitored->published);
    g_free(monitored->problem);
    g_free(monitored->last_warning);
    g_free(monitored);
}

static gint64
real_seconds(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

gboolean
nest_monitored_domain_is_lifted(const NestMonitoredDomain *monitored)
{
    return monitored->live->opted_out ||
           (!monitored->once_used && nest_allow_holds(&monitored->live->allow, real_seconds()));
}

/* A domain is newly armed only if a tag asks for it, but an armed domain stays armed while nested guests run. */
gboolean
nest_monitored_domain_wants_arms(const NestMonitoredDomain *monitored)
{
    return monitored->verdict.state == NEST_VERDICT_RUNNING &&
           !nest_monitored_domain_is_lifted(monitored) &&
           (monitored->live->guarded || monitored->armed);
}

/* A KVM guest has a counter, and reading its registers taints it. So the bit is read only if the
 * verdict needs it, or if the counter stays away. */
gboolean
nest_monitored_domain_wants_bit(const NestMonitoredDomain *monitored)
{
    return nest_verdict_wants_bit(&monitored->verdict) || !monitored->live->guest.kvm ||
           monitored->missed_samples >= NEST_MONITORED_DOMAIN_MAX_MISSED_SAMPLES;
}

NestGuardState
nest_monitored_domain_guard(const NestMonitoredDomain *monitored)
{
    if (monitored->armed)
        return NEST_GUARD_ARMED;
    if (monitored->verdict.state != NEST_VERDICT_RUNNING)
        return NEST_GUARD_OFF;
    if (monitored->lifted)
        return NEST_GUARD_LIFTED;
    return monitored->problem ? NEST_GUARD_FAILED : NEST_GUARD_OFF;
}

const char *
nest_monitored_domain_reason(const NestMonitoredDomain *monitored)
{
    return nest_verdict_reason_text(nest_verdict_reason_name(monitored->verdict.reason));
}

void
nest_monitored_domain_log_once(NestMonitoredDomain *monitored, const GError *error)
{
    if (g_strcmp0(monitored->last_warning, error->message) == 0)
        return;
    g_free(monitored->last_warning);
    monitored->last_warning = g_strdup(error->message);
    nest_log_error(monitored->live->guest.name, monitored->live->guest.uuid, error);
}

static NestLiveStatus *
live_status_of(const NestMonitoredDomain *monitored, gint64 now)
{
    NestLiveStatus *status = nest_live_status_new();
    const NestVerdict *verdict = &monitored->verdict;
    NestGuardState guard = nest_monitored_domain_guard(monitored);

    status->nested = verdict->state == NEST_VERDICT_RUNNING;
    status->since = real_seconds() - (now - verdict->since) / 1000;
    status->reason = g_strdup(nest_verdict_reason_name(verdict->reason));
    status->probe = g_strdup(monitored->probe);
    status->guard = g_strdup(nest_guard_state_name(guard));
    status->problem = guard == NEST_GUARD_FAILED ? g_strdup(monitored->problem) : NULL;
    return status;
}

static gboolean
is_other(const NestMonitoredDomain *monitored, const NestLiveStatus *status, gint64 now)
{
    const NestLiveStatus *published = monitored->published;

    if (!published || published->nested != status->nested ||
        g_strcmp0(published->guard, status->guard) != 0 ||
        g_strcmp0(published->problem, status->problem) != 0)
        return TRUE;
    return now - monitored->published_at > REASON_MS &&
           (g_strcmp0(published->reason, status->reason) != 0 ||
            g_strcmp0(published->probe, status->probe) != 0);
}

gboolean
nest_monitored_domain_show(NestMonitoredDomain *monitored, gint64 now)
{
    g_autoptr(NestLiveStatus) status = live_status_of(monitored, now);

    if (!is_other(monitored, status, now))
        return FALSE;
    nest_live_status_free(monitored->published);
    monitored->published = g_steal_pointer(&status);
    monitored->published_at = now;
    return TRUE;
}
