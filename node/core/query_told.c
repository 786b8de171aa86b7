/* Bodies by the names that their councils tell (body_notice.h), for clients. Whether a name may be shown follows from the directory
 * as it is now: of a council that has left, or of a community that this council has left, nothing is.
 *
 * position = UINT64_MAX: not begun; scope = the row that was looked at last. */
#include <string.h>

#include "node/core/body_notice.h"
#include "node/core/query_page.h"
#include "proto/client/people.h"

struct told {
    struct kr_query_page *page;
    struct kr_directory directory;
    struct kr_told_ask ask;
    uint8_t self[32];
    bool is_cut; /* the page is full */
    enum kr_err err;
};

/* Where else the same council tells the name of the same body. `*ret_is_first`: in none of a lower id, where it has its item. */
static enum kr_err find_communities(struct told *told, struct kr_slice key, struct kr_told_body *item, bool *ret_is_first)
{
    const struct kr_directory *directory = &told->directory;
    const uint8_t *council = key.bytes + 1, *community = key.bytes + 33, *body = key.bytes + 65;
    uint8_t value[KR_BODY_NOTICE_ROW_BYTES];
    struct kr_directory_entry entry;
    *ret_is_first = true;
    for (uint32_t i = 0; i < directory->community_count && *ret_is_first; i++) {
        const struct kr_community *other = directory->communities[i];
        enum kr_err err = kr_body_notice_get(told->page->txn, council, other->id, body, value, &entry);
        if (err != KR_OK && err != KR_NOT_FOUND) {
            return err;
        }
        if (err == KR_OK && kr_body_notice_is_told(directory, told->self, told->page->now_ms, council, other->id, &entry)) {
            *ret_is_first = memcmp(other->id, community, 32) >= 0;
            item->communities[item->community_count] = (struct kr_slice){other->id, 32};
            item->community_names[item->community_count++] = (struct kr_slice){(const uint8_t *)other->name, strlen(other->name)};
        }
    }
    return KR_OK;
}

static enum kr_err give(struct told *told, struct kr_slice key, const struct kr_directory_entry *entry)
{
    char name[KR_NAME_BYTES_MAX + 1];
    struct kr_writer writer;
    struct kr_told_body item = {.name_ja = entry->name_ja, .name_en = entry->name_en, .since_s = entry->since_s};
    bool is_first = false;
    memcpy(item.council, key.bytes + 1, 32);
    memcpy(item.body, key.bytes + 65, 32);
    item.is_self = memcmp(item.council, told->self, 32) == 0;
    enum kr_err err = find_communities(told, key, &item, &is_first);
    if (err == KR_OK && is_first) {
        err = kr_query_name_of(told->page, item.council, name, sizeof name);
    }
    if (err != KR_OK || !is_first) {
        return err;
    }
    item.council_name = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    kr_writer_init(&writer, 16 * KR_KIB);
    kr_told_body_write(&item, &writer);
    return kr_query_emit(told->page, &writer);
}

static bool look_at(void *context, struct kr_slice key, struct kr_slice value)
{
    struct told *told = context;
    struct kr_query *query = told->page->query;
    struct kr_directory_entry entry;
    if (key.len != KR_DIRECTORY_KEY_BYTES ||
        (query->position != UINT64_MAX && memcmp(key.bytes + 1, query->scope.id, 32) == 0 &&
         memcmp(key.bytes + 33, query->scope.community, 32) == 0 && memcmp(key.bytes + 65, query->scope.body, 32) == 0)) {
        return true;
    }
    told->is_cut = kr_query_is_full(told->page);
    if (told->is_cut) {
        return false;
    }
    const bool is_meant = !told->ask.has_body || memcmp(key.bytes + 65, told->ask.body, 32) == 0;
    if (is_meant && kr_directory_entry_read(value, &entry) == KR_OK &&
        kr_body_notice_is_told(&told->directory, told->self, told->page->now_ms, key.bytes + 1, key.bytes + 33, &entry)) {
        told->err = give(told, key, &entry);
    }
    memcpy(query->scope.id, key.bytes + 1, 32);
    memcpy(query->scope.community, key.bytes + 33, 32);
    memcpy(query->scope.body, key.bytes + 65, 32);
    query->position = 0;
    told->page->has_moved = true;
    return told->err == KR_OK;
}

/* One body: its rows are named, not looked for. */
static enum kr_err look_up(struct told *told)
{
    uint8_t key[KR_DIRECTORY_KEY_BYTES] = {KR_KIND_BODY_NOTICE}, value[KR_BODY_NOTICE_ROW_BYTES];
    struct kr_directory_entry entry;
    enum kr_err err = KR_OK;
    memcpy(key + 1, told->ask.council, 32);
    memcpy(key + 65, told->ask.body, 32);
    for (uint32_t i = 0; i < told->directory.community_count && err == KR_OK; i++) {
        const uint8_t *community = told->directory.communities[i]->id;
        memcpy(key + 33, community, 32);
        err = kr_body_notice_get(told->page->txn, told->ask.council, community, told->ask.body, value, &entry);
        if (err == KR_OK &&
            kr_body_notice_is_told(&told->directory, told->self, told->page->now_ms, told->ask.council, community, &entry)) {
            err = give(told, (struct kr_slice){key, sizeof key}, &entry);
        }
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    return err;
}

enum kr_err kr_query_told_bodies(struct kr_query_page *page, bool *ret_done)
{
    struct told told = {.page = page};
    struct kr_query *query = page->query;
    uint8_t from[KR_DIRECTORY_KEY_BYTES] = {KR_KIND_BODY_NOTICE};
    uint32_t damaged;
    size_t len;
    if (kr_told_ask_read((struct kr_slice){query->args, query->args_len}, &told.ask) != KR_OK) {
        return kr_fail(page->error, KR_MALFORMED, "the request cannot be read");
    }
    kr_directory_init(&told.directory);
    enum kr_err err = kr_directory_load(&told.directory, page->txn);
    if (err == KR_OK) {
        err = kr_store_get(page->txn, KR_TABLE_IDENTITY, "self", 4, told.self, sizeof told.self, &len);
    }
    if (err == KR_OK && told.ask.has_body) {
        err = look_up(&told);
    } else if (err == KR_OK) {
        const bool has_begun = query->position != UINT64_MAX;
        memcpy(from + 1, has_begun ? query->scope.id : told.ask.council, 32); /* (zeros where none is asked for) */
        memcpy(from + 33, query->scope.community, 32);
        memcpy(from + 65, query->scope.body, 32);
        err = kr_store_each_from(page->txn, KR_TABLE_DIRECTORY, (struct kr_slice){from, sizeof from}, told.ask.has_council ? 33 : 1,
                                 look_at, &told, &damaged);
        err = err == KR_OK ? told.err : err;
    }
    *ret_done = !told.is_cut;
    kr_directory_deinit(&told.directory);
    return err;
}
