/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A made-up QEMU: no guest, only a monitor, which answers, stays silent, floods or lies as it is told. libvirt starts it
 * as a domain's <emulator>, so that a test can have hundreds of domains under a real libvirt.
 *
 * If libvirt asks what QEMU can do, that is, without a monitor of libvirt's on the command line, the program becomes
 * the real QEMU. It serves the socket that libvirt gives it and touches nothing else. It ends by SIGTERM or "quit".
 *
 * The file PROGRAM.ways, beside the program, has words that hold for all domains started from it. It is read at each
 * command. Without it, or without one of these words, the monitor answers what a QEMU with an idle guest does:
 *
 *   silent   reads commands and answers none
 *   flood=N  answers what a guard asks with N bytes, and sends events all the time
 *   lie      answers what a guard asks with other nonsense each time; the guest's hypervisor goes on and off
 *
 * With both flood and lie, it does both in turn. */
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REAL_QEMU "/usr/bin/qemu-system-x86_64"
#define CPU0 "\"qom-path\": \"/machine/unattached/device[0]\""
#define PROPS "\"props\": {\"core-id\": 0, \"thread-id\": 0, \"socket-id\": 0}"
#define REGISTERS(efer) "\"\\r\\nCPU#0\\r\\nCR0=00000011 CR4=00000000\\r\\nEFER=" efer "\\r\\n\""
#define FLOOD "flood="
/* The time between two bursts of events. */
#define EVENTS_MS 1000
#define LONGEST_COMMAND 65536

typedef struct {
    int listener;
    FILE *out; /* to the client; NULL: there is none */
    char in[LONGEST_COMMAND];
    size_t length; /* of what was read of a command */
    char ways[64];
    unsigned int asked; /* how often a guard has asked */
} Monitor;

/* --- its ways */

static void
read_ways(Monitor *monitor)
{
    char path[4096] = "";
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof ".ways");
    FILE *file = NULL;

    monitor->ways[0] = '\0';
    if (length < 0)
        return;
    strcpy(path + length, ".ways");
    file = fopen(path, "re");
    if (!file)
        return;
    monitor->ways[fread(monitor->ways, 1, sizeof monitor->ways - 1, file)] = '\0';
    fclose(file);
}

static bool
is_told(const Monitor *monitor, const char *way)
{
    return strstr(monitor->ways, way) != NULL;
}

/* How long a long answer is. */
static size_t
flood_bytes(const Monitor *monitor)
{
    const char *flood = strstr(monitor->ways, FLOOD);

    return flood ? strtoul(flood + strlen(FLOOD), NULL, 10) : 100000;
}

/* --- what it says */

static void
repeat(FILE *out, const char *text, size_t times)
{
    while (times-- > 0)
        fputs(text, out);
}

static void
say_event(FILE *out, const char *event, const char *data)
{
    fprintf(out,
            "{\"timestamp\": {\"seconds\": 1700000000, \"microseconds\": 0}, \"event\": \"%s\", "
            "\"data\": %s}\r\n",
            event, data);
}

static void
say_flood_text(const Monitor *monitor)
{
    fputs("\"return\": \"", monitor->out);
    repeat(monitor->out, "A", flood_bytes(monitor));
    fputc('"', monitor->out);
}

static void
say_flood_nodes(const Monitor *monitor)
{
    static const char node[] = "{\"node-name\": \"a\", \"drv\": {}},";

    fputs("\"return\": [", monitor->out);
    repeat(monitor->out, node, flood_bytes(monitor) / strlen(node));
    fputs("{}]", monitor->out);
}

static void
say_flood_reasons(const Monitor *monitor)
{
    fputs("\"return\": {\"blocked\": true, \"blocked-reasons\": [", monitor->out);
    repeat(monitor->out, "\"\",", flood_bytes(monitor) / strlen("\"\","));
    fputs("\"\"]}", monitor->out);
}

static void
say_many_vcpus(const Monitor *monitor)
{
    fputs("\"return\": \"", monitor->out);
    repeat(monitor->out, "CPU\\n", flood_bytes(monitor) / strlen("CPU\\n"));
    fputc('"', monitor->out);
}

static void
say_error(const Monitor *monitor)
{
    fprintf(monitor->out,
            "\"error\": {\"class\": \"GenericError\", \"desc\": \"excuse %u of process %d\"}",
            monitor->asked, getpid());
}

/* What it does to who asks as a guard does, in turn. */
static const struct {
    const char *way;
    const char *command; /* NULL: any of them */
    void (*say)(const Monitor *monitor);
    const char *value; /* if there is no function: what it returns */
} tricks[] = {
    {FLOOD, "human-monitor-command", say_flood_text, NULL},
    {FLOOD, "query-named-block-nodes", say_flood_nodes, NULL},
    {FLOOD, "query-migrate", say_flood_reasons, NULL},
    {"lie", "human-monitor-command", NULL, REGISTERS("0000000000001000")},
    {"lie", "human-monitor-command", say_many_vcpus, NULL},
    {"lie", "human-monitor-command", NULL, REGISTERS("0000000000000000")},
    {"lie", "query-named-block-nodes", NULL, "{\"node-name\": \"a\"}"},
    {"lie", "query-named-block-nodes", NULL, "[7, null, {\"node-name\": []}]"},
    {"lie", "query-migrate", NULL, "{\"status\": [], \"blocked-reasons\": {\"a\": 1}}"},
    {"lie", "query-migrate", NULL, "{\"status\": \"active\", \"blocked-reasons\": [7, null]}"},
    {"lie", "blockdev-add", NULL, "{}"},
    {"lie", "blockdev-del", NULL, "{}"},
    {"lie", NULL, NULL, "7"},
    {"lie", NULL, say_error, NULL},
};

/* What libvirt 9.0 asks at a start, and what a guard asks, as QEMU 7.2 answers. All else is answered by {}. */
static const struct {
    const char *command;
    const char *value;
    const char *property; /* NULL: it asks for none, or any */
} answers[] = {
    {"query-migrate-capabilities", "[{\"state\": false, \"capability\": \"events\"}]", NULL},
    {"query-chardev",
     "[{\"frontend-open\": true, \"filename\": \"unix:\", \"label\": \"charmonitor\"}]", NULL},
    {"query-hotpluggable-cpus",
     "[{" PROPS ", \"vcpus-count\": 1, " CPU0 ", \"type\": \"max-x86_64-cpu\"}]", NULL},
    {"query-cpus-fast",
     "[{\"thread-id\": 1, " PROPS ", " CPU0 ", \"cpu-index\": 0, \"target\": \"x86_64\"}]", NULL},
    {"qom-list", "[{\"name\": \"svm\", \"type\": \"bool\"}]", NULL},
    {"qom-get", "[]", "unavailable-features"},
    {"qom-get", "true", NULL},
    {"query-iothreads", "[]", NULL},
    {"query-block", "[]", NULL},
    {"query-named-block-nodes", "[]", NULL},
    {"query-status", "{\"status\": \"running\", \"singlestep\": false, \"running\": true}", NULL},
    {"human-monitor-command", REGISTERS("0000000000000000"), NULL},
};

/* Events that a command leads to. */
static const struct {
    const char *command;
    const char *event;
} events[] = {{"cont", "RESUME"}, {"stop", "STOP"}};

/* What it sends all the time. */
static const struct {
    const char *event;
    const char *data;
} bursts[] = {
    {"STOP", "{}"},
    {"RESUME", "{}"},
    {"RTC_CHANGE", "{\"offset\": 1}"},
    {"JOB_STATUS_CHANGE", "{\"id\": \"snapsave0\", \"status\": \"running\"}"},
    {"JOB_STATUS_CHANGE", "{\"id\": 7, \"status\": []}"},
};

/* --- commands */

/* Returns: whether a guard asks so, and libvirt itself only at a start, before the ways are told. */
static bool
is_guards(const char *command)
{
    for (size_t i = 0; i < sizeof tricks / sizeof *tricks; i++)
        if (tricks[i].command && strcmp(tricks[i].command, command) == 0)
            return true;
    return false;
}

static bool
applies(const Monitor *monitor, size_t trick, const char *command)
{
    return is_told(monitor, tricks[trick].way) &&
           (!tricks[trick].command || strcmp(tricks[trick].command, command) == 0);
}

/* Returns: false if there is no trick to be played. */
static bool
play_trick(Monitor *monitor, const char *command)
{
    size_t n = sizeof tricks / sizeof *tricks, choice = 0, turn = 0, i = 0;

    for (i = 0; i < n; i++)
        choice += is_guards(command) && applies(monitor, i, command);
    if (choice == 0)
        return false;
    turn = monitor->asked++ % choice;
    for (i = 0; i < n; i++)
        if (applies(monitor, i, command) && turn-- == 0)
            break;
    if (tricks[i].say)
        tricks[i].say(monitor);
    else
        fprintf(monitor->out, "\"return\": %s", tricks[i].value);
    return true;
}

/* @line: the whole command */
static void
say_answer(const Monitor *monitor, const char *command, const char *line)
{
    size_t i = 0, n = sizeof answers / sizeof *answers;

    while (i < n && (strcmp(answers[i].command, command) != 0 ||
                     (answers[i].property && !strstr(line, answers[i].property))))
        i++;
    fprintf(monitor->out, "\"return\": %s", i < n ? answers[i].value : "{}");
}

/* Copies the text after @key in @line, up to the next quote; "" if there is none. */
static void
read_text(const char *line, const char *key, char *text, size_t size)
{
    const char *found = strstr(line, key);

    snprintf(text, size, "%.*s", found ? (int)strcspn(found + strlen(key), "\"") : 0,
             found ? found + strlen(key) : "");
}

static void
obey(Monitor *monitor, const char *line)
{
    char command[128] = "", id[128] = "";

    read_text(line, "\"execute\":\"", command, sizeof command);
    read_text(line, "\"id\":\"", id, sizeof id);
    read_ways(monitor);
    if (is_told(monitor, "silent"))
        return;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (strcmp(events[i].command, command) == 0)
            say_event(monitor->out, events[i].event, "{}");
    fputc('{', monitor->out);
    if (!play_trick(monitor, command))
        say_answer(monitor, command, line);
    fprintf(monitor->out, ", \"id\": \"%s\"}\r\n", id);
    fflush(monitor->out);
    if (strcmp(command, "quit") == 0)
        exit(0);
}

/* --- the socket */

static void
greet(Monitor *monitor)
{
    int client = accept4(monitor->listener, NULL, NULL, SOCK_CLOEXEC);

    monitor->length = 0;
    monitor->out = client < 0 ? NULL : fdopen(client, "r+");
    if (!monitor->out)
        return;
    fputs("{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, "
          "\"package\": \"\"}, \"capabilities\": []}}\r\n",
          monitor->out);
    fflush(monitor->out);
}

static void
leave(Monitor *monitor)
{
    fclose(monitor->out);
    monitor->out = NULL;
}

/* A client that is gone, and a command that is too long, end the connection. */
static void
hear(Monitor *monitor)
{
    char *line = monitor->in, *end = NULL;
    ssize_t n = read(fileno(monitor->out), monitor->in + monitor->length,
                     sizeof monitor->in - 1 - monitor->length);

    if (n <= 0) {
        leave(monitor);
        return;
    }
    monitor->length += (size_t)n;
    monitor->in[monitor->length] = '\0';
    while ((end = strchr(line, '\n'))) {
        *end = '\0';
        obey(monitor, line);
        line = end + 1;
    }
    monitor->length -= (size_t)(line - monitor->in);
    memmove(monitor->in, line, monitor->length);
}

static void
send_events(Monitor *monitor)
{
    for (size_t i = 0; i < sizeof bursts / sizeof *bursts; i++)
        say_event(monitor->out, bursts[i].event, bursts[i].data);
    fflush(monitor->out);
    read_ways(monitor);
}

/* One client at a time, as QEMU has it. */
static void
serve(Monitor *monitor)
{
    while (true) {
        struct pollfd ready = {monitor->out ? fileno(monitor->out) : monitor->listener, POLLIN, 0};
        int timeout = monitor->out && is_told(monitor, FLOOD) ? EVENTS_MS : -1;
        int n = poll(&ready, 1, timeout);

        if (n == 0)
            send_events(monitor);
        else if (n > 0 && monitor->out)
            hear(monitor);
        else if (n > 0)
            greet(monitor);
    }
}

/* The listening socket in "socket,id=charmonitor,fd=N,..."; -1: there is none. */
static int
find_listener(char **arguments)
{
    static const char monitor[] = "socket,id=charmonitor,fd=";

    for (; *arguments; arguments++)
        if (strncmp(*arguments, monitor, strlen(monitor)) == 0)
            return atoi(*arguments + strlen(monitor));
    return -1;
}

int
main(int argc, char **argv)
{
    static Monitor monitor = {0};

    (void)argc;
    monitor.listener = find_listener(argv);
    if (monitor.listener < 0) {
        execv(REAL_QEMU, argv);
        perror(REAL_QEMU);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    serve(&monitor);
}
