/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virt-nest rules says, for programs. */
#pragma once

#include "domain/wish.h"

/**
 * NestRulesAnswer: what decides about a domain.
 */
typedef struct {
    const NestDomainXml *xml; /* the domain */
    const NestRules *rules;
    const NestWish *wish;            /* what shall become of its CPU */
    const NestRulesVerdict *verdict; /* what the rules say; without a rule where its tag decides */
} NestRulesAnswer;

/* Prints the rules as an array of objects. @mistaken: only those that are */
void nest_rules_json_print_list(const NestRules *rules, gboolean mistaken);

/* Prints what decides about a domain, with each rule that was asked, as one object. */
void nest_rules_json_print_answer(const NestRulesAnswer *answer);
