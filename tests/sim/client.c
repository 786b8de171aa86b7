/* Clients: whoever wants a record stored asks until told that it is. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "proto/client/client.h"
#include "proto/client/draft.h"
#include "proto/indicator/indicator.h"
#include "proto/record/body.h"
#include "proto/record/record.h"
#include "tests/sim/hostile.h"
#include "tests/sim/internal.h"

#define RETRY_MS     3000u
#define CLOCK_MS_MAX 82800000   /* so far ahead a clock may be that the dates it gives are still good, and … */
#define BACK_MS_MAX  1728000000 /* … so far behind */

static void write_body(const struct sim_record *record, uint32_t number, uint32_t text_bytes, struct kr_writer *writer)
{
    char domain[80], title[2 * sizeof record->canary + 1];
    (void)snprintf(domain, sizeof domain, "r%u-%02x%02x%02x.example", number, record->canary[8], record->canary[9],
                   record->canary[10]);
    sodium_bin2hex(title, sizeof title, record->canary, sizeof record->canary);
    struct kr_indicator indicator;
    KR_ASSERT(kr_indicator_parse(KR_INDICATOR_DOMAIN, domain, strlen(domain), &indicator, NULL) == KR_OK);
    struct kr_writer list;
    kr_writer_init(&list, KR_KIB * 4);
    kr_writer_array(&list, 1);
    struct kr_report_indicator entry = {
        .type = indicator.type, .value = {indicator.value, indicator.len}, .confidence = KR_CONFIDENCE_NONE};
    kr_report_indicator_write(&entry, &list);
    uint8_t *text = malloc(text_bytes + 1);
    KR_ASSERT(text != NULL);
    memset(text, 'x', text_bytes);
    struct kr_report report = {.title = {(const uint8_t *)title, strlen(title)},
                               .text = {text, text_bytes},
                               .indicator_count = 1,
                               .indicators = {list.bytes, list.len},
                               .part = 1,
                               .parts = 1};
    kr_report_write(&report, writer);
    kr_writer_deinit(&list);
    free(text);
}

static void write_request(const struct sim_world *world, struct sim_record *record, uint32_t number, uint32_t text_bytes)
{
    struct kr_writer body, request;
    kr_writer_init(&body, KR_BODY_BYTES_MAX);
    write_body(record, number, text_bytes, &body);
    struct kr_submit *submit = calloc(1, sizeof *submit);
    KR_ASSERT(submit != NULL);
    submit->kind = KR_KIND_REPORT;
    submit->label = record->label;
    if (record->label == KR_TLP_GREEN && world->has_second) {
        submit->has_community = true;
        memcpy(submit->community, world->communities[record->is_in_second ? 1 : 0], 32);
    }
    submit->expires_s = record->expires_ms / 1000;
    submit->body = (struct kr_slice){body.bytes, body.len};
    memcpy(submit->token, record->token, 16);
    for (uint32_t i = 0; i < record->audience_count; i++) {
        memcpy(submit->audience[submit->audience_count++], world->nodes[record->audience[i]]->council, 32);
    }
    kr_writer_init(&request, KR_CLIENT_FRAME_BYTES_MAX);
    kr_submit_write(submit, &request);
    KR_ASSERT(kr_writer_take(&request, &record->request, &record->request_len) == KR_OK);
    kr_writer_deinit(&body);
    free(submit);
}

struct sim_record *sim_world_add_record(struct sim_world *world)
{
    if (world->record_count == world->record_capacity) {
        world->record_capacity = world->record_capacity == 0 ? 64 : world->record_capacity * 2;
        world->records = realloc(world->records, world->record_capacity * sizeof *world->records);
        KR_ASSERT(world->records != NULL);
    }
    return &world->records[world->record_count++];
}

uint32_t sim_world_submit_as(struct sim_world *world, const struct sim_submission *submission, uint64_t at_ms)
{
    struct sim_record *record = sim_world_add_record(world);
    const uint32_t number = world->record_count - 1;
    *record = (struct sim_record){.node = submission->node, .name = submission->name, .label = submission->label};
    record->is_in_second = submission->is_in_second;
    record->expires_ms = submission->lives_ms == 0 ? 0 : (at_ms + submission->lives_ms) / 1000 * 1000;
    record->audience_count = submission->label == KR_TLP_AMBER ? submission->audience_count : 0;
    record->audience = calloc((size_t)record->audience_count + 1, sizeof *record->audience);
    KR_ASSERT(record->audience != NULL && record->audience_count <= KR_CLIENT_AUDIENCE_MAX);
    for (uint32_t i = 0; i < record->audience_count; i++) {
        record->audience[i] = submission->audience[i];
    }
    kr_rng_bytes(&world->rng, record->token, sizeof record->token);
    kr_rng_bytes(&world->rng, record->canary, sizeof record->canary);
    memcpy(record->canary, world->canary, sizeof world->canary);
    write_request(world, record, number, submission->text_bytes);
    sim_heap_push(world,
                  (struct sim_event){.at_ms = at_ms, .node = submission->node, .kind = SIM_SUBMIT, .event = {.request = number}});
    return number;
}

uint32_t sim_world_submit(struct sim_world *world, uint32_t node, enum kr_label label, const uint32_t *audience,
                          uint32_t audience_count, uint64_t at_ms)
{
    struct sim_submission submission = {
        .node = node, .name = world->record_count, .label = label, .audience = audience, .audience_count = audience_count};
    return sim_world_submit_as(world, &submission, at_ms);
}

uint32_t sim_world_draw_audience(struct sim_world *world, uint32_t node, uint32_t *ret_audience)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (i != node && count < KR_CLIENT_AUDIENCE_MAX && sim_world_below(world, 2) == 1) {
            ret_audience[count++] = i;
        }
    }
    if (count == 0) {
        ret_audience[count++] = node == 0 ? 1 : 0;
    }
    return count;
}

/* Whose clock is wrong by much dates records so that nobody has to take them. */
static void note_clock(const struct sim_world *world, const struct sim_node *node, struct sim_record *record)
{
    const bool is_ahead = node->skew_ms > CLOCK_MS_MAX || (node->is_up && node->now_ms > world->now_ms + CLOCK_MS_MAX);
    record->is_dated_back = record->is_dated_back || node->skew_ms < -BACK_MS_MAX;
    record->is_exempt = record->is_exempt || is_ahead || record->is_dated_back;
}

void sim_client_again(struct sim_world *world, const struct sim_event *event)
{
    const struct sim_node *node = world->nodes[event->node];
    struct sim_record *record = &world->records[event->event.request];
    bool is_over = record->expires_ms > 0 && record->expires_ms <= world->now_ms + 1000;
    if (record->is_accepted || is_over) {
        return;
    }
    note_clock(world, node, record);
    if (node->is_up) {
        struct kr_event request = {
            .type = KR_EVENT_REQUEST, .client = SIM_CLIENT_SUBMIT, .request = event->event.request, .op = KR_OP_SUBMIT};
        sim_world_push(world, node, request, record->request, record->request_len, world->now_ms);
    }
    struct sim_event again = *event;
    again.at_ms = world->now_ms + RETRY_MS;
    sim_heap_push(world, again);
}

static uint64_t created_ms(const struct sim_node *node, const uint8_t id[static 32])
{
    uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint64_t arrival;
    KR_ASSERT(kr_store_read_begin(node->store, &txn) == KR_OK);
    const bool is_found =
        kr_store_record_find(txn, id, &arrival) == KR_OK && kr_store_head_get(txn, arrival, &head, scratch) == KR_OK;
    kr_txn_abort(txn);
    return is_found ? head.created_ms : 0;
}

void sim_client_ended(struct sim_world *world, const struct sim_node *node, const struct kr_effect *effect)
{
    struct sim_record *record = &world->records[effect->request];
    struct kr_stored stored;
    KR_ASSERT(kr_stored_read((struct kr_slice){effect->bytes, effect->len}, &stored) == KR_OK);
    const uint8_t *id = stored.id;
    if (record->is_accepted && memcmp(record->id, id, 32) != 0) {
        (void)sim_fail(world, SIM_LOSS, "%s: one token gave two records", node->name);
    }
    if (!record->is_accepted) {
        sim_tell(world, "node %u accepts %u", node->index, record->name);
    }
    note_clock(world, node, record);
    memcpy(record->id, id, 32);
    record->created_ms = record->is_in_second ? created_ms(node, id) : 0;
    record->accepted_ms = record->is_accepted ? record->accepted_ms : world->now_ms;
    record->is_accepted = true;
    sim_trace(world, "%s accepts record %u", node->name, (uint32_t)effect->request);
}

void sim_world_retract(struct sim_world *world, struct sim_record *record)
{
    if (record == NULL || record->is_taken_back) {
        return;
    }
    record->is_taken_back = true;
    kr_rng_bytes(&world->rng, record->retract_token, sizeof record->retract_token);
    sim_heap_push(world, (struct sim_event){.at_ms = world->now_ms,
                                            .node = record->node,
                                            .kind = SIM_RETRACT,
                                            .event = {.request = (uint64_t)(record - world->records)}});
}

void sim_client_retract_again(struct sim_world *world, const struct sim_event *event)
{
    const struct sim_node *node = world->nodes[event->node];
    struct sim_record *record = &world->records[event->event.request];
    bool is_over = record->expires_ms > 0 && record->expires_ms <= world->now_ms + 1000;
    if (record->is_retracted || is_over) {
        return;
    }
    if (node->is_up && record->is_accepted) {
        static const char reason[] = "it was wrong", language[] = "en";
        struct kr_retract retract = {.id = {record->id, 32},
                                     .reason = {(const uint8_t *)reason, sizeof reason - 1},
                                     .language = {(const uint8_t *)language, sizeof language - 1}};
        struct kr_writer writer;
        memcpy(retract.token, record->retract_token, sizeof retract.token);
        kr_writer_init(&writer, KR_KIB * 4);
        kr_retract_write(&retract, &writer);
        struct kr_event request = {
            .type = KR_EVENT_REQUEST, .client = SIM_CLIENT_RETRACT, .request = event->event.request, .op = KR_OP_RETRACT};
        sim_world_push(world, node, request, writer.bytes, writer.len, world->now_ms);
        kr_writer_deinit(&writer);
        note_clock(world, node, record);
    }
    struct sim_event again = *event;
    again.at_ms = world->now_ms + RETRY_MS;
    sim_heap_push(world, again);
}

void sim_client_retracted(struct sim_world *world, const struct sim_node *node, const struct kr_effect *effect)
{
    struct sim_record *record = &world->records[effect->request];
    if (!record->is_retracted) {
        sim_tell(world, "node %u takes %u back", node->index, record->name);
        world->retractions++;
        record->retracted_ms = world->now_ms;
    }
    record->is_retracted = true;
}

void sim_client_look(struct sim_world *world, struct sim_node *node)
{
    static const char *const said[] = {"has no longer", "hides", "has"};
    if (node->has_count < world->record_count) {
        node->has = realloc(node->has, world->record_count);
        KR_ASSERT(node->has != NULL);
        memset(node->has + node->has_count, 0, world->record_count - node->has_count);
        node->has_count = world->record_count;
    }
    for (uint32_t i = 0; i < world->record_count; i++) {
        enum sim_held held = world->records[i].is_accepted ? sim_held(node, world->records[i].id) : SIM_HELD_NOT;
        if (held != node->has[i]) {
            node->has[i] = (uint8_t)held;
            sim_tell(world, "node %u %s %u", node->index, said[held], world->records[i].name);
        }
    }
}

/* ---- statements ---- */

/* Whether the node's council has a card in that community, and so can have a newer one. */
static bool has_card(struct kr_step *step, const uint8_t community[static 32])
{
    struct kr_header header = {.kind = KR_KIND_COUNCIL_CARD};
    struct kr_directory_entry entry;
    memcpy(header.author, step->core->self, 32);
    memcpy(header.subject, step->core->self, 32);
    memcpy(header.community, community, 32);
    return kr_admit_standing(step, &header, &entry) == KR_OK;
}

/* Its card anew, or what it says of another council. */
static enum kr_err put_statement(struct kr_step *step, const uint8_t community[static 32], const struct sim_node *about,
                                 enum sim_word word)
{
    if (about == NULL) {
        struct kr_card card;
        kr_council_card(kr_directory_council(&step->core->directory, step->core->self), &card);
        return kr_statement_put(
            step, &(struct kr_statement){KR_KIND_COUNCIL_CARD, community, step->core->self, kr_statement_write_card, &card});
    }
    struct kr_vouch vouch = {.is_withdrawn = word == SIM_WORD_UNVOUCHES || word == SIM_WORD_READMITS};
    const uint32_t kind = word == SIM_WORD_EXPELS || word == SIM_WORD_READMITS ? KR_KIND_EXPULSION : KR_KIND_VOUCH;
    memcpy(vouch.council, about->council, 32);
    return kr_statement_put(step, &(struct kr_statement){kind, community, about->council, kr_statement_write_vouch, &vouch});
}

enum sim_verdict sim_world_state(struct sim_world *world, uint32_t index, const struct sim_node *about, enum sim_word word)
{
    struct sim_node *node = world->nodes[index];
    struct kr_core *core = node->is_up ? kr_loop_core(node->loop) : NULL;
    struct kr_txn *txn = NULL;
    struct kr_effects effects;
    struct kr_rng rng;
    uint8_t seed[32];
    const uint64_t apart_ms = node->now_ms > world->now_ms ? node->now_ms - world->now_ms : world->now_ms - node->now_ms;
    if (node->skew_ms > CLOCK_MS_MAX || apart_ms > CLOCK_MS_MAX) {
        return SIM_HOLDS; /* nobody would take a card that is dated days ahead, or one of years ago that has expired */
    }
    if (core == NULL || core->directory.community_count == 0 || kr_store_write_begin(node->store, &txn) != KR_OK) {
        return SIM_HOLDS;
    }
    const uint8_t *community = world->has_second ? world->communities[0] : core->directory.communities[0]->id;
    kr_rng_bytes(&world->rng, seed, sizeof seed);
    kr_rng_init(&rng, seed);
    kr_effects_init(&effects);
    struct kr_step step = {.core = core, .txn = txn, .rng = &rng, .effects = &effects, .now_ms = node->now_ms};
    enum kr_err err = KR_NOT_FOUND;
    if (node->is_hostile) {
        sim_hostile_note(world, node);
    }
    if (has_card(&step, community)) {
        err = put_statement(&step, community, about, word);
    }
    if (err == KR_OK) {
        err = kr_core_flush(core, txn, &rng, node->now_ms, &effects);
    }
    const bool is_refused = err == KR_RESTORED; /* it went back to an older state: not now */
    if (err == KR_OK && !node->is_hostile && sim_is_held(node)) {
        (void)sim_fail(world, SIM_SIGNED, "%s went back to an older state and made a statement", node->name);
    }
    enum sim_verdict verdict =
        err == KR_OK || is_refused ? SIM_HOLDS : sim_fail(world, SIM_LOSS, "%s cannot make a statement", node->name);
    /* A commit that fails leaves the core as it never is: it would be made anew by its loop. Here it is by a new life. */
    if (err == KR_OK && kr_txn_commit(txn) != KR_OK) {
        sim_world_crash(world, index, 1000);
    } else if (err == KR_OK) {
        if (node->is_hostile) {
            sim_hostile_turn(world, node, &effects);
        }
        verdict = sim_let_out(world, node, &effects);
    } else {
        kr_txn_abort(txn);
    }
    kr_effects_deinit(&effects);
    return verdict;
}
