#include "proto/codec/reader.h"

#include <string.h>

/* What the first byte of an element announces, and the number in its head (value, length or element count). */
enum element {
    ELEMENT_UINT,
    ELEMENT_BIN,
    ELEMENT_STR,
    ELEMENT_ARRAY,
};

void kr_reader_init(struct kr_reader *reader, const void *bytes, size_t len)
{
    memset(reader, 0, sizeof *reader);
    reader->at = bytes;
    reader->end = len > 0 ? reader->at + len : reader->at;
    /* The top level is a sequence: how many elements belong there is for the decoder to know. */
    reader->left[0] = UINT64_MAX;
}

void kr_reader_fail(struct kr_reader *reader, enum kr_err err)
{
    if (reader->err == KR_OK) {
        reader->err = err;
    }
}

static size_t remaining(const struct kr_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Reads `width` bytes of big-endian number behind the first byte; refuses numbers below `min`, which have a shorter form. */
static bool read_be(struct kr_reader *reader, size_t width, uint64_t min, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (remaining(reader) < 1 + width) {
        return false;
    }
    for (size_t i = 1; i <= width; i++) {
        number = number << 8 | reader->at[i];
    }
    if (number < min) {
        return false;
    }
    reader->at += 1 + width;
    *ret_number = number;
    return true;
}

/* Decodes the head of one element in its shortest form and moves behind it. Everything that is not of the subset fails here. */
static bool read_head(struct kr_reader *reader, enum element *ret_element, uint64_t *ret_number)
{
    uint8_t first;
    uint8_t fixed_mask = 0;

    if (remaining(reader) == 0) {
        return false;
    }
    first = *reader->at;
    if (first <= 0x7f) {
        *ret_element = ELEMENT_UINT;
        fixed_mask = 0x7f;
    } else if (first >= 0x90 && first <= 0x9f) {
        *ret_element = ELEMENT_ARRAY;
        fixed_mask = 0x0f;
    } else if (first >= 0xa0 && first <= 0xbf) {
        *ret_element = ELEMENT_STR;
        fixed_mask = 0x1f;
    }
    if (fixed_mask != 0) {
        reader->at++;
        *ret_number = first & fixed_mask;
        return true;
    }
    switch (first) {
    case 0xc4:
        *ret_element = ELEMENT_BIN;
        return read_be(reader, 1, 0, ret_number);
    case 0xc5:
        *ret_element = ELEMENT_BIN;
        return read_be(reader, 2, 0x100, ret_number);
    case 0xc6:
        *ret_element = ELEMENT_BIN;
        return read_be(reader, 4, 0x10000, ret_number);
    case 0xcc:
        *ret_element = ELEMENT_UINT;
        return read_be(reader, 1, 0x80, ret_number);
    case 0xcd:
        *ret_element = ELEMENT_UINT;
        return read_be(reader, 2, 0x100, ret_number);
    case 0xce:
        *ret_element = ELEMENT_UINT;
        return read_be(reader, 4, 0x10000, ret_number);
    case 0xcf:
        *ret_element = ELEMENT_UINT;
        return read_be(reader, 8, UINT64_C(0x100000000), ret_number);
    case 0xd9:
        *ret_element = ELEMENT_STR;
        return read_be(reader, 1, 32, ret_number);
    case 0xda:
        *ret_element = ELEMENT_STR;
        return read_be(reader, 2, 0x100, ret_number);
    case 0xdb:
        *ret_element = ELEMENT_STR;
        return read_be(reader, 4, 0x10000, ret_number);
    case 0xdc:
        *ret_element = ELEMENT_ARRAY;
        return read_be(reader, 2, 16, ret_number);
    case 0xdd:
        *ret_element = ELEMENT_ARRAY;
        return read_be(reader, 4, 0x10000, ret_number);
    default:
        return false;
    }
}

/* Counts one element of the innermost array and decodes its head. */
static bool next(struct kr_reader *reader, enum element *ret_element, uint64_t *ret_number)
{
    if (reader->err != KR_OK) {
        return false;
    }
    if (reader->left[reader->depth] == 0 || !read_head(reader, ret_element, ret_number)) {
        kr_reader_fail(reader, KR_MALFORMED);
        return false;
    }
    reader->left[reader->depth]--;
    return true;
}

static bool next_of(struct kr_reader *reader, enum element wanted, uint64_t *ret_number)
{
    enum element element;

    if (!next(reader, &element, ret_number)) {
        return false;
    }
    if (element != wanted) {
        kr_reader_fail(reader, KR_MALFORMED);
        return false;
    }
    return true;
}

static bool open_array(struct kr_reader *reader, uint64_t count)
{
    if (reader->depth == KR_READER_DEPTH_MAX || count > remaining(reader)) {
        kr_reader_fail(reader, KR_MALFORMED);
        return false;
    }
    reader->left[++reader->depth] = count;
    return true;
}

void kr_reader_array(struct kr_reader *reader, uint32_t count)
{
    uint64_t found;

    if (!next_of(reader, ELEMENT_ARRAY, &found)) {
        return;
    }
    if (found != count) {
        kr_reader_fail(reader, KR_MALFORMED);
        return;
    }
    (void)open_array(reader, found);
}

uint32_t kr_reader_array_between(struct kr_reader *reader, uint32_t min, uint32_t max)
{
    uint64_t count;

    if (!next_of(reader, ELEMENT_ARRAY, &count)) {
        return 0;
    }
    if (count < min || count > max) {
        kr_reader_fail(reader, count > max ? KR_BOUNDS : KR_MALFORMED);
        return 0;
    }
    return open_array(reader, count) ? (uint32_t)count : 0;
}

void kr_reader_close(struct kr_reader *reader)
{
    if (reader->err != KR_OK) {
        return;
    }
    KR_ASSERT(reader->depth > 0);
    if (reader->left[reader->depth] != 0) {
        kr_reader_fail(reader, KR_MALFORMED);
        return;
    }
    reader->depth--;
}

uint64_t kr_reader_uint(struct kr_reader *reader, uint64_t max)
{
    uint64_t value;

    if (!next_of(reader, ELEMENT_UINT, &value)) {
        return 0;
    }
    if (value > max) {
        kr_reader_fail(reader, KR_BOUNDS);
        return 0;
    }
    return value;
}

bool kr_reader_flag(struct kr_reader *reader)
{
    uint64_t value;

    if (!next_of(reader, ELEMENT_UINT, &value)) {
        return false;
    }
    if (value > 1) {
        kr_reader_fail(reader, KR_MALFORMED);
        return false;
    }
    return value == 1;
}

/* The content behind a head that promised `len` bytes. */
static struct kr_slice take(struct kr_reader *reader, uint64_t len)
{
    struct kr_slice slice = {0};

    if (len > remaining(reader)) {
        kr_reader_fail(reader, KR_MALFORMED);
        return slice;
    }
    slice = (struct kr_slice){.bytes = reader->at, .len = (size_t)len};
    reader->at += len;
    return slice;
}

struct kr_slice kr_reader_bin(struct kr_reader *reader, size_t min, size_t max)
{
    uint64_t len;

    if (!next_of(reader, ELEMENT_BIN, &len)) {
        return (struct kr_slice){0};
    }
    if (len < min || len > max) {
        kr_reader_fail(reader, len > max ? KR_BOUNDS : KR_MALFORMED);
        return (struct kr_slice){0};
    }
    return take(reader, len);
}

struct kr_slice kr_reader_bin_or_empty(struct kr_reader *reader, size_t len)
{
    uint64_t found;

    if (!next_of(reader, ELEMENT_BIN, &found)) {
        return (struct kr_slice){0};
    }
    if (found != 0 && found != len) {
        kr_reader_fail(reader, KR_MALFORMED);
        return (struct kr_slice){0};
    }
    return take(reader, found);
}

bool kr_reader_fixed_or_empty(struct kr_reader *reader, void *ret, size_t len)
{
    struct kr_slice bin = kr_reader_bin_or_empty(reader, len);

    if (bin.len == 0) {
        memset(ret, 0, len);
        return false;
    }
    memcpy(ret, bin.bytes, len);
    return true;
}

void kr_reader_fixed(struct kr_reader *reader, void *ret, size_t len)
{
    if (!kr_reader_fixed_or_empty(reader, ret, len)) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
}

/* Length of the UTF-8 sequence at `at`, 0 where it is none: RFC 3629 section 4, its table of well-formed sequences. */
static size_t utf8_sequence(const uint8_t *at, size_t len)
{
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t more;

    if (at[0] >= 0xc2 && at[0] <= 0xdf) {
        more = 1;
    } else if (at[0] >= 0xe0 && at[0] <= 0xef) {
        more = 2;
        low = at[0] == 0xe0 ? 0xa0 : 0x80;  /* overlong below */
        high = at[0] == 0xed ? 0x9f : 0xbf; /* surrogates above */
    } else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
        more = 3;
        low = at[0] == 0xf0 ? 0x90 : 0x80;
        high = at[0] == 0xf4 ? 0x8f : 0xbf; /* nothing beyond U+10FFFF */
    } else {
        return 0;
    }
    if (len <= more || at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return more + 1;
}

static bool is_text(struct kr_slice slice)
{
    size_t at = 0;

    while (at < slice.len) {
        uint8_t first = slice.bytes[at];
        size_t step = first < 0x80 ? (first != 0) : utf8_sequence(slice.bytes + at, slice.len - at);

        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

/* The text behind a str head. */
static struct kr_slice take_text(struct kr_reader *reader, uint64_t len)
{
    struct kr_slice text = take(reader, len);

    if (!is_text(text)) {
        kr_reader_fail(reader, KR_MALFORMED);
        return (struct kr_slice){0};
    }
    return text;
}

struct kr_slice kr_reader_str(struct kr_reader *reader, size_t max)
{
    uint64_t len;

    if (!next_of(reader, ELEMENT_STR, &len)) {
        return (struct kr_slice){0};
    }
    if (len > max) {
        kr_reader_fail(reader, KR_BOUNDS);
        return (struct kr_slice){0};
    }
    return take_text(reader, len);
}

void kr_reader_skip(struct kr_reader *reader)
{
    const uint32_t depth = reader->depth;

    do {
        enum element element;
        uint64_t number;

        if (!next(reader, &element, &number)) {
            return;
        }
        if (element == ELEMENT_ARRAY) {
            (void)open_array(reader, number);
        } else if (element == ELEMENT_BIN) {
            (void)take(reader, number);
        } else if (element == ELEMENT_STR) {
            (void)take_text(reader, number);
        }
        while (reader->err == KR_OK && reader->depth > depth && reader->left[reader->depth] == 0) {
            reader->depth--;
        }
    } while (reader->err == KR_OK && reader->depth > depth);
}

struct kr_slice kr_reader_raw(struct kr_reader *reader)
{
    const uint8_t *start = reader->at;

    kr_reader_skip(reader);
    if (reader->err != KR_OK) {
        return (struct kr_slice){0};
    }
    return (struct kr_slice){.bytes = start, .len = (size_t)(reader->at - start)};
}

enum kr_err kr_reader_end(struct kr_reader *reader)
{
    if (reader->err == KR_OK && (reader->depth != 0 || remaining(reader) != 0)) {
        reader->err = KR_MALFORMED;
    }
    return reader->err;
}

bool kr_slice_text(struct kr_slice slice, char *ret_text, size_t size)
{
    if (slice.len >= size) {
        if (size > 0) {
            ret_text[0] = 0;
        }
        return false;
    }
    if (slice.len > 0) {
        memcpy(ret_text, slice.bytes, slice.len);
    }
    ret_text[slice.len] = 0;
    return true;
}

size_t kr_utf8_whole(const uint8_t *text, size_t len)
{
    size_t back = 0;
    while (back < len && back < 3 && (text[len - 1 - back] & 0xC0) == 0x80) {
        back++;
    }
    if (back == len) {
        return len;
    }
    uint8_t lead = text[len - 1 - back];
    size_t needs = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    return needs > back ? len - 1 - back : len;
}
