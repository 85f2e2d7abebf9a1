/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest doctor: looks at everything that nesting rests on, and says what is wrong and what to do. */
#include "doctor.h"

#include "base/error.h"
#include "output.h"

#include <stdio.h>

#define SUBJECT 12 /* columns for the name of a part */
#define STATUS 72  /* the column of the status */

/* A new part is a row here and a function in doctor.h. */
static const struct {
    const char *subject;
    void (*look)(NestDoctor *doctor);
} parts[] = {
    {"libvirt", nest_doctor_libvirt},   {"hook", nest_doctor_hook},
    {"security", nest_doctor_confined}, {"virtnestd", nest_doctor_daemon},
    {"rules", nest_doctor_rules},       {"guard", nest_doctor_guard},
    {"shutdown", nest_doctor_shutdown}, {"host", nest_doctor_host},
    {"guest", nest_doctor_guest},       {"kernel", nest_doctor_kernel},
    {"domains", nest_doctor_domains},
};

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

/* --- what is printed */

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

static guint
count_findings(const GPtrArray *findings, NestDoctorStatus status)
{
    guint n = 0;

    for (guint i = 0; i < findings->len; i++)
        n += ((const NestDoctorFinding *)g_ptr_array_index(findings, i))->status == status;
    return n;
}

/* The last line says whether anything has to be done. */
static void
print_findings(const GPtrArray *findings)
{
    guint failures = count_findings(findings, NEST_DOCTOR_FAIL);
    guint warnings = count_findings(findings, NEST_DOCTOR_WARN);

    for (guint i = 0; i < findings->len; i++)
        print_finding(g_ptr_array_index(findings, i));
    if (failures > 0)
        (void)printf("%u of %u do not work (FAIL): do what stands behind ->\n", failures,
                     findings->len);
    else if (warnings > 0)
        (void)printf("All works; %u could be better (WARN)\n", warnings);
    else
        (void)printf("All is well\n");
}

static void
print_findings_json(const GPtrArray *findings)
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

/* --- the command */

static GPtrArray *
look_at_all(const char *uri)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestConnection) connection =
        nest_connection_open(uri, NEST_CONNECTION_TO_DIAGNOSE, &error);
    NestDoctor doctor = {
        .connection = connection,
        .unreachable = error,
        .host = connection ? connection->host : nest_kvm_module_read(),
        .hook = nest_hook_calls_read(),
        .findings = g_ptr_array_new_with_free_func(finding_free),
    };

    nest_doctor_survey(&doctor);
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        doctor.subject = parts[i].subject;
        parts[i].look(&doctor);
    }
    g_clear_pointer(&doctor.survey.problems, g_ptr_array_unref);
    g_clear_pointer(&doctor.survey.youngest, g_free);
    g_clear_pointer(&doctor.units, g_hash_table_unref);
    return doctor.findings;
}

int
nest_doctor(NestCall *call)
{
    g_autoptr(GPtrArray) findings = NULL;
    gboolean json = FALSE;
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "for programs: an array of objects", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (*call->arguments)
        return nest_command_misused(call, "it takes no argument");
    findings = look_at_all(call->uri);
    if (json)
        print_findings_json(findings);
    else
        print_findings(findings);
    return count_findings(findings, NEST_DOCTOR_FAIL) > 0 ? NEST_EXIT_FAILED : NEST_EXIT_DONE;
}
