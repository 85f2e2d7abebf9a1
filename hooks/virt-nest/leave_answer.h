/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a domain may leave this host, or be saved: the answer that follows from facts about it. It reads nothing
 * itself. */
#pragma once

#include "domain/live_status.h"

/* The answers, which are exit statuses as well (virt-nest(1), "may-leave"). */
typedef enum {
    NEST_LEAVE_MAY,     /* no nested guests run in it, or they may come along */
    NEST_LEAVE_RUNNING, /* nested guests run in it, or QEMU refuses as if they did */
    NEST_LEAVE_UNKNOWN, /* nothing proves the one or the other */
} NestLeaveAnswer;

/* What the answer rests on. */
typedef enum {
    NEST_LEAVE_NOT_RUNNING, /* the domain does not run */
    NEST_LEAVE_NO_FEATURE,  /* its vCPUs have neither VMX nor SVM */
    NEST_LEAVE_ALLOWED,     /* virt-nest allow, or migration='allow' */
    NEST_LEAVE_NONE,        /* virtnestd says that no nested guests run */
    NEST_LEAVE_BIT_CLEAR,   /* its hypervisor is off, as read just now */
    NEST_LEAVE_NEVER,       /* it has booted here, and never entered a nested guest */
    NEST_LEAVE_NESTED,      /* virtnestd says that nested guests run */
    NEST_LEAVE_ARMED,       /* QEMU refuses, as its guard is armed */
    NEST_LEAVE_ARMED_YET,   /* the same, though leaving was allowed */
    NEST_LEAVE_ENTERED,     /* entries into nested guests were counted just now */
    NEST_LEAVE_BIT_SET,     /* its hypervisor is on, and entries cannot be counted */
    NEST_LEAVE_NO_ANSWER,   /* its QEMU does not answer */
    NEST_LEAVE_NOT_YET,     /* virtnestd runs, but has not sampled it yet, or could read nothing */
    NEST_LEAVE_STALE,       /* its live status is of a virtnestd that does not run any more */
    NEST_LEAVE_UNWATCHED,   /* no virtnestd follows it, and nothing could be proved just now */
    NEST_LEAVE_NOT_READ,    /* libvirt or the domain could not be asked */
    NEST_LEAVE_REASONS
} NestLeaveReason;

/**
 * NestLeaveFacts: what was read. All zeros is a domain that does not run.
 */
typedef struct {
    gboolean runs;        /* it runs, or is paused */
    gboolean has_feature; /* its vCPUs have VMX or SVM, as far as that can be told */
    gboolean watched;     /* a virtnestd runs, and this is the libvirt that it follows */
    gboolean silent;      /* its QEMU is stopped by a signal, or does not answer libvirt */
    gboolean armed;       /* QEMU names our node as a reason that blocks migration */
    gboolean allowed;     /* virt-nest allow holds, or the tag says migration='allow' */
    gboolean booted;      /* this QEMU has booted the guest: it neither arrived nor was restored */
    const NestLiveStatus *status; /* (nullable) written by virtnestd for this run of the domain */
    NestVerdict sampled; /* what the probes said just now; all zeros: they were not asked */
} NestLeaveFacts;

/* What follows from the facts. */
NestLeaveReason nest_leave_judge(const NestLeaveFacts *facts);

/* The answer that a reason stands for. */
NestLeaveAnswer nest_leave_answer(NestLeaveReason reason);

/* Names for programs: "may", "nested-guests-run", "unknown"; and "not-running", "no-feature" ... */
const char *nest_leave_answer_name(NestLeaveAnswer answer);
const char *nest_leave_reason_name(NestLeaveReason reason);

/* A reason in words, and what to do about it; the latter NULL where nothing is to be done. */
const char *nest_leave_reason_text(NestLeaveReason reason);
const char *nest_leave_reason_remedy(NestLeaveReason reason);
