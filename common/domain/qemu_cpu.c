/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU that QEMU's arguments -cpu, -global and -machine choose. They come from a domain's <qemu:commandline>, which adds
 * them to libvirt's arguments, or from the command line of a running QEMU.
 *
 * QEMU takes the last -cpu, and libvirt puts its own before those of <qemu:commandline>. In a -cpu, "-FEATURE" wins
 * over "+FEATURE", and both win over "FEATURE=VALUE"; what the -cpu says of a feature wins over -global (facts.md,
 * "QEMU's arguments"). */
#include "domain/qemu_cpu.h"

#include <string.h>

/* The models that have whatever the host, or QEMU's emulation, offers. */
static const char *const whole_models[] = {"host", "max", NULL};

static const char *const on_values[] = {"on", "yes", "true", "y", NULL};
static const char *const off_values[] = {"off", "no", "false", "n", NULL};

static void
take_cpu(NestQemuCpu *cpu, const char *value)
{
    static const char key[] = "vendor=";
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);

    g_free(cpu->argument);
    g_free(cpu->model);
    g_strfreev(cpu->properties);
    cpu->argument = g_strconcat("-cpu ", value, NULL);
    cpu->model = g_strdup(parts[0] ? parts[0] : "");
    cpu->properties = g_strdupv(parts[0] ? parts + 1 : parts);
    cpu->vendor = NULL;
    for (gsize i = 0; cpu->properties[i]; i++)
        if (g_str_has_prefix(cpu->properties[i], key))
            cpu->vendor = nest_cpu_vendor_by_cpuid(cpu->properties[i] + strlen(key));
}

static NestQemuSetting
setting_of_value(const char *value)
{
    if (g_strv_contains(on_values, value))
        return NEST_QEMU_ON;
    return g_strv_contains(off_values, value) ? NEST_QEMU_OFF : NEST_QEMU_UNSET;
}

/* QEMU merges all -machine options. If a property is set several times, the last one counts. */
static void
take_machine(NestQemuCpu *cpu, const char *value)
{
    static const char key[] = "virtualization=";
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);

    for (gsize i = 0; parts[i]; i++)
        if (g_str_has_prefix(parts[i], key)) {
            cpu->el2 = setting_of_value(parts[i] + strlen(key));
            g_free(cpu->machine);
            cpu->machine = g_strconcat("-machine ", value, NULL);
        }
}

/* @next: (nullable) the argument after it. */
static void
take_argument(NestQemuCpu *cpu, const char *argument, const char *next)
{
    const char *name = NULL;

    if (*argument != '-')
        return;
    name = argument + (argument[1] == '-' ? 2 : 1); /* QEMU takes two dashes as well */
    if (g_str_equal(name, "cpu") && next)
        take_cpu(cpu, next);
    else if (g_str_equal(name, "global") && next)
        g_ptr_array_add(cpu->globals, g_strdup(next));
    else if ((g_str_equal(name, "machine") || g_str_equal(name, "M")) && next)
        take_machine(cpu, next);
    else if ((g_str_has_prefix(name, "cpu=") || g_str_has_prefix(name, "cpu ")) && !cpu->malformed)
        cpu->malformed = g_strdup(argument);
}

/* Looks at every argument, also at the values of other options. No such value looks like these options. */
static NestQemuCpu *
qemu_cpu_new(const GPtrArray *arguments)
{
    NestQemuCpu *cpu = g_new0(NestQemuCpu, 1);

    cpu->globals = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < arguments->len; i++) {
        const char *next = i + 1 < arguments->len ? g_ptr_array_index(arguments, i + 1) : NULL;

        take_argument(cpu, g_ptr_array_index(arguments, i), next);
    }
    return cpu;
}

static void
add_arguments(GPtrArray *arguments, const xmlNode *commandline)
{
    NEST_XML_FOREACH (commandline, child) {
        gchar *value = nest_xml_in_namespace(child, NEST_QEMU_NAMESPACE) &&
                               g_str_equal((const char *)child->name, "arg")
                           ? nest_xml_attribute(child, "value")
                           : NULL;

        if (value)
            g_ptr_array_add(arguments, value);
    }
}

NestQemuCpu *
nest_qemu_cpu_of_domain(const NestDomainXml *xml)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);

    NEST_XML_FOREACH (nest_domain_xml_root(xml), child)
        if (nest_xml_in_namespace(child, NEST_QEMU_NAMESPACE) &&
            g_str_equal((const char *)child->name, "commandline"))
            add_arguments(arguments, child);
    return qemu_cpu_new(arguments);
}

NestQemuCpu *
nest_qemu_cpu_of_command(const char *text, gsize length)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);

    for (gsize i = 0; i < length; i += strlen(g_ptr_array_index(arguments, arguments->len - 1)) + 1)
        g_ptr_array_add(arguments, g_strndup(text + i, length - i));
    return qemu_cpu_new(arguments);
}

void
nest_qemu_cpu_free(NestQemuCpu *cpu)
{
    if (!cpu)
        return;
    g_free(cpu->argument);
    g_free(cpu->model);
    g_free(cpu->malformed);
    g_free(cpu->machine);
    g_strfreev(cpu->properties);
    g_ptr_array_unref(cpu->globals);
    g_free(cpu);
}

/* QEMU takes "nrip_save" for "nrip-save". */
static gboolean
is_feature_argument(const char *name, gsize length, const char *feature)
{
    if (length != strlen(feature))
        return FALSE;
    for (gsize i = 0; i < length; i++)
        if (name[i] != feature[i] && !(name[i] == '_' && feature[i] == '-'))
            return FALSE;
    return TRUE;
}

NestQemuSetting
nest_qemu_cpu_property(const NestQemuCpu *cpu, const char *feature)
{
    gboolean plus = FALSE;
    gboolean minus = FALSE;
    NestQemuSetting setting = NEST_QEMU_UNSET;

    for (gsize i = 0; cpu->properties && cpu->properties[i]; i++) {
        const char *property = cpu->properties[i];
        const char *equals = strchr(property, '=');

        if (equals && is_feature_argument(property, (gsize)(equals - property), feature))
            setting = setting_of_value(equals + 1);
        else if ((*property == '+' || *property == '-') &&
                 is_feature_argument(property + 1, strlen(property + 1), feature))
            plus |= *property == '+', minus |= *property == '-';
    }
    if (minus)
        return NEST_QEMU_OFF;
    return plus ? NEST_QEMU_ON : setting;
}

/* The value of one of "driver", "property" and "value" in the long form of a -global. */
static gchar *
long_form_value(const char *global, const char *key)
{
    g_auto(GStrv) parts = g_strsplit(global, ",", -1);

    for (gsize i = 0; parts[i]; i++)
        if (g_str_has_prefix(parts[i], key) && parts[i][strlen(key)] == '=')
            return g_strdup(parts[i] + strlen(key) + 1);
    return g_strdup("");
}

/* Takes a -global apart: DRIVER.PROPERTY=VALUE, or driver=DRIVER,property=PROPERTY,value=VALUE. */
static void
split_global(const char *global, gchar **ret_type, gchar **ret_property, gchar **ret_value)
{
    const char *equals = strchr(global, '=');
    const char *dot = equals ? memchr(global, '.', (gsize)(equals - global)) : NULL;

    if (dot) {
        *ret_type = g_strndup(global, (gsize)(dot - global));
        *ret_property = g_strndup(dot + 1, (gsize)(equals - dot - 1));
        *ret_value = g_strdup(equals + 1);
        return;
    }
    *ret_type = long_form_value(global, "driver");
    *ret_property = long_form_value(global, "property");
    *ret_value = long_form_value(global, "value");
}

NestQemuSetting
nest_qemu_cpu_global(const NestQemuCpu *cpu, const char *model, const char *feature,
                     gchar **ret_argument)
{
    g_autofree gchar *own = g_strconcat(model ? model : "", "-x86_64-cpu", NULL);
    /* the types of object whose -global reaches the guest's CPU */
    const gchar *const types[] = {"cpu", "x86_64-cpu", own, NULL};
    NestQemuSetting setting = NEST_QEMU_UNSET;
    const char *says = NULL;

    for (guint i = 0; i < cpu->globals->len; i++) {
        const char *global = g_ptr_array_index(cpu->globals, i);
        g_autofree gchar *type = NULL;
        g_autofree gchar *property = NULL;
        g_autofree gchar *value = NULL;

        split_global(global, &type, &property, &value);
        if (g_strv_contains(types, type) &&
            is_feature_argument(property, strlen(property), feature))
            setting = setting_of_value(value), says = global;
    }
    if (says && ret_argument)
        *ret_argument = g_strconcat("-global ", says, NULL);
    return setting;
}

const NestCpuVendor *
nest_qemu_cpu_vendor(const NestQemuCpu *cpu, gboolean kvm)
{
    return cpu->vendor || kvm ? cpu->vendor : nest_cpu_vendor_of_model(cpu->model);
}

gboolean
nest_qemu_cpu_is_whole(const NestQemuCpu *cpu)
{
    return g_strv_contains(whole_models, cpu->model);
}

gboolean
nest_qemu_cpu_exposes(const NestQemuCpu *cpu, const NestCpuVendor *vendor, gboolean kvm)
{
    const NestCpuVendor *theirs = nest_qemu_cpu_vendor(cpu, kvm);
    NestQemuSetting setting = nest_qemu_cpu_property(cpu, vendor->feature);

    if (nest_cpu_vendor_is_by_machine(vendor))
        return cpu->el2 == NEST_QEMU_ON;
    if (theirs && !g_str_equal(theirs->feature, vendor->feature))
        return FALSE;
    if (setting == NEST_QEMU_UNSET)
        setting = nest_qemu_cpu_global(cpu, cpu->model, vendor->feature, NULL);
    if (setting == NEST_QEMU_UNSET)
        return nest_qemu_cpu_is_whole(cpu);
    return setting == NEST_QEMU_ON;
}
