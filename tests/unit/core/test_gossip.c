/* As many links as there may be, all busy at once: nobody honest is cut off, everything fits its bound, the largest record goes
 * through, and who takes room without using it loses it. */
#include "node/core/effect.h"
#include "node/core/loop.h"
#include "tests/unit/core/bed.h"

#include <stdio.h>

#define JOBS_MAX 16384u

/* Node 0 of a bed, and links of it whose other ends are played here. */
struct crowd {
    struct bed *bed;
    struct kr_session sessions[KR_LINKS_MAX];
    uint64_t room[KR_LINKS_MAX]; /* what each peer may send, going by its credit */
    struct kr_job *jobs[JOBS_MAX];
    uint32_t job_count, records;
    uint64_t now_ms;
    bool wants_to_go_on; /* node 0, at once */
};

static struct kr_core *core_of(const struct crowd *crowd)
{
    return bed_core(crowd->bed, 0);
}

static struct kr_link *link_of(const struct crowd *crowd, uint32_t i)
{
    return core_of(crowd)->links[i];
}

/* What node 0 lets out: credit is heard, jobs are kept, all else is lost. */
static void take_effects(struct crowd *crowd, struct kr_effects *effects)
{
    static struct kr_message message;
    const size_t head = 1 + KR_SESSION_ID_BYTES;
    for (size_t k = 0; k < effects->count; k++) {
        struct kr_effect *effect = &effects->items[k];
        crowd->wants_to_go_on = crowd->wants_to_go_on || (effect->type == KR_EFFECT_WAKE && effect->at_ms <= crowd->now_ms);
        if (effect->type == KR_EFFECT_JOB) {
            assert_true(crowd->job_count < JOBS_MAX);
            crowd->jobs[crowd->job_count++] = effect->job;
            effect->job = NULL;
        }
        for (uint32_t i = 1; i < KR_LINKS_MAX && effect->type == KR_EFFECT_SEND && effect->bytes[0] == KR_FRAME_SEALED; i++) {
            if (link_of(crowd, i)->number != effect->number) {
                continue;
            }
            uint8_t *plain = malloc(effect->len);
            assert_non_null(plain);
            assert_int_equal(kr_session_open(&crowd->sessions[i], plain, effect->bytes + head, effect->len - head), KR_OK);
            struct kr_slice said = {plain, effect->len - head - KR_SESSION_OVERHEAD_BYTES};
            assert_int_equal(kr_message_read(said, &message), KR_OK);
            crowd->room[i] += message.type == KR_MESSAGE_CREDIT ? message.count : 0;
            free(plain);
        }
    }
    kr_effects_deinit(effects);
}

static void run_event(struct crowd *crowd, struct kr_event event)
{
    static const uint8_t seed[32] = {7};
    struct kr_effects effects;
    size_t taken = 0;
    event.now_ms = crowd->now_ms;
    crowd->wants_to_go_on = false;
    kr_effects_init(&effects);
    assert_int_equal(kr_loop_run(bed_node(crowd->bed, 0)->loop, &event, 1, seed, NULL, NULL, &effects, &taken), KR_OK);
    take_effects(crowd, &effects);
}

static void run_jobs(struct crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->job_count; i++) {
        kr_job_run(crowd->jobs[i], bed_node(crowd->bed, 0)->keyring);
        run_event(crowd, (struct kr_event){.type = KR_EVENT_JOB_DONE, .job = crowd->jobs[i]});
    }
    crowd->job_count = 0;
}

static void say(struct crowd *crowd, uint32_t i, const struct kr_message *message)
{
    size_t len = 0;
    uint8_t *frame = bed_frame(&crowd->sessions[i], message, &len);
    run_event(crowd, (struct kr_event){.type = KR_EVENT_FRAME, .number = link_of(crowd, i)->number, .bytes = {frame, len}});
    free(frame);
}

static void say_need(struct crowd *crowd, uint32_t i, uint64_t bytes)
{
    say(crowd, i, &(struct kr_message){.type = KR_MESSAGE_NEED, .count = bytes});
}

/* A record of just so many bytes. Its signature is wrong: it costs a check and leaves nothing behind. */
static void send_record(struct crowd *crowd, uint32_t i, size_t len)
{
    uint8_t header[KR_RECORD_PREFIX_BYTES + 1] = {1, 1}, signature[64] = {0};
    size_t body_len = len - 143 + (len - 141 < 65536 ? 2 : 0) + (len - 140 < 256 ? 1 : 0);
    uint8_t *body = calloc(1, body_len);
    struct kr_writer writer, list;
    assert_true(body != NULL && len >= 150);
    memcpy(header + 2, &crowd->records, sizeof crowd->records);
    crowd->records++;
    kr_writer_init(&writer, KR_RECORD_BYTES_MAX);
    kr_writer_array(&writer, 4);
    kr_writer_bin(&writer, header, sizeof header);
    kr_writer_bin(&writer, header, 0);
    kr_writer_bin(&writer, body, body_len);
    kr_writer_bin(&writer, signature, sizeof signature);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    assert_int_equal(writer.len, len);
    assert_true(crowd->room[i] >= len);
    crowd->room[i] -= len;
    kr_writer_init(&list, KR_FRAME_BYTES_MAX);
    kr_writer_bin(&list, writer.bytes, writer.len);
    say(crowd, i, &(struct kr_message){.type = KR_MESSAGE_RECORDS, .item_count = 1, .items = {list.bytes, list.len}});
    kr_writer_deinit(&list);
    kr_writer_deinit(&writer);
    free(body);
}

/* A session with peer i comes up, as after the hellos. */
static void meet(struct crowd *crowd, uint32_t i)
{
    uint8_t seeds[2][32] = {{1}, {2}}, public_keys[2][32], secrets[2][32], transcript[32] = {0};
    struct kr_link *link = link_of(crowd, i);
    struct kr_txn *txn = NULL;
    struct kr_effects effects;
    struct kr_rng rng;
    memcpy(transcript, &i, sizeof i);
    memcpy(transcript + 8, &crowd->records, sizeof crowd->records);
    kr_rng_init(&rng, transcript);
    kr_effects_init(&effects);
    for (uint32_t side = 0; side < 2; side++) {
        kr_box_keypair(public_keys[side], secrets[side], seeds[side]);
    }
    kr_link_session_down(core_of(crowd), link);
    assert_int_equal(kr_session_init(&link->session, true, public_keys[0], secrets[0], public_keys[1], transcript), KR_OK);
    assert_int_equal(kr_session_init(&crowd->sessions[i], false, public_keys[1], secrets[1], public_keys[0], transcript), KR_OK);
    crowd->room[i] = 0;
    assert_int_equal(kr_store_write_begin(bed_node(crowd->bed, 0)->store, &txn), KR_OK);
    struct kr_step step = {.core = core_of(crowd), .txn = txn, .rng = &rng, .effects = &effects, .now_ms = crowd->now_ms};
    assert_int_equal(kr_link_session_up(&step, link), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    take_effects(crowd, &effects);
}

static void add_links(struct crowd *crowd)
{
    struct kr_txn *txn = NULL;
    struct kr_step step = {.core = core_of(crowd), .now_ms = crowd->now_ms};
    assert_int_equal(kr_store_write_begin(bed_node(crowd->bed, 0)->store, &txn), KR_OK);
    step.txn = txn;
    for (uint32_t i = core_of(crowd)->link_count; i < KR_LINKS_MAX; i++) {
        struct kr_link init = {.state = KR_LINK_OPEN, .linked_ms = crowd->now_ms, .pair_next = 1, .pair_end = 1}, *link = NULL;
        memset(init.council, 0xC0, sizeof init.council);
        memcpy(init.council, &i, sizeof i);
        memcpy(init.transport_key, init.council, sizeof init.council);
        assert_int_equal(kr_number_next(&step, &init.number), KR_OK);
        assert_int_equal(kr_link_add(&step, &init, &link), KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

static void meet_all(struct crowd *crowd)
{
    for (uint32_t i = 1; i < KR_LINKS_MAX; i++) {
        meet(crowd, i);
    }
}

static void all_fits(const struct crowd *crowd)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < KR_LINKS_MAX; i++) {
        const struct kr_link *link = link_of(crowd, i);
        assert_true(link->has_session);
        assert_true(link->share >= KR_LINK_FLOOR_BYTES);
        bytes += link->granted + link->check_bytes;
    }
    assert_true(bytes <= KR_CHECK_BYTES_MAX);
    assert_true(core_of(crowd)->check_bytes <= KR_CHECK_BYTES_MAX);
}

static int setup(void **state)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    assert_non_null(crowd);
    crowd->bed = bed_new(2);
    crowd->now_ms = crowd->bed->world->now_ms;
    add_links(crowd);
    *state = crowd;
    return 0;
}

static int teardown(void **state)
{
    struct crowd *crowd = *state;
    for (uint32_t i = 0; i < crowd->job_count; i++) {
        kr_job_free(crowd->jobs[i]);
    }
    bed_free(crowd->bed);
    free(crowd);
    return 0;
}

static void all_links_may_be_full_at_once(void **state)
{
    struct crowd *crowd = *state;
    meet_all(crowd);
    all_fits(crowd);
    for (uint32_t i = 1; i < KR_LINKS_MAX; i++) {
        while (crowd->room[i] >= 150) {
            send_record(crowd, i, crowd->room[i] < 16 * KR_KIB ? crowd->room[i] : 16 * KR_KIB - 256);
        }
    }
    assert_true(core_of(crowd)->check_bytes > KR_CHECK_BYTES_MAX / 2); /* as much as there is to have */
    all_fits(crowd);
    run_jobs(crowd);
    all_fits(crowd);
    assert_int_equal(core_of(crowd)->check_bytes, 0);
    for (uint32_t i = 1; i < KR_LINKS_MAX; i++) {
        assert_true(crowd->room[i] >= link_of(crowd, i)->share - link_of(crowd, i)->share / 4); /* and again */
    }
}

static void the_largest_record_goes_through_every_link(void **state)
{
    struct crowd *crowd = *state;
    bool has_sent[KR_LINKS_MAX] = {false};
    uint32_t left = KR_LINKS_MAX - 1;
    meet_all(crowd);
    for (uint32_t i = 1; i < KR_LINKS_MAX; i++) {
        assert_true(crowd->room[i] < KR_RECORD_BYTES_MAX);
        say_need(crowd, i, KR_RECORD_BYTES_MAX);
    }
    for (uint32_t rounds = 0; left > 0; rounds++) {
        assert_true(rounds < 64);
        all_fits(crowd);
        for (uint32_t i = 1; i < KR_LINKS_MAX; i++) {
            if (!has_sent[i] && crowd->room[i] >= KR_RECORD_BYTES_MAX) {
                send_record(crowd, i, KR_RECORD_BYTES_MAX);
                has_sent[i] = true;
                left--;
            }
        }
        assert_true(crowd->job_count > 0);
        run_jobs(crowd);
    }
    all_fits(crowd);
    for (uint32_t i = 0; i < KR_LINKS_MAX; i++) {
        assert_int_equal(link_of(crowd, i)->lent, 0);
    }
}

/* Whoever says all the time that it needs room has no more of it than for one record. */
static void asking_again_lends_no_more(void **state)
{
    struct crowd *crowd = *state;
    static const uint64_t needs[] = {KR_RECORD_BYTES_MAX + 64u * KR_KIB, UINT64_MAX, KR_RECORD_BYTES_MAX};
    meet_all(crowd);
    for (uint32_t i = 0; i < 100; i++) { /* the first is more than a record, but no more than there is to lend */
        say_need(crowd, 1, needs[i % 3]);
    }
    assert_int_equal(crowd->room[1], KR_RECORD_BYTES_MAX);
    all_fits(crowd);
}

/* Half a loan's time passes; all are heard. */
static void let_time_pass(struct crowd *crowd)
{
    crowd->now_ms += KR_LOAN_MS_MAX / 2;
    for (uint32_t i = 0; i < KR_LINKS_MAX; i++) {
        link_of(crowd, i)->heard_ms = crowd->now_ms;
    }
    run_event(crowd, (struct kr_event){.type = KR_EVENT_TICK});
}

/* All others ask for room for a record, until there is none left. */
static void use_up_loans(struct crowd *crowd)
{
    for (uint32_t i = 2; i < KR_LINKS_MAX; i++) {
        say_need(crowd, i, KR_RECORD_BYTES_MAX);
    }
    assert_int_equal(link_of(crowd, KR_LINKS_MAX - 1)->lent, 0);
}

/* Nobody suffers from a loan as long as nobody waits: what it was for may have expired. */
static void room_that_is_not_used_is_taken_back_for_others(void **state)
{
    struct crowd *crowd = *state;
    meet_all(crowd);
    say_need(crowd, 1, KR_RECORD_BYTES_MAX);
    assert_true(link_of(crowd, 1)->lent > 0);
    for (uint32_t part = 0; part < 3; part++) {
        let_time_pass(crowd);
        assert_true(link_of(crowd, 1)->has_session);
    }
    use_up_loans(crowd);
    let_time_pass(crowd);
    assert_false(link_of(crowd, 1)->has_session);
    assert_int_equal(link_of(crowd, 1)->lent, 0);
    for (uint32_t i = 2; i < KR_LINKS_MAX; i++) {
        assert_true(link_of(crowd, i)->has_session);
    }
}

/* A loan's time runs from when it was given, whatever little of it comes back and goes out again. */
static void nibbling_at_a_loan_wins_no_time(void **state)
{
    struct crowd *crowd = *state;
    meet_all(crowd);
    say_need(crowd, 1, KR_RECORD_BYTES_MAX);
    use_up_loans(crowd);
    for (uint32_t part = 0; part < 2; part++) {
        assert_true(link_of(crowd, 1)->has_session);
        send_record(crowd, 1, 150);
        run_jobs(crowd);
        say_need(crowd, 1, KR_RECORD_BYTES_MAX);
        assert_int_equal(crowd->room[1], KR_RECORD_BYTES_MAX); /* and room for the record is there all the same */
        let_time_pass(crowd);
    }
    assert_false(link_of(crowd, 1)->has_session);
}

/* What an earlier session brought counts until it is dealt with, however often the peer comes anew. */
static void sessions_that_come_and_go_give_no_more_room(void **state)
{
    struct crowd *crowd = *state;
    meet_all(crowd);
    for (uint32_t round = 0; round < 50; round++) {
        while (crowd->room[1] >= 150) {
            send_record(crowd, 1, crowd->room[1] < 16 * KR_KIB ? crowd->room[1] : 16 * KR_KIB - 256);
        }
        meet(crowd, 1);
        all_fits(crowd);
    }
    uint64_t share = link_of(crowd, 1)->share;
    assert_true(core_of(crowd)->check_bytes <= 2 * share);
    run_jobs(crowd);
    assert_true(crowd->room[1] >= share - share / 4);
}

/* However much waits for a link, one batch looks at a part of it, and the next goes on. */
static void a_long_queue_is_worked_off_in_parts(void **state)
{
    struct crowd *crowd = *state;
    meet_all(crowd);
    struct kr_link *link = link_of(crowd, 1);
    kr_gossip_credited(link, KR_LINK_WINDOW_BYTES);
    for (uint64_t i = 0; i < KR_LINK_ASKED_MAX; i++) {
        assert_int_equal(kr_gossip_ask(link, 1000000 + i, link->council), KR_OK);
        assert_int_equal(kr_gossip_enqueue(link, 1000000 + i, true), KR_OK);
    }
    uint32_t before = link->asked.count + link->bulk.count, rounds = 0;
    do {
        run_event(crowd, (struct kr_event){.type = KR_EVENT_TICK});
        uint32_t left = link->asked.count + link->bulk.count;
        assert_in_range(before - left, 1, 1024);
        assert_true(crowd->wants_to_go_on || left == 0);
        before = left;
        rounds++;
    } while (before > 0);
    assert_true(rounds >= 4);
}

/* A council with as many links as there may be, and a real one among its peers with large reports. */
static void large_reports_reach_a_node_with_all_links(void **state)
{
    struct crowd *crowd = *state;
    struct bed *bed = crowd->bed;
    enum { REPORTS = 6, DOMAINS = 2500 };
    char(*texts)[80] = calloc(DOMAINS, sizeof *texts);
    const char **domains = calloc(DOMAINS, sizeof *domains);
    assert_true(texts != NULL && domains != NULL);
    for (uint32_t i = 0; i < DOMAINS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "a-name-that-is-as-long-as-some-are-when-machines-make-them-%04u.example", i);
        domains[i] = texts[i];
    }
    sim_world_push(bed->world, bed_node(bed, 0), (struct kr_event){.type = KR_EVENT_LOST, .number = bed_link(bed, 0, 1)->number},
                   NULL, 0, bed->world->now_ms);
    bed_run(bed, 30000);
    assert_true(bed_link(bed, 0, 1)->has_session);
    assert_true(bed_link(bed, 0, 1)->share < KR_RECORD_BYTES_MAX);
    for (uint8_t i = 0; i < REPORTS; i++) {
        uint8_t id[32];
        struct kr_head head;
        struct kr_submit *submit = bed_submission(bed, i % 2 == 0 ? KR_TLP_CLEAR : KR_TLP_GREEN, "a.example", i);
        bed_submission_body(submit, domains, DOMAINS);
        assert_int_equal(bed_submit(bed, 1, submit, id), KR_OK);
        bed_submission_free(submit);
        bed_run(bed, 200); /* a few round trips: not by catching up */
        assert_int_equal(bed_head(bed, 0, id, &head), KR_OK);
        assert_true(head.record_bytes > bed_link(bed, 0, 1)->share);
        assert_int_equal(bed_link(bed, 0, 1)->lent, 0);
    }
    free(texts);
    free(domains);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_links_may_be_full_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(the_largest_record_goes_through_every_link, setup, teardown),
        cmocka_unit_test_setup_teardown(asking_again_lends_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(room_that_is_not_used_is_taken_back_for_others, setup, teardown),
        cmocka_unit_test_setup_teardown(nibbling_at_a_loan_wins_no_time, setup, teardown),
        cmocka_unit_test_setup_teardown(sessions_that_come_and_go_give_no_more_room, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_queue_is_worked_off_in_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(large_reports_reach_a_node_with_all_links, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/gossip", tests, NULL, NULL);
}
