/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XML elements as libxml2 has them: looking at them, comparing them, walking over them. */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

/* Call it before making any thread that reads XML: libxml2 sets up its tables without a lock. */
void nest_xml_init(void);

/* What libxml2 gives an error handler; const from 2.12 on. */
#if LIBXML_VERSION >= 21200
typedef const xmlError NestXmlError;
#else
typedef xmlError NestXmlError;
#endif

/* An error handler for libxml2, so that the library prints nothing: errors are returned instead. */
void nest_xml_be_silent(void *context, NestXmlError *error);

/* The first child element without a namespace and with this name, or NULL; @parent may be NULL. */
xmlNode *nest_xml_child(const xmlNode *parent, const char *name);

/* Whether @node is an element of this name in no namespace. */
gboolean nest_xml_is(const xmlNode *node, const char *name);

/* Whether @node is an element of this namespace. */
gboolean nest_xml_in_namespace(const xmlNode *node, const char *uri);

/* (transfer full)(nullable) An attribute's value. */
gchar *nest_xml_attribute(const xmlNode *node, const char *name);

/* Whether an attribute has this value. */
gboolean nest_xml_attribute_is(const xmlNode *node, const char *name, const char *value);

/* (transfer full) An element as text. */
gchar *nest_xml_dump(xmlNode *element);

/**
 * nest_xml_canonical: print an element as text so that equal elements give the same text.
 *
 * Attributes and children are sorted by name (children of one name keep their order); comments and
 * the white space between elements are left out. So the text stays the same when libvirt, which has
 * an order of its own, stores an element and prints it again.
 *
 * Returns: (transfer full) the text.
 */
gchar *nest_xml_canonical(const xmlNode *element);

/* The first of @node and its following siblings that is an element, or NULL. */
xmlNode *nest_xml_next_element(xmlNode *node);

/* Walks the child elements of @parent. */
#define NEST_XML_FOREACH(parent, child)                                                            \
    for (xmlNode *child = nest_xml_next_element((parent)->children); child;                        \
         child = nest_xml_next_element(child->next))
