/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict: decides from evidence whether nested guests are running in a domain. */
#include "guard/verdict.h"

/* NEST_REASON_ALWAYS: the domain's own system seems to run as a nested guest. This is assumed if entries
 * began within ALWAYS_BEGINS_MS after the domain's start and have grown for ALWAYS_LASTS_MS since. */
#define ALWAYS_BEGINS_MS 300000
#define ALWAYS_LASTS_MS 600000

static const char *const states[] = {
    [NEST_VERDICT_UNKNOWN] = "unknown",
    [NEST_VERDICT_NONE] = "none",
    [NEST_VERDICT_RUNNING] = "running",
};

static const char *const guards[NEST_GUARD_STATES] = {
    [NEST_GUARD_OFF] = "off",
    [NEST_GUARD_ARMED] = "armed",
    [NEST_GUARD_LIFTED] = "lifted",
    [NEST_GUARD_FAILED] = "failed",
};

/* The reasons. Each one implies a state. */
static const struct {
    NestVerdictState state;
    gboolean wants_bit;
    const char *name;
    const char *words;
} reasons[] = {
    [NEST_REASON_NOTHING] = {NEST_VERDICT_UNKNOWN, FALSE, "nothing", "nothing could be read yet"},
    [NEST_REASON_ENTRIES] = {NEST_VERDICT_RUNNING, FALSE, "entries", "nested guests are entered"},
    [NEST_REASON_ALWAYS] =
        {NEST_VERDICT_RUNNING, FALSE, "always",
         "nested guests have been entered all the time since it started: its system seems to be a "
         "nested guest itself, as Windows (VBS, WSL2) or ESXi is"},
    [NEST_REASON_LINGER] = {NEST_VERDICT_RUNNING, TRUE, "linger",
                            "nested guests were entered not long ago"},
    [NEST_REASON_STRICT] =
        {NEST_VERDICT_RUNNING, TRUE, "strict",
         "nested guests were entered, and its hypervisor has not been off since"},
    [NEST_REASON_BIT] = {NEST_VERDICT_RUNNING, TRUE, "bit",
                         "its hypervisor is on, and entries into nested guests cannot be counted"},
    [NEST_REASON_CLEAR] = {NEST_VERDICT_NONE, FALSE, "clear", "its hypervisor is off"},
    [NEST_REASON_NEVER] = {NEST_VERDICT_NONE, FALSE, "never", "no nested guest was ever entered"},
    [NEST_REASON_QUIET] = {NEST_VERDICT_NONE, FALSE, "quiet", "no nested guest was entered lately"},
};

G_STATIC_ASSERT(G_N_ELEMENTS(states) == NEST_VERDICT_RUNNING + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(reasons) == NEST_REASON_QUIET + 1);

/* Takes a count into the verdict; returns whether there were entries since the last count. */
static gboolean
take_count(NestVerdict *verdict, guint64 entries, gint64 now)
{
    gboolean grew = verdict->counted && entries > verdict->entries;
    gint64 passed = now - verdict->counted_at;

    if (!grew)
        verdict->rate = 0;
    else if (passed > 0)
        verdict->rate = (double)(entries - verdict->entries) * 1000 / (double)passed;
    if (!grew)
        verdict->always_from = 0;
    else if (!verdict->always_from)
        verdict->always_from = now;
    if (grew || (!verdict->counted && entries > 0)) {
        verdict->entered = TRUE;
        verdict->entered_at = now;
    }
    verdict->counted = TRUE;
    verdict->entries = entries;
    verdict->counted_at = now;
    return grew;
}

/* The reason that follows from a count; @grew: there were entries since the previous count. */
static NestVerdictReason
judge_count(const NestVerdict *verdict, gboolean grew, const NestVerdictRules *rules,
            gint64 started, gint64 now)
{
    if (grew && verdict->always_from - started <= ALWAYS_BEGINS_MS &&
        now - verdict->always_from >= ALWAYS_LASTS_MS)
        return NEST_REASON_ALWAYS;
    if (grew)
        return NEST_REASON_ENTRIES;
    if (verdict->entered && now - verdict->entered_at < rules->linger_ms)
        return NEST_REASON_LINGER;
    if (verdict->entered && rules->strict)
        return NEST_REASON_STRICT;
    return verdict->entered || verdict->entries ? NEST_REASON_QUIET : NEST_REASON_NEVER;
}

static gboolean
settle_verdict(NestVerdict *verdict, NestVerdictReason reason, gint64 now)
{
    gboolean is_other = reason != verdict->reason;

    if (reasons[reason].state != verdict->state || !verdict->since)
        verdict->since = now;
    verdict->state = reasons[reason].state;
    verdict->reason = reason;
    return is_other;
}

gboolean
nest_verdict_add(NestVerdict *verdict, const NestEvidence *evidence, const NestVerdictRules *rules,
                 gint64 started, gint64 now)
{
    gboolean was_counted = verdict->counted && now - verdict->counted_at < rules->linger_ms;
    gboolean grew = FALSE;

    /* A set bit proves nothing if entries could be counted within the linger time. */
    verdict->silent = !evidence->counted && (evidence->bit == NEST_BIT_UNKNOWN ||
                                             (evidence->bit == NEST_BIT_SET && was_counted));
    if (verdict->silent)
        return settle_verdict(verdict, verdict->reason, now);
    grew = evidence->counted && take_count(verdict, evidence->entries, now);
    if (evidence->bit == NEST_BIT_CLEAR) {
        /* The bit is clear now, so all nested guests have ended. */
        verdict->entered = FALSE;
        verdict->always_from = 0;
        return settle_verdict(verdict, NEST_REASON_CLEAR, now);
    }
    if (!evidence->counted)
        return settle_verdict(verdict, NEST_REASON_BIT, now);
    return settle_verdict(verdict, judge_count(verdict, grew, rules, started, now), now);
}

gboolean
nest_verdict_enter(NestVerdict *verdict, gint64 now)
{
    verdict->silent = FALSE;
    verdict->entered = TRUE;
    verdict->entered_at = now;
    return settle_verdict(verdict, NEST_REASON_ENTRIES, now);
}

gboolean
nest_verdict_wants_bit(const NestVerdict *verdict)
{
    return reasons[verdict->reason].wants_bit;
}

const char *
nest_verdict_state_name(NestVerdictState state)
{
    return states[state];
}

const char *
nest_verdict_reason_name(NestVerdictReason reason)
{
    return reasons[reason].name;
}

const char *
nest_guard_state_name(NestGuardState state)
{
    return guards[state];
}

const char *
nest_verdict_reason_text(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (g_str_equal(reasons[i].name, name))
            return reasons[i].words;
    return NULL;
}
