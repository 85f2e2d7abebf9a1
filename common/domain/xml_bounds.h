/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits for a document, so that libxml2 reads it in a time that grows only with its length. */
#pragma once

#include <glib.h>

/**
 * nest_xml_bounds_check: whether a document stays within the limits: attributes of a start tag, and namespaces of all tags
 * together.
 * @text: the document, in UTF-8; need not end in NUL
 * @length: its length in bytes
 *
 * libxml2 before 2.12 compares each attribute of a tag with all others of that tag, and looks for
 * the namespace of each name among all that are declared in the elements around. libvirt's own
 * elements have fewer than thirty attributes; in <metadata> anybody can have more.
 *
 * In a document that is not well-formed, this function may see other tags than libxml2 does.
 *
 * Returns: FALSE with NEST_ERROR_XML.
 */
gboolean nest_xml_bounds_check(const char *text, gsize length,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
