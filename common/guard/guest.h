/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A running domain, as plugins see it. */
#pragma once

#include <glib.h>

/**
 * NestGuest: a running domain. Nothing in it changes while this QEMU runs.
 */
typedef struct {
    const char *name;    /* libvirt's */
    const char *uuid;    /* in its usual form */
    int id;              /* libvirt's, of this run */
    gint64 pid;          /* of its QEMU; 0: unknown */
    gboolean kvm;        /* FALSE: TCG */
    const char *feature; /* the vCPUs' feature for nesting, "vmx" or "svm"; "": they have none */
    guint vcpus;         /* the most vCPUs that it can have; at least 1 */
} NestGuest;
