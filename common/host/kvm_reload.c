/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns nesting on or off in the host's KVM module by loading and unloading it, where no guest can be hurt.
 *
 * Theory of operation: only the vendor's module is unloaded; kvm.ko stays, with its parameters. /dev/kvm
 * disappears and comes back with the vendor's module. Between unloading and loading, signals are
 * blocked, and the lock file holds the module's parameters: if a SIGKILL comes in between, the next
 * program that acts reads them there. Nothing is unloaded that the configuration would not load
 * again: nest_kvm_plan() has checked the configuration, and libkmod is asked once more. No
 * `install` command is ever run, because its effect cannot be known (module_load.h); a module that was unloaded is
 * put back by inserting the module itself. The kernel's reference count decides whether there is a
 * guest: a module in use is not unloaded, however recently the guest started. */
#include "host/kvm_reload.h"

#include "base/error.h"
#include "base/log.h"
#include "base/root.h"
#include "base/wait.h"
#include "host/kvm_device.h"
#include "host/kvm_lock.h"
#include "host/kvm_parameters.h"
#include "host/kvm_plan.h"
#include "host/kvm_users.h"
#include "host/module_load.h"
#include "host/other_hypervisor.h"

#include <errno.h>
#include <libkmod.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* How long to wait for brief users of the module, such as the QEMUs that libvirt starts to ask for their capabilities.
 * Together with the waits for the lock and for /dev/kvm, this is less than the hook's time limit (fatal.h). */
#define MOMENT_MS 2000
#define STEP_MS 10

typedef struct kmod_ctx KmodCtx;
typedef struct kmod_list KmodList;
typedef struct kmod_module KmodModule;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodCtx, kmod_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodModule, kmod_module_unref)

/* One reload on its way. */
typedef struct {
    gboolean nested;       /* whether nesting is wanted */
    gboolean force;        /* override whatever a line of modprobe's configuration decides */
    NestKvmModule host;    /* the host as it was read last */
    NestKvmAction done;    /* what was done */
    int lock;              /* nest_kvm_lock_take()'s */
    gchar *parameters;     /* the module's parameters before, to load it with again */
    NestKvmDevice *device; /* /dev/kvm before */
    KmodCtx *kmod;
    KmodModule *module;
} Reload;

static void
reload_clear(Reload *reload)
{
    if (reload->lock >= 0)
        close(reload->lock);
    nest_kvm_device_free(reload->device);
    kmod_module_unref(reload->module);
    kmod_unref(reload->kmod);
    g_free(reload->parameters);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reload, reload_clear)

/* --- the module's files */

static gboolean
refuse_files(const char *name, const char *why, GError **error)
{
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_FILES,
        "the module %s stays as it is, because it could not be loaded again (%s): install the running "
        "kernel's modules again, or reboot into a kernel whose modules are installed",
        name, why);
    return FALSE;
}

/* Whether a module has a file for the running kernel that can be read and is a kernel module. */
static gboolean
check_module_file(KmodModule *module, GError **error)
{
    const char *name = kmod_module_get_name(module);
    const char *path = kmod_module_get_path(module);
    g_autofree gchar *why = NULL;
    KmodList *info = NULL;

    if (!path)
        return refuse_files(name, "it has no file in /lib/modules", error);
    if (access(path, R_OK) < 0)
        why = g_strdup_printf("%s: %s", path, g_strerror(errno));
    else if (kmod_module_get_info(module, &info) < 0)
        why = g_strdup_printf("%s is no kernel module", path);
    kmod_module_info_free_list(info);
    return why ? refuse_files(name, why, error) : TRUE;
}

static gboolean
check_files(KmodModule *module, GError **error)
{
    KmodList *dependencies = kmod_module_get_dependencies(module);
    gboolean good = check_module_file(module, error);

    for (KmodList *at = dependencies; at && good; at = kmod_list_next(dependencies, at)) {
        g_autoptr(KmodModule) needed = kmod_module_get_module(at);

        good = nest_module_is_in_kernel(needed) || check_module_file(needed, error);
    }
    kmod_module_unref_list(dependencies);
    return good;
}

/* Checks how modprobe itself resolves the module, for what nest_kvm_plan() may not have seen. */
static gboolean
check_resolution(const Reload *reload, GError **error)
{
    const char *name = reload->host.vendor->module;
    g_autofree gchar *barred = NULL;
    const char *command = NULL;

    if (!g_str_equal(kmod_module_get_name(reload->module), name)) {
        g_autofree gchar *why = g_strdup_printf("modprobe has an alias of this name for %s",
                                                kmod_module_get_name(reload->module));

        return refuse_files(name, why, error);
    }
    command = reload->force ? NULL : nest_module_load_command(reload->module, &barred);
    if (!command)
        return TRUE;
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_KEPT_OFF,
        "the module %s stays as it is, as modprobe would run a command in place of %s%s (install %s "
        "%s): remove that line, or run %s",
        name, barred, g_str_equal(barred, name) ? "" : ", which it needs", barred, command,
        nest_kvm_module_command(&reload->host, TRUE));
    return FALSE;
}

static gboolean
find_module(Reload *reload, GError **error)
{
    const char *name = reload->host.vendor->module;
    KmodList *found = NULL;

    if (!reload->kmod)
        reload->kmod = kmod_new(NULL, NULL);
    if (!reload->module && reload->kmod &&
        kmod_module_new_from_lookup(reload->kmod, name, &found) == 0 && found)
        reload->module = kmod_module_get_module(found);
    kmod_module_unref_list(found);
    if (!reload->module)
        return refuse_files(name, "libkmod does not find it in /lib/modules", error);
    return check_resolution(reload, error) && check_files(reload->module, error);
}

/* --- doing it */

/* The command that tries the same again. */
static const char *
again(const Reload *reload)
{
    return reload->nested ? nest_kvm_module_command(&reload->host, reload->force)
                          : "virt-nest host disable --now";
}

/* A way to load a module: with the options of modprobe's configuration, or without them, as insmod
 * does. Both ways return 0 or -errno. */
typedef int (*Load)(KmodModule *module, const char *options);

static int
load_plainly(KmodModule *module, const char *options)
{
    return kmod_module_insert_module(module, 0, options);
}

/* The module has been loaded without its former parameters. If this has changed values, somebody had set the former values
 * by hand. The module is then unloaded, and loaded again with them. If a guest has started meanwhile, this is not possible,
 * and the values are lost. */
static void
give_parameters_back(Reload *reload, Load load, const char *nested)
{
    g_autofree gchar *lost = nest_kvm_parameters_lost(reload->host.vendor, reload->parameters);
    g_autofree gchar *options = g_strdup_printf("%s %s", lost, nested);
    int problem = 0;

    if (!*lost)
        return;
    problem = kmod_module_remove_module(reload->module, KMOD_REMOVE_NOWAIT);
    if (problem == 0) {
        problem = load(reload->module, options);
        if (problem < 0 && load(reload->module, nested) < 0)
            (void)load_plainly(reload->module, nested); /* check_outcome() notices if this fails */
    }
    if (problem < 0)
        nest_log(
            G_LOG_LEVEL_WARNING, NULL, NULL,
            "%s was loaded without its former parameters %s (%s): to set them again, write them "
            "into /etc/modprobe.d and load the module again",
            reload->host.vendor->module, lost, g_strerror(-problem));
}

static int
load_with_parameters(Reload *reload, Load load, gboolean nested)
{
    const char *option = nested ? "nested=1" : "nested=0";
    int problem = load(reload->module, option);

    if (problem == 0)
        give_parameters_back(reload, load, option);
    return problem;
}

static gboolean
refuse_load(Reload *reload, int problem, const char *outcome, GError **error)
{
    g_autofree gchar *others = nest_other_hypervisor_text();

    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_LOAD,
        "the kernel did not load %s with nesting %s (%s); %s: see dmesg for the reason (a value in "
        "/etc/modprobe.d, or virtualization switched off in the firmware%s%s), correct it and run %s again",
        reload->host.vendor->module, reload->nested ? "on" : "off", g_strerror(-problem), outcome,
        others ? ", or guests of " : "", others ? others : "", again(reload));
    return FALSE;
}

static gboolean
fail_lost(Reload *reload, int problem, GError **error)
{
    const char *name = reload->host.vendor->module;
    const char *path = kmod_module_get_path(reload->module);
    g_autoptr(GError) lost = g_error_new(
        NEST_ERROR, NEST_ERROR_HOST_LOST,
        "%s WAS UNLOADED AND THE KERNEL DOES NOT LOAD IT AGAIN (%s): NO KVM GUEST CAN START ON THIS "
        "HOST: see dmesg, run insmod %s, and if that fails reboot",
        name, g_strerror(-problem), path ? path : name);

    nest_log_emergency(lost);
    g_propagate_error(error, g_steal_pointer(&lost));
    return FALSE;
}

/* Somebody began to use the module between the check and the removal, so the kernel refuses it. */
static gboolean
refuse_removal(Reload *reload, GError **error)
{
    g_autofree gchar *words = nest_kvm_users_describe();

    g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_BUSY,
                "%s was about to be unloaded, but came into use by %s: stop that, then run %s",
                reload->host.vendor->module, words, again(reload));
    return FALSE;
}

static gboolean
reload_module(Reload *reload, GError **error)
{
    int problem = kmod_module_remove_module(reload->module, KMOD_REMOVE_NOWAIT);

    if (problem == -EAGAIN || problem == -EBUSY)
        return refuse_removal(reload, error);
    if (problem < 0)
        return refuse_load(reload, problem, "it was not unloaded", error);
    problem = load_with_parameters(reload, nest_module_load, reload->nested);
    if (problem == 0)
        return TRUE;
    /* Put it back without modprobe's configuration, which may be what was wrong. */
    if (load_with_parameters(reload, load_plainly, !reload->nested) == 0)
        return refuse_load(reload, problem, "it is back as it was", error);
    if (load_plainly(reload->module, "") == 0)
        return refuse_load(reload, problem, "it is loaded again, without parameters", error);
    return fail_lost(reload, problem, error);
}

/* A signal that asks this program to end has to wait until the module is loaded again. */
static gboolean
act(Reload *reload, NestKvmAction action, GError **error)
{
    sigset_t all, before;
    gboolean done = FALSE;

    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    nest_kvm_lock_write(reload->lock, reload->parameters);
    if (action == NEST_KVM_DO_LOAD) {
        int problem = load_with_parameters(reload, nest_module_load, reload->nested);

        done = problem == 0 || refuse_load(reload, problem, "it stays unloaded", error);
    } else {
        done = reload_module(reload, error);
    }
    nest_kvm_lock_write(reload->lock, "");
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return done;
}

static gboolean
check_may_act(const Reload *reload, GError **error)
{
    if (nest_root_is_fake())
        g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_LOAD,
                    "the host in $VIRT_NEST_ROOT has no kernel that could load a module");
    else if (geteuid() != 0)
        g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_LOAD,
                    "loading a module needs root: run sudo %s", again(reload));
    else
        return TRUE;
    return FALSE;
}

/* Checks and reads all that is needed before the module is touched. */
static gboolean
prepare_reload(Reload *reload, NestKvmAction action, GError **error)
{
    if (!check_may_act(reload, error) || !find_module(reload, error))
        return FALSE;
    g_free(reload->parameters);
    reload->parameters = action == NEST_KVM_DO_RELOAD
                             ? nest_kvm_parameters_text(reload->host.vendor)
                             : nest_kvm_lock_read(reload->lock);
    if (!reload->device) {
        g_autofree gchar *plan = nest_kvm_plan_text(&reload->host, action, reload->nested, NULL);

        reload->device = nest_kvm_device_read();
        nest_log(G_LOG_LEVEL_MESSAGE, NULL, NULL, "the host: %s", plan);
    }
    return TRUE;
}

/* It may have been loaded by somebody else meanwhile. */
static gboolean
check_outcome(Reload *reload, NestKvmAction action, GError **error)
{
    reload->host = nest_kvm_module_read();
    if ((reload->host.state == NEST_KVM_ON) == reload->nested)
        return TRUE;
    if (!nest_kvm_module_is_loaded(&reload->host) && action == NEST_KVM_DO_LOAD)
        return refuse_load(reload, -ENODEV, "it is absent as before", error);
    if (!nest_kvm_module_is_loaded(&reload->host))
        return fail_lost(reload, -ENODEV, error);
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_LOAD,
        "%s was loaded with nested=%d, but its state is now %s: see whether something else loads it",
        reload->host.vendor->module, reload->nested, nest_kvm_state_name(reload->host.state));
    return FALSE;
}

static gboolean
attempt(Reload *reload, GError **error)
{
    NestKvmAction action = NEST_KVM_DO_NOTHING;

    reload->host = nest_kvm_module_read();
    action = nest_kvm_plan(&reload->host, reload->nested, reload->force, error);
    if (action == NEST_KVM_DO_NOTHING || action == NEST_KVM_DO_REFUSE)
        return action == NEST_KVM_DO_NOTHING;
    if (!prepare_reload(reload, action, error) || !act(reload, action, error) ||
        !check_outcome(reload, action, error) || !nest_kvm_device_wait(reload->device, error))
        return FALSE;
    reload->host = nest_kvm_module_read();
    reload->done = action;
    return TRUE;
}

/* Whether none of the module's users is a guest, so that they may be gone in a moment. */
static gboolean
is_for_a_moment(void)
{
    g_autoptr(GPtrArray) users = nest_kvm_users_read();

    for (guint i = 0; i < users->len; i++)
        if (((const NestKvmUser *)g_ptr_array_index(users, i))->domain)
            return FALSE;
    return TRUE;
}

gboolean
nest_kvm_reload(gboolean nested, gboolean force, NestKvmModule *ret_module, NestKvmAction *ret_done,
                GError **error)
{
    g_auto(Reload) reload = {.nested = nested, .force = force, .host = nest_kvm_module_read()};
    g_autoptr(GError) problem = NULL;
    gboolean done = FALSE;
    gint64 deadline = 0;

    reload.lock = nest_kvm_lock_take(&problem);
    deadline = nest_wait_deadline(MOMENT_MS);
    done = reload.lock >= 0 && attempt(&reload, &problem);
    while (!done && g_error_matches(problem, NEST_ERROR, NEST_ERROR_HOST_BUSY) &&
           is_for_a_moment() && nest_wait_step(deadline, STEP_MS)) {
        g_clear_error(&problem);
        done = attempt(&reload, &problem);
    }
    *ret_module = reload.host;
    *ret_done = reload.done;
    if (problem)
        g_propagate_error(error, g_steal_pointer(&problem));
    return done;
}
