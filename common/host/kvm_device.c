/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /dev/kvm, which goes and comes back with the KVM module: udev gives it its owner, mode and ACL a moment later. */
#include "host/kvm_device.h"

#include "base/error.h"
#include "base/log.h"
#include "base/root.h"

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
is_same(const NestKvmDevice *a, const NestKvmDevice *b)
{
    return a->status.st_uid == b->status.st_uid && a->status.st_gid == b->status.st_gid &&
           a->status.st_mode == b->status.st_mode && a->acl_length == b->acl_length &&
           memcmp(a->acl, b->acl, a->acl_length) == 0;
}

/* The file stands there while udev has events to handle (udevadm settle waits for the same). */
static gboolean
udev_is_at_work(void)
{
    g_autofree gchar *path = nest_root_path("/run/udev/queue");

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static gboolean
is_back(const NestKvmDevice *before, gboolean *ret_exists)
{
    g_autoptr(NestKvmDevice) now = nest_kvm_device_read();

    *ret_exists = now->exists;
    return now->exists && (before->exists ? is_same(before, now) : !udev_is_at_work());
}

/* The ACL is set last, because it contains the mode's bits for the group as well. */
static gboolean
make_as_it_was(const NestKvmDevice *before)
{
    g_autofree gchar *path = nest_root_path("/dev/kvm");

    return chown(path, before->status.st_uid, before->status.st_gid) == 0 &&
           chmod(path, before->status.st_mode & 07777) == 0 &&
           (before->acl_length == 0 ||
            setxattr(path, ACL, before->acl, before->acl_length, 0) == 0);
}

static void
help_it(const NestKvmDevice *before)
{
    gboolean made = make_as_it_was(before);

    nest_log(G_LOG_LEVEL_WARNING, NULL, NULL,
             "udev did not give /dev/kvm its owner and mode back in %d seconds: %s", WAIT_MS / 1000,
             made ? "virt-nest did" : g_strerror(errno));
}

gboolean
nest_kvm_device_wait(const NestKvmDevice *before, GError **error)
{
    gboolean exists = FALSE;

    for (int ms = 0; ms < WAIT_MS; ms += STEP_MS) {
        if (is_back(before, &exists))
            return TRUE;
        g_usleep(STEP_MS * 1000UL);
    }
    if (exists && before->exists)
        help_it(before);
    if (!exists)
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_HOST_DEVICE,
            "the KVM module was loaded, but /dev/kvm did not come in %d seconds: run udevadm trigger "
            "--name-match=kvm, or see why udev does not make it",
            WAIT_MS / 1000);
    return exists;
}
