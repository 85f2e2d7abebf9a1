/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The snapshots that are named after a guard was armed: only those that are late, only the first of them, and long names cut short. libvirt is
 * the test's own: its snapshots are the rows of a table. */
#include "virtnestd/late_snapshots.h"

#include <libvirt/libvirt.h>

#define SINCE 1000
#define TEN "0123456789"
#define LETTERS "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6"

typedef struct {
    const char *name;
    gint64 created;
} Snapshot;

static const Snapshot *snapshots; /* the row's */

int
virDomainListAllSnapshots(virDomainPtr domain, virDomainSnapshotPtr **ret_snapshots, unsigned int flags)
{
    int n = 0;

    (void)domain;
    g_assert_cmpuint(flags, ==, VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE);
    while (snapshots && snapshots[n].name)
        n++;
    *ret_snapshots = g_new0(virDomainSnapshotPtr, n + 1);
    for (int i = 0; i < n; i++)
        (*ret_snapshots)[i] = (virDomainSnapshotPtr)&snapshots[i];
    return snapshots ? n : -1;
}

char *
virDomainSnapshotGetXMLDesc(virDomainSnapshotPtr snapshot, unsigned int flags)
{
    const Snapshot *one = (const Snapshot *)snapshot;

    (void)flags;
    return g_strdup_printf("<domainsnapshot>\n  <creationTime>%" G_GINT64_FORMAT "</creationTime>\n</domainsnapshot>\n",
                           one->created);
}

const char *
virDomainSnapshotGetName(virDomainSnapshotPtr snapshot)
{
    return ((const Snapshot *)snapshot)->name;
}

int
virDomainSnapshotFree(virDomainSnapshotPtr snapshot)
{
    (void)snapshot;
    return 0;
}

static const struct {
    const char *sentence;
    Snapshot snapshots[9];
    const char *names; /* NULL: none */
} rows[] = {
    {"none", {{NULL, 0}}, NULL},
    {"one that is old", {{"a", SINCE - 1}}, NULL},
    {"one that is late", {{"a", SINCE}}, "'a'"},
    {"one of two", {{"a", SINCE - 1}, {"b", SINCE + 1}}, "'b'"},
    {"five", {{"a", SINCE}, {"b", SINCE}, {"c", SINCE}, {"d", SINCE}, {"e", SINCE}}, "'a', 'b', 'c', 'd', 'e'"},
    {"seven of eight",
     {{"a", SINCE}, {"b", SINCE}, {"c", SINCE}, {"old", 0}, {"d", SINCE}, {"e", SINCE}, {"f", SINCE}, {"g", SINCE}},
     "'a', 'b', 'c', 'd', 'e' and 2 more"},
    {"a long name", {{TEN TEN TEN TEN TEN TEN "x", SINCE}}, "'" TEN TEN TEN TEN TEN TEN "...'"},
    {"the longest name that is not cut", {{TEN TEN TEN TEN TEN TEN, SINCE}}, "'" TEN TEN TEN TEN TEN TEN "'"},
    {"a long name in letters of two bytes",
     {{LETTERS LETTERS LETTERS LETTERS LETTERS LETTERS "x", SINCE}},
     "'" LETTERS LETTERS LETTERS LETTERS LETTERS LETTERS "...'"},
    {"a name that is not UTF-8", {{"a\xff", SINCE}}, "'a\xef\xbf\xbd'"},
};

static void
test_row(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *names = NULL;

    snapshots = rows[i].snapshots;
    names = nest_late_snapshots(NULL, SINCE);
    g_assert_cmpstr(names, ==, rows[i].names);
}

static void
test_silent(void)
{
    snapshots = NULL;
    g_assert_null(nest_late_snapshots(NULL, SINCE));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree gchar *path = g_strdup_printf("/late-snapshots/%s", rows[i].sentence);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_row);
    }
    g_test_add_func("/late-snapshots/libvirt does not say", test_silent);
    return g_test_run();
}
