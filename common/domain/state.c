/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd's own element in a domain's metadata, with the record and the live status. */
#include "domain/state.h"

#include "base/error.h"
#include "domain/xml_edit.h"

#include <libxml/relaxng.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlRelaxNGParserCtxt, xmlRelaxNGFreeParserCtxt)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlRelaxNGValidCtxt, xmlRelaxNGFreeValidCtxt)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* The text of install/schema/virt-nest-state.rng, put in by the Makefile. */
extern const char nest_state_schema[];

/* What this release knows of the element and of what stands in it. */
#define LIST(...) ((const char *const[]){__VA_ARGS__})
static const NestKnown in_domain = {LIST(NULL), LIST("original", "applied", "live", NULL)};
static const NestKnown in_original = {LIST(NULL), LIST("cpu", NULL)};
static const NestKnown in_applied = {LIST("write", NULL), LIST("cpu", NULL)};
static const NestKnown in_live = {
    LIST("uuid", "qemu", "nested", "since", "why", "probe", "guard", "problem", NULL), LIST(NULL)};
/* Where the record cannot be read, all of it is unknown. */
static const NestKnown beside_live = {LIST(NULL), LIST("live", NULL)};

/* The attributes of <live> that may be missing or invalid while the rest is still believed, and the value
 * that replaces such an attribute; NULL: the attribute is left out. */
static const struct {
    const char *name, *missing;
} droppable[] = {
    {"qemu", ""},    {"since", NULL}, {"why", NULL},
    {"probe", NULL}, {"guard", NULL}, {"problem", NULL},
};

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
    nest_unknown_clear(&state->unknown);
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

/* Whether the element has an attribute in our namespace, or one with our prefix for another namespace. We could not write the
 * latter again, because in our element the prefix means our namespace. */
static gboolean
has_attribute_of_ours(const xmlNode *element)
{
    for (const xmlAttr *attribute = element->properties; attribute; attribute = attribute->next)
        if (is_state_namespace(attribute->ns) ||
            (attribute->ns && g_strcmp0((const char *)attribute->ns->prefix, "neststate") == 0))
            return TRUE;
    return FALSE;
}

/* Both we and libvirt declare our namespace on the root only, and no attribute is in it. A <cpu> with
 * such a declaration or attribute would carry it into the definition, where it means nothing.
 * Neither we nor libvirt write xmlns=''. An element in somebody else's namespace is of another
 * release, and stays in it in either form. */
static gboolean
is_clean(const xmlNode *element, gboolean in_namespace)
{
    if (is_state_namespace(element->ns) ? !in_namespace : in_namespace && !element->ns)
        return FALSE;
    for (const xmlNs *ns = element->nsDef; ns; ns = ns->next)
        if (is_state_namespace(ns) || (!ns->prefix && !(ns->href && *ns->href)))
            return FALSE;
    if (has_attribute_of_ours(element))
        return FALSE;
    NEST_XML_FOREACH (element, child)
        if (!is_clean(child, in_namespace))
            return FALSE;
    return TRUE;
}

/* Whether @child is one of the known children of our element, in either of the two forms. */
static gboolean
is_part_of_state(const xmlNode *child, const char *name)
{
    return g_strcmp0((const char *)child->name, name) == 0 &&
           (!child->ns || is_state_namespace(child->ns));
}

/* Whether there is exactly one record, and each of its halves has one of the two forms throughout: with the namespace,
 * or without. */
static gboolean
is_clean_record(const xmlNode *element)
{
    guint originals = 0;
    guint applieds = 0;

    NEST_XML_FOREACH (element, child) {
        if (!is_part_of_state(child, "original") && !is_part_of_state(child, "applied"))
            continue;
        if (!is_clean(child, is_state_namespace(child->ns)))
            return FALSE;
        originals += is_part_of_state(child, "original");
        applieds += is_part_of_state(child, "applied");
    }
    return originals == 1 && applieds == 1;
}

/* Whether a name in the element has an undeclared prefix. Such a name is in no namespace, and libvirt would drop it. In the
 * element that we write, the prefix may be declared, and the name would then be in that namespace. */
static gboolean
has_undeclared_prefix(const xmlNode *element)
{
    if (strchr((const char *)element->name, ':'))
        return TRUE;
    for (const xmlAttr *attribute = element->properties; attribute; attribute = attribute->next)
        if (strchr((const char *)attribute->name, ':'))
            return TRUE;
    NEST_XML_FOREACH (element, child)
        if (!is_part_of_state(child, "live") &&
            has_undeclared_prefix(child)) /* <live> is not carried along */
            return TRUE;
    return FALSE;
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
read_recorded_cpu(const NestDomainXml *xml, const xmlNode *copy, const char *name)
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

/* (transfer full) An element of ours that is empty, in a document of its own, as libxml2 validates documents only. */
static xmlDoc *
empty_document(void)
{
    xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
    xmlNode *root = xmlNewDocNode(doc, NULL, (const xmlChar *)"domain", NULL);
    const xmlChar *prefix = (const xmlChar *)"neststate";

    xmlSetNs(root, xmlNewNs(root, (const xmlChar *)NEST_STATE_NAMESPACE, prefix));
    xmlDocSetRootElement(doc, root);
    return doc;
}

/* The values of xmlDocCopyNode()'s argument @recursive. */
enum { WITH_CHILDREN = 1, WITHOUT_CHILDREN = 2 };

static xmlNode *
add_copy(xmlDoc *doc, xmlNode *element, int extent)
{
    return xmlAddChild(xmlDocGetRootElement(doc), xmlDocCopyNode(element, doc, extent));
}

/* Adds a copy of <original> or <applied> without what is not known. If there is no <cpu>, other elements stay, and
 * the schema refuses them: they may be another release's way to record a CPU. */
static void
add_half(xmlDoc *doc, xmlNode *half, const NestKnown *known)
{
    xmlNode *copy = add_copy(doc, half, WITH_CHILDREN);

    if (nest_xml_child(copy, "cpu") || !xmlFirstElementChild(copy))
        nest_unknown_remove(copy, known);
}

/* @copy: our element, stripped of its namespace */
static gboolean
is_valid_record(const xmlNode *copy)
{
    g_autoptr(xmlDoc) doc = empty_document();

    add_half(doc, nest_xml_child(copy, "original"), &in_original);
    add_half(doc, nest_xml_child(copy, "applied"), &in_applied);
    return is_valid(doc);
}

static void
read_state_record(NestState *state, const NestDomainXml *xml, const xmlNode *copy)
{
    xmlNode *original = nest_xml_child(copy, "original");
    xmlNode *applied = nest_xml_child(copy, "applied");
    NestRecord *record = &state->record;

    nest_record_replace(record, read_recorded_cpu(xml, copy, "original"),
                        read_recorded_cpu(xml, copy, "applied"),
                        nest_xml_attribute(applied, "write"));
    nest_unknown_read(&record->in_original, original, &in_original);
    nest_unknown_read(&record->in_applied, applied, &in_applied);
}

/* Drops the attributes that could not have been written. FALSE: the live status is not valid without them either. */
static gboolean
drop_invalid(xmlDoc *doc, xmlNode *live)
{
    gchar *values[G_N_ELEMENTS(droppable)] = {NULL};
    gboolean is_good = FALSE;

    for (gsize i = 0; i < G_N_ELEMENTS(droppable); i++) {
        values[i] = nest_xml_attribute(live, droppable[i].name);
        nest_xml_set_attribute(live, droppable[i].name, droppable[i].missing);
    }
    is_good = is_valid(doc);
    for (gsize i = 0; i < G_N_ELEMENTS(droppable); i++) {
        if (values[i])
            nest_xml_set_attribute(live, droppable[i].name, values[i]);
        if (!is_valid(doc))
            nest_xml_set_attribute(live, droppable[i].name, droppable[i].missing);
        g_free(values[i]);
    }
    return is_good;
}

/* Reads one <live>. We write only one. Of several, the first that can be believed counts; but those after
 * it can also say that nested guests run. */
static void
read_live(NestState *state, xmlNode *live)
{
    g_autoptr(xmlDoc) doc = empty_document();
    xmlNode *copy = add_copy(doc, live, WITHOUT_CHILDREN);
    gboolean is_clear =
        nest_xml_attribute_is(live, "nested", "yes") || nest_xml_attribute_is(live, "nested", "no");
    gboolean nested = state->live.nested || !nest_xml_attribute_is(live, "nested", "no");

    nest_unknown_remove(copy, &in_live);
    nest_xml_set_attribute(copy, "nested", nested ? "yes" : "no");
    if (!state->live.uuid && (is_valid(doc) || drop_invalid(doc, copy)))
        nest_live_status_read(&state->live, copy);
    state->live.nested = nested && state->live.uuid;
    state->has_live = TRUE;
    state->is_vague = state->is_vague || !is_clear;
}

/* The version of what wrote the element; 0: unknown. It is in a processing instruction, because older releases take an
 * element for forged if it has an attribute that they do not know. */
static guint64
read_version(const xmlNode *element)
{
    const char *attribute = "version='";

    for (const xmlNode *node = element->children; node; node = node->next) {
        const char *at = node->type == XML_PI_NODE && node->content &&
                                 g_str_equal((const char *)node->name, "virt-nest")
                             ? strstr((const char *)node->content, attribute)
                             : NULL;

        if (at)
            return g_ascii_strtoull(at + strlen(attribute), NULL, 10);
    }
    return 0;
}

/* @root: our element, stripped of its namespace */
static void
read_state(NestState *state, const NestDomainXml *xml, xmlNode *root)
{
    const xmlNode *element = nest_state_element(xml);
    gboolean is_ours = g_strcmp0((const char *)element->name, "domain") == 0 &&
                       !has_attribute_of_ours(element) && !has_undeclared_prefix(element);
    gboolean has = FALSE; /* a record */

    NEST_XML_FOREACH (element, child)
        has |= is_part_of_state(child, "original") || is_part_of_state(child, "applied");
    state->is_unreadable =
        !is_ours || (has && !(is_clean_record(element) && is_valid_record(root)));
    nest_unknown_read(&state->unknown, root, state->is_unreadable ? &beside_live : &in_domain);
    if (has && !state->is_unreadable)
        read_state_record(state, xml, root);
    NEST_XML_FOREACH (root, child)
        if (nest_xml_is(child, "live"))
            read_live(state, child);
    state->version = read_version(element);
}

NestState *
nest_state_read(const NestDomainXml *xml)
{
    NestState *state = nest_state_new();
    xmlNode *element = nest_state_element(xml);
    g_autoptr(xmlDoc) doc = NULL;

    if (!element)
        return state;
    doc = xmlNewDoc((const xmlChar *)"1.0");
    xmlDocSetRootElement(doc, xmlDocCopyNode(element, doc, 1));
    strip_namespace(xmlDocGetRootElement(doc));
    read_state(state, xml, xmlDocGetRootElement(doc));
    return state;
}

gboolean
nest_state_check(const NestState *state, GError **error)
{
    g_autofree gchar *writer = NULL;

    if (!state->is_unreadable)
        return TRUE;
    writer = state->version > NEST_STATE_VERSION
                 ? g_strdup_printf("a newer virt-nest wrote it (version %" G_GUINT64_FORMAT
                                   " of the record, and this one knows %d): use that one, or ",
                                   state->version, NEST_STATE_VERSION)
                 : g_strdup("if another release of virt-nest wrote it, use that one; otherwise ");
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_STATE,
        "the record in its metadata, the element of '" NEST_STATE_NAMESPACE "', is not what this "
        "virt-nest writes, so it is neither believed nor deleted, and the CPU stays as it is: "
        "%sgive up the CPU from before the correction and remove the record (virsh metadata "
        "DOMAIN --uri " NEST_STATE_NAMESPACE " --remove --config)",
        writer);
    return FALSE;
}

void
nest_state_set_persistent(NestState *state, const NestState *other)
{
    nest_record_set(&state->record, &other->record);
    nest_unknown_set(&state->unknown, &other->unknown);
    state->is_unreadable = other->is_unreadable;
}

gboolean
nest_state_is_empty(const NestState *state)
{
    return !state->record.original && !state->live.uuid && !state->unknown.elements;
}

static void
append_nullable(GString *text, const char *nullable)
{
    g_string_append(text, nullable ? nullable : "");
}

static void
append_record(GString *text, const NestRecord *record)
{
    g_string_append(text, "<original");
    append_nullable(text, record->in_original.attributes);
    g_string_append_printf(text, ">%s", record->original);
    if (*record
             ->original) /* without a <cpu>, they would look like another release's way to record a CPU */
        append_nullable(text, record->in_original.elements);
    g_string_append_printf(text, "</original><applied write='%s'", record->id);
    append_nullable(text, record->in_applied.attributes);
    g_string_append_printf(text, ">%s", record->applied);
    append_nullable(text, record->in_applied.elements);
    g_string_append(text, "</applied>");
}

gchar *
nest_state_format(const NestState *state, gboolean with_namespace)
{
    const char *name = with_namespace ? "neststate:domain" : "domain";
    GString *text = g_string_new(NULL);

    g_string_printf(text, "<%s", name);
    if (with_namespace)
        g_string_append(text, " xmlns:neststate='" NEST_STATE_NAMESPACE "'");
    append_nullable(text, state->unknown.attributes);
    g_string_append(text, "><?virt-nest version='" G_STRINGIFY(NEST_STATE_VERSION) "'?>");
    if (state->record.original)
        append_record(text, &state->record);
    append_nullable(text, state->unknown.elements);
    if (state->live.uuid)
        nest_live_status_append(&state->live, text);
    g_string_append_printf(text, "</%s>", name);
    return g_string_free(text, FALSE);
}

void
nest_state_remove_live(NestDomainXml *xml)
{
    NEST_XML_FOREACH (nest_state_element(xml), child)
        if (is_part_of_state(child, "live"))
            nest_domain_xml_replace(xml, child, NULL);
}
