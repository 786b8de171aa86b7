#include "proto/record/body_notice.h"

#include "proto/indicator/name.h"

#define VERSION 1u
#define FIELDS  5u

bool kr_body_notice_names(const struct kr_body_notice *notice)
{
    return notice->name_ja.len + notice->name_en.len > 0;
}

enum kr_err kr_body_notice_parse(struct kr_slice content, struct kr_body_notice *ret_notice)
{
    struct kr_reader reader;
    struct kr_body_notice notice;
    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, FIELDS);
    if (kr_reader_uint(&reader, UINT32_MAX) != VERSION) {
        kr_reader_fail(&reader, KR_VERSION);
    }
    notice.name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    notice.name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    notice.since_s = kr_reader_uint(&reader, KR_CREATED_MS_MAX / 1000);
    notice.previous = kr_reader_bin_or_empty(&reader, 32);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK && kr_body_notice_names(&notice) != (notice.since_s > 0)) {
        err = KR_MALFORMED;
    }
    if (err == KR_OK) {
        err = kr_name_check(notice.name_ja);
    }
    if (err == KR_OK) {
        err = kr_name_check(notice.name_en);
    }
    if (err == KR_OK) {
        *ret_notice = notice;
    }
    return err == KR_INVALID ? KR_MALFORMED : err;
}

void kr_body_notice_write(const struct kr_body_notice *notice, struct kr_writer *writer)
{
    kr_writer_array(writer, FIELDS);
    kr_writer_uint(writer, VERSION);
    kr_writer_str_slice(writer, notice->name_ja);
    kr_writer_str_slice(writer, notice->name_en);
    kr_writer_uint(writer, notice->since_s);
    kr_writer_slice(writer, notice->previous);
}

enum kr_err kr_body_notice_fits(const struct kr_header *header)
{
    const bool fits = header->kind == KR_KIND_BODY_NOTICE && header->label == KR_TLP_GREEN && header->has_community &&
                      header->has_subject && header->version > 0 && !header->has_target && header->flags == 0 &&
                      header->expires_s <= header->created_ms / 1000 + KR_BODY_NOTICE_S_MAX;
    return fits ? KR_OK : KR_MALFORMED;
}
