/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The document: each element's bytes, splices that change nothing else, and what is not read at all. */
#include "check.h"

#define TAIL "<name>a</name></domain>"

/* A document and the bytes of its <cpu> in it. */
static const struct {
    const char *sentence;
    const char *before, *cpu, *after;
} documents[] = {
    {"plain", "<domain>\n  ", "<cpu mode='host-model'/>", "\n</domain>\n"},
    {"one line", "<domain>", "<cpu/>", "</domain>"},
    {"a start and an end tag", "<domain><a/>", "<cpu ><model>x</model></cpu >", "<b/></domain>"},
    {"an XML declaration", "<?xml version='1.0' encoding='UTF-8'?>\n<domain>", "<cpu/>", "</domain>"},
    {"an encoding in small letters", "<?xml version='1.0' encoding='utf-8'?>\n<domain>", "<cpu/>",
     "</domain>"},
    {"an encoding without hyphen", "<?xml version='1.0' encoding='utf8'?>\n<domain>", "<cpu/>",
     "</domain>"},
    {"US-ASCII", "<?xml version='1.0' encoding='US-ASCII'?>\n<domain>", "<cpu a='&amp;'/>", "<a/></domain>"},
    {"a standalone declaration", "<?xml version=\"1.0\" standalone=\"yes\"?><domain>", "<cpu/>",
     "</domain>"},
    {"a byte order mark", "\xef\xbb\xbf<domain>\n", "<cpu/>", "\n</domain>"},
    {"a byte order mark and a declaration", "\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?><domain>",
     "<cpu/>", "</domain>"},
    {"CRLF", "<domain>\r\n  ", "<cpu>\r\n    <model>x</model>\r\n  </cpu>", "\r\n</domain>\r\n"},
    {"UTF-8", "<domain><name>d\xc3\xb6m \xf0\x9f\x90\xa7</name>", "<cpu a='\xe2\x82\xac'/>",
     "<title>\xc3\xa4</title></domain>"},
    {"entities", "<domain><name>&amp;&lt;cpu/&gt;&#228;&#x1F427;&quot;&apos;</name>",
     "<cpu a='&lt;&amp;'/>", "</domain>"},
    {"an attribute with > and quotes", "<domain a=\"x>'/>/cpu>\" b='>\"'>", "<cpu a=\"/>'\" b='>/cpu>\"'/>",
     "<a b='>'/></domain>"},
    {"a comment that looks like it", "<domain><!-- <cpu/> </domain> -->", "<cpu><!-- </cpu> --></cpu>",
     "<!-- <cpu/> --></domain>"},
    {"CDATA that looks like it", "<domain><d><![CDATA[<cpu/></d>]]></d>",
     "<cpu><![CDATA[</cpu>]]></cpu>", "<d><![CDATA[<cpu>]]></d></domain>"},
    {"processing instructions", "<?a <cpu/>?><domain><?b </domain> ?>", "<cpu><?c </cpu>?></cpu>",
     "<?d <cpu/>?></domain><?e?>"},
    {"other namespaces' cpu", "<domain><q:cpu xmlns:q='urn:q'/>", "<cpu/>",
     "<cpu xmlns='urn:r'/></domain>"},
    {"a nested cpu", "<domain><x><cpu a='1'/></x>", "<cpu><cpu/></cpu>", "</domain>"},
    {"a second cpu", "<domain>", "<cpu/>", "<cpu a='2'/></domain>"},
    {"tabs and newlines in the tag", "<domain\n\t>", "<cpu\n\ta\n=\n'1'\n/>", "</domain\n>"},
    {"comments around the document", "<!-- a --><domain>", "<cpu/>", "</domain>\n<!-- b -->\n"},
};

static gsize
document_text(gsize i, const char *cpu, gchar **ret_text)
{
    *ret_text = g_strconcat(documents[i].before, cpu, documents[i].after, NULL);
    return strlen(*ret_text);
}

static gsize
row_of(gconstpointer data)
{
    return GPOINTER_TO_SIZE(data);
}

static xmlNode *
cpu_of(const NestDomainXml *xml)
{
    return nest_domain_xml_cpu(xml);
}

static void
test_source(gconstpointer row)
{
    gsize i = row_of(row);
    g_autofree gchar *text = NULL;
    g_autofree gchar *out = NULL;
    g_autofree gchar *source = NULL;
    g_autofree gchar *whole = NULL;
    g_autoptr(NestDomainXml) xml = NULL;

    document_text(i, documents[i].cpu, &text);
    xml = check_parse(text);
    out = nest_domain_xml_text(xml);
    g_assert_cmpstr(out, ==, text);
    source = nest_domain_xml_source(xml, cpu_of(xml));
    g_assert_cmpstr(source, ==, documents[i].cpu);
    whole = nest_domain_xml_source(xml, nest_domain_xml_root(xml));
    g_assert_true(g_str_has_prefix(whole, "<domain"));
    g_assert_nonnull(strstr(text, whole));
}

static void
test_replace(gconstpointer row)
{
    gsize i = row_of(row);
    g_autofree gchar *text = NULL;
    g_autofree gchar *wanted = NULL;
    g_autofree gchar *out = NULL;
    g_autoptr(NestDomainXml) xml = NULL;

    document_text(i, documents[i].cpu, &text);
    document_text(i, "<new a='\xc3\xa4'/>", &wanted);
    xml = check_parse(text);
    nest_domain_xml_replace(xml, cpu_of(xml), "<new a='\xc3\xa4'/>");
    out = nest_domain_xml_text(xml);
    g_assert_cmpstr(out, ==, wanted);
}

/* Every document with something put before its <cpu> and taken out again is as it was. */
static void
test_insert_and_remove(gconstpointer row)
{
    gsize i = row_of(row);
    g_autofree gchar *text = NULL;
    g_autofree gchar *with = NULL;
    g_autofree gchar *without = NULL;
    g_autoptr(NestDomainXml) xml = NULL;
    g_autoptr(NestDomainXml) again = NULL;

    document_text(i, documents[i].cpu, &text);
    xml = check_parse(text);
    nest_domain_xml_insert_before(xml, cpu_of(xml), "<fresh/>");
    with = nest_domain_xml_text(xml);
    again = check_parse(with);
    g_assert_nonnull(nest_xml_child(nest_domain_xml_root(again), "fresh"));
    nest_domain_xml_replace(again, nest_xml_child(nest_domain_xml_root(again), "fresh"), NULL);
    without = nest_domain_xml_text(again);
    g_assert_cmpstr(without, ==, text);
}

static void
test_append_and_remove(gconstpointer row)
{
    gsize i = row_of(row);
    g_autofree gchar *text = NULL;
    g_autofree gchar *with = NULL;
    g_autofree gchar *without = NULL;
    g_autoptr(NestDomainXml) xml = NULL;
    g_autoptr(NestDomainXml) again = NULL;
    xmlNode *fresh = NULL;

    document_text(i, documents[i].cpu, &text);
    xml = check_parse(text);
    nest_domain_xml_append(xml, nest_domain_xml_root(xml), "<fresh/>");
    with = nest_domain_xml_text(xml);
    again = check_parse(with);
    fresh = nest_xml_child(nest_domain_xml_root(again), "fresh");
    g_assert_true(fresh && !nest_xml_next_element(fresh->next));
    nest_domain_xml_replace(again, fresh, NULL);
    without = nest_domain_xml_text(again);
    g_assert_cmpstr(without, ==, text);
}

/* One splice and its outcome, to the byte. */
static const struct {
    const char *sentence;
    const char *before;
    const char *at;     /* the child of <domain> */
    int what;           /* '-' remove, '<' insert before, '+' append to, '=' replace */
    const char *after;
} splices[] = {
    {"an inserted line is indented as its sibling", "<domain>\n  <a/>\n  <b/>\n</domain>", "b", '<',
     "<domain>\n  <a/>\n  <N/>\n  <b/>\n</domain>"},
    {"tabs are kept", "<domain>\n\t<a/>\n\t<b/>\n</domain>", "b", '<',
     "<domain>\n\t<a/>\n\t<N/>\n\t<b/>\n</domain>"},
    {"on one line nothing is added", "<domain><a/><b/></domain>", "b", '<',
     "<domain><a/><N/><b/></domain>"},
    {"before the first", "<domain>\n  <a/>\n</domain>", "a", '<', "<domain>\n  <N/>\n  <a/>\n</domain>"},
    {"after a comment on the line", "<domain>\n  <!-- c --> <a/>\n</domain>", "a", '<',
     "<domain>\n  <!-- c --> <N/> <a/>\n</domain>"},
    {"CRLF stays CRLF", "<domain>\r\n  <a/>\r\n  <b/>\r\n</domain>", "b", '<',
     "<domain>\r\n  <a/>\r\n  <N/>\r\n  <b/>\r\n</domain>"},
    {"a removed line leaves no empty one", "<domain>\n  <a/>\n  <b/>\n</domain>", "a", '-',
     "<domain>\n  <b/>\n</domain>"},
    {"a removed line of CRLF leaves none", "<domain>\r\n  <a/>\r\n  <b/>\r\n</domain>", "a", '-',
     "<domain>\r\n  <b/>\r\n</domain>"},
    {"removed from one line", "<domain><a/><b/></domain>", "a", '-', "<domain><b/></domain>"},
    {"text before it stays", "<domain>x <a/> y</domain>", "a", '-', "<domain>x y</domain>"},
    {"appended on a line", "<domain>\n  <a>\n    <b/>\n  </a>\n</domain>", "a", '+',
     "<domain>\n  <a>\n    <b/>\n    <N/>\n  </a>\n</domain>"},
    {"appended to one line", "<domain><a><b/></a></domain>", "a", '+',
     "<domain><a><b/><N/></a></domain>"},
    {"appended after a comment", "<domain>\n  <a>\n    <b/>\n    <!-- </a> -->\n  </a>\n</domain>", "a",
     '+', "<domain>\n  <a>\n    <b/>\n    <!-- </a> -->\n    <N/>\n  </a>\n</domain>"},
    {"appended with CRLF", "<domain>\r\n  <a>\r\n    <b/>\r\n  </a>\r\n</domain>", "a", '+',
     "<domain>\r\n  <a>\r\n    <b/>\r\n    <N/>\r\n  </a>\r\n</domain>"},
    {"replaced on its line", "<domain>\n  <a><b/></a>\n</domain>", "a", '=', "<domain>\n  <N/>\n</domain>"},
};

static void
test_splice(gconstpointer row)
{
    gsize i = row_of(row);
    g_autoptr(NestDomainXml) xml = check_parse(splices[i].before);
    xmlNode *at = nest_xml_child(nest_domain_xml_root(xml), splices[i].at);
    g_autofree gchar *out = NULL;

    if (splices[i].what == '<')
        nest_domain_xml_insert_before(xml, at, "<N/>");
    else if (splices[i].what == '+')
        nest_domain_xml_append(xml, at, "<N/>");
    else
        nest_domain_xml_replace(xml, at, splices[i].what == '=' ? "<N/>" : NULL);
    out = nest_domain_xml_text(xml);
    g_assert_cmpstr(out, ==, splices[i].after);
}

static void
test_many_splices(void)
{
    g_autoptr(NestDomainXml) xml =
        check_parse("<domain>\n  <a/>\n  <b/>\n  <c/>\n  <d><e/></d>\n</domain>\n");
    xmlNode *root = nest_domain_xml_root(xml);
    g_autofree gchar *once = NULL;
    g_autofree gchar *twice = NULL;

    g_test_summary("several changes, wanted in any order, each end at their place");
    nest_domain_xml_append(xml, nest_xml_child(root, "d"), "<5/>");
    nest_domain_xml_replace(xml, nest_xml_child(root, "c"), NULL);
    nest_domain_xml_insert_before(xml, nest_xml_child(root, "a"), "<1/>");
    nest_domain_xml_replace(xml, nest_xml_child(root, "b"), "<3/>");
    nest_domain_xml_insert_before(xml, nest_xml_child(root, "b"), "<2/>");
    nest_domain_xml_append(xml, root, "<6/>");
    once = nest_domain_xml_text(xml);
    twice = nest_domain_xml_text(xml);
    g_assert_cmpstr(once, ==, "<domain>\n  <1/>\n  <a/>\n  <2/>\n  <3/>\n  <d><e/><5/></d>\n  <6/>\n"
                              "</domain>\n");
    g_assert_cmpstr(twice, ==, once);
}

#define BILLION_LAUGHS                                                                             \
    "<!DOCTYPE domain [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"                \
    "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>"      \
    "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'><!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'>"      \
    "<!ENTITY g '&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;'>]><domain><name>&g;</name></domain>"

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct {
    const char *sentence;
    const char *text;
    gsize length;
    int code;
} refused[] = {
    {"a DTD", TEXT("<!DOCTYPE domain><domain>" TAIL), NEST_ERROR_XML_DTD},
    {"a DTD in a file", TEXT("<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain>" TAIL),
     NEST_ERROR_XML_DTD},
    {"an entity from a file",
     TEXT("<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><domain>&x;" TAIL), NEST_ERROR_XML_DTD},
    {"a DTD after a declaration and a comment",
     TEXT("<?xml version='1.0'?><!-- x -->\n<!DOCTYPE domain []><domain>" TAIL), NEST_ERROR_XML_DTD},
    {"billion laughs", TEXT(BILLION_LAUGHS), NEST_ERROR_XML_DTD},
    {"an entity nobody declared", TEXT("<domain>&x;" TAIL), NEST_ERROR_XML},
    {"a namespace that nobody can write", TEXT("<domain xmlns:a='urn:a&lt;b'>" TAIL), NEST_ERROR_XML},
    {"a default namespace of that kind", TEXT("<domain><x xmlns='urn:&#x3c;'/>" TAIL), NEST_ERROR_XML},
    {"UTF-16, little endian", TEXT("\xff\xfe<\0d\0o\0m\0a\0i\0n\0/\0>\0"), NEST_ERROR_XML_ENCODING},
    {"UTF-16, big endian", TEXT("\xfe\xff\0<\0d\0o\0m\0a\0i\0n\0/\0>"), NEST_ERROR_XML_ENCODING},
    {"UTF-32", TEXT("\xff\xfe\0\0<\0\0\0d\0\0\0/\0\0\0>\0\0\0"), -1},
    {"ISO-8859-1", TEXT("<?xml version='1.0' encoding='ISO-8859-1'?><domain><name>\xe4</name></domain>"),
     NEST_ERROR_XML_ENCODING},
    {"ISO-8859-1 with nothing special", TEXT("<?xml version='1.0' encoding='ISO-8859-1'?><domain/>"),
     NEST_ERROR_XML_ENCODING},
    {"windows-1252", TEXT("<?xml version='1.0' encoding='windows-1252'?><domain><name>\x80</name></domain>"),
     NEST_ERROR_XML_ENCODING},
    {"a false UTF-16", TEXT("<?xml version='1.0' encoding='UTF-16'?><domain/>"), -1},
    {"an encoding nobody knows", TEXT("<?xml version='1.0' encoding='x-nest'?><domain/>"), -1},
    {"bytes that are no UTF-8", TEXT("<domain><name>\xe4</name></domain>"), -1},
    {"an overlong UTF-8", TEXT("<domain><name>\xc0\xbc</name></domain>"), -1},
    {"half a surrogate", TEXT("<domain><name>\xed\xa0\x80</name></domain>"), -1},
    {"nothing", TEXT(""), NEST_ERROR_XML},
    {"white space", TEXT(" \n"), NEST_ERROR_XML},
    {"a byte order mark alone", TEXT("\xef\xbb\xbf"), NEST_ERROR_XML},
    {"no XML", TEXT("error: failed to get domain 'x'\n"), NEST_ERROR_XML},
    {"a NUL in a text", TEXT("<domain><name>a\0b</name></domain>"), NEST_ERROR_XML},
    {"a NUL in a tag", TEXT("<domain a\0='1'/>"), NEST_ERROR_XML},
    {"a NUL at the end", TEXT("<domain/>\0"), NEST_ERROR_XML},
    {"something after a NUL", TEXT("<domain/>\0<domain/>"), NEST_ERROR_XML},
    {"a NUL at the beginning", TEXT("\0<domain/>"), NEST_ERROR_XML},
    {"a NUL reference", TEXT("<domain>&#0;</domain>"), NEST_ERROR_XML},
    {"the end is missing", TEXT("<domain><name>a</name>"), NEST_ERROR_XML},
    {"cut in a tag", TEXT("<domain><name"), NEST_ERROR_XML},
    {"cut in an attribute", TEXT("<domain a='x"), NEST_ERROR_XML},
    {"cut in a comment", TEXT("<domain><!-- x"), NEST_ERROR_XML},
    {"cut in CDATA", TEXT("<domain><![CDATA[x"), NEST_ERROR_XML},
    {"cut in a character", TEXT("<domain><name>\xc3"), NEST_ERROR_XML},
    {"cut after <", TEXT("<domain><"), NEST_ERROR_XML},
    {"two roots", TEXT("<domain/><domain/>"), NEST_ERROR_XML},
    {"text after the root", TEXT("<domain/>x"), NEST_ERROR_XML},
    {"the wrong end tag", TEXT("<domain></domian>"), NEST_ERROR_XML},
    {"an attribute twice", TEXT("<domain a='1' a='2'/>"), NEST_ERROR_XML},
    {"< in an attribute", TEXT("<domain a='<'/>"), NEST_ERROR_XML},
    {"a network", TEXT("<network><name>a</name></network>"), NEST_ERROR_XML},
    {"a capabilities document", TEXT("<domainCapabilities/>"), NEST_ERROR_XML},
    {"a domain of another namespace", TEXT("<domain xmlns='urn:x'/>"), NEST_ERROR_XML},
    {"a snapshot", TEXT("<domainsnapshot><domain/></domainsnapshot>"), NEST_ERROR_XML},
};

static void
test_refused(gconstpointer row)
{
    gsize i = row_of(row);
    /* A copy of exactly this size: a sanitizer sees a byte read too many. */
    g_autofree gchar *exact = g_memdup2(refused[i].text, refused[i].length);
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(exact ? exact : "", refused[i].length, &error);

    g_assert_null(xml);
    g_assert_true(error && error->domain == NEST_ERROR);
    if (refused[i].code >= 0)
        g_assert_error(error, NEST_ERROR, refused[i].code);
    else
        g_assert_true(error->code == NEST_ERROR_XML || error->code == NEST_ERROR_XML_ENCODING);
    g_assert_null(strchr(error->message, '\n'));
}

static void
test_messages(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "there is no XML|virsh dumpxml"},
        {"<network/>", "<network>|virsh dumpxml"},
        {"<!DOCTYPE a><domain/>", "<!DOCTYPE>|remove"},
        {"<?xml version='1.0' encoding='ISO-8859-1'?><domain/>", "UTF-8|ISO-8859-1|iconv"},
        {"<domain>\n\n<a></b></domain>", "line 3|virt-xml-validate"},
        {"<domain>\n</domain>\n<domain/>\n", "line 3|XML of one domain|virt-install --print-xml 1"},
        {"<domain/>x", "line 1|XML of one domain"},
    };

    g_test_summary("what is refused says why and what to do");
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(rows[i].text, strlen(rows[i].text), &error);

        g_assert_null(xml);
        check_says(error->message, rows[i].says);
    }
}

static gchar *
repeat(const char *before, const char *piece, gsize times, const char *after)
{
    GString *text = g_string_new(before);

    for (gsize i = 0; i < times; i++)
        g_string_append(text, piece);
    g_string_append(text, after);
    return g_string_free(text, FALSE);
}

static void
test_deep(void)
{
    g_autofree gchar *up = repeat("", "</a>", 40000, "</domain>");
    g_autofree gchar *text = repeat("<domain>", "<a>", 40000, up);

    g_test_summary("40000 levels are refused, not a stack that overflows");
    check_refuses(text, strlen(text), NEST_ERROR_XML);
}

static void
test_long(void)
{
    const gsize limit = 16 * 1024 * 1024;
    const gsize frame = strlen("<domain></domain>");
    g_autofree gchar *fits = repeat("<domain>", "<!---->", (limit - frame) / 7, "</domain>");
    g_autofree gchar *too_long = repeat("<domain>", "<!---->", limit / 7, "</domain>");
    g_autoptr(NestDomainXml) xml = check_parse(fits);

    g_test_summary("16 MiB are read, more is refused");
    g_assert_cmpuint(strlen(too_long), >, limit);
    check_refuses(too_long, strlen(too_long), NEST_ERROR_XML);
}

static void
test_not_terminated(void)
{
    static const char text[] = {'<', 'd', 'o', 'm', 'a', 'i', 'n', '/', '>'};
    g_autofree gchar *exact = g_memdup2(text, sizeof(text));
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(exact, sizeof(text), NULL);
    g_autofree gchar *out = nest_domain_xml_text(xml);

    g_test_summary("the text need not end in NUL");
    g_assert_cmpstr(out, ==, "<domain/>");
}

/* Many short elements with multi-byte text, so that a wrong count would show. */
static const struct {
    const char *sentence, *piece;
    gsize times;
} sizes[] = {
    {"70 KiB", "\n  <a b='>'>\xc3\xa4&amp;</a>", 3000},
    {"1 MiB and more", "\n  <a b='>'>\xc3\xa4&amp;</a>", 60000},
    {"1 MiB in one line", "<a b='>'>\xf0\x9f\x90\xa7</a>", 60000},
    {"3 MiB with CRLF", "\r\n  <a b='>'><!-- <a> --><![CDATA[</a>]]></a>", 70000},
};

static void
check_every_range(const NestDomainXml *xml, const char *element_text)
{
    guint n = 0;

    NEST_XML_FOREACH(nest_domain_xml_root(xml), child) {
        g_autofree gchar *source = nest_domain_xml_source(xml, child);

        n++;
        if (nest_xml_is(child, "a"))
            g_assert_cmpstr(source, ==, element_text);
        else if (nest_xml_is(child, "cpu"))
            g_assert_cmpstr(source, ==, "<cpu mode='\xc3\xa4'/>");
    }
    g_assert_cmpuint(n, >, 6000);
}

static void
test_offsets(gconstpointer row)
{
    gsize i = row_of(row);
    g_autofree gchar *half = repeat("", sizes[i].piece, sizes[i].times, "");
    g_autofree gchar *text = g_strconcat("<?xml version='1.0' encoding='UTF-8'?>\n<domain>", half,
                                         "<cpu mode='\xc3\xa4'/>", half, "</domain>", NULL);
    g_autofree gchar *wanted = g_strconcat("<?xml version='1.0' encoding='UTF-8'?>\n<domain>", half,
                                           "<new/>", half, "</domain>", NULL);
    g_autofree gchar *untouched = NULL;
    g_autofree gchar *out = NULL;
    g_autoptr(NestDomainXml) xml = check_parse(text);

    untouched = nest_domain_xml_text(xml);
    g_assert_true(g_str_equal(untouched, text));
    check_every_range(xml, strchr(sizes[i].piece, '<'));
    nest_domain_xml_replace(xml, cpu_of(xml), "<new/>");
    out = nest_domain_xml_text(xml);
    g_assert_true(g_str_equal(out, wanted));
}

static void
test_long_tag(void)
{
    g_autofree gchar *attribute = repeat("", "x>y ", 300 * 1024, "");
    g_autofree gchar *cpu = g_strdup_printf("<cpu a=\"%s\" b='1'/>", attribute);
    g_autofree gchar *text = g_strdup_printf("<domain><a b='%s'/>%s<b/></domain>", attribute, cpu);
    g_autoptr(NestDomainXml) xml = check_parse(text);
    g_autofree gchar *source = nest_domain_xml_source(xml, cpu_of(xml));

    g_test_summary("a tag of more than 1 MiB, with '>' in its attribute, has its bytes");
    g_assert_true(g_str_equal(source, cpu));
}

static void
test_values(void)
{
    g_autoptr(NestDomainXml) xml =
        check_parse("<domain><name>a &amp; <![CDATA[<b>]]> \xc3\xa4</name><uuid/></domain>");

    g_test_summary("a child's text is read with its entities, and again the same");
    g_assert_cmpstr(nest_domain_xml_value(xml, "name"), ==, "a & <b> \xc3\xa4");
    g_assert_true(nest_domain_xml_value(xml, "name") == nest_domain_xml_value(xml, "name"));
    g_assert_cmpstr(nest_domain_xml_value(xml, "uuid"), ==, "");
    g_assert_cmpstr(nest_domain_xml_value(xml, "title"), ==, "");
}

static void
test_attributes(void)
{
    g_autoptr(NestDomainXml) xml =
        check_parse("<domain xmlns:q='urn:q' q:type='no' type='k&amp;m' id=''/>");
    xmlNode *root = nest_domain_xml_root(xml);
    g_autofree gchar *type = nest_xml_attribute(root, "type");
    g_autofree gchar *id = nest_xml_attribute(root, "id");

    g_test_summary("an attribute is read with its entities, one of another namespace is not taken for it");
    g_assert_cmpstr(type, ==, "k&m");
    g_assert_cmpstr(id, ==, "");
    g_assert_null(nest_xml_attribute(root, "name"));
    g_assert_null(nest_xml_attribute(NULL, "name"));
    g_assert_true(nest_xml_attribute_is(root, "type", "k&m"));
    g_assert_false(nest_xml_attribute_is(root, "name", ""));
    g_assert_false(nest_xml_attribute_is(NULL, "type", "k&m"));
}

static void
test_children(void)
{
    g_autoptr(NestDomainXml) xml = check_parse(
        "<domain>text<!-- c --><q:a xmlns:q='urn:q'/><a n='1'/><?p?><a n='2'/></domain>");
    xmlNode *root = nest_domain_xml_root(xml);
    guint n = 0;

    g_test_summary("only elements are walked, and a child is the first one in no namespace");
    NEST_XML_FOREACH(root, child)
        n++;
    g_assert_cmpuint(n, ==, 3);
    g_assert_true(nest_xml_attribute_is(nest_xml_child(root, "a"), "n", "1"));
    g_assert_null(nest_xml_child(root, "b"));
    g_assert_null(nest_xml_child(NULL, "a"));
    g_assert_true(nest_xml_in_namespace(nest_xml_next_element(root->children), "urn:q"));
    g_assert_false(nest_xml_in_namespace(root, "urn:q"));
    g_assert_false(nest_xml_in_namespace(NULL, "urn:q"));
}

/* What libvirt may change when it stores and prints an element, and what it may not. */
static const struct {
    const char *sentence, *a, *b;
    gboolean equal;
} pairs[] = {
    {"quotes", "<cpu a='1'/>", "<cpu a=\"1\"/>", TRUE},
    {"the order of attributes", "<cpu a='1' b='2'/>", "<cpu b='2' a='1'/>", TRUE},
    {"an end tag", "<cpu/>", "<cpu></cpu>", TRUE},
    {"white space", "<cpu><a/></cpu>", "<cpu>\n  <a/>\n</cpu>", TRUE},
    {"white space around text", "<cpu><a>x</a></cpu>", "<cpu><a> x\n</a></cpu>", TRUE},
    {"comments", "<cpu><!-- c --><a/></cpu>", "<cpu><a/></cpu>", TRUE},
    {"CDATA", "<cpu><a><![CDATA[x&y]]></a></cpu>", "<cpu><a>x&amp;y</a></cpu>", TRUE},
    {"references", "<cpu a='&#65;'/>", "<cpu a='A'/>", TRUE},
    {"libvirt's order of children", "<cpu><topology/><numa/><feature name='a'/></cpu>",
     "<cpu><topology/><feature name='a'/><numa/></cpu>", TRUE},
    {"another attribute", "<cpu a='1'/>", "<cpu a='1' b='2'/>", FALSE},
    {"another value", "<cpu a='1'/>", "<cpu a='2'/>", FALSE},
    {"another child", "<cpu><a/></cpu>", "<cpu><b/></cpu>", FALSE},
    {"one child more", "<cpu><a/></cpu>", "<cpu><a/><a/></cpu>", FALSE},
    {"other text", "<cpu><a>x</a></cpu>", "<cpu><a>y</a></cpu>", FALSE},
    {"markup that is text", "<cpu><a>&lt;b&gt;&lt;/b&gt;</a></cpu>", "<cpu><a><b/></a></cpu>", FALSE},
    {"an attribute that is text", "<cpu a='1&apos; b=&apos;2'/>", "<cpu a='1' b='2'/>", FALSE},
    {"cells in another order", "<cpu><numa><cell memory='1'/><cell memory='2'/></numa></cpu>",
     "<cpu><numa><cell memory='2'/><cell memory='1'/></numa></cpu>", FALSE},
};

static void
test_canonical(gconstpointer row)
{
    gsize i = row_of(row);
    g_autofree gchar *a = g_strdup_printf("<domain>%s</domain>", pairs[i].a);
    g_autofree gchar *b = g_strdup_printf("<domain>%s</domain>", pairs[i].b);
    g_autoptr(NestDomainXml) xml_a = check_parse(a);
    g_autoptr(NestDomainXml) xml_b = check_parse(b);
    g_autofree gchar *canonical_a = nest_xml_canonical(cpu_of(xml_a));
    g_autofree gchar *canonical_b = nest_xml_canonical(cpu_of(xml_b));

    if (pairs[i].equal)
        g_assert_cmpstr(canonical_a, ==, canonical_b);
    else
        g_assert_cmpstr(canonical_a, !=, canonical_b);
}

#define ADD_ROWS(suite, table, test)                                                               \
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++)                                                \
        check_add_row(suite, table[i].sentence, GSIZE_TO_POINTER(i), test)

/* --- what libxml2 would take too long for */

/* A document in which a piece stands so many times, between two others. */
static const struct {
    const char *sentence, *before, *piece, *after;
    guint times;
    const char *says; /* NULL: it is read */
} bounds[] = {
    {"a thousand attributes", "<domain", " a%u=''", "/>", 1000, NULL},
    {"one more", "<domain", " a%u=''", "/>", 1001, "more than 1000 attributes in one element (line 1)"},
    {"with other quotes", "<domain", " a%u=\"\"", "/>", 1001, "more than 1000 attributes in one element"},
    {"with white space around", "<domain", "\ta%u\n = '>'", "\n></domain>", 1001, "more than 1000 attributes"},
    {"in a child", "<domain><name/>\n<!-- <a -->\n<x", " a%u=''", "/></domain>", 1001, "(line 3)"},
    {"in an end tag", "<domain></domain", " a%u=''", ">", 1001, "more than 1000 attributes"},
    {"after a value with a bracket", "<domain x='/>'", " a%u=''", "/>", 1000, "more than 1000 attributes"},
    {"after a value with other quotes", "<domain x='\"'", " a%u=''", "/>", 1000, "more than 1000 attributes"},
    {"after a comment with a quote", "<!-- ' --><domain", " a%u=''", "/>", 1001, "more than 1000 attributes"},
    {"after an instruction with a quote", "<?a '?><domain", " a%u=''", "/>", 1001, "more than 1000 attributes"},
    {"after CDATA with a quote", "<domain><![CDATA[']]><x", " a%u=''", "/></domain>", 1001, "more than 1000 attributes"},
    {"after text with a quote", "<domain>'<x", " a%u=''", "/></domain>", 1001, "more than 1000 attributes"},
    {"in many elements", "<domain>", "<x%u a='' b=''/>", "</domain>", 2000, NULL},
    {"in a comment", "<domain><!-- <x", " a%u=''", "/> --></domain>", 2000, NULL},
    {"in a comment with a bracket", "<domain><!-- > <x", " a%u=''", "/> --></domain>", 2000, NULL},
    {"in CDATA", "<domain><![CDATA[<x", " a%u=''", "/>]]></domain>", 2000, NULL},
    {"in an instruction", "<domain><?x <x", " a%u=''", "/>?></domain>", 2000, NULL},
    {"in a value", "<domain x='>", " a%u=\"\"", "'/>", 2000, NULL},
    {"in a text", "<domain>", " a%u='\"", "</domain>", 2000, NULL},
    {"in a text after a quote", "<domain>\"", " a%u='", "</domain>", 2000, NULL},
    {"a thousand namespaces", "<domain>", "<x xmlns:n%u='urn:n'/>", "</domain>", 1000, NULL},
    {"one namespace more", "<domain>\n", "<x xmlns:n%u='urn:n'/>", "</domain>", 1001, "more than 1000 namespaces (line 2)"},
    {"default namespaces", "<domain>", "<x\nxmlns='urn:n%u'/>", "</domain>", 1001, "more than 1000 namespaces"},
    {"namespaces in comments", "<domain>", "<!-- <x xmlns='urn:n%u'/> -->", "</domain>", 2000, NULL},
    {"namespaces in values", "<domain>", "<x y=' xmlns=%u'/>", "</domain>", 2000, NULL},
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static gchar *
bounds_text(gsize i)
{
    GString *text = g_string_new(bounds[i].before);

    for (guint n = 0; n < bounds[i].times; n++)
        g_string_append_printf(text, bounds[i].piece, n);
    return g_string_free(g_string_append(text, bounds[i].after), FALSE);
}
#pragma GCC diagnostic pop

static void
test_bounds(gconstpointer row)
{
    gsize i = row_of(row);
    g_autofree gchar *text = bounds_text(i);
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(text, strlen(text), &error);

    g_assert_cmpint(xml != NULL, ==, bounds[i].says == NULL);
    if (xml)
        return;
    g_assert_error(error, NEST_ERROR, NEST_ERROR_XML);
    check_says(error->message, bounds[i].says);
    check_says(error->message, "which no program writes into a domain|remove them from its <metadata>");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD_ROWS("domain-xml/an element has its bytes", documents, test_source);
    ADD_ROWS("domain-xml/an element is replaced", documents, test_replace);
    ADD_ROWS("domain-xml/inserted and removed is as before", documents, test_insert_and_remove);
    ADD_ROWS("domain-xml/appended and removed is as before", documents, test_append_and_remove);
    ADD_ROWS("domain-xml/splice", splices, test_splice);
    ADD_ROWS("domain-xml/refused", refused, test_refused);
    ADD_ROWS("domain-xml/offsets are right", sizes, test_offsets);
    ADD_ROWS("domain-xml/equal or not", pairs, test_canonical);
    g_test_add_func("/domain-xml/many splices end at their places", test_many_splices);
    g_test_add_func("/domain-xml/what is refused says why", test_messages);
    g_test_add_func("/domain-xml/40000 levels are refused", test_deep);
    g_test_add_func("/domain-xml/more than 16 MiB is refused", test_long);
    g_test_add_func("/domain-xml/the text need not end in NUL", test_not_terminated);
    g_test_add_func("/domain-xml/a tag of a megabyte has its bytes", test_long_tag);
    g_test_add_func("/domain-xml/a value is read with its entities", test_values);
    g_test_add_func("/domain-xml/an attribute is read with its entities", test_attributes);
    g_test_add_func("/domain-xml/only elements are walked", test_children);
    for (gsize i = 0; i < G_N_ELEMENTS(bounds); i++)
        check_add_row("domain-xml/bounds", bounds[i].sentence, GSIZE_TO_POINTER(i), test_bounds);
    return g_test_run();
}
