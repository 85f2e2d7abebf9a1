/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports the service's state to systemd, in one datagram, as sd_notify(3) describes. Does not use GIO, because the programs
 * without libvirt are not linked with it. */
#include "base/notify.h"

#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
nest_notify(const char *state)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    gsize length = path ? strlen(path) : 0;
    int fd = -1;

    if (length == 0 || length >= sizeof(address.sun_path))
        return;
    memcpy(address.sun_path, path, length);
    if (*path == '@')
        address.sun_path[0] = '\0'; /* an abstract socket */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}

static gboolean
feed_watchdog(gpointer unused)
{
    (void)unused;
    nest_notify("WATCHDOG=1");
    return G_SOURCE_CONTINUE;
}

/* Reads a number from an environment variable. Returns: whether it holds one greater than 0. */
static gboolean
read_number(const char *name, guint64 *ret_number)
{
    const char *value = g_getenv(name);

    return value && g_ascii_string_to_unsigned(value, 10, 1, G_MAXINT64, ret_number, NULL);
}

void
nest_notify_feed_watchdog(void)
{
    guint64 usec = 0;
    guint64 pid = 0;

    if (!read_number("WATCHDOG_USEC", &usec) ||
        (g_getenv("WATCHDOG_PID") &&
         (!read_number("WATCHDOG_PID", &pid) || pid != (guint64)getpid())))
        return;
    /* Timers of whole seconds expire together, so that this one and that of the exports cause one wake-up. */
    if (usec / 2 >= G_USEC_PER_SEC)
        g_timeout_add_seconds((guint)MIN(usec / 2 / G_USEC_PER_SEC, G_MAXUINT), feed_watchdog,
                              NULL);
    else
        g_timeout_add((guint)MAX(usec / 2000, 1), feed_watchdog, NULL);
}
