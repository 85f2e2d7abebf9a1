/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VMI of KubeVirt, from its JSON: its name, and what its annotations ask for. */
#include "vmi.h"

#include "base/error.h"

#include <json-glib/json-glib.h>

static const NestAskedWords words = {
    .kind = "annotation", .enable = "virt-nest.io/enable", .prefix = "virt-nest.io/"};

static gboolean
is_text(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

static const char *
member_text(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return is_text(node) ? json_node_get_string(node) : "?";
}

/* (nullable) A member that is an object. */
static JsonObject *
object_of(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static gboolean
add_annotations(NestAsked *asked, JsonObject *annotations, GError **error)
{
    JsonObjectIter i;
    const gchar *name = NULL;
    JsonNode *value = NULL;

    json_object_iter_init(&i, annotations);
    while (json_object_iter_next(&i, &name, &value))
        if (!nest_asked_add(asked, name, is_text(value) ? json_node_get_string(value) : NULL,
                            error))
            return FALSE;
    return TRUE;
}

static gboolean
read_metadata(NestVmi *vmi, JsonObject *metadata, GError **error)
{
    JsonObject *annotations = object_of(metadata, "annotations");

    if (metadata) {
        const char *place = member_text(metadata, "namespace");
        const char *name = member_text(metadata, "name");

        vmi->name = g_strdup_printf("%s/%s", place, name);
        vmi->domain = g_strdup_printf("%s_%s", place, name);
    }
    vmi->asked = nest_asked_new(&words);
    return !annotations || add_annotations(vmi->asked, annotations, error);
}

gboolean
nest_vmi_read(NestVmi *vmi, const char *json, gssize length, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) problem = NULL;
    JsonNode *root = NULL;

    if (json_parser_load_from_data(parser, json, length, &problem))
        root = json_parser_get_root(parser);
    if (root && JSON_NODE_HOLDS_OBJECT(root))
        return read_metadata(vmi, object_of(json_node_get_object(root), "metadata"), error);
    g_set_error(error, NEST_ERROR, NEST_ERROR_USAGE,
                "this is not the JSON of a VMI%s%s: give it as KubeVirt does", problem ? ": " : "",
                problem ? problem->message : "");
    return FALSE;
}

void
nest_vmi_clear(NestVmi *vmi)
{
    g_free(vmi->name);
    g_free(vmi->domain);
    nest_asked_free(vmi->asked);
}
