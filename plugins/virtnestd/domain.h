/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain: all that virtnestd knows of it and wants for it. Only the main loop uses it. */
#pragma once

#include "base/config.h"
#include "virtnestd/domain_guard.h"
#include "virtnestd/domain_log.h"
#include "virtnestd/publish.h"
#include "virtnestd/sync_job.h"

/**
 * NestDomainListener: what a domain tells its owner, from the main loop.
 */
typedef struct {
    /* Its guard is to be shown anew by the exports. */
    void (*show)(gpointer data);
    /* It is armed now. */
    void (*armed)(gpointer data);
    /* Its definition needs the host's KVM module. */
    void (*needs_kvm)(gpointer data);
    /* A job of it has ended, so it may be of no use any more: nest_domain_is_idle(). It may be freed here. */
    void (*rest)(gpointer data, NestDomain *domain);
} NestDomainListener;

/**
 * NestDomainContext: what all domains share; it outlives them.
 */
typedef struct {
    const NestConfig
        *config;        /* the settings in force; read each time, so that a reload takes effect */
    NestPolicy *policy; /* what the settings say of domains; NULL: nothing is known of it yet */
    const NestPluginHost *plugins;
    NestDefineTracker *tracker;
    NestWorkers *syncs;   /* correct, and read */
    NestWorkers *publish; /* write live statuses */
    NestWorkers *guards;  /* sample, check, arm and disarm */
    int spare_workers;    /* how many more than usual libvirt's daemon has; below zero: fewer */
    NestEntryWatch *watch;
    const NestDomainListener *listener;
    gpointer data;     /* for it */
    gboolean stopping; /* begin nothing new */
} NestDomainContext;

/* Something that is tried again later and later, until it succeeds. */
typedef struct {
    guint pause_ms; /* before the next try; 0: the last one succeeded */
    guint timer;    /* its source; 0: none */
} NestRetry;

/**
 * NestDomain: a domain of libvirt's that has anything to do with virt-nest, with at most one job of each kind.
 */
struct NestDomain {
    const NestDomainContext *context;
    gchar *uuid;
    /* the definition */
    NestSyncJob *sync; /* under way, as are the next three; NULL: none */
    NestSyncJob *fresh;
    NestPublishJob *publishing;
    NestGuardJob *guarding;
    gboolean sync_again;   /* something happened since @sync began */
    NestStart start_again; /* ... and whether that was a start */
    guint locked_timer;    /* the source that asks whether @sync hangs */
    gchar *
        fresh_name; /* (nullable) the domain's name, for the fresh sync that begins then if @sync hangs */
    NestRetry sync_retry;
    /* the run */
    NestLiveDomain *live; /* NULL: it does not run, has nothing to do with us, or is not known */
    gchar *element;       /* (nullable) virtnestd's element in its live XML, as far as is known */
    guint echoes;         /* events about our own changes of @element that are still to come */
    gint64 wrote_at;      /* ... the time of that change, CLOCK_MONOTONIC's milliseconds */
    gboolean forgotten;   /* what virt-nest allow left was removed since the domain was read */
    gboolean put_off;     /* nest_domain_publish() was called when it could not do anything */
    NestRetry publish_retry;
    NestDomainGuard guard;
    NestDomainLog log;
};

/* (transfer full) */
NestDomain *nest_domain_new(const NestDomainContext *context, const char *uuid);

/* @domain: jobs under way for it go on, without an owner */
void nest_domain_free(gpointer domain);

/* Syncs it: now, or after the sync that is under way. */
void nest_domain_sync(NestDomain *domain, NestStart start);

/* Its definition, or metadata in it, has just been written: corrects it first. */
void nest_domain_sync_fresh(NestDomain *domain, const char *name);

/* The same if metadata of a namespace that is not ours has changed: an element there may have been meant to be the tag.
 * If it was not, nothing is asked of libvirt. */
void nest_domain_peek(NestDomain *domain, const char *name);

/* It was read, and runs. */
void nest_domain_see(NestDomain *domain, NestLiveDomain *live);

/* It does not run any more, or has nothing to do with us. */
void nest_domain_forget_run(NestDomain *domain);

/* Writes its live status, if that differs from what stands there. */
void nest_domain_publish(NestDomain *domain);

/* The same at once, even if the last try has failed a moment ago. */
void nest_domain_publish_changed(NestDomain *domain);

/* Whether an event about virtnestd's element in its live XML is the echo of our own change. */
gboolean nest_domain_is_echo(NestDomain *domain);

/* Whether nothing is under way for it, nothing is to be tried again and no guard is needed. */
gboolean nest_domain_is_idle(const NestDomain *domain);

/* Something of it has failed that is tried again later and later. */
void nest_domain_back_off(const NestDomain *domain, NestBackoff *backoff);

/* Whether that may be tried again. */
gboolean nest_domain_may_try(const NestDomain *domain, const NestBackoff *backoff);

/* Its name, or its uuid as long as that is not known. */
const char *nest_domain_name(const NestDomain *domain);
