/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /dev/kvm, which goes and comes back with the KVM module: udev gives it its owner, mode and ACL a moment later. */
#include "host/kvm_device.h"

#include "base/error.h"
#include "base/log.h"
#include "base/root.h"
#include "base/wait.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WAIT_MS 8000
#define STEP_MS 10
#define ACL "system.posix_acl_access"

struct NestKvmDevice {
    gboolean exists;
    struct stat status;
    gsize acl_length; /* 0: it has none */
    guint8 acl[4096]; /* as the kernel keeps it */
};

NestKvmDevice *
nest_kvm_device_read(void)
{
    g_autofree gchar *path = nest_root_path("/dev/kvm");
    NestKvmDevice *device = g_new0(NestKvmDevice, 1);
    gssize length = 0;

    device->exists = stat(path, &device->status) == 0;
    length = device->exists ? getxattr(path, ACL, device->acl, sizeof(device->acl)) : 0;
    device->acl_length = length > 0 ? (gsize)length : 0;
    return device;
}

void
nest_kvm_device_free(NestKvmDevice *device)
{
    g_free(device);
}

static gboolean
is_back(const NestKvmDevice *before, gboolean *ret_exists)
{
    g_autofree gchar *queue = nest_root_path("/run/udev/queue");
    g_autoptr(NestKvmDevice) now = nest_kvm_device_read();

    *ret_exists = now->exists;
    if (!now->exists)
        return FALSE;
    /* The file stands there while udev has events to handle (udevadm settle waits for the same). */
    if (!before->exists)
        return !g_file_test(queue, G_FILE_TEST_EXISTS);
    return before->status.st_uid == now->status.st_uid &&
           before->status.st_gid == now->status.st_gid &&
           before->status.st_mode == now->status.st_mode && before->acl_length == now->acl_length &&
           memcmp(before->acl, now->acl, before->acl_length) == 0;
}

/* The ACL is set last, because it contains the mode's bits for the group as well. */
static void
make_as_it_was(const NestKvmDevice *before)
{
    g_autofree gchar *path = nest_root_path("/dev/kvm");
    gboolean made =
        chown(path, before->status.st_uid, before->status.st_gid) == 0 &&
        chmod(path, before->status.st_mode & 07777) == 0 &&
        (before->acl_length == 0 || setxattr(path, ACL, before->acl, before->acl_length, 0) == 0);

    nest_log(
        G_LOG_LEVEL_WARNING, NULL, NULL,
        "udev did not restore the owner and mode of /dev/kvm in %d seconds, and virt-nest %s%s; if guests cannot "
        "open it, run udevadm trigger --name-match=kvm",
        WAIT_MS / 1000,
        made ? "has set them" : "could not set them: ", made ? "" : g_strerror(errno));
}

gboolean
nest_kvm_device_wait(const NestKvmDevice *before, GError **error)
{
    gint64 deadline = nest_wait_deadline(WAIT_MS);
    gboolean exists = FALSE;

    do {
        if (is_back(before, &exists))
            return TRUE;
    } while (nest_wait_step(deadline, STEP_MS));
    if (exists && before->exists)
        make_as_it_was(before);
    if (!exists)
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_HOST_DEVICE,
            "the KVM module was loaded, but /dev/kvm did not come in %d seconds: run udevadm trigger "
            "--name-match=kvm, or see why udev does not make it",
            WAIT_MS / 1000);
    return exists;
}
