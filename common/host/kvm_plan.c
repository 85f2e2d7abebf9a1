/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans what would be done about the host's KVM module, and tells whether that is safe now. */
#include "host/kvm_plan.h"

#include "base/error.h"
#include "base/runtime_flag.h"
#include "host/kvm_users.h"
#include "host/modprobe_conf.h"

static NestKvmAction
refuse_builtin_off(const NestKvmModule *module, const NestModprobeConf *conf, GError **error)
{
    g_autofree gchar *remedy = nest_modprobe_conf_boot_remedy(conf, FALSE);

    if (nest_cpu_vendor_is_by_machine(module->vendor)) {
        g_set_error_literal(
            error, NEST_ERROR, NEST_ERROR_HOST_BUILTIN,
            "KVM was started with nesting on: boot without the kernel argument " NEST_KVM_ARM_MODE
            "=nested");
        return NEST_KVM_DO_REFUSE;
    }
    g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_BUILTIN,
                "%s is built into this kernel with nesting on: %s", module->vendor->module, remedy);
    return NEST_KVM_DO_REFUSE;
}

static NestKvmAction
refuse_busy_off(const NestKvmModule *module, const NestModprobeConf *conf, GError **error)
{
    const char *name = module->vendor->module;
    g_autofree gchar *users = nest_kvm_users_describe();

    if (nest_modprobe_conf_check_load(conf, TRUE, FALSE, NULL, error))
        g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_BUSY,
                    "%s is in use by %s: stop that, then run virt-nest host disable --now", name,
                    users);
    else
        g_prefix_error(error, "%s is in use by %s: stop that first; besides, ", name, users);
    return NEST_KVM_DO_REFUSE;
}

/* Whether a tagged domain is about to start, whose QEMU does not hold the module yet. */
static gboolean
is_awaited(GError **error)
{
    g_autofree gchar *uuid = nest_runtime_flag_find(NEST_RUNTIME_FLAG_STARTING);

    if (uuid)
        g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_BUSY,
                    "nesting stays on, because the tagged domain %s is about to start and "
                    "needs it: when that domain has ended, run virt-nest host "
                    "disable --now",
                    uuid);
    return uuid != NULL;
}

/* Nothing is unloaded that would not be loaded again. */
static NestKvmAction
plan_off(const NestKvmModule *module, GError **error)
{
    g_autoptr(NestModprobeConf) conf = NULL;

    if (module->state != NEST_KVM_ON)
        return NEST_KVM_DO_NOTHING;
    conf = nest_modprobe_conf_read(module->vendor);
    if (module->builtin)
        return refuse_builtin_off(module, conf, error);
    if (module->busy)
        return refuse_busy_off(module, conf, error);
    if (!nest_modprobe_conf_check_load(conf, TRUE, FALSE, NULL, error) || is_awaited(error))
        return NEST_KVM_DO_REFUSE;
    return NEST_KVM_DO_RELOAD;
}

static NestKvmAction
plan_on(const NestKvmModule *module, gboolean force, GError **error)
{
    gboolean loaded = nest_kvm_module_is_loaded(module);
    gboolean good = FALSE;

    if (loaded ? module->state != NEST_KVM_OFF_IDLE : !module->available) {
        good = force ? nest_kvm_module_check_forced(module, error)
                     : nest_kvm_module_check(module, error);
        return good ? NEST_KVM_DO_NOTHING : NEST_KVM_DO_REFUSE;
    }
    if (!nest_kvm_module_check_settings(module, force, error))
        return NEST_KVM_DO_REFUSE;
    return loaded ? NEST_KVM_DO_RELOAD : NEST_KVM_DO_LOAD;
}

NestKvmAction
nest_kvm_plan(const NestKvmModule *module, gboolean nested, gboolean force, GError **error)
{
    return nested ? plan_on(module, force, error) : plan_off(module, error);
}

gchar *
nest_kvm_plan_text(const NestKvmModule *module, NestKvmAction action, gboolean nested,
                   const GError *reason)
{
    const char *name = module->vendor ? module->vendor->module : "";
    const char *on = nested ? "on" : "off";

    if (action == NEST_KVM_DO_LOAD)
        return g_strdup_printf("load %s with nesting %s", name, on);
    if (action == NEST_KVM_DO_RELOAD)
        return g_strdup_printf("unload %s and load it with nesting %s", name, on);
    if (action == NEST_KVM_DO_REFUSE)
        return g_strdup_printf("nothing: %s", reason ? reason->message : "it is refused");
    return g_strdup_printf("nothing: nesting is %s", on);
}
