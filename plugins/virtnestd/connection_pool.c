/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections to libvirt for one kind of work. Only one thread at a time uses a connection. */
#include "virtnestd/connection_pool.h"

#include "base/error.h"

struct NestConnectionPool {
    virConnectPtr control; /* where the events come from */
    gchar *uri;            /* libvirt's */
    GAsyncQueue *free;     /* connections that nobody has taken */
    gint closed;           /* nobody gets one any more; by g_atomic_int_... */
};

static void
close_pooled_connection(gpointer connection)
{
    virConnectClose(connection);
}

NestConnectionPool *
nest_connection_pool_new(virConnectPtr control, const char *uri)
{
    NestConnectionPool *pool = g_atomic_rc_box_new0(NestConnectionPool);

    virConnectRef(control);
    pool->control = control;
    pool->uri = g_strdup(uri);
    pool->free = g_async_queue_new_full(close_pooled_connection);
    return pool;
}

NestConnectionPool *
nest_connection_pool_ref(NestConnectionPool *pool)
{
    return g_atomic_rc_box_acquire(pool);
}

/* Closing a connection is a call to libvirt, which may wait. The main loop may hold the last reference, so a thread closes. */
static gpointer
close_all(gpointer data)
{
    NestConnectionPool *pool = data;

    g_async_queue_unref(pool->free);
    virConnectClose(pool->control);
    g_free(pool->uri);
    g_free(pool);
    return NULL;
}

static void
connection_pool_clear(gpointer data)
{
    NestConnectionPool *pool = g_memdup2(data, sizeof(NestConnectionPool));
    GThread *thread = g_thread_try_new("close", close_all, pool, NULL);

    if (thread)
        g_thread_unref(thread);
}

void
nest_connection_pool_unref(NestConnectionPool *pool)
{
    if (pool)
        g_atomic_rc_box_release_full(pool, connection_pool_clear);
}

void
nest_connection_pool_close(NestConnectionPool *pool)
{
    g_atomic_int_set(&pool->closed, TRUE);
}

virConnectPtr
nest_connection_pool_control(const NestConnectionPool *pool)
{
    return pool->control;
}

/* Replaces a connection that libvirtd has closed. If that fails, calls over the old connection report the reason. */
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
nest_connection_pool_acquire(NestConnectionPool *pool, GError **error)
{
    virConnectPtr connection = NULL;

    if (g_atomic_int_get(&pool->closed)) {
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_LIBVIRT, "libvirt is gone");
        return NULL;
    }
    connection = g_async_queue_try_pop(pool->free);
    if (connection)
        return revive(pool, connection);
    connection = virConnectOpen(pool->uri);
    if (!connection)
        nest_virt_error(error, "cannot open one more connection to libvirt");
    return connection;
}

void
nest_connection_pool_release(NestConnectionPool *pool, virConnectPtr connection, guint most)
{
    if (!connection)
        return;
    if (g_async_queue_length(pool->free) < (gint)most)
        g_async_queue_push(pool->free, connection);
    else
        virConnectClose(connection);
}
