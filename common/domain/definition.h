/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Corrects a whole persistent definition (CPU, record and live status): XML text goes in, XML text comes
 * out. */
#pragma once

#include "domain/wish.h"
#include "host/cpu_vendor.h"

/* Where the libvirt of this host (qemu:///system) keeps definitions, one file a domain (facts.md, "Definitions"). */
#define NEST_DEFINITION_DIRECTORY "/etc/libvirt/qemu"

/* What was done to a definition. */
typedef enum {
    NEST_DEFINITION_UNCHANGED, /* nothing is to be done */
    NEST_DEFINITION_CORRECTED, /* the CPU was rewritten, the original recorded */
    NEST_DEFINITION_RESTORED, /* the tag is gone, or this host cannot follow it: the original CPU is back */
    NEST_DEFINITION_RELEASED, /* the same, but somebody has changed the CPU since, so it stays */
    NEST_DEFINITION_SCRUBBED, /* only elements of a running domain were removed: a live status, that of virt-nest allow */
} NestDefinitionAction;

/**
 * NestDefinition: the outcome of nest_definition_correct().
 */
typedef struct {
    NestDefinitionAction action;
    gchar *xml;         /* the definition as it should be; NULL for UNCHANGED */
    gchar *record_id;   /* NestRecord.id in @xml; NULL unless CORRECTED */
    GPtrArray *changes; /* a sentence (gchar *) for each change */
    GPtrArray *remarks; /* a sentence (gchar *) for each remark on its CPU (cpu_remarks.h) */
    NestWish wish;      /* what shall become of its CPU */
    gboolean
        needs_kvm; /* it shall have the feature, and for this needs the host's KVM module with nesting on */
} NestDefinition;

/* (transfer full) The outcome for a domain that is not one of ours: there is nothing to do. */
NestDefinition *nest_definition_unchanged(void);

void nest_definition_free(NestDefinition *definition);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestDefinition, nest_definition_free)

/* (transfer full) The changes in one line, "; " between them; "" where there are none. */
gchar *nest_definition_describe(const NestDefinition *definition);

/* (transfer full) The remarks, to follow the changes in one line: "; but its CPU has ..."; "" where there are none. */
gchar *nest_definition_describe_remarks(const NestDefinition *definition);

/**
 * nest_definition_correct: work out what a persistent definition should be.
 * @text: the XML; it must have been read with INACTIVE and SECURE, or redefining it loses passwords
 * @host: (nullable) the host's vendor
 * @policy: (nullable) what this host's configuration says (wish.h)
 * @kvm_can_nest: whether the host can nest KVM guests; where it cannot, a tag with required='no'
 *   counts as absent for a type='kvm' domain, so that libvirt starts the domain without nesting
 *
 * If the definition is tagged, its CPU is rewritten and the previous CPU is recorded. If the tag is
 * gone, the recorded CPU is put back exactly, unless somebody has changed the CPU since. A live
 * status that was copied in from a running domain's XML is removed. A record that cannot be read stays. It is
 * an error if its CPU is needed, or if another record must be written.
 *
 * Returns: (transfer full) the outcome, or NULL with the error of the tag, the CPU or the record.
 */
NestDefinition *nest_definition_correct(const char *text, const NestCpuVendor *host,
                                        const NestPolicy *policy, gboolean kvm_can_nest,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
