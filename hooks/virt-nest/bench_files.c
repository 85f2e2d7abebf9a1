/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that the guests of virt-nest bench boot.
 *
 * Both measured guests boot the same kernel with the same small initramfs. It holds a program of ours, the libraries
 * that the program is linked with, and the virtio drivers. The guest that runs QEMU boots a large initramfs, which
 * also holds KVM, QEMU with its libraries and firmware, and the kernel and the small initramfs for the nested guest. */
#include "bench_files.h"

#include "../bench/init.h"
#include "base/error.h"
#include "base/root.h"
#include "initramfs.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <libkmod.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct kmod_ctx KmodCtx;
typedef struct kmod_list KmodList;
typedef struct kmod_module KmodModule;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodCtx, kmod_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodList, kmod_module_unref_list)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodModule, kmod_module_unref)

#define LOADER "/lib64/ld-linux-x86-64.so.2" /* of every program for x86-64 (its ABI) */
#define PROGRAM NEST_LIBEXECDIR "/virt-nest/bench-guest"
#define FIRMWARE "/bench/firmware"
#define NESTED_KERNEL "/bench/vmlinuz"
#define NESTED_INITRAMFS "/bench/" NEST_BENCH_SMALL

static gboolean G_GNUC_PRINTF(2, 3) fail(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_propagate_error(error,
                      g_error_new_valist(NEST_ERROR, NEST_ERROR_HOST_FILES, format, arguments));
    va_end(arguments);
    return FALSE;
}

/* Runs a program of this host; (transfer full)(nullable) what it prints. */
static gchar *
output_of(const char *program, const char *option, const char *argument)
{
    const gchar *words[] = {program, option, argument, NULL};
    gchar *output = NULL;
    int status = 0;

    if (g_spawn_sync(NULL, (gchar **)words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL, NULL, &output, NULL, &status, NULL) &&
        status == 0)
        return output;
    g_free(output);
    return NULL;
}

/* --- programs */

/* A program with its libraries, which the loader lists as "NAME => PATH (ADDRESS)". */
static gboolean
add_program(NestInitramfs *archive, const char *path, const char *from, GError **error)
{
    g_autofree gchar *list = output_of(LOADER, "--list", from);
    g_auto(GStrv) words = g_strsplit_set(list ? list : "", " \t\n", -1);

    if (!list)
        return fail(
            error,
            "cannot list the libraries of %s, which a guest needs: see what %s --list %s says",
            from, LOADER, from);
    if (!nest_initramfs_add_copy(archive, path, from, error) ||
        !nest_initramfs_add_copy(archive, LOADER, LOADER, error))
        return FALSE;
    for (gsize i = 0; words[i]; i++)
        if (*words[i] == '/' && !nest_initramfs_add_copy(archive, words[i], words[i], error))
            return FALSE;
    return TRUE;
}

/* Directories with libraries that the loader does not search by itself. */
static gboolean
add_cache(NestInitramfs *archive, GError **error)
{
    static const char path[] = "/etc/ld.so.cache";

    return !g_file_test(path, G_FILE_TEST_EXISTS) ||
           nest_initramfs_add_copy(archive, path, path, error);
}

/* --- kernel modules */

/* How a distribution compresses modules, and what unpacks them. */
static const struct {
    const char *suffix;
    const char *program;
} compressions[] = {{".xz", "xz"}, {".zst", "zstd"}, {".gz", "gzip"}};

/* (transfer full)(nullable) The program's output, which may hold NULs. */
static gchar *
unpack(const char *program, const char *path, gsize *ret_length)
{
    g_autoptr(GSubprocess) process =
        g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL, program, "-dc", path, NULL);
    GBytes *output = NULL;

    if (!process || !g_subprocess_communicate(process, NULL, NULL, &output, NULL, NULL))
        return NULL;
    if (g_subprocess_get_successful(process))
        return g_bytes_unref_to_data(output, ret_length);
    g_bytes_unref(output);
    return NULL;
}

/* (transfer full)(nullable) The bytes of a module; if the module is compressed, a program unpacks it. */
static gchar *
read_module_file(const char *path, gsize *ret_length, GError **error)
{
    const char *program = NULL;
    gchar *bytes = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(compressions); i++)
        if (g_str_has_suffix(path, compressions[i].suffix))
            program = compressions[i].program;
    bytes = program ? unpack(program, path, ret_length) : NULL;
    if (!bytes && program)
        fail(error, "cannot unpack the kernel module %s by %s: install it", path, program);
    else if (!program && !g_file_get_contents(path, &bytes, ret_length, NULL))
        fail(error, "cannot read the kernel module %s, which a guest needs: run it as root", path);
    return bytes;
}

static gboolean
add_module(NestInitramfs *archive, const char *directory, KmodModule *module, GString *order,
           GError **error)
{
    const char *from = kmod_module_get_path(module);
    g_autofree gchar *name = g_strconcat(kmod_module_get_name(module), ".ko", NULL);
    g_autofree gchar *path = g_build_filename(directory, name, NULL);
    g_autofree gchar *bytes = NULL;
    gsize length = 0;

    if (!from) /* built in */
        return TRUE;
    bytes = read_module_file(from, &length, error);
    if (!bytes)
        return FALSE;
    nest_initramfs_add(archive, path, bytes, length);
    g_string_append_printf(order, "%s\n", name);
    return TRUE;
}

/* What the module needs comes before it. */
static gboolean
add_with_dependencies(NestInitramfs *archive, const char *directory, KmodModule *module,
                      GString *order, GError **error)
{
    g_autoptr(KmodList) needed = kmod_module_get_dependencies(module);

    for (KmodList *at = needed; at; at = kmod_list_next(needed, at)) {
        g_autoptr(KmodModule) one = kmod_module_get_module(at);

        if (!add_module(archive, directory, one, order, error))
            return FALSE;
    }
    return add_module(archive, directory, module, order, error);
}

/* @names: ends in NULL. All go into one directory, with the list of them. */
static gboolean
add_modules(NestInitramfs *archive, const char *release, const char *directory,
            const char *const *names, GError **error)
{
    g_autofree gchar *path_of_tree = g_build_filename("/lib/modules", release, NULL);
    g_autofree gchar *tree = nest_root_path(path_of_tree);
    g_autoptr(KmodCtx) kmod = kmod_new(tree, NULL);
    g_autoptr(GString) order = g_string_new(NULL);
    g_autofree gchar *path = g_build_filename(directory, NEST_BENCH_ORDER, NULL);

    for (; *names; names++) {
        g_autoptr(KmodList) found = NULL;
        g_autoptr(KmodModule) module = NULL;

        if (!kmod || kmod_module_new_from_lookup(kmod, *names, &found) < 0 || !found)
            return fail(error,
                        "the modules of Linux %s have no %s, which a guest needs: install them, or "
                        "name another installed release by --kernel",
                        release, *names);
        module = kmod_module_get_module(found);
        if (!add_with_dependencies(archive, directory, module, order, error))
            return FALSE;
    }
    nest_initramfs_add(archive, path, order->str, order->len);
    return TRUE;
}

/* --- QEMU */

/* The firmware files that a guest without graphics and with its own kernel needs, and whether it can do without each. */
static const struct {
    const char *name;
    gboolean optional;
} firmware[] = {{"bios-256k.bin", FALSE}, {"linuxboot_dma.bin", FALSE}, {"kvmvapic.bin", TRUE}};

static gboolean
add_firmware_file(NestInitramfs *archive, gchar *const *directories, const char *name,
                  gboolean optional, GError **error)
{
    g_autofree gchar *path = g_build_filename(FIRMWARE, name, NULL);

    for (; *directories; directories++) {
        g_autofree gchar *from = g_build_filename(g_strstrip(*directories), name, NULL);

        if (g_file_test(from, G_FILE_TEST_EXISTS))
            return nest_initramfs_add_copy(archive, path, from, error);
    }
    return optional ||
           fail(
               error,
               "%s, which QEMU needs in a guest, is in none of the directories that it looks in: install "
               "the package with QEMU's firmware (seabios)",
               name);
}

static gboolean
add_firmware(NestInitramfs *archive, const char *emulator, GError **error)
{
    g_autofree gchar *list = output_of(emulator, "-L", "help");
    g_auto(GStrv) directories = g_strsplit(list ? list : "", "\n", -1);

    for (gsize i = 0; i < G_N_ELEMENTS(firmware); i++)
        if (!add_firmware_file(archive, directories, firmware[i].name, firmware[i].optional, error))
            return FALSE;
    return TRUE;
}

/* The words of QEMU's command line that never differ, a line each. The nested guest has the same devices at the same
 * addresses as the guest of bench_guest.c; its disk is that of its L1. */
static const char fixed_words[] = "-nodefaults\n-no-user-config\n-no-reboot\n-display\nnone\n"
                                  "-accel\nkvm\n-cpu\nhost\n-smp\n1\n-serial\nstdio\n"
                                  "-L\n" FIRMWARE "\n-kernel\n" NESTED_KERNEL "\n"
                                  "-initrd\n" NESTED_INITRAMFS "\n"
                                  "-drive\nfile=/dev/vda,format=raw,if=none,id=disk,cache=none\n"
                                  "-device\nvirtio-blk-pci,drive=disk,addr=0x3\n"
                                  "-netdev\nuser,id=net\n"
                                  "-device\nvirtio-net-pci,netdev=net,romfile=,addr=0x4\n";

/* --- the kernel and the archives */

/* Where distributions keep a kernel's image; %s is its release. */
static const char *const kernels[] = {"/boot/vmlinuz-%s", "/lib/modules/%s/vmlinuz"};

static gboolean
copy_kernel(NestBenchMachine *machine, GError **error)
{
    machine->kernel = g_build_filename(machine->directory, "vmlinuz", NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(kernels); i++) {
        g_auto(GStrv) parts = g_strsplit(kernels[i], "%s", 2);
        g_autofree gchar *path = g_strjoinv(machine->release, parts);
        g_autofree gchar *from = nest_root_path(path);
        g_autofree gchar *bytes = NULL;
        gsize length = 0;

        if (g_file_get_contents(from, &bytes, &length, NULL))
            return g_file_set_contents(machine->kernel, bytes, (gssize)length, NULL) ||
                   fail(error, "cannot write %s: make place there", machine->kernel);
    }
    return fail(error,
                "cannot read /boot/vmlinuz-%s, the kernel that the guests boot: run it as root; if "
                "it is not there, install the kernel's package, or name an installed release by "
                "--kernel",
                machine->release);
}

/* A script or a statically linked program does not qualify: the loader must be able to list its libraries. */
gchar *
nest_bench_files_find_program(const char *name)
{
    g_autofree gchar *path = g_find_program_in_path(name);
    g_autofree gchar *list = path ? output_of(LOADER, "--list", path) : NULL;

    return list ? g_steal_pointer(&path) : NULL;
}

/* The programs that do some of the works, as far as this host has them. */
static gboolean
add_programs_of_others(NestInitramfs *archive, GHashTable *programs, gboolean *ret_any,
                       GError **error)
{
    GHashTableIter program;
    gpointer name = NULL;
    gpointer from = NULL;

    g_hash_table_iter_init(&program, programs);
    while (g_hash_table_iter_next(&program, &name, &from)) {
        g_autofree gchar *path = g_build_filename(NEST_BENCH_PROGRAMS, name, NULL);

        if (from && !add_program(archive, path, from, error))
            return FALSE;
        *ret_any |= from != NULL;
    }
    return TRUE;
}

static gboolean
make_small(NestBenchMachine *machine, GError **error)
{
    static const char *const modules[] = {"virtio_pci", "virtio_blk", "virtio_net", NULL};
    g_autofree gchar *path = g_build_filename(machine->directory, NEST_BENCH_SMALL, NULL);
    g_autoptr(NestInitramfs) archive = nest_initramfs_new(path, error);
    GStatBuf status = {0};
    gboolean any = FALSE;

    if (!archive || !add_program(archive, "/init", PROGRAM, error) || !add_cache(archive, error) ||
        !add_programs_of_others(archive, machine->programs, &any, error) ||
        !add_modules(archive, machine->release, NEST_BENCH_MODULES, modules, error) ||
        !nest_initramfs_finish(archive, error))
        return FALSE;
    /* A guest has the archive in its memory twice while it boots, and such programs can be larger than all the rest. */
    if (any && g_stat(path, &status) == 0)
        machine->memory += (guint)(2 * status.st_size / (1024L * 1024));
    return TRUE;
}

static gboolean
make_large(const NestBenchMachine *machine, const NestCpuVendor *vendor, GError **error)
{
    static const char *const virtio[] = {"virtio_pci", "virtio_blk", NULL};
    const char *const kvm[] = {vendor->module, NULL};
    g_autofree gchar *path = g_build_filename(machine->directory, NEST_BENCH_LARGE, NULL);
    g_autofree gchar *small = g_build_filename(machine->directory, NEST_BENCH_SMALL, NULL);
    g_autofree gchar *emulator =
        realpath(machine->emulator, NULL); /* a distribution may have a link there */
    g_autofree gchar *arguments = NULL;
    g_autoptr(NestInitramfs) archive = nest_initramfs_new(path, error);

    if (!archive)
        return FALSE;
    if (!emulator)
        return fail(error, "cannot find QEMU, %s: %s", machine->emulator, g_strerror(errno));
    arguments = g_strdup_printf("%s\n%s-machine\n%s\n-m\n%u\n-append\n%s\n", emulator, fixed_words,
                                machine->type, machine->memory, machine->arguments);
    nest_initramfs_add(archive, NEST_BENCH_ARGUMENTS, arguments, strlen(arguments));
    return add_program(archive, "/init", PROGRAM, error) &&
           add_program(archive, emulator, emulator, error) && add_cache(archive, error) &&
           add_firmware(archive, emulator, error) &&
           add_modules(archive, machine->release, NEST_BENCH_MODULES, virtio, error) &&
           add_modules(archive, machine->release, NEST_BENCH_KVM, kvm, error) &&
           nest_initramfs_add_copy(archive, NESTED_KERNEL, machine->kernel, error) &&
           nest_initramfs_add_copy(archive, NESTED_INITRAMFS, small, error) &&
           nest_initramfs_finish(archive, error);
}

/* Not in /tmp, which may be in memory. QEMU, which may be another user, has to find its files there. */
static gboolean
make_directory(NestBenchMachine *machine, GError **error)
{
    const char *base = g_getenv("TMPDIR");
    gchar *path = g_build_filename(base ? base : "/var/tmp", "virt-nest-bench.XXXXXX", NULL);

    machine->directory = g_mkdtemp_full(path, 0711);
    if (machine->directory)
        return TRUE;
    (void)fail(error, "cannot make the directory %s: %s: set TMPDIR to another place", path,
               g_strerror(errno));
    g_free(path);
    return FALSE;
}

gboolean
nest_bench_files_make(NestBenchMachine *machine, const NestCpuVendor *vendor, GError **error)
{
    mode_t mask = umask(022);
    gboolean made = make_directory(machine, error) && copy_kernel(machine, error) &&
                    make_small(machine, error) && make_large(machine, vendor, error);

    (void)umask(mask);
    return made;
}

void
nest_bench_files_remove(NestBenchMachine *machine)
{
    g_autoptr(GDir) files = machine->directory ? g_dir_open(machine->directory, 0, NULL) : NULL;
    const char *name = NULL;

    while (files && (name = g_dir_read_name(files))) {
        g_autofree gchar *path = g_build_filename(machine->directory, name, NULL);

        (void)g_unlink(path);
    }
    if (machine->directory)
        (void)g_rmdir(machine->directory);
    g_clear_pointer(&machine->directory, g_free);
    g_clear_pointer(&machine->kernel, g_free);
}
