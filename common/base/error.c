/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one error domain of virt-nest: what can go wrong, and the stable code a person sees for it. */
#include "base/error.h"

#include "base/escape.h"

#include <string.h>

/* libvirt shows only the first thousand bytes of the hook's output, and a message ends with its remedy. */
#define MAX_TEXT 800

static const char *const names[] = {
    [NEST_ERROR_XML] = "NEST-XML",
    [NEST_ERROR_XML_ENCODING] = "NEST-XML-ENCODING",
    [NEST_ERROR_XML_DTD] = "NEST-XML-DTD",
    [NEST_ERROR_TAG_NAMESPACE] = "NEST-TAG-NAMESPACE",
    [NEST_ERROR_TAG_ELEMENT] = "NEST-TAG-ELEMENT",
    [NEST_ERROR_TAG_ATTRIBUTE] = "NEST-TAG-ATTRIBUTE",
    [NEST_ERROR_TAG_VALUE] = "NEST-TAG-VALUE",
    [NEST_ERROR_TAG_TWICE] = "NEST-TAG-TWICE",
    [NEST_ERROR_TAG_CONTENT] = "NEST-TAG-CONTENT",
    [NEST_ERROR_CPU_VENDOR] = "NEST-CPU-VENDOR",
    [NEST_ERROR_CPU_CONFIDENTIAL] = "NEST-CPU-CONFIDENTIAL",
    [NEST_ERROR_CPU_ARCH] = "NEST-CPU-ARCH",
    [NEST_ERROR_CPU_TYPE] = "NEST-CPU-TYPE",
    [NEST_ERROR_CPU_ARGUMENT] = "NEST-CPU-ARGUMENT",
    [NEST_ERROR_START_STALE] = "NEST-START-STALE",
    [NEST_ERROR_START_UNCORRECTED] = "NEST-START-UNCORRECTED",
    [NEST_ERROR_START_TRANSIENT] = "NEST-START-TRANSIENT",
    [NEST_ERROR_HOST_VENDOR] = "NEST-HOST-VENDOR",
    [NEST_ERROR_HOST_HARDWARE] = "NEST-HOST-HARDWARE",
    [NEST_ERROR_HOST_ABSENT] = "NEST-HOST-ABSENT",
    [NEST_ERROR_HOST_OFF] = "NEST-HOST-OFF",
    [NEST_ERROR_HOST_BUSY] = "NEST-HOST-BUSY",
    [NEST_ERROR_HOST_BUILTIN] = "NEST-HOST-BUILTIN",
    [NEST_ERROR_HOST_DEVICE] = "NEST-HOST-DEVICE",
    [NEST_ERROR_HOST_FIRMWARE] = "NEST-HOST-FIRMWARE",
    [NEST_ERROR_HOST_KEPT_OFF] = "NEST-HOST-KEPT-OFF",
    [NEST_ERROR_HOST_VALUE] = "NEST-HOST-VALUE",
    [NEST_ERROR_HOST_FILES] = "NEST-HOST-FILES",
    [NEST_ERROR_HOST_LOCK] = "NEST-HOST-LOCK",
    [NEST_ERROR_HOST_LOAD] = "NEST-HOST-LOAD",
    [NEST_ERROR_HOST_LOST] = "NEST-HOST-LOST",
    [NEST_ERROR_STATE] = "NEST-STATE",
    [NEST_ERROR_LIVE_RUNNING] = "NEST-LIVE-RUNNING",
    [NEST_ERROR_LIVE_UNKNOWN] = "NEST-LIVE-UNKNOWN",
    [NEST_ERROR_CONFIG] = "NEST-CONFIG",
    [NEST_ERROR_RULE] = "NEST-RULE",
    [NEST_ERROR_LIBVIRT] = "NEST-LIBVIRT",
    [NEST_ERROR_MONITOR] = "NEST-MONITOR",
    [NEST_ERROR_ANSWER] = "NEST-ANSWER",
    [NEST_ERROR_GUARD] = "NEST-GUARD",
    [NEST_ERROR_PLUGIN] = "NEST-PLUGIN",
    [NEST_ERROR_DAEMON] = "NEST-DAEMON",
    [NEST_ERROR_IO] = "NEST-IO",
    [NEST_ERROR_USAGE] = "NEST-USAGE",
};
G_STATIC_ASSERT(G_N_ELEMENTS(names) == NEST_ERROR_LAST);

G_DEFINE_QUARK(nest - error, nest_error)

const char *
nest_error_name(const GError *error)
{
    gboolean ours =
        error->domain == NEST_ERROR && error->code >= 0 && error->code < NEST_ERROR_LAST;

    return names[ours ? error->code : NEST_ERROR_IO];
}

/* Cuts out the middle of a text that is too long because of somebody's value. */
static void
shorten(GString *text)
{
    static const char gap[] = " ... ";
    const gsize half = (MAX_TEXT - strlen(gap)) / 2;

    if (text->len <= MAX_TEXT)
        return;
    g_string_erase(text, (gssize)half, (gssize)(text->len - 2 * half));
    g_string_insert(text, (gssize)half, gap);
}

gchar *
nest_error_escape(const char *text)
{
    gsize room = strlen(text) * NEST_ESCAPE_GROWTH + 1;
    gchar *escaped = g_malloc(room);

    (void)nest_escape_copy(escaped, room, text);
    return escaped;
}

gchar *
nest_error_with_code(const GError *error)
{
    return g_strdup_printf("%s [%s]", error->message, nest_error_name(error));
}

gchar *
nest_error_text(const GError *error)
{
    g_autoptr(GString) text = g_string_new(error->message);
    g_autofree gchar *escaped = NULL;

    shorten(text); /* before escaping, as the cut may split a character */
    escaped = nest_error_escape(text->str);
    return g_strdup_printf("nest: %s [%s]", escaped, nest_error_name(error));
}

GError *
nest_error_parse(const char *line)
{
    static const char prefix[] = "nest: ";
    const char *text = line && g_str_has_prefix(line, prefix) ? line + strlen(prefix) : NULL;

    for (gsize code = 0; text && code < NEST_ERROR_LAST; code++) {
        g_autofree gchar *end = g_strdup_printf(" [%s]", names[code]);

        if (g_str_has_suffix(text, end))
            return g_error_new(NEST_ERROR, (int)code, "%.*s", (int)(strlen(text) - strlen(end)),
                               text);
    }
    return NULL;
}
