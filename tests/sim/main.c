/* kr-sim: runs the simulated federation under one seed or many, or as a scenario says. See tests/sim/README.md. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/fault.h"
#include "crypto/secret.h"
#include "tests/sim/plan.h"

#define NODES_MAX     200u
#define RECORDS_MAX   100000u
#define DAYS_MAX      3660u
#define MINIMISE_RUNS 400u
#define MINIMISE_S    60
#define SEARCH_SEEDS  100u /* of a fault, from which on they begin with 1 */

struct options {
    uint64_t seed, seeds;
    struct sim_bounds bounds;
    const char *script;
    uint32_t fault;
    bool is_verbose, tells_story, prints_plan, tries_faults, checks_determinism, is_json, keeps_long;
};

struct totals {
    uint64_t seeds, simulated_ms, nodes_ms, events, frames, bytes, crashes, records;
    uint64_t minute_frames, minute_bytes; /* the most */
    time_t began_s;
};

static const char *verdict_name(enum sim_verdict verdict)
{
    switch (verdict) {
    case SIM_HOLDS:
        return "holds";
    case SIM_LEAK:
        return "leak";
    case SIM_LOSS:
        return "loss";
    case SIM_NO_CONVERGENCE:
        return "no convergence";
    case SIM_CRASH:
        return "crash";
    case SIM_NOT_DETERMINISTIC:
        return "not deterministic";
    case SIM_SETUP:
        return "setup";
    case SIM_UNBOUNDED:
        return "unbounded";
    case SIM_UNEXPECTED:
        return "unexpected";
    case SIM_SIGNED:
        return "signed";
    case SIM_LATE:
        return "late";
    case SIM_MEMBERSHIP:
        return "membership";
    }
    return "?";
}

static time_t minimise_until_s;

static bool minimise_is_over(void)
{
    return time(NULL) >= minimise_until_s;
}

static void add_up(struct totals *totals, const struct sim_result *result)
{
    totals->simulated_ms += result->simulated_ms;
    totals->nodes_ms += result->nodes_ms;
    totals->events += result->events;
    totals->frames += result->frames;
    totals->bytes += result->bytes;
    totals->crashes += result->crashes;
    totals->records += result->records;
    totals->minute_frames = result->minute_frames > totals->minute_frames ? result->minute_frames : totals->minute_frames;
    totals->minute_bytes = result->minute_bytes > totals->minute_bytes ? result->minute_bytes : totals->minute_bytes;
}

static void print_again(const struct options *options, uint64_t seed)
{
    (void)printf("again with: kr-sim --seed %" PRIu64, seed);
    if (options->bounds.nodes != 0) {
        (void)printf(" --nodes %u", options->bounds.nodes);
    }
    if (options->bounds.records != 0) {
        (void)printf(" --records %u", options->bounds.records);
    }
    if (options->bounds.shape != SIM_SHAPE_COUNT) {
        (void)printf(" --shape %s", sim_shape_names[options->bounds.shape]);
    }
    if (options->bounds.days != 0) {
        (void)printf(" --days %u", options->bounds.days);
    }
    if (options->fault != 0) {
        (void)printf(" --fault %u", options->fault);
    }
    (void)printf("%s%s --verbose\n",
                 options->bounds.has_keys        ? " --keys"
                 : options->bounds.has_roots     ? " --roots"
                 : options->bounds.has_newcomers ? " --newcomers"
                 : options->bounds.has_life      ? " --community"
                 : options->bounds.is_honest     ? " --honest"
                                                 : "",
                 options->bounds.has_throughs  ? " --through"
                 : options->bounds.has_sisters ? " --sisters"
                                               : "");
}

/* The plan, cut down, and what happens in it. */
static void explain(const struct options *options, const struct sim_plan *plan, enum sim_verdict verdict)
{
    struct sim_plan shortest;
    struct sim_result result = {0};
    const struct sim_listener listener = {.story = stdout};
    sim_plan_copy(&shortest, plan);
    if (!options->keeps_long && verdict != SIM_NOT_DETERMINISTIC) {
        minimise_until_s = time(NULL) + MINIMISE_S;
        uint32_t runs = sim_minimise(&shortest, verdict, MINIMISE_RUNS, minimise_is_over);
        (void)printf("\nthe shortest plan found in %u runs that fails alike (keep it in a file: kr-sim --script FILE):\n\n", runs);
        sim_plan_print(&shortest, stdout);
        (void)printf("\nand what happens in it:\n\n");
        sim_play_apart(&shortest, &listener, &result);
        (void)printf("%s: %s\n", verdict_name(result.verdict), result.complaint);
    }
    sim_plan_free(&shortest);
}

static void report_failure(const struct options *options, const struct sim_plan *plan, const struct sim_result *result)
{
    if (options->is_json) {
        (void)printf("{\"seed\":%" PRIu64 ",\"verdict\":\"%s\",\"exit\":%d,\"complaint\":\"%s\"}\n", plan->seed,
                     verdict_name(result->verdict), (int)result->verdict, result->complaint);
        return;
    }
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr, "\r\033[K");
    }
    (void)printf("seed %" PRIu64 ": %s: %s\n", plan->seed, verdict_name(result->verdict), result->complaint);
    if (options->script == NULL) {
        print_again(options, plan->seed);
    } else {
        (void)printf("again with: kr-sim --script %s --verbose\n", options->script);
    }
    explain(options, plan, result->verdict);
}

static enum sim_verdict run_plan(const struct options *options, const struct sim_plan *plan, struct totals *totals)
{
    struct sim_result result = {0}, again = {0};
    const struct sim_listener listener = {.trace = options->is_verbose ? stdout : NULL,
                                          .story = options->tells_story ? stdout : NULL};
    const struct sim_listener nobody = {0};
    sim_play_apart(plan, &listener, &result);
    if (result.verdict == SIM_HOLDS && options->checks_determinism) {
        sim_play_apart(plan, &nobody, &again);
        if (again.verdict != SIM_HOLDS || memcmp(result.hash, again.hash, sizeof again.hash) != 0) {
            result.verdict = SIM_NOT_DETERMINISTIC;
            (void)snprintf(result.complaint, sizeof result.complaint, "two runs differ");
        }
    }
    totals->seeds++;
    add_up(totals, &result);
    if (result.verdict != SIM_HOLDS) {
        report_failure(options, plan, &result);
    }
    return result.verdict;
}

static void progress(const struct totals *totals, uint64_t seeds)
{
    static time_t last_s;
    time_t now_s = time(NULL);
    if (isatty(STDERR_FILENO) && now_s != last_s) {
        last_s = now_s;
        (void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds, %.1f simulated days", totals->seeds, seeds,
                      (double)totals->simulated_ms / 86400e3);
    }
}

static void summarise(const struct options *options, const struct totals *totals, enum sim_verdict verdict)
{
    double wall_s = difftime(time(NULL), totals->began_s);
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr, "\r\033[K");
    }
    if (options->is_json) {
        (void)printf("{\"verdict\":\"%s\",\"seeds\":%" PRIu64 ",\"wall_s\":%.0f,\"cluster_days\":%.4f,\"node_days\":%.4f,"
                     "\"events\":%" PRIu64 ",\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"crashes\":%" PRIu64
                     ",\"records\":%" PRIu64 ",\"minute_frames\":%" PRIu64 ",\"minute_bytes\":%" PRIu64 "}\n",
                     verdict_name(verdict), totals->seeds, wall_s, (double)totals->simulated_ms / 86400e3,
                     (double)totals->nodes_ms / 86400e3, totals->events, totals->frames, totals->bytes, totals->crashes,
                     totals->records, totals->minute_frames, totals->minute_bytes);
    } else if (verdict == SIM_HOLDS && !options->tells_story) {
        (void)printf("%" PRIu64 " seeds hold: %.4f cluster-years, %" PRIu64 " events, %" PRIu64 " frames, %" PRIu64
                     " crashes, %" PRIu64 " records\n",
                     totals->seeds, (double)totals->simulated_ms / 86400e3 / 365.25, totals->events, totals->frames,
                     totals->crashes, totals->records);
    }
}

static int run_seeds(const struct options *options)
{
    struct totals totals = {.began_s = time(NULL)};
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint64_t i = 0; i < options->seeds && verdict == SIM_HOLDS; i++) {
        struct sim_plan plan;
        sim_plan_draw(&plan, options->seed + i, &options->bounds);
        if (options->prints_plan) {
            sim_plan_print(&plan, stdout);
        } else {
            verdict = run_plan(options, &plan, &totals);
            progress(&totals, options->seeds);
        }
        sim_plan_free(&plan);
    }
    if (!options->prints_plan) {
        summarise(options, &totals, verdict);
    }
    return (int)verdict;
}

/* Whether some seed catches the fault; stops at the first. From the one that is known to do so where there are few, else from 1 on.
 */
static bool try_fault(const struct options *options, uint32_t number)
{
    const struct sim_fault *fault = &sim_faults[number];
    const struct sim_listener nobody = {0};
    uint64_t seed = options->seeds < SEARCH_SEEDS ? fault->seed : 1;
    const uint64_t end = seed + options->seeds;
    struct sim_result result = {0};
    kr_fault_number = number;
    for (; seed < end && result.verdict == SIM_HOLDS; seed++) {
        struct sim_plan plan;
        sim_plan_draw(&plan, seed, &fault->bounds);
        sim_play_apart(&plan, &nobody, &result);
        sim_plan_free(&plan);
    }
    kr_fault_number = KR_FAULT_NONE;
    if (options->is_json) {
        (void)printf("{\"fault\":%u,\"name\":\"%s\",\"seed\":%" PRIu64 ",\"verdict\":\"%s\",\"complaint\":\"%s\"}\n", number,
                     fault->name, seed - 1, verdict_name(result.verdict), result.complaint);
    } else if (result.verdict != SIM_HOLDS) {
        (void)printf("%2u %-22s seed %4" PRIu64 "  %-16s %s: %s\n", number, fault->name, seed - 1, verdict_name(result.verdict),
                     fault->what, result.complaint);
    } else {
        (void)printf("%2u %-22s NOT CAUGHT by %" PRIu64 " seeds  %s\n", number, fault->name, options->seeds, fault->what);
    }
    (void)fflush(stdout);
    return result.verdict != SIM_HOLDS;
}

static int try_faults(const struct options *options)
{
    uint32_t missed = 0;
    for (uint32_t i = 1; i < KR_FAULT_COUNT; i++) {
        missed += (options->fault == 0 || options->fault == i) && !try_fault(options, i);
    }
    return missed == 0 ? 0 : 1;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (file != NULL) {
        size_t len = 0;
        if (getdelim(&text, &len, 0, file) < 0) {
            free(text);
            text = NULL;
        }
        (void)fclose(file);
    }
    return text;
}

static int run_script(const struct options *options)
{
    struct totals totals = {.began_s = time(NULL)};
    struct sim_plan plan;
    char why[256] = "it cannot be read";
    char *text = read_file(options->script);
    if (text == NULL || !sim_plan_parse(&plan, text, why, sizeof why)) {
        (void)fprintf(stderr, "kr-sim: %s: %s\n", options->script, why);
        free(text);
        return 2;
    }
    enum sim_verdict verdict = run_plan(options, &plan, &totals);
    summarise(options, &totals, verdict);
    sim_plan_free(&plan);
    free(text);
    return (int)verdict;
}

/* ---- the command line ---- */

static int usage(int status)
{
    (void)fprintf(
        status == 0 ? stdout : stderr,
        "usage: kr-sim [--seed N] [--seeds COUNT] [--nodes N] [--records N] [--shape chain|ring|star|random] [--days N]\n"
        "              [--honest | --keys | --roots | --newcomers | --community] [--through | --sisters] [--determinism] "
        "[--verbose | --story | "
        "--print | "
        "--json] "
        "[--long]\n"
        "       kr-sim --faults [--fault N] [--seeds COUNT] [--json]\n"
        "       kr-sim --script FILE [--determinism] [--verbose | --story | --json]\n\n"
        "  kr-sim --seed 1 --seeds 500          seeds 1 to 500; stops at the first that fails, cuts it down, tells what happens\n"
        "  kr-sim --seed 7 --verbose            one run, everything that its nodes say\n"
        "  kr-sim --seed 7 --story              the same in short: what is done, and which record is where\n"
        "  kr-sim --seed 7 --print > plan.txt   the plan of that run; kr-sim --script plan.txt runs it\n"
        "  kr-sim --seeds 12 --days 30          months instead of minutes\n"
        "  kr-sim --faults --seeds 1000         plants known mistakes one by one; each must be caught\n"
        "  kr-sim --fault 3 --seeds 1000        runs with one of them planted, cuts the first run that fails down\n\n"
        "  --nodes, --records, --shape   else each seed draws its own\n"
        "  --honest                      nobody goes over to the other side\n"
        "  --keys                        the same, and keys are replaced, stolen and revoked\n"
        "  --roots                       the same, and root keys are stolen and replaced\n"
        "  --newcomers                   the same, and some nodes join a community that gives them no past GREEN records\n"
        "  --community                   the same, and a second community lets in, expels and is left all the time\n"
        "  --through                     some nodes are linked through third ones\n"
        "  --sisters                     one council has two nodes, nobody goes over to the other side\n"
        "  --determinism                 runs each seed twice and compares, to the byte\n"
        "  --long                        a seed that fails is not cut down\n\n"
        "exit status: 0 holds, 1 a fault was not caught, 2 usage, 10 leak, 11 loss, 12 no convergence, 13 crash, 14 not "
        "deterministic, 15 setup,\n"
        "16 unbounded, 17 a scenario's `expect` does not hold, 18 late, 19 signed,\n20 membership\n");
    return status;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);
    bool is_number = text[0] >= '0' && text[0] <= '9' && *end == 0 && value <= max;
    *ret = is_number ? value : *ret;
    return is_number;
}

static bool parse_u32(const char *text, uint32_t max, uint32_t *ret)
{
    uint64_t value = 0;
    bool is_good = parse_number(text, max, &value);
    *ret = (uint32_t)value;
    return is_good;
}

static bool parse_shape(const char *text, enum sim_shape *ret)
{
    for (uint32_t i = 0; i < SIM_SHAPE_COUNT; i++) {
        if (strcmp(text, sim_shape_names[i]) == 0) {
            *ret = (enum sim_shape)i;
            return true;
        }
    }
    return false;
}

static bool parse_option(struct options *options, int c, const char *value)
{
    switch (c) {
    case 's':
        return parse_number(value, UINT64_MAX, &options->seed);
    case 'c':
        return parse_number(value, UINT32_MAX, &options->seeds);
    case 'n':
        return parse_u32(value, NODES_MAX, &options->bounds.nodes) && options->bounds.nodes >= 2;
    case 'r':
        return parse_u32(value, RECORDS_MAX, &options->bounds.records);
    case 'D':
        return parse_u32(value, DAYS_MAX, &options->bounds.days);
    case 'p':
        return parse_shape(value, &options->bounds.shape);
    case 'F':
        return parse_u32(value, KR_FAULT_COUNT - 1, &options->fault);
    case 'A':
        options->tries_faults = true;
        return true;
    case 'f':
        options->script = value;
        return true;
    case 'o':
        options->bounds.is_honest = true;
        return true;
    case 'v':
        options->is_verbose = true;
        return true;
    case 't':
        options->tells_story = true;
        return true;
    case 'P':
        options->prints_plan = true;
        return true;
    case 'd':
        options->checks_determinism = true;
        return true;
    case 'j':
        options->is_json = true;
        return true;
    case 'k':
        options->bounds.has_keys = options->bounds.is_honest = true;
        return true;
    case 'R':
        options->bounds.has_roots = options->bounds.is_honest = true;
        return true;
    case 'N':
        options->bounds.has_newcomers = options->bounds.is_honest = true;
        return true;
    case 'L':
        options->bounds.has_life = options->bounds.is_honest = true;
        return true;
    case 'S':
        options->bounds.has_sisters = options->bounds.is_honest = true;
        return true;
    case 'T':
        options->bounds.has_throughs = true;
        return true;
    case 'l':
        options->keeps_long = true;
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"seed", required_argument, NULL, 's'},    {"seeds", required_argument, NULL, 'c'}, {"nodes", required_argument, NULL, 'n'},
        {"records", required_argument, NULL, 'r'}, {"shape", required_argument, NULL, 'p'}, {"days", required_argument, NULL, 'D'},
        {"script", required_argument, NULL, 'f'},  {"fault", required_argument, NULL, 'F'}, {"faults", no_argument, NULL, 'A'},
        {"honest", no_argument, NULL, 'o'},        {"verbose", no_argument, NULL, 'v'},     {"story", no_argument, NULL, 't'},
        {"print", no_argument, NULL, 'P'},         {"determinism", no_argument, NULL, 'd'}, {"json", no_argument, NULL, 'j'},
        {"keys", no_argument, NULL, 'k'},          {"roots", no_argument, NULL, 'R'},       {"newcomers", no_argument, NULL, 'N'},
        {"community", no_argument, NULL, 'L'},     {"through", no_argument, NULL, 'T'},     {"sisters", no_argument, NULL, 'S'},
        {"long", no_argument, NULL, 'l'},          {"help", no_argument, NULL, 'h'},        {0}};
    struct options options = {.seed = 1, .seeds = 1, .bounds = {.shape = SIM_SHAPE_COUNT}};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'h') {
            return usage(0);
        }
        if (!parse_option(&options, c, optarg)) {
            return usage(2);
        }
    }
    if (optind < argc || kr_crypto_init() != KR_OK) {
        return usage(2);
    }
#ifndef KR_WITH_FAULTS
    if (options.tries_faults || options.fault != KR_FAULT_NONE) {
        (void)fputs("kr-sim: a release has no planted faults: use that of preset dev\n", stderr);
        return 2;
    }
#endif
    if (options.tries_faults) {
        return try_faults(&options);
    }
    kr_fault_number = options.fault;
    return options.script != NULL ? run_script(&options) : run_seeds(&options);
}
