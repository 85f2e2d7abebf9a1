/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard of a domain: watches it for nested guests, and has migration and save refused while they run. */
#pragma once

#include "plugin_host.h"
#include "virtnestd/backoff.h"
#include "virtnestd/domain_silence.h"
#include "virtnestd/entry_watch.h"
#include "virtnestd/flap_damping.h"
#include "virtnestd/guard_job.h"

/* After this many incomplete samples in a row, the problem is logged and the probes that give the bit are asked too. While a
 * domain starts, some samples are always incomplete. */
#define NEST_DOMAIN_GUARD_MAX_MISSED 3

/**
 * NestDomainGuard: what is known about a domain's nested guests, and what the guard is to do. While the
 * domain is not guarded, all fields but @published are zero.
 */
typedef struct {
    gboolean monitored; /* it is sampled; else only @published means anything */
    NestVerdict verdict;
    const char *probe;   /* (nullable) the plugin whose evidence the verdict rests on */
    const char *watcher; /* (nullable) the plugin that reports entries by itself; NULL: none does */
    /* the time of an entry that the watch has reported and after which the domain was not armed yet; CLOCK_MONOTONIC's
     * microseconds; 0: none */
    gint64 entered_at;
    gboolean watched; /* the watch will report its next entry */
    NestBackoff watch_backoff;
    gint64 ticked_at; /* when its last interval ended, CLOCK_MONOTONIC's milliseconds */
    gboolean settled; /* it was sampled, or a sample failed: its live status can be written */
    gboolean checked; /* it is known whether it is armed */
    gboolean armed;
    gint64 quiet;    /* the last time no nested guest ran, in seconds since 1970; 0: not seen yet */
    gboolean lifted; /* its guard is lifted, or was when an operation began that may still run */
    gboolean transferring; /* its memory is being transferred; no event has reported the end yet */
    gboolean once_used;    /* virt-nest allow --once is used up, but its element is still there */
    gboolean once_over;    /* ... its time is over */
    gint64
        once_since; /* when that element was first seen, CLOCK_MONOTONIC's milliseconds; 0: not seen yet */
    gchar *problem; /* (nullable) why it could not be armed */
    /* since when its QEMU should be asked but is not, because too many others do not answer; CLOCK_MONOTONIC's milliseconds;
     * 0: it is asked */
    gint64 unasked_since;
    guint missed_samples; /* how many of the last samples in a row were incomplete */
    NestDomainSilence silence;
    NestBackoff sample_backoff;
    NestBackoff arm_backoff;
    NestFlapDamping damping;
    NestLiveStatus
        *published;      /* (nullable) its live status as it should be; NULL: not decided yet */
    gint64 published_at; /* ... since when, CLOCK_MONOTONIC's milliseconds */
} NestDomainGuard;

/* To be called when the domain runs and was read again: guards it from now on if its tag says so, or if it may be armed. */
void nest_domain_guard_see(NestDomain *domain);

/* To be called when the domain's run is over. */
void nest_domain_guard_clear(NestDomain *domain);

/* To be called when an interval is over: takes the next sample. */
void nest_domain_guard_tick(NestDomain *domain);

/**
 * nest_domain_guard_interval: how long after one sample the next is due, in milliseconds.
 *
 * Returns: 0 if no sample is needed, because the watch will report the next entry.
 */
guint nest_domain_guard_interval(const NestDomain *domain);

/* To be called when the watch has reported an entry into a nested guest. @time: of the entry, CLOCK_MONOTONIC in
 * microseconds */
void nest_domain_guard_entered(NestDomain *domain, gint64 time);

/* Its memory is being transferred, to another place or into a file. */
void nest_domain_guard_job_transferring(NestDomain *domain);

/* To be called when the element of virt-nest allow was written or removed: the hour of --once begins anew. */
void nest_domain_guard_allowed(NestDomain *domain);

/* A migration away, a save or a snapshot of it has ended, one way or the other. */
void nest_domain_guard_job_ended(NestDomain *domain);

/* To be called when its vCPUs run again: libvirt 9.0 reports nothing else at the end of an internal snapshot. */
void nest_domain_guard_resumed(NestDomain *domain);
