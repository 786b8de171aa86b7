/* Whatever a peer says in walks, as who dialled and as who was dialled: one node with a store, and messages that the input makes up
 * of parts which are likely to mean something to it. Nothing may crash, leak or leave its bounds, and steps come to an end. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/walkers.h"

#define KEYS         2400u
#define MONTHS       3u
#define HOUR_MS      UINT64_C(3600000)
#define MESSAGES_MAX 24u
#define PARTS_MAX    32u
#define TIMES_MAX    80u
#define STEPS_MAX    400u
#define INPUT_END    0u /* what is read behind the end */

static struct walkers walkers; /* large */

struct input {
    const uint8_t *at, *end;
};

static uint8_t next(struct input *input)
{
    return input->at < input->end ? *input->at++ : INPUT_END;
}

static uint32_t next16(struct input *input)
{
    const uint32_t high = next(input);
    return high << 8 | next(input);
}

/* ---- what the node holds ---- */

static void key_of(uint32_t n, uint8_t ret_key[static KR_TREE_KEY_BYTES], uint32_t *ret_month)
{
    const uint64_t created_ms = WALKERS_NOW_MS - (n % 5 == 0 ? 0 : n / 60) * HOUR_MS;
    const uint32_t hour = kr_tree_hour(created_ms);
    for (uint32_t i = 0; i < 4; i++) {
        ret_key[i] = (uint8_t)(hour >> (24 - 8 * i));
    }
    walkers_id(n, ret_key + 4);
    memset(ret_key + 4, 0x77, n % 7 == 0 ? n % 28 : 0); /* some begin alike */
    *ret_month = WALKERS_MONTH + n % MONTHS;
}

static void clean_up(void)
{
    walkers_deinit(&walkers);
}

static void set_up(void)
{
    walkers_init(&walkers, 1);
    (void)atexit(clean_up);
    for (uint32_t n = 0; n < KEYS; n++) {
        uint8_t key[KR_TREE_KEY_BYTES];
        uint32_t month;
        key_of(n, key, &month);
        for (uint32_t node = 0; node < 2; node++) {
            walkers_put(&walkers, node, key + 4, WALKERS_NOW_MS - (n % 5 == 0 ? 0 : n / 60) * HOUR_MS, month, true);
        }
    }
}

/* ---- parts ---- */

/* Our own digest there, so that the walk goes another way. */
static void own_digest(const struct walkers_node *node, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                       uint8_t ret_digest8[static KR_SYNC_DIGEST_BYTES])
{
    struct kr_tree_node there;
    if (kr_store_tree_look(node->txn, &walkers.scope, month, prefix, nibbles, &there) == KR_OK) {
        kr_hash_short(ret_digest8, node->link->walk.key, there.sum.digest, 32);
    }
}

static void add_node(struct input *input, const struct walkers_node *node, struct kr_sync_part *part, uint8_t *items)
{
    const uint8_t same = next(input);
    part->from = next(input) % (part->nibbles + 1);
    part->present = (uint16_t)next16(input);
    part->shown = (uint16_t)(next16(input) & part->present);
    for (uint32_t i = 0; i < 16; i++) {
        if ((part->present >> i & 1u) != 0 && (part->shown >> i & 1u) == 0) {
            uint8_t *digest8 = items + (size_t)part->count++ * KR_SYNC_DIGEST_BYTES, child[KR_TREE_KEY_BYTES];
            memset(digest8, same, KR_SYNC_DIGEST_BYTES);
            memcpy(child, part->prefix, sizeof child);
            if ((same >> i % 8 & 1u) != 0 && part->nibbles < KR_SYNC_NIBBLES) {
                child[part->nibbles / 2] |= (uint8_t)(part->nibbles % 2 == 0 ? i << 4 : i);
                own_digest(node, part->month, child, part->nibbles + 1, digest8);
            }
        }
    }
}

static void add_names(struct input *input, const struct walkers_node *node, struct kr_sync_part *part, uint8_t *items)
{
    const uint32_t many = next(input), step = next(input), from = next16(input);
    part->count = many < 200 ? many : (many - 199) * 20;
    part->count = part->count < KR_SYNC_LIST_MAX ? part->count : KR_SYNC_LIST_MAX;
    for (uint32_t i = 0; i < part->count; i++) {
        uint8_t key[KR_TREE_KEY_BYTES];
        uint32_t month;
        key_of((from + i * step) % (KEYS + KEYS / 8), key, &month); /* some it does not have */
        kr_sync_name(items + (size_t)i * KR_SYNC_NAME_BYTES, node->link->walk.key, key + 4);
    }
}

static void add_months(struct input *input, const struct walkers_node *node, struct kr_sync_part *part, uint8_t *items)
{
    static const uint8_t none[KR_TREE_KEY_BYTES];
    const uint32_t from = next(input) < 64 ? next16(input) : WALKERS_MONTH - next(input) % 4, same = next(input);
    part->month = part->nibbles = 0;
    memset(part->prefix, 0, sizeof part->prefix);
    part->count = next(input) % (KR_SYNC_MONTHS_MAX + 1);
    for (uint32_t i = 0; i < part->count; i++) {
        uint8_t digest8[KR_SYNC_DIGEST_BYTES] = {0};
        if ((same >> i % 8 & 1u) != 0) {
            own_digest(node, from + i, none, 0, digest8);
        }
        kr_sync_month_write(items + (size_t)i * KR_SYNC_MONTH_BYTES, from + i, digest8);
    }
}

/* Not all that it makes is sound: who reads the message finds out. */
static void add_part(struct input *input, const struct walkers_node *node, struct kr_writer *parts)
{
    static uint8_t items[KR_SYNC_BYTES_MAX];
    struct kr_sync_part part = {.what = 1 + next(input) % 4, .items = items};
    const uint8_t how = next(input);
    key_of(next16(input) % KEYS, part.prefix, &part.month);
    part.month = how % 16 == 0 ? next16(input) : part.month;
    part.nibbles = next(input) % (KR_SYNC_NIBBLES + 1);
    if (how % 3 == 0 && part.nibbles > 0) { /* leaves our keys somewhere */
        part.prefix[next(input) % ((part.nibbles + 1) / 2)] ^= next(input);
    }
    if (part.nibbles % 2 != 0) {
        part.prefix[part.nibbles / 2] &= 0xf0u;
    }
    memset(part.prefix + (part.nibbles + 1) / 2, 0, sizeof part.prefix - (part.nibbles + 1) / 2);
    if (part.what == KR_SYNC_MONTHS) {
        add_months(input, node, &part, items);
    } else if (part.what == KR_SYNC_NODES) {
        add_node(input, node, &part, items);
    } else {
        add_names(input, node, &part, items);
    }
    kr_sync_part_write(&part, parts);
}

/* ---- messages ---- */

static void check(const struct walkers_node *node)
{
    const struct kr_walk *walk = &node->link->walk;
    size_t bytes = 0;
    for (uint32_t i = 0; i < walk->count; i++) {
        KR_ASSERT(walk->frames[i]->at < walk->frames[i]->len);
        bytes += walk->frames[i]->len;
    }
    KR_ASSERT(bytes == walk->bytes && walk->count <= KR_WALK_FRAMES_MAX && walk->bytes + walk->parts.len <= KR_WALK_BYTES_MAX);
    KR_ASSERT(node->link->bulk.count <= KR_WALK_PUSHES_MAX);
    KR_ASSERT(walk->is_active || (walk->count == 0 && walk->parts.bytes == NULL));
    for (uint32_t i = 0; i < KR_WALK_GENERATIONS; i++) {
        KR_ASSERT(walk->generations[i].told <= walk->generations[i].dealt &&
                  walk->generations[i].dealt <= walk->generations[i].came);
        KR_ASSERT(walk->generations[i].sent_dealt <= walk->generations[i].sent);
    }
}

/* A message, or several that are alike. */
static void say(struct input *input, uint32_t other)
{
    const struct walkers_node *node = &walkers.nodes[1 - other];
    const struct kr_walk *walk = &node->link->walk;
    struct kr_message message = {.type = KR_MESSAGE_SYNC, .count = UINT64_C(1) << next(input) % 64};
    struct kr_writer parts, whole;
    const uint8_t how = next(input);
    kr_scope_tag(message.tag, node->link->session.salt, &walkers.scope);
    message.generation = next(input) % (KR_WALK_GENERATIONS + 1);
    message.walk = walk->number + (how % 8 == 0);
    message.status = how % 64 == 7;
    if (message.generation > 0 && message.generation < KR_WALK_GENERATIONS) {
        const uint32_t sent = walk->generations[message.generation - 1].sent;
        message.dealt = how % 32 == 9 ? next16(input) : how % 2 == 0 ? sent : walk->generations[message.generation - 1].sent_dealt;
    }
    const uint32_t count = next(input) % PARTS_MAX, times = how >= 224 ? next(input) % TIMES_MAX : 1;
    kr_writer_init(&parts, 4 * KR_MIB);
    kr_writer_init(&whole, 5 * KR_MIB);
    for (uint32_t i = 0; i < count && message.status == 0; i++) {
        const size_t before = parts.len;
        add_part(input, node, &parts);
        parts.len = parts.len > KR_SYNC_BYTES_MAX ? before : parts.len;
        message.part_count += parts.len > before;
    }
    message.parts = (struct kr_slice){parts.bytes, parts.len};
    kr_message_write(&message, &whole);
    if (kr_writer_finish(&parts) == KR_OK && kr_writer_finish(&whole) == KR_OK &&
        kr_message_read((struct kr_slice){whole.bytes, whole.len}, &walkers.message) == KR_OK) {
        for (uint32_t i = 0; i < times; i++) {
            walkers_say(&walkers, other, &message);
        }
    }
    kr_writer_deinit(&whole);
    kr_writer_deinit(&parts);
}

static void fresh_session(uint32_t node)
{
    walkers_link(&walkers);
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_walk *walk = &walkers.nodes[i].link->walk;
        walkers.nodes[i].is_dead = i != node;
        walk->spent = walk->spent_ms = walk->paused_until_ms = walk->number = 0;
    }
    walkers.now_ms = WALKERS_NOW_MS;
    walkers.log[0] = '\0';
    walkers.push_max = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_set_up;
    struct input input = {data, data + size};
    if (!is_set_up) {
        set_up();
        is_set_up = true;
    }
    const uint8_t how = next(&input);
    const uint32_t at = how % 2;
    struct walkers_node *node = &walkers.nodes[at];
    fresh_session(at);
    if (at == 0) {
        (void)walkers_begin(&walkers);
    }
    for (uint32_t i = 0; i < MESSAGES_MAX && input.at < input.end; i++) {
        const uint8_t what = next(&input);
        if (what < 16) { /* some of what is pushed goes */
            struct kr_queue *queue = &node->link->bulk;
            const uint32_t gone = what * 512u < queue->count ? what * 512u : queue->count;
            queue->head = queue->capacity > 0 ? (queue->head + gone) % queue->capacity : 0;
            queue->count -= gone;
        }
        say(&input, 1 - at);
        walkers_run(&walkers, 1 + what % 16);
        check(node);
    }
    node->link->bulk.count = 0;
    walkers_run(&walkers, STEPS_MAX);
    check(node);
    return 0;
}
