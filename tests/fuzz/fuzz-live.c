/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that a live status is found in any element of ours, as where a guest arrives with it, and that what was read
 * can be written.
 *
 * The first byte chooses where the rest of the input stands; see `places`. */
#include "domain/state.h"
#include "fuzz.h"

#include <string.h>

#define NAMESPACE "xmlns:neststate='" NEST_STATE_NAMESPACE "'"
#define BEGIN "<domain type='kvm'><metadata>"
#define END "</metadata><devices/></domain>"

static const FuzzPlace places[] = {
    {"", ""},
    {BEGIN, END},
    {BEGIN "<neststate:domain " NAMESPACE ">", "</neststate:domain>" END},
    {BEGIN "<domain xmlns='" NEST_STATE_NAMESPACE "'>", "</domain>" END},
    {BEGIN "<neststate:domain " NAMESPACE "><live ", "/></neststate:domain>" END},
};

gboolean
fuzz_start(void)
{
    return TRUE;
}

/* (transfer full) A domain with this live status alone. */
static NestDomainXml *
write_status(const NestLiveStatus *status)
{
    g_autoptr(GString) text = g_string_new(BEGIN "<neststate:domain " NAMESPACE ">");
    NestDomainXml *xml = NULL;

    nest_live_status_append(status, text);
    g_string_append(text, "</neststate:domain>" END);
    xml = fuzz_parse(text->str, text->len);
    PROMISE("a status is written as one", xml && nest_xml_child(nest_state_element(xml), "live"),
            text->str);
    return xml;
}

/* (transfer full) */
static gchar *
write_once(const NestLiveStatus *status)
{
    GString *text = g_string_new(NULL);

    nest_live_status_append(status, text);
    return g_string_free(text, FALSE);
}

/* The one that the schema has not checked: it must be possible to read any. */
static void
check_element(const xmlNode *live)
{
    NestLiveStatus status = {0}, again = {0};
    g_autoptr(NestDomainXml) xml = NULL;
    g_autofree gchar *first = NULL;
    g_autofree gchar *second = NULL;

    nest_live_status_read(&status, live);
    xml = write_status(&status);
    first = write_once(&status);
    nest_live_status_read(&again, nest_xml_child(nest_state_element(xml), "live"));
    second = write_once(&again);
    PROMISE("what was written is read", again.nested == status.nested, first);
    PROMISE("and written as it was", g_str_equal(first, second), second);
    nest_live_status_clear(&again);
    nest_live_status_clear(&status);
}

/* Returns: how many there are; @state: what is read of all of them */
static guint
check_elements(const NestDomainXml *xml, const NestState *state, const char *text)
{
    const xmlNode *element = nest_state_element(xml);
    guint n = 0;

    if (!element)
        return 0;
    NEST_XML_FOREACH (element, live) {
        if (strcmp((const char *)live->name, "live") != 0)
            continue;
        check_element(live);
        PROMISE("nested guests run unless all say that none do",
                !state->live.uuid || state->live.nested ||
                    nest_xml_attribute_is(live, "nested", "no"),
                text);
        n++;
    }
    return n;
}

static void
check_live(const NestDomainXml *xml, const char *text)
{
    g_autoptr(NestState) state = nest_state_read(xml);
    g_autoptr(NestDomainXml) written = NULL;
    g_autoptr(NestState) again = NULL;

    PROMISE("there is always a state", state, text);
    if (check_elements(xml, state, text) == 0)
        PROMISE("where none is, nothing is said", !state->live.uuid && !state->live.nested, text);
    if (!state->live.uuid)
        return;
    written = write_status(&state->live);
    again = nest_state_read(written);
    PROMISE("nested guests are not forgotten", again->live.nested == state->live.nested, text);
    PROMISE("nor whose they are", g_strcmp0(state->live.uuid, again->live.uuid) == 0, text);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree gchar *text = fuzz_place(places, G_N_ELEMENTS(places), data, size);
    g_autoptr(NestDomainXml) xml = NULL;

    if (!text)
        return 0;
    xml = fuzz_parse(text, strlen(text));
    if (xml)
        check_live(xml, text);
    return 0;
}
