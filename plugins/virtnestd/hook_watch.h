/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hook watch: compares the time of each start that libvirt reports with the time of its last call of the hook. */
#pragma once

#include <glib.h>

typedef struct NestHookWatch NestHookWatch;

/**
 * NestUnjudged: the domains that were started without a call of the hook.
 */
typedef struct {
    gint64 since;     /* when the youngest such domain was started, in ms since 1970; 0: none was */
    const char *name; /* (nullable) its name */
    const char *
        tagged; /* (nullable) those that run and have a tag, even a mistaken one: "lab1, lab2 and 3 more" */
} NestUnjudged;

/**
 * nest_hook_watch_new: begin without any start.
 * @changed: called from the main loop whenever the NestUnjudged has changed
 * @data: for it
 */
NestHookWatch *nest_hook_watch_new(void (*changed)(gpointer data, const NestUnjudged *unjudged),
                                   gpointer data);

void nest_hook_watch_free(NestHookWatch *watch);

/* libvirt has started a domain. The start is judged a second later, when it is known whether the domain still runs. */
void nest_hook_watch_started(NestHookWatch *watch, const char *uuid, const char *name);

/* A domain that runs has a tag, or what was meant to be one. */
void nest_hook_watch_tagged(NestHookWatch *watch, const char *uuid);

/* A domain has stopped. libvirt calls the hook then, too. */
void nest_hook_watch_stopped(NestHookWatch *watch, const char *uuid);

/* libvirt is gone. Its next daemon looks again whether there is a hook. */
void nest_hook_watch_clear(NestHookWatch *watch);
