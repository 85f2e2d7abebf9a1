/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest that leaves around its L2's first entry, in H: leave ROUNDS DOMAIN CONSOLE PROBE [URI].
 *
 * The domain is an L1 that starts and ends an L2 when told (tests/guest/l1-init); CONSOLE.in takes lines for it, CONSOLE.log
 * has what it says. PROBE is probe-trace.so, which tells this program, too, of the entry. In each round the guest is saved, or
 * migrated to URI, from a random moment of the 100 ms before or after the first entry. To begin before the
 * entry, the program expects it after the time that it took in the last round; a round that turns out to have begun too early or
 * too late is played again. Lines:
 *   pair NANOSECONDS       blockdev-add and query-migrate, the least that arms a guard, before the first round
 *   refused OFFSET         the guard was armed when the operation began, so many milliseconds after the entry
 *   aborted OFFSET         ... while it went on
 *   before OFFSET          the guest was suspended before the entry, and left
 *   left OFFSET AGE        it left, suspended so many nanoseconds after the entry
 *   loss OFFSET REASON     the operation failed for another reason
 *   again OFFSET           the round is played again
 * After each round the guest is back and has no L2, and its guard is off. */
#include "entry_probe.h"
#include "virt/virt.h"
#include "virt.h"

#include <libvirt/libvirt-qemu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AROUND_MS 100
#define STEP_US 20000
#define LIMIT_MS 180000
#define MS 1000000 /* nanoseconds */
#define NODE "virt-nest-nested-guests-running"
#define KEPT_OUT "NEST-LIVE-RUNNING" /* the hook's refusal to take a guest in */
#define PAIR_NODE "leave-pair"
#define PAIR_IMAGE "/var/lib/libvirt/images/pair.vdi"
#define PAIRS 5
#define SAVED "/var/tmp/leave.save"

typedef struct {
    virConnectPtr here;
    virConnectPtr there; /* NULL: the guest is saved */
    const char *name;
    virDomainPtr domain;
    gchar *in; /* its console's two files */
    gchar *log;
    EntryProbe probe;
    GRand *rand;
    gint64 foreseen;  /* nanoseconds from the word to the entry, as seen last */
    GMutex lock;      /* of the next */
    gint64 suspended; /* when it was in this round; 0: it was not */
} Leave;

/* (transfer full) What QEMU answers. */
static gchar *
ask(const Leave *leave, const char *command)
{
    char *reply = NULL;
    gchar *copy = NULL;

    if (virDomainQemuMonitorCommand(leave->domain, command, &reply, 0) < 0)
        bench_die("cannot ask QEMU: %s", virGetLastErrorMessage());
    copy = g_strdup(reply);
    free(reply);
    return copy;
}

static void
find(Leave *leave, virConnectPtr connection)
{
    g_clear_pointer(&leave->domain, virDomainFree);
    leave->domain = virDomainLookupByName(connection, leave->name);
    if (!leave->domain)
        bench_die("no domain %s: %s", leave->name, virGetLastErrorMessage());
}

static gint64
pair(const Leave *leave)
{
    gint64 begin = bench_now();
    gint64 took = 0;

    g_free(ask(leave, "{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"vdi\",\"node-name\":\"" PAIR_NODE
                      "\",\"read-only\":true,\"file\":{\"driver\":\"file\",\"filename\":\"" PAIR_IMAGE "\"}}}"));
    g_free(ask(leave, "{\"execute\":\"query-migrate\"}"));
    took = bench_now() - begin;
    g_free(ask(leave, "{\"execute\":\"blockdev-del\",\"arguments\":{\"node-name\":\"" PAIR_NODE "\"}}"));
    return took;
}

/* --- L2 */

static guint
said(const Leave *leave, const char *line)
{
    g_autofree gchar *text = NULL;
    guint n = 0;

    if (!g_file_get_contents(leave->log, &text, NULL, NULL))
        bench_die("cannot read %s", leave->log);
    for (const char *at = text; (at = strstr(at, line)); at += strlen(line))
        n++;
    return n;
}

/* Whether it says it once more within @ms. */
static gboolean
says(const Leave *leave, const char *line, guint before, gint64 ms)
{
    gint64 end = bench_now() + ms * MS;

    while (said(leave, line) <= before) {
        if (bench_now() > end)
            return FALSE;
        g_usleep(STEP_US);
    }
    return TRUE;
}

/* A line that comes while QEMU goes is lost, so it is said until there is an L2; an L1 with an L2 heeds no second one. */
static void
end_l2(const Leave *leave)
{
    guint ended = said(leave, "L1: L2 exit");
    int tries = 0;

    do {
        if (tries++ == 20)
            bench_die("no L2 runs in %s", leave->name);
        bench_say(leave->in, "l2 tick\n");
    } while (!says(leave, "L2: tick", said(leave, "L2: tick"), 6000));
    bench_say(leave->in, "stop\n");
    if (!says(leave, "L1: L2 exit", ended, LIMIT_MS))
        bench_die("the L2 of %s does not end", leave->name);
}

static void
wait_disarmed(const Leave *leave)
{
    gint64 end = bench_now() + LIMIT_MS * (gint64)MS;
    gboolean armed = TRUE;

    while (armed) {
        g_autofree gchar *reply = ask(leave, "{\"execute\":\"query-migrate\"}");

        armed = strstr(reply, NODE) != NULL;
        if (bench_now() > end)
            bench_die("the guard of %s stays armed", leave->name);
        g_usleep(STEP_US);
    }
}

/* --- leaving */

static int
note_suspended(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *data)
{
    Leave *leave = data;

    (void)connection, (void)domain, (void)detail;
    if (event != VIR_DOMAIN_EVENT_SUSPENDED)
        return 0;
    g_mutex_lock(&leave->lock);
    leave->suspended = bench_now();
    g_mutex_unlock(&leave->lock);
    return 0;
}

/* Returns when it was; an event that is late is waited for. */
static gint64
suspended(Leave *leave)
{
    gint64 time = 0;

    for (int i = 0; i < 100 && !time; i++) {
        g_usleep(STEP_US);
        g_mutex_lock(&leave->lock);
        time = leave->suspended;
        g_mutex_unlock(&leave->lock);
    }
    return time;
}

/* Returns: (transfer full) the guest at @destination; NULL: it stayed */
static virDomainPtr
migrate(const Leave *leave, virConnectPtr destination)
{
    virTypedParameterPtr params = NULL;
    int n = 0;
    int size = 0;
    virDomainPtr arrived = NULL;

    if (virTypedParamsAddString(&params, &n, &size, VIR_MIGRATE_PARAM_URI, "tcp://127.0.0.1") < 0)
        bench_die("no memory");
    arrived = virDomainMigrate3(leave->domain, destination, params, (unsigned)n,
                                VIR_MIGRATE_LIVE | VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE | VIR_MIGRATE_UNSAFE);
    virTypedParamsFree(params, n);
    return arrived;
}

static gboolean
goes(const Leave *leave)
{
    g_autoptr(virDomain) arrived = NULL;

    if (!leave->there)
        return virDomainSave(leave->domain, SAVED) == 0;
    arrived = migrate(leave, leave->there);
    return arrived != NULL;
}

/* Its image says that an L2 runs in it, so the hook does not take it in: it is booted. */
static void
boot(Leave *leave)
{
    guint ready = said(leave, "L1: ready");

    if (!strstr(virGetLastErrorMessage(), KEPT_OUT))
        bench_die("cannot restore %s: %s", leave->name, virGetLastErrorMessage());
    find(leave, leave->here);
    if (virDomainCreate(leave->domain) < 0 || !says(leave, "L1: ready", ready, LIMIT_MS))
        bench_die("cannot boot %s: %s", leave->name, virGetLastErrorMessage());
}

/* It has left: back to where it was, without an L2. */
static void
come_back(Leave *leave)
{
    g_autoptr(virDomain) arrived = NULL;

    if (!leave->there && virDomainRestore(leave->here, SAVED) < 0) {
        boot(leave);
        return;
    }
    if (!leave->there) {
        find(leave, leave->here);
        end_l2(leave);
        return;
    }
    find(leave, leave->there);
    end_l2(leave);
    wait_disarmed(leave);
    arrived = migrate(leave, leave->here);
    if (!arrived)
        bench_die("cannot migrate %s back: %s", leave->name, virGetLastErrorMessage());
    find(leave, leave->here);
}

/* --- rounds */

/* @left: whether the guest did; @offset: milliseconds */
static void
tell(Leave *leave, gboolean left, const char *message, gint64 entered, gint64 offset)
{
    gint64 age = left ? suspended(leave) - entered : 0;

    if (left && age > 0)
        (void)printf("left %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", offset, age);
    else if (left)
        (void)printf("before %" G_GINT64_FORMAT "\n", offset);
    else if (strstr(message, NODE) || strstr(message, KEPT_OUT))
        (void)printf("refused %" G_GINT64_FORMAT "\n", offset);
    else if (strstr(message, "abort") || strstr(message, "cancel"))
        (void)printf("aborted %" G_GINT64_FORMAT "\n", offset);
    else
        (void)printf("loss %" G_GINT64_FORMAT " %s\n", offset, message);
    (void)fflush(stdout);
}

/* Waits for the moment to begin: @offset nanoseconds after the entry. Returns: when the entry was; 0: not yet */
static gint64
wait_moment(const Leave *leave, gint64 offset)
{
    gint64 entered = 0;

    bench_say(leave->in, "l2 tick\n");
    if (offset < 0) {
        g_usleep((gulong)(MAX(leave->foreseen + offset, 0) / 1000));
        return 0;
    }
    entered = entry_probe_wait(&leave->probe, LIMIT_MS);
    if (!entered)
        bench_die("there was no entry into an L2");
    g_usleep((gulong)(MAX(entered + offset - bench_now(), 0) / 1000));
    return entered;
}

/* Returns: whether the operation began in time */
static gboolean
play(Leave *leave)
{
    gint64 offset = g_rand_int_range(leave->rand, -AROUND_MS, AROUND_MS) * (gint64)MS;
    g_autofree gchar *message = NULL;
    gint64 word = 0;
    gint64 begin = 0;
    gint64 entered = 0;
    gboolean left = FALSE;

    leave->suspended = 0;
    entry_probe_watch(&leave->probe, leave->domain);
    word = bench_now();
    entered = wait_moment(leave, offset);
    begin = bench_now();
    left = goes(leave);
    message = g_strdup(left ? "" : virGetLastErrorMessage());
    if (!entered)
        entered = entry_probe_wait(&leave->probe, left ? 0 : LIMIT_MS);
    if (entered)
        leave->foreseen = entered - word;
    offset = entered ? (begin - entered) / MS : -AROUND_MS;
    if (ABS(offset) <= AROUND_MS)
        tell(leave, left, message, entered ? entered : G_MAXINT64, offset);
    else
        bench_print("again", offset);
    if (left)
        come_back(leave);
    else
        end_l2(leave);
    wait_disarmed(leave);
    return ABS(offset) <= AROUND_MS;
}

static void
begin(Leave *leave, char **argv)
{
    g_mutex_init(&leave->lock);
    leave->rand = g_rand_new();
    leave->name = argv[2];
    leave->in = g_strconcat(argv[3], ".in", NULL);
    leave->log = g_strconcat(argv[3], ".log", NULL);
    (void)virEventRegisterDefaultImpl();
    leave->here = bench_connect("qemu:///system");
    leave->there = argv[5] ? bench_connect(argv[5]) : NULL;
    find(leave, leave->here);
    if (virConnectDomainEventRegister(leave->here, note_suspended, leave, NULL) < 0)
        bench_die("no events: %s", virGetLastErrorMessage());
    bench_run_events();
    entry_probe_load(&leave->probe, argv[4]);
}

/* The entry of the first L2 is not left around: it says when to expect the next. */
static void
foresee(Leave *leave)
{
    gint64 word = 0;

    entry_probe_watch(&leave->probe, leave->domain);
    word = bench_now();
    leave->foreseen = wait_moment(leave, 0) - word;
    end_l2(leave);
    wait_disarmed(leave);
}

int
main(int argc, char **argv)
{
    static Leave leave;
    int rounds = 0;

    g_set_prgname("leave");
    if (argc < 5 || argc > 6)
        bench_die("usage: leave ROUNDS DOMAIN CONSOLE PROBE [URI]");
    rounds = bench_number(argv[1]);
    begin(&leave, argv);
    for (int i = 0; i < PAIRS; i++)
        bench_print("pair", pair(&leave));
    foresee(&leave);
    for (int round = 0; round < rounds;)
        round += play(&leave);
    entry_probe_unload(&leave.probe);
    return 0;
}
