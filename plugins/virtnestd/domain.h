/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain: all that virtnestd knows about it and is to do for it. Only the main loop uses it. */
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
    /* The exports are to publish its guard again. */
    void (*show)(gpointer data);
    /* The domain is armed now. */
    void (*armed)(gpointer data);
    /* Its definition needs the host's KVM module. */
    void (*needs_kvm)(gpointer data);
    /* A job for the domain has ended. If nest_domain_is_idle() says so, @domain is not needed any more and may be freed. */
    void (*rest)(gpointer data, NestDomain *domain);
} NestDomainListener;

/**
 * NestDomainContext: what all domains share; it outlives them.
 */
typedef struct {
    const NestConfig
        *config;        /* the settings in force; read each time, so that a reload takes effect */
    NestPolicy *policy; /* what the settings say about domains; NULL: not read yet */
    const NestPluginHost *plugins;
    NestDefineTracker *tracker;
    NestWorkers *syncs;   /* correct and read domains */
    NestWorkers *publish; /* write live statuses */
    NestWorkers *guards;  /* sample, check, arm and disarm */
    int spare_workers; /* the number of workers of libvirt's daemon, minus NEST_LIBVIRT_WORKERS */
    NestEntryWatch *watch;
    const NestDomainListener *listener;
    gpointer data;     /* for it */
    gboolean stopping; /* begin nothing new */
} NestDomainContext;

/* An action that is tried again, after longer and longer pauses, until it succeeds. */
typedef struct {
    guint pause_ms; /* the pause before the next try; 0: the last try succeeded */
    guint timer;    /* the source of the next try; 0: none */
} NestRetry;

/**
 * NestDomain: a libvirt domain that has to do with virt-nest. It has at most one job of each kind.
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
    guint locked_timer; /* the source that looks whether @sync still runs after LOCKED_AFTER_MS */
    gchar *
        fresh_name; /* (nullable) the domain's name, for the fresh sync that begins if @sync still runs then */
    NestRetry sync_retry;
    /* the run */
    NestLiveDomain
        *live;          /* NULL: it does not run, has nothing to do with us, or was not read yet */
    gchar *element;     /* (nullable) virtnestd's element in its live XML, as far as is known */
    guint echoes;       /* how many events about our own changes of @element are still to come */
    gint64 wrote_at;    /* ... the time of the last such change, CLOCK_MONOTONIC's milliseconds */
    gboolean forgotten; /* the element of virt-nest allow was removed since the domain was read */
    gboolean put_off;   /* nest_domain_publish() was called when it could not do anything */
    NestRetry publish_retry;
    NestDomainGuard guard;
    NestDomainLog log;
};

/* (transfer full) */
NestDomain *nest_domain_new(const NestDomainContext *context, const char *uuid);

/* Jobs of @domain that are under way go on, without an owner. */
void nest_domain_free(gpointer domain);

/* Syncs the domain: now, or after the sync that is under way. */
void nest_domain_sync(NestDomain *domain, NestStart start);

/* To be called when its definition, or metadata there, has just been written: corrects the definition before all else. */
void nest_domain_sync_fresh(NestDomain *domain, const char *name);

/* The same if metadata of another namespace has changed: its element may have been meant to be the tag. If it was not,
 * libvirt is asked nothing. */
void nest_domain_peek(NestDomain *domain, const char *name);

/* To be called when the domain was read, and runs. */
void nest_domain_see(NestDomain *domain, NestLiveDomain *live);

/* To be called when the domain does not run any more, or has nothing to do with us. */
void nest_domain_forget_run(NestDomain *domain);

/* Writes its live status if it differs from the one in the live XML. */
void nest_domain_publish(NestDomain *domain);

/* The same at once, even if the last try has failed a moment ago. */
void nest_domain_publish_changed(NestDomain *domain);

/* Whether an event about virtnestd's element in its live XML is the echo of our own change. */
gboolean nest_domain_is_echo(NestDomain *domain);

/* Whether no job of the domain is under way, nothing is to be tried again and no guard is needed. */
gboolean nest_domain_is_idle(const NestDomain *domain);

/* To be called when an action for the domain has failed: makes the pause before the next try longer. */
void nest_domain_back_off(const NestDomain *domain, NestBackoff *backoff);

/* Whether that pause is over. */
gboolean nest_domain_may_try(const NestDomain *domain, const NestBackoff *backoff);

/* Its name; its uuid as long as the name is not known. */
const char *nest_domain_name(const NestDomain *domain);
