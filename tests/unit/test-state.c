/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd's record: what is written is read again, what is forged is not believed. */
#include "check.h"
#include "domain/state.h"

#define NS "xmlns:neststate='urn:virt-nest:state:1'"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define WORD "0123456789abcdef0123456789abcdef"
#define APPLIED "<applied write='" WORD "'><cpu mode='host-passthrough'/></applied>"
#define LIVE "<live uuid='" UUID "' qemu='123' nested='no'/>"
#define LIVE_WITH(attribute) "<neststate:domain " NS "><live uuid='" UUID "' qemu='1' nested='no' " attribute "/></neststate:domain>"

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

static void
test_round_trip(void)
{
    g_test_summary("every record comes back to the byte");
    for (gsize i = 0; i < G_N_ELEMENTS(records); i++) {
        g_autofree gchar *text = nest_state_format(&records[i], TRUE);
        g_autoptr(NestDomainXml) xml = domain_with(text);
        g_autoptr(GError) error = NULL;
        g_autoptr(NestState) state = nest_state_read(xml, &error);

        g_assert_no_error(error);
        check_equal(state, &records[i]);
        g_assert_cmpint(nest_state_is_empty(state), ==, i == 0);
    }
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
        g_autoptr(GError) error = NULL;
        g_autoptr(NestState) state = nest_state_read(xml, &error);
        g_autoptr(NestDomainXml) cpu = NULL;
        g_autofree gchar *document = NULL;

        g_assert_no_error(error);
        check_equal_live(state, &records[LAST]);
        document = g_strdup_printf("<domain>%s</domain>", state->record.original);
        cpu = check_parse(document);
        g_assert_nonnull(nest_xml_child(nest_xml_child(nest_domain_xml_root(cpu), "cpu"), "model"));
        g_assert_null(strstr(document, "neststate"));
        g_assert_null(strstr(document, "xmlns"));
    }
}

/* Anybody can write metadata. */
static const struct {
    const char *sentence, *element;
} forged[] = {
    {"another element", "<neststate:other " NS "/>"},
    {"an attribute of the element", "<neststate:domain " NS " a='1'/>"},
    {"text", "<neststate:domain " NS ">x</neststate:domain>"},
    {"an unknown child", "<neststate:domain " NS "><devices/></neststate:domain>"},
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
    {"an attribute of original", "<neststate:domain " NS "><original a='1'/>" APPLIED "</neststate:domain>"},
    {"original without applied", "<neststate:domain " NS "><original/></neststate:domain>"},
    {"applied without original", "<neststate:domain " NS ">" APPLIED "</neststate:domain>"},
    {"applied before original", "<neststate:domain " NS ">" APPLIED "<original/></neststate:domain>"},
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
    {"two live statuses", "<neststate:domain " NS ">" LIVE LIVE "</neststate:domain>"},
    {"live before original", "<neststate:domain " NS ">" LIVE "<original/>" APPLIED "</neststate:domain>"},
    {"live without uuid", "<neststate:domain " NS "><live qemu='1' nested='no'/></neststate:domain>"},
    {"live without qemu", "<neststate:domain " NS "><live uuid='" UUID "' nested='no'/></neststate:domain>"},
    {"live without nested", "<neststate:domain " NS "><live uuid='" UUID "' qemu='1'/></neststate:domain>"},
    {"a uuid that is none", "<neststate:domain " NS "><live uuid='x' qemu='1' nested='no'/></neststate:domain>"},
    {"a uuid with a path",
     "<neststate:domain " NS "><live uuid='../../etc/passwd' qemu='1' nested='no'/></neststate:domain>"},
    {"a uuid in capitals",
     "<neststate:domain " NS "><live uuid='6695EB01-F6A4-8304-79AA-97F2502E193F' qemu='1' nested='no'/></neststate:domain>"},
    {"a start time that is none",
     "<neststate:domain " NS "><live uuid='" UUID "' qemu='-1' nested='no'/></neststate:domain>"},
    {"a start time too long",
     "<neststate:domain " NS "><live uuid='" UUID "' qemu='123456789012345678901' nested='no'/></neststate:domain>"},
    {"nested that is neither", "<neststate:domain " NS "><live uuid='" UUID "' qemu='1' nested='1'/></neststate:domain>"},
    {"a time before 1970", LIVE_WITH("since='-1'")},
    {"a time that is empty", LIVE_WITH("since=''")},
    {"a time too long", LIVE_WITH("since='1000000000000000000'")},
    {"a time with a fraction", LIVE_WITH("since='1.5'")},
    {"a reason with a path", LIVE_WITH("why='../x'")},
    {"a reason that is empty", LIVE_WITH("why=''")},
    {"a reason in capitals", LIVE_WITH("why='ENTRIES'")},
    {"a reason of two words", LIVE_WITH("why='entries armed'")},
    {"a probe with a path", LIVE_WITH("probe='/etc/passwd'")},
    {"a probe that begins with an option", LIVE_WITH("probe='-x'")},
    {"a guard with an injection", LIVE_WITH("guard=\"armed'/>\"")},
    {"a guard too long", LIVE_WITH("guard='a1234567890123456789012345678901234567890123456789012345678901234'")},
    {"an attribute of live in our namespace", LIVE_WITH("neststate:guard='armed'")},
    {"an attribute of live",
     "<neststate:domain " NS "><live uuid='" UUID "' qemu='1' nested='no' pid='1'/></neststate:domain>"},
    {"content of live",
     "<neststate:domain " NS "><live uuid='" UUID "' qemu='1' nested='no'><x/></live></neststate:domain>"},
    {"a child of another namespace",
     "<neststate:domain " NS "><q:original xmlns:q='urn:q'/>" APPLIED "</neststate:domain>"},
};

static void
test_forged(gconstpointer data)
{
    g_autoptr(NestDomainXml) xml = domain_with(forged[GPOINTER_TO_SIZE(data)].element);
    g_autoptr(GError) error = NULL;
    g_autoptr(NestState) state = nest_state_read(xml, &error);

    g_assert_null(state);
    g_assert_error(error, NEST_ERROR, NEST_ERROR_STATE);
    check_says(error->message, "urn:virt-nest:state:1|not believed|virsh metadata|--remove");
    g_assert_nonnull(nest_state_element(xml));
}

/* (transfer full) A live status with this problem, written and read again. */
static NestState *
with_problem(const char *problem)
{
    const NestState state = {.live.uuid = (gchar *)UUID, .live.qemu = (gchar *)"1", .live.problem = (gchar *)problem};
    g_autofree gchar *text = nest_state_format(&state, TRUE);
    g_autoptr(NestDomainXml) xml = domain_with(text);
    g_autoptr(GError) error = NULL;
    NestState *again = nest_state_read(xml, &error);

    g_assert_no_error(error);
    return again;
}

static void
test_long_problem(void)
{
    g_autofree gchar *longest = g_strnfill(1000, 'x');
    g_autofree gchar *longer = g_strnfill(2000, 'x');
    g_autofree gchar *forged_element = g_strdup_printf(LIVE_WITH("problem='%s'"), longer);
    g_autoptr(NestDomainXml) xml = domain_with(forged_element);
    g_autoptr(GError) error = NULL;
    g_autoptr(NestState) written = with_problem(longer);

    g_test_summary("a problem of 2,000 characters is not believed, and not written");
    g_assert_null(nest_state_read(xml, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_STATE);
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
    g_autoptr(NestState) state = nest_state_read(other_prefix, NULL);

    g_test_summary("the namespace counts, not the prefix; only directly below <metadata>");
    g_assert_null(nest_state_element(none));
    g_assert_null(nest_state_element(nested));
    g_assert_cmpstr(state->live.uuid, ==, UUID);
}

static void
test_no_record(void)
{
    g_autoptr(NestDomainXml) xml = check_parse("<domain><name>a</name></domain>");
    g_autoptr(NestState) state = nest_state_read(xml, NULL);

    g_test_summary("a domain without metadata has an empty record");
    g_assert_nonnull(state);
    g_assert_true(nest_state_is_empty(state));
    g_assert_null(nest_state_element(xml));
}

static void
test_whose(void)
{
    g_autoptr(NestDomainXml) xml = domain_with("<neststate:domain " NS ">" LIVE "</neststate:domain>");
    g_autoptr(NestState) state = nest_state_read(xml, NULL);
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
    g_test_add_func("/state/every record comes back", test_round_trip);
    g_test_add_func("/state/read as libvirt sets metadata", test_set_as_metadata);
    g_test_add_func("/state/a problem is not longer than is believed", test_long_problem);
    g_test_add_func("/state/a problem of any bytes", test_odd_problem);
    g_test_add_func("/state/a copy", test_copy);
    g_test_add_func("/state/the namespace counts", test_namespaces);
    g_test_add_func("/state/no record is an empty one", test_no_record);
    g_test_add_func("/state/a live status is of one domain", test_whose);
    return g_test_run();
}
