/* Honest records beside a linked peer that floods its link: how long they take then, and before and after, in turns. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "flood.h"
#include "indicators.h"
#include "node.h"
#include "node/net/channel.h"

#define WARM        20u
#define LARGE_BYTES (24u * KR_KIB)
#define CHUNK       200u /* records that the flooder's own client has under way at most, before it looks whether it is over */
#define SETTLE_MAX  2000u
#define OWN_BASE    UINT64_C(1000000000)

/* The attacked node dials the author, for such links are read after those that came in; the other two dial it. */
static struct node pair[2], third, flooder;
static struct node *attacked, *author;
static uint8_t attacked_council[32];
static const _Atomic(uint64_t) *sent; /* by the flooder so far: frames, bytes */

enum way { TO_NODE, THROUGH, ANALYST, LARGE, WAYS };
static const char *const way_names[WAYS] = {"a peer's record", "a peer's record at a third", "an analyst's", "a peer's large one"};

struct conns {
    struct conn author, analyst, watch, third;
    uint64_t number;
};

/* Of one case: all samples of each way, and what the flooder sent meanwhile. */
struct samples {
    double *us[WAYS], *flood_bytes[WAYS];
    size_t count;
};

static struct samples samples_new(size_t max)
{
    struct samples samples = {.count = 0};
    for (size_t i = 0; i < WAYS; i++) {
        samples.us[i] = calloc(max, sizeof(double));
        samples.flood_bytes[i] = calloc(max, sizeof(double));
        BENCH_MUST(samples.us[i] != NULL && samples.flood_bytes[i] != NULL);
    }
    return samples;
}

static void samples_free(struct samples *samples)
{
    for (size_t i = 0; i < WAYS; i++) {
        free(samples->us[i]);
        free(samples->flood_bytes[i]);
    }
}

/* ---- one record ---- */

static void submit(struct conn *conn, uint64_t number, uint32_t body_bytes)
{
    struct kr_submit submit;
    report_one(&submit, number, NULL, body_bytes);
    conn_submit(conn, 10 + number, &submit);
    free((void *)(uintptr_t)submit.body.bytes);
}

struct moment {
    uint64_t us, flood_bytes;
};

static struct moment now(void)
{
    return (struct moment){bench_now_us(), atomic_load(&sent[1])};
}

/* One of the peer's, one of the node's own analyst, and a large one of the peer's, which is bulk in both nodes, each until all have
 * it. `samples` NULL: not counted. */
static double sample(struct conns *conns, struct samples *samples)
{
    struct moment begin[WAYS], end[WAYS];
    uint64_t number = conns->number++;
    begin[TO_NODE] = begin[THROUGH] = now();
    submit(&conns->author, number, 0);
    conn_wait_for_title(&conns->watch, number);
    end[TO_NODE] = now();
    conn_wait_for_title(&conns->third, number);
    end[THROUGH] = now();
    conn_expect_end(&conns->author, 10 + number);
    number = conns->number++;
    begin[ANALYST] = now();
    submit(&conns->analyst, number, 0);
    conn_expect_end(&conns->analyst, 10 + number);
    end[ANALYST] = now();
    conn_wait_for_title(&conns->third, number);
    number = conns->number++;
    begin[LARGE] = now();
    submit(&conns->author, number, LARGE_BYTES);
    conn_wait_for_title(&conns->watch, number);
    end[LARGE] = now();
    conn_wait_for_title(&conns->third, number);
    conn_expect_end(&conns->author, 10 + number);
    for (size_t i = 0; samples != NULL && i < WAYS; i++) {
        samples->us[i][samples->count] = (double)(end[i].us - begin[i].us);
        samples->flood_bytes[i][samples->count] = (double)(end[i].flood_bytes - begin[i].flood_bytes);
    }
    if (samples != NULL) {
        samples->count++;
    }
    return (double)(end[THROUGH].us - begin[THROUGH].us);
}

/* ---- the flood ---- */

/* What the flooder's own client submits: records for the attacked node alone. */
struct own {
    pthread_t thread;
    atomic_bool is_over;
    uint64_t count;
};

static void *submit_own(void *context)
{
    static struct flood flood;
    struct own *own = context;
    while (!atomic_load(&own->is_over)) {
        flood_open(&flood, &flooder, CHUNK, OWN_BASE + own->count, attacked_council, 0);
        flood_run(&flood);
        flood_close(&flood);
        own->count += CHUNK;
    }
    return NULL;
}

/* `what`: as the flooder takes it, or NULL: its own records. */
static void flood_begin(const char *what, struct own *own)
{
    char path[340];
    if (what == NULL) {
        atomic_store(&own->is_over, false);
        BENCH_MUST(pthread_create(&own->thread, NULL, submit_own, own) == 0);
        return;
    }
    (void)snprintf(path, sizeof path, "%s/flood", flooder.directory);
    FILE *file = fopen(path, "we");
    BENCH_MUST(file != NULL && fputs(what, file) >= 0 && fclose(file) == 0);
}

static void flood_end(const char *what, struct own *own)
{
    char path[340];
    if (what == NULL) {
        atomic_store(&own->is_over, true);
        BENCH_MUST(pthread_join(own->thread, NULL) == 0);
        return;
    }
    (void)snprintf(path, sizeof path, "%s/flood", flooder.directory);
    BENCH_MUST(unlink(path) == 0);
}

/* What the flooder has sent, of what `flood_begin` names; of its own records it says nothing. */
static void map_sent(void)
{
    char path[340];
    (void)snprintf(path, sizeof path, "%s/flooded", flooder.directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    BENCH_MUST(fd >= 0);
    sent = mmap(NULL, 2 * sizeof *sent, PROT_READ, MAP_SHARED, fd, 0);
    BENCH_MUST(sent != MAP_FAILED);
    (void)close(fd);
}

/* What is under way is dealt with: ten in a row take no longer than the slower half of the quiet ones, or nearly so. */
static void settle(struct conns *conns, const struct samples *quiet)
{
    double *values = malloc(quiet->count * sizeof *values);
    BENCH_MUST(values != NULL);
    memcpy(values, quiet->us[THROUGH], quiet->count * sizeof *values);
    const double most_us = 1.5 * bench_percentile(values, quiet->count, 90);
    uint32_t row = 0;
    for (uint32_t i = 0; row < 10 && i < SETTLE_MAX; i++) {
        row = sample(conns, NULL) <= most_us ? row + 1 : 0;
    }
    free(values);
}

/* ---- the nodes ---- */

static bool dials(const struct node *node)
{
    struct conn conn;
    struct kr_writer args;
    struct kr_peer peer = {0};
    conn_open(&conn, node->socket);
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    conn_request(&conn, 1, KR_OP_PEERS, &args, 100);
    do {
        conn_next(&conn);
        BENCH_MUST(conn.frame.type != KR_CLIENT_PAGE || kr_peer_read(conn.frame.items[0], &peer) == KR_OK);
    } while (conn.frame.type != KR_CLIENT_END);
    const bool we_dial = peer.we_dial;
    conn_close(&conn);
    return we_dial;
}

static void nodes_make(struct conns *conns, bool is_small)
{
    node_make(&pair[0], "first", "Bench");
    node_make(&pair[1], "second", NULL);
    node_make_outgoing(&third, "third");
    node_make_outgoing(&flooder, "flooder");
    node_link(&pair[0], &pair[1]);
    attacked = dials(&pair[0]) ? &pair[0] : &pair[1];
    author = attacked == &pair[0] ? &pair[1] : &pair[0];
    node_link(attacked, &third);
    node_link(attacked, &flooder);
    node_stop(&flooder);
    const char *named = getenv("FLOODING_KAIRAND");
    flooder.program = named != NULL ? named : FLOODING_KAIRAND;
    /* In life it has a machine of its own: what is measured is not who gets the processor. But where little is measured on a busy
     * machine, it would not get it at all. */
    BENCH_MUST(is_small || setenv("FLOOD_NICE", "1", 1) == 0);
    node_start(&flooder);
    map_sent();
    conn_open(&conns->author, author->socket);
    conn_open(&conns->analyst, attacked->socket);
    const struct kr_status status = conn_status(&conns->analyst);
    memcpy(attacked_council, status.council, sizeof attacked_council);
    conn_open(&conns->watch, attacked->socket);
    conn_watch(&conns->watch);
    conn_open(&conns->third, third.socket);
    conn_watch(&conns->third);
}

static void nodes_remove(struct conns *conns)
{
    conn_close(&conns->author);
    conn_close(&conns->analyst);
    conn_close(&conns->watch);
    conn_close(&conns->third);
    node_remove(&flooder);
    node_remove(&third);
    node_remove(&pair[1]);
    node_remove(&pair[0]);
}

/* ---- all of it ---- */

static void say(const struct bench_options *options, const char *flood, struct samples *quiet, struct samples *busy)
{
    static const struct {
        double percent, goal;
        const char *name;
    } marks[] = {{50, 3, "p50"}, {99, 10, "p99"}};
    for (size_t way = 0; way < WAYS; way++) {
        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
            char name[96];
            const double goal = way == LARGE ? 0 : marks[i].goal; /* it is to arrive; that it comes behind small ones is meant */
            (void)snprintf(name, sizeof name, "%s: %s, %s", flood, way_names[way], marks[i].name);
            bench_say(options,
                      &(struct bench_line){"flood", name, "us", bench_percentile(busy->us[way], busy->count, marks[i].percent),
                                           bench_percentile(quiet->us[way], quiet->count, marks[i].percent),
                                           "the same without the flood, in turns", goal, false});
        }
    }
}

/* How much of a flood it was, and how much of it went before an honest record: however slow the machine, that is what the node made
 * of it. */
static void say_flood(const struct bench_options *options, const char *flood, double frames_a_second, double bytes_a_second,
                      struct samples *busy)
{
    char name[96];
    (void)snprintf(name, sizeof name, "%s: frames that came in", flood);
    bench_say(options,
              &(struct bench_line){"flood", name, "frames/s", frames_a_second, bytes_a_second / KR_MIB, "MiB/s of them", 0, false});
    for (size_t way = 0; way < WAYS; way++) {
        double sum = 0;
        for (size_t i = 0; i < busy->count; i++) {
            sum += busy->flood_bytes[way][i];
        }
        (void)snprintf(name, sizeof name, "%s: of it before %s, mean", flood, way_names[way]);
        bench_say(options,
                  &(struct bench_line){"flood", name, "MiB", sum / (double)busy->count / KR_MIB, (double)KR_CHANNEL_WINDOW / KR_MIB,
                                       "what keeper lets net have under way", 0.25, false});
    }
}

/* All that the flooder submitted is at the attacked node in the end. */
static void say_arrived(const struct bench_options *options, struct conns *conns, uint64_t before, uint64_t count)
{
    const uint64_t expected = before + count, begin_us = bench_now_us();
    uint64_t records = 0, last = 0, moved_us = begin_us;
    do {
        records = conn_status(&conns->analyst).records;
        moved_us = records != last ? bench_now_us() : moved_us;
        last = records;
    } while (records < expected && bench_now_us() - moved_us < 60000000);
    bench_say(options, &(struct bench_line){"flood", "own records: of the flooder's, arrived in the end", "records",
                                            (double)(count - (expected - records)), (double)count, "submitted there", 1, true});
}

struct kind {
    const char *name, *what; /* what: as the flooder takes it; NULL: its own records */
};

/* Quiet and flooded take turns, for the machine's pace changes. */
static void run_kind(const struct bench_options *options, const struct kind *kind, struct conns *conns)
{
    const size_t rounds = options->is_small ? 3 : 20, each = options->is_small ? 15 : 25;
    struct samples quiet = samples_new(rounds * each), busy = samples_new(rounds * each);
    struct own own = {.count = 0};
    double seconds = 0, frames = 0, bytes = 0;
    const uint64_t numbers = conns->number, records = conn_status(&conns->analyst).records;
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < each; i++) {
            (void)sample(conns, &quiet);
        }
        const uint64_t frames_then = atomic_load(&sent[0]);
        flood_begin(kind->what, &own);
        for (size_t i = 0; i < WARM || (kind->what != NULL && atomic_load(&sent[0]) == frames_then && i < SETTLE_MAX); i++) {
            (void)sample(conns, NULL);
        }
        const struct moment begin = now();
        const uint64_t frames_before = atomic_load(&sent[0]);
        for (size_t i = 0; i < each; i++) {
            (void)sample(conns, &busy);
        }
        const struct moment end = now();
        seconds += (double)(end.us - begin.us) / 1e6;
        bytes += (double)(end.flood_bytes - begin.flood_bytes);
        frames += (double)(atomic_load(&sent[0]) - frames_before);
        flood_end(kind->what, &own);
        settle(conns, &quiet);
    }
    say(options, kind->name, &quiet, &busy);
    if (kind->what != NULL) {
        say_flood(options, kind->name, frames / seconds, bytes / seconds, &busy);
    } else {
        say_arrived(options, conns, records + conns->number - numbers, own.count);
    }
    samples_free(&quiet);
    samples_free(&busy);
}

void bench_flood(const struct bench_options *options)
{
    static const struct kind kinds[] = {
        {"own records", NULL}, {"questions", "questions"}, {"words", "words"}, {"garbage", "garbage"}};
    static struct conns conns;
    nodes_make(&conns, options->is_small);
    for (size_t i = 0; i < WARM; i++) {
        (void)sample(&conns, NULL);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        run_kind(options, &kinds[i], &conns);
    }
    nodes_remove(&conns);
}
