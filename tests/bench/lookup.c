/* Looking values up, beside what an in-memory table with nothing else to do gives over the same sort of socket: a redis-server that
 * holds the same indicators, asked for them by name. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "indicators.h"
#include "node.h"

#define FILE_INDICATORS 100000u
#define ROUNDS          7u
#define BATCH           100u
#define REPLY_BYTES     64u /* of a value in redis: as much as says which record it is, and whose */

/* ---- redis ---- */

struct redis {
    pid_t pid;
    int fd;
    char socket[330];
    char *out, *in;
    size_t out_len, out_capacity, in_capacity;
    bool looks_out; /* its client waits for answers as ours does; else it sleeps until they come, as redis' own do */
    struct kr_patience patience;
};
static pid_t redis_pid; /* to be ended with the program */

static void end_redis(void)
{
    if (redis_pid > 0) {
        (void)kill(redis_pid, SIGKILL);
        (void)waitpid(redis_pid, NULL, 0);
        redis_pid = 0;
    }
}

/* Debian has the server's program in redis-tools, under the name of one of its tools; it goes by the name that it is called by. */
static void exec_redis(const char *socket_path, const char *directory)
{
    static const char *const paths[] = {"/usr/bin/redis-server", "/usr/bin/redis-check-rdb", "/usr/local/bin/redis-server"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        (void)execl(paths[i], "redis-server", "--port", "0", "--unixsocket", socket_path, "--save", "", "--appendonly", "no",
                    "--dir", directory, "--loglevel", "warning", "--logfile", "/dev/null", (char *)NULL);
    }
    _exit(127);
}

static void redis_start(struct redis *redis)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *redis = (struct redis){.fd = -1};
    (void)snprintf(redis->socket, sizeof redis->socket, "%s/redis.sock", bench_directory());
    BENCH_MUST(strlen(redis->socket) < sizeof address.sun_path);
    memcpy(address.sun_path, redis->socket, strlen(redis->socket) + 1);
    redis->pid = fork();
    BENCH_MUST(redis->pid >= 0);
    if (redis->pid == 0) {
        exec_redis(redis->socket, bench_directory());
    }
    redis_pid = redis->pid;
    (void)atexit(end_redis);
    for (const uint64_t until_us = bench_now_us() + 30000000u;;) {
        int status;
        redis->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        BENCH_MUST(redis->fd >= 0);
        if (connect(redis->fd, (struct sockaddr *)&address, sizeof address) == 0) {
            return;
        }
        (void)close(redis->fd);
        if (waitpid(redis->pid, &status, WNOHANG) == redis->pid) {
            redis_pid = 0;
            bench_die("there is no redis-server: install Debian's redis-tools");
        }
        BENCH_MUST(bench_now_us() < until_us);
    }
}

static void redis_put(struct redis *redis, const char *bytes, size_t len)
{
    if (redis->out_len + len > redis->out_capacity) {
        redis->out_capacity = redis->out_capacity * 2 + len + 65536;
        redis->out = realloc(redis->out, redis->out_capacity);
        BENCH_MUST(redis->out != NULL);
    }
    memcpy(redis->out + redis->out_len, bytes, len);
    redis->out_len += len;
}

static void redis_word(struct redis *redis, const void *bytes, size_t len)
{
    char head[32];
    redis_put(redis, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", len));
    redis_put(redis, bytes, len);
    redis_put(redis, "\r\n", 2);
}

/* Sends what was put and takes so many bytes of answers. All answers of a kind are of one length. */
static void redis_exchange(struct redis *redis, size_t wanted)
{
    for (size_t at = 0; at < redis->out_len;) {
        ssize_t sent = send(redis->fd, redis->out + at, redis->out_len - at, MSG_NOSIGNAL);
        BENCH_MUST(sent > 0);
        at += (size_t)sent;
    }
    redis->out_len = 0;
    if (wanted > redis->in_capacity) {
        redis->in_capacity = wanted;
        redis->in = realloc(redis->in, wanted);
        BENCH_MUST(redis->in != NULL);
    }
    for (size_t at = 0; at < wanted;) {
        struct pollfd wait = {.fd = redis->fd, .events = POLLIN};
        if (redis->looks_out) {
            (void)kr_patience_poll(&redis->patience, &wait, -1);
        }
        ssize_t got = recv(redis->fd, redis->in + at, wanted - at, 0);
        BENCH_MUST(got > 0);
        at += (size_t)got;
    }
}

static void redis_set(struct redis *redis, const struct kr_found *item)
{
    char value[REPLY_BYTES];
    memset(value, 'v', sizeof value);
    redis_put(redis, "*3\r\n$3\r\nSET\r\n", 13);
    redis_word(redis, item->value.bytes, item->value.len);
    redis_word(redis, value, sizeof value);
}

#define GET_ANSWER_BYTES (sizeof "$64\r\n" - 1 + REPLY_BYTES + 2)
static void redis_get(struct redis *redis, const struct kr_found *const *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        redis_put(redis, "*2\r\n$3\r\nGET\r\n", 13);
        redis_word(redis, items[i]->value.bytes, items[i]->value.len);
    }
    redis_exchange(redis, count * GET_ANSWER_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        BENCH_MUST(memcmp(redis->in + i * GET_ANSWER_BYTES, "$64\r\nv", 6) == 0);
    }
}

/* ---- the node ---- */

static void node_get(struct conn *conn, const struct kr_found *const *items, uint32_t count)
{
    static uint64_t number = 100;
    struct kr_writer args;
    uint32_t found = 0, last = UINT32_MAX;
    kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX / 2);
    kr_writer_array(&args, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_array(&args, 2);
        kr_writer_uint(&args, items[i]->type);
        kr_writer_slice(&args, items[i]->value);
    }
    conn_request(conn, ++number, KR_OP_LOOKUP, &args, 1000);
    do {
        conn_next(conn);
        for (uint32_t i = 0; conn->frame.type == KR_CLIENT_PAGE && i < conn->frame.item_count; i++) {
            struct kr_match match;
            BENCH_MUST(kr_match_read(conn->frame.items[i], &match) == KR_OK);
            found += match.query != last;
            last = match.query;
        }
    } while (conn->frame.type != KR_CLIENT_END);
    BENCH_MUST(found == count);
}

/* CPU of a whole process, in clock ticks' resolution. */
static double process_cpu_us(pid_t pid)
{
    char path[64], text[1024];
    unsigned long long user = 0, system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *in = fopen(path, "re");
    BENCH_MUST(in != NULL);
    size_t len = fread(text, 1, sizeof text - 1, in);
    (void)fclose(in);
    text[len] = 0;
    const char *at = strrchr(text, ')');
    BENCH_MUST(at != NULL);
    for (int field = 0; at != NULL && field < 13; field++) { /* utime and stime are the 12th and 13th behind the name */
        at = strchr(at + 1, ' ');
        user = field == 11 && at != NULL ? strtoull(at, NULL, 10) : user;
        system = field == 12 && at != NULL ? strtoull(at, NULL, 10) : system;
    }
    BENCH_MUST(at != NULL);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* Until the node has merged its index and has nothing left to do: redis has nothing like it, and it would take a core. */
static void wait_until_idle(pid_t pid)
{
    const uint64_t until_us = bench_now_us() + 60000000u;
    const double tick_us = 1e6 / (double)sysconf(_SC_CLK_TCK);
    for (uint32_t idle = 0; idle < 3 && bench_now_us() < until_us;) {
        const double before_us = process_cpu_us(pid);
        BENCH_MUST(poll(NULL, 0, 500) == 0);
        idle = process_cpu_us(pid) - before_us <= 2 * tick_us ? idle + 1 : 0;
    }
}

/* ---- the same questions to both, in turn ---- */

struct side {
    double rate[ROUNDS];
    double cpu_us; /* of all rounds */
};

struct asking {
    struct conn *conn;
    struct redis *redis;
    pid_t node;
    const struct kr_found **items; /* shuffled */
    uint32_t count;
};

static void ask_both(struct asking *asking, uint32_t round, uint32_t batch, struct side *kairan, struct side *redis)
{
    const uint32_t first = round * asking->count;
    double cpu_us = process_cpu_us(asking->node);
    uint64_t begin_us = bench_now_us();
    for (uint32_t i = 0; i < asking->count; i += batch) {
        node_get(asking->conn, asking->items + first + i, batch);
    }
    kairan->rate[round] = asking->count * 1e6 / (double)(bench_now_us() - begin_us);
    kairan->cpu_us += process_cpu_us(asking->node) - cpu_us;
    cpu_us = process_cpu_us(asking->redis->pid);
    begin_us = bench_now_us();
    for (uint32_t i = 0; i < asking->count; i += batch) {
        redis_get(asking->redis, asking->items + first + i, batch);
    }
    redis->rate[round] = asking->count * 1e6 / (double)(bench_now_us() - begin_us);
    redis->cpu_us += process_cpu_us(asking->redis->pid) - cpu_us;
}

static const char *redis_what(const struct redis *redis, bool is_single)
{
    if (redis->looks_out) {
        return is_single ? "GETs of redis one at a time, its client looking out as ours does"
                         : "GETs of redis, 100 in a pipeline, its client looking out as ours does";
    }
    return is_single ? "GETs of redis one at a time" : "GETs of redis, 100 in a pipeline";
}

static void measure(const struct bench_options *options, struct asking *asking, uint32_t batch)
{
    struct side kairan = {.cpu_us = 0}, redis = {.cpu_us = 0};
    const double asked = (double)asking->count * ROUNDS, tick_us = 1e6 / (double)sysconf(_SC_CLK_TCK);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        ask_both(asking, round, batch, &kairan, &redis);
    }
    const bool is_single = batch == 1;
    bench_say(options, &(struct bench_line){"lookup", is_single ? "one at a time" : "100 at a time", "look-ups/s",
                                            bench_percentile(kairan.rate, ROUNDS, 50), bench_percentile(redis.rate, ROUNDS, 50),
                                            redis_what(asking->redis, is_single), asking->redis->looks_out ? 0 : 1.0,
                                            !asking->redis->looks_out});
    /* A run that is too short for the clock has taken a tick at most. */
    bench_say(options,
              &(struct bench_line){"lookup", is_single ? "CPU, one at a time" : "CPU, 100 at a time", "us/look-up",
                                   (kairan.cpu_us > tick_us ? kairan.cpu_us : tick_us) / asked,
                                   (redis.cpu_us > tick_us ? redis.cpu_us : tick_us) / asked, "CPU of redis for a GET", 0, false});
}

void bench_lookup(const struct bench_options *options)
{
    const uint32_t per_file = options->is_small ? 2000 : FILE_INDICATORS, files = options->is_small ? 1 : 10;
    const uint32_t count = options->is_small ? 200 : 20000;
    struct node node;
    struct redis redis;
    struct conn conn;
    struct bulk *bulks = calloc(files, sizeof *bulks);
    struct asking asking = {.conn = &conn, .redis = &redis, .count = count};
    asking.items = calloc((size_t)count * ROUNDS, sizeof(const struct kr_found *));
    BENCH_MUST(bulks != NULL && asking.items != NULL);
    char *texts[10] = {NULL};
    redis_start(&redis);
    node_make(&node, "lookup", "Bench");
    for (uint32_t i = 0; i < files; i++) {
        size_t len;
        texts[i] = indicators_text(i, per_file, &len);
        bulk_submit(&bulks[i], node.socket, texts[i], len, per_file, NULL, NULL);
        for (uint32_t j = 0; j < per_file; j++) {
            redis_set(&redis, &bulks[i].extract->items[j]);
            if (redis.out_len > 1u << 20 || j + 1 == per_file) {
                static uint32_t since;
                redis_exchange(&redis, (size_t)(j + 1 - since) * 5); /* +OK */
                since = j + 1 == per_file ? 0 : j + 1;
            }
        }
    }
    uint64_t random = 88172645463325252u; /* xorshift64: the same questions each time */
    for (uint32_t i = 0; i < count * ROUNDS; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        const struct bulk *bulk = &bulks[random % files];
        asking.items[i] = &bulk->extract->items[random / files % per_file];
    }
    asking.node = node.pid;
    conn_open(&conn, node.socket);
    conn.is_lone = true;
    wait_until_idle(node.pid);
    measure(options, &asking, 1);
    measure(options, &asking, BATCH);
    redis.looks_out = true; /* without a goal: what the client's way of waiting alone makes of it */
    measure(options, &asking, 1);
    measure(options, &asking, BATCH);
    conn_close(&conn);
    for (uint32_t i = 0; i < files; i++) {
        bulk_free(&bulks[i]);
        free(texts[i]);
    }
    node_remove(&node);
    (void)close(redis.fd);
    end_redis();
    free(redis.out);
    free(redis.in);
    free(asking.items);
    free(bulks);
}
