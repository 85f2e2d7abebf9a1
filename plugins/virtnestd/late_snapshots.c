/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots with memory made before a guard was armed: QEMU may be making one unnoticed. */
#include "virtnestd/late_snapshots.h"

#include <stdlib.h>
#include <string.h>

#define CREATED "<creationTime>"

/* When the snapshot was begun, in seconds since 1970; 0: libvirt does not say. Before
 * that element there is only text, in which libvirt escapes what could be taken for the
 * element (its snapshot_conf.c). */
static gint64
read_time(virDomainSnapshotPtr snapshot)
{
    g_autofree char *xml = virDomainSnapshotGetXMLDesc(snapshot, 0);
    const char *created = xml ? strstr(xml, CREATED) : NULL;

    return created ? g_ascii_strtoll(created + strlen(CREATED), NULL, 10) : 0;
}

gchar *
nest_late_snapshots(virDomainPtr domain, gint64 since)
{
    virDomainSnapshotPtr *snapshots = NULL;
    GString *names = g_string_new(NULL);
    int n = virDomainListAllSnapshots(domain, &snapshots, VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE);

    for (int i = 0; i < n; i++) {
        if (read_time(snapshots[i]) >= since)
            g_string_append_printf(names, "%s'%s'", names->len ? ", " : "",
                                   virDomainSnapshotGetName(snapshots[i]));
        virDomainSnapshotFree(snapshots[i]);
    }
    free(snapshots);
    return g_string_free(names, names->len == 0);
}
