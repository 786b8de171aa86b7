/* ZeroMQ sockets with every option that matters set, and the ZAP handler (RFC 27) that decides who may connect.
 *
 * ZAP fails open unless three things hold together: a domain, its enforcement, and a handler that is bound before any socket
 * listens. kr_zap_bind comes first, and kr_router_new refuses to make a socket without all of its options. */
#ifndef KR_NODE_NET_SOCKETS_H
#define KR_NODE_NET_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"

struct kr_curve {
    uint8_t public_key[32], secret[32];
};

/* The listening socket. `endpoint` as zmq_bind takes it; `ret_endpoint` (size KR_ENDPOINT_BYTES_MAX + 1) gets it with the real
 * port. */
enum kr_err kr_router_new(void *context, const struct kr_curve *own, const char *endpoint, void **ret_socket, char *ret_endpoint,
                          struct kr_error *error) KR_WARN_UNUSED;
/* A dialling socket; `endpoint` has a numeric host. Where `monitor` names one ("inproc://…", not in use), `*ret_monitor` gets a
 * socket that tells when the connection ends, when a try makes none, and when it is not admitted: from before the first try on,
 * since one that is not admitted is never made again; of one that is only tried also when it stands, and each way in which it does
 * not. NULL where that cannot be had: the link then only comes back more slowly, when pings stay out. */
enum kr_err kr_dealer_new(void *context, const struct kr_curve *own, const uint8_t server_key[static 32], const char *endpoint,
                          const char *monitor, bool is_trial, void **ret_socket, void **ret_monitor,
                          struct kr_error *error) KR_WARN_UNUSED;
/* Ends both; `monitor` may be NULL. */
void kr_dealer_free(void *socket, void *monitor);
enum kr_err kr_zap_bind(void *context, void **ret_socket) KR_WARN_UNUSED;

typedef bool kr_zap_may_connect(void *context, const uint8_t key[static 32]);
/* Answers one waiting request. Keys that `may_connect` get their 64 hexadecimal digits as User-Id: the key itself is the identity.
 * Returns false where none waits; `ret_refused` says whether it was a refusal, and of which key (zero where there was none). */
bool kr_zap_answer(void *socket, kr_zap_may_connect *may_connect, void *context, bool *ret_refused, uint8_t ret_key[static 32]);

#endif
