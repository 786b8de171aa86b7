/* Trees of scopes against a computation of its own from the set of keys: entries in any order, removals, months that go, nested
 * aborts, long shared prefixes, a store that is opened again. */
#include "store_test.h"

#define KEYS_MAX   8192u
#define MONTHS     4u
#define MONTH_BASE 680u

static const struct kr_scope green = {.kind = KR_SCOPE_GREEN, .id = {1}};
static const struct kr_scope clear = {.kind = KR_SCOPE_CLEAR};

typedef uint8_t tree_key[KR_TREE_KEY_BYTES];

/* ---- what the digests should be, with libsodium alone, from keys in order ---- */

static void put_be(uint8_t *ret, uint64_t value, size_t len)
{
    for (size_t i = len; i-- > 0; value >>= 8) {
        ret[i] = (uint8_t)value;
    }
}

static uint32_t nibble(const uint8_t *key, uint32_t at)
{
    return at % 2 == 0 ? key[at / 2] >> 4 : key[at / 2] & 15;
}

static void expected_digest(const tree_key *keys, uint64_t count, uint8_t ret_digest[static 32])
{
    crypto_generichash_state state;
    uint32_t shared = 0;
    memset(ret_digest, 0, 32);
    if (count == 0) {
        return;
    }
    crypto_generichash_init(&state, NULL, 0, 32);
    crypto_generichash_update(&state, (const uint8_t *)(count <= 64 ? "kairan tree leaf" : "kairan tree node"), 16);
    if (count <= 64) {
        crypto_generichash_update(&state, keys[0], count * sizeof keys[0]);
    } else {
        while (nibble(keys[0], shared) == nibble(keys[count - 1], shared)) {
            shared++;
        }
        for (uint64_t from = 0, to = 0; from < count; from = to) {
            uint8_t part[1 + 8 + 32] = {(uint8_t)nibble(keys[from], shared)};
            while (to < count && nibble(keys[to], shared) == part[0]) {
                to++;
            }
            put_be(part + 1, to - from, 8);
            expected_digest(keys + from, to - from, part + 9);
            crypto_generichash_update(&state, part, sizeof part);
        }
    }
    crypto_generichash_final(&state, ret_digest, 32);
}

/* ---- a set for each month ---- */

struct model {
    tree_key keys[MONTHS][KEYS_MAX]; /* in order */
    uint32_t counts[MONTHS];
    uint32_t dropped; /* months in front of this are gone */
    uint64_t entered;
};

static uint32_t place_of(const struct model *model, uint32_t month, const uint8_t *key)
{
    uint32_t low = 0, high = model->counts[month];
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (memcmp(model->keys[month][middle], key, sizeof(tree_key)) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void model_add(struct model *model, uint32_t month, const uint8_t *key)
{
    uint32_t at = place_of(model, month, key);
    assert_true(model->counts[month] < KEYS_MAX);
    memmove(model->keys[month][at + 1], model->keys[month][at], (model->counts[month] - at) * sizeof(tree_key));
    memcpy(model->keys[month][at], key, sizeof(tree_key));
    model->counts[month]++;
    model->entered++;
}

static void model_remove(struct model *model, uint32_t month, uint32_t at)
{
    model->counts[month]--;
    memmove(model->keys[month][at], model->keys[month][at + 1], (model->counts[month] - at) * sizeof(tree_key));
}

static struct kr_entry entry_at(uint32_t month, const uint8_t *key)
{
    struct kr_entry entry = {.month = MONTH_BASE + month};
    entry.hour = (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
    memcpy(entry.id, key + 4, 32);
    return entry;
}

/* ---- comparing ---- */

static void expected_root(const struct model *model, uint32_t from, uint8_t ret_root[static 32], uint64_t *ret_count)
{
    crypto_generichash_state state;
    uint64_t count = 0;
    crypto_generichash_init(&state, NULL, 0, 32);
    crypto_generichash_update(&state, (const uint8_t *)"kairan tree scope", 17);
    for (uint32_t month = from; month < MONTHS; month++) {
        uint8_t part[4 + 8 + 32];
        if (model->counts[month] == 0) {
            continue;
        }
        put_be(part, MONTH_BASE + month, 4);
        put_be(part + 4, model->counts[month], 8);
        expected_digest((const tree_key *)model->keys[month], model->counts[month], part + 12);
        crypto_generichash_update(&state, part, sizeof part);
        count += model->counts[month];
    }
    crypto_generichash_final(&state, ret_root, 32);
    if (count == 0) {
        memset(ret_root, 0, 32);
    }
    *ret_count = count;
}

static void assert_roots(struct kr_txn *txn, const struct kr_scope *scope, const struct model *model)
{
    for (uint32_t from = 0; from <= MONTHS; from++) {
        uint8_t root[32], expected[32];
        uint64_t count = 99, expected_count = 0;
        struct kr_tree_month months[MONTHS];
        uint32_t month_count = 99, seen = 0;
        expected_root(model, from, expected, &expected_count);
        assert_int_equal(kr_store_tree_root(txn, scope, MONTH_BASE + from, root, &count), KR_OK);
        assert_int_equal(count, expected_count);
        assert_memory_equal(root, expected, 32);
        assert_int_equal(kr_store_tree_months(txn, scope, MONTH_BASE + from, months, MONTHS, &month_count), KR_OK);
        for (uint32_t month = from; month < MONTHS; month++) {
            if (model->counts[month] > 0) {
                assert_true(seen < month_count);
                assert_int_equal(months[seen].month, MONTH_BASE + month);
                assert_int_equal(months[seen].count, model->counts[month]);
                expected_digest((const tree_key *)model->keys[month], model->counts[month], expected);
                assert_memory_equal(months[seen++].digest, expected, 32);
            }
        }
        assert_int_equal(month_count, seen);
    }
}

/* What begins so in the model. */
static const tree_key *under(const struct model *model, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                             uint32_t *ret_count)
{
    uint32_t first = 0, count = 0;
    for (uint32_t i = 0; i < model->counts[month]; i++) {
        bool is_under = memcmp(model->keys[month][i], prefix, nibbles / 2) == 0 &&
                        (nibbles % 2 == 0 || nibble(model->keys[month][i], nibbles - 1) == nibble(prefix, nibbles - 1));
        first = is_under && count == 0 ? i : first;
        count += is_under;
    }
    *ret_count = count;
    return (const tree_key *)model->keys[month] + first;
}

static void assert_look(struct kr_txn *txn, const struct kr_scope *scope, const struct model *model, uint32_t month,
                        const uint8_t *prefix, uint32_t nibbles)
{
    struct kr_tree_node node;
    uint32_t count = 0, depth = 0;
    uint8_t digest[32];
    const tree_key *keys = under(model, month, prefix, nibbles, &count);
    assert_int_equal(kr_store_tree_look(txn, scope, MONTH_BASE + month, prefix, nibbles, &node), KR_OK);
    assert_int_equal(node.sum.count, count);
    expected_digest(keys, count, digest);
    assert_memory_equal(node.sum.digest, digest, 32);
    while (count > 0 && depth < KR_TREE_NIBBLES && nibble(keys[0], depth) == nibble(keys[count - 1], depth)) {
        depth++;
    }
    assert_int_equal(node.depth, count > 0 ? depth : nibbles);
    for (uint32_t i = 0; i < KR_TREE_NIBBLES; i++) {
        assert_int_equal(nibble(node.common, i), i < node.depth ? nibble(count > 0 ? keys[0] : prefix, i) : 0);
    }
    for (uint32_t child = 0; child < 16; child++) {
        uint32_t first = 0, of_child = 0;
        for (uint32_t i = 0; i < count && count > 64; i++) {
            if (nibble(keys[i], depth) == child) {
                first = of_child == 0 ? i : first;
                of_child++;
            }
        }
        expected_digest(keys + first, of_child, digest);
        assert_int_equal(node.children[child].count, of_child);
        assert_memory_equal(node.children[child].digest, digest, 32);
    }
}

static void assert_list(struct kr_txn *txn, const struct kr_scope *scope, const struct model *model, uint32_t month,
                        const uint8_t *prefix, uint32_t nibbles, uint32_t max)
{
    static tree_key listed[KEYS_MAX];
    uint32_t count = 0, expected = 0, all = 0;
    const tree_key *keys = under(model, month, prefix, nibbles, &expected);
    do {
        const uint8_t *after = all > 0 ? listed[all - 1] : NULL;
        assert_int_equal(kr_store_tree_list(txn, scope, MONTH_BASE + month, prefix, nibbles, after, listed + all, max, &count),
                         KR_OK);
        assert_int_equal(count, expected - all < max ? expected - all : max);
        all += count;
    } while (count == max && all < expected);
    assert_int_equal(all, expected);
    if (expected > 0) {
        assert_memory_equal(listed, keys, expected * sizeof(tree_key));
    }
}

/* What is read with what an earlier look has kept is what is read without. */
static void assert_view(struct kr_tree_view *view, struct kr_txn *txn, const struct kr_scope *scope, uint32_t month,
                        const uint8_t *prefix, uint32_t nibbles)
{
    struct kr_tree_node node, kept_node;
    tree_key keys[100], kept_keys[100];
    uint32_t count = 0, kept_count = 0;
    assert_int_equal(kr_store_tree_look(txn, scope, month, prefix, nibbles, &node), KR_OK);
    assert_int_equal(kr_tree_view_look(view, month, prefix, nibbles, &kept_node), KR_OK);
    assert_memory_equal(&kept_node, &node, sizeof node);
    assert_int_equal(kr_store_tree_list(txn, scope, month, prefix, nibbles, NULL, keys, 100, &count), KR_OK);
    assert_int_equal(kr_tree_view_list(view, month, prefix, nibbles, NULL, kept_keys, 100, &kept_count), KR_OK);
    assert_int_equal(kept_count, count);
    if (count > 0) {
        assert_memory_equal(kept_keys, keys, count * sizeof(tree_key));
    }
}

static void assert_parts(struct kr_txn *txn, const struct kr_scope *scope, const struct model *model, struct kr_rng *rng,
                         uint32_t samples)
{
    struct kr_tree_view *view = NULL;
    assert_int_equal(kr_tree_view_open(txn, scope, &view), KR_OK);
    for (uint32_t i = 0; i < samples; i++) {
        uint32_t month = (uint32_t)kr_rng_below(rng, MONTHS), nibbles = (uint32_t)kr_rng_below(rng, i % 2 == 0 ? 14 : 73);
        tree_key prefix;
        if (i % 3 == 0 || model->counts[month] == 0) {
            kr_rng_bytes(rng, prefix, sizeof prefix);
            prefix[0] = 0;
        } else {
            memcpy(prefix, model->keys[month][kr_rng_below(rng, model->counts[month])], sizeof prefix);
        }
        assert_look(txn, scope, model, month, prefix, nibbles);
        assert_list(txn, scope, model, month, prefix, nibbles, 1 + (uint32_t)kr_rng_below(rng, 300));
        assert_view(view, txn, scope, MONTH_BASE + month, prefix, nibbles);
    }
    kr_tree_view_close(view);
}

/* From hours on that keys have, and from just behind them. */
static void assert_later(struct kr_txn *txn, const struct kr_scope *scope, const struct model *model, struct kr_rng *rng,
                         uint32_t samples)
{
    struct model *later = malloc(sizeof *later);
    assert_non_null(later);
    for (uint32_t i = 0; i < samples; i++) {
        struct kr_scope from = *scope;
        const uint32_t month = (uint32_t)kr_rng_below(rng, MONTHS);
        from.hour_from = i == 0 ? UINT32_MAX : 1;
        if (i > 1 && model->counts[month] > 0) {
            const uint8_t *key = model->keys[month][kr_rng_below(rng, model->counts[month])];
            from.hour_from = ((uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3]) + i % 2;
        }
        tree_key first = {0};
        put_be(first, from.hour_from, 4);
        *later = *model;
        for (uint32_t j = 0; j < MONTHS; j++) {
            const uint32_t gone = place_of(model, j, first);
            later->counts[j] -= gone;
            memmove(later->keys[j], later->keys[j] + gone, later->counts[j] * sizeof(tree_key));
        }
        assert_roots(txn, &from, later);
        assert_parts(txn, &from, later, rng, 20);
    }
    free(later);
}

/* ---- keys of several sorts ---- */

enum sort { SORT_FRESH, SORT_RANDOM, SORT_CRAFTED, SORT_COUNT };

static void make_key(struct kr_rng *rng, enum sort sort, uint64_t number, tree_key ret_key)
{
    kr_rng_bytes(rng, ret_key, sizeof(tree_key));
    ret_key[0] = 0;
    if (sort == SORT_FRESH) { /* newest by time, many an hour */
        put_be(ret_key, 480000 + number / 300, 4);
    } else if (sort == SORT_CRAFTED) { /* one hour, and ids that share more and more */
        uint32_t shared = (uint32_t)kr_rng_below(rng, 36);
        memset(ret_key, 0x77, shared);
        ret_key[35] = (uint8_t)(shared == 35 ? kr_rng_below(rng, 200) : ret_key[35]);
    }
}

static void add_some(struct kr_txn *txn, const struct kr_scope *scope, struct model *model, struct kr_rng *rng, enum sort sort,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t month = model->dropped + (uint32_t)kr_rng_below(rng, MONTHS - model->dropped);
        month = kr_rng_below(rng, 4) > 0 ? MONTHS - 1 : month; /* most in one, so that it grows */
        tree_key key;
        uint64_t number = 0;
        make_key(rng, sort, model->entered, key);
        bool is_there = false; /* an id has but one key */
        for (uint32_t other = 0; other < MONTHS; other++) {
            uint32_t at = place_of(model, other, key);
            is_there = is_there || (at < model->counts[other] && memcmp(model->keys[other][at], key, sizeof key) == 0);
        }
        const struct kr_entry entry = entry_at(month, key);
        assert_int_equal(kr_store_scope_append(txn, scope, &entry, &number), is_there ? KR_EXISTS : KR_OK);
        if (!is_there) {
            assert_int_equal(number, model->entered);
            model_add(model, month, key);
        }
    }
}

static void remove_some(struct kr_txn *txn, const struct kr_scope *scope, struct model *model, struct kr_rng *rng, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t month = kr_rng_below(rng, 4) > 0 ? MONTHS - 1 : (uint32_t)kr_rng_below(rng, MONTHS);
        if (model->counts[month] == 0) {
            continue;
        }
        uint32_t at = (uint32_t)kr_rng_below(rng, model->counts[month]);
        struct kr_entry entry = entry_at(month, model->keys[month][at]);
        assert_int_equal(kr_store_scope_remove(txn, scope, entry.id), KR_OK);
        assert_int_equal(kr_store_scope_remove(txn, scope, entry.id), KR_NOT_FOUND);
        tree_key key;
        memcpy(key, model->keys[month][at], sizeof key);
        model_remove(model, month, at);
        if (kr_rng_below(rng, 8) == 0) { /* and it comes back */
            uint64_t number = 0;
            assert_int_equal(kr_store_scope_append(txn, scope, &entry, &number), KR_OK);
            assert_int_equal(number, model->entered);
            model_add(model, month, key);
        }
    }
}

static void drop_all(struct kr_txn *txn, const struct kr_scope *scope, struct model *model, uint32_t to)
{
    bool more = true;
    model->dropped = to > model->dropped ? to : model->dropped;
    for (uint32_t month = 0; month < model->dropped; month++) {
        model->counts[month] = 0;
    }
    while (more) {
        assert_int_equal(kr_store_tree_drop(txn, MONTH_BASE + model->dropped, &more), KR_OK);
        assert_roots(txn, scope, model); /* also in between */
    }
}

/* ---- tests ---- */

static void an_unknown_scope_is_empty(void **state)
{
    struct fixture *fixture = *state;
    static const struct model empty;
    const tree_key prefix = {0x12, 0x34};
    struct kr_txn *txn = read_begin(fixture);
    assert_roots(txn, &green, &empty);
    assert_look(txn, &green, &empty, 0, prefix, 3);
    assert_list(txn, &green, &empty, 0, prefix, 0, 5);
    struct kr_tree_node node;
    uint32_t count = 0;
    assert_int_equal(kr_store_tree_look(txn, &green, 1, prefix, KR_TREE_NIBBLES + 1, &node), KR_INVALID);
    assert_int_equal(kr_store_tree_list(txn, &green, 1, prefix, KR_TREE_NIBBLES + 1, NULL, NULL, 0, &count), KR_INVALID);
    kr_txn_abort(txn);
    txn = write_begin(fixture);
    assert_int_equal(kr_store_tree_settle(txn, &green), KR_OK);
    assert_false(kr_txn_is_dirty(txn));
    assert_int_equal(kr_store_scope_remove(txn, &green, prefix), KR_NOT_FOUND);
    kr_txn_abort(txn);
}

static void months_and_hours_are_those_of_the_calendar(void **state)
{
    (void)state;
    static const struct {
        uint64_t first_s;
        uint32_t month;
    } months[] = {
        {2678400, 1},       /* 1970-02 */
        {5097600, 2},       /* 1970-03 */
        {68256000, 26},     /* 1972-03, behind a leap day */
        {951868800, 362},   /* 2000-03 */
        {1706745600, 649},  /* 2024-02 */
        {1709251200, 650},  /* 2024-03 */
        {1796083200, 683},  /* 2026-12 */
        {1798761600, 684},  /* 2027-01 */
        {4107542400, 1562}, /* 2100-03, no leap day */
    };
    for (size_t i = 0; i < sizeof months / sizeof months[0]; i++) {
        assert_int_equal(kr_tree_month(months[i].first_s), months[i].month);
        assert_int_equal(kr_tree_month(months[i].first_s - 1), months[i].month > 1 ? months[i].month - 1 : 1);
        assert_int_equal(kr_tree_month_end_s(months[i].month - 1), months[i].first_s);
        assert_int_equal(kr_tree_month_from(months[i].first_s + KR_MONTH_GRACE_S), months[i].month);
        assert_int_equal(kr_tree_month_from(months[i].first_s + KR_MONTH_GRACE_S - 1), kr_tree_month(months[i].first_s - 1));
    }
    for (uint32_t month = 1; month < 3000; month++) { /* they follow each other */
        assert_int_equal(kr_tree_month(kr_tree_month_end_s(month) - 1), month);
        assert_int_equal(kr_tree_month(kr_tree_month_end_s(month)), month + 1);
    }
    assert_int_equal(kr_tree_month(0), 1); /* 0 means none */
    assert_int_equal(kr_tree_month(UINT64_MAX), 65535);
    assert_int_equal(kr_tree_month_from(0), 1);
    assert_int_equal(kr_tree_hour(3600000u * 5 + 3599999), 5);
    assert_int_equal(kr_tree_hour(UINT64_MAX), UINT32_MAX);
}

/* Sizes around a leaf's, and around where the rows catch up. */
static void digests_are_those_of_the_set(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t sizes[] = {1, 2, 63, 64, 65, 66, 511, 512, 513, 1100};
    for (enum sort sort = 0; sort < SORT_COUNT; sort++) {
        struct kr_scope scope = {.kind = KR_SCOPE_PAIR, .id = {(uint8_t)sort}};
        const uint8_t seed[32] = {(uint8_t)sort};
        struct kr_rng rng;
        struct model *model = calloc(1, sizeof *model);
        assert_non_null(model);
        kr_rng_init(&rng, seed);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct kr_txn *txn = write_begin(fixture);
            add_some(txn, &scope, model, &rng, sort, sizes[i] - (uint32_t)(i > 0 ? sizes[i - 1] : 0));
            assert_roots(txn, &scope, model);
            assert_parts(txn, &scope, model, &rng, 30);
            assert_later(txn, &scope, model, &rng, 12);
            commit(txn);
        }
        free(model);
    }
    assert_verifies(fixture);
}

/* Same keys, another order, other transactions: the same root. */
static void the_order_of_entry_leaves_no_trace(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t seed[32] = {77};
    static tree_key keys[3000];
    uint8_t roots[3][32];
    uint64_t count = 0, number = 0;
    struct kr_rng rng;
    kr_rng_init(&rng, seed);
    for (uint32_t i = 0; i < 3000; i++) {
        make_key(&rng, i % 2 == 0 ? SORT_FRESH : SORT_RANDOM, i, keys[i]);
    }
    for (uint8_t round = 0; round < 3; round++) {
        struct kr_scope scope = {.kind = KR_SCOPE_PAIR, .id = {9, round}};
        struct kr_txn *txn = write_begin(fixture);
        for (uint32_t i = 0; i < 3000; i++) {
            const struct kr_entry entry = entry_at(0, keys[(i * (round == 0 ? 1u : round == 1 ? 7u : 2999u)) % 3000]);
            assert_int_equal(kr_store_scope_append(txn, &scope, &entry, &number), KR_OK);
            if (round == 2 && i % 97 == 0) {
                assert_int_equal(kr_store_tree_settle(txn, &scope), KR_OK);
            }
        }
        assert_int_equal(kr_store_tree_root(txn, &scope, 0, roots[round], &count), KR_OK);
        assert_int_equal(count, 3000);
        commit(txn);
        assert_memory_equal(roots[round], roots[0], 32);
    }
}

static void do_transaction(struct fixture *fixture, struct model *models[2], struct kr_rng *rng)
{
    static const struct kr_scope *const scopes[2] = {&green, &clear};
    struct model *outer = malloc(sizeof *outer), *inner = malloc(sizeof *inner);
    const uint32_t which = (uint32_t)kr_rng_below(rng, 2);
    assert_true(outer != NULL && inner != NULL);
    *outer = *models[which];
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t events = kr_rng_below(rng, 4); events > 0; events--) {
        struct kr_txn *nested = nest(txn);
        *inner = *outer;
        for (uint64_t i = kr_rng_below(rng, 4); i > 0; i--) {
            uint32_t amount = (uint32_t)kr_rng_below(rng, kr_rng_below(rng, 3) == 0 ? 400 : 30);
            switch (kr_rng_below(rng, 5)) {
            case 0:
                remove_some(nested, scopes[which], inner, rng, amount);
                break;
            case 1:
                assert_int_equal(kr_store_tree_settle(nested, scopes[which]), KR_OK);
                break;
            default:
                add_some(nested, scopes[which], inner, rng, (enum sort)kr_rng_below(rng, SORT_COUNT), amount);
            }
        }
        if (kr_rng_below(rng, 4) == 0) {
            kr_txn_abort(nested);
        } else {
            commit(nested);
            *outer = *inner;
        }
    }
    if (kr_rng_below(rng, 6) == 0) {
        kr_txn_abort(txn);
    } else {
        commit(txn);
        *models[which] = *outer;
    }
    free(outer);
    free(inner);
}

static void run_model(struct fixture *fixture, uint8_t seed_byte)
{
    static const struct kr_scope *const scopes[2] = {&green, &clear};
    const uint8_t seed[32] = {seed_byte};
    struct model *models[2] = {calloc(1, sizeof *models[0]), calloc(1, sizeof *models[1])};
    struct kr_rng rng;
    assert_true(models[0] != NULL && models[1] != NULL);
    kr_rng_init(&rng, seed);
    for (uint32_t round = 1; round <= 60; round++) {
        do_transaction(fixture, models, &rng);
        if (round % 5 == 0) {
            struct kr_txn *txn = read_begin(fixture);
            for (uint32_t i = 0; i < 2; i++) {
                assert_roots(txn, scopes[i], models[i]);
                assert_parts(txn, scopes[i], models[i], &rng, 10);
                assert_later(txn, scopes[i], models[i], &rng, 4);
            }
            kr_txn_abort(txn);
        }
        if (round % 20 == 0) {
            assert_verifies(fixture);
            fixture_reopen(fixture);
            struct kr_txn *txn = write_begin(fixture);
            for (uint32_t month = 0; month < round / 20; month++) {
                models[1]->counts[month] = 0; /* all scopes at once */
            }
            models[1]->dropped = round / 20;
            drop_all(txn, &green, models[0], round / 20);
            commit(txn);
        }
    }
    assert_verifies(fixture);
    free(models[0]);
    free(models[1]);
}

static void trees_follow_the_model_1(void **state)
{
    run_model(*state, 1);
}

static void trees_follow_the_model_2(void **state)
{
    run_model(*state, 2);
}

/* Down to nothing, one by one: nodes become leaves again, and chains of them shorter. */
static void all_can_be_removed(void **state)
{
    struct fixture *fixture = *state;
    for (enum sort sort = 0; sort < SORT_COUNT; sort++) {
        const uint8_t seed[32] = {40, (uint8_t)sort};
        struct kr_scope scope = {.kind = KR_SCOPE_PAIR, .id = {5, (uint8_t)sort}};
        struct model *model = calloc(1, sizeof *model);
        struct kr_rng rng;
        assert_non_null(model);
        kr_rng_init(&rng, seed);
        struct kr_txn *txn = write_begin(fixture);
        add_some(txn, &scope, model, &rng, sort, 900);
        assert_int_equal(kr_store_tree_settle(txn, &scope), KR_OK);
        for (uint32_t left = 900; left > 0; left--) {
            for (uint32_t month = 0; month < MONTHS; month++) {
                if (model->counts[month] > 0) {
                    const uint32_t at = (uint32_t)kr_rng_below(&rng, model->counts[month]);
                    struct kr_entry entry = entry_at(month, model->keys[month][at]);
                    assert_int_equal(kr_store_scope_remove(txn, &scope, entry.id), KR_OK);
                    model_remove(model, month, at);
                }
            }
            if (left % 8 == 0 || left < 100) {
                assert_roots(txn, &scope, model);
            }
        }
        commit(txn);
        free(model);
    }
    assert_verifies(fixture);
}

/* Somebody's clock was a month ahead: what comes back enters anew, while left-overs of the same month still wait to go. */
static void what_comes_back_after_a_drop_is_in_the_tree(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t seed[32] = {50};
    struct model *model = calloc(1, sizeof *model), *old = calloc(1, sizeof *old);
    struct kr_rng rng;
    bool more = false;
    assert_true(model != NULL && old != NULL);
    kr_rng_init(&rng, seed);
    struct kr_txn *txn = write_begin(fixture);
    for (uint32_t i = 0; i < 10; i++) { /* more rows than one slice */
        add_some(txn, &green, model, &rng, SORT_RANDOM, 800);
    }
    *old = *model;
    assert_int_equal(kr_store_tree_drop(txn, MONTH_BASE + MONTHS, &more), KR_OK);
    assert_true(more);
    memset(model->counts, 0, sizeof model->counts);
    assert_roots(txn, &green, model);
    for (uint32_t i = 0; i < 700; i++) {
        const uint8_t *key = old->keys[MONTHS - 1][i];
        const struct kr_entry entry = entry_at(MONTHS - 1, key);
        uint64_t number = 0;
        assert_int_equal(kr_store_scope_append(txn, &green, &entry, &number), KR_OK);
        assert_int_equal(kr_store_scope_append(txn, &green, &entry, &number), KR_EXISTS);
        model_add(model, MONTHS - 1, key);
    }
    assert_roots(txn, &green, model);
    commit(txn);
    fixture_reopen(fixture);
    txn = write_begin(fixture);
    assert_roots(txn, &green, model);
    assert_parts(txn, &green, model, &rng, 50);
    const struct kr_entry entry = entry_at(MONTHS - 1, model->keys[MONTHS - 1][3]);
    assert_int_equal(kr_store_scope_remove(txn, &green, entry.id), KR_OK);
    model_remove(model, MONTHS - 1, 3);
    assert_roots(txn, &green, model);
    commit(txn);
    assert_verifies(fixture);
    txn = write_begin(fixture); /* and goes with the next drop, of the same month or another */
    drop_all(txn, &green, model, MONTHS);
    commit(txn);
    assert_verifies(fixture);
    free(model);
    free(old);
}

/* What entered just before and just after a drop, with and without rows of its own then. */
static void a_drop_ends_where_it_was_made(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t seed[32] = {60};
    struct model *model = calloc(1, sizeof *model);
    struct kr_rng rng;
    assert_non_null(model);
    kr_rng_init(&rng, seed);
    for (uint32_t round = 0; round < 4; round++) {
        struct kr_txn *txn = write_begin(fixture);
        add_some(txn, &green, model, &rng, SORT_RANDOM, 20);
        if (round % 2 == 0) {
            assert_int_equal(kr_store_tree_settle(txn, &green), KR_OK);
        }
        drop_all(txn, &green, model, MONTHS);
        model->dropped = 0; /* by a clock that was ahead, and is right again */
        add_some(txn, &green, model, &rng, SORT_RANDOM, 1 + round / 2 * 70);
        assert_int_equal(kr_store_tree_settle(txn, &green), KR_OK);
        assert_roots(txn, &green, model);
        commit(txn);
        assert_verifies(fixture);
    }
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unknown_scope_is_empty),
        cmocka_unit_test(months_and_hours_are_those_of_the_calendar),
        TEST(digests_are_those_of_the_set),
        TEST(the_order_of_entry_leaves_no_trace),
        TEST(trees_follow_the_model_1),
        TEST(trees_follow_the_model_2),
        TEST(all_can_be_removed),
        TEST(what_comes_back_after_a_drop_is_in_the_tree),
        TEST(a_drop_ends_where_it_was_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
