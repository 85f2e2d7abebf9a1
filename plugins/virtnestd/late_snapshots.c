/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots with memory that were made before a guard was armed: QEMU may make one without libvirt knowing a job. */
#include "virtnestd/late_snapshots.h"

#include <stdlib.h>
#include <string.h>

/* The element with the time when the snapshot was begun, in seconds since 1970. Only text comes before
 * it, and libvirt escapes in that text what could be taken for the element (its snapshot_conf.c). */
#define CREATED "<creationTime>"

/* How many snapshots are named. A domain can have thousands of them, and a name, which becomes a file's name, up to 255
 * bytes. */
#define MOST_NAMES 5
#define LONGEST_NAME 60

static void
append_name(GString *names, const char *name)
{
    g_autofree gchar *valid = g_utf8_make_valid(name ? name : "", -1);
    g_autofree gchar *begin =
        g_utf8_substring(valid, 0, MIN(g_utf8_strlen(valid, -1), LONGEST_NAME));

    g_string_append_printf(names, "%s'%s%s'", names->len ? ", " : "", begin,
                           strlen(begin) < strlen(valid) ? "..." : "");
}

gchar *
nest_late_snapshots(virDomainPtr domain, gint64 since)
{
    virDomainSnapshotPtr *snapshots = NULL;
    GString *names = g_string_new(NULL);
    guint late = 0;
    int n = virDomainListAllSnapshots(domain, &snapshots, VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE);

    for (int i = 0; i < n; i++) {
        g_autofree char *xml = virDomainSnapshotGetXMLDesc(snapshots[i], 0);
        const char *created = xml ? strstr(xml, CREATED) : NULL;

        if (created && g_ascii_strtoll(created + strlen(CREATED), NULL, 10) >= since &&
            late++ < MOST_NAMES)
            append_name(names, virDomainSnapshotGetName(snapshots[i]));
        virDomainSnapshotFree(snapshots[i]);
    }
    free(snapshots);
    if (late > MOST_NAMES)
        g_string_append_printf(names, " and %u more", late - MOST_NAMES);
    return g_string_free(names, late == 0);
}
