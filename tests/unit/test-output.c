/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is printed: columns, spans of time, points in time. */
#include "../../hooks/virt-nest/output.h"
#include "check.h"

static const struct {
    const char *sentence;
    const char *text;
    gsize width;
    const char *fit;
} fits[] = {
    {"filled up", "ab", 4, "ab  "},
    {"as it is", "abcd", 4, "abcd"},
    {"cut", "abcdef", 4, "abcd"},
    {"wide characters take two columns", "機機", 5, "機機 "},
    {"half a wide character is a space", "機機", 3, "機 "},
    {"marks take none", "e\xcc\x81x", 2, "e\xcc\x81x"},
    {"marks stay with what they stand on", "ae\xcc\x81x", 2, "ae\xcc\x81"},
    {"in no column", "ab", 0, ""},
};

static void
test_fit(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    g_autofree gchar *fit = nest_output_fit(fits[i].text, fits[i].width);

    g_assert_cmpstr(fit, ==, fits[i].fit);
    g_assert_cmpuint(nest_output_width(fit), ==, fits[i].width);
}

static const struct {
    const char *text;
    const char *lines; /* with '|' between two */
} broken[] = {
    {"one two three", "one two|three"},
    {"sevenxy eight", "sevenxy|eight"},
    {"a verylongword b", "a|verylongword|b"},
    {"\xe6\xa9\x9f\xe6\xa9\x9f \xe6\xa9\x9f\xe6\xa9\x9f", "\xe6\xa9\x9f\xe6\xa9\x9f|\xe6\xa9\x9f\xe6\xa9\x9f"},
    {"", ""},
};

static void
test_lines(void)
{
    g_test_summary("a text in lines of at most seven columns, unless a word is longer");
    for (gsize i = 0; i < G_N_ELEMENTS(broken); i++) {
        g_autoptr(GPtrArray) lines = nest_output_lines(broken[i].text, 7);
        g_autofree gchar *joined = NULL;

        g_ptr_array_add(lines, NULL);
        joined = g_strjoinv("|", (gchar **)lines->pdata);
        g_assert_cmpstr(joined, ==, broken[i].lines);
    }
}

static const struct {
    gint64 seconds;
    const char *words;
} spans[] = {
    {-5, "0 s"},         {0, "0 s"},          {59, "59 s"},       {60, "1 min"},       {419, "6 min"},
    {3600, "1 h"},       {3661, "1 h 1 min"}, {12000, "3 h 20 min"}, {86400, "1 d"}, {187200, "2 d 4 h"},
    {86400 * 400, "400 d"},
};

static void
test_spans(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(spans); i++) {
        g_autofree gchar *words = nest_output_span(spans[i].seconds);

        g_assert_cmpstr(words, ==, spans[i].words);
    }
}

static void
test_iso_time(void)
{
    g_autofree gchar *time = nest_output_iso_time(1790000000);
    g_autofree gchar *none = nest_output_iso_time(G_MAXINT64);

    g_assert_cmpstr(time, ==, "2026-09-21T14:13:20Z");
    g_assert_null(none);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(fits); i++)
        check_add_row("output/fit", fits[i].sentence, GSIZE_TO_POINTER(i), test_fit);
    g_test_add_func("/output/lines", test_lines);
    g_test_add_func("/output/spans of time in words", test_spans);
    g_test_add_func("/output/points in time for programs", test_iso_time);
    return g_test_run();
}
