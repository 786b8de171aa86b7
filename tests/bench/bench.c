#include "bench.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

static bool has_failed;
static char directory[256];
static pid_t owner;

void bench_say(const struct bench_options *options, const struct bench_line *line)
{
    static bool has_head;
    double ratio = line->limit > 0 ? line->value / line->limit : 0;
    bool pass = line->goal <= 0 || (line->goal_is_min ? ratio >= line->goal : ratio <= line->goal);
    has_failed = has_failed || !pass;
    if (options->is_json) {
        (void)printf("{\"bench\":\"%s\",\"case\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"limit\":%.3f,\"limit_what\":\"%s\","
                     "\"ratio\":%.3f,\"goal\":\"%s %.2f\",\"pass\":%s}\n",
                     line->bench, line->name, line->value, line->unit, line->limit, line->limit_what, ratio,
                     line->goal_is_min ? ">=" : "<=", line->goal, pass ? "true" : "false");
    } else {
        if (!has_head) {
            (void)printf("%-12s %-30s %12s %-9s %12s %7s %8s\n", "bench", "case", "value", "unit", "limit", "ratio", "goal");
            has_head = true;
        }
        char goal[32] = "";
        if (line->goal > 0) {
            (void)snprintf(goal, sizeof goal, "%s %.2f", line->goal_is_min ? ">=" : "<=", line->goal);
        }
        (void)printf("%-12s %-30s %12.3f %-9s %12.3f %7.2f %8s  %s  (limit: %s)\n", line->bench, line->name, line->value,
                     line->unit, line->limit, ratio, goal,
                     line->goal <= 0 ? "    "
                     : pass          ? "pass"
                                     : "MISS",
                     line->limit_what);
    }
    (void)fflush(stdout);
}

bool bench_all_passed(void)
{
    return !has_failed;
}

uint64_t bench_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

double bench_cpu_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_percentile(double *values, size_t count, double percent)
{
    BENCH_MUST(count > 0);
    qsort(values, count, sizeof values[0], compare);
    return values[(size_t)((double)(count - 1) * percent / 100.0 + 0.5)];
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static void clean_up(void)
{
    if (getpid() != owner) {
        return; /* a child that failed early */
    }
    nodes_kill_all();
    (void)nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *bench_directory(void)
{
    if (directory[0] == 0) {
        const char *base = getenv("TMPDIR");
        (void)snprintf(directory, sizeof directory, "%.200s/kr-bench.XXXXXX", base != NULL ? base : "/tmp");
        owner = getpid();
        if (mkdtemp(directory) == NULL || atexit(clean_up) != 0) {
            (void)fprintf(stderr, "kr-bench: no temporary directory\n");
            exit(2);
        }
    }
    return directory;
}

void bench_die(const char *fmt, ...)
{
    va_list args;
    (void)fputs("kr-bench: ", stderr);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(2);
}

struct bench_run bench_run(char *const *argv, const char *out)
{
    struct bench_run run = {0};
    struct rusage usage;
    int status = 0;
    const uint64_t began = bench_now_us();
    const pid_t child = fork();
    if (child == 0) {
        const int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && null >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0) {
            (void)execvp(argv[0], argv);
        }
        _exit(127);
    }
    BENCH_MUST(child > 0 && wait4(child, &status, 0, &usage) == child && WIFEXITED(status));
    run.seconds = (double)(bench_now_us() - began) / 1e6;
    run.rss_kib = usage.ru_maxrss;
    run.status = WEXITSTATUS(status);
    return run;
}
