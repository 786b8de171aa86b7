/* What lists show: records, matches, councils, and a whole record. */
#include "proto/client/items.h"

void kr_summary_write(const struct kr_summary *summary, struct kr_writer *writer)
{
    kr_writer_array(writer, 14);
    kr_writer_bin(writer, summary->id, 32);
    kr_writer_bin(writer, summary->author, 32);
    kr_writer_str_slice(writer, summary->author_name);
    kr_writer_uint(writer, summary->kind);
    kr_writer_uint(writer, summary->label);
    kr_writer_uint(writer, summary->flags);
    kr_writer_uint(writer, summary->severity);
    kr_writer_uint(writer, summary->indicator_count);
    kr_writer_uint(writer, summary->created_ms);
    kr_writer_uint(writer, summary->received_ms);
    kr_writer_uint(writer, summary->expires_s);
    kr_writer_str_slice(writer, summary->title);
    kr_writer_slice(writer, summary->target);
    kr_writer_uint(writer, summary->taken);
}

void kr_summary_element_read(struct kr_reader *reader, struct kr_summary *ret_summary)
{
    kr_reader_array(reader, 14);
    kr_reader_fixed(reader, ret_summary->id, 32);
    kr_reader_fixed(reader, ret_summary->author, 32);
    ret_summary->author_name = kr_reader_str(reader, KR_NAME_BYTES_MAX);
    ret_summary->kind = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    ret_summary->label = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    ret_summary->flags = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    ret_summary->severity = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    ret_summary->indicator_count = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    ret_summary->created_ms = kr_reader_uint(reader, UINT64_MAX);
    ret_summary->received_ms = kr_reader_uint(reader, UINT64_MAX);
    ret_summary->expires_s = kr_reader_uint(reader, UINT64_MAX);
    ret_summary->title = kr_reader_str(reader, KR_TITLE_BYTES_MAX);
    ret_summary->target = kr_reader_bin_or_empty(reader, 32);
    ret_summary->taken = (uint32_t)kr_reader_uint(reader, KR_TAKEN_FALSE);
    kr_reader_close(reader);
}

enum kr_err kr_summary_read(struct kr_slice bytes, struct kr_summary *ret_summary)
{
    struct kr_summary summary = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_summary_element_read(&reader, &summary);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_summary = summary;
    }
    return reader.err;
}

static void begin_match(uint32_t query, const struct kr_report_indicator *indicator, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_uint(writer, query);
    kr_report_indicator_write(indicator, writer);
}

void kr_match_write(const struct kr_match *match, struct kr_writer *writer)
{
    begin_match(match->query, &match->indicator, writer);
    kr_summary_write(&match->record, writer);
}

void kr_match_write_parts(uint32_t query, const struct kr_report_indicator *indicator, struct kr_slice summary,
                          struct kr_writer *writer)
{
    begin_match(query, indicator, writer);
    kr_writer_raw(writer, summary.bytes, summary.len);
}

enum kr_err kr_match_read(struct kr_slice bytes, struct kr_match *ret_match)
{
    struct kr_match match = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    match.query = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    kr_report_indicator_read(&reader, &match.indicator);
    kr_summary_element_read(&reader, &match.record);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_match = match;
    }
    return reader.err;
}

void kr_forced_write(const struct kr_forced *forced, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_uint(writer, forced->at_ms);
    kr_writer_str_slice(writer, forced->reason);
}

void kr_forced_element_read(struct kr_reader *reader, struct kr_forced *ret_forced)
{
    kr_reader_array(reader, 2);
    ret_forced->at_ms = kr_reader_uint(reader, UINT64_MAX);
    ret_forced->reason = kr_reader_str(reader, KR_NOTE_BYTES_MAX);
    kr_reader_close(reader);
}

void kr_shown_write(const struct kr_shown *shown, struct kr_writer *writer)
{
    kr_writer_array(writer, 8);
    kr_summary_write(&shown->summary, writer);
    kr_writer_array(writer, shown->audience_count);
    for (uint32_t i = 0; i < shown->audience_count; i++) {
        kr_writer_slice(writer, shown->audience[i]);
    }
    kr_writer_slice(writer, shown->community);
    kr_writer_slice(writer, shown->content);
    kr_writer_uint(writer, shown->content_kind);
    kr_writer_uint(writer, shown->record_bytes);
    kr_forced_write(&shown->forced, writer);
    kr_taken_write(&shown->taken, writer);
}

enum kr_err kr_shown_read(struct kr_slice bytes, struct kr_shown *ret_shown)
{
    struct kr_shown shown = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 8);
    kr_summary_element_read(&reader, &shown.summary);
    shown.audience_count = kr_reader_array_between(&reader, 0, KR_AUDIENCE_MAX);
    for (uint32_t i = 0; i < shown.audience_count; i++) {
        shown.audience[i] = kr_reader_bin(&reader, 32, 32);
    }
    kr_reader_close(&reader);
    shown.community = kr_reader_bin_or_empty(&reader, 32);
    shown.content = kr_reader_bin(&reader, 0, KR_BODY_BYTES_MAX);
    shown.content_kind = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    shown.record_bytes = kr_reader_uint(&reader, UINT64_MAX);
    kr_forced_element_read(&reader, &shown.forced);
    kr_taken_element_read(&reader, &shown.taken);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_shown = shown;
    }
    return reader.err;
}

void kr_export_write(const struct kr_export *export, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_uint(writer, export->use);
    kr_writer_uint(writer, export->since);
    kr_writer_flag(writer, export->exercise);
}

enum kr_err kr_export_read(struct kr_slice bytes, struct kr_export *ret_export)
{
    struct kr_export export = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    export.use = (uint32_t)kr_reader_uint(&reader, KR_EXPORT_USE_OUT);
    export.since = kr_reader_uint(&reader, UINT64_MAX);
    export.exercise = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_export = export;
    }
    return reader.err;
}

void kr_council_item_write(const struct kr_council_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 8);
    kr_writer_bin(writer, item->council, 32);
    kr_writer_str_slice(writer, item->name_ja);
    kr_writer_str_slice(writer, item->name_en);
    kr_writer_str_slice(writer, item->region);
    kr_writer_slice(writer, item->card);
    kr_writer_flag(writer, item->is_self);
    kr_writer_flag(writer, item->is_linked);
    kr_writer_array(writer, item->community_count);
    for (uint32_t i = 0; i < item->community_count; i++) {
        kr_writer_array(writer, 2);
        kr_writer_slice(writer, item->communities[i]);
        kr_writer_str_slice(writer, item->community_names[i]);
    }
}

enum kr_err kr_council_item_read(struct kr_slice bytes, struct kr_council_item *ret_item)
{
    struct kr_council_item item = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 8);
    kr_reader_fixed(&reader, item.council, 32);
    item.name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.region = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.card = kr_reader_bin(&reader, 1, KR_CARD_BYTES_MAX);
    item.is_self = kr_reader_flag(&reader);
    item.is_linked = kr_reader_flag(&reader);
    item.community_count = kr_reader_array_between(&reader, 0, KR_COMMUNITIES_MAX);
    for (uint32_t i = 0; i < item.community_count; i++) {
        kr_reader_array(&reader, 2);
        item.communities[i] = kr_reader_bin(&reader, 32, 32);
        item.community_names[i] = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_item = item;
    }
    return reader.err;
}
