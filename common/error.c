/* The one error domain of virt-nest: what can go wrong, and the stable code a person sees for it. */
#include "error.h"

static const char *const names[] = {
    [NEST_ERROR_XML] = "NEST-XML",
    [NEST_ERROR_XML_ENCODING] = "NEST-XML-ENCODING",
    [NEST_ERROR_XML_DTD] = "NEST-XML-DTD",
    [NEST_ERROR_TAG_NAMESPACE] = "NEST-TAG-NAMESPACE",
    [NEST_ERROR_TAG_ELEMENT] = "NEST-TAG-ELEMENT",
    [NEST_ERROR_TAG_ATTRIBUTE] = "NEST-TAG-ATTRIBUTE",
    [NEST_ERROR_TAG_VALUE] = "NEST-TAG-VALUE",
    [NEST_ERROR_TAG_TWICE] = "NEST-TAG-TWICE",
    [NEST_ERROR_TAG_CONTENT] = "NEST-TAG-CONTENT",
    [NEST_ERROR_CPU_VENDOR] = "NEST-CPU-VENDOR",
    [NEST_ERROR_CPU_CONFIDENTIAL] = "NEST-CPU-CONFIDENTIAL",
    [NEST_ERROR_CPU_ARCH] = "NEST-CPU-ARCH",
    [NEST_ERROR_CPU_TYPE] = "NEST-CPU-TYPE",
    [NEST_ERROR_START_OUTRAN] = "NEST-START-OUTRAN",
    [NEST_ERROR_START_UNCORRECTED] = "NEST-START-UNCORRECTED",
    [NEST_ERROR_START_TRANSIENT] = "NEST-START-TRANSIENT",
    [NEST_ERROR_HOST_VENDOR] = "NEST-HOST-VENDOR",
    [NEST_ERROR_HOST_HARDWARE] = "NEST-HOST-HARDWARE",
    [NEST_ERROR_HOST_ABSENT] = "NEST-HOST-ABSENT",
    [NEST_ERROR_HOST_OFF] = "NEST-HOST-OFF",
    [NEST_ERROR_HOST_BUSY] = "NEST-HOST-BUSY",
    [NEST_ERROR_HOST_BUILTIN] = "NEST-HOST-BUILTIN",
    [NEST_ERROR_HOST_DEVICE] = "NEST-HOST-DEVICE",
    [NEST_ERROR_STATE] = "NEST-STATE",
    [NEST_ERROR_LIVE_RUNNING] = "NEST-LIVE-RUNNING",
    [NEST_ERROR_CONFIG] = "NEST-CONFIG",
    [NEST_ERROR_LIBVIRT] = "NEST-LIBVIRT",
    [NEST_ERROR_DAEMON] = "NEST-DAEMON",
    [NEST_ERROR_IO] = "NEST-IO",
    [NEST_ERROR_USAGE] = "NEST-USAGE",
};
G_STATIC_ASSERT(G_N_ELEMENTS(names) == NEST_ERROR_LAST);

G_DEFINE_QUARK(nest - error, nest_error)

const char *
nest_error_name(const GError *error)
{
    gboolean ours =
        error->domain == NEST_ERROR && error->code >= 0 && error->code < NEST_ERROR_LAST;

    return names[ours ? error->code : NEST_ERROR_IO];
}

gchar *
nest_error_text(const GError *error)
{
    return g_strdup_printf("nest: %s [%s]", error->message, nest_error_name(error));
}
