/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes to elements of a parsed tree. They keep the document's line breaks and indentation. */
#pragma once

#include <libxml/tree.h>

/* @value: (nullable) NULL removes the attribute */
void nest_xml_set_attribute(xmlNode *element, const char *name, const char *value);

/* Takes an element out together with the white space before it, and frees it. */
void nest_xml_remove(xmlNode *element);

/* ... and all children of this name in no namespace. */
void nest_xml_remove_children(xmlNode *parent, const char *name);

/* Adds a last child on a line of its own, indented as the first child is, or as in a child of the root. */
xmlNode *nest_xml_add_child(xmlNode *parent, const char *name);
