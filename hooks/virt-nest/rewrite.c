/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest rewrite: a filter from domain XML to domain XML, without libvirt. */
#include "command.h"
#include "tag_options.h"

#include "../fatal.h"
#include "base/error.h"
#include "base/spelling.h"
#include "domain/cpu_remarks.h"
#include "domain/cpu_rewrite.h"
#include "domain/prefilter.h"
#include "domain/tag_put.h"
#include "domain/wish.h"

#include <errno.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

/* What the command line asks for. */
typedef struct {
    const NestCpuVendor *vendor;   /* NULL: this host's, if one is needed */
    gboolean explain;              /* the changes go to standard error */
    gboolean enable;               /* tags the domain first */
    const NestTagOptions *options; /* ... with these attributes */
    const char *domain;            /* the XML itself; NULL: it is read */
} Request;

static gboolean
fail_io(GError **error, const char *what, const char *name)
{
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "%s %s: %s", what, name, g_strerror(errno));
    return FALSE;
}

static GByteArray *
read_stream(FILE *stream, const char *name, GError **error)
{
    g_autoptr(GByteArray) text = g_byte_array_new();
    guint8 chunk[16 * 1024];
    gsize n = 0;

    do {
        n = fread(chunk, 1, sizeof(chunk), stream);
        g_byte_array_append(text, chunk, (guint)n);
    } while (text->len <= NEST_DOMAIN_XML_MAX_BYTES && !feof(stream) && !ferror(stream));
    if (ferror(stream) && !fail_io(error, "cannot read", name))
        return NULL;
    if (text->len <= NEST_DOMAIN_XML_MAX_BYTES)
        return g_steal_pointer(&text);
    /* Fails whether or not the domain is tagged: endless input would fill the memory before that is known. */
    g_set_error(error, NEST_ERROR, NEST_ERROR_XML,
                "%s is longer than %d MiB, more than libvirt itself takes for a domain: give the "
                "XML of one domain (virsh dumpxml --inactive)",
                name, NEST_DOMAIN_XML_MAX_MIB);
    return NULL;
}

/* @path: NULL or "-" for standard input. */
static GByteArray *
read_input_file(const char *path, GError **error)
{
    FILE *stream = NULL;
    GByteArray *text = NULL;

    if (!path || g_str_equal(path, "-"))
        return read_stream(stdin, "standard input", error);
    stream = fopen(path, "re");
    if (!stream && !fail_io(error, "cannot open", path))
        return NULL;
    text = read_stream(stream, path, error);
    (void)fclose(stream);
    return text;
}

/* Escapes the line, because names and models come unchanged from the XML. */
static void
explain_line(const NestDomainXml *xml, const char *what)
{
    g_autofree gchar *line = g_strdup_printf("%s: %s", nest_domain_xml_value(xml, "name"), what);
    g_autofree gchar *escaped = nest_error_escape(line);

    (void)fprintf(stderr, "nest: %s\n", escaped);
}

static void
explain_changes(const NestDomainXml *xml, const GPtrArray *changes)
{
    g_autofree gchar *cpu = nest_cpu_describe(xml);
    g_autofree gchar *nothing = g_strdup_printf("nothing to do, its CPU is %s", cpu);

    for (guint i = 0; i < changes->len; i++)
        explain_line(xml, g_ptr_array_index(changes, i));
    if (changes->len == 0)
        explain_line(xml, nothing);
}

/* Prints the remarks about the rewritten CPU. If the CPU can have no effect, it says so even without --explain. */
static void
explain_remarks(const char *text, const NestCpuVendor *host, const Request *request)
{
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(text, strlen(text), NULL);
    const NestCpuVendor *vendor = xml ? nest_cpu_feature_vendor(xml, host, NULL) : NULL;
    g_autoptr(GPtrArray) remarks = vendor ? nest_cpu_remarks(xml, vendor) : g_ptr_array_new();

    if (!vendor || (!request->explain && nest_cpu_check_arguments(xml, vendor, NULL)))
        return;
    for (guint i = 0; i < remarks->len; i++)
        explain_line(xml, g_ptr_array_index(remarks, i));
}

static gchar *
rewrite_enabled(NestDomainXml *xml, const NestTag *tag, const Request *request, GError **error)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    const NestCpuVendor *vendor = request->vendor;
    gchar *text = NULL;

    if (!nest_cpu_rewrite_find_host(xml, &vendor, error) ||
        !nest_cpu_rewrite(xml, tag, vendor, changes, error))
        return NULL;
    if (request->explain)
        explain_changes(xml, changes);
    text = nest_domain_xml_text(xml);
    explain_remarks(text, vendor, request);
    return text;
}

static gchar *
rewrite_forbidden(NestDomainXml *xml, const Request *request)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);

    nest_cpu_rewrite_off(xml, changes);
    if (request->explain)
        explain_changes(xml, changes);
    return nest_domain_xml_text(xml);
}

/* Whether our words are there with NULs between their letters, as in any UTF-16 or UTF-32. */
static gboolean
matches_between_nuls(const char *text, gsize length)
{
    g_autoptr(GString) letters = g_string_sized_new(length);

    for (gsize i = 0; i < length; i++)
        if (text[i])
            g_string_append_c(letters, text[i]);
    return letters->len < length && nest_prefilter_matches(letters->str, letters->len);
}

/* Whether our words are in text in EBCDIC, UTF-7 or the like, as libxml2 decodes it.
 * Nothing but the text is read. */
static gboolean
matches_decoded(const char *text, gsize length)
{
    int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_RECOVER;
    xmlDoc *doc = xmlReadMemory(text, (int)length, NULL, NULL, options);
    xmlChar *decoded = NULL;
    int n = 0;
    gboolean matches = FALSE;

    if (doc)
        xmlDocDumpMemoryEnc(doc, &decoded, &n, "UTF-8");
    matches = decoded && nest_prefilter_matches((const char *)decoded, (gsize)n);
    xmlFree(decoded);
    xmlFreeDoc(doc);
    return matches;
}

/* Passes on input that is no domain, unless it may be meant for us. @problem: why it is no domain. */
static gboolean
judge_unreadable(const char *text, gsize length, GError *problem, GError **error)
{
    gboolean plainly = nest_prefilter_matches(text, length);

    if (plainly || (g_error_matches(problem, NEST_ERROR, NEST_ERROR_XML_ENCODING) &&
                    matches_decoded(text, length))) {
        g_propagate_error(error, g_error_copy(problem));
        return FALSE;
    }
    if (!matches_between_nuls(text, length))
        return TRUE;
    g_set_error_literal(error, NEST_ERROR, NEST_ERROR_XML_ENCODING,
                        "this XML is tagged, but in UTF-16 or UTF-32: convert it to UTF-8 first "
                        "(iconv -t UTF-8) and remove the encoding from its first line");
    return FALSE;
}

static void
replace_text(GByteArray *text, const char *with)
{
    g_byte_array_set_size(text, 0);
    g_byte_array_append(text, (const guint8 *)with, (guint)strlen(with));
}

/* Passes on unchanged a domain for which no tag, rule or policy asks, and also input that is no domain: the filter can
 * stand in a pipe through which everything goes. */
static gboolean
rewrite(GByteArray *text, const Request *request, GError **error)
{
    const char *input = text->data ? (const char *)text->data : "";
    g_autoptr(GError) problem = NULL;
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(input, text->len, &problem);
    g_autoptr(NestPolicy) policy = nest_policy_load(NULL); /* else the tag alone counts */
    g_autofree gchar *rewritten = NULL;
    NestWish wish = NEST_WISH_NONE;

    if (!xml && !judge_unreadable(input, text->len, problem, error))
        return FALSE;
    if (xml && !nest_wish_read(xml, policy, &wish, error))
        return FALSE;
    if (wish.kind == NEST_WISH_LEAVE || wish.kind == NEST_WISH_UNDECIDED) {
        if (request->explain)
            (void)fputs("nest: not tagged, nothing to do\n", stderr);
        return TRUE;
    }
    rewritten = wish.kind == NEST_WISH_ENABLE ? rewrite_enabled(xml, &wish.tag, request, error)
                                              : rewrite_forbidden(xml, request);
    if (!rewritten)
        return FALSE;
    replace_text(text, rewritten);
    return TRUE;
}

static gboolean
set_option_attributes(NestTag *tag, gconstpointer options, GError **error)
{
    return nest_tag_options_set(options, tag, error);
}

/* Fails for input that is no domain, because that cannot get a tag. */
static gboolean
enable(GByteArray *text, const Request *request, GError **error)
{
    const char *input = text->data ? (const char *)text->data : "";
    g_autofree gchar *tagged =
        nest_tag_put_into(input, text->len, set_option_attributes, request->options, error);

    if (!tagged)
        return FALSE;
    replace_text(text, tagged);
    return TRUE;
}

/* Limits the time of the work: libxml2 can be busy for hours where its input is not bounded, for example with
 * UTF-16 that has millions of attributes. The filter's input and output may take any time. */
static void
limit_time(const char *path, unsigned int seconds)
{
    const NestFatalHandler fatal = {
        .action = "rewrite", .name = path ? path : "standard input", .seconds = seconds};

    (void)nest_fatal_handler_set(&fatal);
}

static int
filter(const char *path, const Request *request)
{
    GError *error = NULL;
    g_autoptr(GByteArray) text = NULL;
    gboolean done = FALSE;

    limit_time(path, 0);
    /* Without this, libxml2 prints some errors, as about an encoding, to standard error. */
    xmlSetStructuredErrorFunc(NULL, nest_xml_be_silent);
    /* An argument is no longer than the kernel allows (128 KiB). */
    text = request->domain
               ? g_byte_array_append(g_byte_array_new(), (const guint8 *)request->domain,
                                     (guint)strlen(request->domain))
               : read_input_file(path, &error);
    limit_time(path, NEST_FATAL_SECONDS);
    done = text && (!request->enable || enable(text, request, &error)) &&
           rewrite(text, request, &error);
    limit_time(path, 0);
    if (!done)
        return nest_command_fail(error);
    if (text->len > 0)
        (void)fwrite(text->data, 1, text->len, stdout); /* main.c checks whether it was written */
    return NEST_EXIT_DONE;
}

static int
refuse_vendor(const NestCall *call, const char *vendor)
{
    g_autofree gchar *names = nest_cpu_vendor_names();
    g_auto(GStrv) known = g_strsplit(names, ", ", -1);
    g_autofree gchar *hint = nest_spelling_hint(vendor, (const char *const *)known);
    g_autofree gchar *what =
        g_strdup_printf("there is no CPU vendor '%s': use one of %s%s", vendor, names, hint);

    return nest_command_misused(call, what);
}

/* Checks that the options go together, and their values, before any input is read. */
static int
run_rewrite(NestCall *call, Request *request)
{
    const char *given = nest_tag_options_given(request->options);
    NestTag tag = NEST_TAG_DEFAULT;
    GError *error = NULL;

    if (given && !request->enable) {
        g_autofree gchar *what = g_strdup_printf(
            "--%s is an attribute of the tag that --enable makes: add --enable", given);

        return nest_command_misused(call, what);
    }
    if (!nest_tag_options_set(request->options, &tag, &error))
        return nest_command_fail(error);
    if (g_strv_length(call->arguments) > (request->domain ? 0 : 1))
        return nest_command_misused(call, request->domain
                                              ? "rewrite takes --domain or a file, not both"
                                              : "rewrite takes one file");
    return filter(call->arguments[0], request);
}

int
nest_rewrite(NestCall *call)
{
    Request request = {0};
    g_autofree gchar *vendor = NULL;
    g_autofree gchar *domain = NULL;
    g_autofree gchar *names = nest_cpu_vendor_names();
    g_autofree gchar *help = g_strdup_printf("one of %s (default: this host's)", names);
    int status = NEST_EXIT_DONE;
    const GOptionEntry others[] = {
        {"enable", 0, 0, G_OPTION_ARG_NONE, &request.enable, "tag the domain first", NULL},
        {"domain", 0, 0, G_OPTION_ARG_FILENAME, &domain, "the XML itself, in place of a file",
         "XML"},
        {"cpu-vendor", 0, 0, G_OPTION_ARG_FILENAME, &vendor, help, "NAME"},
        {"platform", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &vendor, NULL,
         NULL}, /* until 0.2 */
        {"explain", 0, 0, G_OPTION_ARG_NONE, &request.explain, "list the changes on standard error",
         NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(NestTagOptions) options = nest_tag_options_new(others);

    if (!nest_command_parse(call, options.entries, &status))
        return status;
    request.options = &options;
    request.domain = domain;
    if (vendor && !(request.vendor = nest_cpu_vendor_by_name(vendor)))
        return refuse_vendor(call, vendor);
    return run_rewrite(call, &request);
}
