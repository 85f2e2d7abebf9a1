/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads a kernel module with modprobe's configuration, but runs no command of it. */
#include "host/module_load.h"

#include "base/log.h"

#include <errno.h>

typedef struct kmod_list KmodList;
typedef struct kmod_module KmodModule;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodModule, kmod_module_unref)

gboolean
nest_module_is_in_kernel(KmodModule *module)
{
    int state = kmod_module_get_initstate(module);

    return state == KMOD_MODULE_LIVE || state == KMOD_MODULE_BUILTIN;
}

const char *
nest_module_load_command(KmodModule *module, gchar **ret_module)
{
    KmodList *dependencies = kmod_module_get_dependencies(module);
    const char *command = kmod_module_get_install_commands(module);
    const char *name = kmod_module_get_name(module);

    for (KmodList *at = dependencies; at && !command; at = kmod_list_next(dependencies, at)) {
        g_autoptr(KmodModule) needed = kmod_module_get_module(at);

        if (!nest_module_is_in_kernel(needed))
            command = kmod_module_get_install_commands(needed);
        name = kmod_module_get_name(needed);
    }
    if (command)
        *ret_module = g_strdup(name);
    kmod_module_unref_list(dependencies);
    return command;
}

/* libkmod calls this in place of running an `install` command. */
static int
pass_over(KmodModule *module, const char *command, void *data)
{
    const char *name = kmod_module_get_name(module);

    (void)data;
    nest_log(
        G_LOG_LEVEL_MESSAGE, NULL, NULL,
        "modprobe's configuration has a softdep on %s, and a command in place of that module (install %s %s): "
        "virt-nest does not run it; if it is needed, run modprobe %s",
        name, name, command, name);
    return 0;
}

static int
load_one(KmodModule *module, const char *options)
{
    int problem = kmod_module_probe_insert_module(module, KMOD_PROBE_IGNORE_COMMAND, options,
                                                  pass_over, NULL, NULL);

    return problem == 0 && !nest_module_is_in_kernel(module) ? -ENODEV : problem;
}

/* Deepest first, as libkmod lists them. Each is loaded by itself, because each may have an install line. */
int
nest_module_load(KmodModule *module, const char *options)
{
    KmodList *dependencies = kmod_module_get_dependencies(module);
    int problem = 0;

    for (KmodList *at = dependencies; at && problem == 0; at = kmod_list_next(dependencies, at)) {
        g_autoptr(KmodModule) needed = kmod_module_get_module(at);

        problem = nest_module_is_in_kernel(needed) ? 0 : load_one(needed, NULL);
    }
    kmod_module_unref_list(dependencies);
    return problem == 0 ? load_one(module, options) : problem;
}
