#include "sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOL_BYTES (SKETCH_ID_BYTES + 8u)
#define COUNT_MAX    (UINT64_C(1) << 40) /* elements of a set; so sums of counts never overflow */

/* (n + 1)(n + 2) · 2^32 fits 64 bits. */
_Static_assert(SKETCH_SYMBOLS_MAX <= 65535u, "indexes stay in their range");

/* ---- which symbols an element is part of ---- */

static uint64_t element_hash(const uint8_t key[static KR_SHORT_KEY_BYTES], const uint8_t id[static SKETCH_ID_BYTES])
{
    uint8_t bytes[KR_SHORT_BYTES];
    uint64_t hash = 0;
    kr_hash_short(bytes, key, id, SKETCH_ID_BYTES);
    for (uint32_t i = KR_SHORT_BYTES; i-- > 0;) {
        hash = hash << 8 | bytes[i];
    }
    return hash;
}

static uint64_t split_mix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The symbol after `i`; SKETCH_SYMBOLS_MAX where it is none that there could be. */
static uint32_t index_after(uint32_t i, uint64_t *state)
{
    const uint64_t r = (split_mix(state) >> 32) + 1;
    const uint64_t t = ((uint64_t)(i + 1) * (i + 2) << 32) / r;
    if (t >= (uint64_t)SKETCH_SYMBOLS_MAX * SKETCH_SYMBOLS_MAX) {
        return SKETCH_SYMBOLS_MAX;
    }
    const uint32_t root = (uint32_t)sqrt((double)t); /* exact: t is less than 2^32 */
    return (uint64_t)root * (root + 1) > t ? root - 1 : root;
}

static void symbol_change(struct symbol *symbol, const uint8_t id[static SKETCH_ID_BYTES], uint64_t hash, int64_t by)
{
    for (uint32_t i = 0; i < SKETCH_ID_BYTES; i++) {
        symbol->sum[i] ^= id[i];
    }
    symbol->check ^= hash;
    symbol->count += by;
}

/* ---- our own set ---- */

void sketch_init(struct sketch *sketch, const uint8_t key[static KR_SHORT_KEY_BYTES], struct symbol *symbols, uint32_t symbol_count)
{
    KR_ASSERT(symbol_count >= 1 && symbol_count <= SKETCH_SYMBOLS_MAX);
    memcpy(sketch->key, key, sizeof sketch->key);
    sketch->symbols = symbols;
    sketch->symbol_count = symbol_count;
    memset(symbols, 0, symbol_count * sizeof symbols[0]);
}

static void change(struct sketch *sketch, const uint8_t id[static SKETCH_ID_BYTES], int64_t by)
{
    const uint64_t hash = element_hash(sketch->key, id);
    uint64_t state = hash;
    for (uint32_t i = 0; i < sketch->symbol_count; i = index_after(i, &state)) {
        symbol_change(&sketch->symbols[i], id, hash, by);
    }
}

void sketch_add(struct sketch *sketch, const uint8_t id[static SKETCH_ID_BYTES])
{
    change(sketch, id, 1);
}

void sketch_remove(struct sketch *sketch, const uint8_t id[static SKETCH_ID_BYTES])
{
    change(sketch, id, -1);
}

/* ---- on the wire ---- */

static int64_t expected_count(uint64_t elements, uint32_t i)
{
    return (int64_t)(2 * elements / (i + 2));
}

void sketch_write(const struct sketch *sketch, uint32_t from, uint32_t count, struct kr_writer *writer)
{
    KR_ASSERT(from < sketch->symbol_count && count <= sketch->symbol_count - from);
    const uint64_t elements = (uint64_t)sketch->symbols[0].count;
    uint8_t *bytes = malloc((size_t)count * SYMBOL_BYTES + 1);
    if (bytes == NULL) {
        writer->err = writer->err != KR_OK ? writer->err : KR_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct symbol *symbol = &sketch->symbols[from + i];
        uint8_t *at = bytes + (size_t)i * SYMBOL_BYTES;
        memcpy(at, symbol->sum, SKETCH_ID_BYTES);
        for (uint32_t j = 0; j < 8; j++) {
            at[SKETCH_ID_BYTES + j] = (uint8_t)(symbol->check >> 8 * j);
        }
    }
    kr_writer_array(writer, 4);
    kr_writer_uint(writer, from);
    kr_writer_uint(writer, elements);
    kr_writer_bin(writer, bytes, (size_t)count * SYMBOL_BYTES);
    kr_writer_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        const int64_t distance = sketch->symbols[from + i].count - expected_count(elements, from + i);
        kr_writer_uint(writer, distance >= 0 ? (uint64_t)distance * 2 : (uint64_t)-distance * 2 - 1);
    }
    free(bytes);
}

/* ---- the difference ---- */

enum kr_err unsketch_init(struct unsketch *unsketch, const uint8_t key[static KR_SHORT_KEY_BYTES], uint32_t capacity)
{
    KR_ASSERT(capacity >= 1 && capacity <= SKETCH_SYMBOLS_MAX);
    memset(unsketch, 0, sizeof *unsketch);
    memcpy(unsketch->key, key, sizeof unsketch->key);
    unsketch->capacity = capacity;
    unsketch->symbols = malloc(capacity * sizeof unsketch->symbols[0]);
    unsketch->found = malloc(capacity * sizeof unsketch->found[0]);
    unsketch->queue = malloc(capacity * sizeof unsketch->queue[0]);
    unsketch->is_queued = calloc(capacity, 1);
    if (unsketch->symbols != NULL && unsketch->found != NULL && unsketch->queue != NULL && unsketch->is_queued != NULL) {
        return KR_OK;
    }
    unsketch_deinit(unsketch);
    return KR_NOMEM;
}

void unsketch_deinit(struct unsketch *unsketch)
{
    free(unsketch->symbols);
    free(unsketch->found);
    free(unsketch->queue);
    free(unsketch->is_queued);
    memset(unsketch, 0, sizeof *unsketch);
}

static bool is_one_element(const struct unsketch *unsketch, const struct symbol *symbol)
{
    return (symbol->count == 1 || symbol->count == -1) && symbol->check == element_hash(unsketch->key, symbol->sum);
}

static void enqueue(struct unsketch *unsketch, uint32_t i)
{
    const int64_t count = unsketch->symbols[i].count;
    if ((count == 1 || count == -1) && !unsketch->is_queued[i]) {
        unsketch->is_queued[i] = 1;
        unsketch->queue[unsketch->queue_count++] = i;
    }
}

/* Takes a difference out of the symbols between where its sequence has come to and the end. */
static void take_out(struct unsketch *unsketch, struct difference *difference)
{
    const uint64_t hash = element_hash(unsketch->key, difference->id);
    uint32_t i = difference->next;
    for (; i < unsketch->symbol_count; i = index_after(i, &difference->state)) {
        symbol_change(&unsketch->symbols[i], difference->id, hash, difference->is_theirs ? -1 : 1);
        enqueue(unsketch, i);
    }
    difference->next = i;
}

/* Each turn finds one difference or shortens the queue, which only finding lengthens. */
static enum kr_err peel(struct unsketch *unsketch)
{
    while (unsketch->queue_count > 0) {
        const uint32_t i = unsketch->queue[--unsketch->queue_count];
        const struct symbol *symbol = &unsketch->symbols[i];
        unsketch->is_queued[i] = 0;
        if (!is_one_element(unsketch, symbol)) {
            continue;
        }
        if (unsketch->found_count == unsketch->capacity) {
            return KR_BOUNDS;
        }
        struct difference *difference = &unsketch->found[unsketch->found_count++];
        *difference = (struct difference){.is_theirs = symbol->count == 1, .state = symbol->check};
        memcpy(difference->id, symbol->sum, sizeof difference->id);
        take_out(unsketch, difference);
    }
    return KR_OK;
}

static bool is_empty(const struct symbol *symbol)
{
    static const uint8_t zeros[SKETCH_ID_BYTES];
    return symbol->count == 0 && symbol->check == 0 && memcmp(symbol->sum, zeros, sizeof zeros) == 0;
}

static enum kr_err read_symbols(struct unsketch *unsketch, const struct sketch *own, struct kr_slice bytes, uint32_t *ret_count)
{
    struct kr_reader reader;
    const uint32_t room = unsketch->capacity - unsketch->symbol_count;
    if (room == 0) {
        return KR_BOUNDS;
    }
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    const uint64_t from = kr_reader_uint(&reader, SKETCH_SYMBOLS_MAX);
    const uint64_t elements = kr_reader_uint(&reader, COUNT_MAX);
    const struct kr_slice packed = kr_reader_bin(&reader, SYMBOL_BYTES, (size_t)room * SYMBOL_BYTES);
    const uint32_t count = kr_reader_array_between(&reader, 1, room);
    if (from != unsketch->symbol_count || packed.len != (size_t)count * SYMBOL_BYTES) {
        kr_reader_fail(&reader, KR_MALFORMED);
        return kr_reader_end(&reader);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = unsketch->symbol_count + i;
        const struct symbol *ours = &own->symbols[at];
        struct symbol *symbol = &unsketch->symbols[at];
        const uint8_t *theirs = packed.bytes + (size_t)i * SYMBOL_BYTES;
        const uint64_t folded = kr_reader_uint(&reader, 2 * COUNT_MAX);
        const int64_t distance = (folded & 1) != 0 ? -(int64_t)(folded / 2) - 1 : (int64_t)(folded / 2);
        symbol->check = ours->check;
        for (uint32_t j = 0; j < SKETCH_ID_BYTES; j++) {
            symbol->sum[j] = ours->sum[j] ^ theirs[j];
        }
        for (uint32_t j = 0; j < 8; j++) {
            symbol->check ^= (uint64_t)theirs[SKETCH_ID_BYTES + j] << 8 * j;
        }
        symbol->count = expected_count(elements, at) + distance - ours->count;
    }
    kr_reader_close(&reader);
    kr_reader_close(&reader);
    const enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_count = count;
    }
    return err;
}

enum kr_err unsketch_take(struct unsketch *unsketch, const struct sketch *own, struct kr_slice bytes, bool *ret_done)
{
    KR_ASSERT(own->symbol_count >= unsketch->capacity && memcmp(own->key, unsketch->key, sizeof own->key) == 0);
    uint32_t count = 0;
    const uint32_t first = unsketch->symbol_count;
    enum kr_err err = read_symbols(unsketch, own, bytes, &count);
    if (err != KR_OK) {
        return err;
    }
    unsketch->symbol_count += count;
    for (uint32_t i = 0; i < unsketch->found_count; i++) {
        take_out(unsketch, &unsketch->found[i]);
    }
    for (uint32_t i = first; i < unsketch->symbol_count; i++) {
        enqueue(unsketch, i);
    }
    err = peel(unsketch);
    if (err != KR_OK) {
        return err;
    }
    bool is_done = true;
    for (uint32_t i = 0; i < unsketch->symbol_count && is_done; i++) {
        is_done = is_empty(&unsketch->symbols[i]);
    }
    *ret_done = is_done;
    return KR_OK;
}
