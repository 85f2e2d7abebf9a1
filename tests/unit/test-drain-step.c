/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is to be done with one holder of the KVM module, its commands, and the order of all. */
#include "../../hooks/virt-nest/drain_step.h"
#include "check.h"

#define TEXT(text) ((gchar[]){text})
#define UUID "11111111-1111-4111-8111-111111111111"
#define MOVE "virsh migrate --live --persistent --undefinesource "
#define TO " qemu+ssh://DESTINATION/system"

static const struct {
    const char *sentence;
    NestDrainStep step;
    const char *action;
    const char *migrate; /* NULL: it is not to migrate */
    const char *stop;
    const char *reason; /* a piece */
} steps[] = {
    {"a guest that cannot nest can migrate",
     {.name = TEXT("web1"), .uuid = TEXT(UUID), .persistent = TRUE, .nested = NEST_DRAIN_L2_IMPOSSIBLE},
     "migrate", MOVE "web1" TO, "virsh shutdown web1", "no nested guests run in it: migrate it"},
    {"so can one in which none run",
     {.name = TEXT("web1"), .uuid = TEXT(UUID), .persistent = TRUE, .tagged = TRUE, .nested = NEST_DRAIN_L2_NONE},
     "migrate", MOVE "web1" TO, "virsh shutdown web1", "no nested guests run in it: migrate it"},
    {"one of which it is not known is not to migrate",
     {.name = TEXT("web1"), .uuid = TEXT(UUID), .persistent = TRUE, .nested = NEST_DRAIN_L2_UNKNOWN},
     "look-inside", NULL, "virsh shutdown web1", "not known"},
    {"nor one in which they run",
     {.name = TEXT("web1"), .uuid = TEXT(UUID), .persistent = TRUE, .nested = NEST_DRAIN_L2_RUNNING},
     "shut-down-inside", NULL, "virsh shutdown web1", "inside it first"},
    {"a transient guest has no definition to go along, and would be lost",
     {.name = TEXT("web1"), .uuid = TEXT(UUID), .nested = NEST_DRAIN_L2_NONE},
     "migrate", "virsh migrate --live web1" TO, "virsh shutdown web1", "virsh dumpxml"},
    {"a paused guest hears nothing before it goes on",
     {.name = TEXT("web1"), .uuid = TEXT(UUID), .persistent = TRUE, .wake = "resume", .nested = NEST_DRAIN_L2_RUNNING},
     "shut-down-inside", NULL, "virsh resume web1 && virsh shutdown web1", "inside it first"},
    {"a name with a space is written as its UUID",
     {.name = TEXT("my lab"), .uuid = TEXT(UUID), .persistent = TRUE},
     "migrate", MOVE UUID TO, "virsh shutdown " UUID, "migrate it"},
    {"so is a name that a shell would run",
     {.name = TEXT("a;reboot"), .uuid = TEXT(UUID), .persistent = TRUE},
     "migrate", MOVE UUID TO, "virsh shutdown " UUID, "migrate it"},
    {"so is one that virsh takes for an option or an id",
     {.name = TEXT("-all"), .uuid = TEXT(UUID), .persistent = TRUE},
     "migrate", MOVE UUID TO, "virsh shutdown " UUID, "migrate it"},
    {"a process that is not libvirt's is not stopped by libvirt",
     {.name = TEXT("crosvm"), .pid = 90, .nested = NEST_DRAIN_L2_RUNNING},
     "other", NULL, "ps -o pid,user,args -p 90", "its owner has to stop it"},
};

static void
test_step(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    const NestDrainStep *step = &steps[i].step;
    g_autofree gchar *migrate = nest_drain_step_migrate(step);
    g_autofree gchar *stop = nest_drain_step_stop(step);

    g_assert_cmpstr(nest_drain_step_action_name(nest_drain_step_action(step)), ==, steps[i].action);
    g_assert_cmpstr(migrate, ==, steps[i].migrate);
    g_assert_cmpstr(stop, ==, steps[i].stop);
    check_says(nest_drain_step_reason(step), steps[i].reason);
}

/* In the order that they are to have. */
static NestDrainStep ordered[] = {
    {.name = TEXT("b"), .uuid = TEXT(UUID), .nested = NEST_DRAIN_L2_NONE},
    {.name = TEXT("c"), .uuid = TEXT(UUID), .nested = NEST_DRAIN_L2_IMPOSSIBLE},
    {.name = TEXT("a"), .uuid = TEXT(UUID), .nested = NEST_DRAIN_L2_NONE, .autostart = TRUE},
    {.name = TEXT("a"), .uuid = TEXT(UUID), .nested = NEST_DRAIN_L2_UNKNOWN},
    {.name = TEXT("z"), .uuid = TEXT(UUID), .nested = NEST_DRAIN_L2_RUNNING},
    {.name = TEXT("a"), .uuid = TEXT(UUID), .nested = NEST_DRAIN_L2_RUNNING, .autostart = TRUE},
    {.name = TEXT("a"), .pid = 7},
    {.name = TEXT("a"), .pid = 8},
};

static void
test_order(void)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();

    for (gsize i = G_N_ELEMENTS(ordered); i > 0; i--)
        g_ptr_array_add(sorted, &ordered[i - 1]);
    g_ptr_array_sort(sorted, nest_drain_step_compare);
    for (guint i = 0; i < sorted->len; i++)
        g_assert_true(g_ptr_array_index(sorted, i) == &ordered[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autofree gchar *path = g_strconcat("/drain-step/", steps[i].sentence, NULL);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_step);
    }
    g_test_add_func("/drain-step/what can migrate goes first, what starts by itself last of its kind, strangers at the end",
                    test_order);
    return g_test_run();
}
