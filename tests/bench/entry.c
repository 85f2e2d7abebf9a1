/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a guest's first entry into an L2 to the armed blocker, and the least that arms one:
 * entry ROUNDS DOMAIN CONSOLE PROBE IMAGE, where virtnestd runs, on a real KVM.
 *
 * The domain is an L1 that starts and ends an L2 when told (tests/guest/l1-init); CONSOLE.in takes lines for it. PROBE is
 * probe-trace.so, which tells this program, too, of the entry. In turn:
 *   A NANOSECONDS   from the entry until QEMU's query-migrate names the blocker, as seen by asking every few milliseconds
 *   B NANOSECONDS   blockdev-add of IMAGE, which is a vdi, and query-migrate, over a warm connection ("the pair") */
#include "entry_probe.h"
#include "virt.h"

#include <libvirt/libvirt-qemu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rounds that are not printed. */
#define WARM_UP 2
#define STEP_US 2000
#define DISARMED_STEP_US 100000 /* what need not be known at once: H has one processor, and asking keeps its guest from it */
#define LIMIT_MS 120000
#define NODE "'virt-nest-nested-guests-running'"
#define OWN_NODE "bench-entry"

typedef struct {
    virDomainPtr domain;
    gchar *in; /* its console */
    EntryProbe probe;
} Bench;

/* (transfer full) */
static gchar *
ask(const Bench *bench, const char *command)
{
    char *reply = NULL;
    gchar *copy = NULL;

    if (virDomainQemuMonitorCommand(bench->domain, command, &reply, 0) < 0)
        bench_die("cannot ask QEMU: %s", virGetLastErrorMessage());
    copy = g_strdup(reply);
    free(reply);
    if (strstr(copy, "\"error\""))
        bench_die("%s: %s", command, copy);
    return copy;
}

static gboolean
is_armed(const Bench *bench)
{
    g_autofree gchar *reply = ask(bench, "{\"execute\":\"query-migrate\"}");

    return strstr(reply, NODE) != NULL;
}

/* When it was so. */
static gint64
wait_armed(const Bench *bench, gboolean armed)
{
    gint64 limit = bench_now() + LIMIT_MS * (gint64)1000000;

    while (is_armed(bench) != armed) {
        if (bench_now() > limit)
            bench_die("the guard does not become %s", armed ? "armed" : "disarmed");
        g_usleep(armed ? STEP_US : DISARMED_STEP_US);
    }
    return bench_now();
}

/* @delay_ms: of the L2, after the disarming of the guard before. */
static gint64
arm(const Bench *bench, gulong delay_ms)
{
    gint64 entered = 0;
    gint64 armed = 0;

    wait_armed(bench, FALSE);
    g_usleep(delay_ms * 1000);
    entry_probe_watch(&bench->probe, bench->domain);
    bench_say(bench->in, "l2 tick\n");
    entered = entry_probe_wait(&bench->probe, LIMIT_MS);
    if (!entered)
        bench_die("there was no entry into an L2");
    armed = wait_armed(bench, TRUE);
    bench_say(bench->in, "stop\n");
    return armed - entered;
}

static gint64
pair(const Bench *bench, const char *image)
{
    g_autofree gchar *add =
        g_strdup_printf("{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"vdi\",\"node-name\":\"" OWN_NODE
                        "\",\"read-only\":true,\"file\":{\"driver\":\"file\",\"filename\":\"%s\"}}}",
                        image);
    gint64 begin = bench_now();
    gint64 took = 0;

    g_free(ask(bench, add));
    g_free(ask(bench, "{\"execute\":\"query-migrate\"}"));
    took = bench_now() - begin;
    g_free(ask(bench, "{\"execute\":\"blockdev-del\",\"arguments\":{\"node-name\":\"" OWN_NODE "\"}}"));
    return took;
}

int
main(int argc, char **argv)
{
    Bench bench = {0};
    int rounds = 0;

    g_set_prgname("entry");
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* what is measured before a limit of time counts */
    if (argc != 6)
        bench_die("usage: entry ROUNDS DOMAIN CONSOLE PROBE IMAGE");
    rounds = bench_number(argv[1]);
    bench.domain = virDomainLookupByName(bench_connect("qemu:///system"), argv[2]);
    if (!bench.domain)
        bench_die("no domain %s: %s", argv[2], virGetLastErrorMessage());
    bench.in = g_strconcat(argv[3], ".in", NULL);
    entry_probe_load(&bench.probe, argv[4]);
    for (int round = -WARM_UP; round < rounds; round++) {
        gint64 a = arm(&bench, (gulong)(1000 * (round + WARM_UP) / rounds));
        gint64 b = pair(&bench, argv[5]);

        if (round >= 0) {
            bench_print("A", a);
            bench_print("B", b);
        }
    }
    entry_probe_unload(&bench.probe);
    virDomainFree(bench.domain);
    g_free(bench.in);
    return 0;
}
