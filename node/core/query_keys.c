/* Keys of bodies and persons for clients: whom one may seal something to, and the caller's own body.
 *
 * addressees: detail = 0 bodies, 1 persons; position = UINT64_MAX: not begun; scope.id = the id that was given last.
 * body keys:  detail = 0 persons of the body, 1 keys that it had before; else the same. */
#include <string.h>

#include "node/core/body_key.h"
#include "node/core/query_page.h"
#include "proto/client/body_key.h"
#include "proto/record/section.h"

static _Thread_local struct kr_body_row body_row;
static _Thread_local struct kr_person_row person_row;

struct listing {
    struct kr_query_page *page;
    const struct kr_who *who; /* body keys */
    struct kr_body_card body; /* likewise: the caller's; borrowed from body_row */
    bool is_cut;              /* the page is full */
    enum kr_err err;
};

static bool come_forward(struct listing *listing, const uint8_t id[static 32])
{
    memcpy(listing->page->query->scope.id, id, 32);
    listing->page->query->position = 1;
    listing->page->has_moved = true;
    return listing->err == KR_OK;
}

static void next_part(struct kr_query *query)
{
    query->detail++;
    query->position = UINT64_MAX;
}

static const uint8_t *after(const struct kr_query *query, uint8_t id[static 32])
{
    memcpy(id, query->scope.id, 32);
    return query->position == UINT64_MAX ? NULL : id;
}

/* ---- addressees ---- */

static enum kr_err give_addressee(struct kr_query_page *page, const struct kr_addressee *addressee)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 8 * KR_KIB);
    kr_addressee_write(addressee, &writer);
    return kr_query_emit(page, &writer);
}

static enum kr_err give_body(struct kr_query_page *page, const uint8_t id[static 32], struct kr_slice value)
{
    if (kr_body_row_read(value, &body_row) != KR_OK || body_row.card.key.len == 0 || body_row.card.standing != KR_STANDING_ACTIVE) {
        return KR_OK;
    }
    struct kr_addressee addressee = {.sort = KR_ADDRESSED_BODY,
                                     .name_ja = body_row.card.name_ja,
                                     .name_en = body_row.card.name_en,
                                     .key_since_s = body_row.card.key_since_s};
    memcpy(addressee.id, id, 32);
    memcpy(addressee.key, body_row.card.key.bytes, 32);
    return give_addressee(page, &addressee);
}

static enum kr_err give_person(struct kr_query_page *page, const uint8_t id[static 32], struct kr_slice value)
{
    if (kr_person_row_read(value, &person_row) != KR_OK || person_row.card.key.len == 0) {
        return KR_OK;
    }
    enum kr_err err = kr_body_get(page->txn, person_row.card.body, &body_row);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
    }
    if (kr_person_state(&person_row.card, body_row.card.standing, page->now_ms / 1000) != KR_PERSON_ACTIVE) {
        return KR_OK;
    }
    struct kr_addressee addressee = {.sort = KR_ADDRESSED_PERSON,
                                     .name_ja = person_row.card.name,
                                     .body_name_ja = body_row.card.name_ja,
                                     .body_name_en = body_row.card.name_en,
                                     .key_since_s = person_row.card.key_since_s};
    memcpy(addressee.id, id, 32);
    memcpy(addressee.key, person_row.card.key.bytes, 32);
    return give_addressee(page, &addressee);
}

static bool address_one(void *context, struct kr_slice id, struct kr_slice value)
{
    struct listing *listing = context;
    struct kr_query_page *page = listing->page;
    listing->is_cut = kr_query_is_full(page);
    if (listing->is_cut) {
        return false;
    }
    listing->err = page->query->detail == 0 ? give_body(page, id.bytes, value) : give_person(page, id.bytes, value);
    return come_forward(listing, id.bytes);
}

enum kr_err kr_query_addressees(struct kr_query_page *page, bool *ret_done)
{
    struct listing listing = {.page = page};
    uint8_t id[32];
    enum kr_err err = KR_OK;
    *ret_done = false;
    while (err == KR_OK && !listing.is_cut && !*ret_done) {
        const uint32_t kind = page->query->detail == 0 ? KR_KIND_BODY_CARD : KR_KIND_PERSON_CARD;
        err = kr_people_each(page->txn, kind, after(page->query, id), address_one, &listing);
        err = err == KR_OK ? listing.err : err;
        if (err == KR_OK && !listing.is_cut) {
            next_part(page->query);
            *ret_done = page->query->detail > 1;
        }
    }
    return err;
}

/* ---- the caller's body ---- */

static enum kr_err give_key(struct kr_query_page *page, const struct kr_body_key_item *item)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_body_key_item_write(item, &writer);
    return kr_query_emit(page, &writer);
}

static enum kr_err give_holder(struct listing *listing, const uint8_t id[static 32])
{
    const struct kr_person_card *card = &person_row.card;
    struct kr_body_key copy;
    uint8_t bytes[KR_BODY_KEY_BYTES_MAX];
    enum kr_err err = kr_body_key_get(listing->page->txn, listing->who->body, id, bytes, &copy);
    const bool has_copy = err == KR_OK;
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
        return err;
    }
    if (!has_copy && card->key.len == 0) {
        return KR_OK;
    }
    struct kr_body_key_item item = {
        .is_person = true,
        .name = card->name,
        .state = kr_person_state(card, listing->body.standing, listing->page->now_ms / 1000),
        .key = card->key,
        .holds = has_copy && kr_body_key_is_held(&listing->body, card, &copy),
        .held = {copy.key, has_copy ? 32 : 0},
        .to = {copy.to, has_copy ? 32 : 0},
        .slot = {copy.slot, has_copy && memcmp(id, listing->who->person, 32) == 0 ? KR_SLOT_BYTES : 0},
    };
    memcpy(item.id, id, 32);
    return give_key(listing->page, &item);
}

static bool hold_one(void *context, struct kr_slice id, struct kr_slice value)
{
    struct listing *listing = context;
    listing->is_cut = kr_query_is_full(listing->page);
    if (listing->is_cut) {
        return false;
    }
    if (kr_person_row_read(value, &person_row) == KR_OK && memcmp(person_row.card.body, listing->who->body, 32) == 0) {
        listing->err = give_holder(listing, id.bytes);
    }
    return come_forward(listing, id.bytes);
}

static bool follow_one(void *context, const struct kr_body_key *copy)
{
    struct listing *listing = context;
    listing->is_cut = kr_query_is_full(listing->page);
    if (listing->is_cut) {
        return false;
    }
    if (copy->person.len == 0) {
        struct kr_body_key_item item = {.held = {copy->key, 32}, .to = {copy->to, 32}, .slot = {copy->slot, KR_SLOT_BYTES}};
        memcpy(item.id, copy->key, 32);
        listing->err = give_key(listing->page, &item);
    }
    return come_forward(listing, kr_body_key_subject(copy));
}

/* `body_row` is the caller's body. */
static enum kr_err tell(struct kr_query_page *page, const struct kr_who *who, struct kr_writer *result)
{
    struct kr_body_holding holding = {0};
    struct kr_body_keys keys = {.name_ja = body_row.card.name_ja,
                                .name_en = body_row.card.name_en,
                                .key = body_row.card.key,
                                .key_since_s = body_row.card.key_since_s};
    enum kr_err err = kr_body_holding_find(page->txn, who->body, &body_row.card, page->now_ms / 1000, &holding);
    keys.is_rotation_due = holding.is_rotation_due;
    memcpy(keys.person, who->person, 32);
    memcpy(keys.body, who->body, 32);
    if (err == KR_OK) {
        kr_body_keys_write(&keys, result);
        err = kr_writer_finish(result);
    }
    return err;
}

static enum kr_err tell_nobody(struct kr_writer *result)
{
    const struct kr_body_keys keys = {.person = {0}};
    kr_body_keys_write(&keys, result);
    return kr_writer_finish(result);
}

enum kr_err kr_query_body_keys(struct kr_query_page *page, const struct kr_who *who, struct kr_writer *result, bool *ret_done)
{
    struct listing listing = {.page = page, .who = who};
    uint8_t id[32];
    *ret_done = !who->facts.is_person;
    if (!who->facts.is_person) {
        return tell_nobody(result);
    }
    enum kr_err err = kr_body_get(page->txn, who->body, &body_row);
    listing.body = body_row.card;
    while (err == KR_OK && !listing.is_cut && !*ret_done) {
        err = page->query->detail == 0 ? kr_people_each(page->txn, KR_KIND_PERSON_CARD, after(page->query, id), hold_one, &listing)
                                       : kr_body_keys_each(page->txn, who->body, after(page->query, id), follow_one, &listing);
        err = err == KR_OK ? listing.err : err;
        if (err == KR_OK && !listing.is_cut) {
            next_part(page->query);
            *ret_done = page->query->detail > 1;
        }
    }
    return err == KR_OK && *ret_done ? tell(page, who, result) : err;
}
