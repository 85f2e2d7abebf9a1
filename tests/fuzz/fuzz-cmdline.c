/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that a text of parameters is split to its end, and into pieces of itself.
 *
 * The input is the text. */
#include "fuzz.h"
#include "host/kernel_args.h"

#include <string.h>

gboolean
fuzz_start(void)
{
    return TRUE;
}

static void
check_names(const char *one, const char *other)
{
    PROMISE("a name is itself", nest_kernel_args_match(one, one), one);
    PROMISE("the order does not matter",
            nest_kernel_args_match(one, other) == nest_kernel_args_match(other, one), one);
    PROMISE("one name is as long as the other",
            !nest_kernel_args_match(one, other) || strlen(one) == strlen(other), one);
}

/* (transfer full) A piece of text without its quotes, and without the white space in front. */
static gchar *
bare(const char *text, gsize length)
{
    g_autofree gchar *piece = g_strndup(text, length);
    g_auto(GStrv) parts = g_strsplit(piece + strspn(piece, NEST_KERNEL_BLANKS), "\"", -1);

    return g_strjoinv("", parts);
}

static void
check_parameter(const char *start, const char *rest, const char *name, const char *value)
{
    g_autofree gchar *whole = g_strconcat(name, value ? "=" : "", value, NULL);
    g_autofree gchar *given = bare(start, (gsize)(rest - start));
    g_autofree gchar *taken = bare(whole, strlen(whole));

    PROMISE("each parameter takes some of the text", rest > start, start);
    PROMISE("a name has no '='", !strchr(name, '='), name);
    /* In quotes, white space can come first. */
    PROMISE("nothing but quotes is left out", g_str_has_suffix(given, taken) || !*taken, given);
    PROMISE("nor anything else", strlen(given) - strlen(taken) <= strspn(given, NEST_KERNEL_BLANKS),
            given);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree gchar *text = g_strndup((const char *)data, size);
    g_autofree gchar *before = g_strdup("");
    const char *rest = text;
    const char *start = text;
    gchar *name = NULL, *value = NULL;

    while (nest_kernel_args_next(&rest, &name, &value)) {
        g_autofree gchar *last = g_steal_pointer(&before);

        check_parameter(start, rest, name, value);
        check_names(name, last);
        g_free(value);
        before = name;
        start = rest;
    }
    PROMISE("nothing but white space is left", !rest[strspn(rest, NEST_KERNEL_BLANKS)], rest);
    return 0;
}
