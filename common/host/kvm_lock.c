/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock for programs that change the host's KVM module, /run/virt-nest/host.lock. */
#include "host/kvm_lock.h"

#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/runtime_flag.h"
#include "base/wait.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "host.lock"
/* How long to wait for another program, within the hook's time limit (fatal.h). */
#define LOCK_MS 5000
#define RELOAD_MS 15000 /* the longest that a reload takes */
#define STEP_MS 10

int
nest_kvm_lock_take(GError **error)
{
    gint64 deadline = nest_wait_deadline(LOCK_MS);
    int lock = nest_lock_open(LOCK_NAME, error);

    if (lock < 0)
        return -1;
    do {
        if (nest_lock_try(lock))
            return lock;
    } while (nest_wait_step(deadline, STEP_MS));
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_LOCK,
        "another program has been changing the KVM module for more than %d seconds (it holds "
        "/run/virt-nest/host.lock; fuser names it): try again when it has finished",
        LOCK_MS / 1000);
    close(lock);
    return -1;
}

gchar *
nest_kvm_lock_read(int lock)
{
    char text[4096] = "";

    return pread(lock, text, sizeof(text) - 1, 0) > 0 ? g_strdup(text) : g_strdup("");
}

/* A failure does no harm, unless a SIGKILL comes in the next moments: then the parameters are lost. */
void
nest_kvm_lock_write(int lock, const char *parameters)
{
    gboolean written =
        ftruncate(lock, 0) == 0 && pwrite(lock, parameters, strlen(parameters), 0) >= 0;

    (void)written;
}

void
nest_kvm_lock_inhibit_unload(const char *uuid)
{
    g_autoptr(GError) error = NULL;
    int lock = nest_kvm_lock_take(&error);

    if (lock < 0 || !nest_runtime_flag_set(NEST_RUNTIME_FLAG_STARTING, uuid, &error))
        nest_log_error(NULL, uuid, error);
    if (lock >= 0)
        close(lock);
}

/* The file is written when the module is unloaded and when the module is loaded again. */
gboolean
nest_kvm_lock_reloaded_since(gint64 since)
{
    gint64 deadline = nest_wait_deadline(RELOAD_MS);
    int lock = nest_lock_open_to_ask(LOCK_NAME);
    struct stat status = {0};

    while (lock >= 0 && nest_lock_is_held(lock) && nest_wait_step(deadline, STEP_MS))
        ;
    if (lock < 0 || fstat(lock, &status) < 0)
        status.st_mtime = 0;
    if (lock >= 0)
        close(lock);
    return (gint64)(status.st_mtime + 1) * G_USEC_PER_SEC >= since;
}
