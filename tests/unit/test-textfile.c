/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The export for Prometheus: what is in its file, by a strict reading of the format, and how it gets there. */
#include "check.h"
#include "plugin_host.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEBIAN "var/lib/prometheus/node-exporter"
#define OTHERS "var/lib/node_exporter/textfile_collector"
#define FILE_NAME "virt_nest.prom"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define OTHER "6695eb01-f6a4-8304-79aa-97f2502e1930"

static const NestGuest one = {"lab1", UUID, 1, 100, TRUE, "svm", 1};
static const NestGuest two = {"lab 2", OTHER, 2, 200, FALSE, "svm", 1};

/* Renames by the plugin, which come here (-rdynamic): how often, and whether they hang. */
static struct {
    GMutex lock;
    GCond changed;
    guint begun;
    gboolean hang;
} renames;

int
renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    g_mutex_lock(&renames.lock);
    renames.begun++;
    g_cond_broadcast(&renames.changed);
    while (renames.hang)
        g_cond_wait(&renames.changed, &renames.lock);
    g_mutex_unlock(&renames.lock);
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, 0);
}

static void
set_hang(gboolean hang)
{
    g_mutex_lock(&renames.lock);
    renames.hang = hang;
    renames.begun = 0;
    g_cond_broadcast(&renames.changed);
    g_mutex_unlock(&renames.lock);
}

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

/* Each metric once: HELP, its TYPE, its samples, each with other labels; the last line ends too. */
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
            g_autofree gchar *type = g_strdup_printf("# TYPE %s %s", words[2],
                                                     g_str_has_suffix(words[2], "_total") ? "counter" : "gauge");

            g_assert_cmpstr(lines[++i], ==, type);
            g_assert_true(g_hash_table_add(seen, g_strdup(words[2])));
            g_free(metric);
            metric = g_strdup(words[2]);
        } else {
            check_sample(lines[i], metric, seen);
        }
    }
}

/* (transfer full)(nullable) */
static gchar *
read_file(const char *directory)
{
    g_autofree gchar *path = path_of(directory, FILE_NAME);
    gchar *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

/* (transfer full) What is in the file apart from comments; NULL: there is none. */
static gchar *
read_samples(const char *directory)
{
    g_autofree gchar *text = read_file(directory);
    g_autoptr(GRegex) comment = g_regex_new("^#.*\n", G_REGEX_MULTILINE, 0, NULL);

    return text ? g_regex_replace_literal(comment, text, -1, 0, "", 0, NULL) : NULL;
}

/* The plugin's thread writes: it is waited for. */
static void
wait_metrics(const char *directory, const char *samples)
{
    g_autofree gchar *found = NULL;

    for (guint ms = 0; ms < 20000; ms++) {
        g_free(found);
        found = read_samples(directory);
        if (g_strcmp0(found, samples) == 0)
            return;
        g_usleep(1000);
    }
    g_assert_cmpstr(found, ==, samples);
}

/* Exactly these samples, in this order, comments left out; and the whole is well-formed. */
static void
check_metrics(const char *directory, const char *samples)
{
    g_autofree gchar *text = NULL;

    wait_metrics(directory, samples);
    text = read_file(directory);
    check_format(text);
}

/* (transfer full) The text with this line in it. */
static gchar *
wait_line(const char *directory, const char *line)
{
    gchar *text = NULL;

    for (guint ms = 0; ms < 20000; ms++) {
        g_free(text);
        text = read_file(directory);
        if (text && strstr(text, line))
            return text;
        g_usleep(1000);
    }
    g_error("no line \"%s\" in %s", line, text ? text : "no file");
}

/* Publishes until it is told why it does not work. */
static void
check_fails(const NestPluginHost *plugins, const char *pieces)
{
    g_autoptr(GError) error = NULL;

    for (guint ms = 0; ms < 20000 && publish(plugins, NULL, 0, &error); ms++)
        g_usleep(1000);
    g_assert_error(error, NEST_ERROR, NEST_ERROR_IO);
    check_says(error->message, pieces);
}

#define COUNTS(off, armed, lifted, failed)                                                                             \
    "virt_nest_guards{state=\"off\"} " off "\nvirt_nest_guards{state=\"armed\"} " armed                                \
    "\nvirt_nest_guards{state=\"lifted\"} " lifted "\nvirt_nest_guards{state=\"failed\"} " failed                      \
    "\nvirt_nest_build_info{version=\"" NEST_VERSION "\"} 1\n"
#define INFO(labels, reason, probe) "virt_nest_domain_info{" labels ",reason=\"" reason "\",probe=\"" probe "\"} 1\n"
#define GUARD_STATE(labels, state, value) "virt_nest_domain_guard_state{" labels ",state=\"" state "\"} " value "\n"
#define GUARD(labels, off, armed, lifted, failed)                                                                      \
    GUARD_STATE(labels, "off", off) GUARD_STATE(labels, "armed", armed) GUARD_STATE(labels, "lifted", lifted)          \
    GUARD_STATE(labels, "failed", failed)
#define ONE "domain=\"lab1\",uuid=\"" UUID "\""
#define TWO "domain=\"lab 2\",uuid=\"" OTHER "\""

static void
test_two(void)
{
    gchar *root = check_root_new();
    const NestVerdict busy = {.state = NEST_VERDICT_RUNNING, .reason = NEST_REASON_ENTRIES, .counted = TRUE,
                              .entries = 1234567890123};
    const NestVerdict tcg = {.state = NEST_VERDICT_NONE, .reason = NEST_REASON_CLEAR};
    const NestDomainStatus shown[] = {{&one, &busy, NEST_GUARD_ARMED, "probe-debugfs", NULL},
                               {&two, &tcg, NEST_GUARD_OFF, "probe-registers", NULL}};
    NestPluginHost *plugins = load(NULL);

    g_test_summary("all metrics of two domains, and of none when it ends");
    make_directory(DEBIAN);
    check_publishes(plugins, shown, 2);
    check_metrics(DEBIAN, INFO(ONE, "entries", "probe-debugfs") INFO(TWO, "clear", "probe-registers")
                          "virt_nest_domain_nested_running{" ONE "} 1\n"
                          "virt_nest_domain_nested_running{" TWO "} 0\n"
                          "virt_nest_domain_nested_entries_total{" ONE "} 1234567890123\n"
                          GUARD(ONE, "0", "1", "0", "0") GUARD(TWO, "1", "0", "0", "0")
                          COUNTS("1", "1", "0", "0"));
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
    {"nothing is known", {0}, NEST_GUARD_OFF,
     INFO(ONE, "nothing", "") GUARD(ONE, "1", "0", "0", "0") COUNTS("1", "0", "0", "0")},
    {"entries cannot be counted", {.state = NEST_VERDICT_RUNNING, .reason = NEST_REASON_BIT}, NEST_GUARD_FAILED,
     INFO(ONE, "bit", "") "virt_nest_domain_nested_running{" ONE "} 1\n"
     GUARD(ONE, "0", "0", "0", "1") COUNTS("0", "0", "0", "1")},
    {"the last sample said nothing", {.state = NEST_VERDICT_RUNNING, .reason = NEST_REASON_LINGER, .counted = TRUE,
      .entries = 5, .silent = TRUE}, NEST_GUARD_LIFTED,
     INFO(ONE, "linger", "") "virt_nest_domain_nested_running{" ONE "} 1\nvirt_nest_domain_nested_entries_total{" ONE "} 5\n"
     GUARD(ONE, "0", "0", "1", "0") COUNTS("0", "0", "1", "0")},
    {"there was no entry", {.state = NEST_VERDICT_NONE, .reason = NEST_REASON_NEVER, .counted = TRUE}, NEST_GUARD_OFF,
     INFO(ONE, "never", "") "virt_nest_domain_nested_running{" ONE "} 0\nvirt_nest_domain_nested_entries_total{" ONE "} 0\n"
     GUARD(ONE, "1", "0", "0", "0") COUNTS("1", "0", "0", "0")},
    {"very many entries", {.state = NEST_VERDICT_RUNNING, .reason = NEST_REASON_ALWAYS, .counted = TRUE,
      .entries = G_MAXUINT64}, NEST_GUARD_ARMED,
     INFO(ONE, "always", "") "virt_nest_domain_nested_running{" ONE "} 1\n"
     "virt_nest_domain_nested_entries_total{" ONE "} 18446744073709551615\n"
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
            g_strdup_printf("\nvirt_nest_domain_nested_running{domain=\"%s\",uuid=\"" UUID "\"} 0\n", names[i].label);
        g_autofree gchar *text = NULL;

        check_publishes(plugins, &shown, 1);
        text = wait_line(DEBIAN, line);
        check_format(text);
    }
    check_root_free(root);
}

static void
check_directory_used(const char *setting, const char *used)
{
    NestPluginHost *plugins = load(setting);
    const char *const directories[] = {DEBIAN, OTHERS, "srv/metrics"};

    check_publishes(plugins, NULL, 0);
    nest_plugin_host_free(plugins); /* which waits for the text */
    for (gsize i = 0; i < G_N_ELEMENTS(directories); i++) {
        g_autofree gchar *path = path_of(directories[i], FILE_NAME);

        g_assert_cmpint(g_file_test(path, G_FILE_TEST_EXISTS), ==, g_strcmp0(directories[i], used) == 0);
        (void)g_unlink(path);
    }
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
    g_autoptr(GError) late = NULL;

    g_test_summary("a directory that is set and missing is an error, until it is there");
    make_directory(DEBIAN);
    check_fails(plugins, "cannot write|/srv/missing: No such file");
    make_directory("srv/missing");
    (void)publish(plugins, NULL, 0, &late); /* of the text before */
    check_metrics("srv/missing", COUNTS("0", "0", "0", "0"));
    check_publishes(plugins, NULL, 0);
    check_root_free(root);
}

static struct stat
status_of(const char *path)
{
    struct stat status;

    g_assert_cmpint(lstat(path, &status), ==, 0);
    return status;
}

/* A directory below the root and what stands in it besides: "PATH", or "PATH -> TARGET" for a link. */
static const struct {
    const char *sentence;
    const char *make[3]; /* in this order */
    const char *writable; /* (nullable) one of them that has this mode: */
    mode_t mode;
    const char *owned; /* (nullable) one of them that another user owns */
    const char *set;   /* the directory in the settings */
    const char *used;  /* where the file is then; NULL: it is refused, and: */
    const char *says;
} paths[] = {
    {"a directory of root's", {"srv/metrics"}, NULL, 0, NULL, "/srv/metrics/", "srv/metrics", NULL},
    {"a directory of another user's", {"srv/metrics"}, NULL, 0, "srv/metrics", "/srv/metrics", "srv/metrics", NULL},
    {"a directory of a group's", {"srv/metrics"}, "srv/metrics", 0775, NULL, "/srv/metrics", "srv/metrics", NULL},
    {"a link in its place", {"etc", "srv", "srv/metrics -> ../etc"}, NULL, 0, NULL, "/srv/metrics", NULL, "/srv/metrics: |symbolic link"},
    {"root's link on the way", {"data/metrics", "srv -> data"}, NULL, 0, NULL, "/srv/metrics", "data/metrics", NULL},
    {"another user's link on the way", {"etc/metrics", "home", "home/link -> ../etc"}, NULL, 0, "home", "/home/link/metrics", NULL, "symbolic link"},
    {"anybody's link on the way", {"etc/metrics", "tmp", "tmp/link -> ../etc"}, "tmp", 01777, NULL, "/tmp/link/metrics", NULL, "symbolic link"},
    {"a directory that everybody may write to", {"srv/metrics"}, "srv/metrics", 0777, NULL, "/srv/metrics", NULL, "everybody may write"},
    {"a directory for everybody with the sticky bit", {"srv/metrics"}, "srv/metrics", 01777, NULL, "/srv/metrics", "srv/metrics", NULL},
    {"a file in its place", {"srv"}, NULL, 0, NULL, "/srv/metrics", NULL, "Not a directory"},
};

static void
make_one(const char *what)
{
    g_auto(GStrv) parts = g_strsplit(what, " -> ", 2);
    g_autofree gchar *path = path_of(parts[0], NULL);

    if (parts[1])
        g_assert_cmpint(symlink(parts[1], path), ==, 0);
    else
        make_directory(what);
}

static void
make_path(gsize i)
{
    g_autofree gchar *writable = paths[i].writable ? path_of(paths[i].writable, NULL) : NULL;
    g_autofree gchar *owned = paths[i].owned ? path_of(paths[i].owned, NULL) : NULL;

    for (gsize m = 0; m < G_N_ELEMENTS(paths[i].make) && paths[i].make[m]; m++)
        make_one(paths[i].make[m]);
    if (paths[i].says && g_str_equal(paths[i].says, "Not a directory"))
        check_root_write("srv/metrics", "");
    if (writable)
        g_assert_cmpint(chmod(writable, paths[i].mode), ==, 0);
    if (owned)
        g_assert_cmpint(chown(owned, 65534, 65534), ==, 0);
}

static void
test_path(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = NULL;
    NestPluginHost *plugins = NULL;

    if (paths[i].owned && geteuid() != 0) {
        g_test_skip("only root can give a directory away");
        return;
    }
    root = check_root_new();
    make_path(i);
    plugins = load(paths[i].set);
    if (paths[i].used) {
        check_publishes(plugins, NULL, 0);
        check_metrics(paths[i].used, COUNTS("0", "0", "0", "0"));
    } else {
        g_autofree gchar *etc = path_of("etc/" FILE_NAME, NULL);
        g_autofree gchar *below = path_of("etc/metrics/" FILE_NAME, NULL);

        check_fails(plugins, paths[i].says);
        g_assert_false(g_file_test(etc, G_FILE_TEST_EXISTS));
        g_assert_false(g_file_test(below, G_FILE_TEST_EXISTS));
    }
    nest_plugin_host_free(plugins);
    check_root_free(root);
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
    NestPluginHost *plugins = load(NULL);
    mode_t mask = umask(022);
    ino_t first = 0;

    g_test_summary("the file is replaced as a whole, for all to read, and through no link");
    make_directory(DEBIAN);
    umask(077);
    check_root_write("elsewhere", "precious");
    g_assert_cmpint(symlink(elsewhere, path), ==, 0);
    g_assert_cmpint(symlink(elsewhere, new), ==, 0);
    check_publishes(plugins, NULL, 0);
    check_metrics(DEBIAN, COUNTS("0", "0", "0", "0"));
    g_assert_cmpint(status_of(path).st_mode, ==, S_IFREG | 0644);
    g_assert_cmpint(status_of(elsewhere).st_size, ==, strlen("precious"));
    first = status_of(path).st_ino;
    check_publishes(plugins, &shown, 1);
    g_free(wait_line(DEBIAN, ONE));
    g_assert_cmpint(status_of(path).st_ino, !=, first);
    nest_plugin_host_free(plugins);
    g_assert_false(g_file_test(new, G_FILE_TEST_EXISTS));
    umask(mask);
    check_root_free(root);
}

static void
wait_renames(guint n)
{
    g_mutex_lock(&renames.lock);
    while (renames.begun < n)
        g_cond_wait(&renames.changed, &renames.lock);
    g_mutex_unlock(&renames.lock);
}

static void
test_unchanged(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = path_of(DEBIAN, FILE_NAME);
    NestPluginHost *plugins = load(NULL);

    g_test_summary("the file is written each time, also if nothing has changed: its age tells that virtnestd runs");
    make_directory(DEBIAN);
    set_hang(FALSE);
    for (guint i = 1; i <= 3; i++) {
        check_publishes(plugins, NULL, 0);
        wait_renames(i);
    }
    nest_plugin_host_free(plugins); /* which waits for the last text */
    check_metrics(DEBIAN, COUNTS("0", "0", "0", "0"));
    g_assert_cmpuint(renames.begun, ==, 3);
    check_root_free(root);
}

static void
test_hang(void)
{
    gchar *root = check_root_new();
    const NestVerdict verdict = {.state = NEST_VERDICT_NONE, .reason = NEST_REASON_NEVER};
    const NestDomainStatus shown = {&two, &verdict, NEST_GUARD_OFF, NULL, NULL};
    NestPluginHost *plugins = load(NULL);

    g_test_summary("while the filesystem hangs nobody waits for it, and then the newest text alone is written");
    make_directory(DEBIAN);
    set_hang(TRUE);
    check_publishes(plugins, NULL, 0);
    wait_renames(1);
    for (guint i = 0; i < 10; i++)
        check_publishes(plugins, NULL, 0);
    check_publishes(plugins, &shown, 1);
    g_assert_cmpuint(renames.begun, ==, 1);
    set_hang(FALSE);
    g_free(wait_line(DEBIAN, TWO));
    nest_plugin_host_free(plugins);
    g_assert_cmpuint(renames.begun, ==, 1);
    check_root_free(root);
}

static void
test_hang_at_stop(void)
{
    gchar *root = check_root_new();
    NestPluginHost *plugins = load(NULL);

    g_test_summary("a filesystem that hangs does not keep virtnestd from ending");
    make_directory(DEBIAN);
    set_hang(TRUE);
    check_publishes(plugins, NULL, 0);
    wait_renames(1);
    nest_plugin_host_free(plugins);
    set_hang(FALSE);
    wait_metrics(DEBIAN, COUNTS("0", "0", "0", "0")); /* the thread still has what it needs */
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
    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++)
        check_add_row("textfile", paths[i].sentence, GSIZE_TO_POINTER(i), test_path);
    g_test_add_func("/textfile/replaced", test_replaced);
    g_test_add_func("/textfile/unchanged", test_unchanged);
    g_test_add_func("/textfile/a filesystem that hangs", test_hang);
    g_test_add_func("/textfile/a filesystem that hangs at the end", test_hang_at_stop);
    g_test_add_data_func("/textfile/settings", message, test_settings);
    return g_test_run();
}
