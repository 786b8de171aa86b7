/* Membership against a model that was written from docs/PROTOCOL.md alone (tests/support/membership_model.c).
 * Thousands of small communities: vouches, cycles, sybils, withdrawals, expulsions, councils that leave, founders among them. Some
 * that are large enough for what is done otherwise where many come in, or go, at once. */
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
#define SMALL_MAX    14u
#define GRAPHS       4000u
#define LARGE_GRAPHS 36u

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
        uint8_t id[32];
        uint32_t against = 0, votes = 0;
        for (uint32_t v = 0; v < model->councils; v++) {
            votes += want.members[v] && model_stands(model, MODEL_VOUCH, v, c);
            against += v != c && want.ever[v] && model_stands(model, MODEL_EXPULSION, v, c);
        }
        id_of(id, c);
        const uint32_t number = kr_membership_number(membership, id);
        assert_int_equal(number == UINT32_MAX ? 0 : membership->sets[KR_SET_MEMBERS].votes[number], votes);
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

static void draw_model(struct kr_rng *rng, struct model *ret_model)
{
    memset(ret_model, 0, sizeof *ret_model);
    ret_model->councils = 4 + (uint32_t)kr_rng_below(rng, SMALL_MAX - 3);
    ret_model->founders = 1 + (uint32_t)kr_rng_below(rng, ret_model->councils < 5 ? ret_model->councils : 5);
    ret_model->needed = 1 + (uint32_t)kr_rng_below(rng, 3);
    ret_model->quorum = 1 + (uint32_t)kr_rng_below(rng, 4);
    ret_model->is_dated = kr_rng_below(rng, 4) != 0;
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
    static uint32_t order[KR_WORD_COUNT * COUNCILS_MAX * COUNCILS_MAX];
    uint32_t count = 0;
    struct kr_membership membership;
    for (uint32_t word = 0; word < KR_WORD_COUNT; word++) {
        for (uint32_t from = 0; from < model->councils; from++) {
            for (uint32_t to = 0; to < model->councils; to++) {
                order[count] = (word * COUNCILS_MAX + from) * COUNCILS_MAX + to;
                count += model->said[word][from][to].is_said;
            }
        }
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
        static struct model model;
        struct kr_membership membership;
        draw_model(&rng, &model);
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

/* ---- large ones ---- */

/* Everybody came in by the vouches of some who were there, mostly not long before; other vouches are between any two. Some came in
 * by those who were named later, so that there is a second way in, which is longer. */
static void draw_large(struct kr_rng *rng, struct model *ret_model, uint64_t latest)
{
    memset(ret_model, 0, sizeof *ret_model);
    ret_model->councils = COUNCILS_MAX / 2 + (uint32_t)kr_rng_below(rng, COUNCILS_MAX / 2 + 1);
    ret_model->founders = 3 + (uint32_t)kr_rng_below(rng, 3);
    ret_model->needed = 1 + (uint32_t)kr_rng_below(rng, 3);
    ret_model->quorum = 1 + (uint32_t)kr_rng_below(rng, 3);
    ret_model->is_dated = kr_rng_below(rng, 2) != 0;
    for (uint32_t c = ret_model->founders; c < ret_model->councils; c++) {
        for (uint32_t i = 0; i < ret_model->needed + 1; i++) {
            const uint32_t window = c < 12 ? c : 12, from = c - 1 - (uint32_t)kr_rng_below(rng, i == 0 ? c : window);
            ret_model->said[KR_WORD_VOUCH][from][c] = (struct said){true, false, 1 + kr_rng_below(rng, latest)};
        }
    }
    const uint32_t more = (uint32_t)kr_rng_below(rng, 4 * ret_model->councils);
    for (uint32_t i = 0; i < more; i++) {
        const uint32_t from = (uint32_t)kr_rng_below(rng, ret_model->councils),
                       to = (uint32_t)kr_rng_below(rng, ret_model->councils);
        ret_model->said[KR_WORD_VOUCH][from][to] = (struct said){true, kr_rng_below(rng, 10) == 0, 1 + kr_rng_below(rng, latest)};
    }
}

/* Some pair of which that is said, withdrawn or not, from a random one on. */
static bool find_said(struct kr_rng *rng, const struct model *model, enum kr_word word, bool is_withdrawn, uint32_t to_below,
                      uint32_t *ret_from, uint32_t *ret_to)
{
    const uint32_t pairs = model->councils * to_below, first = (uint32_t)kr_rng_below(rng, pairs);
    for (uint32_t i = 0; i < pairs; i++) {
        *ret_from = (first + i) % pairs / to_below;
        *ret_to = (first + i) % to_below;
        const struct said *said = &model->said[word][*ret_from][*ret_to];
        if (said->is_said && said->is_withdrawn == is_withdrawn) {
            return true;
        }
    }
    return false;
}

/* Mostly of or by those who came early, on whom much depends; half of them the contrary of what was said: an expulsion or a vouch
 * is withdrawn, a vouch is said anew. */
static void draw_large_statement(struct kr_rng *rng, const struct model *model, uint64_t latest, enum kr_word *ret_word,
                                 uint32_t *ret_from, uint32_t *ret_to, struct said *ret_said)
{
    const uint32_t early = model->founders + 8, of = kr_rng_below(rng, 2) == 0 ? early : model->councils;
    const uint64_t what = kr_rng_below(rng, 10);
    *ret_word = what < 5 ? KR_WORD_EXPULSION : KR_WORD_VOUCH;
    *ret_from = (uint32_t)kr_rng_below(rng, what < 2 ? early : model->councils);
    *ret_to = (uint32_t)kr_rng_below(rng, of);
    *ret_said = (struct said){true, false, 1 + kr_rng_below(rng, latest)};
    if (what >= 4 && what <= 8) {
        const bool stood = what <= 6;
        ret_said->is_withdrawn = find_said(rng, model, *ret_word, !stood, of, ret_from, ret_to) && stood;
    }
}

static void large_communities_too(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct kr_rng rng;
    const uint8_t seed[KR_SEED_BYTES] = {5};
    kr_rng_init(&rng, seed);
    for (uint32_t graph = 0; graph < LARGE_GRAPHS; graph++) {
        static struct model model;
        const uint64_t latest = kr_rng_below(&rng, 2) == 0 ? 5 : 1000;
        struct kr_membership membership;
        draw_large(&rng, &model, latest);
        found(&membership, &model);
        for (uint32_t from = 0; from < model.councils; from++) {
            for (uint32_t to = 0; to < model.councils; to++) {
                if (model.said[KR_WORD_VOUCH][from][to].is_said) {
                    put(&membership, true, KR_WORD_VOUCH, from, to, &model.said[KR_WORD_VOUCH][from][to]);
                }
            }
        }
        check(&membership, &model, graph, UINT32_MAX, &tally);
        for (uint32_t i = 0; i < 100; i++) {
            enum kr_word word;
            uint32_t from, to;
            struct said said;
            draw_large_statement(&rng, &model, latest, &word, &from, &to, &said);
            model.said[word][from][to] = said;
            put(&membership, false, word, from, to, &said);
            check(&membership, &model, graph, i, &tally);
        }
        kr_membership_deinit(&membership);
        arrives_in_another_order(&rng, &model, graph, false, &tally);
        arrives_in_another_order(&rng, &model, graph, true, &tally);
    }
    assert_true(tally.grew > LARGE_GRAPHS && tally.shrank > LARGE_GRAPHS && tally.expelled > LARGE_GRAPHS);
    assert_true(tally.founders_expelled > LARGE_GRAPHS && tally.contested > LARGE_GRAPHS && tally.dated > LARGE_GRAPHS);
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

/* ---- where not all have room ---- */

#define CROWD          (5u * KR_VOUCHES_MAX)
#define CROWD_FOUNDERS 5u

static void crowd_id(uint8_t ret_id[static 32], uint32_t council)
{
    memset(ret_id, 0, 32);
    ret_id[0] = (uint8_t)(0xFF - (council & 0xFF)); /* in another order than their numbers */
    ret_id[1] = (uint8_t)(council >> 8);
}

static uint64_t crowd_date(uint32_t council)
{
    return 1 + council * 7919u % CROWD / 2; /* two of each */
}

/* How many of those a founder vouches for come before that one. */
static uint32_t crowd_place(uint32_t council)
{
    uint8_t id[32], other[32];
    uint32_t place = 0;
    crowd_id(id, council);
    for (uint32_t i = CROWD_FOUNDERS; i < CROWD_FOUNDERS + CROWD; i++) {
        crowd_id(other, i);
        place += crowd_date(i) < crowd_date(council) || (crowd_date(i) == crowd_date(council) && memcmp(other, id, 32) < 0);
    }
    return place;
}

static uint32_t check_crowd(const struct kr_membership *membership, uint32_t expelled)
{
    const uint32_t room = KR_COMMUNITY_COUNCILS_MAX - CROWD_FOUNDERS + (expelled != 0), last = room - 1;
    uint32_t at_last = 0;
    assert_int_equal(kr_membership_count(membership), KR_COMMUNITY_COUNCILS_MAX);
    for (uint32_t i = CROWD_FOUNDERS; i < CROWD_FOUNDERS + CROWD; i++) {
        uint8_t id[32];
        crowd_id(id, i);
        const uint32_t place = crowd_place(i);
        const bool is_member = (kr_membership_standing(membership, id) & KR_IS_MEMBER) != 0;
        assert_int_equal(is_member, place < room && i != expelled);
        at_last = place == last ? i : at_last;
    }
    return at_last;
}

static void of_more_than_there_is_room_for_the_earliest_are_in(void **state)
{
    (void)state;
    struct kr_membership membership;
    uint8_t ids[CROWD_FOUNDERS][32], id[32];
    kr_membership_init(&membership, 1, 2);
    for (uint32_t i = 0; i < CROWD_FOUNDERS; i++) {
        crowd_id(ids[i], i);
        assert_int_equal(kr_membership_found(&membership, ids[i]), KR_OK);
    }
    for (uint32_t i = CROWD_FOUNDERS; i < CROWD_FOUNDERS + CROWD; i++) {
        crowd_id(id, i);
        assert_int_equal(kr_membership_append(&membership, KR_WORD_VOUCH, ids[i % CROWD_FOUNDERS], id, crowd_date(i), false),
                         KR_OK);
    }
    assert_int_equal(kr_membership_settle(&membership), KR_OK);
    const uint32_t last = check_crowd(&membership, 0);
    /* Whom two founders expel makes room for the next, as a voice and as a member. */
    crowd_id(id, last);
    assert_int_equal(kr_membership_put(&membership, KR_WORD_EXPULSION, ids[0], id, 1, false), KR_OK);
    assert_int_equal(kr_membership_put(&membership, KR_WORD_EXPULSION, ids[1], id, 1, false), KR_OK);
    assert_int_equal(kr_membership_settle(&membership), KR_OK);
    (void)check_crowd(&membership, last);
    assert_int_equal(kr_membership_put(&membership, KR_WORD_EXPULSION, ids[1], id, 2, true), KR_OK);
    assert_int_equal(kr_membership_settle(&membership), KR_OK);
    assert_int_equal(check_crowd(&membership, 0), last);
    /* The word of who comes next counts when that one is silenced, and not before. */
    uint8_t next[32], accused[32];
    for (uint32_t i = CROWD_FOUNDERS; i < CROWD_FOUNDERS + CROWD; i++) {
        const uint32_t place = crowd_place(i);
        if (place == 0) {
            crowd_id(accused, i);
        } else if (place == KR_COMMUNITY_COUNCILS_MAX - CROWD_FOUNDERS) {
            crowd_id(next, i);
        }
    }
    assert_int_equal(kr_membership_put(&membership, KR_WORD_EXPULSION, ids[0], accused, 1, false), KR_OK);
    assert_int_equal(kr_membership_put(&membership, KR_WORD_EXPULSION, next, accused, 1, false), KR_OK);
    assert_int_equal(kr_membership_settle(&membership), KR_OK);
    assert_int_equal(kr_membership_standing(&membership, accused) & KR_IS_EXPELLED, 0);
    assert_int_equal(kr_membership_put(&membership, KR_WORD_EXPULSION, ids[1], id, 3, false), KR_OK);
    assert_int_equal(kr_membership_settle(&membership), KR_OK);
    assert_int_equal(kr_membership_standing(&membership, accused) & KR_IS_EXPELLED, KR_IS_EXPELLED);
    kr_membership_deinit(&membership);
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
        cmocka_unit_test(large_communities_too),
        cmocka_unit_test(a_quorum_expels_a_founder_and_whom_it_alone_let_in),
        cmocka_unit_test(sybils_take_no_community_over),
        cmocka_unit_test(out_of_two_blocs_the_earlier_one_stays),
        cmocka_unit_test(a_member_is_as_old_as_the_last_vouch_that_it_needed),
        cmocka_unit_test(who_left_has_no_say_and_may_come_back),
        cmocka_unit_test(a_newcomer_is_in_since_the_vouch_that_it_needed_last),
        cmocka_unit_test(of_more_than_there_is_room_for_the_earliest_are_in),
        cmocka_unit_test(expulsions_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
