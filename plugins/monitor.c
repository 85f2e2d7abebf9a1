/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMU's monitor through libvirt, for the plugins that need it. */
#include "monitor.h"

#include "base/error.h"
#include "monitor-answer.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>

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

/* (transfer full) The same JSON in ASCII only. libvirt 11.3 and 12.9 read commands with json-c, which
 * accepts no byte above 0x7f (facts.md, "A migration blocker at run time"). Such bytes occur only in
 * strings, where JSON has escapes: a character beyond 16 bits is escaped as a surrogate pair. */
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

/* (transfer full) A command in the form that QMP wants. JSON can hold only UTF-8. */
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

JsonNode *
nest_monitor_call(virDomainPtr domain, const char *command, JsonNode *arguments, GError **error)
{
    g_autofree gchar *text = write_command(command, arguments, error);
    g_autofree gchar *answer =
        text ? send_command(domain, text, VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT, error) : NULL;

    return answer ? nest_monitor_answer_read(command, answer, error) : NULL;
}

gchar *
nest_monitor_human(virDomainPtr domain, const char *command, gsize longest, GError **error)
{
    g_autofree gchar *answer =
        send_command(domain, command, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP, error);

    return answer && nest_monitor_answer_fits(command, answer, longest, error)
               ? g_steal_pointer(&answer)
               : NULL;
}
