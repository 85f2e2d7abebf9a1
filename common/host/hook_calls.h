/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether libvirt calls the hook: judged by the time of its last call, and by what was started since. */
#pragma once

#include <glib.h>

/**
 * NestHookCalls: the facts for the judgement. All times are in milliseconds since 1970; 0: unknown, or never.
 */
typedef struct {
    const char
        *place; /* (nullable) where virt-nest's hook stands; NULL: it is not where libvirt looks */
    gboolean hidden;     /* this user may not see what is there */
    gboolean executable; /* libvirt would run it */
    gint64 installed;    /* when it came to its place */
    gint64 called;       /* when it was called last */
    gint64 daemon;       /* when libvirt's daemon began; it then looked whether there is a hook */
} NestHookCalls;

typedef enum {
    NEST_HOOK_IS_CALLED,
    NEST_HOOK_NOT_CALLED, /* a domain was started without it */
    NEST_HOOK_UNSEEN,     /* it is newer than libvirt's daemon, which may not have seen it */
    NEST_HOOK_UNKNOWN,    /* libvirt had no reason to call it */
} NestHookVerdict;

/* Reads all of it from the host. */
NestHookCalls nest_hook_calls_read(void);

/**
 * nest_hook_calls_judge: whether libvirt calls the hook.
 * @started: when the youngest domain that runs was started; 0: none, or unknown
 * @may_be_starting: the start of that domain may not be finished; the hook's last call comes at the end of a start
 *
 * libvirt calls the hook before it starts QEMU, and again when the domain runs (facts.md, "Hooks"). So a call that is not
 * older than that QEMU belongs to this start or to a later one.
 */
NestHookVerdict nest_hook_calls_judge(const NestHookCalls *calls, gint64 started,
                                      gboolean may_be_starting);

/* (transfer full) Why libvirt does not call it, as far as that can be seen. */
gchar *nest_hook_calls_reason(const NestHookCalls *calls) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) What to do about that. @sudo: what stands before a command that only root may run */
gchar *nest_hook_calls_remedy(const NestHookCalls *calls,
                              const char *sudo) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_hook_calls_text: that libvirt does not call the hook, why, and what to do.
 * @name: a domain that was started without it
 * @tagged: (nullable) those that run, were started so, and are tagged
 * @sudo: what stands before a command that only root may run
 *
 * Returns: (transfer full) the sentence.
 */
gchar *nest_hook_calls_text(const NestHookCalls *calls, const char *name, const char *tagged,
                            const char *sudo) G_GNUC_WARN_UNUSED_RESULT;
