/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The export for Prometheus: a file in the directory that
 * node_exporter's textfile collector reads. */
#include "base/error.h"
#include "base/root.h"
#include "nest-plugin.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define KEY "directory"

/* Where node_exporter looks, as Debian and as most others set it up. */
static const char *const usual_directories[] = {
    "/var/lib/prometheus/node-exporter",
    "/var/lib/node_exporter/textfile_collector",
};

typedef struct {
    gchar *directory; /* (nullable) as it is set */
    gchar *text;      /* (nullable) what was written last */
    gchar *path;      /* (nullable) ... and where */
} State;

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
    *ret_state = state;
    return TRUE;
}

static void
textfile_stop(gpointer data)
{
    State *state = data;

    g_free(state->directory);
    g_free(state->text);
    g_free(state->path);
    g_free(state);
}

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

/* @more: (nullable) a third label and its value */
static void
add_metric_line(GString *text, const char *metric, const NestGuest *guest, const char *more,
                const char *more_value, double value)
{
    g_autofree gchar *name = escape(guest->name);
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_printf(text, "%s{domain=\"%s\",uuid=\"%s\"", metric, name, guest->uuid);
    if (more)
        g_string_append_printf(text, ",%s=\"%s\"", more, more_value);
    g_string_append_printf(text, "} %s\n", g_ascii_formatd(number, sizeof(number), "%.6g", value));
}

/* An unknown state is left out, because 0 would say that no nested guests run. */
static void
add_running(GString *text, const char *metric, const NestDomainStatus *status)
{
    const NestVerdict *verdict = status->verdict;

    if (verdict->state != NEST_VERDICT_UNKNOWN)
        add_metric_line(text, metric, status->guest, "reason",
                        nest_verdict_reason_name(verdict->reason),
                        verdict->state == NEST_VERDICT_RUNNING);
}

static void
add_rate(GString *text, const char *metric, const NestDomainStatus *status)
{
    const NestVerdict *verdict = status->verdict;
    gboolean countable =
        verdict->reason != NEST_REASON_NOTHING && verdict->reason != NEST_REASON_BIT;

    if (countable && !verdict->silent)
        add_metric_line(text, metric, status->guest, NULL, NULL, verdict->rate);
}

static void
add_guard(GString *text, const char *metric, const NestDomainStatus *status)
{
    for (gsize s = 0; s < NEST_GUARD_STATES; s++)
        add_metric_line(text, metric, status->guest, "state", nest_guard_state_name(s),
                        status->guard == s);
}

static const struct {
    const char *metric;
    const char *help;
    void (*add)(GString *text, const char *metric, const NestDomainStatus *status);
} metrics[] = {
    {"virt_nest_guests_running",
     "Whether nested guests run in the domain, and why it is thought so.", add_running},
    {"virt_nest_entries_per_second", "Entries into nested guests, where they can be counted.",
     add_rate},
    {"virt_nest_guard",
     "The state of the guard against migration and save: 1 for the one it is in.", add_guard},
};

static void
add_header(GString *text, const char *metric, const char *help)
{
    g_string_append_printf(text, "# HELP %s %s\n# TYPE %s gauge\n", metric, help, metric);
}

static void
add_counts(GString *text, const NestDomainStatus *status, gsize n)
{
    add_header(text, "virt_nest_guards", "Guarded domains by the state of their guard.");
    for (gsize s = 0; s < NEST_GUARD_STATES; s++) {
        gsize count = 0;

        for (gsize i = 0; i < n; i++)
            count += status[i].guard == s;
        g_string_append_printf(text, "virt_nest_guards{state=\"%s\"} %" G_GSIZE_FORMAT "\n",
                               nest_guard_state_name(s), count);
    }
}

/* (transfer full) */
static gchar *
format(const NestDomainStatus *status, gsize n)
{
    GString *text = g_string_new(NULL);

    for (gsize m = 0; m < G_N_ELEMENTS(metrics) && n > 0; m++) {
        add_header(text, metrics[m].metric, metrics[m].help);
        for (gsize i = 0; i < n; i++)
            metrics[m].add(text, metrics[m].metric, &status[i]);
    }
    add_counts(text, status, n);
    return g_string_free(text, FALSE);
}

/* (transfer full)(nullable) NULL: nobody collects files here. */
static gchar *
find_collector_directory(const State *state)
{
    if (state->directory)
        return nest_root_path(state->directory);
    for (gsize i = 0; i < G_N_ELEMENTS(usual_directories); i++) {
        g_autofree gchar *directory = nest_root_path(usual_directories[i]);

        if (g_file_test(directory, G_FILE_TEST_IS_DIR))
            return g_steal_pointer(&directory);
    }
    return NULL;
}

static gboolean
write_all(int fd, const char *text)
{
    gsize length = strlen(text);

    while (length > 0) {
        ssize_t n = write(fd, text, length);

        if (n < 0 && errno != EINTR)
            return FALSE;
        text += MAX(n, 0);
        length -= (gsize)MAX(n, 0);
    }
    return TRUE;
}

/* Does not use g_file_set_contents(), which waits for the disk and obeys the umask. The
 * directory may be another user's. */
static gboolean
replace(const char *path, const char *text, GError **error)
{
    g_autofree gchar *new = g_strconcat(path, ".new", NULL); /* the collector reads *.prom */
    gboolean done = FALSE;
    int fd = -1;

    (void)g_unlink(new); /* left by a virtnestd that was killed */
    fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    done = fd >= 0 && write_all(fd, text) && fchmod(fd, 0644) == 0 && g_rename(new, path) == 0;
    if (!done)
        g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "cannot write the metrics to %s: %s", path,
                    g_strerror(errno));
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !done)
        (void)g_unlink(new);
    return done;
}

static gboolean
textfile_publish(gpointer data, const NestDomainStatus *status, gsize n, GError **error)
{
    State *state = data;
    g_autofree gchar *directory = find_collector_directory(state);
    g_autofree gchar *path = directory ? g_build_filename(directory, "virt_nest.prom", NULL) : NULL;
    g_autofree gchar *text = directory ? format(status, n) : NULL;

    if (!directory || (g_strcmp0(state->path, path) == 0 && g_strcmp0(state->text, text) == 0 &&
                       g_file_test(path, G_FILE_TEST_EXISTS)))
        return TRUE;
    if (!replace(path, text, error))
        return FALSE;
    g_free(state->path);
    g_free(state->text);
    state->path = g_steal_pointer(&path);
    state->text = g_steal_pointer(&text);
    return TRUE;
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
