#include "node/core/reason.h"

#include <string.h>

#include "proto/codec/writer.h"

/* "forced" ‖ id → array of 2: at_ms, text. */
void kr_reason_key(uint8_t ret_key[static KR_REASON_KEY_BYTES], const uint8_t id[static 32])
{
    memcpy(ret_key, "forced", 6);
    memcpy(ret_key + 6, id, 32);
}

enum kr_err kr_reason_put(struct kr_txn *txn, const uint8_t id[static 32], uint64_t at_ms, struct kr_slice text)
{
    uint8_t key[KR_REASON_KEY_BYTES];
    struct kr_writer writer;
    kr_reason_key(key, id);
    kr_writer_init(&writer, KR_TABLE_VALUE_BYTES_MAX);
    kr_writer_array(&writer, 2);
    kr_writer_uint(&writer, at_ms);
    kr_writer_str_slice(&writer, text);
    return kr_store_put_writer(txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

enum kr_err kr_reason_get(struct kr_txn *txn, const uint8_t id[static 32], struct kr_reason *ret_reason)
{
    uint8_t key[KR_REASON_KEY_BYTES], value[KR_NOTE_BYTES_MAX + 64];
    struct kr_reason reason = {0};
    struct kr_reader reader;
    size_t len;
    kr_reason_key(key, id);
    enum kr_err err = kr_store_get(txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    if (err == KR_OK) {
        kr_reader_init(&reader, value, len);
        kr_reader_array(&reader, 2);
        reason.at_ms = kr_reader_uint(&reader, UINT64_MAX);
        struct kr_slice text = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
        kr_reader_close(&reader);
        err = kr_reader_end(&reader) == KR_OK && kr_slice_text(text, reason.text, sizeof reason.text) ? KR_OK : KR_CORRUPT;
    }
    if (err == KR_OK || err == KR_NOT_FOUND) {
        *ret_reason = reason;
        err = KR_OK;
    }
    return err;
}

enum kr_err kr_reason_forget(struct kr_txn *txn, const uint8_t id[static 32])
{
    uint8_t key[KR_REASON_KEY_BYTES];
    kr_reason_key(key, id);
    enum kr_err err = kr_store_delete(txn, KR_TABLE_RECEIPTS, key, sizeof key);
    return err == KR_NOT_FOUND ? KR_OK : err;
}
