/* Bodies and persons for clients, and who the client itself is.
 *
 * bodies, persons: position = UINT64_MAX: not begun; scope.id = the id that was given last. */
#include <string.h>

#include "node/core/body_key.h"
#include "node/core/caller.h"
#include "node/core/people.h"
#include "node/core/query_page.h"
#include "proto/client/people.h"

static _Thread_local struct kr_body_row body_row;
static _Thread_local struct kr_person_row person_row;

struct listing {
    struct kr_query_page *page;
    uint32_t kind;
    struct kr_machine machine;
    bool is_cut; /* the page is full */
    enum kr_err err;
};

static enum kr_err give_body(struct listing *listing, const uint8_t id[static 32], struct kr_slice value)
{
    struct kr_writer writer;
    if (kr_body_row_read(value, &body_row) != KR_OK) {
        return KR_OK; /* `kairan verify` tells of it */
    }
    struct kr_body_holding holding = {0};
    enum kr_err err = kr_body_holding_find(listing->page->txn, id, &body_row.card, listing->page->now_ms / 1000, &holding);
    if (err != KR_OK) {
        return err;
    }
    struct kr_body_item item = {.changed_ms = body_row.changed_ms,
                                .card = body_row.content,
                                .holders = holding.holders,
                                .is_rotation_due = holding.is_rotation_due};
    memcpy(item.id, id, 32);
    kr_writer_init(&writer, 8 * KR_KIB);
    kr_body_item_write(&item, &writer);
    return kr_query_emit(listing->page, &writer);
}

static void find_uids(const struct listing *listing, struct kr_person_item *item)
{
    const struct kr_person_card *card = &person_row.card;
    for (uint32_t i = 0; i < card->credential_count; i++) {
        const uint8_t *bytes = card->credentials[i].bytes.bytes;
        if (card->credentials[i].kind == KR_CREDENTIAL_USER && memcmp(bytes, listing->machine.name, KR_MACHINE_BYTES) == 0) {
            const uint8_t *uid = bytes + KR_MACHINE_BYTES;
            item->uids[item->uid_count++] =
                (uint32_t)uid[0] << 24 | (uint32_t)uid[1] << 16 | (uint32_t)uid[2] << 8 | (uint32_t)uid[3];
        }
    }
}

static enum kr_err give_person(struct listing *listing, const uint8_t id[static 32], struct kr_slice value)
{
    struct kr_writer writer;
    if (kr_person_row_read(value, &person_row) != KR_OK) {
        return KR_OK;
    }
    struct kr_person_item item = {.changed_ms = person_row.changed_ms, .card = person_row.content};
    enum kr_err err = kr_body_get(listing->page->txn, person_row.card.body, &body_row);
    if (err == KR_OK) {
        item.body_name_ja = body_row.card.name_ja;
        item.body_name_en = body_row.card.name_en;
    } else if (err != KR_NOT_FOUND && err != KR_CORRUPT) {
        return err;
    }
    item.state = kr_person_state(&person_row.card, err == KR_OK ? body_row.card.standing : 0, listing->page->now_ms / 1000);
    memcpy(item.id, id, 32);
    find_uids(listing, &item);
    kr_writer_init(&writer, 8 * KR_KIB);
    kr_person_item_write(&item, &writer);
    return kr_query_emit(listing->page, &writer);
}

static bool give_one(void *context, struct kr_slice id, struct kr_slice value)
{
    struct listing *listing = context;
    listing->is_cut = kr_query_is_full(listing->page);
    if (listing->is_cut) {
        return false;
    }
    listing->err = listing->kind == KR_KIND_BODY_CARD ? give_body(listing, id.bytes, value) : give_person(listing, id.bytes, value);
    memcpy(listing->page->query->scope.id, id.bytes, 32);
    listing->page->query->position = 1;
    listing->page->has_moved = true;
    return listing->err == KR_OK;
}

enum kr_err kr_query_people(struct kr_query_page *page, uint32_t kind, bool *ret_done)
{
    struct listing listing = {.page = page, .kind = kind};
    uint8_t after[32];
    memcpy(after, page->query->scope.id, 32);
    enum kr_err err = kr_machine_get(page->txn, &listing.machine);
    if (err == KR_OK || err == KR_NOT_FOUND || err == KR_CORRUPT) {
        err = kr_people_each(page->txn, kind, page->query->position == UINT64_MAX ? NULL : after, give_one, &listing);
    }
    *ret_done = !listing.is_cut;
    return err == KR_OK ? listing.err : err;
}

enum kr_err kr_query_whoami(struct kr_query_page *page, const struct kr_who *who, struct kr_writer *result)
{
    struct kr_whoami whoami = {.has_people = who->facts.has_people,
                               .is_operator = who->facts.is_operator,
                               .is_person = who->facts.is_person,
                               .state = who->facts.state,
                               .own_roles = who->own_roles,
                               .from_s = who->from_s,
                               .until_s = who->until_s};
    const bool is_active = who->facts.is_person && who->facts.state == KR_PERSON_ACTIVE;
    whoami.roles = (is_active ? who->facts.roles : 0) | (!who->facts.is_operator ? 0
                                                         : who->facts.has_people ? KR_ROLE_ADMIN
                                                                                 : KR_ROLES_ALL);
    if (who->facts.is_person) {
        memcpy(whoami.person, who->person, 32);
        enum kr_err err = kr_person_get(page->txn, who->person, &person_row);
        enum kr_err body_err = err == KR_OK ? kr_body_get(page->txn, who->body, &body_row) : err;
        if (err != KR_OK) {
            return err;
        }
        whoami.name = person_row.card.name;
        if (body_err == KR_OK) {
            whoami.body_name_ja = body_row.card.name_ja;
            whoami.body_name_en = body_row.card.name_en;
        }
    }
    kr_whoami_write(&whoami, result);
    return kr_writer_finish(result);
}
