/* Stamps: what the hook's restore and migrate leave for the prepare and start that follow.
 *
 * libvirt calls prepare and start for a boot and for a guest that resumes saved state alike. A guest
 * that resumes has the CPU it had, so it must not be judged by it. Where the live marker in its XML
 * does not tell (virtnestd was not there when it was saved), a stamp does: an empty file in a folder
 * only root reads, named by the domain's uuid, used once, and void after a minute, because a
 * migration without its guest (virsh migrate --offline) leaves one that nobody collects. */
#pragma once

#include <glib.h>

/**
 * nest_stamp_leave: say that this domain is about to resume saved state.
 * @uuid: the domain's
 *
 * Returns: FALSE with NEST_ERROR_IO.
 */
gboolean nest_stamp_leave(const char *uuid, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether there is a fresh stamp. */
gboolean nest_stamp_is_there(const char *uuid);

/* Takes the stamp away, if there is one. Never fails. */
void nest_stamp_remove(const char *uuid);
