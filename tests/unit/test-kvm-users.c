/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who uses KVM: each kind of process from a /proc laid out in a directory. */
#include "check.h"
#include "host/kvm_users.h"

#include <unistd.h>

#define NOBODY 65534

/* A process below proc/; its descriptors are the links' texts, separated by '|'. */
static void
put_process(gint pid, const char *comm, const char *cmdline, gsize length, const char *links)
{
    g_autofree gchar *directory = g_strdup_printf("%s/proc/%d", g_getenv("VIRT_NEST_ROOT"), pid);
    g_autofree gchar *fd = g_build_filename(directory, "fd", NULL);
    g_auto(GStrv) targets = g_strsplit(links ? links : "", "|", -1);
    g_autofree gchar *comm_path = g_build_filename(directory, "comm", NULL);
    g_autofree gchar *cmdline_path = g_build_filename(directory, "cmdline", NULL);

    g_assert_cmpint(g_mkdir_with_parents(links ? fd : directory, 0755), ==, 0);
    for (guint i = 0; targets[i]; i++) {
        g_autofree gchar *link = g_strdup_printf("%s/%u", fd, i);

        g_assert_cmpint(symlink(targets[i], link), ==, 0);
    }
    if (comm)
        g_assert_true(g_file_set_contents(comm_path, comm, -1, NULL));
    if (cmdline)
        g_assert_true(g_file_set_contents(cmdline_path, cmdline, (gssize)length, NULL));
}

#define ARGV(text) text "\0", sizeof(text "\0") - 1
#define QEMU "/usr/bin/qemu-system-x86_64\0"
#define GUEST(options) ARGV(QEMU "-name\0" options "\0-S")
#define VM "/dev/null|socket:[77]|/dev/kvm|anon_inode:kvm-vm|anon_inode:kvm-vcpu:0"

static const struct {
    const char *sentence;
    const char *comm; /* NULL: gone */
    const char *cmdline;
    gsize length;
    const char *links; /* NULL: no directory of them */
    const char *name;  /* NULL: not a user */
    gboolean domain;
} processes[] = {
    {"libvirt's QEMU", "qemu-system-x86\n", GUEST("guest=web1,debug-threads=on"), VM, "web1", TRUE},
    {"guest is not the first option", "qemu-system-x86\n", GUEST("debug-threads=on,guest=web1"), VM, "web1", TRUE},
    {"a name without a key", "qemu-system-x86\n", GUEST("web1"), VM, "web1", TRUE},
    {"a name without a key, and options", "qemu-system-x86\n", GUEST("web1,debug-threads=on"), VM, "web1", TRUE},
    {"commas in the name", "qemu-system-x86\n", GUEST("guest=a,,b,,,,c,debug-threads=on"), VM, "a,b,,c", TRUE},
    {"a comma ends the name", "qemu-system-x86\n", GUEST("guest=a,,,debug-threads=on"), VM, "a,", TRUE},
    {"commas in a name without a key", "qemu-system-x86\n", GUEST("a,,guest=b"), VM, "a,guest=b", TRUE},
    {"guest= in another option is not the name", "qemu-system-x86\n", GUEST("process=a,,guest=b,guest=real"), VM,
     "real", TRUE},
    {"= in the name", "qemu-system-x86\n", GUEST("guest=a=b"), VM, "a=b", TRUE},
    {"a newline in the name", "qemu-system-x86\n", GUEST("guest=a\nnest: b"), VM, "a\nnest: b", TRUE},
    {"a name that is no UTF-8", "qemu-system-x86\n", GUEST("guest=\xff\xfe\x1b[2J"), VM, "\xff\xfe\x1b[2J", TRUE},
    {"RHEL's qemu-kvm", "qemu-kvm\n", ARGV("/usr/libexec/qemu-kvm\0-name\0guest=web1"), VM, "web1", TRUE},
    {"Proxmox's kvm", "kvm\n", ARGV("/usr/bin/kvm\0-id\0" "100\0-name\0web1,debug-threads=on"), VM, "web1", TRUE},
    {"a QEMU that renamed itself", "web1-guest\n", GUEST("guest=web1,process=web1-guest"), VM, "web1", TRUE},
    {"a QEMU with another argv[0]", "qemu-system-x86\n", ARGV("emulator\0-name\0guest=web1"), VM, "web1", TRUE},
    {"a QEMU without a name", "qemu-system-x86\n", ARGV(QEMU "-S"), VM, "qemu-system-x86", FALSE},
    {"a QEMU with an empty name", "qemu-system-x86\n", GUEST("guest=,debug-threads=on"), VM, "qemu-system-x86",
     FALSE},
    {"a QEMU with -name last", "qemu-system-x86\n", ARGV(QEMU "-S\0-name"), VM, "qemu-system-x86", FALSE},
    {"a QEMU with nothing after -name", "qemu-system-x86\n", GUEST(""), VM, "qemu-system-x86", FALSE},
    {"a QEMU with no guest after -name", "qemu-system-x86\n", GUEST("process=a"), VM, "qemu-system-x86", FALSE},
    {"an end in the middle of the arguments", "qemu-system-x86\n", QEMU "-name\0guest=we", sizeof(QEMU "-name\0guest=we") - 1,
     VM, "we", TRUE},
    {"another program with -name", "crosvm\n", ARGV("/usr/bin/crosvm\0-name\0guest=web1"), VM, "crosvm", FALSE},
    {"another program named almost so", "kvmtool\n", ARGV("/usr/bin/lkvm\0-name\0guest=web1"), VM, "kvmtool", FALSE},
    {"no command line", "qemu-system-x86\n", NULL, 0, VM, "qemu-system-x86", FALSE},
    {"an empty command line", "firecracker\n", "", 0, VM, "firecracker", FALSE},
    {"a process name with a newline", "a\nb\n", NULL, 0, VM, "a\nb", FALSE},
    {"only /dev/kvm", "libvirtd\n", NULL, 0, "/dev/kvm", "libvirtd", FALSE},
    {"only a virtual machine", "crosvm\n", NULL, 0, "socket:[7]|anon_inode:kvm-vm", "crosvm", FALSE},
    {"only a vCPU", "crosvm\n", NULL, 0, "anon_inode:kvm-vcpu:12", "crosvm", FALSE},
    {"descriptors of others", "bash\n", NULL, 0,
     "/dev/null|/dev/kvmfr0|/tmp/dev/kvm|anon_inode:[eventpoll]|/tmp/anon_inode:kvm-vm", NULL, FALSE},
    {"no descriptors", "bash\n", NULL, 0, "", NULL, FALSE},
    {"gone before its descriptors were read", "qemu-system-x86\n", GUEST("guest=web1"), NULL, NULL, FALSE},
    {"gone before its name was read", NULL, NULL, 0, VM, NULL, FALSE},
    {"going while its name was read", "", NULL, 0, VM, NULL, FALSE},
};

static void
check_user(const GPtrArray *users, guint i, gint pid, const char *name, gboolean domain)
{
    const NestKvmUser *user = NULL;

    g_assert_cmpuint(users->len, >, i);
    user = g_ptr_array_index(users, i);
    g_assert_cmpint(user->pid, ==, pid);
    g_assert_cmpstr(user->name, ==, name);
    g_assert_cmpint(user->domain, ==, domain);
}

static void
test_process(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(GPtrArray) users = NULL;

    put_process(812, processes[i].comm, processes[i].cmdline, processes[i].length, processes[i].links);
    users = nest_kvm_users_read();
    g_assert_cmpuint(users->len, ==, processes[i].name ? 1 : 0);
    if (processes[i].name)
        check_user(users, 0, 812, processes[i].name, processes[i].domain);
    check_root_free(root);
}

static void
test_long_command_line(void)
{
    gchar *root = check_root_new();
    g_autoptr(GPtrArray) users = NULL;
    gsize length = 4 * 1024 * 1024;
    g_autofree gchar *cmdline = g_malloc(length);
    const char *start = QEMU "-name\0guest=web1";

    memset(cmdline, 'x', length);
    memcpy(cmdline, start, sizeof(QEMU "-name\0guest=web1"));
    put_process(1, "qemu-system-x86\n", cmdline, length, VM);
    memset(cmdline, 0, length);
    put_process(2, "qemu-system-x86\n", cmdline, length, VM);
    users = nest_kvm_users_read();
    g_assert_cmpuint(users->len, ==, 2);
    check_user(users, 0, 1, "web1", TRUE);
    check_user(users, 1, 2, "qemu-system-x86", FALSE);
    check_root_free(root);
}

static void
test_other_entries(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *vanished = g_build_filename(root, "proc/813", NULL);
    g_autofree gchar *word = g_build_filename(root, "proc/self", NULL);
    g_autofree gchar *signs = g_build_filename(root, "proc/+812", NULL);
    g_autofree gchar *large = g_build_filename(root, "proc/4294967297812", NULL);
    g_autoptr(GPtrArray) users = NULL;

    g_test_summary("only what is a process's number in /proc is one; this process is left out");
    put_process(812, "crosvm\n", NULL, 0, VM);
    put_process(getpid(), "test\n", NULL, 0, VM);
    g_assert_cmpint(symlink("812", word), ==, 0);
    g_assert_cmpint(symlink("812", signs), ==, 0);
    g_assert_cmpint(symlink("812", large), ==, 0);
    g_assert_cmpint(symlink("nowhere", vanished), ==, 0);
    check_root_write("proc/814", "");
    users = nest_kvm_users_read();
    g_assert_cmpuint(users->len, ==, 1);
    check_user(users, 0, 812, "crosvm", FALSE);
    check_root_free(root);
}

static void
test_no_proc(void)
{
    gchar *root = check_root_new();
    g_autoptr(GPtrArray) users = nest_kvm_users_read();

    g_assert_cmpuint(users->len, ==, 0);
    check_root_free(root);
}

static void
test_unreadable(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *closed = g_build_filename(root, "proc/7/fd", NULL);
    gboolean is_root = geteuid() == 0;
    g_autoptr(GPtrArray) users = NULL;

    g_test_summary("descriptors that this user may not see are skipped, the others are seen");
    put_process(7, "qemu-system-x86\n", GUEST("guest=web1"), VM);
    put_process(8, "qemu-system-x86\n", GUEST("guest=web2"), VM);
    g_assert_cmpint(g_chmod(root, 0755), ==, 0);
    g_assert_cmpint(g_chmod(closed, 0), ==, 0);
    if (is_root)
        g_assert_cmpint(seteuid(NOBODY), ==, 0);
    users = nest_kvm_users_read();
    if (is_root)
        g_assert_cmpint(seteuid(0), ==, 0);
    g_assert_cmpint(g_chmod(closed, 0755), ==, 0);
    g_assert_cmpuint(users->len, ==, 1);
    check_user(users, 0, 8, "web2", TRUE);
    check_root_free(root);
}

static void
test_many(void)
{
    gchar *root = check_root_new();
    g_autoptr(GPtrArray) users = NULL;
    g_autofree gchar *words = NULL;

    /* above what the kernel gives, or this process could be one of them */
    g_test_summary("each second of 600 processes is a user: all are found, by pid");
    for (gint pid = 5000001; pid <= 5000600; pid++)
        put_process(pid, "qemu-system-x86\n", GUEST("guest=web1"), pid % 2 ? VM : "/dev/null");
    users = nest_kvm_users_read();
    g_assert_cmpuint(users->len, ==, 300);
    for (guint i = 0; i < users->len; i++)
        check_user(users, i, 5000001 + 2 * (gint)i, "web1", TRUE);
    words = nest_kvm_users_text(users);
    check_says(words, "domain web1 (pid 5000001), | and 295 more");
    check_root_free(root);
}

/* Users in words, where number i of them is of pid i + 1. */
static const struct {
    const char *sentence;
    const char *names; /* with a + before that of a domain, separated by '|' */
    const char *words;
} lists[] = {
    {"nobody", "", "a process that cannot be seen from here"},
    {"one domain", "+web1", "domain web1 (pid 1)"},
    {"a domain and a process", "+web1|crosvm", "domain web1 (pid 1), crosvm (pid 2)"},
    {"as many as are shown", "a|b|c|d|e", "a (pid 1), b (pid 2), c (pid 3), d (pid 4), e (pid 5)"},
    {"one more", "a|b|c|d|e|f", "a (pid 1), b (pid 2), c (pid 3), d (pid 4), e (pid 5) and 1 more"},
    {"raw, to be made harmless later", "+a, b\n\xff", "domain a, b\n\xff (pid 1)"},
};

static void
test_wrap(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_auto(GStrv) names = g_strsplit(lists[i].names, "|", -1);
    g_autoptr(GPtrArray) users = g_ptr_array_new_with_free_func(g_free);
    g_autofree gchar *words = NULL;

    for (gint n = 0; names[n]; n++) {
        NestKvmUser *user = g_new0(NestKvmUser, 1);

        user->pid = n + 1;
        user->domain = *names[n] == '+';
        user->name = names[n] + user->domain;
        g_ptr_array_add(users, user);
    }
    words = nest_kvm_users_text(users);
    g_assert_cmpstr(words, ==, lists[i].words);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(processes); i++)
        check_add_row("kvm-users/process", processes[i].sentence, GSIZE_TO_POINTER(i), test_process);
    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
        check_add_row("kvm-users/words", lists[i].sentence, GSIZE_TO_POINTER(i), test_wrap);
    g_test_add_func("/kvm-users/a command line of any length is read so far only", test_long_command_line);
    g_test_add_func("/kvm-users/other entries of proc are no processes", test_other_entries);
    g_test_add_func("/kvm-users/no proc at all", test_no_proc);
    g_test_add_func("/kvm-users/descriptors that may not be seen are skipped", test_unreadable);
    g_test_add_func("/kvm-users/2,000 processes", test_many);
    return g_test_run();
}
