/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tag: the element that an administrator has put into a domain's metadata to get nesting, or to forbid it. */
#include "domain/tag.h"

#include "base/error.h"
#include "base/spelling.h"

#include <string.h>

static const char *const cpu_values[] = {
    [NEST_CPU_AUTO] = "auto",
    [NEST_CPU_HOST_PASSTHROUGH] = "host-passthrough",
    [NEST_CPU_HOST_MODEL] = "host-model",
    [NEST_CPU_KEEP] = "keep",
    NULL,
};
static const char *const migration_values[] = {
    [NEST_MIGRATION_REFUSE] = "refuse", [NEST_MIGRATION_ALLOW] = "allow", NULL};
static const char *const required_values[] = {[FALSE] = "no", [TRUE] = "yes", NULL};

G_STATIC_ASSERT(sizeof(NestCpuPolicy) == sizeof(int) && sizeof(NestMigrationPolicy) == sizeof(int));

/* All attributes. The options of virt-nest enable, their help, and what virt-nest status --json says of a tag, follow from
 * this table. */
static const NestTagAttribute attributes[] = {
    {"cpu", cpu_values, offsetof(NestTag, cpu), "how the CPU is rewritten"},
    {"migration", migration_values, offsetof(NestTag, migration),
     "migration and save while nested guests run"},
    {"required", required_values, offsetof(NestTag, required),
     "refuse the start if nesting cannot be had"},
};

/* The elements that a tag can be. */
static const char *const kinds[] = {
    [NEST_TAG_ENABLE] = "enable",
    [NEST_TAG_DISABLE] = "disable",
};

static gboolean
is_kind(const xmlNode *element, NestTagKind kind)
{
    return g_str_equal((const char *)element->name, kinds[kind]);
}

/* What an element was meant to be. */
static NestTagKind
meant_kind(const xmlNode *element)
{
    return g_str_has_suffix((const char *)element->name, kinds[NEST_TAG_DISABLE]) ? NEST_TAG_DISABLE
                                                                                  : NEST_TAG_ENABLE;
}

/* The command that writes a tag. */
static const char *const commands[] = {
    [NEST_TAG_ENABLE] = "virt-nest enable",
    [NEST_TAG_DISABLE] = "virt-nest disable --forbid",
};

/* (transfer full) What to do about an element that was meant to be the tag. The text also names a command, because virsh
 * metadata --set does not accept the XML with its prefix. */
static gchar *
describe_remedy(const NestDomainXml *xml, const xmlNode *element)
{
    g_autofree gchar *domain = nest_domain_xml_shell_name(xml);
    NestTagKind kind = meant_kind(element);

    return g_strdup_printf("write <nest:%s xmlns:nest='" NEST_TAG_NAMESPACE
                           "'/> in its place (virsh edit), or run %s %s",
                           kinds[kind], commands[kind], domain);
}

static int *
tag_field(const NestTag *tag, const NestTagAttribute *attribute)
{
    return (int *)((char *)tag + attribute->offset);
}

static gboolean
set_tag_value(NestTag *tag, const NestTagAttribute *attribute, const char *value, GError **error)
{
    g_autofree gchar *allowed = NULL;
    g_autofree gchar *hint = NULL;

    for (int v = 0; attribute->values[v]; v++) {
        if (g_str_equal(attribute->values[v], value)) {
            *tag_field(tag, attribute) = v;
            return TRUE;
        }
    }
    allowed = nest_tag_list_values(attribute);
    hint = nest_spelling_hint(value, attribute->values);
    g_set_error(error, NEST_ERROR, NEST_ERROR_TAG_VALUE,
                "the nest:enable tag has %s='%s', which is no value of %s: use one of %s%s",
                attribute->name, value, attribute->name, allowed, hint);
    return FALSE;
}

gboolean
nest_tag_set(NestTag *tag, const char *attribute, const char *value, GError **error)
{
    const char *names[G_N_ELEMENTS(attributes) + 1] = {NULL};
    g_autofree gchar *list = NULL;
    g_autofree gchar *hint = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(attributes); i++) {
        if (g_str_equal(attributes[i].name, attribute))
            return set_tag_value(tag, &attributes[i], value, error);
        names[i] = attributes[i].name;
    }
    list = g_strjoinv(", ", (gchar **)names);
    hint = nest_spelling_hint(attribute, names);
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_TAG_ATTRIBUTE,
        "the nest:enable tag has an unknown attribute '%s': its attributes are %s, all optional%s",
        attribute, list, hint);
    return FALSE;
}

static gboolean
read_tag_attributes(const xmlNode *element, NestTag *tag, GError **error)
{
    for (const xmlAttr *a = element->properties; a; a = a->next) {
        g_autofree gchar *value = nest_xml_attribute(element, (const char *)a->name);
        g_autofree gchar *name =
            a->ns ? g_strdup_printf("%s:%s", a->ns->prefix ? (const char *)a->ns->prefix : "",
                                    (const char *)a->name)
                  : g_strdup((const char *)a->name);

        if (!nest_tag_set(tag, name, value ? value : "", error))
            return FALSE;
    }
    return TRUE;
}

/* Refuses attributes of <nest:disable>, which takes none. */
static gboolean
check_no_attributes(const xmlNode *element, GError **error)
{
    if (!element->properties)
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_TAG_ATTRIBUTE,
                "the nest:disable tag has an attribute '%s', but takes none: remove it",
                (const char *)element->properties->name);
    return FALSE;
}

static gboolean
check_empty(const NestDomainXml *xml, const xmlNode *element, GError **error)
{
    g_autofree gchar *remedy = describe_remedy(xml, element);

    for (const xmlNode *child = element->children; child; child = child->next) {
        if (child->type == XML_COMMENT_NODE ||
            (child->type == XML_TEXT_NODE && xmlIsBlankNode(child)))
            continue;
        g_set_error(error, NEST_ERROR, NEST_ERROR_TAG_CONTENT,
                    "the nest:%s tag has content, but takes %s: %s", (const char *)element->name,
                    is_kind(element, NEST_TAG_ENABLE) ? "only attributes" : "none", remedy);
        return FALSE;
    }
    return TRUE;
}

/* virsh metadata --key gives the element its prefix, also if --set has one already. */
static void
refuse_two_prefixes(const xmlNode *element, const char *domain, GError **error)
{
    NestTagKind kind = meant_kind(element);

    g_set_error(
        error, NEST_ERROR, NEST_ERROR_TAG_ELEMENT,
        "the metadata has <nest:%s>, with two prefixes, as virsh metadata --key adds one: run %s %s, "
        "or virsh metadata %s --uri " NEST_TAG_NAMESPACE " --key nest --set '<%s/>' --config",
        (const char *)element->name, commands[kind], domain, domain, kinds[kind]);
}

static gboolean
check_tag_name(const NestDomainXml *xml, const xmlNode *element, GError **error)
{
    g_autofree gchar *domain = nest_domain_xml_shell_name(xml);
    g_autofree gchar *remedy = describe_remedy(xml, element);

    if (is_kind(element, NEST_TAG_ENABLE) || is_kind(element, NEST_TAG_DISABLE))
        return TRUE;
    if (strchr((const char *)element->name, ':'))
        refuse_two_prefixes(element, domain, error);
    else
        g_set_error(error, NEST_ERROR, NEST_ERROR_TAG_ELEMENT,
                    "the metadata has <nest:%s>, which does not exist: %s",
                    (const char *)element->name, remedy);
    return FALSE;
}

/* libxml2 keeps a prefix that no xmlns declares as a part of the element's name. */
static gboolean
lacks_declaration(const xmlNode *element)
{
    return !element->ns && g_str_has_prefix((const char *)element->name, "nest:");
}

/* Somebody meant such an element to be the tag: it is our word without a namespace, with our
 * prefix, or in a namespace with our name in it. */
gboolean
nest_tag_is_misplaced(const xmlNode *element)
{
    const char *name =
        (const char *)element->name + (lacks_declaration(element) ? strlen("nest:") : 0);
    const char *prefix = element->ns ? (const char *)element->ns->prefix : NULL;
    const char *uri = element->ns ? (const char *)element->ns->href : NULL;
    gboolean word =
        g_str_equal(name, kinds[NEST_TAG_ENABLE]) || g_str_equal(name, kinds[NEST_TAG_DISABLE]);

    if (!word || g_strcmp0(uri, NEST_TAG_NAMESPACE) == 0 ||
        g_strcmp0(uri, NEST_STATE_NAMESPACE) == 0)
        return FALSE;
    return !uri || g_strcmp0(prefix, "nest") == 0 || strstr(uri, "virt-nest") ||
           strstr(uri, "virtnest");
}

static gboolean
refuse_namespace(const NestDomainXml *xml, const xmlNode *element, GError **error)
{
    g_autofree gchar *remedy = describe_remedy(xml, element);
    const char *uri = element->ns ? (const char *)element->ns->href : NULL;
    g_autofree gchar *where = uri ? g_strdup_printf("in the namespace '%s'", uri)
                              : lacks_declaration(element)
                                  ? g_strdup("with a prefix that is not declared")
                                  : g_strdup("without a namespace");

    g_set_error(error, NEST_ERROR, NEST_ERROR_TAG_NAMESPACE,
                "the metadata has <%s> %s, but the tag's namespace is '%s': %s",
                (const char *)element->name, where, NEST_TAG_NAMESPACE, remedy);
    return FALSE;
}

static gboolean
find_element(const NestDomainXml *xml, xmlNode **ret_element, GError **error)
{
    const xmlNode *metadata = nest_domain_xml_metadata(xml);
    xmlNode *found = NULL;

    if (!metadata)
        return TRUE;
    NEST_XML_FOREACH (metadata, child) {
        gboolean ours = nest_xml_in_namespace(child, NEST_TAG_NAMESPACE);

        if (nest_tag_is_misplaced(child))
            return refuse_namespace(xml, child, error);
        if (ours && found) {
            g_set_error_literal(
                error, NEST_ERROR, NEST_ERROR_TAG_TWICE,
                "the metadata has more than one element of the namespace '" NEST_TAG_NAMESPACE
                "', and libvirt keeps only the first: "
                "leave exactly one <nest:enable> or <nest:disable>");
            return FALSE;
        }
        if (ours)
            found = child;
    }
    *ret_element = found;
    return TRUE;
}

gboolean
nest_tag_read(const NestDomainXml *xml, NestTagKind *ret_kind, NestTag *ret_tag, GError **error)
{
    xmlNode *element = NULL;
    NestTag tag = NEST_TAG_DEFAULT;
    NestTagKind kind = NEST_TAG_NONE;

    if (!find_element(xml, &element, error) || (element && !check_tag_name(xml, element, error)))
        return FALSE;
    if (element)
        kind = is_kind(element, NEST_TAG_DISABLE) ? NEST_TAG_DISABLE : NEST_TAG_ENABLE;
    if ((kind == NEST_TAG_DISABLE && !check_no_attributes(element, error)) ||
        (kind == NEST_TAG_ENABLE && !read_tag_attributes(element, &tag, error)) ||
        (element && !check_empty(xml, element, error)))
        return FALSE;
    *ret_kind = kind;
    if (ret_tag)
        *ret_tag = tag;
    return TRUE;
}

const NestTagAttribute *
nest_tag_attribute(gsize i)
{
    return i < G_N_ELEMENTS(attributes) ? &attributes[i] : NULL;
}

const char *
nest_tag_get(const NestTag *tag, const NestTagAttribute *attribute)
{
    return attribute->values[*tag_field(tag, attribute)];
}

gchar *
nest_tag_list_values(const NestTagAttribute *attribute)
{
    NestTag defaults = NEST_TAG_DEFAULT;
    const char *first = nest_tag_get(&defaults, attribute);
    GString *list = g_string_new(first);

    for (const char *const *value = attribute->values; *value; value++)
        if (*value != first)
            g_string_append_printf(list, ", %s", *value);
    return g_string_free(list, FALSE);
}

gchar *
nest_tag_format(const NestTag *tag)
{
    NestTag defaults = NEST_TAG_DEFAULT;
    GString *text = g_string_new("<enable");

    for (gsize i = 0; i < G_N_ELEMENTS(attributes); i++)
        if (*tag_field(tag, &attributes[i]) != *tag_field(&defaults, &attributes[i]))
            g_string_append_printf(text, " %s='%s'", attributes[i].name,
                                   nest_tag_get(tag, &attributes[i]));
    g_string_append(text, "/>");
    return g_string_free(text, FALSE);
}
