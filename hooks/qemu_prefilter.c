/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hook's prefilter, run by libvirt: lets domains that do not mention virt-nest pass at once.
 *
 * Theory of operation: libvirt runs this for every operation of every domain on the host, so it
 * links libc only and allocates nothing. The XML is read in chunks and searched for a few words. If
 * it has none of them, the hook exits with 0, unless the settings or the rules may concern every domain
 * (config_peek.h, rules_peek.h). Else the XML goes into a memfd (it carries passwords, so never into a
 * file or a message), the memfd becomes standard input, and the judge, qemu-hook.so, is loaded and
 * takes over. (A judge in a program of its own would cost another exec, as much as the whole prefilter.) XML
 * of more than one chunk goes into the memfd while it is read.
 *
 * A failure here fails the operation only if libvirt asks for permission and the domain may concern
 * us. A failing reconnect would kill a running guest (facts.md, "Hooks"). The same holds for
 * standard input that does not end, for example because libvirtd was stopped in the middle of
 * writing: when the time is over, the XML read so far decides whether the operation is refused or
 * passes.
 *
 * At restore nothing may fail at all: libvirt 11.3 deletes the saved image (facts.md, "Hooks"). So
 * there the judge runs in a child. This process waits for the child and then exits with 0,
 * even if the kernel kills the child. The restored guest is judged at prepare. */
#include "base/config_peek.h"
#include "base/rules_peek.h"
#include "domain/prefilter.h"
#include "fatal.h"
#include "host/hook_place.h"
#include "operations.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than the XML of most domains, so that the memfd is made almost only for domains that are passed on. */
#ifndef CHUNK /* the fuzz target makes it small */
#define CHUNK ((size_t)64 * 1024)
#endif

/* This many bytes of the previous chunk are kept before each chunk, to find a word that spans both. */
#define OVERLAP NEST_PREFILTER_LONGEST

#define JUDGE "qemu-hook.so"

/* What this part needs to know of the operations. */
#define ROW(name, check, action, aftermath, flags) {name, action, flags},
static const struct Operation {
    const char *name;
    const char *action;
    int flags;
} operations[] = {NEST_OPERATIONS(ROW)};
#undef ROW

/* What can go wrong, in words for the user. */
typedef struct {
    const char *what;   /* followed by ": " and the reason */
    const char *remedy; /* what to do */
} Failure;

static const Failure cannot_read = {"its XML cannot be read", "try again"};
static const Failure cannot_store = {"its XML cannot be passed on",
                                     "free some memory and try again"};
static const Failure too_long = {"its XML is longer than 16 MiB",
                                 "make its <metadata> and <description> shorter (virsh edit)"};
static const Failure cannot_load = {"virt-nest's judge, " JUDGE ", cannot be loaded",
                                    "install virt-nest anew, free some memory, or remove its hook "
                                    "from /etc/libvirt/hooks"};

/* The XML read so far. The kernel zeroes each page of it when the page is first touched. */
static struct Input {
    char bytes[OVERLAP + CHUNK]; /* end of the chunk before, then the chunk */
    size_t length;               /* of the chunk */
    size_t stored;               /* bytes in the memfd */
    int memfd;                   /* -1: not made yet */
    bool may_be_ours;            /* one of the words was found, or every domain may concern us */
    const Failure *failure;      /* NULL: all went well */
    const char *reason;          /* of the failure: the text of the system or the loader */
} the_input;

typedef struct Input Input;

static void
fail_input(Input *input, const Failure *failure, const char *reason)
{
    if (input->failure)
        return;
    input->failure = failure;
    input->reason = reason;
}

/* The signal handler asks this as well, when reading takes too long. */
static bool
input_may_be_ours(const Input *input)
{
    return nest_prefilter_matches(input->bytes, OVERLAP + input->length);
}

static bool
input_concerns_us(void)
{
    return the_input.may_be_ours || input_may_be_ours(&the_input);
}

/* Reads until the chunk is full or the input ends; returns whether there may be more. */
static bool
read_chunk(Input *input)
{
    input->length = 0;
    while (input->length < CHUNK) {
        ssize_t n = read(0, input->bytes + OVERLAP + input->length, CHUNK - input->length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail_input(input, &cannot_read, strerror(errno));
        if (n <= 0)
            return false;
        input->length += (size_t)n;
    }
    return true;
}

static void
store_bytes(Input *input, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(input->memfd, bytes, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fail_input(input, &cannot_store, strerror(errno));
            return;
        }
        bytes += n;
        length -= (size_t)n;
        input->stored += (size_t)n;
    }
}

/* Adds the chunk to the memfd. After a failure nothing is stored, but the search goes on. */
static void
store_chunk(Input *input)
{
    if (input->stored + input->length > NEST_HOOK_MAX_BYTES)
        fail_input(input, &too_long, strerror(EFBIG));
    if (input->failure)
        return;
    if (input->memfd < 0)
        input->memfd = memfd_create("virt-nest-domain", MFD_CLOEXEC);
    if (input->memfd < 0)
        fail_input(input, &cannot_store, strerror(errno));
    else
        store_bytes(input, input->bytes + OVERLAP, input->length);
}

/* Leaves the last chunk in the buffer, because nearly always it is the only one and is not passed on. */
static void
read_and_search_input(Input *input)
{
    bool more = true;

    while (more && !(input->may_be_ours && input->failure)) {
        more = read_chunk(input);
        if (!input->may_be_ours)
            input->may_be_ours = input_may_be_ours(input);
        if (!more)
            return;
        store_chunk(input);
        memcpy(input->bytes, input->bytes + CHUNK, OVERLAP);
    }
}

/* Keeps the child on this processor, which is free while this process waits for the child. The kernel would often
 * move the child to a busy processor, where it would wait for milliseconds. A failure costs only this time. */
static void
stay_on_this_processor(void)
{
    const int processor = sched_getcpu();
    cpu_set_t here;

    CPU_ZERO(&here);
    if (processor >= 0)
        CPU_SET((size_t)processor, &here);
    (void)sched_setaffinity(0, sizeof(here), &here);
}

/* Forks. Returns true in the child, whose standard output and exit status are ignored and which
 * does not outlive this process. The parent waits for the child and returns false. */
static bool
go_on_in_child(void)
{
    pid_t child = -1;
    int nowhere = -1;

    stay_on_this_processor();
    child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (nowhere >= 0)
            (void)dup2(nowhere, STDOUT_FILENO);
        if (nowhere > STDERR_FILENO)
            (void)close(nowhere);
        return true;
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    return false;
}

/* Returns only if it failed. dup2() leaves standard input open if the judge runs a program. */
static void
hand_over(Input *input, int argc, char **argv)
{
    void *part = NULL;
    int (*judge)(int, char **) = NULL;

    store_chunk(input);
    if (input->failure)
        return;
    if (lseek(input->memfd, 0, SEEK_SET) < 0 || dup2(input->memfd, 0) < 0) {
        fail_input(input, &cannot_store, strerror(errno));
        return;
    }
    (void)alarm(NEST_FATAL_SECONDS); /* loading has a time limit of its own */
    /* RTLD_NOW would bind every symbol of all libraries, which takes a third of a millisecond; the judge itself is
     * linked with -z now. */
    part = dlopen(NEST_HOOKDIR "/" JUDGE, RTLD_LAZY | RTLD_LOCAL);
    judge = part ? (int (*)(int, char **))dlsym(part, NEST_HOOK_JUDGE) : NULL;
    if (judge)
        exit(judge(argc, argv));
    fail_input(input, &cannot_load, dlerror());
}

/* A path on this host, or in the tree of a test (VIRT_NEST_ROOT). Does not use snprintf(), whose first call costs more than
 * all of note_call(). */
static const char *
host_path(char *buffer, const char *path)
{
    const char *root = secure_getenv("VIRT_NEST_ROOT");

    if (!root || strlen(root) + strlen(path) >= PATH_MAX)
        return path;
    (void)stpcpy(stpcpy(buffer, root), path);
    return buffer;
}

/* Returns the exit status. @refusal: the beginning of a refusal's message, fit to be printed. */
static int
let_go_or_pass_on(const struct Operation *operation, const char *refusal, int argc, char **argv)
{
    Input *input = &the_input;
    char buffer[PATH_MAX];

    input->memfd = -1;
    input->may_be_ours = nest_config_peek(host_path(buffer, NEST_CONFIG_FILE)) ||
                         nest_rules_peek(host_path(buffer, NEST_RULES_DIRECTORY));
    read_and_search_input(input);
    if (!input->may_be_ours)
        return 0;
    if (!input->failure && (!(operation->flags & NEST_OPERATION_UNFAILING) || go_on_in_child()))
        hand_over(input, argc, argv);
    if (!operation->action || !input->failure)
        return 0;
    (void)dprintf(STDERR_FILENO, "%s: %s: %s: %s [NEST-IO]\n", refusal, input->failure->what,
                  input->reason, input->failure->remedy);
    return 1;
}

/* Records the time of this call for virtnestd and virt-nest doctor. May fail, because no judgement depends on it. The hook
 * of a session records nothing. */
static void
note_call(void)
{
    char buffer[PATH_MAX];
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int fd = -1;

    if (geteuid() != 0)
        return;
    fd = open(host_path(buffer, NEST_HOOK_CALLED), flags, 0644);
    if (fd < 0 && errno == ENOENT && mkdir(host_path(buffer, NEST_HOOK_RUNTIME), 0755) == 0)
        fd = open(host_path(buffer, NEST_HOOK_CALLED), flags, 0644);
    if (fd < 0)
        return;
    (void)futimens(fd, NULL);
    (void)close(fd);
}

int
main(int argc, char **argv)
{
    const struct Operation *operation = NULL;
    NestFatalHandler fatal = {
        .seconds = NEST_FATAL_SECONDS, .to_libvirt = true, .concerns_us = input_concerns_us};

    for (size_t i = 0; argc > 2 && i < sizeof(operations) / sizeof(operations[0]); i++)
        if (strcmp(operations[i].name, argv[2]) == 0)
            operation = &operations[i];
    if (!operation && argc > 2 && strcmp(argv[2], NEST_OPERATION_STARTED) == 0)
        note_call();
    if (!operation)
        return 0;
    fatal.action = operation->action;
    fatal.name = argv[1];
    /* Opens those of the descriptors 0 to 2 that are closed. Otherwise the next file opened, here
     * or in the judge, would get such a number. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            break;
    note_call();
    /* The judge inherits this and the time limit. If nobody reads a message, SIGPIPE must not fail the operation. */
    (void)signal(SIGPIPE, SIG_IGN);
    return let_go_or_pass_on(operation, nest_fatal_handler_set(&fatal), argc, argv);
}
