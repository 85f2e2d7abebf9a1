/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's KVM module: whether KVM guests of this host can have nested guests, and if not, why. */
#include "host/kvm_module.h"

#include "base/error.h"
#include "base/root.h"
#include "host/kernel_args.h"
#include "host/kvm_users.h"
#include "host/modprobe_conf.h"
#include "host/modprobe_dropin.h"
#include "host/modprobe_files.h"
#include "host/other_hypervisor.h"

#include <fcntl.h>
#include <libkmod.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

typedef struct kmod_ctx KmodCtx;
typedef struct kmod_list KmodList;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodCtx, kmod_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodList, kmod_module_unref_list)

static gchar *
read_of_module(const NestCpuVendor *vendor, const char *name)
{
    g_autofree gchar *path = g_strdup_printf("/sys/module/%s/%s", vendor->module, name);
    gchar *text = nest_root_read(path, NULL);

    return text ? g_strstrip(text) : NULL;
}

/* What CPUID returns in the register ECX on this machine; no other architecture has such an instruction. */
static guint32
ask_cpuid_ecx(guint32 leaf)
{
    guint32 r[4] = {0};

#if defined(__x86_64__) || defined(__i386__)
    return __get_cpuid(leaf, &r[0], &r[1], &r[2], &r[3]) ? r[2] : 0;
#else
    (void)leaf;
    return r[2];
#endif
}

/* The same, or on a test's fake host what a file in the form of the kernel's cpuid driver says (cpuid(4)). */
static guint32
read_cpuid_ecx(guint32 leaf)
{
    g_autofree gchar *path = nest_root_path("/dev/cpu/0/cpuid");
    guint32 r[4] = {0};
    int fd = -1;

    if (!nest_root_is_fake())
        return ask_cpuid_ecx(leaf);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (pread(fd, r, sizeof(r), leaf) != sizeof(r))
        r[2] = 0;
    close(fd);
    return r[2];
}

/* (nullable)(transfer full) The value of the last kernel argument of this name. */
static gchar *
last_argument(const char *wanted)
{
    g_autofree gchar *text = nest_modprobe_files_text(NEST_MODPROBE_ARGUMENTS, NULL);
    const char *at = text ? text : "";
    gchar *name = NULL, *value = NULL, *last = NULL;

    while (nest_kernel_args_next(&at, &name, &value)) {
        if (nest_kernel_args_match(name, wanted)) {
            g_free(last);
            last = g_strdup(value ? value : "");
        }
        g_clear_pointer(&name, g_free);
        g_clear_pointer(&value, g_free);
    }
    return last;
}

/* Whether the kernel argument clearcpuid= hides the feature: by its name or by its number. */
static gboolean
is_cleared(const NestCpuVendor *vendor)
{
    g_autofree gchar *text = nest_modprobe_files_text(NEST_MODPROBE_ARGUMENTS, NULL);
    g_autofree gchar *number = g_strdup_printf("%u", vendor->kernel_bit);
    const char *at = text ? text : "";
    gchar *name = NULL, *value = NULL;
    gboolean cleared = FALSE;

    while (nest_kernel_args_next(&at, &name, &value)) {
        g_auto(GStrv) list = g_strsplit(value ? value : "", ",", -1);

        cleared |= g_str_equal(name, "clearcpuid") &&
                   (g_strv_contains((const char *const *)list, vendor->feature) ||
                    g_strv_contains((const char *const *)list, number));
        g_clear_pointer(&name, g_free);
        g_clear_pointer(&value, g_free);
    }
    return cleared;
}

/* Whether libkmod finds a file of the module for the running kernel. */
static gboolean
can_be_loaded(const NestCpuVendor *vendor)
{
    struct utsname kernel;
    g_autofree gchar *directory = NULL;
    g_autofree gchar *path = NULL;
    g_autoptr(KmodCtx) kmod = NULL;
    KmodList *found = NULL;
    gboolean has = FALSE;
    const char *const no_configuration[] = {NULL};

    uname(&kernel);
    directory = g_build_filename("/lib/modules", kernel.release, NULL);
    path = nest_root_path(directory);
    kmod = kmod_new(path, no_configuration);
    has = kmod && kmod_module_new_from_lookup(kmod, vendor->module, &found) == 0 && found;
    kmod_module_unref_list(found);
    return has;
}

const char *
nest_kvm_state_name(NestKvmState state)
{
    static const char *const state_names[] = {
        [NEST_KVM_NO_HARDWARE] = "no-hardware", [NEST_KVM_ABSENT] = "absent",
        [NEST_KVM_BAD_VALUE] = "bad-value",     [NEST_KVM_ON] = "on",
        [NEST_KVM_OFF_IDLE] = "off-idle",       [NEST_KVM_OFF_BUSY] = "off-busy",
        [NEST_KVM_BUILTIN_OFF] = "builtin-off",
    };

    return state_names[state];
}

static NestKvmState
state_of(const NestKvmModule *module, const char *nested, gboolean has_hardware)
{
    /* kvm_intel's nested is a bool, Y or N. kvm_amd's is an int, and of an int everything but 0 is on
     * (svm_set_cpu_caps() in arch/x86/kvm/svm/svm.c). */
    if (nested && (*nested == 'Y' || g_ascii_strtoll(nested, NULL, 10) != 0))
        return NEST_KVM_ON;
    if (!has_hardware)
        return NEST_KVM_NO_HARDWARE;
    if (!nested)
        return NEST_KVM_ABSENT;
    if (module->builtin)
        return NEST_KVM_BUILTIN_OFF;
    return module->busy ? NEST_KVM_OFF_BUSY : NEST_KVM_OFF_IDLE;
}

/* A module built into the kernel has no reference count (Documentation/ABI/testing/sysfs-module). */
static void
read_module_state(NestKvmModule *module, const char *cpuinfo)
{
    const NestCpuVendor *vendor = module->vendor;
    g_autofree gchar *nested = read_of_module(vendor, "parameters/nested");
    g_autofree gchar *references = read_of_module(vendor, "refcnt");
    g_autofree gchar *flag = g_strdup_printf("^(flags|features)\\s*:.*\\b%s\\b", vendor->flag);
    gboolean has_hardware = g_regex_match_simple(flag, cpuinfo, G_REGEX_MULTILINE, 0);

    module->builtin = nested && !references;
    module->busy = references && !g_str_equal(references, "0");
    module->state = state_of(module, nested, has_hardware);
    module->cleared = module->state == NEST_KVM_NO_HARDWARE && is_cleared(vendor);
    module->locked = module->state == NEST_KVM_NO_HARDWARE && !module->cleared &&
                     read_cpuid_ecx(vendor->cpuid_leaf) >> vendor->cpuid_bit & 1;
    module->available = module->state == NEST_KVM_ABSENT && can_be_loaded(vendor);
    if (module->available) {
        g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(vendor);
        const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);

        if (winner && winner->refused)
            module->state = NEST_KVM_BAD_VALUE;
    }
}

/* On Arm, KVM is always part of the kernel, and the kernel argument kvm-arm.mode= alone decides. Without KVM there is no
 * /dev/kvm. No file shows whether the CPU has FEAT_NV2. If it has not, QEMU refuses the start and says so. */
static void
read_arm_mode(NestKvmModule *module)
{
    g_autofree gchar *mode = last_argument(NEST_KVM_ARM_MODE);
    gboolean is_nested = mode && g_regex_match_simple("^nested(,|$)", mode, 0, 0);

    module->builtin = TRUE;
    if (!module->device)
        module->state = NEST_KVM_NO_HARDWARE;
    else
        module->state = is_nested ? NEST_KVM_ON : NEST_KVM_BUILTIN_OFF;
}

gboolean
nest_kvm_module_is_loaded(const NestKvmModule *module)
{
    return module->state != NEST_KVM_ABSENT && module->state != NEST_KVM_BAD_VALUE &&
           module->state != NEST_KVM_NO_HARDWARE;
}

NestKvmModule
nest_kvm_module_read(void)
{
    NestKvmModule module = {.state = NEST_KVM_NO_HARDWARE};
    g_autofree gchar *device = nest_root_path("/dev/kvm");
    g_autofree gchar *cpuinfo = nest_cpu_vendor_cpuinfo();
    struct stat status;

    /* access(2) is not used: for a unit that may open no device (DevicePolicy=closed), it fails even for F_OK. */
    module.device = stat(device, &status) == 0;
    module.vendor = cpuinfo ? nest_cpu_vendor_of_cpuinfo(cpuinfo) : NULL;
    if (module.vendor && nest_cpu_vendor_is_by_machine(module.vendor))
        read_arm_mode(&module);
    else if (module.vendor)
        read_module_state(&module, cpuinfo);
    return module;
}

G_GNUC_PRINTF(3, 4)
static gboolean
refuse_module(GError **error, NestErrorCode code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_propagate_error(error, g_error_new_valist(NEST_ERROR, (int)code, format, arguments));
    va_end(arguments);
    return FALSE;
}

static gboolean
refuse_arm_without_kvm(GError **error)
{
    return refuse_module(
        error, NEST_ERROR_HOST_HARDWARE,
        "this host has no KVM (/dev/kvm is missing): boot its kernel in EL2 (the firmware decides that, or "
        "the host below if this host is a guest) and without " NEST_KVM_ARM_MODE
        "=none; or let QEMU "
        "emulate the guest (<domain type='qemu'>)");
}

static gboolean
refuse_no_hardware(const NestKvmModule *module, GError **error)
{
    const NestCpuVendor *p = module->vendor;

    if (!p) {
        nest_cpu_vendor_refuse(error);
        return FALSE;
    }
    if (module->cleared)
        return refuse_module(
            error, NEST_ERROR_HOST_HARDWARE,
            "the kernel argument clearcpuid= hides %s of this host's CPU (%s): remove it from the boot "
            "loader's configuration and boot again, or let QEMU emulate the guest (<domain type='qemu'>)",
            p->feature, p->title);
    if (nest_cpu_vendor_is_by_machine(p))
        return refuse_arm_without_kvm(error);
    if (nest_other_hypervisor_is_xen())
        return refuse_module(
            error, NEST_ERROR_HOST_HARDWARE,
            "this host runs on Xen, which keeps %s of its CPU (%s) to itself: boot a kernel without Xen, or, "
            "where this host is a guest of Xen, allow nested guests there, or let QEMU emulate the guest "
            "(<domain type='qemu'>)",
            p->feature, p->title);
    if (module->locked)
        return refuse_module(
            error, NEST_ERROR_HOST_FIRMWARE,
            "this host's CPU (%s) has %s, but the firmware locked it off: switch "
            "virtualization on in the firmware setup, or let QEMU emulate the guest (<domain type='qemu'>)",
            p->title, p->feature);
    return refuse_module(
        error, NEST_ERROR_HOST_HARDWARE,
        "this host's CPU (%s) shows no %s, so KVM has no nested guests here: switch "
        "virtualization on in the firmware setup (or, where this host is itself a guest, in "
        "its host), or let QEMU emulate the guest (<domain type='qemu'>)",
        p->title, p->feature);
}

const char *
nest_kvm_module_command(const NestKvmModule *module, gboolean force)
{
    static const char *const commands[2][2] = {
        {"virt-nest host enable --now", "virt-nest host enable"},
        {NEST_KVM_ENABLE_FORCE " --now", NEST_KVM_ENABLE_FORCE},
    };
    NestModprobeDropinUse use = (nest_kvm_module_is_loaded(module) ? NEST_MODPROBE_LOADED : 0) |
                                (force ? NEST_MODPROBE_FORCE : 0);

    return commands[!!force][!!nest_modprobe_dropin_may_keep_on(module->vendor, use, NULL)];
}

static gboolean
check_conf(const NestModprobeConf *conf, const NestKvmModule *module, gboolean force,
           const char *remedy, GError **error)
{
    return nest_modprobe_conf_check_load(conf, nest_kvm_module_is_loaded(module), force, remedy,
                                         error) &&
           (force || nest_modprobe_conf_check(conf, remedy, error));
}

/* The remedy is only worked out for a refusal, as the configuration is read for it again. */
gboolean
nest_kvm_module_check_settings(const NestKvmModule *module, gboolean force, GError **error)
{
    g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(module->vendor);

    return check_conf(conf, module, force, NULL, NULL) ||
           check_conf(conf, module, force, nest_kvm_module_command(module, TRUE), error);
}

static gboolean
refuse_no_files(const NestKvmModule *module, GError **error)
{
    g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(module->vendor);
    g_autoptr(GError) besides = NULL;

    (void)nest_modprobe_conf_check_load(conf, FALSE, FALSE, NULL, &besides);
    return refuse_module(
        error, NEST_ERROR_HOST_ABSENT,
        "the module %s is not loaded and this kernel has none in /lib/modules: install "
        "the kernel's full module package, or reboot if the kernel was just updated%s%s",
        module->vendor->module, besides ? "; besides, " : "", besides ? besides->message : "");
}

static gboolean
refuse_absent(const NestKvmModule *module, gboolean force, GError **error)
{
    const char *name = module->vendor->module;
    g_autofree gchar *others = nest_other_hypervisor_text();

    if (!module->available)
        return refuse_no_files(module, error);
    if (!nest_kvm_module_check_settings(module, force, error))
        return FALSE;
    if (others)
        return refuse_module(
            error, NEST_ERROR_HOST_ABSENT,
            "the module %s is not loaded, but %s is, whose guests keep the CPU's %s to themselves: end "
            "those guests, then run %s",
            name, others, module->vendor->feature, nest_kvm_module_command(module, force));
    return refuse_module(error, NEST_ERROR_HOST_ABSENT, "the module %s is not loaded: run %s", name,
                         nest_kvm_module_command(module, force));
}

static gboolean
refuse_builtin(const NestKvmModule *module, GError **error)
{
    g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(module->vendor);
    g_autofree gchar *remedy = nest_modprobe_conf_boot_remedy(conf, TRUE);

    return refuse_module(error, NEST_ERROR_HOST_BUILTIN,
                         "%s is built into this kernel with nesting off: %s",
                         module->vendor->module, remedy);
}

/* If somebody's setting also keeps nesting off, the message names it as well: it would still be in the way when nobody uses
 * the module any more. */
static gboolean
refuse_busy(const NestKvmModule *module, gboolean force, GError **error)
{
    const char *name = module->vendor->module;
    g_autofree gchar *words = nest_kvm_users_describe();
    gboolean undecided = nest_kvm_module_check_settings(module, FALSE, NULL);

    if (nest_kvm_module_check_settings(module, force, error))
        return refuse_module(
            error, NEST_ERROR_HOST_BUSY,
            "%s is loaded with nesting off and in use by %s: stop that, then run %s", name, words,
            nest_kvm_module_command(module, !undecided));
    g_prefix_error(error, "%s is in use by %s: stop that first; besides, ", name, words);
    return FALSE;
}

gboolean
nest_kvm_module_can_nest(const NestKvmModule *module)
{
    return module->state == NEST_KVM_ON && module->device;
}

static gboolean
check_module(const NestKvmModule *module, gboolean force, GError **error)
{
    if (nest_kvm_module_can_nest(module))
        return TRUE;
    if (module->state == NEST_KVM_NO_HARDWARE)
        return refuse_no_hardware(module, error);
    if (module->state == NEST_KVM_ABSENT || module->state == NEST_KVM_BAD_VALUE)
        return refuse_absent(module, force, error);
    if (module->state == NEST_KVM_OFF_IDLE)
        return nest_kvm_module_check_settings(module, force, error) &&
               refuse_module(error, NEST_ERROR_HOST_OFF,
                             "%s is loaded with nesting off and nobody uses it: run %s",
                             module->vendor->module, nest_kvm_module_command(module, force));
    if (module->state == NEST_KVM_OFF_BUSY)
        return refuse_busy(module, force, error);
    if (module->state == NEST_KVM_BUILTIN_OFF && nest_cpu_vendor_is_by_machine(module->vendor))
        return refuse_module(
            error, NEST_ERROR_HOST_BUILTIN,
            "this host's KVM does not nest, and on Arm no module's parameter changes that: boot with the "
            "kernel argument " NEST_KVM_ARM_MODE "=nested (in Debian: GRUB_CMDLINE_LINUX in "
            "/etc/default/grub, then update-grub), which needs Linux 6.16 and a CPU with FEAT_NV2");
    if (module->state == NEST_KVM_BUILTIN_OFF)
        return refuse_builtin(module, error);
    return refuse_module(error, NEST_ERROR_HOST_DEVICE,
                         "nesting is on in %s, but /dev/kvm is missing: run udevadm trigger "
                         "--name-match=kvm, or see why udev does not make it",
                         module->vendor->module);
}

gboolean
nest_kvm_module_check(const NestKvmModule *module, GError **error)
{
    return check_module(module, FALSE, error);
}

gboolean
nest_kvm_module_check_forced(const NestKvmModule *module, GError **error)
{
    return check_module(module, TRUE, error);
}
