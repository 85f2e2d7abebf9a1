/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest may-leave: whether a domain may be migrated or saved, for a program that asks before it does so.
 *
 * What virtnestd has written counts only while a virtnestd runs. If none runs, or it does not follow the domain, this
 * program asks the probes itself. A probe that would taint the domain is asked only if the domain has that taint
 * already, or by --ask-qemu. */
#include "base/error.h"
#include "daemon.h"
#include "domain/cpu.h"
#include "host/process.h"
#include "leave_answer.h"
#include "leave_cpu.h"
#include "leave_probe.h"
#include "live.h"
#include "output.h"
#include "visit.h"

#include <stdio.h>
#include <string.h>

#define UNANSWERED_MS 3000
#define TAINT "custom monitor control commands" /* libvirt's, as virtnestd has it noted */

/* What the command line asks for, and what was found. */
typedef struct {
    gboolean json;
    gboolean ask_qemu;
    gchar *name;
    gchar *uuid;          /* (nullable) NULL: the domain could not be read */
    NestLiveDomain *live; /* (nullable) NULL: it does not run */
    NestLeaveReason reason;
} Leave;

static void
leave_clear(Leave *leave)
{
    g_free(leave->name);
    g_free(leave->uuid);
    nest_live_domain_unref(leave->live);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Leave, leave_clear)

/* --- reading */

static gboolean
is_tainted(virDomainPtr domain)
{
    char **messages = NULL;
    int n = virDomainGetMessages(domain, &messages, VIR_DOMAIN_MESSAGE_TAINTING);
    gboolean tainted = FALSE;

    for (int i = 0; i < n; i++) {
        tainted |= strstr(messages[i], TAINT) != NULL;
        free(messages[i]);
    }
    free(messages);
    return tainted;
}

static NestDomainXml *
read_live_xml(virDomainPtr domain, GError **error)
{
    g_autofree char *text = virDomainGetXMLDesc(domain, 0);

    if (text)
        return nest_domain_xml_parse(text, strlen(text), error);
    nest_virt_error(error, "cannot read the running domain");
    return NULL;
}

/* What can be read without asking a plugin. */
static gboolean
read_leave_facts(const NestConnection *connection, virDomainPtr domain, const NestLiveDomain *live,
                 NestLeaveFacts *facts, GError **error)
{
    g_autoptr(NestDomainXml) xml = read_live_xml(domain, error);
    g_autoptr(NestQemuCpu) command = nest_live_domain_command(live);
    g_autofree gchar *process = nest_live_domain_process(live);

    if (!xml)
        return FALSE;
    facts->runs = TRUE;
    facts->has_feature = nest_leave_cpu_may_nest(connection, xml, command);
    facts->watched = nest_connection_is_system(connection) && nest_daemon_runs();
    facts->silent =
        nest_process_is_stopped(process) || nest_virt_unanswered_ms(domain) >= UNANSWERED_MS;
    facts->allowed =
        live->opted_out || nest_allow_holds(&live->allow, g_get_real_time() / G_USEC_PER_SEC);
    facts->booted = live->guest.pid && nest_process_has_booted(live->guest.pid, live->guest.uuid);
    facts->status = nest_live_status_of(live);
    facts->armed = facts->watched && facts->status &&
                   nest_live_status_guard_is(facts->status, NEST_GUARD_ARMED);
    return TRUE;
}

/* The feature to look for is the host's, or that of QEMU's emulation, also where libvirt's XML does not name it. */
static NestGuest
guest_to_ask(const NestConnection *connection, const NestLiveDomain *live)
{
    const NestCpuVendor *vendor =
        live->guest.kvm ? connection->host.vendor : nest_cpu_vendor_of_tcg();
    NestGuest guest = live->guest;

    if (vendor && !*guest.feature)
        guest.feature = vendor->feature;
    return guest;
}

/* Asks QEMU whether the guard is armed, and the probes whether nested guests run, if that can change the answer. */
static void
ask_plugins(const Leave *leave, const NestConnection *connection, virDomainPtr domain,
            NestLeaveFacts *facts)
{
    NestGuest guest = guest_to_ask(connection, leave->live);
    gboolean ask_qemu = !facts->silent && (leave->ask_qemu || is_tainted(domain));

    if (ask_qemu && !facts->armed)
        facts->armed = nest_leave_probe_is_armed(NEST_PLUGINDIR, domain, &guest);
    if (nest_leave_answer(nest_leave_judge(facts)) == NEST_LEAVE_UNKNOWN)
        facts->sampled = nest_leave_probe_sample(NEST_PLUGINDIR, domain, &guest, ask_qemu);
}

static gboolean
judge_domain(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    Leave *leave = data;
    NestLeaveFacts facts = {0};

    g_free(leave->name);
    leave->name = g_strdup(virDomainGetName(domain));
    if (!nest_live_domain_read(domain, NULL, NULL, TRUE, &leave->live, error) ||
        (leave->live && !read_leave_facts(connection, domain, leave->live, &facts, error)))
        return FALSE;
    if (leave->live)
        ask_plugins(leave, connection, domain, &facts);
    leave->uuid = nest_virt_uuid(domain);
    leave->reason = nest_leave_judge(&facts);
    return TRUE;
}

/* --- saying */

/* An answer other than "may leave" goes to standard error, like a refusal. */
static void
print_leave_answer(const Leave *leave)
{
    NestLeaveAnswer answer = nest_leave_answer(leave->reason);
    const char *text = nest_leave_reason_text(leave->reason);
    const char *remedy = nest_leave_reason_remedy(leave->reason);
    g_autofree gchar *name = nest_error_escape(leave->name);

    if (answer == NEST_LEAVE_MAY)
        (void)printf("%s: may leave: %s\n", name, text);
    else
        nest_command_fail(g_error_new(
            NEST_ERROR,
            answer == NEST_LEAVE_RUNNING ? NEST_ERROR_LIVE_RUNNING : NEST_ERROR_LIVE_UNKNOWN,
            "%s: %s: %s: %s", leave->name,
            answer == NEST_LEAVE_RUNNING ? "may not leave" : "nobody can tell whether it may leave",
            text, remedy));
}

static void
print_answer_json(const Leave *leave)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "name", leave->name);
    nest_output_json_string(builder, "uuid", leave->uuid);
    nest_output_json_string(builder, "answer",
                            nest_leave_answer_name(nest_leave_answer(leave->reason)));
    nest_output_json_string(builder, "reason", nest_leave_reason_name(leave->reason));
    nest_output_json_string(builder, "text", nest_leave_reason_text(leave->reason));
    nest_output_json_string(builder, "remedy", nest_leave_reason_remedy(leave->reason));
    nest_live_build(builder, leave->live, -1);
    json_builder_end_object(builder);
    nest_output_json_print(builder);
}

/* Another error was reported where it occurred; with --json the program still gets an answer. */
int
nest_may_leave(NestCall *call)
{
    g_auto(Leave) leave = {.reason = NEST_LEAVE_NOT_READ};
    g_autoptr(NestConnection) connection = NULL;
    GError *error = NULL;
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &leave.json, "for programs: an object", NULL},
        {"ask-qemu", 0, 0, G_OPTION_ARG_NONE, &leave.ask_qemu,
         "where nothing else proves anything, ask QEMU, which libvirt notes as a taint", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (g_strv_length(call->arguments) != 1)
        return nest_command_misused(call, "name one domain");
    leave.name = g_strdup(*call->arguments);
    connection = nest_connection_open_for(call, NEST_CONNECTION_TO_LOOK, &error);
    if (!connection)
        nest_command_fail(error);
    else
        status = nest_connection_visit(connection, call->arguments, judge_domain, &leave);
    if (leave.json)
        print_answer_json(&leave);
    else if (connection && status == NEST_EXIT_DONE)
        print_leave_answer(&leave);
    return (int)nest_leave_answer(leave.reason);
}
