/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections over which libvirt is called, each by one thread at a time. */
#include "virtnestd/calls.h"

/* How often a waiting thread checks whether one more connection may be opened. */
#define RETRY_MS 100

struct NestCalls {
    virConnectPtr control; /* where the events come from */
    gchar *uri;            /* libvirt's */
    GAsyncQueue *free;     /* connections that nobody has taken */
    gint lent;   /* connections there may be besides NEST_CALLS_MAX; by g_atomic_int_... */
    gint opened; /* connections there are, or are being opened; by g_atomic_int_... */
};

static void
close_connection(gpointer connection)
{
    virConnectClose(connection);
}

NestCalls *
nest_calls_new(virConnectPtr control, virConnectPtr work)
{
    NestCalls *calls = g_atomic_rc_box_new0(NestCalls);

    virConnectRef(control);
    virConnectRef(work);
    calls->control = control;
    calls->uri = virConnectGetURI(work);
    calls->free = g_async_queue_new_full(close_connection);
    calls->opened = 1;
    g_async_queue_push(calls->free, work);
    return calls;
}

NestCalls *
nest_calls_ref(NestCalls *calls)
{
    return g_atomic_rc_box_acquire(calls);
}

static void
calls_clear(gpointer data)
{
    NestCalls *calls = data;

    virConnectClose(calls->control);
    g_async_queue_unref(calls->free);
    g_free(calls->uri);
}

void
nest_calls_unref(NestCalls *calls)
{
    if (calls)
        g_atomic_rc_box_release_full(calls, calls_clear);
}

virConnectPtr
nest_calls_control(const NestCalls *calls)
{
    return calls->control;
}

/* One more, if there may be one and it can be had. */
static virConnectPtr
open_one(NestCalls *calls)
{
    virConnectPtr connection = NULL;

    if (g_atomic_int_add(&calls->opened, 1) < NEST_CALLS_MAX + g_atomic_int_get(&calls->lent))
        connection = virConnectOpen(calls->uri);
    if (!connection)
        g_atomic_int_add(&calls->opened, -1);
    return connection;
}

/* Opens a connection anew if libvirtd has closed it. If that fails,
 * calls over the old one say why. */
static virConnectPtr
revive(NestCalls *calls, virConnectPtr connection)
{
    virConnectPtr other = virConnectIsAlive(connection) == 1 ? NULL : virConnectOpen(calls->uri);

    if (!other)
        return connection;
    virConnectClose(connection);
    return other;
}

virConnectPtr
nest_calls_take(NestCalls *calls)
{
    virConnectPtr connection = g_async_queue_try_pop(calls->free);

    while (!connection) {
        connection = open_one(calls);
        if (!connection)
            connection = g_async_queue_timeout_pop(calls->free, RETRY_MS * G_TIME_SPAN_MILLISECOND);
    }
    return revive(calls, connection);
}

void
nest_calls_give(NestCalls *calls, virConnectPtr connection)
{
    gint allowed = NEST_CALLS_MAX + g_atomic_int_get(&calls->lent);

    if (g_atomic_int_get(&calls->opened) <= allowed) {
        g_async_queue_push(calls->free, connection);
        return;
    }
    g_atomic_int_add(&calls->opened, -1);
    virConnectClose(connection);
}

void
nest_calls_lend(NestCalls *calls, guint n)
{
    g_atomic_int_set(&calls->lent, (gint)n);
}
