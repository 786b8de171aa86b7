#include "node/core/query_page.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/directory.h"
#include "node/core/sighting.h"
#include "node/core/taken.h"
#include "proto/indicator/indicator.h"
#include "proto/record/takeback.h"

#define MATCHES_PER_VALUE_MAX 4096u
#define PLACED_MAX            16u   /* read one by one of a report, one after the other, before it is opened */
#define HITS_MAX              1024u /* that a query keeps: the index is searched once for so many */

bool kr_query_answers(uint32_t op)
{
    return op == KR_OP_LOOKUP || op == KR_OP_LS || op == KR_OP_SHOW || op == KR_OP_COUNCILS || op == KR_OP_VERIFY ||
           op == KR_OP_EXPORT || op == KR_OP_SIGHTINGS;
}

enum kr_err kr_query_init(struct kr_query *query, uint32_t op, struct kr_slice args, bool speaks_japanese)
{
    uint8_t *copy = malloc(args.len + 1);
    if (copy == NULL) {
        return KR_NOMEM;
    }
    if (args.len > 0) {
        memcpy(copy, args.bytes, args.len);
    }
    *query =
        (struct kr_query){.op = op, .args = copy, .args_len = args.len, .speaks_japanese = speaks_japanese, .position = UINT64_MAX};
    return KR_OK;
}

void kr_query_deinit(struct kr_query *query)
{
    free(query->args);
    free(query->hits);
    kr_query_export_deinit(query);
    *query = (struct kr_query){0};
}

/* Of a report under an open label, whose body is its content: where its indicators stand in the record. */
static void note_places(struct kr_query_page *page, uint64_t arrival, uint32_t content_at, const uint8_t *content,
                        const struct kr_report *report)
{
    uint32_t starts[KR_REPORT_INDICATORS_MAX / KR_PLACES_STEP + 2], count = 0;
    struct kr_reader reader;
    if (page->query->places == NULL || content_at == 0 || report->indicator_count < KR_PLACES_REPORT_MIN) {
        return;
    }
    kr_reader_init(&reader, report->indicators.bytes, report->indicators.len);
    (void)kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    for (uint32_t i = 0; i < report->indicator_count; i++) {
        struct kr_report_indicator indicator;
        if (i % KR_PLACES_STEP == 0) {
            starts[count++] = content_at + (uint32_t)(reader.at - content);
        }
        kr_report_indicator_read(&reader, &indicator);
    }
    starts[count] = content_at + (uint32_t)(reader.at - content);
    if (reader.err == KR_OK) {
        kr_places_note(page->query->places, arrival, report->indicator_count, starts);
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
    note_places(page, arrival, content_at, content, &report);
    page->content = content;
    page->report = report;
    page->opened_arrival = arrival;
    page->walk_next = 0;
    return KR_OK;
}

/* ---- lookup: position = index of the value, count = matches given of it, hits = what is still to be looked at, detail and extra =
 * arrival and place in its report of the hit looked at last (0: none). Newest first ----
 *
 * Whatever there is under a value, its newest records are reached: hits that are not to be seen count for nothing, and those that a
 * page has found wait in the query for the next one, so that a long search is not begun again. */

struct kr_query_hit {
    uint64_t arrival;
    uint16_t position;
};

struct search {
    const struct kr_query *query;
    struct kr_txn *txn;
    struct kr_query_hit *items; /* 2 * HITS_MAX */
    uint32_t count;
    bool leaves_some; /* older ones than these there are too */
    enum kr_err err;
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
    qsort(search->items, search->count, sizeof *search->items, newest_first);
    if (search->count > HITS_MAX) {
        search->count = HITS_MAX;
        search->leaves_some = true;
    }
}

/* Whether the hit comes behind the one that was looked at last. */
static bool is_to_come(const struct kr_query *query, const struct kr_query_hit *hit)
{
    return query->detail == 0 || newest_first(&(struct kr_query_hit){query->detail, (uint16_t)query->extra}, hit) < 0;
}

static bool add_hit(void *context, uint64_t arrival, uint16_t position)
{
    struct search *search = context;
    const struct kr_query_hit hit = {arrival, position};
    if (is_to_come(search->query, &hit)) {
        if (search->count == 2 * HITS_MAX) {
            keep_newest(search);
        }
        search->items[search->count++] = hit;
    }
    return true;
}

static bool find_key(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct search *search = context;
    search->err = kr_store_terms_find(search->txn, type, bytes, len, add_hit, search);
    return search->err == KR_OK;
}

static void forget_hits(struct kr_query *query)
{
    free(query->hits);
    query->hits = NULL;
    query->hit_count = query->hit_at = 0;
}

static enum kr_err find_hits(const struct kr_query_page *page, uint32_t type, struct kr_slice asked)
{
    struct kr_query *query = page->query;
    struct search search = {.query = query, .txn = page->txn, .items = malloc(2 * HITS_MAX * sizeof *search.items)};
    if (search.items == NULL) {
        return KR_NOMEM;
    }
    kr_indicator_lookup_keys(type, asked.bytes, asked.len, find_key, &search);
    if (search.err != KR_OK) {
        free(search.items);
        return search.err;
    }
    keep_newest(&search);
    forget_hits(query);
    struct kr_query_hit *fitted = realloc(search.items, (search.count + 1) * sizeof *fitted);
    query->hits = fitted != NULL ? fitted : search.items; /* most values have few: many questions may be open */
    query->hit_count = search.count;
    query->has_all_hits = !search.leaves_some;
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

static enum kr_err emit_match(struct kr_query_page *page, uint32_t at, const struct kr_head *head, struct kr_match *match)
{
    char name[KR_NAME_BYTES_MAX + 1];
    uint32_t taken;
    enum kr_err err = kr_query_name_of(page, head->author, name, sizeof name);
    if (err == KR_OK) {
        err = kr_taken_state(page->txn, head, &taken);
    }
    if (err != KR_OK) {
        return err;
    }
    struct kr_writer writer;
    match->query = at;
    kr_query_summarise(head, name, taken, &match->record);
    kr_writer_init(&writer, 32 * KR_KIB);
    kr_match_write(match, &writer);
    return kr_query_emit(page, &writer);
}

/* A record that is damaged must not stop the others; the answer says that the value has one more. */
static void leave_out(struct kr_query *query, uint32_t at)
{
    query->is_cut[at / 8] |= (uint8_t)(1u << at % 8);
}

static bool is_match(const struct kr_query_page *page, const struct kr_report_indicator *indicator, uint32_t type,
                     struct kr_slice asked)
{
    uint8_t key[KR_ORIGIN_KEY_BYTES_MAX];
    if (type == KR_INDICATOR_ORIGIN) {
        size_t len = kr_report_origin_key(page->report.origin_organisation, page->report.origin_id, key);
        return len == asked.len && memcmp(key, asked.bytes, len) == 0;
    }
    return kr_indicator_matches(indicator->type, indicator->value, type, asked);
}

/* One that is of this record, and as wide. What is damaged or says otherwise is left out. */
static enum kr_err take_sighting(struct kr_query_page *page, const struct kr_head *head, const uint8_t *target)
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

/* One hit of the value with the index `at`. `*ret_cut`: it would be one match too many. */
static enum kr_err take_hit(struct kr_query_page *page, const struct kr_query_hit *hit, uint32_t at, uint32_t type,
                            struct kr_slice asked, bool *ret_cut)
{
    struct kr_head head;
    struct kr_match match = {0};
    enum kr_err err = kr_store_head_get(page->txn, hit->arrival, &head, page->scratch);
    if (err == KR_NOT_FOUND || (err == KR_OK && !kr_query_sees(page, &head))) {
        return KR_OK;
    }
    if (err == KR_OK && page->query->count == MATCHES_PER_VALUE_MAX) {
        *ret_cut = true;
        return KR_OK;
    }
    if (err == KR_OK && type == KR_INDICATOR_SIGHTED) {
        return take_sighting(page, &head, asked.bytes);
    }
    enum kr_err placed = err == KR_OK && type != KR_INDICATOR_ORIGIN
                             ? read_placed(page, hit->arrival, hit->position, &match.indicator)
                             : KR_NOT_FOUND;
    if (err == KR_OK && placed == KR_NOT_FOUND) {
        err = open_report(page, hit->arrival);
    }
    if (placed != KR_NOT_FOUND) {
        err = err == KR_OK ? placed : err;
    } else if (err == KR_OK && type == KR_INDICATOR_ORIGIN) { /* of the whole report, not of one of its indicators */
        match.indicator = (struct kr_report_indicator){.type = type, .value = asked, .confidence = KR_CONFIDENCE_NONE};
    } else if (err == KR_OK) {
        err = read_indicator(page, hit->position, &match.indicator);
    }
    if (err == KR_CORRUPT) {
        leave_out(page->query, at);
        return KR_OK;
    }
    if (err != KR_OK || !is_match(page, &match.indicator, type, asked)) {
        return err; /* terms are 128 bits of a keyed hash: for completeness */
    }
    page->query->count++;
    return emit_match(page, at, &head, &match);
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

static enum kr_err lookup_value(struct kr_query_page *page, uint32_t at, uint32_t type, struct kr_slice asked)
{
    struct kr_query *query = page->query;
    enum kr_err err = KR_OK;
    bool is_cut = false;
    while (err == KR_OK && !is_cut && !kr_query_is_full(page)) {
        if (query->hit_at == query->hit_count && query->has_all_hits) {
            break;
        }
        if (query->hit_at == query->hit_count) {
            err = find_hits(page, type, asked);
            continue;
        }
        const struct kr_query_hit hit = query->hits[query->hit_at++];
        if (is_to_come(query, &hit)) { /* else the same one, by another key */
            err = take_hit(page, &hit, at, type, asked, &is_cut);
            query->detail = hit.arrival;
            query->extra = hit.position;
            page->has_moved = true;
        }
    }
    if (err == KR_OK && (is_cut || (query->hit_at == query->hit_count && query->has_all_hits))) {
        finish_value(query, at, is_cut);
        page->has_moved = true;
    }
    return err;
}

static enum kr_err page_lookup(struct kr_query_page *page, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct kr_reader reader;
    kr_reader_init(&reader, query->args, query->args_len);
    uint32_t count = kr_reader_array_between(&reader, 0, KR_LOOKUP_VALUES_MAX);
    enum kr_err err = KR_OK;
    if (query->position == UINT64_MAX) {
        query->position = 0;
    }
    for (uint32_t i = 0; i < count && err == KR_OK && i <= query->position; i++) {
        kr_reader_array(&reader, 2);
        uint32_t type = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        struct kr_slice asked = kr_reader_bin(&reader, 1, KR_INDICATOR_BYTES_MAX);
        kr_reader_close(&reader);
        if (i < query->position && reader.err == KR_OK) {
            continue; /* an earlier page dealt with it */
        }
        if (reader.err != KR_OK || kr_indicator_check(type, asked.bytes, asked.len) != KR_OK) {
            err = kr_fail(page->error, KR_MALFORMED, "value %u is not in its normal form", i);
            break;
        }
        err = lookup_value(page, i, type, asked);
    }
    *ret_done = query->position >= count;
    if (err == KR_OK && *ret_done) {
        kr_reader_close(&reader);
        err = kr_reader_end(&reader) == KR_OK ? KR_OK : kr_fail(page->error, KR_MALFORMED, "the request cannot be read");
    }
    return err;
}

/* Of which values there are more matches than were given. */
static void write_cut(const struct kr_query *query, struct kr_writer *result)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < KR_LOOKUP_VALUES_MAX; i++) {
        count += (query->is_cut[i / 8] >> i % 8) & 1u;
    }
    kr_writer_array(result, count);
    for (uint32_t i = 0; i < KR_LOOKUP_VALUES_MAX; i++) {
        if (((query->is_cut[i / 8] >> i % 8) & 1u) != 0) {
            kr_writer_uint(result, i);
        }
    }
}

/* ---- ls: position = next arrival to look at, downward; count = items given ---- */

static bool is_asked(const struct kr_ls *ls, const struct kr_head *head)
{
    bool fits_kind = ls->kind == 0 ? !kr_kind_is_statement(head->kind) : head->kind == ls->kind;
    bool fits_label = ls->label == 0 || (uint32_t)head->label == ls->label;
    bool fits_author = !ls->has_author || memcmp(ls->author, head->author, 32) == 0;
    return fits_kind && fits_label && fits_author && head->created_ms >= ls->since_ms;
}

/* The head at the position or before it is damaged: whichever it is, down by one, but not from beyond all there are. */
static enum kr_err step_down(struct kr_query_page *page)
{
    struct kr_store_stat stat;
    enum kr_err err = kr_store_stat(page->txn, &stat);
    if (err == KR_OK) {
        page->query->position = (page->query->position < stat.arrivals ? page->query->position : stat.arrivals) - 1;
        page->has_moved = true;
    }
    return err;
}

static enum kr_err page_ls(struct kr_query_page *page, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct kr_ls ls;
    struct kr_head head;
    enum kr_err err = KR_OK;
    if (kr_ls_read((struct kr_slice){query->args, query->args_len}, &ls) != KR_OK) {
        return kr_fail(page->error, KR_MALFORMED, "the request cannot be read");
    }
    *ret_done = false;
    while (!*ret_done && err == KR_OK && !kr_query_is_full(page)) {
        err = query->position == 0 ? KR_NOT_FOUND : kr_store_head_next(page->txn, query->position, true, &head, page->scratch);
        if (err == KR_NOT_FOUND) {
            *ret_done = true;
            return KR_OK;
        }
        if (err == KR_CORRUPT) {
            err = step_down(page);
            continue;
        }
        if (err != KR_OK) {
            break;
        }
        query->position = head.arrival - 1;
        page->has_moved = true;
        bool is_moot = false;
        if (!kr_query_sees(page, &head) || !is_asked(&ls, &head)) {
            continue;
        }
        err = kr_sighting_is_moot(page->txn, &head, page->now_ms, &is_moot);
        if (err != KR_OK || is_moot) {
            continue;
        }
        char name[KR_NAME_BYTES_MAX + 1];
        struct kr_summary summary;
        struct kr_writer writer;
        uint32_t taken;
        err = kr_query_name_of(page, head.author, name, sizeof name);
        if (err == KR_OK) {
            err = kr_taken_state(page->txn, &head, &taken);
        }
        if (err == KR_OK) {
            kr_query_summarise(&head, name, taken, &summary);
            kr_writer_init(&writer, 8 * KR_KIB);
            kr_summary_write(&summary, &writer);
            err = kr_query_emit(page, &writer);
        }
        query->count++;
        *ret_done = ls.limit != 0 && query->count >= ls.limit;
    }
    return err;
}

/* ---- show ---- */

static enum kr_err find_asked(struct kr_query_page *page, uint64_t *ret_arrival)
{
    struct kr_reader reader;
    kr_reader_init(&reader, page->query->args, page->query->args_len);
    kr_reader_array(&reader, 1);
    struct kr_slice id = kr_reader_bin(&reader, 4, 32);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_fail(page->error, KR_MALFORMED, "an id has 4 to 32 bytes: at least 8 hexadecimal digits");
    }
    enum kr_err err = id.len == 32 ? kr_store_record_find(page->txn, id.bytes, ret_arrival)
                                   : kr_store_record_find_prefix(page->txn, id.bytes, id.len, ret_arrival);
    if (err == KR_EXISTS) {
        return kr_fail(page->error, err, "several records begin with this id: give more of it");
    }
    return err == KR_NOT_FOUND ? kr_fail(page->error, err, "no record here has this id") : err;
}

static enum kr_err page_show(struct kr_query_page *page, struct kr_writer *result)
{
    uint64_t arrival = 0;
    struct kr_head head;
    struct kr_query_opened opened = {0};
    char name[KR_NAME_BYTES_MAX + 1], why[KR_NOTE_BYTES_MAX + 1];
    struct kr_reason reason;
    bool is_ours_to_know = false, is_moot = false;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH); /* the page's holds the head's title */
    struct kr_shown *shown = calloc(1, sizeof *shown);
    enum kr_err err = shown != NULL && scratch != NULL ? find_asked(page, &arrival) : KR_NOMEM;
    if (err == KR_OK) {
        err = kr_store_head_get(page->txn, arrival, &head, page->scratch);
    }
    if (err == KR_OK) {
        err = kr_taken_tell(page->txn, page->keyring, head.id, head.author, scratch, &shown->taken, why, &is_ours_to_know);
    }
    bool is_left = err == KR_OK && head.state == KR_HEAD_HEADER_ONLY && is_ours_to_know && head.expires_s > page->now_ms / 1000;
    if (err == KR_OK) {
        err = kr_sighting_is_moot(page->txn, &head, page->now_ms, &is_moot);
    }
    if (err == KR_OK && !is_left && (is_moot || !kr_query_sees(page, &head))) {
        err = kr_fail(page->error, KR_NOT_FOUND, "no record that you may read here has this id");
    }
    if (err == KR_OK) {
        err = kr_query_open_to_show(page, &head, &opened);
    }
    if (err == KR_OK) {
        err = kr_query_name_of(page, head.author, name, sizeof name);
    }
    if (err == KR_OK) {
        err = kr_reason_get(page->txn, head.id, &reason);
    }
    if (err == KR_OK) {
        kr_query_summarise(&head, name, shown->taken.state, &shown->summary);
        kr_query_fill_shown(&head, &opened, &reason, shown);
        kr_shown_write(shown, result);
        err = kr_writer_finish(result);
    }
    free(shown);
    free(scratch);
    free(opened.bytes);
    free(opened.content);
    return err;
}

/* ---- sightings: as a look-up of one value, the record's id ---- */

static enum kr_err page_sightings(struct kr_query_page *page, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct kr_head head;
    uint64_t arrival = 0;
    enum kr_err err = KR_OK;
    if (query->position == UINT64_MAX) {
        err = find_asked(page, &arrival);
        if (err == KR_OK) {
            err = kr_store_head_get(page->txn, arrival, &head, page->scratch);
        }
        if (err == KR_OK && !kr_query_sees(page, &head)) {
            err = kr_fail(page->error, KR_NOT_FOUND, "no record that you may read here has this id");
        }
        if (err != KR_OK) {
            return err;
        }
        query->scope = (struct kr_query_scope){.label = (uint32_t)head.label, .flags = head.flags};
        memcpy(query->scope.id, head.id, 32);
        memcpy(query->scope.community, head.community, 32);
        query->position = 0;
    }
    err = lookup_value(page, 0, KR_INDICATOR_SIGHTED, (struct kr_slice){query->scope.id, 32});
    *ret_done = query->position > 0;
    return err;
}

/* ---- councils: position = index in the directory ---- */

static enum kr_err emit_council(struct kr_query_page *page, const struct kr_directory *directory, const struct kr_council *council)
{
    uint8_t self[32] = {0}, value[KR_TABLE_VALUE_BYTES_MAX];
    size_t len;
    struct kr_card card;
    kr_council_card(council, &card);
    struct kr_council_item item = {
        .name_ja = card.name_ja, .name_en = card.name_en, .region = card.region, .card = {council->content, council->content_len}};
    enum kr_err err = kr_store_get(page->txn, KR_TABLE_IDENTITY, "self", 4, self, sizeof self, &len);
    if (err != KR_OK) {
        return err;
    }
    memcpy(item.council, council->id, 32);
    item.is_self = memcmp(self, council->id, 32) == 0;
    err = kr_store_get(page->txn, KR_TABLE_LINKS, council->id, 32, value, sizeof value, &len);
    item.is_linked = err == KR_OK;
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    for (uint32_t i = 0; i < directory->community_count; i++) {
        const struct kr_community *community = directory->communities[i];
        if (kr_directory_is_member(directory, community->id, council->id)) {
            item.communities[item.community_count] = (struct kr_slice){community->id, 32};
            item.community_names[item.community_count++] =
                (struct kr_slice){(const uint8_t *)community->name, strlen(community->name)};
        }
    }
    struct kr_writer writer;
    kr_writer_init(&writer, 2 * KR_CARD_BYTES_MAX);
    kr_council_item_write(&item, &writer);
    return kr_query_emit(page, &writer);
}

static enum kr_err page_councils(struct kr_query_page *page, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct kr_directory directory;
    kr_directory_init(&directory);
    enum kr_err err = kr_directory_load(&directory, page->txn);
    if (query->position == UINT64_MAX) {
        query->position = 0;
    }
    while (err == KR_OK && query->position < directory.council_count && page->bytes < KR_PAGE_BYTES_MAX - 2 * KR_CARD_BYTES_MAX) {
        err = emit_council(page, &directory, directory.councils[query->position++]);
    }
    *ret_done = query->position >= directory.council_count;
    kr_directory_deinit(&directory);
    return err;
}

/* ---- verify: position = the store's cursor, count = values checked, detail = problems ---- */

static void problem(void *context, const char *sentence)
{
    struct kr_query_page *page = context;
    struct kr_writer writer;
    page->query->detail++;
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_writer_array(&writer, 1);
    kr_writer_str(&writer, sentence);
    (void)kr_query_emit(page, &writer);
}

static enum kr_err page_verify(struct kr_query_page *page, struct kr_writer *result, bool *ret_done)
{
    struct kr_query *query = page->query;
    uint64_t checked = 0;
    if (query->position == UINT64_MAX) {
        query->position = 0;
    }
    enum kr_err err = kr_store_verify(page->txn, &query->position, problem, page, &checked, ret_done);
    query->count += checked;
    if (err == KR_OK && *ret_done) {
        kr_writer_array(result, 2);
        kr_writer_uint(result, query->count);
        kr_writer_uint(result, query->detail);
    }
    return err;
}

/* ---- */

enum kr_err kr_query_page(struct kr_query *query, struct kr_txn *txn, const struct kr_keyring *keyring, uint64_t now_ms,
                          bool (*is_over)(void *context), kr_query_item *item, void *context, struct kr_writer *result,
                          bool *ret_done, struct kr_error *error)
{
    struct kr_query_page page = {
        .query = query,
        .txn = txn,
        .keyring = keyring,
        .now_ms = now_ms,
        .is_over = is_over,
        .item = item,
        .context = context,
        .error = error,
        .scratch = malloc(KR_HEAD_SCRATCH),
    };
    bool done = true;
    enum kr_err err = page.scratch == NULL ? KR_NOMEM : KR_OK;
    bool has_own_result =
        query->op == KR_OP_LOOKUP || query->op == KR_OP_SHOW || query->op == KR_OP_VERIFY || query->op == KR_OP_EXPORT;
    if (err == KR_OK) {
        switch (query->op) {
        case KR_OP_LOOKUP:
            err = page_lookup(&page, &done);
            if (err == KR_OK && done) {
                write_cut(query, result);
            }
            break;
        case KR_OP_LS:
            err = page_ls(&page, &done);
            break;
        case KR_OP_SHOW:
            err = page_show(&page, result);
            break;
        case KR_OP_SIGHTINGS:
            err = page_sightings(&page, &done);
            break;
        case KR_OP_EXPORT:
            err = kr_query_export(&page, result, &done);
            break;
        case KR_OP_COUNCILS:
            err = page_councils(&page, &done);
            break;
        case KR_OP_VERIFY:
            err = page_verify(&page, result, &done);
            break;
        default:
            err = kr_fail(error, KR_VERSION, "this node does not know request %u", query->op);
        }
    }
    if (err == KR_OK && done && !has_own_result) {
        kr_writer_array(result, 0);
    }
    if (err == KR_OK) {
        *ret_done = done;
    }
    free(page.content);
    free(page.part);
    free(page.scratch);
    return err;
}
