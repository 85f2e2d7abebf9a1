/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The correction of a domain's persistent definition through libvirt, without losing anything.
 *
 * Theory of operation: read, work out the correction, read again, and define only if nothing has
 * changed. While a domain starts, libvirt holds it locked and answers no call about it. A call that
 * waits for the domain also blocks every change of libvirt's list of domains (seen in 9.0). If we read
 * by a call then, the call would wait for that start, and our define might come only after the next
 * start. So a definition that was just defined or tagged is read from the file in which libvirt itself
 * keeps it (the same text, written before the event). Then only the define waits: libvirt carries it
 * out after the start that the hook refuses, and before the next start. In all other cases both reads
 * are calls to libvirt. */
#include "virt/correct.h"

#include "base/error.h"
#include "base/root.h"
#include "base/runtime_flag.h"
#include "domain/tag.h"
#include "domain/xml.h"
#include "host/kvm_lock.h"
#include "host/kvm_module.h"

#include <glib/gstdio.h>
#include <string.h>

/* How old libvirt's file may be when an event has just reported a change. An older file does not
 * belong to this libvirt. */
#define FRESH_SECONDS 10

/* How many tries are made. A try is repeated if somebody changed the definition between its two reads, or if libvirt refused
 * the define during a reload of the KVM module or within a second after it. */
#define MAX_TRIES 20
/* The pause before each try after a reload. All tries together then last longer than that second. */
#define RELOAD_PAUSE_US 100000

/* The outcome of one try. TRY_GONE: the domain has no persistent definition any more; our define has not left one. */
typedef enum { TRY_DONE, TRY_DEFINED, TRY_AGAIN, TRY_GONE, TRY_FAILED } Try;

/* One definition to be corrected, and where it is read from. */
typedef struct {
    const NestCorrector *corrector;
    virConnectPtr work;  /* where the define goes */
    const char *uuid;    /* the domain's */
    virDomainPtr domain; /* to read it through libvirt; NULL: it is read from its file */
    const char *name;    /* the domain's, for libvirt's file; NULL where @domain is set */
} Source;

/* (transfer full)(nullable) A definition in a canonical form, which does not depend on how libvirt prints it. */
static gchar *
definition_canonical(const char *text)
{
    g_autoptr(NestDomainXml) xml = text ? nest_domain_xml_parse(text, strlen(text), NULL) : NULL;

    return xml ? nest_xml_canonical(nest_domain_xml_root(xml)) : NULL;
}

/* Whether libvirt still has what our define wrote, and nobody has defined the domain after it. The nonce
 * in our record shows this; without a record, the whole definition is compared. */
static gboolean
is_still_ours(virDomainPtr domain, const NestDefinition *definition)
{
    g_autofree gchar *now = nest_virt_read_inactive(domain, NULL);
    g_autofree gchar *is = NULL;
    g_autofree gchar *was = NULL;

    if (definition->record_id)
        return now && strstr(now, definition->record_id);
    is = definition_canonical(now);
    was = definition_canonical(definition->xml);
    return is && g_strcmp0(is, was) == 0;
}

/* Whether the domain runs without a persistent definition, for example because it was just undefined. */
static gboolean
is_transient(const Source *source)
{
    return source->domain && virDomainIsPersistent(source->domain) == 0;
}

/* The definition as it is now. NULL without an error: there is none any more. */
static gchar *
read_source(const Source *source, GError **error)
{
    g_autoptr(GError) problem = NULL;
    gchar *text = NULL;

    if (!source->domain)
        return nest_virt_read_file(source->name, source->uuid);
    text = nest_virt_read_inactive(source->domain, &problem);
    if (problem && !nest_virt_domain_is_gone())
        g_propagate_error(error, g_steal_pointer(&problem));
    return text;
}

/* The second read and the define, close together, because nothing
 * protects the time between them. */
static Try
define_if_unchanged(const Source *source, const char *expected, const char *wanted,
                    virDomainPtr *ret_defined, GError **error)
{
    GError *problem = NULL;
    gint64 begin = g_get_real_time();
    g_autofree gchar *now = is_transient(source) ? NULL : read_source(source, &problem);

    if (problem) {
        g_propagate_error(error, problem);
        return TRY_FAILED;
    }
    if (!now || !g_str_equal(now, expected))
        return now ? TRY_AGAIN : TRY_GONE;
    *ret_defined = virDomainDefineXMLFlags(source->work, wanted, 0);
    /* While the host's module is reloaded, libvirt finds no KVM, and refuses every domain that needs it. */
    if (!*ret_defined && nest_kvm_lock_reloaded_since(begin)) {
        g_usleep(RELOAD_PAUSE_US);
        return TRY_AGAIN;
    }
    if (!*ret_defined) {
        nest_virt_error(error, "libvirt refused the corrected definition, the old one stays");
        return TRY_FAILED;
    }
    nest_define_tracker_we_defined(source->corrector->tracker, source->uuid);
    return TRY_DEFINED;
}

gboolean
nest_correct_needs_kvm(const GError *error)
{
    static const NestErrorCode codes[] = {
        NEST_ERROR_HOST_ABSENT, NEST_ERROR_HOST_OFF,  NEST_ERROR_HOST_BUSY,
        NEST_ERROR_HOST_DEVICE, NEST_ERROR_HOST_LOST, NEST_ERROR_HOST_KEPT_OFF,
        NEST_ERROR_HOST_VALUE,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_error_matches(error, NEST_ERROR, (gint)codes[i]))
            return TRUE;
    return FALSE;
}

/* Handles libvirt's refusal of a KVM domain. If the KVM module was absent and could be loaded, the define is tried again.
 * Otherwise, if KVM guests cannot nest on this host now, the reason for this replaces @problem, because libvirt does not say
 * why KVM is missing. */
static Try
judge_refusal(const Source *source, const NestDefinition *definition, Try outcome, GError **problem)
{
    NestKvmModule module = {0};
    g_autoptr(GError) host = NULL;

    if (!*problem || !definition->needs_kvm)
        return outcome;
    if (source->corrector->load_module && source->corrector->load_module(&host)) {
        g_clear_error(problem);
        return TRY_AGAIN;
    }
    module = nest_kvm_module_read();
    if (!host && nest_kvm_module_check(&module, &host))
        return outcome;
    g_clear_error(problem);
    g_propagate_prefixed_error(problem, g_steal_pointer(&host),
                               "the definition was not corrected, the old one stays: ");
    return outcome;
}

static Try
redefine(const Source *source, const char *expected, const NestDefinition *definition,
         GError **error)
{
    const NestCorrector *corrector = source->corrector;
    g_autoptr(virDomain) defined = NULL;
    NestTrackedDefine *watched = nest_define_tracker_begin(corrector->tracker, source->uuid);
    Try outcome = TRY_FAILED;
    gboolean may_be_back = FALSE;
    GError *problem = NULL;

    if (!source->domain) /* the domain may be starting, and its hook may wait for this define */
        (void)nest_runtime_flag_set(NEST_RUNTIME_FLAG_CORRECTING, source->uuid, NULL);
    outcome = define_if_unchanged(source, expected, definition->xml, &defined, &problem);
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_CORRECTING, source->uuid);
    may_be_back = nest_define_tracker_end(corrector->tracker, watched, corrector->control);
    outcome = judge_refusal(source, definition, outcome, &problem);
    if (problem)
        g_propagate_error(error, problem);
    if (outcome != TRY_DEFINED)
        return outcome;
    if (!may_be_back || !is_still_ours(defined, definition))
        return TRY_DONE;
    /* Our define has created the domain again. Only the definition is removed, no other file of the domain. */
    if (virDomainUndefineFlags(defined,
                               VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_TPM) < 0)
        virDomainUndefineFlags(defined, VIR_DOMAIN_UNDEFINE_KEEP_NVRAM);
    return TRY_GONE;
}

/* Works out what the definition should be. A transient domain has no definition, so mistakes in its
 * XML are not reported. */
static Try
work_out_correction(const Source *source, const char *xml, NestDefinition **ret_definition,
                    GError **error)
{
    const NestPolicy *policy = source->corrector->policy;
    g_autoptr(GError) problem = NULL;
    NestKvmModule module;

    if (!nest_wish_may_concern(xml, policy)) {
        *ret_definition = nest_definition_unchanged();
        return TRY_DONE;
    }
    module = nest_kvm_module_read();
    *ret_definition = nest_definition_correct(xml, module.vendor, policy,
                                              nest_kvm_module_can_nest(&module), &problem);
    if (*ret_definition)
        return TRY_DONE;
    if (is_transient(source))
        return TRY_GONE;
    g_propagate_error(error, g_steal_pointer(&problem));
    return TRY_FAILED;
}

/* One round of reading, working out and defining. */
static Try
try_once(const Source *source, NestDefinition **ret_definition, GError **error)
{
    GError *problem = NULL;
    g_autofree gchar *xml = read_source(source, &problem);
    g_autoptr(NestDefinition) definition = NULL;
    Try outcome = TRY_DONE;

    if (problem)
        g_propagate_error(error, problem);
    if (!xml)
        return problem ? TRY_FAILED : TRY_GONE;
    outcome = work_out_correction(source, xml, &definition, error);
    if (outcome == TRY_DONE && definition->action != NEST_DEFINITION_UNCHANGED)
        outcome = redefine(source, xml, definition, error);
    if (outcome == TRY_DONE)
        *ret_definition = g_steal_pointer(&definition);
    return outcome;
}

static NestDefinition *
correct_source(const Source *source, GError **error)
{
    NestDefinition *definition = NULL;
    Try outcome = TRY_AGAIN;

    for (int i = 0; i < MAX_TRIES && outcome == TRY_AGAIN; i++)
        outcome = try_once(source, &definition, error);
    if (outcome == TRY_GONE)
        return nest_definition_unchanged();
    if (outcome == TRY_AGAIN)
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_LIBVIRT,
            "the definition was left alone after %d tries: somebody else keeps changing it, or the "
            "KVM module was loaded anew meanwhile; run virt-nest apply later",
            MAX_TRIES);
    return definition;
}

NestDefinition *
nest_correct_domain(const NestCorrector *corrector, virDomainPtr domain, GError **error)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);
    Source source = {corrector, virDomainGetConnect(domain), uuid, domain, NULL};

    return correct_source(&source, error);
}

NestDefinition *
nest_correct_fresh(const NestCorrector *corrector, virConnectPtr work, const char *name,
                   const char *uuid, GError **error)
{
    Source source = {corrector, work, uuid, NULL, name};
    g_autofree gchar *file = nest_virt_file(name);
    GStatBuf status;

    if (g_stat(file, &status) != 0 ||
        g_get_real_time() / G_USEC_PER_SEC - (gint64)status.st_mtime >= FRESH_SECONDS)
        return nest_definition_unchanged();
    return correct_source(&source, error);
}

gchar *
nest_correct_describe(const NestDefinition *definition)
{
    g_autofree gchar *changes = nest_definition_describe(definition);
    g_autofree gchar *remarks = nest_definition_describe_remarks(definition);

    if (definition->action == NEST_DEFINITION_UNCHANGED)
        return NULL;
    return g_strdup_printf("definition corrected: %s%s", changes, remarks);
}
