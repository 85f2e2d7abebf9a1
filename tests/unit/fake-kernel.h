/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel's files below $VIRT_NEST_ROOT: its processor, its KVM module, the modules it could load. */
#pragma once

#include "check.h"

#include <sys/utsname.h>

#define CPUINFO(vendor, flags) "processor\t: 0\nvendor_id\t: " vendor "\nflags\t\t: fpu " flags " lm\n"
#define INTEL CPUINFO("GenuineIntel", "vmx")
#define AMD CPUINFO("AuthenticAMD", "svm")
#define HYGON CPUINFO("HygonGenuine", "svm")

/* libkmod's index of modules (libkmod/libkmod-index.c) is a tree over the letters of their names; a node's
 * number is where it stands, and what it has. */
enum { FAKE_PREFIX = 0x80, FAKE_VALUES = 0x40, FAKE_CHILDREN = 0x20 };

static inline void
fake_index_number(GByteArray *index, guint32 number)
{
    guint32 big_endian = GUINT32_TO_BE(number);

    g_byte_array_append(index, (const guint8 *)&big_endian, sizeof(big_endian));
}

static inline void
fake_index_text(GByteArray *index, const char *text)
{
    g_byte_array_append(index, (const guint8 *)text, (guint)strlen(text) + 1);
}

/* The end of a name: returns the node's number. */
static inline guint32
fake_index_leaf(GByteArray *index, const char *rest, const char *line)
{
    guint32 node = index->len | (guint32)(FAKE_PREFIX | FAKE_VALUES) << 24;

    fake_index_text(index, rest);
    fake_index_number(index, 1); /* values */
    fake_index_number(index, 0); /* priority */
    fake_index_text(index, line);
    return node;
}

/* "kvm_", and then 'a' or 'i'. */
static inline guint32
fake_index_root(GByteArray *index, guint32 amd, guint32 intel)
{
    guint32 node = index->len | (guint32)(FAKE_PREFIX | FAKE_CHILDREN) << 24;

    fake_index_text(index, "kvm_");
    g_byte_array_append(index, (const guint8 *)"ai", 2);
    for (char letter = 'a'; letter <= 'i'; letter++)
        fake_index_number(index, letter == 'a' ? amd : letter == 'i' ? intel : 0);
    return node;
}

/* What libkmod finds for the running kernel: kvm_amd and kvm_intel, and nothing else. */
static inline void
fake_kernel_has_kvm(void)
{
    g_autoptr(GByteArray) index = g_byte_array_new();
    g_autofree gchar *path = NULL;
    struct utsname kernel;
    guint32 amd = 0;
    guint32 intel = 0;
    guint32 root = 0;

    uname(&kernel);
    path = g_build_filename("lib/modules", kernel.release, "modules.dep.bin", NULL);
    check_root_write(path, "");
    g_free(path);
    path = g_build_filename(g_getenv("VIRT_NEST_ROOT"), "lib/modules", kernel.release, "modules.dep.bin", NULL);
    fake_index_number(index, 0xb007f457); /* magic */
    fake_index_number(index, 0x00020001); /* version */
    fake_index_number(index, 0);          /* the root, below */
    amd = fake_index_leaf(index, "md", "kernel/kvm-amd.ko:");
    intel = fake_index_leaf(index, "ntel", "kernel/kvm-intel.ko:");
    root = GUINT32_TO_BE(fake_index_root(index, amd, intel));
    memcpy(index->data + 8, &root, sizeof(root));
    g_assert_true(g_file_set_contents(path, (const gchar *)index->data, index->len, NULL));
}

/* A parameter, or refcnt, of a module below /sys; none where @text is NULL. */
static inline void
fake_kernel_module(const char *module, const char *name, const char *text)
{
    g_autofree gchar *path = g_strdup_printf("sys/module/%s/%s", module, name);

    if (text)
        check_root_write(path, text);
}
