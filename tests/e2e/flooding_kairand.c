/* A node that floods its own link: the real keeper and net, with a valid key, a valid session and no manners.
 *
 *     flooding_kairand --state DIR
 *
 * While DIR/flood exists, it sends over every link as fast as the other side takes it what that file names: `questions` (whatever a
 * peer may say and ask, each in the form that costs the receiver most), `words` (the smallest, some of which are to be answered),
 * or `garbage` (frames that do not open, hellos that cannot be read, records whose signature is wrong). Credit is kept to, since
 * whoever passes it loses the session at once. DIR/flooded says how many frames, and how many bytes, it has sent so. Its own
 * records go out as those of any node do: submit them. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

#include "node/core/state.h"
#include "node/keeper/keeper.h"
#include "node/keeper/spawn.h"
#include "node/net/channel.h"
#include "node/net/net.h"
#include "proto/wire/sync.h"

#define LOOK_MS         10u              /* how often the file is looked for */
#define UNDER_WAY_BYTES (1024u * KR_KIB) /* between keeper and net: its net reads nothing while it waits to send */
#define FRAMES_A_FLUSH  512u
#define KEEPS_BYTES     (64u * KR_KIB) /* of a frame that lists ids */
#define WAIT_MS         100
#define WAITS_MAX       50u /* so long the other side may take nothing */
#define PINGS_OUT       16u
#define BAD_RECORDS     64u /* in one frame */

enum mode { QUIET, QUESTIONS, WORDS, GARBAGE };

static struct {
    enum mode mode;
    uint64_t look_ms, count, walk;
    _Atomic(uint64_t) *sent; /* DIR/flooded: frames, bytes, so far */
    uint64_t session_no;
    uint32_t pings_out;         /* a queue of more answers than this would end the session */
    struct kr_channel *channel; /* to net */
    uint8_t noise[KEEPS_BYTES];
} flooder;

/* ---- instead of the node's own ---- */

enum kr_err __real_kr_channel_send(struct kr_channel *channel, const struct kr_net_message *message);
enum kr_err __wrap_kr_channel_send(struct kr_channel *channel, const struct kr_net_message *message);
int __real_zmq_send(void *socket, const void *bytes, size_t len, int flags);
int __wrap_zmq_send(void *socket, const void *bytes, size_t len, int flags);
enum kr_err __real_kr_roots_pinged(struct kr_step *step, struct kr_link *link, const struct kr_message *message);
enum kr_err __wrap_kr_roots_pinged(struct kr_step *step, struct kr_link *link, const struct kr_message *message);
bool __real_kr_gossip_is_due(const struct kr_core *core);
bool __wrap_kr_gossip_is_due(const struct kr_core *core);
enum kr_err __real_kr_gossip_flush(struct kr_step *step);
enum kr_err __wrap_kr_gossip_flush(struct kr_step *step);

enum kr_err __wrap_kr_channel_send(struct kr_channel *channel, const struct kr_net_message *message)
{
    flooder.channel = channel;
    return __real_kr_channel_send(channel, message);
}

/* Where the other side takes no more, net waits instead of giving the session up. */
int __wrap_zmq_send(void *socket, const void *bytes, size_t len, int flags)
{
    int sent = __real_zmq_send(socket, bytes, len, flags);
    for (unsigned i = 0; sent < 0 && zmq_errno() == EAGAIN && i < WAITS_MAX; i++) {
        zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLOUT};
        (void)zmq_poll(&item, 1, WAIT_MS);
        sent = __real_zmq_send(socket, bytes, len, flags);
    }
    return sent;
}

bool __wrap_kr_gossip_is_due(const struct kr_core *core)
{
    (void)core;
    return true;
}

enum kr_err __wrap_kr_roots_pinged(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    flooder.pings_out -= message->type == KR_MESSAGE_PONG && flooder.pings_out > 0;
    return __real_kr_roots_pinged(step, link, message);
}

/* ---- what it sends ---- */

static void look(uint64_t now_ms)
{
    static const char *const names[] = {[QUESTIONS] = "questions", [WORDS] = "words", [GARBAGE] = "garbage"};
    char name[32] = "";
    if (now_ms < flooder.look_ms) {
        return;
    }
    flooder.look_ms = now_ms + LOOK_MS;
    flooder.mode = QUIET;
    int fd = open("flood", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t len = read(fd, name, sizeof name - 1);
        for (unsigned i = QUESTIONS; len > 0 && i <= GARBAGE; i++) {
            flooder.mode = strncmp(name, names[i], strlen(names[i])) == 0 ? i : flooder.mode;
        }
        (void)close(fd);
    }
}

/* Another one each time: what was once looked up is no cheaper the next time. */
static struct kr_slice noise(struct kr_step *step, size_t len)
{
    uint8_t seed[randombytes_SEEDBYTES];
    kr_rng_bytes(step->rng, seed, sizeof seed);
    randombytes_buf_deterministic(flooder.noise, len, seed);
    return (struct kr_slice){flooder.noise, len};
}

static enum kr_err send_roots(struct kr_step *step, struct kr_link *link, const uint8_t tag[static KR_SCOPE_TAG_BYTES])
{
    struct kr_writer items;
    struct kr_root root = {.count = UINT32_MAX, .tree_count = 1};
    kr_writer_init(&items, KR_FRAME_BYTES_MAX);
    for (uint32_t i = 0; i < KR_ROOTS_MAX; i++) {
        memcpy(root.tag, tag, sizeof root.tag);
        root.tag[0] ^= i > 0 ? (uint8_t)i : 0;
        kr_root_write(&root, &items);
    }
    enum kr_err err = kr_writer_finish(&items);
    const struct kr_message message = {
        .type = KR_MESSAGE_ROOTS, .status = 1, .month = 1, .item_count = KR_ROOTS_MAX, .items = {items.bytes, items.len}};
    err = err == KR_OK ? kr_link_send(step, link, &message) : err;
    kr_writer_deinit(&items);
    return err;
}

/* A walk that begins: months that the other does not have, so that it shows all of its own. */
static enum kr_err send_walk(struct kr_step *step, struct kr_link *link, struct kr_message *message)
{
    uint8_t months[KR_SYNC_MONTHS_MAX * KR_SYNC_MONTH_BYTES];
    struct kr_writer parts;
    kr_writer_init(&parts, KR_SYNC_BYTES_MAX);
    for (uint32_t i = 0; i < KR_SYNC_MONTHS_MAX; i++) {
        kr_sync_month_write(months + (size_t)i * KR_SYNC_MONTH_BYTES, 640 + i, flooder.noise);
    }
    kr_sync_part_write(&(struct kr_sync_part){.what = KR_SYNC_MONTHS, .count = KR_SYNC_MONTHS_MAX, .items = months}, &parts);
    enum kr_err err = kr_writer_finish(&parts);
    message->walk = ++flooder.walk;
    message->count = UINT32_MAX;
    message->part_count = 1;
    message->parts = (struct kr_slice){parts.bytes, parts.len};
    err = err == KR_OK ? kr_link_send(step, link, message) : err;
    kr_writer_deinit(&parts);
    return err;
}

static enum kr_err send_question(struct kr_step *step, struct kr_link *link)
{
    static const uint32_t types[] = {KR_MESSAGE_CURSOR, KR_MESSAGE_IHAVE,      KR_MESSAGE_WANT,  KR_MESSAGE_GRAFT,
                                     KR_MESSAGE_SYNC,   KR_MESSAGE_HAVE,       KR_MESSAGE_ROOTS, KR_MESSAGE_PRUNE,
                                     KR_MESSAGE_GONE,   KR_MESSAGE_FORWARD_ASK};
    struct kr_message message = {.type = types[flooder.count % (sizeof types / sizeof types[0])]};
    if (link->progress_count == 0) {
        return KR_OK;
    }
    const struct kr_scope *scope = &link->progress[(flooder.count / 10) % link->progress_count].scope;
    kr_scope_tag(message.tag, link->session.salt, scope);
    switch (message.type) {
    case KR_MESSAGE_ROOTS:
        return send_roots(step, link, message.tag);
    case KR_MESSAGE_SYNC:
        return send_walk(step, link, &message);
    case KR_MESSAGE_IHAVE:
        if (link->window < KEEPS_BYTES) {
            return KR_OK;
        }
        link->window -= KEEPS_BYTES;
        message.ids = noise(step, KEEPS_BYTES);
        break;
    case KR_MESSAGE_WANT:
        message.count = KR_PAGE_IDS_MAX;
        memset(flooder.noise, 0xff, KR_PAGE_IDS_MAX / 8);
        message.bits = (struct kr_slice){flooder.noise, KR_PAGE_IDS_MAX / 8};
        break;
    case KR_MESSAGE_FORWARD_ASK:
        message.status = 1;
        memcpy(message.id, noise(step, 32).bytes, 32);
        break;
    case KR_MESSAGE_CURSOR:
        break;
    default:
        message.ids = noise(step, KEEPS_BYTES);
        message.count = KR_PAGE_IDS_MAX;
        break;
    }
    return kr_link_send(step, link, &message);
}

static enum kr_err send_word(struct kr_step *step, struct kr_link *link)
{
    struct kr_message message = {.type = KR_MESSAGE_PING, .sequence = step->now_ms, .count = flooder.count};
    if (flooder.session_no != link->session_no) { /* what went with the one before is not answered */
        flooder.session_no = link->session_no;
        flooder.pings_out = 0;
    }
    if (flooder.count % 16 != 0 || flooder.pings_out >= PINGS_OUT) {
        message = (struct kr_message){.type = KR_MESSAGE_GONE, .ids = noise(step, KR_SHORT_ID_BYTES)};
        return kr_link_send(step, link, &message);
    }
    flooder.pings_out++;
    memcpy(message.digest, noise(step, 16).bytes, 16);
    return kr_session_send(step, link->number, &link->session, &message);
}

/* Our own card with another header each time: its signature is not of that one. */
static enum kr_err send_bad_records(struct kr_step *step, struct kr_link *link)
{
    const struct kr_council *self = kr_directory_council(&step->core->directory, step->core->self);
    uint8_t *bytes = NULL;
    size_t len = 0;
    uint64_t arrival;
    struct kr_record record;
    struct kr_writer items;
    enum kr_err err = kr_store_record_find(step->txn, self->record_id, &arrival);
    err = err == KR_OK ? kr_store_record_get(step->txn, arrival, &bytes, &len) : err;
    err = err == KR_OK ? kr_record_split(bytes, len, &record) : err;
    if (err != KR_OK || link->window < BAD_RECORDS * len) {
        free(bytes);
        return err;
    }
    kr_writer_init(&items, KR_FRAME_BYTES_MAX);
    for (uint32_t i = 0; i < BAD_RECORDS; i++) {
        memcpy(bytes + (record.header.bytes + record.header.len - bytes) - 8, noise(step, 8).bytes, 8);
        kr_writer_bin(&items, bytes, len);
    }
    err = kr_writer_finish(&items);
    const struct kr_message message = {.type = KR_MESSAGE_RECORDS, .item_count = BAD_RECORDS, .items = {items.bytes, items.len}};
    err = err == KR_OK ? kr_link_send(step, link, &message) : err;
    link->window -= BAD_RECORDS * len;
    kr_writer_deinit(&items);
    free(bytes);
    return err;
}

/* Sealed under a session that is not there, sealed wrongly, a hello that is none, records that fail. */
static enum kr_err send_garbage(struct kr_step *step, struct kr_link *link)
{
    const uint64_t turn = flooder.count % 4096;
    if (turn == 1) { /* this one costs the session */
        const struct kr_slice bytes = noise(step, KR_KIB);
        memcpy(flooder.noise, link->session.id, KR_SESSION_ID_BYTES);
        return kr_send_plain(step, link->number, KR_FRAME_SEALED, bytes.bytes, bytes.len);
    }
    if (turn % 4 == 0) {
        return send_bad_records(step, link);
    }
    const struct kr_slice bytes = noise(step, turn % 4 == 3 ? KEEPS_BYTES : 256);
    return kr_send_plain(step, link->number, turn % 4 == 2 ? KR_FRAME_HELLO : KR_FRAME_SEALED, bytes.bytes, bytes.len);
}

static enum kr_err flood(struct kr_step *step, struct kr_link *link, size_t *room)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < FRAMES_A_FLUSH && err == KR_OK && link->has_session && *room >= 2 * KEEPS_BYTES; i++) {
        const size_t before = step->effects->count;
        err = flooder.mode == QUESTIONS ? send_question(step, link)
              : flooder.mode == WORDS   ? send_word(step, link)
                                        : send_garbage(step, link);
        flooder.count++;
        for (size_t at = before; at < step->effects->count; at++) {
            const size_t len = step->effects->items[at].len + KR_CHANNEL_FRAME_COST;
            *room = *room > len ? *room - len : 0;
            if (step->effects->items[at].type == KR_EFFECT_SEND) {
                (void)atomic_fetch_add(&flooder.sent[0], 1);
                (void)atomic_fetch_add(&flooder.sent[1], len);
            }
        }
    }
    return err;
}

enum kr_err __wrap_kr_gossip_flush(struct kr_step *step)
{
    enum kr_err err = __real_kr_gossip_flush(step);
    look(step->now_ms);
    if (err == KR_OK && flooder.mode != QUIET && flooder.channel != NULL) {
        const size_t used = KR_CHANNEL_WINDOW - kr_channel_window_left(flooder.channel, KR_LANE_DATA);
        size_t room = used < UNDER_WAY_BYTES ? UNDER_WAY_BYTES - used : 0;
        for (uint32_t i = 0; i < step->core->link_count && err == KR_OK; i++) {
            err = flood(step, step->core->links[i], &room);
        }
    }
    return err == KR_OK ? kr_step_wake(step, step->now_ms + (flooder.mode == QUIET ? LOOK_MS : 1)) : err;
}

int main(int argc, char **argv)
{
    static struct kr_place place;
    const struct kr_passphrase_source source = {.fd = -1};
    struct kr_error error = {0};
    if (argc == 2 && strcmp(argv[1], "--net") == 0) {
        return kr_net_main(KR_SPAWN_FD);
    }
    if (argc != 3 || strcmp(argv[1], "--state") != 0 || chdir(argv[2]) != 0 ||
        kr_place_init(&place, argv[2], NULL, &error) != KR_OK) {
        (void)fprintf(stderr, "Usage: flooding_kairand --state DIR\n");
        return 2;
    }
    if (getenv("FLOOD_NICE") != NULL && setpriority(PRIO_PROCESS, 0, 19) != 0) {
        return 1;
    }
    int fd = open("flooded", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 2 * sizeof(uint64_t)) != 0) {
        return 1;
    }
    flooder.sent = mmap(NULL, 2 * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return flooder.sent == MAP_FAILED ? 1 : kr_keeper_run(&place, &source);
}
