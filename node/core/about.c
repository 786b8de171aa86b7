#include "node/core/about.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/rotate.h"

void kr_about_draft(struct kr_step *step, const struct kr_event *event, uint32_t kind, const struct kr_header *target,
                    const uint8_t target_id[static 32], const uint8_t token[static 16], struct kr_job *job)
{
    job->draft = (struct kr_draft){
        .kind = kind,
        .created_ms = step->now_ms,
        .expires_s = target->expires_s,
        .label = target->label,
        .flags = target->flags,
        .target = job->target_id,
    };
    memcpy(job->target_id, target_id, 32);
    if (target->has_community) {
        memcpy(job->community, target->community, 32);
        job->draft.community = job->community;
    }
    memcpy(job->author, step->core->self, 32);
    memcpy(job->token, token, 16);
    kr_rng_bytes(step->rng, job->seed, sizeof job->seed);
    job->client = event->client;
    job->request = event->request;
}

/* The key that its card names now, behind those that there are. */
static void add_key(const struct kr_step *step, const uint8_t id[static 32], struct kr_job *job)
{
    const struct kr_council *council = kr_directory_council(&step->core->directory, id);
    struct kr_card card;
    if (council == NULL) {
        return;
    }
    kr_council_card(council, &card);
    const struct kr_card_key *key = kr_card_key_at(card.sealing, card.sealing_count, step->now_ms / 1000);
    if (key != NULL) {
        memcpy(job->recipients[job->draft.recipient_count++], key->public_key, 32);
    }
}

enum kr_err kr_about_address(const struct kr_step *step, const struct kr_header *target, struct kr_job *job)
{
    const uint8_t *self = step->core->self;
    job->audience = malloc(((size_t)target->audience_count + 1) * 32);
    job->recipients = malloc(((size_t)target->audience_count + 2) * 32);
    if (job->audience == NULL || job->recipients == NULL) {
        return KR_NOMEM;
    }
    for (uint32_t i = 0; i <= target->audience_count; i++) {
        const bool is_author = i == target->audience_count;
        const uint8_t *id = is_author ? target->author : kr_header_audience_at(target, i);
        if (memcmp(id, self, 32) == 0 || (is_author && kr_header_addresses(target, id))) {
            continue;
        }
        memcpy(job->audience[job->draft.audience_count++], id, 32);
        add_key(step, id, job);
    }
    if (job->draft.audience_count ==
        0) { /* it was for bodies or persons of our own alone (submit.c), and so is what is said of it */
        memcpy(job->audience[job->draft.audience_count++], self, 32);
    }
    memcpy(job->recipients[job->draft.recipient_count++], kr_keys_own_sealing(step->core, step->now_ms), 32);
    return KR_OK;
}
