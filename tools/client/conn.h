/* What a connection is; for this folder only. */
#ifndef KR_TOOLS_CLIENT_CONN_H
#define KR_TOOLS_CLIENT_CONN_H

#include "tools/client/afar.h"
#include "tools/client/client.h"
#include "tools/client/stream.h"

struct kr_conn_open_request {
    uint64_t number;
    uint64_t credits; /* pages that may still come */
    bool is_cancelled;
};

struct kr_conn {
    struct kr_stream stream;
    struct kr_afar *afar; /* the way over the network; NULL: the node is here */
    uint64_t next_number;
    struct kr_conn_open_request *requests; /* in the order of their numbers */
    uint32_t request_count;
    enum kr_err broken;
    struct kr_error broken_error;
    uint8_t council[32];
    char name[KR_NAME_BYTES_MAX + 1];
    struct kr_client_frame frame, outgoing;
};

/* Queues conn->outgoing. */
enum kr_err kr_conn_queue(struct kr_conn *conn, struct kr_error *error) KR_WARN_UNUSED;
/* The next frame of any sort into conn->frame. */
enum kr_err kr_conn_next(struct kr_conn *conn, int64_t deadline, struct kr_error *error) KR_WARN_UNUSED;

#endif
