/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's version against the nested escapes that are known (install/config/advisories.conf).
 *
 * Theory of operation: a version is a list of numbers, whatever stands between them. Its first two numbers are its series.
 * Within a series, all versions from the listed one on are fixed. A distribution's own list counts before that of Linux.
 * Debian's kernels contain Linux's stable releases, so Linux's list holds for them as well. */
#include "host/advisories.h"

#include "base/error.h"
#include "base/root.h"

#include <string.h>

#define SERIES 2 /* numbers */

/* How a distribution's kernels name themselves. */
static const struct {
    const char *distribution;
    const char *release; /* (nullable) a pattern of the release */
    const char *build;   /* (nullable) what its version follows in the build's text */
    gboolean tracks;     /* its versions begin with those of Linux's stable releases */
} distributions[] = {
    {"debian", NULL, " Debian ", TRUE},
    {"proxmox", "-pve$", NULL, FALSE},
    {"rhel", "\\.el[0-9]", NULL, FALSE},
};

static void
advisory_free(gpointer data)
{
    NestAdvisory *advisory = data;

    g_free(advisory->name);
    g_free(advisory->published);
    g_free(advisory->about);
    g_free(advisory);
}

void
nest_kernel_clear(NestKernel *kernel)
{
    g_free(kernel->release);
    g_free(kernel->version);
}

/* (transfer full)(nullable) The word after @after. */
static gchar *
word_after(const char *text, const char *after)
{
    const char *found = strstr(text, after);

    return found ? g_strndup(found + strlen(after), strcspn(found + strlen(after), " ")) : NULL;
}

NestKernel
nest_kernel_read(const char *release, const char *build)
{
    NestKernel kernel = {.release = g_strdup(release)};

    for (gsize i = 0; i < G_N_ELEMENTS(distributions) && !kernel.version; i++) {
        if (distributions[i].build)
            kernel.version = word_after(build, distributions[i].build);
        else if (g_regex_match_simple(distributions[i].release, release, 0, 0))
            kernel.version = g_strdup(release);
        if (kernel.version)
            kernel.distribution = distributions[i].distribution;
    }
    kernel.known =
        kernel.version || g_regex_match_simple("^[0-9]+\\.[0-9]+(\\.[0-9]+)?$", release, 0, 0);
    if (!kernel.version)
        kernel.version = g_strdup(release);
    return kernel;
}

/* The next number of a version, whose text it goes past; -1: there is none. */
static gint64
next_number(const char **version)
{
    while (**version && !g_ascii_isdigit(**version) && **version != '~' &&
           !g_ascii_isalpha(**version))
        (*version)++;
    return g_ascii_isdigit(**version) ? (gint64)g_ascii_strtoull(*version, (char **)version, 10)
                                      : -1;
}

/* Compares the first @most numbers; below 0: @a is earlier. */
static int
compare(const char *a, const char *b, int most)
{
    for (int i = 0; i < most; i++) {
        gint64 x = next_number(&a);
        gint64 y = next_number(&b);

        if (x != y)
            return x < y ? -1 : 1;
        if (x < 0)
            return 0;
    }
    return 0;
}

/* What a list says of a series; @ret_last: the latest series in it. */
static NestAdvisoryState
judge_list(char **fixed, const char *version, const char **ret_last)
{
    for (gsize i = 0; fixed && fixed[i]; i++) {
        if (compare(fixed[i], version, SERIES) == 0)
            return compare(version, fixed[i], G_MAXINT) >= 0 ? NEST_ADVISORY_FIXED
                                                             : NEST_ADVISORY_AFFECTED;
        if (!*ret_last || compare(fixed[i], *ret_last, SERIES) > 0)
            *ret_last = fixed[i];
    }
    return NEST_ADVISORY_UNKNOWN;
}

/* (transfer full)(nullable) A list of the group; @distribution: (nullable) its own. */
static char **
read_list(GKeyFile *file, const char *group, const char *name, const char *distribution)
{
    g_autofree gchar *key =
        distribution ? g_strdup_printf("%s-%s", name, distribution) : g_strdup(name);

    return g_key_file_get_string_list(file, group, key, NULL, NULL);
}

static NestAdvisoryState
judge_lists(GKeyFile *file, const char *group, const char *version, const char *distribution,
            const char **ret_last)
{
    g_auto(GStrv) fixed = read_list(file, group, "fixed", distribution);
    g_auto(GStrv) never = read_list(file, group, "never", distribution);
    const char *last = NULL;
    NestAdvisoryState state = judge_list(fixed, version, &last);

    for (gsize i = 0; never && never[i]; i++)
        if (compare(never[i], version, SERIES) == 0)
            return NEST_ADVISORY_AFFECTED;
    if (last && compare(version, last, SERIES) > 0 && ret_last)
        *ret_last = last;
    return state;
}

static gboolean
tracks_linux(const NestKernel *kernel)
{
    for (gsize i = 0; i < G_N_ELEMENTS(distributions); i++)
        if (g_strcmp0(kernel->distribution, distributions[i].distribution) == 0)
            return distributions[i].tracks;
    return TRUE;
}

static NestAdvisoryState
judge_advisory(GKeyFile *file, const char *group, const NestKernel *kernel, gboolean five_level_ept)
{
    g_autofree gchar *since = g_key_file_get_string(file, group, "since", NULL);
    NestAdvisoryState state = NEST_ADVISORY_UNKNOWN;
    const char *before = NULL; /* the kernel is of a later series than all of the list */

    if (g_key_file_get_boolean(file, group, "five-level-ept", NULL) && !five_level_ept)
        return NEST_ADVISORY_FIXED;
    if (!kernel->known)
        return NEST_ADVISORY_UNKNOWN;
    if (kernel->distribution)
        state = judge_lists(file, group, kernel->version, kernel->distribution, NULL);
    if (state != NEST_ADVISORY_UNKNOWN || !tracks_linux(kernel))
        return state;
    if (since && compare(kernel->version, since, SERIES + 1) < 0)
        return NEST_ADVISORY_FIXED;
    state = judge_lists(file, group, kernel->version, NULL, &before);
    return state == NEST_ADVISORY_UNKNOWN && before ? NEST_ADVISORY_FIXED : state;
}

GPtrArray *
nest_advisories_judge(const char *path, const NestKernel *kernel, gboolean five_level_ept,
                      GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) problem = NULL;
    g_auto(GStrv) groups = NULL;
    GPtrArray *advisories = NULL;

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &problem)) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "cannot read %s: %s", path, problem->message);
        return NULL;
    }
    groups = g_key_file_get_groups(file, NULL);
    advisories = g_ptr_array_new_with_free_func(advisory_free);
    for (gsize i = 0; groups[i]; i++) {
        NestAdvisory *advisory = g_new0(NestAdvisory, 1);

        advisory->name = g_strdup(groups[i]);
        advisory->published = g_key_file_get_string(file, groups[i], "published", NULL);
        advisory->about = g_key_file_get_string(file, groups[i], "about", NULL);
        advisory->state = judge_advisory(file, groups[i], kernel, five_level_ept);
        g_ptr_array_add(advisories, advisory);
    }
    return advisories;
}

/* As Linux shows what a processor's VMX can do; nobody but Intel has a line of these flags. */
static gboolean
has_five_level_ept(const NestCpuVendor *vendor)
{
    g_autofree gchar *text = nest_cpu_vendor_cpuinfo();

    if (!vendor || !g_str_equal(vendor->feature, "vmx"))
        return TRUE;
    return text && strstr(text, " ept_5level");
}

/* (transfer full) What uname(2) says, too: "osrelease" or "version". */
static gchar *
read_kernel_name(const char *name)
{
    g_autofree gchar *file = g_strconcat("/proc/sys/kernel/", name, NULL);
    gchar *text = nest_root_read(file, NULL);

    return text ? g_strchomp(text) : g_strdup("");
}

GPtrArray *
nest_advisories_of_host(const NestCpuVendor *vendor, NestKernel *ret_kernel, GError **error)
{
    g_autofree gchar *path = nest_root_path(NEST_ADVISORIES_FILE);
    g_autofree gchar *release = read_kernel_name("osrelease");
    g_autofree gchar *build = read_kernel_name("version");

    *ret_kernel = nest_kernel_read(release, build);
    if (vendor && !nest_cpu_vendor_is_x86(vendor)) {
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_IO,
            "it is not known whether the kernel %s has nested escapes: " NEST_ADVISORIES_FILE
            " covers only x86",
            ret_kernel->version);
        return NULL;
    }
    return nest_advisories_judge(path, ret_kernel, has_five_level_ept(vendor), error);
}
