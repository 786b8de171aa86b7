#include "crypto_test.h"

#include "crypto/seal.h"
#include "crypto/session.h"

struct ends {
    uint8_t initiator_public[32], initiator_secret[32], responder_public[32], responder_secret[32], transcript[32];
    struct kr_session initiator, responder;
};

static enum kr_err join(struct ends *ends)
{
    enum kr_err err = kr_session_init(&ends->initiator, true, ends->initiator_public, ends->initiator_secret,
                                      ends->responder_public, ends->transcript);
    return err != KR_OK ? err
                        : kr_session_init(&ends->responder, false, ends->responder_public, ends->responder_secret,
                                          ends->initiator_public, ends->transcript);
}

static int setup(void **state)
{
    static struct ends ends;
    const uint8_t one[32] = {1}, two[32] = {2};
    memset(ends.transcript, 0x33, sizeof ends.transcript);
    kr_box_keypair(ends.initiator_public, ends.initiator_secret, one);
    kr_box_keypair(ends.responder_public, ends.responder_secret, two);
    *state = &ends;
    return join(&ends) == KR_OK ? 0 : -1;
}

#define FRAME(len) ((len) + KR_SESSION_OVERHEAD_BYTES)

static void assert_passes(struct kr_session *from, struct kr_session *to, const char *text)
{
    uint8_t frame[FRAME(64)], opened[64];
    size_t len = strlen(text);
    assert_true(len <= sizeof opened);
    kr_session_seal(from, frame, (const uint8_t *)text, len);
    assert_int_equal(kr_session_open(to, opened, frame, FRAME(len)), KR_OK);
    assert_memory_equal(opened, text, len);
}

static void frames_pass_both_ways(void **state)
{
    struct ends *ends = *state;
    assert_memory_equal(ends->initiator.id, ends->responder.id, KR_SESSION_ID_BYTES);
    for (int i = 0; i < 300; i++) {
        assert_passes(&ends->initiator, &ends->responder, "there");
        if (i % 3 == 0) {
            assert_passes(&ends->responder, &ends->initiator, "and back");
        }
        assert_passes(&ends->initiator, &ends->responder, "");
    }
}

static void both_ends_have_one_salt_and_each_session_its_own(void **state)
{
    struct ends *ends = *state;
    uint8_t before[KR_SESSION_SALT_BYTES];
    memcpy(before, ends->initiator.salt, sizeof before);
    assert_memory_equal(before, ends->responder.salt, sizeof before);
    ends->transcript[0] ^= 1;
    assert_int_equal(join(ends), KR_OK);
    assert_memory_not_equal(before, ends->initiator.salt, sizeof before);
    assert_memory_equal(ends->initiator.salt, ends->responder.salt, sizeof before);
}

static void the_same_keys_give_the_same_bytes(void **state)
{
    struct ends *ends = *state;
    uint8_t first[FRAME(4)], again[FRAME(4)];
    kr_session_seal(&ends->initiator, first, (const uint8_t *)"same", 4);
    assert_int_equal(join(ends), KR_OK);
    kr_session_seal(&ends->initiator, again, (const uint8_t *)"same", 4);
    assert_memory_equal(first, again, sizeof first);
    kr_session_seal(&ends->responder, again, (const uint8_t *)"same", 4);
    assert_memory_not_equal(first, again, sizeof first);
}

static void a_repeated_frame_fails(void **state)
{
    struct ends *ends = *state;
    uint8_t frame[FRAME(3)], opened[3];
    kr_session_seal(&ends->initiator, frame, (const uint8_t *)"one", 3);
    assert_int_equal(kr_session_open(&ends->responder, opened, frame, sizeof frame), KR_OK);
    assert_int_equal(kr_session_open(&ends->responder, opened, frame, sizeof frame), KR_SESSION);
    assert_passes(&ends->initiator, &ends->responder, "two");
}

static void a_frame_out_of_order_fails_and_the_next_in_order_passes(void **state)
{
    struct ends *ends = *state;
    uint8_t first[FRAME(3)], second[FRAME(3)], opened[3];
    kr_session_seal(&ends->initiator, first, (const uint8_t *)"one", 3);
    kr_session_seal(&ends->initiator, second, (const uint8_t *)"two", 3);
    assert_int_equal(kr_session_open(&ends->responder, opened, second, sizeof second), KR_SESSION);
    assert_int_equal(kr_session_open(&ends->responder, opened, first, sizeof first), KR_OK);
    assert_int_equal(kr_session_open(&ends->responder, opened, second, sizeof second), KR_OK);
    assert_memory_equal(opened, "two", 3);
}

static void after_a_lost_frame_nothing_passes(void **state)
{
    struct ends *ends = *state;
    uint8_t frame[FRAME(4)], opened[4];
    kr_session_seal(&ends->initiator, frame, (const uint8_t *)"lost", 4);
    for (int i = 0; i < 20; i++) {
        kr_session_seal(&ends->initiator, frame, (const uint8_t *)"more", 4);
        assert_int_equal(kr_session_open(&ends->responder, opened, frame, sizeof frame), KR_SESSION);
    }
}

static void a_frame_thrown_back_at_its_sender_fails(void **state)
{
    struct ends *ends = *state;
    uint8_t frame[FRAME(4)], opened[4];
    kr_session_seal(&ends->initiator, frame, (const uint8_t *)"echo", 4);
    assert_int_equal(kr_session_open(&ends->initiator, opened, frame, sizeof frame), KR_SESSION);
}

static void every_flipped_bit_and_every_cut_fails_and_changes_nothing(void **state)
{
    struct ends *ends = *state;
    uint8_t frame[FRAME(10)], opened[11], untouched[11];
    memset(opened, 0xa5, sizeof opened);
    memset(untouched, 0xa5, sizeof untouched);
    kr_session_seal(&ends->initiator, frame, (const uint8_t *)"ten bytes.", 10);
    struct kr_session before = ends->responder;
    for (size_t bit = 0; bit < sizeof frame * 8; bit++) {
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(kr_session_open(&ends->responder, opened, frame, sizeof frame), KR_SESSION);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < sizeof frame; len++) {
        assert_int_equal(kr_session_open(&ends->responder, opened, frame, len), KR_SESSION);
    }
    assert_memory_equal(&before, &ends->responder, sizeof before);
    assert_memory_equal(opened, untouched, sizeof opened);
    assert_int_equal(kr_session_open(&ends->responder, opened, frame, sizeof frame), KR_OK);
    assert_memory_equal(opened, "ten bytes.", 10);
    assert_int_equal(opened[10], 0xa5);
}

/* The peer's own keeper gone wrong: frames that libsodium takes and this protocol does not have. */
static void frames_with_another_tag_fail_and_change_nothing(void **state)
{
    struct ends *ends = *state;
    static const uint8_t tags[] = {crypto_secretstream_xchacha20poly1305_TAG_PUSH, crypto_secretstream_xchacha20poly1305_TAG_REKEY,
                                   crypto_secretstream_xchacha20poly1305_TAG_FINAL, 0x80};
    struct kr_session before = ends->responder;
    for (size_t i = 0; i < sizeof tags; i++) {
        crypto_secretstream_xchacha20poly1305_state tx = ends->initiator.tx;
        uint8_t frame[FRAME(5)], opened[5] = {0}, nothing[5] = {0};
        assert_int_equal(
            crypto_secretstream_xchacha20poly1305_push(&tx, frame, NULL, (const uint8_t *)"wrong", 5, NULL, 0, tags[i]), 0);
        assert_int_equal(kr_session_open(&ends->responder, opened, frame, sizeof frame), KR_SESSION);
        assert_memory_equal(&before, &ends->responder, sizeof before);
        assert_memory_equal(opened, nothing, sizeof opened);
    }
    assert_passes(&ends->initiator, &ends->responder, "right");
}

static void assert_apart(struct ends *ends)
{
    uint8_t frame[FRAME(2)], opened[2];
    kr_session_seal(&ends->initiator, frame, (const uint8_t *)"hi", 2);
    assert_int_equal(kr_session_open(&ends->responder, opened, frame, sizeof frame), KR_SESSION);
    kr_session_seal(&ends->responder, frame, (const uint8_t *)"hi", 2);
    assert_int_equal(kr_session_open(&ends->initiator, opened, frame, sizeof frame), KR_SESSION);
}

static void ends_that_saw_other_hellos_have_no_session(void **state)
{
    struct ends *ends = *state;
    uint8_t other[32];
    for (size_t bit = 0; bit < 256; bit++) {
        assert_int_equal(join(ends), KR_OK);
        memcpy(other, ends->transcript, sizeof other);
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(
            kr_session_init(&ends->responder, false, ends->responder_public, ends->responder_secret, ends->initiator_public, other),
            KR_OK);
        assert_memory_not_equal(ends->initiator.id, ends->responder.id, KR_SESSION_ID_BYTES);
        assert_apart(ends);
    }
}

static void somebody_between_has_no_session(void **state)
{
    struct ends *ends = *state;
    const uint8_t seed[32] = {3};
    uint8_t public_key[32], secret[32];
    kr_box_keypair(public_key, secret, seed);
    assert_int_equal(kr_session_init(&ends->responder, false, public_key, secret, ends->initiator_public, ends->transcript), KR_OK);
    assert_apart(ends);
}

static void two_initiators_have_no_session(void **state)
{
    struct ends *ends = *state;
    assert_int_equal(kr_session_init(&ends->responder, true, ends->responder_public, ends->responder_secret, ends->initiator_public,
                                     ends->transcript),
                     KR_OK);
    assert_apart(ends);
}

static void a_peer_key_of_low_order_is_refused(void **state)
{
    struct ends *ends = *state;
    struct kr_session before = ends->initiator;
    for (uint8_t i = 0; i < 2; i++) {
        const uint8_t low[32] = {i};
        for (int initiator = 0; initiator < 2; initiator++) {
            assert_int_equal(
                kr_session_init(&ends->initiator, initiator, ends->initiator_public, ends->initiator_secret, low, ends->transcript),
                KR_KEY);
        }
    }
    assert_memory_equal(&before, &ends->initiator, sizeof before);
}

static void wiping_leaves_zeros(void **state)
{
    struct ends *ends = *state;
    const struct kr_session zero = {0};
    kr_session_wipe(&ends->initiator);
    assert_memory_equal(&ends->initiator, &zero, sizeof zero);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(frames_pass_both_ways, setup),
        cmocka_unit_test_setup(both_ends_have_one_salt_and_each_session_its_own, setup),
        cmocka_unit_test_setup(the_same_keys_give_the_same_bytes, setup),
        cmocka_unit_test_setup(a_repeated_frame_fails, setup),
        cmocka_unit_test_setup(a_frame_out_of_order_fails_and_the_next_in_order_passes, setup),
        cmocka_unit_test_setup(after_a_lost_frame_nothing_passes, setup),
        cmocka_unit_test_setup(a_frame_thrown_back_at_its_sender_fails, setup),
        cmocka_unit_test_setup(every_flipped_bit_and_every_cut_fails_and_changes_nothing, setup),
        cmocka_unit_test_setup(frames_with_another_tag_fail_and_change_nothing, setup),
        cmocka_unit_test_setup(ends_that_saw_other_hellos_have_no_session, setup),
        cmocka_unit_test_setup(somebody_between_has_no_session, setup),
        cmocka_unit_test_setup(two_initiators_have_no_session, setup),
        cmocka_unit_test_setup(a_peer_key_of_low_order_is_refused, setup),
        cmocka_unit_test_setup(wiping_leaves_zeros, setup),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
