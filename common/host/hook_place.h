/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the hook leaves where others look for it. The hook's prefilter knows libc only, and so does this. */
#pragma once

/* An empty file whose time is that of libvirt's last call of the hook: libvirt says nowhere whether it calls a hook. */
#define NEST_HOOK_RUNTIME "/run/virt-nest"
#define NEST_HOOK_CALLED NEST_HOOK_RUNTIME "/hook-called"
