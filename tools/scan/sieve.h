/* The values that a log is searched for: a compact set, built once, then only read, by any number of threads.
 *
 *   roots    a bit per name, by its last two labels; nets, a bit per address, by its first two numbers: most words of a log end
 * here filter   one 64-bit word and three bits in it per key: answers nearly all other questions slots    open addressing; a tag of
 * 32 bits and where the value lies arena    the values, packed, each once, with its records behind each other
 *
 * Which keys a value has, and which are asked for, is the affair of proto/indicator (kr_indicator_index_keys, …_lookup_keys). */
#ifndef KR_TOOLS_SCAN_SIEVE_H
#define KR_TOOLS_SCAN_SIEVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "proto/codec/reader.h"
#include "proto/indicator/indicator.h"
#include "tools/scan/key.h"

#define KR_SIEVE_NONE UINT32_MAX

struct kr_sieve;

/* A value of the set with one of the records that have it. Borrowed from the set. */
struct kr_sieve_value {
    uint32_t type;
    struct kr_slice value; /* normal form */
    uint32_t record;
};

/* `seed`: 48 random bytes, new for each run. NULL where memory is short. */
struct kr_sieve *kr_sieve_new(const uint8_t seed[static 48]);
void kr_sieve_free(struct kr_sieve *sieve);
/* Copies. `value` is a normal form; `record` is the caller's number (not KR_SIEVE_NONE). Only before kr_sieve_seal. What cannot be
 * searched for in logs (YARA and Sigma rules, texts of several lines or of fewer than four characters) is counted and left out.
 * KR_NOMEM; KR_BOUNDS over 8 GiB. */
enum kr_err kr_sieve_add(struct kr_sieve *sieve, uint32_t type, const uint8_t *value, size_t len, uint32_t record) KR_WARN_UNUSED;
/* Builds filter and slots. KR_NOMEM. */
enum kr_err kr_sieve_seal(struct kr_sieve *sieve) KR_WARN_UNUSED;

/* How many values were added (twice the same counts twice), how many left out, and what all of it takes. */
uint64_t kr_sieve_count(const struct kr_sieve *sieve);
uint64_t kr_sieve_left_out(const struct kr_sieve *sieve);
uint64_t kr_sieve_bytes(const struct kr_sieve *sieve);

/* Visits all values that have this key, each once for each of its records, the first one first; the visitor returns false to
 * stop. */
typedef bool kr_sieve_visit(void *context, const struct kr_sieve_value *value);
void kr_sieve_find(const struct kr_sieve *sieve, uint32_t key_type, const uint8_t *key, size_t len, kr_sieve_visit *visit,
                   void *context);

/* ---- for the files of this folder ---- */

struct kr_sieve_slot {
    uint32_t tag, at; /* at: place in the arena in units of four bytes, + KR_SIEVE_HOST; tag 0 and at 0: empty */
};
#define KR_SIEVE_HOST       0x80000000u /* reached by the host of a URL */
#define KR_SIEVE_NETS_BYTES ((1u << KR_SIEVE_NET_BITS) / 8u)
#define KR_SIEVE_NET_BITS   18u /* by far more than there are, so that few share one */

static inline uint32_t kr_sieve_tag(uint64_t hash)
{
    return (uint32_t)hash;
}

struct kr_sieve {
    /* What every candidate touches comes first. */
    const uint64_t *filter;
    uint64_t filter_mask;
    struct kr_key key;
    const uint64_t *nets;     /* a bit (kr_sieve_net) per /16: something of the set lies in it */
    const uint64_t *networks; /* likewise: a network does */
    const uint64_t *roots;    /* a bit (the first ones of kr_sieve_root) for each name */
    unsigned root_shift;
    bool has_ipv6;      /* there are IPv6 addresses or networks */
    bool has_words;     /* some texts are found by words without a dot: all words must be looked at */
    bool has_phrases;   /* there are texts at all */
    bool has_idn;       /* there are A-labels */
    bool has_odd_email; /* local parts with more than letters, digits and ._+- */

    uint64_t ipv4_prefixes;    /* bit p: a network of that length is in the set; 32 is a whole address */
    uint64_t ipv6_prefixes[3]; /* likewise, 0 … 128 */
    struct kr_sieve_slot *slots;
    unsigned slot_shift;
    uint64_t slot_mask;
    uint8_t *arena;
    size_t arena_len, arena_room;
    uint64_t *filter_room, *root_room, *nets_room;
    uint64_t count, keys, names, left_out;
    size_t filter_bytes, root_bytes, slot_bytes;
};

static inline uint64_t kr_sieve_may_have(const struct kr_sieve *sieve, uint64_t hash)
{
    const uint64_t word = sieve->filter[(hash >> 20) & sieve->filter_mask];
    return (word >> (hash & 63)) & (word >> (hash >> 6 & 63)) & (word >> (hash >> 12 & 63)) & 1;
}

/* The root of a name: the hash of its last two labels, of `len` bytes together, or of the last 16 bytes of them. Most names in a
 * log have a root that no name of the set has, and need not be looked at any further. The 16 bytes before `end` must be readable.
 */
#define KR_SIEVE_ROOT_BYTES 16u
static inline uint64_t kr_sieve_root(const struct kr_key *key, const uint8_t *end, unsigned len)
{
    return kr_key_bytes(key->a, key->b, end, len < KR_SIEVE_ROOT_BYTES ? len : KR_SIEVE_ROOT_BYTES);
}

/* Which of the bits an address has whose first two numbers, with the dot between, are the first `len` bytes (at most seven). Eight
 * bytes must be readable. */
static inline unsigned kr_sieve_net(const uint8_t *address, unsigned len)
{
    return (unsigned)((kr_key_load(address) << ((64 - 8 * len) & 63)) * KR_KEY_MIX >> (64 - KR_SIEVE_NET_BITS));
}

/* Whether a key of this hash is in the slots (but for one chance in 2^32). */
bool kr_sieve_has(const struct kr_sieve *sieve, uint64_t hash);
uint64_t kr_sieve_hash(const struct kr_sieve *sieve, uint32_t key_type, const uint8_t *key, size_t len);
/* The hash of a whole word: label by label from the right. Eight bytes before `word` must be readable. */
uint64_t kr_sieve_hash_word(const struct kr_sieve *sieve, const uint8_t *word, size_t len);

/* Texts (file names, registry keys, mutexes …) are found by one of their words and then compared as a whole. `ret` has room for
 * KR_INDICATOR_PRINT_BYTES_MAX: the text to compare, without the hive of a registry key, whose spelling is taken off into
 * `ret_hive` (NULL: none). False where the type is no text, or the value cannot be found. */
struct kr_sieve_text {
    const char *hive; /* "HKEY_LOCAL_MACHINE" … or NULL */
    size_t len;
    size_t from, to; /* the word */
    bool is_common;  /* the word has no dot, or looks like a number */
    char bytes[KR_INDICATOR_PRINT_BYTES_MAX];
};
bool kr_sieve_text(uint32_t type, const uint8_t *value, size_t len, struct kr_sieve_text *ret);
bool kr_sieve_is_text(uint32_t type);
/* All values whose first key has this hash, texts by their word. */
void kr_sieve_find_texts(const struct kr_sieve *sieve, uint64_t hash, kr_sieve_visit *visit, void *context);

/* The number that a word of the shape of an IPv4 address means; any number if one of its four is too large. */
static inline uint32_t kr_sieve_address(const uint8_t *word, size_t len)
{
    uint32_t address = 0, octet = 0;
    for (size_t i = 0; i < len; i++) {
        const uint32_t digit = (uint8_t)(word[i] - '0');
        address = digit < 10 ? address : address << 8 | (octet & 255);
        octet = digit < 10 ? octet * 10 + digit : 0;
    }
    return address << 8 | (octet & 255);
}
/* The hash of the network of that length around an address. */
static inline uint64_t kr_sieve_hash_network(const struct kr_key *key, uint32_t address, unsigned prefix)
{
    return kr_key_binary(key, prefix == 0 ? 0 : address >> (32 - prefix) << (32 - prefix), 0, prefix);
}
/* Likewise: whether a network around it is in the set. */
bool kr_sieve_has_network(const struct kr_sieve *sieve, const uint8_t *word, size_t len);

/* E-mail: from the hash of the domain, and what of the local part stands behind the last odd character. */
uint64_t kr_sieve_hash_email(const struct kr_sieve *sieve, uint64_t domain, const uint8_t *at_sign, size_t tail);

static inline bool kr_sieve_is_alnum(uint8_t c)
{
    return (uint8_t)(c - '0') < 10 || (uint8_t)((c | 0x20) - 'a') < 26;
}
/* What words consist of, '%' and bytes beyond ASCII aside. */
static inline bool kr_sieve_is_word(uint8_t c)
{
    return kr_sieve_is_alnum(c) || c == '.' || c == '-' || c == '_';
}
static inline bool kr_sieve_is_local(uint8_t c)
{
    return kr_sieve_is_word(c) || c == '+';
}
/* Four numbers with dots between, by shape only: digits and three dots, 7 to 15 characters. */
bool kr_sieve_is_ipv4(const uint8_t *word, size_t len);

#endif
