/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fuzz targets share: promises that abort, and checks of what more than one of them gets. */
#include "fuzz.h"

#include "domain/allow.h"
#include "domain/prefilter.h"
#include "domain/state.h"

#include <libxml/xmlerror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gchar *world;

void
fuzz_break(const char *sentence, const char *file, int line, const char *about)
{
    (void)fprintf(stderr, "%s:%d: broken: %s\n%s\n", file, line, sentence, about ? about : "");
    abort();
}

guint
fuzz_choice(guint8 byte, guint n)
{
    return (guint8)(byte - '0') % n;
}

gchar *
fuzz_place(const FuzzPlace *places, guint n, const guint8 *data, gsize size)
{
    const FuzzPlace *place = size > 0 ? &places[fuzz_choice(data[0], n)] : NULL;
    g_autofree gchar *input = place ? g_strndup((const char *)data + 1, size - 1) : NULL;

    return place ? g_strconcat(place->before, input, place->after, NULL) : NULL;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    nest_xml_init();
    /* Without this, libxml2 prints some errors to standard error. */
    xmlSetStructuredErrorFunc(NULL, nest_xml_be_silent);
    return fuzz_start() ? 0 : 1;
}

static void
remove_world(void)
{
    const char *const command[] = {"rm", "-rf", "--", world, NULL};

    (void)g_spawn_sync(NULL, (gchar **)command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                       NULL, NULL);
    g_free(world);
}

gchar *
fuzz_world(void)
{
    world = g_dir_make_tmp("virt-nest-fuzz-XXXXXX", NULL);
    PROMISE("there is a place for a host", world && atexit(remove_world) == 0, NULL);
    return g_strdup(world);
}

void
fuzz_check_message(const char *message)
{
    PROMISE("a message says something", message && *message, NULL);
    PROMISE("a message is UTF-8", g_utf8_validate(message, -1, NULL), message);
    PROMISE("a message is one line", !strpbrk(message, "\n\r"), message);
}

void
fuzz_check_error(const GError *error, NestErrorCode first, NestErrorCode last)
{
    g_autofree gchar *text = NULL;

    PROMISE("what failed says why", error, NULL);
    PROMISE("an error is ours", error->domain == NEST_ERROR, error->message);
    PROMISE("an error has the code its header names",
            error->code >= (int)first && error->code <= (int)last, nest_error_name(error));
    text = nest_error_text(error);
    fuzz_check_message(text);
}

NestDomainXml *
fuzz_parse(const char *text, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(text, length, &error);
    g_autofree gchar *same = xml ? nest_domain_xml_text(xml) : NULL;

    if (!xml)
        fuzz_check_error(error, NEST_ERROR_XML, NEST_ERROR_XML_DTD);
    else
        PROMISE("an unchanged document comes out as it came in",
                strlen(same) == length && memcmp(same, text, length) == 0, same);
    return g_steal_pointer(&xml);
}

/* One's own result, which is well-formed. */
static NestDomainXml *
parse_own(const char *text)
{
    NestDomainXml *xml = fuzz_parse(text, strlen(text));

    PROMISE("what comes out is the XML of a domain", xml, text);
    return xml;
}

static xmlNode *
find_tag(const NestDomainXml *xml)
{
    const xmlNode *metadata = nest_xml_child(nest_domain_xml_root(xml), "metadata");

    if (!metadata)
        return NULL;
    NEST_XML_FOREACH (metadata, child)
        if (nest_xml_in_namespace(child, NEST_TAG_NAMESPACE))
            return child;
    return NULL;
}

gchar *
fuzz_without_tag(const char *text)
{
    g_autoptr(NestDomainXml) xml = parse_own(text);
    const xmlNode *tag = find_tag(xml);

    if (tag)
        nest_domain_xml_replace(xml, tag, NULL);
    return nest_domain_xml_text(xml);
}

/* (transfer full) What no correction may change: a document without its <cpu> and what is ours. */
static gchar *
outside(NestDomainXml *xml)
{
    const xmlNode *const ours[] = {nest_domain_xml_cpu(xml), nest_state_element(xml),
                                   nest_allow_element(xml)};

    for (gsize i = 0; i < G_N_ELEMENTS(ours); i++)
        if (ours[i])
            nest_domain_xml_replace(xml, ours[i], NULL);
    return nest_domain_xml_text(xml);
}

gboolean
fuzz_is_recordable(const char *text)
{
    g_autoptr(NestDomainXml) xml = parse_own(text);
    const xmlNode *cpu = nest_domain_xml_cpu(xml);
    g_autofree gchar *source = cpu ? nest_domain_xml_source(xml, cpu) : g_strdup("");
    NestState state = {.record.original = source,
                       .record.applied = cpu ? source : (gchar *)"<cpu/>",
                       .record.id = (gchar *)"0123456789abcdef0123456789abcdef"};
    g_autofree gchar *element = nest_state_format(&state, TRUE);
    g_autofree gchar *record = g_strdup_printf("<domain><metadata>%s</metadata></domain>", element);
    g_autoptr(NestDomainXml) recorded = parse_own(record);
    g_autoptr(NestState) again = nest_state_read(recorded);

    return nest_state_check(again, NULL);
}

/* Only <cpu> and what is ours are changed, and of what virtnestd wrote, only the record of a correction is left. */
void
fuzz_check_changed(const char *before, const char *after)
{
    g_autoptr(NestDomainXml) old = parse_own(before);
    g_autoptr(NestDomainXml) new = parse_own(after);
    g_autoptr(NestState) state = nest_state_read(new);
    g_autoptr(NestState) was = nest_state_read(old);
    gboolean is_allowed = nest_allow_element(new) != NULL;
    g_autofree gchar *old_outside = outside(old);
    g_autofree gchar *new_outside = outside(new);

    PROMISE("nothing but <cpu> and what is ours is changed", g_str_equal(old_outside, new_outside),
            after);
    PROMISE("a record that is written is one that is believed",
            !state->is_unreadable || was->is_unreadable || !fuzz_is_recordable(before), after);
    PROMISE("a record that cannot be read stays", state->is_unreadable || !was->is_unreadable,
            after);
    PROMISE("what another release wrote stays",
            !was->unknown.elements || state->unknown.elements || state->is_unreadable, after);
    PROMISE("no live status is left", !state->has_live, after);
    PROMISE("nothing that virt-nest allow wrote is left", !is_allowed, after);
}

/* @first: (nullable) of its namespace */
static gboolean
is_followed(const xmlNode *first, const char *namespace)
{
    for (const xmlNode *node = first ? first->next : NULL; node; node = node->next)
        if (nest_xml_in_namespace(node, namespace))
            return TRUE;
    return FALSE;
}

/* libvirt keeps one element of a namespace, the first, so a definition never has two records. */
static gboolean
has_two(const char *text)
{
    g_autoptr(NestDomainXml) xml = NULL;

    if (!nest_prefilter_matches(text, strlen(text)))
        return FALSE;
    xml = fuzz_parse(text, strlen(text));
    return xml && (is_followed(nest_state_element(xml), NEST_STATE_NAMESPACE) ||
                   is_followed(nest_allow_element(xml), NEST_ALLOW_NAMESPACE));
}

NestDefinition *
fuzz_correct(const char *text, const NestCpuVendor *host, gboolean kvm_can_nest)
{
    g_autoptr(GError) error = NULL;
    NestDefinition *definition =
        has_two(text) ? NULL : nest_definition_correct(text, host, NULL, kvm_can_nest, &error);
    gboolean unchanged = definition && definition->action == NEST_DEFINITION_UNCHANGED;

    if (error && !g_error_matches(error, NEST_ERROR, NEST_ERROR_STATE))
        fuzz_check_error(error, NEST_ERROR_XML, NEST_ERROR_HOST_VENDOR);
    if (!definition)
        return NULL;
    PROMISE("a change has a text", (definition->xml == NULL) == unchanged, text);
    PROMISE("a change has a sentence", (definition->changes->len == 0) == unchanged, text);
    PROMISE("a correction has its word",
            !!definition->record_id == (definition->action == NEST_DEFINITION_CORRECTED), text);
    for (guint i = 0; i < definition->changes->len; i++)
        fuzz_check_message(g_ptr_array_index(definition->changes, i));
    return definition;
}

static gboolean
is_readable(const char *text)
{
    g_autoptr(NestDomainXml) xml = parse_own(text);
    g_autoptr(NestState) state = nest_state_read(xml);

    return nest_state_check(state, NULL);
}

void
fuzz_check_done(const char *text, const NestCpuVendor *host, gboolean kvm_can_nest)
{
    g_autoptr(NestDefinition) definition = fuzz_correct(text, host, kvm_can_nest);

    /* From beside a record that cannot be read, a live status is taken out first. */
    PROMISE("what was corrected can be corrected", definition || !is_readable(text), text);
    PROMISE("a second correction finds nothing to do",
            !definition || definition->action == NEST_DEFINITION_UNCHANGED,
            definition ? definition->xml : text);
}
