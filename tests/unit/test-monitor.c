/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMU's monitor through libvirt: what is sent, and what is read from the answer. libvirt is the test's own. */
#include "base/error.h"
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
        {"{\"return\":7}", NEST_ERROR_MONITOR, "QEMU's answer to look cannot be read"},
        {"{", NEST_ERROR_MONITOR, "QEMU's answer to look cannot be read"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        world.answer = cases[i].answer;
        g_assert_null(call_with("plain", &error));
        g_assert_error(error, NEST_ERROR, cases[i].code);
        g_assert_cmpstr(error->message, ==, cases[i].words);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/monitor/what is sent is ASCII", test_ascii);
    g_test_add_func("/monitor/what is not UTF-8 is not sent, and that is said", test_not_utf8);
    g_test_add_func("/monitor/what comes back", test_answers);
    return g_test_run();
}
