/* A peer's new root key that was compared at one node of a council need not be compared at the others:
 *
 *   operator confirms ──▶ record of kind 45 ──▶ scope `council` ──▶ row beside what the operator here has confirmed
 *
 * The two are kept apart, and a link is open where either names the root key in force. So nothing is to be undone where the record
 * was a stolen node's: what stood before stands in the row again, or nothing, and the link waits as it would have. The record may
 * come before the card that it is about. That nobody has confirmed a root key is no word: whoever has counts. */
#include <string.h>

#include "node/core/internal.h"
#include "node/core/restored.h"
#include "node/core/root_confirm.h"
#include "proto/record/peer_root.h"

/* In KR_TABLE_RECEIPTS: "peerroot" ‖ council 32 → array of 1: root key (bin 32) of the record that stands. */
#define PREFIX_BYTES 8u
#define KEY_BYTES    (PREFIX_BYTES + 32u)
static const uint8_t prefix[PREFIX_BYTES] = {'p', 'e', 'e', 'r', 'r', 'o', 'o', 't'};

static void row_key(uint8_t ret_key[static KEY_BYTES], const uint8_t council[static 32])
{
    memcpy(ret_key, prefix, PREFIX_BYTES);
    memcpy(ret_key + PREFIX_BYTES, council, 32);
}

/* A row that is damaged is none: the operator is asked. */
static enum kr_err get_row(struct kr_step *step, const uint8_t council[static 32], bool *ret_is, uint8_t ret_root[static 32])
{
    uint8_t key[KEY_BYTES], value[64];
    struct kr_reader reader;
    size_t len = 0;
    row_key(key, council);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT && err != KR_BOUNDS) {
        return err;
    }
    kr_reader_init(&reader, value, err == KR_OK ? len : 0);
    kr_reader_array(&reader, 1);
    kr_reader_fixed(&reader, ret_root, 32);
    kr_reader_close(&reader);
    *ret_is = kr_reader_end(&reader) == KR_OK;
    return KR_OK;
}

enum kr_err kr_root_shared_confirms(struct kr_step *step, const uint8_t council[static 32], const uint8_t root[static 32],
                                    bool *ret_confirms)
{
    uint8_t said[32];
    bool is_said = false;
    enum kr_err err = get_row(step, council, &is_said, said);
    *ret_confirms = err == KR_OK && is_said && memcmp(said, root, 32) == 0;
    return err;
}

/* ---- a record of it ---- */

enum kr_err kr_root_shared_fits(const struct kr_step *step, const struct kr_header *header, struct kr_slice content)
{
    struct kr_peer_root root;
    const bool is_sound = content.len <= KR_PEER_ROOT_BYTES_MAX && kr_peer_root_parse(content, &root) == KR_OK &&
                          memcmp(header->subject, step->core->self, 32) != 0;
    return is_sound ? KR_OK : KR_MALFORMED;
}

static bool waits(struct kr_core *core, const uint8_t council[static 32])
{
    const struct kr_link *link = kr_link_by_council(core, council);
    return link != NULL && link->root_is_unconfirmed;
}

/* Where it differs from what our operator has confirmed, this is said at the next tick. */
static enum kr_err look(struct kr_step *step, const uint8_t council[static 32])
{
    step->core->links_differ = true;
    enum kr_err err = kr_root_confirm_refresh(step, council);
    return err == KR_OK ? kr_step_wake(step, step->now_ms) : err;
}

enum kr_err kr_root_shared_take(struct kr_step *step, const struct kr_header *header, struct kr_slice content)
{
    uint8_t key[KEY_BYTES];
    char name[KR_NAME_BYTES_MAX + 1], signer[17];
    struct kr_peer_root root;
    struct kr_writer writer;
    const bool waited = waits(step->core, header->subject);
    enum kr_err err = kr_peer_root_parse(content, &root);
    if (err != KR_OK) {
        return err;
    }
    row_key(key, header->subject);
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 1);
    kr_writer_bin(&writer, root.root, 32);
    err = kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
    if (err == KR_OK) {
        err = look(step, header->subject);
    }
    if (err != KR_OK || !waited || waits(step->core, header->subject)) {
        return err;
    }
    sodium_bin2hex(signer, sizeof signer, header->signing_key, 8);
    return kr_step_log(step, KR_LOG_NOTICE,
                       "the root key of %s was confirmed at another node of this council, whose key is %s: the link is open "
                       "here, too",
                       kr_core_name(step->core, header->subject, false, name, sizeof name), signer);
}

enum kr_err kr_root_shared_back(struct kr_step *step, const uint8_t council[static 32])
{
    uint8_t key[KEY_BYTES];
    char name[KR_NAME_BYTES_MAX + 1];
    const bool waited = waits(step->core, council);
    row_key(key, council);
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    err = err == KR_OK || err == KR_NOT_FOUND ? look(step, council) : err;
    return err != KR_OK || waited || !waits(step->core, council)
               ? err
               : kr_step_log(
                     step, KR_LOG_ERROR,
                     "ALARM: that the root key of %s was compared was a stolen node's word. Nothing but TLP:CLEAR goes over "
                     "the link until you have compared it yourself, by telephone: kairan peer confirm-root",
                     kr_core_name(step->core, council, false, name, sizeof name));
}

/* ---- what we say ---- */

/* Whether that council once had it, and has another one now. */
static bool is_former(const struct kr_council *known, const uint8_t root[static 32])
{
    struct kr_card card;
    kr_council_card(known, &card);
    bool is = memcmp(card.genesis_root, root, 32) == 0;
    for (uint32_t i = 0; i < card.rekeyings.count; i++) {
        is = is || memcmp(card.rekeyings.items[i].root_public, root, 32) == 0;
    }
    return is && memcmp(known->root_public, root, 32) != 0;
}

static enum kr_err put(struct kr_step *step, const uint8_t council[static 32], const uint8_t root[static 32])
{
    struct kr_directory_entry entry;
    struct kr_peer_root content = {.previous = {NULL, 0}};
    struct kr_writer writer;
    enum kr_err verdict = KR_OK, err = kr_internal_standing(step, KR_KIND_PEER_ROOT, council, &entry);
    const bool stands = err == KR_OK;
    const struct kr_internal what = {.kind = KR_KIND_PEER_ROOT,
                                     .subject = council,
                                     .version = stands ? entry.version + 1 : 1,
                                     .expires_s = step->now_ms / 1000 + KR_EXPIRES_S_MAX - 86400u};
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    memcpy(content.root, root, 32);
    content.previous = stands ? (struct kr_slice){entry.record_id, 32} : content.previous;
    kr_writer_init(&writer, KR_PEER_ROOT_BYTES_MAX);
    kr_peer_root_write(&content, &writer);
    err = kr_internal_put(step, &what, &writer, &verdict);
    kr_writer_deinit(&writer);
    return err == KR_OK && verdict != KR_OK
               ? kr_step_log(step, KR_LOG_WARNING, "other nodes of this council cannot be told that a root key is confirmed: %s",
                             kr_err_text(verdict))
               : err;
}

static enum kr_err say(struct kr_step *step, const uint8_t council[static 32], bool is_asked)
{
    struct kr_core *core = step->core;
    const struct kr_council *known = kr_directory_council(&core->directory, council);
    const struct kr_link *link = kr_link_by_council(core, council);
    uint8_t here[32], said[32];
    bool is_said = false;
    if (known == NULL || known->rekeyings == 0 || link == NULL || !kr_link_is_settled(link) || kr_link_is_sister(core, link)) {
        return KR_OK;
    }
    enum kr_err err = kr_root_confirm_here(step, council, here);
    if (err == KR_OK) {
        err = get_row(step, council, &is_said, said);
    }
    if (err != KR_OK || memcmp(here, known->root_public, 32) != 0 || (is_said && memcmp(said, here, 32) == 0)) {
        return err;
    }
    /* One that we do not know may be newer than the card that is here: two nodes would say theirs in turn, for ever. */
    return is_asked || !is_said || is_former(known, said) ? put(step, council, here) : KR_OK;
}

enum kr_err kr_root_shared_say(struct kr_step *step, const uint8_t council[static 32])
{
    return say(step, council, false);
}

enum kr_err kr_root_shared_confirmed(struct kr_step *step, const uint8_t council[static 32])
{
    struct kr_core *core = step->core;
    core->links_differ = true;
    const bool may = core->shares_council && !kr_restored_holds(core) && core->keyring->sealing_count > 0;
    return may ? say(step, council, true) : KR_OK; /* later, at a tick */
}
