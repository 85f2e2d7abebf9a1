/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings: defaults, every value, the plugins, and what is refused with the file's name. */
#include "base/config.h"
#include "check.h"

#include <unistd.h>

#define FILE_BELOW_ROOT "etc/virt-nest/virt-nest.conf"

/* The defaults, but for these fields. */
#define CONFIG(...) {.interval_ms = 1000, .linger_ms = 60000, .log_level = NEST_LOG_LEVEL_INFO, __VA_ARGS__}
#define LOG(name) {.interval_ms = 1000, .linger_ms = 60000, .log_level = NEST_LOG_LEVEL_##name}
#define DEFAULT CONFIG(.on_stale = NEST_ON_STALE_REFUSE)
#define INTERVAL(ms) {.interval_ms = (ms), .linger_ms = 60000, .log_level = NEST_LOG_LEVEL_INFO}
#define LINGER(ms) {.interval_ms = 1000, .linger_ms = (ms), .log_level = NEST_LOG_LEVEL_INFO}

static const struct {
    const char *sentence;
    const char *text; /* NULL: no file */
    NestConfig config;
} taken[] = {
    {"no file is the default", NULL, DEFAULT},
    {"an empty file is the default", "", DEFAULT},
    {"comments only", "# nothing\n\n#[start]\n", DEFAULT},
    {"empty groups", "[start]\n[host]\n[guard]\n[plugins]\n", DEFAULT},
    {"on-stale refuse", "[start]\non-stale=refuse\n", DEFAULT},
    {"on-stale restart", "[start]\non-stale=restart\n", CONFIG(.on_stale = NEST_ON_STALE_RESTART)},
    {"on-stale by its former name", "[start]\noutrun=restart\n",
     CONFIG(.on_stale = NEST_ON_STALE_RESTART, .renamed = "[start] outrun= is called on-stale= now")},
    {"manage yes", "[host]\nmanage=yes\n", DEFAULT},
    {"manage no", "[host]\nmanage=no\n", CONFIG(.manage = NEST_MANAGE_NO)},
    {"release linger", "[guard]\nrelease=linger\n", DEFAULT},
    {"release strict", "[guard]\nrelease=strict\n", CONFIG(.release = NEST_RELEASE_STRICT)},
    {"all", "[host]\nmanage=no\n[start]\non-stale=restart\n[guard]\nrelease=strict\n",
     CONFIG(.on_stale = NEST_ON_STALE_RESTART, .manage = NEST_MANAGE_NO, .release = NEST_RELEASE_STRICT)},
    {"white space around the value", "[start]\n on-stale = restart \n", CONFIG(.on_stale = NEST_ON_STALE_RESTART)},
    {"no newline at the end", "[start]\non-stale=restart", CONFIG(.on_stale = NEST_ON_STALE_RESTART)},
    {"CRLF", "[start]\r\non-stale=restart\r\n", CONFIG(.on_stale = NEST_ON_STALE_RESTART)},
    {"the last of two counts", "[start]\non-stale=refuse\non-stale=restart\n", CONFIG(.on_stale = NEST_ON_STALE_RESTART)},
    {"an interval in seconds", "[guard]\ninterval=5\n", INTERVAL(5000)},
    {"an interval with decimals", "[guard]\ninterval = 0.25\n", INTERVAL(250)},
    {"the least interval", "[guard]\ninterval=0.1\n", INTERVAL(100)},
    {"the longest interval", "[guard]\ninterval=60\n", INTERVAL(60000)},
    {"an interval with zeros", "[guard]\ninterval=0060.000\n", INTERVAL(60000)},
    {"an interval that is rounded", "[guard]\ninterval=1.0006\n", INTERVAL(1001)},
    {"no linger", "[guard]\nlinger=0\n", LINGER(0)},
    {"linger with decimals", "[guard]\nlinger=2.5\n", LINGER(2500)},
    {"the longest linger", "[guard]\nlinger=86400\n", LINGER(86400000)},
    {"log level warning", "[log]\nlevel=warning\n", LOG(WARNING)},
    {"log level notice", "[log]\nlevel=notice\n", LOG(NOTICE)},
    {"log level info", "[log]\nlevel=info\n", DEFAULT},
    {"log level debug", "[log]\nlevel=debug\n", LOG(DEBUG)},
    {"what is for the plugins", "[plugins]\nload=a b\nx=1\n[probe-debugfs]\nx=1\n[guard-x]\n[export-y]\nz\xc3\xa4=1\n",
     DEFAULT},
};

static const struct {
    const char *sentence, *text, *says;
} refused[] = {
    {"an unknown value", "[start]\non-stale=retry\n", "[start] on-stale=retry|refuse, restart"},
    {"a wrong value of a former name", "[start]\noutrun=retry\n", "[start] on-stale=retry|refuse, restart"},
    {"a former name in another group", "[host]\noutrun=restart\n", "[host] outrun|virt-nest.conf(5)"},
    {"an empty value", "[start]\non-stale=\n", "[start] on-stale=|refuse, restart"},
    {"a value in capitals", "[start]\non-stale=Restart\n", "on-stale=Restart|refuse, restart"},
    {"a comment after the value", "[start]\non-stale=restart # x\n", "on-stale=restart # x|refuse, restart"},
    {"an unknown key", "[start]\noutrum=restart\n", "[start] outrum|virt-nest.conf(5)"},
    {"a key in capitals", "[start]\nOn-stale=restart\n", "[start] On-stale|virt-nest.conf(5)"},
    {"a translated key", "[start]\non-stale[de]=restart\n", "[start] on-stale[de]|virt-nest.conf(5)"},
    {"an unknown group", "[starts]\non-stale=restart\n", "[starts]|virt-nest.conf(5)"},
    {"an unknown group without keys", "[starts]\n", "[starts]|virt-nest.conf(5)"},
    {"a key of another group", "[host]\non-stale=restart\n", "[host] on-stale|virt-nest.conf(5)"},
    {"a value of another key", "[host]\nmanage=restart\n", "[host] manage=restart|yes, no"},
    {"a boolean in other words", "[host]\nmanage=false\n", "[host] manage=false|yes, no"},
    {"a good key and a bad one", "[start]\non-stale=restart\nx=1\n", "[start] x"},
    {"a key without group", "on-stale=restart\n", "cannot be read"},
    {"no equals sign", "[start]\non-stale\n", "cannot be read"},
    {"a group that is not closed", "[start\non-stale=restart\n", "cannot be read"},
    {"no UTF-8", "[start]\non-stale=\xe4\n", "on-stale"},
    {"an unknown release", "[guard]\nrelease=never\n", "[guard] release=never|linger, strict"},
    {"an unknown key of the guard", "[guard]\nlingers=1\n", "[guard] lingers|virt-nest.conf(5)"},
    {"a group that only begins like the guard's", "[guards]\n", "[guards]|virt-nest.conf(5)"},
    {"a group that only begins like the plugins'", "[plugin]\n", "[plugin]|virt-nest.conf(5)"},
    {"a plugin of an unknown kind", "[prober-x]\n", "[prober-x]|virt-nest.conf(5)"},
    {"an interval of nothing", "[guard]\ninterval=\n", "[guard] interval=|seconds, from 0.1 to 60"},
    {"an interval of 0", "[guard]\ninterval=0\n", "[guard] interval=0|seconds, from 0.1 to 60"},
    {"an interval that is too short", "[guard]\ninterval=0.0999\n", "interval=0.0999|from 0.1 to 60"},
    {"an interval that is too long", "[guard]\ninterval=60.001\n", "interval=60.001|from 0.1 to 60"},
    {"a negative interval", "[guard]\ninterval=-1\n", "interval=-1|from 0.1 to 60"},
    {"an interval with a sign", "[guard]\ninterval=+1\n", "interval=+1|from 0.1 to 60"},
    {"an interval that is no number", "[guard]\ninterval=nan\n", "interval=nan|from 0.1 to 60"},
    {"an interval without end", "[guard]\ninterval=inf\n", "interval=inf|from 0.1 to 60"},
    {"an interval in hex", "[guard]\ninterval=0x10\n", "interval=0x10|from 0.1 to 60"},
    {"an interval with an exponent", "[guard]\ninterval=1e1\n", "interval=1e1|from 0.1 to 60"},
    {"an interval with a unit", "[guard]\ninterval=1s\n", "interval=1s|from 0.1 to 60"},
    {"an interval with a comma", "[guard]\ninterval=0,5\n", "interval=0,5|from 0.1 to 60"},
    {"an interval with two points", "[guard]\ninterval=1.2.3\n", "interval=1.2.3|from 0.1 to 60"},
    {"an interval that is a point", "[guard]\ninterval=.\n", "interval=.|from 0.1 to 60"},
    {"two intervals", "[guard]\ninterval=1 2\n", "interval=1 2|from 0.1 to 60"},
    {"a linger that is too long", "[guard]\nlinger=86400.001\n", "[guard] linger=86400.001|seconds, from 0 to 86400"},
    {"a linger of many digits", "[guard]\nlinger=99999999999999999999999\n", "from 0 to 86400"},
    {"a linger of nothing", "[guard]\nlinger=\n", "[guard] linger=|from 0 to 86400"},
    {"a negative linger", "[guard]\nlinger=-0\n", "[guard] linger=-0|from 0 to 86400"},
    {"a misspelled group", "[strat]\n", "[strat]|(did you mean 'start'?)"},
    {"a misspelled group of plugins", "[plugns]\n", "[plugns]|(did you mean 'plugins'?)"},
    {"a misspelled key", "[start]\non-stlae=restart\n", "[start] on-stlae|(did you mean 'on-stale'?)"},
    {"a misspelled value", "[guard]\nrelease=strit\n", "release=strit|(did you mean 'strict'?)"},
    {"an unknown log level", "[log]\nlevel=verbose\n", "[log] level=verbose|warning, notice, info, debug"},
    {"an unknown key of the log", "[log]\nlevels=debug\n", "[log] levels|virt-nest.conf(5)"},
    {"a linger in words", "[guard]\nlinger=strict\n", "linger=strict|from 0 to 86400"},
};

static const struct {
    const char *sentence;
    const char *text;  /* NULL: no file */
    const char *names; /* with a space between two */
} loaded[] = {
    {"no file is the default", NULL, NEST_PLUGINS},
    {"an empty group is the default", "[plugins]\n", NEST_PLUGINS},
    {"one", "[plugins]\nload=probe-debugfs\n", "probe-debugfs"},
    {"none", "[plugins]\nload=\n", ""},
    {"with spaces, in order", "[plugins]\nload = b  a c2 \n", "b a c2"},
    {"with commas", "[plugins]\nload=b,a , c\n", "b a c"},
    {"CRLF", "[plugins]\r\nload=a b\r\n", "a b"},
    {"with tabs", "[plugins]\nload=b\ta\n", "b a"},
    {"other groups do not matter", "[start]\non-stale=maybe\n[plugins]\nload=a\n[probe-x]\n", "a"},
};

static const struct {
    const char *sentence, *text, *says;
} not_loaded[] = {
    {"a path", "[plugins]\nload=a ../b\n", "[plugins] load=a ../b|'../b'|guard-blocker"},
    {"a file's name", "[plugins]\nload=probe-debugfs.so\n", "'probe-debugfs.so'|probe-debugfs"},
    {"capitals", "[plugins]\nload=Probe-debugfs\n", "'Probe-debugfs'"},
    {"an underscore", "[plugins]\nload=probe_debugfs\n", "'probe_debugfs'"},
    {"semicolons", "[plugins]\nload=a;b\n", "'a;b'"},
    {"no UTF-8", "[plugins]\nload=\xe4\n", "load"},
    {"an escape sequence", "[plugins]\nload=a\x1b[2J\n", "load"},
    {"an unknown key", "[plugins]\nloads=a\n", "[plugins] loads|virt-nest.conf(5)"},
    {"an unknown key beside", "[plugins]\nload=a\nload[de]=b\n", "[plugins] load[de]|virt-nest.conf(5)"},
    {"a file that is none", "load=a\n", "cannot be read"},
};

static const NestConfig unset = {(NestOnStale)42, (NestManage)42, (NestUntagged)42, (NestRelease)42, 42, 42, (NestLogLevel)42, "42"};

static void
check_equal(const NestConfig *a, const NestConfig *b)
{
    g_assert_cmpint(a->on_stale, ==, b->on_stale);
    g_assert_cmpint(a->manage, ==, b->manage);
    g_assert_cmpint(a->release, ==, b->release);
    g_assert_cmpuint(a->interval_ms, ==, b->interval_ms);
    g_assert_cmpuint(a->linger_ms, ==, b->linger_ms);
    g_assert_cmpint(a->log_level, ==, b->log_level);
    g_assert_cmpstr(a->renamed, ==, b->renamed);
}

static void
test_default(void)
{
    const NestConfig config = NEST_CONFIG_DEFAULT;

    g_test_summary("what holds without a file is what the tests take for it");
    check_equal(&config, &taken[0].config);
}

static void
test_taken(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    NestConfig config = unset;

    if (taken[i].text)
        check_root_write(FILE_BELOW_ROOT, taken[i].text);
    g_assert_true(nest_config_load(&config, &error));
    g_assert_no_error(error);
    check_equal(&config, &taken[i].config);
    check_root_free(root);
}

static void
check_refused(const char *says)
{
    g_autoptr(GError) error = NULL;
    NestConfig config = unset;

    g_assert_false(nest_config_load(&config, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_CONFIG);
    check_says(error->message, "/etc/virt-nest/virt-nest.conf");
    check_says(error->message, says);
    check_equal(&config, &unset);
}

static void
test_refused(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();

    check_root_write(FILE_BELOW_ROOT, refused[i].text);
    check_refused(refused[i].says);
    check_root_free(root);
}

static void
test_loaded(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(GKeyFile) settings = NULL;
    g_auto(GStrv) names = NULL;
    g_autofree gchar *joined = NULL;

    if (loaded[i].text)
        check_root_write(FILE_BELOW_ROOT, loaded[i].text);
    names = nest_config_plugins(&settings, &error);
    g_assert_no_error(error);
    g_assert_nonnull(names);
    g_assert_nonnull(settings);
    joined = g_strjoinv(" ", names);
    g_assert_cmpstr(joined, ==, loaded[i].names);
    g_assert_false(g_strv_contains((const char *const *)names, ""));
    check_root_free(root);
}

static void
test_not_loaded(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    GKeyFile *settings = NULL;

    check_root_write(FILE_BELOW_ROOT, not_loaded[i].text);
    g_assert_null(nest_config_plugins(&settings, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_CONFIG);
    check_says(error->message, "/etc/virt-nest/virt-nest.conf");
    check_says(error->message, not_loaded[i].says);
    g_assert_null(settings);
    check_root_free(root);
}

static void
test_plugin_settings(void)
{
    gchar *root = check_root_new();
    g_autoptr(GKeyFile) settings = NULL;
    g_auto(GStrv) names = NULL;
    g_autofree gchar *value = NULL;

    g_test_summary("a plugin finds its own group in the settings");
    check_root_write(FILE_BELOW_ROOT, "[plugins]\nload=export-textfile\n[export-textfile]\nfile=/tmp/x\n");
    names = nest_config_plugins(&settings, NULL);
    g_assert_nonnull(names);
    value = g_key_file_get_value(settings, "export-textfile", "file", NULL);
    g_assert_cmpstr(value, ==, "/tmp/x");
    check_root_free(root);
}

/* Its comments that are settings, taken; the plugins are filled in as make install does. */
static gchar *
read_shipped(void)
{
    g_autofree gchar *path = check_source_path("install/config/virt-nest.conf");
    g_autofree gchar *text = NULL;
    g_auto(GStrv) parts = NULL;
    g_autofree gchar *filled = NULL;
    g_autoptr(GRegex) setting = g_regex_new("^#([a-z]+=)", G_REGEX_MULTILINE, 0, NULL);

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    parts = g_strsplit(text, "@PLUGINS@", -1);
    g_assert_cmpuint(g_strv_length(parts), ==, 2);
    filled = g_strjoinv(NEST_PLUGINS, parts);
    return g_regex_replace(setting, filled, -1, 0, "\\1", 0, NULL);
}

static void
test_shipped(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *text = read_shipped();
    g_autoptr(GKeyFile) nothing = NULL;
    g_autoptr(GKeyFile) settings = NULL;
    g_auto(GStrv) expected = nest_config_plugins(&nothing, NULL);
    g_auto(GStrv) names = NULL;
    const NestConfig defaults = NEST_CONFIG_DEFAULT;
    NestConfig config = unset;

    g_test_summary("what the shipped file says is the default");
    check_root_write(FILE_BELOW_ROOT, text);
    g_assert_true(nest_config_load(&config, NULL));
    check_equal(&config, &defaults);
    names = nest_config_plugins(&settings, NULL);
    g_assert_true(g_key_file_has_key(settings, "plugins", "load", NULL));
    g_assert_true(g_strv_equal((const gchar *const *)names, (const gchar *const *)expected));
    check_root_free(root);
}

static void
test_directory(void)
{
    gchar *root = check_root_new();

    g_test_summary("a file that cannot be read is not the same as no file");
    check_root_write(FILE_BELOW_ROOT "/x", "");
    check_refused("cannot be read|remove it");
    check_root_free(root);
}

static void
test_no_permission(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *file = g_build_filename(root, FILE_BELOW_ROOT, NULL);

    g_test_summary("a file nobody may read is an error, as an ordinary user");
    check_root_write(FILE_BELOW_ROOT, "[start]\n");
    g_assert_cmpint(g_chmod(file, 0), ==, 0);
    g_assert_cmpint(g_chmod(root, 0755), ==, 0);
    if (geteuid() == 0) {
        g_assert_cmpint(seteuid(65534), ==, 0); /* root may read everything */
        check_refused("cannot be read");
        g_assert_cmpint(seteuid(0), ==, 0);
    } else {
        check_refused("cannot be read");
    }
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(taken); i++)
        check_add_row("config/taken", taken[i].sentence, GSIZE_TO_POINTER(i), test_taken);
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++)
        check_add_row("config/refused", refused[i].sentence, GSIZE_TO_POINTER(i), test_refused);
    for (gsize i = 0; i < G_N_ELEMENTS(loaded); i++)
        check_add_row("config/plugins", loaded[i].sentence, GSIZE_TO_POINTER(i), test_loaded);
    for (gsize i = 0; i < G_N_ELEMENTS(not_loaded); i++)
        check_add_row("config/no plugins", not_loaded[i].sentence, GSIZE_TO_POINTER(i), test_not_loaded);
    g_test_add_func("/config/a plugin's own settings", test_plugin_settings);
    g_test_add_func("/config/the default", test_default);
    g_test_add_func("/config/the shipped file", test_shipped);
    g_test_add_func("/config/a directory in its place is refused", test_directory);
    g_test_add_func("/config/no permission is refused", test_no_permission);
    return g_test_run();
}
