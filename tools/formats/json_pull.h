/* A JSON document (RFC 8259) of any size, read piece by piece: who reads goes in where it knows the way, passes over what it does
 * not need, and loads single values with jansson. Never is more in memory than one value, and only where that has its bounds;
 * values are told apart by brackets and quotes alone, so that one which cannot be read does not end the document.
 *
 *     kr_json_enter(pull, '{', &in)
 *     while kr_json_next(pull, &in, &has) and has:
 *         kr_json_key(pull, key, sizeof key)          in objects only
 *         kr_json_value(pull, &extent)                or kr_json_enter
 */
#ifndef KR_TOOLS_FORMATS_JSON_PULL_H
#define KR_TOOLS_FORMATS_JSON_PULL_H

#include <jansson.h>

#include "tools/formats/import.h"

#define KR_JSON_VALUE_BYTES_MAX (16u * KR_MIB)
#define KR_JSON_VALUES_MAX      262144u /* within one */
#define KR_JSON_CONTAINERS_MAX  65536u  /* likewise; of what is empty but them, twenty bytes are two hundred in memory */
#define KR_JSON_DEPTH_MAX       64u
#define KR_JSON_KEY_BYTES_MAX   255u

struct kr_json_pull;
struct kr_json_in {
    uint8_t close;
    bool has_begun;
};
/* Where a value stands. */
struct kr_json_extent {
    uint64_t offset, bytes, line;
    bool fits; /* within the bounds above, so that it can be loaded */
};

/* `source` and `error` are borrowed. */
enum kr_err kr_json_pull_new(const struct kr_import_source *source, struct kr_error *error,
                             struct kr_json_pull **ret_pull) KR_WARN_UNUSED;
void kr_json_pull_free(struct kr_json_pull *pull); /* NULL is fine */
/* Where the next byte stands; and on from there again, later. */
struct kr_json_mark {
    uint64_t offset, line;
};
struct kr_json_mark kr_json_mark(const struct kr_json_pull *pull);
void kr_json_go(struct kr_json_pull *pull, struct kr_json_mark mark);

/* All of these: KR_IO, KR_NOMEM, or KR_MALFORMED with the place in the error where the document ends too early or has something
 * else than brackets, commas and colons where these belong; there is no going on then. */

/* The first byte of what comes next, blanks passed over; 0 at the end. */
enum kr_err kr_json_peek(struct kr_json_pull *pull, uint8_t *ret_byte) KR_WARN_UNUSED;
enum kr_err kr_json_enter(struct kr_json_pull *pull, uint8_t open, struct kr_json_in *ret_in) KR_WARN_UNUSED;
/* `*ret_has` false: that was the closing bracket. */
enum kr_err kr_json_next(struct kr_json_pull *pull, struct kr_json_in *in, bool *ret_has) KR_WARN_UNUSED;
/* As it is written, escapes and all; one that is longer than `size` - 1 is cut. */
enum kr_err kr_json_key(struct kr_json_pull *pull, char *ret_key, size_t size) KR_WARN_UNUSED;
/* Passes over one value. */
enum kr_err kr_json_value(struct kr_json_pull *pull, struct kr_json_extent *ret_extent) KR_WARN_UNUSED;

/* Loads a value, wherever the reading stands. KR_BOUNDS where it does not fit, KR_INVALID where it cannot be read (duplicate keys,
 * bad escapes, broken UTF-8), either with a sentence in `error`; KR_IO, KR_NOMEM. */
enum kr_err kr_json_load(struct kr_json_pull *pull, const struct kr_json_extent *extent, json_t **ret_json,
                         struct kr_error *error) KR_WARN_UNUSED;

/* Of an object: a string, or an empty slice where there is none; borrowed from it. */
struct kr_slice kr_json_string_at(const json_t *object, const char *key);
bool kr_json_is(const json_t *object, const char *key, const char *text);

#endif
