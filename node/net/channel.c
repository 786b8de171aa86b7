#include "node/net/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/codec/writer.h"

#define HEAD_BYTES              6u
#define LANES                   3u
#define DATA_BEFORE_CLIENT      4u /* chunks and messages, where both lanes wait */
#define MESSAGE_BYTES_MAX       (KR_FRAME_BYTES_MAX + 1024u)
#define CONTROL_QUEUE_BYTES_MAX KR_MIB
#define STAGE_BYTES             (2u * (KR_CHANNEL_CHUNK_BYTES_MAX + HEAD_BYTES))

/* A whole message: waiting to go out, or come in and waiting to be taken. */
struct parcel {
    struct parcel *next;
    size_t len, sent;
    uint8_t bytes[];
};

struct queue {
    struct parcel *first, *last;
    size_t bytes;
};

struct kr_channel {
    int fd;
    bool is_broken;
    struct queue out[LANES], in[LANES];
    uint8_t stage[STAGE_BYTES]; /* chunks being written */
    size_t stage_len, stage_at;
    uint8_t head[HEAD_BYTES]; /* of the chunk being read */
    size_t head_len;
    struct parcel *partial[LANES]; /* messages of which chunks are missing; `sent` counts bytes filled, `len` the room */
    size_t chunk_left;
    unsigned staged, received; /* of the data lane since the clients' had its turn */
    uint64_t under_way[LANES]; /* what the other has not dealt with */
    uint64_t in_hand[LANES];   /* what came and we have not dealt with */
    uint64_t dealt[LANES];     /* what we have dealt with and not said so */
    struct parcel *taken;      /* behind the slices of the last message */
};

static const uint64_t windows[LANES] = {
    [KR_LANE_CONTROL] = UINT64_MAX, [KR_LANE_DATA] = KR_CHANNEL_WINDOW, [KR_LANE_CLIENT] = KR_CHANNEL_CLIENT_WINDOW};

static enum kr_channel_lane lane_of(uint32_t type)
{
    return type == KR_NET_FRAME ? KR_LANE_DATA : type == KR_NET_CLIENT_FRAME ? KR_LANE_CLIENT : KR_LANE_CONTROL;
}

/* Whose turn it is; `*passed` counts. LANES: nothing waits. */
static uint32_t next_lane(const struct queue queues[static LANES], unsigned *passed)
{
    if (queues[KR_LANE_CONTROL].first != NULL) {
        return KR_LANE_CONTROL;
    }
    const bool has_data = queues[KR_LANE_DATA].first != NULL, has_client = queues[KR_LANE_CLIENT].first != NULL;
    if (has_data && (!has_client || *passed < DATA_BEFORE_CLIENT)) {
        *passed += has_client;
        return KR_LANE_DATA;
    }
    *passed = 0;
    return has_client ? KR_LANE_CLIENT : LANES;
}

enum kr_err kr_channel_new(int fd, struct kr_channel **ret_channel)
{
    struct kr_channel *channel = calloc(1, sizeof *channel);
    int flags = fcntl(fd, F_GETFL);
    if (channel == NULL || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        free(channel);
        return channel == NULL ? KR_NOMEM : KR_SYSTEM;
    }
    channel->fd = fd;
    *ret_channel = channel;
    return KR_OK;
}

static void queue_free(struct queue *queue)
{
    while (queue->first != NULL) {
        struct parcel *parcel = queue->first;
        queue->first = parcel->next;
        free(parcel);
    }
    *queue = (struct queue){0};
}

void kr_channel_free(struct kr_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    for (uint32_t lane = 0; lane < LANES; lane++) {
        queue_free(&channel->out[lane]);
        queue_free(&channel->in[lane]);
        free(channel->partial[lane]);
    }
    free(channel->taken);
    (void)close(channel->fd);
    free(channel);
}

int kr_channel_fd(const struct kr_channel *channel)
{
    return channel->fd;
}

bool kr_channel_wants_write(const struct kr_channel *channel)
{
    unsigned passed = 0;
    return channel->stage_at < channel->stage_len || next_lane(channel->out, &passed) != LANES;
}

size_t kr_channel_window_left(const struct kr_channel *channel, enum kr_channel_lane lane)
{
    return channel->under_way[lane] < windows[lane] ? (size_t)(windows[lane] - channel->under_way[lane]) : 0;
}

size_t kr_channel_unwritten(const struct kr_channel *channel, enum kr_channel_lane lane)
{
    return channel->out[lane].bytes;
}

bool kr_channel_has_message(const struct kr_channel *channel)
{
    unsigned passed = 0;
    return next_lane(channel->in, &passed) != LANES;
}

static void queue_push(struct queue *queue, struct parcel *parcel)
{
    parcel->next = NULL;
    if (queue->last != NULL && queue->first != NULL) {
        queue->last->next = parcel;
    } else {
        queue->first = parcel;
    }
    queue->last = parcel;
    queue->bytes += parcel->len;
}

static struct parcel *queue_pop(struct queue *queue)
{
    struct parcel *parcel = queue->first;
    if (parcel != NULL) {
        queue->first = parcel->next;
        queue->bytes -= parcel->len;
    }
    return parcel;
}

static struct parcel *parcel_new(size_t len)
{
    struct parcel *parcel = malloc(sizeof *parcel + len);
    if (parcel != NULL) {
        parcel->next = NULL;
        parcel->len = len;
        parcel->sent = 0;
    }
    return parcel;
}

/* ---- encoding ---- */

static void write_allow(const struct kr_net_message *message, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_uint(writer, message->type);
    kr_writer_uint(writer, message->generation);
    kr_writer_array(writer, message->entry_count);
    for (uint32_t i = 0; i < message->entry_count; i++) {
        kr_writer_array(writer, 3);
        kr_writer_uint(writer, message->entries[i].number);
        kr_writer_uint(writer, message->entries[i].kind);
        kr_writer_bin(writer, message->entries[i].key, 32);
    }
}

static bool is_about_one(uint32_t type)
{
    return type == KR_NET_HANGUP || type == KR_NET_LOST || type == KR_NET_TURNED_AWAY || type == KR_NET_CLIENT_CUT ||
           type == KR_NET_CLIENT_GONE || type == KR_NET_CONNECTED || type == KR_NET_UNREACHED;
}

static void write_message(const struct kr_net_message *message, struct kr_writer *writer)
{
    switch (message->type) {
    case KR_NET_SECRET:
        kr_writer_array(writer, 3);
        kr_writer_uint(writer, message->type);
        kr_writer_bin(writer, message->secret, 32);
        kr_writer_bin(writer, message->key, 32);
        break;
    case KR_NET_ALLOW:
        write_allow(message, writer);
        break;
    case KR_NET_DIAL:
        kr_writer_array(writer, 5);
        kr_writer_uint(writer, message->type);
        kr_writer_uint(writer, message->number);
        kr_writer_str_slice(writer, message->text);
        kr_writer_bin(writer, message->key, 32);
        kr_writer_bin(writer, message->secret, message->has_secret ? 32 : 0);
        break;
    case KR_NET_BIND:
        kr_writer_array(writer, 2);
        kr_writer_uint(writer, message->type);
        kr_writer_str_slice(writer, message->text);
        break;
    case KR_NET_BOUND:
        kr_writer_array(writer, 3);
        kr_writer_uint(writer, message->type);
        kr_writer_str_slice(writer, message->text);
        kr_writer_str_slice(writer, message->frame); /* why not */
        break;
    case KR_NET_LOG:
        kr_writer_array(writer, 3);
        kr_writer_uint(writer, message->type);
        kr_writer_uint(writer, message->count);
        kr_writer_str_slice(writer, message->text);
        break;
    case KR_NET_REFUSED:
        kr_writer_array(writer, 3);
        kr_writer_uint(writer, message->type);
        kr_writer_bin(writer, message->key, 32);
        kr_writer_uint(writer, message->count);
        break;
    case KR_NET_FRAME:
    case KR_NET_CLIENT_FRAME:
        kr_writer_array(writer, 3);
        kr_writer_uint(writer, message->type);
        kr_writer_uint(writer, message->number);
        kr_writer_slice(writer, message->frame);
        break;
    case KR_NET_CLIENT_TAKEN:
        kr_writer_array(writer, 4);
        kr_writer_uint(writer, message->type);
        kr_writer_uint(writer, message->number);
        kr_writer_uint(writer, message->count);
        kr_writer_uint(writer, message->generation);
        break;
    case KR_NET_CREDIT:
        kr_writer_array(writer, 3);
        kr_writer_uint(writer, message->type);
        kr_writer_uint(writer, message->number);
        kr_writer_uint(writer, message->count);
        break;
    default: /* one number each */
        kr_writer_array(writer, 2);
        kr_writer_uint(writer, message->type);
        kr_writer_uint(writer, message->type == KR_NET_ALLOWED ? message->generation
                               : is_about_one(message->type)   ? message->number
                                                               : message->count);
        break;
    }
}

static void read_allow(struct kr_reader *reader, struct kr_net_message *message)
{
    message->generation = kr_reader_uint(reader, UINT64_MAX);
    uint32_t count = kr_reader_array_between(reader, 0, KR_NET_ENTRIES_MAX);
    for (uint32_t i = 0; i < count && reader->err == KR_OK; i++) {
        kr_reader_array(reader, 3);
        message->entries[i].number = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        message->entries[i].kind = (uint32_t)kr_reader_uint(reader, KR_NET_PERSON);
        kr_reader_fixed(reader, message->entries[i].key, 32);
        kr_reader_close(reader);
    }
    kr_reader_close(reader);
    message->entry_count = reader->err == KR_OK ? count : 0;
}

static enum kr_err read_message(const uint8_t *bytes, size_t len, enum kr_channel_lane lane, struct kr_net_message *message)
{
    struct kr_reader reader;
    kr_reader_init(&reader, bytes, len);
    uint32_t count = kr_reader_array_between(&reader, 2, 5);
    message->type = (uint32_t)kr_reader_uint(&reader, 255);
    message->number = 0;
    message->count = message->generation = 0;
    message->has_secret = false;
    message->entry_count = 0;
    message->text = message->frame = (struct kr_slice){0};
    switch (message->type) {
    case KR_NET_SECRET:
        kr_reader_fixed(&reader, message->secret, 32);
        kr_reader_fixed(&reader, message->key, 32);
        break;
    case KR_NET_ALLOW:
        read_allow(&reader, message);
        break;
    case KR_NET_DIAL:
        message->number = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        message->text = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
        kr_reader_fixed(&reader, message->key, 32);
        message->has_secret = kr_reader_fixed_or_empty(&reader, message->secret, 32);
        break;
    case KR_NET_BIND:
        message->text = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
        break;
    case KR_NET_BOUND:
        message->text = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
        message->frame = kr_reader_str(&reader, KR_KIB);
        break;
    case KR_NET_LOG:
        message->count = kr_reader_uint(&reader, KR_LOG_DEBUG);
        message->text = kr_reader_str(&reader, KR_KIB);
        break;
    case KR_NET_REFUSED:
        kr_reader_fixed(&reader, message->key, 32);
        message->count = kr_reader_uint(&reader, UINT64_MAX);
        break;
    case KR_NET_FRAME:
    case KR_NET_CLIENT_FRAME:
        message->number = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        message->frame = kr_reader_bin(&reader, 1, KR_FRAME_BYTES_MAX + 64u);
        break;
    case KR_NET_CLIENT_TAKEN:
        message->number = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        message->count = kr_reader_uint(&reader, UINT32_MAX);
        message->generation = kr_reader_uint(&reader, UINT32_MAX);
        break;
    case KR_NET_CREDIT:
        message->number = (uint32_t)kr_reader_uint(&reader, KR_LANE_CLIENT);
        message->count = kr_reader_uint(&reader, UINT64_MAX);
        break;
    case KR_NET_HANGUP:
    case KR_NET_LOST:
    case KR_NET_TURNED_AWAY:
    case KR_NET_CLIENT_CUT:
    case KR_NET_CLIENT_GONE:
    case KR_NET_CONNECTED:
    case KR_NET_UNREACHED:
        message->number = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        break;
    case KR_NET_ALLOWED:
        message->generation = kr_reader_uint(&reader, UINT64_MAX);
        break;
    case KR_NET_STOP:
    case KR_NET_READY:
        message->count = kr_reader_uint(&reader, UINT64_MAX);
        break;
    default:
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    (void)count; /* the reader counts too: an array with elements left or missing fails */
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    return err == KR_OK && lane_of(message->type) != lane ? KR_MALFORMED : err;
}

/* ---- out ---- */

enum kr_err kr_channel_send(struct kr_channel *channel, const struct kr_net_message *message)
{
    const enum kr_channel_lane lane = lane_of(message->type);
    const bool is_data = lane != KR_LANE_CONTROL;
    struct queue *queue = &channel->out[lane];
    if (channel->is_broken) {
        return KR_CLOSED;
    }
    if (is_data && (message->frame.len > KR_FRAME_BYTES_MAX + 64u ||
                    kr_channel_window_left(channel, lane) < message->frame.len + KR_CHANNEL_FRAME_COST)) {
        return message->frame.len > KR_FRAME_BYTES_MAX + 64u ? KR_BOUNDS : KR_BUSY;
    }
    if (!is_data && queue->bytes > CONTROL_QUEUE_BYTES_MAX) {
        return KR_BOUNDS;
    }
    struct kr_writer writer;
    kr_writer_init(&writer, MESSAGE_BYTES_MAX);
    write_message(message, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    struct parcel *parcel = err == KR_OK ? parcel_new(writer.len) : NULL;
    if (parcel != NULL) {
        memcpy(parcel->bytes, writer.bytes, writer.len);
        queue_push(queue, parcel);
        channel->under_way[lane] += is_data ? message->frame.len + KR_CHANNEL_FRAME_COST : 0;
    } else if (err == KR_OK) {
        err = KR_NOMEM;
    }
    if (message->type == KR_NET_SECRET && writer.bytes != NULL) {
        explicit_bzero(writer.bytes, writer.len);
    }
    kr_writer_deinit(&writer);
    return err;
}

enum kr_err kr_channel_dealt(struct kr_channel *channel, enum kr_channel_lane lane, size_t frames, size_t bytes)
{
    uint64_t cost = bytes + (uint64_t)frames * KR_CHANNEL_FRAME_COST;
    channel->in_hand[lane] -= cost < channel->in_hand[lane] ? cost : channel->in_hand[lane];
    channel->dealt[lane] += cost;
    if (channel->dealt[lane] < windows[lane] / 32u) {
        return KR_OK;
    }
    static _Thread_local struct kr_net_message credit; /* tens of kilobytes: not on the stack */
    credit.type = KR_NET_CREDIT;
    credit.number = lane;
    credit.count = channel->dealt[lane];
    channel->dealt[lane] = 0;
    return kr_channel_send(channel, &credit);
}

/* Puts the next chunks on the stage. */
static void fill_stage(struct kr_channel *channel)
{
    channel->stage_len = channel->stage_at = 0;
    for (;;) {
        const uint32_t lane = next_lane(channel->out, &channel->staged);
        if (lane == LANES) {
            return;
        }
        struct parcel *parcel = channel->out[lane].first;
        size_t len = parcel->len - parcel->sent;
        len = len < KR_CHANNEL_CHUNK_BYTES_MAX ? len : KR_CHANNEL_CHUNK_BYTES_MAX;
        if (channel->stage_len + HEAD_BYTES + len > STAGE_BYTES) {
            return;
        }
        uint8_t *at = channel->stage + channel->stage_len;
        at[0] = (uint8_t)lane;
        at[1] = parcel->sent + len == parcel->len;
        at[2] = (uint8_t)(len >> 24);
        at[3] = (uint8_t)(len >> 16);
        at[4] = (uint8_t)(len >> 8);
        at[5] = (uint8_t)len;
        memcpy(at + HEAD_BYTES, parcel->bytes + parcel->sent, len);
        channel->stage_len += HEAD_BYTES + len;
        parcel->sent += len;
        if (parcel->sent == parcel->len) {
            explicit_bzero(parcel->bytes, parcel->len < 128 ? parcel->len : 128); /* the secret, among others */
            free(queue_pop(&channel->out[lane]));
        }
    }
}

static enum kr_err pump_out(struct kr_channel *channel)
{
    for (;;) {
        if (channel->stage_at == channel->stage_len) {
            fill_stage(channel);
        }
        if (channel->stage_at == channel->stage_len) {
            return KR_OK;
        }
        ssize_t n = send(channel->fd, channel->stage + channel->stage_at, channel->stage_len - channel->stage_at, MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR ? KR_OK : KR_CLOSED;
        }
        channel->stage_at += (size_t)n;
    }
}

/* ---- in ---- */

static enum kr_err begin_chunk(struct kr_channel *channel)
{
    const uint8_t *head = channel->head;
    size_t len = (size_t)head[2] << 24 | (size_t)head[3] << 16 | (size_t)head[4] << 8 | head[5];
    if (head[0] >= LANES || head[1] > 1 || len == 0 || len > KR_CHANNEL_CHUNK_BYTES_MAX) {
        return KR_CLOSED;
    }
    struct parcel *old = channel->partial[head[0]];
    size_t have = old == NULL ? 0 : old->sent;
    if (have + len > MESSAGE_BYTES_MAX) {
        return KR_CLOSED;
    }
    struct parcel *grown = realloc(old, sizeof *grown + have + len);
    if (grown == NULL) {
        return KR_NOMEM;
    }
    grown->sent = have;
    grown->len = have + len;
    channel->partial[head[0]] = grown;
    channel->chunk_left = len;
    return KR_OK;
}

static void end_chunk(struct kr_channel *channel)
{
    channel->head_len = 0;
    if (channel->head[1] == 1) {
        uint8_t lane = channel->head[0];
        queue_push(&channel->in[lane], channel->partial[lane]);
        channel->partial[lane] = NULL;
    }
}

static enum kr_err take_bytes(struct kr_channel *channel, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        if (channel->head_len < HEAD_BYTES) {
            channel->head[channel->head_len++] = *bytes++;
            len--;
            enum kr_err err = channel->head_len == HEAD_BYTES ? begin_chunk(channel) : KR_OK;
            if (err != KR_OK) {
                return err;
            }
            continue;
        }
        struct parcel *parcel = channel->partial[channel->head[0]];
        size_t n = len < channel->chunk_left ? len : channel->chunk_left;
        memcpy(parcel->bytes + parcel->sent, bytes, n);
        parcel->sent += n;
        channel->chunk_left -= n;
        bytes += n;
        len -= n;
        if (channel->chunk_left == 0) {
            end_chunk(channel);
        }
    }
    return KR_OK;
}

static enum kr_err pump_in(struct kr_channel *channel)
{
    static _Thread_local uint8_t buffer[128u * KR_KIB];
    /* The window bounds what an honest other side has under way; whoever sends more is not read until this much is taken. */
    while (channel->in[KR_LANE_DATA].bytes <= 2u * KR_CHANNEL_WINDOW &&
           channel->in[KR_LANE_CLIENT].bytes <= 2u * KR_CHANNEL_CLIENT_WINDOW &&
           channel->in[KR_LANE_CONTROL].bytes <= 2u * CONTROL_QUEUE_BYTES_MAX) {
        ssize_t n = recv(channel->fd, buffer, sizeof buffer, 0);
        if (n == 0) {
            return KR_CLOSED;
        }
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR ? KR_OK : KR_CLOSED;
        }
        enum kr_err err = take_bytes(channel, buffer, (size_t)n);
        if (err != KR_OK || (size_t)n < sizeof buffer) {
            return err;
        }
    }
    return KR_OK;
}

enum kr_err kr_channel_flush(struct kr_channel *channel)
{
    if (channel->is_broken) {
        return KR_CLOSED;
    }
    enum kr_err err = pump_out(channel);
    channel->is_broken = err != KR_OK;
    return err;
}

enum kr_err kr_channel_pump(struct kr_channel *channel)
{
    if (channel->is_broken) {
        return KR_CLOSED;
    }
    enum kr_err out = pump_out(channel), in = pump_in(channel);
    channel->is_broken = out != KR_OK || in != KR_OK;
    return in != KR_OK ? in : out;
}

enum kr_err kr_channel_receive(struct kr_channel *channel, struct kr_net_message *ret_message)
{
    for (;;) {
        free(channel->taken);
        channel->taken = NULL;
        const uint32_t lane = next_lane(channel->in, &channel->received);
        if (lane == LANES) {
            return KR_NOT_FOUND;
        }
        channel->taken = queue_pop(&channel->in[lane]);
        enum kr_err err = read_message(channel->taken->bytes, channel->taken->len, (enum kr_channel_lane)lane, ret_message);
        if (err == KR_OK && lane != KR_LANE_CONTROL) {
            channel->in_hand[lane] += ret_message->frame.len + KR_CHANNEL_FRAME_COST;
        }
        if (err != KR_OK || channel->in_hand[lane] > windows[lane]) {
            channel->is_broken = true;
            return KR_CLOSED;
        }
        if (ret_message->type != KR_NET_CREDIT) {
            return KR_OK;
        }
        uint64_t *under_way = &channel->under_way[ret_message->number];
        *under_way -= ret_message->count < *under_way ? ret_message->count : *under_way;
    }
}
