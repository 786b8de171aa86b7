/* Who would get a submission and what holds it back; why a record is here and who may have it. */
#include "proto/client/items.h"

#define GUARDED_MAX (sizeof((struct kr_preview *)0)->guarded / sizeof((struct kr_preview *)0)->guarded[0])
#define SCOPES_MAX  (sizeof((struct kr_explained *)0)->scopes / sizeof((struct kr_explained *)0)->scopes[0])

static void write_reach(struct kr_writer *writer, uint32_t count, const struct kr_reach reach[static KR_AUDIENCE_MAX])
{
    kr_writer_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_array(writer, 8);
        kr_writer_bin(writer, reach[i].council, 32);
        kr_writer_str_slice(writer, reach[i].name);
        kr_writer_flag(writer, reach[i].may_hold);
        kr_writer_flag(writer, reach[i].may_read);
        kr_writer_flag(writer, reach[i].is_linked);
        kr_writer_uint(writer, reach[i].reason);
        kr_writer_str_slice(writer, reach[i].reason_name);
        kr_writer_str_slice(writer, reach[i].host_name);
    }
}

static uint32_t read_reach(struct kr_reader *reader, struct kr_reach ret_reach[static KR_AUDIENCE_MAX])
{
    uint32_t count = kr_reader_array_between(reader, 0, KR_AUDIENCE_MAX);

    for (uint32_t i = 0; i < count; i++) {
        kr_reader_array(reader, 8);
        kr_reader_fixed(reader, ret_reach[i].council, 32);
        ret_reach[i].name = kr_reader_str(reader, KR_NAME_BYTES_MAX);
        ret_reach[i].may_hold = kr_reader_flag(reader);
        ret_reach[i].may_read = kr_reader_flag(reader);
        ret_reach[i].is_linked = kr_reader_flag(reader);
        ret_reach[i].reason = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        ret_reach[i].reason_name = kr_reader_str(reader, KR_NAME_BYTES_MAX);
        ret_reach[i].host_name = kr_reader_str(reader, KR_NAME_BYTES_MAX);
        kr_reader_close(reader);
    }
    kr_reader_close(reader);
    return count;
}

void kr_preview_write(const struct kr_preview *preview, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    write_reach(writer, preview->reach_count, preview->reach);
    kr_writer_uint(writer, preview->reach_total);
    kr_writer_array(writer, preview->guarded_count);
    for (uint32_t i = 0; i < preview->guarded_count; i++) {
        kr_writer_array(writer, 3);
        kr_writer_uint(writer, preview->guarded[i].indicator);
        kr_writer_str_slice(writer, preview->guarded[i].list);
        kr_writer_str_slice(writer, preview->guarded[i].detail);
    }
    kr_writer_uint(writer, preview->guarded_total);
}

enum kr_err kr_preview_read(struct kr_slice bytes, struct kr_preview *ret_preview)
{
    struct kr_preview preview = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    preview.reach_count = read_reach(&reader, preview.reach);
    preview.reach_total = kr_reader_uint(&reader, UINT64_MAX);
    preview.guarded_count = kr_reader_array_between(&reader, 0, GUARDED_MAX);
    for (uint32_t i = 0; i < preview.guarded_count; i++) {
        kr_reader_array(&reader, 3);
        preview.guarded[i].indicator = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        preview.guarded[i].list = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
        preview.guarded[i].detail = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    preview.guarded_total = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_preview = preview;
    }
    return reader.err;
}

void kr_explained_write(const struct kr_explained *explained, struct kr_writer *writer)
{
    kr_writer_array(writer, 8);
    kr_summary_write(&explained->summary, writer);
    kr_writer_str_slice(writer, explained->from_name);
    kr_writer_bin(writer, explained->from, 32);
    kr_writer_uint(writer, explained->hops_known);
    kr_writer_array(writer, explained->scope_count);
    for (uint32_t i = 0; i < explained->scope_count; i++) {
        kr_writer_array(writer, 3);
        kr_writer_uint(writer, explained->scopes[i].kind);
        kr_writer_slice(writer, explained->scopes[i].id);
        kr_writer_uint(writer, explained->scopes[i].entry);
    }
    write_reach(writer, explained->reach_count, explained->reach);
    kr_forced_write(&explained->forced, writer);
    kr_taken_write(&explained->taken, writer);
}

enum kr_err kr_explained_read(struct kr_slice bytes, struct kr_explained *ret_explained)
{
    struct kr_explained explained = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 8);
    kr_summary_element_read(&reader, &explained.summary);
    explained.from_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    kr_reader_fixed(&reader, explained.from, 32);
    explained.hops_known = kr_reader_uint(&reader, UINT64_MAX);
    explained.scope_count = kr_reader_array_between(&reader, 0, SCOPES_MAX);
    for (uint32_t i = 0; i < explained.scope_count; i++) {
        kr_reader_array(&reader, 3);
        explained.scopes[i].kind = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        explained.scopes[i].id = kr_reader_bin_or_empty(&reader, 32);
        explained.scopes[i].entry = kr_reader_uint(&reader, UINT64_MAX);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    explained.reach_count = read_reach(&reader, explained.reach);
    kr_forced_element_read(&reader, &explained.forced);
    kr_taken_element_read(&reader, &explained.taken);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_explained = explained;
    }
    return reader.err;
}
