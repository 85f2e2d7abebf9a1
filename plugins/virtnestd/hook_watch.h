/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hook watch: compares each start that libvirt tells of with the time at which it called the hook last. */
#pragma once

#include <glib.h>

typedef struct NestHookWatch NestHookWatch;

/**
 * NestUnjudged: what was started without the hook.
 */
typedef struct {
    gint64 since;     /* when the youngest such domain was started, in ms since 1970; 0: none was */
    const char *name; /* (nullable) its name */
    const char *
        tagged; /* (nullable) those that run and are tagged, well or not: "lab1, lab2 and 3 more" */
} NestUnjudged;

/**
 * nest_hook_watch_new: begin without any start.
 * @changed: told from the main loop whenever something else is to be said
 * @data: for it
 */
NestHookWatch *nest_hook_watch_new(void (*changed)(gpointer data, const NestUnjudged *unjudged),
                                   gpointer data);

void nest_hook_watch_free(NestHookWatch *watch);

/* libvirt has started a domain. It is judged a second later, when it is known whether that run goes on. */
void nest_hook_watch_started(NestHookWatch *watch, const char *uuid, const char *name);

/* A domain that runs has a tag, or what was meant to be one. */
void nest_hook_watch_tagged(NestHookWatch *watch, const char *uuid);

/* A domain does not run any more. libvirt calls the hook then, too. */
void nest_hook_watch_stopped(NestHookWatch *watch, const char *uuid);

/* libvirt is gone. Its next daemon looks for the hook anew. */
void nest_hook_watch_clear(NestHookWatch *watch);
