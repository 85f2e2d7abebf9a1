/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that the hook, in every operation, judges any input with 0 or with one line that says why not.
 *
 * The first byte chooses the operation, the second the host and whether the domain has a definition, the
 * rest is the XML. What resumes is followed through prepare, start and stopped, as libvirt does. */
#include "domain/prefilter.h"
#include "fuzz.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static FILE *printed, *said;           /* what the hook takes for stdout and stderr */
static char *printed_text, *said_text; /* what went there */
static gsize printed_length, said_length;
static int source; /* a memfd: standard input */

#undef stdout
#undef stderr
#define stdout printed
#define stderr said
#include "../../hooks/qemu_hook.c" // NOLINT(bugprone-suspicious-include): its streams are these
#undef stdout
#undef stderr

static const struct {
    const char *name;
    gboolean may_refuse;
} asked[] = {
    {"prepare", TRUE},  {"start", TRUE},      {"migrate", TRUE},  {"restore", FALSE},
    {"stopped", FALSE}, {"release", FALSE},   {"started", FALSE}, {"reconnect", FALSE},
    {"attach", FALSE},  {"brand-new", FALSE}, {NULL, FALSE},
};

static const char *const hosts[] = {"amd-on", "amd-off-idle", "intel-on"};
static char roots[G_N_ELEMENTS(hosts)][128]; /* as putenv() wants them */

/* Stands for common/base/log.c: a line is made, and not written. The settings name its levels. */
const char *const nest_log_levels[] = {"warning", "notice", "info", "debug", NULL};

NestLog *
nest_log_open(const char *program, gboolean service)
{
    (void)program, (void)service;
    return NULL;
}

void
nest_log(GLogLevelFlags level, const char *domain, const char *uuid, const char *format, ...)
{
    g_autofree gchar *message = NULL;
    va_list arguments;

    (void)level, (void)domain, (void)uuid;
    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fuzz_check_message(message);
}

void
nest_log_event(NestLogEvent event, const char *domain, const char *uuid, const char *format, ...)
{
    g_autofree gchar *message = NULL;
    va_list arguments;

    (void)event, (void)domain, (void)uuid;
    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fuzz_check_message(message);
}

void
nest_log_error(const char *domain, const char *uuid, const GError *error)
{
    (void)domain, (void)uuid;
    fuzz_check_error(error, NEST_ERROR_XML, NEST_ERROR_LAST - 1);
}

void
nest_log_emergency(const GError *error)
{
    nest_log_error(NULL, NULL, error);
}

/* The real one takes the signals that libFuzzer needs. */
const char *
nest_fatal_handler_set(const NestFatalHandler *wish)
{
    (void)wish;
    return "nest: cannot";
}

/* Lays out the hosts, each with a definition of the domain "defined". */
static gboolean
lay_out_hosts(void)
{
    g_autofree gchar *world = fuzz_world();
    g_autofree gchar *command = g_strdup_printf("cp -r tests/fakes/hosts/. %s", world);
    gboolean done = g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);

    for (gsize i = 0; done && i < G_N_ELEMENTS(hosts); i++) {
        g_autofree gchar *directory = g_build_filename(world, hosts[i], "etc/libvirt/qemu", NULL);
        g_autofree gchar *file = g_build_filename(directory, "defined.xml", NULL);

        (void)g_snprintf(roots[i], sizeof(roots[i]), "VIRT_NEST_ROOT=%s/%s", world, hosts[i]);
        done = g_mkdir_with_parents(directory, 0755) == 0 && g_file_set_contents(file, "", 0, NULL);
    }
    return done;
}

/* What libxml2 would print by itself. */
static void
catch_message(void *context, const char *format, ...)
{
    (void)context;
    PROMISE("libxml2 adds no line to a refusal", FALSE, format);
}

gboolean
fuzz_start(void)
{
    xmlSetStructuredErrorFunc(NULL, NULL);
    xmlSetGenericErrorFunc(NULL, catch_message);
    source = memfd_create("source", MFD_CLOEXEC);
    printed = open_memstream(&printed_text, &printed_length);
    said = open_memstream(&said_text, &said_length);
    return source >= 0 && printed && said && lay_out_hosts();
}

static void
check_refusal(const char *operation)
{
    char *line = said_text + 1;
    char *end = said_length > 1 ? memchr(line, '\n', said_length - 1) : NULL;

    PROMISE("a refusal is one line, and begins on one of its own",
            end && *said_text == '\n' && end == said_text + said_length - 1, said_text);
    *end = '\0';
    fuzz_check_message(line);
    PROMISE("a refusal begins as all do", g_str_has_prefix(line, "nest: cannot "), line);
    PROMISE("a refusal ends in its code", g_str_has_suffix(line, "]") && strstr(line, " [NEST-"),
            line);
    PROMISE("nothing is printed beside a refusal", printed_length == 0, operation);
}

/* Calls the hook; returns its exit status. What it said and printed is in the streams' texts. */
static int
call_hook(const char *operation, const char *name, const char *xml, gsize length)
{
    char *arguments[] = {(char *)"qemu",  (char *)name, (char *)operation,
                         (char *)"begin", (char *)"-",  NULL};
    int status = 0;

    PROMISE("streams and standard input are laid out",
            fseek(printed, 0, SEEK_SET) == 0 && fseek(said, 0, SEEK_SET) == 0 &&
                ftruncate(source, (off_t)length) == 0 &&
                pwrite(source, xml, length, 0) == (gssize)length &&
                lseek(source, 0, SEEK_SET) == 0 && dup2(source, 0) == 0,
            g_strerror(errno));
    status = nest_hook_judge(operation ? 5 : 2, arguments);
    PROMISE("standard output and error are caught", !fflush(printed) && !fflush(said), NULL);
    PROMISE("the hook's status is 0 or 1", status == 0 || status == 1, operation);
    if (status)
        check_refusal(operation);
    else
        PROMISE("what passes says nothing", said_length == 0, said_text);
    return status;
}

static gboolean
is_tagged(const char *text, gsize length)
{
    g_autoptr(NestDomainXml) xml = fuzz_parse(text, length);
    NestTagKind tagged = NEST_TAG_NONE;

    return xml && nest_tag_read(xml, &tagged, NULL, NULL) && tagged != NEST_TAG_NONE;
}

/* What prepare prints is what start wants to see. */
static void
check_printed(const char *operation, const char *name)
{
    g_autofree gchar *text = NULL;

    if (printed_length == 0)
        return;
    text = g_strndup(printed_text, printed_length);
    PROMISE("only prepare prints", g_strcmp0(operation, "prepare") == 0, operation);
    PROMISE("what is printed is a tagged domain", is_tagged(text, strlen(text)), text);
    PROMISE("what is printed passes", call_hook("prepare", name, text, strlen(text)) == 0,
            said_text);
    PROMISE("and is right as it is", printed_length == 0, text);
    PROMISE("what is printed can be started", call_hook("start", name, text, strlen(text)) == 0,
            said_text);
}

/* Or its XML cannot be read, which no flag is left for. */
static gboolean
is_refused_image(void)
{
    return strstr(said_text, " [NEST-XML") ||
           (strstr(said_text, "(its saved image stays as it is)") &&
            (strstr(said_text, " [NEST-HOST-") || strstr(said_text, " [NEST-LIVE-RUNNING]")));
}

static gboolean
has_uuid(const char *text, gsize length)
{
    g_autoptr(NestDomainXml) xml = fuzz_parse(text, length);

    return xml && g_uuid_string_is_valid(nest_domain_xml_value(xml, "uuid"));
}

/* A guest that is let in is not stopped by the prepare and start that follow; at restore all are, and prepare judges. */
static void
check_resumed(const char *operation, const char *name, const char *xml, gsize length)
{
    gboolean restored = g_strcmp0(operation, "restore") == 0;
    gboolean refused = has_uuid(xml, length) && call_hook("prepare", name, xml, length) != 0;

    PROMISE("what arrives passes prepare", restored || !refused, said_text);
    PROMISE("an image is refused for the host or its nested guests, and kept",
            !refused || is_refused_image(), said_text);
    if (has_uuid(xml, length) && !refused) {
        PROMISE("nothing is printed of it, which would taint it", printed_length == 0,
                printed_text);
        PROMISE("what resumes passes start", call_hook("start", name, xml, length) == 0, said_text);
    }
    PROMISE("what is stopped is let go", call_hook("stopped", name, xml, length) == 0, said_text);
}

static void
check_call(guint i, const char *name, const char *xml, gsize length)
{
    int status = call_hook(asked[i].name, name, xml, length);

    PROMISE("only what may be refused is", status == 0 || asked[i].may_refuse, asked[i].name);
    /* An <enable> or <disable> without a namespace is a mistaken tag; the prefilter lets it go, as libvirt drops it. */
    PROMISE("a domain that does not mention us is refused for nothing but its XML",
            status == 0 || nest_prefilter_matches(xml, length) || memchr(xml, '&', length) ||
                strstr(said_text, " [NEST-XML") || memmem(xml, length, "able", 4),
            said_text);
    check_printed(asked[i].name, name);
    if (status == 0 &&
        (g_strcmp0(asked[i].name, "migrate") == 0 || g_strcmp0(asked[i].name, "restore") == 0))
        check_resumed(asked[i].name, name, xml, length);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    guint host = size > 2 ? fuzz_choice(data[1], 2 * G_N_ELEMENTS(hosts)) : 0;

    if (size < 2 || putenv(roots[host / 2]) != 0)
        return 0;
    check_call(fuzz_choice(data[0], G_N_ELEMENTS(asked)), host % 2 ? "defined" : "L1 \xc3\xa4",
               (const char *)data + 2, size - 2);
    return 0;
}
