/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command's connection to libvirt: the domains it works on, and all that a correction needs. */
#pragma once

#include "command.h"

#include "host/kvm_module.h"
#include "virt/correct.h"

typedef struct NestChanges NestChanges;

/**
 * NestConnection: libvirt, and the host its guests run on.
 */
typedef struct {
    virConnectPtr libvirt;   /* the corrector's tracker gets its lifecycle events */
    gchar *uri;              /* libvirt's */
    gchar *line;             /* (nullable) the command line, if libvirt has chosen @uri */
    NestCorrector corrector; /* for nest_correct_domain() */
    NestPolicy *
        policy; /* (nullable) what this host's settings say of its domains; NULL: they cannot be read */
    GError *no_policy;  /* (nullable) ... and why */
    NestKvmModule host; /* read once, when the connection was opened */
    gchar *limits;      /* (nullable) why libvirt lets this user read only; NULL: it grants all */
    int lifecycle;      /* the callback's ID; -1: there is none */
    GMainLoop *loop;    /* libvirt's events, on a thread of its own */
    GThread *thread;    /* which runs @loop */
    const NestChanges
        *changes; /* (nullable) how enable, disable and apply tell of each domain (changes.h) */
} NestConnection;

/* What a command needs of its connection. */
typedef enum {
    NEST_CONNECTION_TO_CHANGE,   /* definitions can be corrected */
    NEST_CONNECTION_TO_LOOK,     /* read-only where libvirt grants no more */
    NEST_CONNECTION_TO_DIAGNOSE, /* the same; the error has no remedy, because the caller finds one */
} NestConnectionUse;

/**
 * nest_connection_open: connect to libvirt.
 * @uri: (nullable) as for virsh; NULL lets libvirt choose ($LIBVIRT_DEFAULT_URI, or by the user)
 *
 * The libvirt of another host is refused, because only the host on which this runs is judged.
 *
 * Returns: (transfer full) the connection, or NULL with NEST_ERROR_LIBVIRT.
 */
NestConnection *nest_connection_open(const char *uri, NestConnectionUse use,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a command, which can be named when another libvirt may have been meant. */
NestConnection *nest_connection_open_for(const NestCall *call, NestConnectionUse use,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

void nest_connection_free(NestConnection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestConnection, nest_connection_free)

/* The URI that counts if none is given. */
const char *nest_connection_default_uri(void);

/* Whether it is the system's libvirt, whose domains virtnestd manages, and not a user's own or another. */
gboolean nest_connection_is_system(const NestConnection *connection);

/* Whether the virtnestd that takes care of this libvirt's domains runs: the host's, or this user's own. */
gboolean nest_connection_is_watched(const NestConnection *connection);

/* (transfer full) " in URI" for a message; "" for the system's libvirt. */
gchar *nest_connection_where(const NestConnection *connection) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_connection_elsewhere: the command that asks the system's libvirt, for a message that something is not here.
 *
 * Returns: (transfer full) "; for the system's: sudo virt-nest ..."; "" if it was the system's that was asked, or if
 * somebody named the libvirt to ask.
 */
gchar *nest_connection_elsewhere(const NestConnection *connection) G_GNUC_WARN_UNUSED_RESULT;

/* Whether KVM guests of the host can have nested guests now. */
gboolean nest_connection_can_nest(const NestConnection *connection);

/**
 * nest_connection_check_policy: refuse to change a definition if the settings cannot be read. Otherwise a correction
 * that they ask for would be undone.
 *
 * Returns: FALSE with NEST_ERROR_CONFIG.
 */
gboolean nest_connection_check_policy(const NestConnection *connection,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_connection_check_persistent: refuse a domain without a definition.
 *
 * Returns: FALSE with NEST_ERROR_START_TRANSIENT for a transient domain, or NEST_ERROR_LIBVIRT.
 */
gboolean nest_connection_check_persistent(virDomainPtr domain,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
