/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots with memory made before a guard was armed: QEMU may be making one unnoticed. */
#include "virtnestd/late_snapshots.h"

#include <stdlib.h>
#include <string.h>

/* The element with the time when the snapshot was begun, in seconds since 1970. Only text comes before
 * it, and libvirt escapes in that text what could be taken for the element (its snapshot_conf.c). */
#define CREATED "<creationTime>"

gchar *
nest_late_snapshots(virDomainPtr domain, gint64 since)
{
    virDomainSnapshotPtr *snapshots = NULL;
    GString *names = g_string_new(NULL);
    int n = virDomainListAllSnapshots(domain, &snapshots, VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE);

    for (int i = 0; i < n; i++) {
        g_autofree char *xml = virDomainSnapshotGetXMLDesc(snapshots[i], 0);
        const char *created = xml ? strstr(xml, CREATED) : NULL;

        if (created && g_ascii_strtoll(created + strlen(CREATED), NULL, 10) >= since)
            g_string_append_printf(names, "%s'%s'", names->len ? ", " : "",
                                   virDomainSnapshotGetName(snapshots[i]));
        virDomainSnapshotFree(snapshots[i]);
    }
    free(snapshots);
    return g_string_free(names, names->len == 0);
}
