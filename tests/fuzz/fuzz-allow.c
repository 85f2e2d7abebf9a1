/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that only what virt-nest allow writes lifts a guard, and that it is read as it was written.
 *
 * The first byte chooses where the rest of the input stands; see `places`. */
#include "domain/allow.h"
#include "fuzz.h"

#include <string.h>

#define NAMESPACE "xmlns:nestallow='" NEST_ALLOW_NAMESPACE "'"
#define BEGIN "<domain type='kvm'><metadata>"
#define END "</metadata><devices/></domain>"

static const FuzzPlace places[] = {
    {"", ""},
    {BEGIN, END},
    {BEGIN "<nestallow:domain " NAMESPACE " ", "/>" END},
    {BEGIN "<nestallow:domain " NAMESPACE ">", "</nestallow:domain>" END},
    {BEGIN "<domain xmlns='" NEST_ALLOW_NAMESPACE "' until='", "'/>" END},
};

gboolean
fuzz_start(void)
{
    return TRUE;
}

/* As virDomainSetMetadata puts it into the domain. */
static void
check_formatted(const NestAllow *allow)
{
    g_autofree gchar *element = nest_allow_format(allow);
    g_autofree gchar *text =
        g_strdup_printf(BEGIN "<nestallow:domain " NAMESPACE "%s" END, element + strlen("<domain"));
    g_autoptr(NestDomainXml) xml = fuzz_parse(text, strlen(text));
    NestAllow again = {0};

    PROMISE("what is allowed is written", xml && nest_allow_element(xml), text);
    again = nest_allow_read(xml);
    PROMISE("and read as it was", again.once == allow->once && again.until == allow->until, text);
}

static void
check_allow(const NestDomainXml *xml, const char *text)
{
    const xmlNode *element = nest_allow_element(xml);
    NestAllow allow = nest_allow_read(xml);

    PROMISE("nothing else allows anything", element || (!allow.once && allow.until == 0), text);
    PROMISE("it is once, or for a time", !allow.once || allow.until == 0, text);
    PROMISE("a time is one", allow.until >= 0, text);
    PROMISE("once is at any time", nest_allow_holds(&allow, G_MAXINT64) == allow.once, text);
    PROMISE("a time ends", allow.once || !nest_allow_holds(&allow, allow.until), text);
    if (allow.once || allow.until)
        PROMISE("one attribute says it",
                element->properties && !element->properties->next && !element->children, text);
    check_formatted(&allow);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree gchar *text = fuzz_place(places, G_N_ELEMENTS(places), data, size);
    g_autoptr(NestDomainXml) xml = NULL;

    if (!text)
        return 0;
    xml = fuzz_parse(text, strlen(text));
    if (xml)
        check_allow(xml, text);
    return 0;
}
