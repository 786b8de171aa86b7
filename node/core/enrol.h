/* Machines of persons: one-time tickets, and keys on persons' cards, by which net lets them in and keeper knows whose they are.
 *
 *   KR_TABLE_DRAFTS   "E" ‖ public key of the ticket's secret (32) → array of 3: person, expires_s, used by (bin 0 or 32: the key
 * of the machine that was enrolled with it)
 *
 * A used one stays for a while, so that who shows it again hears that it was used; the same machine hears the same once more, for
 * its answer may have been lost. */
#ifndef KR_NODE_CORE_ENROL_H
#define KR_NODE_CORE_ENROL_H

#include "node/core/caller.h"
#include "store/store.h"

struct kr_step;

struct kr_enrol_ticket {
    uint8_t person[32];
    uint64_t expires_s;
    bool is_used;
    uint8_t used_by[32];
};
/* KR_NOT_FOUND; KR_CORRUPT. Any transaction. */
enum kr_err kr_enrol_ticket_get(struct kr_txn *txn, const uint8_t key[static 32],
                                struct kr_enrol_ticket *ret_ticket) KR_WARN_UNUSED;

/* Where that machine stands on a person's card; credential_count: nowhere. */
uint32_t kr_enrol_find_machine(const struct kr_person_card *card, const uint8_t machine[static KR_CREDENTIAL_KEY_BYTES]);

/* ---- of what other nodes of this council say (enrol_shared.h) ---- */
/* A ticket was made: it is let in here, too, where there is room. One that is here stays as it is. */
enum kr_err kr_enrol_ticket_learn(struct kr_step *step, const uint8_t key[static 32], const uint8_t person[static 32],
                                  uint64_t expires_s) KR_WARN_UNUSED;
/* A ticket was used by that machine, as far as it is known here. */
enum kr_err kr_enrol_ticket_used(struct kr_step *step, const uint8_t key[static 32], const uint8_t machine[static 32],
                                 uint64_t at_ms) KR_WARN_UNUSED;
enum kr_err kr_enrol_ticket_forget(struct kr_step *step, const uint8_t key[static 32]) KR_WARN_UNUSED;

enum kr_err kr_enrol_ticket_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_enrol_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;
enum kr_err kr_unenrol_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;

/* For net's list: [0, 3, key] of each machine on a card that was not revoked, and of each ticket that is still good. */
enum kr_err kr_enrol_list(struct kr_step *step, struct kr_writer *writer, uint32_t *ret_count) KR_WARN_UNUSED;
/* How many these are. */
enum kr_err kr_enrol_count(struct kr_step *step, uint32_t *ret_count) KR_WARN_UNUSED;
/* Drops tickets that have expired, or all; net is told. */
enum kr_err kr_enrol_sweep(struct kr_step *step, bool all) KR_WARN_UNUSED;

#endif
