/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sync: one pass over one domain on a worker. It corrects the definition, and reads the domain if it runs. */
#pragma once

#include "virt/correct.h"
#include "virt/live_domain.h"
#include "virtnestd/restart.h"
#include "virtnestd/workers.h"

/**
 * NestSyncJob: one sync on its way through a worker and back.
 */
typedef struct {
    NestJob job;                /* first */
    NestDefineTracker *tracker; /* notices domains that a define brings back */
    NestPolicy *policy;         /* (nullable) what this host's configuration says of its domains */
    gchar *uuid;                /* the domain's */
    gchar *name;                /* the domain's name; found by a whole sync */
    NestStart start;            /* a start was seen, and on-stale=restart is set */
    gboolean known;             /* read it whatever its XML says, because its guard may be armed */
    gboolean peeks;             /* no whole sync follows if nothing of ours has changed */
    NestLiveDomain *live;       /* found: the running domain, if it has anything to do with us */
    GError *unread;             /* ... why it could not be read; tried again */
    gchar *corrected;           /* ... what was corrected, for the log */
    gboolean needs_kvm;         /* ... the definition needs the host's KVM module */
    gboolean restarted;         /* ... the domain was restarted */
    gpointer owner; /* for the main loop only: its NestDomain; NULL once that is freed */
} NestSyncJob;

/* (transfer full) A whole sync. @job.done is the caller's to set, here and below. */
NestSyncJob *nest_sync_job_new(NestDefineTracker *tracker, NestPolicy *policy, const char *uuid);

/* (transfer full) The correction of a definition that has just been written. It asks libvirt nothing about the domain,
 * which may be starting and locked (nest_correct_fresh()). */
NestSyncJob *nest_sync_job_new_fresh(NestDefineTracker *tracker, NestPolicy *policy,
                                     const char *uuid, const char *name);

void nest_sync_job_free(NestSyncJob *job);
