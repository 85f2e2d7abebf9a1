/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict: traces of L1s with what it must be at each sample, and what holds for any. */
#include "check.h"
#include "guard/verdict.h"

#define DIRECTORY "tests/unit/traces"
#define BEGIN_MS 5000000    /* the clock's time at a trace's second 0 */
#define DEFAULT_LINGER "60" /* seconds */

/* A trace being played. Its lines, each with words after it:
 *
 *   # a comment; the first says whether the trace was recorded or written from the table of measurements
 *   linger SECONDS       strict       started SECONDS      rules, and when QEMU started: 0 unless told
 *   SECONDS ENTRIES|- set|clear|- -> STATE WHY             a sample, and what it must lead to
 */
typedef struct {
    NestVerdict verdict;
    NestVerdictRules rules;
    gint64 started;
    guint samples;
} Play;

static gint64
read_ms(const char *seconds)
{
    gchar *end = NULL;
    double value = g_ascii_strtod(seconds, &end);

    if (end == seconds || *end)
        g_error("no seconds: %s", seconds);
    return (gint64)(value * 1000 + (value < 0 ? -0.5 : 0.5));
}

static NestBit
read_bit(const char *word)
{
    static const char *const words[] = {
        [NEST_BIT_UNKNOWN] = "-", [NEST_BIT_CLEAR] = "clear", [NEST_BIT_SET] = "set"};

    for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
        if (g_str_equal(words[i], word))
            return (NestBit)i;
    g_error("no bit: %s", word);
}

static NestEvidence
read_evidence(gchar **words)
{
    NestEvidence evidence = {.counted = !g_str_equal(words[1], "-"), .bit = read_bit(words[2])};
    g_autoptr(GError) error = NULL;

    if (evidence.counted)
        g_ascii_string_to_unsigned(words[1], 10, 0, G_MAXUINT64, &evidence.entries, &error);
    g_assert_no_error(error);
    return evidence;
}

static void
play_sample(Play *play, gchar **words)
{
    const NestVerdict before = play->verdict;
    const NestEvidence evidence = read_evidence(words);
    gboolean is_other = nest_verdict_add(&play->verdict, &evidence, &play->rules, play->started,
                                         BEGIN_MS + read_ms(words[0]));

    g_assert_cmpstr(words[3], ==, "->");
    g_assert_cmpstr(nest_verdict_state_name(play->verdict.state), ==, words[4]);
    g_assert_cmpstr(nest_verdict_reason_name(play->verdict.reason), ==, words[5]);
    g_assert_cmpint(is_other, ==, before.state != play->verdict.state || before.reason != play->verdict.reason);
    play->samples++;
}

static void
play_line(Play *play, gchar **words)
{
    guint n = g_strv_length(words);

    if (n == 2 && g_str_equal(words[0], "linger"))
        play->rules.linger_ms = read_ms(words[1]);
    else if (n == 1 && g_str_equal(words[0], "strict"))
        play->rules.strict = TRUE;
    else if (n == 2 && g_str_equal(words[0], "started"))
        play->started = BEGIN_MS + read_ms(words[1]);
    else if (n == 6)
        play_sample(play, words);
    else
        g_error("no line of a trace");
}

/* (transfer full) The words of a line, without those of a comment. */
static gchar **
split_line(const char *line)
{
    g_auto(GStrv) with_comment = g_strsplit(line, "#", 2);
    g_auto(GStrv) parts = g_strsplit_set(with_comment[0] ? with_comment[0] : "", " \t", -1);
    g_autoptr(GPtrArray) words = g_ptr_array_new();

    for (gsize i = 0; parts[i]; i++)
        if (*parts[i])
            g_ptr_array_add(words, g_strdup(parts[i]));
    g_ptr_array_add(words, NULL);
    return (gchar **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

static void
test_trace(gconstpointer name)
{
    g_autofree gchar *directory = check_source_path(DIRECTORY);
    g_autofree gchar *path = g_build_filename(directory, name, NULL);
    g_autofree gchar *text = NULL;
    g_auto(GStrv) lines = NULL;
    Play play = {.rules = {.linger_ms = read_ms(DEFAULT_LINGER)}, .started = BEGIN_MS};

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_true(g_regex_match_simple("^# (recorded|written)\\b", text, 0, 0));
    lines = g_strsplit(text, "\n", -1);
    for (gsize i = 0; lines[i]; i++) {
        g_auto(GStrv) words = split_line(lines[i]);

        g_test_message("%s:%zu: %s", (const char *)name, i + 1, lines[i]);
        if (words[0])
            play_line(&play, words);
    }
    g_assert_cmpuint(play.samples, >, 0);
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* (transfer full) The traces' file names, in order. */
static GPtrArray *
list_traces(void)
{
    g_autofree gchar *directory = check_source_path(DIRECTORY);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(directory, 0, &error);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *file = NULL;

    g_assert_no_error(error);
    while ((file = g_dir_read_name(dir)))
        if (g_str_has_suffix(file, ".trace"))
            g_ptr_array_add(names, g_strdup(file));
    g_ptr_array_sort(names, compare_names);
    return names;
}

/* What must have been recorded, by tests/vm-amd/record-traces, and not only be written from a table. */
static const struct {
    const char *state;
    const char *kernels[3]; /* of L1 */
} recorded[] = {
    {"never", {"6.1", "6.12"}},
    {"create", {"6.1", "6.12"}},
    {"busy", {"6.1", "6.12"}},
    {"timer", {"6.1", "6.12"}}, /* idle: its timer wakes it up */
    {"hlt", {"6.1", "6.12"}},   /* halted */
    {"stopped", {"6.1", "6.12"}},
    {"gone", {"6.1", "6.12"}},
    {"restored", {"6.1", "6.12"}},
    {"restored-hlt", {"6.1", "6.12"}},
    {"arrived", {"6.1", "6.12"}},
    {"always", {"6.1"}},
};

static void
check_recorded(GPtrArray *played, const char *kernel, const char *state)
{
    g_autofree gchar *name = g_strdup_printf("recorded-amd-%s-%s.trace", kernel, state);
    g_autofree gchar *directory = check_source_path(DIRECTORY);
    g_autofree gchar *file = g_build_filename(directory, name, NULL);
    g_autofree gchar *begin = g_strdup_printf("# recorded on an emulated AMD host, L1 kernel %s,", kernel);
    g_autofree gchar *text = NULL;

    g_test_message("%s", name);
    g_assert_true(g_ptr_array_find_with_equal_func(played, name, g_str_equal, NULL));
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_true(g_str_has_prefix(text, begin));
}

static void
test_complete(void)
{
    g_autoptr(GPtrArray) played = list_traces();

    g_test_summary("each state that an L1 can show was recorded, with L1 kernels before and after 6.12");
    for (gsize i = 0; i < G_N_ELEMENTS(recorded); i++)
        for (gsize k = 0; recorded[i].kernels[k]; k++)
            check_recorded(played, recorded[i].kernels[k], recorded[i].state);
}

/* What is known of a run of random samples, apart from the verdict. */
typedef struct {
    NestVerdict verdict;
    NestVerdictRules rules;
    gint64 now;
    guint64 entries; /* in the last sample that counted */
    gboolean counted;
    gboolean spoken; /* a sample said something */
    gint64 entered_at; /* a sample grew then, and the bit was not clear in it or since; 0: none */
} Walk;

static NestEvidence
random_evidence(Walk *walk)
{
    static const guint64 steps[] = {0, 0, 0, 1, 30, 2600};
    NestEvidence evidence = {.bit = (NestBit)g_test_rand_int_range(NEST_BIT_UNKNOWN, NEST_BIT_SET + 1)};

    evidence.counted = g_test_rand_int_range(0, 4) > 0;
    if (evidence.counted && g_test_rand_int_range(0, 20) == 0)
        evidence.entries = walk->entries / 2;
    else if (evidence.counted)
        evidence.entries = walk->entries + steps[g_test_rand_int_range(0, G_N_ELEMENTS(steps))];
    return evidence;
}

static void
check_since(const NestVerdict *before, const NestVerdict *after, gint64 now)
{
    gboolean is_other = before->state != after->state || !before->since;

    g_assert_cmpint(after->since, ==, is_other ? now : before->since);
}

static void
check_silence(const Walk *walk, const NestVerdict *before)
{
    g_assert_true(walk->verdict.silent);
    g_assert_cmpint(walk->verdict.state, ==, before->state);
    g_assert_cmpint(walk->verdict.reason, ==, before->reason);
}

static void
check_step(Walk *walk, const NestVerdict *before, const NestEvidence *evidence)
{
    const NestVerdict *after = &walk->verdict;
    gboolean grew = evidence->counted && walk->counted && evidence->entries > walk->entries;
    gboolean lingers = walk->entered_at && walk->now - walk->entered_at < walk->rules.linger_ms;

    check_since(before, after, walk->now);
    g_assert_true(after->rate >= 0 && after->rate <= 2600 * 1000.0);
    if (!evidence->counted && evidence->bit == NEST_BIT_UNKNOWN)
        check_silence(walk, before);
    else
        walk->spoken = TRUE;
    g_assert_cmpint(after->state == NEST_VERDICT_UNKNOWN, ==, !walk->spoken);
    if (evidence->bit == NEST_BIT_CLEAR)
        g_assert_cmpint(after->state, ==, NEST_VERDICT_NONE);
    else if (grew || lingers || (walk->entered_at && walk->rules.strict))
        g_assert_cmpint(after->state, ==, NEST_VERDICT_RUNNING);
    if (after->reason == NEST_REASON_LINGER || after->reason == NEST_REASON_STRICT || after->reason == NEST_REASON_BIT)
        g_assert_true(nest_verdict_wants_bit(after));
    if (after->state != NEST_VERDICT_RUNNING)
        g_assert_false(nest_verdict_wants_bit(after));
}

static void
take_step(Walk *walk, const NestEvidence *evidence)
{
    if (evidence->counted && walk->counted && evidence->entries > walk->entries)
        walk->entered_at = walk->now;
    if (evidence->bit == NEST_BIT_CLEAR)
        walk->entered_at = 0;
    if (evidence->counted)
        walk->entries = evidence->entries;
    walk->counted |= evidence->counted;
}

static void
test_properties(void)
{
    static const gint64 lingers[] = {0, 1000, 60000};
    static const gint64 passes[] = {0, 1, 100, 1000, 20000, 90000};

    g_test_summary("any samples: clear is none, growth is running until it lingered, silence changes nothing");
    for (guint round = 0; round < 2000; round++) {
        Walk walk = {.rules = {lingers[round % G_N_ELEMENTS(lingers)], g_test_rand_bit()}, .now = BEGIN_MS};

        for (guint i = 0; i < 50; i++) {
            const NestEvidence evidence = random_evidence(&walk);
            const NestVerdict before = walk.verdict;

            walk.now += passes[g_test_rand_int_range(0, G_N_ELEMENTS(passes))];
            nest_verdict_add(&walk.verdict, &evidence, &walk.rules, BEGIN_MS, walk.now);
            check_step(&walk, &before, &evidence);
            take_step(&walk, &evidence);
        }
    }
}

/* One sample that counts. */
static void
add_count(NestVerdict *verdict, guint64 entries, gint64 now)
{
    const NestEvidence evidence = {.counted = TRUE, .entries = entries};
    const NestVerdictRules rules = {.linger_ms = 60000};

    nest_verdict_add(verdict, &evidence, &rules, BEGIN_MS, now);
}

static void
test_rate(void)
{
    static const struct {
        guint64 entries;
        gint64 after_ms;
        double rate;
    } steps[] = {
        {1000, 0, 0},      {1030, 1000, 30}, {1031, 2000, 0.5}, {1041, 100, 100}, {1041, 1000, 0},
        {1051, 1000, 10},  {1061, 0, 10},    {500, 1000, 0},    {510, 1000, 10},  {G_MAXUINT64, 1, (double)G_MAXUINT64 * 1000},
        {0, 1, 0},
    };
    NestVerdict verdict = {0};
    gint64 now = BEGIN_MS;

    g_test_summary("entries a second between the last two counts, and no division by no time");
    for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
        now += steps[i].after_ms;
        add_count(&verdict, steps[i].entries, now);
        g_assert_cmpfloat_with_epsilon(verdict.rate, steps[i].rate, steps[i].rate * 1e-9 + 1e-9);
    }
}

static void
test_rate_in_silence(void)
{
    const NestEvidence silence = {0};
    const NestVerdictRules rules = {.linger_ms = 60000};
    NestVerdict verdict = {0};

    g_test_summary("a sample that could not be read leaves the rate, and the next spans it");
    add_count(&verdict, 0, BEGIN_MS);
    add_count(&verdict, 100, BEGIN_MS + 1000);
    g_assert_false(nest_verdict_add(&verdict, &silence, &rules, BEGIN_MS, BEGIN_MS + 2000));
    g_assert_true(verdict.silent);
    g_assert_cmpfloat(verdict.rate, ==, 100);
    add_count(&verdict, 500, BEGIN_MS + 3000);
    g_assert_false(verdict.silent);
    g_assert_cmpfloat(verdict.rate, ==, 200);
}

static void
test_enter(void)
{
    NestVerdict verdict = {0};

    g_test_summary("an entry that is told of counts as one that was counted");
    add_count(&verdict, 0, BEGIN_MS);
    g_assert_true(nest_verdict_enter(&verdict, BEGIN_MS + 100));
    g_assert_cmpint(verdict.state, ==, NEST_VERDICT_RUNNING);
    g_assert_cmpint(verdict.since, ==, BEGIN_MS + 100);
    g_assert_false(nest_verdict_enter(&verdict, BEGIN_MS + 200));
    add_count(&verdict, 0, BEGIN_MS + 300); /* as if that entry were not in the counter yet */
    g_assert_cmpint(verdict.reason, ==, NEST_REASON_LINGER);
    g_assert_cmpint(verdict.since, ==, BEGIN_MS + 100);
    add_count(&verdict, 0, BEGIN_MS + 200 + 60000);
    g_assert_cmpint(verdict.reason, ==, NEST_REASON_QUIET);
}

/* Each reason, by the samples that lead to it. */
static const struct {
    NestVerdictReason reason;
    const char *name;
    gboolean wants_bit;
} reasons[] = {
    {NEST_REASON_NOTHING, "nothing", FALSE}, {NEST_REASON_ENTRIES, "entries", FALSE}, {NEST_REASON_ALWAYS, "always", FALSE},
    {NEST_REASON_LINGER, "linger", TRUE},    {NEST_REASON_STRICT, "strict", TRUE},    {NEST_REASON_BIT, "bit", TRUE},
    {NEST_REASON_CLEAR, "clear", FALSE},     {NEST_REASON_NEVER, "never", FALSE},     {NEST_REASON_QUIET, "quiet", FALSE},
};

static void
test_names(void)
{
    g_autoptr(GHashTable) words = g_hash_table_new(g_str_hash, g_str_equal);

    g_test_summary("states and reasons have the words that stand in metadata, and a phrase of their own");
    g_assert_cmpstr(nest_verdict_state_name(NEST_VERDICT_UNKNOWN), ==, "unknown");
    g_assert_cmpstr(nest_verdict_state_name(NEST_VERDICT_NONE), ==, "none");
    g_assert_cmpstr(nest_verdict_state_name(NEST_VERDICT_RUNNING), ==, "running");
    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++) {
        const NestVerdict verdict = {.reason = reasons[i].reason};
        const char *name = nest_verdict_reason_name(reasons[i].reason);
        const char *phrase = nest_verdict_reason_text(name);

        g_assert_cmpstr(name, ==, reasons[i].name);
        g_assert_nonnull(strchr(phrase, ' '));
        g_assert_true(g_hash_table_add(words, (gpointer)phrase));
        g_assert_cmpint(nest_verdict_wants_bit(&verdict), ==, reasons[i].wants_bit);
    }
    g_assert_cmpuint(G_N_ELEMENTS(reasons), ==, NEST_REASON_QUIET + 1);
    g_assert_null(nest_verdict_reason_text(""));
    g_assert_null(nest_verdict_reason_text("Linger"));
    g_assert_null(nest_verdict_reason_text("running"));
}

int
main(int argc, char **argv)
{
    g_autoptr(GPtrArray) traces = NULL;

    g_test_init(&argc, &argv, NULL);
    traces = list_traces();
    g_test_add_func("/verdict/the recorded traces are there", test_complete);
    for (guint i = 0; i < traces->len; i++)
        check_add_row("verdict/trace", g_ptr_array_index(traces, i), g_ptr_array_index(traces, i), test_trace);
    g_test_add_func("/verdict/what holds for any samples", test_properties);
    g_test_add_func("/verdict/the rate", test_rate);
    g_test_add_func("/verdict/the rate in silence", test_rate_in_silence);
    g_test_add_func("/verdict/an entry that is told of", test_enter);
    g_test_add_func("/verdict/names and words", test_names);
    return g_test_run();
}
