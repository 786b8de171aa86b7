/* Power cuts: a store works on a disk that keeps a record of writes and syncs (power_disk.h); images that a cut may leave are made
 * from that, at any moment, and opened. Whatever was committed must be there, whole, and of the transaction under way all or
 * nothing.
 *
 *     test_store_power                                   as a test
 *     test_store_power forgetful                         demands that a disk which forgets its syncs is found out
 *     test_store_power worlds N [first seed [cuts]]      for long; prints figures as JSON */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "power_disk.h"
#include "store_test.h"

#define TRANSACTIONS  50u
#define FEW_VALUES    300u   /* terms of ordinary reports */
#define MANY_VALUES   10000u /* the first value of large batches */
#define RUN_TERMS     2100u  /* a batch that becomes a run of its own */
#define BATCHES_MAX   7u     /* enough for a merge */
#define KEYS          30u
#define SCOPE_ENTRIES 1024u

static const struct kr_scope scope = {.kind = KR_SCOPE_CLEAR};

/* What a reader sees: one hash for a commit. */
struct view {
    uint8_t hash[KR_HASH_BYTES];
};
/* What the keyring has, which is safe before the store is told: the storage key of this generation, and the one before it. */
struct keys {
    uint8_t generation;
    bool has_old;
};
struct commit {
    size_t calls; /* made by the disk when it had returned */
    struct view view;
    struct keys keys; /* until the next returns */
};

struct world {
    struct fixture *fixture;
    struct kr_rng rng;
    uint64_t next_record;
    uint32_t batches, purges, merges;
    struct keys keys;
    bool is_rekeyed; /* by the transaction under way */
    uint32_t rekeyed;
    struct commit commits[TRANSACTIONS + 1]; /* the first: the store was opened */
    uint32_t commit_count;
};

static uint32_t below(struct world *world, uint32_t bound)
{
    return (uint32_t)kr_rng_below(&world->rng, bound);
}

/* ---- views ---- */

static bool see_hit(void *context, uint64_t arrival, uint16_t position)
{
    kr_hash_update(context, &arrival, sizeof arrival);
    kr_hash_update(context, &position, sizeof position);
    return true;
}

static bool see_value(void *context, struct kr_slice key, struct kr_slice value)
{
    kr_hash_update(context, key.bytes, key.len);
    kr_hash_update(context, value.bytes, value.len);
    return true;
}

static enum kr_err see_records(struct kr_txn *txn, uint8_t *scratch, struct kr_hash_state *state)
{
    struct kr_head head = {.arrival = 0};
    enum kr_err err = KR_OK;
    while (err == KR_OK) {
        uint8_t *bytes = NULL;
        size_t len = 0;
        err = kr_store_head_next(txn, head.arrival + 1, false, &head, scratch);
        if (err == KR_OK) {
            err = kr_store_record_get(txn, head.arrival, &bytes, &len);
        }
        if (err == KR_OK) {
            kr_hash_update(state, &head.arrival, sizeof head.arrival);
            kr_hash_update(state, &head.state, sizeof head.state);
            kr_hash_update(state, head.id, sizeof head.id);
            kr_hash_update(state, bytes, len);
        }
        free(bytes);
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

static enum kr_err see_scope(struct kr_txn *txn, struct kr_hash_state *state)
{
    static uint8_t ids[SCOPE_ENTRIES][32];
    uint64_t count = 0;
    uint32_t got = SCOPE_ENTRIES;
    uint8_t hash[32];
    enum kr_err err = kr_store_scope_mark(txn, &scope, &count, hash);
    if (err == KR_OK) {
        err = kr_store_scope_read(txn, &scope, 0, ids, SCOPE_ENTRIES, &got);
    }
    if (err == KR_OK) {
        kr_hash_update(state, hash, sizeof hash);
        kr_hash_update(state, ids, (size_t)got * 32);
    }
    return err;
}

static enum kr_err see(struct kr_store *store, uint8_t *scratch, struct view *ret_view)
{
    struct kr_hash_state state;
    struct kr_store_stat stat = {0};
    struct kr_txn *txn = NULL;
    kr_hash_init(&state, "test view");
    enum kr_err err = kr_store_read_begin(store, &txn);
    if (err != KR_OK) {
        return err;
    }
    err = see_records(txn, scratch, &state);
    if (err == KR_OK) {
        err = see_scope(txn, &state);
    }
    for (uint64_t value = 0; value < MANY_VALUES + BATCHES_MAX * RUN_TERMS && err == KR_OK; value += value < FEW_VALUES ? 1 : 331) {
        err = kr_store_terms_find(txn, 3, &value, sizeof value, see_hit, &state);
    }
    for (uint32_t table = 0; table < KR_TABLE_COUNT && err == KR_OK; table++) {
        err = kr_store_each(txn, (enum kr_table)table, NULL, 0, see_value, &state);
    }
    if (err == KR_OK) {
        err = kr_store_stat(txn, &stat);
    }
    kr_txn_abort(txn);
    const uint64_t counts[] = {stat.records, stat.index_rows, stat.arrivals, stat.runs};
    kr_hash_update(&state, counts, sizeof counts);
    kr_hash_final(&state, ret_view->hash);
    return err;
}

static bool is_same(const struct view *a, const struct view *b)
{
    return memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

/* ---- work ---- */

static void put_records(struct world *world, struct kr_txn *txn)
{
    for (uint32_t count = 1 + below(world, 4); count > 0; count--) {
        struct kr_term_entry terms[4];
        uint8_t id[32];
        uint64_t entry = 0, arrival = put_sample(txn, world->next_record);
        for (uint32_t i = 0; i < 4; i++) {
            terms[i] = sample_term(world->fixture->store, below(world, FEW_VALUES), arrival, (uint16_t)i);
        }
        assert_int_equal(kr_store_terms_put(txn, terms, 4), KR_OK);
        sample_id(world->next_record, id);
        assert_int_equal(append_id(txn, &scope, id, &entry), KR_OK);
        world->next_record++;
    }
}

static void put_batch(struct world *world, struct kr_txn *txn)
{
    static struct kr_term_entry terms[RUN_TERMS];
    uint64_t arrival = put_sample(txn, world->next_record++);
    for (uint32_t i = 0; i < RUN_TERMS; i++) {
        terms[i] = sample_term(world->fixture->store, MANY_VALUES + world->batches * RUN_TERMS + i, arrival, (uint16_t)i);
    }
    assert_int_equal(kr_store_terms_put(txn, terms, RUN_TERMS), KR_OK);
    world->batches++;
}

static void purge_some(struct world *world, struct kr_txn *txn)
{
    for (uint32_t count = 1 + below(world, 10); count > 0 && world->next_record > 0; count--) {
        uint8_t id[32];
        uint64_t arrival = 0;
        sample_id(below(world, (uint32_t)world->next_record), id);
        if (kr_store_record_find(txn, id, &arrival) == KR_OK) {
            struct kr_slice kept = {(const uint8_t *)"header", below(world, 2) == 0 ? 6 : 0};
            assert_int_equal(kr_store_record_purge(txn, arrival, kept), KR_OK);
            world->purges++;
        }
    }
}

static void put_values(struct world *world, struct kr_txn *txn)
{
    uint8_t value[3000];
    for (uint32_t count = 1 + below(world, 10); count > 0; count--) {
        uint32_t key = below(world, KEYS);
        enum kr_err err = KR_OK;
        if (below(world, 4) == 0) {
            err = kr_store_delete(txn, KR_TABLE_MARKS, &key, sizeof key);
        } else {
            kr_rng_bytes(&world->rng, value, sizeof value);
            err = kr_store_put(txn, KR_TABLE_MARKS, &key, sizeof key, value, 1 + below(world, sizeof value - 1));
        }
        assert_true(err == KR_OK || err == KR_NOT_FOUND);
    }
}

static void work(struct world *world, struct kr_txn *txn)
{
    bool more = false;
    switch (below(world, 8)) {
    case 0:
        purge_some(world, txn);
        break;
    case 1:
        put_values(world, txn);
        break;
    case 2:
        assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
        world->merges += more;
        break;
    case 3:
        if (world->batches < BATCHES_MAX) {
            put_batch(world, txn);
            break;
        } /* fall through */
    default:
        put_records(world, txn);
    }
}

/* ---- the storage key ---- */

#define REKEY_VALUES 9u /* in a slice */

static void key_of(uint8_t generation, uint8_t ret_key[static 32])
{
    memset(ret_key, 0x51 + generation, 32);
}

/* `keys` has room for both. */
static struct kr_store_options options_with(const struct world *world, const struct keys *has, uint8_t (*keys)[32])
{
    struct kr_store_options options = world->fixture->options;
    key_of(has->generation, keys[0]);
    key_of((uint8_t)(has->generation - has->has_old), keys[1]);
    options.storage_key = keys[0];
    options.old_storage_key = has->has_old ? keys[1] : NULL;
    return options;
}

static void rekey_some(struct world *world, struct kr_txn *txn)
{
    struct kr_rekey rekey = {0};
    world->is_rekeyed = false;
    if (world->keys.has_old) {
        assert_int_equal(kr_store_rekey_slice(txn, 1, REKEY_VALUES, &rekey), KR_OK);
        world->is_rekeyed = rekey.is_done;
    }
}

/* Between transactions: what the last one made durable is done with, or it begins. */
static void turn_keys(struct world *world)
{
    if (world->is_rekeyed) {
        world->keys.has_old = world->is_rekeyed = false;
        world->rekeyed++;
        kr_store_rekey_end(world->fixture->store);
    } else if (!world->keys.has_old && below(world, 4) == 0) {
        uint8_t key[32];
        key_of(++world->keys.generation, key);
        world->keys.has_old = true;
        kr_store_rekey_begin(world->fixture->store, key);
    }
    world->commits[world->commit_count - 1].keys = world->keys;
}

static void reopen(struct world *world)
{
    uint8_t keys[2][32];
    const struct kr_store_options options = options_with(world, &world->keys, keys);
    fixture_close(world->fixture);
    assert_int_equal(kr_store_open(&options, &world->fixture->store, NULL), KR_OK);
}

static void note_commit(struct world *world)
{
    struct commit *now = &world->commits[world->commit_count++];
    now->calls = disk_calls();
    now->keys = world->keys;
    assert_int_equal(see(world->fixture->store, world->fixture->scratch, &now->view), KR_OK);
}

/* Works and records. The map begins so small that it has to grow, after each opening anew. */
static struct world *world_new(uint64_t seed, enum disk_fault fault)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->fixture = calloc(1, sizeof *world->fixture);
    assert_non_null(world->fixture);
    uint8_t seed_bytes[32];
    kr_hash(seed_bytes, "test power seed", &seed, sizeof seed);
    kr_rng_init(&world->rng, seed_bytes);
    fixture_prepare(world->fixture, false);
    world->fixture->options.map_bytes = KR_MIB;
    disk_record_begin(fault);
    fixture_open(world->fixture);
    note_commit(world);
    while (world->commit_count <= TRANSACTIONS) {
        struct kr_txn *txn = write_begin(world->fixture);
        for (uint32_t events = 1 + below(world, 3); events > 0; events--) {
            work(world, txn);
        }
        rekey_some(world, txn);
        if (below(world, 10) == 0) {
            kr_txn_abort(txn);
            world->is_rekeyed = false;
        } else {
            commit(txn);
            note_commit(world);
        }
        turn_keys(world);
        if (below(world, 16) == 0) {
            reopen(world);
        }
    }
    fixture_close(world->fixture);
    disk_record_end();
    return world;
}

static void world_free(struct world *world)
{
    remove_tree(world->fixture->dir);
    free(world->fixture);
    free(world);
}

/* ---- what is left ---- */

/* A cut: so many calls were made, of which the last may not have returned; this commit was the last to return. Before the first,
 * while the store was made, nothing was promised: it may be empty, or refused. */
struct cut {
    size_t calls;
    uint32_t commit;
    bool is_before_first;
    bool is_last_under_way;
    bool goes_on; /* whether the store is also written to */
};

enum outcome { SHOWS_COMMITTED, SHOWS_NEXT, REFUSED, FAULTY };
struct verdict {
    enum outcome outcome;
    char text[600];
};

static void find_fault(void *context, const char *sentence)
{
    struct verdict *verdict = context;
    verdict->outcome = FAULTY;
    (void)snprintf(verdict->text, sizeof verdict->text, "verify: %s", sentence);
}

static void fault(struct verdict *verdict, const char *what, enum kr_err err)
{
    verdict->outcome = FAULTY;
    (void)snprintf(verdict->text, sizeof verdict->text, "%s: %s", what, kr_err_name(err));
}

static void verify(struct kr_store *store, struct verdict *verdict)
{
    uint64_t cursor = 0, checked = 0;
    bool is_done = false;
    struct kr_txn *txn = NULL;
    enum kr_err err = kr_store_read_begin(store, &txn);
    while (err == KR_OK && !is_done) {
        err = kr_store_verify(txn, &cursor, find_fault, verdict, &checked, &is_done);
    }
    kr_txn_abort(txn);
    if (err != KR_OK) {
        fault(verdict, "verify", err);
    }
}

static void go_on(struct kr_store *store, struct verdict *verdict)
{
    struct kr_txn *txn = NULL;
    const uint8_t bytes[3000] = {1};
    struct kr_head head = sample_head(UINT32_MAX);
    enum kr_err err = kr_store_write_begin(store, &txn);
    if (err == KR_OK) {
        err = kr_store_record_put(txn, &head, (struct kr_slice){bytes, sizeof bytes});
    }
    if (err == KR_OK) {
        err = kr_txn_commit(txn);
    }
    if (err != KR_OK) {
        fault(verdict, "going on", err);
    } else {
        verify(store, verdict);
    }
}

static void examine(const struct world *world, const struct cut *cut, struct verdict *verdict)
{
    static uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_store *store = NULL;
    struct kr_error error = {{0}};
    struct view view;
    uint8_t keys[2][32];
    const struct kr_store_options options = options_with(world, &world->commits[cut->commit].keys, keys);
    enum kr_err err = kr_store_open(&options, &store, &error);
    if (err == KR_CORRUPT && cut->is_before_first) {
        verdict->outcome = REFUSED;
        return;
    }
    if (err != KR_OK) {
        fault(verdict, error.text, err);
        return;
    }
    err = see(store, scratch, &view);
    uint32_t next = cut->commit + 1 < world->commit_count ? cut->commit + 1 : cut->commit;
    if (err != KR_OK) {
        fault(verdict, "reading", err);
    } else if (is_same(&view, &world->commits[cut->commit].view)) {
        verdict->outcome = SHOWS_COMMITTED;
    } else if (is_same(&view, &world->commits[next].view)) {
        verdict->outcome = SHOWS_NEXT;
    } else {
        fault(verdict, "neither what was committed nor the next", KR_CORRUPT);
    }
    if (verdict->outcome != FAULTY) {
        verify(store, verdict);
    }
    if (verdict->outcome != FAULTY && cut->goes_on) {
        go_on(store, verdict);
    }
    kr_store_close(store);
}

/* In a process of its own: LMDB trusts its file, so a bad image may well kill who opens it. */
static struct verdict judge(const struct world *world, const struct cut *cut, const struct disk_image *image, bool is_quiet)
{
    char path[300];
    struct verdict verdict, *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    (void)snprintf(path, sizeof path, "%s/data.mdb", world->fixture->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), status = 0;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, image->bytes, image->len), image->len);
    (void)close(fd);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (is_quiet) {
            (void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        }
        examine(world, cut, shared);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    verdict = *shared;
    (void)munmap(shared, sizeof *shared);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        verdict.outcome = FAULTY;
        (void)snprintf(verdict.text, sizeof verdict.text, "killed whoever opened it (wait status %#x)", (unsigned)status);
    }
    return verdict;
}

/* ---- cuts ---- */

static int compare_cuts(const void *left, const void *right)
{
    const struct cut *a = left, *b = right;
    /* Where nothing is under way more is certain, so that comes last. */
    return a->calls != b->calls ? (a->calls > b->calls) - (a->calls < b->calls) : b->is_last_under_way - a->is_last_under_way;
}

/* All commits alike, large or small; a quarter of the cuts in the last write of one, its meta page, a quarter behind it. */
static struct cut choose_cut(struct world *world)
{
    struct cut cut = {.commit = below(world, world->commit_count), .goes_on = below(world, 4) == 0};
    size_t first = world->commits[cut.commit].calls;
    size_t last = cut.commit + 1 < world->commit_count ? world->commits[cut.commit + 1].calls : disk_calls();
    uint32_t where = below(world, 4);
    if (cut.commit == 0 && below(world, 2) == 0) {
        cut.is_before_first = true;
        last = first;
        first = 0;
    }
    cut.calls = where == 0 ? first : where == 1 ? last : first + below(world, (uint32_t)(last - first) + 1);
    cut.is_last_under_way = cut.calls > first && (cut.calls == last || below(world, 2) == 0);
    return cut;
}

static void choose_cuts(struct world *world, struct cut *ret_cuts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ret_cuts[i] = choose_cut(world);
    }
    qsort(ret_cuts, count, sizeof ret_cuts[0], compare_cuts);
}

struct tally {
    uint64_t images, committed, next, refused, faulty;
    struct cut first_cut; /* of the first fault */
    struct verdict first;
};

static void cut_world(struct world *world, size_t count, bool is_quiet, struct tally *tally)
{
    static const uint32_t chances[] = {0, 1, 8, 15, 16};
    struct disk_replay replay = {0};
    struct cut *cuts = calloc(count, sizeof cuts[0]);
    assert_non_null(cuts);
    choose_cuts(world, cuts, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t keep = chances[below(world, sizeof chances / sizeof chances[0])];
        const struct disk_image *image = disk_cut(&replay, cuts[i].calls, cuts[i].is_last_under_way, keep, &world->rng);
        struct verdict verdict = judge(world, &cuts[i], image, is_quiet);
        tally->images++;
        tally->committed += verdict.outcome == SHOWS_COMMITTED;
        tally->next += verdict.outcome == SHOWS_NEXT;
        tally->refused += verdict.outcome == REFUSED;
        if (verdict.outcome == FAULTY && tally->faulty++ == 0) {
            tally->first_cut = cuts[i];
            tally->first = verdict;
        }
    }
    free(cuts);
    disk_replay_deinit(&replay);
}

static void assert_recorded(const struct world *world)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/data.mdb", world->fixture->dir);
    assert_true(disk_is_complete(path));
}

/* ---- tests ---- */

#ifndef CUTS
#define CUTS 200u
#endif

static void what_was_committed_survives(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct world *world = world_new(1, DISK_HONEST);
    assert_recorded(world);
    assert_true(world->batches > 4 && world->merges > 0 && world->purges > 5 && world->rekeyed > 0);
    for (uint32_t i = 1, changed = 0; i <= TRANSACTIONS; i++) {
        changed += !is_same(&world->commits[i].view, &world->commits[i - 1].view);
        assert_true(i < TRANSACTIONS || changed > TRANSACTIONS * 3 / 4); /* else a view tells nothing */
    }
    cut_world(world, CUTS, false, &tally);
    if (tally.faulty > 0) {
        fail_msg("%s (commit %u, call %zu)", tally.first.text, tally.first_cut.commit, tally.first_cut.calls);
    }
    assert_true(tally.committed > CUTS / 2 && tally.next > CUTS / 20);
    world_free(world);
}

static void is_found_out(enum disk_fault fault)
{
    struct tally tally = {0};
    struct world *world = world_new(1, fault);
    assert_recorded(world);
    cut_world(world, CUTS / 5, true, &tally);
    print_message("%u of %u images are faulty; the first: %s\n", (unsigned)tally.faulty, (unsigned)tally.images, tally.first.text);
    assert_true(tally.faulty > 0);
    world_free(world);
}

static void a_disk_that_forgets_syncs_is_found_out(void **state)
{
    (void)state;
    is_found_out(DISK_FORGETS_SYNC);
}

static void a_disk_that_forgets_synchronous_writes_is_found_out(void **state)
{
    (void)state;
    is_found_out(DISK_FORGETS_DSYNC);
}

/* ---- for long ---- */

static uint64_t arg_worlds = 1, arg_seed = 1, arg_cuts = CUTS;

static void many_worlds(void **state)
{
    (void)state;
    struct tally tally = {0};
    uint64_t commits = 0, calls = 0;
    for (uint64_t seed = arg_seed; seed < arg_seed + arg_worlds; seed++) {
        struct world *world = world_new(seed, DISK_HONEST);
        assert_recorded(world);
        commits += world->commit_count;
        calls += disk_calls();
        cut_world(world, arg_cuts, false, &tally);
        if (tally.faulty > 0) {
            fail_msg("seed %llu: %s (commit %u, call %zu)", (unsigned long long)seed, tally.first.text, tally.first_cut.commit,
                     tally.first_cut.calls);
        }
        world_free(world);
    }
    printf("{\"worlds\": %llu, \"first_seed\": %llu, \"commits\": %llu, \"calls\": %llu, \"images\": %llu, \"committed\": %llu, "
           "\"next\": %llu, \"refused\": %llu, \"faulty\": %llu}\n",
           (unsigned long long)arg_worlds, (unsigned long long)arg_seed, (unsigned long long)commits, (unsigned long long)calls,
           (unsigned long long)tally.images, (unsigned long long)tally.committed, (unsigned long long)tally.next,
           (unsigned long long)tally.refused, (unsigned long long)tally.faulty);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest honest[] = {cmocka_unit_test(what_was_committed_survives)};
    const struct CMUnitTest forgetful[] = {cmocka_unit_test(a_disk_that_forgets_syncs_is_found_out),
                                           cmocka_unit_test(a_disk_that_forgets_synchronous_writes_is_found_out)};
    const struct CMUnitTest worlds[] = {cmocka_unit_test(many_worlds)};
    if (argc == 2 && strcmp(argv[1], "forgetful") == 0) {
        return cmocka_run_group_tests(forgetful, NULL, NULL);
    }
    if (argc >= 3 && strcmp(argv[1], "worlds") == 0) {
        arg_worlds = strtoull(argv[2], NULL, 10);
        arg_seed = argc > 3 ? strtoull(argv[3], NULL, 10) : arg_seed;
        arg_cuts = argc > 4 ? strtoull(argv[4], NULL, 10) : arg_cuts;
        return cmocka_run_group_tests(worlds, NULL, NULL);
    }
    return cmocka_run_group_tests(honest, NULL, NULL);
}
