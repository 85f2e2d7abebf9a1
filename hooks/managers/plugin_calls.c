/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that kubevirt-plugin does except gRPC. Its C++ file calls these functions. */
#include "plugin_calls.h"

#include "base/error.h"
#include "manager.h"
#include "vmi_domain.h"

#include <errno.h>
#include <libxml/parser.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define EXIT_USAGE 2

gint64
nest_plugin_calls_now(void)
{
    return g_get_monotonic_time() / G_TIME_SPAN_MILLISECOND;
}

static sigset_t
ends(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

gboolean
nest_plugin_calls_begin(NestNodeWatch **ret_watch)
{
    NestConfig config = NEST_CONFIG_DEFAULT;
    sigset_t set = ends();
    GError *error = NULL;

    pthread_sigmask(SIG_BLOCK, &set, NULL); /* inherited by gRPC's threads */
    xmlInitParser();
    if (!ret_watch)
        return TRUE;
    if (nest_config_load(&config, &error))
        *ret_watch = nest_node_watch_new(&config, &error);
    if (*ret_watch)
        return TRUE;
    (void)nest_manager_fail(NULL, error, 1);
    return FALSE;
}

static void
query_node(NestNodeWatch *watch)
{
    if (watch)
        nest_node_watch_look(watch, nest_plugin_calls_now());
}

void
nest_plugin_calls_run(NestNodeWatch *watch)
{
    gint64 ms = watch ? nest_node_watch_interval(watch) : G_TIME_SPAN_MINUTE / 1000;
    struct timespec interval = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    sigset_t set = ends();

    query_node(watch);
    (void)fprintf(stderr, "nest: ready\n");
    while (sigtimedwait(&set, NULL, &interval) <= 0) /* until a signal comes */
        query_node(watch);
}

gchar *
nest_plugin_calls_rewrite(const char *format, const char *json, gssize length, const char *domain,
                          GError **error)
{
    g_auto(NestVmi) vmi = {0};
    gchar *xml = NULL;

    xmlSetStructuredErrorFunc(NULL, nest_xml_be_silent); /* each thread has its own */
    if (g_str_equal(format, "libvirt"))
        xml = nest_vmi_domain_rewrite(&vmi, json, length, domain, error);
    else
        g_set_error(error, NEST_ERROR, NEST_ERROR_USAGE,
                    "the domain is in the format '%s', and only libvirt's XML is understood: use "
                    "a release of virt-nest that is made for this KubeVirt",
                    format);
    if (!xml && vmi.name)
        g_prefix_error(error, "%s: ", vmi.name);
    return xml;
}

int
nest_plugin_calls_misused(void)
{
    (void)fprintf(stderr, "nest: kubevirt-plugin takes 'node' or 'domain', and the path of its "
                          "socket: see virt-nest-managers(7) [NEST-USAGE]\n");
    return EXIT_USAGE;
}

int
nest_plugin_calls_fail(const char *socket)
{
    return nest_manager_fail(
        NULL,
        g_error_new(NEST_ERROR, NEST_ERROR_IO,
                    "cannot listen on %s, so KubeVirt cannot call: see that its directory exists "
                    "and may be written to, and that no other server uses the socket",
                    socket),
        1);
}
