#include "tools/formats/json_pull.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES (64u * KR_KIB)

struct kr_json_pull {
    const struct kr_import_source *source;
    struct kr_error *error;
    uint64_t at, line;      /* of the next byte */
    uint64_t window_offset; /* where in the source the window begins */
    size_t window_len;
    uint8_t *value; /* the bytes of the value that is loaded */
    size_t value_room;
    uint8_t window[WINDOW_BYTES];
};

enum kr_err kr_json_pull_new(const struct kr_import_source *source, struct kr_error *error, struct kr_json_pull **ret_pull)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    struct kr_json_pull *pull = calloc(1, sizeof *pull);
    if (pull == NULL) {
        return KR_NOMEM;
    }
    pull->source = source;
    pull->error = error;
    pull->line = 1;
    enum kr_err err = source->read(source->context, 0, pull->window, WINDOW_BYTES, &pull->window_len, error);
    if (err != KR_OK) {
        free(pull);
        return err;
    }
    if (pull->window_len >= sizeof mark && memcmp(pull->window, mark, sizeof mark) == 0) {
        pull->at = sizeof mark;
    }
    *ret_pull = pull;
    return KR_OK;
}

void kr_json_pull_free(struct kr_json_pull *pull)
{
    if (pull != NULL) {
        free(pull->value);
        free(pull);
    }
}

struct kr_json_mark kr_json_mark(const struct kr_json_pull *pull)
{
    return (struct kr_json_mark){.offset = pull->at, .line = pull->line};
}

void kr_json_go(struct kr_json_pull *pull, struct kr_json_mark mark)
{
    pull->at = mark.offset;
    pull->line = mark.line;
    pull->window_len = 0; /* read anew where it is wanted */
    pull->window_offset = mark.offset;
}

/* ---- bytes ---- */

static enum kr_err fill(struct kr_json_pull *pull)
{
    pull->window_offset = pull->at;
    return pull->source->read(pull->source->context, pull->at, pull->window, WINDOW_BYTES, &pull->window_len, pull->error);
}

/* The next byte, which stays the next; `*ret_has` false at the end. */
static enum kr_err look(struct kr_json_pull *pull, bool *ret_has, uint8_t *ret_byte)
{
    enum kr_err err = pull->at - pull->window_offset >= pull->window_len ? fill(pull) : KR_OK;
    *ret_has = err == KR_OK && pull->window_len > pull->at - pull->window_offset;
    *ret_byte = *ret_has ? pull->window[pull->at - pull->window_offset] : 0;
    return err;
}

static void pass(struct kr_json_pull *pull, uint8_t byte)
{
    pull->at++;
    pull->line += byte == '\n';
}

static enum kr_err broken(struct kr_json_pull *pull, const char *what)
{
    return kr_fail(pull->error, KR_MALFORMED, "%.300s:%llu: this is no JSON: %s", pull->source->name,
                   (unsigned long long)pull->line, what);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

enum kr_err kr_json_peek(struct kr_json_pull *pull, uint8_t *ret_byte)
{
    bool has = true;
    enum kr_err err = look(pull, &has, ret_byte);
    while (err == KR_OK && has && is_blank(*ret_byte)) {
        pass(pull, *ret_byte);
        err = look(pull, &has, ret_byte);
    }
    return err;
}

/* ---- containers ---- */

static enum kr_err expect(struct kr_json_pull *pull, uint8_t wanted, const char *what)
{
    uint8_t byte;
    enum kr_err err = kr_json_peek(pull, &byte);
    if (err != KR_OK || byte != wanted) {
        return err != KR_OK ? err : broken(pull, what);
    }
    pass(pull, byte);
    return KR_OK;
}

enum kr_err kr_json_enter(struct kr_json_pull *pull, uint8_t open, struct kr_json_in *ret_in)
{
    *ret_in = (struct kr_json_in){.close = open == '{' ? '}' : ']'};
    return expect(pull, open, open == '{' ? "an object is expected here" : "an array is expected here");
}

enum kr_err kr_json_next(struct kr_json_pull *pull, struct kr_json_in *in, bool *ret_has)
{
    uint8_t byte;
    enum kr_err err = kr_json_peek(pull, &byte);
    *ret_has = false;
    if (err != KR_OK || byte == in->close) {
        pull->at += err == KR_OK;
        return err;
    }
    if (in->has_begun) {
        err = expect(pull, ',', "a comma or the end of what was begun is expected here");
    }
    if (err == KR_OK) {
        err = kr_json_peek(pull, &byte);
    }
    if (err == KR_OK && (byte == 0 || byte == in->close || byte == ',')) {
        return broken(pull, byte == 0 ? "it ends too early" : "a value is missing here");
    }
    *ret_has = in->has_begun = err == KR_OK;
    return err;
}

/* Behind the opening quote, up to and with the closing one. */
static enum kr_err pass_string(struct kr_json_pull *pull, char *ret_text, size_t size)
{
    bool has = true, is_escaped = false;
    uint8_t byte;
    size_t len = 0;
    enum kr_err err = look(pull, &has, &byte);
    while (err == KR_OK && has && (is_escaped || byte != '"')) {
        if (len + 1 < size) {
            ret_text[len++] = (char)byte;
        }
        is_escaped = !is_escaped && byte == '\\';
        pass(pull, byte);
        err = look(pull, &has, &byte);
    }
    if (size > 0) {
        ret_text[len] = 0;
    }
    if (err == KR_OK && !has) {
        return broken(pull, "it ends within a text");
    }
    if (err == KR_OK) {
        pass(pull, byte);
    }
    return err;
}

enum kr_err kr_json_key(struct kr_json_pull *pull, char *ret_key, size_t size)
{
    enum kr_err err = expect(pull, '"', "a name in quotes is expected here");
    if (err == KR_OK) {
        err = pass_string(pull, ret_key, size);
    }
    return err == KR_OK ? expect(pull, ':', "a colon is expected here") : err;
}

/* ---- values ---- */

struct shape {
    uint64_t values, containers, depth, depth_max;
};

static enum kr_err pass_scalar(struct kr_json_pull *pull)
{
    bool has = true;
    uint8_t byte = 0;
    enum kr_err err = look(pull, &has, &byte);
    while (err == KR_OK && has && !is_blank(byte) && byte != ',' && byte != ']' && byte != '}') {
        pass(pull, byte);
        err = look(pull, &has, &byte);
    }
    return err;
}

static enum kr_err pass_container(struct kr_json_pull *pull, struct shape *shape)
{
    enum kr_err err = KR_OK;
    do {
        bool has = true;
        uint8_t byte = 0;
        err = look(pull, &has, &byte);
        if (err == KR_OK && !has) {
            return broken(pull, "it ends too early");
        }
        if (err != KR_OK) {
            break;
        }
        pass(pull, byte);
        if (byte == '"') {
            err = pass_string(pull, NULL, 0);
        } else if (byte == '{' || byte == '[') {
            shape->containers++;
            shape->depth++;
            shape->depth_max = shape->depth > shape->depth_max ? shape->depth : shape->depth_max;
        } else if (byte == '}' || byte == ']') {
            shape->depth--;
        }
        shape->values += byte == ',';
    } while (err == KR_OK && shape->depth > 0);
    return err;
}

enum kr_err kr_json_value(struct kr_json_pull *pull, struct kr_json_extent *ret_extent)
{
    struct shape shape = {0};
    uint8_t byte;
    enum kr_err err = kr_json_peek(pull, &byte);
    *ret_extent = (struct kr_json_extent){.offset = pull->at, .line = pull->line};
    if (err != KR_OK) {
        return err;
    }
    if (byte == '{' || byte == '[') {
        err = pass_container(pull, &shape);
    } else if (byte == '"') {
        pass(pull, byte);
        err = pass_string(pull, NULL, 0);
    } else {
        err = pass_scalar(pull);
    }
    ret_extent->bytes = pull->at - ret_extent->offset;
    if (err == KR_OK && ret_extent->bytes == 0) {
        return broken(pull, "a value is missing here");
    }
    ret_extent->fits = ret_extent->bytes <= KR_JSON_VALUE_BYTES_MAX && shape.values <= KR_JSON_VALUES_MAX &&
                       shape.containers <= KR_JSON_CONTAINERS_MAX && shape.depth_max <= KR_JSON_DEPTH_MAX;
    return err;
}

static enum kr_err read_value(struct kr_json_pull *pull, const struct kr_json_extent *extent, struct kr_error *error)
{
    size_t len = 0;
    if (pull->value_room < extent->bytes) {
        uint8_t *more = realloc(pull->value, (size_t)extent->bytes);
        if (more == NULL) {
            return KR_NOMEM;
        }
        pull->value = more;
        pull->value_room = (size_t)extent->bytes;
    }
    enum kr_err err = pull->source->read(pull->source->context, extent->offset, pull->value, (size_t)extent->bytes, &len, error);
    return err == KR_OK && len < extent->bytes ? kr_fail(error, KR_IO, "%.300s changed while it was read", pull->source->name)
                                               : err;
}

enum kr_err kr_json_load(struct kr_json_pull *pull, const struct kr_json_extent *extent, json_t **ret_json, struct kr_error *error)
{
    json_error_t why;
    if (!extent->fits) {
        return kr_fail(error, KR_BOUNDS, "it is larger, or nested deeper, than can be read");
    }
    enum kr_err err = read_value(pull, extent, error);
    if (err != KR_OK) {
        return err;
    }
    *ret_json = json_loadb((const char *)pull->value, (size_t)extent->bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (*ret_json == NULL) {
        return json_error_code(&why) == json_error_out_of_memory ? KR_NOMEM : kr_fail(error, KR_INVALID, "%s", why.text);
    }
    return KR_OK;
}

struct kr_slice kr_json_string_at(const json_t *object, const char *key)
{
    const json_t *text = json_object_get(object, key);
    return json_is_string(text) ? (struct kr_slice){(const uint8_t *)json_string_value(text), json_string_length(text)}
                                : (struct kr_slice){0};
}

bool kr_json_is(const json_t *object, const char *key, const char *text)
{
    const struct kr_slice is = kr_json_string_at(object, key);
    return is.bytes != NULL && is.len == strlen(text) && memcmp(is.bytes, text, is.len) == 0;
}
