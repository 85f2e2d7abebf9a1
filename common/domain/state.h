/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd's own element in a domain's metadata, with the record and the live status.
 *
 * It has a namespace of its own, because libvirt keeps one element per namespace:
 *
 *   <neststate:domain xmlns:neststate='urn:virt-nest:state:1'>
 *     <?virt-nest version='1'?>           of what is written here
 *     <original><cpu .../></original>     persistent: the <cpu> before the correction
 *     <applied write='..'><cpu .../></applied>    persistent: the <cpu> the correction wrote
 *     <live uuid='..' qemu='..' nested='no' .../>  live: of a running guest: nested guests, guard
 *   </neststate:domain>
 *
 * Metadata can be forged, so the element is checked against install/schema/virt-nest-state.rng. Another release may have
 * written more. This release neither checks nor follows what it does not know, but keeps it, except in <live> (design.md,
 * "What releases promise each other"). */
#pragma once

#include "domain/domain_xml.h"
#include "domain/live_status.h"
#include "domain/record.h"
#include "domain/unknown.h"

/* The version of what is written. It grows when something is added; a change of meaning needs another namespace. */
#define NEST_STATE_VERSION 1

/**
 * NestState: what the element says; all zero where there is none.
 */
typedef struct {
    NestRecord record;      /* none where it is unreadable */
    NestLiveStatus live;    /* none where its uuid is missing or malformed */
    NestUnknown unknown;    /* what another release wrote; an unreadable record, too */
    gboolean is_unreadable; /* there is a record, or an element, that this release cannot read */
    gboolean has_live;      /* there is a live status, even one that is not believed */
    gboolean is_vague;      /* ... and it does not say whether nested guests run, so they may run */
    guint64 version;        /* the format version that the element names; 0: unknown */
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
 * What this release does not know is left out, and the rest is believed. Unless a live status says clearly that no nested
 * guests run, it counts as saying that they run.
 *
 * Returns: (transfer full) the state, empty where there is no element.
 */
NestState *nest_state_read(const NestDomainXml *xml) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_state_check: whether the record can be read, if there is one. A record that cannot be read must stay as it is.
 *
 * Returns: FALSE with NEST_ERROR_STATE, which says what to do.
 */
gboolean nest_state_check(const NestState *state, GError **error);

/* Makes all but the live status a copy of another's. */
void nest_state_set_persistent(NestState *state, const NestState *other);

/* Whether there is nothing to write. */
gboolean nest_state_is_empty(const NestState *state);

/**
 * nest_state_format: the element.
 * @with_namespace: TRUE to put it into XML, FALSE for virDomainSetMetadata, which adds it
 *
 * Returns: (transfer full) the element as text.
 */
gchar *nest_state_format(const NestState *state, gboolean with_namespace) G_GNUC_WARN_UNUSED_RESULT;

/* Schedules the removal of every live status. The domain must have the element. */
void nest_state_remove_live(NestDomainXml *xml);
