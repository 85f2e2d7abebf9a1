/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live status: says in a running domain's live XML whether nested guests run in this guest, and what its guard does.
 *
 * It is also in save images, snapshots and migration XML. There the hook reads from it whether nested guests were running
 * in the guest. It also shows the hook that the guest resumes saved state, so that the hook does not judge it by its CPU. */
#pragma once

#include "virt/live_domain.h"
#include "virtnestd/workers.h"

/* If QEMU has not answered a command for this many milliseconds, libvirt gets no call that would wait for QEMU. */
#define NEST_PUBLISH_UNANSWERED_MS 1000

/**
 * NestPublishJob: virtnestd's element on its way into a running domain's live XML.
 */
typedef struct {
    NestJob job; /* first */
    NestLiveDomain *live;
    gboolean writes;  /* @element is to be written */
    gchar *element;   /* (nullable) of nest_publish_element(); NULL removes it */
    gboolean forgets; /* the element of virt-nest allow is to be removed */
    gboolean wrote;   /* found: @element was written */
    gboolean busy;    /* ... libvirt does a job with the domain, so nothing was written */
    gint64
        unanswered; /* ... QEMU has not answered for this many milliseconds, so nothing was written; else 0 */
    gboolean gone;  /* ... the domain has ended, or runs anew */
    gpointer owner; /* for the main loop only: its NestDomain; NULL once that is freed */
} NestPublishJob;

/**
 * nest_publish_element: virtnestd's element as it should stand in the live XML.
 * @live: what was read of the domain
 * @status: (nullable) the live status as the guard wants it; NULL if the guard has not decided: then a live status of
 *   this run stays as it is
 *
 * Returns: (transfer full)(nullable) the element; NULL if there should be none, because tag and guard are gone.
 */
gchar *nest_publish_element(const NestLiveDomain *live, const NestLiveStatus *status);

/* (transfer full) @job.done is the caller's to set. */
NestPublishJob *nest_publish_job_new(NestLiveDomain *live);
void nest_publish_job_free(NestPublishJob *job);

/**
 * nest_publish: write a running domain's live status, and remove the element of virt-nest allow.
 * @job: what is to be done, and what was found
 *
 * A change of the live metadata waits for the end of libvirt's job with the domain, so it is not tried during one.
 */
void nest_publish(NestPublishJob *job, virDomainPtr domain);
