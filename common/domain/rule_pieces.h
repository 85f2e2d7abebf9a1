/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cuts an XPath expression into pieces, at operators outside brackets and quotes. */
#pragma once

#include <glib.h>

/* Where an expression is cut. */
typedef enum {
    NEST_RULE_CUT_OR,
    NEST_RULE_CUT_AND,
    NEST_RULE_CUT_COMPARISON, /* =, !=, <, <=, >, >= */
    NEST_RULE_CUT_COMMA,
} NestRuleCut;

/* (transfer full) The pieces, one at least, without white space around them. */
gchar **nest_rule_pieces(const char *text, NestRuleCut at) G_GNUC_WARN_UNUSED_RESULT;

/* How many brackets are open after @c, if @depth are open before it. */
int nest_rule_pieces_depth(char c, int depth);
