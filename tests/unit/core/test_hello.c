/* What a node takes for a hello of its peer, most of all one that was dialled: the card of it is checked unless it is the one that
 * is held, and the key that signed the hello must stand on the newest card, and be in force. */
#include "tests/unit/core/bed.h"

#define HOUR_S UINT64_C(3600)

struct scene {
    struct bed *bed;
    uint32_t dialler, other;
    bool is_early; /* what is refused now is good later */
    struct stranger stranger;
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->bed = bed_new(2);
    scene->dialler = bed_link(scene->bed, 0, 1)->we_dial ? 0 : 1;
    scene->other = 1 - scene->dialler;
    stranger_init(scene->bed, &scene->stranger, 7);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    stranger_deinit(&scene->stranger);
    bed_free(scene->bed);
    free(scene);
    return 0;
}

static struct kr_card_key key_of(const struct kr_keyring *keyring, uint64_t from_s, uint64_t until_s)
{
    struct kr_card_key key = {.from_s = from_s, .until_s = until_s};
    memcpy(key.public_key, keyring->node_public, 32);
    return key;
}

static const struct kr_keyring *own_keys(const struct scene *scene)
{
    return bed_node(scene->bed, scene->dialler)->keyring;
}

static uint64_t now_s(const struct scene *scene)
{
    return scene->bed->world->now_ms / 1000;
}

/* A card of the dialler that lists these node keys. */
static struct forged card_with(const struct scene *scene, uint64_t version, const struct kr_card_key *keys, uint32_t count)
{
    struct kr_card card = bed_card(scene->bed, scene->dialler, scene->dialler);
    const uint8_t *council = bed_node(scene->bed, scene->dialler)->council;
    struct kr_writer content;
    memcpy(card.node, keys, count * sizeof *keys);
    card.node_count = count;
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    assert_int_equal(kr_writer_finish(&content), KR_OK);
    struct forged forged = bed_statement(scene->bed, scene->dialler, KR_KIND_COUNCIL_CARD,
                                         bed_core(scene->bed, scene->other)->directory.communities[0]->id, council, version,
                                         (struct kr_slice){content.bytes, content.len});
    kr_writer_deinit(&content);
    return forged;
}

static uint64_t version_held(const struct scene *scene)
{
    const struct kr_directory *directory = &bed_core(scene->bed, scene->other)->directory;
    const struct kr_council *known = kr_directory_council(directory, bed_node(scene->bed, scene->dialler)->council);
    assert_non_null(known);
    return known->version;
}

static void hand_over(const struct scene *scene, const struct forged *card, uint64_t version)
{
    bed_hand_over(scene->bed, scene->dialler, scene->other, card);
    assert_int_equal(version_held(scene), version);
}

/* Whether a hello with that card, signed with these keys in the dialler's name, is answered. */
static bool is_answered(const struct scene *scene, const struct forged *card, const struct kr_keyring *keyring)
{
    struct bed *bed = scene->bed;
    struct kr_link *link = bed_link(bed, scene->other, scene->dialler);
    struct kr_hello hello = {.version = KR_WIRE_VERSION, .card = {card->bytes, card->len}};
    uint8_t secret[32], seed[32] = {5};
    struct kr_writer frame;
    kr_box_keypair(hello.ephemeral, secret, seed);
    memcpy(hello.council, bed_node(bed, scene->dialler)->council, 32);
    memcpy(hello.meant, bed_node(bed, scene->other)->council, 32);
    memcpy(hello.node_key, keyring->node_public, 32);
    kr_writer_init(&frame, KR_MIB);
    kr_hello_write(&hello, keyring->node_secret, &frame);
    assert_int_equal(kr_writer_finish(&frame), KR_OK);
    uint8_t *bytes = malloc(frame.len + 1);
    assert_non_null(bytes);
    bytes[0] = KR_FRAME_HELLO;
    memcpy(bytes + 1, frame.bytes, frame.len);
    link->has_pending = false;
    link->hello_heard_ms = 0; /* one hello in 100 ms is looked at */
    bed_forget_log(bed);
    sim_world_push(bed->world, bed_node(bed, scene->other), (struct kr_event){.type = KR_EVENT_FRAME, .number = link->number},
                   bytes, frame.len + 1, bed->world->now_ms);
    bed_run(bed, 1); /* before the dialler itself says anything */
    free(bytes);
    kr_writer_deinit(&frame);
    /* Another key than those of the card, or another root key: a hard stop, of which nothing but the operator gets rid. */
    const bool is_stopped = link->stop != KR_STOP_NOT;
    assert_int_equal(is_stopped, bed_times_said(bed, scene->other, "is stopped: ") == 1);
    const bool has_ended = bed_times_said(bed, scene->other, "has a key that has ended on this council's card") == 1;
    const bool is_refused = bed_said(bed, scene->other,
                                     scene->is_early ? "lists its node's key only from a later time on"
                                                     : "has a key that this council's card does not list");
    assert_int_not_equal(link->has_pending, is_refused || is_stopped || has_ended);
    return link->has_pending;
}

/* The id stands for the header, and that for the content: what is beside it in the hello is of no use to anybody. */
static void the_card_that_is_held_is_not_checked_again(void **state)
{
    const struct scene *scene = *state;
    const struct kr_card_key key = key_of(own_keys(scene), 0, 0);
    struct forged held = card_with(scene, 2, &key, 1), newer = card_with(scene, 3, &key, 1);
    hand_over(scene, &held, 2);
    held.bytes[held.len - 1] ^= 1; /* in the signature */
    assert_true(is_answered(scene, &held, own_keys(scene)));
    newer.bytes[newer.len - 1] ^= 1;
    assert_false(is_answered(scene, &newer, own_keys(scene)));
    assert_int_equal(version_held(scene), 2);
    newer.bytes[newer.len - 1] ^= 1;
    assert_true(is_answered(scene, &newer, own_keys(scene)));
    assert_int_equal(version_held(scene), 3);
    forged_free(&held);
    forged_free(&newer);
}

/* Anybody can have the card; only the node has its key. */
static void whoever_shows_the_card_needs_its_key(void **state)
{
    const struct scene *scene = *state;
    const struct kr_card_key key = key_of(own_keys(scene), 0, 0);
    struct forged held = card_with(scene, 2, &key, 1);
    hand_over(scene, &held, 2);
    assert_true(is_answered(scene, &held, own_keys(scene)));
    assert_false(is_answered(scene, &held, scene->stranger.keyring));
    assert_int_equal(bed_link(scene->bed, scene->other, scene->dialler)->stop, KR_STOP_NODE_KEY);
    forged_free(&held);
}

static void a_key_of_the_card_that_is_held_begins_and_ends(void **state)
{
    struct scene *scene = *state;
    const uint64_t far_s = now_s(scene) + KR_FUTURE_MS_MAX / 1000 + HOUR_S;
    const struct kr_card_key keys[] = {key_of(own_keys(scene), 0, now_s(scene) + HOUR_S),
                                       key_of(scene->stranger.keyring, far_s, 0)};
    struct forged held = card_with(scene, 2, keys, 2);
    hand_over(scene, &held, 2);
    assert_true(is_answered(scene, &held, own_keys(scene)));
    scene->is_early = true;
    assert_false(is_answered(scene, &held, scene->stranger.keyring));
    scene->is_early = false;
    bed_run(scene->bed, HOUR_S * 1000);
    assert_int_equal(version_held(scene), 2);
    assert_false(is_answered(scene, &held, own_keys(scene)));
    assert_true(is_answered(scene, &held, scene->stranger.keyring));
    forged_free(&held);
}

/* A key was replaced: the card from before is genuine, and whoever has stolen the old key may show it. */
static void an_older_card_does_not_bring_a_key_back(void **state)
{
    const struct scene *scene = *state;
    const struct kr_card_key before = key_of(own_keys(scene), 0, 0), after = key_of(scene->stranger.keyring, 0, 0);
    struct forged old = card_with(scene, 2, &before, 1), held = card_with(scene, 3, &after, 1);
    hand_over(scene, &old, 2);
    hand_over(scene, &held, 3);
    assert_true(is_answered(scene, &held, scene->stranger.keyring));
    assert_int_equal(version_held(scene), 3);
    assert_false(is_answered(scene, &old, own_keys(scene)));
    assert_int_equal(bed_link(scene->bed, scene->other, scene->dialler)->stop, KR_STOP_NODE_KEY);
    forged_free(&old);
    forged_free(&held);
}

/* What the other end of that session has of it. */
static struct kr_session far_end(const struct kr_session *session)
{
    struct kr_session far = *session;
    far.tx = session->rx;
    far.rx = session->tx;
    return far;
}

static void ping_in(const struct scene *scene, struct kr_session *session)
{
    struct bed *bed = scene->bed;
    size_t len = 0;
    uint8_t *frame = bed_frame(session, &(struct kr_message){.type = KR_MESSAGE_PING}, &len);
    sim_world_push(bed->world, bed_node(bed, scene->other),
                   (struct kr_event){.type = KR_EVENT_FRAME, .number = bed_link(bed, scene->other, scene->dialler)->number}, frame,
                   len, bed->world->now_ms);
    bed_run(bed, 1);
    free(frame);
}

/* A key is stolen and revoked. Its thief has a session with it already, or has said hello and not used the answer yet: neither is
 * of use to him from then on, and the node is linked again with its next key. */
static void a_session_ends_with_the_key_of_its_hello(void **state)
{
    const struct scene *scene = *state;
    const struct kr_card_key before = key_of(own_keys(scene), 0, 0),
                             keys[] = {key_of(own_keys(scene), 0, now_s(scene)), key_of(scene->stranger.keyring, 0, 0)};
    struct forged old = card_with(scene, 2, &before, 1), held = card_with(scene, 3, keys, 2);
    struct kr_link *link = bed_link(scene->bed, scene->other, scene->dialler);
    hand_over(scene, &old, 2);
    assert_true(is_answered(scene, &old, own_keys(scene)));
    assert_true(link->has_session);
    struct kr_session pending = far_end(&link->pending), used;
    hand_over(scene, &held, 3);
    assert_false(link->has_session);
    link->has_pending = true; /* as in the moment in which the card came */
    memcpy(link->node_key, before.public_key, 32);
    link->pending = far_end(&pending);
    ping_in(scene, &pending);
    assert_false(link->has_session || link->has_pending);
    assert_true(is_answered(scene, &held, scene->stranger.keyring));
    used = far_end(&link->pending);
    ping_in(scene, &used);
    assert_true(link->has_session);
    forged_free(&old);
    forged_free(&held);
}

/* To the dialler, as an answer to that hello, signed with the stranger's key. */
static void answer_falsely(const struct scene *scene, const uint8_t reply_to[static 32])
{
    struct bed *bed = scene->bed;
    const struct kr_link *link = bed_link(bed, scene->dialler, scene->other);
    struct kr_hello hello = {.version = KR_WIRE_VERSION, .is_responder = true, .has_reply_to = true};
    uint8_t secret[32], seed[32] = {6};
    struct kr_writer frame;
    uint64_t arrival;
    uint8_t *card = NULL;
    size_t card_len = 0;
    struct kr_txn *txn = NULL;
    const uint8_t *council = bed_node(bed, scene->other)->council;
    assert_int_equal(kr_store_read_begin(bed_node(bed, scene->dialler)->store, &txn), KR_OK);
    const struct kr_council *known = kr_directory_council(&bed_core(bed, scene->dialler)->directory, council);
    assert_int_equal(kr_store_record_find(txn, known->record_id, &arrival), KR_OK);
    assert_int_equal(kr_store_record_get(txn, arrival, &card, &card_len), KR_OK);
    kr_txn_abort(txn);
    kr_box_keypair(hello.ephemeral, secret, seed);
    hello.card = (struct kr_slice){card, card_len};
    memcpy(hello.council, council, 32);
    memcpy(hello.meant, bed_node(bed, scene->dialler)->council, 32);
    memcpy(hello.node_key, scene->stranger.keyring->node_public, 32);
    memcpy(hello.reply_to, reply_to, 32);
    kr_writer_init(&frame, KR_MIB);
    kr_writer_raw(&frame, (const uint8_t[]){KR_FRAME_HELLO}, 1);
    kr_hello_write(&hello, scene->stranger.keyring->node_secret, &frame);
    assert_int_equal(kr_writer_finish(&frame), KR_OK);
    sim_world_push(bed->world, bed_node(bed, scene->dialler), (struct kr_event){.type = KR_EVENT_FRAME, .number = link->number},
                   frame.bytes, frame.len, bed->world->now_ms);
    bed_run(bed, 1);
    free(card);
    kr_writer_deinit(&frame);
}

/* What answers no hello of ours says nothing about who is there now. */
static void a_dialler_looks_at_answers_to_its_own_hello_alone(void **state)
{
    const struct scene *scene = *state;
    struct kr_link *link = bed_link(scene->bed, scene->dialler, scene->other);
    const uint8_t another[32] = {9};
    kr_link_session_down(bed_core(scene->bed, scene->dialler), link);
    link->has_hello = true; /* one is out */
    link->hello_at_ms = UINT64_MAX;
    answer_falsely(scene, another);
    assert_int_equal(link->stop, KR_STOP_NOT);
    answer_falsely(scene, link->hello_hash);
    assert_int_equal(link->stop, KR_STOP_NODE_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_card_that_is_held_is_not_checked_again, setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_shows_the_card_needs_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_of_the_card_that_is_held_begins_and_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dialler_looks_at_answers_to_its_own_hello_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_session_ends_with_the_key_of_its_hello, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_card_does_not_bring_a_key_back, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/hello", tests, NULL, NULL);
}
