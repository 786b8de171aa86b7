/* Communities for clients: which there are, who takes part, and why. Each page reads the directory anew, as committed. */
#include <stdlib.h>
#include <string.h>

#include "node/core/directory.h"
#include "node/core/query_page.h"
#include "proto/client/community.h"

struct view {
    struct kr_query_page *page;
    struct kr_directory directory;
    const struct kr_community *community;
    uint8_t self[32];
};

static enum kr_err view_init(struct view *view, struct kr_query_page *page)
{
    size_t len;
    *view = (struct view){.page = page};
    kr_directory_init(&view->directory);
    enum kr_err err = kr_directory_load(&view->directory, page->txn);
    return err == KR_OK ? kr_store_get(page->txn, KR_TABLE_IDENTITY, "self", 4, view->self, sizeof view->self, &len) : err;
}

/* And the community that is asked about. */
static enum kr_err view_of(struct view *view, struct kr_query_page *page, struct kr_community_ask *ret_ask)
{
    enum kr_err err = view_init(view, page);
    if (err == KR_OK && kr_community_ask_read((struct kr_slice){page->query->args, page->query->args_len}, ret_ask) != KR_OK) {
        err = kr_fail(page->error, KR_MALFORMED, "the request cannot be read");
    }
    if (err == KR_OK) {
        view->community = kr_directory_community(&view->directory, ret_ask->community);
        err = view->community != NULL ? KR_OK : kr_fail(page->error, KR_NOT_FOUND, "no community here has this id");
    }
    return err;
}

/* ---- the community itself ---- */

struct charter {
    const struct kr_community *community;
    uint8_t id[32];
    bool is_found;
};

/* Whichever founder it is from: its genesis is the same. */
static bool pick_charter(void *context, struct kr_slice key, struct kr_slice value)
{
    struct charter *charter = context;
    struct kr_directory_entry entry;
    bool is_its = key.len == KR_DIRECTORY_KEY_BYTES && memcmp(key.bytes + 33, charter->community->id, 32) == 0;
    if (is_its && kr_directory_entry_read(value, &entry) == KR_OK) {
        memcpy(charter->id, entry.record_id, 32);
        charter->is_found = true;
    }
    return !charter->is_found;
}

/* `*ret_content` is the caller's to free(); KR_NOT_FOUND where the record is not here or damaged. */
static enum kr_err read_statement(struct kr_query_page *page, const uint8_t id[static 32], struct kr_header *ret_header,
                                  uint8_t **ret_content, size_t *ret_len)
{
    uint64_t arrival;
    uint8_t *bytes = NULL;
    enum kr_err err = kr_store_record_find(page->txn, id, &arrival);
    if (err == KR_OK) {
        err = kr_query_open(page, arrival, ret_header, &bytes, ret_content, ret_len);
    }
    free(bytes);
    return err == KR_OK || err == KR_NOMEM || err == KR_IO ? err : KR_NOT_FOUND;
}

/* From when on what is GREEN is for that council; 0: from the beginning, or it is no member. */
static uint64_t since_of(const struct kr_membership *membership, const uint8_t council[static 32])
{
    const bool is_member = (kr_membership_standing(membership, council) & KR_IS_MEMBER) != 0;
    return is_member ? kr_membership_since(membership, council) : 0;
}

/* `*ret_text` is the caller's to free(); the item borrows from it and from the view. */
static enum kr_err fill_item(struct view *view, const struct kr_community *community, struct kr_community_item *ret_item,
                             uint8_t **ret_text)
{
    static const uint8_t kind = KR_KIND_CHARTER;
    const struct kr_membership *membership = &community->membership;
    struct charter found = {.community = community};
    struct kr_header header;
    struct kr_charter charter;
    size_t len = 0;
    uint32_t damaged;
    *ret_item = (struct kr_community_item){
        .name = {(const uint8_t *)community->name, strlen(community->name)},
        .founders = community->founder_count,
        .members = kr_membership_count(membership),
        .vouches_needed = membership->vouches_needed,
        .quorum = membership->quorum,
        .standing = kr_membership_standing(membership, view->self),
        .is_from_now_on = community->is_from_now_on,
        .since_ms = since_of(membership, view->self),
    };
    memcpy(ret_item->id, community->id, 32);
    enum kr_err err = kr_store_each_whole(view->page->txn, KR_TABLE_DIRECTORY, &kind, sizeof kind, pick_charter, &found, &damaged);
    if (err == KR_OK && found.is_found) {
        err = read_statement(view->page, found.id, &header, ret_text, &len);
        if (err == KR_OK && kr_charter_parse((struct kr_slice){*ret_text, len}, &charter) == KR_OK) {
            ret_item->created_ms = header.created_ms;
            ret_item->text = charter.text;
        }
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    return err;
}

enum kr_err kr_query_communities(struct kr_query_page *page, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct view view;
    enum kr_err err = view_init(&view, page);
    query->position = query->position == UINT64_MAX ? 0 : query->position;
    while (err == KR_OK && query->position < view.directory.community_count && !kr_query_is_full(page)) {
        struct kr_community_item item;
        struct kr_writer writer;
        uint8_t *text = NULL;
        err = fill_item(&view, view.directory.communities[query->position++], &item, &text);
        item.text = (struct kr_slice){0};
        page->has_moved = true;
        kr_writer_init(&writer, 4 * KR_KIB);
        kr_community_item_write(&item, &writer);
        err = err == KR_OK ? kr_query_emit(page, &writer) : err;
        kr_writer_deinit(&writer);
        free(text);
    }
    *ret_done = query->position >= view.directory.community_count;
    kr_directory_deinit(&view.directory);
    return err;
}

/* ---- who takes part ---- */

/* How many members have expelled it. */
static uint32_t count_expulsions(const struct kr_membership *membership, uint32_t council)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    uint32_t count = 0;
    for (uint32_t i = edges->first[council]; i < edges->first[council + 1]; i++) {
        const struct kr_edge *edge = &edges->items[i];
        count += !edge->is_withdrawn && (membership->standing[edge->from] & KR_IS_MEMBER) != 0;
    }
    return count;
}

static enum kr_err write_council(struct view *view, const uint8_t id[static 32], struct kr_writer *writer)
{
    const struct kr_membership *membership = &view->community->membership;
    const uint32_t number = kr_membership_number(membership, id);
    char name[KR_NAME_BYTES_MAX + 1];
    uint8_t value[KR_TABLE_VALUE_BYTES_MAX];
    size_t len;
    enum kr_err err = kr_query_name_of(view->page, id, name, sizeof name);
    if (err != KR_OK) {
        return err;
    }
    struct kr_community_council council = {
        .name = {(const uint8_t *)name, strlen(name)},
        .standing = kr_membership_standing(membership, id),
        .is_self = memcmp(id, view->self, 32) == 0,
        .vouches = number == UINT32_MAX ? 0 : membership->sets[KR_SET_MEMBERS].votes[number],
        .expulsions = number == UINT32_MAX ? 0 : count_expulsions(membership, number),
        .since_ms = since_of(membership, id),
    };
    memcpy(council.council, id, 32);
    err = kr_store_get(view->page->txn, KR_TABLE_LINKS, id, 32, value, sizeof value, &len);
    council.is_linked = err == KR_OK;
    kr_community_council_write(&council, writer);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_query_community(struct kr_query_page *page, struct kr_writer *result, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct view view;
    struct kr_community_ask ask;
    struct kr_community_item item;
    uint8_t *text = NULL;
    uint32_t count = 0;
    enum kr_err err = view_of(&view, page, &ask);
    if (err == KR_OK) {
        count = view.community->membership.council_count;
        query->position = query->position == UINT64_MAX ? 0 : query->position;
    }
    for (; err == KR_OK && query->position < count && !kr_query_is_full(page); page->has_moved = true) {
        const struct kr_membership *membership = &view.community->membership;
        const uint32_t number = membership->by_id[query->position++];
        struct kr_writer writer;
        kr_writer_init(&writer, 4 * KR_KIB);
        err = write_council(&view, membership->ids[number], &writer);
        err = err == KR_OK ? kr_query_emit(page, &writer) : err;
        kr_writer_deinit(&writer);
    }
    *ret_done = query->position >= count;
    if (err == KR_OK && *ret_done) {
        err = fill_item(&view, view.community, &item, &text);
        kr_community_item_write(&item, result);
    }
    free(text);
    kr_directory_deinit(&view.directory);
    return err;
}

/* ---- why ---- */

static enum kr_err read_reason(struct view *view, const struct kr_edge *edge, bool is_expulsion, struct kr_community_word *word,
                               uint8_t **ret_content)
{
    const struct kr_membership *membership = &view->community->membership;
    struct kr_header header = {.kind = is_expulsion ? KR_KIND_EXPULSION : KR_KIND_VOUCH};
    uint8_t key[KR_DIRECTORY_KEY_BYTES], value[KR_TABLE_VALUE_BYTES_MAX];
    struct kr_directory_entry entry;
    struct kr_vouch vouch;
    size_t len;
    memcpy(header.author, membership->ids[edge->from], 32);
    memcpy(header.community, view->community->id, 32);
    memcpy(header.subject, membership->ids[edge->to], 32);
    kr_directory_key(key, &header);
    enum kr_err err = kr_store_get(view->page->txn, KR_TABLE_DIRECTORY, key, sizeof key, value, sizeof value, &len);
    if (err == KR_OK) {
        err = kr_directory_entry_read((struct kr_slice){value, len}, &entry);
    }
    if (err == KR_OK) {
        err = read_statement(view->page, entry.record_id, &header, ret_content, &len);
    }
    if (err == KR_OK && kr_vouch_parse((struct kr_slice){*ret_content, len}, &vouch) == KR_OK) {
        word->reason = vouch.reason;
    }
    return err == KR_NOMEM || err == KR_IO ? err : KR_OK;
}

static enum kr_err emit_word(struct view *view, const struct kr_edge *edge, bool is_expulsion)
{
    const struct kr_membership *membership = &view->community->membership;
    char from[KR_NAME_BYTES_MAX + 1], to[KR_NAME_BYTES_MAX + 1];
    struct kr_community_word word = {
        .is_expulsion = is_expulsion,
        .is_withdrawn = edge->is_withdrawn,
        .standing = membership->standing[edge->from],
        .created_ms = edge->created_ms,
    };
    struct kr_writer writer;
    uint8_t *content = NULL;
    memcpy(word.from, membership->ids[edge->from], 32);
    memcpy(word.to, membership->ids[edge->to], 32);
    enum kr_err err = kr_query_name_of(view->page, word.from, from, sizeof from);
    if (err == KR_OK) {
        err = kr_query_name_of(view->page, word.to, to, sizeof to);
    }
    if (err == KR_OK) {
        err = read_reason(view, edge, is_expulsion, &word, &content);
    }
    if (err == KR_OK) {
        word.from_name = (struct kr_slice){(const uint8_t *)from, strlen(from)};
        word.to_name = (struct kr_slice){(const uint8_t *)to, strlen(to)};
        kr_writer_init(&writer, 8 * KR_KIB);
        kr_community_word_write(&word, &writer);
        err = kr_query_emit(view->page, &writer);
    }
    free(content);
    return err;
}

/* What is said of the councils in the queue, one after the other: `walk->at` counts words, and those before `from` were given on
 * earlier pages. */
struct walk {
    uint32_t *queue;
    bool *is_known;
    uint32_t count;
    uint64_t at, from;
    bool is_full;
};

static enum kr_err walk_words(struct view *view, struct walk *walk, enum kr_word kind, uint32_t council, bool is_asked)
{
    const struct kr_membership *membership = &view->community->membership;
    const struct kr_edges *edges = &membership->words[kind];
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < edges->count && err == KR_OK && !walk->is_full; i++) {
        const struct kr_edge *edge = &edges->items[i];
        const uint8_t standing = membership->standing[edge->from];
        const bool carries = kind == KR_WORD_VOUCH && !edge->is_withdrawn && (standing & KR_IS_MEMBER) != 0;
        if (edge->to != council || !(is_asked || carries)) {
            continue;
        }
        if (carries && !walk->is_known[edge->from]) {
            walk->is_known[edge->from] = true;
            walk->queue[walk->count++] = edge->from;
        }
        walk->is_full = walk->at == KR_COMMUNITY_WORDS_MAX || (walk->at >= walk->from && kr_query_is_full(view->page));
        if (!walk->is_full && walk->at++ >= walk->from) {
            err = emit_word(view, edge, kind == KR_WORD_EXPULSION);
            view->page->has_moved = true;
        }
    }
    return err;
}

/* Up to the founders, nobody twice. */
static enum kr_err walk_up(struct view *view, uint32_t council, struct walk *walk)
{
    const struct kr_membership *membership = &view->community->membership;
    walk->queue = malloc((size_t)membership->council_count * sizeof *walk->queue);
    walk->is_known = calloc(membership->council_count, sizeof *walk->is_known);
    if (walk->queue == NULL || walk->is_known == NULL) {
        return KR_NOMEM;
    }
    walk->queue[walk->count++] = council;
    walk->is_known[council] = true;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < walk->count && err == KR_OK && !walk->is_full; i++) {
        const uint32_t next = walk->queue[i];
        if (i == 0 || (membership->standing[next] & KR_IS_FOUNDER) == 0) {
            err = walk_words(view, walk, KR_WORD_VOUCH, next, i == 0);
        }
        if (i == 0 && err == KR_OK) {
            err = walk_words(view, walk, KR_WORD_EXPULSION, next, true);
        }
    }
    return err;
}

enum kr_err kr_query_community_why(struct kr_query_page *page, struct kr_writer *result, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct view view;
    struct kr_community_ask ask;
    struct walk walk = {.from = query->position == UINT64_MAX ? 0 : query->position};
    enum kr_err err = view_of(&view, page, &ask);
    if (err == KR_OK && !ask.has_council) {
        err = kr_fail(page->error, KR_MALFORMED, "the request names no council");
    }
    const uint32_t council = err == KR_OK ? kr_membership_number(&view.community->membership, ask.council) : UINT32_MAX;
    if (err == KR_OK && council != UINT32_MAX) {
        err = walk_up(&view, council, &walk);
    }
    query->position = walk.at;
    *ret_done = !walk.is_full || walk.at == KR_COMMUNITY_WORDS_MAX;
    if (err == KR_OK && *ret_done) {
        err = write_council(&view, ask.council, result);
    }
    free(walk.queue);
    free(walk.is_known);
    kr_directory_deinit(&view.directory);
    return err;
}
