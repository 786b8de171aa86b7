/* A record that the disk has spoilt stands in nobody's way: no batch fails because of it, and peers get all others. */
#include "node/core/query.h"
#include "node/core/reason.h"
#include "store/internal.h"
#include "store/scope.h"
#include "tests/unit/core/bed.h"

#define RECORDS 6u

static int setup(void **state)
{
    *state = bed_new(2);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

/* The record's first chunk is lost, or its head is no longer what was written. */
static void spoil(struct bed *bed, uint32_t node, const uint8_t id[static 32], bool is_head)
{
    static const uint8_t nonsense[200] = {1};
    struct kr_txn *txn = NULL;
    uint64_t arrival = 0;
    uint8_t key[10], *bytes = NULL;
    size_t len = 0;
    assert_int_equal(kr_store_write_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    kr_put_be(key, arrival, 8);
    kr_put_be(key + 8, is_head ? KR_HEAD_CHUNK : 0, 2);
    assert_int_equal(is_head ? kr_row_put(txn, KR_DBI_LOG, kr_slice_of(key, sizeof key), kr_slice_of(nonsense, sizeof nonsense), 0)
                             : kr_row_delete(txn, KR_DBI_LOG, kr_slice_of(key, sizeof key)),
                     KR_OK);
    txn->is_dirty = true;
    assert_int_equal(kr_store_record_get(txn, arrival, &bytes, &len), KR_CORRUPT);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

static void submit_some(struct bed *bed, uint8_t ids[RECORDS][32])
{
    for (uint8_t i = 0; i < RECORDS; i++) {
        struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", (uint8_t)(i + 1));
        assert_int_equal(bed_submit(bed, 0, submit, ids[i]), KR_OK);
        bed_submission_free(submit);
    }
}

/* A row of a small table, there or not, that no longer opens. */
static void break_row(struct bed *bed, enum kr_table table, const void *key, size_t key_len)
{
    static const uint8_t nonsense[60] = {1};
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(
        kr_row_put(txn, KR_DBI_TABLE + (uint32_t)table, kr_slice_of(key, key_len), kr_slice_of(nonsense, sizeof nonsense), 0),
        KR_OK);
    txn->is_dirty = true;
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

static uint32_t explain(struct bed *bed, const uint8_t id[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, id, 32);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    uint32_t code = bed_request(bed, 0, KR_OP_EXPLAIN, args.bytes, args.len, 10);
    kr_writer_deinit(&args);
    return code;
}

/* Node 1 has all but ids[1] and ids[3], and node 0 met the damage without losing its session. */
static void the_others_are_there(struct bed *bed, uint8_t ids[RECORDS][32], uint64_t session_no)
{
    for (uint32_t i = 0; i < RECORDS; i++) {
        assert_int_equal(bed_holds(bed, 1, ids[i]), i != 1 && i != 3);
    }
    assert_true(bed_link(bed, 0, 1)->has_session);
    assert_int_equal(bed_link(bed, 0, 1)->session_no, session_no);
    assert_int_equal(bed_times_said(bed, 0, "is damaged and is passed over"), 1);
    assert_int_equal(bed_times_said(bed, 0, "try again"), 0);
}

static void pushing_passes_over_what_is_damaged(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[RECORDS][32];
    struct kr_link *link = bed_link(bed, 0, 1);
    uint64_t window = link->window;
    link->window = 0;
    submit_some(bed, ids);
    spoil(bed, 0, ids[1], false);
    spoil(bed, 0, ids[3], true);
    link->window = window;
    sim_world_push(bed->world, bed_node(bed, 0), (struct kr_event){.type = KR_EVENT_TICK}, NULL, 0, bed->world->now_ms);
    bed_run(bed, 1000); /* too short for catching up */
    the_others_are_there(bed, ids, link->session_no);
}

static void what_is_damaged_is_gone_for_who_catches_up(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[RECORDS][32];
    sim_world_crash(bed->world, 1, 600000);
    bed_run(bed, 100000);
    submit_some(bed, ids);
    spoil(bed, 0, ids[1], false);
    spoil(bed, 0, ids[3], true);
    bed_run(bed, 520000);
    uint64_t session_no = bed_link(bed, 0, 1)->session_no;
    bed_run(bed, 40000);
    the_others_are_there(bed, ids, session_no);
    const struct kr_link *link = bed_link(bed, 1, 0);
    assert_int_equal(link->phase, KR_CATCHUP_REST);
    for (uint32_t i = 0; i < link->progress_count; i++) {
        assert_true(link->progress[i].scope.kind != KR_SCOPE_CLEAR || link->progress[i].mark == RECORDS); /* settled for good */
    }
}

/* What was there when it was asked for may be deleted or damaged once there is room to send it. The asker is told of each. */
static void what_is_lost_while_it_waits_is_gone(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[RECORDS][32];
    struct kr_link *theirs = bed_link(bed, 0, 1);
    const struct kr_link *link = bed_link(bed, 1, 0);
    uint64_t window = theirs->window, arrival = 0;
    theirs->window = 0; /* no push goes out, and nothing that is asked for */
    submit_some(bed, ids);
    theirs->fresh.count = 0;
    for (uint32_t i = 0; i < 60 && theirs->asked.count < RECORDS; i++) {
        bed_run(bed, 1000);
    }
    assert_int_equal(theirs->asked.count, RECORDS);
    assert_int_equal(link->page_count, 1);
    assert_int_equal(link->pages[0].wanted_left, RECORDS);
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, ids[1], &arrival), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    spoil(bed, 0, ids[3], true);
    theirs->window = window;
    sim_world_push(bed->world, bed_node(bed, 0), (struct kr_event){.type = KR_EVENT_TICK}, NULL, 0, bed->world->now_ms);
    bed_run(bed, 1000); /* too short for asking again */
    for (uint32_t i = 0; i < RECORDS; i++) {
        assert_int_equal(bed_holds(bed, 1, ids[i]), i != 1 && i != 3);
    }
    assert_int_equal(link->page_count, 0);
    assert_int_equal(link->phase, KR_CATCHUP_REST);
}

/* The operator is told, once, although nobody misses anything. */
static void damaged_trees_are_mended_and_told_of(void **state)
{
    static const struct kr_scope scope = {.kind = KR_SCOPE_CLEAR};
    struct bed *bed = *state;
    uint8_t ids[RECORDS][32];
    struct kr_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    struct kr_scope_row row;
    uint8_t leaf[64], number[4];
    submit_some(bed, ids);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_tree_settle(txn, &scope), KR_OK);
    assert_int_equal(kr_row_cursor(txn, KR_DBI_TREE, &cursor), KR_OK);
    assert_int_equal(kr_scope_row_get(txn, &scope, &row), KR_OK);
    kr_put_be(number, row.number, sizeof number);
    key = kr_slice_of(number, sizeof number);
    assert_int_equal(kr_row_move(txn, cursor, MDB_SET_RANGE, &key, &value), KR_OK);
    assert_int_equal(kr_row_move(txn, cursor, MDB_NEXT, &key, &value), KR_OK); /* behind the month's own */
    assert_memory_equal(key.bytes, number, sizeof number);
    const size_t len = key.len;
    memcpy(leaf, key.bytes, len);
    mdb_cursor_close(cursor);
    assert_int_equal(kr_row_delete(txn, KR_DBI_TREE, kr_slice_of(leaf, len)), KR_OK);
    txn->is_dirty = true;
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "b.example", 99);
    assert_int_equal(bed_submit(bed, 0, submit, ids[0]), KR_OK);
    bed_submission_free(submit);
    bed_run(bed, 40000);
    assert_int_equal(bed_times_said(bed, 0, "1 months of them have been made anew"), 1);
    for (uint32_t i = 0; i < RECORDS; i++) {
        assert_true(bed_holds(bed, 1, ids[i]));
    }
}

/* What is kept apart is looked at again past one that is damaged, and past a row whose record is gone. */
static void quarantine_is_looked_through_past_it(void **state)
{
    struct bed *bed = *state;
    struct stranger stranger;
    struct kr_writer content;
    struct forged forged[4];
    struct kr_head head;
    stranger_init(bed, &stranger, 2);
    for (uint32_t i = 0; i < 4; i++) {
        forged[i] = stranger_forge(
            bed, &stranger,
            (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = bed_report(&content, "waits.example")});
        kr_writer_deinit(&content);
        bed_hand_over(bed, 1, 0, &forged[i]);
    }
    struct kr_core *core = bed_core(bed, 0);
    uint64_t generation = core->directory.generation, session_no = bed_link(bed, 0, 1)->session_no, arrival = 0;
    assert_int_equal(core->quarantine_count, 4);
    spoil(bed, 0, forged[0].id, false);
    spoil(bed, 0, forged[1].id, true);
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, forged[2].id, &arrival), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    /* As if a card of the stranger's had come. */
    core->quarantine_is_due = true;
    bed_run(bed, 60000);
    assert_false(core->quarantine_is_due);
    assert_ptr_equal(bed_core(bed, 0), core); /* no failure: the core is the same */
    assert_int_equal(core->directory.generation, generation);
    assert_int_equal(bed_link(bed, 0, 1)->session_no, session_no);
    assert_int_equal(core->quarantine_count, 3);
    assert_int_equal(bed_head(bed, 0, forged[3].id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    assert_int_equal(bed_times_said(bed, 0, "is damaged and is passed over"), 1);
    for (uint32_t i = 0; i < 4; i++) {
        forged_free(&forged[i]);
    }
    stranger_deinit(&stranger);
}

/* The log is read through for a new link past it. */
static void the_pair_tree_of_a_new_link_is_made_past_it(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[RECORDS][32];
    submit_some(bed, ids);
    bed_run(bed, 60000);
    spoil(bed, 0, ids[1], true);
    spoil(bed, 0, ids[RECORDS - 1], true); /* the last one of all */
    struct kr_core *core = bed_core(bed, 0);
    struct kr_link *link = bed_link(bed, 0, 1);
    link->pair_next = 1;
    link->pair_end = 1000;
    bed_run(bed, 60000);
    assert_ptr_equal(bed_core(bed, 0), core);
    assert_int_equal(link->pair_next, 1000);
}

/* Who asks about a damaged record is told so, and nothing that others asked for is undone because of it. */
static void who_asks_about_it_is_told_and_nobody_else_suffers(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[RECORDS][32], again[32];
    struct kr_core *core = bed_core(bed, 0);
    submit_some(bed, ids);
    uint64_t records = bed_records(bed, 0);
    spoil(bed, 0, ids[1], false);
    spoil(bed, 0, ids[3], true);
    assert_int_equal(explain(bed, ids[0]), KR_OK);
    assert_int_equal(explain(bed, ids[1]), KR_CORRUPT);
    assert_non_null(strstr(bed->text, "cannot be explained"));
    assert_int_equal(explain(bed, ids[3]), KR_CORRUPT);
    assert_non_null(strstr(bed->text, "cannot be explained"));
    /* The tokens of a submission that is sent again lead to them: one still knows which record it was. */
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 2);
    assert_int_equal(bed_submit(bed, 0, submit, again), KR_OK);
    assert_memory_equal(again, ids[1], 32);
    memset(submit->token, 4, sizeof submit->token);
    assert_int_equal(bed_submit(bed, 0, submit, again), KR_CORRUPT);
    assert_non_null(strstr(bed->text, "was submitted before"));
    bed_submission_free(submit);
    assert_ptr_equal(bed_core(bed, 0), core); /* no failure: the core is the same */
    assert_int_equal(bed_records(bed, 0), records);
    assert_int_equal(bed_times_said(bed, 0, "is damaged and is passed over"), 1);
}

/* The record is whole, but what is kept beside it is not. */
static void a_damaged_reason_is_told(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[RECORDS][32], key[KR_REASON_KEY_BYTES];
    struct kr_core *core = bed_core(bed, 0);
    submit_some(bed, ids);
    kr_reason_key(key, ids[0]);
    break_row(bed, KR_TABLE_RECEIPTS, key, sizeof key);
    assert_int_equal(explain(bed, ids[0]), KR_CORRUPT);
    assert_int_equal(explain(bed, ids[1]), KR_OK);
    assert_ptr_equal(bed_core(bed, 0), core);
}

/* The damage is done while the record is being made. */
static void a_token_that_is_damaged_meanwhile_stores_nothing(void **state)
{
    struct bed *bed = *state;
    struct sim_node *node = bed_node(bed, 0);
    uint8_t ids[RECORDS][32];
    struct kr_core *core = bed_core(bed, 0);
    submit_some(bed, ids);
    uint64_t records = bed_records(bed, 0);
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    assert_non_null(job);
    memset(job->token, 4, sizeof job->token);
    job->client = BED_CLIENT;
    job->request = ++bed->request;
    bed->code = BED_PENDING;
    core->jobs_out++;
    spoil(bed, 0, ids[3], true);
    sim_world_push(bed->world, node, (struct kr_event){.type = KR_EVENT_JOB_DONE, .job = job}, NULL, 0, bed->world->now_ms);
    bed_run(bed, 10);
    assert_int_equal(bed->code, KR_CORRUPT);
    assert_non_null(strstr(bed->text, "was submitted before"));
    assert_ptr_equal(bed_core(bed, 0), core);
    assert_int_equal(bed_records(bed, 0), records);
}

/* Rows that stand before all others of their kinds. */
static void the_directory_is_loaded_past_rows_that_do_not_open(void **state)
{
    struct bed *bed = *state;
    struct kr_directory directory;
    struct kr_txn *txn = NULL;
    const uint32_t councils = bed_core(bed, 0)->directory.council_count;
    const uint8_t card[KR_DIRECTORY_KEY_BYTES] = {KR_KIND_COUNCIL_CARD}, charter[KR_DIRECTORY_KEY_BYTES] = {KR_KIND_CHARTER},
                  vouch[KR_DIRECTORY_KEY_BYTES] = {KR_KIND_VOUCH};
    assert_int_equal(bed_core(bed, 0)->directory.skipped, 0);
    break_row(bed, KR_TABLE_DIRECTORY, card, sizeof card);
    break_row(bed, KR_TABLE_DIRECTORY, charter, sizeof charter);
    break_row(bed, KR_TABLE_DIRECTORY, vouch, sizeof vouch);
    kr_directory_init(&directory);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_directory_load(&directory, txn), KR_OK);
    kr_txn_abort(txn);
    assert_int_equal(directory.council_count, councils);
    assert_int_equal(directory.community_count, 1);
    assert_int_equal(kr_membership_count(&directory.communities[0]->membership), 2);
    assert_int_equal(directory.skipped, 3);
    kr_directory_deinit(&directory);
    bed_restart(bed, 0);
    assert_true(bed_link(bed, 0, 1)->has_session);
    assert_true(bed_said(bed, 0, "3 cards, charters, vouches or expulsions in the store cannot be read"));
}

static enum kr_err count_item(void *context, struct kr_slice item)
{
    (void)item;
    ++*(uint32_t *)context;
    return KR_OK;
}

/* All pages of a query of node 0: how many items there are. The result, an array, has `*ret_left_out` entries. */
static uint32_t ask(struct bed *bed, uint32_t op, struct kr_writer *args, uint32_t *ret_left_out)
{
    struct kr_query query;
    uint32_t items = 0, pages = 0;
    bool is_done = false;
    assert_int_equal(kr_writer_finish(args), KR_OK);
    assert_int_equal(kr_query_init(&query, op, (struct kr_slice){args->bytes, args->len}, false), KR_OK);
    kr_writer_deinit(args);
    while (!is_done) {
        struct kr_txn *txn = NULL;
        struct kr_writer result;
        struct kr_reader reader;
        assert_true(pages++ < 100);
        kr_writer_init(&result, KR_KIB);
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        assert_int_equal(kr_query_page(&query, txn, bed_node(bed, 0)->keyring, bed->world->now_ms, NULL, count_item, &items,
                                       &result, &is_done, NULL),
                         KR_OK);
        kr_txn_abort(txn);
        kr_reader_init(&reader, result.bytes, result.len);
        *ret_left_out = is_done ? kr_reader_array_between(&reader, 0, 2) : 0;
        kr_writer_deinit(&result);
    }
    kr_query_deinit(&query);
    return items;
}

static uint32_t look_up(struct bed *bed, const char *domain, uint32_t *ret_left_out)
{
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 2);
    for (uint32_t i = 0; i < 2; i++) { /* what one value meets must not keep the other from its answer */
        kr_writer_array(&args, 2);
        kr_writer_uint(&args, KR_INDICATOR_DOMAIN);
        kr_writer_bin(&args, i == 0 ? domain : "b.example", strlen(domain));
    }
    return ask(bed, KR_OP_LOOKUP, &args, ret_left_out);
}

static uint32_t list(struct bed *bed)
{
    struct kr_ls ls = {.kind = 0};
    struct kr_writer args;
    uint32_t left_out;
    kr_writer_init(&args, KR_KIB);
    kr_ls_write(&ls, &args);
    return ask(bed, KR_OP_LS, &args, &left_out);
}

static void look_ups_and_lists_pass_over_it(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[RECORDS][32], other[32], card[KR_DIRECTORY_KEY_BYTES] = {KR_KIND_COUNCIL_CARD};
    uint32_t left_out = 0;
    submit_some(bed, ids);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "b.example", 77);
    assert_int_equal(bed_submit(bed, 0, submit, other), KR_OK);
    bed_submission_free(submit);
    assert_int_equal(look_up(bed, "a.example", &left_out), RECORDS + 1);
    assert_int_equal(left_out, 0);
    assert_int_equal(list(bed), RECORDS + 1);
    spoil(bed, 0, ids[1], false);
    spoil(bed, 0, ids[3], true);
    assert_int_equal(look_up(bed, "a.example", &left_out), RECORDS - 2 + 1);
    assert_int_equal(left_out, 1); /* the value whose records they are */
    assert_int_equal(list(bed), RECORDS - 1 + 1);
    spoil(bed, 0, other, true); /* the newest of all */
    assert_int_equal(list(bed), RECORDS - 1);
    /* Whose card is damaged has a name yet. */
    memcpy(card + 1, bed_node(bed, 0)->council, 32);
    break_row(bed, KR_TABLE_DIRECTORY, card, sizeof card);
    assert_int_equal(look_up(bed, "a.example", &left_out), RECORDS - 2);
    assert_int_equal(left_out, 2);
    assert_int_equal(list(bed), RECORDS - 1);
}

/* Rows about quarantine, records dated ahead and what was signed today that do not open, or say nothing that can be read: the node
 * starts, says so, and knows the others. */
static void a_node_starts_past_rows_that_cannot_be_read(void **state)
{
    struct bed *bed = *state;
    struct stranger stranger;
    struct kr_writer content;
    struct kr_txn *txn = NULL;
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "b.example", 78);
    uint8_t id[32], ahead[5 + 16] = "ahead", quarantined[32] = {0};
    const uint64_t created_ms = bed->world->now_ms + 3600000u + KR_FUTURE_MS_MAX, due_ms = created_ms - KR_FUTURE_MS_MAX;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    stranger_init(bed, &stranger, 2);
    struct kr_draft draft = {.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = bed_report(&content, "waits.example")};
    struct forged waits = stranger_forge(bed, &stranger, draft);
    draft.created_ms = created_ms;
    struct forged dated = bed_forge(bed, 1, draft);
    bed_hand_over(bed, 1, 0, &waits);
    bed_hand_over(bed, 1, 0, &dated);
    assert_int_equal(bed_core(bed, 0)->quarantine_count, 1);
    assert_true(bed_core(bed, 0)->ahead_at_ms == due_ms);
    for (uint32_t round = 0; round < 2; round++) {
        if (round == 0) {
            break_row(bed, KR_TABLE_IDENTITY, "signed", 6);
        }
        break_row(bed, KR_TABLE_RECEIPTS, ahead, sizeof ahead);
        break_row(bed, KR_TABLE_QUARANTINE, quarantined, sizeof quarantined);
        quarantined[0] = 255;
        assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        assert_int_equal(kr_store_put(txn, KR_TABLE_QUARANTINE, quarantined, 32, "what", 4), KR_OK); /* whole, and nothing known */
        if (round == 1) {
            assert_int_equal(kr_store_put(txn, KR_TABLE_IDENTITY, "signed", 6, "what", 4), KR_OK);
        }
        assert_int_equal(kr_txn_commit(txn), KR_OK);
        quarantined[0] = 0;
        sim_world_crash(bed->world, 0, UINT32_MAX);
        assert_int_equal(sim_world_start(bed->world, 0), SIM_HOLDS);
        bed_run(bed, 20000);
        const struct kr_core *core = bed_core(bed, 0);
        assert_true(bed_said(bed, 0, "4 rows of the store about what waits in quarantine"));
        assert_int_equal(core->signed_count, 0);
        assert_int_equal(core->quarantine_count, 1);
        assert_false(core->quarantine_is_due); /* looked through */
        assert_true(core->ahead_at_ms == due_ms);
    }
    static const uint8_t none[] = {0x90};
    struct kr_core *core = bed_core(bed, 0);
    assert_int_equal(bed_request(bed, 0, KR_OP_WATCH, none, sizeof none, 1), BED_PENDING);
    const uint32_t pages = bed->pages;
    bed_run(bed, due_ms + 10 - bed->world->now_ms);
    assert_int_equal(bed->pages, pages + 1);
    assert_ptr_equal(bed_core(bed, 0), core);
    assert_true(core->ahead_at_ms == UINT64_MAX);
    assert_true(bed_said(bed, 0, "1 rows of the store about records dated ahead cannot be read"));
    /* One that was not counted leaves. */
    for (uint32_t i = 0; i < 2; i++) {
        kr_quarantine_left(core, bed_node(bed, 1)->council, KR_MIB);
        assert_int_equal(core->quarantine_count, 0);
        assert_int_equal(core->quarantine_bytes, 0);
    }
    forged_free(&waits);
    forged_free(&dated);
    kr_writer_deinit(&content);
    stranger_deinit(&stranger);
    bed_submission_free(submit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pushing_passes_over_what_is_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_gone_for_who_catches_up, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_trees_are_mended_and_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_lost_while_it_waits_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(quarantine_is_looked_through_past_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_pair_tree_of_a_new_link_is_made_past_it, setup, teardown),
        cmocka_unit_test_setup_teardown(who_asks_about_it_is_told_and_nobody_else_suffers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_reason_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(the_directory_is_loaded_past_rows_that_do_not_open, setup, teardown),
        cmocka_unit_test_setup_teardown(look_ups_and_lists_pass_over_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_starts_past_rows_that_cannot_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_that_is_damaged_meanwhile_stores_nothing, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/damage", tests, NULL, NULL);
}
