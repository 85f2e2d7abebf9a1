/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virt-nest allow leaves in a running domain's live metadata: the guard is lifted for a while.
 *
 * It stands in a namespace of its own, as libvirt keeps one element for each, and virt-nest writes it while
 * virtnestd writes its record:
 *
 *   <nestallow:domain xmlns:nestallow='urn:virt-nest:allow:1' until='1790000000'/>    for a time
 *   <nestallow:domain xmlns:nestallow='urn:virt-nest:allow:1' once='yes'/>            for one operation
 *
 * It travels with the guest, where the hook reads that its coming was allowed. virtnestd takes it away when it
 * is over, and on arrival. */
#pragma once

#include "domain_xml.h"

#define NEST_ALLOW_PREFIX "nestallow"

/**
 * NestAllow: what is allowed. All zero is nothing.
 */
typedef struct {
    gboolean once; /* one migration, save or memory snapshot */
    gint64 until;  /* seconds since 1970; 0: no time */
} NestAllow;

/**
 * nest_allow_read: what a domain's XML allows, over or not.
 *
 * An element that is not what virt-nest writes allows nothing.
 */
NestAllow nest_allow_read(const NestDomainXml *xml);

/* (nullable) The element, over, malformed or not. */
xmlNode *nest_allow_element(const NestDomainXml *xml);

/* Whether it allows anything at @now, in seconds since 1970. */
gboolean nest_allow_holds(const NestAllow *allow, gint64 now);

/* (transfer full) The element for virDomainSetMetadata(), which adds the namespace. */
gchar *nest_allow_format(const NestAllow *allow) G_GNUC_WARN_UNUSED_RESULT;
