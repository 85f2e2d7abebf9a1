/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at the host: its CPU, the KVM module now and after the next boot, /dev/kvm, and what costs speed. */
#include "doctor.h"

#include "base/error.h"
#include "base/root.h"
#include "host/kvm_parameters.h"
#include "host/kvm_plan.h"
#include "host/other_hypervisor.h"
#include "host_report.h"

#include <sys/stat.h>

/* What to do about an error of the host. NULL: to_overrule() knows. */
static const struct {
    NestErrorCode code;
    NestDoctorStatus status;
    const char *remedy;
} remedies[] = {
    {NEST_ERROR_HOST_VENDOR, NEST_DOCTOR_FAIL,
     "use a host whose CPU is in virt-nest(1), \"HOSTS\""},
    {NEST_ERROR_HOST_HARDWARE, NEST_DOCTOR_FAIL,
     "switch on VT-x (Intel) or SVM (AMD) in the firmware's setup; in a guest, tag this guest's domain on its host"},
    {NEST_ERROR_HOST_FIRMWARE, NEST_DOCTOR_FAIL,
     "switch on VT-x (Intel) or SVM (AMD) in the firmware's setup"},
    {NEST_ERROR_HOST_KEPT_OFF, NEST_DOCTOR_WARN, NULL},
    {NEST_ERROR_HOST_VALUE, NEST_DOCTOR_FAIL, "correct that line, then sudo virt-nest host enable"},
    {NEST_ERROR_HOST_BUSY, NEST_DOCTOR_WARN, "stop what uses it, then sudo virt-nest host enable"},
    {NEST_ERROR_HOST_BUILTIN, NEST_DOCTOR_FAIL,
     "change the kernel's command line as said, and boot"},
    {NEST_ERROR_HOST_ABSENT, NEST_DOCTOR_FAIL,
     "install the package of the running kernel's modules, or boot the kernel that is installed"},
    {NEST_ERROR_HOST_FILES, NEST_DOCTOR_FAIL,
     "install the package of the running kernel, or boot the installed one"},
    {NEST_ERROR_HOST_DEVICE, NEST_DOCTOR_FAIL, "sudo udevadm trigger --name-match=kvm"},
};

/* (transfer full) What to do about a setting against nesting: a command is only named if it would not be refused. */
static gchar *
to_overrule(const NestKvmModule *host)
{
    if (nest_kvm_plan(host, TRUE, TRUE, NULL) == NEST_KVM_DO_REFUSE)
        return g_strdup("remove that setting, if nesting is wanted: no command overrules it now");
    return g_strdup_printf("to overrule that: sudo %s", nest_kvm_module_command(host, TRUE));
}

/* (transfer full) */
static gchar *
find_module_remedy(const NestKvmModule *host, const char *remedy)
{
    if (host->cleared)
        return g_strdup("remove clearcpuid= from the boot loader's configuration, and boot again");
    if (host->state == NEST_KVM_NO_HARDWARE && nest_other_hypervisor_is_xen())
        return g_strdup("boot a kernel without Xen, or allow nested guests in the Xen below");
    return remedy ? g_strdup(remedy) : to_overrule(host);
}

/* Domains that QEMU emulates nest on any host. */
static void
add_failure(NestDoctor *doctor, const GError *error, const char *remedy)
{
    gboolean lasting = (g_error_matches(error, NEST_ERROR, NEST_ERROR_HOST_HARDWARE) ||
                        g_error_matches(error, NEST_ERROR, NEST_ERROR_HOST_VENDOR)) &&
                       !doctor->host.cleared;
    NestDoctorStatus status = nest_doctor_without_kvm(doctor, lasting);
    g_autofree gchar *to_have_kvm = g_strconcat("for domains of type kvm: ", remedy, NULL);

    if (status == NEST_DOCTOR_FAIL)
        nest_doctor_add(doctor, "nesting-now", status, remedy, "%s", error->message);
    else if (doctor->survey.tagged > 0)
        nest_doctor_add(doctor, "nesting-now", status, to_have_kvm,
                        "the tagged domains are emulated, which needs no KVM; one of type kvm "
                        "could not nest here (virt-nest host says why)");
    else
        nest_doctor_add(doctor, "nesting-now", status, to_have_kvm, "%s; no domain is tagged yet",
                        error->message);
}

static void
add_refusal(NestDoctor *doctor, const GError *error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(remedies); i++) {
        g_autofree gchar *remedy = NULL;

        if (!g_error_matches(error, NEST_ERROR, (int)remedies[i].code))
            continue;
        remedy = find_module_remedy(&doctor->host, remedies[i].remedy);
        if (remedies[i].status == NEST_DOCTOR_FAIL)
            add_failure(doctor, error, remedy);
        else
            nest_doctor_add(doctor, "nesting-now", remedies[i].status, remedy, "%s",
                            error->message);
        return;
    }
    nest_doctor_add(doctor, "nesting-now", NEST_DOCTOR_FAIL, "virt-nest host", "%s",
                    error->message);
}

/* If virt-nest may turn nesting on by itself, nesting that is off is no fault. */
static void
diagnose_module(NestDoctor *doctor)
{
    g_autoptr(GError) error = NULL;
    NestKvmAction action = nest_kvm_plan(&doctor->host, TRUE, FALSE, &error);

    if (action == NEST_KVM_DO_REFUSE)
        add_refusal(doctor, error);
    else if (action == NEST_KVM_DO_NOTHING)
        nest_doctor_add(doctor, "nesting-now", NEST_DOCTOR_PASS, NULL, "nesting is on (%s)",
                        doctor->host.vendor->module);
    else
        nest_doctor_add(doctor, "nesting-now", NEST_DOCTOR_PASS, NULL,
                        "nesting is off (%s); virt-nest turns it on for the first tagged domain",
                        doctor->host.vendor->module);
}

/* (transfer full) A line that is commented out keeps its number, and so do those after it. */
static gchar *
to_disable(const NestModprobeMistake *mistake)
{
    if (!g_str_has_prefix(mistake->file, "/etc/") && !g_str_has_prefix(mistake->file, "/run/"))
        return g_strdup_printf("correct or remove it in %s", mistake->file);
    return g_strdup_printf("sudo sed -i '%us/^/#/' %s (or correct the line)", mistake->line,
                           mistake->file);
}

/* Another finding reports nesting that is off now. Here it is on now, and would be off after the next boot. */
static void
diagnose_next_boot(NestDoctor *doctor, const NestModprobeConf *conf)
{
    g_autofree gchar *boot = nest_host_report_next_boot(&doctor->host, conf);
    gboolean ends =
        doctor->host.state == NEST_KVM_ON && nest_host_report_is_off_next(&doctor->host, conf);

    nest_doctor_add(doctor, "nesting-at-boot", ends ? NEST_DOCTOR_WARN : NEST_DOCTOR_PASS,
                    ends ? "remove that setting, if nesting is wanted after the next boot, too"
                         : NULL,
                    "at the next boot: %s", boot);
}

static void
diagnose_module_settings(NestDoctor *doctor)
{
    g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(doctor->host.vendor);

    diagnose_next_boot(doctor, conf);
    for (guint i = 0; i < conf->mistakes->len; i++) {
        const NestModprobeMistake *mistake = g_ptr_array_index(conf->mistakes, i);
        g_autofree gchar *remedy = to_disable(mistake);

        nest_doctor_add(doctor, "settings-without-effect", NEST_DOCTOR_WARN, remedy,
                        "%s:%u: \"%s\" has no effect: %s", mistake->file, mistake->line,
                        mistake->text, mistake->why);
    }
}

static void
diagnose_device(NestDoctor *doctor)
{
    g_autofree gchar *path = nest_root_path("/dev/kvm");
    struct stat file = {0};

    if (stat(path, &file) < 0)
        return; /* nesting-now says it */
    if (file.st_mode & S_IWOTH)
        nest_doctor_add(
            doctor, "kvm-device", NEST_DOCTOR_WARN,
            "sudo chmod 660 /dev/kvm (after a boot a udev rule counts: grep -r kvm /etc/udev /usr/lib/udev)",
            "every local user may use /dev/kvm (mode %o), and so could use a hole in nesting, too",
            file.st_mode & 0777);
    else
        nest_doctor_add(doctor, "kvm-device", NEST_DOCTOR_PASS, NULL, "/dev/kvm has mode %o",
                        file.st_mode & 0777);
}

static void
diagnose_speed(NestDoctor *doctor)
{
    g_autoptr(GPtrArray) parameters = nest_kvm_parameters_read(doctor->host.vendor);
    gboolean slow = FALSE;

    for (guint i = 0; i < parameters->len; i++) {
        const NestKvmParameter *parameter = g_ptr_array_index(parameters, i);
        g_autofree gchar *remedy = g_strdup_printf(
            "find who sets it: grep -rE '%s' /etc/modprobe.d /lib/modprobe.d /proc/cmdline (if nobody does, this "
            "CPU lacks it, or the host of this guest withholds it)",
            parameter->name);

        slow |= parameter->slow;
        if (parameter->slow)
            nest_doctor_add(doctor, "speed", NEST_DOCTOR_WARN, remedy, "%s=%s: %s", parameter->name,
                            parameter->value, parameter->meaning);
    }
    if (parameters->len > 0 && !slow)
        nest_doctor_add(doctor, "speed", NEST_DOCTOR_PASS, NULL,
                        "no parameter of %s makes nested guests slow", doctor->host.vendor->module);
}

void
nest_doctor_host(NestDoctor *doctor)
{
    diagnose_module(doctor);
    if (!doctor->host.vendor || doctor->host.state == NEST_KVM_NO_HARDWARE)
        return;
    diagnose_module_settings(doctor);
    diagnose_device(doctor);
    diagnose_speed(doctor);
}
