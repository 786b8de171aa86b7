/* Whether this node's address can be reached from outside. From inside nobody sees that, so a linked council's node is asked to
 * try:
 *
 *   a client asks ──▶ probe 0 to a peer ──▶ the peer's net makes one CURVE connection, to the address on our card and for our key
 *                                           ──▶ probe with what came of it ──▶ the client
 *
 * It is no port scanner: what is tried is the address that the asker's own signed card names for the very key that its link has, at
 * most once a minute for each peer and one at a time, and only the asker is told. Nothing of it is kept: after a restart it is
 * asked again. */
#include <string.h>

#include "node/core/effect.h"
#include "node/core/state.h"
#include "proto/client/trial.h"

#define AGAIN_MS 60000u /* a peer is asked, and answered, no more often; so long is an outcome told again */
#define TRIAL_MS 8000u  /* less than net's own patience */
#define WORD_MS  12000u /* a peer's answer */

/* ---- for peers ---- */

/* On its card, for the key that the link has; empty: none. */
static struct kr_slice address_of(const struct kr_step *step, const struct kr_link *link)
{
    const struct kr_council *council = kr_directory_council(&step->core->directory, link->council);
    const uint64_t now_s = step->now_ms / 1000;
    struct kr_slice address = {0};
    struct kr_card card;
    if (council == NULL) {
        return address;
    }
    kr_council_card(council, &card);
    for (uint32_t i = 0; i < card.transport_count && address.len == 0; i++) {
        const struct kr_card_key *key = &card.transport[i];
        if (memcmp(key->public_key, link->transport_key, 32) == 0 && (key->until_s == 0 || now_s < key->until_s)) {
            address = key->endpoint;
        }
    }
    return address;
}

static enum kr_err tell(struct kr_step *step, struct kr_link *link, enum kr_trial outcome)
{
    return kr_link_send(step, link, &(struct kr_message){.type = KR_MESSAGE_PROBE, .status = outcome});
}

static enum kr_err try_address(struct kr_step *step, struct kr_link *link, struct kr_slice address)
{
    struct kr_core *core = step->core;
    struct kr_writer writer;
    core->trial.is_trying = true;
    core->trial.trying_for = link->number;
    core->trial.trying_until_ms = step->now_ms + TRIAL_MS;
    link->trial_served_ms = step->now_ms;
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 3);
    kr_writer_str_slice(&writer, address);
    kr_writer_bin(&writer, link->transport_key, 32);
    kr_writer_bin(&writer, NULL, 0);
    enum kr_err err =
        kr_effect_add_writer(step->effects, (struct kr_effect){.type = KR_EFFECT_DIAL, .number = KR_NUMBER_TRIAL}, &writer);
    kr_writer_deinit(&writer);
    return err == KR_OK ? kr_step_wake(step, core->trial.trying_until_ms) : err;
}

static enum kr_err asked(struct kr_step *step, struct kr_link *link)
{
    const bool is_often = link->trial_served_ms != 0 && step->now_ms < link->trial_served_ms + AGAIN_MS;
    const bool may = link->through == NULL && link->state == KR_LINK_OPEN && !kr_link_is_held(step->core, link);
    if (!may || is_often || step->core->trial.is_trying || !step->core->net_is_up) {
        return tell(step, link, KR_TRIAL_LATER);
    }
    const struct kr_slice address = address_of(step, link);
    return address.len == 0 ? tell(step, link, KR_TRIAL_NO_CARD) : try_address(step, link, address);
}

bool kr_trial_is(uint32_t number)
{
    return number == KR_NUMBER_TRIAL;
}

enum kr_err kr_trial_ended(struct kr_step *step, enum kr_trial outcome)
{
    struct kr_core *core = step->core;
    struct kr_link *link = core->trial.is_trying ? kr_link_by_number(core, core->trial.trying_for) : NULL;
    core->trial.is_trying = false;
    enum kr_err err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = KR_NUMBER_TRIAL});
    return err == KR_OK && link != NULL && link->has_session ? tell(step, link, outcome) : err;
}

/* ---- for ourselves ---- */

static enum kr_err answer(struct kr_step *step, uint64_t client, uint64_t request)
{
    const struct kr_trial_asked *asked = &step->core->trial.asked;
    char name[KR_NAME_BYTES_MAX + 1];
    struct kr_tried reached = {.outcome = asked->outcome, .at_ms = asked->at_ms};
    struct kr_writer result;
    if (asked->at_ms != 0) {
        memcpy(reached.council, asked->council, 32);
        (void)kr_core_name(step->core, asked->council, step->speaks_japanese, name, sizeof name);
        reached.name = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    }
    kr_writer_init(&result, KR_KIB);
    kr_tried_write(&reached, &result);
    enum kr_err err = kr_step_end(step, client, request, &result);
    kr_writer_deinit(&result);
    return err;
}

static enum kr_err end(struct kr_step *step, uint32_t outcome)
{
    struct kr_trial_asked *asked = &step->core->trial.asked;
    asked->is_out = false;
    asked->outcome = outcome;
    asked->at_ms = step->now_ms;
    step->speaks_japanese = asked->speaks_japanese;
    return answer(step, asked->client, asked->request);
}

static enum kr_err told(struct kr_step *step, const struct kr_link *link, uint32_t outcome)
{
    const struct kr_trial_asked *asked = &step->core->trial.asked;
    const bool is_awaited = asked->is_out && asked->number == link->number && outcome != KR_TRIAL_ASK;
    return is_awaited ? end(step, outcome) : KR_OK; /* else nobody asked, or it comes too late */
}

enum kr_err kr_trial_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    return message->status == KR_TRIAL_ASK ? asked(step, link) : told(step, link, message->status);
}

enum kr_err kr_trial_tick(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_trial_asked *asked = &core->trial.asked;
    enum kr_err err = KR_OK;
    if (core->trial.is_trying && step->now_ms >= core->trial.trying_until_ms) {
        err = kr_trial_ended(step, KR_TRIAL_SILENT);
    }
    if (err == KR_OK && asked->is_out && step->now_ms >= asked->until_ms) {
        err = end(step, KR_TRIAL_UNTOLD);
    }
    if (err == KR_OK && core->trial.is_trying) {
        err = kr_step_wake(step, core->trial.trying_until_ms);
    }
    return err == KR_OK && asked->is_out ? kr_step_wake(step, asked->until_ms) : err;
}

/* The one that was not asked for longest: who does not answer, or sits behind the same wall, is not asked for ever. */
static struct kr_link *whom_to_ask(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_link *chosen = NULL;
    for (uint32_t i = 0; i < core->link_count; i++) {
        struct kr_link *link = core->links[i];
        const bool may = link->state == KR_LINK_OPEN && link->has_session && link->through == NULL &&
                         (link->trial_asked_ms == 0 || step->now_ms >= link->trial_asked_ms + AGAIN_MS);
        if (may && (chosen == NULL || link->trial_asked_ms < chosen->trial_asked_ms)) {
            chosen = link;
        }
    }
    return chosen;
}

enum kr_err kr_trial_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct kr_trial_asked *asked = &core->trial.asked;
    if (core->options.endpoint == NULL || core->options.endpoint[0] == 0) {
        return kr_step_error(step, event->client, event->request, KR_NOT_FOUND,
                             "this node has no address to be reached at: it only dials out");
    }
    if (asked->is_out) { /* for somebody else: again in a few seconds */
        struct kr_writer later;
        kr_writer_init(&later, KR_KIB);
        kr_tried_write(&(struct kr_tried){.outcome = KR_TRIAL_LATER}, &later);
        enum kr_err err = kr_step_end(step, event->client, event->request, &later);
        kr_writer_deinit(&later);
        return err;
    }
    if (asked->at_ms != 0 && step->now_ms < asked->at_ms + AGAIN_MS && asked->outcome <= KR_TRIAL_SILENT) {
        return answer(step, event->client, event->request);
    }
    struct kr_link *link = whom_to_ask(step);
    if (link == NULL) {
        *asked = (struct kr_trial_asked){0};
        return answer(step, event->client, event->request);
    }
    *asked = (struct kr_trial_asked){.is_out = true,
                                     .number = link->number,
                                     .client = event->client,
                                     .request = event->request,
                                     .speaks_japanese = event->speaks_japanese,
                                     .until_ms = step->now_ms + WORD_MS};
    memcpy(asked->council, link->council, 32);
    link->trial_asked_ms = step->now_ms;
    enum kr_err err = tell(step, link, KR_TRIAL_ASK);
    return err == KR_OK ? kr_step_wake(step, asked->until_ms) : err;
}
