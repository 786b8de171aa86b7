/* Bodies and persons in the store: cards are records like any other (person.h of proto/record); beside them, in the same
 * transaction, rows by which they are found without opening records. What is shared between the nodes of a council, once it has
 * several, are the records; rows are each node's own.
 *
 *   KR_TABLE_DRAFTS   "M"                           → array of 2: this machine's name (bin 16), how many persons there are
 *                     "B" ‖ body 32, "P" ‖ person 32 → array of 3: version, created_ms, card (bin)
 *                     "U" ‖ credential kind 1 ‖ its bytes → array of persons (bin 32) whose cards name it */
#ifndef KR_NODE_CORE_PEOPLE_H
#define KR_NODE_CORE_PEOPLE_H

#include "proto/record/person.h"
#include "proto/record/record.h"
#include "store/store.h"

#define KR_MACHINE_BYTES      16u
#define KR_PEOPLE_BYTES_MAX   (4u * KR_KIB) /* of a row */
#define KR_CREDENTIAL_PERSONS 4u            /* cards that may name one credential: one holds at a time */

struct kr_machine {
    uint8_t name[KR_MACHINE_BYTES]; /* user ids mean something on one machine only */
    uint64_t persons;               /* whatever became of them */
};
/* KR_NOT_FOUND where nobody was ever entered. */
enum kr_err kr_machine_get(struct kr_txn *txn, struct kr_machine *ret_machine) KR_WARN_UNUSED;
enum kr_err kr_machine_put(struct kr_txn *txn, const struct kr_machine *machine) KR_WARN_UNUSED;

/* A card as its row has it; slices point into `bytes`. */
struct kr_body_row {
    uint64_t version, changed_ms;
    struct kr_body_card card;
    struct kr_slice content;
    uint8_t bytes[KR_PEOPLE_BYTES_MAX];
};
struct kr_person_row {
    uint64_t version, changed_ms;
    struct kr_person_card card;
    struct kr_slice content;
    uint8_t bytes[KR_PEOPLE_BYTES_MAX];
};
/* KR_NOT_FOUND; KR_CORRUPT where it cannot be read. */
enum kr_err kr_body_get(struct kr_txn *txn, const uint8_t id[static 32], struct kr_body_row *ret_row) KR_WARN_UNUSED;
enum kr_err kr_person_get(struct kr_txn *txn, const uint8_t id[static 32], struct kr_person_row *ret_row) KR_WARN_UNUSED;
/* From a row that a walk shows (kr_people_each). */
enum kr_err kr_body_row_read(struct kr_slice value, struct kr_body_row *ret_row) KR_WARN_UNUSED;
enum kr_err kr_person_row_read(struct kr_slice value, struct kr_person_row *ret_row) KR_WARN_UNUSED;
/* All bodies, or persons, in the order of their ids behind `after` (NULL: from the first): the visitor gets the id, not the key.
 * Rows that do not open are passed over. */
enum kr_err kr_people_each(struct kr_txn *txn, uint32_t kind, const uint8_t *after, kr_store_visit *visit,
                           void *context) KR_WARN_UNUSED;

/* Whether the card can be taken as far as it can tell by itself: content and subject. The same at every node of the council, so
 * that all of them take the same ones. KR_MALFORMED. */
enum kr_err kr_people_check(const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
/* And whether this node makes such a one, by what it has: content, subject, room, nobody else's credential at the same time.
 * KR_MALFORMED, KR_BOUNDS, KR_EXISTS, KR_NOT_FOUND (its body). */
enum kr_err kr_people_fits(struct kr_txn *txn, const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
/* The same, as if cards that were over at `over_s` were known by nothing any more. */
enum kr_err kr_people_fit_once_freed(struct kr_txn *txn, const struct kr_header *header, struct kr_slice content,
                                     uint64_t over_s) KR_WARN_UNUSED;
/* A card is stored: its rows. `*ret_keys`: it names machines' keys, or the one before did, so that net's list may have changed. */
enum kr_err kr_people_take(struct kr_txn *txn, const struct kr_header *header, struct kr_slice content,
                           bool *ret_keys) KR_WARN_UNUSED;

/* It counts no more: its rows go. `content`: its own; of cards it is not looked at. */
enum kr_err kr_people_drop(struct kr_txn *txn, const struct kr_header *header, struct kr_slice content,
                           bool *ret_keys) KR_WARN_UNUSED;

/* The key of a credential's row. `ret_key` has room for KR_CREDENTIAL_KEY_BYTES_MAX. */
#define KR_CREDENTIAL_KEY_BYTES_MAX (2u + KR_CREDENTIAL_BYTES_MAX)
size_t kr_credential_key(uint8_t *ret_key, uint32_t kind, struct kr_slice bytes);
/* The persons whose cards name it. */
enum kr_err kr_credential_persons(struct kr_txn *txn, uint32_t kind, struct kr_slice bytes,
                                  uint8_t (*ret_persons)[32] /* KR_CREDENTIAL_PERSONS */, uint32_t *ret_count) KR_WARN_UNUSED;
/* Machine and user id as a credential's bytes. */
void kr_credential_user(uint8_t ret_bytes[static KR_CREDENTIAL_USER_BYTES], const struct kr_machine *machine, uint32_t uid);

#endif
