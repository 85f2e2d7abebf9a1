/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virt-nest allow leaves: it is read as it is written, what is forged allows nothing, and so says the schema. */
#include "check.h"
#include "domain/allow.h"

#include <libxml/parser.h>
#include <libxml/relaxng.h>

#define NS "xmlns:nestallow='urn:virt-nest:allow:1'"
#define ELEMENT(attributes) "<nestallow:domain " NS " " attributes "/>"

/* What a schema cannot tell from an empty element. */
#define WHITE_SPACE "white space in it"
#define COMMENT "a comment in it"

static NestDomainXml *
domain_with(const char *metadata)
{
    g_autofree gchar *text =
        g_strdup_printf("<domain type='kvm'><name>a</name><metadata>%s</metadata></domain>", metadata);

    return check_parse(text);
}

static const struct {
    const char *sentence, *metadata;
    NestAllow allow;
} believed[] = {
    {"for a time", ELEMENT("until='1790000000'"), {FALSE, 1790000000}},
    {"once", ELEMENT("once='yes'"), {TRUE, 0}},
    {"no time", ELEMENT("until='0'"), {FALSE, 0}},
    {"the longest time", ELEMENT("until='999999999999999999'"), {FALSE, 999999999999999999}},
    {"leading zeros", ELEMENT("until='007'"), {FALSE, 7}},
    {"another prefix", "<a:domain xmlns:a='urn:virt-nest:allow:1' once='yes'/>", {TRUE, 0}},
    {"a default namespace", "<domain xmlns='urn:virt-nest:allow:1' once='yes'/>", {TRUE, 0}},
    {"a start and an end tag", "<nestallow:domain " NS " once='yes'></nestallow:domain>", {TRUE, 0}},
    {"after other metadata", "<x:a xmlns:x='urn:x'/>\n  " ELEMENT("once='yes'"), {TRUE, 0}},
};

static const struct {
    const char *sentence, *metadata;
} forged[] = {
    {"no attribute", "<nestallow:domain " NS "/>"},
    {"both attributes", ELEMENT("until='1790000000' once='yes'")},
    {"both attributes in the other order", ELEMENT("once='yes' until='1790000000'")},
    {"an unknown attribute", ELEMENT("always='yes'")},
    {"an unknown attribute beside", ELEMENT("once='yes' always='yes'")},
    {"an attribute of our namespace", ELEMENT("nestallow:once='yes'")},
    {"an attribute of another namespace", ELEMENT("x:until='1790000000' xmlns:x='urn:x'")},
    {"an attribute of another namespace beside", ELEMENT("once='yes' x:once='yes' xmlns:x='urn:x'")},
    {"once no", ELEMENT("once='no'")},
    {"once in capitals", ELEMENT("once='YES'")},
    {"once with a space", ELEMENT("once='yes '")},
    {"once empty", ELEMENT("once=''")},
    {"once as a number", ELEMENT("once='1'")},
    {"until empty", ELEMENT("until=''")},
    {"until in words", ELEMENT("until='tomorrow'")},
    {"until negative", ELEMENT("until='-1'")},
    {"until with a sign", ELEMENT("until='+1790000000'")},
    {"until with a space", ELEMENT("until=' 1790000000'")},
    {"until with a newline", ELEMENT("until='1790000000&#10;'")},
    {"until in hex", ELEMENT("until='0x7fffffff'")},
    {"until with a fraction", ELEMENT("until='1790000000.5'")},
    {"until with an exponent", ELEMENT("until='1e17'")},
    {"until of 19 digits", ELEMENT("until='1000000000000000000'")},
    {"until in Arabic digits", ELEMENT("until='\xd9\xa1\xd9\xa7'")},
    {"text in it", "<nestallow:domain " NS " once='yes'>yes</nestallow:domain>"},
    {WHITE_SPACE, "<nestallow:domain " NS " once='yes'> </nestallow:domain>"},
    {COMMENT, "<nestallow:domain " NS " once='yes'><!-- --></nestallow:domain>"},
    {"CDATA in it", "<nestallow:domain " NS " once='yes'><![CDATA[x]]></nestallow:domain>"},
    {"a child", "<nestallow:domain " NS " once='yes'><nestallow:domain once='yes'/></nestallow:domain>"},
    {"another element", "<nestallow:allow " NS " once='yes'/>"},
    {"a malformed one before a good one", ELEMENT("once='no'") ELEMENT("once='yes'")},
};

/* Looks like ours and is not. */
static const struct {
    const char *sentence, *metadata;
} foreign[] = {
    {"nothing", ""},
    {"no namespace", "<domain once='yes'/>"},
    {"another version", "<nestallow:domain xmlns:nestallow='urn:virt-nest:allow:2' once='yes'/>"},
    {"the tag's namespace", "<nest:domain xmlns:nest='urn:virt-nest:1' once='yes'/>"},
    {"the record's namespace", "<neststate:domain xmlns:neststate='urn:virt-nest:state:1' once='yes'/>"},
    {"inside another element", "<x:a xmlns:x='urn:x'>" ELEMENT("once='yes'") "</x:a>"},
    {"in a comment", "<!-- " ELEMENT("once='yes'") " -->"},
};

static void
check_allow(const NestDomainXml *xml, const NestAllow *expected)
{
    const NestAllow allow = nest_allow_read(xml);

    g_assert_cmpint(allow.once, ==, expected->once);
    g_assert_cmpint(allow.until, ==, expected->until);
}

static gboolean
schema_takes(xmlNode *element)
{
    g_autofree gchar *path = check_source_path("install/schema/virt-nest-allow.rng");
    xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewParserCtxt(path);
    xmlRelaxNG *schema = xmlRelaxNGParse(parser);
    xmlRelaxNGValidCtxt *validator = xmlRelaxNGNewValidCtxt(schema);
    xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
    gboolean taken = FALSE;

    g_assert_nonnull(schema);
    xmlRelaxNGSetValidStructuredErrors(validator, nest_xml_be_silent, NULL);
    xmlDocSetRootElement(doc, xmlDocCopyNode(element, doc, 1));
    taken = xmlRelaxNGValidateDoc(validator, doc) == 0;
    xmlFreeDoc(doc);
    xmlRelaxNGFreeValidCtxt(validator);
    xmlRelaxNGFree(schema);
    xmlRelaxNGFreeParserCtxt(parser);
    return taken;
}

static void
test_believed(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(NestDomainXml) xml = domain_with(believed[i].metadata);

    g_assert_nonnull(nest_allow_element(xml));
    check_allow(xml, &believed[i].allow);
    g_assert_true(schema_takes(nest_allow_element(xml)));
}

static void
test_forged(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(NestDomainXml) xml = domain_with(forged[i].metadata);
    gboolean looks_empty =
        g_str_equal(forged[i].sentence, WHITE_SPACE) || g_str_equal(forged[i].sentence, COMMENT);

    g_assert_nonnull(nest_allow_element(xml));
    check_allow(xml, &(NestAllow){0});
    g_assert_cmpint(schema_takes(nest_allow_element(xml)), ==, looks_empty);
}

static void
test_foreign(gconstpointer data)
{
    g_autoptr(NestDomainXml) xml = domain_with(foreign[GPOINTER_TO_SIZE(data)].metadata);

    g_assert_null(nest_allow_element(xml));
    check_allow(xml, &(NestAllow){0});
}

static void
test_no_metadata(void)
{
    g_autoptr(NestDomainXml) xml = check_parse("<domain><name>a</name></domain>");

    g_test_summary("a domain without metadata allows nothing");
    g_assert_null(nest_allow_element(xml));
    check_allow(xml, &(NestAllow){0});
}

/* As virDomainSetMetadata() puts it in. */
static void
test_round_trip(void)
{
    static const NestAllow allows[] = {{TRUE, 0}, {FALSE, 1790000000}, {FALSE, 999999999999999999}, {0}};

    g_test_summary("what is written is read again");
    for (gsize i = 0; i < G_N_ELEMENTS(allows); i++) {
        g_autofree gchar *element = nest_allow_format(&allows[i]);
        g_autofree gchar *metadata = NULL;
        g_autoptr(NestDomainXml) xml = NULL;

        g_assert_true(g_str_has_prefix(element, "<domain "));
        metadata = g_strconcat("<" NEST_ALLOW_PREFIX ":domain xmlns:" NEST_ALLOW_PREFIX "='" NEST_ALLOW_NAMESPACE "' ",
                               element + strlen("<domain "), NULL);
        xml = domain_with(metadata);
        check_allow(xml, &allows[i]);
    }
}

static void
test_holds(void)
{
    static const struct {
        NestAllow allow;
        gint64 now;
        gboolean holds;
    } times[] = {
        {{0}, 0, FALSE},         {{0}, 1790000000, FALSE},     {{FALSE, 100}, 99, TRUE},
        {{FALSE, 100}, 100, FALSE}, {{FALSE, 100}, 101, FALSE}, {{TRUE, 0}, 1790000000, TRUE},
    };

    g_test_summary("a time holds until it is reached, once holds until it was used");
    for (gsize i = 0; i < G_N_ELEMENTS(times); i++)
        g_assert_cmpint(nest_allow_holds(&times[i].allow, times[i].now), ==, times[i].holds);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(believed); i++)
        check_add_row("allow/believed", believed[i].sentence, GSIZE_TO_POINTER(i), test_believed);
    for (gsize i = 0; i < G_N_ELEMENTS(forged); i++)
        check_add_row("allow/not believed", forged[i].sentence, GSIZE_TO_POINTER(i), test_forged);
    for (gsize i = 0; i < G_N_ELEMENTS(foreign); i++)
        check_add_row("allow/not there", foreign[i].sentence, GSIZE_TO_POINTER(i), test_foreign);
    g_test_add_func("/allow/a domain without metadata", test_no_metadata);
    g_test_add_func("/allow/what is written is read again", test_round_trip);
    g_test_add_func("/allow/how long it holds", test_holds);
    return g_test_run();
}
