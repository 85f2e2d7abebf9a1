/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads one domain from libvirt and from the command line of QEMU. */
#pragma once

#include "connection.h"
#include "domain/qemu_cpu.h"
#include "domain/wish.h"
#include "virt/live_domain.h"

/**
 * NestDomainQuery: one domain, as it was found. The caller sets @connection and @domain, and also @wish before it
 * asks for faults.
 */
typedef struct {
    const NestConnection *connection;
    virDomainPtr domain;
    NestWish wish;       /* what shall become of its CPU */
    gboolean active;     /* it runs, or is paused */
    gboolean persistent; /* it has a definition */
    gchar *text; /* the definition's XML; without a definition, that of the running domain */
    NestDomainXml *definition; /* @text, parsed */
    NestDomainXml *live;       /* the running domain's XML, parsed; NULL unless active */
    NestQemuCpu *command;      /* the command line of its QEMU; NULL if it was not read */
} NestDomainQuery;

/* Reads the definition's XML, then asks whether the domain runs, then reads the live XML. @error: NEST_ERROR_LIBVIRT or
 * NEST_ERROR_XML */
gboolean nest_domain_query_read(NestDomainQuery *query, GError **error);

/* (transfer full)(nullable) The command line of its QEMU. @live: (nullable) NULL also for a running domain that is not one
 * of ours */
NestQemuCpu *nest_domain_query_read_command(const NestDomainQuery *query, NestLiveDomain *live);

/* (nullable) The CPU vendor whose feature a guest of this XML should see. */
const NestCpuVendor *nest_domain_query_vendor(const NestDomainQuery *query,
                                              const NestDomainXml *xml);

/* Whether a guest of this XML has the feature. */
gboolean nest_domain_query_exposes(const NestDomainQuery *query, const NestDomainXml *xml);

/* Whether the running guest sees the feature, according to the command line of its QEMU. An <emulator> may be a script
 * that changes that command line. If it cannot be read, libvirt's XML counts. */
gboolean nest_domain_query_guest_exposes(const NestDomainQuery *query);

/* Whether QEMU was given another CPU than libvirt's XML says. */
gboolean nest_domain_query_has_other_cpu(const NestDomainQuery *query);

/* (nullable) The feature that a guest of this XML would see now; a KVM guest sees none where the host's nesting is off. */
const char *nest_domain_query_shows(const NestDomainQuery *query, const NestDomainXml *xml);

/* (nullable) The feature that the running guest sees. The CPU at its start counts, even if the host's nesting is off
 * by now. */
const char *nest_domain_query_guest_shows(const NestDomainQuery *query);

void nest_domain_query_clear(NestDomainQuery *query);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NestDomainQuery, nest_domain_query_clear)
