/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether systemd runs this host. */
#include "base/systemd.h"

#include "base/root.h"

gboolean
nest_systemd_runs(void)
{
    g_autofree gchar *path = nest_root_path("/run/systemd/system");

    return g_file_test(path, G_FILE_TEST_IS_DIR);
}
