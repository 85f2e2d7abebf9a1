/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A running guest that shall migrate: what it needs, and what this host and the destination offer. */
#include "preflight_move.h"
#include "preflight_check.h"

#include "base/error.h"
#include "domain/cpu.h"

#include <string.h>

gboolean
nest_preflight_move_read_guest(NestPreflightMove *move, virDomainPtr domain, GError **error)
{
    g_autofree char *text = NULL;

    if (!nest_live_domain_read(domain, NULL, NULL, TRUE, &move->live, error))
        return FALSE;
    if (!move->live) {
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_LIVE_UNKNOWN,
                            "it does not run, so that it has no CPU yet that could be compared: "
                            "start it (virsh start), or define it there and start it there");
        return FALSE;
    }
    text = virDomainGetXMLDesc(domain, 0);
    if (!text)
        return nest_virt_error(error, "cannot read the running domain");
    move->xml = nest_domain_xml_parse(text, strlen(text), error);
    if (move->xml)
        move->machine = nest_machine_of_domain(move->xml);
    return move->xml != NULL;
}

xmlNode *
nest_preflight_move_cpu(const NestPreflightMove *move)
{
    return nest_domain_xml_cpu(move->xml);
}

gboolean
nest_preflight_move_is_passed_through(const NestPreflightMove *move)
{
    const xmlNode *cpu = nest_preflight_move_cpu(move);

    return cpu && (nest_xml_attribute_is(cpu, "mode", "host-passthrough") ||
                   nest_xml_attribute_is(cpu, "mode", "maximum"));
}

/* (nullable) The <mode name='host-model'> of domain capabilities: the most that a guest there can have. */
static xmlNode *
host_model_of(const NestDomainXml *offer)
{
    const xmlNode *root = nest_xml_child(nest_domain_xml_root(offer), "domainCapabilities");
    xmlNode *cpu = root ? nest_xml_child(root, "cpu") : NULL;

    if (!cpu)
        return NULL;
    NEST_XML_FOREACH (cpu, mode) {
        if (nest_xml_attribute_is(mode, "name", "host-model") &&
            nest_xml_attribute_is(mode, "supported", "yes"))
            return mode;
    }
    return NULL;
}

/* (transfer full)(nullable) The features of the host-model in a libvirt's domain capabilities, as a <cpu> of a guest. */
static GHashTable *
features_offered(virConnectPtr libvirt, const NestMachine *machine, const NestDomainXml *offer)
{
    xmlNode *model = offer ? host_model_of(offer) : NULL;
    g_autoptr(GString) text = g_string_new("<domain><cpu mode='custom' match='exact'>");
    g_autoptr(NestDomainXml) xml = NULL;

    if (!model)
        return NULL;
    NEST_XML_FOREACH (model, child) {
        g_autofree gchar *one = nest_xml_dump(child);

        g_string_append(text, one);
    }
    g_string_append(text, "</cpu></domain>");
    xml = nest_domain_xml_parse(text->str, text->len, NULL);
    return xml ? nest_cpu_features_read(libvirt, machine, nest_domain_xml_cpu(xml), NULL) : NULL;
}

void
nest_preflight_move_read_features(NestPreflightMove *move)
{
    xmlNode *cpu = nest_preflight_move_cpu(move);
    gboolean passed_through = nest_preflight_move_is_passed_through(move);

    if (passed_through || g_str_equal(move->machine.virt, "kvm"))
        move->offer_here = nest_machine_read_offer(move->here, &move->machine);
    if (passed_through)
        move->wanted = features_offered(move->here, &move->machine, move->offer_here);
    else if (cpu)
        move->wanted = nest_cpu_features_read(move->here, &move->machine, cpu, NULL);
    move->offered = features_offered(move->there, &move->machine, move->offer);
}

gchar *
nest_preflight_move_vendor(const NestDomainXml *offer)
{
    xmlNode *model = offer ? host_model_of(offer) : NULL;
    xmlNode *vendor = model ? nest_xml_child(model, "vendor") : NULL;

    return vendor ? (gchar *)xmlNodeGetContent(vendor) : NULL;
}

gboolean
nest_preflight_move_has_feature(const NestPreflightMove *move)
{
    for (gsize i = 0; move->wanted && i < NEST_CPU_FEATURES; i++)
        if (g_hash_table_contains(move->wanted, nest_cpu_features[i]))
            return TRUE;
    return FALSE;
}

gchar *
nest_preflight_move_missing(const NestPreflightMove *move)
{
    g_autoptr(GPtrArray) missing = move->wanted && move->offered
                                       ? nest_preflight_missing(move->wanted, move->offered, FALSE)
                                       : g_ptr_array_new();

    return nest_preflight_missing_text(missing);
}

void
nest_preflight_move_clear(NestPreflightMove *move)
{
    if (move->there)
        virConnectClose(move->there);
    nest_domain_xml_free(move->xml);
    nest_machine_clear(&move->machine);
    nest_domain_xml_free(move->offer_here);
    nest_domain_xml_free(move->offer);
    g_clear_pointer(&move->wanted, g_hash_table_unref);
    g_clear_pointer(&move->offered, g_hash_table_unref);
    nest_live_domain_unref(move->live);
}
