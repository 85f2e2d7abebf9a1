/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decides what has to be done with one holder of the KVM module before the module can be reloaded. It reads nothing
 * itself. */
#include "drain_step.h"

#include <string.h>

/* A domain without a definition is gone once its guest is shut down. */
#define KEEP_IT                                                                                    \
    "; it is transient: keep its XML (virsh dumpxml) before it is shut down, or it cannot be started again"

static const struct {
    const char *name; /* for programs */
    const char *reason;
    const char *reason_transient;
} actions[] = {
    [NEST_DRAIN_MOVE] = {"migrate", "no nested guests run in it: migrate it, or shut it down",
                         "no nested guests run in it: migrate it, or shut it down" KEEP_IT},
    [NEST_DRAIN_LOOK] =
        {"look-inside",
         "it is not known whether nested guests run in it: look inside, shut those down, then it",
         "it is not known whether nested guests run in it: look inside, shut those down, then "
         "it" KEEP_IT},
    [NEST_DRAIN_EMPTY] =
        {"shut-down-inside", "nested guests run in it: shut those down inside it first, then it",
         "nested guests run in it: shut those down inside it first, then it" KEEP_IT},
    [NEST_DRAIN_OTHER] = {"other", "it is not a domain of this libvirt: its owner has to stop it",
                          NULL},
};

/* Whether nested guests run: the word for programs, and the action that follows. */
static const struct {
    const char *name;
    NestDrainAction action;
} nested_guests[] = {
    [NEST_DRAIN_L2_IMPOSSIBLE] = {"impossible", NEST_DRAIN_MOVE},
    [NEST_DRAIN_L2_NONE] = {"none", NEST_DRAIN_MOVE},
    [NEST_DRAIN_L2_UNKNOWN] = {"unknown", NEST_DRAIN_LOOK},
    [NEST_DRAIN_L2_RUNNING] = {"running", NEST_DRAIN_EMPTY},
};

void
nest_drain_step_free(NestDrainStep *step)
{
    g_free(step->name);
    g_free(step->uuid);
    g_free(step);
}

NestDrainAction
nest_drain_step_action(const NestDrainStep *step)
{
    return step->uuid ? nested_guests[step->nested].action : NEST_DRAIN_OTHER;
}

const char *
nest_drain_step_action_name(NestDrainAction action)
{
    return actions[action].name;
}

const char *
nest_drain_step_nested_name(NestDrainL2 nested)
{
    return nested_guests[nested].name;
}

const char *
nest_drain_step_reason(const NestDrainStep *step)
{
    NestDrainAction action = nest_drain_step_action(step);

    return step->uuid && !step->persistent ? actions[action].reason_transient
                                           : actions[action].reason;
}

/* A name that a shell or virsh would take for something else is not written. */
static const char *
domain_word(const NestDrainStep *step)
{
    gboolean plain =
        step->name[strspn(step->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                                      "WXYZ0123456789-_.")] == '\0';

    return plain && g_ascii_isalpha(step->name[0]) ? step->name : step->uuid;
}

/* The definition goes along: started here as well, the guest would write to its disks twice. */
gchar *
nest_drain_step_migrate(const NestDrainStep *step)
{
    if (nest_drain_step_action(step) != NEST_DRAIN_MOVE)
        return NULL;
    return g_strdup_printf("virsh migrate --live%s %s qemu+ssh://DESTINATION/system",
                           step->persistent ? " --persistent --undefinesource" : "",
                           domain_word(step));
}

gchar *
nest_drain_step_stop(const NestDrainStep *step)
{
    const char *word = step->uuid ? domain_word(step) : NULL;

    if (!word)
        return g_strdup_printf("ps -o pid,user,args -p %d", step->pid);
    if (step->wake)
        return g_strdup_printf("virsh %s %s && virsh shutdown %s", step->wake, word, word);
    return g_strdup_printf("virsh shutdown %s", word);
}

gint
nest_drain_step_compare(gconstpointer a, gconstpointer b)
{
    const NestDrainStep *first = *(const NestDrainStep *const *)a;
    const NestDrainStep *second = *(const NestDrainStep *const *)b;
    gint order = (gint)nest_drain_step_action(first) - (gint)nest_drain_step_action(second);

    if (order == 0)
        order = first->autostart - second->autostart;
    if (order == 0)
        order = strcmp(first->name, second->name);
    return order ? order : first->pid - second->pid;
}
