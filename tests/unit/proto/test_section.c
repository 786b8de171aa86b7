/* Inner sections: those named open them, nobody else does, and nothing that was altered or put elsewhere opens. */
#include "proto_test.h"

#include "proto/record/section.h"

#define MADE_BYTES (KR_BODY_BYTES_MAX)

static struct kr_box_pair pairs[KR_ADDRESSED_MAX + 2];
static const uint8_t author[32] = {1}, other_author[32] = {2}, seed[32] = {9};

static int make_pairs(void **state)
{
    if (start_crypto(state) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const uint8_t from[32] = {7, (uint8_t)i};
        kr_box_keypair(pairs[i].public_key, pairs[i].secret, from);
    }
    return 0;
}

static struct kr_section_of some_record(void)
{
    return (struct kr_section_of){.author = author, .kind = KR_KIND_REPORT, .label = KR_TLP_RED};
}

/* To the first `count` pairs; `own`: NULL for none. */
static enum kr_err make(const struct kr_section_of *of, uint32_t count, const uint8_t *own, struct kr_slice content,
                        struct kr_writer *writer)
{
    static struct kr_addressed addressed[KR_ADDRESSED_MAX + 1];
    for (uint32_t i = 0; i < count; i++) {
        addressed[i] = (struct kr_addressed){.sort = 1 + i % 2, .council = {3}, .id = {4, (uint8_t)i}};
        memcpy(addressed[i].key, pairs[i].public_key, 32);
    }
    kr_writer_init(writer, MADE_BYTES);
    return kr_section_make(of, addressed, count, own, content, seed, writer);
}

static enum kr_err open_with(const struct kr_writer *made, const struct kr_section_of *of, const struct kr_box_pair *keys,
                             size_t count)
{
    struct kr_section section = {.len = 99};
    enum kr_err err = kr_section_open(slice(made->bytes, made->len), of, keys, count, &section);
    if (err == KR_OK) {
        assert_slice_equal(section.content, "for few", 7);
        kr_section_deinit(&section);
    } else {
        assert_int_equal(section.len, 99); /* untouched */
    }
    return err;
}

static void whoever_is_named_opens_it_and_nobody_else(void **state)
{
    static const struct {
        uint32_t addressed, slots;
    } cases[] = {{1, 8}, {7, 8}, {8, 16}, {15, 16}, {31, 32}, {32, 64}, {63, 64}};
    const struct kr_section_of of = some_record();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t count = cases[i].addressed;
        struct kr_writer made;
        struct kr_section section;
        assert_int_equal(make(&of, count, pairs[KR_ADDRESSED_MAX].public_key, text_slice("for few"), &made), KR_OK);
        assert_int_equal(kr_section_check(slice(made.bytes, made.len)), KR_OK);
        for (uint32_t j = 0; j < count; j++) {
            assert_int_equal(open_with(&made, &of, &pairs[j], 1), KR_OK);
        }
        assert_int_equal(open_with(&made, &of, &pairs[KR_ADDRESSED_MAX], 1), KR_OK); /* who submitted it */
        assert_int_equal(open_with(&made, &of, &pairs[KR_ADDRESSED_MAX + 1], 1), KR_NOT_FOUND);
        assert_int_equal(open_with(&made, &of, &pairs[count], KR_ADDRESSED_MAX - count), KR_NOT_FOUND);
        assert_int_equal(open_with(&made, &of, pairs, KR_ADDRESSED_MAX + 2), KR_OK);
        assert_int_equal(kr_section_open(slice(made.bytes, made.len), &of, pairs, 1, &section), KR_OK);
        assert_int_equal(section.addressed_count, count);
        for (uint32_t j = 0; j < count; j++) {
            const struct kr_addressed *addressed = &section.addressed[j];
            assert_true(addressed->sort == 1 + j % 2 && addressed->council[0] == 3 && addressed->id[0] == 4 &&
                        addressed->id[1] == j);
        }
        kr_section_deinit(&section);
        /* How many are named cannot be told beyond the next number: commitment, and an array of as many slots. */
        assert_int_equal(made.bytes[35], cases[i].slots < 16 ? 0x90 | cases[i].slots : 0xdc);
        assert_true(cases[i].slots < 16 || made.bytes[37] == cases[i].slots);
        kr_writer_deinit(&made);
    }
}

/* Of two that differ in nothing but to whom, and what, neither length nor number tells. */
static void its_length_tells_little(void **state)
{
    const struct kr_section_of of = some_record();
    struct kr_writer one, other;
    (void)state;
    assert_int_equal(make(&of, 1, NULL, text_slice("a"), &one), KR_OK);
    assert_int_equal(make(&of, 2, pairs[9].public_key, text_slice("a longer text, about somebody by name"), &other), KR_OK);
    assert_int_equal(one.len, other.len);
    kr_writer_deinit(&one);
    kr_writer_deinit(&other);
}

static void in_another_record_it_does_not_open(void **state)
{
    const struct kr_section_of of = some_record();
    struct kr_section_of elsewhere[] = {of, of, of, of};
    struct kr_writer made;
    (void)state;
    elsewhere[0].author = other_author; /* a council that was addressed passes it on as its own */
    elsewhere[1].label = KR_TLP_AMBER_STRICT;
    elsewhere[2].kind = KR_KIND_ADVISORY;
    elsewhere[3].flags = KR_FLAG_EXERCISE;
    assert_int_equal(make(&of, 2, NULL, text_slice("for few"), &made), KR_OK);
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        assert_int_equal(open_with(&made, &elsewhere[i], pairs, 2), KR_DECRYPT);
    }
    assert_int_equal(open_with(&made, &of, pairs, 2), KR_OK);
    kr_writer_deinit(&made);
}

static void nothing_that_was_altered_opens(void **state)
{
    const struct kr_section_of of = some_record();
    struct kr_writer made;
    (void)state;
    assert_int_equal(make(&of, 1, NULL, text_slice("for few"), &made), KR_OK);
    for (size_t i = 0; i < made.len; i++) {
        made.bytes[i] ^= 1;
        enum kr_err err = kr_section_check(slice(made.bytes, made.len));
        assert_true(err == KR_OK || err == KR_MALFORMED);
        err = open_with(&made, &of, pairs, 1);
        /* What befalls a slot that is somebody else's is his affair. */
        const bool is_in_slots = i >= 36 && i < made.len - 275;
        assert_true(err != KR_OK || is_in_slots);
        made.bytes[i] ^= 1;
    }
    for (size_t len = 0; len < made.len; len++) {
        assert_int_equal(kr_section_check(slice(made.bytes, len)), KR_MALFORMED);
    }
    kr_writer_deinit(&made);
}

/* Without the commitment an author could let two persons read two texts in one record. */
static void the_key_is_committed_to(void **state)
{
    const struct kr_section_of of = some_record();
    struct kr_writer made;
    (void)state;
    assert_int_equal(make(&of, 1, NULL, text_slice("for few"), &made), KR_OK);
    made.bytes[3] ^= 1; /* the commitment's first byte */
    assert_int_equal(kr_section_check(slice(made.bytes, made.len)), KR_OK);
    assert_int_equal(open_with(&made, &of, pairs, 1), KR_DECRYPT);
    kr_writer_deinit(&made);
}

static void what_cannot_be_made_is_refused(void **state)
{
    static uint8_t large[KR_BODY_BYTES_MAX];
    static const uint8_t zero[32], one[32] = {1};
    const struct kr_section_of of = some_record();
    struct kr_writer made;
    (void)state;
#define REFUSED(code, call)                                                                                                        \
    assert_int_equal(call, code);                                                                                                  \
    kr_writer_deinit(&made)
    REFUSED(KR_INVALID, make(&of, 0, NULL, text_slice("x"), &made));
    REFUSED(KR_INVALID, make(&of, 1, NULL, text_slice(""), &made));
    REFUSED(KR_BOUNDS, make(&of, KR_ADDRESSED_MAX + 1, NULL, text_slice("x"), &made));
    REFUSED(KR_BOUNDS, make(&of, 1, NULL, slice(large, KR_SECTION_INSIDE_MAX), &made));
    REFUSED(KR_OK, make(&of, KR_ADDRESSED_MAX, pairs[0].public_key,
                        slice(large, KR_SECTION_INSIDE_MAX - KR_ADDRESSED_MAX * 70 - 16), &made));
    REFUSED(KR_KEY, make(&of, 1, zero, text_slice("x"), &made)); /* low order: sealed to everybody */
    REFUSED(KR_KEY, make(&of, 1, one, text_slice("x"), &made));
#undef REFUSED
}

static void which_records_have_one(void **state)
{
    (void)state;
    for (enum kr_label label = KR_TLP_CLEAR; label <= KR_TLP_RED; label++) {
        const bool is_for_people = label >= KR_TLP_AMBER_STRICT;
        assert_int_equal(kr_section_is_due(label, KR_KIND_REPORT), is_for_people);
        assert_int_equal(kr_section_is_due(label, KR_KIND_ADVISORY), is_for_people);
        assert_false(kr_section_is_due(label, KR_KIND_RETRACTION)); /* nodes have to obey it */
        assert_false(kr_section_is_due(label, KR_KIND_PERSON_CARD));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_is_named_opens_it_and_nobody_else),
        cmocka_unit_test(its_length_tells_little),
        cmocka_unit_test(in_another_record_it_does_not_open),
        cmocka_unit_test(nothing_that_was_altered_opens),
        cmocka_unit_test(the_key_is_committed_to),
        cmocka_unit_test(what_cannot_be_made_is_refused),
        cmocka_unit_test(which_records_have_one),
    };
    return cmocka_run_group_tests(tests, make_pairs, NULL);
}
