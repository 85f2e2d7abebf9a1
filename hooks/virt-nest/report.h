/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports on one domain: its tag, its CPU, and whether what the tag asks for is in effect. */
#pragma once

#include "connection.h"
#include "domain/wish.h"
#include "virt/live_domain.h"

/**
 * NestReport: one domain, as `virt-nest status` shows it.
 */
typedef struct {
    gchar *name;       /* as libvirt has it */
    gchar *uuid;       /* in its usual form */
    const char *state; /* in virsh's words: "running", "shut off" */
    gboolean active;   /* it runs, or is paused */
    NestWish wish;     /* what shall become of its CPU */
    gboolean tagged;   /* it shall have the feature, or carries what was meant to be a tag */
    gboolean valid;    /* the tag is well formed, and @tag is what it says */
    NestTag tag;       /* what it asks for */
    gboolean is_kvm;   /* QEMU does not emulate its processor; only of a tag that is well formed */
    gboolean applied;  /* what is wished for of the CPU is in effect */
    const char
        *shown; /* (nullable) "vmx" or "svm", if the guest has it; only nest_report_ask() looks */
    gboolean asked; /* ... by QEMU's own word */
    gchar *cpu;     /* the one that counts now: the guest's while it runs, else the definition's */
    gchar *problem; /* (nullable) what keeps the tag from being in effect, and what to do */
    const char
        *cure; /* (nullable) the command of virt-nest that takes the domain's name and does that */
    gboolean by_daemon;   /* ... is that no virtnestd runs, which is the same for all domains */
    NestLiveDomain *live; /* (nullable) what virtnestd says of it while it runs */
} NestReport;

/**
 * nest_report_new: look at a domain, with calls that only read.
 *
 * Returns: (transfer full) the report, or NULL with NEST_ERROR_LIBVIRT or NEST_ERROR_XML.
 */
NestReport *nest_report_new(const NestConnection *connection, virDomainPtr domain,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Finds out whether the running guest has vmx or svm: QEMU is asked; if that cannot be, its command line or libvirt's XML
 * tells. */
void nest_report_ask(NestReport *report, const NestConnection *connection, virDomainPtr domain);

void nest_report_free(NestReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestReport, nest_report_free)

/* Whether anything is wrong with the domain, its guard included. */
gboolean nest_report_has_problem(const NestReport *report);

/**
 * nest_report_pending: why a guest lacks the CPU that its corrected definition has.
 *
 * Either it has run since before the correction, or a managed save will bring the old CPU back:
 * libvirt takes the CPU from the save, not from the definition.
 *
 * Returns: (transfer full)(nullable) the reason and what to do, or NULL if it has that CPU.
 */
gchar *nest_report_pending(const NestConnection *connection, virDomainPtr domain);
