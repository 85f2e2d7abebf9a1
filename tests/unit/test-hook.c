/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows what the qemu hook lets pass and what it refuses, by running its two parts as libvirt does. */
#include "host/hook_place.h"
#include "world.h"

#define OTHER_UUID "22222222-2222-4222-8222-222222222222"
#define OPTIONAL TAG_WITH("required='no'")
#define STATE(content)                                                                             \
    "<neststate:domain xmlns:neststate='urn:virt-nest:state:1'>" content "</neststate:domain>"
#define LIVE(uuid, nested) STATE("<live uuid='" uuid "' qemu='4711' nested='" nested "'/>")
#define RECORD                                                                                     \
    STATE("<original/><applied write='0123456789abcdef0123456789abcdef'>"                          \
          "<cpu mode='host-passthrough'/></applied>")

#define ALLOW(attributes)                                                                          \
    "<nestallow:domain xmlns:nestallow='urn:virt-nest:allow:1' " attributes "/>"

#define EPYC_SVM                                                                                   \
    "<cpu mode='custom'><model>EPYC</model><feature policy='require' name='svm'/></cpu>"
#define S390X "<os><type arch='s390x'>hvm</type></os>"
#define Z14 "<cpu mode='custom'><model>z14</model></cpu>"
#define Z14_SIE "<cpu mode='custom'><model>z14</model><feature policy='require' name='sief2'/></cpu>"
#define AARCH64 "<os><type arch='aarch64'>hvm</type></os>"
#define EL2 "<features><virtualization/></features>"
#define HASWELL_VMX                                                                                \
    "<cpu mode='custom'><model>Haswell</model><feature policy='require' name='vmx'/></cpu>"
#define CPU_ARGUMENT(cpu)                                                                          \
    "<commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'><arg value='-cpu'/><arg value='" cpu                 \
    "'/></commandline>"
#define OFF_WITH(attributes) "<nest:disable xmlns:nest='urn:virt-nest:1' " attributes "/>"
#define OFF OFF_WITH("")
#define DISABLED(name) "<feature policy='disable' name='" name "'/>"
#define MAXIMUM "<cpu mode='maximum'/>"
#define SEV "<launchSecurity type='sev'/>"

/* What is left in it. */
enum { NO_FLAG, A_FLAG };

/* One call of the hook and what it must do. */
typedef struct {
    const char *shows;     /* what this case shows; the end of the test's path */
    const char *operation; /* as libvirt calls it */
    const char *host;      /* below tests/fakes/hosts */
    const char *type;      /* of the domain */
    const char *metadata;  /* its tag and record */
    const char *cpu;       /* its <cpu>, and whatever else stands beside it */
    guint given;           /* bits of what the world has */
    const char *code;      /* refused with it; NULL: passes */
    const char *says;      /* in standard error; NULL and passing: nothing may be there */
    const char *prints;    /* in standard output; NULL: nothing may be there */
    int leaves;            /* A_FLAG or NO_FLAG */
} Case;

static void
test_case(gconstpointer data)
{
    const Case *test = data;
    g_autoptr(World) world = NULL;
    g_autoptr(Result) result = NULL;
    g_autofree gchar *xml = domain(test->type, test->metadata, test->cpu);

    if (geteuid() != 0) {
        g_test_skip("needs root, to be root and an ordinary user in turn");
        return;
    }
    world = world_new(test->host, test->given);
    result = call(world, test->operation, xml);
    if (test->code)
        assert_refused(result, test->code);
    else
        assert_passed(result);
    if (test->says)
        assert_contains(result->err, test->says);
    else if (!test->code)
        g_assert_cmpstr(result->err, ==, "");
    if (test->prints)
        assert_contains(result->out, test->prints);
    else
        g_assert_cmpstr(result->out, ==, "");
    g_assert_cmpint(has_flag_file(), ==, test->leaves == A_FLAG);
}

static const Case cases[] = {
    /* a guest that shall have neither feature */
    {"off-is-printed-rewritten", "prepare", "amd-on", "kvm", OFF, PASSTHROUGH, 0, NULL, NULL,
     "<feature policy=\"disable\" name=\"svm\"/>", NO_FLAG},
    {"off-needs-no-host-at-prepare", "prepare", "amd-off-busy", "kvm", OFF,
     "<cpu mode='host-passthrough'>" DISABLED("vmx") DISABLED("svm") "</cpu>", 0, NULL, NULL, NULL, NO_FLAG},
    {"off-passthrough-is-refused", "start", "amd-on", "kvm", OFF, PASSTHROUGH, DEFINITION, "NEST-START-UNCORRECTED",
     "shows the guest svm, which its tag forbids, and no virtnestd", NULL, NO_FLAG},
    {"off-expanded-host-model-is-refused", "start", "intel-on", "kvm", OFF, HASWELL_VMX, DEFINITION,
     "NEST-START-UNCORRECTED", "shows the guest vmx", NULL, NO_FLAG},
    {"off-maximum-is-refused", "start", "intel-on", "kvm", OFF, MAXIMUM, DEFINITION,
     "NEST-START-UNCORRECTED", "(maximum) shows the guest vmx", NULL, NO_FLAG},
    {"off-by-the-cpu-passes", "start", "amd-on", "kvm", OFF,
     "<cpu mode='host-passthrough'>" DISABLED("svm") "</cpu>", DEFINITION, NULL, NULL, NULL, NO_FLAG},
    {"off-forbidden-by-the-cpu-passes", "start", "amd-on", "kvm", OFF,
     "<cpu mode='custom'><model>EPYC</model><feature policy='forbid' name='svm'/></cpu>", DEFINITION, NULL, NULL,
     NULL, NO_FLAG},
    {"off-kvm-model-without-the-feature-passes", "start", "intel-on", "kvm", OFF, PLAIN, DEFINITION, NULL, NULL, NULL,
     NO_FLAG},
    {"off-emulated-default-is-refused", "start", "amd-on", "qemu", OFF, PLAIN, DEFINITION, "NEST-START-UNCORRECTED",
     "qemu64", NULL, NO_FLAG},
    {"off-where-the-host-cannot-nest-passes", "start", "amd-off-idle", "kvm", OFF, PASSTHROUGH, DEFINITION, NULL, NULL,
     NULL, NO_FLAG},
    {"off-argument-is-refused", "start", "amd-on", "kvm", OFF,
     "<cpu mode='host-passthrough'>" DISABLED("svm") "</cpu>" CPU_ARGUMENT("host"), DEFINITION | DAEMON,
     "NEST-CPU-ARGUMENT", "-cpu host in its <qemu:commandline> shows the guest svm", NULL, NO_FLAG},
    {"off-argument-without-the-feature-passes", "start", "amd-on", "kvm", OFF, PASSTHROUGH CPU_ARGUMENT("host,-svm"),
     DEFINITION, NULL, NULL, NULL, NO_FLAG},
    {"off-transient-is-refused", "start", "amd-on", "kvm", OFF, PASSTHROUGH, 0, "NEST-START-TRANSIENT", "virt-nest rewrite",
     NULL, NO_FLAG},
    {"off-stale-is-restarted", "start", "amd-on", "kvm", OFF, PASSTHROUGH, DEFINITION | DAEMON | RESTART, NULL,
     "starts with a CPU that it shall not have", NULL, NO_FLAG},
    {"off-that-resumes-is-left-alone", "start", "amd-on", "kvm", OFF, PASSTHROUGH, DEFINITION | FLAG, NULL, NULL, NULL,
     NO_FLAG},
    {"off-that-resumes-needs-no-host", "prepare", "amd-off-busy", "kvm", OFF, PASSTHROUGH, FLAG, NULL, NULL, NULL, A_FLAG},
    {"off-migrates-in", "migrate", "amd-off-busy", "kvm", OFF, PASSTHROUGH, 0, NULL, NULL, NULL, A_FLAG},
    {"off-with-nested-guests-is-judged-as-ever", "migrate", "amd-on", "kvm", OFF LIVE(UUID, "yes"), PASSTHROUGH, 0,
     "NEST-LIVE-RUNNING", NULL, NULL, NO_FLAG},
    {"off-is-restored", "restore", "amd-off-busy", "kvm", OFF, PASSTHROUGH, 0, NULL, NULL, NULL, A_FLAG},
    {"off-with-a-snapshot-with-memory-passes", "start", "amd-on", "kvm", OFF, PASSTHROUGH, DEFINITION | MEMORY, NULL,
     "snapshot with memory", NULL, NO_FLAG},
    {"off-in-a-session-with-a-snapshot-with-memory-passes", "start", "amd-on", "kvm", OFF, PASSTHROUGH,
     DEFINITION | MEMORY | SESSION, NULL, "snapshot with memory", NULL, NO_FLAG},
    {"off-with-another-snapshot-is-refused", "start", "amd-on", "kvm", OFF, PASSTHROUGH, DEFINITION | DISKS,
     "NEST-START-UNCORRECTED", NULL, NULL, NO_FLAG},
    /* the same by policy=disable, of a domain that does not mention virt-nest */
    {"policy-passthrough-is-refused", "start", "amd-on", "kvm", "", PASSTHROUGH, DEFINITION | FORBIDS,
     "NEST-START-UNCORRECTED", "[untagged] policy=disable in /etc/virt-nest/virt-nest.conf forbids", NULL, NO_FLAG},
    {"policy-counts-with-a-mistake-elsewhere", "start", "amd-on", "kvm", "", PASSTHROUGH, DEFINITION | FORBIDS | MISTAKE,
     "NEST-START-UNCORRECTED", "[NEST-CONFIG]", NULL, NO_FLAG},
    {"policy-leaves-the-tag-alone", "start", "amd-on", "kvm", TAG, PASSTHROUGH, FORBIDS, NULL, NULL, NULL, NO_FLAG},
    {"policy-of-other-architectures-is-nothing", "start", "amd-on", "qemu", "",
     "<os><type arch='aarch64'>hvm</type></os>" MAXIMUM, FORBIDS, NULL, NULL, NULL, NO_FLAG},
    {"policy-of-another-type-is-nothing", "start", "amd-on", "xen", "", PASSTHROUGH, FORBIDS, NULL, NULL, NULL, NO_FLAG},
    {"policy-is-restored", "restore", "amd-on", "kvm", "", PASSTHROUGH, FORBIDS, NULL, NULL, NULL, A_FLAG},
    {"policy-migrates-in", "migrate", "amd-off-busy", "kvm", "", PASSTHROUGH, FORBIDS, NULL, NULL, NULL, A_FLAG},
    {"policy-does-nothing-at-reconnect", "reconnect", "amd-on", "kvm", "", PASSTHROUGH, FORBIDS, NULL, NULL, NULL, NO_FLAG},
    {"policy-leave-lets-it-go", "start", "amd-on", "kvm", "", PASSTHROUGH, LEAVES, NULL, NULL, NULL, NO_FLAG},
    {"no-policy-lets-it-go", "start", "amd-on", "kvm", "", PASSTHROUGH, 0, NULL, NULL, NULL, NO_FLAG},
    /* a mistaken rule may have been meant to keep nesting from a domain that does not mention virt-nest */
    {"undecided-is-refused", "start", "amd-on", "kvm", "", PASSTHROUGH, DEFINITION | MISTAKEN_RULE, "NEST-RULE",
     "shows the guest svm, which a mistaken rule may forbid: /etc/virt-nest/rules.d/50.conf:2: [web] match", NULL, NO_FLAG},
    {"undecided-without-the-feature-passes", "start", "amd-on", "kvm", "", PLAIN, DEFINITION | MISTAKEN_RULE, NULL,
     "starts as it is defined", NULL, NO_FLAG},
    {"undecided-is-restored", "restore", "amd-on", "kvm", "", PASSTHROUGH, DEFINITION | MISTAKEN_RULE, NULL, NULL, NULL,
     A_FLAG},
    {"undecided-migrates-in", "migrate", "amd-on", "kvm", "", PASSTHROUGH, DEFINITION | MISTAKEN_RULE, NULL, NULL, NULL,
     A_FLAG},
    {"undecided-that-resumes-is-left-alone", "start", "amd-on", "kvm", "", PASSTHROUGH, DEFINITION | MISTAKEN_RULE | IMAGE,
     NULL, NULL, NULL, NO_FLAG},
    {"undecided-with-a-tag-is-decided", "start", "amd-on", "kvm", TAG, PASSTHROUGH, DEFINITION | MISTAKEN_RULE, NULL, NULL,
     NULL, NO_FLAG},
    {"policy-in-a-session", "start", "amd-on", "kvm", "", PASSTHROUGH, FORBIDS | SESSION, "NEST-START-TRANSIENT", NULL,
     NULL, NO_FLAG},

    /* prepare: a boot */
    {"no-cpu-is-printed-rewritten", "prepare", "amd-on", "kvm", TAG, "", 0, NULL, NULL,
     "<cpu mode=\"host-passthrough\"", NO_FLAG},
    {"default-cpu-is-printed-rewritten", "prepare", "intel-on", "kvm", TAG, PLAIN, 0, NULL, NULL,
     "<cpu mode=\"host-passthrough\"", NO_FLAG},
    {"host-model-is-printed-with-feature", "prepare", "hygon-on", "kvm", TAG,
     "<cpu mode='host-model'/>", 0, NULL, NULL, "name=\"svm\"", NO_FLAG},
    {"right-cpu-prints-nothing", "prepare", "amd-on", "kvm", TAG, PASSTHROUGH, 0, NULL, NULL, NULL,
     NO_FLAG},
    {"tcg-becomes-maximum", "prepare", "amd-absent", "qemu", TAG, "", 0, NULL, NULL,
     "<cpu mode=\"maximum\"", NO_FLAG},
    {"other-vendor-is-refused", "prepare", "amd-on", "kvm", TAG, HASWELL_VMX, 0, "NEST-CPU-VENDOR",
     "Haswell", NULL, NO_FLAG},
    {"confidential-is-refused", "prepare", "amd-on", "kvm", TAG, SEV, 0, "NEST-CPU-CONFIDENTIAL",
     "launchSecurity", NULL, NO_FLAG},
    {"s390x-no-cpu-is-printed-rewritten", "prepare", "ibm-on", "kvm", TAG, S390X, 0, NULL, NULL,
     "<cpu mode=\"host-passthrough\" check=\"none\"/>", NO_FLAG},
    {"s390x-host-model-is-printed-with-feature", "prepare", "ibm-on", "kvm", TAG, S390X "<cpu mode='host-model'/>", 0, NULL,
     NULL, "name=\"sief2\"", NO_FLAG},
    {"aarch64-with-el2-prints-nothing", "prepare", "arm-on", "kvm", TAG, AARCH64 EL2, 0, NULL, NULL, NULL, NO_FLAG},
    {"aarch64-without-el2-is-refused", "prepare", "arm-on", "kvm", TAG, AARCH64 PASSTHROUGH, 0, "NEST-CPU-ARCH",
     "<virtualization/>", NULL, NO_FLAG},
    {"aarch64-whose-host-does-not-nest-is-refused", "prepare", "arm-off", "kvm", TAG, AARCH64 EL2, 0, "NEST-HOST-BUILTIN",
     "kvm-arm.mode=nested", NULL, NO_FLAG},
    {"other-architecture-is-refused", "prepare", "amd-on", "qemu", TAG,
     "<os><type arch='aarch64'>hvm</type></os>", 0, "NEST-CPU-ARCH", "aarch64", NULL, NO_FLAG},
    {"other-type-is-refused", "prepare", "amd-on", "xen", TAG, "", 0, "NEST-CPU-TYPE", "xen", NULL,
     NO_FLAG},
    {"other-vendor-is-let-go-if-not-required", "prepare", "amd-on", "kvm", OPTIONAL, HASWELL_VMX, 0,
     NULL, "[NEST-CPU-VENDOR]", NULL, NO_FLAG},
    {"a-setting-against-nesting-is-named", "prepare", "amd-kept-off", "kvm", TAG, PLAIN, 0,
     "NEST-HOST-KEPT-OFF", "/etc/modprobe.d/kvm.conf:2 (options kvm_amd nested=0): remove that line",
     NULL, NO_FLAG},
    {"old-flag-is-no-flag", "prepare", "amd-off-idle", "kvm", TAG, PLAIN, OLD_FLAG,
     "NEST-HOST-OFF", NULL, NULL, A_FLAG},
    /* prepare: saved state resumes */
    {"resuming-prints-nothing", "prepare", "amd-on", "kvm", TAG, PLAIN, FLAG, NULL, NULL, NULL,
     A_FLAG},
    {"resuming-plain-cpu-needs-no-host", "prepare", "amd-off-busy", "kvm", TAG, PLAIN, FLAG, NULL,
     NULL, NULL, A_FLAG},
    {"resuming-nested-cpu-needs-the-host", "prepare", "amd-off-busy", "kvm", TAG, EPYC_SVM, FLAG,
     "NEST-HOST-BUSY", "nested state would be lost", NULL, NO_FLAG},
    {"resuming-by-live-status-needs-the-host", "prepare", "amd-off-busy", "kvm", TAG LIVE(UUID, "no"),
     PASSTHROUGH, 0, "NEST-HOST-BUSY", NULL, NULL, NO_FLAG},
    {"resuming-not-required-is-let-go", "prepare", "amd-off-busy", "kvm", OPTIONAL, PASSTHROUGH,
     FLAG, NULL, "[NEST-HOST-BUSY]", NULL, A_FLAG},
    {"resuming-on-unknown-vendor", "prepare", "unknown-vendor", "kvm", TAG, PASSTHROUGH, FLAG,
     "NEST-HOST-VENDOR", NULL, NULL, NO_FLAG},
    {"resuming-other-vendor-is-not-judged", "prepare", "amd-on", "kvm", TAG, HASWELL_VMX, FLAG,
     NULL, NULL, NULL, A_FLAG},
    {"resuming-with-mistaken-tag-is-let-go", "prepare", "amd-on", "kvm", TAG_WITH("cpu='x'"), PLAIN,
     FLAG, NULL, "[NEST-TAG-VALUE]", NULL, A_FLAG},

    /* start: a boot */
    {"passthrough-passes", "start", "amd-on", "kvm", TAG, PASSTHROUGH, 0, NULL, NULL, NULL,
     NO_FLAG},
    {"required-feature-passes", "start", "amd-on", "kvm", TAG, EPYC_SVM, 0, NULL, NULL, NULL,
     NO_FLAG},
    {"hygon-required-feature-passes", "start", "hygon-on", "kvm", TAG, EPYC_SVM, 0, NULL, NULL,
     NULL, NO_FLAG},
    {"intel-required-feature-passes", "start", "intel-on", "kvm", TAG, HASWELL_VMX, 0, NULL, NULL,
     NULL, NO_FLAG},
    {"s390x-required-feature-passes", "start", "ibm-on", "kvm", TAG, S390X Z14_SIE, 0, NULL, NULL, NULL, NO_FLAG},
    {"s390x-without-the-feature-is-refused", "start", "ibm-on", "kvm", TAG, S390X Z14, DEFINITION, "NEST-START-UNCORRECTED",
     "does not show the guest sief2", NULL, NO_FLAG},
    {"s390x-that-is-emulated-is-refused", "start", "amd-on", "qemu", TAG, S390X MAXIMUM, DEFINITION, "NEST-CPU-ARCH",
     "TCG emulates no guest of s390x", NULL, NO_FLAG},
    {"s390x-that-is-emulated-is-let-go-if-not-required", "start", "amd-on", "qemu", OPTIONAL, S390X MAXIMUM, DEFINITION, NULL,
     "[NEST-CPU-ARCH]", NULL, NO_FLAG},
    {"aarch64-with-el2-passes", "start", "arm-on", "kvm", TAG, AARCH64 EL2 PASSTHROUGH, 0, NULL, NULL, NULL, NO_FLAG},
    {"aarch64-that-is-emulated-with-el2-passes", "start", "amd-absent", "qemu", TAG, AARCH64 EL2 MAXIMUM, 0, NULL, NULL, NULL,
     NO_FLAG},
    {"aarch64-on-an-x86-host-is-refused", "start", "amd-on", "kvm", TAG, AARCH64 EL2 PASSTHROUGH, DEFINITION,
     "NEST-CPU-ARCH", "x86_64 only, and this domain is of aarch64", NULL, NO_FLAG},
    {"feature-of-other-vendor-is-refused", "start", "intel-on", "kvm", TAG, EPYC_SVM, DEFINITION,
     "NEST-START-UNCORRECTED", "EPYC + svm", NULL, NO_FLAG},
    {"disabled-feature-is-refused", "start", "amd-on", "kvm", TAG,
     "<cpu mode='host-passthrough'><feature policy='disable' name='svm'/></cpu>", DEFINITION,
     "NEST-START-UNCORRECTED", "svm", NULL, NO_FLAG},
    {"cpu-argument-is-refused", "start", "amd-on", "kvm", TAG, PASSTHROUGH CPU_ARGUMENT("qemu64"),
     DEFINITION | DAEMON | RESTART, "NEST-CPU-ARGUMENT", "virsh edit lab1", NULL, NO_FLAG},
    {"cpu-argument-beats-the-right-cpu", "start", "amd-on", "qemu", TAG,
     "<cpu mode='maximum'/>" CPU_ARGUMENT("Haswell"), 0, "NEST-CPU-ARGUMENT", "-cpu Haswell", NULL, NO_FLAG},
    {"cpu-argument-is-let-go-if-not-required", "start", "amd-on", "kvm", OPTIONAL, PASSTHROUGH CPU_ARGUMENT("qemu64"), 0,
     NULL, "[NEST-CPU-ARGUMENT]", NULL, NO_FLAG},
    {"cpu-argument-with-the-feature-passes", "start", "amd-on", "kvm", TAG, PLAIN CPU_ARGUMENT("host"), 0, NULL, NULL, NULL,
     NO_FLAG},
    {"cpu-argument-is-not-judged-where-it-resumes", "start", "amd-on", "kvm", TAG, PASSTHROUGH CPU_ARGUMENT("qemu64"), FLAG,
     NULL, NULL, NULL, NO_FLAG},
    {"cpu-argument-untagged-passes", "start", "amd-on", "kvm", "", PASSTHROUGH CPU_ARGUMENT("qemu64"), 0, NULL, NULL, NULL,
     NO_FLAG},
    {"tcg-passes-without-host", "start", "amd-absent", "qemu", TAG,
     "<cpu mode='maximum'><feature policy='require' name='svm'/></cpu>", 0, NULL, NULL, NULL,
     NO_FLAG},
    {"tcg-plain-is-refused", "start", "intel-on", "qemu", TAG, PLAIN, DEFINITION,
     "NEST-START-UNCORRECTED", "svm", NULL, NO_FLAG},
    {"transient-is-refused", "start", "amd-on", "kvm", TAG, PLAIN, 0, "NEST-START-TRANSIENT",
     "virt-install ... --print-xml 1 | virt-nest rewrite | virsh define /dev/stdin", NULL, NO_FLAG},
    {"transient-is-refused-with-daemon", "start", "amd-on", "kvm", TAG, PLAIN, DAEMON,
     "NEST-START-TRANSIENT", "qemu64", NULL, NO_FLAG},
    {"uncorrected-without-daemon", "start", "amd-on", "kvm", TAG, PLAIN, DEFINITION,
     "NEST-START-UNCORRECTED", "virt-nest apply lab1", NULL, NO_FLAG},
    {"stale-with-daemon", "start", "amd-on", "kvm", TAG, PLAIN, DEFINITION | DAEMON,
     "NEST-START-STALE", "start it again", NULL, NO_FLAG},
    {"confidential-is-refused-at-start", "start", "amd-on", "kvm", TAG, PASSTHROUGH SEV, DEFINITION,
     "NEST-CPU-CONFIDENTIAL", NULL, NULL, NO_FLAG},
    {"plain-is-let-go-if-not-required", "start", "amd-on", "kvm", OPTIONAL, PLAIN, DEFINITION, NULL,
     "[NEST-START-UNCORRECTED]", NULL, NO_FLAG},
    {"old-flag-is-no-flag", "start", "amd-on", "kvm", TAG, PLAIN, DEFINITION | OLD_FLAG,
     "NEST-START-UNCORRECTED", NULL, NULL, A_FLAG},
    {"live-status-of-another-is-none", "start", "amd-on", "kvm", TAG LIVE(OTHER_UUID, "no"), PLAIN,
     DEFINITION, "NEST-START-UNCORRECTED", NULL, NULL, NO_FLAG},
    {"record-is-no-live-status", "start", "amd-on", "kvm", TAG RECORD, PLAIN, DEFINITION,
     "NEST-START-UNCORRECTED", NULL, NULL, NO_FLAG},
    {"forged-live-status-is-none", "start", "amd-on", "kvm",
     TAG STATE("<live uuid='x' qemu='x' nested='no'/>"), PLAIN, DEFINITION,
     "NEST-START-UNCORRECTED", "[NEST-STATE]", NULL, NO_FLAG},
    {"record-without-tag-passes", "start", "amd-off-idle", "kvm", RECORD, PLAIN, DEFINITION, NULL,
     NULL, NULL, NO_FLAG},
    /* start: saved state resumes */
    {"resuming-needs-the-host-still", "start", "amd-off-idle", "kvm", TAG LIVE(UUID, "no"),
     EPYC_SVM, 0, "NEST-HOST-OFF", "its nested state would be lost", NULL, NO_FLAG},
    {"resuming-by-flag-passes", "start", "amd-on", "kvm", TAG, PLAIN, DEFINITION | FLAG, NULL,
     NULL, NULL, NO_FLAG},
    {"resuming-by-live-status-passes", "start", "amd-on", "kvm", TAG LIVE(UUID, "no"), PLAIN,
     DEFINITION | FLAG, NULL, NULL, NULL, NO_FLAG},
    {"resuming-with-mistaken-tag-passes", "start", "amd-on", "kvm", TAG_WITH("x='y'"), PLAIN, FLAG,
     NULL, "[NEST-TAG-ATTRIBUTE]", NULL, NO_FLAG},

    /* start: [start] on-stale=restart */
    {"restart-passes", "start", "amd-on", "kvm", TAG, PLAIN, DEFINITION | DAEMON | RESTART, NULL,
     "on-stale=restart", NULL, NO_FLAG},
    {"restart-needs-the-daemon", "start", "amd-on", "kvm", TAG, PLAIN, DEFINITION | RESTART,
     "NEST-START-UNCORRECTED", NULL, NULL, NO_FLAG},
    {"restart-needs-a-definition", "start", "amd-on", "kvm", TAG, PLAIN, DAEMON | RESTART,
     "NEST-START-TRANSIENT", NULL, NULL, NO_FLAG},
    {"restart-needs-the-host", "start", "amd-off-idle", "kvm", TAG, PLAIN,
     DEFINITION | DAEMON | RESTART, "NEST-HOST-OFF", NULL, NULL, NO_FLAG},
    {"unreadable-configuration-is-the-default", "start", "amd-on", "kvm", TAG, PLAIN,
     DEFINITION | DAEMON | BAD_CONFIG, "NEST-START-STALE", "[NEST-CONFIG]", NULL, NO_FLAG},

    /* restore refuses nothing, on any host and with any state */
    {"leaves-a-flag", "restore", "amd-on", "kvm", TAG, PASSTHROUGH, 0, NULL, NULL, NULL, A_FLAG},
    {"makes-an-old-flag-new", "restore", "amd-on", "kvm", TAG, PLAIN, OLD_IMAGE, NULL, NULL, NULL,
     A_FLAG},
    {"untagged-record-leaves-a-flag", "restore", "amd-on", "kvm", RECORD, PLAIN, 0, NULL, NULL,
     NULL, A_FLAG},
    {"needs-no-host", "restore", "amd-off-idle", "kvm", TAG, PASSTHROUGH, 0, NULL, NULL, NULL,
     A_FLAG},
    {"untagged-record-needs-no-host", "restore", "amd-off-busy", "kvm", RECORD, PASSTHROUGH, 0,
     NULL, NULL, NULL, A_FLAG},
    {"takes-nested-guests", "restore", "amd-on", "kvm", TAG LIVE(UUID, "yes"), PASSTHROUGH, 0, NULL,
     NULL, NULL, A_FLAG},
    {"takes-forged-state", "restore", "amd-on", "kvm", TAG STATE("<live nested='?'/>"), PASSTHROUGH,
     0, NULL, NULL, NULL, A_FLAG},
    {"takes-a-mistaken-tag", "restore", "amd-on", "kvm", TAG_WITH("migration='maybe'"), PASSTHROUGH,
     0, NULL, NULL, NULL, A_FLAG},

    /* prepare of a saved image: judged anew, and the flag goes with the refusal */
    {"image-passes", "prepare", "amd-on", "kvm", TAG, PLAIN, IMAGE, NULL, NULL, NULL, A_FLAG},
    {"image-needs-the-host", "prepare", "amd-off-idle", "kvm", TAG, PASSTHROUGH, IMAGE,
     "NEST-HOST-OFF",
     "'lab1' (its saved image stays as it is): its nested state would be lost here", NULL,
     NO_FLAG},
    {"image-with-plain-cpu-needs-no-host", "prepare", "amd-off-idle", "kvm", TAG, PLAIN, IMAGE,
     NULL, NULL, NULL, A_FLAG},
    {"image-of-untagged-record-needs-the-host", "prepare", "amd-off-idle", "kvm", RECORD,
     PASSTHROUGH, IMAGE, "NEST-HOST-OFF", "saved image stays", NULL, NO_FLAG},
    {"image-with-nested-guests-is-refused", "prepare", "amd-on", "kvm", TAG LIVE(UUID, "yes"),
     PASSTHROUGH, IMAGE, "NEST-LIVE-RUNNING",
     "(its saved image stays as it is): nested guests were running", NULL, NO_FLAG},
    {"image-with-nested-guests-is-refused-without-tag", "prepare", "amd-on", "kvm",
     LIVE(UUID, "yes"), PASSTHROUGH, IMAGE, "NEST-LIVE-RUNNING", NULL, NULL, NO_FLAG},
    {"image-with-nested-guests-is-refused-if-not-required", "prepare", "amd-on", "kvm",
     OPTIONAL LIVE(UUID, "yes"), PASSTHROUGH, IMAGE, "NEST-LIVE-RUNNING", NULL, NULL, NO_FLAG},
    {"image-with-nested-guests-may-be-discarded", "prepare", "amd-on", "kvm", TAG LIVE(UUID, "yes"),
     PASSTHROUGH, IMAGE | DEFINITION, "NEST-LIVE-RUNNING",
     "or discard the saved image and boot it (virsh start --force-boot)", NULL, NO_FLAG},
    {"image-with-nested-guests-is-let-in-by-its-tag", "prepare", "amd-on", "kvm",
     TAG_WITH("migration='allow'") LIVE(UUID, "yes"), PASSTHROUGH, IMAGE, NULL, "migration='allow'",
     NULL, A_FLAG},
    {"image-with-newer-state-is-refused", "prepare", "amd-on", "kvm",
     TAG STATE("<live uuid='" UUID "' qemu='4711' nested='yes' vcpus='2'/>"), PASSTHROUGH, IMAGE,
     "NEST-LIVE-RUNNING", NULL, NULL, NO_FLAG},
    {"image-with-newer-state-and-no-nested-guests-passes", "prepare", "amd-on", "kvm",
     TAG STATE("<live uuid='" UUID "' qemu='4711' nested='no' vcpus='2'/>"), PASSTHROUGH, IMAGE,
     NULL, NULL, NULL, A_FLAG},
    {"image-of-another-is-not-believed", "prepare", "amd-on", "kvm", TAG LIVE(OTHER_UUID, "yes"),
     PASSTHROUGH, IMAGE, NULL, NULL, NULL, A_FLAG},
    {"snapshot-with-nested-guests-passes", "prepare", "amd-on", "kvm", TAG LIVE(UUID, "yes"),
     PASSTHROUGH, 0, NULL, "comes with nested guests", NULL, NO_FLAG},
    {"old-image-is-no-image", "prepare", "amd-on", "kvm", TAG LIVE(UUID, "yes"), PASSTHROUGH,
     OLD_IMAGE, NULL, "comes with nested guests", NULL, A_FLAG},
    {"snapshot-with-nested-guests-needs-the-host", "prepare", "amd-off-idle", "kvm",
     TAG LIVE(UUID, "yes"), PASSTHROUGH, 0, "NEST-HOST-OFF",
     "cannot start domain 'lab1': its nested state", NULL, NO_FLAG},
    {"arrived-with-nested-guests-is-not-asked-again", "prepare", "amd-on", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("once='yes'"), PASSTHROUGH, FLAG, NULL, NULL, NULL, A_FLAG},
    {"image-resumes", "start", "amd-on", "kvm", TAG, PLAIN, DEFINITION | IMAGE, NULL, NULL, NULL,
     NO_FLAG},
    {"image-needs-the-host-still", "start", "amd-off-idle", "kvm", TAG, EPYC_SVM, IMAGE,
     "NEST-HOST-OFF", "its saved image stays", NULL, NO_FLAG},

    /* migrate */
    {"leaves-a-flag", "migrate", "intel-on", "kvm", TAG, PASSTHROUGH, 0, NULL, NULL, NULL,
     A_FLAG},
    {"refused-says-what-becomes-of-it", "migrate", "amd-off-idle", "kvm", TAG, PASSTHROUGH, 0,
     "NEST-HOST-OFF", "stays on the source", NULL, NO_FLAG},
    {"nested-guests-are-refused", "migrate", "amd-on", "kvm", TAG LIVE(UUID, "yes"), PASSTHROUGH, 0,
     "NEST-LIVE-RUNNING", "on the source first", NULL, NO_FLAG},
    {"nested-guests-are-refused-without-tag", "migrate", "amd-on", "kvm", LIVE(UUID, "yes"),
     PASSTHROUGH, 0, "NEST-LIVE-RUNNING", NULL, NULL, NO_FLAG},
    {"nested-guests-are-refused-if-not-required", "migrate", "amd-on", "kvm",
     OPTIONAL LIVE(UUID, "yes"), PASSTHROUGH, 0, "NEST-LIVE-RUNNING", NULL, NULL, NO_FLAG},
    {"nested-guests-pass-where-allowed", "migrate", "amd-on", "kvm",
     TAG_WITH("migration='allow'") LIVE(UUID, "yes"), PASSTHROUGH, 0, NULL, "migration='allow'",
     NULL, A_FLAG},
    {"live-status-of-another-is-not-believed", "migrate", "amd-on", "kvm", TAG LIVE(OTHER_UUID, "yes"),
     PASSTHROUGH, 0, NULL, NULL, NULL, A_FLAG},
    {"state-that-does-not-say-no-is-refused", "migrate", "amd-on", "kvm",
     TAG STATE("<live uuid='" UUID "' qemu='4711' nested='YES'/>"), PASSTHROUGH, 0,
     "NEST-LIVE-RUNNING", "assumes that they were [NEST-STATE]", NULL, NO_FLAG},
    {"state-that-does-not-say-is-refused", "migrate", "amd-on", "kvm",
     TAG STATE("<live uuid='" UUID "' qemu='4711'/>"), PASSTHROUGH, 0, "NEST-LIVE-RUNNING", NULL,
     NULL, NO_FLAG},
    {"one-attribute-more-is-refused", "migrate", "amd-on", "kvm",
     TAG STATE("<live uuid='" UUID "' qemu='4711' nested='yes' vcpus='2'/>"), PASSTHROUGH, 0,
     "NEST-LIVE-RUNNING", "on the source first", NULL, NO_FLAG},
    {"one-element-more-is-refused", "migrate", "amd-on", "kvm",
     TAG STATE("<more/><live uuid='" UUID "' qemu='4711' nested='yes'><l2/></live>"), PASSTHROUGH,
     0, "NEST-LIVE-RUNNING", "on the source first", NULL, NO_FLAG},
    {"one-attribute-more-without-nested-guests-passes", "migrate", "amd-on", "kvm",
     TAG STATE("<live uuid='" UUID "' qemu='4711' nested='no' vcpus='2'/>"), PASSTHROUGH, 0, NULL,
     NULL, NULL, A_FLAG},
    {"one-element-more-without-nested-guests-passes", "migrate", "amd-on", "kvm",
     TAG STATE("<more/><live uuid='" UUID "' qemu='4711' nested='no' version='9'><l2/></live>"),
     PASSTHROUGH, 0, NULL, NULL, NULL, A_FLAG},
    {"older-without-start-time-passes", "migrate", "amd-on", "kvm",
     TAG STATE("<live uuid='" UUID "' nested='no'/>"), PASSTHROUGH, 0, NULL, NULL, NULL, A_FLAG},
    {"older-without-start-time-is-refused", "migrate", "amd-on", "kvm",
     TAG STATE("<live uuid='" UUID "' nested='yes'/>"), PASSTHROUGH, 0, "NEST-LIVE-RUNNING", NULL,
     NULL, NO_FLAG},
    {"beside-an-unreadable-record-is-refused", "migrate", "amd-on", "kvm",
     TAG STATE("<original><cpu2/></original><live uuid='" UUID "' qemu='4711' nested='yes'/>"),
     PASSTHROUGH, 0, "NEST-LIVE-RUNNING", NULL, NULL, NO_FLAG},
    {"beside-an-unreadable-record-passes", "migrate", "amd-on", "kvm",
     TAG STATE("<original><cpu2/></original><live uuid='" UUID "' qemu='4711' nested='no'/>"),
     PASSTHROUGH, 0, NULL, NULL, NULL, A_FLAG},
    {"versions-of-this-release-pass", "migrate", "amd-on", "kvm",
     TAG STATE("<?virt-nest version='1'?><live uuid='" UUID "' qemu='4711' nested='no'/>"),
     PASSTHROUGH, 0, NULL, NULL, NULL, A_FLAG},
    {"newer-state-of-another-is-not-believed", "migrate", "amd-on", "kvm",
     TAG STATE("<live uuid='" OTHER_UUID "' qemu='4711' nested='yes' vcpus='2'/>"), PASSTHROUGH, 0,
     NULL, NULL, NULL, A_FLAG},
    {"state-without-uuid-is-not-believed", "migrate", "amd-on", "kvm",
     TAG STATE("<live nested='yes'/>"), PASSTHROUGH, 0, NULL, "[NEST-STATE]", NULL, A_FLAG},
    {"mistaken-tag-is-let-go", "migrate", "amd-on", "kvm", TAG_WITH("migration='maybe'"),
     PASSTHROUGH, 0, NULL, "[NEST-TAG-VALUE]", NULL, A_FLAG},
    {"mistaken-tag-with-nested-guests", "migrate", "amd-on", "kvm",
     TAG_WITH("migration='maybe'") LIVE(UUID, "yes"), PASSTHROUGH, 0, "NEST-LIVE-RUNNING", NULL,
     NULL, NO_FLAG},

    /* migrate, and prepare of a saved image: virt-nest allow was there when the state was written */
    {"nested-guests-allowed-once-pass", "migrate", "amd-on", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("once='yes'"), PASSTHROUGH, 0, NULL, "virt-nest allow has lifted",
     NULL, A_FLAG},
    {"image-nested-guests-allowed-once-pass", "prepare", "amd-on", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("once='yes'"), PASSTHROUGH, IMAGE, NULL,
     "virt-nest allow has lifted", NULL, A_FLAG},
    {"nested-guests-allowed-for-a-time-pass", "migrate", "amd-on", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("until='99999999999'"), PASSTHROUGH, 0, NULL,
     "virt-nest allow has lifted", NULL, A_FLAG},
    {"nested-guests-allowed-for-a-time-that-is-over-pass", "migrate", "amd-on", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("until='1'"), PASSTHROUGH, 0, NULL, "virt-nest allow has lifted",
     NULL, A_FLAG},
    {"image-nested-guests-allowed-for-a-time-that-is-over-pass", "prepare", "amd-on", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("until='1'"), PASSTHROUGH, IMAGE, NULL,
     "virt-nest allow has lifted", NULL, A_FLAG},
    {"nested-guests-allowed-without-tag-pass", "migrate", "amd-on", "kvm",
     LIVE(UUID, "yes") ALLOW("once='yes'"), PASSTHROUGH, 0, NULL, "virt-nest allow has lifted",
     NULL, A_FLAG},
    {"allowed-is-not-said-without-nested-guests", "migrate", "amd-on", "kvm",
     TAG LIVE(UUID, "no") ALLOW("once='yes'"), PASSTHROUGH, 0, NULL, NULL, NULL, A_FLAG},
    {"allowed-needs-the-host-still", "migrate", "amd-off-idle", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("once='yes'"), PASSTHROUGH, 0, "NEST-HOST-OFF",
     "stays on the source", NULL, NO_FLAG},
    {"image-allowed-needs-the-host-still", "prepare", "amd-off-idle", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("until='99999999999'"), PASSTHROUGH, IMAGE, "NEST-HOST-OFF",
     "saved image stays", NULL, NO_FLAG},
    {"forged-permission-allows-nothing", "migrate", "amd-on", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("once='no'"), PASSTHROUGH, 0, "NEST-LIVE-RUNNING", NULL, NULL,
     NO_FLAG},
    {"image-forged-permission-allows-nothing", "prepare", "amd-on", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("once='yes' until='99999999999'"), PASSTHROUGH, IMAGE,
     "NEST-LIVE-RUNNING", NULL, NULL, NO_FLAG},
    {"permission-for-no-time-allows-nothing", "migrate", "amd-on", "kvm",
     TAG LIVE(UUID, "yes") ALLOW("until='0'"), PASSTHROUGH, 0, "NEST-LIVE-RUNNING", NULL, NULL,
     NO_FLAG},
    {"permission-of-another-namespace-allows-nothing", "migrate", "amd-on", "kvm",
     TAG LIVE(UUID, "yes") "<a:domain xmlns:a='urn:virt-nest:allow:2' once='yes'/>", PASSTHROUGH, 0,
     "NEST-LIVE-RUNNING", NULL, NULL, NO_FLAG},

    /* stopped and release */
    {"takes-the-flag", "stopped", "amd-on", "kvm", TAG, PLAIN, FLAG, NULL, NULL, NULL, NO_FLAG},
    {"takes-the-flag", "release", "amd-on", "kvm", TAG, PLAIN, FLAG, NULL, NULL, NULL, NO_FLAG},
    {"takes-the-flag-of-an-image", "stopped", "amd-on", "kvm", TAG, PLAIN, IMAGE, NULL, NULL, NULL,
     NO_FLAG},
    {"takes-the-flag-of-an-image", "release", "amd-on", "kvm", TAG, PLAIN, IMAGE, NULL, NULL, NULL,
     NO_FLAG},
    {"takes-the-flag-with-mistaken-tag", "release", "amd-on", "kvm", TAG_WITH("a='b'"), PLAIN,
     FLAG, NULL, NULL, NULL, NO_FLAG},
    {"needs-no-flag", "stopped", "amd-off-busy", "kvm", TAG, PLAIN, 0, NULL, NULL, NULL, NO_FLAG},
    {"leaves-the-flag-alone", "started", "amd-on", "kvm", TAG, PLAIN, FLAG, NULL, NULL, NULL,
     A_FLAG},

    /* an ordinary user */
    {"session-passes", "start", "amd-on", "kvm", TAG, PASSTHROUGH, SESSION, NULL, NULL, NULL,
     NO_FLAG},
    {"session-needs-the-host", "start", "amd-off-idle", "kvm", TAG, PASSTHROUGH, SESSION,
     "NEST-HOST-OFF", NULL, NULL, NO_FLAG},
    {"session-uncorrected", "start", "amd-on", "kvm", TAG, PLAIN, SESSION | DEFINITION,
     "NEST-START-UNCORRECTED", "virt-nest -c qemu:///session apply lab1", NULL, NO_FLAG},
    {"session-has-no-daemon-of-root", "start", "amd-on", "kvm", TAG, PLAIN,
     SESSION | DEFINITION | DAEMON | RESTART, "NEST-START-UNCORRECTED", "systemctl --user start virtnestd",
     NULL, NO_FLAG},
    {"session-transient", "start", "amd-on", "kvm", TAG, PLAIN, SESSION, "NEST-START-TRANSIENT",
     NULL, NULL, NO_FLAG},
    {"session-other-vendor", "prepare", "amd-on", "kvm", TAG, HASWELL_VMX, SESSION,
     "NEST-CPU-VENDOR", NULL, NULL, NO_FLAG},
    {"session-restore-passes", "restore", "amd-off-idle", "kvm", TAG LIVE(UUID, "yes"), PASSTHROUGH,
     SESSION, NULL, NULL, NULL, NO_FLAG},
};

/* Every host there is, for a kvm domain that would have nested guests. */
static const struct {
    const char *host;
    const char *code; /* NULL: it can nest */
} hosts[] = {
    {"amd-on", NULL},
    {"intel-on", NULL},
    {"hygon-on", NULL},
    {"zhaoxin-on", NULL},
    {"amd-off-idle", "NEST-HOST-OFF"},
    {"intel-off-idle", "NEST-HOST-OFF"},
    {"amd-kept-off", "NEST-HOST-KEPT-OFF"},
    {"amd-off-busy", "NEST-HOST-BUSY"},
    {"amd-builtin-off", "NEST-HOST-BUILTIN"},
    {"amd-absent", "NEST-HOST-ABSENT"},
    {"amd-no-svm", "NEST-HOST-HARDWARE"},
    {"intel-no-vmx", "NEST-HOST-HARDWARE"},
    {"unknown-vendor", "NEST-HOST-VENDOR"},
    {"no-device", "NEST-HOST-DEVICE"},
};

/* Domains that are not ours, and documents that are none. */
static const struct {
    const char *shows;
    const char *xml;
    const char *code; /* where an operation may be refused; NULL: passes in silence */
} documents[] = {
    {"untagged", "<domain type='kvm'><name>lab1</name><uuid>" UUID "</uuid></domain>", NULL},
    {"untagged-confidential", "<domain type='kvm'><name>lab1</name>" SEV "</domain>", NULL},
    {"named-like-us", "<domain type='kvm'><name>virt-nest</name><uuid>" UUID "</uuid></domain>",
     NULL},
    {"comment", "<domain type='kvm'><!-- nest:enable? --><name>lab1</name></domain>", NULL},
    {"description", "<domain type='xen'><description>for virt-nest</description></domain>", NULL},
    {"tag-outside-metadata", "<domain type='kvm'><devices>" TAG "</devices></domain>", NULL},
    {"other-namespace",
     "<domain type='kvm'><metadata><v:x xmlns:v='urn:virtnest-like'/></metadata></domain>", NULL},
    {"empty", "", NULL},
    {"not-ours-and-malformed", "<domain><name>lab1</nam", NULL},
    {"malformed", "<domain type='kvm'><metadata>" TAG "</metadata>" SECRET, "NEST-XML"},
    {"no-domain", "<network><metadata>" TAG "</metadata></network>", "NEST-XML"},
    {"doctype", "<!DOCTYPE domain><domain><metadata>" TAG "</metadata></domain>", "NEST-XML-DTD"},
    {"latin1",
     "<?xml version='1.0' encoding='ISO-8859-1'?><domain type='qemu'><metadata>" TAG
     "</metadata></domain>",
     "NEST-XML-ENCODING"},
};

/* Every mistake a person makes in a tag. */
static const struct {
    const char *shows;
    const char *metadata;
    const char *code;
    const char *says; /* the mistake, by name */
} mistakes[] = {
    {"disable-with-an-attribute", OFF_WITH("required='no'"), "NEST-TAG-ATTRIBUTE", "takes none"},
    {"disable-beside-enable", TAG OFF, "NEST-TAG-TWICE", "exactly one"},
    {"other-element", "<nest:enabled xmlns:nest='urn:virt-nest:1'/>", "NEST-TAG-ELEMENT",
     "enabled"},
    {"wrong-namespace", "<nest:enable xmlns:nest='urn:nest'/>", "NEST-TAG-NAMESPACE", "urn:nest"},
    {"wrong-version", "<n:enable xmlns:n='urn:virt-nest:2'/>", "NEST-TAG-NAMESPACE",
     "urn:virt-nest:2"},
    {"misspelt-namespace", "<n:enable xmlns:n='urn:virtnest:1'/>", "NEST-TAG-NAMESPACE",
     "urn:virtnest:1"},
    {"default-namespace", "<enable xmlns='http://virt-nest.org'/>", "NEST-TAG-NAMESPACE",
     "virt-nest.org"},
    {"no-namespace", "<!-- nest:enable --><enable/>", "NEST-TAG-NAMESPACE", "without a namespace"},
    {"attribute", TAG_WITH("vendor='amd'"), "NEST-TAG-ATTRIBUTE", "vendor"},
    {"cpu", TAG_WITH("cpu='host'"), "NEST-TAG-VALUE", "auto, host-passthrough"},
    {"migration", TAG_WITH("migration='no'"), "NEST-TAG-VALUE", "refuse, allow"},
    {"required", TAG_WITH("required='false'"), "NEST-TAG-VALUE", "yes, no"},
    {"not-required", TAG_WITH("required='no' cpu=''"), "NEST-TAG-VALUE", "cpu=''"},
    {"twice", TAG TAG, "NEST-TAG-TWICE", "exactly one"},
    {"content", "<nest:enable xmlns:nest='urn:virt-nest:1'>yes</nest:enable>", "NEST-TAG-CONTENT",
     "attributes"},
};

/* A pair of rows of two tables, kept for as long as the program runs. */
typedef struct {
    gsize row;       /* of hosts, documents or mistakes */
    gsize operation; /* of operations */
} Pair;

static void
test_document(gconstpointer data)
{
    const Pair *pair = data;
    const char *code = operations[pair->operation].may_refuse ? documents[pair->row].code : NULL;
    g_autoptr(World) world = world_new("amd-off-busy", 0);
    g_autoptr(Result) result =
        call(world, operations[pair->operation].name, documents[pair->row].xml);

    if (code)
        assert_refused(result, code);
    else
        assert_passed_silently(result);
    g_assert_false(has_flag_file());
}

static void
test_mistake(gconstpointer data)
{
    const Pair *pair = data;
    g_autoptr(World) world = world_new("amd-on", 0);
    g_autofree gchar *xml = domain("kvm", mistakes[pair->row].metadata, PASSTHROUGH);
    g_autoptr(Result) result = call(world, operations[pair->operation].name, xml);

    if (operations[pair->operation].tolerant) {
        assert_passed(result);
        return;
    }
    assert_refused(result, mistakes[pair->row].code);
    assert_contains(result->err, mistakes[pair->row].says);
}

static void
clear_flags(void)
{
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESUMING, UUID);
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESTORING, UUID);
}

static void
test_host(gconstpointer data)
{
    const Pair *pair = data;
    const char *operation = operations[pair->operation].name;
    const char *code = operations[pair->operation].may_refuse ? hosts[pair->row].code : NULL;
    g_autoptr(World) world = world_new(hosts[pair->row].host, 0);
    g_autofree gchar *required = domain("kvm", TAG, PASSTHROUGH);
    g_autofree gchar *optional = domain("kvm", OPTIONAL, PASSTHROUGH);
    g_autofree gchar *emulated = domain("qemu", TAG, EPYC_SVM);
    g_autoptr(Result) first = call(world, operation, required);
    g_autoptr(Result) second = NULL;
    g_autoptr(Result) third = NULL;

    if (code)
        assert_refused(first, code);
    else
        assert_passed_silently(first);
    clear_flags();
    second = call(world, operation, optional);
    assert_passed(second);
    assert_contains(second->err, code ? code : "");
    clear_flags();
    third = call(world, operation, emulated);
    assert_passed_silently(third);
}

/* A guest is restored, and stops; then it boots: the flag is good for the one start. */
static void
test_restore_then_boot(void)
{
    static const char *const restoring[] = {"restore", "prepare", "start", "started"};
    g_autoptr(World) world = world_new("amd-on", DEFINITION);
    g_autofree gchar *xml = domain("kvm", TAG, PLAIN);
    g_autoptr(Result) boot = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(restoring); i++) {
        g_autoptr(Result) result = call(world, restoring[i], xml);

        assert_passed_silently(result);
    }
    boot = call(world, "start", xml);
    assert_refused(boot, "NEST-START-UNCORRECTED");
}

/* The image that a host refuses is taken by the same host once it can nest, as it was saved. */
static void
test_refused_then_taken(void)
{
    static const struct {
        const char *host, *operation;
        gboolean refused;
    } steps[] = {
        {"amd-off-busy", "restore", FALSE}, {"amd-off-busy", "prepare", TRUE},
        {"amd-off-busy", "prepare", TRUE}, /* judged as a boot, as the note is gone */
        {"amd-on", "restore", FALSE},       {"amd-on", "prepare", FALSE},
        {"amd-on", "start", FALSE},
    };
    g_autofree gchar *xml = domain("kvm", TAG, EPYC_SVM);

    for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(World) world =
            world_new(steps[i].host, i > 0 && !steps[i - 1].refused ? IMAGE : 0);
        g_autoptr(Result) result = call(world, steps[i].operation, xml);

        g_assert_cmpint(result->status, ==, steps[i].refused);
        if (steps[i].refused)
            g_assert_false(has_flag_file());
    }
}

/* A boot in place of the image is named only where it would succeed: --force-boot gives the image up first. */
static void
test_force_boot(void)
{
    static const struct {
        const char *definition;
        gboolean named;
    } rows[] = {
        {"<domain type='kvm'><cpu mode='host-passthrough'/></domain>", TRUE},
        {"<domain type='kvm'><os><type arch='x86_64'>hvm</type></os><metadata>" TAG
         "</metadata>" PASSTHROUGH "</domain>",
         TRUE},
        {"<domain type='kvm'><os><type arch='x86_64'>hvm</type></os><metadata>" TAG
         "</metadata>" PLAIN "</domain>",
         FALSE},
        {"<domain type='kvm'><os><type arch='x86_64'>hvm</type></os><metadata>" OPTIONAL
         "</metadata>" PLAIN "</domain>",
         TRUE},
        {"<domain type='kvm'><os><type arch='x86_64'>hvm</type></os><metadata>" TAG_WITH(
             "x='y'") "</metadata>" PASSTHROUGH "</domain>",
         FALSE},
        {"<domain type='kvm'><os><type arch='x86_64'>hvm</type></os><metadata>" TAG
         "</metadata>" SEV "</domain>",
         FALSE},
        {"<domain type='kvm'><os><type arch='x86_64'>hvm</type></os><metadata>" TAG
         "</metadata>" PASSTHROUGH CPU_ARGUMENT("qemu64") "</domain>",
         FALSE},
        {"no XML", FALSE},
        {"", FALSE},
    };
    g_autofree gchar *xml = domain("kvm", TAG LIVE(UUID, "yes"), PASSTHROUGH);

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(World) world = world_new("amd-on", IMAGE);
        g_autoptr(Result) result = NULL;

        put_file(world, "/root/etc/libvirt/qemu/lab1.xml", rows[i].definition);
        put_file(world, "/home/.config/libvirt/qemu/lab1.xml", rows[i].definition);
        result = call(world, "prepare", xml);
        assert_refused(result, "NEST-LIVE-RUNNING");
        assert_contains(result->err, "migration='allow' in the saved image's tag");
        g_assert_cmpint(strstr(result->err, "--force-boot") != NULL, ==, rows[i].named);
    }
}

/* A judge that ends badly, by itself or by the kernel, or that prints: restore passes in silence. */
static void
test_restore_whatever_happens(void)
{
    static const char *const scripts[] = {
        "#!/bin/sh\nexit 1\n",
        "#!/bin/sh\necho '<domain/>'; exit 3\n",
        "#!/bin/sh\necho no XML\n",
        "#!/bin/sh\nkill -KILL $$\n",
        "#!/bin/sh\nkill -SEGV $$\n",
        "#!/nowhere\n",
    };
    g_autoptr(World) world = world_new("amd-off-busy", 0);
    g_autofree gchar *xml = domain("kvm", TAG LIVE(UUID, "yes"), PASSTHROUGH);

    for (gsize i = 0; i < G_N_ELEMENTS(scripts); i++) {
        g_autoptr(Result) result = NULL;

        copy_hook_with_script(world, scripts[i]);
        result = call(world, "restore", xml);
        g_assert_cmpint(result->status, ==, 0);
        g_assert_cmpstr(result->out, ==, "");
        g_assert_null(strstr(result->err, "cannot be loaded"));
    }
}

/* Whether a tagged domain counts as about to start. */
static gboolean
is_held(void)
{
    return nest_runtime_flag_test(NEST_RUNTIME_FLAG_STARTING, UUID);
}

/* From start on, and until the domain has stopped, its host's nesting is held; a TCG guest needs none. */
static void
test_holds(void)
{
    g_autoptr(World) world = world_new("amd-on", 0);
    g_autofree gchar *xml = domain("kvm", TAG, PASSTHROUGH);
    g_autofree gchar *emulated = domain("qemu", TAG, EPYC_SVM);
    g_autofree gchar *resuming = domain("kvm", TAG LIVE(UUID, "no"), PLAIN);
    const struct {
        const char *operation, *xml;
        gboolean held;
    } steps[] = {
        {"start", emulated, FALSE}, {"prepare", xml, FALSE},   {"start", xml, TRUE},
        {"started", xml, TRUE},     {"stopped", xml, FALSE},   {"start", xml, TRUE},
        {"release", xml, FALSE},    {"start", resuming, TRUE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(Result) result = call(world, steps[i].operation, steps[i].xml);

        assert_passed(result);
        g_assert_cmpint(is_held(), ==, steps[i].held);
    }
}

/* Each call of a start, and of an end, leaves its time; the others do nothing at all. */
static void
test_notes_call(void)
{
    static const struct {
        const char *operation;
        gboolean noted;
    } steps[] = {
        {"prepare", TRUE}, {"start", TRUE},   {"started", TRUE},    {"migrate", TRUE}, {"restore", TRUE},
        {"stopped", TRUE}, {"release", TRUE}, {"reconnect", FALSE}, {"attach", FALSE}, {"tomorrow", FALSE},
    };
    g_autoptr(World) world = world_new("amd-on", 0);
    g_autofree gchar *xml = domain("qemu", "", PLAIN);
    g_autofree gchar *path = nest_root_path(NEST_HOOK_CALLED);

    if (geteuid() != 0) {
        g_test_skip("a session's hook leaves nothing");
        return;
    }
    put_file(world, "/root/run/there", "");
    for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(Result) result = call(world, steps[i].operation, xml);

        assert_passed_silently(result);
        g_assert_cmpint(g_unlink(path) == 0, ==, steps[i].noted);
    }
}

/* A flag that cannot be left is said in the log and refuses nothing. */
static void
test_flag_fails(void)
{
    g_autoptr(World) world = world_new("amd-on", 0);
    g_autofree gchar *xml = domain("kvm", TAG, PASSTHROUGH);
    g_autoptr(Result) result = NULL;

    put_file(world, "/root/run", "a file where a directory should be\n");
    result = call(world, "restore", xml);
    assert_passed(result);
    assert_contains(result->err, "[NEST-IO]");
}

static void
test_session_flag(void)
{
    g_autoptr(World) world = NULL;
    g_autofree gchar *xml = domain("kvm", TAG, PLAIN);
    g_autofree gchar *directory = NULL;
    static const char *const restoring[] = {"restore", "prepare", "start"};

    if (geteuid() != 0) {
        g_test_skip("needs root, to be an ordinary user");
        return;
    }
    world = world_new("amd-on", SESSION | DEFINITION);
    for (gsize i = 0; i < G_N_ELEMENTS(restoring); i++) {
        g_autoptr(Result) result = call(world, restoring[i], xml);

        assert_passed_silently(result);
    }
    /* Without a runtime directory there is no flag, and no word of it. */
    directory = g_strdup_printf("%s/run", world->root);
    must_run((const char *const[]){"rm", "-rf", directory, NULL});
    {
        g_autoptr(Result) result = call(world, "restore", xml);

        assert_passed_silently(result);
    }
}

/* A name goes into messages as it is, and into commands as a shell takes it. */
static void
test_name(void)
{
    g_autoptr(World) world = world_new("amd-on", 0);
    g_autofree gchar *xml = domain("kvm", TAG, PLAIN);
    const char *argv[] = {world->prefilter, "Gr\303\266\303\237e 'x'", "start", "begin", "-", NULL};
    g_autoptr(Result) result = NULL;

    put_file(world, "/root/etc/libvirt/qemu/Gr\303\266\303\237e 'x'.xml", "");
    put_file(world, "/home/.config/libvirt/qemu/Gr\303\266\303\237e 'x'.xml", "");
    result = run(world, argv, xml, strlen(xml));
    g_assert_cmpint(result->status, ==, 1);
    assert_contains(result->err, "domain 'Gr\303\266\303\237e 'x''");
    assert_contains(result->err, "apply 'Gr\303\266\303\237e '\\''x'\\''");
}

/* A name with a slash is in no directory of definitions, wherever it points. */
static void
test_name_with_slash(void)
{
    g_autoptr(World) world = world_new("amd-on", DEFINITION);
    g_autofree gchar *xml = domain("kvm", TAG, PLAIN);
    const char *argv[] = {world->prefilter, "../qemu/lab1", "start", "begin", "-", NULL};
    g_autoptr(Result) result = run(world, argv, xml, strlen(xml));

    assert_contains(result->err, "[NEST-START-TRANSIENT]");
}

static void
test_missing_arguments(void)
{
    static const char *const arguments[][3] = {{NULL}, {"lab1", NULL}, {"", "", NULL}};
    g_autoptr(World) world = world_new("amd-off-busy", 0);
    g_autofree gchar *xml = domain("kvm", TAG, PLAIN);

    for (gsize i = 0; i < G_N_ELEMENTS(arguments); i++) {
        const char *const *a = arguments[i];
        const char *argv[] = {world->prefilter, a[0], a[0] ? a[1] : NULL, NULL, NULL};
        g_autoptr(Result) result = run(world, argv, xml, strlen(xml));

        assert_passed_silently(result);
    }
}

/* A domain's XML with so many bytes before its tag. */
static gchar *
padded(gsize before, const char *metadata, gsize *ret_length)
{
    g_autofree gchar *padding = g_strnfill(before, 'x');
    gchar *xml = g_strdup_printf("<domain type='kvm'><description>%s</description><name>lab1</name>"
                                 "<metadata>%s</metadata></domain>",
                                 padding, metadata);

    *ret_length = strlen(xml);
    return xml;
}

/* A single word is found wherever in it the border between two of the prefilter's chunks falls. */
static void
test_chunk_borders(void)
{
    static const gsize borders[] = {64 * 1024, 128 * 1024, 256 * 1024};
    static const char tag[] = "<n:enable xmlns:n='urn:virt-nest:1'/>";
    g_autoptr(World) world = world_new("amd-off-busy", 0);
    const char *argv[] = {world->prefilter, "lab1", "prepare", "begin", "-", NULL};
    gsize length = 0;
    g_autofree gchar *unpadded = padded(0, tag, &length);
    gsize word = (gsize)(strstr(unpadded, "virt-nest") - unpadded);

    for (gsize i = 0; i < G_N_ELEMENTS(borders); i++) {
        for (gsize inside = 0; inside <= strlen("virt-nest") + 1; inside++) {
            g_autofree gchar *xml = padded(borders[i] - word - inside, tag, &length);
            g_autoptr(Result) result = run(world, argv, xml, length);

            assert_refused(result, "NEST-HOST-BUSY");
        }
    }
}

/* The sizes around one chunk, untagged and tagged, come out of a pipe that trickles. */
static void
test_pipe(void)
{
    static const gsize sizes[] = {0, 1000, 65300, 65400, 65536, 200000};
    g_autoptr(World) world = world_new("amd-off-busy", 0);
    const char *argv[] = {"sh", "-c", "dd bs=4093 status=none | \"$0\" lab1 prepare begin -",
                          world->prefilter, NULL};

    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        gsize length = 0;
        g_autofree gchar *plain = padded(sizes[i], "", &length);
        g_autoptr(Result) untagged = run(world, argv, plain, length);
        g_autofree gchar *ours = padded(sizes[i], TAG, &length);
        g_autoptr(Result) tagged = run(world, argv, ours, length);

        assert_passed_silently(untagged);
        assert_refused(tagged, "NEST-HOST-BUSY");
    }
}

/* 20 MB are refused where we are mentioned and leave may be asked for, and pass otherwise. */
static void
test_too_long(void)
{
    g_autoptr(World) world = world_new("amd-on", 0);
    gsize length = 0;
    g_autofree gchar *ours = padded(20u * 1000 * 1000, TAG, &length);
    const char *prepare[] = {world->prefilter, "lab1", "prepare", "begin", "-", NULL};
    const char *stopped[] = {world->prefilter, "lab1", "stopped", "end", "-", NULL};
    g_autoptr(Result) refused = run(world, prepare, ours, length);
    g_autoptr(Result) passed = run(world, stopped, ours, length);
    g_autofree gchar *plain = padded(20u * 1000 * 1000, "", &length);
    g_autoptr(Result) untagged = run(world, prepare, plain, length);

    assert_refused(refused, "NEST-IO");
    assert_contains(refused->err, "16 MiB");
    assert_passed_silently(passed);
    assert_passed_silently(untagged);
}

/* What is in the place of the judge: nothing, or what cannot be loaded. */
static const struct {
    const char *shows, *script; /* $0: the place */
} no_parts[] = {
    {"alone", ":"},
    {"empty", ": >$0"},
    {"text", "echo nonsense >$0"},
    {"directory", "mkdir $0"},
    {"program", "cp /bin/true $0"},
    {"another-object", "cp $1 $0"},
#ifndef NEST_SANITIZED /* a sanitizer says more about such a signal itself */
    {"cut-off", "head -c 3000 $2 >$0"},
    {"cut-off-late", "head -c 60000 $2 >$0"},
#endif
};

/* Without its judge the prefilter refuses what it may and lets the rest go. */
static void
test_no_judge(gconstpointer data)
{
    const Pair *pair = data;
    g_autofree gchar *plugin = built("plugins/export-textfile.so");
    g_autofree gchar *second = built("libexec/qemu-hook.so");
    const char *argv[] = {"sh", "-c", no_parts[pair->row].script, NULL, plugin, second, NULL};
    g_autofree gchar *place = NULL;
    g_autoptr(World) world = world_new("amd-on", 0);
    g_autofree gchar *ours = domain("kvm", TAG, PASSTHROUGH);
    g_autofree gchar *plain = domain("kvm", "", PASSTHROUGH);
    g_autoptr(Result) tagged = NULL;
    g_autoptr(Result) untagged = NULL;

    copy_hook(world, FALSE);
    place = g_strconcat(world->directory, "/libexec/qemu-hook.so", NULL);
    argv[3] = place;
    must_run(argv);
    tagged = call(world, operations[pair->operation].name, ours);
    untagged = call(world, operations[pair->operation].name, plain);
    if (operations[pair->operation].may_refuse)
        assert_refused(tagged, "NEST-IO");
    else
        assert_passed_silently(tagged);
    assert_passed_silently(untagged);
}

/* What a program that the judge runs finds: the whole XML from its start in a memfd, the arguments as they came, and
 * no closed descriptor that its next file would take the place of. */
static void
test_hand_over(void)
{
    static const gsize sizes[] = {0, 65400, 200000};
    static const char script[] =
        "#!/bin/sh\nlinks=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2)\n"
        "{ echo \"$links\"; echo \"$*\"; cat; } >seen\n";
    g_autoptr(World) world = world_new("amd-on", 0);
    g_autofree gchar *seen = g_build_filename(world->directory, "seen", NULL);
    const char *argv[] = {"sh", "-c", "exec \"$0\" lab1 restore begin - >&- 2>&-", NULL, NULL};

    copy_hook_with_script(world, script);
    argv[3] = world->prefilter;
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        gsize length = 0;
        g_autofree gchar *xml = padded(sizes[i], TAG, &length);
        g_autofree gchar *expected =
            g_strconcat("/memfd:virt-nest-domain (deleted)\n/dev/null\n/dev/null\n"
                        "lab1 restore begin -\n",
                        xml, NULL);
        g_autofree gchar *found = NULL;
        g_autoptr(Result) result = run(world, argv, xml, length);

        assert_passed(result);
        g_assert_true(g_file_get_contents(seen, &found, NULL, NULL));
        g_assert_cmpstr(found, ==, expected);
    }
}

/* Any of the three descriptors closed: the same judgement, said or not. */
static void
test_closed_descriptors(void)
{
    static const struct {
        const char *closed;
        const char *host;
        int status;
    } rows[] = {
        {"<&-", "amd-off-busy", 0},         {">&-", "amd-off-busy", 1},
        {"2>&-", "amd-off-busy", 1},        {">&- 2>&-", "amd-off-busy", 1},
        {"<&- >&- 2>&-", "amd-on", 0},      {">&-", "amd-on", 0},
        {">&- 2>&-", "amd-on", 0},          {">/dev/full", "amd-on", 0},
        {"2>/dev/full", "amd-off-busy", 1},
    };
    g_autofree gchar *xml = domain("kvm", TAG, "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(World) world = world_new(rows[i].host, 0);
        g_autofree gchar *script =
            g_strdup_printf("exec \"$0\" lab1 prepare begin - %s", rows[i].closed);
        const char *argv[] = {"sh", "-c", script, world->prefilter, NULL};
        g_autoptr(Result) result = run(world, argv, xml, strlen(xml));

        g_assert_cmpint(result->status, ==, rows[i].status);
    }
}

/* Nobody reads what is said: the exit status is the judgement's all the same, not a signal's. */
static void
test_nobody_reads(void)
{
    static const struct {
        const char *script;
        const char *host;
        int status;
    } rows[] = {
        {"{ sleep 0.2; \"$0\" lab1 prepare begin - <input.xml 2>&3; echo $? >status; } 3>&1 | true",
         "amd-on", 0},
        {"{ sleep 0.2; \"$0\" lab1 prepare begin - <input.xml 2>&1; echo $? >status; } | true",
         "amd-off-busy", 1},
    };
    g_autofree gchar *xml = domain("kvm", TAG, "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(World) world = world_new(rows[i].host, 0);
        g_autofree gchar *script = g_strdup_printf("trap - PIPE; %s", rows[i].script);
        const char *argv[] = {"sh", "-c", script, world->prefilter, NULL};
        g_autoptr(Result) result = run(world, argv, xml, strlen(xml));
        g_autofree gchar *path = g_build_filename(world->directory, "status", NULL);
        g_autofree gchar *status = NULL;

        g_assert_true(g_file_get_contents(path, &status, NULL, NULL));
        g_assert_cmpint(atoi(status), ==, rows[i].status);
        (void)result;
    }
}

/* A standard input that fails: a directory cannot be read. What was not seen is not refused. */
static void
test_unreadable_input(void)
{
    g_autoptr(World) world = world_new("amd-on", 0);
    const char *argv[] = {"sh", "-c", "exec \"$0\" lab1 start begin - </", world->prefilter, NULL};
    g_autoptr(Result) result = run(world, argv, "", 0);

    assert_passed_silently(result);
}

static gchar *
needed_libraries(const char *program)
{
    g_autofree gchar *path = built(program);
    const char *argv[] = {"readelf", "-d", path, NULL};
    g_autofree gchar *out = NULL;
    g_autoptr(GString) needed = g_string_new(NULL);
    g_auto(GStrv) lines = NULL;

    g_assert_true(g_spawn_sync(NULL, (gchar **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                               NULL, NULL, NULL));
    lines = g_strsplit(out, "\n", -1);
    for (gsize i = 0; lines[i]; i++)
        if (strstr(lines[i], "(NEEDED)"))
            g_string_append_printf(needed, "%s ", strchr(lines[i], '['));
    return g_string_free(g_steal_pointer(&needed), FALSE);
}

/* The prefilter links libc alone, and neither part links libvirt, which waits for the hook. */
static void
test_libraries(void)
{
    g_autofree gchar *prefilter = needed_libraries("hooks/qemu");
    g_autofree gchar *second = needed_libraries("libexec/qemu-hook.so");

    g_assert_null(strstr(second, "virt"));
    g_assert_null(strstr(prefilter, "glib"));
    if (!strstr(prefilter, "san.so")) /* the sanitizers bring libraries of their own */
        g_assert_cmpstr(prefilter, ==, "[libc.so.6] ");
}

/* Calls the hook with a setting of the dynamic loader's. */
static Result *
call_loaded(const World *world, const char *setting, const char *operation, const char *xml)
{
    const char *argv[] = {"env", setting, world->prefilter, "lab1", operation, "begin", "-", NULL};

    return run(world, argv, xml, strlen(xml));
}

/* libkmod is loaded where the module is to be looked for, and on no host whose module is right. */
static void
test_late_kmod(void)
{
    static const struct {
        const char *host, *type, *operation;
        gboolean is_loaded;
    } rows[] = {
        {"amd-on", "kvm", "prepare", FALSE},      {"amd-on", "kvm", "start", FALSE},
        {"amd-on", "kvm", "migrate", FALSE},      {"amd-absent", "kvm", "restore", FALSE},
        {"amd-absent", "qemu", "prepare", FALSE}, {"amd-absent", "kvm", "prepare", TRUE},
        {"amd-absent", "kvm", "migrate", TRUE},   {"amd-absent", "kvm", "start", TRUE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(World) world = world_new(rows[i].host, 0);
        g_autofree gchar *xml = domain(rows[i].type, TAG, PASSTHROUGH);
        g_autoptr(Result) result = call_loaded(world, "LD_DEBUG=files", rows[i].operation, xml);

        assert_contains(result->err, "libxml2.so");
        if ((strstr(result->err, "libkmod.so") != NULL) != rows[i].is_loaded)
            g_error("%s, %s: %s", rows[i].host, rows[i].operation, result->err);
    }
}

/* A libkmod that cannot be loaded is named where it is needed, and not missed elsewhere. */
static void
test_no_kmod(gconstpointer data)
{
    const Pair *pair = data;
    g_autoptr(World) host = world_new("amd-absent", 0);
    g_autoptr(World) right_host = world_new("amd-on", 0);
    g_autofree gchar *setting = g_strdup_printf("LD_LIBRARY_PATH=%s/lib", host->directory);
    g_autofree gchar *xml = domain("kvm", TAG, PASSTHROUGH);
    const char *operation = operations[pair->operation].name;
    g_autoptr(Result) result = NULL;
    g_autoptr(Result) right = NULL;

    put_file(host, "/lib/libkmod.so.2", "no library");
    result = call_loaded(host, setting, operation, xml);
    right = call_loaded(right_host, setting, operation, xml);
    assert_passed(right);
    if (!operations[pair->operation].may_refuse) {
        assert_passed_silently(result);
        return;
    }
    assert_refused(result, "NEST-IO");
    assert_contains(result->err, "libkmod.so.2");
    assert_contains(result->err, "install libkmod");
}

static void
add_pairs(const char *group, gsize row, const char *name, GTestDataFunc test)
{
    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
        const char *operation = *operations[i].name ? operations[i].name : "none";
        g_autofree gchar *path = g_strdup_printf("/hook/%s/%s/%s", group, operation, name);
        Pair *pair = g_new0(Pair, 1);

        *pair = (Pair){row, i};
        g_test_add_data_func_full(path, pair, test, g_free);
    }
}

static void
add_tables(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *path = g_strdup_printf("/hook/%s/%s", cases[i].operation, cases[i].shows);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(documents); i++)
        add_pairs("document", i, documents[i].shows, test_document);
    for (gsize i = 0; i < G_N_ELEMENTS(mistakes); i++)
        add_pairs("mistake", i, mistakes[i].shows, test_mistake);
    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++)
        add_pairs("host", i, hosts[i].host, test_host);
    for (gsize i = 0; i < G_N_ELEMENTS(no_parts); i++)
        add_pairs("no-judge", i, no_parts[i].shows, test_no_judge);
    add_pairs("no-kmod", 0, "absent", test_no_kmod);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        GTestFunc test;
    } tests[] = {
        {"/hook/flag/holds", test_holds},
        {"/hook/each call is noted", test_notes_call},
        {"/hook/flag/restore-then-boot", test_restore_then_boot},
        {"/hook/flag/refused-then-taken", test_refused_then_taken},
        {"/hook/flag/force-boot", test_force_boot},
        {"/hook/flag/restore-whatever-happens", test_restore_whatever_happens},
        {"/hook/flag/failing-refuses-nothing", test_flag_fails},
        {"/hook/flag/session", test_session_flag},
        {"/hook/name/utf8-and-quotes", test_name},
        {"/hook/name/slash", test_name_with_slash},
        {"/hook/prefilter/missing-arguments", test_missing_arguments},
        {"/hook/prefilter/chunk-borders", test_chunk_borders},
        {"/hook/prefilter/pipe", test_pipe},
        {"/hook/prefilter/too-long", test_too_long},
        {"/hook/prefilter/hand-over", test_hand_over},
        {"/hook/prefilter/closed-descriptors", test_closed_descriptors},
        {"/hook/prefilter/nobody-reads", test_nobody_reads},
        {"/hook/prefilter/unreadable-input", test_unreadable_input},
        {"/hook/prefilter/libraries", test_libraries},
        {"/hook/late-kmod", test_late_kmod},
    };

    g_test_init(&argc, &argv, NULL);
    add_tables();
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_func(tests[i].path, tests[i].test);
    return g_test_run();
}
