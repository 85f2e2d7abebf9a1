/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block node that guard-blocker adds to a QEMU, and what QEMU says about migration because of it. */
#include "blocker-node.h"

#include "monitor.h"

#include <string.h>

/* (nullable) The text of a node, if it is text. */
static const char *
node_text(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
}

/* (nullable) The member @name of a node, if the node is an object and has it. */
static JsonNode *
member_of(JsonNode *node, const char *name)
{
    return JSON_NODE_HOLDS_OBJECT(node) ? json_object_get_member(json_node_get_object(node), name)
                                        : NULL;
}

/* @quoted: the node's name in quotation marks */
static gboolean
is_blocked_by(JsonNode *reasons, const char *quoted)
{
    JsonArray *list =
        reasons && JSON_NODE_HOLDS_ARRAY(reasons) ? json_node_get_array(reasons) : NULL;

    for (guint i = 0; list && i < json_array_get_length(list); i++) {
        const char *reason = node_text(json_array_get_element(list, i));

        if (reason && strstr(reason, quoted))
            return TRUE;
    }
    return FALSE;
}

gboolean
nest_blocker_migration_ask(virDomainPtr domain, NestBlockerMigration *ret_migration, GError **error)
{
    g_autoptr(JsonNode) answer = nest_monitor_call(domain, "query-migrate", NULL, error);
    const char *status = answer ? node_text(member_of(answer, "status")) : NULL;
    JsonNode *reasons = NULL;

    if (!answer)
        return FALSE;
    reasons = member_of(answer, "blocked-reasons");
    ret_migration->former = is_blocked_by(reasons, "'" NEST_BLOCKER_FORMER_NODE "'");
    ret_migration->blocked =
        ret_migration->former || is_blocked_by(reasons, "'" NEST_BLOCKER_NODE "'");
    g_strlcpy(ret_migration->status, status ? status : "", sizeof(ret_migration->status));
    return TRUE;
}

static JsonNode *
take_object(JsonObject *object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);

    json_node_take_object(node, object);
    return node;
}

static gboolean
call(virDomainPtr domain, const char *command, JsonObject *arguments, GError **error)
{
    g_autoptr(JsonNode) answer = nest_monitor_call(domain, command, take_object(arguments), error);

    return answer != NULL;
}

gboolean
nest_blocker_node_add(virDomainPtr domain, const char *driver, const char *path, GError **error)
{
    JsonObject *file = json_object_new();
    JsonObject *node = json_object_new();

    json_object_set_string_member(file, "driver", "file");
    json_object_set_string_member(file, "filename", path);
    json_object_set_boolean_member(file, "read-only", TRUE);
    json_object_set_string_member(file, "locking",
                                  "off"); /* AppArmor's profile grants no lock there */
    json_object_set_string_member(node, "driver", driver);
    json_object_set_string_member(node, "node-name", NEST_BLOCKER_NODE);
    json_object_set_boolean_member(node, "read-only", TRUE);
    json_object_set_object_member(node, "file", file);
    return call(domain, "blockdev-add", node, error);
}

gboolean
nest_blocker_node_delete(virDomainPtr domain, const char *name, GError **error)
{
    JsonObject *node = json_object_new();

    json_object_set_string_member(node, "node-name", name);
    return call(domain, "blockdev-del", node, error);
}

gboolean
nest_blocker_node_find(virDomainPtr domain, gboolean *ret_there, GError **error)
{
    JsonObject *flat = json_object_new();
    g_autoptr(JsonNode) answer = NULL;
    JsonArray *list = NULL;
    gboolean there = FALSE;

    json_object_set_boolean_member(flat, "flat", TRUE);
    answer = nest_monitor_call(domain, "query-named-block-nodes", take_object(flat), error);
    if (!answer)
        return FALSE;
    list = JSON_NODE_HOLDS_ARRAY(answer) ? json_node_get_array(answer) : NULL;
    for (guint i = 0; list && i < json_array_get_length(list); i++) {
        const char *name = node_text(member_of(json_array_get_element(list, i), "node-name"));

        there = there || g_strcmp0(name, NEST_BLOCKER_NODE) == 0 ||
                g_strcmp0(name, NEST_BLOCKER_FORMER_NODE) == 0;
    }
    *ret_there = there;
    return TRUE;
}
