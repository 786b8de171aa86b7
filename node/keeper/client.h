/* One client: what it asked for and has not been told yet, and what it has been told and has not read yet.
 *
 * A client is owned by one reader thread, which alone reads from it, adds and removes queries, and frees the slot. The thread that
 * runs the core answers the other requests. What both touch is under `mutex`; functions here want it held. */
#ifndef KR_NODE_KEEPER_CLIENT_H
#define KR_NODE_KEEPER_CLIENT_H

#include <pthread.h>
#include <stdbool.h>

#include "node/core/query.h"
#include "node/keeper/outbuf.h"
#include "proto/client/client.h"

#define KR_CLIENT_SUBMITS_MAX   64u /* under way; beyond, its socket is not read */
#define KR_CLIENT_OTHERS_MAX    16u /* other requests at a time; beyond, refused */
#define KR_CLIENT_REQUESTS_MAX  (KR_CLIENT_SUBMITS_MAX + KR_CLIENT_OTHERS_MAX)
#define KR_CLIENT_OUT_BYTES_MAX (4u * KR_MIB)   /* unread; beyond, the client is cut off */
#define KR_CLIENT_OUT_HIGH      (256u * KR_KIB) /* unread; beyond, its queries rest */
#define KR_CLIENT_HELD_MAX      (256u * KR_KIB) /* items that wait for credit */
#define KR_CLIENT_CREDITS_MAX   (1 << 20)

/* Items on their way into one page. */
struct kr_page {
    uint8_t *bytes;
    size_t len, capacity;
    uint32_t count;
    uint32_t ends[KR_PAGE_ITEMS_MAX];
};

struct kr_request {
    uint64_t number;
    uint32_t op;
    int64_t credits; /* pages that the client still takes */
    size_t charged;  /* bytes under KR_REQUEST_BYTES_MAX */
    bool is_query;   /* answered by the reader thread; else by the core */
    struct kr_query query;
    struct kr_page *page; /* NULL: no items wait */
    bool is_ended;        /* result or error wait behind items that wait for credit */
    uint32_t code;
    uint8_t *result;
    size_t result_len;
};

struct kr_client {
    pthread_mutex_t mutex;
    uint64_t id; /* 0: free. Never used twice */
    int fd;
    struct kr_outbuf out;
    int epoll_fd;    /* of its reader, -1: none */
    bool waits_out;  /* the reader is woken when the socket takes more */
    bool is_corked;  /* what is said waits for kr_client_flush */
    bool is_broken;  /* gone or cut off: the reader closes it */
    bool is_closing; /* was told why; nothing more is read, closed when it has read that */
    bool speaks_japanese;
    struct kr_caller caller; /* once and for all */
    struct kr_request *requests[KR_CLIENT_REQUESTS_MAX];
    uint32_t request_count, submit_count;

    /* The reader's alone. */
    bool has_hello, is_readable, is_runnable, is_paused;
    bool is_hung_up;      /* its end came, behind what is still to be read */
    uint64_t deadline_ms; /* of the hello, of a frame begun, of closing; 0: none */
    uint8_t *in;
    size_t in_len, in_capacity;
    uint32_t next_query; /* whose turn it is */
};

struct kr_request *kr_client_find(const struct kr_client *client, uint64_t number);
/* KR_NOMEM; KR_BUSY where there are too many. */
enum kr_err kr_client_add(struct kr_client *client, uint64_t number, uint32_t op, uint32_t credits, bool is_query,
                          struct kr_request **ret_request) KR_WARN_UNUSED;
/* Returns the bytes that it was charged with. */
size_t kr_client_remove(struct kr_client *client, struct kr_request *request);

/* Has the reader watch the client's socket. `is_first`: from now on. KR_SYSTEM. */
enum kr_err kr_client_watch(struct kr_client *client, bool is_first) KR_WARN_UNUSED;
/* Queues a frame and sends what the socket takes; marks the client broken where that fails. */
void kr_client_say(struct kr_client *client, const struct kr_client_frame *what);
/* Sends what waits, and ends the corking. */
void kr_client_flush(struct kr_client *client);
void kr_client_say_error(struct kr_client *client, uint64_t number, enum kr_err code, const char *text);

enum kr_err kr_page_add(struct kr_page **page, struct kr_slice item) KR_WARN_UNUSED; /* KR_BOUNDS where it is full */
/* Sends the items that wait if there is credit (or the client is over it already by a page that was too large for one frame). */
void kr_client_flush_page(struct kr_client *client, struct kr_request *request);
/* The same against credit: a query's page that does not fit one frame. */
void kr_client_say_page(struct kr_client *client, struct kr_request *request);
/* Ends a request: at once (true: the request is gone, `*ret_charged` is what it was charged), or when credit comes. `result` is
 * copied. With `code` other than KR_OK it is the error's text. */
bool kr_client_end(struct kr_client *client, struct kr_request *request, enum kr_err code, struct kr_slice result,
                   size_t *ret_charged);
bool kr_client_credit(struct kr_client *client, struct kr_request *request, uint32_t more, size_t *ret_charged);

#endif
