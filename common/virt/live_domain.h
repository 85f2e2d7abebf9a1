/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run of a domain, from its start to its end: what plugins get to know about it, and whether it is
 * to be guarded. */
#pragma once

#include "domain/allow.h"
#include "domain/definition.h"
#include "domain/qemu_cpu.h"
#include "domain/state.h"
#include "guard/guest.h"
#include "virt/virt.h"

/**
 * NestLiveDomain: a running domain that is tagged, or in whose live XML something of ours still
 * stands, or that the caller has called @known. It is reference-counted, because threads share it,
 * and it never changes.
 */
typedef struct {
    NestGuest guest;    /* for the plugins */
    gchar *qemu;        /* start time of its QEMU, clock ticks since boot; "" where it is unknown */
    gint64 started_ms;  /* the same on CLOCK_MONOTONIC's clock; 0: unknown */
    gboolean tagged;    /* live, or in its definition */
    gboolean guarded;   /* its vCPUs have the feature, and a tag of it says migration='refuse' */
    gboolean opted_out; /* tagged, and no tag says migration='refuse' */
    NestState *state;   /* virtnestd's element in its live XML; never NULL */
    gboolean marked;    /* ... its live status is of this run */
    gboolean arrived; /* ... its live status is of another run: it was migrated here or restored */
    gboolean has_allow; /* virt-nest allow has left something in its live XML */
    NestAllow allow;    /* ... and this is what it says */
} NestLiveDomain;

/**
 * nest_live_domain_read: read a running domain.
 * @domain: the domain, looked up a moment ago, as that says whether it runs
 * @definition: (nullable) its persistent definition; NULL where it has none, or a malformed one
 * @policy: (nullable) what this host's configuration says of domains without a tag
 * @known: the domain counts as ours whatever its XML says, because its guard may be armed
 * @ret_live: (out)(transfer full)(nullable) the live domain; NULL where it does not run, or is none of ours
 *
 * Returns: FALSE with NEST_ERROR_LIBVIRT or NEST_ERROR_XML.
 */
gboolean nest_live_domain_read(virDomainPtr domain, const NestDefinition *definition,
                               const NestPolicy *policy, gboolean known, NestLiveDomain **ret_live,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How long the QEMU of a running domain has run, in milliseconds; -1: unknown. */
gint64 nest_live_domain_age(virDomainPtr domain);

/* (transfer full) What the kernel shows of its QEMU, for process.h: the text of /proc/PID/stat; "" if that is unknown. */
gchar *nest_live_domain_process(const NestLiveDomain *live) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) What the command line of its QEMU says of the CPU; empty if that cannot be read. */
NestQemuCpu *nest_live_domain_command(const NestLiveDomain *live) G_GNUC_WARN_UNUSED_RESULT;

NestLiveDomain *nest_live_domain_ref(NestLiveDomain *live);
void nest_live_domain_unref(NestLiveDomain *live);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestLiveDomain, nest_live_domain_unref)

/* Whether both are the same run of the same domain. */
gboolean nest_live_domain_is(const NestLiveDomain *live, const NestLiveDomain *other);
