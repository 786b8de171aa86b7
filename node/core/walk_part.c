/* One part of a walk: our tree beside what the peer says of its own. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"

#define RANGES_MAX 1200u /* a way of 72 nodes with 15 siblings each, a leaf, and 16 children */
#define PAGE_KEYS  256u

_Static_assert(KR_SYNC_KEY_BYTES == KR_TREE_KEY_BYTES, "what is said of keys is said of the trees'");

/* All keys that begin so. */
struct range {
    uint8_t prefix[KR_TREE_KEY_BYTES];
    uint32_t nibbles;
};

/* What follows from one part about a node. */
struct kr_walk_plan {
    struct {
        struct range range;
        uint64_t count; /* of ours */
    } opens[16];        /* both may have keys there, and they differ */
    uint32_t open_count;
    struct range pushes[RANGES_MAX]; /* the peer has none there */
    uint32_t push_count;
};

enum kr_err kr_walker_new(struct kr_step *step, struct kr_link *link, struct kr_walker **ret_walker)
{
    struct kr_walker *walker = calloc(1, sizeof *walker);
    if (walker == NULL) {
        return KR_NOMEM;
    }
    walker->step = step;
    walker->link = link;
    walker->walk = &link->walk;
    walker->left = KR_WALK_COST_STEP;
    /* A peer whose clock is ahead has let a month go that we have. A wrong clock must not end all walks: one that is further off
     * than this doubts itself, and has let none go. */
    const bool is_ahead = link->clock_ms > 0 && link->clock_ms <= (int64_t)KR_AHEAD_MS_MAX;
    walker->month_from = kr_tree_month_from((step->now_ms + (is_ahead ? (uint64_t)link->clock_ms : 0)) / 1000);
    walker->plan = malloc(sizeof *walker->plan);
    if (walker->plan == NULL) {
        kr_walker_free(walker);
        return KR_NOMEM;
    }
    *ret_walker = walker;
    return KR_OK;
}

void kr_walker_free(struct kr_walker *walker)
{
    if (walker != NULL) {
        kr_tree_view_close(walker->view);
        free(walker->plan);
        free(walker);
    }
}

static void charge(struct kr_walker *walker, uint64_t cost)
{
    walker->cost += cost;
    walker->left -= cost < walker->left ? cost : walker->left;
}

/* ---- nibbles ---- */

static uint32_t nibble(const uint8_t *key, uint32_t at)
{
    return at % 2 == 0 ? key[at / 2] >> 4 : key[at / 2] & 15u;
}

static uint32_t common_nibbles(const uint8_t *left, const uint8_t *right, uint32_t max)
{
    uint32_t at = 0;
    while (at < max && nibble(left, at) == nibble(right, at)) {
        at++;
    }
    return at;
}

static struct range range_of(const uint8_t *key, uint32_t nibbles)
{
    struct range range = {.nibbles = nibbles};
    memcpy(range.prefix, key, (nibbles + 1) / 2);
    if (nibbles % 2 != 0) {
        range.prefix[nibbles / 2] &= 0xf0u;
    }
    return range;
}

/* One nibble more. */
static struct range child_of(const uint8_t *key, uint32_t nibbles, uint32_t child)
{
    struct range range = range_of(key, nibbles);
    range.prefix[nibbles / 2] |= (uint8_t)(nibbles % 2 == 0 ? child << 4 : child);
    range.nibbles++;
    return range;
}

/* ---- reading our tree ---- */

/* Nothing is written to a scope while its parts are dealt with. */
static enum kr_err need_view(struct kr_walker *walker)
{
    return walker->view != NULL ? KR_OK : kr_tree_view_open(walker->step->txn, &walker->walk->scope, &walker->view);
}

static enum kr_err look(struct kr_walker *walker, uint32_t month, const struct range *range, struct kr_tree_node *ret_node)
{
    enum kr_err err = need_view(walker);
    charge(walker, KR_WALK_COST_LOOK);
    return err == KR_OK ? kr_tree_view_look(walker->view, month, range->prefix, range->nibbles, ret_node) : err;
}

/* Into walker->keys. */
static enum kr_err list(struct kr_walker *walker, uint32_t month, const struct range *range, const uint8_t *after, uint32_t max,
                        uint32_t *ret_count)
{
    enum kr_err err = need_view(walker);
    if (err == KR_OK) {
        err = kr_tree_view_list(walker->view, month, range->prefix, range->nibbles, after, walker->keys, max, ret_count);
    }
    charge(walker, KR_WALK_COST_LOOK + (err == KR_OK ? (uint64_t)*ret_count * KR_WALK_COST_KEY : 0));
    return err;
}

enum kr_err kr_walker_months(struct kr_walker *walker)
{
    charge(walker, KR_WALK_COST_LOOK);
    if (walker->has_months) {
        return KR_OK;
    }
    enum kr_err err = kr_store_tree_months(walker->step->txn, &walker->walk->scope, walker->month_from, walker->months,
                                           KR_SYNC_MONTHS_MAX, &walker->month_count);
    walker->has_months = err == KR_OK;
    return err;
}

static bool is_same(const struct kr_walker *walker, const uint8_t ours[static 32], const uint8_t *theirs8)
{
    uint8_t digest8[KR_SHORT_BYTES];
    kr_hash_short(digest8, walker->walk->key, ours, 32);
    return memcmp(digest8, theirs8, sizeof digest8) == 0;
}

static const uint8_t *id_of(const uint8_t key[static KR_TREE_KEY_BYTES])
{
    return key + KR_TREE_KEY_BYTES - 32;
}

/* ---- saying what we have ---- */

static enum kr_err say_names(struct kr_walker *walker, uint32_t what, uint32_t month, const struct range *range, uint32_t count)
{
    struct kr_sync_part part = {.what = what, .month = month, .nibbles = range->nibbles, .count = count, .items = walker->names};
    memcpy(part.prefix, range->prefix, sizeof part.prefix);
    return kr_walk_say(walker, &part);
}

static enum kr_err say_list(struct kr_walker *walker, uint32_t month, const struct range *range)
{
    uint32_t count = 0;
    enum kr_err err = list(walker, month, range, NULL, KR_SYNC_LIST_MAX, &count);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        kr_sync_name(walker->names + (size_t)i * KR_SYNC_NAME_BYTES, walker->walk->key, id_of(walker->keys[i]));
    }
    return err == KR_OK ? say_names(walker, KR_SYNC_LIST, month, range, count) : err;
}

/* Of more than KR_TREE_LEAF_MAX keys. */
static enum kr_err say_node(struct kr_walker *walker, uint32_t month, uint32_t from, const struct kr_tree_node *node,
                            uint16_t shown)
{
    uint8_t digests[16][KR_SYNC_DIGEST_BYTES];
    struct kr_sync_part part = {
        .what = KR_SYNC_NODES, .month = month, .nibbles = node->depth, .from = from, .shown = shown, .items = digests[0]};
    memcpy(part.prefix, node->common, sizeof part.prefix);
    for (uint32_t i = 0; i < 16; i++) {
        part.present |= (uint16_t)((node->children[i].count > 0) << i);
        if (node->children[i].count > 0 && (shown >> i & 1u) == 0) {
            kr_hash_short(digests[part.count++], walker->walk->key, node->children[i].digest, 32);
        }
    }
    return kr_walk_say(walker, &part);
}

/* What is there of ours, so that the peer finds what differs. */
static enum kr_err open_range(struct kr_walker *walker, uint32_t month, const struct range *range, uint64_t count)
{
    if (count == 0) {
        return say_names(walker, KR_SYNC_LIST, month, range, 0);
    }
    if (count <= (walker->lists_all ? KR_WALK_LIST_ALL : KR_TREE_LEAF_MAX)) {
        return say_list(walker, month, range);
    }
    enum kr_err err = look(walker, month, range, &walker->node);
    return err == KR_OK ? say_node(walker, month, range->nibbles, &walker->node, 0) : err;
}

/* Two levels of it at once, or all. */
static enum kr_err show_month(struct kr_walker *walker, const struct kr_tree_month *month)
{
    const struct range all = {0};
    struct kr_tree_node node;
    uint16_t shown = 0;
    if (month->count <= (walker->lists_all ? KR_WALK_LIST_ALL : KR_TREE_LEAF_MAX)) {
        return open_range(walker, month->month, &all, month->count);
    }
    enum kr_err err = look(walker, month->month, &all, &node);
    for (uint32_t i = 0; i < 16 && err == KR_OK; i++) {
        shown |= (uint16_t)((node.children[i].count > KR_TREE_LEAF_MAX) << i);
    }
    if (err == KR_OK) {
        err = say_node(walker, month->month, 0, &node, shown);
    }
    for (uint32_t i = 0; i < 16 && err == KR_OK; i++) {
        if ((shown >> i & 1u) != 0) {
            const struct range range = child_of(node.common, node.depth, i);
            err = open_range(walker, month->month, &range, node.children[i].count);
        }
    }
    return err;
}

/* ---- pushing what the peer lacks ---- */

static uint32_t queue_room(const struct kr_walker *walker)
{
    const uint32_t count = walker->link->bulk.count;
    return count < KR_WALK_PUSHES_MAX ? KR_WALK_PUSHES_MAX - count : 0;
}

/* Policy is asked when it is packed, as of all that is pushed. Doubles are not looked for: who names the same keys over and over
 * pays for each push of its budget, has no more than it takes credit for, and would get the same by WANT for less. */
static enum kr_err push_key(struct kr_walker *walker, const uint8_t key[static KR_TREE_KEY_BYTES])
{
    uint64_t arrival;
    charge(walker, KR_WALK_COST_PUSH);
    enum kr_err err = kr_store_record_find(walker->step->txn, id_of(key), &arrival);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_OK : err; /* replaced or deleted a moment ago */
    }
    walker->walk->found++;
    walker->walk->progress_ms = walker->step->now_ms;
    return kr_gossip_enqueue(walker->link, arrival, true);
}

static bool is_behind(const struct kr_walk_frame *frame, uint32_t month, const struct range *range)
{
    if (!frame->has_after || frame->after_month < month) {
        return false;
    }
    const struct range after = range_of(frame->after, range->nibbles);
    return frame->after_month > month || memcmp(after.prefix, range->prefix, sizeof after.prefix) > 0;
}

/* All of it, from where it was left. `*ret_done` false: no room, or enough for one step. */
static enum kr_err push_range(struct kr_walker *walker, uint32_t month, const struct range *range, bool *ret_done)
{
    struct kr_walk_frame *frame = walker->frame;
    enum kr_err err = KR_OK;
    *ret_done = is_behind(frame, month, range);
    while (err == KR_OK && !*ret_done) {
        const uint32_t room = queue_room(walker), max = room < PAGE_KEYS ? room : PAGE_KEYS;
        uint32_t count = 0;
        if (max == 0 || walker->left == 0) {
            break;
        }
        const bool has_after = frame->has_after && frame->after_month == month;
        err = list(walker, month, range, has_after ? frame->after : NULL, max, &count);
        for (uint32_t i = 0; i < count && err == KR_OK; i++) {
            err = push_key(walker, walker->keys[i]);
        }
        if (err == KR_OK && count > 0) {
            frame->has_after = true;
            frame->after_month = month;
            memcpy(frame->after, walker->keys[count - 1], sizeof frame->after);
        }
        *ret_done = err == KR_OK && count < max;
    }
    return err;
}

/* ---- nodes ---- */

static void plan_open(struct kr_walk_plan *plan, struct range range, uint64_t count)
{
    KR_ASSERT(plan->open_count < sizeof plan->opens / sizeof plan->opens[0]);
    plan->opens[plan->open_count].range = range;
    plan->opens[plan->open_count++].count = count;
}

static void plan_push(struct kr_walk_plan *plan, struct range range)
{
    KR_ASSERT(plan->push_count < RANGES_MAX);
    plan->pushes[plan->push_count++] = range;
}

/* Ours under each child of theirs. `ours` without digests where `knows_digests` is false. */
static enum kr_err compare_children(struct kr_walker *walker, const struct kr_sync_part *part, const struct kr_tree_sum ours[16],
                                    bool knows_digests)
{
    struct kr_walk_plan *plan = walker->plan;
    const uint8_t *theirs = part->items;
    for (uint32_t i = 0; i < 16; i++) {
        const struct range range = child_of(part->prefix, part->nibbles, i);
        const bool is_present = (part->present >> i & 1u) != 0, is_shown = (part->shown >> i & 1u) != 0;
        struct kr_tree_sum sum = ours[i];
        if (!is_present && sum.count > 0) {
            plan_push(plan, range);
        }
        if (!is_present || is_shown) {
            continue;
        }
        if (sum.count > 0 && !knows_digests) {
            struct kr_tree_node node;
            enum kr_err err = look(walker, part->month, &range, &node);
            if (err != KR_OK) {
                return err;
            }
            sum = node.sum;
        }
        if (sum.count == 0 || !is_same(walker, sum.digest, theirs)) {
            plan_open(plan, range, sum.count);
        }
        theirs += KR_SYNC_DIGEST_BYTES;
    }
    return KR_OK;
}

/* Ours are a leaf. */
static enum kr_err compare_leaf(struct kr_walker *walker, const struct kr_sync_part *part, const struct range *at)
{
    struct kr_tree_sum ours[16] = {0};
    uint32_t count = 0;
    enum kr_err err = list(walker, part->month, at, NULL, KR_TREE_LEAF_MAX, &count);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        if (common_nibbles(walker->keys[i], part->prefix, part->nibbles) < part->nibbles) {
            plan_push(walker->plan, range_of(walker->keys[i], KR_TREE_NIBBLES));
        } else {
            ours[nibble(walker->keys[i], part->nibbles)].count++;
        }
    }
    return err == KR_OK ? compare_children(walker, part, ours, false) : err;
}

/* Ours begin with all that theirs begin with, and there are more than a leaf's. */
static enum kr_err compare_node(struct kr_walker *walker, const struct kr_sync_part *part, const struct kr_tree_node *node)
{
    struct kr_tree_sum ours[16] = {0};
    if (node->depth == part->nibbles) {
        return compare_children(walker, part, node->children, true);
    }
    ours[nibble(node->common, part->nibbles)] = node->sum;
    return compare_children(walker, part, ours, true);
}

/* We have none of theirs: all of them at once, but for those of which parts of their own follow, or they would be handed over
 * twice. */
static void open_theirs(struct kr_walk_plan *plan, const struct kr_sync_part *part, uint32_t common)
{
    if (part->shown == 0) {
        plan_open(plan, range_of(part->prefix, common + 1), 0);
        return;
    }
    for (uint32_t i = 0; i < 16; i++) {
        if ((part->present >> i & 1u) != 0 && (part->shown >> i & 1u) == 0) {
            plan_open(plan, child_of(part->prefix, part->nibbles, i), 0);
        }
    }
}

/* Down our tree, from where the part begins to what theirs have in common. */
static enum kr_err compare(struct kr_walker *walker, const struct kr_sync_part *part)
{
    struct kr_walk_plan *plan = walker->plan;
    struct range at = range_of(part->prefix, part->from);
    plan->open_count = plan->push_count = 0;
    for (;;) {
        struct kr_tree_node node;
        enum kr_err err = look(walker, part->month, &at, &node);
        if (err != KR_OK) {
            return err;
        }
        if (node.sum.count == 0) {
            plan_open(plan, at, 0);
            return KR_OK;
        }
        if (node.sum.count <= KR_TREE_LEAF_MAX) {
            return compare_leaf(walker, part, &at);
        }
        const uint32_t most = node.depth < part->nibbles ? node.depth : part->nibbles;
        const uint32_t common = common_nibbles(node.common, part->prefix, most);
        if (common < most) { /* they go apart before there are two ways to go */
            plan_push(plan, at);
            open_theirs(plan, part, common);
            return KR_OK;
        }
        if (node.depth >= part->nibbles) {
            return compare_node(walker, part, &node);
        }
        const uint32_t way = nibble(part->prefix, node.depth);
        for (uint32_t i = 0; i < 16; i++) {
            if (i != way && node.children[i].count > 0) {
                plan_push(plan, child_of(node.common, node.depth, i));
            }
        }
        at = range_of(part->prefix, node.depth + 1);
    }
}

static int compare_ranges(const void *a, const void *b)
{
    return memcmp(((const struct range *)a)->prefix, ((const struct range *)b)->prefix, KR_TREE_KEY_BYTES);
}

static enum kr_err deal_with_node(struct kr_walker *walker, const struct kr_sync_part *part, bool *ret_done)
{
    struct kr_walk_frame *frame = walker->frame;
    struct kr_walk_plan *plan = walker->plan;
    enum kr_err err = compare(walker, part);
    for (uint32_t i = 0; i < plan->open_count && err == KR_OK && !frame->is_said; i++) {
        err = open_range(walker, part->month, &plan->opens[i].range, plan->opens[i].count);
    }
    frame->is_said = true;
    qsort(plan->pushes, plan->push_count, sizeof plan->pushes[0], compare_ranges);
    *ret_done = true;
    for (uint32_t i = 0; i < plan->push_count && err == KR_OK && *ret_done; i++) {
        err = push_range(walker, part->month, &plan->pushes[i], ret_done);
    }
    return err;
}

/* ---- lists ---- */

struct name {
    uint8_t bytes[KR_SYNC_NAME_BYTES];
    uint16_t key; /* index in walker->keys */
    bool is_theirs;
};

static int compare_names(const void *a, const void *b)
{
    return memcmp(((const struct name *)a)->bytes, ((const struct name *)b)->bytes, KR_SYNC_NAME_BYTES);
}

/* The first of ours by that name; `names` are sorted. NULL: none. */
static struct name *find_name(struct name *names, uint32_t count, const uint8_t *bytes)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (memcmp(names[middle].bytes, bytes, KR_SYNC_NAME_BYTES) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && memcmp(names[low].bytes, bytes, KR_SYNC_NAME_BYTES) == 0 ? &names[low] : NULL;
}

/* Our keys there, by name. The array is the caller's to free(). */
static enum kr_err name_keys(struct kr_walker *walker, const struct kr_sync_part *part, uint32_t max, struct name **ret_names,
                             uint32_t *ret_count)
{
    const struct range range = range_of(part->prefix, part->nibbles);
    uint32_t count = 0;
    enum kr_err err = list(walker, part->month, &range, NULL, max, &count);
    struct name *names = err == KR_OK ? calloc((size_t)count + 1, sizeof *names) : NULL;
    if (names == NULL) {
        return err == KR_OK ? KR_NOMEM : err;
    }
    for (uint32_t i = 0; i < count; i++) {
        kr_sync_name(names[i].bytes, walker->walk->key, id_of(walker->keys[i]));
        names[i].key = (uint16_t)i;
    }
    qsort(names, count, sizeof *names, compare_names);
    *ret_names = names;
    *ret_count = count;
    return KR_OK;
}

/* Marks what the part names; the names that we do not have go to walker->names. */
static uint32_t match(struct kr_walker *walker, const struct kr_sync_part *part, struct name *names, uint32_t count)
{
    uint32_t unknown = 0;
    for (uint32_t i = 0; i < part->count; i++) {
        const uint8_t *theirs = part->items + (size_t)i * KR_SYNC_NAME_BYTES;
        struct name *name = find_name(names, count, theirs);
        if (name == NULL) {
            memcpy(walker->names + (size_t)unknown++ * KR_SYNC_NAME_BYTES, theirs, KR_SYNC_NAME_BYTES);
        }
        for (; name != NULL && name < names + count && memcmp(name->bytes, theirs, KR_SYNC_NAME_BYTES) == 0; name++) {
            name->is_theirs = true;
        }
    }
    return unknown;
}

/* Those that were named, or those that were not: all at once, or none yet where there is no room. */
static enum kr_err push_names(struct kr_walker *walker, const struct name *names, uint32_t count, bool named, bool *ret_done)
{
    uint32_t pushes = 0;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count; i++) {
        pushes += names[i].is_theirs == named;
    }
    *ret_done = pushes <= queue_room(walker);
    for (uint32_t i = 0; i < count && err == KR_OK && *ret_done; i++) {
        if (names[i].is_theirs == named) {
            err = push_key(walker, walker->keys[names[i].key]);
        }
    }
    return err;
}

/* `names`: ours there. */
static enum kr_err deal_with_names(struct kr_walker *walker, const struct kr_sync_part *part, struct name *names, uint32_t count,
                                   bool *ret_done)
{
    const struct range range = range_of(part->prefix, part->nibbles);
    const bool is_want = part->what == KR_SYNC_WANT;
    const uint32_t unknown = match(walker, part, names, count);
    enum kr_err err = push_names(walker, names, count, is_want, ret_done);
    if (err == KR_OK && *ret_done && !is_want && unknown > 0) {
        walker->walk->found += unknown;
        err = say_names(walker, KR_SYNC_WANT, part->month, &range, unknown);
    }
    return err;
}

static enum kr_err deal_with_list(struct kr_walker *walker, const struct kr_sync_part *part, bool *ret_done)
{
    const struct range range = range_of(part->prefix, part->nibbles);
    const uint32_t max = part->what == KR_SYNC_WANT ? 2u * KR_SYNC_LIST_MAX : KR_SYNC_LIST_MAX;
    struct name *names = NULL;
    uint32_t count = 0;
    if (part->count == 0) {
        return push_range(walker, part->month, &range, ret_done);
    }
    enum kr_err err = name_keys(walker, part, max + 1, &names, &count);
    *ret_done = true;
    if (err == KR_OK && count <= max && count > 0) {
        err = deal_with_names(walker, part, names, count, ret_done);
    } else if (err == KR_OK && part->what == KR_SYNC_LIST) {
        /* None of ours: "hand over all". Very many more than theirs: the peer finds out where its own are. */
        err = open_range(walker, part->month, &range, count);
    }
    free(names);
    return err;
}

/* ---- months ---- */

static const struct kr_tree_month *find_month(const struct kr_walker *walker, uint32_t month)
{
    for (uint32_t i = 0; i < walker->month_count; i++) {
        if (walker->months[i].month == month) {
            return &walker->months[i];
        }
    }
    return NULL;
}

static bool is_listed(const struct kr_sync_part *part, uint32_t month)
{
    bool is_found = false;
    for (uint32_t i = 0; i < part->count && !is_found; i++) {
        is_found = kr_sync_month(part->items + (size_t)i * KR_SYNC_MONTH_BYTES) == month;
    }
    return is_found;
}

/* What is to be shown of the month: nothing where it is over or the same. */
struct opened {
    struct kr_tree_month month; /* ours */
    bool is_due;
};

static struct opened open_month(const struct kr_walker *walker, const uint8_t item[static KR_SYNC_MONTH_BYTES])
{
    struct opened opened = {.month.month = kr_sync_month(item)};
    const struct kr_tree_month *ours = find_month(walker, opened.month.month);
    if (ours != NULL) {
        opened.month = *ours;
    }
    opened.is_due = opened.month.month >= walker->month_from &&
                    (ours == NULL || !is_same(walker, ours->digest, item + KR_SYNC_MONTH_BYTES - KR_SYNC_DIGEST_BYTES));
    return opened;
}

static enum kr_err deal_with_months(struct kr_walker *walker, const struct kr_sync_part *part, bool *ret_done)
{
    const struct range all = {0};
    enum kr_err err = kr_walker_months(walker);
    for (uint32_t i = 0; i < part->count && err == KR_OK && !walker->frame->is_said; i++) {
        const struct opened opened = open_month(walker, part->items + (size_t)i * KR_SYNC_MONTH_BYTES);
        if (opened.is_due) {
            err = show_month(walker, &opened.month);
        }
    }
    walker->frame->is_said = true;
    *ret_done = true;
    for (uint32_t i = 0; i < walker->month_count && err == KR_OK && *ret_done; i++) {
        if (!is_listed(part, walker->months[i].month)) {
            err = push_range(walker, walker->months[i].month, &all, ret_done);
        }
    }
    return err;
}

/* ---- any part ---- */

enum kr_err kr_walk_part(struct kr_walker *walker, const struct kr_sync_part *part, bool *ret_done)
{
    bool is_done = true;
    enum kr_err err = KR_OK;
    if (part->what == KR_SYNC_MONTHS) {
        err = deal_with_months(walker, part, &is_done);
    } else if (part->month < walker->month_from) {
        is_done = true; /* over */
    } else if (part->what == KR_SYNC_NODES) {
        err = deal_with_node(walker, part, &is_done);
    } else {
        err = deal_with_list(walker, part, &is_done);
    }
    if (err == KR_OK && is_done) {
        walker->frame->is_said = walker->frame->has_after = false;
    }
    *ret_done = is_done;
    return err;
}

enum kr_err kr_walk_weigh(struct kr_walker *walker, const struct kr_sync_part *part, uint64_t *total)
{
    enum kr_err err = KR_OK;
    if (part->what == KR_SYNC_NODES && part->month >= walker->month_from) {
        err = compare(walker, part);
        for (uint32_t i = 0; i < walker->plan->open_count && err == KR_OK; i++) {
            *total += walker->plan->opens[i].count;
        }
    } else if (part->what == KR_SYNC_MONTHS) {
        err = kr_walker_months(walker);
        for (uint32_t i = 0; i < part->count && err == KR_OK; i++) {
            const struct opened opened = open_month(walker, part->items + (size_t)i * KR_SYNC_MONTH_BYTES);
            *total += opened.is_due ? opened.month.count : 0;
        }
    }
    return err;
}
