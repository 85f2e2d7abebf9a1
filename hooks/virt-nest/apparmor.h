/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the text of an AppArmor profile lets a process do with one file. */
#pragma once

#include <glib.h>

typedef enum {
    NEST_APPARMOR_GRANTED,
    NEST_APPARMOR_NOT_GRANTED, /* no rule grants it */
    NEST_APPARMOR_DENIED,      /* a rule denies it, whatever others grant */
    NEST_APPARMOR_UNREADABLE,  /* the profile's text does not exist, or this user may not read it */
} NestAppArmorVerdict;

/**
 * NestAppArmorRule: the place of the rule that decides.
 */
typedef struct {
    const char *file; /* one of the given files; NULL: no rule decides */
    guint line;       /* from 1 */
} NestAppArmorRule;

/**
 * nest_apparmor_judge: whether a profile grants one permission on one file.
 * @files: the profile's text and what it includes, ending in NULL; only the first has to be there
 * @path: of the file, absolute and without links
 * @permission: 'r', 'w', 'm' or 'x', as in apparmor.d(5); of the kinds of x each counts
 * @ret_rule: (out) the rule that decides
 *
 * Rules of child profiles do not count, nor those whose path has a variable: nobody knows its value here.
 */
NestAppArmorVerdict nest_apparmor_judge(const char *const *files, const char *path, char permission,
                                        NestAppArmorRule *ret_rule);
