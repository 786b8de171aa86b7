/* A connection to a node's keeper over its local socket (proto/client/client.h): the same for the command line, the gateway and the
 * benches.
 *
 * Requests are numbered here and may be pipelined; answers come in the order that keeper gives them. What keeper says meets the
 * bounded reader; anything out of order (an unknown number, a page without credit, a frame too long) breaks the connection, and
 * every later call then fails the same way. One thread at a time. Nothing here waits without a deadline unless asked to. */
#ifndef KR_TOOLS_CLIENT_CLIENT_H
#define KR_TOOLS_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "proto/client/client.h"

#define KR_CONN_REQUESTS_MAX 4096u         /* open at a time; keeper itself takes 64 submissions and 16 others, the rest wait */
#define KR_CONN_OUT_HIGH     (1u * KR_MIB) /* unsent; beyond, a request waits until keeper has taken some */
#define KR_CONN_IN_MAX       (8u * KR_MIB) /* unread answers; beyond, KR_BOUNDS */
#define KR_CONN_HELLO_MS     10000         /* for keeper's greeting */
#define KR_CONN_SEND_MS      60000         /* for a request to be taken while others are under way */
#define KR_CONN_PAGES        4u            /* credits that kr_conn_call keeps granted */
#define KR_WAIT_FOREVER      (-1)

struct kr_conn;

/* Connects and says hello. `program` ("kairan 0.1.0") and `language` ("ja", "en") are copied. `error` says how to start the node
 * where none runs. KR_NOT_FOUND: no socket there, or nobody behind it; KR_DENIED: not this user's; KR_VERSION; KR_TIMEOUT. */
enum kr_err kr_conn_open(const char *path, const char *program, const char *language, struct kr_conn **ret_conn,
                         struct kr_error *error) KR_WARN_UNUSED;
/* The same on a connected stream socket, which becomes the connection's own (closed also on failure). */
enum kr_err kr_conn_adopt(int fd, const char *program, const char *language, struct kr_conn **ret_conn,
                          struct kr_error *error) KR_WARN_UNUSED;
void kr_conn_free(struct kr_conn *conn); /* NULL is fine. What was not sent is dropped. */

/* From keeper's hello; borrowed as long as the connection lives. */
const uint8_t *kr_conn_council(const struct kr_conn *conn);
const char *kr_conn_name(const struct kr_conn *conn);
/* For poll: readable where frames may have come (first call kr_conn_receive with 0: some may be buffered already); writable matters
 * only while kr_conn_wants_write. */
int kr_conn_fd(const struct kr_conn *conn);
bool kr_conn_wants_write(const struct kr_conn *conn);

/* Sends a request (copied). `credits` pages may come before more is granted. `*ret_number` names it in every answer. */
enum kr_err kr_conn_request(struct kr_conn *conn, enum kr_op op, struct kr_slice args, uint32_t credits, uint64_t *ret_number,
                            struct kr_error *error) KR_WARN_UNUSED;
enum kr_err kr_conn_credit(struct kr_conn *conn, uint64_t number, uint32_t more, struct kr_error *error) KR_WARN_UNUSED;
/* Its pages are dropped from now on. One frame still comes: KR_CLIENT_END, or KR_CLIENT_ERROR (as a rule KR_CANCELLED). */
enum kr_err kr_conn_cancel(struct kr_conn *conn, uint64_t number, struct kr_error *error) KR_WARN_UNUSED;

/* The next page, end or error of any open request; borrowed until the next call on this connection. KR_TIMEOUT where none came in
 * `timeout_ms` (0: only what is there; KR_WAIT_FOREVER), KR_CLOSED where keeper went away, KR_MALFORMED or KR_BOUNDS where it
 * talks nonsense; keeper's own refusal of the whole connection comes as its error. */
enum kr_err kr_conn_receive(struct kr_conn *conn, int timeout_ms, const struct kr_client_frame **ret_frame,
                            struct kr_error *error) KR_WARN_UNUSED;

/* Gets each item of each page (borrowed for the call). Anything but KR_OK cancels the request, and is what the call returns. */
typedef enum kr_err kr_conn_item(void *context, struct kr_slice item);
/* One request from beginning to end, credits granted page by page. `on_item` may be NULL where no pages are expected; so may
 * `ret_result` (borrowed until the next call). Returns keeper's error with its detail, or what kr_conn_receive returns. The timeout
 * counts from one frame to the next. No other request may be open. */
enum kr_err kr_conn_call(struct kr_conn *conn, enum kr_op op, struct kr_slice args, int timeout_ms, kr_conn_item *on_item,
                         void *context, struct kr_slice *ret_result, struct kr_error *error) KR_WARN_UNUSED;

/* The error of a KR_CLIENT_ERROR frame as a code of ours (unknown codes of newer nodes: KR_INVALID) with the detail in `error`. */
enum kr_err kr_conn_frame_error(const struct kr_client_frame *frame, struct kr_error *error) KR_WARN_UNUSED;

#endif
