/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections over which libvirt is called. Each is used by one thread at a time. */
#pragma once

#include "virt/virt.h"

/* How many calls run at a time: there are so many connections besides the one for events. */
#define NEST_POOL_CONNECTIONS 4
/* How many more there may be for domains whose QEMU does not answer. libvirtd has 20 workers for all its clients. */
#define NEST_POOL_EXTRA_CONNECTIONS 12

/**
 * NestConnectionPool: the connections, from the time libvirt answers until libvirt is gone.
 *
 * Theory of operation: libvirt before 10.4 corrupts the stack of a thread that calls over a connection
 * while another does (CVE-2024-4418; on 9.0 virtnestd died of it when libvirtd was killed). So a thread
 * takes a connection for itself and gives it back. All but the first are opened when they are needed.
 */
typedef struct NestConnectionPool NestConnectionPool;

/**
 * nest_connection_pool_new: begin with the first two connections.
 * @control: where the events come from
 * @work: the first for calls
 */
NestConnectionPool *nest_connection_pool_new(virConnectPtr control, virConnectPtr work);

NestConnectionPool *nest_connection_pool_ref(NestConnectionPool *pool);
void nest_connection_pool_unref(NestConnectionPool *pool);

/* The connection where the events come from. */
virConnectPtr nest_connection_pool_control(const NestConnectionPool *pool);

/* A connection for the calling thread alone; waits for one if all are taken. Not to
 * be called on the main loop. */
virConnectPtr nest_connection_pool_acquire(NestConnectionPool *pool);

/**
 * nest_connection_pool_extend: let more threads than NEST_POOL_CONNECTIONS take a connection.
 * @n: how many more, from now on; for threads whose domain's QEMU does not answer
 */
void nest_connection_pool_extend(NestConnectionPool *pool, guint n);

/* Gives a connection back. */
void nest_connection_pool_release(NestConnectionPool *pool, virConnectPtr connection);
