/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest doctor as a program, on laid-out hosts: one thing is wrong at a time, and is found. libvirt is its own test
 * driver; what needs a daemon is for tests/libvirt/doctor.test. */
#include "check.h"
#include "host/advisories.h"
#include "world.h"

#define LIBVIRT "test:///default"
#define NO_LIBVIRT "qemu+unix:///system?socket=/nonexistent/socket"
#define KERNEL (1 << 20) /* Debian's, from before all fixes, and the advisories */
#define MODE(mode) "\001" mode /* no text, but the mode that the file gets */

/* One file of the host that is as the case wants it. */
static const struct {
    const char *sentence;
    const char *host; /* below tests/fakes/hosts */
    guint given;      /* bits of world.h */
    const char *path; /* (nullable) of a file that is put there */
    const char *text; /* ... and what is in it */
    const char *id;
    const char *status;
    const char *says; /* pieces of its text and remedy */
} rows[] = {
    {"nesting is on", "amd-on", 0, NULL, NULL, "nesting-now", "pass", "kvm_amd"},
    {"nesting is off, and will be on", "amd-off-idle", 0, NULL, NULL, "nesting-now", "pass", "first tagged domain"},
    {"nesting is off, and somebody uses the module", "amd-off-busy", 0, NULL, NULL, "nesting-now", "warn",
     "sudo virt-nest host enable"},
    {"somebody keeps it off", "amd-off-idle", 0, "/etc/modprobe.d/hard.conf", "options kvm_amd nested=0\n", "nesting-now",
     "warn", "hard.conf|sudo virt-nest host enable --force"},
    {"a remove line keeps it loaded", "amd-off-idle", 0, "/etc/modprobe.d/hard.conf", "remove kvm_amd /bin/true\n",
     "nesting-now", "warn", "hard.conf|sudo virt-nest host enable --force"},
    {"no command overrules what the kernel refuses", "amd-off-idle", 0, "/proc/cmdline", "module_blacklist=kvm_amd\n",
     "nesting-now", "warn", "module_blacklist=kvm_amd|no command overrules it"},
    {"nor a setting while the module is in use", "amd-off-busy", 0, "/etc/modprobe.d/hard.conf", "options kvm_amd nested=0\n",
     "nesting-now", "warn", "hard.conf|no command overrules it"},
    {"the kernel hides the feature", "amd-no-svm", 0, "/proc/cmdline", "clearcpuid=svm\n", "nesting-now", "fail",
     "remove clearcpuid= from"},
    {"Xen does", "intel-no-vmx", 0, "/sys/hypervisor/type", "xen\n", "nesting-now", "fail", "without Xen"},
    {"no module to load", "amd-absent", 0, NULL, NULL, "nesting-now", "fail", "package of the running kernel"},
    {"built into the kernel with nesting off", "amd-builtin-off", 0, NULL, NULL, "nesting-now", "fail", "command line"},
    {"no hardware", "intel-no-vmx", 0, NULL, NULL, "nesting-now", "fail", "VT-x"},
    {"a vendor that nobody knows", "unknown-vendor", 0, NULL, NULL, "nesting-now", "fail", "virt-nest(1)"},
    {"no /dev/kvm", "no-device", 0, NULL, NULL, "nesting-now", "fail", "udevadm"},
    {"the next boot", "amd-on", 0, "/etc/modprobe.d/hard.conf", "options kvm_amd nested=0\n", "nesting-at-boot", "pass",
     "hard.conf:1 says nested=0"},
    {"a line without effect", "amd-on", 0, "/etc/modprobe.d/kvm.conf", "options kvm nested=1\n", "settings-without-effect",
     "warn", "kvm.conf:1|has no effect|line 1 of"},
    {"a parameter that costs speed", "amd-on", 0, "/sys/module/kvm_amd/parameters/npt", "N\n", "speed", "warn",
     "npt=N|very slow|grep"},
    {"none does", "amd-on", 0, "/sys/module/kvm_amd/parameters/npt", "Y\n", "speed", "pass", "kvm_amd"},
    {"everybody may use /dev/kvm", "amd-on", 0, "/dev/kvm", MODE("666"), "kvm-device", "warn", "mode 666|chmod 660"},
    {"its group may", "amd-on", 0, "/dev/kvm", MODE("660"), "kvm-device", "pass", "mode 660"},
    {"no hook", "amd-on", 0, NULL, NULL, "hook-installed", "fail", "unjudged|make install"},
    {"somebody else's hook", "amd-on", 0, "/etc/libvirt/hooks/qemu", "#!/bin/sh\n", "hook-installed", "fail", "unjudged"},
    {"ours, beside it", "amd-on", 0, "/etc/libvirt/hooks/qemu.d/50-virt-nest", "virt-nest", "hook-installed", "pass",
     "qemu.d"},
    {"ours, not executable", "amd-on", 0, "/etc/libvirt/hooks/qemu", "virt-nest", "hook-executable", "fail",
     "sudo chmod 755 /etc/libvirt/hooks/qemu"},
    {"ours, without its second part", "amd-on", 0, "/etc/libvirt/hooks/qemu", "virt-nest", "hook-whole", "fail",
     "qemu-hook.so|refused"},
    {"virtnestd runs", "amd-on", DAEMON, NULL, NULL, "virtnestd-running", "pass", "runs"},
    {"one that says nothing of itself", "amd-on", DAEMON, NULL, NULL, "virtnestd-release", "fail",
     "earlier release|systemctl restart virtnestd"},
    {"virtnestd does not run", "amd-on", 0, NULL, NULL, "virtnestd-running", "fail", "sudo virtnestd"},
    {"... on a host with systemd", "amd-on", 0, "/run/systemd/system/x", "", "virtnestd-running", "fail",
     "sudo systemctl start virtnestd"},
    {"a unit that is not enabled", "amd-on", 0, "/run/systemd/system/x", "", "virtnestd-enabled", "warn",
     "sudo systemctl enable virtnestd"},
    {"the other one", "amd-on", 0, "/run/systemd/system/x", "", "drain-enabled", "warn",
     "sudo systemctl enable virt-nest-drain"},
    {"settings with a mistake", "amd-on", BAD_CONFIG, NULL, NULL, "settings", "fail", "on-stale|systemctl reload virtnestd"},
    {"libvirt answers", "amd-on", 0, NULL, NULL, "libvirt-reachable", "pass", LIBVIRT},
    {"no domain has a problem", "amd-on", 0, NULL, NULL, "domains", "pass", "0 tagged"},
    {"a guest whose host gives it nothing", "intel-no-vmx", 0, "/proc/cpuinfo",
     "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor\n\n", "guest-feature", "fail",
     "gives it no vmx|virt-nest enable DOMAIN"},
    {"a guest that has all", "amd-on", 0, "/proc/cpuinfo",
     "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu svm hypervisor\n\n", "guest-feature", "pass", "svm"},
    {"a kernel that lacks fixes, and nesting is on", "amd-on", KERNEL, NULL, NULL, "advisory", "fail",
     "6.1.150-1|CVE-2026-46113|apt"},
    {"... and nesting is off", "amd-off-idle", KERNEL, NULL, NULL, "advisory", "warn", "6.1.150-1|CVE-2026-46113"},
    {"... and a live patch", "amd-on", KERNEL, "/sys/kernel/livepatch/kpatch_1/enabled", "1\n", "advisory", "unknown",
     "live patch kpatch_1"},
    {"advisories that are not there", "amd-on", 0, NULL, NULL, "advisory", "unknown", "advisories.conf"},
};

static void
put(const World *world, const char *path, const char *text)
{
    g_autofree gchar *below = g_strconcat("/root", path, NULL);
    g_autofree gchar *full = g_strconcat(world->root, path, NULL);

    put_file(world, below, text[0] == '\001' ? "" : text);
    if (text[0] == '\001')
        g_assert_cmpint(g_chmod(full, (int)g_ascii_strtoll(text + 1, NULL, 8)), ==, 0);
}

/* Where the built program looks for it. */
static void
put_kernel(const World *world)
{
    g_autofree gchar *source = check_source_path("install/config/advisories.conf");
    g_autofree gchar *text = NULL;

    g_assert_true(g_file_get_contents(source, &text, NULL, NULL));
    put(world, NEST_ADVISORIES_FILE, text);
    put(world, "/proc/sys/kernel/osrelease", "6.1.0-40-amd64\n");
    put(world, "/proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.150-1 (2025-09-01)\n");
}

static Result *
doctor(const World *world, const char *uri, const char *option)
{
    g_autofree gchar *program = built("bin/virt-nest");
    const char *argv[] = {program, "-c", uri, "doctor", option, NULL};

    return run(world, argv, "", 0);
}

/* (transfer full) The finding of this id, as JSON. */
static gchar *
find(const char *json, const char *id)
{
    g_autofree gchar *member = g_strdup_printf("\"id\" : \"%s\"", id);
    const char *begin = strstr(json, member);

    if (!begin)
        g_error("no finding \"%s\": %s", id, json);
    return g_strndup(begin, strcspn(begin, "}"));
}

static void
test_finding(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(World) world = world_new(rows[i].host, rows[i].given);
    g_autoptr(Result) result = NULL;
    g_autofree gchar *finding = NULL;
    g_autofree gchar *status = g_strdup_printf("\"status\" : \"%s\"", rows[i].status);

    if (rows[i].given & KERNEL)
        put_kernel(world);
    if (rows[i].path)
        put(world, rows[i].path, rows[i].text);
    result = doctor(world, LIBVIRT, "--json");
    finding = find(result->out, rows[i].id);
    check_says(finding, status);
    check_says(finding, rows[i].says);
    if (g_str_equal(rows[i].status, "fail"))
        g_assert_cmpint(result->status, ==, 1);
}

static void
test_no_libvirt(void)
{
    g_autoptr(World) world = world_new("amd-on", DAEMON);
    g_autoptr(Result) result = doctor(world, NO_LIBVIRT, "--json");
    g_autofree gchar *finding = find(result->out, "libvirt-reachable");
    g_autofree gchar *other = find(result->out, "nesting-now");

    g_test_summary("what does not need libvirt is looked at all the same");
    check_says(finding, "\"status\" : \"fail\"|/nonexistent/socket");
    check_says(other, "pass");
    g_assert_cmpint(result->status, ==, 1);
}

static void
test_warning(void)
{
    g_autoptr(World) world = world_new("amd-off-idle", 0);
    g_autofree gchar *program = built("bin/virt-nest");
    const char *argv[] = {program, "host", "enable", "--dry-run", NULL};
    g_autoptr(Result) result = NULL;

    g_test_summary("who turns nesting on is warned of the holes that need it");
    put_kernel(world);
    result = run(world, argv, "", 0);
    check_says(result->err, "warning: this kernel (6.1.150-1) lacks the fix of CVE-2026-46113|CVE-2026-80726|virt-nest doctor\n");
}

static void
test_screen(void)
{
    g_autoptr(World) world = world_new("amd-mistakes", 0);
    g_autoptr(Result) result = doctor(world, LIBVIRT, NULL);
    g_auto(GStrv) lines = g_strsplit(result->out, "\n", -1);

    g_test_summary("a person's screen has 80 columns, and says in each what to do");
    check_says(result->out, ": PASS\n|: WARN\n            -> |: FAIL\n            -> ");
    for (gsize i = 0; lines[i]; i++)
        g_assert_false(g_str_has_suffix(lines[i], " "));
}

static void
test_report(void)
{
    g_autoptr(World) world = world_new("amd-on", BAD_CONFIG);
    g_autofree gchar *program = built("bin/virt-nest");
    const char *argv[] = {program, "-c", LIBVIRT, "report", NULL};
    g_autoptr(Result) result = run(world, argv, "", 0);

    g_test_summary("a report has the releases, and what doctor, host and status say of the same host");
    check_says(result->out, "virt-nest |\n--- uname -srvm\nLinux |\n--- virt-nest doctor\n|on-stale|\n--- virt-nest host\n|"
                            "kvm_amd|\n--- virt-nest status --json\n|\"test\"");
    g_assert_cmpint(result->status, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("doctor", rows[i].sentence, GSIZE_TO_POINTER(i), test_finding);
    g_test_add_func("/doctor/no libvirt", test_no_libvirt);
    g_test_add_func("/doctor/warning", test_warning);
    g_test_add_func("/doctor/screen", test_screen);
    g_test_add_func("/doctor/report", test_report);
    return g_test_run();
}
