#include "node/net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <zmq.h>

#include "node/net/channel.h"
#include "node/net/clients.h"
#include "node/net/meter.h"
#include "node/net/sandbox.h"
#include "node/net/sockets.h"

#define STOP_LINGER_MS    500
#define REFUSED_REPORT_MS 10000 /* between two reports of refused connections */
#define FRAMES_A_TURN     64u   /* from one socket, so that none starves the others */
#define DESCRIPTORS_MAX   KR_METER_DESCRIPTORS_MAX
#define STRANGERS_SHARE   4u /* where descriptors are few: that part of them is for connections that have brought nothing yet */
#define FRAME_WINDOW      (KR_FRAME_BYTES_MAX + 64u + KR_CHANNEL_FRAME_COST)

struct peer {
    struct kr_net_entry entry;
    bool has_route;
    uint8_t route[KR_ROUTE_BYTES]; /* of the connection that its last frame came over */
    struct kr_connection connection;
};

struct dial {
    uint32_t number;
    bool is_of_ticket; /* who waits for it is told of each try that makes no connection */
    void *socket;
    void *monitor; /* tells of connections that ended: ZeroMQ makes a new one by itself, but the session went with the old; and of a
                      key that was not admitted, after which it makes none, so that the dial is over */
};

struct net {
    struct kr_channel *channel;
    void *context, *zap, *router;
    struct kr_curve own;
    bool has_own, has_list, is_stopping;
    struct peer *peers;
    uint32_t peer_count;
    struct dial dials[KR_LINKS_MAX + 2]; /* one for who joins, one that is only tried */
    uint32_t dial_count;
    uint32_t drain_at; /* who is read first: 0 the listening socket, then the dials */
    uint64_t dialled;  /* ever: monitors' names */
    uint64_t refused;
    uint8_t refused_key[32];
    int64_t refused_due_ms;
    struct kr_meter_bounds bounds;
    struct kr_net_clients clients;
    uint32_t unended_cut, strangers_cut;    /* connections cut by the meter and not told yet */
    uint32_t clients_cut, clients_kept_out; /* of persons' machines, likewise */
    struct kr_connection stranger;          /* one of them */
    int64_t cut_due_ms, look_ms;
    struct kr_meter meter;
    struct kr_net_message in, out; /* large: not on the stack */
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- to keeper ---- */

static enum kr_err say(struct net *net)
{
    return kr_channel_send(net->channel, &net->out);
}

static enum kr_err say_log(struct net *net, enum kr_log_level level, const char *fmt, ...) KR_PRINTF(3, 4);
static enum kr_err say_log(struct net *net, enum kr_log_level level, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    net->out = (struct kr_net_message){.type = KR_NET_LOG, .count = level, .text = {(const uint8_t *)text, strlen(text)}};
    return say(net);
}

static enum kr_err say_of(struct net *net, uint32_t type, uint32_t number)
{
    net->out = (struct kr_net_message){.type = type, .number = number};
    return say(net);
}

static enum kr_err say_lost(struct net *net, uint32_t number)
{
    return say_of(net, KR_NET_LOST, number);
}

static enum kr_err report_refused(struct net *net)
{
    if (net->refused == 0 || now_ms() < net->refused_due_ms) {
        return KR_OK;
    }
    net->out = (struct kr_net_message){.type = KR_NET_REFUSED, .count = net->refused};
    memcpy(net->out.key, net->refused_key, 32);
    net->refused = 0;
    net->refused_due_ms = now_ms() + REFUSED_REPORT_MS;
    return say(net);
}

/* ---- the allow-list ---- */

static struct peer *peer_by_number(struct net *net, uint32_t number)
{
    for (uint32_t i = 0; i < net->peer_count; i++) {
        if (net->peers[i].entry.number == number) {
            return &net->peers[i];
        }
    }
    return NULL;
}

static struct peer *peer_by_key(struct net *net, const uint8_t key[static 32])
{
    for (uint32_t i = 0; i < net->peer_count; i++) {
        if (memcmp(net->peers[i].entry.key, key, 32) == 0) {
            return &net->peers[i];
        }
    }
    return NULL;
}

/* Ends a connection of a person's machine, and says so. */
static enum kr_err cut_client(struct net *net, struct kr_net_client *client)
{
    const uint32_t number = client->number;
    return kr_net_client_cut(&net->clients, client) ? say_of(net, KR_NET_CLIENT_GONE, number) : KR_OK;
}

static enum kr_err cut_clients_off_list(struct net *net)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < net->clients.count && err == KR_OK; i++) {
        const struct peer *peer = peer_by_key(net, net->clients.items[i].key);
        if (peer == NULL || peer->entry.kind != KR_NET_PERSON) {
            err = cut_client(net, &net->clients.items[i]);
        }
    }
    return err;
}

static enum kr_err take_list(struct net *net)
{
    const struct kr_net_message *message = &net->in;
    struct peer *peers = calloc(message->entry_count + 1, sizeof *peers);
    if (peers == NULL) {
        return KR_NOMEM;
    }
    for (uint32_t i = 0; i < message->entry_count; i++) {
        peers[i] = (struct peer){.entry = message->entries[i]};
        struct peer *old = peer_by_key(net, message->entries[i].key);
        if (old != NULL && old->entry.number == message->entries[i].number) {
            peers[i] = *old;
            memset(&old->connection, 0, sizeof old->connection);
        }
    }
    for (uint32_t i = 0; i < net->peer_count; i++) {
        kr_connection_shut(&net->peers[i].connection);
    }
    free(net->peers);
    net->peers = peers;
    net->peer_count = message->entry_count;
    net->has_list = true;
    enum kr_err err = cut_clients_off_list(net);
    if (err != KR_OK) {
        return err;
    }
    net->out = (struct kr_net_message){.type = KR_NET_ALLOWED, .generation = message->generation};
    return say(net);
}

static bool may_connect(void *context, const uint8_t key[static 32])
{
    return peer_by_key(context, key) != NULL;
}

static enum kr_err answer_zap(struct net *net)
{
    bool is_refused = false;
    uint8_t key[32];
    while (kr_zap_answer(net->zap, may_connect, net, &is_refused, key)) {
        if (is_refused) {
            net->refused++;
            memcpy(net->refused_key, key, 32);
        }
    }
    return report_refused(net);
}

/* ---- listening and dialling ---- */

/* One message of at most two parts. Returns the number of parts, 0 where none waits; parts beyond the second are dropped. */
static unsigned receive(void *socket, zmq_msg_t parts[static 2])
{
    unsigned count = 0;
    int more = 1;
    while (more) {
        zmq_msg_t part;
        (void)zmq_msg_init(&part);
        if (zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&part);
            return count;
        }
        more = zmq_msg_more(&part);
        if (count < 2) {
            (void)zmq_msg_move(&parts[count], &part);
        }
        (void)zmq_msg_close(&part);
        count++;
    }
    return count;
}

static enum kr_err take_secret(struct net *net)
{
    if (net->has_own) {
        return KR_MALFORMED;
    }
    memcpy(net->own.secret, net->in.secret, 32);
    memcpy(net->own.public_key, net->in.key, 32);
    sodium_memzero(net->in.secret, sizeof net->in.secret);
    net->has_own = true;
    return KR_OK;
}

static enum kr_err take_bind(struct net *net)
{
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1], bound[KR_ENDPOINT_BYTES_MAX + 1] = "";
    struct kr_error error = {0};
    if (!net->has_own || !net->has_list || net->router != NULL || !kr_slice_text(net->in.text, endpoint, sizeof endpoint)) {
        return KR_MALFORMED;
    }
    enum kr_err err = kr_router_new(net->context, &net->own, endpoint, &net->router, bound, &error);
    net->out = (struct kr_net_message){.type = KR_NET_BOUND, .text = {(const uint8_t *)bound, strlen(bound)}};
    if (err == KR_OK) {
        net->bounds.port = (uint16_t)strtoul(strrchr(bound, ':') + 1, NULL, 10);
    } else {
        net->out.text.len = 0;
        net->out.frame = (struct kr_slice){(const uint8_t *)error.text, strlen(error.text)};
    }
    return say(net);
}

static void hang_up(struct net *net, uint32_t number)
{
    for (uint32_t i = 0; i < net->dial_count; i++) {
        if (net->dials[i].number == number) {
            kr_dealer_free(net->dials[i].socket, net->dials[i].monitor);
            net->dials[i] = net->dials[--net->dial_count];
            return;
        }
    }
}

static uint16_t event_of(zmq_msg_t *part)
{
    uint16_t event = 0;
    if (zmq_msg_size(part) >= sizeof event) {
        memcpy(&event, zmq_msg_data(part), sizeof event);
    }
    return event;
}

static enum kr_err watch(struct net *net, const struct dial *dial)
{
    zmq_msg_t parts[2];
    bool is_lost = false, is_turned_away = false, is_made = false, is_unreached = false;
    unsigned count = 1;
    while (dial->monitor != NULL && count > 0) {
        (void)zmq_msg_init(&parts[0]);
        (void)zmq_msg_init(&parts[1]);
        count = receive(dial->monitor, parts);
        const uint16_t event = count > 0 ? event_of(&parts[0]) : 0;
        is_turned_away = is_turned_away || event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
        is_made = is_made || event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        is_unreached = is_unreached || event == ZMQ_EVENT_CLOSED;
        is_lost = is_lost || (count > 0 && event != ZMQ_EVENT_HANDSHAKE_SUCCEEDED && event != ZMQ_EVENT_CLOSED);
        (void)zmq_msg_close(&parts[0]);
        (void)zmq_msg_close(&parts[1]);
    }
    if (is_turned_away) {
        uint32_t number = dial->number;
        hang_up(net, number);
        return say_of(net, KR_NET_TURNED_AWAY, number);
    }
    if (dial->number == KR_NET_TRIAL && (is_made || is_unreached || is_lost)) {
        hang_up(net, KR_NET_TRIAL);
        return say_of(net, is_made ? KR_NET_CONNECTED : KR_NET_LOST, KR_NET_TRIAL);
    }
    enum kr_err err = is_lost ? say_lost(net, dial->number) : KR_OK;
    return err == KR_OK && is_unreached && dial->is_of_ticket ? say_of(net, KR_NET_UNREACHED, dial->number) : err;
}

static enum kr_err take_dial(struct net *net)
{
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    struct kr_error error = {0};
    struct kr_curve own = net->own;
    char name[64];
    void *socket = NULL, *monitor = NULL;
    if (!net->has_own || !kr_slice_text(net->in.text, endpoint, sizeof endpoint)) {
        return KR_MALFORMED;
    }
    hang_up(net, net->in.number);
    if (net->dial_count == sizeof net->dials / sizeof net->dials[0]) {
        return say_log(net, KR_LOG_WARNING, "too many links: %s is not dialled", endpoint);
    }
    enum kr_err err = KR_OK;
    if (net->in.has_secret) {
        memcpy(own.secret, net->in.secret, 32);
        err = crypto_scalarmult_base(own.public_key, own.secret) == 0 ? KR_OK : KR_KEY;
    }
    if (err == KR_OK) {
        (void)snprintf(name, sizeof name, "inproc://dial.%llu", (unsigned long long)++net->dialled);
        err = kr_dealer_new(net->context, &own, net->in.key, endpoint, name, net->in.number == KR_NET_TRIAL, &socket, &monitor,
                            &error);
    }
    sodium_memzero(&own, sizeof own);
    sodium_memzero(net->in.secret, sizeof net->in.secret);
    if (err != KR_OK) {
        return say_log(net, KR_LOG_WARNING, "cannot dial: %s", error.text[0] != 0 ? error.text : kr_err_text(err));
    }
    struct dial *dial = &net->dials[net->dial_count++];
    *dial = (struct dial){.number = net->in.number, .is_of_ticket = net->in.has_secret, .socket = socket, .monitor = monitor};
    return KR_OK;
}

/* ---- frames ---- */

static bool send_frame(struct net *net, uint32_t number, struct kr_slice frame)
{
    for (uint32_t i = 0; i < net->dial_count; i++) {
        if (net->dials[i].number == number) {
            return zmq_send(net->dials[i].socket, frame.bytes, frame.len, ZMQ_DONTWAIT) >= 0;
        }
    }
    const struct peer *peer = peer_by_number(net, number);
    return peer != NULL && peer->has_route && net->router != NULL &&
           zmq_send(net->router, peer->route, KR_ROUTE_BYTES, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0 &&
           zmq_send(net->router, frame.bytes, frame.len, ZMQ_DONTWAIT) >= 0;
}

static enum kr_err take_frame(struct net *net)
{
    size_t len = net->in.frame.len;
    enum kr_err err = send_frame(net, net->in.number, net->in.frame) ? KR_OK : say_lost(net, net->in.number);
    return err == KR_OK ? kr_channel_dealt(net->channel, KR_LANE_DATA, 1, len) : err;
}

static enum kr_err pass_on(struct net *net, uint32_t number, zmq_msg_t *part)
{
    net->out.type = KR_NET_FRAME; /* the rest of 20 KiB is not looked at */
    net->out.number = number;
    net->out.frame = (struct kr_slice){zmq_msg_data(part), zmq_msg_size(part)};
    return say(net);
}

/* ---- persons' machines ---- */

/* A machine whose queue is full has not kept to what it may have under way. */
static enum kr_err take_client_frame(struct net *net)
{
    struct kr_net_client *client = kr_net_client_by_number(&net->clients, net->in.number);
    const size_t len = net->in.frame.len;
    enum kr_err err = KR_OK;
    const bool is_sent = client == NULL || (zmq_send(net->router, client->route, KR_ROUTE_BYTES, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0 &&
                                            zmq_send(net->router, net->in.frame.bytes, len, ZMQ_DONTWAIT) >= 0);
    if (!is_sent) {
        err = cut_client(net, client);
    }
    return err == KR_OK ? kr_channel_dealt(net->channel, KR_LANE_CLIENT, 1, len) : err;
}

static enum kr_err take_client_word(struct net *net)
{
    struct kr_net_client *client = kr_net_client_by_number(&net->clients, net->in.number);
    if (client == NULL) {
        return KR_OK; /* it has ended meanwhile */
    }
    if (net->in.type == KR_NET_CLIENT_CUT) {
        return cut_client(net, client);
    }
    kr_net_client_taken(client, net->in.count, net->in.generation);
    return KR_OK;
}

/* Every connection has room for what it may have under way: who sends more is cut, and takes nothing from the others. */
static enum kr_err pass_client_on(struct net *net, const struct peer *peer, const uint8_t *route,
                                  const struct kr_connection *connection, zmq_msg_t *part)
{
    struct kr_net_client *client = kr_net_client_by_route(&net->clients, route);
    const size_t len = zmq_msg_size(part);
    if (client == NULL && connection->port == 0) {
        return KR_OK; /* it ended before it was heard */
    }
    if (client == NULL) {
        client = kr_net_client_add(&net->clients, peer->entry.key, route, connection);
    }
    if (client == NULL) {
        net->clients_kept_out++;
        kr_connection_shut(connection);
        return KR_OK;
    }
    if (client->is_cut) {
        return KR_OK;
    }
    if (!kr_net_client_charge(client, len) || kr_channel_window_left(net->channel, KR_LANE_CLIENT) < len + KR_CHANNEL_FRAME_COST) {
        net->clients_cut++;
        return cut_client(net, client);
    }
    net->out.type = KR_NET_CLIENT_FRAME;
    net->out.number = client->number;
    net->out.frame = (struct kr_slice){zmq_msg_data(part), len};
    return say(net);
}

static enum kr_err sweep_clients(struct net *net)
{
    struct kr_net_client gone;
    enum kr_err err = KR_OK;
    while (err == KR_OK && kr_net_client_sweep(&net->clients, &gone)) {
        err = gone.is_cut ? KR_OK : say_of(net, KR_NET_CLIENT_GONE, gone.number);
    }
    return err;
}

/* Who sent it is what CURVE proved (User-Id, set by our ZAP answer), never the routing id. */
static struct peer *sender_of(struct net *net, zmq_msg_t *part)
{
    uint8_t key[32];
    const char *user = zmq_msg_gets(part, "User-Id");
    size_t len = 0;
    if (user == NULL || sodium_hex2bin(key, sizeof key, user, strlen(user), NULL, &len, NULL) != 0 || len != sizeof key) {
        return NULL;
    }
    return peer_by_key(net, key);
}

/* What a peer said last may be read when its connection has ended and another peer has the descriptor: that one is not cut. */
static bool is_anothers(const struct net *net, const struct peer *peer)
{
    bool is_held = false;
    for (uint32_t i = 0; i < net->peer_count; i++) {
        const struct peer *other = &net->peers[i];
        is_held = is_held || (other != peer && kr_connection_is_same(&other->connection, &peer->connection));
    }
    return is_held;
}

static enum kr_err take_routed(struct net *net, unsigned count, zmq_msg_t parts[static 2])
{
    const uint8_t *route = zmq_msg_data(&parts[0]);
    struct peer *peer = count == 2 ? sender_of(net, &parts[1]) : NULL;
    struct kr_connection connection;
    const bool is_open = kr_connection_of(zmq_msg_get(&parts[count > 1 ? 1 : 0], ZMQ_SRCFD), &connection);
    if (count == 2 && peer == NULL) { /* let in once, and taken off the list before it said anything */
        kr_connection_shut(&connection);
        return KR_OK;
    }
    if (peer == NULL || zmq_msg_size(&parts[0]) != KR_ROUTE_BYTES || route[0] != 0 || zmq_msg_size(&parts[1]) == 0) {
        return KR_OK;
    }
    if (peer->entry.kind == KR_NET_PERSON) {
        return pass_client_on(net, peer, route, &connection, &parts[1]);
    }
    if (is_open) { /* else it was read after its connection had ended, and another may be there already */
        if (peer->entry.kind == KR_NET_PEER && !kr_connection_is_same(&peer->connection, &connection) && !is_anothers(net, peer)) {
            kr_connection_shut(&peer->connection); /* one key, one connection: the newest */
        }
        memcpy(peer->route, route, KR_ROUTE_BYTES);
        peer->has_route = true;
        peer->connection = connection;
    }
    return pass_on(net, peer->entry.number, &parts[1]);
}

/* Also where keeper does not come to read what there is: a row of frames here would be as long for everybody as one peer makes it,
 * while those that wait in ZeroMQ's queues wait for their own peer's frames alone. */
static bool has_room(const struct net *net)
{
    return kr_channel_window_left(net->channel, KR_LANE_DATA) >= FRAME_WINDOW &&
           kr_channel_unwritten(net->channel, KR_LANE_DATA) < KR_CHANNEL_CHUNK_BYTES_MAX;
}

/* Reads while keeper has room: what it has no room for waits in ZeroMQ's queues and then in the sender's. */
static enum kr_err drain(struct net *net, void *socket, const struct dial *dial)
{
    enum kr_err err = KR_OK;
    for (unsigned i = 0; i < FRAMES_A_TURN && err == KR_OK && has_room(net); i++) {
        zmq_msg_t parts[2];
        (void)zmq_msg_init(&parts[0]);
        (void)zmq_msg_init(&parts[1]);
        unsigned count = receive(socket, parts);
        if (count > 0) {
            kr_meter_heard(&net->meter, zmq_msg_get(&parts[count > 1 ? 1 : 0], ZMQ_SRCFD));
        }
        if (count > 0 && dial == NULL) {
            err = take_routed(net, count, parts);
        } else if (count == 1 && zmq_msg_size(&parts[0]) > 0) {
            err = pass_on(net, dial->number, &parts[0]);
        }
        (void)zmq_msg_close(&parts[0]);
        (void)zmq_msg_close(&parts[1]);
        if (err == KR_OK && !has_room(net)) {
            err = kr_channel_flush(net->channel);
        }
        if (count == 0) {
            break;
        }
    }
    return err == KR_OK ? kr_channel_flush(net->channel) : err; /* at once: the other sockets are looked at meanwhile */
}

/* Whoever is listened to and those who are dialled, in turn: where one of them uses up the room, the next has what comes free. */
static enum kr_err drain_all(struct net *net)
{
    const uint32_t count = 1 + net->dial_count, begin_at = net->drain_at % count;
    enum kr_err err = KR_OK;
    uint32_t done = 0;
    for (; err == KR_OK && done < count && has_room(net); done++) {
        const uint32_t at = (begin_at + done) % count;
        if (at > 0) {
            err = drain(net, net->dials[at - 1].socket, &net->dials[at - 1]);
        } else if (net->router != NULL) {
            err = drain(net, net->router, NULL);
        }
    }
    net->drain_at = begin_at + done;
    return err;
}

static enum kr_err say_unended(struct net *net, uint32_t cut)
{
    return say_log(
        net, KR_LOG_WARNING,
        "connections cut because they sent more than %u MiB of a message without an end, or most of more than %u MiB that "
        "all connections did: %u; honest nodes alone never do that",
        KR_NET_UNENDED_BYTES_MAX / KR_MIB, KR_NET_UNENDED_ALL_BYTES_MAX / KR_MIB, cut);
}

static enum kr_err say_strangers(struct net *net, uint32_t cut)
{
    char address[INET6_ADDRSTRLEN] = "";
    const uint8_t *bytes = net->stranger.address;
    const bool is_ipv4 = memcmp(bytes, (const uint8_t[12]){[10] = 0xff, [11] = 0xff}, 12) == 0;
    (void)inet_ntop(is_ipv4 ? AF_INET : AF_INET6, is_ipv4 ? bytes + 12 : bytes, address, sizeof address);
    return say_log(net, KR_LOG_WARNING,
                   "connections cut because more than %u at a time proved no key and said nothing: %u, one of them from %s; links "
                   "go on. Where this lasts, let your firewall drop that address",
                   net->bounds.strangers_max, cut, address);
}

static enum kr_err say_clients(struct net *net)
{
    return say_log(
        net, KR_LOG_WARNING,
        "connections of persons' machines cut because they sent more than they may have under way: %u; not taken because "
        "one machine had more than %u, or all together more than %u: %u. Links go on",
        net->clients_cut, 2u * KR_REMOTE_KEY_CLIENTS_MAX, KR_REMOTE_CLIENTS_MAX, net->clients_kept_out);
}

/* ZeroMQ tells nobody of a message that has not ended, however much of it has come, nor of connections that have brought none. */
static enum kr_err look(struct net *net)
{
    const int64_t now = now_ms();
    if (now >= net->look_ms) {
        enum kr_err swept = sweep_clients(net);
        if (swept != KR_OK) {
            return swept;
        }
        const struct kr_meter_found found = kr_meter_look(&net->meter, &net->bounds);
        net->unended_cut += found.unended;
        net->strangers_cut += found.strangers;
        net->stranger = found.strangers > 0 ? found.stranger : net->stranger;
        net->look_ms = now + found.again_ms;
    }
    if (net->unended_cut + net->strangers_cut + net->clients_cut + net->clients_kept_out == 0 || now < net->cut_due_ms) {
        return KR_OK;
    }
    enum kr_err err = net->unended_cut > 0 ? say_unended(net, net->unended_cut) : KR_OK;
    if (err == KR_OK && net->strangers_cut > 0) {
        err = say_strangers(net, net->strangers_cut);
    }
    if (err == KR_OK && net->clients_cut + net->clients_kept_out > 0) {
        err = say_clients(net);
    }
    net->unended_cut = net->strangers_cut = net->clients_cut = net->clients_kept_out = 0;
    net->cut_due_ms = now + REFUSED_REPORT_MS;
    return err;
}

/* ---- the loop ---- */

static enum kr_err take_message(struct net *net)
{
    switch (net->in.type) {
    case KR_NET_SECRET:
        return take_secret(net);
    case KR_NET_ALLOW:
        return take_list(net);
    case KR_NET_BIND:
        return take_bind(net);
    case KR_NET_DIAL:
        return take_dial(net);
    case KR_NET_HANGUP:
        hang_up(net, net->in.number);
        return KR_OK;
    case KR_NET_FRAME:
        return take_frame(net);
    case KR_NET_CLIENT_FRAME:
        return take_client_frame(net);
    case KR_NET_CLIENT_CUT:
    case KR_NET_CLIENT_TAKEN:
        return take_client_word(net);
    case KR_NET_STOP:
        net->is_stopping = true;
        return KR_OK;
    default:
        return KR_MALFORMED;
    }
}

static enum kr_err take_messages(struct net *net)
{
    enum kr_err err = kr_channel_pump(net->channel);
    while (err == KR_OK) { /* STOP overtakes frames: those that came with it still go out */
        err = kr_channel_receive(net->channel, &net->in);
        if (err == KR_NOT_FOUND) {
            return KR_OK;
        }
        err = err == KR_OK ? take_message(net) : err;
    }
    return err;
}

static enum kr_err wait(struct net *net)
{
    zmq_pollitem_t items[3 + 2 * sizeof net->dials / sizeof net->dials[0]];
    const bool is_read = has_room(net);
    int count = 0;
    items[count++] = (zmq_pollitem_t){.fd = kr_channel_fd(net->channel),
                                      .events = kr_channel_wants_write(net->channel) ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN};
    items[count++] = (zmq_pollitem_t){.socket = net->zap, .events = ZMQ_POLLIN};
    if (is_read && net->router != NULL) {
        items[count++] = (zmq_pollitem_t){.socket = net->router, .events = ZMQ_POLLIN};
    }
    for (uint32_t i = 0; i < net->dial_count; i++) {
        if (is_read) {
            items[count++] = (zmq_pollitem_t){.socket = net->dials[i].socket, .events = ZMQ_POLLIN};
        }
        if (net->dials[i].monitor != NULL) {
            items[count++] = (zmq_pollitem_t){.socket = net->dials[i].monitor, .events = ZMQ_POLLIN};
        }
    }
    const bool has_connections = net->router != NULL || net->dial_count > 0;
    int64_t due_ms = has_connections ? net->look_ms : INT64_MAX;
    due_ms = net->refused > 0 && net->refused_due_ms < due_ms ? net->refused_due_ms : due_ms;
    const int64_t left_ms = due_ms == INT64_MAX ? -1 : due_ms - now_ms();
    long wait_ms = due_ms == INT64_MAX ? -1 : left_ms > 0 ? (long)left_ms : 0;
    return zmq_poll(items, count, wait_ms) >= 0 || zmq_errno() == EINTR ? KR_OK : KR_SYSTEM;
}

static enum kr_err turn(struct net *net)
{
    enum kr_err err = take_messages(net);
    if (err == KR_OK && !net->is_stopping) {
        err = answer_zap(net);
    }
    if (err == KR_OK) {
        err = drain_all(net);
    }
    for (uint32_t i = 0; err == KR_OK && i < net->dial_count; i++) {
        err = watch(net, &net->dials[i]);
    }
    if (err == KR_OK) {
        err = look(net);
    }
    if (err == KR_OK) {
        err = kr_channel_pump(net->channel);
    }
    /* What came in with the last pump would wait for a wake-up that has already been. */
    bool may_wait = err == KR_OK && !net->is_stopping && !kr_channel_has_message(net->channel);
    return may_wait ? wait(net) : err;
}

static enum kr_err begin(struct net *net, int fd)
{
    enum kr_err err = kr_channel_new(fd, &net->channel);
    if (err != KR_OK) {
        return err;
    }
    /* A dialled link needs two descriptors or three. */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < DESCRIPTORS_MAX ? files.rlim_max : DESCRIPTORS_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &files);
        net->bounds.descriptors = (uint32_t)files.rlim_cur;
    }
    const uint32_t share = net->bounds.descriptors / STRANGERS_SHARE;
    net->bounds.bytes_max = KR_NET_UNENDED_BYTES_MAX;
    net->bounds.all_bytes_max = KR_NET_UNENDED_ALL_BYTES_MAX;
    net->bounds.strangers_max = share < KR_NET_STRANGERS_MAX ? share : KR_NET_STRANGERS_MAX;
    if (sodium_init() < 0 || (net->context = zmq_ctx_new()) == NULL) {
        return KR_SYSTEM;
    }
    uint32_t stands = kr_sandbox_enter();
    if ((stands & KR_SANDBOX_SECCOMP) == 0 || (stands & KR_SANDBOX_NO_NEW_PRIVS) == 0) {
        err = say_log(net, KR_LOG_ERROR, "the kernel refuses seccomp: net would not be confined, so it does not run");
        err = err == KR_OK ? kr_channel_pump(net->channel) : err;
        return err == KR_OK ? KR_DENIED : err;
    }
    if ((stands & KR_SANDBOX_LANDLOCK) == 0) {
        err = say_log(net, KR_LOG_INFO, "this kernel has no Landlock: seccomp alone keeps net away from files");
    }
    /* The handler comes before any socket that could listen: without one, ZeroMQ would have to refuse everybody. */
    err = err == KR_OK ? kr_zap_bind(net->context, &net->zap) : err;
    if (err == KR_OK) {
        net->out = (struct kr_net_message){.type = KR_NET_READY, .count = stands};
        err = say(net);
    }
    return err;
}

static void end(struct net *net, int linger_ms)
{
    for (uint32_t i = 0; i < net->dial_count; i++) {
        (void)zmq_setsockopt(net->dials[i].socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        kr_dealer_free(net->dials[i].socket, net->dials[i].monitor);
    }
    if (net->router != NULL) {
        (void)zmq_setsockopt(net->router, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        (void)zmq_close(net->router);
    }
    if (net->zap != NULL) {
        (void)zmq_close(net->zap);
    }
    if (net->context != NULL) {
        (void)zmq_ctx_term(net->context);
    }
    kr_channel_free(net->channel);
    sodium_memzero(&net->own, sizeof net->own);
    free(net->peers);
    free(net);
}

int kr_net_main(int fd)
{
    struct net *net = calloc(1, sizeof *net);
    if (net == NULL) {
        return 1;
    }
    enum kr_err err = begin(net, fd);
    while (err == KR_OK && !net->is_stopping) {
        err = turn(net);
    }
    bool is_as_told = net->is_stopping;
    end(net, is_as_told ? STOP_LINGER_MS : 0);
    return is_as_told || err == KR_CLOSED ? 0 : 1;
}
