/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tag: the element that an administrator has put into a domain's metadata to get nesting, or to forbid it. */
#pragma once

#include "domain/domain_xml.h"

/* What a tag asks for. */
typedef enum {
    NEST_TAG_NONE,    /* there is no tag */
    NEST_TAG_ENABLE,  /* <nest:enable/>: the guest shall have the feature */
    NEST_TAG_DISABLE, /* <nest:disable/>: it shall have neither vmx nor svm */
} NestTagKind;

/* How the CPU is rewritten. */
typedef enum {
    NEST_CPU_AUTO,             /* by the table of cpu_rewrite.c */
    NEST_CPU_HOST_PASSTHROUGH, /* to this mode */
    NEST_CPU_HOST_MODEL,       /* to this mode */
    NEST_CPU_KEEP,             /* the mode stays, the feature is required */
} NestCpuPolicy;

/* What happens to a migration or save while nested guests run. */
typedef enum {
    NEST_MIGRATION_REFUSE,
    NEST_MIGRATION_ALLOW,
} NestMigrationPolicy;

/**
 * NestTag: what a well-formed <nest:enable/> says. All zero but @required is the tag without attributes.
 */
typedef struct {
    NestCpuPolicy cpu;
    NestMigrationPolicy migration;
    gboolean required; /* FALSE: start even if nesting cannot be had */
} NestTag;

#define NEST_TAG_DEFAULT ((NestTag){.required = TRUE})

/**
 * nest_tag_read: find and check the tag of a domain.
 * @xml: the domain
 * @ret_kind: which one it has, if any
 * @ret_tag: (optional) what its attributes say; the defaults unless it is NEST_TAG_ENABLE
 *
 * The tag is `<nest:enable xmlns:nest='urn:virt-nest:1'/>`, or `<nest:disable .../>` without attributes, directly below
 * `<metadata>`. An element that was meant to be the tag but is not (more than one tag, our name in another namespace, an
 * unknown attribute) is an error; nothing is guessed. Rules and settings also decide about a domain: see wish.h.
 *
 * Returns: FALSE with a NEST_ERROR_TAG_* that names the mistake and the remedy.
 */
gboolean nest_tag_read(const NestDomainXml *xml, NestTagKind *ret_kind, NestTag *ret_tag,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_tag_is_misplaced: whether an element was meant to be the tag but is not in our namespace.
 * @element: a child of <metadata>
 */
gboolean nest_tag_is_misplaced(const xmlNode *element);

/**
 * nest_tag_set: change one attribute of a tag.
 * @tag: the tag
 * @attribute: its name
 * @value: its new value, as a person wrote it
 *
 * Returns: FALSE with NEST_ERROR_TAG_ATTRIBUTE or NEST_ERROR_TAG_VALUE, which name what is allowed.
 */
gboolean nest_tag_set(NestTag *tag, const char *attribute, const char *value,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * NestTagAttribute: one attribute of the tag.
 */
typedef struct {
    const char *name;
    const char *const *values; /* in words, ending in NULL; NestTag holds the index of one */
    gsize offset;              /* of its field in NestTag */
    const char *help;          /* what it decides, for virt-nest enable --help */
} NestTagAttribute;

/**
 * nest_tag_attribute: get the attributes one after the other.
 * @i: 0 for the first
 *
 * Returns: (nullable) an attribute; NULL after the last.
 */
const NestTagAttribute *nest_tag_attribute(gsize i);

/* The value of a tag's attribute, in words, even if the tag does not write it. */
const char *nest_tag_get(const NestTag *tag, const NestTagAttribute *attribute);

/* (transfer full) All values, as "refuse, allow", with the default first. */
gchar *nest_tag_list_values(const NestTagAttribute *attribute) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_tag_format: the tag as virDomainSetMetadata wants it, with only what differs from the default.
 *
 * Returns: (transfer full) "<enable/>", or with attributes; libvirt adds the namespace.
 */
gchar *nest_tag_format(const NestTag *tag) G_GNUC_WARN_UNUSED_RESULT;
