/* Values that no normal form has, and that would be more than values: no format writes them raw. And a council with such a name. */
#include "tests/unit/export/export_test.h"

#include "tools/export/formats.h"

static const char *const hostile[] = {
    /* each by itself, */
    "a\"mark",
    "a;mark",
    "$mark",
    "a\rmark",
    "a\nmark",
    "a'mark",
    "a`mark",
    "a{mark",
    "a}mark",
    "a,mark",
    "a(mark",
    "a)mark",
    "a\\mark",
    "a#mark",
    "a mark",
    "a\tmark",
    "a\x7fmark",
    "a/mark",
    "a*mark",
    "a@mark",
    "a:mark",
    "a|mark",
    "a%mark",
    "a\xe3\x81\x82mark",
    /* and together */

    "evil.example\nmark.example",
    "evil.example\r\nmark 1",
    "evil\".example\" mark",
    "evil.example; mark",
    "$INCLUDE mark",
    "evil.example$(mark)",
    "a' mark '",
    "mark\xe2\x80\xa8mark",
    "mark \xff\xfe",
    "mark } drop",
    "`mark`",
    "mark(",
    "mark\\",
    "mark,mark",
    "\tmark",
    " mark",
    "mark\x1b[0m",
    "#mark",
};
#define HOSTILE (sizeof hostile / sizeof hostile[0])

/* Which types' values are checked text of their own; others are addresses and hashes, whose bytes have no other reading. */
static bool is_text(uint32_t type)
{
    return type == KR_INDICATOR_DOMAIN || type == KR_INDICATOR_URL || type == KR_INDICATOR_EMAIL || type == KR_INDICATOR_USER_AGENT;
}

/* With labels behind it, so that it is no public suffix, which would be left out for that. */
static const char *hostile_name(size_t i)
{
    static char names[HOSTILE][64];
    (void)snprintf(names[i], sizeof names[i], "%s.x.example", hostile[i]);
    return names[i];
}

/* `count` entries without origin, all of one record. */
static struct kr_selection make_selection(const struct kr_gathered *gathered, const struct kr_gathered_record *record,
                                          uint32_t type, size_t count)
{
    struct kr_selection selection = {.label = KR_TLP_CLEAR, .changed_ms = NOW_MS, .gathered = gathered};
    selection.entries = calloc(count + 1, sizeof *selection.entries);
    selection.mentions = calloc(count + 1, sizeof *selection.mentions);
    for (size_t i = 0; i < count; i++) {
        selection.entries[i] = (struct kr_entry){.type = type,
                                                 .value = slice(hostile_name(i)),
                                                 .label = KR_TLP_CLEAR,
                                                 .councils = 1,
                                                 .confidence = KR_CONFIDENCE_NONE,
                                                 .first = (uint32_t)i,
                                                 .count = 1};
        selection.mentions[i] = (struct kr_mention){.record = record, .indicator = {.type = type, .value = slice(hostile_name(i))}};
    }
    selection.entry_count = selection.mention_count = count;
    return selection;
}

static const struct kr_gathered_record *only_record(struct kr_gathered *gathered)
{
    struct kr_selection selection = SELECT(gathered, 0);
    const struct kr_gathered_record *record = selection.mentions[0].record;
    kr_selection_deinit(&selection);
    return record;
}

static void test_line_formats(void **state)
{
    (void)state;
    static const char *const names[] = {"hosts", "rpz", "unbound", "nftables", "ipset", "suricata", "list"};
    struct kr_gathered gathered = {0};
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, VALUES({V(DOMAIN, "a.example")}));
    const struct kr_gathered_record *record = only_record(&gathered);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct kr_export_format *format = kr_export_format_find(names[i]);
        for (uint32_t p = 0; p < format->part_count; p++) {
            for (uint32_t type = 1; type <= KR_INDICATOR_TYPE_MAX; type++) {
                if ((format->parts[p].types & KR_TYPE_BIT(type)) == 0 || !is_text(type)) {
                    continue;
                }
                struct kr_tally tally;
                struct kr_selection selection = make_selection(&gathered, record, type, HOSTILE);
                struct kr_rendering rendering = rendering_of(&selection);
                char *text = render(names[i], format->parts[p].file, &rendering, &tally);
                /* URLs and addresses may hold what is harmless in a list: it has no syntax but lines and blanks. */
                for (const char *at = text; (at = strstr(at, "mark")) != NULL; at++) {
                    assert_string_equal(names[i], "list");
                    const char *line = at;
                    while (line > text && line[-1] != '\n') {
                        line--;
                    }
                    for (; *line != '\n'; line++) {
                        assert_in_range((uint8_t)*line, '!', '~');
                    }
                }
                free(text);
                kr_selection_deinit(&selection);
            }
        }
    }
    kr_gathered_deinit(&gathered);
}

/* 0: there is none. */
static int first_of_marked_line(const char *text)
{
    const char *mark = strstr(text, "mark");
    while (mark != NULL && mark > text && mark[-1] != '\n') {
        mark--;
    }
    return mark == NULL ? 0 : *mark;
}

static void test_council_name(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"hosts", "#"}, {"rpz", ";"}, {"unbound", "#"}, {"nftables", "#"}, {"ipset", "#"}};
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, VALUES({V(DOMAIN, "a.example")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t h = 0; h < HOSTILE; h++) {
            rendering.council_name = hostile[h];
            char *text = render(names[i][0], NULL, &rendering, &tally);
            assert_int_equal(first_of_marked_line(text), names[i][1][0]); /* all of it is in the comment */
            free(text);
        }
    }
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_formats),
        cmocka_unit_test(test_council_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
