/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event connection: receives libvirt's events, and connects again when it has lost libvirt. */
#pragma once

#include "virt/virt.h"

typedef struct NestEventConnection NestEventConnection;

/**
 * NestEventListener: who receives the events. All its functions are called from the main loop and must not wait.
 */
typedef struct {
    /* libvirt answers. @control, the connection that receives the events, stays valid until lost(). @server_workers: how many
     * calls libvirt's daemon serves at a time, for all its clients */
    void (*connected)(gpointer data, virConnectPtr control, const char *uri, guint server_workers);
    /* libvirt is gone. The event connection tries again by itself. */
    void (*lost)(gpointer data);
    /* A domain's lifecycle event: VIR_DOMAIN_EVENT_* and its detail. */
    void (*lifecycle)(gpointer data, virDomainPtr domain, int event, int detail);
    /* An element of @uri in a domain's metadata was set or removed. */
    void (*metadata)(gpointer data, virDomainPtr domain, const char *uri);
    /* A domain's memory is being transferred, to another place or into a file. */
    void (*job_transferring)(gpointer data, virDomainPtr domain);
    /* A job that can take a domain away (VIR_DOMAIN_JOB_OPERATION_SAVE, _MIGRATION_OUT, _SNAPSHOT)
     * has ended, well or not. */
    void (*job_ended)(gpointer data, virDomainPtr domain);
} NestEventListener;

/**
 * nest_event_connection_new: connect to libvirt and stay connected.
 * @uri: libvirt's, as "qemu:///system"
 * @listener: who receives the events; must outlive the connection
 * @data: for the listener
 *
 * Calls about domains go over other connections (workers.h), so that a call that waits delays no event. A thread
 * connects and registers for the events. If this fails, the next tries come after 0.1, 0.2 and 0.4 s and then every
 * half second: the pauses are short because no domain is guarded meanwhile.
 *
 * Returns: (transfer full) the connection, not connected yet.
 */
NestEventConnection *nest_event_connection_new(const char *uri, const NestEventListener *listener,
                                               gpointer data);

/* Closes the connection without calling the listener. If libvirt does not answer, it is left open after a second,
 * and the process must end. */
void nest_event_connection_free(NestEventConnection *connection);
