/* New keys for a node on a day that was named before: what the card says until then, what happens on the day, while the node runs
 * and when it did not, and how it is put off, called off, and overtaken by a theft. */
#include <sodium.h>

#include "node/core/rotate.h"
#include "tests/unit/core/bed.h"

#define HOUR_MS 3600000u
#define HOUR_S  3600u

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

static struct kr_keyring *own(struct bed *bed)
{
    return bed_node(bed, 0)->keyring;
}

static uint64_t now_s(struct bed *bed)
{
    return bed_node(bed, 0)->now_ms / 1000;
}

static uint32_t make(struct bed *bed, uint8_t what)
{
    return bed_request(bed, 0, KR_OP_NEW_KEYS, (const uint8_t[]){0x91, what}, 2, 300);
}

static uint32_t rotate(struct bed *bed, uint32_t act, uint64_t at_s)
{
    struct kr_writer args;
    kr_writer_init(&args, 64);
    kr_rotate_write(&(struct kr_rotate){.act = act, .at_s = at_s}, &args);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, 0, KR_OP_ROTATE, args.bytes, args.len, 300);
    kr_writer_deinit(&args);
    return code;
}

static void plan_at(struct bed *bed, uint64_t at_s)
{
    assert_int_equal(make(bed, KR_NEW_KEYS_ONCE), KR_OK);
    assert_int_equal(rotate(bed, KR_ROTATE_AT, at_s), KR_OK);
    bed_run(bed, 3000);
}

/* Under which key node 0 signs, as node 1 takes it. */
static void assert_signs(struct bed *bed, const uint8_t key[static 32], const char *domain, uint8_t token)
{
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, domain, token);
    struct kr_head head;
    uint8_t id[32];
    assert_int_equal(bed_submit(bed, 0, submission, id), KR_OK);
    bed_submission_free(submission);
    bed_run(bed, 3000);
    assert_int_equal(bed_head(bed, 1, id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_SHOWN);
    assert_memory_equal(head.signing_key, key, 32);
}

/* Its place on node 0's card, as node 1 has that; zeros where it is not there. */
static struct kr_card_key on_card(struct bed *bed, const uint8_t key[static 32])
{
    const struct kr_card card = bed_card(bed, 1, 0);
    for (uint32_t i = 0; i < card.node_count; i++) {
        if (memcmp(card.node[i].public_key, key, 32) == 0) {
            return card.node[i];
        }
    }
    for (uint32_t i = 0; i < card.sealing_count; i++) {
        if (memcmp(card.sealing[i].public_key, key, 32) == 0) {
            return card.sealing[i];
        }
    }
    return (struct kr_card_key){0};
}

/* As node 0 lists it; 0: it does not. */
static uint32_t state_of(struct bed *bed, const uint8_t key[static 32])
{
    bed->pages = 0;
    assert_int_equal(bed_request(bed, 0, KR_OP_KEYS, (const uint8_t[]){0x90}, 1, 300), KR_OK);
    for (uint32_t i = 0; i < bed->pages && i < sizeof bed->items / sizeof bed->items[0]; i++) {
        struct kr_key_item item;
        assert_int_equal(kr_key_item_read((struct kr_slice){bed->items[i].bytes, bed->items[i].len}, &item), KR_OK);
        if (memcmp(item.public_key, key, 32) == 0) {
            return item.state;
        }
    }
    return 0;
}

static void the_next_key_has_its_turn_on_the_day(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    const uint64_t at_s = now_s(bed) + 3 * HOUR_S;
    plan_at(bed, at_s);
    const struct kr_keyring made = *own(bed);
    assert_true(kr_keyring_has_next(&made));
    /* The card says so to everybody, long before. */
    struct kr_card_key key = on_card(bed, made.next_node_public);
    assert_true(key.from_s == at_s - KR_KEY_EARLIER_S && key.until_s == 0);
    key = on_card(bed, made.sealing[0].public_key);
    assert_true(key.from_s == at_s - KR_KEY_EARLIER_S && key.until_s == 0);
    assert_true(on_card(bed, before.node_public).until_s == at_s + KR_KEY_OVERLAP_S);
    assert_true(on_card(bed, before.sealing[0].public_key).until_s == at_s + KR_KEY_OVERLAP_S);
    assert_int_equal(state_of(bed, made.next_node_public), KR_KEY_COMES);
    assert_int_equal(state_of(bed, before.node_public), KR_KEY_IN_USE);
    assert_signs(bed, before.node_public, "before.example.jp", 1);
    assert_memory_equal(kr_keys_own_sealing(bed_core(bed, 0), bed_node(bed, 0)->now_ms), before.sealing[0].public_key, 32);
    bed_restart(bed, 0); /* nothing but card, keyring and time tell */
    assert_signs(bed, before.node_public, "again.example.jp", 2);
    bed_run(bed, (at_s - 60 - now_s(bed)) * 1000);
    assert_signs(bed, before.node_public, "minute.example.jp", 3);
    bed_forget_log(bed);
    bed_run(bed, (at_s + 5 - now_s(bed)) * 1000);
    assert_true(bed_said(bed, 0, "signs with a new key"));
    assert_memory_equal(own(bed)->node_public, made.next_node_public, 32);
    assert_false(kr_keyring_has_next(own(bed)));
    assert_signs(bed, made.next_node_public, "after.example.jp", 4);
    assert_true(bed_link(bed, 1, 0)->has_session);
    assert_memory_equal(kr_keys_own_sealing(bed_core(bed, 0), bed_node(bed, 0)->now_ms), made.sealing[0].public_key, 32);
    assert_true(own(bed)->sealing[1].until_s >= at_s + KR_KEY_OVERLAP_S);
    /* The overlap is that of any other replacement. */
    const struct kr_card card = bed_card(bed, 1, 0);
    assert_int_equal(kr_card_node_key(&card, before.node_public, (at_s + KR_KEY_OVERLAP_S) * 1000 - 1), KR_OK);
    assert_int_equal(kr_card_node_key(&card, before.node_public, (at_s + KR_KEY_OVERLAP_S) * 1000), KR_EXPIRED);
    assert_int_equal(rotate(bed, KR_ROTATE_CANCEL, 0), KR_NOT_FOUND); /* nothing is to be called off any more */
    assert_int_equal(make(bed, KR_NEW_KEYS_ONCE), KR_OK);
    assert_int_equal(rotate(bed, KR_ROTATE_NOW, 0), KR_OK);
}

static void who_was_off_on_the_day_turns_when_it_is_started(void **state)
{
    struct bed *bed = *state;
    plan_at(bed, now_s(bed) + 2 * HOUR_S);
    const struct kr_keyring made = *own(bed);
    sim_world_crash(bed->world, 0, 30 * 24 * (uint64_t)HOUR_MS);
    bed_run(bed, 30 * 24 * (uint64_t)HOUR_MS + 120000);
    assert_memory_equal(own(bed)->node_public, made.next_node_public, 32);
    assert_false(kr_keyring_has_next(own(bed)));
    assert_signs(bed, made.next_node_public, "back.example.jp", 1);
}

static void another_day_takes_the_place_of_the_first(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    const uint64_t first_s = now_s(bed) + 2 * HOUR_S, second_s = first_s + 2 * HOUR_S;
    plan_at(bed, first_s);
    const struct kr_keyring made = *own(bed);
    plan_at(bed, second_s);
    assert_memory_equal(own(bed)->next_node_public, made.next_node_public, 32);
    assert_true(on_card(bed, made.next_node_public).from_s == second_s - KR_KEY_EARLIER_S);
    assert_true(on_card(bed, before.node_public).until_s == second_s + KR_KEY_OVERLAP_S);
    struct kr_card card = bed_card(bed, 1, 0);
    assert_true(card.node_count == 2 && card.sealing_count == 2);
    bed_run(bed, 3 * (uint64_t)HOUR_MS);
    assert_signs(bed, before.node_public, "put-off.example.jp", 1);
    /* And so does now. */
    assert_int_equal(rotate(bed, KR_ROTATE_NOW, 0), KR_OK);
    bed_run(bed, 3000);
    assert_signs(bed, made.next_node_public, "now.example.jp", 2);
    card = bed_card(bed, 1, 0);
    assert_true(card.node_count == 2 && card.sealing_count == 2);
    assert_in_range(on_card(bed, before.node_public).until_s, now_s(bed) + KR_KEY_OVERLAP_S - 60, now_s(bed) + KR_KEY_OVERLAP_S);
}

static void what_is_called_off_leaves_the_card_as_it_was(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    const uint64_t at_s = now_s(bed) + 2 * HOUR_S;
    assert_int_equal(rotate(bed, KR_ROTATE_CANCEL, 0), KR_NOT_FOUND);
    plan_at(bed, at_s);
    const struct kr_keyring made = *own(bed);
    assert_int_equal(rotate(bed, KR_ROTATE_CANCEL, 0), KR_OK);
    bed_run(bed, 3000);
    struct kr_card card = bed_card(bed, 1, 0);
    assert_true(card.node_count == 1 && card.sealing_count == 1);
    assert_true(card.node[0].until_s == 0 && card.sealing[0].until_s == 0);
    assert_int_equal(state_of(bed, made.next_node_public), KR_KEY_ASIDE);
    bed_run(bed, 3 * (uint64_t)HOUR_MS);
    assert_signs(bed, before.node_public, "stays.example.jp", 1);
    assert_int_equal(rotate(bed, KR_ROTATE_CANCEL, 0), KR_NOT_FOUND);
    /* It is used when one is asked for. */
    assert_int_equal(make(bed, KR_NEW_KEYS_ONCE), KR_OK);
    assert_int_equal(state_of(bed, made.next_node_public), KR_KEY_COMES);
    assert_int_equal(rotate(bed, KR_ROTATE_NOW, 0), KR_OK);
    bed_run(bed, 3000);
    assert_signs(bed, made.next_node_public, "used.example.jp", 2);
}

static void days_that_cannot_be_are_refused(void **state)
{
    static const uint8_t bad[][4] = {{0x92, 3, 0}, {0x92, KR_ROTATE_AT, 0}, {0x92, KR_ROTATE_NOW, 1}, {0x91, 0}, {0x93, 0, 0, 0}};
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    assert_int_equal(make(bed, KR_NEW_KEYS_ONCE), KR_OK);
    assert_int_equal(make(bed, KR_NEW_KEYS_ANEW + 1), KR_MALFORMED);
    assert_int_equal(rotate(bed, KR_ROTATE_AT, now_s(bed)), KR_INVALID);
    assert_int_equal(rotate(bed, KR_ROTATE_AT, now_s(bed) + KR_ROTATE_AHEAD_S_MAX + 60), KR_INVALID);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const size_t len = (size_t)(bad[i][0] & 0x0f) + 1;
        assert_int_equal(bed_request(bed, 0, KR_OP_ROTATE, bad[i], len, 300), KR_MALFORMED);
    }
    assert_true(on_card(bed, before.node_public).until_s == 0);
    /* A key that has its end already: the day might come after it. */
    assert_int_equal(rotate(bed, KR_ROTATE_NOW, 0), KR_OK);
    bed_run(bed, 3000);
    *own(bed) = before;
    assert_int_equal(make(bed, KR_NEW_KEYS_ONCE), KR_OK);
    assert_int_equal(rotate(bed, KR_ROTATE_AT, now_s(bed) + HOUR_S), KR_EXPIRED);
}

static uint32_t revoke(struct bed *bed, const uint8_t key[static 32])
{
    struct kr_revoke revoke = {.since_ms = bed_node(bed, 0)->now_ms};
    struct kr_writer args;
    memcpy(revoke.key, key, 32);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, 0, KR_OP_REVOKE, args.bytes, args.len, 500);
    kr_writer_deinit(&args);
    return code;
}

/* Whoever has the keyring has the next key as well. */
static void a_theft_spoils_the_key_that_was_to_come(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    plan_at(bed, now_s(bed) + 2 * HOUR_S);
    const struct kr_keyring stolen = *own(bed);
    assert_int_equal(revoke(bed, stolen.next_node_public), KR_INVALID); /* it has signed nothing */
    assert_int_equal(make(bed, KR_NEW_KEYS_ONCE), KR_OK);
    assert_int_equal(revoke(bed, before.node_public), KR_NOT_FOUND); /* not with that one */
    assert_int_equal(make(bed, KR_NEW_KEYS_ANEW), KR_OK);
    const struct kr_keyring anew = *own(bed);
    assert_memory_not_equal(anew.next_node_public, stolen.next_node_public, 32);
    assert_memory_not_equal(anew.sealing[0].public_key, stolen.sealing[0].public_key, 32);
    assert_memory_equal(anew.sealing[1].secret, stolen.sealing[0].secret, 32); /* somebody may have sealed to it */
    /* (Once more: nobody was told of those.) */
    assert_int_equal(make(bed, KR_NEW_KEYS_ANEW), KR_OK);
    assert_int_equal(own(bed)->sealing_count, anew.sealing_count);
    const struct kr_keyring used = *own(bed);
    assert_int_equal(revoke(bed, before.node_public), KR_OK);
    bed_run(bed, 3000);
    assert_true(on_card(bed, stolen.next_node_public).from_s == 0 && on_card(bed, stolen.sealing[0].public_key).from_s == 0);
    assert_in_range(on_card(bed, before.node_public).until_s, now_s(bed) - 30, now_s(bed));
    assert_true(on_card(bed, used.next_node_public).until_s == 0 && on_card(bed, used.sealing[0].public_key).until_s == 0);
    assert_signs(bed, used.next_node_public, "goes-on.example.jp", 1);
    bed_run(bed, 3 * (uint64_t)HOUR_MS);
    assert_signs(bed, used.next_node_public, "later.example.jp", 2);
}

static uint32_t ask_revoke(struct bed *bed, const uint8_t key[static 32], const uint8_t *root)
{
    struct kr_revoke revoke = {.since_ms = bed_node(bed, 0)->now_ms, .is_question = true, .has_root = root != NULL};
    struct kr_writer args;
    memcpy(revoke.key, key, 32);
    if (root != NULL) {
        memcpy(revoke.root, root, 32);
    }
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, 0, KR_OP_REVOKE, args.bytes, args.len, 500);
    kr_writer_deinit(&args);
    return code;
}

/* New keys would be made for it, and the planned ones be gone. */
static void a_revocation_is_judged_before_keys_are_made(void **state)
{
    static const uint8_t strange[32] = {1};
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    const uint64_t at_s = now_s(bed) + 2 * HOUR_S;
    plan_at(bed, at_s);
    const struct kr_keyring made = *own(bed);
    assert_int_equal(ask_revoke(bed, before.node_public, NULL), KR_OK);
    assert_int_equal(bed->pages, 0);
    assert_int_equal(ask_revoke(bed, before.node_public, before.root_public), KR_OK);
    assert_int_equal(ask_revoke(bed, before.node_public, strange), KR_KEY);
    assert_int_equal(ask_revoke(bed, strange, NULL), KR_NOT_FOUND);
    assert_int_equal(ask_revoke(bed, made.next_node_public, NULL), KR_INVALID); /* it has signed nothing */
    sodium_memzero(own(bed)->root_secret, 64);
    assert_int_equal(ask_revoke(bed, before.node_public, NULL), KR_KEY);
    assert_int_equal(ask_revoke(bed, before.node_public, before.root_public), KR_OK);
    memcpy(own(bed)->root_secret, before.root_secret, 64);
    bed_run(bed, 3000);
    assert_memory_equal(own(bed)->next_node_public, made.next_node_public, 32);
    assert_true(on_card(bed, before.node_public).until_s == at_s + KR_KEY_OVERLAP_S);
    bed_run(bed, 3 * (uint64_t)HOUR_MS);
    assert_signs(bed, made.next_node_public, "as-planned.example.jp", 1);
}

/* As after a revocation that failed when keys had been made for it. */
static void a_planned_key_that_is_gone_is_spoken_of(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    const uint64_t at_s = now_s(bed) + 2 * HOUR_S;
    plan_at(bed, at_s);
    const struct kr_keyring made = *own(bed);
    assert_int_equal(make(bed, KR_NEW_KEYS_ANEW), KR_OK);
    bed_forget_log(bed);
    bed_run(bed, (at_s - 60 - now_s(bed)) * 1000);
    assert_int_equal(bed_times_said(bed, 0, "not in this node's keyring"), 0);
    bed_run(bed, 10 * (uint64_t)HOUR_MS);
    assert_int_equal(bed_times_said(bed, 0, "not in this node's keyring"), 1);
    assert_true(bed_said(bed, 0, "for 90 days more"));
    assert_false(bed_core(bed, 0)->next_had_turn);
    assert_signs(bed, before.node_public, "as-before.example.jp", 1);
    bed_run(bed, 20 * (uint64_t)HOUR_MS);
    assert_int_equal(bed_times_said(bed, 0, "not in this node's keyring"), 1);
    bed_restart(bed, 0); /* nothing but the card tells */
    bed_run(bed, 60000);
    assert_int_equal(bed_times_said(bed, 0, "not in this node's keyring"), 2);
    const struct kr_keyring anew = *own(bed);
    *own(bed) = made; /* the newest copy is put back */
    bed_restart(bed, 0);
    bed_run(bed, 120000);
    assert_signs(bed, made.next_node_public, "put-back.example.jp", 2);
    bed_forget_log(bed);
    bed_run(bed, 30 * (uint64_t)HOUR_MS);
    assert_false(bed_said(bed, 0, "not in this node's keyring"));
    assert_memory_not_equal(anew.next_node_public, made.next_node_public, 32);
}

static void another_key_takes_the_place_of_one_that_is_gone(void **state)
{
    struct bed *bed = *state;
    const uint64_t at_s = now_s(bed) + 2 * HOUR_S;
    plan_at(bed, at_s);
    assert_int_equal(make(bed, KR_NEW_KEYS_ANEW), KR_OK);
    bed_run(bed, 3 * (uint64_t)HOUR_MS);
    const struct kr_keyring anew = *own(bed);
    assert_int_equal(rotate(bed, KR_ROTATE_NOW, 0), KR_OK);
    bed_run(bed, 3000);
    assert_signs(bed, anew.next_node_public, "another.example.jp", 1);
    bed_forget_log(bed);
    bed_run(bed, 30 * (uint64_t)HOUR_MS);
    assert_false(bed_said(bed, 0, "not in this node's keyring"));
}

/* A clock that was set ahead, or has not stood for an hour, makes nobody lose the key that others accept. */
static void a_clock_in_doubt_has_to_be_borne_out(void **state)
{
    struct bed *bed = *state;
    plan_at(bed, now_s(bed) + HOUR_S);
    const struct kr_keyring made = *own(bed);
    bed->world->doubts_clocks = true;
    sim_world_crash(bed->world, 1, 4 * (uint64_t)HOUR_MS);
    bed_run(bed, HOUR_MS / 2);
    sim_world_crash(bed->world, 0, HOUR_MS);
    bed_run(bed, HOUR_MS + HOUR_MS / 2);
    assert_true(now_s(bed) > made.sealing[0].from_s + HOUR_S + 60 && kr_keyring_has_next(own(bed)));
    assert_int_equal(state_of(bed, made.next_node_public), KR_KEY_COMES);
    bed_run(bed, HOUR_MS); /* nobody is there; it has stood for long enough */
    assert_memory_equal(own(bed)->node_public, made.next_node_public, 32);
}

static void a_clock_that_others_contradict_does_not_count(void **state)
{
    struct bed *bed = *state;
    plan_at(bed, now_s(bed) + 3 * HOUR_S);
    const struct kr_keyring made = *own(bed);
    sim_world_clock(bed->world, 0, (int64_t)4 * HOUR_MS);
    bed_run(bed, HOUR_MS / 2);
    assert_true(now_s(bed) > made.sealing[0].from_s + 4 * HOUR_S && bed_link(bed, 0, 1)->has_session);
    assert_true(kr_keyring_has_next(own(bed)));
    bed_run(bed, 3 * (uint64_t)HOUR_MS); /* until theirs is as far; ours was before */
    assert_true(kr_keyring_has_next(own(bed)));
}

/* ---- several nodes' keys on one card ---- */

static struct kr_card_key dated(uint8_t key, uint64_t from_s, uint64_t until_s)
{
    struct kr_card_key dated = {.from_s = from_s, .until_s = until_s};
    memset(dated.public_key, key, 32);
    return dated;
}

static void another_nodes_plan_stays(void **state)
{
    (void)state;
    const uint64_t now = 1800000000, first_s = now + 100000, second_s = now + 100001;
    const uint64_t ends_first = first_s + KR_KEY_OVERLAP_S, ends_second = second_s + KR_KEY_OVERLAP_S;
    struct kr_card card = {.node_count = 4,
                           .node = {dated(3, first_s - KR_KEY_EARLIER_S, 0), dated(4, second_s - KR_KEY_EARLIER_S, 0),
                                    dated(1, 5000, ends_first), dated(2, 5000, ends_second)},
                           .sealing_count = 3,
                           .sealing = {dated(13, second_s - KR_KEY_EARLIER_S, 0),
                                       dated(12, first_s - KR_KEY_EARLIER_S, ends_second), dated(11, 5000, ends_first)}};
    uint8_t first[32], second[32], none[32];
    memset(first, 1, sizeof first);
    memset(second, 2, sizeof second);
    memset(none, 9, sizeof none);
    assert_true(kr_card_node_is_used(&card, first, now) && kr_card_node_is_used(&card, second, now));
    assert_false(kr_card_node_is_used(&card, first, first_s)); /* it ends, and another has its turn */
    assert_false(kr_card_node_is_used(&card, none, now));
    assert_memory_equal(kr_card_planned(&card, second, now), &card.node[1], sizeof card.node[1]);
    assert_null(kr_card_planned(&card, second, second_s));
    struct kr_card other = card;
    assert_true(kr_card_drop_plan(&card, first, now));
    assert_false(kr_card_drop_plan(&card, first, now));
    assert_true(card.node_count == 3 && card.node[0].public_key[0] == 4 && card.node[1].until_s == 0);
    assert_true(card.node[2].until_s == ends_second); /* the other's stands */
    assert_true(card.sealing_count == 2 && card.sealing[0].public_key[0] == 13 && card.sealing[1].until_s == 0);
    assert_true(kr_card_drop_plan(&other, second, now));
    assert_true(other.node_count == 3 && other.node[1].until_s == ends_first && other.node[2].until_s == 0);
    assert_true(other.sealing_count == 2 && other.sealing[0].until_s == 0 && other.sealing[1].until_s == ends_first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_next_key_has_its_turn_on_the_day, setup, teardown),
        cmocka_unit_test_setup_teardown(who_was_off_on_the_day_turns_when_it_is_started, setup, teardown),
        cmocka_unit_test_setup_teardown(another_day_takes_the_place_of_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_called_off_leaves_the_card_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(days_that_cannot_be_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_theft_spoils_the_key_that_was_to_come, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revocation_is_judged_before_keys_are_made, setup, teardown),
        cmocka_unit_test_setup_teardown(a_planned_key_that_is_gone_is_spoken_of, setup, teardown),
        cmocka_unit_test_setup_teardown(another_key_takes_the_place_of_one_that_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_in_doubt_has_to_be_borne_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_others_contradict_does_not_count, setup, teardown),
        cmocka_unit_test(another_nodes_plan_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
