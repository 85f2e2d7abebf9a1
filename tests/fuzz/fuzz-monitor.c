/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that whatever QEMU answers is read within bounds or refused by name, and what guard-blocker reads in it.
 *
 * The first byte chooses the command, the rest is the answer. */
#include "fuzz.h"

#include <string.h>

#include "../../plugins/blocker-node.c"   // NOLINT(bugprone-suspicious-include)
#include "../../plugins/monitor-answer.c" // NOLINT(bugprone-suspicious-include)

static const char *const commands[] = {"query-migrate", "query-named-block-nodes", "blockdev-add"};
static const char *answer;

gboolean
fuzz_start(void)
{
    return TRUE;
}

/* Stands for plugins/monitor.c. */
JsonNode *
nest_monitor_call(virDomainPtr domain, const char *command, JsonNode *arguments, GError **error)
{
    (void)domain;
    if (arguments)
        json_node_unref(arguments);
    return nest_monitor_answer_read(command, answer, error);
}

static guint count_values(JsonNode *node, guint depth);

static void
count_element(JsonArray *array, guint i, JsonNode *element, gpointer totals)
{
    guint *total = totals;

    (void)array, (void)i;
    total[0] += count_values(element, total[1]);
}

static void
count_member(JsonObject *object, const char *name, JsonNode *member, gpointer totals)
{
    guint *total = totals;

    (void)object;
    PROMISE("a member has a name", name, NULL);
    total[0] += count_values(member, total[1]);
}

static guint
count_values(JsonNode *node, guint depth)
{
    guint totals[] = {1, depth + 1}; /* values, levels */

    PROMISE("what is parsed is not deep", depth <= MAX_DEPTH, answer);
    if (JSON_NODE_HOLDS_ARRAY(node))
        json_array_foreach_element(json_node_get_array(node), count_element, totals);
    if (JSON_NODE_HOLDS_OBJECT(node))
        json_object_foreach_member(json_node_get_object(node), count_member, totals);
    return totals[0];
}

static gsize
most_values(const char *command)
{
    const Limit *limit = limits;

    while (limit->command && !g_str_equal(limit->command, command))
        limit++;
    return limit->values;
}

static void
check_answer(const char *command)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) result = nest_monitor_answer_read(command, answer, &error);
    Shape shape = measure_shape(answer);

    if (!result) {
        fuzz_check_error(error, NEST_ERROR_MONITOR, NEST_ERROR_ANSWER);
        return;
    }
    PROMISE("an error is a refusal", !error, answer);
    PROMISE("a result is an object or a list",
            JSON_NODE_HOLDS_OBJECT(result) || JSON_NODE_HOLDS_ARRAY(result), answer);
    PROMISE("no more values are parsed than were counted", count_values(result, 0) < shape.values,
            answer);
    PROMISE("nor more than the command's", shape.values <= most_values(command), answer);
}

static void
check_readers(void)
{
    NestBlockerMigration migration = {0};
    gboolean there = FALSE;
    g_autoptr(GError) error = NULL;

    if (nest_blocker_migration_ask(NULL, &migration, NULL))
        PROMISE("a blocker's node is named",
                !migration.blocked || strstr(answer, "nested") || strchr(answer, '\\'), answer);
    PROMISE("a status is a text", memchr(migration.status, '\0', sizeof(migration.status)), answer);
    if (nest_blocker_node_find(NULL, &there, NULL))
        PROMISE("a node that is there is named",
                !there || strstr(answer, "nested") || strchr(answer, '\\'), answer);
    if (!nest_blocker_node_delete(NULL, NEST_BLOCKER_NODE, &error))
        fuzz_check_error(error, NEST_ERROR_MONITOR, NEST_ERROR_ANSWER);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree gchar *text = NULL;

    if (size == 0)
        return 0;
    text = g_strndup((const char *)data + 1, size - 1);
    answer = text;
    check_answer(commands[fuzz_choice(data[0], G_N_ELEMENTS(commands))]);
    check_readers();
    answer = NULL;
    return 0;
}
