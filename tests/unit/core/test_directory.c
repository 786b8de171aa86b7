/* Membership and keys, from statements that need no store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/secret.h"
#include "node/core/directory.h"

struct fixture {
    struct kr_directory directory;
    uint8_t community[32];
};

static void id_of(uint8_t ret_id[static 32], uint8_t number)
{
    memset(ret_id, number, 32);
}

/* A charter with the founders 1 … `founders`. */
static void found_as(struct fixture *fixture, uint32_t founders, uint32_t vouches_needed, uint8_t nonce_byte, bool is_from_now_on)
{
    struct kr_charter charter = {.vouches_needed = vouches_needed,
                                 .quorum = 1,
                                 .is_from_now_on = is_from_now_on,
                                 .founder_count = founders,
                                 .name = {(const uint8_t *)"region", 6}};
    uint8_t nonce[16];
    struct kr_writer genesis, content;
    memset(nonce, nonce_byte, sizeof nonce);
    for (uint32_t i = 0; i < founders; i++) {
        id_of(charter.founders[i], (uint8_t)(i + 1));
    }
    kr_writer_init(&genesis, 8 * KR_KIB);
    kr_charter_genesis_write(&charter, nonce, &genesis);
    assert_int_equal(kr_writer_finish(&genesis), KR_OK);
    charter.genesis = (struct kr_slice){genesis.bytes, genesis.len};
    kr_community_id(charter.community, charter.genesis);
    memcpy(fixture->community, charter.community, 32);
    kr_writer_init(&content, 16 * KR_KIB);
    kr_charter_write(&charter, &content);
    assert_int_equal(kr_writer_finish(&content), KR_OK);
    struct kr_header header = {.kind = KR_KIND_CHARTER, .has_community = true, .has_subject = true, .version = 1};
    uint8_t record_id[32] = {1};
    memcpy(header.community, charter.community, 32);
    memcpy(header.subject, charter.community, 32);
    id_of(header.author, 1);
    assert_int_equal(kr_directory_take(&fixture->directory, &header, record_id, (struct kr_slice){content.bytes, content.len}),
                     KR_OK);
    kr_writer_deinit(&genesis);
    kr_writer_deinit(&content);
}

static void found(struct fixture *fixture, uint32_t founders, uint32_t vouches_needed, uint8_t nonce_byte)
{
    found_as(fixture, founders, vouches_needed, nonce_byte, false);
}

static enum kr_err vouch_as(struct fixture *fixture, uint8_t from, uint8_t to, uint8_t subject, bool is_withdrawn)
{
    struct kr_vouch vouch = {.is_withdrawn = is_withdrawn};
    struct kr_header header = {.kind = KR_KIND_VOUCH, .has_community = true, .has_subject = subject != 0, .version = 1};
    struct kr_writer content;
    uint8_t record_id[32] = {2};
    id_of(vouch.council, to);
    id_of(header.author, from);
    id_of(header.subject, subject);
    memcpy(header.community, fixture->community, 32);
    kr_writer_init(&content, 4 * KR_KIB);
    kr_vouch_write(&vouch, &content);
    assert_int_equal(kr_writer_finish(&content), KR_OK);
    enum kr_err err = kr_directory_take(&fixture->directory, &header, record_id, (struct kr_slice){content.bytes, content.len});
    kr_writer_deinit(&content);
    return err;
}

/* What its header and content say of time. */
static enum kr_err vouch_since(struct fixture *fixture, uint32_t kind, uint8_t from, uint8_t to, uint64_t created_ms,
                               uint64_t since_ms)
{
    struct kr_vouch vouch = {.since_ms = since_ms};
    struct kr_header header = {.kind = kind, .has_community = true, .has_subject = true, .version = 1, .created_ms = created_ms};
    struct kr_writer content;
    uint8_t record_id[32] = {2};
    id_of(vouch.council, to);
    id_of(header.author, from);
    id_of(header.subject, to);
    memcpy(header.community, fixture->community, 32);
    kr_writer_init(&content, 4 * KR_KIB);
    kr_vouch_write(&vouch, &content);
    const struct kr_slice bytes = {content.bytes, content.len};
    const enum kr_err fits = kr_directory_fits(&fixture->directory, &header, bytes);
    assert_int_equal(kr_directory_take(&fixture->directory, &header, record_id, bytes), fits);
    kr_writer_deinit(&content);
    return fits;
}

static void vouch(struct fixture *fixture, uint8_t from, uint8_t to, bool is_withdrawn)
{
    assert_int_equal(vouch_as(fixture, from, to, to, is_withdrawn), KR_OK);
}

static bool is_member(const struct fixture *fixture, uint8_t number)
{
    uint8_t id[32];
    id_of(id, number);
    return kr_directory_is_member(&fixture->directory, fixture->community, id);
}

static bool was_member(const struct fixture *fixture, uint8_t number)
{
    uint8_t id[32];
    id_of(id, number);
    return kr_directory_was_member(&fixture->directory, fixture->community, id);
}

/* As a row of the store comes: vouches by the thousand, counted when all are there. Ids of two bytes. */
static void row(struct fixture *fixture, uint32_t from, uint32_t to, uint64_t created_ms)
{
    struct kr_vouch vouch = {0};
    struct kr_header header = {
        .kind = KR_KIND_VOUCH, .has_community = true, .has_subject = true, .version = 1, .created_ms = created_ms};
    struct kr_writer content;
    uint8_t record_id[32] = {2};
    if (from <= KR_FOUNDERS_MAX) {
        id_of(header.author, (uint8_t)from);
    } else {
        header.author[0] = (uint8_t)(from >> 8);
        header.author[1] = (uint8_t)from;
    }
    vouch.council[0] = (uint8_t)(to >> 8);
    vouch.council[1] = (uint8_t)to;
    memcpy(header.subject, vouch.council, 32);
    memcpy(header.community, fixture->community, 32);
    kr_writer_init(&content, 4 * KR_KIB);
    kr_vouch_write(&vouch, &content);
    assert_int_equal(kr_directory_take(&fixture->directory, &header, record_id, (struct kr_slice){content.bytes, content.len}),
                     KR_OK);
    kr_writer_deinit(&content);
}

static bool is_numbered_member(const struct fixture *fixture, uint32_t number)
{
    uint8_t id[32] = {(uint8_t)(number >> 8), (uint8_t)number};
    return kr_directory_is_member(&fixture->directory, fixture->community, id);
}

static uint32_t count_numbered(const struct fixture *fixture, uint32_t first, uint32_t count)
{
    uint32_t members = 0;
    for (uint32_t i = 0; i < count; i++) {
        members += is_numbered_member(fixture, first + i);
    }
    return members;
}

static int setup(void **state)
{
    static struct fixture fixture;
    assert_int_equal(kr_crypto_init(), KR_OK);
    kr_directory_init(&fixture.directory);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    kr_directory_deinit(&fixture->directory);
    return 0;
}

static uint32_t hour_from(const struct fixture *fixture, uint8_t council)
{
    uint8_t id[32];
    id_of(id, council);
    return kr_directory_hour_from(&fixture->directory, fixture->community, id);
}

static void newcomers_have_a_date_where_the_charter_says_so(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t hour_ms = 3600000;
    for (uint8_t is_from_now_on = 0; is_from_now_on < 2; is_from_now_on++) {
        found_as(fixture, 1, 1, 50 + is_from_now_on, is_from_now_on == 1);
        /* As its record is dated; since before that, as a renewal says it; not since later. */
        assert_int_equal(vouch_since(fixture, KR_KIND_VOUCH, 1, 2, 7 * hour_ms + 1, 0), KR_OK);
        assert_int_equal(vouch_since(fixture, KR_KIND_VOUCH, 1, 3, 9 * hour_ms, 8 * hour_ms - 1), KR_OK);
        assert_int_equal(vouch_since(fixture, KR_KIND_VOUCH, 1, 4, 9 * hour_ms, 9 * hour_ms + 1), KR_MALFORMED);
        assert_int_equal(vouch_since(fixture, KR_KIND_EXPULSION, 1, 4, 9 * hour_ms, 1), KR_MALFORMED);
        assert_int_equal(hour_from(fixture, 2), is_from_now_on ? 7 : 0);
        assert_int_equal(hour_from(fixture, 3), is_from_now_on ? 7 : 0);
        assert_int_equal(hour_from(fixture, 4), is_from_now_on ? UINT32_MAX : 0); /* none: it is no member */
        assert_int_equal(hour_from(fixture, 1), 0);
    }
}

static void one_vouch_makes_a_member_where_k_is_one(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 1, 1, 7);
    assert_true(is_member(fixture, 1));
    assert_false(is_member(fixture, 2));
    vouch(fixture, 1, 2, false);
    assert_true(is_member(fixture, 2));
    vouch(fixture, 2, 3, false);
    assert_true(is_member(fixture, 3));
}

/* The least fixed point does not depend on the order in which vouches come: here the last one links a whole chain at once. */
static void a_late_vouch_admits_a_chain(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 1, 1, 7);
    for (uint8_t i = 30; i > 2; i--) {
        vouch(fixture, i - 1, i, false);
        assert_false(is_member(fixture, i));
    }
    vouch(fixture, 1, 2, false);
    for (uint8_t i = 2; i <= 30; i++) {
        assert_true(is_member(fixture, i));
    }
}

static void strangers_who_vouch_for_each_other_stay_outside(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 2, 1, 7);
    for (uint8_t i = 10; i < 20; i++) {
        for (uint8_t j = 10; j < 20; j++) {
            vouch(fixture, i, j, false);
        }
    }
    assert_false(is_member(fixture, 10));
    assert_false(was_member(fixture, 10));
}

static void k_vouches_are_needed_and_one_voucher_counts_once(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 3, 2, 7);
    vouch(fixture, 1, 9, false);
    vouch(fixture, 1, 9, false);
    assert_false(is_member(fixture, 9));
    vouch(fixture, 2, 9, false);
    assert_true(is_member(fixture, 9));
}

static void a_withdrawal_ends_membership_but_not_the_past(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 1, 1, 7);
    vouch(fixture, 1, 2, false);
    vouch(fixture, 2, 3, false);
    vouch(fixture, 1, 2, true);
    assert_false(is_member(fixture, 2));
    assert_false(is_member(fixture, 3)); /* stood on that vouch alone */
    assert_true(was_member(fixture, 2));
    assert_true(was_member(fixture, 3));
    vouch(fixture, 1, 2, false);
    assert_true(is_member(fixture, 3));
}

static void statements_that_contradict_their_header_change_nothing(void **state)
{
    struct fixture *fixture = *state;
    found(fixture, 1, 1, 7);
    uint64_t generation = fixture->directory.generation;
    assert_int_equal(vouch_as(fixture, 1, 2, 3, false), KR_MALFORMED);
    assert_int_equal(vouch_as(fixture, 1, 2, 0, false), KR_MALFORMED);
    struct kr_header header = {.kind = KR_KIND_VOUCH, .has_community = true, .has_subject = true};
    uint8_t record_id[32] = {2};
    memcpy(header.community, fixture->community, 32);
    assert_int_equal(kr_directory_take(&fixture->directory, &header, record_id, (struct kr_slice){(const uint8_t *)"garbage", 7}),
                     KR_MALFORMED);
    header.kind = KR_KIND_CHARTER;
    assert_int_not_equal(kr_directory_take(&fixture->directory, &header, record_id, (struct kr_slice){(const uint8_t *)"\x90", 1}),
                         KR_OK);
    memset(header.community, 0x77, 32);
    header.kind = KR_KIND_VOUCH;
    assert_false(is_member(fixture, 2));
    assert_int_equal(fixture->directory.generation, generation);
}

static void communities_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < KR_COMMUNITIES_MAX; i++) {
        found(fixture, 1, 1, (uint8_t)(i + 1));
    }
    assert_int_equal(fixture->directory.community_count, KR_COMMUNITIES_MAX);
    struct kr_charter charter = {.founder_count = 1};
    memset(charter.community, 0xEE, 32);
    assert_int_equal(kr_directory_learn_genesis(&fixture->directory, &charter), KR_BOUNDS);
    assert_null(kr_directory_community(&fixture->directory, charter.community));
}

enum { FIRST_MEMBER = 0xA000, SECOND_MEMBER = 0xC000, NEWCOMER = 0x0100 };

/* Eight founders and whom they vouched for, all but `room` of what a community holds. */
static void fill(struct fixture *fixture, uint32_t room)
{
    found(fixture, 8, 1, 7);
    fixture->directory.is_loading = true;
    for (uint32_t i = 0; i < KR_COMMUNITY_COUNCILS_MAX - 8 - room; i++) {
        row(fixture, 1 + i % 8, FIRST_MEMBER + i, 1000);
    }
}

static void counted(struct fixture *fixture)
{
    fixture->directory.is_loading = false;
    vouch(fixture, 1, 2, false); /* says nothing new, and has all counted */
}

/* A member vouches for a thousand councils whose ids were ground to be the lowest. */
static void newcomers_push_nobody_out_of_a_full_community(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t room = 100, others = 60;
    fill(fixture, room);
    for (uint32_t i = 0; i < others; i++) {
        row(fixture, FIRST_MEMBER + 1, SECOND_MEMBER + i, 5000 + i);
    }
    for (uint32_t i = 0; i < KR_VOUCHES_MAX; i++) {
        row(fixture, FIRST_MEMBER, NEWCOMER + i, 6000);
        row(fixture, SECOND_MEMBER, NEWCOMER + KR_VOUCHES_MAX + i, 1); /* further away: nothing is left */
    }
    counted(fixture);
    assert_int_equal(kr_membership_count(&fixture->directory.communities[0]->membership), KR_COMMUNITY_COUNCILS_MAX);
    assert_int_equal(count_numbered(fixture, FIRST_MEMBER, KR_COMMUNITY_COUNCILS_MAX - 8 - room),
                     KR_COMMUNITY_COUNCILS_MAX - 8 - room);
    assert_int_equal(count_numbered(fixture, SECOND_MEMBER, others), others);
    assert_int_equal(count_numbered(fixture, NEWCOMER, 2 * KR_VOUCHES_MAX), room - others);
    assert_int_equal(count_numbered(fixture, NEWCOMER, room - others), room - others); /* of one date the lower ids */
}

/* Nobody's word is older than its own membership. */
static void a_vouch_dated_back_counts_from_its_authors_membership(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 2);
    row(fixture, 8, 0xBFFF, 6000);
    row(fixture, 0xBFFF, NEWCOMER, 1);
    row(fixture, FIRST_MEMBER, SECOND_MEMBER, 5000);
    counted(fixture);
    assert_true(is_numbered_member(fixture, 0xBFFF));
    assert_true(is_numbered_member(fixture, SECOND_MEMBER));
    assert_false(is_numbered_member(fixture, NEWCOMER));
}

static void one_council_vouches_for_so_many(void **state)
{
    struct fixture *fixture = *state;
    struct kr_vouch vouch = {0};
    struct kr_header header = {.kind = KR_KIND_VOUCH, .has_community = true, .has_subject = true, .version = 1};
    struct kr_writer content;
    found(fixture, 1, 1, 7);
    fixture->directory.is_loading = true;
    for (uint32_t i = 0; i < KR_VOUCHES_MAX - 1; i++) {
        row(fixture, 1, FIRST_MEMBER + i, 1000 + i);
    }
    fixture->directory.is_loading = false;
    row(fixture, 1, FIRST_MEMBER + KR_VOUCHES_MAX - 1, 999);
    assert_int_equal(count_numbered(fixture, FIRST_MEMBER, KR_VOUCHES_MAX), KR_VOUCHES_MAX);
    memcpy(header.community, fixture->community, 32);
    id_of(header.author, 1);
    for (uint32_t i = 0; i < 2; i++) {
        vouch.council[0] = header.subject[0] = i == 0 ? FIRST_MEMBER >> 8 : 0x77;
        kr_writer_init(&content, 4 * KR_KIB);
        kr_vouch_write(&vouch, &content);
        assert_int_equal(kr_directory_fits(&fixture->directory, &header, (struct kr_slice){content.bytes, content.len}),
                         i == 0 ? KR_OK : KR_BOUNDS);
        kr_writer_deinit(&content);
    }
    id_of(header.author, 2);
    kr_writer_init(&content, 4 * KR_KIB);
    kr_vouch_write(&vouch, &content);
    assert_int_equal(kr_directory_fits(&fixture->directory, &header, (struct kr_slice){content.bytes, content.len}), KR_OK);
    kr_writer_deinit(&content);
}

static enum kr_err fits(const struct fixture *fixture, uint8_t from, uint8_t to)
{
    struct kr_vouch vouch = {0};
    struct kr_header header = {.kind = KR_KIND_VOUCH, .has_community = true, .has_subject = true, .version = 1};
    struct kr_writer content;
    id_of(vouch.council, to);
    id_of(header.author, from);
    id_of(header.subject, to);
    memcpy(header.community, fixture->community, 32);
    kr_writer_init(&content, 4 * KR_KIB);
    kr_vouch_write(&vouch, &content);
    assert_int_equal(kr_writer_finish(&content), KR_OK);
    enum kr_err err = kr_directory_fits(&fixture->directory, &header, (struct kr_slice){content.bytes, content.len});
    kr_writer_deinit(&content);
    return err;
}

/* The last vouch for which there is room is taken, whoever gives it; after it only those that replace another. */
static void a_community_holds_so_many_vouches(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t founders = KR_EDGES_MAX / KR_VOUCHES_MAX;
    found(fixture, founders, 1, 7);
    fixture->directory.is_loading = true;
    for (uint32_t i = 0; i < KR_EDGES_MAX - 2; i++) {
        row(fixture, founders - i % founders, FIRST_MEMBER + i / founders, 1000);
    }
    counted(fixture); /* one more */
    assert_int_equal(fits(fixture, 0x70, 0x71), KR_OK);
    vouch(fixture, 0x70, 0x71, false);
    assert_int_equal(fits(fixture, 0x70, 0x72), KR_BOUNDS);
    assert_int_equal(vouch_as(fixture, 0x70, 0x72, 0x72, false), KR_BOUNDS);
    assert_int_equal(fits(fixture, 0x70, 0x71), KR_OK);
    vouch(fixture, 0x70, 0x71, true);
    assert_true(is_member(fixture, 1));
}

static void the_newest_key_that_holds_is_taken(void **state)
{
    (void)state;
    const struct kr_card_key keys[] = {
        {.public_key = {1}, .from_s = 100, .until_s = 200},
        {.public_key = {2}, .from_s = 150},
        {.public_key = {3}, .from_s = 300, .until_s = 301},
    };
    assert_null(kr_card_key_at(keys, 3, 99));
    assert_int_equal(kr_card_key_at(keys, 3, 100)->public_key[0], 1);
    assert_int_equal(kr_card_key_at(keys, 3, 150)->public_key[0], 2);
    assert_int_equal(kr_card_key_at(keys, 1, 199)->public_key[0], 1);
    assert_null(kr_card_key_at(keys, 1, 200));
    assert_int_equal(kr_card_key_at(keys, 3, 300)->public_key[0], 3);
    assert_int_equal(kr_card_key_at(keys, 3, 301)->public_key[0], 2);
    assert_null(kr_card_key_at(keys, 0, 150));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_vouch_makes_a_member_where_k_is_one, setup, teardown),
        cmocka_unit_test_setup_teardown(newcomers_have_a_date_where_the_charter_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_vouch_admits_a_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(strangers_who_vouch_for_each_other_stay_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(k_vouches_are_needed_and_one_voucher_counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_withdrawal_ends_membership_but_not_the_past, setup, teardown),
        cmocka_unit_test_setup_teardown(statements_that_contradict_their_header_change_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(communities_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(newcomers_push_nobody_out_of_a_full_community, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vouch_dated_back_counts_from_its_authors_membership, setup, teardown),
        cmocka_unit_test_setup_teardown(one_council_vouches_for_so_many, setup, teardown),
        cmocka_unit_test_setup_teardown(a_community_holds_so_many_vouches, setup, teardown),
        cmocka_unit_test(the_newest_key_that_holds_is_taken),
    };
    return cmocka_run_group_tests_name("core/directory", tests, NULL, NULL);
}
