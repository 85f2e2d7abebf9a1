/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plan for the host's module: every state, as distributions and kernels have it, with what would be done. */
#include "base/runtime_flag.h"
#include "fake-kernel.h"
#include "host/kvm_lock.h"
#include "host/kvm_plan.h"

#include <string.h>

#define OK (-1)
#define DROP_IN "etc/modprobe.d/virt-nest.conf"

/* A host laid out in a directory, and what is planned for nesting on. */
static const struct {
    const char *sentence, *cpuinfo, *module, *nested, *refcnt;
    const char *file, *text; /* of modprobe's configuration, or the kernel's command line */
    gboolean has_files;      /* the kernel has the modules to load */
    NestKvmAction action;    /* without --force */
    NestKvmAction forced;    /* with it */
    int code;                /* of the refusal without */
    const char *says;        /* the plan in words */
} plans[] = {
    /* states */
    {"on", AMD, "kvm_amd", "1\n", "0\n", NULL, NULL, TRUE, NEST_KVM_DO_NOTHING, NEST_KVM_DO_NOTHING, OK,
     "nothing: nesting is on"},
    {"on and in use", INTEL, "kvm_intel", "Y\n", "4\n", NULL, NULL, TRUE, NEST_KVM_DO_NOTHING, NEST_KVM_DO_NOTHING,
     OK, "nothing: nesting is on"},
    {"off, idle", AMD, "kvm_amd", "0\n", "0\n", NULL, NULL, TRUE, NEST_KVM_DO_RELOAD, NEST_KVM_DO_RELOAD, OK,
     "unload kvm_amd and load it with nesting on"},
    {"off, idle, on Intel", INTEL, "kvm_intel", "N\n", "0\n", NULL, NULL, TRUE, NEST_KVM_DO_RELOAD,
     NEST_KVM_DO_RELOAD, OK, "unload kvm_intel and load it with nesting on"},
    {"off, idle, on Hygon", HYGON, "kvm_amd", "0\n", "0\n", NULL, NULL, TRUE, NEST_KVM_DO_RELOAD,
     NEST_KVM_DO_RELOAD, OK, "unload kvm_amd and load it"},
    {"off, in use", AMD, "kvm_amd", "0\n", "2\n", NULL, NULL, TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE,
     NEST_ERROR_HOST_BUSY, "nothing: kvm_amd is loaded with nesting off and in use by|stop that|host enable"},
    {"absent", INTEL, NULL, NULL, NULL, NULL, NULL, TRUE, NEST_KVM_DO_LOAD, NEST_KVM_DO_LOAD, OK,
     "load kvm_intel with nesting on"},
    {"absent, and no file of it", INTEL, NULL, NULL, NULL, NULL, NULL, FALSE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE,
     NEST_ERROR_HOST_ABSENT, "nothing: the module kvm_intel is not loaded|install"},
    {"built in, off", AMD, "kvm_amd", "0\n", NULL, NULL, NULL, FALSE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE,
     NEST_ERROR_HOST_BUILTIN, "built into|kernel argument kvm_amd.nested=1"},
    {"built in, on", INTEL, "kvm_intel", "Y\n", NULL, NULL, NULL, FALSE, NEST_KVM_DO_NOTHING, NEST_KVM_DO_NOTHING, OK,
     "nesting is on"},
    {"no hardware", CPUINFO("GenuineIntel", "sse"), NULL, NULL, NULL, NULL, NULL, TRUE, NEST_KVM_DO_REFUSE,
     NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_HARDWARE, "shows no vmx|firmware"},
    {"no vendor of ours", CPUINFO("VIA VIA VIA ", "vmx"), NULL, NULL, NULL, NULL, NULL, TRUE, NEST_KVM_DO_REFUSE,
     NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_VENDOR, "vendor"},
    /* kernels with the other vendor's module too */
    {"the other vendor's module is loaded as well", INTEL, "kvm_amd", "1\n", "0\n", NULL, NULL, TRUE,
     NEST_KVM_DO_LOAD, NEST_KVM_DO_LOAD, OK, "load kvm_intel with nesting on"},
    {"the other vendor's module is kept off", INTEL, "kvm_intel", "N\n", "0\n", "etc/modprobe.d/kvm.conf",
     "options kvm_amd nested=0\n", TRUE, NEST_KVM_DO_RELOAD, NEST_KVM_DO_RELOAD, OK, "unload kvm_intel"},
    /* distributions */
    {"Debian: a blacklist line does not count once it is loaded", INTEL, "kvm_intel", "N\n", "0\n", "etc/modprobe.d/fbdev-blacklist.conf",
     "blacklist kvm_intel\n", TRUE, NEST_KVM_DO_RELOAD, NEST_KVM_DO_RELOAD, OK, "unload kvm_intel"},
    {"Ubuntu: the package qemu-system-x86 says on", INTEL, "kvm_intel", "N\n", "0\n",
     "usr/lib/modprobe.d/qemu-system-x86.conf", "# nesting is wanted\noptions kvm_intel nested=1\n", TRUE,
     NEST_KVM_DO_RELOAD, NEST_KVM_DO_RELOAD, OK, "unload kvm_intel"},
    {"Ubuntu of before: the same in /etc", INTEL, NULL, NULL, NULL, "etc/modprobe.d/qemu-system-x86.conf",
     "options kvm_intel nested=1\n", TRUE, NEST_KVM_DO_LOAD, NEST_KVM_DO_LOAD, OK, "load kvm_intel"},
    {"Fedora: the package's lines are comments", AMD, "kvm_amd", "0\n", "0\n", "etc/modprobe.d/kvm.conf",
     "#options kvm_intel nested=1\n#options kvm_amd nested=0\n", TRUE, NEST_KVM_DO_RELOAD, NEST_KVM_DO_RELOAD, OK,
     "unload kvm_amd"},
    {"Fedora: somebody said off", AMD, "kvm_amd", "0\n", "0\n", "etc/modprobe.d/kvm.conf",
     "#options kvm_intel nested=1\noptions kvm_amd nested=0\n", TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_RELOAD,
     NEST_ERROR_HOST_KEPT_OFF, "/etc/modprobe.d/kvm.conf|2|--force"},
    {"openSUSE: somebody said off below /usr", AMD, NULL, NULL, NULL, "usr/lib/modprobe.d/50-kvm.conf",
     "options kvm_amd avic=1 nested=0\n", TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_LOAD, NEST_ERROR_HOST_KEPT_OFF,
     "/usr/lib/modprobe.d/50-kvm.conf|1|--force"},
    {"off for this boot, in /run", AMD, "kvm_amd", "0\n", "0\n", "run/modprobe.d/off.conf",
     "options kvm-amd nested=0\n", TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_RELOAD, NEST_ERROR_HOST_KEPT_OFF,
     "/run/modprobe.d/off.conf"},
    {"off by the kernel's command line", INTEL, "kvm_intel", "N\n", "0\n", "proc/cmdline",
     "root=/dev/sda1 kvm-intel.nested=0 quiet\n", TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_RELOAD,
     NEST_ERROR_HOST_KEPT_OFF, "kernel argument"},
    {"an install line, absent", INTEL, NULL, NULL, NULL, "etc/modprobe.d/hardening.conf", "install kvm_intel /bin/false\n",
     TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_LOAD, NEST_ERROR_HOST_KEPT_OFF,
     "kvm_intel is kept away by /etc/modprobe.d/hardening.conf:1|--force"},
    {"an install line, loaded: it would not come back", AMD, "kvm_amd", "0\n", "0\n", "etc/modprobe.d/hardening.conf",
     "install kvm_amd /bin/true\n", TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_RELOAD, NEST_ERROR_HOST_KEPT_OFF,
     "install kvm_amd /bin/true|in place of loading it|--force"},
    {"an install line of kvm, which is loaded", AMD, "kvm_amd", "0\n", "0\n", "etc/modprobe.d/hardening.conf",
     "install kvm /bin/true\n", TRUE, NEST_KVM_DO_RELOAD, NEST_KVM_DO_RELOAD, OK, "unload kvm_amd"},
    {"a blacklist line, absent", INTEL, NULL, NULL, NULL, "etc/modprobe.d/a.conf", "blacklist kvm_intel\n", TRUE,
     NEST_KVM_DO_REFUSE, NEST_KVM_DO_LOAD, NEST_ERROR_HOST_KEPT_OFF, "blacklist kvm_intel|not loaded by itself|--force"},
    {"modprobe.blacklist=, absent", INTEL, NULL, NULL, NULL, "proc/cmdline", "modprobe.blacklist=kvm_intel\n", TRUE,
     NEST_KVM_DO_REFUSE, NEST_KVM_DO_LOAD, NEST_ERROR_HOST_KEPT_OFF,
     "kernel argument modprobe.blacklist=kvm_intel|boot loader's configuration|or run virt-nest host enable --force --now"},
    {"module_blacklist=", INTEL, NULL, NULL, NULL, "proc/cmdline", "module_blacklist=kvm_intel\n", TRUE, NEST_KVM_DO_REFUSE,
     NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_KEPT_OFF, "kernel argument module_blacklist=kvm_intel|the kernel refuses it"},
    {"a value the kernel refuses, absent", AMD, NULL, NULL, NULL, "etc/modprobe.d/kvm.conf", "options kvm-amd nested=Y\n",
     TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_VALUE, "kvm.conf:1|nested=Y|write nested=1 there"},
    {"a value the kernel refuses, loaded", AMD, "kvm_amd", "0\n", "0\n", "etc/modprobe.d/kvm.conf",
     "options kvm_amd nested = 1\n", TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_VALUE, "kvm.conf:1"},
    {"built in, off by a kernel argument", INTEL, "kvm_intel", "N\n", NULL, "proc/cmdline", "ro kvm-intel.nested=0\n", FALSE,
     NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_BUILTIN,
     "replace the kernel argument kvm-intel.nested=0 by kvm-intel.nested=1"},
    {"off, in use, and somebody said off", AMD, "kvm_amd", "0\n", "2\n", "etc/modprobe.d/kvm.conf", "options kvm_amd nested=0\n", TRUE,
     NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_KEPT_OFF,
     "kvm_amd is in use by|stop that first; besides, nesting is kept off by /etc/modprobe.d/kvm.conf:1|virt-nest host enable --force"},
    {"off, in use, and a value the kernel refuses", AMD, "kvm_amd", "0\n", "2\n", "etc/modprobe.d/kvm.conf",
     "options kvm_amd nested=Y\n", TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_VALUE,
     "kvm_amd is in use by|besides, the kernel does not load kvm_amd with the value"},
    {"a remove line: it is not unloaded without its command", AMD, "kvm_amd", "0\n", "0\n", "etc/modprobe.d/a.conf",
     "remove kvm_amd /usr/local/sbin/stop-guests\n", TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_RELOAD, NEST_ERROR_HOST_KEPT_OFF,
     "kvm_amd is kept loaded by /etc/modprobe.d/a.conf:1|in place of unloading it|or run virt-nest host enable --force"},
    {"a remove line, absent", AMD, NULL, NULL, NULL, "etc/modprobe.d/a.conf", "remove kvm_amd /bin/true\n", TRUE,
     NEST_KVM_DO_LOAD, NEST_KVM_DO_LOAD, OK, "load kvm_amd with nesting on"},
    {"an alias for another module", AMD, NULL, NULL, NULL, "etc/modprobe.d/a.conf", "alias kvm_amd off\n", TRUE,
     NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_KEPT_OFF,
     "kept away by /etc/modprobe.d/a.conf:1 (alias kvm_amd off)|its name for another module's: remove that line"},
    {"the kernel loads and unloads no modules any more", AMD, "kvm_amd", "0\n", "0\n", "proc/sys/kernel/modules_disabled", "1\n",
     TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_KEPT_OFF,
     "kvm_amd is kept as it is by the sysctl kernel.modules_disabled=1|run virt-nest host enable --boot, then boot again"},
    {"nomodule", AMD, "kvm_amd", "0\n", "0\n", "proc/cmdline", "ro nomodule\n", TRUE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE,
     NEST_ERROR_HOST_KEPT_OFF, "kernel argument nomodule|remove that from the boot loader's configuration"},
    {"built in, off by the last kernel argument that is not refused", INTEL, "kvm_intel", "N\n", NULL, "proc/cmdline",
     "kvm-intel.nested=1 kvm-intel.nested=0 kvm_intel.nested=aye\n", FALSE, NEST_KVM_DO_REFUSE, NEST_KVM_DO_REFUSE,
     NEST_ERROR_HOST_BUILTIN, "replace the kernel argument kvm-intel.nested=0 by kvm-intel.nested=1"},
    {"ours is there already", AMD, "kvm_amd", "0\n", "0\n", DROP_IN, "options kvm_amd nested=1\n", TRUE,
     NEST_KVM_DO_RELOAD, NEST_KVM_DO_RELOAD, OK, "unload kvm_amd"},
};

static gchar *
lay_out(gsize i)
{
    gchar *root = check_root_new();

    check_root_write("proc/cpuinfo", plans[i].cpuinfo);
    check_root_write("dev/kvm", "");
    if (plans[i].module) {
        fake_kernel_module(plans[i].module, "parameters/nested", plans[i].nested);
        fake_kernel_module(plans[i].module, "refcnt", plans[i].refcnt);
    }
    if (plans[i].file)
        check_root_write(plans[i].file, plans[i].text);
    if (plans[i].has_files)
        fake_kernel_has_kvm();
    return root;
}

/* What check-host, status, the hook and the warning of `virt-nest enable` say. If the plan is refused, they say the same;
 * otherwise they name the command that carries it out. */
static void
check_one_judgement(const NestKvmModule *module, NestKvmAction action, const GError *refusal)
{
    g_autoptr(GError) error = NULL;
    gboolean good = nest_kvm_module_check(module, &error);

    g_assert_cmpint(good, ==, action == NEST_KVM_DO_NOTHING);
    if (refusal) {
        g_assert_error(error, NEST_ERROR, refusal->code);
        g_assert_cmpstr(error->message, ==, refusal->message);
    } else if (!good) {
        check_says(error->message, "run virt-nest host enable");
    }
}

/* The next boot is against it, whatever virt-nest writes: the command that is named is for now only. */
static void
test_now_only(void)
{
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    NestKvmModule module;

    g_test_summary("the command that is named is for now only, where no line for the next boot would help");
    check_root_write("proc/cpuinfo", AMD);
    check_root_write("etc/modprobe.d/a.conf", "install kvm /bin/false\n");
    fake_kernel_module("kvm_amd", "parameters/nested", "0\n");
    fake_kernel_module("kvm_amd", "refcnt", "0\n");
    module = nest_kvm_module_read();
    g_assert_false(nest_kvm_module_check(&module, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_HOST_OFF);
    g_assert_true(g_str_has_suffix(error->message, "run virt-nest host enable --now"));
    check_root_free(root);
}

static void
test_plan(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = lay_out(i);
    NestKvmModule module = nest_kvm_module_read();
    g_autoptr(GError) error = NULL;
    g_autofree gchar *words = NULL;

    g_assert_cmpint(nest_kvm_plan(&module, TRUE, FALSE, &error), ==, plans[i].action);
    if (plans[i].code == OK)
        g_assert_no_error(error);
    else
        g_assert_error(error, NEST_ERROR, plans[i].code);
    words = nest_kvm_plan_text(&module, plans[i].action, TRUE, error);
    check_says(words, plans[i].says);
    check_one_judgement(&module, plans[i].action, error);
    g_clear_error(&error);
    g_assert_cmpint(nest_kvm_plan(&module, TRUE, TRUE, &error), ==, plans[i].forced);
    check_root_free(root);
}

/* The same for nesting off. */
static const struct {
    const char *sentence, *nested, *refcnt;
    NestKvmAction action;
    int code;
} offs[] = {
    {"on, idle", "1\n", "0\n", NEST_KVM_DO_RELOAD, OK},
    {"on, in use", "1\n", "1\n", NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_BUSY},
    {"on, built in", "1\n", NULL, NEST_KVM_DO_REFUSE, NEST_ERROR_HOST_BUILTIN},
    {"off", "0\n", "0\n", NEST_KVM_DO_NOTHING, OK},
    {"absent", NULL, NULL, NEST_KVM_DO_NOTHING, OK},
};

static void
test_off(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    NestKvmModule module;

    check_root_write("proc/cpuinfo", AMD);
    fake_kernel_module("kvm_amd", "parameters/nested", offs[i].nested);
    fake_kernel_module("kvm_amd", "refcnt", offs[i].refcnt);
    module = nest_kvm_module_read();
    g_assert_cmpint(nest_kvm_plan(&module, FALSE, FALSE, &error), ==, offs[i].action);
    if (offs[i].code == OK)
        g_assert_no_error(error);
    else
        g_assert_error(error, NEST_ERROR, offs[i].code);
    check_root_free(root);
}

static void
test_off_kept(void)
{
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    NestKvmModule module;

    g_test_summary("what would not be loaded again is not unloaded to turn nesting off either");
    check_root_write("proc/cpuinfo", AMD);
    check_root_write("etc/modprobe.d/a.conf", "install kvm_amd /bin/true\n");
    fake_kernel_module("kvm_amd", "parameters/nested", "1\n");
    fake_kernel_module("kvm_amd", "refcnt", "0\n");
    module = nest_kvm_module_read();
    g_assert_cmpint(nest_kvm_plan(&module, FALSE, FALSE, &error), ==, NEST_KVM_DO_REFUSE);
    g_assert_error(error, NEST_ERROR, NEST_ERROR_HOST_KEPT_OFF);
    g_assert_null(strstr(error->message, "--force"));
    g_clear_error(&error);
    fake_kernel_module("kvm_amd", "refcnt", "1\n");
    module = nest_kvm_module_read();
    g_assert_cmpint(nest_kvm_plan(&module, FALSE, FALSE, &error), ==, NEST_KVM_DO_REFUSE);
    g_assert_error(error, NEST_ERROR, NEST_ERROR_HOST_KEPT_OFF);
    check_says(error->message, "kvm_amd is in use by|stop that first; besides, |/etc/modprobe.d/a.conf:1");
    check_root_free(root);
}

static void
test_bad_value(void)
{
    gchar *root = check_root_new();

    g_test_summary("a value that kvm_amd refuses is a state of its own; kvm_intel takes the same one");
    check_root_write("etc/modprobe.d/a.conf", "options kvm_amd nested=Y\noptions kvm_intel nested=Y\n");
    check_root_write("proc/cpuinfo", AMD);
    g_assert_cmpint(nest_kvm_module_read().state, ==, NEST_KVM_ABSENT); /* there is none to load */
    fake_kernel_has_kvm();
    g_assert_cmpint(nest_kvm_module_read().state, ==, NEST_KVM_BAD_VALUE);
    g_assert_cmpstr(nest_kvm_state_name(NEST_KVM_BAD_VALUE), ==, "bad-value");
    check_root_write("proc/cpuinfo", INTEL);
    g_assert_cmpint(nest_kvm_module_read().state, ==, NEST_KVM_ABSENT);
    check_root_free(root);
}

static void
test_starting(void)
{
    static const char uuid[] = "11111111-1111-4111-8111-111111111111";
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    NestKvmModule module;

    g_test_summary("nesting stays on while a tagged domain starts, whose QEMU does not hold the module yet");
    check_root_write("proc/cpuinfo", AMD);
    fake_kernel_module("kvm_amd", "parameters/nested", "1\n");
    fake_kernel_module("kvm_amd", "refcnt", "0\n");
    nest_kvm_lock_inhibit_unload(uuid);
    module = nest_kvm_module_read();
    g_assert_cmpint(nest_kvm_plan(&module, FALSE, FALSE, &error), ==, NEST_KVM_DO_REFUSE);
    g_assert_error(error, NEST_ERROR, NEST_ERROR_HOST_BUSY);
    g_assert_nonnull(strstr(error->message, uuid));
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_STARTING, uuid);
    g_assert_cmpint(nest_kvm_plan(&module, FALSE, FALSE, NULL), ==, NEST_KVM_DO_RELOAD);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm-plan/off/starting", test_starting);
    g_test_add_func("/kvm-plan/off/what would not come back", test_off_kept);
    g_test_add_func("/kvm-plan/a value that is refused", test_bad_value);
    g_test_add_func("/kvm-plan/for now only", test_now_only);
    for (gsize i = 0; i < G_N_ELEMENTS(plans); i++)
        check_add_row("kvm-plan/on", plans[i].sentence, GSIZE_TO_POINTER(i), test_plan);
    for (gsize i = 0; i < G_N_ELEMENTS(offs); i++)
        check_add_row("kvm-plan/off", offs[i].sentence, GSIZE_TO_POINTER(i), test_off);
    return g_test_run();
}
