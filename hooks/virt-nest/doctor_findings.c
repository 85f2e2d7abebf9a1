/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the doctor has found, and how that is printed: for a person on a screen, and for programs. */
#include "doctor.h"

#include "base/error.h"
#include "output.h"

#include <stdio.h>

#define SUBJECT 12 /* columns for the name of a part */
#define STATUS 72  /* the column of the status */

static const struct {
    const char *shown;
    const char *name; /* for programs */
} statuses[] = {
    [NEST_DOCTOR_PASS] = {"PASS", "pass"},
    [NEST_DOCTOR_WARN] = {"WARN", "warn"},
    [NEST_DOCTOR_FAIL] = {"FAIL", "fail"},
    [NEST_DOCTOR_UNKNOWN] = {"UNKNOWN", "unknown"},
};

static void
finding_free(gpointer data)
{
    NestDoctorFinding *finding = data;

    g_free(finding->text);
    g_free(finding->remedy);
    g_free(finding);
}

GPtrArray *
nest_doctor_findings_new(void)
{
    return g_ptr_array_new_with_free_func(finding_free);
}

void
nest_doctor_add(NestDoctor *doctor, const char *id, NestDoctorStatus status, const char *remedy,
                const char *format, ...)
{
    NestDoctorFinding *finding = g_new0(NestDoctorFinding, 1);
    va_list arguments;

    va_start(arguments, format);
    *finding = (NestDoctorFinding){doctor->subject, id, status, g_strdup_vprintf(format, arguments),
                                   g_strdup(remedy)};
    va_end(arguments);
    g_assert(remedy || (status != NEST_DOCTOR_WARN && status != NEST_DOCTOR_FAIL));
    g_ptr_array_add(doctor->findings, finding);
}

static void
print_finding(const NestDoctorFinding *finding)
{
    g_autoptr(GPtrArray) lines = nest_output_lines(finding->text, STATUS - SUBJECT - 2);

    for (guint i = 0; i < lines->len; i++) {
        const char *line = g_ptr_array_index(lines, i);
        gboolean is_last = i + 1 == lines->len;

        (void)printf("%*s%c ", SUBJECT - 2, i == 0 ? finding->subject : "", i == 0 ? ':' : ' ');
        (void)fputs(line, stdout);
        if (is_last)
            (void)printf("%*s: %s", (int)(STATUS - SUBJECT - 1 - nest_output_width(line)), "",
                         statuses[finding->status].shown);
        (void)putchar('\n');
    }
    if (!finding->remedy)
        return;
    (void)printf("%*s-> ", SUBJECT, "");
    nest_output_wrap(finding->remedy, SUBJECT + 3);
    (void)putchar('\n');
}

guint
nest_doctor_findings_count(const GPtrArray *findings, NestDoctorStatus status)
{
    guint n = 0;

    for (guint i = 0; i < findings->len; i++)
        n += ((const NestDoctorFinding *)g_ptr_array_index(findings, i))->status == status;
    return n;
}

void
nest_doctor_findings_print(const GPtrArray *findings)
{
    guint failures = nest_doctor_findings_count(findings, NEST_DOCTOR_FAIL);
    guint warnings = nest_doctor_findings_count(findings, NEST_DOCTOR_WARN);

    for (guint i = 0; i < findings->len; i++)
        print_finding(g_ptr_array_index(findings, i));
    if (failures > 0)
        (void)printf("%u of %u do not work (FAIL): do what follows \"->\"\n", failures,
                     findings->len);
    else if (warnings > 0)
        (void)printf("All works; %u could be better (WARN)\n", warnings);
    else
        (void)printf("All is well\n");
}

void
nest_doctor_findings_print_json(const GPtrArray *findings)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < findings->len; i++) {
        const NestDoctorFinding *finding = g_ptr_array_index(findings, i);

        json_builder_begin_object(builder);
        nest_output_json_string(builder, "id", finding->id);
        nest_output_json_string(builder, "status", statuses[finding->status].name);
        nest_output_json_string(builder, "text", finding->text);
        nest_output_json_string(builder, "remedy", finding->remedy);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    nest_output_json_print(builder);
}
