#include "node/core/query_page.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/caller.h"
#include "node/core/directory.h"
#include "node/core/sighting.h"
#include "node/core/taken.h"
#include "proto/indicator/indicator.h"
#include "proto/record/takeback.h"

bool kr_query_answers(uint32_t op)
{
    return op == KR_OP_LOOKUP || op == KR_OP_LS || op == KR_OP_SHOW || op == KR_OP_COUNCILS || op == KR_OP_VERIFY ||
           op == KR_OP_EXPORT || op == KR_OP_SIGHTINGS || op == KR_OP_QUARANTINE || op == KR_OP_BODIES || op == KR_OP_PERSONS ||
           op == KR_OP_WHOAMI || op == KR_OP_AUDIT || op == KR_OP_AUDIT_VERIFY || op == KR_OP_DRAFTS || op == KR_OP_MINE ||
           op == KR_OP_ADDRESSEES || op == KR_OP_SEALED || op == KR_OP_BODY_KEYS || op == KR_OP_DUTY || op == KR_OP_TOLD_BODIES ||
           (op >= KR_OP_COMMUNITIES && op <= KR_OP_COMMUNITY_WHY);
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
    if (query->hits != query->few_hits) {
        free(query->hits);
    }
    kr_query_export_deinit(query);
    *query = (struct kr_query){0};
}

/* ---- ls: position = next arrival to look at, downward; count = items given ---- */

static bool is_asked(const struct kr_ls *ls, const struct kr_head *head)
{
    bool fits_kind = ls->kind == 0 ? !kr_kind_is_of_council(head->kind) : head->kind == ls->kind;
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
    bool is_left = err == KR_OK && (head.state == KR_HEAD_HEADER_ONLY || shown->taken.state == KR_TAKEN_FALSE) && is_ours_to_know &&
                   !kr_kind_is_internal(head.kind) && head.expires_s > page->now_ms / 1000;
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
    err = kr_query_lookup_sightings(page, query->scope.id);
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

/* Others end with an empty array. */
static bool has_own_result(uint32_t op)
{
    return op == KR_OP_LOOKUP || op == KR_OP_SHOW || op == KR_OP_VERIFY || op == KR_OP_EXPORT || op == KR_OP_COMMUNITY ||
           op == KR_OP_COMMUNITY_WHY || op == KR_OP_WHOAMI || op == KR_OP_AUDIT_VERIFY || op == KR_OP_SEALED ||
           op == KR_OP_BODY_KEYS || op == KR_OP_DUTY;
}

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
    kr_writer_init(&page.summary, KR_PAGE_BYTES_MAX);
    kr_writer_init(&page.match, KR_PAGE_BYTES_MAX);
    if (query->places != NULL) {
        kr_places_enter(query->places, kr_txn_snapshot(txn));
    }
    bool done = true;
    struct kr_who who;
    enum kr_err err = page.scratch == NULL ? KR_NOMEM : kr_who_may(txn, &query->caller, query->op, now_ms, &who, error);
    if (err == KR_OK) {
        switch (query->op) {
        case KR_OP_LOOKUP:
            err = kr_query_lookup(&page, result, &done);
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
        case KR_OP_SEALED:
            err = kr_query_export(&page, result, &done);
            break;
        case KR_OP_BODIES:
        case KR_OP_PERSONS:
            err = kr_query_people(&page, query->op == KR_OP_BODIES ? KR_KIND_BODY_CARD : KR_KIND_PERSON_CARD, &done);
            break;
        case KR_OP_ADDRESSEES:
            err = kr_query_addressees(&page, &done);
            break;
        case KR_OP_BODY_KEYS:
            err = kr_query_body_keys(&page, &who, result, &done);
            break;
        case KR_OP_WHOAMI:
            err = kr_query_whoami(&page, &who, result);
            break;
        case KR_OP_DRAFTS:
        case KR_OP_MINE:
            err = query->op == KR_OP_DRAFTS ? kr_query_drafts(&page, &who, &done) : kr_query_mine(&page, &who, &done);
            break;
        case KR_OP_TOLD_BODIES:
            err = kr_query_told_bodies(&page, &done);
            break;
        case KR_OP_DUTY:
            err = kr_query_duty(&page, result, &done);
            break;
        case KR_OP_AUDIT:
            err = kr_query_audit(&page, &who, &done);
            break;
        case KR_OP_AUDIT_VERIFY:
            err = kr_query_audit_verify(&page, &who, result, &done);
            break;
        case KR_OP_QUARANTINE:
            err = kr_query_quarantine(&page, &done);
            break;
        case KR_OP_COUNCILS:
            err = page_councils(&page, &done);
            break;
        case KR_OP_COMMUNITIES:
            err = kr_query_communities(&page, &done);
            break;
        case KR_OP_COMMUNITY:
            err = kr_query_community(&page, result, &done);
            break;
        case KR_OP_COMMUNITY_WHY:
            err = kr_query_community_why(&page, result, &done);
            break;
        case KR_OP_VERIFY:
            err = page_verify(&page, result, &done);
            break;
        default:
            err = kr_fail(error, KR_VERSION, "this node does not know request %u", query->op);
        }
    }
    if (err == KR_OK && done && !has_own_result(query->op)) {
        kr_writer_array(result, 0);
    }
    if (err == KR_OK) {
        *ret_done = done;
    }
    free(page.content);
    free(page.part);
    free(page.scratch);
    kr_writer_deinit(&page.summary);
    kr_writer_deinit(&page.match);
    return err;
}
