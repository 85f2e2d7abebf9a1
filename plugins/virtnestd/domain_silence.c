/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMUs that do not answer: since when a QEMU has not answered, and whether others may be asked meanwhile.
 *
 * Theory of operation: a call to a QEMU that does not answer occupies one of libvirtd's 20 workers for as long as that QEMU
 * lives. The guards' jobs may occupy nine workers at most (domains.c). So each job has a limit (NestJob.most): it is turned
 * away while that many QEMUs do not answer. The limit is higher if the job's own QEMU is likely to answer, and highest for
 * arming and disarming. If libvirtd does not have 20 workers, all limits are higher or lower by the difference. */
#include "virtnestd/domain_silence.h"

#include "base/error.h"
#include "host/libvirt_daemon.h"
#include "host/process.h"
#include "virtnestd/guard_log.h"

/* The QEMU has not answered in this run; or it gave an answer that could not be read, and less than a minute has passed
 * since the pause after that answer ended. */
#define LIMIT_NEW 3
/* The QEMU has answered in this run. That says little: the QEMUs that are silent now may have answered, too. */
#define LIMIT_ANSWERED 4
/* Its guest uses the processor. The guest of a QEMU that hangs does not. */
#define LIMIT_AT_WORK 7
/* The domain is to be armed or disarmed. */
#define LIMIT_NEEDED 8
/* ... and its QEMU has answered a sample, or the question whether it is armed. */
#define LIMIT_NEEDED_ANSWERED 9
/* The least limit for arming, however few workers libvirtd has; less only if so many silent QEMUs would occupy them all. */
#define LEAST_NEEDED 3
/* A guest that uses at least this many clock ticks between two looks is at work. */
#define AT_WORK_TICKS 1

static gboolean
is_at_work(NestDomain *domain)
{
    NestDomainSilence *silence = &domain->guard.silence;
    g_autofree gchar *process = nest_live_domain_process(domain->live);
    guint64 before = silence->cpu_time;

    silence->cpu_time = nest_process_cpu_time(process);
    silence->at_work = before && silence->cpu_time >= before + AT_WORK_TICKS;
    return silence->at_work;
}

guint
nest_domain_silence_limit(NestDomain *domain, gboolean needed)
{
    const NestDomainSilence *silence = &domain->guard.silence;
    int spare = domain->context->spare_workers;
    int silent = (int)nest_workers_stuck(domain->context->guards);
    int limit = silence->answered ? LIMIT_ANSWERED : LIMIT_NEW;

    if (!nest_backoff_is_calm(&domain->guard.sample_backoff, nest_workers_now()))
        limit = LIMIT_NEW;
    else if (needed && !silence->since)
        limit = silence->answered || domain->guard.checked ? LIMIT_NEEDED_ANSWERED : LIMIT_NEEDED;
    else if (silent >= LIMIT_NEW + spare && is_at_work(domain))
        limit = LIMIT_AT_WORK;
    limit = MAX(limit + spare, needed && !silence->since
                                   ? CLAMP(NEST_LIBVIRT_WORKERS + spare - 1, 1, LEAST_NEEDED)
                                   : 1);
    return silent < limit && !domain->context->stopping ? (guint)limit : 0;
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

    if (took < NEST_WORKERS_STUCK_MS)
        return;
    what = g_strdup_printf("its QEMU has not answered for %d s", NEST_WORKERS_STUCK_MS / 1000);
    nest_domain_silence_begin(domain, nest_workers_now() - took, what);
}

void
nest_domain_silence_end(NestDomain *domain, gboolean sampled)
{
    if (domain->guard.silence.since)
        nest_domain_log_over(&domain->log, NEST_DOMAIN_LOG_GUARD);
    domain->guard.silence.since = 0;
    domain->guard.silence.answered |= sampled;
}
