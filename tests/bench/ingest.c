/* Records of one indicator, as many as go: what a receiver verifies and stores in a second. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "indicators.h"
#include "limits.h"
#include "node.h"

#define CONNS     4u
#define UNDER_WAY 64u /* a connection */

#define VERIFY_WHAT "Ed25519 verifications a second on one core"
#define SEALED_WHAT "records a second: 1 signature, 2 slots sealed, 1 verification, 1 slot opened, on all cores"

struct flood {
    struct conn conns[CONNS];
    uint32_t sent, ended, count;
    uint64_t base;
    const uint8_t *audience;
};

static void open_flood(struct flood *flood, const struct node *node, uint32_t count, uint64_t base, const uint8_t *audience)
{
    flood->sent = flood->ended = 0;
    flood->count = count;
    flood->base = base;
    flood->audience = audience;
    for (uint32_t i = 0; i < CONNS; i++) {
        conn_open(&flood->conns[i], node->socket);
    }
}

static void close_flood(struct flood *flood)
{
    for (uint32_t i = 0; i < CONNS; i++) {
        conn_close(&flood->conns[i]);
    }
}

static void send_one(struct flood *flood, struct conn *conn)
{
    static struct kr_submit submit;
    report_one(&submit, flood->base + flood->sent, flood->audience);
    conn_submit(conn, 10 + flood->sent, &submit);
    free((void *)(uintptr_t)submit.body.bytes);
    flood->sent++;
}

/* Keeps every connection full until all are durable at the author. */
static void run_flood(struct flood *flood)
{
    struct conn *conns[CONNS];
    for (uint32_t i = 0; i < CONNS; i++) {
        conns[i] = &flood->conns[i];
        for (uint32_t j = 0; j < UNDER_WAY && flood->sent < flood->count; j++) {
            send_one(flood, conns[i]);
        }
    }
    while (flood->ended < flood->count) {
        bool any = false;
        for (uint32_t i = 0; i < CONNS; i++) {
            while (conn_try(conns[i])) {
                any = true;
                flood->ended += conns[i]->frame.type == KR_CLIENT_END;
                if (flood->sent < flood->count) {
                    send_one(flood, conns[i]);
                }
            }
        }
        if (!any) {
            conn_wait(conns, CONNS);
        }
    }
}

static void wait_for_records(struct conn *watch, uint32_t wanted)
{
    for (uint32_t seen = 0; seen < wanted;) {
        conn_next(watch);
        seen += watch->frame.type == KR_CLIENT_PAGE ? watch->frame.item_count : 0;
    }
}

/* Submitted here, stored there: both nodes and the client share the cores. */
static double rate_while_submitting(const struct node *first, struct conn *watch, uint32_t count, uint64_t base,
                                    const uint8_t *audience, struct flood *flood)
{
    open_flood(flood, first, count, base, audience);
    uint64_t begin_us = bench_now_us();
    run_flood(flood);
    wait_for_records(watch, count);
    double rate = count * 1e6 / (double)(bench_now_us() - begin_us);
    close_flood(flood);
    return rate;
}

/* The receiver was away while all was submitted and fetches it now: the link is the only source of its work. The clock runs from
 * the first record on: until then the one that dials waits for its next try, which is as long as it may be. */
static double rate_on_return(const struct node *first, struct node *second, uint32_t count, uint64_t base, const uint8_t *audience,
                             struct flood *flood, double *ret_rate_with_wait)
{
    struct conn watch;
    conn_open(&watch, second->socket);
    const uint64_t before = conn_status(&watch).records;
    conn_close(&watch);
    node_stop(second);
    open_flood(flood, first, count, base, audience);
    run_flood(flood);
    close_flood(flood);
    node_start(second);
    conn_open(&watch, second->socket);
    const uint64_t target = before + count;
    conn_watch(&watch);
    const uint64_t back_us = bench_now_us();
    wait_for_records(&watch, 1);
    uint64_t begin_us = bench_now_us();
    const uint64_t begin = conn_status(&watch).records;
    for (uint64_t records = begin; records < target; records = conn_status(&watch).records) {
        const uint64_t left = target - records;
        wait_for_records(&watch, (uint32_t)(left < 256 ? 1 : left - 128));
    }
    const uint64_t end_us = bench_now_us();
    conn_close(&watch);
    *ret_rate_with_wait = count * 1e6 / (double)(end_us - back_us);
    return (double)(target - begin) * 1e6 / (double)(end_us - begin_us);
}

void bench_ingest(const struct bench_options *options)
{
    static struct flood flood;
    const uint32_t count = options->is_small ? 500 : 20000;
    const uint32_t verifications = options->is_small ? 100 : 5000;
    struct node first, second;
    struct conn watch;
    static const struct {
        const char *name;
        bool is_sealed, is_return;
        double goal;
    } cases[] = {
        {"GREEN, while submitted", false, false, 0.5},
        {"AMBER, while submitted", true, false, 0.5},
        {"GREEN, after absence", false, true, 0.5},
        {"AMBER, after absence", true, true, 0.5},
    };
    node_make(&first, "first", "Bench");
    node_make(&second, "second", NULL);
    node_link(&first, &second);
    conn_open(&watch, second.socket);
    uint8_t peer[32];
    struct kr_status status = conn_status(&watch);
    memcpy(peer, status.council, sizeof peer);
    conn_close(&watch);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *audience = cases[i].is_sealed ? peer : NULL;
        double before = limit_verify_rate(verifications), rate, with_wait = 0;
        if (cases[i].is_return) {
            rate = rate_on_return(&first, &second, count, (i + 1) * 1000000, audience, &flood, &with_wait);
        } else {
            conn_open(&watch, second.socket);
            conn_watch(&watch);
            rate = rate_while_submitting(&first, &watch, count, (i + 1) * 1000000, audience, &flood);
            conn_close(&watch);
        }
        double limit = (before + limit_verify_rate(verifications)) / 2;
        if (cases[i].is_return) {
            bench_say(options, &(struct bench_line){"ingest",
                                                    cases[i].is_sealed ? "AMBER, with the wait for the link"
                                                                       : "GREEN, with the wait for the link",
                                                    "records/s", with_wait, limit, VERIFY_WHAT, 0, true});
        }
        if (cases[i].is_sealed && !cases[i].is_return) {
            bench_say(options, &(struct bench_line){"ingest", "AMBER, while submitted, of its curves", "records/s", rate,
                                                    limit_sealed_rate(verifications), SEALED_WHAT, 0, true});
        }
        bench_say(options,
                  &(struct bench_line){"ingest", cases[i].name, "records/s", rate, limit, VERIFY_WHAT, cases[i].goal, true});
    }
    node_remove(&first);
    node_remove(&second);
}
