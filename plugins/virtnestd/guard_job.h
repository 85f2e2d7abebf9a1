/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard's work for one domain that waits for libvirt, and so runs on a worker: sample, check, arm, disarm. */
#pragma once

#include "plugin_host.h"
#include "virt/live_domain.h"
#include "virtnestd/workers.h"

typedef struct NestGuardJob NestGuardJob;

/* What is to be done. */
typedef void (*NestGuardWork)(NestGuardJob *job, virDomainPtr domain);

/**
 * NestGuardJob: one piece of work on its way through a worker and back.
 */
struct NestGuardJob {
    NestJob job; /* first */
    NestGuardWork work;
    const NestPluginHost *plugins;
    NestLiveDomain *live;  /* a reference of its own */
    gboolean wants_bit;    /* sample: the bit is to be read as well */
    NestEvidence evidence; /* sample: at first what is known already, then also what was found */
    const char *probe;     /* (nullable) sample: the plugin whose evidence it is */
    gint64 sampled;        /* ... when it was taken, CLOCK_MONOTONIC's milliseconds */
    gboolean armed;        /* whether the guard is armed now */
    gint64 armed_at;       /* arm: when that was done, CLOCK_MONOTONIC's microseconds */
    /* arm; input: do not arm while libvirt does a job with the domain; output: libvirt did one, so the
     * domain was not armed */
    gboolean defers_to_job;
    gint64 since;    /* arm: the last time no nested guest ran, seconds since 1970; 0: unknown */
    gchar *late;     /* arm: (nullable) snapshots with memory that were made since then */
    gboolean unsure; /* arm: it failed, but the domain may be armed */
    gchar *aborted;  /* arm: the job that was aborted, or that was completed before; NULL: none */
    gboolean
        gone; /* the domain has ended meanwhile; libvirt's event about this comes, or has come */
    gboolean stopped; /* a signal has stopped its QEMU, so nothing was asked */
    gpointer owner;   /* for the main loop only: its NestDomain; NULL once that is freed */
};

/* (transfer full) @job.done is the caller's to set. */
NestGuardJob *nest_guard_job_new(NestGuardWork work, const NestPluginHost *plugins,
                                 NestLiveDomain *live);
void nest_guard_job_free(NestGuardJob *job);

/* Does the job over a connection. If the domain has ended, or is in another run, job.gone is set; this is no error. */
void nest_guard_job_run(NestJob *job, virConnectPtr connection);

/* Adds the evidence of the probes that need libvirt. job.error is set if no probe has evidence, or the last probe that
 * was called failed. */
void nest_guard_sample(NestGuardJob *job, virDomainPtr domain);

/* Whether the guard is armed. */
void nest_guard_check(NestGuardJob *job, virDomainPtr domain);

void nest_guard_arm(NestGuardJob *job, virDomainPtr domain);
void nest_guard_disarm(NestGuardJob *job, virDomainPtr domain);

/* Adds the evidence of the probes that only read files; for the main loop. Returns: (nullable) the plugin that gave the
 * count. */
const char *nest_guard_sample_here(const NestPluginHost *plugins, const NestGuest *guest,
                                   NestEvidence *evidence);
