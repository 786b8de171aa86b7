/* A newcomer: from the moment when it is told to join until it has every record of another node, verified and durable. */
#include <string.h>

#include "bench.h"
#include "flood.h"
#include "limits.h"

#define BODY_BYTES  300u
#define VERIFY_WHAT "Ed25519 verifications a second on one core"

static uint64_t records_at(const struct node *node)
{
    struct conn conn;
    conn_open(&conn, node->socket);
    uint64_t records = conn_status(&conn).records;
    conn_close(&conn);
    return records;
}

/* Until `node`, watched, has at least so many records in committed transactions. */
static void await_records(struct conn *watch, uint64_t target)
{
    for (uint64_t records = conn_status(watch).records; records < target; records = conn_status(watch).records) {
        const uint64_t left = target - records;
        conn_wait_for_items(watch, (uint32_t)(left < 256 ? 1 : left - 128));
    }
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

/* It joins after all was said: invitation, handshakes, welcome and directory are within the time. */
static void replicate_green(const struct bench_options *options, uint32_t count, uint32_t verifications)
{
    struct node first, newcomer;
    struct conn watch;
    node_make(&first, "first", "Bench");
    submit_all(&first, count, 1000000, NULL);
    node_make(&newcomer, "newcomer", NULL);
    conn_open(&watch, newcomer.socket);
    conn_watch(&watch);
    const uint64_t target = conn_status(&watch).records + count;
    const double before = limit_verify_rate(verifications);
    const uint64_t begin_us = bench_now_us();
    node_link(&first, &newcomer);
    await_records(&watch, target);
    say(options, "GREEN", count, begin_us, before, verifications, 0.6);
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
    const uint32_t count = options->is_small ? 500 : 100000;
    const uint32_t verifications = options->is_small ? 100 : 5000;
    replicate_green(options, count, verifications);
    replicate_amber(options, count, verifications);
}
