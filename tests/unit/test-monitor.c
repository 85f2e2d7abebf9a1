/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMU's monitor through libvirt: what is sent, and what is read from the answer. libvirt is the test's own. */
#include "base/error.h"
#include "monitor-answer.h"
#include "monitor.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>

static struct {
    gchar *sent;        /* the last command; NULL: none */
    const char *answer; /* NULL: libvirt has none */
} world;

int
virDomainQemuMonitorCommand(virDomainPtr domain, const char *command, char **ret_text, unsigned int flags)
{
    (void)domain, (void)flags;
    g_free(world.sent);
    world.sent = g_strdup(command);
    *ret_text = g_strdup(world.answer);
    return world.answer ? 0 : -1;
}

const char *
virGetLastErrorMessage(void)
{
    return "no answer";
}

static JsonNode *
call_with(const char *name, GError **error)
{
    JsonObject *object = json_object_new();
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);

    json_object_set_string_member(object, "filename", name);
    json_node_take_object(node, object);
    return nest_monitor_call(NULL, "look", node, error);
}

static void
test_ascii(void)
{
    static const struct {
        const char *name;
        const char *sent;
    } cases[] = {
        {"plain \"\\\x7f", "plain \\\"\\\\\\u007f"},
        {"gr\xc3\xbcn", "gr\\u00fcn"},
        {"\xd0\xb8\xd0\xbc\xd1\x8f", "\\u0438\\u043c\\u044f"},
        {"\xe5\x90\x8d\xe5\x89\x8d", "\\u540d\\u524d"},
        {"e\xcc\x81", "e\\u0301"},
        {"\xd7\xa9\xd7\x9c", "\\u05e9\\u05dc"},
        {"\xef\xbf\xbf", "\\uffff"},
        {"\xf0\x90\x80\x80", "\\ud800\\udc00"},
        {"\xf0\x9f\x90\xa7", "\\ud83d\\udc27"},
        {"\xf4\x8f\xbf\xbf", "\\udbff\\udfff"},
    };

    world.answer = "{\"return\":{}}";
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *expected = g_strdup_printf(
            "{\"execute\":\"look\",\"arguments\":{\"filename\":\"%s\"}}", cases[i].sent);
        g_autoptr(JsonNode) result = call_with(cases[i].name, NULL);

        g_assert_nonnull(result);
        g_assert_cmpstr(world.sent, ==, expected);
        g_assert_true(g_str_is_ascii(world.sent));
    }
}

static void
test_not_utf8(void)
{
    static const char *const names[] = {"\xff", "cut \xe5\x90", "\xed\xa0\x80"};

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;

        g_clear_pointer(&world.sent, g_free);
        g_assert_null(call_with(names[i], &error));
        g_assert_error(error, NEST_ERROR, NEST_ERROR_MONITOR);
        g_assert_nonnull(strstr(error->message, "is not UTF-8"));
        g_assert_null(world.sent);
    }
}

static void
test_answers(void)
{
    static const struct {
        const char *answer;
        int code;
        const char *words;
    } cases[] = {
        {NULL, NEST_ERROR_LIBVIRT, "cannot ask QEMU's monitor: no answer"},
        {"{\"error\":{\"desc\":\"not for gr\xc3\xbcn\"}}", NEST_ERROR_MONITOR, "not for gr\xc3\xbcn"},
        {"{\"return\":7}", NEST_ERROR_ANSWER, "QEMU's answer to look cannot be read"},
        {"{", NEST_ERROR_ANSWER, "QEMU's answer to look cannot be read"},
        {"", NEST_ERROR_ANSWER, "QEMU's answer to look cannot be read"},
        {"\"", NEST_ERROR_ANSWER, "QEMU's answer to look cannot be read"},
        {"]{\"return\":{}}", NEST_ERROR_ANSWER, "QEMU's answer to look cannot be read"},
        {"/* \" */{\"return\":{}}", NEST_ERROR_ANSWER, "QEMU's answer to look cannot be read"},
        {"{'return':{}}", NEST_ERROR_ANSWER, "QEMU's answer to look cannot be read"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        world.answer = cases[i].answer;
        g_assert_null(call_with("plain", &error));
        g_assert_error(error, NEST_ERROR, cases[i].code);
        g_assert_cmpstr(error->message, ==, cases[i].words);
    }
}

/* (transfer full) An answer with a list of so many pieces, and white space after it up to so many bytes. */
static gchar *
make_answer(guint pieces, const char *piece, gsize bytes)
{
    GString *answer = g_string_new("{\"return\":[");

    for (guint i = 0; i < pieces; i++)
        g_string_append_printf(answer, "%s%s", i ? "," : "", piece);
    g_string_append(answer, "]}");
    while (answer->len < bytes)
        g_string_append_c(answer, ' ');
    return g_string_free(answer, FALSE);
}

static void
check_answer(const char *command, const char *answer, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) result = nest_monitor_answer_read(command, answer, &error);

    g_assert_cmpint(result != NULL, ==, words == NULL);
    if (!words)
        return;
    g_assert_error(error, NEST_ERROR, NEST_ERROR_ANSWER);
    g_assert_true(g_str_has_prefix(error->message, words));
    g_assert_nonnull(strstr(error->message, "virsh qemu-monitor-command"));
}

/* A list of N numbers counts as N + 2: the object, the list, and what they are separated by; the first comes after a
 * bracket. */
static void
test_limits(void)
{
    static const struct {
        const char *command;
        gsize bytes;
        guint values;
    } cases[] = {
        {"query-migrate", 65536, 4096},
        {"query-named-block-nodes", 2097152, 49152},
        {"blockdev-add", 65536, 256},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint most = cases[i].values - 2;
        g_autofree gchar *largest = make_answer(most, "7", cases[i].bytes);
        g_autofree gchar *longer = make_answer(most, "7", cases[i].bytes + 1);
        g_autofree gchar *larger = make_answer(most + 1, "7", 0);
        g_autofree gchar *length = g_strdup_printf("QEMU's answer to %s has %" G_GSIZE_FORMAT
                                                   " bytes, and no more than %" G_GSIZE_FORMAT " are read; ",
                                                   cases[i].command, cases[i].bytes + 1, cases[i].bytes);
        g_autofree gchar *values =
            g_strdup_printf("QEMU's answer to %s has %u values, and no more than %u are read; ", cases[i].command,
                            cases[i].values + 1, cases[i].values);

        check_answer(cases[i].command, largest, NULL);
        check_answer(cases[i].command, longer, length);
        check_answer(cases[i].command, larger, values);
    }
}

static void
test_depth(void)
{
    g_autofree gchar *deep = g_strnfill(100000, '[');
    g_autofree gchar *hidden = g_strconcat("{\"a\":\"\\\"\",\"return\":", deep, NULL);
    g_autoptr(GError) error = NULL;

    g_test_summary("json-glib parses by recursion: what is deep is not given to it, whatever stands in front");
    g_assert_null(nest_monitor_answer_read("query-named-block-nodes", hidden, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_ANSWER);
}

static void
test_human(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *fits = NULL;

    world.answer = "1234";
    fits = nest_monitor_human(NULL, "info look", 4, &error);
    g_assert_cmpstr(fits, ==, "1234");
    g_assert_null(nest_monitor_human(NULL, "info look", 3, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_ANSWER);
    g_assert_nonnull(strstr(error->message, "info look has 4 bytes, and no more than 3"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/monitor/what is sent is ASCII", test_ascii);
    g_test_add_func("/monitor/what is not UTF-8 is not sent, and that is said", test_not_utf8);
    g_test_add_func("/monitor/what comes back", test_answers);
    g_test_add_func("/monitor/what is longer or has more values is not parsed", test_limits);
    g_test_add_func("/monitor/what is deep is not parsed", test_depth);
    g_test_add_func("/monitor/what the human monitor says is bounded", test_human);
    return g_test_run();
}
