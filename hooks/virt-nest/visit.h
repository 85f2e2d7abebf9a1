/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls a function for each domain that a command names, or for all domains. */
#pragma once

#include "changes.h"

/* Does something with one domain; FALSE with an error that need not name it. */
typedef gboolean (*NestConnectionVisit)(const NestConnection *connection, virDomainPtr domain,
                                        gpointer data, GError **error);

/**
 * nest_connection_visit: do something with each of some domains.
 * @names: each a name, an id or a uuid, as for virsh; empty: all domains
 *
 * An error is printed, with the domain's name before it, and goes into the JSON of changes.h; the other domains still
 * follow. If @names is empty, a domain that vanishes meanwhile is skipped.
 *
 * Returns: the exit status.
 */
int nest_connection_visit(const NestConnection *connection, gchar **names,
                          NestConnectionVisit visit, gpointer data);

/**
 * nest_changes_visit: nest_connection_visit(), with each domain reported as @changes says.
 * @visit: calls nest_changes_print() for what it did; nest_changes_visit() reports its errors
 *
 * Returns: the exit status.
 */
int nest_changes_visit(NestConnection *connection, NestChanges *changes, gchar **names,
                       NestConnectionVisit visit, gpointer data);
