/* Bodies and persons of a council: what they may, at once and through restarts, and that nothing of them leaves. */
#include "node/core/caller.h"
#include "node/core/people.h"
#include "node/core/query.h"
#include "tests/unit/core/people_test.h"

#define SATO   1001u
#define SUZUKI 1002u

static const uint8_t sapporo[32] = {0x5a}, asahikawa[32] = {0xa5}, sato[32] = {1}, suzuki[32] = {2}, tanaka[32] = {3};

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

static uint32_t body_act(struct bed *bed, uint32_t action, const uint8_t id[static 32], const char *name)
{
    struct kr_body_act act = {.action = action};
    memcpy(act.id, id, 32);
    act.changes[KR_BODY_NAME_JA] = name != NULL;
    act.texts[KR_BODY_NAME_JA] = text(name != NULL ? name : "");
    return put_body(bed, 0, &act);
}

static uint32_t person_act(struct bed *bed, const struct kr_person_act *act)
{
    return put_person(bed, 0, act);
}

static struct kr_person_act new_person(const uint8_t id[static 32], uint32_t roles, uint32_t uid)
{
    struct kr_person_act act = {.action = KR_PERSON_ADD, .roles = roles, .has_uid = uid != 0, .uid = uid};
    memcpy(act.id, id, 32);
    memcpy(act.body, sapporo, 32);
    act.changes[KR_PERSON_NAME] = act.changes[KR_PERSON_ROLES] = true;
    act.name = text("somebody");
    return act;
}

static uint32_t simple(struct bed *bed, uint32_t action, const uint8_t id[static 32])
{
    struct kr_person_act act = {.action = action};
    memcpy(act.id, id, 32);
    return person_act(bed, &act);
}

/* Sapporo with Sato, analyst, and Suzuki, approver. */
static void enter_people(struct bed *bed)
{
    assert_int_equal(body_act(bed, KR_BODY_ADD, sapporo, "札幌市"), KR_OK);
    const struct kr_person_act first = new_person(sato, KR_ROLE_ANALYST, SATO),
                               second = new_person(suzuki, KR_ROLE_APPROVER, SUZUKI);
    assert_int_equal(person_act(bed, &first), KR_OK);
    assert_int_equal(person_act(bed, &second), KR_OK);
}

static uint32_t submit_clear(struct bed *bed, const char *domain, uint8_t token)
{
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, domain, token);
    const uint32_t code = bed_submit(bed, 0, submit, id);
    bed_submission_free(submit);
    return code;
}

/* ---- queries ---- */

struct items {
    struct kr_person_item persons[8];
    uint32_t count;
    struct kr_slice bodies[8]; /* cards; borrowed: looked at within the call alone */
    uint32_t pages;
    uint32_t op;
};

static enum kr_err take_item(void *context, struct kr_slice item)
{
    struct items *items = context;
    struct kr_body_item body;
    assert_true(items->count < 8);
    if (items->op == KR_OP_PERSONS) {
        assert_int_equal(kr_person_item_read(item, &items->persons[items->count]), KR_OK);
    } else if (items->op == KR_OP_BODIES) {
        struct kr_body_card card;
        assert_int_equal(kr_body_item_read(item, &body), KR_OK);
        assert_int_equal(kr_body_card_parse(body.card, &card), KR_OK);
    }
    items->count++;
    return KR_OK;
}

/* What a reader thread would answer to that user. */
static enum kr_err ask(struct bed *bed, uint32_t op, const void *args, size_t len, uint32_t uid, struct items *items,
                       struct kr_writer *result, struct kr_error *error)
{
    struct kr_query query;
    enum kr_err err = KR_OK;
    bool is_done = false;
    *items = (struct items){.op = op};
    assert_int_equal(kr_query_init(&query, op, (struct kr_slice){args, len}, false), KR_OK);
    query.caller = (struct kr_caller){.is_guest = uid != 0, .uid = uid};
    while (!is_done && err == KR_OK) {
        struct kr_txn *txn = NULL;
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        err = kr_query_page(&query, txn, bed_node(bed, 0)->keyring, bed->world->now_ms, bed_at_once, take_item, items, result,
                            &is_done, error);
        kr_txn_abort(txn);
        items->pages++;
    }
    kr_query_deinit(&query);
    return err;
}

static enum kr_err list(struct bed *bed, uint32_t op, uint32_t uid, struct items *items)
{
    struct kr_writer result;
    struct kr_error error = {0};
    kr_writer_init(&result, KR_KIB);
    enum kr_err err = ask(bed, op, NULL, 0, uid, items, &result, &error);
    kr_writer_deinit(&result);
    return err;
}

static enum kr_err ls(struct bed *bed, uint32_t uid, struct items *items)
{
    struct kr_ls want = {0};
    struct kr_writer args, result;
    struct kr_error error = {0};
    kr_writer_init(&args, KR_KIB);
    kr_writer_init(&result, KR_KIB);
    kr_ls_write(&want, &args);
    enum kr_err err = ask(bed, KR_OP_LS, args.bytes, args.len, uid, items, &result, &error);
    kr_writer_deinit(&args);
    kr_writer_deinit(&result);
    return err;
}

static enum kr_err whoami(struct bed *bed, uint32_t uid, struct kr_whoami *ret_who)
{
    struct items items;
    struct kr_writer result;
    struct kr_error error = {0};
    kr_writer_init(&result, KR_KIB);
    enum kr_err err = ask(bed, KR_OP_WHOAMI, NULL, 0, uid, &items, &result, &error);
    if (err == KR_OK) {
        assert_int_equal(kr_whoami_read((struct kr_slice){result.bytes, result.len}, ret_who), KR_OK);
    }
    kr_writer_deinit(&result); /* names of it are not looked at */
    return err;
}

/* ---- tests ---- */

static void without_people_the_operator_does_everything(void **state)
{
    struct bed *bed = *state;
    struct items items;
    struct kr_whoami who = {0};
    assert_int_equal(submit_clear(bed, "a.example", 1), KR_OK);
    assert_int_equal(ls(bed, 0, &items), KR_OK);
    assert_int_equal(whoami(bed, 0, &who), KR_OK);
    assert_true(who.is_operator && !who.has_people && !who.is_person && who.roles == KR_ROLES_ALL);
    assert_int_equal(ls(bed, SATO, &items), KR_DENIED); /* a stranger */
    as(bed, SATO);
    assert_int_equal(submit_clear(bed, "b.example", 2), KR_DENIED);
    as(bed, 0);
}

static void roles_count_from_the_first_person_on(void **state)
{
    struct bed *bed = *state;
    struct items items;
    struct kr_whoami who = {0};
    enter_people(bed);
    as(bed, SATO);
    assert_int_equal(submit_clear(bed, "c.example", 3), KR_OK);
    assert_int_equal(body_act(bed, KR_BODY_SUSPEND, sapporo, NULL), KR_DENIED);
    assert_non_null(strstr(bed->text, "admin"));
    as(bed, SUZUKI);
    assert_int_equal(submit_clear(bed, "d.example", 4), KR_DENIED);
    assert_non_null(strstr(bed->text, "analyst"));
    as(bed, 0);
    assert_int_equal(submit_clear(bed, "e.example", 5), KR_DENIED); /* whoever runs the node is its admin, and no analyst */
    assert_int_equal(ls(bed, SUZUKI, &items), KR_OK);
    assert_int_equal(list(bed, KR_OP_PERSONS, SATO, &items), KR_DENIED);
    assert_int_equal(list(bed, KR_OP_PERSONS, SUZUKI, &items), KR_OK);
    assert_int_equal(items.count, 2);
    assert_true(items.pages >= 2); /* a page at a time, and none twice */
    assert_int_equal(list(bed, KR_OP_BODIES, 0, &items), KR_OK);
    assert_int_equal(items.count, 1);
    assert_int_equal(whoami(bed, SATO, &who), KR_OK);
    assert_true(who.is_person && who.roles == KR_ROLE_ANALYST && memcmp(who.person, sato, 32) == 0);
}

static void a_suspended_person_is_refused_at_once(void **state)
{
    struct bed *bed = *state;
    struct items items;
    struct kr_whoami who = {0};
    assert_int_equal(simple(bed, KR_PERSON_SUSPEND, sato), KR_OK);
    assert_int_equal(simple(bed, KR_PERSON_SUSPEND, sato), KR_INVALID);
    as(bed, SATO);
    assert_int_equal(submit_clear(bed, "f.example", 6), KR_DENIED);
    assert_non_null(strstr(bed->text, "suspended"));
    assert_int_equal(ls(bed, SATO, &items), KR_DENIED);
    assert_int_equal(whoami(bed, SATO, &who), KR_OK); /* learns why */
    assert_int_equal(who.state, KR_PERSON_SUSPENDED);
    assert_int_equal(who.roles, 0);
    as(bed, 0);
    bed_restart(bed, 0);
    assert_int_equal(ls(bed, SATO, &items), KR_DENIED);
    assert_int_equal(simple(bed, KR_PERSON_RESUME, sato), KR_OK);
    assert_int_equal(ls(bed, SATO, &items), KR_OK);
    assert_int_equal(body_act(bed, KR_BODY_SUSPEND, sapporo, NULL), KR_OK);
    assert_int_equal(ls(bed, SATO, &items), KR_DENIED);
    assert_int_equal(body_act(bed, KR_BODY_RESUME, sapporo, NULL), KR_OK);
    assert_int_equal(ls(bed, SATO, &items), KR_OK);
}

/* A page of a list that was begun before is refused as well. */
static void a_query_under_way_is_cut(void **state)
{
    struct bed *bed = *state;
    struct kr_query query;
    struct kr_ls want = {0};
    struct kr_writer args, result;
    struct kr_error error = {0};
    struct items items = {.op = KR_OP_LS};
    bool is_done = false;
    assert_int_equal(submit_clear(bed, "g.example", 7), KR_DENIED);
    as(bed, SATO);
    assert_int_equal(submit_clear(bed, "g.example", 7), KR_OK);
    assert_int_equal(submit_clear(bed, "h.example", 8), KR_OK);
    as(bed, 0);
    kr_writer_init(&args, KR_KIB);
    kr_writer_init(&result, KR_KIB);
    kr_ls_write(&want, &args);
    assert_int_equal(kr_query_init(&query, KR_OP_LS, (struct kr_slice){args.bytes, args.len}, false), KR_OK);
    query.caller = (struct kr_caller){.is_guest = true, .uid = SATO};
    for (uint32_t round = 0; round < 2; round++) {
        struct kr_txn *txn = NULL;
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        assert_int_equal(kr_query_page(&query, txn, bed_node(bed, 0)->keyring, bed->world->now_ms, bed_at_once, take_item, &items,
                                       &result, &is_done, &error),
                         round == 0 ? KR_OK : KR_DENIED);
        kr_txn_abort(txn);
        assert_false(is_done);
        assert_int_equal(items.count, 1);
        if (round == 0) {
            assert_int_equal(simple(bed, KR_PERSON_SUSPEND, sato), KR_OK);
        }
    }
    assert_non_null(strstr(error.text, "suspended"));
    kr_query_deinit(&query);
    kr_writer_deinit(&args);
    kr_writer_deinit(&result);
    assert_int_equal(simple(bed, KR_PERSON_RESUME, sato), KR_OK);
}

/* Whoever may watch does not take all the places. */
static void one_user_does_not_watch_for_all(void **state)
{
    struct bed *bed = *state;
    struct kr_core *core = bed_core(bed, 0);
    as(bed, SATO);
    for (uint32_t i = 0; i < KR_WATCHERS_MAX / 4; i++) {
        assert_int_equal(bed_request(bed, 0, KR_OP_WATCH, "\x90", 1, 10), BED_PENDING);
    }
    assert_int_equal(bed_request(bed, 0, KR_OP_WATCH, "\x90", 1, 10), KR_BUSY);
    as(bed, 0);
    assert_int_equal(bed_request(bed, 0, KR_OP_WATCH, "\x90", 1, 10), BED_PENDING);
    kr_watch_forget(core, BED_CLIENT, 0, true);
    assert_int_equal(core->watcher_count, 0);
}

/* And so is a watch, at once. */
static void a_watch_is_cut(void **state)
{
    struct bed *bed = *state;
    struct kr_writer nothing;
    kr_writer_init(&nothing, 16);
    kr_writer_array(&nothing, 0);
    as(bed, SUZUKI);
    assert_int_equal(bed_request(bed, 0, KR_OP_WATCH, nothing.bytes, nothing.len, 100), BED_PENDING);
    kr_writer_deinit(&nothing);
    assert_int_equal(bed_core(bed, 0)->watcher_count, 1);
    as(bed, SATO);
    const uint32_t pages = bed->pages;
    assert_int_equal(submit_clear(bed, "watched.example", 20), KR_OK);
    assert_int_equal(bed->pages, pages + 1);
    as(bed, 0);
    const uint32_t answers = bed->answers;
    assert_int_equal(simple(bed, KR_PERSON_SUSPEND, suzuki), KR_DENIED); /* the last word is the watch's: behind the act's */
    assert_int_equal(bed->answers, answers + 2);
    assert_int_equal(bed_core(bed, 0)->watcher_count, 0);
    as(bed, SATO);
    assert_int_equal(submit_clear(bed, "unwatched.example", 21), KR_OK);
    as(bed, 0);
    assert_int_equal(bed->pages, pages + 1);
    assert_int_equal(simple(bed, KR_PERSON_RESUME, suzuki), KR_OK);
}

static void dates_and_contractors(void **state)
{
    struct bed *bed = *state;
    struct items items;
    struct kr_whoami who = {0};
    const uint64_t now_s = bed->world->now_ms / 1000;
    struct kr_person_act act = new_person(tanaka, KR_ROLE_READER, SATO);
    act.changes[KR_PERSON_CONTRACTOR] = act.is_contractor = true;
    assert_int_equal(person_act(bed, &act), KR_INVALID); /* without an end */
    act.changes[KR_PERSON_UNTIL] = act.changes[KR_PERSON_FROM] = true;
    act.from_s = now_s + 600;
    act.until_s = now_s + 1200;
    assert_int_equal(person_act(bed, &act), KR_EXISTS); /* that user is Sato, at the same time */
    assert_non_null(strstr(bed->text, "unbind"));
    act.uid = 1003;
    assert_int_equal(person_act(bed, &act), KR_OK);
    assert_int_equal(person_act(bed, &act), KR_EXISTS);
    assert_int_equal(ls(bed, 1003, &items), KR_DENIED);
    bed_run(bed, 700000);
    assert_int_equal(ls(bed, 1003, &items), KR_OK);
    bed_run(bed, 700000);
    assert_int_equal(ls(bed, 1003, &items), KR_DENIED);
    /* When Sato's time ends, the same user may be another person: one at a time. */
    struct kr_person_act end = {.action = KR_PERSON_CHANGE, .until_s = bed->world->now_ms / 1000 + 100};
    memcpy(end.id, sato, 32);
    end.changes[KR_PERSON_UNTIL] = true;
    assert_int_equal(person_act(bed, &end), KR_OK);
    struct kr_person_act bind = {.action = KR_PERSON_BIND, .has_uid = true, .uid = SATO};
    memcpy(bind.id, tanaka, 32);
    assert_int_equal(person_act(bed, &bind), KR_EXISTS);
    act.action = KR_PERSON_CHANGE;
    act.changes[KR_PERSON_NAME] = act.changes[KR_PERSON_ROLES] = false;
    act.from_s = end.until_s;
    act.until_s = end.until_s + 600;
    assert_int_equal(person_act(bed, &act), KR_OK);
    assert_int_equal(person_act(bed, &bind), KR_OK);
    assert_int_equal(person_act(bed, &bind), KR_INVALID);
    assert_int_equal(whoami(bed, SATO, &who), KR_OK);
    assert_memory_equal(who.person, sato, 32);
    bed_run(bed, 200000);
    assert_int_equal(whoami(bed, SATO, &who), KR_OK);
    assert_memory_equal(who.person, tanaka, 32);
    assert_int_equal(who.roles, KR_ROLE_READER);
    end.until_s = 0;
    assert_int_equal(person_act(bed, &end), KR_EXISTS);
    bind.action = KR_PERSON_UNBIND;
    assert_int_equal(person_act(bed, &bind), KR_OK);
    assert_int_equal(person_act(bed, &bind), KR_INVALID);
    assert_int_equal(person_act(bed, &end), KR_OK);
    assert_int_equal(whoami(bed, SATO, &who), KR_OK);
    assert_memory_equal(who.person, sato, 32);
}

static void deputies_have_the_roles_of_others_for_a_time(void **state)
{
    struct bed *bed = *state;
    struct kr_whoami who = {0};
    struct kr_person_act act = {.action = KR_PERSON_STAND_IN, .until_s = bed->world->now_ms / 1000 + 600};
    memcpy(act.id, sato, 32);
    memcpy(act.other, sato, 32);
    assert_int_equal(person_act(bed, &act), KR_INVALID); /* of oneself */
    memset(act.other, 0x77, 32);
    assert_int_equal(person_act(bed, &act), KR_NOT_FOUND);
    memcpy(act.other, suzuki, 32);
    assert_int_equal(person_act(bed, &act), KR_OK);
    assert_int_equal(person_act(bed, &act), KR_OK); /* again is no second time */
    assert_int_equal(whoami(bed, SATO, &who), KR_OK);
    assert_int_equal(who.roles, KR_ROLE_ANALYST | KR_ROLE_APPROVER);
    assert_int_equal(who.own_roles, KR_ROLE_ANALYST);
    /* Whose authority is suspended lends none. */
    assert_int_equal(simple(bed, KR_PERSON_SUSPEND, suzuki), KR_OK);
    assert_int_equal(whoami(bed, SATO, &who), KR_OK);
    assert_int_equal(who.roles, KR_ROLE_ANALYST);
    assert_int_equal(simple(bed, KR_PERSON_RESUME, suzuki), KR_OK);
    bed_run(bed, 700000);
    assert_int_equal(whoami(bed, SATO, &who), KR_OK);
    assert_int_equal(who.roles, KR_ROLE_ANALYST); /* over */
    act.action = KR_PERSON_STAND_DOWN;
    assert_int_equal(person_act(bed, &act), KR_OK);
    assert_int_equal(person_act(bed, &act), KR_INVALID);
}

static void operator_and_person_at_once(void **state)
{
    struct bed *bed = *state;
    struct kr_whoami who = {0};
    static const uint8_t root[32] = {0x10};
    struct kr_person_act act = new_person(root, KR_ROLE_ANALYST, 0);
    act.has_uid = true;
    assert_int_equal(person_act(bed, &act), KR_OK);
    assert_int_equal(submit_clear(bed, "i.example", 9), KR_OK);
    assert_int_equal(simple(bed, KR_PERSON_SUSPEND, root), KR_OK);
    assert_int_equal(submit_clear(bed, "j.example", 10), KR_DENIED);
    assert_non_null(strstr(bed->text, "suspended"));
    assert_int_equal(whoami(bed, 0, &who), KR_OK);
    assert_int_equal(who.roles, KR_ROLE_ADMIN); /* nobody locks himself out of his own machine */
    assert_int_equal(simple(bed, KR_PERSON_REVOKE, root), KR_OK);
    assert_int_equal(simple(bed, KR_PERSON_RESUME, root), KR_INVALID);
    assert_int_equal(whoami(bed, 0, &who), KR_OK);
    assert_false(who.is_person);
}

static void a_body_that_leaves_takes_its_persons_with_it(void **state)
{
    struct bed *bed = *state;
    struct items items;
    struct kr_body_done done = {0};
    uint64_t records = bed_records(bed, 0);
    assert_int_equal(body_act(bed, KR_BODY_LEAVE, asahikawa, NULL), KR_NOT_FOUND);
    assert_int_equal(body_act(bed, KR_BODY_LEAVE, sapporo, NULL), KR_OK);
    assert_int_equal(kr_body_done_read((struct kr_slice){bed->result, bed->result_len}, &done), KR_OK);
    assert_int_equal(done.revoked, 3); /* Sato, Suzuki, Tanaka; one was revoked before */
    for (uint32_t i = 0; i < KR_ROLES_COUNT; i++) {
        assert_int_equal(done.holders[i], 0);
    }
    /* What they submitted stays; of each card there is the one before beside it, and of what changed often that many. */
    assert_in_range(bed_records(bed, 0), records, records + 4);
    assert_int_equal(ls(bed, SATO, &items), KR_DENIED);
    assert_int_equal(body_act(bed, KR_BODY_RESUME, sapporo, NULL), KR_INVALID);
    struct kr_person_act act = new_person((const uint8_t[32]){0x20}, KR_ROLE_READER, 1009);
    assert_int_equal(person_act(bed, &act), KR_INVALID);
    assert_non_null(strstr(bed->text, "left"));
    memcpy(act.body, asahikawa, 32);
    assert_int_equal(person_act(bed, &act), KR_NOT_FOUND);
    bed_restart(bed, 0);
    assert_int_equal(list(bed, KR_OP_PERSONS, 0, &items), KR_OK);
    assert_int_equal(items.count, 4);
    for (uint32_t i = 0; i < items.count; i++) {
        assert_int_equal(items.persons[i].state, KR_PERSON_REVOKED);
    }
}

/* ---- nothing leaves ---- */

struct wanted {
    uint32_t kind;
    uint8_t record_id[32];
};

static bool take_entry(void *context, struct kr_slice key, struct kr_slice value)
{
    struct wanted *wanted = context;
    struct kr_directory_entry entry;
    (void)key;
    assert_int_equal(kr_directory_entry_read(value, &entry), KR_OK);
    memcpy(wanted->record_id, entry.record_id, 32);
    return true;
}

static void find_card(struct bed *bed, uint32_t kind, uint8_t ret_id[static 32])
{
    struct wanted wanted = {.kind = kind};
    struct kr_txn *txn = NULL;
    const uint8_t prefix = (uint8_t)kind;
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_each(txn, KR_TABLE_DIRECTORY, &prefix, 1, take_entry, &wanted), KR_OK);
    kr_txn_abort(txn);
    memcpy(ret_id, wanted.record_id, 32);
}

/* No scope, no look-up, no list; and policy says no for every other council and every use. */
static void cards_stay(void **state)
{
    struct bed *bed = *state;
    bed_run(bed, 120000); /* whole rounds of catching up and walking */
    for (uint32_t kind = KR_KIND_BODY_CARD; kind <= KR_KIND_PERSON_CARD; kind++) {
        uint8_t id[32];
        struct kr_head head;
        struct kr_writer args;
        enum kr_policy_reason reason;
        find_card(bed, kind, id);
        assert_int_equal(bed_head(bed, 0, id, &head), KR_OK);
        assert_int_equal(head.kind, kind);
        for (uint32_t use = KR_POLICY_HOLD; use <= KR_POLICY_USE_MAX; use++) {
            assert_int_equal(kr_policy_of_head(bed_core(bed, 0), use, &head, bed_node(bed, 1)->council, &reason), KR_OK);
            assert_int_equal(reason, KR_POLICY_DENY_INTERNAL);
        }
        assert_int_equal(bed_head(bed, 1, id, &head), KR_NOT_FOUND);
        kr_writer_init(&args, KR_KIB);
        kr_writer_array(&args, 1);
        kr_writer_bin(&args, id, 32);
        struct items items;
        struct kr_writer result;
        struct kr_error error = {0};
        kr_writer_init(&result, KR_MIB);
        assert_int_equal(ask(bed, KR_OP_SHOW, args.bytes, args.len, 0, &items, &result, &error), KR_NOT_FOUND);
        assert_int_equal(bed_request(bed, 0, KR_OP_EXPLAIN, args.bytes, args.len, 100), KR_NOT_FOUND);
        kr_writer_deinit(&result);
        kr_writer_deinit(&args);
    }
}

/* Whoever has stolen a node's key could make an admin: no link takes such a card, whoever brings it, whosever it is. */
static void cards_from_outside_are_refused(void **state)
{
    struct bed *bed = *state;
    struct kr_person_card card = {.name = text("thief"), .roles = KR_ROLE_ADMIN, .standing = KR_STANDING_ACTIVE};
    struct kr_writer content;
    static const uint8_t subject[32] = {0x66};
    memcpy(card.body, sapporo, 32);
    kr_writer_init(&content, 4 * KR_KIB);
    kr_person_card_write(&card, &content);
    for (uint32_t author = 0; author < 2; author++) {
        struct kr_head head;
        uint8_t audience[1][32], recipients[1][32];
        memcpy(audience[0], bed_node(bed, 0)->council, 32);
        memcpy(recipients[0], bed_node(bed, 0)->keyring->sealing[0].public_key, 32);
        struct forged forged = bed_forge(bed, author,
                                         (struct kr_draft){.kind = KR_KIND_PERSON_CARD,
                                                           .label = KR_TLP_AMBER_STRICT,
                                                           .audience = (const uint8_t(*)[32])audience,
                                                           .audience_count = 1,
                                                           .recipients = (const uint8_t(*)[32])recipients,
                                                           .recipient_count = 1,
                                                           .subject = subject,
                                                           .version = 1,
                                                           .content = {content.bytes, content.len}});
        const uint64_t refused = bed_link(bed, 0, 1)->refused_records;
        bed_hand_over(bed, 1, 0, &forged);
        assert_int_equal(bed_head(bed, 0, forged.id, &head), KR_NOT_FOUND);
        assert_int_equal(bed_link(bed, 0, 1)->refused_records, refused + 1);
        forged_free(&forged);
    }
    kr_writer_deinit(&content);
}

/* Where the row of whoever asks is damaged, nobody gets in by it, and the operator is an admin still. */
static void damage_opens_no_door(void **state)
{
    struct bed *bed = *state;
    struct kr_txn *txn = NULL;
    struct kr_who who = {0};
    const struct kr_caller guest = {.is_guest = true, .uid = SATO}, owner = {0};
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, "M", 1, "rubbish", 7), KR_OK);
    assert_int_equal(kr_who_find(txn, &guest, bed->world->now_ms, &who), KR_OK);
    assert_false(who.facts.is_person);
    assert_false(kr_role_is_allowed(kr_roles(KR_OP_LS, &who.facts)));
    assert_int_equal(kr_who_find(txn, &owner, bed->world->now_ms, &who), KR_OK);
    assert_true(kr_role_is_allowed(kr_roles(KR_OP_VERIFY, &who.facts)));
    assert_false(kr_role_is_allowed(kr_roles(KR_OP_SUBMIT, &who.facts)));
    kr_txn_abort(txn);
}

/* ---- what two nodes of a council entered, each for itself ---- */

static const uint8_t machine_key[32] = {0x4b};

static void take_person(struct kr_txn *txn, uint8_t id, uint32_t standing)
{
    struct kr_person_card card = {.name = text("somebody"), .roles = KR_ROLE_ANALYST, .standing = standing, .credential_count = 1};
    struct kr_header header = {.kind = KR_KIND_PERSON_CARD, .has_subject = true, .subject = {id}, .version = 1};
    struct kr_writer content;
    bool has_keys = false;
    memcpy(card.body, asahikawa, 32);
    card.credentials[0] = (struct kr_credential){KR_CREDENTIAL_KEY, {machine_key, 32}};
    kr_writer_init(&content, 4 * KR_KIB);
    kr_person_card_write(&card, &content);
    const struct kr_slice bytes = {content.bytes, content.len};
    assert_int_equal(kr_people_check(&header, bytes), KR_OK);
    assert_int_equal(kr_people_take(txn, &header, bytes, &has_keys), KR_OK);
    assert_true(has_keys);
    kr_writer_deinit(&content);
}

static void take_body(struct kr_txn *txn)
{
    const struct kr_body_card card = {.name_en = text("Asahikawa"), .standing = KR_STANDING_ACTIVE};
    struct kr_header header = {.kind = KR_KIND_BODY_CARD, .has_subject = true, .version = 1};
    struct kr_writer content;
    bool has_keys;
    memcpy(header.subject, asahikawa, 32);
    kr_writer_init(&content, 4 * KR_KIB);
    kr_body_card_write(&card, &content);
    assert_int_equal(kr_people_take(txn, &header, (struct kr_slice){content.bytes, content.len}, &has_keys), KR_OK);
    kr_writer_deinit(&content);
}

static uint32_t ids_of_key(struct kr_txn *txn, char ret_ids[static KR_CREDENTIAL_PERSONS + 1])
{
    uint8_t persons[KR_CREDENTIAL_PERSONS][32];
    uint32_t count = 0;
    assert_int_equal(kr_credential_persons(txn, KR_CREDENTIAL_KEY, (struct kr_slice){machine_key, 32}, persons, &count), KR_OK);
    for (uint32_t i = 0; i < count; i++) {
        ret_ids[i] = (char)persons[i][0];
    }
    ret_ids[count] = 0;
    return count;
}

/* More cards name one machine than a row holds, in whatever order they come: the row is the same, and two at once are nobody. */
static void two_nodes_bind_one_machine(void **state)
{
    struct bed *bed = *state;
    struct kr_txn *txn = NULL;
    struct kr_who who = {0};
    struct kr_caller afar = {.is_guest = true, .has_key = true};
    char ids[KR_CREDENTIAL_PERSONS + 1];
    memcpy(afar.key, machine_key, 32);
    static const char *const orders[] = {"abcdef", "fedcba", "dfbeac"};
    for (uint32_t order = 0; order < 3; order++) {
        assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        take_body(txn);
        for (const char *id = orders[order]; *id != 0; id++) {
            take_person(txn, (uint8_t)*id, KR_STANDING_ACTIVE);
        }
        assert_int_equal(ids_of_key(txn, ids), KR_CREDENTIAL_PERSONS);
        assert_string_equal(ids, "abcd");
        assert_int_equal(kr_who_find(txn, &afar, bed->world->now_ms, &who), KR_OK);
        assert_false(who.facts.is_person || kr_role_is_allowed(kr_roles(KR_OP_LS, &who.facts)));
        take_person(txn, 'b', KR_STANDING_ENDED); /* who had no room has some now */
        ids_of_key(txn, ids);
        assert_string_equal(ids, "acde");
        take_person(txn, 'f', KR_STANDING_ENDED);
        take_person(txn, 'e', KR_STANDING_ENDED);
        take_person(txn, 'd', KR_STANDING_ENDED);
        ids_of_key(txn, ids);
        assert_string_equal(ids, "ac");
        assert_int_equal(kr_who_find(txn, &afar, bed->world->now_ms, &who), KR_OK);
        assert_false(who.facts.is_person);
        take_person(txn, 'a', KR_STANDING_ENDED);
        assert_int_equal(kr_who_find(txn, &afar, bed->world->now_ms, &who), KR_OK);
        assert_true(who.facts.is_person && who.person[0] == 'c' && who.facts.state == KR_PERSON_ACTIVE);
        assert_true(kr_role_is_allowed(kr_roles(KR_OP_LS, &who.facts)));
        kr_txn_abort(txn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_people_the_operator_does_everything),
        cmocka_unit_test(roles_count_from_the_first_person_on),
        cmocka_unit_test(a_suspended_person_is_refused_at_once),
        cmocka_unit_test(a_query_under_way_is_cut),
        cmocka_unit_test(one_user_does_not_watch_for_all),
        cmocka_unit_test(a_watch_is_cut),
        cmocka_unit_test(dates_and_contractors),
        cmocka_unit_test(deputies_have_the_roles_of_others_for_a_time),
        cmocka_unit_test(operator_and_person_at_once),
        cmocka_unit_test(cards_stay),
        cmocka_unit_test(cards_from_outside_are_refused),
        cmocka_unit_test(a_body_that_leaves_takes_its_persons_with_it),
        cmocka_unit_test(two_nodes_bind_one_machine),
        cmocka_unit_test(damage_opens_no_door),
    };
    return cmocka_run_group_tests_name("core/people", tests, setup, teardown);
}
