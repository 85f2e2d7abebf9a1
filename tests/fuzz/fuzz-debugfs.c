/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that a counter in debugfs is a number or an error, and that a VM belongs to the process that its directory names.
 *
 * The first byte chooses whether the rest is a counter or the directory's entries, one a line. */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../../plugins/probe-debugfs.c" // NOLINT(bugprone-suspicious-include)

static int file;
static gchar *path;
static State *vms;

gboolean
fuzz_start(void)
{
    g_autoptr(GKeyFile) settings = g_key_file_new();
    gpointer state = NULL;
    gboolean started = debugfs_start(settings, &state, NULL);

    vms = state;
    file = memfd_create("counter", MFD_CLOEXEC);
    path = g_strdup_printf("/proc/self/fd/%d", file);
    return started && file >= 0;
}

static void
check_counter(const guint8 *data, gsize size)
{
    g_autofree gchar *text = g_strndup((const char *)data, size);
    gboolean is_number = FALSE;
    guint64 entries = 0;
    int result = 0;

    PROMISE("the file is written",
            pwrite(file, data, size, 0) == (gssize)size && ftruncate(file, (off_t)size) == 0, NULL);
    result = read_counter(path, &entries);
    PROMISE("it is a number or not", result == 0 || result == -EBADMSG, text);
    PROMISE("it was read whole", result != 0 || size < 31, text);
    g_strchomp(text);
    is_number = *text && !text[strspn(text, "0123456789")];
    PROMISE("a number is all digits", result != 0 || is_number, text);
    PROMISE("what is no error is a number",
            result == 0 || !is_number || size >= 31 || strlen(text) >= 20, text);
}

static void
check_names(const char *text)
{
    g_auto(GStrv) names = g_strsplit(text, "\n", -1);
    GHashTableIter iter;
    gpointer key = NULL, counters = NULL;
    guint n = 0;

    g_hash_table_remove_all(vms->vms);
    for (gsize i = 0; names[i]; i++)
        add_vm(vms, "/", names[i]);
    g_hash_table_iter_init(&iter, vms->vms);
    while (g_hash_table_iter_next(&iter, &key, &counters)) {
        g_autofree gchar *pid = g_strdup_printf("%" G_GSIZE_FORMAT "-", GPOINTER_TO_SIZE(key));

        PROMISE("a process has a number", (gssize)GPOINTER_TO_SIZE(key) > 0, text);
        PROMISE("and it is in its VM's name",
                strstr(g_ptr_array_index((GPtrArray *)counters, 0), pid) ||
                    GPOINTER_TO_SIZE(key) == G_MAXINT64,
                text);
        n += ((GPtrArray *)counters)->len;
    }
    PROMISE("each VM is one of the entries", n <= g_strv_length(names), text);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree gchar *text = NULL;

    if (size == 0)
        return 0;
    if (fuzz_choice(data[0], 2) == 0) {
        check_counter(data + 1, size - 1);
        return 0;
    }
    text = g_strndup((const char *)data + 1, size - 1);
    check_names(text);
    return 0;
}
