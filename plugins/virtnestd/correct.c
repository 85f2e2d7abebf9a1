/* The correction of a domain's persistent definition through libvirt, without losing anything. */
#include "virtnestd/correct.h"

#include "error.h"
#include "kvm_module.h"
#include "tag.h"

#include <string.h>

/* How often somebody else may be faster before we say so; each time is one more edit of theirs. */
#define MAX_TRIES 20

/* What became of one try; GONE: it has no persistent definition any more, and none was left. */
typedef enum { TRY_DONE, TRY_DEFINED, TRY_AGAIN, TRY_GONE, TRY_FAILED } Try;

static NestDefinition *
work_out(const char *xml, GError **error)
{
    NestKvmModule module = nest_kvm_module_read();

    return nest_definition_correct(xml, module.platform, nest_kvm_module_check(&module, NULL), error);
}

/* Whether what libvirt has now is what our define wrote and nobody's after it. */
static gboolean
is_still_ours(virDomainPtr domain, const NestDefinition *definition)
{
    g_autofree gchar *now = nest_virt_read_inactive(domain, NULL);

    return now && definition->write && strstr(now, definition->write);
}

/* Our define made the domain anew: takes back the definition, and nothing beside it. */
static void
undefine_again(virDomainPtr domain)
{
    if (virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_KEEP_NVRAM |
                                           VIR_DOMAIN_UNDEFINE_KEEP_TPM) < 0)
        virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_KEEP_NVRAM);
}

/* The second look and the define, close together: the window is between them. */
static Try
define_if_unchanged(virDomainPtr domain, const char *expected, const char *wanted, GError **error)
{
    g_autofree gchar *now = NULL;
    g_autoptr(virDomain) defined = NULL;
    int persistent = virDomainIsPersistent(domain);

    if (persistent == 0 || (persistent < 0 && nest_virt_domain_is_gone()))
        return TRY_GONE;
    now = nest_virt_read_inactive(domain, error);
    if (!now)
        return TRY_FAILED;
    if (!g_str_equal(now, expected))
        return TRY_AGAIN;
    defined = virDomainDefineXMLFlags(virDomainGetConnect(domain), wanted, 0);
    if (defined)
        return TRY_DEFINED;
    nest_virt_error(error, "libvirt refused the corrected definition, the old one stays");
    return TRY_FAILED;
}

static Try
redefine(const NestCorrector *corrector, virDomainPtr domain, const char *expected,
         const NestDefinition *definition, GError **error)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);
    Try outcome = TRY_FAILED;
    NestCameBack came_back = NEST_CAME_BACK_NO;

    nest_watch_begin(corrector->watch, uuid);
    outcome = define_if_unchanged(domain, expected, definition->xml, error);
    came_back = nest_watch_end(corrector->watch, corrector->control, uuid);
    if (outcome != TRY_DEFINED)
        return outcome;
    if (came_back == NEST_CAME_BACK_NO ||
        (came_back == NEST_CAME_BACK_PERHAPS && !is_still_ours(domain, definition)))
        return TRY_DONE;
    undefine_again(domain);
    return TRY_GONE;
}

/* One round of reading, working out and defining. */
static Try
try_once(const NestCorrector *corrector, virDomainPtr domain, NestDefinition **ret_definition,
         GError **error)
{
    g_autofree gchar *xml = nest_virt_read_inactive(domain, error);
    g_autoptr(NestDefinition) definition = NULL;
    Try outcome = TRY_DONE;

    if (!xml)
        return TRY_FAILED;
    if (!nest_tag_is_mentioned(xml, strlen(xml)))
        definition = nest_definition_unchanged();
    else
        definition = work_out(xml, error);
    if (!definition)
        return TRY_FAILED;
    if (definition->action != NEST_DEFINITION_UNCHANGED)
        outcome = redefine(corrector, domain, xml, definition, error);
    if (outcome == TRY_DONE)
        *ret_definition = g_steal_pointer(&definition);
    return outcome;
}

NestDefinition *
nest_correct_domain(const NestCorrector *corrector, virDomainPtr domain, GError **error)
{
    NestDefinition *definition = NULL;
    Try outcome = TRY_AGAIN;

    if (virDomainIsPersistent(domain) == 0)
        return nest_definition_unchanged();
    for (int i = 0; i < MAX_TRIES && outcome == TRY_AGAIN; i++)
        outcome = try_once(corrector, domain, &definition, error);
    if (outcome == TRY_GONE)
        return nest_definition_unchanged();
    if (outcome == TRY_AGAIN)
        g_set_error(error, NEST_ERROR, NEST_ERROR_LIBVIRT,
                    "somebody else keeps changing the definition (%d times in a row): it was left "
                    "alone; run virt-nest apply when they are done", MAX_TRIES);
    return definition;
}

gchar *
nest_correct_describe(const NestDefinition *definition)
{
    g_autofree gchar *changes = NULL;

    if (definition->action == NEST_DEFINITION_UNCHANGED)
        return NULL;
    g_ptr_array_add(definition->changes, NULL);
    changes = g_strjoinv("; ", (gchar **)definition->changes->pdata);
    g_ptr_array_remove_index(definition->changes, definition->changes->len - 1);
    return g_strdup_printf("definition corrected: %s", changes);
}
