/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a VMI of KubeVirt may leave its node: the answer when KubeVirt calls a hook point of the node. */
#include "node_leave.h"

#include "base/error.h"
#include "host/kvm_users.h"
#include "vmi.h"

#define POINT "PreMigrationSource"

/* Checks every QEMU with the name of the VMI's domain: any process can take this name, and only one of them is the
 * VMI's. */
static gboolean
check_processes(NestNodeWatch *watch, const NestVmi *vmi, gint64 now, GError **error)
{
    g_autoptr(GPtrArray) users = nest_kvm_users_read();
    guint found = 0;

    for (guint i = 0; i < users->len; i++) {
        const NestKvmUser *user = g_ptr_array_index(users, i);

        if (!user->domain || !g_str_equal(user->name, vmi->domain))
            continue;
        found++;
        if (!nest_node_watch_check(watch, user->pid, now, error))
            return FALSE;
    }
    if (!found)
        g_set_error(error, NEST_ERROR, NEST_ERROR_LIVE_UNKNOWN,
                    "no QEMU that uses KVM has its name, %s, among the processes that can be seen "
                    "here (the server needs the node's PIDs: hostPID)",
                    vmi->domain);
    return found > 0;
}

/* The words before and after the evidence, by what the evidence proves. */
static const struct {
    int code;
    const char *verdict;
    const char *remedy;
} explanations[] = {
    {NEST_ERROR_LIVE_RUNNING, "nested guests run in it", "shut them down"},
    {NEST_ERROR_LIVE_UNKNOWN, "nobody can tell whether nested guests run in it",
     "mend that, or wait"},
};

static void
explain_blocked_vmi(GError **error, const NestVmi *vmi)
{
    g_autoptr(GError) evidence = g_steal_pointer(error);
    gsize i = evidence->code == NEST_ERROR_LIVE_RUNNING ? 0 : 1;

    g_set_error(error, NEST_ERROR, explanations[i].code,
                "%s may not leave its node, because %s: %s: %s, or permit that by the VMI's "
                "annotation virt-nest.io/migration: \"allow\"; KubeVirt tries again by itself",
                vmi->name, explanations[i].verdict, evidence->message, explanations[i].remedy);
}

gboolean
nest_node_leave_check(NestNodeWatch *watch, const char *point, const char *json, gssize length,
                      gint64 now, GError **error)
{
    g_auto(NestVmi) vmi = {0};
    const char *migration = NULL;
    gboolean enabled = FALSE;

    if (!g_str_equal(point, POINT))
        return TRUE;
    if (!nest_vmi_read(&vmi, json, length, error) ||
        !nest_asked_is_enabled(vmi.asked, &enabled, error)) {
        if (vmi.name)
            g_prefix_error(error, "%s: ", vmi.name);
        return FALSE;
    }
    migration = g_hash_table_lookup(vmi.asked->attributes, "migration");
    if (!enabled || g_strcmp0(migration, "allow") == 0 || check_processes(watch, &vmi, now, error))
        return TRUE;
    explain_blocked_vmi(error, &vmi);
    return FALSE;
}
