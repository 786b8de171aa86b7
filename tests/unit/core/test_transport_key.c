/* A new transport key for a node: when it has its turn, how peers follow, and what a crash in between leaves. */
#include <sodium.h>

#include "node/core/roles.h"
#include "node/core/transport_key.h"
#include "proto/client/rekey.h"
#include "tests/unit/core/bed.h"

enum { OWN, FIRST_PEER, SECOND_PEER, NODES };

static int setup(void **state)
{
    struct sim_edges edges = {0};
    sim_edges_add(&edges, OWN, FIRST_PEER);
    sim_edges_add(&edges, OWN, SECOND_PEER);
    *state = bed_new_with(NODES, &edges);
    sim_edges_free(&edges);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static uint32_t act_at(struct bed *bed, uint32_t node, uint8_t what)
{
    bed->pages = 0;
    return bed_request(bed, node, KR_OP_TRANSPORT, (const uint8_t[]){0x91, what}, 2, 100);
}

static uint32_t act(struct bed *bed, uint8_t what)
{
    return act_at(bed, OWN, what);
}

/* What is made and put on the card; then whoever is there hears of it. */
static void begin_at(struct bed *bed, uint32_t node)
{
    assert_int_equal(act_at(bed, node, KR_TRANSPORT_MAKE), KR_OK);
    assert_int_equal(act_at(bed, node, KR_TRANSPORT_LIST), KR_OK);
}

static void begin(struct bed *bed)
{
    begin_at(bed, OWN);
}

static const struct kr_keyring *own(struct bed *bed)
{
    return bed_node(bed, OWN)->keyring;
}

static struct kr_link *link_under(struct bed *bed, uint32_t node, const uint8_t key[static 32])
{
    struct kr_core *core = bed_core(bed, node);
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (memcmp(core->links[i]->transport_key, key, 32) == 0) {
            return core->links[i];
        }
    }
    return NULL;
}

static uint32_t links_with_own(struct bed *bed, uint32_t node)
{
    uint32_t at = 0, count = 0;
    while (kr_link_of_council(bed_core(bed, node), bed_node(bed, OWN)->council, &at) != NULL) {
        count++;
    }
    return count;
}

/* What is said over the link comes through. */
static void assert_passes(struct bed *bed, uint32_t from, uint32_t to, const char *domain, uint8_t token)
{
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, domain, token);
    uint8_t id[32];
    assert_int_equal(bed_submit(bed, from, submission, id), KR_OK);
    bed_submission_free(submission);
    bed_run(bed, 2000);
    assert_true(bed_holds(bed, to, id));
}

static struct kr_status_transport status_of(struct bed *bed)
{
    static struct kr_status status;
    assert_int_equal(bed_request(bed, OWN, KR_OP_STATUS, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    assert_int_equal(kr_status_read((struct kr_slice){bed->result, bed->result_len}, &status), KR_OK);
    return status.transport;
}

/* Time goes by, and nobody says anything. */
static void all_sleep(struct bed *bed, uint64_t ms)
{
    for (uint32_t node = 0; node < NODES; node++) {
        sim_world_crash(bed->world, node, ms);
    }
    bed_run(bed, ms + 10000);
}

static uint32_t peers_shown(struct bed *bed, uint32_t node)
{
    bed->pages = 0;
    assert_int_equal(bed_request(bed, node, KR_OP_PEERS, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    return bed->pages;
}

static void the_next_key_has_its_turn_when_every_peer_has_the_card(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    begin(bed);
    bed_run(bed, 10000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_false(kr_keyring_transport_comes(own(bed)));
    for (uint32_t peer = FIRST_PEER; peer < NODES; peer++) {
        const struct kr_link *now = link_under(bed, peer, own(bed)->transport_public);
        const struct kr_link *old = link_under(bed, peer, before.transport_public);
        assert_true(now != NULL && now->has_session && now->state == KR_LINK_OPEN);
        assert_true(old != NULL && !old->has_session && kr_link_stand_in(bed_core(bed, peer), old) == now);
        assert_true(bed_link(bed, OWN, peer)->has_session);
        assert_int_equal(peers_shown(bed, peer), 1); /* one node, whatever it was called */
        assert_int_equal(bed_core(bed, peer)->alarms_open, 0);
    }
    assert_int_equal(bed_core(bed, OWN)->link_count, 2); /* none with itself */
    assert_passes(bed, OWN, FIRST_PEER, "out.example.jp", 1);
    assert_passes(bed, SECOND_PEER, FIRST_PEER, "through.example.jp", 2);
    assert_false(status_of(bed).comes);
    /* The key before ends, and the link with it; the other one is the first then. */
    all_sleep(bed, UINT64_C(1000) * KR_KEY_OVERLAP_S);
    bed_run(bed, 3600000);
    assert_int_equal(links_with_own(bed, FIRST_PEER), 1);
    assert_true(bed_link(bed, FIRST_PEER, OWN)->has_session);
    bed_restart(bed, FIRST_PEER);
    assert_true(bed_link(bed, FIRST_PEER, OWN)->has_session);
}

/* To whom the card has expired, or is one of the future, has not heard of it though he is there; once his clock is right he is told
 * anew. */
static void whose_clock_is_wrong_is_waited_for(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    bed->world->doubts_clocks = true; /* else it lets go of all that has expired */
    sim_world_clock(bed->world, FIRST_PEER, INT64_C(3660) * BED_DAY_MS);
    bed_run(bed, 4000);
    begin(bed);
    bed_run(bed, 200000);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_true(bed_link(bed, OWN, FIRST_PEER)->is_clock_wrong);
    sim_world_clock(bed->world, FIRST_PEER, 0);
    sim_world_crash(bed->world, FIRST_PEER, 1000);
    bed_run(bed, 60000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_passes(bed, OWN, FIRST_PEER, "right.example.jp", 1);
}

/* A clock may be up to a day ahead when the key is made: to peers the key has begun all the same. */
static void a_clock_that_is_ahead_keeps_nobody_out(void **state)
{
    struct bed *bed = *state;
    all_sleep(bed, UINT64_C(3) * BED_DAY_MS); /* else the next one begins a second behind the one in use */
    const struct kr_keyring before = *own(bed);
    sim_world_clock(bed->world, OWN, BED_DAY_MS - 60000);
    bed_run(bed, 4000);
    begin(bed);
    const struct kr_card card = bed_card(bed, OWN, OWN);
    const uint64_t now_s = bed_node(bed, OWN)->now_ms / 1000;
    assert_in_range(card.transport[0].from_s, now_s - 86400 - 3000 - 10, now_s - 86400 - 3000);
    assert_int_equal(card.transport[1].until_s, card.transport[0].from_s + KR_KEY_EARLIER_S + KR_KEY_OVERLAP_S);
    bed_run(bed, 10000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    for (uint32_t peer = FIRST_PEER; peer < NODES; peer++) {
        const struct kr_link *now = link_under(bed, peer, own(bed)->transport_public);
        assert_true(now != NULL && now->has_session);
        assert_passes(bed, peer, OWN, "ahead.example.jp", (uint8_t)peer);
    }
}

/* It was further ahead, and is right again: to peers the card is one of the future, and the key with it. They are told once more
 * when its time has come. */
static void to_whom_the_card_is_of_the_future_is_waited_for(void **state)
{
    struct bed *bed = *state;
    all_sleep(bed, UINT64_C(3) * BED_DAY_MS);
    const struct kr_keyring before = *own(bed);
    bed->world->doubts_clocks = true;
    sim_world_clock(bed->world, OWN, 2 * BED_DAY_MS);
    bed_run(bed, 4000);
    begin(bed);
    bed_run(bed, 100000);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    sim_world_clock(bed->world, OWN, 0);
    sim_world_crash(bed->world, OWN, 1000);
    bed_run(bed, BED_DAY_MS - 3600000);
    assert_false(bed_link(bed, OWN, FIRST_PEER)->is_clock_wrong);
    assert_true(bed_link(bed, OWN, FIRST_PEER)->has_session);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    const struct kr_status_transport status = status_of(bed);
    assert_true(status.is_listed && status.links == 2 && status.names.len > 0);
    assert_int_equal(bed_times_said(bed, OWN, "goes by another card"), 0); /* of the future is not outdone */
    bed_run(bed, 2 * 3600000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    for (uint32_t peer = FIRST_PEER; peer < NODES; peer++) {
        const struct kr_link *now = link_under(bed, peer, own(bed)->transport_public);
        assert_true(now != NULL && now->has_session);
        assert_passes(bed, peer, OWN, "future.example.jp", (uint8_t)peer);
    }
}

/* Nobody who is away is lost: all goes on under the key before, until that one has heard of the next. */
static void who_is_away_is_waited_for(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    sim_world_crash(bed->world, FIRST_PEER, BED_DAY_MS);
    begin(bed);
    bed_run(bed, 200000);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_passes(bed, OWN, SECOND_PEER, "meanwhile.example.jp", 1);
    /* The link for the next key rests, and is not shown. */
    const struct kr_link *rests = link_under(bed, SECOND_PEER, own(bed)->next_transport_public);
    assert_true(rests != NULL && !rests->has_session && link_under(bed, SECOND_PEER, before.transport_public)->has_session);
    assert_int_equal(peers_shown(bed, SECOND_PEER), 1);
    const struct kr_status_transport status = status_of(bed);
    assert_true(status.comes && status.is_listed && status.links == 1 && status.machines == 0 && status.names.len > 0);
    assert_in_range(status.until_s, bed_node(bed, OWN)->now_ms / 1000 + KR_KEY_OVERLAP_S - 300,
                    bed_node(bed, OWN)->now_ms / 1000 + KR_KEY_OVERLAP_S);
    /* A restart in the middle: who has heard hears once more, who has not is still waited for. */
    sim_world_crash(bed->world, OWN, 1000);
    bed_run(bed, 100000);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_int_equal(status_of(bed).links, 1);
    bed_run(bed, BED_DAY_MS);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_passes(bed, FIRST_PEER, SECOND_PEER, "back.example.jp", 2);
    assert_passes(bed, OWN, FIRST_PEER, "too.example.jp", 3);
}

/* Who heard of one key and was away since has not heard of the one that comes after it. */
static void who_heard_of_the_first_is_waited_for_again(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring before = *own(bed);
    sim_world_crash(bed->world, SECOND_PEER, 100000);
    begin(bed);
    bed_run(bed, 50000);
    assert_true(bed_link(bed, OWN, FIRST_PEER)->knows_next);
    sim_world_crash(bed->world, FIRST_PEER, UINT64_C(20) * BED_DAY_MS);
    bed_run(bed, 300000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    before = *own(bed);
    begin(bed);
    bed_run(bed, 300000);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_int_equal(status_of(bed).links, 1);
}

/* A peer may have two keys itself, and hears under one of them. */
static void two_that_turn_do_not_wait_for_each_other(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed), peers = *bed_node(bed, FIRST_PEER)->keyring;
    begin(bed);
    begin_at(bed, FIRST_PEER);
    bed_run(bed, 300000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_memory_not_equal(bed_node(bed, FIRST_PEER)->keyring->transport_public, peers.transport_public, 32);
    assert_passes(bed, OWN, FIRST_PEER, "both.example.jp", 1);
}

static void a_key_that_a_peer_had_is_not_waited_for(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed), peers = *bed_node(bed, FIRST_PEER)->keyring;
    begin_at(bed, FIRST_PEER);
    bed_run(bed, 10000);
    assert_memory_not_equal(bed_node(bed, FIRST_PEER)->keyring->transport_public, peers.transport_public, 32);
    begin(bed);
    bed_run(bed, 10000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
}

static struct kr_link *fill_links(struct bed *bed, uint32_t node)
{
    struct kr_core *core = bed_core(bed, node);
    struct kr_link *last = NULL;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, node)->store, &txn), KR_OK);
    struct kr_step step = {.core = core, .txn = txn};
    while (core->link_count < KR_LINKS_MAX) {
        struct kr_link fresh = {.state = KR_LINK_OPEN, .number = 10000 + core->link_count};
        memset(fresh.council, 0xA0, 32);
        memset(fresh.transport_key, 0xA0, 32);
        fresh.council[0] = fresh.transport_key[0] = (uint8_t)core->link_count;
        assert_int_equal(kr_link_add(&step, &fresh, &last), KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    return last;
}

static void drop_link(struct bed *bed, uint32_t node, struct kr_link *link)
{
    struct kr_txn *txn = NULL;
    struct kr_effects effects;
    kr_effects_init(&effects);
    assert_int_equal(kr_store_write_begin(bed_node(bed, node)->store, &txn), KR_OK);
    struct kr_step step = {.core = bed_core(bed, node), .txn = txn, .effects = &effects};
    assert_int_equal(kr_link_drop(&step, link), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_effects_deinit(&effects);
}

/* It has the card, but no room for another link: it would be lost. */
static void a_peer_without_room_is_waited_for(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    struct kr_link *last = fill_links(bed, FIRST_PEER);
    begin(bed);
    bed_run(bed, 1500000);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    const struct kr_status_transport status = status_of(bed);
    assert_true(status.comes && status.is_listed && status.links == 1 && status.names.len > 0);
    assert_int_equal(bed_times_said(bed, OWN, "has no room for a link under this node's next transport key"), 1);
    assert_int_equal(bed_times_said(bed, FIRST_PEER, "there is no room: this node has 256 links"), 1);
    assert_passes(bed, OWN, FIRST_PEER, "meanwhile.example.jp", 1);
    drop_link(bed, FIRST_PEER, last);
    bed_run(bed, 1500000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_passes(bed, OWN, FIRST_PEER, "room.example.jp", 2);
}

/* Not for ever, either; and when the key before has ended its link is the next one's. */
static void a_peer_without_room_follows_when_the_key_before_has_ended(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    (void)fill_links(bed, FIRST_PEER);
    begin(bed);
    bed_run(bed, 10000);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    all_sleep(bed, UINT64_C(1000) * KR_KEY_OVERLAP_S);
    bed_run(bed, 1500000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_int_equal(bed_core(bed, FIRST_PEER)->link_count, KR_LINKS_MAX);
    assert_int_equal(links_with_own(bed, FIRST_PEER), 1);
    assert_passes(bed, OWN, FIRST_PEER, "followed.example.jp", 1);
    bed_restart(bed, FIRST_PEER);
    assert_true(link_under(bed, FIRST_PEER, own(bed)->transport_public)->has_session);
}

/* Whoever has the root key gave a peer a card of a higher version, which this node has not seen: that peer knows no next key, and
 * would let nobody in under it. */
static void a_peer_that_goes_by_another_card_is_waited_for(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    const struct kr_card card = bed_card(bed, FIRST_PEER, OWN);
    struct kr_writer content;
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    struct forged forged = bed_statement(bed, OWN, KR_KIND_COUNCIL_CARD, bed_core(bed, OWN)->directory.communities[0]->id,
                                         bed_node(bed, OWN)->council, 50, (struct kr_slice){content.bytes, content.len});
    bed_hand_over(bed, OWN, FIRST_PEER, &forged);
    forged_free(&forged);
    kr_writer_deinit(&content);
    begin(bed);
    bed_run(bed, 60000);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_int_equal(bed_times_said(bed, OWN, "goes by another card of this council"), 1);
    assert_int_equal(bed_times_said(bed, FIRST_PEER, "that its card here does not list"), 1);
    /* Trees were compared: that card is here, too, and the next key on none. */
    assert_false(kr_transport_is_turning(bed_core(bed, OWN)));
    assert_passes(bed, OWN, FIRST_PEER, "meanwhile.example.jp", 1);
    assert_int_equal(act(bed, KR_TRANSPORT_LIST), KR_OK);
    bed_run(bed, 10000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_passes(bed, OWN, FIRST_PEER, "turned.example.jp", 2);
}

/* Another node of this council does the same in the same second: which key comes behind which is told by dates alone. */
static void two_that_come_next_do_not_begin_at_one_time(void **state)
{
    struct bed *bed = *state;
    struct kr_card card = bed_card(bed, OWN, OWN);
    struct kr_writer content;
    assert_int_equal(act(bed, KR_TRANSPORT_MAKE), KR_OK);
    const uint64_t earliest_s = card.transport[0].from_s + 1; /* behind the one in use, which is no day old */
    for (uint32_t i = 0; i < 5; i++) {
        struct kr_card_key *key = &card.transport[card.transport_count++];
        *key = card.transport[0];
        memset(key->public_key, (int)(0x71 + i), 32);
        key->from_s = earliest_s + i;
    }
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    struct forged forged = bed_statement(bed, OWN, KR_KIND_COUNCIL_CARD, bed_core(bed, OWN)->directory.communities[0]->id,
                                         bed_node(bed, OWN)->council, 50, (struct kr_slice){content.bytes, content.len});
    bed_hand_over(bed, FIRST_PEER, OWN, &forged);
    forged_free(&forged);
    kr_writer_deinit(&content);
    assert_int_equal(act(bed, KR_TRANSPORT_LIST), KR_OK);
    card = bed_card(bed, OWN, OWN);
    assert_int_equal(card.transport_count, 7);
    assert_memory_equal(card.transport[0].public_key, own(bed)->next_transport_public, 32);
    assert_int_equal(card.transport[0].from_s, earliest_s + 5);
    const struct kr_card_key *next = kr_card_transport_after(&card, own(bed)->transport_public);
    assert_true(next != NULL && memcmp(next->public_key, own(bed)->next_transport_public, 32) == 0);
}

/* That net cannot let all of a council's machines in is said when it is told of them, not each time when they are counted. */
static void counting_machines_says_nothing(void **state)
{
    struct bed *bed = *state;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, OWN)->store, &txn), KR_OK);
    for (uint32_t i = 0; i <= KR_PERSON_KEYS_MAX; i++) {
        const uint8_t key[2 + KR_CREDENTIAL_KEY_BYTES] = {'U', KR_CREDENTIAL_KEY, (uint8_t)(i >> 8), (uint8_t)i};
        assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, key, sizeof key, key, 1), KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    begin(bed);
    bed_run(bed, 10000);
    bed_forget_log(bed);
    bed_run(bed, 300000);
    assert_int_equal(status_of(bed).machines, KR_PERSON_KEYS_MAX);
    assert_false(bed_said(bed, OWN, "are not let in"));
}

/* Long names are cut, and within no character: else nobody could read the node's status while it waits. */
static void a_long_name_leaves_the_status_readable(void **state)
{
    struct bed *bed = *state;
    const char *name = "A情報情報情報情報情報情報情報情報情報情報情報情報";
    struct kr_card_edit edit = {.changes = {[KR_CARD_NAME_EN] = true},
                                .texts = {[KR_CARD_NAME_EN] = {(const uint8_t *)name, strlen(name)}}};
    struct kr_writer args;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_card_edit_write(&edit, &args);
    assert_int_equal(bed_request(bed, FIRST_PEER, KR_OP_CARD, args.bytes, args.len, 5000), KR_OK);
    kr_writer_deinit(&args);
    sim_world_crash(bed->world, FIRST_PEER, UINT64_C(20) * BED_DAY_MS);
    begin(bed);
    bed_run(bed, 10000);
    const struct kr_slice names = status_of(bed).names;
    assert_int_equal(names.len, 58);
    assert_memory_equal(names.bytes, name, names.len);
}

/* But not for ever: the key before has an end on the card. */
static void an_end_or_the_operator_ends_the_wait(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring before = *own(bed);
    assert_int_equal(act(bed, KR_TRANSPORT_FINISH), KR_NOT_FOUND);
    sim_world_crash(bed->world, FIRST_PEER, UINT64_C(400) * BED_DAY_MS);
    begin(bed);
    bed_run(bed, 10000);
    assert_int_equal(act(bed, KR_TRANSPORT_FINISH), KR_OK);
    bed_run(bed, 10000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_passes(bed, OWN, SECOND_PEER, "first.example.jp", 1);
    before = *own(bed);
    begin(bed); /* once more, while the first of all is still on the card */
    bed_run(bed, 100000);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    all_sleep(bed, UINT64_C(1000) * KR_KEY_OVERLAP_S);
    bed_run(bed, 700000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_passes(bed, OWN, SECOND_PEER, "second.example.jp", 2);
    assert_int_equal(links_with_own(bed, SECOND_PEER), 1);
}

/* The keyring from before is put back: it is listed until its end, and from there it goes on under yet another key. */
static void an_older_keyring_goes_on(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    begin(bed);
    bed_run(bed, 10000);
    const struct kr_keyring lost = *own(bed);
    assert_memory_not_equal(lost.transport_public, before.transport_public, 32);
    *bed_node(bed, OWN)->keyring = before;
    sim_world_crash(bed->world, OWN, 1000);
    bed_run(bed, 120000);
    assert_int_equal(bed_core(bed, OWN)->link_count, 2); /* the lost key is no other node */
    assert_passes(bed, OWN, FIRST_PEER, "old.example.jp", 1);
    begin(bed);
    bed_run(bed, 10000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_memory_not_equal(own(bed)->transport_public, lost.transport_public, 32);
    assert_null(link_under(bed, FIRST_PEER, lost.transport_public));
    assert_passes(bed, FIRST_PEER, OWN, "third.example.jp", 2);
}

static void what_cannot_be_put_on_the_card_is_said(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(act(bed, KR_TRANSPORT_LIST), KR_NOT_FOUND);
    assert_int_equal(act(bed, 0), KR_MALFORMED);
    assert_int_equal(act(bed, 4), KR_MALFORMED);
    assert_int_equal(act(bed, KR_TRANSPORT_MAKE), KR_OK);
    const struct kr_keyring made = *own(bed);
    assert_int_equal(act(bed, KR_TRANSPORT_MAKE), KR_OK); /* once more: the same waits, and is used for nothing */
    assert_memory_equal(own(bed)->next_transport_public, made.next_transport_public, 32);
    assert_true(status_of(bed).comes && !status_of(bed).is_listed);
    bed_run(bed, 100000);
    assert_memory_equal(own(bed)->transport_public, made.transport_public, 32);
    assert_int_equal(links_with_own(bed, FIRST_PEER), 1);
    sim_world_crash(bed->world, FIRST_PEER, UINT64_C(20) * BED_DAY_MS);
    assert_int_equal(act(bed, KR_TRANSPORT_LIST), KR_OK);
    bed_run(bed, 1000);
    assert_int_equal(act(bed, KR_TRANSPORT_LIST), KR_EXISTS);
    assert_int_equal(kr_op_roles(KR_OP_TRANSPORT), KR_ROLE_ADMIN);
    assert_true(kr_op_is_act(KR_OP_TRANSPORT));
}

/* The root key is elsewhere: nothing changes before it has signed. */
static void the_root_key_may_be_elsewhere(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, OWN)->keyring;
    uint8_t root[64];
    memcpy(root, keyring->root_secret, 64);
    memset(keyring->root_secret, 0, 64);
    begin(bed);
    assert_in_range(bed->pages, 1, 4);
    bed_run(bed, 10000);
    assert_false(kr_transport_is_turning(bed_core(bed, OWN)));
    memcpy(keyring->root_secret, root, 64);
    assert_int_equal(act(bed, KR_TRANSPORT_LIST), KR_OK);
    bed_run(bed, 10000);
    assert_false(kr_keyring_transport_comes(keyring));
    assert_passes(bed, OWN, FIRST_PEER, "signed.example.jp", 1);
}

/* The keyring's file cannot be written when the turn comes: it is tried again. */
static void a_turn_that_fails_is_tried_again(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring before = *own(bed);
    bed->loses_turns = true;
    begin(bed);
    bed_run(bed, 30000);
    assert_memory_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_passes(bed, OWN, FIRST_PEER, "before.example.jp", 1);
    bed->loses_turns = false;
    bed_run(bed, 700000);
    assert_memory_not_equal(own(bed)->transport_public, before.transport_public, 32);
    assert_passes(bed, OWN, FIRST_PEER, "after.example.jp", 2);
}

/* By dates alone, and those that nobody honest writes make no circle. */
static void which_key_comes_behind_which(void **state)
{
    static struct kr_card card = {.transport_count = 3};
    const uint64_t span_s = KR_KEY_OVERLAP_S + KR_KEY_EARLIER_S;
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        memset(card.transport[i].public_key, (int)i + 1, 32);
        card.transport[i].from_s = 1000 * (i + 1);
    }
    const uint8_t *first = card.transport[0].public_key, *second = card.transport[1].public_key;
    assert_null(kr_card_transport_after(&card, first));
    card.transport[0].until_s = 2000 + span_s;
    assert_ptr_equal(kr_card_transport_after(&card, first), &card.transport[1]);
    assert_null(kr_card_transport_after(&card, second));
    card.transport[1].until_s = 1000 + span_s; /* back to the first */
    assert_null(kr_card_transport_after(&card, second));
    assert_false(kr_card_transport_comes_behind(&card, first, card.transport[2].public_key));
    card.transport[1].until_s = 3000 + span_s;
    assert_true(kr_card_transport_comes_behind(&card, first, card.transport[2].public_key));
    assert_false(kr_card_transport_comes_behind(&card, card.transport[2].public_key, first));
    card.transport[0].until_s--; /* revoked, or another card's */
    assert_null(kr_card_transport_after(&card, first));
    card.transport[0].until_s = 1;
    assert_null(kr_card_transport_after(&card, first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_next_key_has_its_turn_when_every_peer_has_the_card, setup, teardown),
        cmocka_unit_test_setup_teardown(whose_clock_is_wrong_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_is_ahead_keeps_nobody_out, setup, teardown),
        cmocka_unit_test_setup_teardown(to_whom_the_card_is_of_the_future_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_away_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(who_heard_of_the_first_is_waited_for_again, setup, teardown),
        cmocka_unit_test_setup_teardown(two_that_turn_do_not_wait_for_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_a_peer_had_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_without_room_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_without_room_follows_when_the_key_before_has_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_goes_by_another_card_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(two_that_come_next_do_not_begin_at_one_time, setup, teardown),
        cmocka_unit_test_setup_teardown(counting_machines_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_name_leaves_the_status_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_or_the_operator_ends_the_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_keyring_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_put_on_the_card_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(the_root_key_may_be_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(a_turn_that_fails_is_tried_again, setup, teardown),
        cmocka_unit_test(which_key_comes_behind_which),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
