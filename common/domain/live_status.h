/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live status: what virtnestd has found out about a running domain, and about which QEMU. */
#pragma once

#include "domain/domain_xml.h"
#include "guard/verdict.h"

/**
 * NestLiveStatus: the live part of virtnestd's metadata (state.h); all zero where there is none.
 */
typedef struct {
    gchar *uuid;     /* of the running domain; NULL: no live status */
    gchar *qemu;     /* start time of its QEMU, clock ticks since boot; "" where it is unknown */
    gboolean nested; /* nested guests were running when it was written */
    gint64 since;    /* since when @nested has its value, seconds since 1970; 0: not guarded */
    gchar *reason;   /* the reason for @nested, by nest_verdict_reason_name(); NULL: not guarded */
    gchar *probe;    /* the plugin whose evidence @nested rests on; NULL: none */
    gchar *guard;    /* "off", "armed", "lifted" or "failed"; NULL: not guarded */
    gchar *problem;  /* why the guard could not be armed; NULL: nothing */
} NestLiveStatus;

/* (transfer full) An empty one. */
NestLiveStatus *nest_live_status_new(void);
void nest_live_status_free(NestLiveStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestLiveStatus, nest_live_status_free)

/* (transfer full) A copy. */
NestLiveStatus *nest_live_status_copy(const NestLiveStatus *status) G_GNUC_WARN_UNUSED_RESULT;

/* Empties it. */
void nest_live_status_clear(NestLiveStatus *status);

/* Makes it a copy of another. */
void nest_live_status_set(NestLiveStatus *status, const NestLiveStatus *other);

/**
 * nest_live_status_is_of: whether it was written for this domain.
 * @status: taken from the domain's XML
 * @uuid: the domain's; a clone made from a running domain's XML has another
 */
gboolean nest_live_status_is_of(const NestLiveStatus *status, const char *uuid);

/* Whether its guard is in this state. */
gboolean nest_live_status_guard_is(const NestLiveStatus *status, NestGuardState state);

/* Reads all fields from the element, which the schema has checked. */
void nest_live_status_read(NestLiveStatus *status, const xmlNode *live);

/* Appends its element. */
void nest_live_status_append(const NestLiveStatus *status, GString *text);
