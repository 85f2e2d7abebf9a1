/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onDefineDomain, as KubeVirt's sidecar-shim runs it before it defines a VMI's domain:
 *
 *   onDefineDomain --vmi JSON --domain XML
 *
 * The VMI's annotations say what is wanted. Standard output gets the domain's XML with it. KubeVirt keeps <cpu>, and may
 * drop the tag, which it does not know. A non-zero status fails the VMI's start; standard error has the reason. There is
 * neither virtnestd nor our hook in the pod, so this program alone judges the node. */
#include "manager.h"
#include "vmi_domain.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>

/* The command line. */
typedef struct {
    gchar *vmi;    /* JSON */
    gchar *domain; /* XML */
} Call;

static void
kubevirt_call_clear(Call *call)
{
    g_free(call->vmi);
    g_free(call->domain);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Call, kubevirt_call_clear)

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

int
main(int argc, char **argv)
{
    g_auto(Call) call = {0};
    g_auto(NestVmi) vmi = {0};
    g_autofree gchar *text = NULL;
    GError *error = NULL;

    nest_manager_begin("start domain", "of a VMI");
    if (read_call(&call, argc, argv, &error))
        text = nest_vmi_domain_rewrite(&vmi, call.vmi, -1, call.domain, &error);
    if (text && fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return 0;
    if (text)
        g_set_error(&error, NEST_ERROR, NEST_ERROR_IO, "cannot write the output: %s",
                    g_strerror(errno));
    return nest_manager_fail(vmi.name, error, 1);
}
