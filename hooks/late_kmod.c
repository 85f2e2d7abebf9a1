/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads libkmod only when it is first called. libkmod loads three compressors and OpenSSL, and a start does not
 * call it on a host whose KVM module is right.
 *
 * Theory of operation: a program is linked with this file instead of libkmod. The functions here have libkmod's
 * names, and each calls the real one. If a function has no row here, the linker fails. If a row differs from the
 * declaration in libkmod.h, the compiler fails. */
#include "fatal.h"

#include <dlfcn.h>
#include <glib.h>
#include <libkmod.h>

/* The soname in programs that are linked with libkmod (tests/build/install.test). */
#define LIBRARY "libkmod.so.2"

static void give_up(const char *why) G_GNUC_NORETURN;

static void
give_up(const char *why)
{
    g_autofree gchar *reason = g_strdup_printf(
        "the KVM module of this host cannot be looked up, because libkmod cannot be loaded (%s): "
        "install libkmod, or free some memory, and try again",
        why);

    nest_fatal(reason);
}

static void *
find_libkmod_symbol(const char *name)
{
    static void *library = NULL;
    void *function = NULL;

    if (!library)
        library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    function = library ? dlsym(library, name) : NULL;
    if (!function)
        give_up(dlerror());
    return function;
}

#define LATE(type, name, parameters, arguments)                                                    \
    type name parameters                                                                           \
    {                                                                                              \
        type(*function) parameters = (type(*) parameters)find_libkmod_symbol(#name);               \
                                                                                                   \
        return function arguments;                                                                 \
    }

typedef struct kmod_ctx Ctx;
typedef struct kmod_config_iter Iter;
typedef struct kmod_list List;
typedef struct kmod_module Module;
typedef int (*RunInstall)(Module *module, const char *command, void *data);
typedef void (*PrintAction)(Module *module, bool install, const char *options);

LATE(Ctx *, kmod_new, (const char *directory, const char *const *paths), (directory, paths))
LATE(Ctx *, kmod_unref, (Ctx * ctx), (ctx))
LATE(Iter *, kmod_config_get_blacklists, (const Ctx *ctx), (ctx))
LATE(bool, kmod_config_iter_next, (Iter * iter), (iter))
LATE(const char *, kmod_config_iter_get_key, (const Iter *iter), (iter))
LATE(void, kmod_config_iter_free_iter, (Iter * iter), (iter))
LATE(List *, kmod_list_next, (const List *list, const List *at), (list, at))
LATE(int, kmod_module_new_from_lookup, (Ctx * ctx, const char *alias, List **list),
     (ctx, alias, list))
LATE(Module *, kmod_module_get_module, (const List *at), (at))
LATE(Module *, kmod_module_unref, (Module * module), (module))
LATE(int, kmod_module_unref_list, (List * list), (list))
LATE(const char *, kmod_module_get_name, (const Module *module), (module))
LATE(const char *, kmod_module_get_path, (const Module *module), (module))
LATE(const char *, kmod_module_get_install_commands, (const Module *module), (module))
LATE(List *, kmod_module_get_dependencies, (const Module *module), (module))
LATE(int, kmod_module_get_initstate, (const Module *module), (module))
LATE(int, kmod_module_get_info, (const Module *module, List **list), (module, list))
LATE(void, kmod_module_info_free_list, (List * list), (list))
LATE(int, kmod_module_insert_module, (Module * module, unsigned flags, const char *options),
     (module, flags, options))
LATE(int, kmod_module_probe_insert_module,
     (Module * module, unsigned flags, const char *options, RunInstall run, const void *data,
      PrintAction print),
     (module, flags, options, run, data, print))
LATE(int, kmod_module_remove_module, (Module * module, unsigned flags), (module, flags))
