#include "tests/sim/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/core/job.h"
#include "proto/client/client.h"
#include "proto/indicator/indicator.h"
#include "proto/record/statement.h"
#include "tests/sim/disk.h"

#define EPOCH_MS  1790000000000ull /* September 2026: a time that dates make sense in */
#define RETRY_MS  3000u
#define BATCH_MAX 32u

/* ---- small things ---- */

uint32_t sim_world_below(struct sim_world *world, uint32_t bound)
{
    return (uint32_t)kr_rng_below(&world->rng, bound);
}

static bool chance(struct sim_world *world, uint32_t of_thousand)
{
    return !world->is_quiet && of_thousand > 0 && sim_world_below(world, 1000) < of_thousand;
}

void sim_trace(struct sim_world *world, const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    size_t kept = len < 0 ? 0 : ((size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
    kr_hash_update(&world->trace_hash, line, kept);
    kr_hash_update(&world->trace_hash, "\n", 1);
    if (world->trace != NULL) {
        (void)fprintf(world->trace, "%8.3f %s\n", (double)(world->now_ms - EPOCH_MS) / 1000, line);
    }
}

enum sim_verdict sim_fail(struct sim_world *world, enum sim_verdict verdict, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(world->complaint, sizeof world->complaint, fmt, args);
    va_end(args);
    return verdict;
}

void sim_world_trace_hash(const struct sim_world *world, uint8_t ret_hash[static 32])
{
    struct kr_hash_state copy = world->trace_hash;
    kr_hash_final(&copy, ret_hash);
}

/* ---- the heap of events ---- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void push(struct sim_world *world, struct sim_event event)
{
    event.order = world->order++;
    if (event.at_ms < world->now_ms) {
        event.at_ms = world->now_ms;
    }
    if (world->heap_count == world->heap_capacity) {
        world->heap_capacity = world->heap_capacity == 0 ? 256 : world->heap_capacity * 2;
        world->heap = realloc(world->heap, world->heap_capacity * sizeof *world->heap);
        KR_ASSERT(world->heap != NULL);
    }
    size_t at = world->heap_count++;
    while (at > 0 && is_before(&event, &world->heap[(at - 1) / 2])) {
        world->heap[at] = world->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->heap[at] = event;
}

static struct sim_event pop(struct sim_world *world)
{
    struct sim_event top = world->heap[0], last = world->heap[--world->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->heap_count) {
            break;
        }
        if (child + 1 < world->heap_count && is_before(&world->heap[child + 1], &world->heap[child])) {
            child++;
        }
        if (!is_before(&world->heap[child], &last)) {
            break;
        }
        world->heap[at] = world->heap[child];
        at = child;
    }
    world->heap[at] = last;
    return top;
}

static void event_free(struct sim_event *event)
{
    free(event->bytes);
    if (event->kind == SIM_CORE_EVENT && event->event.type == KR_EVENT_JOB_DONE) {
        kr_job_free(event->event.job);
    }
}

void sim_world_push(struct sim_world *world, const struct sim_node *node, struct kr_event event, const void *bytes, size_t len,
                    uint64_t at_ms)
{
    struct sim_event pushed = {.at_ms = at_ms, .node = node->index, .life = node->life, .kind = SIM_CORE_EVENT, .event = event};
    pushed.bytes = malloc(len + 1);
    KR_ASSERT(pushed.bytes != NULL);
    if (len > 0) {
        memcpy(pushed.bytes, bytes, len);
    }
    pushed.event.bytes = (struct kr_slice){pushed.bytes, len};
    push(world, pushed);
}

/* ---- nodes' lives ---- */

static bool fail_commit(void *context)
{
    struct sim_world *world = context;
    bool fails = chance(world, world->faults.fail_commit);
    world->failed_commits += fails;
    return fails;
}

static enum sim_verdict start(struct sim_world *world, struct sim_node *node)
{
    uint8_t seed[32];
    kr_rng_bytes(&world->rng, seed, sizeof seed);
    struct kr_store_options store_options = {
        .path = node->path,
        .storage_key = node->keyring->storage_key,
        .term_key = node->keyring->term_key,
        .term_generation = node->keyring->term_generation,
        .map_bytes = 64u * KR_MIB,
        .is_volatile = true,
        .fail_commit = fail_commit,
        .fail_context = world,
        .seed = seed,
    };
    struct kr_error error = {0};
    if (kr_store_open(&store_options, &node->store, &error) != KR_OK) {
        return sim_fail(world, SIM_CRASH, "%s: the store does not open: %s", node->name, error.text);
    }
    struct kr_core_options options = {.keyring = node->keyring, .endpoint = node->name, .guards = node->guards};
    if (kr_loop_new(node->store, &options, &node->loop, &error) != KR_OK) {
        return sim_fail(world, SIM_CRASH, "%s: the core does not start: %s", node->name, error.text);
    }
    node->life++;
    node->is_up = true;
    node->wake_ms = 0;
    node->allowed_count = 0;
    node->is_listening = false;
    memset(node->dials, 0, sizeof node->dials);
    sim_trace(world, "%s starts, life %u", node->name, node->life);
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_TICK}, NULL, 0, world->now_ms);
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_NET_UP}, NULL, 0, world->now_ms + 5);
    return SIM_HOLDS;
}

enum sim_verdict sim_world_start(struct sim_world *world, uint32_t index)
{
    return start(world, &world->nodes[index]);
}

static void stop(struct sim_node *node)
{
    kr_loop_free(node->loop);
    kr_store_close(node->store);
    node->loop = NULL;
    node->store = NULL;
    node->is_up = false;
    node->allowed_count = 0;
    node->is_listening = false;
    memset(node->dials, 0, sizeof node->dials);
}

void sim_world_crash(struct sim_world *world, uint32_t index, uint64_t down_ms)
{
    struct sim_node *node = &world->nodes[index];
    if (!node->is_up) {
        return;
    }
    sim_trace(world, "%s crashes", node->name);
    stop(node);
    world->crashes++;
    push(world, (struct sim_event){.at_ms = world->now_ms + down_ms, .node = index, .kind = SIM_RESTART});
}

/* ---- the net process of a node, as far as the core can tell ---- */

static struct sim_dial *dial_by_number(struct sim_node *node, uint32_t number)
{
    for (uint32_t i = 0; i < SIM_DIALS_MAX; i++) {
        if (node->dials[i].is_used && node->dials[i].number == number) {
            return &node->dials[i];
        }
    }
    return NULL;
}

static const struct sim_allowed *allowed_by_key(const struct sim_node *node, const uint8_t key[static 32])
{
    for (uint32_t i = 0; i < node->allowed_count; i++) {
        if (memcmp(node->allowed[i].key, key, 32) == 0) {
            return &node->allowed[i];
        }
    }
    return NULL;
}

static const struct sim_allowed *allowed_by_number(const struct sim_node *node, uint32_t number)
{
    for (uint32_t i = 0; i < node->allowed_count; i++) {
        if (node->allowed[i].number == number) {
            return &node->allowed[i];
        }
    }
    return NULL;
}

static bool can_reach(const struct sim_world *world, const struct sim_node *a, const struct sim_node *b)
{
    bool is_split = (world->split_mask >> a->index & 1) != (world->split_mask >> b->index & 1);
    return a->is_up && b->is_up && !is_split;
}

static void lose(struct sim_world *world, struct sim_node *node, uint32_t number)
{
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_LOST, .number = number}, NULL, 0, world->now_ms + 1);
}

static void deliver(struct sim_world *world, struct sim_node *to, uint32_t number, struct sim_dial *dial, int direction,
                    const uint8_t *bytes, size_t len)
{
    if (chance(world, world->faults.drop)) {
        world->dropped++;
        return;
    }
    uint64_t at_ms = world->now_ms + 1 + (world->is_quiet ? 0 : sim_world_below(world, world->faults.delay_ms_max + 1));
    if (!chance(world, world->faults.reorder)) {
        at_ms = at_ms > dial->last_arrival_ms[direction] ? at_ms : dial->last_arrival_ms[direction];
        dial->last_arrival_ms[direction] = at_ms;
    }
    sim_world_push(world, to, (struct kr_event){.type = KR_EVENT_FRAME, .number = number}, bytes, len, at_ms);
    if (chance(world, world->faults.duplicate)) {
        sim_world_push(world, to, (struct kr_event){.type = KR_EVENT_FRAME, .number = number}, bytes, len, at_ms + 1);
    }
}

static void send_frame(struct sim_world *world, struct sim_node *from, uint32_t number, const uint8_t *bytes, size_t len)
{
    world->frames++;
    struct sim_dial *dial = dial_by_number(from, number);
    if (dial != NULL) {
        for (uint32_t i = 0; i < world->node_count; i++) {
            struct sim_node *to = &world->nodes[i];
            bool is_heard = memcmp(to->keyring->transport_public, dial->server_key, 32) == 0 && can_reach(world, from, to) &&
                            to->is_listening && !dial->is_turned_away;
            const struct sim_allowed *entry = allowed_by_key(to, dial->client_key);
            if (is_heard && entry != NULL) {
                deliver(world, to, entry->number, dial, 0, bytes, len);
                return;
            }
            if (is_heard) {
                dial->is_turned_away = true;
                sim_world_push(world, from, (struct kr_event){.type = KR_EVENT_TURNED_AWAY, .number = number}, NULL, 0,
                               world->now_ms + 1);
            }
        }
        lose(world, from, number);
        return;
    }
    /* Back over a connection that the other side dialled. */
    const struct sim_allowed *entry = allowed_by_number(from, number);
    for (uint32_t i = 0; i < world->node_count && entry != NULL; i++) {
        struct sim_node *to = &world->nodes[i];
        for (uint32_t j = 0; j < SIM_DIALS_MAX; j++) {
            struct sim_dial *other = &to->dials[j];
            bool is_it = other->is_used && memcmp(other->server_key, from->keyring->transport_public, 32) == 0 &&
                         memcmp(other->client_key, entry->key, 32) == 0;
            if (is_it && can_reach(world, from, to)) {
                deliver(world, to, other->number, other, 1, bytes, len);
                return;
            }
        }
    }
    lose(world, from, number);
}

static void take_allow_list(struct sim_node *node, const struct kr_effect *effect)
{
    struct kr_reader reader;
    kr_reader_init(&reader, effect->bytes, effect->len);
    uint32_t count = kr_reader_array_between(&reader, 0, SIM_ALLOWED_MAX);
    for (uint32_t i = 0; i < count; i++) {
        kr_reader_array(&reader, 3);
        node->allowed[i].number = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        node->allowed[i].kind = (uint32_t)kr_reader_uint(&reader, 3);
        kr_reader_fixed(&reader, node->allowed[i].key, 32);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    KR_ASSERT(kr_reader_end(&reader) == KR_OK);
    node->allowed_count = count;
    node->is_listening = true;
}

static void take_dial(struct sim_node *node, const struct kr_effect *effect)
{
    struct kr_reader reader;
    uint8_t secret[32];
    struct sim_dial *dial = dial_by_number(node, effect->number);
    for (uint32_t i = 0; i < SIM_DIALS_MAX && dial == NULL; i++) {
        dial = node->dials[i].is_used ? NULL : &node->dials[i];
    }
    KR_ASSERT(dial != NULL);
    *dial = (struct sim_dial){.is_used = true, .number = effect->number};
    kr_reader_init(&reader, effect->bytes, effect->len);
    kr_reader_array(&reader, 3);
    (void)kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    kr_reader_fixed(&reader, dial->server_key, 32);
    bool has_secret = kr_reader_fixed_or_empty(&reader, secret, 32);
    kr_reader_close(&reader);
    KR_ASSERT(kr_reader_end(&reader) == KR_OK);
    memcpy(dial->client_key, node->keyring->transport_public, 32);
    if (has_secret) {
        KR_ASSERT(crypto_scalarmult_base(dial->client_key, secret) == 0);
    }
}

/* ---- effects ---- */

static void end_request(struct sim_world *world, struct sim_node *node, const struct kr_effect *effect)
{
    struct kr_reader reader;
    kr_reader_init(&reader, effect->bytes, effect->len);
    if (effect->request >= 1000) {
        struct sim_record *record = &world->records[effect->request - 1000];
        uint8_t id[32];
        kr_reader_array(&reader, 2);
        kr_reader_fixed(&reader, id, 32);
        (void)kr_reader_flag(&reader);
        kr_reader_close(&reader);
        KR_ASSERT(kr_reader_end(&reader) == KR_OK);
        if (record->is_accepted && memcmp(record->id, id, 32) != 0) {
            (void)sim_fail(world, SIM_LOSS, "%s: one token gave two records", node->name);
        }
        memcpy(record->id, id, 32);
        record->is_accepted = true;
        sim_trace(world, "%s accepts record %u", node->name, (uint32_t)(effect->request - 1000));
    } else if (effect->request == 1) {
        kr_reader_array(&reader, 1);
        struct kr_slice text = kr_reader_str(&reader, 2048);
        free(node->ticket);
        node->ticket = calloc(1, text.len + 1);
        KR_ASSERT(node->ticket != NULL);
        memcpy(node->ticket, text.bytes, text.len);
    } else {
        node->has_joined = true;
    }
}

/* Lets one effect out. Takes over what it owns where needed. */
static enum sim_verdict let_out(struct sim_world *world, struct sim_node *node, struct kr_effect *effect)
{
    enum sim_verdict verdict = SIM_HOLDS;
    switch (effect->type) {
    case KR_EFFECT_SEND:
        verdict = sim_check_frame(world, effect->bytes, effect->len);
        send_frame(world, node, effect->number, effect->bytes, effect->len);
        break;
    case KR_EFFECT_JOB: {
        kr_job_run(effect->job, node->keyring);
        uint64_t at_ms = world->now_ms + (world->is_quiet ? 0 : sim_world_below(world, 4));
        sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_JOB_DONE, .job = effect->job}, NULL, 0, at_ms);
        effect->job = NULL;
        break;
    }
    case KR_EFFECT_ALLOW:
        take_allow_list(node, effect);
        break;
    case KR_EFFECT_DIAL:
        take_dial(node, effect);
        break;
    case KR_EFFECT_HANGUP: {
        struct sim_dial *dial = dial_by_number(node, effect->number);
        if (dial != NULL) {
            dial->is_used = false;
        }
        break;
    }
    case KR_EFFECT_WAKE:
        if (node->wake_ms == 0 || effect->at_ms < node->wake_ms) {
            node->wake_ms = effect->at_ms;
            push(world, (struct sim_event){.at_ms = effect->at_ms, .node = node->index, .life = node->life, .kind = SIM_WAKE});
        }
        break;
    case KR_EFFECT_END:
        end_request(world, node, effect);
        break;
    case KR_EFFECT_LOG:
        sim_trace(world, "%s says: %.*s", node->name, (int)effect->len, (const char *)effect->bytes);
        break;
    case KR_EFFECT_ERROR:
        sim_trace(world, "%s answers %llu with an error: %.*s", node->name, (unsigned long long)effect->request, (int)effect->len,
                  (const char *)effect->bytes);
        break;
    case KR_EFFECT_PAGE:
        break;
    }
    return verdict;
}

static enum sim_verdict let_all_out(struct sim_world *world, struct sim_node *node, struct kr_effects *effects)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (size_t i = 0; i < effects->count && verdict == SIM_HOLDS; i++) {
        if (chance(world, world->faults.crash)) {
            /* What is durable stays, what was not let out yet is never said. */
            sim_world_crash(world, node->index, 100 + sim_world_below(world, 20000));
            break;
        }
        bool is_taken = world->on_effect != NULL && world->on_effect(world->context, node, &effects->items[i]);
        verdict = is_taken ? SIM_HOLDS : let_out(world, node, &effects->items[i]);
    }
    return verdict;
}

static enum sim_verdict run_batch(struct sim_world *world, struct sim_node *node, struct sim_event *events, size_t count)
{
    struct kr_event batch[BATCH_MAX];
    struct kr_effects effects;
    uint8_t seed[32];
    enum sim_verdict verdict = SIM_HOLDS;
    size_t done = 0;
    node->now_ms = world->now_ms;
    for (size_t i = 0; i < count; i++) {
        batch[i] = events[i].event;
        batch[i].now_ms = world->now_ms;
    }
    if (world->on_effect == NULL) { /* else a test plays peers that are not honest */
        verdict = sim_check_delivery(world, node, batch, count);
    }
    while (done < count && verdict == SIM_HOLDS && node->is_up) {
        size_t taken = 0;
        kr_effects_init(&effects);
        kr_rng_bytes(&world->rng, seed, sizeof seed);
        enum kr_err err = kr_loop_run(node->loop, &batch[done], count - done, seed, NULL, NULL, &effects, &taken);
        if (err != KR_OK) {
            sim_trace(world, "%s could not commit: %s", node->name, kr_err_text(err));
        }
        if (err != KR_OK && err != KR_IO) {
            verdict = sim_fail(world, SIM_CRASH, "%s: a step failed: %s", node->name, kr_err_name(err));
        }
        for (size_t i = done; i < done + taken; i++) {
            events[i].kind = SIM_WAKE; /* a job in it is the core's now */
        }
        done += taken;
        world->events_run += taken;
        if (verdict == SIM_HOLDS) {
            verdict = let_all_out(world, node, &effects);
        }
        kr_effects_deinit(&effects);
    }
    bool more = true;
    for (int slices = 0; slices < 8 && more && verdict == SIM_HOLDS && node->is_up; slices++) {
        kr_effects_init(&effects);
        kr_rng_bytes(&world->rng, seed, sizeof seed);
        enum kr_err err = kr_loop_idle(node->loop, world->now_ms, seed, &effects, &more);
        if (err != KR_OK && err != KR_IO) {
            verdict = sim_fail(world, SIM_CRASH, "%s: idle work failed: %s", node->name, kr_err_name(err));
        }
        if (verdict == SIM_HOLDS) {
            verdict = let_all_out(world, node, &effects);
        }
        kr_effects_deinit(&effects);
    }
    return verdict;
}

/* ---- clients ---- */

void sim_world_submit(struct sim_world *world, uint32_t index, enum kr_label label, uint32_t audience_mask, uint64_t at_ms)
{
    KR_ASSERT(world->record_count < SIM_RECORDS_MAX);
    struct sim_record *record = &world->records[world->record_count];
    *record = (struct sim_record){.node = index, .label = label, .audience_mask = audience_mask};
    kr_rng_bytes(&world->rng, record->token, sizeof record->token);
    kr_rng_bytes(&world->rng, record->canary, sizeof record->canary);
    char domain[80], title[64];
    (void)snprintf(domain, sizeof domain, "r%u-%02x%02x%02x.example", world->record_count, record->canary[0], record->canary[1],
                   record->canary[2]);
    sodium_bin2hex(title, sizeof title, record->canary, sizeof record->canary);
    struct kr_indicator indicator;
    KR_ASSERT(kr_indicator_parse(KR_INDICATOR_DOMAIN, domain, strlen(domain), &indicator, NULL) == KR_OK);
    struct kr_writer list, body, request;
    kr_writer_init(&list, KR_KIB * 4);
    kr_writer_array(&list, 1);
    struct kr_report_indicator entry = {
        .type = indicator.type, .value = {indicator.value, indicator.len}, .confidence = KR_CONFIDENCE_NONE};
    kr_report_indicator_write(&entry, &list);
    static uint8_t text[KR_TEXT_BYTES_MAX];
    memset(text, 'x', sizeof text);
    struct kr_report report = {.title = {(const uint8_t *)title, strlen(title)},
                               .text = {text, world->text_bytes},
                               .indicator_count = 1,
                               .indicators = {list.bytes, list.len},
                               .part = 1,
                               .parts = 1};
    kr_writer_init(&body, KR_BODY_BYTES_MAX);
    kr_report_write(&report, &body);
    struct kr_submit *submit = calloc(1, sizeof *submit);
    KR_ASSERT(submit != NULL);
    submit->kind = KR_KIND_REPORT;
    submit->label = label;
    submit->body = (struct kr_slice){body.bytes, body.len};
    memcpy(submit->token, record->token, 16);
    for (uint32_t i = 0; i < world->node_count && label == KR_TLP_AMBER; i++) {
        if (audience_mask >> i & 1) {
            memcpy(submit->audience[submit->audience_count++], world->nodes[i].council, 32);
        }
    }
    kr_writer_init(&request, KR_CLIENT_FRAME_BYTES_MAX);
    kr_submit_write(submit, &request);
    KR_ASSERT(kr_writer_take(&request, &record->request, &record->request_len) == KR_OK);
    kr_writer_deinit(&list);
    kr_writer_deinit(&body);
    free(submit);
    push(world,
         (struct sim_event){.at_ms = at_ms, .node = index, .kind = SIM_SUBMIT, .event = {.request = 1000 + world->record_count}});
    world->record_count++;
}

static void submit_again(struct sim_world *world, const struct sim_event *event)
{
    struct sim_node *node = &world->nodes[event->node];
    const struct sim_record *record = &world->records[event->event.request - 1000];
    if (record->is_accepted) {
        return;
    }
    if (node->is_up) {
        struct kr_event request = {.type = KR_EVENT_REQUEST, .client = 7, .request = event->event.request, .op = KR_OP_SUBMIT};
        sim_world_push(world, node, request, record->request, record->request_len, world->now_ms);
    }
    struct sim_event again = *event;
    again.at_ms = world->now_ms + RETRY_MS;
    push(world, again);
}

/* ---- running ---- */

static enum sim_verdict run_one(struct sim_world *world, struct sim_event *event)
{
    struct sim_node *node = &world->nodes[event->node];
    switch (event->kind) {
    case SIM_RESTART:
        return node->is_up ? SIM_HOLDS : start(world, node);
    case SIM_SUBMIT:
        submit_again(world, event);
        return SIM_HOLDS;
    case SIM_CRASH_NOW:
        if (!world->is_quiet) {
            sim_world_crash(world, event->node, 100 + sim_world_below(world, 20000));
        }
        return SIM_HOLDS;
    case SIM_HEAL_SPLIT:
        world->split_mask = 0;
        return SIM_HOLDS;
    case SIM_WAKE:
        if (!node->is_up || event->life != node->life || event->at_ms != node->wake_ms) {
            return SIM_HOLDS; /* an earlier wake took its place */
        }
        node->wake_ms = 0;
        event->kind = SIM_CORE_EVENT;
        event->event = (struct kr_event){.type = KR_EVENT_TICK};
        break;
    case SIM_CORE_EVENT:
        if (!node->is_up || event->life != node->life) {
            return SIM_HOLDS; /* said to a process that is no more */
        }
        break;
    }
    return run_batch(world, node, event, 1);
}

enum sim_verdict sim_world_run(struct sim_world *world, uint64_t until_ms)
{
    enum sim_verdict verdict = SIM_HOLDS;
    while (verdict == SIM_HOLDS && world->heap_count > 0 && world->heap[0].at_ms <= until_ms) {
        struct sim_event batch[BATCH_MAX];
        size_t count = 0;
        batch[count++] = pop(world);
        world->now_ms = batch[0].at_ms;
        /* Core events of one node that are due together make one batch, as in keeper. */
        struct sim_node *node = &world->nodes[batch[0].node];
        bool is_batch = batch[0].kind == SIM_CORE_EVENT && node->is_up && batch[0].life == node->life;
        while (is_batch && count < BATCH_MAX && world->heap_count > 0 && world->heap[0].at_ms == world->now_ms &&
               world->heap[0].kind == SIM_CORE_EVENT && world->heap[0].node == batch[0].node && world->heap[0].life == node->life) {
            batch[count++] = pop(world);
        }
        verdict = is_batch ? run_batch(world, node, batch, count) : run_one(world, &batch[0]);
        for (size_t i = 0; i < count; i++) {
            event_free(&batch[i]);
        }
        if (verdict == SIM_HOLDS && chance(world, world->faults.split)) {
            world->split_mask = sim_world_below(world, 1u << world->node_count);
            push(world, (struct sim_event){.at_ms = world->now_ms + 1000 + sim_world_below(world, 60000), .kind = SIM_HEAL_SPLIT});
        }
    }
    world->now_ms = world->now_ms > until_ms ? world->now_ms : until_ms;
    return verdict == SIM_HOLDS && world->complaint[0] != 0 ? SIM_LOSS : verdict;
}

void sim_world_heal(struct sim_world *world)
{
    world->is_quiet = true;
    world->split_mask = 0;
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (!world->nodes[i].is_up) {
            push(world, (struct sim_event){.at_ms = world->now_ms, .node = i, .kind = SIM_RESTART});
        }
    }
}

/* ---- setting up ---- */

static enum sim_verdict make_node(struct sim_world *world, uint32_t index, bool founds)
{
    struct sim_node *node = &world->nodes[index];
    uint8_t seed[32];
    struct kr_error error = {0};
    node->index = index;
    (void)snprintf(node->name, sizeof node->name, "tcp://node%u:1", index);
    (void)snprintf(node->path, sizeof node->path, "%s/%u", world->root, index);
    kr_rng_bytes(&world->rng, seed, sizeof seed);
    if (mkdir(node->path, 0700) != 0 || kr_guards_new(&node->guards) != KR_OK ||
        kr_keyring_new(seed, EPOCH_MS / 1000, &node->keyring, &error) != KR_OK) {
        return sim_fail(world, SIM_SETUP, "a node cannot be made: %s", error.text);
    }
    kr_guards_allow_documentation(node->guards, true);
    enum sim_verdict verdict = start(world, node);
    if (verdict != SIM_HOLDS) {
        return verdict;
    }
    char name[32];
    (void)snprintf(name, sizeof name, "council %u", index);
    struct kr_init init = {
        .name_ja = {(const uint8_t *)name, strlen(name)},
        .endpoint = {(const uint8_t *)node->name, strlen(node->name)},
        .found_community = {(const uint8_t *)"region", founds ? 6 : 0},
    };
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB * 4);
    kr_init_write(&init, &writer);
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_INIT}, writer.bytes, writer.len, world->now_ms);
    kr_writer_deinit(&writer);
    verdict = sim_world_run(world, world->now_ms + 100);
    struct kr_core_stat stat;
    kr_core_stat(kr_loop_core(node->loop), &stat);
    memcpy(node->council, stat.council, 32);
    /* The core greeted before it had an identity: begin a life with one. */
    if (verdict == SIM_HOLDS) {
        stop(node);
        verdict = start(world, node);
    }
    return verdict == SIM_HOLDS ? sim_world_run(world, world->now_ms + 100) : verdict;
}

static enum sim_verdict link_nodes(struct sim_world *world, struct sim_node *inviter, struct sim_node *joiner)
{
    struct kr_writer writer;
    struct kr_invite invite = {0};
    kr_writer_init(&writer, KR_KIB * 4);
    kr_invite_write(&invite, &writer);
    sim_world_push(world, inviter, (struct kr_event){.type = KR_EVENT_REQUEST, .client = 1, .request = 1, .op = KR_OP_INVITE},
                   writer.bytes, writer.len, world->now_ms);
    kr_writer_deinit(&writer);
    enum sim_verdict verdict = sim_world_run(world, world->now_ms + 100);
    if (verdict != SIM_HOLDS || inviter->ticket == NULL) {
        return verdict != SIM_HOLDS ? verdict : sim_fail(world, SIM_SETUP, "no ticket");
    }
    kr_writer_init(&writer, KR_KIB * 4);
    kr_writer_array(&writer, 1);
    kr_writer_str(&writer, inviter->ticket);
    sim_world_push(world, joiner, (struct kr_event){.type = KR_EVENT_REQUEST, .client = 1, .request = 2, .op = KR_OP_JOIN},
                   writer.bytes, writer.len, world->now_ms);
    kr_writer_deinit(&writer);
    /* No longer than it takes: whoever has joined is a member and may invite at once. */
    for (uint64_t end_ms = world->now_ms + 20000; verdict == SIM_HOLDS && !joiner->has_joined && world->now_ms < end_ms;) {
        verdict = sim_world_run(world, world->now_ms + 1);
    }
    return verdict == SIM_HOLDS && !joiner->has_joined ? sim_fail(world, SIM_SETUP, "%s did not get linked", joiner->name)
                                                       : verdict;
}

enum sim_verdict sim_world_init(struct sim_world *world, uint64_t seed, uint32_t node_count, FILE *trace)
{
    uint8_t seed_bytes[32] = {0};
    memset(world, 0, sizeof *world);
    world->seed = seed;
    world->trace = trace;
    world->is_quiet = true;
    world->now_ms = EPOCH_MS;
    for (int i = 0; i < 8; i++) {
        seed_bytes[i] = (uint8_t)(seed >> (8 * i));
    }
    kr_rng_init(&world->rng, seed_bytes);
    kr_hash_init(&world->trace_hash, "kairan sim trace");
    if (!sim_disk_new(world->root, sizeof world->root)) {
        return sim_fail(world, SIM_SETUP, "no directory for the stores: %s", strerror(errno));
    }
    world->node_count = node_count;
    enum sim_verdict verdict = SIM_HOLDS;
    /* The second node founds the community and invites the others down both ends of the chain. */
    for (uint32_t i = 0; i < node_count && verdict == SIM_HOLDS; i++) {
        verdict = make_node(world, i, i == 1);
    }
    if (verdict == SIM_HOLDS) {
        verdict = link_nodes(world, &world->nodes[1], &world->nodes[0]);
    }
    for (uint32_t i = 2; i < node_count && verdict == SIM_HOLDS; i++) {
        verdict = link_nodes(world, &world->nodes[i - 1], &world->nodes[i]);
    }
    return verdict == SIM_HOLDS ? sim_world_run(world, world->now_ms + 60000) : verdict;
}

enum sim_verdict sim_world_add(struct sim_world *world)
{
    KR_ASSERT(world->node_count < SIM_NODES_MAX);
    return make_node(world, world->node_count++, false);
}

void sim_world_deinit(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->is_up) {
            stop(node);
        }
        kr_keyring_free(node->keyring);
        kr_guards_free(node->guards);
        free(node->ticket);
    }
    while (world->heap_count > 0) {
        struct sim_event event = pop(world);
        event_free(&event);
    }
    for (uint32_t i = 0; i < world->record_count; i++) {
        free(world->records[i].request);
    }
    free(world->heap);
    sim_disk_free(world->root);
}
