/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one error domain of virt-nest: what can go wrong, and the stable code a person sees for it. */
#pragma once

#include <glib.h>

/**
 * NestErrorCode: every reason for which virt-nest refuses or fails.
 *
 * Each has a stable name in brackets at the end of its message; nest_error_name() gives it and
 * virt-nest(1) lists them all.
 */
typedef enum {
    NEST_ERROR_XML,               /* not the XML of a domain */
    NEST_ERROR_XML_ENCODING,      /* not UTF-8 */
    NEST_ERROR_XML_DTD,           /* has a document type declaration */
    NEST_ERROR_TAG_NAMESPACE,     /* an element meant as the tag, but in another namespace */
    NEST_ERROR_TAG_ELEMENT,       /* an element of our namespace that does not exist */
    NEST_ERROR_TAG_ATTRIBUTE,     /* an attribute that does not exist */
    NEST_ERROR_TAG_VALUE,         /* an attribute's value that does not exist */
    NEST_ERROR_TAG_TWICE,         /* more than one tag */
    NEST_ERROR_TAG_CONTENT,       /* the tag is not empty */
    NEST_ERROR_CPU_VENDOR,        /* a CPU model of the other vendor */
    NEST_ERROR_CPU_CONFIDENTIAL,  /* <launchSecurity> */
    NEST_ERROR_CPU_ARCH,          /* not x86_64 */
    NEST_ERROR_CPU_TYPE,          /* neither kvm nor qemu */
    NEST_ERROR_CPU_ARGUMENT,      /* <qemu:commandline> keeps the feature from the guest */
    NEST_ERROR_START_STALE,       /* the start was faster than the correction */
    NEST_ERROR_START_UNCORRECTED, /* the definition was not corrected (yet) */
    NEST_ERROR_START_TRANSIENT,   /* there is no definition that could be corrected */
    NEST_ERROR_HOST_VENDOR,       /* a host CPU that is not in the vendor table */
    NEST_ERROR_HOST_HARDWARE,     /* no VMX or SVM, or switched off in the firmware */
    NEST_ERROR_HOST_ABSENT,       /* the KVM module is not loaded */
    NEST_ERROR_HOST_OFF,          /* loaded, nesting off, nobody uses it */
    NEST_ERROR_HOST_BUSY,         /* in use, so nesting cannot be changed */
    NEST_ERROR_HOST_BUILTIN,      /* built into the kernel, so nesting cannot be changed */
    NEST_ERROR_HOST_DEVICE,       /* /dev/kvm is missing */
    NEST_ERROR_HOST_FIRMWARE,     /* the CPU has VMX or SVM, but the firmware locked it off */
    NEST_ERROR_HOST_KEPT_OFF,     /* somebody's nested=0, install, blacklist or module_blacklist= */
    NEST_ERROR_HOST_VALUE,        /* somebody's value for nested that the kernel refuses */
    NEST_ERROR_HOST_FILES,        /* the module's file, or one it needs, is not there */
    NEST_ERROR_HOST_LOCK,         /* another program is changing the module, and does not finish */
    NEST_ERROR_HOST_LOAD,         /* the module could not be loaded as wanted */
    NEST_ERROR_HOST_LOST,         /* the module was unloaded and could not be put back */
    NEST_ERROR_STATE,             /* our own state element is not what we write */
    NEST_ERROR_LIVE_RUNNING,      /* nested guests are running */
    NEST_ERROR_LIVE_UNKNOWN,      /* nobody can tell whether nested guests are running */
    NEST_ERROR_CONFIG,            /* virt-nest.conf */
    NEST_ERROR_RULE,              /* a rule in rules.d */
    NEST_ERROR_LIBVIRT,           /* a call to libvirt failed */
    NEST_ERROR_MONITOR, /* QEMU refused a command of its monitor, or the command cannot be written */
    NEST_ERROR_ANSWER,  /* QEMU's answer to one is too long, or cannot be read */
    NEST_ERROR_GUARD,   /* a guard could not be armed, disarmed or lifted */
    NEST_ERROR_PLUGIN,  /* a plugin that does not fit */
    NEST_ERROR_DAEMON,  /* virtnestd: already running, or cannot start */
    NEST_ERROR_IO,      /* a file or descriptor */
    NEST_ERROR_USAGE,   /* the command line */
    NEST_ERROR_LAST
} NestErrorCode;

#define NEST_ERROR (nest_error_quark())
GQuark nest_error_quark(void);

/**
 * nest_error_name: the stable name of an error.
 * @error: any error; one of another domain counts as NEST_ERROR_IO
 *
 * Returns: a name such as "NEST-HOST-BUSY", never NULL.
 */
const char *nest_error_name(const GError *error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_error_text: the whole line a person reads.
 * @error: what went wrong
 *
 * Whatever names and values the message contains, the result is a single line that has no effect on a
 * terminal. Where they make it too long, its middle is cut out.
 *
 * Returns: (transfer full) "nest: MESSAGE [NEST-CODE]", without a newline.
 */
gchar *nest_error_text(const GError *error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) "MESSAGE [NEST-CODE]", not escaped: for a sentence that is printed with others. */
gchar *nest_error_with_code(const GError *error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_error_parse: make an error from the line that nest_error_text() has written in another program.
 * @line: (nullable) the line
 *
 * Returns: (transfer full)(nullable) NULL if it is no such line.
 */
GError *nest_error_parse(const char *line) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) A text from outside, escaped to be printed; see nest_escape_copy(). */
gchar *nest_error_escape(const char *text) G_GNUC_WARN_UNUSED_RESULT;
