/* Sightings: they go where their target went, and are shown while it stands. */
#include "node/core/query.h"
#include "node/core/sighting.h"
#include "store/internal.h"
#include "tests/unit/core/takeback_test.h"

struct seen {
    uint32_t count;
    struct kr_sighting first; /* its value is not kept */
    uint8_t author[32], id[32];
    uint32_t label;
};
static char domain[] = "seen.example";

/* A chain: 0 is linked to 1, and 1 to 2. */
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

static struct kr_sighting sighting_of(const char *value)
{
    return (struct kr_sighting){.type = value != NULL ? KR_INDICATOR_DOMAIN : KR_INDICATOR_ANY,
                                .value = {(const uint8_t *)value, value != NULL ? strlen(value) : 0},
                                .count = 3,
                                .first_s = 5,
                                .last_s = 6};
}

static uint32_t sight(struct bed *bed, uint32_t node, const uint8_t *id, size_t len, const struct kr_sighting *sighting,
                      uint8_t token)
{
    struct kr_sight asked = {.id = {id, len}, .sighting = *sighting};
    struct kr_writer args;
    memset(asked.token, token, sizeof asked.token);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_sight_write(&asked, &args);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    uint32_t code = bed_request(bed, node, KR_OP_SIGHT, args.bytes, args.len, 300);
    kr_writer_deinit(&args);
    return code;
}

static enum kr_err take_sighting(void *context, struct kr_slice bytes)
{
    struct seen *seen = context;
    struct kr_sighting_item item;
    assert_int_equal(kr_sighting_item_read(bytes, &item), KR_OK);
    if (seen->count++ == 0) {
        seen->first = item.sighting;
        seen->label = item.record.label;
        memcpy(seen->author, item.record.author, 32);
        memcpy(seen->id, item.record.id, 32);
    }
    return KR_OK;
}

static enum kr_err ask(struct bed *bed, uint32_t node, uint32_t op, struct kr_writer *args, kr_query_item *item, void *context)
{
    struct kr_writer result;
    struct kr_query query;
    struct kr_error error = {0};
    enum kr_err err = KR_OK;
    assert_int_equal(kr_writer_finish(args), KR_OK);
    kr_writer_init(&result, KR_MIB);
    assert_int_equal(kr_query_init(&query, op, (struct kr_slice){args->bytes, args->len}, false), KR_OK);
    for (bool is_done = false; err == KR_OK && !is_done;) {
        struct kr_txn *txn = NULL;
        assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
        err = kr_query_page(&query, txn, bed_node(bed, node)->keyring, bed->world->now_ms, NULL, item, context, &result, &is_done,
                            &error);
        kr_txn_abort(txn);
    }
    kr_query_deinit(&query);
    kr_writer_deinit(args);
    kr_writer_deinit(&result);
    return err;
}

static enum kr_err sightings(struct bed *bed, uint32_t node, const uint8_t id[static 32], struct seen *seen)
{
    struct kr_writer args;
    *seen = (struct seen){0};
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, id, 32);
    return ask(bed, node, KR_OP_SIGHTINGS, &args, take_sighting, seen);
}

static uint32_t count_sightings(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct seen seen;
    assert_int_equal(sightings(bed, node, id, &seen), KR_OK);
    return seen.count;
}

static enum kr_err count_item(void *context, struct kr_slice bytes)
{
    (void)bytes;
    ++*(uint32_t *)context;
    return KR_OK;
}

/* How many sightings a list of this node has. */
static uint32_t listed(struct bed *bed, uint32_t node)
{
    const struct kr_ls ls = {.kind = KR_KIND_SIGHTING};
    struct kr_writer args;
    uint32_t count = 0;
    kr_writer_init(&args, KR_KIB);
    kr_ls_write(&ls, &args);
    assert_int_equal(ask(bed, node, KR_OP_LS, &args, count_item, &count), KR_OK);
    return count;
}

static void store(struct bed *bed, uint32_t node, enum kr_label label, uint32_t to, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submit = bed_submission(bed, label, domain, token);
    if (label == KR_TLP_AMBER) {
        bed_address(bed, submit, to);
    }
    assert_int_equal(bed_submit(bed, node, submit, ret_id), KR_OK);
    bed_submission_free(submit);
    bed_run(bed, 2000);
}

static void everybody_who_has_the_record_is_told(void **state)
{
    struct bed *bed = *state;
    struct kr_sighting sighting = sighting_of(domain);
    struct seen seen;
    uint8_t id[32];
    store(bed, 0, KR_TLP_CLEAR, 0, 1, id);
    assert_int_equal(sight(bed, 2, id, 4, &sighting, 2), KR_OK);
    bed_run(bed, 2000);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(sightings(bed, node, id, &seen), KR_OK);
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.label, KR_TLP_CLEAR);
        assert_int_equal(seen.first.type, KR_INDICATOR_DOMAIN);
        assert_true(seen.first.count == 3 && seen.first.first_s == 5 && seen.first.last_s == 6);
        assert_memory_equal(seen.author, bed_node(bed, 2)->council, 32);
        assert_int_equal(listed(bed, node), 1);
        assert_int_equal(look_up(bed, node, domain).count, 1); /* the report, not what was seen of it */
    }
    /* The same token makes no second one; another council's, and one of the record as a whole, do. */
    assert_int_equal(sight(bed, 2, id, 32, &sighting, 2), KR_OK);
    sighting = sighting_of(NULL);
    sighting.what = KR_SIGHTING_FALSE_POSITIVE;
    assert_int_equal(sight(bed, 1, id, 32, &sighting, 3), KR_OK);
    bed_run(bed, 2000);
    assert_int_equal(sightings(bed, 0, id, &seen), KR_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.first.what, KR_SIGHTING_FALSE_POSITIVE); /* newest first */
    assert_int_equal(seen.first.type, KR_INDICATOR_ANY);
}

/* 1 got it from 0: both may read what was seen, 2 holds nothing of it. */
static void a_sealed_one_goes_to_its_audience_and_its_author(void **state)
{
    struct bed *bed = *state;
    struct kr_sighting sighting = sighting_of(domain);
    struct seen seen;
    uint8_t id[32];
    store(bed, 0, KR_TLP_AMBER, 1, 1, id);
    assert_int_equal(sight(bed, 1, id, 32, &sighting, 2), KR_OK);
    bed_run(bed, 2000);
    for (uint32_t node = 0; node < 2; node++) {
        assert_int_equal(sightings(bed, node, id, &seen), KR_OK);
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.label, KR_TLP_AMBER);
    }
    assert_false(bed_holds(bed, 2, seen.id));
    /* The author's own goes to the audience. */
    assert_int_equal(sight(bed, 0, id, 32, &sighting, 3), KR_OK);
    bed_run(bed, 2000);
    assert_int_equal(count_sightings(bed, 1, id), 2);
    assert_int_equal(listed(bed, 2), 0);
}

static void what_may_not_be_said_is_refused(void **state)
{
    struct bed *bed = *state;
    struct kr_sighting sighting = sighting_of(domain), other = sighting_of("other.example");
    uint8_t id[32], unknown[32] = {1, 2, 3}, audience[1][32], recipients[2][32];
    struct seen seen;
    store(bed, 0, KR_TLP_CLEAR, 0, 1, id);
    assert_int_equal(sight(bed, 1, unknown, 32, &sighting, 2), KR_NOT_FOUND);
    assert_int_equal(sight(bed, 1, id, 32, &other, 3), KR_NOT_FOUND);
    assert_int_equal(sight(bed, 1, id, 32, &sighting, 4), KR_OK);
    assert_int_equal(sightings(bed, 1, id, &seen), KR_OK);
    assert_int_equal(sight(bed, 1, seen.id, 32, &sighting, 5), KR_DENIED); /* of a sighting */
    assert_int_equal(sightings(bed, 1, unknown, &seen), KR_NOT_FOUND);
    /* RED, AMBER+STRICT: the council's node holds it, and its people as a whole may not read it. */
    const enum kr_label labels[] = {KR_TLP_AMBER_STRICT, KR_TLP_RED};
    memcpy(audience[0], bed_node(bed, 1)->council, 32);
    memcpy(recipients[0], bed_node(bed, 0)->keyring->sealing[0].public_key, 32);
    memcpy(recipients[1], bed_node(bed, 1)->keyring->sealing[0].public_key, 32);
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_writer content;
        struct forged forged = bed_forge(bed, 0,
                                         (struct kr_draft){.kind = KR_KIND_REPORT,
                                                           .label = labels[i],
                                                           .audience = (const uint8_t(*)[32])audience,
                                                           .audience_count = 1,
                                                           .recipients = (const uint8_t(*)[32])recipients,
                                                           .recipient_count = 2,
                                                           .content = bed_report(&content, domain)});
        bed_hand_over(bed, 0, 1, &forged);
        assert_true(bed_holds(bed, 1, forged.id));
        assert_int_equal(sight(bed, 1, forged.id, 32, &sighting, (uint8_t)(6 + i)), KR_DENIED);
        forged_free(&forged);
        kr_writer_deinit(&content);
    }
    assert_int_equal(bed_request(bed, 1, KR_OP_SIGHT, "\x90", 1, 300), KR_MALFORMED);
}

/* Its sightings repeat what was taken back: nobody is shown them. They are held on, so that all nodes have the same set. */
static void they_go_with_their_record(void **state)
{
    struct bed *bed = *state;
    struct kr_sighting sighting = sighting_of(domain);
    uint8_t id[32];
    struct seen seen;
    store(bed, 0, KR_TLP_CLEAR, 0, 1, id);
    assert_int_equal(sight(bed, 2, id, 32, &sighting, 2), KR_OK);
    bed_run(bed, 2000);
    assert_int_equal(sightings(bed, 1, id, &seen), KR_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(ask_to_retract(bed, 0, id, 32, "a mistake", 3), KR_OK);
    bed_run(bed, 2000);
    for (uint32_t node = 0; node < 3; node++) {
        struct seen gone;
        assert_true(is_header_only(bed, node, id));
        assert_int_equal(sightings(bed, node, id, &gone), KR_NOT_FOUND);
        assert_int_equal(listed(bed, node), 0);
        assert_true(bed_holds(bed, node, seen.id));
    }
    assert_int_equal(sight(bed, 1, id, 32, &sighting, 4), KR_EXPIRED);
}

/* Whoever says more widely what was seen of something, is not counted with it. */
static void a_wider_one_does_not_count(void **state)
{
    struct bed *bed = *state;
    struct kr_sighting sighting = sighting_of(domain);
    struct kr_writer content;
    uint8_t id[32];
    store(bed, 0, KR_TLP_AMBER, 1, 1, id);
    kr_writer_init(&content, KR_KIB);
    kr_sighting_write(&sighting, &content);
    assert_int_equal(kr_writer_finish(&content), KR_OK);
    struct forged forged = bed_forge(
        bed, 0,
        (struct kr_draft){.kind = KR_KIND_SIGHTING, .label = KR_TLP_CLEAR, .target = id, .content = {content.bytes, content.len}});
    bed_hand_over(bed, 0, 1, &forged);
    assert_true(bed_holds(bed, 1, forged.id));
    assert_int_equal(count_sightings(bed, 1, id), 0);
    assert_int_equal(listed(bed, 1), 0);
    forged_free(&forged);
    kr_writer_deinit(&content);
}

/* Before expiry has come to it, too. */
static void they_end_with_their_record(void **state)
{
    struct bed *bed = *state;
    struct kr_sighting sighting = sighting_of(domain);
    struct kr_txn *txn = NULL;
    struct kr_head head, of;
    uint64_t arrival;
    uint8_t id[32], scratch[KR_HEAD_SCRATCH];
    struct seen seen;
    bool is_moot = true, is_moot_then = false;
    store(bed, 0, KR_TLP_CLEAR, 0, 1, id);
    assert_int_equal(sight(bed, 2, id, 32, &sighting, 2), KR_OK);
    bed_run(bed, 2000);
    assert_int_equal(sightings(bed, 1, id, &seen), KR_OK);
    assert_int_equal(bed_head(bed, 1, id, &of), KR_OK);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, seen.id, &arrival), KR_OK);
    assert_int_equal(kr_store_head_get(txn, arrival, &head, scratch), KR_OK);
    assert_int_equal(kr_sighting_is_moot(txn, &head, of.expires_s * 1000 - 1, &is_moot), KR_OK);
    assert_int_equal(kr_sighting_is_moot(txn, &head, of.expires_s * 1000, &is_moot_then), KR_OK);
    kr_txn_abort(txn);
    assert_false(is_moot);
    assert_true(is_moot_then);
}

/* A record that is damaged is refused to its client; whoever else is in that batch does not lose theirs. */
static void a_damaged_record_costs_nobody_else_anything(void **state)
{
    static const uint8_t nonsense[200] = {1};
    struct bed *bed = *state;
    struct kr_sighting sighting = sighting_of(domain);
    struct kr_txn *txn = NULL;
    uint64_t arrival;
    uint8_t id[32], key[10];
    store(bed, 0, KR_TLP_CLEAR, 0, 1, id);
    const struct kr_core *core = bed_core(bed, 0);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    kr_put_be(key, arrival, 8);
    kr_put_be(key + 8, KR_HEAD_CHUNK, 2);
    assert_int_equal(kr_row_put(txn, KR_DBI_LOG, kr_slice_of(key, sizeof key), kr_slice_of(nonsense, sizeof nonsense), 0), KR_OK);
    txn->is_dirty = true;
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    assert_int_equal(sight(bed, 0, id, 32, &sighting, 2), KR_CORRUPT);
    assert_ptr_equal(bed_core(bed, 0), core); /* not made anew */
    assert_true(bed_said(bed, 0, "kairan verify"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_who_has_the_record_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sealed_one_goes_to_its_audience_and_its_author, setup, teardown),
        cmocka_unit_test_setup_teardown(what_may_not_be_said_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(they_go_with_their_record, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wider_one_does_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(they_end_with_their_record, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_record_costs_nobody_else_anything, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/sighting", tests, NULL, NULL);
}
