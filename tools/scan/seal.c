/* From values in the arena to filter and slots. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/scan/packed.h"

#define SLOTS_MIN  64u
#define HUGE_BYTES ((size_t)2 << 20)

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

/* One key on its way into the slots. */
struct entry {
    uint64_t hash;
    uint32_t at; /* with KR_SIEVE_HOST */
};

/* Keys are gathered and then put in one behind the other, while the memory that they go to is being fetched. */
#define ENTRIES_MAX 64u
struct insertion {
    struct kr_sieve *sieve;
    uint32_t at; /* of the value whose keys are put in */
    uint32_t count, root_count;
    struct entry entries[ENTRIES_MAX];
    uint64_t roots[ENTRIES_MAX];
};

/* Whether both have the key that brought them to the same slot. Texts have one key, their word, so that equal ones alone are
 * chained. */
static bool same_key(const struct kr_packed *left, const struct kr_packed *right, bool host)
{
    struct kr_slice left_host, right_host;
    bool same = false;
    if (host) {
        same = kr_packed_host(left, &left_host) && kr_packed_host(right, &right_host) && left_host.len == right_host.len &&
               memcmp(left_host.bytes, right_host.bytes, left_host.len) == 0;
    } else if (left->type == right->type && left->len == right->len) {
        /* An address is found without its port. */
        const size_t port = left->type == KR_INDICATOR_IPV4 || left->type == KR_INDICATOR_IPV6 ? 2 : 0;
        same = memcmp(kr_packed_value(left), kr_packed_value(right), left->len - port) == 0;
    }
    return same;
}

static void insert(struct kr_sieve *sieve, const struct entry *entry)
{
    const bool host = (entry->at & KR_SIEVE_HOST) != 0;
    struct kr_packed *packed = kr_packed_at(sieve, entry->at);
    bool done = false;
    uint64_t i = entry->hash >> sieve->slot_shift;
    for (; sieve->slots[i].at != 0 && !done; i = (i + 1) & sieve->slot_mask) {
        const struct kr_sieve_slot slot = sieve->slots[i];
        if (slot.tag == kr_sieve_tag(entry->hash) && ((slot.at ^ entry->at) & KR_SIEVE_HOST) == 0) {
            struct kr_packed *head = kr_packed_at(sieve, slot.at);
            done = same_key(head, packed, host);
            if (done && host) {
                packed->next_host = head->next_host;
                head->next_host = entry->at;
            } else if (done) {
                packed->next = head->next;
                head->next = entry->at;
            }
        }
    }
    if (!done) {
        sieve->slots[i] = (struct kr_sieve_slot){.tag = kr_sieve_tag(entry->hash), .at = entry->at};
        sieve->filter_room[(entry->hash >> 20) & sieve->filter_mask] |=
            (uint64_t)1 << (entry->hash & 63) | (uint64_t)1 << (entry->hash >> 6 & 63) | (uint64_t)1 << (entry->hash >> 12 & 63);
    }
}

static void flush(struct insertion *insertion)
{
    for (uint32_t i = 0; i < insertion->count; i++) {
        insert(insertion->sieve, &insertion->entries[i]);
    }
    for (uint32_t i = 0; i < insertion->root_count; i++) {
        insertion->sieve->root_room[insertion->roots[i] / 64] |= (uint64_t)1 << insertion->roots[i] % 64;
    }
    insertion->count = insertion->root_count = 0;
}

static void put(struct insertion *insertion, uint64_t hash, bool host)
{
    const struct kr_sieve *sieve = insertion->sieve;
    __builtin_prefetch(&sieve->slots[hash >> sieve->slot_shift], 1);
    __builtin_prefetch(&sieve->filter_room[(hash >> 20) & sieve->filter_mask], 1);
    insertion->entries[insertion->count++] = (struct entry){.hash = hash, .at = insertion->at | (host ? KR_SIEVE_HOST : 0)};
    if (insertion->count == ENTRIES_MAX) {
        flush(insertion);
    }
}

/* The bit of each /16 that the network lies in, or the one that it lies in. */
static void mark(uint64_t *bits, const uint8_t *network)
{
    const unsigned first = (unsigned)network[0] << 8 | network[1];
    const unsigned count = network[4] < 16 ? 1u << (16 - network[4]) : 1;
    for (unsigned i = first; i < first + count; i++) {
        uint8_t text[8] = {0}, *to = kr_packed_octet(text, i >> 8);
        *to++ = '.';
        const unsigned net = kr_sieve_net(text, (unsigned)(kr_packed_octet(to, i & 255) - text));
        bits[net / 64] |= (uint64_t)1 << net % 64;
    }
}

static bool has_letter(const uint8_t *name, size_t len)
{
    while (len > 0 && !((uint8_t)((name[len - 1] | 0x20) - 'a') < 26 || name[len - 1] == '_')) {
        len--;
    }
    return len > 0;
}

/* The top bit of each byte that is a dot. */
static uint64_t dots_of(const uint8_t *text)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7fu, odd = kr_key_load(text) ^ 0x2e2e2e2e2e2e2e2eu;
    return ~(((odd & low) + low) | odd | low);
}

/* How much of the sixteen bytes before `end` is behind the last dot but one. Without a loop: each name ends at another place. */
static unsigned two_labels(const uint8_t *end)
{
    uint64_t high = dots_of(end - 8), low = dots_of(end - 16);
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
        const uint64_t root = kr_sieve_root(&sieve->key, name + len, labels) >> sieve->root_shift;
        __builtin_prefetch(&sieve->root_room[root / 64], 1);
        KR_ASSERT(insertion->root_count < ENTRIES_MAX); /* a key follows each, and with the last key of a batch both are put in */
        insertion->roots[insertion->root_count++] = root;
    }
    sieve->has_words = sieve->has_words || !has_letter(name, len);
}

static void put_text_root(struct insertion *insertion, const struct kr_packed *packed)
{
    static _Thread_local struct kr_sieve_text text;
    uint8_t word[16 + KR_INDICATOR_PRINT_BYTES_MAX] = {0};
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
        mark(sieve->nets_room, value);
        if (value[4] < 32) {
            mark(sieve->nets_room + KR_SIEVE_NETS_BYTES / sizeof(uint64_t), value);
        }
        put(insertion, kr_sieve_hash(sieve, KR_INDICATOR_IPV4, value, packed->len), false);
        break;
    case KR_INDICATOR_URL:
        put(insertion, kr_key_flat(&sieve->key, sieve->key.binary, value + packed->len, packed->len), false);
        if (kr_packed_host(packed, &host)) {
            if (kr_sieve_is_ipv4(host.bytes, host.len) &&
                kr_indicator_parse(KR_INDICATOR_IPV4, (const char *)host.bytes, host.len, &address, NULL) == KR_OK) {
                mark(sieve->nets_room, address.value);
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
        put(insertion, kr_sieve_hash(sieve, packed->type, value, packed->len), false);
        break;
    }
}

enum kr_err kr_sieve_seal(struct kr_sieve *sieve)
{
    uint64_t slots = SLOTS_MIN, words = SLOTS_MIN / 4;
    unsigned bits = 6, root_bits = 12;
    for (; slots * 3 / 4 < sieve->keys; bits++) {
        slots *= 2;
    }
    while (words * 64 < 12 * sieve->keys) { /* 12 to 24 bits a key */
        words *= 2;
    }
    while ((uint64_t)1 << root_bits < 8 * sieve->names) { /* 8 to 16 bits a name */
        root_bits++;
    }
    sieve->slot_bytes = slots * sizeof sieve->slots[0];
    sieve->filter_bytes = words * sizeof sieve->filter[0];
    sieve->slots = kr_sieve_map(sieve->slot_bytes);
    sieve->filter_room = kr_sieve_map(sieve->filter_bytes);
    sieve->root_bytes = ((size_t)1 << root_bits) / 8;
    sieve->root_room = kr_sieve_map(sieve->root_bytes);
    sieve->nets_room = calloc(2, KR_SIEVE_NETS_BYTES);
    if (sieve->slots == NULL || sieve->root_room == NULL || sieve->filter_room == NULL || sieve->nets_room == NULL) {
        return KR_NOMEM;
    }
    sieve->slot_shift = 64 - bits;
    sieve->slot_mask = slots - 1;
    sieve->filter = sieve->filter_room;
    sieve->filter_mask = words - 1;
    sieve->roots = sieve->root_room;
    sieve->root_shift = 64 - root_bits;
    sieve->nets = sieve->nets_room;
    sieve->networks = sieve->nets_room + KR_SIEVE_NETS_BYTES / sizeof(uint64_t);
    struct insertion insertion = {.sieve = sieve};
    for (size_t at = 4; at < sieve->arena_len;) {
        const struct kr_packed *packed = (const struct kr_packed *)(const void *)(sieve->arena + at);
        insertion.at = (uint32_t)(at / 4);
        put_keys(&insertion, packed);
        at += kr_packed_bytes(packed->len);
    }
    flush(&insertion);
    return KR_OK;
}
