/* Tickets for machines that name several nodes, and what nodes tell each other of tickets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "proto/record/ticket_word.h"
#include "proto/wire/machine_ticket.h"
#include "proto/wire/ticket.h"

static struct kr_machine_ticket ticket_of(uint32_t nodes)
{
    struct kr_machine_ticket ticket;
    memset(&ticket, 0, sizeof ticket);
    ticket.council[0] = 1;
    ticket.secret[0] = 3;
    ticket.expires_s = 77;
    ticket.node_count = nodes;
    for (uint32_t i = 0; i < nodes; i++) {
        ticket.nodes[i].transport[0] = (uint8_t)(10 + i);
        (void)snprintf(ticket.nodes[i].endpoint, sizeof ticket.nodes[i].endpoint, "tcp://node-%u.council.example.jp:7370", i);
    }
    return ticket;
}

static void several_nodes_read_back(void **state)
{
    char text[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_machine_ticket read;
    struct kr_ticket invitation;
    struct kr_error error = {{0}};
    (void)state;
    for (uint32_t nodes = 1; nodes <= KR_TICKET_NODES_MAX; nodes++) {
        const struct kr_machine_ticket ticket = ticket_of(nodes);
        memset(&read, 0, sizeof read);
        assert_int_equal(kr_machine_ticket_print(&ticket, text, sizeof text), KR_OK);
        assert_int_equal(kr_machine_ticket_parse(text, strlen(text), &read, &error), KR_OK);
        assert_memory_equal(&read, &ticket, sizeof read);
        assert_int_equal(kr_ticket_parse(text, strlen(text), &invitation, &error), KR_INVALID);
        assert_non_null(strstr(error.text, "kairan enrol"));
    }
}

static void what_has_no_room_is_said(void **state)
{
    char text[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_machine_ticket ticket = ticket_of(3), read;
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct kr_way *way = &ticket.nodes[i];
        memcpy(way->endpoint, "tcp://", 6);
        for (size_t at = 6; at < 206; at++) {
            way->endpoint[at] = at % 50 == 0 ? '.' : 'a';
        }
        memcpy(way->endpoint + 206, ":7370", 6);
    }
    assert_int_equal(kr_machine_ticket_print(&ticket, text, sizeof text), KR_BOUNDS);
    ticket.node_count = 2;
    assert_int_equal(kr_machine_ticket_print(&ticket, text, sizeof text), KR_OK);
    assert_int_equal(kr_machine_ticket_parse(text, strlen(text), &read, NULL), KR_OK);
    (void)snprintf(ticket.nodes[1].endpoint, sizeof ticket.nodes[1].endpoint, "nowhere");
    assert_int_not_equal(kr_machine_ticket_print(&ticket, text, sizeof text), KR_OK);
}

/* A payload of version 5 by hand. */
static enum kr_err parsed(uint32_t version, uint32_t head, uint32_t nodes, uint32_t other, const char *endpoint)
{
    struct kr_machine_ticket read = {.expires_s = 9};
    struct kr_writer writer;
    char text[KR_TICKET_TEXT_BYTES_MAX];
    static const uint8_t key[32] = {5};
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, head);
    kr_writer_uint(&writer, version);
    kr_writer_bin(&writer, key, 32);
    kr_writer_bin(&writer, key, 32);
    kr_writer_uint(&writer, 100);
    kr_writer_array(&writer, nodes);
    for (uint32_t i = 0; i < nodes; i++) {
        uint8_t transport[32] = {(uint8_t)(other != 0 && i == 1 ? 0 : i)};
        kr_writer_array(&writer, 2);
        kr_writer_bin(&writer, transport, 32);
        kr_writer_str(&writer, endpoint);
    }
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    assert_int_equal(kr_bech32m_encode("kairan", writer.bytes, writer.len, text, sizeof text), KR_OK);
    kr_writer_deinit(&writer);
    const enum kr_err err = kr_machine_ticket_parse(text, strlen(text), &read, NULL);
    assert_true(err == KR_OK || read.expires_s == 9); /* untouched */
    return err;
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    assert_int_equal(parsed(5, 5, 2, 0, "tcp://a.example:1"), KR_OK);
    assert_int_equal(parsed(5, 5, 4, 0, "tcp://a.example:1"), KR_OK);
    assert_int_equal(parsed(5, 5, 5, 0, "tcp://a.example:1"), KR_MALFORMED);
    assert_int_equal(parsed(5, 5, 1, 0, "tcp://a.example:1"), KR_MALFORMED);
    assert_int_equal(parsed(5, 5, 0, 0, "tcp://a.example:1"), KR_MALFORMED);
    assert_int_equal(parsed(5, 5, 2, 1, "tcp://a.example:1"), KR_MALFORMED); /* one of them twice */
    assert_int_equal(parsed(5, 5, 2, 0, "nowhere"), KR_MALFORMED);
    assert_int_equal(parsed(4, 5, 2, 0, "tcp://a.example:1"), KR_MALFORMED);
    assert_int_equal(parsed(6, 5, 2, 0, "tcp://a.example:1"), KR_VERSION);
}

static void words_of_tickets_read_back(void **state)
{
    static const uint8_t before[32] = {9};
    struct kr_ticket_word word = {.what = KR_TICKET_USED,
                                  .ticket = {1},
                                  .person = {2},
                                  .has_machine = true,
                                  .machine = {3},
                                  .at_ms = 4,
                                  .expires_s = 5,
                                  .previous = {before, 32}},
                          read;
    struct kr_writer writer;
    uint8_t subject[32], other[32];
    (void)state;
    kr_writer_init(&writer, KR_TICKET_WORD_BYTES_MAX);
    kr_ticket_word_write(&word, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK); /* the largest there is fits */
    assert_int_equal(kr_ticket_word_parse((struct kr_slice){writer.bytes, writer.len}, &read), KR_OK);
    assert_true(read.what == KR_TICKET_USED && read.ticket[0] == 1 && read.person[0] == 2 && read.machine[0] == 3 &&
                read.at_ms == 4 && read.expires_s == 5 && read.previous.len == 32);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(kr_ticket_word_parse((struct kr_slice){writer.bytes, len}, &read), KR_MALFORMED);
    }
    kr_writer_deinit(&writer);
    /* Of one machine by one ticket, whatever word: BLAKE2b-256("kairan ticket machine", ticket ‖ machine). */
    static const uint8_t of_the_two[32] = {0x7b, 0x30, 0x10, 0x3b, 0xa5, 0x96, 0x5e, 0x12, 0xb5, 0xff, 0x37,
                                           0xc3, 0xbd, 0xe7, 0x99, 0x8b, 0x45, 0x5c, 0x8a, 0x3e, 0x96, 0x08,
                                           0x5c, 0xd9, 0xd8, 0x2d, 0xe1, 0x16, 0xc7, 0xc9, 0xc4, 0x4d};
    kr_ticket_word_subject(&word, subject);
    assert_memory_equal(subject, of_the_two, 32);
    word.what = KR_TICKET_OVER;
    kr_ticket_word_subject(&word, other);
    assert_memory_equal(subject, other, 32);
    assert_memory_not_equal(subject, word.machine, 32);
    word.ticket[0] = 7;
    kr_ticket_word_subject(&word, other);
    assert_memory_not_equal(subject, other, 32);
    word.what = KR_TICKET_OPEN;
    kr_ticket_word_subject(&word, other);
    assert_memory_equal(other, word.ticket, 32);
    word.what = KR_TICKET_INVITED;
    kr_ticket_word_subject(&word, other);
    assert_memory_equal(other, word.ticket, 32);
    word.what = KR_TICKET_JOINED; /* of a council by each ticket */
    kr_ticket_word_subject(&word, subject);
    word.ticket[0] ^= 1;
    kr_ticket_word_subject(&word, other);
    assert_memory_not_equal(other, subject, 32);
    for (uint32_t what = 0; what <= 7; what++) {
        for (uint32_t has = 0; has <= 1; has++) {
            word.what = what;
            word.has_machine = has != 0;
            kr_writer_init(&writer, KR_KIB);
            kr_ticket_word_write(&word, &writer);
            const bool is_use = what == KR_TICKET_USED || what == KR_TICKET_OVER || what == KR_TICKET_JOINED;
            const bool is_one = what >= 1 && what <= 6 && has == is_use;
            assert_int_equal(kr_ticket_word_parse((struct kr_slice){writer.bytes, writer.len}, &read) == KR_OK, is_one);
            kr_writer_deinit(&writer);
        }
    }
}

/* An invitation of several nodes has its own fields behind the same number, and is no machine's. */
static void invitations_of_several_nodes_read_back(void **state)
{
    struct kr_ticket ticket, read;
    struct kr_machine_ticket machine;
    struct kr_error error = {{0}};
    char text[KR_TICKET_TEXT_BYTES_MAX];
    (void)state;
    for (uint32_t more = 0; more < KR_TICKET_NODES_MAX; more++) {
        memset(&ticket, 0, sizeof ticket);
        memset(&read, 0, sizeof read);
        ticket.council[0] = ticket.transport_public[0] = ticket.secret[0] = 9;
        ticket.expires_s = 77;
        ticket.has_community = ticket.is_by_hand = true;
        ticket.community[0] = 4;
        memcpy(ticket.endpoint, "tcp://a.example:1", 18);
        ticket.more_count = more;
        for (uint32_t i = 0; i < more; i++) {
            ticket.more[i].transport[0] = (uint8_t)i;
            memcpy(ticket.more[i].endpoint, "tcp://b.example:1", 18);
        }
        assert_int_equal(kr_ticket_print(&ticket, text, sizeof text), KR_OK);
        assert_int_equal(kr_ticket_parse(text, strlen(text), &read, &error), KR_OK);
        assert_memory_equal(&read, &ticket, sizeof read);
        assert_int_equal(kr_machine_ticket_parse(text, strlen(text), &machine, &error), KR_INVALID);
        assert_non_null(strstr(error.text, "kairan join"));
    }
    memcpy(ticket.more[0].endpoint, "nowhere", 8);
    assert_int_not_equal(kr_ticket_print(&ticket, text, sizeof text), KR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_nodes_read_back),    cmocka_unit_test(what_has_no_room_is_said),
        cmocka_unit_test(what_is_none_is_refused),    cmocka_unit_test(invitations_of_several_nodes_read_back),
        cmocka_unit_test(words_of_tickets_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
