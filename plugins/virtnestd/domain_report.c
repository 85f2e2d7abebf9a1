/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a domain's live status is published, and when it is reported that its QEMU is not asked.
 *
 * Theory of operation: the live status of a run is not written before it is settled. It is settled once the domain was
 * sampled, or could not be sampled because its QEMU is not asked, does not answer, or its guard failed. If an earlier
 * virtnestd may have armed the domain, its live status stays as it is until QEMU has said whether the domain is armed. */
#include "virtnestd/domain_report.h"

#include "base/error.h"
#include "virtnestd/domain_status.h"
#include "virtnestd/guard_log.h"

/* Does nothing during a guard job, because the status is about to change. */
static void
publish_status(NestDomain *domain)
{
    if (domain->guarding)
        return;
    if (nest_domain_update_status(domain)) {
        domain->context->listener->show(domain->context->data);
        nest_domain_publish_changed(domain);
    } else if (domain->put_off) {
        nest_domain_publish(domain);
    }
}

void
nest_domain_report_status(NestDomain *domain)
{
    if (domain->guard.checked)
        publish_status(domain);
}

void
nest_domain_report_settled(NestDomain *domain, gboolean anew)
{
    domain->guard.settled = TRUE;
    if (!anew)
        nest_domain_publish(domain);
    else if (domain->guard.checked || !nest_domain_may_be_armed(domain))
        publish_status(domain);
}

void
nest_domain_report_unasked(NestDomain *domain)
{
    NestDomainGuard *guard = &domain->guard;
    g_autoptr(GError) error =
        g_error_new_literal(NEST_ERROR, NEST_ERROR_GUARD, NEST_DOMAIN_UNASKED);

    nest_guard_log_problem(domain, NEST_DOMAIN_LOG_GUARD, error);
    if (!guard->unasked_since)
        guard->unasked_since = nest_workers_now();
    nest_domain_report_settled(domain, TRUE);
}

void
nest_domain_report_asked(NestDomain *domain)
{
    if (!domain->guard.unasked_since)
        return;
    domain->guard.unasked_since = 0;
    nest_domain_log_over(&domain->log, NEST_DOMAIN_LOG_GUARD);
}
