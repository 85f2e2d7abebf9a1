/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing a whole text, however few bytes each write(2) takes. */
#pragma once

#include <glib.h>

/* Whether all of @text was written; FALSE with errno. */
gboolean nest_write_all(int fd, const char *text) G_GNUC_WARN_UNUSED_RESULT;
