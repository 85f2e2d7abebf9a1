/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's KVM module, made ready as soon as a tagged domain wants it. */
#pragma once

#include "base/config.h"

typedef struct NestHost NestHost;

/**
 * nest_host_new: begin, with no domain that wants nesting yet.
 * @config: the settings in force; [host] manage is read each time
 * @when_ready: called from the main loop after nesting was turned on
 * @data: for it
 */
NestHost *nest_host_new(const NestConfig *config, void (*when_ready)(gpointer), gpointer data);

/* Frees it. Waits until a reload that this process has under way has ended, but not for the unit. */
void nest_host_free(NestHost *host);

/* A tagged KVM domain is there: unless nesting is on, turns it on, now and at the next boot. */
void nest_host_want(NestHost *host);

/* A guest has ended, perhaps the one that kept the module in use. */
void nest_host_retry(NestHost *host);
