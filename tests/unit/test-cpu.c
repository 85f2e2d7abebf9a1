/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU rewrite: every row of the table in cpu_rewrite.c, and what holds for every CPU there can be. */
#include "check.h"
#include "domain/cpu.h"
#include "domain/cpu_rewrite.h"

#include <libxml/parser.h>
#include <libxml/relaxng.h>

#define AUTO NEST_CPU_AUTO
#define PASSTHROUGH NEST_CPU_HOST_PASSTHROUGH
#define HOST_MODEL NEST_CPU_HOST_MODEL
#define KEEP NEST_CPU_KEEP

/* What stands around <cpu>: much that looks like it and must stay as it is. */
#define BEFORE(type)                                                                               \
    "<?xml version='1.0' encoding='UTF-8'?>\n<!-- <cpu mode='a'/> -->\n"                           \
    "<domain type='" type "' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"           \
    "  <name>n\xc3\xa4st &amp; <![CDATA[<cpu/>]]></name>\n  <metadata>\n"                          \
    "    <nest:enable xmlns:nest=\"urn:virt-nest:1\"/>\n"                                          \
    "    <x:cpu xmlns:x='urn:x' a='&gt;'><cpu mode='custom'/></x:cpu>\n  </metadata>\n"            \
    "  <memory unit='KiB'>1048576</memory>\n  <vcpu>4</vcpu>\n"                                    \
    "  <os>\n    <type arch='x86_64'>hvm</type>\n  </os>\n"
#define AFTER                                                                                      \
    "<devices>\n    <!-- </cpu> -->\n    <emulator>/usr/bin/qemu-system-x86_64</emulator>\n"       \
    "  </devices>\n  <qemu:commandline>\n    <qemu:arg value='-cpu'/>\n  </qemu:commandline>\n"    \
    "</domain>\n<!-- end -->\n"
#define WITHOUT_CPU ""

static const struct {
    const char *name, *before; /* a type of domain */
    const char *host;          /* the host's vendor, or NULL for a host nobody knows */
    const char *feature;       /* what the guest is to see */
} hosts[] = {
    {"kvm on Intel", BEFORE("kvm"), "intel", "vmx"}, {"kvm on AMD", BEFORE("kvm"), "amd", "svm"},
    {"kvm on Hygon", BEFORE("kvm"), "hygon", "svm"}, {"TCG on Intel", BEFORE("qemu"), "intel", "svm"},
    {"TCG on AMD", BEFORE("qemu"), "amd", "svm"},    {"TCG on an unknown host", BEFORE("qemu"), NULL, "svm"},
    {"kvm on Zhaoxin", BEFORE("kvm"), "zhaoxin", "vmx"},
};
enum { KVM_INTEL, KVM_AMD, KVM_HYGON, TCG, KVM_ZHAOXIN = 6 };

#define TOPOLOGY "<topology sockets='1' dies='1' cores='2' threads='2'/>"
#define NUMA "<numa><cell id='0' cpus='0-3' memory='1048576' unit='KiB'/></numa>"
#define CACHE_PASSED "<cache mode='passthrough'/>"
#define CACHE_EMULATED "<cache level='3' mode='emulate'/>"
#define PHYS_PASSED "<maxphysaddr mode='passthrough'/>"
#define PHYS_EMULATED "<maxphysaddr mode='emulate' bits='42'/>"
#define REQUIRE(feature) "<feature policy='require' name='" feature "'/>"
#define FEATURE(policy, feature) "<feature policy='" policy "' name='" feature "'/>"
/* Somebody's security or migration choice, which nobody may touch. */
#define PARTS                                                                                      \
    FEATURE("disable", "vmx-apicv-xapic") FEATURE("disable", "nrip-save")                          \
    FEATURE("forbid", "evmcs") FEATURE("optional", "vmx-ept") FEATURE("disable", "svme-addr-chk")
#define P_ON "<cpu mode='host-passthrough' check='none' migratable='on'>"
#define M_ON "<cpu mode='maximum' check='none' migratable='on'>"
#define HM "<cpu mode='host-model' check='partial'>"
#define CUSTOM(model) "<cpu mode='custom' match='exact' check='partial'><model fallback='forbid'>" model "</model>"
#define LIVE(model) "<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>" model "</model>"
#define DEFAULT "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model></cpu>"
#define END "</cpu>"
#define SAME NULL

/* One row: today's CPU and what it becomes, both as text; compared as libvirt would, see
 * nest_xml_canonical(), and SAME to the byte. */
typedef struct {
    const char *sentence;
    int host;
    NestCpuPolicy wish;
    const char *before;
    const char *after;
} Row;

static const Row rows[] = {
    /* kvm, x86_64 | none, or libvirt's default qemu64/kvm64 */
    {"no CPU becomes host-passthrough", KVM_INTEL, AUTO, WITHOUT_CPU, P_ON END},
    {"no CPU becomes host-passthrough on AMD", KVM_AMD, AUTO, WITHOUT_CPU, P_ON END},
    {"no CPU becomes host-passthrough on Hygon", KVM_HYGON, AUTO, WITHOUT_CPU, P_ON END},
    {"an empty CPU becomes host-passthrough", KVM_INTEL, AUTO, "<cpu/>", P_ON END},
    {"libvirt's default becomes host-passthrough", KVM_INTEL, AUTO, DEFAULT, P_ON END},
    {"kvm64 becomes host-passthrough", KVM_AMD, AUTO,
     "<cpu mode='custom' match='exact' check='none'><model>kvm64</model></cpu>", P_ON END},
    {"the default as old libvirt wrote it", KVM_INTEL, AUTO, "<cpu match='exact'><model>qemu64</model></cpu>",
     P_ON END},
    {"topology, numa and cache of no CPU are kept", KVM_INTEL, AUTO,
     "<cpu>" TOPOLOGY CACHE_PASSED NUMA "</cpu>", P_ON TOPOLOGY CACHE_PASSED NUMA END},
    {"maxphysaddr passed through is kept", KVM_INTEL, AUTO, "<cpu>" PHYS_PASSED "</cpu>", P_ON PHYS_PASSED END},
    {"topology of the default is kept", KVM_INTEL, AUTO,
     "<cpu mode='custom' match='exact' check='none'><model>qemu64</model>" TOPOLOGY NUMA "</cpu>",
     P_ON TOPOLOGY NUMA END},
    {"an emulated cache of no CPU is kept", KVM_INTEL, AUTO, "<cpu>" CACHE_EMULATED PHYS_EMULATED "</cpu>",
     P_ON CACHE_EMULATED PHYS_EMULATED END},
    /* kvm, x86_64 | host-passthrough, maximum */
    {"host-passthrough is unchanged", KVM_INTEL, AUTO, "<cpu mode='host-passthrough'/>", SAME},
    {"host-passthrough as virt-install writes it", KVM_AMD, AUTO, P_ON END, SAME},
    {"host-passthrough with migratable off", KVM_INTEL, AUTO, "<cpu mode='host-passthrough' migratable='off'/>",
     SAME},
    {"maximum is unchanged", KVM_INTEL, AUTO, "<cpu mode='maximum'/>", SAME},
    {"a require in host-passthrough is unchanged", KVM_INTEL, AUTO, P_ON REQUIRE("vmx") END, SAME},
    {"a force in host-passthrough is unchanged", KVM_INTEL, AUTO, P_ON FEATURE("force", "vmx") END, SAME},
    {"a disable in host-passthrough is removed", KVM_INTEL, AUTO, P_ON FEATURE("disable", "vmx") END, P_ON END},
    {"a forbid in host-passthrough is removed", KVM_AMD, AUTO, P_ON FEATURE("forbid", "svm") END, P_ON END},
    {"a disable that stands there twice is removed twice", KVM_INTEL, AUTO,
     P_ON FEATURE("disable", "vmx") TOPOLOGY FEATURE("forbid", "vmx") END, P_ON TOPOLOGY END},
    {"a disable in maximum is removed", KVM_INTEL, AUTO, "<cpu mode='maximum'>" FEATURE("disable", "vmx") END,
     "<cpu mode='maximum'/>"},
    {"the other vendor's disable is nobody's business", KVM_INTEL, AUTO, P_ON FEATURE("disable", "svm") END,
     SAME},
    {"parts in host-passthrough are untouched", KVM_INTEL, AUTO, P_ON PARTS END, SAME},
    {"parts stay where the disable goes", KVM_INTEL, AUTO, P_ON PARTS FEATURE("disable", "vmx") TOPOLOGY END,
     P_ON PARTS TOPOLOGY END},
    /* kvm, x86_64 | host-model, custom */
    {"host-model requires the feature", KVM_INTEL, AUTO, "<cpu mode='host-model' check='partial'/>",
     HM REQUIRE("vmx") END},
    {"host-model on AMD requires svm", KVM_AMD, AUTO, HM END, HM REQUIRE("svm") END},
    {"host-model on Hygon requires svm", KVM_HYGON, AUTO, HM END, HM REQUIRE("svm") END},
    {"host-model with the feature is unchanged", KVM_INTEL, AUTO, HM REQUIRE("vmx") END, SAME},
    {"a feature without policy is a require", KVM_INTEL, AUTO, HM "<feature name='vmx'/></cpu>", SAME},
    {"disable becomes require", KVM_INTEL, AUTO, HM FEATURE("disable", "vmx") END, HM REQUIRE("vmx") END},
    {"forbid becomes require", KVM_INTEL, AUTO, HM FEATURE("forbid", "vmx") END, HM REQUIRE("vmx") END},
    {"optional becomes require", KVM_INTEL, AUTO, HM FEATURE("optional", "vmx") END, HM REQUIRE("vmx") END},
    {"force becomes require", KVM_INTEL, AUTO, HM FEATURE("force", "vmx") END, HM REQUIRE("vmx") END},
    {"a model of the host's vendor requires it", KVM_INTEL, AUTO, CUSTOM("Haswell") END,
     CUSTOM("Haswell") REQUIRE("vmx") END},
    {"a model of AMD requires it", KVM_AMD, AUTO, CUSTOM("EPYC-Rome") "<vendor>AMD</vendor></cpu>",
     CUSTOM("EPYC-Rome") "<vendor>AMD</vendor>" REQUIRE("svm") END},
    {"a model of Hygon requires it", KVM_HYGON, AUTO, CUSTOM("Dhyana") END, CUSTOM("Dhyana") REQUIRE("svm") END},
    {"a model of Zhaoxin requires it", KVM_ZHAOXIN, AUTO, CUSTOM("YongFeng") END,
     CUSTOM("YongFeng") REQUIRE("vmx") END},
    {"a versioned model of Zhaoxin requires it", KVM_ZHAOXIN, AUTO, CUSTOM("YongFeng-v2") END,
     CUSTOM("YongFeng-v2") REQUIRE("vmx") END},
    {"a model of no vendor requires it", KVM_INTEL, AUTO, CUSTOM("qemu32") END,
     CUSTOM("qemu32") REQUIRE("vmx") END},
    {"qemu64 with a feature was chosen", KVM_INTEL, AUTO, CUSTOM("qemu64") REQUIRE("avx") END,
     CUSTOM("qemu64") REQUIRE("avx") REQUIRE("vmx") END},
    {"legacy match without mode", KVM_INTEL, AUTO, "<cpu match='exact'><model>Haswell</model></cpu>",
     "<cpu match='exact'><model>Haswell</model>" REQUIRE("vmx") END},
    {"match minimum stays", KVM_INTEL, AUTO, "<cpu mode='custom' match='minimum'><model>Penryn</model></cpu>",
     "<cpu mode='custom' match='minimum'><model>Penryn</model>" REQUIRE("vmx") END},
    {"match strict stays", KVM_INTEL, AUTO, "<cpu mode='custom' match='strict'><model>Penryn</model></cpu>",
     "<cpu mode='custom' match='strict'><model>Penryn</model>" REQUIRE("vmx") END},
    {"parts of a model are untouched", KVM_INTEL, AUTO, CUSTOM("Haswell") PARTS END,
     CUSTOM("Haswell") PARTS REQUIRE("vmx") END},
    {"the model's vendor_id stays", KVM_INTEL, AUTO,
     "<cpu mode='custom'><model vendor_id='KVMKVMKVM123'>Haswell</model></cpu>",
     "<cpu mode='custom'><model vendor_id='KVMKVMKVM123'>Haswell</model>" REQUIRE("vmx") END},
    /* the feature twice, as Vagrant's settings and those of its plugin add up: libvirt would refuse it */
    {"optional and require are one require", KVM_INTEL, AUTO, HM FEATURE("optional", "vmx") REQUIRE("vmx") END,
     HM REQUIRE("vmx") END},
    {"require and disable are one require", KVM_AMD, AUTO, HM REQUIRE("svm") FEATURE("disable", "svm") END,
     HM REQUIRE("svm") END},
    {"three without a require are one require", KVM_INTEL, AUTO,
     CUSTOM("Haswell") FEATURE("disable", "vmx") PARTS FEATURE("optional", "vmx") FEATURE("forbid", "vmx") END,
     CUSTOM("Haswell") REQUIRE("vmx") PARTS END},
    {"two requires in host-passthrough are one", KVM_INTEL, AUTO, P_ON REQUIRE("vmx") REQUIRE("vmx") END,
     P_ON REQUIRE("vmx") END},
    {"a disable after a require in host-passthrough is removed", KVM_INTEL, AUTO,
     P_ON REQUIRE("vmx") FEATURE("disable", "vmx") END, P_ON REQUIRE("vmx") END},
    {"the other vendor's feature twice is one, and off if one is", KVM_AMD, AUTO,
     HM FEATURE("optional", "vmx") FEATURE("disable", "vmx") END, HM FEATURE("disable", "vmx") REQUIRE("svm") END},
    {"twice under TCG is one", TCG, AUTO, M_ON REQUIRE("svm") FEATURE("optional", "svm") END, M_ON REQUIRE("svm") END},
    {"twice in what becomes another mode is one", KVM_INTEL, HOST_MODEL, P_ON REQUIRE("vmx") FEATURE("force", "vmx") END,
     HM REQUIRE("vmx") END},
    /* libvirt's default as the XML of a running guest has it */
    {"the default of a running guest", KVM_INTEL, AUTO, LIVE("qemu64") REQUIRE("x2apic") REQUIRE("hypervisor")
     REQUIRE("lahf_lm") FEATURE("disable", "svm") END, P_ON END},
    {"the default of a running guest on AMD", KVM_AMD, AUTO, LIVE("qemu64") REQUIRE("x2apic") REQUIRE("hypervisor")
     REQUIRE("lahf_lm") FEATURE("disable", "svm") TOPOLOGY END, P_ON TOPOLOGY END},
    {"kvm64 of a running guest", KVM_AMD, AUTO, LIVE("kvm64") REQUIRE("vme") REQUIRE("x2apic") REQUIRE("hypervisor") END,
     P_ON END},
    {"the default of a running guest on a host without pni", KVM_INTEL, AUTO, LIVE("qemu64") FEATURE("disable", "pni")
     REQUIRE("x2apic") FEATURE("disable", "svm") END, P_ON FEATURE("disable", "pni") END},
    {"the default of a running guest with a feature that was chosen", KVM_INTEL, AUTO,
     LIVE("qemu64") REQUIRE("x2apic") REQUIRE("avx") END, LIVE("qemu64") REQUIRE("x2apic") REQUIRE("avx") REQUIRE("vmx") END},
    {"the same features where nobody ran it", KVM_INTEL, AUTO, CUSTOM("qemu64") REQUIRE("x2apic") END,
     CUSTOM("qemu64") REQUIRE("x2apic") REQUIRE("vmx") END},
    {"the default of a running guest to wished host-model", KVM_INTEL, HOST_MODEL, LIVE("qemu64") REQUIRE("x2apic") END,
     HM REQUIRE("vmx") END},
    {"the default of a running guest under TCG", TCG, AUTO, LIVE("qemu64") REQUIRE("hypervisor") REQUIRE("lahf_lm") END,
     M_ON REQUIRE("svm") END},
    /* qemu (TCG), x86_64 | anything */
    {"no CPU becomes maximum under TCG", TCG, AUTO, WITHOUT_CPU, M_ON REQUIRE("svm") END},
    {"libvirt's default becomes maximum under TCG", TCG, AUTO, DEFAULT, M_ON REQUIRE("svm") END},
    {"host-model becomes maximum under TCG", TCG, AUTO, HM TOPOLOGY END, M_ON TOPOLOGY REQUIRE("svm") END},
    {"host-passthrough becomes maximum under TCG", TCG, AUTO, P_ON CACHE_PASSED END,
     M_ON CACHE_PASSED REQUIRE("svm") END},
    {"an Intel model becomes maximum under TCG", TCG, AUTO, CUSTOM("Haswell") NUMA END,
     M_ON NUMA REQUIRE("svm") END},
    {"an Intel model with vmx becomes maximum without it under TCG", TCG, AUTO,
     CUSTOM("Haswell") REQUIRE("vmx") FEATURE("optional", "aes") END,
     M_ON FEATURE("optional", "aes") REQUIRE("svm") END},
    {"a model of no vendor becomes maximum under TCG", TCG, AUTO, CUSTOM("qemu32") END,
     M_ON REQUIRE("svm") END},
    {"maxphysaddr passed through goes under TCG", TCG, AUTO, P_ON PHYS_PASSED END, M_ON REQUIRE("svm") END},
    {"maximum requires svm under TCG", TCG, AUTO, "<cpu mode='maximum'/>",
     "<cpu mode='maximum'>" REQUIRE("svm") END},
    {"maximum with svm is unchanged under TCG", TCG, AUTO, M_ON REQUIRE("svm") END, SAME},
    {"maximum without svm has it again under TCG", TCG, AUTO, M_ON FEATURE("disable", "svm") END,
     M_ON REQUIRE("svm") END},
    {"an AMD model is kept under TCG", TCG, AUTO, CUSTOM("EPYC") END, CUSTOM("EPYC") REQUIRE("svm") END},
    {"an AMD model with svm is unchanged under TCG", TCG, AUTO, CUSTOM("EPYC") REQUIRE("svm") END, SAME},
    /* any | with cpu='host-passthrough' / 'host-model' */
    {"wished host-passthrough is unchanged", KVM_INTEL, PASSTHROUGH, P_ON PARTS END, SAME},
    {"wished host-passthrough loses a disable", KVM_INTEL, PASSTHROUGH, P_ON FEATURE("disable", "vmx") END,
     P_ON END},
    {"no CPU to wished host-passthrough", KVM_INTEL, PASSTHROUGH, WITHOUT_CPU, P_ON END},
    {"maximum to wished host-passthrough", KVM_INTEL, PASSTHROUGH, "<cpu mode='maximum'/>", P_ON END},
    {"host-model to wished host-passthrough", KVM_INTEL, PASSTHROUGH, HM FEATURE("forbid", "vmx") TOPOLOGY END,
     P_ON TOPOLOGY END},
    {"a model to wished host-passthrough", KVM_INTEL, PASSTHROUGH,
     CUSTOM("Haswell") "<vendor>Intel</vendor>" TOPOLOGY NUMA END, P_ON TOPOLOGY NUMA END},
    {"a foreign model to wished host-passthrough", KVM_INTEL, PASSTHROUGH, CUSTOM("EPYC") END, P_ON END},
    {"wished host-passthrough under TCG is maximum", TCG, PASSTHROUGH, CUSTOM("EPYC") END,
     M_ON REQUIRE("svm") END},
    {"wished host-model from none", KVM_INTEL, HOST_MODEL, WITHOUT_CPU, HM REQUIRE("vmx") END},
    {"wished host-model from the default", KVM_AMD, HOST_MODEL, DEFAULT, HM REQUIRE("svm") END},
    {"wished host-model from host-passthrough", KVM_INTEL, HOST_MODEL,
     P_ON TOPOLOGY CACHE_PASSED PHYS_PASSED END, HM TOPOLOGY REQUIRE("vmx") END},
    {"wished host-model keeps what is emulated", KVM_INTEL, HOST_MODEL, P_ON CACHE_EMULATED PHYS_EMULATED END,
     HM CACHE_EMULATED PHYS_EMULATED REQUIRE("vmx") END},
    {"wished host-model from a foreign model", KVM_INTEL, HOST_MODEL, CUSTOM("EPYC") "<vendor>AMD</vendor></cpu>",
     HM REQUIRE("vmx") END},
    {"wished host-model drops the foreign model's feature", KVM_INTEL, HOST_MODEL, CUSTOM("EPYC") REQUIRE("svm") END,
     HM REQUIRE("vmx") END},
    {"wished host-passthrough drops the foreign model's feature", KVM_AMD, PASSTHROUGH,
     CUSTOM("Haswell") "<feature name='vmx'/>" FEATURE("disable", "aes") END, P_ON FEATURE("disable", "aes") END},
    {"a foreign feature that is disabled stays so", KVM_INTEL, HOST_MODEL, CUSTOM("EPYC") FEATURE("disable", "svm") END,
     HM FEATURE("disable", "svm") REQUIRE("vmx") END},
    {"wished host-model is unchanged", KVM_INTEL, HOST_MODEL, HM REQUIRE("vmx") PARTS END, SAME},
    {"wished host-model under TCG", TCG, HOST_MODEL, CUSTOM("Haswell") END, HM REQUIRE("svm") END},
    /* any | with cpu='keep' */
    {"keep host-passthrough", KVM_INTEL, KEEP, P_ON END, P_ON REQUIRE("vmx") END},
    {"keep maximum", KVM_INTEL, KEEP, "<cpu mode='maximum'/>", "<cpu mode='maximum'>" REQUIRE("vmx") END},
    {"keep host-model", KVM_AMD, KEEP, HM END, HM REQUIRE("svm") END},
    {"keep a model", KVM_INTEL, KEEP, CUSTOM("Haswell") FEATURE("disable", "vmx") END,
     CUSTOM("Haswell") REQUIRE("vmx") END},
    {"keep libvirt's default", KVM_INTEL, KEEP, DEFAULT,
     "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model>" REQUIRE("vmx") END},
    {"keep no CPU is libvirt's default, written out", KVM_INTEL, KEEP, WITHOUT_CPU,
     "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model>" REQUIRE("vmx") END},
    {"keep a bare topology", KVM_AMD, KEEP, "<cpu>" TOPOLOGY "</cpu>",
     "<cpu mode='custom' match='exact' check='none'>" TOPOLOGY
     "<model fallback='forbid'>qemu64</model>" REQUIRE("svm") END},
    {"keep no CPU under TCG", TCG, KEEP, WITHOUT_CPU,
     "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model>" REQUIRE("svm") END},
    {"keep an AMD model under TCG", TCG, KEEP, CUSTOM("EPYC") END, CUSTOM("EPYC") REQUIRE("svm") END},
    {"keep the feature", KVM_INTEL, KEEP, CUSTOM("Haswell") REQUIRE("vmx") END, SAME},
};

/* Rewrites; the outcome as text, or NULL with the error. */
static gchar *
rewrite(const char *text, NestCpuPolicy wish, const char *host, GPtrArray *changes, GError **error)
{
    g_autoptr(NestDomainXml) xml = check_parse(text);
    NestTag tag = NEST_TAG_DEFAULT;
    gchar *out = NULL;
    gboolean done = FALSE;

    tag.cpu = wish;
    done = nest_cpu_rewrite(xml, &tag, host ? nest_cpu_vendor_by_name(host) : NULL, changes, error);
    out = nest_domain_xml_text(xml);
    if (!done) {
        g_assert_cmpstr(out, ==, text); /* nothing is wanted of what is refused */
        g_clear_pointer(&out, g_free);
    }
    return out;
}

static gchar *
document(int host, const char *cpu)
{
    return g_strconcat(hosts[host].before, "  ", cpu, *cpu ? "\n  " : "", AFTER, NULL);
}

static gchar *
canonical_cpu(const char *text)
{
    g_autoptr(NestDomainXml) xml = check_parse(text);

    return nest_xml_canonical(nest_domain_xml_cpu(xml));
}

/* Only the bytes of <cpu> may differ. */
static void
check_rest(int host, const char *out)
{
    g_assert_true(g_str_has_prefix(out, hosts[host].before));
    g_assert_true(g_str_has_suffix(out, AFTER));
}

static void
test_row(gconstpointer data)
{
    const Row *row = data;
    g_autofree gchar *before = document(row->host, row->before);
    g_autofree gchar *wanted = document(row->host, row->after ? row->after : row->before);
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autofree gchar *out = rewrite(before, row->wish, hosts[row->host].host, changes, &error);
    g_autofree gchar *is = NULL;
    g_autofree gchar *should = NULL;

    g_assert_no_error(error);
    check_rest(row->host, out);
    if (row->after == SAME) {
        g_assert_cmpstr(out, ==, before);
        g_assert_cmpuint(changes->len, ==, 0);
        return;
    }
    g_assert_cmpuint(changes->len, >, 0);
    is = canonical_cpu(out);
    should = canonical_cpu(wanted);
    g_assert_cmpstr(is, ==, should);
}

/* Every kind of <cpu> libvirt takes for a domain of either type. */
static const char *const cpus[] = {
    WITHOUT_CPU,
    "<cpu/>",
    "<cpu></cpu>",
    "<cpu>\n  </cpu>",
    "<cpu>" TOPOLOGY "</cpu>",
    "<cpu>\n    " TOPOLOGY "\n    " NUMA "\n  </cpu>",
    "<cpu>" CACHE_EMULATED PHYS_EMULATED "</cpu>",
    "<cpu><!-- c\xc3\xb6mment <model>EPYC</model> -->" TOPOLOGY "<!-- last --></cpu>",
    DEFAULT,
    "<cpu mode='custom' match='exact' check='none'>\n    <model fallback='forbid'>kvm64</model>\n    " TOPOLOGY
    "\n  </cpu>",
    "<cpu match='exact'><model>qemu64</model></cpu>",
    CUSTOM("qemu64") REQUIRE("avx") END,
    CUSTOM("qemu32") END,
    CUSTOM("pentium3") PARTS END,
    "<cpu match='exact'><model>Haswell-noTSX-IBRS</model></cpu>",
    "<cpu match='minimum'><model>EPYC</model></cpu>",
    "<cpu mode='custom' match='strict'><model> Dhyana </model></cpu>",
    CUSTOM("Haswell") "<vendor>Intel</vendor>" TOPOLOGY NUMA REQUIRE("vmx") END,
    CUSTOM("Haswell") FEATURE("disable", "vmx") PARTS END,
    CUSTOM("EPYC-Milan") "<vendor>AMD</vendor>" FEATURE("optional", "svm") PARTS END,
    CUSTOM("EPYC") FEATURE("force", "svm") CACHE_EMULATED END,
    "<cpu mode='custom'><model vendor_id='KVM&amp;KVMKVM12'><![CDATA[Skylake-Client]]></model></cpu>",
    "<cpu mode=\"host-model\" check=\"partial\"/>",
    "<cpu mode='host-model'><model fallback='allow'/></cpu>",
    HM FEATURE("forbid", "vmx") FEATURE("forbid", "svm") PARTS END,
    HM FEATURE("optional", "vmx") FEATURE("disable", "svm") TOPOLOGY PHYS_EMULATED END,
    HM REQUIRE("vmx") END,
    HM "<feature name='svm' policy='require'/>" END,
    "<cpu mode='host-passthrough'/>",
    P_ON END,
    P_ON FEATURE("disable", "vmx") FEATURE("forbid", "svm") END,
    P_ON PARTS CACHE_PASSED PHYS_PASSED TOPOLOGY NUMA END,
    "<cpu mode='host-passthrough' migratable='off'>\r\n    " CACHE_PASSED "\r\n  </cpu>",
    "<cpu mode='maximum'/>",
    M_ON FEATURE("disable", "svm") FEATURE("disable", "vmx") CACHE_PASSED END,
    M_ON REQUIRE("svm") END,
    "<cpu mode='host-model'>" TOPOLOGY "<x:own xmlns:x='urn:x' y='1'><feature name='vmx'/></x:own></cpu>",
};
static const NestCpuPolicy policies[] = {AUTO, PASSTHROUGH, HOST_MODEL, KEEP};

static gboolean
one_of(const char *word, const char *const *list)
{
    return word && g_strv_contains(list, word);
}

static guint
count(const xmlNode *cpu, const char *name)
{
    guint n = 0;

    NEST_XML_FOREACH(cpu, child)
        n += nest_xml_is(child, name);
    return n;
}

/* Each feature stands once: libvirt says "CPU feature specified more than once" otherwise. */
static void
check_features(const xmlNode *cpu)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    NEST_XML_FOREACH(cpu, child)
        if (nest_xml_is(child, "feature"))
            g_assert_true(g_hash_table_add(seen, nest_xml_attribute(child, "name")));
}

/* What virCPUDefParseXML and the QEMU driver's validation refuse (libvirt 9.0 src/conf/cpu_conf.c,
 * src/qemu/qemu_validate.c) and no schema tells. */
static void
check_libvirt_takes(const NestDomainXml *xml)
{
    static const char *const raw[] = {"host-passthrough", "maximum", NULL};
    xmlNode *cpu = nest_domain_xml_cpu(xml);
    g_autofree gchar *mode = nest_xml_attribute(cpu, "mode");
    gboolean custom = !mode || g_str_equal(mode, "custom");
    xmlNode *cache = nest_xml_child(cpu, "cache");
    xmlNode *phys = nest_xml_child(cpu, "maxphysaddr");

    check_features(cpu);
    g_assert_cmpuint(count(cpu, "model"), <=, 1);
    g_assert_cmpuint(count(cpu, "vendor"), <=, 1);
    if (!custom) {
        g_autofree gchar *match = nest_xml_attribute(cpu, "match");

        g_assert_null(match);
        g_assert_null(nest_xml_child(cpu, "vendor"));
    } else {
        g_assert_nonnull(nest_xml_child(cpu, "model"));
    }
    if (one_of(mode, raw))
        g_assert_null(nest_xml_child(cpu, "model"));
    else
        g_assert_true(nest_xml_attribute_is(cpu, "migratable", NULL));
    if (nest_xml_attribute_is(cache, "mode", "passthrough"))
        g_assert_true(one_of(mode, raw));
    if (nest_xml_attribute_is(phys, "mode", "passthrough"))
        g_assert_cmpstr(mode, ==, "host-passthrough");
    if (mode && g_str_equal(mode, "host-passthrough"))
        g_assert_true(nest_cpu_is_kvm(xml));
}

/* The other features are as they were, whatever became of the mode. */
static void
check_other_features(const char *before, const char *after)
{
    static const char *const names[] = {"vmx-apicv-xapic", "nrip-save", "evmcs", "vmx-ept", "svme-addr-chk",
                                        "avx"};

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree gchar *name = g_strdup_printf("name='%s'", names[i]);
        g_autofree gchar *quoted = g_strdup_printf("name=\"%s\"", names[i]);
        gboolean was = strstr(before, name) || strstr(before, quoted);
        gboolean is = strstr(after, name) || strstr(after, quoted);

        g_assert_cmpint(was, ==, is);
    }
    g_assert_true(!strstr(before, "<topology") == !strstr(after, "<topology"));
    g_assert_true(!strstr(before, "<numa") == !strstr(after, "<numa"));
    g_assert_true(!strstr(before, "mment <model>") == !strstr(after, "mment <model>"));
    g_assert_true(!strstr(before, "urn:x' y=") == !strstr(after, "urn:x\" y=") || strstr(after, "urn:x' y="));
}

static void
check_outcome(int host, NestCpuPolicy wish, const char *before, const char *out)
{
    g_autoptr(NestDomainXml) xml = check_parse(out);
    g_autoptr(GPtrArray) again = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autofree gchar *twice = rewrite(out, wish, hosts[host].host, again, &error);
    const NestCpuVendor *vendor =
        nest_cpu_feature_vendor(xml, hosts[host].host ? nest_cpu_vendor_by_name(hosts[host].host) : NULL, NULL);

    check_rest(host, out);
    g_assert_no_error(error);
    g_assert_cmpstr(twice, ==, out);
    g_assert_cmpuint(again->len, ==, 0);
    g_assert_cmpstr(vendor->feature, ==, hosts[host].feature);
    g_assert_true(nest_cpu_exposes(xml, vendor));
    check_other_features(before, out);
}

/* The libvirt schema's word on a whole domain; NULL where libvirt is not installed. */
static xmlRelaxNG *
read_libvirt_schema(void)
{
    const char *path = "/usr/share/libvirt/schemas/domain.rng";
    xmlRelaxNGParserCtxt *parser = NULL;
    xmlRelaxNG *schema = NULL;

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return NULL;
    parser = xmlRelaxNGNewParserCtxt(path);
    schema = xmlRelaxNGParse(parser);
    xmlRelaxNGFreeParserCtxt(parser);
    g_assert_nonnull(schema);
    return schema;
}

static gboolean
schema_takes(xmlRelaxNG *schema, const char *text)
{
    xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
    xmlRelaxNGValidCtxt *validator = xmlRelaxNGNewValidCtxt(schema);
    gboolean taken = FALSE;

    xmlRelaxNGSetValidStructuredErrors(validator, nest_xml_be_silent, NULL);
    taken = xmlRelaxNGValidateDoc(validator, doc) == 0;
    xmlRelaxNGFreeValidCtxt(validator);
    xmlFreeDoc(doc);
    return taken;
}

/* Calls a function for every outcome of the whole matrix: hosts × policies × CPUs. */
static void
for_every_outcome(void (*call)(int host, NestCpuPolicy wish, const char *before, const char *out,
                               gpointer data), gpointer data)
{
    for (gsize h = 0; h < G_N_ELEMENTS(hosts); h++) {
        for (gsize w = 0; w < G_N_ELEMENTS(policies); w++) {
            for (gsize c = 0; c < G_N_ELEMENTS(cpus); c++) {
                g_autofree gchar *before = document((int)h, cpus[c]);
                g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
                g_autoptr(GError) error = NULL;
                g_autofree gchar *out = rewrite(before, policies[w], hosts[h].host, changes, &error);

                if (!out)
                    g_assert_error(error, NEST_ERROR, NEST_ERROR_CPU_VENDOR);
                else
                    g_assert_cmpint(g_str_equal(out, before), ==, changes->len == 0);
                call((int)h, policies[w], before, out, data);
            }
        }
    }
}

static void
call_check_outcome(int host, NestCpuPolicy wish, const char *before, const char *out, gpointer data)
{
    guint *n = data;

    if (out) {
        check_outcome(host, wish, before, out);
        (*n)++;
    }
}

static void
test_properties(void)
{
    guint n = 0;

    g_test_summary("every outcome shows the feature, differs in <cpu> only, and is left alone the next time");
    for_every_outcome(call_check_outcome, &n);
    g_test_message("%u outcomes", n);
    g_assert_cmpuint(n, >, 750);
}

/* What libvirt took before, for this type of domain: host-passthrough needs KVM. */
static void
call_check_libvirt(int host, NestCpuPolicy wish, const char *before, const char *out, gpointer data)
{
    gboolean taken_before = host < TCG || !strstr(before, "mode='host-passthrough'");
    g_autoptr(NestDomainXml) xml = out ? check_parse(out) : NULL;

    (void)data;
    if (out && (taken_before || wish != KEEP))
        check_libvirt_takes(xml);
}

static void
test_libvirt_takes(void)
{
    g_test_summary("no outcome holds what libvirt refuses: a model in host-passthrough, a passed cache in host-model");
    for_every_outcome(call_check_libvirt, NULL);
}

static void
call_check_schema(int host, NestCpuPolicy wish, const char *before, const char *out, gpointer schema)
{
    (void)wish;
    if (!out || strstr(before, "urn:x' y="))
        return;
    if (!schema_takes(schema, before))
        g_error("the test's own domain is not libvirt's: %s", before + strlen(hosts[host].before));
    if (!schema_takes(schema, out))
        g_error("not what libvirt takes: %s", out + strlen(hosts[host].before));
}

static void
test_schema(void)
{
    xmlRelaxNG *schema = read_libvirt_schema();

    g_test_summary("libvirt's own schema takes every outcome");
    if (!schema) {
        g_test_skip("libvirt's schemas are not installed");
        return;
    }
    for_every_outcome(call_check_schema, schema);
    xmlRelaxNGFree(schema);
}

#define AARCH64(type, rest)                                                                        \
    "<domain type='" type "' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><os><type arch='aarch64'>hvm</type></os>" rest
#define EL2 "<features><acpi/><virtualization/></features>"
#define MACHINE(value)                                                                             \
    "<qemu:commandline><qemu:arg value='-machine'/><qemu:arg value='" value "'/></qemu:commandline>"
#define NO_EL2_ARGUMENT MACHINE("virtualization=off")

/* Whether a guest of Arm has EL2, of which <cpu> says nothing. */
static const struct {
    const char *xml;
    gboolean has, may;
} el2[] = {
    {AARCH64("kvm", EL2), TRUE, TRUE},
    {AARCH64("qemu", EL2), TRUE, TRUE},
    {AARCH64("kvm", "<features><acpi/></features>"), FALSE, FALSE},
    {AARCH64("kvm", "<virtualization/>"), FALSE, FALSE},
    {AARCH64("kvm", "") P_ON END, FALSE, FALSE},
    {AARCH64("qemu", MACHINE("gic-version=3,virtualization=on")), TRUE, TRUE},
    {AARCH64("qemu", MACHINE("virt")), FALSE, FALSE},
    {AARCH64("qemu", EL2 NO_EL2_ARGUMENT), FALSE, TRUE},
};

static void
test_el2(void)
{
    const NestCpuVendor *arm = nest_cpu_vendor_by_name("arm");

    g_test_summary("a guest of aarch64 has EL2 by <virtualization/> or -machine, of which the last one counts");
    for (gsize i = 0; i < G_N_ELEMENTS(el2); i++) {
        g_autofree gchar *text = g_strconcat(el2[i].xml, AFTER, NULL);
        g_autoptr(NestDomainXml) xml = check_parse(text);

        g_test_message("%s", el2[i].xml);
        g_assert_true(nest_cpu_feature_vendor(xml, arm, NULL) == arm);
        g_assert_cmpint(nest_cpu_exposes(xml, arm), ==, el2[i].has);
        g_assert_cmpint(nest_cpu_may_expose(xml, arm), ==, el2[i].may);
        g_assert_false(nest_cpu_passes_feature(xml, arm));
    }
}

/* What becomes of a guest's CPU on IBM Z, and how it is told. */
static const struct {
    NestCpuPolicy wish;
    const char *cpu, *says, *word;
} ibm[] = {
    {AUTO, WITHOUT_CPU, "<cpu mode=\"host-passthrough\" check=\"none\"", "host-passthrough"},
    {KEEP, WITHOUT_CPU, "<cpu mode=\"host-passthrough\" check=\"none\"", "host-passthrough + sief2"},
    {AUTO, HM END, "<feature policy=\"require\" name=\"sief2\"/>", "host-model + sief2"},
    {AUTO, CUSTOM("z14") FEATURE("disable", "sief2") END, "<feature policy=\"require\" name=\"sief2\"/>", "z14 + sief2"},
    {HOST_MODEL, CUSTOM("z14") END, "<feature policy=\"require\" name=\"sief2\"/>", "host-model + sief2"},
    {AUTO, "<cpu mode='host-passthrough'/>", "<cpu mode='host-passthrough'/>", "host-passthrough"},
};

static void
test_ibm(void)
{
    const NestCpuVendor *vendor = nest_cpu_vendor_by_name("ibm");

    g_test_summary("on IBM Z the feature is sief2, and no CPU has an attribute that only x86's have");
    for (gsize i = 0; i < G_N_ELEMENTS(ibm); i++) {
        g_autofree gchar *text =
            g_strconcat("<domain type='kvm'><os><type arch='s390x'>hvm</type></os>", ibm[i].cpu, AFTER, NULL);
        g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        g_autofree gchar *out = rewrite(text, ibm[i].wish, "ibm", changes, &error);
        g_autoptr(NestDomainXml) xml = NULL;
        g_autofree gchar *word = NULL;

        g_assert_no_error(error);
        xml = check_parse(out);
        word = nest_cpu_describe(xml);
        check_says(out, ibm[i].says);
        g_assert_null(strstr(out, "migratable"));
        g_assert_cmpstr(word, ==, ibm[i].word);
        g_assert_true(nest_cpu_exposes(xml, vendor));
    }
}

/* What cannot be, why, and the way out. */
static const struct {
    const char *sentence;
    const char *before, *cpu;
    NestCpuPolicy wish;
    const char *host;
    int code;
    const char *says;
} refused[] = {
    {"a model of AMD on Intel", BEFORE("kvm"), CUSTOM("EPYC-Rome") END, AUTO, "intel", NEST_ERROR_CPU_VENDOR,
     "EPYC-Rome|of AMD|Intel's vmx|choose a model of Intel|host-passthrough"},
    {"a model of AMD on Intel that has svm", BEFORE("kvm"), CUSTOM("EPYC") REQUIRE("svm") END, AUTO, "intel",
     NEST_ERROR_CPU_VENDOR, "EPYC|of AMD|Intel's vmx"},
    {"a model of Intel on AMD", BEFORE("kvm"), CUSTOM("Haswell") END, AUTO, "amd", NEST_ERROR_CPU_VENDOR,
     "Haswell|of Intel|AMD's svm|choose a model of AMD"},
    {"a model of Intel on Hygon", BEFORE("kvm"), CUSTOM("Haswell") END, AUTO, "hygon", NEST_ERROR_CPU_VENDOR,
     "Haswell|of Intel|Hygon's svm"},
    {"a model of Hygon on Intel", BEFORE("kvm"), CUSTOM("Dhyana") END, AUTO, "intel", NEST_ERROR_CPU_VENDOR,
     "Dhyana|of Hygon|Intel's vmx"},
    {"a model of Zhaoxin on AMD", BEFORE("kvm"), CUSTOM("YongFeng") END, AUTO, "amd", NEST_ERROR_CPU_VENDOR,
     "YongFeng|of Zhaoxin|AMD's svm"},
    {"keep a foreign model", BEFORE("kvm"), CUSTOM("EPYC") END, KEEP, "intel", NEST_ERROR_CPU_VENDOR,
     "EPYC|of AMD|Intel's vmx"},
    {"a foreign model without mode", BEFORE("kvm"), "<cpu match='exact'><model>EPYC</model></cpu>", AUTO, "intel",
     NEST_ERROR_CPU_VENDOR, "EPYC|of AMD|Intel's vmx"},
    {"keep an Intel model under TCG", BEFORE("qemu"), CUSTOM("Haswell") END, KEEP, "intel",
     NEST_ERROR_CPU_VENDOR, "Haswell|of Intel|TCG|svm"},
    {"SEV", "<domain type='kvm'><launchSecurity type='sev'/>", WITHOUT_CPU, AUTO, "amd",
     NEST_ERROR_CPU_CONFIDENTIAL, "confidential|sev|remove the tag|virt-nest disable"},
    {"TDX", "<domain type='kvm'><launchSecurity type='tdx'/>", P_ON END, PASSTHROUGH, "intel",
     NEST_ERROR_CPU_CONFIDENTIAL, "confidential|tdx"},
    {"SEV-SNP with keep", "<domain type='kvm'><launchSecurity type='sev-snp'/>", P_ON END, KEEP, "amd",
     NEST_ERROR_CPU_CONFIDENTIAL, "confidential|sev-snp"},
    {"Arm", "<domain type='kvm'><os><type arch='aarch64'>hvm</type></os>", WITHOUT_CPU, AUTO, "intel",
     NEST_ERROR_CPU_ARCH, "host of Intel|x86_64 only|aarch64|virt-nest disable"},
    {"Arm that is emulated, without EL2", "<domain type='qemu'><name>a b</name><os><type arch='aarch64'>hvm</type></os>", WITHOUT_CPU,
     AUTO, "intel", NEST_ERROR_CPU_ARCH, "no EL2|<virtualization/>|virsh edit 'a b'|libvirt 12.1|virtualization=on"},
    {"Arm, whose EL2 an argument takes away", AARCH64("kvm", EL2 NO_EL2_ARGUMENT), P_ON END, KEEP, "arm",
     NEST_ERROR_CPU_ARGUMENT, "-machine virtualization=off|keeps EL2 from the guest|take both"},
    {"IBM Z that is emulated", "<domain type='qemu'><os><type arch='s390x'>hvm</type></os>", "<cpu mode='maximum'/>", AUTO, "ibm",
     NEST_ERROR_CPU_ARCH, "TCG|s390x|type='kvm'"},
    {"a model of x86 on IBM Z", "<domain type='kvm'><os><type arch='s390x'>hvm</type></os>", CUSTOM("EPYC") END, KEEP, "ibm",
     NEST_ERROR_CPU_VENDOR, "EPYC|of AMD|IBM's sief2"},
    {"RISC-V", "<domain type='kvm'><os><type arch='riscv64'>hvm</type></os>", WITHOUT_CPU, AUTO, "intel",
     NEST_ERROR_CPU_ARCH, "virt-nest does not|riscv64 yet|x86_64, s390x, aarch64"},
    {"32 bits", "<domain type='qemu'><os><type arch='i686'>hvm</type></os>", WITHOUT_CPU, KEEP, "intel",
     NEST_ERROR_CPU_ARCH, "virt-nest does not|i686 yet|x86_64"},
    {"Xen", "<domain type='xen'>", WITHOUT_CPU, AUTO, "intel", NEST_ERROR_CPU_TYPE, "'xen'|type='kvm'|type='qemu'"},
    {"Hyper-V", "<domain type='hyperv'>", WITHOUT_CPU, HOST_MODEL, "intel", NEST_ERROR_CPU_TYPE,
     "'hyperv'|type='kvm'"},
    {"no type", "<domain>", WITHOUT_CPU, AUTO, "intel", NEST_ERROR_CPU_TYPE, "''|type='kvm'"},
    {"a host nobody knows", "<domain type='kvm'>", WITHOUT_CPU, AUTO, NULL, NEST_ERROR_HOST_VENDOR,
     "vendor|Intel, AMD, Hygon, Zhaoxin, IBM and Arm"},
};

static void
test_refused(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *text = g_strconcat(refused[i].before, refused[i].cpu, AFTER, NULL);
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autofree gchar *out = rewrite(text, refused[i].wish, refused[i].host, changes, &error);

    g_assert_null(out);
    g_assert_error(error, NEST_ERROR, refused[i].code);
    check_says(error->message, refused[i].says);
    g_assert_cmpuint(changes->len, ==, 0);
}

static const struct {
    const char *cpu, *vmx, *svm, *word; /* whether it exposes each, and describe() */
} effects[] = {
    {WITHOUT_CPU, "no", "no", "none"},
    {"<cpu/>", "no", "no", "none"},
    {"<cpu>" TOPOLOGY "</cpu>", "no", "no", "none"},
    {DEFAULT, "no", "no", "qemu64"},
    {P_ON END, "yes", "yes", "host-passthrough"},
    {"<cpu mode='maximum'/>", "yes", "yes", "maximum"},
    {P_ON FEATURE("disable", "vmx") END, "no", "yes", "host-passthrough"},
    {P_ON FEATURE("forbid", "svm") END, "yes", "no", "host-passthrough"},
    {P_ON FEATURE("optional", "svm") END, "yes", "yes", "host-passthrough"},
    {HM END, "no", "no", "host-model"},
    {HM REQUIRE("vmx") END, "yes", "no", "host-model + vmx"},
    {HM "<feature name='svm'/></cpu>", "no", "yes", "host-model + svm"},
    {HM FEATURE("force", "svm") END, "no", "yes", "host-model + svm"},
    {HM FEATURE("optional", "vmx") END, "no", "no", "host-model"},
    {HM FEATURE("disable", "vmx") END, "no", "no", "host-model"},
    {HM REQUIRE("vmx-ept") END, "no", "no", "host-model"},
    {CUSTOM("EPYC") END, "no", "no", "EPYC"},
    {CUSTOM(" EPYC\n") REQUIRE("svm") END, "no", "yes", "EPYC + svm"},
    {CUSTOM("Haswell") REQUIRE("vmx") END, "yes", "no", "Haswell + vmx"},
    {"<cpu match='exact'><model>Haswell</model></cpu>", "no", "no", "Haswell"},
    {"<cpu mode='host-model'><model fallback='allow'/></cpu>", "no", "no", "host-model"},
};

static void
test_exposes(void)
{
    g_test_summary("a CPU is judged by its effect, and told in a word");
    for (gsize i = 0; i < G_N_ELEMENTS(effects); i++) {
        g_autofree gchar *text = document(KVM_INTEL, effects[i].cpu);
        g_autoptr(NestDomainXml) xml = check_parse(text);
        g_autofree gchar *word = nest_cpu_describe(xml);

        g_test_message("%s", effects[i].cpu);
        g_assert_cmpint(nest_cpu_exposes(xml, nest_cpu_vendor_by_name("intel")), ==, *effects[i].vmx == 'y');
        g_assert_cmpint(nest_cpu_exposes(xml, nest_cpu_vendor_by_name("amd")), ==, *effects[i].svm == 'y');
        g_assert_cmpint(nest_cpu_exposes(xml, nest_cpu_vendor_by_name("hygon")), ==, *effects[i].svm == 'y');
        g_assert_cmpstr(word, ==, effects[i].word);
    }
}

static void
test_vendor(void)
{
    g_autoptr(NestDomainXml) kvm = check_parse("<domain type='kvm'><os><type>hvm</type></os></domain>");
    g_autoptr(NestDomainXml) tcg = check_parse("<domain type='qemu'/>");
    const NestCpuVendor *intel = nest_cpu_vendor_by_name("intel");

    g_test_summary("under KVM the host's vendor counts, under TCG AMD's; without arch it is x86_64");
    g_assert_true(nest_cpu_feature_vendor(kvm, intel, NULL) == intel);
    g_assert_true(nest_cpu_feature_vendor(tcg, intel, NULL) == nest_cpu_vendor_of_tcg());
    g_assert_true(nest_cpu_feature_vendor(tcg, NULL, NULL) == nest_cpu_vendor_of_tcg());
    g_assert_true(nest_cpu_is_kvm(kvm));
    g_assert_false(nest_cpu_is_kvm(tcg));
}

static void
test_sentences(void)
{
    static const struct {
        int host;
        NestCpuPolicy wish;
        const char *cpu, *says;
    } cases[] = {
        {KVM_INTEL, AUTO, WITHOUT_CPU, "host-passthrough|migration|host-model|keep"},
        {KVM_INTEL, AUTO, P_ON FEATURE("disable", "vmx") END, "vmx|disable|removed"},
        {KVM_INTEL, AUTO, HM END, "vmx|required"},
        {KVM_AMD, AUTO, HM FEATURE("forbid", "svm") END, "svm|forbid|require"},
        {TCG, AUTO, HM END, "maximum|TCG"},
        {KVM_INTEL, HOST_MODEL, DEFAULT, "host-model"},
        {KVM_INTEL, KEEP, WITHOUT_CPU, "qemu64"},
    };

    g_test_summary("each change is told in a sentence; host-passthrough tells what it costs");
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *text = document(cases[i].host, cases[i].cpu);
        g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
        g_autofree gchar *out =
            rewrite(text, cases[i].wish, hosts[cases[i].host].host, changes, NULL);

        g_assert_nonnull(out);
        g_assert_cmpuint(changes->len, >, 0);
        check_says(g_ptr_array_index(changes, 0), cases[i].says);
    }
}

/* Documents of an unusual shape. */
static void
test_shapes(void)
{
    static const struct {
        const char *before, *after;
    } shapes[] = {
        {"<domain type='kvm'><name>a</name><devices/></domain>",
         "<domain type='kvm'><name>a</name>@<devices/></domain>"},
        {"<domain type='kvm'><name>a</name></domain>", "<domain type='kvm'><name>a</name>@</domain>"},
        {"<domain type='kvm'>\n  <name>a</name>\n</domain>", "<domain type='kvm'>\n  <name>a</name>\n  @\n</domain>"},
        {"<domain type='kvm'>\n\t<a/>\n\t<devices>\n\t</devices>\n</domain>",
         "<domain type='kvm'>\n\t<a/>\n\t@\n\t<devices>\n\t</devices>\n</domain>"},
        {"<domain type='kvm'>\r\n  <a/>\r\n  <devices/>\r\n</domain>",
         "<domain type='kvm'>\r\n  <a/>\r\n  @\r\n  <devices/>\r\n</domain>"},
        {"<domain type='kvm'><a/><cpu/><devices/></domain>", "<domain type='kvm'><a/>@<devices/></domain>"},
    };

    g_test_summary("a new <cpu> stands before the devices, or last, on a line of its own where there are lines");
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
        g_autofree gchar *out = rewrite(shapes[i].before, AUTO, "intel", changes, NULL);
        g_auto(GStrv) parts = g_strsplit(shapes[i].after, "@", 2);
        g_autofree gchar *wanted = g_strconcat(
            parts[0], "<cpu mode=\"host-passthrough\" check=\"none\" migratable=\"on\"/>", parts[1], NULL);

        g_assert_cmpstr(out, ==, wanted);
    }
}

static void
test_vcpus(void)
{
    static const struct {
        const char *element;
        guint vcpus;
    } cases[] = {
        {"", 1},           {"<vcpu/>", 1},    {"<vcpu>0</vcpu>", 1},    {"<vcpu placement='static' current='2'>4</vcpu>", 4},
        {"<vcpu>x</vcpu>", 1}, {"<vcpu>16384</vcpu>", 16384}, {"<vcpu>99999999999</vcpu>", 16384},
        {"<vcpu>\n 8 \n</vcpu>", 8},
    };

    g_test_summary("the most vCPUs that it can have, within what libvirt takes");
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *text = g_strdup_printf("<domain>%s</domain>", cases[i].element);
        g_autoptr(NestDomainXml) xml = check_parse(text);

        g_assert_cmpuint(nest_cpu_vcpus(xml), ==, cases[i].vcpus);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("cpu/becomes", rows[i].sentence, &rows[i], test_row);
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++)
        check_add_row("cpu/refused", refused[i].sentence, GSIZE_TO_POINTER(i), test_refused);
    g_test_add_func("/cpu/every outcome has the properties", test_properties);
    g_test_add_func("/cpu/libvirt takes every outcome", test_libvirt_takes);
    g_test_add_func("/cpu/libvirt's schema takes every outcome", test_schema);
    g_test_add_func("/cpu/judged by effect", test_exposes);
    g_test_add_func("/cpu/EL2", test_el2);
    g_test_add_func("/cpu/IBM Z", test_ibm);
    g_test_add_func("/cpu/whose feature it is", test_vendor);
    g_test_add_func("/cpu/each change is told", test_sentences);
    g_test_add_func("/cpu/where a new one stands", test_shapes);
    g_test_add_func("/cpu/how many vCPUs", test_vcpus);
    return g_test_run();
}
