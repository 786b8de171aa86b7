/* The storage key of a node replaced while it goes on: what it reads, takes and passes on meanwhile, and what a crash leaves. */
#include <sodium.h>

#include "node/core/roles.h"
#include "tests/unit/core/bed.h"

#define VALUES 30000u /* more than a few turns seal anew */

static const uint8_t no_arguments[] = {0x90};

/* Two nodes; node 0 has much in its store that nothing but the replacement looks at. */
static int setup(void **state)
{
    struct bed *bed = bed_new(2);
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    for (uint32_t i = 0; i < VALUES; i++) {
        uint8_t key[12] = "zz test";
        memcpy(key + 8, &i, sizeof i);
        assert_int_equal(kr_store_put(txn, KR_TABLE_RECEIPTS, key, sizeof key, "value", 5), KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    *state = bed;
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static void ask_to_rotate(struct bed *bed)
{
    assert_int_equal(bed_request(bed, 0, KR_OP_STORAGE_ROTATE, no_arguments, sizeof no_arguments, 0), KR_OK);
}

static struct kr_status_storage storage_of(struct bed *bed)
{
    static struct kr_status status;
    assert_int_equal(bed_request(bed, 0, KR_OP_STATUS, no_arguments, sizeof no_arguments, 0), KR_OK);
    assert_int_equal(kr_status_read((struct kr_slice){bed->result, bed->result_len}, &status), KR_OK);
    return status.storage;
}

static void submit(struct bed *bed, uint32_t node, const char *domain, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, domain, token);
    assert_int_equal(bed_submit(bed, node, submission, ret_id), KR_OK);
    bed_submission_free(submission);
}

static bool is_shown(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_head head;
    return bed_head(bed, node, id, &head) == KR_OK && head.state == KR_HEAD_SHOWN;
}

static void count_problem(void *context, const char *sentence)
{
    uint32_t *count = context;
    print_message("%s\n", sentence);
    ++*count;
}

/* Everything opens, and with the keys that the keyring has. */
static void assert_whole(struct bed *bed)
{
    uint64_t cursor = 0, checked = 0;
    uint32_t problems = 0;
    bool done = false;
    while (!done) {
        struct kr_txn *txn = NULL;
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        assert_int_equal(kr_store_verify(txn, &cursor, count_problem, &problems, &checked, &done), KR_OK);
        kr_txn_abort(txn);
    }
    assert_int_equal(problems, 0);
}

static void the_node_goes_on_meanwhile(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    const struct kr_keyring before = *keyring;
    uint8_t ids[4][32];
    submit(bed, 0, "one.example.jp", 1, ids[0]);
    const struct kr_status_storage idle = storage_of(bed);
    assert_true(idle.from_s == before.storage_from_s && idle.next_s == 0 && idle.all == 0);

    ask_to_rotate(bed);
    assert_true(kr_keyring_storage_comes(keyring));
    const struct kr_keyring made = *keyring;
    ask_to_rotate(bed); /* once more: the same goes on */
    assert_memory_equal(keyring->next_storage_key, made.next_storage_key, 32);
    const struct kr_status_storage begun = storage_of(bed);
    assert_true(begun.next_s == bed_node(bed, 0)->now_ms / 1000 && begun.from_s == before.storage_from_s);
    assert_true(begun.done < begun.all && begun.all > VALUES); /* not all in one turn */
    submit(bed, 0, "two.example.jp", 2, ids[1]);
    submit(bed, 1, "three.example.jp", 3, ids[2]);
    assert_true(is_shown(bed, 0, ids[0]) && is_shown(bed, 0, ids[1]));
    bed_run(bed, 60000);

    assert_false(kr_keyring_storage_comes(keyring));
    assert_memory_equal(keyring->storage_key, made.next_storage_key, 32);
    assert_memory_equal(keyring->term_key, before.term_key, 32);
    assert_int_equal(bed_times_said(bed, 0, "the one before leaves the keyring"), 1);
    const struct kr_status_storage done = storage_of(bed);
    assert_true(done.from_s == made.next_storage_from_s && done.next_s == 0 && done.all == 0);
    assert_whole(bed);
    bed_restart(bed, 0);
    submit(bed, 0, "four.example.jp", 4, ids[3]);
    bed_run(bed, 5000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(is_shown(bed, 0, ids[i]) && is_shown(bed, 1, ids[i]));
    }
    assert_whole(bed);
}

/* The node dies over and over: before anything was sealed anew, in the middle, and when the keyring was about to be told. */
static void a_crash_anywhere_is_made_good(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    uint8_t id[32];
    submit(bed, 0, "one.example.jp", 1, id);
    bed->loses_turns = true;
    ask_to_rotate(bed);
    sim_world_crash(bed->world, 0, BED_DAY_MS * 30000ull);
    assert_int_equal(sim_world_start(bed->world, 0), SIM_HOLDS);
    const struct kr_status_storage middle = storage_of(bed);
    assert_true(middle.done > 0 && middle.done < middle.all);
    bed->world->is_quiet = false;
    bed->world->faults.fail_commit = 500;
    bed_run(bed, 20000);
    assert_true(bed->world->failed_commits > 3);
    bed->world->faults.fail_commit = 0;
    bed->world->is_quiet = true;
    bed_run(bed, 20000);
    const struct kr_status_storage stuck = storage_of(bed); /* all done, and the keyring does not hear of it */
    assert_true(stuck.next_s != 0 && kr_keyring_storage_comes(keyring));
    assert_true(bed_times_said(bed, 0, "the one before leaves the keyring") >= 1);
    bed_restart(bed, 0);
    assert_true(kr_keyring_storage_comes(keyring));
    assert_true(is_shown(bed, 0, id));
    bed->loses_turns = false;
    bed_run(bed, 120000); /* tried again */
    assert_false(kr_keyring_storage_comes(keyring));
    assert_whole(bed);
    bed_restart(bed, 0);
    assert_true(is_shown(bed, 0, id));
    assert_whole(bed);
}

static void it_is_for_admins_and_takes_nothing(void **state)
{
    struct bed *bed = *state;
    const uint8_t one[] = {0x91, 0x01};
    assert_int_equal(kr_op_roles(KR_OP_STORAGE_ROTATE), KR_ROLE_ADMIN);
    assert_true(kr_op_is_act(KR_OP_STORAGE_ROTATE));
    assert_int_equal(bed_request(bed, 0, KR_OP_STORAGE_ROTATE, one, sizeof one, 0), KR_MALFORMED);
    assert_false(kr_keyring_storage_comes(bed_node(bed, 0)->keyring));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_node_goes_on_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crash_anywhere_is_made_good, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_for_admins_and_takes_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
