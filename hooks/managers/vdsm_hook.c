/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hook of VDSM, oVirt's agent on a host. VDSM runs all programs in /usr/libexec/vdsm/hooks/POINT, and one of them is a
 * link to this program. A person who tries the program names the point in an argument instead.
 *
 *   before_vm_start                 with the custom property nest=true: writes tag and CPU into the domain's XML
 *   before_vm_hibernate,
 *   before_vm_migrate_source        refused while nested guests run
 *   before_vm_migrate_destination   refused if nested guests ran at the source, or cannot run on this host
 *
 * VDSM puts custom properties into the environment, and the XML into the file $_hook_domxml, which it reads again afterwards.
 * With status 0 VDSM goes on. With 2 it gives up, and standard error has the reason. VDSM's user may not ask
 * libvirt, so the XML's live status and virtnestd's own file decide. */
#include "manager.h"

#include "../virt-nest/leave_answer.h"
#include "base/daemon_status.h"
#include "base/error.h"
#include "domain/allow.h"
#include "domain/cpu.h"
#include "domain/prefilter.h"
#include "domain/state.h"
#include "domain/wish.h"
#include "host/kvm_module.h"

#include <string.h>

/* VDSM's exit statuses (its vdsm.hook.hooking). */
enum { EXIT_GOOD, EXIT_GO_ON, EXIT_STOP };

static const NestAskedWords words = {
    .kind = "custom property", .enable = "nest", .prefix = "nest_"};

/* What VDSM asks about. */
typedef struct {
    const char *path;   /* of the file with the XML */
    gchar *text;        /* the XML */
    NestDomainXml *xml; /* (nullable) the same; not at a start */
    NestState *state;   /* (nullable) what virtnestd has written into it */
    NestWish wish;      /* what its tag says */
} Call;

typedef gboolean (*Check)(Call *call, GError **error);

static void
vdsm_call_clear(Call *call)
{
    g_free(call->text);
    nest_domain_xml_free(call->xml);
    nest_state_free(call->state);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Call, vdsm_call_clear)

/* --- the start */

static NestAsked *
read_properties(GError **error)
{
    g_autoptr(NestAsked) asked = nest_asked_new(&words);
    g_auto(GStrv) names = g_listenv();

    for (gchar **name = names; *name; name++)
        if (!nest_asked_add(asked, *name, g_getenv(*name), error))
            return NULL;
    return g_steal_pointer(&asked);
}

/* Writes in one step, so that no half-written file is defined. Nobody else may read it, as with VDSM's own file. */
static gboolean
write_xml(const Call *call, const char *text, GError **error)
{
    g_autoptr(GError) problem = NULL;

    if (g_str_equal(text, call->text) ||
        g_file_set_contents_full(call->path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                 &problem))
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "cannot write VDSM's file: %s", problem->message);
    return FALSE;
}

/* The host is not judged here: our hook in libvirt judges it, and may turn nesting on. */
static gboolean
start(Call *call, GError **error)
{
    g_autoptr(NestAsked) asked = read_properties(error);
    g_autoptr(NestDomainXml) xml = NULL;
    g_autofree gchar *name = NULL;
    g_autofree gchar *rewritten = NULL;
    gboolean enabled = FALSE;

    if (!asked || !nest_asked_is_enabled(asked, &enabled, error))
        return FALSE;
    if (!enabled)
        return TRUE;
    xml = nest_domain_xml_parse(call->text, strlen(call->text), NULL);
    name = g_strdup(xml ? nest_domain_xml_value(xml, "name") : "its domain");
    rewritten = nest_manager_rewrite(asked, name, call->text, NULL, error);
    return rewritten && write_xml(call, rewritten, error);
}

/* --- leaving and arriving */

/* Reads the live XML. A domain whose XML does not mention us is not ours, even if the XML cannot be parsed. A mistake in the
 * tag does not matter any more: such a tag counts as one without attributes. */
static gboolean
read_vdsm_domain(Call *call, GError **error)
{
    gsize length = strlen(call->text);

    if (!nest_prefilter_matches(call->text, length))
        return TRUE;
    call->xml = nest_domain_xml_parse(call->text, length, error);
    if (!call->xml)
        return FALSE;
    call->state = nest_state_read(call->xml);
    if (!nest_wish_read(call->xml, NULL, &call->wish, NULL))
        call->wish =
            (NestWish){.kind = NEST_WISH_ENABLE, .by = NEST_WISH_BY_TAG, .tag = NEST_TAG_DEFAULT};
    return TRUE;
}

static gboolean
is_migration_of_ours(const Call *call)
{
    return call->xml && (call->wish.kind == NEST_WISH_ENABLE || call->state->has_live);
}

static gboolean
vm_is_allowed(const Call *call)
{
    NestAllow allow = nest_allow_read(call->xml);

    return (call->wish.kind == NEST_WISH_ENABLE &&
            call->wish.tag.migration == NEST_MIGRATION_ALLOW) ||
           nest_allow_holds(&allow, g_get_real_time() / G_USEC_PER_SEC);
}

/* (nullable) The live status, unless it is that of another domain. */
static const NestLiveStatus *
live_status(const Call *call)
{
    const NestLiveStatus *live = &call->state->live;

    return nest_live_status_is_of(live, nest_domain_xml_value(call->xml, "uuid")) ? live : NULL;
}

static NestLeaveFacts
read_vdsm_facts(const Call *call)
{
    g_autoptr(NestDaemonStatus) daemon = nest_daemon_status_read();
    const NestLiveStatus *live = live_status(call);
    const NestCpuVendor *host = nest_cpu_vendor_of_host(NULL);
    const NestCpuVendor *vendor = nest_cpu_feature_vendor(call->xml, host, NULL);
    /* If the vendor is unknown, the guest may have the feature. */
    NestLeaveFacts facts = {.runs = TRUE,
                            .has_feature = !vendor || nest_cpu_may_expose(call->xml, vendor),
                            .watched = daemon != NULL,
                            .allowed = vm_is_allowed(call),
                            .status = live};

    facts.armed = daemon && live && nest_live_status_guard_is(live, NEST_GUARD_ARMED);
    return facts;
}

/* A tagged domain should be guarded. If it is not, virtnestd has not reached it yet, or does not run. */
static NestLeaveReason
judge_vdsm_migration(const Call *call)
{
    NestLeaveFacts facts = read_vdsm_facts(call);
    NestLeaveReason reason = nest_leave_judge(&facts);

    if (reason != NEST_LEAVE_UNWATCHED)
        return reason;
    return facts.watched ? NEST_LEAVE_NOT_YET : NEST_LEAVE_STALE;
}

static gboolean
refuse_migration(const Call *call, NestLeaveReason reason, GError **error)
{
    gboolean runs = nest_leave_answer(reason) == NEST_LEAVE_RUNNING;
    const char *remedy = nest_leave_reason_remedy(reason);

    g_set_error(error, NEST_ERROR, runs ? NEST_ERROR_LIVE_RUNNING : NEST_ERROR_LIVE_UNKNOWN,
                "%s: %s%s%s%s", nest_domain_xml_value(call->xml, "name"),
                nest_leave_reason_text(reason), remedy ? ": " : "", remedy ? remedy : "",
                runs ? "" : "; virt-nest allow lets it go all the same");
    return FALSE;
}

static gboolean
leave(Call *call, GError **error)
{
    NestLeaveReason reason = NEST_LEAVE_NOT_RUNNING;

    if (!read_vdsm_domain(call, error))
        return FALSE;
    if (!is_migration_of_ours(call))
        return TRUE;
    reason = judge_vdsm_migration(call);
    return nest_leave_answer(reason) == NEST_LEAVE_MAY || refuse_migration(call, reason, error);
}

/* A host where nesting is off and nobody uses the module passes, because our hook in libvirt turns nesting on. */
static gboolean
check_vdsm_host(const Call *call, GError **error)
{
    NestKvmModule host = nest_kvm_module_read();

    if (!nest_cpu_is_kvm(call->xml) || !call->wish.tag.required ||
        (host.state != NEST_KVM_NO_HARDWARE && host.state != NEST_KVM_OFF_BUSY &&
         host.state != NEST_KVM_BUILTIN_OFF))
        return TRUE;
    return nest_kvm_module_check(&host, error);
}

/* Without a live status nothing is refused for nested guests: the source has judged them. */
static gboolean
arrive(Call *call, GError **error)
{
    const NestLiveStatus *live = NULL;

    if (!read_vdsm_domain(call, error))
        return FALSE;
    if (!is_migration_of_ours(call))
        return TRUE;
    live = live_status(call);
    if (live && live->nested && !vm_is_allowed(call))
        return refuse_migration(call, NEST_LEAVE_NESTED, error);
    return check_vdsm_host(call, error);
}

/* --- VDSM */

static const struct {
    const char *name;
    Check check;
    const char *action; /* what is refused */
} points[] = {
    {"before_vm_start", start, "start domain"},
    {"before_vm_hibernate", leave, "hibernate domain"},
    {"before_vm_migrate_source", leave, "migrate domain"},
    {"before_vm_migrate_destination", arrive, "take in domain"},
};

static gboolean
run_check(Check check, GError **error)
{
    g_auto(Call) call = {.path = g_getenv("_hook_domxml"), .wish = NEST_WISH_NONE};
    g_autoptr(GError) problem = NULL;

    if (call.path && g_file_get_contents(call.path, &call.text, NULL, &problem))
        return check(&call, error);
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "cannot read the domain's XML: %s",
                problem ? problem->message : "VDSM's _hook_domxml is not in the environment");
    return FALSE;
}

/* At any other point this program only complains, and VDSM goes on. */
static int
refuse_point(const char *name)
{
    GError *error = g_error_new(
        NEST_ERROR, NEST_ERROR_USAGE,
        "virt-nest has nothing to do at VDSM's point %s: remove the link to virt-nest's program there",
        name);

    return nest_manager_fail(NULL, error, EXIT_GO_ON);
}

int
main(int argc, char **argv)
{
    g_autofree gchar *directory = g_path_get_dirname(argv[0]);
    g_autofree gchar *name = argc == 2 ? g_strdup(argv[1]) : g_path_get_basename(directory);
    const char *vm = g_getenv("vmId");
    GError *error = NULL;
    gsize i = 0;

    while (i < G_N_ELEMENTS(points) && !g_str_equal(name, points[i].name))
        i++;
    if (i == G_N_ELEMENTS(points))
        return refuse_point(name);
    nest_manager_begin(points[i].action, vm ? vm : "of VDSM");
    return run_check(points[i].check, &error) ? EXIT_GOOD
                                              : nest_manager_fail(NULL, error, EXIT_STOP);
}
