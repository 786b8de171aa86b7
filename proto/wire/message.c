#include <string.h>

#include "proto/wire/sync.h"
#include "proto/wire/wire.h"

#define FIELDS_MAX 64u /* of a message that a newer node sends */

void kr_scope_tag(uint8_t ret_tag[static KR_SCOPE_TAG_BYTES], const uint8_t salt[static KR_SHORT_KEY_BYTES],
                  const struct kr_scope *scope)
{
    uint8_t bytes[1 + sizeof scope->id] = {scope->kind};

    if (scope->kind != KR_SCOPE_PAIR) {
        memcpy(bytes + 1, scope->id, sizeof scope->id);
    }
    kr_hash_short(ret_tag, salt, bytes, sizeof bytes);
}

/* Number of elements of each message, its type included; 0: unknown here, also the reserved ones. */
static uint32_t field_count(uint64_t type)
{
    switch (type) {
    case KR_MESSAGE_PING:
    case KR_MESSAGE_PONG:
    case KR_MESSAGE_CURSOR:
    case KR_MESSAGE_ROOTS:
        return 4;
    case KR_MESSAGE_REFUSE:
    case KR_MESSAGE_GRAFT:
    case KR_MESSAGE_FORWARD_ASK:
    case KR_MESSAGE_FORWARD_STATE:
    case KR_MESSAGE_FORWARD_CREDIT:
        return 3;
    case KR_MESSAGE_RECORDS:
    case KR_MESSAGE_CREDIT:
    case KR_MESSAGE_GONE:
    case KR_MESSAGE_BYE:
    case KR_MESSAGE_WELCOME:
    case KR_MESSAGE_NEED:
    case KR_MESSAGE_IHAVE:
    case KR_MESSAGE_PRUNE:
    case KR_MESSAGE_COMMIT:
    case KR_MESSAGE_REVEAL:
    case KR_MESSAGE_PAIRED:
    case KR_MESSAGE_PROBE:
    case KR_MESSAGE_NODE_ASK:
    case KR_MESSAGE_NODE_KEYS:
        return 2;
    case KR_MESSAGE_WANT:
    case KR_MESSAGE_FORWARD:
        return 5;
    case KR_MESSAGE_HAVE:
        return 7;
    case KR_MESSAGE_SYNC:
        return 8;
    default:
        return 0;
    }
}

/* ---- writing ---- */

void kr_root_write(const struct kr_root *root, struct kr_writer *writer)
{
    kr_writer_array(writer, 6);
    kr_writer_bin(writer, root->tag, sizeof root->tag);
    kr_writer_uint(writer, root->count);
    kr_writer_bin(writer, root->hash, sizeof root->hash);
    kr_writer_uint(writer, root->read);
    kr_writer_uint(writer, root->tree_count);
    kr_writer_bin(writer, root->root8, sizeof root->root8);
}

static void write_items(struct kr_writer *writer, const struct kr_message *message)
{
    kr_writer_array(writer, message->item_count);
    kr_writer_raw(writer, message->items.bytes, message->items.len);
}

void kr_message_write(const struct kr_message *message, struct kr_writer *writer)
{
    KR_ASSERT(field_count(message->type) != 0);
    kr_writer_array(writer, field_count(message->type));
    kr_writer_uint(writer, message->type);
    switch (message->type) {
    case KR_MESSAGE_PING:
    case KR_MESSAGE_PONG:
        kr_writer_uint(writer, message->sequence);
        kr_writer_bin(writer, message->digest, sizeof message->digest);
        kr_writer_uint(writer, message->count);
        break;
    case KR_MESSAGE_RECORDS:
        write_items(writer, message);
        break;
    case KR_MESSAGE_CREDIT:
    case KR_MESSAGE_NEED:
        kr_writer_uint(writer, message->count);
        break;
    case KR_MESSAGE_CURSOR:
        kr_writer_bin(writer, message->tag, sizeof message->tag);
        kr_writer_uint(writer, message->count);
        kr_writer_bin(writer, message->hash, sizeof message->hash);
        break;
    case KR_MESSAGE_HAVE:
        kr_writer_bin(writer, message->tag, sizeof message->tag);
        kr_writer_uint(writer, message->from);
        kr_writer_uint(writer, message->count);
        kr_writer_bin(writer, message->hash, sizeof message->hash);
        kr_writer_uint(writer, message->status);
        kr_writer_slice(writer, message->ids);
        break;
    case KR_MESSAGE_WANT:
        kr_writer_bin(writer, message->tag, sizeof message->tag);
        kr_writer_uint(writer, message->from);
        kr_writer_uint(writer, message->count);
        kr_writer_slice(writer, message->bits);
        break;
    case KR_MESSAGE_GONE:
    case KR_MESSAGE_IHAVE:
    case KR_MESSAGE_PRUNE:
        kr_writer_slice(writer, message->ids);
        break;
    case KR_MESSAGE_NODE_ASK:
    case KR_MESSAGE_NODE_KEYS:
        kr_writer_slice(writer, message->body);
        break;
    case KR_MESSAGE_GRAFT:
        kr_writer_uint(writer, message->status);
        kr_writer_slice(writer, message->ids);
        break;
    case KR_MESSAGE_SYNC:
        kr_writer_uint(writer, message->walk);
        kr_writer_bin(writer, message->tag, sizeof message->tag);
        kr_writer_uint(writer, message->status);
        kr_writer_uint(writer, message->generation);
        kr_writer_uint(writer, message->dealt);
        kr_writer_uint(writer, message->count);
        kr_writer_array(writer, message->part_count);
        kr_writer_raw(writer, message->parts.bytes, message->parts.len);
        break;
    case KR_MESSAGE_REFUSE:
        kr_writer_bin(writer, message->id, sizeof message->id);
        kr_writer_uint(writer, message->reason);
        break;
    case KR_MESSAGE_COMMIT:
    case KR_MESSAGE_REVEAL:
        kr_writer_bin(writer, message->id, sizeof message->id);
        break;
    case KR_MESSAGE_PAIRED:
        kr_writer_uint(writer, message->status);
        break;
    case KR_MESSAGE_ROOTS:
        kr_writer_uint(writer, message->status);
        kr_writer_uint(writer, message->month);
        write_items(writer, message);
        break;
    case KR_MESSAGE_FORWARD:
        kr_writer_bin(writer, message->id, sizeof message->id);
        kr_writer_uint(writer, message->count);
        kr_writer_uint(writer, message->from);
        kr_writer_slice(writer, message->piece);
        break;
    case KR_MESSAGE_FORWARD_ASK:
    case KR_MESSAGE_FORWARD_STATE:
        kr_writer_bin(writer, message->id, sizeof message->id);
        kr_writer_uint(writer, message->status);
        break;
    case KR_MESSAGE_FORWARD_CREDIT:
        kr_writer_bin(writer, message->id, sizeof message->id);
        kr_writer_uint(writer, message->count);
        break;
    case KR_MESSAGE_PROBE:
        kr_writer_uint(writer, message->status);
        break;
    default: /* bye, welcome */
        kr_writer_uint(writer, message->reason);
        break;
    }
}

/* ---- reading ---- */

static void read_root(struct kr_reader *reader, struct kr_root *root)
{
    kr_reader_array(reader, 6);
    kr_reader_fixed(reader, root->tag, sizeof root->tag);
    root->count = kr_reader_uint(reader, UINT64_MAX);
    kr_reader_fixed(reader, root->hash, sizeof root->hash);
    root->read = kr_reader_uint(reader, UINT64_MAX);
    root->tree_count = kr_reader_uint(reader, UINT64_MAX);
    kr_reader_fixed(reader, root->root8, sizeof root->root8);
    kr_reader_close(reader);
}

/* A list whose elements are checked now and read when they are needed. */
static void read_items(struct kr_reader *reader, struct kr_message *message, uint32_t count_max)
{
    uint32_t count = kr_reader_array_between(reader, 0, count_max);
    const uint8_t *start = reader->at;
    struct kr_root root;

    for (uint32_t i = 0; i < count; i++) {
        if (message->type == KR_MESSAGE_RECORDS) {
            (void)kr_reader_bin(reader, 1, KR_RECORD_BYTES_MAX);
        } else {
            read_root(reader, &root);
        }
    }
    kr_reader_close(reader);
    if (reader->err == KR_OK) {
        message->item_count = count;
        message->items = (struct kr_slice){start, (size_t)(reader->at - start)};
    }
}

static struct kr_slice read_ids(struct kr_reader *reader)
{
    struct kr_slice ids = kr_reader_bin(reader, 0, (size_t)KR_PAGE_IDS_MAX * KR_SHORT_ID_BYTES);

    if (ids.len % KR_SHORT_ID_BYTES != 0) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    return ids;
}

/* As many bits as entries, the unused ones of the last byte zero. */
static struct kr_slice read_bits(struct kr_reader *reader, uint64_t count)
{
    size_t len = (size_t)(count + 7) / 8;
    struct kr_slice bits = kr_reader_bin(reader, len, len);

    if (bits.len > 0 && count % 8 != 0 && bits.bytes[bits.len - 1] >> count % 8 != 0) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    return bits;
}

static void read_parts(struct kr_reader *reader, struct kr_message *message)
{
    struct kr_sync_part part;
    const uint32_t count = kr_reader_array_between(reader, 0, KR_SYNC_BYTES_MAX);
    const uint8_t *start = reader->at;

    for (uint32_t i = 0; i < count; i++) {
        kr_sync_part_read(reader, &part);
    }
    kr_reader_close(reader);
    message->part_count = count;
    message->parts = (struct kr_slice){.bytes = start, .len = (size_t)(reader->at - start)};
    if (message->parts.len > KR_SYNC_BYTES_MAX) {
        kr_reader_fail(reader, KR_BOUNDS);
    }
}

static void read_forward(struct kr_reader *reader, struct kr_message *message)
{
    kr_reader_fixed(reader, message->id, sizeof message->id);
    message->count = kr_reader_uint(reader, KR_FORWARD_FRAME_BYTES_MAX);
    message->from = kr_reader_uint(reader, KR_FORWARD_FRAME_BYTES_MAX);
    message->piece = kr_reader_bin(reader, 1, KR_FORWARD_PIECE_BYTES_MAX);
    if (message->from + message->piece.len > message->count) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
}

static void read_fields(struct kr_reader *reader, struct kr_message *message)
{
    switch (message->type) {
    case KR_MESSAGE_PING:
    case KR_MESSAGE_PONG:
        message->sequence = kr_reader_uint(reader, UINT64_MAX);
        kr_reader_fixed(reader, message->digest, sizeof message->digest);
        message->count = kr_reader_uint(reader, UINT64_MAX);
        break;
    case KR_MESSAGE_RECORDS:
        read_items(reader, message, KR_IDS_PER_FRAME_MAX);
        break;
    case KR_MESSAGE_CREDIT:
    case KR_MESSAGE_NEED:
        message->count = kr_reader_uint(reader, UINT64_MAX);
        break;
    case KR_MESSAGE_CURSOR:
        kr_reader_fixed(reader, message->tag, sizeof message->tag);
        message->count = kr_reader_uint(reader, UINT64_MAX);
        kr_reader_fixed(reader, message->hash, sizeof message->hash);
        break;
    case KR_MESSAGE_HAVE:
        kr_reader_fixed(reader, message->tag, sizeof message->tag);
        message->from = kr_reader_uint(reader, UINT64_MAX - KR_PAGE_IDS_MAX); /* so that from + ids cannot overflow */
        message->count = kr_reader_uint(reader, UINT64_MAX);
        kr_reader_fixed(reader, message->hash, sizeof message->hash);
        message->status = (uint32_t)kr_reader_uint(reader, 1);
        message->ids = read_ids(reader);
        break;
    case KR_MESSAGE_WANT:
        kr_reader_fixed(reader, message->tag, sizeof message->tag);
        message->from = kr_reader_uint(reader, UINT64_MAX - KR_PAGE_IDS_MAX);
        message->count = kr_reader_uint(reader, KR_PAGE_IDS_MAX);
        message->bits = read_bits(reader, message->count);
        break;
    case KR_MESSAGE_GONE:
    case KR_MESSAGE_IHAVE:
    case KR_MESSAGE_PRUNE:
        message->ids = read_ids(reader);
        break;
    case KR_MESSAGE_NODE_ASK:
    case KR_MESSAGE_NODE_KEYS:
        message->body = kr_reader_bin(reader, 1, KR_NODE_BODY_BYTES_MAX);
        break;
    case KR_MESSAGE_GRAFT:
        message->status = (uint32_t)kr_reader_uint(reader, 1);
        message->ids = read_ids(reader);
        break;
    case KR_MESSAGE_SYNC:
        message->walk = kr_reader_uint(reader, UINT64_MAX);
        kr_reader_fixed(reader, message->tag, sizeof message->tag);
        message->status = (uint32_t)kr_reader_uint(reader, 1);
        message->generation = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        message->dealt = kr_reader_uint(reader, UINT64_MAX);
        message->count = kr_reader_uint(reader, UINT64_MAX);
        read_parts(reader, message);
        break;
    case KR_MESSAGE_REFUSE:
        kr_reader_fixed(reader, message->id, sizeof message->id);
        message->reason = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        break;
    case KR_MESSAGE_COMMIT:
    case KR_MESSAGE_REVEAL:
        kr_reader_fixed(reader, message->id, sizeof message->id);
        break;
    case KR_MESSAGE_PAIRED:
        message->status = (uint32_t)kr_reader_uint(reader, KR_PAIRED_REJECTED);
        break;
    case KR_MESSAGE_ROOTS:
        message->status = (uint32_t)kr_reader_uint(reader, 1);
        message->month = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        read_items(reader, message, KR_ROOTS_MAX);
        break;
    case KR_MESSAGE_FORWARD:
        read_forward(reader, message);
        break;
    case KR_MESSAGE_FORWARD_ASK:
        kr_reader_fixed(reader, message->id, sizeof message->id);
        message->status = (uint32_t)kr_reader_uint(reader, 1);
        break;
    case KR_MESSAGE_FORWARD_STATE:
        kr_reader_fixed(reader, message->id, sizeof message->id);
        message->status = (uint32_t)kr_reader_uint(reader, UINT32_MAX); /* newer nodes may have more reasons */
        break;
    case KR_MESSAGE_FORWARD_CREDIT:
        kr_reader_fixed(reader, message->id, sizeof message->id);
        message->count = kr_reader_uint(reader, UINT64_MAX);
        break;
    case KR_MESSAGE_PROBE:
        message->status = (uint32_t)kr_reader_uint(reader, UINT32_MAX); /* newer nodes may find more */
        break;
    default: /* bye, welcome */
        message->reason = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        break;
    }
}

enum kr_err kr_message_read(struct kr_slice bytes, struct kr_message *ret_message)
{
    struct kr_message message = {0};
    struct kr_reader reader;
    uint32_t fields;
    uint64_t type;

    if (bytes.len > KR_FRAME_BYTES_MAX) {
        return KR_BOUNDS;
    }
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    fields = kr_reader_array_between(&reader, 1, FIELDS_MAX);
    type = kr_reader_uint(&reader, UINT64_MAX);
    if (field_count(type) == 0) {
        for (uint32_t i = 1; i < fields; i++) {
            kr_reader_skip(&reader);
        }
    } else if (field_count(type) != fields) {
        kr_reader_fail(&reader, KR_MALFORMED);
    } else {
        message.type = (uint32_t)type;
        read_fields(&reader, &message);
    }
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return reader.err;
    }
    *ret_message = message;
    return KR_OK;
}

/* ---- what a message lists ---- */

static void counted_off(struct kr_message *message, const struct kr_reader *reader)
{
    message->item_count--;
    message->items.len -= (size_t)(reader->at - message->items.bytes);
    message->items.bytes = reader->at;
}

bool kr_message_next_record(struct kr_message *message, struct kr_slice *ret_record)
{
    struct kr_reader reader;
    struct kr_slice record;

    if (message->item_count == 0) {
        return false;
    }
    kr_reader_init(&reader, message->items.bytes, message->items.len);
    record = kr_reader_bin(&reader, 0, message->items.len);
    if (reader.err != KR_OK) {
        return false;
    }
    counted_off(message, &reader);
    *ret_record = record;
    return true;
}

bool kr_message_next_root(struct kr_message *message, struct kr_root *ret_root)
{
    struct kr_reader reader;
    struct kr_root root;

    if (message->item_count == 0) {
        return false;
    }
    kr_reader_init(&reader, message->items.bytes, message->items.len);
    read_root(&reader, &root);
    if (reader.err != KR_OK) {
        return false;
    }
    counted_off(message, &reader);
    *ret_root = root;
    return true;
}

uint32_t kr_message_id_count(const struct kr_message *message)
{
    return (uint32_t)(message->ids.len / KR_SHORT_ID_BYTES);
}

const uint8_t *kr_message_id(const struct kr_message *message, uint32_t at)
{
    KR_ASSERT(at < kr_message_id_count(message));
    return message->ids.bytes + (size_t)at * KR_SHORT_ID_BYTES;
}
