#include "proto/record/takeback.h"

#include <string.h>

#include "crypto/limits.h"
#include "crypto/sign.h"
#include "proto/record/body.h"

enum kr_err kr_takeback_parse(uint32_t kind, struct kr_slice content, struct kr_takeback *ret_takeback)
{
    struct kr_takeback takeback = {0};
    struct kr_reader reader;

    if (!kr_kind_takes_back(kind)) {
        return KR_INVALID;
    }
    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 4);
    takeback.target_header = kr_reader_bin(&reader, KR_RECORD_PREFIX_BYTES + 1, KR_HEADER_BYTES_MAX);
    takeback.target_signature = kr_reader_bin(&reader, KR_SIGNATURE_BYTES, KR_SIGNATURE_BYTES);
    if (kind == KR_KIND_RETRACTION) {
        takeback.reason = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
        takeback.language = kr_reader_str(&reader, KR_LANGUAGE_BYTES_MAX);
    } else {
        takeback.content_kind = (uint32_t)kr_reader_uint(&reader, KR_KIND_ADVISORY);
        takeback.content = kr_reader_bin(&reader, 1, KR_BODY_BYTES_MAX);
    }
    kr_reader_close(&reader);
    if (reader.err == KR_OK && (kind == KR_KIND_RETRACTION ? takeback.reason.len == 0 : takeback.content_kind == 0)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_takeback = takeback;
    }
    return reader.err;
}

void kr_takeback_write(uint32_t kind, const struct kr_takeback *takeback, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_slice(writer, takeback->target_header);
    kr_writer_slice(writer, takeback->target_signature);
    if (kind == KR_KIND_RETRACTION) {
        kr_writer_str_slice(writer, takeback->reason);
        kr_writer_str_slice(writer, takeback->language);
    } else {
        kr_writer_uint(writer, takeback->content_kind);
        kr_writer_slice(writer, takeback->content);
    }
}

enum kr_err kr_content_to_read(uint32_t kind, struct kr_slice content, uint32_t *ret_kind, struct kr_slice *ret_content)
{
    struct kr_takeback takeback = {.content_kind = kind, .content = content};
    enum kr_err err = kind == KR_KIND_REVISION ? kr_takeback_parse(kind, content, &takeback) : KR_OK;

    if (err == KR_OK) {
        *ret_kind = takeback.content_kind;
        *ret_content = takeback.content;
    }
    return err;
}

enum kr_err kr_takeback_target(const struct kr_takeback *takeback, struct kr_record *ret_record, struct kr_header *ret_header)
{
    struct kr_record record = {.header = takeback->target_header, .signature = takeback->target_signature, .is_header_only = true};
    struct kr_header header;
    enum kr_err err;

    kr_hash(record.id, "kairan record id", record.header.bytes, record.header.len);
    err = kr_record_verify(&record);
    if (err == KR_OK) {
        err = kr_header_parse(record.header, &header);
    }
    if (err == KR_OK) {
        *ret_record = record;
        *ret_header = header;
    }
    return err;
}

static bool same_id(bool has_a, const uint8_t a[static 32], bool has_b, const uint8_t b[static 32])
{
    return has_a == has_b && (!has_a || memcmp(a, b, 32) == 0);
}

static bool same_audience(const struct kr_header *a, const struct kr_header *b)
{
    if (a->audience_count != b->audience_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->audience_count; i++) {
        if (memcmp(kr_header_audience_at(a, i), kr_header_audience_at(b, i), 32) != 0) {
            return false;
        }
    }
    return true;
}

enum kr_err kr_takeback_covers(const struct kr_header *by, const struct kr_header *target,
                               const uint8_t target_id[static KR_ID_BYTES])
{
    if (!kr_kind_takes_back(by->kind) || !by->has_target || memcmp(by->target, target_id, KR_ID_BYTES) != 0) {
        return KR_MALFORMED;
    }
    if (memcmp(by->author, target->author, 32) != 0 || kr_kind_is_of_council(target->kind) || target->kind == KR_KIND_RETRACTION) {
        return KR_DENIED;
    }
    if (by->label != target->label || by->flags != target->flags || by->expires_s < target->expires_s ||
        !same_id(by->has_community, by->community, target->has_community, target->community) ||
        !same_id(by->has_relay, by->relay, target->has_relay, target->relay) || !same_audience(by, target)) {
        return KR_INVALID;
    }
    return KR_OK;
}
