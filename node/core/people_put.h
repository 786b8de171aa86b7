/* Cards of our bodies and persons, and copies of bodies' keys, put as records: signed by the node key, sealed to our own sealing
 * key, addressed to ourselves, each in the place of the one before. Private to the files of people.h. */
#ifndef KR_NODE_CORE_PEOPLE_PUT_H
#define KR_NODE_CORE_PEOPLE_PUT_H

#include "node/core/caller.h"
#include "node/core/people.h"
#include "node/core/state.h"

/* Who does it stands on the card, and what it replaces. */
struct kr_people_put {
    struct kr_step *step;
    const struct kr_who *who;
    uint8_t previous[32];
};

/* As the next version there is under its subject. `*ret_verdict` (KR_OK before the call): why it was not taken, as kr_people_fits
 * says. `by` and `previous` of the card are set here. */
enum kr_err kr_body_put(struct kr_people_put *put, const uint8_t id[static 32], struct kr_body_card *card,
                        enum kr_err *ret_verdict) KR_WARN_UNUSED;
enum kr_err kr_person_put(struct kr_people_put *put, const uint8_t id[static 32], struct kr_person_card *card,
                          enum kr_err *ret_verdict) KR_WARN_UNUSED;
/* What kr_person_put will say, once cards that are over are known by nothing that this one is known by. Nothing is put. */
enum kr_err kr_person_try(struct kr_people_put *put, const uint8_t id[static 32], struct kr_person_card *card,
                          enum kr_err *ret_verdict) KR_WARN_UNUSED;
/* Answers a request about a person with what such a verdict means. people_act.c */
enum kr_err kr_person_refuse(struct kr_step *step, const struct kr_event *event, enum kr_err verdict) KR_WARN_UNUSED;
enum kr_err kr_body_key_put(struct kr_people_put *put, struct kr_body_key *key, enum kr_err *ret_verdict) KR_WARN_UNUSED;

#endif
