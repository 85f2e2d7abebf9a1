/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tag: every value, every mistake and its message, and that the schema says the same. */
#include "check.h"
#include "domain/prefilter.h"
#include "domain/tag.h"

#include <libxml/parser.h>
#include <libxml/relaxng.h>

#define NS "xmlns:nest='urn:virt-nest:1'"
#define OK (-1)
#define FIX_OFF "<nest:disable xmlns:nest='urn:virt-nest:1'/>|(virsh edit)|virt-nest disable --forbid a"
#define FIX "<nest:enable xmlns:nest='urn:virt-nest:1'/>|(virsh edit)|virt-nest enable a"

/* One <metadata> and what nest_tag_read() makes of it. */
typedef struct {
    const char *sentence; /* what the case shows */
    const char *metadata; /* what stands in <metadata> */
    int code;             /* the error, or OK */
    const char *says;     /* pieces of the message; for OK the tag as nest_tag_format() gives it, or
                             NULL where there is none */
} Case;

static const Case wellformed[] = {
    {"no attribute is the default", "<nest:enable " NS "/>", OK, "<enable/>"},
    {"cpu auto", "<nest:enable " NS " cpu='auto'/>", OK, "<enable/>"},
    {"cpu host-passthrough", "<nest:enable " NS " cpu='host-passthrough'/>", OK,
     "<enable cpu='host-passthrough'/>"},
    {"cpu host-model", "<nest:enable " NS " cpu='host-model'/>", OK, "<enable cpu='host-model'/>"},
    {"cpu keep", "<nest:enable " NS " cpu='keep'/>", OK, "<enable cpu='keep'/>"},
    {"migration refuse", "<nest:enable " NS " migration='refuse'/>", OK, "<enable/>"},
    {"migration allow", "<nest:enable " NS " migration='allow'/>", OK, "<enable migration='allow'/>"},
    {"required yes", "<nest:enable " NS " required='yes'/>", OK, "<enable/>"},
    {"required no", "<nest:enable " NS " required='no'/>", OK, "<enable required='no'/>"},
    {"all attributes in any order", "<nest:enable required='no' migration='allow' cpu='keep' " NS "/>",
     OK, "<enable cpu='keep' migration='allow' required='no'/>"},
    {"as virsh metadata writes it", "<nest:enable xmlns:nest=\"urn:virt-nest:1\"/>", OK, "<enable/>"},
    {"another prefix", "<n:enable xmlns:n='urn:virt-nest:1' cpu='keep'/>", OK, "<enable cpu='keep'/>"},
    {"a default namespace", "<enable xmlns='urn:virt-nest:1' cpu='keep'/>", OK, "<enable cpu='keep'/>"},
    {"a start and an end tag", "<nest:enable " NS "></nest:enable>", OK, "<enable/>"},
    {"white space in it", "<nest:enable " NS ">\n  </nest:enable>", OK, "<enable/>"},
    {"a comment in it", "<nest:enable " NS "><!-- L1 for CI --></nest:enable>", OK, "<enable/>"},
    {"off", "<nest:disable " NS "/>", OK, "<disable/>"},
    {"off, with another prefix", "<n:disable xmlns:n='urn:virt-nest:1'><!-- of others --> </n:disable>", OK, "<disable/>"},
    {"a character reference in a value", "<nest:enable " NS " cpu='k&#101;ep'/>", OK,
     "<enable cpu='keep'/>"},
};

static const Case mistakes[] = {
    {"an empty cpu", "<nest:enable " NS " cpu=''/>", NEST_ERROR_TAG_VALUE,
     "cpu=''|auto, host-passthrough, host-model, keep"},
    {"an unknown cpu", "<nest:enable " NS " cpu='passthrough'/>", NEST_ERROR_TAG_VALUE,
     "cpu='passthrough'|auto, host-passthrough, host-model, keep"},
    {"cpu in capitals", "<nest:enable " NS " cpu='AUTO'/>", NEST_ERROR_TAG_VALUE,
     "cpu='AUTO'|auto, host-passthrough, host-model, keep"},
    {"a value with spaces", "<nest:enable " NS " cpu=' keep '/>", NEST_ERROR_TAG_VALUE,
     "cpu=' keep '|auto, host-passthrough, host-model, keep"},
    {"an unknown migration", "<nest:enable " NS " migration='deny'/>", NEST_ERROR_TAG_VALUE,
     "migration='deny'|refuse, allow"},
    {"an empty migration", "<nest:enable " NS " migration=''/>", NEST_ERROR_TAG_VALUE,
     "migration=''|refuse, allow"},
    {"an unknown required", "<nest:enable " NS " required='true'/>", NEST_ERROR_TAG_VALUE,
     "required='true'|yes, no"},
    {"required as a number", "<nest:enable " NS " required='1'/>", NEST_ERROR_TAG_VALUE,
     "required='1'|yes, no"},
    {"an unknown attribute", "<nest:enable " NS " mode='auto'/>", NEST_ERROR_TAG_ATTRIBUTE,
     "'mode'|cpu, migration, required"},
    {"an attribute in capitals", "<nest:enable " NS " CPU='auto'/>", NEST_ERROR_TAG_ATTRIBUTE,
     "'CPU'|cpu, migration, required"},
    {"a misspelled attribute", "<nest:enable " NS " migraton='allow'/>", NEST_ERROR_TAG_ATTRIBUTE,
     "'migraton'|(did you mean 'migration'?)"},
    {"a misspelled value", "<nest:enable " NS " cpu='host_passthrough'/>", NEST_ERROR_TAG_VALUE,
     "cpu='host_passthrough'|(did you mean 'host-passthrough'?)"},
    {"an attribute with our prefix", "<nest:enable " NS " nest:cpu='keep'/>",
     NEST_ERROR_TAG_ATTRIBUTE, "'nest:cpu'|cpu, migration, required"},
    {"xml:space", "<nest:enable " NS " xml:space='preserve'/>", NEST_ERROR_TAG_ATTRIBUTE,
     "'xml:space'|cpu, migration, required"},
    {"nest:disable with an attribute", "<nest:disable " NS " required='no'/>", NEST_ERROR_TAG_ATTRIBUTE,
     "nest:disable|'required'|takes none"},
    {"nest:disable with content", "<nest:disable " NS ">yes</nest:disable>", NEST_ERROR_TAG_CONTENT,
     "content|takes none|" FIX_OFF},
    {"nest:disable with two prefixes", "<nest:nest:disable " NS "/>", NEST_ERROR_TAG_ELEMENT,
     "<nest:nest:disable>|virt-nest disable --forbid a|--set '<disable/>' --config"},
    {"two prefixes, as virsh metadata makes them", "<nest:nest:enable " NS "/>", NEST_ERROR_TAG_ELEMENT,
     "<nest:nest:enable>|two prefixes|virt-nest enable a,|virsh metadata a --uri urn:virt-nest:1 --key nest --set "
     "'<enable/>' --config"},
    {"an unknown element", "<nest:on " NS "/>", NEST_ERROR_TAG_ELEMENT, "<nest:on>|" FIX},
    {"the element in capitals", "<nest:Enable " NS "/>", NEST_ERROR_TAG_ELEMENT,
     "<nest:Enable>|" FIX},
    {"text in it", "<nest:enable " NS ">yes</nest:enable>", NEST_ERROR_TAG_CONTENT, "content|" FIX},
    {"CDATA in it", "<nest:enable " NS "><![CDATA[x]]></nest:enable>", NEST_ERROR_TAG_CONTENT,
     "content|" FIX},
    {"an element in it", "<nest:enable " NS "><cpu/></nest:enable>", NEST_ERROR_TAG_CONTENT,
     "content|" FIX},
    {"no namespace", "<enable/>", NEST_ERROR_TAG_NAMESPACE, "without a namespace|" FIX},
    {"no namespace, disable", "<disable/>", NEST_ERROR_TAG_NAMESPACE, "without a namespace|" FIX_OFF},
    {"a prefix that is not declared", "<nest:enable/>", NEST_ERROR_TAG_NAMESPACE,
     "<nest:enable>|not declared|" FIX},
    {"a prefix that is not declared, disable", "<nest:disable cpu='auto'/>",
     NEST_ERROR_TAG_NAMESPACE, "<nest:disable>|not declared|" FIX_OFF},
    {"another version's namespace", "<nest:enable xmlns:nest='urn:virt-nest:2'/>",
     NEST_ERROR_TAG_NAMESPACE, "'urn:virt-nest:2'|urn:virt-nest:1|" FIX},
    {"a namespace without version", "<nest:enable xmlns:nest='urn:virt-nest'/>",
     NEST_ERROR_TAG_NAMESPACE, "'urn:virt-nest'|" FIX},
    {"a wrong namespace under our prefix", "<nest:enable xmlns:nest='http://example.org/'/>",
     NEST_ERROR_TAG_NAMESPACE, "'http://example.org/'|" FIX},
    {"a wrong namespace with our name", "<x:enable xmlns:x='https://virt-nest.org/1'/>",
     NEST_ERROR_TAG_NAMESPACE, "'https://virt-nest.org/1'|" FIX},
    {"a wrong default namespace", "<enable xmlns='urn:virtnest:1'/>", NEST_ERROR_TAG_NAMESPACE,
     "'urn:virtnest:1'|" FIX},
};

/* The schema judges one element, so it has no say here. */
static const Case twice[] = {
    {"two tags", "<nest:enable " NS "/><nest:enable " NS "/>", NEST_ERROR_TAG_TWICE,
     "more than one|exactly one"},
    {"two different tags", "<nest:enable " NS "/><a:enable xmlns:a='urn:virt-nest:1' cpu='keep'/>",
     NEST_ERROR_TAG_TWICE, "more than one|exactly one"},
    {"enable and disable", "<nest:enable " NS "/><nest:disable " NS "/>", NEST_ERROR_TAG_TWICE,
     "more than one|exactly one"},
    {"a tag and one in the wrong namespace",
     "<nest:enable " NS "/><x:enable xmlns:x='urn:virt-nest:2'/>", NEST_ERROR_TAG_NAMESPACE,
     "'urn:virt-nest:2'|" FIX},
};

#define NOVA                                                                                       \
    "<nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:name>a</nova:name>" \
    "<nova:flavor name='m1'><nova:vcpus>1</nova:vcpus></nova:flavor></nova:instance>"
#define LIBOSINFO                                                                                  \
    "<libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>"        \
    "<libosinfo:os id='http://debian.org/debian/12'/></libosinfo:libosinfo>"
#define KUBEVIRT                                                                                   \
    "<kubevirt xmlns='http://kubevirt.io'><uid>4</uid><graceperiod>"                               \
    "<deletionGracePeriodSeconds>30</deletionGracePeriodSeconds></graceperiod></kubevirt>"

static const Case others[] = {
    {"nothing", "", OK, NULL},
    {"nova", NOVA, OK, NULL},
    {"libosinfo", LIBOSINFO, OK, NULL},
    {"KubeVirt", KUBEVIRT, OK, NULL},
    {"somebody's enable", "<x:enable xmlns:x='urn:example:1'/>", OK, NULL},
    {"somebody's enable as default namespace", "<enable xmlns='http://kubevirt.io'/>", OK, NULL},
    {"somebody's nest prefix", "<nest:thermostat xmlns:nest='http://example.org/nest'/>", OK, NULL},
    {"our own record", "<neststate:domain xmlns:neststate='urn:virt-nest:state:1'/>", OK, NULL},
    {"the tag inside somebody's element",
     "<x:a xmlns:x='urn:x'><nest:enable " NS " cpu='keep'/></x:a>", OK, NULL},
    {"the tag in a comment", "<!-- <nest:enable " NS "/> -->", OK, NULL},
    {"the tag in CDATA", "<x:a xmlns:x='urn:x'><![CDATA[<nest:enable " NS "/>]]></x:a>", OK, NULL},
};

static const Case amid_others[] = {
    {"the tag amid others", NOVA LIBOSINFO "<nest:enable " NS " cpu='keep'/>" KUBEVIRT, OK,
     "<enable cpu='keep'/>"},
};

static gchar *
document(const Case *c)
{
    return g_strdup_printf("<domain type='kvm'>\n  <name>a</name>\n  <metadata>%s</metadata>\n</domain>",
                           c->metadata);
}

static NestTagKind
kind_of(const Case *c)
{
    if (!c->says)
        return NEST_TAG_NONE;
    return g_str_equal(c->says, "<disable/>") ? NEST_TAG_DISABLE : NEST_TAG_ENABLE;
}

static void
test_read(gconstpointer data)
{
    const Case *c = data;
    g_autofree gchar *text = document(c);
    g_autofree gchar *after = NULL;
    g_autoptr(NestDomainXml) xml = check_parse(text);
    g_autoptr(GError) error = NULL;
    NestTagKind tagged = 42;
    NestTag tag = {42, 42, 42};

    if (nest_tag_read(xml, &tagged, &tag, &error) != (c->code == OK))
        g_error("%s: %s", c->metadata, error ? error->message : "taken");
    if (c->code != OK) {
        g_assert_error(error, NEST_ERROR, c->code);
        check_says(error->message, c->says);
        g_assert_true(tagged == 42 && tag.cpu == 42 && tag.migration == 42 && tag.required == 42);
        return;
    }
    g_assert_no_error(error);
    g_assert_cmpint(tagged, ==, kind_of(c));
    if (tagged == NEST_TAG_ENABLE) {
        g_autofree gchar *format = nest_tag_format(&tag);

        g_assert_cmpstr(format, ==, c->says);
    }
    after = nest_domain_xml_text(xml);
    g_assert_cmpstr(after, ==, text);
}

static xmlRelaxNG *
read_schema(void)
{
    g_autofree gchar *path = check_source_path("install/schema/virt-nest-tag.rng");
    xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewParserCtxt(path);
    xmlRelaxNG *schema = xmlRelaxNGParse(parser);

    xmlRelaxNGFreeParserCtxt(parser);
    g_assert_nonnull(schema);
    return schema;
}

static gboolean
schema_takes(xmlRelaxNG *schema, xmlNode *element)
{
    xmlRelaxNGValidCtxt *validator = xmlRelaxNGNewValidCtxt(schema);
    xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
    gboolean taken = FALSE;

    xmlRelaxNGSetValidStructuredErrors(validator, nest_xml_be_silent, NULL);
    xmlDocSetRootElement(doc, xmlDocCopyNode(element, doc, 1));
    taken = xmlRelaxNGValidateDoc(validator, doc) == 0;
    xmlFreeDoc(doc);
    xmlRelaxNGFreeValidCtxt(validator);
    return taken;
}

static void
test_schema(gconstpointer data)
{
    const Case *c = data;
    g_autofree gchar *text = document(c);
    g_autoptr(NestDomainXml) xml = check_parse(text);
    xmlNode *metadata = nest_xml_child(nest_domain_xml_root(xml), "metadata");
    xmlRelaxNG *schema = read_schema();
    gboolean taken = FALSE;

    NEST_XML_FOREACH(metadata, element)
        taken |= schema_takes(schema, element);
    xmlRelaxNGFree(schema);
    g_assert_cmpint(taken, ==, c->code == OK && c->says);
}

/* What nest_tag_format() gives is what libvirt adds the namespace to and gives back. */
static void
test_round_trip(void)
{
    g_test_summary("every tag there can be comes back from its format as it was");
    for (int i = 0; i < 4 * 2 * 2; i++) {
        NestTag tag = {(NestCpuPolicy)(i / 4), (NestMigrationPolicy)(i / 2 % 2), i % 2};
        g_autofree gchar *format = nest_tag_format(&tag);
        g_autofree gchar *text = g_strdup_printf(
            "<domain><metadata><nest:enable " NS "%s</metadata></domain>", format + strlen("<enable"));
        g_autoptr(NestDomainXml) xml = check_parse(text);
        NestTagKind tagged = NEST_TAG_NONE;
        NestTag again = {0};

        g_assert_true(nest_tag_read(xml, &tagged, &again, NULL) && tagged);
        g_assert_cmpint(again.cpu, ==, tag.cpu);
        g_assert_cmpint(again.migration, ==, tag.migration);
        g_assert_cmpint(again.required, ==, tag.required);
    }
}

static void
test_set(void)
{
    NestTag tag = NEST_TAG_DEFAULT;

    g_test_summary("each attribute is set alone, and back to its default");
    g_assert_true(nest_tag_set(&tag, "cpu", "host-model", NULL));
    g_assert_true(nest_tag_set(&tag, "migration", "allow", NULL));
    g_assert_true(nest_tag_set(&tag, "required", "no", NULL));
    g_assert_true(tag.cpu == NEST_CPU_HOST_MODEL && tag.migration == NEST_MIGRATION_ALLOW);
    g_assert_false(tag.required);
    g_assert_true(nest_tag_set(&tag, "cpu", "auto", NULL));
    g_assert_true(nest_tag_set(&tag, "migration", "refuse", NULL));
    g_assert_true(nest_tag_set(&tag, "required", "yes", NULL));
    g_assert_true(tag.cpu == NEST_CPU_AUTO && tag.migration == NEST_MIGRATION_REFUSE && tag.required);
}

static void
test_set_refuses(void)
{
    static const struct {
        const char *attribute, *value;
        int code;
        const char *says;
    } rows[] = {
        {"cpu", "max", NEST_ERROR_TAG_VALUE, "cpu='max'|auto, host-passthrough, host-model, keep"},
        {"migration", "", NEST_ERROR_TAG_VALUE, "migration=''|refuse, allow"},
        {"required", "maybe", NEST_ERROR_TAG_VALUE, "required='maybe'|yes, no"},
        {"model", "EPYC", NEST_ERROR_TAG_ATTRIBUTE, "'model'|cpu, migration, required"},
        {"", "", NEST_ERROR_TAG_ATTRIBUTE, "''|cpu, migration, required"},
    };

    g_test_summary("a bad attribute or value changes nothing and says what is allowed");
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        NestTag tag = {NEST_CPU_KEEP, NEST_MIGRATION_ALLOW, FALSE};
        g_autoptr(GError) error = NULL;

        g_assert_false(nest_tag_set(&tag, rows[i].attribute, rows[i].value, &error));
        g_assert_error(error, NEST_ERROR, rows[i].code);
        check_says(error->message, rows[i].says);
        g_assert_true(tag.cpu == NEST_CPU_KEEP && tag.migration == NEST_MIGRATION_ALLOW);
        g_assert_false(tag.required);
    }
}

/* libvirt drops an element without a namespace, so it is not among what virtnestd has to look at. */
static gboolean
is_dropped_by_libvirt(const Case *c)
{
    return g_str_has_prefix(c->metadata, "<enable/>") || g_str_has_prefix(c->metadata, "<disable/>");
}

static void
test_mentioned(void)
{
    g_test_summary("what has to be parsed is told from what is nobody's, without parsing");
    for (gsize i = 0; i < G_N_ELEMENTS(wellformed); i++)
        g_assert_true(nest_prefilter_matches(wellformed[i].metadata, strlen(wellformed[i].metadata)));
    for (gsize i = 0; i < G_N_ELEMENTS(mistakes); i++)
        if (!is_dropped_by_libvirt(&mistakes[i]))
            g_assert_true(nest_prefilter_matches(mistakes[i].metadata, strlen(mistakes[i].metadata)));
    g_assert_false(nest_prefilter_matches(NOVA LIBOSINFO KUBEVIRT, strlen(NOVA LIBOSINFO KUBEVIRT)));
    g_assert_false(nest_prefilter_matches("", 0));
    g_assert_false(nest_prefilter_matches("nest:enable", strlen("nest:enable") - 1));
    g_assert_true(nest_prefilter_matches("\0<nest:enable", 13));
}

static void
check_misplaced(const Case *cases, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree gchar *text = document(&cases[i]);
        g_autoptr(NestDomainXml) xml = check_parse(text);
        gboolean any = FALSE;

        NEST_XML_FOREACH(nest_xml_child(nest_domain_xml_root(xml), "metadata"), element)
            any |= nest_tag_is_misplaced(element);
        g_assert_cmpint(any, ==, cases[i].code == NEST_ERROR_TAG_NAMESPACE);
    }
}

static void
test_misplaced(void)
{
    g_test_summary("an element that was meant, in a namespace not ours, is told from ours and from others'");
    check_misplaced(wellformed, G_N_ELEMENTS(wellformed));
    check_misplaced(mistakes, G_N_ELEMENTS(mistakes));
    check_misplaced(twice, G_N_ELEMENTS(twice));
    check_misplaced(others, G_N_ELEMENTS(others));
}

static void
test_attributes(void)
{
    static const char *const wanted[][2] = {{"cpu", "keep"}, {"migration", "refuse"}, {"required", "no"}};
    NestTag tag = {NEST_CPU_KEEP, NEST_MIGRATION_REFUSE, FALSE};

    g_test_summary("the attributes are listed with their values, the defaults too");
    for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++) {
        g_assert_cmpstr(nest_tag_attribute(i)->name, ==, wanted[i][0]);
        g_assert_cmpstr(nest_tag_get(&tag, nest_tag_attribute(i)), ==, wanted[i][1]);
    }
    g_assert_null(nest_tag_attribute(G_N_ELEMENTS(wanted)));
}

static void
test_no_metadata(void)
{
    g_autoptr(NestDomainXml) xml = check_parse("<domain><name>a</name></domain>");
    NestTagKind tagged = NEST_TAG_ENABLE;

    g_test_summary("a domain without <metadata> has no tag, and what it says may be left out");
    g_assert_true(nest_tag_read(xml, &tagged, NULL, NULL));
    g_assert_false(tagged);
}

static void
test_outside_metadata(void)
{
    g_autoptr(NestDomainXml) xml =
        check_parse("<domain><metadata/><devices><nest:enable " NS "/></devices></domain>");
    NestTagKind tagged = NEST_TAG_ENABLE;

    g_test_summary("only an element directly below <metadata> is the tag");
    g_assert_true(nest_tag_read(xml, &tagged, NULL, NULL));
    g_assert_false(tagged);
}

static void
add_cases(const char *suite, const Case *cases, gsize n, GTestDataFunc test)
{
    for (gsize i = 0; i < n; i++)
        check_add_row(suite, cases[i].sentence, &cases[i], test);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases("tag/taken", wellformed, G_N_ELEMENTS(wellformed), test_read);
    add_cases("tag/refused", mistakes, G_N_ELEMENTS(mistakes), test_read);
    add_cases("tag/refused", twice, G_N_ELEMENTS(twice), test_read);
    add_cases("tag/not ours", others, G_N_ELEMENTS(others), test_read);
    add_cases("tag/found", amid_others, G_N_ELEMENTS(amid_others), test_read);
    add_cases("tag/schema takes", wellformed, G_N_ELEMENTS(wellformed), test_schema);
    add_cases("tag/schema refuses", mistakes, G_N_ELEMENTS(mistakes), test_schema);
    add_cases("tag/schema does not know", others, G_N_ELEMENTS(others), test_schema);
    add_cases("tag/schema takes", amid_others, G_N_ELEMENTS(amid_others), test_schema);
    g_test_add_func("/tag/every tag survives its format", test_round_trip);
    g_test_add_func("/tag/set changes one attribute", test_set);
    g_test_add_func("/tag/set refuses what does not exist", test_set_refuses);
    g_test_add_func("/tag/mentioned or not", test_mentioned);
    g_test_add_func("/tag/misplaced or not", test_misplaced);
    g_test_add_func("/tag/its attributes in turn", test_attributes);
    g_test_add_func("/tag/no metadata is no tag", test_no_metadata);
    g_test_add_func("/tag/outside metadata is no tag", test_outside_metadata);
    return g_test_run();
}
