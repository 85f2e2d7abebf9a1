/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The correction of a definition from text to text, through all that can become of it. */
#include "check.h"
#include "domain/definition.h"
#include "domain/state.h"

#include <libxml/parser.h>

#define TAG(attributes) "    <nest:enable xmlns:nest=\"urn:virt-nest:1\"" attributes "/>\n"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define DEFAULT "<cpu mode='custom' match='exact' check='none'>\n    <model fallback='forbid'>qemu64</model>\n  </cpu>"

/* A definition with much in it that is not ours. */
static gchar *
definition_of(const char *type, const char *tag, const char *state, const char *cpu)
{
    return g_strdup_printf(
        "<!-- mine -->\n<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
        "  <name>n\xc3\xa4st &amp; \"L1\"</name>\n  <uuid>" UUID "</uuid>\n  <title>a &lt;cpu/&gt; b</title>\n"
        "  <metadata>\n"
        "    <libosinfo:libosinfo xmlns:libosinfo=\"http://libosinfo.org/xmlns/libvirt/domain/1.0\">\n"
        "      <libosinfo:os id=\"http://debian.org/debian/12\"/>\n    </libosinfo:libosinfo>\n"
        "%s%s"
        "    <nova:instance xmlns:nova=\"http://openstack.org/xmlns/libvirt/nova/1.1\"><nova:name>a</nova:name>"
        "</nova:instance>\n"
        "    <kubevirt xmlns=\"http://kubevirt.io\"><uid/></kubevirt>\n"
        "  </metadata>\n  <memory unit='KiB'>1048576</memory>\n  <vcpu>2</vcpu>\n"
        "  <os>\n    <type arch='x86_64'>hvm</type>\n  </os>\n%s%s%s"
        "  <devices>\n    <graphics type='vnc' passwd='s3cret'/>\n    <!-- <cpu/> -->\n  </devices>\n"
        "  <qemu:commandline>\n    <qemu:arg value='-cpu'/>\n  </qemu:commandline>\n</domain>\n",
        type, tag, state, *cpu ? "  " : "", cpu, *cpu ? "\n" : "");
}

/* One run of the correction; asserts what the header promises of every outcome. */
static NestDefinition *
correct_on(const char *text, const char *host, gboolean can_nest)
{
    g_autoptr(GError) error = NULL;
    NestDefinition *definition =
        nest_definition_correct(text, host ? nest_cpu_vendor_by_name(host) : NULL, NULL, can_nest, &error);

    g_assert_no_error(error);
    g_assert_cmpint(definition->xml == NULL, ==, definition->action == NEST_DEFINITION_UNCHANGED);
    g_assert_cmpint(definition->record_id != NULL, ==, definition->action == NEST_DEFINITION_CORRECTED);
    g_assert_cmpint(definition->changes->len == 0, ==, definition->action == NEST_DEFINITION_UNCHANGED);
    return definition;
}

static gchar *
expect_on(const char *text, const char *host, gboolean can_nest, NestDefinitionAction action)
{
    g_autoptr(NestDefinition) definition = correct_on(text, host, can_nest);

    if (definition->action != action)
        g_error("action %d, not %d: %s", definition->action, action, text);
    if (definition->record_id)
        g_assert_nonnull(strstr(definition->xml, definition->record_id));
    return g_strdup(definition->xml ? definition->xml : text);
}

static gchar *
expect(const char *text, NestDefinitionAction action)
{
    return expect_on(text, "intel", TRUE, action);
}

static gchar *
cpu_of(const char *text, gboolean canonical)
{
    g_autoptr(NestDomainXml) xml = check_parse(text);
    xmlNode *cpu = nest_domain_xml_cpu(xml);

    if (!cpu)
        return g_strdup("");
    return canonical ? nest_xml_canonical(cpu) : nest_domain_xml_source(xml, cpu);
}

static gchar *
replace_once(const char *text, const char *what, const char *with)
{
    const char *at = strstr(text, what);

    g_assert_nonnull(at);
    return g_strdup_printf("%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
}

static gchar *
without_tag(const char *text)
{
    return replace_once(text, TAG(""), "");
}

static NestState *
state_of(const char *text)
{
    g_autoptr(NestDomainXml) xml = check_parse(text);
    NestState *state = nest_state_read(xml);

    g_assert_nonnull(state);
    return state;
}

/* As libvirt orders the children of <cpu> (virCPUDefFormatBuf in src/conf/cpu_conf.c; seen in 9.0). */
static const char *const libvirt_order[] = {"model", "vendor", "topology", "cache", "maxphysaddr", "feature", "numa"};

static void
order_cpu(xmlNode *cpu)
{
    for (gsize i = 0; i < G_N_ELEMENTS(libvirt_order); i++) {
        xmlNode *last = cpu->last;

        for (xmlNode *child = cpu->children, *next = NULL; child; child = child == last ? NULL : next) {
            next = child->next;
            if (nest_xml_is(child, libvirt_order[i]))
                xmlAddChild(cpu, child); /* moves it after the others */
        }
    }
}

static void
drop_comments(xmlNode *parent)
{
    for (xmlNode *child = parent->children, *next = NULL; child; child = next) {
        next = child->next;
        if (child->type == XML_COMMENT_NODE) {
            xmlUnlinkNode(child);
            xmlFreeNode(child);
        } else if (!nest_xml_is(child, "metadata")) {
            drop_comments(child);
        }
    }
}

/* What libvirt makes of a text: other quotes, other indentation, no comments, its own order in <cpu>. */
static gchar *
as_libvirt_prints(const char *text)
{
    xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NOBLANKS | XML_PARSE_NONET);
    xmlChar *printed = NULL;
    gchar *copy = NULL;
    int length = 0;

    drop_comments(xmlDocGetRootElement(doc));
    order_cpu(nest_xml_child(xmlDocGetRootElement(doc), "cpu"));
    xmlDocDumpFormatMemory(doc, &printed, &length, 1);
    copy = g_strndup((const char *)printed, (gsize)length);
    xmlFree(printed);
    xmlFreeDoc(doc);
    return copy;
}

/* Every kind of CPU a definition has. */
static const char *const cpus[] = {
    "",
    "<cpu/>",
    DEFAULT,
    "<cpu mode=\"custom\" match='exact'  check='none'><model>kvm64</model></cpu >",
    "<cpu>\n\t<topology sockets='1' cores='2' threads='1'/>\n\t<numa><cell id='0' cpus='0-1' memory='1048576'/></numa>\n  </cpu>",
    "<cpu mode='host-model' check='partial'/>",
    "<cpu mode='host-model' check='partial'>\n    <topology sockets='1' dies='1' cores='2' threads='1'/>\n"
    "    <numa>\n      <cell id='0' cpus='0-1' memory='1048576' unit='KiB'/>\n    </numa>\n  </cpu>",
    "<cpu mode='host-passthrough' check='none' migratable='on'><feature policy='disable' name='vmx'/><cache mode='passthrough'/></cpu>",
    "<cpu match='exact'>\n    <!-- chosen in 2019 -->\n    <model vendor_id='&lt;KVMKVMKVM&gt;'>Haswell</model>\n"
    "    <vendor>Intel</vendor>\n    <feature policy='forbid' name='vmx'/>\n    <feature policy='disable' name='vmx-ept'/>\n  </cpu>",
};
/* Those that are right as they are. */
static const char *const good_cpus[] = {
    "<cpu mode='host-passthrough'/>",
    "<cpu mode='host-model'><feature policy='require' name='vmx'/></cpu>",
    "<cpu mode='custom' match='exact'><model>Haswell</model><feature name='vmx'/></cpu>",
};

static void
test_corrected(void)
{
    g_test_summary("a wrong CPU is corrected and recorded; the rest stays to the byte; then nothing is to be done");
    for (gsize i = 0; i < G_N_ELEMENTS(cpus); i++) {
        g_autofree gchar *text = definition_of("kvm", TAG(""), "", cpus[i]);
        g_autofree gchar *corrected = expect(text, NEST_DEFINITION_CORRECTED);
        g_autofree gchar *again = expect(corrected, NEST_DEFINITION_UNCHANGED);
        g_autoptr(NestState) state = state_of(corrected);
        g_autofree gchar *cpu = cpu_of(corrected, FALSE);
        g_autofree gchar *element = nest_state_format(state, TRUE);
        g_autofree gchar *record = g_strdup_printf("\n    %s\n  </metadata>", element);
        g_autofree gchar *no_record = replace_once(corrected, record, "\n  </metadata>");
        g_autofree gchar *expected = definition_of("kvm", TAG(""), "", cpu);

        g_assert_cmpstr(state->record.original, ==, cpus[i]);
        g_assert_cmpstr(state->record.applied, ==, cpu);
        g_assert_null(state->live.uuid);
        g_assert_cmpstr(no_record, ==, expected);
        g_assert_cmpstr(again, ==, corrected);
    }
}

/* For an architecture whose guests have neither vmx nor svm, libvirt's default is right as it is. */
static void
test_default_restored(void)
{
    g_autofree gchar *tagged = definition_of("kvm", "    <nest:disable xmlns:nest='urn:virt-nest:1'/>\n", "", "");
    g_autofree gchar *corrected = expect(tagged, NEST_DEFINITION_CORRECTED);
    g_autoptr(GString) moved = g_string_new(corrected);
    g_autofree gchar *restored = NULL;

    g_test_summary("where the default CPU fits again it is restored, and no record is left that nobody can read");
    g_assert_cmpuint(g_string_replace(moved, "x86_64", "aarch64", 0), ==, 1);
    restored = expect(moved->str, NEST_DEFINITION_RESTORED);
    g_assert_null(strstr(restored, "neststate"));
    g_assert_null(strstr(restored, "qemu64"));
}

static void
test_restored(void)
{
    g_test_summary("without the tag the definition is again what it was, to the byte");
    for (gsize i = 0; i < G_N_ELEMENTS(cpus); i++) {
        g_autofree gchar *text = definition_of("kvm", TAG(""), "", cpus[i]);
        g_autofree gchar *plain = definition_of("kvm", "", "", cpus[i]);
        g_autofree gchar *corrected = expect(text, NEST_DEFINITION_CORRECTED);
        g_autofree gchar *untagged = without_tag(corrected);
        g_autofree gchar *restored = expect(untagged, NEST_DEFINITION_RESTORED);
        g_autofree gchar *again = expect(restored, NEST_DEFINITION_UNCHANGED);

        g_assert_cmpstr(restored, ==, plain);
    }
}

static void
test_through_libvirt(void)
{
    g_test_summary("what libvirt stored and printed is known again, and undone to the same CPU");
    for (gsize i = 0; i < G_N_ELEMENTS(cpus); i++) {
        g_autofree gchar *text = definition_of("kvm", TAG(""), "", cpus[i]);
        g_autofree gchar *corrected = expect(text, NEST_DEFINITION_CORRECTED);
        g_autofree gchar *printed = as_libvirt_prints(corrected);
        g_autofree gchar *again = expect(printed, NEST_DEFINITION_UNCHANGED);
        g_autofree gchar *untagged =
            replace_once(printed, "<nest:enable xmlns:nest=\"urn:virt-nest:1\"/>", "");
        g_autofree gchar *restored = expect(untagged, NEST_DEFINITION_RESTORED);
        g_autofree gchar *is = cpu_of(restored, TRUE);
        g_autofree gchar *was = cpu_of(text, TRUE);

        g_assert_cmpstr(is, ==, was);
        g_assert_null(strstr(restored, "neststate"));
    }
}

static void
test_right_already(void)
{
    g_test_summary("a CPU that is right is left alone, nothing is recorded, and taking the tag changes nothing");
    for (gsize i = 0; i < G_N_ELEMENTS(good_cpus); i++) {
        g_autofree gchar *text = definition_of("kvm", TAG(""), "", good_cpus[i]);
        g_autofree gchar *untagged = without_tag(text);

        g_free(expect(text, NEST_DEFINITION_UNCHANGED));
        g_free(expect(untagged, NEST_DEFINITION_UNCHANGED));
    }
}

static void
test_untagged(void)
{
    g_test_summary("an untagged definition is unchanged, whatever its CPU, type and host");
    for (gsize i = 0; i < G_N_ELEMENTS(cpus); i++) {
        g_autofree gchar *kvm = definition_of("kvm", "", "", cpus[i]);
        g_autofree gchar *xen = definition_of("xen", "", "", cpus[i]);

        g_free(expect(kvm, NEST_DEFINITION_UNCHANGED));
        g_free(expect_on(xen, NULL, FALSE, NEST_DEFINITION_UNCHANGED));
    }
}

static void
test_released(void)
{
    g_autofree gchar *text = definition_of("kvm", TAG(""), "", DEFAULT);
    g_autofree gchar *corrected = expect(text, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *cpu = cpu_of(corrected, FALSE);
    static const char *const changed[] = {
        "<cpu mode='host-passthrough' check='none' migratable='off'/>",
        "<cpu mode='custom'><model>Haswell</model></cpu>",
        "<cpu mode=\"host-passthrough\" check=\"none\" migratable=\"on\"><topology sockets='2' cores='1' threads='1'/></cpu>",
        "",
    };

    g_test_summary("a CPU that somebody changed since stays when the tag goes, and the record goes");
    for (gsize i = 0; i < G_N_ELEMENTS(changed); i++) {
        g_autofree gchar *no_tag = without_tag(corrected);
        /* the second: the first stands in the record */
        const char *at = g_strrstr(no_tag, cpu);
        g_autofree gchar *theirs =
            g_strdup_printf("%.*s%s%s", (int)(at - no_tag), no_tag, changed[i], at + strlen(cpu));
        g_autofree gchar *released = expect(theirs, NEST_DEFINITION_RELEASED);
        g_autofree gchar *is = cpu_of(released, FALSE);

        g_assert_cmpstr(is, ==, changed[i]);
        g_assert_null(strstr(released, "neststate"));
        g_free(expect(released, NEST_DEFINITION_UNCHANGED));
    }
}

/* Somebody edits the corrected CPU and the tag stays: their CPU is the original from then on. */
static void
test_edited_and_tagged(void)
{
    g_autofree gchar *text = definition_of("kvm", TAG(""), "", DEFAULT);
    g_autofree gchar *corrected = expect(text, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *cpu = cpu_of(corrected, FALSE);
    const char *at = g_strrstr(corrected, cpu);
    g_autofree gchar *theirs = g_strdup_printf("%.*s%s%s", (int)(at - corrected), corrected,
                                               "<cpu mode='host-model'/>", at + strlen(cpu));
    g_autofree gchar *second = expect(theirs, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *untagged = without_tag(second);
    g_autofree gchar *restored = expect(untagged, NEST_DEFINITION_RESTORED);
    g_autofree gchar *is = cpu_of(restored, FALSE);

    g_test_summary("a CPU chosen after the correction is corrected anew, and is what comes back");
    g_assert_cmpstr(is, ==, "<cpu mode='host-model'/>");
}

static const char *const tags[] = {TAG(""), TAG(" cpu='host-passthrough'"), TAG(" cpu='host-model'"),
                                   TAG(" cpu='keep'")};

/* From a corrected definition with tag @from to one with tag @to. */
static void
check_tag_change(const char *original, gsize from, gsize to)
{
    g_autofree gchar *first = definition_of("kvm", tags[from], "", original);
    g_autofree gchar *direct = definition_of("kvm", tags[to], "", original);
    g_autoptr(NestDefinition) corrected = correct_on(first, "intel", TRUE);
    g_autoptr(NestDefinition) corrected_directly = correct_on(direct, "intel", TRUE);
    g_autofree gchar *retagged = replace_once(corrected->xml ? corrected->xml : first, tags[from], tags[to]);
    g_autoptr(NestDefinition) changed = correct_on(retagged, "intel", TRUE);
    const char *end = changed->xml ? changed->xml : retagged;
    g_autofree gchar *is = cpu_of(end, TRUE);
    g_autofree gchar *should = cpu_of(corrected_directly->xml ? corrected_directly->xml : direct, TRUE);
    g_autofree gchar *untagged = replace_once(end, tags[to], "");
    g_autoptr(NestDefinition) undone = correct_on(untagged, "intel", TRUE);
    g_autofree gchar *back = cpu_of(undone->xml ? undone->xml : untagged, FALSE);

    g_assert_cmpstr(is, ==, should);
    g_assert_cmpstr(back, ==, original);
    g_assert_true(undone->action == NEST_DEFINITION_RESTORED || undone->action == NEST_DEFINITION_UNCHANGED);
    g_free(expect(end, NEST_DEFINITION_UNCHANGED));
}

static void
test_tag_changes(void)
{
    g_test_summary("the outcome depends on the original and the tag only, and the original comes back at the end");
    for (gsize from = 0; from < G_N_ELEMENTS(tags); from++) {
        for (gsize to = 0; to < G_N_ELEMENTS(tags); to++) {
            for (gsize i = 0; i < G_N_ELEMENTS(cpus); i++)
                check_tag_change(cpus[i], from, to);
            for (gsize i = 0; i < G_N_ELEMENTS(good_cpus); i++)
                check_tag_change(good_cpus[i], from, to);
        }
    }
}

static void
test_three_tags(void)
{
    g_autofree gchar *text = definition_of("kvm", tags[0], "", DEFAULT);
    g_autofree gchar *automatic = expect(text, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *to_model = replace_once(automatic, tags[0], tags[2]);
    g_autofree gchar *model = expect(to_model, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *to_keep = replace_once(model, tags[2], tags[3]);
    g_autofree gchar *keep = expect(to_keep, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *untagged = replace_once(keep, tags[3], "");
    g_autofree gchar *restored = expect(untagged, NEST_DEFINITION_RESTORED);
    g_autofree gchar *plain = definition_of("kvm", "", "", DEFAULT);
    g_autofree gchar *model_cpu = cpu_of(model, TRUE);
    g_autofree gchar *keep_cpu = cpu_of(keep, TRUE);

    g_test_summary("auto, then host-model, then keep, then no tag: the first CPU again, to the byte");
    check_says(model_cpu, "host-model|vmx");
    check_says(keep_cpu, "qemu64|vmx");
    g_assert_cmpstr(restored, ==, plain);
}

#define LIVE(uuid) "<live uuid='" uuid "' qemu='123' nested='yes'/>"
#define RECORD(inside)                                                                             \
    "    <neststate:domain xmlns:neststate=\"urn:virt-nest:state:1\">" inside "</neststate:domain>\n"

static void
test_live_status(void)
{
    g_autofree gchar *untagged = definition_of("kvm", "", RECORD(LIVE(UUID)), DEFAULT);
    g_autofree gchar *plain = definition_of("kvm", "", "", DEFAULT);
    g_autofree gchar *scrubbed = expect(untagged, NEST_DEFINITION_SCRUBBED);
    g_autofree gchar *good = definition_of("kvm", TAG(""), RECORD(LIVE(UUID)), good_cpus[0]);
    g_autofree gchar *good_plain = definition_of("kvm", TAG(""), "", good_cpus[0]);
    g_autofree gchar *good_scrubbed = expect(good, NEST_DEFINITION_SCRUBBED);
    g_autofree gchar *tagged = definition_of("kvm", TAG(""), RECORD(LIVE(UUID)), DEFAULT);
    g_autofree gchar *corrected = expect(tagged, NEST_DEFINITION_CORRECTED);

    g_test_summary("a live status copied in from a running domain is taken out of a definition");
    g_assert_cmpstr(scrubbed, ==, plain);
    g_assert_cmpstr(good_scrubbed, ==, good_plain);
    g_assert_null(strstr(corrected, "<live"));
    g_free(expect(corrected, NEST_DEFINITION_UNCHANGED));
}

static void
test_live_status_beside_record(void)
{
    g_autofree gchar *text = definition_of("kvm", TAG(""), "", DEFAULT);
    g_autofree gchar *corrected = expect(text, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *marked =
        replace_once(corrected, "</neststate:domain>", LIVE(UUID) "</neststate:domain>");
    g_autofree gchar *scrubbed = expect(marked, NEST_DEFINITION_SCRUBBED);
    g_autofree gchar *untagged = without_tag(scrubbed);
    g_autofree gchar *restored = expect(untagged, NEST_DEFINITION_RESTORED);
    g_autofree gchar *plain = definition_of("kvm", "", "", DEFAULT);

    g_test_summary("a live status beside the record goes, the record stays good");
    g_assert_cmpstr(scrubbed, ==, corrected);
    g_assert_cmpstr(restored, ==, plain);
}

#define WORD "0123456789abcdef0123456789abcdef"

/* Records that cannot be read: forged, or of a release that writes them in another way. */
static const char *const unreadable[] = {
    RECORD("<original><disk/></original>"),
    RECORD("<original/><applied write='x'><cpu/></applied>"),
    RECORD("<original><cpu><devices><disk/></devices></cpu></original>"
           "<applied write='" WORD "'><cpu mode='host-passthrough'/></applied>"),
    RECORD("<?virt-nest version='9'?><original><cpu2>host-model</cpu2></original><applied write='" WORD "'><cpu/></applied>"),
    "    <neststate:cpu xmlns:neststate=\"urn:virt-nest:state:1\"/>\n",
};

static void
check_kept(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDefinition) definition =
        nest_definition_correct(text, nest_cpu_vendor_by_name("intel"), NULL, TRUE, &error);

    g_assert_null(definition);
    g_assert_error(error, NEST_ERROR, NEST_ERROR_STATE);
    check_says(error->message, "neither believed nor deleted|the CPU stays as it is|virsh metadata");
}

static void
test_unreadable(void)
{
    g_test_summary("a record that cannot be read is neither followed nor replaced, tagged or not; a right CPU needs none");
    for (gsize i = 0; i < G_N_ELEMENTS(unreadable); i++) {
        g_autofree gchar *untagged = definition_of("kvm", "", unreadable[i], good_cpus[0]);
        g_autofree gchar *tagged = definition_of("kvm", TAG(""), unreadable[i], DEFAULT);
        g_autofree gchar *good = definition_of("kvm", TAG(""), unreadable[i], good_cpus[0]);

        check_kept(untagged);
        check_kept(tagged);
        g_free(expect(good, NEST_DEFINITION_UNCHANGED));
    }
}

static void
test_live_status_beside_unreadable(void)
{
    g_autofree gchar *text =
        definition_of("kvm", "", RECORD("<original><disk/></original>" LIVE(UUID) "<live/>"), DEFAULT);
    g_autofree gchar *scrubbed = expect(text, NEST_DEFINITION_SCRUBBED);
    g_autofree gchar *expected = definition_of("kvm", "", RECORD("<original><disk/></original>"), DEFAULT);

    g_test_summary("a live status goes from beside a record that cannot be read, which stays to the byte");
    g_assert_cmpstr(scrubbed, ==, expected);
    check_kept(scrubbed);
}

static void
test_live_status_of_another_release(void)
{
    static const char *const lives[] = {
        RECORD("<live uuid='" UUID "' qemu='1' nested='no' vcpus='2'/>"),
        RECORD("<live uuid='../../x' qemu='1' nested='no'/>"),
        RECORD("<live/>"),
        RECORD("<live><l2/></live>text"),
    };
    g_autofree gchar *plain = definition_of("kvm", "", "", DEFAULT);

    g_test_summary("a live status of any release is taken out of a definition");
    for (gsize i = 0; i < G_N_ELEMENTS(lives); i++) {
        g_autofree gchar *text = definition_of("kvm", "", lives[i], DEFAULT);
        g_autofree gchar *scrubbed = expect(text, NEST_DEFINITION_SCRUBBED);

        g_assert_cmpstr(scrubbed, ==, plain);
    }
}

/* As a newer release might write a record, and an older one that has no version. */
static const struct {
    const char *before, *with, *carried;
} releases[] = {
    {"<?virt-nest version='1'?>", "", NULL},
    {"<?virt-nest version='1'?>", "<?virt-nest version='9'?>", NULL},
    {"xmlns:neststate='urn:virt-nest:state:1'", "xmlns:neststate='urn:virt-nest:state:1' version='9'", " version=\"9\""},
    {"<original>", "<original by='virtnestd 9'>", " by=\"virtnestd 9\""},
    {"<applied ", "<applied version='9' ", " version=\"9\""},
    {"</original>", "<more a='1'/></original>", "<more a=\"1\"/></original>"},
    {"</applied>", "<more a='1'/></applied>", "<more a=\"1\"/></applied>"},
    {"</neststate:domain>", "<more a='1'>x</more></neststate:domain>", "<more a=\"1\">x</more>"},
};

static void
test_other_release_restored(void)
{
    g_autofree gchar *text = definition_of("kvm", TAG(""), "", DEFAULT);
    g_autofree gchar *corrected = expect(text, NEST_DEFINITION_CORRECTED);

    g_test_summary("the record of another release is believed: nothing to do with the tag, the CPU is back without it");
    for (gsize i = 0; i < G_N_ELEMENTS(releases); i++) {
        g_autofree gchar *theirs = replace_once(corrected, releases[i].before, releases[i].with);
        g_autofree gchar *untagged = without_tag(theirs);
        g_autofree gchar *restored = NULL;
        g_autofree gchar *is = NULL;

        g_free(expect(theirs, NEST_DEFINITION_UNCHANGED));
        restored = expect(untagged, NEST_DEFINITION_RESTORED);
        is = cpu_of(restored, FALSE);
        g_assert_cmpstr(is, ==, DEFAULT);
        g_assert_null(strstr(restored, "<applied"));
        /* an element of its own stays: it may be the way back from something else */
        g_assert_cmpint(strstr(restored, "<more") != NULL, ==, i == G_N_ELEMENTS(releases) - 1);
        g_free(expect(restored, NEST_DEFINITION_UNCHANGED));
    }
}

static void
test_other_release_carried(void)
{
    g_autofree gchar *text = definition_of("kvm", tags[0], "", DEFAULT);
    g_autofree gchar *corrected = expect(text, NEST_DEFINITION_CORRECTED);

    g_test_summary("what another release wrote is carried along when the CPU is corrected anew");
    for (gsize i = 0; i < G_N_ELEMENTS(releases); i++) {
        g_autofree gchar *theirs = replace_once(corrected, releases[i].before, releases[i].with);
        g_autofree gchar *retagged = replace_once(theirs, tags[0], tags[2]);
        g_autofree gchar *again = expect(retagged, NEST_DEFINITION_CORRECTED);
        g_autofree gchar *untagged = replace_once(again, tags[2], "");
        g_autofree gchar *restored = expect(untagged, NEST_DEFINITION_RESTORED);
        g_autofree gchar *is = cpu_of(restored, FALSE);

        check_says(again, "<?virt-nest version='1'?>");
        if (releases[i].carried && !strstr(again, releases[i].carried))
            g_error("no %s in %s", releases[i].carried, again);
        g_assert_cmpstr(is, ==, DEFAULT);
    }
}

static void
test_not_required(void)
{
    const char *tag = TAG(" required='no'");
    g_autofree gchar *text = definition_of("kvm", tag, "", DEFAULT);
    g_autofree gchar *tcg = definition_of("qemu", tag, "", DEFAULT);
    g_autofree gchar *able = expect_on(text, "intel", TRUE, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *unable = expect_on(able, "intel", FALSE, NEST_DEFINITION_RESTORED);

    g_test_summary("required='no': corrected where the host can nest, given back where it cannot any more");
    g_free(expect_on(text, "intel", FALSE, NEST_DEFINITION_UNCHANGED));
    g_free(expect_on(text, NULL, FALSE, NEST_DEFINITION_UNCHANGED));
    g_assert_cmpstr(unable, ==, text);
    g_free(expect_on(unable, "intel", TRUE, NEST_DEFINITION_CORRECTED));
    g_free(expect_on(tcg, NULL, FALSE, NEST_DEFINITION_CORRECTED));
}

static void
test_not_required_says_why(void)
{
    g_autofree gchar *text = definition_of("kvm", TAG(" required='no'"), "", DEFAULT);
    g_autofree gchar *able = expect_on(text, "intel", TRUE, NEST_DEFINITION_CORRECTED);
    g_autoptr(NestDefinition) unable = correct_on(able, "intel", FALSE);

    g_test_summary("where the tag is still there, nobody is told that it is gone");
    g_assert_cmpint(unable->wish.kind, ==, NEST_WISH_ENABLE);
    g_assert_null(strstr(g_ptr_array_index(unable->changes, 0), "the tag is gone"));
    check_says(g_ptr_array_index(unable->changes, 0), "required='no'");
}

static void
test_required(void)
{
    g_autofree gchar *text = definition_of("kvm", TAG(""), "", DEFAULT);

    g_test_summary("a required tag is corrected also where the host cannot nest yet");
    g_free(expect_on(text, "intel", FALSE, NEST_DEFINITION_CORRECTED));
}

static void
test_tagged(void)
{
    g_autofree gchar *with = definition_of("kvm", TAG(""), "", good_cpus[0]);
    g_autofree gchar *without = definition_of("kvm", "", "", good_cpus[0]);
    g_autoptr(NestDefinition) yes = correct_on(with, "intel", TRUE);
    g_autoptr(NestDefinition) no = correct_on(without, "intel", TRUE);

    g_test_summary("the outcome says whether there is a tag");
    g_assert_cmpint(yes->wish.kind, ==, NEST_WISH_ENABLE);
    g_assert_cmpint(no->wish.kind, ==, NEST_WISH_LEAVE);
    nest_definition_free(NULL);
}

static void
test_wrap(void)
{
    g_autofree gchar *text = definition_of("kvm", TAG(""), "", DEFAULT);
    g_autoptr(NestDefinition) a = correct_on(text, "intel", TRUE);
    g_autoptr(NestDefinition) b = correct_on(text, "intel", TRUE);

    g_test_summary("each correction has a word of its own, and differs in nothing else");
    g_assert_cmpuint(strlen(a->record_id), ==, 32);
    g_assert_cmpstr(a->record_id, !=, b->record_id);
    {
        g_autofree gchar *same = replace_once(b->xml, b->record_id, a->record_id);

        g_assert_cmpstr(same, ==, a->xml);
    }
}

static void
test_shapes(void)
{
    static const char *const shapes[] = {
        /* no devices */
        "<domain type='kvm'>\n  <metadata>\n" TAG("") "  </metadata>\n</domain>",
        /* one line */
        "<domain type='kvm'><metadata><nest:enable xmlns:nest='urn:virt-nest:1'/></metadata><devices/></domain>",
        /* CRLF */
        "<domain type='kvm'>\r\n  <metadata>\r\n    <nest:enable xmlns:nest='urn:virt-nest:1'/>\r\n  </metadata>\r\n"
        "  <cpu mode='host-model'/>\r\n  <devices/>\r\n</domain>\r\n",
        /* the tag as its default namespace, after a comment on the line */
        "<domain type='kvm'>\n <metadata><!-- a --> <enable xmlns='urn:virt-nest:1'/> <!-- b --></metadata>\n"
        " <cpu><!-- c --></cpu> <devices/></domain>",
        /* a byte order mark and a declaration */
        "\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?><domain type='kvm'><metadata><nest:enable "
        "xmlns:nest='urn:virt-nest:1'></nest:enable></metadata><devices/></domain>",
    };
    static const char *const our_tags[] = {
        TAG(""), "<nest:enable xmlns:nest='urn:virt-nest:1'/>", "<nest:enable xmlns:nest='urn:virt-nest:1'/>",
        "<enable xmlns='urn:virt-nest:1'/>", "<nest:enable xmlns:nest='urn:virt-nest:1'></nest:enable>"};

    g_test_summary("documents of any shape are corrected, left alone then, and restored to the byte");
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree gchar *corrected = expect(shapes[i], NEST_DEFINITION_CORRECTED);
        g_autofree gchar *untagged = replace_once(corrected, our_tags[i], "");
        g_autofree gchar *restored = expect(untagged, NEST_DEFINITION_RESTORED);
        g_autofree gchar *plain = replace_once(shapes[i], our_tags[i], "");

        g_free(expect(corrected, NEST_DEFINITION_UNCHANGED));
        g_assert_cmpstr(restored, ==, plain);
    }
}

/* The tag is the only thing in <metadata>, and somebody's tool leaves an empty element when it goes. */
static void
test_metadata_gone(void)
{
    g_autofree gchar *text = g_strdup(
        "<domain type='kvm'><metadata><nest:enable xmlns:nest='urn:virt-nest:1'/></metadata><cpu/></domain>");
    g_autofree gchar *corrected = expect(text, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *cpu = cpu_of(corrected, FALSE);
    g_autofree gchar *bare = g_strdup_printf("<domain type='kvm'><metadata/>%s</domain>", cpu);

    g_test_summary("with tag and record gone at once there is nothing to undo");
    g_free(expect(bare, NEST_DEFINITION_UNCHANGED));
}

/* The record's schema knows libvirt's <cpu> of today only: what it does not know cannot be restored. */
static void
test_unknown_elements(void)
{
    g_autofree gchar *text =
        definition_of("kvm", TAG(""), "", "<cpu mode='host-model'><future a='1'/></cpu>");
    g_autofree gchar *corrected = expect(text, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *untagged = without_tag(corrected);
    g_autofree gchar *restored = expect(untagged, NEST_DEFINITION_RESTORED);
    g_autofree gchar *cpu = cpu_of(corrected, TRUE);
    g_autofree gchar *original = cpu_of(restored, TRUE);
    g_autofree gchar *before = cpu_of(text, TRUE);

    g_test_summary("a CPU with an element of a newer libvirt keeps it, corrected and restored");
    check_says(cpu, "<future a='1'|host-model|vmx");
    g_assert_cmpstr(original, ==, before);
}

static const struct {
    const char *sentence, *type, *tag, *cpu, *host;
    int code;
} refused[] = {
    {"a bad tag", "kvm", TAG(" cpu='max'"), DEFAULT, "intel", NEST_ERROR_TAG_VALUE},
    {"two tags", "kvm", TAG("") TAG(""), DEFAULT, "intel", NEST_ERROR_TAG_TWICE},
    {"a foreign model", "kvm", TAG(""), "<cpu mode='custom'><model>EPYC</model></cpu>", "intel",
     NEST_ERROR_CPU_VENDOR},
    {"a type that cannot", "xen", TAG(""), DEFAULT, "intel", NEST_ERROR_CPU_TYPE},
    {"a host nobody knows", "kvm", TAG(""), DEFAULT, NULL, NEST_ERROR_HOST_VENDOR},
};

static void
test_refused(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *text = definition_of(refused[i].type, refused[i].tag, "", refused[i].cpu);
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDefinition) definition = nest_definition_correct(
        text, refused[i].host ? nest_cpu_vendor_by_name(refused[i].host) : NULL, NULL, TRUE, &error);

    g_assert_null(definition);
    g_assert_error(error, NEST_ERROR, refused[i].code);
}

static void
test_no_domain(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDefinition) definition = nest_definition_correct("<network/>", NULL, NULL, TRUE, &error);

    g_test_summary("what is no domain is an error");
    g_assert_null(definition);
    g_assert_error(error, NEST_ERROR, NEST_ERROR_XML);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++)
        check_add_row("definition/refused", refused[i].sentence, GSIZE_TO_POINTER(i), test_refused);
    g_test_add_func("/definition/a wrong CPU is corrected and recorded", test_corrected);
    g_test_add_func("/definition/a default CPU that fits again", test_default_restored);
    g_test_add_func("/definition/without the tag it is as before", test_restored);
    g_test_add_func("/definition/what libvirt printed is known again", test_through_libvirt);
    g_test_add_func("/definition/a right CPU is left alone", test_right_already);
    g_test_add_func("/definition/untagged is unchanged", test_untagged);
    g_test_add_func("/definition/changed since is released", test_released);
    g_test_add_func("/definition/changed since and tagged is corrected anew", test_edited_and_tagged);
    g_test_add_func("/definition/only original and tag count", test_tag_changes);
    g_test_add_func("/definition/three tags and back", test_three_tags);
    g_test_add_func("/definition/a live status is scrubbed", test_live_status);
    g_test_add_func("/definition/a live status beside the record is scrubbed", test_live_status_beside_record);
    g_test_add_func("/definition/a record that cannot be read stays", test_unreadable);
    g_test_add_func("/definition/a live status beside one is scrubbed", test_live_status_beside_unreadable);
    g_test_add_func("/definition/a live status of another release is scrubbed", test_live_status_of_another_release);
    g_test_add_func("/definition/a record of another release is followed", test_other_release_restored);
    g_test_add_func("/definition/a record of another release is carried along", test_other_release_carried);
    g_test_add_func("/definition/not required follows the host", test_not_required);
    g_test_add_func("/definition/not required says why", test_not_required_says_why);
    g_test_add_func("/definition/required does not wait for the host", test_required);
    g_test_add_func("/definition/it says whether there is a tag", test_tagged);
    g_test_add_func("/definition/each correction has its word", test_wrap);
    g_test_add_func("/definition/documents of any shape", test_shapes);
    g_test_add_func("/definition/nothing left to undo", test_metadata_gone);
    g_test_add_func("/definition/unknown elements are kept", test_unknown_elements);
    g_test_add_func("/definition/no domain is an error", test_no_domain);
    return g_test_run();
}
