/* Communities: founding one, being named as a founder, and what this council says of others. */
#include <stdlib.h>
#include <string.h>

#include "node/core/restored.h"

static enum kr_err refuse(struct kr_step *step, const struct kr_event *event, enum kr_err code, const char *text)
{
    enum kr_err err = kr_step_error(step, event->client, event->request, code, "%s", text);
    return err != KR_OK ? err : KR_CANCELLED;
}

static bool stands_as(const struct kr_community *community, const uint8_t council[static 32], unsigned as)
{
    return (kr_membership_standing(&community->membership, council) & as) != 0;
}

enum kr_err kr_community_choose(struct kr_step *step, const struct kr_event *event, const uint8_t *named, unsigned standing,
                                const struct kr_community **ret_community)
{
    const struct kr_core *core = step->core;
    const struct kr_community *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        const struct kr_community *community = core->directory.communities[i];
        bool is_meant = named == NULL || memcmp(named, community->id, 32) == 0;
        if (is_meant && stands_as(community, core->self, standing)) {
            found = community;
            count++;
        }
    }
    if (count != 1) {
        return count > 1 ? refuse(step, event, KR_INVALID, "this council is in several communities: say which one with --community")
               : named != NULL ? refuse(step, event, KR_DENIED, "this council is not a member of that community")
                               : refuse(step, event, KR_DENIED,
                                        "this council is a member of no community (yet: after a join, membership arrives with the "
                                        "first records; `kairan community ls` shows it)");
    }
    *ret_community = found;
    return KR_OK;
}

/* ---- cards ---- */

/* Whether a card of that council is in the community's directory. */
static enum kr_err has_card(struct kr_step *step, const uint8_t community[static 32], const uint8_t council[static 32],
                            bool *ret_has)
{
    struct kr_header header = {.kind = KR_KIND_COUNCIL_CARD};
    struct kr_directory_entry entry;
    memcpy(header.author, council, 32);
    memcpy(header.subject, council, 32);
    memcpy(header.community, community, 32);
    enum kr_err err = kr_admit_standing(step, &header, &entry);
    *ret_has = err == KR_OK;
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_community_publish_card(struct kr_step *step, const uint8_t community[static 32])
{
    struct kr_core *core = step->core;
    struct kr_card card;
    bool is_there;
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    KR_ASSERT(self != NULL);
    enum kr_err err = has_card(step, community, core->self, &is_there);
    const bool must_wait = kr_restored_holds(core); /* peers may have one that was signed and forgotten: looked at again then */
    if (err != KR_OK || is_there || must_wait) {
        return err;
    }
    if (kr_keyring_secret(core->keyring, KR_KEY_ROOT) == NULL) {
        return kr_step_log(step, KR_LOG_WARNING,
                           "this council's card is not in the community's directory yet, and the root key is not on this node: run "
                           "`kairan council publish` with --root");
    }
    kr_council_card(self, &card);
    return kr_statement_put(step,
                            &(struct kr_statement){KR_KIND_COUNCIL_CARD, community, core->self, kr_statement_write_card, &card});
}

/* ---- founding ---- */

/* This council among them, sorted, each once. KR_CANCELLED: the client has its answer. */
static enum kr_err take_founders(struct kr_step *step, const struct kr_event *event, const struct kr_founding *found,
                                 struct kr_charter *charter)
{
    struct kr_core *core = step->core;
    memcpy(charter->founders[0], core->self, 32);
    charter->founder_count = 1;
    for (uint32_t i = 0; i < found->founder_count; i++) {
        const uint8_t *id = found->founders[i];
        const struct kr_link *link = kr_link_by_council(core, id);
        uint32_t at = 0;
        while (at < charter->founder_count && memcmp(charter->founders[at], id, 32) < 0) {
            at++;
        }
        if (at < charter->founder_count && memcmp(charter->founders[at], id, 32) == 0) {
            continue;
        }
        if (link == NULL || link->state != KR_LINK_OPEN || kr_directory_council(&core->directory, id) == NULL) {
            return refuse(step, event, KR_NOT_FOUND,
                          "a founder must be linked to this council: make links first, with `kairan invite --link-only`");
        }
        if (kr_link_is_held(core, link)) {
            return refuse(step, event, KR_DENIED,
                          "the link with a founder is not confirmed yet: compare its code first (`kairan peer code`), or its new "
                          "root key (`kairan peer confirm-root`)");
        }
        if (charter->founder_count == KR_FOUNDERS_MAX) {
            return refuse(step, event, KR_BOUNDS, "a community has at most 64 founders: vouch for the others");
        }
        memmove(charter->founders[at + 1], charter->founders[at], (size_t)(charter->founder_count++ - at) * 32);
        memcpy(charter->founders[at], id, 32);
    }
    return KR_OK;
}

static enum kr_err check_charter(struct kr_step *step, const struct kr_event *event, const struct kr_charter *charter)
{
    const struct kr_directory *directory = &step->core->directory;
    char name[KR_NAME_BYTES_MAX + 1];
    if (charter->name.len == 0 || !kr_slice_text(charter->name, name, sizeof name)) {
        return refuse(step, event, KR_INVALID, "a community needs a name of at most 256 bytes");
    }
    if (charter->vouches_needed == 0 || charter->quorum == 0) {
        return refuse(step, event, KR_INVALID, "vouches and quorum are 1 at least");
    }
    if (charter->vouches_needed > charter->founder_count) {
        return refuse(step, event, KR_INVALID,
                      "nobody could ever join: more vouches are needed than there are founders to give them");
    }
    if (charter->quorum > charter->founder_count) {
        return refuse(step, event, KR_INVALID, "nobody could be expelled: the quorum is larger than the number of founders");
    }
    for (uint32_t i = 0; i < directory->community_count; i++) {
        if (strcmp(directory->communities[i]->name, name) == 0) {
            return refuse(step, event, KR_EXISTS, "a community of this name is known here already: choose another");
        }
    }
    return directory->community_count < KR_COMMUNITIES_MAX
               ? KR_OK
               : refuse(step, event, KR_BOUNDS, "this node knows as many communities as it can");
}

static enum kr_err found(struct kr_step *step, const struct kr_event *event, struct kr_charter *charter)
{
    struct kr_core *core = step->core;
    struct kr_writer genesis;
    struct kr_card card;
    uint8_t nonce[16];
    kr_writer_init(&genesis, 4 * KR_KIB);
    kr_rng_bytes(step->rng, nonce, sizeof nonce);
    kr_charter_genesis_write(charter, nonce, &genesis);
    enum kr_err err = kr_writer_finish(&genesis);
    if (err == KR_OK) {
        charter->genesis = (struct kr_slice){genesis.bytes, genesis.len};
        kr_community_id(charter->community, charter->genesis);
        kr_council_card(kr_directory_council(&core->directory, core->self), &card);
        const struct kr_statement statements[] = {
            {KR_KIND_CHARTER, charter->community, charter->community, kr_statement_write_charter, charter},
            {KR_KIND_COUNCIL_CARD, charter->community, core->self, kr_statement_write_card, &card}};
        err = kr_statement_ask(step, event, statements, 2);
    }
    kr_writer_deinit(&genesis);
    return err;
}

enum kr_err kr_found_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_founding *asked = malloc(sizeof *asked);
    struct kr_charter *charter = calloc(1, sizeof *charter);
    enum kr_err err = asked != NULL && charter != NULL ? KR_OK : KR_NOMEM;
    if (err == KR_OK && kr_founding_read(event->bytes, asked) != KR_OK) {
        err = refuse(step, event, KR_MALFORMED, "the request cannot be read");
    }
    if (err == KR_OK) {
        charter->name = asked->name;
        charter->text = asked->text;
        charter->vouches_needed = asked->vouches_needed;
        charter->quorum = asked->quorum;
        charter->is_from_now_on = asked->is_from_now_on;
        err = take_founders(step, event, asked, charter);
    }
    if (err == KR_OK) {
        err = check_charter(step, event, charter);
    }
    if (err == KR_OK) {
        err = found(step, event, charter);
    }
    free(asked);
    free(charter);
    return err == KR_CANCELLED ? KR_OK : err;
}

/* ---- named as a founder ---- */

bool kr_community_founds(const struct kr_charter *charter, const uint8_t council[static 32])
{
    bool is_founder = false;
    for (uint32_t i = 0; i < charter->founder_count; i++) {
        is_founder = is_founder || memcmp(charter->founders[i], council, 32) == 0;
    }
    return is_founder;
}

static bool count_row(void *context, struct kr_slice key, struct kr_slice value)
{
    uint32_t *count = context;
    (void)key;
    (void)value;
    return ++*count < KR_CHARTERS_MAX;
}

enum kr_err kr_community_invites(struct kr_step *step, const struct kr_header *header, const struct kr_charter *charter,
                                 bool is_own_word)
{
    uint8_t prefix[33] = {KR_KIND_CHARTER};
    uint32_t count = 0;
    if (!is_own_word || !kr_community_founds(charter, header->author) || !kr_community_founds(charter, step->core->self)) {
        return KR_DENIED;
    }
    memcpy(prefix + 1, header->author, 32);
    enum kr_err err = kr_store_each(step->txn, KR_TABLE_DIRECTORY, prefix, sizeof prefix, count_row, &count);
    return err != KR_OK ? err : count < KR_CHARTERS_MAX ? KR_OK : KR_BOUNDS;
}

enum kr_err kr_community_entered(struct kr_step *step, const struct kr_header *header)
{
    struct kr_core *core = step->core;
    char name[KR_NAME_BYTES_MAX + 1];
    bool has_one;
    const struct kr_community *community = kr_directory_community(&core->directory, header->community);
    if (memcmp(header->author, core->self, 32) == 0 || community == NULL || !stands_as(community, core->self, KR_IS_FOUNDER)) {
        return KR_OK;
    }
    enum kr_err err = has_card(step, community->id, core->self, &has_one);
    if (err != KR_OK || has_one) {
        return err;
    }
    err = kr_step_log(
        step, KR_LOG_NOTICE,
        "%s has founded the community \"%s\" with this council among its founders, so it is a member: `kairan community "
        "show` tells what it is, `kairan community leave` leaves it",
        kr_core_name(core, header->author, false, name, sizeof name), community->name);
    return err == KR_OK ? kr_community_publish_card(step, community->id) : err;
}

enum kr_err kr_community_offer_charters(struct kr_step *step, struct kr_link *link)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->directory.community_count && err == KR_OK; i++) {
        const struct kr_community *community = core->directory.communities[i];
        struct kr_header header = {.kind = KR_KIND_CHARTER};
        struct kr_directory_entry entry;
        uint64_t arrival;
        bool has_one;
        if (!stands_as(community, link->council, KR_IS_FOUNDER)) {
            continue;
        }
        memcpy(header.author, core->self, 32);
        memcpy(header.community, community->id, 32);
        memcpy(header.subject, community->id, 32);
        err = kr_admit_standing(step, &header, &entry);
        if (err == KR_OK) {
            err = has_card(step, community->id, link->council, &has_one);
        }
        if (err == KR_OK && !has_one) {
            err = kr_store_record_find(step->txn, entry.record_id, &arrival);
        }
        if (err == KR_OK && !has_one) {
            err = kr_gossip_enqueue(link, arrival, false);
        }
        err = err == KR_NOT_FOUND || err == KR_QUOTA ? KR_OK : err;
    }
    return err;
}

/* ---- what this council says of others ---- */

static enum kr_err check_vouch(struct kr_step *step, const struct kr_event *event, const struct kr_say *say,
                               const struct kr_community *community)
{
    const struct kr_membership *membership = &community->membership;
    bool takes_part = false;
    if (say->is_withdrawn) {
        return KR_OK;
    }
    enum kr_err err = has_card(step, community->id, say->council, &takes_part);
    if (err == KR_OK && !takes_part) {
        err = refuse(step, event, KR_NOT_FOUND,
                     "this council takes no part in the community yet: invite it, which vouches for it, too (`kairan invite "
                     "--community NAME`)");
    }
    if (err == KR_OK && kr_membership_count(membership) == KR_COMMUNITY_COUNCILS_MAX &&
        !stands_as(community, say->council, KR_IS_MEMBER)) {
        err = refuse(step, event, KR_BOUNDS, "the community has as many members as it can hold");
    }
    return err;
}

/* Whether there is anything to say, and sense in it. KR_CANCELLED: the client has its answer. */
static enum kr_err check_say(struct kr_step *step, const struct kr_event *event, const struct kr_say *say,
                             const struct kr_community *community)
{
    const uint8_t *self = step->core->self;
    const bool is_self = memcmp(say->council, self, 32) == 0;
    const struct kr_edge *edge =
        kr_membership_find(&community->membership, say->is_expulsion ? KR_WORD_EXPULSION : KR_WORD_VOUCH, self, say->council);
    const bool stands = edge != NULL && !edge->is_withdrawn;
    if (is_self && !say->is_expulsion) {
        return refuse(step, event, KR_INVALID, "a council cannot vouch for itself");
    }
    if (stands == !say->is_withdrawn) {
        const char *text =
            is_self ? (stands ? "this council has left the community already" : "this council has not left the community")
            : say->is_expulsion ? (stands ? "this council has expelled it already" : "this council has not expelled it")
                                : (stands ? "this council vouches for it already" : "this council does not vouch for it");
        return refuse(step, event, stands ? KR_EXISTS : KR_NOT_FOUND, text);
    }
    if (say->reason.len == 0 && !is_self && (say->is_expulsion != say->is_withdrawn)) {
        return refuse(step, event, KR_INVALID, "say why, for the other members: --reason TEXT");
    }
    return say->is_expulsion ? KR_OK : check_vouch(step, event, say, community);
}

enum kr_err kr_say_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_say say;
    const struct kr_community *community = NULL;
    if (kr_say_read(event->bytes, &say) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    /* Who is no member any more still takes back what it said, and comes back. */
    const unsigned standing = say.is_withdrawn ? KR_WAS_MEMBER : KR_IS_MEMBER;
    enum kr_err err = kr_community_choose(step, event, say.has_community ? say.community : NULL, standing, &community);
    if (err == KR_OK) {
        err = check_say(step, event, &say, community);
    }
    if (err == KR_OK) {
        const bool is_dated = community->is_from_now_on && !say.is_expulsion && !say.is_withdrawn;
        struct kr_vouch vouch = {.is_withdrawn = say.is_withdrawn, .reason = say.reason, .since_ms = is_dated ? step->now_ms : 0};
        uint8_t id[32];
        memcpy(vouch.council, say.council, 32);
        memcpy(id, community->id, 32);
        err = kr_statement_ask(step, event,
                               &(struct kr_statement){say.is_expulsion ? KR_KIND_EXPULSION : KR_KIND_VOUCH, id, vouch.council,
                                                      kr_statement_write_vouch, &vouch},
                               1);
    }
    return err == KR_CANCELLED ? KR_OK : err;
}
