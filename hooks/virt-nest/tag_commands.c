/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest enable and disable: write or remove a definition's tag, and at once do what follows. */
#include "visit.h"
#include "report.h"
#include "tag_options.h"

#include "base/error.h"
#include "domain/cpu.h"
#include "domain/tag_put.h"

#include <stdio.h>
#include <string.h>

/* The tag of a domain that shall not nest, as virDomainSetMetadata wants it. */
#define FORBIDDEN "<disable/>"

/* What is about to be done with one domain. */
typedef struct {
    NestDomainXml *before;      /* its definition as it is */
    gboolean mentioned;         /* it has a tag, well formed or not */
    gboolean tagged;            /* it has a well-formed <nest:enable> */
    gboolean forbidden;         /* it has a well-formed <nest:disable> */
    NestTag had;                /* what its <nest:enable> says */
    NestTag tag;                /* the one it shall have; not for `disable` */
    NestDefinition *definition; /* the definition that follows from it */
} Plan;

static void
tag_plan_clear(Plan *plan)
{
    nest_domain_xml_free(plan->before);
    nest_definition_free(plan->definition);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, tag_plan_clear)

/* A tag that is not well formed counts as none. */
static gboolean
read_plan(Plan *plan, virDomainPtr domain, GError **error)
{
    g_autofree gchar *text = nest_virt_read_inactive(domain, error);
    NestTagKind kind = NEST_TAG_NONE;

    plan->before = text ? nest_domain_xml_parse(text, strlen(text), error) : NULL;
    if (!plan->before)
        return FALSE;
    plan->mentioned = nest_tag_put_first(plan->before) != NULL;
    if (!nest_tag_read(plan->before, &kind, &plan->had, NULL))
        kind = NEST_TAG_NONE;
    plan->tagged = kind == NEST_TAG_ENABLE;
    plan->forbidden = kind == NEST_TAG_DISABLE;
    plan->tag = plan->tagged ? plan->had : NEST_TAG_DEFAULT;
    return TRUE;
}

/* Computes the result in memory, so that an impossible tag is refused before anything is written. */
static gboolean
plan_definition(Plan *plan, const NestConnection *connection, const char *element, GError **error)
{
    g_autofree gchar *text = nest_tag_put(plan->before, element);

    plan->definition = nest_definition_correct(text, connection->host.vendor, connection->policy,
                                               nest_connection_can_nest(connection), error);
    return plan->definition != NULL;
}

/* @element: NULL takes it out. */
static gboolean
write_tag_metadata(virDomainPtr domain, const char *element, const char *uri, GError **error)
{
    return nest_virt_set_metadata(domain, element, "nest", uri, VIR_DOMAIN_AFFECT_CONFIG,
                                  element ? "cannot write the tag" : "cannot take the tag out",
                                  error);
}

/* libvirt keeps one element per namespace, so removing a namespace removes just that element. */
static gboolean
remove_tags(virDomainPtr domain, const NestDomainXml *xml, gboolean misplaced_only, GError **error)
{
    for (const xmlNode *tag = nest_tag_put_first(xml); tag; tag = nest_tag_put_next(tag->next)) {
        if (!tag->ns || (misplaced_only && !nest_tag_is_misplaced(tag)))
            continue;
        if (!write_tag_metadata(domain, NULL, (const char *)tag->ns->href, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
is_same_tag(const Plan *plan)
{
    g_autofree gchar *wanted = nest_tag_format(&plan->tag);
    g_autofree gchar *had = nest_tag_format(&plan->had);

    return plan->tagged && g_str_equal(wanted, had);
}

/* What was done to the CPU, according to the plan: virtnestd may have done it first. */
static gchar *
describe_planned_cpu(const Plan *plan)
{
    g_autofree gchar *cpu = NULL;

    if (plan->definition->changes->len > 0)
        return nest_definition_describe(plan->definition);
    cpu = nest_cpu_describe(plan->before);
    return g_strdup_printf("its CPU stays as it is (%s)", cpu);
}

/* (transfer full)(nullable) A host that cannot nest yet is no reason to refuse the tag: it can be made ready before the
 * start. The host is read anew, because the correction or virtnestd may have made it ready. */
static GError *
find_problem(const Plan *plan, gboolean done)
{
    NestKvmModule host = nest_kvm_module_read();
    GError *error = NULL;

    if (!nest_cpu_is_kvm(plan->before) || nest_kvm_module_check(&host, &error))
        return NULL;
    g_prefix_error(&error,
                   "it %s tagged, but cannot have nested guests now%s: ", done ? "is" : "can be",
                   plan->tag.required ? ", and starts only once the host can nest" : "");
    return error;
}

static const char *
describe_tag(const Plan *plan)
{
    if (is_same_tag(plan))
        return "tagged already";
    if (plan->forbidden)
        return "tagged, and no longer forbidden to nest";
    return plan->tagged ? "its tag is changed" : "tagged";
}

/* @done: (nullable) the correction; NULL if it is only planned, or virtnestd has made it already. */
static gboolean
is_changed(const Plan *plan, const NestDefinition *done)
{
    return plan->definition->action != NEST_DEFINITION_UNCHANGED ||
           (done && done->action != NEST_DEFINITION_UNCHANGED);
}

static void
print_enabled(const NestConnection *connection, virDomainPtr domain, const Plan *plan,
              const NestDefinition *done)
{
    g_autofree gchar *cpu = describe_planned_cpu(plan);
    g_autofree gchar *pending = done ? nest_report_pending(connection, domain) : NULL;
    g_autofree gchar *remarks = nest_definition_describe_remarks(plan->definition);
    g_autofree gchar *what = g_strdup_printf(
        "%s; %s%s%s%s%s", describe_tag(plan), cpu,
        /* The tag of a running guest is the one that it was started with. */
        plan->tagged && !is_same_tag(plan) && virDomainIsActive(domain) == 1
            ? "; the running guest goes by its old tag, too, until it is stopped and started again"
            : "",
        pending ? "; " : "", pending ? pending : "", remarks);
    g_autoptr(GError) problem = find_problem(plan, done != NULL);

    nest_changes_print(connection, domain, !is_same_tag(plan) || is_changed(plan, done), what,
                       problem);
}

static gboolean
plan_enable(Plan *plan, const NestConnection *connection, virDomainPtr domain,
            const NestTagOptions *options, GError **error)
{
    g_autofree gchar *element = NULL;

    if (!nest_connection_check_policy(connection, error) ||
        !nest_connection_check_persistent(domain, error) || !read_plan(plan, domain, error) ||
        !nest_tag_options_set(options, &plan->tag, error))
        return FALSE;
    element = nest_tag_put_format(&plan->tag);
    return plan_definition(plan, connection, element, error);
}

/* @element: (nullable) the new tag; NULL: it stays. Returns: (transfer full) the correction that followed. */
static NestDefinition *
put_tag(const NestConnection *connection, virDomainPtr domain, const Plan *plan,
        const char *element, GError **error)
{
    NestDefinition *done = NULL;

    if (element && (!remove_tags(domain, plan->before, TRUE, error) ||
                    !write_tag_metadata(domain, element, NEST_TAG_NAMESPACE, error)))
        return NULL;
    done = nest_correct_domain(&connection->corrector, domain, error);
    if (!done) { /* the tag becomes what it was before, or none */
        g_autofree gchar *had = plan->tagged      ? nest_tag_format(&plan->had)
                                : plan->forbidden ? g_strdup(FORBIDDEN)
                                                  : NULL;

        write_tag_metadata(domain, had, NEST_TAG_NAMESPACE, NULL);
    }
    return done;
}

static gboolean
enable_domain(const NestConnection *connection, virDomainPtr domain, gpointer options,
              GError **error)
{
    g_auto(Plan) plan = {0};
    g_autoptr(NestDefinition) done = NULL;
    g_autofree gchar *element = NULL;

    if (!plan_enable(&plan, connection, domain, options, error))
        return FALSE;
    if (connection->changes->dry_run) {
        print_enabled(connection, domain, &plan, NULL);
        return TRUE;
    }
    element = nest_tag_format(&plan.tag);
    done = put_tag(connection, domain, &plan, is_same_tag(&plan) ? NULL : element, error);
    if (done)
        print_enabled(connection, domain, &plan, done);
    return done != NULL;
}

/* (transfer full) Says that the guest sees the feature even without a tag, because its CPU passes through the host's;
 * "" if it does not. */
static gchar *
describe_exposed(const NestConnection *connection, const Plan *plan)
{
    const char *text = plan->definition->xml;
    g_autoptr(NestDomainXml) xml = text ? nest_domain_xml_parse(text, strlen(text), NULL) : NULL;
    const NestDomainXml *now = xml ? xml : plan->before;
    const NestCpuVendor *vendor = nest_cpu_feature_vendor(now, connection->host.vendor, NULL);
    g_autofree gchar *cpu = nest_cpu_describe(now);
    g_autofree gchar *name = nest_domain_xml_shell_name(plan->before);

    if (!vendor || !nest_cpu_passes_feature(now, vendor))
        return g_strdup("");
    return g_strdup_printf(
        "; its CPU (%s) shows the guest %s all the same%s: virt-nest disable --forbid %s keeps it off",
        cpu, vendor->feature, nest_cpu_is_kvm(now) ? " where the host's nesting is on" : "", name);
}

static void
print_disabled(const NestConnection *connection, virDomainPtr domain, const Plan *plan,
               const NestDefinition *done)
{
    const NestWish *wish =
        &plan->definition->wish; /* that of a rule or the policy may forbid it still */
    g_autofree gchar *exposed = describe_exposed(connection, plan);
    g_autofree gchar *changes = nest_definition_describe(plan->definition);
    gboolean lags = *changes && (virDomainIsActive(domain) == 1 ||
                                 virDomainHasManagedSaveImage(domain, 0) == 1);
    g_autofree gchar *what = g_strdup_printf(
        "%s%s%s%s",
        *changes          ? changes
        : plan->mentioned ? "no longer tagged"
                          : "not tagged",
        wish->kind == NEST_WISH_DISABLE && wish->by != NEST_WISH_BY_TAG
            ? "; it is still kept from nesting: [untagged] policy=disable"
            : "",
        lags ? "; the guest keeps the CPU it has until it is stopped and started again" : "",
        exposed);

    nest_changes_print(connection, domain, plan->mentioned || is_changed(plan, done), what, NULL);
}

static void
print_forbidden(const NestConnection *connection, virDomainPtr domain, const Plan *plan,
                const NestDefinition *done)
{
    g_autofree gchar *changes = nest_definition_describe(plan->definition);
    g_autofree gchar *pending = done ? nest_report_pending(connection, domain) : NULL;
    g_autofree gchar *what = g_strdup_printf(
        "%s%s%s%s%s", plan->forbidden ? "forbidden to nest already" : "forbidden to nest",
        *changes ? "; " : "; its CPU stays as it is", changes, pending ? "; " : "",
        pending ? pending : "");

    nest_changes_print(connection, domain, !plan->forbidden || is_changed(plan, done), what, NULL);
}

/* disable --forbid: the tag is <nest:disable/>. */
static gboolean
forbid_domain(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    g_auto(Plan) plan = {0};
    g_autoptr(NestDefinition) done = NULL;

    (void)data;
    if (!nest_connection_check_policy(connection, error) ||
        !nest_connection_check_persistent(domain, error) || !read_plan(&plan, domain, error) ||
        !plan_definition(&plan, connection, "<nest:disable xmlns:nest='" NEST_TAG_NAMESPACE "'/>",
                         error))
        return FALSE;
    if (connection->changes->dry_run) {
        print_forbidden(connection, domain, &plan, NULL);
        return TRUE;
    }
    done = put_tag(connection, domain, &plan, plan.forbidden ? NULL : FORBIDDEN, error);
    if (done)
        print_forbidden(connection, domain, &plan, done);
    return done != NULL;
}

/* Removes a malformed tag, too. Even without a tag there may still be a correction to undo. */
static gboolean
disable_domain(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    g_auto(Plan) plan = {0};
    g_autoptr(NestDefinition) done = NULL;

    (void)data;
    if (!nest_connection_check_policy(connection, error) ||
        !nest_connection_check_persistent(domain, error) || !read_plan(&plan, domain, error) ||
        !plan_definition(&plan, connection, NULL, error))
        return FALSE;
    if (connection->changes->dry_run) {
        print_disabled(connection, domain, &plan, NULL);
        return TRUE;
    }
    done = remove_tags(domain, plan.before, FALSE, error)
               ? nest_correct_domain(&connection->corrector, domain, error)
               : NULL;
    if (done)
        print_disabled(connection, domain, &plan, done);
    return done != NULL;
}

static int
change_named_domains(NestCall *call, NestChanges *changes, NestConnectionVisit visit, gpointer data)
{
    g_autoptr(NestConnection) connection = NULL;
    GError *error = NULL;

    if (!*call->arguments)
        return nest_command_misused(call, "name one or more domains");
    connection = nest_connection_open_for(call, NEST_CONNECTION_TO_CHANGE, &error);
    if (!connection)
        return nest_command_fail(error);
    return nest_changes_visit(connection, changes, call->arguments, visit, data);
}

int
nest_tag_commands_enable(NestCall *call)
{
    NestChanges changes = {0};
    const GOptionEntry others[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &changes.json, NEST_CHANGES_JSON_HELP, NULL},
        {"dry-run", 0, 0, G_OPTION_ARG_NONE, &changes.dry_run, NEST_CHANGES_DRY_RUN_HELP, NULL},
        G_OPTION_ENTRY_NULL};
    g_auto(NestTagOptions) options = nest_tag_options_new(others);
    NestTag tag = NEST_TAG_DEFAULT;
    GError *error = NULL;
    int status = NEST_EXIT_DONE;

    if (!nest_command_parse(call, options.entries, &status))
        return status;
    if (!nest_tag_options_set(&options, &tag, &error))
        return nest_command_fail(error);
    return change_named_domains(call, &changes, enable_domain, &options);
}

int
nest_tag_commands_disable(NestCall *call)
{
    NestChanges changes = {0};
    gboolean forbid = FALSE;
    const GOptionEntry options[] = {
        {"forbid", 0, 0, G_OPTION_ARG_NONE, &forbid,
         "give the guest neither vmx nor svm, whatever its CPU (<nest:disable/>)", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &changes.json, NEST_CHANGES_JSON_HELP, NULL},
        {"dry-run", 0, 0, G_OPTION_ARG_NONE, &changes.dry_run, NEST_CHANGES_DRY_RUN_HELP, NULL},
        G_OPTION_ENTRY_NULL,
    };
    int status = NEST_EXIT_DONE;

    if (!nest_command_parse(call, options, &status))
        return status;
    return change_named_domains(call, &changes, forbid ? forbid_domain : disable_domain, NULL);
}
