/* Whether addresses can be reached: ours, which a peer tries, and a peer's, which we try (trial.c). */
#ifndef KR_NODE_CORE_TRIAL_H
#define KR_NODE_CORE_TRIAL_H

#include "node/core/event.h"
#include "proto/client/trial.h"
#include "proto/wire/wire.h"

struct kr_step;
struct kr_link;

struct kr_trials {
    struct kr_trial_asked {
        bool is_out, speaks_japanese;
        uint32_t number, outcome; /* the link; enum kr_trial */
        uint8_t council[32];
        uint64_t client, request, until_ms, at_ms; /* at 0: nobody was asked */
    } asked;
    bool is_trying; /* a peer's address, for the link with this number */
    uint32_t trying_for;
    uint64_t trying_until_ms;
};
enum kr_err kr_trial_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
/* A dial that is only tried, and what came of it. */
bool kr_trial_is(uint32_t number);
enum kr_err kr_trial_ended(struct kr_step *step, enum kr_trial outcome) KR_WARN_UNUSED;
enum kr_err kr_trial_tick(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_trial_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

#endif
