/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line's options for the tag's attributes: --cpu=, --migration=, --required=. */
#pragma once

#include "domain/tag.h"

/**
 * NestTagOptions: an option for each of the tag's attributes, in their order, and then those of the command.
 */
typedef struct {
    gsize n;               /* of the attributes */
    GOptionEntry *entries; /* ... those of the command, and one of zeros */
    gchar **values;        /* what the command line says; NULL: nothing */
} NestTagOptions;

/* @others: the command's own options, ending with a row of zeros */
NestTagOptions nest_tag_options_new(const GOptionEntry *others);
void nest_tag_options_clear(NestTagOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NestTagOptions, nest_tag_options_clear)

/* (nullable) The name of an option that the command line has. */
const char *nest_tag_options_given(const NestTagOptions *options);

/**
 * nest_tag_options_set: change a tag as the command line says.
 * @tag: what the command line does not name stays
 *
 * Returns: FALSE with NEST_ERROR_USAGE, which names the option and its values.
 */
gboolean nest_tag_options_set(const NestTagOptions *options, NestTag *tag,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
