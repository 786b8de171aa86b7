/* Drafts: what is asked, and what is told of them. */
#include "proto/client/draft.h"

#include <string.h>

static void write_item(const struct kr_draft_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 15);
    kr_writer_slice(writer, item->id);
    kr_writer_uint(writer, item->state);
    kr_writer_uint(writer, item->op);
    kr_writer_uint(writer, item->kind);
    kr_writer_uint(writer, item->label);
    kr_writer_str_slice(writer, item->title);
    kr_writer_slice(writer, item->submitter);
    kr_writer_str_slice(writer, item->submitter_name);
    kr_writer_uint(writer, item->submitted_ms);
    kr_writer_uint(writer, item->changed_ms);
    kr_writer_str_slice(writer, item->reason);
    kr_writer_slice(writer, item->record_id);
    kr_writer_uint(writer, item->taken);
    kr_writer_slice(writer, item->consent);
    kr_writer_array(writer, item->opened_count);
    for (uint32_t i = 0; i < item->opened_count; i++) {
        const struct kr_draft_opening *opened = &item->opened[i];
        kr_writer_array(writer, 4);
        kr_writer_slice(writer, opened->person);
        kr_writer_str_slice(writer, opened->name);
        kr_writer_uint(writer, opened->at_ms);
        kr_writer_str_slice(writer, opened->reason);
    }
}

static void read_opened(struct kr_reader *reader, struct kr_draft_item *item)
{
    item->opened_count = kr_reader_array_between(reader, 0, KR_DRAFT_OPENINGS_MAX);
    for (uint32_t i = 0; i < item->opened_count; i++) {
        struct kr_draft_opening *opened = &item->opened[i];
        kr_reader_array(reader, 4);
        opened->person = kr_reader_bin_or_empty(reader, 32);
        opened->name = kr_reader_str(reader, KR_NAME_BYTES_MAX);
        opened->at_ms = kr_reader_uint(reader, UINT64_MAX);
        opened->reason = kr_reader_str(reader, KR_OPENING_BYTES_MAX);
        kr_reader_close(reader);
    }
    kr_reader_close(reader);
}

static void read_item(struct kr_reader *reader, struct kr_draft_item *item)
{
    kr_reader_array(reader, 15);
    item->id = kr_reader_bin_or_empty(reader, KR_DRAFT_ID_BYTES);
    item->state = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    item->op = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    item->kind = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    item->label = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    item->title = kr_reader_str(reader, KR_TITLE_BYTES_MAX);
    item->submitter = kr_reader_bin(reader, 0, 32);
    item->submitter_name = kr_reader_str(reader, KR_NAME_BYTES_MAX);
    item->submitted_ms = kr_reader_uint(reader, UINT64_MAX);
    item->changed_ms = kr_reader_uint(reader, UINT64_MAX);
    item->reason = kr_reader_str(reader, KR_NOTE_BYTES_MAX);
    item->record_id = kr_reader_bin_or_empty(reader, 32);
    item->taken = (uint32_t)kr_reader_uint(reader, KR_TAKEN_REVISED);
    item->consent = kr_reader_bin_or_empty(reader, 32);
    read_opened(reader, item);
    kr_reader_close(reader);
}

void kr_draft_item_write(const struct kr_draft_item *item, struct kr_writer *writer)
{
    write_item(item, writer);
}

enum kr_err kr_draft_item_read(struct kr_slice bytes, struct kr_draft_item *ret_item)
{
    struct kr_reader reader;
    struct kr_draft_item item;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    read_item(&reader, &item);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_item = item;
    }
    return err;
}

void kr_draft_shown_write(const struct kr_draft_shown *shown, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    write_item(&shown->item, writer);
    kr_writer_bin(writer, shown->binding, sizeof shown->binding);
    kr_writer_slice(writer, shown->community);
    kr_writer_slice(writer, shown->audience);
    kr_writer_slice(writer, shown->args);
}

enum kr_err kr_draft_shown_read(struct kr_slice bytes, struct kr_draft_shown *ret_shown)
{
    struct kr_reader reader;
    struct kr_draft_shown shown;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 5);
    read_item(&reader, &shown.item);
    kr_reader_fixed(&reader, shown.binding, sizeof shown.binding);
    shown.community = kr_reader_bin_or_empty(&reader, 32);
    shown.audience = kr_reader_bin(&reader, 0, KR_AUDIENCE_MAX * 32u);
    shown.args = kr_reader_bin(&reader, 0, KR_CLIENT_FRAME_BYTES_MAX);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && shown.audience.len % 32u != 0) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    shown.audience_count = (uint32_t)(shown.audience.len / 32u);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_shown = shown;
    }
    return err;
}

void kr_draft_act_write(const struct kr_draft_act *act, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_bin(writer, act->id, sizeof act->id);
    kr_writer_bin(writer, act->binding, act->has_binding ? 32 : 0);
    kr_writer_str_slice(writer, act->reason);
    kr_writer_slice(writer, act->args);
}

enum kr_err kr_draft_act_read(struct kr_slice bytes, struct kr_draft_act *ret_act)
{
    struct kr_reader reader;
    struct kr_draft_act act;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    kr_reader_fixed(&reader, act.id, sizeof act.id);
    act.has_binding = kr_reader_fixed_or_empty(&reader, act.binding, sizeof act.binding);
    act.reason = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    act.args = kr_reader_bin(&reader, 0, KR_CLIENT_FRAME_BYTES_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_act = act;
    }
    return err;
}

void kr_draft_who_write(const struct kr_draft_who *who, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_bin(writer, who->id, sizeof who->id);
    kr_writer_bin(writer, who->person, sizeof who->person);
    kr_writer_str_slice(writer, who->name);
}

enum kr_err kr_draft_who_read(struct kr_slice bytes, struct kr_draft_who *ret_who)
{
    struct kr_reader reader;
    struct kr_draft_who who;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    kr_reader_fixed(&reader, who.id, sizeof who.id);
    kr_reader_fixed(&reader, who.person, sizeof who.person);
    who.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_who = who;
    }
    return err;
}

void kr_stored_write(const struct kr_stored *stored, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_bin(writer, stored->id, stored->waits ? KR_DRAFT_ID_BYTES : 32);
    kr_writer_flag(writer, stored->is_known);
    kr_writer_bin(writer, stored->consent, stored->has_consent ? 32 : 0);
}

enum kr_err kr_stored_read(struct kr_slice bytes, struct kr_stored *ret_stored)
{
    struct kr_reader reader;
    struct kr_stored stored = {0};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    const struct kr_slice id = kr_reader_bin(&reader, KR_DRAFT_ID_BYTES, 32);
    stored.is_known = kr_reader_flag(&reader);
    stored.has_consent = kr_reader_fixed_or_empty(&reader, stored.consent, sizeof stored.consent);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && id.len != KR_DRAFT_ID_BYTES && id.len != 32) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        stored.waits = id.len == KR_DRAFT_ID_BYTES;
        memcpy(stored.id, id.bytes, id.len);
        *ret_stored = stored;
    }
    return err;
}
