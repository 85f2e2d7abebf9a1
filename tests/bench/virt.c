/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the benchmark's libvirt programs share. */
#include "virt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void
bench_die(const char *format, ...)
{
    g_autofree gchar *message = NULL;
    va_list arguments;

    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "%s: %s\n", g_get_prgname(), message);
    exit(2);
}

static void
be_silent(void *context, virErrorPtr error)
{
    (void)context, (void)error;
}

virConnectPtr
bench_connect(const char *uri)
{
    virConnectPtr connection = NULL;

    virSetErrorFunc(NULL, be_silent);
    connection = virConnectOpen(uri);
    if (!connection)
        bench_die("cannot connect to %s: %s", uri, virGetLastErrorMessage());
    return connection;
}

static gpointer
run_events(gpointer unused)
{
    (void)unused;
    while (virEventRunDefaultImpl() == 0)
        ;
    return NULL;
}

void
bench_run_events(void)
{
    g_thread_unref(g_thread_new("events", run_events, NULL));
}

int
bench_number(const char *text)
{
    guint64 number = 0;

    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT, &number, NULL))
        bench_die("'%s' is not a number of rounds", text);
    return (int)number;
}

void
bench_say(const char *in, const char *line)
{
    int fd = open(in, O_RDWR | O_CLOEXEC);
    gssize length = (gssize)strlen(line);

    if (fd < 0 || write(fd, line, (size_t)length) != length)
        bench_die("cannot write to %s", in);
    (void)close(fd);
}

gint64
bench_now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (gint64)time.tv_sec * 1000000000 + time.tv_nsec;
}

void
bench_print(const char *label, gint64 value)
{
    (void)printf("%s %" G_GINT64_FORMAT "\n", label, value);
}
