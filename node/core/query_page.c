#include "node/core/query_page.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/directory.h"
#include "proto/record/takeback.h"

#define LOOKS_AT_CLOCK 4u /* each so many; a look takes as long as a twentieth of a look-up */

bool kr_query_is_full(struct kr_query_page *page)
{
    if (!page->has_moved || page->bytes >= KR_PAGE_BYTES_MAX - 8 * KR_KIB) {
        return page->has_moved;
    }
    return page->is_over != NULL && page->looks++ % LOOKS_AT_CLOCK == 0 && page->is_over(page->context);
}

enum kr_err kr_query_give(struct kr_query_page *page, struct kr_slice item)
{
    page->bytes += item.len;
    return page->item(page->context, item);
}

enum kr_err kr_query_emit(struct kr_query_page *page, struct kr_writer *writer)
{
    enum kr_err err = kr_writer_finish(writer);
    if (err == KR_OK) {
        err = kr_query_give(page, (struct kr_slice){writer->bytes, writer->len});
    }
    kr_writer_deinit(writer);
    return err;
}

/* ---- names and visibility ---- */

struct name_pick {
    bool japanese;
    uint64_t version;
    char *text;
    size_t size;
};

static bool pick_name(void *context, struct kr_slice key, struct kr_slice value)
{
    struct name_pick *pick = context;
    struct kr_directory_entry entry;
    (void)key;
    if (kr_directory_entry_read(value, &entry) == KR_OK && entry.version >= pick->version) {
        bool prefers_ja = (pick->japanese && entry.name_ja.len > 0) || entry.name_en.len == 0;
        pick->version = entry.version;
        (void)kr_slice_text(prefers_ja ? entry.name_ja : entry.name_en, pick->text, pick->size);
    }
    return true;
}

enum kr_err kr_query_name_of(struct kr_query_page *page, const uint8_t council[static 32], char *ret_text, size_t size)
{
    uint8_t prefix[33] = {KR_KIND_COUNCIL_CARD};
    struct name_pick pick = {.japanese = page->query->speaks_japanese, .text = ret_text, .size = size};
    memcpy(prefix + 1, council, 32);
    ret_text[0] = 0;
    struct kr_places *places = size > KR_NAME_BYTES_MAX ? page->query->places : NULL;
    const char *known = places != NULL ? kr_places_name(places, council, page->query->speaks_japanese) : NULL;
    if (known != NULL) {
        memcpy(ret_text, known, strlen(known) + 1);
        return KR_OK;
    }
    uint32_t damaged; /* is named by its id, where it was the only card */
    enum kr_err err = kr_store_each_whole(page->txn, KR_TABLE_DIRECTORY, prefix, sizeof prefix, pick_name, &pick, &damaged);
    if (err == KR_OK && ret_text[0] == 0) {
        sodium_bin2hex(ret_text, 17, council, 8);
    }
    if (err == KR_OK && places != NULL) {
        kr_places_note_name(places, council, page->query->speaks_japanese, ret_text);
    }
    return err;
}

bool kr_query_is_overt(const struct kr_head *head)
{
    return kr_label_is_for_people(head->label) && head->kind != KR_KIND_RETRACTION &&
           (head->kind == KR_KIND_SIGHTING || head->title.len > 0 || head->indicator_count > 0);
}

bool kr_query_sees(const struct kr_query_page *page, const struct kr_head *head)
{
    return head->state == KR_HEAD_SHOWN && head->is_ours_to_read && !kr_kind_is_internal(head->kind) && !kr_query_is_overt(head) &&
           head->expires_s > page->now_ms / 1000 && head->created_ms <= page->now_ms + KR_FUTURE_MS_MAX;
}

void kr_query_summarise(const struct kr_head *head, const char *name, uint32_t taken, struct kr_summary *ret_summary)
{
    *ret_summary = (struct kr_summary){
        .author_name = {(const uint8_t *)name, strlen(name)},
        .kind = head->kind,
        .label = head->label,
        .flags = head->flags,
        .severity = head->severity,
        .indicator_count = head->indicator_count,
        .created_ms = head->created_ms,
        .received_ms = head->received_ms,
        .expires_s = head->expires_s,
        .title = head->title,
        .target = {head->target, head->has_target ? 32 : 0},
        .taken = taken,
    };
    memcpy(ret_summary->id, head->id, 32);
    memcpy(ret_summary->author, head->author, 32);
}

/* ---- opening ---- */

enum kr_err kr_query_open_at(struct kr_query_page *page, uint64_t arrival, struct kr_header *ret_header, uint8_t **ret_record,
                             uint8_t **ret_content, size_t *ret_len, uint32_t *ret_body_at)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct kr_record record;
    enum kr_err err = kr_store_record_get(page->txn, arrival, &bytes, &len);
    if (err == KR_OK) {
        err = kr_record_split(bytes, len, &record);
    }
    if (err == KR_OK) {
        err = kr_header_parse(record.header, ret_header);
    }
    if (err == KR_OK) {
        err = kr_record_open(&record, ret_header, page->keyring, ret_content, ret_len);
    }
    if (err == KR_OK) {
        *ret_body_at = (uint32_t)(record.body.bytes - bytes);
        *ret_record = bytes; /* the header's audience points into it */
    } else {
        free(bytes);
    }
    return err;
}

enum kr_err kr_query_open(struct kr_query_page *page, uint64_t arrival, struct kr_header *ret_header, uint8_t **ret_record,
                          uint8_t **ret_content, size_t *ret_len)
{
    uint32_t body_at;
    return kr_query_open_at(page, arrival, ret_header, ret_record, ret_content, ret_len, &body_at);
}

enum kr_err kr_query_open_to_show(struct kr_query_page *page, const struct kr_head *head, struct kr_query_opened *opened)
{
    struct kr_record record;
    if (head->state == KR_HEAD_HEADER_ONLY) {
        enum kr_err err = kr_store_record_get(page->txn, head->arrival, &opened->bytes, &opened->len);
        if (err == KR_OK && (kr_record_split(opened->bytes, opened->len, &record) != KR_OK ||
                             kr_header_parse(record.header, &opened->header) != KR_OK)) {
            err = KR_CORRUPT;
        }
        opened->kind = head->kind;
        return err;
    }
    enum kr_err err = kr_query_open(page, head->arrival, &opened->header, &opened->bytes, &opened->content, &opened->len);
    if (err == KR_OK) {
        opened->to_read = (struct kr_slice){opened->content, opened->len};
        err = kr_content_to_read(head->kind, opened->to_read, &opened->kind, &opened->to_read);
    }
    return err;
}

void kr_query_fill_shown(const struct kr_head *head, const struct kr_query_opened *opened, const struct kr_reason *reason,
                         struct kr_shown *shown)
{
    const struct kr_header *header = &opened->header;
    shown->audience_count = header->audience_count;
    for (uint32_t i = 0; i < header->audience_count; i++) {
        shown->audience[i] = (struct kr_slice){kr_header_audience_at(header, i), 32};
    }
    shown->community = (struct kr_slice){header->community, header->has_community ? 32 : 0};
    shown->content = opened->to_read;
    shown->content_kind = opened->kind;
    shown->record_bytes = head->record_bytes;
    shown->forced = (struct kr_forced){reason->at_ms, {(const uint8_t *)reason->text, strlen(reason->text)}};
}
