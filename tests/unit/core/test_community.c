/* Communities over real cores: founding, being named, what is said of others, and statements of those who have no say. */
#include "node/core/taken.h"
#include "tests/support/forge.h"
#include "tests/unit/core/bed.h"

/* Nodes 0, 1, 2 in a chain; node 1 founded their community, k and quorum 1. */
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

static const uint8_t *first(struct bed *bed)
{
    return bed_core(bed, 1)->directory.communities[0]->id;
}

static const struct kr_community *named(struct bed *bed, uint32_t node, const char *name)
{
    const struct kr_directory *directory = &bed_core(bed, node)->directory;
    const struct kr_community *found = NULL;
    for (uint32_t i = 0; i < directory->community_count; i++) {
        found = strcmp(directory->communities[i]->name, name) == 0 ? directory->communities[i] : found;
    }
    return found;
}

static bool member(struct bed *bed, uint32_t at, const uint8_t *community, uint32_t node)
{
    return kr_directory_is_member(&bed_core(bed, at)->directory, community, bed_node(bed, node)->council);
}

static uint32_t ask_to_found(struct bed *bed, uint32_t node, struct kr_founding *founding)
{
    struct kr_writer args;
    kr_writer_init(&args, 8 * KR_KIB);
    kr_founding_write(founding, &args);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, node, KR_OP_FOUND, args.bytes, args.len, 3000);
    kr_writer_deinit(&args);
    return code;
}

/* Node 1 with both others. */
static struct kr_founding *founding(struct bed *bed, const char *name, uint32_t vouches, uint32_t quorum)
{
    static struct kr_founding founding;
    founding = (struct kr_founding){
        .name = {(const uint8_t *)name, strlen(name)}, .vouches_needed = vouches, .quorum = quorum, .founder_count = 2};
    memcpy(founding.founders[0], bed_node(bed, 2)->council, 32);
    memcpy(founding.founders[1], bed_node(bed, 0)->council, 32);
    return &founding;
}

static uint32_t say(struct bed *bed, uint32_t node, const uint8_t *community, const uint8_t council[static 32], bool is_expulsion,
                    bool is_withdrawn, const char *reason)
{
    struct kr_say say = {.has_community = community != NULL,
                         .is_expulsion = is_expulsion,
                         .is_withdrawn = is_withdrawn,
                         .reason = {(const uint8_t *)reason, strlen(reason)}};
    struct kr_writer args;
    memcpy(say.council, council, 32);
    if (community != NULL) {
        memcpy(say.community, community, 32);
    }
    kr_writer_init(&args, 4 * KR_KIB);
    kr_say_write(&say, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_SAY, args.bytes, args.len, 2000);
    kr_writer_deinit(&args);
    return code;
}

static void founders_who_are_linked_are_members_from_the_start(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(ask_to_found(bed, 1, founding(bed, "Kinki", 2, 2)), KR_OK);
    bed_run(bed, 5000);
    const uint8_t *id = named(bed, 1, "Kinki")->id;
    for (uint32_t at = 0; at < 3; at++) {
        assert_non_null(named(bed, at, "Kinki"));
        for (uint32_t node = 0; node < 3; node++) {
            assert_true(member(bed, at, id, node));
        }
    }
    assert_true(bed_said(bed, 0, "has founded the community \"Kinki\""));
    /* Nodes 0 and 2, not linked to each other, have each other's cards there. */
    struct kr_header header = {.kind = KR_KIND_COUNCIL_CARD};
    uint8_t key[KR_DIRECTORY_KEY_BYTES], value[KR_KIB * 2];
    size_t len;
    struct kr_txn *txn = NULL;
    memcpy(header.author, bed_node(bed, 2)->council, 32);
    memcpy(header.subject, header.author, 32);
    memcpy(header.community, id, 32);
    kr_directory_key(key, &header);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_get(txn, KR_TABLE_DIRECTORY, key, sizeof key, value, sizeof value, &len), KR_OK);
    kr_txn_abort(txn);
    bed_restart(bed, 0);
    assert_true(member(bed, 0, id, 2));
}

static void what_makes_no_sense_is_not_founded(void **state)
{
    struct bed *bed = *state;
    const uint32_t communities = bed_core(bed, 1)->directory.community_count;
    static const struct {
        const char *name;
        uint32_t vouches, quorum, code;
    } cases[] = {{"Kinki", 4, 2, KR_INVALID},
                 {"Kinki", 2, 4, KR_INVALID},
                 {"Kinki", 0, 1, KR_INVALID},
                 {"Kinki", 1, 0, KR_INVALID},
                 {"", 1, 1, KR_INVALID}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ask_to_found(bed, 1, founding(bed, cases[i].name, cases[i].vouches, cases[i].quorum)), cases[i].code);
    }
    assert_int_equal(ask_to_found(bed, 1, founding(bed, bed_core(bed, 1)->directory.communities[0]->name, 1, 1)), KR_EXISTS);
    struct kr_founding *apart = founding(bed, "Kinki", 1, 1);
    assert_int_equal(ask_to_found(bed, 0, apart), KR_NOT_FOUND); /* node 2 is not linked to node 0 */
    assert_int_equal(bed_core(bed, 1)->directory.community_count, communities);
    /* Of what the root key is to sign elsewhere nothing is there before it is signed. */
    sodium_memzero(bed_node(bed, 1)->keyring->root_secret, 64);
    assert_int_equal(ask_to_found(bed, 1, founding(bed, "Kinki", 2, 2)), KR_OK);
    assert_int_equal(bed->pages, 2);
    assert_null(named(bed, 1, "Kinki"));
}

/* A charter as `author` would sign it. */
static struct forged charter(struct bed *bed, uint32_t author, const uint8_t (*founders)[32], uint32_t count, uint8_t nonce_byte)
{
    struct kr_charter charter = {.vouches_needed = 1, .quorum = 1, .founder_count = count, .name = {(const uint8_t *)"Trap", 4}};
    uint8_t nonce[16];
    struct kr_writer genesis, content;
    memset(nonce, nonce_byte, sizeof nonce);
    memcpy(charter.founders, founders, (size_t)count * 32);
    if (count == 2 && memcmp(founders[0], founders[1], 32) > 0) {
        memcpy(charter.founders[0], founders[1], 32);
        memcpy(charter.founders[1], founders[0], 32);
    }
    kr_writer_init(&genesis, 8 * KR_KIB);
    kr_charter_genesis_write(&charter, nonce, &genesis);
    charter.genesis = (struct kr_slice){genesis.bytes, genesis.len};
    kr_community_id(charter.community, charter.genesis);
    kr_writer_init(&content, 16 * KR_KIB);
    kr_charter_write(&charter, &content);
    struct forged forged = bed_statement(bed, author, KR_KIND_CHARTER, charter.community, charter.community, 1,
                                         (struct kr_slice){content.bytes, content.len});
    kr_writer_deinit(&genesis);
    kr_writer_deinit(&content);
    return forged;
}

static bool takes(struct bed *bed, uint32_t from, uint32_t to, struct forged forged)
{
    bed_hand_over(bed, from, to, &forged);
    bed_run(bed, 1000);
    const bool is_held = bed_holds(bed, to, forged.id);
    forged_free(&forged);
    return is_held;
}

/* A peer can make a council a founder only by its own word, and not without end. */
static void nobody_is_drawn_into_communities_without_end(void **state)
{
    struct bed *bed = *state;
    uint8_t both[2][32], others[2][32], third[2][32];
    memcpy(both[0], bed_node(bed, 1)->council, 32);
    memcpy(both[1], bed_node(bed, 0)->council, 32);
    memcpy(others[0], bed_node(bed, 1)->council, 32);
    memcpy(others[1], bed_node(bed, 2)->council, 32);
    memcpy(third[0], bed_node(bed, 2)->council, 32);
    memcpy(third[1], bed_node(bed, 0)->council, 32);
    assert_false(takes(bed, 1, 0, charter(bed, 1, (const uint8_t(*)[32])others, 2, 1))); /* without node 0 */
    assert_false(takes(bed, 1, 0, charter(bed, 1, (const uint8_t(*)[32])third, 2, 2)));  /* by no founder */
    assert_false(takes(bed, 1, 0, charter(bed, 2, (const uint8_t(*)[32])third, 2, 3)));  /* not over the founder's link */
    const uint32_t before = bed_core(bed, 0)->directory.community_count;
    for (uint32_t i = 0; i < KR_CHARTERS_MAX + 3; i++) {
        /* Node 1's charter of the first community is one of them. */
        assert_int_equal(takes(bed, 1, 0, charter(bed, 1, (const uint8_t(*)[32])both, 2, (uint8_t)(10 + i))),
                         i + 1 < KR_CHARTERS_MAX);
    }
    assert_int_equal(bed_core(bed, 0)->directory.community_count, before + KR_CHARTERS_MAX - 1);
    bed_restart(bed, 0);
    assert_int_equal(bed_core(bed, 0)->directory.community_count, before + KR_CHARTERS_MAX - 1);
}

static void what_is_said_is_checked_and_taken_back(void **state)
{
    struct bed *bed = *state;
    const uint8_t *id = first(bed);
    uint8_t self[32], third[32], nobody[32];
    memcpy(self, bed_node(bed, 1)->council, 32);
    memcpy(third, bed_node(bed, 2)->council, 32);
    memset(nobody, 0x77, sizeof nobody);
    assert_int_equal(say(bed, 0, id, nobody, false, false, ""), KR_NOT_FOUND);
    assert_int_equal(say(bed, 0, id, bed_node(bed, 0)->council, false, false, ""), KR_INVALID);
    assert_int_equal(say(bed, 0, nobody, third, false, false, ""), KR_DENIED);
    assert_int_equal(say(bed, 0, id, third, true, false, ""), KR_INVALID); /* no reason */
    assert_int_equal(say(bed, 0, id, third, true, true, ""), KR_NOT_FOUND);
    assert_int_equal(say(bed, 0, NULL, third, false, false, ""), KR_OK);
    assert_int_equal(say(bed, 0, NULL, third, false, false, ""), KR_EXISTS);
    assert_int_equal(say(bed, 0, NULL, third, false, true, ""), KR_INVALID);
    assert_int_equal(say(bed, 0, NULL, third, false, true, "over"), KR_OK);
    /* Quorum 1: the founder is expelled by one, is out everywhere, and takes part again when that is withdrawn. */
    assert_int_equal(say(bed, 0, NULL, self, true, false, "taken over"), KR_OK);
    for (uint32_t at = 0; at < 3; at++) {
        assert_false(member(bed, at, id, 1));
        assert_true(kr_directory_was_member(&bed_core(bed, at)->directory, id, self));
    }
    assert_true(bed_said(bed, 1, "no longer a member"));
    assert_int_equal(say(bed, 1, id, third, true, false, "x"), KR_DENIED);
    assert_int_equal(say(bed, 0, NULL, self, true, true, ""), KR_OK);
    for (uint32_t at = 0; at < 3; at++) {
        assert_true(member(bed, at, id, 1));
    }
    assert_int_equal(say(bed, 2, NULL, third, true, false, ""), KR_OK); /* leaves */
    assert_false(member(bed, 0, id, 2));
    assert_int_equal(say(bed, 2, NULL, third, true, true, ""), KR_OK);
    assert_true(member(bed, 0, id, 2));
}

static struct forged word(struct bed *bed, uint32_t kind, const uint8_t *community, const uint8_t council[static 32],
                          uint64_t version, bool is_withdrawn, uint64_t created_ms, uint32_t author,
                          const struct stranger *stranger)
{
    struct kr_vouch vouch = {.is_withdrawn = is_withdrawn, .reason = {(const uint8_t *)"x", 1}};
    struct kr_writer content;
    memcpy(vouch.council, council, 32);
    kr_writer_init(&content, KR_KIB);
    kr_vouch_write(&vouch, &content);
    const struct kr_draft draft = {.kind = kind,
                                   .label = KR_TLP_GREEN,
                                   .community = community,
                                   .subject = council,
                                   .version = version,
                                   .created_ms = created_ms,
                                   .expires_s = created_ms == 0 ? 0 : bed->world->now_ms / 1000 + 86400,
                                   .content = {content.bytes, content.len}};
    struct forged forged = stranger != NULL ? stranger_forge(bed, stranger, draft) : bed_forge(bed, author, draft);
    kr_writer_deinit(&content);
    return forged;
}

static struct forged expulsion(struct bed *bed, const uint8_t *community, const uint8_t council[static 32], uint64_t version,
                               bool is_withdrawn, uint64_t created_ms, uint32_t author, const struct stranger *stranger)
{
    return word(bed, KR_KIND_EXPULSION, community, council, version, is_withdrawn, created_ms, author, stranger);
}

/* To each node, over a link that it has. */
static void spread(struct bed *bed, const struct forged *forged)
{
    bed_hand_over(bed, 1, 0, forged);
    bed_hand_over(bed, 2, 1, forged);
    bed_hand_over(bed, 1, 2, forged);
    bed_run(bed, 1000);
}

static void expect_member(struct bed *bed, const uint8_t *community, const struct stranger *stranger, bool is_member)
{
    for (uint32_t at = 0; at < 3; at++) {
        assert_int_equal(kr_directory_is_member(&bed_core(bed, at)->directory, community, stranger->id), is_member);
    }
}

/* Neither for itself nor for another; what it said counts once a member vouches for it, and no longer than that one does, though
 * the vouch is brought again after it was withdrawn. */
static void who_is_no_member_vouches_for_nobody(void **state)
{
    struct bed *bed = *state;
    const uint8_t *id = first(bed);
    struct stranger strangers[2];
    struct forged cards[2];
    for (uint32_t i = 0; i < 2; i++) {
        stranger_init(bed, &strangers[i], (uint8_t)(i + 1));
        cards[i] = stranger_card(bed, &strangers[i], id, 1, 86400);
        spread(bed, &cards[i]);
    }
    struct forged itself = word(bed, KR_KIND_VOUCH, id, strangers[0].id, 1, false, 0, 0, &strangers[0]);
    struct forged other = word(bed, KR_KIND_VOUCH, id, strangers[1].id, 1, false, 0, 0, &strangers[0]);
    struct forged back = word(bed, KR_KIND_VOUCH, id, strangers[0].id, 1, false, 0, 0, &strangers[1]); /* each for the other */
    spread(bed, &itself);
    spread(bed, &other);
    spread(bed, &back);
    expect_member(bed, id, &strangers[0], false);
    expect_member(bed, id, &strangers[1], false);
    bed_restart(bed, 0);
    expect_member(bed, id, &strangers[0], false);
    expect_member(bed, id, &strangers[1], false);
    struct forged said = word(bed, KR_KIND_VOUCH, id, strangers[0].id, 1, false, 0, 1, NULL);
    spread(bed, &said);
    expect_member(bed, id, &strangers[0], true);
    expect_member(bed, id, &strangers[1], true);
    struct forged withdrawn = word(bed, KR_KIND_VOUCH, id, strangers[0].id, 2, true, 0, 1, NULL);
    spread(bed, &withdrawn);
    expect_member(bed, id, &strangers[0], false);
    expect_member(bed, id, &strangers[1], false); /* two that hold each other up */
    spread(bed, &said);
    spread(bed, &other);
    expect_member(bed, id, &strangers[0], false);
    expect_member(bed, id, &strangers[1], false);
    for (uint32_t at = 0; at < 3; at++) {
        assert_false(bed_holds(bed, at, said.id));
        assert_true(bed_holds(bed, at, withdrawn.id));
    }
    bed_restart(bed, 2);
    expect_member(bed, id, &strangers[0], false);
    expect_member(bed, id, &strangers[1], false);
    struct forged *const all[] = {&cards[0], &cards[1], &itself, &other, &back, &said, &withdrawn};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        forged_free(all[i]);
    }
    stranger_deinit(&strangers[0]);
    stranger_deinit(&strangers[1]);
}

/* By a council that never was a member, under a node key, replayed when it was withdrawn: none of it expels anybody. */
static void who_has_no_say_expels_nobody(void **state)
{
    struct bed *bed = *state;
    const uint8_t *id = first(bed);
    const uint8_t *council = bed_node(bed, 0)->council;
    struct stranger stranger;
    stranger_init(bed, &stranger, 1);
    struct forged card = stranger_card(bed, &stranger, id, 1, 86400);
    bed_hand_over(bed, 1, 2, &card);
    (void)takes(bed, 1, 2, expulsion(bed, id, council, 1, false, 0, 0, &stranger));
    assert_true(member(bed, 2, id, 0));
    /* Replayed after it was withdrawn; and the withdrawal dated years back, which makes no difference. */
    struct forged said = expulsion(bed, id, council, 1, false, 0, 1, NULL);
    bed_hand_over(bed, 1, 2, &said);
    assert_false(member(bed, 2, id, 0));
    const uint64_t long_ago_ms = bed->world->now_ms - UINT64_C(90) * 86400 * 1000;
    assert_true(takes(bed, 1, 2, expulsion(bed, id, council, 2, true, long_ago_ms, 1, NULL)));
    assert_true(member(bed, 2, id, 0));
    bed_hand_over(bed, 1, 2, &said);
    bed_run(bed, 1000);
    assert_true(member(bed, 2, id, 0));
    assert_false(bed_holds(bed, 2, said.id));
    /* With a bit of it changed. */
    said.bytes[said.len - 80] ^= 1;
    bed_hand_over(bed, 1, 2, &said);
    assert_true(member(bed, 2, id, 0));
    /* Under the node key, which signs records of people. */
    struct kr_keyring *keyring = bed_node(bed, 1)->keyring;
    uint8_t root[64];
    memcpy(root, keyring->root_secret, sizeof root);
    memcpy(keyring->root_secret, keyring->node_secret, sizeof root);
    struct forged false_key = expulsion(bed, id, council, 3, false, 0, 1, NULL);
    memcpy(keyring->root_secret, root, sizeof root);
    struct kr_head head;
    uint8_t false_id[32];
    memcpy(false_id, false_key.id, 32);
    (void)takes(bed, 1, 2, false_key);
    assert_int_equal(bed_head(bed, 2, false_id, &head), KR_OK); /* it may be a root key of which the card is still to come */
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    assert_true(member(bed, 2, id, 0));
    bed_restart(bed, 2);
    assert_true(member(bed, 2, id, 0));
    forged_free(&said);
    forged_free(&card);
    stranger_deinit(&stranger);
}

/* What a council writes when it is out is not taken from it, whatever its node thinks; what it wrote before stays. */
static void who_is_out_brings_no_more_green(void **state)
{
    struct bed *bed = *state;
    const uint8_t *id = first(bed);
    struct kr_writer content[3];
    struct forged reports[3];
    static const char *const domains[] = {"before.example", "out.example", "back.example"};
    for (uint32_t i = 0; i < 3; i++) {
        reports[i] = bed_forge(bed, 0,
                               (struct kr_draft){.kind = KR_KIND_REPORT,
                                                 .label = KR_TLP_GREEN,
                                                 .community = id,
                                                 .created_ms = bed->world->now_ms,
                                                 .content = bed_report(&content[i], domains[i])});
        kr_writer_deinit(&content[i]);
    }
    bed_hand_over(bed, 0, 1, &reports[0]);
    assert_true(bed_holds(bed, 1, reports[0].id));
    assert_int_equal(say(bed, 2, NULL, bed_node(bed, 0)->council, true, false, "taken over"), KR_OK);
    assert_false(member(bed, 1, id, 0));
    bed_hand_over(bed, 0, 1, &reports[1]);
    assert_false(bed_holds(bed, 1, reports[1].id));
    assert_true(bed_holds(bed, 1, reports[0].id));
    assert_int_equal(say(bed, 2, NULL, bed_node(bed, 0)->council, true, true, ""), KR_OK);
    bed_hand_over(bed, 0, 1, &reports[2]);
    assert_true(bed_holds(bed, 1, reports[2].id));
    for (uint32_t i = 0; i < 3; i++) {
        forged_free(&reports[i]);
    }
}

/* Eats all frames between nodes 1 and 2. */
static bool cut(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    struct bed *bed = context;
    const bool is_left = node->index == 1, is_right = node->index == 2;
    const struct kr_link *link = is_left || is_right ? kr_link_by_number(bed_core(bed, node->index), effect->number) : NULL;
    return link != NULL && memcmp(link->council, bed_node(bed, is_left ? 2 : 1)->council, 32) == 0;
}

/* Both sides of a cut quarrel; when it is mended, all say the same of all. */
static void nodes_that_were_apart_agree(void **state)
{
    struct bed *bed = *state;
    const uint8_t *id = first(bed);
    const uint8_t *left = bed_node(bed, 0)->council, *middle = bed_node(bed, 1)->council, *right = bed_node(bed, 2)->council;
    bed->on_send = cut;
    bed->context = bed;
    assert_int_equal(say(bed, 0, NULL, right, true, false, "x"), KR_OK);
    assert_int_equal(say(bed, 1, NULL, right, false, true, "y"), KR_OK);
    assert_int_equal(say(bed, 2, NULL, left, true, false, "z"), KR_OK);
    assert_true(member(bed, 2, id, 2));
    assert_false(member(bed, 0, id, 2));
    bed->on_send = NULL;
    bed_run(bed, 180000);
    for (uint32_t at = 0; at < 3; at++) {
        const struct kr_membership *membership = &bed_core(bed, at)->directory.communities[0]->membership;
        const uint8_t *const councils[] = {left, middle, right};
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(kr_membership_standing(membership, councils[i]),
                             kr_membership_standing(&bed_core(bed, 0)->directory.communities[0]->membership, councils[i]));
        }
        assert_true(kr_membership_find(membership, KR_WORD_EXPULSION, right, left) != NULL);
        assert_true(kr_membership_find(membership, KR_WORD_EXPULSION, left, right) != NULL);
        assert_true(member(bed, at, id, 1));
        assert_false(member(bed, at, id, 2)); /* nobody vouches for it any more */
    }
}

/* Eats all frames between nodes 0 and 1. */
static bool cut_left(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    struct bed *bed = context;
    const bool is_left = node->index == 0, is_right = node->index == 1;
    const struct kr_link *link = is_left || is_right ? kr_link_by_number(bed_core(bed, node->index), effect->number) : NULL;
    return link != NULL && memcmp(link->council, bed_node(bed, is_left ? 1 : 0)->council, 32) == 0;
}

static void share_green(struct bed *bed, const char *domain, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, domain, token);
    assert_int_equal(bed_submit(bed, 0, submit, ret_id), KR_OK);
    bed_submission_free(submit);
    bed_run(bed, 5000);
    assert_true(bed_holds(bed, 1, ret_id) && bed_holds(bed, 2, ret_id));
}

static void retract(struct bed *bed, const uint8_t id[static 32], uint8_t token)
{
    struct kr_retract act = {.id = {id, 32}, .reason = {(const uint8_t *)"wrong", 5}, .language = {(const uint8_t *)"en", 2}};
    struct kr_writer args;
    memset(act.token, token, sizeof act.token);
    kr_writer_init(&args, KR_KIB);
    kr_retract_write(&act, &args);
    assert_int_equal(bed_request(bed, 0, KR_OP_RETRACT, args.bytes, args.len, 5000), KR_OK);
    kr_writer_deinit(&args);
    assert_false(bed_holds(bed, 0, id));
}

/* Node 0 was expelled, and shares no GREEN scope with anybody: what it takes back, before it knows that and after, when it is
 * linked and when it is not, reaches all members, and no others. */
static void what_a_former_member_takes_back_reaches_the_members(void **state)
{
    struct bed *bed = *state;
    const uint8_t *id = first(bed), *self = bed_node(bed, 0)->council;
    uint8_t ids[4][32];
    for (uint8_t i = 0; i < 4; i++) {
        share_green(bed, (const char *const[]){"before.example", "after.example", "apart.example", "later.example"}[i],
                    (uint8_t)(40 + i), ids[i]);
    }
    bed->on_send = cut_left;
    bed->context = bed;
    bed_run(bed, 60000);
    retract(bed, ids[0], 50); /* as a member, to whom nobody listens */
    assert_int_equal(say(bed, 2, NULL, self, true, false, "x"), KR_OK);
    assert_true(bed_holds(bed, 1, ids[0]));
    bed->on_send = NULL;
    bed_run(bed, 180000);
    assert_false(member(bed, 0, id, 0) || member(bed, 1, id, 0));
    assert_false(bed_holds(bed, 1, ids[0]) || bed_holds(bed, 2, ids[0]));
    retract(bed, ids[1], 51);
    assert_false(bed_holds(bed, 1, ids[1]) || bed_holds(bed, 2, ids[1]));
    bed->on_send = cut_left;
    bed_run(bed, 60000);
    retract(bed, ids[2], 52);
    bed->on_send = NULL;
    bed_run(bed, 60000);
    assert_false(bed_holds(bed, 1, ids[2]) || bed_holds(bed, 2, ids[2]));
    /* Who is no member either is not told of it, before he is one again. */
    assert_int_equal(say(bed, 1, NULL, bed_node(bed, 1)->council, true, false, ""), KR_OK);
    assert_false(member(bed, 0, id, 1));
    retract(bed, ids[3], 53);
    bed_restart(bed, 0);
    bed_run(bed, 60000);
    assert_true(bed_holds(bed, 1, ids[3]));
    assert_int_equal(say(bed, 1, NULL, bed_node(bed, 1)->council, true, true, ""), KR_OK);
    bed_run(bed, 60000);
    assert_false(bed_holds(bed, 1, ids[3]) || bed_holds(bed, 2, ids[3]));
}

/* Rows of retractions of ours that stand before others, of records that nobody has any more. */
static void take_back_many(struct bed *bed, uint32_t count)
{
    struct kr_taken_row row = {.kind = KR_KIND_RETRACTION, .is_done = true};
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t target[32] = {0};
        kr_put_be(target + 4, i + 1, 4);
        assert_int_equal(kr_taken_put(txn, target, bed_node(bed, 0)->council, &row), KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

/* However many more there are; and all of them are looked through once a minute, however often the directory changes. */
static void no_retraction_of_a_former_member_is_left_out(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    share_green(bed, "left-out.example", 40, id);
    assert_int_equal(say(bed, 2, NULL, bed_node(bed, 0)->council, true, false, "x"), KR_OK);
    bed_run(bed, 180000);
    bed->on_send = cut_left;
    bed->context = bed;
    bed_run(bed, 60000);
    retract(bed, id, 50);
    take_back_many(bed, 2000);
    bed->on_send = NULL;
    bed_restart(bed, 0);
    bed_run(bed, 120000);
    assert_false(bed_holds(bed, 1, id) || bed_holds(bed, 2, id));
    struct kr_core *core = bed_core(bed, 0);
    core->directory.generation++;
    bed_run(bed, 5000);
    const uint64_t begun_ms = core->spread.out.begun_ms;
    assert_true(begun_ms + 5000 >= bed->world->now_ms);
    for (uint32_t i = 0; i < 5; i++) {
        core->directory.generation++;
        bed_run(bed, 10000);
        assert_true(core->spread.out.begun_ms == begun_ms);
    }
    bed_run(bed, 10000);
    assert_true(core->spread.out.begun_ms >= begun_ms + 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(founders_who_are_linked_are_members_from_the_start, setup, teardown),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_not_founded, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_is_drawn_into_communities_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_said_is_checked_and_taken_back, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_no_say_expels_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_no_member_vouches_for_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_out_brings_no_more_green, setup, teardown),
        cmocka_unit_test_setup_teardown(nodes_that_were_apart_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_former_member_takes_back_reaches_the_members, setup, teardown),
        cmocka_unit_test_setup_teardown(no_retraction_of_a_former_member_is_left_out, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
