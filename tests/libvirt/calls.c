/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes down which calls of libvirt a program makes about which domain, as a preloaded library: for each of the
 * calls below one line in $CALLS_LOG, the call and the domain's name. */
#include <dlfcn.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
write_down(const char *call, virDomainPtr domain)
{
    const char *file = getenv("CALLS_LOG");
    int fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    dprintf(fd, "%s %s\n", call, virDomainGetName(domain));
    close(fd);
}

char *
virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
    char *(*next)(virDomainPtr, unsigned int) = dlsym(RTLD_NEXT, __func__);

    write_down(__func__, domain);
    return next(domain, flags);
}

int
virDomainIsActive(virDomainPtr domain)
{
    int (*next)(virDomainPtr) = dlsym(RTLD_NEXT, __func__);

    write_down(__func__, domain);
    return next(domain);
}

int
virDomainSetMetadata(virDomainPtr domain, int type, const char *metadata, const char *key,
                     const char *uri, unsigned int flags)
{
    int (*next)(virDomainPtr, int, const char *, const char *, const char *, unsigned int) =
        dlsym(RTLD_NEXT, __func__);

    write_down(__func__, domain);
    return next(domain, type, metadata, key, uri, flags);
}
