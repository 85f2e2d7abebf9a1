/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest preflight: whether a running guest would live on another host, with its nested guests, as far as the libvirt there
 * shows that. Nothing is changed here or there, and nobody logs in there.
 *
 * libvirt's own comparison decides for a CPU with a model. A host-passthrough has no list of features, so that what the two
 * hosts offer is compared: it migrates all the same, but the guest finds another CPU there. */
#include "base/error.h"
#include "domain/cpu.h"
#include "live.h"
#include "output.h"
#include "preflight_check.h"
#include "virt/cpu_features.h"
#include "visit.h"

#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#define COLUMN 18 /* of the text of a check */

typedef struct {
    gboolean json;
    const char *uri;
    gchar *name;
    virConnectPtr here;
    virConnectPtr there;
    NestDomainXml *xml;   /* of the running domain */
    NestMachine machine;  /* what it needs */
    NestDomainXml *offer; /* (nullable) the destination's domain capabilities for it */
    GHashTable *wanted;   /* (nullable) the features that the guest has, or this host offers */
    GHashTable *offered;  /* (nullable) the features that the destination offers */
    NestLiveDomain *live;
    GPtrArray *checks;
} Preflight;

static void
preflight_clear(Preflight *preflight)
{
    g_free(preflight->name);
    if (preflight->there)
        virConnectClose(preflight->there);
    nest_domain_xml_free(preflight->xml);
    nest_machine_clear(&preflight->machine);
    nest_domain_xml_free(preflight->offer);
    g_clear_pointer(&preflight->wanted, g_hash_table_unref);
    g_clear_pointer(&preflight->offered, g_hash_table_unref);
    nest_live_domain_unref(preflight->live);
    g_ptr_array_unref(preflight->checks);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Preflight, preflight_clear)

static void G_GNUC_PRINTF(4, 5)
    add(Preflight *preflight, const char *name, NestPreflightResult result, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    nest_preflight_add(preflight->checks, name, result, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

/* The last error of libvirt, which is the destination's reason; or that it answers no more. */
static void
add_error(Preflight *preflight, const char *name, const char *what)
{
    const char *said = virGetLastErrorMessage();
    g_autofree gchar *reason = g_strdup(said ? said : "libvirt does not say why");
    gboolean answers = preflight->there && virConnectIsAlive(preflight->there) == 1;

    add(preflight, name, answers ? NEST_PREFLIGHT_BREAKS : NEST_PREFLIGHT_UNKNOWN, "%s: %s", what,
        reason);
}

/* --- what the guest needs, and what the destination offers */

static xmlNode *
cpu_of_guest(const Preflight *preflight)
{
    return nest_domain_xml_cpu(preflight->xml);
}

static gboolean
is_passed_through(const Preflight *preflight)
{
    const xmlNode *cpu = cpu_of_guest(preflight);

    return cpu && (nest_xml_attribute_is(cpu, "mode", "host-passthrough") ||
                   nest_xml_attribute_is(cpu, "mode", "maximum"));
}

/* (nullable) The <mode name='host-model'> of domain capabilities: what a guest there has at best. */
static xmlNode *
host_model_of(const NestDomainXml *offer)
{
    const xmlNode *root = nest_xml_child(nest_domain_xml_root(offer), "domainCapabilities");
    xmlNode *cpu = root ? nest_xml_child(root, "cpu") : NULL;

    if (!cpu)
        return NULL;
    NEST_XML_FOREACH (cpu, mode) {
        if (nest_xml_attribute_is(mode, "name", "host-model") &&
            nest_xml_attribute_is(mode, "supported", "yes"))
            return mode;
    }
    return NULL;
}

/* (transfer full)(nullable) The features of the host-model in a libvirt's domain capabilities, as a <cpu> of a guest. */
static GHashTable *
features_offered(virConnectPtr libvirt, const NestMachine *machine, const NestDomainXml *offer)
{
    xmlNode *model = offer ? host_model_of(offer) : NULL;
    g_autoptr(GString) text = g_string_new("<domain><cpu mode='custom' match='exact'>");
    g_autoptr(NestDomainXml) xml = NULL;

    if (!model)
        return NULL;
    NEST_XML_FOREACH (model, child) {
        g_autofree gchar *one = nest_xml_dump(child);

        g_string_append(text, one);
    }
    g_string_append(text, "</cpu></domain>");
    xml = nest_domain_xml_parse(text->str, text->len, NULL);
    return xml ? nest_cpu_features_read(libvirt, machine, nest_domain_xml_cpu(xml), NULL) : NULL;
}

static void
read_features(Preflight *preflight)
{
    g_autoptr(NestDomainXml) offer = NULL;
    xmlNode *cpu = cpu_of_guest(preflight);

    if (is_passed_through(preflight)) {
        offer = nest_machine_read_offer(preflight->here, &preflight->machine);
        preflight->wanted = features_offered(preflight->here, &preflight->machine, offer);
    } else if (cpu)
        preflight->wanted = nest_cpu_features_read(preflight->here, &preflight->machine, cpu, NULL);
    preflight->offered = features_offered(preflight->there, &preflight->machine, preflight->offer);
}

/* --- the checks, in the order in which their findings have to be corrected */

static gboolean
check_other_host(Preflight *preflight)
{
    const char *type = virConnectGetType(preflight->there);
    g_autofree char *here = virConnectGetCapabilities(preflight->here);
    g_autofree char *there = virConnectGetCapabilities(preflight->there);
    const char *one = here ? strstr(here, "<uuid>") : NULL;
    const char *other = there ? strstr(there, "<uuid>") : NULL;

    if (g_strcmp0(type, "QEMU") != 0)
        add(preflight, "host", NEST_PREFLIGHT_BREAKS, "its libvirt runs %s, and not QEMU",
            type ? type : "something unknown");
    else if (one && other && strncmp(one, other, strlen("<uuid>") + 36) == 0)
        add(preflight, "host", NEST_PREFLIGHT_BREAKS,
            "it is this host, or has its uuid, so that libvirt does not migrate to it: give each "
            "host a host_uuid of its own in libvirtd.conf");
    else
        return TRUE;
    return FALSE;
}

/* Whether there is such a QEMU, machine type and accelerator: libvirt says what is missing. */
static gboolean
check_machine_type(Preflight *preflight)
{
    const NestMachine *machine = &preflight->machine;

    preflight->offer = nest_machine_read_offer(preflight->there, machine);
    if (preflight->offer)
        add(preflight, "machine", NEST_PREFLIGHT_GOOD, "it has %s, with %s, by %s",
            machine->type ? machine->type : "the machine type",
            g_str_equal(machine->virt, "kvm") ? "KVM" : "QEMU's emulation",
            machine->emulator ? machine->emulator : "its own QEMU");
    else
        add_error(preflight, "machine",
                  "the guest would not start there, as its machine cannot be had");
    return preflight->offer != NULL;
}

/* (transfer full)(nullable) The vendor that a <cpu>, or a host-model, names. */
static gchar *
vendor_of_cpu(const xmlNode *cpu)
{
    xmlNode *vendor = cpu ? nest_xml_child(cpu, "vendor") : NULL;

    return vendor ? (gchar *)xmlNodeGetContent(vendor) : NULL;
}

/* Under KVM a guest sees the host's vendor, whatever its model is. */
static void
check_vendor(Preflight *preflight)
{
    g_autoptr(NestDomainXml) offer = nest_machine_read_offer(preflight->here, &preflight->machine);
    g_autofree gchar *here = offer ? vendor_of_cpu(host_model_of(offer)) : NULL;
    g_autofree gchar *there = vendor_of_cpu(host_model_of(preflight->offer));

    if (!here || !there)
        add(preflight, "vendor", NEST_PREFLIGHT_UNKNOWN,
            "libvirt does not say of both hosts whose CPU they have, and between two vendors no "
            "nested guest survives: compare lscpu here and there");
    else if (!g_str_equal(here, there))
        add(preflight, "vendor", NEST_PREFLIGHT_BREAKS,
            "its CPU is of %s and this one's of %s: VMX and SVM are not the same, so the guest's "
            "hypervisor and its nested guests would be lost",
            there, here);
    else
        add(preflight, "vendor", NEST_PREFLIGHT_GOOD, "both CPUs are of %s", here);
}

static gboolean
guest_has_feature(const Preflight *preflight)
{
    for (gsize i = 0; preflight->wanted && i < NEST_CPU_FEATURES; i++)
        if (g_hash_table_contains(preflight->wanted, nest_cpu_features[i]))
            return TRUE;
    return FALSE;
}

/* VMX or SVM and their parts, by name. */
static void
check_nesting(Preflight *preflight)
{
    g_autoptr(GPtrArray) missing = NULL;
    g_autofree gchar *words = NULL;

    if (!preflight->wanted || !preflight->offered) {
        add(preflight, "nesting", NEST_PREFLIGHT_UNKNOWN,
            "libvirt does not say which features the guest has and the destination offers: run "
            "virt-nest host there");
        return;
    }
    if (!guest_has_feature(preflight)) {
        add(preflight, "nesting", NEST_PREFLIGHT_GOOD,
            "the guest has neither VMX nor SVM, so it needs no nesting there");
        return;
    }
    missing = nest_preflight_missing(preflight->wanted, preflight->offered, TRUE);
    if (missing->len == 0) {
        add(preflight, "nesting", NEST_PREFLIGHT_GOOD,
            "it offers all that the guest's hypervisor has seen of VMX or SVM");
        return;
    }
    words = nest_preflight_missing_text(missing);
    add(preflight, "nesting", NEST_PREFLIGHT_BREAKS,
        "it does not offer %s (virt-nest host enable there turns nesting on)", words);
}

/* What is missing, for a message. */
static gchar *
all_missing(const Preflight *preflight)
{
    g_autoptr(GPtrArray) missing =
        preflight->wanted && preflight->offered
            ? nest_preflight_missing(preflight->wanted, preflight->offered, FALSE)
            : g_ptr_array_new();

    return nest_preflight_missing_text(missing);
}

static void
check_passed_cpu(Preflight *preflight)
{
    g_autofree gchar *missing = all_missing(preflight);

    if (!preflight->wanted || !preflight->offered)
        add(preflight, "cpu", NEST_PREFLIGHT_UNKNOWN,
            "the guest has all that this host offers, and libvirt does not list that here and there");
    else if (*missing)
        add(preflight, "cpu", NEST_PREFLIGHT_UNKNOWN,
            "the guest has all that this host offers; it would be let in there, but find another "
            "CPU, without %s: stop the guest here and start it there, or give it a model that both "
            "have",
            missing);
    else
        add(preflight, "cpu", NEST_PREFLIGHT_GOOD,
            "it offers all that this host offers, which the guest has");
}

static void
add_cpu_comparison(Preflight *preflight, int comparison)
{
    const virError *last = virGetLastError();
    g_autofree gchar *reason = g_strdup(last ? last->message : "libvirt does not say why");
    g_autofree gchar *missing = all_missing(preflight);

    if (comparison == VIR_CPU_COMPARE_IDENTICAL || comparison == VIR_CPU_COMPARE_SUPERSET)
        add(preflight, "cpu", NEST_PREFLIGHT_GOOD, "libvirt there finds all of the guest's CPU");
    else if (comparison == VIR_CPU_COMPARE_INCOMPATIBLE ||
             (last && last->code == VIR_ERR_CPU_INCOMPATIBLE))
        add(preflight, "cpu", NEST_PREFLIGHT_BREAKS, "the guest would not start there: %s%s%s",
            reason, *missing ? "; it does not offer " : "", missing);
    else
        add(preflight, "cpu", NEST_PREFLIGHT_UNKNOWN,
            "libvirt there cannot compare the guest's CPU: %s", reason);
}

static void
check_cpu(Preflight *preflight)
{
    const NestMachine *machine = &preflight->machine;
    xmlNode *cpu = cpu_of_guest(preflight);
    g_autofree gchar *text = cpu ? nest_xml_dump(cpu) : NULL;

    if (!text)
        add(preflight, "cpu", NEST_PREFLIGHT_UNKNOWN,
            "libvirt does not say which CPU the guest has");
    else if (is_passed_through(preflight))
        check_passed_cpu(preflight);
    else {
        virResetLastError();
        add_cpu_comparison(preflight,
                           virConnectCompareHypervisorCPU(
                               preflight->there, machine->emulator, machine->arch, machine->type,
                               machine->virt, text, VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE));
    }
}

/* QEMU takes guests from an older QEMU in; the other way round nobody promises it. */
static void
check_qemu(Preflight *preflight)
{
    unsigned long here = 0;
    unsigned long there = 0;
    gboolean known = virConnectGetVersion(preflight->here, &here) == 0 &&
                     virConnectGetVersion(preflight->there, &there) == 0 && here && there;

    if (!known)
        add(preflight, "qemu", NEST_PREFLIGHT_NOTE, "libvirt does not say which QEMU it has");
    else
        add(preflight, "qemu", NEST_PREFLIGHT_NOTE, "QEMU %lu.%lu there, %lu.%lu here%s",
            there / 1000000, there / 1000 % 1000, here / 1000000, here / 1000 % 1000,
            there < here ? ": an older QEMU may refuse the state of a newer one" : "");
}

/* Whether a domain there carries a live status, which only a virtnestd writes. */
static gchar *
find_looked_after(virConnectPtr there)
{
    g_autoptr(NestDomainList) domains = NULL;

    if (virConnectListAllDomains(there, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE) < 0)
        return NULL;
    for (gsize i = 0; domains[i]; i++) {
        g_autofree char *state = virDomainGetMetadata(domains[i], VIR_DOMAIN_METADATA_ELEMENT,
                                                      NEST_STATE_NAMESPACE, VIR_DOMAIN_AFFECT_LIVE);

        if (state && strstr(state, "live"))
            return g_strdup(virDomainGetName(domains[i]));
    }
    return NULL;
}

/* What libvirt does not show of another host, and how to see it. */
static void
check_unseen(Preflight *preflight)
{
    g_autofree gchar *domain = find_looked_after(preflight->there);
    const NestLiveStatus *status = nest_live_status_of(preflight->live);

    if (domain)
        add(preflight, "virtnestd", NEST_PREFLIGHT_NOTE,
            "a virtnestd has looked after %s there; whether it runs now, and its hook and guard are "
            "well, is not seen from here: virt-nest doctor there",
            domain);
    else
        add(preflight, "virtnestd", NEST_PREFLIGHT_NOTE,
            "virtnestd, the hook, and a block format for the guard are not seen from here: virt-nest "
            "doctor there");
    if (g_str_equal(preflight->machine.virt, "kvm"))
        add(preflight, "kernel", NEST_PREFLIGHT_NOTE,
            "libvirt does not show the kernel; an older one may refuse the state of nested guests: "
            "uname -r here and there");
    if (status && status->nested)
        add(preflight, "leaving", NEST_PREFLIGHT_NOTE,
            "nested guests run in it now: virt-nest may-leave says whether it may leave");
}

static void
check_destination(Preflight *preflight)
{
    if (!check_other_host(preflight) || !check_machine_type(preflight))
        return;
    read_features(preflight);
    if (g_str_equal(preflight->machine.virt, "kvm"))
        check_vendor(preflight);
    check_nesting(preflight);
    check_cpu(preflight);
    check_qemu(preflight);
    check_unseen(preflight);
}

/* --- the domain and its destination */

static gboolean
read_guest(Preflight *preflight, virDomainPtr domain, GError **error)
{
    g_autofree char *text = NULL;

    if (!nest_live_domain_read(domain, NULL, NULL, TRUE, &preflight->live, error))
        return FALSE;
    if (!preflight->live) {
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_LIVE_UNKNOWN,
                            "it does not run, so that it has no CPU yet that could be compared: "
                            "start it (virsh start), or define it there and start it there");
        return FALSE;
    }
    text = virDomainGetXMLDesc(domain, 0);
    if (!text)
        return nest_virt_error(error, "cannot read the running domain");
    preflight->xml = nest_domain_xml_parse(text, strlen(text), error);
    if (preflight->xml)
        preflight->machine = nest_machine_of_domain(preflight->xml);
    return preflight->xml != NULL;
}

static gboolean
examine(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    Preflight *preflight = data;

    g_free(preflight->name);
    preflight->name = g_strdup(virDomainGetName(domain));
    preflight->here = connection->libvirt;
    if (!read_guest(preflight, domain, error))
        return FALSE;
    preflight->there = virConnectOpenAuth(preflight->uri, virConnectAuthPtrDefault, 0);
    if (!preflight->there)
        preflight->there = virConnectOpenReadOnly(preflight->uri);
    if (!preflight->there)
        add_error(preflight, "host", "its libvirt cannot be reached");
    else
        check_destination(preflight);
    return TRUE;
}

/* --- saying */

static const char *const sentences[] = {
    [NEST_PREFLIGHT_GOOD] = "would live there",
    [NEST_PREFLIGHT_UNKNOWN] = "nobody can tell whether it would live there",
    [NEST_PREFLIGHT_BREAKS] = "would not live there",
};

static void
print_checks(const Preflight *preflight)
{
    g_autofree gchar *name = nest_error_escape(preflight->name);
    g_autofree gchar *uri = nest_error_escape(preflight->uri);

    (void)printf("%s to %s: %s\n", name, uri, sentences[nest_preflight_answer(preflight->checks)]);
    for (guint i = 0; i < preflight->checks->len; i++) {
        const NestPreflightCheck *check = g_ptr_array_index(preflight->checks, i);

        (void)printf("%-7s %-9s ", nest_preflight_result_name(check->result), check->name);
        nest_output_wrap(check->text, COLUMN);
        (void)putchar('\n');
    }
}

static void
print_checks_json(const Preflight *preflight)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "name", preflight->name);
    nest_output_json_string(builder, "destination", preflight->uri);
    nest_output_json_string(builder, "answer",
                            nest_preflight_answer_name(nest_preflight_answer(preflight->checks)));
    json_builder_set_member_name(builder, "checks");
    json_builder_begin_array(builder);
    for (guint i = 0; i < preflight->checks->len; i++) {
        const NestPreflightCheck *check = g_ptr_array_index(preflight->checks, i);

        json_builder_begin_object(builder);
        nest_output_json_string(builder, "check", check->name);
        nest_output_json_string(builder, "result", nest_preflight_result_name(check->result));
        nest_output_json_string(builder, "text", check->text);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    nest_output_json_print(builder);
}

int
nest_preflight(NestCall *call)
{
    g_auto(Preflight) preflight = {.checks = nest_preflight_checks_new()};
    g_autoptr(NestConnection) connection = NULL;
    GError *error = NULL;
    gchar *names[] = {NULL, NULL};
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &preflight.json, "for programs: an object", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (g_strv_length(call->arguments) != 2)
        return nest_command_misused(call,
                                    "name one domain and the URI of the libvirt it is to go to");
    names[0] = call->arguments[0];
    preflight.uri = call->arguments[1];
    preflight.name = g_strdup(names[0]);
    connection = nest_connection_open_for(call, NEST_CONNECTION_TO_LOOK, &error);
    if (!connection)
        nest_command_fail(error);
    else
        status = nest_connection_visit(connection, names, examine, &preflight);
    if (preflight.json)
        print_checks_json(&preflight);
    else if (connection && status == NEST_EXIT_DONE)
        print_checks(&preflight);
    return nest_preflight_status(nest_preflight_answer(preflight.checks));
}
