/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a tagged definition to nesting in the host's module: module ROUNDS XML-FILE, as root where virtnestd runs.
 *
 * "A NANOSECONDS": from libvirt's event of the definition, as this program hears it, until
 * /sys/module/.../nested says so.
 * "B NANOSECONDS": the module unloaded and loaded with nesting through libkmod, as this program does it, which
 * knows already that nobody uses it.
 *
 * Before either the module is loaded with nesting off, and /dev/kvm is waited for. */
#include "virt.h"

#include <errno.h>
#include <libkmod.h>
#include <string.h>
#include <sys/stat.h>

#define LIMIT_SECONDS 60
#define STEP_US 5000
/* Rounds that are not printed. */
#define WARM_UP 1

typedef struct {
    virConnectPtr connection;
    const char *xml;               /* of the domain */
    const char *name;              /* of the module */
    struct kmod_module *module;
    gint defined;                  /* a domain was, since the round began; atomic */
    gint64 when;                   /* the event */
} Bench;

static int
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *data)
{
    Bench *bench = data;

    (void)connection, (void)domain;
    if (event != VIR_DOMAIN_EVENT_DEFINED || detail != VIR_DOMAIN_EVENT_DEFINED_ADDED)
        return 0;
    bench->when = bench_now();
    g_atomic_int_set(&bench->defined, 1);
    return 0;
}

static gboolean
is_on(const Bench *bench)
{
    g_autofree gchar *path = g_strdup_printf("/sys/module/%s/parameters/nested", bench->name);
    g_autofree gchar *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && (*text == '1' || *text == 'Y');
}

static gboolean
device_is_ready(const Bench *bench)
{
    struct stat status;

    (void)bench;
    return stat("/dev/kvm", &status) == 0 && (status.st_mode & 0777) == 0660;
}

static gboolean
is_defined(const Bench *bench)
{
    return g_atomic_int_get(&bench->defined);
}

static void
wait_for(const Bench *bench, gboolean (*condition)(const Bench *), const char *what)
{
    gint64 end = g_get_monotonic_time() + LIMIT_SECONDS * G_TIME_SPAN_SECOND;

    while (!condition(bench)) {
        if (g_get_monotonic_time() > end)
            bench_die("in %d seconds there was no %s", LIMIT_SECONDS, what);
        g_usleep(STEP_US);
    }
}

/* libvirt may be asking QEMU what it can do, with /dev/kvm open. */
static void
reload(const Bench *bench, const char *options)
{
    gint64 end = g_get_monotonic_time() + LIMIT_SECONDS * G_TIME_SPAN_SECOND;
    int problem = 0;

    while ((problem = kmod_module_remove_module(bench->module, KMOD_REMOVE_NOWAIT)) == -EAGAIN &&
           g_get_monotonic_time() < end)
        g_usleep(STEP_US);
    if (problem < 0)
        bench_die("%s is not unloaded: %s", bench->name, g_strerror(-problem));
    problem = kmod_module_probe_insert_module(bench->module, 0, options, NULL, NULL, NULL);
    if (problem < 0)
        bench_die("%s is not loaded: %s", bench->name, g_strerror(-problem));
}

static void
begin(const Bench *bench)
{
    reload(bench, "nested=0");
    wait_for(bench, device_is_ready, "/dev/kvm with its mode");
}

static gint64
measure_virtnestd(Bench *bench)
{
    virDomainPtr domain = NULL;
    gint64 end = 0;

    begin(bench);
    g_atomic_int_set(&bench->defined, 0);
    domain = virDomainDefineXML(bench->connection, bench->xml);
    if (!domain)
        bench_die("cannot define: %s", virGetLastErrorMessage());
    wait_for(bench, is_on, "nesting");
    end = bench_now();
    wait_for(bench, is_defined, "event");
    wait_for(bench, device_is_ready, "/dev/kvm with its mode");
    if (virDomainUndefine(domain) < 0)
        bench_die("cannot undefine: %s", virGetLastErrorMessage());
    virDomainFree(domain);
    return end - bench->when;
}

static gint64
measure_bare(const Bench *bench)
{
    gint64 start = 0;

    begin(bench);
    start = bench_now();
    reload(bench, "nested=1");
    wait_for(bench, is_on, "nesting");
    return bench_now() - start;
}

static void
find_module(Bench *bench)
{
    struct kmod_list *found = NULL;

    bench->name = g_file_test("/sys/module/kvm_intel", G_FILE_TEST_EXISTS) ? "kvm_intel" : "kvm_amd";
    if (kmod_module_new_from_lookup(kmod_new(NULL, NULL), bench->name, &found) < 0 || !found)
        bench_die("%s is not to be found", bench->name);
    bench->module = kmod_module_get_module(found);
}

int
main(int argc, char **argv)
{
    Bench bench = {0};
    g_autofree gchar *xml = NULL;

    if (argc != 3 || !g_file_get_contents(argv[2], &xml, NULL, NULL))
        bench_die("usage: module ROUNDS XML-FILE");
    find_module(&bench);
    (void)virEventRegisterDefaultImpl();
    bench.connection = bench_connect("qemu:///system");
    bench.xml = xml;
    if (virConnectDomainEventRegisterAny(bench.connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), &bench, NULL) < 0)
        bench_die("no events: %s", virGetLastErrorMessage());
    bench_run_events();
    for (int round = -WARM_UP; round < bench_number(argv[1]); round++) {
        gint64 a = measure_virtnestd(&bench);
        gint64 b = measure_bare(&bench);

        if (round < 0)
            continue;
        bench_print("A", a);
        bench_print("B", b);
    }
    return 0;
}
