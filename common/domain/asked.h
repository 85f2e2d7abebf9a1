/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a manager of virtual machines asks for one of them in words of its own, as KubeVirt's annotations are, and the
 * domain's XML with it. */
#pragma once

#include "domain/tag.h"

/**
 * NestAskedWords: the words of one manager.
 */
typedef struct {
    const char *kind;   /* what such a word is called there: "annotation" */
    const char *enable; /* the word that asks for nested guests, with true or false */
    const char
        *prefix; /* what stands before the name of an attribute of the tag, in a word for it */
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
 * @name: the word; one that is not ours says nothing
 * @value: (nullable) what it says; NULL for something else than text
 *
 * Returns: FALSE with NEST_ERROR_TAG_ATTRIBUTE or NEST_ERROR_TAG_VALUE for a word that begins as ours do and is none, or
 * says what it cannot.
 */
gboolean nest_asked_add(NestAsked *asked, const char *name, const char *value,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_asked_is_enabled: whether nested guests are asked for. Call it when all words are taken in.
 * @ret_enabled: the answer
 *
 * Returns: FALSE with NEST_ERROR_TAG_ATTRIBUTE if an attribute is mentioned, and whether it counts is not.
 */
gboolean nest_asked_is_enabled(const NestAsked *asked, gboolean *ret_enabled,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a domain can have nested guests here, for reasons that are not in its XML; FALSE with the error. */
typedef gboolean (*NestAskedCheck)(const NestDomainXml *xml, GError **error);

/**
 * nest_asked_rewrite: make a domain's XML with the tag that is asked for, and with its CPU.
 * @asked: what is enabled
 * @text: the XML
 * @check: (nullable) is asked first
 * @changes: gets a sentence (gchar *) added for each change of the CPU
 * @ret_problem: why @text comes back as it is, although nested guests are asked for: they cannot be had here, and the tag
 *   says required='no'
 *
 * An attribute that is not mentioned stays as a tag in @text has it.
 *
 * Returns: (transfer full) the XML, or NULL with an error.
 */
gchar *nest_asked_rewrite(const NestAsked *asked, const char *text, NestAskedCheck check,
                          GPtrArray *changes, GError **ret_problem,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
