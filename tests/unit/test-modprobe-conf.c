/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modprobe's configuration: whose nested= wins, by libkmod's own word too, and what our drop-in does to it. */
#include "check.h"
#include "host/modprobe_conf.h"
#include "host/modprobe_dropin.h"

#include <libkmod.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define OURS "etc/modprobe.d/virt-nest.conf"
#define NOTE "# Written by virt-nest, to have nested guests at each boot; virt-nest host disable removes it.\n"
#define AMD_ON "options kvm_amd nested=1\n"
#define INTEL_ON "options kvm_intel nested=1\n"
#define AMD_OFF "options kvm_amd nested=0\n"

typedef struct {
    const char *path, *text;
} File;

/* What distributions install and people write, and the setting that is in force. */
static const struct {
    const char *sentence, *vendor;
    File files[4];
    const char *winner; /* NULL: nobody says anything */
} layouts[] = {
    {"Debian says nothing", "amd",
     {{"lib/modprobe.d/aliases.conf", "alias net-pf-1 unix\n"},
      {"lib/modprobe.d/systemd.conf", "options bonding max_bonds=0\noptions dummy numdummies=0\n"}},
     NULL},
    {"Ubuntu's QEMU switches Intel on", "intel",
     {{"lib/modprobe.d/qemu-system-x86.conf", INTEL_ON}, {"etc/modprobe.d/blacklist.conf", "blacklist pcspkr\n"}},
     "/lib/modprobe.d/qemu-system-x86.conf:1=1 on"},
    {"Ubuntu's QEMU says nothing for AMD", "amd", {{"lib/modprobe.d/qemu-system-x86.conf", INTEL_ON}}, NULL},
    {"Ubuntu, off by the administrator in the same file", "intel",
     {{"lib/modprobe.d/qemu-system-x86.conf", INTEL_ON},
      {"etc/modprobe.d/qemu-system-x86.conf", "# no nesting here\noptions kvm_intel nested=0\n"}},
     "/etc/modprobe.d/qemu-system-x86.conf:2=0 off"},
    {"Fedora's comments", "amd",
     {{"etc/modprobe.d/kvm.conf", "# to have nested guests on Intel:\n#options kvm_intel nested=1\n#\n"
                                  "# to have them on AMD:\n#options kvm_amd nested=1\n"}},
     NULL},
    {"Fedora's comments, one removed", "amd",
     {{"etc/modprobe.d/kvm.conf", "# to have nested guests on Intel:\n#options kvm_intel nested=1\n#\n"
                                  "# to have them on AMD:\noptions kvm_amd nested=1\n"}},
     "/etc/modprobe.d/kvm.conf:5=1 on"},
    {"openSUSE's directory below usr, the administrator's file later", "intel",
     {{"usr/lib/modprobe.d/10-unsupported-modules.conf", "allow_unsupported_modules 1\n"},
      {"lib/modprobe.d/50-kvm.conf", INTEL_ON},
      {"etc/modprobe.d/99-local.conf", "options kvm_intel nested=0 ept=1\n"}},
     "/etc/modprobe.d/99-local.conf:1=0 off"},
    {"files by name, whatever the directory", "amd",
     {{"etc/modprobe.d/a.conf", AMD_OFF}, {"lib/modprobe.d/b.conf", AMD_ON}}, "/lib/modprobe.d/b.conf:1=1 on"},
    {"names by bytes", "amd",
     {{"etc/modprobe.d/Z.conf", AMD_OFF}, {"etc/modprobe.d/a.conf", AMD_ON}, {"etc/modprobe.d/9.conf", AMD_OFF}},
     "/etc/modprobe.d/a.conf:1=1 on"},
    {"etc before run", "amd", {{"run/modprobe.d/a.conf", AMD_ON}, {"etc/modprobe.d/a.conf", AMD_OFF}},
     "/etc/modprobe.d/a.conf:1=0 off"},
    {"run before local", "amd",
     {{"usr/local/lib/modprobe.d/a.conf", AMD_OFF}, {"run/modprobe.d/a.conf", AMD_ON}},
     "/run/modprobe.d/a.conf:1=1 on"},
    {"local before usr", "amd",
     {{"usr/lib/modprobe.d/a.conf", AMD_OFF}, {"usr/local/lib/modprobe.d/a.conf", AMD_ON}},
     "/usr/local/lib/modprobe.d/a.conf:1=1 on"},
    {"usr before lib", "amd", {{"lib/modprobe.d/a.conf", AMD_OFF}, {"usr/lib/modprobe.d/a.conf", AMD_ON}},
     "/usr/lib/modprobe.d/a.conf:1=1 on"},
    {"an empty file hides one", "amd", {{"lib/modprobe.d/a.conf", AMD_OFF}, {"etc/modprobe.d/a.conf", ""}}, NULL},
    {"a directory hides none", "amd",
     {{"lib/modprobe.d/a.conf", AMD_OFF}, {"etc/modprobe.d/a.conf/readme", "nothing\n"}},
     "/lib/modprobe.d/a.conf:1=0 off"},
    {"a name without .conf", "amd",
     {{"etc/modprobe.d/a.conf.dpkg-old", AMD_OFF}, {"etc/modprobe.d/a", AMD_OFF}, {"etc/modprobe.d/.a.conf", AMD_OFF}},
     NULL},
    {"the last line of a file", "amd", {{"etc/modprobe.d/a.conf", AMD_OFF "\n" AMD_ON AMD_OFF AMD_ON}},
     "/etc/modprobe.d/a.conf:5=1 on"},
    {"the last of a line", "amd", {{"etc/modprobe.d/a.conf", "options kvm_amd nested=1 npt=1 nested=0 avic=1\n"}},
     "/etc/modprobe.d/a.conf:1=0 off"},
    {"the last of two lines between which something else stands", "amd",
     {{"etc/modprobe.d/a.conf", AMD_OFF "options kvm_amd npt=1\n"}}, "/etc/modprobe.d/a.conf:1=0 off"},
    {"another module's", "amd",
     {{"etc/modprobe.d/a.conf", "options kvm nested=0\noptions kvm_amd2 nested=0\noptions kvm_intel nested=0\n"}}, NULL},
    {"another parameter's", "amd",
     {{"etc/modprobe.d/a.conf", "options kvm_amd nestedx=0 xnested=0 Nested=0 nest-ed=0\n"}}, NULL},
    {"a dash in the module's name", "amd", {{"etc/modprobe.d/a.conf", "options kvm-amd nested=0\n"}},
     "/etc/modprobe.d/a.conf:1=0 off"},
    {"tabs and many spaces", "amd", {{"etc/modprobe.d/a.conf", " \toptions\t \tkvm_amd\t npt=1\t\tnested=0\t \n"}},
     "/etc/modprobe.d/a.conf:1=0 off"},
    {"no newline at the end", "amd", {{"etc/modprobe.d/a.conf", "options kvm_amd nested=0"}},
     "/etc/modprobe.d/a.conf:1=0 off"},
    {"CRLF", "amd", {{"etc/modprobe.d/a.conf", "options kvm_amd nested=1\r\noptions kvm_amd nested=0\r\n"}},
     "/etc/modprobe.d/a.conf:2=0 off"},
    {"a line continued", "amd", {{"etc/modprobe.d/a.conf", "\noptions kvm_amd \\\n  npt=1 \\\n  nested=0\n" AMD_ON}},
     "/etc/modprobe.d/a.conf:5=1 on"},
    {"a line continued has its first line's number", "amd",
     {{"etc/modprobe.d/a.conf", "\nopt\\\nions kvm_amd \\\n npt=1 nes\\\nted=0\n\n"}}, "/etc/modprobe.d/a.conf:2=0 off"},
    {"a backslash before something else is dropped", "amd",
     {{"etc/modprobe.d/a.conf", "options kvm_amd neste\\d=0\n"}}, "/etc/modprobe.d/a.conf:1=0 off"},
    {"a comment continued", "amd", {{"etc/modprobe.d/a.conf", "# off: \\\noptions kvm_amd nested=0\n"}}, NULL},
    {"a comment that is indented", "amd", {{"etc/modprobe.d/a.conf", "  # options kvm_amd nested=0\n"}}, NULL},
    {"no comment after options", "amd", {{"etc/modprobe.d/a.conf", "options kvm_amd npt=1 # nested=0\n"}},
     "/etc/modprobe.d/a.conf:1=0 off"},
    {"lines that are none", "amd",
     {{"etc/modprobe.d/a.conf", "options\noptions kvm_amd\noptions kvm_amd \nOptions kvm_amd nested=0\n"
                                "option kvm_amd nested=0\ninstall kvm_amd /sbin/modprobe -i kvm_amd nested=0\n"
                                "blacklist kvm_amd nested=0\n\\\n"}},
     NULL},
    {"value in quotes", "amd", {{"etc/modprobe.d/a.conf", "options kvm_amd nested=\"0\"\n"}},
     "/etc/modprobe.d/a.conf:1=0 off"},
    {"parameter in quotes", "amd", {{"etc/modprobe.d/a.conf", "options kvm_amd \"nested=0\"\n"}},
     "/etc/modprobe.d/a.conf:1=0 off"},
    {"Hygon's module is AMD's", "hygon", {{"etc/modprobe.d/a.conf", AMD_OFF}}, "/etc/modprobe.d/a.conf:1=0 off"},
    {"our drop-in", "amd", {{OURS, NOTE AMD_ON}, {"etc/modprobe.d/kvm.conf", AMD_OFF}},
     "/etc/modprobe.d/virt-nest.conf:2=1 on ours"},
};

/* What only the kernel decides: libkmod hands it on, or reads it from the real /proc/cmdline. */
static const struct {
    const char *sentence, *vendor;
    File files[4];
    const char *winner;
} kernels[] = {
    {"quotes keep words together", "amd",
     {{"etc/modprobe.d/a.conf", "options kvm_amd x=\"1 nested=0 2\" \"y=1 nested=0\"\n"}}, NULL},
    {"a quote that is open swallows all that comes", "amd",
     {{"etc/modprobe.d/a.conf", "options kvm_amd x=\"1\noptions kvm_amd x=\"1\n"},
      {"etc/modprobe.d/b.conf", "options kvm_amd x=\"\n" AMD_OFF}},
     NULL},
    {"nothing counts after --", "amd", {{"etc/modprobe.d/a.conf", AMD_ON "options kvm_amd --\n" AMD_OFF}},
     "/etc/modprobe.d/a.conf:1=1 on"},
    {"the kernel argument comes last", "amd",
     {{"etc/modprobe.d/zz.conf", AMD_ON}, {"proc/cmdline", "quiet kvm_amd.nested=0 ro\n"}}, "/proc/cmdline:1=0 off"},
    {"the last kernel argument", "amd",
     {{"proc/cmdline", "kvm_amd.nested=0 kvm-amd.nested=1 kvm_amd.npt=0 kvm_intel.nested=0\n"}},
     "/proc/cmdline:1=1 on"},
    {"a kernel argument with a dash", "intel", {{"proc/cmdline", "kvm-intel.nested=0"}}, "/proc/cmdline:1=0 off"},
    {"a kernel argument in quotes", "amd", {{"proc/cmdline", "\"kvm_amd.nested=0\" x=\"a kvm_amd.nested=1\"\n"}},
     "/proc/cmdline:1=0 off"},
    {"a kernel argument's value in quotes", "amd", {{"proc/cmdline", "kvm_amd.nested=\"0\"\n"}}, "/proc/cmdline:1=0 off"},
    {"a kernel argument of no module", "amd", {{"proc/cmdline", "nested=0 .nested=0 kvm.nested=0 kvm_amdnested=0 = . \"\n"}},
     NULL},
    {"after -- of the kernel's arguments, as libkmod has it", "amd", {{"proc/cmdline", "ro -- kvm_amd.nested=0\n"}},
     "/proc/cmdline:1=0 off"},
};

static void
write_files(const File *files)
{
    for (gsize i = 0; i < 4 && files[i].path; i++)
        check_root_write(files[i].path, files[i].text);
}

static void
check_winner(const char *vendor, const char *expected)
{
    g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name(vendor));
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);
    g_autofree gchar *said =
        winner ? g_strdup_printf("%s:%u=%s %s%s", winner->file, winner->line, winner->value,
                                 winner->refused ? "refused" : winner->on ? "on" : "off",
                                 winner->ours ? " ours" : "")
               : NULL;

    g_assert_cmpstr(said, ==, expected);
}

/* (transfer full)(nullable) The last nested= of what libkmod would hand to the kernel. */
static gchar *
ask_libkmod(const char *root, const char *name)
{
    const char *const directories[] = {"etc", "run", "usr/local/lib", "usr/lib", "lib"};
    gchar *paths[G_N_ELEMENTS(directories) + 1] = {NULL};
    struct kmod_module *module = NULL;
    struct kmod_ctx *kmod = NULL;
    g_auto(GStrv) words = NULL;
    gchar *value = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(directories); i++)
        paths[i] = g_build_filename(root, directories[i], "modprobe.d", NULL);
    kmod = kmod_new(root, (const char *const *)paths);
    g_assert_nonnull(kmod);
    g_assert_cmpint(kmod_module_new_from_name(kmod, name, &module), ==, 0);
    words = g_strsplit_set(kmod_module_get_options(module) ?: "", " \r", -1);
    for (gsize i = 0; words[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(words[i], "\"", -1);
        g_autofree gchar *word = g_strjoinv("", parts);

        if (g_str_has_prefix(word, "nested=")) {
            g_free(value);
            value = g_strdup(word + strlen("nested="));
        }
    }
    kmod_module_unref(module);
    kmod_unref(kmod);
    for (gsize i = 0; i < G_N_ELEMENTS(directories); i++)
        g_free(paths[i]);
    return value;
}

/* libkmod reads the real kernel's arguments, so they are the fake host's too. */
static void
test_layout(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    const NestCpuVendor *vendor = nest_cpu_vendor_by_name(layouts[i].vendor);
    g_autoptr(NestModprobeConf) conf = NULL;
    g_autofree gchar *expected = NULL;
    g_autofree gchar *arguments = NULL;

    write_files(layouts[i].files);
    check_winner(layouts[i].vendor, layouts[i].winner);
    g_assert_true(g_file_get_contents("/proc/cmdline", &arguments, NULL, NULL));
    check_root_write("proc/cmdline", arguments);
    conf = nest_modprobe_conf_read(vendor);
    expected = ask_libkmod(root, vendor->module);
    g_assert_cmpstr(conf->settings->len ? nest_modprobe_conf_winner(conf)->value : NULL, ==, expected);
    check_root_free(root);
}

static void
test_kernel(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();

    write_files(kernels[i].files);
    check_winner(kernels[i].vendor, kernels[i].winner);
    check_root_free(root);
}

/* kvm_intel has a bool, kvm_amd an int; what one does not take keeps it from being loaded: '1' on, '0' off, '-' refused. */
static const struct {
    const char *text;
    char intel, amd;
} values[] = {
    {"nested=1", '1', '1'}, {"nested=0", '0', '0'}, {"nested=Y", '1', '-'}, {"nested=y", '1', '-'},
    {"nested=yes", '1', '-'}, {"nested=t", '1', '-'}, {"nested=on", '1', '-'}, {"nested=On", '1', '-'},
    {"nested=enabled", '1', '-'}, {"nested=N", '0', '-'}, {"nested=n", '0', '-'}, {"nested=f", '0', '-'},
    {"nested=off", '0', '-'}, {"nested=OFF", '0', '-'}, {"nested=disabled", '0', '-'}, {"nested=o", '-', '-'},
    {"nested=aye", '-', '-'}, {"nested=2", '-', '1'}, {"nested=-1", '-', '1'}, {"nested=+1", '-', '1'},
    {"nested=01", '0', '1'}, {"nested=0x1", '0', '1'}, {"nested=00", '0', '0'}, {"nested=10", '1', '1'},
    {"nested=1,", '1', '-'}, {"nested=08", '0', '-'}, {"nested=0x", '0', '-'}, {"nested=", '-', '-'},
    {"nested=-", '-', '-'}, {"nested=\" 1\"", '-', '-'}, {"nested=4294967296", '-', '-'},
    {"nested=99999999999999999999", '-', '-'}, {"nested=0b1", '0', '-'}, {"nested", '1', '-'}, {"nested = 0", '1', '-'},
};

static char
reads_as(const char *vendor, const char *text)
{
    const NestCpuVendor *p = nest_cpu_vendor_by_name(vendor);
    g_autofree gchar *line = g_strdup_printf("options %s %s\n", p->module, text);
    g_autoptr(NestModprobeConf) conf = NULL;

    check_root_write("etc/modprobe.d/a.conf", line);
    conf = nest_modprobe_conf_read(p);
    g_assert_cmpuint(conf->settings->len, ==, 1);
    return "0-1"[nest_modprobe_conf_winner(conf)->refused ? 1 : 2 * nest_modprobe_conf_winner(conf)->on];
}

static void
test_value(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();

    g_assert_cmpint(reads_as("intel", values[i].text), ==, values[i].intel);
    g_assert_cmpint(reads_as("amd", values[i].text), ==, values[i].amd);
    check_root_free(root);
}

static void
test_all_settings(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestModprobeConf) conf = NULL;
    g_autoptr(GString) said = g_string_new(NULL);

    g_test_summary("every setting is listed, in the kernel's order");
    check_root_write("etc/modprobe.d/b.conf", "options kvm_amd nested=1 nested=0\n");
    check_root_write(OURS, NOTE AMD_ON);
    check_root_write("lib/modprobe.d/a.conf", "\n" AMD_OFF);
    check_root_write("proc/cmdline", "kvm_amd.nested=2\n");
    conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name("amd"));
    for (guint i = 0; i < conf->settings->len; i++) {
        const NestModprobeSetting *setting = g_ptr_array_index(conf->settings, i);

        g_string_append_printf(said, "%s:%u=%s%s ", setting->file, setting->line, setting->value,
                               setting->ours ? " ours" : "");
    }
    g_assert_cmpstr(said->str, ==,
                    "/lib/modprobe.d/a.conf:2=0 /etc/modprobe.d/b.conf:1=1 /etc/modprobe.d/b.conf:1=0 "
                    "/etc/modprobe.d/virt-nest.conf:2=1 ours /proc/cmdline:1=2 ");
    check_root_free(root);
}

static void
test_odd_files(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *directory = g_build_filename(root, "etc/modprobe.d", NULL);
    g_autofree gchar *pipe = g_build_filename(directory, "b.conf", NULL);
    g_autofree gchar *link = g_build_filename(directory, "c.conf", NULL);
    g_autofree gchar *lost = g_build_filename(directory, "d.conf", NULL);
    const char bytes[] = "\xff\0\noptions kvm_amd nested=1\0 nested=0\noptions \xe4 nested=0\n";
    g_autofree gchar *binary = g_build_filename(directory, "a.conf", NULL);

    g_test_summary("a pipe, a link to /dev/null, one to nothing and bytes that are no text");
    check_root_write("lib/modprobe.d/b.conf", AMD_OFF);
    check_root_write("lib/modprobe.d/c.conf", AMD_OFF);
    check_root_write("lib/modprobe.d/d.conf", AMD_OFF);
    g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
    g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
    g_assert_cmpint(symlink("/dev/null", link), ==, 0);
    g_assert_cmpint(symlink("/nonexistent", lost), ==, 0);
    g_assert_true(g_file_set_contents(binary, bytes, sizeof(bytes) - 1, NULL));
    check_winner("amd", "/etc/modprobe.d/a.conf:2=1 on");
    check_root_free(root);
}

/* What sets an initramfs up to load the module; it has its own copy of the drop-in then. */
static const struct {
    const char *sentence, *path, *text;
    gboolean amd;
} initramfs[] = {
    {"initramfs-tools", "etc/initramfs-tools/modules", "# modules\next4\nkvm_amd\n", TRUE},
    {"initramfs-tools, with a parameter", "etc/initramfs-tools/modules", "kvm-amd npt=1\n", TRUE},
    {"initramfs-tools, a comment", "etc/initramfs-tools/modules", "# kvm_amd\next4 # kvm\n", FALSE},
    {"dracut", "etc/dracut.conf", "add_drivers+=\" kvm_amd vfio \"\n", TRUE},
    {"dracut's directory", "etc/dracut.conf.d/kvm.conf", "\nforce_drivers+=\" kvm \"\n", TRUE},
    {"dracut's directory, another name", "etc/dracut.conf.d/kvm.txt", "force_drivers+=\" kvm \"\n", FALSE},
    {"dracut, left out", "etc/dracut.conf", "omit_drivers+=\" kvm kvm_amd \"\n", FALSE},
    {"mkinitcpio", "etc/mkinitcpio.conf", "MODULES=(kvm_amd)\nHOOKS=(base udev)\n", TRUE},
    {"mkinitcpio, nothing", "etc/mkinitcpio.conf", "MODULES=()\n", FALSE},
    {"mkinitcpio's directory", "etc/mkinitcpio.conf.d/kvm.conf", "MODULES+=(kvm kvm_amd)\n", TRUE},
    {"the other vendor's module", "etc/dracut.conf", "add_drivers+=\" kvm_intel \"\n", FALSE},
    {"a longer name", "etc/dracut.conf", "add_drivers+=\" kvm_amd_x xkvm kvm-guest my-kvm \"\n", FALSE},
    {"no UTF-8", "etc/dracut.conf", "x=\xe4\nadd_drivers+=\" kvm_amd \"\n", TRUE},
};

static void
test_initramfs(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(NestModprobeConf) conf = NULL;

    check_root_write(initramfs[i].path, initramfs[i].text);
    conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name("amd"));
    g_assert_cmpint(conf->initramfs, ==, initramfs[i].amd);
    check_root_free(root);
}

/* (transfer full)(nullable) What libkmod would run in place of loading a module. */
static gchar *
ask_install(const char *root, const char *name)
{
    g_autofree gchar *etc = g_build_filename(root, "etc/modprobe.d", NULL);
    g_autofree gchar *lib = g_build_filename(root, "lib/modprobe.d", NULL);
    const char *const paths[] = {etc, lib, NULL};
    struct kmod_ctx *kmod = kmod_new(root, paths);
    struct kmod_module *module = NULL;
    gchar *command = NULL;

    g_assert_cmpint(kmod_module_new_from_name(kmod, name, &module), ==, 0);
    command = g_strdup(kmod_module_get_install_commands(module));
    kmod_module_unref(module);
    kmod_unref(kmod);
    return command;
}

/* What keeps the module away: while it is absent, while it is loaded, and against force. NULL: nothing. At the next boot it
 * is the same as while the module is absent, but for what counts now only (counts_now_only()). */
static const struct {
    const char *sentence;
    File files[2];
    const char *absent, *loaded, *forced;
} bars[] = {
    {"nothing", {{"etc/modprobe.d/a.conf", AMD_OFF}}, NULL, NULL, NULL},
    {"an install line", {{"etc/modprobe.d/hardening.conf", "# no guests\ninstall kvm_amd /bin/false\n"}},
     "/etc/modprobe.d/hardening.conf:2 install kvm_amd /bin/false",
     "/etc/modprobe.d/hardening.conf:2 install kvm_amd /bin/false", NULL},
    {"the first install line", {{"etc/modprobe.d/a.conf", "install kvm-amd  /bin/true x\ninstall kvm_amd /bin/false\n"}},
     "/etc/modprobe.d/a.conf:1 install kvm-amd /bin/true x", "/etc/modprobe.d/a.conf:1 install kvm-amd /bin/true x", NULL},
    {"an install line of a pattern", {{"etc/modprobe.d/a.conf", "install kvm[-_]a* /bin/true\n"}},
     "/etc/modprobe.d/a.conf:1 install kvm[-_]a* /bin/true", "/etc/modprobe.d/a.conf:1 install kvm[-_]a* /bin/true", NULL},
    {"an install line of kvm", {{"etc/modprobe.d/a.conf", "install kvm /bin/true\n"}},
     "/etc/modprobe.d/a.conf:1 install kvm /bin/true", NULL, NULL},
    {"an install line without a command", {{"etc/modprobe.d/a.conf", "install kvm_amd\n"}}, NULL, NULL, NULL},
    {"an install line beside a softdep, for which modprobe passes over it",
     {{"etc/modprobe.d/a.conf", "softdep kvm_amd pre: irqbypass\ninstall kvm_amd /bin/false\n"}},
     "/etc/modprobe.d/a.conf:2 install kvm_amd /bin/false", "/etc/modprobe.d/a.conf:2 install kvm_amd /bin/false", NULL},
    {"another module's", {{"etc/modprobe.d/a.conf", "install kvm_intel /bin/false\nblacklist kvm_intel\nblacklist kvm\n"}},
     NULL, NULL, NULL},
    {"a file that is not read", {{"etc/modprobe.d/a", "install kvm_amd /bin/false\n"}}, NULL, NULL, NULL},
    {"a blacklist line", {{"lib/modprobe.d/a.conf", "blacklist kvm-amd\n"}},
     "/lib/modprobe.d/a.conf:1 blacklist kvm-amd", NULL, NULL},
    {"a blacklist line and an install line",
     {{"etc/modprobe.d/a.conf", "install kvm_amd /bin/false\n"}, {"etc/modprobe.d/b.conf", "blacklist kvm_amd\n"}},
     "/etc/modprobe.d/a.conf:1 install kvm_amd /bin/false", "/etc/modprobe.d/a.conf:1 install kvm_amd /bin/false", NULL},
    {"modprobe.blacklist=", {{"proc/cmdline", "ro modprobe.blacklist=pcspkr,kvm_amd\n"}},
     "/proc/cmdline:1 modprobe.blacklist=pcspkr,kvm_amd", NULL, NULL},
    {"modprobe.blacklist= with a dash, which libkmod does not take for it", {{"proc/cmdline", "modprobe.blacklist=kvm-amd\n"}},
     NULL, NULL, NULL},
    {"module_blacklist=", {{"proc/cmdline", "module_blacklist=kvm_amd modprobe.blacklist=kvm_amd\n"}},
     "/proc/cmdline:1 module_blacklist=kvm_amd", "/proc/cmdline:1 module_blacklist=kvm_amd",
     "/proc/cmdline:1 module_blacklist=kvm_amd"},
    {"module_blacklist= of kvm", {{"proc/cmdline", "module-blacklist=a,kvm\n"}}, "/proc/cmdline:1 module_blacklist=a,kvm",
     NULL, "/proc/cmdline:1 module_blacklist=a,kvm"},
    {"the last module_blacklist=", {{"proc/cmdline", "module_blacklist=kvm_amd module_blacklist=pcspkr\n"}}, NULL, NULL, NULL},
    {"a remove line: a loaded module is not unloaded", {{"etc/modprobe.d/a.conf", "remove kvm-amd /usr/local/sbin/stop-guests\n"}},
     NULL, "/etc/modprobe.d/a.conf:1 remove kvm-amd /usr/local/sbin/stop-guests", NULL},
    {"an alias for another module", {{"etc/modprobe.d/a.conf", "alias kvm-amd off\n"}}, "/etc/modprobe.d/a.conf:1 alias kvm-amd off",
     "/etc/modprobe.d/a.conf:1 alias kvm-amd off", "/etc/modprobe.d/a.conf:1 alias kvm-amd off"},
    {"an alias for itself, and for another name", {{"etc/modprobe.d/a.conf", "alias kvm_amd kvm-amd x\nalias svm kvm_intel\n"}}, NULL,
     NULL, NULL},
    {"softdep and weakdep lines", {{"etc/modprobe.d/a.conf", "softdep kvm_amd pre: nothing\nweakdep kvm_amd nothing\n"}}, NULL, NULL,
     NULL},
    {"nomodule", {{"proc/cmdline", "ro nomodule\n"}}, "/proc/cmdline:1 nomodule", "/proc/cmdline:1 nomodule",
     "/proc/cmdline:1 nomodule"},
    {"nomodule=0", {{"proc/cmdline", "nomodule=0 nomodule=off\n"}}, NULL, NULL, NULL},
    {"the sysctl kernel.modules_disabled, until the next boot", {{"proc/sys/kernel/modules_disabled", "1\n"}},
     "/proc/sys/kernel/modules_disabled:1 kernel.modules_disabled=1",
     "/proc/sys/kernel/modules_disabled:1 kernel.modules_disabled=1",
     "/proc/sys/kernel/modules_disabled:1 kernel.modules_disabled=1"},
    {"the sysctl as it mostly is", {{"proc/sys/kernel/modules_disabled", "0\n"}}, NULL, NULL, NULL},
    {"no part of a name", {{"proc/cmdline", "module_blacklist=kvm_amd2,xkvm_amd modprobe.blacklist=kvm_amd2\n"}}, NULL, NULL,
     NULL},
};

static void
check_found(const NestModprobeBar *bar, const char *expected)
{
    g_autofree gchar *said = bar ? g_strdup_printf("%s:%u %s", bar->file, bar->line, bar->text) : NULL;

    g_assert_cmpstr(said, ==, expected);
}

static void
check_bar(const NestModprobeConf *conf, gboolean loaded, gboolean forced, const char *expected)
{
    check_found(nest_modprobe_bars_find(conf->bars, loaded, forced), expected);
}

static void
check_bar_at_boot(const NestModprobeConf *conf, gboolean loaded, const char *expected)
{
    check_found(nest_modprobe_bars_find_at_boot(conf->bars, loaded), expected);
}

static gboolean
counts_now_only(const char *bar)
{
    return bar && (strstr(bar, " alias ") || strstr(bar, "modules_disabled"));
}

/* What is loaded now is loaded at the next boot in spite of a blacklist, but not without the module that it needs. */
static void
test_bar_at_boot(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestModprobeConf) conf = NULL;

    g_test_summary("an install line of kvm counts at the next boot, whether kvm is loaded now or not; a blacklist does not");
    check_root_write("etc/modprobe.d/a.conf", "blacklist kvm_amd\n");
    conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name("amd"));
    check_bar_at_boot(conf, TRUE, NULL);
    check_root_write("etc/modprobe.d/a.conf", "install kvm /bin/false\n");
    nest_modprobe_conf_free(conf);
    conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name("amd"));
    check_bar(conf, TRUE, FALSE, NULL);
    check_bar_at_boot(conf, TRUE, "/etc/modprobe.d/a.conf:1 install kvm /bin/false");
    check_root_free(root);
}

static void
test_bar(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(NestModprobeConf) conf = NULL;
    g_autofree gchar *command = NULL;

    for (gsize j = 0; j < 2 && bars[i].files[j].path; j++)
        check_root_write(bars[i].files[j].path, bars[i].files[j].text);
    conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name("amd"));
    check_bar(conf, FALSE, FALSE, bars[i].absent);
    check_bar(conf, TRUE, FALSE, bars[i].loaded);
    check_bar(conf, FALSE, TRUE, bars[i].forced);
    check_bar_at_boot(conf, FALSE, counts_now_only(bars[i].absent) ? NULL : bars[i].absent);
    command = ask_install(root, "kvm_amd");
    g_assert_cmpint(command != NULL, ==, bars[i].loaded && strstr(bars[i].loaded, "install"));
    if (command)
        g_assert_true(g_str_has_suffix(bars[i].loaded, g_strchug(command)));
    check_root_free(root);
}

/* Lines that do nothing about nesting on AMD, and why. */
static const struct {
    const char *sentence;
    File file;
    const char *says; /* NULL: it is none */
} mistakes[] = {
    {"a file without .conf", {"etc/modprobe.d/kvm-nested", "\noptions kvm_amd nested=0\n"},
     "/etc/modprobe.d/kvm-nested:2|options kvm_amd nested=0|only *.conf"},
    {"an install line in a file without .conf", {"etc/modprobe.d/kvm.txt", "install kvm_amd /bin/false\n"},
     "install kvm_amd /bin/false|only *.conf"},
    {"kvm's", {"etc/modprobe.d/kvm.conf", "options kvm nested=1\n"},
     "/etc/modprobe.d/kvm.conf:1|options kvm nested=1|kvm has no parameter nested, kvm_amd has it"},
    {"the other vendor's", {"etc/modprobe.d/kvm.conf", "options kvm-intel nested=1\n"}, "this host's module is kvm_amd"},
    {"a command of the shell", {"etc/modprobe.d/kvm.conf", "modprobe kvm_amd nested=1\n"},
     "modprobe kvm_amd nested=1|modprobe is no command of modprobe.d|options kvm_amd nested=1"},
    {"no command", {"etc/modprobe.d/kvm.conf", "kvm_amd nested=1\r\n"}, "kvm_amd is no command"},
    {"a kernel argument of kvm", {"proc/cmdline", "ro kvm.nested=1\n"}, "/proc/cmdline:1|kvm.nested=1|kvm has no parameter"},
    {"a kernel argument of no module", {"proc/cmdline", "nested=1\n"}, "names no module|kvm_amd.nested"},
    {"a kernel argument of the other vendor", {"proc/cmdline", "kvm-intel.nested=1\n"}, "this host's module is kvm_amd"},
    {"a list with a dash", {"proc/cmdline", "module_blacklist=kvm-amd\n"}, "is written kvm_amd there"},
    {"a misspelt parameter", {"etc/modprobe.d/kvm.conf", "options kvm_amd npt=1 Nested=1\n"},
     "kvm_amd has no parameter Nested: it is called nested"},
    {"the module and the parameter in one word", {"etc/modprobe.d/kvm.conf", "options kvm_amd.nested=1\n"},
     "this host's module is kvm_amd"},
    {"a name that no module has", {"etc/modprobe.d/kvm.conf", "options KVM-AMD nested=1\n"}, "this host's module is kvm_amd"},
    {"kvm in a blacklist", {"etc/modprobe.d/kvm.conf", "blacklist kvm\n"}, "kvm is loaded all the same, as kvm_amd needs it"},
    {"kvm in modprobe.blacklist=", {"proc/cmdline", "modprobe.blacklist=pcspkr,kvm\n"}, "kvm is loaded all the same"},
    {"an install line without a command", {"etc/modprobe.d/kvm.conf", "install kvm-amd\n"}, "nothing follows the module's name"},
    {"include, which modprobe had once", {"etc/modprobe.d/kvm.conf", "include /etc/kvm/nested\n"}, "no include lines any more"},
    {"the file of module-init-tools", {"etc/modprobe.conf", "options kvm_amd nested=0\n"}, "/etc/modprobe.conf:1|directories"},
    {"options in /etc/modules", {"etc/modules", "loop\nkvm_amd nested=1\n"},
     "/etc/modules:2 kvm_amd nested=1|only names of modules|options kvm_amd nested=1"},
    {"options in modules-load.d", {"etc/modules-load.d/kvm.conf", "kvm-amd nested=1\n"}, "/etc/modules-load.d/kvm.conf:1"},
    {"a misspelt kernel argument", {"proc/cmdline", "kvm_amd.nest=1\n"}, "kvm_amd has no parameter nest"},
    {"a blacklist for the initramfs", {"proc/cmdline", "rd.driver.blacklist=kvm_amd\n"}, "initramfs only"},
    {"a blacklist that nobody reads", {"proc/cmdline", "blacklist=x,kvm-amd\n"}, "neither modprobe nor the kernel knows blacklist"},
    {"a module that is loaded", {"etc/modules", "# kvm_amd nested=1\nkvm_amd\n"}, NULL},
    {"another parameter of kvm_intel", {"etc/modprobe.d/kvm.conf", "options kvm_amd nested_early_check=1\n"}, NULL},
    {"another name with a dash in the list", {"proc/cmdline", "module_blacklist=kvm-amd,kvm_amd\n"}, NULL},
    {"a setting", {"etc/modprobe.d/kvm.conf", "options kvm_amd nested=1\n"}, NULL},
    {"a comment", {"etc/modprobe.d/kvm.conf", "# options kvm nested=1\n #modprobe kvm_amd nested=1\n"}, NULL},
    {"another parameter of kvm", {"etc/modprobe.d/kvm.conf", "options kvm ignore_msrs=1\n"}, NULL},
    {"another module in a file without .conf", {"etc/modprobe.d/notes", "options snd nested=1\nnested kvm_amd\n"}, NULL},
    {"a kernel argument", {"proc/cmdline", "kvm_amd.nested=1 modprobe.blacklist=pcspkr\n"}, NULL},
};

static void
test_mistake(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(NestModprobeConf) conf = NULL;

    check_root_write(mistakes[i].file.path, mistakes[i].file.text);
    conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name("amd"));
    g_assert_cmpuint(conf->mistakes->len, ==, mistakes[i].says != NULL);
    if (mistakes[i].says) {
        const NestModprobeMistake *mistake = g_ptr_array_index(conf->mistakes, 0);
        g_autofree gchar *said =
            g_strdup_printf("%s:%u %s: %s", mistake->file, mistake->line, mistake->text, mistake->why);

        check_says(said, mistakes[i].says);
    }
    check_root_free(root);
}

static void
test_hidden(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestModprobeConf) conf = NULL;
    const NestModprobeMistake *mistake = NULL;
    g_autofree gchar *link = g_build_filename(root, "lib", NULL);

    g_test_summary("a file that another of its name hides is told; /lib that is /usr/lib is not read twice");
    check_root_write("usr/lib/modprobe.d/kvm.conf", AMD_OFF);
    check_root_write("etc/modprobe.d/kvm.conf", AMD_ON);
    g_assert_cmpint(symlink("usr/lib", link), ==, 0);
    conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name("amd"));
    g_assert_cmpuint(conf->settings->len, ==, 1);
    g_assert_cmpuint(conf->mistakes->len, ==, 1);
    mistake = g_ptr_array_index(conf->mistakes, 0);
    g_assert_cmpstr(mistake->file, ==, "/usr/lib/modprobe.d/kvm.conf");
    g_assert_cmpstr(mistake->why, ==, "/etc/modprobe.d/kvm.conf is read in its place");
    check_root_free(root);
}

/* kmod before 33 reads *.alias, later ones do not: right is what libkmod says here. */
static void
test_alias_files(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *value = NULL;

    g_test_summary("a file named *.alias is read where the kmod in use reads it, and told as a mistake where not");
    check_root_write("etc/modprobe.d/a.alias", AMD_OFF);
    value = ask_libkmod(root, "kvm_amd");
    g_test_message("libkmod %s it", value ? "reads" : "does not read");
    check_winner("amd", value ? "/etc/modprobe.d/a.alias:1=0 off" : NULL);
    {
        g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name("amd"));

        g_assert_cmpuint(conf->mistakes->len, ==, !value);
    }
    check_root_free(root);
}

static const struct {
    const char *sentence;
    File file;
    const char *says; /* NULL: nothing against it */
} checks[] = {
    {"nobody says anything", {NULL, NULL}, NULL},
    {"on", {"etc/modprobe.d/kvm.conf", AMD_ON}, NULL},
    {"off",
     {"etc/modprobe.d/kvm.conf", "\n" AMD_OFF},
     "/etc/modprobe.d/kvm.conf:2 (options kvm_amd nested=0)|remove that line|virt-nest host enable --force"},
    {"a value the kernel refuses", {"etc/modprobe.d/kvm.conf", "options kvm_amd nested=aye\n"},
     "kvm_amd|/etc/modprobe.d/kvm.conf:1 (options kvm_amd nested=aye)|write nested=1"},
    {"spaces about the =", {"etc/modprobe.d/kvm.conf", "options kvm_amd nested = 1\n"},
     "kvm.conf:1 (options kvm_amd nested)|write nested=1 there, without spaces"},
    {"off in a file that is read after ours",
     {"etc/modprobe.d/zz.conf", AMD_OFF},
     "/etc/modprobe.d/zz.conf:1|read after /etc/modprobe.d/virt-nest.conf: remove that line"},
    {"off by a kernel argument",
     {"proc/cmdline", "kvm_amd.nested=0\n"},
     "kernel argument kvm_amd.nested=0|remove it|boot loader's configuration"},
};

/* The code that a refusal with such words has. */
static int
code_of(const char *says)
{
    return strstr(says, "write nested=1") ? NEST_ERROR_HOST_VALUE : NEST_ERROR_HOST_KEPT_OFF;
}

static void
check_verdict(const char *says)
{
    g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name("amd"));
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(nest_modprobe_conf_check(conf, "virt-nest host enable --force", &error), ==, !says);
    if (says) {
        g_assert_error(error, NEST_ERROR, code_of(says));
        check_says(error->message, says);
    }
}

static void
test_check(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();

    if (checks[i].file.path)
        check_root_write(checks[i].file.path, checks[i].file.text);
    check_verdict(checks[i].says);
    check_root_free(root);
}

/* The same for two files. */
static const struct {
    const char *sentence;
    File files[2];
    const char *says;
} pairs[] = {
    {"a value the kernel refuses, and a good one after it",
     {{"etc/modprobe.d/kvm.conf", "options kvm-amd nested=Y\n"}, {"lib/modprobe.d/zz.conf", AMD_ON}},
     "/etc/modprobe.d/kvm.conf:1 (options kvm-amd nested=Y)|write nested=1"},
    {"a value the kernel refuses after a good one",
     {{"etc/modprobe.d/kvm.conf", AMD_ON}, {"lib/modprobe.d/zz.conf", "options kvm_amd nested=Y\n"}},
     "/lib/modprobe.d/zz.conf:1 (options kvm_amd nested=Y)|write nested=1"},
    {"an operator's off that the distribution overrides",
     {{"etc/modprobe.d/kvm.conf", AMD_OFF}, {"usr/lib/modprobe.d/qemu.conf", AMD_ON}},
     "/etc/modprobe.d/kvm.conf:1 (options kvm_amd nested=0)|/usr/lib/modprobe.d/qemu.conf:1 (nested=1)|--force|read later"},
    {"an operator's off in /usr/local, too",
     {{"usr/local/lib/modprobe.d/kvm.conf", AMD_OFF}, {"lib/modprobe.d/qemu.conf", AMD_ON}},
     "/usr/local/lib/modprobe.d/kvm.conf:1|/lib/modprobe.d/qemu.conf:1"},
    {"a distribution's off that the operator overrides",
     {{"etc/modprobe.d/qemu.conf", AMD_ON}, {"lib/modprobe.d/kvm.conf", AMD_OFF}}, NULL},
    {"an operator's off that the operator overrides",
     {{"etc/modprobe.d/kvm.conf", AMD_OFF}, {"etc/modprobe.d/local.conf", AMD_ON}}, NULL},
    {"a distribution's off that the distribution overrides",
     {{"lib/modprobe.d/kvm.conf", AMD_OFF}, {"lib/modprobe.d/qemu.conf", AMD_ON}}, NULL},
};

static void
test_pair(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();

    for (gsize j = 0; j < 2; j++)
        check_root_write(pairs[i].files[j].path, pairs[i].files[j].text);
    check_verdict(pairs[i].says);
    check_root_free(root);
}

/* (transfer full)(nullable) The drop-in. */
static gchar *
ours_now(const char *root)
{
    g_autofree gchar *path = g_build_filename(root, OURS, NULL);
    gchar *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

/* Nothing but the drop-in may come to stand in its directory. */
static void
check_no_leftover(const char *root)
{
    g_autofree gchar *directory = g_build_filename(root, "etc/modprobe.d", NULL);
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name = NULL;

    while (dir && (name = g_dir_read_name(dir)))
        g_assert_true(g_str_has_suffix(name, ".conf"));
}

#define KEPT NEST_ERROR_HOST_KEPT_OFF

/* Our drop-in before and after; what is refused leaves it as it is. */
static const struct {
    const char *sentence;
    const char *before; /* NULL: none */
    File other;
    gboolean force;
    const char *after; /* NULL: refused */
    const char *says;
} keeps[] = {
    {"where nothing is", NULL, {NULL, NULL}, FALSE, NOTE AMD_ON, NULL},
    {"with --force where nothing is", NULL, {NULL, NULL}, TRUE, NOTE AMD_ON, NULL},
    {"where it is on already", NULL, {"etc/modprobe.d/kvm.conf", AMD_ON}, FALSE, NOTE AMD_ON, NULL},
    {"where it is on later", NULL, {"etc/modprobe.d/zz.conf", AMD_ON}, FALSE, NOTE AMD_ON, NULL},
    {"again", NOTE AMD_ON, {NULL, NULL}, FALSE, NOTE AMD_ON, NULL},
    {"an empty file", "", {NULL, NULL}, FALSE, NOTE AMD_ON, NULL},
    {"ours of another machine goes", NOTE INTEL_ON, {NULL, NULL}, FALSE, NOTE AMD_ON, NULL},
    {"ours of both goes", NOTE INTEL_ON AMD_ON, {NULL, NULL}, FALSE, NOTE AMD_ON, NULL},
    {"what a person added stays", NOTE AMD_ON "# mine\noptions kvm ignore_msrs=1", {NULL, NULL}, FALSE,
     "# mine\noptions kvm ignore_msrs=1\n" NOTE AMD_ON, NULL},
    {"a last line that goes on does not take ours in", "options kvm \\\n", {NULL, NULL}, FALSE,
     "options kvm \\\n\n" NOTE AMD_ON, NULL},
    {"what a person changed stays", NOTE "options kvm_amd nested=1 npt=0\n", {NULL, NULL}, FALSE,
     "options kvm_amd nested=1 npt=0\n" NOTE AMD_ON, NULL},
    {"off in our own file is somebody's", NOTE AMD_OFF, {NULL, NULL}, FALSE, NULL, "virt-nest.conf:1|nested=0|--force"},
    {"off in our own file, with --force", NOTE AMD_OFF, {NULL, NULL}, TRUE, AMD_OFF NOTE AMD_ON, NULL},
    {"off before ours", NULL, {"etc/modprobe.d/kvm.conf", AMD_OFF}, FALSE, NULL,
     "/etc/modprobe.d/kvm.conf:1|options kvm_amd nested=0|remove that line|--force"},
    {"off before ours, with --force", NULL, {"etc/modprobe.d/kvm.conf", AMD_OFF}, TRUE, NOTE AMD_ON, NULL},
    {"what --force did stays done", NOTE AMD_ON, {"etc/modprobe.d/kvm.conf", AMD_OFF}, FALSE, NOTE AMD_ON, NULL},
    {"off after ours", NOTE INTEL_ON, {"lib/modprobe.d/zz.conf", AMD_OFF}, FALSE, NULL,
     "/lib/modprobe.d/zz.conf:1|read after /etc/modprobe.d/virt-nest.conf|remove that line"},
    {"off after ours, with --force", NULL, {"lib/modprobe.d/zz.conf", AMD_OFF}, TRUE, NULL,
     "/lib/modprobe.d/zz.conf:1|read after /etc/modprobe.d/virt-nest.conf|remove that line"},
    {"off after ours, which is there", NOTE AMD_ON, {"lib/modprobe.d/zz.conf", AMD_OFF}, TRUE, NULL, "zz.conf:1"},
    {"off by a kernel argument, with --force", NULL, {"proc/cmdline", "ro kvm_amd.nested=0\n"}, TRUE, NULL,
     "kernel argument kvm_amd.nested=0|boot loader's configuration"},
    {"a value the kernel refuses, with --force", NULL, {"etc/modprobe.d/a.conf", "options kvm_amd nested=Y\n"}, TRUE, NULL,
     "/etc/modprobe.d/a.conf:1|nested=Y|write nested=1"},
    {"an install line, with --force", NULL, {"etc/modprobe.d/a.conf", "install kvm_amd /bin/false\n"}, TRUE, NULL,
     "/etc/modprobe.d/a.conf:1 (install kvm_amd /bin/false)|remove that line"},
    {"an install line of the module that it needs", NOTE AMD_ON, {"etc/modprobe.d/a.conf", "install kvm /bin/true\n"}, TRUE,
     NULL, "install kvm /bin/true|that it needs"},
    {"a blacklist line, while it is absent", NULL, {"lib/modprobe.d/a.conf", "\nblacklist kvm-amd\n"}, TRUE, NULL,
     "/lib/modprobe.d/a.conf:2 (blacklist kvm-amd)|not loaded by itself"},
    {"module_blacklist=, with --force", NULL, {"proc/cmdline", "module_blacklist=x,kvm_amd ro\n"}, TRUE, NULL,
     "kernel argument module_blacklist=x,kvm_amd|the kernel refuses it|boot loader's configuration"},
    {"the other vendor's off", NULL, {"etc/modprobe.d/zz.conf", "options kvm_intel nested=0\n"}, FALSE, NOTE AMD_ON, NULL},
};

static void
test_keep(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    g_autofree gchar *now = NULL;

    if (keeps[i].before)
        check_root_write(OURS, keeps[i].before);
    if (keeps[i].other.path)
        check_root_write(keeps[i].other.path, keeps[i].other.text);
    g_assert_cmpint(nest_modprobe_dropin_keep_on(nest_cpu_vendor_by_name("amd"), keeps[i].force ? NEST_MODPROBE_FORCE : 0, &error), ==,
                    keeps[i].after != NULL);
    now = ours_now(root);
    g_assert_cmpstr(now, ==, keeps[i].after ? keeps[i].after : keeps[i].before);
    if (keeps[i].after) {
        g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(nest_cpu_vendor_by_name("amd"));

        g_assert_no_error(error);
        g_assert_true(nest_modprobe_conf_winner(conf)->on);
    } else {
        g_assert_error(error, NEST_ERROR, code_of(keeps[i].says));
        check_says(error->message, keeps[i].says);
    }
    check_no_leftover(root);
    check_root_free(root);
}

static void
test_keep_overridden(void)
{
    gchar *root = check_root_new();
    const NestCpuVendor *amd = nest_cpu_vendor_by_name("amd");
    g_autoptr(GError) error = NULL;

    g_test_summary("an operator's nested=0 that the distribution overrides is told, and kept against with force only");
    check_root_write("etc/modprobe.d/kvm.conf", AMD_OFF);
    check_root_write("usr/lib/modprobe.d/qemu.conf", AMD_ON);
    g_assert_false(nest_modprobe_dropin_keep_on(amd, NEST_MODPROBE_LOADED, &error));
    g_assert_error(error, NEST_ERROR, KEPT);
    check_says(error->message, "/etc/modprobe.d/kvm.conf:1|distribution's /usr/lib/modprobe.d/qemu.conf:1");
    g_assert_true(nest_modprobe_dropin_keep_on(amd, NEST_MODPROBE_LOADED | NEST_MODPROBE_FORCE, NULL));
    g_assert_true(nest_modprobe_dropin_keep_on(amd, NEST_MODPROBE_LOADED, NULL)); /* stays done */
    check_root_free(root);
}

static void
test_keep_blacklisted(void)
{
    gchar *root = check_root_new();
    const NestCpuVendor *amd = nest_cpu_vendor_by_name("amd");

    g_test_summary("a blacklist line does not count once somebody has loaded the module by name");
    check_root_write("etc/modprobe.d/a.conf", "blacklist kvm_amd\n");
    g_assert_false(nest_modprobe_dropin_may_keep_on(amd, NEST_MODPROBE_FORCE, NULL));
    g_assert_true(nest_modprobe_dropin_keep_on(amd, NEST_MODPROBE_LOADED, NULL));
    check_root_free(root);
}

/* Every mode, and a file that says it already keeps its inode. */
static void
test_keep_twice(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = g_build_filename(root, OURS, NULL);
    g_autofree gchar *directory = g_path_get_dirname(path);
    mode_t mask = umask(0027);
    GStatBuf status, again;

    g_test_summary("the directory is made, the file readable by all, and one that is right not touched");
    g_assert_true(nest_modprobe_dropin_keep_on(nest_cpu_vendor_by_name("intel"), 0, NULL));
    umask(mask);
    g_assert_cmpint(g_stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 07777, ==, 0644);
    g_assert_true(nest_modprobe_dropin_keep_on(nest_cpu_vendor_by_name("intel"), NEST_MODPROBE_FORCE, NULL));
    g_assert_cmpint(g_stat(path, &again), ==, 0);
    g_assert_cmpint((gint64)status.st_ino, ==, (gint64)again.st_ino);
    g_assert_true(g_file_test(directory, G_FILE_TEST_IS_DIR));
    check_root_free(root);
}

static const struct {
    const char *sentence, *before;
    gboolean removed;
    const char *after;
} forgets[] = {
    {"where nothing is", NULL, FALSE, NULL},
    {"ours", NOTE AMD_ON, TRUE, NULL},
    {"ours of another machine", NOTE INTEL_ON, TRUE, NULL},
    {"ours without its note", AMD_ON, TRUE, NULL},
    {"ours among blank lines", "\n" NOTE "\n" AMD_ON "\n \n", TRUE, NULL},
    {"what a person added stays", "# mine\n" NOTE AMD_ON "options kvm ignore_msrs=1\n", TRUE,
     "# mine\noptions kvm ignore_msrs=1\n"},
    {"a file that has nothing of ours", "options kvm_amd npt=0", FALSE, "options kvm_amd npt=0"},
    {"somebody's off", AMD_OFF, FALSE, AMD_OFF},
    {"an empty file", "", FALSE, ""},
};

static void
test_forget(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    g_autofree gchar *now = NULL;
    gboolean removed = 42;

    if (forgets[i].before)
        check_root_write(OURS, forgets[i].before);
    g_assert_true(nest_modprobe_dropin_forget(&removed, &error));
    g_assert_no_error(error);
    g_assert_cmpint(removed, ==, forgets[i].removed);
    now = ours_now(root);
    g_assert_cmpstr(now, ==, forgets[i].after);
    check_no_leftover(root);
    check_root_free(root);
}

/* What can stand where the drop-in should. Each makes it, told where. */
static int
make_directory(const char *path)
{
    return g_mkdir(path, 0755);
}

static int
make_link_to_nothing(const char *path)
{
    return symlink("/nonexistent", path);
}

static int
make_link_to_null(const char *path)
{
    return symlink("/dev/null", path);
}

static int
make_pipe(const char *path)
{
    return mkfifo(path, 0600);
}

static int
make_binary(const char *path)
{
    return g_file_set_contents(path, "a\0b", 3, NULL) ? 0 : -1;
}

static const struct {
    const char *sentence;
    int (*make)(const char *path);
    const char *says;
} obstacles[] = {
    {"a directory", make_directory, "no regular file|move it away"},
    {"a link to nothing", make_link_to_nothing, "no regular file|move it away"},
    {"a link to the null device, as masks a file", make_link_to_null, "no regular file|move it away"},
    {"a pipe", make_pipe, "no regular file|move it away"},
    {"no text", make_binary, "NUL|move it away"},
};

static void
check_io(GError **error, const char *says)
{
    g_assert_error(*error, NEST_ERROR, NEST_ERROR_IO);
    check_says((*error)->message, NEST_MODPROBE_FILE "|as it was|try again");
    check_says((*error)->message, says);
    g_clear_error(error);
}

static void
test_obstacle(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autofree gchar *path = g_build_filename(root, OURS, NULL);
    g_autoptr(GError) error = NULL;
    GStatBuf before, after;
    gboolean removed = 42;

    check_root_write("etc/modprobe.d/other.conf", "");
    g_assert_cmpint(obstacles[i].make(path), ==, 0);
    g_assert_cmpint(g_lstat(path, &before), ==, 0);
    g_assert_false(nest_modprobe_dropin_keep_on(nest_cpu_vendor_by_name("amd"), NEST_MODPROBE_FORCE, &error));
    check_io(&error, obstacles[i].says);
    g_assert_false(nest_modprobe_dropin_forget(&removed, &error));
    check_io(&error, obstacles[i].says);
    g_assert_cmpint(removed, ==, 42);
    g_assert_cmpint(g_lstat(path, &after), ==, 0);
    g_assert_cmpint((gint64)before.st_ino, ==, (gint64)after.st_ino);
    check_root_free(root);
}

static void
test_no_directory(void)
{
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;

    g_test_summary("/etc is no directory, so that none can be made in it");
    check_root_write("etc", "");
    g_assert_false(nest_modprobe_dropin_keep_on(nest_cpu_vendor_by_name("amd"), 0, &error));
    check_io(&error, "Not a directory");
    check_root_free(root);
}

/* A disk that takes no byte more, by the limit on a file's size. */
static void
set_room(gboolean room)
{
    struct rlimit limit;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    limit.rlim_cur = room ? limit.rlim_max : 0;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    (void)signal(SIGXFSZ, room ? SIG_DFL : SIG_IGN);
}

static void
test_no_room(gconstpointer data)
{
    const char *before = data;
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL, second = NULL;
    g_autofree gchar *now = NULL;
    gboolean kept = TRUE, forgot = TRUE, removed = 42;

    check_root_write("etc/modprobe.d/other.conf", "");
    if (before)
        check_root_write(OURS, before);
    set_room(FALSE);
    kept = nest_modprobe_dropin_keep_on(nest_cpu_vendor_by_name("amd"), 0, &error);
    forgot = !before || nest_modprobe_dropin_forget(&removed, &second);
    set_room(TRUE);
    g_assert_false(kept);
    check_io(&error, "cannot be written|File too large|room on its disk");
    if (before) {
        g_assert_false(forgot);
        check_io(&second, "cannot be written|room on its disk");
        g_assert_cmpint(removed, ==, 42);
    }
    now = ours_now(root);
    g_assert_cmpstr(now, ==, before);
    check_no_leftover(root);
    check_root_free(root);
}

/* What is read, and what comes of it. */
static void
add_reading(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(layouts); i++)
        check_add_row("modprobe-conf/layout", layouts[i].sentence, GSIZE_TO_POINTER(i), test_layout);
    for (gsize i = 0; i < G_N_ELEMENTS(kernels); i++)
        check_add_row("modprobe-conf/kernel", kernels[i].sentence, GSIZE_TO_POINTER(i), test_kernel);
    for (gsize i = 0; i < G_N_ELEMENTS(values); i++)
        check_add_row("modprobe-conf/value", values[i].text, GSIZE_TO_POINTER(i), test_value);
    for (gsize i = 0; i < G_N_ELEMENTS(initramfs); i++)
        check_add_row("modprobe-conf/initramfs", initramfs[i].sentence, GSIZE_TO_POINTER(i), test_initramfs);
    for (gsize i = 0; i < G_N_ELEMENTS(bars); i++)
        check_add_row("modprobe-conf/bar", bars[i].sentence, GSIZE_TO_POINTER(i), test_bar);
    for (gsize i = 0; i < G_N_ELEMENTS(mistakes); i++)
        check_add_row("modprobe-conf/mistake", mistakes[i].sentence, GSIZE_TO_POINTER(i), test_mistake);
    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++)
        check_add_row("modprobe-conf/check", checks[i].sentence, GSIZE_TO_POINTER(i), test_check);
    for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++)
        check_add_row("modprobe-conf/check of two", pairs[i].sentence, GSIZE_TO_POINTER(i), test_pair);
}

int
main(int argc, char **argv)
{
    /* libkmod tells standard error of lines that are none. */
    g_setenv("KMOD_LOG", "0", TRUE);
    g_test_init(&argc, &argv, NULL);
    add_reading();
    for (gsize i = 0; i < G_N_ELEMENTS(keeps); i++)
        check_add_row("modprobe-conf/keep", keeps[i].sentence, GSIZE_TO_POINTER(i), test_keep);
    for (gsize i = 0; i < G_N_ELEMENTS(forgets); i++)
        check_add_row("modprobe-conf/forget", forgets[i].sentence, GSIZE_TO_POINTER(i), test_forget);
    for (gsize i = 0; i < G_N_ELEMENTS(obstacles); i++)
        check_add_row("modprobe-conf/obstacle", obstacles[i].sentence, GSIZE_TO_POINTER(i), test_obstacle);
    check_add_row("modprobe-conf/no room", "where nothing is", NULL, test_no_room);
    check_add_row("modprobe-conf/no room", "where a person added something", NOTE AMD_ON "# mine\n", test_no_room);
    g_test_add_func("/modprobe-conf/bars at the next boot", test_bar_at_boot);
    g_test_add_func("/modprobe-conf/every setting is listed", test_all_settings);
    g_test_add_func("/modprobe-conf/files that are none", test_odd_files);
    g_test_add_func("/modprobe-conf/kept once, readable by all", test_keep_twice);
    g_test_add_func("/modprobe-conf/a file that is hidden", test_hidden);
    g_test_add_func("/modprobe-conf/files named alias", test_alias_files);
    g_test_add_func("/modprobe-conf/kept against one that is overridden", test_keep_overridden);
    g_test_add_func("/modprobe-conf/kept where it is blacklisted", test_keep_blacklisted);
    g_test_add_func("/modprobe-conf/no directory to keep it in", test_no_directory);
    return g_test_run();
}
