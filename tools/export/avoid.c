/* Values never to be written. Two values concern each other where the one's keys of the index meet the other's of a look-up,
 * whichever way round: so networks, parent domains and hosts of URLs are what they are elsewhere in Kairan. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "tools/export/export.h"

struct keys {
    uint8_t (*items)[KR_SHORT_BYTES];
    size_t count, capacity;
    bool is_lacking; /* memory */
};

struct kr_avoid {
    uint8_t key[KR_SHORT_KEY_BYTES];
    struct keys indexed, looked_up;
};

struct visit {
    const struct kr_avoid *avoid;
    struct keys *keys; /* added to, or searched */
    bool is_found;
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, KR_SHORT_BYTES);
}

static void name_key(const struct kr_avoid *avoid, uint8_t type, const uint8_t *bytes, size_t len, uint8_t *ret_short)
{
    uint8_t text[KR_INDICATOR_BYTES_MAX + 1];
    text[0] = type;
    memcpy(text + 1, bytes, len < KR_INDICATOR_BYTES_MAX ? len : KR_INDICATOR_BYTES_MAX);
    kr_hash_short(ret_short, avoid->key, text, 1 + (len < KR_INDICATOR_BYTES_MAX ? len : KR_INDICATOR_BYTES_MAX));
}

static bool add_key(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct visit *visit = context;
    struct keys *keys = visit->keys;
    if (keys->count == keys->capacity) {
        size_t capacity = keys->capacity * 2 + 256;
        void *items = realloc(keys->items, capacity * sizeof keys->items[0]);
        if (items == NULL) {
            keys->is_lacking = true;
            return false;
        }
        keys->items = items;
        keys->capacity = capacity;
    }
    name_key(visit->avoid, type, bytes, len, keys->items[keys->count++]);
    return true;
}

static bool search_key(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct visit *visit = context;
    uint8_t name[KR_SHORT_BYTES];
    name_key(visit->avoid, type, bytes, len, name);
    visit->is_found = visit->keys->count > 0 && bsearch(name, visit->keys->items, visit->keys->count, sizeof name, compare) != NULL;
    return !visit->is_found;
}

static enum kr_err add_line(struct kr_avoid *avoid, const char *line, size_t len, size_t number, struct kr_error *error)
{
    struct kr_indicator value;
    struct kr_error why = {0};
    if (kr_indicator_parse(KR_INDICATOR_ANY, line, len, &value, &why) != KR_OK) {
        return kr_fail(error, KR_INVALID, "line %zu of the values never to be written: \"%.*s\" is no value: %s", number,
                       len < 100 ? (int)len : 100, line, why.text);
    }
    kr_indicator_index_keys(value.type, value.value, value.len, add_key, &(struct visit){avoid, &avoid->indexed, false});
    kr_indicator_lookup_keys(value.type, value.value, value.len, add_key, &(struct visit){avoid, &avoid->looked_up, false});
    return avoid->indexed.is_lacking || avoid->looked_up.is_lacking ? KR_NOMEM : KR_OK;
}

enum kr_err kr_avoid_parse(const char *text, size_t len, struct kr_avoid **ret_avoid, struct kr_error *error)
{
    struct kr_avoid *avoid = calloc(1, sizeof *avoid);
    enum kr_err err = avoid == NULL ? KR_NOMEM : KR_OK;
    size_t number = 0;
    if (err == KR_OK) {
        randombytes_buf(avoid->key, sizeof avoid->key);
    }
    for (const char *at = text, *end = text + len; err == KR_OK && at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline == NULL ? end : newline, *next = newline == NULL ? end : newline + 1;
        number++;
        while (at < stop && strchr(" \t\r", *at) != NULL && *at != 0) {
            at++;
        }
        while (stop > at && strchr(" \t\r", stop[-1]) != NULL && stop[-1] != 0) {
            stop--;
        }
        if (stop > at && *at != '#') {
            err = add_line(avoid, at, (size_t)(stop - at), number, error);
        }
        at = next;
    }
    if (err != KR_OK) {
        kr_avoid_free(avoid);
        return err;
    }
    if (avoid->indexed.count > 0) {
        qsort(avoid->indexed.items, avoid->indexed.count, KR_SHORT_BYTES, compare);
    }
    if (avoid->looked_up.count > 0) {
        qsort(avoid->looked_up.items, avoid->looked_up.count, KR_SHORT_BYTES, compare);
    }
    *ret_avoid = avoid;
    return KR_OK;
}

void kr_avoid_free(struct kr_avoid *avoid)
{
    if (avoid != NULL) {
        free(avoid->indexed.items);
        free(avoid->looked_up.items);
        free(avoid);
    }
}

bool kr_avoid_has(const struct kr_avoid *avoid, uint32_t type, struct kr_slice value)
{
    /* Neither is written to here. */
    struct visit within = {avoid, (struct keys *)(uintptr_t)&avoid->indexed, false};
    struct visit around = {avoid, (struct keys *)(uintptr_t)&avoid->looked_up, false};
    kr_indicator_lookup_keys(type, value.bytes, value.len, search_key, &within);
    if (!within.is_found) {
        kr_indicator_index_keys(type, value.bytes, value.len, search_key, &around);
    }
    return within.is_found || around.is_found;
}
