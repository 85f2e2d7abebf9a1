/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls a function for each domain that a command names, or for all domains. */
#include "visit.h"

#include "base/error.h"

#include <string.h>

/* In the order in which virsh tries: id, uuid, name. */
static virDomainPtr
look_up_by_name(virConnectPtr libvirt, const char *name)
{
    virDomainPtr domain = NULL;
    guint64 id = 0;

    if (g_ascii_string_to_unsigned(name, 10, 0, G_MAXINT, &id, NULL))
        domain = virDomainLookupByID(libvirt, (int)id);
    if (!domain && strlen(name) == VIR_UUID_STRING_BUFLEN - 1)
        domain = virDomainLookupByUUIDString(libvirt, name);
    return domain ? domain : virDomainLookupByName(libvirt, name);
}

/* Names the libvirt that was asked, and the command that lists its domains: virsh alone may ask another. */
static void
set_not_found(const NestConnection *connection, const char *name, GError **error)
{
    g_autofree gchar *where = nest_connection_where(connection);
    g_autofree gchar *elsewhere = nest_connection_elsewhere(connection);
    gboolean same = g_strcmp0(connection->uri, nest_connection_default_uri()) == 0;

    g_set_error(error, NEST_ERROR, NEST_ERROR_LIBVIRT,
                "no domain '%s'%s: virsh %s%s%slist --all shows them%s", name, where,
                same ? "" : "-c ", same ? "" : connection->uri, same ? "" : " ", elsewhere);
}

static virDomainPtr
find_named_domain(const NestConnection *connection, const char *name, GError **error)
{
    virDomainPtr domain = look_up_by_name(connection->libvirt, name);

    if (!domain && nest_virt_domain_is_gone())
        set_not_found(connection, name, error);
    else if (!domain)
        nest_virt_error(error, "cannot look for the domain");
    return domain;
}

static int
fail_for_domain(const NestConnection *connection, virDomainPtr domain, GError *error)
{
    g_autofree gchar *where = nest_connection_where(connection);
    g_autofree gchar *uuid = nest_virt_uuid(domain);

    nest_changes_add_failure(connection->changes, virDomainGetName(domain), uuid, error);
    g_prefix_error(&error, "%s%s: ", virDomainGetName(domain), where);
    return nest_command_fail(error);
}

static int
visit_named_domains(const NestConnection *connection, gchar **names, NestConnectionVisit visit,
                    gpointer data)
{
    int status = NEST_EXIT_DONE;

    for (gsize i = 0; names[i]; i++) {
        GError *error = NULL;
        g_autoptr(virDomain) domain = find_named_domain(connection, names[i], &error);

        if (!domain) {
            nest_changes_add_failure(connection->changes, names[i], NULL, error);
            status = nest_command_fail(error);
        } else if (!visit(connection, domain, data, &error)) {
            status = fail_for_domain(connection, domain, error);
        }
    }
    return status;
}

static int
visit_all_domains(const NestConnection *connection, NestConnectionVisit visit, gpointer data)
{
    g_autoptr(NestDomainList) domains = NULL;
    GError *error = NULL;
    int status = NEST_EXIT_DONE;

    if (virConnectListAllDomains(connection->libvirt, &domains, 0) < 0) {
        nest_virt_error(&error, "cannot list the domains");
        if (!nest_connection_is_system(connection))
            g_prefix_error(&error, "%s: ", connection->uri);
        return nest_command_fail(error);
    }
    for (gsize i = 0; domains[i]; i++) {
        g_autoptr(GError) problem = NULL;
        g_autofree gchar *uuid = NULL;
        g_autoptr(virDomain) again = NULL;

        if (visit(connection, domains[i], data, &problem))
            continue;
        /* A domain that has gone in the meantime is no failure. */
        uuid = nest_virt_uuid(domains[i]);
        again = virDomainLookupByUUIDString(connection->libvirt, uuid);
        if (again || !nest_virt_domain_is_gone())
            status = fail_for_domain(connection, domains[i], g_steal_pointer(&problem));
    }
    return status;
}

int
nest_connection_visit(const NestConnection *connection, gchar **names, NestConnectionVisit visit,
                      gpointer data)
{
    return *names ? visit_named_domains(connection, names, visit, data)
                  : visit_all_domains(connection, visit, data);
}

int
nest_changes_visit(NestConnection *connection, NestChanges *changes, gchar **names,
                   NestConnectionVisit visit, gpointer data)
{
    g_autoptr(JsonBuilder) builder = changes->json ? json_builder_new() : NULL;
    int status = NEST_EXIT_DONE;

    connection->changes = changes;
    changes->builder = builder;
    if (builder)
        json_builder_begin_array(builder);
    status = nest_connection_visit(connection, names, visit, data);
    changes->builder = NULL;
    if (!builder)
        return status;
    json_builder_end_array(builder);
    nest_output_json_print(builder);
    return status;
}
