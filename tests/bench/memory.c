/* Anonymous resident memory of keeper and net together, while a million indicators come in and when they are there. */
#include <stdlib.h>

#include "bench.h"
#include "indicators.h"
#include "node.h"

struct sample {
    const struct node *nodes[2];
    double max_bytes[2];
};

static void take_sample(void *context)
{
    struct sample *sample = context;
    for (size_t i = 0; i < 2; i++) {
        double bytes = (double)node_rss_anon_bytes(sample->nodes[i]);
        sample->max_bytes[i] = bytes > sample->max_bytes[i] ? bytes : sample->max_bytes[i];
    }
}

static void take_sample_sent(void *context, uint32_t done, uint32_t parts)
{
    (void)done;
    (void)parts;
    take_sample(context);
}

static void say(const struct bench_options *options, const char *name, double bytes)
{
    bench_say(options, &(struct bench_line){"memory", name, "MiB", bytes / 1048576, 64, "64 MiB", 1, false});
}

void bench_memory(const struct bench_options *options)
{
    const uint32_t files = options->is_small ? 2 : 10, indicators = options->is_small ? 2000 : 100000;
    struct node first, second;
    struct conn author, watch;
    node_make(&first, "first", "Bench");
    node_make(&second, "second", NULL);
    node_link(&first, &second);
    conn_open(&author, first.socket);
    conn_open(&watch, second.socket);
    struct sample sample = {.nodes = {&first, &second}};
    conn_watch(&watch);
    for (uint32_t i = 0; i < files; i++) {
        size_t len;
        struct bulk bulk;
        char *text = indicators_text(i, indicators, &len);
        bulk_submit(&bulk, first.socket, text, len, indicators, take_sample_sent, &sample);
        bulk_free(&bulk);
        free(text);
        bulk_expect(&watch, indicators, take_sample, &sample);
    }
    say(options, "author, importing, maximum", sample.max_bytes[0]);
    say(options, "peer, importing, maximum", sample.max_bytes[1]);
    say(options, "author, all stored", (double)node_rss_anon_bytes(&first));
    say(options, "peer, all stored", (double)node_rss_anon_bytes(&second));
    conn_close(&author);
    conn_close(&watch);
    node_stop(&first);
    node_start(&first);
    conn_open(&author, first.socket);
    BENCH_MUST(conn_status(&author).indicators >= (uint64_t)files * indicators);
    say(options, "author, started anew", (double)node_rss_anon_bytes(&first));
    conn_close(&author);
    node_remove(&first);
    node_remove(&second);
}
