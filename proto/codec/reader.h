/* The bounded reader: the only thing that untrusted bytes meet. Canonical msgpack subset of docs/PROTOCOL.md, "Encoding":
 * arrays, unsigned integers, byte strings (bin), UTF-8 strings (str); nil-, bool-, float-, map-, ext-free; every length and number
 * in its shortest form; depth <= 8; exact end. Never allocates; results point into the input (borrowed as long as it lives).
 *
 * Sticky error: after the first failure every call returns zero/empty and kr_reader_end reports it, so that a decoder reads all
 * fields in a row and checks once. Source: msgpack specification, "Formats"; RFC 3629 for UTF-8. */
#ifndef KR_PROTO_CODEC_READER_H
#define KR_PROTO_CODEC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

#define KR_READER_DEPTH_MAX 8

struct kr_slice {
    const uint8_t *bytes;
    size_t len;
};

struct kr_reader {
    const uint8_t *at, *end;
    enum kr_err err;
    uint32_t depth;
    uint64_t left[KR_READER_DEPTH_MAX + 1]; /* elements still to come at each open depth */
};

void kr_reader_init(struct kr_reader *reader, const void *bytes, size_t len);

/* Opens an array of exactly `count` elements. */
void kr_reader_array(struct kr_reader *reader, uint32_t count);
/* Opens an array of min … max elements and returns their number (0 after an error). The number is also refused where the rest of
 * the input could not hold so many (one byte each). */
uint32_t kr_reader_array_between(struct kr_reader *reader, uint32_t min, uint32_t max);
/* Closes the innermost open array; KR_MALFORMED where elements are left unread. */
void kr_reader_close(struct kr_reader *reader);

uint64_t kr_reader_uint(struct kr_reader *reader, uint64_t max);
bool kr_reader_flag(struct kr_reader *reader); /* an unsigned 0 or 1 */
/* A bin of min … max bytes. */
struct kr_slice kr_reader_bin(struct kr_reader *reader, size_t min, size_t max);
/* A bin that is either empty or exactly `len` bytes. */
struct kr_slice kr_reader_bin_or_empty(struct kr_reader *reader, size_t len);
/* A bin of exactly `len` bytes, copied out. Zeroes `ret` after an error. */
void kr_reader_fixed(struct kr_reader *reader, void *ret, size_t len);
/* The same, or empty (returns false, `ret` zeroed). */
bool kr_reader_fixed_or_empty(struct kr_reader *reader, void *ret, size_t len);
/* A str of at most `max` bytes: valid UTF-8 without NUL; not NUL-terminated. */
struct kr_slice kr_reader_str(struct kr_reader *reader, size_t max);
/* Steps over one element of any kind (unknown fields of newer versions), checking it by the same rules. */
void kr_reader_skip(struct kr_reader *reader);
/* The encoded bytes of the next element, stepped over. */
struct kr_slice kr_reader_raw(struct kr_reader *reader);
/* Lets a decoder refuse what is well formed but makes no sense. Keeps an earlier error. */
void kr_reader_fail(struct kr_reader *reader, enum kr_err err);
/* All arrays closed and the input used up? Otherwise KR_MALFORMED (or the first error: KR_BOUNDS where a maximum was passed). */
enum kr_err kr_reader_end(struct kr_reader *reader) KR_WARN_UNUSED;

/* Copies a slice into a fixed, NUL-terminated text buffer; false (and an empty text) where it does not fit. */
bool kr_slice_text(struct kr_slice slice, char *ret_text, size_t size);
/* How much of the first `len` bytes of a text is left where it is cut behind a character, not within one. */
size_t kr_utf8_whole(const uint8_t *text, size_t len);

#endif
