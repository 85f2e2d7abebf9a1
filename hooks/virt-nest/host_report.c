/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports on the host: its KVM module, what decides nesting there, and what virt-nest would do about it. */
#include "host_report.h"

#include "base/error.h"
#include "base/root.h"
#include "domain/exposed.h"
#include "host/kvm_parameters.h"
#include "host/kvm_plan.h"
#include "host/kvm_users.h"
#include "host/modprobe_files.h"
#include "host/other_hypervisor.h"
#include "output.h"

#include <stdio.h>
#include <unistd.h>

#define LABEL 20 /* columns for the names */

/* The host while it is looked at. */
typedef struct {
    NestKvmModule module;
    NestModprobeConf *conf; /* this and the next four are NULL if the vendor is not in the table */
    const NestModprobeSetting *winner; /* of @conf; NULL: nothing sets nested */
    const NestModprobeBar *bar; /* of @conf: keeps the module away at boot; NULL: nothing does */
    const NestModprobeBar *bar_now; /* of @conf: keeps it from being loaded, or reloaded, now */
    GPtrArray *parameters;          /* of NestKvmParameter */
    GPtrArray *exposed;             /* names */
    GPtrArray *users;               /* of NestKvmUser; never NULL */
    GPtrArray *others;              /* names of other hypervisors; never NULL */
    gchar *plan;                    /* what would be done to have nesting on; never NULL */
    NestKvmAction action;           /* the same for programs */
    GError *reason;                 /* why nothing can be done; NULL otherwise */
} Host;

static void
host_clear(Host *host)
{
    nest_modprobe_conf_free(host->conf);
    g_clear_pointer(&host->parameters, g_ptr_array_unref);
    g_clear_pointer(&host->exposed, g_ptr_array_unref);
    g_clear_pointer(&host->users, g_ptr_array_unref);
    g_clear_pointer(&host->others, g_ptr_array_unref);
    g_free(host->plan);
    g_clear_error(&host->reason);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Host, host_clear)

/* The setting that decides. modprobe plays no part if the module is built in. */
static const NestModprobeSetting *
find_winner(const NestKvmModule *module, const NestModprobeConf *conf)
{
    return module->builtin ? nest_modprobe_conf_argument(conf) : nest_modprobe_conf_winner(conf);
}

/* (nullable) A blacklist counts even while the module is loaded: the program that loaded it by its name need not do so
 * at boot. */
static const NestModprobeBar *
find_bar_to_report(const NestKvmModule *module, const NestModprobeConf *conf)
{
    return module->builtin ? NULL : nest_modprobe_bars_find_at_boot(conf->bars, FALSE);
}

static Host
query_host(void)
{
    Host host = {.module = nest_kvm_module_read(),
                 .users = nest_kvm_users_read(),
                 .others = nest_other_hypervisor_names()};
    const NestCpuVendor *vendor = host.module.vendor;

    host.action = nest_kvm_plan(&host.module, TRUE, FALSE, &host.reason);
    host.plan = nest_kvm_plan_text(&host.module, host.action, TRUE, host.reason);
    if (!vendor)
        return host;
    host.conf = nest_modprobe_conf_read(vendor);
    host.winner = find_winner(&host.module, host.conf);
    host.bar = find_bar_to_report(&host.module, host.conf);
    if (!host.module.builtin && host.module.state != NEST_KVM_ON)
        host.bar_now = nest_modprobe_bars_find(host.conf->bars,
                                               nest_kvm_module_is_loaded(&host.module), FALSE);
    host.parameters = nest_kvm_parameters_read(vendor);
    host.exposed = nest_exposed_read(vendor);
    return host;
}

/* --- for a person */

G_GNUC_PRINTF(2, 3)
static void
print_host_row(const char *name, const char *format, ...)
{
    g_autofree gchar *value = NULL;
    va_list arguments;

    va_start(arguments, format);
    value = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    (void)printf("%-*s", LABEL, name);
    nest_output_wrap(value, LABEL);
    (void)putchar('\n');
}

static const char *
state_text(const NestKvmModule *module)
{
    static const char *const words[] = {
        [NEST_KVM_NO_HARDWARE] = "the CPU shows neither VMX nor SVM",
        [NEST_KVM_ABSENT] = "not loaded, and this kernel has none to load",
        [NEST_KVM_BAD_VALUE] = "not loaded, because the kernel refuses a value",
        [NEST_KVM_ON] = "loaded, nesting on",
        [NEST_KVM_OFF_IDLE] = "loaded, nesting off, nobody uses it",
        [NEST_KVM_OFF_BUSY] = "loaded, nesting off, in use",
        [NEST_KVM_BUILTIN_OFF] = "built into the kernel, nesting off",
    };

    if (module->state == NEST_KVM_NO_HARDWARE && module->vendor &&
        !nest_cpu_vendor_is_x86(module->vendor))
        return module->vendor->flag ? "the CPU shows no SIE" : "the kernel has no KVM";
    if (module->cleared)
        return "the CPU has VMX or SVM, but the kernel argument clearcpuid= hides it";
    if (module->locked)
        return "the CPU has VMX or SVM, but the firmware locked it off";
    if (module->available && module->state == NEST_KVM_ABSENT)
        return "not loaded";
    if (module->builtin && module->state == NEST_KVM_ON)
        return "built into the kernel, nesting on";
    return words[module->state];
}

/* What a setting says, for a person. */
static gchar *
setting_text(const NestModprobeSetting *setting)
{
    return g_strdup_printf("%s:%u says nested=%s", setting->file, setting->line, setting->value);
}

gchar *
nest_host_report_next_boot(const NestKvmModule *module, const NestModprobeConf *conf)
{
    const NestModprobeSetting *winner = find_winner(module, conf);
    const NestModprobeBar *bar = find_bar_to_report(module, conf);
    g_autofree gchar *says = NULL;

    if (bar)
        return g_strdup_printf("not loaded%s: %s:%u says %s",
                               bar->kind == NEST_MODPROBE_BLACKLIST ? " by itself" : "", bar->file,
                               bar->line, bar->text);
    if (nest_cpu_vendor_is_by_machine(module->vendor))
        return g_strdup("as it is now, by the kernel argument " NEST_KVM_ARM_MODE "=");
    if (!winner && module->builtin)
        return g_strdup("as it is now, because no kernel argument sets it");
    if (!winner && !nest_cpu_vendor_is_x86(module->vendor))
        return g_strdup("off, which is the kernel's default, as nobody sets it");
    if (!winner)
        return g_strdup("the kernel's default (on since 4.20), as nobody sets it");
    says = winner->refused && !*winner->value
               ? g_strdup_printf("%s:%u says nested without a value", winner->file, winner->line)
               : setting_text(winner);
    if (winner->refused)
        return g_strdup_printf("not loaded: %s, which %s refuses: write nested=1", says,
                               conf->module);
    return g_strdup_printf("%s: %s", winner->on ? "on" : "off", says);
}

gboolean
nest_host_report_is_off_next(const NestKvmModule *module, const NestModprobeConf *conf)
{
    const NestModprobeSetting *winner = find_winner(module, conf);

    if (!winner && !nest_cpu_vendor_is_x86(module->vendor))
        return module->state != NEST_KVM_ON || !module->builtin;
    return find_bar_to_report(module, conf) || (winner && (winner->refused || !winner->on));
}

/* (nullable) Why a bar has no effect; NULL if it has one. */
static const char *
reason_of_bar(const Host *host, const NestModprobeBar *bar)
{
    if (bar == host->bar || bar == host->bar_now)
        return NULL;
    return host->module.builtin
               ? "the module is built in"
               : "another one decides, or it does not count in the module's present state";
}

/* (nullable) Why a setting has no effect; NULL if it has one. */
static const char *
reason_of_setting(const Host *host, const NestModprobeSetting *setting)
{
    if (setting != host->winner)
        return host->module.builtin ? "the module is built in" : "another one decides";
    return host->bar ? "the module is not loaded at boot" : NULL;
}

static void
print_other_bars(const Host *host)
{
    for (guint i = 0; i < host->conf->bars->len; i++) {
        const NestModprobeBar *bar = g_ptr_array_index(host->conf->bars, i);

        if (reason_of_bar(host, bar))
            print_host_row("", "no effect now: %s:%u says %s", bar->file, bar->line, bar->text);
    }
}

static void
print_mistakes(const GPtrArray *mistakes)
{
    for (guint i = 0; i < mistakes->len; i++) {
        const NestModprobeMistake *mistake = g_ptr_array_index(mistakes, i);

        print_host_row("", "no effect: %s:%u says %s: %s", mistake->file, mistake->line,
                       mistake->text, mistake->why);
    }
}

static void
print_next_boot_setting(const Host *host)
{
    const GPtrArray *settings = host->conf->settings;
    g_autofree gchar *words = nest_host_report_next_boot(&host->module, host->conf);

    print_host_row("at the next boot", "%s", words);
    for (guint i = 0; i < settings->len; i++) {
        const NestModprobeSetting *setting = g_ptr_array_index(settings, i);
        g_autofree gchar *says = setting_text(setting);

        if (reason_of_setting(host, setting))
            print_host_row("", "no effect: %s", says);
    }
    print_other_bars(host);
    print_mistakes(host->conf->mistakes);
    if (host->conf->initramfs)
        print_host_row("", "the initramfs loads %s with its own copy of these files",
                       host->module.vendor->module);
}

static void
print_plan_of_host(const Host *host)
{
    if (host->reason)
        print_host_row("plan", "%s [%s]", host->plan, nest_error_name(host->reason));
    else if (host->action == NEST_KVM_DO_NOTHING)
        print_host_row("plan", "%s", host->plan);
    else
        print_host_row("plan", "%s (%s)", host->plan,
                       nest_kvm_module_command(&host->module, FALSE));
}

static void
print_exposed_domains(const Host *host)
{
    const char *feature = host->module.vendor->feature;
    g_autofree gchar *words = nest_exposed_text(host->exposed);

    if (!words)
        print_host_row("untagged domains", "none whose CPU lets %s through", feature);
    else if (host->module.state == NEST_KVM_ON)
        print_host_row("untagged domains", "%s: these get %s, too, at each start", words, feature);
    else
        print_host_row("untagged domains", "%s: these get %s, too, at each start with nesting on",
                       words, feature);
}

static void
print_host_table(const Host *host)
{
    const NestCpuVendor *vendor = host->module.vendor;
    gboolean capable = vendor && host->module.state != NEST_KVM_NO_HARDWARE;
    g_autofree gchar *users = nest_kvm_users_text(host->users);

    print_host_row("vendor", "%s", vendor ? vendor->title : "unknown");
    print_host_row("module", "%s", vendor ? vendor->module : "none");
    print_host_row("state", "%s: %s", nest_kvm_state_name(host->module.state),
                   vendor ? state_text(&host->module) : "nothing is known of this CPU");
    print_host_row("nesting now", "%s", host->module.state == NEST_KVM_ON ? "on" : "off");
    if (capable)
        print_next_boot_setting(host);
    print_host_row("used by", "%s", host->users->len || host->module.busy ? users : "nobody");
    for (guint i = 0; i < host->others->len; i++)
        print_host_row("other hypervisors", "%s: while its guests run, KVM's may not start",
                       (const char *)g_ptr_array_index(host->others, i));
    print_plan_of_host(host);
    if (capable)
        print_exposed_domains(host);
    for (guint i = 0; capable && i < host->parameters->len; i++) {
        const NestKvmParameter *parameter = g_ptr_array_index(host->parameters, i);

        print_host_row(parameter->name, "%s: %s", parameter->value, parameter->meaning);
    }
    if (geteuid() != 0 && !nest_root_is_fake())
        print_host_row("note", "only root sees all users and domains");
}

/* --- for programs */

static void
build_winner(JsonBuilder *builder, const NestModprobeSetting *winner)
{
    if (!winner) {
        nest_output_json_string(builder, "winner", NULL);
        return;
    }
    json_builder_set_member_name(builder, "winner");
    json_builder_begin_object(builder);
    nest_output_json_string(builder, "file", winner->file);
    nest_output_json_number(builder, "line", winner->line);
    nest_output_json_string(builder, "value", winner->value);
    json_builder_end_object(builder);
}

/* Adds one of the things that were found. @value and @reason may be NULL. */
static void
build_setting(JsonBuilder *builder, const char *kind, const char *file, guint line,
              const char *text, const char *value, const char *why)
{
    json_builder_begin_object(builder);
    nest_output_json_string(builder, "kind", kind);
    nest_output_json_string(builder, "file", file);
    nest_output_json_number(builder, "line", line);
    nest_output_json_string(builder, "text", text);
    nest_output_json_string(builder, "value", value);
    nest_output_json_boolean(builder, "effect", !why);
    nest_output_json_string(builder, "reason", why);
    json_builder_end_object(builder);
}

static void
build_nested_settings(JsonBuilder *builder, const Host *host)
{
    for (guint i = 0; i < host->conf->settings->len; i++) {
        const NestModprobeSetting *setting = g_ptr_array_index(host->conf->settings, i);
        gboolean argument = g_str_equal(setting->file, NEST_MODPROBE_ARGUMENTS);
        g_autofree gchar *text =
            g_strdup_printf("%s%s%snested=%s", argument ? "" : "options ", setting->name,
                            argument ? "." : " ", setting->value);

        build_setting(builder, "nested", setting->file, setting->line, text, setting->value,
                      reason_of_setting(host, setting));
    }
}

static void
build_bars(JsonBuilder *builder, const Host *host)
{
    for (guint i = 0; i < host->conf->bars->len; i++) {
        const NestModprobeBar *bar = g_ptr_array_index(host->conf->bars, i);

        build_setting(builder, nest_modprobe_bars_kind_name(bar->kind), bar->file, bar->line,
                      bar->text, NULL, reason_of_bar(host, bar));
    }
}

static void
build_settings(JsonBuilder *builder, const Host *host)
{
    json_builder_set_member_name(builder, "settings");
    json_builder_begin_array(builder);
    if (host->conf) {
        build_nested_settings(builder, host);
        build_bars(builder, host);
        for (guint i = 0; i < host->conf->mistakes->len; i++) {
            const NestModprobeMistake *mistake = g_ptr_array_index(host->conf->mistakes, i);

            build_setting(builder, "mistake", mistake->file, mistake->line, mistake->text, NULL,
                          mistake->why);
        }
    }
    json_builder_end_array(builder);
}

static void
build_users(JsonBuilder *builder, const GPtrArray *users)
{
    json_builder_set_member_name(builder, "users");
    json_builder_begin_array(builder);
    for (guint i = 0; i < users->len; i++) {
        const NestKvmUser *user = g_ptr_array_index(users, i);

        json_builder_begin_object(builder);
        nest_output_json_number(builder, "pid", user->pid);
        nest_output_json_string(builder, "name", user->name);
        nest_output_json_boolean(builder, "domain", user->domain);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

/* @names: NULL for none */
static void
build_names(JsonBuilder *builder, const char *name, const GPtrArray *names)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    for (guint i = 0; names && i < names->len; i++)
        json_builder_add_string_value(builder, g_ptr_array_index(names, i));
    json_builder_end_array(builder);
}

static void
build_parameters(JsonBuilder *builder, const GPtrArray *parameters)
{
    json_builder_set_member_name(builder, "parameters");
    json_builder_begin_object(builder);
    for (guint i = 0; parameters && i < parameters->len; i++) {
        const NestKvmParameter *parameter = g_ptr_array_index(parameters, i);

        json_builder_set_member_name(builder, parameter->name);
        json_builder_begin_object(builder);
        nest_output_json_string(builder, "value", parameter->value);
        nest_output_json_string(builder, "meaning", parameter->meaning);
        nest_output_json_boolean(builder, "slow", parameter->slow);
        json_builder_end_object(builder);
    }
    json_builder_end_object(builder);
}

static void
print_host_json(const Host *host)
{
    const NestCpuVendor *vendor = host->module.vendor;
    /* On Arm the command line of the kernel is what it is until somebody changes it. */
    gboolean persistent = vendor && nest_cpu_vendor_is_by_machine(vendor)
                              ? host->module.state == NEST_KVM_ON
                              : host->winner && host->winner->on && !host->bar;
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "state", nest_kvm_state_name(host->module.state));
    nest_output_json_string(builder, "vendor", vendor ? vendor->name : NULL);
    nest_output_json_string(builder, "module", vendor ? vendor->module : NULL);
    nest_output_json_boolean(builder, "nested", host->module.state == NEST_KVM_ON);
    nest_output_json_boolean(builder, "persistent", persistent);
    build_winner(builder, host->winner);
    build_settings(builder, host);
    build_users(builder, host->users);
    build_names(builder, "others", host->others);
    nest_output_json_string(builder, "plan", host->plan);
    nest_output_json_boolean(builder, "safe", host->action != NEST_KVM_DO_REFUSE);
    nest_output_json_string(builder, "problem", host->reason ? host->reason->message : NULL);
    nest_output_json_string(builder, "code", host->reason ? nest_error_name(host->reason) : NULL);
    build_parameters(builder, host->parameters);
    build_names(builder, "exposed", host->exposed);
    json_builder_end_object(builder);
    nest_output_json_print(builder);
}

void
nest_host_report_print(gboolean json)
{
    g_auto(Host) host = query_host();

    if (json)
        print_host_json(&host);
    else
        print_host_table(&host);
}
