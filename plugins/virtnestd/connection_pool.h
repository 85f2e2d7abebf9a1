/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections to libvirt for one kind of work. Only one thread at a time uses a connection. */
#pragma once

#include "virt/virt.h"

/**
 * NestConnectionPool: the connections, from the time libvirt answers until libvirt is gone.
 *
 * Theory of operation: if two threads call over the same connection, libvirt before 10.4 corrupts the stack of
 * one of them (CVE-2024-4418; with 9.0 virtnestd crashed when libvirtd was killed). So a thread takes a connection
 * for itself and gives it back. If none is free, a new one is opened.
 */
typedef struct NestConnectionPool NestConnectionPool;

/**
 * nest_connection_pool_new: make a pool that has no connection yet.
 * @control: where the events come from
 * @uri: libvirt's
 */
NestConnectionPool *nest_connection_pool_new(virConnectPtr control, const char *uri);

NestConnectionPool *nest_connection_pool_ref(NestConnectionPool *pool);
void nest_connection_pool_unref(NestConnectionPool *pool);

/* libvirt is gone: from now on nobody gets a connection, because a waiting job must not reach libvirt's next daemon. */
void nest_connection_pool_close(NestConnectionPool *pool);

/* The connection where the events come from. */
virConnectPtr nest_connection_pool_control(const NestConnectionPool *pool);

/**
 * nest_connection_pool_acquire: a connection for the calling thread alone. Not to be called on the main loop.
 *
 * Returns: (nullable) a connection, to be given back; NULL with NEST_ERROR_LIBVIRT.
 */
virConnectPtr nest_connection_pool_acquire(NestConnectionPool *pool, GError **error);

/* Gives a connection back. If @most others are free already, it is closed. */
void nest_connection_pool_release(NestConnectionPool *pool, virConnectPtr connection, guint most);
