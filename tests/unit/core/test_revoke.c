/* A stolen node key: what the thief signed with it, back-dated or not, is shown nowhere once the revocation is there, what it took
 * back comes back, and what the council signed itself stays. Node 0's key is stolen; node 2 is the thief's way in. */
#include "node/core/revoke.h"
#include "proto/client/rekey.h"
#include "tests/unit/core/takeback_test.h"

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

static uint32_t ask(struct bed *bed, uint32_t node, uint32_t op, struct kr_writer *args)
{
    bed->pages = 0;
    const uint32_t code = bed_request(bed, node, op, args->bytes, args->len, 500);
    kr_writer_deinit(args);
    return code;
}

static uint32_t new_keys(struct bed *bed)
{
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    return ask(bed, 0, KR_OP_NEW_KEYS, &args);
}

static uint32_t revoke_since(struct bed *bed, const uint8_t key[static 32], uint64_t since_ms, bool is_taken_over)
{
    struct kr_revoke revoke = {.since_ms = since_ms, .is_taken_over = is_taken_over};
    struct kr_writer args;
    memcpy(revoke.key, key, 32);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    const uint32_t code = ask(bed, 0, KR_OP_REVOKE, &args);
    bed_run(bed, 60000);
    return code;
}

/* With a new key in its place. */
static void revoke(struct bed *bed, const struct kr_keyring *stolen)
{
    assert_int_equal(new_keys(bed), KR_OK);
    assert_int_equal(revoke_since(bed, stolen->node_public, 0, false), KR_OK);
}

static void submit(struct bed *bed, const char *domain, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, domain, token);
    assert_int_equal(bed_submit(bed, 0, submission, ret_id), KR_OK);
    bed_submission_free(submission);
    bed_run(bed, 3000);
}

/* As the thief signs, with the stolen key. */
static struct forged steal(struct bed *bed, const struct kr_keyring *stolen, const char *domain, uint64_t ago_ms)
{
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    const struct kr_keyring now = *keyring;
    struct kr_writer content;
    *keyring = *stolen;
    struct forged forged = bed_forge(bed, 0,
                                     (struct kr_draft){.kind = KR_KIND_REPORT,
                                                       .label = KR_TLP_CLEAR,
                                                       .created_ms = bed->world->now_ms - ago_ms,
                                                       .content = bed_report(&content, domain)});
    *keyring = now;
    kr_writer_deinit(&content);
    return forged;
}

static uint32_t taken_state(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint32_t state = UINT32_MAX;
    if (bed_head(bed, node, id, &head) == KR_OK) {
        assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
        assert_int_equal(kr_taken_state(txn, &head, &state), KR_OK);
        kr_txn_abort(txn);
    }
    return state;
}

static bool shows(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_head head;
    return bed_head(bed, node, id, &head) == KR_OK && head.state == KR_HEAD_SHOWN;
}

static bool all_show(struct bed *bed, const uint8_t id[static 32])
{
    return shows(bed, 0, id) && shows(bed, 1, id) && shows(bed, 2, id);
}

static bool none_shows(struct bed *bed, const uint8_t id[static 32])
{
    return !shows(bed, 0, id) && !shows(bed, 1, id) && !shows(bed, 2, id);
}

/* Keys in the tree of CLEAR, the same at all three. */
static uint64_t assert_equal_trees(struct bed *bed)
{
    const struct kr_scope scope = {.kind = KR_SCOPE_CLEAR};
    uint8_t roots[3][32];
    uint64_t counts[3];
    for (uint32_t i = 0; i < 3; i++) {
        struct kr_txn *txn = NULL;
        assert_int_equal(kr_store_read_begin(bed_node(bed, i)->store, &txn), KR_OK);
        assert_int_equal(kr_store_tree_root(txn, &scope, 0, roots[i], &counts[i]), KR_OK);
        kr_txn_abort(txn);
    }
    assert_memory_equal(roots[0], roots[1], 32);
    assert_memory_equal(roots[0], roots[2], 32);
    return counts[0];
}

static void what_the_thief_signed_is_shown_nowhere(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring stolen = *bed_node(bed, 0)->keyring;
    uint8_t ids[2][32];
    submit(bed, "genuine.example.jp", 1, ids[0]);
    struct forged today = steal(bed, &stolen, "today.example", 0), before = steal(bed, &stolen, "before.example", 1800000),
                  late = steal(bed, &stolen, "late.example", 900000);
    bed_hand_over(bed, 2, 1, &today);
    bed_hand_over(bed, 2, 1, &before);
    bed_run(bed, 60000);
    assert_true(all_show(bed, today.id) && all_show(bed, before.id)); /* who could know? */
    assert_int_equal(assert_equal_trees(bed), 3);
    revoke(bed, &stolen);
    assert_true(none_shows(bed, today.id) && none_shows(bed, before.id));
    assert_true(all_show(bed, ids[0]));
    assert_int_equal(assert_equal_trees(bed), 1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(taken_state(bed, i, today.id), KR_TAKEN_FALSE);
        assert_int_equal(taken_state(bed, i, ids[0]), KR_TAKEN_NOT);
    }
    assert_true(bed_holds(bed, 0, today.id) && !bed_holds(bed, 1, today.id)); /* kept where it has to be looked into */
    /* One that comes now, dated back, is refused, and the new key goes on. */
    bed_hand_over(bed, 2, 1, &late);
    bed_run(bed, 60000);
    assert_int_equal(taken_state(bed, 1, late.id), UINT32_MAX);
    submit(bed, "after.example.jp", 2, ids[1]);
    assert_true(all_show(bed, ids[1]));
    bed_restart(bed, 1);
    assert_true(none_shows(bed, today.id) && all_show(bed, ids[0]));
    bed_hand_over(bed, 2, 1, &late);
    assert_int_equal(taken_state(bed, 1, late.id), UINT32_MAX);
    assert_int_equal(assert_equal_trees(bed), 2);
    forged_free(&today);
    forged_free(&before);
    forged_free(&late);
}

/* The record as it stands in node 1's store, for what takes it back. */
static struct forged stored(struct bed *bed, const uint8_t id[static 32])
{
    struct kr_txn *txn = NULL;
    uint64_t arrival;
    struct forged forged = {.bytes = NULL};
    assert_int_equal(kr_store_read_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    assert_int_equal(kr_store_record_get(txn, arrival, &forged.bytes, &forged.len), KR_OK);
    kr_txn_abort(txn);
    memcpy(forged.id, id, 32);
    return forged;
}

static void what_the_thief_took_back_comes_back(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring stolen = *bed_node(bed, 0)->keyring;
    uint8_t ids[2][32];
    submit(bed, "retracted.example.jp", 3, ids[0]);
    submit(bed, "revised.example.jp", 4, ids[1]);
    struct forged targets[2] = {stored(bed, ids[0]), stored(bed, ids[1])};
    struct forged retraction = take_back(bed, 0, &targets[0], (struct lie){0}),
                  revision = take_back(bed, 0, &targets[1], (struct lie){.kind = KR_KIND_REVISION});
    bed_hand_over(bed, 2, 1, &retraction);
    bed_hand_over(bed, 2, 1, &revision);
    bed_run(bed, 60000);
    for (uint32_t i = 0; i < 2; i++) {
        assert_false(shows(bed, 1, ids[i]) || shows(bed, 2, ids[i]));
        assert_true(shows(bed, 0, ids[i])); /* the author's node did not make them: they wait */
        assert_int_equal(taken_state(bed, 0, ids[i]), KR_TAKEN_WAITS);
    }
    assert_int_equal(bed_core(bed, 0)->takebacks_waiting, 2);
    revoke(bed, &stolen);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(all_show(bed, ids[i]));
        assert_int_equal(taken_state(bed, 0, ids[i]), KR_TAKEN_NOT);
        assert_int_equal(taken_state(bed, 1, ids[i]), KR_TAKEN_NOT);
        forged_free(&targets[i]);
    }
    assert_int_equal(bed_core(bed, 0)->takebacks_waiting, 0);
    assert_true(none_shows(bed, revision.id) && none_shows(bed, retraction.id));
    assert_int_equal(assert_equal_trees(bed), 2);
    forged_free(&retraction);
    forged_free(&revision);
}

/* A genuine one that stood behind a false one has its effect after all. */
static void a_genuine_retraction_behind_a_false_one_takes_effect(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    const struct kr_keyring stolen = *keyring;
    uint8_t id[32];
    submit(bed, "both.example.jp", 5, id);
    struct forged target = stored(bed, id), forged = take_back(bed, 0, &target, (struct lie){0});
    bed_hand_over(bed, 2, 1, &forged);
    bed_run(bed, 30000);
    assert_int_equal(new_keys(bed), KR_OK);
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    assert_int_equal(ask(bed, 0, KR_OP_ROTATE, &args), KR_OK);
    bed_run(bed, 30000);
    /* With the new key, and nobody else's. */
    struct forged genuine = take_back(bed, 0, &target, (struct lie){0});
    bed_hand_over(bed, 0, 1, &genuine);
    bed_run(bed, 30000);
    assert_true(shows(bed, 1, genuine.id));
    assert_int_equal(revoke_since(bed, stolen.node_public, 0, false), KR_OK);
    assert_int_equal(taken_state(bed, 1, forged.id), KR_TAKEN_FALSE);
    assert_int_equal(taken_state(bed, 1, id), KR_TAKEN_RETRACTED);
    assert_int_equal(taken_state(bed, 2, id), KR_TAKEN_RETRACTED);
    assert_false(shows(bed, 1, id) || shows(bed, 2, id));
    forged_free(&target);
    forged_free(&forged);
    forged_free(&genuine);
}

/* What came back from peers after a restore was not made here; it is genuine if it was here before the theft. A list that was wrong
 * is made anew, and what it called false comes back. */
static void the_latest_list_counts(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring stolen = *bed_node(bed, 0)->keyring;
    struct forged restored = steal(bed, &stolen, "restored.example.jp", 1000);
    bed_hand_over(bed, 2, 1, &restored);
    bed_run(bed, 30000);
    const uint64_t theft_ms = bed->world->now_ms;
    struct forged forged = steal(bed, &stolen, "forged.example", 1800000);
    bed_hand_over(bed, 2, 1, &forged);
    bed_run(bed, 30000);
    assert_true(all_show(bed, restored.id) && all_show(bed, forged.id));
    revoke(bed, &stolen);
    assert_true(none_shows(bed, restored.id) && none_shows(bed, forged.id));
    assert_int_equal(revoke_since(bed, stolen.node_public, theft_ms, false), KR_OK);
    assert_true(none_shows(bed, forged.id));
    assert_true(all_show(bed, restored.id)); /* node 0 had kept it */
    assert_int_equal(taken_state(bed, 1, restored.id), KR_TAKEN_NOT);
    assert_int_equal(assert_equal_trees(bed), 1);
    forged_free(&restored);
    forged_free(&forged);
}

/* The machine itself was in other hands: what it made since then is the thief's. */
static void what_a_machine_taken_over_made_is_not_named(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring stolen = *bed_node(bed, 0)->keyring;
    uint8_t ids[2][32];
    submit(bed, "before.example.jp", 6, ids[0]);
    const uint64_t theft_ms = bed->world->now_ms;
    bed_run(bed, 1000);
    submit(bed, "by-the-thief.example.jp", 7, ids[1]);
    assert_int_equal(new_keys(bed), KR_OK);
    assert_int_equal(revoke_since(bed, stolen.node_public, theft_ms, true), KR_OK);
    assert_true(all_show(bed, ids[0]) && none_shows(bed, ids[1]));
}

/* ---- lists in pages, and such as mean no good ---- */

/* A page of a list that names these records, signed with `author`'s root key, and handed over by it. */
static void say_page(struct bed *bed, uint32_t author, const uint8_t key[static 32], uint64_t made_ms, uint32_t page,
                     uint32_t pages, uint8_t (*ids)[32], uint32_t count)
{
    struct kr_revocation revocation = {.made_ms = made_ms, .page = page, .pages = pages};
    uint8_t names[4][KR_REVOKED_NAME_BYTES], subject[32];
    uint32_t used = 0;
    struct kr_writer content;
    memcpy(revocation.key, key, 32);
    assert_true(count <= 4);
    for (uint32_t i = 0; i < count; i++) {
        kr_revocation_name(names[used], key, ids[i]);
        used += kr_revocation_page(names[used], pages) == page;
    }
    for (uint32_t i = 1; i < used; i++) { /* at most four: in order */
        for (uint32_t j = i; j > 0 && memcmp(names[j - 1], names[j], sizeof names[0]) > 0; j--) {
            uint8_t other[KR_REVOKED_NAME_BYTES];
            memcpy(other, names[j], sizeof other);
            memcpy(names[j], names[j - 1], sizeof other);
            memcpy(names[j - 1], other, sizeof other);
        }
    }
    revocation.names = (struct kr_slice){names[0], used * sizeof names[0]};
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_revocation_write(&revocation, &content);
    kr_revocation_subject(subject, key, page);
    struct forged forged =
        bed_statement(bed, author, KR_KIND_REVOCATION, NULL, subject, made_ms, (struct kr_slice){content.bytes, content.len});
    bed_hand_over(bed, author, 1, &forged);
    bed_run(bed, 30000);
    kr_writer_deinit(&content);
    forged_free(&forged);
}

static void a_list_counts_when_all_of_its_pages_are_there(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring stolen = *bed_node(bed, 0)->keyring;
    uint8_t ids[4][32];
    char domain[40];
    for (uint8_t i = 0; i < 4; i++) {
        (void)snprintf(domain, sizeof domain, "page-%u.example.jp", i);
        submit(bed, domain, (uint8_t)(10 + i), ids[i]);
    }
    struct forged forged = steal(bed, &stolen, "unnamed.example", 0), late = steal(bed, &stolen, "undecided.example", 0);
    bed_hand_over(bed, 2, 1, &forged);
    bed_run(bed, 5000);
    say_page(bed, 0, stolen.node_public, 7, 0, 2, ids, 4);
    assert_true(shows(bed, 1, forged.id) && shows(bed, 1, ids[0])); /* one page alone says nothing of what is here, … */
    bed_hand_over(bed, 2, 1, &late);
    assert_false(shows(bed, 1, late.id)); /* … and what comes meanwhile waits */
    say_page(bed, 0, stolen.node_public, 7, 1, 2, ids, 4);
    assert_false(shows(bed, 1, forged.id) || shows(bed, 1, late.id));
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(shows(bed, 1, ids[i]));
    }
    /* An older list changes nothing; a newer one of one page does. */
    say_page(bed, 0, stolen.node_public, 6, 0, 1, ids, 0);
    assert_true(shows(bed, 1, ids[0]));
    say_page(bed, 0, stolen.node_public, 8, 0, 1, ids, 3);
    assert_true(shows(bed, 1, ids[2]) && !shows(bed, 1, ids[3]));
    forged_free(&forged);
    forged_free(&late);
}

/* Nobody revokes another's key, and a council has so many pages and no more. */
static void a_revocation_is_of_its_authors_keys_alone(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32], key[32] = {9};
    submit(bed, "untouched.example.jp", 20, id);
    say_page(bed, 2, bed_node(bed, 0)->keyring->node_public, 9, 0, 1, NULL, 0);
    assert_true(all_show(bed, id));
    for (uint32_t i = 0; i < KR_REVOKED_ROWS_MAX + 4; i++) {
        key[1] = (uint8_t)i;
        say_page(bed, 2, key, 9, 0, 1, NULL, 0);
    }
    assert_int_equal(bed_core(bed, 1)->directory.revoked.count, KR_REVOKED_ROWS_MAX);
    assert_true(all_show(bed, id));
}

static void what_cannot_be_revoked_is_refused(void **state)
{
    struct bed *bed = *state;
    const struct kr_keyring keyring = *bed_node(bed, 0)->keyring;
    const uint8_t other[32] = {1};
    assert_int_equal(revoke_since(bed, keyring.node_public, 0, false), KR_NOT_FOUND); /* nothing to go on with */
    assert_int_equal(new_keys(bed), KR_OK);
    assert_int_equal(revoke_since(bed, other, 0, false), KR_NOT_FOUND);
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    assert_int_equal(ask(bed, 0, KR_OP_REVOKE, &args), KR_MALFORMED);
    assert_memory_equal(bed_node(bed, 0)->keyring->node_public, keyring.node_public, 32);
    assert_int_equal(bed_core(bed, 1)->directory.revoked.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_thief_signed_is_shown_nowhere, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_thief_took_back_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_genuine_retraction_behind_a_false_one_takes_effect, setup, teardown),
        cmocka_unit_test_setup_teardown(the_latest_list_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_machine_taken_over_made_is_not_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_counts_when_all_of_its_pages_are_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revocation_is_of_its_authors_keys_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_revoked_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
