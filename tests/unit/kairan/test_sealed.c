/* Keys of persons and bodies against a keeper that is played: what a lying node can have a holder believe, and a key that was made
 * and not published. */
#include "kairan_test.h"

#include <ftw.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/un.h>
#include <unistd.h>

#include "crypto/seal.h"
#include "crypto/secret.h"
#include "tests/support/fake_keeper.h"
#include "tools/kairan/people.h"
#include "tools/kairan/sealed.h"

#define ITEMS_MAX 4u

struct keeper {
    char directory[32];
    int listener;
    pthread_t thread;
    const struct kr_box_pair *body_key; /* NULL: the body has none */
    uint8_t items[ITEMS_MAX][512];
    struct kr_slice lists[ITEMS_MAX];
    uint32_t item_count;
    bool takes_key; /* hears of a person's key, and takes it; else it goes away */
};

static const uint8_t person[32] = {1}, body[32] = {2}, council[32] = {3};
static struct kr_box_pair mine[2], first, second, third; /* the person's, the newer before the older; the body's */

static int greet(const struct keeper *keeper)
{
    static struct kr_client_frame frame;
    int fd = accept(keeper->listener, NULL, NULL);
    assert_true(fd >= 0 && keeper_hear(fd, &frame));
    frame = (struct kr_client_frame){.type = KR_CLIENT_HELLO, .version = KR_CLIENT_VERSION};
    memcpy(frame.council, council, 32);
    keeper_say(fd, &frame);
    return fd;
}

static void say_keys(const struct keeper *keeper, int fd, uint64_t number)
{
    static struct kr_client_frame frame;
    struct kr_body_keys keys = {.key = {NULL, 0}};
    struct kr_writer result;
    memcpy(keys.person, person, 32);
    memcpy(keys.body, body, 32);
    if (keeper->body_key != NULL) {
        keys.key = (struct kr_slice){keeper->body_key->public_key, 32};
    }
    if (keeper->item_count > 0) {
        frame = (struct kr_client_frame){.type = KR_CLIENT_PAGE, .number = number, .item_count = keeper->item_count};
        memcpy(frame.items, keeper->lists, keeper->item_count * sizeof keeper->lists[0]);
        keeper_say(fd, &frame);
    }
    kr_writer_init(&result, 4 * KR_KIB);
    kr_body_keys_write(&keys, &result);
    assert_int_equal(kr_writer_finish(&result), KR_OK);
    frame = (struct kr_client_frame){.type = KR_CLIENT_END, .number = number, .payload = {result.bytes, result.len}};
    keeper_say(fd, &frame);
    kr_writer_deinit(&result);
}

/* The connection of the program, and the one aside, which asks for the keys. */
static void *serve(void *context)
{
    static struct kr_client_frame frame;
    static const uint8_t nothing = 0x90;
    const struct keeper *keeper = context;
    const int fd = greet(keeper), aside = greet(keeper);
    assert_true(keeper_hear(aside, &frame));
    assert_int_equal(frame.op, KR_OP_BODY_KEYS);
    say_keys(keeper, aside, frame.number);
    if (keeper->takes_key) {
        assert_true(keeper_hear(fd, &frame));
        assert_int_equal(frame.op, KR_OP_PERSON_KEY);
        frame = (struct kr_client_frame){.type = KR_CLIENT_END, .number = frame.number, .payload = {&nothing, 1}};
        keeper_say(fd, &frame);
    }
    assert_int_equal(close(fd) + close(aside), 0);
    return NULL;
}

static void start(struct keeper *keeper, struct kr_app *app)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(keeper->directory, sizeof keeper->directory, "/tmp/kairan-test-XXXXXX");
    assert_non_null(mkdtemp(keeper->directory));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/kairand.sock", keeper->directory);
    keeper->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(keeper->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(keeper->listener, 8), 0);
    assert_int_equal(pthread_create(&keeper->thread, NULL, serve, keeper), 0);
    *app = (struct kr_app){.state = keeper->directory};
}

static void stop(struct keeper *keeper, struct kr_app *app)
{
    char path[64];
    kr_conn_free(app->conn);
    assert_int_equal(pthread_join(keeper->thread, NULL), 0);
    (void)snprintf(path, sizeof path, "%s/kairand.sock", keeper->directory);
    assert_int_equal(close(keeper->listener), 0);
    assert_int_equal(unlink(path) + rmdir(keeper->directory), 0);
}

/* `held` sealed to `to`: the caller's own copy, or a way from key to key. */
static void give(struct keeper *keeper, bool is_own, const struct kr_box_pair *held, const struct kr_box_pair *to)
{
    uint8_t slot[KR_SLOT_BYTES], seed[32];
    struct kr_body_key_item item = {
        .is_person = is_own, .held = {held->public_key, 32}, .to = {to->public_key, 32}, .slot = {slot, sizeof slot}};
    struct kr_writer writer;
    randombytes_buf(seed, sizeof seed);
    assert_int_equal(kr_slot_seal(slot, held->secret, to->public_key, seed), KR_OK);
    memcpy(item.id, is_own ? person : held->public_key, 32);
    item.state = is_own ? KR_PERSON_STATE_ACTIVE : 0;
    kr_writer_init(&writer, sizeof keeper->items[0]);
    kr_body_key_item_write(&item, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    assert_true(keeper->item_count < ITEMS_MAX);
    memcpy(keeper->items[keeper->item_count], writer.bytes, writer.len);
    keeper->lists[keeper->item_count] = (struct kr_slice){keeper->items[keeper->item_count], writer.len};
    keeper->item_count++;
    kr_writer_deinit(&writer);
}

/* Whether who knows `first` as the body's key lets the one that the keeper says pass, and holds it. */
static bool passes(struct keeper *keeper, bool *ret_held)
{
    static struct kr_app app;
    static struct kr_person_keys own;
    struct kr_addressed one = {.sort = KR_ADDRESSED_BODY};
    start(keeper, &app);
    own = (struct kr_person_keys){.count = 2, .pairs = {mine[0], mine[1]}};
    app.own_keys = &own;
    assert_true(kr_app_open(&app));
    struct kr_sealed *sealed = kr_sealed_new(&app, true, false);
    assert_non_null(sealed);
    memcpy(one.council, council, 32);
    memcpy(one.id, body, 32);
    memcpy(one.key, keeper->body_key->public_key, 32);
    const bool vouches = kr_sealed_vouches(sealed, &one, first.public_key);
    *ret_held = sealed->body_pair != NULL;
    kr_sealed_free(sealed);
    stop(keeper, &app);
    return vouches;
}

static int make_pairs(void **state)
{
    struct kr_box_pair *const pairs[] = {&mine[0], &mine[1], &first, &second, &third};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        (void)crypto_box_keypair(pairs[i]->public_key, pairs[i]->secret);
    }
    return kr_crypto_init() == KR_OK ? 0 : -1;
}

static void a_replaced_key_is_seen_to_be_the_bodys(void **state)
{
    bool holds;
    (void)state;
    struct keeper once = {.body_key = &second};
    give(&once, false, &first, &second);
    give(&once, true, &second, &mine[0]);
    assert_true(passes(&once, &holds) && holds);
    struct keeper twice = {.body_key = &third};
    give(&twice, false, &first, &second);
    give(&twice, false, &second, &third);
    give(&twice, true, &third, &mine[1]);
    assert_true(passes(&twice, &holds) && holds);
    struct keeper lost = {.body_key = &second}; /* somebody made another one, and no way leads from it */
    give(&lost, true, &second, &mine[0]);
    assert_true(!passes(&lost, &holds) && holds);
}

/* `second` and `third` are the node's: it knows their secrets, and of `first` the copies that were sealed to the person's keys. */
static void a_node_passes_no_key_of_its_own_off(void **state)
{
    bool holds;
    (void)state;
    struct keeper forwards = {.body_key = &second}; /* from the former key to the new one */
    give(&forwards, true, &first, &mine[0]);
    give(&forwards, false, &second, &first);
    assert_true(!passes(&forwards, &holds) && !holds);
    struct keeper beside = {.body_key = &second}; /* the former by the person's key */
    give(&beside, true, &second, &mine[0]);
    give(&beside, false, &first, &mine[0]);
    assert_true(!passes(&beside, &holds) && holds);
    struct keeper around = {.body_key = &third}; /* from it one after the other */
    give(&around, true, &third, &mine[0]);
    give(&around, false, &first, &mine[1]);
    give(&around, false, &second, &first);
    give(&around, false, &second, &third);
    assert_true(!passes(&around, &holds) && holds);
    struct keeper two = {.body_key = &second}; /* two own copies */
    give(&two, true, &first, &mine[0]);
    give(&two, true, &second, &mine[0]);
    assert_true(!passes(&two, &holds) && holds);
    struct keeper own = {.body_key = &mine[1]}; /* a key of the person's, which may have been stolen since */
    give(&own, true, &first, &mine[1]);
    give(&own, false, &first, &mine[1]);
    assert_true(!passes(&own, &holds) && !holds);
}

static int forget(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static int make_key(bool takes_key, char *passphrase_file)
{
    static struct kr_app app;
    struct keeper keeper = {.takes_key = takes_key};
    char words[][24] = {"key", "person", "make", "--new-passphrase-file"};
    char *argv[] = {words[0], words[1], words[2], words[3], passphrase_file};
    start(&keeper, &app);
    const int status = kr_run_key(&app, passphrase_file != NULL ? 5 : 3, argv);
    kr_secret_free(app.own_keys);
    stop(&keeper, &app);
    return status;
}

/* The node went away before it heard of the key; who makes it again under a passphrase has it under one. */
static void a_key_that_was_not_published_comes_under_a_passphrase(void **state)
{
    char home[] = "/tmp/kairan-test-XXXXXX", file[64];
    uint8_t made[32];
    bool is_protected;
    struct kr_person_keys *keys = NULL;
    (void)state;
    assert_non_null(mkdtemp(home));
    assert_int_equal(setenv("XDG_CONFIG_HOME", home, 1), 0);
    (void)snprintf(file, sizeof file, "%s/passphrase", home);
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    assert_int_equal(fchmod(fileno(out), 0600), 0);
    assert_true(fputs("a long one\n", out) >= 0 && fclose(out) == 0);
    assert_int_equal(make_key(false, NULL), KR_EXIT_ERROR);
    assert_int_equal(kr_person_keys_load(council, NULL, &keys, NULL), KR_OK);
    assert_int_equal(keys->count, 1);
    memcpy(made, keys->pairs[0].public_key, 32);
    kr_secret_free(keys);
    assert_int_equal(make_key(true, file), KR_EXIT_DONE);
    assert_true(kr_person_keys_are_protected(council, &is_protected, NULL) == KR_OK && is_protected);
    assert_int_equal(kr_person_keys_load(council, "a long one", &keys, NULL), KR_OK);
    assert_int_equal(keys->count, 1); /* the one that there was */
    assert_memory_equal(keys->pairs[0].public_key, made, 32);
    kr_secret_free(keys);
    assert_int_equal(nftw(home, forget, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replaced_key_is_seen_to_be_the_bodys),
        cmocka_unit_test(a_node_passes_no_key_of_its_own_off),
        cmocka_unit_test(a_key_that_was_not_published_comes_under_a_passphrase),
    };
    return cmocka_run_group_tests(tests, make_pairs, NULL);
}
