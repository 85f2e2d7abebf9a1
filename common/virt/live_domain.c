/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run of a domain, from its start to its end: what plugins get to know about it, and whether it is
 * to be guarded. */
#include "virt/live_domain.h"

#include "base/root.h"
#include "domain/cpu.h"
#include "host/process.h"
#include "virt/virt.h"

#include <string.h>
#include <unistd.h>

/* The live XML, and what the tags in it and in the definition say. */
typedef struct {
    NestDomainXml *xml;
    gboolean tagged;
    gboolean refuses; /* at least one of the tags says migration='refuse' */
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

/* The wish by the running domain's own XML. A malformed tag counts as a tag without attributes. If a mistaken rule leaves the
 * wish undecided, a domain with virtnestd's element counts as one that shall have nesting. The hook, virtnestd's log and
 * virt-nest status report the mistakes. */
static NestWish
read_live_wish(const NestDomainXml *xml, const NestPolicy *policy)
{
    NestWish wish = NEST_WISH_NONE;

    if (!nest_wish_read(xml, policy, &wish, NULL) ||
        (wish.kind == NEST_WISH_UNDECIDED && nest_state_element(xml)))
        wish.kind = NEST_WISH_ENABLE;
    return wish;
}

static gboolean
read_live_domain_xml(virDomainPtr domain, const NestDefinition *definition,
                     const NestPolicy *policy, gboolean known, Reading *reading, GError **error)
{
    g_autofree char *text = virDomainGetXMLDesc(domain, 0);
    NestWish wish = NEST_WISH_NONE;

    if (!text)
        return nest_virt_error(error, "cannot read the running domain");
    if (definition && definition->wish.kind == NEST_WISH_ENABLE)
        count_tag(reading, &definition->wish.tag);
    if (!known && !reading->tagged && !nest_wish_may_concern(text, policy))
        return TRUE;
    reading->xml = nest_domain_xml_parse(text, strlen(text), error);
    if (reading->xml)
        wish = read_live_wish(reading->xml, policy);
    if (wish.kind == NEST_WISH_ENABLE)
        count_tag(reading, &wish.tag);
    return reading->xml != NULL;
}

/* The PID from libvirt's own file; 0 if that cannot be read. */
static gint64
read_pid(virDomainPtr domain)
{
    g_autofree gchar *path = nest_virt_pid_file(domain);
    g_autofree gchar *pid = path ? nest_root_read(path, NULL) : NULL;

    return pid ? g_ascii_strtoll(pid, NULL, 10) : 0;
}

/* (transfer full) The start time of a QEMU; "" if it is unknown. */
static gchar *
read_start_time(gint64 pid)
{
    g_autofree gchar *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
    g_autofree gchar *stat = pid ? nest_root_read(path, NULL) : NULL;

    return nest_process_start_time(stat ? stat : "");
}

gchar *
nest_live_domain_process(const NestLiveDomain *live)
{
    gchar *stat = live->guest.pid ? nest_root_read_process(live->guest.pid, "stat", NULL) : NULL;

    return stat ? stat : g_strdup("");
}

/* libvirt puts the uuid into QEMU's command line. If it is not there, this is the QEMU of another libvirt's domain with the
 * same name. */
NestQemuCpu *
nest_live_domain_command(const NestLiveDomain *live)
{
    gsize length = 0;
    g_autofree gchar *text =
        live->guest.pid ? nest_root_read_process(live->guest.pid, "cmdline", &length) : NULL;

    if (!text || !memmem(text, length, live->guest.uuid, strlen(live->guest.uuid)))
        length = 0;
    return nest_qemu_cpu_of_command(text, length);
}

/* How long a QEMU has run, in milliseconds; -1: unknown. @start_time is on CLOCK_BOOTTIME's clock. */
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
nest_live_domain_age(virDomainPtr domain)
{
    g_autofree gchar *start_time = read_start_time(read_pid(domain));

    return age_of(start_time);
}

/* Reads virtnestd's element, and finds out whether its live status is of this run, or came with the guest from another
 * run. */
static void
read_live_domain_state(NestLiveDomain *live, const NestDomainXml *xml)
{
    live->state = nest_state_read(xml);
    live->marked = nest_live_status_is_of(&live->state->live, live->guest.uuid) &&
                   g_strcmp0(live->state->live.qemu, live->qemu) == 0;
    live->arrived = nest_live_status_is_of(&live->state->live, live->guest.uuid) && !live->marked;
    live->has_allow = nest_allow_element(xml) != NULL;
    live->allow = nest_allow_read(xml);
}

/* (transfer full)(nullable) NULL: it does not run. */
static NestLiveDomain *
live_domain_new(virDomainPtr domain, const Reading *reading)
{
    NestLiveDomain *live = NULL;
    const NestCpuVendor *vendor =
        nest_cpu_feature_vendor(reading->xml, nest_cpu_vendor_of_host(NULL), NULL);
    g_autofree gchar *id = nest_xml_attribute(nest_domain_xml_root(reading->xml), "id");
    gint64 age = -1;

    if (!id)
        return NULL; /* it has stopped, and this is its definition */
    if (vendor && !nest_cpu_may_expose(reading->xml, vendor))
        vendor = NULL; /* its vCPUs lack the feature */
    live = g_atomic_rc_box_new0(NestLiveDomain);
    live->guest.name = g_strdup(virDomainGetName(domain));
    live->guest.uuid = nest_virt_uuid(domain);
    live->guest.id = (int)g_ascii_strtoll(id, NULL, 10);
    live->guest.pid = read_pid(domain);
    live->guest.kvm = nest_cpu_is_kvm(reading->xml);
    live->guest.feature = vendor ? vendor->feature : "";
    live->guest.vcpus = nest_cpu_vcpus(reading->xml);
    live->qemu = read_start_time(live->guest.pid);
    age = age_of(live->qemu);
    live->started_ms = age < 0 ? 0 : g_get_monotonic_time() / G_TIME_SPAN_MILLISECOND - age;
    live->tagged = reading->tagged;
    live->guarded = vendor && reading->refuses;
    live->opted_out = reading->tagged && !reading->refuses;
    read_live_domain_state(live, reading->xml);
    return live;
}

gboolean
nest_live_domain_read(virDomainPtr domain, const NestDefinition *definition,
                      const NestPolicy *policy, gboolean known, NestLiveDomain **ret_live,
                      GError **error)
{
    g_auto(Reading) reading = {0};
    g_autoptr(GError) problem = NULL;
    g_autoptr(NestLiveDomain) live = NULL;

    *ret_live = NULL;
    if (virDomainGetID(domain) == (unsigned int)-1)
        return TRUE;
    if (read_live_domain_xml(domain, definition, policy, known, &reading, &problem) && reading.xml)
        live = live_domain_new(domain, &reading);
    if (problem && nest_virt_has_stopped(domain))
        return TRUE; /* it has stopped meanwhile */
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (live && (known || live->tagged || live->marked || live->arrived || live->has_allow))
        *ret_live = g_steal_pointer(&live);
    return TRUE;
}

NestLiveDomain *
nest_live_domain_ref(NestLiveDomain *live)
{
    return g_atomic_rc_box_acquire(live);
}

static void
live_domain_clear(gpointer data)
{
    NestLiveDomain *live = data;

    g_free((gpointer)live->guest.name);
    g_free((gpointer)live->guest.uuid);
    g_free(live->qemu);
    nest_state_free(live->state);
}

void
nest_live_domain_unref(NestLiveDomain *live)
{
    if (live)
        g_atomic_rc_box_release_full(live, live_domain_clear);
}

gboolean
nest_live_domain_is(const NestLiveDomain *live, const NestLiveDomain *other)
{
    return live->guest.id == other->guest.id && g_str_equal(live->qemu, other->qemu) &&
           g_str_equal(live->guest.uuid, other->guest.uuid);
}
