#include <string.h>

#include "proto/indicator/form.h"

/* What one walk over keys is made of; `going` is false once the visitor has had enough. */
struct walk {
    kr_indicator_visit *visit;
    void *context;
    bool going;
    const struct kr_prefixes *prefixes; /* networks around an address that are wanted */
};

static const struct kr_prefixes no_prefixes, all_prefixes = {UINT32_MAX, {UINT64_MAX, UINT64_MAX}};

void kr_prefixes_add(struct kr_prefixes *prefixes, uint8_t type, const uint8_t *key, size_t len)
{
    if (type == KR_INDICATOR_IPV4 && len == 7 && key[4] < 32) {
        prefixes->ipv4 |= UINT32_C(1) << key[4];
    } else if (type == KR_INDICATOR_IPV6 && len == 19 && key[16] < 128) {
        prefixes->ipv6[key[16] / 64] |= UINT64_C(1) << key[16] % 64;
    }
}

/* The longest one that is wanted and shorter than this; false where there is none. */
static bool next_prefix(const struct kr_prefixes *prefixes, uint32_t type, uint8_t *prefix)
{
    for (unsigned word = 2; word-- > 0;) {
        uint64_t bits = type == KR_INDICATOR_IPV6 ? prefixes->ipv6[word] : word == 0 ? prefixes->ipv4 : 0;
        if (*prefix < 64 * (word + 1)) {
            bits = *prefix > 64 * word ? bits & ((UINT64_C(1) << (*prefix - 64 * word)) - 1) : 0;
        }
        if (bits != 0) {
            *prefix = (uint8_t)(64 * word + 63 - (unsigned)__builtin_clzll(bits));
            return true;
        }
    }
    return false;
}

static void cut_address(uint8_t *key, size_t bytes, uint8_t prefix)
{
    for (size_t i = prefix / 8; i < bytes; i++) {
        key[i] &= i == prefix / 8 ? (uint8_t)(0xff00u >> prefix % 8) : 0;
    }
    key[bytes] = prefix;
}

static void visit_key(struct walk *walk, uint8_t type, const uint8_t *bytes, size_t len)
{
    if (walk->going && len > 0) {
        walk->going = walk->visit(walk->context, type, bytes, len);
    }
}

/* The address without its port; the wider networks that are wanted, longest prefix first. */
static void visit_address(struct walk *walk, uint32_t type, const uint8_t *value, size_t len)
{
    uint8_t key[19];
    const size_t bytes = type == KR_INDICATOR_IPV6 ? 16 : 4;
    if (kr_form_address_is_normal(type, value, len)) {
        memcpy(key, value, len);
        key[bytes + 1] = key[bytes + 2] = 0;
        visit_key(walk, (uint8_t)type, key, len);
        for (uint8_t prefix = key[bytes]; walk->going && next_prefix(walk->prefixes, type, &prefix);) {
            cut_address(key, bytes, prefix);
            /* Such a network would be ipv4 in its normal form. */
            if (kr_form_address_is_normal(type, key, len)) {
                visit_key(walk, (uint8_t)type, key, len);
            }
        }
    }
}

static void visit_domain(struct walk *walk, const uint8_t *host, size_t len)
{
    const uint8_t *dot = memchr(host, '.', len);
    while (dot != NULL && walk->going) {
        visit_key(walk, KR_INDICATOR_DOMAIN, host, len);
        len -= (size_t)(dot + 1 - host);
        host = dot + 1;
        dot = memchr(host, '.', len);
    }
}

static void visit_url(struct walk *walk, const uint8_t *url, size_t len)
{
    struct kr_slice host;
    size_t path_end;
    uint32_t type;
    uint8_t address[19];
    uint16_t address_len;
    visit_key(walk, KR_INDICATOR_URL, url, len);
    if (kr_form_url_split(url, len, &host, &path_end)) {
        if (path_end < len) {
            visit_key(walk, KR_INDICATOR_URL, url, path_end);
        }
        const bool numeric = host.len > 0 && (kr_form_is_digit(host.bytes[host.len - 1]) || memchr(host.bytes, ':', host.len));
        if (numeric && kr_form_address((const char *)host.bytes, host.len, &type, address, &address_len, NULL) == KR_OK) {
            visit_address(walk, type, address, address_len);
        } else {
            visit_domain(walk, host.bytes, host.len);
        }
    }
}

static void visit_folded(struct walk *walk, uint8_t type, const uint8_t *value, size_t len)
{
    uint8_t folded[KR_INDICATOR_BYTES_MAX];
    for (size_t i = 0; i < len; i++) {
        folded[i] = kr_form_lower(value[i]);
    }
    visit_key(walk, type, folded, len);
}

static bool has_keys(uint32_t type, size_t len)
{
    return type != KR_INDICATOR_ANY && type != KR_INDICATOR_URL_HOST && type <= UINT8_MAX && len >= 1 &&
           len <= KR_INDICATOR_BYTES_MAX;
}

void kr_indicator_index_keys(uint32_t type, const uint8_t *value, size_t len, kr_indicator_visit *visit, void *context)
{
    struct walk walk = {.visit = visit, .context = context, .going = has_keys(type, len), .prefixes = &no_prefixes};
    struct kr_slice host;
    size_t path_end;
    if (!walk.going) {
        /* Nothing to be found by. */
    } else if (type == KR_INDICATOR_IPV4 || type == KR_INDICATOR_IPV6) {
        visit_address(&walk, type, value, len);
    } else if (type == KR_INDICATOR_FILENAME || type == KR_INDICATOR_REGISTRY_KEY) {
        visit_folded(&walk, (uint8_t)type, value, len);
    } else {
        visit_key(&walk, (uint8_t)type, value, len);
        if (type == KR_INDICATOR_URL && kr_form_url_split(value, len, &host, &path_end)) {
            visit_key(&walk, KR_INDICATOR_URL_HOST, host.bytes, host.len);
        }
    }
}

void kr_indicator_lookup_keys(uint32_t type, const uint8_t *value, size_t len, kr_indicator_visit *visit, void *context)
{
    kr_indicator_lookup_keys_in(type, value, len, &all_prefixes, visit, context);
}

void kr_indicator_lookup_keys_in(uint32_t type, const uint8_t *value, size_t len, const struct kr_prefixes *prefixes,
                                 kr_indicator_visit *visit, void *context)
{
    struct walk walk = {.visit = visit, .context = context, .going = has_keys(type, len), .prefixes = prefixes};
    const uint8_t *at_sign = NULL;
    char text[KR_FORM_ADDRESS_TEXT_MAX];
    if (!walk.going) {
        /* Nothing to look for. */
    } else if (type == KR_INDICATOR_IPV4 || type == KR_INDICATOR_IPV6) {
        const size_t bytes = type == KR_INDICATOR_IPV6 ? 16 : 4;
        visit_address(&walk, type, value, len);
        if (kr_form_address_is_normal(type, value, len) && value[bytes] == bytes * 8) {
            visit_key(&walk, KR_INDICATOR_URL_HOST, (const uint8_t *)text, kr_form_address_print(type, value, true, text));
        }
    } else if (type == KR_INDICATOR_DOMAIN) {
        visit_domain(&walk, value, len);
        visit_key(&walk, KR_INDICATOR_URL_HOST, value, len);
    } else if (type == KR_INDICATOR_URL) {
        visit_url(&walk, value, len);
    } else if (type == KR_INDICATOR_FILENAME || type == KR_INDICATOR_REGISTRY_KEY) {
        visit_folded(&walk, (uint8_t)type, value, len);
    } else {
        visit_key(&walk, (uint8_t)type, value, len);
        at_sign = type == KR_INDICATOR_EMAIL ? memchr(value, '@', len) : NULL;
    }
    if (at_sign != NULL) {
        visit_domain(&walk, at_sign + 1, len - (size_t)(at_sign + 1 - value));
    }
}

/* Looks among the keys of the stored indicator for one of the asked value's. */
struct common {
    uint32_t stored_type;
    struct kr_slice stored;
    uint8_t type; /* the asked value's key of the moment */
    struct kr_slice key;
    bool found;
};

static bool compare_key(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct common *common = context;
    common->found = type == common->type && len == common->key.len && memcmp(bytes, common->key.bytes, len) == 0;
    return !common->found;
}

static bool try_key(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct common *common = context;
    common->type = type;
    common->key = (struct kr_slice){.bytes = bytes, .len = len};
    kr_indicator_index_keys(common->stored_type, common->stored.bytes, common->stored.len, compare_key, common);
    return !common->found;
}

bool kr_indicator_matches(uint32_t stored_type, struct kr_slice stored, uint32_t asked_type, struct kr_slice asked)
{
    struct common common = {.stored_type = stored_type, .stored = stored};
    kr_indicator_lookup_keys(asked_type, asked.bytes, asked.len, try_key, &common);
    return common.found;
}

/* The host of a URL or of an e-mail address; a domain is its own. */
static struct kr_slice host_of(uint32_t type, struct kr_slice value)
{
    struct kr_slice host = value;
    size_t path_end;
    const uint8_t *at_sign = type == KR_INDICATOR_EMAIL ? memchr(value.bytes, '@', value.len) : NULL;
    if (at_sign != NULL) {
        host = (struct kr_slice){at_sign + 1, value.len - (size_t)(at_sign + 1 - value.bytes)};
    } else if (type == KR_INDICATOR_URL && !kr_form_url_split(value.bytes, value.len, &host, &path_end)) {
        host = value;
    }
    return host;
}

static bool is_equal(struct kr_slice a, struct kr_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

static enum kr_indicator_relation address_relation(uint32_t type, struct kr_slice stored, uint32_t asked_type,
                                                   struct kr_slice asked)
{
    const size_t bytes = type == KR_INDICATOR_IPV6 ? 16 : 4;
    if (asked_type != type) {
        return stored.bytes[bytes] == bytes * 8 ? KR_RELATION_HOST : KR_RELATION_NETWORK;
    }
    return memcmp(stored.bytes, asked.bytes, bytes + 1) == 0 ? KR_RELATION_SAME : KR_RELATION_NETWORK;
}

enum kr_indicator_relation kr_indicator_relation(uint32_t stored_type, struct kr_slice stored, uint32_t asked_type,
                                                 struct kr_slice asked)
{
    if (!kr_indicator_matches(stored_type, stored, asked_type, asked)) {
        return KR_RELATION_NONE;
    }
    if (stored_type == KR_INDICATOR_URL && asked_type == KR_INDICATOR_URL) {
        return is_equal(stored, asked) ? KR_RELATION_SAME : KR_RELATION_WITHOUT_QUERY;
    }
    if (stored_type == KR_INDICATOR_URL) {
        return KR_RELATION_ON_HOST;
    }
    if (stored_type == KR_INDICATOR_IPV4 || stored_type == KR_INDICATOR_IPV6) {
        return address_relation(stored_type, stored, asked_type, asked);
    }
    if (stored_type == KR_INDICATOR_DOMAIN && !is_equal(stored, host_of(asked_type, asked))) {
        return KR_RELATION_PARENT;
    }
    return stored_type == asked_type ? KR_RELATION_SAME : KR_RELATION_HOST;
}

const char *kr_indicator_relation_name(enum kr_indicator_relation relation)
{
    static const char *const names[] = {"none", "same", "network", "parent", "host", "on-host", "without-query"};
    return (size_t)relation < sizeof names / sizeof names[0] ? names[relation] : names[0];
}
