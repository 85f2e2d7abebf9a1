/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the host's domains that have to do with virt-nest. */
#pragma once

#include "virtnestd/domain.h"
#include "virtnestd/hook_watch.h"

typedef struct NestDomains NestDomains;

/**
 * NestDomainsListener: what the table reports. All functions are called from the main loop.
 */
typedef struct {
    /* Whether any domain is armed now. */
    void (*armed)(gpointer data, gboolean any);
    /* The definition of a tagged domain needs the host's KVM module. */
    void (*needs_kvm)(gpointer data);
    /* Any domain has stopped. */
    void (*stopped)(gpointer data);
    /* Domains were started without a call of the hook. */
    void (*unjudged)(gpointer data, const NestUnjudged *unjudged);
} NestDomainsListener;

/**
 * nest_domains_new: begin without libvirt, and with nothing to do yet.
 * @config: the settings in force
 * @plugins: probes, guards and exports
 */
NestDomains *nest_domains_new(const NestConfig *config, const NestPluginHost *plugins,
                              const NestDomainsListener *listener, gpointer data);

/* Sets what the settings say about domains, from now on. */
void nest_domains_set_policy(NestDomains *domains, NestPolicy *policy);

/**
 * nest_domains_set_server_workers: set how many QEMUs that do not answer may be asked at a time.
 * @n: how many calls libvirt's daemon serves at a time, for all its clients; each such QEMU occupies one of them
 */
void nest_domains_set_server_workers(NestDomains *domains, guint n);

/* Frees the table, after the jobs under way have ended. Armed domains stay armed. */
void nest_domains_free(NestDomains *domains);

/* libvirt is there: begins a scan of all domains. */
void nest_domains_attach(NestDomains *domains, virConnectPtr control, const char *uri);

/* libvirt is gone: forgets all domains. The next attach scans them again. */
void nest_domains_detach(NestDomains *domains);

/* Scans all domains again, and syncs those that have anything to do with virt-nest. */
void nest_domains_scan(NestDomains *domains);

/* (transfer none) A domain of the table; made if it is not there. */
NestDomain *nest_domains_get(NestDomains *domains, const char *uuid);

/* A lifecycle event of libvirt. */
void nest_domains_lifecycle(NestDomains *domains, virDomainPtr domain, int event, int detail);

/* An element of a domain's metadata changed. */
void nest_domains_metadata(NestDomains *domains, virDomainPtr domain, const char *uri);

/* A domain's memory is being transferred, to another place or into a file. */
void nest_domains_job_transferring(NestDomains *domains, const char *uuid);

/* A migration away, a save or a snapshot of a domain has ended, one way or the other. */
void nest_domains_job_ended(NestDomains *domains, const char *uuid);

/* Begins nothing new. */
void nest_domains_stop(NestDomains *domains);

/* Whether a job is under way. */
gboolean nest_domains_are_busy(const NestDomains *domains);
