/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workers: the threads and connections of one kind of work, so that no kind of work holds up another. */
#pragma once

#include "virtnestd/connection_pool.h"

/* A job that has taken this many milliseconds is slow: another job may begin beside it. */
#define NEST_WORKERS_SLOW_MS 250
/* A job that has taken this many milliseconds is stuck, perhaps for ever. */
#define NEST_WORKERS_STUCK_MS 3000

typedef struct NestWorkers NestWorkers;
typedef struct NestJob NestJob;

/**
 * NestJob: one piece of work on its way through a worker and back; the first field of a struct that has the rest.
 */
struct NestJob {
    /* On a worker. @connection: (nullable) NULL where @error says why there is none */
    void (*run)(NestJob *job, virConnectPtr connection);
    /* Then on the main loop; frees the job. */
    void (*done)(NestJob *job);
    /* The job waits while this many jobs have a worker, and is turned away while this many are stuck; 0: no such limit. */
    guint most;
    gboolean
        costly; /* it may cost libvirt much, so it waits while another costly job has a worker and is not stuck */
    gboolean turned_away;     /* because of @most, run() was not called */
    NestConnectionPool *pool; /* set by nest_workers_push(); a reference of its own */
    GError *error;            /* what went wrong */
    /* private */
    NestWorkers *workers;
    gint64 made; /* when it was pushed, CLOCK_MONOTONIC's milliseconds */
    gint waited; /* milliseconds until it had a worker and a connection; -1: not yet; atomic */
    gboolean slow;
    gboolean stuck;
};

/**
 * nest_workers_new: begin without libvirt.
 * @n: how many jobs run at a time
 * @extra: how many slow jobs may run beside these. libvirtd has 20 workers for all its clients, and a call to a QEMU that
 *   does not answer occupies one of them; so all kinds of work together must leave some workers free
 */
NestWorkers *nest_workers_new(guint n, guint extra);

/* @extra: as for nest_workers_new(), from now on */
void nest_workers_set_extra(NestWorkers *workers, guint extra);

/* Frees the workers, after the jobs under way have ended; their done() is not called any more. */
void nest_workers_free(NestWorkers *workers);

/* libvirt is there, or gone if @control is NULL. Jobs under way go on. */
void nest_workers_attach(NestWorkers *workers, virConnectPtr control, const char *uri);

/* @changed: called from the main loop after each end of a job, and when a job has become slow. */
void nest_workers_watch(NestWorkers *workers, void (*changed)(gpointer data), gpointer data);

/* Whether libvirt is there: only then may a job be pushed. */
gboolean nest_workers_are_attached(const NestWorkers *workers);

/* (transfer full) @job: with run() and done() set. Jobs begin in the order in which they are pushed, except those that wait
 * because of their own limits. */
void nest_workers_push(NestWorkers *workers, NestJob *job);

/* How many jobs are under way or wait, how many of them are slow, and how many are stuck. */
guint nest_workers_under_way(const NestWorkers *workers);
guint nest_workers_slow(const NestWorkers *workers);
guint nest_workers_stuck(const NestWorkers *workers);

/* How long a job has had its worker and its connection, in milliseconds; 0 before. */
gint64 nest_job_took(const NestJob *job);

/* Releases what the job holds, but not its memory; for done(). */
void nest_job_clear(NestJob *job);

/* The present time of CLOCK_MONOTONIC, in milliseconds. */
gint64 nest_workers_now(void);
