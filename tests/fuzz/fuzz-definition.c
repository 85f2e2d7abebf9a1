/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that a definition is corrected once and for all, in its <cpu> and record only, and restored exactly.
 *
 * The first three bytes choose vendor and host, the tag, and where the rest stands: as the whole
 * definition, as the <cpu> of one, or as the choices of which a <cpu> is built. */
#include "domain/allow.h"
#include "domain/cpu.h"
#include "domain/cpu_rewrite.h"
#include "domain/state.h"
#include "domain/tag.h"
#include "fuzz.h"

#include <string.h>

/* One case. */
typedef struct {
    const NestCpuVendor *host; /* NULL: of an unknown vendor */
    gboolean can_nest;         /* whether it can nest KVM guests */
    gchar *text;               /* the definition */
    gboolean own;              /* the text is one of ours, with its tag on a line of its own */
} Case;

static void
case_clear(Case *c)
{
    g_free(c->text);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Case, case_clear)

static const char *const hosts[] = {"intel", "amd", "hygon", "none"};

static const char *const tags[] = {
    "",
    "<nest:enable xmlns:nest='urn:virt-nest:1'/>",
    "<nest:enable xmlns:nest='urn:virt-nest:1' cpu='host-passthrough'/>",
    "<nest:enable xmlns:nest='urn:virt-nest:1' cpu='host-model'/>",
    "<nest:enable xmlns:nest='urn:virt-nest:1' cpu='keep'/>",
    "<nest:enable xmlns:nest='urn:virt-nest:1' required='no'/>",
    "<enable xmlns='urn:virt-nest:1' cpu='keep' required='no'></enable>",
};

/* What a <cpu> is built of, a byte a part: first attributes, then children. */
static const char *const attributes[] = {
    "",
    " mode='host-passthrough'",
    " mode='maximum'",
    " mode='host-model'",
    " mode='custom'",
    " match='exact'",
    " check='partial'",
    " migratable='off'",
    " mode=\"custom\" match='minimum'  check='full'",
};
static const char *const children[] = {
    "<model>qemu64</model>",
    "<model fallback='allow'>Haswell-noTSX</model>",
    "<model fallback='forbid'>EPYC-Rome</model>",
    "<model>Dhyana</model>",
    "<model vendor_id='&lt;KVM&gt;'>pentium3</model>",
    "<vendor>Intel</vendor>",
    "<feature policy='require' name='vmx'/>",
    "<feature policy='disable' name='vmx'/>",
    "<feature policy='forbid' name='svm'/>",
    "<feature policy='optional' name='svm'/>",
    "<feature policy='force' name='svm'/>",
    "<feature name='svm'></feature>",
    "<feature policy='disable' name='vmx-ept'/>",
    "<topology sockets='1' cores='2' threads='1'/>",
    "<numa>\n      <cell id='0' cpus='0-1' memory='1' unit='KiB'/>\n    </numa>",
    "<cache mode='passthrough'/>",
    "<maxphysaddr mode='passthrough'/>",
    "<!-- <cpu/> -->",
    "\n    ",
    "\r\n\t",
};

gboolean
fuzz_start(void)
{
    return TRUE;
}

/* (transfer full) A <cpu> such as libvirt lets pass: no attribute and no child twice. */
static gchar *
build_cpu(const guint8 *data, gsize size)
{
    GString *cpu = g_string_new("<cpu");
    guint64 used = 0;
    gsize i = 0;

    g_string_append(cpu,
                    size > 0 ? attributes[fuzz_choice(data[0], G_N_ELEMENTS(attributes))] : "");
    g_string_append_c(cpu, '>');
    for (i = 1; i < size && i < 16; i++) {
        guint c = fuzz_choice(data[i], G_N_ELEMENTS(children));
        /* A model is one of five, each feature one of a few. */
        guint kind = c < 5 ? 0 : c == 6 || c == 7 ? 6 : c >= 8 && c <= 11 ? 8 : c;

        if (c < 17 && (used & G_GUINT64_CONSTANT(1) << kind))
            continue;
        used |= G_GUINT64_CONSTANT(1) << kind;
        g_string_append(cpu, children[c]);
    }
    return g_string_free(g_string_append(cpu, "</cpu>"), FALSE);
}

/* (transfer full) A definition around a <cpu>. */
static gchar *
build_definition(const char *type, const char *tag, const char *cpu)
{
    return g_strdup_printf(
        "<!-- mine -->\n<domain type='%s'>\n  <name>a</name>\n  <metadata>\n    %s"
        "\n    <b xmlns='c:d'/>\n  </metadata>\n  %s\n  <devices>\n    <e "
        "passwd=\"&amp;\"/>\n  </devices>\n</domain>\n",
        type, tag, cpu);
}

static Case
read_case(const guint8 *data, gsize size)
{
    guint host = fuzz_choice(data[0], 2 * G_N_ELEMENTS(hosts));
    const char *tag = tags[fuzz_choice(data[1], G_N_ELEMENTS(tags))];
    Case c = {.host = nest_cpu_vendor_by_name(hosts[host / 2]), .can_nest = host % 2 == 0};
    g_autofree gchar *rest = g_strndup((const char *)data + 3, size - 3);
    g_autofree gchar *cpu = NULL;

    c.own = fuzz_choice(data[2], 5) > 0;
    switch (fuzz_choice(data[2], 5)) {
    case 0:
        c.text = g_steal_pointer(&rest);
        break;
    case 1:
    case 2:
        c.text = build_definition(data[2] % 2 ? "kvm" : "qemu", tag, rest);
        break;
    default:
        cpu = build_cpu(data + 3, size - 3);
        c.text = build_definition(data[2] % 2 ? "kvm" : "qemu", tag, cpu);
    }
    return c;
}

/* nest_cpu_rewrite() by itself, as virt-nest rewrite and the hook call it for a tagged domain. Returns whether
 * it could. */
static gboolean
rewrite(const Case *c, NestDomainXml *xml, gchar **ret_text, guint *ret_changes)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    NestTagKind tagged = NEST_TAG_NONE;
    NestTag tag = NEST_TAG_DEFAULT;

    if (!nest_tag_read(xml, &tagged, &tag, &error) || tagged != NEST_TAG_ENABLE)
        return FALSE;
    if (!nest_cpu_rewrite(xml, &tag, c->host, changes, &error)) {
        fuzz_check_error(error, NEST_ERROR_XML, NEST_ERROR_HOST_VENDOR);
        return FALSE;
    }
    *ret_text = nest_domain_xml_text(xml);
    *ret_changes = changes->len;
    return TRUE;
}

/* What was rewritten shows the feature unless arguments for QEMU keep it from the guest, and is right as it is. */
static void
check_rewritten(const Case *c, const char *text)
{
    g_autoptr(NestDomainXml) xml = fuzz_parse(text, strlen(text));
    const NestCpuVendor *vendor = xml ? nest_cpu_feature_vendor(xml, c->host, NULL) : NULL;
    g_autofree gchar *again = NULL;
    guint changes = 0;

    PROMISE("a rewritten CPU shows the feature",
            vendor &&
                (nest_cpu_exposes(xml, vendor) || !nest_cpu_check_arguments(xml, vendor, NULL)),
            text);
    PROMISE("a rewrite finds nothing to do in its own result",
            rewrite(c, xml, &again, &changes) && changes == 0 && g_str_equal(again, text), text);
}

static void
check_rewrite(const Case *c)
{
    g_autoptr(NestDomainXml) xml = fuzz_parse(c->text, strlen(c->text));
    g_autofree gchar *text = NULL;
    guint changes = 0;

    if (!xml || !rewrite(c, xml, &text, &changes))
        return;
    PROMISE("text and changes agree", (changes == 0) == g_str_equal(text, c->text), text);
    check_rewritten(c, text);
}

/* Whether it has a record, or what virt-nest allow left, which a correction takes out for good. */
static gboolean
has_more_of_ours(const char *text)
{
    g_autoptr(NestDomainXml) xml = fuzz_parse(text, strlen(text));

    return xml && (nest_state_element(xml) || nest_allow_element(xml));
}

/* Where a tag shares its line with text, the newlines around the record are anybody's. */
static gboolean
are_same(const Case *c, const char *a, const char *b)
{
    g_auto(GStrv) words_a = g_strsplit_set(a, " \t\r\n", -1);
    g_auto(GStrv) words_b = g_strsplit_set(b, " \t\r\n", -1);
    g_autofree gchar *dense_a = g_strjoinv("", words_a);
    g_autofree gchar *dense_b = g_strjoinv("", words_b);

    return g_str_equal(a, b) || (!c->own && g_str_equal(dense_a, dense_b));
}

/* From the corrected definition without the tag to the original one without it. */
static void
check_restored(const Case *c, const char *corrected)
{
    g_autofree gchar *untagged = fuzz_without_tag(corrected);
    g_autofree gchar *original = fuzz_without_tag(c->text);
    g_autoptr(NestDefinition) restored =
        nest_definition_correct(untagged, c->host, NULL, c->can_nest, NULL);

    if (!restored && !fuzz_is_recordable(c->text))
        return;
    PROMISE("a definition without the tag can be corrected", restored, untagged);
    PROMISE("without the tag, the CPU from before stands again",
            restored->action == NEST_DEFINITION_RESTORED, untagged);
    PROMISE("and all is as if there never was a tag", are_same(c, restored->xml, original),
            restored->xml);
}

/* @what: of three checks that cost as much as each other, the one to make. */
static void
check_correction(const Case *c, int what)
{
    g_autoptr(NestDefinition) definition = fuzz_correct(c->text, c->host, c->can_nest);

    if (!definition || !definition->xml)
        return;
    if (what == 0)
        fuzz_check_changed(c->text, definition->xml);
    else if (what == 1)
        fuzz_check_done(definition->xml, c->host, c->can_nest);
    else if (definition->action == NEST_DEFINITION_CORRECTED && !has_more_of_ours(c->text))
        check_restored(c, definition->xml);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_auto(Case) c = {0};

    if (size < 3)
        return 0;
    c = read_case(data, size);
    /* So that there are many executions a second, the input's length chooses what is checked. */
    if (size % 4 == 3)
        check_rewrite(&c);
    else
        check_correction(&c, (int)(size % 4));
    return 0;
}
