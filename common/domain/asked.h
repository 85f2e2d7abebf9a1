/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a manager of virtual machines asks for a machine in its own words (such as KubeVirt's annotations), and how the
 * domain's XML is rewritten for it. */
#pragma once

#include "domain/tag.h"

/**
 * NestAskedWords: the words of one manager.
 */
typedef struct {
    const char *kind;   /* what such a word is called there: "annotation" */
    const char *enable; /* the word that asks for nested guests, with true or false */
    const char
        *prefix; /* the word for an attribute of the tag is this prefix and the attribute's name */
} NestAskedWords;

/**
 * NestAsked: what is asked.
 */
typedef struct {
    const NestAskedWords *words;
    gchar *enable; /* "true" or "false"; NULL: not mentioned */
    GHashTable
        *attributes; /* the tag's attributes that are mentioned, by name, with their values */
} NestAsked;

/* (transfer full) Nothing, yet. */
NestAsked *nest_asked_new(const NestAskedWords *words);
void nest_asked_free(NestAsked *asked);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestAsked, nest_asked_free)

/**
 * nest_asked_add: take in a word.
 * @name: the word; words of others are ignored
 * @value: (nullable) its value; NULL if that is not text
 *
 * Returns: FALSE with NEST_ERROR_TAG_ATTRIBUTE for a word that has our prefix but does not exist, or with
 * NEST_ERROR_TAG_VALUE for a value that the word cannot have.
 */
gboolean nest_asked_add(NestAsked *asked, const char *name, const char *value,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_asked_is_enabled: whether nested guests are asked for. Call it when all words have been added.
 * @ret_enabled: the answer
 *
 * Returns: FALSE with NEST_ERROR_TAG_ATTRIBUTE if there is a word for an attribute, but not the word that asks for nested
 * guests.
 */
gboolean nest_asked_is_enabled(const NestAsked *asked, gboolean *ret_enabled,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a domain can have nested guests here, for reasons that are not in its XML; FALSE with the error. */
typedef gboolean (*NestAskedCheck)(const NestDomainXml *xml, GError **error);

/**
 * nest_asked_rewrite: make a domain's XML with the tag that is asked for, and with the CPU for it.
 * @asked: what is asked; nested guests are enabled
 * @text: the XML
 * @check: (nullable) is called first
 * @changes: gets a sentence (gchar *) added for each change of the CPU
 * @ret_problem: set if @text is returned unchanged, because this host cannot give nested guests and the tag says
 *   required='no': the reason
 *
 * An attribute that is not mentioned stays as a tag in @text has it.
 *
 * Returns: (transfer full) the XML, or NULL with an error.
 */
gchar *nest_asked_rewrite(const NestAsked *asked, const char *text, NestAskedCheck check,
                          GPtrArray *changes, GError **ret_problem,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
