/* The table of links: which there are, durably, and which side dials. What goes over them is link.c's. */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "crypto/hash.h"
#include "node/core/claim.h"
#include "node/core/effect.h"
#include "node/core/enrol.h"
#include "node/core/forward.h"
#include "node/core/restored.h"
#include "node/core/root_confirm.h"
#include "node/core/sister.h"
#include "node/core/through.h"
#include "node/core/transport_key.h"

#define FOLLOW_CARDS_MS 600000u /* keys on cards end by themselves */

void kr_link_free(struct kr_link *link)
{
    if (link == NULL) {
        return;
    }
    kr_gossip_free(link);
    kr_walk_close(link);
    kr_spread_free_link(link);
    kr_catchup_close(link);
    free(link->progress);
    kr_through_free(link->through);
    sodium_memzero(link, sizeof *link);
    free(link);
}

struct kr_link *kr_link_by_number(struct kr_core *core, uint32_t number)
{
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (core->links[i]->number == number) {
            return core->links[i];
        }
    }
    return NULL;
}

struct kr_link *kr_link_by_council(struct kr_core *core, const uint8_t council[static 32])
{
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (memcmp(core->links[i]->council, council, 32) == 0 && !core->links[i]->is_second) {
            return core->links[i];
        }
    }
    return NULL;
}

struct kr_link *kr_link_of_council(struct kr_core *core, const uint8_t council[static 32], uint32_t *at)
{
    while (*at < core->link_count) {
        struct kr_link *link = core->links[(*at)++];
        if (memcmp(link->council, council, 32) == 0) {
            return link;
        }
    }
    return NULL;
}

struct kr_link *kr_link_by_row(struct kr_core *core, const uint8_t row[static 32])
{
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (memcmp(core->links[i]->row, row, 32) == 0) {
            return core->links[i];
        }
    }
    return NULL;
}

bool kr_council_is_held(const struct kr_core *core, const uint8_t council[static 32])
{
    const bool is_any = core->pending_count > 0 || core->unconfirmed_count > 0;
    for (uint32_t i = 0; i < core->link_count && is_any; i++) {
        const struct kr_link *link = core->links[i];
        const bool is_held = (link->pairing.is_pending && !KR_FAULT(KR_FAULT_PENDING_OPEN)) ||
                             (link->root_is_unconfirmed && !KR_FAULT(KR_FAULT_ROOT_UNCONFIRMED));
        if (is_held && memcmp(link->council, council, 32) == 0) {
            return true;
        }
    }
    return false;
}

bool kr_link_is_held(const struct kr_core *core, const struct kr_link *link)
{
    return kr_council_is_held(core, link->council);
}

bool kr_link_is_sister(const struct kr_core *core, const struct kr_link *link)
{
    return memcmp(link->council, core->self, 32) == 0;
}

/* Of two that can dial, the smaller transport key does; who has no endpoint only dials out. */
static bool should_dial(const struct kr_core *core, const struct kr_link *link)
{
    if (link->through != NULL) {
        return memcmp(core->self, link->council, 32) < 0;
    }
    if (link->endpoint[0] == 0) {
        return false;
    }
    bool has_own = core->options.endpoint != NULL && core->options.endpoint[0] != 0;
    return link->state == KR_LINK_JOINING || !has_own || memcmp(core->keyring->transport_public, link->transport_key, 32) < 0;
}

void kr_link_settle_dialler(const struct kr_core *core, struct kr_link *link)
{
    link->we_dial = should_dial(core, link);
}

/* Whom net lets in: whoever is linked, holders of tickets that are still good, and persons' machines. */
enum kr_err kr_links_allow(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_writer writer;
    kr_writer_init(&writer, KR_MIB);
    uint32_t tickets = 0;
    for (uint32_t i = 0; i < core->invitation_count; i++) {
        tickets += core->invitations[i]->expires_s > step->now_ms / 1000;
    }
    uint32_t links = 0, leaving = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        links += kr_claim_is_let_in(core, core->links[i]);
    }
    for (uint32_t i = 0; i < core->leaving_count; i++) {
        leaving += !kr_link_bears(core, core->leaving[i].transport_key);
    }
    struct kr_writer machines;
    uint32_t machine_count = 0;
    kr_writer_init(&machines, KR_MIB);
    enum kr_err err = kr_enrol_list(step, &machines, &machine_count);
    err = err == KR_OK ? kr_writer_finish(&machines) : err;
    kr_writer_array(&writer, links + leaving + tickets + machine_count);
    for (uint32_t i = 0; i < core->leaving_count; i++) {
        if (!kr_link_bears(core, core->leaving[i].transport_key)) { /* else it is linked anew already */
            kr_writer_array(&writer, 3);
            kr_writer_uint(&writer, core->leaving[i].number);
            kr_writer_uint(&writer, 1);
            kr_writer_bin(&writer, core->leaving[i].transport_key, 32);
        }
    }
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (!kr_claim_is_let_in(core, core->links[i])) {
            continue;
        }
        kr_writer_array(&writer, 3);
        kr_writer_uint(&writer, core->links[i]->number);
        kr_writer_uint(&writer, 1);
        kr_writer_bin(&writer, core->links[i]->transport_key, 32);
    }
    for (uint32_t i = 0; i < core->invitation_count; i++) {
        if (core->invitations[i]->expires_s > step->now_ms / 1000) {
            kr_writer_array(&writer, 3);
            kr_writer_uint(&writer, core->invitations[i]->number);
            kr_writer_uint(&writer, 2);
            kr_writer_bin(&writer, core->invitations[i]->public_key, 32);
        }
    }
    kr_writer_raw(&writer, machines.bytes, machines.len);
    struct kr_effect effect = {.type = KR_EFFECT_ALLOW, .generation = ++core->allow_generation};
    err = err == KR_OK ? kr_effect_add_writer(step->effects, effect, &writer) : err;
    kr_writer_deinit(&machines);
    kr_writer_deinit(&writer);
    return err;
}

static void count_pending(struct kr_core *core)
{
    core->pending_count = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        core->pending_count += core->links[i]->pairing.is_pending;
    }
}

/* Stored: array of 12: number, state, council, transport key, endpoint, ticket secret (bin 0 or 32), community (bin 0 or 32),
 * linked_ms, pair_next, pair_end, a reserved zero, is_second; or of 14 or, where it goes through a third node, 15, with these
 * behind them:
 *
 *   pairing   array of 8: pending, vouch due, own random, commitment, their random (bins 0 or 32), confirmed (1 here, 2 there),
 *             wrong codes, code (str); or of 0: no code was ever needed
 *   stop      array of 2: why, since when
 *   through   the council that passes it on (bin 32)
 *
 * Key: the council; of a second one the transport key, or, where another council's link stood there already, a hash of both. */
static void write_pairing(struct kr_writer *writer, const struct kr_pairing *pairing)
{
    kr_writer_array(writer, pairing->was_begun ? 8 : 0);
    if (pairing->was_begun) {
        kr_writer_flag(writer, pairing->is_pending);
        kr_writer_flag(writer, pairing->is_vouch_due);
        kr_writer_bin(writer, pairing->random, pairing->has_random ? 32 : 0);
        kr_writer_bin(writer, pairing->commitment, pairing->has_commitment ? 32 : 0);
        kr_writer_bin(writer, pairing->their_random, pairing->has_their_random ? 32 : 0);
        kr_writer_uint(writer, (pairing->we_confirmed ? 1u : 0) + (pairing->they_confirmed ? 2u : 0));
        kr_writer_uint(writer, pairing->wrong);
        kr_writer_str(writer, pairing->code);
    }
}

static void read_pairing(struct kr_reader *reader, struct kr_pairing *pairing)
{
    const uint32_t fields = kr_reader_array_between(reader, 0, 8);
    if (fields == 8) {
        pairing->was_begun = true;
        pairing->is_pending = kr_reader_flag(reader);
        pairing->is_vouch_due = kr_reader_flag(reader);
        pairing->has_random = kr_reader_fixed_or_empty(reader, pairing->random, 32);
        pairing->has_commitment = kr_reader_fixed_or_empty(reader, pairing->commitment, 32);
        pairing->has_their_random = kr_reader_fixed_or_empty(reader, pairing->their_random, 32);
        const uint64_t confirmed = kr_reader_uint(reader, 3);
        pairing->we_confirmed = (confirmed & 1) != 0;
        pairing->they_confirmed = (confirmed & 2) != 0;
        pairing->wrong = (uint32_t)kr_reader_uint(reader, KR_PAIRING_WRONG_MAX);
        if (!kr_slice_text(kr_reader_str(reader, KR_PAIRING_DIGITS), pairing->code, sizeof pairing->code)) {
            kr_reader_fail(reader, KR_MALFORMED);
        }
    }
    kr_reader_close(reader);
}

enum kr_err kr_link_put(struct kr_step *step, const struct kr_link *link)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_TABLE_VALUE_BYTES_MAX);
    const bool is_plain = !link->pairing.was_begun && link->stop == KR_STOP_NOT && link->through == NULL;
    kr_writer_array(&writer, is_plain ? 12 : link->through == NULL ? 14 : 15);
    kr_writer_uint(&writer, link->number);
    kr_writer_uint(&writer, link->state);
    kr_writer_bin(&writer, link->council, 32);
    kr_writer_bin(&writer, link->transport_key, 32);
    kr_writer_str(&writer, link->endpoint);
    kr_writer_bin(&writer, link->secret, link->has_secret ? 32 : 0);
    kr_writer_bin(&writer, link->community, link->has_community ? 32 : 0);
    kr_writer_uint(&writer, link->linked_ms);
    kr_writer_uint(&writer, link->pair_next);
    kr_writer_uint(&writer, link->pair_end);
    kr_writer_uint(&writer, 0);
    kr_writer_flag(&writer, link->is_second);
    if (!is_plain) {
        write_pairing(&writer, &link->pairing);
        kr_writer_array(&writer, 2);
        kr_writer_uint(&writer, link->stop);
        kr_writer_uint(&writer, link->stopped_ms);
    }
    if (link->through != NULL) {
        kr_writer_bin(&writer, link->through->council, 32);
    }
    enum kr_err err = kr_store_put_writer(step->txn, KR_TABLE_LINKS, link->row, 32, &writer);
    count_pending(step->core);
    return err;
}

static enum kr_err read_link(struct kr_slice value, struct kr_link *link)
{
    struct kr_reader reader;
    uint8_t through[32];
    kr_reader_init(&reader, value.bytes, value.len);
    const uint32_t fields = kr_reader_array_between(&reader, 12, 15);
    link->number = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    link->state = (enum kr_link_state)kr_reader_uint(&reader, KR_LINK_PAUSED);
    kr_reader_fixed(&reader, link->council, 32);
    kr_reader_fixed(&reader, link->transport_key, 32);
    struct kr_slice endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    link->has_secret = kr_reader_fixed_or_empty(&reader, link->secret, 32);
    link->has_community = kr_reader_fixed_or_empty(&reader, link->community, 32);
    link->linked_ms = kr_reader_uint(&reader, UINT64_MAX);
    link->pair_next = kr_reader_uint(&reader, UINT64_MAX);
    link->pair_end = kr_reader_uint(&reader, UINT64_MAX);
    (void)kr_reader_uint(&reader, 0);
    link->is_second = kr_reader_flag(&reader);
    if (fields == 13) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    if (fields > 12) {
        read_pairing(&reader, &link->pairing);
        if (kr_reader_array_between(&reader, 0, 2) > 0) { /* (none: as the first links through third nodes were written) */
            link->stop = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
            link->stopped_ms = kr_reader_uint(&reader, UINT64_MAX);
        }
        kr_reader_close(&reader);
    }
    if (fields == 15) {
        kr_reader_fixed(&reader, through, sizeof through);
    }
    kr_reader_close(&reader);
    (void)kr_slice_text(endpoint, link->endpoint, sizeof link->endpoint);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    link->through = fields == 15 ? kr_through_new(through) : NULL;
    return fields == 15 && link->through == NULL ? KR_NOMEM : KR_OK;
}

struct load {
    struct kr_core *core;
    enum kr_err err;
};

static bool load_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct load *load = context;
    struct kr_link *link = calloc(1, sizeof *link);
    load->err = link == NULL ? KR_NOMEM : key.len != sizeof link->row ? KR_CORRUPT : read_link(value, link);
    if (load->err == KR_OK && load->core->link_count == KR_LINKS_MAX) {
        load->err = KR_CORRUPT;
    }
    if (load->err != KR_OK) {
        kr_link_free(link);
        return false;
    }
    memcpy(link->row, key.bytes, sizeof link->row);
    link->we_dial = should_dial(load->core, link);
    kr_spread_add_link(load->core, link);
    load->core->links[load->core->link_count++] = link;
    return true;
}

/* Made by an older version, or before an older keyring was put back. */
static void skip_own(struct kr_core *core)
{
    for (uint32_t i = 0; i < core->link_count;) {
        struct kr_link *link = core->links[i];
        if (!kr_transport_is_own(core, link->transport_key)) {
            i++;
            continue;
        }
        core->links[i] = core->links[--core->link_count];
        core->links_skipped++;
        kr_link_free(link);
    }
}

enum kr_err kr_links_load(struct kr_step *step)
{
    struct load load = {.core = step->core};
    enum kr_err err = kr_store_each(step->txn, KR_TABLE_LINKS, NULL, 0, load_one, &load);
    skip_own(step->core);
    count_pending(step->core);
    return err != KR_OK ? err : load.err;
}

static void choose_row(struct kr_core *core, struct kr_link *link)
{
    memcpy(link->row, link->is_second ? link->transport_key : link->council, 32);
    if (link->is_second && kr_link_by_row(core, link->row) != NULL) {
        uint8_t both[64];
        memcpy(both, link->council, 32);
        memcpy(both + 32, link->transport_key, 32);
        kr_hash(link->row, "kairan link row", both, sizeof both);
    }
}

enum kr_err kr_link_add(struct kr_step *step, const struct kr_link *init, struct kr_link **ret_link)
{
    struct kr_core *core = step->core;
    struct kr_link *link = core->link_count < KR_LINKS_MAX ? calloc(1, sizeof *link) : NULL;
    if (link == NULL) {
        kr_through_free(init->through);
        return core->link_count == KR_LINKS_MAX ? KR_BOUNDS : KR_NOMEM;
    }
    *link = *init;
    choose_row(core, link);
    enum kr_err err = kr_link_put(step, link);
    if (err != KR_OK) {
        kr_link_free(link);
        return err;
    }
    link->we_dial = should_dial(core, link);
    kr_spread_add_link(core, link);
    core->links[core->link_count++] = link;
    count_pending(core);
    core->links_differ = true;
    *ret_link = link;
    return KR_OK;
}

enum kr_err kr_link_drop(struct kr_step *step, struct kr_link *link)
{
    struct kr_core *core = step->core;
    uint8_t council[32];
    memcpy(council, link->council, sizeof council);
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_LINKS, link->row, 32);
    if (err != KR_OK) {
        return err;
    }
    if (link->we_dial && link->through == NULL) {
        err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = link->number});
    }
    kr_through_carrier_down(core, link);
    kr_forward_link_down(core, link);
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (core->links[i] == link) {
            core->links[i] = core->links[--core->link_count];
            break;
        }
    }
    core->links_differ = true;
    kr_spread_drop_link(core, link);
    kr_link_free(link);
    count_pending(core);
    if (err == KR_OK) {
        err = kr_root_confirm_unlinked(step, council);
    }
    if (err == KR_OK) {
        err = kr_restored_link_dropped(step);
    }
    return err != KR_OK ? err : kr_links_allow(step);
}

enum kr_err kr_links_renew(struct kr_step *step)
{
    step->core->links_are_due_anew = true;
    return kr_step_wake(step, step->now_ms);
}

enum kr_err kr_link_renew(struct kr_step *step, struct kr_link *link)
{
    enum kr_err err = kr_link_send(step, link, &(struct kr_message){.type = KR_MESSAGE_BYE});
    kr_link_session_down(step->core, link);
    link->hello_at_ms = step->now_ms + link->hello_wait_ms;
    return err == KR_OK && link->we_dial ? kr_step_wake(step, link->hello_at_ms) : err;
}

enum kr_err kr_links_renew_now(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    core->links_are_due_anew = false;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        struct kr_link *link = core->links[i];
        err = link->has_session && link->state == KR_LINK_OPEN ? kr_link_renew(step, link) : KR_OK;
    }
    return err;
}

/* ---- one link for each node ---- */

static bool is_in_force(const struct kr_card_key *key, uint64_t now_s)
{
    return key->from_s <= now_s + KR_FUTURE_MS_MAX / 1000 && (key->until_s == 0 || now_s < key->until_s);
}

static struct kr_link *link_of_key(struct kr_core *core, const uint8_t council[static 32], const uint8_t key[static 32])
{
    uint32_t at = 0;
    struct kr_link *link = kr_link_of_council(core, council, &at);
    while (link != NULL && memcmp(link->transport_key, key, 32) != 0) {
        link = kr_link_of_council(core, council, &at);
    }
    return link;
}

static bool is_listed(const struct kr_card *card, const struct kr_link *link, uint64_t now_s)
{
    for (uint32_t i = 0; i < card->transport_count; i++) {
        if (memcmp(card->transport[i].public_key, link->transport_key, 32) == 0 && is_in_force(&card->transport[i], now_s)) {
            return true;
        }
    }
    return false;
}

/* A node that the card names and we are not linked with. `like`: another link with that council; NULL: our own. */
static enum kr_err add_second(struct kr_step *step, const uint8_t council[static 32], const struct kr_card_key *key,
                              const struct kr_link *like)
{
    struct kr_link fresh = {.state = KR_LINK_OPEN, .is_second = true, .linked_ms = step->now_ms}, *link = NULL;
    struct kr_store_stat stat;
    memcpy(fresh.council, council, 32);
    memcpy(fresh.transport_key, key->public_key, 32);
    (void)kr_slice_text(key->endpoint, fresh.endpoint, sizeof fresh.endpoint);
    enum kr_err err = KR_OK;
    if (like != NULL) {
        fresh.state = like->state;
        fresh.has_community = like->has_community;
        memcpy(fresh.community, like->community, 32);
    } else { /* what it may have is in a scope from now on */
        step->core->shares_council = true;
        err = kr_store_stat(step->txn, &stat);
        fresh.pair_next = 1;
        fresh.pair_end = err == KR_OK ? stat.arrivals + 1 : 0;
    }
    if (err == KR_OK) {
        err = kr_number_next(step, &fresh.number);
    }
    if (err == KR_OK) {
        err = kr_link_add(step, &fresh, &link);
    }
    if (err == KR_OK) {
        err = kr_root_confirm_followed(step, link);
    }
    bool may = false;
    if (err == KR_OK) {
        err = kr_link_may_dial(step, link, &may);
    }
    return err == KR_OK && may ? kr_link_dial(step, link) : err;
}

/* The first link goes: another takes its place. */
static enum kr_err promote(struct kr_step *step, struct kr_link *link)
{
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_LINKS, link->row, 32);
    link->is_second = false;
    choose_row(step->core, link);
    return err == KR_OK ? kr_link_put(step, link) : err;
}

static bool is_usable(const struct kr_core *core, const struct kr_card *card, const struct kr_link *link, uint64_t now_s)
{
    return is_listed(card, link, now_s) && !kr_claim_is_lost(core, link);
}

/* What the card does not list, and what another council has proved to be its own. */
static enum kr_err drop_unusable(struct kr_step *step, const uint8_t council[static 32], const struct kr_card *card)
{
    struct kr_core *core = step->core;
    const uint64_t now_s = step->now_ms / 1000;
    const bool is_own = memcmp(council, core->self, 32) == 0;
    uint32_t at = 0;
    struct kr_link *heir = NULL, *link = NULL;
    enum kr_err err = KR_OK;
    while (heir == NULL && (link = kr_link_of_council(core, council, &at)) != NULL) {
        heir = is_usable(core, card, link, now_s) ? link : NULL;
    }
    if (heir == NULL && !is_own) {
        return KR_OK; /* the only way there is */
    }
    for (at = 0; err == KR_OK && (link = kr_link_of_council(core, council, &at)) != NULL;) {
        if (is_usable(core, card, link, now_s)) {
            continue;
        }
        const bool was_first = !link->is_second;
        if (link->has_session) {
            err = kr_link_send(step, link, &(struct kr_message){.type = KR_MESSAGE_BYE});
        }
        if (err == KR_OK) {
            err = kr_link_drop(step, link);
        }
        if (err == KR_OK && was_first && heir != NULL) {
            err = promote(step, heir);
        }
        at = 0; /* the list has changed */
    }
    return err;
}

/* A node that this council's card names and that has no link. */
static bool is_without_link(struct kr_core *core, const uint8_t council[static 32], const struct kr_card_key *key, uint64_t now_s)
{
    return is_in_force(key, now_s) && link_of_key(core, council, key->public_key) == NULL;
}

/* Whether another link is to be made by this key of that council's card. */
static bool is_missing(struct kr_core *core, const uint8_t council[static 32], const struct kr_card_key *key, uint64_t now_s)
{
    return is_without_link(core, council, key, now_s) && !kr_link_key_is_taken(core, key->public_key, council);
}

bool kr_links_lack_room(struct kr_core *core, const uint8_t council[static 32])
{
    const struct kr_council *known = kr_directory_council(&core->directory, council);
    struct kr_card card;
    bool lack = false;
    if (known == NULL || core->link_count < KR_LINKS_MAX) {
        return false;
    }
    kr_council_card(known, &card);
    for (uint32_t i = 0; i < card.transport_count && !lack; i++) {
        lack = is_missing(core, council, &card.transport[i], core->now_ms / 1000);
    }
    return lack;
}

/* The node at the other end is another one, or has another key: in the place of one that the card does not list any more. */
static enum kr_err turn_over(struct kr_step *step, struct kr_link *link, const struct kr_card_key *key)
{
    enum kr_err err = KR_OK;
    if (link->we_dial) {
        err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = link->number});
    }
    kr_link_session_down(step->core, link);
    memcpy(link->transport_key, key->public_key, 32);
    link->endpoint[0] = 0;
    (void)kr_slice_text(key->endpoint, link->endpoint, sizeof link->endpoint);
    link->has_proved = link->knows_next = false;
    kr_link_settle_dialler(step->core, link);
    if (err == KR_OK) {
        err = kr_link_put(step, link);
    }
    return err == KR_OK ? kr_link_dial(step, link) : err;
}

/* There are as many links as there may be. */
static enum kr_err make_do(struct kr_step *step, const struct kr_card *card, const uint8_t council[static 32],
                           const struct kr_card_key *key)
{
    struct kr_link *link;
    enum kr_err err = KR_OK;
    for (uint32_t at = 0; (link = kr_link_of_council(step->core, council, &at)) != NULL;) {
        if (kr_link_is_settled(link) && !is_usable(step->core, card, link, step->now_ms / 1000)) {
            return turn_over(step, link, key);
        }
    }
    for (uint32_t at = 0; err == KR_OK && (link = kr_link_of_council(step->core, council, &at)) != NULL;) {
        err = kr_transport_say_full(step, link);
    }
    return err;
}

/* Whom we said that there is no room for its next key hears that there is, by a session that begins anew. */
static enum kr_err say_room(struct kr_step *step, const uint8_t council[static 32])
{
    struct kr_link *link;
    enum kr_err err = KR_OK;
    for (uint32_t at = 0; err == KR_OK && (link = kr_link_of_council(step->core, council, &at)) != NULL;) {
        err = link->told_full && link->has_session ? kr_link_renew(step, link) : KR_OK;
    }
    return err;
}

/* What nobody has confirmed is one link, and what stands still is as it was; which of its nodes is at the other end of a link
 * through a third one, that one knows. */
bool kr_link_is_settled(const struct kr_link *link)
{
    return link->state != KR_LINK_JOINING && !link->pairing.is_pending && link->stop == KR_STOP_NOT && link->through == NULL;
}

/* Its session was begun with a node key that has ended since. (One that the card does not list at all is left: else a thief of a
 * root key would keep the council's own nodes from saying so.) */
static bool is_over(const struct kr_core *core, const struct kr_link *link)
{
    return link->has_session && link->state == KR_LINK_OPEN &&
           kr_directory_node_has_ended(&core->directory, link->council, link->session_key, core->now_ms);
}

/* When the first of the card's keys ends that has not yet; UINT64_MAX: none does. (A revocation ends one a second after it was
 * made.) */
static uint64_t first_end_ms(const struct kr_card *card, uint64_t now_ms)
{
    const struct kr_card_key *sorts[] = {card->node, card->transport};
    const uint32_t counts[] = {card->node_count, card->transport_count};
    uint64_t first_ms = UINT64_MAX;
    for (uint32_t sort = 0; sort < 2; sort++) {
        for (uint32_t i = 0; i < counts[sort]; i++) {
            const uint64_t end_s = sorts[sort][i].until_s;
            const uint64_t end_ms = end_s == 0 || end_s > UINT64_MAX / 1000 ? UINT64_MAX : end_s * 1000;
            first_ms = end_ms > now_ms && end_ms < first_ms ? end_ms : first_ms;
        }
    }
    return first_ms;
}

bool kr_links_fit_card(struct kr_core *core, const uint8_t council[static 32], const struct kr_card *card)
{
    const bool is_own = memcmp(council, core->self, 32) == 0;
    const uint64_t now_s = core->now_ms / 1000;
    const struct kr_link *link = kr_link_by_council(core, council), *first = link;
    bool fits = first_end_ms(card, core->now_ms) > core->now_ms + FOLLOW_CARDS_MS;
    uint32_t at = 0;
    for (struct kr_link *each; (each = kr_link_of_council(core, council, &at)) != NULL;) {
        fits = fits && !is_over(core, each);
    }
    if (link != NULL && !kr_link_is_settled(link)) {
        return fits;
    }
    at = 0;
    for (uint32_t i = 0; i < card->transport_count && (is_own || first != NULL); i++) {
        const struct kr_card_key *key = &card->transport[i];
        fits = fits && !is_missing(core, council, key, now_s);
        fits = fits && (first == NULL || !is_without_link(core, council, key, now_s) || !kr_claim_is_news(core, first, key));
    }
    while ((link = kr_link_of_council(core, council, &at)) != NULL) {
        fits = fits && is_usable(core, card, link, now_s);
    }
    return fits;
}

/* Keys that the card lists and that others have proved. */
static enum kr_err tell_claims(struct kr_step *step, const uint8_t council[static 32], const struct kr_card *card)
{
    struct kr_core *core = step->core;
    struct kr_link *link = kr_link_by_council(core, council);
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < card->transport_count && link != NULL && err == KR_OK; i++) {
        const struct kr_card_key *key = &card->transport[i];
        const bool is_news = is_without_link(core, council, key, step->now_ms / 1000) && kr_claim_is_news(core, link, key);
        err = is_news ? kr_claim_tell(step, link, key) : KR_OK;
    }
    return err;
}

enum kr_err kr_links_follow_card(struct kr_step *step, const uint8_t council[static 32])
{
    struct kr_core *core = step->core;
    const struct kr_council *known = kr_directory_council(&core->directory, council);
    const bool is_own = memcmp(council, core->self, 32) == 0;
    const struct kr_link *like = kr_link_by_council(core, council);
    const uint64_t now_s = step->now_ms / 1000;
    struct kr_card card;
    bool has_new = false;
    enum kr_err err = KR_OK;
    if (known == NULL || (!is_own && (like == NULL || !kr_link_is_settled(like)))) {
        return KR_OK;
    }
    kr_council_card(known, &card);
    for (uint32_t i = 0; i < card.transport_count && err == KR_OK; i++) {
        const struct kr_card_key *key = &card.transport[i];
        if (is_missing(core, council, key, now_s)) {
            const bool has_room = core->link_count < KR_LINKS_MAX;
            err = has_room ? add_second(step, council, key, is_own ? NULL : like) : make_do(step, &card, council, key);
            has_new = true;
        }
    }
    if (err == KR_OK && has_new && !kr_links_lack_room(core, council)) {
        err = say_room(step, council);
    }
    if (err == KR_OK) {
        err = drop_unusable(step, council, &card);
    }
    if (err == KR_OK) {
        err = tell_claims(step, council, &card);
    }
    return err == KR_OK && has_new ? kr_links_allow(step) : err;
}

enum kr_err kr_links_follow_cards(struct kr_step *step)
{
    struct kr_core *core = step->core;
    uint8_t councils[KR_LINKS_MAX + 1][32];
    uint32_t count = 0;
    if (!core->links_follow_cards && step->now_ms < core->links_follow_ms) {
        return KR_OK;
    }
    for (uint32_t i = 0; i < core->link_count; i++) { /* first: following changes the list */
        if (!core->links[i]->is_second) {
            memcpy(councils[count++], core->links[i]->council, 32);
        }
    }
    memcpy(councils[count++], core->self, 32);
    enum kr_err err = KR_OK;
    for (uint32_t i = count; i > 0 && err == KR_OK; i--) {
        err = kr_links_follow_card(step, councils[i - 1]);
    }
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        err = is_over(core, core->links[i]) ? kr_link_renew(step, core->links[i]) : KR_OK;
    }
    core->links_follow_cards = false;
    core->links_follow_ms = step->now_ms + FOLLOW_CARDS_MS;
    for (uint32_t i = 0; i < count; i++) {
        const struct kr_council *known = kr_directory_council(&core->directory, councils[i]);
        struct kr_card card = {0};
        if (known != NULL) {
            kr_council_card(known, &card);
        }
        const uint64_t end_ms = first_end_ms(&card, step->now_ms);
        core->links_follow_ms = end_ms < core->links_follow_ms ? end_ms : core->links_follow_ms;
    }
    const bool is_sooner = core->links_follow_ms < step->now_ms + FOLLOW_CARDS_MS; /* else whatever comes next will do */
    return err == KR_OK && is_sooner ? kr_step_wake(step, core->links_follow_ms) : err;
}

enum kr_err kr_links_follow_soon(struct kr_step *step)
{
    step->core->links_follow_cards = step->core->links_differ = true;
    return kr_step_wake(step, step->now_ms);
}
