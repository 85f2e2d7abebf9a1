/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The disk images that guard-blocker opens in a QEMU: their formats, and the directory in which an image stands briefly. */
#pragma once

#include "nest-plugin.h"

/**
 * NestBlockerFormat: a block format whose open node keeps QEMU from migrating (facts.md, "A migration blocker at
 * run time").
 */
typedef struct NestBlockerFormat NestBlockerFormat;

/**
 * nest_blocker_format_get: the formats in the order in which they are tried.
 * @i: from 0 on
 *
 * Returns: (nullable) NULL after the last.
 */
const NestBlockerFormat *nest_blocker_format_get(guint i);

/* (nullable) The format with this name. */
const NestBlockerFormat *nest_blocker_format_by_name(const char *name);

/* QEMU's name of the format's block driver. */
const char *nest_blocker_format_name(const NestBlockerFormat *format);

/**
 * NestBlockerDirectory: the private directory of a running domain, open.
 */
typedef struct NestBlockerDirectory NestBlockerDirectory;

/**
 * nest_blocker_directory_open: the directory that libvirt made for this QEMU alone.
 *
 * A QEMU that AppArmor or SELinux confines can open a file of ours only there. The directory
 * belongs to QEMU, so nothing in it is trusted, and no link is followed.
 *
 * Returns: (transfer full) NULL with NEST_ERROR_GUARD.
 */
NestBlockerDirectory *nest_blocker_directory_open(const NestGuest *guest,
                                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes the image, also one that a killed virtnestd has left there, and closes the directory. */
void nest_blocker_directory_free(NestBlockerDirectory *directory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestBlockerDirectory, nest_blocker_directory_free)

/**
 * nest_blocker_directory_put: write an image. It replaces the previous one.
 *
 * Returns: (transfer none) its path, for QEMU; NULL with NEST_ERROR_GUARD.
 */
const char *nest_blocker_directory_put(NestBlockerDirectory *directory,
                                       const NestBlockerFormat *format,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
