/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard manager: watches running domains for nested guests, and has migration and save refused while
 * nested guests run. */
#pragma once

#include "base/config.h"
#include "plugin_host.h"
#include "virt/live_domain.h"
#include "virtnestd/connection_pool.h"

typedef struct NestGuardManager NestGuardManager;

/**
 * NestGuardListener: what the guard manager calls, from the main loop.
 */
typedef struct {
    /* nest_guard_manager_live_status() returns something new for a domain, so the domain must be synced. */
    void (*changed)(gpointer data, const char *uuid);
    /* Whether any domain is armed now. */
    void (*armed)(gpointer data, gboolean any);
} NestGuardListener;

/**
 * nest_guard_manager_new: begin, with no domain to guard yet.
 * @config: the settings in force; read for each sample, so that a reload counts from the next one
 * @plugins: probes, guards and exports
 */
NestGuardManager *nest_guard_manager_new(const NestConfig *config, const NestPluginHost *plugins,
                                         const NestGuardListener *listener, gpointer data);

/* Frees it; waits for the work under way. Armed domains stay armed. */
void nest_guard_manager_free(NestGuardManager *manager);

/* libvirt is there, or gone if @pool is NULL. All domains are forgotten, and learnt again when
 * libvirt is back. */
void nest_guard_manager_attach(NestGuardManager *manager, NestConnectionPool *pool);

/* All domains have been synced since libvirt came. */
void nest_guard_manager_settle(NestGuardManager *manager);

/* A domain was synced, and runs. It is guarded from now on if @live
 * says so, or if it is armed. */
void nest_guard_manager_see(NestGuardManager *manager, NestLiveDomain *live);

/* A domain does not run any more, or is none of ours. */
void nest_guard_manager_forget(NestGuardManager *manager, const char *uuid);

/* A domain's memory is being transferred, to another place or into a file. */
void nest_guard_manager_job_transferring(NestGuardManager *manager, const char *uuid);

/* A migration away, a save or a snapshot of a domain has ended, one way or the other. */
void nest_guard_manager_job_ended(NestGuardManager *manager, const char *uuid);

/* A domain's vCPUs run again. libvirt reports nothing else at the end of an internal snapshot (seen
 * in 9.0). */
void nest_guard_manager_resumed(NestGuardManager *manager, const char *uuid);

/**
 * nest_guard_manager_live_status: what a domain's live status must hold.
 * @ret_allow_is_over: whether what virt-nest allow permitted is used up
 *
 * Returns: (transfer full)(nullable) a live status; NULL where the guard manager has no say.
 */
NestLiveStatus *nest_guard_manager_live_status(NestGuardManager *manager, const char *uuid,
                                               gboolean *ret_allow_is_over);

/* Whether work is under way for which virtnestd should wait before it ends. */
gboolean nest_guard_manager_is_busy(const NestGuardManager *manager);
