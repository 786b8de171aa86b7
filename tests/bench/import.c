/* A CSV of many indicators with the code of `kairan import -y`: from its bytes to signed, sealed, durable and findable. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "indicators.h"
#include "limits.h"
#include "node.h"
#include "tools/kairan/ship.h"

#define ROUNDS  3u
#define SAMPLES 1000u
#define PARTS   7u

struct measured {
    double read_us[ROUNDS], all_us[ROUNDS], sum_us[ROUNDS], parts_us[PARTS][ROUNDS];
};

struct run {
    struct kr_ship ship;
    struct kr_app app;
    struct kr_error error;
    uint32_t skipped, guarded;
};

static double median(double *values)
{
    return bench_percentile(values, ROUNDS, 50);
}

/* "date,value,description" around each line of the text. */
static char *make_csv(const char *text, size_t len, uint32_t count, size_t *ret_len)
{
    const size_t size = len + (size_t)count * 48 + 64;
    char *csv = malloc(size);
    BENCH_MUST(csv != NULL);
    size_t at = (size_t)snprintf(csv, size, "date,value,description\n");
    const char *from = text;
    for (uint32_t i = 0; i < count; i++) {
        const char *feed = memchr(from, '\n', (size_t)(text + len - from));
        BENCH_MUST(feed != NULL);
        at += (size_t)snprintf(csv + at, size - at, "2026/11/%02u 09:%02u:00,%.*s,brand %u\n", 1 + i % 28, i / 28 % 60,
                               (int)(feed - from), from, i % 50);
        from = feed + 1;
    }
    *ret_len = at;
    return csv;
}

static void write_file(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "wbe");
    BENCH_MUST(file != NULL && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

/* ---- the sink ---- */

static enum kr_err take_lot(void *context, struct kr_lot *lot)
{
    struct run *run = context;
    return kr_ship_send(&run->ship, lot, &run->error);
}

static enum kr_err tell_skip(void *context, const struct kr_import_skip *skip)
{
    struct run *run = context;
    (void)skip;
    run->skipped++;
    return KR_OK;
}

static enum kr_err tell_progress(void *context, uint64_t bytes)
{
    (void)context;
    (void)bytes;
    return KR_OK;
}

static enum kr_err breathe(void *context)
{
    struct run *run = context;
    return kr_ship_breathe(&run->ship, &run->error);
}

static void on_guarded(void *context, const struct kr_lot *lot, size_t item, const char *list)
{
    struct run *run = context;
    (void)lot;
    (void)item;
    (void)list;
    run->guarded++;
}

/* Returns when all is durable. `*ret_read_us`: when all was read. */
static void import_file(const char *socket, const uint8_t *audience, const char *path, uint32_t indicators, uint64_t *ret_read_us)
{
    static const struct kr_import_options options = {.format = KR_IMPORT_CSV};
    struct run *run = calloc(1, sizeof *run);
    struct kr_import_file file;
    BENCH_MUST(run != NULL);
    struct kr_lots lots = {
        .context = run, .take_lot = take_lot, .tell_skip = tell_skip, .tell_progress = tell_progress, .breathe = breathe};
    const struct kr_import_sink sink = kr_lots_sink(&lots);
    (void)snprintf(run->app.path, sizeof run->app.path, "%s", socket);
    run->ship.app = &run->app;
    run->ship.name = "bench.csv";
    run->ship.context = run;
    run->ship.on_guarded = on_guarded;
    run->ship.request = (struct kr_submit){.kind = KR_KIND_REPORT, .label = KR_TLP_AMBER, .audience_count = 1};
    memcpy(run->ship.request.audience[0], audience, 32);
    enum kr_err err = kr_import_file_open(&file, path, 0, &run->error);
    if (err == KR_OK) {
        err = kr_import_read(&file.source, &options, &sink, &run->error);
        *ret_read_us = bench_now_us();
    }
    if (err == KR_OK) {
        err = kr_ship_finish(&run->ship, &run->error);
    }
    if (err != KR_OK) {
        bench_die("cannot import: %s %s", kr_err_text(err), run->error.text);
    }
    if (lots.counts.items != indicators || run->ship.counts.indicators != indicators || run->skipped + run->guarded > 0) {
        bench_die("of %u indicators %ju were taken and %ju sent, %u rows skipped, %u held back", indicators,
                  (uintmax_t)lots.counts.items, (uintmax_t)run->ship.counts.indicators, run->skipped, run->guarded);
    }
    kr_import_file_close(&file);
    kr_lots_deinit(&lots);
    kr_ship_deinit(&run->ship);
    free(run);
}

/* ---- what is found ---- */

/* Every so many of the lines as the node is asked for them. */
static uint32_t sample(const char *text, size_t len, uint32_t step, struct kr_found *ret_found, struct kr_indicator *ret_values)
{
    uint32_t count = 0, number = 0;
    for (const char *at = text; at < text + len && count < SAMPLES; number++) {
        const char *feed = memchr(at, '\n', (size_t)(text + len - at));
        if (number % step == 0) {
            struct kr_indicator *value = &ret_values[count];
            BENCH_MUST(kr_indicator_parse(KR_INDICATOR_ANY, at, (size_t)(feed - at), value, NULL) == KR_OK);
            ret_found[count++] = (struct kr_found){.type = value->type, .value = {value->value, value->len}};
        }
        at = feed + 1;
    }
    return count;
}

static void measure_round(const struct node *author, const uint8_t *audience, uint32_t indicators, uint32_t round,
                          struct measured *measured)
{
    static struct kr_found found[SAMPLES];
    static struct kr_indicator values[SAMPLES];
    struct conn conn;
    char path[400];
    size_t text_len, csv_len;
    char *text = indicators_text(round, indicators, &text_len);
    char *csv = make_csv(text, text_len, indicators, &csv_len);
    (void)snprintf(path, sizeof path, "%s/import.csv", bench_directory());
    write_file(path, csv, csv_len);
    const uint32_t samples = sample(text, text_len, indicators > SAMPLES ? indicators / SAMPLES : 1, found, values);
    const struct limit_bulk limit = limit_import_measure(csv, csv_len);
    conn_open(&conn, author->socket);
    const uint64_t begin_us = bench_now_us();
    uint64_t read_us = begin_us;
    import_file(author->socket, audience, path, indicators, &read_us);
    BENCH_MUST(lookup_found(&conn, found + samples - 1, 1, 1) == 1);
    measured->all_us[round] = (double)(bench_now_us() - begin_us);
    measured->read_us[round] = (double)(read_us - begin_us);
    BENCH_MUST(lookup_found(&conn, found, 1, samples) == samples);
    conn_close(&conn);
    measured->sum_us[round] = limit.sum_us;
    const double parts_us[PARTS] = {limit.parse_us,  limit.normalise_us, limit.hash_us,  limit.sort_us,
                                    limit.append_us, limit.log_us,       limit.commit_us};
    for (size_t i = 0; i < PARTS; i++) {
        measured->parts_us[i][round] = parts_us[i];
    }
    free(csv);
    free(text);
}

static void say_results(const struct bench_options *options, struct measured *measured)
{
    static const char *const names[PARTS] = {"part: parse",  "part: normalise", "part: hash",  "part: sort",
                                             "part: append", "part: log",       "part: commit"};
    const double sum_ms = median(measured->sum_us) / 1000;
    const char *what = "parse + normalise + hash + sort + append + log + commit";
    for (size_t i = 0; i < PARTS; i++) {
        bench_say(options,
                  &(struct bench_line){"import", names[i], "ms", median(measured->parts_us[i]) / 1000, sum_ms, what, 0, false});
    }
    bench_say(options, &(struct bench_line){"import", "read", "ms", median(measured->read_us) / 1000, sum_ms, what, 0, false});
    bench_say(options, &(struct bench_line){"import", "signed, sealed, durable, findable", "ms", median(measured->all_us) / 1000,
                                            sum_ms, what, 1.5, false});
}

/* ---- STIX: a bundle of 70 MB ---- */

#define STIX_BYTES 70000000u

/* Indicators with all that tools write beside them, one after the other. */
static size_t write_stix(const char *path, size_t size)
{
    FILE *out = fopen(path, "we");
    BENCH_MUST(out != NULL &&
               fputs("{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000000\",\"objects\":[", out) >= 0);
    size_t len = 0;
    for (uint32_t i = 0; len < size; i++) {
        const int put =
            fprintf(out,
                    "%s{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--%08x-0000-4000-8000-%012x\","
                    "\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\","
                    "\"name\":\"Host %u of a campaign\",\"description\":\"%0400u\",\"indicator_types\":[\"malicious-activity\"],"
                    "\"pattern\":\"[domain-name:value = 'h%u.stix-bench.biz']\",\"pattern_type\":\"stix\","
                    "\"valid_from\":\"2026-01-01T00:00:00Z\"}\n",
                    i == 0 ? "" : ",", i, i, i, i, i);
        BENCH_MUST(put > 0);
        len += (size_t)put;
    }
    BENCH_MUST(fputs("]}\n", out) >= 0 && fclose(out) == 0);
    return len;
}

/* What kairan itself takes to import it, sending included. Before this program has anything large: see bench_run. */
static void measure_stix(const struct bench_options *options, const struct node *node)
{
    const char *program = getenv("KAIRAN");
    char path[400], out[400], kairan[512], socket_path[512];
    char import[] = "import", label[] = "--label", clear[] = "clear", yes[] = "-y", socket_option[] = "--socket";
    (void)snprintf(path, sizeof path, "%s/bundle.json", bench_directory());
    (void)snprintf(out, sizeof out, "%s/imported", bench_directory());
    (void)snprintf(kairan, sizeof kairan, "%s", program != NULL ? program : KAIRAN);
    (void)snprintf(socket_path, sizeof socket_path, "%s", node->socket);
    (void)write_stix(path, options->is_small ? STIX_BYTES / 1000 : STIX_BYTES);
    char *const argv[] = {kairan, socket_option, socket_path, import, path, label, clear, yes, NULL};
    const struct bench_run run = bench_run(argv, out);
    BENCH_MUST(run.status == 0 && unlink(path) == 0);
    bench_say(options, &(struct bench_line){"import", "STIX bundle of 70 MB, memory", "MiB", (double)run.rss_kib / 1024, 64,
                                            "64 MiB", 1.0, false});
}

void bench_import(const struct bench_options *options)
{
    static struct measured measured;
    const uint32_t indicators = options->is_small ? 5000 : 1000000;
    struct node first, second;
    struct kr_conn *conn = NULL;
    struct kr_error error;
    uint8_t audience[32];
    node_make(&first, "first", "Bench");
    measure_stix(options, &first);
    node_make(&second, "second", NULL);
    node_link(&first, &second);
    BENCH_MUST(kr_conn_open(second.socket, "kr-bench", "en", &conn, &error) == KR_OK);
    memcpy(audience, kr_conn_council(conn), sizeof audience);
    kr_conn_free(conn);
    node_stop(&second); /* it is sealed for it; what it costs to take it over, the bench bulk says */
    for (uint32_t round = 0; round < ROUNDS; round++) {
        measure_round(&first, audience, indicators, round, &measured);
    }
    say_results(options, &measured);
    node_remove(&first);
    node_remove(&second);
}
