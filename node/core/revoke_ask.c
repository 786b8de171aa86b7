/* A node key of ours that was stolen: our card with its end, and the list of what we signed with it ourselves. Of a root key that
 * was replaced, the list alone: which statements hold.
 *
 * Of another node of this council: its transport key ends as well, and all sealing keys are replaced, since it has them all.
 * Genuine is then what it had given to others before the theft: nobody but it knows what it made since then.
 *
 * Genuine is what this node made, and what of ours had come from peers before the theft: what a node that went back to a backup got
 * back. All that is still in some tree is named, content or not. */
#include <stdlib.h>
#include <string.h>

#include "node/core/revoke.h"
#include "node/core/rotate.h"
#include "node/core/sister.h"
#include "node/core/transport_key.h"
#include "proto/client/rekey.h"

/* ---- what is genuine ---- */

struct names {
    uint8_t (*items)[KR_REVOKED_NAME_BYTES];
    size_t count, capacity;
    uint64_t others; /* records of the key that are not named */
};

static enum kr_err add_name(struct names *names, const uint8_t key[static 32], const uint8_t id[static 32])
{
    if (names->count == names->capacity) {
        const size_t capacity = names->capacity == 0 ? 1024 : names->capacity * 2;
        void *items = realloc(names->items, capacity * KR_REVOKED_NAME_BYTES);
        if (items == NULL) {
            return KR_NOMEM;
        }
        names->items = items;
        names->capacity = capacity;
    }
    kr_revocation_name(names->items[names->count++], key, id);
    return KR_OK;
}

static bool is_genuine(const struct kr_step *step, const struct kr_revoke *revoke, bool is_of_other, const struct kr_head *head)
{
    const bool is_from_here = !is_of_other && memcmp(head->from, step->core->self, 32) == 0;
    return head->received_ms < revoke->since_ms || (is_from_here && !revoke->is_taken_over);
}

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, KR_REVOKED_NAME_BYTES);
}

static enum kr_err list_genuine(struct kr_step *step, const struct kr_revoke *revoke, bool is_root, bool is_of_other,
                                struct names *names)
{
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    struct kr_head head;
    uint64_t at = 1;
    enum kr_err err = scratch != NULL ? KR_OK : KR_NOMEM;
    while (err == KR_OK) {
        err = kr_store_head_next(step->txn, at, false, &head, scratch);
        if (err == KR_CORRUPT) { /* somewhere from here on: what is damaged comes anew, from peers */
            at++;
            err = KR_OK;
            continue;
        }
        if (err != KR_OK) {
            break;
        }
        at = head.arrival + 1;
        if (memcmp(head.author, step->core->self, 32) != 0 || memcmp(head.signing_key, revoke->key, 32) != 0 ||
            kr_kind_is_statement(head.kind) != is_root) {
            continue;
        }
        if (is_genuine(step, revoke, is_of_other, &head)) {
            err = add_name(names, revoke->key, head.id);
        } else {
            names->others++;
        }
    }
    free(scratch);
    if (names->count > 1) {
        qsort(names->items, names->count, KR_REVOKED_NAME_BYTES, compare);
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* How many pages hold them; 0: more than there may be. `ret_first` has where each begins, and the end of the last. */
static uint32_t divide(const struct names *names, size_t ret_first[static KR_REVOKED_PAGES_MAX + 1])
{
    for (uint32_t pages = 1; pages <= KR_REVOKED_PAGES_MAX; pages++) {
        size_t largest = 0, at = 0;
        for (uint32_t page = 0; page < pages; page++) {
            ret_first[page] = at;
            while (at < names->count && kr_revocation_page(names->items[at], pages) == page) {
                at++;
            }
            largest = at - ret_first[page] > largest ? at - ret_first[page] : largest;
        }
        ret_first[pages] = at;
        if (largest <= KR_REVOKED_NAMES_MAX) {
            return pages;
        }
    }
    return 0;
}

/* ---- the statements ---- */

static void write_revocation(const void *what, struct kr_slice previous, struct kr_writer *writer)
{
    struct kr_revocation revocation = *(const struct kr_revocation *)what;
    revocation.previous = previous;
    kr_revocation_write(&revocation, writer);
}

/* The card first, in every place, then the pages, there and without a community. */
struct statements {
    struct kr_statement items[KR_STATEMENTS_MAX];
    struct kr_revocation pages[KR_REVOKED_PAGES_MAX];
    uint8_t subjects[KR_REVOKED_PAGES_MAX][32];
    struct kr_card_places places;
    struct kr_card card;
    bool is_root; /* the key is a root key that was replaced: no card */
    uint32_t count;
};

static void fill(struct statements *all, const struct kr_core *core, const struct kr_revoke *revoke, const struct names *names,
                 const size_t *first, uint32_t pages, uint64_t made_ms)
{
    static const uint8_t none[32];
    const uint64_t since_ms = revoke->since_ms < made_ms ? revoke->since_ms : made_ms; /* (a root key may just be lost) */
    bool stands_alone = false;
    kr_card_fill(&all->places, &all->card, core->self, all->items);
    all->count = all->is_root ? 0 : all->places.count;
    for (uint32_t i = 0; i < pages; i++) {
        all->pages[i] = (struct kr_revocation){.since_ms = since_ms, .made_ms = made_ms, .page = i, .pages = pages};
        all->pages[i].names = (struct kr_slice){first[i + 1] > first[i] ? names->items[first[i]] : NULL,
                                                (first[i + 1] - first[i]) * KR_REVOKED_NAME_BYTES};
        memcpy(all->pages[i].key, revoke->key, 32);
        kr_revocation_subject(all->subjects[i], revoke->key, i);
        for (uint32_t j = 0; j < all->places.count; j++) {
            const bool has_community = memcmp(all->places.communities[j], none, 32) != 0;
            stands_alone = stands_alone || !has_community;
            all->items[all->count++] = (struct kr_statement){KR_KIND_REVOCATION, has_community ? all->places.communities[j] : NULL,
                                                             all->subjects[i], write_revocation, &all->pages[i]};
        }
        if (!stands_alone) { /* for who shares no directory with us */
            all->items[all->count++] =
                (struct kr_statement){KR_KIND_REVOCATION, NULL, all->subjects[i], write_revocation, &all->pages[i]};
        }
    }
}

/* It is no node of this council any more, under whichever of its keys. */
static void end_transport(const struct kr_core *core, const uint8_t transport_key[static 32], struct kr_card *card, uint64_t now_s)
{
    const struct kr_card as_it_is = *card;                 /* ends tell which keys belong together */
    for (uint32_t i = 0; i < card->transport_count; i++) { /* (zeros are none of them) */
        struct kr_card_key *key = &card->transport[i];
        const bool is_its = memcmp(key->public_key, transport_key, 32) == 0 ||
                            kr_card_transport_comes_behind(&as_it_is, transport_key, key->public_key) ||
                            kr_card_transport_comes_behind(&as_it_is, key->public_key, transport_key);
        if (is_its && !kr_transport_is_own(core, key->public_key)) {
            kr_card_end_key(key, now_s);
        }
    }
}

/* (The key first: its place moves.) A question is asked before there is a new key: it is whether the card has room for one. */
static enum kr_err end_and_turn(const struct kr_core *core, const struct kr_revoke *revoke, struct kr_card *card,
                                struct kr_card_key *key, uint64_t now_s)
{
    static const uint8_t made_then[32];
    kr_card_end_key(key, now_s + 1);
    if (revoke->is_question) {
        (void)kr_card_drop_plan(card, kr_keys_signing(core).public_key, now_s);
        return kr_card_put_first(card->node, &card->node_count, made_then, now_s, now_s) ? KR_OK : KR_BOUNDS;
    }
    return kr_card_turn_keys(core, card, &(struct kr_turn){.now_s = now_s, .at_s = now_s, .until_s = now_s + 1});
}

/* Ends the key on the card, and where it is the one in use, or another node's, puts the next ones there. `other`: the transport key
 * of that node, zeros where nobody can tell which; NULL: it is this one's. KR_CANCELLED: the client has its answer. */
static enum kr_err end_key(struct kr_step *step, const struct kr_event *event, const struct kr_revoke *revoke, const uint8_t *other,
                           struct kr_card *card)
{
    const struct kr_core *core = step->core;
    const uint64_t now_s = step->now_ms / 1000;
    const bool is_own = memcmp(kr_keys_signing(core).public_key, revoke->key, 32) == 0;
    struct kr_card_key *key = NULL;
    enum kr_err err = KR_OK;
    /* Whoever has the key has the one that was to take its place, too: that is off the card, and not used. */
    const struct kr_card_key *planned = kr_card_planned(card, revoke->key, now_s);
    const bool is_spoilt =
        planned != NULL && !revoke->is_question && memcmp(planned->public_key, core->keyring->next_node_public, 32) == 0;
    (void)kr_card_drop_plan(card, revoke->key, now_s);
    for (uint32_t i = 0; i < card->node_count && key == NULL; i++) {
        key = memcmp(card->node[i].public_key, revoke->key, 32) == 0 ? &card->node[i] : NULL;
    }
    if (key != NULL && kr_key_turn_s(key->from_s) > now_s) {
        err = kr_step_error(
            step, event->client, event->request, KR_INVALID,
            "that key has signed nothing, its turn has not come: `kairan node rotate --cancel` takes it off the card");
    } else if (key == NULL) {
        err = kr_step_error(step, event->client, event->request, KR_NOT_FOUND,
                            "this council's card lists no such node key: see `kairan node keys`");
    } else if (other == NULL && !is_own) {
        kr_card_end_key(key, now_s + 1);
        return KR_OK;
    } else {
        const enum kr_err turned = is_spoilt ? KR_NOT_FOUND : end_and_turn(core, revoke, card, key, now_s);
        if (turned == KR_OK) {
            if (other != NULL) {
                end_transport(core, other, card, now_s);
            }
            return KR_OK;
        }
        err = turned == KR_NOT_FOUND
                  ? kr_step_error(step, event->client, event->request, turned,
                                  "there is no new key to go on with: `kairan node revoke` makes it first")
                  : kr_step_error(step, event->client, event->request, turned,
                                  "the card lists %u node keys already, and has no room for another", (unsigned)KR_CARD_KEYS_MAX);
    }
    return err != KR_OK ? err : KR_CANCELLED;
}

static bool lists_transport(const struct kr_card *card, const uint8_t key[static 32])
{
    bool lists = false;
    for (uint32_t i = 0; i < card->transport_count; i++) {
        lists = lists || memcmp(card->transport[i].public_key, key, 32) == 0;
    }
    return lists;
}

/* As the operator says. Without its node key a machine has no session with anybody, so one that he does not know can wait. */
static enum kr_err named_node(const struct kr_core *core, const struct kr_card *card, const struct kr_revoke *revoke,
                              uint8_t ret_transport_key[static 32])
{
    static const uint8_t none[32];
    const bool is_none = memcmp(revoke->machine, none, 32) == 0;
    if (!is_none && (!lists_transport(card, revoke->machine) || kr_transport_is_own(core, revoke->machine))) {
        return KR_INVALID;
    }
    memcpy(ret_transport_key, revoke->machine, 32);
    return KR_OK;
}

/* Which other node has that key: as it was met, or else the only one whose key is not known. KR_NOT_FOUND: none of them; KR_BOUNDS:
 * there are several. */
static enum kr_err find_node(struct kr_step *step, const struct kr_card *card, const struct kr_revoke *revoke,
                             uint8_t ret_transport_key[static 32])
{
    const uint8_t *key = revoke->key;
    const struct kr_keyring *keyring = step->core->keyring;
    const bool is_ours = memcmp(key, keyring->node_public, 32) == 0 || memcmp(key, keyring->next_node_public, 32) == 0;
    const uint64_t now_s = step->now_ms / 1000;
    uint32_t count = 0;
    enum kr_err err = is_ours ? KR_NOT_FOUND : kr_node_row_find(step->txn, key, ret_transport_key);
    if (err == KR_OK && kr_transport_is_own(step->core, ret_transport_key)) {
        return KR_NOT_FOUND;
    }
    if (err == KR_NOT_FOUND && !is_ours && revoke->has_machine) {
        return named_node(step->core, card, revoke, ret_transport_key);
    }
    if (err != KR_NOT_FOUND || is_ours || !kr_card_node_is_used(card, key, now_s)) {
        return err;
    }
    for (uint32_t i = 0; i < card->transport_count; i++) {
        struct kr_node_row row;
        const struct kr_card_key *transport = &card->transport[i];
        if (transport->until_s != 0 || kr_transport_is_own(step->core, transport->public_key)) {
            continue;
        }
        err = kr_node_row_of(step->txn, card, transport->public_key, &row);
        if (err != KR_OK && err != KR_NOT_FOUND) {
            return err;
        }
        if (err == KR_NOT_FOUND || !kr_card_node_is_used(card, row.node_key, now_s)) { /* (met under one that has ended since) */
            memcpy(ret_transport_key, transport->public_key, 32);
            count++;
        }
    }
    return count == 1 ? KR_OK : count == 0 ? KR_NOT_FOUND : KR_BOUNDS;
}

static enum kr_err ask(struct kr_step *step, const struct kr_event *event, const struct kr_revoke *revoke,
                       const struct names *names, struct statements *all)
{
    size_t first[KR_REVOKED_PAGES_MAX + 1];
    const uint32_t pages = divide(names, first);
    if (pages == 0) {
        return kr_step_error(step, event->client, event->request, KR_BOUNDS,
                             "this key signed %zu records that are still alive, more than a revocation can name (%u): tell your "
                             "peers by telephone, and ask them to block this council until it has begun anew",
                             names->count, (unsigned)(KR_REVOKED_PAGES_MAX * KR_REVOKED_NAMES_MAX));
    }
    if (revoke->is_question) {
        return kr_step_end_empty(step, event->client, event->request);
    }
    fill(all, step->core, revoke, names, first, pages, step->now_ms);
    enum kr_err err = kr_step_log(step, KR_LOG_NOTICE,
                                  "a list of what that key signed genuinely was made: %zu records are named, %llu of that key "
                                  "are here and not named",
                                  names->count, (unsigned long long)names->others);
    return err == KR_OK ? kr_statement_ask(step, event, all->items, all->count) : err;
}

static enum kr_err cannot_tell(struct kr_step *step, const struct kr_event *event, enum kr_err why)
{
    return why == KR_INVALID
               ? kr_step_error(step, event->client, event->request, KR_INVALID,
                               "that is no transport key of another node on this council's card: see `kairan node keys`")
               : kr_step_error(step, event->client, event->request, KR_BUSY,
                               "this node has not met the one with that key, and cannot tell which machine to cut off: say so with "
                               "`--machine` and its transport key, which `kairan node keys` shows there, or `--machine none`: it "
                               "stays on the card then, and without its node key it can do nothing");
}

/* Whether a question is put by who can sign. KR_CANCELLED: the client has its answer. */
static enum kr_err check_root(struct kr_step *step, const struct kr_event *event, const struct kr_revoke *revoke)
{
    const struct kr_core *core = step->core;
    enum kr_err err;
    if (!revoke->is_question) {
        return KR_OK;
    }
    if (revoke->has_root && kr_directory_rank(&core->directory, core->self, revoke->root) != KR_ROOT_IN_FORCE) {
        err =
            kr_step_error(step, event->client, event->request, KR_KEY, "that is not the root key of this council that is in force");
    } else if (!revoke->has_root && kr_keyring_secret(core->keyring, KR_KEY_ROOT) == NULL) {
        err = kr_step_error(step, event->client, event->request, KR_KEY,
                            "the root key is not on this node: name its file with `--root`");
    } else {
        return KR_OK;
    }
    return err != KR_OK ? err : KR_CANCELLED;
}

enum kr_err kr_revoke_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct names names = {.items = NULL};
    struct kr_revoke revoke;
    uint8_t transport_key[32];
    bool is_of_other = false;
    if (kr_revoke_read(event->bytes, &revoke) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request is not readable");
    }
    struct statements *all = calloc(1, sizeof *all);
    enum kr_err err = all != NULL ? kr_card_own(step, event, &all->places, &all->card) : KR_NOMEM;
    err = err == KR_OK ? check_root(step, event, &revoke) : err;
    if (err == KR_CANCELLED) {
        err = KR_OK;
        goto out;
    }
    if (err == KR_OK) {
        err = find_node(step, &all->card, &revoke, transport_key);
        is_of_other = err == KR_OK;
        if (err == KR_BOUNDS || err == KR_INVALID) {
            err = cannot_tell(step, event, err);
            goto out;
        }
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    if (err == KR_OK) {
        const enum kr_root_rank rank = kr_directory_rank(&core->directory, core->self, revoke.key);
        all->is_root = rank == KR_ROOT_FORMER;
        if (rank == KR_ROOT_IN_FORCE) {
            err = kr_step_error(step, event->client, event->request, KR_INVALID,
                                "that is the root key in force: `kairan root recover` replaces it");
            goto out;
        }
        err = all->is_root ? KR_OK : end_key(step, event, &revoke, is_of_other ? transport_key : NULL, &all->card);
    }
    if (err == KR_OK) {
        err = list_genuine(step, &revoke, all->is_root, is_of_other, &names);
    }
    if (err == KR_OK) {
        err = ask(step, event, &revoke, &names, all);
    }
out:
    free(names.items);
    free(all);
    return err == KR_CANCELLED ? KR_OK : err;
}
