/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of modprobe's commands are seen and which are run when a module is loaded: the real libkmod, with a made-up
 * index of modules and configuration. No such module can be loaded, as it has no file, but libkmod comes that far. */
#include "fake-kernel.h"
#include "host/module_load.h"

#include <sys/stat.h>
#include <unistd.h>

typedef struct kmod_ctx KmodCtx;
typedef struct kmod_list KmodList;
typedef struct kmod_module KmodModule;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodCtx, kmod_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodModule, kmod_module_unref)

/* kvm_ax of no kernel, which needs kvm_ix and nest_deep, as kvm_ix does. In this order of its line libkmod takes kvm_ix
 * first, and what that needs before it. */
#define MODULE "kvm_ax"
#define INDEX_A "kernel/kvm-ax.ko: kernel/nest-deep.ko kernel/kvm-ix.ko"
#define INDEX_I "kernel/kvm-ix.ko: kernel/nest-deep.ko"
#define RAN "RAN" /* in a configuration: the file that a command makes */
#define OTHER "install other touch RAN\n"

static const struct {
    const char *sentence;
    const char *configuration;
    const char *seen; /* the module whose command stands in the way; NULL: none does */
    guint passed;     /* how many commands are passed over, and told */
} rows[] = {
    {"nothing", "", NULL, 0},
    {"the module's own", "install kvm_ax touch RAN\n", "kvm_ax", 0},
    {"one that it needs", "install kvm-ix touch RAN\n", "kvm_ix", 0},
    {"one that this one needs", "install nest_deep touch RAN\n", "nest_deep", 1},
    {"a softdep of the module", "softdep kvm_ax pre: other post: other\n" OTHER, NULL, 0},
    {"a softdep of one that it needs", "softdep nest_deep pre: other\n" OTHER, NULL, 1},
    {"two of them", "softdep nest_deep pre: other more\ninstall more touch RAN\n" OTHER, NULL, 2},
    {"a softdep by an alias", "softdep nest_deep pre: name\nalias name other\n" OTHER, NULL, 1},
    {"commands at unloading", "remove kvm_ax touch RAN\nremove nest_deep touch RAN\n", NULL, 0},
    {"another module's", "install kvm touch RAN\n", NULL, 0},
};

static void
put_bytes(const char *name, const GByteArray *bytes)
{
    g_autofree gchar *below = g_build_filename("lib", name, NULL);
    g_autofree gchar *path = g_build_filename(g_getenv("VIRT_NEST_ROOT"), below, NULL);

    check_root_write(below, "");
    g_assert_true(g_file_set_contents(path, (const gchar *)bytes->data, bytes->len, NULL));
}

/* @modules: with ours; else without any. */
static void
put_index(const char *name, gboolean modules)
{
    g_autoptr(GByteArray) index = g_byte_array_new();
    guint32 root = 0;

    fake_index_number(index, 0xb007f457); /* magic */
    fake_index_number(index, 0x00020001); /* version */
    fake_index_number(index, 0);          /* the root, below */
    if (modules) {
        guint32 a = fake_index_leaf(index, "x", INDEX_A);
        guint32 i = fake_index_leaf(index, "x", INDEX_I);

        root = GUINT32_TO_BE(fake_index_root(index, a, i));
    }
    memcpy(index->data + 8, &root, sizeof(root));
    put_bytes(name, index);
}

static KmodCtx *
lay_out(const char *root, const char *configuration)
{
    static const char *const empty[] = {"modules.alias.bin", "modules.symbols.bin", "modules.builtin.bin",
                                        "modules.builtin.alias.bin"};
    static const char *const files[] = {"lib/kernel/kvm-ax.ko", "lib/kernel/kvm-ix.ko", "lib/kernel/nest-deep.ko"};
    g_autofree gchar *ran = g_build_filename(root, "ran", NULL);
    g_autofree gchar *lib = g_build_filename(root, "lib", NULL);
    g_autofree gchar *conf = g_build_filename(root, "conf", NULL);
    const char *const paths[] = {conf, NULL};
    g_auto(GStrv) parts = g_strsplit(configuration, RAN, -1);
    g_autofree gchar *text = g_strjoinv(ran, parts);

    put_index("modules.dep.bin", TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS(empty); i++)
        put_index(empty[i], FALSE);
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
        check_root_write(files[i], "no module");
    check_root_write("conf/a.conf", text);
    return kmod_new(lib, paths);
}

static guint lines; /* of the log */

static GLogWriterOutput
count_line(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
    (void)level, (void)fields, (void)n, (void)data;
    lines++;
    return G_LOG_WRITER_HANDLED;
}

static void
test_command(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    gchar *root = check_root_new();
    g_autofree gchar *ran = g_build_filename(root, "ran", NULL);
    g_autoptr(KmodCtx) kmod = lay_out(root, rows[i].configuration);
    g_autoptr(KmodModule) module = NULL;
    g_autofree gchar *name = NULL;
    KmodList *found = NULL;
    gboolean seen = FALSE;

    g_assert_cmpint(kmod_module_new_from_lookup(kmod, MODULE, &found), ==, 0);
    module = kmod_module_get_module(found);
    kmod_module_unref_list(found);
    seen = nest_module_load_command(module, &name) != NULL;
    g_assert_cmpint(seen, ==, rows[i].seen != NULL);
    g_assert_cmpstr(name, ==, rows[i].seen);
    lines = 0;
    g_assert_cmpint(nest_module_load(module, "nested=1"), <, 0);
    g_assert_false(g_file_test(ran, G_FILE_TEST_EXISTS));
    g_assert_cmpuint(lines, ==, rows[i].passed);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_writer_func(count_line, NULL, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("module-load", rows[i].sentence, GSIZE_TO_POINTER(i), test_command);
    return g_test_run();
}
