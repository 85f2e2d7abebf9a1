/* virt-nest rewrite: a filter from domain XML to domain XML, without libvirt. */
#include "command.h"

#include "cpu.h"
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What the command line asks for. */
typedef struct {
    const NestPlatform *platform; /* NULL: this host's, if one is needed */
    gboolean explain;             /* the changes go to standard error */
} Wish;

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

    while ((n = fread(chunk, 1, sizeof(chunk), stream)) > 0)
        g_byte_array_append(text, chunk, (guint)n);
    if (ferror(stream) && !fail_io(error, "cannot read", name))
        return NULL;
    return g_steal_pointer(&text);
}

/* @path: NULL or "-" for standard input. */
static GByteArray *
read_input(const char *path, GError **error)
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

/* Only a type='kvm' domain asks for the host's platform. */
static gboolean
find_platform(const NestDomainXml *xml, const Wish *wish, const NestPlatform **ret_platform,
              GError **error)
{
    *ret_platform = wish->platform;
    if (*ret_platform || !nest_cpu_is_kvm(xml))
        return TRUE;
    *ret_platform = nest_platform_of_host(error);
    return *ret_platform != NULL;
}

static void
explain(const NestDomainXml *xml, const GPtrArray *changes)
{
    g_autofree gchar *cpu = nest_cpu_describe(xml);

    for (guint i = 0; i < changes->len; i++)
        (void)fprintf(stderr, "nest: %s: %s\n", nest_domain_xml_value(xml, "name"),
                      (const char *)g_ptr_array_index(changes, i));
    if (changes->len == 0)
        (void)fprintf(stderr, "nest: %s: nothing to do, its CPU is %s\n",
                      nest_domain_xml_value(xml, "name"), cpu);
}

static gchar *
rewrite_tagged(NestDomainXml *xml, const NestTag *tag, const Wish *wish, GError **error)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(g_free);
    const NestPlatform *platform = NULL;

    if (!find_platform(xml, wish, &platform, error) ||
        !nest_cpu_rewrite(xml, tag, platform, changes, error))
        return NULL;
    if (wish->explain)
        explain(xml, changes);
    return nest_domain_xml_text(xml);
}

/* What is not tagged goes out as it came in, and so does what is no domain at all, unless somebody may
 * have meant us: the filter can stand in a pipe through which everything goes. */
static gboolean
rewrite(GByteArray *text, const Wish *wish, GError **error)
{
    const char *input = text->data ? (const char *)text->data : "";
    g_autoptr(GError) problem = NULL;
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(input, text->len, &problem);
    g_autofree gchar *rewritten = NULL;
    gboolean tagged = FALSE;
    NestTag tag;

    if (!xml && nest_tag_is_mentioned(input, text->len)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (xml && !nest_tag_read(xml, &tagged, &tag, error))
        return FALSE;
    if (!tagged) {
        if (wish->explain)
            (void)fputs("nest: not tagged, nothing to do\n", stderr);
        return TRUE;
    }
    rewritten = rewrite_tagged(xml, &tag, wish, error);
    if (!rewritten)
        return FALSE;
    g_byte_array_set_size(text, 0);
    g_byte_array_append(text, (const guint8 *)rewritten, (guint)strlen(rewritten));
    return TRUE;
}

static int
filter(const char *path, const Wish *wish)
{
    GError *error = NULL;
    g_autoptr(GByteArray) text = read_input(path, &error);

    if (!text || !rewrite(text, wish, &error))
        return nest_command_fail(error);
    if (text->len > 0)
        (void)fwrite(text->data, 1, text->len, stdout); /* main.c looks whether it arrived */
    return NEST_EXIT_DONE;
}

static int
refuse_platform(const NestCall *call, const char *name)
{
    g_autofree gchar *names = nest_platform_names();
    g_autofree gchar *what =
        g_strdup_printf("there is no platform '%s', use one of %s", name, names);

    return nest_command_misused(call, what);
}

int
nest_rewrite(NestCall *call)
{
    Wish wish = {0};
    g_autofree gchar *platform = NULL;
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"platform", 0, 0, G_OPTION_ARG_FILENAME, &platform,
         "intel, amd or hygon (default: this host's)", "NAME"},
        {"explain", 0, 0, G_OPTION_ARG_NONE, &wish.explain, "list the changes on standard error",
         NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (platform && !(wish.platform = nest_platform_by_name(platform)))
        return refuse_platform(call, platform);
    if (g_strv_length(call->arguments) > 1)
        return nest_command_misused(call, "rewrite takes one file");
    return filter(call->arguments[0], &wish);
}
