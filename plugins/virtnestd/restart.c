/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* on-stale=restart: a domain whose start was faster than its correction is
 * stopped and started again, once. */
#include "virtnestd/restart.h"

#include "base/error.h"
#include "domain/cpu_off.h"
#include "host/kvm_module.h"
#include "virt/live_domain.h"

#include <string.h>

/* A guest that has run for longer than this has begun to work, so it is not stopped. This can happen if
 * virtnestd was delayed. */
#define LONGEST_RUN_MS 10000

/* Whether a guest of this XML does not have the CPU that it shall have. */
static gboolean
has_wrong_cpu(const char *text, const NestPolicy *policy)
{
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(text, strlen(text), NULL);
    const NestCpuVendor *vendor = NULL;
    NestWish wish = NEST_WISH_NONE;
    NestKvmModule module = {0};

    if (!xml || !nest_wish_read(xml, policy, &wish, NULL) || wish.kind == NEST_WISH_LEAVE ||
        wish.kind == NEST_WISH_UNDECIDED)
        return FALSE;
    if (wish.kind != NEST_WISH_ENABLE) { /* it shall not see the feature */
        module = nest_kvm_module_read();
        return (!nest_cpu_is_kvm(xml) || nest_kvm_module_can_nest(&module)) &&
               nest_cpu_off_shows(xml, module.vendor);
    }
    vendor = nest_cpu_feature_vendor(xml, nest_cpu_vendor_of_host(NULL), NULL);
    return wish.tag.required && vendor && !nest_cpu_exposes(xml, vendor);
}

/* Whether the domain was booted and nothing else has happened to it; @ret_flags: how to start
 * it again. A domain that was started paused looks like one that somebody paused, so its
 * start must have been seen. */
static gboolean
has_just_booted(virDomainPtr domain, NestStart start, unsigned int *ret_flags)
{
    gint64 age = nest_live_domain_age(domain);
    int state = 0;
    int reason = 0;

    if (age < 0 || age > LONGEST_RUN_MS || virDomainGetState(domain, &state, &reason, 0) < 0)
        return FALSE;
    *ret_flags = state == VIR_DOMAIN_PAUSED ? VIR_DOMAIN_START_PAUSED : 0;
    if (state == VIR_DOMAIN_PAUSED)
        return reason == VIR_DOMAIN_PAUSED_USER && start == NEST_START_SEEN;
    return state == VIR_DOMAIN_RUNNING && reason == VIR_DOMAIN_RUNNING_BOOTED;
}

/* Corrects the definition, and checks that a restart would help. */
static gboolean
prepare_definition(const NestCorrector *corrector, virDomainPtr domain, GError **error)
{
    g_autoptr(NestDefinition) definition = nest_correct_domain(corrector, domain, error);
    g_autofree gchar *inactive = definition ? nest_virt_read_inactive(domain, error) : NULL;

    if (!inactive)
        return FALSE;
    if (!has_wrong_cpu(inactive, corrector->policy))
        return TRUE;
    g_set_error_literal(
        error, NEST_ERROR, NEST_ERROR_LIBVIRT,
        "its corrected definition still has the wrong CPU, so a restart is of no use");
    return FALSE;
}

static gboolean
start_again(virDomainPtr domain, unsigned int flags, GError **error)
{
    if (virDomainDestroyFlags(domain, 0) < 0) {
        nest_virt_error(error, "cannot stop it for the restart, it runs on as it is");
        virDomainResume(domain);
        return FALSE;
    }
    if (virDomainCreateWithFlags(domain, flags) < 0)
        return nest_virt_error(error, "stopped for the restart, but it does not start again");
    return TRUE;
}

gboolean
nest_restart_stale(const NestCorrector *corrector, virDomainPtr domain, NestStart start,
                   gboolean *ret_restarted, GError **error)
{
    g_autofree char *live = NULL;
    unsigned int flags = 0;

    if (!has_just_booted(domain, start, &flags) || virDomainIsPersistent(domain) != 1)
        return TRUE;
    live = virDomainGetXMLDesc(domain, 0);
    if (!live || !has_wrong_cpu(live, corrector->policy))
        return TRUE;
    if (!flags && virDomainSuspend(domain) < 0)
        return nest_virt_error(error, "cannot suspend it for the restart, it runs on as it is");
    if (!prepare_definition(corrector, domain, error)) {
        if (!flags)
            virDomainResume(domain);
        return FALSE;
    }
    if (!start_again(domain, flags, error))
        return FALSE;
    *ret_restarted = TRUE;
    return TRUE;
}
