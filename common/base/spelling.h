/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the known word that somebody may have meant by a misspelled one. */
#pragma once

#include <glib.h>

/**
 * nest_spelling_nearest: the known word that @word may be a misspelling of.
 * @known: ends in NULL
 *
 * One letter in three may be wrong, missing, superfluous or swapped with its neighbour. Case does not matter.
 *
 * Returns: (nullable) one of @known, or NULL if none is like it.
 */
const char *nest_spelling_nearest(const char *word,
                                  const char *const *known) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) " (did you mean 'WORD'?)", or "" if no known word is like it. @known: ends in NULL */
gchar *nest_spelling_hint(const char *word, const char *const *known) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_spelling_unknown_option: name the option of a command line that GLib did not know.
 * @words: the command line, ending in NULL
 * @options: the tables of its options, ending in NULL; each ends with a row of zeros
 *
 * Returns: (transfer full)(nullable) such as "there is no option --migraton (did you mean '--migration'?)"; NULL if all
 * long options of the line exist.
 */
gchar *nest_spelling_unknown_option(const gchar *const *words,
                                    const GOptionEntry *const *options) G_GNUC_WARN_UNUSED_RESULT;
