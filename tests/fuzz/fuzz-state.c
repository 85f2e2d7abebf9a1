/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that a record is read as it is written or not at all, and that a forged one harms nothing.
 *
 * The first byte chooses the domain, the second how much of the element is the rest of the input. */
#include "domain/state.h"
#include "fuzz.h"

#include <string.h>

#define TAG "<nest:enable xmlns:nest='" NEST_TAG_NAMESPACE "'/>"
#define NAMESPACE "xmlns:neststate='" NEST_STATE_NAMESPACE "'"
#define WORD "0123456789abcdef0123456789abcdef"

/* A domain up to its record; and after it. */
static const char *const domains[] = {
    "<domain type='kvm'><name>a</name><metadata>" TAG,
    "<domain type='kvm'><name>a</name><metadata>",
    "<domain type='qemu'>\n<metadata>\n" TAG "\n",
    "<domain type='xen'>\n<metadata>\n",
};
static const char *const ends[] = {
    "</metadata><cpu mode='host-passthrough'/><devices/></domain>",
    "\n</metadata>\n<cpu mode='custom'><model>qemu64</model></cpu>\n<devices/>\n</domain>\n",
    "</metadata><devices/></domain>",
};

/* What of the element stands around the input. */
static const struct {
    const char *before, *after;
} parts[] = {
    {"", ""},
    {"<neststate:domain " NAMESPACE ">", "</neststate:domain>"},
    {"<domain xmlns='" NEST_STATE_NAMESPACE "'>", "</domain>"},
    {"<neststate:domain " NAMESPACE "><original>",
     "</original><applied write='" WORD "'><cpu mode='host-passthrough'/></applied>"
     "</neststate:domain>"},
    {"<neststate:domain " NAMESPACE "><live ", "/></neststate:domain>"},
};

gboolean
fuzz_start(void)
{
    return TRUE;
}

/* (transfer full) The record in a domain of its own. */
static NestState *
read_again(const char *element)
{
    g_autofree gchar *text = g_strdup_printf("<domain><metadata>%s</metadata></domain>", element);
    g_autoptr(NestDomainXml) xml = fuzz_parse(text, strlen(text));
    NestState *state = xml ? nest_state_read(xml) : NULL;

    PROMISE("what is written is well-formed", state, text);
    PROMISE("what is believed is written so that it is believed", !state->is_unreadable, text);
    return state;
}

static void
check_rest(const NestState *a, const NestState *b)
{
    PROMISE("there is what is not known as there was",
            !a->unknown.elements == !b->unknown.elements &&
                !a->unknown.attributes == !b->unknown.attributes,
            b->unknown.elements);
    PROMISE("the id is read as it was", g_strcmp0(a->record.id, b->record.id) == 0, b->record.id);
    PROMISE("the uuid is read as it was", g_strcmp0(a->live.uuid, b->live.uuid) == 0, b->live.uuid);
    PROMISE("the start time is read as it was", g_strcmp0(a->live.qemu, b->live.qemu) == 0,
            b->live.qemu);
    PROMISE("nested is read as it was", a->live.nested == b->live.nested, NULL);
    PROMISE("the time is read as it was", a->live.since == b->live.since, NULL);
    PROMISE("the reason is read as it was", g_strcmp0(a->live.reason, b->live.reason) == 0,
            b->live.reason);
    PROMISE("the probe is read as it was", g_strcmp0(a->live.probe, b->live.probe) == 0,
            b->live.probe);
    PROMISE("the guard is read as it was", g_strcmp0(a->live.guard, b->live.guard) == 0,
            b->live.guard);
    PROMISE("there is a problem as there was", !a->live.problem == !b->live.problem,
            b->live.problem);
}

/* Text that does more than be read is written so that it does not, which is done once. */
static void
check_problem(const NestState *state)
{
    g_autofree gchar *element = nest_state_format(state, TRUE);
    g_autoptr(NestState) again = read_again(element);
    g_autofree gchar *written_again = nest_state_format(again, TRUE);
    g_autoptr(NestState) third = read_again(written_again);

    PROMISE("a problem that was written stays as it is",
            g_strcmp0(again->live.problem, third->live.problem) == 0, third->live.problem);
    PROMISE("a problem that was written is one line",
            !again->live.problem || !strpbrk(again->live.problem, "\n\r\t\x1b"),
            again->live.problem);
}

static gboolean
is_word(const char *text)
{
    return !text || (*text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")]);
}

/* In a definition: the <cpu>s to the byte. */
static void
check_persistent(const NestState *state)
{
    g_autofree gchar *element = nest_state_format(state, TRUE);
    g_autoptr(NestState) again = read_again(element);

    PROMISE("the original is read as it was",
            g_strcmp0(state->record.original, again->record.original) == 0, again->record.original);
    PROMISE("what was applied is read as it was",
            g_strcmp0(state->record.applied, again->record.applied) == 0, again->record.applied);
    check_rest(state, again);
}

/* Through virDomainSetMetadata, which puts all of it into our namespace. */
static void
check_live(const NestState *state)
{
    g_autofree gchar *element = nest_state_format(state, FALSE);
    g_autofree gchar *with_namespace =
        g_strconcat("<domain xmlns='" NEST_STATE_NAMESPACE "'", element + strlen("<domain"), NULL);
    g_autoptr(NestState) again = read_again(with_namespace);

    PROMISE("there is an original as there was", !state->record.original == !again->record.original,
            element);
    PROMISE("there is an applied as there was", !state->record.applied == !again->record.applied,
            element);
    check_rest(state, again);
}

static void
check_state(const NestDomainXml *xml, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestState) state = nest_state_read(xml);

    if (!nest_state_check(state, &error)) {
        fuzz_check_error(error, NEST_ERROR_STATE, NEST_ERROR_STATE);
        PROMISE("of an unreadable record nothing is taken", !state->record.original, text);
        return;
    }
    PROMISE("original and applied come together", !state->record.original == !state->record.applied,
            text);
    PROMISE("a correction has its id", !state->record.applied == !state->record.id, text);
    PROMISE("a uuid is one", !state->live.uuid || g_uuid_string_is_valid(state->live.uuid),
            state->live.uuid);
    PROMISE("what is a word is one",
            is_word(state->live.reason) && is_word(state->live.probe) && is_word(state->live.guard),
            text);
    PROMISE("a time is one", state->live.since >= 0, text);
    PROMISE("only a live status has more of the guest",
            state->live.uuid || (!state->live.reason && !state->live.guard &&
                                 !state->live.problem && !state->live.since),
            text);
    PROMISE("a record is of its domain",
            !state->live.uuid || nest_live_status_is_of(&state->live, state->live.uuid), text);
    if (nest_state_is_empty(state))
        return;
    check_persistent(state);
    check_live(state);
    check_problem(state);
}

static void
check_correction(const char *text, gboolean again)
{
    const NestCpuVendor *host = nest_cpu_vendor_by_name("intel");
    g_autoptr(NestDefinition) definition = fuzz_correct(text, host, TRUE);

    if (!definition || !definition->xml)
        return;
    if (again)
        fuzz_check_done(definition->xml, host, TRUE);
    else
        fuzz_check_changed(text, definition->xml);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    guint shape = size > 0 ? fuzz_choice(data[0], G_N_ELEMENTS(domains) * G_N_ELEMENTS(ends)) : 0;
    guint part = size > 1 ? fuzz_choice(data[1], G_N_ELEMENTS(parts)) : 0;
    g_autofree gchar *input = NULL;
    g_autofree gchar *text = NULL;
    g_autoptr(NestDomainXml) xml = NULL;

    if (size < 2)
        return 0;
    input = g_strndup((const char *)data + 2, size - 2);
    text = g_strconcat(domains[shape % G_N_ELEMENTS(domains)], parts[part].before, input,
                       parts[part].after, ends[shape / G_N_ELEMENTS(domains)], NULL);
    /* So that there are many executions a second, the input's length chooses what is checked. */
    xml = size % 3 == 2 ? fuzz_parse(text, strlen(text)) : NULL;
    if (xml)
        check_state(xml, text);
    if (size % 3 < 2)
        check_correction(text, size % 3 == 1);
    return 0;
}
