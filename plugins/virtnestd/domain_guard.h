/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard of a domain: watches it for nested guests, and has migration and save refused while they run. */
#pragma once

#include "plugin_host.h"
#include "virtnestd/backoff.h"
#include "virtnestd/domain_silence.h"
#include "virtnestd/entry_watch.h"
#include "virtnestd/flap_damping.h"
#include "virtnestd/guard_job.h"

/* After so many incomplete samples in a row, the problem is logged and other probes are asked. Some samples are
 * incomplete while a domain starts. */
#define NEST_DOMAIN_GUARD_MAX_MISSED 3

/**
 * NestDomainGuard: what is known of a domain's nested guests, and what is wanted for it; while it is
 * not guarded, all is zero but @published.
 */
typedef struct {
    gboolean monitored; /* it is sampled; else only @published means anything */
    NestVerdict verdict;
    const char *probe; /* (nullable) the plugin whose evidence counts */
    const char
        *watcher; /* (nullable) the plugin that tells of entries by itself; NULL: none does */
    /* the entry that was told of, if it is not armed since; CLOCK_MONOTONIC's microseconds; 0: none */
    gint64 entered_at;
    gboolean watched; /* its next entry will be told of */
    NestBackoff watch_backoff;
    gint64 ticked_at; /* when its last interval was over, CLOCK_MONOTONIC's milliseconds */
    gboolean
        settled; /* it was sampled, or that was tried in vain: its live status can be written */
    gboolean checked; /* it is known whether it is armed */
    gboolean armed;
    gint64 quiet;    /* the last time no nested guest ran, in seconds since 1970; 0: not seen yet */
    gboolean lifted; /* its guard is lifted, or was when an operation began that may still run */
    gboolean transferring; /* its memory is being transferred; no event has reported the end yet */
    gboolean once_used;    /* virt-nest allow --once is used up, but its element is still there */
    gboolean once_over;    /* ... its time is over */
    gint64
        once_since; /* when that element was written, CLOCK_MONOTONIC's milliseconds; 0: not seen yet */
    gchar *problem; /* (nullable) why it could not be armed */
    /* since when its QEMU should be asked, and is not for the sake of others; CLOCK_MONOTONIC's milliseconds; 0: it is */
    gint64 unasked_since;
    guint missed_samples; /* how many of the last samples in a row were incomplete */
    NestDomainSilence silence;
    NestBackoff sample_backoff;
    NestBackoff arm_backoff;
    NestFlapDamping damping;
    NestLiveStatus *published; /* (nullable) its live status as it should be; NULL: no say yet */
    gint64 published_at;       /* ... since when, CLOCK_MONOTONIC's milliseconds */
} NestDomainGuard;

/* The domain runs, and was read again: guards it from now on if its tag says so, or if it may be armed. */
void nest_domain_guard_see(NestDomain *domain);

/* Its run is over. */
void nest_domain_guard_clear(NestDomain *domain);

/* An interval is over: takes the next sample. */
void nest_domain_guard_tick(NestDomain *domain);

/**
 * nest_domain_guard_interval: how long after one sample the next is due, in milliseconds.
 *
 * Returns: 0 if none is due, because all that is to come will be told of.
 */
guint nest_domain_guard_interval(const NestDomain *domain);

/* It has entered a nested guest, as was told. @time: when, CLOCK_MONOTONIC in microseconds */
void nest_domain_guard_entered(NestDomain *domain, gint64 time);

/* Its memory is being transferred, to another place or into a file. */
void nest_domain_guard_job_transferring(NestDomain *domain);

/* What virt-nest allow leaves was written or removed: the hour of --once begins anew. */
void nest_domain_guard_allowed(NestDomain *domain);

/* A migration away, a save or a snapshot of it has ended, one way or the other. */
void nest_domain_guard_job_ended(NestDomain *domain);

/* Its vCPUs run again. libvirt reports nothing else at the end of an internal snapshot (seen in 9.0). */
void nest_domain_guard_resumed(NestDomain *domain);
