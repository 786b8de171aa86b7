#include "node/core/listed.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "proto/indicator/indicator.h"
#include "proto/indicator/regex.h"

#define ENTRY_SHOWN 200u /* bytes of one, in an error */

struct entry {
    uint64_t print;
    uint8_t list;
};
struct network {
    uint8_t address[16];
    uint8_t bits, list;
    bool is_v6;
};
struct substring {
    char text[KR_LISTED_NAME_BYTES * 2];
    uint16_t len;
    uint8_t list;
};

struct expression {
    struct kr_regex *regex;
    uint8_t list;
};

struct kr_listed {
    struct {
        char name[KR_LISTED_NAME_BYTES];
        uint32_t types;
    } lists[KR_LISTED_LISTS_MAX];
    uint32_t list_count;
    struct expression expressions[KR_LISTED_REGEXES_MAX];
    uint32_t expression_count;
    struct entry *entries;
    struct network *networks;
    struct substring *substrings;
    uint32_t entry_count, entry_capacity, network_count, network_capacity, substring_count;
    bool has_bits[2][129]; /* IPv4, IPv6: prefix lengths that there are */
};

enum kr_err kr_listed_new(struct kr_listed **ret_listed)
{
    struct kr_listed *listed = calloc(1, sizeof *listed);
    if (listed != NULL) {
        listed->substrings = calloc(KR_LISTED_SUBSTRINGS_MAX, sizeof *listed->substrings);
    }
    if (listed == NULL || listed->substrings == NULL) {
        free(listed);
        return KR_NOMEM;
    }
    *ret_listed = listed;
    return KR_OK;
}

void kr_listed_free(struct kr_listed *listed)
{
    if (listed != NULL) {
        free(listed->entries);
        free(listed->networks);
        free(listed->substrings);
        for (uint32_t i = 0; i < listed->expression_count; i++) {
            kr_regex_free(listed->expressions[i].regex);
        }
        free(listed);
    }
}

enum kr_err kr_listed_begin(struct kr_listed *listed, const char *name, uint32_t types, struct kr_error *error)
{
    const size_t len = strlen(name);
    if (listed->list_count == KR_LISTED_LISTS_MAX) {
        return kr_fail(error, KR_BOUNDS, "there are more than %u warning lists", KR_LISTED_LISTS_MAX);
    }
    if (len == 0 || len >= KR_LISTED_NAME_BYTES) {
        return kr_fail(error, KR_INVALID, "a warning list's name has 1 to %u bytes", KR_LISTED_NAME_BYTES - 1);
    }
    listed->lists[listed->list_count].types = types;
    memcpy(listed->lists[listed->list_count++].name, name, len + 1);
    return KR_OK;
}

/* ---- adding ---- */

static uint64_t print_of(enum kr_listed_kind kind, uint32_t type, const void *value, size_t len)
{
    const uint8_t head[2] = {(uint8_t)kind, (uint8_t)type};
    struct kr_hash_state state;
    uint8_t hash[KR_HASH_BYTES];
    uint64_t print;
    kr_hash_init(&state, "kairan warning list");
    kr_hash_update(&state, head, sizeof head);
    kr_hash_update(&state, value, len);
    kr_hash_final(&state, hash);
    memcpy(&print, hash, sizeof print);
    return print;
}

/* Room for one more of `size` bytes. */
static void *grow(void *items, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    const uint32_t more = *capacity > 0 ? *capacity * 2 : 256;
    void *grown = realloc(items, more * size);
    *capacity = grown != NULL ? more : *capacity;
    return grown;
}

static enum kr_err add_entry(struct kr_listed *listed, enum kr_listed_kind kind, uint32_t type, const void *value, size_t len)
{
    struct entry *entries = grow(listed->entries, listed->entry_count, &listed->entry_capacity, sizeof *entries);
    if (entries == NULL) {
        return KR_NOMEM;
    }
    listed->entries = entries;
    entries[listed->entry_count++] =
        (struct entry){.print = print_of(kind, type, value, len), .list = (uint8_t)(listed->list_count - 1)};
    return KR_OK;
}

static enum kr_err add_network(struct kr_listed *listed, const struct kr_indicator *indicator)
{
    const bool is_v6 = indicator->type == KR_INDICATOR_IPV6;
    const size_t bytes = is_v6 ? 16 : 4;
    struct network *networks = grow(listed->networks, listed->network_count, &listed->network_capacity, sizeof *networks);
    if (networks == NULL) {
        return KR_NOMEM;
    }
    listed->networks = networks;
    struct network *network = &networks[listed->network_count++];
    *network = (struct network){.bits = indicator->value[bytes], .list = (uint8_t)(listed->list_count - 1), .is_v6 = is_v6};
    memcpy(network->address, indicator->value, bytes);
    listed->has_bits[is_v6][network->bits] = true;
    return KR_OK;
}

static bool parse_network(const char *text, size_t len, struct kr_indicator *ret)
{
    return kr_indicator_parse(KR_INDICATOR_IPV4, text, len, ret, NULL) == KR_OK ||
           kr_indicator_parse(KR_INDICATOR_IPV6, text, len, ret, NULL) == KR_OK;
}

static enum kr_err add_expression(struct kr_listed *listed, const char *text, size_t len, struct kr_error *error)
{
    struct kr_regex *regex = NULL;
    if (listed->expression_count == KR_LISTED_REGEXES_MAX) {
        return kr_fail(error, KR_BOUNDS, "the warning lists have more than %u regular expressions together", KR_LISTED_REGEXES_MAX);
    }
    enum kr_err err = kr_regex_new(text, len, &regex, error);
    if (err == KR_OK) {
        listed->expressions[listed->expression_count++] =
            (struct expression){.regex = regex, .list = (uint8_t)(listed->list_count - 1)};
    }
    return err;
}

enum kr_err kr_listed_add(struct kr_listed *listed, enum kr_listed_kind kind, const char *text, size_t len, struct kr_error *error)
{
    struct kr_indicator indicator;
    KR_ASSERT(listed->list_count > 0);
    if (listed->entry_count + listed->network_count >= KR_LISTED_ENTRIES_MAX) {
        return kr_fail(error, KR_BOUNDS, "the warning lists have more than %u entries together", KR_LISTED_ENTRIES_MAX);
    }
    if (kind == KR_LISTED_REGEX) {
        return add_expression(listed, text, len, error);
    }
    if (kind != KR_LISTED_SUBSTRING && parse_network(text, len, &indicator)) { /* whole addresses stand in lists of every kind */
        return add_network(listed, &indicator);
    }
    if (kind == KR_LISTED_HOST) {
        const size_t dot = len > 1 && text[0] == '.' ? 1 : 0;
        if (kr_indicator_parse(KR_INDICATOR_DOMAIN, text + dot, len - dot, &indicator, NULL) == KR_OK) {
            return add_entry(listed, kind, 0, indicator.value, indicator.len);
        }
    } else if (kind == KR_LISTED_STRING && len > 0) {
        const bool is_told = kr_indicator_parse(KR_INDICATOR_ANY, text, len, &indicator, NULL) == KR_OK;
        return is_told ? add_entry(listed, kind, indicator.type, indicator.value, indicator.len)
                       : add_entry(listed, kind, 0, text, len);
    } else if (kind == KR_LISTED_SUBSTRING && len > 0 && len <= sizeof listed->substrings[0].text) {
        if (listed->substring_count == KR_LISTED_SUBSTRINGS_MAX) {
            return kr_fail(error, KR_BOUNDS, "the warning lists have more than %u substrings together", KR_LISTED_SUBSTRINGS_MAX);
        }
        struct substring *substring = &listed->substrings[listed->substring_count++];
        substring->len = (uint16_t)len;
        substring->list = (uint8_t)(listed->list_count - 1);
        memcpy(substring->text, text, len);
        return KR_OK;
    }
    return kr_fail(error, KR_INVALID, "\"%.*s\" is no entry of that kind of list",
                   (int)kr_utf8_whole((const uint8_t *)text, len < ENTRY_SHOWN ? len : ENTRY_SHOWN), text);
}

static int compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return a->print < b->print ? -1 : a->print > b->print ? 1 : (int)a->list - (int)b->list;
}

static int compare_networks(const void *left, const void *right)
{
    const struct network *a = left, *b = right;
    const int order = a->is_v6 != b->is_v6 ? (int)a->is_v6 - (int)b->is_v6 : memcmp(a->address, b->address, sizeof a->address);
    return order != 0 ? order : (int)a->bits - (int)b->bits;
}

void kr_listed_sort(struct kr_listed *listed)
{
    if (listed->network_count > 1) {
        qsort(listed->networks, listed->network_count, sizeof *listed->networks, compare_networks);
    }
    if (listed->entry_count > 1) {
        qsort(listed->entries, listed->entry_count, sizeof *listed->entries, compare);
    }
}

/* ---- asking ---- */

/* A value, and of which type it was asked for. */
struct question {
    const struct kr_listed *listed;
    uint32_t type;
    const char *found;
};

/* The list's name where it is for values of that type. */
static const char *name_of(const struct question *question, uint8_t list)
{
    const bool is_meant = question->type < 32 && (question->listed->lists[list].types & 1u << question->type) != 0;
    return is_meant ? question->listed->lists[list].name : NULL;
}

static const char *find_entry(const struct question *question, enum kr_listed_kind kind, uint32_t type, const void *value,
                              size_t len)
{
    const struct kr_listed *listed = question->listed;
    const uint64_t print = print_of(kind, type, value, len);
    const char *found = NULL;
    uint32_t low = 0, high = listed->entry_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (listed->entries[middle].print < print) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; found == NULL && low < listed->entry_count && listed->entries[low].print == print; low++) {
        found = name_of(question, listed->entries[low].list);
    }
    return found;
}

/* The name, then its parents down to two labels. */
static const char *find_host(const struct question *question, const uint8_t *name, size_t len)
{
    const char *found = NULL;
    while (found == NULL && len > 0) {
        found = find_entry(question, KR_LISTED_HOST, 0, name, len);
        const uint8_t *dot = memchr(name, '.', len);
        const size_t step = dot != NULL ? (size_t)(dot - name) + 1 : len;
        name += step;
        len -= step;
    }
    return found;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, uint8_t bits)
{
    const uint8_t whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) & (uint8_t)(0xff00u >> rest)) == 0);
}

/* The network of just that address and length. */
static const char *find_exact(const struct question *question, const struct network *wanted)
{
    const struct kr_listed *listed = question->listed;
    const char *found = NULL;
    uint32_t low = 0, high = listed->network_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare_networks(&listed->networks[middle], wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; found == NULL && low < listed->network_count && compare_networks(&listed->networks[low], wanted) == 0; low++) {
        found = name_of(question, listed->networks[low].list);
    }
    return found;
}

/* One that it lies in, by each prefix length that there is; for a network also one that lies in it, which takes a look at all. */
static const char *find_network(const struct question *question, const uint8_t *address, uint8_t bits, bool is_v6)
{
    const struct kr_listed *listed = question->listed;
    const uint8_t whole = is_v6 ? 128 : 32;
    const char *found = NULL;
    for (uint8_t length = 0; found == NULL && length <= bits && length <= whole; length++) {
        if (listed->has_bits[is_v6][length]) {
            struct network wanted = {.bits = length, .is_v6 = is_v6};
            memcpy(wanted.address, address, length / 8);
            if (length % 8 != 0) {
                wanted.address[length / 8] = address[length / 8] & (uint8_t)(0xff00u >> length % 8);
            }
            found = find_exact(question, &wanted);
        }
    }
    for (uint32_t i = 0; found == NULL && bits < whole && i < listed->network_count; i++) {
        const struct network *network = &listed->networks[i];
        found = network->is_v6 == is_v6 && network->bits > bits && same_bits(address, network->address, bits)
                    ? name_of(question, network->list)
                    : NULL;
    }
    return found;
}

static const char *find_address_or_host(const struct question *question, const char *text, size_t len)
{
    struct kr_indicator host;
    const bool is_bracketed = len > 2 && text[0] == '[';
    if (parse_network(is_bracketed ? text + 1 : text, is_bracketed ? len - 2 : len, &host)) {
        const bool is_v6 = host.type == KR_INDICATOR_IPV6;
        return find_network(question, host.value, host.value[is_v6 ? 16 : 4], is_v6);
    }
    return find_host(question, (const uint8_t *)text, len);
}

static const char *find_substring(const struct question *question, struct kr_slice value)
{
    const char *found = NULL;
    for (uint32_t i = 0; found == NULL && i < question->listed->substring_count; i++) {
        const struct substring *substring = &question->listed->substrings[i];
        if (memmem(value.bytes, value.len, substring->text, substring->len) != NULL) {
            found = name_of(question, substring->list);
        }
    }
    return found;
}

static const char *find_expression(const struct question *question, struct kr_slice value)
{
    const struct kr_listed *listed = question->listed;
    char text[KR_INDICATOR_PRINT_BYTES_MAX];
    const char *found = NULL;
    if (listed->expression_count == 0 || kr_indicator_print(question->type, value.bytes, value.len, text, sizeof text) != KR_OK) {
        return NULL;
    }
    for (uint32_t i = 0; found == NULL && i < listed->expression_count; i++) {
        const struct expression *expression = &listed->expressions[i];
        const char *name = name_of(question, expression->list);
        found = name != NULL && kr_regex_matches(expression->regex, text, strlen(text)) ? name : NULL;
    }
    return found;
}

static bool visit_host(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct question *question = context;
    if (type == KR_INDICATOR_URL_HOST) {
        question->found = find_address_or_host(question, (const char *)bytes, len);
    }
    return question->found == NULL;
}

/* As a host or an address, or by the one that it names. */
static void find_place(struct question *question, struct kr_slice value)
{
    if (question->type == KR_INDICATOR_IPV4 && value.len == 7) {
        question->found = find_network(question, value.bytes, value.bytes[4], false);
    } else if (question->type == KR_INDICATOR_IPV6 && value.len == 19) {
        question->found = find_network(question, value.bytes, value.bytes[16], true);
    } else if (question->type == KR_INDICATOR_DOMAIN) {
        question->found = find_host(question, value.bytes, value.len);
    } else if (question->type == KR_INDICATOR_URL) {
        kr_indicator_index_keys(question->type, value.bytes, value.len, visit_host, question);
    } else if (question->type == KR_INDICATOR_EMAIL) {
        const uint8_t *at = memrchr(value.bytes, '@', value.len);
        const size_t from = at == NULL ? 0 : (size_t)(at - value.bytes) + 1;
        question->found = find_host(question, value.bytes + from, value.len - from);
    }
}

const char *kr_listed_find(const struct kr_listed *listed, uint32_t type, struct kr_slice value)
{
    struct question question = {.listed = listed, .type = type};
    const bool is_address = type == KR_INDICATOR_IPV4 || type == KR_INDICATOR_IPV6;
    const bool is_text = type == KR_INDICATOR_FILENAME || type >= KR_INDICATOR_REGISTRY_KEY;
    const bool has_text = is_text || type == KR_INDICATOR_DOMAIN || type == KR_INDICATOR_URL || type == KR_INDICATOR_EMAIL;
    if (value.len == 0) {
        return NULL;
    }
    find_place(&question, value);
    if (question.found == NULL && !is_address) {
        question.found = find_entry(&question, KR_LISTED_STRING, type, value.bytes, value.len);
    }
    if (question.found == NULL && is_text) {
        question.found = find_entry(&question, KR_LISTED_STRING, 0, value.bytes, value.len);
    }
    if (question.found == NULL && has_text) {
        question.found = find_substring(&question, value);
    }
    return question.found != NULL ? question.found : find_expression(&question, value);
}
