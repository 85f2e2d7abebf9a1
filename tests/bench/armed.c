/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From an L2's first output to the armed blocker: armed ROUNDS DOMAIN CONSOLE, where virtnestd runs.
 *
 * The domain is an L1 that starts and ends an L2 when told (tests/guest/l1-init); CONSOLE.in takes lines for
 * it, CONSOLE.log has what it says. "ARMED NANOSECONDS": from "L2: tick" in that log until QEMU's
 * query-migrate names the blocker, as seen by asking every few milliseconds. The L2s are started at
 * moments that are spread evenly over virtnestd's interval: left alone, each would start as long after a sample as the last. */
#include "virt.h"

#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>

/* Rounds that are not printed. */
#define WARM_UP 1
#define INTERVAL_MS 1000 /* virtnestd's, as it is unless set */
#define STEP_US 5000
#define LIMIT_SECONDS 60
#define NODE "'virt-nest-nested-guests-running'"

typedef struct {
    virDomainPtr domain;
    gchar *in; /* the console's two files */
    gchar *log;
    gsize said; /* what the log had before the round */
} L1;

/* (transfer full) The whole log. */
static gchar *
read_log(const L1 *l1, gsize *ret_length)
{
    gchar *text = NULL;

    if (!g_file_get_contents(l1->log, &text, ret_length, NULL))
        bench_die("cannot read %s", l1->log);
    return text;
}

static gboolean
has_said(const L1 *l1, const char *line)
{
    gsize length = 0;
    g_autofree gchar *text = read_log(l1, &length);

    return strstr(text + MIN(l1->said, length), line) != NULL;
}

static gboolean
ticks(const L1 *l1)
{
    return has_said(l1, "L2: tick");
}

static gboolean
has_ended(const L1 *l1)
{
    return has_said(l1, "L1: L2 exit");
}

static gboolean
is_armed(const L1 *l1)
{
    char *reply = NULL;
    gboolean armed = FALSE;

    if (virDomainQemuMonitorCommand(l1->domain, "{\"execute\":\"query-migrate\"}", &reply, 0) < 0)
        bench_die("cannot ask QEMU: %s", virGetLastErrorMessage());
    armed = strstr(reply, NODE) != NULL;
    free(reply);
    return armed;
}

static gboolean
is_disarmed(const L1 *l1)
{
    return !is_armed(l1);
}

/* When it was so. */
static gint64
wait_for(const L1 *l1, gboolean (*condition)(const L1 *), const char *what)
{
    gint64 limit = g_get_monotonic_time() + LIMIT_SECONDS * G_TIME_SPAN_SECOND;

    while (!condition(l1)) {
        if (g_get_monotonic_time() > limit)
            bench_die("in %d seconds there was no %s", LIMIT_SECONDS, what);
        g_usleep(STEP_US);
    }
    return bench_now();
}

/* @delay_ms: of the L2, after the guard was last disarmed. */
static gint64
arm(L1 *l1, gulong delay_ms)
{
    gint64 first = 0;
    gint64 armed = 0;

    wait_for(l1, is_disarmed, "disarmed guard");
    g_usleep(delay_ms * 1000);
    g_free(read_log(l1, &l1->said));
    bench_say(l1->in, "l2 tick\n");
    first = wait_for(l1, ticks, "output of an L2");
    armed = wait_for(l1, is_armed, "armed guard");
    bench_say(l1->in, "stop\n");
    wait_for(l1, has_ended, "end of an L2");
    return armed - first;
}

int
main(int argc, char **argv)
{
    virConnectPtr connection = NULL;
    L1 l1 = {0};
    int rounds = 0;

    g_set_prgname("armed");
    if (argc != 4)
        bench_die("usage: armed ROUNDS DOMAIN CONSOLE");
    rounds = bench_number(argv[1]);
    connection = bench_connect("qemu:///system");
    l1.domain = virDomainLookupByName(connection, argv[2]);
    if (!l1.domain)
        bench_die("no domain %s: %s", argv[2], virGetLastErrorMessage());
    l1.in = g_strconcat(argv[3], ".in", NULL);
    l1.log = g_strconcat(argv[3], ".log", NULL);
    for (int round = -WARM_UP; round < rounds; round++) {
        gint64 took = arm(&l1, (gulong)(INTERVAL_MS * (round + WARM_UP) / rounds));

        if (round >= 0)
            bench_print("ARMED", took);
    }
    virDomainFree(l1.domain);
    virConnectClose(connection);
    g_free(l1.in);
    g_free(l1.log);
    return 0;
}
