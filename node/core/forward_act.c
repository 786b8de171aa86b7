/* What the operator allows to be passed on, and how it goes. In force at once. */
#include <string.h>

#include "node/core/effect.h"
#include "node/core/forward.h"
#include "proto/client/forward.h"

static enum kr_err allow(struct kr_step *step, const struct kr_forward_act *act, enum kr_err *ret_verdict)
{
    enum kr_err err = kr_forward_allow(step, act->councils[0], act->councils[1], act->rate == 0 ? KR_FORWARD_RATE : act->rate);
    *ret_verdict = err == KR_BOUNDS ? err : KR_OK;
    return err == KR_BOUNDS ? KR_OK : err;
}

static const char *why_not(const struct kr_core *core, const struct kr_forward_act *act)
{
    if (memcmp(act->councils[0], core->self, 32) == 0 || memcmp(act->councils[1], core->self, 32) == 0 ||
        memcmp(act->councils[0], act->councils[1], 32) == 0) {
        return "it takes two other councils, which this one stands between";
    }
    return act->rate != 0 && (act->rate < KR_FORWARD_RATE_MIN || act->rate > KR_FORWARD_RATE_MAX)
               ? "the rate is from 16K to 64M bytes a second"
               : NULL;
}

enum kr_err kr_forward_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_forward_act act;
    enum kr_err verdict = KR_OK;
    char names[2][KR_NAME_BYTES_MAX + 1];
    if (kr_forward_act_read(event->bytes, &act) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    const char *why = why_not(step->core, &act);
    if (why != NULL) {
        return kr_step_error(step, event->client, event->request, KR_INVALID, "%s", why);
    }
    enum kr_err err = act.action == KR_FORWARD_ALLOW ? allow(step, &act, &verdict)
                                                     : kr_forward_deny(step, act.councils[0], act.councils[1], &verdict);
    if (err != KR_OK) {
        return err;
    }
    if (verdict != KR_OK) {
        return kr_step_error(step, event->client, event->request, verdict, "%s",
                             verdict == KR_BOUNDS ? "between too many pairs of councils frames are passed on already"
                                                  : "between these two nothing is passed on: see `kairan forward ls`");
    }
    err = kr_step_log(step, KR_LOG_NOTICE, "passing on between %s and %s was %s by the operator",
                      kr_core_name(step->core, act.councils[0], false, names[0], sizeof names[0]),
                      kr_core_name(step->core, act.councils[1], false, names[1], sizeof names[1]),
                      act.action == KR_FORWARD_ALLOW ? "allowed" : "ended");
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}

static void describe(struct kr_step *step, const struct kr_event *event, const struct kr_forward *forward,
                     char names[2][KR_NAME_BYTES_MAX + 1], struct kr_forward_item *item)
{
    for (uint32_t i = 0; i < 2; i++) {
        const struct kr_forward_side *side = &forward->sides[i];
        memcpy(item->councils[i], side->council, 32);
        kr_core_name(step->core, side->council, event->speaks_japanese, names[i], KR_NAME_BYTES_MAX + 1);
        item->names[i] = (struct kr_slice){(const uint8_t *)names[i], strlen(names[i])};
        item->is_up[i] = kr_forward_is_up(step->core, side);
        item->has_asked[i] = side->has_asked;
        item->waiting += side->waiting;
    }
    const uint64_t apart_ms = step->now_ms - forward->span_ms;
    item->is_ready = forward->is_ready;
    item->rate = forward->rate;
    item->since_ms = forward->since_ms;
    item->bytes = forward->bytes;
    item->dropped = forward->dropped;
    /* The span that goes on counts where it is the only one. */
    item->now_rate = apart_ms < KR_FORWARD_SPAN_MS
                         ? (forward->span_bytes + forward->last_bytes) * 1000u / (KR_FORWARD_SPAN_MS + apart_ms)
                     : apart_ms < 2u * KR_FORWARD_SPAN_MS ? forward->span_bytes * 1000u / apart_ms
                                                          : 0;
}

enum kr_err kr_forwards_request(struct kr_step *step, const struct kr_event *event)
{
    const struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->forward_count && err == KR_OK; i++) {
        struct kr_forward_item listed = {0};
        char names[2][KR_NAME_BYTES_MAX + 1];
        struct kr_writer item;
        describe(step, event, core->forwards[i], names, &listed);
        kr_writer_init(&item, 2 * KR_KIB);
        kr_forward_item_write(&listed, &item);
        err = kr_step_item(step, event->client, event->request, &item);
        kr_writer_deinit(&item);
    }
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}
