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
/* Many times what the settings with all their comments are. */
#define LONGEST ((size_t)64 * 1024)

/* The next line; @text ends in NUL, which may be the end of a line, too. */
static const char *
next_line(const char *text)
{
    const char *end = strchr(text, '\n');

    return end ? end + 1 : NULL;
}

static bool
line_matches(const char *line)
{
    line += strspn(line, " \t\r\f\v");
    return strncmp(line, KEY, strlen(KEY)) == 0 &&
           memmem(line, strcspn(line, "\n"), VALUE, strlen(VALUE));
}

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

/* The hook must not wait for a pipe that somebody has put in the file's place. */
static bool
is_regular(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

bool
nest_config_peek(const char *path)
{
    static char
        buffer[LONGEST]; /* the kernel zeroes each page of it when the page is first touched */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool whole = true;

    if (fd < 0)
        return errno != ENOENT && errno != ENOTDIR && errno != EACCES;
    if (is_regular(fd))
        whole = read_whole(fd, buffer, sizeof(buffer));
    (void)close(fd);
    for (const char *line = buffer; whole && line; line = next_line(line))
        if (line_matches(line))
            return true;
    return !whole;
}
