/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections over which one kind of work calls libvirt. Each is used by one thread at a time. */
#pragma once

#include "virt/virt.h"

/**
 * NestConnectionPool: the connections, from the time libvirt answers until libvirt is gone.
 *
 * Theory of operation: libvirt before 10.4 corrupts the stack of a thread that calls over a connection
 * while another does (CVE-2024-4418; on 9.0 virtnestd died of it when libvirtd was killed). So a thread
 * takes a connection for itself and gives it back. A connection is opened when one is needed and none is free.
 */
typedef struct NestConnectionPool NestConnectionPool;

/**
 * nest_connection_pool_new: begin without a connection of its own.
 * @control: where the events come from
 * @uri: libvirt's
 */
NestConnectionPool *nest_connection_pool_new(virConnectPtr control, const char *uri);

NestConnectionPool *nest_connection_pool_ref(NestConnectionPool *pool);
void nest_connection_pool_unref(NestConnectionPool *pool);

/* libvirt is gone: nobody gets a connection any more, as a job that waits must not reach the next libvirt. */
void nest_connection_pool_close(NestConnectionPool *pool);

/* The connection where the events come from. */
virConnectPtr nest_connection_pool_control(const NestConnectionPool *pool);

/**
 * nest_connection_pool_acquire: a connection for the calling thread alone. Not to be called on the main loop.
 *
 * Returns: (nullable) a connection, to be given back; NULL with NEST_ERROR_LIBVIRT.
 */
virConnectPtr nest_connection_pool_acquire(NestConnectionPool *pool, GError **error);

/* Gives a connection back. It is closed if @most others are free already. */
void nest_connection_pool_release(NestConnectionPool *pool, virConnectPtr connection, guint most);
