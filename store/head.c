/* Heads: what policy, lists and look-ups need without the body. */
#include <sodium.h>
#include <string.h>

#include "proto/codec/writer.h"
#include "store/internal.h"

#define TITLE_BYTES_MAX 200u
#define HEAD_FIELDS     22u
#define DATA_KEY_BYTES  32u

static struct kr_slice head_key(uint64_t arrival, uint8_t buffer[static 10])
{
    kr_put_be(buffer, arrival, 8);
    kr_put_be(buffer + 8, KR_HEAD_CHUNK, 2);
    return kr_slice_of(buffer, 10);
}

static bool is_head_key(struct kr_slice key)
{
    return key.len == 10 && kr_get_be(key.bytes + 8, 2) == KR_HEAD_CHUNK;
}

/* The longest part of the title that ends between two characters. */
static struct kr_slice short_title(struct kr_slice title)
{
    if (title.len > TITLE_BYTES_MAX) {
        title.len = TITLE_BYTES_MAX;
        while (title.len > 0 && (title.bytes[title.len] & 0xC0) == 0x80) {
            title.len--;
        }
    }
    return title;
}

static void write_optional(struct kr_writer *writer, bool has, const uint8_t id[static 32])
{
    kr_writer_bin(writer, id, has ? 32 : 0);
}

static enum kr_err put(struct kr_txn *txn, uint64_t arrival, struct kr_slice head, const uint8_t data_key[static DATA_KEY_BYTES],
                       unsigned flags)
{
    uint8_t buffer[10], value[KR_HEAD_SCRATCH];
    if (DATA_KEY_BYTES + head.len > sizeof value) {
        return KR_BOUNDS;
    }
    memcpy(value, data_key, DATA_KEY_BYTES);
    memcpy(value + DATA_KEY_BYTES, head.bytes, head.len);
    enum kr_err err =
        kr_value_put(txn, KR_DBI_LOG, head_key(arrival, buffer), kr_slice_of(value, DATA_KEY_BYTES + head.len), flags);
    sodium_memzero(value, DATA_KEY_BYTES);
    return err;
}

enum kr_err kr_head_put(struct kr_txn *txn, const struct kr_head *head, const uint8_t data_key[static 32], unsigned flags)
{
    struct kr_writer writer;
    if (head->audience_count > KR_AUDIENCE_MAX) {
        return KR_BOUNDS;
    }
    kr_writer_init(&writer, KR_HEAD_SCRATCH);
    kr_writer_array(&writer, HEAD_FIELDS);
    kr_writer_bin(&writer, head->id, 32);
    kr_writer_bin(&writer, head->author, 32);
    kr_writer_bin(&writer, head->signing_key, 32);
    kr_writer_uint(&writer, head->kind);
    kr_writer_uint(&writer, head->state);
    kr_writer_uint(&writer, head->flags);
    kr_writer_uint(&writer, head->severity);
    kr_writer_uint(&writer, head->indicator_count);
    kr_writer_uint(&writer, (uint64_t)head->label);
    kr_writer_uint(&writer, head->created_ms);
    kr_writer_uint(&writer, head->expires_s);
    kr_writer_uint(&writer, head->received_ms);
    kr_writer_uint(&writer, head->version);
    write_optional(&writer, head->has_community, head->community);
    write_optional(&writer, head->has_relay, head->relay);
    write_optional(&writer, head->has_subject, head->subject);
    write_optional(&writer, head->has_target, head->target);
    kr_writer_flag(&writer, head->is_ours_to_read);
    kr_writer_bin(&writer, head->from, 32);
    kr_writer_uint(&writer, head->record_bytes);
    kr_writer_bin(&writer, head->audience, (size_t)head->audience_count * 32);
    kr_writer_slice(&writer, short_title(head->title));
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = put(txn, head->arrival, kr_slice_of(writer.bytes, writer.len), data_key, flags);
    }
    kr_writer_deinit(&writer);
    return err;
}

/* What was authenticated was written by us; a value out of range means damage all the same. */
enum kr_err kr_head_decode(struct kr_slice bytes, struct kr_head *ret_head)
{
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, HEAD_FIELDS);
    kr_reader_fixed(&reader, ret_head->id, 32);
    kr_reader_fixed(&reader, ret_head->author, 32);
    kr_reader_fixed(&reader, ret_head->signing_key, 32);
    ret_head->kind = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ret_head->state = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ret_head->flags = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ret_head->severity = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ret_head->indicator_count = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ret_head->label = (enum kr_label)kr_reader_uint(&reader, KR_TLP_RED);
    ret_head->created_ms = kr_reader_uint(&reader, UINT64_MAX);
    ret_head->expires_s = kr_reader_uint(&reader, UINT64_MAX);
    ret_head->received_ms = kr_reader_uint(&reader, UINT64_MAX);
    ret_head->version = kr_reader_uint(&reader, UINT64_MAX);
    ret_head->has_community = kr_reader_fixed_or_empty(&reader, ret_head->community, 32);
    ret_head->has_relay = kr_reader_fixed_or_empty(&reader, ret_head->relay, 32);
    ret_head->has_subject = kr_reader_fixed_or_empty(&reader, ret_head->subject, 32);
    ret_head->has_target = kr_reader_fixed_or_empty(&reader, ret_head->target, 32);
    ret_head->is_ours_to_read = kr_reader_flag(&reader);
    kr_reader_fixed(&reader, ret_head->from, 32);
    ret_head->record_bytes = (uint32_t)kr_reader_uint(&reader, KR_RECORD_BYTES_MAX);
    struct kr_slice audience = kr_reader_bin(&reader, 0, (size_t)KR_AUDIENCE_MAX * 32);
    ret_head->audience = audience.bytes;
    ret_head->audience_count = (uint32_t)(audience.len / 32);
    ret_head->title = kr_reader_bin(&reader, 0, TITLE_BYTES_MAX);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK && audience.len % 32 == 0 ? KR_OK : KR_CORRUPT;
}

enum kr_err kr_head_open(struct kr_txn *txn, struct kr_slice key, struct kr_slice sealed, struct kr_head *ret_head,
                         uint8_t *scratch, uint8_t *ret_data_key)
{
    struct kr_head head = {0};
    size_t len = 0;
    if (!is_head_key(key)) {
        return KR_CORRUPT;
    }
    enum kr_err err = kr_value_open(txn->store, KR_DBI_LOG, key, sealed, scratch, KR_HEAD_SCRATCH, &len);
    if (err == KR_OK && len < DATA_KEY_BYTES) {
        err = KR_CORRUPT;
    }
    if (err == KR_OK) {
        err = kr_head_decode(kr_slice_of(scratch + DATA_KEY_BYTES, len - DATA_KEY_BYTES), &head);
    }
    if (err == KR_OK && ret_data_key != NULL) {
        memcpy(ret_data_key, scratch, DATA_KEY_BYTES);
    }
    if (err == KR_OK) {
        head.arrival = kr_get_be(key.bytes, 8);
        *ret_head = head;
        if (!txn->is_write) {
            memcpy(txn->last.id, head.id, 32);
            memcpy(txn->last.data_key, scratch, DATA_KEY_BYTES);
            txn->last.record_bytes = head.record_bytes;
            txn->last.arrival = head.arrival;
        }
    }
    sodium_memzero(scratch, DATA_KEY_BYTES);
    return err == KR_BOUNDS ? KR_CORRUPT : err;
}

enum kr_err kr_head_get(struct kr_txn *txn, uint64_t arrival, struct kr_head *ret_head, uint8_t *scratch, uint8_t *ret_data_key)
{
    uint8_t buffer[10];
    struct kr_slice key = head_key(arrival, buffer), sealed = {0};
    enum kr_err err = kr_row_get(txn, KR_DBI_LOG, key, &sealed);
    return err == KR_OK ? kr_head_open(txn, key, sealed, ret_head, scratch, ret_data_key) : err;
}

enum kr_err kr_store_head_get(struct kr_txn *txn, uint64_t arrival, struct kr_head *ret_head, uint8_t *scratch)
{
    return kr_head_get(txn, arrival, ret_head, scratch, NULL);
}

bool kr_head_is_there(struct kr_txn *txn, uint64_t arrival)
{
    uint8_t buffer[10];
    struct kr_slice sealed = {0};
    return kr_row_get(txn, KR_DBI_LOG, head_key(arrival, buffer), &sealed) == KR_OK;
}

enum kr_err kr_store_head_update(struct kr_txn *txn, const struct kr_head *head)
{
    struct kr_head old;
    uint8_t scratch[KR_HEAD_SCRATCH], data_key[DATA_KEY_BYTES];
    enum kr_err err = kr_head_get(txn, head->arrival, &old, scratch, data_key);
    if (err != KR_OK) {
        return err;
    }
    err = kr_head_put(txn, head, data_key, 0);
    sodium_memzero(data_key, sizeof data_key);
    if (err == KR_OK && kr_due_of(&old) != kr_due_of(head)) {
        err = kr_due_note(txn, head->arrival, kr_due_of(head));
    }
    if (err == KR_OK) {
        kr_state_count(txn, &old, false);
        kr_state_count(txn, head, true);
    }
    return kr_txn_fail(txn, err);
}

/* A head stands behind the chunks of its record: from anywhere among them it is one step onward to it, or one back to the one
 * before. */
enum kr_err kr_store_head_next(struct kr_txn *txn, uint64_t arrival, bool downward, struct kr_head *ret_head, uint8_t *scratch)
{
    MDB_cursor *cursor = NULL;
    uint8_t buffer[10];
    struct kr_slice key = head_key(arrival, buffer), sealed = {0};
    enum kr_err err = kr_row_cursor(txn, KR_DBI_LOG, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(txn, cursor, MDB_SET_RANGE, &key, &sealed);
    if (downward && err == KR_NOT_FOUND) {
        err = kr_row_move(txn, cursor, MDB_LAST, &key, &sealed);
    } else if (downward && err == KR_OK && (key.len != 10 || kr_get_be(key.bytes, 8) > arrival)) {
        err = kr_row_move(txn, cursor, MDB_PREV, &key, &sealed);
    } else if (!downward && err == KR_OK && key.len == 10 && !is_head_key(key)) {
        key = head_key(kr_get_be(key.bytes, 8), buffer);
        err = kr_row_move(txn, cursor, MDB_SET_RANGE, &key, &sealed);
    }
    if (err == KR_OK) {
        err = kr_head_open(txn, key, sealed, ret_head, scratch, NULL);
    }
    mdb_cursor_close(cursor);
    return err;
}
