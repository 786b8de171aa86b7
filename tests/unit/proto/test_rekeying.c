#include "proto_test.h"

#include "proto/record/statement.h"

#define KEYS (KR_REKEYINGS_MAX + 2u)

static struct {
    uint8_t public_key[32], secret[64];
} roots[KEYS], recoveries[KEYS];
static uint8_t council[32], commitment[32];
static struct kr_writer genesis;

static int setup(void **state)
{
    const int failed = start_crypto(state);
    for (uint8_t i = 0; i < KEYS; i++) {
        kr_sign_keypair(roots[i].public_key, roots[i].secret, (const uint8_t[32]){1, i});
        kr_sign_keypair(recoveries[i].public_key, recoveries[i].secret, (const uint8_t[32]){2, i});
    }
    kr_writer_init(&genesis, KR_KIB);
    kr_council_genesis_write(roots[0].public_key, recoveries[0].public_key, (const uint8_t[16]){3}, &genesis);
    kr_council_id(council, slice(genesis.bytes, genesis.len));
    kr_recovery_commitment(commitment, recoveries[0].public_key);
    return failed;
}

static int teardown(void **state)
{
    (void)state;
    kr_writer_deinit(&genesis);
    return 0;
}

static enum kr_err append(struct kr_rekeyings *chain, uint32_t from, uint32_t to)
{
    return kr_rekeyings_append(chain, council, commitment, recoveries[from].secret, roots[to].public_key,
                               recoveries[to].public_key);
}

static struct kr_rekeyings chain_of(uint32_t count)
{
    struct kr_rekeyings chain = {.count = 0};
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(append(&chain, i, i + 1), KR_OK);
    }
    return chain;
}

static enum kr_err check(const struct kr_rekeyings *chain)
{
    return kr_rekeyings_check(chain, council, roots[0].public_key, commitment);
}

static enum kr_err parse(const struct kr_rekeyings *chain, struct kr_card *ret_card)
{
    struct kr_card card = {.genesis = slice(genesis.bytes, genesis.len), .name_en = text_slice("Kinki"), .rekeyings = *chain};
    struct kr_writer writer;
    kr_writer_init(&writer, KR_MIB);
    kr_card_write(&card, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    const enum kr_err err = kr_card_parse(slice(writer.bytes, writer.len), ret_card);
    kr_writer_deinit(&writer);
    return err;
}

static void a_card_proves_the_root_in_force(void **state)
{
    struct kr_card card;
    (void)state;
    for (uint32_t count = 0; count <= KR_REKEYINGS_MAX; count++) {
        const struct kr_rekeyings chain = chain_of(count);
        assert_int_equal(parse(&chain, &card), KR_OK);
        assert_int_equal(card.rekeyings.count, count);
        assert_memory_equal(card.council, council, 32);
        assert_memory_equal(card.genesis_root, roots[0].public_key, 32);
        assert_memory_equal(card.root_public, roots[count].public_key, 32);
    }
    struct kr_rekeyings full = chain_of(KR_REKEYINGS_MAX);
    assert_int_equal(append(&full, KR_REKEYINGS_MAX, KR_REKEYINGS_MAX + 1), KR_BOUNDS);
}

static void fields_are_two_or_none(void **state)
{
    const struct kr_rekeyings chain = chain_of(1);
    struct kr_card card = {.genesis = slice(genesis.bytes, genesis.len), .rekeyings = chain};
    struct kr_writer writer;
    (void)state;
    kr_writer_init(&writer, KR_MIB);
    kr_card_write(&card, &writer);
    assert_int_equal(writer.bytes[0], 0x9C); /* an array of 12 */
    writer.bytes[0] = 0x9B;
    assert_int_equal(kr_card_parse(slice(writer.bytes, writer.len), &card), KR_MALFORMED);
    writer.bytes[0] = 0x9A;
    assert_int_equal(kr_card_parse(slice(writer.bytes, writer.len), &card), KR_MALFORMED);
    writer.bytes[0] = 0x9C;
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_not_equal(kr_card_parse(slice(writer.bytes, len), &card), KR_OK);
    }
    kr_writer_deinit(&writer);
    kr_writer_init(&writer, KR_MIB);
    card = (struct kr_card){.genesis = slice(genesis.bytes, genesis.len)};
    kr_card_write(&card, &writer);
    assert_int_equal(writer.bytes[0], 0x9A);
    kr_writer_deinit(&writer);
}

static void each_bit_counts(void **state)
{
    (void)state;
    const struct kr_rekeyings good = chain_of(3);
    assert_int_equal(check(&good), KR_OK);
    for (size_t i = 0; i < 32 + 3 * sizeof good.items[0]; i++) {
        struct kr_rekeyings bad = good;
        uint8_t *bytes = i < 32 ? bad.recovery_public + i : (uint8_t *)bad.items + (i - 32);
        *bytes ^= 1;
        assert_int_not_equal(check(&bad), KR_OK);
    }
}

static void others_cannot_make_one(void **state)
{
    struct kr_rekeyings chain = {.count = 0}, other;
    struct kr_card card;
    uint8_t id[32];
    (void)state;
    assert_int_equal(append(&chain, 1, 2), KR_KEY); /* another council's recovery key */
    assert_int_equal(chain.count, 0);
    chain = chain_of(1);
    assert_int_equal(append(&chain, 0, 2), KR_KEY); /* the one before */
    /* Forged: what another key signed is put into the place. */
    memcpy(other.recovery_public, recoveries[5].public_key, 32);
    kr_recovery_commitment(id, recoveries[5].public_key);
    other.count = 0;
    assert_int_equal(kr_rekeyings_append(&other, council, id, recoveries[5].secret, roots[6].public_key, recoveries[6].public_key),
                     KR_OK);
    assert_int_equal(check(&other), KR_KEY);
    memcpy(other.recovery_public, recoveries[0].public_key, 32);
    assert_int_equal(check(&other), KR_SIGNATURE);
    assert_int_equal(parse(&other, &card), KR_SIGNATURE);
    /* Of another council with the same recovery key. */
    memset(id, 7, sizeof id);
    other.count = 0;
    assert_int_equal(
        kr_rekeyings_append(&other, id, commitment, recoveries[0].secret, roots[1].public_key, recoveries[1].public_key), KR_OK);
    assert_int_equal(check(&other), KR_SIGNATURE);
    /* A later one does not stand without those before it. */
    other = chain_of(2);
    other.items[0] = other.items[1];
    other.count = 1;
    assert_int_equal(check(&other), KR_SIGNATURE);
}

static void a_root_comes_once(void **state)
{
    struct kr_rekeyings chain = {.count = 0};
    (void)state;
    assert_int_equal(append(&chain, 0, 1), KR_OK);
    assert_int_equal(
        kr_rekeyings_append(&chain, council, commitment, recoveries[1].secret, roots[0].public_key, recoveries[2].public_key),
        KR_OK);
    assert_int_equal(check(&chain), KR_MALFORMED);
    chain.count = 1;
    assert_int_equal(
        kr_rekeyings_append(&chain, council, commitment, recoveries[1].secret, roots[1].public_key, recoveries[2].public_key),
        KR_OK);
    assert_int_equal(check(&chain), KR_MALFORMED);
}

static void small_keys_are_refused(void **state)
{
    static const uint8_t none[32];
    struct kr_rekeyings chain = {.count = 0};
    (void)state;
    assert_int_equal(kr_rekeyings_append(&chain, council, commitment, recoveries[0].secret, none, recoveries[1].public_key), KR_OK);
    assert_int_equal(check(&chain), KR_KEY);
    chain.count = 0;
    assert_int_equal(kr_rekeyings_append(&chain, council, commitment, recoveries[0].secret, roots[1].public_key, none), KR_OK);
    assert_int_equal(check(&chain), KR_KEY);
}

static void one_of_two_counts(void **state)
{
    const struct kr_rekeyings none = {.count = 0}, one = chain_of(1), two = chain_of(2);
    struct kr_rekeyings other = {.count = 0};
    (void)state;
    assert_int_equal(append(&other, 0, 5), KR_OK);
    assert_int_equal(check(&other), KR_OK);
    assert_int_equal(kr_rekeyings_compare(&one, &one), 0);
    assert_true(kr_rekeyings_compare(&one, &none) > 0 && kr_rekeyings_compare(&none, &one) < 0);
    assert_true(kr_rekeyings_compare(&two, &one) > 0 && kr_rekeyings_compare(&two, &other) > 0);
    const bool is_lower = memcmp(one.items[0].root_public, other.items[0].root_public, 32) < 0;
    assert_int_equal(kr_rekeyings_compare(&one, &other), is_lower ? 1 : -1);
    assert_int_equal(kr_rekeyings_compare(&other, &one), is_lower ? -1 : 1);
    assert_true(kr_rekeyings_agree(&none, &two) && kr_rekeyings_agree(&two, &one));
    assert_false(kr_rekeyings_agree(&other, &one));
    assert_false(kr_rekeyings_agree(&other, &two));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_proves_the_root_in_force),
        cmocka_unit_test(fields_are_two_or_none),
        cmocka_unit_test(each_bit_counts),
        cmocka_unit_test(others_cannot_make_one),
        cmocka_unit_test(a_root_comes_once),
        cmocka_unit_test(small_keys_are_refused),
        cmocka_unit_test(one_of_two_counts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
