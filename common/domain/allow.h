/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The element that virt-nest allow puts into a running domain's live metadata to lift the guard for
 * a while.
 *
 * It has a namespace of its own, because libvirt keeps one element per namespace and there are two writers:
 * virt-nest writes this element, and virtnestd writes its record (state.h):
 *
 *   <nestallow:domain xmlns:nestallow='urn:virt-nest:allow:1' until='1790000000'/>    for a time
 *   <nestallow:domain xmlns:nestallow='urn:virt-nest:allow:1' once='yes'/>            for one operation
 *
 * Every permission ends. once='yes' ends NEST_ALLOW_ONCE_SECONDS after virtnestd has seen it. This time is not in the XML,
 * because earlier releases believe an element only if it has one attribute.
 *
 * The element travels with the guest. On arrival the hook reads from it that the guest was allowed to come.
 * virtnestd removes it when it has ended, and on arrival. */
#pragma once

#include "domain/domain_xml.h"

#define NEST_ALLOW_PREFIX "nestallow"

/* For how long one operation is allowed. */
#define NEST_ALLOW_ONCE_SECONDS 3600

/**
 * NestAllow: what is allowed. With all fields zero, nothing is.
 */
typedef struct {
    gboolean once; /* one migration, save or memory snapshot, within NEST_ALLOW_ONCE_SECONDS */
    gint64 until;  /* seconds since 1970; 0: not allowed by time */
} NestAllow;

/**
 * nest_allow_read: read what a domain's XML allows, even if that has ended.
 *
 * An element that is not what virt-nest writes allows nothing.
 */
NestAllow nest_allow_read(const NestDomainXml *xml);

/* (nullable) The element, even if it has ended or is malformed. */
xmlNode *nest_allow_element(const NestDomainXml *xml);

/* Whether it allows anything at @now, in seconds since 1970. */
gboolean nest_allow_holds(const NestAllow *allow, gint64 now);

/* (transfer full) The element for virDomainSetMetadata(), which adds the namespace. */
gchar *nest_allow_format(const NestAllow *allow) G_GNUC_WARN_UNUSED_RESULT;
