/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keeps a domain from having the CPU that its tag, a rule or the policy asks for, and what to do about it. */
#include "domain_faults.h"

#include "base/error.h"
#include "domain/cpu_off.h"

#include <string.h>

/* The next start would be refused. */
static gchar *
judge_arguments(const NestDomainQuery *query)
{
    const NestCpuVendor *vendor = nest_domain_query_vendor(query, query->definition);
    g_autoptr(GError) error = NULL;

    return !vendor || nest_cpu_check_arguments(query->definition, vendor, &error)
               ? NULL
               : nest_error_with_code(error);
}

/* A tag's mistake, or why the CPU is impossible, or that the definition is not corrected yet. */
static gchar *
judge_definition(const NestDomainQuery *query)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDefinition) definition = NULL;

    if (!query->persistent && nest_domain_query_exposes(query, query->definition))
        return NULL;
    if (!query->persistent) {
        gchar *problem = judge_arguments(query);

        return problem
                   ? problem
                   : g_strdup(
                         "transient, so there is no definition to correct: pass its XML through "
                         "virt-nest rewrite, and create it from that");
    }
    definition = nest_definition_correct(query->text, query->connection->host.vendor,
                                         query->connection->policy,
                                         nest_connection_can_nest(query->connection), &error);
    if (!definition)
        return nest_error_with_code(error);
    return definition->action == NEST_DEFINITION_UNCHANGED ? NULL
                                                           : g_strdup(NEST_DOMAIN_NOT_CORRECTED);
}

static gchar *
judge_host(const NestDomainQuery *query)
{
    g_autoptr(GError) error = NULL;

    if (!nest_cpu_is_kvm(query->definition) ||
        nest_kvm_module_check(&query->connection->host, &error))
        return NULL;
    return nest_error_with_code(error);
}

/* Without the module libvirt refuses to define a KVM domain, so nothing can be corrected before the module is loaded. */
static gchar *
judge_module(const NestDomainQuery *query)
{
    return nest_kvm_module_is_loaded(&query->connection->host) ? NULL : judge_host(query);
}

/* (transfer full)(nullable) The domain as it was saved; NULL if that cannot be read. */
static NestDomainXml *
read_save(const NestDomainQuery *query)
{
    g_autofree char *text = virDomainManagedSaveGetXMLDesc(query->domain, 0);

    return text ? nest_domain_xml_parse(text, strlen(text), NULL) : NULL;
}

static gboolean
save_lacks_cpu(const NestDomainQuery *query)
{
    gboolean saved = virDomainHasManagedSaveImage(query->domain, 0) == 1;
    g_autoptr(NestDomainXml) xml = saved ? read_save(query) : NULL;

    return saved && (!xml || !nest_domain_query_exposes(query, xml));
}

static gchar *
judge_guest(const NestDomainQuery *query)
{
    if (nest_domain_query_has_other_cpu(query))
        return g_strdup_printf(
            "its QEMU was started with %s, which does not give the guest %s, although libvirt's XML "
            "does: look at its <emulator>, which may be a script (virsh dumpxml)",
            query->command->argument, nest_domain_query_vendor(query, query->live)->feature);
    if (query->active)
        return nest_domain_query_guest_exposes(query)
                   ? NULL
                   : g_strdup("running without the corrected CPU: stop it and start it again");
    if (save_lacks_cpu(query))
        return g_strdup(
            "its managed save keeps the old CPU until the next cold boot: start it, shut it "
            "down and start it again, or give up what it saved (virsh managedsave-remove)");
    return NULL;
}

static gchar *
judge_off_definition(const NestDomainQuery *query)
{
    const char *feature = nest_domain_query_shows(query, query->definition);
    g_autofree gchar *argument =
        nest_cpu_off_argument(query->definition, query->connection->host.vendor);

    if (query->persistent && !argument)
        return judge_definition(query);
    if (!feature)
        return NULL;
    return argument ? nest_cpu_off_argument_text(argument, feature, nest_wish_by_text(&query->wish),
                                                 "virsh edit")
                    : g_strdup_printf("transient, and shows the guest %s, which %s forbids",
                                      feature, nest_wish_by_text(&query->wish));
}

static gboolean
save_shows_feature(const NestDomainQuery *query)
{
    g_autoptr(NestDomainXml) xml =
        virDomainHasManagedSaveImage(query->domain, 0) == 1 ? read_save(query) : NULL;

    return xml && nest_domain_query_shows(query, xml);
}

/* A guest that was started before, or was migrated or restored here, keeps the features that it has. */
static gchar *
judge_off_guest(const NestDomainQuery *query)
{
    const char *feature = query->active ? nest_domain_query_guest_shows(query) : NULL;

    if (feature)
        return g_strdup_printf(
            "running with %s, which %s forbids, as it was started before or came here so: shut it down and start it again",
            feature, nest_wish_by_text(&query->wish));
    if (!query->active && save_shows_feature(query))
        return g_strdup(
            "its managed save keeps the old CPU until the next cold boot: start it, shut it "
            "down and start it again, or give up what it saved (virsh managedsave-remove)");
    return NULL;
}

/* The same for a guest that shall have neither vmx nor svm. */
static gchar *(*const off_judges[])(const NestDomainQuery *query) = {judge_off_definition,
                                                                     judge_off_guest};

/* The checks, in the order in which their findings have to be corrected. */
static gchar *(*const judges[])(const NestDomainQuery *query) = {
    judge_module, judge_definition, judge_host, judge_arguments, judge_guest};

gchar *
nest_domain_faults_find(const NestDomainQuery *query)
{
    gboolean off = query->wish.kind == NEST_WISH_DISABLE;
    gsize n = off ? G_N_ELEMENTS(off_judges) : G_N_ELEMENTS(judges);
    gchar *fault = NULL;

    for (gsize i = 0; i < n && !fault; i++)
        fault = off ? off_judges[i](query) : judges[i](query);
    return fault;
}

gchar *
nest_domain_faults_of_guest(const NestDomainQuery *query)
{
    return query->wish.kind == NEST_WISH_DISABLE ? judge_off_guest(query) : judge_guest(query);
}
