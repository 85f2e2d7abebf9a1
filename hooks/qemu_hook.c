/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hook's judge, a shared object: decides on what libvirt is about to do with a domain that mentions virt-nest, or
 * that a rule or the settings may concern.
 *
 * Theory of operation: libvirt runs prepare and start both for a boot and for a guest that resumes
 * saved state. For a boot, the wish for the domain and the host are judged, and at start also the CPU, by its
 * effect (start_cpu.c). A guest that resumes has the CPU with which it was saved, so its CPU is not judged. The
 * host is judged, because a host that cannot nest would lose the guest's nested state. At migrate and after a
 * restore, a guest in which nested guests were running is refused, unless its tag or virt-nest allow lets it come.
 * A guest that resumes is known by the live status in its XML, or by the flag that restore and migrate leave. At
 * restore the hook judges nothing, because libvirt 11.3 deletes the saved image if a hook fails there. If the hook
 * refuses at prepare, every release of libvirt keeps the image. At prepare, a live status without either flag
 * comes from a snapshot, whose guest libvirt has stopped already, or from pasted XML. Then it does not matter any
 * more whether nested guests ran in the guest. This program never calls libvirt, which waits for it (facts.md,
 * "Hooks"). */
#include "base/config.h"
#include "base/error.h"
#include "base/log.h"
#include "base/root.h"
#include "base/runtime_flag.h"
#include "domain/allow.h"
#include "domain/cpu.h"
#include "domain/cpu_rewrite.h"
#include "domain/exposed.h"
#include "fatal.h"
#include "host/kvm_lock.h"
#include "host/kvm_reload.h"
#include "operations.h"
#include "start_cpu.h"

#include <errno.h>
#include <libxml/xmlerror.h>
#include <stdio.h>
#include <unistd.h>

/* A judgement: FALSE with an error refuses. */
typedef gboolean (*Check)(NestHookCall *call, GError **error);

static gboolean check_prepare(NestHookCall *call, GError **error);
static gboolean check_start(NestHookCall *call, GError **error);
static gboolean check_migrate(NestHookCall *call, GError **error);
static gboolean flag_restore(NestHookCall *call, GError **error);
static gboolean clear_flags(NestHookCall *call, GError **error);

/* What this part needs to know of an operation (operations.h). */
struct NestHookOperation {
    const char *name;
    Check check;
    const char *action;
    const char *aftermath;
    int flags;
};

#define ROW(name, check, action, aftermath, flags) {name, check, action, aftermath, flags},
static const NestHookOperation operations[] = {NEST_OPERATIONS(ROW)};
#undef ROW

G_STATIC_ASSERT(NEST_HOOK_MAX_BYTES == NEST_DOMAIN_XML_MAX_BYTES);

/* If the tag says required='no', logs the error and lets the domain pass. */
static gboolean
pass_unless_required(const NestHookCall *call, GError **error)
{
    if (call->wish.tag.required)
        return FALSE;
    nest_log_error(call->name, call->uuid, *error);
    g_clear_error(error);
    return TRUE;
}

/* Reads the live status, which any release of virtnestd may have written. */
static void
read_live_status(NestHookCall *call)
{
    g_autoptr(NestState) state = nest_state_read(call->xml);

    call->live = nest_live_status_copy(&state->live);
    if (state->has_live && !state->live.uuid)
        nest_log(
            G_LOG_LEVEL_WARNING, call->name, call->uuid,
            "the live status in its metadata does not say to which domain it belongs, so virt-nest ignores it "
            "[NEST-STATE]");
    else if (state->is_vague)
        nest_log(
            G_LOG_LEVEL_WARNING, call->name, call->uuid,
            "the live status in its metadata does not say whether nested guests were running in it, so "
            "virt-nest assumes that they were [NEST-STATE]");
}

/* The settings are read only where the tag does not decide. */
static gboolean
read_call_wish(NestHookCall *call, GError **error)
{
    if (!nest_wish_read(call->xml, NULL, &call->wish, error))
        return FALSE;
    return call->wish.by != NEST_WISH_BY_NOBODY ||
           nest_wish_read(call->xml, nest_hook_call_policy(call), &call->wish, error);
}

static gboolean
is_enabled(const NestHookCall *call)
{
    return call->wish.kind == NEST_WISH_ENABLE;
}

/* Reads the wish for a guest that resumes. The saved state has already decided all that the tag could
 * decide, so a mistake in the tag must not keep the guest from running: such a tag counts as one
 * without attributes. */
static void
read_wish_leniently(NestHookCall *call)
{
    g_autoptr(GError) error = NULL;

    if (read_call_wish(call, &error))
        return;
    nest_log_error(call->name, call->uuid, error);
    call->wish = NEST_WISH_NONE;
    call->wish.kind = NEST_WISH_ENABLE;
}

static gboolean
resumes(NestHookCall *call)
{
    call->restored = nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESTORING, call->uuid);
    return call->restored || nest_live_status_is_of(call->live, call->uuid) ||
           nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, call->uuid);
}

static void
forget_that_it_resumes(const NestHookCall *call)
{
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESUMING, call->uuid);
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESTORING, call->uuid);
}

/* Whether the live status of the arriving guest says that nested guests ran in it. */
static gboolean
ran_nested_guests(const NestHookCall *call)
{
    return call->live->nested && nest_live_status_is_of(call->live, call->uuid);
}

/* Whether the hook may turn nesting on, as a second chance: virtnestd turns it on when the domain
 * is defined. The hook may not if the settings cannot be read, because they may say that the module
 * is to be left alone. */
static gboolean
may_reload_module(const NestHookCall *call)
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

/* Whether the guest shall have nested guests, or virtnestd has left a record in its XML. A guest that shall not nest needs
 * nothing of the host. But if nested guests ran in it, it is judged like a guest that may nest. */
static gboolean
domain_is_ours(const NestHookCall *call)
{
    if (nest_hook_call_is_forbidden(call))
        return ran_nested_guests(call);
    return is_enabled(call) || nest_state_element(call->xml);
}

/* Only a KVM domain needs anything of the host: TCG emulates SVM on every host. */
static gboolean
check_kvm_module(NestHookCall *call, GError **error)
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
check_host_of_resuming(NestHookCall *call, GError **error)
{
    g_autoptr(GError) problem = NULL;
    const NestCpuVendor *vendor = NULL;
    gboolean may_be_nested = FALSE;

    if (check_kvm_module(call, error))
        return TRUE;
    /* If the host's vendor is unknown, the guest may hold nested state. */
    vendor = nest_cpu_feature_vendor(call->xml, call->host.vendor, &problem);
    may_be_nested = vendor ? nest_cpu_may_expose(call->xml, vendor)
                           : g_error_matches(problem, NEST_ERROR, NEST_ERROR_HOST_VENDOR);
    if (!may_be_nested) {
        g_clear_error(error);
        return TRUE;
    }
    g_prefix_error(error, "its nested state would be lost here, because ");
    return pass_unless_required(call, error);
}

/* libvirt ignores what is printed at prepare; a person who runs the hook by hand sees it. */
static void
print_rewritten(const NestHookCall *call)
{
    g_autofree gchar *text = NULL;

    if (!(call->operation->flags & NEST_OPERATION_PRINTS))
        return;
    text = nest_domain_xml_text(call->xml);
    (void)fputs(text, stdout);
    (void)fflush(stdout);
}

/* A guest that shall not nest is never refused here: its final CPU is known only at start. */
static gboolean
check_boot(NestHookCall *call, GError **error)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);

    if (nest_hook_call_is_forbidden(call))
        nest_cpu_rewrite_off(call->xml, changes);
    else if (!check_kvm_module(call, error) ||
             !nest_cpu_rewrite(call->xml, &call->wish.tag, call->host.vendor, changes, error))
        return pass_unless_required(call, error);
    if (changes->len > 0)
        print_rewritten(call);
    return TRUE;
}

static gboolean
check_start(NestHookCall *call, GError **error)
{
    read_live_status(call);
    if (resumes(call)) {
        forget_that_it_resumes(call);
        read_wish_leniently(call);
        return !is_enabled(call) || check_host_of_resuming(call, error);
    }
    if (!read_call_wish(call, error))
        return FALSE;
    if (nest_hook_call_is_forbidden(call))
        return nest_start_cpu_check_off(call, error);
    if (call->wish.kind == NEST_WISH_UNDECIDED)
        return nest_start_cpu_check_undecided(call, error);
    if (!is_enabled(call) || (check_kvm_module(call, error) && nest_start_cpu_check(call, error)))
        return TRUE;
    return pass_unless_required(call, error);
}

#define LET_THEM_COME                                                                              \
    "to let it in with them, set migration='allow' in the saved image's tag (virsh "               \
    "managedsave-edit or virsh save-image-edit)"

/* The live status travels with the saved state: nested guests that ran when the state was written are still in it. The
 * time that virt-nest allow granted may have passed by now; it had not passed when the state was written. */
static gboolean
check_nested_guests(NestHookCall *call, GError **error)
{
    NestAllow allow = nest_allow_read(call->xml);
    gboolean by_tag = is_enabled(call) && call->wish.tag.migration == NEST_MIGRATION_ALLOW;
    const char *way_out = "shut them down on the source first";

    if (!ran_nested_guests(call))
        return TRUE;
    if (by_tag || allow.once || allow.until) {
        nest_log(G_LOG_LEVEL_WARNING, call->name, call->uuid,
                 "comes with nested guests running in it, because %s",
                 by_tag ? "its tag says migration='allow'"
                        : "virt-nest allow has lifted its guard");
        return TRUE;
    }
    /* --force-boot gives up the saved image before libvirt asks us, so it is no solution if we
     * would refuse the boot as well. */
    if (call->restored)
        way_out = nest_start_cpu_would_boot(call) ? LET_THEM_COME
                      ", or discard the saved image and boot it (virsh start --force-boot)"
                                                  : LET_THEM_COME;
    g_set_error(error, NEST_ERROR, NEST_ERROR_LIVE_RUNNING,
                "nested guests were running in it when its state was written: %s", way_out);
    return FALSE;
}

/* check_nested_guests() at prepare. A guest that was accepted at migrate is not checked again. */
static gboolean
check_nested_guests_here(NestHookCall *call, GError **error)
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
check_resuming(NestHookCall *call, Check running, GError **error)
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
check_prepare(NestHookCall *call, GError **error)
{
    read_live_status(call);
    if (resumes(call)) {
        read_wish_leniently(call);
        return !domain_is_ours(call) || check_resuming(call, check_nested_guests_here, error);
    }
    if (!read_call_wish(call, error))
        return FALSE;
    return !(is_enabled(call) || nest_hook_call_is_forbidden(call)) || check_boot(call, error);
}

/* A failure refuses nothing: without the flag, prepare and start judge by the live status alone. */
static void
set_flag(const NestHookCall *call, NestRuntimeFlag flag)
{
    g_autoptr(GError) error = NULL;

    if (!nest_runtime_flag_set(flag, call->uuid, &error) && !nest_root_is_session())
        nest_log_error(call->name, call->uuid, error);
}

/* Whether a start could refuse the guest for its CPU if it were not known that it resumes. */
static gboolean
start_is_judged(const NestHookCall *call)
{
    return call->wish.kind != NEST_WISH_LEAVE || domain_is_ours(call);
}

static gboolean
check_migrate(NestHookCall *call, GError **error)
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
flag_restore(NestHookCall *call, GError **error)
{
    (void)error;
    if (!read_call_wish(call, NULL) || start_is_judged(call))
        set_flag(call, NEST_RUNTIME_FLAG_RESTORING);
    return TRUE;
}

static gboolean
clear_flags(NestHookCall *call, GError **error)
{
    (void)error;
    forget_that_it_resumes(call);
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_STARTING, call->uuid);
    return TRUE;
}

/* (transfer full)(nullable) Standard input up to its end, or until it is too long for the parser,
 * which then reports that. The prefilter keeps the input shorter. */
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
judge_operation(NestHookCall *call, GError **error)
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
aftermath(const NestHookCall *call)
{
    return call->restored ? " (its saved image stays as it is)" : call->operation->aftermath;
}

/* Begins with a newline, because libvirt puts some 200 characters of its own before the line (hooks/fatal.h). Does not use
 * g_printerr(), which turns UTF-8 names into question marks under libvirt's LC_ALL=C. */
static void
print_refusal(const NestHookCall *call, const GError *reason)
{
    const NestHookOperation *operation = call->operation;
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
    g_auto(NestHookCall) call = {.wish = NEST_WISH_NONE};
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
