/* The inner loop, compiled once for each instruction set. The file that includes this defines NAME(x) before it and
 *
 *   static inline void classify(const uint8_t *at, struct block *ret)
 *
 * behind it, which says of 64 bytes what each of them is, a bit a byte. Everything else is the same for all.
 *
 * How words with a dot are found without looking at any other: adding the dots to the words as numbers carries from each dot
 * through the rest of its word; what comes out behind a word is its end. */
#include "tools/scan/part.h"

struct block {
    uint64_t word;   /* letters, digits, . - _ % and bytes beyond ASCII */
    uint64_t dot;    /* . */
    uint64_t odd;    /* % and bytes beyond ASCII */
    uint64_t colon;  /* : */
    uint64_t hex;    /* hexadecimal digits */
    uint64_t fence;  /* [ ( { and backslash */
    uint64_t inside; /* what stands behind a fence in defanged spellings: . : @ / d D a A and backslash */
    uint64_t feed;   /* line feeds */
};

static inline void classify(const uint8_t *at, struct block *ret);

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

static inline unsigned lowest(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits);
}

static inline unsigned leading(uint64_t bits)
{
    return (unsigned)__builtin_clzll(bits);
}

/* The number that ends the word of `digits` (1 to 3) characters at the beginning of `text`; anything for what is none. */
static inline unsigned octet(uint64_t text, unsigned digits)
{
    const unsigned shift = 64 - 8 * (digits & 7);
    const uint64_t value = (text << (shift & 63)) - ((uint64_t)0x3030303030303030 << (shift & 63));
    return (unsigned)((value >> 40 & 255) * 100 + (value >> 48 & 255) * 10 + (value >> 56)) & 255;
}

/* Whether the last `len` characters (at most 8) are digits. */
static inline bool ends_in_digits(const uint8_t *end, unsigned len)
{
    const uint64_t text = kr_key_load(end - 8) ^ 0x3030303030303030;
    const uint64_t odd = ((text + 0x7676767676767676) | text) & 0x8080808080808080;
    return odd >> ((64 - 8 * len) & 63) == 0;
}

/* Work is done in batches of blocks, each step for all words of the batch before the next: words are found, then hashed, then the
 * filter is asked. No step waits for what another has not fetched yet, and hardly a branch depends on what a word looks like, which
 * nobody can foretell. */
struct state {
    struct kr_sweep *sweep;
    struct kr_sweep_batch *batch;
    struct kr_part part;
    uint64_t dot_carry, odd_carry, word_carry, fence, colon;
    uint64_t lines;
};

static __attribute__((noinline)) void put(struct kr_sweep_batch *batch, enum kr_sweep_sort sort, size_t from, size_t to)
{
    KR_ASSERT(batch->special_count < KR_SWEEP_SPECIALS_MAX);
    batch->specials[batch->special_count++] = (struct kr_sweep_special){.sort = sort, .from = (uint32_t)from, .to = (uint32_t)to};
}

/* What the 64 bytes before `bit` of block `i` are; bit 63 is the last of them. */
static inline uint64_t window(const uint64_t *bits, size_t i, unsigned bit)
{
    return bits[i] << 1 << (63 - bit) | bits[i - 1] >> bit;
}

static __attribute__((noinline)) void put_specials(struct state *state, const struct block *block, size_t base, size_t i,
                                                   uint64_t odd_ends, uint64_t lanes, uint64_t fences)
{
    struct kr_sweep_batch *batch = state->batch;
    for (uint64_t ends = odd_ends; ends != 0; ends &= ends - 1) {
        const unsigned bit = lowest(ends);
        const uint64_t gaps = window(batch->gaps, i, bit);
        size_t from = base + bit - leading(gaps | 1);
        while (gaps == 0 && from > 0 && kr_class_is_word(state->part.text[from - 1])) {
            from--;
        }
        put(batch, KR_SWEEP_ODD, from, base + bit);
    }
    for (; lanes != 0; lanes &= lanes - 1) {
        put(batch, KR_SWEEP_HEX, base + lowest(lanes) - 8, 0);
    }
    for (; fences != 0; fences &= fences - 1) {
        put(batch, KR_SWEEP_FENCE, base + lowest(fences), 0);
    }
    (void)block;
}

/* Some aligned sixteen bytes are all hexadecimal digits, as in any run of 32. */
static inline uint64_t hex_lanes(uint64_t hex)
{
    const uint64_t gaps = ~hex;
    return (gaps - 0x0001000100010001) & hex & 0x8000800080008000;
}

/* The first step: where words end that have a dot in them (with `all`: any words). Returns how many. */
static inline uint32_t find_ends(struct state *state, size_t start, size_t stop, const bool all)
{
    struct kr_sweep_batch *batch = state->batch;
    const uint8_t *text = state->part.text;
    const size_t len = state->part.len;
    const bool has_ipv6 = state->sweep->sieve->has_ipv6;
    uint32_t *ends = batch->ends;
    uint32_t count = 0;
    for (size_t base = start, i = 1; base < stop; base += 64, i++) {
        struct block block;
        classify(text + base, &block);
        if (UNLIKELY(len - base < 64)) {
            const uint64_t mask = ((uint64_t)1 << (len - base)) - 1;
            block.word &= mask;
            block.dot &= mask;
            block.odd &= mask;
            block.colon &= mask;
            block.hex &= mask;
            block.fence &= mask;
            block.inside &= mask;
            block.feed &= mask;
        }
        const uint64_t gaps = ~block.word;
        uint64_t dot_sum, odd_sum;
        uint64_t over = __builtin_add_overflow(block.word, block.dot, &dot_sum);
        over |= __builtin_add_overflow(dot_sum, state->dot_carry, &dot_sum);
        state->dot_carry = over;
        over = __builtin_add_overflow(block.word, block.odd, &odd_sum);
        over |= __builtin_add_overflow(odd_sum, state->odd_carry, &odd_sum);
        state->odd_carry = over;
        batch->gaps[i] = gaps;
        batch->dots[i] = block.dot;
        const uint64_t odd_ends = odd_sum & gaps;
        uint64_t bits = dot_sum & gaps & ~odd_ends;
        if (all) {
            bits = gaps & (block.word << 1 | state->word_carry) & ~odd_ends;
            state->word_carry = block.word >> 63;
        }
        /* Four at a time, whether there are so many or not. */
        const unsigned found = (unsigned)__builtin_popcountll(bits);
        uint32_t *to = ends + count;
        for (unsigned done = 0; done < found; done += 4) {
            for (unsigned k = 0; k < 4; k++) {
                to[done + k] = (uint32_t)base + (uint32_t)__builtin_ctzll(bits | (uint64_t)1 << 63);
                bits &= bits - 1;
            }
        }
        count += found;
        const uint64_t lanes = hex_lanes(block.hex), fences = (block.fence << 1 | state->fence) & block.inside;
        if (UNLIKELY((odd_ends | lanes | fences) != 0)) {
            put_specials(state, &block, base, i, odd_ends, lanes, fences);
        }
        state->fence = block.fence >> 63;
        if (UNLIKELY(has_ipv6)) {
            if ((block.colon & (block.colon << 1 | state->colon >> 63)) != 0 ||
                __builtin_popcountll(block.colon) + __builtin_popcountll(state->colon) >= 7) {
                put(batch, KR_SWEEP_COLONS, base, base + 64);
            }
            state->colon = block.colon;
        }
        state->lines += (uint64_t)__builtin_popcountll(block.feed);
    }
    return count;
}

/* The second: names and addresses, each with its dots. What ends in digits and is no address is nothing. */
static inline void sort_words(struct state *state, size_t start, uint32_t count, const bool all)
{
    struct kr_sweep_batch *batch = state->batch;
    const uint8_t *text = state->part.text;
    uint32_t names = 0, addresses = 0;
    for (uint32_t n = 0; n < count; n++) {
        size_t to = batch->ends[n];
        const size_t i = (to - start) / 64 + 1;
        const uint64_t gaps = window(batch->gaps, i, to & 63);
        uint64_t dots = window(batch->dots, i, to & 63);
        unsigned len = leading(gaps | 1);
        if (UNLIKELY(len > 62)) {
            if ((gaps & 3) == 0 || len > 63) { /* how long, the window does not show */
                size_t from = to - len;
                while (from > 0 && kr_class_is_word(text[from - 1])) {
                    from--;
                }
                put(batch, KR_SWEEP_ODD, from, to);
                continue;
            }
        }
        size_t from = to - len;
        while (UNLIKELY((uint8_t)(text[to - 1] - '-') < 2)) { /* '-' or '.' */
            dots <<= 1;
            to--;
            if (to == from) {
                break;
            }
        }
        while (UNLIKELY((uint8_t)(text[from] - '-') < 2) && from < to) {
            from++;
        }
        if (UNLIKELY(text[(ptrdiff_t)from - 1] == '@' || from == to)) {
            if (from < to) {
                put(batch, KR_SWEEP_ODD, from, to);
            }
            continue;
        }
        len = (unsigned)(to - from);
        dots &= ~(uint64_t)0 << (64 - len);
        const unsigned last = leading(dots | 1);
        const uint64_t place = (uint64_t)to << 32 | from;
        const bool digits = ((uint8_t)(text[to - 1] - '0') < 10) & (last <= 8) & ends_in_digits(text + to, last);
        bool name = (dots != 0) & !digits;
        bool address = (dots != 0) & digits & (__builtin_popcountll(dots) == 3) & (len - 7 <= 8);
        if (all) {
            name = !address;
        }
        struct kr_sweep_word *to_name = &batch->names[names], *to_address = &batch->addresses[addresses];
        to_name->dots = dots | (uint64_t)1 << (63 - len);
        memcpy(&to_name->from, &place, sizeof place);
        to_address->dots = dots;
        memcpy(&to_address->from, &place, sizeof place);
        names += name;
        addresses += address;
    }
    batch->name_count = names;
    batch->address_count = addresses;
}

/* The third: all labels of all names in one loop; each sum of labels from the right is a question. */
static inline uint32_t hash_names(const struct kr_sweep_batch *batch, const struct kr_key *key, const uint8_t *text,
                                  uint64_t *hashes, uint16_t *owners, const bool all)
{
    const struct kr_sweep_word *names = batch->names;
    const uint32_t name_count = batch->name_count;
    uint32_t count = 0, i = 0;
    uint64_t dots = names[0].dots, sum = 0, place = 0;
    const uint8_t *end = text + names[0].to;
    while (i < name_count) {
        const unsigned label = leading(dots);
        sum += kr_key_label(key, place, end, label);
        hashes[count] = sum;
        owners[count] = (uint16_t)i;
        dots = dots << label << 1;
        const bool done = dots == 0;
        count += (place != 0) | (all & done); /* top-level domains are no values */
        end -= label + 1;
        place += KR_KEY_PLACE;
        i += done;
        const uint64_t next_dots = names[i].dots;
        const uint8_t *next_end = text + names[i].to;
        dots = done ? next_dots : dots;
        end = done ? next_end : end;
        sum = done ? 0 : sum;
        place = done ? 0 : place;
    }
    return count;
}

static inline uint32_t hash_addresses(struct kr_sweep_batch *batch, const struct kr_sieve *sieve, const struct kr_key *key,
                                      const uint8_t *text, uint64_t *hashes, uint16_t *owners)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->address_count; i++) {
        const struct kr_sweep_word *word = &batch->addresses[i];
        const uint8_t *begin = text + word->from;
        const unsigned len = word->to - word->from;
        uint64_t points = word->dots >> (64 - len);
        const unsigned first = lowest(points);
        points &= points - 1;
        const unsigned second = lowest(points) - first - 1;
        const unsigned high = octet(kr_key_load(begin), first) << 8 | octet(kr_key_load(begin + first + 1), second);
        hashes[count] = kr_key_bytes(key->flat, key->b, text + word->to, len);
        owners[count] = (uint16_t)(KR_SWEEP_WORDS_MAX + i);
        /* Most addresses of a log are its own network's, of which no set has any. */
        count += sieve->nets[high / 64] >> (high & 63) & 1;
        if (UNLIKELY((sieve->networks[high / 64] >> (high & 63) & 1) != 0) && kr_sieve_has_network(sieve, begin, len)) {
            put(batch, KR_SWEEP_ODD, word->from, word->to);
        }
    }
    return count;
}

/* The fourth: what the filter lets pass, in the order of the text. */
static inline void ask(struct state *state, const struct kr_sieve *sieve, uint32_t count)
{
    struct kr_sweep_batch *batch = state->batch;
    uint32_t last = UINT32_MAX;
    for (uint32_t base = 0; base < count; base += 64) {
        const uint32_t end = count - base < 64 ? count - base : 64;
        uint64_t found = 0;
        for (uint32_t i = 0; i < end; i++) {
            found |= kr_sieve_may_have(sieve, batch->hashes[base + i]) << i;
        }
        for (; UNLIKELY(found != 0); found &= found - 1) {
            const uint32_t owner = batch->owners[base + lowest(found)];
            const struct kr_sweep_word *word =
                owner < KR_SWEEP_WORDS_MAX ? &batch->names[owner] : &batch->addresses[owner - KR_SWEEP_WORDS_MAX];
            if (owner != last) { /* several labels of it may have been found */
                put(batch, KR_SWEEP_WORD, word->from, word->to);
                last = owner;
            }
        }
    }
    if (UNLIKELY(batch->special_count != 0)) {
        kr_word_specials(state->sweep, &state->part);
    }
}

static inline void run(struct kr_sweep *sweep, const uint8_t *text, size_t len, const bool all)
{
    const struct kr_sieve *sieve = sweep->sieve;
    struct kr_sweep_batch *batch = sweep->scratch->batch;
    struct kr_lines lines = {.text = text, .line = sweep->lines};
    struct state state = {.sweep = sweep, .batch = batch, .part = {.text = text, .len = len, .lines = &lines}};
    const struct kr_key key = sieve->key;
    batch->gaps[0] = ~(uint64_t)0;
    batch->dots[0] = 0;
    batch->special_count = 0;
    for (size_t start = 0; start <= len; start += 64 * KR_SWEEP_BLOCKS) {
        const size_t stop = len - start < 64 * KR_SWEEP_BLOCKS ? len + 1 : start + 64 * KR_SWEEP_BLOCKS;
        lines.counted = start;
        lines.line = sweep->lines + state.lines;
        const uint32_t count = find_ends(&state, start, stop, all);
        sort_words(&state, start, count, all);
        batch->names[batch->name_count] = batch->names[0]; /* is read behind the last one, not used */
        uint32_t questions = hash_names(batch, &key, text, batch->hashes, batch->owners, all);
        questions += hash_addresses(batch, sieve, &key, text, batch->hashes + questions, batch->owners + questions);
        ask(&state, sieve, questions);
        batch->gaps[0] = batch->gaps[KR_SWEEP_BLOCKS];
        batch->dots[0] = batch->dots[KR_SWEEP_BLOCKS];
    }
    sweep->lines += state.lines;
}

void NAME(kr_sweep)(struct kr_sweep *sweep, const uint8_t *text, size_t len)
{
    if (sweep->sieve->has_words) {
        run(sweep, text, len, true);
    } else {
        run(sweep, text, len, false);
    }
}

uint64_t NAME(kr_sweep_words)(const uint8_t *text, size_t len)
{
    uint64_t carry = 0, words = 0;
    size_t word = 0, bytes = 0;
    for (size_t base = 0; base + 64 <= len; base += 64) {
        struct block block;
        classify(text + base, &block);
        const uint64_t gaps = ~block.word;
        uint64_t sum;
        uint64_t over = __builtin_add_overflow(block.word, block.dot | (block.odd & block.word), &sum);
        over |= __builtin_add_overflow(sum, carry, &sum);
        carry = over;
        for (uint64_t ends = sum & gaps; ends != 0; ends &= ends - 1) {
            const unsigned bit = lowest(ends);
            const uint64_t below = gaps & (((uint64_t)1 << bit) - 1);
            const size_t from = below != 0 ? base + 64 - leading(below) : word;
            bytes += base + bit - from;
            words++;
        }
        word = gaps != 0 ? base + 64 - leading(gaps) : word;
    }
    return words + (bytes == 0); /* so that nothing of it is left out */
}
