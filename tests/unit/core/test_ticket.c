#include <sodium.h>
#include <stdio.h>

#include "node/core/claim.h"
#include "proto/wire/ticket.h"
#include "tests/unit/core/bed.h"

/* A chain: 0 and 2 are not linked. */
static int setup(void **state)
{
    *state = bed_new(3);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

/* A ticket of `node` as text; `ttl_s` 0: the usual. */
static void invite(struct bed *bed, uint32_t node, uint64_t ttl_s, char *ret_text, size_t size)
{
    struct kr_invite invite = {.ttl_s = ttl_s, .is_by_hand = true};
    struct kr_writer args;
    struct kr_reader reader;
    kr_writer_init(&args, KR_KIB);
    kr_invite_write(&invite, &args);
    assert_int_equal(bed_request(bed, node, KR_OP_INVITE, args.bytes, args.len, 100), KR_OK);
    kr_reader_init(&reader, bed->result, bed->result_len);
    kr_reader_array(&reader, 1);
    assert_true(kr_slice_text(kr_reader_str(&reader, 2048), ret_text, size));
    kr_writer_deinit(&args);
}

static uint32_t join(struct bed *bed, uint32_t node, const char *ticket, uint64_t ms)
{
    struct kr_writer args;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_join_write(&(struct kr_join){.ticket = {(const uint8_t *)ticket, strlen(ticket)}, .is_by_hand = true}, &args);
    uint32_t code = bed_request(bed, node, KR_OP_JOIN, args.bytes, args.len, ms);
    kr_writer_deinit(&args);
    return code;
}

static void a_ticket_links_two_councils(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    uint8_t id[32];
    invite(bed, 0, 0, text, sizeof text);
    assert_int_equal(join(bed, 2, text, 20000), KR_OK);
    assert_true(bed_link(bed, 0, 2)->has_session);
    assert_true(bed_link(bed, 2, 0)->has_session);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_AMBER, "a.example", 1);
    bed_address(bed, submit, 2);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    bed_run(bed, 1000);
    assert_true(bed_holds(bed, 2, id));
    bed_submission_free(submit);
}

/* Asks to join and runs until there is an answer, and not a millisecond longer. */
static uint32_t join_until_answered(struct bed *bed, uint32_t node, const char *ticket, uint64_t ms)
{
    uint32_t code = join(bed, node, ticket, 0);
    for (uint64_t i = 0; i < ms && code == BED_PENDING; i++) {
        bed_run(bed, 1);
        code = bed->code;
    }
    return code;
}

static void who_has_joined_is_a_member_and_may_invite(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    uint8_t community[32];
    memcpy(community, bed_core(bed, 0)->directory.communities[0]->id, 32);
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    invite(bed, 0, 0, text, sizeof text);
    bed->pages = 0;
    assert_int_equal(join_until_answered(bed, 3, text, 20000), KR_OK);
    assert_int_equal(bed->pages, KR_JOIN_MEMBER);
    assert_true(kr_directory_is_member(&bed_core(bed, 3)->directory, community, bed_node(bed, 3)->council));
    invite(bed, 3, 0, text, sizeof text);
}

static void vouched_at(struct bed *bed, uint32_t node, const uint8_t from[static 32], const uint8_t to[static 32])
{
    struct kr_membership *membership = &bed_core(bed, node)->directory.communities[0]->membership;
    assert_int_equal(kr_membership_put(membership, KR_WORD_VOUCH, from, to, 1, false), KR_OK);
    assert_int_equal(kr_membership_settle(membership), KR_OK);
}

/* As if the founder had vouched for `council` at `node`, which then sees no need to do so itself. */
static void count_as_member(struct bed *bed, uint32_t node, const uint8_t council[static 32])
{
    vouched_at(bed, node, bed_node(bed, 1)->council, council);
}

static void a_membership_that_does_not_come_in_time_is_said_and_comes_later(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    struct kr_vouch vouch = {0};
    struct kr_writer content;
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    const uint8_t *community = bed_core(bed, 1)->directory.communities[0]->id, *joiner = bed_node(bed, 3)->council;
    count_as_member(bed, 0, joiner);
    invite(bed, 0, 0, text, sizeof text);
    uint64_t began_ms = bed->world->now_ms;
    bed->pages = 0;
    assert_int_equal(join_until_answered(bed, 3, text, 90000), KR_TIMEOUT);
    assert_in_range(bed->world->now_ms - began_ms, 20000, 25000);
    assert_int_equal(bed->pages, KR_JOIN_LINKED);
    assert_non_null(strstr(bed->text, "do not join again"));
    assert_true(bed_link(bed, 3, 0)->has_session);
    assert_false(kr_directory_is_member(&bed_core(bed, 3)->directory, community, joiner));
    uint32_t answers = bed->answers;
    memcpy(vouch.council, joiner, 32);
    kr_writer_init(&content, KR_KIB);
    kr_vouch_write(&vouch, &content);
    struct forged vouched = bed_forge(bed, 1,
                                      (struct kr_draft){.kind = KR_KIND_VOUCH,
                                                        .label = KR_TLP_GREEN,
                                                        .community = community,
                                                        .subject = joiner,
                                                        .version = 1,
                                                        .content = {content.bytes, content.len}});
    bed_hand_over(bed, 1, 0, &vouched);
    bed_run(bed, 60000);
    assert_int_equal(bed->answers, answers); /* nobody waits any more */
    invite(bed, 3, 0, text, sizeof text);
    forged_free(&vouched);
    kr_writer_deinit(&content);
}

/* The inviter falls silent as soon as it has welcomed. */
static void a_link_alone_that_does_not_come_up_is_said(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    struct kr_ticket ticket;
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    invite(bed, 0, 0, text, sizeof text);
    assert_int_equal(kr_ticket_parse(text, strlen(text), &ticket, NULL), KR_OK);
    ticket.has_community = false;
    assert_int_equal(kr_ticket_print(&ticket, text, sizeof text), KR_OK);
    assert_int_equal(join(bed, 3, text, 0), BED_PENDING);
    while (bed_link(bed, 3, 0)->state == KR_LINK_JOINING) {
        bed_run(bed, 1);
    }
    sim_world_crash(bed->world, 0, UINT32_MAX);
    bed_run(bed, 30000);
    assert_int_equal(bed->code, KR_TIMEOUT);
    assert_non_null(strstr(bed->text, "is not up yet"));
    assert_int_equal(bed_link(bed, 3, 0)->state, KR_LINK_OPEN);
}

/* The welcome is lost (or goes to another who shows the same ticket): the joiner does not wait for it for long. */
static void a_lost_welcome_is_asked_for_again(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    const uint32_t last = bed_core(bed, 0)->invitation_count;
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    invite(bed, 0, 0, text, sizeof text);
    assert_int_equal(join(bed, 3, text, 0), BED_PENDING);
    while (!bed_core(bed, 0)->invitations[last]->is_used) {
        bed_run(bed, 1);
    }
    assert_int_equal(bed_link(bed, 3, 0)->state, KR_LINK_JOINING);
    kr_session_wipe(&bed_link(bed, 3, 0)->session); /* what is under way does not open */
    bed_run(bed, 5000);
    assert_int_equal(bed->code, KR_OK);
    assert_int_equal(bed_link(bed, 3, 0)->state, KR_LINK_OPEN);
}

/* As if this node had never been linked with that one. */
static void forget_link(struct bed *bed, uint32_t node, uint32_t other)
{
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_delete(txn, KR_TABLE_LINKS, bed_node(bed, other)->council, 32), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    sim_world_crash(bed->world, node, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, node), SIM_HOLDS);
}

static void expect_turned_away(struct bed *bed, uint32_t node, const char *ticket)
{
    uint64_t began_ms = bed->world->now_ms;
    assert_int_equal(join_until_answered(bed, node, ticket, 90000), KR_USED);
    assert_true(bed->world->now_ms - began_ms < 1000);
    assert_non_null(strstr(bed->text, "Ask for a new one"));
    assert_null(kr_link_by_council(bed_core(bed, node), bed_node(bed, 0)->council));
}

static void a_ticket_that_was_used_admits_nobody_else(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    uint32_t open = bed_core(bed, 0)->invitation_count;
    invite(bed, 0, 0, text, sizeof text);
    assert_int_equal(bed_core(bed, 0)->invitation_count, open + 1);
    assert_int_equal(join(bed, 2, text, 20000), KR_OK);
    uint32_t links = bed_core(bed, 0)->link_count;
    assert_int_equal(bed_core(bed, 0)->invitation_count, open); /* forgotten, so net lets its key in no more */
    /* The very same council: it is linked already. */
    assert_int_equal(join(bed, 2, text, 20000), KR_EXISTS);
    /* Another one (which has lost its link with 0, so that it may try). */
    forget_link(bed, 1, 0);
    expect_turned_away(bed, 1, text);
    /* The very same one, which has lost its link as well. */
    forget_link(bed, 2, 0);
    expect_turned_away(bed, 2, text);
    assert_int_equal(bed_core(bed, 0)->link_count, links);
}

/* A node that was set back, say: it does not know of the link any more. */
static void who_is_turned_away_by_a_peer_says_so_and_dials_again(void **state)
{
    struct bed *bed = *state;
    uint32_t dialler = bed_link(bed, 0, 1)->we_dial ? 0 : 1, other = 1 - dialler;
    struct kr_txn *txn = NULL;
    uint8_t row[KR_TABLE_VALUE_BYTES_MAX];
    size_t len = 0;
    const uint8_t *council = bed_node(bed, dialler)->council;
    assert_int_equal(kr_store_write_begin(bed_node(bed, other)->store, &txn), KR_OK);
    assert_int_equal(kr_store_get(txn, KR_TABLE_LINKS, council, 32, row, sizeof row, &len), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    forget_link(bed, other, dialler);
    bed_run(bed, 20000);
    assert_true(bed_said(bed, dialler, "does not admit this node"));
    assert_false(bed_link(bed, dialler, other)->has_session);
    assert_int_equal(kr_store_write_begin(bed_node(bed, other)->store, &txn), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_LINKS, council, 32, row, len), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    sim_world_crash(bed->world, other, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, other), SIM_HOLDS);
    bed_run(bed, 40000);
    assert_true(bed_link(bed, dialler, other)->has_session);
}

/* As net tells it: the node of the ticket was dialled, and nobody listens there. */
static void refuse(struct bed *bed, uint32_t node, uint32_t number)
{
    sim_world_push(bed->world, bed_node(bed, node), (struct kr_event){.type = KR_EVENT_UNREACHED, .number = number}, NULL, 0,
                   bed->world->now_ms);
    bed_run(bed, 10);
}

/* Within seconds, and not at once: the node may be just being started. */
static void that_nobody_listens_is_said_soon(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    invite(bed, 0, 0, text, sizeof text);
    sim_world_crash(bed->world, 0, BED_DAY_MS);
    assert_int_equal(join(bed, 2, text, 1000), BED_PENDING);
    const uint32_t number = bed_link(bed, 2, 0)->number;
    refuse(bed, 2, number);
    bed_run(bed, 4500);
    assert_int_equal(bed->code, BED_PENDING);
    refuse(bed, 2, bed_link(bed, 2, 1)->number); /* one that stands is no ticket's */
    refuse(bed, 2, 4711);
    assert_int_equal(bed->code, BED_PENDING);
    refuse(bed, 2, number);
    assert_int_equal(bed->code, KR_TIMEOUT);
    assert_non_null(strstr(bed->text, "no connection can be made"));
    assert_null(kr_link_by_council(bed_core(bed, 2), bed_node(bed, 0)->council));
    assert_true(bed_link(bed, 2, 1)->has_session);
    refuse(bed, 2, number);
    assert_int_equal(sim_world_start(bed->world, 0), SIM_HOLDS);
    assert_int_equal(join(bed, 2, text, 20000), KR_OK); /* the ticket stayed good */
}

static void who_is_just_being_started_is_waited_for(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    invite(bed, 0, 0, text, sizeof text);
    sim_world_crash(bed->world, 0, 4000);
    assert_int_equal(join(bed, 2, text, 100), BED_PENDING);
    for (uint32_t i = 0; i < 3; i++) {
        refuse(bed, 2, bed_link(bed, 2, 0)->number);
        bed_run(bed, 1000);
    }
    bed_run(bed, 17000);
    assert_int_equal(bed->code, KR_OK);
}

static void tickets_expire_on_both_sides(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    invite(bed, 0, 60, text, sizeof text);
    uint32_t before = bed_core(bed, 0)->invitation_count;
    bed_run(bed, 120000);
    assert_int_equal(join(bed, 2, text, 1000), KR_EXPIRED);
    assert_int_equal(bed_core(bed, 0)->invitation_count, before - 1);
}

/* A joiner whose clock stands still: the inviter decides by its own. */
static void who_shows_an_expired_ticket_is_turned_away(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    struct kr_ticket ticket = {0};
    /* Over, and not yet swept away: again at another moment where the node happens to look just then. */
    for (uint32_t tries = 0; tries < 20 && bed_core(bed, 0)->invitation_count == 0; tries++) {
        bed_run(bed, 137);
        invite(bed, 0, 60, text, sizeof text);
        assert_int_equal(kr_ticket_parse(text, strlen(text), &ticket, NULL), KR_OK);
        bed_run(bed, ticket.expires_s * 1000 - bed->world->now_ms);
    }
    ticket.expires_s += 1000000; /* altered and printed again: the date on it is only advice */
    assert_int_equal(kr_ticket_print(&ticket, text, sizeof text), KR_OK);
    assert_int_equal(bed_core(bed, 0)->invitation_count, 1);
    expect_turned_away(bed, 2, text);
    bed_run(bed, 120000);
    expect_turned_away(bed, 2, text);
    assert_null(kr_link_by_council(bed_core(bed, 0), bed_node(bed, 2)->council));
}

static void tampered_tickets_are_refused_or_lead_nowhere(void **state)
{
    struct bed *bed = *state;
    char text[2048], altered[2048];
    struct kr_ticket ticket;
    invite(bed, 0, 0, text, sizeof text);
    for (size_t i = 0; i < strlen(text); i += 7) {
        memcpy(altered, text, sizeof altered);
        altered[i] = altered[i] == 'q' ? 'p' : 'q';
        uint32_t code = join(bed, 2, altered, 10);
        assert_true(code != KR_OK && code != BED_PENDING);
    }
    /* A checksum is no seal: with another secret the door stays shut. */
    assert_int_equal(kr_ticket_parse(text, strlen(text), &ticket, NULL), KR_OK);
    ticket.secret[3] ^= 1;
    assert_int_equal(kr_ticket_print(&ticket, altered, sizeof altered), KR_OK);
    expect_turned_away(bed, 2, altered);
    /* And with another council's name nothing is said to whoever answers. */
    ticket.secret[3] ^= 1;
    ticket.council[0] ^= 1;
    assert_int_equal(kr_ticket_print(&ticket, altered, sizeof altered), KR_OK);
    assert_int_equal(join(bed, 2, altered, 90000), KR_TIMEOUT);
    assert_null(kr_link_by_council(bed_core(bed, 0), bed_node(bed, 2)->council));
    /* Ours is still good. */
    assert_int_equal(join(bed, 2, text, 20000), KR_OK);
}

static void nobody_joins_itself_and_tickets_are_bounded(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    struct kr_writer args;
    struct kr_invite request = {0};
    uint32_t code = KR_OK;
    invite(bed, 0, 0, text, sizeof text);
    assert_int_equal(join(bed, 0, text, 1000), KR_INVALID);
    kr_writer_init(&args, KR_KIB);
    kr_invite_write(&request, &args);
    for (uint32_t i = 0; i < KR_TICKETS_MAX + 1 && code == KR_OK; i++) {
        code = bed_request(bed, 0, KR_OP_INVITE, args.bytes, args.len, 1);
    }
    assert_int_equal(code, KR_BOUNDS);
    assert_true(bed_core(bed, 0)->invitation_count <= KR_TICKETS_MAX);
    kr_writer_deinit(&args);
}

/* Whoever holds a ticket says what it likes before it is linked: nothing happens. */
static void noise_over_a_ticket_is_ignored(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    invite(bed, 0, 0, text, sizeof text);
    struct kr_core *core = bed_core(bed, 0);
    uint32_t number = core->invitations[core->invitation_count - 1]->number, links = core->link_count;
    for (uint32_t i = 0; i < 2000; i++) {
        uint8_t noise[200];
        kr_rng_bytes(&bed->world->rng, noise, sizeof noise);
        noise[0] = (uint8_t)(i % 5);
        sim_world_push(bed->world, bed_node(bed, 0), (struct kr_event){.type = KR_EVENT_FRAME, .number = number}, noise,
                       i % sizeof noise, bed->world->now_ms + i);
    }
    memset(bed->sent, 0, sizeof bed->sent);
    bed_run(bed, 3000);
    assert_int_equal(core->link_count, links);
    assert_true(bed->sent[0] < 50);
    assert_int_equal(join(bed, 2, text, 20000), KR_OK);
}

/* Node `node` shows this transport key on a newer card of its own, as if its keyring had it. */
static void show_key(struct bed *bed, uint32_t node, uint64_t version, const uint8_t key[static 32])
{
    struct kr_card card = bed_card(bed, node, node);
    struct kr_writer content;
    memcpy(card.transport[0].public_key, key, 32);
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    struct forged forged = bed_forge(bed, node,
                                     (struct kr_draft){.kind = KR_KIND_COUNCIL_CARD,
                                                       .label = KR_TLP_GREEN,
                                                       .community = bed_core(bed, 1)->directory.communities[0]->id,
                                                       .subject = bed_node(bed, node)->council,
                                                       .version = version,
                                                       .content = {content.bytes, content.len}});
    bed_hand_over(bed, node == 1 ? 0 : 1, node, &forged);
    assert_true(bed_holds(bed, node, forged.id));
    forged_free(&forged);
    kr_writer_deinit(&content);
}

/* Whoever lies does not look for the node whose key it claims for its own. */
static void forget_sisters(struct bed *bed, uint32_t node)
{
    struct kr_core *core = bed_core(bed, node);
    for (uint32_t i = 0; i < core->link_count;) {
        struct kr_link *link = core->links[i];
        if (!kr_link_is_sister(core, link)) {
            i++;
            continue;
        }
        struct sim_node *dialler = bed_node(bed, node);
        for (uint32_t j = 0; j < dialler->dial_count; j++) {
            if (dialler->dials[j].number == link->number) {
                dialler->dials[j--] = dialler->dials[--dialler->dial_count];
            }
        }
        core->links[i] = core->links[--core->link_count];
        kr_link_free(link);
    }
}

/* The council 1 is linked with 0 and its key is on its card, for all to read: 2 claims it, then 0's own, then the ticket's. */
static void nobody_is_linked_under_a_key_that_is_taken(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    struct kr_ticket ticket;
    uint8_t keys[3][32];
    invite(bed, 0, 0, text, sizeof text);
    assert_int_equal(kr_ticket_parse(text, strlen(text), &ticket, NULL), KR_OK);
    memcpy(keys[0], bed_node(bed, 1)->keyring->transport_public, 32);
    memcpy(keys[1], bed_node(bed, 0)->keyring->transport_public, 32);
    assert_int_equal(crypto_scalarmult_base(keys[2], ticket.secret), 0);
    for (uint32_t i = 0; i < 3; i++) {
        show_key(bed, 2, 10 + i, keys[i]);
        forget_sisters(bed, 2);
        assert_int_equal(join_until_answered(bed, 2, text, 20000), KR_KEY);
        assert_null(kr_link_by_council(bed_core(bed, 0), bed_node(bed, 2)->council));
        assert_true(bed_said(bed, 0, "could not be linked"));
    }
    assert_true(bed_link(bed, 0, 1)->has_session);
    show_key(bed, 2, 20, bed_node(bed, 2)->keyring->transport_public);
    assert_int_equal(join(bed, 2, text, 20000), KR_OK); /* with the same ticket: it was not used up */
    assert_true(bed_link(bed, 0, 2)->has_session);
}

static void a_ticket_with_a_key_that_is_taken_is_not_dialled(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    struct kr_ticket ticket;
    invite(bed, 2, 0, text, sizeof text);
    assert_int_equal(kr_ticket_parse(text, strlen(text), &ticket, NULL), KR_OK);
    for (uint32_t i = 0; i < 2; i++) {
        memcpy(ticket.transport_public, bed_node(bed, i)->keyring->transport_public, 32);
        assert_int_equal(kr_ticket_print(&ticket, text, sizeof text), KR_OK);
        assert_int_equal(join(bed, 0, text, 1), KR_KEY);
        assert_null(kr_link_by_council(bed_core(bed, 0), bed_node(bed, 2)->council));
    }
}

/* Links of others under the key of the link with 1, some of them older: it is used by who has proved it. */
static void links_under_one_key_are_not_all_used(void **state)
{
    struct bed *bed = *state;
    uint8_t low[32] = {0}, high[32];
    const uint8_t *doubles[] = {low, high};
    struct kr_txn *txn = NULL;
    memset(high, 0xFF, sizeof high);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_step step = {.core = bed_core(bed, 0), .txn = txn};
        struct kr_link *link = malloc(sizeof *link);
        assert_non_null(link);
        memcpy(link, bed_link(bed, 0, 1), sizeof *link);
        memcpy(link->council, doubles[i], 32);
        memcpy(link->row, doubles[i], 32);
        link->number = i == 0 ? 0 : 1000;
        assert_int_equal(kr_link_put(&step, link), KR_OK);
        free(link);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    sim_world_crash(bed->world, 0, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, 0), SIM_HOLDS);
    bed_run(bed, 20000);
    struct kr_core *core = bed_core(bed, 0);
    assert_true(bed_link(bed, 0, 1)->has_session && kr_claim_is_let_in(core, bed_link(bed, 0, 1)));
    for (uint32_t i = 0; i < 2; i++) {
        const struct kr_link *link = kr_link_by_council(core, doubles[i]);
        assert_true(link != NULL && !link->has_session && kr_claim_is_lost(core, link) && !kr_claim_is_let_in(core, link));
    }
}

/* 0 cannot vouch: its own vouch is refused. Nothing is written then, nobody's batch is undone, and the joiner hears why. */
static void a_welcome_that_cannot_be_written_is_not_begun(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    invite(bed, 0, 0, text, sizeof text);
    struct kr_core *core = bed_core(bed, 0);
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    uint8_t *root = (uint8_t *)(uintptr_t)self->root_public;
    bed_node(bed, 0)->keyring->root_public[0] ^= 1; /* so that it signs, and with a key that its card does not have */
    root[0] ^= 1;
    assert_int_equal(join_until_answered(bed, 3, text, 20000), KR_UNKNOWN_AUTHOR);
    assert_ptr_equal(bed_core(bed, 0), core); /* not made anew */
    assert_null(kr_link_by_council(core, bed_node(bed, 3)->council));
    assert_false(core->invitations[core->invitation_count - 1]->is_used);
    root[0] ^= 1;
    bed_node(bed, 0)->keyring->root_public[0] ^= 1;
    assert_int_equal(join_until_answered(bed, 3, text, 20000), KR_OK);
}

/* As many members as a community holds, at that node alone. */
static void crowd(struct bed *bed, uint32_t node)
{
    const struct kr_membership *membership = &bed_core(bed, node)->directory.communities[0]->membership;
    uint8_t voucher[32];
    memcpy(voucher, bed_node(bed, 1)->council, 32);
    for (uint32_t i = 0; kr_membership_count(membership) < KR_COMMUNITY_COUNCILS_MAX; i++) {
        uint8_t id[32] = {0x99, (uint8_t)(i >> 8), (uint8_t)i};
        vouched_at(bed, node, voucher, id);
        if (i % 1000 == 999) {
            memcpy(voucher, id, 32);
        }
    }
}

static void nobody_is_invited_into_a_full_community(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    invite(bed, 0, 0, text, sizeof text);
    struct kr_core *core = bed_core(bed, 0);
    crowd(bed, 0);
    assert_int_equal(join_until_answered(bed, 3, text, 20000), KR_BOUNDS);
    assert_ptr_equal(bed_core(bed, 0), core);
    assert_null(kr_link_by_council(core, bed_node(bed, 3)->council));
}

/* 0 has given all the vouches that it may: joiners hear so, and nobody's batch is undone. */
static void who_has_no_vouch_left_says_so(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    invite(bed, 0, 0, text, sizeof text);
    struct kr_core *core = bed_core(bed, 0);
    struct kr_vouch vouch = {.council = {0x99}};
    struct kr_header header = {.kind = KR_KIND_VOUCH, .has_community = true, .has_subject = true, .version = 1};
    memcpy(header.author, core->self, 32);
    memcpy(header.community, core->directory.communities[0]->id, 32);
    for (uint32_t i = 0; i < KR_VOUCHES_MAX; i++) {
        struct kr_writer content;
        vouch.council[1] = (uint8_t)(i >> 8);
        vouch.council[2] = (uint8_t)i;
        memcpy(header.subject, vouch.council, 32);
        kr_writer_init(&content, KR_KIB);
        kr_vouch_write(&vouch, &content);
        enum kr_err err =
            kr_directory_take(&core->directory, &header, vouch.council, (struct kr_slice){content.bytes, content.len});
        assert_int_equal(err, KR_OK);
        kr_writer_deinit(&content);
    }
    assert_int_equal(join_until_answered(bed, 3, text, 20000), KR_BOUNDS);
    assert_ptr_equal(bed_core(bed, 0), core);
    assert_null(kr_link_by_council(core, bed_node(bed, 3)->council));
}

/* 1 has lost its machine and joins 0 again with another transport key, by which the other side is to dial. */
static void who_joins_anew_is_dialled_by_the_new_key(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    struct kr_txn *txn = NULL;
    uint8_t key[32];
    bool did_dial = bed_link(bed, 0, 1)->we_dial;
    memset(key, did_dial ? 0 : 0xFF, sizeof key);
    key[31] = 0x22;
    show_key(bed, 1, 10, key);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_delete(txn, KR_TABLE_LINKS, bed_node(bed, 0)->council, 32), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    sim_world_crash(bed->world, 1, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, 1), SIM_HOLDS);
    invite(bed, 0, 0, text, sizeof text);
    assert_int_equal(join(bed, 1, text, 5000), BED_PENDING); /* welcomed; the link cannot come up: 1 does not hold that key */
    assert_memory_equal(bed_link(bed, 0, 1)->transport_key, key, 32);
    assert_int_equal(bed_link(bed, 0, 1)->we_dial, !did_dial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_ticket_links_two_councils, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_joined_is_a_member_and_may_invite, setup, teardown),
        cmocka_unit_test_setup_teardown(a_membership_that_does_not_come_in_time_is_said_and_comes_later, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_alone_that_does_not_come_up_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ticket_that_was_used_admits_nobody_else, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_turned_away_by_a_peer_says_so_and_dials_again, setup, teardown),
        cmocka_unit_test_setup_teardown(that_nobody_listens_is_said_soon, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_just_being_started_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(tickets_expire_on_both_sides, setup, teardown),
        cmocka_unit_test_setup_teardown(who_shows_an_expired_ticket_is_turned_away, setup, teardown),
        cmocka_unit_test_setup_teardown(tampered_tickets_are_refused_or_lead_nowhere, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_joins_itself_and_tickets_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(noise_over_a_ticket_is_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_is_linked_under_a_key_that_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ticket_with_a_key_that_is_taken_is_not_dialled, setup, teardown),
        cmocka_unit_test_setup_teardown(links_under_one_key_are_not_all_used, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_welcome_is_asked_for_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_welcome_that_cannot_be_written_is_not_begun, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_is_invited_into_a_full_community, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_no_vouch_left_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(who_joins_anew_is_dialled_by_the_new_key, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/ticket", tests, NULL, NULL);
}
