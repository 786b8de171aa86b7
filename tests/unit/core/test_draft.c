/* Drafts: nothing leaves before another person's word; what is approved is what was shown; nothing accepted is lost. */
#include "tests/unit/core/draft_test.h"

#include "proto/record/section.h"

static void nothing_leaves_before_another_one_says_so(void **state)
{
    struct bed *bed = *state;
    static struct kr_draft_shown shown;
    struct kr_store_stat before = bed_stat(bed, 0);
    const uint64_t sent = bed_records(bed, 1);
    uint8_t record[32];
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_AMBER, "a.example", 1), KR_OK);
    assert_true(answer(bed).waits && !answer(bed).is_known);
    assert_int_equal(bed_stat(bed, 0).indicators, before.indicators);
    bed_run(bed, 3000);
    assert_int_equal(bed_records(bed, 1), sent);
    assert_int_equal(submit(bed, KR_TLP_AMBER, "a.example", 1), KR_OK);
    assert_true(answer(bed).waits && answer(bed).is_known); /* the same token makes no second one */
    assert_int_equal(approve(bed, 1), KR_DENIED);           /* not an approver */
    bed_restart(bed, 0);
    bed_core(bed, 0)->options.approval.report_labels = 1u << KR_TLP_GREEN | 1u << KR_TLP_AMBER;
    as(bed, SUZUKI);
    assert_int_equal(look(bed, 1, &shown), KR_OK);
    assert_int_equal(shown.audience_count, 1);
    assert_memory_equal(shown.audience.bytes, bed_node(bed, 1)->council, 32);
    assert_int_equal(approve(bed, 1), KR_OK);
    assert_false(answer(bed).waits);
    memcpy(record, answer(bed).id, 32);
    bed_run(bed, 3000);
    assert_true(bed_holds(bed, 1, record));
    assert_int_equal(state_of(bed, 1), KR_DRAFT_APPROVED);
    assert_int_equal(approve(bed, 1), KR_INVALID); /* once */
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_AMBER, "a.example", 1), KR_OK);
    assert_true(!answer(bed).waits && answer(bed).is_known && memcmp(answer(bed).id, record, 32) == 0);
    assert_int_equal(submit(bed, KR_TLP_CLEAR, "clear.example", 2), KR_OK); /* no approval for that label */
    assert_false(answer(bed).waits);
    as(bed, 0);
}

static void nobody_approves_his_own(void **state)
{
    struct bed *bed = *state;
    struct kr_person_act deputy = {.action = KR_PERSON_STAND_IN};
    as(bed, SUZUKI);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "own.example", 10), KR_OK);
    assert_int_equal(approve(bed, 10), KR_DENIED);
    assert_non_null(strstr(bed->text, "submitted it"));
    /* Nor does a deputy with his authority. */
    as(bed, 0);
    memcpy(deputy.id, ids[4], 32);
    memcpy(deputy.other, ids[2], 32);
    assert_int_equal(person_act(bed, &deputy), KR_OK);
    as(bed, YAMADA);
    assert_int_equal(approve(bed, 10), KR_DENIED);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "another.example", 11), KR_OK);
    as(bed, YAMADA);
    assert_int_equal(approve(bed, 11), KR_OK); /* of another's he may */
    as(bed, 0);
    deputy.action = KR_PERSON_STAND_DOWN;
    assert_int_equal(person_act(bed, &deputy), KR_OK);
    as(bed, SUZUKI);
    assert_int_equal(act(bed, KR_OP_DRAFT_WITHDRAW, 10, NULL, "", (struct kr_slice){0}), KR_OK);
    assert_int_equal(state_of(bed, 10), KR_DRAFT_WITHDRAWN);
    as(bed, 0);
}

static void what_is_approved_is_what_was_shown(void **state)
{
    struct bed *bed = *state;
    uint8_t binding[32] = {1};
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_AMBER, "bound.example", 20), KR_OK);
    as(bed, SUZUKI);
    assert_int_equal(act(bed, KR_OP_DRAFT_APPROVE, 20, NULL, "", (struct kr_slice){0}), KR_DENIED);
    assert_int_equal(act(bed, KR_OP_DRAFT_APPROVE, 20, binding, "", (struct kr_slice){0}), KR_DENIED);
    assert_int_equal(state_of(bed, 20), KR_DRAFT_WAITS);
    assert_int_equal(act(bed, KR_OP_DRAFT_REJECT, 20, NULL, "", (struct kr_slice){0}), KR_INVALID);
    assert_int_equal(act(bed, KR_OP_DRAFT_REJECT, 20, NULL, "names the victim", (struct kr_slice){0}), KR_OK);
    assert_int_equal(state_of(bed, 20), KR_DRAFT_REJECTED);
    assert_int_equal(approve(bed, 20), KR_INVALID);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_AMBER, "bound.example", 20), KR_OK); /* a rejected one does not come back by itself */
    assert_true(answer(bed).waits && answer(bed).is_known);
    assert_int_equal(state_of(bed, 20), KR_DRAFT_REJECTED);
    as(bed, 0);
}

/* Whoever the community gained since then would get it, too: so it goes back. */
static void another_audience_goes_back(void **state)
{
    struct bed *bed = *state;
    static struct kr_draft_shown shown;
    uint8_t id[KR_DRAFT_ID_BYTES], binding[32];
    static struct kr_draft_row row;
    struct kr_txn *txn = NULL;
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "reach.example", 30), KR_OK);
    /* As if there had been fewer members then. */
    memset(id, 30, sizeof id);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_draft_get(txn, id, &row), KR_OK);
    row.reach[0] ^= 1;
    assert_int_equal(kr_draft_row_put(txn, &row), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    as(bed, SUZUKI);
    assert_int_equal(approve(bed, 30), KR_DENIED);
    assert_non_null(strstr(bed->text, "gone back"));
    assert_int_equal(state_of(bed, 30), KR_DRAFT_RETURNED);
    assert_int_equal(approve(bed, 30), KR_INVALID);
    as(bed, TANAKA);
    assert_int_equal(act(bed, KR_OP_DRAFT_CONSENT, 30, NULL, "", (struct kr_slice){0}), KR_DENIED); /* another's */
    as(bed, SATO);
    assert_int_equal(act(bed, KR_OP_DRAFT_CONSENT, 30, NULL, "", (struct kr_slice){0}), KR_DENIED); /* unseen */
    assert_int_equal(look(bed, 30, &shown), KR_OK);
    memcpy(binding, shown.binding, 32);
    assert_int_equal(act(bed, KR_OP_DRAFT_CONSENT, 30, binding, "", (struct kr_slice){0}), KR_OK);
    assert_int_equal(act(bed, KR_OP_DRAFT_CONSENT, 30, binding, "", (struct kr_slice){0}), KR_INVALID);
    as(bed, SUZUKI);
    assert_int_equal(approve(bed, 30), KR_OK);
    as(bed, 0);
}

static void an_edited_draft_needs_its_submitters_consent(void **state)
{
    struct bed *bed = *state;
    static struct kr_draft_shown shown;
    struct kr_submit *edited = bed_submission(bed, KR_TLP_AMBER, "edited.example", 40);
    struct kr_writer args;
    uint8_t binding[32];
    bed_address(bed, edited, 1);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "original.example", 40), KR_OK);
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(edited, &args);
    const struct kr_slice bytes = {args.bytes, args.len};
    assert_int_equal(act(bed, KR_OP_DRAFT_EDIT, 40, NULL, "", bytes), KR_DENIED); /* only an approver */
    as(bed, SUZUKI);
    assert_int_equal(act(bed, KR_OP_DRAFT_EDIT, 41, NULL, "", bytes), KR_NOT_FOUND);
    assert_int_equal(act(bed, KR_OP_DRAFT_EDIT, 40, NULL, "", bytes), KR_OK);
    assert_int_equal(state_of(bed, 40), KR_DRAFT_RETURNED);
    assert_int_equal(approve(bed, 40), KR_INVALID);
    as(bed, SATO);
    assert_int_equal(look(bed, 40, &shown), KR_OK);
    assert_int_equal(shown.item.label, KR_TLP_AMBER);
    assert_int_equal(shown.audience_count, 1);
    memcpy(binding, shown.binding, 32);
    assert_int_equal(act(bed, KR_OP_DRAFT_CONSENT, 40, binding, "", (struct kr_slice){0}), KR_OK);
    as(bed, SUZUKI);
    assert_int_equal(approve(bed, 40), KR_OK);
    struct kr_head head;
    assert_int_equal(bed_head(bed, 0, answer(bed).id, &head), KR_OK);
    assert_int_equal(head.label, KR_TLP_AMBER);
    edited->token[0] ^= 1; /* what is another request is no edit */
    struct kr_writer other;
    kr_writer_init(&other, KR_MIB);
    kr_submit_write(edited, &other);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "original.example", 42), KR_OK);
    as(bed, SUZUKI);
    assert_int_equal(act(bed, KR_OP_DRAFT_EDIT, 42, NULL, "", (struct kr_slice){other.bytes, other.len}), KR_INVALID);
    kr_writer_deinit(&other);
    kr_writer_deinit(&args);
    bed_submission_free(edited);
    as(bed, 0);
}

/* Guards look when it is submitted, and when it is approved. */
/* What is for persons waits like any other; nobody reads it on the way, and nobody puts something else in its place. */
static void what_is_sealed_waits_and_goes_as_it_came(void **state)
{
    struct bed *bed = *state;
    static struct kr_draft_shown shown;
    static const uint8_t seed[32] = {3};
    struct kr_submit *sealed = bed_submission(bed, KR_TLP_RED, "plain.example", 45);
    const struct kr_slice plain = sealed->body;
    const struct kr_section_of of = {.author = bed_node(bed, 0)->council, .kind = KR_KIND_REPORT, .label = KR_TLP_RED};
    struct kr_addressed addressed = {.sort = KR_ADDRESSED_PERSON};
    struct kr_writer section, args;
    struct kr_head head;
    uint8_t secret[32];
    kr_box_keypair(addressed.key, secret, seed);
    kr_writer_init(&section, KR_BODY_BYTES_MAX);
    assert_int_equal(kr_section_make(&of, &addressed, 1, NULL, plain, seed, &section), KR_OK);
    sealed->body = (struct kr_slice){section.bytes, section.len};
    bed_address(bed, sealed, 1);
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(sealed, &args);
    bed_core(bed, 0)->options.approval.report_labels |= 1u << KR_TLP_RED;
    as(bed, SATO);
    assert_int_equal(bed_request(bed, 0, KR_OP_SUBMIT, args.bytes, args.len, 100), KR_OK);
    assert_true(answer(bed).waits);
    as(bed, SUZUKI);
    assert_int_equal(look(bed, 45, &shown), KR_OK);
    assert_true(shown.item.label == KR_TLP_RED && shown.item.title.len == 0 && shown.audience_count == 1);
    assert_null(memmem(shown.args.bytes, shown.args.len, "plain.example", 13));
    assert_int_equal(act(bed, KR_OP_DRAFT_EDIT, 45, NULL, "", (struct kr_slice){args.bytes, args.len}), KR_DENIED);
    struct kr_writer other; /* nor of what is not sealed something that its submitter cannot read */
    memset(sealed->token, 46, sizeof sealed->token);
    kr_writer_init(&other, KR_MIB);
    kr_submit_write(sealed, &other);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_AMBER, "open.example", 46), KR_OK);
    as(bed, SUZUKI);
    assert_int_equal(act(bed, KR_OP_DRAFT_EDIT, 46, NULL, "", (struct kr_slice){other.bytes, other.len}), KR_DENIED);
    assert_non_null(strstr(bed->text, "sealed to bodies or persons"));
    assert_int_equal(state_of(bed, 46), KR_DRAFT_WAITS);
    assert_int_equal(approve(bed, 46), KR_OK);
    kr_writer_deinit(&other);
    assert_int_equal(approve(bed, 45), KR_OK);
    assert_int_equal(bed_head(bed, 0, answer(bed).id, &head), KR_OK);
    assert_true(head.label == KR_TLP_RED && head.title.len == 0);
    bed_core(bed, 0)->options.approval.report_labels &= ~(1u << KR_TLP_RED);
    kr_writer_deinit(&args);
    kr_writer_deinit(&section);
    sealed->body = plain;
    bed_submission_free(sealed);
    as(bed, 0);
}

static void guards_look_twice(void **state)
{
    struct bed *bed = *state;
    struct kr_error error = {0};
    struct kr_guards *guards = NULL;
    struct kr_core *core = bed_core(bed, 0);
    assert_int_equal(kr_guards_new(&guards), KR_OK);
    assert_int_equal(kr_guards_add_own(guards, "ours.example", &error), KR_OK);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "www.ours.example", 50), KR_OK); /* not guarded yet */
    struct kr_guards *before = core->options.guards;
    core->options.guards = guards;
    assert_int_equal(submit(bed, KR_TLP_GREEN, "mail.ours.example", 51), KR_GUARDED);
    assert_int_equal(state_of(bed, 51), 0);
    as(bed, SUZUKI);
    assert_int_equal(approve(bed, 50), KR_GUARDED);
    assert_int_equal(state_of(bed, 50), KR_DRAFT_WAITS);
    core->options.guards = before;
    assert_int_equal(approve(bed, 50), KR_OK);
    kr_guards_free(guards);
    as(bed, 0);
}

/* What is asked for in the same batch as the next request: its job ends after that one. */
static void ask_beside(struct bed *bed, uint32_t uid, uint32_t op, uint8_t token, const uint8_t *binding, struct kr_slice edited)
{
    struct kr_draft_act what = {.has_binding = binding != NULL, .args = edited};
    struct kr_writer args;
    const struct kr_event event = {
        .type = KR_EVENT_REQUEST, .client = BED_CLIENT + 1, .request = 7000u + token, .op = op, .caller = {true, uid}};
    memset(what.id, token, sizeof what.id);
    if (binding != NULL) {
        memcpy(what.binding, binding, 32);
    }
    kr_writer_init(&args, KR_MIB);
    kr_draft_act_write(&what, &args);
    sim_world_push(bed->world, bed_node(bed, 0), event, args.bytes, args.len, bed->world->now_ms);
    kr_writer_deinit(&args);
}

/* An approval, or an edit, is under way while its submitter takes the draft back. */
static void what_is_withdrawn_meanwhile_is_not_sent(void **state)
{
    struct bed *bed = *state;
    static struct kr_draft_shown shown;
    const uint64_t records = bed_records(bed, 1);
    struct kr_submit *edited = bed_submission(bed, KR_TLP_GREEN, "other.example", 71);
    struct kr_writer args;
    uint8_t binding[32];
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "late.example", 70), KR_OK);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "later.example", 71), KR_OK);
    assert_int_equal(look(bed, 70, &shown), KR_OK);
    memcpy(binding, shown.binding, 32);
    ask_beside(bed, SUZUKI, KR_OP_DRAFT_APPROVE, 70, binding, (struct kr_slice){0});
    assert_int_equal(act(bed, KR_OP_DRAFT_WITHDRAW, 70, NULL, "", (struct kr_slice){0}), KR_OK);
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(edited, &args);
    ask_beside(bed, SUZUKI, KR_OP_DRAFT_EDIT, 71, NULL, (struct kr_slice){args.bytes, args.len});
    assert_int_equal(act(bed, KR_OP_DRAFT_WITHDRAW, 71, NULL, "", (struct kr_slice){0}), KR_OK);
    bed_run(bed, 2000);
    assert_int_equal(state_of(bed, 70), KR_DRAFT_WITHDRAWN);
    assert_int_equal(state_of(bed, 71), KR_DRAFT_WITHDRAWN);
    assert_int_equal(bed_records(bed, 1), records);
    kr_writer_deinit(&args);
    bed_submission_free(edited);
    as(bed, 0);
}

/* It names no community, so the only one is meant; that was another one then. */
static void what_would_go_to_another_community_goes_back(void **state)
{
    struct bed *bed = *state;
    static struct kr_draft_shown shown;
    static struct kr_draft_row row;
    struct kr_txn *txn = NULL;
    const uint64_t records = bed_records(bed, 1);
    uint8_t id[KR_DRAFT_ID_BYTES], community[32], binding[32];
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "moved.example", 72), KR_OK);
    memset(id, 72, sizeof id);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_draft_get(txn, id, &row), KR_OK);
    memcpy(community, row.community, sizeof community);
    row.community[0] ^= 1;
    assert_int_equal(kr_draft_reach(bed_core(bed, 0), &row, row.reach), KR_OK);
    assert_int_equal(kr_draft_row_put(txn, &row), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    as(bed, SUZUKI);
    assert_int_equal(approve(bed, 72), KR_DENIED);
    assert_non_null(strstr(bed->text, "gone back"));
    assert_int_equal(state_of(bed, 72), KR_DRAFT_RETURNED);
    assert_int_equal(bed_records(bed, 1), records);
    as(bed, SATO); /* sees where it would go now, and consents */
    assert_int_equal(look(bed, 72, &shown), KR_OK);
    assert_memory_equal(shown.community.bytes, community, sizeof community);
    memcpy(binding, shown.binding, 32);
    assert_int_equal(act(bed, KR_OP_DRAFT_CONSENT, 72, binding, "", (struct kr_slice){0}), KR_OK);
    as(bed, SUZUKI);
    assert_int_equal(approve(bed, 72), KR_OK);
    bed_run(bed, 3000);
    assert_int_equal(bed_records(bed, 1), records + 1);
    as(bed, 0);
}

static void lists_tell_whom_they_may(void **state)
{
    struct bed *bed = *state;
    static struct listed listed;
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "listed.example", 60), KR_OK);
    as(bed, 0);
    assert_int_equal(list(bed, KR_OP_DRAFTS, SATO, &listed), KR_DENIED);
    assert_int_equal(list(bed, KR_OP_DRAFTS, SUZUKI, &listed), KR_OK);
    assert_int_equal(listed.count, 2); /* this one, and what was left of another test */
    for (uint32_t i = 0; i < listed.count; i++) {
        assert_int_equal(listed.items[i].submitter.len, 8); /* a name that stands for Sato */
        assert_int_equal(listed.items[i].submitter_name.len, 0);
    }
    assert_int_equal(list(bed, KR_OP_DRAFTS, TANAKA, &listed), KR_OK);
    assert_int_equal(listed.items[0].submitter.len, 32); /* intake knows */
    assert_true(listed.items[0].submitter_name.len > 0);
    assert_int_equal(list(bed, KR_OP_MINE, SATO, &listed), KR_OK);
    uint32_t sent = 0, approved = 0, rejected = 0, waits = 0;
    for (uint32_t i = 0; i < listed.count; i++) {
        sent += listed.items[i].state == KR_DRAFT_SENT;
        approved += listed.items[i].state == KR_DRAFT_APPROVED;
        rejected += listed.items[i].state == KR_DRAFT_REJECTED;
        waits += listed.items[i].state == KR_DRAFT_WAITS;
        assert_true(listed.items[i].state != KR_DRAFT_APPROVED || listed.items[i].record_id.len == 32);
    }
    assert_true(approved >= 5 && rejected == 1 && waits == 2);
    assert_int_equal(sent, 2); /* CLEAR at once, and the repeated one whose record was there */
    assert_int_equal(list(bed, KR_OP_MINE, TANAKA, &listed), KR_OK);
    assert_int_equal(listed.count, 0);
    as(bed, YAMADA);
    static struct kr_draft_shown shown;
    assert_int_equal(look(bed, 60, &shown), KR_DENIED); /* a reader looks at no other's draft */
    as(bed, 0);
}

/* As many as one person may have: it is told so, and others submit. */
static void one_person_does_not_take_all_the_room(void **state)
{
    struct bed *bed = *state;
    static struct kr_draft_row row;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    for (uint32_t i = 0; i < KR_DRAFTS_MAX / 4; i++) {
        row = (struct kr_draft_row){.token = {0xee, (uint8_t)(i >> 8), (uint8_t)i},
                                    .state = i % 2 == 0 ? KR_DRAFT_RETURNED : KR_DRAFT_WITHDRAWN,
                                    .op = KR_OP_SUBMIT};
        memcpy(row.submitter, ids[1], 32);
        assert_int_equal(kr_draft_row_put(txn, &row), KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "more.example", 90), KR_QUOTA);
    assert_non_null(strstr(bed->text, "yours"));
    assert_int_equal(state_of(bed, 90), 0);
    as(bed, SUZUKI);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "more.example", 91), KR_OK);
    as(bed, SATO);
    row.state = KR_DRAFT_REJECTED; /* one of them was decided by another */
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_draft_row_put(txn, &row), KR_OK);
    for (uint8_t token = 0; token < 90; token++) { /* and those that other tests have left */
        uint8_t key[17] = {'D'};
        memset(key + 1, token, 16);
        enum kr_err err = kr_store_delete(txn, KR_TABLE_DRAFTS, key, sizeof key);
        assert_true(err == KR_OK || err == KR_NOT_FOUND);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "more.example", 92), KR_OK);
    as(bed, 0);
}

static void what_was_decided_long_ago_goes(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(state_of(bed, 20), KR_DRAFT_REJECTED);
    const struct kr_approval approval = bed_core(bed, 0)->options.approval;
    bed_pass(bed, 91 * (uint64_t)BED_DAY_MS);
    struct kr_core *core = bed_core(bed, 0);
    core->options.approval = approval;
    core->options.audit_keep_s = 400 * (uint64_t)BED_DAY_MS / 1000;
    core->audit_at_ms = core->expiry_at_ms = 0;
    bed_run(bed, 7200000);
    assert_int_equal(state_of(bed, 20), 0);
    assert_int_equal(state_of(bed, 60), KR_DRAFT_WAITS); /* what waits stays */
    const struct kr_core *before = bed_core(bed, 0);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "again.example", 20), KR_OK); /* as a feed does, whose tokens are of what it says */
    as(bed, 0);
    assert_true(answer(bed).is_known && answer(bed).waits);
    assert_int_equal(state_of(bed, 20), 0);
    assert_ptr_equal(bed_core(bed, 0), before); /* nothing failed */
}

/* What cannot be put, or read, is told to who asked, and is no failure of the step. */
static void what_cannot_be_kept_is_answered(void **state)
{
    struct bed *bed = *state;
    const struct kr_core *before = bed_core(bed, 0);
    struct kr_txn *txn = NULL;
    uint8_t key[1 + KR_DRAFT_ID_BYTES] = {'D'};
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "kept.example", 21), KR_OK);
    bed_turn_key(bed, 0, 0);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "keyless.example", 22), KR_KEY);
    assert_non_null(strstr(bed->text, "keyring"));
    as(bed, SUZUKI);
    assert_int_equal(act(bed, KR_OP_DRAFT_REJECT, 21, NULL, "no", (struct kr_slice){0}), KR_KEY);
    bed_turn_key(bed, 0, 0);
    assert_int_equal(state_of(bed, 21), KR_DRAFT_WAITS);
    assert_int_equal(state_of(bed, 22), 0);
    memset(key + 1, 23, KR_DRAFT_ID_BYTES);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, key, sizeof key, key, sizeof key), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "damaged.example", 23), KR_CORRUPT);
    assert_non_null(strstr(bed->text, "the draft that came of it"));
    as(bed, 0);
    assert_ptr_equal(bed_core(bed, 0), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_leaves_before_another_one_says_so),
        cmocka_unit_test(nobody_approves_his_own),
        cmocka_unit_test(what_is_approved_is_what_was_shown),
        cmocka_unit_test(another_audience_goes_back),
        cmocka_unit_test(an_edited_draft_needs_its_submitters_consent),
        cmocka_unit_test(what_is_sealed_waits_and_goes_as_it_came),
        cmocka_unit_test(guards_look_twice),
        cmocka_unit_test(what_is_withdrawn_meanwhile_is_not_sent),
        cmocka_unit_test(what_would_go_to_another_community_goes_back),
        cmocka_unit_test(lists_tell_whom_they_may),
        cmocka_unit_test(what_was_decided_long_ago_goes),
        cmocka_unit_test(what_cannot_be_kept_is_answered),
        cmocka_unit_test(one_person_does_not_take_all_the_room),
    };
    return cmocka_run_group_tests_name("core/draft", tests, setup, teardown);
}
