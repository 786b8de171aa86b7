#include "node/net/sockets.h"

#include <sodium.h>
#include <string.h>
#include <zmq.h>

/* Debian's header shows this option only to those who build with drafts; the library has it since 4.3.0. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_DOMAIN   "kairan"
/* Frames per connection. Out, the peer's window bounds the bytes (KR_LINK_WINDOW_BYTES), so that many small frames may wait. In, a
 * hostile peer chooses the size: KR_NET_FRAMES_MAX says what it can make this process hold. */
#define FRAMES_OUT 64
#define FRAMES_IN  KR_NET_FRAMES_MAX

struct option {
    int name, value;
};

static bool set_ints(void *socket, const struct option *options, size_t count)
{
    bool is_set = true;
    for (size_t i = 0; i < count; i++) {
        is_set = zmq_setsockopt(socket, options[i].name, &options[i].value, sizeof options[i].value) == 0 && is_set;
    }
    return is_set;
}

static bool set_common(void *socket, const struct kr_curve *own)
{
    static const struct option options[] = {
        {ZMQ_SNDHWM, FRAMES_OUT},
        {ZMQ_RCVHWM, FRAMES_IN},
        {ZMQ_LINGER, 0},
        {ZMQ_IPV6, 1},
        {ZMQ_HANDSHAKE_IVL, 10000},
        {ZMQ_HEARTBEAT_IVL, 10000},
        {ZMQ_HEARTBEAT_TTL, 30000},
        {ZMQ_HEARTBEAT_TIMEOUT, 20000},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_BACKLOG, 1024},
        {ZMQ_SNDTIMEO, 0},
        {ZMQ_RCVTIMEO, 0},
    };
    int64_t message_bytes_max = KR_FRAME_BYTES_MAX + 64;
    return set_ints(socket, options, sizeof options / sizeof options[0]) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_bytes_max, sizeof message_bytes_max) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own->public_key, 32) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret, 32) == 0;
}

/* A socket that takes both kinds of address names an IPv4 one as IPv6 does: back to how it was written. */
static void print_as_ipv4(char *endpoint)
{
    static const char mapped[] = "tcp://[::ffff:";
    char *host = endpoint + sizeof mapped - 1;
    char *end = strncmp(endpoint, mapped, sizeof mapped - 1) == 0 ? strchr(host, ']') : NULL;
    if (end == NULL || memchr(host, '.', (size_t)(end - host)) == NULL) {
        return;
    }
    char *to = endpoint + strlen("tcp://");
    memmove(to, host, (size_t)(end - host));
    memmove(to + (end - host), end + 1, strlen(end + 1) + 1);
}

enum kr_err kr_router_new(void *context, const struct kr_curve *own, const char *endpoint, void **ret_socket, char *ret_endpoint,
                          struct kr_error *error)
{
    static const struct option options[] = {
        {ZMQ_CURVE_SERVER, 1}, {ZMQ_ZAP_ENFORCE_DOMAIN, 1}, {ZMQ_ROUTER_MANDATORY, 1}, {ZMQ_ROUTER_HANDOVER, 0}};
    size_t len = KR_ENDPOINT_BYTES_MAX + 1;
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    if (socket == NULL) {
        return kr_fail(error, KR_SYSTEM, "no socket: %s", zmq_strerror(zmq_errno()));
    }
    bool is_closed_to_strangers = set_common(socket, own) && set_ints(socket, options, sizeof options / sizeof options[0]) &&
                                  zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN)) == 0;
    if (!is_closed_to_strangers || zmq_bind(socket, endpoint) != 0 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, ret_endpoint, &len) != 0) {
        enum kr_err err = kr_fail(error, KR_SYSTEM, "%s: %s", endpoint, zmq_strerror(zmq_errno()));
        (void)zmq_close(socket);
        return err;
    }
    print_as_ipv4(ret_endpoint);
    *ret_socket = socket;
    return KR_OK;
}

static void *monitor_new(void *context, void *socket, const char *name, bool is_trial)
{
    static const struct option options[] = {{ZMQ_LINGER, 0}};
    const int more =
        is_trial ? ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL : 0;
    const int events = ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    if (zmq_socket_monitor(socket, name, events | more) != 0) {
        return NULL;
    }
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    if (monitor != NULL && (!set_ints(monitor, options, 1) || zmq_connect(monitor, name) != 0)) {
        (void)zmq_close(monitor);
        monitor = NULL;
    }
    if (monitor == NULL) {
        (void)zmq_socket_monitor(socket, NULL, 0);
    }
    return monitor;
}

/* ZeroMQ's own thread, which all sockets of the context share, waits for ever with an event that nobody can read any more: events
 * end before their reader. */
void kr_dealer_free(void *socket, void *monitor)
{
    if (monitor != NULL) {
        (void)zmq_socket_monitor(socket, NULL, 0);
        (void)zmq_close(monitor);
    }
    (void)zmq_close(socket);
}

enum kr_err kr_dealer_new(void *context, const struct kr_curve *own, const uint8_t server_key[static 32], const char *endpoint,
                          const char *monitor, bool is_trial, void **ret_socket, void **ret_monitor, struct kr_error *error)
{
    static const struct option options[] = {
        {ZMQ_IMMEDIATE, 1}, {ZMQ_RECONNECT_IVL, 100}, {ZMQ_RECONNECT_IVL_MAX, 2000}, {ZMQ_CONNECT_TIMEOUT, 10000}};
    void *socket = zmq_socket(context, ZMQ_DEALER);
    if (socket == NULL) {
        return kr_fail(error, KR_SYSTEM, "no socket: %s", zmq_strerror(zmq_errno()));
    }
    bool is_ready = set_common(socket, own) && set_ints(socket, options, sizeof options / sizeof options[0]) &&
                    zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, 32) == 0;
    void *watching = is_ready && monitor != NULL ? monitor_new(context, socket, monitor, is_trial) : NULL;
    if (!is_ready || zmq_connect(socket, endpoint) != 0) {
        enum kr_err err = kr_fail(error, KR_SYSTEM, "%s: %s", endpoint, zmq_strerror(zmq_errno()));
        kr_dealer_free(socket, watching);
        return err;
    }
    *ret_socket = socket;
    if (monitor != NULL) {
        *ret_monitor = watching;
    }
    return KR_OK;
}

/* ---- ZAP ---- */

enum kr_err kr_zap_bind(void *context, void **ret_socket)
{
    void *socket = zmq_socket(context, ZMQ_REP);
    static const struct option options[] = {{ZMQ_LINGER, 0}, {ZMQ_RCVTIMEO, 0}};
    if (socket == NULL || !set_ints(socket, options, 2) || zmq_bind(socket, ZAP_ENDPOINT) != 0) {
        if (socket != NULL) {
            (void)zmq_close(socket);
        }
        return KR_SYSTEM;
    }
    *ret_socket = socket;
    return KR_OK;
}

#define ZAP_PARTS          7u
#define ZAP_PART_BYTES_MAX 255u

struct zap_request {
    uint8_t parts[ZAP_PARTS][ZAP_PART_BYTES_MAX + 1];
    size_t lens[ZAP_PARTS];
    uint32_t count;
    bool is_odd; /* more or longer parts than RFC 27 has for CURVE */
};

static bool receive_request(void *socket, struct zap_request *request)
{
    int more = 1;
    memset(request, 0, sizeof *request);
    while (more) {
        zmq_msg_t part;
        (void)zmq_msg_init(&part);
        if (zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&part);
            return false;
        }
        size_t len = zmq_msg_size(&part);
        if (request->count < ZAP_PARTS && len <= ZAP_PART_BYTES_MAX) {
            memcpy(request->parts[request->count], zmq_msg_data(&part), len);
            request->lens[request->count++] = len;
        } else {
            request->is_odd = true;
        }
        more = zmq_msg_more(&part);
        (void)zmq_msg_close(&part);
    }
    return true;
}

static bool part_is(const struct zap_request *request, uint32_t i, const char *text)
{
    return request->lens[i] == strlen(text) && memcmp(request->parts[i], text, request->lens[i]) == 0;
}

static void send_text(void *socket, const char *text, int flags)
{
    (void)zmq_send(socket, text, strlen(text), flags);
}

bool kr_zap_answer(void *socket, kr_zap_may_connect *may_connect, void *context, bool *ret_refused, uint8_t ret_key[static 32])
{
    struct zap_request request;
    if (!receive_request(socket, &request)) {
        return false;
    }
    bool is_curve = !request.is_odd && request.count == ZAP_PARTS && part_is(&request, 0, "1.0") &&
                    part_is(&request, 2, ZAP_DOMAIN) && part_is(&request, 5, "CURVE") && request.lens[6] == 32;
    bool is_allowed = is_curve && may_connect(context, request.parts[6]);
    char user[65] = "";
    memset(ret_key, 0, 32);
    if (is_curve) {
        memcpy(ret_key, request.parts[6], 32);
    }
    if (is_allowed) {
        sodium_bin2hex(user, sizeof user, request.parts[6], 32);
    }
    *ret_refused = !is_allowed;
    send_text(socket, "1.0", ZMQ_SNDMORE);
    (void)zmq_send(socket, request.parts[1], request.lens[1], ZMQ_SNDMORE);
    send_text(socket, is_allowed ? "200" : "400", ZMQ_SNDMORE);
    send_text(socket, is_allowed ? "OK" : "not allowed", ZMQ_SNDMORE);
    send_text(socket, user, ZMQ_SNDMORE);
    (void)zmq_send(socket, "", 0, 0);
    return true;
}
