/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's XML, read as a tree but changed as text: all that is not replaced stays byte for byte. */
#pragma once

#include "domain/xml.h"

/* The namespaces of the tag, of virtnestd's record (design.md, "Why two halves"), and of the element
 * that virt-nest allow writes. */
#define NEST_TAG_NAMESPACE "urn:virt-nest:1"
#define NEST_STATE_NAMESPACE "urn:virt-nest:state:1"
#define NEST_ALLOW_NAMESPACE "urn:virt-nest:allow:1"

/* The longest document that is read. libvirt's own limit on a string over its protocol
 * (VIR_NET_MESSAGE_STRING_MAX) is 4 MiB. */
#define NEST_DOMAIN_XML_MAX_MIB 16
#define NEST_DOMAIN_XML_MAX_BYTES ((gsize)NEST_DOMAIN_XML_MAX_MIB * 1024 * 1024)

/**
 * NestDomainXml: one parsed document and the changes that are scheduled for its text.
 *
 * Theory of operation: the text is parsed once into a libxml2 tree in which every element remembers
 * the bytes it came from. A change replaces such a range; nest_domain_xml_text() puts the document
 * together from the untouched bytes and the replacements. So comments, quotes, order, CDATA and
 * whatever else a serializer would normalize survive, because nothing else is ever serialized.
 */
typedef struct NestDomainXml NestDomainXml;

/**
 * nest_domain_xml_parse: read a document.
 * @text: the document; need not end in NUL
 * @length: its length in bytes
 *
 * Nothing outside the text is ever read: no entity, no DTD, no network. A document with a document
 * type declaration is refused, as libvirt never writes one and entities would hide what is changed.
 *
 * Returns: (transfer full) the document, or NULL with NEST_ERROR_XML, NEST_ERROR_XML_ENCODING or
 * NEST_ERROR_XML_DTD.
 */
NestDomainXml *nest_domain_xml_parse(const char *text, gsize length,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

void nest_domain_xml_free(NestDomainXml *xml);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestDomainXml, nest_domain_xml_free)

/* The <domain> element. */
xmlNode *nest_domain_xml_root(const NestDomainXml *xml);

/* (nullable) Its <cpu> element. */
xmlNode *nest_domain_xml_cpu(const NestDomainXml *xml);

/* (nullable) The <metadata> element. */
xmlNode *nest_domain_xml_metadata(const NestDomainXml *xml);

/* (nullable) The metadata's element of a namespace; libvirt keeps one of each. */
xmlNode *nest_domain_xml_metadata_element(const NestDomainXml *xml, const char *uri);

/* The text of a child of <domain>, such as "name" or "uuid"; "" where there is none. */
const char *nest_domain_xml_value(const NestDomainXml *xml, const char *child);

/* (transfer full) A domain's name as a word of a command line. */
gchar *nest_domain_xml_shell_word(const char *name);

/* (transfer full) The same of the document's domain; "DOMAIN" if it has no name. */
gchar *nest_domain_xml_shell_name(const NestDomainXml *xml);

/* (transfer full) The bytes an element came from. */
gchar *nest_domain_xml_source(const NestDomainXml *xml, const xmlNode *element);

/**
 * nest_domain_xml_replace: schedule the replacement of an element's bytes.
 * @element: an element of the document, not inside one that is replaced already
 * @text: (nullable) what stands there instead; NULL removes the element and its indentation
 */
void nest_domain_xml_replace(NestDomainXml *xml, const xmlNode *element, const char *text);

/* Schedules an element to be inserted before @sibling, on a line of its own, indented like it. */
void nest_domain_xml_insert_before(NestDomainXml *xml, const xmlNode *sibling, const char *text);

/* Schedules an element to be inserted as last child of @parent, which has at least one child. */
void nest_domain_xml_append(NestDomainXml *xml, const xmlNode *parent, const char *text);

/**
 * nest_domain_xml_cut_devices: cut off the devices, which do not concern the CPU, if it is certain where they begin.
 * @text: a definition from libvirt or from libvirt's file; devices are the greater part of it
 */
void nest_domain_xml_cut_devices(gchar *text);

/* Schedules an element to be the last one of the metadata, which is made if it is missing. */
void nest_domain_xml_add_metadata(NestDomainXml *xml, const char *text);

/**
 * nest_domain_xml_text: get the document with all scheduled changes made.
 *
 * Returns: (transfer full) the text; equal to the input where no change was scheduled.
 */
gchar *nest_domain_xml_text(const NestDomainXml *xml) G_GNUC_WARN_UNUSED_RESULT;
