/* Records of one indicator, as many as go: what a receiver verifies and stores in a second. */
#include <string.h>

#include "bench.h"
#include "flood.h"
#include "limits.h"
#include "node.h"

#define VERIFY_WHAT "Ed25519 verifications a second on one core"
#define SEALED_WHAT "records a second: 1 signature, 2 slots sealed, 1 verification, 1 slot opened, on all cores"

/* Submitted here, stored there: both nodes and the client share the cores. */
static double rate_while_submitting(const struct node *first, struct conn *watch, uint32_t count, uint64_t base,
                                    const uint8_t *audience, struct flood *flood)
{
    flood_open(flood, first, count, base, audience, 0);
    uint64_t begin_us = bench_now_us();
    flood_run(flood);
    conn_wait_for_items(watch, count);
    double rate = count * 1e6 / (double)(bench_now_us() - begin_us);
    flood_close(flood);
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
    flood_open(flood, first, count, base, audience, 0);
    flood_run(flood);
    flood_close(flood);
    node_start(second);
    conn_open(&watch, second->socket);
    const uint64_t target = before + count;
    conn_watch(&watch);
    const uint64_t back_us = bench_now_us();
    conn_wait_for_items(&watch, 1);
    uint64_t begin_us = bench_now_us();
    const uint64_t begin = conn_status(&watch).records;
    for (uint64_t records = begin; records < target; records = conn_status(&watch).records) {
        const uint64_t left = target - records;
        conn_wait_for_items(&watch, (uint32_t)(left < 256 ? 1 : left - 128));
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
