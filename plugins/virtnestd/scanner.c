/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scanner: runs the scans of all domains, each from the list of domains to the last sync that follows from it.
 *
 * Theory of operation: a worker lists all domains, and workers filter them in batches (scan.c). The same workers sync the
 * domains that are found. The scan is over once only slow syncs are under way. If further scans are requested meanwhile,
 * a single one follows. */
#include "virtnestd/scanner.h"

#include "base/log.h"
#include "virtnestd/scan.h"

#include <malloc.h>

/* The pause before a failed listing is tried again. */
#define RELIST_SECONDS 2

struct NestScanner {
    NestWorkers *syncs;
    guint max_filters; /* how many batches are filtered at a time */
    void (*found)(gpointer data, const char *uuid);
    gpointer data;       /* for it */
    NestPolicy *policy;  /* (nullable) what the settings say of domains */
    gboolean stopping;   /* begin nothing new */
    gboolean scanning;   /* a scan is under way, from its listing to the last sync it led to */
    gboolean scan_again; /* another scan is wanted after this one */
    guint relist;        /* the source of a new listing after one that failed; 0: none */
    NestScan *scan;      /* the scan's domains; NULL while they are listed */
    guint filters;       /* the scan's batches under way */
    guint cancelled;     /* how many times scans were cancelled; a job from before the last
                          * cancellation is ignored */
};

/* One step of a scan on its way through a worker and back. */
typedef struct {
    NestJob job; /* first */
    NestScanner *scanner;
    guint cancelled;    /* as it was when the step began */
    NestScan *scan;     /* all domains; found by the listing */
    NestPolicy *policy; /* (nullable) what the settings say of domains */
    guint batch;        /* of them */
    GPtrArray *uuids;   /* found: domains that must be synced */
} ScanJob;

static void
scan_job_free(ScanJob *job)
{
    nest_job_clear(&job->job);
    nest_scan_unref(job->scan);
    nest_policy_unref(job->policy);
    g_clear_pointer(&job->uuids, g_ptr_array_unref);
    g_free(job);
}

/* Lists all domains; once they are listed, filters a batch of them. */
static void
scan_run(NestJob *data, virConnectPtr connection)
{
    ScanJob *job = (ScanJob *)data;

    if (connection && job->scan)
        job->uuids = nest_scan_filter(job->scan, job->batch, connection);
    else if (connection)
        job->scan = nest_scan_new(connection, job->policy, &job->job.error);
}

static void
push_scan_job(NestScanner *scanner, void (*done)(NestJob *job), guint batch)
{
    ScanJob *job = g_new0(ScanJob, 1);

    job->job.run = scan_run;
    job->job.done = done;
    job->scanner = scanner;
    job->cancelled = scanner->cancelled;
    job->policy = scanner->policy ? nest_policy_ref(scanner->policy) : NULL;
    job->scan = scanner->scan ? nest_scan_ref(scanner->scan) : NULL;
    job->batch = batch;
    nest_workers_push(scanner->syncs, &job->job);
}

/* Only slow syncs are under way. The scan does not wait for them. */
static void
end_scan(NestScanner *scanner)
{
    nest_log(G_LOG_LEVEL_INFO, NULL, NULL, "looked at %u domain%s", nest_scan_length(scanner->scan),
             NEST_LOG_S(nest_scan_length(scanner->scan)));
    g_clear_pointer(&scanner->scan, nest_scan_unref);
    scanner->scanning = FALSE;
    (void)malloc_trim(0); /* many domains took much memory for a moment */
    if (scanner->scan_again)
        nest_scanner_begin(scanner);
}

void
nest_scanner_end_if_over(NestScanner *scanner)
{
    guint left = nest_workers_under_way(scanner->syncs) - nest_workers_slow(scanner->syncs);

    if (scanner->scan && !scanner->filters && !scanner->stopping && left == 0)
        end_scan(scanner);
}

static void filter_more(NestScanner *scanner);

static void
batch_is_filtered(NestJob *data)
{
    ScanJob *job = (ScanJob *)data;
    NestScanner *scanner = job->scanner;

    if (job->cancelled == scanner->cancelled) {
        scanner->filters--;
        for (guint i = 0; job->uuids && i < job->uuids->len; i++)
            scanner->found(scanner->data, g_ptr_array_index(job->uuids, i));
        filter_more(scanner);
    }
    scan_job_free(job);
}

static void
filter_more(NestScanner *scanner)
{
    guint batch = 0;

    while (scanner->filters < scanner->max_filters && !scanner->stopping &&
           nest_scan_take(scanner->scan, &batch)) {
        scanner->filters++;
        push_scan_job(scanner, batch_is_filtered, batch);
    }
}

static gboolean
scan_once_more(gpointer data)
{
    NestScanner *scanner = data;

    scanner->relist = 0;
    nest_scanner_begin(scanner);
    return G_SOURCE_REMOVE;
}

static void
take_list(NestScanner *scanner, ScanJob *job)
{
    scanner->scanning = job->scan != NULL;
    if (job->job.error)
        nest_log_error(NULL, NULL, job->job.error);
    if (job->scan) {
        scanner->scan = g_steal_pointer(&job->scan);
        filter_more(scanner);
    } else if (!scanner->relist) {
        scanner->relist = g_timeout_add_seconds(RELIST_SECONDS, scan_once_more, scanner);
    }
}

static void
domains_are_listed(NestJob *data)
{
    ScanJob *job = (ScanJob *)data;

    if (job->cancelled == job->scanner->cancelled)
        take_list(job->scanner, job);
    scan_job_free(job);
}

void
nest_scanner_begin(NestScanner *scanner)
{
    if (!nest_workers_are_attached(scanner->syncs) || scanner->stopping)
        return;
    if (scanner->scan && !scanner->filters) {
        /* Of the old scan only syncs are still under way, and one of them may wait long. */
        g_clear_pointer(&scanner->scan, nest_scan_unref);
        scanner->scanning = FALSE;
    }
    scanner->scan_again = scanner->scanning;
    if (scanner->scanning)
        return;
    scanner->scanning = TRUE;
    push_scan_job(scanner, domains_are_listed, 0);
}

void
nest_scanner_set_policy(NestScanner *scanner, NestPolicy *policy)
{
    nest_policy_unref(scanner->policy);
    scanner->policy = nest_policy_ref(policy);
}

void
nest_scanner_cancel(NestScanner *scanner)
{
    scanner->cancelled++;
    g_clear_pointer(&scanner->scan, nest_scan_unref);
    g_clear_handle_id(&scanner->relist, g_source_remove);
    scanner->scanning = FALSE;
    scanner->filters = 0;
}

void
nest_scanner_stop(NestScanner *scanner)
{
    scanner->stopping = TRUE;
}

gboolean
nest_scanner_is_busy(const NestScanner *scanner)
{
    return scanner->scanning || scanner->relist;
}

NestScanner *
nest_scanner_new(NestWorkers *syncs, guint max_filters,
                 void (*found)(gpointer data, const char *uuid), gpointer data)
{
    NestScanner *scanner = g_new0(NestScanner, 1);

    scanner->syncs = syncs;
    scanner->max_filters = max_filters;
    scanner->found = found;
    scanner->data = data;
    return scanner;
}

void
nest_scanner_free(NestScanner *scanner)
{
    if (!scanner)
        return;
    nest_scanner_cancel(scanner);
    nest_policy_unref(scanner->policy);
    g_free(scanner);
}
