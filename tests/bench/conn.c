#include "conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"

#define WAIT_MS 60000
#define PROBE   UINT64_C(1000000000) /* number of requests that only ask whether an earlier one was seen */

static void send_all(struct conn *conn, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(conn->fd, bytes, len, MSG_NOSIGNAL);
        BENCH_MUST(sent > 0);
        bytes += sent;
        len -= (size_t)sent;
    }
}

static void say(struct conn *conn, const struct kr_client_frame *frame)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_CLIENT_FRAME_BYTES_MAX + 4u);
    const uint8_t nothing[4] = {0};
    kr_writer_raw(&writer, nothing, 4);
    kr_client_frame_write(frame, true, &writer);
    BENCH_MUST(kr_writer_finish(&writer) == KR_OK);
    size_t len = writer.len - 4;
    for (int i = 0; i < 4; i++) {
        writer.bytes[i] = (uint8_t)(len >> (24 - 8 * i));
    }
    send_all(conn, writer.bytes, writer.len);
    kr_writer_deinit(&writer);
}

void conn_open(struct conn *conn, const char *path)
{
    static _Thread_local struct kr_client_frame hello;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memset(conn, 0, sizeof *conn);
    BENCH_MUST(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    conn->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BENCH_MUST(conn->fd >= 0 && connect(conn->fd, (struct sockaddr *)&address, sizeof address) == 0);
    const struct timeval patience = {.tv_sec = WAIT_MS / 1000};
    BENCH_MUST(setsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    hello.type = KR_CLIENT_HELLO;
    hello.version = KR_CLIENT_VERSION;
    hello.text = (struct kr_slice){(const uint8_t *)"kr-bench", 8};
    hello.text2 = (struct kr_slice){(const uint8_t *)"en", 2};
    say(conn, &hello);
    conn_next(conn);
    BENCH_MUST(conn->frame.type == KR_CLIENT_HELLO);
}

void conn_close(struct conn *conn)
{
    (void)close(conn->fd);
    free(conn->in);
    conn->in = NULL;
}

void conn_request(struct conn *conn, uint64_t number, uint32_t op, struct kr_writer *args, uint32_t credits)
{
    static _Thread_local struct kr_client_frame frame;
    BENCH_MUST(kr_writer_finish(args) == KR_OK);
    frame.type = KR_CLIENT_REQUEST;
    frame.number = number;
    frame.op = op;
    frame.payload = (struct kr_slice){args->bytes, args->len};
    frame.credits = credits;
    say(conn, &frame);
    kr_writer_deinit(args);
}

void conn_submit(struct conn *conn, uint64_t number, const struct kr_submit *submit)
{
    struct kr_writer args;
    kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX);
    kr_submit_write(submit, &args);
    conn_request(conn, number, KR_OP_SUBMIT, &args, 1);
}

static size_t whole_frame(const struct conn *conn)
{
    size_t left = conn->in_len - conn->in_at;
    if (left < 4) {
        return 0;
    }
    const uint8_t *head = conn->in + conn->in_at;
    size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    BENCH_MUST(len > 0 && len <= KR_CLIENT_FRAME_BYTES_MAX);
    return left - 4 >= len ? len : 0;
}

static bool receive(struct conn *conn, int flags)
{
    if (conn->in_at > 0) {
        memmove(conn->in, conn->in + conn->in_at, conn->in_len - conn->in_at);
        conn->in_len -= conn->in_at;
        conn->in_at = 0;
    }
    if (conn->in_capacity - conn->in_len < 65536) {
        conn->in_capacity = conn->in_capacity * 2 + 65536;
        conn->in = realloc(conn->in, conn->in_capacity);
        BENCH_MUST(conn->in != NULL);
    }
    struct pollfd wait = {.fd = conn->fd, .events = POLLIN};
    if (flags == 0 && conn->is_lone) {
        (void)kr_patience_poll(&conn->patience, &wait, WAIT_MS);
    }
    ssize_t got = recv(conn->fd, conn->in + conn->in_len, conn->in_capacity - conn->in_len, flags);
    if (got < 0 && (errno == EINTR || (errno == EAGAIN && flags == MSG_DONTWAIT))) {
        return false;
    }
    if (got < 0 && errno == EAGAIN) {
        bench_die("nothing came for a minute");
    }
    if (got <= 0) {
        bench_die("a node has closed the connection");
    }
    conn->in_len += (size_t)got;
    return true;
}

static void take(struct conn *conn, size_t len)
{
    const struct kr_slice bytes = {conn->in + conn->in_at + 4, len};
    BENCH_MUST(kr_client_frame_read(bytes, false, &conn->frame) == KR_OK);
    conn->in_at += 4 + len;
    if (conn->frame.type == KR_CLIENT_ERROR) {
        bench_die("the node says: %.*s", (int)conn->frame.text.len, (const char *)conn->frame.text.bytes);
    }
}

bool conn_try(struct conn *conn)
{
    size_t len = whole_frame(conn);
    while (len == 0 && receive(conn, MSG_DONTWAIT)) {
        len = whole_frame(conn);
    }
    if (len == 0) {
        return false;
    }
    take(conn, len);
    return true;
}

void conn_next(struct conn *conn)
{
    size_t len = whole_frame(conn);
    while (len == 0) {
        (void)receive(conn, 0);
        len = whole_frame(conn);
    }
    take(conn, len);
}

void conn_wait(struct conn *const *conns, int count)
{
    struct pollfd pollers[4];
    BENCH_MUST(count <= 4);
    for (int i = 0; i < count; i++) {
        pollers[i] = (struct pollfd){.fd = conns[i]->fd, .events = POLLIN};
    }
    if (poll(pollers, (nfds_t)count, WAIT_MS) == 0) {
        bench_die("nothing came for a minute");
    }
}

void conn_expect_end(struct conn *conn, uint64_t number)
{
    do {
        conn_next(conn);
    } while (conn->frame.type != KR_CLIENT_END || conn->frame.number != number);
}

static void request_nothing(struct conn *conn, uint64_t number, uint32_t op, uint32_t credits)
{
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    conn_request(conn, number, op, &args, credits);
}

void conn_watch(struct conn *conn)
{
    request_nothing(conn, 1, KR_OP_WATCH, 1u << 20);
    request_nothing(conn, PROBE, KR_OP_STATUS, 1); /* answered after it */
    conn_expect_end(conn, PROBE);
}

void conn_wait_for_items(struct conn *watch, uint32_t wanted)
{
    for (uint32_t seen = 0; seen < wanted;) {
        conn_next(watch);
        seen += watch->frame.type == KR_CLIENT_PAGE ? watch->frame.item_count : 0;
    }
}

static bool bears(const struct conn *watch, uint64_t number)
{
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)number);
    for (uint32_t i = 0; watch->frame.type == KR_CLIENT_PAGE && i < watch->frame.item_count; i++) {
        struct kr_summary summary;
        BENCH_MUST(kr_summary_read(watch->frame.items[i], &summary) == KR_OK);
        if (summary.title.len == strlen(wanted) && memcmp(summary.title.bytes, wanted, summary.title.len) == 0) {
            return true;
        }
    }
    return false;
}

void conn_wait_for_title(struct conn *watch, uint64_t number)
{
    do {
        conn_next(watch);
    } while (!bears(watch, number));
}

struct kr_status conn_status(struct conn *conn)
{
    struct kr_status status;
    request_nothing(conn, PROBE, KR_OP_STATUS, 1);
    conn_expect_end(conn, PROBE);
    BENCH_MUST(kr_status_read(conn->frame.payload, &status) == KR_OK);
    return status;
}
