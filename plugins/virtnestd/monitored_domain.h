/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A monitored domain: a running domain under guard, what is known of it and what is wanted for it. */
#pragma once

#include "virtnestd/guard.h"
#include "virtnestd/guard_job.h"

/* After so many incomplete samples in a row, the problem is logged and other probes are asked. Some samples are
 * incomplete while a domain starts. */
#define NEST_MONITORED_DOMAIN_MAX_MISSED_SAMPLES 3

/**
 * NestMonitoredDomain: a monitored domain; only the main loop uses it.
 */
typedef struct {
    NestGuardManager *manager; /* who monitors it */
    NestLiveDomain *live;
    NestVerdict verdict;
    const char *probe; /* (nullable) the plugin whose evidence counts */
    NestGuardJob *job; /* its work under way; owned by the worker; NULL: none */
    gboolean checked;  /* it is known whether it is armed */
    gboolean armed;
    gint64 quiet;    /* the last time no nested guest ran, in seconds since 1970; 0: not seen yet */
    gboolean lifted; /* its guard is lifted, or was when an operation began that may still run */
    gboolean transferring; /* its memory is being transferred; no event has reported the end yet */
    gboolean once_used;    /* virt-nest allow --once is used up, but its element is still there */
    gchar *problem;        /* (nullable) why it could not be armed */
    gchar
        *last_warning; /* (nullable) the last warning about its guard, so that it is logged once */
    guint missed_samples;      /* how many of the last samples in a row were incomplete */
    NestLiveStatus *published; /* (nullable) what is published */
    gint64 published_at;       /* ... since when, on CLOCK_MONOTONIC's clock, in milliseconds */
} NestMonitoredDomain;

/* (transfer full) */
NestMonitoredDomain *nest_monitored_domain_new(NestGuardManager *manager, NestLiveDomain *live);

/* @monitored: a job under way for it goes on, without an owner */
void nest_monitored_domain_free(gpointer monitored);

/* Whether the administrator wants no guard for now. */
gboolean nest_monitored_domain_is_lifted(const NestMonitoredDomain *monitored);

/* Whether it is to be armed, or to stay so. */
gboolean nest_monitored_domain_wants_arms(const NestMonitoredDomain *monitored);

/* Whether a sample should read the bit as well. */
gboolean nest_monitored_domain_wants_bit(const NestMonitoredDomain *monitored);

/* The state of its guard. */
NestGuardState nest_monitored_domain_guard(const NestMonitoredDomain *monitored);

/* The reason for the verdict, in words for a person. */
const char *nest_monitored_domain_reason(const NestMonitoredDomain *monitored);

/* Logs what is wrong with its guard, unless the same was logged last. */
void nest_monitored_domain_log_once(NestMonitoredDomain *monitored, const GError *error);

/**
 * nest_monitored_domain_show: bring @published up to date.
 * @now: on CLOCK_MONOTONIC's clock, in milliseconds
 *
 * Returns: whether @published has changed. A reason alone may be out of date for some seconds, because all
 * of libvirt's clients hear of each change.
 */
gboolean nest_monitored_domain_show(NestMonitoredDomain *monitored, gint64 now);
