#include "node/core/taken.h"

#include <stdlib.h>
#include <string.h>

#include "proto/record/takeback.h"

void kr_taken_key(uint8_t ret_key[static KR_TAKEN_KEY_BYTES], const uint8_t target[static 32], const uint8_t author[static 32])
{
    memcpy(ret_key, "back", 4);
    memcpy(ret_key + 4, target, 32);
    memcpy(ret_key + 36, author, 32);
}

enum kr_err kr_taken_read(struct kr_slice value, struct kr_taken_row *ret_row)
{
    struct kr_taken_row row;
    struct kr_reader reader;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 3);
    kr_reader_fixed(&reader, row.by, 32);
    row.kind = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    row.is_done = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    *ret_row = row;
    return KR_OK;
}

enum kr_err kr_taken_get(struct kr_txn *txn, const uint8_t target[static 32], const uint8_t author[static 32],
                         struct kr_taken_row *ret_row)
{
    uint8_t key[KR_TAKEN_KEY_BYTES], value[64];
    struct kr_taken_row row;
    size_t len;
    kr_taken_key(key, target, author);
    enum kr_err err = kr_store_get(txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    if (err == KR_OK) {
        err = kr_taken_read((struct kr_slice){value, len}, &row);
    }
    if (err == KR_CORRUPT || err == KR_BOUNDS) {
        row = (struct kr_taken_row){.kind = KR_KIND_RETRACTION, .is_done = true};
        err = KR_OK;
    }
    if (err == KR_OK) {
        *ret_row = row;
    }
    return err;
}

enum kr_err kr_taken_put(struct kr_txn *txn, const uint8_t target[static 32], const uint8_t author[static 32],
                         const struct kr_taken_row *row)
{
    uint8_t key[KR_TAKEN_KEY_BYTES];
    struct kr_writer writer;
    kr_taken_key(key, target, author);
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 3);
    kr_writer_bin(&writer, row->by, 32);
    kr_writer_uint(&writer, row->kind);
    kr_writer_flag(&writer, row->is_done);
    return kr_store_put_writer(txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

static uint32_t state_of(const struct kr_taken_row *row)
{
    return row->kind == KR_KIND_REVOCATION ? KR_TAKEN_FALSE
           : !row->is_done                 ? KR_TAKEN_WAITS
           : row->kind == KR_KIND_REVISION ? KR_TAKEN_REVISED
                                           : KR_TAKEN_RETRACTED;
}

enum kr_err kr_taken_state(struct kr_txn *txn, const struct kr_head *head, uint32_t *ret_state)
{
    struct kr_taken_row row;
    enum kr_err err = kr_taken_get(txn, head->id, head->author, &row);
    if (err == KR_OK || err == KR_NOT_FOUND) {
        *ret_state = err == KR_OK ? state_of(&row) : KR_TAKEN_NOT;
        err = KR_OK;
    }
    return err;
}

static enum kr_err read_reason(struct kr_txn *txn, const struct kr_keyring *keyring, uint64_t arrival,
                               char ret_reason[static KR_NOTE_BYTES_MAX + 1])
{
    uint8_t *bytes = NULL, *content = NULL;
    size_t len, content_len;
    struct kr_record record;
    struct kr_header header;
    struct kr_takeback takeback;
    enum kr_err err = kr_store_record_get(txn, arrival, &bytes, &len);
    if (err == KR_OK) {
        err = kr_record_split(bytes, len, &record);
    }
    if (err == KR_OK) {
        err = kr_header_parse(record.header, &header);
    }
    if (err == KR_OK) {
        err = kr_record_open(&record, &header, keyring, &content, &content_len);
    }
    if (err == KR_OK && kr_takeback_parse(header.kind, (struct kr_slice){content, content_len}, &takeback) == KR_OK &&
        !kr_slice_text(takeback.reason, ret_reason, KR_NOTE_BYTES_MAX + 1)) {
        ret_reason[0] = 0;
    }
    free(bytes);
    free(content);
    return err == KR_NOMEM ? err : KR_OK; /* what cannot be read gives no reason */
}

enum kr_err kr_taken_tell(struct kr_txn *txn, const struct kr_keyring *keyring, const uint8_t id[static 32],
                          const uint8_t author[static 32], uint8_t *scratch, struct kr_taken *ret_taken,
                          char ret_reason[static KR_NOTE_BYTES_MAX + 1], bool *ret_is_ours)
{
    struct kr_taken_row row;
    struct kr_head by;
    uint64_t arrival;
    struct kr_taken taken = {0};
    bool is_ours = false;
    ret_reason[0] = 0;
    enum kr_err err = kr_taken_get(txn, id, author, &row);
    if (err == KR_OK) {
        taken.state = state_of(&row);
        memcpy(taken.by, row.by, 32);
        err = kr_store_record_find(txn, row.by, &arrival);
        if (err == KR_OK) {
            err = kr_store_head_get(txn, arrival, &by, scratch);
        }
        if (err == KR_OK) {
            taken.at_ms = by.created_ms;
            is_ours = by.is_ours_to_read;
            err = is_ours ? read_reason(txn, keyring, arrival, ret_reason) : KR_OK;
        }
    }
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
        return err;
    }
    taken.reason = (struct kr_slice){(const uint8_t *)ret_reason, strlen(ret_reason)};
    *ret_taken = taken;
    *ret_is_ours = is_ours;
    return KR_OK;
}
