/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports on one domain: its tag, its CPU, and whether what the tag asks for is in effect. */
#include "report.h"

#include "base/error.h"
#include "daemon.h"
#include "domain/cpu_remarks.h"
#include "domain_faults.h"
#include "domain_query.h"
#include "host/process.h"
#include "live.h"
#include "shown.h"
#include "untagged.h"

/* If QEMU has not answered for this long, the report says so. */
#define UNANSWERED_MS 3000

/* (transfer full) */
static gchar *
unanswered_since(gint64 ms)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autoptr(GDateTime) since = g_date_time_add(now, -ms * G_TIME_SPAN_MILLISECOND);

    return g_date_time_format(since ? since : now, "has not been answering since %F %T");
}

/* (transfer full)(nullable) That the domain's QEMU does not answer libvirt. If nobody has asked it, libvirt does not
 * know that. */
static gchar *
judge_answers(const NestReport *report, const NestDomainQuery *query)
{
    gint64 ms = query->active ? nest_virt_unanswered_ms(query->domain) : 0;
    g_autofree gchar *process =
        report->live ? nest_live_domain_process(report->live) : g_strdup("");
    g_autofree gchar *since = ms >= UNANSWERED_MS ? unanswered_since(ms) : NULL;

    if (!since && !nest_process_is_stopped(process))
        return NULL;
    return g_strdup_printf(
        "its QEMU %s: until it answers, nothing is known of its nested guests, its guard stays as it "
        "is, and commands of libvirt may wait (virsh domcontrol)",
        since ? since : "is stopped by a signal");
}

/* Without a guard, the tag's CPU is in effect, but migration and save are not as the tag says. */
static gchar *
judge_guard(NestReport *report, const NestDomainQuery *query)
{
    if (!query->active || report->tag.migration == NEST_MIGRATION_ALLOW)
        return NULL;
    if (nest_virt_is_session(query->connection->libvirt))
        return nest_connection_is_watched(query->connection)
                   ? NULL
                   : g_strdup(
                         "no virtnestd of this session runs, so migration and save, also libvirt's own "
                         "when the session ends, are not refused while nested guests run: systemctl "
                         "--user start virtnestd");
    if (nest_daemon_runs())
        return NULL;
    report->by_daemon = nest_connection_is_system(query->connection);
    return g_strdup(
        "no virtnestd runs, so no guard is armed or disarmed any more, and a guest that is not armed now "
        "can be migrated and saved with nested guests in it: systemctl start virtnestd");
}

/* The tag is in effect, but something else may be wrong. */
static gchar *
judge_applied(NestReport *report, const NestDomainQuery *query)
{
    const NestDomainXml *xml = query->live ? query->live : query->definition;
    const NestCpuVendor *vendor = nest_domain_query_vendor(query, xml);
    gchar *problem = judge_answers(report, query);

    if (!problem)
        problem = judge_guard(report, query);
    return problem || !vendor ? problem : nest_cpu_remarks_slow(xml, vendor);
}

static void
read_reported_wish(NestReport *report, NestDomainQuery *query)
{
    g_autoptr(GError) error = NULL;

    query->wish = NEST_WISH_NONE;
    report->valid =
        nest_wish_read(query->definition, query->connection->policy, &query->wish, &error);
    report->wish = query->wish;
    report->tagged = query->wish.kind == NEST_WISH_ENABLE;
    report->tag = query->wish.tag;
    if (report->valid)
        return;
    report->tagged = TRUE;
    report->problem = nest_error_with_code(error);
    report->cure = "enable";
}

/* Whether what shall become of its CPU is in effect, and what is wrong. */
static void
judge_report(NestReport *report, NestDomainQuery *query)
{
    read_reported_wish(report, query);
    if (query->wish.kind == NEST_WISH_LEAVE)
        return;
    if (query->wish.kind == NEST_WISH_UNDECIDED) {
        g_auto(NestRulesVerdict) verdict = {0};

        nest_rules_judge(query->connection->policy->rules, query->definition, &verdict);
        report->problem = verdict.mistake ? nest_error_with_code(verdict.mistake) : NULL;
        return;
    }
    report->is_kvm = nest_cpu_is_kvm(query->definition);
    if (!report->problem)
        report->problem = nest_domain_faults_find(query);
    report->applied = !report->problem;
    if (g_strcmp0(report->problem, NEST_DOMAIN_NOT_CORRECTED) == 0)
        report->cure = "apply";
    if (report->applied && report->tagged)
        report->problem = judge_applied(report, query);
}

NestReport *
nest_report_new(const NestConnection *connection, virDomainPtr domain, GError **error)
{
    g_auto(NestDomainQuery) query = {.connection = connection, .domain = domain};
    g_autoptr(NestLiveDomain) live = NULL;
    const NestPolicy *policy = connection->policy;
    /* Whether a report on a domain that does not mention virt-nest may need more than its CPU. */
    gboolean told =
        policy && (policy->untagged != NEST_UNTAGGED_LEAVE || nest_rules_mistake(policy->rules));
    NestReport *report = told ? NULL : nest_report_untagged(connection, domain);

    if (report)
        return report;
    if (!nest_domain_query_read(&query, error) ||
        !nest_live_domain_read(domain, NULL, connection->policy, FALSE, &live, error))
        return NULL;
    report = g_new0(NestReport, 1);
    report->name = g_strdup(virDomainGetName(domain));
    report->uuid = nest_virt_uuid(domain);
    report->state = nest_virt_state_name(domain);
    report->active = query.active;
    report->live = g_steal_pointer(&live);
    query.command = nest_domain_query_read_command(&query, report->live);
    report->cpu = nest_domain_query_has_other_cpu(&query)
                      ? nest_cpu_describe_qemu(query.command)
                      : nest_cpu_describe(query.live ? query.live : query.definition);
    judge_report(report, &query);
    return report;
}

void
nest_report_free(NestReport *report)
{
    if (!report)
        return;
    g_free(report->name);
    g_free(report->uuid);
    g_free(report->cpu);
    g_free(report->problem);
    nest_live_domain_unref(report->live);
    g_free(report);
}

gboolean
nest_report_has_problem(const NestReport *report)
{
    const NestLiveStatus *status = nest_live_status_of(report->live);

    return report->problem || (status && nest_live_status_guard_is(status, NEST_GUARD_FAILED));
}

void
nest_report_ask(NestReport *report, const NestConnection *connection, virDomainPtr domain)
{
    g_auto(NestDomainQuery) query = {.connection = connection, .domain = domain};

    if (!report->active || !nest_domain_query_read(&query, NULL) || !query.live)
        return;
    query.command = nest_domain_query_read_command(&query, report->live);
    report->asked = nest_shown_ask(domain, &report->shown);
    if (!report->asked)
        report->shown = nest_domain_query_guest_shows(&query);
}

gchar *
nest_report_pending(const NestConnection *connection, virDomainPtr domain)
{
    g_auto(NestDomainQuery) query = {.connection = connection, .domain = domain};

    if (!nest_domain_query_read(&query, NULL) ||
        !nest_wish_read(query.definition, connection->policy, &query.wish, NULL))
        return NULL;
    query.command =
        query.wish.kind == NEST_WISH_DISABLE ? nest_domain_query_read_command(&query, NULL) : NULL;
    return nest_domain_faults_of_guest(&query);
}
