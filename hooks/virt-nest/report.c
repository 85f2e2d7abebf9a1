/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be said of one domain: its tag, its CPU, and whether what the tag asks for is in effect. */
#include "report.h"

#include "base/error.h"
#include "daemon.h"
#include "domain/cpu_off.h"
#include "domain/cpu_remarks.h"
#include "host/process.h"
#include "live.h"
#include "shown.h"

#include <string.h>

/* If QEMU has not answered for so long, that is told. */
#define UNANSWERED_MS 3000
#define NOT_CORRECTED "not corrected yet: virt-nest apply"

/* One domain while it is looked at. */
typedef struct {
    const NestConnection *connection;
    virDomainPtr domain;
    NestWish wish;       /* what shall become of its CPU */
    gboolean active;     /* it runs, or is paused */
    gboolean persistent; /* it has a definition */
    gchar *text;         /* the definition's XML; that of the running domain where there is none */
    NestDomainXml *definition; /* @text, parsed */
    NestDomainXml *live;       /* the running domain's XML, parsed; NULL unless active */
    NestQemuCpu *command;      /* the command line of its QEMU; NULL where it was not looked at */
} Look;

static void
look_clear(Look *look)
{
    g_free(look->text);
    nest_domain_xml_free(look->definition);
    nest_domain_xml_free(look->live);
    nest_qemu_cpu_free(look->command);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)

/* As `virsh list` says it (libvirt tools/virsh-domain-monitor.c). */
static const char *const states[] = {
    [VIR_DOMAIN_NOSTATE] = "no state",     [VIR_DOMAIN_RUNNING] = "running",
    [VIR_DOMAIN_BLOCKED] = "idle",         [VIR_DOMAIN_PAUSED] = "paused",
    [VIR_DOMAIN_SHUTDOWN] = "in shutdown", [VIR_DOMAIN_SHUTOFF] = "shut off",
    [VIR_DOMAIN_CRASHED] = "crashed",      [VIR_DOMAIN_PMSUSPENDED] = "pmsuspended",
};

const char *
nest_report_state_name(virDomainPtr domain)
{
    int state = VIR_DOMAIN_NOSTATE;

    if (virDomainGetState(domain, &state, NULL, 0) < 0 || state < 0 ||
        state >= (int)G_N_ELEMENTS(states))
        return states[VIR_DOMAIN_NOSTATE];
    return states[state];
}

static gchar *
with_code(const GError *error)
{
    return g_strdup_printf("%s [%s]", error->message, nest_error_name(error));
}

/* Without SECURE: nothing here needs a password, and a read-only connection gets none. */
static NestDomainXml *
read_domain_xml(virDomainPtr domain, unsigned int flags, gchar **ret_text, GError **error)
{
    g_autofree gchar *text = virDomainGetXMLDesc(domain, flags);
    NestDomainXml *xml = NULL;

    if (!text) {
        nest_virt_error(error, "cannot read its XML");
        return NULL;
    }
    xml = nest_domain_xml_parse(text, strlen(text), error);
    if (ret_text)
        *ret_text = g_steal_pointer(&text);
    return xml;
}

/* Reads the definition's XML, then asks whether the domain runs, then reads the live XML. */
static gboolean
query_reported_domain(Look *look, GError **error)
{
    look->definition = read_domain_xml(look->domain, VIR_DOMAIN_XML_INACTIVE, &look->text, error);
    if (!look->definition)
        return FALSE;
    look->persistent = virDomainIsPersistent(look->domain) != 0;
    look->active = virDomainIsActive(look->domain) == 1;
    if (look->active)
        look->live = read_domain_xml(look->domain, 0, NULL, error);
    return !look->active || look->live;
}

/* (nullable) Whose feature a guest of this XML is to see. */
static const NestCpuVendor *
vendor_of_guest(const Look *look, const NestDomainXml *xml)
{
    return nest_cpu_feature_vendor(xml, look->connection->host.vendor, NULL);
}

static gboolean
exposes(const Look *look, const NestDomainXml *xml)
{
    const NestCpuVendor *vendor = vendor_of_guest(look, xml);

    return vendor && nest_cpu_exposes(xml, vendor);
}

/* Whether the running guest sees the feature by the command line of its QEMU, which is what QEMU was really given: an
 * <emulator> may be a script that changes it. Where that cannot be read, libvirt's XML counts. */
static gboolean
guest_exposes(const Look *look)
{
    const NestCpuVendor *vendor = vendor_of_guest(look, look->live);

    if (!look->command || !look->command->argument)
        return exposes(look, look->live);
    return vendor && nest_qemu_cpu_exposes(look->command, vendor, nest_cpu_is_kvm(look->live));
}

/* Whether QEMU was given another CPU than libvirt's XML says. */
static gboolean
is_given_another(const Look *look)
{
    return look->active && look->command && !guest_exposes(look) && exposes(look, look->live);
}

/* The next start would be refused. */
static gchar *
judge_arguments(const Look *look)
{
    const NestCpuVendor *vendor = vendor_of_guest(look, look->definition);
    g_autoptr(GError) error = NULL;

    return !vendor || nest_cpu_check_arguments(look->definition, vendor, &error) ? NULL
                                                                                 : with_code(error);
}

/* A tag's mistake, or why the CPU is impossible, or that the definition is not corrected yet. */
static gchar *
judge_definition(const Look *look)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDefinition) definition = NULL;

    if (!look->persistent && exposes(look, look->definition))
        return NULL;
    if (!look->persistent) {
        gchar *problem = judge_arguments(look);

        return problem
                   ? problem
                   : g_strdup(
                         "transient, so there is no definition to correct: pass its XML through "
                         "virt-nest rewrite, and create it from that");
    }
    definition =
        nest_definition_correct(look->text, look->connection->host.vendor, look->connection->policy,
                                nest_connection_can_nest(look->connection), &error);
    if (!definition)
        return with_code(error);
    return definition->action == NEST_DEFINITION_UNCHANGED ? NULL : g_strdup(NOT_CORRECTED);
}

static gchar *
judge_host(const Look *look)
{
    g_autoptr(GError) error = NULL;

    if (!nest_cpu_is_kvm(look->definition) ||
        nest_kvm_module_check(&look->connection->host, &error))
        return NULL;
    return with_code(error);
}

/* Without the module libvirt refuses to define a KVM domain, so that nothing can be corrected before it is loaded. */
static gchar *
judge_module(const Look *look)
{
    return nest_kvm_module_is_loaded(&look->connection->host) ? NULL : judge_host(look);
}

/* (transfer full)(nullable) The domain as it was saved; NULL if that cannot be read. */
static NestDomainXml *
read_save(const Look *look)
{
    g_autofree char *text = virDomainManagedSaveGetXMLDesc(look->domain, 0);

    return text ? nest_domain_xml_parse(text, strlen(text), NULL) : NULL;
}

static gboolean
save_lacks_cpu(const Look *look)
{
    gboolean saved = virDomainHasManagedSaveImage(look->domain, 0) == 1;
    g_autoptr(NestDomainXml) xml = saved ? read_save(look) : NULL;

    return saved && (!xml || !exposes(look, xml));
}

static gchar *
judge_guest(const Look *look)
{
    if (is_given_another(look))
        return g_strdup_printf(
            "its QEMU was started with %s, which does not give the guest %s, although libvirt's XML "
            "does: look at its <emulator>, which may be a script (virsh dumpxml)",
            look->command->argument, vendor_of_guest(look, look->live)->feature);
    if (look->active)
        return guest_exposes(look)
                   ? NULL
                   : g_strdup("running without the corrected CPU: stop it and start it again");
    if (save_lacks_cpu(look))
        return g_strdup(
            "its managed save keeps the old CPU until the next cold boot: start it, shut it "
            "down and start it again, or give up what it saved (virsh managedsave-remove)");
    return NULL;
}

/* (nullable) The feature that a guest of this XML would see now; a KVM guest sees none where the host's nesting is off. */
static const char *
shows(const Look *look, const NestDomainXml *xml)
{
    const NestConnection *connection = look->connection;

    return nest_cpu_is_kvm(xml) && !nest_connection_can_nest(connection)
               ? NULL
               : nest_cpu_off_shows(xml, connection->host.vendor);
}

/* (nullable) The feature that the running guest sees. What it was started with counts, also if the host's nesting is off by
 * now. */
static const char *
guest_shows(const Look *look)
{
    const NestCpuVendor *host = look->connection->host.vendor;

    if (!nest_cpu_off_applies(look->live))
        return NULL;
    return look->command && look->command->argument
               ? nest_cpu_off_shows_by_command(look->command, nest_cpu_is_kvm(look->live), host)
               : nest_cpu_off_shows(look->live, host);
}

static gchar *
judge_off_definition(const Look *look)
{
    const char *feature = shows(look, look->definition);
    g_autofree gchar *argument =
        nest_cpu_off_argument(look->definition, look->connection->host.vendor);

    if (look->persistent && !argument)
        return judge_definition(look);
    if (!feature)
        return NULL;
    return argument ? nest_cpu_off_argument_text(argument, feature, nest_wish_by_text(&look->wish),
                                                 "virsh edit")
                    : g_strdup_printf("transient, and shows the guest %s, which %s forbids",
                                      feature, nest_wish_by_text(&look->wish));
}

static gboolean
save_shows_feature(const Look *look)
{
    g_autoptr(NestDomainXml) xml =
        virDomainHasManagedSaveImage(look->domain, 0) == 1 ? read_save(look) : NULL;

    return xml && shows(look, xml);
}

/* A guest that was started before, or came here as it was, keeps what it has. */
static gchar *
judge_off_guest(const Look *look)
{
    const char *feature = look->active ? guest_shows(look) : NULL;

    if (feature)
        return g_strdup_printf(
            "running with %s, which %s forbids, as it was started before or came here so: shut it down and start it again",
            feature, nest_wish_by_text(&look->wish));
    if (!look->active && save_shows_feature(look))
        return g_strdup(
            "its managed save keeps the old CPU until the next cold boot: start it, shut it "
            "down and start it again, or give up what it saved (virsh managedsave-remove)");
    return NULL;
}

/* The same for a guest that shall have neither vmx nor svm. */
static gchar *(*const off_judges[])(const Look *look) = {judge_off_definition, judge_off_guest};

/* The checks, in the order in which their findings have to be corrected. */
static gchar *(*const judges[])(const Look *look) = {judge_module, judge_definition, judge_host,
                                                     judge_arguments, judge_guest};

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
judge_answers(const NestReport *report, const Look *look)
{
    gint64 ms = look->active ? nest_virt_unanswered_ms(look->domain) : 0;
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

/* Without a guard, migration and save are not as the tag says, but the CPU is. */
static gchar *
judge_guard(NestReport *report, const Look *look)
{
    if (!look->active || report->tag.migration == NEST_MIGRATION_ALLOW)
        return NULL;
    if (nest_virt_is_session(look->connection->libvirt))
        return nest_connection_is_watched(look->connection)
                   ? NULL
                   : g_strdup(
                         "no virtnestd of this session runs, so migration and save, also libvirt's own "
                         "when the session ends, are not refused while nested guests run: systemctl "
                         "--user start virtnestd");
    if (nest_daemon_runs())
        return NULL;
    report->by_daemon = nest_connection_is_system(look->connection);
    return g_strdup(
        "no virtnestd runs, so no guard is armed or disarmed any more, and a guest that is not armed now "
        "can be migrated and saved with nested guests in it: systemctl start virtnestd");
}

/* What makes nested guests slow, by the CPU that counts now. */
static gchar *
judge_speed(const Look *look)
{
    const NestDomainXml *xml = look->live ? look->live : look->definition;
    const NestCpuVendor *vendor = vendor_of_guest(look, xml);

    return vendor ? nest_cpu_remarks_slow(xml, vendor) : NULL;
}

static gchar *
describe_reported_cpu(const Look *look)
{
    if (is_given_another(look))
        return nest_cpu_describe_qemu(look->command);
    return nest_cpu_describe(look->live ? look->live : look->definition);
}

/* The tag is in effect, but something else may be wrong. */
static gchar *
judge_applied(NestReport *report, const Look *look)
{
    gchar *problem = judge_answers(report, look);

    if (!problem)
        problem = judge_guard(report, look);
    return problem ? problem : judge_speed(look);
}

static void
read_reported_wish(NestReport *report, Look *look)
{
    g_autoptr(GError) error = NULL;

    look->wish = NEST_WISH_NONE;
    report->valid = nest_wish_read(look->definition, look->connection->policy, &look->wish, &error);
    report->wish = look->wish;
    report->tagged = look->wish.kind == NEST_WISH_ENABLE;
    report->tag = look->wish.tag;
    if (report->valid)
        return;
    report->tagged = TRUE;
    report->problem = with_code(error);
    report->cure = "enable";
}

/* (transfer full) Why nobody knows what shall become of the guest. */
static gchar *
judge_undecided(const Look *look)
{
    g_auto(NestRulesVerdict) verdict = {0};

    nest_rules_judge(look->connection->policy->rules, look->definition, &verdict);
    return verdict.mistake ? with_code(verdict.mistake) : NULL;
}

/* Whether a domain that does not mention virt-nest may have more to be told of than its CPU. */
static gboolean
are_untagged_told(const NestPolicy *policy)
{
    return policy && (policy->untagged != NEST_UNTAGGED_LEAVE || nest_rules_mistake(policy->rules));
}

static void
judge_wish(NestReport *report, const Look *look)
{
    gboolean off = look->wish.kind == NEST_WISH_DISABLE;
    gsize n = off ? G_N_ELEMENTS(off_judges) : G_N_ELEMENTS(judges);

    for (gsize i = 0; i < n && !report->problem; i++)
        report->problem = off ? off_judges[i](look) : judges[i](look);
}

/* (transfer full)(nullable) @live: (nullable) NULL also for a running domain that is not one of ours */
static NestQemuCpu *
read_command(const Look *look, NestLiveDomain *live)
{
    g_autoptr(NestLiveDomain) any = live ? nest_live_domain_ref(live) : NULL;

    if (!look->live || (!any && !nest_live_domain_read(look->domain, NULL, NULL, TRUE, &any, NULL)))
        return NULL;
    return any ? nest_live_domain_command(any) : NULL;
}

NestReport *
nest_report_new(const NestConnection *connection, virDomainPtr domain, GError **error)
{
    g_auto(Look) look = {.connection = connection, .domain = domain};
    g_autoptr(NestLiveDomain) live = NULL;
    NestReport *report =
        are_untagged_told(connection->policy) ? NULL : nest_report_untagged(connection, domain);

    if (report)
        return report;
    if (!query_reported_domain(&look, error) ||
        !nest_live_domain_read(domain, NULL, connection->policy, FALSE, &live, error))
        return NULL;
    report = g_new0(NestReport, 1);
    report->name = g_strdup(virDomainGetName(domain));
    report->uuid = nest_virt_uuid(domain);
    report->state = nest_report_state_name(domain);
    report->active = look.active;
    report->live = g_steal_pointer(&live);
    look.command = read_command(&look, report->live);
    report->cpu = describe_reported_cpu(&look);
    read_reported_wish(report, &look);
    if (look.wish.kind == NEST_WISH_LEAVE)
        return report;
    if (look.wish.kind == NEST_WISH_UNDECIDED) {
        report->problem = judge_undecided(&look);
        return report;
    }
    report->is_kvm = nest_cpu_is_kvm(look.definition);
    judge_wish(report, &look);
    report->applied = !report->problem;
    if (g_strcmp0(report->problem, NOT_CORRECTED) == 0)
        report->cure = "apply";
    if (report->applied && report->tagged)
        report->problem = judge_applied(report, &look);
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
    g_auto(Look) look = {.connection = connection, .domain = domain};

    if (!report->active || !query_reported_domain(&look, NULL) || !look.live)
        return;
    look.command = read_command(&look, report->live);
    report->asked = nest_shown_ask(domain, &report->shown);
    if (!report->asked)
        report->shown = guest_shows(&look);
}

gchar *
nest_report_pending(const NestConnection *connection, virDomainPtr domain)
{
    g_auto(Look) look = {.connection = connection, .domain = domain};

    if (!query_reported_domain(&look, NULL) ||
        !nest_wish_read(look.definition, connection->policy, &look.wish, NULL))
        return NULL;
    look.command = look.wish.kind == NEST_WISH_DISABLE ? read_command(&look, NULL) : NULL;
    return look.wish.kind == NEST_WISH_DISABLE ? judge_off_guest(&look) : judge_guest(&look);
}
