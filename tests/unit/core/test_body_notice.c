/* Names of bodies that agreed to it: told to the communities of their council and nowhere else, and gone when the agreement is. */
#include "node/core/people.h"
#include "node/core/query.h"
#include "proto/client/rekey.h"
#include "tests/unit/core/body_notice_test.h"

static const uint8_t otaru[32] = {0x5b};

enum consent { AS_IT_WAS, LISTED, UNLISTED };

static uint32_t act(struct bed *bed, uint32_t node, uint32_t action, const uint8_t id[static 32], const char *name,
                    enum consent consent)
{
    struct kr_body_act act = {.action = action, .changes_listed = consent != AS_IT_WAS, .is_listed = consent == LISTED};
    memcpy(act.id, id, 32);
    act.changes[KR_BODY_NAME_JA] = name != NULL;
    act.texts[KR_BODY_NAME_JA] = text(name != NULL ? name : "");
    act.changes[KR_BODY_CONTACT_NAME] = action == KR_BODY_ADD;
    act.texts[KR_BODY_CONTACT_NAME] = text(action == KR_BODY_ADD ? "contact of nobody else" : "");
    return put_body(bed, node, &act);
}

static void add(struct bed *bed, uint32_t node, const uint8_t id[static 32], const char *name, enum consent consent)
{
    assert_int_equal(act(bed, node, KR_BODY_ADD, id, name, consent), KR_OK);
    bed_run(bed, 5000);
}

static void change(struct bed *bed, uint32_t node, uint32_t action, const uint8_t id[static 32], const char *name,
                   enum consent consent)
{
    assert_int_equal(act(bed, node, action, id, name, consent), KR_OK);
    bed_run(bed, 5000);
}

/* ---- what a node shows ---- */

struct list {
    uint32_t count, communities;
    char names[8][64];
    uint8_t councils[8][32];
    uint64_t since_s;
    bool is_self;
};

static enum kr_err take_item(void *context, struct kr_slice item)
{
    struct list *list = context;
    struct kr_told_body body;
    assert_true(list->count < 8);
    assert_int_equal(kr_told_body_read(item, &body), KR_OK);
    assert_true(kr_slice_text(body.name_ja.len > 0 ? body.name_ja : body.name_en, list->names[list->count], 64));
    assert_true(body.council_name.len > 0 && body.community_count > 0);
    memcpy(list->councils[list->count++], body.council, 32);
    list->communities = body.community_count;
    list->since_s = body.since_s;
    list->is_self = body.is_self;
    return KR_OK;
}

/* `of`: UINT32_MAX: of all councils. */
static uint32_t told(struct bed *bed, uint32_t node, uint32_t of, const uint8_t *body, struct list *list)
{
    struct kr_told_ask ask = {.has_council = of != UINT32_MAX, .has_body = body != NULL};
    struct kr_query query;
    struct kr_writer args, result;
    struct kr_error error = {0};
    bool is_done = false;
    if (ask.has_council) {
        memcpy(ask.council, bed_node(bed, of)->council, 32);
    }
    if (body != NULL) {
        memcpy(ask.body, body, 32);
    }
    *list = (struct list){.count = 0};
    kr_writer_init(&args, KR_KIB);
    kr_writer_init(&result, KR_KIB);
    kr_told_ask_write(&ask, &args);
    assert_int_equal(kr_query_init(&query, KR_OP_TOLD_BODIES, (struct kr_slice){args.bytes, args.len}, false), KR_OK);
    while (!is_done) {
        struct kr_txn *txn = NULL;
        assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
        assert_int_equal(kr_query_page(&query, txn, bed_node(bed, node)->keyring, bed->world->now_ms, bed_at_once, take_item, list,
                                       &result, &is_done, &error),
                         KR_OK);
        kr_txn_abort(txn);
    }
    kr_query_deinit(&query);
    kr_writer_deinit(&args);
    kr_writer_deinit(&result);
    return list->count;
}

static bool names(struct bed *bed, uint32_t node, uint32_t of, const uint8_t body[static 32], const char *name)
{
    struct list list;
    return told(bed, node, of, body, &list) == 1 && strcmp(list.names[0], name) == 0;
}

static bool is_silent(struct bed *bed, uint32_t node)
{
    struct list list;
    return told(bed, node, UINT32_MAX, NULL, &list) == 0;
}

/* ---- telling ---- */

static void who_agreed_is_named_to_members(void **state)
{
    struct bed *bed = *state;
    struct list list;
    add(bed, 0, sapporo, "札幌市", LISTED);
    add(bed, 0, otaru, "小樽市", AS_IT_WAS);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(told(bed, node, UINT32_MAX, NULL, &list), 1);
        assert_string_equal(list.names[0], "札幌市");
        assert_memory_equal(list.councils[0], bed_node(bed, 0)->council, 32);
        assert_int_equal(list.is_self, node == 0);
        assert_true(names(bed, node, 0, sapporo, "札幌市"));
        assert_int_equal(told(bed, node, 0, otaru, &list), 0);
        assert_int_equal(told(bed, node, 1, NULL, &list), 0);
    }
    assert_int_equal(told(bed, 2, 0, NULL, &list), 1);
    const uint64_t since_s = list.since_s;
    const struct kr_directory_entry before = row(bed, 2, 0, community(bed), sapporo);
    struct kr_head head;
    assert_true(bed_holds(bed, 2, before.record_id));
    assert_int_equal(bed_head(bed, 2, before.record_id, &head), KR_OK);
    assert_true(head.kind == KR_KIND_BODY_NOTICE && head.label == KR_TLP_GREEN);
    bed_run(bed, 3600000);
    /* Another name: the old one is at no node any more, and since when it is told stays. */
    change(bed, 0, KR_BODY_CHANGE, sapporo, "新札幌市", AS_IT_WAS);
    for (uint32_t node = 0; node < 3; node++) {
        assert_true(names(bed, node, 0, sapporo, "新札幌市"));
        assert_int_equal(bed_head(bed, node, before.record_id, &head), KR_NOT_FOUND);
    }
    assert_int_equal(told(bed, 2, 0, NULL, &list), 1);
    assert_int_equal(list.since_s, since_s);
    assert_int_equal(version(bed, 2, 0, sapporo), 2u << 16);
}

static void who_agrees_no_more_is_not_named(void **state)
{
    static const struct {
        uint32_t away, back;
        enum consent consents[2];
    } ways[] = {{KR_BODY_CHANGE, KR_BODY_CHANGE, {UNLISTED, LISTED}},
                {KR_BODY_SUSPEND, KR_BODY_RESUME, {AS_IT_WAS, AS_IT_WAS}},
                {KR_BODY_LEAVE, 0, {AS_IT_WAS, AS_IT_WAS}}};
    struct bed *bed = *state;
    struct kr_head head;
    add(bed, 0, sapporo, "札幌市", LISTED);
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        const struct kr_directory_entry before = row(bed, 2, 0, community(bed), sapporo);
        assert_true(names(bed, 2, 0, sapporo, "札幌市"));
        change(bed, 0, ways[way].away, sapporo, NULL, ways[way].consents[0]);
        for (uint32_t node = 0; node < 3; node++) {
            assert_true(is_silent(bed, node));
            assert_int_equal(bed_head(bed, node, before.record_id, &head), KR_NOT_FOUND);
            const struct kr_directory_entry after = row(bed, node, 0, community(bed), sapporo);
            assert_true(after.version > before.version && after.name_ja.len == 0 && after.since_s == 0);
        }
        if (ways[way].back != 0) {
            change(bed, 0, ways[way].back, sapporo, NULL, ways[way].consents[1]);
        }
    }
    assert_true(is_silent(bed, 2));
}

/* No list, no watch, and nothing takes it back or says something about it. */
static void it_is_no_information(void **state)
{
    struct bed *bed = *state;
    static const uint8_t none[] = {0x90};
    add(bed, 1, sapporo, "札幌市", LISTED);
    const struct kr_directory_entry entry = row(bed, 1, 1, community(bed), sapporo);
    const struct kr_retract retract = {.id = {entry.record_id, 32}, .reason = text("not this way"), .language = text("en")};
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_retract_write(&retract, &args);
    assert_int_equal(bed_request(bed, 1, KR_OP_RETRACT, args.bytes, args.len, 500), KR_DENIED);
    assert_non_null(strstr(bed->text, "name of a body"));
    kr_writer_deinit(&args);
    assert_int_equal(bed_request(bed, 2, KR_OP_WATCH, none, sizeof none, 100), BED_PENDING);
    bed->pages = 0;
    change(bed, 1, KR_BODY_CHANGE, sapporo, "別の名", AS_IT_WAS);
    assert_true(names(bed, 2, 1, sapporo, "別の名"));
    assert_int_equal(bed->pages, 0);
}

static void a_restart_says_nothing_anew(void **state)
{
    struct bed *bed = *state;
    add(bed, 0, sapporo, "札幌市", LISTED);
    const uint64_t said = version(bed, 2, 0, sapporo);
    for (uint32_t node = 0; node < 3; node += 2) {
        bed_restart(bed, node);
        bed_run(bed, 10000);
    }
    assert_int_equal(version(bed, 0, 0, sapporo), said);
    assert_true(names(bed, 2, 0, sapporo, "札幌市"));
}

/* The row that a node has is as if it had been said then, and ended then. */
static void make_old(struct bed *bed, uint32_t node, uint32_t of, const uint8_t body[static 32], uint64_t created_ms,
                     uint64_t expires_s)
{
    struct kr_directory_entry entry = row(bed, node, of, community(bed), body);
    struct kr_header header = {.kind = KR_KIND_BODY_NOTICE};
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    struct kr_txn *txn = NULL;
    struct kr_writer writer;
    memcpy(header.author, bed_node(bed, of)->council, 32);
    memcpy(header.community, community(bed), 32);
    memcpy(header.subject, body, 32);
    kr_directory_key(key, &header);
    entry.created_ms = created_ms > 0 ? created_ms : entry.created_ms;
    entry.expires_s = expires_s > 0 ? expires_s : entry.expires_s;
    kr_writer_init(&writer, KR_KIB);
    kr_directory_entry_write(&entry, &writer);
    assert_int_equal(kr_store_write_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_put_writer(txn, KR_TABLE_DIRECTORY, key, sizeof key, &writer), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    bed_core(bed, node)->body_notices.at_ms = 0;
}

static void what_ends_soon_is_renewed(void **state)
{
    struct bed *bed = *state;
    add(bed, 0, sapporo, "札幌市", LISTED);
    const uint64_t said = version(bed, 0, 0, sapporo), now_s = bed->world->now_ms / 1000;
    make_old(bed, 0, 0, sapporo, 0, now_s + KR_BODY_NOTICE_S / 2 + 86400);
    bed_run(bed, 30000);
    assert_int_equal(version(bed, 0, 0, sapporo), said);
    make_old(bed, 0, 0, sapporo, 0, now_s + KR_BODY_NOTICE_S / 2 - 86400);
    bed_run(bed, 30000);
    assert_int_equal(version(bed, 2, 0, sapporo), said + 1);
    assert_true(row(bed, 2, 0, community(bed), sapporo).expires_s >= now_s + KR_BODY_NOTICE_S);
    assert_true(names(bed, 2, 0, sapporo, "札幌市"));
}

/* ---- other communities, and those who are in none ---- */

static uint32_t found(struct bed *bed, uint32_t node, uint32_t with, const char *name)
{
    struct kr_founding founding = {.name = text(name), .vouches_needed = 1, .quorum = 1, .founder_count = 1};
    struct kr_writer args;
    memcpy(founding.founders[0], bed_node(bed, with)->council, 32);
    kr_writer_init(&args, 8 * KR_KIB);
    kr_founding_write(&founding, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_FOUND, args.bytes, args.len, 3000);
    kr_writer_deinit(&args);
    bed_run(bed, 5000);
    return code;
}

static const uint8_t *other_community(struct bed *bed)
{
    const struct kr_directory *directory = &bed_core(bed, 1)->directory;
    assert_int_equal(directory->community_count, 2);
    return directory->communities[1]->id;
}

static void each_community_hears_of_its_members_bodies(void **state)
{
    struct bed *bed = *state;
    struct list list;
    add(bed, 1, sapporo, "札幌市", LISTED);
    add(bed, 0, otaru, "小樽市", LISTED);
    assert_int_equal(found(bed, 1, 2, "Kinki"), KR_OK);
    bed_run(bed, 10000);
    /* Node 1 came to be in a second one: its body is told there, too, without anybody's doing. */
    assert_int_equal(told(bed, 2, 1, NULL, &list), 1);
    assert_int_equal(list.communities, 2);
    assert_int_equal(told(bed, 0, 1, NULL, &list), 1);
    assert_int_equal(list.communities, 1);
    assert_int_equal(row(bed, 0, 1, other_community(bed), sapporo).version, 0);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(row(bed, node, 0, other_community(bed), otaru).version, 0);
        assert_true(names(bed, node, 0, otaru, "小樽市"));
    }
    change(bed, 1, KR_BODY_CHANGE, sapporo, NULL, UNLISTED);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(told(bed, node, 1, NULL, &list), 0);
    }
    assert_int_equal(row(bed, 2, 1, other_community(bed), sapporo).name_ja.len, 0);
}

static struct kr_slice write_notice(struct kr_writer *writer, const char *name, uint64_t since_s)
{
    const struct kr_body_notice notice = {.name_ja = text(name), .since_s = since_s};
    kr_writer_init(writer, KR_KIB);
    kr_body_notice_write(&notice, writer);
    return (struct kr_slice){writer->bytes, writer->len};
}

static struct kr_draft draft_of(struct bed *bed, const uint8_t body[static 32], uint64_t version, struct kr_slice content)
{
    return (struct kr_draft){.kind = KR_KIND_BODY_NOTICE,
                             .label = KR_TLP_GREEN,
                             .community = community(bed),
                             .created_ms = bed->world->now_ms,
                             .expires_s = bed->world->now_ms / 1000 + 86400,
                             .subject = body,
                             .version = version,
                             .content = content};
}

static void who_leaves_takes_its_names_along(void **state)
{
    struct bed *bed = *state;
    struct kr_head head;
    add(bed, 0, sapporo, "札幌市", LISTED);
    const struct kr_directory_entry before = row(bed, 2, 0, community(bed), sapporo);
    assert_int_equal(say(bed, 0, 0, false), KR_OK);
    for (uint32_t node = 0; node < 3; node++) {
        assert_true(is_silent(bed, node));
        assert_int_equal(bed_head(bed, node, before.record_id, &head), KR_NOT_FOUND);
        assert_int_equal(row(bed, node, 0, community(bed), sapporo).name_ja.len, 0);
    }
    bed_run(bed, 60000); /* nor is it told anew, to itself alone */
    assert_int_equal(row(bed, 0, 0, community(bed), sapporo).name_ja.len, 0);
    assert_int_equal(say(bed, 0, 0, true), KR_OK);
    bed_run(bed, 60000);
    assert_true(names(bed, 2, 0, sapporo, "札幌市"));
}

/* It hears nobody, and nobody hears it: its names are shown no more all the same, and again when it is back. */
static void who_is_expelled_is_not_shown_by_name(void **state)
{
    struct bed *bed = *state;
    add(bed, 0, sapporo, "札幌市", LISTED);
    add(bed, 1, otaru, "小樽市", LISTED);
    assert_int_equal(say(bed, 2, 0, false), KR_OK);
    struct list list;
    for (uint32_t node = 1; node < 3; node++) {
        assert_int_equal(told(bed, node, 0, NULL, &list), 0);
        assert_int_equal(told(bed, node, 0, sapporo, &list), 0);
    }
    assert_true(is_silent(bed, 0)); /* of what it got there as a member nothing is shown either */
    /* What takes a name away is taken from it all the same, and nothing else. */
    struct kr_writer content;
    struct forged forged = bed_forge(bed, 0, draft_of(bed, sapporo, 5u << 16, write_notice(&content, "", 0)));
    bed_hand_over(bed, 0, 1, &forged);
    assert_int_equal(version(bed, 1, 0, sapporo), 5u << 16);
    forged_free(&forged);
    kr_writer_deinit(&content);
    forged = bed_forge(bed, 0, draft_of(bed, sapporo, 6u << 16, write_notice(&content, "x", 1)));
    bed_hand_over(bed, 0, 1, &forged);
    assert_int_equal(version(bed, 1, 0, sapporo), 5u << 16);
    forged_free(&forged);
    kr_writer_deinit(&content);
    assert_int_equal(say(bed, 2, 0, true), KR_OK);
    bed_run(bed, 60000);
    assert_true(names(bed, 2, 0, sapporo, "札幌市") && names(bed, 0, 1, otaru, "小樽市"));
}

/* ---- others' words ---- */

static void a_council_names_its_own_bodies_alone(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content;
    struct list list;
    add(bed, 0, sapporo, "札幌市", LISTED);
    /* Node 2 says something of an id that is node 0's body, in the highest version there is. */
    struct forged forged =
        bed_forge(bed, 2, draft_of(bed, sapporo, UINT64_MAX, write_notice(&content, "Fraud", bed->world->now_ms / 1000)));
    bed_hand_over(bed, 2, 1, &forged);
    bed_run(bed, 5000);
    assert_true(names(bed, 1, 0, sapporo, "札幌市") && names(bed, 1, 2, sapporo, "Fraud"));
    assert_int_equal(told(bed, 0, UINT32_MAX, NULL, &list), 2);
    assert_true(memcmp(list.councils[0], list.councils[1], 32) < 0);
    change(bed, 0, KR_BODY_CHANGE, sapporo, NULL, UNLISTED);
    assert_int_equal(told(bed, 1, 0, sapporo, &list), 0);
    assert_true(names(bed, 1, 2, sapporo, "Fraud"));
    forged_free(&forged);
    kr_writer_deinit(&content);
}

static void who_is_no_member_names_nobody(void **state)
{
    struct bed *bed = *state;
    struct stranger stranger;
    struct kr_writer content;
    struct kr_head head;
    stranger_init(bed, &stranger, 7);
    struct forged forged = stranger_forge(bed, &stranger, draft_of(bed, sapporo, 1, write_notice(&content, "Stranger", 1)));
    bed_hand_over(bed, 0, 1, &forged);
    bed_run(bed, 5000);
    assert_int_equal(bed_head(bed, 1, forged.id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    assert_int_equal(bed_head(bed, 2, forged.id, &head), KR_NOT_FOUND);
    assert_true(is_silent(bed, 1));
    forged_free(&forged);
    kr_writer_deinit(&content);
    stranger_deinit(&stranger);
}

/* What it said meanwhile is neither lost nor passed over: it is told as soon as its author is a member. */
static void who_is_admitted_later_names_its_bodies_then(void **state)
{
    struct bed *bed = *state;
    struct stranger stranger;
    struct kr_writer content, word;
    struct kr_vouch vouch = {.reason = text("why")};
    struct kr_head head;
    struct list list;
    stranger_init(bed, &stranger, 7);
    memcpy(vouch.council, stranger.id, 32);
    kr_writer_init(&word, KR_KIB);
    kr_vouch_write(&vouch, &word);
    struct forged forged[] = {
        stranger_forge(bed, &stranger, draft_of(bed, sapporo, 1, write_notice(&content, "Stranger", 1))),
        stranger_card(bed, &stranger, community(bed), 1, 86400),
        bed_statement(bed, 1, KR_KIND_VOUCH, community(bed), stranger.id, 1, (struct kr_slice){word.bytes, word.len})};
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(is_silent(bed, 2));
        bed_hand_over(bed, 1, 2, &forged[i]);
        bed_run(bed, 2000);
        assert_int_equal(bed_head(bed, 2, forged[0].id, &head), KR_OK);
        assert_int_equal(head.state, i < 2 ? KR_HEAD_QUARANTINED : KR_HEAD_SHOWN);
    }
    assert_int_equal(told(bed, 2, UINT32_MAX, NULL, &list), 1);
    assert_string_equal(list.names[0], "Stranger");
    assert_memory_equal(list.councils[0], stranger.id, 32);
    for (uint32_t i = 0; i < 3; i++) {
        forged_free(&forged[i]);
    }
    kr_writer_deinit(&content);
    kr_writer_deinit(&word);
    stranger_deinit(&stranger);
}

static bool is_taken(struct bed *bed, struct kr_draft draft)
{
    struct kr_head head;
    struct forged forged = bed_forge(bed, 0, draft);
    bed_hand_over(bed, 0, 1, &forged);
    const bool is_there = bed_head(bed, 1, forged.id, &head) == KR_OK;
    forged_free(&forged);
    return is_there;
}

static void what_is_no_notice_is_refused(void **state)
{
    static const char *const bad[] = {"line\nfeed", "\xe2\x80\xaegnp.exe", "か\xe3\x82\x99",
                                      " ahead",     "behind\xe3\x80\x80",  "\xe2\x80\x8b"};
    struct bed *bed = *state;
    struct kr_writer content;
    struct kr_slice good;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(is_taken(bed, draft_of(bed, sapporo, 1, write_notice(&content, bad[i], 1))));
        kr_writer_deinit(&content);
    }
    assert_false(is_taken(bed, draft_of(bed, sapporo, 1, write_notice(&content, "", 1))));
    kr_writer_deinit(&content);
    assert_false(is_taken(bed, draft_of(bed, sapporo, 1, write_notice(&content, "since when?", 0))));
    kr_writer_deinit(&content);
    good = write_notice(&content, "が", 1);
    struct kr_draft draft = draft_of(bed, sapporo, 0, good);
    assert_false(is_taken(bed, draft)); /* version 0 */
    draft.version = 1;
    draft.subject = NULL;
    assert_false(is_taken(bed, draft));
    draft.subject = sapporo;
    draft.flags = KR_FLAG_EXERCISE;
    assert_false(is_taken(bed, draft));
    draft.flags = 0;
    draft.expires_s = draft.created_ms / 1000 + KR_BODY_NOTICE_S_MAX + 1;
    assert_false(is_taken(bed, draft));
    draft.expires_s--;
    assert_true(is_taken(bed, draft));
    kr_writer_deinit(&content);
    /* Our own, which nobody would take, is not made. */
    assert_int_equal(act(bed, 0, KR_BODY_ADD, otaru, "\xe2\x80\xaegnp.exe", LISTED), KR_INVALID);
    assert_int_equal(act(bed, 0, KR_BODY_ADD, otaru, "\xe2\x80\xaegnp.exe", UNLISTED), KR_OK);
    assert_int_equal(act(bed, 0, KR_BODY_CHANGE, otaru, NULL, LISTED), KR_INVALID);
    assert_int_equal(act(bed, 0, KR_BODY_CHANGE, otaru, "か\xe3\x82\x99", LISTED), KR_OK);
    bed_run(bed, 5000);
    assert_true(names(bed, 1, 0, otaru, "が"));
}

static void one_council_names_so_many_and_no_more(void **state)
{
    struct bed *bed = *state;
    struct kr_header header = {.kind = KR_KIND_BODY_NOTICE};
    struct kr_txn *txn = NULL;
    struct kr_writer content;
    memcpy(header.author, bed_node(bed, 0)->council, 32);
    memcpy(header.community, community(bed), 32);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    for (uint32_t i = 0; i < KR_BODY_NOTICES_MAX - 1; i++) { /* as if so many had been told; without names they count, too */
        uint8_t key[KR_DIRECTORY_KEY_BYTES];
        const struct kr_directory_entry entry = {.version = 1, .created_ms = 1, .expires_s = 1};
        struct kr_writer writer;
        kr_put_be(header.subject, i + 1, 4);
        kr_directory_key(key, &header);
        kr_writer_init(&writer, KR_KIB);
        kr_directory_entry_write(&entry, &writer);
        assert_int_equal(kr_store_put_writer(txn, KR_TABLE_DIRECTORY, key, sizeof key, &writer), KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    const struct kr_slice good = write_notice(&content, "one", 1);
    assert_true(is_taken(bed, draft_of(bed, sapporo, 1, good)));
    assert_false(is_taken(bed, draft_of(bed, otaru, 1, good)));
    assert_true(is_taken(bed, draft_of(bed, sapporo, 2, good))); /* what it replaces needs no room */
    kr_writer_deinit(&content);
}

static void a_name_that_nobody_tells_anew_ends(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content;
    struct kr_draft draft = draft_of(bed, sapporo, 1, write_notice(&content, "short", 1));
    draft.expires_s = draft.created_ms / 1000 + 120;
    assert_true(is_taken(bed, draft));
    assert_true(names(bed, 1, 0, sapporo, "short"));
    bed_run(bed, 300000);
    assert_true(is_silent(bed, 1));
    assert_int_equal(version(bed, 1, 0, sapporo), 0);
    assert_true(bed_link(bed, 1, 2)->is_equal);
    kr_writer_deinit(&content);
}

/* Whoever has a stolen key names a body, and takes a name away: when it is revoked, all is as the cards say. */
static void what_a_stolen_key_named_goes(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content, empty, args;
    struct kr_revoke revoke = {.since_ms = 0};
    struct list list;
    add(bed, 0, sapporo, "札幌市", LISTED);
    bed_run(bed, 60000);
    const struct kr_keyring stolen = *bed_node(bed, 0)->keyring;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    assert_int_equal(bed_request(bed, 0, KR_OP_NEW_KEYS, args.bytes, args.len, 500), KR_OK);
    kr_writer_deinit(&args);
    revoke.since_ms = bed->world->now_ms;
    bed_run(bed, 5000);
    struct forged forged[] = {bed_forge(bed, 0, draft_of(bed, otaru, 1, write_notice(&content, "Fraud", 1))),
                              bed_forge(bed, 0, draft_of(bed, sapporo, UINT64_MAX, write_notice(&empty, "", 0)))};
    for (uint32_t i = 0; i < 2; i++) {
        bed_hand_over(bed, 0, 1, &forged[i]);
    }
    bed_run(bed, 5000);
    assert_true(names(bed, 2, 0, otaru, "Fraud"));
    assert_int_equal(told(bed, 2, 0, sapporo, &list), 0);
    memcpy(revoke.key, stolen.node_public, 32);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    assert_int_equal(bed_request(bed, 0, KR_OP_REVOKE, args.bytes, args.len, 500), KR_OK);
    bed_run(bed, 180000);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(told(bed, node, 0, otaru, &list), 0);
        assert_true(names(bed, node, 0, sapporo, "札幌市"));
    }
    for (uint32_t i = 0; i < 2; i++) {
        forged_free(&forged[i]);
    }
    kr_writer_deinit(&args);
    kr_writer_deinit(&content);
    kr_writer_deinit(&empty);
}

/* ---- where newcomers get what is GREEN from now on ---- */

static int setup_grown(void **state)
{
    *state = bed_new_grown(4, 2);
    bed_run(*state, 120000);
    return 0;
}

/* Hours after a name was told councils join: they cannot get that record, and are told by another. */
static void newcomers_are_told_anew(void **state)
{
    struct bed *bed = *state;
    add(bed, 0, sapporo, "札幌市", LISTED);
    bed_run(bed, 30000);
    const uint64_t said = version(bed, 0, 0, sapporo);
    assert_int_equal(version(bed, 3, 0, sapporo), said);
    static const uint64_t ago_ms[] = {3600000, 90000000}; /* before they came; the first not a day ago, which can wait */
    for (uint32_t i = 0; i < 2; i++) {
        make_old(bed, 0, 0, sapporo, bed->world->newcomers_ms - ago_ms[i], 0);
        bed_run(bed, 30000);
        assert_int_equal(version(bed, 3, 0, sapporo), said + i);
    }
    bed_core(bed, 0)->body_notices.at_ms = 0;
    bed_run(bed, 30000);
    assert_int_equal(version(bed, 3, 0, sapporo), said + 1);
    /* Who left and came back still has what it got before: it may have been taken back meanwhile. */
    struct list list;
    assert_true(names(bed, 3, 0, sapporo, "札幌市"));
    make_old(bed, 3, 0, sapporo, bed->world->newcomers_ms - 3600000, 0);
    assert_int_equal(told(bed, 3, 0, sapporo, &list), 0);
    assert_int_equal(told(bed, 3, UINT32_MAX, NULL, &list), 0);
    make_old(bed, 1, 0, sapporo, bed->world->newcomers_ms - 3600000, 0);
    assert_true(names(bed, 1, 0, sapporo, "札幌市"));
}

/* ---- several nodes of one council ---- */

static void nodes_of_one_council_say_it_once(void **state)
{
    struct bed *bed = *state;
    static const uint8_t third[32] = {0x5c};
    add(bed, 0, sapporo, "札幌市", LISTED);
    add(bed, 2, otaru, "小樽市", LISTED);
    add(bed, 2, third, "旭川市", UNLISTED);
    bed_run(bed, 300000);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(version(bed, node, 0, sapporo), 1u << 16);
        assert_int_equal(version(bed, node, 0, otaru), 1u << 16);
        assert_true(names(bed, node, 0, sapporo, "札幌市") && names(bed, node, 0, otaru, "小樽市"));
    }
    /* Either takes back what the other said. */
    change(bed, 2, KR_BODY_CHANGE, sapporo, NULL, UNLISTED);
    struct list list;
    assert_int_equal(told(bed, 1, 0, sapporo, &list), 0);
    bed_run(bed, 300000);
    assert_int_equal(version(bed, 1, 0, sapporo), 2u << 16);
}

/* One node is apart from the other, and not from the peer: what it still has of the card says nothing against a newer one. */
static void who_has_the_older_card_does_not_contradict(void **state)
{
    struct bed *bed = *state;
    struct list list;
    add(bed, 0, sapporo, "札幌市", LISTED);
    bed_run(bed, 60000);
    sim_world_split(bed->world, (uint32_t[]){2}, 1, bed->world->now_ms + 600000);
    change(bed, 0, KR_BODY_CHANGE, sapporo, NULL, UNLISTED);
    const struct kr_directory_entry entry = row(bed, 1, 0, community(bed), sapporo);
    assert_int_equal(entry.version, 2u << 16);
    /* The record alone reaches the node that has the older card. */
    struct kr_txn *txn = NULL;
    uint64_t arrival = 0;
    struct forged record = {.bytes = NULL};
    assert_int_equal(kr_store_read_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, entry.record_id, &arrival), KR_OK);
    assert_int_equal(kr_store_record_get(txn, arrival, &record.bytes, &record.len), KR_OK);
    kr_txn_abort(txn);
    bed->world->is_split = false;
    bed_core(bed, 2)->body_notices.at_ms = bed->world->now_ms + 3600000;
    bed_hand_over(bed, 1, 2, &record);
    bed->world->is_split = true;
    assert_int_equal(version(bed, 2, 0, sapporo), 2u << 16);
    bed_core(bed, 2)->body_notices.at_ms = 0;
    bed_run(bed, 120000);
    assert_int_equal(version(bed, 2, 0, sapporo), 2u << 16);
    assert_int_equal(told(bed, 2, 0, sapporo, &list), 0);
    bed->world->is_split = false;
    bed_run(bed, 300000);
    assert_int_equal(version(bed, 1, 0, sapporo), 2u << 16);
    forged_free(&record);
}

/* Apart, each gives the body another name, and so tells two names in one version: the lower id stands everywhere, without an alarm,
 * and where it is not the name on the card that stands, that is told anew. */
static void a_tie_goes_to_the_lower_id(void **state)
{
    static const char *const pairs[][2] = {{"one", "two"}, {"three", "four"}, {"five", "six"}, {"seven", "eight"}, {"nine", "ten"}};
    static struct kr_body_row card;
    struct bed *bed = *state;
    uint32_t said_anew = 0;
    add(bed, 0, sapporo, "札幌市", LISTED);
    bed_run(bed, 60000);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char name[64];
        struct kr_txn *txn = NULL;
        sim_world_split(bed->world, (uint32_t[]){2}, 1, bed->world->now_ms + 60000);
        change(bed, 0, KR_BODY_CHANGE, sapporo, pairs[i][0], AS_IT_WAS);
        change(bed, 2, KR_BODY_CHANGE, sapporo, pairs[i][1], AS_IT_WAS);
        assert_int_equal(version(bed, 0, 0, sapporo), version(bed, 2, 0, sapporo));
        const uint64_t tied = version(bed, 0, 0, sapporo);
        bed->world->is_split = false;
        bed_run(bed, 300000);
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        assert_int_equal(kr_body_get(txn, sapporo, &card), KR_OK);
        kr_txn_abort(txn);
        assert_true(kr_slice_text(card.card.name_ja, name, sizeof name));
        for (uint32_t node = 0; node < 3; node++) {
            assert_true(names(bed, node, 0, sapporo, name));
            assert_int_equal(bed_core(bed, node)->alarms_open, 0);
            assert_memory_equal(row(bed, node, 0, community(bed), sapporo).record_id,
                                row(bed, 1, 0, community(bed), sapporo).record_id, 32);
        }
        said_anew += version(bed, 1, 0, sapporo) > tied;
    }
    assert_true(said_anew > 0 && said_anew < sizeof pairs / sizeof pairs[0]); /* both ways to come right were gone */
}

/* A stolen node lists a body that did not agree, and enters one; this council's other node, which believed it, has told the first
 * name anew. When the key is revoked both cards are false, and neither name is told. */
static void what_a_stolen_node_listed_is_taken_back(void **state)
{
    struct bed *bed = *state;
    struct kr_revoke revoke = {.since_ms = 0};
    struct kr_writer args;
    struct list list;
    add(bed, 0, sapporo, "札幌市", UNLISTED);
    bed_run(bed, 30000);
    revoke.since_ms = bed->world->now_ms;
    change(bed, 2, KR_BODY_CHANGE, sapporo, NULL, LISTED);
    add(bed, 2, otaru, "小樽市", LISTED);
    bed_run(bed, 30000);
    assert_int_equal(told(bed, 1, 0, NULL, &list), 2);
    make_old(bed, 0, 0, sapporo, 0, bed->world->now_ms / 1000 + 86400);
    make_old(bed, 0, 0, otaru, 0, bed->world->now_ms / 1000 + 86400);
    bed_run(bed, 30000);
    assert_int_equal(version(bed, 1, 0, sapporo), (2u << 16) + 1);
    assert_int_equal(version(bed, 1, 0, otaru), (1u << 16) + 1);
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    assert_int_equal(bed_request(bed, 0, KR_OP_NEW_KEYS, args.bytes, args.len, 500), KR_OK);
    kr_writer_deinit(&args);
    bed_run(bed, 20000);
    memcpy(revoke.key, bed_node(bed, 2)->keyring->node_public, 32);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    assert_int_equal(bed_request(bed, 0, KR_OP_REVOKE, args.bytes, args.len, 500), KR_OK);
    kr_writer_deinit(&args);
    bed_run(bed, 180000);
    for (uint32_t node = 0; node < 2; node++) {
        assert_true(is_silent(bed, node));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_agreed_is_named_to_members, setup, teardown),
        cmocka_unit_test_setup_teardown(who_agrees_no_more_is_not_named, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_no_information, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restart_says_nothing_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(what_ends_soon_is_renewed, setup, teardown),
        cmocka_unit_test_setup_teardown(each_community_hears_of_its_members_bodies, setup, teardown),
        cmocka_unit_test_setup_teardown(who_leaves_takes_its_names_along, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_expelled_is_not_shown_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_council_names_its_own_bodies_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_no_member_names_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_admitted_later_names_its_bodies_then, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_notice_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(one_council_names_so_many_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_nobody_tells_anew_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_stolen_key_named_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(newcomers_are_told_anew, setup_grown, teardown),
        cmocka_unit_test_setup_teardown(nodes_of_one_council_say_it_once, setup_sisters, teardown),
        cmocka_unit_test_setup_teardown(who_has_the_older_card_does_not_contradict, setup_sisters, teardown),
        cmocka_unit_test_setup_teardown(a_tie_goes_to_the_lower_id, setup_sisters, teardown),
        cmocka_unit_test_setup_teardown(what_a_stolen_node_listed_is_taken_back, setup_sisters, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
