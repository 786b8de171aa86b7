/* Links that all nodes of a council have: what one operator agreed with a peer, or took back, goes for the others.
 *
 *   act on a link here ──▶ row differs from the link ──▶ record of kind 41 ──▶ scope `council` ──▶ row, not applied yet
 *                                                                                         next tick: the link is made so
 *
 * Both ways are the same comparison at a tick: what came from another node is done first, then what stands differently is said. A
 * node that is the only one says nothing. */
#include <string.h>

#include "node/core/claim.h"
#include "node/core/internal.h"
#include "node/core/restored.h"
#include "node/core/root_confirm.h"
#include "node/core/rotate.h"
#include "node/core/sister.h"
#include "proto/record/peer_link.h"

/* In KR_TABLE_RECEIPTS: "peerlnk" ‖ council 32 → array of 3: version, applied (flag), peer link (bin). */
#define PREFIX_BYTES 7u
#define KEY_BYTES    (PREFIX_BYTES + 32u)
static const uint8_t prefix[PREFIX_BYTES] = {'p', 'e', 'e', 'r', 'l', 'n', 'k'};

struct row {
    uint64_t version;
    bool is_applied;
    struct kr_slice content;
};

static void row_key(uint8_t ret_key[static KEY_BYTES], const uint8_t council[static 32])
{
    memcpy(ret_key, prefix, PREFIX_BYTES);
    memcpy(ret_key + PREFIX_BYTES, council, 32);
}

static enum kr_err read_row(struct kr_slice value, struct row *ret_row)
{
    struct kr_reader reader;
    struct row row;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 3);
    row.version = kr_reader_uint(&reader, UINT64_MAX);
    row.is_applied = kr_reader_flag(&reader);
    row.content = kr_reader_bin(&reader, 1, KR_KIB);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    *ret_row = row;
    return KR_OK;
}

static enum kr_err put_row(struct kr_step *step, const uint8_t council[static 32], const struct row *row)
{
    uint8_t key[KEY_BYTES];
    struct kr_writer writer;
    row_key(key, council);
    kr_writer_init(&writer, 2 * KR_KIB);
    kr_writer_array(&writer, 3);
    kr_writer_uint(&writer, row->version);
    kr_writer_flag(&writer, row->is_applied);
    kr_writer_slice(&writer, row->content);
    return kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

/* ---- a record of it ---- */

enum kr_err kr_links_shared_fits(const struct kr_step *step, const struct kr_header *header, struct kr_slice content)
{
    struct kr_peer_link link;
    const bool is_sound = header->has_subject && !header->has_community && content.len <= KR_KIB &&
                          kr_peer_link_parse(content, &link) == KR_OK && memcmp(header->subject, step->core->self, 32) != 0;
    return is_sound ? KR_OK : KR_MALFORMED;
}

enum kr_err kr_links_shared_take(struct kr_step *step, const struct kr_header *header, struct kr_slice content)
{
    const bool is_own = memcmp(header->signing_key, kr_keys_signing(step->core).public_key, 32) == 0;
    step->core->links_differ = true;
    enum kr_err err =
        put_row(step, header->subject, &(struct row){.version = header->version, .is_applied = is_own, .content = content});
    return err == KR_OK && !is_own ? kr_step_wake(step, step->now_ms) : err;
}

enum kr_err kr_links_shared_back(struct kr_step *step, const uint8_t council[static 32], uint64_t version, struct kr_slice content)
{
    struct kr_writer none;
    kr_writer_init(&none, KR_KIB);
    kr_peer_link_write(&(struct kr_peer_link){.state = KR_PEER_LINK_NONE}, &none);
    enum kr_err err = kr_writer_finish(&none);
    if (err == KR_OK) {
        const struct kr_slice said = content.len > 0 ? content : (struct kr_slice){none.bytes, none.len};
        err = put_row(step, council, &(struct row){.version = version, .content = said});
    }
    kr_writer_deinit(&none);
    step->core->links_differ = true;
    return err == KR_OK ? kr_step_wake(step, step->now_ms) : err;
}

/* ---- what others said ---- */

struct councils {
    uint8_t (*ids)[32];
    uint32_t count, max;
    bool unapplied_only;
};

static bool collect(void *context, struct kr_slice key, struct kr_slice value)
{
    struct councils *councils = context;
    struct row row;
    if (key.len == KEY_BYTES && read_row(value, &row) == KR_OK && !(councils->unapplied_only && row.is_applied)) {
        memcpy(councils->ids[councils->count++], key.bytes + PREFIX_BYTES, 32);
    }
    return councils->count < councils->max;
}

static enum kr_err open_link(struct kr_step *step, const uint8_t council[static 32], const struct kr_peer_link *shared)
{
    struct kr_core *core = step->core;
    struct kr_link fresh = {.state = KR_LINK_OPEN, .linked_ms = step->now_ms, .pair_next = 1}, *link = NULL;
    const struct kr_council *known = kr_directory_council(&core->directory, council);
    struct kr_store_stat stat;
    struct kr_card card = {0};
    if (known != NULL) {
        kr_council_card(known, &card);
    }
    /* Its card may have newer ways than there were when it was linked. */
    const struct kr_card_key *way = kr_card_key_at(card.transport, card.transport_count, step->now_ms / 1000);
    memcpy(fresh.council, council, 32);
    memcpy(fresh.transport_key, way != NULL ? way->public_key : shared->transport_key, 32);
    (void)kr_slice_text(way != NULL ? way->endpoint : shared->endpoint, fresh.endpoint, sizeof fresh.endpoint);
    fresh.has_community = shared->has_community;
    memcpy(fresh.community, shared->community, 32);
    if (kr_link_key_is_taken(core, fresh.transport_key, council) || core->link_count == KR_LINKS_MAX) {
        char name[KR_NAME_BYTES_MAX + 1];
        return kr_step_log(step, KR_LOG_ERROR, "another node of this council is linked with %s, and this one cannot be: %s",
                           kr_core_name(core, council, false, name, sizeof name),
                           core->link_count == KR_LINKS_MAX ? "there are too many links" : "its transport key is another one's");
    }
    enum kr_err err = kr_store_stat(step->txn, &stat);
    fresh.pair_end = err == KR_OK ? stat.arrivals + 1 : 0;
    if (err == KR_OK) {
        err = kr_number_next(step, &fresh.number);
    }
    if (err == KR_OK) {
        err = kr_link_add(step, &fresh, &link);
    }
    if (err == KR_OK) {
        err = kr_root_confirm_followed(step, link);
    }
    if (err == KR_OK) {
        err = kr_links_follow_card(step, council);
    }
    if (err == KR_OK) {
        err = kr_links_allow(step);
    }
    return err == KR_OK ? kr_link_dial(step, link) : err;
}

/* Makes the link here what another node says it is. */
static enum kr_err apply(struct kr_step *step, const uint8_t council[static 32], const struct kr_peer_link *shared)
{
    struct kr_link *link = kr_link_by_council(step->core, council);
    bool is_blocked = false;
    enum kr_err err = kr_peer_is_blocked(step, council, &is_blocked), verdict = KR_OK;
    if (err == KR_OK && link != NULL && shared->state == KR_PEER_LINK_OPEN && link->state == KR_LINK_OPEN &&
        link->pairing.is_pending && link->stop == KR_STOP_NOT && link->through == NULL) {
        return kr_pairing_settle(step, link); /* it began here, with the same ticket, and was agreed there */
    }
    const bool ends = shared->state == KR_PEER_LINK_NONE || shared->state == KR_PEER_LINK_BLOCKED;
    if (err != KR_OK || (link != NULL && !kr_link_is_settled(link) && (link->state == KR_LINK_JOINING || !ends))) {
        return err; /* what is under way here, or stands still because of a key, is decided here */
    }
    if (is_blocked && shared->state != KR_PEER_LINK_BLOCKED) {
        err = kr_peer_do(step, KR_PEER_UNBLOCK, council, &verdict);
    }
    if (err == KR_OK && shared->state == KR_PEER_LINK_BLOCKED && !is_blocked) {
        return kr_peer_do(step, KR_PEER_BLOCK, council, &verdict);
    }
    if (err == KR_OK && shared->state == KR_PEER_LINK_NONE && link != NULL) {
        return kr_peer_do(step, KR_PEER_REMOVE, council, &verdict);
    }
    const bool shall_be = shared->state == KR_PEER_LINK_OPEN || shared->state == KR_PEER_LINK_PAUSED;
    if (err == KR_OK && shall_be && link == NULL) {
        err = open_link(step, council, shared);
        link = kr_link_by_council(step->core, council);
    }
    if (err == KR_OK && shall_be && link != NULL && (link->state == KR_LINK_PAUSED) != (shared->state == KR_PEER_LINK_PAUSED)) {
        err = kr_peer_do(step, shared->state == KR_PEER_LINK_PAUSED ? KR_PEER_PAUSE : KR_PEER_RESUME, council, &verdict);
    }
    return err;
}

/* `value`: room for the row, from which `ret_row` borrows. */
static enum kr_err get_row(struct kr_step *step, const uint8_t council[static 32], uint8_t value[static 2 * KR_KIB],
                           struct row *ret_row)
{
    uint8_t key[KEY_BYTES];
    size_t len;
    row_key(key, council);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, value, 2 * KR_KIB, &len);
    err = err == KR_OK ? read_row((struct kr_slice){value, len}, ret_row) : err;
    return err == KR_CORRUPT ? KR_NOT_FOUND : err; /* it is said anew */
}

static enum kr_err apply_row(struct kr_step *step, const uint8_t council[static 32])
{
    uint8_t value[2 * KR_KIB];
    struct row row;
    struct kr_peer_link shared;
    enum kr_err err = get_row(step, council, value, &row);
    if (err == KR_OK && kr_peer_link_parse(row.content, &shared) == KR_OK) {
        err = apply(step, council, &shared);
    }
    row.is_applied = true;
    return err == KR_OK ? put_row(step, council, &row) : err;
}

/* ---- what we say ---- */

static enum kr_err state_here(struct kr_step *step, const uint8_t council[static 32], struct kr_peer_link *ret_link)
{
    const struct kr_link *link = kr_link_by_council(step->core, council);
    bool is_blocked = false;
    enum kr_err err = kr_peer_is_blocked(step, council, &is_blocked);
    *ret_link = (struct kr_peer_link){.state = is_blocked ? KR_PEER_LINK_BLOCKED : KR_PEER_LINK_NONE};
    if (link != NULL && link->state != KR_LINK_JOINING && !is_blocked) {
        ret_link->state = link->state == KR_LINK_PAUSED ? KR_PEER_LINK_PAUSED : KR_PEER_LINK_OPEN;
        ret_link->endpoint = (struct kr_slice){(const uint8_t *)link->endpoint, strlen(link->endpoint)};
        ret_link->has_community = link->has_community;
        memcpy(ret_link->community, link->community, 32);
        memcpy(ret_link->transport_key, link->transport_key, 32);
    }
    return err;
}

static enum kr_err say(struct kr_step *step, const uint8_t council[static 32])
{
    uint8_t value[2 * KR_KIB];
    struct row row = {0};
    struct kr_peer_link here, shared = {.state = KR_PEER_LINK_NONE};
    struct kr_directory_entry entry;
    struct kr_header header = {.kind = KR_KIND_PEER_LINK};
    struct kr_writer content;
    const struct kr_link *link = kr_link_by_council(step->core, council);
    enum kr_err verdict = KR_OK, err = get_row(step, council, value, &row);
    if (link != NULL && !kr_link_is_settled(link)) {
        return KR_OK; /* nothing is agreed yet */
    }
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    if (err == KR_OK && kr_peer_link_parse(row.content, &shared) != KR_OK) {
        shared.state = KR_PEER_LINK_NONE;
    }
    err = state_here(step, council, &here);
    if (err != KR_OK || here.state == shared.state) {
        return err;
    }
    memcpy(header.author, step->core->self, 32);
    memcpy(header.subject, council, 32);
    err = kr_admit_standing(step, &header, &entry);
    here.previous = err == KR_OK ? (struct kr_slice){entry.record_id, 32} : (struct kr_slice){0};
    const uint64_t version = err == KR_OK ? entry.version + 1 : 1;
    const struct kr_internal what = {.kind = KR_KIND_PEER_LINK,
                                     .subject = council,
                                     .version = version,
                                     .expires_s = step->now_ms / 1000 + KR_EXPIRES_S_MAX - 86400u};
    kr_writer_init(&content, KR_KIB);
    kr_peer_link_write(&here, &content);
    err = err == KR_OK || err == KR_NOT_FOUND ? kr_internal_put(step, &what, &content, &verdict) : err;
    kr_writer_deinit(&content);
    return err == KR_OK && verdict != KR_OK
               ? kr_step_log(step, KR_LOG_WARNING, "other nodes of this council cannot be told of a link: %s", kr_err_text(verdict))
               : err;
}

static enum kr_err each(struct kr_step *step, struct councils *councils, enum kr_err (*act)(struct kr_step *, const uint8_t *))
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < councils->count && err == KR_OK; i++) {
        err = act(step, councils->ids[i]);
    }
    return err;
}

enum kr_err kr_links_shared_tick(struct kr_step *step)
{
    struct kr_core *core = step->core;
    uint8_t ids[KR_LINKS_MAX + KR_BLOCKED_MAX][32];
    struct councils councils = {.ids = ids, .max = KR_LINKS_MAX + KR_BLOCKED_MAX, .unapplied_only = true};
    uint32_t damaged;
    if (!core->links_differ || !core->shares_council) {
        return KR_OK;
    }
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, collect, &councils, &damaged);
    if (err == KR_OK) {
        err = each(step, &councils, apply_row);
    }
    if (err != KR_OK || kr_restored_holds(core) || core->keyring->sealing_count == 0) {
        return err; /* what is to be said waits */
    }
    councils = (struct councils){.ids = ids, .max = KR_LINKS_MAX + KR_BLOCKED_MAX};
    err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, collect, &councils, &damaged);
    if (err == KR_OK) {
        err = each(step, &councils, say);
    }
    councils.count = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (!core->links[i]->is_second) {
            memcpy(ids[councils.count++], core->links[i]->council, 32);
        }
    }
    if (err == KR_OK) {
        err = each(step, &councils, say);
    }
    if (err == KR_OK) {
        err = each(step, &councils, kr_root_shared_say);
    }
    councils.count = 0;
    if (err == KR_OK) {
        err = kr_peer_blocked(step, ids, KR_BLOCKED_MAX, &councils.count);
    }
    if (err == KR_OK) {
        err = each(step, &councils, say);
    }
    core->links_differ = err != KR_OK;
    return err;
}
