/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest preflight: whether a running guest, with its nested guests, would go on running on another host, as far as
 * libvirt there shows that. It changes nothing on either host, and logs in nowhere. */
#include "base/error.h"
#include "output.h"
#include "preflight_destination.h"
#include "visit.h"

#include <stdio.h>

#define COLUMN 18 /* of the text of a check */

typedef struct {
    gboolean json;
    const char *uri;
    gchar *name;
    NestPreflightMove move;
    GPtrArray *checks;
} Preflight;

static void
preflight_clear(Preflight *preflight)
{
    g_free(preflight->name);
    nest_preflight_move_clear(&preflight->move);
    g_ptr_array_unref(preflight->checks);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Preflight, preflight_clear)

static gboolean
examine(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    Preflight *preflight = data;

    g_free(preflight->name);
    preflight->name = g_strdup(virDomainGetName(domain));
    preflight->move.here = connection->libvirt;
    if (!nest_preflight_move_read_guest(&preflight->move, domain, error))
        return FALSE;
    nest_preflight_destination_check(&preflight->move, preflight->uri, preflight->checks);
    return TRUE;
}

static const char *const sentences[] = {
    [NEST_PREFLIGHT_GOOD] = "would live there",
    [NEST_PREFLIGHT_UNKNOWN] = "nobody can tell whether it would live there",
    [NEST_PREFLIGHT_BREAKS] = "would not live there",
};

static void
print_checks(const Preflight *preflight)
{
    g_autofree gchar *name = nest_error_escape(preflight->name);
    g_autofree gchar *uri = nest_error_escape(preflight->uri);

    (void)printf("%s to %s: %s\n", name, uri, sentences[nest_preflight_answer(preflight->checks)]);
    for (guint i = 0; i < preflight->checks->len; i++) {
        const NestPreflightCheck *check = g_ptr_array_index(preflight->checks, i);

        (void)printf("%-7s %-9s ", nest_preflight_result_name(check->result), check->name);
        nest_output_wrap(check->text, COLUMN);
        (void)putchar('\n');
    }
}

static void
print_checks_json(const Preflight *preflight)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "name", preflight->name);
    nest_output_json_string(builder, "destination", preflight->uri);
    nest_output_json_string(builder, "answer",
                            nest_preflight_answer_name(nest_preflight_answer(preflight->checks)));
    json_builder_set_member_name(builder, "checks");
    json_builder_begin_array(builder);
    for (guint i = 0; i < preflight->checks->len; i++) {
        const NestPreflightCheck *check = g_ptr_array_index(preflight->checks, i);

        json_builder_begin_object(builder);
        nest_output_json_string(builder, "check", check->name);
        nest_output_json_string(builder, "result", nest_preflight_result_name(check->result));
        nest_output_json_string(builder, "text", check->text);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    nest_output_json_print(builder);
}

int
nest_preflight(NestCall *call)
{
    g_auto(Preflight) preflight = {.checks = nest_preflight_checks_new()};
    g_autoptr(NestConnection) connection = NULL;
    GError *error = NULL;
    gchar *names[] = {NULL, NULL};
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &preflight.json, "for programs: an object", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (g_strv_length(call->arguments) != 2)
        return nest_command_misused(call,
                                    "name one domain and the URI of the libvirt it is to go to");
    names[0] = call->arguments[0];
    preflight.uri = call->arguments[1];
    preflight.name = g_strdup(names[0]);
    connection = nest_connection_open_for(call, NEST_CONNECTION_TO_LOOK, &error);
    if (!connection)
        nest_command_fail(error);
    else
        status = nest_connection_visit(connection, names, examine, &preflight);
    if (preflight.json)
        print_checks_json(&preflight);
    else if (connection && status == NEST_EXIT_DONE)
        print_checks(&preflight);
    return nest_preflight_status(nest_preflight_answer(preflight.checks));
}
