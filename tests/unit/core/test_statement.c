/* Statements that no honest council signs, or that are damaged: the directory stays what it was, and the node starts. */
#include "tests/support/forge.h"
#include "tests/unit/core/bed.h"

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

static const uint8_t *community(const struct bed *bed)
{
    return bed_core((struct bed *)(uintptr_t)bed, 1)->directory.communities[0]->id;
}

/* A member's root key signs what no honest node would. None of it may end a batch, or one member could stop everybody's work. */
static void statements_without_sense_are_refused_and_harm_nobody(void **state)
{
    struct bed *bed = *state;
    static const uint8_t garbage[] = "not msgpack";
    static const uint32_t kinds[] = {KR_KIND_VOUCH, KR_KIND_CHARTER, KR_KIND_COUNCIL_CARD, KR_KIND_EXPULSION, KR_KIND_REVOCATION};
    uint64_t records = bed_records(bed, 0);
    uint8_t other[32];
    memset(other, 0x42, sizeof other);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const uint8_t *in[] = {community(bed), NULL, other};
        const uint8_t *subjects[] = {other, NULL, bed_node(bed, 1)->council, community(bed)};
        for (size_t j = 0; j < 3; j++) {
            for (size_t k = 0; k < 4; k++) {
                struct forged forged =
                    bed_statement(bed, 1, kinds[i], in[j], subjects[k], 5, (struct kr_slice){garbage, sizeof garbage});
                bed_hand_over(bed, 1, 0, &forged);
                assert_false(bed_holds(bed, 0, forged.id));
                forged_free(&forged);
            }
        }
    }
    /* A genuine vouch, and a genuine card, under a header that says something else. */
    struct kr_writer content;
    struct kr_vouch vouch = {0};
    memcpy(vouch.council, other, 32);
    kr_writer_init(&content, KR_KIB);
    kr_vouch_write(&vouch, &content);
    const uint8_t *subjects[] = {bed_node(bed, 1)->council, NULL};
    for (size_t i = 0; i < 2; i++) {
        struct forged forged =
            bed_statement(bed, 1, KR_KIND_VOUCH, community(bed), subjects[i], 5, (struct kr_slice){content.bytes, content.len});
        bed_hand_over(bed, 1, 0, &forged);
        assert_false(bed_holds(bed, 0, forged.id));
        forged_free(&forged);
    }
    kr_writer_deinit(&content);
    struct kr_card card = bed_card(bed, 1, 1);
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    struct forged forged =
        bed_statement(bed, 1, KR_KIND_COUNCIL_CARD, community(bed), other, 9, (struct kr_slice){content.bytes, content.len});
    bed_hand_over(bed, 1, 0, &forged);
    assert_false(bed_holds(bed, 0, forged.id));
    forged_free(&forged);
    kr_writer_deinit(&content);
    assert_int_equal(bed_records(bed, 0), records);
    assert_true(bed_link(bed, 0, 1)->has_session);
}

/* A card, a vouch, a charter that ends soon: the node must still start when it is gone. */
static void statements_that_expire_leave_a_node_that_starts(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content;
    struct kr_vouch vouch = {0};
    uint64_t soon = bed->world->now_ms / 1000 + 120;
    struct stranger stranger;
    stranger_init(bed, &stranger, 1);
    memcpy(vouch.council, stranger.id, 32);
    kr_writer_init(&content, KR_KIB);
    kr_vouch_write(&vouch, &content);
    struct forged forged = bed_forge(bed, 1,
                                     (struct kr_draft){.kind = KR_KIND_VOUCH,
                                                       .label = KR_TLP_GREEN,
                                                       .community = community(bed),
                                                       .subject = stranger.id,
                                                       .version = 1,
                                                       .expires_s = soon,
                                                       .content = {content.bytes, content.len}});
    bed_hand_over(bed, 1, 0, &forged);
    assert_true(bed_holds(bed, 0, forged.id));
    struct forged card = stranger_card(bed, &stranger, community(bed), 1, 120);
    bed_hand_over(bed, 1, 0, &card);
    assert_true(bed_holds(bed, 0, card.id));
    assert_true(kr_directory_is_member(&bed_core(bed, 0)->directory, community(bed), stranger.id));
    bed_run(bed, 300000);
    assert_false(bed_holds(bed, 0, forged.id));
    assert_false(bed_holds(bed, 0, card.id));
    assert_null(kr_directory_council(&bed_core(bed, 0)->directory, stranger.id));
    bed_restart(bed, 0);
    assert_true(bed_link(bed, 0, 1)->has_session);
    /* The same again is taken again: nothing dangles. */
    forged_free(&card);
    card = stranger_card(bed, &stranger, NULL, 1, 4000);
    forged_free(&card);
    forged_free(&forged);
    forged = bed_forge(bed, 1,
                       (struct kr_draft){.kind = KR_KIND_VOUCH,
                                         .label = KR_TLP_GREEN,
                                         .community = community(bed),
                                         .subject = stranger.id,
                                         .version = 2,
                                         .content = {content.bytes, content.len}});
    bed_hand_over(bed, 1, 0, &forged);
    assert_true(bed_holds(bed, 0, forged.id));
    forged_free(&forged);
    kr_writer_deinit(&content);
    stranger_deinit(&stranger);
}

static struct kr_slice card_of(struct bed *bed, uint32_t node, struct kr_writer *content)
{
    struct kr_card card = bed_card(bed, node, node);
    kr_writer_init(content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, content);
    assert_int_equal(kr_writer_finish(content), KR_OK);
    return (struct kr_slice){content->bytes, content->len};
}

/* Node 1's card, sealed to node 0. No honest maker seals a statement: a notice's header is altered, and its body sealed anew. */
static struct forged sealed_card(struct bed *bed, enum kr_label label)
{
    static const uint8_t seed[32] = {3};
    uint8_t recipients[1][32], key[32], hash[32], id[32];
    struct kr_writer content, head;
    struct kr_record record;
    struct kr_header header;
    struct kr_rng rng;
    struct council author;
    struct bytes made = {0}, kind = encoded_uint(KR_KIND_COUNCIL_CARD);
    memcpy(recipients[0], bed_node(bed, 0)->keyring->sealing[0].public_key, 32);
    memcpy(author.node_secret, bed_node(bed, 1)->keyring->root_secret, 64);
    struct kr_draft draft = {.kind = KR_KIND_NOTICE,
                             .created_ms = bed->world->now_ms,
                             .expires_s = bed->world->now_ms / 1000 + 1000,
                             .label = label,
                             .community = community(bed),
                             .subject = bed_node(bed, 1)->council,
                             .version = 9,
                             .audience = (const uint8_t(*)[32])bed_node(bed, 0)->council,
                             .audience_count = 1,
                             .recipients = (const uint8_t(*)[32])recipients,
                             .recipient_count = 1,
                             .content = card_of(bed, 1, &content)};
    assert_int_equal(kr_record_make(&draft, bed_node(bed, 1)->council, author.node_secret, seed, &made.at, &made.len, id), KR_OK);
    assert_int_equal(kr_record_split(made.at, made.len, &record), KR_OK);
    assert_int_equal(kr_header_parse(record.header, &header), KR_OK);
    struct bytes altered = forge_header(record.header, FIELD_KIND, slice(kind.at, kind.len), 1, (struct kr_slice){0}, 0);
    size_t class_bytes = record.body.len - KR_AEAD_BYTES;
    uint8_t *body = malloc(record.body.len);
    kr_rng_init(&rng, seed); /* as the maker draws: nonce, then key */
    kr_rng_bytes(&rng, key, 24);
    kr_rng_bytes(&rng, key, sizeof key);
    assert_int_equal(kr_aead_open(body, record.body.bytes, record.body.len, record.header.bytes, header.ad_len, header.nonce, key),
                     KR_OK);
    kr_aead_seal(body, body, class_bytes, altered.at, header.ad_len, header.nonce, key);
    kr_writer_init(&head, KR_HEADER_BYTES_MAX);
    kr_writer_raw(&head, altered.at, header.ad_len);
    kr_writer_bin(&head, header.slots_hash, 32);
    kr_hash(hash, "kairan body", body, record.body.len);
    kr_writer_bin(&head, hash, 32);
    struct bytes result = sign_parts(slice(head.bytes, head.len), record.slots, slice(body, record.body.len), &author);
    struct forged forged = {.bytes = result.at, .len = result.len};
    kr_hash(forged.id, "kairan record id", head.bytes, head.len);
    kr_writer_deinit(&content);
    kr_writer_deinit(&head);
    free(body);
    free(altered.at);
    free(kind.at);
    free(made.at);
    return forged;
}

/* Genuine, and sealed to the very node that it is handed to, which can open it: what would stand in the directory is ciphertext. */
static void a_sealed_statement_is_refused_and_the_node_starts(void **state)
{
    struct bed *bed = *state;
    static const enum kr_label labels[] = {KR_TLP_AMBER, KR_TLP_AMBER_STRICT, KR_TLP_RED};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        struct forged forged = sealed_card(bed, labels[i]);
        bed_forget_log(bed);
        bed_hand_over(bed, 1, 0, &forged);
        assert_true(bed_said(bed, 0, "refused a record"));
        assert_false(bed_holds(bed, 0, forged.id));
        forged_free(&forged);
    }
    bed_restart(bed, 0);
    assert_true(bed_link(bed, 0, 1)->has_session);
}

static bool takes_card_for(struct bed *bed, const uint8_t in[static 32], uint64_t version)
{
    struct kr_writer content;
    struct kr_slice card = card_of(bed, 1, &content);
    struct forged forged = bed_statement(bed, 1, KR_KIND_COUNCIL_CARD, in, bed_node(bed, 1)->council, version, card);
    bed_hand_over(bed, 1, 0, &forged);
    bool is_held = bed_holds(bed, 0, forged.id);
    forged_free(&forged);
    kr_writer_deinit(&content);
    return is_held;
}

/* Whoever is linked may hand us its own card for a community that we do not know, and make up as many of those as it likes. */
static void cards_for_communities_that_nobody_knows_are_bounded(void **state)
{
    struct bed *bed = *state;
    uint8_t made_up[32] = {0x42};
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 2 * KR_CARDS_MAX; i++) {
        made_up[1] = (uint8_t)i;
        taken += takes_card_for(bed, made_up, 10 + i);
    }
    assert_int_equal(taken, KR_CARDS_MAX - 1); /* one is in the community that both are in */
    assert_true(bed_said(bed, 0, "too large or too many"));
    made_up[1] = 0;
    assert_true(takes_card_for(bed, made_up, 100));
    assert_true(takes_card_for(bed, community(bed), 101));
    assert_true(bed_link(bed, 0, 1)->has_session);
}

/* Writes a row of that kind and author into the node's directory while it does not run. */
static void plant_row(struct bed *bed, uint32_t node, uint32_t kind, const uint8_t author[static 32], const void *value, size_t len)
{
    struct kr_txn *txn = NULL;
    struct kr_header header = {.kind = kind};
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    memcpy(header.author, author, 32);
    memcpy(header.community, community(bed), 32);
    memcpy(header.subject, author, 32);
    kr_directory_key(key, &header);
    assert_int_equal(kr_store_write_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_DIRECTORY, key, sizeof key, value, len), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

static void plant_entry(struct bed *bed, uint32_t node, uint32_t kind, const uint8_t author[static 32], const uint8_t id[static 32])
{
    struct kr_directory_entry entry = {.version = 1};
    struct kr_writer writer;
    memcpy(entry.record_id, id, 32);
    kr_writer_init(&writer, KR_TABLE_VALUE_BYTES_MAX);
    kr_directory_entry_write(&entry, &writer);
    plant_row(bed, node, kind, author, writer.bytes, writer.len);
    kr_writer_deinit(&writer);
}

/* What a node cannot read of its directory is passed over, said once, and mended by the next statement. */
static void rows_that_lead_nowhere_do_not_keep_a_node_from_starting(void **state)
{
    struct bed *bed = *state;
    struct kr_head head;
    struct kr_writer content;
    uint8_t nowhere[32] = {0xEE}, report_id[32];
    struct stranger stranger;
    stranger_init(bed, &stranger, 6);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
    assert_int_equal(bed_submit(bed, 0, submit, report_id), KR_OK);
    bed_submission_free(submit);
    plant_row(bed, 0, KR_KIND_COUNCIL_CARD, stranger.id, "rotten", 6);
    plant_entry(bed, 0, KR_KIND_COUNCIL_CARD, nowhere, nowhere);
    plant_entry(bed, 0, KR_KIND_CHARTER, nowhere, report_id);
    plant_entry(bed, 0, KR_KIND_VOUCH, nowhere, nowhere);
    bed_forget_log(bed);
    bed_restart(bed, 0);
    assert_int_equal(bed_times_said(bed, 0, "4 cards, charters, vouches or expulsions in the store cannot be read"), 1);
    assert_true(bed_link(bed, 0, 1)->has_session);
    assert_true(kr_directory_is_member(&bed_core(bed, 0)->directory, community(bed), bed_node(bed, 1)->council));
    struct kr_vouch vouch = {0};
    memcpy(vouch.council, stranger.id, 32);
    kr_writer_init(&content, KR_KIB);
    kr_vouch_write(&vouch, &content);
    struct forged vouched =
        bed_statement(bed, 1, KR_KIND_VOUCH, community(bed), stranger.id, 1, (struct kr_slice){content.bytes, content.len});
    struct forged card = stranger_card(bed, &stranger, community(bed), 1, 100000);
    bed_hand_over(bed, 1, 0, &vouched);
    bed_hand_over(bed, 1, 0, &card);
    assert_int_equal(bed_head(bed, 0, card.id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_SHOWN);
    assert_non_null(kr_directory_council(&bed_core(bed, 0)->directory, stranger.id));
    bed_forget_log(bed);
    bed_restart(bed, 0);
    assert_int_equal(bed_times_said(bed, 0, "3 cards, charters, vouches or expulsions in the store cannot be read"), 1);
    forged_free(&vouched);
    forged_free(&card);
    kr_writer_deinit(&content);
    stranger_deinit(&stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(statements_without_sense_are_refused_and_harm_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(statements_that_expire_leave_a_node_that_starts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sealed_statement_is_refused_and_the_node_starts, setup, teardown),
        cmocka_unit_test_setup_teardown(cards_for_communities_that_nobody_knows_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_that_lead_nowhere_do_not_keep_a_node_from_starting, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/statement", tests, NULL, NULL);
}
