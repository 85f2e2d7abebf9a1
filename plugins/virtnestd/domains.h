/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's domains: which of them are to be synced, and which are being synced. */
#pragma once

#include "base/config.h"
#include "virt/virt.h"
#include "virtnestd/guard.h"
#include "virtnestd/host.h"

typedef struct NestDomains NestDomains;

/**
 * nest_domains_new: begin without libvirt, and with nothing to do yet.
 * @config: the settings in force; read each time a domain is synced,
 *   so that a reload takes effect
 * @host: is told which tagged domains need its module
 * @manager: is told of running domains, and says what their live statuses must hold
 */
NestDomains *nest_domains_new(const NestConfig *config, NestHost *host, NestGuardManager *manager);

/* Frees it; waits until no domain is being synced. */
void nest_domains_free(NestDomains *domains);

/* libvirt is there: begins a scan of all domains. */
void nest_domains_attach(NestDomains *domains, virConnectPtr control, virConnectPtr work);

/* libvirt is gone: forgets all that was waiting. The next attach scans all domains again. */
void nest_domains_detach(NestDomains *domains);

/* Scans all domains again, and syncs those that have anything to do with virt-nest. */
void nest_domains_scan(NestDomains *domains);

/* Syncs one domain again. */
void nest_domains_sync(NestDomains *domains, const char *uuid);

/* A lifecycle event of libvirt. */
void nest_domains_lifecycle(NestDomains *domains, virDomainPtr domain, int event, int detail);

/* An element of a domain's metadata changed. */
void nest_domains_metadata(NestDomains *domains, virDomainPtr domain, const char *uri);

/**
 * nest_domains_stop: begin nothing new.
 * @when_idle: called from the main loop as soon as no domain is being synced
 * @data: for it
 */
void nest_domains_stop(NestDomains *domains, GSourceFunc when_idle, gpointer data);
