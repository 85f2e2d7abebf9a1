/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts one domain on two hosts in turn: start ROUNDS DOMAIN LABEL-A URI-A LABEL-B URI-B.
 *
 * A line is "LABEL NANOSECONDS": one virDomainCreateWithFlags() over a warm connection, paused, so that
 * no guest takes processor time. Destroying the domain again is not measured. */
#include "virt.h"

/* Rounds that are not printed, as the first start reads QEMU from the disk. */
#define WARM_UP 2

typedef struct {
    const char *label;
    virConnectPtr connection;
    virDomainPtr domain;
} Host;

static void
open_host(Host *host, const char *label, const char *uri, const char *name)
{
    host->label = label;
    host->connection = bench_connect(uri);
    host->domain = virDomainLookupByName(host->connection, name);
    if (!host->domain)
        bench_die("no domain %s on %s: %s", name, uri, virGetLastErrorMessage());
}

static void
close_host(Host *host)
{
    virDomainFree(host->domain);
    virConnectClose(host->connection);
}

static void
start(const Host *host, gboolean print)
{
    gint64 begin = bench_now();

    if (virDomainCreateWithFlags(host->domain, VIR_DOMAIN_START_PAUSED) < 0)
        bench_die("cannot start %s: %s", virDomainGetName(host->domain), virGetLastErrorMessage());
    if (print)
        bench_print(host->label, bench_now() - begin);
    if (virDomainDestroy(host->domain) < 0)
        bench_die("cannot destroy %s: %s", virDomainGetName(host->domain),
                  virGetLastErrorMessage());
}

int
main(int argc, char **argv)
{
    Host hosts[2];

    g_set_prgname("start");
    if (argc != 7)
        bench_die("usage: start ROUNDS DOMAIN LABEL-A URI-A LABEL-B URI-B");
    for (int i = 0; i < 2; i++)
        open_host(&hosts[i], argv[3 + 2 * i], argv[4 + 2 * i], argv[2]);
    for (int round = -WARM_UP; round < bench_number(argv[1]); round++)
        for (int i = 0; i < 2; i++)
            start(&hosts[i], round >= 0);
    for (int i = 0; i < 2; i++)
        close_host(&hosts[i]);
    return 0;
}
