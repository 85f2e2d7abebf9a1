/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd's own record in a domain's metadata: the CPU before the correction, and the live marker.
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

/**
 * NestState: what the element says; all NULL is an empty record.
 */
typedef struct {
    gchar *original; /* the <cpu> before the correction; "" where there was none; NULL: no record */
    gchar *applied;  /* the <cpu> as the correction wrote it; NULL exactly where @original is */
    gchar *write;    /* a word that only this one correction wrote */
    gchar *uuid;     /* of the running domain; NULL: no live marker */
    gchar *qemu; /* start time of its QEMU, clock ticks since boot; "" where it could not be had */
    gboolean nested; /* nested guests were running when the marker was written */
    gint64 since;    /* since when @nested has its value, seconds since 1970; 0: not guarded */
    gchar *why;      /* what @nested rests on, by nest_verdict_why_name(); NULL: not guarded */
    gchar *probe;    /* the plugin whose evidence counts; NULL: none */
    gchar *guard;    /* "off", "armed", "lifted" or "failed"; NULL: not guarded */
    gchar *problem;  /* why the guard could not be armed; NULL: nothing */
} NestState;

NestState *nest_state_new(void);
void nest_state_free(NestState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestState, nest_state_free)

/**
 * nest_state_element: find the record's element, without checking it.
 *
 * Returns: (nullable) an element of @xml.
 */
xmlNode *nest_state_element(const NestDomainXml *xml);

/**
 * nest_state_read: the record of a domain.
 * @xml: the domain
 *
 * Returns: (transfer full) the record, empty where there is none; NULL with NEST_ERROR_STATE where
 * the element is not what virt-nest writes.
 */
NestState *nest_state_read(const NestDomainXml *xml, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_state_read_live: read a live marker that nest_state_read() does not know, such as one of a newer
 * virt-nest, which may have more attributes and elements.
 * @xml: the domain
 *
 * Only the domain's uuid and whether nested guests run are taken from the marker. Unless it says
 * plainly that none run, they may.
 *
 * Returns: (transfer full) a record with only these two, empty where there is no marker.
 */
NestState *nest_state_read_live(const NestDomainXml *xml) G_GNUC_WARN_UNUSED_RESULT;

/* Forgets the live marker, and keeps the rest. */
void nest_state_forget_live(NestState *state);

/* (transfer full) A copy of a record; an empty record for NULL. */
NestState *nest_state_copy(const NestState *state) G_GNUC_WARN_UNUSED_RESULT;

/* Replaces the persistent part of a record by a copy of another record's. */
void nest_state_take_record(NestState *state, const NestState *other);

/* Whether there is nothing to write. */
gboolean nest_state_is_empty(const NestState *state);

/**
 * nest_state_is_of: whether the live marker was written for this domain.
 * @state: the record, taken from the domain's XML
 * @uuid: the domain's; a clone made from a running domain's XML has another
 */
gboolean nest_state_is_of(const NestState *state, const char *uuid);

/**
 * nest_state_format: the record as an element.
 * @with_namespace: TRUE to put it into XML, FALSE for virDomainSetMetadata, which adds it
 *
 * Returns: (transfer full) the element as text.
 */
gchar *nest_state_format(const NestState *state, gboolean with_namespace) G_GNUC_WARN_UNUSED_RESULT;
