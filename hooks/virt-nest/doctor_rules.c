/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at the host's rules: how many there are, and each that is mistaken. */
#include "doctor.h"

#include "base/root.h"
#include "domain/rules.h"

#include <errno.h>
#include <glib/gstdio.h>

static void
add_mistaken(NestDoctor *doctor, const NestRule *rule)
{
    g_autofree gchar *remedy = nest_doctor_to_correct(doctor, rule->file);
    g_autofree gchar *path = nest_root_path(rule->file);

    /* It may be only this user who cannot read the rule's file. */
    if (rule->line == 0 && g_access(path, R_OK) < 0 && errno == EACCES)
        nest_doctor_add(doctor, "rules", NEST_DOCTOR_UNKNOWN, NULL, "only root may read %s",
                        rule->file);
    else
        nest_doctor_add(
            doctor, "rules", NEST_DOCTOR_FAIL, remedy,
            "%s; until then each domain that no tag and no earlier rule decides stays as it is, "
            "and one that may be forbidden to nest may be kept from starting",
            rule->mistake->message);
}

void
nest_doctor_rules(NestDoctor *doctor)
{
    g_autoptr(NestRules) rules = nest_rules_load();
    guint length = nest_rules_length(rules);

    for (guint i = 0; i < length; i++)
        if (nest_rules_get(rules, i)->mistake)
            add_mistaken(doctor, nest_rules_get(rules, i));
    if (length == 0)
        nest_doctor_add(doctor, "rules", NEST_DOCTOR_PASS, NULL,
                        "there are none in " NEST_RULES_DIRECTORY);
    else if (!nest_rules_mistake(rules))
        nest_doctor_add(doctor, "rules", NEST_DOCTOR_PASS, NULL,
                        "%u in " NEST_RULES_DIRECTORY ", and none is mistaken", length);
}
