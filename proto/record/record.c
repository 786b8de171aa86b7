#include "proto/record/record.h"

#include <string.h>

#include "crypto/sign.h"
#include "proto/record/header.h"

#define SLOT_ENTRY_BYTES (KR_HINT_BYTES + KR_SLOT_BYTES)
#define SLOTS_BYTES_MAX  (3u + KR_SLOTS_MAX * (2u + SLOT_ENTRY_BYTES))
/* In format 1 a header ends with two bins of 32 bytes. */
#define HASH_FIELD_BYTES (2u + KR_HASH_BYTES)

void kr_slots_hash(uint8_t ret_hash[static KR_HASH_BYTES], struct kr_slice slots)
{
    kr_hash(ret_hash, "kairan slots", slots.bytes, slots.len);
}

void kr_body_hash(uint8_t ret_hash[static KR_HASH_BYTES], struct kr_slice body)
{
    kr_hash(ret_hash, "kairan body", body.bytes, body.len);
}

enum kr_err kr_record_split(const void *bytes, size_t len, struct kr_record *ret_record)
{
    struct kr_record record = {0};
    struct kr_reader reader;
    enum kr_err err;

    if (len > KR_RECORD_BYTES_MAX) {
        return KR_BOUNDS;
    }
    kr_reader_init(&reader, bytes, len);
    kr_reader_array(&reader, 4);
    record.header = kr_reader_bin(&reader, KR_RECORD_PREFIX_BYTES + 1, KR_HEADER_BYTES_MAX);
    record.slots = kr_reader_bin(&reader, 0, SLOTS_BYTES_MAX);
    record.body = kr_reader_bin(&reader, 0, KR_RECORD_BYTES_MAX);
    record.signature = kr_reader_bin(&reader, KR_SIGNATURE_BYTES, KR_SIGNATURE_BYTES);
    kr_reader_close(&reader);
    err = kr_reader_end(&reader);
    if (err != KR_OK) {
        return err;
    }
    kr_hash(record.id, "kairan record id", record.header.bytes, record.header.len);
    record.is_header_only = record.slots.len == 0 && record.body.len == 0;
    *ret_record = record;
    return KR_OK;
}

/* Finds the two hashes of a header whose signature held. */
static enum kr_err read_hashes(struct kr_slice header, struct kr_header *ret_header)
{
    struct kr_reader reader;

    if (ret_header->format != KR_RECORD_FORMAT) {
        return kr_header_parse(header, ret_header);
    }
    if (header.len < KR_RECORD_PREFIX_BYTES + 2 * HASH_FIELD_BYTES) {
        return KR_MALFORMED;
    }
    kr_reader_init(&reader, header.bytes + header.len - 2 * HASH_FIELD_BYTES, 2 * HASH_FIELD_BYTES);
    kr_reader_fixed(&reader, ret_header->slots_hash, KR_HASH_BYTES);
    kr_reader_fixed(&reader, ret_header->body_hash, KR_HASH_BYTES);
    return kr_reader_end(&reader);
}

enum kr_err kr_record_verify(const struct kr_record *record)
{
    struct kr_header header = {0};
    uint8_t slots_hash[KR_HASH_BYTES];
    uint8_t body_hash[KR_HASH_BYTES];
    enum kr_err err = kr_header_prefix(record->header, &header);

    if (err != KR_OK) {
        goto out;
    }
    err = kr_verify(record->signature.bytes, header.signing_key, "kairan record sig", record->id, KR_ID_BYTES);
    if (err != KR_OK) {
        goto out;
    }
    err = read_hashes(record->header, &header);
    if (err != KR_OK) {
        goto out;
    }
    kr_slots_hash(slots_hash, record->slots);
    kr_body_hash(body_hash, record->body);
    if (record->is_header_only) {
        /* A record that never had a body does not exist; only one whose body was dropped looks like this. */
        err = memcmp(body_hash, header.body_hash, sizeof body_hash) == 0 ? KR_MALFORMED : KR_OK;
    } else if (memcmp(slots_hash, header.slots_hash, sizeof slots_hash) != 0 ||
               memcmp(body_hash, header.body_hash, sizeof body_hash) != 0) {
        err = KR_SIGNATURE;
    }
out:
    return err;
}

enum kr_err kr_record_strip(const struct kr_record *record, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_slice(writer, record->header);
    kr_writer_slice(writer, (struct kr_slice){0});
    kr_writer_slice(writer, (struct kr_slice){0});
    kr_writer_slice(writer, record->signature);
    return kr_writer_finish(writer);
}
