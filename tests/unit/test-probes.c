/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probes, as they are built and loaded: debugfs in hosts laid out in directories, and domstats and registers with
 * a libvirt whose answers are made here. */
#include "check.h"
#include "plugin_host.h"

#include <libvirt/libvirt-qemu.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define UNTOUCHED 4711
#define KVM "sys/kernel/debug/kvm/"

/* What the probes' calls to libvirt come to; this program's functions are found before libvirt's. */
static struct {
    virDomainStatsRecord *record; /* NULL: libvirt fails */
    gboolean none;                /* a list without a record */
    const char *text;             /* what the monitor says; NULL: it fails */
} libvirt;

int
virDomainListGetStats(virDomainPtr *domains, unsigned int stats, virDomainStatsRecordPtr **ret_records,
                      unsigned int flags)
{
    virDomainStatsRecordPtr *records = g_new0(virDomainStatsRecordPtr, 2);

    g_assert_nonnull(domains[0]);
    g_assert_null(domains[1]);
    g_assert_cmpuint(stats, ==, VIR_DOMAIN_STATS_VCPU);
    g_assert_cmpuint(flags, ==, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    records[0] = libvirt.none ? NULL : libvirt.record;
    if (libvirt.record)
        *ret_records = records;
    else
        g_free(records);
    return libvirt.record ? !libvirt.none : -1;
}

void
virDomainStatsRecordListFree(virDomainStatsRecordPtr *records)
{
    g_free(records);
}

int
virDomainQemuMonitorCommand(virDomainPtr domain, const char *command, char **ret_text, unsigned int flags)
{
    g_assert_nonnull(domain);
    g_assert_cmpstr(command, ==, "info registers -a");
    g_assert_cmpuint(flags, ==, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP);
    if (libvirt.text)
        *ret_text = g_strdup(libvirt.text);
    return libvirt.text ? 0 : -1;
}

static NestPluginHost *
load_with(const char *name, GKeyFile *settings)
{
    const char *build = g_getenv("BUILD");
    g_autofree gchar *directory = g_build_filename(build ? build : "build", "plugins", NULL);

    return nest_plugin_host_load(directory, (const gchar *const[]){name, NULL}, settings);
}

static NestPluginHost *
load(const char *name)
{
    g_autoptr(GKeyFile) settings = g_key_file_new();
    NestPluginHost *plugins = load_with(name, settings);

    g_assert_nonnull(nest_plugin_host_get(plugins, NEST_PLUGIN_PROBE, 0));
    return plugins;
}

static gboolean
sample(const NestPluginHost *plugins, const NestGuest *guest, NestEvidence *evidence, GError **error)
{
    const NestLoadedPlugin *probe = nest_plugin_host_get(plugins, NEST_PLUGIN_PROBE, 0);
    virDomainPtr domain = probe->plugin->local ? NULL : GUINT_TO_POINTER(1);

    return probe->plugin->sample(probe->state, guest, domain, evidence, error);
}

/* --- debugfs */

static void
write_counter(const char *vm, const char *text)
{
    g_autofree gchar *path = g_strconcat(KVM, vm, "/nested_run", NULL);

    check_root_write(path, text);
}

static void
remove_vm(const char *vm)
{
    g_autofree gchar *directory = g_build_filename(g_getenv("VIRT_NEST_ROOT"), KVM, vm, NULL);
    g_autofree gchar *file = g_build_filename(directory, "nested_run", NULL);

    g_assert_cmpint(g_unlink(file), ==, 0);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static NestGuest
guest_of(gint64 pid)
{
    return (NestGuest){"g", "6695eb01-f6a4-8304-79aa-97f2502e193f", 1, pid, TRUE, "svm", 1};
}

static void
check_counts(const NestPluginHost *plugins, gint64 pid, guint64 entries)
{
    NestGuest guest = guest_of(pid);
    NestEvidence evidence = {.bit = NEST_BIT_SET};
    g_autoptr(GError) error = NULL;
    gboolean sampled = sample(plugins, &guest, &evidence, &error);

    g_assert_no_error(error);
    g_assert_true(sampled);
    g_assert_true(evidence.counted);
    g_assert_cmpuint(evidence.entries, ==, entries);
    g_assert_cmpint(evidence.bit, ==, NEST_BIT_SET); /* as it was */
}

/* The sample fails, says why and leaves the evidence alone. */
static void
check_fails(const NestPluginHost *plugins, const NestGuest *guest, int code, const char *says)
{
    NestEvidence evidence = {FALSE, UNTOUCHED, NEST_BIT_UNKNOWN};
    g_autoptr(GError) error = NULL;

    g_assert_false(sample(plugins, guest, &evidence, &error));
    g_assert_error(error, NEST_ERROR, code);
    check_says(error->message, says);
    g_assert_false(evidence.counted);
    g_assert_cmpuint(evidence.entries, ==, UNTOUCHED);
    g_assert_cmpint(evidence.bit, ==, NEST_BIT_UNKNOWN);
}

static void
check_no_count(const NestPluginHost *plugins, gint64 pid, const char *says)
{
    NestGuest guest = guest_of(pid);

    check_fails(plugins, &guest, NEST_ERROR_IO, says);
}

/* Until it is counted: the directory is not listed more often than it is good for. */
static void
wait_for_count(const NestPluginHost *plugins, gint64 pid, guint64 entries)
{
    NestGuest guest = guest_of(pid);
    NestEvidence evidence = {0};

    for (int i = 0; i < 1000 && !sample(plugins, &guest, &evidence, NULL); i++)
        g_usleep(10000);
    g_assert_cmpuint(evidence.entries, ==, entries);
}

static void
test_counter(void)
{
    gchar *root = check_root_new();
    NestPluginHost *plugins = load("probe-debugfs");
    const NestPlugin *plugin = nest_plugin_host_get(plugins, NEST_PLUGIN_PROBE, 0)->plugin;
    NestGuest tcg = {.kvm = FALSE}, kvm = guest_of(4711);

    g_test_summary("the counter of the guest's own QEMU is read, anew each time");
    g_assert_true(plugin->local);
    g_assert_true(plugin->applies(NULL, &kvm));
    g_assert_false(plugin->applies(NULL, &tcg));
    write_counter("4711-12", "17\n");
    write_counter("471-12", "1\n");
    write_counter("47110-12", "2\n");
    write_counter("04711", "3\n");
    check_root_write(KVM "nested_run", "20\n");
    check_counts(plugins, 4711, 17);
    check_counts(plugins, 471, 1);
    check_counts(plugins, 47110, 2);
    write_counter("4711-12", "18446744073709551615\n");
    check_counts(plugins, 4711, G_MAXUINT64);
    write_counter("4711-12", "0\n");
    check_counts(plugins, 4711, 0);
    nest_plugin_host_free(plugins);
    check_root_free(root);
}

static void
test_moves(void)
{
    gchar *root = check_root_new();
    NestPluginHost *plugins = load("probe-debugfs");

    g_test_summary("two VMs of a process are added up; a directory of another name is found; what is gone is forgotten");
    write_counter("8-12", "5\n");
    write_counter("8-13", "7\n");
    check_counts(plugins, 8, 12);
    remove_vm("8-12");
    wait_for_count(plugins, 8, 7);
    remove_vm("8-13");
    check_no_count(plugins, 8, "/sys/kernel/debug/kvm/8-");
    write_counter("8-99", "9\n");
    write_counter("9-1", "1\n");
    wait_for_count(plugins, 8, 9);
    wait_for_count(plugins, 9, 1);
    nest_plugin_host_free(plugins);
    check_root_free(root);
}

/* Hosts that cannot tell: each is an error, never 0 entries. */
static const struct {
    const char *sentence;
    const char *counter; /* of 5-1; NULL: not there */
    gint64 pid;
    const char *says;
} unreadable[] = {
    {"no debugfs", NULL, 5, "cannot list /sys/kernel/debug/kvm|debugfs is not mounted, or kvm not loaded"},
    {"another process", "1\n", 6, "/6-*/nested_run|the process has no VM there"},
    {"no process", "1\n", 0, "no VM there"},
    {"a negative process", "1\n", -5, "no VM there"},
    {"empty", "", 5, "not a number"},
    {"a word", "many\n", 5, "not a number"},
    {"negative", "-1\n", 5, "not a number"},
    {"a number and more", "1 2\n", 5, "not a number"},
    {"too large", "18446744073709551616\n", 5, "not a number"},
    {"a vertical tab in front", "\v9\n", 5, "not a number"},
    {"longer than any number", "1                              2\n", 5, "not a number"},
};

static void
test_unreadable(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    NestPluginHost *plugins = load("probe-debugfs");

    if (unreadable[i].counter)
        write_counter("5-1", unreadable[i].counter);
    check_no_count(plugins, unreadable[i].pid, unreadable[i].says);
    nest_plugin_host_free(plugins);
    check_root_free(root);
}

static void
test_no_counter(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *counter = g_build_filename(root, KVM "5-1/nested_run", NULL);
    NestPluginHost *plugins = load("probe-debugfs");

    g_test_summary("a kernel without the counter, and one that does not let it be opened");
    check_root_write(KVM "5-1/guest_mode", "0\n");
    check_no_count(plugins, 5, "the kernel does not count them; Linux does so from 5.14 on");
    g_assert_cmpint(symlink("nested_run", counter), ==, 0);
    check_no_count(plugins, 5, "/5-*/nested_run: Too many levels of symbolic links");
    g_assert_cmpint(g_unlink(counter), ==, 0);
    check_root_write(KVM "5-1/nested_run", "3\n");
    wait_for_count(plugins, 5, 3);
    nest_plugin_host_free(plugins);
    check_root_free(root);
}

/* Whether the directory that is watched was opened since; twice makes one event. */
static gboolean
was_opened(int notify)
{
    char events[4096];

    return read(notify, events, sizeof(events)) > 0;
}

static guint
count_descriptors(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    return n;
}

static void
test_listings(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *directory = g_build_filename(root, KVM, NULL);
    NestPluginHost *plugins = load("probe-debugfs");
    guint descriptors = 0, listings = 0;
    int notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    g_test_summary("one listing serves all guests, those that are nowhere cost few, and nothing is kept open");
    for (int pid = 1; pid <= 500; pid++) {
        g_autofree gchar *vm = g_strdup_printf("%d-10", pid);

        write_counter(vm, "1\n");
    }
    g_assert_cmpint(inotify_add_watch(notify, directory, IN_OPEN | IN_ONLYDIR), >=, 0);
    descriptors = count_descriptors();
    for (int pid = 1; pid <= 500; pid++) {
        check_counts(plugins, pid, 1);
        g_assert_cmpint(was_opened(notify), ==, pid == 1);
    }
    for (int pid = 501; pid <= 1500; pid++) {
        check_no_count(plugins, pid, "no VM there");
        listings += was_opened(notify);
    }
    g_assert_cmpuint(listings, <, 500);
    g_assert_cmpuint(count_descriptors(), ==, descriptors);
    close(notify);
    nest_plugin_host_free(plugins);
    check_root_free(root);
}

/* --- domstats */

static virTypedParameter
number(const char *field, int type, guint64 value)
{
    virTypedParameter parameter = {.type = type};

    g_strlcpy(parameter.field, field, sizeof(parameter.field));
    parameter.value.ul = value;
    return parameter;
}

static void
test_domstats(void)
{
    virTypedParameter values[] = {
        number("vcpu.current", VIR_TYPED_PARAM_UINT, 2),
        number("vcpu.0.nested_run.sum", VIR_TYPED_PARAM_ULLONG, 40),
        number("vcpu.0.guest_mode.cur", VIR_TYPED_PARAM_ULLONG, 1000),
        number("vcpu.12.nested_run.sum", VIR_TYPED_PARAM_ULLONG, 2),
        number("vcpu.13.nested_run.sum", VIR_TYPED_PARAM_LLONG, 1000),
        number("vcpu.14.nested_run.sum", VIR_TYPED_PARAM_STRING, 0),
        number("vcpu..nested_run.sum", VIR_TYPED_PARAM_ULLONG, 1000),
        number("vcpu.x.nested_run.sum", VIR_TYPED_PARAM_ULLONG, 1000),
        number("vcpu.1.nested_run.summit", VIR_TYPED_PARAM_ULLONG, 1000),
        number("vcpu.1.nested_run", VIR_TYPED_PARAM_ULLONG, 1000),
        number("vcpu.", VIR_TYPED_PARAM_ULLONG, 1000),
        number("v", VIR_TYPED_PARAM_ULLONG, 1000),
        number("", VIR_TYPED_PARAM_ULLONG, 1000),
    };
    virDomainStatsRecord record = {.params = values, .nparams = G_N_ELEMENTS(values)};
    NestPluginHost *plugins = load("probe-domstats");

    g_test_summary("all vCPUs' nested_run, of the type that libvirt gives it, are added up");
    g_assert_false(nest_plugin_host_get(plugins, NEST_PLUGIN_PROBE, 0)->plugin->local);
    libvirt.record = &record;
    check_counts(plugins, 0, 42);
    values[1].value.ul = values[3].value.ul = 0;
    check_counts(plugins, 0, 0);
    nest_plugin_host_free(plugins);
    libvirt.record = NULL;
}

static void
test_no_domstats(void)
{
    virTypedParameter values[] = {
        number("vcpu.0.state", VIR_TYPED_PARAM_INT, 1),
        number("vcpu.0.nested_run.sum", VIR_TYPED_PARAM_DOUBLE, 1),
    };
    virDomainStatsRecord record = {.params = values, .nparams = G_N_ELEMENTS(values)};
    NestPluginHost *plugins = load("probe-domstats");
    NestGuest guest = guest_of(1);

    g_test_summary("no counter is an error: busy, old, or libvirt's own");
    check_fails(plugins, &guest, NEST_ERROR_LIBVIRT, "cannot read domstats");
    libvirt.record = &record;
    check_fails(plugins, &guest, NEST_ERROR_LIBVIRT, "busy with a job|libvirt|8.9|QEMU|7.1|kernel|5.14");
    record.nparams = 0;
    check_fails(plugins, &guest, NEST_ERROR_LIBVIRT, "does not count");
    libvirt.none = TRUE;
    check_fails(plugins, &guest, NEST_ERROR_LIBVIRT, "does not count");
    nest_plugin_host_free(plugins);
    libvirt.none = FALSE;
    libvirt.record = NULL;
}

/* --- registers: of a vCPU, as QEMU 7.2 has it, with what matters left open */
#define VCPU(n, cr4, efer)                                                                                             \
    "\r\nCPU#" n "\r\n"                                                                                                \
    "RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000001 RDX=0000000000000000\r\n"                          \
    "RIP=ffffffff81a0b0fb RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n"                                     \
    "GDT=     fffffe0000001000 0000007f\r\n"                                                                           \
    "CR0=80050033 CR2=00007f6e0c1ee000 CR3=000000000a1f6000 " cr4 "\r\n"                                               \
    "DR6=00000000ffff0ff0 DR7=0000000000000400\r\n"                                                                    \
    "CCS=0000000000000044 CCD=0000000000000000 CCO=LOGICQ\r\n" efer "\r\n"                                             \
    "FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80\r\n"
#define CLEAR(n) VCPU(n, "CR4=000006f0", "EFER=0000000000000d01")
#define SVM(n) VCPU(n, "CR4=000006f0", "EFER=0000000000001d01")
#define VMX(n) VCPU(n, "CR4=000026f0", "EFER=0000000000000d01")
#define MOST_VCPUS 3 /* of the guest */

static const struct {
    const char *sentence, *feature, *text;
    NestBit bit; /* UNKNOWN: an error */
} registers[] = {
    {"svm clear on one vCPU", "svm", CLEAR("0"), NEST_BIT_CLEAR},
    {"svm clear on three", "svm", CLEAR("0") CLEAR("1") CLEAR("12"), NEST_BIT_CLEAR},
    {"svm set on one", "svm", SVM("0"), NEST_BIT_SET},
    {"svm set on the last of three", "svm", CLEAR("0") CLEAR("1") SVM("2"), NEST_BIT_SET},
    {"svm set on the first of three", "svm", SVM("0") CLEAR("1") CLEAR("2"), NEST_BIT_SET},
    {"svm: only the bit, inside a real-mode L2", "svm", VCPU("0", "CR4=0", "EFER=0000000000001000"), NEST_BIT_SET},
    {"svm: all bits but this", "svm", VCPU("0", "CR4=ffffffff", "EFER=FFFFFFFFFFFFEFFF"), NEST_BIT_CLEAR},
    {"svm is not vmx", "svm", VMX("0"), NEST_BIT_CLEAR},
    {"vmx clear", "vmx", CLEAR("0") CLEAR("1"), NEST_BIT_CLEAR},
    {"vmx set on one", "vmx", VMX("0"), NEST_BIT_SET},
    {"vmx set on the last", "vmx", CLEAR("0") VMX("1"), NEST_BIT_SET},
    {"vmx is not svm", "vmx", SVM("0"), NEST_BIT_CLEAR},
    {"without newlines of DOS", "vmx", "CPU#0\nCR4=00000000\nCPU#1\nCR4=00002000\n", NEST_BIT_SET},
    {"set on one is set, whatever the others say", "svm", SVM("0") VCPU("1", "", ""), NEST_BIT_SET},
    {"no output", "svm", "", NEST_BIT_UNKNOWN},
    {"no vCPU", "svm", "EFER=0000000000000d01\r\n", NEST_BIT_UNKNOWN},
    {"no vCPU at a line's beginning", "svm", "x CPU#0\r\nEFER=0000000000000d01\r\n", NEST_BIT_UNKNOWN},
    {"a vCPU without a number", "svm", "CPU#\r\nEFER=0000000000000d01\r\n", NEST_BIT_UNKNOWN},
    {"a feature that no register shows: QEMU is not asked", "sief2", NULL, NEST_BIT_UNKNOWN},
    {"an unknown command", "svm", "unknown command: 'info registers'\r\n", NEST_BIT_UNKNOWN},
    {"the first vCPU lacks it", "svm", VCPU("0", "CR4=000006f0", "") CLEAR("1"), NEST_BIT_UNKNOWN},
    {"the last vCPU lacks it", "vmx", CLEAR("0") VCPU("1", "", "EFER=0000000000000d01"), NEST_BIT_UNKNOWN},
    {"cut after a vCPU's number", "svm", CLEAR("0") "CPU#1\r\n", NEST_BIT_UNKNOWN},
    {"cut in a vCPU's number", "svm", CLEAR("0") "CPU#1", NEST_BIT_UNKNOWN},
    {"cut in front of a vCPU's number", "svm", CLEAR("0") "CPU", NEST_BIT_UNKNOWN},
    {"cut in the value", "svm", CLEAR("0") "CPU#1\r\nEFER=00000000", NEST_BIT_UNKNOWN},
    {"no value", "svm", VCPU("0", "CR4=0", "EFER="), NEST_BIT_UNKNOWN},
    {"no number", "svm", VCPU("0", "CR4=0", "EFER=0000000z"), NEST_BIT_UNKNOWN},
    {"too long a number", "svm", VCPU("0", "CR4=0", "EFER=00000000000000d01"), NEST_BIT_UNKNOWN},
    {"a register whose name ends so", "vmx", VCPU("0", "XCR4=00000000", ""), NEST_BIT_UNKNOWN},
    {"bytes that are no UTF-8", "svm", "\xff\xfe\n" CLEAR("0"), NEST_BIT_CLEAR},
    {"a word after a register's name, and the register", "vmx", "CPU#0\nXCR4=1 _CR4=1 CR4=2000 \n", NEST_BIT_SET},
    {"the first of two values", "vmx", "CPU#0\nCR4=0 CR4=2000 \n", NEST_BIT_CLEAR},
    {"more vCPUs than the domain has", "svm", CLEAR("0") CLEAR("1") CLEAR("2") CLEAR("3"), NEST_BIT_UNKNOWN},
    {"more vCPUs than the domain has, set on the first", "svm", SVM("0") CLEAR("1") CLEAR("2") CLEAR("3"), NEST_BIT_SET},
    {"more vCPUs than the domain has, set on the last", "svm", CLEAR("0") CLEAR("1") CLEAR("2") SVM("3"), NEST_BIT_UNKNOWN},
    {"a feature that does not exist", "nx", SVM("0") VMX("1"), NEST_BIT_UNKNOWN},
};

static gboolean
is_shown(const char *feature)
{
    return g_str_equal(feature, "svm") || g_str_equal(feature, "vmx");
}

static void
test_registers(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    NestPluginHost *plugins = load("probe-registers");
    NestGuest guest = guest_of(1);
    NestEvidence evidence = {TRUE, UNTOUCHED, NEST_BIT_UNKNOWN};
    g_autoptr(GError) error = NULL;

    guest.feature = registers[i].feature;
    guest.vcpus = MOST_VCPUS;
    libvirt.text = registers[i].text;
    if (registers[i].bit == NEST_BIT_UNKNOWN) {
        check_fails(plugins, &guest, NEST_ERROR_ANSWER,
                    is_shown(registers[i].feature) ? "info registers -a|for every one of at most" : "no register|is in use");
    } else {
        g_assert_true(sample(plugins, &guest, &evidence, &error));
        g_assert_no_error(error);
        g_assert_cmpint(evidence.bit, ==, registers[i].bit);
        g_assert_true(evidence.counted && evidence.entries == UNTOUCHED);
    }
    nest_plugin_host_free(plugins);
}

/* (transfer full) Registers of so many vCPUs, all clear, of so many bytes each. */
static gchar *
many_vcpus(guint n, guint bytes)
{
    g_autofree gchar *padding = g_strnfill(bytes - strlen("CPU#000000 CR4=0 EFER=0 \n"), '.');
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < n; i++)
        g_string_append_printf(text, "CPU#%06u CR4=0 %sEFER=0 \n", i, padding);
    return g_string_free(text, FALSE);
}

static void
test_many_vcpus(void)
{
    g_autofree gchar *longest = many_vcpus(255, 16 * 1024);
    g_autofree gchar *too_long = many_vcpus(1, 21 * 1024);
    g_autofree gchar *forged = many_vcpus(900000, 26);
    NestPluginHost *plugins = load("probe-registers");
    NestGuest guest = guest_of(1);
    NestEvidence evidence = {0};

    g_test_summary("an answer may be as long as its vCPUs need, and no longer");
    libvirt.text = longest;
    guest.vcpus = 255;
    g_assert_true(sample(plugins, &guest, &evidence, NULL));
    g_assert_cmpint(evidence.bit, ==, NEST_BIT_CLEAR);
    guest.vcpus = 1;
    libvirt.text = too_long;
    check_fails(plugins, &guest, NEST_ERROR_ANSWER, "info registers -a|21504 bytes|no more than 20480");
    libvirt.text = forged;
    check_fails(plugins, &guest, NEST_ERROR_ANSWER, "23400000 bytes");
    guest.vcpus = 16384;
    check_fails(plugins, &guest, NEST_ERROR_ANSWER, "for every one of at most 16384 vCPUs");
    nest_plugin_host_free(plugins);
}

/* The processor time, in clock ticks, in which the registers of @n vCPUs are read; the least of three. */
static clock_t
cost_of_vcpus(NestPluginHost *plugins, guint n)
{
    g_autofree gchar *text = many_vcpus(n, 26);
    NestGuest guest = guest_of(1);
    clock_t least = 0;

    guest.vcpus = n;
    libvirt.text = text;
    for (guint i = 0; i < 3; i++) {
        NestEvidence evidence = {0};
        clock_t start = clock();

        g_assert_true(sample(plugins, &guest, &evidence, NULL));
        least = i ? MIN(least, clock() - start) : clock() - start;
    }
    return least;
}

/* A reading that measures the rest of the answer for each line takes 16 times as long for 4 times as many. */
static void
test_linear(void)
{
    NestPluginHost *plugins = load("probe-registers");

    g_test_summary("four times as many vCPUs cost about four times as much");
    g_assert_cmpint(cost_of_vcpus(plugins, 80000), <, 8 * cost_of_vcpus(plugins, 20000));
    nest_plugin_host_free(plugins);
}

static void
test_no_monitor(void)
{
    NestPluginHost *plugins = load("probe-registers");
    NestGuest guest = guest_of(1);

    g_test_summary("a monitor that does not answer");
    libvirt.text = NULL;
    check_fails(plugins, &guest, NEST_ERROR_LIBVIRT, "monitor");
    nest_plugin_host_free(plugins);
}

/* --- settings */

static GLogWriterOutput
keep_message(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer message)
{
    (void)level;
    for (gsize i = 0; i < n; i++)
        if (g_str_equal(fields[i].key, "MESSAGE"))
            g_string_assign(message, fields[i].value);
    return G_LOG_WRITER_HANDLED;
}

static void
test_settings(gconstpointer message)
{
    static const char *const names[] = {"probe-debugfs", "probe-domstats", "probe-registers"};

    g_test_summary("a key that does not exist keeps a probe from being used");
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GKeyFile) settings = g_key_file_new();
        g_autoptr(NestPluginHost) plugins = NULL;

        g_key_file_set_string(settings, names[i], "path", "/");
        plugins = load_with(names[i], settings);
        g_assert_null(nest_plugin_host_get(plugins, NEST_PLUGIN_PROBE, 0));
        check_says(((const GString *)message)->str, names[i]);
        check_says(((const GString *)message)->str, "] path is not a setting|[NEST-PLUGIN]");
    }
}

int
main(int argc, char **argv)
{
    g_autoptr(GString) message = g_string_new(NULL);

    g_test_init(&argc, &argv, NULL);
    g_log_set_writer_func(keep_message, message, NULL);
    g_test_add_func("/probes/debugfs/the counter", test_counter);
    g_test_add_func("/probes/debugfs/VMs come and go", test_moves);
    for (gsize i = 0; i < G_N_ELEMENTS(unreadable); i++)
        check_add_row("probes/debugfs", unreadable[i].sentence, GSIZE_TO_POINTER(i), test_unreadable);
    g_test_add_func("/probes/debugfs/no counter", test_no_counter);
    g_test_add_func("/probes/debugfs/listings", test_listings);
    g_test_add_func("/probes/domstats/counted", test_domstats);
    g_test_add_func("/probes/domstats/not counted", test_no_domstats);
    for (gsize i = 0; i < G_N_ELEMENTS(registers); i++)
        check_add_row("probes/registers", registers[i].sentence, GSIZE_TO_POINTER(i), test_registers);
    g_test_add_func("/probes/registers/many vCPUs", test_many_vcpus);
    g_test_add_func("/probes/registers/linear", test_linear);
    g_test_add_func("/probes/registers/no monitor", test_no_monitor);
    g_test_add_data_func("/probes/an unknown setting", message, test_settings);
    return g_test_run();
}
