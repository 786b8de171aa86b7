/* Where a council's nodes are dialled. */
#include "proto_test.h"

#include "proto/wire/ways.h"

static void each_way_is_there_once(void **state)
{
    static struct kr_ways ways;
    static const uint8_t key[32] = {1}, other[32] = {2};
    (void)state;
    ways.count = 0;
    assert_true(kr_ways_add(&ways, text_slice("tcp://a.example:1"), key));
    assert_true(kr_ways_add(&ways, text_slice("tcp://a.example:1"), other));
    assert_true(kr_ways_add(&ways, text_slice("tcp://b.example:1"), key));
    assert_true(kr_ways_add(&ways, text_slice("tcp://a.example:1"), key));
    assert_int_equal(ways.count, 3);
    assert_string_equal(ways.items[2].endpoint, "tcp://b.example:1");
    assert_memory_equal(ways.items[1].transport, other, 32);
    assert_false(kr_ways_add(&ways, text_slice(""), key));
    assert_false(kr_ways_add(&ways, text_slice("ipc:///tmp/x"), key));
    assert_false(kr_ways_add(&ways, text_slice("tcp://a.example"), key));
    assert_int_equal(ways.count, 3);
}

static void there_are_so_many_and_no_more(void **state)
{
    static struct {
        struct kr_ways ways;
        uint8_t behind[64];
    } room;
    uint8_t key[32] = {0};
    (void)state;
    memset(&room, 0, sizeof room);
    memset(room.behind, 0xee, sizeof room.behind);
    for (uint32_t i = 0; i < 2 * KR_WAYS_MAX; i++) {
        key[0] = (uint8_t)i;
        assert_int_equal(kr_ways_add(&room.ways, text_slice("tcp://a.example:1"), key), i < KR_WAYS_MAX);
    }
    assert_int_equal(room.ways.count, KR_WAYS_MAX);
    for (size_t i = 0; i < sizeof room.behind; i++) {
        assert_int_equal(room.behind[i], 0xee);
    }
}

/* A node's next key, too; not one that has ended, nor one that nobody can dial. */
static void a_card_lists_nodes(void **state)
{
    static struct kr_ways ways;
    static struct kr_card card;
    const struct kr_card_key keys[] = {
        {.public_key = {1}, .from_s = 10, .endpoint = text_slice("tcp://a.example:1")},
        {.public_key = {2}, .from_s = 900, .endpoint = text_slice("tcp://b.example:1")},
        {.public_key = {3}, .from_s = 10, .until_s = 101, .endpoint = text_slice("tcp://c.example:1")},
        {.public_key = {4}, .from_s = 10, .until_s = 100, .endpoint = text_slice("tcp://d.example:1")},
        {.public_key = {5}, .from_s = 10}};
    (void)state;
    ways.count = 0;
    card.transport_count = sizeof keys / sizeof keys[0];
    memcpy(card.transport, keys, sizeof keys);
    kr_ways_add_listed(&ways, &card, 100);
    assert_int_equal(ways.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_memory_equal(ways.items[i].transport, keys[i].public_key, 32);
        assert_slice_equal(keys[i].endpoint, ways.items[i].endpoint, strlen(ways.items[i].endpoint));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_is_there_once),
        cmocka_unit_test(there_are_so_many_and_no_more),
        cmocka_unit_test(a_card_lists_nodes),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
