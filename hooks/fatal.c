/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a program ends when it cannot go on. Uses libc only, because the hook's prefilter uses it too. */
#include "fatal.h"

#include "base/escape.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define FAULT                                                                                      \
    "virt-nest failed because of a bug in virt-nest: please report it, with the domain's XML"
#define NO_MEMORY "there is not enough memory: free some and try again"
#define NO_TIME                                                                                    \
    "it takes too long: see whether this host is overloaded, and whether libvirt or the journal "  \
    "hangs, then try again"

static const struct {
    int number;
    const char *reason;
} signals[] = {
    {SIGALRM, NO_TIME}, {SIGXCPU, NO_TIME},
#ifndef NEST_SANITIZED /* a sanitizer says more about these itself */
    {SIGABRT, FAULT},  /* a failed assertion, or libc found the heap or stack overwritten */
    {SIGTRAP, FAULT},  /* GLib's g_error() */
    {SIGSEGV, FAULT},   {SIGBUS, FAULT},    {SIGILL, FAULT}, {SIGFPE, FAULT},
#endif
};

/* The signal handler and the program share this. Only nest_fatal_handler_set() changes it. */
static NestFatalHandler armed = {.action = ""};
static char beginning[512] = "nest"; /* all that is known before the handler is set */
static char stack[32 * 1024];

/* Writes with one call of writev(), so that the line stays whole, and only if standard error can
 * take it: a pipe that nobody reads would hang us again. */
static void
write_reason(const char *reason)
{
    const char *pieces[] = {beginning, ": ", reason, " [NEST-IO]\n"};
    struct iovec parts[sizeof(pieces) / sizeof(pieces[0])];
    struct pollfd target = {.fd = STDERR_FILENO, .events = POLLOUT};
    const int n = sizeof(pieces) / sizeof(pieces[0]);

    for (int i = 0; i < n; i++)
        parts[i] = (struct iovec){(void *)pieces[i], strlen(pieces[i])};
    if (poll(&target, 1, 0) == 1 && target.revents == POLLOUT &&
        writev(STDERR_FILENO, parts, n) < 0)
        return; /* nobody reads it; the exit status tells */
}

void
nest_fatal(const char *reason)
{
    if (!armed.action || (armed.concerns_us && !armed.concerns_us()))
        _exit(0);
    write_reason(reason);
    _exit(1);
}

static void
end_by_signal(int number)
{
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (signals[i].number == number)
            nest_fatal(signals[i].reason);
}

void
nest_fatal_no_memory(void)
{
    nest_fatal(NO_MEMORY);
}

/* A fault in the handler itself ends the process: its signal is blocked there, and SA_RESETHAND has reset the signal that
 * called the handler. */
static void
catch_signals(void)
{
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_handler = end_by_signal,
                               .sa_flags = SA_ONSTACK | (int)SA_RESETHAND};
    sigset_t caught;

    (void)sigaltstack(&other, NULL);
    (void)sigemptyset(&caught);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)sigaddset(&caught, signals[i].number);
    action.sa_mask = caught;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)sigaction(signals[i].number, &action, NULL);
    /* If the program that started us had blocked these signals, they would stay pending, and we would hang. */
    (void)sigprocmask(SIG_UNBLOCK, &caught, NULL);
}

/* Does not use printf(), which would cost the prefilter more than everything else here. */
static void
write_beginning(const NestFatalHandler *handler)
{
    static const char ellipsis[] = "...'";
    const char *name = handler->name;
    char *first = stpcpy(beginning, handler->to_libvirt ? "\n" : "");
    char *end_of_text = stpcpy(stpcpy(stpcpy(first, "nest: cannot "), handler->action), " '");
    size_t room = sizeof(beginning) - (size_t)(end_of_text - beginning) - sizeof(ellipsis);
    size_t copied = nest_escape_copy(end_of_text, room, name);

    (void)stpcpy(end_of_text + strlen(end_of_text), name[copied] ? ellipsis : "'");
}

const char *
nest_fatal_handler_set(const NestFatalHandler *handler)
{
    if (handler->action)
        write_beginning(handler);
    armed = *handler;
    catch_signals();
    (void)alarm(handler->seconds);
    return beginning;
}
