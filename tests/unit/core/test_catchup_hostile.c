/* What a peer's log costs, and how long it keeps us from the logs of others, whatever it brings. */
#include "tests/unit/core/catchup_test.h"

static int setup_three(void **state)
{
    *state = bed_new(3);
    return 0;
}

/* What 1 asks is heard by nobody: who answers is played. */
static bool is_unheard(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    (void)context;
    (void)effect;
    return node->index == 1;
}

/* A record of 0's that is new; as many as there are numbers. */
static struct forged new_record(struct bed *bed, uint32_t number)
{
    struct kr_writer content;
    char domain[32];
    (void)snprintf(domain, sizeof domain, "n%u.example", number);
    struct forged forged = bed_forge(
        bed, 0, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = bed_report(&content, domain)});
    kr_writer_deinit(&content);
    return forged;
}

/* Whole pages until 1 has enough of it, each with one new record that comes. What is beside it is known, or gone: `known` ids are
 * listed again and again, else none was ever heard of. */
static uint32_t pages_read(struct bed *bed, const uint8_t known[32], uint32_t *number)
{
    uint32_t pages = 0;
    uint64_t from = progress(bed, 1, 0, KR_SCOPE_CLEAR)->at;
    bed->on_send = is_unheard;
    has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
    for (; bed_link(bed, 1, 0)->phase == KR_CATCHUP_READING && pages < 200; pages++) {
        struct forged forged = new_record(bed, ++*number);
        struct kr_message have = unknown_page((uint8_t)*number, from, KR_PAGE_IDS_MAX, UINT64_MAX);
        uint8_t(*ids)[KR_SHORT_ID_BYTES] = malloc(have.ids.len);
        assert_non_null(ids);
        memcpy(ids, have.ids.bytes, have.ids.len);
        for (uint32_t i = 0; known != NULL && i < KR_PAGE_IDS_MAX; i++) {
            memcpy(ids[i], known, KR_SHORT_ID_BYTES);
        }
        memcpy(ids[0], forged.id, KR_SHORT_ID_BYTES);
        have.ids.bytes = ids[0];
        bed_say_of(bed, 0, 1, clear_scope, &have);
        const struct kr_message gone = {.type = KR_MESSAGE_GONE,
                                        .ids = {ids[1], (size_t)(KR_PAGE_IDS_MAX - 1) * KR_SHORT_ID_BYTES}};
        bed_hand_over(bed, 0, 1, &forged);
        if (known == NULL) {
            bed_say(bed, 0, 1, &gone);
        }
        assert_true(bed_holds(bed, 1, forged.id));
        from += KR_PAGE_IDS_MAX;
        forged_free(&forged);
        free(ids);
    }
    return pages;
}

/* A third of a second a page, in which a third of a page comes back: one record that is new does not pay for the rest of
 * its page; nor does another session. */
static void looking_up_in_vain_is_bounded(struct bed *bed, const uint8_t known[32])
{
    uint32_t number = 0;
    assert_in_range(pages_read(bed, known, &number), 64, 94);
    assert_in_range(pages_read(bed, known, &number), 1, 3);
    bed->on_send = NULL;
    sim_world_push(bed->world, bed_node(bed, 1), (struct kr_event){.type = KR_EVENT_LOST, .number = bed_link(bed, 1, 0)->number},
                   NULL, 0, bed->world->now_ms);
    do {
        bed_run(bed, 10);
    } while (!bed_link(bed, 1, 0)->has_session || !bed_link(bed, 0, 1)->has_session);
    assert_in_range(pages_read(bed, known, &number), 1, 6);
    /* What is used up comes back: a page a second. */
    bed->on_send = NULL;
    bed_run(bed, 20000);
    assert_in_range(pages_read(bed, known, &number), 15, 40);
}

static void new_records_between_known_ids_buy_no_more_of_them(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[2][32];
    submit_some(bed, 0, 1, 2, ids);
    bed_run(bed, 60000);
    marks_follow(bed, 1, 0);
    looking_up_in_vain_is_bounded(bed, ids[1]);
    assert_true(bed_said(bed, 1, "contradicts itself"));
}

static void new_records_between_ids_that_are_gone_buy_no_more_of_them(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[2][32];
    submit_some(bed, 0, 1, 2, ids);
    bed_run(bed, 60000);
    marks_follow(bed, 1, 0);
    looking_up_in_vain_is_bounded(bed, NULL);
}

static void hand_over_some(struct bed *bed, const struct forged *forged, uint32_t count)
{
    struct kr_writer list;
    kr_writer_init(&list, KR_FRAME_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_bin(&list, forged[i].bytes, forged[i].len);
    }
    const struct kr_message records = {.type = KR_MESSAGE_RECORDS, .item_count = count, .items = {list.bytes, list.len}};
    bed_say(bed, 0, 1, &records);
    kr_writer_deinit(&list);
}

/* 0 lists two pages and brings ten bad records of them a second. 2 has one that 1 lacks, and that nobody pushes: its log is read
 * before the drip ends, but not before a turn is over. */
static void who_drips_does_not_keep_us_from_other_logs(void **state)
{
    struct bed *bed = *state;
    static uint8_t ids[2 * KR_PAGE_IDS_MAX][KR_SHORT_ID_BYTES];
    const uint32_t count = 6600;
    struct forged *drops = calloc(count, sizeof *drops);
    uint8_t missed[2][32];
    assert_non_null(drops);
    submit_some(bed, 0, 0, 1, missed);
    bed_run(bed, 60000);
    marks_follow(bed, 1, 0);
    for (uint32_t i = 0; i < 2 * KR_PAGE_IDS_MAX; i++) {
        memset(ids[i], 7, KR_SHORT_ID_BYTES);
        memcpy(ids[i], &i, sizeof i);
    }
    for (uint32_t i = 0; i < count; i++) {
        drops[i] = new_record(bed, i);
        drops[i].bytes[drops[i].len - 1] ^= 1;
        memcpy(ids[i], drops[i].id, KR_SHORT_ID_BYTES);
    }
    const uint64_t from = progress(bed, 1, 0, KR_SCOPE_CLEAR)->at, began_ms = bed->world->now_ms;
    has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
    for (uint32_t page = 0; page < 2; page++) {
        struct kr_message have = unknown_page((uint8_t)(1 + page), from + page * KR_PAGE_IDS_MAX, KR_PAGE_IDS_MAX, UINT64_MAX);
        have.ids.bytes = ids[page * KR_PAGE_IDS_MAX];
        bed_link(bed, 1, 0)->is_asked = true; /* 0's core has answered that, with another log */
        bed_say_of(bed, 0, 1, clear_scope, &have);
    }
    struct kr_link *pusher = bed_link(bed, 2, 1);
    const uint64_t window = pusher->window;
    pusher->window = 0;
    submit_some(bed, 2, 1, 2, missed);
    pusher->fresh.count = 0;
    pusher->window = window;
    uint64_t came_ms = 0;
    for (uint32_t at = 0, some = 50; at < count && came_ms == 0; at += some, some = 1) {
        hand_over_some(bed, &drops[at], some);
        came_ms = bed_holds(bed, 1, missed[1]) ? bed->world->now_ms - began_ms : 0;
        assert_true(bed_link(bed, 1, 0)->phase == KR_CATCHUP_READING);
    }
    assert_in_range(came_ms, 600000, 660000);
    assert_true(bed_link(bed, 1, 0)->yields);
    for (uint32_t i = 0; i < count; i++) {
        forged_free(&drops[i]);
    }
    free(drops);
}

/* Of several whose wait is over one begins; the others wait for a turn of it, whoever reads meanwhile. */
static void a_turn_that_has_begun_is_not_cut_short(void **state)
{
    struct bed *bed = *state;
    submit_some(bed, 0, 0, 1, (uint8_t[2][32]){{0}});
    bed_run(bed, 60000);
    bed->on_send = is_unheard;
    struct kr_link *reading = bed_link(bed, 1, 0), *waiting = bed_link(bed, 1, 2);
    struct kr_progress *waits = progress(bed, 1, 2, KR_SCOPE_CLEAR);
    has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
    waits->is_told = true;
    waits->is_equal = false;
    waits->their_count = waits->at + 1;
    waits->waits_ms = 1; /* for years */
    bed_run(bed, 2000);
    assert_true(reading->phase == KR_CATCHUP_READING && !reading->yields);
    assert_true(waiting->phase == KR_CATCHUP_REST && waiting->is_waiting);
    reading->phase_began_ms -= 60000; /* a turn */
    reading->phase_came = 60000;      /* much comes by it */
    reading->phase_ms = bed->world->now_ms;
    bed_run(bed, 16000); /* until there is something to do, a ping at the latest */
    assert_true(reading->yields);
    assert_int_equal(waiting->phase, KR_CATCHUP_READING);
}

/* Both bring what they list: who has waited for ten minutes has its turn, and the other waits then. */
static void who_yields_rests_at_the_end_of_its_page(void **state)
{
    struct bed *bed = *state;
    uint8_t missed[2][32];
    submit_some(bed, 0, 0, 1, missed);
    bed_run(bed, 60000);
    marks_follow(bed, 1, 0);
    struct kr_link *link = bed_link(bed, 1, 0);
    const uint64_t from = progress(bed, 1, 0, KR_SCOPE_CLEAR)->at;
    bed->on_send = is_unheard;
    has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
    link->yields = true;
    struct kr_message have = unknown_page(1, from, KR_PAGE_IDS_MAX, UINT64_MAX);
    bed_say_of(bed, 0, 1, clear_scope, &have);
    assert_true(link->phase == KR_CATCHUP_READING && link->page_count == 1 && !link->is_asked);
    bed_say(bed, 0, 1, &(struct kr_message){.type = KR_MESSAGE_GONE, .ids = have.ids});
    assert_int_equal(link->page_count, 0);
    assert_true(link->phase == KR_CATCHUP_REST && !link->yields);
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->at, from + KR_PAGE_IDS_MAX); /* where it goes on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(new_records_between_known_ids_buy_no_more_of_them, setup, teardown),
        cmocka_unit_test_setup_teardown(new_records_between_ids_that_are_gone_buy_no_more_of_them, setup, teardown),
        cmocka_unit_test_setup_teardown(who_drips_does_not_keep_us_from_other_logs, setup_three, teardown),
        cmocka_unit_test_setup_teardown(a_turn_that_has_begun_is_not_cut_short, setup_three, teardown),
        cmocka_unit_test_setup_teardown(who_yields_rests_at_the_end_of_its_page, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/catchup_hostile", tests, NULL, NULL);
}
