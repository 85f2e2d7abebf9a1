/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells whether the host has rules, without reading them. */
#include "base/rules_peek.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".conf"

bool
nest_rules_peek_is_file(const char *name)
{
    size_t length = strlen(name);

    return *name != '.' && length > strlen(SUFFIX) &&
           strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

/* readdir() is not used, because it allocates memory. */
static bool
has_file(int fd)
{
    _Alignas(struct dirent64) char buffer[4096];
    ssize_t n = 0;

    while ((n = getdents64(fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t place = 0; place < n;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(buffer + place);

            if (nest_rules_peek_is_file(entry->d_name))
                return true;
            place += entry->d_reclen;
        }
    return n < 0;
}

bool
nest_rules_peek(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool has = false;

    if (fd < 0) /* for a session's hook that may not read the directory, there are no rules */
        return errno != ENOENT && errno != EACCES;
    has = has_file(fd);
    (void)close(fd);
    return has;
}
