/* What the files of a sweep share. Places are offsets into `text`, of `len` bytes with KR_SWEEP_PAD readable ones around. */
#ifndef KR_TOOLS_SCAN_PART_H
#define KR_TOOLS_SCAN_PART_H

#include "tools/scan/sweep.h"

#define KR_SWEEP_WORD_MAX 4096u /* longer words are cut into pieces of this length */
#define KR_SWEEP_HITS_MAX 64u   /* values told apart on one line */

/* Line feeds are counted only as far as something is reported. */
struct kr_lines {
    const uint8_t *text; /* the log itself */
    size_t counted;
    uint64_t line; /* on which `counted` is */
};

/* A text that words are cut out of. */
struct kr_part {
    const uint8_t *text;
    size_t len;
    struct kr_lines *lines;
    bool is_decoded; /* all of it stands at `origin` of the log */
    size_t origin;
};

/* One batch of the inner loop (core.inc). */
#define KR_SWEEP_BLOCKS       64u
#define KR_SWEEP_WORDS_MAX    (64u * KR_SWEEP_BLOCKS / 2u)             /* a word has a character behind it */
#define KR_SWEEP_HASHES_MAX   (64u * KR_SWEEP_BLOCKS / 8u * 33u + 64u) /* an address of eight characters, and 32 networks */
#define KR_SWEEP_SPECIALS_MAX (4u * KR_SWEEP_WORDS_MAX)

enum kr_sweep_sort { KR_SWEEP_WORD, KR_SWEEP_ODD, KR_SWEEP_HASH, KR_SWEEP_FENCE, KR_SWEEP_COLONS };

/* What 64 bytes are, a bit a byte, in the order of the classes. Of dots, those that are not of words are line feeds. */
struct kr_sweep_block {
    uint64_t word, dot, odd, colon, hex, fence, inside, letter;
};

struct kr_sweep_word {
    uint64_t dots; /* bit 63 is the last character; of names, a bit in front of the first one, too */
    uint32_t from, to;
};

struct kr_sweep_special {
    uint32_t sort, from, to;
    uint64_t hash; /* of KR_SWEEP_HASH, whose places are trimmed */
};

/* A column has a word a block, and in front of the first block's the one of the block before it. */
#define KR_SWEEP_FIRST  8u /* block of a column: by eights they are aligned */
#define KR_SWEEP_COLUMN (KR_SWEEP_FIRST + KR_SWEEP_BLOCKS)

struct kr_sweep_batch {
    struct kr_sweep_columns {
        uint64_t word[KR_SWEEP_COLUMN], dot[KR_SWEEP_COLUMN], odd[KR_SWEEP_COLUMN], colon[KR_SWEEP_COLUMN];
        uint64_t hex[KR_SWEEP_COLUMN], fence[KR_SWEEP_COLUMN], inside[KR_SWEEP_COLUMN], letter[KR_SWEEP_COLUMN];
        uint64_t gaps[KR_SWEEP_COLUMN], dots[KR_SWEEP_COLUMN];       /* what is not of words; the dots of words */
        uint64_t names[KR_SWEEP_COLUMN], addresses[KR_SWEEP_COLUMN]; /* where they end */
        uint64_t odds[KR_SWEEP_COLUMN];                              /* where odd words end */
    } bits;
    uint16_t name_ends[KR_SWEEP_WORDS_MAX + 32], address_ends[KR_SWEEP_WORDS_MAX + 32];
    uint32_t name_count, address_count, special_count;
    struct kr_sweep_word names[KR_SWEEP_WORDS_MAX + 1], addresses[KR_SWEEP_WORDS_MAX + 1];
    uint64_t hashes[KR_SWEEP_HASHES_MAX];
    uint16_t owners[KR_SWEEP_HASHES_MAX]; /* which word; addresses behind names */
    /* What needs a look in any case. */
    struct kr_sweep_special specials[KR_SWEEP_SPECIALS_MAX];
};

struct kr_sweep_seen {
    uint32_t type;
    struct kr_slice value;
};

struct kr_sweep_scratch {
    uint64_t line; /* of `seen` */
    uint32_t seen_count;
    struct kr_sweep_seen seen[KR_SWEEP_HITS_MAX];
    size_t defang_done, colons_done; /* up to here the text has been looked at for these */
    uint8_t decoded[KR_SWEEP_PAD + KR_SWEEP_WORD_MAX + KR_SWEEP_PAD];
    uint8_t unfanged[KR_SWEEP_PAD + KR_SWEEP_WORD_MAX + KR_SWEEP_PAD];
    struct kr_sieve_text phrase;
    struct kr_fold *fold;
    struct kr_sweep_batch *batch;
};

/* Looks at all specials of the batch, in the order of the text, and forgets them. */
void kr_word_specials(struct kr_sweep *sweep, const struct kr_part *part);
/* A word whose hash the filter let pass: finds out what it is, and reports. [from, to) is trimmed. */
void kr_word_confirm(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to);
/* A word of any length and any bytes, not trimmed. */
void kr_word_check(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to);
/* All runs of hexadecimal digits, colons and dots that touch a colon between the places. */
void kr_word_colons(struct kr_sweep *sweep, const struct kr_part *part, size_t first, size_t end);
/* One of them. */
void kr_word_ipv6(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to);
/* A bracket or backslash before a dot or its like. */
void kr_word_defang(struct kr_sweep *sweep, const struct kr_part *part, size_t at);
/* Each plain word between the places, and runs of hexadecimal digits and colons. */
void kr_word_walk(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to);

/* read.c: the readings of a word, confirmed in full. */
void kr_read_word(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to);
/* The host of a URL, where it has "%XX" in it: `host` is what that means. */
void kr_read_coded(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to, const uint8_t *host, size_t len);
void kr_read_ipv6(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to);

void kr_sweep_portable(struct kr_sweep *sweep, const uint8_t *text, size_t len);
void kr_sweep_sse2(struct kr_sweep *sweep, const uint8_t *text, size_t len);
void kr_sweep_avx2(struct kr_sweep *sweep, const uint8_t *text, size_t len);
void kr_sweep_avx512(struct kr_sweep *sweep, const uint8_t *text, size_t len);
uint64_t kr_sweep_words_portable(const uint8_t *text, size_t len);
uint64_t kr_sweep_words_sse2(const uint8_t *text, size_t len);
uint64_t kr_sweep_words_avx2(const uint8_t *text, size_t len);
uint64_t kr_sweep_words_avx512(const uint8_t *text, size_t len);

#endif
