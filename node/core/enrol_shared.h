/* Tickets and enrolments that all nodes of a council know (docs/adr/0055). Private to node/core.
 *
 *   ticket made ──▶ "open", record of kind 42 ──▶ the other nodes let its key in, too
 *   used        ──▶ "used by that machine"     ──▶ it is used at all of them
 *   unbound     ──▶ "over"                      ──▶ and its machine is nobody's, whatever cards say that met later
 *
 * Each use is a record of its own. Where there are two of one ticket (its nodes did not see each other), the earlier one stands, of
 * two at once the one with the lower key: every node finds the same, takes the other machine off the person's card, and raises the
 * alarm. And since the same two nodes have each written that card, of which the one with the lower id stands, the machine that
 * counts is put on it again where it is missing.
 *
 * Of one machine with several tickets one answer counts, whatever came first: where one of its uses is over, or came second, it is
 * on no card. So no node enrols a key that has a row already; the machine makes another one (tools/kairan/enrol.c).
 *
 *   KR_TABLE_DRAFTS   "T" ‖ ticket 32 ‖ machine 32 → array of 7: person (bin 32), at_ms, over (flag), noted_ms (that another one
 * used the ticket before it; 0: none), settled (flag), and not before when this use has a card changed once more by which its
 * machine comes on it, or off it (ms; 0: at once)
 *
 * Invitations have such rows as well, with the council that joined in the machine's place and nobody as person: of two councils
 * that used one there is an alarm, and the operator decides (ticket_shared.c has what else they are).
 *
 * A node that is its council's only one writes none of it. */
#ifndef KR_NODE_CORE_ENROL_SHARED_H
#define KR_NODE_CORE_ENROL_SHARED_H

#include "node/core/enrol.h"
#include "node/core/state.h"

/* ---- what this node says ---- */
enum kr_err kr_enrol_say_open(struct kr_step *step, const uint8_t key[static 32],
                              const struct kr_enrol_ticket *ticket) KR_WARN_UNUSED;
enum kr_err kr_enrol_say_used(struct kr_step *step, const uint8_t key[static 32], const struct kr_enrol_ticket *ticket,
                              const uint8_t machine[static 32]) KR_WARN_UNUSED;
enum kr_err kr_enrol_say_over(struct kr_step *step, const uint8_t person[static 32],
                              const uint8_t machine[static 32]) KR_WARN_UNUSED;

/* Of whatever ticket: a record of it, where there is, or was, another node. */
struct kr_ticket_word;
enum kr_err kr_ticket_word_say(struct kr_step *step, struct kr_ticket_word *word, uint64_t expires_s) KR_WARN_UNUSED;
#define KR_TICKET_KEPT_S      3600u                /* records of tickets are kept for so long after these have expired */
#define KR_TICKET_USED_KEPT_S (2u * 366u * 86400u) /* those of uses: nodes that did not meet for so long are told no more */

/* ---- records ---- */
enum kr_err kr_ticket_word_fits(const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
enum kr_err kr_ticket_word_take(struct kr_step *step, struct kr_slice content) KR_WARN_UNUSED;
/* That record says no more. */
enum kr_err kr_ticket_word_leave(struct kr_step *step, const uint8_t record_id[static 32]) KR_WARN_UNUSED;

/* ---- cards follow ---- */
/* A person's card was taken: at the next tick it is looked whether its machines are those that were enrolled. */
enum kr_err kr_machines_are_due(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_machines_tick(struct kr_step *step) KR_WARN_UNUSED;
/* Whether that machine was enrolled before, or unbound: it is bound no more, by whatever ticket. */
enum kr_err kr_machine_was_enrolled(struct kr_txn *txn, const uint8_t machine[static 32], bool *ret_was) KR_WARN_UNUSED;

/* ---- alarms, of alarm.c ---- */
enum kr_err kr_enrol_alarms_count(struct kr_step *step, uint64_t *ret_open) KR_WARN_UNUSED;
enum kr_err kr_enrol_alarms_list(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
/* All that are open, however many these are: KR_INTERNAL_KIND_MAX at most. `*ret_count`: how many. */
enum kr_err kr_enrol_alarms_settle(struct kr_step *step, uint32_t *ret_count) KR_WARN_UNUSED;

#endif
