#include <string.h>

#include "proto/wire/sync.h"
#include "proto/wire/wire.h"

#define FIELDS_MAX 64u /* of a message that a newer node sends */
#define ID_BYTES   32u

/* Number of elements of each message, its type included; 0: unknown here, also the reserved ones. */
static uint32_t field_count(uint64_t type)
{
    switch (type) {
    case KR_MESSAGE_PING:
    case KR_MESSAGE_PONG:
    case KR_MESSAGE_REFUSE:
    case KR_MESSAGE_GRAFT:
        return 3;
    case KR_MESSAGE_RECORDS:
    case KR_MESSAGE_CREDIT:
    case KR_MESSAGE_WANT:
    case KR_MESSAGE_GONE:
    case KR_MESSAGE_BYE:
    case KR_MESSAGE_WELCOME:
    case KR_MESSAGE_NEED:
    case KR_MESSAGE_IHAVE:
    case KR_MESSAGE_PRUNE:
        return 2;
    case KR_MESSAGE_CURSOR:
        return 4;
    case KR_MESSAGE_HAVE:
        return 7;
    case KR_MESSAGE_SYNC:
        return 8;
    default:
        return 0;
    }
}

static void write_scope(struct kr_writer *writer, const struct kr_scope *scope)
{
    kr_writer_array(writer, 2);
    kr_writer_uint(writer, scope->kind);
    kr_writer_bin(writer, scope->id, sizeof scope->id);
}

static void write_marks(struct kr_writer *writer, const struct kr_message *message)
{
    kr_writer_array(writer, message->mark_count);
    for (uint32_t i = 0; i < message->mark_count; i++) {
        const struct kr_mark *mark = &message->marks[i];

        kr_writer_array(writer, 3);
        write_scope(writer, &mark->scope);
        kr_writer_uint(writer, mark->count);
        kr_writer_bin(writer, mark->hash8, sizeof mark->hash8);
    }
}

static void write_items(struct kr_writer *writer, const struct kr_message *message)
{
    kr_writer_array(writer, message->item_count);
    for (uint32_t i = 0; i < message->item_count; i++) {
        kr_writer_slice(writer, message->items[i]);
    }
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
        write_marks(writer, message);
        break;
    case KR_MESSAGE_RECORDS:
    case KR_MESSAGE_WANT:
    case KR_MESSAGE_GONE:
    case KR_MESSAGE_IHAVE:
    case KR_MESSAGE_PRUNE:
        write_items(writer, message);
        break;
    case KR_MESSAGE_GRAFT:
        kr_writer_uint(writer, message->status);
        write_items(writer, message);
        break;
    case KR_MESSAGE_CREDIT:
    case KR_MESSAGE_NEED:
        kr_writer_uint(writer, message->count);
        break;
    case KR_MESSAGE_CURSOR:
        write_scope(writer, &message->scope);
        kr_writer_uint(writer, message->count);
        kr_writer_bin(writer, message->hash, sizeof message->hash);
        break;
    case KR_MESSAGE_HAVE:
        write_scope(writer, &message->scope);
        kr_writer_uint(writer, message->from);
        kr_writer_uint(writer, message->count);
        kr_writer_bin(writer, message->hash, sizeof message->hash);
        kr_writer_uint(writer, message->status);
        write_items(writer, message);
        break;
    case KR_MESSAGE_SYNC:
        kr_writer_uint(writer, message->walk);
        write_scope(writer, &message->scope);
        kr_writer_uint(writer, message->status);
        kr_writer_uint(writer, message->generation);
        kr_writer_uint(writer, message->dealt);
        kr_writer_uint(writer, message->count);
        kr_writer_array(writer, message->part_count);
        kr_writer_raw(writer, message->parts.bytes, message->parts.len);
        break;
    case KR_MESSAGE_REFUSE:
        write_items(writer, message);
        kr_writer_uint(writer, message->reason);
        break;
    default: /* bye, welcome */
        kr_writer_uint(writer, message->reason);
        break;
    }
}

/* Returns whether the scope is of a kind that we know. */
static bool read_scope(struct kr_reader *reader, struct kr_scope *ret_scope)
{
    uint64_t kind;

    kr_reader_array(reader, 2);
    kind = kr_reader_uint(reader, UINT8_MAX);
    kr_reader_fixed(reader, ret_scope->id, sizeof ret_scope->id);
    kr_reader_close(reader);
    ret_scope->kind = (uint8_t)kind;
    return kind >= 1 && kind <= KR_SCOPE_KIND_MAX;
}

static void read_marks(struct kr_reader *reader, struct kr_message *message)
{
    uint32_t count = kr_reader_array_between(reader, 0, KR_MARKS_MAX);

    for (uint32_t i = 0; i < count; i++) {
        struct kr_mark *mark = &message->marks[message->mark_count];
        bool is_known;

        kr_reader_array(reader, 3);
        is_known = read_scope(reader, &mark->scope);
        mark->count = kr_reader_uint(reader, UINT64_MAX);
        kr_reader_fixed(reader, mark->hash8, sizeof mark->hash8);
        kr_reader_close(reader);
        if (is_known) {
            message->mark_count++;
        }
    }
    kr_reader_close(reader);
}

static void read_items(struct kr_reader *reader, struct kr_message *message, uint32_t count_max, size_t bytes_min, size_t bytes_max)
{
    message->item_count = kr_reader_array_between(reader, 0, count_max);
    for (uint32_t i = 0; i < message->item_count; i++) {
        message->items[i] = kr_reader_bin(reader, bytes_min, bytes_max);
    }
    kr_reader_close(reader);
}

static void read_ids(struct kr_reader *reader, struct kr_message *message)
{
    read_items(reader, message, KR_IDS_PER_FRAME_MAX, ID_BYTES, ID_BYTES);
}

static void read_short_ids(struct kr_reader *reader, struct kr_message *message)
{
    read_items(reader, message, KR_IDS_PER_FRAME_MAX, KR_SHORT_ID_BYTES, KR_SHORT_ID_BYTES);
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

/* Returns false where the message is about a scope of a kind that we do not know. */
static bool read_fields(struct kr_reader *reader, struct kr_message *message)
{
    bool is_known = true;

    switch (message->type) {
    case KR_MESSAGE_PING:
    case KR_MESSAGE_PONG:
        message->sequence = kr_reader_uint(reader, UINT64_MAX);
        read_marks(reader, message);
        break;
    case KR_MESSAGE_RECORDS:
        read_items(reader, message, KR_IDS_PER_FRAME_MAX, 1, KR_RECORD_BYTES_MAX);
        break;
    case KR_MESSAGE_WANT:
    case KR_MESSAGE_GONE:
        read_ids(reader, message);
        break;
    case KR_MESSAGE_GRAFT:
        message->status = (uint32_t)kr_reader_uint(reader, 1);
        read_short_ids(reader, message);
        break;
    case KR_MESSAGE_IHAVE:
    case KR_MESSAGE_PRUNE:
        read_short_ids(reader, message);
        break;
    case KR_MESSAGE_CREDIT:
    case KR_MESSAGE_NEED:
        message->count = kr_reader_uint(reader, UINT64_MAX);
        break;
    case KR_MESSAGE_CURSOR:
        is_known = read_scope(reader, &message->scope);
        message->count = kr_reader_uint(reader, UINT64_MAX);
        kr_reader_fixed(reader, message->hash, sizeof message->hash);
        break;
    case KR_MESSAGE_HAVE:
        is_known = read_scope(reader, &message->scope);
        message->from = kr_reader_uint(reader, UINT64_MAX - KR_IDS_PER_FRAME_MAX); /* so that from + ids cannot overflow */
        message->count = kr_reader_uint(reader, UINT64_MAX);
        kr_reader_fixed(reader, message->hash, sizeof message->hash);
        message->status = (uint32_t)kr_reader_uint(reader, 1);
        read_ids(reader, message);
        break;
    case KR_MESSAGE_SYNC:
        message->walk = kr_reader_uint(reader, UINT64_MAX);
        is_known = read_scope(reader, &message->scope);
        message->status = (uint32_t)kr_reader_uint(reader, 1);
        message->generation = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        message->dealt = kr_reader_uint(reader, UINT64_MAX);
        message->count = kr_reader_uint(reader, UINT64_MAX);
        read_parts(reader, message);
        break;
    case KR_MESSAGE_REFUSE:
        read_items(reader, message, 1, ID_BYTES, ID_BYTES);
        if (message->item_count != 1) {
            kr_reader_fail(reader, KR_MALFORMED);
        }
        message->reason = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        break;
    default: /* bye, welcome */
        message->reason = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        break;
    }
    return is_known;
}

enum kr_err kr_message_read(struct kr_slice bytes, struct kr_message *ret_message)
{
    struct kr_message message = {0};
    struct kr_reader reader;
    uint32_t fields;
    uint64_t type;
    bool is_known = false;

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
        is_known = read_fields(&reader, &message);
    }
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return reader.err;
    }
    if (is_known) {
        *ret_message = message;
    } else {
        *ret_message = (struct kr_message){.type = KR_MESSAGE_UNKNOWN};
    }
    return KR_OK;
}
