/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest top: nested guests as they come and go, in a terminal or as one table after the other.
 *
 * Theory of operation: the main thread draws, and handles keys, signals and timers. A refresh reads all domains and
 * may have to wait for libvirt, so it runs on a thread of its own, one refresh at a time; the connection and the
 * samples belong to that thread. So the user can leave even while libvirt hangs. The main thread has a GMainContext of
 * its own, because the connection's thread runs the default one. */
#include "visit.h"

#include "base/error.h"
#include "daemon.h"
#include "output.h"
#include "rates.h"
#include "screen.h"
#include "top_view.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define FIRST_MS 250     /* from the first sample to the second, which gives the first rate */
#define PATIENCE_MS 1000 /* how long the end waits for a refresh that is under way */

typedef struct {
    /* as asked for */
    gchar *uri;
    gchar *line;     /* the command line, quoted for a shell */
    gchar **names;   /* empty: all */
    double interval; /* seconds */
    int count;       /* how many refreshes are to be shown */
    gboolean full;   /* we fill a terminal's screen */
    /* the refresh's, while one is under way */
    NestConnection *connection; /* NULL: libvirt is away */
    NestRates *rates;
    /* the main thread's */
    GMainContext *context;
    GMainLoop *loop;
    NestTopView *view;  /* NULL before the first refresh */
    gboolean looking;   /* a refresh is under way */
    NestTopStyle style; /* how it is shown */
    int shown;  /* how many refreshes were shown, not counting the first, which has no rates */
    int status; /* to exit with */
} Top;

/* --- a refresh, on a thread of its own */

/* Whether it is to be shown: all are, or it is named. */
static gboolean
is_domain_wanted(const Top *top, virDomainPtr domain)
{
    const gchar *const *names = (const gchar *const *)top->names;
    g_autofree gchar *id = g_strdup_printf("%u", virDomainGetID(domain));
    g_autofree gchar *uuid = nest_virt_uuid(domain);

    return !*names || g_strv_contains(names, virDomainGetName(domain)) ||
           g_strv_contains(names, uuid) || g_strv_contains(names, id);
}

/* A domain that cannot be read has just gone, or is not ours: it is left out. Returns whether it is there. */
static gboolean
query_running_domain(Top *top, virDomainPtr domain, NestTopView *view)
{
    g_autoptr(NestLiveDomain) live = NULL;

    if (!is_domain_wanted(top, domain))
        return FALSE;
    if (nest_live_domain_read(domain, NULL, top->connection->policy, FALSE, &live, NULL) && live)
        nest_top_view_add(view, live,
                          nest_rates_sample(top->rates, top->connection->libvirt, &live->guest));
    return TRUE;
}

/* (transfer full) Why no domain is shown. @run: how many of the domains to be shown run */
static gchar *
why_empty(const Top *top, guint run)
{
    g_autofree gchar *where = nest_connection_where(top->connection);
    g_autofree gchar *elsewhere = nest_connection_elsewhere(top->connection);
    guint named = g_strv_length(top->names);

    if (named == 1)
        return run ? g_strdup_printf("%s is not tagged%s: virt-nest enable %s", *top->names, where,
                                     *top->names)
                   : g_strdup_printf("%s is off%s: virsh start %s", *top->names, where,
                                     *top->names);
    if (named > 1)
        return g_strdup_printf("none of the %u named domains runs%s%s", named,
                               run ? " with a tag" : "", where);
    return g_strdup_printf("no tagged domain runs%s%s", where, elsewhere);
}

static NestTopView *
refresh_view(Top *top)
{
    g_autoptr(NestDomainList) domains = NULL;
    const NestCall call = {.uri = top->uri, .line = top->line};
    NestTopView *view = nest_top_view_new();
    guint run = 0;

    if (!top->connection || virConnectIsAlive(top->connection->libvirt) != 1) {
        g_clear_pointer(&top->connection, nest_connection_free);
        top->connection = nest_connection_open_for(&call, NEST_CONNECTION_TO_LOOK, &view->error);
    }
    if (!top->connection)
        return view;
    if (virConnectListAllDomains(top->connection->libvirt, &domains,
                                 VIR_CONNECT_LIST_DOMAINS_ACTIVE) < 0) {
        nest_virt_error(&view->error, "cannot list the domains");
        return view;
    }
    for (gsize i = 0; domains[i]; i++)
        run += query_running_domain(top, domains[i], view);
    view->empty = why_empty(top, run);
    view->watched = nest_connection_is_watched(top->connection);
    nest_top_view_sort(view);
    nest_rates_forget_gone(top->rates);
    return view;
}

static void
query_in_thread(GTask *task, gpointer source, gpointer top, GCancellable *cancellable)
{
    (void)source, (void)cancellable;
    g_task_return_pointer(task, refresh_view(top), (GDestroyNotify)nest_top_view_free);
}

/* --- what there is to be seen */

static void
end_top(Top *top, int status)
{
    top->status = MAX(top->status, status);
    g_main_loop_quit(top->loop);
}

static void
draw(Top *top)
{
    g_autoptr(GPtrArray) lines = NULL;
    guint columns = 0;
    guint rows = 0;

    nest_screen_size(&columns, &rows);
    lines = nest_top_view_lines(top->view, &top->style, columns, rows);
    if (!nest_screen_show(lines))
        end_top(top, NEST_EXIT_FAILED);
}

static void
print_view(Top *top)
{
    g_autoptr(GPtrArray) lines = nest_top_view_lines(top->view, &top->style, NEST_OUTPUT_WIDTH, 0);

    for (guint i = 0; i < lines->len; i++)
        (void)puts(g_ptr_array_index(lines, i));
    (void)putchar('\n');
    if (fflush(stdout) != 0)
        end_top(top, NEST_EXIT_FAILED); /* main() says why */
}

/* --- keys, signals and the clock */

static gboolean tick(gpointer data);

static void
add_timer(Top *top, guint ms, GSourceFunc function)
{
    g_autoptr(GSource) timer = g_timeout_source_new(ms);

    g_source_set_callback(timer, function, top, NULL);
    g_source_attach(timer, top->context);
}

static gboolean
tick_once(gpointer top)
{
    (void)tick(top);
    return G_SOURCE_REMOVE;
}

static void
looked(GObject *source, GAsyncResult *result, gpointer data)
{
    Top *top = data;
    gboolean first = !top->view;

    (void)source;
    nest_top_view_free(top->view);
    top->view = g_task_propagate_pointer(G_TASK(result), NULL);
    top->looking = top->style.late = FALSE;
    if (!g_main_loop_is_running(top->loop))
        return; /* it came while we ended */
    if (top->full)
        draw(top);
    else if (!first)
        print_view(top);
    if (first)
        add_timer(top, FIRST_MS, tick_once);
    else if (++top->shown == top->count)
        end_top(top, NEST_EXIT_DONE);
}

static gboolean
tick(gpointer data)
{
    Top *top = data;
    g_autoptr(GTask) task = NULL;

    if (top->looking) {
        top->style.late = TRUE;
        if (top->full)
            draw(top);
        return G_SOURCE_CONTINUE;
    }
    top->looking = TRUE;
    task = g_task_new(NULL, NULL, looked, top);
    g_task_set_task_data(task, top, NULL);
    g_task_run_in_thread(task, query_in_thread);
    return G_SOURCE_CONTINUE;
}

/* What the signals in the table below do; all others end the program. */
static void
suspend_screen(Top *top)
{
    (void)top;
    nest_screen_leave();
    nest_screen_stop();
    nest_screen_enter();
}

static void
go_on_showing(Top *top)
{
    (void)top;
    nest_screen_enter();
}

static void
change_size(Top *top)
{
    (void)top; /* react() draws in the new size then */
}

static const struct {
    guint32 number;
    void (*act)(Top *top);
} reactions[] = {{SIGTSTP, suspend_screen}, {SIGCONT, go_on_showing}, {SIGWINCH, change_size}};

static void
react(Top *top, guint32 number)
{
    for (gsize i = 0; i < G_N_ELEMENTS(reactions); i++)
        if (reactions[i].number == number) {
            reactions[i].act(top);
            draw(top);
            return;
        }
    end_top(top, NEST_EXIT_DONE);
}

static gboolean
hear_signal(gint fd, GIOCondition condition, gpointer top)
{
    struct signalfd_siginfo heard;

    (void)condition;
    if (read(fd, &heard, sizeof(heard)) == sizeof(heard))
        react(top, heard.ssi_signo);
    return G_SOURCE_CONTINUE;
}

/* Our keys, q and Q, are single bytes. Of the escape sequences of other keys, one has a 'q' in it: the keypad's 1 sends
 * ESC O q in application mode, which nothing here switches on. */
static gboolean
hear_key(gint fd, GIOCondition condition, gpointer top)
{
    char keys[64];
    ssize_t n = read(fd, keys, sizeof(keys));

    (void)condition;
    if (n <= 0 || memchr(keys, 'q', (size_t)n) || memchr(keys, 'Q', (size_t)n))
        end_top(top, NEST_EXIT_DONE);
    return G_SOURCE_CONTINUE;
}

static void
watch_input(Top *top, int fd, GUnixFDSourceFunc function)
{
    g_autoptr(GSource) source = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR);

    g_source_set_callback(source, G_SOURCE_FUNC(function), top, NULL);
    g_source_attach(source, top->context);
}

/* --- beginning and end */

static gboolean
wake_up(gpointer top)
{
    (void)top;
    return G_SOURCE_REMOVE;
}

static void
run_top(Top *top)
{
    gint64 last = 0;

    top->context = g_main_context_new();
    top->loop = g_main_loop_new(top->context, FALSE);
    g_main_context_push_thread_default(top->context);
    if (top->full) {
        watch_input(top, nest_screen_signals(), hear_signal);
        watch_input(top, STDIN_FILENO, hear_key);
        nest_screen_enter();
        draw(top);
    }
    add_timer(top, (guint)(top->interval * 1000), tick);
    (void)tick(top);
    g_main_loop_run(top->loop);
    nest_screen_leave();
    last = g_get_monotonic_time() + (gint64)PATIENCE_MS * 1000;
    add_timer(top, PATIENCE_MS, wake_up);
    while (top->looking && g_get_monotonic_time() < last)
        (void)g_main_context_iteration(top->context, TRUE);
    g_main_context_pop_thread_default(top->context);
}

/* If a thread still waits for libvirt, nothing is freed: the thread ends with the program. */
static void
top_free(Top *top)
{
    if (top->looking)
        return;
    g_free(top->uri);
    g_free(top->line);
    g_strfreev(top->names);
    nest_connection_free(top->connection);
    nest_rates_free(top->rates);
    nest_top_view_free(top->view);
    g_clear_pointer(&top->loop, g_main_loop_unref);
    g_clear_pointer(&top->context, g_main_context_unref);
    g_free(top);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Top, top_free)

/* Lets a name that does not exist be reported now, while the user can read the message. */
static gboolean
is_there(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    (void)connection, (void)domain, (void)data, (void)error;
    return TRUE;
}

/* Checks libvirt and the names over a connection of its own, which is closed before signals are
 * blocked: none of its threads may exist by then. Until then, Ctrl-C works while libvirt does not
 * answer. Returns the exit status. */
static int
check_libvirt_and_names(const NestCall *call)
{
    GError *error = NULL;
    g_autoptr(NestConnection) connection =
        nest_connection_open_for(call, NEST_CONNECTION_TO_LOOK, &error);

    if (!connection)
        return nest_command_fail(error);
    return *call->arguments ? nest_connection_visit(connection, call->arguments, is_there, NULL)
                            : NEST_EXIT_DONE;
}

static gboolean
parse_top_options(NestCall *call, Top *top, int *ret_status)
{
    const GOptionEntry options[] = {
        {"interval", 'i', 0, G_OPTION_ARG_DOUBLE, &top->interval,
         "seconds between two looks, 0.1 to 3600; 2 unless given", "S"},
        {"count", 'n', 0, G_OPTION_ARG_INT, &top->count, "end after this number of looks", "N"},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, ret_status))
        return FALSE;
    if (top->interval >= 0.1 && top->interval <= 3600 && top->count >= 1)
        return TRUE;
    *ret_status =
        nest_command_misused(call, top->count < 1 ? "--count takes a number, 1 or more"
                                                  : "--interval takes seconds, from 0.1 to 3600");
    return FALSE;
}

int
nest_top(NestCall *call)
{
    g_autoptr(Top) top = g_new0(Top, 1);

    top->interval = 2;
    top->count = G_MAXINT;
    if (!parse_top_options(call, top, &top->status))
        return top->status;
    (void)setlocale(LC_CTYPE, "");
    top->status = check_libvirt_and_names(call);
    if (top->status != NEST_EXIT_DONE)
        return top->status;
    top->uri = g_strdup(call->uri);
    top->line = g_strdup(call->line);
    top->names = g_strdupv(call->arguments);
    top->style.utf8 = g_str_equal(nl_langinfo(CODESET), "UTF-8");
    top->full = nest_screen_is_there();
    top->rates = nest_rates_new(NEST_PLUGINDIR);
    run_top(top);
    return top->status;
}
