/* What the root key signs: only what was asked for, whatever a node puts before it. */
#include "kairan_test.h"

#include <unistd.h>

#include "crypto/secret.h"
#include "crypto/sign.h"
#include "proto/record/record.h"
#include "tests/support/fake_keeper.h"
#include "tools/kairan/root_key.h"

#define NOW_MS UINT64_C(1800000000000)

static const uint8_t council[32] = {1}, other[32] = {2}, community[32] = {3};
static struct kr_root_key key;
static char root_path[] = "/tmp/kairan-test-XXXXXX", passphrase_path[] = "/tmp/kairan-test-XXXXXX";

/* One record that the node wants signed. */
struct wish {
    uint32_t kind;
    const uint8_t *author, *subject;
};

static void prepare(const struct wish *wish, uint8_t **ret_bytes, size_t *ret_len)
{
    static const uint8_t seed[32] = {9};
    const struct kr_draft draft = {.kind = wish->kind,
                                   .created_ms = NOW_MS,
                                   .expires_s = NOW_MS / 1000 + 86400,
                                   .label = KR_TLP_GREEN,
                                   .community = community,
                                   .subject = wish->subject,
                                   .version = 1,
                                   .content = slice("\x90")};
    assert_int_equal(kr_record_prepare(&draft, wish->author, key.public_key, seed, ret_bytes, ret_len), KR_OK);
}

static void say_id(int fd, uint64_t number)
{
    static struct kr_client_frame frame;
    struct kr_writer result;
    kr_writer_init(&result, KR_KIB);
    kr_writer_array(&result, 1);
    kr_writer_bin(&result, council, 32);
    assert_int_equal(kr_writer_finish(&result), KR_OK);
    frame = (struct kr_client_frame){.type = KR_CLIENT_END, .number = number, .payload = {result.bytes, result.len}};
    keeper_say(fd, &frame);
    kr_writer_deinit(&result);
}

/* Whether all that the node wishes is signed and handed in. */
static bool is_signed(uint32_t kind, const uint8_t *subject, const struct wish *wishes, uint32_t count)
{
    static struct kr_app app;
    static struct kr_client_frame frame;
    const struct kr_root_options options = {.file = root_path, .passphrase_file = passphrase_path};
    struct kr_error error = {0};
    struct kr_writer args;
    uint8_t *bytes[4] = {0}, id[32];
    int ends[2];
    assert_true(count <= 4);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    frame = (struct kr_client_frame){.type = KR_CLIENT_HELLO, .version = KR_CLIENT_VERSION};
    keeper_say(ends[0], &frame);
    frame = (struct kr_client_frame){.type = KR_CLIENT_PAGE, .number = 1, .item_count = count};
    for (uint32_t i = 0; i < count; i++) {
        size_t len = 0;
        prepare(&wishes[i], &bytes[i], &len);
        frame.items[i] = (struct kr_slice){bytes[i], len};
    }
    keeper_say(ends[0], &frame);
    say_id(ends[0], 1);
    say_id(ends[0], 2);
    app = (struct kr_app){.is_json = true};
    assert_int_equal(kr_conn_adopt(ends[1], "test", "en", &app.conn, &error), KR_OK);
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 0);
    const bool ok = kr_app_state(&app, KR_OP_SAY, &args, kind, subject, &options, id);
    kr_writer_deinit(&args);
    kr_conn_free(app.conn);
    assert_int_equal(close(ends[0]), 0);
    for (uint32_t i = 0; i < count; i++) {
        free(bytes[i]);
    }
    return ok;
}

#define SIGNED(kind, subject, ...)                                                                                                 \
    is_signed(kind, subject, (const struct wish[]){__VA_ARGS__}, sizeof((const struct wish[]){__VA_ARGS__}) / sizeof(struct wish))

static void what_was_asked_for_is_signed(void **state)
{
    (void)state;
    assert_true(SIGNED(KR_KIND_VOUCH, other, {KR_KIND_VOUCH, council, other}));
    assert_true(SIGNED(KR_KIND_COUNCIL_CARD, NULL, {KR_KIND_COUNCIL_CARD, council, council}));
    /* A charter, and the founder's card with it. */
    assert_true(SIGNED(KR_KIND_CHARTER, NULL, {KR_KIND_CHARTER, council, community}, {KR_KIND_COUNCIL_CARD, council, council}));
}

static void nothing_else_is(void **state)
{
    (void)state;
    assert_false(SIGNED(KR_KIND_VOUCH, other, {KR_KIND_VOUCH, council, community}));
    assert_false(SIGNED(KR_KIND_VOUCH, other, {KR_KIND_EXPULSION, council, other}));
    assert_false(SIGNED(KR_KIND_VOUCH, other, {KR_KIND_VOUCH, other, other}));
    assert_false(SIGNED(KR_KIND_COUNCIL_CARD, NULL, {KR_KIND_COUNCIL_CARD, council, other}));
    /* Nor behind what was asked for. */
    assert_false(SIGNED(KR_KIND_VOUCH, other, {KR_KIND_VOUCH, council, other}, {KR_KIND_EXPULSION, council, other}));
    assert_false(SIGNED(KR_KIND_VOUCH, other, {KR_KIND_VOUCH, council, other}, {KR_KIND_VOUCH, council, community}));
    assert_false(SIGNED(KR_KIND_CHARTER, NULL, {KR_KIND_CHARTER, council, community}, {KR_KIND_COUNCIL_CARD, council, other}));
}

static int start(void **state)
{
    static const char passphrase[] = "a passphrase";
    static const uint8_t seed[32] = {5};
    struct kr_error error = {0};
    (void)state;
    if (kr_crypto_init() != KR_OK) {
        return -1;
    }
    kr_sign_keypair(key.public_key, key.secret, seed);
    memcpy(key.council, council, 32);
    int root = mkstemp(root_path), file = mkstemp(passphrase_path);
    assert_true(root >= 0 && file >= 0);
    assert_int_equal(write(file, passphrase, sizeof passphrase - 1), sizeof passphrase - 1);
    assert_int_equal(close(root) + close(file) + unlink(root_path), 0);
    assert_int_equal(kr_root_file_write(&key, root_path, passphrase, &error), KR_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return unlink(root_path) + unlink(passphrase_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_for_is_signed),
        cmocka_unit_test(nothing_else_is),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
