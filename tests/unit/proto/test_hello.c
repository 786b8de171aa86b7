#include "proto_test.h"

#include "proto/wire/wire.h"

static struct council us;

static int setup(void **state)
{
    council_init(&us, 1);
    return start_crypto(state);
}

static struct kr_hello good_hello(bool is_responder)
{
    struct kr_hello hello = {
        .version = KR_WIRE_VERSION,
        .is_responder = is_responder,
        .is_join = true,
        .ephemeral = {3},
        .meant = {4},
        .has_reply_to = is_responder,
        .reply_to = {5},
        .card = text_slice("a card record"),
    };

    memcpy(hello.council, us.id, 32);
    memcpy(hello.node_key, us.node_public, 32);
    return hello;
}

static struct bytes written(struct kr_hello *hello)
{
    struct bytes bytes = {0};
    struct kr_writer writer;

    kr_writer_init(&writer, KR_FRAME_BYTES_MAX);
    kr_hello_write(hello, us.node_secret, &writer);
    assert_int_equal(kr_writer_take(&writer, &bytes.at, &bytes.len), KR_OK);
    return bytes;
}

static void hellos_read_back(void **state)
{
    (void)state;
    for (unsigned role = 0; role < 2; role++) {
        struct kr_hello hello = good_hello(role == 1);
        struct bytes bytes = written(&hello);
        struct kr_hello read;

        assert_int_equal(kr_hello_read(slice(bytes.at, bytes.len), &read), KR_OK);
        assert_int_equal(read.version, KR_WIRE_VERSION);
        assert_int_equal(read.is_responder, role);
        assert_true(read.is_join);
        assert_memory_equal(read.council, us.id, 32);
        assert_memory_equal(read.node_key, us.node_public, 32);
        assert_memory_equal(read.ephemeral, hello.ephemeral, 32);
        assert_memory_equal(read.meant, hello.meant, 32);
        assert_int_equal(read.has_reply_to, role);
        assert_int_equal(read.reply_to[0], role == 1 ? 5 : 0);
        assert_slice_equal(read.card, "a card record", 13);
        assert_memory_equal(read.signature, hello.signature, 64);
        free(bytes.at);
    }
}

static void every_flipped_bit_and_truncation_is_refused(void **state)
{
    struct kr_hello hello = good_hello(true);
    struct bytes bytes = written(&hello);
    struct kr_hello read = {.version = 99};

    (void)state;
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        bytes.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(kr_hello_read(slice(bytes.at, bytes.len), &read), KR_OK);
        bytes.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(kr_hello_read(slice(bytes.at, len), &read), KR_MALFORMED);
    }
    assert_int_equal(read.version, 99);
    free(bytes.at);
}

static void only_the_responder_names_a_hello(void **state)
{
    struct kr_hello hello = good_hello(false);
    struct bytes bytes;
    struct kr_hello read;

    (void)state;
    hello.has_reply_to = true;
    bytes = written(&hello);
    assert_int_equal(kr_hello_read(slice(bytes.at, bytes.len), &read), KR_MALFORMED);
    free(bytes.at);
    hello = good_hello(true);
    hello.has_reply_to = false;
    bytes = written(&hello);
    assert_int_equal(kr_hello_read(slice(bytes.at, bytes.len), &read), KR_MALFORMED);
    free(bytes.at);
}

static void newer_hellos_may_say_more(void **state)
{
    struct kr_hello hello = good_hello(false);
    struct kr_hello read;
    struct bytes bytes, longer;
    uint8_t hash[32], longer_hash[32];

    (void)state;
    hello.version = KR_WIRE_VERSION + 1;
    bytes = written(&hello);
    longer.len = bytes.len + 1;
    longer.at = malloc(longer.len);
    assert_non_null(longer.at);
    memcpy(longer.at, bytes.at, bytes.len);
    longer.at[0] = 0x9b; /* eleven fields */
    longer.at[bytes.len] = 0x07;
    assert_int_equal(kr_hello_read(slice(longer.at, longer.len), &read), KR_OK);
    assert_int_equal(read.version, KR_WIRE_VERSION + 1);
    /* The signature does not cover what was appended, but the hash does, and with it the session. */
    kr_hello_hash(hash, slice(bytes.at, bytes.len));
    kr_hello_hash(longer_hash, slice(longer.at, longer.len));
    assert_memory_not_equal(hash, longer_hash, 32);
    free(longer.at);
    free(bytes.at);
    hello.version = 0;
    bytes = written(&hello);
    assert_int_equal(kr_hello_read(slice(bytes.at, bytes.len), &read), KR_VERSION);
    free(bytes.at);
    hello.version = KR_WIRE_VERSION;
    bytes = written(&hello);
    longer.len = bytes.len + 1;
    longer.at = calloc(1, longer.len);
    assert_non_null(longer.at);
    memcpy(longer.at, bytes.at, bytes.len);
    longer.at[0] = 0x9b;
    assert_int_equal(kr_hello_read(slice(longer.at, longer.len), &read), KR_MALFORMED);
    free(longer.at);
    free(bytes.at);
}

static void transcripts_know_who_began(void **state)
{
    uint8_t one[32] = {1}, two[32] = {2}, forth[32], back[32];

    (void)state;
    kr_transcript(forth, one, two);
    kr_transcript(back, two, one);
    assert_memory_not_equal(forth, back, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hellos_read_back),
        cmocka_unit_test(every_flipped_bit_and_truncation_is_refused),
        cmocka_unit_test(only_the_responder_names_a_hello),
        cmocka_unit_test(newer_hellos_may_say_more),
        cmocka_unit_test(transcripts_know_who_began),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
