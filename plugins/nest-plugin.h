/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface between virtnestd and its plugins, the only one. See virt-nest-plugin(7).
 *
 * A plugin is a shared object with one exported constant, `const NestPlugin nest_plugin`. It is
 * loaded by its file's name, probe-debugfs for probe-debugfs.so, as [plugins] load= of
 * virt-nest.conf says. A plugin with another ABI version or struct size is skipped: the interface
 * is for plugins of the same tree.
 *
 * A NULL entry means "does not do that". Functions are called from any thread, and for one domain
 * by one thread at a time; but a call that is under way when the domain ends, or when libvirt goes
 * away, may still be running when functions are called for the domain's next run, or after libvirt is
 * back. A function that fails returns FALSE with an error. It never ends the process. */
#pragma once

#include "guard/guest.h"
#include "guard/verdict.h"

#include <glib.h>
#include <libvirt/libvirt.h>

#define NEST_PLUGIN_ABI 4
#define NEST_PLUGIN_SYMBOL "nest_plugin"

typedef enum {
    NEST_PLUGIN_PROBE = 1, /* evidence of nested guests */
    NEST_PLUGIN_GUARD,     /* refuses migration and save */
    NEST_PLUGIN_EXPORT,    /* shows the state elsewhere */
    NEST_PLUGIN_WATCH,     /* tells by itself when nested guests begin */
} NestPluginKind;

/**
 * NestDomainStatus: what an export shows of a guarded domain.
 */
typedef struct {
    const NestGuest *guest;
    const NestVerdict *verdict;
    NestGuardState guard;
    const char *probe;   /* (nullable) the plugin whose evidence counts */
    const char *problem; /* (nullable) why the guard could not be armed */
} NestDomainStatus;

/**
 * NestPlugin: the exported constant.
 */
typedef struct {
    guint32 abi;  /* NEST_PLUGIN_ABI */
    guint32 size; /* sizeof(NestPlugin) */
    const char *name;
    NestPluginKind kind;

    /**
     * start: before anything else.
     * @settings: the whole configuration; the plugin's own group bears its name
     * @ret_state: the plugin's own data, handed to all other functions
     *
     * An unknown key of its group is an error. Returns: FALSE if the plugin cannot be used.
     */
    gboolean (*start)(GKeyFile *settings, gpointer *ret_state, GError **error);
    void (*stop)(gpointer state);

    /* A probe. */
    gboolean counts; /* gives entries; else the bit */
    gboolean
        local; /* sample() only reads files: it does not wait, and is called without a domain */
    /* Whether it can say anything about such a guest; NULL: about any. A watch has this too. */
    gboolean (*applies)(gpointer state, const NestGuest *guest);
    /**
     * sample: adds what it can read to @evidence, and leaves the rest of it as it is.
     * @domain: (nullable) over a connection that no other thread uses; NULL where @local
     */
    gboolean (*sample)(gpointer state, const NestGuest *guest, virDomainPtr domain,
                       NestEvidence *evidence, GError **error);

    /* A watch. Its functions are called from the main thread alone, and never wait. */
    /**
     * watch: tell of the guest's next entry into a nested guest, once; asked again, tell once more.
     *
     * An entry before this call is not told of. Returns: FALSE if the guest cannot be watched.
     */
    gboolean (*watch)(gpointer state, const NestGuest *guest, GError **error);
    /* Tell nothing of this guest any more; does nothing if it is not watched. */
    void (*unwatch)(gpointer state, const NestGuest *guest);
    /* The file descriptor that is readable while something is to be told; -1: there is none yet. Once there is one it
     * stays until stop(). */
    int (*get_fd)(gpointer state);
    /* Takes a guest out of those to be told of. @ret_time: when it entered, CLOCK_MONOTONIC in microseconds. Returns: the
     * PID of its QEMU; 0: there is none. */
    gint64 (*next_entered)(gpointer state, gint64 *ret_time);

    /* A guard. */
    /**
     * arm: refuse migration and save from now on; does nothing if that is so already.
     * @ret_aborted: (out)(transfer full)(nullable) the job that had to be aborted for it: "migration", "save"
     *   or "memory snapshot". If arming fails because the guest is gone, it is the job that was faster
     */
    gboolean (*arm)(gpointer state, const NestGuest *guest, virDomainPtr domain,
                    gchar **ret_aborted, GError **error);
    /* Leaves nothing behind; does nothing if the domain is not armed. */
    gboolean (*disarm)(gpointer state, const NestGuest *guest, virDomainPtr domain, GError **error);
    gboolean (*is_armed)(gpointer state, const NestGuest *guest, virDomainPtr domain,
                         gboolean *ret_armed, GError **error);

    /* An export: gets all guarded domains each time something has changed, each 15 seconds while one is sampled, and each
     * minute in any case; at the end it gets none. It does not wait: what may hang is for a thread of the plugin's own, and
     * the error may be that of the call before. */
    gboolean (*publish)(gpointer state, const NestDomainStatus *status, gsize n, GError **error);
} NestPlugin;

/* Stands before the plugin's definition of nest_plugin; all other
 * symbols of the plugin are hidden. */
#define NEST_PLUGIN_EXPORTED __attribute__((visibility("default")))
extern NEST_PLUGIN_EXPORTED const NestPlugin nest_plugin;
