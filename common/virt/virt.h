/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's objects and errors in GLib's terms. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)

/* A virDomainPtr array that ends in NULL, as virConnectListAllDomains() makes it. */
typedef virDomainPtr NestDomainList;
void nest_virt_list_free(NestDomainList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestDomainList, nest_virt_list_free)

/**
 * nest_virt_init: join libvirt's events to GLib's default main context and keep its errors off
 * standard error. To be called once in a process, before the first connection.
 */
void nest_virt_init(void);

/**
 * nest_virt_error: this thread's last libvirt error as NEST_ERROR_LIBVIRT.
 * @what: what failed, as "cannot read its XML"
 *
 * Returns: FALSE, for the caller to return.
 */
gboolean nest_virt_error(GError **error, const char *what);

/* Whether this thread's last libvirt error says that the domain does not exist (any more). */
gboolean nest_virt_domain_is_gone(void);

/* Whether the domain is known not to run: if libvirt does not answer, it may run. */
gboolean nest_virt_has_stopped(virDomainPtr domain);

/* (transfer full) A domain's uuid in its usual form. */
gchar *nest_virt_uuid(virDomainPtr domain);

/**
 * nest_virt_read_inactive: the persistent definition, with the passwords in it.
 *
 * Without SECURE the passwords would be lost at the next define (facts.md, "Definitions").
 *
 * Returns: (transfer full) the XML, or NULL with NEST_ERROR_LIBVIRT.
 */
gchar *nest_virt_read_inactive(virDomainPtr domain, GError **error);

/* The system's libvirt of this host. A URI with another socket or transport may lead to another libvirt. */
#define NEST_VIRT_SYSTEM_URI "qemu:///system"

/* An ordinary user's own. */
#define NEST_VIRT_SESSION_URI "qemu:///session"

/* The one of these two that is used if no URI is given: it depends on the user. */
const char *nest_virt_usual_uri(void);

/* Whether a domain's libvirt is a user's own, qemu:///session. */
gboolean nest_virt_is_session(virConnectPtr libvirt);

/**
 * nest_virt_pid_file: the file in which a domain's own libvirt keeps the PID of its QEMU.
 *
 * Another libvirt of this host may have a domain of the same name, so the file depends on which libvirt this is. root's
 * session works on the system's domains.
 *
 * Returns: (transfer full)(nullable) its path, not below $VIRT_NEST_ROOT; NULL where this libvirt runs no QEMU here.
 */
gchar *nest_virt_pid_file(virDomainPtr domain);

/* (transfer full) The file in which the libvirt of this host (qemu:///system) keeps a definition. */
gchar *nest_virt_file(const char *name);

/**
 * nest_virt_read_file: the persistent definition from libvirt's own file.
 *
 * The text is that of nest_virt_read_inactive(), apart from a comment, and libvirt writes it before any
 * event about it (compared on libvirt 9.0). Reading the file takes a tenth of the time of a call, and
 * never waits.
 *
 * Returns: (transfer full)(nullable) NULL where there is no such file of this name and uuid.
 */
gchar *nest_virt_read_file(const char *name, const char *uuid);

/**
 * nest_virt_set_metadata: set or remove the element of a namespace in a domain's metadata.
 * @element: (nullable) the element as text; NULL removes what is there
 * @prefix: for the namespace, where an element is set
 * @uri: the namespace
 * @flags: VIR_DOMAIN_AFFECT_LIVE or VIR_DOMAIN_AFFECT_CONFIG
 * @what: what failed, for the error
 *
 * Waits for a job that runs (nest_virt_is_busy()).
 *
 * Returns: FALSE with NEST_ERROR_LIBVIRT.
 */
gboolean nest_virt_set_metadata(virDomainPtr domain, const char *element, const char *prefix,
                                const char *uri, unsigned int flags, const char *what,
                                GError **error);

/* The domain's state in virsh's words, such as "running" or "shut off". */
const char *nest_virt_state_name(virDomainPtr domain);

/**
 * nest_virt_unanswered_ms: for how long QEMU's monitor has not answered a command of libvirt.
 * @domain: running
 *
 * Does not wait for QEMU, nor for the end of a job.
 *
 * Returns: milliseconds; 0 if libvirt does not wait for an answer, or does not say.
 */
gint64 nest_virt_unanswered_ms(virDomainPtr domain);

/* Whether a change of the running domain's metadata would have to wait for the end of a job
 * (facts.md, "Jobs"). It does not wait for a backup. */
gboolean nest_virt_is_busy(virDomainPtr domain);
