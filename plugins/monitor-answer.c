/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the answers of QEMU's monitor, within limits. */
#include "monitor-answer.h"

#include "base/error.h"

#include <string.h>

/* How many levels deep an answer may be. QEMU's are a few levels deep; json-glib parses by recursion. */
#define MAX_DEPTH 64

/* The characters of JSON outside strings, besides letters and digits. Others are refused, because json-glib also accepts
 * comments, in which a quotation mark does not begin a string. */
#define SIGNS "{}[]\",: \t\r\n+-."

#define KIB ((gsize)1024)

/* How much of an answer is parsed: several times as much as QEMU answers (facts.md, "The monitor's answers"). */
typedef struct {
    const char *command; /* NULL: any other */
    gsize bytes;
    guint values; /* objects, arrays, texts, numbers and words */
} Limit;

static const Limit limits[] = {
    {"query-migrate", 64 * KIB, 4096},
    {"query-named-block-nodes", 2048 * KIB, 49152},
    {"query-cpus-fast", 2048 * KIB, 65536},
    {"qom-get", 64 * KIB, 4096},
    {NULL, 64 * KIB, 256},
};

typedef struct {
    gboolean
        is_json; /* FALSE: no JSON: a foreign character, or a bracket or string that does not match */
    guint open;   /* objects and arrays that are open */
    guint depth;  /* ... at most */
    guint values; /* an upper limit of their number */
} Shape;

/* (nullable) What follows the string that begins here; NULL: the string does not end. */
static const char *
skip_string(const char *quote)
{
    const char *end = quote + 1;

    while (*end && *end != '"')
        end += *end == '\\' && end[1] ? 2 : 1;
    return *end ? end + 1 : NULL;
}

static void
count_sign(Shape *shape, char sign)
{
    gboolean opens = sign == '[' || sign == '{';
    gboolean closes = sign == ']' || sign == '}';

    shape->is_json = (g_ascii_isalnum(sign) || strchr(SIGNS, sign)) && (!closes || shape->open > 0);
    shape->open = shape->open + (guint)opens - (guint)closes;
    shape->depth = MAX(shape->depth, shape->open);
    shape->values += opens || sign == ',';
}

/* Each element of an array and each member of an object comes after a bracket or a comma. */
static Shape
measure_shape(const char *text)
{
    Shape shape = {.is_json = TRUE, .values = 1};

    while (text && *text && shape.is_json) {
        count_sign(&shape, *text);
        text = *text == '"' ? skip_string(text) : text + 1;
    }
    shape.is_json = shape.is_json && text && shape.open == 0;
    return shape;
}

/* (nullable) QEMU's words in the error of an answer. */
static const char *
read_refusal(JsonObject *answer)
{
    JsonNode *error = json_object_get_member(answer, "error");
    JsonNode *text = error && JSON_NODE_HOLDS_OBJECT(error)
                         ? json_object_get_member(json_node_get_object(error), "desc")
                         : NULL;

    return text && JSON_NODE_HOLDS_VALUE(text) ? json_node_get_string(text) : NULL;
}

gboolean
nest_monitor_answer_fits(const char *command, const char *text, gsize longest, GError **error)
{
    gsize length = strlen(text);

    if (length <= longest)
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_ANSWER,
                "QEMU's answer to %s has %" G_GSIZE_FORMAT
                " bytes, and no more than %" G_GSIZE_FORMAT
                " are read; ask QEMU the same by virsh qemu-monitor-command to see what it says",
                command, length, longest);
    return FALSE;
}

/* (transfer full)(nullable) The answer as an object; NULL with an error where it exceeds a limit, and without one where
 * it is no object. */
static JsonObject *
read_object(const char *command, const char *text, GError **error)
{
    const Limit *limit = limits;
    g_autoptr(JsonNode) root = NULL;
    Shape shape = {0};

    while (limit->command && !g_str_equal(limit->command, command))
        limit++;
    if (!nest_monitor_answer_fits(command, text, limit->bytes, error))
        return NULL;
    shape = measure_shape(text);
    if (!shape.is_json || shape.depth > MAX_DEPTH)
        return NULL;
    if (shape.values <= limit->values) {
        /* json_parser_new_immutable() is not used: with json-glib 1.10 some texts then end the program, by an assertion in
         * json_parser_get_root() (facts.md, "The monitor's answers"). */
        root = json_from_string(text, NULL);
        return root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_dup_object(root) : NULL;
    }
    g_set_error(error, NEST_ERROR, NEST_ERROR_ANSWER,
                "QEMU's answer to %s has %u values, and no more than %u are read; ask QEMU the "
                "same by virsh qemu-monitor-command to see what it says",
                command, shape.values, limit->values);
    return NULL;
}

JsonNode *
nest_monitor_answer_read(const char *command, const char *text, GError **error)
{
    g_autoptr(GError) excess = NULL;
    g_autoptr(JsonObject) object = read_object(command, text, &excess);
    JsonNode *result = object ? json_object_get_member(object, "return") : NULL;
    const char *refusal = object ? read_refusal(object) : NULL;

    if (result && (JSON_NODE_HOLDS_OBJECT(result) || JSON_NODE_HOLDS_ARRAY(result)))
        return json_node_copy(result);
    if (excess)
        g_propagate_error(error, g_steal_pointer(&excess));
    else if (refusal)
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_MONITOR, refusal);
    else
        g_set_error(error, NEST_ERROR, NEST_ERROR_ANSWER, "QEMU's answer to %s cannot be read",
                    command);
    return NULL;
}
