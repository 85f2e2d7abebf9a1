/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virtnestd says about itself in /run/virt-nest/virtnestd.status, which every user may read. */
#include "base/daemon_status.h"

#include "base/error.h"
#include "base/lock.h"
#include "base/root.h"
#include "base/write.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "virtnestd.status"
#define SYSTEM_FILE "/run/virt-nest/" NAME
#define GROUP "virtnestd"
#define MAX_BYTES 16384

void
nest_daemon_status_free(NestDaemonStatus *status)
{
    if (!status)
        return;
    g_free(status->version);
    g_free(status->settings);
    g_free(status->unjudged);
    g_free(status->unjudged_tagged);
    g_free(status);
}

/* --- writing */

static void
set_if_known(GKeyFile *file, const char *key, const char *text)
{
    if (text)
        g_key_file_set_string(file, GROUP, key, text);
}

static gchar *
format_daemon_status(const NestDaemonStatus *status)
{
    g_autoptr(GKeyFile) file = g_key_file_new();

    g_key_file_set_string(file, GROUP, "version", status->version);
    g_key_file_set_int64(file, GROUP, "since", status->since);
    g_key_file_set_boolean(file, GROUP, "settings-read", !status->settings);
    g_key_file_set_int64(file, GROUP, "settings-since", status->settings_since);
    g_key_file_set_int64(file, GROUP, "unjudged-since", status->unjudged_since);
    set_if_known(file, "settings-problem", status->settings);
    set_if_known(file, "unjudged", status->unjudged);
    set_if_known(file, "unjudged-tagged", status->unjudged_tagged);
    return g_key_file_to_data(file, NULL, NULL);
}

/* The modes are set after open() and mkdir(), because virtnestd's unit has UMask=0077. */
static int
write_locked(const char *path, const char *text)
{
    g_autofree gchar *directory = g_path_get_dirname(path);
    g_autofree gchar *fresh = g_strconcat(path, ".new", NULL);
    int fd = -1;

    if (g_mkdir_with_parents(directory, 0755) < 0 || g_chmod(directory, 0755) < 0)
        return -1;
    (void)g_unlink(fresh);
    fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && nest_lock_try(fd) && nest_write_all(fd, text) && fchmod(fd, 0644) == 0 &&
        g_rename(fresh, path) == 0)
        return fd;
    if (fd >= 0) {
        int problem = errno;

        close(fd);
        errno = problem;
    }
    return -1;
}

int
nest_daemon_status_write(const NestDaemonStatus *status, GError **error)
{
    g_autofree gchar *path = nest_root_runtime_path(NAME);
    g_autofree gchar *text = format_daemon_status(status);
    int fd = write_locked(path, text);

    if (fd < 0)
        g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                    "cannot write %s: %s: see whether /run is full", path, g_strerror(errno));
    return fd;
}

/* --- reading */

static GKeyFile *
read_file(int fd)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree gchar *text = g_malloc(MAX_BYTES);
    gssize n = read(fd, text, MAX_BYTES);

    return n > 0 && g_key_file_load_from_data(file, text, (gsize)n, G_KEY_FILE_NONE, NULL)
               ? g_steal_pointer(&file)
               : NULL;
}

NestDaemonStatus *
nest_daemon_status_read(void)
{
    g_autofree gchar *path = nest_root_path(SYSTEM_FILE);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    g_autoptr(GKeyFile) file = fd >= 0 && nest_lock_is_held(fd) ? read_file(fd) : NULL;
    NestDaemonStatus *status = NULL;

    if (fd >= 0)
        close(fd);
    if (!file)
        return NULL;
    status = g_new0(NestDaemonStatus, 1);
    status->version = g_key_file_get_string(file, GROUP, "version", NULL);
    status->since = g_key_file_get_int64(file, GROUP, "since", NULL);
    status->settings = g_key_file_get_string(file, GROUP, "settings-problem", NULL);
    status->settings_since = g_key_file_get_int64(file, GROUP, "settings-since", NULL);
    status->unjudged_since = g_key_file_get_int64(file, GROUP, "unjudged-since", NULL);
    status->unjudged = g_key_file_get_string(file, GROUP, "unjudged", NULL);
    status->unjudged_tagged = g_key_file_get_string(file, GROUP, "unjudged-tagged", NULL);
    if (!status->version)
        status->version = g_strdup("unknown");
    return status;
}
