/* From values in the arena to filter, tables of bits and chains. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/scan/packed.h"

#define HEADS_MIN 64u

#define BITS_MIN      15u
#define ROOT_BITS_MAX 36u
#define NET_BITS_MAX  22u    /* there are 2^24 nets, of which hardly any set has more than a few */
#define WIDE_MAX      16384u /* networks of /16 whose nets are told apart: a quarter of all */
#define HUGE_BYTES    ((size_t)2 << 20)
#define STEPS_MAX     (4 * KR_SIEVE_SHOWN_MAX) /* of a chain, that one text more costs */

void *kr_sieve_map(size_t bytes)
{
    const size_t align = bytes >= HUGE_BYTES ? HUGE_BYTES : 4096;
    uint8_t *room = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) {
        return NULL;
    }
    const size_t before = (align - ((uintptr_t)room & (align - 1))) & (align - 1);
    if (before > 0) {
        (void)munmap(room, before);
    }
    (void)munmap(room + before + bytes, align - before);
    (void)madvise(room + before, bytes, MADV_HUGEPAGE);
    return room + before;
}

/* One key on its way into a chain. */
struct entry {
    uint64_t hash;
    uint32_t at; /* with KR_SIEVE_HOST */
};

/* Keys are gathered and then put in one behind the other, while the memory that they go to is being fetched. */
#define ENTRIES_MAX 64u
struct insertion {
    struct kr_sieve *sieve;
    uint32_t at; /* of the value whose keys are put in */
    uint32_t count, root_count, net_count;
    struct entry entries[ENTRIES_MAX];
    uint64_t roots[ENTRIES_MAX], nets[ENTRIES_MAX]; /* a key follows each, and with the last key of a batch all are put in */
};

/* Whoever finds a text goes through all of its chain. So that one which is shared again and again does not make each of its words
 * in a log slow, the oldest is taken out of the chain where a look-up would not visit it. */
static void drop_oldest(const struct kr_sieve *sieve, struct kr_packed *newest)
{
    uint32_t *link = &newest->next;
    uint32_t equal = 1;
    for (unsigned steps = 0; *link != 0 && steps < STEPS_MAX; steps++) {
        const bool host = (*link & KR_SIEVE_HOST) != 0;
        struct kr_packed *packed = kr_packed_at(sieve, *link);
        equal += !host && kr_packed_is_same(newest, packed);
        if (equal > KR_SIEVE_SHOWN_MAX) {
            *link = packed->next;
            break;
        }
        link = host ? &packed->next_host : &packed->next;
    }
}

static void insert(struct kr_sieve *sieve, const struct entry *entry)
{
    const bool host = (entry->at & KR_SIEVE_HOST) != 0;
    struct kr_packed *packed = kr_packed_at(sieve, entry->at);
    uint32_t *head = kr_packed_head(sieve, entry->hash, host);
    *(host ? &packed->next_host : &packed->next) = *head;
    *head = entry->at;
    if (kr_sieve_is_text(packed->type)) {
        drop_oldest(sieve, packed);
    }
    kr_packed_set_tag(packed, host, kr_packed_tag(entry->hash));
    sieve->filter_room[(entry->hash >> 20) & sieve->filter_mask] |=
        (uint64_t)1 << (entry->hash & 63) | (uint64_t)1 << (entry->hash >> 6 & 63) | (uint64_t)1 << (entry->hash >> 12 & 63);
}

static void flush(struct insertion *insertion)
{
    for (uint32_t i = 0; i < insertion->count; i++) {
        insert(insertion->sieve, &insertion->entries[i]);
    }
    for (uint32_t i = 0; i < insertion->root_count; i++) {
        kr_sieve_bits_put(insertion->sieve->roots, insertion->roots[i]);
    }
    for (uint32_t i = 0; i < insertion->net_count; i++) {
        kr_sieve_bits_put(insertion->sieve->nets, insertion->nets[i]);
    }
    insertion->count = insertion->root_count = insertion->net_count = 0;
}

static void put(struct insertion *insertion, uint64_t hash, bool host)
{
    const struct kr_sieve *sieve = insertion->sieve;
    __builtin_prefetch(kr_packed_head(sieve, hash, host), 1);
    __builtin_prefetch(&sieve->filter_room[(hash >> 20) & sieve->filter_mask], 1);
    insertion->entries[insertion->count++] = (struct entry){.hash = hash, .at = insertion->at | (host ? KR_SIEVE_HOST : 0)};
    if (insertion->count == ENTRIES_MAX) {
        flush(insertion);
    }
}

/* The first two numbers of an address, with their dots; where the third one goes. */
static uint8_t *print_two(uint8_t *text, uint32_t first, uint32_t second)
{
    uint8_t *to = kr_packed_octet(text, first);
    *to++ = '.';
    to = kr_packed_octet(to, second);
    *to++ = '.';
    return to;
}

/* `count` networks of /24, the first of which is `first`; no two of them differ in the first two numbers. */
static void mark_nets(const struct kr_sieve *sieve, struct kr_sieve_bits bits, uint32_t first, unsigned count)
{
    uint8_t room[8 + 16] = {0}, *text = room + 8, *to = print_two(text, first >> 16, first >> 8 & 255);
    for (unsigned i = first & 255; i < (first & 255) + count; i++) {
        const uint8_t *end = kr_packed_octet(to, i);
        kr_sieve_bits_put(bits, kr_sieve_net(&sieve->key, end, (unsigned)(end - text)));
    }
}

/* A network of less than a /16. */
static void mark_network(const struct kr_sieve *sieve, const uint8_t *network)
{
    const uint32_t first = (uint32_t)network[0] << 16 | (uint32_t)network[1] << 8 | network[2];
    const unsigned count = network[4] < 24 ? 1u << (24 - network[4]) : 1;
    if (network[4] > 16) { /* larger ones are among `wide` */
        mark_nets(sieve, sieve->nets, first, count);
        mark_nets(sieve, sieve->networks, first, count);
    }
}

static uint64_t count_wide(const struct kr_sieve *sieve)
{
    uint64_t count = 0;
    for (size_t i = 0; i < KR_SIEVE_WIDE_WORDS; i++) {
        count += (uint64_t)__builtin_popcountll(sieve->wide[i]);
    }
    return count;
}

/* Each once, however many networks it is of; where they are much of the Internet, all addresses go on. */
static void mark_wide(const struct kr_sieve *sieve)
{
    const bool all = count_wide(sieve) > WIDE_MAX;
    if (all) {
        memset(sieve->nets.words, 0xff, sieve->net_bytes);
        memset(sieve->networks.words, 0xff, sieve->net_bytes);
    }
    for (uint32_t i = 0; i < 64 * KR_SIEVE_WIDE_WORDS && !all; i++) {
        if (sieve->wide[i / 64] >> i % 64 & 1) {
            mark_nets(sieve, sieve->nets, i << 8, 256);
            mark_nets(sieve, sieve->networks, i << 8, 256);
        }
    }
}

/* The net of an address; `whole`: and its key, the text, in which it stands in logs and in URLs. */
static void put_address(struct insertion *insertion, const uint8_t *address, bool whole)
{
    const struct kr_sieve *sieve = insertion->sieve;
    uint8_t room[8 + 16] = {0}, *text = room + 8, *to = print_two(text, address[0], address[1]);
    to = kr_packed_octet(to, address[2]);
    const uint64_t net = kr_sieve_net(&sieve->key, to, (unsigned)(to - text));
    __builtin_prefetch(kr_sieve_bits_word(sieve->nets, net), 1);
    KR_ASSERT(insertion->net_count < ENTRIES_MAX);
    insertion->nets[insertion->net_count++] = net;
    if (whole) {
        *to++ = '.';
        to = kr_packed_octet(to, address[3]);
        put(insertion, kr_key_flat(&sieve->key, sieve->key.flat, to, (size_t)(to - text)), false);
    }
}

static bool has_letter(const uint8_t *name, size_t len)
{
    while (len > 0 && !((uint8_t)((name[len - 1] | 0x20) - 'a') < 26 || name[len - 1] == '_')) {
        len--;
    }
    return len > 0;
}

/* How much of the sixteen bytes before `end` is behind the last dot but one. Without a loop: each name ends at another place. */
static unsigned two_labels(const uint8_t *end)
{
    uint64_t high = kr_key_dots(end - 8), low = kr_key_dots(end - 16);
    const uint64_t last = (uint64_t)1 << 63;
    low = high == 0 && low != 0 ? low ^ last >> __builtin_clzll(low) : low;
    high = high != 0 ? high ^ last >> __builtin_clzll(high) : 0;
    return (unsigned)(high != 0 ? __builtin_clzll(high) : low != 0 ? 64 + __builtin_clzll(low) : 128) / 8;
}
_Static_assert(KR_SIEVE_ROOT_BYTES == 16, "two words hold what roots are made of");

/* Notes how a name, or the word of a text, ends. Sixteen bytes before its end are readable. */
static void put_root(struct insertion *insertion, const uint8_t *name, size_t len)
{
    struct kr_sieve *sieve = insertion->sieve;
    const unsigned two = two_labels(name + len), labels = two < len ? two : (unsigned)len;
    if (labels > 0) {
        const uint64_t dots = kr_key_dots(name + len - 8);
        const unsigned last = dots != 0 ? (unsigned)__builtin_clzll(dots) / 8 : 8;
        const unsigned top = kr_sieve_top(name + len, last < labels ? last : labels);
        sieve->tops[top / 64] |= (uint64_t)1 << top % 64;
        const uint64_t root = kr_sieve_root(&sieve->key, name + len, labels);
        __builtin_prefetch(kr_sieve_bits_word(sieve->roots, root), 1);
        KR_ASSERT(insertion->root_count < ENTRIES_MAX);
        insertion->roots[insertion->root_count++] = root;
    }
    sieve->has_words = sieve->has_words || !has_letter(name, len);
}

static void put_text_root(struct insertion *insertion, const struct kr_packed *packed)
{
    static _Thread_local struct kr_sieve_text text;
    uint8_t word[16 + KR_INDICATOR_PRINT_BYTES_MAX + 8] = {0};
    if (kr_sieve_text(packed->type, kr_packed_value(packed), packed->len, &text)) {
        memcpy(word + 16, text.bytes + text.from, text.to - text.from);
        put_root(insertion, word + 16, text.to - text.from);
    }
}

static void put_keys(struct insertion *insertion, const struct kr_packed *packed)
{
    struct kr_sieve *sieve = insertion->sieve;
    const uint8_t *value = kr_packed_value(packed); /* eight bytes before it are the header's */
    struct kr_slice host;
    struct kr_indicator address;
    switch (packed->type) {
    case KR_INDICATOR_DOMAIN:
        put_root(insertion, value, packed->len);
        put(insertion, kr_sieve_hash_word(sieve, value, packed->len), false);
        break;
    case KR_INDICATOR_IPV4:
        if (value[4] < 32) {
            mark_network(sieve, value);
            put(insertion, kr_sieve_hash_in_place(sieve, KR_INDICATOR_IPV4, value, packed->len), false);
        } else {
            put_address(insertion, value, true);
        }
        break;
    case KR_INDICATOR_URL:
        put(insertion, kr_key_flat(&sieve->key, sieve->key.binary, value + packed->len, packed->len), false);
        if (kr_packed_host(packed, &host)) {
            if (kr_sieve_is_ipv4(host.bytes, host.len) &&
                kr_indicator_parse(KR_INDICATOR_IPV4, (const char *)host.bytes, host.len, &address, NULL) == KR_OK) {
                put_address(insertion, address.value, false);
            } else if (host.bytes[-1] != '[') {
                put_root(insertion, host.bytes, host.len);
            }
            put(insertion,
                host.bytes[-1] != '[' ? kr_sieve_hash_word(sieve, host.bytes, host.len)
                                      : kr_sieve_hash(sieve, KR_INDICATOR_URL_HOST, host.bytes, host.len),
                true);
        }
        break;
    default:
        if (kr_sieve_is_text(packed->type)) {
            put_text_root(insertion, packed);
        } else if (packed->type == KR_INDICATOR_EMAIL) {
            const uint8_t *at = memrchr(value, '@', packed->len);
            put_root(insertion, at != NULL ? at + 1 : value, packed->len - (at != NULL ? (size_t)(at + 1 - value) : 0));
        }
        put(insertion, kr_sieve_hash_in_place(sieve, packed->type, value, packed->len), false);
        break;
    }
}

/* How many bits a table of kr_sieve_bits has, as a power of two: 8 to 16 for each of `count`, as far as it may. */
static unsigned bits_for(uint64_t count, unsigned max)
{
    unsigned bits = BITS_MIN;
    while (bits < max && (uint64_t)1 << bits < 8 * count) {
        bits++;
    }
    return bits;
}

static struct kr_sieve_bits bits_at(uint8_t **at, unsigned bits)
{
    const struct kr_sieve_bits table = {.words = (uint64_t *)(void *)*at, .shift = 64 - bits + 6};
    *at += ((size_t)1 << bits) / 8;
    return table;
}

/* Room for all tables, as large as what was added needs. */
static enum kr_err make_tables(struct kr_sieve *sieve)
{
    uint64_t heads = HEADS_MIN, words = HEADS_MIN / 4;
    unsigned head_bits = 6;
    for (; heads < sieve->keys * 3 / 4; head_bits++) { /* 0.7 to 1.3 keys a chain */
        heads *= 2;
    }
    while (words * 64 < 12 * sieve->keys) { /* 12 to 24 bits a key */
        words *= 2;
    }
    const unsigned net_bits = bits_for(sieve->net_count + 256 * count_wide(sieve), NET_BITS_MAX);
    const unsigned root_bits = bits_for(sieve->names, ROOT_BITS_MAX);
    sieve->net_bytes = ((size_t)1 << net_bits) / 8;
    sieve->table_bytes =
        2 * sieve->net_bytes + ((size_t)1 << root_bits) / 8 + words * sizeof sieve->filter_room[0] + heads * sizeof sieve->heads[0];
    sieve->tables = kr_sieve_map(sieve->table_bytes);
    if (sieve->tables == NULL) {
        return KR_NOMEM;
    }
    uint8_t *at = sieve->tables; /* beginning with what is asked most, so that it shares a large page */
    sieve->nets = bits_at(&at, net_bits);
    sieve->roots = bits_at(&at, root_bits);
    sieve->networks = bits_at(&at, net_bits);
    sieve->filter = sieve->filter_room = (uint64_t *)(void *)at;
    sieve->filter_mask = words - 1;
    sieve->heads = (uint32_t *)(void *)(sieve->filter_room + words);
    sieve->head_shift = 64 - head_bits;
    return KR_OK;
}

enum kr_err kr_sieve_seal(struct kr_sieve *sieve)
{
    struct insertion insertion = {.sieve = sieve};
    const enum kr_err err = make_tables(sieve);
    if (err != KR_OK) {
        return err;
    }
    mark_wide(sieve);
    for (size_t at = 4; at < sieve->arena_len;) {
        const struct kr_packed *packed = (const struct kr_packed *)(const void *)(sieve->arena + at);
        insertion.at = (uint32_t)(at / 4);
        put_keys(&insertion, packed);
        at += kr_packed_bytes(packed->len);
    }
    flush(&insertion);
    return KR_OK;
}
