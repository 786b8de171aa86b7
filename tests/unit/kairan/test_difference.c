/* What a revision changes: what goes and what comes stands there, and nothing of what stays. */
#include "kairan_test.h"

#include "proto/record/body.h"
#include "tools/kairan/difference.h"

struct named {
    const char *domain, *note;
};

static struct kr_slice write_report(struct kr_writer *content, const char *title, const char *text, uint32_t severity,
                                    const struct named *names, uint32_t count)
{
    struct kr_report report = {.title = slice(title),
                               .text = slice(text),
                               .language = slice("en"),
                               .severity = severity,
                               .part = 1,
                               .parts = 1,
                               .indicator_count = count};
    struct kr_writer list;
    kr_writer_init(&list, KR_MIB);
    kr_writer_array(&list, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct kr_report_indicator indicator = {.type = KR_INDICATOR_DOMAIN,
                                                      .value = slice(names[i].domain),
                                                      .confidence = KR_CONFIDENCE_NONE,
                                                      .note = slice(names[i].note)};
        kr_report_indicator_write(&indicator, &list);
    }
    assert_int_equal(kr_writer_finish(&list), KR_OK);
    report.indicators = (struct kr_slice){list.bytes, list.len};
    kr_writer_init(content, KR_BODY_BYTES_MAX);
    kr_report_write(&report, content);
    assert_int_equal(kr_writer_finish(content), KR_OK);
    kr_writer_deinit(&list);
    return (struct kr_slice){content->bytes, content->len};
}

static char *difference(uint32_t kind, struct kr_slice content, const struct kr_plan *plan)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_int_equal(kr_show_difference(out, kind, content, plan), KR_OK);
    assert_int_equal(fclose(out), 0);
    return text;
}

static struct kr_found domain(const char *name, const char *note)
{
    return (struct kr_found){.type = KR_INDICATOR_DOMAIN, .value = slice(name), .note = slice(note)};
}

static void what_goes_and_what_comes_is_told(void **state)
{
    static const struct named names[] = {{"wrong.example", ""}, {"stays.example", "C2"}, {"noted.example", "old"}};
    const struct kr_found items[] = {domain("noted.example", "new"), domain("added.example", ""), domain("stays.example", "C2")};
    struct kr_writer content;
    struct kr_plan plan = {.kind = KR_KIND_REPORT,
                           .title = slice("Two hosts"),
                           .text = slice("first\nright\nlast\n"),
                           .severity = 3,
                           .items = items,
                           .item_count = 3};
    (void)state;
    struct kr_slice old = write_report(&content, "Three hosts", "first\nwrong\nand more\nlast\n", 3, names, 3);
    char *told = difference(KR_KIND_REPORT, old, &plan);
    assert_string_equal(told, "What changes (- goes, + comes):\n"
                              "title:\n  - Three hosts\n  + Two hosts\n"
                              "Indicators: 3 before, 3 now\n"
                              "  - domain    noted.example  # old\n  - domain    wrong.example\n"
                              "  + domain    added.example\n  + domain    noted.example  # new\n"
                              "  unchanged: 1\n"
                              "text:\n  - wrong\n  - and more\n  + right\n");
    free(told);
    /* Nothing but the severity, which was left out. */
    plan.title = slice("Three hosts");
    plan.text = slice("first\r\nwrong\r\nand more\r\nlast");
    plan.severity = 0;
    told = difference(KR_KIND_REPORT, old, &plan);
    assert_non_null(strstr(told, "severity:\n  - high\n  + not stated\n"));
    assert_null(strstr(told, "title"));
    assert_null(strstr(told, "- first"));
    assert_null(strstr(told, "+ wrong"));
    free(told);
    kr_writer_deinit(&content);
}

/* A long list is told by its beginning and its length; what steers a terminal does not get to it. */
static void much_of_it_and_hostile_texts(void **state)
{
    static char names[100][32];
    struct kr_found items[100];
    const struct kr_plan plan = {
        .kind = KR_KIND_ADVISORY, .title = slice("\033[2J"), .text = slice("x"), .items = items, .item_count = 100};
    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%02u.example", i);
        items[i] = domain(names[i], "");
    }
    char *told = difference(KR_KIND_REPORT, (struct kr_slice){0}, &plan); /* nothing of it can be read here */
    assert_non_null(strstr(told, "kind:\n  - report\n  + advisory\n"));
    assert_non_null(strstr(told, "  + \\x1b[2J\n"));
    assert_null(strchr(told, '\033'));
    assert_non_null(strstr(told, "Indicators: 0 before, 100 now\n"));
    assert_non_null(strstr(told, "n19.example\n  ... and 80 more\n"));
    assert_null(strstr(told, "n20.example"));
    free(told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_goes_and_what_comes_is_told),
                                       cmocka_unit_test(much_of_it_and_hostile_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
