/* What an enrolled machine knows of its council's nodes. */
#include "tests/unit/crypto/temp_dir.h"

#include "crypto/seal.h"
#include "crypto/secret.h"
#include "crypto/sign.h"
#include "proto/record/record.h"
#include "tools/client/known_nodes.h"

#define NOW_S       UINT64_C(1800000000)
#define OLDER_BYTES 96u
#define VIA         "tcp://127.0.0.1:17117"
#define KITA        "tcp://kita.example.jp:7117"
#define MINAMI      "tcp://minami.example.jp:7117"

/* The ticket's key at KITA, the one that comes after it, another node's at MINAMI. */
enum { TICKET, NEXT, OTHER, KEYS };

struct scene {
    struct temp_dir *temp;
    uint8_t root_public[32], root_secret[64], keys[KEYS][32];
    struct kr_enrolled *enrolled;
    struct kr_known_nodes nodes;
    char path[512], beside[512];
    uint64_t until_s[KEYS];
    bool is_left_out[KEYS];
};

/* A card of the council with those keys, to be freed. */
static uint8_t *make_card(struct scene *scene, uint64_t version, size_t *ret_len)
{
    static const uint8_t nonce[16] = {1}, seed[32] = {2}, recovery[32] = {3};
    static const char *const endpoints[KEYS] = {KITA, KITA, MINAMI};
    struct kr_card card = {.node_count = 1};
    struct kr_writer genesis, content;
    uint8_t id[32], *bytes = NULL;
    kr_writer_init(&genesis, KR_KIB);
    kr_writer_init(&content, KR_CARD_BYTES_MAX);
    kr_council_genesis_write(scene->root_public, recovery, nonce, &genesis);
    card.genesis = (struct kr_slice){genesis.bytes, genesis.len};
    kr_council_id(scene->enrolled->council, card.genesis);
    memcpy(card.node[0].public_key, scene->root_public, 32);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct kr_card_key *key = &card.transport[card.transport_count];
        if (!scene->is_left_out[i]) {
            *key = (struct kr_card_key){.from_s = i == NEXT ? NOW_S - 50 : NOW_S - 100, .until_s = scene->until_s[i]};
            memcpy(key->public_key, scene->keys[i], 32);
            key->endpoint = (struct kr_slice){(const uint8_t *)endpoints[i], strlen(endpoints[i])};
            card.transport_count++;
        }
    }
    kr_card_write(&card, &content);
    const struct kr_draft draft = {.kind = KR_KIND_COUNCIL_CARD,
                                   .created_ms = NOW_S * 1000,
                                   .expires_s = NOW_S + 86400,
                                   .label = KR_TLP_CLEAR,
                                   .subject = scene->enrolled->council,
                                   .version = version,
                                   .content = {content.bytes, content.len}};
    assert_int_equal(kr_record_make(&draft, scene->enrolled->council, scene->root_secret, seed, &bytes, ret_len, id), KR_OK);
    kr_writer_deinit(&genesis);
    kr_writer_deinit(&content);
    return bytes;
}

static int setup(void **state)
{
    static const uint8_t root_seed[32] = {4};
    struct scene *scene = calloc(1, sizeof *scene);
    uint8_t secret[32], seed[32] = {5};
    size_t len = 0;
    void *temp = NULL;
    if (scene == NULL || temp_dir_setup(&temp) != 0) {
        free(scene);
        return -1;
    }
    scene->temp = temp;
    kr_sign_keypair(scene->root_public, scene->root_secret, root_seed);
    for (uint32_t i = 0; i < KEYS; i++) {
        seed[1] = (uint8_t)i;
        kr_box_keypair(scene->keys[i], secret, seed);
    }
    assert_int_equal(kr_enrolled_new(&scene->enrolled, NULL), KR_OK);
    memset(scene->enrolled->public_key, 9, 32);
    memcpy(scene->enrolled->transport_public, scene->keys[TICKET], 32);
    (void)snprintf(scene->enrolled->endpoint, sizeof scene->enrolled->endpoint, KITA);
    free(make_card(scene, 1, &len)); /* for the council's id */
    (void)snprintf(scene->path, sizeof scene->path, "%s/kita", scene->temp->dir);
    (void)snprintf(scene->beside, sizeof scene->beside, "%s/.kita.transport", scene->temp->dir);
    kr_known_nodes_read(&scene->nodes, scene->enrolled, scene->path);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    void *temp = scene->temp;
    kr_known_nodes_deinit(&scene->nodes);
    kr_secret_free(scene->enrolled);
    free(scene);
    return temp_dir_teardown(&temp);
}

static struct kr_way way_of(const struct scene *scene, const char *endpoint, uint32_t key)
{
    struct kr_way way = {0};
    (void)snprintf(way.endpoint, sizeof way.endpoint, "%s", endpoint);
    memcpy(way.transport, scene->keys[key], 32);
    return way;
}

static bool take(struct scene *scene, const char *endpoint, uint32_t key, uint64_t version)
{
    const struct kr_way way = way_of(scene, endpoint, key);
    size_t len = 0;
    uint8_t *card = version > 0 ? make_card(scene, version, &len) : NULL;
    return kr_known_nodes_take(&scene->nodes, scene->enrolled, &way, card, len, NOW_S);
}

static const struct kr_ways *ways_of(const struct scene *scene)
{
    static struct kr_ways ways;
    kr_known_nodes_ways(&scene->nodes, scene->enrolled, NOW_S, &ways);
    return &ways;
}

#define EXPECT(scene, ...)                                                                                                         \
    do {                                                                                                                           \
        const struct expected wanted[] = {__VA_ARGS__};                                                                            \
        expect(scene, ways_of(scene), wanted, sizeof wanted / sizeof wanted[0]);                                                   \
    } while (0)
struct expected {
    const char *endpoint;
    uint32_t key;
};
static void expect(const struct scene *scene, const struct kr_ways *ways, const struct expected *wanted, size_t count)
{
    assert_int_equal(ways->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(ways->items[i].endpoint, wanted[i].endpoint);
        assert_memory_equal(ways->items[i].transport, scene->keys[wanted[i].key], 32);
    }
}

/* What comes back from the file is what was written. */
static void come_back(struct scene *scene)
{
    assert_int_equal(kr_known_nodes_write(&scene->nodes, scene->enrolled, scene->path, NULL), KR_OK);
    kr_known_nodes_deinit(&scene->nodes);
    kr_known_nodes_read(&scene->nodes, scene->enrolled, scene->path);
}

static uint64_t ends(void)
{
    return NOW_S - 50 + KR_KEY_EARLIER_S + KR_KEY_OVERLAP_S; /* of the key that NEXT comes behind */
}

static void at_first_there_is_the_tickets_node(void **state)
{
    struct scene *scene = *state;
    EXPECT(scene, {KITA, TICKET});
}

static void the_card_tells_of_the_others(void **state)
{
    struct scene *scene = *state;
    scene->is_left_out[NEXT] = true;
    assert_true(take(scene, KITA, TICKET, 1));
    EXPECT(scene, {KITA, TICKET}, {MINAMI, OTHER});
    assert_false(take(scene, KITA, TICKET, 0)); /* no news */
    come_back(scene);
    EXPECT(scene, {KITA, TICKET}, {MINAMI, OTHER});
    assert_true(take(scene, MINAMI, OTHER, 0));
    come_back(scene);
    EXPECT(scene, {MINAMI, OTHER}, {KITA, TICKET}); /* who answered last is asked first */
    assert_true(take(scene, MINAMI, OTHER, 5));
    assert_false(take(scene, MINAMI, OTHER, 4)); /* another command had seen a newer one meanwhile */
    assert_int_equal(scene->nodes.version, 5);
}

/* Also by a machine that uses another node meanwhile; and through stunnel the address stays the one that it was told. */
static void a_node_turns_to_its_next_key(void **state)
{
    struct scene *scene = *state;
    (void)snprintf(scene->enrolled->endpoint, sizeof scene->enrolled->endpoint, VIA);
    scene->until_s[TICKET] = ends();
    assert_true(take(scene, VIA, TICKET, 1));
    EXPECT(scene, {VIA, TICKET}, {VIA, NEXT}, {KITA, TICKET}, {KITA, NEXT}, {MINAMI, OTHER});
    assert_true(take(scene, VIA, NEXT, 0));
    come_back(scene);
    EXPECT(scene, {VIA, NEXT}, {KITA, TICKET}, {KITA, NEXT}, {MINAMI, OTHER}, {VIA, TICKET});
    /* It was restored from a keyring of before. */
    assert_true(take(scene, VIA, TICKET, 0));
    EXPECT(scene, {VIA, TICKET}, {VIA, NEXT}, {KITA, TICKET}, {KITA, NEXT}, {MINAMI, OTHER});
}

/* The key that leads on ends, and leaves the card later. */
static void what_leads_on_is_followed_in_time(void **state)
{
    struct scene *scene = *state;
    (void)snprintf(scene->enrolled->endpoint, sizeof scene->enrolled->endpoint, VIA);
    scene->until_s[TICKET] = ends();
    const struct kr_way way = way_of(scene, MINAMI, OTHER);
    size_t len = 0;
    uint8_t *card = make_card(scene, 1, &len);
    assert_true(kr_known_nodes_take(&scene->nodes, scene->enrolled, &way, card, len, ends()));
    assert_memory_equal(scene->nodes.home, scene->keys[NEXT], 32);
    scene->is_left_out[TICKET] = true;
    assert_true(take(scene, MINAMI, OTHER, 2));
    come_back(scene);
    EXPECT(scene, {MINAMI, OTHER}, {VIA, NEXT}, {KITA, NEXT}, {VIA, TICKET});
}

/* Who was connected comes back to the same node, under whichever of its keys. */
static void a_run_keeps_to_its_node(void **state)
{
    struct scene *scene = *state;
    struct kr_ways ways;
    scene->until_s[TICKET] = ends();
    assert_true(take(scene, KITA, TICKET, 1));
    const struct kr_way at_home = way_of(scene, KITA, NEXT), elsewhere = way_of(scene, MINAMI, OTHER);
    ways = *ways_of(scene);
    kr_known_nodes_keep(&scene->nodes, scene->enrolled, &at_home, &ways);
    expect(scene, &ways, (const struct expected[]){{KITA, TICKET}, {KITA, NEXT}}, 2);
    ways = *ways_of(scene);
    kr_known_nodes_keep(&scene->nodes, scene->enrolled, &elsewhere, &ways);
    expect(scene, &ways, (const struct expected[]){{MINAMI, OTHER}}, 1);
}

/* Under a key that it had between the ticket's and the one that it turned to last. */
static void a_restored_node_is_found_under_a_key_of_before(void **state)
{
    struct scene *scene = *state;
    scene->enrolled->transport_public[0] ^= 1; /* the card has forgotten it */
    (void)snprintf(scene->enrolled->endpoint, sizeof scene->enrolled->endpoint, VIA);
    scene->until_s[TICKET] = ends();
    assert_true(take(scene, VIA, TICKET, 1));
    assert_true(take(scene, VIA, NEXT, 0));
    const struct kr_ways *ways = ways_of(scene);
    assert_int_equal(ways->count, 6);
    assert_memory_equal(ways->items[4].transport, scene->enrolled->transport_public, 32);
    assert_string_equal(ways->items[5].endpoint, VIA);
    assert_memory_equal(ways->items[5].transport, scene->keys[TICKET], 32);
}

/* A revoked node's key comes behind those that are listed. */
static void a_node_that_is_no_more_comes_last(void **state)
{
    struct scene *scene = *state;
    scene->until_s[TICKET] = NOW_S - 1;
    assert_true(take(scene, MINAMI, OTHER, 1));
    EXPECT(scene, {MINAMI, OTHER}, {KITA, NEXT}, {KITA, TICKET});
}

/* Another address, of a tunnel, for one that the card or the ticket has. */
static void a_tunnel_is_dialled_instead(void **state)
{
    struct scene *scene = *state;
    struct kr_error error = {{0}};
    char from[64];
    scene->is_left_out[NEXT] = true;
    assert_true(take(scene, KITA, TICKET, 1));
    assert_int_equal(kr_known_nodes_via(&scene->nodes, MINAMI, VIA, &error), KR_OK);
    EXPECT(scene, {KITA, TICKET}, {VIA, OTHER});
    come_back(scene);
    EXPECT(scene, {KITA, TICKET}, {VIA, OTHER});
    assert_true(take(scene, VIA, OTHER, 0));
    EXPECT(scene, {VIA, OTHER}, {KITA, TICKET});
    assert_int_equal(kr_known_nodes_via(&scene->nodes, MINAMI, KITA, &error), KR_OK); /* said anew */
    assert_int_equal(scene->nodes.via_count, 1);
    assert_int_equal(kr_known_nodes_via(&scene->nodes, MINAMI, "", &error), KR_OK);
    assert_int_equal(kr_known_nodes_via(&scene->nodes, MINAMI, "", &error), KR_NOT_FOUND);
    EXPECT(scene, {VIA, OTHER}, {KITA, TICKET}, {MINAMI, OTHER});
    assert_int_equal(kr_known_nodes_via(&scene->nodes, "kita", VIA, &error), KR_INVALID);
    assert_int_equal(kr_known_nodes_via(&scene->nodes, MINAMI, "tcp://a", &error), KR_INVALID);
    for (unsigned i = 0; i <= KR_VIAS_MAX; i++) {
        (void)snprintf(from, sizeof from, "tcp://n%u.example.jp:7117", i);
        assert_int_equal(kr_known_nodes_via(&scene->nodes, from, VIA, &error), i < KR_VIAS_MAX ? KR_OK : KR_BOUNDS);
    }
    come_back(scene);
    assert_int_equal(scene->nodes.via_count, KR_VIAS_MAX);
}

static void an_older_file_is_read(void **state)
{
    struct scene *scene = *state;
    uint8_t older[OLDER_BYTES];
    memcpy(older, scene->keys[TICKET], 32);
    memcpy(older + 32, scene->keys[TICKET], 32);
    memcpy(older + 64, scene->keys[NEXT], 32);
    put_file(scene->beside, older, sizeof older);
    assert_int_equal(chmod(scene->beside, 0600), 0);
    kr_known_nodes_read(&scene->nodes, scene->enrolled, scene->path);
    EXPECT(scene, {KITA, TICKET}, {KITA, NEXT});
    come_back(scene); /* as a file of today */
    EXPECT(scene, {KITA, TICKET}, {KITA, NEXT});
    memcpy(older, scene->keys[OTHER], 32); /* of another enrolment */
    put_file(scene->beside, older, sizeof older);
    kr_known_nodes_deinit(&scene->nodes);
    kr_known_nodes_read(&scene->nodes, scene->enrolled, scene->path);
    EXPECT(scene, {KITA, TICKET});
}

/* Whatever is altered in it: it counts, or it counts for nothing, and no address comes of it that the council's card has not. */
static void what_is_damaged_counts_for_nothing(void **state)
{
    struct scene *scene = *state;
    static uint8_t file[KR_CARD_BYTES_MAX];
    scene->is_left_out[NEXT] = true;
    assert_true(take(scene, KITA, TICKET, 1));
    assert_int_equal(kr_known_nodes_via(&scene->nodes, VIA, VIA, NULL), KR_OK);
    come_back(scene);
    const size_t len = get_file(scene->beside, file, sizeof file);
    for (size_t at = 0; at < len; at++) {
        file[at] ^= 0x21;
        put_file(scene->beside, file, len);
        kr_known_nodes_deinit(&scene->nodes);
        kr_known_nodes_read(&scene->nodes, scene->enrolled, scene->path);
        const struct kr_ways *ways = ways_of(scene);
        assert_true(ways->count >= 1 && ways->count <= 4);
        assert_true(scene->nodes.card == NULL || scene->nodes.parsed.transport_count == 2);
        file[at] ^= 0x21;
    }
    for (size_t cut = 0; cut < len; cut++) {
        put_file(scene->beside, file, cut);
        kr_known_nodes_deinit(&scene->nodes);
        kr_known_nodes_read(&scene->nodes, scene->enrolled, scene->path);
        EXPECT(scene, {KITA, TICKET});
    }
    put_file(scene->beside, file, len);
    scene->enrolled->public_key[0] ^= 1; /* enrolled anew */
    kr_known_nodes_read(&scene->nodes, scene->enrolled, scene->path);
    EXPECT(scene, {KITA, TICKET});
}

/* A file of this version with a card of so many bytes, which is none. */
static void put_large(const struct scene *scene, size_t card_len)
{
    static const uint8_t zeros[2 * KR_CARD_BYTES_MAX];
    struct kr_writer writer;
    kr_writer_init(&writer, sizeof zeros + KR_KIB);
    kr_writer_array(&writer, 6);
    kr_writer_uint(&writer, 2);
    kr_writer_bin(&writer, scene->enrolled->public_key, 32);
    kr_writer_bin(&writer, scene->keys[NEXT], 32);
    kr_writer_array(&writer, 2);
    kr_writer_str(&writer, MINAMI);
    kr_writer_bin(&writer, scene->keys[OTHER], 32);
    kr_writer_array(&writer, 0);
    kr_writer_bin(&writer, zeros, card_len);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    put_file(scene->beside, writer.bytes, writer.len);
    assert_int_equal(chmod(scene->beside, 0600), 0);
    kr_writer_deinit(&writer);
}

static void it_has_a_bound(void **state)
{
    struct scene *scene = *state;
    put_large(scene, KR_CARD_BYTES_MAX);
    kr_known_nodes_read(&scene->nodes, scene->enrolled, scene->path);
    EXPECT(scene, {MINAMI, OTHER}, {KITA, NEXT}, {KITA, TICKET}); /* all but the card */
    put_large(scene, KR_CARD_BYTES_MAX + 1);
    kr_known_nodes_read(&scene->nodes, scene->enrolled, scene->path);
    EXPECT(scene, {KITA, TICKET});
    put_large(scene, 2 * KR_CARD_BYTES_MAX); /* more than is ever read */
    kr_known_nodes_read(&scene->nodes, scene->enrolled, scene->path);
    EXPECT(scene, {KITA, TICKET});
    (void)snprintf(scene->path, sizeof scene->path, "%s/nowhere/kita", scene->temp->dir);
    assert_int_equal(kr_known_nodes_write(&scene->nodes, scene->enrolled, scene->path, NULL), KR_IO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(at_first_there_is_the_tickets_node),
        TEST(the_card_tells_of_the_others),
        TEST(a_node_turns_to_its_next_key),
        TEST(what_leads_on_is_followed_in_time),
        TEST(a_run_keeps_to_its_node),
        TEST(a_node_that_is_no_more_comes_last),
        TEST(a_restored_node_is_found_under_a_key_of_before),
        TEST(a_tunnel_is_dialled_instead),
        TEST(an_older_file_is_read),
        TEST(what_is_damaged_counts_for_nothing),
        TEST(it_has_a_bound),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
