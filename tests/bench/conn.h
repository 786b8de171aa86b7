/* A connection to a node's client socket, kept open: frames out and in, many requests at a time. */
#ifndef KR_BENCH_CONN_H
#define KR_BENCH_CONN_H

#include <stdbool.h>

#include "proto/client/client.h"
#include "tools/client/patience.h"

struct conn {
    int fd;
    bool is_lone; /* one request is under way at a time: answers are waited for as the product's client does then */
    struct kr_patience patience;
    uint8_t *in;
    size_t in_at, in_len, in_capacity;
    struct kr_client_frame frame; /* the last that came; borrowed until the next */
};

void conn_open(struct conn *conn, const char *path);
void conn_close(struct conn *conn);
/* Sends a request; takes the writer's bytes. */
void conn_request(struct conn *conn, uint64_t number, uint32_t op, struct kr_writer *args, uint32_t credits);
void conn_submit(struct conn *conn, uint64_t number, const struct kr_submit *submit);
/* The next frame in conn->frame. An error frame ends the program. */
void conn_next(struct conn *conn);
/* The same without waiting; false where no whole frame is there. */
bool conn_try(struct conn *conn);
/* Passes over everything up to the end of this request. */
void conn_expect_end(struct conn *conn, uint64_t number);
/* Watches: pages arrive on this connection from now on. Returns when the node has taken the request in. */
void conn_watch(struct conn *conn);
/* Until so many items have come on a connection that watches. */
void conn_wait_for_items(struct conn *watch, uint32_t wanted);
/* Until the report has come on it whose title is that number. */
void conn_wait_for_title(struct conn *watch, uint64_t number);
struct kr_status conn_status(struct conn *conn);
/* Waits until readable (up to a minute, else the program ends). */
void conn_wait(struct conn *const *conns, int count);

#endif
