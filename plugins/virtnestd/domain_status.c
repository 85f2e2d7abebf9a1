/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of a domain's guard, and the domain's live status. */
#include "virtnestd/domain_status.h"

/* How long a reason may be out of date. It is not updated more often, because libvirt reports each change of the live
 * metadata to all its clients. */
#define REASON_MS 10000

static gint64
real_seconds(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

gboolean
nest_domain_is_lifted(const NestDomain *domain)
{
    return domain->live->opted_out || (!domain->guard.once_used && !domain->guard.once_over &&
                                       nest_allow_holds(&domain->live->allow, real_seconds()));
}

gboolean
nest_domain_runs_nested(const NestDomain *domain)
{
    return domain->guard.verdict.state == NEST_VERDICT_RUNNING;
}

gboolean
nest_domain_may_be_armed(const NestDomain *domain)
{
    return domain->live->marked && domain->live->state->live.nested;
}

gboolean
nest_domain_is_held(const NestDomain *domain)
{
    return nest_flap_damping_holds(&domain->guard.damping, nest_workers_now());
}

/* Whether QEMU has not been asked for some time. A short time is not reported, because other QEMUs may just answer late. */
static gboolean
is_unasked(const NestDomain *domain)
{
    const NestDomainGuard *guard = &domain->guard;

    return guard->unasked_since && !guard->lifted &&
           nest_workers_now() - guard->unasked_since > REASON_MS;
}

const char *
nest_domain_guard_problem(const NestDomain *domain)
{
    if (domain->guard.problem && nest_domain_runs_nested(domain))
        return domain->guard.problem;
    return is_unasked(domain) ? NEST_DOMAIN_UNASKED : NULL;
}

NestGuardState
nest_domain_guard_state(const NestDomain *domain)
{
    const NestDomainGuard *guard = &domain->guard;

    if (guard->armed)
        return NEST_GUARD_ARMED;
    if (is_unasked(domain))
        return NEST_GUARD_FAILED;
    if (!nest_domain_runs_nested(domain))
        return NEST_GUARD_OFF;
    if (guard->lifted)
        return NEST_GUARD_LIFTED;
    return guard->problem ? NEST_GUARD_FAILED : NEST_GUARD_OFF;
}

/* While flap damping keeps a domain armed, its live status says that nested guests run. */
static NestLiveStatus *
live_status_of(const NestDomain *domain, gint64 now)
{
    NestLiveStatus *status = nest_live_status_new();
    const NestDomainGuard *guard = &domain->guard;
    const NestVerdict *verdict = &guard->verdict;
    NestGuardState state = nest_domain_guard_state(domain);

    status->nested = verdict->state == NEST_VERDICT_RUNNING || nest_domain_is_held(domain);
    status->since = real_seconds() - (now - verdict->since) / 1000;
    status->reason = g_strdup(nest_verdict_reason_name(
        nest_domain_is_held(domain) && !nest_domain_runs_nested(domain) ? NEST_REASON_LINGER
                                                                        : verdict->reason));
    status->probe = g_strdup(guard->probe);
    status->guard = g_strdup(nest_guard_state_name(state));
    status->problem =
        state == NEST_GUARD_FAILED ? g_strdup(nest_domain_guard_problem(domain)) : NULL;
    return status;
}

static gboolean
is_other_status(const NestDomainGuard *guard, const NestLiveStatus *status, gint64 now)
{
    const NestLiveStatus *published = guard->published;

    if (!published || published->nested != status->nested ||
        g_strcmp0(published->guard, status->guard) != 0)
        return TRUE;
    return now - guard->published_at > REASON_MS &&
           (g_strcmp0(published->reason, status->reason) != 0 ||
            g_strcmp0(published->probe, status->probe) != 0 ||
            g_strcmp0(published->problem, status->problem) != 0);
}

gboolean
nest_domain_update_status(NestDomain *domain)
{
    NestDomainGuard *guard = &domain->guard;
    gint64 now = nest_workers_now();
    g_autoptr(NestLiveStatus) status = live_status_of(domain, now);

    if (!is_other_status(guard, status, now))
        return FALSE;
    nest_live_status_free(guard->published);
    guard->published = g_steal_pointer(&status);
    guard->published_at = now;
    return TRUE;
}
