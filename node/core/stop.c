/* A link stands still: what the peer shows is not what its council's root key vouches for. Nothing is let in or out, across
 * restarts, until the operator has found out by telephone what happened. Nothing goes on by itself. Where a hello was shown with
 * another key than those of the card he may let it be tried again (resume): no session comes up without a key of the card whatever
 * he says, and whoever has taken over net, here or there, can show such a hello at will. All else he removes, and makes anew. */
#include "node/core/effect.h"
#include "node/core/state.h"

bool kr_link_is_shut(const struct kr_link *link)
{
    return link->state == KR_LINK_PAUSED || link->stop != KR_STOP_NOT;
}

bool kr_link_may_try_again(const struct kr_link *link)
{
    return link->stop == KR_STOP_NODE_KEY || link->stop == KR_STOP_CARD;
}

static const char *what_happened(enum kr_link_stop why)
{
    switch (why) {
    case KR_STOP_NODE_KEY:
        return "its node signed with a key that its council's card does not list";
    case KR_STOP_CARD:
        return "it showed a card that its council's root key has not signed";
    case KR_STOP_RESTORED:
        return "this node went back to an older state before both operators had confirmed the code";
    default:
        return "while the code was agreed on it said one thing, and then another";
    }
}

static enum kr_err shut(struct kr_step *step, struct kr_link *link, enum kr_link_stop why)
{
    link->stop = why;
    link->stopped_ms = step->now_ms;
    kr_link_session_down(step->core, link);
    enum kr_err err = kr_link_put(step, link);
    return err == KR_OK && link->we_dial
               ? kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = link->number})
               : err;
}

enum kr_err kr_link_stop(struct kr_step *step, struct kr_link *link, enum kr_link_stop why)
{
    char name[KR_NAME_BYTES_MAX + 1];
    struct kr_link *each;
    const uint64_t client = link->client, request = link->request;
    enum kr_err err = KR_OK;
    link->client = link->request = 0;
    for (uint32_t at = 0; err == KR_OK && (each = kr_link_of_council(step->core, link->council, &at)) != NULL;) {
        err = shut(step, each, why);
    }
    if (err == KR_OK) {
        err = kr_links_allow(step);
    }
    if (err == KR_OK && client != 0) {
        err = kr_step_error(step, client, request, KR_KEY, "the link was stopped because of a key: `kairan peers` says why");
    }
    return err != KR_OK
               ? err
               : kr_step_log(step, KR_LOG_ERROR,
                             "the link with %s is stopped: %s. Somebody may pass itself off as this council, or its machine "
                             "was set up anew. Nothing goes over it until you have telephoned its operator%s, removed the link "
                             "(`kairan peer remove`) and made it anew with a new ticket",
                             kr_core_name(step->core, link->council, false, name, sizeof name), what_happened(why),
                             kr_link_may_try_again(link) ? " and, where its keys are as they were, let it be tried again "
                                                           "(`kairan peer resume`); else"
                                                         : "");
}
