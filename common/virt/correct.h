/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The correction of a domain's persistent definition through libvirt, without losing anything. */
#pragma once

#include "domain/definition.h"
#include "virt/define_tracker.h"

/**
 * NestCorrector: what every correction needs.
 */
typedef struct {
    virConnectPtr control;      /* the connection whose lifecycle events reach @tracker */
    NestDefineTracker *tracker; /* notices a domain that a define has brought back */
    const NestPolicy *policy;   /* (nullable) what this host's configuration says of its domains */
    /* (nullable) Loads the host's KVM module if it is absent. Returns: whether it did; FALSE without an error if the module
     * is not to be loaded here. NULL: somebody else loads the module, and the caller then corrects again. */
    gboolean (*load_module)(GError **error);
} NestCorrector;

/**
 * nest_correct_domain: make a domain's persistent definition what its tag asks for.
 * @corrector: what every correction needs
 * @domain: of any connection to the same libvirt
 *
 * Reads with INACTIVE and SECURE, rewrites, checks that the domain is still persistent, reads again
 * and compares byte for byte, defines. If somebody has changed the definition meanwhile, starts over.
 * libvirt has no compare-and-swap: an edit by another client between the second read and the define is
 * overwritten; this window is one round trip. If the domain was undefined meanwhile, so that the define
 * has created it again, it is undefined again at once.
 *
 * Without the KVM module libvirt refuses to define a KVM domain. If this happens to a tagged domain and @corrector may load
 * the module, the module is loaded and the correction is tried again.
 *
 * Waits for libvirt, so it must not be called on the thread that runs the main loop. A transient
 * domain, which has no persistent definition, is left alone.
 *
 * Returns: (transfer full) what was done; NULL with the tag's, the CPU's, the record's or the XML's error,
 * with NEST_ERROR_HOST_* or with NEST_ERROR_LIBVIRT. The definition is untouched then.
 */
NestDefinition *nest_correct_domain(const NestCorrector *corrector, virDomainPtr domain,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_correct_fresh: the same for a domain that was defined or tagged a moment ago. libvirt may
 * hold it locked by now, because it starts.
 * @work: where the define goes; it waits there until the domain is free
 * @name: the domain's
 * @uuid: the domain's
 *
 * Reads libvirt's own file (nest_virt_read_file()) in place of calling libvirt. Does nothing if the
 * file was not written just now, for example because the files of this libvirt are elsewhere.
 *
 * Returns: as nest_correct_domain().
 */
NestDefinition *nest_correct_fresh(const NestCorrector *corrector, virConnectPtr work,
                                   const char *name, const char *uuid,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a correction failed because the host's KVM module is not ready: libvirt then refuses to define a KVM domain. Once
 * the module is ready, the correction is to be tried again. */
gboolean nest_correct_needs_kvm(const GError *error);

/**
 * nest_correct_describe: what was done, in a sentence.
 *
 * Returns: (transfer full)(nullable) the sentence; NULL if nothing was done.
 */
gchar *nest_correct_describe(const NestDefinition *definition);
