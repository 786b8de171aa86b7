/* A newcomer: from the moment when it is told to join until it has every record of another node, verified and durable. */
#include <string.h>

#include "bench.h"
#include "flood.h"
#include "limits.h"

#define BODY_BYTES     300u
#define AUTHOR_RECORDS 125000u /* of one author, at most */
#define LOOK_RECORDS   1000u   /* after so many the memory of both is looked at */
#define VERIFY_WHAT    "Ed25519 verifications a second on one core"

static uint64_t records_at(const struct node *node)
{
    struct conn conn;
    conn_open(&conn, node->socket);
    uint64_t records = conn_status(&conn).records;
    conn_close(&conn);
    return records;
}

/* The largest that was seen. */
struct memory {
    const struct node *nodes[2];
    double max_bytes[2];
};

static void look(struct memory *memory)
{
    for (size_t i = 0; memory != NULL && i < 2; i++) {
        const double bytes = (double)node_rss_anon_bytes(memory->nodes[i]);
        memory->max_bytes[i] = bytes > memory->max_bytes[i] ? bytes : memory->max_bytes[i];
    }
}

/* Until `node`, watched, has at least so many records in committed transactions. `memory` is looked at meanwhile; may be NULL. */
static void await_records_seen(struct conn *watch, uint64_t target, struct memory *memory)
{
    for (uint64_t records = conn_status(watch).records; records < target; records = conn_status(watch).records) {
        const uint64_t left = target - records, all = left < 256 ? 1 : left - 128;
        conn_wait_for_items(watch, (uint32_t)(memory != NULL && all > LOOK_RECORDS ? LOOK_RECORDS : all));
        look(memory);
    }
}

static void await_records(struct conn *watch, uint64_t target)
{
    await_records_seen(watch, target, NULL);
}

static void submit_all(const struct node *node, uint32_t count, uint64_t base, const uint8_t *audience)
{
    static struct flood flood;
    flood_open(&flood, node, count, base, audience, BODY_BYTES);
    flood_run(&flood);
    flood_close(&flood);
}

static void say(const struct bench_options *options, const char *name, uint32_t count, uint64_t begin_us, double before,
                uint32_t verifications, double goal)
{
    double rate = count * 1e6 / (double)(bench_now_us() - begin_us);
    double limit = (before + limit_verify_rate(verifications)) / 2;
    bench_say(options, &(struct bench_line){"replicate", name, "records/s", rate, limit, VERIFY_WHAT, goal, true});
}

/* No node signs more than KR_SIGNED_DAY_MAX a day: of more than that, each part has an author of its own, who is gone afterwards.
 */
static void fill(const struct node *first, uint32_t count)
{
    for (uint32_t from = 0, part; from < count; from += part) {
        struct node author;
        struct conn conn;
        part = count - from < AUTHOR_RECORDS ? count - from : AUTHOR_RECORDS;
        if (from == 0) {
            submit_all(first, part, 1000000, NULL);
            continue;
        }
        node_make(&author, "author", NULL);
        node_link(first, &author);
        const uint64_t target = records_at(first) + part;
        submit_all(&author, part, 1000000 + from, NULL);
        conn_open(&conn, first->socket); /* not before: nobody would read what it is told meanwhile */
        conn_watch(&conn);
        await_records(&conn, target);
        conn_close(&conn);
        node_remove(&author);
    }
}

static void say_memory(const struct bench_options *options, const char *name, double bytes)
{
    bench_say(options, &(struct bench_line){"replicate", name, "MiB", bytes / 1048576, 64, "64 MiB", 1, false});
}

/* It joins after all was said: invitation, handshakes, welcome and directory are within the time. */
static void replicate_green(const struct bench_options *options, uint32_t count, uint32_t verifications)
{
    struct node first, newcomer;
    struct conn watch;
    node_make(&first, "first", "Bench");
    fill(&first, count);
    node_make(&newcomer, "newcomer", NULL);
    conn_open(&watch, newcomer.socket);
    conn_watch(&watch);
    const uint64_t target = conn_status(&watch).records + count;
    const double before = limit_verify_rate(verifications);
    struct memory memory = {.nodes = {&first, &newcomer}};
    const uint64_t begin_us = bench_now_us();
    node_link(&first, &newcomer);
    await_records_seen(&watch, target, &memory);
    say(options, "GREEN", count, begin_us, before, verifications, 0.6);
    say_memory(options, "GREEN, who has all, maximum", memory.max_bytes[0]);
    say_memory(options, "GREEN, newcomer, maximum", memory.max_bytes[1]);
    conn_close(&watch);
    node_remove(&newcomer);
    node_remove(&first);
}

/* What is sealed to a council can be written only once it is known: it has joined and is stopped while all is said. The time begins
 * with the first record, because a dialler may be in the middle of a pause. */
static void replicate_amber(const struct bench_options *options, uint32_t count, uint32_t verifications)
{
    struct node first, newcomer;
    struct conn watch;
    uint8_t council[32];
    node_make(&first, "first", "Bench");
    node_make(&newcomer, "newcomer", NULL);
    node_link(&first, &newcomer);
    conn_open(&watch, newcomer.socket);
    struct kr_status status = conn_status(&watch);
    memcpy(council, status.council, sizeof council);
    conn_close(&watch);
    const uint64_t target = records_at(&newcomer) + count;
    node_stop(&newcomer);
    submit_all(&first, count, 2000000, council);
    const double before = limit_verify_rate(verifications);
    node_start(&newcomer);
    conn_open(&watch, newcomer.socket);
    conn_watch(&watch);
    conn_wait_for_items(&watch, 1);
    const uint64_t begin_us = bench_now_us();
    const uint32_t left = (uint32_t)(target - conn_status(&watch).records);
    await_records(&watch, target);
    say(options, "AMBER", left, begin_us, before, verifications, 0.5);
    conn_close(&watch);
    node_remove(&newcomer);
    node_remove(&first);
}

void bench_replicate(const struct bench_options *options)
{
    const uint32_t count = options->records > 0 ? options->records : options->is_small ? 500 : 100000;
    const uint32_t verifications = options->is_small ? 100 : 5000;
    replicate_green(options, count, verifications);
    if (count <= AUTHOR_RECORDS) { /* more are not signed in a day, and a council has its AMBER ones of its own */
        replicate_amber(options, count, verifications);
    }
}
