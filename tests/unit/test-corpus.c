/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The corpus: what becomes of real tools' XML on Intel, on AMD, under TCG, on IBM Z and on Arm, to the byte. */
#include "check.h"
#include "domain/cpu.h"
#include "domain/cpu_rewrite.h"
#include "domain/definition.h"

#define DIRECTORY "tests/corpus"
#define LEAST 40 /* a walk that finds fewer walked somewhere else */

/* Where a file is tried. For TCG the host's vendor must not matter, so it is the one TCG does not emulate. */
typedef struct {
    const char *name, *host;
    gboolean tcg;
} Place;

static const Place places[] = {{"intel", "intel", FALSE},
                               {"amd", "amd", FALSE},
                               {"tcg", "intel", TRUE},
                               {"ibm", "ibm", FALSE},
                               {"arm", "arm", FALSE}};

static gchar *
read_file(const char *name, const char *suffix)
{
    g_autofree gchar *path = g_strconcat(DIRECTORY "/", name, suffix, NULL);
    g_autofree gchar *full = check_source_path(path);
    g_autoptr(GError) error = NULL;
    gchar *text = NULL;

    g_file_get_contents(full, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

/* The TCG variant is the same file with another type on its root: what else of it only KVM has, libvirt would
 * refuse, and tests/libvirt/corpus.test has to change; to the rewrite it is as good as any. One file has the
 * type's first letter as a reference. */
static gchar *
read_variant(const char *name, const Place *place)
{
    g_autofree gchar *text = read_file(name, ".xml");
    g_autoptr(GRegex) type =
        g_regex_new("(<domain[^>]*type *= *[\"'])(kvm|&#107;vm)", G_REGEX_RAW, 0, NULL);

    return place->tcg ? g_regex_replace(type, text, -1, 0, "\\1qemu", 0, NULL)
                      : g_steal_pointer(&text);
}

static gboolean
heading_names(const char *heading, gsize length, const char *place)
{
    g_autofree gchar *line = g_strndup(heading, length);
    g_auto(GStrv) parts = g_strsplit(line, ":", 2);
    g_auto(GStrv) names = g_strsplit(parts[0], " ", -1);

    return g_strv_contains((const char *const *)names, place);
}

static gboolean
is_of_x86(const Place *place)
{
    return nest_cpu_vendor_is_x86(nest_cpu_vendor_by_name(place->host));
}

/* (nullable) What stands after "== PLACE PLACE: the reason", up to the next heading. On IBM and Arm, KVM refuses all that has no such
 * section, as it is x86's. */
static gchar *
read_expected(const char *name, const Place *place)
{
    g_autofree gchar *text = read_file(name, ".expected");
    const char *next = NULL;

    g_assert_true(g_str_has_prefix(text, "== ") && g_str_has_suffix(text, "\n"));
    text[strlen(text) - 1] = 0;
    for (const char *at = text; at; at = next ? next + 1 : NULL) {
        const char *section = strchr(at, '\n') + 1;

        next = strstr(section, "\n== ");
        if (heading_names(at, (gsize)(section - 1 - at), place->name))
            return next ? g_strndup(section, (gsize)(next - section)) : g_strdup(section);
    }
    if (is_of_x86(place))
        g_error("%s.expected has no section for %s", name, place->name);
    return NULL;
}

/* As virt-nest rewrite does it: the outcome, or NULL with the error. */
static gchar *
rewrite(const char *text, const Place *place, GError **error)
{
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(text, strlen(text), error);
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    NestTagKind tagged = NEST_TAG_NONE;
    NestTag tag;

    if (!xml || !nest_tag_read(xml, &tagged, &tag, error) ||
        (tagged &&
         !nest_cpu_rewrite(xml, &tag, nest_cpu_vendor_by_name(place->host), changes, error)))
        return NULL;
    return nest_domain_xml_text(xml);
}

/* All that is not white space is @before and @after, and the white space between them is in one of them. */
static gboolean
is_joined(const char *text, const char *before, const char *after)
{
    g_autofree gchar *end = g_strchomp(g_strdup(before));
    g_autofree gchar *begin = g_strchug(g_strdup(after));
    g_autofree gchar *with_begin = g_strconcat(before, begin, NULL);
    g_autofree gchar *with_end = g_strconcat(end, after, NULL);

    return g_str_equal(text, with_begin) || g_str_equal(text, with_end);
}

/* The outcome is the document with this <cpu> in place of its own, or of none: no byte else differs. Judged by
 * the texts alone, as the ranges of the parser are on trial too. */
static void
check_rest(const char *text, const char *out, const char *cpu)
{
    const char *place = strstr(out, cpu);
    g_autofree gchar *before = NULL;
    g_autofree gchar *old = NULL;
    const char *after = NULL;

    if (!place)
        g_error("no such <cpu>: %s\nin: %s", cpu, out);
    after = place + strlen(cpu);
    before = g_strndup(out, (gsize)(place - out));
    if (is_joined(text, before, after))
        return;
    if (!g_str_has_prefix(text, before) || !g_str_has_suffix(text, after))
        g_error("more than <cpu> was changed: %s", out);
    old = g_strndup(text + strlen(before), strlen(text) - strlen(before) - strlen(after));
    g_assert_true(g_regex_match_simple("^<cpu[\\s/>].*(/|</cpu\\s*)>$", old, G_REGEX_DOTALL, 0));
}

static void
check_rewrite(const char *text, const Place *place, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *out = rewrite(text, place, &error);
    g_autofree gchar *again = NULL;

    if (g_str_has_prefix(expected, "refused ")) {
        g_assert_null(out);
        g_assert_cmpstr(nest_error_name(error), ==, expected + strlen("refused "));
        return;
    }
    g_assert_no_error(error);
    if (g_str_equal(expected, "unchanged"))
        g_assert_cmpstr(out, ==, text);
    else
        check_rest(text, out, expected);
    again = rewrite(out, place, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(again, ==, out);
}

static gchar *
without_tag(const char *text)
{
    g_autoptr(NestDomainXml) xml = check_parse(text);
    xmlNode *metadata = nest_domain_xml_metadata(xml);

    if (!metadata)
        return g_strdup(text);
    NEST_XML_FOREACH (metadata, child)
        if (nest_xml_in_namespace(child, NEST_TAG_NAMESPACE))
            nest_domain_xml_replace(xml, child, "");
    return nest_domain_xml_text(xml);
}

/* A definition becomes what it should be, if that is to be changed. */
static gchar *
correct(const char *text, const Place *place, NestDefinitionAction action)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDefinition) definition =
        nest_definition_correct(text, nest_cpu_vendor_by_name(place->host), NULL, TRUE, &error);

    g_assert_no_error(error);
    g_assert_cmpint(definition->action, ==, action);
    return g_strdup(definition->xml ? definition->xml : text);
}

/* Corrected, it has the same <cpu>; the tag taken out, the file stands again without it and without a record. */
static void
check_definition(const char *text, const Place *place, const char *expected)
{
    gboolean changes = !g_str_equal(expected, "unchanged");
    g_autofree gchar *corrected =
        correct(text, place, changes ? NEST_DEFINITION_CORRECTED : NEST_DEFINITION_UNCHANGED);
    g_autofree gchar *again = correct(corrected, place, NEST_DEFINITION_UNCHANGED);
    g_autofree gchar *released = without_tag(corrected);
    g_autofree gchar *original = without_tag(text);
    g_autofree gchar *restored =
        correct(released, place, changes ? NEST_DEFINITION_RESTORED : NEST_DEFINITION_UNCHANGED);

    if (changes)
        g_assert_nonnull(strstr(corrected, expected));
    g_assert_cmpstr(again, ==, corrected);
    g_assert_cmpstr(restored, ==, original);
}

static void
check_refused(const char *text, const Place *place, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDefinition) definition =
        nest_definition_correct(text, nest_cpu_vendor_by_name(place->host), NULL, TRUE, &error);

    g_assert_null(definition);
    g_assert_cmpstr(nest_error_name(error), ==, expected + strlen("refused "));
}

/* A definition comes from libvirt, which drops what it does not know of a <cpu>: a record with elements of other
 * namespaces is none of ours, and not believed (virt-nest-state.rng). */
static gboolean
is_no_definition(const char *name)
{
    return g_str_equal(name, "hand-9-foreign-in-cpu");
}

static void
test_file(gconstpointer name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree gchar *text = read_variant(name, &places[i]);
        g_autofree gchar *expected = read_expected(name, &places[i]);

        if (!expected)
            continue;
        g_test_message("%s on %s", (const char *)name, places[i].name);
        check_rewrite(text, &places[i], expected);
        if (g_str_has_prefix(expected, "refused "))
            check_refused(text, &places[i], expected);
        else if (!is_no_definition(name))
            check_definition(text, &places[i], expected);
    }
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* (transfer full) The files' names without their suffix, in order. */
static GPtrArray *
list_files(const char *suffix)
{
    g_autofree gchar *directory = check_source_path(DIRECTORY);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(directory, 0, &error);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *file = NULL;

    g_assert_no_error(error);
    while ((file = g_dir_read_name(dir)))
        if (g_str_has_suffix(file, suffix))
            g_ptr_array_add(names, g_strndup(file, strlen(file) - strlen(suffix)));
    g_ptr_array_sort(names, compare_names);
    return names;
}

static void
test_complete(void)
{
    g_autoptr(GPtrArray) files = list_files(".xml");
    g_autoptr(GPtrArray) expected = list_files(".expected");

    g_assert_cmpuint(files->len, >=, LEAST);
    g_assert_cmpuint(files->len, ==, expected->len);
    for (guint i = 0; i < files->len; i++)
        g_assert_cmpstr(g_ptr_array_index(files, i), ==, g_ptr_array_index(expected, i));
}

int
main(int argc, char **argv)
{
    g_autoptr(GPtrArray) files = NULL;

    g_test_init(&argc, &argv, NULL);
    files = list_files(".xml");
    g_test_add_func("/corpus/each file has its expected result", test_complete);
    for (guint i = 0; i < files->len; i++)
        check_add_row("corpus/file", g_ptr_array_index(files, i), g_ptr_array_index(files, i),
                      test_file);
    return g_test_run();
}
