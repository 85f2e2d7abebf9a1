/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checks of a migration's destination, and the answer that follows from all of them. */
#pragma once

#include <glib.h>

/* What a check has found. The answer is the worst of them. */
typedef enum {
    NEST_PREFLIGHT_NOTE,    /* to know, but nothing follows from it */
    NEST_PREFLIGHT_GOOD,    /* the destination has it */
    NEST_PREFLIGHT_UNKNOWN, /* it can break the guest, and cannot be told */
    NEST_PREFLIGHT_BREAKS,  /* the guest would not live there */
} NestPreflightResult;

/**
 * NestPreflightCheck: one check.
 */
typedef struct {
    const char *name; /* for programs: "machine", "cpu" */
    NestPreflightResult result;
    gchar *text; /* what was found, what that breaks, and what to do; from outside in part */
} NestPreflightCheck;

/* (transfer full)(element-type NestPreflightCheck) An empty list. */
GPtrArray *nest_preflight_checks_new(void);

/* Appends a check; @text is (transfer full). */
void nest_preflight_add(GPtrArray *checks, const char *name, NestPreflightResult result,
                        gchar *text);

/* The worst result: GOOD, UNKNOWN or BREAKS; UNKNOWN where nothing was checked. */
NestPreflightResult nest_preflight_answer(const GPtrArray *checks);

/* The exit status of an answer (virt-nest(1), "preflight"). */
int nest_preflight_status(NestPreflightResult answer);

/* Names for programs: "good", "breaks" ...; as an answer "lives", "would-not-live", "unknown". */
const char *nest_preflight_result_name(NestPreflightResult result);
const char *nest_preflight_answer_name(NestPreflightResult answer);

/* Whether a feature is one of nesting: vmx, svm, or a part of them that a guest's hypervisor sees. */
gboolean nest_preflight_is_nested(const char *feature);

/**
 * nest_preflight_missing: the features that are in one set and not in the other.
 * @nested: only those of nesting
 *
 * Returns: (transfer full)(element-type utf8) their names, sorted, which belong to @wanted.
 */
GPtrArray *nest_preflight_missing(GHashTable *wanted, GHashTable *offered, gboolean nested);

/* (transfer full) The features for a sentence, each kind with what its lack breaks. */
gchar *nest_preflight_missing_text(const GPtrArray *names);
