/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest doctor: looks at everything that nesting rests on, and says what is wrong and what to do. */
#include "doctor.h"

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

static GPtrArray *
diagnose_all(const char *uri)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestConnection) connection =
        nest_connection_open(uri, NEST_CONNECTION_TO_DIAGNOSE, &error);
    NestDoctor doctor = {
        .connection = connection,
        .unreachable = error,
        .host = connection ? connection->host : nest_kvm_module_read(),
        .hook = nest_hook_calls_read(),
        .findings = nest_doctor_findings_new(),
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
    findings = diagnose_all(call->uri);
    if (json)
        nest_doctor_findings_print_json(findings);
    else
        nest_doctor_findings_print(findings);
    return nest_doctor_findings_count(findings, NEST_DOCTOR_FAIL) > 0 ? NEST_EXIT_FAILED
                                                                      : NEST_EXIT_DONE;
}
