/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's module: each state from a host laid out in a directory, its code and its remedy. */
#include "check.h"
#include "fake-kernel.h"
#include "host/kvm_module.h"

#include <fcntl.h>
#include <unistd.h>

#define HOSTS "tests/fakes/hosts/"
#define OK (-1)

static const struct {
    const char *host;     /* below tests/fakes/hosts */
    const char *vendor; /* NULL: of no vendor we know */
    NestKvmState state;
    gboolean device;
    int code; /* of the check, or OK */
    const char *says;
} hosts[] = {
    {"amd-on", "amd", NEST_KVM_ON, TRUE, OK, NULL},
    {"intel-on", "intel", NEST_KVM_ON, TRUE, OK, NULL},
    {"hygon-on", "hygon", NEST_KVM_ON, TRUE, OK, NULL},
    {"zhaoxin-on", "zhaoxin", NEST_KVM_ON, TRUE, OK, NULL},
    {"ibm-on", "ibm", NEST_KVM_ON, TRUE, OK, NULL},
    {"ibm-off-idle", "ibm", NEST_KVM_OFF_IDLE, TRUE, NEST_ERROR_HOST_OFF,
     "kvm is loaded|nesting off|nobody uses it|virt-nest host enable"},
    {"ibm-no-sie", "ibm", NEST_KVM_NO_HARDWARE, FALSE, NEST_ERROR_HOST_HARDWARE, "IBM|no sief2"},
    {"arm-on", "arm", NEST_KVM_ON, TRUE, OK, NULL},
    {"arm-off", "arm", NEST_KVM_BUILTIN_OFF, TRUE, NEST_ERROR_HOST_BUILTIN,
     "no module's parameter|kernel argument kvm-arm.mode=nested|FEAT_NV2"},
    {"arm-no-kvm", "arm", NEST_KVM_NO_HARDWARE, FALSE, NEST_ERROR_HOST_HARDWARE, "/dev/kvm is missing|EL2|type='qemu'"},
    {"amd-off-idle", "amd", NEST_KVM_OFF_IDLE, TRUE, NEST_ERROR_HOST_OFF,
     "kvm_amd|nesting off|nobody uses it|virt-nest host enable"},
    {"intel-off-idle", "intel", NEST_KVM_OFF_IDLE, TRUE, NEST_ERROR_HOST_OFF,
     "kvm_intel|nesting off|nobody uses it|virt-nest host enable"},
    {"amd-off-busy", "amd", NEST_KVM_OFF_BUSY, TRUE, NEST_ERROR_HOST_BUSY,
     "kvm_amd|in use by|stop that|virt-nest host enable"},
    {"amd-builtin-off", "amd", NEST_KVM_BUILTIN_OFF, TRUE, NEST_ERROR_HOST_BUILTIN,
     "built into|kernel argument kvm_amd.nested=1"},
    {"amd-absent", "amd", NEST_KVM_ABSENT, FALSE, NEST_ERROR_HOST_ABSENT, "kvm_amd is not loaded|install"},
    {"amd-no-svm", "amd", NEST_KVM_NO_HARDWARE, FALSE, NEST_ERROR_HOST_HARDWARE, "AMD|no svm|firmware|type='qemu'"},
    {"intel-no-vmx", "intel", NEST_KVM_NO_HARDWARE, FALSE, NEST_ERROR_HOST_HARDWARE,
     "Intel|no vmx|firmware|type='qemu'"},
    {"unknown-vendor", NULL, NEST_KVM_NO_HARDWARE, FALSE, NEST_ERROR_HOST_VENDOR,
     "virt-nest does not know the vendor|yet|Intel, AMD, Hygon, Zhaoxin, IBM and Arm"},
    {"amd-kept-off", "amd", NEST_KVM_OFF_IDLE, TRUE, NEST_ERROR_HOST_KEPT_OFF,
     "/etc/modprobe.d/kvm.conf:2 (options kvm_amd nested=0)|virt-nest host enable --force"},
    {"no-device", NULL, NEST_KVM_ON, FALSE, NEST_ERROR_HOST_DEVICE, "/dev/kvm|missing|udev"},
};

static void
check_judgement(const NestKvmModule *module, int code, const char *says)
{
    g_autoptr(GError) error = NULL;
    gboolean good = nest_kvm_module_check(module, &error);

    g_assert_cmpint(good, ==, code == OK);
    if (code == OK) {
        g_assert_no_error(error);
        return;
    }
    g_assert_error(error, NEST_ERROR, code);
    check_says(error->message, says);
}

static void
test_host(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *path = check_source_path(HOSTS);
    g_autofree gchar *root = g_build_filename(path, hosts[i].host, NULL);
    NestKvmModule module;

    g_assert_true(g_file_test(root, G_FILE_TEST_IS_DIR));
    g_setenv("VIRT_NEST_ROOT", root, TRUE);
    module = nest_kvm_module_read();
    if (hosts[i].vendor)
        g_assert_true(module.vendor == nest_cpu_vendor_by_name(hosts[i].vendor));
    g_assert_cmpint(module.state, ==, hosts[i].state);
    g_assert_cmpint(module.device, ==, hosts[i].device);
    g_assert_false(module.available);
    check_judgement(&module, hosts[i].code, hosts[i].says);
    g_unsetenv("VIRT_NEST_ROOT");
}

/* Small hosts of one detail each. */
static const struct {
    const char *sentence, *cpuinfo, *module, *nested, *refcnt;
    NestKvmState state;
} details[] = {
    {"nested says Y", INTEL, "kvm_intel", "Y\n", "0\n", NEST_KVM_ON},
    {"nested says N", INTEL, "kvm_intel", "N\n", "0\n", NEST_KVM_OFF_IDLE},
    {"nested says 1", AMD, "kvm_amd", "1\n", "7\n", NEST_KVM_ON},
    {"nested says 2, which is on, too", AMD, "kvm_amd", "2\n", "0\n", NEST_KVM_ON},
    {"nested says -1, which is on, too", AMD, "kvm_amd", "-1\n", "0\n", NEST_KVM_ON},
    {"nested says 0", AMD, "kvm_amd", "0\n", "0\n", NEST_KVM_OFF_IDLE},
    {"nested on and built in", AMD, "kvm_amd", "1\n", NULL, NEST_KVM_ON},
    {"many users", INTEL, "kvm_intel", "N\n", "10\n", NEST_KVM_OFF_BUSY},
    {"the other vendor's module does not count", INTEL, "kvm_amd", "1\n", "0\n",
     NEST_KVM_ABSENT},
    {"the other vendor's flag does not count", CPUINFO("GenuineIntel", "svm"), NULL, NULL, NULL,
     NEST_KVM_NO_HARDWARE},
    {"svm_lock is not svm", CPUINFO("AuthenticAMD", "svm_lock"), NULL, NULL, NULL, NEST_KVM_NO_HARDWARE},
    {"the line of vmx flags is not the line of flags",
     "vendor_id\t: GenuineIntel\nflags\t\t: fpu\nvmx flags\t: vnmi vmx\n", NULL, NULL, NULL, NEST_KVM_NO_HARDWARE},
    {"a flag at the end of the line", "vendor_id\t: GenuineIntel\nflags\t\t: fpu vmx\n", NULL, NULL, NULL,
     NEST_KVM_ABSENT},
    {"no cpuinfo at all", NULL, "kvm_amd", "1\n", "0\n", NEST_KVM_NO_HARDWARE},
};

static void
test_detail(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();

    if (details[i].cpuinfo)
        check_root_write("proc/cpuinfo", details[i].cpuinfo);
    if (details[i].module) {
        fake_kernel_module(details[i].module, "parameters/nested", details[i].nested);
        fake_kernel_module(details[i].module, "refcnt", details[i].refcnt);
    }
    g_assert_cmpint(nest_kvm_module_read().state, ==, details[i].state);
    check_root_free(root);
}

static void
test_to_be_loaded(void)
{
    gchar *root = check_root_new();
    NestKvmModule module;

    g_test_summary("a module that is not loaded but there: it can be enabled");
    check_root_write("proc/cpuinfo", AMD);
    fake_kernel_has_kvm();
    module = nest_kvm_module_read();
    g_assert_cmpint(module.state, ==, NEST_KVM_ABSENT);
    g_assert_true(module.available);
    check_judgement(&module, NEST_ERROR_HOST_ABSENT, "kvm_amd is not loaded|virt-nest host enable");
    check_root_free(root);
}

/* Absent modules, beside which something else stands on the host. */
static const struct {
    const char *sentence, *file, *text;
    gboolean has_files; /* the kernel has the modules to load */
    const char *says;
} absents[] = {
    {"VirtualBox is there", "sys/module/vboxdrv/refcnt", "0\n", TRUE,
     "kvm_amd is not loaded, but VirtualBox (module vboxdrv) is|end those guests, then run virt-nest host enable"},
    {"VMware is there", "sys/module/vmmon/refcnt", "0\n", TRUE, "VMware (module vmmon)"},
    {"another module is there", "sys/module/loop/refcnt", "0\n", TRUE, "kvm_amd is not loaded: run virt-nest host enable"},
    {"no module to load, and an install line", "etc/modprobe.d/a.conf", "install kvm_amd /bin/false\n", FALSE,
     "install the kernel's full module package|besides, the module kvm_amd is kept away by /etc/modprobe.d/a.conf:1"},
    {"no module to load, and a value that the kernel refuses", "etc/modprobe.d/a.conf", "options kvm_amd nested=Y\n", FALSE,
     "install the kernel's full module package|besides, the kernel does not load kvm_amd with the value"},
};

static void
test_absent(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    NestKvmModule module;

    check_root_write("proc/cpuinfo", AMD);
    check_root_write(absents[i].file, absents[i].text);
    if (absents[i].has_files)
        fake_kernel_has_kvm();
    module = nest_kvm_module_read();
    check_judgement(&module, NEST_ERROR_HOST_ABSENT, absents[i].says);
    check_root_free(root);
}

/* What hides the feature from the kernel, and is not the firmware. */
static const struct {
    const char *sentence, *cpuinfo, *file, *text, *says;
} hidings[] = {
    {"clearcpuid= by name", CPUINFO("AuthenticAMD", "sse"), "proc/cmdline", "ro clearcpuid=nx,svm\n",
     "kernel argument clearcpuid= hides svm|boot loader's configuration"},
    {"clearcpuid= by number", CPUINFO("AuthenticAMD", "sse"), "proc/cmdline", "clearcpuid=194\n", "hides svm"},
    {"clearcpuid= on Intel", CPUINFO("GenuineIntel", "sse"), "proc/cmdline", "clearcpuid=133\n", "hides vmx"},
    {"clearcpuid= of something else", CPUINFO("AuthenticAMD", "sse"), "proc/cmdline", "clearcpuid=133,nx\n", "shows no svm"},
    {"Xen", CPUINFO("GenuineIntel", "sse"), "sys/hypervisor/type", "xen\n", "runs on Xen, which keeps vmx"},
};

static void
test_hiding(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    NestKvmModule module;

    check_root_write("proc/cpuinfo", hidings[i].cpuinfo);
    check_root_write(hidings[i].file, hidings[i].text);
    module = nest_kvm_module_read();
    check_judgement(&module, NEST_ERROR_HOST_HARDWARE, hidings[i].says);
    check_root_free(root);
}

/* What the kernel's cpuid driver has at a leaf: EAX to EDX. */
static void
write_cpuid(guint32 leaf, guint32 ecx)
{
    g_autofree gchar *path = g_build_filename(g_getenv("VIRT_NEST_ROOT"), "dev/cpu/0/cpuid", NULL);
    const guint32 registers[] = {0, 0, ecx, 0};
    int fd = -1;

    check_root_write("dev/cpu/0/cpuid", "");
    fd = g_open(path, O_WRONLY, 0);
    g_assert_cmpint(pwrite(fd, registers, sizeof(registers), leaf), ==, sizeof(registers));
    close(fd);
}

/* Hosts whose kernel shows no feature: what CPUID says of it. */
static const struct {
    const char *sentence, *cpuinfo;
    guint32 leaf, ecx;
    gboolean locked;
    int code;
    const char *says;
} firmwares[] = {
    {"vmx locked off", CPUINFO("GenuineIntel", "sse"), 1, 1 << 5, TRUE, NEST_ERROR_HOST_FIRMWARE,
     "Intel|has vmx|firmware locked it off|firmware setup"},
    {"svm locked off", CPUINFO("AuthenticAMD", "sse"), 0x80000001, 1 << 2, TRUE, NEST_ERROR_HOST_FIRMWARE,
     "AMD|has svm|firmware locked it off"},
    {"no vmx in CPUID", CPUINFO("GenuineIntel", "sse"), 1, ~(1U << 5), FALSE, NEST_ERROR_HOST_HARDWARE,
     "shows no vmx"},
    {"no svm in CPUID", CPUINFO("AuthenticAMD", "sse"), 0x80000001, ~(1U << 2), FALSE, NEST_ERROR_HOST_HARDWARE,
     "shows no svm"},
};

static void
test_firmware(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    NestKvmModule module;

    check_root_write("proc/cpuinfo", firmwares[i].cpuinfo);
    write_cpuid(firmwares[i].leaf, firmwares[i].ecx);
    module = nest_kvm_module_read();
    g_assert_cmpint(module.state, ==, NEST_KVM_NO_HARDWARE);
    g_assert_cmpint(module.locked, ==, firmwares[i].locked);
    check_judgement(&module, firmwares[i].code, firmwares[i].says);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++)
        check_add_row("kvm-module/host", hosts[i].host, GSIZE_TO_POINTER(i), test_host);
    for (gsize i = 0; i < G_N_ELEMENTS(details); i++)
        check_add_row("kvm-module/detail", details[i].sentence, GSIZE_TO_POINTER(i), test_detail);
    for (gsize i = 0; i < G_N_ELEMENTS(firmwares); i++)
        check_add_row("kvm-module/firmware", firmwares[i].sentence, GSIZE_TO_POINTER(i), test_firmware);
    for (gsize i = 0; i < G_N_ELEMENTS(absents); i++)
        check_add_row("kvm-module/absent", absents[i].sentence, GSIZE_TO_POINTER(i), test_absent);
    for (gsize i = 0; i < G_N_ELEMENTS(hidings); i++)
        check_add_row("kvm-module/hidden", hidings[i].sentence, GSIZE_TO_POINTER(i), test_hiding);
    g_test_add_func("/kvm-module/a module that is there is to be loaded", test_to_be_loaded);
    return g_test_run();
}
