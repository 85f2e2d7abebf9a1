/* libvirt's objects and errors in GLib's terms. */
#include "virtnestd/virt.h"

#include "error.h"

#include <libvirt-glib/libvirt-glib.h>
#include <libvirt/virterror.h>

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
