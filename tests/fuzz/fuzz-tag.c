/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that a tag that is read can be written and read again, and that a mistake in it is named.
 *
 * The first byte chooses where the rest of the input stands; see `places`. */
#include "domain/prefilter.h"
#include "domain/tag.h"
#include "fuzz.h"

#include <string.h>

#define METADATA_END "</metadata><devices/></domain>"

/* What stands around an input. */
static const struct {
    const char *before, *after;
} places[] = {
    {"", ""},
    {"<domain type='kvm'><metadata>", METADATA_END},
    {"<domain type='kvm' xmlns:nest='" NEST_TAG_NAMESPACE "'>\n<metadata>\n", "\n" METADATA_END},
    {"<domain type='kvm'><metadata><nest:enable xmlns:nest='" NEST_TAG_NAMESPACE "' ",
     "/>" METADATA_END},
};

gboolean
fuzz_start(void)
{
    return TRUE;
}

static gboolean
is_same(const NestTag *a, const NestTag *b)
{
    return a->cpu == b->cpu && a->migration == b->migration && a->required == b->required;
}

/* As virDomainSetMetadata puts it into the domain. */
static void
check_formatted(const NestTag *tag)
{
    g_autofree gchar *element = nest_tag_format(tag);
    g_autofree gchar *text = g_strdup_printf(
        "<domain><metadata><nest:enable xmlns:nest='" NEST_TAG_NAMESPACE "'%s</metadata></domain>",
        element + strlen("<enable"));
    g_autoptr(NestDomainXml) xml = fuzz_parse(text, strlen(text));
    NestTagKind tagged = NEST_TAG_NONE;
    NestTag again = {0};

    PROMISE("a tag is written as one", xml && nest_tag_read(xml, &tagged, &again, NULL), text);
    PROMISE("and read as it was", tagged && is_same(tag, &again), text);
}

static void
check_attributes(const NestTag *tag)
{
    NestTag again = NEST_TAG_DEFAULT;
    const NestTagAttribute *attribute = NULL;

    for (gsize i = 0; (attribute = nest_tag_attribute(i)); i++)
        PROMISE("each attribute can be set to what it is",
                nest_tag_set(&again, attribute->name, nest_tag_get(tag, attribute), NULL),
                attribute->name);
    PROMISE("all attributes are the tag", is_same(tag, &again), NULL);
}

/* The prefilter looks for words, and libvirt never writes a character of ours as a reference. */
static gboolean
is_passed_on(const char *text, gsize length)
{
    return nest_prefilter_matches(text, length) || memchr(text, '&', length);
}

static void
check_refused(const GError *error, const char *text, gsize length)
{
    fuzz_check_error(error, NEST_ERROR_TAG_NAMESPACE, NEST_ERROR_TAG_CONTENT);
    /* libvirt drops an element without a namespace, so the prefilter need not know it. */
    PROMISE("a mistaken tag is one that the prefilter passes on",
            is_passed_on(text, length) || strstr(error->message, "without a namespace"),
            error->message);
}

static void
check_tag(const NestDomainXml *xml, const char *text, gsize length)
{
    g_autoptr(GError) error = NULL;
    NestTag nothing;
    NestTagKind tagged = 99;
    NestTag tag;

    memset(&nothing, 99, sizeof(nothing)); /* values that no attribute has */
    tag = nothing;
    if (!nest_tag_read(xml, &tagged, &tag, &error)) {
        PROMISE("a refusal leaves the outcome alone", tagged == 99 && is_same(&tag, &nothing),
                NULL);
        check_refused(error, text, length);
        return;
    }
    PROMISE("the outcome is set", tagged <= NEST_TAG_DISABLE, NULL);
    if (!tagged)
        return;
    PROMISE("a tagged domain is one that the prefilter passes on", is_passed_on(text, length),
            NULL);
    check_formatted(&tag);
    check_attributes(&tag);
}

/* As a person gives an attribute and its value to virt-nest enable. */
static void
check_set(const char *input)
{
    g_auto(GStrv) words = g_strsplit(input, "=", 2);
    g_autoptr(GError) error = NULL;
    NestTag tag = NEST_TAG_DEFAULT;

    if (!words[0] || !words[1] || nest_tag_set(&tag, words[0], words[1], &error))
        return;
    PROMISE("what cannot be set leaves the tag alone", is_same(&tag, &NEST_TAG_DEFAULT), NULL);
    PROMISE("attribute or value is named",
            error->code == NEST_ERROR_TAG_ATTRIBUTE || error->code == NEST_ERROR_TAG_VALUE, NULL);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    guint place = size > 0 ? fuzz_choice(data[0], G_N_ELEMENTS(places) + 1) : 0;
    g_autoptr(GString) text = NULL;
    g_autoptr(NestDomainXml) xml = NULL;

    if (size == 0)
        return 0;
    text = g_string_new_len((const char *)data + 1, (gssize)size - 1);
    if (place == G_N_ELEMENTS(places)) {
        check_set(text->str);
        return 0;
    }
    g_string_prepend(text, places[place].before);
    g_string_append(text, places[place].after);
    xml = fuzz_parse(text->str, text->len);
    if (xml)
        check_tag(xml, text->str, text->len);
    return 0;
}
