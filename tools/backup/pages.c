#include "tools/backup/pages.h"

#include <stdlib.h>
#include <string.h>

void kr_pages_free(struct kr_pages *pages)
{
    free(pages->items);
    *pages = (struct kr_pages){0};
}

enum kr_err kr_pages_add(struct kr_pages *pages, const struct kr_backup_entry *entry)
{
    if (pages->count > 0 && pages->items[pages->count - 1].page >= entry->page) {
        return KR_MALFORMED;
    }
    if (pages->count == pages->capacity) {
        const size_t capacity = pages->capacity == 0 ? 1024 : 2 * pages->capacity;
        struct kr_backup_entry *more = realloc(pages->items, capacity * sizeof *more);
        if (more == NULL) {
            return KR_NOMEM;
        }
        pages->items = more;
        pages->capacity = capacity;
    }
    pages->items[pages->count++] = *entry;
    return KR_OK;
}

/* Which of the two lists comes next: an entry of `a` alone (-1), of `b` alone (1), of both (0). */
static int order(const struct kr_pages *a, size_t i, const struct kr_pages *b, size_t j)
{
    if (i >= a->count || j >= b->count) {
        return i < a->count ? -1 : 1;
    }
    const uint64_t left = a->items[i].page, right = b->items[j].page;
    return left < right ? -1 : left > right;
}

static enum kr_err take_out(const struct kr_pages *pages, const struct kr_pages *gone, struct kr_pages *ret)
{
    enum kr_err err = KR_OK;
    size_t j = 0;
    for (size_t i = 0; i < pages->count && err == KR_OK; i++) {
        const int which = order(pages, i, gone, j);
        if (which > 0) {
            return KR_MALFORMED;
        }
        if (which == 0) {
            j++;
        } else {
            err = kr_pages_add(ret, &pages->items[i]);
        }
    }
    return err == KR_OK && j < gone->count ? KR_MALFORMED : err;
}

static bool share_a_page(const struct kr_pages *a, const struct kr_pages *b)
{
    size_t i = 0, j = 0;
    while (i < a->count && j < b->count) {
        const int which = order(a, i, b, j);
        if (which == 0) {
            return true;
        }
        i += which < 0;
        j += which > 0;
    }
    return false;
}

enum kr_err kr_pages_fold(struct kr_pages *pages, const struct kr_pages *put, const struct kr_pages *gone)
{
    struct kr_pages rest = {0}, all = {0};
    size_t i = 0, j = 0;
    enum kr_err err = share_a_page(put, gone) ? KR_MALFORMED : take_out(pages, gone, &rest);
    while (err == KR_OK && (i < rest.count || j < put->count)) {
        const int which = order(&rest, i, put, j);
        err = kr_pages_add(&all, which < 0 ? &rest.items[i] : &put->items[j]);
        i += which <= 0;
        j += which >= 0;
    }
    kr_pages_free(&rest);
    if (err != KR_OK) {
        kr_pages_free(&all);
        return err;
    }
    kr_pages_free(pages);
    *pages = all;
    return KR_OK;
}

void kr_pages_digest(const struct kr_pages *pages, uint32_t page_bytes, uint64_t all,
                     uint8_t ret_digest[static KR_BACKUP_HASH_BYTES])
{
    struct kr_hash_state state;
    uint8_t numbers[16], entry[KR_BACKUP_ENTRY_BYTES], hash[KR_HASH_BYTES];
    kr_backup_number_write(page_bytes, numbers);
    kr_backup_number_write(all, numbers + 8);
    kr_hash_init(&state, "kairan backup state");
    kr_hash_update(&state, numbers + 4, sizeof numbers - 4);
    for (size_t i = 0; i < pages->count; i++) {
        kr_backup_entry_write(&pages->items[i], entry);
        kr_hash_update(&state, entry, sizeof entry);
    }
    kr_hash_final(&state, hash);
    memcpy(ret_digest, hash, KR_BACKUP_HASH_BYTES);
}
