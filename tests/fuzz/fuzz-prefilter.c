/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that the prefilter hands a domain's XML over, byte for byte, exactly where it mentions us.
 *
 * The first byte chooses the operation, the second how much one read gives, the rest is the XML. The
 * reference is the library's own search, nest_prefilter_matches(), over the whole of it. */
#include "domain/prefilter.h"
#include "domain/tag.h"
#include "fuzz.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One run of the prefilter, as its stand-ins for system calls see it. */
static struct {
    const char *xml;   /* what is on standard input */
    gsize length;      /* of it */
    gsize piece;       /* what one read gives at most */
    char **argv;       /* of the prefilter */
    guint judged;      /* how often the judge ran */
    gchar *message;    /* (nullable) what was printed */
    int source, given; /* memfds: standard input, the one the prefilter makes */
} run;

static ssize_t read_piece(int fd, void *bytes, size_t length);
static int give_memfd(const char *name, unsigned flags);
static void *load(const char *path, int flags);
static int come_back(int argc, char **argv);
static int print(int fd, const char *format, ...) G_GNUC_PRINTF(2, 3);

#define CHUNK ((size_t)64) /* so that a short input has many */
#define main front_main
int front_main(int argc, char **argv);
#define read read_piece
#define memfd_create give_memfd
#define dlopen load
#define dlsym(part, name) ((void *)come_back)
#define dlerror() "it came back"
#define exit(status) ((void)(status))
#define dprintf print
#define sched_setaffinity(pid, size, set) ((void)(set), 0)
#define fork() 0    /* what the child does is of interest */
#define geteuid() 1 /* so that it notes no call in this machine's /run */
#define dup2(from, to) ((to) == STDOUT_FILENO ? 0 : dup2(from, to))
#include "../../hooks/qemu_prefilter.c" // NOLINT(bugprone-suspicious-include): its main is what is called
#undef read
#undef memfd_create
#undef dlopen
#undef dlsym
#undef dlerror
#undef exit
#undef dprintf
#undef sched_setaffinity
#undef fork
#undef geteuid
#undef dup2

static const struct {
    const char *name;
    gboolean is_passed_on, may_refuse;
} asked[] = {
    {"prepare", TRUE, TRUE},     {"start", TRUE, TRUE},       {"migrate", TRUE, TRUE},
    {"restore", TRUE, FALSE},    {"stopped", TRUE, FALSE},    {"release", TRUE, FALSE},
    {"started", FALSE, FALSE},   {"reconnect", FALSE, FALSE}, {"attach", FALSE, FALSE},
    {"brand-new", FALSE, FALSE}, {NULL, FALSE, FALSE},
};

static ssize_t
read_piece(int fd, void *bytes, size_t length)
{
    return read(fd, bytes, MIN(length, run.piece));
}

static int
give_memfd(const char *name, unsigned flags)
{
    (void)name;
    PROMISE("no program that runs later has the XML open", flags & MFD_CLOEXEC, NULL);
    return ftruncate(run.given, 0) < 0 || lseek(run.given, 0, SEEK_SET) < 0 ? -1 : run.given;
}

static void *
load(const char *path, int flags)
{
    (void)flags;
    PROMISE("the judge is what is loaded", g_str_has_suffix(path, "/qemu-hook.so"), path);
    return &run;
}

/* Stands for the judge: reads its standard input, and comes back, which the prefilter takes for a failure. */
static int
come_back(int argc, char **argv)
{
    char bytes[4096];
    ssize_t n = read(0, bytes, sizeof(bytes));

    run.judged++;
    PROMISE("it gets the prefilter's arguments", argc == 5 && argv == run.argv, NULL);
    PROMISE("it reads what the prefilter read",
            n == (ssize_t)run.length && memcmp(bytes, run.xml, run.length) == 0, NULL);
    return 0;
}

static int
print(int fd, const char *format, ...)
{
    va_list arguments;

    PROMISE("one message, on standard error", fd == 2 && !run.message, run.message);
    va_start(arguments, format);
    run.message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return 0;
}

/* The real one takes the signals that libFuzzer needs. */
const char *
nest_fatal_handler_set(const NestFatalHandler *wish)
{
    (void)wish;
    return "nest: cannot";
}

gboolean
fuzz_start(void)
{
    run.source = memfd_create("source", MFD_CLOEXEC);
    run.given = memfd_create("given", MFD_CLOEXEC);
    return run.source >= 0 && run.given >= 0;
}

static int
run_front(const char *operation)
{
    char *arguments[] = {(char *)"qemu",  (char *)"lab1", (char *)operation,
                         (char *)"begin", (char *)"-",    NULL};
    int status = 0;

    run.argv = arguments;
    run.judged = 0;
    g_clear_pointer(&run.message, g_free);
    the_input = (Input){0};
    PROMISE("standard input is laid out",
            ftruncate(run.source, (off_t)run.length) == 0 &&
                pwrite(run.source, run.xml, run.length, 0) == (ssize_t)run.length &&
                lseek(run.source, 0, SEEK_SET) == 0 && dup2(run.source, 0) == 0,
            g_strerror(errno));
    status = front_main(operation ? 5 : 2, arguments);
    run.argv = NULL;
    return status;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    guint i = size > 2 ? fuzz_choice(data[0], G_N_ELEMENTS(asked)) : 0;
    gboolean passed_on = FALSE;
    int status = 0;

    if (size < 2 || size > 4096)
        return 0;
    run.piece = data[1] == '0' ? 4096 : data[1] + 1;
    run.xml = (const char *)data + 2;
    run.length = size - 2;
    passed_on = asked[i].is_passed_on && nest_prefilter_matches(run.xml, run.length);
    status = run_front(asked[i].name);
    PROMISE("the judge runs exactly for a domain that mentions us", passed_on == (run.judged > 0),
            asked[i].name);
    PROMISE("only what may be refused is, and only where the judge fails",
            status == (passed_on && asked[i].may_refuse), asked[i].name);
    PROMISE("a refusal is one line with its code",
            status ? run.message && g_str_has_prefix(run.message, "nest: cannot: ") &&
                         g_str_has_suffix(run.message, " [NEST-IO]\n")
                   : !run.message,
            run.message);
    return 0;
}
