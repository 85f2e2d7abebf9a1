/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that a configuration is read or refused by name, and that a refusal changes no setting.
 *
 * The input is the file. */
#include "base/config.h"
#include "fuzz.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static int file;

gboolean
fuzz_start(void)
{
    g_autofree gchar *world = fuzz_world();
    g_autofree gchar *path = g_strconcat(world, NEST_CONFIG_FILE, NULL);
    g_autofree gchar *directory = g_path_get_dirname(path);

    if (g_mkdir_with_parents(directory, 0755) < 0 || !g_setenv("VIRT_NEST_ROOT", world, TRUE))
        return FALSE;
    file = g_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    return file >= 0;
}

static void
check_settings(const NestConfig *config, const guint8 *data, gsize size)
{
    PROMISE(
        "a setting has one of its values",
        (config->on_stale == NEST_ON_STALE_REFUSE || config->on_stale == NEST_ON_STALE_RESTART) &&
            (config->manage == NEST_MANAGE_YES || config->manage == NEST_MANAGE_NO) &&
            (config->release == NEST_RELEASE_LINGER || config->release == NEST_RELEASE_STRICT),
        NULL);
    PROMISE("a time is in its range",
            config->interval_ms >= 100 && config->interval_ms <= 60000 &&
                config->linger_ms <= 86400000,
            NULL);
    PROMISE("no guest is restarted that the file does not say it of",
            config->on_stale == NEST_ON_STALE_REFUSE || memmem(data, size, "restart", 7), NULL);
    PROMISE("a guard is shorter only where the file says so",
            config->linger_ms >= 60000 || memmem(data, size, "linger", 6), NULL);
}

static void
check_refusal(const GError *error)
{
    fuzz_check_error(error, NEST_ERROR_CONFIG, NEST_ERROR_CONFIG);
    PROMISE("a refusal names the file", strstr(error->message, NEST_CONFIG_FILE), error->message);
}

static void
check_load(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    NestConfig config = {.on_stale = (NestOnStale)99};

    if (nest_config_load(&config, &error)) {
        PROMISE("an error is a refusal", !error, NULL);
        check_settings(&config, data, size);
        return;
    }
    check_refusal(error);
    PROMISE("a refusal leaves the settings alone", config.on_stale == (NestOnStale)99, NULL);
}

static void
check_plugins(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GKeyFile) settings = NULL;
    g_auto(GStrv) names = nest_config_plugins(&settings, &error);

    PROMISE("names come with the settings", !names == !settings, NULL);
    for (gsize i = 0; names && names[i]; i++)
        PROMISE("a plugin's name leads to no other directory",
                *names[i] && !strpbrk(names[i], "./ \t\n"), names[i]);
    if (names)
        PROMISE("an error is a refusal", !error, NULL);
    else
        check_refusal(error);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    PROMISE("the file is written",
            pwrite(file, data, size, 0) == (gssize)size && ftruncate(file, (off_t)size) == 0, NULL);
    check_load(data, size);
    check_plugins();
    return 0;
}
