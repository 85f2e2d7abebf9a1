/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at AppArmor and SELinux: whether they let libvirt's daemon run the hook, and QEMU open the guard's
 * image. Of AppArmor the text of the profiles is judged, of SELinux the labels. */
#include "doctor.h"

#include "apparmor.h"

#include "base/root.h"
#include "host/libvirt_daemon.h"
#include "base/systemd.h"
#include "blocker-node.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#define PROFILES "/etc/apparmor.d"
#define ENFORCED " (enforce)"
#define SELINUX_ENFORCES "/sys/fs/selinux/enforce"
#define PROGRAM "bin_t" /* of which libvirt's daemon may run each */
/* An image as it would be in a guest's own directory. */
#define IMAGE "/var/lib/libvirt/qemu/domain-1-lab1/" NEST_BLOCKER_NODE ".img"

/* What each QEMU's profile is made of; libvirt's virt-aa-helper adds the guest's own directory. */
static const char *const qemu_files[] = {PROFILES "/libvirt/TEMPLATE.qemu",
                                         PROFILES "/abstractions/libvirt-qemu",
                                         PROFILES "/local/abstractions/libvirt-qemu", NULL};

/* virtnestd's profile, and what a host adds to it. */
static const char *const virtnestd_files[] = {PROFILES "/virtnestd", PROFILES "/local/virtnestd",
                                              NULL};

/* Which types of the hook each of libvirt's daemons may run. The module of install/selinux has the first; policies without
 * it let virtqemud run no hook's own type, and give a package's hook the type of libraries on Debian. */
typedef struct {
    const char *daemon;
    const char *file;
    gboolean runs;
    const char *how;
} HookLabel;

static const HookLabel hook_labels[] = {
    {"", "virt_nest_hook_exec_t", TRUE, "in a domain of its own"},
    {"virtqemud_t", PROGRAM, TRUE,
     "in its own domain; to load the host's module is left to virtnestd"},
    {"virtqemud_t", "", FALSE, NULL},
    {"virtd_t", PROGRAM, TRUE, "in its own domain; to load the host's module is left to virtnestd"},
    {"virtd_t", "lib_t", FALSE, NULL},
};

/* --- AppArmor */

/* The profile of libvirt's daemon, and what a host adds to it. */
typedef struct {
    gchar *files[3];
} Profile;

static void
profile_clear(Profile *profile)
{
    for (gsize i = 0; i < G_N_ELEMENTS(profile->files); i++)
        g_free(profile->files[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Profile, profile_clear)

static Profile
profile_of_libvirt(void)
{
    const char *unit = nest_libvirt_daemon_unit();

    unit = unit ? unit : "libvirtd";
    return (Profile){{g_strdup_printf(PROFILES "/usr.sbin.%s", unit),
                      g_strdup_printf(PROFILES "/local/usr.sbin.%s", unit), NULL}};
}

/* (transfer full) A rule that denies is commented out; where none grants, one is added to the host's own rules. */
static gchar *
to_grant(const Profile *profile, const char *path, const NestAppArmorRule *rule)
{
    const char *load = profile->files[0];

    return rule->file
               ? g_strdup_printf("sudo sed -i '%us/^/#/' %s && sudo apparmor_parser -r %s",
                                 rule->line, rule->file, load)
               : g_strdup_printf("echo '%s rmix,' | sudo tee -a %s && sudo apparmor_parser -r %s",
                                 path, profile->files[1], load);
}

/* (transfer full)(nullable) The hook's path as AppArmor sees it: on the host, with all links resolved. */
static gchar *
resolve(const char *hook)
{
    g_autofree gchar *root = nest_root_path("/");
    g_autofree gchar *path = nest_root_path(hook);
    char resolved[PATH_MAX];
    gsize above = strlen(root) - 1;

    return realpath(path, resolved) ? g_strdup(resolved + above) : NULL;
}

static void
judge_hook_by_apparmor(NestDoctor *doctor, const char *hook)
{
    g_auto(Profile) profile = profile_of_libvirt();
    g_autofree gchar *path = resolve(hook);
    g_autofree gchar *remedy = NULL;
    g_autofree gchar *reason = NULL;
    NestAppArmorRule rule = {NULL, 0};
    NestAppArmorVerdict verdict =
        path ? nest_apparmor_judge((const char *const *)profile.files, path, 'x', &rule)
             : NEST_APPARMOR_UNREADABLE;

    if (verdict == NEST_APPARMOR_UNREADABLE) {
        nest_doctor_add(
            doctor, "hook-label", NEST_DOCTOR_UNKNOWN, NULL,
            "AppArmor confines libvirt's daemon, and %s cannot be read to see whether it "
            "may run the hook",
            profile.files[0]);
        return;
    }
    if (verdict == NEST_APPARMOR_GRANTED) {
        nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_PASS, NULL,
                        "AppArmor lets libvirt's daemon run it (%s:%u)", rule.file, rule.line);
        return;
    }
    remedy = to_grant(&profile, path, &rule);
    reason = rule.file ? g_strdup_printf("%s:%u denies that", rule.file, rule.line)
                       : g_strdup_printf("no rule in %s grants that", profile.files[0]);
    nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_FAIL, remedy,
                    "AppArmor keeps libvirt's daemon from running %s: %s", path, reason);
}

/* Returns: FALSE if a rule denies it; a finding was added then. A profile without a rule for it passes. */
static gboolean
may_have_image(NestDoctor *doctor, const char *who, const char *const *files, char permission)
{
    NestAppArmorRule rule = {NULL, 0};
    NestAppArmorVerdict verdict = nest_apparmor_judge(files, IMAGE, permission, &rule);
    g_autofree gchar *remedy = NULL;

    if (verdict != NEST_APPARMOR_DENIED)
        return TRUE;
    remedy = files == virtnestd_files
                 ? g_strdup_printf("sudo sed -i '%us/^/#/' %s && sudo apparmor_parser -r %s",
                                   rule.line, rule.file, files[0])
                 : g_strdup_printf(
                       "sudo sed -i '%us/^/#/' %s (counts for guests that are started later)",
                       rule.line, rule.file);
    nest_doctor_add(
        doctor, "guard-image", NEST_DOCTOR_FAIL, remedy,
        "AppArmor keeps %s from the guard's image in the guest's own directory (%s:%u): no guard "
        "can be armed",
        who, rule.file, rule.line);
    return FALSE;
}

/* --- SELinux */

/* (transfer full) The type in a label, USER:ROLE:TYPE:LEVEL; "" where there is none. */
static gchar *
type_of(const char *label)
{
    g_auto(GStrv) parts = g_strsplit(label, ":", 4);

    return g_strdup(g_strv_length(parts) >= 3 ? parts[2] : "");
}

/* (transfer full) The type in a file's label. */
static gchar *
type_of_file(const char *file)
{
    g_autofree gchar *path = nest_root_path(file);
    char label[256] = "";

    if (getxattr(path, "security.selinux", label, sizeof(label) - 1) < 0)
        label[0] = '\0';
    return type_of(label);
}

static const HookLabel *
find_hook_label(const char *daemon, const char *file)
{
    for (gsize i = 0; i < G_N_ELEMENTS(hook_labels); i++)
        if ((!*hook_labels[i].daemon || g_str_equal(daemon, hook_labels[i].daemon)) &&
            (!*hook_labels[i].file || g_str_equal(file, hook_labels[i].file)))
            return &hook_labels[i];
    return NULL;
}

static void
add_selinux_refusal(NestDoctor *doctor, const char *hook, const char *daemon, const char *file)
{
    g_autofree gchar *remedy = g_strdup_printf(
        "sudo semanage fcontext -a -t " PROGRAM " %s && sudo restorecon -F %s", hook, hook);

    nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_FAIL, remedy,
                    "SELinux keeps libvirt's daemon (%s) from running %s (%s): no domain starts",
                    daemon, hook, *file ? file : "without a label");
}

static void
judge_hook_by_selinux(NestDoctor *doctor, const char *link, const char *label)
{
    g_autofree gchar *daemon = type_of(label);
    g_autofree gchar *file = type_of_file(link);
    g_autofree gchar *hook = resolve(link);
    const HookLabel *known = find_hook_label(daemon, file);

    if (nest_doctor_hook_is_called(doctor))
        nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_PASS, NULL,
                        "SELinux lets libvirt's daemon (%s) run it (%s)", daemon, file);
    else if (known && known->runs)
        nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_PASS, NULL,
                        "it is %s, so SELinux lets libvirt's daemon (%s) run it, %s", file, daemon,
                        known->how);
    else if (known)
        add_selinux_refusal(doctor, hook ? hook : link, daemon, file);
    else
        nest_doctor_add(
            doctor, "hook-label", NEST_DOCTOR_UNKNOWN, NULL,
            "SELinux is enforced; whether libvirt's daemon (%s) may run the hook (%s) shows "
            "at the next start of a domain",
            daemon, file);
}

/* --- either, or neither */

void
nest_doctor_confined(NestDoctor *doctor)
{
    const char *hook = doctor->hook.place;
    g_autofree gchar *label = nest_doctor_libvirt_label(doctor);
    g_autofree gchar *enforces = nest_root_read(SELINUX_ENFORCES, NULL);

    if (!hook)
        return; /* hook-installed says it */
    if (!label)
        nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_UNKNOWN, NULL,
                        "libvirt's daemon does not run, so that nobody can see how it is confined");
    else if (g_str_has_suffix(label, ENFORCED))
        judge_hook_by_apparmor(doctor, hook);
    else if (strchr(label, ':') && enforces && *enforces == '1')
        judge_hook_by_selinux(doctor, hook, label);
    else
        nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_PASS, NULL,
                        "neither AppArmor nor SELinux confines libvirt's daemon");
    if (label && g_str_has_suffix(label, ENFORCED) &&
        may_have_image(doctor, "QEMU", qemu_files, 'r') &&
        may_have_image(doctor, "virtnestd", virtnestd_files, 'w'))
        nest_doctor_add(doctor, "guard-image", NEST_DOCTOR_PASS, NULL,
                        "no rule of AppArmor keeps QEMU or virtnestd from the guard's image");
}
