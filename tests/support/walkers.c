#include "tests/support/walkers.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/seal.h"
#include "crypto/secret.h"

static double cpu_now_s(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct kr_step step_of(struct walkers *walkers, struct walkers_node *node)
{
    return (struct kr_step){
        .core = node->core, .txn = node->txn, .rng = &walkers->rng, .effects = &node->effects, .now_ms = walkers->now_ms};
}

/* ---- stores ---- */

static void open_store(struct walkers_node *node)
{
    static const uint8_t storage_key[32] = {0x51}, term_key[32] = {0x52}, seed[32] = {0x53};
    const struct kr_store_options options = {.path = node->dir,
                                             .storage_key = storage_key,
                                             .term_key = term_key,
                                             .term_generation = 1,
                                             .is_volatile = true,
                                             .seed = seed};
    struct kr_error error = {{0}};
    KR_ASSERT(kr_store_open(&options, &node->store, &error) == KR_OK);
    KR_ASSERT(kr_store_write_begin(node->store, &node->txn) == KR_OK);
}

static void close_store(struct walkers_node *node)
{
    KR_ASSERT(kr_txn_commit(node->txn) == KR_OK);
    kr_store_close(node->store);
}

/* Room is made between transactions, and the index is merged as a node does when it has time. */
static void renew_txn(struct walkers_node *node)
{
    for (bool has_more = true; has_more;) {
        KR_ASSERT(kr_store_merge_slice(node->txn, &has_more) == KR_OK);
    }
    KR_ASSERT(kr_txn_commit(node->txn) == KR_OK);
    KR_ASSERT(kr_store_write_begin(node->store, &node->txn) == KR_OK);
}

static void remove_files(const char *path)
{
    DIR *dir = opendir(path);
    KR_ASSERT(dir != NULL);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
}

static void copy_file(int from, int to, const char *name)
{
    static uint8_t buffer[1 << 20];
    const int in = openat(from, name, O_RDONLY), out = openat(to, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    KR_ASSERT(in >= 0 && out >= 0);
    for (ssize_t len = read(in, buffer, sizeof buffer); len > 0; len = read(in, buffer, sizeof buffer)) {
        KR_ASSERT(write(out, buffer, (size_t)len) == len);
    }
    (void)close(in);
    (void)close(out);
}

void walkers_copy(struct walkers *walkers)
{
    struct walkers_node *from = &walkers->nodes[0], *to = &walkers->nodes[1];
    close_store(from);
    close_store(to);
    remove_files(to->dir);
    DIR *dir = opendir(from->dir);
    const int target = open(to->dir, O_RDONLY | O_DIRECTORY);
    KR_ASSERT(dir != NULL && target >= 0);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] != '.') {
            copy_file(dirfd(dir), target, entry->d_name);
        }
    }
    (void)close(target);
    (void)closedir(dir);
    open_store(from);
    open_store(to);
}

void walkers_id(uint64_t n, uint8_t ret_id[static 32])
{
    kr_hash(ret_id, "walkers", &n, sizeof n);
}

void walkers_put(struct walkers *walkers, uint32_t node_index, const uint8_t id[static 32], uint64_t created_ms, uint32_t month,
                 bool has_record)
{
    static const uint8_t bytes[64] = {7};
    struct walkers_node *node = &walkers->nodes[node_index];
    struct kr_entry entry = {.hour = kr_tree_hour(created_ms), .month = month};
    uint64_t at;
    memcpy(entry.id, id, 32);
    if (has_record) {
        struct kr_head head = {.kind = 1, .label = KR_TLP_CLEAR, .created_ms = created_ms, .expires_s = month, .record_bytes = 64};
        memcpy(head.id, id, 32);
        const enum kr_err err = kr_store_record_put(node->txn, &head, (struct kr_slice){bytes, sizeof bytes});
        KR_ASSERT(err == KR_OK || err == KR_EXISTS);
    }
    const enum kr_err err = kr_store_scope_append(node->txn, &walkers->scope, &entry, &at);
    KR_ASSERT(err == KR_OK || err == KR_EXISTS);
    if (kr_txn_dirty_pages(node->txn) >= KR_TXN_DIRTY_PAGES_MAX) {
        renew_txn(node);
    }
}

/* ---- life ---- */

static void init_node(struct walkers *walkers, uint32_t index)
{
    struct walkers_node *node = &walkers->nodes[index];
    const char *base = getenv("TMPDIR");
    (void)snprintf(node->dir, sizeof node->dir, "%s/kairan-walk-XXXXXX", base != NULL ? base : "/tmp");
    KR_ASSERT(mkdtemp(node->dir) != NULL);
    open_store(node);
    node->core = calloc(1, sizeof *node->core);
    node->link = calloc(1, sizeof *node->link);
    KR_ASSERT(node->core != NULL && node->link != NULL);
    kr_directory_init(&node->core->directory);
    node->core->self[0] = (uint8_t)(index + 1);
    node->link->council[0] = (uint8_t)(2 - index);
    node->link->number = 1;
    node->link->state = KR_LINK_OPEN;
    node->link->we_dial = index == 0;
    node->core->links[node->core->link_count++] = node->link;
    kr_effects_init(&node->effects);
    node->out_end = &node->out;
    node->wake_ms = UINT64_MAX;
}

static void drop_out(struct walkers_node *node)
{
    while (node->out != NULL) {
        struct walkers_frame *frame = node->out;
        node->out = frame->next;
        free(frame->bytes);
        free(frame);
    }
    node->out_end = &node->out;
}

void walkers_link(struct walkers *walkers)
{
    uint8_t public_keys[2][32], secrets[2][32], transcript[32] = {0};
    walkers->sessions++;
    memcpy(transcript, &walkers->sessions, sizeof walkers->sessions);
    for (uint32_t i = 0; i < 2; i++) {
        const uint8_t seed[32] = {(uint8_t)(i + 1), (uint8_t)walkers->sessions, (uint8_t)(walkers->sessions >> 8)};
        kr_box_keypair(public_keys[i], secrets[i], seed);
    }
    for (uint32_t i = 0; i < 2; i++) {
        struct walkers_node *node = &walkers->nodes[i];
        drop_out(node);
        kr_walk_close(node->link);
        node->link->bulk.count = 0;
        node->link->has_session = true;
        node->link->progress_generation = UINT64_MAX; /* the scopes are listed with the first message */
        KR_ASSERT(kr_session_init(&node->link->session, i == 0, public_keys[i], secrets[i], public_keys[1 - i], transcript) ==
                  KR_OK);
    }
}

void walkers_init(struct walkers *walkers, uint64_t seed)
{
    uint8_t bytes[32] = {0};
    KR_ASSERT(kr_crypto_init() == KR_OK);
    memset(walkers, 0, sizeof *walkers);
    memcpy(bytes, &seed, sizeof seed);
    kr_rng_init(&walkers->rng, bytes);
    walkers->scope.kind = KR_SCOPE_CLEAR;
    walkers->now_ms = WALKERS_NOW_MS;
    walkers->push_max = UINT32_MAX;
    init_node(walkers, 0);
    init_node(walkers, 1);
    walkers_link(walkers);
}

void walkers_deinit(struct walkers *walkers)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct walkers_node *node = &walkers->nodes[i];
        drop_out(node);
        close_store(node);
        remove_files(node->dir);
        (void)rmdir(node->dir);
        kr_effects_deinit(&node->effects);
        kr_walk_close(node->link);
        kr_gossip_free(node->link);
        free(node->link->progress);
        free(node->link);
        kr_directory_deinit(&node->core->directory);
        free(node->core);
    }
}

/* ---- messages ---- */

static void take_effects(struct walkers *walkers, struct walkers_node *node)
{
    for (size_t i = 0; i < node->effects.count; i++) {
        struct kr_effect *effect = &node->effects.items[i];
        if (effect->type == KR_EFFECT_SEND) {
            struct walkers_frame *frame = calloc(1, sizeof *frame);
            KR_ASSERT(frame != NULL);
            frame->bytes = effect->bytes;
            frame->len = effect->len;
            effect->bytes = NULL;
            *node->out_end = frame;
            node->out_end = &frame->next;
            node->messages++;
            node->bytes += frame->len;
        } else if (effect->type == KR_EFFECT_WAKE) {
            node->wake_ms = effect->at_ms < node->wake_ms ? effect->at_ms : node->wake_ms;
        } else if (effect->type == KR_EFFECT_LOG) {
            const size_t len = strlen(walkers->log);
            (void)snprintf(walkers->log + len, sizeof walkers->log - len, "%s\n", (const char *)effect->bytes);
        }
    }
    kr_effects_truncate(&node->effects, 0);
}

static void note_memory(struct walkers *walkers)
{
    for (uint32_t i = 0; i < 2; i++) {
        const size_t bytes = walkers->nodes[i].link->walk.bytes;
        walkers->waiting_max = bytes > walkers->waiting_max ? bytes : walkers->waiting_max;
    }
}

/* False: the session is over. */
static bool deliver(struct walkers *walkers, struct walkers_node *to, const struct walkers_frame *frame)
{
    struct kr_message *message = &walkers->message;
    const size_t head = 1 + KR_SESSION_ID_BYTES, len = frame->len - head - KR_SESSION_OVERHEAD_BYTES;
    if (walkers->loss > 0 && kr_rng_below(&walkers->rng, 1000) < walkers->loss) {
        return false;
    }
    uint8_t *plain = malloc(len + 1);
    struct kr_step step = step_of(walkers, to);
    KR_ASSERT(plain != NULL);
    const double begin_s = cpu_now_s();
    KR_ASSERT(kr_session_open(&to->link->session, plain, frame->bytes + head, frame->len - head) == KR_OK);
    KR_ASSERT(kr_message_read((struct kr_slice){plain, len}, message) == KR_OK);
    if (message->type == KR_MESSAGE_SYNC && !to->is_dead) {
        KR_ASSERT(kr_walk_message(&step, to->link, message) == KR_OK);
    }
    to->cpu_s += cpu_now_s() - begin_s;
    note_memory(walkers);
    free(plain);
    return true;
}

/* What waits to be pushed arrives at the other. */
static void pass_records(struct walkers *walkers, uint32_t from)
{
    struct walkers_node *node = &walkers->nodes[from];
    struct kr_queue *queue = &node->link->bulk;
    static uint8_t scratch[KR_HEAD_SCRATCH];
    for (uint32_t i = 0; i < walkers->push_max && queue->count > 0; i++) {
        struct kr_head head;
        KR_ASSERT(kr_store_head_get(node->txn, queue->items[queue->head], &head, scratch) == KR_OK);
        queue->head = (queue->head + 1) % queue->capacity;
        queue->count--;
        node->pushed++;
        walkers->nodes[1 - from].link->received_records++;
        walkers_put(walkers, 1 - from, head.id, head.created_ms, (uint32_t)head.expires_s, true);
    }
}

static void wake(struct walkers *walkers, struct walkers_node *node)
{
    struct kr_step step = step_of(walkers, node);
    const double begin_s = cpu_now_s();
    node->wake_ms = UINT64_MAX;
    KR_ASSERT(kr_walks_tick(&step) == KR_OK);
    node->cpu_s += cpu_now_s() - begin_s;
    take_effects(walkers, node);
}

static void wake_all(struct walkers *walkers)
{
    for (uint32_t i = 0; i < 2; i++) {
        while (walkers->nodes[i].wake_ms <= walkers->now_ms) {
            wake(walkers, &walkers->nodes[i]);
        }
    }
}

static struct walkers *walking; /* whose walk began last: its end bears no word of them */

static enum kr_err note_done(struct kr_step *step, struct kr_link *link, const struct kr_scope *scope, uint64_t found,
                             uint64_t came)
{
    KR_ASSERT(step->core == walking->nodes[0].core && link == walking->nodes[0].link && scope->kind == walking->scope.kind);
    walking->done++;
    walking->found = found + came;
    return KR_OK;
}

bool walkers_begin(struct walkers *walkers)
{
    struct walkers_node *node = &walkers->nodes[0];
    struct kr_step step = step_of(walkers, node);
    bool has_begun = false;
    walkers->rounds = walkers->last_found = 0;
    walking = walkers;
    const double begin_s = cpu_now_s();
    KR_ASSERT(kr_walk_begin(&step, node->link, &walkers->scope, note_done, &has_begun) == KR_OK);
    node->cpu_s += cpu_now_s() - begin_s;
    take_effects(walkers, node);
    return has_begun;
}

static uint64_t found(const struct walkers *walkers)
{
    return walkers->nodes[0].link->walk.found + walkers->nodes[1].link->walk.found;
}

/* All that is on its way arrives. */
static void pass_messages(struct walkers *walkers)
{
    struct walkers_frame *frames[2] = {walkers->nodes[0].out, walkers->nodes[1].out};
    bool is_up = true;
    walkers->rounds += frames[0] != NULL || frames[1] != NULL;
    for (uint32_t i = 0; i < 2; i++) {
        walkers->nodes[i].out = NULL;
        walkers->nodes[i].out_end = &walkers->nodes[i].out;
    }
    for (uint32_t i = 0; i < 2; i++) {
        while (frames[i] != NULL) {
            struct walkers_frame *frame = frames[i];
            const uint64_t before = found(walkers);
            frames[i] = frame->next;
            is_up = is_up && deliver(walkers, &walkers->nodes[1 - i], frame);
            take_effects(walkers, &walkers->nodes[1 - i]);
            walkers->last_found = found(walkers) > before ? walkers->rounds : walkers->last_found;
            free(frame->bytes);
            free(frame);
        }
    }
    if (!is_up) {
        walkers_link(walkers);
    }
}

void walkers_run(struct walkers *walkers, uint32_t rounds_max)
{
    for (uint32_t i = 0; i < rounds_max; i++) {
        pass_messages(walkers);
        const uint64_t before = found(walkers);
        wake_all(walkers);
        walkers->last_found = found(walkers) > before ? walkers->rounds : walkers->last_found;
        pass_records(walkers, 0);
        pass_records(walkers, 1);
        if (walkers->nodes[0].out != NULL || walkers->nodes[1].out != NULL) {
            continue;
        }
        const uint64_t ours_ms = walkers->nodes[0].wake_ms, theirs_ms = walkers->nodes[1].wake_ms;
        const uint64_t next_ms = ours_ms < theirs_ms ? ours_ms : theirs_ms;
        if (next_ms == UINT64_MAX) {
            return;
        }
        walkers->now_ms = next_ms > walkers->now_ms ? next_ms : walkers->now_ms;
        wake_all(walkers);
    }
}

void walkers_say(struct walkers *walkers, uint32_t node, const struct kr_message *message)
{
    struct kr_step step = step_of(walkers, &walkers->nodes[node]);
    KR_ASSERT(kr_link_send(&step, walkers->nodes[node].link, message) == KR_OK);
    take_effects(walkers, &walkers->nodes[node]);
}

/* ---- looking ---- */

bool walkers_are_equal(struct walkers *walkers)
{
    uint8_t roots[2][32];
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t count;
        KR_ASSERT(kr_store_tree_root(walkers->nodes[i].txn, &walkers->scope, 0, roots[i], &count) == KR_OK);
    }
    return memcmp(roots[0], roots[1], 32) == 0;
}

uint64_t walkers_count(struct walkers *walkers, uint32_t node)
{
    uint8_t root[32];
    uint64_t count = 0;
    KR_ASSERT(kr_store_tree_root(walkers->nodes[node].txn, &walkers->scope, 0, root, &count) == KR_OK);
    return count;
}
