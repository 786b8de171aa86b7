#include "tools/scan/sieve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/scan/packed.h"

#define ARENA_BYTES_MIN ((size_t)2 << 20)
#define ARENA_BYTES_MAX ((size_t)8 << 30)
#define ARENA_BEHIND    16u /* bytes behind the last value that hashes may read */

struct kr_sieve *kr_sieve_new(const uint8_t seed[static 48])
{
    struct kr_sieve *sieve = calloc(1, sizeof *sieve);
    if (sieve != NULL) {
        memcpy(&sieve->key, seed, sizeof sieve->key);
        sieve->arena_len = 4; /* place 0 is no place */
    }
    return sieve;
}

void kr_sieve_free(struct kr_sieve *sieve)
{
    if (sieve != NULL) {
        if (sieve->tables != NULL) {
            (void)munmap(sieve->tables, sieve->table_bytes);
        }
        if (sieve->arena != NULL) {
            (void)munmap(sieve->arena, sieve->arena_room);
        }
        free(sieve);
    }
}

uint64_t kr_sieve_count(const struct kr_sieve *sieve)
{
    return sieve->count;
}

uint64_t kr_sieve_left_out(const struct kr_sieve *sieve)
{
    return sieve->left_out;
}

uint64_t kr_sieve_bytes(const struct kr_sieve *sieve)
{
    return sieve->arena_room + sieve->table_bytes;
}

/* ---- hashes ---- */

bool kr_sieve_is_ipv4(const uint8_t *word, size_t len)
{
    bool ok = len >= 7 && len <= 15;
    unsigned dots = 0;
    for (size_t i = 0; i < len && ok; i++) {
        ok = (uint8_t)(word[i] - '0') < 10 || word[i] == '.';
        dots += word[i] == '.';
    }
    return ok && dots == 3;
}

uint64_t kr_sieve_hash_word(const struct kr_sieve *sieve, const uint8_t *word, size_t len)
{
    uint64_t hash = 0, place = 0;
    size_t end = len;
    if (len > 0 && (uint8_t)(word[len - 1] - '0') < 10 && kr_sieve_is_ipv4(word, len)) {
        return kr_key_flat(&sieve->key, sieve->key.flat, word + len, len);
    }
    for (size_t at = len; at > 0;) {
        const uint64_t dots = kr_key_dots(word + at - 8);
        const size_t run = dots != 0 ? (unsigned)__builtin_clzll(dots) / 8 : 8; /* behind the last dot of them */
        const bool is_dot = run < 8 && run < at;
        at -= run < at ? run : at;
        if ((is_dot || at == 0) && end > at) {
            hash += kr_key_label(&sieve->key, place, word + end, end - at);
        }
        if (is_dot) {
            at--;
            end = at;
            place += KR_KEY_PLACE;
        }
    }
    return hash;
}

uint64_t kr_sieve_hash_email(const struct kr_sieve *sieve, uint64_t domain, const uint8_t *at_sign, size_t tail)
{
    const uint64_t hash = domain ^ sieve->key.email;
    return tail > 0 ? kr_key_flat(&sieve->key, hash, at_sign, tail) : kr_key_mix(hash, KR_KEY_MIX);
}

static uint64_t hash_ipv6(const struct kr_sieve *sieve, const uint8_t *address, unsigned prefix)
{
    uint64_t high = 0, low = 0;
    for (size_t i = 0; i < 8; i++) {
        high = high << 8 | address[i];
        low = low << 8 | address[8 + i];
    }
    return kr_key_binary(&sieve->key, high, low, prefix + 64);
}

/* A whole address is found by its text, in which it stands in logs and in URLs. */
static uint64_t hash_ipv4(const struct kr_sieve *sieve, const uint8_t *value)
{
    uint8_t room[8 + 16] = {0}, *to = room + 8;
    if (value[4] < 32) {
        return kr_sieve_hash_network(
            &sieve->key, (uint32_t)value[0] << 24 | (uint32_t)value[1] << 16 | (uint32_t)value[2] << 8 | value[3], value[4]);
    }
    for (unsigned i = 0; i < 4; i++) {
        to = kr_packed_octet(to, value[i]);
        *to++ = '.';
    }
    to--;
    return kr_key_flat(&sieve->key, sieve->key.flat, to, (size_t)(to - room - 8));
}

/* Eight hexadecimal digits of four bytes. */
static uint64_t digits_of(uint32_t bytes)
{
    const uint64_t pairs = (bytes | (uint64_t)bytes << 16) & 0x0000ffff0000ffff;
    const uint64_t each = (pairs | pairs << 8) & 0x00ff00ff00ff00ff;
    const uint64_t halves = (each >> 4 & 0x000f000f000f000f) | (each << 8 & 0x0f000f000f000f00);
    const uint64_t letters = (halves + 0x0606060606060606) >> 4 & 0x0101010101010101;
    return halves + 0x3030303030303030 + letters * ('a' - '0' - 10);
}

/* At most 64 bytes. */
static uint64_t hash_hex(const struct kr_sieve *sieve, const uint8_t *value, size_t len)
{
    uint8_t bytes[64 + 4] = {0}, room[8 + 128 + 8];
    memset(room, 0, 8);
    memcpy(bytes, value, len);
    for (size_t i = 0; i < len; i += 4) {
        uint32_t four;
        memcpy(&four, bytes + i, sizeof four);
        const uint64_t digits = digits_of(four);
        memcpy(room + 8 + 2 * i, &digits, sizeof digits);
    }
    return kr_key_label(&sieve->key, 0, room + 8 + 2 * len, 2 * len);
}

static uint64_t hash_local(const struct kr_sieve *sieve, const uint8_t *value, size_t len)
{
    const uint8_t *at_sign = memchr(value, '@', len);
    uint64_t hash = 0;
    if (at_sign != NULL) {
        size_t tail = 0;
        while (at_sign - tail > value && kr_sieve_is_local(at_sign[-1 - (ptrdiff_t)tail])) {
            tail++;
        }
        hash = kr_sieve_hash_word(sieve, at_sign + 1, len - (size_t)(at_sign + 1 - value));
        hash = kr_sieve_hash_email(sieve, hash, at_sign, tail);
    }
    return hash;
}

static uint64_t hash_text(const struct kr_sieve *sieve, uint32_t type, const uint8_t *value, size_t len)
{
    static _Thread_local struct kr_sieve_text text; /* too large for a stack that threads share out */
    uint8_t word[8 + KR_INDICATOR_PRINT_BYTES_MAX + 8];
    uint64_t hash = 0;
    if (kr_sieve_text(type, value, len, &text)) {
        memset(word, 0, 8);
        memcpy(word + 8, text.bytes + text.from, text.to - text.from);
        hash = kr_sieve_hash_word(sieve, word + 8, text.to - text.from);
    }
    return hash;
}

uint64_t kr_sieve_hash(const struct kr_sieve *sieve, uint32_t key_type, const uint8_t *key, size_t len)
{
    uint8_t copy[8 + KR_INDICATOR_BYTES_MAX + 8];
    if (len == 0 || len > KR_INDICATOR_BYTES_MAX) {
        return 0;
    }
    memset(copy, 0, 8); /* is read before the bytes, and does not matter */
    memcpy(copy + 8, key, len);
    return kr_sieve_hash_in_place(sieve, key_type, copy + 8, len);
}

uint64_t kr_sieve_hash_in_place(const struct kr_sieve *sieve, uint32_t key_type, const uint8_t *key, size_t len)
{
    struct kr_indicator address;
    uint64_t hash = 0;
    switch (key_type) {
    case KR_INDICATOR_IPV4:
        hash = len == 7 ? hash_ipv4(sieve, key) : 0;
        break;
    case KR_INDICATOR_IPV6:
        hash = len == 19 ? hash_ipv6(sieve, key, key[16]) : 0;
        break;
    case KR_INDICATOR_URL_HOST:
        if (memchr(key, ':', len) != NULL) {
            const bool ok = kr_indicator_parse(KR_INDICATOR_IPV6, (const char *)key, len, &address, NULL) == KR_OK;
            hash = ok && address.type == KR_INDICATOR_IPV6 ? hash_ipv6(sieve, address.value, 128) : 0;
        } else {
            hash = kr_sieve_hash_word(sieve, key, len);
        }
        break;
    case KR_INDICATOR_DOMAIN:
        hash = kr_sieve_hash_word(sieve, key, len);
        break;
    case KR_INDICATOR_EMAIL:
        hash = hash_local(sieve, key, len);
        break;
    case KR_INDICATOR_MD5:
    case KR_INDICATOR_SHA1:
    case KR_INDICATOR_SHA256:
    case KR_INDICATOR_SHA512:
    case KR_INDICATOR_IMPHASH:
    case KR_INDICATOR_JA3:
        hash = len <= 64 ? hash_hex(sieve, key, len) : 0;
        break;
    case KR_INDICATOR_URL:
        hash = kr_key_flat(&sieve->key, sieve->key.binary, key + len, len);
        break;
    default:
        hash = hash_text(sieve, key_type, key, len);
        break;
    }
    return hash;
}

bool kr_sieve_has_network(const struct kr_sieve *sieve, const uint8_t *word, size_t len)
{
    const uint32_t address = kr_sieve_address(word, len);
    bool found = false;
    for (uint64_t prefixes = sieve->ipv4_prefixes & UINT32_MAX; prefixes != 0 && !found; prefixes &= prefixes - 1) {
        const uint64_t hash = kr_sieve_hash_network(&sieve->key, address, (unsigned)__builtin_ctzll(prefixes));
        found = kr_sieve_may_have(sieve, hash) != 0 && kr_sieve_has(sieve, hash);
    }
    return found;
}

/* ---- building ---- */

static bool ends_in_lines(const uint8_t *value, size_t len)
{
    return memchr(value, '\n', len) != NULL;
}

static bool is_wanted(uint32_t type, const uint8_t *value, size_t len)
{
    static _Thread_local struct kr_sieve_text text;
    bool wanted = type >= 1 && type <= KR_INDICATOR_TYPE_MAX && type != KR_INDICATOR_YARA && type != KR_INDICATOR_SIGMA;
    if (wanted && kr_sieve_is_text(type)) {
        wanted = (type == KR_INDICATOR_ASN || !ends_in_lines(value, len)) && kr_sieve_text(type, value, len, &text);
    }
    return wanted;
}

/* The nets that an address or network lies in, or is made of. Of large networks, that anybody may share as often as they like, only
 * the /16s are noted, and these in at most 8 KiB at a time. */
static void note_nets(struct kr_sieve *sieve, const uint8_t *network)
{
    const unsigned prefix = network[4];
    if (prefix > 16) {
        sieve->net_count += prefix < 24 ? 1u << (24 - prefix) : 1;
        return;
    }
    const unsigned first = ((unsigned)network[0] << 8 | network[1]) >> (16 - prefix) << (16 - prefix);
    if (prefix > 10) {
        sieve->wide[first / 64] |= (((uint64_t)1 << (1u << (16 - prefix))) - 1) << first % 64;
    } else {
        memset(sieve->wide + first / 64, 0xff, sizeof sieve->wide[0] << (10 - prefix));
    }
}

/* Whether the host of a URL looks like an IPv4 address. */
static bool has_digits(const uint8_t *url, size_t len)
{
    const uint8_t *slash = memchr(url, '/', len);
    return slash != NULL && url + len - slash > 2 && (uint8_t)(slash[2] - '0') < 10;
}

static void note(struct kr_sieve *sieve, uint32_t type, const uint8_t *value, size_t len)
{
    static _Thread_local struct kr_sieve_text text;
    if (type == KR_INDICATOR_IPV4 && len == 7) {
        sieve->ipv4_prefixes |= (uint64_t)1 << value[4];
        note_nets(sieve, value);
    } else if (type == KR_INDICATOR_IPV6 && len == 19) {
        sieve->ipv6_prefixes[value[16] / 64] |= (uint64_t)1 << value[16] % 64;
        sieve->has_ipv6 = true;
    } else if (type == KR_INDICATOR_URL) {
        sieve->has_ipv6 = sieve->has_ipv6 || memchr(value, '[', len) != NULL;
        sieve->net_count += has_digits(value, len);
    } else if (type == KR_INDICATOR_EMAIL) {
        for (size_t i = 0; i < len && value[i] != '@'; i++) {
            sieve->has_odd_email = sieve->has_odd_email || !kr_sieve_is_local(value[i]);
        }
    } else if (kr_sieve_is_text(type) && kr_sieve_text(type, value, len, &text)) {
        sieve->has_phrases = true;
        sieve->has_words = sieve->has_words || text.is_common;
    }
    const bool has_name = type == KR_INDICATOR_DOMAIN || type == KR_INDICATOR_URL || type == KR_INDICATOR_EMAIL;
    sieve->names += has_name || kr_sieve_is_text(type);
    sieve->has_idn = sieve->has_idn || (has_name && memchr(value, '-', len) != NULL && memmem(value, len, "xn--", 4) != NULL);
}

/* By half, in whole large pages, that are moved and not copied: of what is not used of it no page is ever touched. */
static enum kr_err grow(struct kr_sieve *sieve)
{
    const size_t room = (sieve->arena_room + sieve->arena_room / 2 + ARENA_BYTES_MIN) & ~(ARENA_BYTES_MIN - 1);
    uint8_t *arena = room <= ARENA_BYTES_MAX ? kr_sieve_map(room) : NULL;
    if (arena == NULL) {
        return room <= ARENA_BYTES_MAX ? KR_NOMEM : KR_BOUNDS;
    }
    if (sieve->arena != NULL && mremap(sieve->arena, sieve->arena_room, room, MREMAP_MAYMOVE | MREMAP_FIXED, arena) == MAP_FAILED) {
        (void)munmap(arena, room);
        return KR_NOMEM;
    }
    sieve->arena = arena;
    sieve->arena_room = room;
    return KR_OK;
}

enum kr_err kr_sieve_add(struct kr_sieve *sieve, uint32_t type, const uint8_t *value, size_t len, uint32_t record)
{
    const size_t bytes = kr_packed_bytes(len);
    KR_ASSERT(sieve->heads == NULL && record != KR_SIEVE_NONE);
    if (len == 0 || len > KR_INDICATOR_BYTES_MAX || !is_wanted(type, value, len)) {
        sieve->left_out++;
        return KR_OK;
    }
    if (sieve->arena_len + bytes + ARENA_BEHIND > sieve->arena_room) {
        const enum kr_err err = grow(sieve);
        if (err != KR_OK) {
            return err;
        }
    }
    struct kr_packed *packed = (struct kr_packed *)(void *)(sieve->arena + sieve->arena_len);
    *packed = (struct kr_packed){.record = record, .len = (uint16_t)len, .type = (uint8_t)type};
    memcpy(packed + 1, value, len);
    sieve->arena_len += bytes;
    sieve->count++;
    sieve->keys += type == KR_INDICATOR_URL ? 2 : 1;
    note(sieve, type, value, len);
    return KR_OK;
}

/* ---- finding ---- */

/* One of a packed value's keys, and whether it equals another. */
struct sought {
    uint32_t type;
    struct kr_slice key;
    bool found;
};

static bool compare_key(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct sought *sought = context;
    sought->found = type == sought->type && len == sought->key.len && memcmp(bytes, sought->key.bytes, len) == 0;
    return !sought->found;
}

/* "scheme://host/", as nearly all URLs begin. */
static bool begins_with_host(const struct kr_packed *packed, struct kr_slice host)
{
    const uint8_t *value = kr_packed_value(packed), *colon = memchr(value, ':', packed->len);
    const size_t rest = colon != NULL ? (size_t)(value + packed->len - colon) : 0;
    return rest > host.len + 3 && memcmp(colon + 3, host.bytes, host.len) == 0 && colon[3 + host.len] == '/';
}

static bool has_key(const struct kr_packed *packed, uint32_t type, struct kr_slice key)
{
    struct sought sought = {.type = type, .key = key};
    if (type == packed->type && packed->len == key.len && memcmp(packed + 1, key.bytes, key.len) == 0) {
        return true; /* in most cases the key is the value */
    }
    if (type == KR_INDICATOR_URL_HOST && packed->type == KR_INDICATOR_URL && begins_with_host(packed, key)) {
        return true;
    }
    if (type == packed->type || (type == KR_INDICATOR_URL_HOST && packed->type == KR_INDICATOR_URL)) {
        kr_indicator_index_keys(packed->type, (const uint8_t *)(packed + 1), packed->len, compare_key, &sought);
    }
    return sought.found;
}

static bool visit_host(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct kr_slice *host = context;
    if (type == KR_INDICATOR_URL_HOST) {
        *host = (struct kr_slice){bytes, len}; /* lies within the value, so that it stays */
    }
    return true;
}

bool kr_packed_host(const struct kr_packed *packed, struct kr_slice *ret_host)
{
    *ret_host = (struct kr_slice){NULL, 0};
    kr_indicator_index_keys(packed->type, kr_packed_value(packed), packed->len, visit_host, ret_host);
    return ret_host->len > 0;
}

/* The next link of the chain. */
static uint32_t next_of(const struct kr_sieve *sieve, uint32_t at)
{
    const struct kr_packed *packed = kr_packed_at(sieve, at);
    return (at & KR_SIEVE_HOST) != 0 ? packed->next_host : packed->next;
}

static bool has(const struct kr_sieve *sieve, uint64_t hash, bool host)
{
    const uint8_t tag = kr_packed_tag(hash);
    bool found = false;
    for (uint32_t at = *kr_packed_head(sieve, hash, host); at != 0 && !found; at = next_of(sieve, at)) {
        found = ((at & KR_SIEVE_HOST) != 0) == host && kr_packed_may_have(kr_packed_at(sieve, at), host, tag);
    }
    return found;
}

bool kr_sieve_has(const struct kr_sieve *sieve, uint64_t hash)
{
    return has(sieve, hash, false) || has(sieve, hash, true);
}

static bool show(const struct kr_packed *packed, kr_sieve_visit *visit, void *context)
{
    const struct kr_sieve_value value = {
        .type = packed->type, .value = {(const uint8_t *)(packed + 1), packed->len}, .record = packed->record};
    return visit(context, &value);
}

void kr_sieve_find(const struct kr_sieve *sieve, uint32_t key_type, const uint8_t *key, size_t len, kr_sieve_visit *visit,
                   void *context)
{
    const uint64_t hash = kr_sieve_hash(sieve, key_type, key, len);
    const uint8_t tag = kr_packed_tag(hash);
    const bool host = key_type == KR_INDICATOR_URL_HOST;
    uint32_t shown = 0;
    bool more = true;
    for (uint32_t at = *kr_packed_head(sieve, hash, host); at != 0 && more; at = next_of(sieve, at)) {
        const struct kr_packed *packed = kr_packed_at(sieve, at);
        if (((at & KR_SIEVE_HOST) != 0) == host && kr_packed_may_have(packed, host, tag) &&
            has_key(packed, key_type, (struct kr_slice){key, len})) {
            more = show(packed, visit, context) && ++shown < KR_SIEVE_SHOWN_MAX;
        }
    }
}

/* Equal ones, that stand behind each other unless others came between, only so often. */
void kr_sieve_find_texts(const struct kr_sieve *sieve, uint64_t hash, kr_sieve_visit *visit, void *context)
{
    const uint8_t tag = kr_packed_tag(hash);
    const struct kr_packed *last = NULL;
    uint32_t shown = 0;
    bool more = true;
    for (uint32_t at = *kr_packed_head(sieve, hash, false); at != 0 && more; at = next_of(sieve, at)) {
        const struct kr_packed *packed = kr_packed_at(sieve, at);
        if ((at & KR_SIEVE_HOST) == 0 && kr_packed_may_have(packed, false, tag) && kr_sieve_is_text(packed->type)) {
            shown = last != NULL && kr_packed_is_same(last, packed) ? shown + 1 : 0;
            more = shown >= KR_SIEVE_SHOWN_MAX || show(packed, visit, context);
            last = packed;
        }
    }
}
