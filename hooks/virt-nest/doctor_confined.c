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
/* virtqemud runs as the first; its policy lets it run programs of the second type, and nothing of the hooks' own. */
#define VIRTQEMUD "virtqemud_t"
#define PROGRAM "bin_t"
/* An image as it would be in a guest's own directory. */
#define IMAGE "/var/lib/libvirt/qemu/domain-1-lab1/" NEST_BLOCKER_NODE ".img"

/* What each QEMU's profile is made of; libvirt's virt-aa-helper adds the guest's own directory. */
static const char *const qemu_files[] = {PROFILES "/libvirt/TEMPLATE.qemu",
                                         PROFILES "/abstractions/libvirt-qemu",
                                         PROFILES "/local/abstractions/libvirt-qemu", NULL};

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

/* (transfer full)(nullable) Where the hook really is, as AppArmor counts: the path on the host, without links. */
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

static void
judge_image_by_apparmor(NestDoctor *doctor)
{
    NestAppArmorRule rule = {NULL, 0};
    g_autofree gchar *remedy = NULL;

    if (nest_apparmor_judge(qemu_files, IMAGE, 'r', &rule) != NEST_APPARMOR_DENIED) {
        nest_doctor_add(doctor, "guard-image", NEST_DOCTOR_PASS, NULL,
                        "no rule of AppArmor keeps QEMU from the guard's image");
        return;
    }
    remedy = g_strdup_printf("sudo sed -i '%us/^/#/' %s (counts for guests that are started later)",
                             rule.line, rule.file);
    nest_doctor_add(
        doctor, "guard-image", NEST_DOCTOR_FAIL, remedy,
        "AppArmor keeps QEMU from the guard's image in its own directory (%s:%u): no guard "
        "can be armed",
        rule.file, rule.line);
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

static gboolean
selinux_enforces(void)
{
    g_autofree gchar *path = nest_root_path(SELINUX_ENFORCES);
    g_autofree gchar *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && text[0] == '1';
}

static void
judge_hook_by_selinux(NestDoctor *doctor, const char *hook, const char *label)
{
    g_autofree gchar *daemon = type_of(label);
    g_autofree gchar *file = type_of_file(hook);
    g_autofree gchar *remedy = g_strdup_printf(
        "sudo semanage fcontext -a -t " PROGRAM " %s && sudo restorecon -F %s", hook, hook);

    if (nest_doctor_hook_is_called(doctor))
        nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_PASS, NULL,
                        "SELinux lets libvirt's daemon (%s) run it (%s)", daemon, file);
    else if (g_str_equal(daemon, VIRTQEMUD) && g_str_equal(file, PROGRAM))
        nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_PASS, NULL,
                        "it is " PROGRAM ", so SELinux lets " VIRTQEMUD
                        " run it; to load the host's "
                        "module is left to virtnestd");
    else if (g_str_equal(daemon, VIRTQEMUD))
        nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_FAIL, remedy,
                        "SELinux keeps libvirt's daemon (" VIRTQEMUD
                        ") from running %s (%s): no domain "
                        "starts",
                        hook, *file ? file : "without a label");
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

    if (!hook)
        return; /* hook-installed says it */
    if (!label)
        nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_UNKNOWN, NULL,
                        "libvirt's daemon does not run, so that nobody can see how it is confined");
    else if (g_str_has_suffix(label, ENFORCED))
        judge_hook_by_apparmor(doctor, hook);
    else if (strchr(label, ':') && selinux_enforces())
        judge_hook_by_selinux(doctor, hook, label);
    else
        nest_doctor_add(doctor, "hook-label", NEST_DOCTOR_PASS, NULL,
                        "neither AppArmor nor SELinux confines libvirt's daemon");
    if (label && g_str_has_suffix(label, ENFORCED))
        judge_image_by_apparmor(doctor);
}
