/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What enable, disable and apply did with each domain, or would do: a line for a person, an object for a program. */
#include "changes.h"

#include "base/error.h"

#include <stdio.h>

static void
add_domain_change(const NestChanges *changes, const char *name, const char *uuid, gboolean changed,
                  const char *what, const GError *error)
{
    JsonBuilder *builder = changes->builder;
    g_autofree gchar *problem = error ? nest_error_with_code(error) : NULL;

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "name", name);
    nest_output_json_string(builder, "uuid", uuid);
    nest_output_json_boolean(builder, "changed", changed);
    nest_output_json_string(builder, "what", what);
    nest_output_json_string(builder, "problem", problem);
    json_builder_end_object(builder);
}

void
nest_changes_add_failure(const NestChanges *changes, const char *name, const char *uuid,
                         const GError *error)
{
    if (changes && changes->builder)
        add_domain_change(changes, name, uuid, FALSE, NULL, error);
}

/* Its text begins with what it is a warning of. */
static void
print_problem(const char *name, const GError *problem)
{
    g_autoptr(GError) named = g_error_copy(problem);
    g_autofree gchar *text = NULL;

    g_prefix_error(&named, "%s: warning: ", name);
    text = nest_error_text(named);
    (void)fprintf(stderr, "%s\n", text);
}

void
nest_changes_print(const NestConnection *connection, virDomainPtr domain, gboolean changed,
                   const char *what, const GError *problem)
{
    const NestChanges *changes = connection->changes;
    const char *name = virDomainGetName(domain);
    g_autofree gchar *uuid = nest_virt_uuid(domain);

    if (changes->builder)
        add_domain_change(changes, name, uuid, changed, what, problem);
    else
        (void)printf("%s: %s%s\n", name,
                     changes->dry_run && changed ? "nothing was done, this would be: " : "", what);
    if (problem)
        print_problem(name, problem);
}
