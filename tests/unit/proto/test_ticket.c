#include "proto_test.h"

#include "proto/codec/writer.h"
#include "proto/wire/bech32m.h"
#include "proto/wire/ticket.h"

static const char charset[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static struct kr_ticket good_ticket(void)
{
    return (struct kr_ticket){
        .council = {1, 2, 3},
        .transport_public = {4, 5, 6},
        .endpoint = "tcp://council.example.jp:7370",
        .secret = {7, 8, 9},
        .expires_s = EXPIRES_S,
        .has_community = true,
        .community = {10},
    };
}

static void printed(char text[static KR_TICKET_TEXT_BYTES_MAX])
{
    struct kr_ticket ticket = good_ticket();

    assert_int_equal(kr_ticket_print(&ticket, text, KR_TICKET_TEXT_BYTES_MAX), KR_OK);
}

static void tickets_read_back(void **state)
{
    (void)state;
    for (unsigned has_community = 0; has_community < 2; has_community++) {
        struct kr_ticket ticket = good_ticket();
        struct kr_ticket read;
        char text[KR_TICKET_TEXT_BYTES_MAX];

        ticket.has_community = has_community == 1;
        ticket.is_by_hand = has_community == 0;
        if (!ticket.has_community) {
            memset(ticket.community, 0, sizeof ticket.community);
        }
        assert_int_equal(kr_ticket_print(&ticket, text, sizeof text), KR_OK);
        assert_memory_equal(text, "kairan1", 7);
        assert_int_equal(kr_ticket_parse(text, strlen(text), &read, NULL), KR_OK);
        assert_memory_equal(read.council, ticket.council, 32);
        assert_memory_equal(read.transport_public, ticket.transport_public, 32);
        assert_string_equal(read.endpoint, ticket.endpoint);
        assert_memory_equal(read.secret, ticket.secret, 32);
        assert_true(read.expires_s == EXPIRES_S);
        assert_int_equal(read.has_community, has_community);
        assert_int_equal(read.is_by_hand, has_community == 0);
        assert_memory_equal(read.community, ticket.community, 32);
    }
}

static void mails_may_break_and_shout_it(void **state)
{
    char text[KR_TICKET_TEXT_BYTES_MAX];
    char mailed[2 * KR_TICKET_TEXT_BYTES_MAX];
    struct kr_ticket read;
    size_t len = 0;

    (void)state;
    printed(text);
    mailed[len++] = '\n';
    for (size_t i = 0; text[i] != 0; i++) {
        mailed[len++] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
        if (i % 40 == 39) {
            memcpy(mailed + len, "\r\n\t ", 4);
            len += 4;
        }
    }
    assert_int_equal(kr_ticket_parse(mailed, len, &read, NULL), KR_OK);
    assert_string_equal(read.endpoint, "tcp://council.example.jp:7370");
    mailed[1] = 'k';
    assert_int_equal(kr_ticket_parse(mailed, len, &read, NULL), KR_MALFORMED);
}

static void every_typo_at_every_place_is_found(void **state)
{
    char text[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_ticket read = {.expires_s = 77};
    size_t len;

    (void)state;
    printed(text);
    len = strlen(text);
    for (size_t at = 0; at < len; at++) {
        char right = text[at];

        for (const char *c = charset; *c != 0; c++) {
            struct kr_error error = {{0}};

            if (*c == right) {
                continue;
            }
            text[at] = *c;
            assert_int_equal(kr_ticket_parse(text, len, &read, &error), KR_MALFORMED);
            assert_int_not_equal(error.text[0], 0);
        }
        for (const char *c = "bio1?\x80-"; *c != 0; c++) {
            text[at] = *c;
            assert_int_equal(kr_ticket_parse(text, len, &read, NULL), *c == right ? KR_OK : KR_MALFORMED);
            if (*c == right) {
                read.expires_s = 77;
            }
        }
        text[at] = right;
    }
    assert_int_equal(read.expires_s, 77); /* untouched */
}

static void swapped_left_out_and_doubled_characters_are_found(void **state)
{
    char text[KR_TICKET_TEXT_BYTES_MAX + 1];
    char altered[KR_TICKET_TEXT_BYTES_MAX + 1];
    struct kr_ticket read;
    size_t len;

    (void)state;
    printed(text);
    len = strlen(text);
    for (size_t at = 0; at + 1 < len; at++) {
        if (text[at] != text[at + 1]) {
            memcpy(altered, text, len);
            altered[at] = text[at + 1];
            altered[at + 1] = text[at];
            assert_int_equal(kr_ticket_parse(altered, len, &read, NULL), KR_MALFORMED);
        }
        memcpy(altered, text, at);
        memcpy(altered + at, text + at + 1, len - at - 1);
        assert_int_equal(kr_ticket_parse(altered, len - 1, &read, NULL), KR_MALFORMED);
        memcpy(altered, text, at + 1);
        memcpy(altered + at + 1, text + at, len - at);
        assert_int_equal(kr_ticket_parse(altered, len + 1, &read, NULL), KR_MALFORMED);
    }
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(kr_ticket_parse(text, cut, &read, NULL), KR_MALFORMED);
    }
}

/* A ticket text around any payload. */
static enum kr_err parse_payload(const struct kr_writer *writer, struct kr_error *error)
{
    char text[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_ticket read;

    assert_int_equal(kr_bech32m_encode("kairan", writer->bytes, writer->len, text, sizeof text), KR_OK);
    return kr_ticket_parse(text, strlen(text), &read, error);
}

static void write_payload(struct kr_writer *writer, uint32_t fields, uint64_t version, const char *endpoint, size_t secret_len)
{
    static const uint8_t zeros[33];

    kr_writer_init(writer, 640);
    kr_writer_array(writer, fields);
    kr_writer_uint(writer, version);
    kr_writer_bin(writer, zeros, 32);
    kr_writer_bin(writer, zeros, 32);
    kr_writer_str(writer, endpoint);
    kr_writer_bin(writer, zeros, secret_len);
    kr_writer_uint(writer, 1);
    kr_writer_bin(writer, zeros, 0);
}

static void other_contents_are_told_apart(void **state)
{
    struct kr_writer writer;
    struct kr_error error;

    (void)state;
    write_payload(&writer, 7, 1, "tcp://a.example:1", 32);
    assert_int_equal(parse_payload(&writer, &error), KR_OK);
    kr_writer_uint(&writer, 0);
    assert_int_equal(parse_payload(&writer, &error), KR_MALFORMED); /* trailing byte */
    kr_writer_deinit(&writer);
    for (uint64_t flags = 0; flags < 3; flags++) { /* one that this version does not know changes what the ticket means */
        write_payload(&writer, 8, 2, "tcp://a.example:1", 32);
        kr_writer_uint(&writer, flags);
        assert_int_equal(parse_payload(&writer, &error), flags < 2 ? KR_OK : KR_MALFORMED);
        kr_writer_deinit(&writer);
    }
    write_payload(&writer, 7, 2, "tcp://a.example:1", 32);
    assert_int_equal(parse_payload(&writer, &error), KR_MALFORMED); /* without its flags */
    kr_writer_deinit(&writer);
    write_payload(&writer, 8, 1, "tcp://a.example:1", 32);
    kr_writer_uint(&writer, 1);
    assert_int_equal(parse_payload(&writer, &error), KR_MALFORMED); /* with some that it has not */
    kr_writer_deinit(&writer);
    write_payload(&writer, 9, 6, "tcp://a.example:1", 32);
    kr_writer_uint(&writer, 0);
    kr_writer_uint(&writer, 0);
    assert_int_equal(parse_payload(&writer, &error), KR_VERSION);
    assert_non_null(strstr(error.text, "newer"));
    kr_writer_deinit(&writer);
    write_payload(&writer, 7, 0, "tcp://a.example:1", 32);
    assert_int_equal(parse_payload(&writer, &error), KR_MALFORMED);
    kr_writer_deinit(&writer);
    write_payload(&writer, 7, 1, "ipc:///run/other", 32);
    assert_int_equal(parse_payload(&writer, &error), KR_MALFORMED);
    assert_non_null(strstr(error.text, "address"));
    kr_writer_deinit(&writer);
    write_payload(&writer, 7, 1, "tcp://a.example:1", 33);
    assert_int_equal(parse_payload(&writer, &error), KR_MALFORMED);
    kr_writer_deinit(&writer);
}

static void unusable_tickets_are_not_printed(void **state)
{
    struct kr_ticket ticket = good_ticket();
    char text[KR_TICKET_TEXT_BYTES_MAX];

    (void)state;
    assert_int_equal(kr_ticket_print(&ticket, text, 100), KR_BOUNDS);
    memcpy(ticket.endpoint, "udp", 3);
    assert_int_equal(kr_ticket_print(&ticket, text, sizeof text), KR_INVALID);
}

static void the_longest_endpoint_fits(void **state)
{
    struct kr_ticket ticket = good_ticket();
    struct kr_ticket read;
    char text[KR_TICKET_TEXT_BYTES_MAX];
    char *at = ticket.endpoint;

    (void)state;
    /* 6 + 244 + 6 characters: labels of 60, and a port of five digits. */
    memset(at, 'a', KR_ENDPOINT_BYTES_MAX);
    memcpy(at, "tcp://", 6);
    at[6 + 60] = at[6 + 121] = at[6 + 182] = '.';
    memcpy(at + KR_ENDPOINT_BYTES_MAX - 6, ":65535", 7);
    assert_int_equal(kr_ticket_print(&ticket, text, sizeof text), KR_OK);
    assert_int_equal(kr_ticket_parse(text, strlen(text), &read, NULL), KR_OK);
    assert_string_equal(read.endpoint, ticket.endpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tickets_read_back),
        cmocka_unit_test(mails_may_break_and_shout_it),
        cmocka_unit_test(every_typo_at_every_place_is_found),
        cmocka_unit_test(swapped_left_out_and_doubled_characters_are_found),
        cmocka_unit_test(other_contents_are_told_apart),
        cmocka_unit_test(unusable_tickets_are_not_printed),
        cmocka_unit_test(the_longest_endpoint_fits),
    };

    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
