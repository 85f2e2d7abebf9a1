/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who keeps the KVM module in use: domains and other processes, by name. */
#include "host/kvm_users.h"

#include "base/root.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How much of a command line is read, as a process can make its own as long as it likes. libvirt writes
 * -name first. */
#define READ_BYTES ((gsize)64 * 1024)

/* How many users a message names at most. */
#define SHOWN 5

static void
user_free(gpointer data)
{
    NestKvmUser *user = data;

    g_free(user->name);
    g_free(user);
}

static gint
compare_pids(gconstpointer a, gconstpointer b)
{
    const NestKvmUser *const *first = a;
    const NestKvmUser *const *second = b;

    return (*first)->pid - (*second)->pid;
}

static gchar *
process_path(gint pid, const char *name)
{
    g_autofree gchar *path = g_strdup_printf("/proc/%d/%s", pid, name);

    return nest_root_path(path);
}

/* (nullable) The beginning of a file in /proc/PID; it ends in NUL and may contain other NULs. */
static gchar *
read_start(gint pid, const char *name, gsize *ret_length)
{
    g_autofree gchar *path = process_path(pid, name);
    FILE *file = fopen(path, "re");
    gchar *text = file ? g_malloc(READ_BYTES + 1) : NULL;

    if (!file)
        return NULL;
    *ret_length = fread(text, 1, READ_BYTES, file);
    text[*ret_length] = '\0';
    (void)fclose(file);
    return text;
}

/* Whether a descriptor's target is /dev/kvm, or an anonymous inode that the kernel makes for it:
 * kvm-vm, kvm-vcpu:0 (virt/kvm/kvm_main.c). */
static gboolean
uses_kvm(gint pid)
{
    g_autofree gchar *directory = process_path(pid, "fd");
    g_autoptr(GDir) descriptors = g_dir_open(directory, 0, NULL);
    const char *name = NULL;

    while (descriptors && (name = g_dir_read_name(descriptors))) {
        g_autofree gchar *path = g_build_filename(directory, name, NULL);
        g_autofree gchar *target = g_file_read_link(path, NULL);

        if (target &&
            (g_str_equal(target, "/dev/kvm") || g_str_has_prefix(target, "anon_inode:kvm-")))
            return TRUE;
    }
    return FALSE;
}

static gboolean
looks_like_qemu(const char *name)
{
    return g_str_has_prefix(name, "qemu-system-") || g_str_equal(name, "qemu-kvm") ||
           g_str_equal(name, "kvm");
}

/* The argument after -name; NULL where there is none. */
static const char *
find_name_options(const char *cmdline, gsize length)
{
    const char *end = cmdline + length;
    gboolean found = FALSE;

    for (const char *argument = cmdline; argument < end; argument += strlen(argument) + 1) {
        if (found)
            return argument;
        found = g_str_equal(argument, "-name");
    }
    return NULL;
}

/* Takes one of QEMU's options from @rest: a comma ends it, two commas stand for one inside it. */
static gchar *
take_option(const char **rest)
{
    GString *option = g_string_new(NULL);
    const char *at = *rest;

    for (; *at && (*at != ',' || at[1] == ','); at++) {
        if (*at == ',')
            at++;
        g_string_append_c(option, *at);
    }
    *rest = *at ? at + 1 : at;
    return g_string_free(option, FALSE);
}

/* (nullable) The value of guest= in -name's options; a first option without a key is this, too. */
static gchar *
guest_of(const char *options)
{
    if (options[strcspn(options, "=,")] != '=')
        return take_option(&options);
    while (*options) {
        g_autofree gchar *option = take_option(&options);

        if (g_str_has_prefix(option, "guest="))
            return g_strdup(option + strlen("guest="));
    }
    return NULL;
}

/* (nullable) NULL where the process is not QEMU with a named guest. */
static gchar *
read_domain_of_process(gint pid, const char *comm)
{
    gsize length = 0;
    g_autofree gchar *cmdline = read_start(pid, "cmdline", &length);
    g_autofree gchar *program = cmdline ? g_path_get_basename(cmdline) : NULL;
    const char *options = cmdline ? find_name_options(cmdline, length) : NULL;
    g_autofree gchar *guest = options ? guest_of(options) : NULL;
    gboolean named = guest && *guest && (looks_like_qemu(comm) || looks_like_qemu(program));

    return named ? g_steal_pointer(&guest) : NULL;
}

/* (nullable) NULL where the process is gone. */
static NestKvmUser *
user_new(gint pid)
{
    gsize length = 0;
    g_autofree gchar *comm = read_start(pid, "comm", &length);
    NestKvmUser *user = NULL;

    if (comm && g_str_has_suffix(comm, "\n"))
        comm[length - 1] = '\0';
    if (!comm || !*comm)
        return NULL;
    user = g_new0(NestKvmUser, 1);
    user->pid = pid;
    user->name = read_domain_of_process(pid, comm);
    user->domain = user->name != NULL;
    if (!user->domain)
        user->name = g_steal_pointer(&comm);
    return user;
}

GPtrArray *
nest_kvm_users_read(void)
{
    GPtrArray *users = g_ptr_array_new_with_free_func(user_free);
    g_autofree gchar *directory = nest_root_path("/proc");
    g_autoptr(GDir) processes = g_dir_open(directory, 0, NULL);
    const char *name = NULL;

    while (processes && (name = g_dir_read_name(processes))) {
        guint64 pid = 0;
        NestKvmUser *user = NULL;

        if (!g_ascii_string_to_unsigned(name, 10, 1, G_MAXINT, &pid, NULL) ||
            (gint)pid == getpid() || !uses_kvm((gint)pid))
            continue;
        user = user_new((gint)pid);
        if (user)
            g_ptr_array_add(users, user);
    }
    g_ptr_array_sort(users, compare_pids);
    return users;
}

gchar *
nest_kvm_users_text(const GPtrArray *users)
{
    GString *words = g_string_new(users->len ? NULL : "a process that cannot be seen from here");

    for (guint i = 0; i < MIN(users->len, SHOWN); i++) {
        const NestKvmUser *user = g_ptr_array_index(users, i);

        g_string_append_printf(words, "%s%s%s (pid %d)", i ? ", " : "",
                               user->domain ? "domain " : "", user->name, user->pid);
    }
    if (users->len > SHOWN)
        g_string_append_printf(words, " and %u more", users->len - SHOWN);
    return g_string_free(words, FALSE);
}

gchar *
nest_kvm_users_describe(void)
{
    g_autoptr(GPtrArray) users = nest_kvm_users_read();

    return nest_kvm_users_text(users);
}
