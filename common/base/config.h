/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings: /etc/virt-nest/virt-nest.conf, a key file in which every key is optional. */
#pragma once

#include "base/config_peek.h"
#include "base/log.h"

/* What happens if a domain starts before its definition was corrected, and so with a stale one. */
typedef enum {
    NEST_ON_STALE_REFUSE,  /* the hook refuses it; the next start works */
    NEST_ON_STALE_RESTART, /* virtnestd stops and starts it again, once */
} NestOnStale;

/* Whether virt-nest loads the host's KVM module by itself. */
typedef enum {
    NEST_MANAGE_YES, /* the hook and virtnestd turn nesting on where a tagged domain needs it */
    NEST_MANAGE_NO,  /* they leave the module alone; virt-nest host enable still changes it */
} NestManage;

/* What becomes of a domain without a tag. */
typedef enum {
    NEST_UNTAGGED_LEAVE,   /* nothing */
    NEST_UNTAGGED_DISABLE, /* its guest gets neither vmx nor svm, as with <nest:disable/> */
} NestUntagged;

/* When a guard is disarmed although the guest's hypervisor is still on. */
typedef enum {
    NEST_RELEASE_LINGER, /* a while after the last entry into a nested guest */
    NEST_RELEASE_STRICT, /* never */
} NestRelease;

/**
 * NestConfig: the settings in force.
 */
typedef struct {
    NestOnStale on_stale;   /* [start] on-stale=refuse|restart */
    NestManage manage;      /* [host] manage=yes|no */
    NestUntagged untagged;  /* [untagged] policy=leave|disable */
    NestRelease release;    /* [guard] release=linger|strict */
    guint interval_ms;      /* [guard] interval=SECONDS between two samples, 0.1 to 60 */
    guint linger_ms;        /* [guard] linger=SECONDS, 0 to 86400 */
    NestLogLevel log_level; /* [log] level=warning|notice|info|debug */
    const char
        *renamed; /* (nullable) if a key has its former name: what to write instead; static */
} NestConfig;

/* The settings where there is no file. */
#define NEST_CONFIG_DEFAULT                                                                        \
    ((NestConfig){.interval_ms = 1000, .linger_ms = 60000, .log_level = NEST_LOG_LEVEL_INFO})

/**
 * nest_config_load: read the settings.
 * @ret_config: the settings; the defaults where the file does not exist
 *
 * Returns: FALSE with NEST_ERROR_CONFIG where the file cannot be read or contains something unknown; the message names
 * the file, and the key and its allowed values where a value is wrong. @ret_config is untouched then.
 */
gboolean nest_config_load(NestConfig *ret_config, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_config_plugins: the plugins to load, [plugins] load=, in order.
 * @ret_settings: (out)(transfer full) the whole file, for the plugins' own groups; empty where there is none
 *
 * Names are separated by commas or spaces. A plugin's own group has the plugin's name, which begins
 * with "probe-", "guard-" or "export-"; the plugin checks the keys of its group.
 *
 * Returns: (transfer full) their names, or NULL with NEST_ERROR_CONFIG.
 */
gchar **nest_config_plugins(GKeyFile **ret_settings, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) The names of all plugins that were built, in the order in which they are asked. */
gchar **nest_config_default_plugins(void) G_GNUC_WARN_UNUSED_RESULT;
