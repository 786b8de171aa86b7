/* Who confirms a value: where it comes from, not who passes it on. Copies of one report are one confirmation, whoever brought them
 * in; so are a council's record and what others took over from an export of it. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "tools/export/ids.h"

#define HOPS_MAX 8u /* copies of copies */

/* How an origin may name a record: by the UUID that our exports give it, or by the name of its author. */
struct alias {
    uint8_t key[KR_HASH_BYTES];
    const struct kr_gathered_record *record;
};

struct aliases {
    struct alias *items;
    size_t count;
};

static void key_of(const char *kind, struct kr_slice text, uint8_t ret_key[static KR_HASH_BYTES])
{
    struct kr_hash_state state;
    kr_hash_init(&state, kind);
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t byte = text.bytes[i], lower = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
        kr_hash_update(&state, &lower, 1);
    }
    kr_hash_final(&state, ret_key);
}

static int compare_aliases(const void *left, const void *right)
{
    const struct alias *a = left, *b = right;
    const int order = memcmp(a->key, b->key, sizeof a->key);
    return order != 0 ? order : memcmp(a->record->summary.author, b->record->summary.author, 32);
}

static int compare_keys(const void *left, const void *right)
{
    return memcmp(((const struct alias *)left)->key, ((const struct alias *)right)->key, KR_HASH_BYTES);
}

static void note_aliases(const void *node, VISIT which, void *context)
{
    const struct kr_gathered_record *record = *(const struct kr_gathered_record *const *)node;
    struct aliases *aliases = context;
    char uuid[KR_UUID_TEXT_BYTES];
    if (which != postorder && which != leaf) {
        return;
    }
    kr_export_uuid("record", record->id, 32, uuid);
    struct alias *alias = &aliases->items[aliases->count++];
    alias->record = record;
    key_of("kairan export uuid", (struct kr_slice){(const uint8_t *)uuid, strlen(uuid)}, alias->key);
    alias = &aliases->items[aliases->count++];
    alias->record = record;
    key_of("kairan export name", record->summary.author_name, alias->key);
}

/* Lower ones first, so that of several authors of one name it is always the same. */
static const struct kr_gathered_record *find(const struct aliases *aliases, const char *kind, struct kr_slice text)
{
    struct alias wanted;
    key_of(kind, text, wanted.key);
    const struct alias *found =
        text.len == 0 ? NULL : bsearch(&wanted, aliases->items, aliases->count, sizeof *found, compare_keys);
    while (found != NULL && found > aliases->items && compare_keys(found - 1, &wanted) == 0) {
        found--;
    }
    return found != NULL ? found->record : NULL;
}

/* Behind what our exports put before it: "report--…" */
static struct kr_slice uuid_of(struct kr_slice id)
{
    const size_t len = KR_UUID_TEXT_BYTES - 1;
    return id.len < len ? (struct kr_slice){0} : (struct kr_slice){id.bytes + id.len - len, len};
}

static void settle(const void *node, VISIT which, void *context)
{
    struct kr_gathered_record *record = *(struct kr_gathered_record *const *)node;
    const struct aliases *aliases = context;
    if (which != postorder && which != leaf) {
        return;
    }
    const struct kr_gathered_record *at = record;
    for (uint32_t hop = 0; hop < HOPS_MAX; hop++) {
        const struct kr_gathered_record *from = find(aliases, "kairan export uuid", uuid_of(at->origin_id));
        at = from != NULL ? from : at;
    }
    const struct kr_gathered_record *author = find(aliases, "kairan export name", at->origin_organisation);
    if (author == NULL && at->origin_organisation.len > 0) {
        key_of("kairan export origin", at->origin_organisation, record->confirmer);
    } else if (author == NULL && at->origin_id.len > 0) { /* whoever that is, copies of it say no more than it */
        key_of("kairan export origin id", at->origin_id, record->confirmer);
    } else {
        kr_hash(record->confirmer, "kairan export author", (author != NULL ? author : at)->summary.author, 32);
    }
}

enum kr_err kr_gathered_confirm(struct kr_gathered *gathered)
{
    struct aliases aliases = {.items = malloc((2 * gathered->count + 1) * sizeof *aliases.items)};
    if (aliases.items == NULL) {
        return KR_NOMEM;
    }
    twalk_r(gathered->tree, note_aliases, &aliases);
    qsort(aliases.items, aliases.count, sizeof *aliases.items, compare_aliases);
    twalk_r(gathered->tree, settle, &aliases);
    free(aliases.items);
    return KR_OK;
}
