/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts the tag into a domain's XML, or takes it out. */
#pragma once

#include "domain/tag.h"

/* (nullable) The first tag of a domain, even a mistaken one, or the first element that was meant to be a tag. */
xmlNode *nest_tag_put_first(const NestDomainXml *xml);

/* (nullable) The same among @node, which may be NULL, and its following siblings. */
xmlNode *nest_tag_put_next(xmlNode *node);

/* (transfer full) A tag as it stands in XML, with its namespace. */
gchar *nest_tag_put_format(const NestTag *tag) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_tag_put: make a domain's XML with another tag.
 * @xml: the domain; the change is scheduled in it
 * @element: (nullable) the tag from nest_tag_put_format(); NULL for none
 *
 * It replaces the first tag, and the others are removed. If there is none, the element goes to the end of the metadata,
 * which is made if it is missing.
 *
 * Returns: (transfer full) the text.
 */
gchar *nest_tag_put(NestDomainXml *xml, const char *element) G_GNUC_WARN_UNUSED_RESULT;

/* Changes a tag as somebody wants it; returns FALSE with an error if that cannot be. */
typedef gboolean (*NestTagPutChange)(NestTag *tag, gconstpointer data, GError **error);

/**
 * nest_tag_put_into: make a domain's XML with the tag that somebody wants.
 * @text: the domain's XML; need not end in NUL
 * @length: its length in bytes
 * @change: gets the tag that stands there, or else the default, and changes it
 * @data: for @change
 *
 * Returns: (transfer full) the text, which is @text byte for byte if the tag stands there already; NULL with the error of
 * the XML, of a mistaken tag, or of @change.
 */
gchar *nest_tag_put_into(const char *text, gsize length, NestTagPutChange change,
                         gconstpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
