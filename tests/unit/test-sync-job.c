/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a sync finds out about a definition that libvirt does not take, as while there is no KVM. libvirt is made up; the host
 * and libvirt's file of the domain are laid out in a directory. */
#include "fake-kernel.h"
#include "host/kvm_module.h"
#include "virtnestd/sync_job.h"

#define UUID "11111111-1111-4111-8111-111111111111"
#define TAG "<metadata><nest:enable xmlns:nest='urn:virt-nest:1'/></metadata>"
#define DOMAIN(type, metadata)                                                                                                 \
    "<domain type='" type "'>\n  <name>lab1</name>\n  <uuid>" UUID "</uuid>\n  " metadata                                      \
    "\n  <os><type arch='x86_64'>hvm</type></os>\n</domain>\n"

/* What this libvirt can do: it takes a definition while there is a KVM module. */
static gboolean takes_with_kvm;
static guint loads; /* how often the module was loaded */

virDomainPtr
virDomainDefineXMLFlags(virConnectPtr connection, const char *xml, unsigned int flags)
{
    (void)connection, (void)xml, (void)flags;
    return takes_with_kvm && nest_kvm_module_read().state == NEST_KVM_ON ? GUINT_TO_POINTER(1) : NULL;
}

int
virConnectGetLibVersion(virConnectPtr connection, unsigned long *version)
{
    (void)connection;
    *version = 9000000;
    return 0;
}

/* A definition, and the host's module. */
static const struct {
    const char *sentence, *domain;
    const char *nested; /* what the module has; NULL: it is not loaded */
    gboolean needs_kvm;
    int code; /* of the sync's error; 0: none */
} rows[] = {
    {"the module is absent: the host is wanted first, and then the same again", DOMAIN("kvm", TAG), NULL, TRUE,
     NEST_ERROR_HOST_ABSENT},
    {"nesting is off", DOMAIN("kvm", TAG), "0\n", TRUE, NEST_ERROR_HOST_OFF},
    {"nesting is on: libvirt has another reason", DOMAIN("kvm", TAG), "1\n", FALSE, NEST_ERROR_LIBVIRT},
    {"QEMU's TCG needs no module", DOMAIN("qemu", TAG), NULL, FALSE, NEST_ERROR_LIBVIRT},
    {"a domain that is not tagged", DOMAIN("kvm", ""), NULL, FALSE, 0},
};

static gboolean
is_over(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

/* The job runs on a worker while the main loop goes on, as in virtnestd. @data: the job and the loop */
static gpointer
run_job(gpointer data)
{
    gpointer *both = data;
    NestJob *job = both[0];

    job->run(job, GUINT_TO_POINTER(1));
    g_idle_add_full(G_PRIORITY_LOW, is_over, both[1], NULL);
    return NULL;
}

static void
lay_out(gsize i)
{
    check_root_write("proc/cpuinfo", AMD);
    check_root_write("etc/libvirt/qemu/lab1.xml", rows[i].domain);
    fake_kernel_has_kvm();
    fake_kernel_module("kvm_amd", "parameters/nested", rows[i].nested);
    fake_kernel_module("kvm_amd", "refcnt", rows[i].nested ? "0\n" : NULL);
    if (rows[i].nested)
        check_root_write("dev/kvm", "");
}

static void
test_row(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    NestDefineTracker *tracker = nest_define_tracker_new();
    NestSyncJob *job = nest_sync_job_new_fresh(tracker, NULL, UUID, "lab1");
    gpointer both[] = {job, loop};
    GThread *worker = NULL;

    lay_out(i);
    job->job.pool = nest_connection_pool_new(GUINT_TO_POINTER(1), "fake:///");
    worker = g_thread_new("worker", run_job, both);
    g_main_loop_run(loop);
    g_thread_join(worker);
    g_assert_cmpint(job->needs_kvm, ==, rows[i].needs_kvm);
    if (rows[i].code)
        g_assert_error(job->job.error, NEST_ERROR, rows[i].code);
    else
        g_assert_no_error(job->job.error);
    nest_sync_job_free(job);
    nest_define_tracker_free(tracker);
    g_main_loop_unref(loop);
    check_root_free(root);
}

static gboolean
load(GError **error)
{
    (void)error;
    loads++;
    check_root_write("dev/kvm", "");
    fake_kernel_module("kvm_amd", "refcnt", "0\n");
    fake_kernel_module("kvm_amd", "parameters/nested", "1\n");
    return TRUE;
}

static gboolean
fail_to_load(GError **error)
{
    loads++;
    g_set_error_literal(error, NEST_ERROR, NEST_ERROR_HOST_LOAD, "the kernel did not load it");
    return FALSE;
}

/* The correction that a command makes, by a worker as in test_row(). */
typedef struct {
    NestCorrector corrector;
    GMainLoop *loop;
    NestDefinition *definition;
    GError *error;
} Correction;

static gpointer
correct(gpointer data)
{
    Correction *correction = data;

    correction->definition =
        nest_correct_fresh(&correction->corrector, GUINT_TO_POINTER(1), "lab1", UUID, &correction->error);
    g_idle_add_full(G_PRIORITY_LOW, is_over, correction->loop, NULL);
    return NULL;
}

static Correction
correct_absent(gboolean (*load_module)(GError **error))
{
    Correction correction = {.corrector = {.control = GUINT_TO_POINTER(1), .load_module = load_module}};
    GThread *worker = NULL;

    loads = 0;
    lay_out(0);
    correction.loop = g_main_loop_new(NULL, FALSE);
    correction.corrector.tracker = nest_define_tracker_new();
    worker = g_thread_new("worker", correct, &correction);
    g_main_loop_run(correction.loop);
    g_thread_join(worker);
    nest_define_tracker_free(correction.corrector.tracker);
    g_main_loop_unref(correction.loop);
    return correction;
}

static void
test_load(void)
{
    gchar *root = check_root_new();
    Correction correction = {0};

    g_test_summary("a command loads the absent module, once, and the same correction is made then");
    takes_with_kvm = TRUE;
    correction = correct_absent(load);
    g_assert_no_error(correction.error);
    g_assert_cmpint(correction.definition->action, ==, NEST_DEFINITION_CORRECTED);
    g_assert_cmpuint(loads, ==, 1);
    nest_definition_free(correction.definition);
    takes_with_kvm = FALSE;
    check_root_free(root);
}

static void
test_load_fails(void)
{
    gchar *root = check_root_new();
    Correction correction = {0};

    g_test_summary("a module that cannot be loaded is the reason that is told");
    correction = correct_absent(fail_to_load);
    g_assert_error(correction.error, NEST_ERROR, NEST_ERROR_HOST_LOAD);
    check_says(correction.error->message, "the definition was not corrected, the old one stays: |did not load it");
    g_assert_cmpuint(loads, ==, 1);
    g_clear_error(&correction.error);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("sync-job", rows[i].sentence, GSIZE_TO_POINTER(i), test_row);
    g_test_add_func("/sync-job/a command loads the module", test_load);
    g_test_add_func("/sync-job/a command cannot load the module", test_load_fails);
    return g_test_run();
}
