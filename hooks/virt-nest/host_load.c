/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads the host's KVM module for a command that corrects definitions, as virtnestd would. */
#include "host_load.h"

#include "base/config.h"
#include "base/root.h"
#include "domain/exposed.h"
#include "host/kvm_plan.h"
#include "host/kvm_reload.h"

#include <unistd.h>

gboolean
nest_host_load_absent(GError **error)
{
    NestKvmModule module = nest_kvm_module_read();
    NestKvmAction done = NEST_KVM_DO_NOTHING;
    NestConfig config = NEST_CONFIG_DEFAULT;

    /* A settings file that cannot be read may say manage=no. */
    if (geteuid() != 0 || nest_root_is_fake() || !nest_config_load(&config, NULL) ||
        config.manage != NEST_MANAGE_YES)
        return FALSE;
    if (nest_kvm_plan(&module, TRUE, FALSE, NULL) != NEST_KVM_DO_LOAD ||
        !nest_kvm_reload(TRUE, FALSE, &module, &done, error))
        return FALSE;
    nest_exposed_log(module.vendor, done);
    return TRUE;
}
