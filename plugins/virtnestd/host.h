/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns nesting on in the host's KVM module as soon as a tagged domain needs it. */
#pragma once

#include "base/config.h"

typedef struct NestHost NestHost;

/**
 * nest_host_new: begin; no domain needs nesting yet.
 * @config: the settings in force; [host] manage is read each time
 * @when_ready: called from the main loop after nesting was turned on
 * @data: for it
 */
NestHost *nest_host_new(const NestConfig *config, void (*when_ready)(gpointer), gpointer data);

/* Frees it. If this process itself reloads the module, waits for the end of the reload; does not wait for the unit. */
void nest_host_free(NestHost *host);

/* To be called when there is a tagged KVM domain. If nesting is off, turns it on, now and at each boot. */
void nest_host_want(NestHost *host);

/* To be called when a guest has ended: tries again, because that guest may have kept the module in use. */
void nest_host_retry(NestHost *host);
