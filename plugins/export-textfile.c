/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The export for Prometheus: a file in the directory that
 * node_exporter's textfile collector reads.
 *
 * Theory of operation: the caller's thread makes the text, and a thread of the plugin writes it, because a filesystem
 * may hang. The thread writes only the newest text; an older one that it has not written yet is dropped. The next
 * publish() reports the thread's error. If the thread hangs when the plugin is stopped, it keeps all that it needs, and
 * frees it when it ends; therefore the plugin is linked so that it stays in memory (-z nodelete). */
#include "base/error.h"
#include "base/root.h"
#include "base/write.h"
#include "nest-plugin.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "directory"

/* Where node_exporter looks for files, on Debian and on most other systems. */
static const char *const usual_directories[] = {
    "/var/lib/prometheus/node-exporter",
    "/var/lib/node_exporter/textfile_collector",
};

#define FILE_NAME "virt_nest.prom"
#define NEW_NAME FILE_NAME ".new" /* the collector reads *.prom */

/* How long the last text may take when the plugin is stopped. */
#define STOP_SECONDS 2

typedef struct {
    gchar *directory; /* (nullable) as it is set */
    GThread *thread;  /* writes */
    GMutex lock;      /* for what follows */
    GCond changed;
    gchar *text;       /* (nullable) the newest, until the thread takes it */
    GError *problem;   /* (nullable) why the last one could not be written */
    gboolean stopping; /* the thread ends when there is no more text */
    gboolean ended;    /* it has */
    gboolean alone;    /* nobody waits for the thread any more, so the thread frees this State */
} State;

/* (transfer full) A label's value, escaped, because names come from outside. */
static gchar *
escape(const char *value)
{
    g_autofree gchar *valid = g_utf8_make_valid(value, -1);
    GString *escaped = g_string_new(NULL);

    for (const char *c = valid; *c; c++) {
        if (*c == '\\' || *c == '"' || *c == '\n')
            g_string_append_c(escaped, '\\');
        g_string_append_c(escaped, (char)(*c == '\n' ? 'n' : *c));
    }
    return g_string_free(escaped, FALSE);
}

/* One domain, as the lines of all metrics have it. */
typedef struct {
    const NestDomainStatus *status;
    gchar *labels;
} Row;

static void
row_clear(gpointer row)
{
    g_free(((Row *)row)->labels);
}

/* @more: (nullable) a third label and its value */
static void
add_metric_line(GString *text, const char *metric, const Row *row, const char *more,
                const char *more_value, guint64 value)
{
    char number[24] = {(char)(value ? '1' : '0')}; /* right for most values */

    if (value > 1)
        g_snprintf(number, sizeof(number), "%" G_GUINT64_FORMAT, value);
    g_string_append(text, metric);
    g_string_append_c(text, '{');
    g_string_append(text, row->labels);
    if (more) {
        g_string_append_c(text, ',');
        g_string_append(text, more);
        g_string_append(text, "=\"");
        g_string_append(text, more_value);
        g_string_append_c(text, '"');
    }
    g_string_append(text, "} ");
    g_string_append(text, number);
    g_string_append_c(text, '\n');
}

/* The labels that change now and then have a metric of their own, so that the series of the other metrics last. */
static void
add_info(GString *text, const char *metric, const Row *row)
{
    g_string_append_printf(text, "%s{%s,reason=\"%s\",probe=\"%s\"} 1\n", metric, row->labels,
                           nest_verdict_reason_name(row->status->verdict->reason),
                           row->status->probe ? row->status->probe : "");
}

/* An unknown state is left out, because 0 would say that no nested guests run. */
static void
add_running(GString *text, const char *metric, const Row *row)
{
    const NestVerdict *verdict = row->status->verdict;

    if (verdict->state != NEST_VERDICT_UNKNOWN)
        add_metric_line(text, metric, row, NULL, NULL, verdict->state == NEST_VERDICT_RUNNING);
}

static void
add_entries_metric(GString *text, const char *metric, const Row *row)
{
    if (row->status->verdict->counted)
        add_metric_line(text, metric, row, NULL, NULL, row->status->verdict->entries);
}

static void
add_guard(GString *text, const char *metric, const Row *row)
{
    for (gsize s = 0; s < NEST_GUARD_STATES; s++)
        add_metric_line(text, metric, row, "state", nest_guard_state_name(s),
                        row->status->guard == s);
}

static const struct {
    const char *metric;
    const char *type;
    const char *help;
    void (*add)(GString *text, const char *metric, const Row *row);
} metrics[] = {
    {"virt_nest_domain_info", "gauge",
     "A guarded domain: the reason for its verdict, and the plugin whose evidence the verdict "
     "rests on.",
     add_info},
    {"virt_nest_domain_nested_running", "gauge", "Whether nested guests run in the domain.",
     add_running},
    {"virt_nest_domain_nested_entries_total", "counter",
     "Entries into nested guests since the domain's QEMU was started, where they can be counted.",
     add_entries_metric},
    {"virt_nest_domain_guard_state", "gauge",
     "The state of the guard against migration and save: 1 for the present state.", add_guard},
};

static void
add_header(GString *text, const char *metric, const char *type, const char *help)
{
    g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

/* The metrics that are written even if there is no domain. */
static void
add_host(GString *text, const NestDomainStatus *status, gsize n)
{
    add_header(text, "virt_nest_guards", "gauge", "Guarded domains by the state of their guard.");
    for (gsize s = 0; s < NEST_GUARD_STATES; s++) {
        gsize count = 0;

        for (gsize i = 0; i < n; i++)
            count += status[i].guard == s;
        g_string_append_printf(text, "virt_nest_guards{state=\"%s\"} %" G_GSIZE_FORMAT "\n",
                               nest_guard_state_name(s), count);
    }
    add_header(text, "virt_nest_build_info", "gauge", "The release of virtnestd.");
    g_string_append(text, "virt_nest_build_info{version=\"" NEST_VERSION "\"} 1\n");
}

/* (transfer full) */
static GArray *
make_rows(const NestDomainStatus *status, gsize n)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));

    g_array_set_clear_func(rows, row_clear);
    for (gsize i = 0; i < n; i++) {
        g_autofree gchar *name = escape(status[i].guest->name);
        Row row = {&status[i],
                   g_strdup_printf("domain=\"%s\",uuid=\"%s\"", name, status[i].guest->uuid)};

        g_array_append_val(rows, row);
    }
    return rows;
}

/* (transfer full) */
static gchar *
format_metrics(const NestDomainStatus *status, gsize n)
{
    g_autoptr(GArray) rows = make_rows(status, n);
    GString *text = g_string_new(NULL);

    for (gsize m = 0; m < G_N_ELEMENTS(metrics) && n > 0; m++) {
        add_header(text, metrics[m].metric, metrics[m].type, metrics[m].help);
        for (gsize i = 0; i < n; i++)
            metrics[m].add(text, metrics[m].metric, &g_array_index(rows, Row, i));
    }
    add_host(text, status, n);
    return g_string_free(text, FALSE);
}

/* (transfer full)(nullable) NULL: nobody collects files here. */
static gchar *
find_collector_directory(const State *state)
{
    if (state->directory)
        return nest_root_path(state->directory);
    /* Only root's virtnestd exports the host's metrics. A session's virtnestd exports only if directory= is set. */
    if (nest_root_is_session() && !nest_root_is_fake())
        return NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(usual_directories); i++) {
        g_autofree gchar *directory = nest_root_path(usual_directories[i]);

        if (g_file_test(directory, G_FILE_TEST_IS_DIR))
            return g_steal_pointer(&directory);
    }
    return NULL;
}

/* Whether only root, or the user that a test runs as, can put anything into a directory. */
static gboolean
is_ours_alone(int directory)
{
    struct stat status;

    return fstat(directory, &status) == 0 && (status.st_uid == 0 || status.st_uid == geteuid()) &&
           !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* Opens the next directory of a path, and closes the one above. A link is followed only if nobody but root can have
 * made it, and never at the path's end. */
static int
open_below(int above, const char *name, gboolean last)
{
    int follow = !last && is_ours_alone(above) ? 0 : O_NOFOLLOW;
    int fd = openat(above, name, O_PATH | O_DIRECTORY | O_CLOEXEC | follow);
    int problem = errno;
    struct stat status;

    /* For a link that is not followed, the kernel also says "Not a directory". */
    if (fd < 0 && problem == ENOTDIR && fstatat(above, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(status.st_mode))
        problem = ELOOP;
    close(above);
    errno = problem;
    return fd;
}

/* Returns: -1 with errno; EPERM if everybody can write to the directory and remove the files of others. */
static int
open_metrics_directory(const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, "/", -1);
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat status;
    guint n = g_strv_length(names);

    while (n > 0 && !*names[n - 1])
        n--;
    for (guint i = 0; i < n && fd >= 0; i++)
        if (*names[i])
            fd = open_below(fd, names[i], i == n - 1);
    if (fd < 0 || fstat(fd, &status) < 0 || !(status.st_mode & S_IWOTH) || status.st_mode & S_ISVTX)
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

/* What an errno means here, if the C library's text would not explain it. */
static const struct {
    int problem;
    const char *words;
} reasons[] = {
    {ELOOP, "a part of this path is a symbolic link that is not followed: set [export-textfile] "
            "directory= to where it leads"},
    {EPERM, "everybody may write to this directory: chmod o-w it"},
    {EROFS, "the filesystem is read-only for virtnestd: name the directory in ReadWritePaths= of "
            "virtnestd.service (systemctl edit virtnestd), and restart it"},
};

static gboolean
refuse_path(const char *path, GError **error)
{
    const char *words = g_strerror(errno);

    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (reasons[i].problem == errno)
            words = reasons[i].words;
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "cannot write the metrics to %s: %s", path,
                words);
    return FALSE;
}

/* Does not use g_file_set_contents(), which waits for the disk and obeys the umask. The
 * directory may be another user's. Returns: FALSE with errno. */
static gboolean
replace_in(int directory, const char *text)
{
    int problem = 0;
    int fd = -1;

    (void)unlinkat(directory, NEW_NAME, 0); /* left by a virtnestd that was killed */
    fd = openat(directory, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return FALSE;
    if (!nest_write_all(fd, text) || fchmod(fd, 0644) < 0 ||
        renameat(directory, NEW_NAME, directory, FILE_NAME) < 0)
        problem = errno;
    close(fd);
    if (problem)
        (void)unlinkat(directory, NEW_NAME, 0);
    errno = problem;
    return problem == 0;
}

/* Writes the file even if the text is unchanged: the file's time shows that virtnestd runs. */
static gboolean
write_text(const State *state, const char *text, GError **error)
{
    g_autofree gchar *path = find_collector_directory(state);
    int directory = path ? open_metrics_directory(path) : -1;
    gboolean done = directory >= 0 && replace_in(directory, text);

    if (path && !done)
        refuse_path(path, error);
    if (directory >= 0)
        close(directory);
    return done || !path;
}

/* (transfer full)(nullable) Waits for the next text; NULL: there will be none. */
static gchar *
take_text(State *state)
{
    gchar *text = NULL;

    g_mutex_lock(&state->lock);
    while (!state->text && !state->stopping)
        g_cond_wait(&state->changed, &state->lock);
    text = g_steal_pointer(&state->text);
    state->ended = !text;
    g_cond_signal(&state->changed);
    g_mutex_unlock(&state->lock);
    return text;
}

static void
state_free(State *state)
{
    g_clear_error(&state->problem);
    g_mutex_clear(&state->lock);
    g_cond_clear(&state->changed);
    g_free(state->directory);
    g_free(state);
}

static gpointer
write_texts(gpointer data)
{
    State *state = data;
    gchar *text = NULL;

    while ((text = take_text(state))) {
        GError *problem = NULL;

        (void)!write_text(state, text, &problem);
        g_mutex_lock(&state->lock);
        g_clear_error(&state->problem);
        state->problem = problem;
        g_mutex_unlock(&state->lock);
        g_free(text);
    }
    if (state->alone)
        state_free(state);
    return NULL;
}

static gboolean
textfile_start(GKeyFile *settings, gpointer *ret_state, GError **error)
{
    const char *name = nest_plugin.name;
    g_autofree gchar *directory = g_key_file_get_string(settings, name, KEY, NULL);
    State *state = NULL;

    if (!nest_settings_check(settings, name, (const gchar *const[]){KEY, NULL}, error))
        return FALSE;
    if (directory && !g_path_is_absolute(directory)) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                    NEST_CONFIG_FILE ": [%s] " KEY "=%s is not an absolute path", name, directory);
        return FALSE;
    }
    state = g_new0(State, 1);
    state->directory = g_steal_pointer(&directory);
    g_mutex_init(&state->lock);
    g_cond_init(&state->changed);
    state->thread = g_thread_try_new("textfile", write_texts, state, error);
    if (!state->thread) {
        state_free(state);
        return FALSE;
    }
    *ret_state = state;
    return TRUE;
}

static void
textfile_stop(gpointer data)
{
    State *state = data;
    gint64 end = g_get_monotonic_time() + STOP_SECONDS * G_TIME_SPAN_SECOND;
    gboolean alone = FALSE;

    g_mutex_lock(&state->lock);
    state->stopping = TRUE;
    g_cond_signal(&state->changed);
    while (!state->ended && g_cond_wait_until(&state->changed, &state->lock, end))
        ;
    alone = state->alone = !state->ended;
    if (alone)
        g_thread_unref(state->thread);
    g_mutex_unlock(&state->lock);
    if (alone)
        return;
    g_thread_join(state->thread);
    state_free(state);
}

/* Reports whether the previous text was written. */
static gboolean
textfile_publish(gpointer data, const NestDomainStatus *status, gsize n, GError **error)
{
    State *state = data;
    gchar *text = format_metrics(status, n);
    GError *problem = NULL;

    g_mutex_lock(&state->lock);
    problem = g_steal_pointer(&state->problem);
    g_free(state->text);
    state->text = text;
    g_cond_signal(&state->changed);
    g_mutex_unlock(&state->lock);
    if (problem)
        g_propagate_error(error, problem);
    return !problem;
}

const NestPlugin nest_plugin = {
    .abi = NEST_PLUGIN_ABI,
    .size = sizeof(NestPlugin),
    .name = "export-textfile",
    .kind = NEST_PLUGIN_EXPORT,
    .start = textfile_start,
    .stop = textfile_stop,
    .publish = textfile_publish,
};
