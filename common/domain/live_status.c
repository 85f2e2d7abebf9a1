/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live status: what virtnestd has found out about a running domain, and about which QEMU. */
#include "domain/live_status.h"

#include "base/escape.h"

/* As install/schema/virt-nest-state.rng has it. */
#define LONGEST_TEXT 1000

/* The texts, as attributes and in the struct. */
static const struct {
    const char *name;
    gsize offset;
} texts[] = {
    {"uuid", offsetof(NestLiveStatus, uuid)},   {"qemu", offsetof(NestLiveStatus, qemu)},
    {"why", offsetof(NestLiveStatus, reason)},  {"probe", offsetof(NestLiveStatus, probe)},
    {"guard", offsetof(NestLiveStatus, guard)}, {"problem", offsetof(NestLiveStatus, problem)},
};

static gchar **
text_at(const NestLiveStatus *status, gsize i)
{
    return (gchar **)((char *)status + texts[i].offset);
}

NestLiveStatus *
nest_live_status_new(void)
{
    return g_new0(NestLiveStatus, 1);
}

void
nest_live_status_free(NestLiveStatus *status)
{
    if (!status)
        return;
    nest_live_status_clear(status);
    g_free(status);
}

NestLiveStatus *
nest_live_status_copy(const NestLiveStatus *status)
{
    NestLiveStatus *copy = nest_live_status_new();

    nest_live_status_set(copy, status);
    return copy;
}

void
nest_live_status_clear(NestLiveStatus *status)
{
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_clear_pointer(text_at(status, i), g_free);
    status->nested = FALSE;
    status->since = 0;
}

void
nest_live_status_set(NestLiveStatus *status, const NestLiveStatus *other)
{
    NestLiveStatus copy = {.nested = other->nested, .since = other->since};

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        *text_at(&copy, i) = g_strdup(*text_at(other, i));
    nest_live_status_clear(status);
    *status = copy;
}

gboolean
nest_live_status_is_of(const NestLiveStatus *status, const char *uuid)
{
    return status->uuid && g_str_equal(status->uuid, uuid);
}

gboolean
nest_live_status_guard_is(const NestLiveStatus *status, NestGuardState state)
{
    return g_strcmp0(status->guard, nest_guard_state_name(state)) == 0;
}

void
nest_live_status_read(NestLiveStatus *status, const xmlNode *live)
{
    g_autofree gchar *since = nest_xml_attribute(live, "since");

    nest_live_status_clear(status);
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        *text_at(status, i) = nest_xml_attribute(live, texts[i].name);
    status->nested = nest_xml_attribute_is(live, "nested", "yes");
    status->since = since ? g_ascii_strtoll(since, NULL, 10) : 0;
}

/* A message may contain QEMU's text: characters that XML cannot hold, or more bytes than the schema allows. */
static void
append_escaped_attribute(GString *text, const char *name, const char *value)
{
    char fit[LONGEST_TEXT + 1];
    g_autofree gchar *escaped = NULL;

    (void)nest_escape_copy(fit, sizeof(fit), value);
    escaped = g_markup_escape_text(fit, -1);
    g_string_append_printf(text, " %s='%s'", name, escaped);
}

void
nest_live_status_append(const NestLiveStatus *status, GString *text)
{
    g_string_append(text, "<live");
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        if (*text_at(status, i))
            append_escaped_attribute(text, texts[i].name, *text_at(status, i));
    if (status->since)
        g_string_append_printf(text, " since='%" G_GINT64_FORMAT "'", status->since);
    g_string_append_printf(text, " nested='%s'/>", status->nested ? "yes" : "no");
}
