/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exposed domains: untagged domains that also get the nested feature once nesting is on, because nesting is a property
 * of the whole host. */
#include "domain/exposed.h"

#include "base/log.h"
#include "base/root.h"
#include "base/sort.h"
#include "domain/cpu.h"
#include "domain/definition.h"
#include "domain/wish.h"

#include <glib/gstdio.h>
#include <string.h>

/* How many domains a message names at most. */
#define SHOWN 5

/* The modes that give a guest what the host has. */
static const char *const modes[] = {"host-passthrough", "host-model", "maximum", NULL};

/* A mistaken tag counts as a tag, because the hook refuses to let that domain start. A file without a <name> is
 * not libvirt's. */
static gboolean
is_exposed(const NestDomainXml *xml, const NestCpuVendor *vendor, const NestPolicy *policy)
{
    NestWish wish = NEST_WISH_NONE;

    if (!*nest_domain_xml_value(xml, "name") || !nest_cpu_is_kvm(xml) ||
        !nest_cpu_passes_feature(xml, vendor))
        return FALSE;
    return nest_wish_read(xml, policy, &wish, NULL) && wish.kind == NEST_WISH_LEAVE;
}

/* (nullable) Parses a definition if it may be that of an exposed domain. */
static NestDomainXml *
read_exposed_definition(const char *path)
{
    g_autofree gchar *text = NULL;
    gsize length = 0;
    GStatBuf status;

    if (g_stat(path, &status) < 0 || !S_ISREG(status.st_mode) ||
        (gsize)status.st_size > NEST_DOMAIN_XML_MAX_BYTES ||
        !g_file_get_contents(path, &text, &length, NULL))
        return NULL;
    for (gsize i = 0; modes[i]; i++)
        if (memmem(text, length, modes[i], strlen(modes[i])))
            return nest_domain_xml_parse(text, length, NULL);
    return NULL;
}

GPtrArray *
nest_exposed_read(const NestCpuVendor *vendor)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(NestPolicy) policy = nest_policy_load(NULL);
    g_autofree gchar *directory = nest_root_path(NEST_DEFINITION_DIRECTORY);
    g_autoptr(GDir) files = g_dir_open(directory, 0, NULL);
    const char *file = NULL;

    while (files && (file = g_dir_read_name(files))) {
        g_autofree gchar *path = g_build_filename(directory, file, NULL);
        g_autoptr(NestDomainXml) xml =
            g_str_has_suffix(file, ".xml") ? read_exposed_definition(path) : NULL;

        if (xml && is_exposed(xml, vendor, policy))
            g_ptr_array_add(names, g_strdup(nest_domain_xml_value(xml, "name")));
    }
    nest_sort_texts(names);
    return names;
}

gchar *
nest_exposed_text(const GPtrArray *names)
{
    GString *words = names->len ? g_string_new(NULL) : NULL;

    if (!words)
        return NULL;
    for (guint i = 0; i < MIN(names->len, SHOWN); i++)
        g_string_append_printf(words, "%s%s", i ? ", " : "",
                               (const char *)g_ptr_array_index(names, i));
    if (names->len > SHOWN)
        g_string_append_printf(words, " and %u more", names->len - SHOWN);
    return g_string_free(words, FALSE);
}

void
nest_exposed_log(const NestCpuVendor *vendor, NestKvmAction done)
{
    g_autoptr(GPtrArray) exposed =
        done == NEST_KVM_DO_NOTHING ? g_ptr_array_new() : nest_exposed_read(vendor);
    g_autofree gchar *words = nest_exposed_text(exposed);

    if (words)
        nest_log(
            G_LOG_LEVEL_WARNING, NULL, NULL,
            "untagged domains that gain %s at their next start, as nesting is on for the whole host: %s",
            vendor->feature, words);
}
