/* Membership against a model that was written from docs/PROTOCOL.md alone (tests/support/membership_model.c).
 * Thousands of small communities: vouches, cycles, sybils, withdrawals, expulsions, councils that leave, founders among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "node/core/membership.h"
#include "tests/support/membership_model.h"

#define COUNCILS_MAX MODEL_COUNCILS_MAX
#define GRAPHS       4000u

/* ---- the code under test ---- */

static void id_of(uint8_t ret_id[static 32], uint32_t council)
{
    memset(ret_id, (int)(0xF0 - 13 * council), 32); /* in another order than their numbers */
}

static void put(struct kr_membership *membership, bool is_bulk, enum kr_word word, uint32_t from, uint32_t to,
                const struct said *said)
{
    uint8_t author[32], subject[32];
    id_of(author, from);
    id_of(subject, to);
    assert_int_equal(
        (is_bulk ? kr_membership_append : kr_membership_put)(membership, word, author, subject, said->date, said->is_withdrawn),
        KR_OK);
}

static void found(struct kr_membership *membership, const struct model *model)
{
    uint8_t id[32];
    kr_membership_init(membership, model->needed, model->quorum);
    if (model->is_dated) {
        kr_membership_date(membership);
    }
    for (uint32_t c = 0; c < model->founders; c++) {
        id_of(id, c);
        assert_int_equal(kr_membership_found(membership, id), KR_OK);
    }
}

static struct model_sets sets_of(struct kr_membership *membership, const struct model *model)
{
    struct model_sets sets = {0};
    uint32_t members = 0;
    assert_int_equal(kr_membership_settle(membership), KR_OK);
    for (uint32_t c = 0; c < model->councils; c++) {
        uint8_t id[32];
        id_of(id, c);
        const uint8_t standing = kr_membership_standing(membership, id);
        sets.members[c] = (standing & KR_IS_MEMBER) != 0;
        sets.ever[c] = (standing & KR_WAS_MEMBER) != 0;
        sets.expelled[c] = (standing & KR_IS_EXPELLED) != 0;
        sets.left[c] = (standing & KR_HAS_LEFT) != 0;
        sets.since[c] = kr_membership_since(membership, id);
        members += sets.members[c];
    }
    assert_int_equal(kr_membership_count(membership), members);
    return sets;
}

struct tally {
    uint32_t grew, shrank, expelled, founders_expelled, contested, left, dated;
};

static void check(struct kr_membership *membership, const struct model *model, uint32_t graph, uint32_t statement,
                  struct tally *tally)
{
    static uint32_t members_before;
    struct model_sets want;
    const struct model_sets have = sets_of(membership, model);
    model_sets(model, &want);
    if (memcmp(&want, &have, sizeof want) != 0) {
        for (uint32_t c = 0; c < model->councils; c++) {
            print_error("council %u: member %d/%d ever %d/%d expelled %d/%d left %d/%d since %lld/%lld (model/code)\n", c,
                        want.members[c], have.members[c], want.ever[c], have.ever[c], want.expelled[c], have.expelled[c],
                        want.left[c], have.left[c], (long long)want.since[c], (long long)have.since[c]);
        }
        fail_msg("graph %u differs after statement %u: %u founders, k %u, quorum %u", graph, statement, model->founders,
                 model->needed, model->quorum);
    }
    uint32_t members = 0, accused = 0;
    for (uint32_t c = 0; c < model->councils; c++) {
        uint32_t against = 0;
        for (uint32_t v = 0; v < model->councils; v++) {
            against += v != c && want.ever[v] && model_stands(model, MODEL_EXPULSION, v, c);
        }
        accused += against >= model->quorum && !want.expelled[c];
        members += want.members[c];
        assert_true(!want.members[c] || want.since[c] != MODEL_NEVER); /* who gets it, gets it since some time */
        tally->dated += want.members[c] && want.since[c] > 0;
        tally->expelled += want.expelled[c];
        tally->founders_expelled += want.expelled[c] && c < model->founders;
        tally->left += want.left[c];
    }
    tally->contested += accused > 0;
    tally->grew += members > members_before;
    tally->shrank += members < members_before;
    members_before = members;
}

/* ---- thousands of communities ---- */

static struct model draw_model(struct kr_rng *rng)
{
    struct model model = {.councils = 4 + (uint32_t)kr_rng_below(rng, COUNCILS_MAX - 3)};
    model.founders = 1 + (uint32_t)kr_rng_below(rng, model.councils < 5 ? model.councils : 5);
    model.needed = 1 + (uint32_t)kr_rng_below(rng, 3);
    model.quorum = 1 + (uint32_t)kr_rng_below(rng, 4);
    model.is_dated = kr_rng_below(rng, 4) != 0;
    return model;
}

/* Few dates, so that many are equal; sybils (the upper half) mostly speak of each other, and against those below. */
static void draw_statement(struct kr_rng *rng, const struct model *model, enum kr_word *ret_word, uint32_t *ret_from,
                           uint32_t *ret_to, struct said *ret_said)
{
    *ret_word = kr_rng_below(rng, 3) == 0 ? KR_WORD_EXPULSION : KR_WORD_VOUCH;
    *ret_from = (uint32_t)kr_rng_below(rng, model->councils);
    *ret_to = (uint32_t)kr_rng_below(rng, model->councils);
    if (*ret_from > model->councils / 2 && *ret_word == KR_WORD_VOUCH && kr_rng_below(rng, 4) != 0) {
        *ret_to = model->councils / 2 + (uint32_t)kr_rng_below(rng, (model->councils + 1) / 2);
    }
    *ret_said = (struct said){true, kr_rng_below(rng, 4) == 0, 1 + kr_rng_below(rng, 6)};
}

/* All that was said last, in another order, into a membership that knows nothing: one by one, or at once. */
static void arrives_in_another_order(struct kr_rng *rng, const struct model *model, uint32_t graph, bool is_bulk,
                                     struct tally *tally)
{
    uint32_t order[KR_WORD_COUNT * COUNCILS_MAX * COUNCILS_MAX], count = 0;
    struct kr_membership membership;
    for (uint32_t i = 0; i < KR_WORD_COUNT * COUNCILS_MAX * COUNCILS_MAX; i++) {
        order[count] = i;
        count += model->said[i / (COUNCILS_MAX * COUNCILS_MAX)][i / COUNCILS_MAX % COUNCILS_MAX][i % COUNCILS_MAX].is_said;
    }
    found(&membership, model);
    for (uint32_t i = count; i > 0; i--) {
        const uint32_t at = (uint32_t)kr_rng_below(rng, i), chosen = order[at];
        order[at] = order[i - 1];
        const enum kr_word word = (enum kr_word)(chosen / (COUNCILS_MAX * COUNCILS_MAX));
        const uint32_t from = chosen / COUNCILS_MAX % COUNCILS_MAX, to = chosen % COUNCILS_MAX;
        put(&membership, is_bulk, word, from, to, &model->said[word][from][to]);
        if (!is_bulk && kr_rng_below(rng, 3) == 0) {
            assert_int_equal(kr_membership_settle(&membership), KR_OK);
        }
    }
    check(&membership, model, graph, UINT32_MAX, tally);
    kr_membership_deinit(&membership);
}

static void the_sets_are_those_of_the_model_in_any_order(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct kr_rng rng;
    const uint8_t seed[KR_SEED_BYTES] = {4};
    kr_rng_init(&rng, seed);
    for (uint32_t graph = 0; graph < GRAPHS; graph++) {
        struct model model = draw_model(&rng);
        struct kr_membership membership;
        found(&membership, &model);
        const uint32_t statements = 10 + (uint32_t)kr_rng_below(&rng, 6 * model.councils);
        for (uint32_t i = 0; i < statements; i++) {
            enum kr_word word;
            uint32_t from, to;
            struct said said;
            draw_statement(&rng, &model, &word, &from, &to, &said);
            model.said[word][from][to] = said;
            put(&membership, false, word, from, to, &said);
            check(&membership, &model, graph, i, &tally);
        }
        kr_membership_deinit(&membership);
        arrives_in_another_order(&rng, &model, graph, false, &tally);
        arrives_in_another_order(&rng, &model, graph, true, &tally);
    }
    /* What was drawn had it all. */
    assert_true(tally.grew > GRAPHS && tally.shrank > GRAPHS && tally.expelled > GRAPHS && tally.founders_expelled > GRAPHS);
    assert_true(tally.left > GRAPHS);
    assert_true(tally.contested > GRAPHS);
    assert_true(tally.dated > GRAPHS);
}

/* ---- by hand: what the rules are for ---- */

struct hand {
    struct model model;
    struct kr_membership membership;
};

static void say(struct hand *hand, enum kr_word word, uint32_t from, uint32_t to, bool is_withdrawn, uint64_t date)
{
    const struct said said = {true, is_withdrawn, date};
    hand->model.said[word][from][to] = said;
    put(&hand->membership, false, word, from, to, &said);
    assert_int_equal(kr_membership_settle(&hand->membership), KR_OK);
}

static bool is(const struct hand *hand, uint32_t council, enum kr_standing as)
{
    uint8_t id[32];
    id_of(id, council);
    return (kr_membership_standing(&hand->membership, id) & as) != 0;
}

static void begin(struct hand *hand, uint32_t founders, uint32_t needed, uint32_t quorum)
{
    *hand = (struct hand){.model = {.councils = COUNCILS_MAX, .founders = founders, .needed = needed, .quorum = quorum}};
    found(&hand->membership, &hand->model);
}

static void a_quorum_expels_a_founder_and_whom_it_alone_let_in(void **state)
{
    (void)state;
    struct hand hand;
    begin(&hand, 3, 1, 2);
    say(&hand, KR_WORD_VOUCH, 0, 5, false, 1);
    say(&hand, KR_WORD_VOUCH, 0, 6, false, 1);
    say(&hand, KR_WORD_VOUCH, 1, 6, false, 2);
    say(&hand, KR_WORD_EXPULSION, 1, 0, false, 3);
    assert_true(is(&hand, 0, KR_IS_MEMBER));
    say(&hand, KR_WORD_EXPULSION, 6, 0, false, 3);
    assert_false(is(&hand, 0, KR_IS_MEMBER));
    assert_false(is(&hand, 5, KR_IS_MEMBER));
    assert_true(is(&hand, 6, KR_IS_MEMBER));
    assert_true(is(&hand, 0, KR_WAS_MEMBER) && is(&hand, 5, KR_WAS_MEMBER));
    say(&hand, KR_WORD_EXPULSION, 6, 0, true, 4);
    assert_true(is(&hand, 0, KR_IS_MEMBER) && is(&hand, 5, KR_IS_MEMBER));
    kr_membership_deinit(&hand.membership);
}

/* One member lets in councils of its own making and has them expel all others. The founders expel that one, and nobody needs to
 * find the rest: their word counts no more. */
static void sybils_take_no_community_over(void **state)
{
    (void)state;
    struct hand hand;
    begin(&hand, 3, 1, 2);
    say(&hand, KR_WORD_VOUCH, 0, 4, false, 1);
    for (uint32_t sybil = 5; sybil < 10; sybil++) {
        say(&hand, KR_WORD_VOUCH, 4, sybil, false, 1);
        for (uint32_t founder = 0; founder < 3; founder++) {
            say(&hand, KR_WORD_EXPULSION, sybil, founder, false, 2);
        }
    }
    assert_int_equal(kr_membership_count(&hand.membership), 0);
    say(&hand, KR_WORD_EXPULSION, 1, 4, false, 3);
    assert_int_equal(kr_membership_count(&hand.membership), 0);
    say(&hand, KR_WORD_EXPULSION, 2, 4, false, 3);
    assert_int_equal(kr_membership_count(&hand.membership), 3);
    kr_membership_deinit(&hand.membership);
}

/* Two of one distance: who was there first prevails, and a vouch dated back does not make anybody earlier than its author. */
static void out_of_two_blocs_the_earlier_one_stays(void **state)
{
    (void)state;
    struct hand hand;
    begin(&hand, 1, 1, 2);
    for (uint32_t member = 1; member < 5; member++) {
        say(&hand, KR_WORD_VOUCH, 0, member, false, 10 * member);
    }
    for (uint32_t i = 1; i < 3; i++) {
        for (uint32_t j = 3; j < 5; j++) {
            say(&hand, KR_WORD_EXPULSION, j, i, false, 60);
        }
    }
    assert_false(is(&hand, 1, KR_IS_MEMBER));
    for (uint32_t i = 1; i < 3; i++) {
        for (uint32_t j = 3; j < 5; j++) {
            say(&hand, KR_WORD_EXPULSION, i, j, false, 70);
        }
    }
    assert_true(is(&hand, 1, KR_IS_MEMBER) && is(&hand, 2, KR_IS_MEMBER));
    assert_true(is(&hand, 3, KR_IS_EXPELLED) && is(&hand, 4, KR_IS_EXPELLED));
    kr_membership_deinit(&hand.membership);
}

/* Who was vouched for first is not there first where a second vouch was needed and came late. */
static void a_member_is_as_old_as_the_last_vouch_that_it_needed(void **state)
{
    (void)state;
    struct hand hand;
    begin(&hand, 2, 2, 2);
    for (uint32_t member = 2; member < 6; member++) {
        say(&hand, KR_WORD_VOUCH, 0, member, false, member < 4 ? 1 : 10);
        say(&hand, KR_WORD_VOUCH, 1, member, false, member < 4 ? 50 : 20);
    }
    for (uint32_t i = 2; i < 4; i++) {
        for (uint32_t j = 4; j < 6; j++) {
            say(&hand, KR_WORD_EXPULSION, i, j, false, 60);
            say(&hand, KR_WORD_EXPULSION, j, i, false, 60);
        }
    }
    assert_true(is(&hand, 4, KR_IS_MEMBER) && is(&hand, 5, KR_IS_MEMBER));
    assert_true(is(&hand, 2, KR_IS_EXPELLED) && is(&hand, 3, KR_IS_EXPELLED));
    kr_membership_deinit(&hand.membership);
}

static void who_left_has_no_say_and_may_come_back(void **state)
{
    (void)state;
    struct hand hand;
    begin(&hand, 2, 1, 1);
    say(&hand, KR_WORD_VOUCH, 0, 3, false, 1);
    say(&hand, KR_WORD_VOUCH, 3, 4, false, 1);
    say(&hand, KR_WORD_EXPULSION, 3, 1, false, 2);
    assert_false(is(&hand, 1, KR_IS_MEMBER));
    say(&hand, KR_WORD_EXPULSION, 3, 3, false, 3);
    assert_true(is(&hand, 3, KR_HAS_LEFT));
    assert_false(is(&hand, 3, KR_IS_MEMBER) || is(&hand, 3, KR_IS_EXPELLED) || is(&hand, 4, KR_IS_MEMBER));
    assert_true(is(&hand, 1, KR_IS_MEMBER));
    say(&hand, KR_WORD_EXPULSION, 3, 3, true, 4);
    assert_true(is(&hand, 3, KR_IS_MEMBER) && is(&hand, 4, KR_IS_MEMBER));
    assert_false(is(&hand, 1, KR_IS_MEMBER));
    kr_membership_deinit(&hand.membership);
}

static uint64_t since(const struct hand *hand, uint32_t council)
{
    uint8_t id[32];
    id_of(id, council);
    return kr_membership_since(&hand->membership, id);
}

/* What one vouch more or less, dated as its author likes, does to the date of a newcomer. */
static void a_newcomer_is_in_since_the_vouch_that_it_needed_last(void **state)
{
    (void)state;
    struct hand hand = {.model = {.councils = COUNCILS_MAX, .founders = 2, .needed = 2, .quorum = 2, .is_dated = true}};
    found(&hand.membership, &hand.model);
    say(&hand, KR_WORD_VOUCH, 0, 2, false, 10);
    assert_true(since(&hand, 2) == KR_NOT_SINCE && since(&hand, 0) == 0 && since(&hand, 9) == KR_NOT_SINCE);
    say(&hand, KR_WORD_VOUCH, 1, 2, false, 50);
    say(&hand, KR_WORD_VOUCH, 0, 3, false, 60);
    say(&hand, KR_WORD_VOUCH, 1, 3, false, 70);
    assert_true(since(&hand, 2) == 50 && since(&hand, 3) == 70);
    /* Two newcomers let another in, and date it back: it gets no more than they. */
    say(&hand, KR_WORD_VOUCH, 2, 4, false, 1);
    say(&hand, KR_WORD_VOUCH, 3, 4, false, 1);
    assert_int_equal(since(&hand, 4), 70);
    /* One more who was in before them. */
    say(&hand, KR_WORD_VOUCH, 0, 4, false, 65);
    assert_int_equal(since(&hand, 4), 65);
    /* Expelling somebody changes the date of nobody, nor does leaving; who comes back gets it from then on. */
    say(&hand, KR_WORD_EXPULSION, 0, 1, false, 80);
    say(&hand, KR_WORD_EXPULSION, 2, 2, false, 80);
    assert_true(since(&hand, 2) == 50 && since(&hand, 4) == 65);
    say(&hand, KR_WORD_EXPULSION, 2, 2, true, 90);
    assert_true(since(&hand, 2) == 90 && since(&hand, 4) == 65);
    /* Who is vouched for anew is in anew; a renewal that bears the same date changes nothing. */
    say(&hand, KR_WORD_VOUCH, 1, 3, true, 95);
    assert_int_equal(since(&hand, 3), KR_NOT_SINCE);
    say(&hand, KR_WORD_VOUCH, 1, 3, false, 99);
    say(&hand, KR_WORD_VOUCH, 0, 3, false, 60);
    assert_int_equal(since(&hand, 3), 99);
    kr_membership_deinit(&hand.membership);
}

static void expulsions_are_bounded(void **state)
{
    (void)state;
    struct kr_membership membership;
    uint8_t founder[32], last[32] = {0};
    kr_membership_init(&membership, 1, 2);
    id_of(founder, 0);
    assert_int_equal(kr_membership_found(&membership, founder), KR_OK);
    for (uint32_t i = 0; i < KR_EXPULSION_EDGES_MAX; i++) {
        const uint8_t by[32] = {1, (uint8_t)(i / KR_EXPULSIONS_MAX)}, whom[32] = {2, (uint8_t)(i >> 8), (uint8_t)i};
        assert_int_equal(kr_membership_append(&membership, KR_WORD_EXPULSION, by, whom, 1, false), KR_OK);
        memcpy(last, whom, 32);
    }
    assert_int_equal(kr_membership_settle(&membership), KR_OK);
    const uint8_t by[32] = {1, (KR_EXPULSION_EDGES_MAX - 1) / KR_EXPULSIONS_MAX}, stranger[32] = {9};
    const uint32_t councils = membership.council_count;
    assert_int_equal(kr_membership_put(&membership, KR_WORD_EXPULSION, by, stranger, 1, false), KR_BOUNDS);
    assert_int_equal(kr_membership_put(&membership, KR_WORD_EXPULSION, stranger, founder, 1, false), KR_BOUNDS);
    assert_int_equal(membership.council_count, councils); /* what is refused leaves no trace */
    assert_int_equal(kr_membership_put(&membership, KR_WORD_EXPULSION, by, last, 2, true), KR_OK);
    const struct kr_edge *edge = kr_membership_find(&membership, KR_WORD_EXPULSION, by, last);
    assert_true(edge != NULL && edge->is_withdrawn && edge->created_ms == 2);
    kr_membership_deinit(&membership);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sets_are_those_of_the_model_in_any_order),
        cmocka_unit_test(a_quorum_expels_a_founder_and_whom_it_alone_let_in),
        cmocka_unit_test(sybils_take_no_community_over),
        cmocka_unit_test(out_of_two_blocs_the_earlier_one_stays),
        cmocka_unit_test(a_member_is_as_old_as_the_last_vouch_that_it_needed),
        cmocka_unit_test(who_left_has_no_say_and_may_come_back),
        cmocka_unit_test(a_newcomer_is_in_since_the_vouch_that_it_needed_last),
        cmocka_unit_test(expulsions_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
