/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports the service's state to systemd (sd_notify(3)), as its protocol says: in one datagram.
 */
#include "virtnestd/notify.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>

void
nest_notify(const char *state)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    g_autoptr(GSocketAddress) address = NULL;
    g_autoptr(GSocket) notify_socket = NULL;

    if (!path || !*path)
        return;
    address = *path == '@' ? g_unix_socket_address_new_with_type(path + 1, -1,
                                                                 G_UNIX_SOCKET_ADDRESS_ABSTRACT)
                           : g_unix_socket_address_new(path);
    notify_socket =
        g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
    if (notify_socket)
        g_socket_send_to(notify_socket, address, state, strlen(state), NULL, NULL);
}
