/* Contents of retractions and revisions, and what they may take back. */
#include "crypto/sign.h"
#include "proto/record/takeback.h"
#include "tests/unit/proto/proto_test.h"

static struct kr_slice text(const char *string)
{
    return (struct kr_slice){(const uint8_t *)string, strlen(string)};
}

static uint8_t header_bytes[100], signature_bytes[64];

static struct kr_takeback some_takeback(void)
{
    return (struct kr_takeback){.target_header = {header_bytes, sizeof header_bytes},
                                .target_signature = {signature_bytes, sizeof signature_bytes},
                                .reason = text("誤り"),
                                .language = text("ja"),
                                .content_kind = KR_KIND_ADVISORY,
                                .content = text("x")};
}

static enum kr_err write_and_parse(uint32_t kind, const struct kr_takeback *takeback, size_t less, struct kr_takeback *ret)
{
    static uint8_t kept[4096];
    struct kr_writer writer;
    kr_writer_init(&writer, sizeof kept);
    kr_takeback_write(kind, takeback, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    size_t len = writer.len - less;
    memcpy(kept, writer.bytes, len);
    kr_writer_deinit(&writer);
    return kr_takeback_parse(kind, (struct kr_slice){kept, len}, ret);
}

static void both_come_back_as_they_were(void **state)
{
    struct kr_takeback takeback = some_takeback(), read;
    (void)state;
    assert_int_equal(write_and_parse(KR_KIND_RETRACTION, &takeback, 0, &read), KR_OK);
    assert_int_equal(read.target_header.len, sizeof header_bytes);
    assert_int_equal(read.target_signature.len, 64);
    assert_memory_equal(read.reason.bytes, takeback.reason.bytes, takeback.reason.len);
    assert_memory_equal(read.language.bytes, "ja", 2);
    assert_int_equal(write_and_parse(KR_KIND_REVISION, &takeback, 0, &read), KR_OK);
    assert_int_equal(read.content_kind, KR_KIND_ADVISORY);
    assert_memory_equal(read.content.bytes, "x", 1);
    assert_int_equal(write_and_parse(KR_KIND_REPORT, &takeback, 0, &read), KR_INVALID);
}

static void bad_ones_are_refused(void **state)
{
    struct kr_takeback takeback, read;
    (void)state;
#define IS(kind, want, change)                                                                                                     \
    takeback = some_takeback();                                                                                                    \
    change;                                                                                                                        \
    assert_int_equal(write_and_parse(kind, &takeback, 0, &read), want)
    IS(KR_KIND_RETRACTION, KR_MALFORMED, takeback.reason = text(""));
    IS(KR_KIND_RETRACTION, KR_MALFORMED, takeback.target_signature.len = 63);
    IS(KR_KIND_RETRACTION, KR_MALFORMED, takeback.target_header.len = 66);
    IS(KR_KIND_REVISION, KR_MALFORMED, takeback.content_kind = 0);
    IS(KR_KIND_REVISION, KR_BOUNDS, takeback.content_kind = KR_KIND_NOTICE);
    IS(KR_KIND_REVISION, KR_MALFORMED, takeback.content.len = 0);
#undef IS
    takeback = some_takeback();
    for (size_t less = 1; less < 180; less++) {
        assert_int_equal(write_and_parse(KR_KIND_RETRACTION, &takeback, less, &read), KR_MALFORMED);
        assert_int_equal(write_and_parse(KR_KIND_REVISION, &takeback, less < 170 ? less : 1, &read), KR_MALFORMED);
    }
}

static void what_is_read_of_a_revision_is_what_stands_instead(void **state)
{
    struct kr_takeback takeback = some_takeback();
    struct kr_writer writer;
    struct kr_slice content;
    uint32_t kind;
    (void)state;
    kr_writer_init(&writer, 4096);
    kr_takeback_write(KR_KIND_REVISION, &takeback, &writer);
    assert_int_equal(kr_content_to_read(KR_KIND_REVISION, (struct kr_slice){writer.bytes, writer.len}, &kind, &content), KR_OK);
    assert_int_equal(kind, KR_KIND_ADVISORY);
    assert_int_equal(content.len, 1);
    assert_int_equal(kr_content_to_read(KR_KIND_REPORT, text("abc"), &kind, &content), KR_OK);
    assert_int_equal(kind, KR_KIND_REPORT);
    assert_int_equal(content.len, 3);
    kr_writer_deinit(&writer);
}

/* Every field that decides who has the record must be the target's. */
static void a_retraction_covers_only_what_is_its_own(void **state)
{
    static const uint8_t id[32] = {1};
    uint8_t audience[2][34] = {{0, 0, 5}, {0, 0, 6}};
    struct kr_header target = {.kind = KR_KIND_REPORT, .author = {9}, .label = KR_TLP_AMBER, .expires_s = 100, .flags = 1};
    (void)state;
    target.has_community = target.has_relay = true;
    target.community[0] = 3;
    target.relay[0] = 4;
    target.audience_count = 2;
    target.audience = audience[0] + 2;
    struct kr_header by = target;
    by.kind = KR_KIND_RETRACTION;
    by.has_target = true;
    memcpy(by.target, id, 32);
    assert_int_equal(kr_takeback_covers(&by, &target, id), KR_OK);
    uint8_t others[2][34];
    memcpy(others, audience, sizeof others);
    others[1][2] = 7;
    struct kr_header bad;
#define IS(want, change)                                                                                                           \
    bad = by;                                                                                                                      \
    change;                                                                                                                        \
    assert_int_equal(kr_takeback_covers(&bad, &target, id), want)
    IS(KR_OK, bad.kind = KR_KIND_REVISION);
    IS(KR_OK, bad.expires_s = 101);
    IS(KR_MALFORMED, bad.kind = KR_KIND_REPORT);
    IS(KR_MALFORMED, bad.has_target = false);
    IS(KR_MALFORMED, bad.target[31] = 1);
    IS(KR_DENIED, bad.author[0] = 8);
    IS(KR_INVALID, bad.label = KR_TLP_AMBER_STRICT);
    IS(KR_INVALID, bad.expires_s = 99);
    IS(KR_INVALID, bad.flags = 0);
    IS(KR_INVALID, bad.has_community = false);
    IS(KR_INVALID, bad.community[31] = 1);
    IS(KR_INVALID, bad.has_relay = false);
    IS(KR_INVALID, bad.relay[31] = 1);
    IS(KR_INVALID, bad.audience_count = 1);
    IS(KR_INVALID, bad.audience = others[0] + 2);
#undef IS
    target.kind = KR_KIND_RETRACTION;
    assert_int_equal(kr_takeback_covers(&by, &target, id), KR_DENIED);
    target.kind = KR_KIND_VOUCH;
    assert_int_equal(kr_takeback_covers(&by, &target, id), KR_DENIED);
    target.kind = KR_KIND_BODY_NOTICE; /* another one takes the name away */
    assert_int_equal(kr_takeback_covers(&by, &target, id), KR_DENIED);
    target.kind = KR_KIND_REVISION;
    assert_int_equal(kr_takeback_covers(&by, &target, id), KR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_come_back_as_they_were),
        cmocka_unit_test(bad_ones_are_refused),
        cmocka_unit_test(what_is_read_of_a_revision_is_what_stands_instead),
        cmocka_unit_test(a_retraction_covers_only_what_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
