/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest of virt-nest bench. */
#include "bench_guest.h"

#include "../bench/init.h"
#include "base/error.h"
#include "domain/cpu_rewrite.h"
#include "domain/wish.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    START_SECONDS = 600,  /* an emulated host takes minutes */
    ANSWER_SECONDS = 120, /* for a work, beside its own time */
    FOR_QEMU = 384,       /* MiB more, for an initramfs that has QEMU in it, and for that QEMU */
    SHOWN = 400,          /* bytes of a console that a message shows */
};

struct NestBenchGuest {
    virDomainPtr domain;
    gchar *name;
    int console;
    GString *said; /* received from the console, but not yet read as lines */
    GString *rest; /* the last of the other lines there, for a message */
};

/* --- signals */

static volatile sig_atomic_t interrupted;

static void
note_signal(int number)
{
    interrupted = number;
}

void
nest_bench_guest_catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = note_signal};

    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        (void)sigaction(numbers[i], &action, NULL);
}

gboolean
nest_bench_guest_is_interrupted(GError **error)
{
    if (interrupted)
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_IO,
                            "interrupted, and its guests are destroyed: run it again");
    return interrupted != 0;
}

/* --- the domain */

guint
nest_bench_guest_memory(const NestBenchMachine *machine, guint level)
{
    return level == 1 ? machine->memory : 2 * machine->memory + FOR_QEMU;
}

/* The value of the tag's cpu attribute: auto, the mode that was asked for, or keep for a named model. */
static const char *
tag_of_cpu(const char *cpu)
{
    static const char *const modes[] = {"host-passthrough", "host-model"};

    if (!cpu)
        return "auto";
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++)
        if (g_str_equal(cpu, modes[i]))
            return modes[i];
    return "keep";
}

/* Both devices have the same addresses as in the nested guest. */
#define ADDRESS "<address type='pci' domain='0' bus='0' slot='%d' function='0'/>"

static gchar *
devices_xml(const NestBenchMachine *machine, const char *name)
{
    return g_markup_printf_escaped(
        "<emulator>%s</emulator>"
        "<controller type='usb' model='none'/>"
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
        "<source file='%s/%s.disk'/><target dev='vda' bus='virtio'/>" ADDRESS "</disk>"
        "<interface type='user'><model type='virtio'/><rom enabled='no'/>" ADDRESS "</interface>"
        "<serial type='unix'><source mode='bind' path='%s/%s.console'/></serial>"
        "<memballoon model='none'/>",
        machine->emulator, machine->directory, name, 3, 4, machine->directory, name);
}

static gchar *
domain_xml(const NestBenchMachine *machine, guint level, const char *name)
{
    g_autofree gchar *cpu =
        g_str_equal(tag_of_cpu(machine->cpu), "keep")
            ? g_markup_printf_escaped("<cpu mode='custom' match='exact' check='partial'>"
                                      "<model fallback='forbid'>%s</model></cpu>",
                                      machine->cpu)
            : g_strdup("");
    g_autofree gchar *devices = devices_xml(machine, name);
    g_autofree gchar *head = g_markup_printf_escaped(
        "<name>%s</name><title>made by virt-nest bench, which destroys it</title>"
        "<metadata><nest:enable xmlns:nest='" NEST_TAG_NAMESPACE "' cpu='%s' migration='allow'/>"
        "</metadata><memory unit='MiB'>%u</memory><vcpu>1</vcpu>"
        "<os><type arch='x86_64' machine='%s'>hvm</type><kernel>%s</kernel>"
        "<initrd>%s/%s</initrd><cmdline>%s</cmdline></os>"
        "<features><acpi/><apic/></features>",
        name, tag_of_cpu(machine->cpu), nest_bench_guest_memory(machine, level), machine->type,
        machine->kernel, machine->directory, level == 1 ? NEST_BENCH_SMALL : NEST_BENCH_LARGE,
        machine->arguments);

    return g_strdup_printf("<domain type='%s'>\n%s\n%s\n"
                           "<on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot>"
                           "<on_crash>destroy</on_crash>\n<devices>%s</devices>\n</domain>\n",
                           machine->kvm ? "kvm" : "qemu", head, cpu, devices);
}

/* (transfer full) With the CPU that nests, as `virt-nest rewrite` makes it. */
static gchar *
corrected_xml(const char *text, GError **error)
{
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(text, strlen(text), error);
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    NestWish wish = NEST_WISH_NONE;
    const NestCpuVendor *vendor = NULL;

    if (!xml || !nest_wish_read(xml, NULL, &wish, error) ||
        !nest_cpu_rewrite_find_host(xml, &vendor, error) ||
        !nest_cpu_rewrite(xml, &wish.tag, vendor, changes, error))
        return NULL;
    return nest_domain_xml_text(xml);
}

/* A sparse file, so that reads do not reach the host's disk before a guest has written. */
static gboolean
make_disk(const NestBenchMachine *machine, const char *name, GError **error)
{
    g_autofree gchar *path = g_strdup_printf("%s/%s.disk", machine->directory, name);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    gboolean made = file >= 0 && ftruncate(file, (off_t)machine->disk * 1024 * 1024) == 0;

    if (!made)
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_IO,
            "cannot make a disk for a guest to measure with, %s: %s: make place there, or set "
            "TMPDIR to another directory",
            path, g_strerror(errno));
    if (file >= 0)
        (void)close(file);
    return made;
}

static gboolean
start_domain(NestBenchGuest *guest, virConnectPtr libvirt, const NestBenchMachine *machine,
             guint level, GError **error)
{
    g_autofree gchar *text = domain_xml(machine, level, guest->name);
    g_autofree gchar *xml = corrected_xml(text, error);

    if (!xml || !make_disk(machine, guest->name, error))
        return FALSE;
    guest->domain = virDomainCreateXML(libvirt, xml, VIR_DOMAIN_START_AUTODESTROY);
    return guest->domain != NULL ||
           nest_virt_error(error, "a guest to measure with does not start");
}

static gboolean
open_console(NestBenchGuest *guest, const NestBenchMachine *machine, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree gchar *path = g_strdup_printf("%s/%s.console", machine->directory, guest->name);

    (void)g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    guest->console = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (guest->console >= 0 &&
        connect(guest->console, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                "cannot reach the console of a guest to measure with, %s: %s: run it as the user "
                "whose libvirt it is, which is root for qemu:///system",
                path, g_strerror(errno));
    return FALSE;
}

/* --- the console */

/* Sets an error with the last that the console said. */
static gboolean
fail_with_console(const NestBenchGuest *guest, const char *what, GError **error)
{
    const char *end = guest->rest->str;

    if (guest->rest->len > SHOWN)
        end += guest->rest->len - SHOWN;
    g_set_error(error, NEST_ERROR, NEST_ERROR_LIBVIRT,
                "a guest to measure with, %s, %s; its console's last words: %s; virt-nest doctor "
                "says whether this host is well",
                guest->name, what, *end ? end : "none");
    return FALSE;
}

/* (transfer full)(nullable) The next line, if it is there as a whole. */
static gchar *
take_console_line(NestBenchGuest *guest)
{
    const char *end = strchr(guest->said->str, '\n');
    gchar *line = NULL;

    if (!end)
        return NULL;
    line = g_strstrip(g_strndup(guest->said->str, (gsize)(end - guest->said->str)));
    g_string_erase(guest->said, 0, end - guest->said->str + 1);
    return line;
}

/* FALSE where the console has ended. */
static gboolean
read_console(NestBenchGuest *guest)
{
    char bytes[4096];
    struct pollfd wait = {.fd = guest->console, .events = POLLIN};
    ssize_t n = 0;

    if (poll(&wait, 1, 500) <= 0)
        return TRUE;
    n = read(guest->console, bytes, sizeof(bytes));
    for (ssize_t i = 0; i < n; i++)
        if (bytes[i])
            g_string_append_c(guest->said, bytes[i]);
    return n > 0 || (n < 0 && errno == EINTR);
}

/* (transfer full) What follows NEST_BENCH_LINE in the next line that begins so, or NULL with an error. */
static gchar *
next_answer(NestBenchGuest *guest, guint seconds, GError **error)
{
    gint64 end = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
    gboolean open = TRUE;

    while (open && g_get_monotonic_time() < end) {
        g_autofree gchar *line = take_console_line(guest);

        if (line && g_str_has_prefix(line, NEST_BENCH_LINE))
            return g_strdup(line + strlen(NEST_BENCH_LINE));
        if (line && *line)
            g_string_append_printf(guest->rest, "%s | ", line);
        if (nest_bench_guest_is_interrupted(error))
            return NULL;
        if (!line)
            open = read_console(guest);
    }
    (void)fail_with_console(guest, open ? "does not answer" : "has ended", error);
    return NULL;
}

gboolean
nest_bench_guest_work(NestBenchGuest *guest, const char *name, guint ms, double *ret_rate,
                      gchar **ret_lacks, GError **error)
{
    g_autofree gchar *order = g_strdup_printf("work %s %u\n", name, ms);
    g_autofree gchar *answer = NULL;
    g_auto(GStrv) words = NULL;

    if (send(guest->console, order, strlen(order), MSG_NOSIGNAL) != (ssize_t)strlen(order))
        return fail_with_console(guest, "takes no orders", error);
    answer = next_answer(guest, ms / 1000 + ANSWER_SECONDS, error);
    words = answer ? g_strsplit(answer, " ", 3) : NULL;
    if (!words)
        return FALSE;
    if (g_strv_length(words) != 3 || !g_str_equal(words[1], name))
        return fail_with_console(guest, answer, error);
    if (g_str_equal(words[0], "lacks"))
        *ret_lacks = g_strdup(words[2]);
    else
        *ret_rate = g_ascii_strtod(words[2], NULL);
    return TRUE;
}

/* --- from the beginning to the end */

NestBenchGuest *
nest_bench_guest_start(virConnectPtr libvirt, const NestBenchMachine *machine, guint level,
                       guint number, GError **error)
{
    g_autoptr(NestBenchGuest) guest = g_new0(NestBenchGuest, 1);
    g_autofree gchar *answer = NULL;

    guest->console = -1;
    guest->said = g_string_new(NULL);
    guest->rest = g_string_new(NULL);
    guest->name = g_strdup_printf("virt-nest-bench-%d-%u", (int)getpid(), number);
    if (!start_domain(guest, libvirt, machine, level, error) ||
        !open_console(guest, machine, error))
        return NULL;
    answer = next_answer(guest, START_SECONDS, error);
    if (!answer || (!g_str_equal(answer, "ready") && !fail_with_console(guest, answer, error)))
        return NULL;
    return g_steal_pointer(&guest);
}

void
nest_bench_guest_free(NestBenchGuest *guest)
{
    if (!guest)
        return;
    if (guest->domain) {
        (void)virDomainDestroy(guest->domain);
        virDomainFree(guest->domain);
    }
    if (guest->console >= 0)
        (void)close(guest->console);
    g_string_free(guest->said, TRUE);
    g_string_free(guest->rest, TRUE);
    g_free(guest->name);
    g_free(guest);
}
