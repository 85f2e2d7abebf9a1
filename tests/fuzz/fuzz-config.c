/* Shows that a configuration is read or refused by name, and that a refusal changes no setting.
 *
 * The input is the file. */
#include "fuzz.h"
#include "config.h"

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
    g_autofree gchar *folder = g_path_get_dirname(path);

    if (g_mkdir_with_parents(folder, 0755) < 0 || !g_setenv("VIRT_NEST_ROOT", world, TRUE))
        return FALSE;
    file = g_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    return file >= 0;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    NestConfig config = {.outrun = (NestOutrun)99};

    PROMISE("the file is written",
            pwrite(file, data, size, 0) == (gssize)size && ftruncate(file, (off_t)size) == 0, NULL);
    if (nest_config_load(&config, &error)) {
        PROMISE("an error is a refusal", !error, NULL);
        PROMISE("a setting has one of its values",
                config.outrun == NEST_OUTRUN_REFUSE || config.outrun == NEST_OUTRUN_RESTART, NULL);
        PROMISE("no guest is restarted that the file does not say it of",
                config.outrun == NEST_OUTRUN_REFUSE || memmem(data, size, "restart", 7), NULL);
        return 0;
    }
    fuzz_check_error(error, NEST_ERROR_CONFIG, NEST_ERROR_CONFIG);
    PROMISE("a refusal names the file", strstr(error->message, NEST_CONFIG_FILE), error->message);
    PROMISE("a refusal leaves the settings alone", config.outrun == (NestOutrun)99, NULL);
    return 0;
}
