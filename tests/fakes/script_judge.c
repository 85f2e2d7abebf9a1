/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands for the hook's judge: becomes the shell script that stands beside it, with ".sh" after its name. */
#include "../../hooks/operations.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int
nest_hook_judge(int argc, char **argv)
{
    char path[PATH_MAX];
    Dl_info self;

    (void)argc;
    if (dladdr((void *)nest_hook_judge, &self) == 0)
        return 126;
    (void)snprintf(path, sizeof(path), "%s.sh", self.dli_fname);
    execv(path, argv);
    return 127;
}
