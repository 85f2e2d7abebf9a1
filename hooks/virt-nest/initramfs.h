/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An initramfs, written file by file: a cpio archive of the format "newc", which the kernel unpacks before it runs /init
 * (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). */
#pragma once

#include <glib.h>

typedef struct NestInitramfs NestInitramfs;

/**
 * nest_initramfs_new: begin an archive.
 * @path: the file, which is made anew
 *
 * Returns: (transfer full) the archive, or NULL with NEST_ERROR_IO.
 */
NestInitramfs *nest_initramfs_new(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What was not finished is no archive. */
void nest_initramfs_free(NestInitramfs *archive);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestInitramfs, nest_initramfs_free)

/**
 * nest_initramfs_add: add a file that everybody may read and execute, with the directories that it is in.
 * @path: absolute; a second file of the same path is left out
 * @data: (array length=length) what is in it
 */
void nest_initramfs_add(NestInitramfs *archive, const char *path, const void *data, gsize length);

/**
 * nest_initramfs_add_copy: add a file of this host.
 * @path: in the archive
 * @from: on this host
 *
 * Returns: FALSE with NEST_ERROR_IO.
 */
gboolean nest_initramfs_add_copy(NestInitramfs *archive, const char *path, const char *from,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_initramfs_finish: write the end, after which nothing is added.
 *
 * Returns: FALSE with NEST_ERROR_IO if anything could not be written.
 */
gboolean nest_initramfs_finish(NestInitramfs *archive, GError **error) G_GNUC_WARN_UNUSED_RESULT;
