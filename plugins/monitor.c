/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMU's monitor through libvirt, for the plugins that need it. */
#include "monitor.h"

#include "base/error.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>

/* QEMU's answers are some levels deep. json-glib parses by recursion, so a QEMU that was taken over
 * could exhaust our stack. */
#define MAX_DEPTH 64

static gchar *
send_command(virDomainPtr domain, const char *text, unsigned int flags, GError **error)
{
    char *reply = NULL;

    if (virDomainQemuMonitorCommand(domain, text, &reply, flags) < 0) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_LIBVIRT, "cannot ask QEMU's monitor: %s",
                    virGetLastErrorMessage());
        return NULL;
    }
    return reply ? reply : g_strdup(""); /* libvirt and GLib both allocate with malloc() */
}

/* (transfer full) The same JSON in ASCII alone. The json-c with which libvirt 11.3 and 12.9 read
 * commands takes no byte above 0x7f (facts.md, "A migration blocker at run time"). Such bytes can
 * be only in strings, where JSON has escapes: a character beyond 16 bits is escaped as two halves. */
static gchar *
to_ascii(const char *json)
{
    GString *ascii = g_string_sized_new(strlen(json));

    for (const char *c = json; *c; c = g_utf8_next_char(c)) {
        gunichar character = g_utf8_get_char(c);

        if (character < 0x80) {
            g_string_append_c(ascii, *c);
            continue;
        }
        if (character > 0xffff) {
            g_string_append_printf(ascii, "\\u%04x", 0xd800 + ((character - 0x10000) >> 10));
            character = 0xdc00 + (character & 0x3ff);
        }
        g_string_append_printf(ascii, "\\u%04x", character);
    }
    return g_string_free(ascii, FALSE);
}

/* (transfer full) A command in the form that QMP wants. JSON can hold nothing else than UTF-8. */
static gchar *
write_command(const char *command, JsonNode *arguments, GError **error)
{
    g_autoptr(JsonObject) object = json_object_new();
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
    g_autofree gchar *json = NULL;

    json_object_set_string_member(object, "execute", command);
    if (arguments)
        json_object_set_member(object, "arguments", arguments);
    json_node_set_object(root, object);
    json = json_to_string(root, FALSE);
    if (g_utf8_validate(json, -1, NULL))
        return to_ascii(json);
    g_set_error(error, NEST_ERROR, NEST_ERROR_MONITOR,
                "a name or path in %s is not UTF-8, and QEMU's monitor takes nothing else",
                command);
    return NULL;
}

static gboolean
is_deep(const char *text)
{
    int depth = 0;
    gboolean in_string = FALSE;

    for (; *text && depth <= MAX_DEPTH; text++) {
        if (in_string && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            in_string = !in_string;
        else if (!in_string)
            depth += (*text == '[' || *text == '{') - (*text == ']' || *text == '}');
    }
    return depth > MAX_DEPTH;
}

/* (transfer full)(nullable) A reply as an object, if it is one. */
static JsonObject *
read_reply(const char *reply)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    JsonNode *root = NULL;

    if (is_deep(reply) || !json_parser_load_from_data(parser, reply, -1, NULL))
        return NULL;
    root = json_parser_get_root(parser);
    return root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_dup_object(root) : NULL;
}

/* (nullable) QEMU's words in the error of a reply. */
static const char *
read_refusal(JsonObject *reply)
{
    JsonNode *error = json_object_get_member(reply, "error");
    JsonNode *text = error && JSON_NODE_HOLDS_OBJECT(error)
                         ? json_object_get_member(json_node_get_object(error), "desc")
                         : NULL;

    return text && JSON_NODE_HOLDS_VALUE(text) ? json_node_get_string(text) : NULL;
}

JsonNode *
nest_monitor_call(virDomainPtr domain, const char *command, JsonNode *arguments, GError **error)
{
    g_autofree gchar *text = write_command(command, arguments, error);
    g_autofree gchar *reply =
        text ? send_command(domain, text, VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT, error) : NULL;
    g_autoptr(JsonObject) object = reply ? read_reply(reply) : NULL;
    JsonNode *result = object ? json_object_get_member(object, "return") : NULL;
    const char *refusal = object ? read_refusal(object) : NULL;

    if (!reply)
        return NULL;
    if (result && (JSON_NODE_HOLDS_OBJECT(result) || JSON_NODE_HOLDS_ARRAY(result)))
        return json_node_copy(result);
    if (refusal)
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_MONITOR, refusal);
    else
        g_set_error(error, NEST_ERROR, NEST_ERROR_MONITOR, "QEMU's answer to %s cannot be read",
                    command);
    return NULL;
}

gchar *
nest_monitor_human(virDomainPtr domain, const char *command, GError **error)
{
    return send_command(domain, command, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP, error);
}
