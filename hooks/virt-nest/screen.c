/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uses a terminal as a screen, and restores it at the end. */
#include "screen.h"

#include "../fatal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* xterm's sequences, which all terminals of today know, for the other screen and the cursor. */
#define HIDE "\033[?25l"
#define ENTER "\033[?1049h" HIDE
#define LEAVE "\033[?25h\033[?1049l"

/* The fatal handler uses this, too: after a fault, the terminal must not be left without echo. */
static struct {
    struct termios before;
    int out; /* the terminal; non-blocking if it could be opened separately */
    volatile sig_atomic_t entered;
} screen;

gboolean
nest_screen_is_there(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* Gives up if the terminal takes nothing for a second, for example because its window hangs:
 * otherwise it would hang us, and no signal would be handled. Async-signal-safe. Returns
 * FALSE if the terminal is gone. */
static gboolean
put(const char *text, gsize length)
{
    struct pollfd terminal = {.fd = screen.out, .events = POLLOUT};

    while (length > 0) {
        gssize written = write(screen.out, text, length);

        if (written < 0 && errno != EAGAIN && errno != EINTR)
            return FALSE;
        if (written < 0 && poll(&terminal, 1, 1000) <= 0)
            return TRUE;
        text += MAX(written, 0);
        length -= (gsize)MAX(written, 0);
    }
    return TRUE;
}

/* The one place where the terminal is left. Async-signal-safe. */
void
nest_screen_leave(void)
{
    if (!screen.entered)
        return;
    screen.entered = 0;
    (void)put(LEAVE, strlen(LEAVE));
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
}

static bool
leave_at_last(void)
{
    nest_screen_leave();
    return true;
}

/* Waits first until we are in the foreground. Until then the terminal has the settings with which
 * the shell reads a line, and these must not be restored later. */
static void
begin_screen(void)
{
    const NestFatalHandler fatal = {
        .action = "show", .name = "domains", .concerns_us = leave_at_last};
    pid_t group = tcgetpgrp(STDIN_FILENO);

    if (group > 0 && group != getpgrp())
        (void)raise(SIGTTOU);
    (void)tcgetattr(STDIN_FILENO, &screen.before);
    if (screen.out == 0)
        screen.out = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (screen.out < 0)
        screen.out = STDOUT_FILENO;
    (void)nest_fatal_handler_set(&fatal);
}

/* Keys still send signals. Ctrl-S is switched off, because it would stop the output, and us with
 * it, in the middle of a line. */
void
nest_screen_enter(void)
{
    const char *sequence =
        screen.entered ? HIDE : ENTER; /* twice, ENTER makes a terminal forget its first screen */
    struct termios mode;

    if (!screen.entered)
        begin_screen();
    screen.entered = 1;
    mode = screen.before;
    mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
    mode.c_iflag &= ~(tcflag_t)IXON;
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &mode);
    (void)put(sequence, strlen(sequence));
}

void
nest_screen_size(guint *ret_columns, guint *ret_rows)
{
    struct winsize size = {0};
    gboolean known =
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;

    *ret_columns = known ? size.ws_col : 80;
    *ret_rows = known ? size.ws_row : 24;
}

/* Clears each row before it is written, not after: after a character in the last column, the cursor
 * still stands on that character. */
gboolean
nest_screen_show(const GPtrArray *lines)
{
    g_autoptr(GString) text = g_string_new(NULL);
    guint columns = 0;
    guint rows = 0;

    nest_screen_size(&columns, &rows);
    for (guint row = 0; row < rows; row++)
        g_string_append_printf(text, "\033[%u;1H\033[2K%s", row + 1,
                               row < lines->len ? (const char *)g_ptr_array_index(lines, row) : "");
    return put(text->str, text->len);
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};

int
nest_screen_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
        (void)sigaddset(&set, signals[i]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Uses the signal's default action, which does nothing if there is no shell to let us go on. */
void
nest_screen_stop(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTSTP);
    (void)raise(SIGTSTP);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}
