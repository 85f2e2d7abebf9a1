/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMUs that do not answer: since when one does not, and whether a further one may be asked meanwhile.
 *
 * Theory of operation: a QEMU that does not answer occupies one of libvirtd's 20 workers for as long as it lives. Once
 * LIMIT_NEW of them do not answer, a further QEMU is asked only if its guest is at work, or if it has answered before
 * in its run; each of these two has a limit of its own. */
#include "virtnestd/domain_silence.h"

#include "base/error.h"
#include "host/process.h"
#include "virtnestd/guard_log.h"

/* A QEMU that has not answered for so long counts as stuck. */
#define STUCK_MS 3000
#define LIMIT_NEW 10
#define LIMIT_AT_WORK 13
#define LIMIT_ANSWERED 15
/* A guest that is at work uses so many clock ticks in an interval, such as one that runs nested guests. */
#define AT_WORK_TICKS 5

static guint
silent_limit(NestDomain *domain)
{
    NestDomainSilence *silence = &domain->guard.silence;
    g_autofree gchar *process = nest_live_domain_process(domain->live);
    guint64 before = silence->cpu_time;

    silence->cpu_time = nest_process_cpu_time(process);
    if (silence->answered)
        return LIMIT_ANSWERED;
    return before && silence->cpu_time >= before + AT_WORK_TICKS ? LIMIT_AT_WORK : LIMIT_NEW;
}

gboolean
nest_domain_silence_may_ask(NestDomain *domain)
{
    guint silent = nest_workers_slow(domain->context->guards);

    return !domain->context->stopping && (silent < LIMIT_NEW || silent < silent_limit(domain));
}

void
nest_domain_silence_begin(NestDomain *domain, gint64 since, const char *what)
{
    g_autoptr(GError) error = NULL;

    if (domain->guard.silence.since)
        return;
    domain->guard.silence.since = since;
    error =
        g_error_new(NEST_ERROR, NEST_ERROR_GUARD,
                    "%s: until it does, nothing is known of its nested guests, and its guard stays "
                    "as it is",
                    what);
    nest_guard_log_problem(domain, NEST_DOMAIN_LOG_GUARD, error);
}

void
nest_domain_silence_notice_stuck(NestDomain *domain)
{
    gint64 took = domain->guarding ? nest_job_took(&domain->guarding->job) : 0;
    g_autofree gchar *what = NULL;

    if (took < STUCK_MS)
        return;
    what = g_strdup_printf("its QEMU has not answered for %d s", STUCK_MS / 1000);
    nest_domain_silence_begin(domain, nest_workers_now() - took, what);
}

void
nest_domain_silence_end(NestDomain *domain, gboolean sampled)
{
    domain->guard.silence.since = 0;
    domain->guard.silence.answered |= sampled;
}
