/* The settings: defaults, every value, and what is refused with the file's name. */
#include "check.h"
#include "config.h"

#include <unistd.h>

#define FILE_BELOW_ROOT "etc/virt-nest/virt-nest.conf"

static const struct {
    const char *sentence;
    const char *text; /* NULL: no file */
    NestConfig config;
} taken[] = {
    {"no file is the default", NULL, {NEST_OUTRUN_REFUSE, NEST_MANAGE_YES}},
    {"an empty file is the default", "", {NEST_OUTRUN_REFUSE, NEST_MANAGE_YES}},
    {"comments only", "# nothing\n\n#[start]\n", {NEST_OUTRUN_REFUSE, NEST_MANAGE_YES}},
    {"empty groups", "[start]\n[host]\n", {NEST_OUTRUN_REFUSE, NEST_MANAGE_YES}},
    {"outrun refuse", "[start]\noutrun=refuse\n", {NEST_OUTRUN_REFUSE, NEST_MANAGE_YES}},
    {"outrun restart", "[start]\noutrun=restart\n", {NEST_OUTRUN_RESTART, NEST_MANAGE_YES}},
    {"manage yes", "[host]\nmanage=yes\n", {NEST_OUTRUN_REFUSE, NEST_MANAGE_YES}},
    {"manage no", "[host]\nmanage=no\n", {NEST_OUTRUN_REFUSE, NEST_MANAGE_NO}},
    {"both", "[host]\nmanage=no\n[start]\noutrun=restart\n", {NEST_OUTRUN_RESTART, NEST_MANAGE_NO}},
    {"white space around the value", "[start]\n outrun = restart \n", {NEST_OUTRUN_RESTART, NEST_MANAGE_YES}},
    {"no line feed at the end", "[start]\noutrun=restart", {NEST_OUTRUN_RESTART, NEST_MANAGE_YES}},
    {"CRLF", "[start]\r\noutrun=restart\r\n", {NEST_OUTRUN_RESTART, NEST_MANAGE_YES}},
    {"the last of two counts", "[start]\noutrun=refuse\noutrun=restart\n", {NEST_OUTRUN_RESTART, NEST_MANAGE_YES}},
};

static const struct {
    const char *sentence, *text, *says;
} refused[] = {
    {"an unknown value", "[start]\noutrun=retry\n", "[start] outrun=retry|refuse, restart"},
    {"an empty value", "[start]\noutrun=\n", "[start] outrun=|refuse, restart"},
    {"a value in capitals", "[start]\noutrun=Restart\n", "outrun=Restart|refuse, restart"},
    {"a comment behind the value", "[start]\noutrun=restart # x\n", "outrun=restart # x|refuse, restart"},
    {"an unknown key", "[start]\noutrum=restart\n", "[start] outrum|virt-nest.conf(5)"},
    {"a key in capitals", "[start]\nOutrun=restart\n", "[start] Outrun|virt-nest.conf(5)"},
    {"a translated key", "[start]\noutrun[de]=restart\n", "[start] outrun[de]|virt-nest.conf(5)"},
    {"an unknown group", "[starts]\noutrun=restart\n", "[starts]|virt-nest.conf(5)"},
    {"an unknown group without keys", "[starts]\n", "[starts]|virt-nest.conf(5)"},
    {"a key of another group", "[host]\noutrun=restart\n", "[host] outrun|virt-nest.conf(5)"},
    {"a value of another key", "[host]\nmanage=restart\n", "[host] manage=restart|yes, no"},
    {"a boolean in other words", "[host]\nmanage=false\n", "[host] manage=false|yes, no"},
    {"a good key and a bad one", "[start]\noutrun=restart\nx=1\n", "[start] x"},
    {"a key without group", "outrun=restart\n", "cannot be read"},
    {"no equals sign", "[start]\noutrun\n", "cannot be read"},
    {"a group that is not closed", "[start\noutrun=restart\n", "cannot be read"},
    {"no UTF-8", "[start]\noutrun=\xe4\n", "outrun"},
};

static void
test_taken(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    NestConfig config = {(NestOutrun)42, (NestManage)42};

    if (taken[i].text)
        check_root_write(FILE_BELOW_ROOT, taken[i].text);
    g_assert_true(nest_config_load(&config, &error));
    g_assert_no_error(error);
    g_assert_cmpint(config.outrun, ==, taken[i].config.outrun);
    g_assert_cmpint(config.manage, ==, taken[i].config.manage);
    check_root_free(root);
}

static void
check_refused(const char *says)
{
    g_autoptr(GError) error = NULL;
    NestConfig config = {(NestOutrun)42, (NestManage)42};

    g_assert_false(nest_config_load(&config, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_CONFIG);
    check_says(error->message, "/etc/virt-nest/virt-nest.conf");
    check_says(error->message, says);
    g_assert_cmpint(config.outrun, ==, 42);
    g_assert_cmpint(config.manage, ==, 42);
}

static void
test_refused(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();

    check_root_write(FILE_BELOW_ROOT, refused[i].text);
    check_refused(refused[i].says);
    check_root_free(root);
}

static void
test_folder(void)
{
    gchar *root = check_root_new();

    g_test_summary("a file that cannot be read is not the same as no file");
    check_root_write(FILE_BELOW_ROOT "/x", "");
    check_refused("cannot be read|remove it");
    check_root_free(root);
}

static void
test_no_permission(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *file = g_build_filename(root, FILE_BELOW_ROOT, NULL);

    g_test_summary("a file nobody may read is an error, as an ordinary user");
    check_root_write(FILE_BELOW_ROOT, "[start]\n");
    g_assert_cmpint(g_chmod(file, 0), ==, 0);
    g_assert_cmpint(g_chmod(root, 0755), ==, 0);
    if (geteuid() == 0) {
        g_assert_cmpint(seteuid(65534), ==, 0); /* root may read everything */
        check_refused("cannot be read");
        g_assert_cmpint(seteuid(0), ==, 0);
    } else {
        check_refused("cannot be read");
    }
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(taken); i++)
        check_add_row("config/taken", taken[i].sentence, GSIZE_TO_POINTER(i), test_taken);
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++)
        check_add_row("config/refused", refused[i].sentence, GSIZE_TO_POINTER(i), test_refused);
    g_test_add_func("/config/a folder in its place is refused", test_folder);
    g_test_add_func("/config/no permission is refused", test_no_permission);
    return g_test_run();
}
