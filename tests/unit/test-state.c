/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd's record: what is written is read again, what is forged is not believed, and what another release wrote is
 * believed as far as it is known. */
#include "check.h"
#include "domain/state.h"

#include <libxml/relaxng.h>

#define NS "xmlns:neststate='urn:virt-nest:state:1'"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define WORD "0123456789abcdef0123456789abcdef"
#define APPLIED "<applied write='" WORD "'><cpu mode='host-passthrough'/></applied>"
#define LIVE "<live uuid='" UUID "' qemu='123' nested='no'/>"
#define LIVE_OF(attribute) "<live uuid='" UUID "' qemu='1' nested='no' " attribute "/>"
#define LIVE_WITH(attribute) "<neststate:domain " NS ">" LIVE_OF(attribute) "</neststate:domain>"

static NestDomainXml *
domain_with(const char *metadata)
{
    g_autofree gchar *text =
        g_strdup_printf("<domain type='kvm'><name>a</name><metadata>%s</metadata></domain>", metadata);

    return check_parse(text);
}

/* Every record there can be. */
#define LAST (G_N_ELEMENTS(records) - 1) /* has everything */
static const NestState records[] = {
    {.record = {0}},
    {.record = {.original = (gchar *)"", .applied = (gchar *)"<cpu mode='host-passthrough'/>", .id = (gchar *)WORD}},
    {.record = {.original = (gchar *)"<cpu mode=\"host-model\"/>", .applied = (gchar *)"<cpu mode='host-passthrough'/>",
     .id = (gchar *)WORD}},
    {.live = {.uuid = (gchar *)UUID, .qemu = (gchar *)"18446744073709551615"}},
    {.live = {.uuid = (gchar *)UUID, .qemu = (gchar *)"", .nested = TRUE}},
    {.live = {.uuid = (gchar *)UUID, .qemu = (gchar *)"1", .since = 1790000000, .reason = (gchar *)"never",
     .probe = (gchar *)"probe-debugfs", .guard = (gchar *)"off"}},
    {.live = {.uuid = (gchar *)UUID, .qemu = (gchar *)"1", .nested = TRUE, .since = 999999999999999999,
     .reason = (gchar *)"bit", .guard = (gchar *)"failed",
     .problem = (gchar *)"QEMU says \"no\" & 'never' to <vdi>, in M\xc3\xbcnchen too: ]]> &lt; \\x0a"}},
    {.record = {.original = (gchar *)"<cpu mode='custom' match='exact'>\n  <model fallback='forbid' vendor_id='&lt;&amp;&quot;'>qemu64</model>\n"
              "  <!-- why -->\n  <vendor>Intel</vendor><topology sockets='1'/><cache mode='passthrough'/>"
              "<maxphysaddr mode='emulate' bits='42'/><feature policy='disable' name='vmx-ept'/>"
              "<numa><cell id='0' cpus='0'><distances><sibling id='0' value='10'/></distances>"
              "<cache level='1' associativity='direct' policy='writeback'><size value='8' unit='KiB'/>"
              "<line value='5' unit='B'/></cache></cell><interconnects><latency initiator='0' target='0' "
              "type='access' value='5'/><bandwidth initiator='0' target='0' type='access' value='1' unit='KiB'/>"
              "</interconnects></numa></cpu>",
     .applied = (gchar *)"<cpu mode='host-passthrough' check='none' migratable='on'/>", .id = (gchar *)WORD},
     .live = {.uuid = (gchar *)UUID, .qemu = (gchar *)"42", .nested = TRUE, .since = 1, .reason = (gchar *)"entries",
     .probe = (gchar *)"probe-domstats", .guard = (gchar *)"armed", .problem = (gchar *)"\"&'<>"}},
};

static void
check_equal_live(const NestState *a, const NestState *b)
{
    g_assert_cmpstr(a->live.uuid, ==, b->live.uuid);
    g_assert_cmpstr(a->live.qemu, ==, b->live.qemu);
    g_assert_cmpint(a->live.nested, ==, b->live.nested);
    g_assert_cmpint(a->live.since, ==, b->live.since);
    g_assert_cmpstr(a->live.reason, ==, b->live.reason);
    g_assert_cmpstr(a->live.probe, ==, b->live.probe);
    g_assert_cmpstr(a->live.guard, ==, b->live.guard);
    g_assert_cmpstr(a->live.problem, ==, b->live.problem);
}

static void
check_equal(const NestState *a, const NestState *b)
{
    g_assert_cmpstr(a->record.original, ==, b->record.original);
    g_assert_cmpstr(a->record.applied, ==, b->record.applied);
    g_assert_cmpstr(a->record.id, ==, b->record.id);
    check_equal_live(a, b);
}

/* It says all, and this release knows all of it. */
static void
check_readable(const NestState *state)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(nest_state_check(state, &error));
    g_assert_no_error(error);
    g_assert_null(state->unknown.attributes);
    g_assert_null(state->unknown.elements);
    g_assert_false(state->is_vague);
    g_assert_cmpint(state->has_live, ==, state->live.uuid != NULL);
    g_assert_cmpuint(state->version, ==, NEST_STATE_VERSION);
}

static void
test_round_trip(void)
{
    g_test_summary("every record comes back to the byte");
    for (gsize i = 0; i < G_N_ELEMENTS(records); i++) {
        g_autofree gchar *text = nest_state_format(&records[i], TRUE);
        g_autoptr(NestDomainXml) xml = domain_with(text);
        g_autoptr(NestState) state = nest_state_read(xml);

        check_readable(state);
        check_equal(state, &records[i]);
        g_assert_cmpint(nest_state_is_empty(state), ==, i == 0);
    }
}

/* Release 18ee755 deletes a record of which its schema does not know everything, so nothing may be written that this
 * schema refuses. */
static gboolean
is_valid_for_18ee755(const char *text)
{
    g_autofree gchar *path = check_source_path("tests/unit/releases/18ee755-state.rng");
    xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewParserCtxt(path);
    xmlRelaxNG *schema = xmlRelaxNGParse(parser);
    xmlRelaxNGValidCtxt *validator = xmlRelaxNGNewValidCtxt(schema);
    xmlDoc *doc = xmlReadDoc((const xmlChar *)text, NULL, NULL, 0);
    gboolean is_valid = FALSE;

    g_assert_nonnull(schema);
    g_assert_nonnull(doc);
    xmlRelaxNGSetValidStructuredErrors(validator, nest_xml_be_silent, NULL);
    is_valid = xmlRelaxNGValidateDoc(validator, doc) == 0;
    xmlFreeDoc(doc);
    xmlRelaxNGFreeValidCtxt(validator);
    xmlRelaxNGFree(schema);
    xmlRelaxNGFreeParserCtxt(parser);
    return is_valid;
}

static void
test_18ee755_reads_it(void)
{
    g_test_summary("what is written has its version, and release 18ee755 takes none of it for forged");
    for (gsize i = 0; i < G_N_ELEMENTS(records); i++) {
        g_autofree gchar *text = nest_state_format(&records[i], TRUE);

        check_says(text, "<?virt-nest version='1'?>");
        g_assert_true(is_valid_for_18ee755(text));
    }
    g_assert_false(is_valid_for_18ee755("<neststate:domain " NS " version='1'/>"));
}

/* As release 18ee755 wrote it. */
static void
test_18ee755_is_read(void)
{
    g_autoptr(NestDomainXml) xml = domain_with(
        "<neststate:domain xmlns:neststate=\"urn:virt-nest:state:1\">\n"
        "      <original><cpu mode=\"custom\" match=\"exact\" check=\"none\"><model fallback=\"forbid\">qemu64</model></cpu></original>\n"
        "      <applied write=\"" WORD "\"><cpu mode=\"host-passthrough\" check=\"none\" migratable=\"on\"/></applied>\n"
        "      <live uuid=\"" UUID "\" qemu=\"4711\" why=\"entries\" probe=\"probe-debugfs\" guard=\"armed\" since=\"1790000000\" "
        "nested=\"yes\"/>\n    </neststate:domain>");
    g_autoptr(NestState) state = nest_state_read(xml);
    const NestState expected = {
        .record = {.original = (gchar *)"<cpu mode=\"custom\" match=\"exact\" check=\"none\"><model fallback=\"forbid\">qemu64</model></cpu>",
                   .applied = (gchar *)"<cpu mode=\"host-passthrough\" check=\"none\" migratable=\"on\"/>", .id = (gchar *)WORD},
        .live = {.uuid = (gchar *)UUID, .qemu = (gchar *)"4711", .nested = TRUE, .since = 1790000000, .reason = (gchar *)"entries",
                 .probe = (gchar *)"probe-debugfs", .guard = (gchar *)"armed"}};

    g_test_summary("what release 18ee755 wrote is read whole");
    g_assert_true(nest_state_check(state, NULL));
    check_equal(state, &expected);
    g_assert_null(state->unknown.elements);
    g_assert_cmpuint(state->version, ==, 0);
}

/* virDomainSetMetadata puts the root and its children into the namespace it is given. */
static void
test_set_as_metadata(void)
{
    g_autofree gchar *text = nest_state_format(&records[LAST], FALSE);
    g_autofree gchar *inside = g_strndup(text + strlen("<domain>"),
                                         strlen(text) - strlen("<domain></domain>"));
    g_autofree gchar *as_default =
        g_strdup_printf("<domain xmlns='urn:virt-nest:state:1'>%s</domain>", inside);
    g_autoptr(GRegex) tag = g_regex_new("<(/?)(\\w)", 0, 0, NULL);
    g_autofree gchar *prefixed = g_regex_replace(tag, text, -1, 0, "<\\1neststate:\\2", 0, NULL);
    g_autoptr(GRegex) root = g_regex_new("^<neststate:domain", 0, 0, NULL);
    g_autofree gchar *declared = g_regex_replace(root, prefixed, -1, 0, "\\0 " NS, 0, NULL);
    const char *const forms[] = {as_default, declared};

    g_test_summary("the record is read also where libvirt put its children into the namespace");
    g_assert_true(g_str_has_prefix(text, "<domain>"));
    for (gsize i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autoptr(NestDomainXml) xml = domain_with(forms[i]);
        g_autoptr(NestState) state = nest_state_read(xml);
        g_autoptr(NestDomainXml) cpu = NULL;
        g_autofree gchar *document = NULL;

        check_readable(state);
        check_equal_live(state, &records[LAST]);
        document = g_strdup_printf("<domain>%s</domain>", state->record.original);
        cpu = check_parse(document);
        g_assert_nonnull(nest_xml_child(nest_domain_xml_cpu(cpu), "model"));
        g_assert_null(strstr(document, "neststate"));
        g_assert_null(strstr(document, "xmlns"));
    }
}

/* Anybody can write metadata. What the CPUs come from is checked to the last byte. */
static const struct {
    const char *sentence, *element;
} forged[] = {
    {"another element", "<neststate:other " NS "/>"},
    {"a disk instead of a cpu",
     "<neststate:domain " NS "><original><disk type='file'/></original>" APPLIED "</neststate:domain>"},
    {"a device in the cpu", "<neststate:domain " NS "><original><cpu><disk><source/></disk></cpu></original>"
                            APPLIED "</neststate:domain>"},
    {"a child of an unknown namespace in the cpu",
     "<neststate:domain " NS "><original><cpu><q:x xmlns:q='urn:q'/></cpu></original>" APPLIED
     "</neststate:domain>"},
    {"a tag in the cpu", "<neststate:domain " NS "><original><cpu><nest:enable xmlns:nest='urn:virt-nest:1'/></cpu>"
                         "</original>" APPLIED "</neststate:domain>"},
    {"an element in a feature",
     "<neststate:domain " NS "><original><cpu><feature name='a'><x/></feature></cpu></original>" APPLIED
     "</neststate:domain>"},
    {"a feature that says nothing", "<neststate:domain " NS "><original><cpu><feature/></cpu></original>" APPLIED
                                    "</neststate:domain>"},
    {"text in the cpu", "<neststate:domain " NS "><original><cpu>x</cpu></original>" APPLIED "</neststate:domain>"},
    {"an element in numa",
     "<neststate:domain " NS "><original><cpu><numa><disk/></numa></cpu></original>" APPLIED "</neststate:domain>"},
    {"a prefix in the cpu that is not declared",
     "<neststate:domain " NS "><original><cpu><q:x/></cpu></original>" APPLIED "</neststate:domain>"},
    {"a cpu that takes our namespace along",
     "<neststate:domain " NS "><original><cpu xmlns='urn:virt-nest:state:1'/></original>" APPLIED
     "</neststate:domain>"},
    {"an element of ours in a cpu that is not",
     "<neststate:domain " NS "><original><cpu><numa><neststate:cell/></numa></cpu></original>" APPLIED
     "</neststate:domain>"},
    {"a cpu of ours in an original that is not",
     "<neststate:domain " NS "><original><neststate:cpu/></original>" APPLIED "</neststate:domain>"},
    {"an attribute of ours in the cpu",
     "<neststate:domain " NS "><original><cpu neststate:mode='maximum'/></original>" APPLIED "</neststate:domain>"},
    {"two cpus", "<neststate:domain " NS "><original><cpu/><cpu/></original>" APPLIED "</neststate:domain>"},
    {"text beside the cpu", "<neststate:domain " NS "><original>x</original>" APPLIED "</neststate:domain>"},
    {"original without applied", "<neststate:domain " NS "><original/></neststate:domain>"},
    {"applied without original", "<neststate:domain " NS ">" APPLIED "</neststate:domain>"},
    {"applied without cpu",
     "<neststate:domain " NS "><original/><applied write='" WORD "'/></neststate:domain>"},
    {"applied without a word",
     "<neststate:domain " NS "><original/><applied><cpu/></applied></neststate:domain>"},
    {"a short word",
     "<neststate:domain " NS "><original/><applied write='0123'><cpu/></applied></neststate:domain>"},
    {"a word with an injection",
     "<neststate:domain " NS "><original/><applied write=\"" WORD "'/>\"><cpu/></applied></neststate:domain>"},
    {"two originals", "<neststate:domain " NS "><original/><original/>" APPLIED "</neststate:domain>"},
    {"two records", "<neststate:domain " NS "><original/>" APPLIED "<original/>" APPLIED "</neststate:domain>"},
    {"a child of another namespace",
     "<neststate:domain " NS "><q:original xmlns:q='urn:q'/>" APPLIED "</neststate:domain>"},
    {"an attribute of ours in the root", "<neststate:domain " NS " neststate:a='1'><original/>" APPLIED "</neststate:domain>"},
    {"an attribute of another namespace with our prefix",
     "<s:domain xmlns:s='urn:virt-nest:state:1' xmlns:neststate='urn:x' neststate:a='1'><original/>" APPLIED "</s:domain>"},
    {"our prefix where it is not declared",
     "<domain xmlns='urn:virt-nest:state:1'><neststate:more/><original/>" APPLIED "</domain>"},
    {"our prefix where it is not declared, in an attribute",
     "<domain xmlns='urn:virt-nest:state:1'><more neststate:a='1'/><original/>" APPLIED "</domain>"},
    {"an element instead of the cpu", "<neststate:domain " NS "><original><cpu2/></original>" APPLIED "</neststate:domain>"},
    {"an attribute more does not make a cpu good",
     "<neststate:domain " NS " version='9'><original version='9'><cpu><disk><source/></disk></cpu></original>" APPLIED
     "</neststate:domain>"},
    {"an element more does not make a cpu good",
     "<neststate:domain " NS "><original><more/><cpu>x</cpu></original>" APPLIED "<more/></neststate:domain>"},
};

static void
test_forged(gconstpointer data)
{
    const char *element = forged[GPOINTER_TO_SIZE(data)].element;
    g_autoptr(NestDomainXml) xml = domain_with(element);
    g_autoptr(GError) error = NULL;
    g_autoptr(NestState) state = nest_state_read(xml);

    g_assert_null(state->record.original);
    g_assert_null(state->record.applied);
    g_assert_false(nest_state_check(state, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_STATE);
    check_says(error->message, "urn:virt-nest:state:1|neither believed nor deleted|virsh metadata|--remove");
    g_assert_false(nest_state_is_empty(state) && strstr(element, "original"));
}

/* A live status for an unreadable record stands beside it. */
static void
test_unreadable_is_carried(void)
{
    g_autoptr(NestDomainXml) xml =
        domain_with("<neststate:domain " NS "><original><cpu2 a='1'>x</cpu2></original>" APPLIED LIVE "</neststate:domain>");
    g_autoptr(NestState) state = nest_state_read(xml);
    g_autoptr(NestState) other = nest_state_new();
    g_autofree gchar *text = NULL;

    g_test_summary("a record that cannot be read stays where the live status beside it is written");
    nest_state_set_persistent(other, state);
    nest_live_status_set(&other->live, &records[LAST].live);
    text = nest_state_format(other, FALSE);
    check_says(text, "<original><cpu2 a=\"1\">x</cpu2></original><applied write=\"" WORD "\"><cpu mode=\"host-passthrough\"/></applied>|"
                     "<live uuid");
}

static void
test_newer_says_so(void)
{
    g_autoptr(NestDomainXml) xml =
        domain_with("<neststate:domain " NS "><?virt-nest version='9'?><original><cpu2/></original></neststate:domain>");
    g_autoptr(NestState) state = nest_state_read(xml);
    g_autoptr(GError) error = NULL;

    g_test_summary("who meets the record of a newer release that it cannot read is told which to use");
    g_assert_false(nest_state_check(state, &error));
    check_says(error->message, "a newer virt-nest|version 9|knows 1|use that one|--remove");
}

/* Live statuses of other releases, and what is believed of them. */
static const struct {
    const char *sentence, *live;
    gboolean is_known, nested, is_vague;
    const char *qemu, *reason, *guard;
} lives[] = {
    {"newer, an attribute more, idle", "<live uuid='" UUID "' qemu='1' nested='no' why='quiet' guard='off' vcpus='2'/>", TRUE,
     FALSE, FALSE, "1", "quiet", "off"},
    {"newer, an attribute more, running", "<live uuid='" UUID "' qemu='1' nested='yes' guard='armed' vcpus='2' version='9'/>",
     TRUE, TRUE, FALSE, "1", NULL, "armed"},
    {"newer, an element in it", "<live uuid='" UUID "' qemu='1' nested='yes' guard='armed'><l2 n='3'/>x</live>", TRUE, TRUE,
     FALSE, "1", NULL, "armed"},
    {"newer, elements around it", "<more/><live uuid='" UUID "' qemu='1' nested='no'/><more>x</more>", TRUE, FALSE, FALSE, "1",
     NULL, NULL},
    {"newer, before the record", "<live uuid='" UUID "' qemu='1' nested='no'/><original/>" APPLIED, TRUE, FALSE, FALSE, "1", NULL,
     NULL},
    {"newer, beside a record that cannot be read", "<original><disk/></original><live uuid='" UUID "' qemu='1' nested='no'/>", TRUE,
     FALSE, FALSE, "1", NULL, NULL},
    {"newer, an attribute of another namespace", "<live uuid='" UUID "' qemu='1' nested='no' q:nested='yes' xmlns:q='urn:q'/>", TRUE,
     FALSE, FALSE, "1", NULL, NULL},
    {"newer, another word for the guard", "<live uuid='" UUID "' qemu='1' nested='yes' guard='waiting'/>", TRUE, TRUE, FALSE, "1",
     NULL, "waiting"},
    {"newer, a reason that is no word", "<live uuid='" UUID "' qemu='1' nested='yes' why='Two Words' guard='armed'/>", TRUE, TRUE,
     FALSE, "1", NULL, "armed"},
    {"newer, another start time", "<live uuid='" UUID "' qemu='boot+1' nested='yes' guard='armed'/>", TRUE, TRUE, FALSE, "", NULL,
     "armed"},
    {"newer, another answer", "<live uuid='" UUID "' qemu='1' nested='maybe'/>", TRUE, TRUE, TRUE, "1", NULL, NULL},
    {"an answer in capitals", "<live uuid='" UUID "' qemu='1' nested='NO'/>", TRUE, TRUE, TRUE, "1", NULL, NULL},
    {"older, no answer", "<live uuid='" UUID "' qemu='1'/>", TRUE, TRUE, TRUE, "1", NULL, NULL},
    {"older, no start time", "<live uuid='" UUID "' nested='no'/>", TRUE, FALSE, FALSE, "", NULL, NULL},
    {"older, no guard", "<live uuid='" UUID "' qemu='1' nested='yes'/>", TRUE, TRUE, FALSE, "1", NULL, NULL},
    {"two, one of which says that it runs", LIVE "<live uuid='" UUID "' qemu='1' nested='yes'/>", TRUE, TRUE, FALSE, "123", NULL,
     NULL},
    {"no uuid", "<live qemu='1' nested='yes'/>", FALSE, FALSE, FALSE, NULL, NULL, NULL},
    {"a uuid that is none", "<live uuid='x' qemu='1' nested='no'/>", FALSE, FALSE, FALSE, NULL, NULL, NULL},
    {"a uuid with a path", "<live uuid='../../etc/passwd' qemu='1' nested='no'/>", FALSE, FALSE, FALSE, NULL, NULL, NULL},
    {"a uuid in capitals", "<live uuid='6695EB01-F6A4-8304-79AA-97F2502E193F' qemu='1' nested='no'/>", FALSE, FALSE, FALSE, NULL,
     NULL, NULL},
    {"a start time too long", "<live uuid='" UUID "' qemu='123456789012345678901' nested='no'/>", TRUE, FALSE, FALSE, "", NULL, NULL},
    {"a time before 1970", LIVE_OF("since='-1'"), TRUE, FALSE, FALSE, "1", NULL, NULL},
    {"a time that is empty", LIVE_OF("since=''"), TRUE, FALSE, FALSE, "1", NULL, NULL},
    {"a time too long", LIVE_OF("since='1000000000000000000'"), TRUE, FALSE, FALSE, "1", NULL, NULL},
    {"a time with a fraction", LIVE_OF("since='1.5'"), TRUE, FALSE, FALSE, "1", NULL, NULL},
    {"a reason with a path", LIVE_OF("why='../x'"), TRUE, FALSE, FALSE, "1", NULL, NULL},
    {"a reason that is empty", LIVE_OF("why=''"), TRUE, FALSE, FALSE, "1", NULL, NULL},
    {"a probe with a path", LIVE_OF("probe='/etc/passwd'"), TRUE, FALSE, FALSE, "1", NULL, NULL},
    {"a guard with an injection", LIVE_OF("guard=\"armed'/>\""), TRUE, FALSE, FALSE, "1", NULL, NULL},
    {"a guard too long", LIVE_OF("guard='a1234567890123456789012345678901234567890123456789012345678901234'"), TRUE, FALSE,
     FALSE, "1", NULL, NULL},
    {"a guard in our namespace", LIVE_OF("neststate:guard='armed'"), TRUE, FALSE, FALSE, "1", NULL, NULL},
};

static void
check_live(const NestState *state, gsize i)
{
    g_assert_true(state->has_live);
    g_assert_cmpstr(state->live.uuid, ==, lives[i].is_known ? UUID : NULL);
    g_assert_cmpint(state->live.nested, ==, lives[i].nested);
    g_assert_cmpint(state->is_vague, ==, lives[i].is_vague);
    g_assert_cmpstr(state->live.qemu, ==, lives[i].qemu);
    g_assert_cmpstr(state->live.reason, ==, lives[i].reason);
    g_assert_cmpstr(state->live.guard, ==, lives[i].guard);
    g_assert_null(state->live.probe);
    g_assert_null(state->live.problem);
    g_assert_cmpint(state->live.since, ==, 0);
}

/* As in a definition, and as libvirt sets metadata. */
static void
test_live(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *text = g_strdup_printf("<neststate:domain " NS " version='9'>%s</neststate:domain>", lives[i].live);
    g_autofree gchar *set =
        g_strdup_printf("<domain xmlns='urn:virt-nest:state:1' xmlns:neststate='urn:virt-nest:state:1'>%s</domain>", lives[i].live);
    g_autoptr(NestDomainXml) defined_xml = domain_with(text);
    g_autoptr(NestDomainXml) set_xml = domain_with(set);
    g_autoptr(NestState) defined = nest_state_read(defined_xml);
    g_autoptr(NestState) as_set = nest_state_read(set_xml);

    check_live(defined, i);
    check_live(as_set, i);
}

/* Records of other releases: they are read, and what is not known of them is written again. */
static const struct {
    const char *sentence, *inside, *original, *carried;
} others[] = {
    {"older, without a version", "<original><cpu a='1'/></original>" APPLIED, "<cpu a='1'/>", NULL},
    {"newer, an attribute of the root", "<original><cpu a='1'/></original>" APPLIED, "<cpu a='1'/>", " version=\"9\""},
    {"newer, an attribute of original", "<original by='7'><cpu a='1'/></original>" APPLIED, "<cpu a='1'/>", "<original by=\"7\">"},
    {"newer, there was no cpu", "<original by='7'/>" APPLIED, "", "<original by=\"7\">"},
    {"newer, an attribute of applied", "<original/><applied on='&lt;x&gt;' write='" WORD "'><cpu/></applied>", "",
     "<applied write='" WORD "' on=\"&lt;x&gt;\">"},
    {"newer, an attribute of another namespace",
     "<original q:by='7' xmlns:q='urn:q'><cpu a='1'/></original>" APPLIED, "<cpu a='1'/>",
     "<original xmlns:q=\"urn:q\" q:by=\"7\">"},
    {"newer, an element in original", "<original><topology a='&amp;'/><cpu a='1'/></original>" APPLIED, "<cpu a='1'/>",
     "<original><cpu a='1'/><topology a=\"&amp;\"/></original>"},
    {"newer, an element in applied", "<original/><applied write='" WORD "'><cpu/><host>a</host></applied>", "",
     "<cpu/><host>a</host></applied>"},
    {"newer, elements around", "<devices><!-- c --></devices><original/>" APPLIED "<more a='1'>b<c/></more>", "",
     "<devices><!-- c --></devices><more a=\"1\">b<c/></more>"},
    {"newer, an element of another namespace", "<q:original xmlns:q='urn:q'><q:a/></q:original><original/>" APPLIED, "",
     "<q:original xmlns:q=\"urn:q\"><q:a/></q:original>"},
    {"newer, an element of another namespace in original",
     "<original><cpu a='1'/><q:by xmlns:q='urn:q'><q:b/></q:by></original>" APPLIED, "<cpu a='1'/>",
     "<original><cpu a='1'/><q:by xmlns:q=\"urn:q\"><q:b/></q:by></original>"},
    {"newer, an element with a namespace of its own in applied",
     "<original/><applied write='" WORD "'><cpu/><by xmlns='urn:q'><b/></by></applied>", "",
     "<cpu/><by xmlns=\"urn:q\"><b/></by></applied>"},
    {"newer, another order", APPLIED "<original/>", "", NULL},
    {"newer, text around", "a<original/>b" APPLIED "c", "", NULL},
};

/* libvirt puts what is set as metadata into our namespace. */
static void
check_as_set(const NestState *state)
{
    g_autofree gchar *text = nest_state_format(state, FALSE);
    g_autofree gchar *set = g_strconcat("<domain xmlns='urn:virt-nest:state:1'", text + strlen("<domain"), NULL);
    g_autoptr(NestDomainXml) xml = domain_with(set);
    g_autoptr(NestState) again = nest_state_read(xml);

    g_assert_true(nest_state_check(again, NULL));
    g_assert_cmpstr(again->record.id, ==, state->record.id);
    g_assert_cmpint(!again->unknown.elements, ==, !state->unknown.elements);
    g_assert_cmpint(!again->record.in_original.elements, ==, !state->record.in_original.elements);
    g_assert_cmpint(!again->record.in_applied.elements, ==, !state->record.in_applied.elements);
}

/* What is known, and what is not, are the same once more. */
static void
check_carried(const NestState *state, const char *carried)
{
    g_autofree gchar *text = nest_state_format(state, TRUE);
    g_autoptr(NestDomainXml) xml = domain_with(text);
    g_autoptr(NestState) again = nest_state_read(xml);
    g_autofree gchar *text_again = nest_state_format(again, TRUE);

    if (carried && !strstr(text, carried))
        g_error("no %s in %s", carried, text);
    g_assert_cmpstr(text_again, ==, text);
    check_equal(again, state);
    check_as_set(state);
}

static void
test_other(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gboolean has = others[i].carried && strstr(others[i].carried, "version=");
    g_autofree gchar *text = g_strdup_printf("<neststate:domain " NS "%s>%s</neststate:domain>", has ? " version='9'" : "", others[i].inside);
    g_autoptr(NestDomainXml) xml = domain_with(text);
    g_autoptr(NestState) state = nest_state_read(xml);
    g_autoptr(NestState) copy = nest_state_new();

    g_assert_true(nest_state_check(state, NULL));
    g_assert_cmpstr(state->record.original, ==, others[i].original);
    g_assert_cmpstr(state->record.id, ==, WORD);
    g_assert_cmpuint(state->version, ==, 0);
    check_carried(state, others[i].carried);
    nest_state_set_persistent(copy, state);
    check_carried(copy, others[i].carried);
}

/* libvirt puts what it does not know into our namespace as well. */
static void
test_other_as_set(void)
{
    g_autoptr(NestDomainXml) xml = domain_with(
        "<neststate:domain " NS " x='1'><neststate:more a='1'><neststate:b/></neststate:more><neststate:live uuid='" UUID
        "' qemu='1' nested='no'/></neststate:domain>");
    g_autoptr(NestState) state = nest_state_read(xml);
    g_autofree gchar *text = nest_state_format(state, FALSE);

    g_test_summary("what is not known is carried along also where libvirt put it into the namespace");
    g_assert_cmpstr(text, ==, "<domain x=\"1\"><?virt-nest version='1'?><more a=\"1\"><b/></more><live uuid='" UUID
                              "' qemu='1' nested='no'/></domain>");
}

static void
test_cpu_gone(void)
{
    NestState state = {.record.original = (gchar *)"", .record.applied = (gchar *)"<cpu/>", .record.id = (gchar *)WORD};
    g_autofree gchar *text = NULL;
    g_autoptr(NestDomainXml) xml = NULL;
    g_autoptr(NestState) again = NULL;

    g_test_summary("a record whose CPU from before is none now can be read, also if another release wrote more beside that CPU");
    state.record.in_original.elements = (gchar *)"<feature/>";
    text = nest_state_format(&state, TRUE);
    xml = domain_with(text);
    again = nest_state_read(xml);
    g_assert_true(nest_state_check(again, NULL));
    g_assert_cmpstr(again->record.original, ==, "");
}

/* (transfer full) A live status with this problem, written and read again. */
static NestState *
with_problem(const char *problem)
{
    const NestState state = {.live.uuid = (gchar *)UUID, .live.qemu = (gchar *)"1", .live.problem = (gchar *)problem};
    g_autofree gchar *text = nest_state_format(&state, TRUE);
    g_autoptr(NestDomainXml) xml = domain_with(text);

    return nest_state_read(xml);
}

static void
test_long_problem(void)
{
    g_autofree gchar *longest = g_strnfill(1000, 'x');
    g_autofree gchar *longer = g_strnfill(2000, 'x');
    g_autofree gchar *forged_element = g_strdup_printf(LIVE_WITH("problem='%s'"), longer);
    g_autoptr(NestDomainXml) xml = domain_with(forged_element);
    g_autoptr(NestState) state = nest_state_read(xml);
    g_autoptr(NestState) written = with_problem(longer);

    g_test_summary("a problem of 2,000 characters is not believed, and not written");
    g_assert_cmpstr(state->live.uuid, ==, UUID);
    g_assert_null(state->live.problem);
    g_assert_cmpstr(written->live.problem, ==, longest);
}

/* What QEMU says goes into XML. */
static void
test_odd_problem(void)
{
    static const struct {
        const char *problem, *read;
    } problems[] = {
        {"", ""},
        {"a\nb\tc\r", "a\\x0ab\\x09c\\x0d"},
        {"\x1b[2J", "\\x1b[2J"},
        {"\xff", "\\xff"},
        {"  two  spaces  ", "  two  spaces  "},
    };

    g_test_summary("a problem with what XML has no place for can still be written");
    for (gsize i = 0; i < G_N_ELEMENTS(problems); i++) {
        g_autoptr(NestState) state = with_problem(problems[i].problem);

        g_assert_cmpstr(state->live.problem, ==, problems[i].read);
    }
}

static void
test_copy(void)
{
    const NestState empty = {0};

    g_test_summary("record and live status are copied and cleared whole, each without the other");
    for (gsize i = 0; i < G_N_ELEMENTS(records); i++) {
        g_autoptr(NestState) copy = nest_state_new();
        NestState expected = {.live = records[i].live};

        nest_live_status_set(&copy->live, &records[LAST].live);
        nest_live_status_set(&copy->live, &records[i].live);
        check_equal(copy, &expected);
        nest_record_set(&copy->record, &records[LAST].record);
        nest_record_set(&copy->record, &records[i].record);
        check_equal(copy, &records[i]);
        nest_live_status_clear(&copy->live);
        expected = (NestState){.record = records[i].record};
        check_equal(copy, &expected);
        nest_record_clear(&copy->record);
        check_equal(copy, &empty);
        g_assert_true(nest_state_is_empty(copy));
    }
}

static void
test_namespaces(void)
{
    g_autoptr(NestDomainXml) none = domain_with("<domain/><x:domain xmlns:x='urn:virt-nest:state:2'/>");
    g_autoptr(NestDomainXml) other_prefix = domain_with("<n:domain xmlns:n='urn:virt-nest:state:1'>" LIVE "</n:domain>");
    g_autoptr(NestDomainXml) nested =
        domain_with("<x:a xmlns:x='urn:x'><neststate:domain " NS ">" LIVE "</neststate:domain></x:a>");
    g_autoptr(NestState) state = nest_state_read(other_prefix);

    g_test_summary("the namespace counts, not the prefix; only directly below <metadata>");
    g_assert_null(nest_state_element(none));
    g_assert_null(nest_state_element(nested));
    g_assert_cmpstr(state->live.uuid, ==, UUID);
}

static void
test_no_record(void)
{
    g_autoptr(NestDomainXml) xml = check_parse("<domain><name>a</name></domain>");
    g_autoptr(NestState) state = nest_state_read(xml);

    g_test_summary("a domain without metadata has an empty record");
    g_assert_nonnull(state);
    g_assert_true(nest_state_is_empty(state));
    g_assert_null(nest_state_element(xml));
}

static void
test_whose(void)
{
    g_autoptr(NestDomainXml) xml = domain_with("<neststate:domain " NS ">" LIVE "</neststate:domain>");
    g_autoptr(NestState) state = nest_state_read(xml);
    g_autoptr(NestState) empty = nest_state_new();

    g_test_summary("a live status is that of one uuid only; a clone's has another");
    g_assert_true(nest_live_status_is_of(&state->live, UUID));
    g_assert_false(nest_live_status_is_of(&state->live, "6695eb01-f6a4-8304-79aa-97f2502e1930"));
    g_assert_false(nest_live_status_is_of(&state->live, ""));
    g_assert_false(nest_live_status_is_of(&empty->live, UUID));
    g_assert_false(nest_live_status_is_of(&empty->live, ""));
    nest_state_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(forged); i++)
        check_add_row("state/not believed", forged[i].sentence, GSIZE_TO_POINTER(i), test_forged);
    for (gsize i = 0; i < G_N_ELEMENTS(lives); i++)
        check_add_row("state/live status of another release", lives[i].sentence, GSIZE_TO_POINTER(i), test_live);
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        check_add_row("state/record of another release", others[i].sentence, GSIZE_TO_POINTER(i), test_other);
    g_test_add_func("/state/what is not known is carried along as libvirt sets it", test_other_as_set);
    g_test_add_func("/state/what is not known beside a CPU that is gone", test_cpu_gone);
    g_test_add_func("/state/a record that cannot be read is carried along", test_unreadable_is_carried);
    g_test_add_func("/state/a newer record that cannot be read is called newer", test_newer_says_so);
    g_test_add_func("/state/every record comes back", test_round_trip);
    g_test_add_func("/state/release 18ee755 reads what is written", test_18ee755_reads_it);
    g_test_add_func("/state/what release 18ee755 wrote is read", test_18ee755_is_read);
    g_test_add_func("/state/read as libvirt sets metadata", test_set_as_metadata);
    g_test_add_func("/state/a problem is not longer than is believed", test_long_problem);
    g_test_add_func("/state/a problem of any bytes", test_odd_problem);
    g_test_add_func("/state/a copy", test_copy);
    g_test_add_func("/state/the namespace counts", test_namespaces);
    g_test_add_func("/state/no record is an empty one", test_no_record);
    g_test_add_func("/state/a live status is of one domain", test_whose);
    return g_test_run();
}
