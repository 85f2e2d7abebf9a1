/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Splits a text of parameters, such as the kernel's command line or a module's options, as the kernel does. */
#include "host/kernel_args.h"

#include <string.h>

gboolean
nest_kernel_args_next(const char **text, gchar **ret_name, gchar **ret_value)
{
    const char *begin = *text + strspn(*text, NEST_KERNEL_BLANKS);
    const char *end = NULL, *equals = NULL, *value = NULL;
    gboolean quoted = *begin == '"', inside = quoted;

    if (!*begin)
        return FALSE;
    begin += quoted;
    for (end = begin; *end && (inside || !strchr(NEST_KERNEL_BLANKS, *end)); end++) {
        if (*end == '=' && !equals)
            equals = end;
        inside ^= *end == '"';
    }
    *text = end;
    value = equals ? equals + 1 : end;
    if ((quoted || *value == '"') && end > begin && end[-1] == '"')
        end--;
    value += equals && *value == '"';
    *ret_name = g_strndup(begin, (gsize)((equals ? equals : end) - begin));
    *ret_value = equals ? g_strndup(value, end > value ? (gsize)(end - value) : 0) : NULL;
    return TRUE;
}

gboolean
nest_kernel_args_match(const char *one, const char *other)
{
    for (; *one && *other; one++, other++)
        if (*one != *other && !(strchr("-_", *one) && strchr("-_", *other)))
            return FALSE;
    return *one == *other;
}

gboolean
nest_kernel_args_is_yes(const char *value)
{
    return !value || (*value && strchr("yYtTeE1", *value)) ||
           g_ascii_strncasecmp(value, "on", 2) == 0;
}
