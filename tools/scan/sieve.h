/* The values that a log is searched for: a compact set, built once, then only read, by any number of threads.
 *
 *   tops     a bit per name, by its last label, and
 *   roots    two bits in one word, by its last two: most names of a log end here
 *   nets     likewise per address, by its first three numbers
 *   filter   three bits in one word per key: answers nearly all other questions
 *   heads    where the chain of values begins whose keys have hashes that begin alike
 *   arena    the values, packed, one for each record that has it
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
/* Builds the tables. KR_NOMEM. */
enum kr_err kr_sieve_seal(struct kr_sieve *sieve) KR_WARN_UNUSED;

/* How many values were added (twice the same counts twice), how many left out, and what all of it takes. */
uint64_t kr_sieve_count(const struct kr_sieve *sieve);
uint64_t kr_sieve_left_out(const struct kr_sieve *sieve);
uint64_t kr_sieve_bytes(const struct kr_sieve *sieve);

/* Visits all values that have this key, each once for each of its records, the last one first; the visitor returns false to
 * stop. */
typedef bool kr_sieve_visit(void *context, const struct kr_sieve_value *value);
void kr_sieve_find(const struct kr_sieve *sieve, uint32_t key_type, const uint8_t *key, size_t len, kr_sieve_visit *visit,
                   void *context);

/* ---- for the files of this folder ---- */

/* Links are places in the arena in units of four bytes, + KR_SIEVE_HOST; 0: none. */
#define KR_SIEVE_HOST       0x80000000u /* reached by the host of a URL */
#define KR_SIEVE_WIDE_WORDS (65536u / 64u)
#define KR_SIEVE_TOP_BITS   15u
#define KR_SIEVE_TOP_WORDS  ((1u << KR_SIEVE_TOP_BITS) / 64u)

/* A set of hashes, of which it knows two bits, both in one word: may have some that it was never given. */
struct kr_sieve_bits {
    uint64_t *words;
    unsigned shift; /* the first bits of a hash say which word */
};
static inline uint64_t *kr_sieve_bits_word(struct kr_sieve_bits bits, uint64_t hash)
{
    return &bits.words[hash >> bits.shift];
}
static inline uint64_t kr_sieve_bits_may_have(struct kr_sieve_bits bits, uint64_t hash)
{
    const uint64_t word = *kr_sieve_bits_word(bits, hash);
    return (word >> (hash & 63)) & (word >> (hash >> 6 & 63)) & 1;
}
static inline void kr_sieve_bits_put(struct kr_sieve_bits bits, uint64_t hash)
{
    *kr_sieve_bits_word(bits, hash) |= (uint64_t)1 << (hash & 63) | (uint64_t)1 << (hash >> 6 & 63);
}

struct kr_sieve {
    /* What every candidate touches comes first. */
    const uint64_t *filter;
    uint64_t filter_mask;
    struct kr_key key;
    struct kr_sieve_bits nets;         /* of the /24s in which something of the set lies, by kr_sieve_net */
    struct kr_sieve_bits networks;     /* likewise: in which a network does */
    struct kr_sieve_bits roots;        /* of names, by kr_sieve_root */
    uint64_t tops[KR_SIEVE_TOP_WORDS]; /* a bit for each kr_sieve_top of a name */
    bool has_ipv6;                     /* there are IPv6 addresses or networks */
    bool has_words;                    /* some texts are found by words without a dot: all words must be looked at */
    bool has_phrases;                  /* there are texts at all */
    bool has_idn;                      /* there are A-labels */
    bool has_odd_email;                /* local parts with more than letters, digits and ._+- */

    uint64_t ipv4_prefixes;    /* bit p: a network of that length is in the set; 32 is a whole address */
    uint64_t ipv6_prefixes[3]; /* likewise, 0 … 128 */
    uint32_t *heads;
    unsigned head_shift;
    uint8_t *arena;
    size_t arena_len, arena_room;
    uint64_t *filter_room;
    uint8_t *tables; /* all but the arena, in one piece */
    uint64_t count, keys, names, left_out;
    uint64_t net_count;                 /* /24s of addresses and networks, at most; without those of `wide` */
    uint64_t wide[KR_SIEVE_WIDE_WORDS]; /* the /16s that networks of /16 and larger ones are made of */
    size_t table_bytes, net_bytes;
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

/* The top of a name: a few bits of a hash of its last label, of `len` bytes, or of the last eight of them, which must be readable.
 * Not keyed: a log has few of them. */
static inline unsigned kr_sieve_top(const uint8_t *end, unsigned len)
{
    const unsigned shift = len < 8 ? 8 * (8 - len) & 63 : 0;
    return (unsigned)(((kr_key_load(end - 8) | KR_KEY_FOLD) >> shift) * KR_KEY_MIX >> (64 - KR_SIEVE_TOP_BITS));
}

/* The net of an address: the hash of its first three numbers with their dots, the `len` bytes before `end`. Eight bytes before
 * `end` and behind where it begins must be readable. */
static inline uint64_t kr_sieve_net(const struct kr_key *key, const uint8_t *end, unsigned len)
{
    const int lacking = 8 - (int)len; /* below zero where there are more than eight: then both words are of the numbers alone */
    const unsigned shift = 8 * (unsigned)(lacking & ~(lacking >> 31)) & 63;
    /* Of digits and dots the lower half of each byte says all; so the two words are put beside each other. */
    return kr_key_mix((kr_key_load(end - len) << shift) ^ (kr_key_load(end - 8) >> shift << 4) ^ key->a, key->b);
}

/* Whether a value has a key of this hash (but for one chance in 16 or more, with each value that the filter takes for one). */
bool kr_sieve_has(const struct kr_sieve *sieve, uint64_t hash);
uint64_t kr_sieve_hash(const struct kr_sieve *sieve, uint32_t key_type, const uint8_t *key, size_t len);
/* Likewise of at most KR_INDICATOR_BYTES_MAX bytes, and not none; eight bytes before and behind them must be readable. */
uint64_t kr_sieve_hash_in_place(const struct kr_sieve *sieve, uint32_t key_type, const uint8_t *key, size_t len);
/* The hash of a whole word: label by label from the right. Eight bytes before `word`, and behind it, must be readable. */
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
static inline bool kr_sieve_is_text(uint32_t type)
{
    const uint64_t texts = (uint64_t)1 << KR_INDICATOR_FILENAME | (uint64_t)1 << KR_INDICATOR_REGISTRY_KEY |
                           (uint64_t)1 << KR_INDICATOR_MUTEX | (uint64_t)1 << KR_INDICATOR_USER_AGENT |
                           (uint64_t)1 << KR_INDICATOR_ASN | (uint64_t)1 << KR_INDICATOR_CVE | (uint64_t)1 << KR_INDICATOR_OTHER;
    return type <= KR_INDICATOR_TYPE_MAX && (texts >> type & 1) != 0;
}
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
