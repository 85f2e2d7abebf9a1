/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest host and check-host as a program, on laid-out hosts: what is said, what is written, and the exit
 * status. What the kernel does is for the tiers that have one (tests/vm-amd, tests/vm-intel). */
#include "check.h"
#include "world.h"

#include "host/modprobe_conf.h"

#define PROGRAM "virt-nest"
#define OURS "/etc/modprobe.d/virt-nest.conf"
#define OUR_TEXT "options kvm_amd nested=1\n"

/* What stands on the host besides what tests/fakes/hosts has. */
enum {
    WEB = 1 << 0,       /* an untagged domain that lets the feature through, and a tagged one */
    KEPT_OFF = 1 << 1,  /* somebody's nested=0 */
    KEPT_LAST = 1 << 2, /* ... in a file that is read after ours */
    KEPT_BOOT = 1 << 3, /* ... on the kernel's command line */
    DROP_IN = 1 << 4,   /* ours is there */
    INITRAMFS = 1 << 5, /* the initramfs loads the module */
    USER = 1 << 6,      /* a domain and another process use it */
    STRANGER = 1 << 11, /* only the other process does */
    NPT = 1 << 7,       /* the module shows a parameter that is off */
    VIRTUALBOX = 1 << 8,
    REMOVE = 1 << 9,    /* a remove line */
    BLACKLIST = 1 << 10,
};

static const struct {
    guint bit;
    const char *path;
    const char *text;
} files[] = {
    {WEB, "/etc/libvirt/qemu/web1.xml", "<domain type='kvm'><name>web1</name><cpu mode='host-passthrough'/></domain>"},
    {WEB, "/etc/libvirt/qemu/lab1.xml",
     "<domain type='kvm'><name>lab1</name><metadata>" TAG "</metadata>" PASSTHROUGH "</domain>"},
    {WEB, "/etc/libvirt/qemu/esc.xml",
     "<domain type='kvm'><name>a\xc2\x9b" "31m</name><cpu mode='host-model'/></domain>"},
    {KEPT_OFF, "/etc/modprobe.d/kvm.conf", "# safety\noptions kvm_amd nested=0\n"},
    {KEPT_LAST, "/etc/modprobe.d/zz.conf", "options kvm-amd nested=0\n"},
    {KEPT_BOOT, "/proc/cmdline", "quiet kvm_amd.nested=0\n"},
    {DROP_IN, OURS, OUR_TEXT},
    {INITRAMFS, "/etc/initramfs-tools/modules", "kvm_amd\n"},
    {USER, "/proc/812/comm", "qemu-system-x86\n"},
    {USER | STRANGER, "/proc/90/comm", "crosvm\n"},
    {NPT, "/sys/module/kvm_amd/parameters/npt", "N\n"},
    {VIRTUALBOX, "/sys/module/vboxdrv/refcnt", "0\n"},
    {REMOVE, "/etc/modprobe.d/off.conf", "remove kvm_amd /bin/true\n"},
    {BLACKLIST, "/etc/modprobe.d/off.conf", "blacklist kvm_amd\n"},
};

#define SAME "=" /* the drop-in is as it was */

/* One command line on one host. */
typedef struct {
    const char *sentence;  /* what the case shows */
    const char *host;      /* below tests/fakes/hosts */
    guint given;           /* bits */
    const char *arguments; /* as a shell would split them */
    int status;            /* the exit status */
    const char *out;       /* pieces of standard output; NULL for nothing at all */
    const char *err;       /* pieces of standard error; NULL for nothing at all */
    const char *ours;      /* pieces of the drop-in then; SAME; NULL: it is not there */
} Case;

static const Case shown[] = {
    {"a host that is ready", "amd-on", 0, "host", 0,
     "vendor              AMD\nmodule              kvm_amd\nstate               on: loaded, nesting on\n"
     "nesting now         on\n|the kernel's default (on since 4.20), as nobody sets it\n|used by             nobody\n|"
     "plan                nothing: nesting is on\n|none whose CPU lets svm through",
     NULL, NULL},
    {"IBM Z, where the kernel's default is off", "ibm-off-idle", 0, "host", 0,
     "vendor              IBM\nmodule              kvm\nstate               off-idle|off, which is the kernel's default|"
     "unload kvm and load it with nesting on|none whose CPU lets sief2 through",
     NULL, NULL},
    {"Arm with nesting on", "arm-on", 0, "host --json", 0,
     "\"state\" : \"on\"|\"vendor\" : \"arm\"|\"persistent\" : true|\"safe\" : true", NULL, NULL},
    {"Arm, where the kernel's command line decides", "arm-off", 0, "host", 0,
     "vendor              Arm\n|builtin-off: built into the kernel, nesting off\n|kvm-arm.mode=|FEAT_NV2 [NEST-HOST-BUILTIN]", NULL,
     NULL},
    {"a host that can be made ready", "intel-off-idle", 0, "host", 0,
     "Intel\n|kvm_intel\n|off-idle: loaded, nesting off, nobody uses it|nesting now         off\n|"
     "unload kvm_intel and load it with nesting on|virt-nest host",
     NULL, NULL},
    {"who uses the module", "amd-off-busy", USER, "host", 0,
     "off-busy: loaded, nesting off, in use\n|used by             crosvm (pid 90), domain web1 (pid 812)\n|"
     "plan                nothing: |[NEST-HOST-BUSY]",
     NULL, NULL},
    {"a user that cannot be seen", "amd-off-busy", 0, "host", 0,
     "used by             a process that cannot be seen from here\n", NULL, NULL},
    {"nobody holds the module", "amd-off-idle", 0, "host drain-plan", 0,
     "0 processes hold kvm_amd\nthen: virt-nest host enable --now\n", NULL, NULL},
    {"a module that is not there yet", "amd-bad-value", 0, "host drain-plan", 0, "0 processes hold kvm_amd\nthen: ", NULL,
     NULL},
    {"a process that is not libvirt's holds it", "amd-off-busy", STRANGER, "host drain-plan", 0,
     "1 process holds kvm_amd\n 1. crosvm (pid 90): it is not a domain of this libvirt: |\n      ps -o pid,user,args -p 90\n"
     "then: virt-nest host enable --now\n",
     NULL, NULL},
    {"the same for programs", "amd-off-busy", STRANGER, "host drain-plan --json", 0,
     "\"module\" : \"kvm_amd\"|\"state\" : \"off-busy\"|\"unseen\" : false|\"name\" : \"crosvm\"|\"uuid\" : null|\"pid\" : 90|"
     "\"action\" : \"other\"|\"migrate\" : null|\"stop\" : \"ps |\"then\" : \"virt-nest host enable --now\"|\"refused\" : null",
     NULL, NULL},
    {"somebody's nested=0 stands against the reload", "amd-off-busy", STRANGER | KEPT_OFF, "host drain-plan", 0,
     "then: |/etc/modprobe.d/kvm.conf:2", NULL, NULL},
    {"nesting is on: it is loaded anew as it is", "amd-on", 0, "host drain-plan", 0,
     "then: modprobe -r kvm_amd && modprobe kvm_amd\n", NULL, NULL},
    {"somebody holds it who cannot be seen", "amd-off-busy", 0, "host drain-plan", 0, "cannot be seen from here", NULL, NULL},
    {"a plan for a module that is built in", "amd-builtin-off", 0, "host drain-plan", 0, "then: |kvm_amd.nested=1", NULL, NULL},
    {"a host without the hardware has no plan", "amd-no-svm", 0, "host drain-plan", 1, NULL, "[NEST-HOST-HARDWARE]\n", NULL},
    {"a domain holds it, and libvirt cannot be asked", "amd-off-busy", USER, "-c qemu+unix:///system?socket=/none host drain-plan",
     1, NULL, "[NEST-LIBVIRT]\n", NULL},
    {"an argument", "amd-on", 0, "host drain-plan web1", 2, NULL, "virt-nest host drain-plan --help|[NEST-USAGE]\n", NULL},
    {"who decides the next boot", "amd-on", KEPT_OFF | KEPT_LAST | DROP_IN, "host", 0,
     "at the next boot    off: /etc/modprobe.d/zz.conf:1 says nested=0\n|"
     "                    no effect: /etc/modprobe.d/kvm.conf:2 says nested=0\n|"
     "                    no effect: " OURS ":1 says nested=1\n",
     NULL, SAME},
    {"the initramfs and its copy", "amd-on", DROP_IN | INITRAMFS, "host", 0,
     "at the next boot    on: " OURS ":1 says nested=1\n|the initramfs loads kvm_amd with its own copy", NULL, SAME},
    {"somebody's nested=0 in the plan", "amd-off-idle", KEPT_OFF, "host", 0,
     "plan                nothing: |/etc/modprobe.d/kvm.conf:2|--force|[NEST-HOST-KEPT-OFF]", NULL, NULL},
    {"untagged domains that would gain, harmless", "amd-off-idle", WEB, "host", 0,
     "untagged domains    a\\xc2\\x9b31m, web1: these get svm, too, at each start", NULL, NULL},
    {"untagged domains that have it", "amd-on", WEB, "host", 0, "web1: these get svm, too, at each start\n", NULL, NULL},
    {"a parameter and what it costs", "amd-on", NPT, "host", 0, "npt                 N: |very slow", NULL, NULL},
    {"a module that is built in", "amd-builtin-off", KEPT_OFF, "host", 0,
     "builtin-off: built into the kernel, nesting off\n|as it is now, because no kernel argument sets it|"
     "no effect: /etc/modprobe.d/kvm.conf:2|kvm_amd.nested=1|[NEST-HOST-BUILTIN]",
     NULL, NULL},
    {"no module to load", "amd-absent", 0, "host", 0,
     "absent: not loaded, and this kernel has none to load\n|[NEST-HOST-ABSENT]", NULL, NULL},
    {"no hardware", "intel-no-vmx", WEB, "host", 0,
     "no-hardware: the CPU shows neither VMX nor SVM\n|[NEST-HOST-HARDWARE]", NULL, NULL},
    {"another vendor", "unknown-vendor", WEB, "host", 0,
     "vendor              unknown\nmodule              none\n|no-hardware: nothing is known of this CPU|"
     "[NEST-HOST-VENDOR]",
     NULL, NULL},
    {"a value that the kernel refuses, and what it takes", "amd-bad-value", 0, "host", 0,
     "at the next boot    not loaded: /etc/modprobe.d/nesting.conf:2 says nested=Y,\n                    which kvm_amd "
     "refuses: write nested=1\n|no effect: /etc/modprobe.d/nesting.conf:1 says",
     NULL, NULL},
    {"an install line keeps the module away", "intel-kept-away", 0, "host", 0,
     "at the next boot    not loaded: /etc/modprobe.d/hardening.conf:3 says install\n", NULL, NULL},
    {"the kernel's command line keeps it away", "intel-blacklisted", 0, "host", 0,
     "at the next boot    not loaded: /proc/cmdline:1 says module_blacklist=kvm_intel\n", NULL, NULL},
    {"a built-in module's argument is to be replaced", "intel-builtin-argument", 0, "host", 0,
     "off: /proc/cmdline:1 says nested=0\n|no effect: /etc/modprobe.d/nesting.conf:1 says nested=1\n|"
     "kvm-intel.nested=0|kvm-intel.nested=1|[NEST-HOST-BUILTIN]",
     NULL, NULL},
    {"lines that do nothing, and the one that does", "amd-mistakes", 0, "host", 0,
     "on: /etc/modprobe.d/nesting.conf:4 says nested=1\n|no effect: /etc/modprobe.d/nesting:1 says|*.conf|"
     "no effect: /etc/modprobe.d/nesting.conf:1 says|has no parameter|no effect: /etc/modprobe.d/nesting.conf:2 says|"
     "host's module is|no effect: /etc/modprobe.d/nesting.conf:3 says|no command",
     NULL, NULL},
    {"--help of host", "amd-on", 0, "host --help", 0, "virt-nest host|enable|disable|--json", NULL, NULL},
    {"host with another word", "amd-on", 0, "host frobnicate", 2, NULL,
     "enable, disable or drain-plan|virt-nest host --help|[NEST-USAGE]", NULL},
    {"host takes no connection", "amd-on", 0, "host -c test:///default", 2, NULL, "[NEST-USAGE]", NULL},
    {"check-host on a ready host", "intel-on", 0, "check-host", 0, "can have nested guests (kvm_intel)\n", NULL, NULL},
    {"check-host on one that is not", "amd-off-idle", 0, "check-host", 1, NULL,
     "nest: |virt-nest host enable|[NEST-HOST-OFF]\n", NULL},
    {"check-host does not name a command that would be refused", "amd-off-idle", KEPT_OFF, "check-host", 1, NULL,
     "nesting is kept off by /etc/modprobe.d/kvm.conf:2|--force|[NEST-HOST-KEPT-OFF]\n", NULL},
    {"nor a forced one that does not help", "amd-off-idle", KEPT_LAST, "check-host", 1, NULL,
     "/etc/modprobe.d/zz.conf:1 (options kvm-amd nested=0), which is read after|remove that line [NEST-HOST-KEPT-OFF]\n", NULL},
    {"nor one against a kernel argument", "amd-off-idle", KEPT_BOOT, "check-host", 1, NULL,
     "kernel argument kvm_amd.nested=0|boot again [NEST-HOST-KEPT-OFF]\n", NULL},
    {"nor while the module is in use", "amd-off-busy", KEPT_OFF | USER, "check-host", 1, NULL,
     "in use by|domain web1 (pid 812): stop that first; besides, nesting is kept off by|[NEST-HOST-KEPT-OFF]\n", NULL},
    {"another hypervisor", "amd-off-idle", VIRTUALBOX, "host", 0, "other hypervisors   VirtualBox (module vboxdrv): ", NULL, NULL},
    {"a blacklist line counts at the next boot though the module is loaded", "amd-on", BLACKLIST | DROP_IN, "host", 0,
     "at the next boot    not loaded by itself: /etc/modprobe.d/off.conf:1 says\n                    blacklist kvm_amd\n|"
     "no effect: " OURS ":1 says nested=1\n",
     NULL, SAME},
    {"check-host without a device", "no-device", 0, "check-host", 1, NULL, "[NEST-HOST-DEVICE]\n", NULL},
    {"check-host with an argument", "amd-on", 0, "check-host lab1", 2, NULL,
     "no argument|virt-nest check-host --help|[NEST-USAGE]", NULL},
};

static const Case objects[] = {
    {"a ready host", "hygon-on", DROP_IN, "host --json", 0,
     "\"state\" : \"on\"|\"vendor\" : \"hygon\"|\"module\" : \"kvm_amd\"|\"nested\" : true|"
     "\"persistent\" : true|\"file\" : \"" OURS "\",\n    \"line\" : 1,\n    \"value\" : \"1\"|"
     "\"users\" : []|\"plan\" : \"nothing: nesting is on\"|\"safe\" : true|\"problem\" : null|\"exposed\" : []",
     NULL, SAME},
    {"one that can be made ready", "amd-off-idle", NPT | WEB, "host --json", 0,
     "\"state\" : \"off-idle\"|\"nested\" : false|\"persistent\" : false|\"winner\" : null|"
     "\"plan\" : \"unload kvm_amd and load it with nesting on\"|\"safe\" : true|\"problem\" : null|"
     "\"npt\" : {\n      \"value\" : \"N\",\n      \"meaning\" : |\"slow\" : true|"
     "\"exposed\" : [\n    \"a\xc2\x9b" "31m\",\n    \"web1\"\n  ]",
     NULL, NULL},
    {"one in use", "amd-off-busy", USER, "host --json", 0,
     "\"state\" : \"off-busy\"|\"pid\" : 90,\n      \"name\" : \"crosvm\",\n      \"domain\" : false|"
     "\"pid\" : 812,\n      \"name\" : \"web1\",\n      \"domain\" : true|\"safe\" : false|"
     "\"code\" : \"NEST-HOST-BUSY\"|\"problem\" : \"kvm_amd",
     NULL, NULL},
    {"somebody's nested=0", "amd-off-idle", KEPT_BOOT | DROP_IN, "host --json", 0,
     "\"persistent\" : false|\"file\" : \"/proc/cmdline\"|\"safe\" : false|\"code\" : \"NEST-HOST-KEPT-OFF\"", NULL,
     SAME},
    {"built in, where no file counts", "amd-builtin-off", DROP_IN, "host --json", 0,
     "\"state\" : \"builtin-off\"|\"persistent\" : false|\"winner\" : null|\"safe\" : false", NULL, SAME},
    {"no module", "amd-absent", 0, "host --json", 0, "\"state\" : \"absent\"|\"parameters\" : {", NULL, NULL},
    {"no hardware", "intel-no-vmx", 0, "host --json", 0,
     "\"state\" : \"no-hardware\"|\"vendor\" : \"intel\"|\"module\" : \"kvm_intel\"", NULL, NULL},
    {"another vendor", "unknown-vendor", 0, "host --json", 0,
     "\"vendor\" : null|\"module\" : null|\"winner\" : null|\"code\" : \"NEST-HOST-VENDOR\"|\"parameters\" : {|"
     "\"exposed\" : []",
     NULL, NULL},
};

static const Case settings[] = {
    {"a value that the kernel refuses", "amd-bad-value", 0, "host --json", 0,
     "\"persistent\" : false|\"kind\" : \"nested\",\n      \"file\" : \"/etc/modprobe.d/nesting.conf\",\n      \"line\" : 2,\n"
     "      \"text\" : \"options kvm-amd nested=Y\",\n      \"value\" : \"Y\",\n      \"effect\" : true,\n      \"reason\" : null|"
     "\"kind\" : \"mistake\"|\"this host's module is kvm_amd\"",
     NULL, NULL},
    {"what keeps the module away", "intel-kept-away", 0, "host --json", 0,
     "\"persistent\" : false|\"kind\" : \"install\"|\"text\" : \"install kvm_intel /bin/false\",\n      \"value\" : null,\n"
     "      \"effect\" : true|\"text\" : \"install kvm /bin/false\",\n      \"value\" : null,\n      \"effect\" : false",
     NULL, NULL},
    {"both lists of the kernel's command line", "intel-blacklisted", 0, "host --json", 0,
     "\"kind\" : \"blacklist\"|\"text\" : \"modprobe.blacklist=kvm_intel\"|\"kind\" : \"module-blacklist\"|"
     "\"text\" : \"module_blacklist=kvm_intel\",\n      \"value\" : null,\n      \"effect\" : true",
     NULL, NULL},
    {"all settings, with the one that decides", "amd-on", KEPT_OFF | KEPT_LAST | DROP_IN, "host --json", 0,
     "\"text\" : \"options kvm_amd nested=0\",\n      \"value\" : \"0\",\n      \"effect\" : false|"
     "\"text\" : \"options kvm_amd nested=1\",\n      \"value\" : \"1\",\n      \"effect\" : false|"
     "\"text\" : \"options kvm-amd nested=0\",\n      \"value\" : \"0\",\n      \"effect\" : true",
     NULL, SAME},
    {"a remove line, which counts now only", "amd-off-idle", REMOVE, "host --json", 0,
     "\"persistent\" : false|\"kind\" : \"remove\"|\"text\" : \"remove kvm_amd /bin/true\",\n      \"value\" : null,\n"
     "      \"effect\" : true|\"code\" : \"NEST-HOST-KEPT-OFF\"",
     NULL, NULL},
    {"a blacklist line beside a loaded module, for programs", "amd-on", BLACKLIST | DROP_IN, "host --json", 0,
     "\"persistent\" : false|\"kind\" : \"blacklist\"|\"effect\" : true", NULL, SAME},
    {"other hypervisors", "amd-off-idle", VIRTUALBOX, "host --json", 0, "\"others\" : [\n    \"VirtualBox (module vboxdrv)\"", NULL,
     NULL},
    {"none", "unknown-vendor", 0, "host --json", 0, "\"settings\" : []|\"others\" : []", NULL, NULL},
};

static const Case changes[] = {
    {"a value that the kernel refuses: no line of ours helps", "amd-bad-value", 0, "host enable --boot --force", 1, NULL,
     "/etc/modprobe.d/nesting.conf:2 (options kvm-amd nested=Y)|write nested=1 there|[NEST-HOST-VALUE]\n", NULL},
    {"nor against an install line", "intel-kept-away", 0, "host enable --boot --force", 1, NULL,
     "/etc/modprobe.d/hardening.conf:3 (install kvm_intel /bin/false)|remove that line|[NEST-HOST-KEPT-OFF]\n", NULL},
    {"nor against module_blacklist=", "intel-blacklisted", 0, "host enable --boot --force", 1, NULL,
     "kernel argument module_blacklist=kvm_intel|the kernel refuses it|[NEST-HOST-KEPT-OFF]\n", NULL},
    {"enable where nesting is on keeps it on", "amd-on", WEB, "host enable", 0,
     "now: nothing to do, nesting is on\nat the next boot: on: " OURS ":2 says nested=1\n", NULL,
     "options kvm_amd nested=1\n"},
    {"enable once more", "amd-on", DROP_IN, "host enable", 0,
     "now: nothing to do, nesting is on\nat the next boot: nothing to do, on: " OURS ":1 says nested=1\n", NULL, SAME},
    {"enable once more beside a blacklist line", "amd-on", DROP_IN | BLACKLIST, "host enable", 0,
     "now: nothing to do, nesting is on\nat the next boot: not loaded by itself: /etc/modprobe.d/off.conf:1 says blacklist",
     NULL, SAME},
    {"enable --now writes nothing", "amd-on", 0, "host enable --now", 0, "now: nothing to do, nesting is on\n", NULL, NULL},
    {"enable --boot leaves the module alone", "intel-off-idle", 0, "host enable --boot", 0,
     "at the next boot: on: " OURS ":2 says nested=1\n", NULL, "options kvm_intel nested=1\n"},
    {"enable --now --boot is both", "amd-on", 0, "host enable --now --boot", 0, "now: |at the next boot: on", NULL,
     "nested=1"},
    {"a user of the module keeps it as it is, and the next boot has nesting", "amd-off-busy", USER | WEB,
     "host enable", 1,
     "untagged domains that gain svm, too, at their next start with nesting on: a\\xc2\\x9b31m, web1\n|"
     "at the next boot: on: " OURS ":2 says nested=1\n",
     "nest: |domain web1 (pid 812)|[NEST-HOST-BUSY]\n", "nested=1"},
    {"the same with --now only", "amd-off-busy", USER, "host enable --now", 1, NULL, "[NEST-HOST-BUSY]\n", NULL},
    {"a kernel without the module has it at the next boot", "amd-absent", 0, "host enable", 1,
     "at the next boot: on", "[NEST-HOST-ABSENT]\n", "nested=1"},
    {"what the kernel refuses is not kept", "amd-off-idle", 0, "host enable", 1,
     "at the next boot: nothing was changed\n", "[NEST-HOST-LOAD]\n", NULL},
    {"somebody's nested=0 is respected, and said once", "amd-off-idle", KEPT_OFF, "host enable", 1,
     "at the next boot: nothing was changed\n", "/etc/modprobe.d/kvm.conf:2|--force|[NEST-HOST-KEPT-OFF]\n", NULL},
    {"also by --boot", "amd-on", KEPT_OFF, "host enable --boot", 1, NULL,
     "/etc/modprobe.d/kvm.conf:2|[NEST-HOST-KEPT-OFF]\n", NULL},
    {"--force goes against it", "amd-on", KEPT_OFF, "host enable --force", 0, "at the next boot: on: " OURS ":2", NULL,
     "nested=1"},
    {"--force cannot go against what is read last", "amd-on", KEPT_LAST, "host enable --force", 1,
     "now: nothing to do", "/etc/modprobe.d/zz.conf:1|[NEST-HOST-KEPT-OFF]\n", NULL},
    {"--force cannot go against the kernel's command line", "amd-on", KEPT_BOOT, "host enable --boot --force", 1, NULL,
     "kernel argument|[NEST-HOST-KEPT-OFF]\n", NULL},
    {"the initramfs is to be made anew", "amd-on", INITRAMFS, "host enable", 0,
     "initramfs: it loads kvm_amd|update-initramfs -u|dracut", NULL, "nested=1"},
    {"IBM Z's drop-in", "ibm-off-idle", 0, "host enable --boot", 0, "at the next boot: on: " OURS ":2 says nested=1\n", NULL,
     "options kvm nested=1\n"},
    {"Arm has none, but an argument of the kernel", "arm-off", 0, "host enable", 1, NULL,
     "kernel argument kvm-arm.mode=nested|[NEST-HOST-BUILTIN]\n", NULL},
    {"a built-in module has no drop-in", "amd-builtin-off", 0, "host enable", 1, NULL,
     "kernel argument|[NEST-HOST-BUILTIN]\n", NULL},
    {"nor has a host without the hardware", "amd-no-svm", 0, "host enable --boot --force", 1, NULL,
     "[NEST-HOST-HARDWARE]\n", NULL},
    {"nor one of another vendor", "unknown-vendor", 0, "host enable", 1, NULL, "[NEST-HOST-VENDOR]\n", NULL},
    {"--dry-run does nothing", "amd-off-idle", WEB, "host enable --dry-run", 0,
     "a\\xc2\\x9b31m, web1\nnow: would unload kvm_amd and load it with nesting on\nat the next boot: would write " OURS
     "\n",
     NULL, NULL},
    {"--dry-run of a refusal", "amd-off-busy", 0, "host enable --dry-run", 1, "at the next boot: would write " OURS "\n",
     "[NEST-HOST-BUSY]\n", NULL},
    {"--dry-run of --boot against nested=0", "amd-on", KEPT_OFF, "host enable --dry-run --boot", 1, NULL,
     "[NEST-HOST-KEPT-OFF]\n", NULL},
    {"the command that a refusal names is not refused: against a remove line", "amd-off-idle", REMOVE,
     "host enable --force --dry-run", 0, "would unload|would write", NULL, NULL},
    {"--dry-run with --force", "amd-off-idle", KEPT_OFF, "host enable --dry-run --force", 0, "would unload|would write",
     NULL, NULL},
    {"disable takes ours away", "amd-on", DROP_IN, "host disable", 0,
     OURS ": the setting is taken away\nat the next boot: the kernel's default|"
          "now: kvm_amd stays as it is, with nesting on|virt-nest host disable --now",
     NULL, NULL},
    {"disable names no command that would be refused", "amd-on", REMOVE | DROP_IN, "host disable", 0,
     "now: kvm_amd stays as it is, with nesting on, until it is loaded anew: the module kvm_amd is kept loaded by "
     "/etc/modprobe.d/off.conf:1",
     NULL, NULL},
    {"disable leaves what is not ours", "amd-off-idle", KEPT_OFF, "host disable", 0,
     OURS ": nothing of virt-nest was there\nat the next boot: off: /etc/modprobe.d/kvm.conf:2 says nested=0\n", NULL,
     NULL},
    {"disable --now where nesting is off", "amd-off-busy", DROP_IN, "host disable --now", 0,
     "now: nothing to do, nesting is not on\n" OURS ": the setting is taken away\n", NULL, NULL},
    {"disable --now that is refused takes ours away all the same", "amd-on", DROP_IN, "host disable --now", 1,
     OURS ": the setting is taken away\n", "[NEST-HOST-LOAD]\n", NULL},
    {"disable on a host without the hardware", "unknown-vendor", DROP_IN, "host disable", 0,
     OURS ": the setting is taken away\n", NULL, NULL},
    {"--help of enable", "amd-on", 0, "host enable --help", 0, "virt-nest host enable|--now|--boot|--dry-run|--force",
     NULL, NULL},
    {"--help of disable", "amd-on", 0, "host disable -h", 0, "virt-nest host disable|--now", NULL, NULL},
    {"enable of a domain is another command", "amd-on", 0, "host enable lab1", 2, NULL,
     "no argument|virt-nest host enable --help|[NEST-USAGE]\n", NULL},
    {"disable with an argument", "amd-on", DROP_IN, "host disable lab1", 2, NULL, "[NEST-USAGE]\n", SAME},
    {"disable knows no --force", "amd-on", DROP_IN, "host disable --force", 2, NULL,
     "--force|virt-nest host disable --help|[NEST-USAGE]\n", SAME},
};

/* QEMU's command line has NULs in it. */
static const char cmdline[] = "qemu-system-x86_64\0-name\0guest=web1,debug-threads=on\0-machine\0q35";

/* A process that has /dev/kvm open. */
static void
put_user(const World *world, const char *pid)
{
    g_autofree gchar *descriptors = g_strconcat(world->root, "/proc/", pid, "/fd", NULL);
    g_autofree gchar *descriptor = g_build_filename(descriptors, "9", NULL);

    g_assert_cmpint(g_mkdir(descriptors, 0755), ==, 0);
    g_assert_cmpint(symlink("/dev/kvm", descriptor), ==, 0);
}

static void
put_users(const World *world)
{
    g_autofree gchar *path = g_strconcat(world->root, "/proc/812/cmdline", NULL);

    put_user(world, "812");
    put_user(world, "90");
    g_assert_true(g_file_set_contents(path, cmdline, sizeof(cmdline), NULL));
}

static World *
lay_out(const char *host, guint given)
{
    World *world = world_new(host, 0);

    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree gchar *path = g_strconcat("/root", files[i].path, NULL);

        if (given & files[i].bit)
            put_file(world, path, files[i].text);
    }
    if (given & USER)
        put_users(world);
    if (given & STRANGER)
        put_user(world, "90");
    return world;
}

static Result *
run_line(const World *world, const char *arguments)
{
    g_autofree gchar *program = built("bin/" PROGRAM);
    g_autofree gchar *line = g_strdup_printf("'%s' %s", program, arguments);
    g_auto(GStrv) argv = NULL;

    g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
    return run(world, (const char *const *)argv, "", 0);
}

static void
check_text(const char *text, const char *pieces)
{
    if (pieces)
        check_says(text, pieces);
    else
        g_assert_cmpstr(text, ==, "");
}

static void
check_drop_in(const World *world, const Case *c)
{
    g_autofree gchar *path = g_strconcat(world->root, NEST_MODPROBE_FILE, NULL);
    g_autofree gchar *text = NULL;
    const char *wanted = c->ours;

    (void)g_file_get_contents(path, &text, NULL, NULL);
    if (!wanted)
        g_assert_null(text);
    else if (g_str_equal(wanted, SAME))
        g_assert_cmpstr(text, ==, OUR_TEXT);
    else
        check_text(text ? text : "", wanted);
}

static void
test_case(gconstpointer data)
{
    const Case *c = data;
    g_autoptr(World) world = lay_out(c->host, c->given);
    g_autoptr(Result) result = run_line(world, c->arguments);

    check_text(result->err, c->err);
    check_text(result->out, c->out);
    g_assert_cmpint(result->status, ==, c->status);
    check_drop_in(world, c);
}

static void
check_width(const char *host)
{
    g_autoptr(World) world = lay_out(host, WEB | KEPT_OFF | KEPT_LAST | DROP_IN | INITRAMFS | USER | NPT);
    g_autoptr(Result) result = run_line(world, "host");
    g_auto(GStrv) lines = g_strsplit(result->out, "\n", -1);

    g_assert_cmpint(g_strv_length(lines), >, 5);
    for (gsize i = 0; lines[i]; i++) {
        g_assert_cmpint(g_utf8_strlen(lines[i], -1), <=, 80);
        g_assert_false(g_str_has_suffix(lines[i], " "));
    }
}

static void
test_width(void)
{
    g_autofree gchar *path = check_source_path("tests/fakes/hosts");
    g_autoptr(GDir) hosts = g_dir_open(path, 0, NULL);
    const char *host = NULL;

    while ((host = g_dir_read_name(hosts)))
        check_width(host);
}

/* Of the real host, which an ordinary user cannot change: nothing is even tried. */
static void
test_needs_root(gconstpointer command)
{
    g_autoptr(World) world = world_new("amd-on", geteuid() == 0 ? SESSION : 0);
    g_autofree gchar *program = built("bin/" PROGRAM);
    g_autofree gchar *copy = g_build_filename(world->directory, PROGRAM, NULL);
    const char *argv[] = {"env", "-u", "VIRT_NEST_ROOT", copy, "host", command, NULL};
    g_autofree gchar *remedy = g_strdup_printf("sudo virt-nest host %s|[NEST-IO]\n", (const char *)command);
    g_autoptr(Result) result = NULL;

    must_run((const char *const[]){"cp", program, copy, NULL});
    result = run(world, argv, "", 0);
    g_assert_cmpstr(result->out, ==, "");
    check_says(result->err, "nest: |root");
    check_says(result->err, remedy);
    g_assert_cmpint(result->status, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(shown); i++)
        check_add_row("host", shown[i].sentence, &shown[i], test_case);
    for (gsize i = 0; i < G_N_ELEMENTS(objects); i++)
        check_add_row("host/json", objects[i].sentence, &objects[i], test_case);
    for (gsize i = 0; i < G_N_ELEMENTS(settings); i++)
        check_add_row("host/settings", settings[i].sentence, &settings[i], test_case);
    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++)
        check_add_row("host/change", changes[i].sentence, &changes[i], test_case);
    g_test_add_func("/host/lines fit a terminal of 80 columns", test_width);
    g_test_add_data_func("/host/change/enable needs root", "enable", test_needs_root);
    g_test_add_data_func("/host/change/disable needs root", "disable", test_needs_root);
    return g_test_run();
}
