/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel against the nested escapes that are known: what each kernel's own words say about the file that is installed. */
#include "check.h"
#include "host/advisories.h"

#define F NEST_ADVISORY_FIXED
#define A NEST_ADVISORY_AFFECTED
#define U NEST_ADVISORY_UNKNOWN

/* One for each advisory, in the file's order. */
static const struct {
    const char *sentence;
    const char *release;
    const char *build;
    NestAdvisoryState states[4];
} rows[] = {
    {"Debian's version is in the build's text", "6.1.0-44-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-06-01)", {F, A, A, A}},
    {"Debian 12 with all fixes", "6.1.0-48-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.187-1 (2026-09-20)", {F, F, F, F}},
    {"the revision counts", "6.12.0-90-amd64", "#1 SMP Debian 6.12.105-0 (2026-09-01)", {F, F, F, A}},
    {"a backport of the same version", "6.12.0-90-amd64", "#1 SMP Debian 6.12.105-1~bpo12+1 (2026-09-01)", {F, F, F, F}},
    {"a later series", "7.3-amd64", "#1 SMP Debian 7.3-1 (2026-11-01)", {F, F, F, F}},
    {"a series of Debian that its list has not, but Linux's", "7.1-amd64", "#1 SMP Debian 7.1.6-1 (2026-08-10)", {F, F, F, A}},
    {"Linux itself", "6.6.144", "#1 SMP", {F, F, A, A}},
    {"a series that ended without the fix", "7.0.20", "#1 SMP", {F, A, U, U}},
    {"a series that no list has", "5.10.300", "#1 SMP", {U, U, U, U}},
    {"older than the hole", "5.4.300", "#1 SMP", {U, U, F, U}},
    {"RHEL 9 by its own numbers", "5.14.0-687.24.1.el9_8.x86_64", "#1 SMP", {U, F, U, U}},
    {"RHEL 9 before them", "5.14.0-687.9.1.el9_8.x86_64", "#1 SMP", {U, A, U, U}},
    {"Proxmox by its own", "6.8.12-33-pve", "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-33", {U, F, A, U}},
    {"Proxmox's series that ended", "6.14.11-4-pve", "#1 SMP", {U, A, U, U}},
    {"a distribution that is in no list", "6.8.0-90-generic", "#91-Ubuntu SMP", {U, U, U, U}},
    {"another one", "6.18.45-200.fc43.x86_64", "#1 SMP", {U, U, U, U}},
};

static GPtrArray *
judge(const char *release, const char *build, gboolean five_level_ept)
{
    g_autofree gchar *path = check_source_path("install/config/advisories.conf");
    g_auto(NestKernel) kernel = nest_kernel_read(release, build);
    g_autoptr(GError) error = NULL;
    GPtrArray *advisories = nest_advisories_judge(path, &kernel, five_level_ept, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(advisories->len, ==, 4);
    return advisories;
}

static void
test_kernel(gconstpointer data)
{
    gsize row = GPOINTER_TO_SIZE(data);
    g_autoptr(GPtrArray) advisories = judge(rows[row].release, rows[row].build, TRUE);

    for (guint i = 0; i < advisories->len; i++)
        g_assert_cmpint(((const NestAdvisory *)g_ptr_array_index(advisories, i))->state, ==, rows[row].states[i]);
}

static void
test_five_level_ept(void)
{
    g_autoptr(GPtrArray) advisories = judge("6.6.144", "#1 SMP", FALSE);
    const NestAdvisory *zapscape = g_ptr_array_index(advisories, 2);

    g_test_summary("an Intel processor without 5-level EPT is not affected by the one that needs it");
    g_assert_cmpint(zapscape->state, ==, NEST_ADVISORY_FIXED);
    g_assert_cmpint(((const NestAdvisory *)g_ptr_array_index(advisories, 3))->state, ==, NEST_ADVISORY_AFFECTED);
}

static void
test_no_file(void)
{
    g_auto(NestKernel) kernel = nest_kernel_read("6.6.144", "#1 SMP");
    g_autoptr(GError) error = NULL;

    g_assert_null(nest_advisories_judge("/nonexistent/advisories.conf", &kernel, TRUE, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_IO);
    g_assert_nonnull(strstr(error->message, "/nonexistent/advisories.conf"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("advisories", rows[i].sentence, GSIZE_TO_POINTER(i), test_kernel);
    g_test_add_func("/advisories/5-level EPT", test_five_level_ept);
    g_test_add_func("/advisories/a file that is not there", test_no_file);
    return g_test_run();
}
