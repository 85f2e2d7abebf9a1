/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing a whole text, however few bytes each write(2) takes. */
#include "base/write.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

gboolean
nest_write_all(int fd, const char *text)
{
    gsize length = strlen(text);

    while (length > 0) {
        gssize n = write(fd, text, length);

        if (n < 0 && errno != EINTR)
            return FALSE;
        text += MAX(n, 0);
        length -= (gsize)MAX(n, 0);
    }
    return TRUE;
}
