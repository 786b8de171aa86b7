#include "node/core/claim.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/transport_key.h"

#define TURN_MS 20000u

static bool is_under(const struct kr_link *link, const uint8_t key[static 32])
{
    return link->through == NULL && memcmp(link->transport_key, key, 32) == 0;
}

/* NULL: nobody, or that council itself. */
static const struct kr_link *proved_by_another(const struct kr_core *core, const uint8_t key[static 32],
                                               const uint8_t council[static 32])
{
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_link *link = core->links[i];
        if (link->has_proved && is_under(link, key) && memcmp(link->council, council, 32) != 0) {
            return link;
        }
    }
    return NULL;
}

bool kr_link_key_is_taken(const struct kr_core *core, const uint8_t key[static 32], const uint8_t council[static 32])
{
    bool is_taken = kr_transport_is_own(core, key) || proved_by_another(core, key, council) != NULL;
    for (uint32_t i = 0; i < core->invitation_count && !is_taken; i++) {
        is_taken = memcmp(core->invitations[i]->public_key, key, 32) == 0;
    }
    return is_taken;
}

bool kr_link_bears(const struct kr_core *core, const uint8_t key[static 32])
{
    bool bears = false;
    for (uint32_t i = 0; i < core->link_count && !bears; i++) {
        bears = memcmp(core->links[i]->transport_key, key, 32) == 0;
    }
    return bears;
}

bool kr_claim_is_lost(const struct kr_core *core, const struct kr_link *link)
{
    return !link->has_proved && link->through == NULL && proved_by_another(core, link->transport_key, link->council) != NULL;
}

/* Who is dialled here does not come in; of the others the oldest is first. */
static bool goes_before(const struct kr_link *a, const struct kr_link *b)
{
    if (a->has_proved != b->has_proved) {
        return a->has_proved;
    }
    return a->we_dial != b->we_dial ? b->we_dial : a->number < b->number;
}

static bool is_expected(const struct kr_link *link)
{
    return link->through == NULL && !kr_link_is_shut(link);
}

/* All of them reach whoever has the key, wherever their cards say that he is: his net keeps one connection of ours, the newest. */
bool kr_claim_rests(const struct kr_core *core, const struct kr_link *link, uint64_t now_ms)
{
    uint32_t count = 0, before = 0;
    if (kr_claim_is_lost(core, link)) {
        return true;
    }
    for (uint32_t i = 0; i < core->link_count && !link->has_proved && link->we_dial && is_expected(link); i++) {
        const struct kr_link *other = core->links[i];
        if (is_expected(other) && other->we_dial && is_under(other, link->transport_key)) {
            count++;
            before += other->number < link->number;
        }
    }
    return count > 1 && now_ms / TURN_MS % count != before;
}

bool kr_claim_is_let_in(const struct kr_core *core, const struct kr_link *link)
{
    bool is_first = is_expected(link) && !kr_claim_is_lost(core, link);
    for (uint32_t i = 0; i < core->link_count && is_first; i++) {
        const struct kr_link *other = core->links[i];
        is_first = other == link || !is_expected(other) || !is_under(other, link->transport_key) || !goes_before(other, link);
    }
    return is_first;
}

/* That council's link under the key, which waits for it. NULL: there is none, or `link` is the one that proved it. */
static struct kr_link *claim_of(struct kr_core *core, const struct kr_link *link, const uint8_t council[static 32])
{
    struct kr_link *other;
    uint32_t at = 0;
    while ((other = kr_link_of_council(core, council, &at)) != NULL) {
        const bool waits = other->state == KR_LINK_OPEN && !other->we_dial && is_expected(other);
        if (waits && other != link && !link->has_proved && is_under(other, link->transport_key)) {
            return other;
        }
    }
    return NULL;
}

enum kr_err kr_claim_proved(struct kr_step *step, struct kr_link *link)
{
    const struct kr_core *core = step->core;
    bool has_rivals = false;
    if (link->has_proved || link->through != NULL || link->state != KR_LINK_OPEN) {
        return KR_OK;
    }
    if (proved_by_another(core, link->transport_key, link->council) != NULL) {
        return KR_OK; /* the secret is in two hands: it stays with the first */
    }
    link->has_proved = true;
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_link *other = core->links[i];
        has_rivals = has_rivals || (other != link && is_under(other, link->transport_key));
    }
    if (!has_rivals) {
        return KR_OK;
    }
    enum kr_err err = kr_links_allow(step);
    return err == KR_OK ? kr_links_follow_soon(step) : err;
}

enum kr_err kr_claim_hello(struct kr_step *step, struct kr_link *link, const struct kr_hello *hello)
{
    struct kr_link *other = claim_of(step->core, link, hello->council);
    struct kr_job job = {0};
    struct kr_card card;
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err verdict = KR_KEY;
    if (other != NULL && !hello->is_responder && memcmp(hello->meant, step->core->self, 32) == 0) {
        verdict = kr_hello_card(step, hello, &job, &card);
    }
    free(job.bytes);
    free(job.content);
    free(job.terms);
    if (verdict == KR_OK || verdict == KR_NOMEM) {
        return verdict == KR_OK ? kr_claim_proved(step, other) : verdict;
    }
    return kr_step_log_peer(step, link, KR_LOG_WARNING, "a hello that does not fit came over the link with %s; ignored",
                            kr_core_name(step->core, link->council, false, name, sizeof name));
}

/* ---- what the operator is told ---- */

static bool is_anothers(const struct kr_core *core, const uint8_t key[static 32], const uint8_t council[static 32])
{
    return kr_transport_has(core->keyring, key) || proved_by_another(core, key, council) != NULL;
}

bool kr_claim_is_news(const struct kr_core *core, const struct kr_link *link, const struct kr_card_key *key)
{
    return !link->told_claim && !kr_link_is_sister(core, link) && is_anothers(core, key->public_key, link->council);
}

bool kr_claim_stands(const struct kr_core *core, const struct kr_link *link)
{
    const struct kr_council *known = link->told_claim ? kr_directory_council(&core->directory, link->council) : NULL;
    struct kr_card card = {0};
    bool stands = false;
    if (known != NULL) {
        kr_council_card(known, &card);
    }
    for (uint32_t i = 0; i < card.transport_count && !stands; i++) {
        const struct kr_card_key *key = &card.transport[i];
        const bool has_ended = key->until_s != 0 && key->until_s <= core->now_ms / 1000;
        stands = !has_ended && is_anothers(core, key->public_key, link->council);
    }
    return stands;
}

enum kr_err kr_claim_tell(struct kr_step *step, struct kr_link *link, const struct kr_card_key *key)
{
    const struct kr_core *core = step->core;
    char name[KR_NAME_BYTES_MAX + 1], other[KR_NAME_BYTES_MAX + 1] = "this node";
    const struct kr_link *owner = proved_by_another(core, key->public_key, link->council);
    link->told_claim = true;
    if (owner != NULL) {
        kr_core_name(core, owner->council, false, other, sizeof other);
    }
    return kr_step_log(step, KR_LOG_ERROR,
                       "ALARM: the card of %s lists a transport key that %s has proved to be its own; they are not linked under "
                       "it. Ask the operator of the former by telephone what that is about, and see `kairan peer block`",
                       kr_core_name(core, link->council, false, name, sizeof name), other);
}
