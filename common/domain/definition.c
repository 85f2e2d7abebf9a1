/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Corrects a whole persistent definition (CPU, record and live status): XML text goes in, XML text comes
 * out. */
#include "domain/definition.h"

#include "domain/allow.h"
#include "domain/cpu.h"
#include "domain/cpu_remarks.h"
#include "domain/cpu_rewrite.h"
#include "domain/state.h"

#include <string.h>

NestDefinition *
nest_definition_unchanged(void)
{
    NestDefinition *definition = g_new0(NestDefinition, 1);

    definition->changes = g_ptr_array_new_with_free_func(g_free);
    definition->remarks = g_ptr_array_new_with_free_func(g_free);
    definition->wish = NEST_WISH_NONE;
    return definition;
}

void
nest_definition_free(NestDefinition *definition)
{
    if (!definition)
        return;
    g_free(definition->xml);
    g_free(definition->record_id);
    g_clear_pointer(&definition->changes, g_ptr_array_unref);
    g_clear_pointer(&definition->remarks, g_ptr_array_unref);
    g_free(definition);
}

gchar *
nest_definition_describe(const NestDefinition *definition)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < definition->changes->len; i++)
        g_string_append_printf(text, "%s%s", i ? "; " : "",
                               (const char *)g_ptr_array_index(definition->changes, i));
    return g_string_free(text, FALSE);
}

gchar *
nest_definition_describe_remarks(const NestDefinition *definition)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < definition->remarks->len; i++)
        g_string_append_printf(text, "; %s%s", i ? "" : "but ",
                               (const char *)g_ptr_array_index(definition->remarks, i));
    return g_string_free(text, FALSE);
}

/* The canonical form of a <cpu> that is given as text: equal CPUs have equal canonical forms. */
static gchar *
cpu_text_canonical(const char *cpu)
{
    g_autofree gchar *document = g_strdup_printf("<domain>%s</domain>", cpu);
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(document, strlen(document), NULL);
    xmlNode *element = xml ? nest_domain_xml_cpu(xml) : NULL;

    return element ? nest_xml_canonical(element) : g_strdup("");
}

/* Replaces the document's element by @state's, or takes it out where @state is empty. */
static void
write_state(NestDomainXml *xml, const NestState *state)
{
    xmlNode *element = nest_state_element(xml);
    g_autofree gchar *text = nest_state_is_empty(state) ? NULL : nest_state_format(state, TRUE);

    if (element)
        nest_domain_xml_replace(xml, element, text);
    else if (text)
        nest_domain_xml_add_metadata(xml, text);
}

/* The correction of one definition, in progress. */
typedef struct {
    NestDomainXml *xml;         /* the definition as it is */
    gchar *cpu;                 /* its <cpu>, canonical; "" where it has none */
    NestState *state;           /* its record; no live status belongs into a definition */
    gboolean untouched;         /* nobody changed the <cpu> since it was corrected */
    NestDomainXml *restored;    /* with the <cpu> from before the correction, where @untouched */
    NestDefinition *definition; /* the outcome */
} Work;

static void
work_clear(Work *work)
{
    nest_domain_xml_free(work->xml);
    nest_domain_xml_free(work->restored);
    nest_state_free(work->state);
    g_free(work->cpu);
    nest_definition_free(work->definition);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Work, work_clear)

static gchar *
cpu_source(const NestDomainXml *xml)
{
    xmlNode *cpu = nest_domain_xml_cpu(xml);

    return cpu ? nest_domain_xml_source(xml, cpu) : g_strdup("");
}

/* Works from the <cpu>'s text, as for the record's <cpu>. So a prefix that only the document declares is
 * treated in the same way in both. */
static gchar *
cpu_canonical(const NestDomainXml *xml)
{
    g_autofree gchar *cpu = cpu_source(xml);

    return cpu_text_canonical(cpu);
}

/* Reads the record of a definition, and drops a live status, which does not belong into a definition. */
static void
read_definition_record(Work *work)
{
    NestDefinition *definition = work->definition;

    work->state = nest_state_read(work->xml);
    if (work->state->has_live || nest_allow_element(work->xml)) {
        nest_live_status_clear(&work->state->live);
        g_ptr_array_add(definition->changes,
                        g_strdup("what virt-nest wrote for a running domain is removed"));
        definition->action = NEST_DEFINITION_SCRUBBED;
    }
}

/* Returns the definition with its <cpu> from before the correction. */
static NestDomainXml *
restore(const Work *work, GError **error)
{
    const char *original = work->state->record.original;
    g_autofree gchar *text = NULL;

    nest_domain_xml_replace(work->xml, nest_domain_xml_cpu(work->xml), *original ? original : NULL);
    text = nest_domain_xml_text(work->xml);
    return nest_domain_xml_parse(text, strlen(text), error);
}

/* Undoes an earlier correction, in memory only. So the outcome depends only on the original and the
 * present tag, not on what the tag asked for before. */
static gboolean
find_base(Work *work, GError **error)
{
    g_autofree gchar *applied =
        work->state->record.original ? cpu_text_canonical(work->state->record.applied) : NULL;

    work->cpu = cpu_canonical(work->xml);
    work->untouched = applied && *work->cpu && g_str_equal(work->cpu, applied);
    if (work->untouched)
        work->restored = restore(work, error);
    return !work->untouched || work->restored;
}

/* The document from which the outcome is made. */
static NestDomainXml *
base(const Work *work)
{
    return work->untouched ? work->restored : work->xml;
}

/* Makes the outcome, which is the base with the record in it, if there is anything to do at all. */
static void
finish_definition(const Work *work)
{
    const xmlNode *allow = nest_allow_element(base(work));

    if (work->definition->action == NEST_DEFINITION_UNCHANGED)
        return;
    if (allow)
        nest_domain_xml_replace(base(work), allow, NULL);
    if (!work->state->is_unreadable)
        write_state(base(work), work->state);
    else
        nest_state_remove_live(base(work));
    work->definition->xml = nest_domain_xml_text(base(work));
}

/* A record that cannot be read is neither followed nor replaced. If something was scrubbed, that is written now, and
 * the next correction reports the record. */
static gboolean
leave_record(const Work *work, GError **error)
{
    return work->definition->action == NEST_DEFINITION_SCRUBBED ||
           nest_state_check(work->state, error);
}

/* The record does not say who asked for the correction. The corrected CPU shows whether it was to give or to withhold the
 * feature. */
static const char *
why_undone(const Work *work)
{
    xmlNode *feature = nest_cpu_find_feature(nest_domain_xml_cpu(work->xml), nest_cpu_features[0]);

    if (work->definition->wish.kind == NEST_WISH_ENABLE)
        return "this host cannot nest and the tag says required='no'";
    return nest_cpu_withholds(feature) ? "nothing keeps vmx and svm off any more"
                                       : "the tag is gone";
}

/* Handles a tag that is gone, or that this host cannot follow: the outcome is the base. */
static gboolean
undo(Work *work, GError **error)
{
    NestDefinition *definition = work->definition;
    const char *why = why_undone(work);

    if (!work->state->record.original)
        return leave_record(work, error);
    definition->action = work->untouched ? NEST_DEFINITION_RESTORED : NEST_DEFINITION_RELEASED;
    g_ptr_array_add(definition->changes,
                    g_strconcat(why,
                                work->untouched
                                    ? ": the CPU from before the correction is restored"
                                    : ", but somebody changed the CPU since the correction: "
                                      "it is left as it is",
                                NULL));
    nest_record_clear(&work->state->record);
    return TRUE;
}

/* @cpu: (nullable) the new <cpu>; NULL: the <cpu> of the base is put back. */
static void
record_correction(Work *work, const char *cpu)
{
    g_autofree gchar *uuid = g_uuid_string_random();
    g_auto(GStrv) parts = g_strsplit(uuid, "-", -1);
    gchar *original = cpu_source(base(work));
    gchar *id = g_strjoinv("", parts); /* a nonce: only what we wrote has it */

    nest_record_replace(&work->state->record, original, g_strdup(cpu ? cpu : original), id);
    work->definition->action = NEST_DEFINITION_CORRECTED;
    work->definition->record_id = g_strdup(id);
}

/* The base fits the tag without a change. If it has no <cpu>, libvirt's default, there is nothing to record. */
static void
put_back(Work *work)
{
    NestDefinition *definition = work->definition;

    g_ptr_array_add(definition->changes, g_strdup("the CPU from before the correction is restored: "
                                                  "it fits the tag as it is now"));
    if (nest_domain_xml_cpu(base(work))) {
        record_correction(work, NULL);
    } else {
        nest_record_clear(&work->state->record);
        definition->action = NEST_DEFINITION_RESTORED;
    }
}

static gboolean
work_out_cpu(const Work *work, const NestCpuVendor *host, GPtrArray *changes, gchar **ret_cpu,
             GError **error)
{
    const NestWish *wish = &work->definition->wish;

    if (wish->kind == NEST_WISH_ENABLE)
        return nest_cpu_rewrite_work_out(base(work), &wish->tag, host, changes, ret_cpu, error);
    nest_cpu_rewrite_off_work_out(base(work), changes, ret_cpu);
    return TRUE;
}

/* Rewrites the base. If that gives the CPU that the definition has, there is nothing to do. */
static gboolean
correct_cpu(Work *work, const NestCpuVendor *host, GError **error)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    g_autofree gchar *cpu = NULL;
    g_autofree gchar *wanted = NULL;

    if (!work_out_cpu(work, host, changes, &cpu, error))
        return FALSE;
    wanted = cpu ? cpu_text_canonical(cpu) : cpu_canonical(base(work));
    if (work->state->is_unreadable && !g_str_equal(wanted, work->cpu))
        return leave_record(work, error);
    if (cpu)
        nest_cpu_rewrite_put(base(work), cpu);
    if (g_str_equal(wanted, work->cpu))
        return TRUE;
    if (cpu)
        record_correction(work, cpu);
    else
        put_back(work);
    g_ptr_array_extend_and_steal(work->definition->changes, g_steal_pointer(&changes));
    return TRUE;
}

/* Looks at the outcome. If there is none, the document is right as it is. */
static void
add_remarks(const Work *work, const NestCpuVendor *host)
{
    NestDefinition *definition = work->definition;
    g_autoptr(NestDomainXml) outcome =
        definition->xml ? nest_domain_xml_parse(definition->xml, strlen(definition->xml), NULL)
                        : NULL;
    const NestCpuVendor *vendor = nest_cpu_feature_vendor(work->xml, host, NULL);

    if (!vendor)
        return;
    g_ptr_array_unref(definition->remarks);
    definition->remarks = nest_cpu_remarks(outcome ? outcome : work->xml, vendor);
}

NestDefinition *
nest_definition_correct(const char *text, const NestCpuVendor *host, const NestPolicy *policy,
                        gboolean kvm_can_nest, GError **error)
{
    g_auto(Work) work = {0};
    const NestWish *wish = NULL;
    gboolean wanted = FALSE;

    work.definition = nest_definition_unchanged();
    work.xml = nest_domain_xml_parse(text, strlen(text), error);
    wish = &work.definition->wish;
    if (!work.xml || !nest_wish_read(work.xml, policy, &work.definition->wish, error))
        return NULL;
    work.definition->needs_kvm = wish->kind == NEST_WISH_ENABLE && nest_cpu_is_kvm(work.xml);
    read_definition_record(&work);
    if (!find_base(&work, error))
        return NULL;
    wanted = wish->kind == NEST_WISH_DISABLE ||
             (wish->kind == NEST_WISH_ENABLE &&
              (wish->tag.required || kvm_can_nest || !work.definition->needs_kvm));
    if (wish->kind == NEST_WISH_UNDECIDED)
        return g_steal_pointer(&work.definition);
    if (wanted ? !correct_cpu(&work, host, error) : !undo(&work, error))
        return NULL;
    finish_definition(&work);
    if (wanted && wish->kind == NEST_WISH_ENABLE)
        add_remarks(&work, host);
    return g_steal_pointer(&work.definition);
}
