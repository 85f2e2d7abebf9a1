/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guard-blocker: keeps a running domain from being migrated and saved, by a migration blocker in its QEMU.
 *
 * Theory of operation: while a block node of certain formats is open, QEMU refuses to migrate. So
 * everything fails that libvirt does by migrating: save, managedsave, migrate, snapshots with
 * memory, dump. We open a tiny image of such a format, read-only and attached to no device. A domain
 * is armed if QEMU itself says that our node blocks migration. While QEMU migrates, it accepts no
 * blocker. So the job is aborted first, but only if it is a migration, a save or a memory
 * snapshot (facts.md, "A migration blocker at run time"). */
#include "blocker-image.h"
#include "blocker-node.h"
#include "blocker-save.h"
#include "settings.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "guard-blocker"
#define KEY "formats"

/* How long an abort may take. On idle hosts aborts took 10 to 90 ms. */
#define ABORT_US (5 * (gint64)G_USEC_PER_SEC)
#define PAUSE_US 20000

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)

/* One call of blocker_arm(). */
typedef struct {
    const GPtrArray *formats; /* NestBlockerFormat, in the order in which they are tried */
    const NestGuest *guest;
    virDomainPtr domain;
    NestBlockerMigration migration; /* as QEMU said last */
    const char *job;                /* (nullable) the job that was in the way, if we may abort it */
    gboolean aborted;               /* ... and was told to end */
} Attempt;

typedef enum {
    ARMED,
    BUSY, /* QEMU is in a migration or snapshot */
    FAILED,
} Outcome;

/* The jobs that libvirt may be doing, by VIR_DOMAIN_JOB_OPERATION_..., and whether we may abort them. */
static const struct {
    const char *name;
    gboolean ours;
} jobs[] = {
    [VIR_DOMAIN_JOB_OPERATION_UNKNOWN] = {"job of an unknown kind", FALSE},
    [VIR_DOMAIN_JOB_OPERATION_START] = {"start", FALSE},
    [VIR_DOMAIN_JOB_OPERATION_SAVE] = {"save", TRUE},
    [VIR_DOMAIN_JOB_OPERATION_RESTORE] = {"restore", FALSE},
    [VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN] = {"migration to this host", FALSE},
    [VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT] = {"migration", TRUE},
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT] = {"memory snapshot", TRUE},
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT] = {"revert to a snapshot", FALSE},
    [VIR_DOMAIN_JOB_OPERATION_DUMP] = {"dump", FALSE},
    [VIR_DOMAIN_JOB_OPERATION_BACKUP] = {"backup", FALSE},
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE] = {"deletion of a snapshot", FALSE},
};
#define NO_JOB (-1)

/* --- settings */

static gchar *
list_formats(void)
{
    GString *list = g_string_new(NULL);
    const NestBlockerFormat *format = NULL;

    for (guint i = 0; (format = nest_blocker_format_get(i)); i++)
        g_string_append_printf(list, "%s%s", i ? ", " : "", nest_blocker_format_name(format));
    return g_string_free(list, FALSE);
}

/* @value: names separated by commas or spaces. */
static gboolean
add_formats(GPtrArray *formats, const char *value, GError **error)
{
    g_auto(GStrv) names = g_strsplit_set(value, ", ", -1);
    g_autofree gchar *known = list_formats();
    gboolean right = TRUE;

    for (gsize i = 0; names[i]; i++) {
        gpointer format = (gpointer)nest_blocker_format_by_name(names[i]);

        if (format)
            g_ptr_array_add(formats, format);
        right = right && (format || !*names[i]);
    }
    if (right && formats->len > 0)
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                NEST_CONFIG_FILE ": [" GROUP "] " KEY
                                 "=%s is no value of that key: use one or more of %s",
                value, known);
    return FALSE;
}

static void
blocker_stop(gpointer state)
{
    g_ptr_array_unref(state);
}

static gboolean
blocker_start(GKeyFile *settings, gpointer *ret_state, GError **error)
{
    g_autoptr(GPtrArray) formats = g_ptr_array_new();
    g_autofree gchar *value = g_key_file_get_value(settings, GROUP, KEY, NULL);
    g_autofree gchar *all = list_formats();

    if (!nest_settings_check(settings, GROUP, (const gchar *const[]){KEY, NULL}, error) ||
        !add_formats(formats, value ? value : all, error))
        return FALSE;
    *ret_state = g_steal_pointer(&formats);
    return TRUE;
}

/* --- what libvirt says */

static gboolean
set_libvirt_error(GError **error, const char *what)
{
    g_set_error(error, NEST_ERROR, NEST_ERROR_LIBVIRT, "%s: %s", what, virGetLastErrorMessage());
    return FALSE;
}

/* Whether this QEMU has ended. The domain may already run again in another QEMU. */
static gboolean
is_qemu_gone(const NestGuest *guest, virDomainPtr domain)
{
    g_autoptr(virDomain) running = virDomainLookupByID(virDomainGetConnect(domain), guest->id);
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    if (!running)
        return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN;
    return virDomainGetUUIDString(running, uuid) == 0 && !g_str_equal(uuid, guest->uuid);
}

/* Which job libvirt is doing with the domain: an index of jobs, or NO_JOB. */
static gboolean
ask_job(virDomainPtr domain, int *ret_job, GError **error)
{
    virTypedParameterPtr params = NULL;
    int n = 0;
    int type = VIR_DOMAIN_JOB_NONE;
    int job = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    if (virDomainGetJobStats(domain, &type, &params, &n, 0) < 0)
        return set_libvirt_error(error, "cannot ask for its job");
    virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &job);
    virTypedParamsFree(params, n);
    if (job < 0 || job >= (int)G_N_ELEMENTS(jobs))
        job = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    *ret_job = type == VIR_DOMAIN_JOB_NONE ? NO_JOB : job;
    return TRUE;
}

/* Whether somebody has sent a command to the monitor of this QEMU. If nobody has, the domain is
 * certainly not armed. QEMU is not asked then, because that would taint the domain. If the daemon's
 * messages are not in English, any message may be about such a command. */
static gboolean
may_have_blocker(virDomainPtr domain, gboolean *ret_may, GError **error)
{
    char **messages = NULL;
    int n = virDomainGetMessages(domain, &messages, VIR_DOMAIN_MESSAGE_TAINTING);
    gboolean may = n < 0;

    if (n < 0 && virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
        return set_libvirt_error(error, "cannot ask for its taints");
    for (int i = 0; i < n; i++) {
        may = may || strstr(messages[i], "custom monitor control commands issued") ||
              !g_str_has_prefix(messages[i], "tainted: ");
        free(messages[i]);
    }
    free(messages);
    *ret_may = may;
    return TRUE;
}

/* --- arming */

/* Whether the error says that QEMU accepts no blocker at all. @why: the reason, in the words of QEMU
 * 6.0 and later. */
static gboolean
is_refusal(const GError *error, const char *why)
{
    return error && g_error_matches(error, NEST_ERROR, NEST_ERROR_MONITOR) &&
           strstr(error->message, why);
}

static gboolean
is_busy(const GError *error)
{
    return is_refusal(error, "(migration/snapshot in progress)");
}

static gboolean
is_forbidden(const GError *error)
{
    return is_refusal(error, "(--only-migratable)");
}

/* Opens the image. If QEMU refuses because our node exists already, the existing node counts if it blocks migration; if not,
 * it is replaced. */
static gboolean
add_node(Attempt *attempt, const char *driver, const char *path, GError **error)
{
    g_autoptr(GError) problem = NULL;

    if (nest_blocker_node_add(attempt->domain, driver, path, &problem))
        return TRUE;
    if (g_error_matches(problem, NEST_ERROR, NEST_ERROR_MONITOR) && !is_busy(problem) &&
        nest_blocker_migration_ask(attempt->domain, &attempt->migration, NULL)) {
        if (attempt->migration.blocked)
            return TRUE;
        if (nest_blocker_node_delete(attempt->domain, NEST_BLOCKER_NODE, NULL))
            return nest_blocker_node_add(attempt->domain, driver, path, error);
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return FALSE;
}

/* Opens an image of the format; this usually takes two commands to QEMU. Returns: whether the image blocks migration. */
static gboolean
try_format(Attempt *attempt, NestBlockerDirectory *directory, const NestBlockerFormat *format,
           GError **error)
{
    const char *path = nest_blocker_directory_put(directory, format, error);

    if (!path || !add_node(attempt, nest_blocker_format_name(format), path, error) ||
        !nest_blocker_migration_ask(attempt->domain, &attempt->migration, error))
        return FALSE;
    if (attempt->migration.blocked && !attempt->migration.former)
        return TRUE;
    nest_blocker_node_delete(attempt->domain, NEST_BLOCKER_NODE, NULL);
    if (!attempt->migration.blocked)
        g_set_error(error, NEST_ERROR, NEST_ERROR_MONITOR, "opened, and QEMU would still migrate");
    return attempt->migration.blocked; /* if it was armed under the former name, it stays so */
}

/* (transfer full) NULL if there is none. If QEMU has just ended, the error is libvirt's, which says so. */
static NestBlockerDirectory *
open_image_directory(Attempt *attempt, GError **error)
{
    g_autoptr(GError) problem = NULL;
    NestBlockerDirectory *directory = nest_blocker_directory_open(attempt->guest, &problem);

    if (!directory && nest_blocker_migration_ask(attempt->domain, &attempt->migration, error))
        g_propagate_error(error, g_steal_pointer(&problem));
    return directory;
}

static gboolean
try_formats(Attempt *attempt, GError **error)
{
    g_autoptr(NestBlockerDirectory) directory = open_image_directory(attempt, error);
    g_autoptr(GString) reasons = g_string_new(NULL);

    for (guint i = 0; directory && i < attempt->formats->len; i++) {
        const NestBlockerFormat *format = g_ptr_array_index(attempt->formats, i);
        g_autoptr(GError) problem = NULL;

        if (try_format(attempt, directory, format, &problem))
            return TRUE;
        if (!g_error_matches(problem, NEST_ERROR, NEST_ERROR_MONITOR) || is_busy(problem) ||
            is_forbidden(problem)) { /* no other format would do better */
            g_propagate_error(error, g_steal_pointer(&problem));
            return FALSE;
        }
        g_string_append_printf(reasons, "%s%s (%s)", reasons->len ? ", " : "",
                               nest_blocker_format_name(format), problem->message);
    }
    if (directory)
        g_set_error(error, NEST_ERROR, NEST_ERROR_GUARD,
                    "no block format keeps its QEMU from migrating: %s; see [" GROUP "] " KEY
                    " in virt-nest.conf(5)",
                    reasons->str);
    return FALSE;
}

static Outcome
try_to_arm(Attempt *attempt, GError **error)
{
    g_autoptr(GError) problem = NULL;
    int job = NO_JOB;

    if (!try_formats(attempt, &problem)) {
        Outcome outcome = is_busy(problem) ? BUSY : FAILED;

        g_propagate_error(error, g_steal_pointer(&problem));
        return outcome;
    }
    /* If QEMU has completed a migration but libvirt has not, the domain may still end or go on. */
    if (!g_str_equal(attempt->migration.status, "completed") ||
        (ask_job(attempt->domain, &job, NULL) && (job == NO_JOB || !jobs[job].ours)))
        return ARMED;
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_GUARD,
        "QEMU has completed a migration or save, and libvirt has yet to end the guest or let it go on");
    return BUSY;
}

/* Whether the job that is in the way may be aborted. */
static gboolean
check_job(const Attempt *attempt, int job, GError **error)
{
    if (!jobs[job].ours) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_GUARD,
                    "libvirt is doing a %s, which virtnestd never aborts; wait for its end",
                    jobs[job].name);
        return FALSE;
    }
    if (job != VIR_DOMAIN_JOB_OPERATION_SAVE || nest_blocker_save_may_abort(attempt->guest))
        return TRUE;
    g_set_error_literal(
        error, NEST_ERROR, NEST_ERROR_GUARD,
        "libvirt is doing a compressed save, which goes on because an abort could end libvirt's "
        "daemon; restore the guest only on a host with nesting on");
    return FALSE;
}

/* Aborts the job if we may abort it. The abort's return value proves nothing; the next attempt
 * shows whether it worked. */
static gboolean
make_way(Attempt *attempt, GError **error)
{
    int job = NO_JOB;

    if (!nest_blocker_migration_ask(attempt->domain, &attempt->migration, error))
        return FALSE;
    if (g_str_has_prefix(attempt->migration.status, "postcopy")) {
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_GUARD,
            "its post-copy migration goes on, because an abort would lose the guest; the guest will run on the destination host");
        return FALSE;
    }
    if (!ask_job(attempt->domain, &job, error))
        return FALSE;
    if (job == NO_JOB)
        return TRUE; /* it has just ended */
    attempt->job = jobs[job].ours ? jobs[job].name : NULL;
    if (attempt->job && g_str_equal(attempt->migration.status, "completed"))
        return TRUE; /* it is about to end */
    if (!check_job(attempt, job, error))
        return FALSE;
    virDomainAbortJob(attempt->domain);
    attempt->aborted = TRUE;
    return TRUE;
}

/* (transfer full) Why arming failed, and what to do. */
static gchar *
explain_arm_failure(const Attempt *attempt, const GError *problem)
{
    if (is_qemu_gone(attempt->guest, attempt->domain))
        return attempt->job
                   ? g_strdup_printf(
                         "its %s was completed before it could be aborted; bring it back only on "
                         "a host with nesting on",
                         attempt->job)
                   : g_strdup("it has ended");
    if (is_forbidden(problem))
        return g_strdup(
            "its QEMU was started with -only-migratable, which forbids a migration blocker; stop the domain, and "
            "start it without that option");
    if (is_busy(problem) && attempt->aborted)
        return g_strdup_printf("its %s does not end; end it with virsh domjobabort", attempt->job);
    if (is_busy(problem))
        return g_strdup("QEMU is in a migration that libvirt knows nothing of; wait for its end");
    return g_strdup(problem->message);
}

/* (nullable) The job that was aborted. If arming failed because the guest is gone: the job that should
 * have been aborted. NULL if the guest is still there and the job goes on, or was completed (a snapshot
 * with memory leaves the guest there). */
static const char *
job_lost(const Attempt *attempt, const GError *problem)
{
    gboolean goes_on = is_busy(problem) || g_str_equal(attempt->migration.status, "completed");

    if (problem && is_qemu_gone(attempt->guest, attempt->domain))
        return attempt->job;
    return attempt->aborted && !goes_on ? attempt->job : NULL;
}

static gboolean
blocker_arm(gpointer state, const NestGuest *guest, virDomainPtr domain, gchar **ret_aborted,
            GError **error)
{
    Attempt attempt = {.formats = state, .guest = guest, .domain = domain};
    gint64 end = g_get_monotonic_time() + ABORT_US;
    g_autoptr(GError) problem = NULL;
    g_autofree gchar *why = NULL;
    Outcome outcome = BUSY;

    while ((outcome = try_to_arm(&attempt, &problem)) == BUSY && g_get_monotonic_time() < end) {
        g_clear_error(&problem);
        if (!make_way(&attempt, &problem))
            break;
        g_usleep(PAUSE_US);
    }
    *ret_aborted = g_strdup(job_lost(&attempt, problem));
    if (outcome == ARMED)
        return TRUE;
    why = explain_arm_failure(&attempt, problem);
    g_set_error(error, NEST_ERROR, NEST_ERROR_GUARD,
                "migration and save of '%s' cannot be refused: %s", guest->name, why);
    return FALSE;
}

/* --- the rest */

/* Removes the node. Returns: TRUE also if there was no node. */
static gboolean
remove_node(virDomainPtr domain, GError **error)
{
    g_autoptr(GError) problem = NULL;
    NestBlockerMigration migration = {0};
    gboolean there = FALSE;

    if (!nest_blocker_node_delete(domain, NEST_BLOCKER_NODE, &problem) &&
        !nest_blocker_node_delete(domain, NEST_BLOCKER_FORMER_NODE, NULL)) {
        if (!nest_blocker_node_find(domain, &there, error))
            return FALSE;
        if (there) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return FALSE;
        }
    }
    if (!nest_blocker_migration_ask(domain, &migration, error))
        return FALSE;
    if (migration.blocked && nest_blocker_node_delete(domain, NEST_BLOCKER_FORMER_NODE, NULL) &&
        !nest_blocker_migration_ask(domain, &migration, error))
        return FALSE;
    if (migration.blocked)
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_GUARD,
            "QEMU still blocks them by the node that was removed; to end this, stop the domain and start it again");
    return !migration.blocked;
}

static gboolean
blocker_disarm(gpointer state, const NestGuest *guest, virDomainPtr domain, GError **error)
{
    g_autoptr(NestBlockerDirectory) directory = nest_blocker_directory_open(guest, NULL);
    g_autoptr(GError) problem = NULL;
    gboolean may = FALSE;

    (void)state;
    if (may_have_blocker(domain, &may, &problem) && (!may || remove_node(domain, &problem)))
        return TRUE;
    if (is_qemu_gone(guest, domain))
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_GUARD,
                "migration and save of '%s' are still refused: %s", guest->name, problem->message);
    return FALSE;
}

static gboolean
blocker_is_armed(gpointer state, const NestGuest *guest, virDomainPtr domain, gboolean *ret_armed,
                 GError **error)
{
    NestBlockerMigration migration = {0};
    gboolean may = FALSE;

    (void)state, (void)guest;
    if (!may_have_blocker(domain, &may, error) ||
        (may && !nest_blocker_migration_ask(domain, &migration, error)))
        return FALSE;
    *ret_armed = migration.blocked;
    return TRUE;
}

const NestPlugin nest_plugin = {
    .abi = NEST_PLUGIN_ABI,
    .size = sizeof(NestPlugin),
    .name = GROUP,
    .kind = NEST_PLUGIN_GUARD,
    .start = blocker_start,
    .stop = blocker_stop,
    .arm = blocker_arm,
    .disarm = blocker_disarm,
    .is_armed = blocker_is_armed,
};
