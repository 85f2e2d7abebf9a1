/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest apply: does once what virtnestd does when a definition changes. */
#include "visit.h"

#include <stdio.h>

typedef struct {
    gboolean named; /* the domains are named, and not all of them */
    guint seen;     /* how many there were */
    NestChanges changes;
} Request;

/* A named domain is always reported, and for programs (--json) every domain is. With --all, only changed domains are. */
static void
print_applied(const NestConnection *connection, virDomainPtr domain, const Request *request,
              const NestDefinition *definition)
{
    g_autofree gchar *done = nest_correct_describe(definition);
    g_autofree gchar *remarks = nest_definition_describe_remarks(definition);
    g_autofree gchar *nothing = g_strdup_printf(
        "nothing to do%s%s", definition->wish.kind == NEST_WISH_LEAVE ? ", it is not tagged" : "",
        remarks);

    if (done || request->named || request->changes.json)
        nest_changes_print(connection, domain, done != NULL, done ? done : nothing, NULL);
}

static gboolean
apply_to(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    Request *request = data;
    g_autoptr(NestDefinition) definition = NULL;

    request->seen++;
    if (!nest_connection_check_policy(connection, error) ||
        (request->named && !nest_connection_check_persistent(domain, error)))
        return FALSE;
    definition = nest_correct_domain(&connection->corrector, domain, error);
    if (definition)
        print_applied(connection, domain, request, definition);
    return definition != NULL;
}

/* @status: of the visit. If there was no domain to visit, it says so: perhaps another libvirt was meant. */
static int
finish(const NestConnection *connection, const Request *request, int status)
{
    g_autofree gchar *where = nest_connection_where(connection);
    g_autofree gchar *elsewhere = nest_connection_elsewhere(connection);

    if (!request->changes.json && !request->named && request->seen == 0 && status == NEST_EXIT_DONE)
        (void)printf("nothing to do: no domain%s%s\n", where, elsewhere);
    return status;
}

int
nest_apply(NestCall *call)
{
    g_autoptr(NestConnection) connection = NULL;
    GError *error = NULL;
    gboolean all = FALSE;
    Request request = {0};
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"all", 0, 0, G_OPTION_ARG_NONE, &all, "every domain of this host", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &request.changes.json, NEST_CHANGES_JSON_HELP, NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (all == (*call->arguments != NULL))
        return nest_command_misused(call, "name one or more domains, or say --all");
    request.named = !all;
    connection = nest_connection_open_for(call, NEST_CONNECTION_TO_CHANGE, &error);
    if (!connection)
        return nest_command_fail(error);
    status = nest_changes_visit(connection, &request.changes, call->arguments, apply_to, &request);
    return finish(connection, &request, status);
}
