/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run of a domain, from its start to its end: what plugins are told of it, and
 * whether it is to be guarded. */
#include "virt/live_domain.h"

#include "base/root.h"
#include "domain/cpu.h"
#include "domain/prefilter.h"
#include "virt/virt.h"

#include <string.h>
#include <unistd.h>

/* The live XML, and what the tags in it and in the definition say. */
typedef struct {
    NestDomainXml *xml;
    gboolean tagged;
    gboolean refuses; /* one of the tags at least says migration='refuse' */
} Reading;

static void
reading_clear(Reading *reading)
{
    nest_domain_xml_free(reading->xml);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reading, reading_clear)

static void
count_tag(Reading *reading, const NestTag *tag)
{
    reading->tagged = TRUE;
    reading->refuses |= tag->migration == NEST_MIGRATION_REFUSE;
}

/* A malformed tag counts as the one without attributes: the hook, or status, has said what is wrong. */
static gboolean
read_run_xml(virDomainPtr domain, const NestDefinition *definition, gboolean known,
             Reading *reading, GError **error)
{
    g_autofree char *text = virDomainGetXMLDesc(domain, 0);
    NestTag tag = NEST_TAG_DEFAULT;
    gboolean tagged = FALSE;

    if (!text)
        return nest_virt_error(error, "cannot read the running domain");
    if (definition && definition->tagged)
        count_tag(reading, &definition->tag);
    if (!known && !reading->tagged && !nest_prefilter_matches(text, strlen(text)))
        return TRUE;
    reading->xml = nest_domain_xml_parse(text, strlen(text), error);
    if (!reading->xml)
        return FALSE;
    if (!nest_tag_read(reading->xml, &tagged, &tag, NULL))
        tag = NEST_TAG_DEFAULT, tagged = TRUE;
    if (tagged)
        count_tag(reading, &tag);
    return TRUE;
}

/* (transfer full)(nullable) A small file below the root. */
static gchar *
read_file_below_root(const char *path)
{
    g_autofree gchar *below_root = nest_root_path(path);
    gchar *text = NULL;

    return g_file_get_contents(below_root, &text, NULL, NULL) ? text : NULL;
}

/* The PID from libvirt's own file; 0 if the domain's libvirt keeps it elsewhere. */
static gint64
read_pid(const char *name)
{
    g_autofree gchar *path = g_strdup_printf("/run/libvirt/qemu/%s.pid", name);
    g_autofree gchar *pid = read_file_below_root(path);

    return pid ? g_ascii_strtoll(pid, NULL, 10) : 0;
}

/* Field 22 of /proc/PID/stat (proc(5)). The process's name, field 2, can hold anything, so counting
 * begins after the last ')'. "" if it is unknown. */
static gchar *
read_start_time(gint64 pid)
{
    g_autofree gchar *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
    g_autofree gchar *stat = pid ? read_file_below_root(path) : NULL;
    const char *behind_name = stat ? strrchr(stat, ')') : NULL;
    g_auto(GStrv) fields = g_strsplit(behind_name ? behind_name : "", " ", -1);

    return g_strdup(g_strv_length(fields) > 20 ? fields[20] : "");
}

/* How long a QEMU has run, in milliseconds; -1: unknown. Its start time is
 * in terms of CLOCK_BOOTTIME. */
static gint64
age_of(const gchar *start_time)
{
    struct timespec now = {0};

    if (!*start_time || clock_gettime(CLOCK_BOOTTIME, &now) < 0)
        return -1;
    return now.tv_sec * 1000 + now.tv_nsec / 1000000 -
           g_ascii_strtoll(start_time, NULL, 10) * 1000 / sysconf(_SC_CLK_TCK);
}

gint64
nest_live_domain_age(const char *name)
{
    g_autofree gchar *start_time = read_start_time(read_pid(name));

    return age_of(start_time);
}

/* Reads the record, and of which run its live status is. A record that virtnestd
 * would not write counts as none. */
static void
read_run_state(NestLiveDomain *run, const NestDomainXml *xml)
{
    run->state = nest_state_read(xml, NULL);
    if (!run->state)
        run->state = nest_state_new();
    run->marked = nest_live_status_is_of(&run->state->live, run->guest.uuid) &&
                  g_strcmp0(run->state->live.qemu, run->qemu) == 0;
    run->arrived = nest_live_status_is_of(&run->state->live, run->guest.uuid) && !run->marked;
    run->has_allow = nest_allow_element(xml) != NULL;
    run->allow = nest_allow_read(xml);
}

static NestLiveDomain *
run_new(virDomainPtr domain, const Reading *reading)
{
    NestLiveDomain *run = g_atomic_rc_box_new0(NestLiveDomain);
    const NestCpuVendor *vendor =
        nest_cpu_feature_vendor(reading->xml, nest_cpu_vendor_of_host(NULL), NULL);
    gint64 age = -1;

    if (vendor && !nest_cpu_exposes(reading->xml, vendor))
        vendor = NULL; /* its vCPUs lack the feature */
    run->guest.name = g_strdup(virDomainGetName(domain));
    run->guest.uuid = nest_virt_uuid(domain);
    run->guest.id = (int)virDomainGetID(domain);
    run->guest.pid = read_pid(run->guest.name);
    run->guest.kvm = nest_cpu_is_kvm(reading->xml);
    run->guest.feature = vendor ? vendor->feature : "";
    run->qemu = read_start_time(run->guest.pid);
    age = age_of(run->qemu);
    run->started_ms = age < 0 ? 0 : g_get_monotonic_time() / G_TIME_SPAN_MILLISECOND - age;
    run->tagged = reading->tagged;
    run->guarded = vendor && reading->refuses;
    run->let_go = reading->tagged && !reading->refuses;
    read_run_state(run, reading->xml);
    return run;
}

gboolean
nest_live_domain_read(virDomainPtr domain, const NestDefinition *definition, gboolean known,
                      NestLiveDomain **ret_run, GError **error)
{
    g_auto(Reading) reading = {0};
    g_autoptr(GError) problem = NULL;
    g_autoptr(NestLiveDomain) run = NULL;

    *ret_run = NULL;
    if (nest_virt_has_stopped(domain))
        return TRUE;
    if (read_run_xml(domain, definition, known, &reading, &problem) && reading.xml)
        run = run_new(domain, &reading);
    if (nest_virt_has_stopped(domain))
        return TRUE; /* meanwhile */
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (run && (known || run->tagged || run->marked || run->arrived || run->has_allow))
        *ret_run = g_steal_pointer(&run);
    return TRUE;
}

NestLiveDomain *
nest_live_domain_ref(NestLiveDomain *run)
{
    return g_atomic_rc_box_acquire(run);
}

static void
run_clear(gpointer data)
{
    NestLiveDomain *run = data;

    g_free((gpointer)run->guest.name);
    g_free((gpointer)run->guest.uuid);
    g_free(run->qemu);
    nest_state_free(run->state);
}

void
nest_live_domain_unref(NestLiveDomain *run)
{
    if (run)
        g_atomic_rc_box_release_full(run, run_clear);
}

gboolean
nest_live_domain_is(const NestLiveDomain *run, const NestLiveDomain *other)
{
    return run->guest.id == other->guest.id && g_str_equal(run->qemu, other->qemu) &&
           g_str_equal(run->guest.uuid, other->guest.uuid);
}
