/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A running guest that shall migrate: what it needs, and what this host and the destination offer. */
#pragma once

#include "virt/cpu_features.h"
#include "virt/live_domain.h"

/**
 * NestPreflightMove: the guest, and the two libvirts. The caller sets @here.
 */
typedef struct {
    virConnectPtr here;        /* not its own */
    virConnectPtr there;       /* (nullable) NULL: not reached */
    NestDomainXml *xml;        /* of the running domain */
    NestMachine machine;       /* what it needs */
    NestDomainXml *offer;      /* (nullable) the destination's domain capabilities for it */
    NestDomainXml *offer_here; /* (nullable) this host's; NULL also if they are not needed */
    GHashTable *wanted;        /* (nullable) the features that the guest has, or this host offers */
    GHashTable *offered;       /* (nullable) the features that the destination offers */
    NestLiveDomain *live;
} NestPreflightMove;

/* Reads what the guest needs. @error: NEST_ERROR_LIVE_UNKNOWN where it does not run, NEST_ERROR_LIBVIRT or NEST_ERROR_XML */
gboolean nest_preflight_move_read_guest(NestPreflightMove *move, virDomainPtr domain,
                                        GError **error);

/* Reads the features that are wanted and offered, and what this host offers; the destination's @offer is there. */
void nest_preflight_move_read_features(NestPreflightMove *move);

/* (nullable) The <cpu> of the guest. */
xmlNode *nest_preflight_move_cpu(const NestPreflightMove *move);

/* Whether the guest has all that this host offers, in place of a model. */
gboolean nest_preflight_move_is_passed_through(const NestPreflightMove *move);

/* Whether the guest has VMX or SVM, as far as libvirt says. */
gboolean nest_preflight_move_has_feature(const NestPreflightMove *move);

/* (transfer full)(nullable) The vendor of the CPU that such an offer is of. @offer: (nullable) */
gchar *nest_preflight_move_vendor(const NestDomainXml *offer) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) The features that are wanted and not offered, for a message; "" where that cannot be told. */
gchar *nest_preflight_move_missing(const NestPreflightMove *move) G_GNUC_WARN_UNUSED_RESULT;

void nest_preflight_move_clear(NestPreflightMove *move);
