/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The export for Prometheus: what is in its file, by a strict reading of the format, and how it gets there. */
#include "check.h"
#include "plugin_host.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEBIAN "var/lib/prometheus/node-exporter"
#define OTHERS "var/lib/node_exporter/textfile_collector"
#define FILE_NAME "virt_nest.prom"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define OTHER "6695eb01-f6a4-8304-79aa-97f2502e1930"

static const NestGuest one = {"lab1", UUID, 1, 100, TRUE, "svm", 1};
static const NestGuest two = {"lab 2", OTHER, 2, 200, FALSE, "svm", 1};

/* With a setting, unless it is NULL. */
static NestPluginHost *
load_with(const char *key, const char *value)
{
    const char *build = g_getenv("BUILD");
    g_autofree gchar *plugins = g_build_filename(build ? build : "build", "plugins", NULL);
    g_autoptr(GKeyFile) settings = g_key_file_new();

    if (value)
        g_key_file_set_string(settings, "export-textfile", key, value);
    return nest_plugin_host_load(plugins, (const gchar *const[]){"export-textfile", NULL}, settings);
}

/* @directory: (nullable) */
static NestPluginHost *
load(const char *directory)
{
    return load_with("directory", directory);
}

static gboolean
publish(const NestPluginHost *plugins, const NestDomainStatus *shown, gsize n, GError **error)
{
    const NestLoadedPlugin *loaded = nest_plugin_host_get(plugins, NEST_PLUGIN_EXPORT, 0);

    g_assert_nonnull(loaded);
    return loaded->plugin->publish(loaded->state, shown, n, error);
}

static void
check_publishes(const NestPluginHost *plugins, const NestDomainStatus *shown, gsize n)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(publish(plugins, shown, n, &error));
    g_assert_no_error(error);
}

static gchar *
path_of(const char *directory, const char *name)
{
    return g_build_filename(g_getenv("VIRT_NEST_ROOT"), directory, name, NULL);
}

static void
make_directory(const char *directory)
{
    g_autofree gchar *path = path_of(directory, NULL);

    g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
}

/* One line of a sample, as the format's grammar has it: "name{label="value",...} number". */
#define SAMPLE                                                                                                         \
    "^([a-z_]+)\\{[a-z]+=\"(?:[^\"\\\\\n]|\\\\[\\\\\"n])*\"(?:,[a-z]+=\"(?:[^\"\\\\\n]|\\\\[\\\\\"n])*\")*\\} "        \
    "[0-9]+(?:\\.[0-9]+)?(?:e[+-][0-9]+)?$"

static void
check_sample(const char *line, const char *metric, GHashTable *seen)
{
    g_autoptr(GRegex) grammar = g_regex_new(SAMPLE, G_REGEX_DOLLAR_ENDONLY, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    g_autofree gchar *name = NULL;

    if (!g_regex_match(grammar, line, 0, &match))
        g_error("not a sample: %s", line);
    name = g_match_info_fetch(match, 1);
    g_assert_cmpstr(name, ==, metric);
    g_assert_true(g_hash_table_add(seen, g_strndup(line, strlen(line) - strlen(strrchr(line, ' ')))));
}

/* Each metric once: HELP, TYPE gauge, its samples, each with other labels; the last line ends too. */
static void
check_format(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree gchar *metric = NULL;

    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (gsize i = 0; *lines[i] || lines[i + 1]; i++) {
        if (g_str_has_prefix(lines[i], "# HELP ")) {
            g_auto(GStrv) words = g_strsplit(lines[i], " ", 4);
            g_autofree gchar *type = g_strdup_printf("# TYPE %s gauge", words[2]);

            g_assert_cmpstr(lines[++i], ==, type);
            g_assert_true(g_hash_table_add(seen, g_strdup(words[2])));
            g_free(metric);
            metric = g_strdup(words[2]);
        } else {
            check_sample(lines[i], metric, seen);
        }
    }
}

/* (transfer full) The file's text, whose form is checked. */
static gchar *
read_metrics(const char *directory)
{
    g_autofree gchar *path = path_of(directory, FILE_NAME);
    g_autoptr(GError) error = NULL;
    gchar *text = NULL;

    (void)g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    check_format(text);
    return text;
}

/* Exactly these samples, in this order, comments left out. */
static void
check_metrics(const char *directory, const char *samples)
{
    g_autofree gchar *text = read_metrics(directory);
    g_autoptr(GRegex) comment = g_regex_new("^#.*\n", G_REGEX_MULTILINE, 0, NULL);
    g_autofree gchar *bare = g_regex_replace_literal(comment, text, -1, 0, "", 0, NULL);

    g_assert_cmpstr(bare, ==, samples);
}

#define COUNTS(off, armed, lifted, failed)                                                                             \
    "virt_nest_guards{state=\"off\"} " off "\nvirt_nest_guards{state=\"armed\"} " armed                                \
    "\nvirt_nest_guards{state=\"lifted\"} " lifted "\nvirt_nest_guards{state=\"failed\"} " failed "\n"
#define GUARD(labels, off, armed, lifted, failed)                                                                      \
    "virt_nest_guard{" labels ",state=\"off\"} " off "\nvirt_nest_guard{" labels ",state=\"armed\"} " armed            \
    "\nvirt_nest_guard{" labels ",state=\"lifted\"} " lifted "\nvirt_nest_guard{" labels ",state=\"failed\"} " failed  \
    "\n"
#define ONE "domain=\"lab1\",uuid=\"" UUID "\""
#define TWO "domain=\"lab 2\",uuid=\"" OTHER "\""

static void
test_two(void)
{
    gchar *root = check_root_new();
    const NestVerdict busy = {.state = NEST_VERDICT_RUNNING, .reason = NEST_REASON_ENTRIES, .rate = 1234.5};
    const NestVerdict tcg = {.state = NEST_VERDICT_NONE, .reason = NEST_REASON_CLEAR};
    const NestDomainStatus shown[] = {{&one, &busy, NEST_GUARD_ARMED, "probe-debugfs", NULL},
                               {&two, &tcg, NEST_GUARD_OFF, "probe-registers", NULL}};
    NestPluginHost *plugins = load(NULL);

    g_test_summary("all metrics of two domains, and of none when it ends");
    make_directory(DEBIAN);
    check_publishes(plugins, shown, 2);
    check_metrics(DEBIAN, "virt_nest_guests_running{" ONE ",reason=\"entries\"} 1\n"
                          "virt_nest_guests_running{" TWO ",reason=\"clear\"} 0\n"
                          "virt_nest_entries_per_second{" ONE "} 1234.5\n"
                          "virt_nest_entries_per_second{" TWO "} 0\n"
                          GUARD(ONE, "0", "1", "0", "0") GUARD(TWO, "1", "0", "0", "0") COUNTS("1", "1", "0", "0"));
    check_publishes(plugins, NULL, 0);
    check_metrics(DEBIAN, COUNTS("0", "0", "0", "0"));
    nest_plugin_host_free(plugins);
    check_root_free(root);
}

/* What is unknown is left out. */
static const struct {
    const char *sentence;
    NestVerdict verdict;
    NestGuardState guard;
    const char *metrics;
} verdicts[] = {
    {"nothing is known", {0}, NEST_GUARD_OFF, GUARD(ONE, "1", "0", "0", "0") COUNTS("1", "0", "0", "0")},
    {"entries cannot be counted", {.state = NEST_VERDICT_RUNNING, .reason = NEST_REASON_BIT}, NEST_GUARD_FAILED,
     "virt_nest_guests_running{" ONE ",reason=\"bit\"} 1\n" GUARD(ONE, "0", "0", "0", "1") COUNTS("0", "0", "0", "1")},
    {"the last sample said nothing", {.state = NEST_VERDICT_RUNNING, .reason = NEST_REASON_LINGER, .rate = 5, .silent = TRUE},
     NEST_GUARD_LIFTED,
     "virt_nest_guests_running{" ONE ",reason=\"linger\"} 1\n" GUARD(ONE, "0", "0", "1", "0") COUNTS("0", "0", "1", "0")},
    {"very many entries", {.state = NEST_VERDICT_RUNNING, .reason = NEST_REASON_ALWAYS, .rate = 12345678}, NEST_GUARD_ARMED,
     "virt_nest_guests_running{" ONE ",reason=\"always\"} 1\nvirt_nest_entries_per_second{" ONE "} 1.23457e+07\n"
     GUARD(ONE, "0", "1", "0", "0") COUNTS("0", "1", "0", "0")},
};

static void
test_verdict(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    const NestDomainStatus shown = {&one, &verdicts[i].verdict, verdicts[i].guard, NULL, NULL};
    g_autoptr(NestPluginHost) plugins = load(NULL);

    make_directory(DEBIAN);
    check_publishes(plugins, &shown, 1);
    check_metrics(DEBIAN, verdicts[i].metrics);
    check_root_free(root);
}

static void
test_names(void)
{
    static const struct {
        const char *name, *label;
    } names[] = {
        {"a\"} 1\nvirt_nest_guards{state=\"armed", "a\\\"} 1\\nvirt_nest_guards{state=\\\"armed"},
        {"back\\slash\\", "back\\\\slash\\\\"},
        {"\\n", "\\\\n"},
        {"Prüfstand 試験", "Prüfstand 試験"},
        {"no \xff UTF-8", "no \xef\xbf\xbd UTF-8"},
        {"", ""},
    };
    gchar *root = check_root_new();
    const NestVerdict verdict = {.state = NEST_VERDICT_NONE, .reason = NEST_REASON_NEVER};
    g_autoptr(NestPluginHost) plugins = load(NULL);

    g_test_summary("whatever its name is, a domain has its own lines and nothing else");
    make_directory(DEBIAN);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        const NestGuest guest = {names[i].name, UUID, 1, 1, TRUE, "svm", 1};
        const NestDomainStatus shown = {&guest, &verdict, NEST_GUARD_OFF, NULL, NULL};
        g_autofree gchar *line =
            g_strdup_printf("\nvirt_nest_guests_running{domain=\"%s\",uuid=\"" UUID "\",reason=\"never\"} 0\n", names[i].label);
        g_autofree gchar *text = NULL;

        check_publishes(plugins, &shown, 1);
        text = read_metrics(DEBIAN);
        check_says(text, line);
    }
    check_root_free(root);
}

static void
check_directory_used(const char *setting, const char *used)
{
    NestPluginHost *plugins = load(setting);
    const char *const directories[] = {DEBIAN, OTHERS, "srv/metrics"};

    check_publishes(plugins, NULL, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(directories); i++) {
        g_autofree gchar *path = path_of(directories[i], FILE_NAME);

        g_assert_cmpint(g_file_test(path, G_FILE_TEST_EXISTS), ==, g_strcmp0(directories[i], used) == 0);
        (void)g_unlink(path);
    }
    nest_plugin_host_free(plugins);
}

static void
test_directories(void)
{
    gchar *root = check_root_new();

    g_test_summary("the directory is the one that is set, else the first usual one, else none");
    check_directory_used(NULL, NULL);
    make_directory(OTHERS);
    check_directory_used(NULL, OTHERS);
    make_directory(DEBIAN);
    check_directory_used(NULL, DEBIAN);
    make_directory("srv/metrics");
    check_directory_used("/srv/metrics", "srv/metrics");
    check_root_free(root);
}

static void
test_no_directory(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestPluginHost) plugins = load("/srv/missing");
    g_autoptr(GError) error = NULL;

    g_test_summary("a directory that is set and missing is an error, until it is there");
    make_directory(DEBIAN);
    g_assert_false(publish(plugins, NULL, 0, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_IO);
    check_says(error->message, "cannot write|/srv/missing/virt_nest.prom|No such file");
    make_directory("srv/missing");
    check_publishes(plugins, NULL, 0);
    check_metrics("srv/missing", COUNTS("0", "0", "0", "0"));
    check_root_free(root);
}

static struct stat
status_of(const char *path)
{
    struct stat status;

    g_assert_cmpint(lstat(path, &status), ==, 0);
    return status;
}

static void
test_replaced(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = path_of(DEBIAN, FILE_NAME);
    g_autofree gchar *new = path_of(DEBIAN, FILE_NAME ".new");
    g_autofree gchar *elsewhere = path_of("elsewhere", NULL);
    const NestVerdict verdict = {.state = NEST_VERDICT_NONE, .reason = NEST_REASON_NEVER};
    const NestDomainStatus shown = {&one, &verdict, NEST_GUARD_OFF, NULL, NULL};
    g_autoptr(NestPluginHost) plugins = load(NULL);
    mode_t mask = umask(077);
    ino_t first = 0;

    g_test_summary("the file is replaced as a whole, for all to read, only if something changed, and through no link");
    umask(022);
    make_directory(DEBIAN);
    umask(077);
    check_root_write("elsewhere", "precious");
    g_assert_cmpint(symlink(elsewhere, path), ==, 0);
    g_assert_cmpint(symlink(elsewhere, new), ==, 0);
    check_publishes(plugins, NULL, 0);
    g_assert_cmpint(status_of(path).st_mode, ==, S_IFREG | 0644);
    g_assert_cmpint(status_of(elsewhere).st_size, ==, strlen("precious"));
    first = status_of(path).st_ino;
    check_publishes(plugins, NULL, 0);
    g_assert_cmpint(status_of(path).st_ino, ==, first);
    check_publishes(plugins, &shown, 1);
    g_assert_cmpint(status_of(path).st_ino, !=, first);
    g_assert_cmpint(g_unlink(path), ==, 0);
    check_publishes(plugins, &shown, 1); /* nothing changed, but somebody took it away */
    g_assert_cmpint(status_of(path).st_mode, ==, S_IFREG | 0644);
    g_assert_false(g_file_test(new, G_FILE_TEST_EXISTS));
    umask(mask);
    check_root_free(root);
}

static GLogWriterOutput
keep_message(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer message)
{
    (void)level;
    for (gsize i = 0; i < n; i++)
        if (g_str_equal(fields[i].key, "MESSAGE"))
            g_string_assign(message, fields[i].value);
    return G_LOG_WRITER_HANDLED;
}

static void
test_settings(gconstpointer message)
{
    g_autoptr(NestPluginHost) relative = load("srv/metrics");
    g_autoptr(NestPluginHost) unknown = NULL;

    g_test_summary("a relative directory, or a key that does not exist, keeps it from being used");
    g_assert_null(nest_plugin_host_get(relative, NEST_PLUGIN_EXPORT, 0));
    check_says(((const GString *)message)->str,
               "[export-textfile] directory=srv/metrics is not an absolute path|[NEST-PLUGIN]");
    unknown = load_with("folder", "/srv/metrics");
    g_assert_null(nest_plugin_host_get(unknown, NEST_PLUGIN_EXPORT, 0));
    check_says(((const GString *)message)->str, "[export-textfile] folder is not a setting|[NEST-PLUGIN]");
}

int
main(int argc, char **argv)
{
    g_autoptr(GString) message = g_string_new(NULL);

    g_test_init(&argc, &argv, NULL);
    g_log_set_writer_func(keep_message, message, NULL);
    g_test_add_func("/textfile/two domains", test_two);
    for (gsize i = 0; i < G_N_ELEMENTS(verdicts); i++)
        check_add_row("textfile", verdicts[i].sentence, GSIZE_TO_POINTER(i), test_verdict);
    g_test_add_func("/textfile/names", test_names);
    g_test_add_func("/textfile/directories", test_directories);
    g_test_add_func("/textfile/a directory that is missing", test_no_directory);
    g_test_add_func("/textfile/replaced", test_replaced);
    g_test_add_data_func("/textfile/settings", message, test_settings);
    return g_test_run();
}
