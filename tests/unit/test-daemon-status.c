/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virtnestd says of itself to everybody, for how long that holds, and what the commands make of it. */
#include "../../hooks/virt-nest/daemon.h"
#include "base/daemon_status.h"
#include "base/liveness.h"
#include "base/root.h"
#include "check.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_BELOW_ROOT "run/virt-nest/virtnestd.status"
#define NOBODY 65534

static gchar *
file_path(void)
{
    return g_build_filename(g_getenv("VIRT_NEST_ROOT"), FILE_BELOW_ROOT, NULL);
}

/* virtnestd's say; the descriptor that holds it. */
static int
say(const char *version, const char *settings)
{
    NestDaemonStatus status = {.version = (gchar *)version,
                               .since = 1790000000,
                               .settings = (gchar *)settings,
                               .settings_since = 1790000001};
    g_autoptr(GError) error = NULL;
    int fd = nest_daemon_status_write(&status, &error);

    g_assert_no_error(error);
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void
test_said(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestDaemonStatus) status = NULL;
    int fd = -1;

    g_test_summary("what is said is read, by whoever asks, until its virtnestd has ended");
    g_assert_null(nest_daemon_status_read());
    fd = say("1.2.3", "[start] on-stale=x\nis wrong");
    status = nest_daemon_status_read();
    g_assert_nonnull(status);
    g_assert_cmpstr(status->version, ==, "1.2.3");
    g_assert_cmpstr(status->settings, ==, "[start] on-stale=x\nis wrong");
    g_assert_cmpint(status->since, ==, 1790000000);
    g_assert_cmpint(status->settings_since, ==, 1790000001);
    close(fd);
    g_assert_null(nest_daemon_status_read());
    check_root_free(root);
}

static void
test_again(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestDaemonStatus) status = NULL;
    int former = say("1", "wrong");
    int fd = say("1", NULL);

    g_test_summary("what is said later counts, and goes on when the former say is closed");
    close(former);
    status = nest_daemon_status_read();
    g_assert_nonnull(status);
    g_assert_null(status->settings);
    close(fd);
    check_root_free(root);
}

static void
test_modes(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = file_path();
    g_autofree gchar *directory = g_path_get_dirname(path);
    mode_t mask = umask(0077); /* as in virtnestd's unit */
    int fd = say("1", NULL);

    g_test_summary("everybody can read it and nobody else write it, whatever the umask and what was there");
    g_assert_cmpuint(check_mode(path), ==, 0644);
    g_assert_cmpuint(check_mode(directory), ==, 0755);
    close(fd);
    g_assert_cmpint(g_chmod(path, 0777), ==, 0);
    fd = say("1", NULL);
    g_assert_cmpuint(check_mode(path), ==, 0644);
    close(fd);
    umask(mask);
    check_root_free(root);
}

/* What an ordinary user can do with it; the exit status says at which step that was not as it should be. */
static int
act_as_nobody(const char *path)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    g_autoptr(NestDaemonStatus) status = NULL;
    int fd = -1;

    if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        return 1;
    status = nest_daemon_status_read();
    if (!status || !g_str_equal(status->version, "1"))
        return 2;
    if (!nest_daemon_runs())
        return 3;
    fd = open(path, O_RDONLY);
    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 4; /* it took a lock that virtnestd holds */
    return open(path, O_RDWR) < 0 ? 0 : 5;
}

static void
test_nobody(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = file_path();
    int fd = -1;
    int status = 0;
    pid_t child = -1;

    if (geteuid() != 0) {
        g_test_skip("only root can be another user");
        check_root_free(root);
        return;
    }
    g_test_summary("an ordinary user sees that a virtnestd runs, and can neither lock nor change its say");
    fd = say("1", NULL);
    g_assert_cmpint(g_chmod(root, 0755), ==, 0);
    child = fork();
    if (child == 0)
        _exit(act_as_nobody(path));
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    close(fd);
    check_root_free(root);
}

static const struct {
    const char *sentence, *text;
} broken[] = {
    {"nothing", ""},
    {"no key file", "{\"version\": 1}\n"},
    {"bytes", "\xff\xfe"},
};

static void
test_broken(gconstpointer row)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = file_path();
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = -1;

    check_root_write(FILE_BELOW_ROOT, broken[GPOINTER_TO_SIZE(row)].text);
    fd = open(path, O_RDWR);
    g_assert_cmpint(fcntl(fd, F_OFD_SETLK, &lock), ==, 0);
    g_assert_null(nest_daemon_status_read());
    close(fd);
    check_root_free(root);
}

static void
test_no_place(void)
{
    gchar *root = check_root_new();
    NestDaemonStatus status = {.version = (gchar *)"1"};
    g_autoptr(GError) error = NULL;

    g_test_summary("where no file can be made the error names it");
    check_root_write("run", "in the way");
    g_assert_cmpint(nest_daemon_status_write(&status, &error), ==, -1);
    g_assert_error(error, NEST_ERROR, NEST_ERROR_IO);
    check_says(error->message, "virtnestd.status");
    check_root_free(root);
}

/* --- what the commands say */

static void
test_problem_none(void)
{
    gchar *root = check_root_new();
    int fd = say(NEST_VERSION, NULL);

    g_test_summary("of a virtnestd of this release, with its settings, there is nothing to say");
    g_assert_null(nest_daemon_problem(""));
    close(fd);
    check_root_free(root);
}

static const struct {
    const char *sentence;
    const char *version;  /* NULL: none runs */
    const char *settings; /* what it says is wrong with them */
    const char *file;     /* the settings as they are now; NULL: none */
    const char *says;
} problems[] = {
    {"none runs", NULL, NULL, NULL, "no virtnestd runs|sudo systemctl start virtnestd"},
    {"none runs, and none starts", NULL, NULL, "[start]\non-stale=x\n",
     "no virtnestd runs, and none starts|on-stale=x|use one of|then: sudo systemctl start virtnestd"},
    {"none runs, and none starts with such plugins", NULL, NULL, "[plugins]\nload=../x\n",
     "no virtnestd runs, and none starts|load=../x|then: sudo systemctl start virtnestd"},
    {"another release", "0.0.9", NULL, NULL, "of release 0.0.9|" NEST_VERSION "|sudo systemctl restart virtnestd"},
    {"settings that it could not read", NEST_VERSION, "[start] on-stale=x is no value", NULL,
     "could not read its settings at 2026-|on-stale=x|sudo systemctl reload virtnestd"},
};

static void
test_problem(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    gchar *root = check_root_new();
    int fd = problems[i].version ? say(problems[i].version, problems[i].settings) : -1;
    g_autofree gchar *said = NULL;

    if (problems[i].file)
        check_root_write("etc/virt-nest/virt-nest.conf", problems[i].file);
    said = nest_daemon_problem("sudo ");
    g_assert_nonnull(said);
    check_says(said, problems[i].says);
    if (fd >= 0)
        close(fd);
    check_root_free(root);
}

static void
test_older(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *said = NULL;

    if (geteuid() != 0) {
        g_test_skip("only root sees a virtnestd that says nothing");
        check_root_free(root);
        return;
    }
    g_test_summary("a virtnestd that holds the lock and says nothing is of an older release");
    g_assert_true(nest_liveness_take(NULL));
    g_assert_true(nest_daemon_runs());
    said = nest_daemon_problem("");
    g_assert_nonnull(said);
    check_says(said, "older release|systemctl restart virtnestd");
    check_root_free(root);
}

/* --- what they say of the hook */

#define STARTED 1790000500000
#define HOOK "etc/libvirt/hooks/qemu"

/* virtnestd's say that it saw a start without the hook. */
static int
say_unjudged(gint64 since, const char *tagged)
{
    NestDaemonStatus status = {.version = (gchar *)NEST_VERSION,
                               .unjudged_since = since,
                               .unjudged = (gchar *)(since ? "lab\n1" : NULL),
                               .unjudged_tagged = (gchar *)tagged};
    g_autoptr(GError) error = NULL;
    int fd = nest_daemon_status_write(&status, &error);

    g_assert_no_error(error);
    return fd;
}

static const struct {
    const char *sentence;
    gint64 since, called; /* 0: it never was */
    const char *tagged;
    const char *says; /* NULL: nothing */
} unjudged[] = {
    {"nothing was started without the hook", 0, 0, NULL, NULL},
    {"a domain was", STARTED, 0, NULL, "lab\\x0a1 was started without it|even with a mistaken tag: |sudo "},
    {"a tagged one was", STARTED, STARTED - 1000, "lab1", "even with a mistaken tag (lab1 did): "},
    {"libvirt has called the hook since", STARTED, STARTED + 1000, "lab1", NULL},
};

static void
test_unjudged(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    gchar *root = check_root_new();
    int fd = say_unjudged(unjudged[i].since, unjudged[i].tagged);
    g_autofree gchar *path = g_build_filename(root, "run/virt-nest/hook-called", NULL);
    struct timespec times[2] = {{unjudged[i].called / 1000, 0}, {unjudged[i].called / 1000, 0}};
    g_autofree gchar *said = NULL;

    check_root_write(HOOK, "virt-nest");
    if (unjudged[i].called) {
        check_root_write("run/virt-nest/hook-called", "");
        g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
    }
    said = nest_daemon_hook_problem("sudo ");
    if (unjudged[i].says)
        check_says(said, unjudged[i].says);
    else
        g_assert_null(said);
    close(fd);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/daemon-status/said and void", test_said);
    g_test_add_func("/daemon-status/said again", test_again);
    g_test_add_func("/daemon-status/who may read it", test_modes);
    g_test_add_func("/daemon-status/an ordinary user", test_nobody);
    g_test_add_func("/daemon-status/no place for it", test_no_place);
    for (gsize i = 0; i < G_N_ELEMENTS(broken); i++)
        check_add_row("daemon-status/not believed", broken[i].sentence, GSIZE_TO_POINTER(i), test_broken);
    g_test_add_func("/daemon-status/nothing is wrong", test_problem_none);
    for (gsize i = 0; i < G_N_ELEMENTS(problems); i++)
        check_add_row("daemon-status/wrong", problems[i].sentence, GSIZE_TO_POINTER(i), test_problem);
    g_test_add_func("/daemon-status/an older release", test_older);
    for (gsize i = 0; i < G_N_ELEMENTS(unjudged); i++)
        check_add_row("daemon-status/hook", unjudged[i].sentence, GSIZE_TO_POINTER(i), test_unjudged);
    return g_test_run();
}
