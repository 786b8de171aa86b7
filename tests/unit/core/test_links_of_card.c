/* A council's card names several nodes: each is linked for itself, and what is done to the council is done to all. */
#include "tests/unit/core/bed.h"

static int setup(void **state)
{
    *state = bed_new(3);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

/* Node 1 gets a newer card of node 0, whose transport keys are these, as node 2 brings it: keys ‖ ends. */
struct listed {
    uint8_t key[32];
    uint64_t until_s;
};
static void show_card(struct bed *bed, uint64_t version, const struct listed *keys, uint32_t count)
{
    struct kr_card card = bed_card(bed, 1, 0);
    struct kr_writer content;
    const uint64_t now_s = bed->world->now_ms / 1000;
    card.transport_count = count;
    for (uint32_t i = 0; i < count; i++) {
        card.transport[i] = (struct kr_card_key){.from_s = now_s - 3600, .until_s = keys[i].until_s};
        memcpy(card.transport[i].public_key, keys[i].key, 32);
        card.transport[i].endpoint = (struct kr_slice){(const uint8_t *)"tcp://second.example:1", 22};
    }
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    struct forged forged = bed_statement(bed, 0, KR_KIND_COUNCIL_CARD, bed_core(bed, 1)->directory.communities[0]->id,
                                         bed_node(bed, 0)->council, version, (struct kr_slice){content.bytes, content.len});
    bed_hand_over(bed, 2, 1, &forged);
    bed_run(bed, 200);
    assert_true(bed_holds(bed, 1, forged.id));
    forged_free(&forged);
    kr_writer_deinit(&content);
}

static struct listed own_key(struct bed *bed)
{
    struct listed listed = {0};
    memcpy(listed.key, bed_node(bed, 0)->keyring->transport_public, 32);
    return listed;
}

static struct listed made_key(uint8_t number)
{
    struct listed listed = {0};
    memset(listed.key, number, 32);
    return listed;
}

static uint32_t count_links(struct bed *bed)
{
    uint32_t at = 0, count = 0;
    while (kr_link_of_council(bed_core(bed, 1), bed_node(bed, 0)->council, &at) != NULL) {
        count++;
    }
    return count;
}

static struct kr_link *second(struct bed *bed, const struct listed *listed)
{
    return kr_link_by_row(bed_core(bed, 1), listed->key);
}

static bool is_admitted(struct bed *bed, const uint8_t key[static 32])
{
    const struct sim_node *node = bed_node(bed, 1);
    for (uint32_t i = 0; i < node->allowed_count; i++) {
        if (memcmp(node->allowed[i].key, key, 32) == 0) {
            return true;
        }
    }
    return false;
}

static void each_listed_key_is_linked(void **state)
{
    struct bed *bed = *state;
    const struct listed both[] = {own_key(bed), made_key(7)};
    show_card(bed, 50, both, 2);
    struct kr_link *first = bed_link(bed, 1, 0), *other = second(bed, &both[1]);
    assert_int_equal(count_links(bed), 2);
    assert_non_null(other);
    assert_true(first->has_session && first != other && !first->is_second && other->is_second && other->state == KR_LINK_OPEN);
    assert_string_equal(other->endpoint, "tcp://second.example:1");
    assert_true(is_admitted(bed, both[1].key));
    /* It outlives the program, and what the card lists no more goes. */
    bed_restart(bed, 1);
    assert_int_equal(count_links(bed), 2);
    show_card(bed, 51, both, 1);
    assert_int_equal(count_links(bed), 1);
    assert_false(is_admitted(bed, both[1].key));
    assert_true(bed_link(bed, 1, 0)->has_session);
}

static void a_key_that_has_ended_is_cut_and_another_is_the_first(void **state)
{
    struct bed *bed = *state;
    struct listed both[] = {own_key(bed), made_key(9)};
    show_card(bed, 50, both, 2);
    both[0].until_s = bed->world->now_ms / 1000 - 1;
    show_card(bed, 51, both, 2);
    const struct kr_link *link = bed_link(bed, 1, 0);
    assert_int_equal(count_links(bed), 1);
    assert_true(!link->is_second && memcmp(link->transport_key, both[1].key, 32) == 0);
    assert_false(is_admitted(bed, both[0].key));
    /* By a time that comes, too: nobody brings a card for that. */
    both[0].until_s = 0;
    both[1].until_s = bed->world->now_ms / 1000 + 300;
    show_card(bed, 52, both, 2);
    assert_int_equal(count_links(bed), 2);
    bed_run(bed, 1000000);
    assert_int_equal(count_links(bed), 1);
    link = bed_link(bed, 1, 0);
    assert_memory_equal(link->transport_key, both[0].key, 32);
    bed_restart(bed, 1);
    assert_int_equal(count_links(bed), 1);
}

/* A card without any key in force leaves the one way that there is; a key of ours or of another peer's makes no link. */
static void who_cannot_be_told_apart_is_not_linked(void **state)
{
    struct bed *bed = *state;
    struct listed keys[3] = {own_key(bed), {{0}, 0}, {{0}, 0}};
    memcpy(keys[1].key, bed_node(bed, 1)->keyring->transport_public, 32);
    memcpy(keys[2].key, bed_node(bed, 2)->keyring->transport_public, 32);
    show_card(bed, 50, keys, 3);
    assert_int_equal(count_links(bed), 1);
    keys[0].until_s = bed->world->now_ms / 1000 - 1;
    show_card(bed, 51, keys, 1);
    assert_int_equal(count_links(bed), 1);
}

static uint32_t act(struct bed *bed, uint32_t action)
{
    struct kr_peer_act act = {.action = action};
    struct kr_writer args;
    memcpy(act.council, bed_node(bed, 0)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(&act, &args);
    const uint32_t code = bed_request(bed, 1, KR_OP_PEER, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    return code;
}

static void what_is_done_to_a_council_is_done_to_all_its_nodes(void **state)
{
    struct bed *bed = *state;
    const struct listed both[] = {own_key(bed), made_key(7)};
    show_card(bed, 50, both, 2);
    assert_int_equal(act(bed, KR_PEER_PAUSE), KR_OK);
    assert_false(is_admitted(bed, both[0].key) || is_admitted(bed, both[1].key));
    assert_true(second(bed, &both[1])->state == KR_LINK_PAUSED && !bed_link(bed, 1, 0)->has_session);
    assert_int_equal(act(bed, KR_PEER_RESUME), KR_OK);
    assert_true(is_admitted(bed, both[0].key) && is_admitted(bed, both[1].key));
    assert_int_equal(act(bed, KR_PEER_REMOVE), KR_OK);
    assert_int_equal(count_links(bed), 0);
    assert_false(is_admitted(bed, both[0].key) || is_admitted(bed, both[1].key));
    bed_restart(bed, 1);
    assert_int_equal(count_links(bed), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_listed_key_is_linked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_has_ended_is_cut_and_another_is_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(who_cannot_be_told_apart_is_not_linked, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_done_to_a_council_is_done_to_all_its_nodes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
