/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only interface between virtnestd and its plugins. See virt-nest-plugin(7).
 *
 * A plugin is a shared object with one exported constant, `const NestPlugin nest_plugin`.
 * [plugins] load= in virt-nest.conf names the plugins to load: probe-debugfs means the file
 * probe-debugfs.so. A plugin with another ABI version or struct size is skipped, because the
 * interface is only for plugins of the same source tree.
 *
 * A function pointer that is NULL means that the plugin does not have this function. Functions are
 * called from any thread, except those of a watch. For one domain only one thread at a time calls
 * them, with one exception: a call that is under way when the domain ends, or when libvirt goes
 * away, may still be running when the domain runs again, or when libvirt is back. A function that
 * fails returns FALSE with an error. It never ends the process. */
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
    NEST_PLUGIN_WATCH,     /* reports by itself when nested guests begin */
} NestPluginKind;

/**
 * NestDomainStatus: what an export shows of a guarded domain.
 */
typedef struct {
    const NestGuest *guest;
    const NestVerdict *verdict;
    NestGuardState guard;
    const char *probe;   /* (nullable) the plugin whose evidence the verdict rests on */
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
     * start: called before any other function.
     * @settings: the whole configuration; the plugin's own group has the plugin's name
     * @ret_state: the plugin's own data, passed to all other functions
     *
     * An unknown key in the plugin's group is an error. Returns: FALSE if the plugin cannot be used.
     */
    gboolean (*start)(GKeyFile *settings, gpointer *ret_state, GError **error);
    void (*stop)(gpointer state);

    /* A probe. */
    gboolean counts; /* TRUE: sample() gives the count of entries; FALSE: it gives the bit */
    gboolean
        local; /* sample() only reads files: it does not wait, and is called without a domain */
    /* Whether the plugin can say anything about this guest; NULL: about any guest. Also for a watch. */
    gboolean (*applies)(gpointer state, const NestGuest *guest);
    /**
     * sample: adds what it can read to @evidence, and leaves the rest of @evidence as it is.
     * @domain: (nullable) of a connection that no other thread uses meanwhile; NULL if @local is set
     */
    gboolean (*sample)(gpointer state, const NestGuest *guest, virDomainPtr domain,
                       NestEvidence *evidence, GError **error);

    /* A watch. Its functions are called only from the main thread, and must not wait. */
    /**
     * watch: report the guest's next entry into a nested guest. Each call asks for one report.
     *
     * Entries before this call are not reported. Returns: FALSE if the guest cannot be watched.
     */
    gboolean (*watch)(gpointer state, const NestGuest *guest, GError **error);
    /* Report no more entries of this guest. Does nothing if the guest is not watched. */
    void (*unwatch)(gpointer state, const NestGuest *guest);
    /* Returns: a file descriptor that is readable while next_entered() has something to report; -1: there is none yet.
     * Once there is one, it stays the same until stop(). */
    int (*get_fd)(gpointer state);
    /* Takes the next report. @ret_time: when the guest entered its nested guest, CLOCK_MONOTONIC in microseconds. Returns:
     * the PID of the guest's QEMU; 0: there is no report. */
    gint64 (*next_entered)(gpointer state, gint64 *ret_time);

    /* A guard. */
    /**
     * arm: refuse migration and save from now on. Does nothing if the domain is armed already.
     * @ret_aborted: (out)(transfer full)(nullable) the job that had to be aborted before arming: "migration", "save"
     *   or "memory snapshot". If arming fails because the guest is gone: the job that took the guest away
     */
    gboolean (*arm)(gpointer state, const NestGuest *guest, virDomainPtr domain,
                    gchar **ret_aborted, GError **error);
    /* Ends the refusal, and removes all that arm() has made. Does nothing if the domain is not armed. */
    gboolean (*disarm)(gpointer state, const NestGuest *guest, virDomainPtr domain, GError **error);
    gboolean (*is_armed)(gpointer state, const NestGuest *guest, virDomainPtr domain,
                         gboolean *ret_armed, GError **error);

    /* An export. publish() is called with all guarded domains after each change, every 15 seconds while a domain is
     * sampled, and every minute in any case. The last call, at virtnestd's end, has no domains. publish() must not wait:
     * a plugin does in a thread of its own what may hang. The error may be that of the previous call. */
    gboolean (*publish)(gpointer state, const NestDomainStatus *status, gsize n, GError **error);
} NestPlugin;

/* The plugin puts this before its definition of nest_plugin. All other symbols of a plugin are
 * hidden. */
#define NEST_PLUGIN_EXPORTED __attribute__((visibility("default")))
extern NEST_PLUGIN_EXPORTED const NestPlugin nest_plugin;
