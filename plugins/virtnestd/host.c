/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns nesting on in the host's KVM module as soon as a tagged domain needs it.
 *
 * A reload takes as long as the kernel needs, and waits for other programs. So it runs on a thread
 * of its own, one at a time. If this process may not load modules, the thread starts
 * virt-nest-kvm@on.service and waits for it (kvm_unit.c). A failure is logged once. If guests
 * keep the module in use, virtnestd tries again when one of them ends. */
#include "virtnestd/host.h"

#include "base/error.h"
#include "base/log.h"
#include "domain/exposed.h"
#include "host/kvm_reload.h"
#include "host/modprobe_dropin.h"
#include "virtnestd/kvm_unit.h"

struct NestHost {
    const NestConfig *config;
    void (*when_ready)(gpointer);
    gpointer data;       /* for it */
    gboolean wanted;     /* a tagged domain waits for nesting */
    GCancellable *leave; /* ends the wait for the unit */
    GThread *thread;     /* of a reload; NULL: none is under way */
    GError *problem;     /* ... what kept it from turning nesting on */
    gchar *last_warning; /* what was logged last, so that it is not logged for each domain */
};

NestHost *
nest_host_new(const NestConfig *config, void (*when_ready)(gpointer), gpointer data)
{
    NestHost *host = g_new0(NestHost, 1);

    host->config = config;
    host->leave = g_cancellable_new();
    host->when_ready = when_ready;
    host->data = data;
    return host;
}

void
nest_host_free(NestHost *host)
{
    if (!host)
        return;
    g_cancellable_cancel(host->leave);
    if (host->thread)
        g_thread_join(host->thread);
    g_object_unref(host->leave);
    g_clear_error(&host->problem);
    g_free(host->last_warning);
    g_free(host);
}

static void
log_host_once(NestHost *host, const GError *error)
{
    if (g_strcmp0(host->last_warning, error->message) == 0)
        return;
    g_free(host->last_warning);
    host->last_warning = g_strdup(error->message);
    nest_log_error(NULL, NULL, error);
}

/* Back on the main loop. */
static gboolean
reload_is_done(gpointer data)
{
    NestHost *host = data;

    g_thread_join(g_steal_pointer(&host->thread));
    if (host->problem) {
        log_host_once(host, host->problem);
    } else {
        host->wanted = FALSE;
        host->when_ready(host->data);
    }
    g_clear_error(&host->problem);
    return G_SOURCE_REMOVE;
}

/* Also keeps nesting on at each boot. Otherwise untagged guests that start at boot would use the module
 * before nesting could be turned on. */
static gboolean
reload_here(NestKvmModule *ret_module, NestKvmAction *ret_done, GError **error)
{
    g_autoptr(GError) problem = NULL;

    if (!nest_kvm_reload(TRUE, FALSE, ret_module, ret_done, error))
        return FALSE;
    if (!nest_modprobe_dropin_keep_on(ret_module->vendor, NEST_MODPROBE_LOADED, &problem))
        nest_log_error(NULL, NULL, problem);
    return TRUE;
}

/* If the unit finds nesting on, somebody has just turned it on. This counts as if the unit had done it. */
static gboolean
reload_by_unit(GCancellable *leave, NestKvmModule *ret_module, NestKvmAction *ret_done,
               GError **error)
{
    if (!nest_kvm_unit_start(leave, error))
        return FALSE;
    *ret_module = nest_kvm_module_read();
    *ret_done = NEST_KVM_DO_RELOAD;
    return TRUE;
}

static gpointer
reload_host_module(gpointer data)
{
    NestHost *host = data;
    NestKvmModule module = {0};
    NestKvmAction done = NEST_KVM_DO_NOTHING;
    gboolean ready = nest_kvm_unit_is_needed()
                         ? reload_by_unit(host->leave, &module, &done, &host->problem)
                         : reload_here(&module, &done, &host->problem);

    if (ready)
        nest_exposed_log(module.vendor, done);
    g_idle_add(reload_is_done, host);
    return NULL;
}

/* Whether the module must be loaded anew: not if nesting is on, or if the
 * module is not ours to change. */
static gboolean
needs_turn(NestHost *host)
{
    g_autoptr(GError) problem = NULL;
    NestKvmModule module = nest_kvm_module_read();

    if (nest_kvm_module_can_nest(&module))
        host->wanted = FALSE;
    else if (host->config->manage == NEST_MANAGE_YES)
        return TRUE;
    else if (!nest_kvm_module_check(&module, &problem))
        log_host_once(host, problem);
    return FALSE;
}

void
nest_host_want(NestHost *host)
{
    g_autoptr(GError) problem = NULL;

    host->wanted = TRUE;
    if (host->thread || !needs_turn(host))
        return;
    host->thread = g_thread_try_new("host", reload_host_module, host, &problem);
    if (host->thread)
        return;
    g_prefix_error_literal(&problem, "cannot start a thread that turns nesting on: ");
    log_host_once(host, problem); /* the next try comes when a domain begins or ends */
}

void
nest_host_retry(NestHost *host)
{
    if (host->wanted)
        nest_host_want(host);
}
