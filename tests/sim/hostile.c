/* A member's core is honest even here. Between it and the network stands somebody who has its session keys: what was sealed in a
 * batch is opened again with the state that the stream had before it, changed, and sealed from that state on, so that the peer gets
 * frames in order under a genuine session, with whatever in them. */
#include "tests/sim/hostile.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/effect.h"
#include "node/core/state.h"
#include "proto/record/record.h"

#define KEPT_MAX  32u /* messages that were sent before */
#define TYPES_MAX 20u

const char *const sim_turn_names[SIM_TURN_COUNT] = {"withhold", "replay", "flood", "lie", "junk", "censor", "forge"};

/* A session as it stood before the batch. */
struct stream {
    struct kr_session before; /* rx: reads what the core has sealed since */
    struct kr_session after;  /* tx: seals what is sent instead */
    uint32_t number;
    bool is_lost; /* what was sealed cannot be read: nothing is done to it */
};

struct message {
    uint8_t *bytes;
    size_t len;
};

struct sim_ill {
    struct stream *streams;
    uint32_t stream_count, stream_capacity;
    struct message kept[KEPT_MAX];
    uint32_t kept_at;
};

void sim_hostile_free(struct sim_node *node)
{
    if (node->ill != NULL) {
        for (uint32_t i = 0; i < KEPT_MAX; i++) {
            free(node->ill->kept[i].bytes);
        }
        free(node->ill->streams);
        free(node->ill);
        node->ill = NULL;
    }
}

/* ---- sessions before the batch ---- */

static void note_session(struct sim_ill *ill, const struct kr_session *session, uint32_t number)
{
    if (ill->stream_count == ill->stream_capacity) {
        ill->stream_capacity = ill->stream_capacity == 0 ? 8 : ill->stream_capacity * 2;
        ill->streams = realloc(ill->streams, ill->stream_capacity * sizeof *ill->streams);
        KR_ASSERT(ill->streams != NULL);
    }
    struct stream *stream = &ill->streams[ill->stream_count++];
    *stream = (struct stream){.before = *session, .after = *session, .number = number};
    stream->before.rx = session->tx; /* the stream's two ends are alike */
}

void sim_hostile_note(struct sim_world *world, struct sim_node *node)
{
    struct kr_core *core = kr_loop_core(node->loop);
    (void)world;
    if (node->ill == NULL) {
        node->ill = calloc(1, sizeof *node->ill);
        KR_ASSERT(node->ill != NULL);
    }
    node->ill->stream_count = 0;
    for (uint32_t i = 0; core != NULL && i < core->link_count; i++) {
        const struct kr_link *link = core->links[i];
        if (link->has_session) {
            note_session(node->ill, &link->session, link->number);
        }
        if (link->has_pending) {
            note_session(node->ill, &link->pending, link->number);
        }
    }
}

static struct stream *stream_of(struct sim_ill *ill, const struct kr_effect *effect)
{
    if (effect->type != KR_EFFECT_SEND || effect->len < 1 + KR_SESSION_ID_BYTES || effect->bytes[0] != KR_FRAME_SEALED) {
        return NULL;
    }
    for (uint32_t i = 0; i < ill->stream_count; i++) {
        if (memcmp(ill->streams[i].before.id, effect->bytes + 1, KR_SESSION_ID_BYTES) == 0) {
            return ill->streams[i].is_lost ? NULL : &ill->streams[i];
        }
    }
    return NULL;
}

/* ---- what is said instead ---- */

struct mouth {
    struct sim_world *world;
    struct sim_node *node;
    struct stream *stream;
    struct kr_effects *effects;
};

static void say(struct mouth *mouth, const uint8_t *bytes, size_t len)
{
    const size_t head = 1 + KR_SESSION_ID_BYTES;
    struct kr_effect effect = {.type = KR_EFFECT_SEND, .number = mouth->stream->number};
    if (len == 0 || head + len + KR_SESSION_OVERHEAD_BYTES > KR_FRAME_BYTES_MAX) {
        return;
    }
    effect.len = head + len + KR_SESSION_OVERHEAD_BYTES;
    effect.bytes = malloc(effect.len);
    KR_ASSERT(effect.bytes != NULL);
    effect.bytes[0] = KR_FRAME_SEALED;
    memcpy(effect.bytes + 1, mouth->stream->after.id, KR_SESSION_ID_BYTES);
    kr_session_seal(&mouth->stream->after, effect.bytes + head, bytes, len);
    KR_ASSERT(kr_effect_add(mouth->effects, &effect) == KR_OK);
}

static void say_writer(struct mouth *mouth, struct kr_writer *writer)
{
    if (kr_writer_finish(writer) == KR_OK) {
        say(mouth, writer->bytes, writer->len);
    }
    kr_writer_deinit(writer);
}

static uint64_t any_number(struct sim_world *world)
{
    uint64_t number = 0;
    kr_rng_bytes(&world->rng, &number, sizeof number);
    return number >> sim_world_below(world, 64);
}

/* The id of some record, so that a lie is about something, or anything. */
static void any_bytes(struct sim_world *world, uint8_t *ret, size_t len)
{
    kr_rng_bytes(&world->rng, ret, len);
    if (world->record_count > 0 && len <= 32 && sim_world_below(world, 2) == 0) {
        memcpy(ret, world->records[sim_world_below(world, world->record_count)].id, len);
    }
}

static bool is_uint(uint8_t first)
{
    return first < 0x80 || (first >= 0xcc && first <= 0xcf);
}

static bool is_array(uint8_t first)
{
    return (first & 0xf0) == 0x90 || first == 0xdc || first == 0xdd;
}

static bool is_bin(uint8_t first)
{
    return first >= 0xc4 && first <= 0xc6;
}

/* The next element with some of its values replaced by others of the same kind and length. */
static void write_altered(struct sim_world *world, struct kr_reader *reader, uint32_t one_in, struct kr_writer *writer)
{
    const uint8_t first = reader->at < reader->end ? *reader->at : 0;
    bool is_altered = sim_world_below(world, one_in) == 0;
    if (is_uint(first)) {
        uint64_t value = kr_reader_uint(reader, UINT64_MAX);
        uint64_t other = sim_world_below(world, 2) == 0 ? value + 1 - sim_world_below(world, 3) : any_number(world);
        kr_writer_uint(writer, is_altered ? other : value);
    } else if (is_bin(first)) {
        struct kr_slice bytes = kr_reader_bin(reader, 0, KR_FRAME_BYTES_MAX);
        uint8_t *copy = malloc(bytes.len + 1);
        KR_ASSERT(copy != NULL);
        memcpy(copy, bytes.bytes == NULL ? copy : bytes.bytes, bytes.len);
        if (is_altered && bytes.len > 0 && bytes.len <= 32) {
            any_bytes(world, copy, bytes.len);
        } else if (is_altered && bytes.len > 0 && bytes.len % 16 == 0) { /* a list of ids */
            any_bytes(world, copy + (size_t)16 * sim_world_below(world, (uint32_t)bytes.len / 16), 16);
        } else if (is_altered && bytes.len > 0) {
            copy[sim_world_below(world, (uint32_t)bytes.len)] ^= (uint8_t)(1u << sim_world_below(world, 8));
        }
        kr_writer_bin(writer, copy, bytes.len);
        free(copy);
    } else if (is_array(first)) {
        uint32_t count = kr_reader_array_between(reader, 0, UINT32_MAX);
        kr_writer_array(writer, count);
        for (uint32_t i = 0; i < count && reader->err == KR_OK; i++) {
            write_altered(world, reader, one_in, writer);
        }
        kr_reader_close(reader);
    } else {
        struct kr_slice raw = kr_reader_raw(reader);
        kr_writer_raw(writer, raw.bytes, raw.len);
    }
}

/* [type, …] with everything behind the type open to change. */
static void say_altered(struct mouth *mouth, const struct message *message, uint32_t one_in)
{
    struct kr_reader reader;
    struct kr_writer writer;
    kr_reader_init(&reader, message->bytes, message->len);
    kr_writer_init(&writer, KR_FRAME_BYTES_MAX);
    uint32_t count = kr_reader_array_between(&reader, 1, 64);
    kr_writer_array(&writer, count);
    kr_writer_uint(&writer, kr_reader_uint(&reader, UINT64_MAX));
    for (uint32_t i = 1; i < count && reader.err == KR_OK; i++) {
        write_altered(mouth->world, &reader, one_in, &writer);
    }
    say_writer(mouth, &writer);
}

static void write_anything(struct sim_world *world, uint32_t depth, struct kr_writer *writer)
{
    uint8_t bytes[64];
    uint32_t what = sim_world_below(world, depth > 3 ? 2 : 3);
    if (what == 0) {
        kr_writer_uint(writer, any_number(world));
    } else if (what == 1) {
        static const size_t lens[] = {0, 8, 16, 32, 36, 64};
        size_t len = lens[sim_world_below(world, 6)];
        kr_rng_bytes(&world->rng, bytes, sizeof bytes);
        any_bytes(world, bytes, len > 32 ? 32 : len);
        kr_writer_bin(writer, bytes, len);
    } else {
        uint32_t count = sim_world_below(world, 5);
        kr_writer_array(writer, count);
        for (uint32_t i = 0; i < count; i++) {
            write_anything(world, depth + 1, writer);
        }
    }
}

static void say_anything(struct mouth *mouth)
{
    struct kr_writer writer;
    uint32_t fields = sim_world_below(mouth->world, 7);
    kr_writer_init(&writer, KR_FRAME_BYTES_MAX);
    kr_writer_array(&writer, 1 + fields);
    kr_writer_uint(&writer, sim_world_below(mouth->world, TYPES_MAX));
    for (uint32_t i = 0; i < fields; i++) {
        write_anything(mouth->world, 0, &writer);
    }
    say_writer(mouth, &writer);
}

/* Any record of its own store, for whom it is not, torn or whole, many times; or ids that nobody has. */
static void say_much(struct mouth *mouth)
{
    struct kr_txn *txn = NULL;
    struct kr_store_stat stat;
    struct kr_writer writer;
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct sim_world *world = mouth->world;
    kr_writer_init(&writer, KR_FRAME_BYTES_MAX);
    if (sim_world_below(world, 3) == 0) { /* what it has, or wants, in short: a thousand ids, most of nothing */
        uint8_t ids[16 * KR_IDS_PER_FRAME_MAX];
        uint64_t type = KR_MESSAGE_IHAVE + sim_world_below(world, 3);
        for (uint32_t i = 0; i < KR_IDS_PER_FRAME_MAX; i++) {
            any_bytes(world, ids + (size_t)16 * i, 16);
        }
        kr_writer_array(&writer, type == KR_MESSAGE_GRAFT ? 3 : 2);
        kr_writer_uint(&writer, type);
        if (type == KR_MESSAGE_GRAFT) {
            kr_writer_uint(&writer, 0);
        }
        kr_writer_bin(&writer, ids, sizeof ids);
        say_writer(mouth, &writer);
        return;
    }
    KR_ASSERT(kr_store_read_begin(mouth->node->store, &txn) == KR_OK && kr_store_stat(txn, &stat) == KR_OK);
    enum kr_err err = kr_store_record_get(txn, 1 + sim_world_below(world, (uint32_t)stat.arrivals + 1), &bytes, &len);
    kr_txn_abort(txn);
    uint32_t count = 1 + sim_world_below(world, 64);
    kr_writer_array(&writer, 2);
    kr_writer_uint(&writer, KR_MESSAGE_RECORDS);
    kr_writer_array(&writer, count);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        if (sim_world_below(world, 2) == 0) {
            bytes[sim_world_below(world, (uint32_t)len)] ^= (uint8_t)(1u << sim_world_below(world, 8));
        }
        kr_writer_bin(&writer, bytes, len);
    }
    free(bytes);
    if (err == KR_OK) {
        say_writer(mouth, &writer);
    }
    kr_writer_deinit(&writer);
}

/* The records without their bodies. */
static void say_stripped(struct mouth *mouth, const struct message *message)
{
    struct kr_reader reader;
    struct kr_writer writer;
    kr_reader_init(&reader, message->bytes, message->len);
    kr_writer_init(&writer, KR_FRAME_BYTES_MAX);
    kr_reader_array(&reader, 2);
    kr_writer_array(&writer, 2);
    kr_writer_uint(&writer, kr_reader_uint(&reader, UINT64_MAX));
    uint32_t count = kr_reader_array_between(&reader, 0, KR_IDS_PER_FRAME_MAX);
    kr_writer_array(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        struct kr_slice bytes = kr_reader_bin(&reader, 0, KR_RECORD_BYTES_MAX);
        struct kr_record record;
        struct kr_writer bare;
        kr_writer_init(&bare, KR_RECORD_BYTES_MAX);
        if (kr_record_split(bytes.bytes, bytes.len, &record) == KR_OK && kr_record_strip(&record, &bare) == KR_OK) {
            kr_writer_bin(&writer, bare.bytes, bare.len);
        } else {
            kr_writer_bin(&writer, bytes.bytes, bytes.len);
        }
        kr_writer_deinit(&bare);
    }
    say_writer(mouth, &writer);
}

/* Takes back what somebody else wrote: as that council, which its key does not speak for, or as its own, which wrote it not. */
static void say_forged(struct mouth *mouth)
{
    struct sim_world *world = mouth->world;
    struct sim_node *node = mouth->node;
    struct kr_txn *txn = NULL;
    struct kr_store_stat stat;
    struct kr_record record;
    struct kr_header header;
    uint8_t *target = NULL, *forged = NULL, seed[32], id[32];
    size_t target_len = 0, len = 0;
    struct kr_writer content, writer;
    KR_ASSERT(kr_store_read_begin(node->store, &txn) == KR_OK && kr_store_stat(txn, &stat) == KR_OK);
    enum kr_err err = kr_store_record_get(txn, 1 + sim_world_below(world, (uint32_t)stat.arrivals + 1), &target, &target_len);
    kr_txn_abort(txn);
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_writer_init(&writer, KR_FRAME_BYTES_MAX);
    if (err == KR_OK && kr_record_split(target, target_len, &record) == KR_OK && kr_header_parse(record.header, &header) == KR_OK &&
        !kr_label_is_sealed(header.label)) {
        kr_writer_array(&content, 4);
        kr_writer_slice(&content, record.header);
        kr_writer_slice(&content, record.signature);
        kr_writer_str(&content, "wrong");
        kr_writer_str(&content, "en");
        struct kr_draft draft = {.kind = KR_KIND_RETRACTION,
                                 .created_ms = node->now_ms,
                                 .expires_s = header.expires_s,
                                 .label = header.label,
                                 .community = header.has_community ? header.community : NULL,
                                 .target = record.id,
                                 .content = {content.bytes, content.len}};
        kr_rng_bytes(&world->rng, seed, sizeof seed);
        err = kr_record_make(&draft, sim_world_below(world, 2) == 0 ? header.author : node->council, node->keyring->node_secret,
                             seed, &forged, &len, id);
        if (err == KR_OK) {
            kr_writer_array(&writer, 2);
            kr_writer_uint(&writer, KR_MESSAGE_RECORDS);
            kr_writer_array(&writer, 1);
            kr_writer_bin(&writer, forged, len);
            say_writer(mouth, &writer);
        }
    }
    kr_writer_deinit(&writer);
    kr_writer_deinit(&content);
    free(forged);
    free(target);
}

static void keep(struct sim_ill *ill, const struct message *message)
{
    struct message *place = &ill->kept[ill->kept_at++ % KEPT_MAX];
    free(place->bytes);
    place->len = message->len;
    place->bytes = malloc(message->len);
    KR_ASSERT(place->bytes != NULL);
    memcpy(place->bytes, message->bytes, message->len);
}

static bool turned(const struct mouth *mouth, enum sim_turn turn, uint32_t one_in)
{
    return (mouth->node->turns >> turn & 1) != 0 && sim_world_below(mouth->world, one_in) == 0;
}

static void pass_on(struct mouth *mouth, const struct message *message)
{
    const uint64_t type = message->len > 1 ? message->bytes[1] : 0; /* small numbers are themselves */
    bool is_records = type == KR_MESSAGE_RECORDS;
    keep(mouth->node->ill, message);
    if (is_records && turned(mouth, SIM_TURN_WITHHOLD, 1)) {
        return;
    }
    if (is_records && turned(mouth, SIM_TURN_CENSOR, 1)) {
        say_stripped(mouth, message);
    } else if (turned(mouth, SIM_TURN_LIE, 3)) {
        say_altered(mouth, message, 3);
    } else {
        say(mouth, message->bytes, message->len);
    }
    if (turned(mouth, SIM_TURN_REPLAY, 5)) {
        const struct message *old = &mouth->node->ill->kept[sim_world_below(mouth->world, KEPT_MAX)];
        say(mouth, old->bytes, old->len);
    }
    if (turned(mouth, SIM_TURN_FLOOD, 5)) {
        say_much(mouth);
    }
    if (turned(mouth, SIM_TURN_FORGE, 3)) {
        say_forged(mouth);
    }
    if (turned(mouth, SIM_TURN_JUNK, 3)) {
        say_anything(mouth);
    }
}

/* From here on the core's stream goes on behind what was sent instead. */
static void put_back(struct sim_node *node)
{
    struct kr_core *core = kr_loop_core(node->loop);
    for (uint32_t i = 0; core != NULL && i < node->ill->stream_count; i++) {
        const struct stream *stream = &node->ill->streams[i];
        struct kr_link *link = kr_link_by_number(core, stream->number);
        if (link == NULL || stream->is_lost) {
            continue;
        }
        if (link->has_session && memcmp(link->session.id, stream->after.id, KR_SESSION_ID_BYTES) == 0) {
            link->session.tx = stream->after.tx;
        } else if (link->has_pending && memcmp(link->pending.id, stream->after.id, KR_SESSION_ID_BYTES) == 0) {
            link->pending.tx = stream->after.tx;
        }
    }
}

void sim_hostile_turn(struct sim_world *world, struct sim_node *node, struct kr_effects *effects)
{
    struct kr_effects turned_effects;
    kr_effects_init(&turned_effects);
    for (size_t i = 0; i < effects->count; i++) {
        struct kr_effect *effect = &effects->items[i];
        struct stream *stream = stream_of(node->ill, effect);
        const size_t head = 1 + KR_SESSION_ID_BYTES;
        if (stream != NULL && kr_session_open(&stream->before, world->plain, effect->bytes + head, effect->len - head) == KR_OK) {
            struct mouth mouth = {.world = world, .node = node, .stream = stream, .effects = &turned_effects};
            struct message message = {world->plain, effect->len - head - KR_SESSION_OVERHEAD_BYTES};
            pass_on(&mouth, &message);
            free(effect->bytes);
        } else {
            if (stream != NULL) {
                stream->is_lost = true;
            }
            KR_ASSERT(kr_effect_add(&turned_effects, effect) == KR_OK);
        }
        effect->bytes = NULL;
        effect->job = NULL;
    }
    put_back(node);
    kr_effects_deinit(effects);
    *effects = turned_effects;
}
