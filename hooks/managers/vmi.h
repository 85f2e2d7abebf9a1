/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VMI of KubeVirt, from its JSON: its name, and what its annotations ask for. */
#pragma once

#include "domain/asked.h"

/**
 * NestVmi: a VMI. All fields are NULL where they could not be read.
 */
typedef struct {
    gchar *name; /* with its namespace, for people: "default/lab1" */
    gchar
        *domain; /* libvirt's name of its domain: "default_lab1" (KubeVirt, VMINamespaceKeyFunc) */
    NestAsked *asked; /* what its annotations ask for */
} NestVmi;

/**
 * nest_vmi_read: read a VMI.
 * @vmi: gets what could be read, even if the rest is mistaken; all zeros before the call
 * @length: of @json in bytes; -1: it ends in NUL
 *
 * Returns: FALSE with NEST_ERROR_USAGE if it is no VMI, or with the error of a mistaken annotation.
 */
gboolean nest_vmi_read(NestVmi *vmi, const char *json, gssize length,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

void nest_vmi_clear(NestVmi *vmi);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NestVmi, nest_vmi_clear)
