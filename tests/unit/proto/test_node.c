/* What nodes of one council tell each other, and what they keep of a peer: everything reads back, nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "proto/record/peer_link.h"
#include "proto/record/peer_root.h"
#include "proto/wire/node.h"
#include "proto/wire/ticket.h"

static struct kr_slice text(const char *string)
{
    return (struct kr_slice){(const uint8_t *)string, strlen(string)};
}

static enum kr_err read_ask(const struct kr_writer *writer, size_t len, struct kr_node_ask *ret_ask)
{
    return kr_node_ask_read((struct kr_slice){writer->bytes, len}, ret_ask);
}

static void an_ask_reads_back(void **state)
{
    struct kr_node_ask ask = {.transport_public = {7}, .endpoint = text("tcp://b.example:7117"), .name = text("zweite")}, read;
    struct kr_writer writer;
    (void)state;
    kr_writer_init(&writer, KR_NODE_BODY_BYTES_MAX);
    kr_node_ask_write(&ask, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    assert_int_equal(read_ask(&writer, writer.len, &read), KR_OK);
    assert_true(read.transport_public[0] == 7 && read.endpoint.len == ask.endpoint.len);
    assert_memory_equal(read.name.bytes, "zweite", 6);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_not_equal(read_ask(&writer, len, &read), KR_OK);
    }
    kr_writer_deinit(&writer);
    static const struct {
        const char *endpoint, *name;
        enum kr_err err;
    } wrong[] = {{"", "a", KR_OK}, {"tcp://b", "a", KR_INVALID}, {"http://b:1", "a", KR_INVALID}, {"tcp://b:1", "", KR_MALFORMED}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ask.endpoint = text(wrong[i].endpoint);
        ask.name = text(wrong[i].name);
        kr_writer_init(&writer, KR_NODE_BODY_BYTES_MAX);
        kr_node_ask_write(&ask, &writer);
        assert_int_equal(read_ask(&writer, writer.len, &read), wrong[i].err);
        kr_writer_deinit(&writer);
    }
}

/* All that there may be fits; a secret that is not its public key's is told. */
static void keys_read_back(void **state)
{
    static struct kr_node_keys keys, read;
    struct kr_writer writer;
    (void)state;
    keys = (struct kr_node_keys){.name = text("erste"), .root_public = {1}, .recovery_public = {2}};
    for (uint32_t i = 0; i < KR_SEALING_KEYS_MAX; i++) {
        struct kr_dated_key *key = &keys.sealing[keys.sealing_count++];
        memset(key->secret, (int)i + 1, 32);
        assert_int_equal(crypto_scalarmult_base(key->public_key, key->secret), 0);
        key->from_s = UINT64_MAX - i;
        key->until_s = i;
    }
    kr_writer_init(&writer, KR_NODE_BODY_BYTES_MAX);
    kr_node_keys_write(&keys, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    assert_int_equal(kr_node_keys_read((struct kr_slice){writer.bytes, writer.len}, &read), KR_OK);
    assert_int_equal(read.sealing_count, KR_SEALING_KEYS_MAX);
    assert_memory_equal(read.sealing, keys.sealing, sizeof keys.sealing);
    assert_true(read.root_public[0] == 1 && read.recovery_public[0] == 2);
    for (size_t len = 0; len < writer.len; len += 7) {
        assert_int_not_equal(kr_node_keys_read((struct kr_slice){writer.bytes, len}, &read), KR_OK);
    }
    kr_writer_deinit(&writer);
    keys.sealing[3].public_key[0] ^= 1;
    kr_writer_init(&writer, KR_NODE_BODY_BYTES_MAX);
    kr_node_keys_write(&keys, &writer);
    assert_int_equal(kr_node_keys_read((struct kr_slice){writer.bytes, writer.len}, &read), KR_KEY);
    kr_writer_deinit(&writer);
}

static void a_peer_link_reads_back(void **state)
{
    struct kr_peer_link link = {.state = KR_PEER_LINK_PAUSED,
                                .transport_key = {3},
                                .endpoint = text("tcp://p.example:1"),
                                .has_community = true,
                                .community = {4}},
                        read;
    struct kr_writer writer;
    (void)state;
    kr_writer_init(&writer, KR_KIB);
    kr_peer_link_write(&link, &writer);
    assert_int_equal(kr_peer_link_parse((struct kr_slice){writer.bytes, writer.len}, &read), KR_OK);
    assert_true(read.state == KR_PEER_LINK_PAUSED && read.transport_key[0] == 3 && read.has_community && read.community[0] == 4);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(kr_peer_link_parse((struct kr_slice){writer.bytes, len}, &read), KR_MALFORMED);
    }
    kr_writer_deinit(&writer);
    link.endpoint = text("nowhere");
    kr_writer_init(&writer, KR_KIB);
    kr_peer_link_write(&link, &writer);
    assert_int_equal(kr_peer_link_parse((struct kr_slice){writer.bytes, writer.len}, &read), KR_MALFORMED);
    kr_writer_deinit(&writer);
}

static void a_peer_root_reads_back(void **state)
{
    static const uint8_t previous[33] = {6};
    struct kr_peer_root read;
    struct kr_writer writer;
    (void)state;
    for (size_t len = 0; len <= 33; len++) { /* of `previous` */
        const bool is_sound = len == 0 || len == 32;
        const struct kr_peer_root root = {.root = {5}, .previous = {previous, len}};
        kr_writer_init(&writer, KR_KIB);
        kr_peer_root_write(&root, &writer);
        const struct kr_slice content = {writer.bytes, writer.len};
        assert_true(!is_sound || content.len <= KR_PEER_ROOT_BYTES_MAX);
        assert_int_equal(kr_peer_root_parse(content, &read), is_sound ? KR_OK : len > 32 ? KR_BOUNDS : KR_MALFORMED);
        for (size_t part = 0; part < content.len; part++) {
            assert_int_not_equal(kr_peer_root_parse((struct kr_slice){content.bytes, part}, &read), KR_OK);
        }
        if (is_sound) {
            assert_int_equal(kr_peer_root_parse(content, &read), KR_OK);
            assert_true(read.root[0] == 5 && read.previous.len == len);
        }
        writer.bytes[1] = 2; /* of a version to come */
        assert_int_not_equal(kr_peer_root_parse(content, &read), KR_OK);
        kr_writer_deinit(&writer);
    }
}

static void a_ticket_says_what_it_is_for(void **state)
{
    struct kr_ticket ticket = {.council = {1}, .transport_public = {2}, .secret = {3}, .expires_s = 4, .is_for_node = true}, read;
    char printed[KR_TICKET_TEXT_BYTES_MAX];
    (void)state;
    memcpy(ticket.endpoint, "tcp://a:1", 10);
    assert_int_equal(kr_ticket_print(&ticket, printed, sizeof printed), KR_OK);
    assert_int_equal(kr_ticket_parse(printed, strlen(printed), &read, NULL), KR_OK);
    assert_true(read.is_for_node && !read.has_community && read.expires_s == 4 && read.secret[0] == 3);
    ticket.is_for_node = false;
    assert_int_equal(kr_ticket_print(&ticket, printed, sizeof printed), KR_OK);
    assert_int_equal(kr_ticket_parse(printed, strlen(printed), &read, NULL), KR_OK);
    assert_false(read.is_for_node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ask_reads_back),
        cmocka_unit_test(keys_read_back),
        cmocka_unit_test(a_peer_link_reads_back),
        cmocka_unit_test(a_peer_root_reads_back),
        cmocka_unit_test(a_ticket_says_what_it_is_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
