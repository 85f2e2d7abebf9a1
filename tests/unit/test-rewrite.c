/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest rewrite as a program: what goes in, what comes out, and with which exit status. */
#include "check.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAG "<nest:enable xmlns:nest='urn:virt-nest:1'/>"
#define DOMAIN(type, metadata, cpu)                                                                \
    "<domain type='" type                                                                          \
    "'>\n  <name>t1</name>\n  <metadata>\n    <other:x xmlns:other='urn:o'/>" metadata             \
    "\n  </metadata>\n  <!-- kept -->\n" cpu "  <devices/>\n</domain>\n"
#define EPYC "  <cpu mode='custom'>\n    <model>EPYC</model>\n  </cpu>\n"
#define HASWELL "  <cpu mode='custom'>\n    <model>Haswell</model>\n  </cpu>\n"
#define PASSTHROUGH "  <cpu mode='host-passthrough' check='none'/>\n"

#define CPU_ARGUMENT(cpu)                                                                          \
    "<commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'><arg value='-cpu'/><arg value='" cpu                 \
    "'/></commandline>"

/* One command line with its input and what it has to lead to. */
typedef struct {
    const char *sentence;  /* what the case shows */
    const char *arguments; /* as a shell would split them */
    const char *input;     /* standard input */
    int status;            /* the exit status */
    const char *out;       /* pieces of standard output; SAME, or NULL for nothing at all */
    const char *err;       /* pieces of standard error; NULL for nothing at all */
} Case;

#define SAME "=" /* standard output is the input, byte for byte */

static const Case filters[] = {
    {"an untagged domain comes out as it went in", "rewrite --cpu-vendor intel",
     DOMAIN("kvm", "", HASWELL), 0, SAME, NULL},
    {"an untagged domain needs no vendor", "rewrite", DOMAIN("kvm", "", ""), 0, SAME, NULL},
    {"DOS line ends stay", "rewrite", "<domain type='kvm'>\r\n\t<name>x</name>\r\n</domain>\r\n", 0,
     SAME, NULL},
    {"what is no XML passes", "rewrite", "not XML at all", 0, SAME, NULL},
    {"what is no domain passes", "rewrite", "<network><name>n</name></network>", 0, SAME, NULL},
    {"XML cut off passes", "rewrite", "<domain type='kvm'><name>x", 0, SAME, NULL},
    {"latin-1 passes", "rewrite",
     "<?xml version='1.0' encoding='ISO-8859-1'?><domain><name>\xe4</name></domain>", 0, SAME,
     NULL},
    {"nothing passes", "rewrite", "", 0, SAME, NULL},
    {"--explain says that nothing is to be done", "rewrite --explain", DOMAIN("kvm", "", ""), 0,
     SAME, "not tagged"},
    {"- is standard input", "rewrite -", DOMAIN("kvm", "", ""), 0, SAME, NULL},
    {"intel gives vmx", "rewrite --cpu-vendor intel", DOMAIN("kvm", TAG, HASWELL), 0,
     "<model>Haswell</model>|policy=\"require\" name=\"vmx\"|<!-- kept -->|urn:o", NULL},
    {"amd gives svm", "rewrite --cpu-vendor=amd", DOMAIN("kvm", TAG, EPYC), 0,
     "policy=\"require\" name=\"svm\"", NULL},
    {"hygon gives svm", "rewrite --cpu-vendor hygon", DOMAIN("kvm", TAG, EPYC), 0,
     "policy=\"require\" name=\"svm\"", NULL},
    {"no CPU becomes host-passthrough", "rewrite --cpu-vendor intel", DOMAIN("kvm", TAG, ""), 0,
     "mode=\"host-passthrough\"", NULL},
    {"a right CPU stays byte for byte", "rewrite --cpu-vendor intel", DOMAIN("kvm", TAG, PASSTHROUGH),
     0, SAME, NULL},
    {"what US-ASCII has no character for stays a reference", "rewrite --cpu-vendor intel",
     "<?xml version='1.0' encoding='US-ASCII'?><domain type='kvm'><metadata>" TAG
     "</metadata><cpu a='&#x1F600;'/></domain>",
     0, "<cpu a=\"&#x1F600;\" mode=\"host-passthrough\"", NULL},
    {"a right CPU is explained", "rewrite --cpu-vendor intel --explain",
     DOMAIN("kvm", TAG, PASSTHROUGH), 0, SAME, "nest: t1: nothing to do|host-passthrough"},
    {"a TCG domain gets svm whatever the vendor", "rewrite --cpu-vendor intel",
     DOMAIN("qemu", TAG, ""), 0, "mode=\"maximum\"|name=\"svm\"", NULL},
    {"--explain lists each change", "rewrite --explain", DOMAIN("qemu", TAG, ""), 0, "name=\"svm\"",
     "nest: t1: the CPU becomes maximum|nest: t1: feature svm is required"},
    {"a feature that stands there twice comes out once", "rewrite --cpu-vendor intel --explain",
     DOMAIN("kvm", TAG, "  <cpu mode='host-model'><feature policy='optional' name='vmx'/>"
                        "<feature policy='require' name='vmx'/></cpu>\n"),
     0, "<cpu mode=\"host-model\"><feature policy=\"require\" name=\"vmx\"/></cpu>",
     "feature vmx: policy optional is removed"},
    {"a -cpu in place of libvirt's is told, even without --explain", "rewrite --cpu-vendor intel",
     DOMAIN("kvm", TAG, PASSTHROUGH CPU_ARGUMENT("qemu64")), 0, SAME,
     "nest: t1: -cpu qemu64|takes the place|virsh edit t1|[NEST-CPU-ARGUMENT]"},
    {"a -cpu with the feature is told with --explain", "rewrite --cpu-vendor intel --explain",
     DOMAIN("kvm", TAG, PASSTHROUGH CPU_ARGUMENT("host")), 0, SAME, "-cpu host|takes the place|no effect"},
    {"and not without", "rewrite --cpu-vendor intel", DOMAIN("kvm", TAG, PASSTHROUGH CPU_ARGUMENT("host")), 0, SAME, NULL},
    {"what makes nested guests slow is explained", "rewrite --cpu-vendor amd --explain",
     DOMAIN("kvm", TAG, "  <cpu mode='custom'><model>Opteron_G3</model></cpu>\n"), 0, "name=\"svm\"",
     "feature svm is required|without npt and nrip-save"},
    {"a model of the other vendor is refused", "rewrite --cpu-vendor amd",
     DOMAIN("kvm", TAG, HASWELL), 1, NULL, "nest: |Haswell|Intel|[NEST-CPU-VENDOR]"},
    {"--explain adds nothing to a refusal", "rewrite --cpu-vendor amd --explain",
     DOMAIN("kvm", TAG, HASWELL), 1, NULL, "[NEST-CPU-VENDOR]"},
    {"a mistaken tag is refused", "rewrite --cpu-vendor amd",
     DOMAIN("kvm", "<nest:enable xmlns:nest='urn:virt-nest:1' cpu='x'/>", ""), 1, NULL,
     "cpu='x'|[NEST-TAG-VALUE]"},
    {"a tag in the wrong namespace is refused", "rewrite",
     DOMAIN("kvm", "<nest:enable xmlns:nest='urn:virtnest'/>", ""), 1, NULL,
     "[NEST-TAG-NAMESPACE]"},
    {"XML cut off that mentions us is refused", "rewrite", "<domain><metadata>" TAG, 1, NULL,
     "[NEST-XML]"},
    {"a document type declaration with a tag is refused", "rewrite",
     "<!DOCTYPE domain []>" DOMAIN("qemu", TAG, ""), 1, NULL, "[NEST-XML-DTD]"},
    {"another type of domain is refused", "rewrite", DOMAIN("xen", TAG, ""), 1, NULL,
     "xen|[NEST-CPU-TYPE]"},
    {"--enable tags an untagged domain, in the XML as well", "rewrite --enable --cpu-vendor intel",
     DOMAIN("kvm", "", HASWELL), 0,
     "<other:x xmlns:other='urn:o'/>\n    <nest:enable xmlns:nest='urn:virt-nest:1'/>\n  </metadata>|"
     "<!-- kept -->|policy=\"require\" name=\"vmx\"", NULL},
    {"--enable makes the metadata that is missing", "rewrite --enable", "<domain type='qemu'>\n  <name>t1</name>\n  <devices/>\n</domain>",
     0, "<domain type='qemu'>\n  <metadata><nest:enable xmlns:nest='urn:virt-nest:1'/></metadata>\n  <name>t1</name>|name=\"svm\"", NULL},
    {"--enable fills empty metadata", "rewrite --enable", "<domain type='qemu'><name>t1</name><metadata>\n</metadata><devices/></domain>",
     0, "<metadata><nest:enable xmlns:nest='urn:virt-nest:1'/></metadata>|name=\"svm\"", NULL},
    {"--enable with each attribute", "rewrite --enable --cpu=host-model --migration=allow --required no --explain",
     DOMAIN("qemu", "", ""), 0,
     "<nest:enable xmlns:nest='urn:virt-nest:1' cpu='host-model' migration='allow' required='no'/>|mode=\"host-model\"",
     "t1: the CPU becomes host-model"},
    {"--enable has nothing to do for a tagged domain with a right CPU", "rewrite --enable --cpu-vendor intel",
     DOMAIN("kvm", TAG, PASSTHROUGH), 0, SAME, NULL},
    {"--enable changes only the attributes that are named", "rewrite --enable --migration=allow",
     DOMAIN("qemu", "<nest:enable xmlns:nest='urn:virt-nest:1' cpu='keep'/>", ""), 0,
     "<nest:enable xmlns:nest='urn:virt-nest:1' cpu='keep' migration='allow'/>|<model fallback=\"forbid\">qemu64</model>", NULL},
    {"--enable does not overrule a mistaken tag", "rewrite --enable",
     DOMAIN("qemu", "<nest:enable xmlns:nest='urn:virt-nest:1' cpu='x'/>", ""), 1, NULL, "cpu='x'|[NEST-TAG-VALUE]"},
    {"--enable does not overrule somebody's <nest:disable>", "rewrite --enable",
     DOMAIN("qemu", "<nest:disable xmlns:nest='urn:virt-nest:1'/>", ""), 1, NULL, "<nest:disable>|[NEST-TAG-ELEMENT]"},
    {"--enable refuses what cannot be", "rewrite --enable --cpu-vendor amd", DOMAIN("kvm", "", HASWELL), 1, NULL,
     "Haswell|[NEST-CPU-VENDOR]"},
    {"--enable does not pass what is no domain", "rewrite --enable", "not XML at all", 1, NULL, "[NEST-XML]"},
    {"--enable does not pass a domain without anything in it", "rewrite --enable", "<domain type='qemu'/>", 1, NULL,
     "without a name|[NEST-XML]"},
    {"--enable with a misspelled value", "rewrite --enable --cpu=host-passtrough", "", 2, NULL,
     "--cpu does not take 'host-passtrough'|(did you mean 'host-passthrough'?)|[NEST-USAGE]"},
    {"an attribute without --enable", "rewrite --cpu=keep", "", 2, NULL, "--cpu|add --enable|[NEST-USAGE]"},
    {"--domain is the XML itself", "rewrite --enable --domain \"<domain type='qemu'><name>t2</name><devices/></domain>\"", "", 0,
     "<name>t2</name>|name=\"svm\"", NULL},
    {"--domain passes an untagged domain, too", "rewrite --domain '<domain/>'", "", 0, "<domain/>", NULL},
    {"--domain and a file", "rewrite --domain '<domain/>' x", "", 2, NULL, "not both|[NEST-USAGE]"},
    {"a file that is not there", "rewrite /nonexistent/x.xml", "", 1, NULL,
     "/nonexistent/x.xml|[NEST-IO]"},
    {"a directory is no file", "rewrite /", "", 1, NULL, "[NEST-IO]"},
    {"amd by the option's former name", "rewrite --platform amd", DOMAIN("kvm", TAG, EPYC), 0,
     "policy=\"require\" name=\"svm\"", NULL},
    {"an unknown vendor", "rewrite --cpu-vendor sparc", "", 2, NULL,
     "sparc|intel, amd, hygon, zhaoxin|[NEST-USAGE]"},
    {"a misspelled vendor", "rewrite --cpu-vendor imtel", "", 2, NULL,
     "imtel|(did you mean 'intel'?)|[NEST-USAGE]"},
    {"a vendor without its name", "rewrite --cpu-vendor", "", 2, NULL, "--cpu-vendor|[NEST-USAGE]"},
    {"two files", "rewrite a b", "", 2, NULL, "one file|[NEST-USAGE]"},
    {"an unknown option of a command", "rewrite --color", "", 2, NULL,
     "--color|virt-nest rewrite --help|[NEST-USAGE]"},
    {"rewrite takes no connection", "rewrite -c test:///default", "", 2, NULL, "[NEST-USAGE]"},
};

static const Case lines[] = {
    {"no command", "", "", 2, NULL,
     "a command is missing|enable, disable, apply, status, top, allow, may-leave, preflight, drain, bench, rewrite|[NEST-USAGE]"},
    {"an unknown command", "frobnicate x", "", 2, NULL,
     "'frobnicate'|enable, disable, apply, status, top, allow, may-leave, preflight, drain, bench, rewrite|[NEST-USAGE]"},
    {"an unknown option before the command", "--color status", "", 2, NULL,
     "--color|virt-nest --help|[NEST-USAGE]"},
    {"--version", "--version", "", 0, "virt-nest " NEST_VERSION "\n", NULL},
    {"--help", "--help", "", 0, "Usage:|enable|disable|apply|status|rewrite|--connect", NULL},
    {"the word help", "help", "", 0, "Usage:|enable|disable|apply|status|rewrite|--connect", NULL},
    {"-h of a command", "enable -h", "", 0,
     "virt-nest enable|--cpu|--migration|--required|--connect", NULL},
    {"--help of rewrite", "rewrite --help", "", 0, "--enable|--domain=XML|--migration|--cpu-vendor|--explain|[FILE]", NULL},
    {"enable without a domain", "enable", "", 2, NULL, "name one or more domains|[NEST-USAGE]"},
    {"disable without a domain", "disable", "", 2, NULL, "name one or more domains|[NEST-USAGE]"},
    {"apply without a domain", "apply", "", 2, NULL, "--all|[NEST-USAGE]"},
    {"apply to all and to one", "apply --all x", "", 2, NULL, "--all|[NEST-USAGE]"},
    {"enable with a wrong value", "enable --cpu=fast x", "", 2, NULL,
     "--cpu does not take 'fast'|host-passthrough|[NEST-USAGE]"},
    {"enable with a misspelled value", "enable --cpu=host-passtrough x", "", 2, NULL,
     "--cpu does not take 'host-passtrough'|(did you mean 'host-passthrough'?)|[NEST-USAGE]"},
    {"enable with a misspelled option", "enable lab1 --migraton=allow", "", 2, NULL,
     "there is no option --migraton (did you mean '--migration'?): see virt-nest enable --help|[NEST-USAGE]"},
    {"a misspelled option before the command", "--conect x status", "", 2, NULL,
     "there is no option --conect (did you mean '--connect'?)|[NEST-USAGE]"},
    {"a misspelled command", "staus", "", 2, NULL,
     "there is no command 'staus' (did you mean 'status'?)|[NEST-USAGE]"},
    {"a libvirt that is not there", "-c nosuch:///system status", "", 1, NULL,
     "nosuch:///system: cannot connect to libvirt|[NEST-LIBVIRT]"},
    {"a domain that is not there", "-c test:///default status 'no such'", "", 1, NULL,
     "no domain 'no such' in test:///default: virsh -c test:///default list --all shows them [NEST-LIBVIRT]"},
    {"domains of another libvirt are said to be so", "-c test:///default status", "", 0,
     "domains of test:///default\nNAME  STATE", NULL},
    {"an empty listing says so, and where", "-c test:///default status --tagged", "", 0,
     "no tagged domain in test:///default\n", NULL},
    {"chosen by two", "-c test:///default status --tagged --problems", "", 0,
     "no tagged domain with a problem in test:///default\n", NULL},
    {"running ones", "-c test:///default status --running", "", 0, "test  running", NULL},
    {"chosen for programs", "-c test:///default status --json --tagged", "", 0, "[]\n", NULL},
    {"a check without a problem", "-c test:///default status --check", "", 0,
     "no problem: 0 tagged domains, 0 of them running\n", NULL},
    {"the column that was always empty", "-c test:///default status", "", 0, "NESTED  GUARD\n", NULL},
    {"what is done on the way", "-c test:///default status -v", "", 0, "NAME  STATE",
     "virt-nest: connected to test:///default\n|virt-nest: test: running, not tagged"},
    {"-v before the command", "-v -c test:///default status", "", 0, "NAME  STATE",
     "virt-nest: connected to test:///default\n"},
    {"status as a table", "status -c test:///default", "", 0, "NAME  STATE|test  running", NULL},
    {"status for programs", "-c test:///default status --json test", "", 0,
     "\"name\" : \"test\"|\"state\" : \"running\"|\"tag\" : null|\"applied\" : false|\"problem\" : "
     "null",
     NULL},
    {"a domain by its id", "-c test:///default apply 1", "", 0,
     "test: nothing to do, it is not tagged\n", NULL},
    {"a refused enable", "-c test:///default enable test", "", 1, NULL,
     "nest: test in test:///default: |type='test'|[NEST-CPU-TYPE]"},
    {"disable of what is not tagged", "-c test:///default disable test", "", 0,
     "test: not tagged\n", NULL},
};

/* What the program left. */
typedef struct {
    int status;
    GBytes *out;
    GBytes *err;
} Outcome;

static void
outcome_clear(Outcome *outcome)
{
    g_clear_pointer(&outcome->out, g_bytes_unref);
    g_clear_pointer(&outcome->err, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static gchar *
program(void)
{
    const char *build = g_getenv("BUILD");

    return g_build_filename(build ? build : "build", "bin", "virt-nest", NULL);
}

static gchar **
command_line(const char *arguments)
{
    g_autofree gchar *path = program();
    g_autofree gchar *quoted = g_shell_quote(path);
    g_autofree gchar *line = g_strdup_printf("%s %s", quoted, arguments);
    gchar **words = NULL;

    g_assert_true(g_shell_parse_argv(line, NULL, &words, NULL));
    return words;
}

/* @root: the host's files, NULL for the real one. @out: where standard output goes; -1 to take it. */
static void
run_on(const char *root, const char *arguments, const char *input, int out, Outcome *outcome)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE |
        (out < 0 ? G_SUBPROCESS_FLAGS_STDOUT_PIPE : G_SUBPROCESS_FLAGS_NONE));
    g_auto(GStrv) words = command_line(arguments);
    g_autoptr(GBytes) bytes = g_bytes_new_static(input, strlen(input));
    g_autoptr(GSubprocess) process = NULL;
    g_autoptr(GError) error = NULL;

    if (root)
        g_subprocess_launcher_setenv(launcher, "VIRT_NEST_ROOT", root, TRUE);
    if (out >= 0)
        g_subprocess_launcher_take_stdout_fd(launcher, out);
    process = g_subprocess_launcher_spawnv(launcher, (const gchar *const *)words, &error);
    g_assert_no_error(error);
    /* A program that refuses its command line may be gone before its input was written. */
    if (!g_subprocess_communicate(process, bytes, NULL, &outcome->out, &outcome->err, &error))
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
    g_assert_true(g_subprocess_wait(process, NULL, NULL));
    g_assert_true(g_subprocess_get_if_exited(process)); /* not killed, by SIGPIPE or a fault */
    outcome->status = g_subprocess_get_exit_status(process);
}

static void
run(const char *arguments, const char *input, int out, Outcome *outcome)
{
    run_on(NULL, arguments, input, out, outcome);
}

static gchar *
as_text(GBytes *bytes)
{
    gsize length = 0;
    const char *data = bytes ? g_bytes_get_data(bytes, &length) : NULL;

    return g_strndup(data ? data : "", length);
}

static void
check_stream(GBytes *bytes, const char *pieces)
{
    g_autofree gchar *text = as_text(bytes);

    if (pieces)
        check_says(text, pieces);
    else
        g_assert_cmpstr(text, ==, "");
}

static void
test_case(gconstpointer data)
{
    const Case *c = data;
    g_auto(Outcome) outcome = {0};

    run(c->arguments, c->input, -1, &outcome);
    check_stream(outcome.err, c->err);
    g_assert_cmpint(outcome.status, ==, c->status);
    if (g_strcmp0(c->out, SAME) == 0)
        g_assert_cmpmem(g_bytes_get_data(outcome.out, NULL), g_bytes_get_size(outcome.out),
                        c->input, strlen(c->input));
    else
        check_stream(outcome.out, c->out);
}

/* The rewrite's own output is a fixed point. */
static void
test_again(void)
{
    g_auto(Outcome) first = {0};
    g_auto(Outcome) second = {0};
    g_autofree gchar *once = NULL;
    g_autofree gchar *twice = NULL;

    run("rewrite", DOMAIN("qemu", TAG, ""), -1, &first);
    once = as_text(first.out);
    run("rewrite", once, -1, &second);
    twice = as_text(second.out);
    g_assert_cmpstr(once, ==, twice);
    check_says(once, "svm");
}

/* --enable finds what it wrote. */
static void
test_enable_again(void)
{
    g_auto(Outcome) first = {0};
    g_auto(Outcome) second = {0};
    g_autofree gchar *once = NULL;
    g_autofree gchar *twice = NULL;

    run("rewrite --enable --cpu=host-model", "<domain type='qemu'><name>t1</name></domain>", -1, &first);
    once = as_text(first.out);
    run("rewrite --enable --cpu=host-model", once, -1, &second);
    twice = as_text(second.out);
    g_assert_cmpstr(once, ==, twice);
    check_says(once, "svm|cpu='host-model'");
}

/* Bytes that no parser would accept, more of them than a pipe holds, come out as they went in. */
static void
test_bytes(void)
{
    const gsize length = 300000;
    g_autofree gchar *noise = g_malloc(length);
    g_autofree gchar *path = NULL;
    g_autofree gchar *arguments = NULL;
    g_auto(Outcome) outcome = {0};
    int fd = g_file_open_tmp("virt-nest-XXXXXX", &path, NULL);

    for (gsize i = 0; i < length; i++)
        noise[i] = (gchar)(i * 31 % 251);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, noise, length), ==, length);
    close(fd);
    arguments = g_strconcat("rewrite ", path, NULL);
    run(arguments, "", -1, &outcome);
    g_unlink(path);
    g_assert_cmpint(outcome.status, ==, 0);
    g_assert_cmpmem(g_bytes_get_data(outcome.out, NULL), g_bytes_get_size(outcome.out), noise,
                    length);
}

#define FULL "cannot write the output|[NEST-IO]"

static void
check_output_lost(const char *arguments, int out, const char *says)
{
    g_auto(Outcome) outcome = {0};

    g_assert_cmpint(out, >=, 0);
    run(arguments, DOMAIN("qemu", TAG, ""), out, &outcome);
    check_stream(outcome.err, says);
    g_assert_cmpint(outcome.status, ==, 1);
}

static void
test_full(void)
{
    check_output_lost("rewrite", open("/dev/full", O_WRONLY | O_CLOEXEC), FULL);
    check_output_lost("--version", open("/dev/full", O_WRONLY | O_CLOEXEC), FULL);
    check_output_lost("-c test:///default status --json", open("/dev/full", O_WRONLY | O_CLOEXEC), FULL);
}

static void
test_closed(void)
{
    int ends[2] = {-1, -1};

    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    close(ends[0]);
    check_output_lost("rewrite", ends[1], ""); /* as `| head` does */
}

/* No standard output at all: what is opened next must not be written to in its place. */
static void
test_none(void)
{
    g_autofree gchar *path = program();
    g_autofree gchar *script =
        g_strdup_printf("exec '%s' -c test:///default status --json >&-", path);
    const gchar *words[] = {"sh", "-c", script, NULL};
    g_autofree gchar *err = NULL;
    int status = 0;

    g_assert_true(g_spawn_sync(NULL, (gchar **)words, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               &err, &status, NULL));
    check_says(err, "cannot write the output|[NEST-IO]");
    g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* One laid-out host and the feature that a guest gets there without --cpu-vendor. */
static const struct {
    const char *name;
    const char *says; /* pieces of the output; NULL: refused */
} hosts[] = {
    {"intel-on", "name=\"vmx\""},   {"amd-on", "name=\"svm\""}, {"hygon-on", "name=\"svm\""},
    {"zhaoxin-on", "name=\"vmx\""},
    {"amd-absent", "name=\"svm\""}, {"unknown-vendor", NULL},
};

static void
test_hosts(void)
{
    const char *input = DOMAIN("kvm", TAG, "  <cpu mode='host-model'/>\n");

    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++) {
        g_autofree gchar *below = g_build_filename("tests/fakes/hosts", hosts[i].name, NULL);
        g_autofree gchar *root = check_source_path(below);
        g_auto(Outcome) outcome = {0};

        run_on(root, "rewrite", input, -1, &outcome);
        check_stream(outcome.out, hosts[i].says);
        check_stream(outcome.err, hosts[i].says ? NULL : "[NEST-HOST-VENDOR]");
        g_assert_cmpint(outcome.status, ==, hosts[i].says ? 0 : 1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_unsetenv("LIBVIRT_DEFAULT_URI");
    for (gsize i = 0; i < G_N_ELEMENTS(filters); i++)
        check_add_row("rewrite", filters[i].sentence, &filters[i], test_case);
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
        check_add_row("virt-nest", lines[i].sentence, &lines[i], test_case);
    g_test_add_func("/rewrite/twice is as once", test_again);
    g_test_add_func("/rewrite/--enable twice is as once", test_enable_again);
    g_test_add_func("/rewrite/any bytes pass", test_bytes);
    g_test_add_func("/rewrite/the vendor is this host's unless told", test_hosts);
    g_test_add_func("/rewrite/a full disk is an error", test_full);
    g_test_add_func("/rewrite/a closed pipe is an error", test_closed);
    g_test_add_func("/rewrite/no standard output is an error", test_none);
    return g_test_run();
}
