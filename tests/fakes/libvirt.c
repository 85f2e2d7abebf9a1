/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A fake libvirt: each connection opens and is alive, and the pointer to a domain is the domain's id. A program that
 * is linked with it defines what else it calls; its functions are found before the library's. */
#include <glib.h>
#include <libvirt/libvirt.h>

virConnectPtr
virConnectOpen(const char *uri)
{
    (void)uri;
    return GUINT_TO_POINTER(1);
}

int
virConnectRef(virConnectPtr connection)
{
    (void)connection;
    return 0;
}

int
virConnectClose(virConnectPtr connection)
{
    (void)connection;
    return 0;
}

int
virConnectIsAlive(virConnectPtr connection)
{
    (void)connection;
    return 1;
}

char *
virConnectGetURI(virConnectPtr connection)
{
    (void)connection;
    return g_strdup("qemu:///system");
}

virConnectPtr
virDomainGetConnect(virDomainPtr domain)
{
    (void)domain;
    return GUINT_TO_POINTER(1);
}

unsigned int
virDomainGetID(virDomainPtr domain)
{
    return GPOINTER_TO_UINT(domain);
}

int
virDomainFree(virDomainPtr domain)
{
    (void)domain;
    return 0;
}
