/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd's own element in a domain's metadata, with the record and the live status.
 *
 * It has a namespace of its own, because libvirt keeps one element per namespace:
 *
 *   <neststate:domain xmlns:neststate='urn:virt-nest:state:1'>
 *     <original><cpu .../></original>     persistent: the <cpu> before the correction
 *     <applied write='..'><cpu .../></applied>    persistent: the <cpu> the correction wrote
 *     <live uuid='..' qemu='..' nested='no' .../>  live: this guest runs and is tagged; its guard
 *   </neststate:domain>
 *
 * Metadata can be forged, so what is read is checked against install/schema/virt-nest-state.rng. */
#pragma once

#include "domain/domain_xml.h"
#include "domain/live_status.h"
#include "domain/record.h"

/**
 * NestState: what the element says; all zero where there is none.
 */
typedef struct {
    NestRecord record;
    NestLiveStatus live;
} NestState;

NestState *nest_state_new(void);
void nest_state_free(NestState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestState, nest_state_free)

/**
 * nest_state_element: find the element, without checking it.
 *
 * Returns: (nullable) an element of @xml.
 */
xmlNode *nest_state_element(const NestDomainXml *xml);

/**
 * nest_state_read: what the element of a domain says.
 * @xml: the domain
 *
 * Returns: (transfer full) the state, empty where there is no element; NULL with NEST_ERROR_STATE where
 * the element is not what virt-nest writes.
 */
NestState *nest_state_read(const NestDomainXml *xml, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_state_read_live: read a live status that nest_state_read() does not know, such as one of a newer
 * virt-nest, which may have more attributes and elements.
 * @xml: the domain
 *
 * Only the domain's uuid and whether nested guests run are taken from it. Unless it says plainly that no
 * nested guests run, they may run.
 *
 * Returns: (transfer full) a live status with only these two, empty where there is none.
 */
NestLiveStatus *nest_state_read_live(const NestDomainXml *xml) G_GNUC_WARN_UNUSED_RESULT;

/* Whether there is nothing to write. */
gboolean nest_state_is_empty(const NestState *state);

/**
 * nest_state_format: the element.
 * @with_namespace: TRUE to put it into XML, FALSE for virDomainSetMetadata, which adds it
 *
 * Returns: (transfer full) the element as text.
 */
gchar *nest_state_format(const NestState *state, gboolean with_namespace) G_GNUC_WARN_UNUSED_RESULT;
