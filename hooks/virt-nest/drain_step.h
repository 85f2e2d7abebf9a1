/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decides what has to be done with one holder of the KVM module before the module can be reloaded. It reads nothing
 * itself. */
#pragma once

#include <glib.h>

/* Whether nested guests run in a guest, as far as that is known. */
typedef enum {
    NEST_DRAIN_L2_IMPOSSIBLE, /* nesting is off, or the guest's CPU does not have the feature */
    NEST_DRAIN_L2_NONE,
    NEST_DRAIN_L2_UNKNOWN,
    NEST_DRAIN_L2_RUNNING,
} NestDrainL2;

/* What is to be done with it, in the order of the plan. */
typedef enum {
    NEST_DRAIN_MOVE,  /* it can migrate, or be shut down */
    NEST_DRAIN_LOOK,  /* look inside it for nested guests, then shut it down */
    NEST_DRAIN_EMPTY, /* shut its nested guests down, then itself */
    NEST_DRAIN_OTHER, /* not a domain of this libvirt: its owner's */
} NestDrainAction;

/**
 * NestDrainStep: a process that holds the KVM module.
 */
typedef struct {
    gint pid;
    gchar *name; /* of the domain, or of the process */
    gchar *uuid; /* NULL: it is not a domain of this libvirt, and the following fields are empty */
    gboolean tagged;
    gboolean persistent; /* it has a definition, which outlives a shutdown */
    gboolean autostart;
    const char *wake; /* (nullable) virsh's command that makes a paused guest notice a shutdown */
    NestDrainL2 nested;
} NestDrainStep;

void nest_drain_step_free(NestDrainStep *step);

NestDrainAction nest_drain_step_action(const NestDrainStep *step);

/* As programs read them. */
const char *nest_drain_step_action_name(NestDrainAction action);
const char *nest_drain_step_nested_name(NestDrainL2 nested);

/* A sentence: the reason for the action, and what to do. */
const char *nest_drain_step_reason(const NestDrainStep *step);

/* (transfer full)(nullable) The command that migrates it; DESTINATION is to be filled in. NULL where it is not to migrate. */
gchar *nest_drain_step_migrate(const NestDrainStep *step) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) The command that shuts it down; of a process that is not libvirt's, the one that shows whose it is. */
gchar *nest_drain_step_stop(const NestDrainStep *step) G_GNUC_WARN_UNUSED_RESULT;

/* For g_ptr_array_sort(): by action; domains with autostart come last, so that they are off for the shortest time. */
gint nest_drain_step_compare(gconstpointer a, gconstpointer b);
