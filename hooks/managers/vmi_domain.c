/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The domain of a VMI of KubeVirt, with the tag and the CPU that the VMI's annotations ask for. */
#include "vmi_domain.h"

#include "manager.h"

#include "base/error.h"
#include "domain/cpu.h"
#include "host/kvm_module.h"

/* Refuses a node without nesting: the VMI can go to another one. Ignores /dev/kvm, which only the domain's container has. */
static gboolean
check_node(const NestDomainXml *xml, GError **error)
{
    NestKvmModule node = nest_kvm_module_read();

    node.device = TRUE;
    if (!nest_cpu_is_kvm(xml) || nest_kvm_module_can_nest(&node))
        return TRUE;
    if (node.state == NEST_KVM_NO_HARDWARE)
        return nest_kvm_module_check(&node, error);
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_OFF,
        "nesting is off in %s of this node (%s): run virt-nest host enable on the node, or choose nodes "
        "that nest (nodeSelector)",
        node.vendor->module, nest_kvm_state_name(node.state));
    return FALSE;
}

gchar *
nest_vmi_domain_rewrite(NestVmi *vmi, const char *json, gssize length, const char *domain,
                        GError **error)
{
    gboolean enabled = FALSE;

    if (!nest_vmi_read(vmi, json, length, error) ||
        !nest_asked_is_enabled(vmi->asked, &enabled, error))
        return NULL;
    return enabled ? nest_manager_rewrite(vmi->asked, vmi->name, domain, check_node, error)
                   : g_strdup(domain);
}
