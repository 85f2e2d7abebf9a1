/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest drain: before a host shutdown, shuts down domains whose guard forbids saving them.
 *
 * Theory of operation: the main thread checks twice a second which domains are off, and keeps the time. libvirt's call
 * to shut a domain down waits as long as its QEMU does not answer. So a few threads make these calls, each over a
 * connection of its own (libvirt before 10.4 corrupts the stack of a thread that shares one, CVE-2024-4418): a call
 * that hangs holds up neither the other domains nor the end. */
#include "visit.h"

#include "base/error.h"
#include "output.h"
#include "virt/live_domain.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_SECONDS 300
#define AGAIN_SECONDS 30 /* a guest that boots can miss the power button */
#define POLL_US 500000
#define ASKING_AT_A_TIME 4
#define COUNTDOWN_WIDTH 60 /* columns that the countdown takes at most */

/* One domain to be shut down. It is reference-counted, because a thread may still use it at the end. */
typedef struct {
    gchar *uri;      /* libvirt's */
    gchar *name;     /* the domain's */
    gchar *uuid;     /* in its usual form */
    int id;          /* libvirt's, of this run */
    gboolean paused; /* so it would not notice the request */
    gboolean off;    /* it is off, and that was printed */
    gint asking;     /* a thread is asking it; by g_atomic_int_... */
    guint asked;     /* how often; only that thread uses this */
} Guest;

/* All of these domains, and the options. */
typedef struct {
    gint timeout;        /* seconds */
    gboolean dry_run;    /* only print what would be done */
    gboolean yes;        /* do not ask the person at the terminal */
    gboolean counting;   /* there is a terminal, which shows the time that is left */
    GPtrArray *guests;   /* Guest *, by name */
    GThreadPool *askers; /* the threads */
    gint stopped;        /* SIGTERM or SIGINT has come; by g_atomic_int_... */
} Drain;

static void
guest_clear(gpointer data)
{
    Guest *guest = data;

    g_free(guest->uri);
    g_free(guest->name);
    g_free(guest->uuid);
}

static void
guest_unref(gpointer guest)
{
    g_atomic_rc_box_release_full(guest, guest_clear);
}

static gint
compare_guests_by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(Guest *const *)a)->name, (*(Guest *const *)b)->name);
}

/* Flushes the line at once, for a person who follows a shutdown in the journal. In a terminal it takes the place of
 * the countdown, which is printed below again. */
static void
print_guest_line(const Guest *guest, const char *what)
{
    g_autofree gchar *name = nest_error_escape(guest->name);

    if (isatty(STDOUT_FILENO))
        (void)printf("\r%*s\r%s: %s\n", COUNTDOWN_WIDTH, "", name, what);
    else
        (void)printf("%s: %s\n", name, what);
    (void)fflush(stdout);
}

/* @on: how many domains are not off yet; 0: removes the countdown */
static void
count_down(const Drain *drain, guint on, gint64 seconds)
{
    g_autofree gchar *span = nest_output_span(seconds);
    g_autofree gchar *text =
        on > 0 ? g_strdup_printf("waiting for %u domain%s, for %s more", on, NEST_LOG_S(on), span)
               : g_strdup("");

    if (!drain->counting)
        return;
    (void)printf("\r%-*s\r%s", COUNTDOWN_WIDTH, text, text);
    (void)fflush(stdout);
}

/* Collects the domains whose guard is armed, which libvirt-guests cannot save, and those whose guard could not be
 * armed, which it would save although their nested guests may then be lost. */
static gboolean
collect(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    Drain *drain = data;
    g_autoptr(NestLiveDomain) live = NULL;
    const NestLiveStatus *status = NULL;
    int state = VIR_DOMAIN_NOSTATE;
    Guest *guest = NULL;

    if (!nest_live_domain_read(domain, NULL, connection->policy, FALSE, &live, error))
        return FALSE;
    status = live && live->marked ? &live->state->live : NULL;
    if (!status || !status->nested ||
        (!nest_live_status_guard_is(status, NEST_GUARD_ARMED) &&
         !nest_live_status_guard_is(status, NEST_GUARD_FAILED)))
        return TRUE;
    guest = g_atomic_rc_box_new0(Guest);
    guest->uri = virConnectGetURI(connection->libvirt);
    guest->name = g_strdup(live->guest.name);
    guest->uuid = g_strdup(live->guest.uuid);
    guest->id = live->guest.id;
    guest->paused = virDomainGetState(domain, &state, NULL, 0) == 0 &&
                    (state == VIR_DOMAIN_PAUSED || state == VIR_DOMAIN_PMSUSPENDED);
    g_ptr_array_add(drain->guests, guest);
    return TRUE;
}

/* Returns: the domain, if it still runs in the same QEMU; NULL if that has ended, or with libvirt's error. */
static virDomainPtr
find_same_run(virConnectPtr libvirt, const Guest *guest, gboolean *ret_off)
{
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(libvirt, guest->uuid);

    *ret_off = domain ? (int)virDomainGetID(domain) != guest->id : nest_virt_domain_is_gone();
    return *ret_off ? NULL : g_steal_pointer(&domain);
}

/* Without flags, libvirt asks the guest agent if there is one. If there is none, or if that fails,
 * it uses ACPI (libvirt src/qemu/qemu_driver.c, qemuDomainShutdownFlags()). */
static gboolean
shut_down(const Guest *guest, GError **error)
{
    g_autoptr(virConnect) libvirt = virConnectOpen(guest->uri);
    gboolean off = FALSE;
    g_autoptr(virDomain) domain = libvirt ? find_same_run(libvirt, guest, &off) : NULL;

    if (off || (domain && virDomainShutdownFlags(domain, 0) == 0))
        return TRUE;
    nest_virt_error(error, "cannot ask it to shut down");
    g_prefix_error(error, "%s: ", guest->name);
    return FALSE;
}

/* A thread's work. */
static void
ask_guest(gpointer data, gpointer unused)
{
    Guest *guest = data;
    GError *error = NULL;

    (void)unused;
    if (shut_down(guest, &error))
        print_guest_line(guest, guest->asked++ ? "asked again" : "asked to shut down");
    else
        nest_command_fail(error);
    g_atomic_int_set(&guest->asking, FALSE);
    guest_unref(guest);
}

static void
ask_all(Drain *drain)
{
    for (guint i = 0; i < drain->guests->len; i++) {
        Guest *guest = g_ptr_array_index(drain->guests, i);

        if (guest->off || guest->paused ||
            !g_atomic_int_compare_and_exchange(&guest->asking, FALSE, TRUE))
            continue;
        g_thread_pool_push(drain->askers, g_atomic_rc_box_acquire(guest), NULL);
    }
}

/* Prints which domains are off by now; returns how many others are not paused. */
static guint
query_guests(Drain *drain, virConnectPtr libvirt)
{
    guint on = 0;

    for (guint i = 0; i < drain->guests->len; i++) {
        Guest *guest = g_ptr_array_index(drain->guests, i);

        if (!guest->off) {
            g_autoptr(virDomain) domain = find_same_run(libvirt, guest, &guest->off);

            if (guest->off)
                print_guest_line(guest, "off");
        }
        on += !guest->off && !guest->paused;
    }
    return on;
}

/* Asks and waits until all are off or the wait has to end; returns the reason, in words. */
static const char *
wait_for_all(Drain *drain, virConnectPtr libvirt)
{
    gint64 begun = g_get_monotonic_time();
    gint64 next = begun;
    guint on = 0;

    while ((on = query_guests(drain, libvirt)) > 0) {
        gint64 now = g_get_monotonic_time();

        count_down(drain, on, drain->timeout - (now - begun) / G_TIME_SPAN_SECOND);
        if (g_atomic_int_get(&drain->stopped))
            return "it was told to stop";
        if (now - begun >= drain->timeout * G_TIME_SPAN_SECOND)
            return "the time is over";
        if (virConnectIsAlive(libvirt) != 1)
            return "libvirt does not answer any more";
        if (now >= next) {
            ask_all(drain);
            next = now + AGAIN_SECONDS * G_TIME_SPAN_SECOND;
        }
        g_usleep(POLL_US);
    }
    return "nothing more to wait for";
}

static guint
print_left(const Drain *drain)
{
    guint left = 0;

    for (guint i = 0; i < drain->guests->len; i++) {
        const Guest *guest = g_ptr_array_index(drain->guests, i);

        if (!guest->off)
            print_guest_line(guest, guest->paused ? "left paused" : "left running");
        left += !guest->off;
    }
    return left;
}

static void
print_paused(const Drain *drain)
{
    for (guint i = 0; i < drain->guests->len; i++) {
        const Guest *guest = g_ptr_array_index(drain->guests, i);

        if (guest->paused)
            print_guest_line(
                guest,
                "paused, so it would not notice a shutdown request; it is left as it is: run "
                "virsh resume (or virsh dompmwakeup) first");
    }
}

static gboolean
stop_waiting(gpointer data)
{
    g_atomic_int_set(&((Drain *)data)->stopped, TRUE);
    return G_SOURCE_REMOVE; /* a second signal ends the program at once */
}

static int
shut_down_all(Drain *drain, virConnectPtr libvirt)
{
    const char *why = NULL;
    guint left = 0;

    g_unix_signal_add(SIGTERM, stop_waiting, drain);
    g_unix_signal_add(SIGINT, stop_waiting, drain);
    print_paused(drain);
    drain->askers = g_thread_pool_new(ask_guest, NULL, ASKING_AT_A_TIME, FALSE, NULL);
    why = wait_for_all(drain, libvirt);
    count_down(drain, 0, 0);
    g_thread_pool_free(drain->askers, TRUE, FALSE);
    left = print_left(drain);
    if (left == 0)
        return NEST_EXIT_DONE;
    return nest_command_fail(g_error_new(
        NEST_ERROR, NEST_ERROR_LIVE_RUNNING,
        "%u of %u domain%s left (%s): nested guests run in them; libvirt-guests cannot save those with "
        "an armed guard, so they are killed when the host powers off; it may save those whose guard "
        "failed, but a restore on a host without nesting loses them: shut them down from inside, or "
        "let them be saved with their nested guests (virt-nest allow DOMAIN)",
        left, drain->guests->len, NEST_LOG_S(drain->guests->len), why));
}

static int
print_dry_run(const Drain *drain)
{
    for (guint i = 0; i < drain->guests->len; i++) {
        const Guest *guest = g_ptr_array_index(drain->guests, i);

        print_guest_line(guest, guest->paused ? "would be left as it is, paused"
                                              : "would be asked to shut down");
    }
    return NEST_EXIT_DONE;
}

/* Whether the person at the terminal agrees; without a terminal, as under systemd, nobody is asked. */
static gboolean
is_agreed(const Drain *drain)
{
    gchar answer[8] = "";

    if (drain->yes || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return TRUE;
    (void)print_dry_run(drain);
    (void)fputs("Do that now? [y/N] ", stdout);
    (void)fflush(stdout);
    return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

/* If a domain cannot be read, the others are still shut down, and the exit status is 1. */
static int
run_drain(Drain *drain, const NestConnection *connection)
{
    gchar *all[] = {NULL};
    int status = nest_connection_visit(connection, all, collect, drain);
    int end = NEST_EXIT_DONE;
    g_autofree gchar *where = nest_connection_where(connection);
    g_autofree gchar *elsewhere = nest_connection_elsewhere(connection);

    g_ptr_array_sort(drain->guests, compare_guests_by_name);
    if (drain->guests->len == 0 && status == NEST_EXIT_DONE)
        (void)printf("nothing to do: no guard keeps a running domain%s from being saved%s\n", where,
                     elsewhere);
    else if (drain->dry_run)
        end = print_dry_run(drain);
    else if (drain->guests->len > 0 && is_agreed(drain))
        end = shut_down_all(drain, connection->libvirt);
    else if (drain->guests->len > 0 && puts("nothing was done"))
        end = NEST_EXIT_FAILED;
    return end ? end : status;
}

int
nest_drain(NestCall *call)
{
    g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(guest_unref);
    Drain drain = {.timeout = TIMEOUT_SECONDS, .guests = guests};
    g_autoptr(NestConnection) connection = NULL; /* freed before @drain, which its loop uses */
    GError *error = NULL;
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"timeout", 0, 0, G_OPTION_ARG_INT, &drain.timeout,
         "how long to wait for all of them (300)", "SECONDS"},
        {"dry-run", 0, 0, G_OPTION_ARG_NONE, &drain.dry_run, "say what would be done, do nothing",
         NULL},
        {"yes", 'y', 0, G_OPTION_ARG_NONE, &drain.yes, "do not ask, also in a terminal", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (*call->arguments)
        return nest_command_misused(call, "it takes no argument");
    if (drain.timeout < 1)
        return nest_command_misused(call, "--timeout takes a number of seconds, 1 or more");
    drain.counting = isatty(STDOUT_FILENO);
    connection = nest_connection_open_for(call, NEST_CONNECTION_TO_CHANGE, &error);
    return connection ? run_drain(&drain, connection) : nest_command_fail(error);
}
