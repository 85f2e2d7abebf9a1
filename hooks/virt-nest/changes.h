/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What enable, disable and apply did with each domain, or would do: a line for a person, an object for a program. */
#pragma once

#include "connection.h"
#include "output.h"

/**
 * NestChanges: how changes are reported. The report of a domain is added to @builder, or printed at once.
 */
struct NestChanges {
    gboolean json;        /* --json: an array of objects, in place of lines */
    gboolean dry_run;     /* --dry-run: nothing is changed, and the report says what would be */
    JsonBuilder *builder; /* the array, while domains are visited; NULL unless @json */
};

/* The help of the options that set a command's NestChanges. */
#define NEST_CHANGES_JSON_HELP "for programs: an array of objects"
#define NEST_CHANGES_DRY_RUN_HELP "say what would be done, do nothing"

/**
 * nest_changes_print: report what was done with a domain that is visited.
 * @changed: whether its definition is another one now
 * @what: a sentence without the domain's name
 * @problem: (nullable) a warning for standard error; it does not fail the command
 */
void nest_changes_print(const NestConnection *connection, virDomainPtr domain, gboolean changed,
                        const char *what, const GError *problem);

/* Adds a domain for which something failed. The caller prints the error. */
void nest_changes_add_failure(const NestChanges *changes, const char *name, const char *uuid,
                              const GError *error);
