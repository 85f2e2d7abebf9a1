/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onDefineDomain, as KubeVirt's sidecar-shim runs it before it defines a VMI's domain:
 *
 *   onDefineDomain --vmi JSON --domain XML
 *
 * The VMI's annotations say what is wanted, and standard output is the domain's XML with it. KubeVirt keeps <cpu>, and may
 * drop the tag, which it does not know. A non-zero status fails the VMI's start; standard error has the reason. There is
 * neither virtnestd nor our hook in the pod, so this program alone judges the node. */
#include "manager.h"

#include "base/error.h"
#include "domain/cpu.h"
#include "host/kvm_module.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

static const NestAskedWords words = {
    .kind = "annotation", .enable = "virt-nest.io/enable", .prefix = "virt-nest.io/"};

/* The command line, and what is read of it. */
typedef struct {
    gchar *vmi;       /* JSON */
    gchar *domain;    /* XML */
    gchar *name;      /* the VMI's, with its namespace */
    NestAsked *asked; /* what its annotations ask for */
} Call;

static void
call_clear(Call *call)
{
    g_free(call->vmi);
    g_free(call->domain);
    g_free(call->name);
    nest_asked_free(call->asked);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Call, call_clear)

static gboolean
read_call(Call *call, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"vmi", 0, 0, G_OPTION_ARG_FILENAME, &call->vmi, "the VMI", "JSON"},
        {"domain", 0, 0, G_OPTION_ARG_FILENAME, &call->domain, "its domain", "XML"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- give a VMI's domain nested guests");
    g_autoptr(GError) problem = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (g_option_context_parse(context, &argc, &argv, &problem) && argc == 1 && call->vmi &&
        call->domain)
        return TRUE;
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_USAGE,
        "onDefineDomain takes --vmi JSON and --domain XML, as KubeVirt's sidecar-shim calls it%s%s",
        problem ? ": " : "", problem ? problem->message : "");
    return FALSE;
}

static gboolean
is_text(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

static const char *
text_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return is_text(node) ? json_node_get_string(node) : "?";
}

/* (nullable) A member that is an object. */
static JsonObject *
object_of(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static gboolean
add_annotations(NestAsked *asked, JsonObject *annotations, GError **error)
{
    JsonObjectIter i;
    const gchar *name = NULL;
    JsonNode *value = NULL;

    json_object_iter_init(&i, annotations);
    while (json_object_iter_next(&i, &name, &value))
        if (!nest_asked_add(asked, name, is_text(value) ? json_node_get_string(value) : NULL,
                            error))
            return FALSE;
    return TRUE;
}

static gboolean
read_metadata(Call *call, JsonObject *metadata, GError **error)
{
    JsonObject *annotations = object_of(metadata, "annotations");

    if (metadata)
        call->name =
            g_strdup_printf("%s/%s", text_of(metadata, "namespace"), text_of(metadata, "name"));
    call->asked = nest_asked_new(&words);
    return !annotations || add_annotations(call->asked, annotations, error);
}

static gboolean
read_vmi(Call *call, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) problem = NULL;
    JsonNode *root = NULL;

    if (json_parser_load_from_data(parser, call->vmi, -1, &problem))
        root = json_parser_get_root(parser);
    if (root && JSON_NODE_HOLDS_OBJECT(root))
        return read_metadata(call, object_of(json_node_get_object(root), "metadata"), error);
    g_set_error(error, NEST_ERROR, NEST_ERROR_USAGE,
                "--vmi is not the JSON of a VMI%s%s: give it as KubeVirt does", problem ? ": " : "",
                problem ? problem->message : "");
    return FALSE;
}

/* A VMI can go to another node. /dev/kvm is not asked for, as only the container of the domain has it. */
static gboolean
check_node(const NestDomainXml *xml, GError **error)
{
    NestKvmModule node = nest_kvm_module_read();

    node.device = TRUE;
    if (!nest_cpu_is_kvm(xml) || nest_kvm_module_can_nest(&node))
        return TRUE;
    if (node.state == NEST_KVM_NO_HARDWARE)
        return nest_kvm_module_check(&node, error);
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_OFF,
        "nesting is off in %s of this node (%s): run virt-nest host enable on the node, or choose nodes "
        "that nest (nodeSelector)",
        node.vendor->module, nest_kvm_state_name(node.state));
    return FALSE;
}

/* (transfer full) The domain's XML; as it is, if the VMI asks for nothing. */
static gchar *
rewrite(Call *call, GError **error)
{
    gboolean enabled = FALSE;

    if (!read_vmi(call, error) || !nest_asked_is_enabled(call->asked, &enabled, error))
        return NULL;
    return enabled ? nest_manager_rewrite(call->asked, call->name, call->domain, check_node, error)
                   : g_strdup(call->domain);
}

static gboolean
print(const char *text, GError **error)
{
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "cannot write the output: %s", g_strerror(errno));
    return FALSE;
}

int
main(int argc, char **argv)
{
    g_auto(Call) call = {0};
    g_autofree gchar *text = NULL;
    GError *error = NULL;

    nest_manager_begin("start domain", "of a VMI");
    text = read_call(&call, argc, argv, &error) ? rewrite(&call, &error) : NULL;
    return text && print(text, &error) ? 0 : nest_manager_fail(call.name, error, 1);
}
