/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict: decides from evidence whether nested guests are running in a domain.
 *
 * A pure state machine: samples of evidence go in, one after the other, and the verdict comes out.
 * Measurements show what each signal proves (facts.md, "Evidence of nested guests"):
 *
 *   entries into L2 grow           running
 *   the bit is clear on all vCPUs  none, at once
 *   neither                        running until no entry was seen for the linger time, then none; with
 *                                  strict rules, none only when the bit clears
 *   the bit is set, no entry ever  none where entries can be counted; else running (as under TCG)
 *   nothing can be read            as before
 *
 * If entries could be counted before and now cannot, a set bit says nothing during the linger time. After that, it
 * counts as if entries could never be counted.
 */
#pragma once

#include <glib.h>

/* What a domain's vCPUs show for EFER.SVME (AMD) or CR4.VMXE (Intel). */
typedef enum {
    NEST_BIT_UNKNOWN, /* could not be read, or was not asked for */
    NEST_BIT_CLEAR,   /* clear on every vCPU: no nested guest exists */
    NEST_BIT_SET,     /* set on one at least */
} NestBit;

/**
 * NestEvidence: one sample, as probes give it. All zero is a sample that says nothing.
 */
typedef struct {
    gboolean counted; /* whether @entries could be read */
    guint64 entries;  /* entries into L2, of all vCPUs; starts at 0 in each QEMU */
    NestBit bit;
} NestEvidence;

typedef enum {
    NEST_VERDICT_UNKNOWN, /* nothing could be read yet */
    NEST_VERDICT_NONE,    /* no nested guest runs */
    NEST_VERDICT_RUNNING, /* nested guests run, or may run */
} NestVerdictState;

/* The reason for the state. */
typedef enum {
    NEST_REASON_NOTHING, /* nothing could be read yet */
    NEST_REASON_ENTRIES, /* entries grow */
    NEST_REASON_ALWAYS,  /* entries have grown in every sample since soon after the start: its own
                       * system runs as a nested guest (Windows with VBS or WSL2, ESXi) */
    NEST_REASON_LINGER, /* entries grew less than the linger time ago, or before the first sample */
    NEST_REASON_STRICT, /* entries grew once, and the bit has not been clear since */
    NEST_REASON_BIT,    /* the bit is set, and entries cannot be counted */
    NEST_REASON_CLEAR,  /* the bit is clear */
    NEST_REASON_NEVER,  /* entries can be counted, and there was none */
    NEST_REASON_QUIET,  /* no entry for the linger time */
} NestVerdictReason;

/* The state of a domain's guard. */
typedef enum {
    NEST_GUARD_OFF,    /* not needed */
    NEST_GUARD_ARMED,  /* migration and save are refused */
    NEST_GUARD_LIFTED, /* needed, and lifted by virt-nest allow or by migration='allow' */
    NEST_GUARD_FAILED, /* needed, and could not be armed */
} NestGuardState;
#define NEST_GUARD_STATES (NEST_GUARD_FAILED + 1)

/**
 * NestVerdictRules: what an administrator may choose.
 */
typedef struct {
    gint64 linger_ms; /* how long after the last entry nested guests still count as running */
    gboolean strict;  /* they count as running until the bit is clear, however long that takes */
} NestVerdictRules;

/**
 * NestVerdict: the verdict on one run of a domain. At the beginning all fields are zero. All times are
 * from the same monotonic clock, in milliseconds.
 */
typedef struct {
    NestVerdictState state;
    NestVerdictReason reason;
    gint64 since;     /* since when @state has its value; at first, the time of the first sample */
    double rate;      /* entries a second between the last two samples that counted; 0 before */
    gboolean silent;  /* the last sample had no usable evidence, so @state did not change */
    gboolean counted; /* whether any sample had a count */
    guint64 entries;  /* ... the count of the last of these samples */
    /* private */
    gint64 counted_at;  /* ... and its time */
    gboolean entered;   /* whether there was an entry since the bit was last clear */
    gint64 entered_at;  /* ... and when the last one was seen */
    gint64 always_from; /* entries have grown in every sample since this time; 0: they have not */
} NestVerdict;

/**
 * nest_verdict_add: one more sample.
 * @verdict: the verdict so far
 * @evidence: the sample
 * @rules: what the administrator chose
 * @started: when the domain's QEMU started, on @now's clock; for a domain that was migrated here or
 *   restored, that is when this happened
 * @now: when the sample was taken
 *
 * If the counter is lower than before, because a vCPU was unplugged, counting begins again; this is not an entry.
 *
 * Returns: whether @state or @reason has changed.
 */
gboolean nest_verdict_add(NestVerdict *verdict, const NestEvidence *evidence,
                          const NestVerdictRules *rules, gint64 started, gint64 now);

/* To be called when a watch has reported an entry into a nested guest, at @now. Returns: as nest_verdict_add(). */
gboolean nest_verdict_enter(NestVerdict *verdict, gint64 now);

/**
 * nest_verdict_wants_bit: whether the next sample should read the bit even if entries can be counted.
 *
 * This is so if the verdict is "running" although the last sample saw no entry: a clear bit would then
 * change the verdict to "none".
 */
gboolean nest_verdict_wants_bit(const NestVerdict *verdict);

/* A state's or reason's name in metadata, JSON and metrics, such as "running", "linger", "armed". */
const char *nest_verdict_state_name(NestVerdictState state);
const char *nest_verdict_reason_name(NestVerdictReason reason);
const char *nest_guard_state_name(NestGuardState state);

/* A reason in words for a person, by its name; NULL for a name that does not exist. */
const char *nest_verdict_reason_text(const char *name);
