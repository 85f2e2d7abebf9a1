/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program of virt-nest-kvm@.service: turns nesting on or off in the host's KVM module when virtnestd starts the unit.
 * No other unit of ours may load modules.
 *
 * It takes the unit's instance, "on" or "off", and no option. It logs its error, and also sets it as the unit's status text
 * for virtnestd (plugins/virtnestd/kvm_unit.c). */
#include "base/error.h"
#include "base/log.h"
#include "base/notify.h"
#include "host/kvm_reload.h"
#include "host/modprobe_dropin.h"

#define EXIT_USAGE 2

/* Also keeps nesting on at the next boot. Otherwise untagged guests that start at boot would use the
 * module before anybody could turn nesting on. */
static gboolean
turn_on(GError **error)
{
    g_autoptr(GError) problem = NULL;
    NestKvmModule module;
    NestKvmAction done = NEST_KVM_DO_NOTHING;

    if (!nest_kvm_reload(TRUE, FALSE, &module, &done, error))
        return FALSE;
    if (!nest_modprobe_dropin_keep_on(module.vendor, NEST_MODPROBE_LOADED, &problem))
        nest_log_last_error(problem);
    return TRUE;
}

static gboolean
turn_off(GError **error)
{
    NestKvmModule module;
    NestKvmAction done = NEST_KVM_DO_NOTHING;

    return nest_kvm_reload(FALSE, FALSE, &module, &done, error);
}

/* What the unit's instance says. */
static const struct {
    const char *word;
    gboolean (*run)(GError **error);
} instances[] = {{"on", turn_on}, {"off", turn_off}};

static int
fail_with(const GError *error)
{
    g_autofree gchar *text = nest_error_text(error);
    g_autofree gchar *status = g_strconcat("STATUS=", text, NULL);

    nest_log_last_error(error);
    nest_notify(status);
    return 1;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    nest_log_open("virt-nest-kvm", TRUE);
    for (gsize i = 0; argc == 2 && i < G_N_ELEMENTS(instances); i++)
        if (g_str_equal(argv[1], instances[i].word))
            return instances[i].run(&error) ? 0 : fail_with(error);
    error = g_error_new(NEST_ERROR, NEST_ERROR_USAGE,
                        "virt-nest-kvm@.service has the instances on and off, and no other");
    (void)fail_with(error);
    return EXIT_USAGE;
}
