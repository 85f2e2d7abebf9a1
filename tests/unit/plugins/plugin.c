/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugins of test-plugin-host: built once for each variant, with VARIANT set to it and NAME to its file's name. */
#include "base/error.h"
#include "nest-plugin.h"

#define good 1
#define good_guard 2
#define good_export 3
#define no_start 4
#define wrong_abi 5
#define wrong_size 6
#define only_head 7 /* as long as it says, and nothing after it */
#define no_symbol 8
#define no_name 9
#define wrong_name 10
#define no_kind 11
#define wrong_kind 12
#define no_sample 13
#define no_arm 14
#define no_disarm 15
#define no_is_armed 16
#define no_publish 17
#define start_fails 18
#define start_is_mute 19
#define no_watch 20
#define no_unwatch 21
#define no_get_fd 22
#define no_next_entered 23
#define good_watch 24
#define is(variant) (VARIANT == (variant))

#if VARIANT == only_head

extern NEST_PLUGIN_EXPORTED const guint32 head[2] __asm__(NEST_PLUGIN_SYMBOL);
const guint32 head[2] = {NEST_PLUGIN_ABI, sizeof(head)};

#elif VARIANT != no_symbol

static void
note(const char *what)
{
    const char *before = g_getenv("NEST_TEST_CALLS");
    g_autofree gchar *calls = g_strconcat(before ? before : "", what, " ", NAME, "\n", NULL);

    g_setenv("NEST_TEST_CALLS", calls, TRUE);
}

static gboolean
start(GKeyFile *settings, gpointer *ret_state, GError **error)
{
    note("start");
    if (is(start_fails))
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_CONFIG, "its key is wrong");
    *ret_state = g_key_file_get_string(settings, NAME, "key", NULL);
    return !is(start_fails) && !is(start_is_mute);
}

static void
stop(gpointer state)
{
    note("stop");
    g_free(state);
}

static gboolean
sample(gpointer state, const NestGuest *guest, virDomainPtr domain, NestEvidence *evidence, GError **error)
{
    (void)state, (void)guest, (void)domain, (void)evidence, (void)error;
    return TRUE;
}

static gboolean
arm(gpointer state, const NestGuest *guest, virDomainPtr domain, gchar **ret_aborted, GError **error)
{
    (void)state, (void)guest, (void)domain, (void)ret_aborted, (void)error;
    return TRUE;
}

static gboolean
disarm(gpointer state, const NestGuest *guest, virDomainPtr domain, GError **error)
{
    (void)state, (void)guest, (void)domain, (void)error;
    return TRUE;
}

static gboolean
is_armed(gpointer state, const NestGuest *guest, virDomainPtr domain, gboolean *ret_armed, GError **error)
{
    (void)state, (void)guest, (void)domain, (void)ret_armed, (void)error;
    return TRUE;
}

static gboolean
publish(gpointer state, const NestDomainStatus *shown, gsize n, GError **error)
{
    (void)state, (void)shown, (void)n, (void)error;
    return TRUE;
}

static gboolean
watch(gpointer state, const NestGuest *guest, GError **error)
{
    (void)state, (void)guest, (void)error;
    return TRUE;
}

static void
unwatch(gpointer state, const NestGuest *guest)
{
    (void)state, (void)guest;
}

static int
get_fd(gpointer state)
{
    (void)state;
    return -1;
}

static gint64
next_entered(gpointer state, gint64 *ret_time)
{
    (void)state, (void)ret_time;
    return 0;
}

#define IS_GUARD (is(good_guard) || is(no_arm) || is(no_disarm) || is(no_is_armed))
#define IS_EXPORT (is(good_export) || is(no_publish))
#define IS_WATCH (is(good_watch) || is(no_watch) || is(no_unwatch) || is(no_get_fd) || is(no_next_entered))

const NestPlugin nest_plugin = {
    .abi = NEST_PLUGIN_ABI + is(wrong_abi),
    .size = sizeof(NestPlugin) + 8 * is(wrong_size),
    .name = is(no_name) ? NULL : is(wrong_name) ? "good" : NAME,
    .kind = is(no_kind)      ? 0
            : is(wrong_kind) ? NEST_PLUGIN_WATCH + 1
            : IS_GUARD       ? NEST_PLUGIN_GUARD
            : IS_EXPORT      ? NEST_PLUGIN_EXPORT
            : IS_WATCH       ? NEST_PLUGIN_WATCH
                             : NEST_PLUGIN_PROBE,
    .start = is(no_start) ? NULL : start,
    .stop = is(no_start) ? NULL : stop,
    .sample = is(no_sample) ? NULL : sample,
    .arm = is(no_arm) ? NULL : arm,
    .disarm = is(no_disarm) ? NULL : disarm,
    .is_armed = is(no_is_armed) ? NULL : is_armed,
    .publish = is(no_publish) ? NULL : publish,
    .watch = is(no_watch) ? NULL : watch,
    .unwatch = is(no_unwatch) ? NULL : unwatch,
    .get_fd = is(no_get_fd) ? NULL : get_fd,
    .next_entered = is(no_next_entered) ? NULL : next_entered,
};

#endif
