/* In KR_TABLE_RECEIPTS:
 *   "chan" ‖ BE64(number)  → array of 1: arrival
 *   "chat" ‖ BE64(arrival) → array of 1: number, the newest */
#include "node/core/change.h"

#include <string.h>

#define PREFIX_BYTES 4u
#define KEY_BYTES    (PREFIX_BYTES + 8u)

static const char by_number[PREFIX_BYTES + 1] = "chan", by_arrival[PREFIX_BYTES + 1] = "chat";

static void make_key(uint8_t ret_key[static KEY_BYTES], const char *prefix, uint64_t number)
{
    memcpy(ret_key, prefix, PREFIX_BYTES);
    kr_put_be(ret_key + PREFIX_BYTES, number, 8);
}

static uint64_t number_of(struct kr_slice key)
{
    return kr_get_be(key.bytes + PREFIX_BYTES, 8);
}

static bool read_value(struct kr_slice value, uint64_t *ret_number)
{
    struct kr_reader reader;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 1);
    uint64_t number = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return false;
    }
    *ret_number = number;
    return true;
}

static enum kr_err put(struct kr_txn *txn, const char *prefix, uint64_t number, uint64_t value)
{
    uint8_t key[KEY_BYTES];
    struct kr_writer writer;
    make_key(key, prefix, number);
    kr_writer_init(&writer, 16);
    kr_writer_array(&writer, 1);
    kr_writer_uint(&writer, value);
    return kr_store_put_writer(txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

enum kr_err kr_change_forget(struct kr_txn *txn, uint64_t arrival)
{
    uint8_t key[KEY_BYTES], row[KEY_BYTES], value[16];
    size_t len;
    uint64_t number;
    make_key(key, by_arrival, arrival);
    enum kr_err err = kr_store_get(txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    if (err == KR_OK && read_value((struct kr_slice){value, len}, &number)) {
        make_key(row, by_number, number);
        err = kr_store_delete(txn, KR_TABLE_RECEIPTS, row, sizeof row);
    }
    if (err == KR_OK || err == KR_CORRUPT || err == KR_BOUNDS) { /* a row that it led to stays, and leads to nothing */
        err = kr_store_delete(txn, KR_TABLE_RECEIPTS, key, sizeof key);
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_change_note(struct kr_txn *txn, uint64_t arrival)
{
    uint64_t number = 0;
    enum kr_err err = kr_change_forget(txn, arrival);
    if (err == KR_OK) {
        err = kr_store_number_take(txn, &number);
    }
    if (err == KR_OK) {
        err = put(txn, by_number, number, arrival);
    }
    return err == KR_OK ? put(txn, by_arrival, arrival, number) : err;
}

struct visiting {
    kr_change_visit *visit;
    void *context;
    uint32_t unreadable;
};

static bool visit_row(void *context, struct kr_slice key, struct kr_slice value)
{
    struct visiting *visiting = context;
    uint64_t arrival;
    if (key.len != KEY_BYTES || !read_value(value, &arrival)) {
        visiting->unreadable++;
        return true;
    }
    return visiting->visit(visiting->context, number_of(key), arrival);
}

enum kr_err kr_change_each(struct kr_txn *txn, uint64_t from, kr_change_visit *visit, void *context, uint32_t *ret_damaged)
{
    uint8_t key[KEY_BYTES];
    struct visiting visiting = {.visit = visit, .context = context};
    uint32_t damaged;
    make_key(key, by_number, from);
    enum kr_err err = kr_store_each_from(txn, KR_TABLE_RECEIPTS, (struct kr_slice){key, sizeof key}, PREFIX_BYTES, visit_row,
                                         &visiting, &damaged);
    if (err == KR_OK) {
        *ret_damaged = damaged + visiting.unreadable;
    }
    return err;
}
