/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hypervisors other than KVM that use, or keep to themselves, this host's VMX or SVM. */
#include "host/other_hypervisor.h"

#include "base/root.h"

static const struct {
    const char *module; /* as below /sys/module */
    const char *title;
} table[] = {
    {"vboxdrv", "VirtualBox"},
    {"vmmon", "VMware"},
};

GPtrArray *
nest_other_hypervisor_names(void)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree gchar *file = g_strdup_printf("/sys/module/%s", table[i].module);
        g_autofree gchar *path = nest_root_path(file);

        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            g_ptr_array_add(names,
                            g_strdup_printf("%s (module %s)", table[i].title, table[i].module));
    }
    return names;
}

gchar *
nest_other_hypervisor_text(void)
{
    g_autoptr(GPtrArray) names = nest_other_hypervisor_names();

    if (names->len == 0)
        return NULL;
    g_ptr_array_add(names, NULL);
    return g_strjoinv(" and ", (gchar **)names->pdata);
}

gboolean
nest_other_hypervisor_is_xen(void)
{
    g_autofree gchar *type = nest_root_read("/sys/hypervisor/type", NULL);

    return type && g_str_has_prefix(type, "xen");
}
