/* Names of bodies as they are told: form of the content, of the names, and of the header around it. */
#include "proto_test.h"

#include "proto/indicator/name.h"
#include "proto/record/body_notice.h"

static const uint8_t previous[32] = {9};

static struct kr_slice write(struct kr_writer *writer, struct kr_slice ja, struct kr_slice en, uint64_t since_s)
{
    const struct kr_body_notice notice = {.name_ja = ja, .name_en = en, .since_s = since_s, .previous = {previous, 32}};
    kr_writer_init(writer, KR_KIB);
    kr_body_notice_write(&notice, writer);
    assert_int_equal(kr_writer_finish(writer), KR_OK);
    return slice(writer->bytes, writer->len);
}

static void what_is_written_reads_back(void **state)
{
    struct kr_writer writer;
    struct kr_body_notice notice;
    struct kr_slice bytes = write(&writer, text_slice("札幌市"), text_slice("Sapporo City"), 1700000000);
    (void)state;
    assert_int_equal(kr_body_notice_parse(bytes, &notice), KR_OK);
    assert_slice_equal(notice.name_ja, "札幌市", 9);
    assert_slice_equal(notice.name_en, "Sapporo City", 12);
    assert_int_equal(notice.since_s, 1700000000);
    assert_slice_equal(notice.previous, previous, 32);
    assert_true(kr_body_notice_names(&notice));
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_not_equal(kr_body_notice_parse(slice(bytes.bytes, len), &notice), KR_OK);
    }
    writer.bytes[1] = 2; /* another version */
    assert_int_equal(kr_body_notice_parse(bytes, &notice), KR_VERSION);
    writer.bytes[1] = 1;
    writer.bytes[0]++;
    assert_int_not_equal(kr_body_notice_parse(bytes, &notice), KR_OK);
    kr_writer_deinit(&writer);
    bytes = write(&writer, (struct kr_slice){0}, (struct kr_slice){0}, 0);
    assert_int_equal(kr_body_notice_parse(bytes, &notice), KR_OK);
    assert_false(kr_body_notice_names(&notice));
    kr_writer_deinit(&writer);
}

static enum kr_err parse(struct kr_slice ja, struct kr_slice en, uint64_t since_s)
{
    struct kr_writer writer;
    struct kr_body_notice notice;
    const enum kr_err err = kr_body_notice_parse(write(&writer, ja, en, since_s), &notice);
    kr_writer_deinit(&writer);
    return err;
}

static void names_are_bounded_and_plain(void **state)
{
    static const char *const bad[] = {"\n",
                                      "a\tb",
                                      "\x7f",
                                      "\xc2\x85",
                                      "\xd8\x9c",
                                      "\xe2\x80\x8b",
                                      "\xe2\x80\xae\x61",
                                      "\xe2\x80\xa8",
                                      "\xe2\x81\xa6",
                                      "\xe2\x81\xa0",
                                      "\xef\xbb\xbf",
                                      "\xf3\xa0\x80\xa1",
                                      " a",
                                      "a ",
                                      "\xe3\x80\x80\x61",
                                      "a\xe3\x80\x80",
                                      " ",
                                      "e\xcc\x81",
                                      "\xe3\x81\x8b\xe3\x82\x99",
                                      "\xe2\x84\xab",
                                      "\xc2\xad",
                                      "\xc2\xa0\x61"};
    static const char *const good[] = {"a", "a b", "札幌市　環境局", "が", "\xc3\xa9", "ﾊﾝｶｸ", "株式会社（仮）", "🏥"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(kr_name_check(text_slice(bad[i])), KR_INVALID);
        assert_int_equal(parse(text_slice(bad[i]), (struct kr_slice){0}, 1), KR_MALFORMED);
        assert_int_equal(parse(text_slice("a"), text_slice(bad[i]), 1), KR_MALFORMED);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(parse(text_slice(good[i]), (struct kr_slice){0}, 1), KR_OK);
        assert_int_equal(parse((struct kr_slice){0}, text_slice(good[i]), 1), KR_OK);
    }
    assert_int_equal(parse(long_text(KR_NAME_BYTES_MAX), (struct kr_slice){0}, 1), KR_OK);
    assert_int_not_equal(parse(long_text(KR_NAME_BYTES_MAX + 1), (struct kr_slice){0}, 1), KR_OK);
    assert_int_equal(kr_name_check(long_text(KR_NAME_BYTES_MAX + 1)), KR_INVALID);
    /* Since when, of a name, and of none. */
    assert_int_equal(parse(text_slice("a"), (struct kr_slice){0}, 0), KR_MALFORMED);
    assert_int_equal(parse((struct kr_slice){0}, (struct kr_slice){0}, 1), KR_MALFORMED);
    assert_int_equal(parse(text_slice("a"), (struct kr_slice){0}, KR_CREATED_MS_MAX / 1000 + 1), KR_BOUNDS);
}

static void names_are_brought_into_their_form(void **state)
{
    uint8_t name[KR_NAME_BYTES_MAX];
    uint8_t wide[KR_NAME_BYTES_MAX];
    size_t len = 0;
    (void)state;
    assert_int_equal(kr_name_normalise(text_slice("\xe3\x81\x8b\xe3\x82\x99"), name, &len), KR_OK);
    assert_slice_equal(slice(name, len), "が", 3);
    assert_int_equal(kr_name_normalise((struct kr_slice){0}, name, &len), KR_OK);
    assert_int_equal(len, 0);
    assert_int_equal(kr_name_normalise(text_slice("a\xe2\x80\xae"), name, &len), KR_INVALID);
    for (size_t i = 0; i + 4 <= sizeof wide; i += 4) { /* U+1D15E becomes twice as long */
        memcpy(wide + i, "\xf0\x9d\x85\x9e", 4);
    }
    assert_int_equal(kr_name_normalise(slice(wide, sizeof wide), name, &len), KR_INVALID);
    assert_int_equal(len, 0);
}

static void its_header_is_what_it_must_be(void **state)
{
    const struct kr_header good = {.kind = KR_KIND_BODY_NOTICE,
                                   .label = KR_TLP_GREEN,
                                   .has_community = true,
                                   .has_subject = true,
                                   .version = 1,
                                   .created_ms = 5000,
                                   .expires_s = 5 + KR_BODY_NOTICE_S_MAX};
    (void)state;
    assert_int_equal(kr_body_notice_fits(&good), KR_OK);
#define REFUSED(change)                                                                                                            \
    do {                                                                                                                           \
        struct kr_header bad = good;                                                                                               \
        bad.change;                                                                                                                \
        assert_int_equal(kr_body_notice_fits(&bad), KR_MALFORMED);                                                                 \
    } while (0)
    REFUSED(kind = KR_KIND_BODY_CARD);
    REFUSED(label = KR_TLP_CLEAR);
    REFUSED(label = KR_TLP_AMBER);
    REFUSED(has_community = false);
    REFUSED(has_subject = false);
    REFUSED(version = 0);
    REFUSED(has_target = true);
    REFUSED(flags = KR_FLAG_EXERCISE);
    REFUSED(flags = 2);
    REFUSED(expires_s++);
#undef REFUSED
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(names_are_bounded_and_plain),
        cmocka_unit_test(names_are_brought_into_their_form),
        cmocka_unit_test(its_header_is_what_it_must_be),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
