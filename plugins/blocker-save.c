/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which saves guard-blocker may abort: all but a compressed one, whose abort can end libvirt's daemon.
 *
 * Theory of operation: libvirt tells nobody whether a save is compressed. But the compressor is a
 * process of its own, which reads from a pipe what QEMU writes into it. So the save is compressed
 * if a compressor and QEMU have the same pipe open. */
#include "blocker-save.h"

#include "base/root.h"

#include <string.h>

/* The programs that libvirt runs for the formats of a saved image, except raw and sparse (its
 * qemu.conf, save_image_format). */
static const char *const compressors[] = {"gzip", "bzip2", "xz", "lzop", "zstd"};

static gboolean
is_compressor(const char *process)
{
    g_autofree gchar *path = g_build_filename(process, "comm", NULL);
    g_autofree gchar *comm = NULL;

    if (!g_file_get_contents(path, &comm, NULL, NULL))
        return FALSE;
    g_strchomp(comm);
    for (gsize i = 0; i < G_N_ELEMENTS(compressors); i++)
        if (g_str_equal(comm, compressors[i]))
            return TRUE;
    return FALSE;
}

static gboolean
is_out_of_sight(const GError *problem)
{
    return g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_ACCES);
}

/* TRUE also where this cannot be seen. If a guest was started before virt-nest's AppArmor rules were installed, or on Debian
 * 12, its AppArmor profile lets only libvirt's daemon look. */
static gboolean
may_have_open(const char *process, const char *pipe)
{
    g_autofree gchar *directory = g_build_filename(process, "fd", NULL);
    g_autoptr(GDir) files = g_dir_open(directory, 0, NULL);
    const char *name = NULL;

    while (files && (name = g_dir_read_name(files))) {
        g_autofree gchar *path = g_build_filename(directory, name, NULL);
        g_autoptr(GError) problem = NULL;
        g_autofree gchar *target = g_file_read_link(path, &problem);

        if (is_out_of_sight(problem) || g_strcmp0(target, pipe) == 0)
            return TRUE;
    }
    return FALSE;
}

/* Without CAP_SYS_PTRACE the files of a compressor cannot be seen. It then counts as this guest's. */
static gboolean
is_compressed(const NestGuest *guest)
{
    g_autofree gchar *above = nest_root_path("/proc");
    g_autofree gchar *qemu = g_strdup_printf("%s/%" G_GINT64_FORMAT, above, guest->pid);
    g_autoptr(GDir) processes = g_dir_open(above, 0, NULL);
    const char *name = NULL;

    while (processes && (name = g_dir_read_name(processes))) {
        g_autofree gchar *process = g_build_filename(above, name, NULL);
        g_autofree gchar *input = NULL;
        g_autofree gchar *pipe = NULL; /* "pipe:[NUMBER]" */
        g_autoptr(GError) problem = NULL;

        if (!g_ascii_isdigit(*name) || !is_compressor(process))
            continue;
        input = g_build_filename(process, "fd", "0", NULL);
        pipe = g_file_read_link(input, &problem);
        if (is_out_of_sight(problem) ||
            (pipe && g_str_has_prefix(pipe, "pipe:") && may_have_open(qemu, pipe)))
            return TRUE;
    }
    return FALSE;
}

/* If QEMU's process is not known, its save may be a compressed one. */
gboolean
nest_blocker_save_may_abort(const NestGuest *guest)
{
    return guest->pid > 0 && !is_compressed(guest);
}
