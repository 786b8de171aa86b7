#include "tests/unit/core/bed.h"

#include <stdio.h>

#include "crypto/secret.h"
#include "proto/client/client.h"
#include "proto/client/draft.h"
#include "proto/indicator/indicator.h"

/* ---- the world ---- */

static bool log_line(struct bed *bed, const struct sim_node *node, const struct kr_effect *effect)
{
    if (bed->log_len + effect->len + 16 > bed->log_capacity) {
        bed->log_capacity = 2 * (bed->log_capacity + effect->len + 16);
        bed->log = realloc(bed->log, bed->log_capacity);
        assert_non_null(bed->log);
    }
    bed->log_len += (size_t)snprintf(bed->log + bed->log_len, bed->log_capacity - bed->log_len, "%u: %.*s\n", node->index,
                                     (int)effect->len, (const char *)effect->bytes);
    return false;
}

static bool on_effect(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    struct bed *bed = context;
    switch (effect->type) {
    case KR_EFFECT_SEND:
        bed->sent[node->index]++;
        bed->sent_bytes[node->index] += effect->len;
        return bed->on_send != NULL && bed->on_send(bed->context, node, effect);
    case KR_EFFECT_DIAL:
    case KR_EFFECT_HANGUP:
        return bed->on_dial != NULL && bed->on_dial(bed->context, node, effect);
    case KR_EFFECT_LOG:
        return log_line(bed, node, effect);
    case KR_EFFECT_PAGE:
        if (effect->client == BED_CLIENT && bed->pages++ < sizeof bed->items / sizeof bed->items[0]) {
            const uint32_t at = bed->pages - 1;
            bed->items[at].len = effect->len < sizeof bed->items[0].bytes ? effect->len : sizeof bed->items[0].bytes;
            memcpy(bed->items[at].bytes, effect->bytes, bed->items[at].len);
        }
        return false;
    case KR_EFFECT_FORGET:
        bed->forgets = effect->code;
        return true;
    case KR_EFFECT_KEYS_MAKE:
        assert_int_equal(
            kr_keyring_prepare(node->keyring, effect->bytes, effect->at_ms / 1000, (enum kr_next_keys)effect->code, NULL, NULL),
            KR_OK);
        if (effect->client == BED_CLIENT) {
            bed->answers++;
            bed->request = effect->request;
            bed->code = KR_OK;
        }
        return true;
    case KR_EFFECT_STORAGE_TURN:
    case KR_EFFECT_TRANSPORT_TURN:
        return bed->loses_turns;
    case KR_EFFECT_TRANSPORT_MAKE:
        bed->answers++;
        bed->request = effect->request;
        bed->code = KR_OK;
        return false;
    case KR_EFFECT_STORAGE_MAKE:
        assert_int_equal(kr_keyring_storage_prepare(node->keyring, effect->bytes, effect->at_ms / 1000, NULL, NULL), KR_OK);
        kr_store_rekey_begin(node->store, kr_keyring_storage(node->keyring));
        bed->answers++;
        bed->request = effect->request;
        bed->code = KR_OK;
        return true;
    case KR_EFFECT_END:
    case KR_EFFECT_ERROR:
        if (effect->client != BED_CLIENT) {
            return false;
        }
        bed->answers++;
        bed->request = effect->request;
        bed->code = effect->type == KR_EFFECT_END ? (uint32_t)KR_OK : effect->code;
        bed->result_len = effect->len < sizeof bed->result ? effect->len : sizeof bed->result;
        memcpy(bed->result, effect->bytes, bed->result_len);
        bed->text[0] = 0;
        if (effect->type == KR_EFFECT_ERROR) {
            (void)snprintf(bed->text, sizeof bed->text, "%.*s", (int)effect->len, (const char *)effect->bytes);
        }
        return true;
    default:
        return false;
    }
}

struct bed *bed_new(uint32_t nodes)
{
    struct sim_edges edges = {0};
    sim_edges_chain(&edges, nodes);
    struct bed *bed = bed_new_with(nodes, &edges);
    sim_edges_free(&edges);
    return bed;
}

static struct bed *make(uint32_t nodes, const struct sim_edges *edges, uint32_t newcomers)
{
    struct bed *bed = calloc(1, sizeof *bed);
    assert_non_null(bed);
    assert_int_equal(kr_crypto_init(), KR_OK);
    bed->world = malloc(sizeof *bed->world);
    assert_non_null(bed->world);
    if (sim_world_init_with(bed->world, 1, nodes, edges, nodes > 1 ? 1 : 0, newcomers, NULL) != SIM_HOLDS) {
        fail_msg("no world: %s", bed->world->complaint);
    }
    bed->world->on_effect = on_effect;
    bed->world->context = bed;
    return bed;
}

struct bed *bed_new_with(uint32_t nodes, const struct sim_edges *edges)
{
    return make(nodes, edges, 0);
}

struct bed *bed_new_grown(uint32_t nodes, uint32_t newcomers)
{
    struct sim_edges edges = {0};
    sim_edges_chain(&edges, nodes);
    struct bed *bed = make(nodes, &edges, newcomers);
    sim_edges_free(&edges);
    return bed;
}

void bed_free(struct bed *bed)
{
    sim_world_deinit(bed->world);
    free(bed->world);
    free(bed->log);
    free(bed);
}

/* A step that fails for another reason than its store ends the run: what a peer or a client says must never do that. */
void bed_run(struct bed *bed, uint64_t ms)
{
    if (sim_world_run(bed->world, bed->world->now_ms + ms) != SIM_HOLDS) {
        fail_msg("%s", bed->world->complaint);
    }
}

void bed_pass(struct bed *bed, uint64_t ms)
{
    for (uint32_t i = 0; i < bed->world->node_count; i++) {
        sim_world_crash(bed->world, i, ms);
    }
    bed_run(bed, ms + 2 * (uint64_t)3600000);
}

struct sim_node *bed_node(struct bed *bed, uint32_t index)
{
    return bed->world->nodes[index];
}

struct kr_core *bed_core(struct bed *bed, uint32_t index)
{
    return kr_loop_core(bed->world->nodes[index]->loop);
}

static const struct kr_council *council_of(struct bed *bed, uint32_t node, uint32_t of)
{
    const struct kr_council *council = kr_directory_council(&bed_core(bed, node)->directory, bed_node(bed, of)->council);
    assert_non_null(council);
    return council;
}

struct kr_card bed_card(struct bed *bed, uint32_t node, uint32_t of)
{
    struct kr_card card;
    kr_council_card(council_of(bed, node, of), &card);
    return card;
}

void bed_turn_key(struct bed *bed, uint32_t node, uint32_t of)
{
    struct kr_card card = bed_card(bed, node, of);
    struct kr_council *council = (struct kr_council *)(uintptr_t)council_of(bed, node, of);
    uint8_t *key = memmem(council->content, council->content_len, card.node[0].public_key, 32);
    assert_non_null(key);
    key[0] ^= 1;
    council->record_id[31] ^= of != node; /* it is not the card that its council shows in a hello */
}

struct kr_link *bed_link(struct bed *bed, uint32_t from, uint32_t to)
{
    struct kr_core *core = bed_core(bed, from);
    const uint8_t *council = bed->world->nodes[to]->council;
    uint32_t at = 0; /* (of two nodes of one council the link is no first one) */
    struct kr_link *link =
        memcmp(council, core->self, 32) == 0 ? kr_link_of_council(core, council, &at) : kr_link_by_council(core, council);
    assert_non_null(link);
    return link;
}

void bed_forget_log(struct bed *bed)
{
    bed->log_len = 0;
}

uint32_t bed_times_said(const struct bed *bed, uint32_t node, const char *text)
{
    uint32_t count = 0;
    char start[16];
    (void)snprintf(start, sizeof start, "%u: ", node);
    for (size_t at = 0; at < bed->log_len;) {
        const char *line = bed->log + at;
        const char *end = memchr(line, '\n', bed->log_len - at);
        size_t len = end == NULL ? bed->log_len - at : (size_t)(end - line);
        count += strncmp(line, start, strlen(start)) == 0 && memmem(line, len, text, strlen(text)) != NULL;
        at += len + 1;
    }
    return count;
}

bool bed_said(struct bed *bed, uint32_t node, const char *text)
{
    bool said = bed_times_said(bed, node, text) > 0;
    bed_forget_log(bed);
    return said;
}

/* ---- a client ---- */

bool bed_at_once(void *context)
{
    (void)context;
    return true;
}

uint32_t bed_request(struct bed *bed, uint32_t node, uint32_t op, const void *args, size_t len, uint64_t ms)
{
    struct kr_event event = {
        .type = KR_EVENT_REQUEST, .client = BED_CLIENT, .request = ++bed->request, .op = op, .caller = bed->caller};
    bed->code = BED_PENDING;
    sim_world_push(bed->world, bed_node(bed, node), event, args, len, bed->world->now_ms);
    bed_run(bed, ms);
    return bed->code;
}

static void write_report(struct kr_writer *body, const char *const *domains, uint32_t count)
{
    struct kr_writer list;
    kr_writer_init(&list, KR_MIB);
    kr_writer_array(&list, count);
    for (uint32_t i = 0; i < count; i++) {
        struct kr_indicator indicator;
        assert_int_equal(kr_indicator_parse(KR_INDICATOR_DOMAIN, domains[i], strlen(domains[i]), &indicator, NULL), KR_OK);
        struct kr_report_indicator entry = {
            .type = indicator.type, .value = {indicator.value, indicator.len}, .confidence = KR_CONFIDENCE_NONE};
        kr_report_indicator_write(&entry, &list);
    }
    struct kr_report report = {.title = {(const uint8_t *)"a report", 8},
                               .indicator_count = count,
                               .indicators = {list.bytes, list.len},
                               .part = 1,
                               .parts = 1};
    kr_writer_init(body, KR_MIB);
    kr_report_write(&report, body);
    assert_int_equal(kr_writer_finish(body), KR_OK);
    kr_writer_deinit(&list);
}

struct kr_slice bed_report(struct kr_writer *writer, const char *domain)
{
    write_report(writer, &domain, 1);
    return (struct kr_slice){writer->bytes, writer->len};
}

void bed_submission_body(struct kr_submit *submit, const char *const *domains, uint32_t count)
{
    struct kr_writer body;
    uint8_t *bytes = NULL;
    free((void *)(uintptr_t)submit->body.bytes);
    write_report(&body, domains, count);
    assert_int_equal(kr_writer_take(&body, &bytes, &submit->body.len), KR_OK);
    submit->body.bytes = bytes;
}

struct kr_submit *bed_submission(struct bed *bed, enum kr_label label, const char *domain, uint8_t token)
{
    struct kr_submit *submit = calloc(1, sizeof *submit);
    (void)bed;
    assert_non_null(submit);
    submit->kind = KR_KIND_REPORT;
    submit->label = label;
    memset(submit->token, token, sizeof submit->token);
    bed_submission_body(submit, &domain, 1);
    return submit;
}

void bed_submission_free(struct kr_submit *submit)
{
    free((void *)(uintptr_t)submit->body.bytes);
    free(submit);
}

void bed_address(struct bed *bed, struct kr_submit *submit, uint32_t node)
{
    memcpy(submit->audience[submit->audience_count++], bed_node(bed, node)->council, 32);
}

void bed_result_id(const struct bed *bed, uint8_t ret_id[static 32], bool *ret_known)
{
    struct kr_stored stored;
    assert_int_equal(kr_stored_read((struct kr_slice){bed->result, bed->result_len}, &stored), KR_OK);
    assert_false(stored.waits);
    memcpy(ret_id, stored.id, 32);
    *ret_known = stored.is_known;
}

uint32_t bed_submit(struct bed *bed, uint32_t node, const struct kr_submit *submit, uint8_t ret_id[static 32])
{
    struct kr_writer args;
    bool is_known;
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(submit, &args);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    uint32_t code = bed_request(bed, node, KR_OP_SUBMIT, args.bytes, args.len, 200);
    kr_writer_deinit(&args);
    if (code == KR_OK) {
        bed_result_id(bed, ret_id, &is_known);
    }
    return code;
}

void bed_restart(struct bed *bed, uint32_t node)
{
    sim_world_crash(bed->world, node, BED_DAY_MS * 30000ull);
    assert_int_equal(sim_world_start(bed->world, node), SIM_HOLDS);
    bed_run(bed, 20000);
}

/* ---- looking into stores ---- */

enum kr_err bed_head(struct bed *bed, uint32_t node, const uint8_t id[static 32], struct kr_head *ret_head)
{
    static uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_txn *txn = NULL;
    uint64_t arrival;
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    enum kr_err err = kr_store_record_find(txn, id, &arrival);
    if (err == KR_OK) {
        err = kr_store_head_get(txn, arrival, ret_head, scratch);
    }
    kr_txn_abort(txn);
    return err;
}

bool bed_holds(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_head head;
    enum kr_err err = bed_head(bed, node, id, &head);
    assert_true(err == KR_OK || err == KR_NOT_FOUND);
    return err == KR_OK && head.state != KR_HEAD_HEADER_ONLY;
}

struct kr_store_stat bed_stat(struct bed *bed, uint32_t node)
{
    struct kr_txn *txn = NULL;
    struct kr_store_stat stat;
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    kr_txn_abort(txn);
    return stat;
}

uint64_t bed_records(struct bed *bed, uint32_t node)
{
    static uint8_t scratch[KR_HEAD_SCRATCH];
    const struct kr_store_stat stat = bed_stat(bed, node);
    uint64_t stripped = 0;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    for (uint64_t arrival = 1; arrival <= stat.arrivals; arrival++) {
        struct kr_head head;
        stripped += kr_store_head_get(txn, arrival, &head, scratch) == KR_OK && head.state == KR_HEAD_HEADER_ONLY;
    }
    kr_txn_abort(txn);
    return stat.records - stripped;
}

/* ---- signing as anybody ---- */

static struct forged forge(struct bed *bed, const struct kr_keyring *keyring, const uint8_t author[static 32],
                           struct kr_draft draft)
{
    static uint8_t counter;
    uint8_t seed[32] = {0x77, ++counter};
    struct forged forged = {0};
    draft.created_ms = draft.created_ms != 0 ? draft.created_ms : bed->world->now_ms;
    draft.expires_s = draft.expires_s != 0 ? draft.expires_s : draft.created_ms / 1000 + BED_DAY_MS / 1000;
    const uint8_t *secret = kr_kind_is_statement(draft.kind) ? keyring->root_secret : keyring->node_secret;
    assert_int_equal(kr_record_make(&draft, author, secret, seed, &forged.bytes, &forged.len, forged.id), KR_OK);
    return forged;
}

struct forged bed_forge(struct bed *bed, uint32_t node, struct kr_draft draft)
{
    return forge(bed, bed_node(bed, node)->keyring, bed_node(bed, node)->council, draft);
}

struct forged stranger_forge(struct bed *bed, const struct stranger *stranger, struct kr_draft draft)
{
    return forge(bed, stranger->keyring, stranger->id, draft);
}

struct forged bed_statement(struct bed *bed, uint32_t author, uint32_t kind, const uint8_t *in, const uint8_t *subject,
                            uint64_t version, struct kr_slice content)
{
    return bed_forge(bed, author,
                     (struct kr_draft){.kind = kind,
                                       .label = in != NULL ? KR_TLP_GREEN : KR_TLP_CLEAR,
                                       .community = in,
                                       .subject = subject,
                                       .version = version,
                                       .content = content});
}

void forged_free(struct forged *forged)
{
    free(forged->bytes);
}

uint32_t bed_act_on(struct bed *bed, uint32_t node, uint32_t action, uint32_t other)
{
    struct kr_peer_act act = {.action = action};
    struct kr_writer args;
    memcpy(act.council, bed_node(bed, other)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(&act, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_PEER, args.bytes, args.len, 1000);
    kr_writer_deinit(&args);
    return code;
}

uint32_t bed_pair(struct bed *bed, uint32_t node, uint32_t other, uint32_t action, const char *code)
{
    struct kr_pair_act act = {.action = action, .code = {(const uint8_t *)code, strlen(code)}};
    struct kr_writer args;
    memcpy(act.council, bed_node(bed, other)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_pair_act_write(&act, &args);
    const uint32_t answer = bed_request(bed, node, KR_OP_PAIR, args.bytes, args.len, 1000);
    kr_writer_deinit(&args);
    return answer;
}

uint32_t bed_confirm(struct bed *bed, uint32_t node, uint32_t other)
{
    return bed_pair(bed, node, other, KR_PAIR_CONFIRM, bed_link(bed, other, node)->pairing.code);
}

void stranger_init(struct bed *bed, struct stranger *stranger, uint8_t number)
{
    uint8_t seed[32] = {number, 0x55}, nonce[16] = {number};
    struct kr_writer genesis;
    assert_int_equal(kr_keyring_new(seed, bed->world->now_ms / 1000, &stranger->keyring, NULL), KR_OK);
    kr_writer_init(&genesis, KR_KIB);
    kr_council_genesis_write(stranger->keyring->root_public, stranger->keyring->recovery_public, nonce, &genesis);
    assert_int_equal(kr_writer_take(&genesis, &stranger->genesis, &stranger->genesis_len), KR_OK);
    kr_council_id(stranger->id, (struct kr_slice){stranger->genesis, stranger->genesis_len});
}

void stranger_deinit(struct stranger *stranger)
{
    kr_keyring_free(stranger->keyring);
    free(stranger->genesis);
}

struct forged stranger_card(struct bed *bed, const struct stranger *stranger, const uint8_t *community, uint64_t version,
                            uint64_t ttl_s)
{
    struct kr_card_key key = {.from_s = bed->world->now_ms / 1000 - 3600};
    memcpy(key.public_key, stranger->keyring->node_public, 32);
    return stranger_card_with(bed, stranger, community, version, ttl_s, &key, 1);
}

struct forged stranger_card_with(struct bed *bed, const struct stranger *stranger, const uint8_t *community, uint64_t version,
                                 uint64_t ttl_s, const struct kr_card_key *keys, uint32_t count)
{
    static struct kr_card card;
    uint64_t from_s = bed->world->now_ms / 1000 - 3600;
    struct kr_writer content;
    memset(&card, 0, sizeof card);
    card.genesis = (struct kr_slice){stranger->genesis, stranger->genesis_len};
    card.name_en = (struct kr_slice){(const uint8_t *)"stranger", 8};
    card.transport_count = card.sealing_count = 1;
    card.node_count = count;
    memcpy(card.node, keys, count * sizeof *keys);
    memcpy(card.transport[0].public_key, stranger->keyring->transport_public, 32);
    memcpy(card.sealing[0].public_key, stranger->keyring->sealing[0].public_key, 32);
    card.transport[0].from_s = card.sealing[0].from_s = from_s;
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    assert_int_equal(kr_writer_finish(&content), KR_OK);
    struct forged forged = stranger_forge(bed, stranger,
                                          (struct kr_draft){.kind = KR_KIND_COUNCIL_CARD,
                                                            .label = community != NULL ? KR_TLP_GREEN : KR_TLP_CLEAR,
                                                            .community = community,
                                                            .subject = stranger->id,
                                                            .version = version,
                                                            .expires_s = bed->world->now_ms / 1000 + ttl_s,
                                                            .content = {content.bytes, content.len}});
    kr_writer_deinit(&content);
    return forged;
}

/* ---- what a peer says ---- */

uint8_t *bed_frame(struct kr_session *session, const struct kr_message *message, size_t *ret_len)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_FRAME_BYTES_MAX - 64);
    kr_message_write(message, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    *ret_len = 1 + KR_SESSION_ID_BYTES + writer.len + KR_SESSION_OVERHEAD_BYTES;
    uint8_t *frame = malloc(*ret_len);
    assert_non_null(frame);
    frame[0] = KR_FRAME_SEALED;
    memcpy(frame + 1, session->id, KR_SESSION_ID_BYTES);
    kr_session_seal(session, frame + 1 + KR_SESSION_ID_BYTES, writer.bytes, writer.len);
    kr_writer_deinit(&writer);
    return frame;
}

/* Frames of a session keep their order: what is said must not overtake what the core itself has on the way. */
static bool is_frame_under_way(const struct bed *bed, uint32_t to)
{
    for (size_t i = 0; i < bed->world->heap_count; i++) {
        const struct sim_event *event = &bed->world->heap[i];
        if (event->node == to && event->kind == SIM_CORE_EVENT && event->event.type == KR_EVENT_FRAME) {
            return true;
        }
    }
    return false;
}

void bed_say(struct bed *bed, uint32_t from, uint32_t to, const struct kr_message *message)
{
    while (is_frame_under_way(bed, to)) {
        bed_run(bed, 1);
    }
    struct kr_link *theirs = bed_link(bed, from, to), *ours = bed_link(bed, to, from);
    size_t len = 0;
    assert_true(theirs->has_session);
    uint8_t *frame = bed_frame(&theirs->session, message, &len);
    sim_world_push(bed->world, bed_node(bed, to), (struct kr_event){.type = KR_EVENT_FRAME, .number = ours->number}, frame, len,
                   bed->world->now_ms);
    free(frame);
    bed_run(bed, 100);
}

void bed_tag(struct bed *bed, uint32_t from, uint32_t to, struct kr_scope scope, uint8_t ret_tag[static KR_SCOPE_TAG_BYTES])
{
    kr_scope_tag(ret_tag, bed_link(bed, from, to)->session.salt, &scope);
}

void bed_say_of(struct bed *bed, uint32_t from, uint32_t to, struct kr_scope scope, const struct kr_message *message)
{
    struct kr_message tagged = *message;
    bed_tag(bed, from, to, scope, tagged.tag);
    bed_say(bed, from, to, &tagged);
}

void bed_hand_over(struct bed *bed, uint32_t from, uint32_t to, const struct forged *forged)
{
    struct kr_writer list;
    kr_writer_init(&list, KR_FRAME_BYTES_MAX);
    kr_writer_bin(&list, forged->bytes, forged->len);
    struct kr_message message = {.type = KR_MESSAGE_RECORDS, .item_count = 1, .items = {list.bytes, list.len}};
    bed_say(bed, from, to, &message);
    kr_writer_deinit(&list);
}
