/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest doctor as a program, on laid-out hosts: one thing is wrong at a time, and is found. libvirt is its own test
 * driver; what needs a daemon is for tests/libvirt/doctor.test. */
#include "check.h"
#include "host/advisories.h"
#include "world.h"

#include <sys/xattr.h>

#define LIBVIRT "test:///default"
#define NO_LIBVIRT "qemu+unix:///system?socket=/nonexistent/socket"
#define KERNEL (1 << 20) /* Debian's, from before all fixes, and the advisories */
#define MODE(mode) "\001" mode /* no text, but the mode that the file gets */
#define LABEL(type) "\002system_u:object_r:" type ":s0" /* SELinux's, for a file that is ours */

/* What more a host has, each with a text that a row may replace. */
enum {
    SYSTEMD = 1 << 21,  /* systemd, with all units as they should be */
    EMULATOR = 1 << 22, /* a QEMU with all formats */
    APPARMOR = 1 << 23, /* libvirt's daemon runs, confined by Debian's profile, and our hook is there */
    SELINUX = 1 << 24,  /* ... confined by SELinux */
    ALONE = 1 << 25,    /* libvirt does not answer */
    GUEST = 1 << 26,    /* this host is a guest */
    NETWORK = 1 << 27,  /* ... in a network, and has libvirt's own */
};

#define UNITS(virtnestd, drain, waits, order)                                                                  \
    "Id=virtnestd.service\nLoadState=loaded\nActiveState=active\nUnitFileState=" virtnestd "\n\n"              \
    "Id=virt-nest-drain.service\nLoadState=loaded\nActiveState=" waits "\nUnitFileState=" drain "\n" order     \
    "\n\nId=libvirt-guests.service\nLoadState=loaded\nUnitFileState=enabled\n"
#define ORDER "FragmentPath=/lib/systemd/system/virt-nest-drain.service\nAfter=basic.target libvirt-guests.service"
#define REVISED(lines) "FragmentPath=/etc/systemd/system/virt-nest-drain.service\n" lines
#define PROFILE(rules)                                                                                         \
    "# Debian's\nprofile libvirtd /usr/sbin/libvirtd {\n  /** rwmkl,\n  /usr/{lib,lib64}/x/* PUx,\n" rules        \
    "  profile child {\n    /etc/libvirt/** rmix,\n  }\n}\n"
#define HOOK "/etc/libvirt/hooks/qemu"
#define ELF "\177ELF "
#define DAEMON_PROFILE "/etc/apparmor.d/usr.sbin.libvirtd"
#define VIRTNESTD_PROFILE "/etc/apparmor.d/virtnestd"
#define IMAGE_RULE \
    "profile virtnestd /usr/sbin/virtnestd {\n" \
    "  /var/lib/libvirt/qemu/domain-*/virt-nest-nested-guests-running.img rw,\n}\n"
#define RULES NEST_RULES_DIRECTORY "/50.conf"
#define LOCAL_PROFILE "/etc/apparmor.d/local/usr.sbin.libvirtd"

/* By bit, the files that it lays. */
static const struct {
    guint bit;
    const char *path;
    const char *text;
} laid[] = {
    {SYSTEMD, "/run/systemd/system/x", ""},
    {SYSTEMD, "/usr/bin/systemctl", "#!/bin/sh\nexec cat \"${0%/usr/bin/*}/units\"\n"},
    {SYSTEMD, "/units", UNITS("enabled", "enabled", "active", ORDER)},
    {EMULATOR, "/usr/bin/qemu-system-x86_64", "#!/bin/sh\nexec cat \"${0%/usr/bin/*}/formats\"\n"},
    {EMULATOR, "/formats", "Supported formats: raw\nSupported formats (read-only): raw vdi vpc\n"},
    {APPARMOR, "/proc/77/attr/current", "libvirtd (enforce)\n"},
    {APPARMOR, DAEMON_PROFILE, PROFILE("  /etc/libvirt/hooks/** rmix,\n")},
    {APPARMOR, "/etc/apparmor.d/libvirt/TEMPLATE.qemu", "profile LIBVIRT_TEMPLATE {\n}\n"},
    {SELINUX, "/proc/77/attr/current", "system_u:system_r:virtqemud_t:s0"},
    {SELINUX, "/sys/fs/selinux/enforce", "1"},
    {NETWORK, "/etc/libvirt/qemu/networks/default.xml", "<ip address='192.168.122.1'/>\n"},
    {NETWORK, "/proc/net/route", "Iface\tDestination\tGateway\nvirbr0\t007AA8C0\t0\neth0\t0000000A\t0\n"},
    {APPARMOR | SELINUX, "/run/libvirtd.pid", "77\n"},
    {APPARMOR | SELINUX, "/proc/77/stat", "77 (libvirtd) S 1"},
    {APPARMOR | SELINUX, "/usr/sbin/libvirtd", ""},
    {APPARMOR | SELINUX, HOOK, ELF "virt-nest"},
};

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
    {"somebody keeps it off", "amd-off-idle", 0, "/etc/modprobe.d/hard.conf", "options kvm_amd nested=0\n",
     "nesting-now",
     "warn", "hard.conf|sudo virt-nest host enable --force"},
    {"a remove line keeps it loaded", "amd-off-idle", 0, "/etc/modprobe.d/hard.conf", "remove kvm_amd /bin/true\n",
     "nesting-now", "warn", "hard.conf|sudo virt-nest host enable --force"},
    {"no command overrules what the kernel refuses", "amd-off-idle", 0, "/proc/cmdline", "module_blacklist=kvm_amd\n",
     "nesting-now", "warn", "module_blacklist=kvm_amd|no command overrules it"},
    {"nor a setting while the module is in use", "amd-off-busy", 0, "/etc/modprobe.d/hard.conf",
     "options kvm_amd nested=0\n",
     "nesting-now", "warn", "hard.conf|no command overrules it"},
    {"the kernel hides the feature", "amd-no-svm", 0, "/proc/cmdline", "clearcpuid=svm\n", "nesting-now", "fail",
     "remove clearcpuid= from"},
    {"Xen does", "intel-no-vmx", 0, "/sys/hypervisor/type", "xen\n", "nesting-now", "warn", "no domain is tagged yet|without Xen"},
    {"no module to load", "amd-absent", 0, NULL, NULL, "nesting-now", "fail", "package of the running kernel"},
    {"built into the kernel with nesting off", "amd-builtin-off", 0, NULL, NULL, "nesting-now", "fail", "command line"},
    {"no hardware, and no domain is tagged", "intel-no-vmx", 0, NULL, NULL, "nesting-now", "warn", "no domain is tagged yet|VT-x"},
    {"... and nobody says which domains are tagged", "intel-no-vmx", ALONE, NULL, NULL, "nesting-now", "fail", "VT-x"},
    {"a vendor that nobody knows", "unknown-vendor", 0, NULL, NULL, "nesting-now", "warn", "virt-nest(1)"},
    {"no /dev/kvm", "no-device", 0, NULL, NULL, "nesting-now", "fail", "udevadm"},
    {"the next boot", "amd-on", 0, "/etc/modprobe.d/hard.conf", "options kvm_amd nested=0\n", "nesting-at-boot", "warn",
     "hard.conf:1 says nested=0"},
    {"a line without effect", "amd-on", 0, "/etc/modprobe.d/kvm.conf", "options kvm nested=1\n",
     "settings-without-effect",
     "warn", "kvm.conf:1|has no effect|sudo sed -i '1s/^/#/' /etc/modprobe.d/kvm.conf"},
    {"a parameter that costs speed", "amd-on", 0, "/sys/module/kvm_amd/parameters/npt", "N\n", "speed", "warn",
     "npt=N|very slow|grep"},
    {"none does", "amd-on", 0, "/sys/module/kvm_amd/parameters/npt", "Y\n", "speed", "pass", "kvm_amd"},
    {"everybody may use /dev/kvm", "amd-on", 0, "/dev/kvm", MODE("666"), "kvm-device", "warn", "mode 666|chmod 660"},
    {"its group may", "amd-on", 0, "/dev/kvm", MODE("660"), "kvm-device", "pass", "mode 660"},
    {"no hook", "amd-on", 0, NULL, NULL, "hook-installed", "fail", "unjudged|make install"},
    {"somebody else's hook", "amd-on", 0, "/etc/libvirt/hooks/qemu", "#!/bin/sh\n", "hook-installed", "fail",
     "unjudged"},
    {"somebody else's hook that names us", "amd-on", 0, "/etc/libvirt/hooks/qemu", "#!/bin/sh\n# not virt-nest\n", "hook-installed",
     "fail", "unjudged"},
    {"ours, beside it", "amd-on", 0, "/etc/libvirt/hooks/qemu.d/50-virt-nest", ELF "virt-nest", "hook-installed", "pass",
     "qemu.d"},
    {"ours, not executable", "amd-on", 0, "/etc/libvirt/hooks/qemu", ELF "virt-nest", "hook-executable", "fail",
     "sudo chmod 755 /etc/libvirt/hooks/qemu"},
    {"ours, without its judge", "amd-on", 0, "/etc/libvirt/hooks/qemu", ELF "virt-nest", "hook-whole", "fail",
     "qemu-hook.so|refused"},
    {"virtnestd runs", "amd-on", DAEMON, NULL, NULL, "virtnestd-running", "pass", "runs"},
    {"one that says nothing of itself", "amd-on", DAEMON, NULL, NULL, "virtnestd-release", "fail",
     "earlier release|end virtnestd, then sudo virtnestd"},
    {"... which systemd can start anew", "amd-on", DAEMON | SYSTEMD, NULL, NULL, "virtnestd-release", "fail",
     "earlier release|sudo systemctl restart virtnestd (guards"},
    {"virtnestd does not run", "amd-on", 0, NULL, NULL, "virtnestd-running", "fail", "sudo virtnestd"},
    {"... on a host with systemd", "amd-on", 0, "/run/systemd/system/x", "", "virtnestd-running", "fail",
     "sudo systemctl start virtnestd"},
    {"a unit that is enabled", "amd-on", SYSTEMD, NULL, NULL, "virtnestd-enabled", "pass", "is enabled"},
    {"one that is not", "amd-on", SYSTEMD, "/units", UNITS("disabled", "enabled", "active", ORDER),
     "virtnestd-enabled", "warn",
     "not enabled|sudo systemctl enable virtnestd\""},
    {"one that is until the next boot", "amd-on", SYSTEMD, "/units", UNITS("enabled-runtime", "enabled", "active",
     ORDER),
     "virtnestd-enabled", "warn", "until the next boot|sudo systemctl enable virtnestd\""},
    {"one that is masked", "amd-on", SYSTEMD, "/units", UNITS("masked", "enabled", "active", ORDER),
     "virtnestd-enabled", "warn",
     "is masked|sudo systemctl unmask virtnestd && sudo systemctl enable virtnestd\""},
    {"the masked one does not run", "amd-on", SYSTEMD, "/units", UNITS("masked-runtime", "enabled", "active", ORDER),
     "virtnestd-running", "fail", "sudo systemctl unmask --runtime virtnestd && sudo systemctl start virtnestd\""},
    {"one that is not there", "amd-on", SYSTEMD, "/units",
     "Id=virtnestd.service\nLoadState=not-found\nUnitFileState=\n",
     "virtnestd-enabled", "warn",
     "not installed|sudo make install && sudo systemctl daemon-reload && sudo systemctl enable"},
    {"systemd does not answer", "amd-on", SYSTEMD, "/usr/bin/systemctl", "#!/bin/sh\nexit 1\n", "virtnestd-enabled",
     "unknown",
     "does not answer"},
    {"the other one", "amd-on", SYSTEMD, "/units", UNITS("enabled", "disabled", "active", ORDER), "drain-enabled",
     "warn",
     "sudo systemctl enable virt-nest-drain"},
    {"it waits for the shutdown", "amd-on", SYSTEMD, NULL, NULL, "drain-waits", "pass", "waits"},
    {"it does not", "amd-on", SYSTEMD, "/units", UNITS("enabled", "enabled", "inactive", ORDER), "drain-waits", "warn",
     "does nothing|sudo systemctl start virt-nest-drain"},
    {"it drains before libvirt-guests", "amd-on", SYSTEMD, NULL, NULL, "drain-order", "pass", "before libvirt-guests"},
    {"somebody's unit has no order", "amd-on", SYSTEMD, "/units",
     UNITS("enabled", "enabled", "active", REVISED("After=basic.target")), "drain-order", "warn",
     "/etc/systemd/system/virt-nest-drain.service does not|sudo systemctl revert virt-nest-drain\""},
    {"somebody's order is the reverse", "amd-on", SYSTEMD, "/units",
     UNITS("enabled", "enabled", "active", ORDER "\nBefore=shutdown.target libvirt-guests.service"), "drain-order",
     "warn",
     "sudo systemctl revert virt-nest-drain\""},
    {"an installed unit without it", "amd-on", SYSTEMD, "/units",
     UNITS("enabled", "enabled", "active",
     "FragmentPath=/lib/systemd/system/virt-nest-drain.service\nAfter=basic.target"),
     "drain-order", "warn", "sudo make install"},
    {"libvirt leaves guests alone", "amd-on", SYSTEMD | ALONE, NULL, NULL, "auto-shutdown", "pass",
     "leaves guests alone"},
    {"a setting that is commented out", "amd-on", SYSTEMD | ALONE, "/etc/libvirt/qemu.conf",
     "#auto_shutdown_poweroff = \"all\"\n",
     "auto-shutdown", "pass", "leaves guests alone"},
    {"libvirt powers guests off", "amd-on", SYSTEMD | ALONE, "/etc/libvirt/qemu.conf",
     "auto_shutdown_poweroff = \"all\"\n",
     "auto-shutdown", "warn",
     "auto_shutdown_poweroff=all|powers guests off|sudo sed -i|sudo systemctl reset-failed libvirtd.socket libvirtd; sudo"},
    {"libvirt saves guests, and libvirt-guests does", "amd-on", SYSTEMD | ALONE, "/etc/libvirt/qemu.conf",
     "  auto_shutdown_try_save=\"persistent\" # both\n", "auto-shutdown", "warn",
     "try_save=persistent|only one of them|#&"},
    {"libvirt shuts guests down, and libvirt-guests does", "amd-on", SYSTEMD | ALONE, "/etc/libvirt/qemu.conf",
     "auto_shutdown_try_shutdown = 'all'\n", "auto-shutdown", "warn", "try_shutdown=all|only one of them"},
    {"libvirt alone saves guests", "amd-on", ALONE, "/etc/libvirt/qemu.conf",
     "auto_shutdown_try_save = \"persistent\"\n",
     "auto-shutdown", "pass", "virt-nest drain shuts them down"},
    {"libvirt does not start with that value", "amd-on", ALONE, "/etc/libvirt/qemu.conf",
     "auto_shutdown_try_save = \"all\"\n",
     "auto-shutdown", "fail", "does not start|sudo sed -i|; sudo libvirtd --daemon"},
    {"another key that begins so", "amd-on", ALONE, "/etc/libvirt/qemu.conf", "auto_shutdown_poweroffs = \"all\"\n",
     "auto-shutdown",
     "pass", "leaves guests alone"},
    {"a QEMU that has a format", "amd-on", EMULATOR, NULL, NULL, "guard-formats", "pass",
     "qemu-system-x86_64|vdi, vpc"},
    {"one that opens it only with writing", "amd-on", EMULATOR, "/formats",
     "Supported formats: raw vdi\nSupported formats (read-only): raw\n", "guard-formats", "fail", "no block format"},
    {"one that has none", "amd-on", EMULATOR, "/formats", "Supported formats: raw qcow2 vdi2\n", "guard-formats",
     "fail",
     "no block format|install a QEMU"},
    {"one that has not what the settings name", "amd-on", EMULATOR, NEST_CONFIG_FILE,
     "[guard-blocker]\nformats=vmdk, qcow\n",
     "guard-formats", "fail", "formats=vmdk, qcow|it has vdi, vpc|sudo sed -i"},
    {"one that has one of them", "amd-on", EMULATOR, NEST_CONFIG_FILE, "[guard-blocker]\nformats = vmdk vpc\n",
     "guard-formats",
     "pass", "guard: vpc (man"},
    {"one that cannot be run", "amd-on", EMULATOR, "/usr/bin/qemu-system-x86_64", "#!/bin/sh\nexit 1\n",
     "guard-formats", "fail",
     "cannot be run|qemu-system-x86_64 --version"},
    {"no QEMU", "amd-on", 0, NULL, NULL, "guard-formats", "fail", "no QEMU|apt install qemu-system-x86"},
    {"no plugin that guards", "amd-on", 0, NULL, NULL, "guard-plugin", "fail", "guard-blocker.so|sudo make install"},
    {"it is there", "amd-on", 0, NEST_PLUGINDIR "/guard-blocker.so", "", "guard-plugin", "pass", "is there"},
    {"nothing confines libvirt's daemon", "amd-on", APPARMOR, "/proc/77/attr/current", "unconfined\n", "hook-label",
     "pass", "neither"},
    {"a profile that complains only", "amd-on", APPARMOR, "/proc/77/attr/current", "libvirtd (complain)\n",
     "hook-label", "pass",
     "neither"},
    {"AppArmor lets it run the hook", "amd-on", APPARMOR, NULL, NULL, "hook-label", "pass", "usr.sbin.libvirtd:5)"},
    {"no rule does, but one of a child", "amd-on", APPARMOR, DAEMON_PROFILE, PROFILE(""), "hook-label", "fail",
     "no rule in|sudo tee -a " LOCAL_PROFILE " && sudo apparmor_parser -r " DAEMON_PROFILE},
    {"a rule of this host does", "amd-on", APPARMOR, DAEMON_PROFILE,
     PROFILE("  file /etc/libvirt/hooks/{qemu,lxc} ix,\n"),
     "hook-label", "pass", "AppArmor lets"},
    {"one that lets it read only", "amd-on", APPARMOR, DAEMON_PROFILE, PROFILE("  /etc/libvirt/hooks/** r,\n"),
     "hook-label",
     "fail", "no rule in"},
    {"one that matches no directory", "amd-on", APPARMOR, DAEMON_PROFILE, PROFILE("  /etc/*/qemu ix,\n"), "hook-label",
     "fail",
     "no rule in"},
    {"this host denies it", "amd-on", APPARMOR, LOCAL_PROFILE, "# ours\naudit deny \"/etc/libvirt/hooks/*\" wx,\n",
     "hook-label",
     "fail", "local/usr.sbin.libvirtd:2 denies|sudo sed -i '2s/^/#/' " LOCAL_PROFILE " && sudo apparmor_parser"},
    {"whatever the name of the profile", "amd-on", APPARMOR, "/proc/77/attr/current", "other (enforce)\n",
     "hook-label", "pass", "AppArmor lets"},
    {"no rule keeps QEMU from the image", "amd-on", APPARMOR, NULL, NULL, "guard-image", "pass", "no rule"},
    {"one does", "amd-on", APPARMOR, "/etc/apparmor.d/local/abstractions/libvirt-qemu",
     "deny /var/lib/libvirt/** rw,\n",
     "guard-image", "fail", "libvirt-qemu:1|no guard can be armed|sudo sed -i '1s/^/#/'"},
    {"virtnestd's profile is as it came", "amd-on", APPARMOR, VIRTNESTD_PROFILE, IMAGE_RULE, "guard-image", "pass", "or virtnestd"},
    {"a host denies virtnestd the image", "amd-on", APPARMOR, VIRTNESTD_PROFILE,
     "profile virtnestd /usr/sbin/virtnestd {\n  audit deny /var/lib/libvirt/qemu/** w,\n}\n", "guard-image", "fail",
     "keeps virtnestd|virtnestd:2|sudo sed -i '2s/^/#/' " VIRTNESTD_PROFILE " && sudo apparmor_parser -r " VIRTNESTD_PROFILE},
    {"SELinux with our module", "amd-on", SELINUX, HOOK, LABEL("virt_nest_hook_exec_t"), "hook-label", "pass",
     "virtqemud_t|in a domain of its own"},
    {"SELinux keeps virtqemud from the hook", "amd-on", SELINUX, HOOK, LABEL("virt_hook_t"), "hook-label", "fail",
     "virtqemud_t|virt_hook_t|no domain starts|sudo semanage fcontext -a -t bin_t " HOOK " && sudo restorecon -F "
     HOOK},
    {"SELinux lets it run a program", "amd-on", SELINUX, HOOK, LABEL("bin_t"), "hook-label", "pass",
     "bin_t|left to virtnestd"},
    {"SELinux, and another daemon", "amd-on", SELINUX, "/proc/77/attr/current", "system_u:system_r:other_t:s0",
     "hook-label",
     "unknown", "other_t|next start"},
    {"SELinux that only warns", "amd-on", SELINUX, "/sys/fs/selinux/enforce", "0", "hook-label", "pass", "neither"},
    {"settings with a mistake", "amd-on", BAD_CONFIG, NULL, NULL, "settings", "fail",
     "on-stale|no virtnestd starts|sudo systemctl start virtnestd"},
    {"... while a virtnestd runs", "amd-on", BAD_CONFIG | DAEMON, NULL, NULL, "settings", "fail",
     "goes on with those that it had|sudo systemctl reload virtnestd"},
    {"no rules", "amd-on", 0, NULL, NULL, "rules", "pass", "there are none"},
    {"a rule", "amd-on", 0, RULES, "[lab]\nmatch=name='a'\ntag=enable\n[b]\nmatch=true()\ntag=disable\n", "rules", "pass",
     "2 in /etc/virt-nest/rules.d, and none"},
    {"a rule with a mistake", "amd-on", 0, RULES, "[lab]\nmatch=name='a'\ntag=enable\n[b]\nmatch=name[\ntag=disable\n",
     "rules", "fail", "rules.d/50.conf:5: [b] match|stays as it is|correct /etc/virt-nest/rules.d/50.conf, then sudo systemctl start"},
    {"... which a virtnestd that runs has read", "amd-on", DAEMON, RULES, "[lab]\nmatch=true()\ntag=enabled\n", "rules", "fail",
     "50.conf:3|did you mean 'enable'?|sudo systemctl reload virtnestd"},
    {"rules that are no file", "amd-on", 0, RULES "/x", "", "rules", "fail", "50.conf: it is not a file"},
    {"libvirt answers", "amd-on", 0, NULL, NULL, "libvirt-reachable", "pass", LIBVIRT},
    {"no domain has a problem", "amd-on", 0, NULL, NULL, "domains", "pass", "0 tagged"},
    {"a guest whose host gives it nothing", "intel-no-vmx", 0, "/proc/cpuinfo",
     "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor\n\n", "guest-feature", "warn",
     "gives it no vmx|virt-nest enable DOMAIN"},
    {"a guest of another maker", "intel-no-vmx", GUEST, "/sys/class/dmi/id/sys_vendor", "VMware, Inc.\n",
     "guest-feature", "warn",
     "vhv.enable"},
    {"a guest that hides it itself", "amd-no-svm", GUEST, "/proc/cmdline", "clearcpuid=svm\n", "guest-feature", "pass",
     "a kernel argument here hides it"},
    {"libvirt's network is not that of the guest", "amd-on", GUEST | NETWORK, NULL, NULL, "guest-network", "pass",
     "does not clash"},
    {"it is", "amd-on", GUEST | NETWORK, "/proc/net/route", "Iface\tDestination\tGateway\neth0\t007AA8C0\t0\n",
     "guest-network",
     "warn", "no way out|sudo virsh net-define"},
    {"a guest that has all", "amd-on", 0, "/proc/cpuinfo",
     "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu svm hypervisor\n\n", "guest-feature", "pass", "svm"},
    {"nesting is off now and then", "amd-off-idle", 0, "/etc/modprobe.d/hard.conf", "options kvm_amd nested=0\n",
     "nesting-at-boot", "pass", "off: /etc/modprobe.d/hard.conf:1"},
    {"a blacklist that counts at the next boot", "amd-on", 0, "/etc/modprobe.d/hard.conf", "blacklist kvm_amd\n",
     "nesting-at-boot", "warn", "not loaded by itself: /etc/modprobe.d/hard.conf:1|remove that setting"},
    {"a kernel that lacks fixes, and nesting is on", "amd-on", KERNEL, NULL, NULL, "advisory", "fail",
     "6.1.150-1|CVE-2026-46113|apt"},
    {"... and nesting is off", "amd-off-idle", KERNEL, NULL, NULL, "advisory", "warn", "6.1.150-1|CVE-2026-46113"},
    {"... and a live patch", "amd-on", KERNEL, "/sys/kernel/livepatch/kpatch_1/enabled", "1\n", "advisory", "unknown",
     "live patch kpatch_1"},
    {"... and is of nobody's list", "amd-on", KERNEL, "/proc/sys/kernel/version", "#1 SMP\n", "advisory", "unknown",
     "6.1.0-40-amd64|CVE-2026-46113, CVE-2026-53359|ask who makes it"},
    {"... and no guest can nest by KVM", "intel-no-vmx", KERNEL, NULL, NULL, "advisory", "pass", "none can break out"},
    {"advisories that are not there", "amd-on", 0, NULL, NULL, "advisory", "unknown", "advisories.conf"},
};

static void
put(const World *world, const char *path, const char *text)
{
    g_autofree gchar *below = g_strconcat("/root", path, NULL);
    g_autofree gchar *full = g_strconcat(world->root, path, NULL);

    put_file(world, below, text[0] == '\001' ? "" : text[0] == '\002' ? ELF "virt-nest" : text);
    if (text[0] == '\001')
        g_assert_cmpint(g_chmod(full, (int)g_ascii_strtoll(text + 1, NULL, 8)), ==, 0);
    if (text[0] == '\002')
        g_assert_cmpint(setxattr(full, "security.selinux", text + 1, strlen(text + 1) + 1, 0), ==, 0);
    if (g_str_has_prefix(text, "#!"))
        g_assert_cmpint(g_chmod(full, 0755), ==, 0);
}

/* The flags of a laid-out CPU, with the one that Linux gives a guest's. */
static void
become_guest(const World *world)
{
    g_autofree gchar *path = g_strconcat(world->root, "/proc/cpuinfo", NULL);
    g_autofree gchar *text = NULL;
    g_auto(GStrv) parts = NULL;
    g_autofree gchar *changed = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    parts = g_strsplit(text, "flags\t\t:", 2);
    changed = g_strjoinv("flags\t\t: hypervisor", parts);
    g_assert_true(g_file_set_contents(path, changed, -1, NULL));
}

static void
lay(const World *world)
{
    for (gsize i = 0; i < G_N_ELEMENTS(laid); i++)
        if (world->given & laid[i].bit)
            put(world, laid[i].path, laid[i].text);
    if (world->given & GUEST)
        become_guest(world);
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
    lay(world);
    if (rows[i].path)
        put(world, rows[i].path, rows[i].text);
    result = doctor(world, rows[i].given & ALONE ? NO_LIBVIRT : LIBVIRT, "--json");
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
