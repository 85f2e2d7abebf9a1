/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at the domains: each tagged one that has a problem, in status's words. */
#include "doctor.h"

#include "report.h"

/* What the look found by now. */
typedef struct {
    NestDoctor *doctor;
    guint tagged;
    guint problems;
} Count;

static gboolean
look_at_domain(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    Count *count = data;
    g_autoptr(NestReport) report = nest_report_new(connection, domain, error);
    g_autofree gchar *remedy = NULL;

    if (!report)
        return FALSE;
    count->tagged += report->tagged;
    if (!report->problem)
        return TRUE;
    count->problems++;
    remedy = g_strdup_printf("virt-nest status %s", report->name);
    nest_doctor_add(count->doctor, "domain", report->applied ? NEST_DOCTOR_WARN : NEST_DOCTOR_FAIL,
                    remedy, "%s: %s", report->name, report->problem);
    return TRUE;
}

void
nest_doctor_domains(NestDoctor *doctor)
{
    static gchar *all[] = {NULL};
    Count count = {.doctor = doctor};

    if (!doctor->connection)
        return;
    if (nest_connection_visit(doctor->connection, all, look_at_domain, &count) != NEST_EXIT_DONE)
        nest_doctor_add(doctor, "domains", NEST_DOCTOR_UNKNOWN, NULL,
                        "not every domain could be looked at");
    else if (count.problems == 0)
        nest_doctor_add(doctor, "domains", NEST_DOCTOR_PASS, NULL,
                        "%u tagged, and none has a problem", count.tagged);
}
