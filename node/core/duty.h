/* What a council agreed on beforehand, for emergencies. A standing consent (事前承認) says which submissions of whom are sent
 * without waiting for an approver; the duty roster (当番表) says who is on duty when. Both are records of the council's own
 * (proto/record/duty.h) and are read where they stand: nothing of them is kept elsewhere.
 *
 * What is sent so has passed every guard, goes to nobody to whom it had not been agreed that it may go, and stands among the drafts
 * until another one has reviewed it. */
#ifndef KR_NODE_CORE_DUTY_H
#define KR_NODE_CORE_DUTY_H

#include "node/core/caller.h"
#include "node/core/state.h"
#include "proto/client/duty.h"

void kr_duty_roster_subject(uint8_t ret_subject[static 32]);
/* A consent never stands there: no list would show it. */
bool kr_duty_is_roster(const uint8_t subject[static 32]);

/* Those that stand, without what is in them: the roster, and consents that hold or ended of late; on any thread. */
struct kr_duty_list {
    struct kr_duty_listed {
        uint8_t subject[32], record_id[32];
    } items[KR_CONSENTS_MAX + 1];
    uint32_t count;
};
enum kr_err kr_duty_list(struct kr_txn *txn, struct kr_duty_list *ret_list) KR_WARN_UNUSED;
/* The content of one; to be freed. NULL where it is damaged: it counts for nothing, and `kairan verify` tells of it. */
enum kr_err kr_duty_open(struct kr_txn *txn, const struct kr_keyring *keyring, const struct kr_duty_listed *listed,
                         uint8_t **ret_content, size_t *ret_len) KR_WARN_UNUSED;

/* Whether it holds now, and if not, why. */
enum kr_err kr_consent_state_of(struct kr_txn *txn, const struct kr_consent *consent, uint64_t now_s,
                                enum kr_consent_state *ret_state) KR_WARN_UNUSED;
/* One council with whose operator runs its machine, as a consent's reach has it. */
void kr_consent_reach_of(const struct kr_core *core, const uint8_t council[static 32], uint8_t ret_hash[static 32]);
void kr_consent_reach_sort(uint8_t (*reach)[32], uint32_t count);
bool kr_duty_is_on(const struct kr_duty_roster *roster, const uint8_t person[static 32], uint64_t now_s);

/* Whether what the job has made may be sent at once, and under which consent: somebody on duty asks, or the person that it is for;
 * no guard was overridden; kind, label and everybody whom it reaches now are among what was agreed; and whoever gave the consent is
 * another person. KR_CANCELLED: the client has its answer. */
enum kr_err kr_duty_permits(struct kr_step *step, const struct kr_job *job, uint8_t ret_consent[static 32],
                            bool *ret_permits) KR_WARN_UNUSED;

enum kr_err kr_duty_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;

#endif
