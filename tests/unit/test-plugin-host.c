/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin host, with real shared objects: what fits is used, and what does not is one line in the log. */
#include "base/log.h"
#include "check.h"
#include "plugin_host.h"

#include <unistd.h>

/* What the log was told, in one string; each line ends in its code. */
static GString *logged;
static guint lines;

static GLogWriterOutput
keep_line(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
    const char *code = "";

    (void)data;
    for (gsize i = 0; i < n; i++) {
        if (g_str_equal(fields[i].key, "MESSAGE"))
            g_string_append(logged, fields[i].value);
        else if (g_str_equal(fields[i].key, "VIRT_NEST_CODE"))
            code = fields[i].value;
    }
    g_string_append_printf(logged, " {%s %s}\n", level & G_LOG_LEVEL_WARNING ? "warning" : "other", code);
    lines++;
    return G_LOG_WRITER_HANDLED;
}

static gchar *
built_plugins(void)
{
    const char *build = g_getenv("BUILD");

    return g_build_filename(build ? build : "build", "tests/plugins", NULL);
}

/* @names: separated by spaces */
static NestPluginHost *
load_from(const char *directory, const char *names)
{
    g_auto(GStrv) list = g_strsplit(names, " ", -1);
    g_autoptr(GKeyFile) settings = g_key_file_new();

    g_key_file_set_string(settings, "good", "key", "the value");
    g_string_truncate(logged, 0);
    lines = 0;
    g_unsetenv("NEST_TEST_CALLS");
    return nest_plugin_host_load(directory, (const gchar *const *)list, settings);
}

static void
check_calls(const char *calls)
{
    g_assert_cmpstr(g_getenv("NEST_TEST_CALLS"), ==, calls);
}

static const char *
name_of(const NestPluginHost *plugins, NestPluginKind kind, guint i)
{
    const NestLoadedPlugin *loaded = nest_plugin_host_get(plugins, kind, i);

    return loaded ? loaded->plugin->name : NULL;
}

static void
test_good(void)
{
    g_autofree gchar *directory = built_plugins();
    NestPluginHost *plugins = load_from(directory, "good-guard no-start good good-export good");

    g_test_summary("plugins that fit are started in order, given by kind, and stopped in reverse order");
    g_assert_cmpstr(logged->str, ==, "");
    check_calls("start good-guard\nstart good\nstart good-export\n");
    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_PROBE, 0), ==, "no-start");
    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_PROBE, 1), ==, "good");
    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_PROBE, 2), ==, NULL);
    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_GUARD, 0), ==, "good-guard");
    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_GUARD, 1), ==, NULL);
    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_EXPORT, 0), ==, "good-export");
    g_assert_cmpstr(nest_plugin_host_get(plugins, NEST_PLUGIN_PROBE, 1)->state, ==, "the value");
    g_assert_null(nest_plugin_host_get(plugins, NEST_PLUGIN_PROBE, 0)->state);
    nest_plugin_host_free(plugins);
    check_calls("start good-guard\nstart good\nstart good-export\n"
                "stop good-export\nstop good\nstop good-guard\n");
}

/* One that is skipped, and what is said of it. */
static const struct {
    const char *name, *says;
} bad[] = {
    {"wrong-abi", "plugin ABI 5|this program has ABI 4|install both from one release"},
    {"wrong-size", "plugin ABI 4, size|install both from one release"},
    {"only-head", "plugin ABI 4, size 8, |install both from one release"},
    {"no-symbol", "not a plugin|no symbol nest_plugin"},
    {"no-name", "it contains another plugin, named ''"},
    {"wrong-name", "it contains another plugin, named 'good'"},
    {"no-kind", "no kind 0"},
    {"wrong-kind", "no kind 5"},
    {"no-sample", "no function sample()"},
    {"no-arm", "no function arm()"},
    {"no-disarm", "no function disarm()"},
    {"no-is-armed", "no function is_armed()"},
    {"no-publish", "no function publish()"},
    {"no-watch", "no function watch()"},
    {"no-unwatch", "no function unwatch()"},
    {"no-get-fd", "no function get_fd()"},
    {"no-next-entered", "no function next_entered()"},
    {"start-fails", "its key is wrong"},
    {"start-is-mute", "it does not start"},
    {"not-there", "not-there.so: No such file"},
    {"../plugins/good", "made of a-z, 0-9 and -"},
    {"good.so", "made of a-z, 0-9 and -"},
    {"Good", "made of a-z, 0-9 and -"},
    {"", "made of a-z, 0-9 and -"},
};

/* Loads @name of @directory between two of the same directory that are good: it is skipped, and they are not. */
static void
check_skipped(const char *directory, const char *name, const char *says)
{
    g_autofree gchar *names = g_strconcat("good ", name, " good-guard", NULL);
    g_autofree gchar *named = g_strdup_printf("nest: plugin '%s' is not used|[plugins] load=|[NEST-PLUGIN]", name);
    g_autoptr(NestPluginHost) plugins = load_from(directory, names);

    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_PROBE, 0), ==, "good");
    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_PROBE, 1), ==, NULL);
    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_GUARD, 0), ==, "good-guard");
    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_GUARD, 1), ==, NULL);
    g_assert_cmpstr(name_of(plugins, NEST_PLUGIN_EXPORT, 0), ==, NULL);
    g_assert_cmpuint(lines, ==, 1);
    check_says(logged->str, named);
    check_says(logged->str, "{warning NEST-PLUGIN}\n");
    check_says(logged->str, says);
}

static void
test_bad(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *directory = built_plugins();
    g_autofree gchar *started = g_strdup_printf("start %s\n", bad[i].name);
    g_autofree gchar *calls =
        g_strdup_printf("start good\n%sstart good-guard\nstop good-guard\nstop good\n",
                        g_str_has_prefix(bad[i].name, "start-") ? started : "");

    g_test_summary("one that does not fit is not even started, one that did not start is not stopped");
    check_skipped(directory, bad[i].name, bad[i].says);
    check_calls(calls);
}

static void
test_all_bad(void)
{
    g_autofree gchar *directory = built_plugins();
    g_autoptr(GString) names = g_string_new("wrong-abi");
    NestPluginHost *plugins = NULL;

    g_test_summary("nothing but bad ones, each twice: one line of each, and none is used");
    for (gsize i = 1; i < 2 * G_N_ELEMENTS(bad); i++)
        g_string_append_printf(names, " %s", bad[i % G_N_ELEMENTS(bad)].name);
    plugins = load_from(directory, names->str);
    g_assert_cmpuint(lines, ==, G_N_ELEMENTS(bad));
    for (int kind = 0; kind < NEST_PLUGIN_WATCH + 2; kind++)
        g_assert_null(nest_plugin_host_get(plugins, kind, 0));
    nest_plugin_host_free(plugins);
    nest_plugin_host_free(NULL);
}

/* A directory as $VIRT_NEST_ROOT with copies of two good plugins in it. */
static gchar *
copies_new(void)
{
    static const char *const names[] = {"good", "good-guard"};
    g_autofree gchar *built = built_plugins();
    gchar *root = check_root_new();

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree gchar *from = g_strdup_printf("%s/%s.so", built, names[i]);
        g_autofree gchar *to = g_strdup_printf("%s/%s.so", root, names[i]);
        g_autofree gchar *text = NULL;
        gsize length = 0;

        g_assert_true(g_file_get_contents(from, &text, &length, NULL));
        g_assert_true(g_file_set_contents(to, text, (gssize)length, NULL));
        g_assert_cmpint(g_chmod(to, 0644), ==, 0);
    }
    return root;
}

static void
test_no_elf(void)
{
    gchar *root = copies_new();
    g_autofree gchar *link = g_build_filename(root, "link.so", NULL);

    g_test_summary("a file that is no shared object, a directory, and a link that leads nowhere");
    check_root_write("text.so", "not ELF\n");
    check_skipped(root, "text", "text.so");
    check_root_write("directory.so/x", "");
    check_skipped(root, "directory", "directory.so");
    g_assert_cmpint(symlink("nowhere", link), ==, 0);
    check_skipped(root, "link", "link.so: No such file");
    check_root_free(root);
}

static void
check_loads(const char *directory, gboolean loads)
{
    g_autoptr(NestPluginHost) plugins = load_from(directory, "good");

    g_assert_cmpint(nest_plugin_host_get(plugins, NEST_PLUGIN_PROBE, 0) != NULL, ==, loads);
    if (!loads)
        check_says(logged->str, "plugin 'good'|others than root can write to|chmod go-w|[NEST-PLUGIN]");
}

static void
test_writers(void)
{
    gchar *root = copies_new();
    g_autofree gchar *file = g_build_filename(root, "good.so", NULL);
    gboolean careless = geteuid() != 0; /* for those without privileges there are none to be gained */

    g_test_summary("root loads nothing that others could have written");
    check_loads(root, TRUE);
    for (int mode = 0664; mode >= 0646; mode -= 0664 - 0646) {
        g_assert_cmpint(g_chmod(file, mode), ==, 0);
        check_loads(root, careless);
    }
    g_assert_cmpint(g_chmod(file, 0644), ==, 0);
    g_assert_cmpint(g_chmod(root, 0777), ==, 0);
    check_loads(root, careless);
    g_assert_cmpint(g_chmod(root, 0755), ==, 0);
    check_loads(root, TRUE);
    if (!careless) {
        g_assert_cmpint(chown(file, 65534, 65534), ==, 0);
        check_loads(root, FALSE);
    }
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    logged = g_string_new(NULL);
    g_log_set_writer_func(keep_line, NULL, NULL);
    g_test_add_func("/loader/good ones", test_good);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree gchar *sentence = g_strdelimit(g_strdup_printf("skipped: '%s'", bad[i].name), "/", '|');

        check_add_row("loader", sentence, GSIZE_TO_POINTER(i), test_bad);
    }
    g_test_add_func("/loader/only bad ones", test_all_bad);
    g_test_add_func("/loader/no shared objects", test_no_elf);
    g_test_add_func("/loader/others than root can write it", test_writers);
    return g_test_run();
}
