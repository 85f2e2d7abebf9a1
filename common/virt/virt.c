/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's objects and errors in GLib's terms. */
#include "virt/virt.h"

#include "base/error.h"
#include "base/root.h"
#include "domain/definition.h"

#include <libvirt-glib/libvirt-glib.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <unistd.h>

void
nest_virt_list_free(NestDomainList *list)
{
    for (gsize i = 0; list && list[i]; i++)
        virDomainFree(list[i]);
    free(list);
}

static void
be_silent(void *context, virErrorPtr error)
{
    (void)context, (void)error;
}

void
nest_virt_init(void)
{
    virSetErrorFunc(NULL, be_silent);
    gvir_event_register();
}

gboolean
nest_virt_error(GError **error, const char *what)
{
    g_set_error(error, NEST_ERROR, NEST_ERROR_LIBVIRT, "%s: %s", what, virGetLastErrorMessage());
    return FALSE;
}

gboolean
nest_virt_domain_is_gone(void)
{
    return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN;
}

gboolean
nest_virt_has_stopped(virDomainPtr domain)
{
    int active = virDomainIsActive(domain);

    return active == 0 || (active < 0 && nest_virt_domain_is_gone());
}

gchar *
nest_virt_uuid(virDomainPtr domain)
{
    gchar *uuid = g_malloc0(VIR_UUID_STRING_BUFLEN);

    virDomainGetUUIDString(domain, uuid);
    return uuid;
}

gchar *
nest_virt_read_inactive(virDomainPtr domain, GError **error)
{
    char *xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);

    if (!xml)
        nest_virt_error(error, "cannot read the definition");
    return xml; /* libvirt and GLib both allocate with malloc() */
}

/* Whether the URI is @path of the QEMU driver, by any transport on this host. */
static gboolean
is_qemu_at(virConnectPtr libvirt, const char *path)
{
    g_autofree gchar *uri = virConnectGetURI(libvirt);
    g_autofree gchar *scheme = NULL;
    g_autofree gchar *found = NULL;

    return uri &&
           g_uri_split(uri, G_URI_FLAGS_PARSE_RELAXED, &scheme, NULL, NULL, NULL, &found, NULL,
                       NULL, NULL) &&
           g_str_has_prefix(scheme, "qemu") && g_str_equal(found, path);
}

const char *
nest_virt_usual_uri(void)
{
    return nest_root_is_session() ? NEST_VIRT_SESSION_URI : NEST_VIRT_SYSTEM_URI;
}

gboolean
nest_virt_is_session(virConnectPtr libvirt)
{
    return is_qemu_at(libvirt, "/session");
}

gchar *
nest_virt_pid_file(virDomainPtr domain)
{
    virConnectPtr libvirt = virDomainGetConnect(domain);
    const char *name = virDomainGetName(domain);

    if (is_qemu_at(libvirt, "/system") || (nest_virt_is_session(libvirt) && geteuid() == 0))
        return g_strdup_printf("/run/libvirt/qemu/%s.pid", name);
    if (nest_virt_is_session(libvirt))
        return g_strdup_printf("%s/libvirt/qemu/run/%s.pid", g_get_user_runtime_dir(), name);
    return NULL;
}

gchar *
nest_virt_file(const char *name)
{
    g_autofree gchar *path = g_strdup_printf(NEST_DEFINITION_DIRECTORY "/%s.xml", name);

    return nest_root_path(path);
}

gchar *
nest_virt_read_file(const char *name, const char *uuid)
{
    g_autofree gchar *path = nest_virt_file(name);
    g_autofree gchar *element = g_strdup_printf("<uuid>%s</uuid>", uuid);
    g_autofree gchar *text = NULL;

    if (strchr(name, '/') || !g_file_get_contents(path, &text, NULL, NULL) ||
        !strstr(text, element))
        return NULL;
    return g_steal_pointer(&text);
}

gboolean
nest_virt_set_metadata(virDomainPtr domain, const char *element, const char *prefix,
                       const char *uri, unsigned int flags, const char *what, GError **error)
{
    return virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, element,
                                element ? prefix : NULL, uri, flags) == 0 ||
           nest_virt_error(error, what);
}

/* As `virsh list` says it (libvirt tools/virsh-domain-monitor.c). */
static const char *const state_names[] = {
    [VIR_DOMAIN_NOSTATE] = "no state",     [VIR_DOMAIN_RUNNING] = "running",
    [VIR_DOMAIN_BLOCKED] = "idle",         [VIR_DOMAIN_PAUSED] = "paused",
    [VIR_DOMAIN_SHUTDOWN] = "in shutdown", [VIR_DOMAIN_SHUTOFF] = "shut off",
    [VIR_DOMAIN_CRASHED] = "crashed",      [VIR_DOMAIN_PMSUSPENDED] = "pmsuspended",
};

const char *
nest_virt_state_name(virDomainPtr domain)
{
    int state = VIR_DOMAIN_NOSTATE;

    if (virDomainGetState(domain, &state, NULL, 0) < 0 || state < 0 ||
        state >= (int)G_N_ELEMENTS(state_names))
        return state_names[VIR_DOMAIN_NOSTATE];
    return state_names[state];
}

gint64
nest_virt_unanswered_ms(virDomainPtr domain)
{
    virDomainControlInfo info = {0};

    if (virDomainGetControlInfo(domain, &info, 0) < 0 || info.state != VIR_DOMAIN_CONTROL_OCCUPIED)
        return 0;
    return (gint64)info.stateTime;
}

gboolean
nest_virt_is_busy(virDomainPtr domain)
{
    int type = VIR_DOMAIN_JOB_NONE;
    int n = 0;
    virTypedParameterPtr parameters = NULL;
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    if (virDomainGetJobStats(domain, &type, &parameters, &n, 0) < 0)
        return FALSE;
    virTypedParamsGetInt(parameters, n, VIR_DOMAIN_JOB_OPERATION, &operation);
    virTypedParamsFree(parameters, n);
    return type != VIR_DOMAIN_JOB_NONE && operation != VIR_DOMAIN_JOB_OPERATION_BACKUP;
}
