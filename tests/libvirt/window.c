/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures the window of virtnestd's corrections from inside it, as a preloaded library: for each
 * define one line in $WINDOW_LOG, the microseconds from the asking for the definition that was read last
 * to the answer to the define. The window proper, from libvirt's reading to its taking, lies within. */
#include <dlfcn.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* When this thread last asked for a definition, in microseconds. */
static __thread long long asked;

static long long
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static void
write_down(long long microseconds)
{
    const char *file = getenv("WINDOW_LOG");
    int fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    dprintf(fd, "%lld\n", microseconds);
    close(fd);
}

char *
virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
    char *(*next)(virDomainPtr, unsigned int) = dlsym(RTLD_NEXT, "virDomainGetXMLDesc");

    asked = now();
    return next(domain, flags);
}

/* The other way to read a definition: libvirt's file. As GLib has it. */
int g_file_get_contents(const char *file, char **text, size_t *length, void **error);

int
g_file_get_contents(const char *file, char **text, size_t *length, void **error)
{
    int (*next)(const char *, char **, size_t *, void **) =
        dlsym(RTLD_NEXT, "g_file_get_contents");

    asked = now();
    return next(file, text, length, error);
}

virDomainPtr
virDomainDefineXMLFlags(virConnectPtr connection, const char *xml, unsigned int flags)
{
    virDomainPtr (*next)(virConnectPtr, const char *, unsigned int) =
        dlsym(RTLD_NEXT, "virDomainDefineXMLFlags");
    virDomainPtr domain = next(connection, xml, flags);

    write_down(now() - asked);
    return domain;
}
