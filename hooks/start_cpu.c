/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hook's judgement of the CPU at a start: whether the guest gets what its tag, a rule or the policy wants. */
#include "start_cpu.h"

#include "base/config.h"
#include "base/error.h"
#include "base/liveness.h"
#include "base/log.h"
#include "base/root.h"
#include "base/runtime_flag.h"
#include "base/wait.h"
#include "domain/cpu.h"
#include "domain/cpu_off.h"
#include "domain/cpu_rewrite.h"
#include "domain/definition.h"
#include "host/kvm_lock.h"

#include <string.h>

/* How long a refused start waits for virtnestd; all of libvirt's clients wait with it. */
#define CORRECTION_MS 2000
#define STEP_MS 1
/* How long the start then waits, so that the define reaches libvirtd, which runs it after this start and before the
 * next. */
#define SENT_US 100000UL

/* (transfer full)(nullable) Where libvirt keeps the domain's definition, if it has one. */
static gchar *
definition_path(const NestHookCall *call)
{
    g_autofree gchar *file = g_strconcat(call->name, ".xml", NULL);
    g_autofree gchar *directory = nest_root_libvirt_path(NEST_DEFINITION_DIRECTORY, "qemu");

    return strchr(call->name, '/') ? NULL : g_build_filename(directory, file, NULL);
}

/* Whether the domain seems to have a definition: a hint, no proof. */
static gboolean
has_definition(const NestHookCall *call)
{
    g_autofree gchar *path = definition_path(call);

    return path && g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Whether the domain would pass if it booted from its definition as it stands. */
gboolean
nest_start_cpu_would_boot(NestHookCall *call)
{
    g_autofree gchar *path = definition_path(call);
    g_autofree gchar *text = NULL;
    g_autoptr(NestDomainXml) xml = NULL;
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    NestKvmModule host = nest_kvm_module_read();
    const NestCpuVendor *vendor = NULL;
    NestWish wish = NEST_WISH_NONE;
    gsize length = 0;

    if (!path || !g_file_get_contents(path, &text, &length, NULL))
        return FALSE;
    xml = nest_domain_xml_parse(text, length, NULL);
    if (!xml || !nest_wish_read(xml, nest_hook_call_policy(call), &wish, NULL))
        return FALSE;
    if (wish.kind == NEST_WISH_DISABLE)
        return !nest_cpu_off_shows(xml, host.vendor);
    if (wish.kind != NEST_WISH_ENABLE || !wish.tag.required)
        return TRUE;
    if (nest_cpu_is_kvm(xml) && !nest_kvm_module_check(&host, NULL))
        return FALSE;
    vendor = nest_cpu_feature_vendor(xml, host.vendor, NULL);
    return vendor && nest_cpu_check_arguments(xml, vendor, NULL) &&
           nest_cpu_rewrite(xml, &wish.tag, host.vendor, changes, NULL) && changes->len == 0;
}

/* Waits for a short time until virtnestd has sent the corrected definition, which
 * is then queued before the next start. Mostly it has been sent by now, because
 * libvirt takes longer to get here. Returns: whether it was sent, or the definition is right now. */
static gboolean
wait_for_correction(NestHookCall *call)
{
    gint64 deadline = nest_wait_deadline(CORRECTION_MS);

    do {
        if (nest_runtime_flag_test(NEST_RUNTIME_FLAG_CORRECTING, call->uuid)) {
            g_usleep(SENT_US);
            return TRUE;
        }
    } while (nest_wait_step(deadline, STEP_MS));
    return nest_start_cpu_would_boot(call);
}

/* Refuses a start with the wrong CPU. The error says @what is wrong with the CPU, and then what could correct the
 * definition. */
static gboolean
refuse_start(NestHookCall *call, const char *what, GError **error)
{
    g_autofree gchar *cpu = nest_cpu_describe(call->xml);
    g_autofree gchar *name = nest_domain_xml_shell_word(call->name);
    gboolean has = has_definition(call);
    gboolean lives = nest_liveness_is_held();
    gboolean corrected = has && lives && wait_for_correction(call);

    if (!has)
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_START_TRANSIENT,
            "and it has no persistent definition that could be corrected: create it from "
            "corrected XML (virt-nest rewrite FILE | virsh create /dev/stdin); virt-install "
            "and virt-manager start a new domain before they define it: define it first "
            "(virt-install ... --print-xml 1 | virt-nest rewrite | virsh define /dev/stdin), "
            "then start it; virt-nest-recipes(7) has more");
    else if (corrected)
        g_set_error(error, NEST_ERROR, NEST_ERROR_START_STALE,
                    "but its definition has been corrected just now: start it again (if this "
                    "repeats, virt-nest status %s says why)",
                    name);
    else if (lives)
        g_set_error(error, NEST_ERROR, NEST_ERROR_START_UNCORRECTED,
                    "and virtnestd has not corrected its definition yet: virt-nest status %s may "
                    "say why; run virt-nest apply %s, then start it again",
                    name, name);
    else
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_START_UNCORRECTED,
            "and no virtnestd is running that would correct its definition: start one "
            "(systemctl %sstart virtnestd) or run virt-nest %sapply %s, then start it again",
            nest_root_is_session() ? "--user " : "",
            nest_root_is_session() ? "-c qemu:///session " : "", name);
    g_prefix_error(error, "its CPU (%s) %s, ", cpu, what);
    return FALSE;
}

/* Whether virtnestd will start the domain again with the right CPU, because the configuration asks
 * for that. */
static gboolean
is_restarted(const NestHookCall *call)
{
    g_autoptr(GError) error = NULL;
    NestConfig config = NEST_CONFIG_DEFAULT;

    if (!nest_config_load(&config, &error))
        nest_log_error(call->name, call->uuid, error);
    if (config.on_stale != NEST_ON_STALE_RESTART || !has_definition(call) ||
        !nest_liveness_is_held())
        return FALSE;
    nest_log(
        G_LOG_LEVEL_MESSAGE, call->name, call->uuid,
        "it starts %s, because its definition was not corrected yet; virtnestd stops it and starts it again "
        "(on-stale=restart)",
        nest_hook_call_is_forbidden(call) ? "with a CPU that it shall not have"
                                          : "without its nested CPU");
    return TRUE;
}

/* By now libvirt has expanded host-model, and the CPU is what the guest will get. */
gboolean
nest_start_cpu_check(NestHookCall *call, GError **error)
{
    const NestCpuVendor *vendor = nest_cpu_feature_vendor(call->xml, call->host.vendor, error);
    g_autofree gchar *what = NULL;

    if (!vendor || !nest_cpu_check_arguments(call->xml, vendor, error))
        return FALSE;
    what = g_strdup_printf("does not show the guest %s", vendor->feature);
    return nest_cpu_exposes(call->xml, vendor) || is_restarted(call) ||
           refuse_start(call, what, error);
}

/* Whether this start may revert to a snapshot with memory, and so to the CPU that the guest had then. libvirt does not tell
 * the hook (facts.md, "Hooks"), and a guest without a live status shows no sign of it. */
static gboolean
may_revert(const NestHookCall *call)
{
    g_autofree gchar *all =
        nest_root_libvirt_path("/var/lib/libvirt/qemu/snapshot", "qemu/snapshot");
    g_autofree gchar *path = g_build_filename(all, call->name, NULL);
    g_autoptr(GDir) directory = strchr(call->name, '/') ? NULL : g_dir_open(path, 0, NULL);
    const char *name = NULL;

    while (directory && (name = g_dir_read_name(directory))) {
        g_autofree gchar *snapshot = g_build_filename(path, name, NULL);
        g_autofree gchar *text = NULL;

        if (g_file_get_contents(snapshot, &text, NULL, NULL) &&
            (strstr(text, "<state>running</state>") || strstr(text, "<state>paused</state>")))
            return TRUE;
    }
    return FALSE;
}

/* (nullable) The feature that the guest would see. If nesting is off on the host, a KVM guest sees none. Nesting then stays
 * off while the guest runs, because from now on nobody may unload the module. */
static const char *
shown_feature(NestHookCall *call)
{
    gboolean kvm = nest_cpu_is_kvm(call->xml);

    if (kvm && !nest_root_is_session())
        nest_kvm_lock_inhibit_unload(call->uuid);
    call->host = nest_kvm_module_read();
    return kvm && !nest_kvm_module_can_nest(&call->host)
               ? NULL
               : nest_cpu_off_shows(call->xml, call->host.vendor);
}

static gboolean
refuse_off_argument(const NestHookCall *call, const char *argument, const char *feature,
                    GError **error)
{
    g_autofree gchar *name = nest_domain_xml_shell_word(call->name);
    g_autofree gchar *edit = g_strconcat("virsh edit ", name, NULL);
    g_autofree gchar *text =
        nest_cpu_off_argument_text(argument, feature, nest_wish_by_text(&call->wish), edit);

    g_set_error_literal(error, NEST_ERROR, NEST_ERROR_CPU_ARGUMENT, text);
    return FALSE;
}

/* Judges a guest that shall have neither vmx nor svm. */
gboolean
nest_start_cpu_check_off(NestHookCall *call, GError **error)
{
    const char *feature = shown_feature(call);
    g_autofree gchar *argument =
        feature ? nest_cpu_off_argument(call->xml, call->host.vendor) : NULL;
    g_autofree gchar *what = NULL;

    if (!feature)
        return TRUE;
    if (may_revert(call)) {
        nest_log(
            G_LOG_LEVEL_WARNING, call->name, call->uuid,
            "it may start with %s, which %s forbids: it has a snapshot with memory, and virt-nest cannot tell whether "
            "this start reverts to it",
            feature, nest_wish_by_text(&call->wish));
        return TRUE;
    }
    if (argument)
        return refuse_off_argument(call, argument, feature, error);
    what = g_strdup_printf("shows the guest %s, which %s forbids", feature,
                           nest_wish_by_text(&call->wish));
    return is_restarted(call) || refuse_start(call, what, error);
}

/* Judges a guest for which a mistaken rule leaves open what it may have. Refuses it only if it has a feature that may be
 * forbidden. */
gboolean
nest_start_cpu_check_undecided(NestHookCall *call, GError **error)
{
    const char *feature = call->wish.may_be_disable ? shown_feature(call) : NULL;
    g_autofree gchar *name = nest_domain_xml_shell_word(call->name);
    g_auto(NestRulesVerdict) verdict = {0};

    nest_rules_judge(nest_hook_call_policy(call)->rules, call->xml, &verdict);
    if (!feature || may_revert(call)) {
        nest_log(
            G_LOG_LEVEL_WARNING, call->name, call->uuid,
            "starts as it is defined, because a mistaken rule leaves open whether its guest may have nested guests: "
            "%s [NEST-RULE]",
            verdict.mistake ? verdict.mistake->message : "the rule is right by now");
        return TRUE;
    }
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_RULE,
        "its CPU shows the guest %s, which a mistaken rule may forbid: %s; or run virt-nest enable %s, because a "
        "tag wins over any rule",
        feature, verdict.mistake ? verdict.mistake->message : "the rule is right by now", name);
    return FALSE;
}
