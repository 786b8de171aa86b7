/* Taking back, as nodes see it: whatever comes first, what was taken back is gone and stays gone, and nobody takes back what is not
 * theirs. */
#include <stdio.h>

#include "node/core/query.h"
#include "proto/record/section.h"
#include "tests/unit/core/takeback_test.h"

/* A chain: node 1 has a peer on either side. */
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

static void submit_green(struct bed *bed, uint32_t node, const char *domain, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, domain, token);
    assert_int_equal(bed_submit(bed, node, submit, ret_id), KR_OK);
    bed_submission_free(submit);
    bed_run(bed, 2000);
}

/* ---- a client's wish ---- */

static void what_is_retracted_is_gone_everywhere(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32], by[32];
    bool is_known;
    submit_green(bed, 0, "wrong.example", 1, id);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(look_up(bed, i, "wrong.example").count, 1);
    }
    assert_int_equal(ask_to_retract(bed, 0, id, 8, "wrong host", 9), KR_OK);
    bed_result_id(bed, by, &is_known);
    assert_false(is_known);
    bed_run(bed, 2000);
    for (uint32_t i = 0; i < 3; i++) {
        struct kr_head head;
        assert_true(is_header_only(bed, i, id));
        assert_int_equal(look_up(bed, i, "wrong.example").count, 0);
        assert_int_equal(bed_stat(bed, i).indicators, 0);
        assert_int_equal(bed_head(bed, i, by, &head), KR_OK);
        assert_int_equal(head.state, KR_HEAD_SHOWN);
        assert_true(head.title.len == 10 && memcmp(head.title.bytes, "wrong host", 10) == 0);
        assert_int_equal(bed_core(bed, i)->takebacks_waiting, 0);
    }
    /* A lost answer is no second retraction. */
    assert_int_equal(ask_to_retract(bed, 0, id, 32, "wrong host", 9), KR_OK);
    uint8_t again[32];
    bed_result_id(bed, again, &is_known);
    assert_true(is_known);
    assert_memory_equal(again, by, 32);
    /* Nor does a submission whose answer was lost bring back what was taken back meanwhile. */
    const uint64_t records = bed_records(bed, 0);
    submit_green(bed, 0, "wrong.example", 1, again);
    assert_memory_equal(again, id, 32);
    assert_int_equal(bed_records(bed, 0), records);
    assert_int_equal(look_up(bed, 0, "wrong.example").count, 0);
}

static void sealed_ones_too(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_AMBER, "sealed.example", 1);
    bed_address(bed, submit, 0);
    assert_int_equal(bed_submit(bed, 1, submit, id), KR_OK);
    bed_submission_free(submit);
    bed_run(bed, 2000);
    assert_int_equal(look_up(bed, 0, "sealed.example").count, 1);
    assert_int_equal(ask_to_retract(bed, 1, id, 32, "withdrawn", 9), KR_OK);
    bed_run(bed, 2000);
    assert_true(is_header_only(bed, 0, id));
    assert_true(is_header_only(bed, 1, id));
    assert_false(bed_holds(bed, 2, id)); /* nor did its header get further than it did */
}

/* What is for bodies or persons of our own council is addressed to that one alone; corrected it is a section again. */
static void what_is_for_our_own_persons_too(void **state)
{
    struct bed *bed = *state;
    static const uint8_t seed[32] = {3};
    struct kr_submit *submit = bed_submission(bed, KR_TLP_RED, "plain.example", 1);
    const struct kr_slice plain = submit->body;
    const struct kr_section_of of = {.author = bed_node(bed, 0)->council, .kind = KR_KIND_REPORT, .label = KR_TLP_RED};
    struct kr_addressed addressed = {.sort = KR_ADDRESSED_PERSON};
    struct kr_writer section;
    struct kr_head head;
    uint8_t secret[32], id[32], by[32], last[32];
    bool is_known;
    memcpy(addressed.council, of.author, 32);
    kr_box_keypair(addressed.key, secret, seed);
    kr_writer_init(&section, KR_BODY_BYTES_MAX);
    assert_int_equal(kr_section_make(&of, &addressed, 1, NULL, plain, seed, &section), KR_OK);
    submit->body = (struct kr_slice){section.bytes, section.len};
    bed_address(bed, submit, 0);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    memset(submit->token, 2, sizeof submit->token);
    submit->body = plain; /* what is not sealed does not take its place */
    assert_int_equal(ask_to_revise(bed, 0, id, 32, submit), KR_INVALID);
    assert_true(is_shown(bed, 0, id));
    submit->body = (struct kr_slice){section.bytes, section.len};
    assert_int_equal(ask_to_revise(bed, 0, id, 32, submit), KR_OK);
    bed_result_id(bed, by, &is_known);
    assert_true(is_header_only(bed, 0, id));
    assert_int_equal(bed_head(bed, 0, by, &head), KR_OK);
    assert_true(head.label == KR_TLP_RED && head.title.len == 0 && head.indicator_count == 0);
    assert_int_equal(ask_to_retract(bed, 0, by, 32, "all of it", 9), KR_OK);
    bed_result_id(bed, last, &is_known);
    assert_true(is_header_only(bed, 0, by) && is_shown(bed, 0, last));
    bed_run(bed, 2000);
    for (uint32_t i = 1; i < 3; i++) {
        assert_false(bed_holds(bed, i, id) || bed_holds(bed, i, by) || bed_holds(bed, i, last));
    }
    kr_writer_deinit(&section);
    submit->body = plain;
    bed_submission_free(submit);
}

static void errors_say_what_to_do(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32], theirs[32], by[32], unknown[32] = {1};
    bool is_known;
    submit_green(bed, 0, "ours.example", 1, id);
    submit_green(bed, 1, "theirs.example", 2, theirs);
    assert_int_equal(ask_to_retract(bed, 0, unknown, 32, "x", 3), KR_NOT_FOUND);
    assert_non_null(strstr(bed->text, "kairan ls"));
    assert_int_equal(ask_to_retract(bed, 0, theirs, 32, "x", 4), KR_DENIED);
    assert_non_null(strstr(bed->text, "only its author"));
    assert_int_equal(ask_to_retract(bed, 0, id, 32, "", 5), KR_INVALID);
    assert_non_null(strstr(bed->text, "--reason"));
    assert_int_equal(ask_to_retract(bed, 0, id, 32, "x", 6), KR_OK);
    bed_result_id(bed, by, &is_known);
    assert_int_equal(ask_to_retract(bed, 0, id, 32, "x", 7), KR_EXISTS);
    assert_non_null(strstr(bed->text, "already"));
    assert_int_equal(ask_to_retract(bed, 0, by, 32, "x", 8), KR_DENIED);
    assert_non_null(strstr(bed->text, "final"));
    assert_true(is_shown(bed, 0, theirs));
    assert_true(is_shown(bed, 1, theirs));
    assert_int_equal(bed_request(bed, 0, KR_OP_RETRACT, "\xc1", 1, 100), KR_MALFORMED);
}

static void our_card_is_not_taken_back_like_this(void **state)
{
    struct bed *bed = *state;
    const struct kr_council *self = kr_directory_council(&bed_core(bed, 0)->directory, bed_node(bed, 0)->council);
    assert_int_equal(ask_to_retract(bed, 0, self->record_id, 32, "x", 3), KR_DENIED);
    assert_non_null(strstr(bed->text, "newer version"));
}

static void what_has_expired_cannot_be_taken_back(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "short.example", 1);
    submit->expires_s = bed->world->now_ms / 1000 + 3;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    bed_submission_free(submit);
    bed_run(bed, 4000);
    assert_int_equal(ask_to_retract(bed, 0, id, 32, "x", 3), KR_EXPIRED);
}

#define PAIRS 6u

/* ---- whatever comes first ---- */

/* Hands node 1 what node 0 says; `order` as in "tr": target, retraction; capitals: both in one frame. */
static void hand_over(struct bed *bed, const struct forged *target, const struct forged *retraction, const char *order)
{
    if (order[0] == 'T' || order[0] == 'R') {
        struct kr_writer list;
        struct kr_message message = {.type = KR_MESSAGE_RECORDS};
        kr_writer_init(&list, KR_FRAME_BYTES_MAX);
        for (const char *at = order; *at != 0; at++) {
            const struct forged *forged = *at == 'T' ? target : retraction;
            kr_writer_bin(&list, forged->bytes, forged->len);
            message.item_count++;
        }
        message.items = (struct kr_slice){list.bytes, list.len};
        bed_say(bed, 0, 1, &message);
        kr_writer_deinit(&list);
        return;
    }
    for (const char *at = order; *at != 0; at++) {
        bed_hand_over(bed, 0, 1, *at == 't' ? target : retraction);
    }
}

static void any_order_ends_alike(void **state)
{
    static const char *const orders[] = {"tr", "rt", "r", "TR", "RT", "trt", "rtr"};
    struct bed *bed = *state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        char domain[32];
        (void)snprintf(domain, sizeof domain, "o%zu.example", i);
        struct forged target = clear_report(bed, 0, domain), retraction = take_back(bed, 0, &target, (struct lie){0});
        hand_over(bed, &target, &retraction, orders[i]);
        bed_run(bed, 1000);
        assert_true(is_header_only(bed, 1, target.id));
        assert_true(is_shown(bed, 1, retraction.id));
        assert_int_equal(look_up(bed, 1, domain).count, 0);
        /* And at the next one, who got it from there. */
        assert_true(is_header_only(bed, 2, target.id));
        forged_free(&target);
        forged_free(&retraction);
    }
    assert_int_equal(bed_link(bed, 1, 0)->refused_records, 0);
}

/* Not only because its header is in its place: that it was taken back is on the disk. */
static void it_stays_so_after_a_restart(void **state)
{
    struct bed *bed = *state;
    struct forged target = clear_report(bed, 0, "gone.example"), retraction = take_back(bed, 0, &target, (struct lie){0});
    bed_hand_over(bed, 0, 1, &target);
    bed_hand_over(bed, 0, 1, &retraction);
    for (uint32_t round = 0; round < 2; round++) {
        bed_restart(bed, 1);
        assert_true(is_header_only(bed, 1, target.id));
        if (round == 1) {
            lose(bed, 1, target.id);
            assert_false(bed_head(bed, 1, target.id, &(struct kr_head){0}) == KR_OK);
        }
        bed_hand_over(bed, 0, 1, &target);
        bed_run(bed, 1000);
        assert_true(is_header_only(bed, 1, target.id));
        assert_int_equal(look_up(bed, 1, "gone.example").count, 0);
    }
    forged_free(&target);
    forged_free(&retraction);
}

/* A node that was away while its peers took something back: it goes there too, and comes back from nowhere. */
static void who_was_away_hears_of_it(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    submit_green(bed, 0, "away.example", 1, id);
    assert_true(is_shown(bed, 2, id));
    sim_world_crash(bed->world, 2, BED_DAY_MS * 300u);
    assert_int_equal(ask_to_retract(bed, 0, id, 32, "x", 3), KR_OK);
    bed_run(bed, 5000);
    assert_int_equal(sim_world_start(bed->world, 2), SIM_HOLDS);
    bed_run(bed, 60000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(is_header_only(bed, i, id));
        assert_int_equal(look_up(bed, i, "away.example").count, 0);
    }
}

/* Its disk is put back to what it was before. */
static void an_old_backup_brings_nothing_back(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    submit_green(bed, 0, "backup.example", 1, id);
    assert_int_equal(sim_world_backup(bed->world, 1), SIM_HOLDS);
    assert_int_equal(ask_to_retract(bed, 0, id, 32, "x", 3), KR_OK);
    bed_run(bed, 5000);
    assert_true(is_header_only(bed, 1, id));
    assert_int_equal(sim_world_restore(bed->world, 1, true), SIM_HOLDS);
    assert_true(is_shown(bed, 1, id));
    bed_run(bed, 120000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(is_header_only(bed, i, id));
        assert_int_equal(look_up(bed, i, "backup.example").count, 0);
    }
}

/* ---- nobody takes back what is not theirs ---- */

static void forged_ones_have_no_effect(void **state)
{
    struct bed *bed = *state;
    const uint8_t *community = bed_core(bed, 0)->directory.communities[0]->id;
    struct forged target = clear_report(bed, 0, "stays.example"), other = clear_report(bed, 0, "other.example");
    struct kr_writer content;
    struct forged within = bed_forge(bed, 0,
                                     (struct kr_draft){.kind = KR_KIND_REPORT,
                                                       .label = KR_TLP_CLEAR,
                                                       .community = community,
                                                       .content = bed_report(&content, "within.example")});
    kr_writer_deinit(&content);
    bed_hand_over(bed, 0, 1, &target);
    bed_hand_over(bed, 0, 1, &within);
    const uint64_t expires_s = bed->world->now_ms / 1000 + BED_DAY_MS / 1000;
    const struct {
        uint32_t author;
        struct lie lie;
    } lies[] = {
        {2, {0}},                                             /* another council's */
        {0, {.breaks_signature = true}},                      /* the carried signature does not hold */
        {0, {.breaks_header = true}},                         /* the carried header is another one */
        {0, {.names = &other}},                               /* and what it carries is not what it names */
        {0, {.label = KR_TLP_GREEN, .community = community}}, /* goes to others than the record did */
        {0, {.community = community}},
        {0, {.community = community, .label = KR_TLP_GREEN, .instead = &within}},
        {0, {.expires_s = expires_s - 3600}}, /* the record would outlive it */
        {2, {.kind = KR_KIND_REVISION}},
        {0, {.kind = KR_KIND_REVISION, .breaks_signature = true}},
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct forged forged = take_back(bed, lies[i].author, &target, lies[i].lie);
        bed_forget_log(bed);
        bed_hand_over(bed, lies[i].author, 1, &forged);
        assert_false(bed_holds(bed, 1, forged.id));
        assert_true(bed_said(bed, 1, "refused a record"));
        assert_true(is_shown(bed, 1, target.id));
        assert_true(is_shown(bed, 1, within.id));
        assert_int_equal(look_up(bed, 1, "stays.example").count, 1);
        forged_free(&forged);
    }
    forged_free(&target);
    forged_free(&other);
    forged_free(&within);
}

static void a_retraction_is_no_target(void **state)
{
    struct bed *bed = *state;
    struct forged target = clear_report(bed, 0, "final.example"), retraction = take_back(bed, 0, &target, (struct lie){0}),
                  second = take_back(bed, 0, &retraction, (struct lie){0});
    bed_hand_over(bed, 0, 1, &target);
    bed_hand_over(bed, 0, 1, &retraction);
    bed_hand_over(bed, 0, 1, &second);
    assert_false(bed_holds(bed, 1, second.id));
    assert_true(is_shown(bed, 1, retraction.id));
    forged_free(&target);
    forged_free(&retraction);
    forged_free(&second);
}

/* What a record of node 0 that is sealed to node 1 is made of; without its last recipient, node 1 cannot read it. */
struct sealed {
    uint8_t audience[1][32], recipients[2][32];
    struct kr_draft draft;
};
static void sealed_init(struct bed *bed, struct sealed *sealed, struct kr_slice content)
{
    memcpy(sealed->audience[0], bed_node(bed, 1)->council, 32);
    memcpy(sealed->recipients[0], bed_node(bed, 0)->keyring->sealing[0].public_key, 32);
    memcpy(sealed->recipients[1], bed_node(bed, 1)->keyring->sealing[0].public_key, 32);
    sealed->draft = (struct kr_draft){.kind = KR_KIND_REPORT,
                                      .label = KR_TLP_AMBER,
                                      .audience = (const uint8_t(*)[32])sealed->audience,
                                      .audience_count = 1,
                                      .recipients = (const uint8_t(*)[32])sealed->recipients,
                                      .recipient_count = 2,
                                      .content = content};
}

/* Of a sealed one not everybody can see what it carries, and all must hold the same: it is held, and does nothing. */
static void a_sealed_one_that_does_not_hold_does_nothing(void **state)
{
    struct bed *bed = *state;
    struct sealed sealed;
    struct kr_writer content;
    sealed_init(bed, &sealed, bed_report(&content, "sealed.example"));
    struct kr_draft draft = sealed.draft;
    struct forged target = bed_forge(bed, 0, draft);
    kr_writer_deinit(&content);
    struct kr_record record;
    assert_int_equal(kr_record_split(target.bytes, target.len, &record), KR_OK);
    uint8_t signature[64];
    for (uint32_t round = 0; round < 2; round++) { /* a wrong signature, then the right one */
        memcpy(signature, record.signature.bytes, 64);
        signature[0] ^= round == 0;
        struct kr_takeback takeback = {
            .target_header = record.header, .target_signature = {signature, 64}, .reason = {(const uint8_t *)"x", 1}};
        kr_writer_init(&content, KR_BODY_BYTES_MAX);
        kr_takeback_write(KR_KIND_RETRACTION, &takeback, &content);
        draft.kind = KR_KIND_RETRACTION;
        draft.target = target.id;
        draft.content = (struct kr_slice){content.bytes, content.len};
        struct forged retraction = bed_forge(bed, 0, draft);
        bed_hand_over(bed, 0, 1, &target);
        bed_hand_over(bed, 0, 1, &retraction);
        assert_true(bed_holds(bed, 1, retraction.id));
        assert_true(round == 0 ? is_shown(bed, 1, target.id) : is_header_only(bed, 1, target.id));
        forged_free(&retraction);
        kr_writer_deinit(&content);
    }
    forged_free(&target);
}

/* One that does not open here, before its target: the headers decide. */
static void one_that_cannot_be_read_holds_too(void **state)
{
    struct bed *bed = *state;
    struct sealed sealed;
    struct kr_writer content;
    sealed_init(bed, &sealed, bed_report(&content, "unread.example"));
    struct kr_draft draft = sealed.draft;
    struct forged target = bed_forge(bed, 0, draft);
    draft.kind = KR_KIND_RETRACTION;
    draft.target = target.id;
    draft.recipient_count = 1; /* not for node 1 */
    struct forged retraction = bed_forge(bed, 0, draft);
    bed_hand_over(bed, 0, 1, &retraction);
    bed_restart(bed, 1); /* with nothing of the target on the disk but that it was taken back */
    bed_hand_over(bed, 0, 1, &target);
    assert_true(is_header_only(bed, 1, target.id));
    assert_int_equal(look_up(bed, 1, "unread.example").count, 0);
    kr_writer_deinit(&content);
    forged_free(&target);
    forged_free(&retraction);
}

static bool count_row(void *context, struct kr_slice key, struct kr_slice value)
{
    (void)key;
    (void)value;
    ++*(uint32_t *)context;
    return true;
}

static uint32_t rows(struct bed *bed, uint32_t node, enum kr_table table, const char *prefix)
{
    struct kr_txn *txn = NULL;
    uint32_t count = 0;
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_each(txn, table, prefix, strlen(prefix), count_row, &count), KR_OK);
    kr_txn_abort(txn);
    return count;
}

/* Records and what takes them back wait in quarantine together, and leave it in one round, in the order of their ids. */
static void what_waits_in_quarantine_goes_too(void **state)
{
    struct bed *bed = *state;
    struct forged targets[PAIRS], retractions[PAIRS];
    const struct kr_core *core = bed_core(bed, 1);
    bed_turn_key(bed, 1, 0);
    for (uint32_t i = 0; i < PAIRS; i++) {
        struct kr_head head;
        char domain[32];
        (void)snprintf(domain, sizeof domain, "q%u.example", i);
        targets[i] = clear_report(bed, 0, domain);
        retractions[i] = take_back(bed, 0, &targets[i], (struct lie){0});
        hand_over(bed, &targets[i], &retractions[i], i % 2 == 0 ? "tr" : "rt");
        assert_int_equal(bed_head(bed, 1, targets[i].id, &head), KR_OK);
        assert_int_equal(head.state, KR_HEAD_QUARANTINED); /* no effect while nobody knows whose it is */
    }
    assert_int_equal(core->quarantine_count, 2 * PAIRS);
    bed_turn_key(bed, 1, 0);
    kr_quarantine_is_due(bed_core(bed, 1));
    bed_run(bed, 60000);
    assert_ptr_equal(bed_core(bed, 1), core); /* no failure: the core is the same */
    assert_int_equal(core->quarantine_count, 0);
    assert_int_equal(core->quarantine_bytes, 0);
    assert_int_equal(rows(bed, 1, KR_TABLE_QUARANTINE, ""), 0);
    for (uint32_t i = 0; i < PAIRS; i++) {
        assert_true(is_header_only(bed, 1, targets[i].id));
        assert_true(is_shown(bed, 1, retractions[i].id));
        forged_free(&targets[i]);
        forged_free(&retractions[i]);
    }
    assert_int_equal(bed_stat(bed, 1).indicators, 0);
}

/* Who cannot read it takes a retraction by its header. One whose header does not fit its target must not keep the right one from
 * taking effect: b: it, which node 1 cannot read; g: the right one, which it can; t: the target. */
static void one_that_does_not_fit_keeps_no_other_off(void **state)
{
    static const char *const orders[] = {"tbg", "btg", "bgt", "bg"};
    struct bed *bed = *state;
    struct sealed sealed;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct kr_writer content;
        sealed_init(bed, &sealed, bed_report(&content, "sealed.example"));
        struct kr_draft draft = sealed.draft;
        struct forged target = bed_forge(bed, 0, draft);
        struct kr_record record;
        assert_int_equal(kr_record_split(target.bytes, target.len, &record), KR_OK);
        draft.kind = KR_KIND_RETRACTION;
        draft.target = target.id;
        draft.recipient_count = 1;
        draft.flags = KR_FLAG_EXERCISE;
        struct forged bad = bed_forge(bed, 0, draft);
        kr_writer_deinit(&content);
        const struct kr_takeback takeback = {.target_header = record.header,
                                             .target_signature = record.signature,
                                             .reason = {(const uint8_t *)"x", 1},
                                             .language = {(const uint8_t *)"en", 2}};
        kr_writer_init(&content, KR_BODY_BYTES_MAX);
        kr_takeback_write(KR_KIND_RETRACTION, &takeback, &content);
        draft.flags = 0;
        draft.recipient_count = 2;
        draft.content = (struct kr_slice){content.bytes, content.len};
        struct forged good = bed_forge(bed, 0, draft);
        for (const char *at = orders[i]; *at != 0; at++) {
            bed_hand_over(bed, 0, 1, *at == 't' ? &target : *at == 'b' ? &bad : &good);
            if (at[0] == 't' && i < 2) {
                assert_true(is_shown(bed, 1, target.id));
                assert_int_equal(look_up(bed, 1, "sealed.example").taken, KR_TAKEN_NOT);
            }
        }
        assert_true(bed_holds(bed, 1, bad.id));
        assert_true(is_header_only(bed, 1, target.id));
        assert_int_equal(look_up(bed, 1, "sealed.example").count, 0);
        kr_writer_deinit(&content);
        forged_free(&target);
        forged_free(&bad);
        forged_free(&good);
    }
}

/* A peer that hands on headers alone could make others forget; it is asked elsewhere. */
static void a_header_alone_is_not_taken(void **state)
{
    struct bed *bed = *state;
    struct forged target = clear_report(bed, 0, "censored.example"), header_only = stripped(&target);
    bed_hand_over(bed, 2, 1, &header_only);
    assert_false(bed_holds(bed, 1, target.id));
    assert_int_equal(bed_link(bed, 1, 2)->refused_records, 0); /* what takes it back may be on its way */
    bed_hand_over(bed, 0, 1, &target);
    assert_true(is_shown(bed, 1, target.id));
    bed_hand_over(bed, 2, 1, &header_only);
    assert_true(is_shown(bed, 1, target.id));
    forged_free(&target);
    forged_free(&header_only);
}

/* ---- revising ---- */

static void a_revision_stands_instead(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32], by[32];
    bool is_known;
    submit_green(bed, 0, "old.example", 1, id);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "new.example", 2); /* its label counts for nothing */
    assert_int_equal(ask_to_revise(bed, 0, id, 8, submit), KR_OK);
    bed_result_id(bed, by, &is_known);
    bed_run(bed, 2000);
    for (uint32_t i = 0; i < 3; i++) {
        struct kr_head head;
        assert_true(is_header_only(bed, i, id));
        assert_int_equal(look_up(bed, i, "old.example").count, 0);
        assert_int_equal(look_up(bed, i, "new.example").count, 1);
        assert_int_equal(look_up(bed, i, "new.example").kind, KR_KIND_REVISION);
        assert_int_equal(bed_head(bed, i, by, &head), KR_OK);
        assert_int_equal(head.label, KR_TLP_GREEN);
    }
    memset(submit->token, 3, 16);
    assert_int_equal(ask_to_revise(bed, 0, id, 8, submit), KR_EXISTS);
    assert_non_null(strstr(bed->text, "name the revision instead"));
    /* A revision is a record like others: it may be revised, and taken back. */
    bed_submission_body(submit, (const char *const[]){"newer.example"}, 1);
    assert_int_equal(ask_to_revise(bed, 0, by, 32, submit), KR_OK);
    bed_result_id(bed, id, &is_known);
    assert_int_equal(ask_to_retract(bed, 0, id, 32, "all of it", 4), KR_OK);
    bed_run(bed, 2000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(look_up(bed, i, "new.example").count, 0);
        assert_int_equal(look_up(bed, i, "newer.example").count, 0);
        assert_true(is_header_only(bed, i, by));
        assert_true(is_header_only(bed, i, id));
        assert_int_equal(bed_stat(bed, i).indicators, 0);
    }
    bed_submission_free(submit);
}

static void a_revision_lives_as_long_as_what_it_takes_back(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    submit_green(bed, 0, "old.example", 1, id);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "new.example", 2);
    submit->expires_s = bed->world->now_ms / 1000 + 3600;
    assert_int_equal(ask_to_revise(bed, 0, id, 32, submit), KR_INVALID);
    assert_non_null(strstr(bed->text, "no earlier"));
    submit->expires_s = bed->world->now_ms / 1000 + 400u * 86400u;
    assert_int_equal(ask_to_revise(bed, 0, id, 32, submit), KR_OK);
    bed_submission_free(submit);
}

/* ---- what was noted goes with it ---- */

static void nothing_of_it_stays_for_ever(void **state)
{
    struct bed *bed = *state;
    struct forged target = clear_report(bed, 0, "ends.example"), retraction = take_back(bed, 0, &target, (struct lie){0});
    bed_hand_over(bed, 0, 1, &target);
    bed_hand_over(bed, 0, 1, &retraction);
    assert_int_equal(rows(bed, 1, KR_TABLE_RECEIPTS, "back"), 1);
    bed_pass(bed, 40ull * BED_DAY_MS);
    assert_false(bed_holds(bed, 1, retraction.id));
    assert_false(bed_holds(bed, 1, target.id));
    assert_int_equal(rows(bed, 1, KR_TABLE_RECEIPTS, "back"), 0);
    forged_free(&target);
    forged_free(&retraction);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_retracted_is_gone_everywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(sealed_ones_too, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_for_our_own_persons_too, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_say_what_to_do, setup, teardown),
        cmocka_unit_test_setup_teardown(our_card_is_not_taken_back_like_this, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_expired_cannot_be_taken_back, setup, teardown),
        cmocka_unit_test_setup_teardown(any_order_ends_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(it_stays_so_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(who_was_away_hears_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(an_old_backup_brings_nothing_back, setup, teardown),
        cmocka_unit_test_setup_teardown(forged_ones_have_no_effect, setup, teardown),
        cmocka_unit_test_setup_teardown(a_retraction_is_no_target, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sealed_one_that_does_not_hold_does_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_cannot_be_read_holds_too, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_in_quarantine_goes_too, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_does_not_fit_keeps_no_other_off, setup, teardown),
        cmocka_unit_test_setup_teardown(a_header_alone_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revision_stands_instead, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revision_lives_as_long_as_what_it_takes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_of_it_stays_for_ever, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
