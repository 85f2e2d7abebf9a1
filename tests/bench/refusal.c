/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A refusal, and a bare way to QEMU's monitor and back: refusal ROUNDS DOMAIN, whose blocker is armed.
 *
 * In turn, over one warm connection:
 *   A NANOSECONDS   virDomainManagedSave(), refused because of the blocker
 *   B NANOSECONDS   virDomainQemuMonitorCommand() with query-status */
#include "virt.h"

#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>

/* Rounds that are not printed. */
#define WARM_UP 3
#define NODE "'virt-nest-nested-guests-running'"

static gint64
be_refused(virDomainPtr domain)
{
    gint64 begin = bench_now();
    int result = virDomainManagedSave(domain, 0);
    gint64 took = bench_now() - begin;

    if (result == 0)
        bench_die("the domain was saved");
    if (!strstr(virGetLastErrorMessage(), NODE))
        bench_die("refused for another reason: %s", virGetLastErrorMessage());
    return took;
}

static gint64
ask(virDomainPtr domain)
{
    gint64 begin = bench_now();
    char *reply = NULL;

    if (virDomainQemuMonitorCommand(domain, "{\"execute\":\"query-status\"}", &reply, 0) < 0)
        bench_die("cannot ask QEMU: %s", virGetLastErrorMessage());
    free(reply);
    return bench_now() - begin;
}

int
main(int argc, char **argv)
{
    virConnectPtr connection = NULL;
    virDomainPtr domain = NULL;

    g_set_prgname("refusal");
    if (argc != 3)
        bench_die("usage: refusal ROUNDS DOMAIN");
    connection = bench_connect("qemu:///system");
    domain = virDomainLookupByName(connection, argv[2]);
    if (!domain)
        bench_die("no domain %s: %s", argv[2], virGetLastErrorMessage());
    for (int round = -WARM_UP; round < bench_number(argv[1]); round++) {
        gint64 a = be_refused(domain);
        gint64 b = ask(domain);

        if (round < 0)
            continue;
        bench_print("A", a);
        bench_print("B", b);
    }
    virDomainFree(domain);
    virConnectClose(connection);
    return 0;
}
