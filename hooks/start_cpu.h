/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hook's judgement of the CPU at a start: whether the guest gets what its tag, a rule or the policy wants. */
#pragma once

#include "hook_call.h"

/**
 * nest_start_cpu_check: judge a guest that shall have nested guests.
 * @call: at start; by now libvirt has expanded host-model, so the CPU is what the guest will get
 *
 * Before it refuses, it waits up to two seconds for a running virtnestd to correct the definition.
 *
 * Returns: FALSE with the reason to refuse, which says what could correct the definition.
 */
gboolean nest_start_cpu_check(NestHookCall *call, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_start_cpu_check_off: judge a guest that shall have neither vmx nor svm.
 *
 * Returns: as above.
 */
gboolean nest_start_cpu_check_off(NestHookCall *call, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_start_cpu_check_undecided: judge a guest for which a mistaken rule leaves open what it may have.
 *
 * Returns: FALSE with NEST_ERROR_RULE if it has a feature that may be forbidden. A guest that may be reverted to a
 * snapshot with memory passes.
 */
gboolean nest_start_cpu_check_undecided(NestHookCall *call,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether the domain would pass if it booted from its definition as it stands. */
gboolean nest_start_cpu_would_boot(NestHookCall *call);
