/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at the domains: one for all parts, and each tagged domain that has a problem, in status's words. */
#include "doctor.h"

#include "host/process.h"
#include "report.h"
#include "visit.h"

static void
note_start(NestDoctorSurvey *survey, virDomainPtr domain)
{
    g_autofree gchar *file = nest_virt_pid_file(domain);
    gint64 started = file ? nest_process_began(file) : 0;

    if (started <= survey->started)
        return;
    survey->started = started;
    g_free(survey->youngest);
    survey->youngest = g_strdup(virDomainGetName(domain));
}

static gboolean
diagnose_domain(const NestConnection *connection, virDomainPtr domain, gpointer data,
                GError **error)
{
    NestDoctorSurvey *survey = data;
    g_autoptr(NestReport) report = nest_report_new(connection, domain, error);

    if (!report)
        return FALSE;
    if (report->active)
        note_start(survey, domain);
    survey->tagged += report->tagged;
    survey->tagged_kvm += report->tagged && report->is_kvm;
    if (report->problem)
        g_ptr_array_add(survey->problems, g_steal_pointer(&report));
    return TRUE;
}

void
nest_doctor_survey(NestDoctor *doctor)
{
    static gchar *all[] = {NULL};

    doctor->survey.problems = g_ptr_array_new_with_free_func((GDestroyNotify)nest_report_free);
    if (doctor->connection)
        doctor->survey.partial = nest_connection_visit(doctor->connection, all, diagnose_domain,
                                                       &doctor->survey) != NEST_EXIT_DONE;
}

NestDoctorStatus
nest_doctor_without_kvm(const NestDoctor *doctor, gboolean lasting)
{
    const NestDoctorSurvey *survey = &doctor->survey;
    gboolean is_whole = doctor->connection && !survey->partial;

    return is_whole && survey->tagged_kvm == 0 && (survey->tagged > 0 || lasting)
               ? NEST_DOCTOR_WARN
               : NEST_DOCTOR_FAIL;
}

/* (transfer full) The name as a word for a shell and for virt-nest. */
static gchar *
as_word(const char *name)
{
    g_autofree gchar *quoted = NULL;

    if (name[strspn(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-")] == '\0' && *name != '-')
        return g_strdup(name);
    quoted = g_shell_quote(name);
    return g_strdup_printf("-- %s", quoted);
}

/* (transfer full) */
static gchar *
find_domain_remedy(NestDoctor *doctor, const NestReport *report)
{
    gboolean is_system = nest_doctor_is_system(doctor);
    g_autofree gchar *word = as_word(report->name);

    if (report->by_daemon)
        return nest_doctor_unit_command(doctor, "virtnestd.service", "start");
    if (!report->cure)
        return g_strdup_printf("virt-nest status %s (and do what it says)", word);
    return g_strdup_printf("%s -c %s %s %s", is_system ? "sudo virt-nest" : "virt-nest",
                           doctor->connection->uri, report->cure, word);
}

void
nest_doctor_domains(NestDoctor *doctor)
{
    const NestDoctorSurvey *survey = &doctor->survey;

    if (!doctor->connection)
        return;
    for (guint i = 0; i < survey->problems->len; i++) {
        const NestReport *report = g_ptr_array_index(survey->problems, i);
        g_autofree gchar *remedy = find_domain_remedy(doctor, report);

        nest_doctor_add(doctor, "domain", report->applied ? NEST_DOCTOR_WARN : NEST_DOCTOR_FAIL,
                        remedy, "%s: %s", report->name, report->problem);
    }
    if (survey->partial)
        nest_doctor_add(doctor, "domains", NEST_DOCTOR_UNKNOWN, NULL,
                        "not every domain could be looked at");
    else if (survey->problems->len == 0)
        nest_doctor_add(doctor, "domains", NEST_DOCTOR_PASS, NULL,
                        "%u tagged, and none has a problem", survey->tagged);
}
