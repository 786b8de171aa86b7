/* Many names of bodies that are taken back at once: in slices that go on by themselves, whatever happens in between, until none of
 * them stands at any member. */
#include "node/core/people.h"
#include "proto/client/rekey.h"
#include "tests/unit/core/body_notice_test.h"

#define MANY 300u /* more rows than one slice looks at */

/* What node 0 makes in its steps. */
static struct {
    struct kr_loop *loop;
    bool is_in_step;
    uint32_t made, most, total; /* body notices: in this step, in one step at most, in all */
    uint32_t fails_at;          /* the step in which the total gets there fails, and its core is made anew; 0: none does */
} steps;

enum kr_err __wrap_kr_core_step(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, const struct kr_event *event,
                                struct kr_effects *effects);
enum kr_err __real_kr_core_step(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, const struct kr_event *event,
                                struct kr_effects *effects);
enum kr_err __wrap_kr_core_idle(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, uint64_t now_ms,
                                struct kr_effects *effects, bool *ret_more);
enum kr_err __real_kr_core_idle(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, uint64_t now_ms,
                                struct kr_effects *effects, bool *ret_more);
void __wrap_kr_job_run(struct kr_job *job, const struct kr_keyring *keyring);
void __real_kr_job_run(struct kr_job *job, const struct kr_keyring *keyring);

static void begin_step(const struct kr_core *core)
{
    steps.is_in_step = steps.loop != NULL && kr_loop_core(steps.loop) == core;
    steps.made = 0;
}

static enum kr_err end_step(enum kr_err err)
{
    steps.is_in_step = false;
    steps.total += steps.made;
    steps.most = steps.made > steps.most ? steps.made : steps.most;
    if (err == KR_OK && steps.fails_at > 0 && steps.made > 0 && steps.total >= steps.fails_at) {
        steps.fails_at = 0;
        return KR_IO;
    }
    return err;
}

enum kr_err __wrap_kr_core_step(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, const struct kr_event *event,
                                struct kr_effects *effects)
{
    begin_step(core);
    return end_step(__real_kr_core_step(core, txn, rng, event, effects));
}

enum kr_err __wrap_kr_core_idle(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, uint64_t now_ms,
                                struct kr_effects *effects, bool *ret_more)
{
    begin_step(core);
    return end_step(__real_kr_core_idle(core, txn, rng, now_ms, effects, ret_more));
}

void __wrap_kr_job_run(struct kr_job *job, const struct kr_keyring *keyring)
{
    steps.made += steps.is_in_step && job->kind == KR_JOB_MAKE && job->draft.kind == KR_KIND_BODY_NOTICE;
    __real_kr_job_run(job, keyring);
}

static int end(void **state)
{
    steps.loop = NULL;
    return teardown(state);
}

static void watch(struct bed *bed)
{
    memset(&steps, 0, sizeof steps);
    steps.loop = bed_node(bed, 0)->loop;
}

static void body_id(uint32_t number, uint8_t ret_id[static 32])
{
    memset(ret_id, 0x5a, 32);
    kr_put_be(ret_id, number, 4);
}

/* Bodies that agreed, from `first` on. */
static void add_many(struct bed *bed, uint32_t node, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        char name[32];
        struct kr_body_act act = {.action = KR_BODY_ADD, .changes_listed = true, .is_listed = true};
        (void)snprintf(name, sizeof name, "body %u", i);
        body_id(i, act.id);
        act.changes[KR_BODY_NAME_EN] = act.changes[KR_BODY_CONTACT_NAME] = true;
        act.texts[KR_BODY_NAME_EN] = act.texts[KR_BODY_CONTACT_NAME] = text(name);
        assert_int_equal(put_body(bed, node, &act), KR_OK);
    }
    bed_run(bed, 60000);
}

struct count {
    uint32_t rows, names;
};

static bool count_row(void *context, struct kr_slice key, struct kr_slice value)
{
    struct count *count = context;
    struct kr_directory_entry entry;
    assert_int_equal(key.len, KR_DIRECTORY_KEY_BYTES);
    assert_int_equal(kr_directory_entry_read(value, &entry), KR_OK);
    count->rows++;
    count->names += entry.name_ja.len + entry.name_en.len > 0;
    return true;
}

/* What a node holds of node 0's council. */
static struct count count_at(struct bed *bed, uint32_t node)
{
    uint8_t prefix[33] = {KR_KIND_BODY_NOTICE};
    struct count count = {0};
    struct kr_txn *txn = NULL;
    memcpy(prefix + 1, bed_node(bed, 0)->council, 32);
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_each(txn, KR_TABLE_DIRECTORY, prefix, sizeof prefix, count_row, &count), KR_OK);
    kr_txn_abort(txn);
    return count;
}

static void assert_named(struct bed *bed, uint32_t nodes, uint32_t count)
{
    for (uint32_t node = 0; node < nodes; node++) {
        assert_int_equal(count_at(bed, node).names, count);
    }
}

/* All rows are there at all nodes, the same ones, and name nobody. */
static void assert_taken_back(struct bed *bed, uint32_t count)
{
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(count_at(bed, node).rows, count);
        assert_int_equal(count_at(bed, node).names, 0);
        for (uint32_t i = 1; i <= count; i++) {
            uint8_t id[32];
            struct kr_head head;
            body_id(i, id);
            const struct kr_directory_entry ours = row(bed, 0, 0, community(bed), id);
            const struct kr_directory_entry theirs = row(bed, node, 0, community(bed), id);
            assert_memory_equal(theirs.record_id, ours.record_id, 32);
            assert_int_equal(bed_head(bed, node, theirs.record_id, &head), KR_OK);
            assert_true(theirs.version > 1u << 16 && theirs.since_s == 0);
        }
    }
}

static void leave(struct bed *bed)
{
    assert_int_equal(say(bed, 0, 0, false), KR_OK);
    assert_false(kr_directory_is_member(&bed_core(bed, 0)->directory, community(bed), bed_node(bed, 0)->council));
}

static void who_leaves_takes_names_back_in_slices(void **state)
{
    struct bed *bed = *state;
    add_many(bed, 0, 1, 60);
    assert_named(bed, 3, 60);
    watch(bed);
    leave(bed);
    assert_named(bed, 3, 0);
    assert_int_equal(steps.total, 60);
    assert_int_equal(steps.most, KR_BODY_NOTICES_SLICE);
    assert_taken_back(bed, 60);
    bed_run(bed, 7200000); /* nor is there anything left to be said, by one comparison or another */
    assert_int_equal(steps.total, 60);
    /* Back again, all are named, in slices too. */
    assert_int_equal(say(bed, 0, 0, true), KR_OK);
    bed_run(bed, 60000);
    assert_named(bed, 3, 60);
    assert_int_equal(steps.total, 120);
    assert_int_equal(steps.most, KR_BODY_NOTICES_SLICE);
}

/* A batch in the middle is lost, and the core with all that it remembers. */
static void a_crash_on_the_way_leaves_no_name(void **state)
{
    static const uint32_t after[] = {1, 20, 60};
    struct bed *bed = *state;
    add_many(bed, 0, 1, 60);
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        assert_named(bed, 3, 60);
        watch(bed);
        steps.fails_at = after[i];
        leave(bed);
        assert_int_equal(steps.fails_at, 0); /* it failed, and what it had made came to nothing */
        bed_run(bed, 60000);
        assert_true(steps.total > 60 && steps.total <= 60 + KR_BODY_NOTICES_SLICE);
        assert_int_equal(steps.most, KR_BODY_NOTICES_SLICE);
        assert_taken_back(bed, 60);
        assert_int_equal(say(bed, 0, 0, true), KR_OK);
        bed_run(bed, 60000);
    }
}

/* A row whose card is not here: from before the store was lost, say. It is left alone as long as the council is a member. */
static void a_name_without_a_card_goes_too(void **state)
{
    struct bed *bed = *state;
    struct kr_header header = {.kind = KR_KIND_BODY_NOTICE};
    struct kr_directory_entry entry = {.version = 7, .name_en = text("nobody knows"), .since_s = 1};
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    struct kr_txn *txn = NULL;
    struct kr_writer writer;
    add_many(bed, 0, 1, 1);
    memcpy(header.author, bed_node(bed, 0)->council, 32);
    memcpy(header.community, community(bed), 32);
    body_id(2, header.subject);
    kr_directory_key(key, &header);
    entry.created_ms = bed->world->now_ms;
    entry.expires_s = bed->world->now_ms / 1000 + KR_BODY_NOTICE_S;
    kr_writer_init(&writer, KR_KIB);
    kr_directory_entry_write(&entry, &writer);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_put_writer(txn, KR_TABLE_DIRECTORY, key, sizeof key, &writer), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    bed_core(bed, 0)->body_notices.at_ms = 0;
    bed_run(bed, 60000);
    assert_int_equal(row(bed, 0, 0, community(bed), header.subject).version, 7);
    leave(bed);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(row(bed, node, 0, community(bed), header.subject).version, 8);
        assert_int_equal(count_at(bed, node).names, 0);
    }
}

struct vouches {
    uint8_t keys[4][KR_DIRECTORY_KEY_BYTES];
    uint32_t count;
};

static bool note_vouch(void *context, struct kr_slice key, struct kr_slice value)
{
    struct vouches *vouches = context;
    (void)value;
    assert_true(key.len == KR_DIRECTORY_KEY_BYTES && vouches->count < 4);
    memcpy(vouches->keys[vouches->count++], key.bytes, key.len);
    return true;
}

/* A further node of the council that has the charter and not yet the vouches, say: by what it has, the council never was in. */
static void a_node_without_the_vouches_takes_nothing_back(void **state)
{
    struct bed *bed = *state;
    const uint8_t kind = KR_KIND_VOUCH;
    struct vouches vouches = {.count = 0};
    struct kr_txn *txn = NULL;
    add_many(bed, 0, 1, 2);
    assert_named(bed, 3, 2);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 2)->store, &txn), KR_OK);
    assert_int_equal(kr_store_each(txn, KR_TABLE_DIRECTORY, &kind, 1, note_vouch, &vouches), KR_OK);
    assert_true(vouches.count > 0);
    for (uint32_t i = 0; i < vouches.count; i++) {
        assert_int_equal(kr_store_delete(txn, KR_TABLE_DIRECTORY, vouches.keys[i], KR_DIRECTORY_KEY_BYTES), KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    bed_restart(bed, 2);
    assert_non_null(kr_directory_community(&bed_core(bed, 2)->directory, community(bed)));
    assert_false(kr_directory_is_member(&bed_core(bed, 2)->directory, community(bed), bed_node(bed, 0)->council));
    bed_run(bed, 120000);
    assert_false(kr_directory_is_member(&bed_core(bed, 2)->directory, community(bed), bed_node(bed, 0)->council));
    assert_named(bed, 3, 2);
}

static bool cut(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    (void)context;
    (void)effect;
    return node->index == 0;
}

/* Nobody hears the council while it leaves, and it shares no scope with the members when they do: they are told all the same. */
static void who_was_away_is_told_of_it(void **state)
{
    struct bed *bed = *state;
    add_many(bed, 0, 1, MANY);
    assert_named(bed, 3, MANY);
    bed->on_send = cut;
    bed_run(bed, 120000);
    leave(bed);
    bed_run(bed, 60000);
    assert_named(bed, 1, 0);
    assert_int_equal(count_at(bed, 1).names, MANY);
    bed->on_send = NULL;
    bed_run(bed, 240000);
    assert_taken_back(bed, MANY);
}

static int setup_triangle(void **state)
{
    struct sim_edges triangle = {0};
    for (uint32_t i = 0; i < 3; i++) {
        sim_edges_add(&triangle, i, (i + 1) % 3);
    }
    *state = bed_new_with(3, &triangle);
    sim_edges_free(&triangle);
    return 0;
}

static uint32_t to_the_other; /* number of node 0's link */

static bool cut_the_other(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    (void)context;
    return node->index == 0 && effect->number == to_the_other;
}

/* A peer that keeps its session and takes nothing holds up nobody but itself. */
static void who_takes_nothing_holds_up_nobody(void **state)
{
    struct bed *bed = *state;
    struct kr_link *stuck = bed_link(bed, 0, 1);
    uint8_t id[32] = {1};
    add_many(bed, 0, 1, 2);
    assert_named(bed, 3, 2);
    for (uint32_t i = 0; i < KR_ANNOUNCE_MAX / 2; i++) {
        assert_int_equal(kr_spread_announce(stuck, id), KR_OK);
    }
    stuck->window = 0;
    to_the_other = bed_link(bed, 0, 2)->number;
    bed->on_send = cut_the_other;
    leave(bed);
    for (uint32_t second = 0; second < 300; second++) {
        bed->on_send = second < 120 ? cut_the_other : NULL;
        stuck->window = 0;
        bed_run(bed, 1000);
        assert_true(stuck->has_session && stuck->spread.id_count >= KR_ANNOUNCE_MAX / 2);
    }
    assert_int_equal(count_at(bed, 0).names, 0);
    assert_int_equal(count_at(bed, 2).names, 0);
}

/* So many bodies a stolen node entered, which the council's other node takes back when the key is revoked. */
static void what_a_stolen_node_listed_is_taken_back_in_slices(void **state)
{
    struct bed *bed = *state;
    struct kr_revoke revoke = {.since_ms = 0};
    struct kr_writer args;
    bed_run(bed, 30000);
    revoke.since_ms = bed->world->now_ms;
    add_many(bed, 2, 1, 40);
    bed_run(bed, 60000);
    assert_named(bed, 2, 40);
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    assert_int_equal(bed_request(bed, 0, KR_OP_NEW_KEYS, args.bytes, args.len, 500), KR_OK);
    kr_writer_deinit(&args);
    bed_run(bed, 20000);
    memcpy(revoke.key, bed_node(bed, 2)->keyring->node_public, 32);
    watch(bed);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    assert_int_equal(bed_request(bed, 0, KR_OP_REVOKE, args.bytes, args.len, 500), KR_OK);
    kr_writer_deinit(&args);
    bed_run(bed, 180000);
    assert_named(bed, 2, 0);
    assert_true(steps.total >= 40);
    assert_int_equal(steps.most, KR_BODY_NOTICES_SLICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_leaves_takes_names_back_in_slices, setup, end),
        cmocka_unit_test_setup_teardown(a_crash_on_the_way_leaves_no_name, setup, end),
        cmocka_unit_test_setup_teardown(a_name_without_a_card_goes_too, setup, end),
        cmocka_unit_test_setup_teardown(a_node_without_the_vouches_takes_nothing_back, setup_sisters, end),
        cmocka_unit_test_setup_teardown(who_was_away_is_told_of_it, setup, end),
        cmocka_unit_test_setup_teardown(who_takes_nothing_holds_up_nobody, setup_triangle, end),
        cmocka_unit_test_setup_teardown(what_a_stolen_node_listed_is_taken_back_in_slices, setup_sisters, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
