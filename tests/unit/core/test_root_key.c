/* The root key away from the node: what it must sign is prepared here, and taken in when it is signed. */
#include <sodium.h>

#include "crypto/seal.h"
#include "crypto/sign.h"
#include "tests/unit/core/bed.h"

static int setup(void **state)
{
    *state = bed_new(2);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

/* Takes the secret off the node, and keeps it. */
static void take_off(struct bed *bed, uint32_t node, uint8_t ret_secret[static 64])
{
    struct kr_keyring *keyring = bed_node(bed, node)->keyring;
    memcpy(ret_secret, keyring->root_secret, 64);
    sodium_memzero(keyring->root_secret, 64);
}

static uint32_t set_region(struct bed *bed, uint32_t node, const char *region)
{
    struct kr_card_edit edit = {.changes = {[KR_CARD_REGION] = true}};
    struct kr_writer args;
    edit.texts[KR_CARD_REGION] = (struct kr_slice){(const uint8_t *)region, strlen(region)};
    kr_writer_init(&args, KR_CARD_BYTES_MAX);
    kr_card_edit_write(&edit, &args);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, node, KR_OP_CARD, args.bytes, args.len, 200);
    kr_writer_deinit(&args);
    return code;
}

struct prepared {
    struct {
        uint8_t bytes[sizeof((struct bed){0}).items[0].bytes];
        size_t len;
    } records[2];
    uint32_t count;
};

/* What the last answer left to sign. */
static struct prepared take_prepared(const struct bed *bed)
{
    struct prepared prepared = {.count = bed->pages};
    assert_true(bed->pages >= 1 && bed->pages <= 2);
    for (uint32_t i = 0; i < prepared.count; i++) {
        prepared.records[i].len = bed->items[i].len;
        memcpy(prepared.records[i].bytes, bed->items[i].bytes, bed->items[i].len);
    }
    return prepared;
}

static void sign_all(struct prepared *prepared, const uint8_t secret[static 64])
{
    uint8_t id[32];
    for (uint32_t i = 0; i < prepared->count; i++) {
        assert_int_equal(kr_record_sign(prepared->records[i].bytes, prepared->records[i].len, secret, id), KR_OK);
    }
}

static uint32_t state_it(struct bed *bed, uint32_t node, const struct prepared *prepared)
{
    struct kr_stated stated = {.count = prepared->count};
    struct kr_writer args;
    for (uint32_t i = 0; i < prepared->count; i++) {
        stated.records[i] = (struct kr_slice){prepared->records[i].bytes, prepared->records[i].len};
    }
    kr_writer_init(&args, 64 * KR_KIB);
    kr_stated_write(&stated, &args);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, node, KR_OP_STATE, args.bytes, args.len, 1000);
    kr_writer_deinit(&args);
    return code;
}

static bool has_region(struct bed *bed, uint32_t node, uint32_t of, const char *region)
{
    const struct kr_card card = bed_card(bed, node, of);
    return card.region.len == strlen(region) && memcmp(card.region.bytes, region, card.region.len) == 0;
}

static void a_card_is_changed_and_reaches_the_peer(void **state)
{
    struct bed *bed = *state;
    const uint64_t version = kr_directory_council(&bed_core(bed, 0)->directory, bed_node(bed, 0)->council)->version;
    assert_int_equal(set_region(bed, 0, "North"), KR_OK);
    assert_int_equal(bed->pages, 0);
    bed_run(bed, 2000);
    assert_true(has_region(bed, 0, 0, "North") && has_region(bed, 1, 0, "North"));
    assert_int_equal(kr_directory_council(&bed_core(bed, 1)->directory, bed_node(bed, 0)->council)->version, version + 1);
    assert_int_equal(bed_card(bed, 1, 0).previous.len, 32);
}

/* Node 0's card stands in two directories, its community's and none: both are signed, or neither counts. */
static void what_the_root_key_must_sign_is_signed_elsewhere(void **state)
{
    struct bed *bed = *state;
    uint8_t secret[64];
    take_off(bed, 0, secret);
    assert_int_equal(set_region(bed, 0, "East"), KR_OK);
    struct prepared prepared = take_prepared(bed);
    assert_int_equal(prepared.count, 2);
    assert_false(has_region(bed, 0, 0, "East"));                 /* nothing has happened yet */
    assert_int_equal(state_it(bed, 0, &prepared), KR_SIGNATURE); /* as they came: not signed */
    struct prepared half = prepared;
    half.count = 1;
    sign_all(&half, secret);
    half.count = 2;
    assert_int_equal(state_it(bed, 0, &half), KR_SIGNATURE);
    assert_false(has_region(bed, 0, 0, "East"));
    sign_all(&prepared, secret);
    assert_int_equal(state_it(bed, 0, &prepared), KR_OK);
    assert_int_equal(bed->pages, 0);
    bed_run(bed, 2000);
    assert_true(has_region(bed, 0, 0, "East") && has_region(bed, 1, 0, "East"));
    bed_restart(bed, 0);
    assert_true(has_region(bed, 0, 0, "East"));
    assert_int_equal(state_it(bed, 0, &prepared), KR_EXISTS); /* once more: they stand */
}

/* Two prepared at once: the second to come would be another statement of one version, an alarm at every node. */
static void one_that_was_overtaken_is_refused(void **state)
{
    struct bed *bed = *state;
    uint8_t secret[64];
    take_off(bed, 0, secret);
    assert_int_equal(set_region(bed, 0, "First"), KR_OK);
    struct prepared first = take_prepared(bed);
    assert_int_equal(set_region(bed, 0, "Second"), KR_OK);
    struct prepared second = take_prepared(bed);
    sign_all(&first, secret);
    sign_all(&second, secret);
    /* Nor both together. */
    struct prepared both = first;
    both.records[1] = second.records[0];
    assert_int_equal(both.count, 2);
    assert_int_equal(state_it(bed, 0, &both), KR_INVALID);
    assert_false(bed_said(bed, 0, "ALARM"));
    assert_int_equal(state_it(bed, 0, &second), KR_OK);
    assert_int_equal(state_it(bed, 0, &first), KR_EXISTS);
    assert_true(has_region(bed, 0, 0, "Second"));
    assert_false(bed_said(bed, 0, "ALARM"));
}

static void what_is_no_statement_of_ours_is_refused(void **state)
{
    struct bed *bed = *state;
    uint8_t secret[64], id[32];
    struct kr_writer body;
    take_off(bed, 1, secret);
    assert_int_equal(set_region(bed, 1, "South"), KR_OK);
    struct prepared prepared = take_prepared(bed);
    uint8_t *record = prepared.records[0].bytes;
    const size_t len = prepared.records[0].len;
    assert_int_equal(kr_record_sign(record, len, bed_node(bed, 0)->keyring->root_secret, id), KR_KEY);
    assert_int_equal(kr_record_sign(record, len - 1, secret, id), KR_MALFORMED);
    sign_all(&prepared, secret);
    assert_int_equal(state_it(bed, 0, &prepared), KR_INVALID); /* another council's */
    /* A report under our own node key. */
    struct forged report = bed_forge(
        bed, 0, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = bed_report(&body, "a.example")});
    prepared = (struct prepared){.count = 1};
    prepared.records[0].len = report.len;
    memcpy(prepared.records[0].bytes, report.bytes, report.len);
    assert_int_equal(state_it(bed, 0, &prepared), KR_INVALID);
    forged_free(&report);
    kr_writer_deinit(&body);
    static const uint8_t junk[] = {0x91, 0xC4, 0x01, 0x00};
    assert_int_equal(bed_request(bed, 0, KR_OP_STATE, junk, sizeof junk, 100), KR_MALFORMED);
    assert_int_equal(bed_request(bed, 0, KR_OP_STATE, junk, 1, 100), KR_MALFORMED);
    assert_int_equal(bed_request(bed, 0, KR_OP_CARD, junk, sizeof junk, 100), KR_MALFORMED);
}

static void an_endpoint_is_one(void **state)
{
    struct bed *bed = *state;
    static const struct {
        const char *endpoint;
        uint32_t code;
    } cases[] = {{"tcp://192.0.2.7:7370", KR_OK}, {"192.0.2.7", KR_INVALID}, {"tcp://192.0.2.7:99999", KR_INVALID}, {"", KR_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kr_card_edit edit = {.changes = {[KR_CARD_ENDPOINT] = true}};
        struct kr_writer args;
        edit.texts[KR_CARD_ENDPOINT] = (struct kr_slice){(const uint8_t *)cases[i].endpoint, strlen(cases[i].endpoint)};
        kr_writer_init(&args, KR_CARD_BYTES_MAX);
        kr_card_edit_write(&edit, &args);
        assert_int_equal(bed_request(bed, 0, KR_OP_CARD, args.bytes, args.len, 2000), cases[i].code);
        kr_writer_deinit(&args);
        if (cases[i].code == KR_OK) {
            const struct kr_card card = bed_card(bed, 1, 0); /* as the peer has it */
            assert_int_equal(card.transport[0].endpoint.len, strlen(cases[i].endpoint));
            assert_memory_equal(card.transport[0].endpoint.bytes, cases[i].endpoint, strlen(cases[i].endpoint));
        }
    }
}

static void a_council_keeps_a_name(void **state)
{
    struct bed *bed = *state;
    struct kr_card_edit edit = {.changes = {[KR_CARD_NAME_JA] = true, [KR_CARD_NAME_EN] = true}};
    struct kr_writer args;
    kr_writer_init(&args, KR_CARD_BYTES_MAX);
    kr_card_edit_write(&edit, &args);
    assert_int_equal(bed_request(bed, 0, KR_OP_CARD, args.bytes, args.len, 100), KR_INVALID);
    kr_writer_deinit(&args);
    assert_true(bed_card(bed, 0, 0).name_en.len + bed_card(bed, 0, 0).name_ja.len > 0);
}

/* Who joins a community while its root key is away is linked, and publishes its card with the stick. */
static void a_card_is_published_when_the_root_key_comes(void **state)
{
    struct bed *bed = *state;
    struct kr_core *core = bed_core(bed, 0);
    uint8_t secret[64];
    struct kr_writer args;
    const struct kr_card_edit nothing = {.changes_host = false};
    kr_writer_init(&args, KR_CARD_BYTES_MAX);
    kr_card_edit_write(&nothing, &args);
    assert_int_equal(bed_request(bed, 0, KR_OP_CARD, args.bytes, args.len, 100), KR_EXISTS); /* it stands everywhere */
    /* As if it had never been published there. */
    take_off(bed, 0, secret);
    struct kr_header header = {.kind = KR_KIND_COUNCIL_CARD};
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    struct kr_txn *txn = NULL;
    memcpy(header.author, core->self, 32);
    memcpy(header.subject, core->self, 32);
    memcpy(header.community, core->directory.communities[0]->id, 32);
    kr_directory_key(key, &header);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_delete(txn, KR_TABLE_DIRECTORY, key, sizeof key), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    bed->pages = 0;
    assert_int_equal(bed_request(bed, 0, KR_OP_CARD, args.bytes, args.len, 100), KR_OK);
    struct prepared prepared = take_prepared(bed);
    assert_int_equal(prepared.count, 2);
    sign_all(&prepared, secret);
    assert_int_equal(state_it(bed, 0, &prepared), KR_OK);
    assert_int_equal(bed_request(bed, 0, KR_OP_CARD, args.bytes, args.len, 100), KR_EXISTS);
    kr_writer_deinit(&args);
}

/* ---- copies ---- */

static uint32_t copy_key(struct bed *bed, uint32_t role, const uint8_t box_public[static 32])
{
    struct kr_key_copy copy = {.role = role};
    struct kr_writer args;
    memcpy(copy.box_public, box_public, 32);
    kr_writer_init(&args, KR_KIB);
    kr_key_copy_write(&copy, &args);
    const uint32_t code = bed_request(bed, 0, KR_OP_COPY_KEY, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    return code;
}

static uint32_t forget_key(struct bed *bed, uint32_t role, const uint8_t secret[static 64], const uint8_t council[static 32])
{
    uint8_t signature[64];
    struct kr_writer args;
    kr_sign(signature, secret, KR_KEY_COPY_DOMAIN, council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_key_forget_write(&(struct kr_key_forget){.role = role, .signature = {signature, sizeof signature}}, &args);
    const uint32_t code = bed_request(bed, 0, KR_OP_FORGET_KEY, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    return code;
}

static void a_copy_is_sealed_to_whom_it_is_for(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    const uint8_t seed[32] = {1}, low_order[32] = {0};
    uint8_t box_public[32], box_secret[32], got[32];
    struct kr_key_sealed sealed;
    kr_box_keypair(box_public, box_secret, seed);
    const uint8_t *const secrets[] = {keyring->root_secret, keyring->recovery_secret};
    for (uint32_t role = KR_KEY_ROOT; role <= KR_KEY_RECOVERY; role++) {
        assert_int_equal(copy_key(bed, role, box_public), KR_OK);
        assert_int_equal(kr_key_sealed_read((struct kr_slice){bed->result, bed->result_len}, &sealed), KR_OK);
        assert_int_equal(kr_slot_open(got, sealed.slot.bytes, box_public, box_secret), KR_OK);
        assert_memory_equal(got, secrets[role - 1], 32);
        assert_memory_equal(sealed.council, bed_node(bed, 0)->council, 32);
        assert_non_null(strstr(bed->log, role == KR_KEY_ROOT ? "0: a copy of the root key" : "0: a copy of the recovery key"));
        /* Nothing of it is in the clear on the way. */
        for (size_t i = 0; i + 8 <= bed->result_len; i++) {
            assert_memory_not_equal(bed->result + i, secrets[role - 1], 8);
        }
    }
    assert_int_equal(copy_key(bed, KR_KEY_ROOT, low_order), KR_KEY);
    assert_int_equal(copy_key(bed, 3, box_public), KR_MALFORMED);
    assert_int_equal(copy_key(bed, 0, box_public), KR_MALFORMED);
}

static void a_key_is_forgotten_only_by_who_has_it(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    const uint8_t *council = bed_node(bed, 0)->council;
    uint8_t secret[64];
    assert_int_equal(forget_key(bed, KR_KEY_ROOT, keyring->recovery_secret, council), KR_KEY);
    assert_int_equal(forget_key(bed, KR_KEY_ROOT, keyring->root_secret, bed_node(bed, 1)->council), KR_KEY);
    assert_int_equal(bed->forgets, 0);
    assert_int_equal(forget_key(bed, KR_KEY_ROOT, keyring->root_secret, council), BED_PENDING); /* whoever holds the file answers */
    assert_int_equal(bed->forgets, KR_KEY_ROOT);
    assert_int_equal(forget_key(bed, KR_KEY_RECOVERY, keyring->recovery_secret, council), BED_PENDING);
    assert_int_equal(bed->forgets, KR_KEY_RECOVERY);
    take_off(bed, 0, secret);
    assert_int_equal(forget_key(bed, KR_KEY_ROOT, secret, council), KR_NOT_FOUND);
    assert_int_equal(copy_key(bed, KR_KEY_ROOT, council), KR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_card_is_changed_and_reaches_the_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_root_key_must_sign_is_signed_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_was_overtaken_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_statement_of_ours_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_endpoint_is_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_council_keeps_a_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_card_is_published_when_the_root_key_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_is_sealed_to_whom_it_is_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_is_forgotten_only_by_who_has_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
