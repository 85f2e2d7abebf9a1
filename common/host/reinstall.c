/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands that reinstall virt-nest if a part of it is missing. They depend on how this build was installed. */
#include "host/reinstall.h"

#include "base/systemd.h"

/* The Makefile's INSTALLER; packages set theirs. The first is for any other. */
static const struct {
    const char *installer;
    const char *command;
    gboolean is_package;
    const char *remark;
} ways[] = {
    {"make", "make install", FALSE, "in the directory of virt-nest's source"},
    {"apt", "apt reinstall virt-nest", TRUE,
     "if no archive has it, the package's file: apt reinstall ./virt-nest_*.deb"},
    {"dnf", "dnf reinstall virt-nest", TRUE,
     "if no repository has it, the package's file: dnf reinstall ./virt-nest-*.rpm"},
};

gchar *
nest_reinstall(const char *sudo, const char *then)
{
    gsize way = 0;
    g_autofree gchar *reload = g_strdup_printf(" && %ssystemctl daemon-reload", sudo);

    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++)
        if (g_str_equal(ways[i].installer, NEST_INSTALLER))
            way = i;
    return g_strdup_printf("%s%s%s%s%s (%s)", sudo, ways[way].command,
                           !ways[way].is_package && nest_systemd_runs() ? reload : "",
                           then ? " && " : "", then ? then : "", ways[way].remark);
}
