/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest host, host enable, host disable and check-host: the nesting of the whole host. host drain-plan is in
 * drain_plan.c. */
#include "command.h"
#include "host_report.h"

#include "base/error.h"
#include "base/root.h"
#include "domain/exposed.h"
#include "host/advisories.h"
#include "host/kvm_plan.h"
#include "host/kvm_reload.h"
#include "host/modprobe_conf.h"
#include "host/modprobe_dropin.h"

#include <stdio.h>
#include <unistd.h>

#define ALREADY "nothing to do, nesting is on"

/* What the command line of `host enable` asks for. */
typedef struct {
    gboolean now;     /* change the module now */
    gboolean boot;    /* the drop-in */
    gboolean dry_run; /* only print what would be done */
    gboolean force;   /* also against somebody's nested=0, install or blacklist */
} Request;

/* Errors that keep nesting from being turned on now, but not at the next boot. */
static const NestErrorCode passing[] = {NEST_ERROR_HOST_BUSY, NEST_ERROR_HOST_ABSENT,
                                        NEST_ERROR_HOST_FILES, NEST_ERROR_HOST_LOCK,
                                        NEST_ERROR_HOST_DEVICE};

/* Called first, so that no command fails after it has done half of its work. */
static gboolean
check_run_by_root(const NestCall *call, GError **error)
{
    if (geteuid() == 0 || nest_root_is_fake())
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                "only root can change the KVM module and /etc/modprobe.d: run sudo virt-nest %s",
                call->command->name);
    return FALSE;
}

static void
print_host_line(const char *when, const char *what)
{
    g_autofree gchar *escaped = nest_error_escape(what);

    (void)printf("%s: %s\n", when, escaped);
}

static void
print_exposed(const NestKvmModule *module)
{
    g_autoptr(GPtrArray) exposed = nest_exposed_read(module->vendor);
    g_autofree gchar *names = nest_exposed_text(exposed);

    if (!names || module->state == NEST_KVM_ON)
        return;
    (void)printf("untagged domains that gain %s, too, ", module->vendor->feature);
    print_host_line("at their next start with nesting on", names);
}

/* These holes need nesting, so they are named before nesting is turned on. */
static void
warn_of_advisories(const NestKvmModule *module)
{
    g_auto(NestKernel) kernel = {0};
    g_autoptr(GPtrArray) advisories = nest_advisories_of_host(module->vendor, &kernel, NULL);

    for (guint i = 0; advisories && i < advisories->len; i++) {
        const NestAdvisory *advisory = g_ptr_array_index(advisories, i);

        if (advisory->state == NEST_ADVISORY_AFFECTED)
            (void)fprintf(
                stderr, "warning: this kernel (%s) lacks the fix of %s: %s; see virt-nest doctor\n",
                kernel.version, advisory->name, advisory->about);
    }
}

static gboolean
print_kvm_plan(const NestKvmModule *module, gboolean force, GError **error)
{
    NestKvmAction action = nest_kvm_plan(module, TRUE, force, error);
    g_autofree gchar *words = nest_kvm_plan_text(module, action, TRUE, NULL);
    g_autofree gchar *would = g_strdup_printf("would %s", words);

    if (action != NEST_KVM_DO_REFUSE)
        print_host_line("now", action == NEST_KVM_DO_NOTHING ? ALREADY : would);
    return action != NEST_KVM_DO_REFUSE;
}

static gboolean
set_nesting(gboolean nested, gboolean force, GError **error)
{
    NestKvmModule module;
    NestKvmAction done = NEST_KVM_DO_NOTHING;
    g_autofree gchar *words = NULL;

    if (!nest_kvm_reload(nested, force, &module, &done, error))
        return FALSE;
    if (nested)
        nest_exposed_log(module.vendor, done);
    if (done == NEST_KVM_DO_NOTHING)
        words = g_strdup(nested ? ALREADY : "nothing to do, nesting is not on");
    else
        words = g_strdup_printf("%s was %s with nesting %s", module.vendor->module,
                                done == NEST_KVM_DO_RELOAD ? "unloaded and loaded" : "loaded",
                                nested ? "on" : "off");
    print_host_line("now", words);
    return TRUE;
}

/* @done: what was done about it. */
static void
print_next_boot_change(const NestKvmModule *module, const char *done)
{
    g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(module->vendor);
    g_autofree gchar *outcome = nest_host_report_next_boot(module, conf);
    g_autofree gchar *what = g_strconcat(done, outcome, NULL);

    print_host_line("at the next boot", what);
    if (conf->initramfs)
        (void)printf("initramfs: it loads %s with its own copy of /etc/modprobe.d: make it anew "
                     "(update-initramfs -u, or dracut --force)\n",
                     module->vendor->module);
}

static gboolean
keep_on_at_boot(const NestKvmModule *module, const Request *request, GError **error)
{
    g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(module->vendor);
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);
    gboolean loaded = nest_kvm_module_is_loaded(module);
    gboolean kept = winner && winner->ours && winner->on &&
                    !nest_modprobe_bars_find_at_boot(conf->bars, loaded);
    /* A blacklist keeps the module away at boot, although the line is there for a program that loads the module by its
     * name. */
    gboolean barred = !module->builtin && nest_modprobe_bars_find_at_boot(conf->bars, FALSE);
    NestModprobeDropinUse use =
        (loaded ? NEST_MODPROBE_LOADED : 0) | (request->force ? NEST_MODPROBE_FORCE : 0);

    if (module->builtin || kept) {
        print_next_boot_change(module, barred ? "" : "nothing to do, ");
        return TRUE;
    }
    if (request->dry_run) {
        if (!nest_modprobe_dropin_may_keep_on(module->vendor, use, error))
            return FALSE;
        print_host_line("at the next boot", "would write " NEST_MODPROBE_FILE);
        return TRUE;
    }
    if (!nest_modprobe_dropin_keep_on(module->vendor, use, error))
        return FALSE;
    print_next_boot_change(module, "");
    return TRUE;
}

static int
enable_both(const NestKvmModule *module, const Request *request)
{
    GError *error = NULL;
    gboolean go_on = request->boot;
    int status = NEST_EXIT_DONE;

    warn_of_advisories(module);
    print_exposed(module);
    if (request->now && !(request->dry_run ? print_kvm_plan(module, request->force, &error)
                                           : set_nesting(TRUE, request->force, &error))) {
        go_on = FALSE;
        for (gsize i = 0; i < G_N_ELEMENTS(passing); i++)
            go_on |= request->boot && g_error_matches(error, NEST_ERROR, (int)passing[i]);
        status = nest_command_fail(g_steal_pointer(&error));
        if (request->boot && !go_on)
            print_host_line("at the next boot", "nothing was changed");
    }
    return go_on && !keep_on_at_boot(module, request, &error) ? nest_command_fail(error) : status;
}

static int
enable_host(NestCall *call)
{
    NestKvmModule module = nest_kvm_module_read();
    Request request = {0};
    gboolean hopeless = FALSE;
    GError *error = NULL;
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"now", 0, 0, G_OPTION_ARG_NONE, &request.now, "only turn nesting on in the module", NULL},
        {"boot", 0, 0, G_OPTION_ARG_NONE, &request.boot, "only turn nesting on at each boot", NULL},
        {"dry-run", 0, 0, G_OPTION_ARG_NONE, &request.dry_run, "say what would be done, do nothing",
         NULL},
        {"force", 0, 0, G_OPTION_ARG_NONE, &request.force,
         "also against somebody's nested=0, install or blacklist (never while guests run)", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (call->arguments[1])
        return nest_command_misused(call, "it takes no argument");
    /* If neither loading the module nor modprobe's configuration can help, the command does nothing. */
    hopeless = module.state == NEST_KVM_NO_HARDWARE || module.state == NEST_KVM_BUILTIN_OFF;
    if ((!request.dry_run && !check_run_by_root(call, &error)) ||
        (hopeless && !nest_kvm_module_check(&module, &error)))
        return nest_command_fail(error);
    if (!request.now && !request.boot)
        request.now = request.boot = TRUE;
    return enable_both(&module, &request);
}

static gboolean
forget(const NestKvmModule *module, GError **error)
{
    gboolean removed = FALSE;
    const char *done = NULL;

    if (!nest_modprobe_dropin_forget(&removed, error))
        return FALSE;
    done = removed ? NEST_MODPROBE_FILE ": the setting is taken away"
                   : NEST_MODPROBE_FILE ": nothing of virt-nest was there";
    (void)puts(done);
    if (module->state != NEST_KVM_NO_HARDWARE)
        print_next_boot_change(module, "");
    return TRUE;
}

/* The module is left alone. Names the command that turns nesting off now, unless that would be refused. */
static void
print_stays(const NestKvmModule *module)
{
    g_autoptr(GError) reason = NULL;
    gboolean refused = nest_kvm_plan(module, FALSE, FALSE, &reason) == NEST_KVM_DO_REFUSE;
    g_autofree gchar *words = g_strdup_printf(
        "%s stays as it is, with nesting on, until it is loaded anew%s%s", module->vendor->module,
        refused ? ": " : "", refused ? reason->message : " (virt-nest host disable --now)");

    print_host_line("now", words);
}

static int
disable_host(NestCall *call)
{
    NestKvmModule module = nest_kvm_module_read();
    gboolean now = FALSE;
    GError *error = NULL;
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"now", 0, 0, G_OPTION_ARG_NONE, &now, "turn nesting off in the module, too", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (call->arguments[1])
        return nest_command_misused(call, "it takes no argument");
    if (!check_run_by_root(call, &error))
        return nest_command_fail(error);
    if (now && !set_nesting(FALSE, FALSE, &error))
        status = nest_command_fail(g_steal_pointer(&error));
    if (!forget(&module, &error))
        status = nest_command_fail(error);
    if (!now && module.state == NEST_KVM_ON)
        print_stays(&module);
    return status;
}

static int
show(NestCall *call)
{
    gboolean json = FALSE;
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "for programs: an object", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    if (*call->arguments)
        return nest_command_misused(call, "only enable, disable or drain-plan can follow host");
    nest_host_report_print(json);
    return NEST_EXIT_DONE;
}

/* The words that may follow `host`, each a command with options of its own. */
static const struct {
    const char *word;
    NestCommand command;
} actions[] = {
    {"enable",
     {"host enable", enable_host, FALSE, "", "Turn the host's nesting on, now and at boot."}},
    {"disable", {"host disable", disable_host, FALSE, "", "Take the setting of host enable away."}},
    {"drain-plan",
     {"host drain-plan", nest_drain_plan, TRUE, "",
      "Say what has to go before the module can be reloaded."}},
};

int
nest_host(NestCall *call)
{
    for (gsize i = 0; i < G_N_ELEMENTS(actions); i++)
        if (g_strcmp0(call->words[1], actions[i].word) == 0) {
            call->command = &actions[i].command;
            return call->command->run(call);
        }
    return show(call);
}

int
nest_host_check(NestCall *call)
{
    NestKvmModule module = nest_kvm_module_read();
    const GOptionEntry none[] = {G_OPTION_ENTRY_NULL};
    GError *error = NULL;
    int status = NEST_EXIT_DONE;

    if (!nest_command_parse(call, none, &status))
        return status;
    if (*call->arguments)
        return nest_command_misused(call, "it takes no argument");
    if (!nest_kvm_module_check(&module, &error))
        return nest_command_fail(error);
    (void)printf("KVM guests of this host can have nested guests (%s)\n", module.vendor->module);
    return NEST_EXIT_DONE;
}
