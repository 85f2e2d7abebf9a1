/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call of the hook's judge: the domain that libvirt asks about, and what has been read for its judgement. */
#pragma once

#include "domain/policy.h"
#include "domain/state.h"
#include "domain/wish.h"
#include "host/kvm_module.h"

typedef struct NestHookOperation NestHookOperation;

/**
 * NestHookCall: what libvirt asks about.
 */
typedef struct {
    const NestHookOperation *operation; /* what it is about to do */
    const char *name;                   /* the domain's */
    const char *uuid;                   /* the domain's; owned by @xml */
    NestDomainXml *xml;                 /* the domain */
    NestLiveStatus *live;               /* the live status in @xml; empty where there is none */
    NestKvmModule host;                 /* this host; the check that needs it reads it */
    NestPolicy *policy; /* what the settings say about domains; NULL: not read yet */
    NestWish wish;      /* what shall become of its CPU */
    gboolean restored;  /* a saved image is being restored */
} NestHookCall;

void nest_hook_call_clear(NestHookCall *call);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NestHookCall, nest_hook_call_clear)

/**
 * nest_hook_call_policy: what the settings say about domains. They are read once.
 *
 * If the settings cannot be read, but seem to say policy=disable, this policy counts: a mistake elsewhere in the settings
 * must not give guests a feature that the policy forbids.
 */
const NestPolicy *nest_hook_call_policy(NestHookCall *call);

/* Whether the guest shall have neither vmx nor svm. */
gboolean nest_hook_call_is_forbidden(const NestHookCall *call);
