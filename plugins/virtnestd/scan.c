/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All domains of the host, filtered for those that have to do with virt-nest. */
#include "virtnestd/scan.h"

#include "domain/definition.h"
#include "domain/wish.h"
#include "host/kvm_module.h"

/* How many domains are in one batch: some milliseconds of work. */
#define BATCH 32

struct NestScan {
    NestDomainList *list; /* all domains */
    guint length;         /* of them */
    NestKvmModule host;   /* this host, when the list was made */
    NestPolicy *policy;   /* (nullable) what the settings say of domains */
    gboolean is_local;    /* libvirt's files are this host's */
    guint taken;          /* how many of the list were taken, from its start */
};

NestScan *
nest_scan_new(virConnectPtr work, NestPolicy *policy, GError **error)
{
    g_autoptr(NestDomainList) list = NULL;
    g_autofree char *uri = virConnectGetURI(work);
    int n = virConnectListAllDomains(work, &list, 0);
    NestScan *scan = NULL;

    if (n < 0) {
        nest_virt_error(error, "cannot list the domains");
        return NULL;
    }
    scan = g_atomic_rc_box_new0(NestScan);
    scan->list = g_steal_pointer(&list);
    scan->length = (guint)n;
    scan->host = nest_kvm_module_read();
    scan->policy = policy ? nest_policy_ref(policy) : NULL;
    scan->is_local = g_strcmp0(uri, NEST_VIRT_SYSTEM_URI) == 0;
    return scan;
}

NestScan *
nest_scan_ref(NestScan *scan)
{
    return g_atomic_rc_box_acquire(scan);
}

static void
scan_clear(gpointer data)
{
    NestScan *scan = data;

    nest_virt_list_free(scan->list);
    nest_policy_unref(scan->policy);
}

void
nest_scan_unref(NestScan *scan)
{
    if (scan)
        g_atomic_rc_box_release_full(scan, scan_clear);
}

guint
nest_scan_length(const NestScan *scan)
{
    return scan->length;
}

gboolean
nest_scan_take(NestScan *scan, guint *ret_batch)
{
    if (scan->taken >= scan->length)
        return FALSE;
    *ret_batch = scan->taken;
    scan->taken += BATCH;
    return TRUE;
}

/* A domain that cannot be read is synced as well, unless it is gone: the sync reports the reason. */
static gboolean
may_be_ours_in_libvirt(const NestScan *scan, virConnectPtr work, const char *uuid,
                       unsigned int flags)
{
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(work, uuid);
    g_autofree char *xml = domain ? virDomainGetXMLDesc(domain, flags) : NULL;

    return xml ? nest_wish_may_concern(xml, scan->policy) : !nest_virt_domain_is_gone();
}

/* Whether the definition in libvirt's file must be corrected, or needs the host's module. In both cases it is synced. */
static gboolean
differs(const NestScan *scan, gchar *xml)
{
    g_autoptr(NestDefinition) definition = NULL;

    if (nest_rules_length(scan->policy->rules) == 0) /* a rule's condition may name a device */
        nest_domain_xml_cut_devices(xml);
    definition = nest_definition_correct(xml, scan->host.vendor, scan->policy,
                                         nest_kvm_module_can_nest(&scan->host), NULL);
    return !definition || definition->action != NEST_DEFINITION_UNCHANGED || definition->needs_kvm;
}

/* Without rules and policy=disable few domains are ours, and all of these are synced. Under policy=disable every domain is
 * ours, so only those are synced whose definitions differ. */
static gboolean
file_is_to_be_synced(const NestScan *scan, gchar *xml)
{
    const NestPolicy *policy = scan->policy;

    if (!policy || !nest_policy_concerns_all(policy))
        return nest_wish_may_concern(xml, policy);
    return (policy->untagged == NEST_UNTAGGED_DISABLE || nest_wish_may_concern(xml, policy)) &&
           differs(scan, xml);
}

/* The list says which domains ran when it was made. Events report those that started later. */
static gboolean
is_to_be_synced(const NestScan *scan, virDomainPtr domain, const char *uuid, virConnectPtr work)
{
    gboolean runs = virDomainGetID(domain) != (unsigned int)-1;
    g_autofree gchar *file =
        scan->is_local ? nest_virt_read_file(virDomainGetName(domain), uuid) : NULL;

    if (file ? file_is_to_be_synced(scan, file)
             : may_be_ours_in_libvirt(scan, work, uuid, VIR_DOMAIN_XML_INACTIVE))
        return TRUE;
    return runs && may_be_ours_in_libvirt(scan, work, uuid, 0);
}

GPtrArray *
nest_scan_filter(const NestScan *scan, guint batch, virConnectPtr work)
{
    GPtrArray *uuids = g_ptr_array_new_with_free_func(g_free);

    for (guint i = batch; i < MIN(batch + BATCH, scan->length); i++) {
        g_autofree gchar *uuid = nest_virt_uuid(scan->list[i]);

        if (is_to_be_synced(scan, scan->list[i], uuid, work))
            g_ptr_array_add(uuids, g_steal_pointer(&uuid));
    }
    return uuids;
}
