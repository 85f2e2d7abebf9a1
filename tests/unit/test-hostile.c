/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that the hook and `virt-nest rewrite` only ever pass, or refuse in one line that says why, as their tables say,
 * whatever input, arguments and descriptors they get, and whatever they lack.
 *
 * The real programs run, as libvirt and a shell run them. The documents are made here. */
#include "base/error.h"
#include "world.h"

#include <gio/gio.h>

/* As virtnestd is not there, what is tagged and read is refused with this, in every operation that may. */
#define HOST "amd-off-busy"
#define READ "NEST-HOST-BUSY"
#define SAME "=" /* of rewrite: comes out as it went in */
#define UNTAGGED "<other:x xmlns:other='urn:other'/>"

/* --- documents */

/* (transfer full) A tagged domain, or an untagged one, with something before, in its metadata and after. */
static GString *
document(const char *before, const char *tag, const char *inside, const char *after)
{
    GString *text = g_string_new(before);

    g_string_append_printf(text,
                           "<domain type='kvm'><name>lab1</name><uuid>" UUID "</uuid><metadata>%s%s"
                           "</metadata>" PASSTHROUGH "<os><type arch='x86_64'>hvm</type></os>"
                           "<devices/></domain>%s",
                           tag, inside, after);
    return text;
}

static void
append_times(GString *text, guint n, const char *piece)
{
    for (guint i = 0; i < n; i++)
        g_string_append(text, piece);
}

static GString *
nested(guint levels)
{
    g_autoptr(GString) inside = g_string_new(NULL);

    append_times(inside, levels, "<a>");
    append_times(inside, levels, "</a>");
    return document("", TAG, inside->str, "");
}

static GString *
make_deep(void)
{
    return nested(40000);
}

static GString *
make_less_deep(void)
{
    return nested(200);
}

static GString *
make_many_elements(void)
{
    g_autoptr(GString) inside = g_string_new("<x>");

    append_times(inside, 40000, "<y z=''/>");
    g_string_append(inside, "</x>");
    return document("", TAG, inside->str, "");
}

/* With as many namespaces as attributes, which are declared by attributes. */
static GString *
with_attributes(guint n)
{
    g_autoptr(GString) inside = g_string_new("<x");

    for (guint i = 0; i < n / 2; i++)
        g_string_append_printf(inside, " a%u='' xmlns:n%u='urn:%u'", i, i, i);
    g_string_append(inside, "/>");
    return document("", TAG, inside->str, "");
}

static GString *
make_many_attributes(void)
{
    return with_attributes(1000);
}

static GString *
make_too_many_attributes(void)
{
    return with_attributes(1002);
}

static GString *
make_long_text(void)
{
    g_autoptr(GString) inside = g_string_new("<x>");

    append_times(inside, 11u * 1000 * 1000 / 20, "0123456789 abcdefghi");
    g_string_append(inside, "</x>");
    return document("", TAG, inside->str, "");
}

/* More than libxml2 holds in one piece, by a reference in the middle: it passes over what follows, the tag too. */
static GString *
make_text_in_pieces(void)
{
    g_autoptr(GString) description = g_string_new("<description>");

    append_times(description, 6u * 1000 * 1000 / 20, "0123456789 abcdefghi");
    g_string_append(description, "&lt;");
    append_times(description, 6u * 1000 * 1000 / 20, "0123456789 abcdefghi");
    g_string_append(description, "</description>");
    return document("", "", description->str, TAG);
}

/* Ten entities, each ten times the one before. */
static GString *
make_laughs(void)
{
    g_autoptr(GString) declarations = g_string_new("<!DOCTYPE domain [<!ENTITY l0 'ha'>");

    for (guint i = 1; i < 10; i++) {
        g_string_append_printf(declarations, "<!ENTITY l%u '", i);
        for (guint j = 0; j < 10; j++)
            g_string_append_printf(declarations, "&l%u;", i - 1);
        g_string_append(declarations, "'>");
    }
    g_string_append(declarations, "]>");
    return document(declarations->str, TAG, "<x a='&l9;'>&l9;</x>", "");
}

static GString *
make_zeros(void)
{
    GString *text = g_string_new(NULL);

    g_string_set_size(text, 100000);
    memset(text->str, 0, text->len);
    return text;
}

/* A NUL in front of the tag, where a text would end for some. */
static GString *
make_nul(void)
{
    GString *text = document("", "<x>", "</x>" TAG, "");

    *strchr(text->str, '/') = '\0';
    return text;
}

static GString *
make_cut_off(void)
{
    GString *text = document("", TAG, "", "");

    return g_string_truncate(text, (gsize)(strstr(text->str, "urn:virt-nest") - text->str) + 15);
}

static GString *
in_encoding(const char *encoding, const char *mark, gsize mark_length, const char *declared,
            const char *tag)
{
    g_autofree gchar *before =
        declared ? g_strdup_printf("<?xml version='1.0' encoding='%s'?>", declared) : g_strdup("");
    g_autoptr(GString) text = document(before, tag, "", "");
    gsize length = 0;
    g_autoptr(GError) error = NULL;
    g_autofree gchar *converted =
        g_convert(text->str, (gssize)text->len, encoding, "UTF-8", NULL, &length, &error);
    GString *whole = g_string_new_len(mark, (gssize)mark_length);

    g_assert_no_error(error);
    return g_string_append_len(whole, converted, (gssize)length);
}

static GString *
make_utf16_le(void)
{
    return in_encoding("UTF-16LE", "\xff\xfe", 2, NULL, TAG);
}

static GString *
make_utf16_be(void)
{
    return in_encoding("UTF-16BE", "\xfe\xff", 2, "UTF-16", TAG);
}

static GString *
make_utf16_undeclared(void)
{
    return in_encoding("UTF-16LE", "", 0, NULL, TAG);
}

static GString *
make_utf16_untagged(void)
{
    return in_encoding("UTF-16LE", "\xff\xfe", 2, NULL, UNTAGGED);
}

static GString *
make_utf16_cut_off(void)
{
    GString *text = make_utf16_le();

    return g_string_truncate(text, text->len - 7);
}

static GString *
make_utf32(void)
{
    return in_encoding("UTF-32LE", "\xff\xfe\0\0", 4, "UTF-32", TAG);
}

static GString *
make_utf32_be(void)
{
    return in_encoding("UTF-32BE", "", 0, "UTF-32", TAG);
}

static GString *
make_utf7(void)
{
    /* urn:virt-nest:1, not one letter of it in ASCII. */
    return document("<?xml version='1.0' encoding='UTF-7'?>",
                    "<n:enable xmlns:n='+AHUAcgBuADoAdgBpAHIAdAAtAG4AZQBzAHQAOgAx-'/>", "", "");
}

static GString *
make_ebcdic(void)
{
    return in_encoding("IBM037", "", 0, "IBM037", TAG);
}

static GString *
make_ebcdic_untagged(void)
{
    return in_encoding("IBM037", "", 0, "IBM037", UNTAGGED);
}

/* What libvirt would make of it: a tag whose name is spelt by a reference. The prefilter does not know it, and
 * libvirt, which writes what the hook reads, never writes it so. */
static GString *
make_spelt_by_reference(void)
{
    return document("", "<n:enable xmlns:n='urn:vir&#116;-nes&#116;:1'/>", "", "");
}

#define DTD(declarations) "<!DOCTYPE domain " declarations ">"
#define MARKED(mark) "<domain type='kvm'>" mark "<name>lab1</name></domain>"

/* Everything that libvirt could send, and what it never would. */
static const struct {
    const char *shows;
    GString *(*make)(void); /* NULL: before, tag, inside and after are the document */
    const char *before, *tag, *inside, *after;
    const char *code;      /* of the hook where it may refuse; NULL: passes in silence */
    const char *rewritten; /* rewrite's code, or SAME; NULL: it comes out, as its CPU is right */
} documents[] = {
    {"one-byte", NULL, NULL, NULL, "<", NULL, NULL, SAME},
    {"a-word-of-ours", NULL, NULL, NULL, "virt-nest", NULL, "NEST-XML", "NEST-XML"},
    {"cut-off-untagged", NULL, NULL, NULL, "<domain><metadata><x a='", NULL, NULL, SAME},
    {"cut-off-in-the-tag", make_cut_off, NULL, NULL, NULL, NULL, "NEST-XML", "NEST-XML"},
    {"zeros", make_zeros, NULL, NULL, NULL, NULL, NULL, SAME},
    {"nul-before-the-tag", make_nul, NULL, NULL, NULL, NULL, "NEST-XML", "NEST-XML"},
    {"no-utf8", NULL, "", TAG, "<x>\xff\xfe\xc0\x80</x>", "", "NEST-XML", "NEST-XML"},
    {"half-a-character", NULL, "", TAG, "", "\xe2\x82", "NEST-XML", "NEST-XML"},
    {"control-character", NULL, "", TAG, "<x>\033[2J</x>", "", "NEST-XML", "NEST-XML"},
    {"reference-to-control", NULL, "", TAG, "<x>&#27;</x>", "", "NEST-XML", "NEST-XML"},
    {"two-roots", NULL, "", TAG, "", "<domain/>", "NEST-XML", "NEST-XML"},
    {"text-after", NULL, "", TAG, "", "x", "NEST-XML", "NEST-XML"},
    {"undeclared-entity", NULL, "", TAG, "<x>&e;</x>", "", "NEST-XML", "NEST-XML"},
    {"attribute-twice", NULL, "", TAG, "<x a='' a=''/>", "", "NEST-XML", "NEST-XML"},
    {"unknown-encoding", NULL, "<?xml version='1.0' encoding='martian'?>", TAG, "", "", "NEST-XML",
     "NEST-XML"},
    {"encoding-by-lie", NULL, "<?xml version='1.0' encoding='UTF-16'?>", TAG, "", "", "NEST-XML",
     "NEST-XML"},
    {"byte-order-mark", NULL, "\xef\xbb\xbf", TAG, "", "", READ, NULL},
    {"xml-1.1", NULL, "<?xml version='1.1'?>", TAG, "", "", READ, NULL},
    {"laughs", make_laughs, NULL, NULL, NULL, NULL, "NEST-XML-DTD", "NEST-XML-DTD"},
    {"internal-entity", NULL, DTD("[<!ENTITY e 'x'>]"), TAG, "<x>&e;</x>", "", "NEST-XML-DTD",
     "NEST-XML-DTD"},
    {"external-entity", NULL, DTD("[<!ENTITY e SYSTEM 'file:///etc/passwd'>]"), TAG, "<x>&e;</x>",
     "", "NEST-XML-DTD", "NEST-XML-DTD"},
    {"external-dtd", NULL, DTD("SYSTEM 'http://127.0.0.1:9/x.dtd'"), TAG, "", "", "NEST-XML-DTD",
     "NEST-XML-DTD"},
    {"public-dtd", NULL, DTD("PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN' 'xhtml1-strict.dtd'"), TAG,
     "", "", "NEST-XML-DTD", "NEST-XML-DTD"},
    {"parameter-entity", NULL, DTD("[<!ENTITY % p SYSTEM '/etc/hostname'> %p;]"), TAG, "", "",
     "NEST-XML-DTD", "NEST-XML-DTD"},
    {"dtd-makes-the-tag", NULL, DTD("[<!ATTLIST x xmlns CDATA #FIXED 'urn:virt-nest:1'>]"), "",
     "<x/>", "", "NEST-XML-DTD", "NEST-XML-DTD"},
    {"xinclude", NULL, "", TAG,
     "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/passwd' parse='text'/>", "",
     READ, NULL},
    {"stylesheet-and-schema", NULL,
     "<?xml-stylesheet href='file:///etc/passwd'?><?xml-model href='http://127.0.0.1:9/x.rng'?>",
     TAG,
     "<x xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
     "xsi:schemaLocation='urn:x http://127.0.0.1:9/x.xsd'/>",
     "", READ, NULL},
    {"catalog", NULL, "<?oasis-xml-catalog catalog='file:///etc/passwd'?>", TAG, "", "", READ,
     NULL},
    {"base", NULL, "", TAG, "<x xml:base='http://127.0.0.1:9/' xml:id='a'/>", "", READ, NULL},
    {"tag-in-comment", NULL, NULL, NULL, MARKED("<metadata><!--" TAG "--></metadata>"), NULL, NULL,
     SAME},
    {"tag-in-cdata", NULL, NULL, NULL, MARKED("<metadata><![CDATA[" TAG "]]></metadata>"), NULL,
     NULL, SAME},
    {"tag-in-instruction", NULL, NULL, NULL, MARKED("<metadata><?x " TAG "?></metadata>"), NULL,
     NULL, SAME},
    {"tag-in-text", NULL, NULL, NULL, MARKED("<description>nest:enable</description>"), NULL, NULL,
     SAME},
    {"tag-below-another", NULL, NULL, NULL, MARKED("<metadata><x>" TAG "</x></metadata>"), NULL,
     NULL, SAME},
    {"tag-in-a-domain-in-it", NULL, NULL, NULL,
     MARKED("<domain><metadata>" TAG "</metadata></domain>"), NULL, NULL, SAME},
    {"tag-by-reference", make_spelt_by_reference, NULL, NULL, NULL, NULL, NULL, NULL},
    {"deep", make_deep, NULL, NULL, NULL, NULL, "NEST-XML", "NEST-XML"},
    {"less-deep", make_less_deep, NULL, NULL, NULL, NULL, READ, NULL},
    {"many-elements", make_many_elements, NULL, NULL, NULL, NULL, READ, NULL},
    {"many-attributes", make_many_attributes, NULL, NULL, NULL, NULL, READ, NULL},
    {"too-many-attributes", make_too_many_attributes, NULL, NULL, NULL, NULL, "NEST-XML", "NEST-XML"},
    {"long-text", make_long_text, NULL, NULL, NULL, NULL, READ, NULL},
    {"text-in-pieces", make_text_in_pieces, NULL, NULL, NULL, NULL, "NEST-XML", "NEST-XML"},
    {"utf16-le", make_utf16_le, NULL, NULL, NULL, NULL, NULL, "NEST-XML-ENCODING"},
    {"utf16-be", make_utf16_be, NULL, NULL, NULL, NULL, NULL, "NEST-XML-ENCODING"},
    {"utf16-undeclared", make_utf16_undeclared, NULL, NULL, NULL, NULL, NULL, "NEST-XML-ENCODING"},
    {"utf16-cut-off", make_utf16_cut_off, NULL, NULL, NULL, NULL, NULL, "NEST-XML-ENCODING"},
    {"utf16-untagged", make_utf16_untagged, NULL, NULL, NULL, NULL, NULL, SAME},
    {"utf32-le", make_utf32, NULL, NULL, NULL, NULL, NULL, "NEST-XML-ENCODING"},
    {"utf32-be", make_utf32_be, NULL, NULL, NULL, NULL, NULL, "NEST-XML-ENCODING"},
    {"utf7", make_utf7, NULL, NULL, NULL, NULL, NULL, "NEST-XML-ENCODING"},
    {"ebcdic", make_ebcdic, NULL, NULL, NULL, NULL, NULL, "NEST-XML-ENCODING"},
    {"ebcdic-untagged", make_ebcdic_untagged, NULL, NULL, NULL, NULL, NULL, SAME},
};

static GString *
make_document(gsize i)
{
    if (documents[i].make)
        return documents[i].make();
    return documents[i].before ? document(documents[i].before, documents[i].tag,
                                          documents[i].inside, documents[i].after)
                               : g_string_new(documents[i].inside);
}

/* --- what has to hold of every outcome */

/* One whole line, short enough that libvirt shows all of it, with nothing in it that does something. The hook's begins
 * on a line of its own. */
static void
assert_one_line(const char *output)
{
    const char *text = output + (*output == '\n');
    const char *end = strchr(text, '\n');

    if (!g_str_has_prefix(text, "nest: ") || !end || end[1] || !g_str_has_suffix(text, "]\n") ||
        strlen(text) > 1000)
        g_error("not one line with its code but: %s", text);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (const char *c = text; c < end; c = g_utf8_next_char(c))
        if (!g_unichar_isprint(g_utf8_get_char(c)))
            g_error("U+%04X is in: %s", g_utf8_get_char(c), text);
}

static void
assert_defined(const Result *result, gboolean may_refuse)
{
    if (result->status == 0)
        return;
    if (result->status != 1 || !may_refuse)
        g_error("ended with %d: %s", result->status, result->err);
    assert_one_line(result->err);
}

static Result *
rewrite(const World *world, const char *text, gsize length)
{
    g_autofree gchar *program = built("bin/virt-nest");
    const char *argv[] = {program, "rewrite", "--cpu-vendor", "amd", NULL};

    return run(world, argv, text, length);
}

/* --- documents and operations */

/* Those that read, and of those that never may refuse the one that would kill a running guest. */
static gboolean
is_asked(gsize operation)
{
    static const char *const asked[] = {"prepare", "start",     "migrate", "restore",
                                        "stopped", "reconnect", NULL};

    return g_strv_contains(asked, operations[operation].name);
}

static void
test_document(gconstpointer data)
{
    gsize row = GPOINTER_TO_SIZE(data);
    g_autoptr(World) world = world_new(HOST, 0);
    g_autoptr(GString) text = make_document(row);

    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
        const char *argv[] = {world->prefilter, "lab1", operations[i].name, "begin", "-", NULL};
        g_autoptr(Result) result = NULL;

        if (!is_asked(i))
            continue;
        result = run(world, argv, text->str, text->len);
        assert_defined(result, operations[i].may_refuse);
        if (documents[row].code && operations[i].may_refuse)
            assert_refused(result, documents[row].code);
        else
            assert_passed_silently(result);
    }
    g_assert_false(has_flag_file());
}

static void
test_rewrite(gconstpointer data)
{
    gsize row = GPOINTER_TO_SIZE(data);
    const char *expected = documents[row].rewritten;
    g_autoptr(World) world = world_new(HOST, 0);
    g_autoptr(GString) text = make_document(row);
    g_autoptr(Result) result = rewrite(world, text->str, text->len);

    assert_defined(result, TRUE);
    if (!expected || g_str_equal(expected, SAME)) {
        assert_passed(result);
        g_assert_cmpstr(result->err, ==, "");
        /* A NUL ends what g_spawn_sync() gives; test-rewrite looks at all bytes. */
        g_assert_cmpstr(result->out, ==, text->str);
    } else {
        g_assert_cmpint(result->status, ==, 1);
        g_assert_cmpstr(result->out, ==, "");
        assert_contains(result->err, expected);
    }
}

/* --- what stands in messages */

#define CONTROLS "a&#10;nest: b [NEST-C]&#13;&#9;\302\233\342\200\256\342\200\250\302\205z"

static const struct {
    const char *shows, *type, *metadata, *cpu, *code, *says;
} values[] = {
    {"attribute", "kvm", TAG_WITH("cpu='" CONTROLS "'"), PLAIN, "NEST-TAG-VALUE",
     "a\\x0anest: b [NEST-C]\\x0d\\x09\\xc2\\x9b\\xe2\\x80\\xae\\xe2\\x80\\xa8\\xc2\\x85z"},
    {"namespace", "kvm", "<nest:enable xmlns:nest='" CONTROLS "'/>", PLAIN, "NEST-TAG-NAMESPACE",
     "\\x0anest"},
    {"model", "kvm", TAG, "<cpu><model>" CONTROLS "</model></cpu>", "NEST-START-UNCORRECTED",
     "\\x0anest"},
    {"mode", "kvm", TAG, "<cpu mode='" CONTROLS "'/>", "NEST-START-UNCORRECTED", "\\x0anest"},
    {"type", CONTROLS, TAG, PLAIN, "NEST-CPU-TYPE", "\\x0anest"},
    {"architecture", "qemu", TAG, "<os><type arch='" CONTROLS "'>hvm</type></os>", "NEST-CPU-ARCH",
     "\\x0anest"},
    {"element", "kvm", "<n:a\302\267\341\205\237 xmlns:n='urn:virt-nest:1'/>", PLAIN,
     "NEST-TAG-ELEMENT", NULL},
};

static void
test_value(gconstpointer data)
{
    gsize row = GPOINTER_TO_SIZE(data);
    g_autoptr(World) world = world_new("amd-on", DEFINITION);
    g_autofree gchar *xml = domain(values[row].type, values[row].metadata, values[row].cpu);
    g_autoptr(Result) result = call(world, "start", xml);
    g_autoptr(Result) rewritten = rewrite(world, xml, strlen(xml));

    assert_refused(result, values[row].code);
    assert_one_line(result->err);
    if (values[row].says)
        assert_contains(result->err, values[row].says);
    assert_defined(rewritten, TRUE);
}

/* Where a tag forgives, the same goes to the log. */
static void
test_log(void)
{
    g_autoptr(World) world = world_new("amd-on", DEFINITION);
    g_autofree gchar *xml =
        domain("kvm", TAG_WITH("required='no'"), "<cpu><model>" CONTROLS "</model></cpu>");
    g_autoptr(Result) result = call(world, "start", xml);

    assert_passed(result);
    assert_contains(result->err, "\\x0anest");
    g_assert_true(strchr(result->err, '\n') == result->err + strlen(result->err) - 1);
}

static void
test_explain(void)
{
    g_autoptr(World) world = world_new("amd-on", 0);
    g_autofree gchar *program = built("bin/virt-nest");
    const char *argv[] = {program, "rewrite", "--explain", NULL};
    const char *xml =
        "<domain type='qemu'><name>a\n\302\233b</name><metadata>" TAG "</metadata></domain>";
    g_autoptr(Result) result = run(world, argv, xml, strlen(xml));

    assert_passed(result);
    assert_contains(result->err, "nest: a\\x0a\\xc2\\x9bb: ");
}

/* Five million bytes in the middle; what was refused and the remedy stay. */
static void
test_long_value(void)
{
    g_autoptr(World) world = world_new("amd-on", DEFINITION);
    g_autofree gchar *value = g_strnfill(5u * 1000 * 1000, 'v');
    g_autofree gchar *tag = g_strdup_printf(TAG_WITH("cpu='%s'"), value);
    g_autofree gchar *xml = domain("kvm", tag, PLAIN);
    g_autoptr(Result) result = call(world, "prepare", xml);

    assert_refused(result, "NEST-TAG-VALUE");
    assert_one_line(result->err);
    assert_contains(result->err, "v ... v");
    assert_contains(result->err, "use one of auto, host-passthrough");
}

/* --- arguments */

static const struct {
    const char *shows, *name, *says;
} names[] = {
    {"empty", "", "''"},
    {"line-feed", "a\nnest: b [NEST-C]", "'a\\x0anest: b [NEST-C]'"},
    {"escape", "\033[31ma\007\177", "'\\x1b[31ma\\x07\\x7f'"},
    {"no-utf8", "a\xff\xc0\x80\xed\xa0\x80z", "'a\\xff\\xc0\\x80\\xed\\xa0\\x80z'"},
    {"half-a-character", "a\xe2\x82", "'a\\xe2\\x82'"},
    {"c1", "a\302\233z", "'a\\xc2\\x9bz'"},
    {"right-to-left", "a\342\200\256z", "'a\\xe2\\x80\\xaez'"},
    {"path", "../../etc/passwd", "'../../etc/passwd'"},
    {"format", "%s%n%n%n", "'%s%n%n%n'"},
    {"option", "--help", "'--help'"},
    {"utf8", "Gr\303\266\303\237e \344\270\255\360\237\220\247",
     "'Gr\303\266\303\237e \344\270\255\360\237\220\247'"},
    {"long", NULL, "'nnnnnnnn"}, /* as long as an argument can be */
};

/* By the prefilter alone, and with its judge. */
static void
test_name(gconstpointer data)
{
    gsize row = GPOINTER_TO_SIZE(data);
    g_autofree gchar *longest = g_strnfill(128u * 1024 - 1, 'n');
    const char *name = names[row].name ? names[row].name : longest;
    g_autoptr(World) world = world_new(HOST, 0);
    g_autofree gchar *xml = domain("kvm", TAG, PASSTHROUGH);

    for (gsize i = 0; i < 2 * G_N_ELEMENTS(operations); i += 3) {
        const char *operation = operations[i / 2].name;
        g_autofree gchar *prefilter = built(i % 2 ? "tests/prefilter" : "tests/alone/prefilter");
        const char *argv[] = {prefilter, name, operation, "begin", "-", NULL};
        g_autoptr(Result) result = run(world, argv, xml, strlen(xml));

        assert_defined(result, operations[i / 2].may_refuse);
        g_assert_cmpint(result->status, ==, operations[i / 2].may_refuse);
        if (operations[i / 2].may_refuse)
            assert_contains(result->err, names[row].says);
    }
}

/* libvirt gives the operation; what is none passes, whatever it is. */
static void
test_operation(void)
{
    static const char *const others[] = {
        "",           "Start", "start ",  "start\n", "starting",   "star",
        "prepare\tx", "\xff",  "--start", "%n",      "../restore", "PREPARE",
    };
    g_autoptr(World) world = world_new(HOST, 0);
    g_autofree gchar *xml = domain("kvm", TAG, PASSTHROUGH);

    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        const char *argv[] = {world->prefilter, "lab1", others[i], "begin", "-", NULL};
        g_autoptr(Result) result = run(world, argv, xml, strlen(xml));

        assert_passed_silently(result);
    }
}

/* Fewer arguments than libvirt gives, and more. */
static void
test_argument_count(void)
{
    static const char *const words[] = {"lab1", "started", "begin", "-", "a", "b"};
    g_autoptr(World) world = world_new(HOST, 0);
    g_autofree gchar *xml = domain("kvm", TAG, PASSTHROUGH);

    for (gsize i = 0; i < G_N_ELEMENTS(words) + 1; i++) {
        const char *argv[G_N_ELEMENTS(words) + 2] = {world->prefilter};
        g_autoptr(Result) result = NULL;

        for (gsize j = 0; j < i; j++)
            argv[1 + j] = words[j];
        result = run(world, argv, xml, strlen(xml));
        assert_passed_silently(result);
    }
}

static void
no_arguments(gpointer data)
{
    const char *const *what = data;
    char *const none[] = {NULL};
    int fd = open(what[1], O_RDONLY);

    if (fd >= 0 && dup2(fd, STDIN_FILENO) >= 0)
        (void)execv(what[0], none);
    _exit(98);
}

/* argc is 0 where the kernel allows it (before Linux 5.18), else 1. */
static void
test_no_arguments(void)
{
    g_autoptr(World) world = world_new(HOST, 0);
    g_autofree gchar *xml = domain("kvm", TAG, PASSTHROUGH);
    g_autofree gchar *input = g_build_filename(world->directory, "tagged.xml", NULL);
    const char *what[] = {world->prefilter, input};
    const char *argv[] = {"true", NULL};
    gint status = 0;

    put_file(world, "/tagged.xml", xml);
    g_assert_true(g_spawn_sync(NULL, (gchar **)argv, NULL, G_SPAWN_SEARCH_PATH, no_arguments, what,
                               NULL, NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
}

/* --- descriptors */

static void
test_closed(void)
{
    g_autoptr(World) world = world_new(HOST, 0);
    g_autofree gchar *xml = domain("kvm", TAG, PASSTHROUGH);
    g_autofree gchar *filter = built("bin/virt-nest");

    for (guint closed = 0; closed < 8; closed++) {
        g_autofree gchar *redirections = g_strdup_printf(
            "%s %s %s", closed & 1 ? "<&-" : "", closed & 2 ? ">&-" : "", closed & 4 ? "2>&-" : "");
        g_autofree gchar *as_filter = g_strdup_printf("exec \"$0\" rewrite %s", redirections);
        const char *rewriting[] = {"sh", "-c", as_filter, filter, NULL};
        g_autoptr(Result) rewritten = run(world, rewriting, xml, strlen(xml));

        g_assert_cmpint(rewritten->status, ==, !!(closed & 3));
        for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
            g_autofree gchar *script = g_strdup_printf("exec \"$0\" lab1 '%s' begin - %s",
                                                       operations[i].name, redirections);
            const char *argv[] = {"sh", "-c", script, world->prefilter, NULL};
            g_autoptr(Result) result = run(world, argv, xml, strlen(xml));

            /* What is not read is not ours, and is let go. */
            g_assert_cmpint(result->status, ==, operations[i].may_refuse && !(closed & 1));
            if (result->status && !(closed & 4))
                assert_one_line(result->err);
        }
    }
}

/* --- configuration */

static void
test_configuration(void)
{
    static const char *const ways[] = {
        "mkdir -p \"$0\"",
        "ln -s \"$0\" \"$0\"",
        "ln -s /nonexistent/x \"$0\"",
        "head -c 300000 /dev/urandom >\"$0\"",
        "printf '[start]\\non-stale=\\033[31m\\n' >\"$0\"",
        "printf '[start' >\"$0\"",
    };
    g_autofree gchar *xml = domain("kvm", TAG, PLAIN);

    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_autoptr(World) world = world_new("amd-on", DEFINITION);
        g_autofree gchar *path = g_strconcat(world->root, NEST_CONFIG_FILE, NULL);
        g_autofree gchar *script = g_strdup_printf("mkdir -p \"$(dirname \"$0\")\" && %s", ways[i]);

        must_run((const char *const[]){"sh", "-c", script, path, NULL});
        for (gsize j = 0; j < G_N_ELEMENTS(operations); j++) {
            g_autoptr(Result) result = call(world, operations[j].name, xml);
            gboolean refuses = g_str_equal(operations[j].name, "start");

            g_assert_cmpint(result->status, ==, refuses);
            if (refuses)
                assert_contains(result->err, "[NEST-START-UNCORRECTED]\n");
            g_assert_null(strchr(result->err, '\033'));
            nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESUMING, UUID);
            nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESTORING, UUID);
        }
    }
}

/* --- time. The programs here have a limit of four seconds. */

/* What stands on standard input, or in the way, of "$hook lab1 $operation": a shell's words; $full is a pipe
 * that nobody empties, $stalled one into which the tagged domain was written and that stays open. */
static const struct {
    const char *shows, *redirections;
    gboolean is_refused; /* where it may be */
    gboolean says;       /* the reason can be read */
} stuck[] = {
    {"nothing comes", "<idle", FALSE, FALSE},
    {"a tagged domain whose end does not come", "<stalled", TRUE, TRUE},
    {"zeros without end", "</dev/zero", FALSE, FALSE},
    {"nobody reads what is said", "<stalled 2>full", TRUE, FALSE},
    {"attributes that take hours to compare", "<slow.xml", TRUE, TRUE},
};

static void
lay_out_stuck(World *world)
{
    g_autofree gchar *tagged = domain("kvm", TAG, PASSTHROUGH);
    g_autofree gchar *judge = built("tests/judge-alone.so");
    g_autoptr(GString) slow = g_string_new("<domain><metadata>" TAG "</metadata><x");

    for (guint i = 0; i < 300000; i++)
        g_string_append_printf(slow, " a%u=''", i);
    g_string_append(slow, "/></domain>");
    copy_hook(world, FALSE);
    put_file(world, "/tagged.xml", tagged);
    put_file(world, "/slow.xml", slow->str);
    put_file(world, "/root/etc/virt-nest/x", "");
    must_run((const char *const[]){
        "sh", "-c",
        "cd \"$0\" && mkdir -p libexec && cp \"$1\" libexec/qemu-hook.so && mkfifo idle stalled full"
        " root/etc/virt-nest/virt-nest.conf",
        world->directory, judge, NULL});
}

/* All at once, as each takes its four seconds. */
static void
test_stuck(void)
{
    /* Each gets pipes of its own; the shell holds both their ends. */
    static const char script[] =
        "exec 2>&1; hook=$0\n"
        "one() { # NUMBER OPERATION REDIRECTIONS\n"
        "    mkdir \"$1.$2\"; cd \"$1.$2\"; mkfifo idle stalled full; ln ../*.xml .\n"
        "    exec 7<>idle 8<>stalled 9<>full; cat tagged.xml >&8\n"
        "    dd if=/dev/zero bs=4096 count=16 >&9 2>/dev/null\n"
        "    status=0; eval \"timeout 100 $hook lab1 $2 begin - 2>err 7>&- 8>&- 9>&- $3\" || status=$?\n"
        "    echo \"$1 $2 $status $(cat err)\"\n"
        "}\n"
        "while read -r number operation redirections; do\n"
        "    (one \"$number\" \"$operation\" \"$redirections\") &\n"
        "done; wait\n";
    g_autoptr(World) world = world_new("amd-on", DEFINITION);
    g_autoptr(GString) list = g_string_new(NULL);
    const char *argv[] = {"sh", "-c", script, NULL, NULL};
    g_autoptr(Result) result = NULL;

    lay_out_stuck(world);
    argv[3] = world->prefilter;
    for (gsize i = 0; i < G_N_ELEMENTS(stuck); i++)
        for (gsize j = 0; j < G_N_ELEMENTS(operations); j++)
            if (is_asked(j))
                g_string_append_printf(list, "%zu %s %s\n", i, operations[j].name,
                                       stuck[i].redirections);
    result = run(world, argv, list->str, list->len);
    for (gsize i = 0; i < G_N_ELEMENTS(stuck); i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(operations); j++) {
            gboolean refused = stuck[i].is_refused && operations[j].may_refuse;
            g_autofree gchar *line =
                g_strdup_printf("%zu %s %d %s", i, operations[j].name, refused,
                                refused && stuck[i].says ? "\nnest: cannot " : "\n");

            if (is_asked(j) && !strstr(result->out, line))
                g_error("%s: no '%s' in: %s", stuck[i].shows, line, result->out);
        }
    }
    assert_contains(result->out, "it takes too long");
}

/* Only a start whose CPU is not right looks into the configuration. */
static void
test_stuck_configuration(void)
{
    g_autoptr(World) world = world_new("amd-on", DEFINITION);
    g_autofree gchar *xml = domain("kvm", TAG, PLAIN);
    g_autoptr(Result) result = NULL;

    lay_out_stuck(world);
    result = call(world, "start", xml);
    assert_refused(result, "NEST-IO");
    assert_contains(result->err, "it takes too long");
}

/* Endless input that begins with a tagged domain is refused when it is too long, before any limit; and so is
 * what rewrite gets, tagged or not. 100 MB of others pass the prefilter, which keeps no byte of them. */
static void
test_endless(void)
{
    static const char *const scripts[][2] = {
        {"{ cat; cat /dev/zero; } | \"$0\" lab1 start begin -", "16 MiB"},
        {"cat /dev/zero | \"$1\" rewrite", "16 MiB"},
        {"{ cat; cat /dev/zero; } | \"$1\" rewrite -", "standard input is longer than 16 MiB"},
        {"\"$1\" rewrite /dev/zero", "/dev/zero is longer than 16 MiB"},
        {"head -c 100000000 /dev/zero | \"$0\" lab1 start begin -", NULL},
        {"{ head -c 100000000 /dev/zero; cat; } | \"$0\" lab1 stopped begin -", NULL},
        {"{ head -c 100000000 /dev/zero; cat; } | \"$0\" lab1 migrate begin -", "16 MiB"},
        {"{ head -c 100000000 /dev/zero; cat; } | \"$0\" lab1 restore begin -", NULL},
    };
    g_autoptr(World) world = world_new(HOST, 0);
    g_autofree gchar *filter = built("bin/virt-nest");
    g_autofree gchar *xml = domain("kvm", TAG, PASSTHROUGH);

    for (gsize i = 0; i < G_N_ELEMENTS(scripts); i++) {
        const char *argv[] = {"sh", "-c", scripts[i][0], world->prefilter, filter, NULL};
        g_autoptr(Result) result = run(world, argv, xml, strlen(xml));

        g_assert_cmpint(result->status, ==, scripts[i][1] != NULL);
        g_assert_cmpstr(result->out, ==, "");
        if (scripts[i][1]) {
            assert_one_line(result->err);
            assert_contains(result->err, scripts[i][1]);
        }
    }
}

/* --- files and sockets */

/* Every file that is opened or looked at, and every socket, while a document is judged; sorted. */
static gchar *
traced(const World *world, const char *const *program, const GString *text)
{
    static const char script[] =
        "strace -f -qq -e trace=%file,%network -o trace \"$@\" >/dev/null 2>&1; "
        "sed -E '/AT_EMPTY_PATH/d; s/^[0-9]+ +//; s/0x[0-9a-f]+/ADDRESS/g; s/ \\/\\* [0-9]+ vars \\*\\///' trace |"
        " sort -u";
    const char *argv[8] = {"env", "ASAN_OPTIONS=detect_leaks=0", "sh", "-c", script, "sh"};
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_autofree gchar *notes = nest_root_runtime_path("");
    g_autoptr(Result) result = NULL;

    must_run((const char *const[]){"rm", "-rf", notes, NULL}); /* of the one before */
    must_run((const char *const[]){"mkdir", "-p", notes, NULL});
    for (gsize i = 0; argv[i]; i++)
        g_ptr_array_add(words, (gpointer)argv[i]);
    for (gsize i = 0; program[i]; i++)
        g_ptr_array_add(words, (gpointer)program[i]);
    g_ptr_array_add(words, NULL);
    result = run(world, (const char *const *)words->pdata, text->str, text->len);
    assert_contains(result->out, "execve");
    return g_steal_pointer(&result->out);
}

/* The lines of one trace that the other has not, but for the C library's own tables of encodings. */
static gchar *
added(const char *trace, const char *harmless)
{
    g_auto(GStrv) lines = g_strsplit(trace, "\n", -1);
    GString *text = g_string_new(NULL);

    for (gsize i = 0; lines[i]; i++)
        if (!strstr(harmless, lines[i]) && !strstr(lines[i], "/gconv/"))
            g_string_append_printf(text, "%s\n", lines[i]);
    return g_string_free(text, FALSE);
}

/* Documents that name a file, an address or an encoding. */
static const char *const referring[] = {
    "laughs",
    "internal-entity",
    "external-entity",
    "external-dtd",
    "public-dtd",
    "parameter-entity",
    "dtd-makes-the-tag",
    "xinclude",
    "stylesheet-and-schema",
    "catalog",
    "base",
    "ebcdic",
    "utf7",
    "utf16-be",
    "unknown-encoding",
    NULL,
};

/* A document is judged without any file or socket that a harmless one would not need. */
static void
test_files(void)
{
    g_autoptr(World) world = world_new("amd-on", DEFINITION);
    g_autofree gchar *filter = built("bin/virt-nest");
    g_autofree gchar *strace = g_find_program_in_path("strace");
    const char *start[] = {world->prefilter, "lab1", "start", "begin", "-", NULL};
    const char *rewriting[] = {filter, "rewrite", "--cpu-vendor", "amd", NULL};
    const char *const *programs[] = {start, rewriting};
    g_autoptr(GString) plain = document("", TAG, "", "");

    if (!strace) {
        g_test_skip("needs strace (install/deps check)");
        return;
    }
    for (gsize p = 0; p < G_N_ELEMENTS(programs); p++) {
        g_autofree gchar *harmless = traced(world, programs[p], plain);

        assert_contains(harmless, "open");
        for (gsize i = 0; i < G_N_ELEMENTS(documents); i++) {
            g_autoptr(GString) text = NULL;
            g_autofree gchar *trace = NULL;
            g_autofree gchar *more = NULL;

            if (!g_strv_contains(referring, documents[i].shows))
                continue;
            text = make_document(i);
            trace = traced(world, programs[p], text);
            more = added(trace, harmless);
            if (*more)
                g_error("%s: %s", documents[i].shows, more);
        }
    }
}

/* --- memory */

#ifndef NEST_SANITIZED /* AddressSanitizer reserves terabytes of addresses */

static Result *
run_within(const World *world, const char *operation, guint kilobytes, const GString *text)
{
    g_autofree gchar *limit = g_strdup_printf("--as=%u", kilobytes * 1024);
    const char *argv[] = {"prlimit", limit, world->prefilter, "lab1", operation, "begin", "-", NULL};

    return run(world, argv, text->str, text->len);
}

static gboolean
is_loaders(const Result *result)
{
    return result->status == 127 && strstr(result->err, "error while loading shared libraries");
}

/* Below this the judge cannot be loaded. */
static guint
least_memory(const World *world, const GString *text)
{
    guint low = 1000;
    guint high = 400000;

    while (high - low > 20) {
        guint middle = (low + high) / 2;
        g_autoptr(Result) result = run_within(world, "prepare", middle, text);

        if (is_loaders(result) || strstr(result->err, "cannot be loaded"))
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void
check_memory(const World *world, guint from, guint step, guint times, const GString *text)
{
    static const struct {
        const char *operation;
        gboolean may_refuse;
    } asked[] = {{"prepare", TRUE},
                 {"migrate", TRUE},
                 {"restore", FALSE},
                 {"stopped", FALSE},
                 {"reconnect", FALSE}};

    for (guint i = 0; i < times; i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(asked); j++) {
            g_autoptr(Result) result = run_within(world, asked[j].operation, from + i * step, text);

            if (is_loaders(result))
                continue; /* of the prefilter itself, before main() */
            assert_defined(result, asked[j].may_refuse);
        }
    }
}

/* From what the prefilter needs to what all needs, there is no place where it ends otherwise. */
static void
test_memory(void)
{
    g_autoptr(World) world = world_new(HOST, 0);
    g_autoptr(GString) small = document("", TAG, "", "");
    g_autoptr(GString) large = make_many_elements();
    guint least = least_memory(world, small);

    check_memory(world, 1000, least / 25, 25, small);
    check_memory(world, least, 25, 25, small);
    check_memory(world, least, 2300, 10, large);
}

static void
test_memory_rewrite(void)
{
    g_autoptr(World) world = world_new(HOST, 0);
    g_autofree gchar *program = built("bin/virt-nest");
    g_autoptr(GString) large = make_many_elements();

    for (guint megabytes = 40; megabytes < 240; megabytes += 15) {
        g_autofree gchar *limit = g_strdup_printf("--as=%u", megabytes * 1024 * 1024);
        const char *argv[] = {"prlimit", limit, program, "rewrite", "--cpu-vendor", "amd", NULL};
        g_autoptr(Result) result = run(world, argv, large->str, large->len);

        if (is_loaders(result))
            continue;
        assert_defined(result, TRUE);
        if (result->status)
            assert_contains(result->err, "not enough memory");
    }
}

/* The prefilter passes 100 MB in the memory that it has from the start. */
static void
test_memory_prefilter(void)
{
    g_autoptr(World) world = world_new(HOST, 0);
    const char *argv[] = {
        "sh", "-c", "head -c 100000000 /dev/zero | prlimit --as=8000000 \"$0\" lab1 start begin -",
        world->prefilter, NULL};
    g_autoptr(Result) result = run(world, argv, "", 0);

    assert_passed_silently(result);
}

#endif

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        GTestFunc test;
    } tests[] = {
        {"/hostile/value/log", test_log},
        {"/hostile/value/explain", test_explain},
        {"/hostile/value/long", test_long_value},
        {"/hostile/arguments/operation", test_operation},
        {"/hostile/arguments/count", test_argument_count},
        {"/hostile/arguments/none", test_no_arguments},
        {"/hostile/descriptors/closed", test_closed},
        {"/hostile/configuration", test_configuration},
        {"/hostile/time/stuck", test_stuck},
        {"/hostile/time/stuck-configuration", test_stuck_configuration},
        {"/hostile/time/endless", test_endless},
        {"/hostile/files", test_files},
#ifndef NEST_SANITIZED
        {"/hostile/memory/hook", test_memory},
        {"/hostile/memory/rewrite", test_memory_rewrite},
        {"/hostile/memory/prefilter", test_memory_prefilter},
#endif
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(documents); i++) {
        g_autofree gchar *hook = g_strconcat("/hostile/document/", documents[i].shows, NULL);
        g_autofree gchar *filter = g_strconcat("/hostile/rewrite/", documents[i].shows, NULL);

        g_test_add_data_func(hook, GSIZE_TO_POINTER(i), test_document);
        g_test_add_data_func(filter, GSIZE_TO_POINTER(i), test_rewrite);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree gchar *path = g_strconcat("/hostile/value/", values[i].shows, NULL);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_value);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree gchar *path = g_strconcat("/hostile/name/", names[i].shows, NULL);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_name);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_func(tests[i].path, tests[i].test);
    return g_test_run();
}
