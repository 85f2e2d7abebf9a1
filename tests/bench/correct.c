/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way from a definition to its correction: correct ROUNDS XML-FILE.
 *
 * "A NANOSECONDS": from the return of virDomainDefineXML() with a fresh tagged domain until this
 * program hears libvirt's event of the correction, which is what a client has to wait for. A has
 * two passes through libvirtd's event queue, which B has not; their time counts against virtnestd.
 *
 * "B NANOSECONDS": read, read again, compare and define, by this program over one warm connection, of
 * the same text with a tag that is nobody's ("nest" is spelt "tags"), as long to the byte.
 *
 * Between the two nothing is measured for a moment, until virtnestd has come to all events of before. */
#include "virt.h"

#include <string.h>

/* virtnestd takes 2 to 5 ms for an event. */
#define SETTLE_MS 40L
#define LIMIT_SECONDS 20
/* Rounds that are not printed. */
#define WARM_UP 3

/* What the thread of the events tells. */
typedef struct {
    GMutex lock;
    GCond heard;
    gint64 updated; /* when a definition was last replaced; 0: not since the round began */
} Events;

static int
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *data)
{
    Events *events = data;
    gint64 when = bench_now();

    (void)connection, (void)domain;
    if (event != VIR_DOMAIN_EVENT_DEFINED || detail != VIR_DOMAIN_EVENT_DEFINED_UPDATED)
        return 0;
    g_mutex_lock(&events->lock);
    if (events->updated == 0)
        events->updated = when;
    g_cond_signal(&events->heard);
    g_mutex_unlock(&events->lock);
    return 0;
}

static gint64
wait_for_update(Events *events)
{
    gint64 end = g_get_monotonic_time() + LIMIT_SECONDS * G_TIME_SPAN_SECOND;
    gint64 updated = 0;

    g_mutex_lock(&events->lock);
    while (events->updated == 0)
        if (!g_cond_wait_until(&events->heard, &events->lock, end))
            bench_die("no correction within %d s: does virtnestd run?", LIMIT_SECONDS);
    updated = events->updated;
    g_mutex_unlock(&events->lock);
    return updated;
}

static void
settle(Events *events)
{
    g_usleep(SETTLE_MS * 1000);
    g_mutex_lock(&events->lock);
    events->updated = 0;
    g_mutex_unlock(&events->lock);
}

static virDomainPtr
define(virConnectPtr connection, const char *xml)
{
    virDomainPtr domain = virDomainDefineXML(connection, xml);

    if (!domain)
        bench_die("cannot define: %s", virGetLastErrorMessage());
    return domain;
}

static char *
read_definition(virDomainPtr domain)
{
    char *xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);

    if (!xml)
        bench_die("cannot read: %s", virGetLastErrorMessage());
    return xml;
}

static void
drop(virDomainPtr domain, Events *events)
{
    if (virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_NVRAM) < 0)
        bench_die("cannot undefine: %s", virGetLastErrorMessage());
    virDomainFree(domain);
    settle(events);
}

/* (transfer full) The corrected definition. */
static char *
let_virtnestd(virConnectPtr connection, const char *xml, Events *events, gint64 *ret_took)
{
    virDomainPtr domain = define(connection, xml);
    gint64 begin = bench_now();
    char *corrected = NULL;

    *ret_took = wait_for_update(events) - begin;
    settle(events);
    corrected = read_definition(domain);
    drop(domain, events);
    return corrected;
}

static gint64
do_it_here(virConnectPtr connection, const char *before, const char *after, Events *events)
{
    virDomainPtr domain = define(connection, before);
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    gint64 begin = 0;
    gint64 took = 0;

    settle(events);
    begin = bench_now();
    first = read_definition(domain);
    second = read_definition(domain);
    if (strcmp(first, second) != 0)
        bench_die("somebody else changed the definition");
    virDomainFree(define(connection, after));
    took = bench_now() - begin;
    drop(domain, events);
    return took;
}

/* (transfer full) The same text, nobody's. */
static gchar *
of_nobody(const char *xml)
{
    g_auto(GStrv) parts = g_strsplit(xml, "nest", -1);

    return g_strjoinv("tags", parts);
}

static void
run_round(virConnectPtr connection, const char *xml, Events *events, gboolean print)
{
    gint64 a = 0;
    g_autofree char *corrected = let_virtnestd(connection, xml, events, &a);
    g_autofree gchar *before = of_nobody(xml);
    g_autofree gchar *after = of_nobody(corrected);
    gint64 b = do_it_here(connection, before, after, events);

    if (!print)
        return;
    bench_print("A", a);
    bench_print("B", b);
    bench_print("BYTES", (gint64)strlen(corrected));
}

int
main(int argc, char **argv)
{
    static Events events;
    g_autofree gchar *xml = NULL;
    virConnectPtr connection = NULL;

    g_set_prgname("correct");
    if (argc != 3 || !g_file_get_contents(argv[2], &xml, NULL, NULL))
        bench_die("usage: correct ROUNDS XML-FILE");
    virEventRegisterDefaultImpl();
    connection = bench_connect("qemu:///system");
    if (virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), &events,
                                         NULL) < 0)
        bench_die("cannot listen: %s", virGetLastErrorMessage());
    bench_run_events();
    for (int round = -WARM_UP; round < bench_number(argv[1]); round++)
        run_round(connection, xml, &events, round >= 0);
    return 0;
}
