#include "proto_test.h"

#include "proto/record/statement.h"

static uint8_t root_public[32], node_public[32], box_public[32];
static const uint8_t nonce[16] = {1, 2, 3};
static struct kr_writer council_genesis;

static int setup(void **state)
{
    uint8_t secret[64];
    int failed = start_crypto(state);

    kr_sign_keypair(root_public, secret, (const uint8_t[32]){1});
    kr_sign_keypair(node_public, secret, (const uint8_t[32]){2});
    kr_box_keypair(box_public, secret, (const uint8_t[32]){3});
    kr_writer_init(&council_genesis, 256);
    kr_council_genesis_write(root_public, node_public, nonce, &council_genesis);
    return failed;
}

static int teardown(void **state)
{
    (void)state;
    kr_writer_deinit(&council_genesis);
    return 0;
}

static struct kr_card good_card(void)
{
    struct kr_card card = {
        .genesis = slice(council_genesis.bytes, council_genesis.len),
        .name_ja = text_slice("北海道協議会"),
        .name_en = text_slice("Hokkaido"),
        .region = text_slice("北海道"),
        .contact_name = text_slice("受付"),
        .contact_mail = text_slice("soc@example.jp"),
        .contact_telephone = text_slice("+81-11-000-0000"),
        .contact_hours = text_slice("9-17"),
        .transport_count = 1,
        .node_count = 1,
        .sealing_count = 2,
    };

    memcpy(card.transport[0].public_key, box_public, 32);
    card.transport[0].endpoint = text_slice("tcp://hokkaido.example.jp:7370");
    memcpy(card.node[0].public_key, node_public, 32);
    card.node[0].from_s = 10;
    card.node[0].until_s = 20;
    memcpy(card.sealing[0].public_key, box_public, 32);
    memcpy(card.sealing[1].public_key, box_public, 32);
    return card;
}

static enum kr_err card_error(const struct kr_card *card)
{
    struct kr_writer writer;
    struct kr_card parsed = {.node_count = 99};
    enum kr_err err;

    kr_writer_init(&writer, KR_MIB);
    kr_card_write(card, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    err = kr_card_parse(slice(writer.bytes, writer.len), &parsed);
    if (err != KR_OK) {
        assert_int_equal(parsed.node_count, 99);
    }
    kr_writer_deinit(&writer);
    return err;
}

static void cards_read_back_with_their_council(void **state)
{
    struct kr_card card = good_card();
    struct kr_card parsed;
    struct kr_writer writer, again;
    uint8_t council[32];

    (void)state;
    kr_writer_init(&writer, KR_MIB);
    kr_card_write(&card, &writer);
    assert_int_equal(kr_card_parse(slice(writer.bytes, writer.len), &parsed), KR_OK);
    kr_council_id(council, slice(council_genesis.bytes, council_genesis.len));
    assert_memory_equal(parsed.council, council, 32);
    assert_memory_equal(parsed.root_public, root_public, 32);
    assert_slice_equal(parsed.name_ja, card.name_ja.bytes, card.name_ja.len);
    assert_slice_equal(parsed.contact_hours, "9-17", 4);
    assert_slice_equal(parsed.transport[0].endpoint, "tcp://hokkaido.example.jp:7370", 30);
    assert_int_equal(parsed.node[0].until_s, 20);
    assert_int_equal(parsed.sealing_count, 2);
    kr_writer_init(&again, KR_MIB);
    kr_card_write(&parsed, &again);
    assert_slice_equal(slice(again.bytes, again.len), writer.bytes, writer.len);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_not_equal(kr_card_parse(slice(writer.bytes, len), &parsed), KR_OK);
    }
    kr_writer_deinit(&again);
    kr_writer_deinit(&writer);
}

static void unusable_keys_are_refused(void **state)
{
    struct kr_card card = good_card();
    struct kr_writer genesis;

    (void)state;
    memset(card.node[0].public_key, 0, 32); /* of small order */
    assert_int_equal(card_error(&card), KR_KEY);
    card = good_card();
    memset(card.transport[0].public_key, 0, 32);
    assert_int_equal(card_error(&card), KR_KEY);
    card = good_card();
    memset(card.sealing[1].public_key, 0, 32);
    assert_int_equal(card_error(&card), KR_KEY);
    card = good_card();
    kr_writer_init(&genesis, 256);
    kr_council_genesis_write((const uint8_t[32]){0}, node_public, nonce, &genesis);
    card.genesis = slice(genesis.bytes, genesis.len);
    assert_int_equal(card_error(&card), KR_KEY);
    kr_writer_deinit(&genesis);
}

static void senseless_cards_are_refused(void **state)
{
    uint8_t genesis[128];
    struct kr_card card = good_card();

    (void)state;
    assert_int_equal(card_error(&card), KR_OK);
    card.node[0].until_s = card.node[0].from_s;
    assert_int_equal(card_error(&card), KR_MALFORMED);
    card = good_card();
    card.transport[0].endpoint = text_slice("ipc:///etc/passwd");
    assert_int_equal(card_error(&card), KR_MALFORMED);
    card.transport[0].endpoint = (struct kr_slice){0}; /* dials out only */
    assert_int_equal(card_error(&card), KR_OK);
    card.name_en = long_text(KR_NAME_BYTES_MAX + 1);
    assert_int_equal(card_error(&card), KR_BOUNDS);
    card = good_card();
    memcpy(genesis, council_genesis.bytes, council_genesis.len);
    card.genesis = slice(genesis, council_genesis.len);
    genesis[1] = 2; /* a genesis of a version that we do not know */
    assert_int_equal(card_error(&card), KR_VERSION);
    card.genesis.len--;
    genesis[1] = 1;
    assert_int_equal(card_error(&card), KR_MALFORMED);
    card.genesis.len = 0;
    assert_int_equal(card_error(&card), KR_MALFORMED);
}

static struct kr_charter good_charter(uint32_t founders)
{
    struct kr_charter charter = {.name = text_slice("西日本"), .founder_count = founders, .vouches_needed = 2, .quorum = 3};

    for (uint32_t i = 0; i < founders && i < KR_FOUNDERS_MAX; i++) {
        charter.founders[i][0] = (uint8_t)i;
    }
    return charter;
}

static enum kr_err charter_error(const struct kr_charter *charter)
{
    struct kr_charter full = {.text = text_slice("規約")};
    struct kr_charter parsed;
    struct kr_writer genesis, writer;
    enum kr_err err;

    kr_writer_init(&genesis, 64 * KR_KIB);
    kr_charter_genesis_write(charter, nonce, &genesis);
    full.genesis = slice(genesis.bytes, genesis.len);
    kr_writer_init(&writer, KR_MIB);
    kr_charter_write(&full, &writer);
    err = kr_charter_parse(slice(writer.bytes, writer.len), &parsed);
    if (err == KR_OK) {
        uint8_t community[32];

        kr_community_id(community, full.genesis);
        assert_memory_equal(parsed.community, community, 32);
        assert_slice_equal(parsed.name, charter->name.bytes, charter->name.len);
        assert_slice_equal(parsed.text, full.text.bytes, full.text.len);
        assert_int_equal(parsed.founder_count, charter->founder_count);
        assert_memory_equal(parsed.founders, charter->founders, (size_t)charter->founder_count * 32);
        assert_int_equal(parsed.vouches_needed, charter->vouches_needed);
        assert_int_equal(parsed.quorum, charter->quorum);
        assert_int_equal(parsed.is_from_now_on, charter->is_from_now_on);
    }
    kr_writer_deinit(&writer);
    kr_writer_deinit(&genesis);
    return err;
}

static void charters_read_back_with_their_community(void **state)
{
    struct kr_charter charter = good_charter(3);

    (void)state;
    assert_int_equal(charter_error(&charter), KR_OK);
    charter = good_charter(KR_FOUNDERS_MAX);
    assert_int_equal(charter_error(&charter), KR_OK);
    charter.is_from_now_on = true;
    assert_int_equal(charter_error(&charter), KR_OK);
}

/* One way to say each: what a charter says is what its id names. */
static void charters_say_what_newcomers_get_in_one_way(void **state)
{
    struct kr_charter charter = good_charter(1), full = {0}, parsed;
    struct kr_writer genesis, writer;
    uint8_t ids[2][32];
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        charter.is_from_now_on = i == 1;
        kr_writer_init(&genesis, 16 * KR_KIB);
        kr_charter_genesis_write(&charter, nonce, &genesis);
        kr_community_id(ids[i], slice(genesis.bytes, genesis.len));
        assert_int_equal(genesis.bytes[0], 0x96 + i); /* array of 6 or 7 */
        assert_int_equal(genesis.bytes[1], 1 + i);
        for (uint32_t bad = 0; bad < 3; bad++) { /* the other version; no version; another number at the end */
            if (bad == 2 && i == 0) {
                continue;
            }
            uint8_t *byte = &genesis.bytes[bad < 2 ? 1 : genesis.len - 1];
            const uint8_t good = *byte;
            *byte = bad == 0 ? (uint8_t)(2 - i) : bad == 1 ? 3 : 0;
            full.genesis = slice(genesis.bytes, genesis.len);
            kr_writer_init(&writer, 16 * KR_KIB);
            kr_charter_write(&full, &writer);
            assert_int_equal(kr_charter_parse(slice(writer.bytes, writer.len), &parsed), bad < 2 ? KR_VERSION : KR_MALFORMED);
            kr_writer_deinit(&writer);
            *byte = good;
        }
        kr_writer_deinit(&genesis);
    }
    assert_memory_not_equal(ids[0], ids[1], 32);
}

static void senseless_charters_are_refused(void **state)
{
    struct kr_charter charter = good_charter(0);

    (void)state;
    assert_int_equal(charter_error(&charter), KR_MALFORMED);
    charter = good_charter(3);
    charter.vouches_needed = 0;
    assert_int_equal(charter_error(&charter), KR_MALFORMED);
    charter = good_charter(3);
    charter.quorum = 0;
    assert_int_equal(charter_error(&charter), KR_MALFORMED);
    charter = good_charter(3);
    charter.quorum = KR_COMMUNITY_COUNCILS_MAX + 1;
    assert_int_equal(charter_error(&charter), KR_BOUNDS);
    charter = good_charter(3);
    charter.name = (struct kr_slice){0};
    assert_int_equal(charter_error(&charter), KR_MALFORMED);
    charter = good_charter(3);
    memcpy(charter.founders[1], charter.founders[2], 32); /* twice the same */
    assert_int_equal(charter_error(&charter), KR_MALFORMED);
    charter.founders[1][0] = 9; /* out of order */
    assert_int_equal(charter_error(&charter), KR_MALFORMED);
}

static void vouches_read_back(void **state)
{
    static const uint8_t previous[32] = {4};
    struct kr_vouch vouch = {.council = {9}, .is_withdrawn = true, .reason = text_slice("left"), .previous = slice(previous, 32)};
    struct kr_vouch parsed;
    struct kr_writer writer;

    (void)state;
    kr_writer_init(&writer, KR_KIB);
    kr_vouch_write(&vouch, &writer);
    assert_int_equal(kr_vouch_parse(slice(writer.bytes, writer.len), &parsed), KR_OK);
    assert_memory_equal(parsed.council, vouch.council, 32);
    assert_true(parsed.is_withdrawn);
    assert_slice_equal(parsed.reason, "left", 4);
    assert_slice_equal(parsed.previous, previous, 32);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(kr_vouch_parse(slice(writer.bytes, len), &parsed), KR_MALFORMED);
    }
    assert_int_equal(writer.bytes[0], 0x94);
    writer.len = 0;
    vouch.since_ms = 1;
    kr_vouch_write(&vouch, &writer);
    assert_int_equal(writer.bytes[0], 0x95);
    assert_int_equal(kr_vouch_parse(slice(writer.bytes, writer.len), &parsed), KR_OK);
    assert_int_equal(parsed.since_ms, 1);
    writer.bytes[writer.len - 1] = 0; /* that is said with four fields */
    assert_int_equal(kr_vouch_parse(slice(writer.bytes, writer.len), &parsed), KR_MALFORMED);
    kr_writer_deinit(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards_read_back_with_their_council),
        cmocka_unit_test(unusable_keys_are_refused),
        cmocka_unit_test(senseless_cards_are_refused),
        cmocka_unit_test(charters_read_back_with_their_community),
        cmocka_unit_test(senseless_charters_are_refused),
        cmocka_unit_test(vouches_read_back),
        cmocka_unit_test(charters_say_what_newcomers_get_in_one_way),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
