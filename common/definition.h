/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The correction of a persistent definition as a whole: CPU, record and marker, from text to text. */
#pragma once

#include "cpu_vendor.h"
#include "tag.h"

/* What was done to a definition. */
typedef enum {
    NEST_DEFINITION_UNCHANGED, /* nothing is to be done */
    NEST_DEFINITION_CORRECTED, /* the CPU was rewritten, the original recorded */
    NEST_DEFINITION_RESTORED, /* the tag is gone, or cannot be followed here: the original CPU stands again */
    NEST_DEFINITION_RELEASED, /* the same, but somebody changed the CPU since: it stays */
    NEST_DEFINITION_SCRUBBED, /* only a live marker was taken out, or a record that is not ours */
} NestDefinitionAction;

/**
 * NestDefinition: the outcome of nest_definition_correct().
 */
typedef struct {
    NestDefinitionAction action;
    gchar *xml;         /* the definition wanted; NULL for UNCHANGED */
    gchar *write;       /* the word that marks this correction in @xml; NULL unless CORRECTED */
    GPtrArray *changes; /* a sentence (gchar *) for each change */
    gboolean tagged;    /* whether the definition carries the tag */
    NestTag tag;        /* ... what it says */
    gboolean needs_kvm; /* ... and needs the host's KVM module with nesting on */
} NestDefinition;

/* (transfer full) The outcome where nothing was to be done, for a domain that is none of ours. */
NestDefinition *nest_definition_unchanged(void);

void nest_definition_free(NestDefinition *definition);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestDefinition, nest_definition_free)

/* (transfer full) The changes in one line, "; " between them; "" where there are none. */
gchar *nest_definition_describe(const NestDefinition *definition);

/**
 * nest_definition_correct: what a persistent definition should be.
 * @text: the XML, read with INACTIVE and SECURE, or passwords vanish with the redefinition
 * @host: (nullable) the host's vendor
 * @kvm_can_nest: whether the host can nest KVM guests; a tag with required='no' is taken as absent
 *   for a type='kvm' domain where it cannot, so that libvirt starts the domain without
 *
 * Tagged: the CPU rewritten, the one before recorded. Tag gone: the record undone, exactly, unless
 * somebody changed the CPU since. A live marker, copied in from a running domain's XML, is taken out.
 *
 * Returns: (transfer full) the outcome, or NULL with the error of the tag or the CPU.
 */
NestDefinition *nest_definition_correct(const char *text, const NestCpuVendor *host,
                                        gboolean kvm_can_nest,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
