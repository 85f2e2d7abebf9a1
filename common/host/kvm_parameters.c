/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loaded KVM module's parameters: those that decide nested guests' speed, and all of them. */
#include "host/kvm_parameters.h"

#include "base/root.h"
#include "base/sort.h"

#include <string.h>

/* The meaning of one feature that Intel and AMD call differently (ept and npt). */
#define PAGING_ON "memory of nested guests is mapped by the CPU"
#define PAGING_OFF "shadow page tables: nested guests are very slow"

/* Each name belongs to one module. The source is the kernel's arch/x86/kvm: vmx/nested.c, svm/nested.c,
 * svm/avic.c (AVIC is inhibited for a nested guest; before 5.19 for all guests that could have one). */
static const struct {
    const char *name;
    const char *on;    /* what it means where it is on, in at most 60 characters */
    const char *off;   /* the same where it is off */
    gboolean off_slow; /* whether nested guests are slow where it is off */
} table[] = {
    {"ept", PAGING_ON, PAGING_OFF, TRUE},
    {"npt", PAGING_ON, PAGING_OFF, TRUE},
    {"unrestricted_guest", "real mode of nested guests runs on the CPU",
     "real mode is emulated: nested guests boot slowly", TRUE},
    {"enable_shadow_vmcs", "VMREAD and VMWRITE of a guest need no exit",
     "each VMREAD and VMWRITE of a guest exits to this host", TRUE},
    {"vpid", "the TLB is kept across entries and exits",
     "the TLB is flushed at each entry and exit", TRUE},
    {"enable_apicv", "interrupts can reach guests without an exit",
     "interrupts cost exits, those of nested guests more", FALSE},
    {"vgif", "STGI and CLGI of a guest need no exit",
     "each STGI and CLGI of a guest exits to this host", TRUE},
    {"vls", "VMLOAD and VMSAVE of a guest need no exit",
     "each VMLOAD and VMSAVE of a guest exits to this host", TRUE},
    {"avic", "may spare exits, but never while a nested guest runs",
     "interrupts of a guest cost exits", FALSE},
};

static void
parameter_free(gpointer data)
{
    NestKvmParameter *parameter = data;

    g_free(parameter->value);
    g_free(parameter);
}

static gchar *
directory_of(const NestCpuVendor *vendor)
{
    g_autofree gchar *path = g_strdup_printf("/sys/module/%s/parameters", vendor->module);

    return nest_root_path(path);
}

/* (nullable) NULL for a parameter that this kernel does not have or does not show. */
static gchar *
read_parameter(const char *directory, const char *name)
{
    g_autofree gchar *path = g_build_filename(directory, name, NULL);
    gchar *value = NULL;

    return g_file_get_contents(path, &value, NULL, NULL) ? g_strstrip(value) : NULL;
}

/* A number other than 0 is on: avic=-1 lets the kernel choose. */
static gboolean
is_off(const char *value)
{
    return g_str_equal(value, "N") || g_str_equal(value, "0");
}

GPtrArray *
nest_kvm_parameters_read(const NestCpuVendor *vendor)
{
    GPtrArray *parameters = g_ptr_array_new_with_free_func(parameter_free);
    g_autofree gchar *directory = directory_of(vendor);

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        gchar *value = read_parameter(directory, table[i].name);
        NestKvmParameter *parameter = value ? g_new0(NestKvmParameter, 1) : NULL;

        if (!value)
            continue;
        parameter->name = table[i].name;
        parameter->value = value;
        parameter->meaning = is_off(value) ? table[i].off : table[i].on;
        parameter->slow = is_off(value) && table[i].off_slow;
        g_ptr_array_add(parameters, parameter);
    }
    return parameters;
}

static GPtrArray *
list_names(const char *directory)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) files = g_dir_open(directory, 0, NULL);
    const char *name = NULL;

    while (files && (name = g_dir_read_name(files)))
        if (!g_str_equal(name, "nested"))
            g_ptr_array_add(names, g_strdup(name));
    nest_sort_texts(names);
    return names;
}

gchar *
nest_kvm_parameters_text(const NestCpuVendor *vendor)
{
    g_autofree gchar *directory = directory_of(vendor);
    g_autoptr(GPtrArray) names = list_names(directory);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree gchar *value = read_parameter(directory, name);

        /* Only a plain word can be given back as an option. */
        if (value && *value &&
            !value[strspn(value, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.:-")])
            g_string_append_printf(text, "%s%s=%s", text->len ? " " : "", name, value);
    }
    return g_string_free(text, FALSE);
}

gchar *
nest_kvm_parameters_lost(const NestCpuVendor *vendor, const char *before)
{
    g_autofree gchar *directory = directory_of(vendor);
    g_auto(GStrv) words = g_strsplit(before, " ", -1);
    GString *lost = g_string_new(NULL);

    for (gsize i = 0; words[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(words[i], "=", 2);
        g_autofree gchar *now = parts[0] && parts[1] ? read_parameter(directory, parts[0]) : NULL;

        if (now && !g_str_equal(now, parts[1]))
            g_string_append_printf(lost, "%s%s", lost->len ? " " : "", words[i]);
    }
    return g_string_free(lost, FALSE);
}
