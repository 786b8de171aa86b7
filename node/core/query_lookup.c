/* Look-ups: from a value to the records that have it, and from a record to what was sighted of it. */
#include <stdlib.h>
#include <string.h>

#include "node/core/query_page.h"
#include "node/core/sighting.h"
#include "node/core/taken.h"
#include "proto/record/takeback.h"

#define MATCHES_PER_VALUE_MAX 4096u
#define PLACED_MAX            16u   /* read one by one of a report, one after the other, before it is opened */
#define HITS_MAX              1024u /* that a query keeps: the index is searched once for so many */

/* ---- reports ---- */

/* Where the report's indicators stand in the record (`content_at` 0: nowhere, it is sealed), and which are plain. */
static void note_report(struct kr_query_page *page, uint64_t arrival, uint32_t content_at, const uint8_t *content,
                        const struct kr_report *report)
{
    uint32_t starts[KR_REPORT_INDICATORS_MAX / KR_PLACES_STEP + 2], count = 0;
    uint8_t plain[KR_REPORT_INDICATORS_MAX / 8] = {0};
    struct kr_reader reader;
    if (page->query->places == NULL) {
        return;
    }
    kr_reader_init(&reader, report->indicators.bytes, report->indicators.len);
    (void)kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    for (uint32_t i = 0; i < report->indicator_count && reader.err == KR_OK; i++) {
        struct kr_report_indicator indicator;
        if (i % KR_PLACES_STEP == 0) {
            starts[count++] = content_at + (uint32_t)(reader.at - content);
        }
        kr_report_indicator_read(&reader, &indicator);
        if (reader.err == KR_OK && kr_report_indicator_is_plain(&indicator)) {
            plain[i / 8] |= (uint8_t)(1u << i % 8);
        }
    }
    starts[count] = content_at + (uint32_t)(reader.at - content);
    if (reader.err == KR_OK) {
        kr_places_note(page->query->places, arrival,
                       &(struct kr_places_report){report->indicator_count, content_at > 0 ? starts : NULL, plain});
    }
}

/* The indicator alone, where its place is known. KR_NOT_FOUND: it is not. */
static enum kr_err read_placed(struct kr_query_page *page, uint64_t arrival, uint32_t position,
                               struct kr_report_indicator *ret_indicator)
{
    uint32_t offset, len, before;
    struct kr_reader reader;
    /* Many of one report are read faster by opening it. */
    const bool is_open = page->opened_arrival == arrival;
    page->placed_count = page->placed_arrival == arrival ? page->placed_count + 1 : 0;
    page->placed_arrival = arrival;
    if (is_open || page->placed_count > PLACED_MAX || page->query->places == NULL ||
        !kr_places_find(page->query->places, arrival, position, &offset, &len, &before)) {
        return KR_NOT_FOUND;
    }
    free(page->part);
    page->part = malloc((size_t)len + 1);
    enum kr_err err = page->part != NULL ? kr_store_record_read(page->txn, arrival, offset, len, page->part) : KR_NOMEM;
    const uint8_t *at = page->part;
    for (uint32_t i = 0; err == KR_OK && i <= before; i++) {
        kr_reader_init(&reader, at, (size_t)(page->part + len - at));
        kr_report_indicator_read(&reader, ret_indicator);
        at = reader.at;
        err = reader.err;
    }
    return err == KR_OK || err == KR_NOMEM ? err : KR_CORRUPT;
}

static enum kr_err open_report(struct kr_query_page *page, uint64_t arrival)
{
    struct kr_header header;
    uint8_t *bytes = NULL, *content = NULL;
    size_t len = 0;
    if (page->opened_arrival == arrival) {
        return KR_OK;
    }
    uint32_t body_offset = 0;
    enum kr_err err = kr_query_open_at(page, arrival, &header, &bytes, &content, &len, &body_offset);
    if (err != KR_OK) {
        return err;
    }
    const uint32_t content_at = kr_label_is_sealed(header.label) ? 0 : body_offset;
    free(bytes);
    struct kr_report report;
    struct kr_slice to_read = {content, len};
    uint32_t kind;
    err = kr_content_to_read(header.kind, to_read, &kind, &to_read);
    if (err == KR_OK) {
        err = kr_report_parse_again(to_read, &report);
    }
    if (err != KR_OK) {
        free(content);
        return err;
    }
    free(page->content);
    note_report(page, arrival, content_at, content, &report);
    page->content = content;
    page->report = report;
    page->opened_arrival = arrival;
    page->walk_next = 0;
    return KR_OK;
}

/* Goes on from the indicator that was read last where it can: values are mostly asked for in the order of their report. */
static enum kr_err read_indicator(struct kr_query_page *page, uint16_t position, struct kr_report_indicator *ret_indicator)
{
    const struct kr_report *report = &page->report;
    if (position >= report->indicator_count) {
        return KR_CORRUPT;
    }
    if (page->walk_next == 0 || position < page->walk_next) {
        kr_reader_init(&page->walk, report->indicators.bytes, report->indicators.len);
        (void)kr_reader_array_between(&page->walk, 0, KR_REPORT_INDICATORS_MAX);
        page->walk_next = 0;
    }
    for (; page->walk_next <= position; page->walk_next++) {
        kr_report_indicator_read(&page->walk, ret_indicator);
    }
    return page->walk.err;
}

/* ---- what is sought: some values at a time, whose terms are made together ---- */

#define BATCH_VALUES 32u
#define BATCH_KEYS   256u /* no value in its normal form has more than 132: a URL at an IPv6 address */
#define BATCH_ROOM   (3u * KR_INDICATOR_BYTES_MAX)

struct asked {
    uint32_t at, type; /* the value's index */
    struct kr_slice value;
    uint32_t key_count;
    const struct kr_term_input *keys;
    struct kr_sought_term *terms;
};

struct batch {
    uint32_t count, key_count;
    bool is_full;
    size_t used;
    struct kr_prefixes prefixes; /* of networks that there may be */
    struct asked asked[BATCH_VALUES];
    struct kr_term_input keys[BATCH_KEYS];
    struct kr_sought_term terms[BATCH_KEYS];
    uint8_t room[BATCH_ROOM]; /* for keys that are no part of their value */
};

static bool add_key(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct batch *batch = context;
    struct asked *asked = &batch->asked[batch->count];
    const bool is_part = bytes >= asked->value.bytes && bytes + len <= asked->value.bytes + asked->value.len;
    if (batch->key_count + asked->key_count == BATCH_KEYS || (!is_part && len > BATCH_ROOM - batch->used)) {
        batch->is_full = true;
        return false;
    }
    if (!is_part) {
        memcpy(batch->room + batch->used, bytes, len);
        bytes = batch->room + batch->used;
        batch->used += len;
    }
    batch->keys[batch->key_count + asked->key_count++] = (struct kr_term_input){type, bytes, len};
    return true;
}

static void clear_batch(struct batch *batch)
{
    batch->count = batch->key_count = 0;
    batch->used = 0;
    batch->is_full = false;
}

/* False where there is no room for it: it comes in the next batch. */
static bool add_value(struct batch *batch, uint32_t at, uint32_t type, struct kr_slice value)
{
    if (batch->count == BATCH_VALUES || batch->is_full) {
        return false;
    }
    struct asked *asked = &batch->asked[batch->count];
    *asked = (struct asked){
        .at = at, .type = type, .value = value, .keys = &batch->keys[batch->key_count], .terms = &batch->terms[batch->key_count]};
    kr_indicator_lookup_keys_in(type, value.bytes, value.len, &batch->prefixes, add_key, batch);
    if (batch->is_full && batch->count > 0) {
        return false;
    }
    batch->key_count += asked->key_count;
    batch->count++;
    return true;
}

/* ---- what lies under a value ----
 *
 * position = index of the value, count = matches given of it, hits = what is still to be looked at, detail and extra = arrival and
 * place in its report of the hit looked at last (0: none). Newest first.
 *
 * Whatever there is under a value, its newest records are reached: hits that are not to be seen count for nothing, and those that a
 * page has found wait in the query for the next one, so that a long search is not begun again. */

struct search {
    struct kr_query *query;
    struct kr_query_hit *items;
    uint32_t count, capacity; /* KR_QUERY_FEW_HITS in the query itself, then 2 * HITS_MAX */
    bool leaves_some;         /* older ones than these there are too */
    bool is_out_of_memory;
};

static int newest_first(const void *a, const void *b)
{
    const struct kr_query_hit *x = a, *y = b;
    if (x->arrival != y->arrival) {
        return x->arrival < y->arrival ? 1 : -1;
    }
    return (x->position > y->position) - (x->position < y->position);
}

static void keep_newest(struct search *search)
{
    if (search->count > 1) {
        qsort(search->items, search->count, sizeof *search->items, newest_first);
    }
    if (search->count > HITS_MAX) {
        search->count = HITS_MAX;
        search->leaves_some = true;
    }
}

/* Whether the hit comes behind the one that was looked at last. */
static bool is_to_come(const struct kr_query *query, const struct kr_query_hit *hit)
{
    return query->detail == 0 ||
           newest_first(&(struct kr_query_hit){.arrival = query->detail, .position = (uint16_t)query->extra}, hit) < 0;
}

static bool make_room(struct search *search)
{
    if (search->capacity == 2 * HITS_MAX) {
        keep_newest(search);
        return true;
    }
    struct kr_query_hit *items = malloc(2 * HITS_MAX * sizeof *items);
    if (items == NULL) {
        search->is_out_of_memory = true;
        return false;
    }
    memcpy(items, search->items, search->count * sizeof *items);
    search->items = items;
    search->capacity = 2 * HITS_MAX;
    return true;
}

static bool add_hit(void *context, uint32_t key, uint64_t arrival, uint16_t position)
{
    struct search *search = context;
    const struct kr_query_hit hit = {arrival, position, (uint16_t)key};
    if (is_to_come(search->query, &hit)) {
        if (search->count == search->capacity && !make_room(search)) {
            return false;
        }
        search->items[search->count++] = hit;
    }
    return true;
}

static void forget_hits(struct kr_query *query)
{
    if (query->hits != query->few_hits) {
        free(query->hits);
    }
    query->hits = NULL;
    query->hit_count = query->hit_at = 0;
}

static enum kr_err find_hits(const struct kr_query_page *page, const struct asked *asked)
{
    struct kr_query *query = page->query;
    forget_hits(query);
    struct search search = {.query = query, .items = query->few_hits, .capacity = KR_QUERY_FEW_HITS};
    enum kr_err err = kr_store_terms_find_any(page->txn, asked->terms, asked->key_count, add_hit, &search);
    if (err == KR_OK && search.is_out_of_memory) {
        err = KR_NOMEM;
    }
    if (err != KR_OK) {
        if (search.items != query->few_hits) {
            free(search.items);
        }
        return err;
    }
    keep_newest(&search);
    query->hits = search.items;
    if (search.items != query->few_hits) { /* many questions may be open */
        struct kr_query_hit *fitted = realloc(search.items, (search.count + 1) * sizeof *fitted);
        query->hits = fitted != NULL ? fitted : search.items;
    }
    query->hit_count = search.count;
    query->has_all_hits = !search.leaves_some;
    return KR_OK;
}

/* ---- matches ---- */

static bool is_seen(const struct kr_query_page *page, const struct kr_places_shown *shown)
{
    const struct kr_head head = {.state = shown->state,
                                 .is_ours_to_read = shown->is_ours_to_read,
                                 .created_ms = shown->created_ms,
                                 .expires_s = shown->expires_s};
    return kr_query_sees(page, &head);
}

static enum kr_err summarise(struct kr_query_page *page, const struct kr_head *head, struct kr_slice *ret_summary)
{
    char name[KR_NAME_BYTES_MAX + 1];
    uint32_t taken;
    struct kr_summary summary;
    enum kr_err err = kr_query_name_of(page, head->author, name, sizeof name);
    if (err == KR_OK) {
        err = kr_taken_state(page->txn, head, &taken);
    }
    if (err == KR_OK) {
        kr_query_summarise(head, name, taken, &summary);
        kr_writer_clear(&page->summary);
        kr_summary_write(&summary, &page->summary);
        err = kr_writer_finish(&page->summary);
    }
    if (err == KR_OK) {
        *ret_summary = (struct kr_slice){page->summary.bytes, page->summary.len};
    }
    return err;
}

/* How the record is shown in this snapshot, where it may be seen now. KR_NOT_FOUND: it is not there, or nobody may see it. */
static enum kr_err look_at(struct kr_query_page *page, uint64_t arrival, struct kr_slice *ret_summary)
{
    struct kr_places *places = page->query->places;
    const bool japanese = page->query->speaks_japanese;
    struct kr_places_shown shown;
    struct kr_head head;
    if (places != NULL && kr_places_find_shown(places, arrival, japanese, &shown)) {
        *ret_summary = shown.summary;
        return is_seen(page, &shown) ? KR_OK : KR_NOT_FOUND;
    }
    enum kr_err err = kr_store_head_get(page->txn, arrival, &head, page->scratch);
    if (err == KR_OK && !kr_query_sees(page, &head)) {
        err = KR_NOT_FOUND;
    }
    if (err == KR_OK) {
        err = summarise(page, &head, ret_summary);
    }
    if (err == KR_OK && places != NULL) {
        shown = (struct kr_places_shown){.state = head.state,
                                         .is_ours_to_read = head.is_ours_to_read,
                                         .japanese = japanese,
                                         .created_ms = head.created_ms,
                                         .expires_s = head.expires_s,
                                         .summary = *ret_summary};
        kr_places_note_shown(places, arrival, &shown);
    }
    return err;
}

/* A record that is damaged must not stop the others; the answer says that the value has one more. */
static void leave_out(struct kr_query *query, uint32_t at)
{
    query->is_cut[at / 8] |= (uint8_t)(1u << at % 8);
}

/* One that is of this record, and as wide. What is damaged or says otherwise is left out. */
static enum kr_err emit_sighting(struct kr_query_page *page, const struct kr_head *head, const uint8_t *target)
{
    struct kr_sighting_item item = {0};
    struct kr_header header;
    struct kr_writer writer;
    uint8_t *bytes = NULL, *content = NULL;
    size_t len;
    char name[KR_NAME_BYTES_MAX + 1];
    const struct kr_query_scope *scope = &page->query->scope;
    const bool is_of_it = head->kind == KR_KIND_SIGHTING && memcmp(head->target, target, 32) == 0 &&
                          (uint32_t)head->label == scope->label && head->flags == scope->flags &&
                          memcmp(head->community, scope->community, 32) == 0;
    enum kr_err err = is_of_it ? kr_query_open(page, head->arrival, &header, &bytes, &content, &len) : KR_NOT_FOUND;
    if (err == KR_OK) {
        err = kr_sighting_parse((struct kr_slice){content, len}, &item.sighting);
    }
    if (err == KR_OK) {
        err = kr_query_name_of(page, head->author, name, sizeof name);
    }
    if (err == KR_OK) {
        kr_query_summarise(head, name, KR_TAKEN_NOT, &item.record);
        page->query->count++;
        kr_writer_init(&writer, 8 * KR_KIB);
        kr_sighting_item_write(&item, &writer);
        err = kr_query_emit(page, &writer);
    } else if (err != KR_NOMEM) {
        err = KR_OK;
    }
    free(bytes);
    free(content);
    return err;
}

static enum kr_err take_sighting(struct kr_query_page *page, uint64_t arrival, const struct asked *asked, bool *ret_cut)
{
    struct kr_head head;
    enum kr_err err = kr_store_head_get(page->txn, arrival, &head, page->scratch);
    if (err == KR_NOT_FOUND || (err == KR_OK && !kr_query_sees(page, &head))) {
        return KR_OK;
    }
    if (err == KR_OK && page->query->count == MATCHES_PER_VALUE_MAX) {
        *ret_cut = true;
        return KR_OK;
    }
    if (err == KR_CORRUPT) {
        leave_out(page->query, asked->at);
        return KR_OK;
    }
    return err == KR_OK ? emit_sighting(page, &head, asked->value.bytes) : err;
}

static bool is_match(const struct kr_query_page *page, const struct kr_report_indicator *indicator, const struct asked *asked)
{
    uint8_t key[KR_ORIGIN_KEY_BYTES_MAX];
    if (asked->type == KR_INDICATOR_ORIGIN) {
        size_t len = kr_report_origin_key(page->report.origin_organisation, page->report.origin_id, key);
        return len == asked->value.len && memcmp(key, asked->value.bytes, len) == 0;
    }
    return kr_indicator_matches(indicator->type, indicator->value, asked->type, asked->value);
}

/* The indicator of a hit from its report: a part of it, or all. */
static enum kr_err read_report(struct kr_query_page *page, const struct kr_query_hit *hit, const struct asked *asked,
                               struct kr_report_indicator *ret_indicator)
{
    enum kr_err err = KR_NOT_FOUND;
    if (asked->type != KR_INDICATOR_ORIGIN) {
        err = read_placed(page, hit->arrival, hit->position, ret_indicator);
    }
    if (err != KR_NOT_FOUND) {
        return err;
    }
    err = open_report(page, hit->arrival);
    if (err == KR_OK && asked->type == KR_INDICATOR_ORIGIN) { /* of the whole report, not of one of its indicators */
        *ret_indicator = (struct kr_report_indicator){.type = asked->type, .value = asked->value, .confidence = KR_CONFIDENCE_NONE};
    } else if (err == KR_OK) {
        err = read_indicator(page, hit->position, ret_indicator);
    }
    return err;
}

/* The indicator of a hit. KR_NOT_FOUND: it is another one; terms are 128 bits of a keyed hash, so this is for completeness. */
static enum kr_err read_hit(struct kr_query_page *page, const struct kr_query_hit *hit, const struct asked *asked,
                            struct kr_report_indicator *ret_indicator)
{
    const struct kr_places *places = page->query->places;
    const struct kr_term_input *key = hit->key < asked->key_count ? &asked->keys[hit->key] : NULL;
    const bool is_indicator = key != NULL && key->type <= KR_INDICATOR_TYPE_MAX; /* else the host of one, or an origin */
    if (places != NULL && is_indicator && kr_places_is_plain(places, hit->arrival, hit->position)) {
        *ret_indicator =
            (struct kr_report_indicator){.type = key->type, .value = {key->bytes, key->len}, .confidence = KR_CONFIDENCE_NONE};
        return KR_OK;
    }
    enum kr_err err = read_report(page, hit, asked, ret_indicator);
    return err == KR_OK && !is_match(page, ret_indicator, asked) ? KR_NOT_FOUND : err;
}

/* One hit of the value. `*ret_cut`: it would be one match too many. */
static enum kr_err take_hit(struct kr_query_page *page, const struct kr_query_hit *hit, const struct asked *asked, bool *ret_cut)
{
    struct kr_report_indicator indicator;
    struct kr_slice summary;
    if (asked->type == KR_INDICATOR_SIGHTED) {
        return take_sighting(page, hit->arrival, asked, ret_cut);
    }
    enum kr_err err = look_at(page, hit->arrival, &summary);
    if (err == KR_OK && page->query->count == MATCHES_PER_VALUE_MAX) {
        *ret_cut = true;
        return KR_OK;
    }
    if (err == KR_OK) {
        err = read_hit(page, hit, asked, &indicator);
    }
    if (err == KR_CORRUPT) {
        leave_out(page->query, asked->at);
    }
    if (err == KR_CORRUPT || err == KR_NOT_FOUND) {
        return KR_OK;
    }
    if (err == KR_OK) {
        page->query->count++;
        kr_writer_clear(&page->match);
        kr_match_write_parts(asked->at, &indicator, summary, &page->match);
        err = kr_writer_finish(&page->match);
    }
    return err == KR_OK ? kr_query_give(page, (struct kr_slice){page->match.bytes, page->match.len}) : err;
}

static void finish_value(struct kr_query *query, uint32_t at, bool is_cut)
{
    forget_hits(query);
    query->has_all_hits = false;
    if (is_cut) {
        leave_out(query, at);
    }
    query->position = at + 1;
    query->count = query->detail = query->extra = 0;
}

static enum kr_err lookup_value(struct kr_query_page *page, const struct asked *asked)
{
    struct kr_query *query = page->query;
    enum kr_err err = KR_OK;
    bool is_cut = false;
    while (err == KR_OK && !is_cut && !kr_query_is_full(page)) {
        if (query->hit_at == query->hit_count && query->has_all_hits) {
            break;
        }
        if (query->hit_at == query->hit_count) {
            err = find_hits(page, asked);
            continue;
        }
        const struct kr_query_hit hit = query->hits[query->hit_at++];
        if (is_to_come(query, &hit)) { /* else the same one, by another key */
            err = take_hit(page, &hit, asked, &is_cut);
            query->detail = hit.arrival;
            query->extra = hit.position;
            page->has_moved = true;
        }
    }
    if (err == KR_OK && (is_cut || (query->hit_at == query->hit_count && query->has_all_hits))) {
        finish_value(query, asked->at, is_cut);
        page->has_moved = true;
    }
    return err;
}

static enum kr_err lookup_batch(struct kr_query_page *page, struct batch *batch)
{
    enum kr_err err = KR_OK;
    kr_store_terms_make(page->txn, batch->keys, batch->key_count, batch->terms);
    for (uint32_t i = 0; i < batch->count && err == KR_OK && page->query->position == batch->asked[i].at; i++) {
        err = lookup_value(page, &batch->asked[i]);
    }
    return err;
}

/* The values from `*at` on, as many as have room. KR_MALFORMED where the next one is not what it should be. */
static enum kr_err gather(struct kr_query_page *page, struct kr_reader *reader, uint32_t count, uint32_t *at, struct batch *batch)
{
    clear_batch(batch);
    for (; *at < count; (*at)++) {
        const struct kr_reader before = *reader;
        kr_reader_array(reader, 2);
        const uint32_t type = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        const struct kr_slice value = kr_reader_bin(reader, 1, KR_INDICATOR_BYTES_MAX);
        kr_reader_close(reader);
        if (*at < page->query->position && reader->err == KR_OK) {
            continue; /* an earlier page dealt with it */
        }
        if (reader->err != KR_OK || kr_indicator_check(type, value.bytes, value.len) != KR_OK) {
            return KR_MALFORMED;
        }
        if (!add_value(batch, *at, type, value)) {
            *reader = before;
            break;
        }
    }
    return KR_OK;
}

static enum kr_err lookup_all(struct kr_query_page *page, struct batch *batch, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct kr_reader reader;
    kr_reader_init(&reader, query->args, query->args_len);
    uint32_t count = kr_reader_array_between(&reader, 0, KR_LOOKUP_VALUES_MAX), at = 0;
    enum kr_err err = KR_OK;
    if (query->position == UINT64_MAX) {
        query->position = 0;
    }
    while (err == KR_OK && at < count && query->position >= at) {
        enum kr_err read = gather(page, &reader, count, &at, batch);
        err = lookup_batch(page, batch);
        if (err == KR_OK && read != KR_OK && query->position == at) {
            err = kr_fail(page->error, KR_MALFORMED, "value %u is not in its normal form", at);
        }
    }
    *ret_done = query->position >= count;
    if (err == KR_OK && *ret_done) {
        kr_reader_close(&reader);
        err = kr_reader_end(&reader) == KR_OK ? KR_OK : kr_fail(page->error, KR_MALFORMED, "the request cannot be read");
    }
    return err;
}

/* The first of these values from `at` on of which there are more matches than were given; mostly there is none. */
static uint32_t next_cut(const struct kr_query *query, uint32_t at)
{
    while (at < KR_LOOKUP_VALUES_MAX && (query->is_cut[at / 8] >> at % 8 & 1u) == 0) {
        at = query->is_cut[at / 8] == 0 ? (at | 7u) + 1 : at + 1;
    }
    return at;
}

static void write_cut(const struct kr_query *query, struct kr_writer *result)
{
    uint32_t count = 0;
    for (uint32_t at = next_cut(query, 0); at < KR_LOOKUP_VALUES_MAX; at = next_cut(query, at + 1)) {
        count++;
    }
    kr_writer_array(result, count);
    for (uint32_t at = next_cut(query, 0); at < KR_LOOKUP_VALUES_MAX; at = next_cut(query, at + 1)) {
        kr_writer_uint(result, at);
    }
}

enum kr_err kr_query_lookup(struct kr_query_page *page, struct kr_writer *result, bool *ret_done)
{
    struct batch *batch = malloc(sizeof *batch);
    enum kr_err err = KR_NOMEM;
    if (batch != NULL) {
        kr_txn_prefixes(page->txn, &batch->prefixes);
        err = lookup_all(page, batch, ret_done);
    }
    if (err == KR_OK && *ret_done) {
        write_cut(page->query, result);
    }
    free(batch);
    return err;
}

enum kr_err kr_query_lookup_sightings(struct kr_query_page *page, const uint8_t id[static 32])
{
    struct batch *batch = malloc(sizeof *batch);
    if (batch == NULL) {
        return KR_NOMEM;
    }
    clear_batch(batch);
    batch->prefixes = (struct kr_prefixes){0};
    (void)add_value(batch, 0, KR_INDICATOR_SIGHTED, (struct kr_slice){id, 32});
    enum kr_err err = lookup_batch(page, batch);
    free(batch);
    return err;
}
