/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections over which libvirt is called. Each is used by one thread at a time. */
#include "virtnestd/connection_pool.h"

/* How often a waiting thread checks whether one more connection may be opened. */
#define RETRY_MS 100

struct NestConnectionPool {
    virConnectPtr control; /* where the events come from */
    gchar *uri;            /* libvirt's */
    GAsyncQueue *free;     /* connections that nobody has taken */
    gint extra;  /* how many more than NEST_POOL_CONNECTIONS are allowed; by g_atomic_int_... */
    gint opened; /* how many are open or being opened; by g_atomic_int_... */
};

static void
close_connection(gpointer connection)
{
    virConnectClose(connection);
}

NestConnectionPool *
nest_connection_pool_new(virConnectPtr control, virConnectPtr work)
{
    NestConnectionPool *pool = g_atomic_rc_box_new0(NestConnectionPool);

    virConnectRef(control);
    virConnectRef(work);
    pool->control = control;
    pool->uri = virConnectGetURI(work);
    pool->free = g_async_queue_new_full(close_connection);
    pool->opened = 1;
    g_async_queue_push(pool->free, work);
    return pool;
}

NestConnectionPool *
nest_connection_pool_ref(NestConnectionPool *pool)
{
    return g_atomic_rc_box_acquire(pool);
}

static void
connection_pool_clear(gpointer data)
{
    NestConnectionPool *pool = data;

    virConnectClose(pool->control);
    g_async_queue_unref(pool->free);
    g_free(pool->uri);
}

void
nest_connection_pool_unref(NestConnectionPool *pool)
{
    if (pool)
        g_atomic_rc_box_release_full(pool, connection_pool_clear);
}

virConnectPtr
nest_connection_pool_control(const NestConnectionPool *pool)
{
    return pool->control;
}

/* (nullable) Opens one more connection; NULL where the limit is reached or libvirt does not answer. */
static virConnectPtr
open_one(NestConnectionPool *pool)
{
    virConnectPtr connection = NULL;

    if (g_atomic_int_add(&pool->opened, 1) < NEST_POOL_CONNECTIONS + g_atomic_int_get(&pool->extra))
        connection = virConnectOpen(pool->uri);
    if (!connection)
        g_atomic_int_add(&pool->opened, -1);
    return connection;
}

/* Opens a connection anew if libvirtd has closed it. If that fails,
 * calls over the old one say why. */
static virConnectPtr
revive(NestConnectionPool *pool, virConnectPtr connection)
{
    virConnectPtr other = virConnectIsAlive(connection) == 1 ? NULL : virConnectOpen(pool->uri);

    if (!other)
        return connection;
    virConnectClose(connection);
    return other;
}

virConnectPtr
nest_connection_pool_acquire(NestConnectionPool *pool)
{
    virConnectPtr connection = g_async_queue_try_pop(pool->free);

    while (!connection) {
        connection = open_one(pool);
        if (!connection)
            connection = g_async_queue_timeout_pop(pool->free, RETRY_MS * G_TIME_SPAN_MILLISECOND);
    }
    return revive(pool, connection);
}

void
nest_connection_pool_release(NestConnectionPool *pool, virConnectPtr connection)
{
    gint allowed = NEST_POOL_CONNECTIONS + g_atomic_int_get(&pool->extra);

    if (g_atomic_int_get(&pool->opened) <= allowed) {
        g_async_queue_push(pool->free, connection);
        return;
    }
    g_atomic_int_add(&pool->opened, -1);
    virConnectClose(connection);
}

void
nest_connection_pool_extend(NestConnectionPool *pool, guint n)
{
    g_atomic_int_set(&pool->extra, (gint)n);
}
