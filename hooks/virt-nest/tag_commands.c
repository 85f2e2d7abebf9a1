/* virt-nest enable and disable: the tag in the definition's metadata, and at once what follows from it. */
#include "report.h"

#include "cpu.h"
#include "error.h"

#include <stdio.h>
#include <string.h>

/* What the options of `enable` say; NULL: nothing. In the order of the tag's attributes. */
typedef struct {
    gchar *cpu;
    gchar *migration;
    gchar *required;
} Options;

static void
options_clear(Options *options)
{
    g_free(options->cpu);
    g_free(options->migration);
    g_free(options->required);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* What `enable` is about to do with one domain. */
typedef struct {
    NestDomainXml *before;      /* its definition as it is */
    gboolean tagged;            /* it has a well-formed tag */
    NestTag had;                /* which */
    NestTag tag;                /* the one it shall have */
    NestDefinition *definition; /* what follows from that */
} Plan;

static void
plan_clear(Plan *plan)
{
    nest_domain_xml_free(plan->before);
    nest_definition_free(plan->definition);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_clear)

static gboolean
set_options(NestTag *tag, const Options *options, GError **error)
{
    return (!options->cpu || nest_tag_set(tag, "cpu", options->cpu, error)) &&
           (!options->migration || nest_tag_set(tag, "migration", options->migration, error)) &&
           (!options->required || nest_tag_set(tag, "required", options->required, error));
}

static NestDomainXml *
read_definition(virDomainPtr domain, GError **error)
{
    g_autofree gchar *text = nest_virt_read_inactive(domain, error);

    return text ? nest_domain_xml_parse(text, strlen(text), error) : NULL;
}

static gboolean
is_tag(const xmlNode *element)
{
    return nest_xml_in_namespace(element, NEST_TAG_NAMESPACE);
}

/* The tag as it stands in a document. */
static gchar *
tag_element(const NestTag *tag)
{
    g_autofree gchar *bare = nest_tag_format(tag);

    return g_strdup_printf("<nest:enable xmlns:nest='" NEST_TAG_NAMESPACE "'%s", bare + strlen("<enable"));
}

/* Puts a new element into the metadata, which may not be there yet. */
static void
add_to_metadata(NestDomainXml *xml, const char *element)
{
    xmlNode *root = nest_domain_xml_root(xml);
    xmlNode *metadata = nest_xml_child(root, "metadata");
    g_autofree gchar *whole = g_strdup_printf("<metadata>%s</metadata>", element);

    if (!metadata)
        nest_domain_xml_insert_before(xml, nest_xml_next_element(root->children), whole);
    else if (nest_xml_next_element(metadata->children))
        nest_domain_xml_append(xml, metadata, element);
    else
        nest_domain_xml_replace(xml, metadata, whole);
}

/* The definition with the tag in it, in memory: what libvirt will have once the tag is written. */
static gchar *
with_tag(NestDomainXml *xml, const NestTag *tag)
{
    g_autofree gchar *element = tag_element(tag);
    xmlNode *metadata = nest_xml_child(nest_domain_xml_root(xml), "metadata");
    xmlNode *misplaced = nest_tag_misplaced(xml);
    gboolean there = FALSE;

    for (xmlNode *child = metadata ? nest_xml_next_element(metadata->children) : NULL; child;
         child = nest_xml_next_element(child->next)) {
        if (!is_tag(child) && child != misplaced)
            continue;
        nest_domain_xml_replace(xml, child, there ? NULL : element);
        there = TRUE;
    }
    if (!there)
        add_to_metadata(xml, element);
    return nest_domain_xml_text(xml);
}

/* Works out in memory what will follow, so that what cannot be is refused before anything is written.
 * A tag that is not well formed counts as none: it is replaced. */
static gboolean
make_plan(Plan *plan, const NestConnection *connection, virDomainPtr domain, const Options *options,
          GError **error)
{
    g_autofree gchar *text = NULL;

    plan->before = read_definition(domain, error);
    if (!plan->before)
        return FALSE;
    if (!nest_tag_read(plan->before, &plan->tagged, &plan->had, NULL))
        plan->tagged = FALSE;
    plan->tag = plan->tagged ? plan->had : NEST_TAG_DEFAULT;
    if (!set_options(&plan->tag, options, error))
        return FALSE;
    text = with_tag(plan->before, &plan->tag);
    plan->definition = nest_definition_correct(text, connection->host.platform,
                                               nest_connection_can_nest(connection), error);
    return plan->definition != NULL;
}

/* @element: NULL takes it out. */
static gboolean
write_metadata(virDomainPtr domain, const char *element, const char *uri, GError **error)
{
    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, element, element ? "nest" : NULL, uri,
                             VIR_DOMAIN_AFFECT_CONFIG) == 0)
        return TRUE;
    return nest_virt_error(error, element ? "cannot write the tag" : "cannot take the tag out");
}

/* libvirt keeps one element a namespace, so taking out the namespace takes out just that element. */
static gboolean
remove_misplaced(virDomainPtr domain, const NestDomainXml *xml, GError **error)
{
    const xmlNode *misplaced = nest_tag_misplaced(xml);

    return !misplaced || !misplaced->ns ||
           write_metadata(domain, NULL, (const char *)misplaced->ns->href, error);
}

static gboolean
write_tag(virDomainPtr domain, const Plan *plan, GError **error)
{
    g_autofree gchar *element = nest_tag_format(&plan->tag);
    g_autofree gchar *had = nest_tag_format(&plan->had);

    if (plan->tagged && g_str_equal(element, had))
        return TRUE;
    return remove_misplaced(domain, plan->before, error) &&
           write_metadata(domain, element, NEST_TAG_NAMESPACE, error);
}

/* An enable that fails in the end leaves no tag behind that was not there. */
static void
take_back(virDomainPtr domain, const Plan *plan)
{
    g_autofree gchar *had = plan->tagged ? nest_tag_format(&plan->had) : NULL;

    write_metadata(domain, had, NEST_TAG_NAMESPACE, NULL);
}

static gchar *
join(const GPtrArray *sentences)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < sentences->len; i++)
        g_string_append_printf(text, "%s%s", i ? "; " : "", (const char *)g_ptr_array_index(sentences, i));
    return g_string_free(text, FALSE);
}

/* What was done to the CPU: told from the plan, as virtnestd may have been the one who did it. */
static gchar *
describe_cpu(const Plan *plan)
{
    g_autofree gchar *cpu = NULL;

    if (plan->definition->changes->len > 0)
        return join(plan->definition->changes);
    cpu = nest_cpu_describe(plan->before);
    return g_strdup_printf("its CPU stays as it is (%s)", cpu);
}

/* A host that cannot nest yet is no reason to refuse the tag: it can be made ready before the start. */
static void
warn_of_host(const NestConnection *connection, virDomainPtr domain, const Plan *plan)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *text = NULL;

    if (!nest_cpu_is_kvm(plan->before) || nest_kvm_module_check(&connection->host, &error))
        return;
    g_prefix_error(&error, "%s: warning: it is tagged, but cannot have nested guests now%s: ",
                   virDomainGetName(domain), plan->tag.required ? " and will not start" : "");
    text = nest_error_text(error);
    fprintf(stderr, "%s\n", text);
}

static void
tell_enabled(const NestConnection *connection, virDomainPtr domain, const Plan *plan)
{
    g_autofree gchar *cpu = describe_cpu(plan);
    g_autofree gchar *pending = nest_report_pending(connection, domain);

    printf("%s: tagged; %s%s%s\n", virDomainGetName(domain), cpu, pending ? "; " : "",
           pending ? pending : "");
    warn_of_host(connection, domain, plan);
}

static gboolean
enable(const NestConnection *connection, virDomainPtr domain, gpointer options, GError **error)
{
    g_auto(Plan) plan = {0};
    g_autoptr(NestDefinition) done = NULL;

    if (!nest_connection_check_persistent(domain, error) ||
        !make_plan(&plan, connection, domain, options, error) || !write_tag(domain, &plan, error))
        return FALSE;
    done = nest_correct_domain(&connection->corrector, domain, error);
    if (!done) {
        take_back(domain, &plan);
        return FALSE;
    }
    tell_enabled(connection, domain, &plan);
    return TRUE;
}

static gboolean
is_tagged(const NestDomainXml *xml)
{
    const xmlNode *metadata = nest_xml_child(nest_domain_xml_root(xml), "metadata");

    if (!metadata)
        return FALSE;
    NEST_XML_FOREACH(metadata, child)
        if (is_tag(child))
            return TRUE;
    return FALSE;
}

static void
tell_disabled(virDomainPtr domain, gboolean was_tagged, const NestDefinition *done)
{
    g_autofree gchar *changes = join(done->changes);
    gboolean guest_differs = done->changes->len > 0 && (virDomainIsActive(domain) == 1 ||
                                                        virDomainHasManagedSaveImage(domain, 0) == 1);

    printf("%s: %s%s%s%s\n", virDomainGetName(domain), was_tagged ? "no longer tagged" : "not tagged",
           *changes ? "; " : "", changes,
           guest_differs ? "; the guest keeps the CPU it has until it is stopped and started again" : "");
}

/* Takes out a mistaken tag too. Without any there may still be a correction to undo. */
static gboolean
disable(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    g_autoptr(NestDomainXml) xml = NULL;
    g_autoptr(NestDefinition) done = NULL;
    gboolean tagged = FALSE;
    gboolean misplaced = FALSE;

    (void)data;
    if (!nest_connection_check_persistent(domain, error))
        return FALSE;
    xml = read_definition(domain, error);
    if (!xml)
        return FALSE;
    tagged = is_tagged(xml);
    misplaced = nest_tag_misplaced(xml) != NULL;
    if (!remove_misplaced(domain, xml, error) ||
        (tagged && !write_metadata(domain, NULL, NEST_TAG_NAMESPACE, error)))
        return FALSE;
    done = nest_correct_domain(&connection->corrector, domain, error);
    if (done)
        tell_disabled(domain, tagged || misplaced, done);
    return done != NULL;
}

static int
visit_named(NestCall *call, NestConnectionVisit visit, gpointer data)
{
    g_autoptr(NestConnection) connection = NULL;
    GError *error = NULL;

    if (!*call->arguments)
        return nest_command_misused(call, "name one or more domains");
    connection = nest_connection_open(call->uri, NEST_CONNECTION_TO_CHANGE, &error);
    if (!connection)
        return nest_command_fail(error);
    return nest_connection_visit(connection, call->arguments, visit, data);
}

int
nest_tag_commands_enable(NestCall *call)
{
    g_auto(Options) options = {0};
    NestTag tag = NEST_TAG_DEFAULT;
    GError *error = NULL;
    int status = NEST_EXIT_DONE;
    const GOptionEntry entries[] = {
        {"cpu", 0, 0, G_OPTION_ARG_FILENAME, &options.cpu,
         "how the CPU is rewritten: auto, host-passthrough, host-model or keep", "HOW"},
        {"migration", 0, 0, G_OPTION_ARG_FILENAME, &options.migration,
         "while nested guests run: refuse or allow", "WHAT"},
        {"required", 0, 0, G_OPTION_ARG_FILENAME, &options.required,
         "start only if nesting can be had: yes or no", "YES|NO"},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, entries, &status))
        return status;
    if (!set_options(&tag, &options, &error)) {
        nest_command_fail(error);
        return NEST_EXIT_USAGE;
    }
    return visit_named(call, enable, &options);
}

int
nest_tag_commands_disable(NestCall *call)
{
    const GOptionEntry none[] = {G_OPTION_ENTRY_NULL};
    int status = NEST_EXIT_DONE;

    if (!nest_command_parse(call, none, &status))
        return status;
    return visit_named(call, disable, NULL);
}
