/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts a running domain's live status, which virtnestd writes, into words: its nested guests and its guard. */
#include "live.h"

#include "guard/verdict.h"
#include "output.h"

static gint64
wall_clock_now(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

/* If QEMU's start time cannot be read, as by an ordinary user, the uuid alone has to match. */
const NestLiveStatus *
nest_live_status_of(const NestLiveDomain *live)
{
    gboolean ours = live && nest_live_status_is_of(&live->state->live, live->guest.uuid) &&
                    (live->marked || !*live->qemu);

    return ours && live->state->live.guard ? &live->state->live : NULL;
}

const char *
nest_live_verdict(const NestLiveDomain *live)
{
    const NestLiveStatus *status = nest_live_status_of(live);
    const char *unknown = nest_verdict_reason_name(NEST_REASON_NOTHING);

    if (!status)
        return "-";
    if (status->nested)
        return nest_verdict_state_name(NEST_VERDICT_RUNNING);
    return nest_verdict_state_name(!status->reason || g_str_equal(status->reason, unknown)
                                       ? NEST_VERDICT_UNKNOWN
                                       : NEST_VERDICT_NONE);
}

const char *
nest_live_guard(const NestLiveDomain *live, gboolean watched)
{
    const NestLiveStatus *status = nest_live_status_of(live);

    if (!status)
        return "-";
    return watched && nest_live_status_guard_is(status, NEST_GUARD_OFF) ? "ready" : status->guard;
}

/* --- for a person */

static gchar *
evidence_text(const NestLiveStatus *status, double rate)
{
    const char *words = status->reason ? nest_verdict_reason_text(status->reason) : NULL;
    GString *text = g_string_new("evidence: ");

    g_string_append(text, words ? words : "not said");
    if (status->probe)
        g_string_append_printf(text, " (%s)", status->probe);
    if (rate >= 0)
        g_string_append_printf(text, ", %.0f entries a second", rate);
    return g_string_free(text, FALSE);
}

/* (nullable) Why the guard is lifted; NULL if it is not, nor about to be. */
static gchar *
allow_text(const NestLiveDomain *live, const NestLiveStatus *status)
{
    g_autofree gchar *span = nest_output_span(live->allow.until - wall_clock_now());

    if (nest_allow_holds(&live->allow, wall_clock_now()))
        return live->allow.once
                   ? g_strdup("guard: lifted by virt-nest allow for one migration, save or memory "
                              "snapshot, within an hour")
                   : g_strdup_printf("guard: lifted for %s more by virt-nest allow", span);
    if (nest_live_status_guard_is(status, NEST_GUARD_LIFTED))
        return g_strdup(
            "guard: lifted, because the tag says migration='allow' or virtnestd has not armed it "
            "again yet");
    return NULL;
}

static void
add_text_line(GPtrArray *lines, gchar *line)
{
    if (line)
        g_ptr_array_add(lines, line);
}

GPtrArray *
nest_live_text(const NestLiveDomain *live, double rate)
{
    const NestLiveStatus *status = nest_live_status_of(live);
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    gchar *allow = status ? allow_text(live, status) : NULL;

    if (!status ||
        (!status->nested && !allow && !nest_live_status_guard_is(status, NEST_GUARD_FAILED)))
        return lines;
    add_text_line(lines, evidence_text(status, rate));
    if (status->since) {
        g_autoptr(GDateTime) since = g_date_time_new_from_unix_local(status->since);
        g_autofree gchar *date = since ? g_date_time_format(since, "%F %T") : NULL;
        g_autofree gchar *span = nest_output_span(wall_clock_now() - status->since);

        if (date)
            add_text_line(lines,
                          g_strdup_printf("%s since %s (%s)", nest_live_verdict(live), date, span));
    }
    if (status->problem)
        add_text_line(lines, g_strdup_printf("guard: %s", status->problem));
    add_text_line(lines, allow);
    return lines;
}

/* --- for programs */

static void
build_nested_guests(JsonBuilder *builder, const NestLiveDomain *live, const NestLiveStatus *status,
                    double rate)
{
    g_autofree gchar *since = status->since ? nest_output_iso_time(status->since) : NULL;

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "verdict", nest_live_verdict(live));
    nest_output_json_string(builder, "reason", status->reason);
    nest_output_json_string(builder, "since", since);
    nest_output_json_string(builder, "probe", status->probe);
    json_builder_set_member_name(builder, "entries_per_second");
    if (rate >= 0)
        json_builder_add_int_value(builder, (gint64)(rate + 0.5));
    else
        json_builder_add_null_value(builder);
    json_builder_end_object(builder);
}

static void
build_guard(JsonBuilder *builder, const NestLiveDomain *live, const NestLiveStatus *status)
{
    gboolean allowed = nest_allow_holds(&live->allow, wall_clock_now());
    g_autofree gchar *until = live->allow.until ? nest_output_iso_time(live->allow.until) : NULL;

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "state", status->guard);
    nest_output_json_string(builder, "problem", status->problem);
    nest_output_json_string(builder, "allowed",
                            !allowed           ? NULL
                            : live->allow.once ? "once"
                                               : until);
    json_builder_end_object(builder);
}

void
nest_live_build(JsonBuilder *builder, const NestLiveDomain *live, double rate)
{
    const NestLiveStatus *status = nest_live_status_of(live);

    json_builder_set_member_name(builder, "nested");
    if (status)
        build_nested_guests(builder, live, status, rate);
    else
        json_builder_add_null_value(builder);
    json_builder_set_member_name(builder, "guard");
    if (status)
        build_guard(builder, live, status);
    else
        json_builder_add_null_value(builder);
}
