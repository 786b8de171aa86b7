/* kairan scan over a log of 1 GiB, one thread, from the start of the program to its end: beside ripgrep, beside tokenising alone,
 * and held against the truth that the generator wrote. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "loggen.h"
#include "tools/scan/sweep.h"

#define RUNS         3
#define BUFFER_BYTES (256u * KR_KIB)

static char directory[64];
static pid_t owner;

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static void clean_up(void)
{
    if (getpid() == owner && directory[0] != 0) {
        (void)nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        directory[0] = 0;
    }
}

/* In memory where there is room, or the disk is what is measured. */
static void open_directory(void)
{
    (void)snprintf(directory, sizeof directory, "%s", "/dev/shm/kr-bench-scan.XXXXXX");
    owner = getpid();
    if (mkdtemp(directory) == NULL) {
        (void)snprintf(directory, sizeof directory, "%.40s/scan", bench_directory());
        BENCH_MUST(mkdir(directory, 0700) == 0);
    }
    BENCH_MUST(atexit(clean_up) == 0);
}

static const char *place(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static struct bench_run scan(const char *set, bool all_cores)
{
    const char *program = getenv("KAIRAN");
    char values[128], log[128], out[128];
    struct bench_run best = {.seconds = 1e9};
    (void)snprintf(values, sizeof values, "%s/values-%s.txt", directory, set);
    (void)snprintf(log, sizeof log, "%s/proxy.log", directory);
    (void)snprintf(out, sizeof out, "%s/found-%s", directory, set);
    for (int i = 0; i < RUNS; i++) {
        char name[] = "scan", values_option[] = "--values", json[] = "--json", j[] = "-j", count[24], path[512];
        (void)snprintf(count, sizeof count, "%ld", all_cores ? sysconf(_SC_NPROCESSORS_ONLN) : 1);
        (void)snprintf(path, sizeof path, "%s", program != NULL ? program : KAIRAN);
        char *const argv[] = {path, name, values_option, values, json, j, count, log, NULL};
        const struct bench_run one = bench_run(argv, out);
        BENCH_MUST(one.status == 0 || one.status == 1);
        best = one.seconds < best.seconds ? one : best;
    }
    return best;
}

static struct bench_run ripgrep(const char *set)
{
    char rg[] = "rg", fixed[] = "-F", no_config[] = "--no-config", from[] = "-f", j[] = "-j1", count[] = "-c", values[128],
         log[128];
    (void)snprintf(values, sizeof values, "%s/values-%s.txt", directory, set);
    (void)snprintf(log, sizeof log, "%s/proxy.log", directory);
    char *const argv[] = {rg, no_config, fixed, j, count, from, values, log, NULL};
    const struct bench_run one = bench_run(argv, place("ripgrep"));
    if (one.status == 127) {
        bench_die("ripgrep is not there: install Debian's package ripgrep");
    }
    BENCH_MUST(one.status == 0);
    return one;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

struct lines {
    char **items;
    size_t count, room;
};

static void add_line(struct lines *lines, uint64_t number, const char *value)
{
    char text[320];
    if (lines->count == lines->room) {
        lines->room = lines->room * 2 + 1024;
        lines->items = realloc(lines->items, lines->room * sizeof *lines->items);
        BENCH_MUST(lines->items != NULL);
    }
    (void)snprintf(text, sizeof text, "%" PRIu64 " %s", number, value);
    lines->items[lines->count] = strdup(text);
    BENCH_MUST(lines->items[lines->count++] != NULL);
}

static void free_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->items[i]);
    }
    free(lines->items);
}

static void read_truth(struct lines *truth, uint32_t values)
{
    char line[512];
    FILE *in = fopen(place("truth.tsv"), "re");
    BENCH_MUST(in != NULL);
    while (fgets(line, sizeof line, in) != NULL) {
        char *end = NULL;
        const uint64_t number = strtoull(line, &end, 10);
        const uint64_t which = strtoull(end, &end, 10);
        BENCH_MUST(*end == '\t');
        end[1 + strcspn(end + 1, "\n")] = 0;
        if (which < values) {
            add_line(truth, number + 1, end + 1);
        }
    }
    (void)fclose(in);
}

static void read_found(struct lines *found, const char *set)
{
    char path[128], line[8192];
    (void)snprintf(path, sizeof path, "%s/found-%s", directory, set);
    FILE *in = fopen(path, "re");
    BENCH_MUST(in != NULL);
    while (fgets(line, sizeof line, in) != NULL) {
        json_t *hit = json_loads(line, 0, NULL);
        BENCH_MUST(hit != NULL);
        if (json_object_get(hit, "line") != NULL) {
            add_line(found, (uint64_t)json_integer_value(json_object_get(hit, "line")),
                     json_string_value(json_object_get(hit, "value")));
        }
        json_decref(hit);
    }
    (void)fclose(in);
}

/* Lines with their values: how many are in both, and how many in either. */
static void compare(const char *set, uint32_t values, double *ret_both, double *ret_either)
{
    struct lines truth = {0}, found = {0};
    size_t i = 0, k = 0, both = 0, either = 0;
    read_truth(&truth, values);
    read_found(&found, set);
    if (truth.count > 0 && found.count > 0) {
        qsort(truth.items, truth.count, sizeof truth.items[0], by_text);
        qsort(found.items, found.count, sizeof found.items[0], by_text);
    }
    while (i < truth.count || k < found.count) {
        const int order = i == truth.count ? 1 : k == found.count ? -1 : strcmp(truth.items[i], found.items[k]);
        both += order == 0;
        either++;
        i += order <= 0;
        k += order >= 0;
    }
    *ret_both = (double)both;
    *ret_either = (double)either;
    free_lines(&truth);
    free_lines(&found);
}

/* Reading the log and finding its words, in the program's own buffers. */
static double tokenise(uint64_t bytes)
{
    uint8_t *room = malloc(BUFFER_BYTES + 2 * KR_SWEEP_PAD);
    double best = 1e9;
    uint64_t words = 0;
    BENCH_MUST(room != NULL);
    memset(room, '\n', BUFFER_BYTES + 2 * KR_SWEEP_PAD);
    for (int i = 0; i < RUNS; i++) {
        const uint64_t began = bench_now_us();
        const int log = open(place("proxy.log"), O_RDONLY | O_CLOEXEC);
        BENCH_MUST(log >= 0);
        for (ssize_t got; (got = read(log, room + KR_SWEEP_PAD, BUFFER_BYTES)) > 0;) {
            words += kr_sweep_words(room + KR_SWEEP_PAD, (size_t)got);
        }
        (void)close(log);
        const double seconds = (double)(bench_now_us() - began) / 1e6;
        best = seconds < best ? seconds : best;
    }
    BENCH_MUST(words > 0);
    free(room);
    return (double)bytes / best / 1e6;
}

void bench_scan(const struct bench_options *options)
{
    static const struct {
        const char *name, *truth;
        uint32_t values;
    } sets[] = {{"1k", "1k: lines right", 1000}, {"100k", "100k: lines right", 100000}, {"1m", "1m: lines right", 1000000}};
    const uint64_t wanted = options->is_small ? 8u * KR_MIB : (uint64_t)1 << 30;
    struct loggen gen = {.seed = 20261125, .bytes = wanted, .hit_every = options->is_small ? 100 : 0};
    const char *tokens_what = "reading the log and finding its words alone, MB/s";
    double rates[3], both, either;
    long rss[3];
    struct stat status;
    open_directory();
    gen.directory = directory;
    gen.values = options->is_small ? 20000 : 0;
    BENCH_MUST(loggen_write(&gen, NULL, NULL));
    BENCH_MUST(stat(place("proxy.log"), &status) == 0);
    const double bytes = (double)status.st_size;
    const double tokens = tokenise((uint64_t)status.st_size);
    for (size_t i = 0; i < 3; i++) {
        const struct bench_run one = scan(sets[i].name, false);
        rates[i] = bytes / one.seconds / 1e6;
        rss[i] = one.rss_kib;
        bench_say(options, &(struct bench_line){.bench = "scan",
                                                .name = sets[i].name,
                                                .unit = "MB/s",
                                                .value = rates[i],
                                                .limit = tokens,
                                                .limit_what = tokens_what});
        compare(sets[i].name, sets[i].values, &both, &either);
        bench_say(options, &(struct bench_line){.bench = "scan",
                                                .name = sets[i].truth,
                                                .unit = "lines",
                                                .value = both,
                                                .limit = either,
                                                .limit_what = "lines found or planted",
                                                .goal = 1,
                                                .goal_is_min = true});
    }
    const struct bench_run other = ripgrep("100k");
    bench_say(options, &(struct bench_line){.bench = "scan",
                                            .name = "100k, ripgrep",
                                            .unit = "MB/s",
                                            .value = rates[1],
                                            .limit = bytes / other.seconds / 1e6,
                                            .limit_what = "rg -F -f, one thread, MB/s",
                                            .goal = options->is_small ? 0 : 40,
                                            .goal_is_min = true});
    bench_say(options, &(struct bench_line){.bench = "scan",
                                            .name = "1m beside 100k",
                                            .unit = "MB/s",
                                            .value = rates[2],
                                            .limit = rates[1],
                                            .limit_what = "the rate at 100k",
                                            .goal = 0.75,
                                            .goal_is_min = true});
    const double each = (double)(rss[2] - rss[0]) * 1024 / (double)(options->is_small ? 19000 : 999000);
    bench_say(options, &(struct bench_line){.bench = "scan",
                                            .name = "memory at 1m",
                                            .unit = "B/value",
                                            .value = each > 1 ? each : 1,
                                            .limit = 120,
                                            .limit_what = "120 bytes a value, all of the program beyond what it has at 1k",
                                            .goal = 1});
    const struct bench_run all = scan("100k", true);
    bench_say(options, &(struct bench_line){.bench = "scan",
                                            .name = "100k, all cores",
                                            .unit = "MB/s",
                                            .value = bytes / all.seconds / 1e6,
                                            .limit = rates[1],
                                            .limit_what = "one thread, MB/s"});
    clean_up();
}
