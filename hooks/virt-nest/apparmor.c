/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the text of an AppArmor profile lets a process do with one file (apparmor.d(5)). */
#include "apparmor.h"

#include "base/root.h"

#include <string.h>

/* What may stand before the path of a file's rule. */
static const char *const qualifiers[] = {"audit ", "allow ", "owner ", "file ", "deny ", "quiet "};

/* One rule for files, in its line. */
typedef struct {
    gboolean denies;
    const char *path; /* a pattern */
    gsize length;     /* of it */
    const char *permissions;
} Rule;

static gboolean
skip_qualifier(const char **at, gboolean *ret_denies)
{
    for (gsize i = 0; i < G_N_ELEMENTS(qualifiers); i++) {
        if (!g_str_has_prefix(*at, qualifiers[i]))
            continue;
        *ret_denies |= g_str_equal(qualifiers[i], "deny ");
        *at += strlen(qualifiers[i]);
        *at += strspn(*at, " \t");
        return TRUE;
    }
    return FALSE;
}

/* @line: without blanks at its ends. Returns: FALSE if the line is no rule for a file. */
static gboolean
read_profile_rule(const char *line, Rule *ret_rule)
{
    Rule rule = {0};
    char end = ' ';

    while (skip_qualifier(&line, &rule.denies))
        ;
    if (*line == '"')
        end = *line++;
    if (*line != '/')
        return FALSE;
    rule.path = line;
    rule.length = strcspn(line, end == '"' ? "\"" : " \t");
    if (memchr(rule.path, '@', rule.length))
        return FALSE;
    rule.permissions = line + rule.length;
    rule.permissions += strspn(rule.permissions, "\" \t");
    *ret_rule = rule;
    return TRUE;
}

static gboolean
has_permission(const Rule *rule, char permission)
{
    const char *found = strchr(rule->permissions, permission);

    return found && found < rule->permissions + strcspn(rule->permissions, " \t,");
}

/* Translates one piece of a pattern into a piece of a regular expression. Returns the length of the piece in the
 * pattern. */
static gsize
add_piece(GString *expression, const char *at, gboolean *braces)
{
    static const char *const pieces[][2] = {{"**", ".*"}, {"*", "[^/]*"}, {"?", "[^/]"},
                                            {"{", "(?:"}, {"}", ")"},     {"[", "["},
                                            {"]", "]"}};
    char one[] = {*at, '\0'};
    g_autofree gchar *escaped = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
        if (!g_str_has_prefix(at, pieces[i][0]))
            continue;
        *braces = *at == '{' || (*braces && *at != '}');
        g_string_append(expression, pieces[i][1]);
        return strlen(pieces[i][0]);
    }
    escaped = g_regex_escape_string(one, 1);
    g_string_append(expression, *braces && *at == ',' ? "|" : escaped);
    return 1;
}

static gboolean
matches(const Rule *rule, const char *path)
{
    g_autofree gchar *pattern = g_strndup(rule->path, rule->length);
    g_autoptr(GString) expression = g_string_new("^");
    gboolean braces = FALSE;

    for (gsize at = 0; at < rule->length;)
        at += add_piece(expression, pattern + at, &braces);
    g_string_append_c(expression, '$');
    return g_regex_match_simple(expression->str, path, G_REGEX_DOTALL, 0);
}

/* What a judgement needs of each file. */
typedef struct {
    const char *path;
    char permission;
    NestAppArmorVerdict verdict;
    NestAppArmorRule rule;
} Judgement;

static void
judge_line(Judgement *judgement, const char *line, const char *file, guint number)
{
    Rule rule = {0};

    if (judgement->verdict == NEST_APPARMOR_DENIED || !read_profile_rule(line, &rule) ||
        !has_permission(&rule, judgement->permission) || !matches(&rule, judgement->path))
        return;
    judgement->verdict = rule.denies ? NEST_APPARMOR_DENIED : NEST_APPARMOR_GRANTED;
    judgement->rule = (NestAppArmorRule){file, number};
}

/* @whole: the file has the profile's braces; else it is what stands between them */
static gboolean
judge_file(Judgement *judgement, const char *file, gboolean whole)
{
    g_autofree gchar *path = nest_root_path(file);
    g_autofree gchar *text = NULL;
    g_auto(GStrv) lines = NULL;
    int depth = whole ? 0 : 1;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        const char *line = g_strstrip(lines[i]);

        /* A profile's first line ends with its brace. */
        depth += g_str_has_suffix(line, "{") ? 1 : g_str_equal(line, "}") ? -1 : 0;
        if (depth == 1)
            judge_line(judgement, line, file, i + 1);
    }
    return TRUE;
}

NestAppArmorVerdict
nest_apparmor_judge(const char *const *files, const char *path, char permission,
                    NestAppArmorRule *ret_rule)
{
    Judgement judgement = {path, permission, NEST_APPARMOR_NOT_GRANTED, {NULL, 0}};

    if (!judge_file(&judgement, files[0], TRUE))
        return NEST_APPARMOR_UNREADABLE;
    for (gsize i = 1; files[i]; i++)
        (void)judge_file(&judgement, files[i], FALSE);
    *ret_rule = judgement.rule;
    return judgement.verdict;
}
