/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections over which libvirt is called, each by one thread at a time. */
#pragma once

#include "virt/virt.h"

/* Calls at a time, and so connections besides the one for events. */
#define NEST_CALLS_MAX 4
/* ... and so many more for domains whose QEMU does not answer: libvirtd has 20 workers for all its clients. */
#define NEST_CALLS_LENT 12

/**
 * NestCalls: the connections, from the time libvirt answers until it is gone.
 *
 * Theory of operation: libvirt before 10.4 corrupts the stack of a thread that calls over a connection
 * while another does (CVE-2024-4418; on 9.0 virtnestd died of it when libvirtd was killed). So a thread
 * takes a connection for itself and gives it back. All but the first are opened when they are needed.
 */
typedef struct NestCalls NestCalls;

/**
 * nest_calls_new: the connections of the link.
 * @control: where the events come from
 * @work: the first for calls
 */
NestCalls *nest_calls_new(virConnectPtr control, virConnectPtr work);

NestCalls *nest_calls_ref(NestCalls *calls);
void nest_calls_unref(NestCalls *calls);

/* The connection where the events come from. */
virConnectPtr nest_calls_control(const NestCalls *calls);

/* A connection for the calling thread alone; waits for one if all are taken. Not to
 * be called on the main loop. */
virConnectPtr nest_calls_take(NestCalls *calls);

/**
 * nest_calls_lend: let more threads than NEST_CALLS_MAX take a connection.
 * @n: how many more, from now on; for threads whose domain's QEMU does not answer
 */
void nest_calls_lend(NestCalls *calls, guint n);

/* Gives it back. */
void nest_calls_give(NestCalls *calls, virConnectPtr connection);
