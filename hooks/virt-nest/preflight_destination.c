/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks the host that a guest shall migrate to, as libvirt shows it. The checks stand in the order in which their
 * findings have to be corrected.
 *
 * libvirt's own comparison decides for a CPU with a model. A host-passthrough CPU has no list of features, so the
 * offers of the two hosts are compared: the guest migrates all the same, but finds another CPU there. */
#include "preflight_destination.h"

#include "domain/state.h"
#include "live.h"

#include <libvirt/virterror.h>
#include <string.h>

static void G_GNUC_PRINTF(4, 5) add_check(GPtrArray *checks, const char *name,
                                          NestPreflightResult result, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    nest_preflight_add(checks, name, result, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

/* The last error of libvirt, which is the destination's reason; or that the destination does not answer any more. */
static void
add_error(const NestPreflightMove *move, GPtrArray *checks, const char *name, const char *what)
{
    const char *said = virGetLastErrorMessage();
    g_autofree gchar *reason = g_strdup(said ? said : "libvirt does not say why");
    gboolean answers = move->there && virConnectIsAlive(move->there) == 1;

    add_check(checks, name, answers ? NEST_PREFLIGHT_BREAKS : NEST_PREFLIGHT_UNKNOWN, "%s: %s",
              what, reason);
}

static gboolean
check_other_host(const NestPreflightMove *move, GPtrArray *checks)
{
    const char *type = virConnectGetType(move->there);
    g_autofree char *here = virConnectGetCapabilities(move->here);
    g_autofree char *there = virConnectGetCapabilities(move->there);
    const char *one = here ? strstr(here, "<uuid>") : NULL;
    const char *other = there ? strstr(there, "<uuid>") : NULL;

    if (g_strcmp0(type, "QEMU") != 0)
        add_check(checks, "host", NEST_PREFLIGHT_BREAKS, "its libvirt runs %s, and not QEMU",
                  type ? type : "something unknown");
    else if (one && other && strncmp(one, other, strlen("<uuid>") + 36) == 0)
        add_check(
            checks, "host", NEST_PREFLIGHT_BREAKS,
            "it is this host, or has its uuid, so that libvirt does not migrate to it: give each "
            "host a host_uuid of its own in libvirtd.conf");
    else
        return TRUE;
    return FALSE;
}

/* Whether there is such a QEMU, machine type and accelerator: libvirt says what is missing. */
static gboolean
check_machine_type(NestPreflightMove *move, GPtrArray *checks)
{
    const NestMachine *machine = &move->machine;

    move->offer = nest_machine_read_offer(move->there, machine);
    if (move->offer)
        add_check(checks, "machine", NEST_PREFLIGHT_GOOD, "it has %s, with %s, by %s",
                  machine->type ? machine->type : "the machine type",
                  g_str_equal(machine->virt, "kvm") ? "KVM" : "QEMU's emulation",
                  machine->emulator ? machine->emulator : "its own QEMU");
    else
        add_error(move, checks, "machine",
                  "the guest would not start there, as its machine cannot be had");
    return move->offer != NULL;
}

/* Under KVM a guest sees the host's vendor, whatever its model is. */
static void
check_vendor(const NestPreflightMove *move, GPtrArray *checks)
{
    g_autofree gchar *here = nest_preflight_move_vendor(move->offer_here);
    g_autofree gchar *there = nest_preflight_move_vendor(move->offer);

    if (!here || !there)
        add_check(checks, "vendor", NEST_PREFLIGHT_UNKNOWN,
                  "libvirt does not name the CPU vendor of both hosts, and between two vendors no "
                  "nested guest survives: compare lscpu here and there");
    else if (!g_str_equal(here, there))
        add_check(
            checks, "vendor", NEST_PREFLIGHT_BREAKS,
            "its CPU is of %s and this one's of %s: VMX and SVM are not the same, so the guest's "
            "hypervisor and its nested guests would be lost",
            there, here);
    else
        add_check(checks, "vendor", NEST_PREFLIGHT_GOOD, "both CPUs are of %s", here);
}

/* VMX or SVM and their parts, by name. */
static void
check_nesting(const NestPreflightMove *move, GPtrArray *checks)
{
    g_autoptr(GPtrArray) missing = NULL;
    g_autofree gchar *words = NULL;

    if (!move->wanted || !move->offered) {
        add_check(
            checks, "nesting", NEST_PREFLIGHT_UNKNOWN,
            "libvirt does not say which features the guest has and the destination offers: run "
            "virt-nest host there");
        return;
    }
    if (!nest_preflight_move_has_feature(move)) {
        add_check(checks, "nesting", NEST_PREFLIGHT_GOOD,
                  "the guest has neither VMX nor SVM, so it needs no nesting there");
        return;
    }
    missing = nest_preflight_missing(move->wanted, move->offered, TRUE);
    if (missing->len == 0) {
        add_check(checks, "nesting", NEST_PREFLIGHT_GOOD,
                  "it offers all that the guest's hypervisor has seen of VMX or SVM");
        return;
    }
    words = nest_preflight_missing_text(missing);
    add_check(checks, "nesting", NEST_PREFLIGHT_BREAKS,
              "it does not offer %s (virt-nest host enable there turns nesting on)", words);
}

static void
check_passed_cpu(const NestPreflightMove *move, GPtrArray *checks)
{
    g_autofree gchar *missing = nest_preflight_move_missing(move);

    if (!move->wanted || !move->offered)
        add_check(
            checks, "cpu", NEST_PREFLIGHT_UNKNOWN,
            "the guest has all that this host offers, and libvirt does not list that here and there");
    else if (*missing)
        add_check(
            checks, "cpu", NEST_PREFLIGHT_UNKNOWN,
            "the guest has all that this host offers; the destination would accept it, but give it another CPU, "
            "without %s: stop the guest here and start it there, or give it a model that both "
            "have",
            missing);
    else
        add_check(checks, "cpu", NEST_PREFLIGHT_GOOD,
                  "it offers all that this host offers, which the guest has");
}

static void
add_cpu_comparison(const NestPreflightMove *move, GPtrArray *checks, int comparison)
{
    const virError *last = virGetLastError();
    g_autofree gchar *reason = g_strdup(last ? last->message : "libvirt does not say why");
    g_autofree gchar *missing = nest_preflight_move_missing(move);

    if (comparison == VIR_CPU_COMPARE_IDENTICAL || comparison == VIR_CPU_COMPARE_SUPERSET)
        add_check(checks, "cpu", NEST_PREFLIGHT_GOOD, "libvirt there finds all of the guest's CPU");
    else if (comparison == VIR_CPU_COMPARE_INCOMPATIBLE ||
             (last && last->code == VIR_ERR_CPU_INCOMPATIBLE))
        add_check(checks, "cpu", NEST_PREFLIGHT_BREAKS, "the guest would not start there: %s%s%s",
                  reason, *missing ? "; it does not offer " : "", missing);
    else
        add_check(checks, "cpu", NEST_PREFLIGHT_UNKNOWN,
                  "libvirt there cannot compare the guest's CPU: %s", reason);
}

static void
check_cpu(const NestPreflightMove *move, GPtrArray *checks)
{
    const NestMachine *machine = &move->machine;
    xmlNode *cpu = nest_preflight_move_cpu(move);
    g_autofree gchar *text = cpu ? nest_xml_dump(cpu) : NULL;

    if (!text)
        add_check(checks, "cpu", NEST_PREFLIGHT_UNKNOWN,
                  "libvirt does not say which CPU the guest has");
    else if (nest_preflight_move_is_passed_through(move))
        check_passed_cpu(move, checks);
    else {
        virResetLastError();
        add_cpu_comparison(move, checks,
                           virConnectCompareHypervisorCPU(
                               move->there, machine->emulator, machine->arch, machine->type,
                               machine->virt, text, VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE));
    }
}

/* QEMU accepts guests from an older QEMU; nobody promises the reverse. */
static void
check_qemu(const NestPreflightMove *move, GPtrArray *checks)
{
    unsigned long here = 0;
    unsigned long there = 0;
    gboolean known = virConnectGetVersion(move->here, &here) == 0 &&
                     virConnectGetVersion(move->there, &there) == 0 && here && there;

    if (!known)
        add_check(checks, "qemu", NEST_PREFLIGHT_NOTE, "libvirt does not say which QEMU it has");
    else
        add_check(checks, "qemu", NEST_PREFLIGHT_NOTE, "QEMU %lu.%lu there, %lu.%lu here%s",
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
check_unseen(const NestPreflightMove *move, GPtrArray *checks)
{
    g_autofree gchar *domain = find_looked_after(move->there);
    const NestLiveStatus *status = nest_live_status_of(move->live);

    if (domain)
        add_check(
            checks, "virtnestd", NEST_PREFLIGHT_NOTE,
            "a virtnestd has looked after %s there; whether it runs now, and its hook and guard are "
            "well, is not seen from here: virt-nest doctor there",
            domain);
    else
        add_check(
            checks, "virtnestd", NEST_PREFLIGHT_NOTE,
            "virtnestd, the hook, and a block format for the guard are not seen from here: virt-nest "
            "doctor there");
    if (g_str_equal(move->machine.virt, "kvm"))
        add_check(
            checks, "kernel", NEST_PREFLIGHT_NOTE,
            "libvirt does not show the kernel; an older one may refuse the state of nested guests: "
            "uname -r here and there");
    if (status && status->nested)
        add_check(checks, "leaving", NEST_PREFLIGHT_NOTE,
                  "nested guests run in it now: virt-nest may-leave says whether it may leave");
}

void
nest_preflight_destination_check(NestPreflightMove *move, const char *uri, GPtrArray *checks)
{
    move->there = virConnectOpenAuth(uri, virConnectAuthPtrDefault, 0);
    if (!move->there)
        move->there = virConnectOpenReadOnly(uri);
    if (!move->there) {
        add_error(move, checks, "host", "its libvirt cannot be reached");
        return;
    }
    if (!check_other_host(move, checks) || !check_machine_type(move, checks))
        return;
    nest_preflight_move_read_features(move);
    if (g_str_equal(move->machine.virt, "kvm"))
        check_vendor(move, checks);
    check_nesting(move, checks);
    check_cpu(move, checks);
    check_qemu(move, checks);
    check_unseen(move, checks);
}
