/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hook's second part, a shared object: judges what libvirt is about to do with a domain that mentions virt-nest.
 *
 * Theory of operation: libvirt runs prepare and start both for a boot and for a guest that resumes
 * saved state. For a boot, the tag and the host are judged, and at start also the CPU, by its effect. A
 * guest that resumes has the CPU with which it was saved, so its CPU is not judged. The host is: where it
 * cannot nest, the guest's nested state would be lost. And at migrate and after a restore, a guest in which
 * nested guests were running is refused, unless its tag or virt-nest allow lets it come. A guest that resumes is known by the live status
 * in its XML, or by the flag that restore and migrate leave. Restore judges nothing, because libvirt
 * 11.3 deletes the saved image if a hook fails there; if prepare refuses, any release keeps the image.
 * At prepare, a live status without either flag comes from a snapshot, whose guest libvirt has
 * stopped already, or from pasted XML. Then it does not matter any more whether nested guests ran in
 * the guest. This program never calls libvirt, which waits for it (facts.md, "Hooks"). */
#include "base/config.h"
#include "base/error.h"
#include "base/liveness.h"
#include "base/log.h"
#include "base/root.h"
#include "base/runtime_flag.h"
#include "base/wait.h"
#include "domain/allow.h"
#include "domain/cpu.h"
#include "domain/cpu_off.h"
#include "domain/cpu_rewrite.h"
#include "domain/definition.h"
#include "domain/exposed.h"
#include "domain/state.h"
#include "domain/wish.h"
#include "fatal.h"
#include "host/kvm_lock.h"
#include "host/kvm_reload.h"
#include "operations.h"

#include <errno.h>
#include <libxml/xmlerror.h>
#include <stdio.h>
#include <unistd.h>

/* How long a refused start waits for virtnestd; all of libvirt's clients wait with it. */
#define CORRECTION_MS 2000
#define STEP_MS 1
/* How long it then waits until the define has reached libvirtd, which queues it after this start
 * and before the next. */
#define SENT_US 100000UL

typedef struct Operation Operation;

/* What libvirt asks about. */
typedef struct {
    const Operation *operation; /* what it is about to do */
    const char *name;           /* the domain's */
    const char *uuid;           /* the domain's; of @xml */
    NestDomainXml *xml;         /* the domain */
    NestLiveStatus *live;       /* the live status in @xml; empty where there is none */
    NestKvmModule host;         /* this host, as check_host() has read it */
    NestPolicy *policy; /* what the settings say of domains; NULL: they were not needed yet */
    NestWish wish;      /* what shall become of its CPU */
    gboolean restored;  /* a saved image is being restored */
} Call;

/* A judgement: FALSE with an error refuses. */
typedef gboolean (*Check)(Call *call, GError **error);

static gboolean check_prepare(Call *call, GError **error);
static gboolean check_start(Call *call, GError **error);
static gboolean check_migrate(Call *call, GError **error);
static gboolean flag_restore(Call *call, GError **error);
static gboolean clear_flags(Call *call, GError **error);

/* What this part needs to know of an operation (operations.h). */
struct Operation {
    const char *name;
    Check check;
    const char *action;
    const char *aftermath;
    int flags;
};

#define ROW(name, check, action, aftermath, flags) {name, check, action, aftermath, flags},
static const Operation operations[] = {NEST_OPERATIONS(ROW)};
#undef ROW

G_STATIC_ASSERT(NEST_HOOK_MAX_BYTES == NEST_DOMAIN_XML_MAX_BYTES);

static void
call_clear(Call *call)
{
    nest_live_status_free(call->live);
    nest_policy_unref(call->policy);
    nest_domain_xml_free(call->xml);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Call, call_clear)

/* If the tag says required='no', logs the error and lets the domain pass. */
static gboolean
pass_unless_required(const Call *call, GError **error)
{
    if (call->wish.tag.required)
        return FALSE;
    nest_log_error(call->name, call->uuid, *error);
    g_clear_error(error);
    return TRUE;
}

/* Reads the live status, which any release of virtnestd may have written. */
static void
read_live_status(Call *call)
{
    g_autoptr(NestState) state = nest_state_read(call->xml);

    call->live = nest_live_status_copy(&state->live);
    if (state->has_live && !state->live.uuid)
        nest_log(
            G_LOG_LEVEL_WARNING, call->name, call->uuid,
            "the live status in its metadata does not say of which domain it is, so it is not believed "
            "[NEST-STATE]");
    else if (state->is_vague)
        nest_log(
            G_LOG_LEVEL_WARNING, call->name, call->uuid,
            "the live status in its metadata does not say whether nested guests were running in it, so "
            "virt-nest takes it that they were [NEST-STATE]");
}

/* If the settings cannot be read, but seem to say policy=disable, that counts: a mistake elsewhere in them must not give
 * guests what they are to be kept from. */
static const NestPolicy *
policy_of(Call *call)
{
    g_autofree gchar *path = nest_root_path(NEST_CONFIG_FILE);
    g_autoptr(GError) error = NULL;
    NestConfig config = NEST_CONFIG_DEFAULT;

    if (!call->policy)
        call->policy = nest_policy_load(&error);
    if (call->policy)
        return call->policy;
    nest_log_error(call->name, call->uuid, error);
    config.untagged = nest_config_peek(path) ? NEST_UNTAGGED_DISABLE : NEST_UNTAGGED_LEAVE;
    call->policy = nest_policy_new(&config);
    return call->policy;
}

/* The settings are read only where the tag does not decide. */
static gboolean
read_wish(Call *call, GError **error)
{
    if (!nest_wish_read(call->xml, NULL, &call->wish, error))
        return FALSE;
    return call->wish.by != NEST_WISH_BY_NOBODY ||
           nest_wish_read(call->xml, policy_of(call), &call->wish, error);
}

static gboolean
is_enabled(const Call *call)
{
    return call->wish.kind == NEST_WISH_ENABLE;
}

/* Reads the wish for a guest that resumes. The saved state has already decided all that the tag could
 * decide, so a mistake in the tag must not keep the guest from running: such a tag counts as one
 * without attributes. */
static void
read_wish_leniently(Call *call)
{
    g_autoptr(GError) error = NULL;

    if (read_wish(call, &error))
        return;
    nest_log_error(call->name, call->uuid, error);
    call->wish = NEST_WISH_NONE;
    call->wish.kind = NEST_WISH_ENABLE;
}

static gboolean
resumes(Call *call)
{
    call->restored = nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESTORING, call->uuid);
    return call->restored || nest_live_status_is_of(call->live, call->uuid) ||
           nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, call->uuid);
}

static void
forget_that_it_resumes(const Call *call)
{
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESUMING, call->uuid);
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESTORING, call->uuid);
}

/* Whether the live status that the guest comes with says that nested guests ran in it. */
static gboolean
ran_nested_guests(const Call *call)
{
    return call->live->nested && nest_live_status_is_of(call->live, call->uuid);
}

/* Whether the hook may turn nesting on, as a second chance: virtnestd turns it on when the domain
 * is defined. The hook may not if the settings cannot be read, because they may say that the module
 * is to be left alone. */
static gboolean
may_reload_module(const Call *call)
{
    g_autoptr(GError) error = NULL;
    NestConfig config = NEST_CONFIG_DEFAULT;

    if (nest_kvm_module_can_nest(&call->host) ||
        !(call->operation->flags & NEST_OPERATION_RELOADS) || nest_root_is_session() ||
        nest_root_is_fake())
        return FALSE;
    if (nest_config_load(&config, &error))
        return config.manage == NEST_MANAGE_YES;
    nest_log_error(call->name, call->uuid, error);
    return FALSE;
}

/* Whether its guest shall have neither vmx nor svm. */
static gboolean
is_forbidden(const Call *call)
{
    return call->wish.kind == NEST_WISH_DISABLE;
}

/* Whether the domain is tagged, or was tagged when its record was last written. A guest that shall not nest needs nothing
 * of the host; if nested guests run in it all the same, it is judged as one that may. */
static gboolean
domain_is_ours(const Call *call)
{
    if (is_forbidden(call))
        return ran_nested_guests(call);
    return is_enabled(call) || nest_state_element(call->xml);
}

/* Only a KVM domain needs anything of the host: TCG emulates SVM on every host. */
static gboolean
check_host(Call *call, GError **error)
{
    NestKvmAction done = NEST_KVM_DO_NOTHING;

    if (!nest_cpu_is_kvm(call->xml))
        return TRUE;
    if ((call->operation->flags & NEST_OPERATION_INHIBITS) && !nest_root_is_session())
        nest_kvm_lock_inhibit_unload(call->uuid);
    call->host = nest_kvm_module_read();
    if (may_reload_module(call)) {
        if (!nest_kvm_reload(TRUE, FALSE, &call->host, &done, error))
            return FALSE;
        nest_exposed_log(call->host.vendor, done);
    }
    return nest_kvm_module_check(&call->host, error);
}

/* A guest with nested state does not survive on a host that cannot nest (facts.md, "Evidence of nested guests"). */
static gboolean
check_host_of_resuming(Call *call, GError **error)
{
    g_autoptr(GError) problem = NULL;
    const NestCpuVendor *vendor = NULL;
    gboolean may_be_nested = FALSE;

    if (check_host(call, error))
        return TRUE;
    /* If the host's vendor is unknown, the guest may hold nested state. */
    vendor = nest_cpu_feature_vendor(call->xml, call->host.vendor, &problem);
    may_be_nested = vendor ? nest_cpu_may_expose(call->xml, vendor)
                           : g_error_matches(problem, NEST_ERROR, NEST_ERROR_HOST_VENDOR);
    if (!may_be_nested) {
        g_clear_error(error);
        return TRUE;
    }
    g_prefix_error(error, "its nested state would be lost here, as ");
    return pass_unless_required(call, error);
}

/* libvirt ignores what is printed at prepare; a person who runs the hook by hand sees it. */
static void
print_rewritten(const Call *call)
{
    g_autofree gchar *text = NULL;

    if (!(call->operation->flags & NEST_OPERATION_PRINTS))
        return;
    text = nest_domain_xml_text(call->xml);
    (void)fputs(text, stdout);
    (void)fflush(stdout);
}

/* Of a guest that shall not nest nothing is refused before its CPU is known. */
static gboolean
check_boot(Call *call, GError **error)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);

    if (is_forbidden(call))
        nest_cpu_rewrite_off(call->xml, changes);
    else if (!check_host(call, error) ||
             !nest_cpu_rewrite(call->xml, &call->wish.tag, call->host.vendor, changes, error))
        return pass_unless_required(call, error);
    if (changes->len > 0)
        print_rewritten(call);
    return TRUE;
}

/* (transfer full)(nullable) Where libvirt keeps the domain's definition, if it has one. */
static gchar *
definition_path(const Call *call)
{
    g_autofree gchar *file = g_strconcat(call->name, ".xml", NULL);
    g_autofree gchar *directory =
        nest_root_is_session() ? g_build_filename(g_get_user_config_dir(), "libvirt", "qemu", NULL)
                               : nest_root_path(NEST_DEFINITION_DIRECTORY);

    return strchr(call->name, '/') ? NULL : g_build_filename(directory, file, NULL);
}

/* Whether the domain seems to have a definition: a hint, no proof. */
static gboolean
has_definition(const Call *call)
{
    g_autofree gchar *path = definition_path(call);

    return path && g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Whether the CPU of a tagged definition would pass at prepare and at start. */
static gboolean
cpu_would_boot(NestDomainXml *xml, const NestTag *tag, const NestCpuVendor *host)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    const NestCpuVendor *vendor = nest_cpu_feature_vendor(xml, host, NULL);

    return vendor && nest_cpu_check_arguments(xml, vendor, NULL) &&
           nest_cpu_rewrite(xml, tag, host, changes, NULL) && changes->len == 0;
}

/* Whether the domain would pass if it booted from its definition as it stands. */
static gboolean
would_boot(Call *call)
{
    g_autofree gchar *path = definition_path(call);
    g_autofree gchar *text = NULL;
    g_autoptr(NestDomainXml) xml = NULL;
    NestKvmModule host = nest_kvm_module_read();
    NestWish wish = NEST_WISH_NONE;
    gsize length = 0;

    if (!path || !g_file_get_contents(path, &text, &length, NULL))
        return FALSE;
    xml = nest_domain_xml_parse(text, length, NULL);
    if (!xml || !nest_wish_read(xml, policy_of(call), &wish, NULL))
        return FALSE;
    if (wish.kind == NEST_WISH_DISABLE)
        return !nest_cpu_off_shows(xml, host.vendor);
    if (wish.kind != NEST_WISH_ENABLE || !wish.tag.required)
        return TRUE;
    return (!nest_cpu_is_kvm(xml) || nest_kvm_module_check(&host, NULL)) &&
           cpu_would_boot(xml, &wish.tag, host.vendor);
}

/* Waits for a short time until virtnestd has sent the corrected definition, which
 * is then queued before the next start. Mostly it has been sent by now, because
 * libvirt takes longer to get here. Returns: whether that, or a corrected definition, was seen. */
static gboolean
wait_for_correction(Call *call)
{
    gint64 deadline = nest_wait_deadline(CORRECTION_MS);

    do {
        if (nest_runtime_flag_test(NEST_RUNTIME_FLAG_CORRECTING, call->uuid)) {
            g_usleep(SENT_US);
            return TRUE;
        }
    } while (nest_wait_step(deadline, STEP_MS));
    return would_boot(call);
}

/* Refuses a start with the wrong CPU. The error says what could correct the definition, after @what is wrong with the
 * CPU. */
static gboolean
refuse_start(Call *call, const char *what, GError **error)
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
            "and virt-manager start what is not defined yet: define it first (virt-install "
            "... --print-xml 1 | virt-nest rewrite | virsh define /dev/stdin), then start "
            "it; virt-nest-recipes(7) has more");
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
is_restarted(const Call *call)
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
        is_forbidden(call) ? "with a CPU that it shall not have" : "without its nested CPU");
    return TRUE;
}

/* By now libvirt has expanded host-model, and the CPU is what the guest will get. */
static gboolean
check_cpu(Call *call, GError **error)
{
    const NestCpuVendor *vendor = nest_cpu_feature_vendor(call->xml, call->host.vendor, error);
    g_autofree gchar *what = NULL;

    if (!vendor || !nest_cpu_check_arguments(call->xml, vendor, error))
        return FALSE;
    what = g_strdup_printf("does not show the guest %s", vendor->feature);
    return nest_cpu_exposes(call->xml, vendor) || is_restarted(call) ||
           refuse_start(call, what, error);
}

/* (transfer full) Where libvirt keeps what it knows of the domain's snapshots. */
static gchar *
snapshot_directory(const Call *call)
{
    g_autofree gchar *below =
        nest_root_is_session()
            ? g_build_filename(g_get_user_config_dir(), "libvirt/qemu/lib/snapshot", NULL)
            : nest_root_path("/var/lib/libvirt/qemu/snapshot");

    return g_build_filename(below, call->name, NULL);
}

static gboolean
has_memory(const char *directory, const char *snapshot)
{
    g_autofree gchar *path = g_build_filename(directory, snapshot, NULL);
    g_autofree gchar *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) &&
           (strstr(text, "<state>running</state>") || strstr(text, "<state>paused</state>"));
}

/* Whether this start may bring back a snapshot with its memory, and so with the CPU that the guest had then. libvirt does not
 * say so (facts.md, "Hooks"), and a guest without a live status shows no sign of it. */
static gboolean
may_revert(const Call *call)
{
    g_autofree gchar *path = snapshot_directory(call);
    g_autoptr(GDir) directory = strchr(call->name, '/') ? NULL : g_dir_open(path, 0, NULL);
    const char *name = NULL;

    while (directory && (name = g_dir_read_name(directory)))
        if (has_memory(path, name))
            return TRUE;
    return FALSE;
}

/* (nullable) The feature that the guest would see. Where the host's nesting is off, a KVM guest sees none, and it stays off as
 * long as the guest runs: from now on nobody may unload the module. */
static const char *
shown_feature(Call *call)
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
refuse_off_argument(const Call *call, const char *argument, const char *feature, GError **error)
{
    g_autofree gchar *name = nest_domain_xml_shell_word(call->name);

    g_set_error(
        error, NEST_ERROR, NEST_ERROR_CPU_ARGUMENT,
        "%s in its <qemu:commandline> shows the guest %s, which %s forbids: take both <qemu:arg> out, or "
        "add ,-%s to that CPU (virsh edit %s)",
        argument, feature, nest_wish_by_text(&call->wish), feature, name);
    return FALSE;
}

/* A guest that shall have neither vmx nor svm. */
static gboolean
check_off(Call *call, GError **error)
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
            "it may start with %s, which %s forbids, as it has a snapshot with memory that may be the one that is "
            "brought back now",
            feature, nest_wish_by_text(&call->wish));
        return TRUE;
    }
    if (argument)
        return refuse_off_argument(call, argument, feature, error);
    what = g_strdup_printf("shows the guest %s, which %s forbids", feature,
                           nest_wish_by_text(&call->wish));
    return is_restarted(call) || refuse_start(call, what, error);
}

/* A guest of which a mistaken rule leaves open what it may have. Only what may have been forbidden is refused. */
static gboolean
check_undecided(Call *call, GError **error)
{
    const char *feature = call->wish.may_be_disable ? shown_feature(call) : NULL;
    g_autofree gchar *name = nest_domain_xml_shell_word(call->name);
    g_auto(NestRulesVerdict) verdict = {0};

    nest_rules_judge(policy_of(call)->rules, call->xml, &verdict);
    if (!feature || may_revert(call)) {
        nest_log(
            G_LOG_LEVEL_WARNING, call->name, call->uuid,
            "starts as it is defined, as a mistaken rule keeps it from being decided whether its guest has "
            "nested guests: %s [NEST-RULE]",
            verdict.mistake ? verdict.mistake->message : "it is right by now");
        return TRUE;
    }
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_RULE,
        "its CPU shows the guest %s, which a mistaken rule may forbid: %s; or run virt-nest enable %s, as a tag "
        "wins over any rule",
        feature, verdict.mistake ? verdict.mistake->message : "it is right by now", name);
    return FALSE;
}

static gboolean
check_start(Call *call, GError **error)
{
    read_live_status(call);
    if (resumes(call)) {
        forget_that_it_resumes(call);
        read_wish_leniently(call);
        return !is_enabled(call) || check_host_of_resuming(call, error);
    }
    if (!read_wish(call, error))
        return FALSE;
    if (is_forbidden(call))
        return check_off(call, error);
    if (call->wish.kind == NEST_WISH_UNDECIDED)
        return check_undecided(call, error);
    if (!is_enabled(call) || (check_host(call, error) && check_cpu(call, error)))
        return TRUE;
    return pass_unless_required(call, error);
}

#define LET_THEM_COME                                                                              \
    "to let it in with them, set migration='allow' in the saved image's tag (virsh "               \
    "managedsave-edit or virsh save-image-edit)"

/* The live status travels with the saved state: nested guests that ran when the state was written are
 * still in it. The time that virt-nest allow gave may be over by now; it was not over when the state
 * was written. */
static gboolean
check_nested_guests(Call *call, GError **error)
{
    NestAllow allow = nest_allow_read(call->xml);
    gboolean by_tag = is_enabled(call) && call->wish.tag.migration == NEST_MIGRATION_ALLOW;
    const char *way_out = "shut them down on the source first";

    if (!ran_nested_guests(call))
        return TRUE;
    if (by_tag || allow.once || allow.until) {
        nest_log(G_LOG_LEVEL_WARNING, call->name, call->uuid,
                 "comes with nested guests running in it, as %s",
                 by_tag ? "its tag says migration='allow'"
                        : "virt-nest allow has lifted its guard");
        return TRUE;
    }
    /* --force-boot gives up the saved image before libvirt asks us, so it is no solution if we
     * would refuse the boot as well. */
    if (call->restored)
        way_out = would_boot(call) ? LET_THEM_COME
                      ", or discard the saved image and boot it (virsh start --force-boot)"
                                   : LET_THEM_COME;
    g_set_error(error, NEST_ERROR, NEST_ERROR_LIVE_RUNNING,
                "nested guests were running in it when its state was written: %s", way_out);
    return FALSE;
}

/* check_nested_guests() at prepare. A guest that migrate has let in is not checked again. */
static gboolean
check_nested_guests_here(Call *call, GError **error)
{
    if (call->restored)
        return check_nested_guests(call, error);
    if (ran_nested_guests(call) && !nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, call->uuid))
        nest_log(
            G_LOG_LEVEL_WARNING, call->name, call->uuid,
            "comes with nested guests running in it, and is let in: virt-nest has no note of a restore, so it "
            "was reverted to a snapshot, or was created from XML that has a live status");
    return TRUE;
}

/* Makes both checks of a guest that resumes, and logs a refusal in the journal. */
static gboolean
check_resuming(Call *call, Check running, GError **error)
{
    GError *problem = NULL;

    if (running(call, &problem) && check_host_of_resuming(call, &problem))
        return TRUE;
    nest_log_event(NEST_LOG_REFUSED, call->name, call->uuid, "refused: %s", problem->message);
    forget_that_it_resumes(call);
    g_propagate_error(error, problem);
    return FALSE;
}

static gboolean
check_prepare(Call *call, GError **error)
{
    read_live_status(call);
    if (resumes(call)) {
        read_wish_leniently(call);
        return !domain_is_ours(call) || check_resuming(call, check_nested_guests_here, error);
    }
    if (!read_wish(call, error))
        return FALSE;
    return !(is_enabled(call) || is_forbidden(call)) || check_boot(call, error);
}

/* A failure refuses nothing: without the flag, prepare and start judge by the live status alone. */
static void
set_flag(const Call *call, NestRuntimeFlag flag)
{
    g_autoptr(GError) error = NULL;

    if (!nest_runtime_flag_set(flag, call->uuid, &error) && !nest_root_is_session())
        nest_log_error(call->name, call->uuid, error);
}

/* Whether a start could refuse the guest for its CPU if it were not known that it resumes. */
static gboolean
start_is_judged(const Call *call)
{
    return call->wish.kind != NEST_WISH_LEAVE || domain_is_ours(call);
}

static gboolean
check_migrate(Call *call, GError **error)
{
    read_live_status(call);
    read_wish_leniently(call);
    if (domain_is_ours(call) && !check_resuming(call, check_nested_guests, error))
        return FALSE;
    if (start_is_judged(call))
        set_flag(call, NEST_RUNTIME_FLAG_RESUMING);
    return TRUE;
}

/* A mistake in the tag is reported at prepare. */
static gboolean
flag_restore(Call *call, GError **error)
{
    (void)error;
    if (!read_wish(call, NULL) || start_is_judged(call))
        set_flag(call, NEST_RUNTIME_FLAG_RESTORING);
    return TRUE;
}

static gboolean
clear_flags(Call *call, GError **error)
{
    (void)error;
    forget_that_it_resumes(call);
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_STARTING, call->uuid);
    return TRUE;
}

/* (transfer full)(nullable) Standard input up to its end, or until it is too long for the parser,
 * which then reports that. The front keeps the input shorter. */
static GString *
read_standard_input(GError **error)
{
    GString *text = g_string_new(NULL);
    char chunk[16 * 1024];
    gssize n = 0;

    while (text->len <= NEST_DOMAIN_XML_MAX_BYTES &&
           (n = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "its XML cannot be read: %s: try again",
                        g_strerror(errno));
            g_string_free(text, TRUE);
            return NULL;
        }
        g_string_append_len(text, chunk, n);
    }
    return text;
}

static gboolean
judge_operation(Call *call, GError **error)
{
    g_autoptr(GString) text = read_standard_input(error);

    if (!text)
        return FALSE;
    call->xml = nest_domain_xml_parse(text->str, text->len, error);
    if (!call->xml)
        return FALSE;
    call->uuid = nest_domain_xml_value(call->xml, "uuid");
    return call->operation->check(call, error);
}

/* What becomes of the guest. libvirt keeps the saved image if prepare or start fails. */
static const char *
aftermath(const Call *call)
{
    return call->restored ? " (its saved image stays as it is)" : call->operation->aftermath;
}

/* Begins with a newline, as libvirt puts some 200 characters of its own before it (hooks/fatal.h). Does not use g_printerr():
 * under libvirt's LC_ALL=C it turns UTF-8 names into question marks. */
static void
print_refusal(const Call *call, const GError *reason)
{
    const Operation *operation = call->operation;
    g_autofree gchar *line = NULL;
    g_autoptr(GError) error =
        g_error_new(reason->domain, reason->code, "cannot %s '%s'%s: %s", operation->action,
                    call->name, aftermath(call), reason->message);

    line = nest_error_text(error);
    (void)fprintf(stderr, "\n%s\n", line);
}

int
nest_hook_judge(int argc, char **argv)
{
    g_auto(Call) call = {.wish = NEST_WISH_NONE};
    g_autoptr(GError) error = NULL;
    NestFatalHandler fatal = {.seconds = NEST_FATAL_SECONDS, .to_libvirt = true};

    for (gsize i = 0; argc > 2 && i < G_N_ELEMENTS(operations); i++)
        if (g_str_equal(operations[i].name, argv[2]))
            call.operation = &operations[i];
    if (!call.operation)
        return 0;
    call.name = argv[1];
    fatal.action = call.operation->action;
    fatal.name = call.name;
    (void)nest_fatal_handler_set(&fatal);
    /* Without this, libxml2 prints some of its errors to standard error. */
    xmlSetStructuredErrorFunc(NULL, nest_xml_be_silent);
    nest_log_open("qemu-hook", FALSE);
    if (judge_operation(&call, &error) || !error || !call.operation->action)
        return 0;
    print_refusal(&call, error);
    return 1;
}
