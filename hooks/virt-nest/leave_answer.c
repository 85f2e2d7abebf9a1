/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a domain may leave this host, or be saved: the answer that follows from facts about it. It reads nothing
 * itself. */
#include "leave_answer.h"

#define ASK_QEMU                                                                                   \
    "ask QEMU itself (virt-nest may-leave --ask-qemu, which libvirt notes as a taint of the domain)"
#define SHUT_DOWN                                                                                  \
    "shut its nested guests down, or permit that it leaves with them (virt-nest allow)"

/* By reason. */
static const struct {
    NestLeaveAnswer answer;
    const char *name;
    const char *text;
    const char *remedy;
} reasons[] = {
    [NEST_LEAVE_NOT_RUNNING] = {NEST_LEAVE_MAY, "not-running", "it does not run", NULL},
    [NEST_LEAVE_NO_FEATURE] = {NEST_LEAVE_MAY, "no-feature",
                               "its CPU has neither VMX nor SVM, so no nested guests can run in it",
                               NULL},
    [NEST_LEAVE_ALLOWED] = {NEST_LEAVE_MAY, "allowed",
                            "its nested guests may come along, by virt-nest allow or by "
                            "migration='allow' in its tag",
                            NULL},
    [NEST_LEAVE_NONE] = {NEST_LEAVE_MAY, "none", "virtnestd sees no nested guests in it", NULL},
    [NEST_LEAVE_BIT_CLEAR] = {NEST_LEAVE_MAY, "hypervisor-off",
                              "its hypervisor is off, as QEMU said just now", NULL},
    [NEST_LEAVE_NEVER] = {NEST_LEAVE_MAY, "never",
                          "it was booted here, and has not entered a nested guest since", NULL},
    [NEST_LEAVE_NESTED] = {NEST_LEAVE_RUNNING, "nested", "nested guests run in it", SHUT_DOWN},
    [NEST_LEAVE_ARMED] = {NEST_LEAVE_RUNNING, "armed",
                          "its guard is armed, so QEMU refuses migration and save", SHUT_DOWN},
    [NEST_LEAVE_ARMED_YET] = {NEST_LEAVE_RUNNING, "armed-yet",
                              "it was allowed to leave, but its guard is still armed, so QEMU "
                              "refuses migration and save",
                              "ask again in some seconds; if that does not help, start virtnestd "
                              "(systemctl start virtnestd), which disarms it"},
    [NEST_LEAVE_ENTERED] = {NEST_LEAVE_RUNNING, "entered",
                            "it has just entered nested guests, as the host's KVM counts",
                            SHUT_DOWN},
    [NEST_LEAVE_BIT_SET] = {NEST_LEAVE_RUNNING, "hypervisor-on",
                            "its hypervisor is on, and entries into nested guests cannot be "
                            "counted, so they count as running",
                            SHUT_DOWN},
    [NEST_LEAVE_NO_ANSWER] = {NEST_LEAVE_UNKNOWN, "no-answer",
                              "its QEMU does not answer, so that virtnestd's live status may be "
                              "out of date",
                              "see what holds QEMU up (virsh domcontrol), then ask again"},
    [NEST_LEAVE_NOT_YET] = {NEST_LEAVE_UNKNOWN, "not-yet",
                            "virtnestd has not found out yet whether nested guests run in it",
                            "ask again in some seconds; virt-nest status says what is wrong"},
    [NEST_LEAVE_STALE] = {NEST_LEAVE_UNKNOWN, "stale",
                          "no virtnestd runs, so that its live status may be out of date, and "
                          "nothing else proves that no nested guests run in it",
                          "start virtnestd (systemctl start virtnestd), or " ASK_QEMU},
    [NEST_LEAVE_UNWATCHED] = {NEST_LEAVE_UNKNOWN, "unwatched",
                              "its CPU may have VMX or SVM, no virtnestd looks after it, and "
                              "nothing else proves that no nested guests run in it",
                              "tag it (virt-nest enable), so that virtnestd does, or " ASK_QEMU},
    [NEST_LEAVE_NOT_READ] = {NEST_LEAVE_UNKNOWN, "not-read",
                             "libvirt or the domain could not be asked", NULL},
};
G_STATIC_ASSERT(G_N_ELEMENTS(reasons) == NEST_LEAVE_REASONS);

static const char *const answers[] = {
    [NEST_LEAVE_MAY] = "may",
    [NEST_LEAVE_RUNNING] = "nested-guests-run",
    [NEST_LEAVE_UNKNOWN] = "unknown",
};

/* What virtnestd has found out, if it still follows the domain; NEST_LEAVE_NOT_YET: nothing. */
static NestLeaveReason
judge_status(const NestLeaveFacts *facts)
{
    const NestLiveStatus *status = facts->watched ? facts->status : NULL;

    if (!status)
        return NEST_LEAVE_NOT_YET;
    if (status->nested)
        return NEST_LEAVE_NESTED;
    if (facts->silent)
        return NEST_LEAVE_NO_ANSWER;
    /* A guard that failed without nested guests tells nothing new about this guest. */
    return g_strcmp0(status->reason, nest_verdict_reason_name(NEST_REASON_NOTHING)) == 0 ||
                   !status->reason || nest_live_status_guard_is(status, NEST_GUARD_FAILED)
               ? NEST_LEAVE_NOT_YET
               : NEST_LEAVE_NONE;
}

/* What the probes prove by two samples. A counter that does not grow proves nothing, because a nested guest may wait. */
static NestLeaveReason
judge_samples(const NestLeaveFacts *facts)
{
    switch (facts->sampled.reason) {
    case NEST_REASON_ENTRIES:
    case NEST_REASON_ALWAYS:
        return NEST_LEAVE_ENTERED;
    case NEST_REASON_BIT:
        return NEST_LEAVE_BIT_SET;
    case NEST_REASON_CLEAR:
        return NEST_LEAVE_BIT_CLEAR;
    case NEST_REASON_NEVER:
        return facts->booted ? NEST_LEAVE_NEVER : NEST_LEAVE_UNWATCHED;
    case NEST_REASON_NOTHING:
    case NEST_REASON_LINGER:
    case NEST_REASON_STRICT:
    case NEST_REASON_QUIET:
        break;
    }
    return NEST_LEAVE_UNWATCHED;
}

NestLeaveReason
nest_leave_judge(const NestLeaveFacts *facts)
{
    NestLeaveReason reason = NEST_LEAVE_NOT_YET;

    if (!facts->runs)
        return NEST_LEAVE_NOT_RUNNING;
    if (facts->armed)
        return facts->allowed ? NEST_LEAVE_ARMED_YET : NEST_LEAVE_ARMED;
    if (!facts->has_feature)
        return NEST_LEAVE_NO_FEATURE;
    if (facts->allowed)
        return NEST_LEAVE_ALLOWED;
    reason = judge_status(facts);
    if (reason != NEST_LEAVE_NOT_YET)
        return reason;
    reason = judge_samples(facts);
    if (reason != NEST_LEAVE_UNWATCHED)
        return reason;
    if (facts->silent)
        return NEST_LEAVE_NO_ANSWER;
    if (!facts->status)
        return NEST_LEAVE_UNWATCHED;
    return facts->watched ? NEST_LEAVE_NOT_YET : NEST_LEAVE_STALE;
}

NestLeaveAnswer
nest_leave_answer(NestLeaveReason reason)
{
    return reasons[reason].answer;
}

const char *
nest_leave_answer_name(NestLeaveAnswer answer)
{
    return answers[answer];
}

const char *
nest_leave_reason_name(NestLeaveReason reason)
{
    return reasons[reason].name;
}

const char *
nest_leave_reason_text(NestLeaveReason reason)
{
    return reasons[reason].text;
}

const char *
nest_leave_reason_remedy(NestLeaveReason reason)
{
    return reasons[reason].remedy;
}
