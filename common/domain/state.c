/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd's own element in a domain's metadata, with the record and the live status. */
#include "domain/state.h"

#include "base/error.h"

#include <libxml/relaxng.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlRelaxNGParserCtxt, xmlRelaxNGFreeParserCtxt)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlRelaxNGValidCtxt, xmlRelaxNGFreeValidCtxt)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* The text of install/schema/virt-nest-state.rng, put in by the Makefile. */
extern const char nest_state_schema[];

NestState *
nest_state_new(void)
{
    return g_new0(NestState, 1);
}

void
nest_state_free(NestState *state)
{
    if (!state)
        return;
    nest_record_clear(&state->record);
    nest_live_status_clear(&state->live);
    g_free(state);
}

xmlNode *
nest_state_element(const NestDomainXml *xml)
{
    return nest_domain_xml_metadata_element(xml, NEST_STATE_NAMESPACE);
}

/* If the element is set as metadata, libvirt puts its children into the root's namespace. If the element comes
 * with a definition, libvirt leaves its children without a namespace. The schema knows the second form. */
static void
strip_namespace(xmlNode *element)
{
    NEST_XML_FOREACH (element, child) {
        if (nest_xml_in_namespace(child, NEST_STATE_NAMESPACE))
            xmlSetNs(child, NULL);
        strip_namespace(child);
    }
}

static gboolean
is_state_namespace(const xmlNs *ns)
{
    return ns && g_strcmp0((const char *)ns->href, NEST_STATE_NAMESPACE) == 0;
}

/* Both we and libvirt declare our namespace on the root only, and no attribute is in it. A <cpu> with
 * such a declaration or attribute would carry it into the definition, where it means nothing. An element
 * whose prefix is not declared is in no namespace, whatever is around it, and libvirt would drop it.
 * Neither we nor libvirt write xmlns=''. */
static gboolean
is_clean(const xmlNode *element, gboolean in_namespace)
{
    if (nest_xml_in_namespace(element, NEST_STATE_NAMESPACE) != in_namespace ||
        strchr((const char *)element->name, ':'))
        return FALSE;
    for (const xmlNs *ns = element->nsDef; ns; ns = ns->next)
        if (is_state_namespace(ns) || (!ns->prefix && !(ns->href && *ns->href)))
            return FALSE;
    for (const xmlAttr *attribute = element->properties; attribute; attribute = attribute->next)
        if (is_state_namespace(attribute->ns))
            return FALSE;
    NEST_XML_FOREACH (element, child)
        if (!is_clean(child, in_namespace))
            return FALSE;
    return TRUE;
}

/* Whether everything in the element has the same form, either of the two. */
static gboolean
is_uniform(xmlNode *element)
{
    const xmlNode *first = xmlFirstElementChild(element);
    gboolean in_namespace = first && nest_xml_in_namespace(first, NEST_STATE_NAMESPACE);

    NEST_XML_FOREACH (element, child)
        if (!is_clean(child, in_namespace))
            return FALSE;
    return TRUE;
}

/* The schema, read once in a process. */
static xmlRelaxNG *
grammar(void)
{
    static gsize is_read = 0;
    static xmlRelaxNG *read = NULL;

    if (g_once_init_enter(&is_read)) {
        g_autoptr(xmlRelaxNGParserCtxt) parser =
            xmlRelaxNGNewMemParserCtxt(nest_state_schema, (int)strlen(nest_state_schema));

        read = xmlRelaxNGParse(parser);
        g_once_init_leave(&is_read, 1);
    }
    return read;
}

static gboolean
is_valid(xmlDoc *doc)
{
    g_autoptr(xmlRelaxNGValidCtxt) validator = grammar() ? xmlRelaxNGNewValidCtxt(grammar()) : NULL;

    if (!validator)
        return FALSE;
    xmlRelaxNGSetValidStructuredErrors(validator, nest_xml_be_silent, NULL);
    return xmlRelaxNGValidateDoc(validator, doc) == 0;
}

/* The <cpu> in <original> or <applied>; "" where that is empty. If the document has it without the
 * namespace, as we write it, the document's own bytes are taken; else it is printed from @copy, the
 * stripped copy. */
static gchar *
read_cpu(const NestDomainXml *xml, const xmlNode *copy, const char *name)
{
    xmlNode *source = nest_xml_child(nest_xml_child(nest_state_element(xml), name), "cpu");
    const xmlNode *parent = nest_xml_child(copy, name);
    xmlNode *cpu = nest_xml_child(parent, "cpu");

    if (!parent)
        return NULL;
    if (source)
        return nest_domain_xml_source(xml, source);
    return cpu ? nest_xml_dump(cpu) : g_strdup("");
}

NestState *
nest_state_read(const NestDomainXml *xml, GError **error)
{
    g_autoptr(NestState) state = nest_state_new();
    xmlNode *element = nest_state_element(xml);
    g_autoptr(xmlDoc) doc = NULL;
    xmlNode *live = NULL;

    if (!element)
        return g_steal_pointer(&state);
    /* libxml2 validates documents only, so the element becomes one. */
    doc = xmlNewDoc((const xmlChar *)"1.0");
    xmlDocSetRootElement(doc, xmlDocCopyNode(element, doc, 1));
    strip_namespace(xmlDocGetRootElement(doc));
    if (!is_uniform(element) || !is_valid(doc)) {
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_STATE,
                            "the metadata's element of '" NEST_STATE_NAMESPACE "' is not what "
                            "virt-nest writes, so it is not believed: remove it (virsh metadata "
                            "DOMAIN --uri " NEST_STATE_NAMESPACE " --remove --config)");
        return NULL;
    }
    element = xmlDocGetRootElement(doc);
    live = nest_xml_child(element, "live");
    state->record.original = read_cpu(xml, element, "original");
    state->record.applied = read_cpu(xml, element, "applied");
    state->record.id = nest_xml_attribute(nest_xml_child(element, "applied"), "write");
    if (live)
        nest_live_status_read(&state->live, live);
    return g_steal_pointer(&state);
}

NestLiveStatus *
nest_state_read_live(const NestDomainXml *xml)
{
    NestLiveStatus *status = nest_live_status_new();
    const xmlNode *element = nest_state_element(xml);

    if (!element)
        return status;
    NEST_XML_FOREACH (element, live) {
        if (g_strcmp0((const char *)live->name, "live") != 0)
            continue;
        g_free(status->uuid);
        status->uuid = nest_xml_attribute(live, "uuid");
        status->nested = status->nested || !nest_xml_attribute_is(live, "nested", "no");
    }
    return status;
}

gboolean
nest_state_is_empty(const NestState *state)
{
    return !state->record.original && !state->live.uuid;
}

gchar *
nest_state_format(const NestState *state, gboolean with_namespace)
{
    const char *name = with_namespace ? "neststate:domain" : "domain";
    GString *text = g_string_new(NULL);

    g_string_printf(text, "<%s", name);
    if (with_namespace)
        g_string_append(text, " xmlns:neststate='" NEST_STATE_NAMESPACE "'");
    g_string_append_c(text, '>');
    if (state->record.original)
        g_string_append_printf(text, "<original>%s</original><applied write='%s'>%s</applied>",
                               state->record.original, state->record.id, state->record.applied);
    if (state->live.uuid)
        nest_live_status_append(&state->live, text);
    g_string_append_printf(text, "</%s>", name);
    return g_string_free(text, FALSE);
}
