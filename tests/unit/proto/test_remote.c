/* The session between a person's machine and keeper, and the tickets with which machines are enrolled. */
#include "proto_test.h"

#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "proto/record/statement.h"
#include "proto/wire/bech32m.h"
#include "proto/wire/machine_ticket.h"
#include "proto/wire/remote.h"
#include "proto/wire/ticket.h"

#define NOW_S (CREATED_MS / 1000)

struct scene {
    uint8_t council[32], root_public[32], root_secret[64], node_public[32], node_secret[64];
    uint8_t *card;
    size_t card_len;
    struct kr_remote_machine machine;
    struct kr_writer hello, answer;
    struct kr_session ours, keepers;
    uint64_t version; /* of the card */
    struct kr_rekeyings rekeyings;
    struct kr_remote_found found;
};

static const uint8_t recovery_seed[32] = {3};

/* A card of the council with that node key, signed by `root`. */
static void make_card(struct scene *scene, const uint8_t node_key[static 32], uint64_t from_s, uint64_t until_s,
                      const uint8_t root_secret[static 64])
{
    static const uint8_t nonce[16] = {1}, seed[32] = {2};
    struct kr_card card = {.node_count = 1, .name_en = text_slice("Kinki"), .rekeyings = scene->rekeyings};
    struct kr_writer genesis, content;
    uint8_t id[32], recovery[32], recovery_secret[64];
    kr_sign_keypair(recovery, recovery_secret, recovery_seed);
    kr_writer_init(&genesis, KR_KIB);
    kr_writer_init(&content, KR_CARD_BYTES_MAX);
    kr_council_genesis_write(scene->root_public, recovery, nonce, &genesis);
    card.genesis = slice(genesis.bytes, genesis.len);
    kr_council_id(scene->council, card.genesis);
    memcpy(card.node[0].public_key, node_key, 32);
    card.node[0].from_s = from_s;
    card.node[0].until_s = until_s;
    kr_card_write(&card, &content);
    const struct kr_draft draft = {.kind = KR_KIND_COUNCIL_CARD,
                                   .created_ms = CREATED_MS,
                                   .expires_s = EXPIRES_S,
                                   .label = KR_TLP_CLEAR,
                                   .subject = scene->council,
                                   .version = scene->version,
                                   .content = slice(content.bytes, content.len)};
    free(scene->card);
    scene->card = NULL;
    assert_int_equal(kr_record_make(&draft, scene->council, root_secret, seed, &scene->card, &scene->card_len, id), KR_OK);
    if (scene->card == NULL) {
        abort();
    }
    kr_writer_deinit(&genesis);
    kr_writer_deinit(&content);
}

static int scene_setup(void **state)
{
    static const uint8_t root_seed[32] = {4}, node_seed[32] = {5}, machine_seed[32] = {6}, hello_seed[32] = {7};
    struct scene *scene = calloc(1, sizeof *scene);
    scene->version = 1;
    kr_sign_keypair(scene->root_public, scene->root_secret, root_seed);
    kr_sign_keypair(scene->node_public, scene->node_secret, node_seed);
    make_card(scene, scene->node_public, 1, 0, scene->root_secret);
    kr_box_keypair(scene->machine.public_key, scene->machine.secret, machine_seed);
    memcpy(scene->machine.council, scene->council, 32);
    kr_writer_init(&scene->hello, KR_KIB);
    kr_writer_init(&scene->answer, KR_MIB);
    kr_remote_begin(&scene->machine, hello_seed, &scene->hello);
    *state = scene;
    return 0;
}

static int scene_teardown(void **state)
{
    struct scene *scene = *state;
    kr_writer_deinit(&scene->hello);
    kr_writer_deinit(&scene->answer);
    free(scene->card);
    free(scene);
    return 0;
}

static struct kr_slice behind(const struct kr_writer *frame)
{
    return slice(frame->bytes + KR_REMOTE_HEAD_BYTES, frame->len - KR_REMOTE_HEAD_BYTES);
}

/* Keeper's side of it. */
static void answer(struct scene *scene)
{
    static const uint8_t seed[32] = {8};
    struct kr_remote_hello hello;
    assert_int_equal(kr_remote_hello_read(behind(&scene->hello), &hello), KR_OK);
    assert_memory_equal(hello.key, scene->machine.public_key, 32);
    assert_memory_equal(hello.council, scene->council, 32);
    kr_writer_clear(&scene->answer);
    assert_int_equal(kr_remote_answer(behind(&scene->hello), &hello, scene->node_public, scene->node_secret,
                                      slice(scene->card, scene->card_len), seed, &scene->answer, &scene->keepers),
                     KR_OK);
}

static enum kr_err finish(struct scene *scene)
{
    struct kr_error error = {{0}};
    enum kr_err err = kr_remote_finish(&scene->machine, slice(scene->hello.bytes, scene->hello.len),
                                       slice(scene->answer.bytes, scene->answer.len), NOW_S, &scene->ours, &scene->found, &error);
    assert_true(err == KR_OK ? memcmp(scene->found.node_key, scene->node_public, 32) == 0 : error.text[0] != 0);
    return err;
}

/* Whether what one seals the other opens. */
static bool is_shared(struct scene *scene)
{
    uint8_t frame[64], plain[64];
    enum kr_remote_part part;
    struct kr_slice bytes;
    const size_t len = kr_remote_seal(&scene->ours, KR_REMOTE_BYTES, (const uint8_t *)"hello", 5, frame);
    if (kr_remote_open(&scene->keepers, slice(frame, len), plain, sizeof plain, &part, &bytes) != KR_OK) {
        return false;
    }
    assert_int_equal(part, KR_REMOTE_BYTES);
    assert_slice_equal(bytes, "hello", 5);
    return true;
}

static void both_come_to_one_session(void **state)
{
    struct scene *scene = *state;
    uint8_t frame[64], plain[64];
    enum kr_remote_part part;
    struct kr_slice bytes;
    const uint8_t taken = 3;
    answer(scene);
    assert_int_equal(finish(scene), KR_OK);
    assert_true(is_shared(scene));
    size_t len = kr_remote_seal(&scene->keepers, KR_REMOTE_TAKEN, &taken, 1, frame);
    assert_int_equal(kr_remote_open(&scene->ours, slice(frame, len), plain, sizeof plain, &part, &bytes), KR_OK);
    assert_true(part == KR_REMOTE_TAKEN && bytes.len == 1 && bytes.bytes[0] == 3);
    len = kr_remote_seal(&scene->keepers, KR_REMOTE_END, NULL, 0, frame);
    assert_int_equal(kr_remote_open(&scene->ours, slice(frame, len), plain, sizeof plain, &part, &bytes), KR_OK);
    assert_int_equal(part, KR_REMOTE_END);
    assert_int_equal(kr_remote_open(&scene->ours, slice(frame, len), plain, sizeof plain, &part, &bytes), KR_SESSION); /* again */
    /* Parts that are none. */
    len = kr_remote_seal(&scene->keepers, KR_REMOTE_TAKEN, NULL, 0, frame);
    assert_int_equal(kr_remote_open(&scene->ours, slice(frame, len), plain, sizeof plain, &part, &bytes), KR_MALFORMED);
    len = kr_remote_seal(&scene->keepers, KR_REMOTE_BYTES, NULL, 0, frame);
    assert_int_equal(kr_remote_open(&scene->ours, slice(frame, len), plain, sizeof plain, &part, &bytes), KR_MALFORMED);
    len = kr_remote_seal(&scene->keepers, (enum kr_remote_part)9, &taken, 1, frame);
    assert_int_equal(kr_remote_open(&scene->ours, slice(frame, len), plain, sizeof plain, &part, &bytes), KR_MALFORMED);
    for (size_t i = 0; i < KR_REMOTE_MORE_BYTES; i++) {
        assert_int_equal(kr_remote_open(&scene->ours, slice(frame, i), plain, sizeof plain, &part, &bytes), KR_MALFORMED);
    }
}

/* The card that the machine keeps, of that version, with that key of the node's. */
static void keep_card(struct scene *scene, uint64_t version, const uint8_t node_key[static 32],
                      uint8_t ret[static KR_CARD_BYTES_MAX])
{
    const uint64_t before = scene->version;
    scene->version = version;
    make_card(scene, node_key, 1, 0, scene->root_secret);
    memcpy(ret, scene->card, scene->card_len);
    scene->machine.card = slice(ret, scene->card_len);
    scene->version = before;
    make_card(scene, scene->node_public, 1, 0, scene->root_secret);
    answer(scene);
}

/* Whoever has the keys of a node that was revoked shows the card of before to no avail. */
static void the_newest_card_decides(void **state)
{
    static const uint8_t other_seed[32] = {10};
    static uint8_t kept[KR_CARD_BYTES_MAX];
    struct scene *scene = *state;
    uint8_t other_public[32], other_secret[64];
    kr_sign_keypair(other_public, other_secret, other_seed);
    memcpy(scene->machine.node_key, scene->node_public, 32);
    answer(scene);
    assert_int_equal(finish(scene), KR_OK);
    assert_slice_equal(scene->found.card, scene->card, scene->card_len); /* the first */
    scene->version = 5;
    keep_card(scene, 6, other_public, kept);
    assert_int_equal(finish(scene), KR_DENIED); /* known, and listed by an older one */
    keep_card(scene, 5, other_public, kept);
    assert_int_equal(finish(scene), KR_OK); /* a council of one node that was restored has made another one of that number */
    assert_slice_equal(scene->found.card, scene->card, scene->card_len);
    keep_card(scene, 5, scene->node_public, kept);
    assert_int_equal(finish(scene), KR_OK);
    assert_int_equal(scene->found.card.len, 0); /* the same */
    keep_card(scene, 4, other_public, kept);
    assert_int_equal(finish(scene), KR_OK);
    assert_slice_equal(scene->found.card, scene->card, scene->card_len);
    keep_card(scene, 6, scene->node_public, kept);
    assert_int_equal(finish(scene), KR_OK);
    assert_int_equal(scene->found.card.len, 0); /* nothing new */
    make_card(scene, other_public, 1, 0, scene->root_secret);
    answer(scene);
    assert_int_equal(finish(scene), KR_OK); /* a node that has not heard of the newest yet */
    scene->machine.node_key[0] ^= 1;
    assert_int_equal(finish(scene), KR_OK);
    keep_card(scene, 6, other_public, kept);
    kept[scene->machine.card.len - 1] ^= 1; /* what is no card counts for nothing */
    assert_int_equal(finish(scene), KR_OK);
    scene->machine.card.len--;
    assert_int_equal(finish(scene), KR_OK);
}

/* A thief of the root key makes as high a version as he likes. */
static void another_root_key_counts_more_than_a_version(void **state)
{
    static const uint8_t new_seed[32] = {11}, next_seed[32] = {12}, other_seed[32] = {10};
    static uint8_t kept[KR_CARD_BYTES_MAX];
    struct scene *scene = *state;
    uint8_t recovery[32], recovery_secret[64], new_root[32], new_secret[64], next[32], next_secret[64], other[32], commitment[32];
    kr_sign_keypair(recovery, recovery_secret, recovery_seed);
    kr_sign_keypair(new_root, new_secret, new_seed);
    kr_sign_keypair(next, next_secret, next_seed);
    kr_sign_keypair(other, next_secret, other_seed);
    kr_recovery_commitment(commitment, recovery);
    keep_card(scene, 1000000, other, kept);
    assert_int_equal(finish(scene), KR_DENIED);
    assert_int_equal(kr_rekeyings_append(&scene->rekeyings, scene->council, commitment, recovery_secret, new_root, next), KR_OK);
    make_card(scene, scene->node_public, 1, 0, new_secret);
    answer(scene);
    assert_int_equal(finish(scene), KR_OK);
    assert_slice_equal(scene->found.card, scene->card, scene->card_len);
    memcpy(kept, scene->card, scene->card_len);
    scene->machine.card = slice(kept, scene->card_len);
    scene->rekeyings = (struct kr_rekeyings){0};
    scene->version = 1000000;
    make_card(scene, other, 1, 0, scene->root_secret);
    answer(scene);
    assert_int_equal(finish(scene), KR_OK);
    assert_int_equal(scene->found.card.len, 0);
}

/* A clock that stands far back does no harm with a key that is known. */
static void a_key_that_is_known_has_begun(void **state)
{
    static uint8_t kept[KR_CARD_BYTES_MAX];
    struct scene *scene = *state;
    make_card(scene, scene->node_public, 2 * NOW_S, 0, scene->root_secret);
    memcpy(kept, scene->card, scene->card_len);
    scene->machine.card = slice(kept, scene->card_len);
    answer(scene);
    assert_int_equal(finish(scene), KR_DENIED);
    memcpy(scene->machine.node_key, scene->node_public, 32);
    assert_int_equal(finish(scene), KR_OK);
}

/* What is larger than the room for it is not opened, and nothing is written past the room; the session goes on. */
static void a_part_has_room_or_is_not_opened(void **state)
{
    struct scene *scene = *state;
    uint8_t frame[64], plain[64];
    enum kr_remote_part part;
    struct kr_slice bytes;
    answer(scene);
    assert_int_equal(finish(scene), KR_OK);
    const size_t len = kr_remote_seal(&scene->ours, KR_REMOTE_BYTES, (const uint8_t *)"hello", 5, frame);
    memset(plain, 0xee, sizeof plain);
    for (size_t room = 0; room < 6; room++) {
        assert_int_equal(kr_remote_open(&scene->keepers, slice(frame, len), plain, room, &part, &bytes), KR_MALFORMED);
    }
    for (size_t i = 0; i < sizeof plain; i++) {
        assert_int_equal(plain[i], 0xee);
    }
    assert_int_equal(kr_remote_open(&scene->keepers, slice(frame, len), plain, 6, &part, &bytes), KR_OK);
    assert_slice_equal(bytes, "hello", 5);
    assert_int_equal(plain[6], 0xee);
}

/* Whoever knows only the public key of the machine does not get in, nor learns what is said. */
static void without_the_secret_nobody_is_the_machine(void **state)
{
    static const uint8_t other_seed[32] = {9};
    struct scene *scene = *state;
    uint8_t public_key[32];
    answer(scene);
    kr_box_keypair(public_key, scene->machine.secret, other_seed);
    assert_int_equal(finish(scene), KR_OK); /* it cannot know that it is the wrong secret */
    assert_false(is_shared(scene));
}

/* A net that was taken over alters what it carries. */
static void what_is_altered_on_the_way_shares_nothing(void **state)
{
    struct scene *scene = *state;
    answer(scene);
    for (size_t at = 0; at < scene->answer.len; at += at < 80 || at > scene->answer.len - 80 ? 1 : 7) {
        scene->answer.bytes[at] ^= 1;
        if (finish(scene) == KR_OK) {
            fail_msg("byte %zu of the answer", at);
        }
        scene->answer.bytes[at] ^= 1;
    }
    assert_int_equal(finish(scene), KR_OK);
    for (size_t at = KR_REMOTE_HEAD_BYTES; at < scene->hello.len; at++) {
        struct kr_remote_hello hello;
        const uint8_t kept = scene->hello.bytes[at];
        scene->hello.bytes[at] ^= 1;
        const bool is_hello = kr_remote_hello_read(behind(&scene->hello), &hello) == KR_OK;
        if (is_hello) {
            static const uint8_t seed[32] = {8};
            kr_writer_clear(&scene->answer);
            assert_int_equal(kr_remote_answer(behind(&scene->hello), &hello, scene->node_public, scene->node_secret,
                                              slice(scene->card, scene->card_len), seed, &scene->answer, &scene->keepers),
                             KR_OK);
        }
        scene->hello.bytes[at] = kept; /* what the machine said */
        if (is_hello && finish(scene) == KR_OK) {
            fail_msg("byte %zu of the hello", at);
        }
    }
}

static void keeper_proves_itself(void **state)
{
    static const uint8_t other_seed[32] = {10};
    struct scene *scene = *state;
    uint8_t other_public[32], other_secret[64];
    kr_sign_keypair(other_public, other_secret, other_seed);
    struct {
        uint64_t from_s, until_s;
        enum kr_err wanted;
    } dates[] = {{NOW_S, 0, KR_OK},
                 {NOW_S + KR_FUTURE_MS_MAX / 1000, 0, KR_OK}, /* clocks differ */
                 {NOW_S + KR_FUTURE_MS_MAX / 1000 + 1, 0, KR_DENIED},
                 {1, NOW_S + 1, KR_OK},
                 {1, NOW_S, KR_DENIED}};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        make_card(scene, scene->node_public, dates[i].from_s, dates[i].until_s, scene->root_secret);
        answer(scene);
        assert_int_equal(finish(scene), dates[i].wanted);
    }
    make_card(scene, other_public, 1, 0, scene->root_secret); /* which lists another key */
    answer(scene);
    assert_int_equal(finish(scene), KR_DENIED);
    memcpy(scene->machine.node_key, scene->node_public, 32); /* but this one is known */
    assert_int_equal(finish(scene), KR_OK);
    memset(scene->machine.node_key, 0, 32);
    make_card(scene, scene->node_public, 1, 0, other_secret); /* not signed by the root key of that council */
    answer(scene);
    assert_int_equal(finish(scene), KR_DENIED);
    make_card(scene, scene->node_public, 1, 0, scene->root_secret);
    answer(scene);
    scene->machine.council[0] ^= 1; /* another council's */
    assert_int_equal(finish(scene), KR_DENIED);
    scene->machine.council[0] ^= 1;
    scene->card_len--;
    answer(scene);
    assert_int_equal(finish(scene), KR_DENIED);
}

/* The low-order points: products with them are known to everybody. */
static void keys_that_are_none_are_refused(void **state)
{
    static const uint8_t seed[32] = {8};
    struct scene *scene = *state;
    struct kr_remote_hello hello;
    assert_int_equal(kr_remote_hello_read(behind(&scene->hello), &hello), KR_OK);
    for (uint8_t first = 0; first < 2; first++) {
        uint8_t low[32] = {first};
        memcpy(hello.key, low, 32);
        kr_writer_clear(&scene->answer);
        assert_int_equal(kr_remote_answer(behind(&scene->hello), &hello, scene->node_public, scene->node_secret,
                                          slice(scene->card, scene->card_len), seed, &scene->answer, &scene->keepers),
                         KR_KEY);
        memcpy(hello.key, scene->machine.public_key, 32);
        memcpy(hello.ephemeral, low, 32);
        kr_writer_clear(&scene->answer);
        assert_int_equal(kr_remote_answer(behind(&scene->hello), &hello, scene->node_public, scene->node_secret,
                                          slice(scene->card, scene->card_len), seed, &scene->answer, &scene->keepers),
                         KR_KEY);
        memcpy(hello.ephemeral, scene->machine.ephemeral_public, 32);
    }
}

static void refusals_say_why(void **state)
{
    static const struct {
        uint32_t reason;
        enum kr_err wanted;
    } cases[] = {
        {KR_VERSION, KR_VERSION}, {KR_NOT_FOUND, KR_NOT_FOUND}, {KR_BUSY, KR_BUSY}, {KR_DENIED, KR_DENIED}, {9999, KR_DENIED}};
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kr_writer_clear(&scene->answer);
        kr_remote_refuse((enum kr_err)cases[i].reason, &scene->answer);
        assert_int_equal(finish(scene), cases[i].wanted);
    }
    scene->answer.len--;
    assert_int_equal(finish(scene), KR_MALFORMED);
}

/* A newer version may say more behind what we know; this one says exactly this. */
static void newer_versions_may_say_more(void **state)
{
    struct kr_remote_hello hello = {.version = KR_REMOTE_VERSION, .key = {1}}, read;
    struct kr_writer writer;
    (void)state;
    for (uint32_t version = 0; version < 3; version++) {
        for (uint32_t more = 0; more < 2; more++) {
            hello.version = version;
            kr_writer_init(&writer, KR_KIB);
            kr_remote_hello_write(&hello, &writer);
            writer.bytes[0] = (uint8_t)(0x94 + more);
            if (more > 0) {
                kr_writer_uint(&writer, 7);
            }
            const bool is_fine = version > KR_REMOTE_VERSION || (version == KR_REMOTE_VERSION && more == 0);
            assert_int_equal(kr_remote_hello_read(slice(writer.bytes, writer.len), &read), is_fine ? KR_OK : KR_MALFORMED);
            kr_writer_deinit(&writer);
        }
    }
}

/* ---- tickets ---- */

static void tickets_read_back(void **state)
{
    struct kr_machine_ticket ticket = {
        .council = {1}, .secret = {3}, .expires_s = EXPIRES_S, .node_count = 1, .nodes = {{.transport = {2}}}};
    struct kr_machine_ticket read;
    struct kr_error error = {{0}};
    char text[KR_TICKET_TEXT_BYTES_MAX];
    (void)state;
    memcpy(ticket.nodes[0].endpoint, "tcp://council.example.jp:7370", 30);
    assert_int_equal(kr_machine_ticket_print(&ticket, text, sizeof text), KR_OK);
    assert_int_equal(kr_machine_ticket_parse(text, strlen(text), &read, &error), KR_OK);
    assert_memory_equal(&read, &ticket, sizeof read);
    for (size_t at = 7; at < strlen(text); at++) { /* mistyped */
        const char kept = text[at];
        text[at] = kept == 'q' ? 'p' : 'q';
        assert_int_equal(kr_machine_ticket_parse(text, strlen(text), &read, &error), KR_MALFORMED);
        text[at] = kept;
    }
    memset(ticket.nodes[0].endpoint, 0, sizeof ticket.nodes[0].endpoint);
    assert_int_not_equal(kr_machine_ticket_print(&ticket, text, sizeof text), KR_OK);
}

/* Each kind says where it belongs. */
static void kinds_of_tickets_are_told_apart(void **state)
{
    struct kr_machine_ticket machine = {.council = {1}, .expires_s = 1, .node_count = 1}, read_machine;
    struct kr_ticket council = {.council = {1}, .expires_s = 1}, read_council;
    struct kr_error error = {{0}};
    char text[KR_TICKET_TEXT_BYTES_MAX];
    (void)state;
    memcpy(machine.nodes[0].endpoint, "tcp://a.example:1", 18);
    memcpy(council.endpoint, "tcp://a.example:1", 18);
    assert_int_equal(kr_ticket_print(&council, text, sizeof text), KR_OK);
    assert_int_equal(kr_machine_ticket_parse(text, strlen(text), &read_machine, &error), KR_INVALID);
    assert_non_null(strstr(error.text, "kairan join"));
    assert_int_equal(kr_machine_ticket_print(&machine, text, sizeof text), KR_OK);
    assert_int_equal(kr_ticket_parse(text, strlen(text), &read_council, &error), KR_INVALID);
    assert_non_null(strstr(error.text, "kairan enrol"));
    static const uint8_t newer[] = {0x91, 0x06}, none[] = {0x91, 0xa0};
    assert_int_equal(kr_bech32m_encode("kairan", newer, sizeof newer, text, sizeof text), KR_OK);
    assert_int_equal(kr_machine_ticket_parse(text, strlen(text), &read_machine, &error), KR_VERSION);
    assert_int_equal(kr_bech32m_encode("kairan", none, sizeof none, text, sizeof text), KR_OK);
    assert_int_equal(kr_machine_ticket_parse(text, strlen(text), &read_machine, &error), KR_MALFORMED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        TEST(both_come_to_one_session),
        TEST(the_newest_card_decides),
        TEST(another_root_key_counts_more_than_a_version),
        TEST(a_key_that_is_known_has_begun),
        TEST(a_part_has_room_or_is_not_opened),
        TEST(without_the_secret_nobody_is_the_machine),
        TEST(what_is_altered_on_the_way_shares_nothing),
        TEST(keeper_proves_itself),
        TEST(keys_that_are_none_are_refused),
        TEST(refusals_say_why),
        cmocka_unit_test(newer_versions_may_say_more),
        cmocka_unit_test(tickets_read_back),
        cmocka_unit_test(kinds_of_tickets_are_told_apart),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
