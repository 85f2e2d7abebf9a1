/* The live marker: says in a running tagged domain's live XML that this guest runs. */
#include "virtnestd/marker.h"

#include "root.h"
#include "state.h"
#include "tag.h"

#include <string.h>

/* When a domain's QEMU started, in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)).
 * Its name, field 2, can hold anything, so counting begins behind the last ')'. "" where it is
 * unknown. */
static gchar *
qemu_start_time(const char *name)
{
    g_autofree gchar *pid_name = g_strdup_printf("/run/libvirt/qemu/%s.pid", name);
    g_autofree gchar *pid_path = nest_root_path(pid_name);
    g_autofree gchar *pid = NULL;
    g_autofree gchar *stat_name = NULL;
    g_autofree gchar *stat_path = NULL;
    g_autofree gchar *stat = NULL;
    g_auto(GStrv) fields = NULL;
    const char *behind_name = NULL;

    if (!g_file_get_contents(pid_path, &pid, NULL, NULL))
        return g_strdup("");
    stat_name =
        g_strdup_printf("/proc/%" G_GUINT64_FORMAT "/stat", g_ascii_strtoull(pid, NULL, 10));
    stat_path = nest_root_path(stat_name);
    if (!g_file_get_contents(stat_path, &stat, NULL, NULL))
        return g_strdup("");
    behind_name = strrchr(stat, ')');
    fields = g_strsplit(behind_name ? behind_name : "", " ", -1);
    return g_strdup(g_strv_length(fields) > 20 ? fields[20] : "");
}

/* Whether a job runs that the metadata call would wait behind (LIBVIRT-FACTS, "Read in the
 * sources"). */
static gboolean
is_busy(virDomainPtr domain)
{
    virDomainJobInfo job;

    return virDomainGetJobInfo(domain, &job) == 0 && job.type != VIR_DOMAIN_JOB_NONE;
}

static gboolean
write_marker(virDomainPtr domain, const NestState *state, GError **error)
{
    g_autofree gchar *element = nest_state_format(state, FALSE);

    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, element, "neststate",
                             NEST_STATE_NAMESPACE, VIR_DOMAIN_AFFECT_LIVE) == 0)
        return TRUE;
    return nest_virt_error(error, "cannot mark the running domain");
}

/* The record as it should stand in the live XML; NULL where it stands there already. */
static NestState *
wanted_state(const NestDomainXml *xml, virDomainPtr domain)
{
    g_autoptr(NestState) state = nest_state_read(xml, NULL);
    g_autofree gchar *uuid = nest_virt_uuid(domain);
    g_autofree gchar *qemu = qemu_start_time(virDomainGetName(domain));

    if (!state)
        state = nest_state_new();
    if (nest_state_is_of(state, uuid) && g_strcmp0(state->qemu, qemu) == 0)
        return NULL;
    g_free(state->uuid);
    g_free(state->qemu);
    state->uuid = g_steal_pointer(&uuid);
    state->qemu = g_steal_pointer(&qemu);
    state->nested = FALSE;
    return g_steal_pointer(&state);
}

static gboolean
put(virDomainPtr domain, gboolean tagged, gboolean *ret_busy, GError **error)
{
    g_autofree char *text = virDomainGetXMLDesc(domain, 0);
    g_autoptr(NestDomainXml) xml = NULL;
    g_autoptr(NestState) state = NULL;
    gboolean tagged_live = FALSE;

    if (!text)
        return nest_virt_error(error, "cannot read the running domain");
    if (!tagged && !strstr(text, NEST_TAG_NAMESPACE))
        return TRUE;
    xml = nest_domain_xml_parse(text, strlen(text), error);
    if (!xml)
        return FALSE;
    if (!nest_tag_read(xml, &tagged_live, NULL, NULL))
        tagged_live = FALSE; /* the hook has said what is wrong with it */
    state = tagged || tagged_live ? wanted_state(xml, domain) : NULL;
    if (!state)
        return TRUE;
    *ret_busy = is_busy(domain);
    return *ret_busy || write_marker(domain, state, error);
}

gboolean
nest_marker_put(virDomainPtr domain, gboolean tagged, gboolean *ret_busy, GError **error)
{
    g_autoptr(GError) problem = NULL;

    if (virDomainIsActive(domain) != 1 || put(domain, tagged, ret_busy, &problem))
        return TRUE;
    if (virDomainIsActive(domain) != 1)
        return TRUE; /* it has stopped meanwhile, or is gone */
    g_propagate_error(error, g_steal_pointer(&problem));
    return FALSE;
}
