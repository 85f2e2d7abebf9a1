/* The settings: /etc/virt-nest/virt-nest.conf, a key file in which every key is optional. */
#pragma once

#include <glib.h>

#define NEST_CONFIG_FILE "/etc/virt-nest/virt-nest.conf"

/* What becomes of a start that was faster than the correction of its definition. */
typedef enum {
    NEST_OUTRUN_REFUSE,  /* the hook refuses it; the next start works */
    NEST_OUTRUN_RESTART, /* virtnestd stops and starts it again, once */
} NestOutrun;

/* Whether virt-nest loads the host's KVM module by itself. */
typedef enum {
    NEST_MANAGE_YES, /* the hook and virtnestd turn nesting on where a tagged domain needs it */
    NEST_MANAGE_NO,  /* they leave the module alone; virt-nest host enable does what it is told */
} NestManage;

/**
 * NestConfig: the settings in force. All zero is the default.
 */
typedef struct {
    NestOutrun outrun; /* [start] outrun=refuse|restart */
    NestManage manage; /* [host] manage=yes|no */
} NestConfig;

/**
 * nest_config_load: read the settings.
 * @ret_config: what they are; the defaults where the file does not exist
 *
 * Returns: FALSE with NEST_ERROR_CONFIG, naming file, key and allowed values, where the file cannot
 * be read or says something unknown; @ret_config is untouched then.
 */
gboolean nest_config_load(NestConfig *ret_config, GError **error) G_GNUC_WARN_UNUSED_RESULT;
