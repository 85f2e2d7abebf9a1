/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Log lines with fields: they go to the journal if there is one, else to standard error. */
#include "base/log.h"

#include "base/error.h"
#include "base/root.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct NestLog {
    gboolean to_journal;
    gboolean service;
    gboolean wished; /* the command line or the environment has set the level */
    gint
        most; /* the least important level that is written, of GLogLevelFlags; by g_atomic_int_... */
};

const char *const nest_log_levels[] = {
    [NEST_LOG_LEVEL_WARNING] = "warning",
    [NEST_LOG_LEVEL_NOTICE] = "notice",
    [NEST_LOG_LEVEL_INFO] = "info",
    [NEST_LOG_LEVEL_DEBUG] = "debug",
    NULL,
};

static const GLogLevelFlags flags[] = {
    [NEST_LOG_LEVEL_WARNING] = G_LOG_LEVEL_WARNING,
    [NEST_LOG_LEVEL_NOTICE] = G_LOG_LEVEL_MESSAGE,
    [NEST_LOG_LEVEL_INFO] = G_LOG_LEVEL_INFO,
    [NEST_LOG_LEVEL_DEBUG] = G_LOG_LEVEL_DEBUG,
};

/* Made by "systemd-id128 new". They must not change after a release had them. */
static const char *const event_ids[] = {
    [NEST_LOG_ARMED] = "4ebff025c51840c383ad2b7cc783ca68",
    [NEST_LOG_DISARMED] = "bd54ba38b9a645b5b08134ddfb2eeea6",
    [NEST_LOG_ABORTED] = "cd5ca7ee534b46399f6204046ac3ca9c",
    [NEST_LOG_ALLOWED] = "a26a8532acaa467e80fad410776a2704",
    [NEST_LOG_REFUSED] = "9c3d3d94eb9749e7a91da95145d780b7",
};

static const char *
log_field(const GLogField *fields, gsize n, const char *key)
{
    for (gsize i = 0; i < n; i++)
        if (g_str_equal(fields[i].key, key))
            return fields[i].value;
    return NULL;
}

/* Writes a line, unless its level is less important than log->most. A less important level has a greater number. */
static GLogWriterOutput
write_line(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
    NestLog *log = data;
    gboolean debug = (level & G_LOG_LEVEL_DEBUG) != 0;
    gboolean is_ours = log_field(fields, n, "SYSLOG_IDENTIFIER") != NULL;
    const char *id = log_field(fields, n, "MESSAGE_ID");
    const char *message = log_field(fields, n, "MESSAGE");

    /* Debug lines of libraries, such as those of libvirt-glib for each socket, are left out. */
    if ((gint)(level & G_LOG_LEVEL_MASK) > g_atomic_int_get(&log->most) || (debug && !is_ours))
        return G_LOG_WRITER_HANDLED;
    if (log->to_journal && (log->service || !debug) &&
        g_log_writer_journald(level, fields, n, NULL) == G_LOG_WRITER_HANDLED)
        return G_LOG_WRITER_HANDLED;
    /* The line about a refusal goes only to the journal, because the refusal itself goes to standard error. */
    if (g_strcmp0(id, event_ids[NEST_LOG_REFUSED]) == 0)
        return G_LOG_WRITER_HANDLED;
    /* g_printerr() is not used: with LC_ALL=C it turns names in UTF-8 into question marks. */
    (void)fprintf(stderr, "%s: %s\n", g_get_prgname(), message ? message : "");
    return G_LOG_WRITER_HANDLED;
}

static void
set_most(NestLog *log, NestLogLevel level)
{
    g_atomic_int_set(&log->most, (gint)flags[level]);
}

static void
read_environment(NestLog *log)
{
    const char *word = secure_getenv("VIRT_NEST_LOG");
    g_autofree gchar *words = g_strjoinv(", ", (gchar **)nest_log_levels);

    for (int level = 0; word && nest_log_levels[level]; level++)
        if (g_str_equal(nest_log_levels[level], word)) {
            set_most(log, (NestLogLevel)level);
            log->wished = TRUE;
        }
    if (word && !log->wished)
        nest_log(G_LOG_LEVEL_WARNING, NULL, NULL,
                 "VIRT_NEST_LOG=%s is no level of the log: use one of %s", word, words);
}

NestLog *
nest_log_open(const char *program, gboolean service)
{
    NestLog *log = g_new0(NestLog, 1);

    log->service = service;
    log->to_journal =
        !nest_root_is_fake() && (!service || g_log_writer_is_journald(fileno(stderr)));
    set_most(log, NEST_LOG_LEVEL_INFO);
    g_set_prgname(program);
    g_log_set_writer_func(write_line, log, NULL);
    read_environment(log);
    return log;
}

void
nest_log_be_verbose(NestLog *log)
{
    set_most(log, NEST_LOG_LEVEL_DEBUG);
    log->wished = TRUE;
}

void
nest_log_set_level(NestLog *log, NestLogLevel level)
{
    if (!log->wished)
        set_most(log, level);
}

/* @more: one more field of this line; its value is NULL if there is none. */
static void
log_with_field(GLogLevelFlags level, const char *domain, const char *uuid, GLogField more,
               const char *message)
{
    const char *priority = level & G_LOG_LEVEL_CRITICAL  ? "0"
                           : level & G_LOG_LEVEL_WARNING ? "4"
                           : level & G_LOG_LEVEL_MESSAGE ? "5"
                           : level & G_LOG_LEVEL_INFO    ? "6"
                                                         : "7";
    g_autofree gchar *line =
        g_strdup_printf("%s%s%s", domain ? domain : "", domain ? ": " : "", message);
    g_autofree gchar *escaped = nest_error_escape(line); /* names and values are from outside */
    GLogField fields[6] = {{"MESSAGE", escaped, -1}, {"PRIORITY", priority, -1}};
    gsize n = 2;

    if (domain)
        fields[n++] = (GLogField){"VIRT_NEST_DOMAIN", domain, -1};
    if (uuid)
        fields[n++] = (GLogField){"VIRT_NEST_UUID", uuid, -1};
    if (more.value)
        fields[n++] = more;
    fields[n++] = (GLogField){"SYSLOG_IDENTIFIER", g_get_prgname(), -1};
    g_log_structured_array(level, fields, n);
}

void
nest_log(GLogLevelFlags level, const char *domain, const char *uuid, const char *format, ...)
{
    g_autofree gchar *message = NULL;
    va_list arguments;

    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    log_with_field(level, domain, uuid, (GLogField){0}, message);
}

void
nest_log_event(NestLogEvent event, const char *domain, const char *uuid, const char *format, ...)
{
    GLogField id = {"MESSAGE_ID", event_ids[event], -1};
    g_autofree gchar *message = NULL;
    va_list arguments;

    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    log_with_field(G_LOG_LEVEL_MESSAGE, domain, uuid, id, message);
}

static void
log_error(GLogLevelFlags level, const char *domain, const char *uuid, const GError *error)
{
    g_autofree gchar *message = nest_error_text(error);

    log_with_field(level, domain, uuid, (GLogField){"VIRT_NEST_CODE", nest_error_name(error), -1},
                   message);
}

void
nest_log_error(const char *domain, const char *uuid, const GError *error)
{
    log_error(G_LOG_LEVEL_WARNING, domain, uuid, error);
}

void
nest_log_last_error(const GError *error)
{
    g_autofree gchar *text = nest_error_text(error);
    g_autofree gchar *escaped = nest_error_escape(text);

    if (g_log_writer_is_journald(fileno(stderr)))
        (void)fprintf(stderr, "<4>%s\n", escaped); /* a warning: sd-daemon(3) */
    else
        (void)fprintf(stderr, "%s: %s\n", g_get_prgname(), escaped);
}

void
nest_log_emergency(const GError *error)
{
    log_error(G_LOG_LEVEL_CRITICAL, NULL, NULL, error);
}
