/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uses a terminal as a screen, and restores it at the end. */
#pragma once

#include <glib.h>

/* Whether standard input and output are a terminal. */
gboolean nest_screen_is_there(void);

/**
 * nest_screen_enter: take the terminal over: another screen, no cursor, no echo, keys at once.
 *
 * Another call does no harm, and corrects what a shell has set meanwhile. Until
 * nest_screen_leave() the program must not exit by itself; if a fault or a lack of memory ends
 * it, the terminal is left first.
 */
void nest_screen_enter(void);

/* Restores the terminal, if it was taken over. */
void nest_screen_leave(void);

/* The terminal's size in columns and rows; 80 and 24 if the terminal does not report it. */
void nest_screen_size(guint *ret_columns, guint *ret_rows);

/**
 * nest_screen_show: show these lines and nothing else.
 * @lines: none of them wider than the screen, and not more than it has rows
 *
 * Returns: FALSE where the terminal is gone.
 */
gboolean nest_screen_show(const GPtrArray *lines);

/**
 * nest_screen_signals: the signals a program with a screen has to see, as a descriptor.
 *
 * The signals that end or stop a program are blocked, and are read from here as struct
 * signalfd_siginfo. This must be called before another thread exists, which would take them.
 *
 * Returns: the descriptor, of signalfd(2).
 */
int nest_screen_signals(void);

/* Stops the program, as the user asked for by Ctrl-Z; returns when it goes on. */
void nest_screen_stop(void);
