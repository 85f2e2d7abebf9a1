/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's KVM module: whether KVM guests of this host can have nested guests, and if not, why. */
#include "host/kvm_module.h"

#include "base/error.h"
#include "base/root.h"
#include "host/kvm_users.h"
#include "host/modprobe_conf.h"

#include <cpuid.h>
#include <fcntl.h>
#include <libkmod.h>
#include <sys/utsname.h>
#include <unistd.h>

typedef struct kmod_ctx KmodCtx;
typedef struct kmod_list KmodList;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodCtx, kmod_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodList, kmod_module_unref_list)

static gchar *
read_of_module(const NestCpuVendor *vendor, const char *name)
{
    g_autofree gchar *path = g_strdup_printf("/sys/module/%s/%s", vendor->module, name);
    g_autofree gchar *full = nest_root_path(path);
    gchar *text = NULL;

    return g_file_get_contents(full, &text, NULL, NULL) ? g_strstrip(text) : NULL;
}

/* What CPUID returns in the register ECX: on this machine, or on a test's fake host from a file in the
 * form of the kernel's cpuid driver (cpuid(4)). */
static guint32
read_cpuid_ecx(guint32 leaf)
{
    g_autofree gchar *path = nest_root_path("/dev/cpu/0/cpuid");
    guint32 r[4] = {0};
    int fd = -1;

    if (!nest_root_is_fake())
        return __get_cpuid(leaf, &r[0], &r[1], &r[2], &r[3]) ? r[2] : 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (pread(fd, r, sizeof(r), leaf) != sizeof(r))
        r[2] = 0;
    close(fd);
    return r[2];
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
    if (nested && (*nested == '1' || *nested == 'Y'))
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
read_module(NestKvmModule *module, const char *cpuinfo)
{
    const NestCpuVendor *vendor = module->vendor;
    g_autofree gchar *nested = read_of_module(vendor, "parameters/nested");
    g_autofree gchar *references = read_of_module(vendor, "refcnt");
    g_autofree gchar *flag = g_strdup_printf("^flags\\s*:.*\\b%s\\b", vendor->feature);
    gboolean has_hardware = g_regex_match_simple(flag, cpuinfo, G_REGEX_MULTILINE, 0);

    module->builtin = nested && !references;
    module->busy = references && !g_str_equal(references, "0");
    module->state = state_of(module, nested, has_hardware);
    module->locked = module->state == NEST_KVM_NO_HARDWARE &&
                     read_cpuid_ecx(vendor->cpuid_leaf) >> vendor->cpuid_bit & 1;
    module->available = module->state == NEST_KVM_ABSENT && can_be_loaded(vendor);
    if (module->available) {
        g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(vendor);
        const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);

        if (winner && winner->refused)
            module->state = NEST_KVM_BAD_VALUE;
    }
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
    g_autofree gchar *device = nest_root_path("/dev/kvm");
    NestKvmModule module = {.state = NEST_KVM_NO_HARDWARE,
                            .device = g_file_test(device, G_FILE_TEST_EXISTS)};
    g_autofree gchar *cpuinfo = nest_cpu_vendor_cpuinfo();

    module.vendor = cpuinfo ? nest_cpu_vendor_of_cpuinfo(cpuinfo) : NULL;
    if (module.vendor)
        read_module(&module, cpuinfo);
    return module;
}

G_GNUC_PRINTF(3, 4)
static gboolean
refuse(GError **error, NestErrorCode code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_propagate_error(error, g_error_new_valist(NEST_ERROR, (int)code, format, arguments));
    va_end(arguments);
    return FALSE;
}

static gboolean
refuse_no_hardware(const NestKvmModule *module, GError **error)
{
    const NestCpuVendor *p = module->vendor;

    if (!p) {
        nest_cpu_vendor_refuse(error);
        return FALSE;
    }
    if (module->locked)
        return refuse(error, NEST_ERROR_HOST_FIRMWARE,
                      "this host's CPU (%s) has %s, but the firmware locked it off: switch "
                      "virtualization on in the firmware setup, or use type='qemu'",
                      p->title, p->feature);
    return refuse(
        error, NEST_ERROR_HOST_HARDWARE,
        "this host's CPU (%s) shows no %s, so KVM has no nested guests here: switch "
        "virtualization on in the firmware setup (or, where this host is itself a guest, in "
        "its host), or use type='qemu'",
        p->title, p->feature);
}

static gboolean
refuse_absent(const NestKvmModule *module, GError **error)
{
    const char *name = module->vendor->module;
    g_autoptr(NestModprobeConf) conf = NULL;

    if (!module->available)
        return refuse(
            error, NEST_ERROR_HOST_ABSENT,
            "the module %s is not loaded and this kernel has none in /lib/modules: install "
            "the kernel's full module package, or reboot if the kernel was just updated",
            name);
    conf = nest_modprobe_conf_read(module->vendor);
    return nest_modprobe_conf_check_load(conf, FALSE, FALSE, NEST_KVM_ENABLE_FORCE, error) &&
           refuse(error, NEST_ERROR_HOST_ABSENT,
                  "the module %s is not loaded: run virt-nest host enable", name);
}

static gboolean
refuse_builtin(const NestKvmModule *module, GError **error)
{
    g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(module->vendor);
    g_autofree gchar *remedy = nest_modprobe_conf_boot_remedy(conf, TRUE);

    return refuse(error, NEST_ERROR_HOST_BUILTIN,
                  "%s is built into this kernel with nesting off: %s", module->vendor->module,
                  remedy);
}

static gboolean
refuse_busy(const NestKvmModule *module, GError **error)
{
    g_autofree gchar *words = nest_kvm_users_describe();

    return refuse(error, NEST_ERROR_HOST_BUSY,
                  "%s is loaded with nesting off and in use by %s: stop that, then run "
                  "virt-nest host enable",
                  module->vendor->module, words);
}

gboolean
nest_kvm_module_can_nest(const NestKvmModule *module)
{
    return module->state == NEST_KVM_ON && module->device;
}

gboolean
nest_kvm_module_check(const NestKvmModule *module, GError **error)
{
    const NestCpuVendor *p = module->vendor;

    if (nest_kvm_module_can_nest(module))
        return TRUE;
    if (module->state == NEST_KVM_NO_HARDWARE)
        return refuse_no_hardware(module, error);
    if (module->state == NEST_KVM_ABSENT || module->state == NEST_KVM_BAD_VALUE)
        return refuse_absent(module, error);
    if (module->state == NEST_KVM_OFF_IDLE)
        return refuse(error, NEST_ERROR_HOST_OFF,
                      "%s is loaded with nesting off and nobody uses it: run virt-nest host enable",
                      p->module);
    if (module->state == NEST_KVM_OFF_BUSY)
        return refuse_busy(module, error);
    if (module->state == NEST_KVM_BUILTIN_OFF)
        return refuse_builtin(module, error);
    return refuse(error, NEST_ERROR_HOST_DEVICE,
                  "nesting is on in %s, but /dev/kvm is missing: run udevadm trigger "
                  "--name-match=kvm, or see why udev does not make it",
                  p->module);
}
