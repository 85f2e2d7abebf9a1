/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest host drain-plan: which processes hold the KVM module, and what to do with each, in order, before the
 * module can be reloaded. */
#include "connection.h"
#include "daemon.h"
#include "drain_step.h"
#include "live.h"
#include "output.h"

#include "base/error.h"
#include "base/root.h"
#include "domain/cpu.h"
#include "guard/verdict.h"
#include "host/kvm_plan.h"
#include "host/kvm_users.h"
#include "virt/live_domain.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The plan while it is made. */
typedef struct {
    NestKvmModule module;
    GPtrArray *steps;           /* NestDrainStep *, in order */
    NestConnection *connection; /* NULL where no domain holds the module */
    gchar *then;    /* the command to run once no process holds the module; NULL: there is none */
    GError *reason; /* ... why */
} Plan;

static void
drain_plan_clear(Plan *plan)
{
    g_clear_pointer(&plan->steps, g_ptr_array_unref);
    nest_connection_free(plan->connection);
    g_free(plan->then);
    g_clear_error(&plan->reason);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, drain_plan_clear)

/* --- one holder */

/* Whether its CPU may have the feature. If that cannot be read, it may. */
static gboolean
may_nest(const NestConnection *connection, virDomainPtr domain)
{
    g_autofree gchar *text = virDomainGetXMLDesc(domain, 0);
    g_autoptr(NestDomainXml) xml = text ? nest_domain_xml_parse(text, strlen(text), NULL) : NULL;
    const NestCpuVendor *vendor =
        xml ? nest_cpu_feature_vendor(xml, connection->host.vendor, NULL) : NULL;

    return !vendor || nest_cpu_may_expose(xml, vendor);
}

/* What virtnestd has seen counts only while a virtnestd runs, because only then it is up to date. */
static NestDrainL2
judge_nested(const Plan *plan, virDomainPtr domain, const NestLiveDomain *live)
{
    const char *verdict = nest_live_verdict(live);

    if (plan->module.state != NEST_KVM_ON || !may_nest(plan->connection, domain))
        return NEST_DRAIN_L2_IMPOSSIBLE;
    if (g_str_equal(verdict, nest_verdict_state_name(NEST_VERDICT_RUNNING)))
        return NEST_DRAIN_L2_RUNNING;
    if (g_str_equal(verdict, nest_verdict_state_name(NEST_VERDICT_NONE)) && nest_daemon_runs())
        return NEST_DRAIN_L2_NONE;
    return NEST_DRAIN_L2_UNKNOWN;
}

static const char *
find_wake(virDomainPtr domain)
{
    int state = VIR_DOMAIN_NOSTATE;

    if (virDomainGetState(domain, &state, NULL, 0) < 0)
        return NULL;
    return state == VIR_DOMAIN_PAUSED        ? "resume"
           : state == VIR_DOMAIN_PMSUSPENDED ? "dompmwakeup"
                                             : NULL;
}

/* A QEMU of the same name may belong to another libvirt. If libvirt tells the PID, the PID decides. */
static void
fill_in(const Plan *plan, NestDrainStep *step)
{
    g_autoptr(virDomain) domain = virDomainLookupByName(plan->connection->libvirt, step->name);
    g_autoptr(NestLiveDomain) live = NULL;
    int autostart = 0;

    if (!domain || !nest_live_domain_read(domain, NULL, NULL, TRUE, &live, NULL) || !live ||
        (live->guest.pid && live->guest.pid != step->pid))
        return;
    step->uuid = nest_virt_uuid(domain);
    step->tagged = live->tagged;
    step->persistent = virDomainIsPersistent(domain) == 1;
    step->autostart = virDomainGetAutostart(domain, &autostart) == 0 && autostart;
    step->wake = find_wake(domain);
    step->nested = judge_nested(plan, domain, live);
}

/* --- the plan */

/* What can be done with the module once nobody holds it. */
static void
plan_reload(Plan *plan)
{
    NestKvmModule idle = plan->module;
    gboolean on = idle.state == NEST_KVM_ON;

    idle.busy = FALSE;
    if (idle.state == NEST_KVM_OFF_BUSY)
        idle.state = NEST_KVM_OFF_IDLE;
    if (nest_kvm_plan(&idle, !on, FALSE, &plan->reason) == NEST_KVM_DO_REFUSE)
        return;
    plan->then = on ? g_strdup_printf("modprobe -r %s && modprobe %s", idle.vendor->module,
                                      idle.vendor->module)
                    : g_strdup("virt-nest host enable --now");
}

static gboolean
add_steps(Plan *plan, const NestCall *call, GError **error)
{
    g_autoptr(GPtrArray) users = nest_kvm_users_read();

    for (guint i = 0; i < users->len; i++) {
        const NestKvmUser *user = g_ptr_array_index(users, i);
        NestDrainStep *step = g_new0(NestDrainStep, 1);

        step->pid = user->pid;
        step->name = g_strdup(user->name);
        g_ptr_array_add(plan->steps, step);
        if (!user->domain)
            continue;
        if (!plan->connection)
            plan->connection = nest_connection_open_for(call, NEST_CONNECTION_TO_LOOK, error);
        if (!plan->connection)
            return FALSE;
        fill_in(plan, step);
    }
    g_ptr_array_sort(plan->steps, nest_drain_step_compare);
    return TRUE;
}

static gboolean
make_plan(Plan *plan, const NestCall *call, GError **error)
{
    plan->module = nest_kvm_module_read();
    plan->steps = g_ptr_array_new_with_free_func((GDestroyNotify)nest_drain_step_free);
    if (geteuid() != 0 && !nest_root_is_fake()) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                    "only root sees who holds the KVM module: run sudo virt-nest %s",
                    call->command->name);
        return FALSE;
    }
    if (!plan->module.vendor || plan->module.state == NEST_KVM_NO_HARDWARE) {
        (void)nest_kvm_module_check(&plan->module, error);
        return FALSE;
    }
    if (!add_steps(plan, call, error))
        return FALSE;
    plan_reload(plan);
    return TRUE;
}

/* --- what is printed */

static void
print_step(const NestDrainStep *step, guint number)
{
    g_autofree gchar *migrate = nest_drain_step_migrate(step);
    g_autofree gchar *stop = nest_drain_step_stop(step);
    g_autofree gchar *text = g_strdup_printf(
        "%s (pid %d%s%s): %s", step->name, step->pid, step->tagged ? ", tagged" : "",
        step->autostart ? ", autostart" : "", nest_drain_step_reason(step));

    (void)printf("%2u. ", number);
    nest_output_wrap(text, 4);
    if (migrate)
        (void)printf("\n      %s\n   or", migrate);
    (void)printf("%s %s\n", migrate ? "" : "\n     ", stop);
}

/* libvirt starts them by itself only when the host boots. */
static void
print_restarts(const Plan *plan)
{
    gboolean any = FALSE;

    for (guint i = 0; i < plan->steps->len; i++)
        any |= ((const NestDrainStep *)g_ptr_array_index(plan->steps, i))->autostart;
    if (any)
        (void)puts(
            "afterwards: virsh start those that were shut down: autostart is for the next boot");
}

static void
print_drain_plan(const Plan *plan)
{
    const char *module = plan->module.vendor->module;
    guint n = plan->steps->len;

    if (n == 0 && plan->module.busy)
        (void)printf("%s is in use by a process that cannot be seen from here (another PID "
                     "namespace): look from the host itself\n",
                     module);
    else
        (void)printf("%u process%s hold%s %s\n", n, n == 1 ? "" : "es", n == 1 ? "s" : "", module);
    for (guint i = 0; i < n; i++)
        print_step(g_ptr_array_index(plan->steps, i), i + 1);
    (void)fputs("then: ", stdout);
    nest_output_wrap(plan->then ? plan->then : plan->reason->message, strlen("then: "));
    (void)putchar('\n');
    print_restarts(plan);
}

static void
build_step(JsonBuilder *builder, const NestDrainStep *step)
{
    g_autofree gchar *migrate = nest_drain_step_migrate(step);
    g_autofree gchar *stop = nest_drain_step_stop(step);

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "name", step->name);
    nest_output_json_string(builder, "uuid", step->uuid);
    nest_output_json_number(builder, "pid", step->pid);
    nest_output_json_string(builder, "action",
                            nest_drain_step_action_name(nest_drain_step_action(step)));
    nest_output_json_boolean(builder, "tagged", step->tagged);
    nest_output_json_boolean(builder, "persistent", step->persistent);
    nest_output_json_boolean(builder, "autostart", step->autostart);
    nest_output_json_string(builder, "nested",
                            step->uuid ? nest_drain_step_nested_name(step->nested) : NULL);
    nest_output_json_string(builder, "reason", nest_drain_step_reason(step));
    nest_output_json_string(builder, "migrate", migrate);
    nest_output_json_string(builder, "stop", stop);
    json_builder_end_object(builder);
}

static void
print_plan_json(const Plan *plan)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "module", plan->module.vendor->module);
    nest_output_json_string(builder, "state", nest_kvm_state_name(plan->module.state));
    nest_output_json_boolean(builder, "unseen", plan->module.busy && plan->steps->len == 0);
    json_builder_set_member_name(builder, "steps");
    json_builder_begin_array(builder);
    for (guint i = 0; i < plan->steps->len; i++)
        build_step(builder, g_ptr_array_index(plan->steps, i));
    json_builder_end_array(builder);
    nest_output_json_string(builder, "then", plan->then);
    nest_output_json_string(builder, "refused", plan->reason ? plan->reason->message : NULL);
    json_builder_end_object(builder);
    nest_output_json_print(builder);
}

int
nest_drain_plan(NestCall *call)
{
    g_auto(Plan) plan = {0};
    gboolean json = FALSE;
    GError *error = NULL;
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "for programs: an object", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (call->arguments[0] && call->arguments[1])
        return nest_command_misused(call, "it takes no argument");
    if (!make_plan(&plan, call, &error))
        return nest_command_fail(error);
    if (json)
        print_plan_json(&plan);
    else
        print_drain_plan(&plan);
    return NEST_EXIT_DONE;
}
