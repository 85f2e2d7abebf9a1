/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells whether the settings may forbid nesting to domains that do not mention virt-nest, without parsing them. */
#include "base/config_peek.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "policy"
#define VALUE "disable"
/* Many times the length of the settings with all their comments. */
#define LONGEST ((size_t)64 * 1024)

/* Whether the file ends within the buffer, which then has all of it and a NUL. */
static bool
read_whole(int fd, char *buffer, size_t size)
{
    size_t length = 0;
    ssize_t n = 1;

    while (n != 0 && length < size - 1) {
        n = read(fd, buffer + length, size - 1 - length);
        if (n < 0 && errno != EINTR)
            return false;
        length += n > 0 ? (size_t)n : 0;
    }
    buffer[length] = '\0';
    return n == 0 && strlen(buffer) == length;
}

bool
nest_config_peek(const char *path)
{
    static char
        buffer[LONGEST]; /* the kernel zeroes each page of it when the page is first touched */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    const char *end = NULL; /* of a line; NULL: the text ends there */
    bool whole = true;

    if (fd < 0)
        return errno != ENOENT && errno != ENOTDIR && errno != EACCES;
    /* The hook must not wait for a pipe that somebody has put in the file's place. */
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        whole = read_whole(fd, buffer, sizeof(buffer));
    (void)close(fd);
    for (const char *line = whole ? buffer : NULL; line; line = end ? end + 1 : NULL) {
        line += strspn(line, " \t\r\f\v");
        if (strncmp(line, KEY, strlen(KEY)) == 0 &&
            memmem(line, strcspn(line, "\n"), VALUE, strlen(VALUE)))
            return true;
        end = strchr(line, '\n');
    }
    return !whole;
}
