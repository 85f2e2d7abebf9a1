/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a document may have at most, so that libxml2 reads it in a time that grows with its length alone. */
#pragma once

#include <glib.h>

/**
 * nest_xml_bounds_check: whether no start tag of a document has too many attributes, and all of them together not too
 * many namespaces.
 * @text: the document, in UTF-8; need not end in NUL
 * @length: its length in bytes
 *
 * libxml2 before 2.12 compares each attribute of a tag with all others of that tag, and looks for
 * the namespace of each name among all that are declared in the elements around. libvirt's own
 * elements have fewer than thirty attributes; in <metadata> anybody can have more.
 *
 * In a document that is not well-formed, it may see other tags than libxml2 does.
 *
 * Returns: FALSE with NEST_ERROR_XML.
 */
gboolean nest_xml_bounds_check(const char *text, gsize length,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
