/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd's first look at all domains, and others': scan ROUNDS VIRTNESTD VIRSH-COMMANDS-FILE, or
 * scan ROUNDS VIRTNESTD --rules DIRECTORY, with the rules of a directory and without.
 *
 * In turn, a line "LABEL NANOSECONDS" each:
 *   RULES     a fresh virtnestd with the rules; SCAN is one without
 *   SCAN      a fresh virtnestd, from "connected to libvirt" to "looked at N domains" in its log
 *   METADATA  list all domains and read the tag of each, one after the other, on one warm connection
 *   XML       the same with the whole definition of each
 *   VIRSH     one virsh, from its start to its end, with commands from a file
 * RSS_ANON and PEAK, in KiB, are virtnestd's memory when it has looked at all; DOMAINS their number. */
#include "virt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What it needs no longer it gives back after that line. */
#define SETTLE_MS 300L
/* How long virtnestd may take for a line of its log. */
#define LIMIT_SECONDS 180
#define TAG_NAMESPACE "urn:virt-nest:1"

/* A virtnestd of ours, and what it logged so far. */
typedef struct {
    GPid pid;
    int log;
    GString *text;
    gint64 read; /* when the last of it was read */
} Daemon;

static void
start_daemon(Daemon *daemon, char *program)
{
    char *command[] = {program, (char *)"--foreground", NULL};
    g_autoptr(GError) error = NULL;

    daemon->text = g_string_new(NULL);
    if (!g_spawn_async_with_pipes(NULL, command, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                  &daemon->pid, NULL, NULL, &daemon->log, &error))
        bench_die("%s", error->message);
}

/* FALSE: nothing came for too long, or it ended. */
static gboolean
read_log(Daemon *daemon)
{
    struct pollfd ready = {daemon->log, POLLIN, 0};
    char chunk[4096];
    ssize_t n = 0;

    if (poll(&ready, 1, LIMIT_SECONDS * 1000) != 1)
        return FALSE;
    daemon->read = bench_now();
    n = read(daemon->log, chunk, sizeof(chunk));
    if (n > 0)
        g_string_append_len(daemon->text, chunk, n);
    return n > 0;
}

/* When @pattern came; the log up to and with it is done with. */
static gint64
wait_for(Daemon *daemon, const char *pattern)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    int end = 0;

    while (!g_regex_match(regex, daemon->text->str, 0, &match)) {
        g_clear_pointer(&match, g_match_info_unref);
        if (!read_log(daemon)) {
            kill(daemon->pid, SIGKILL);
            bench_die("virtnestd does not log /%s/; it said: %s", pattern, daemon->text->str);
        }
    }
    g_match_info_fetch_pos(match, 0, NULL, &end);
    g_string_erase(daemon->text, 0, end);
    return daemon->read;
}

/* A line of /proc/PID/status in KiB. */
static gint64
memory_of(const Daemon *daemon, const char *key)
{
    g_autofree gchar *path = g_strdup_printf("/proc/%d/status", daemon->pid);
    g_autofree gchar *text = NULL;
    const char *line = g_file_get_contents(path, &text, NULL, NULL) ? strstr(text, key) : NULL;

    if (line)
        return g_ascii_strtoll(line + strlen(key), NULL, 10);
    bench_die("no %s in %s", key, path);
}

static void
stop_daemon(Daemon *daemon)
{
    int status = 0;

    kill(daemon->pid, SIGTERM);
    while (waitpid(daemon->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        bench_die("virtnestd ended with wait status %d", status);
    (void)close(daemon->log);
    g_string_free(daemon->text, TRUE);
}

static void
scan(char *program, const char *label, gboolean print)
{
    Daemon daemon = {0};
    gint64 begin = 0;
    gint64 end = 0;

    start_daemon(&daemon, program);
    begin = wait_for(&daemon, "connected to libvirt");
    end = wait_for(&daemon, "looked at [0-9]+ domains?");
    if (print) {
        g_usleep(SETTLE_MS * 1000);
        bench_print(label, end - begin);
        bench_print("RSS_ANON", memory_of(&daemon, "RssAnon:"));
        bench_print("PEAK", memory_of(&daemon, "VmHWM:"));
    }
    stop_daemon(&daemon);
}

static void
read_metadata(virDomainPtr domain)
{
    char *text = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, TAG_NAMESPACE,
                                      VIR_DOMAIN_AFFECT_CONFIG);

    if (!text && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN_METADATA)
        bench_die("cannot read the tag: %s", virGetLastErrorMessage());
    free(text);
}

static void
read_xml(virDomainPtr domain)
{
    char *text = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);

    if (!text)
        bench_die("cannot read the definition: %s", virGetLastErrorMessage());
    free(text);
}

/* Lists all and reads each; returns how many. */
static int
read_all(virConnectPtr connection, void (*read_one)(virDomainPtr domain), const char *label)
{
    gint64 begin = bench_now();
    virDomainPtr *list = NULL;
    int n = virConnectListAllDomains(connection, &list, 0);

    if (n < 0)
        bench_die("cannot list the domains: %s", virGetLastErrorMessage());
    for (int i = 0; i < n; i++) {
        read_one(list[i]);
        virDomainFree(list[i]);
    }
    free(list);
    if (label)
        bench_print(label, bench_now() - begin);
    return n;
}

static void
become_virsh(const char *commands)
{
    int in = open(commands, O_RDONLY);
    int out = open("/dev/null", O_WRONLY);

    if (in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1)
        (void)execlp("virsh", "virsh", "-q", "-c", "qemu:///system", (char *)NULL);
    _exit(127);
}

static void
run_virsh(const char *commands, gboolean print)
{
    gint64 begin = bench_now();
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        become_virsh(commands);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        bench_die("virsh ended with wait status %d", status);
    if (print)
        bench_print("VIRSH", bench_now() - begin);
}

/* Both in turn. @directory: the rules, which have the directory's name that virtnestd looks for while they count */
static void
scan_by_rules(char *program, const char *directory, int rounds)
{
    static const char rules[] = "/etc/virt-nest/rules.d";

    for (int round = -1; round < rounds; round++) {
        if (rename(directory, rules) < 0)
            bench_die("cannot put the rules in place");
        scan(program, "RULES", round >= 0);
        if (rename(rules, directory) < 0)
            bench_die("cannot take the rules away");
        scan(program, "SCAN", round >= 0);
    }
}

int
main(int argc, char **argv)
{
    virConnectPtr connection = NULL;
    int domains = 0;

    g_set_prgname("scan");
    if (argc == 5 && g_str_equal(argv[3], "--rules")) {
        scan_by_rules(argv[2], argv[4], (int)bench_number(argv[1]));
        return 0;
    }
    if (argc != 4)
        bench_die("usage: scan ROUNDS VIRTNESTD VIRSH-COMMANDS-FILE | --rules DIRECTORY");
    connection = bench_connect("qemu:///system");
    /* The first round is not printed: definitions that need a correction get it then. */
    for (int round = -1; round < bench_number(argv[1]); round++) {
        gboolean print = round >= 0;

        scan(argv[2], "SCAN", print);
        domains = read_all(connection, read_metadata, print ? "METADATA" : NULL);
        read_all(connection, read_xml, print ? "XML" : NULL);
        run_virsh(argv[3], print);
    }
    bench_print("DOMAINS", domains);
    virConnectClose(connection);
    return 0;
}
