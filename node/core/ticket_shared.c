/* Invitations that all nodes of a council know: made at one, good at each (docs/adr/0055).
 *
 *   made ──▶ "invited", record of kind 42 ──▶ the other nodes let its key in, too
 *   used ──▶ "joined by that council"      ──▶ it serves nobody else at any of them
 *
 * What is under way with who joined stays the affair of the node at which it did: its code is there, and the link that results is
 * shared (links_shared.c), which settles one that the same council has begun at another node. */
#include <stdlib.h>
#include <string.h>

#include "node/core/enrol_shared.h"
#include "node/core/sister.h"
#include "proto/record/ticket_word.h"
#include "proto/wire/ticket.h"

/* ---- its text ---- */

static void name_nodes(const struct kr_core *core, struct kr_ticket *ticket)
{
    static _Thread_local struct kr_ways ways;
    kr_node_ways(core, &ways);
    ticket->more_count = 0;
    for (uint32_t i = 1; i < ways.count && i < KR_TICKET_NODES_MAX && core->shares_council && !ticket->is_for_node; i++) {
        ticket->more[ticket->more_count++] = ways.items[i];
    }
}

enum kr_err kr_invitation_print(struct kr_step *step, const struct kr_event *event, const struct kr_invitation *invitation,
                                const uint8_t secret[static 32])
{
    struct kr_ticket ticket = {.expires_s = invitation->expires_s,
                               .has_community = invitation->has_community,
                               .is_by_hand = invitation->is_by_hand,
                               .is_for_node = invitation->is_for_node};
    char text[KR_TICKET_TEXT_BYTES_MAX];
    memcpy(ticket.council, step->core->self, 32);
    memcpy(ticket.transport_public, step->core->keyring->transport_public, 32);
    memcpy(ticket.secret, secret, 32);
    memcpy(ticket.community, invitation->community, 32);
    (void)kr_slice_text((struct kr_slice){(const uint8_t *)step->core->options.endpoint, strlen(step->core->options.endpoint)},
                        ticket.endpoint, sizeof ticket.endpoint);
    name_nodes(step->core, &ticket);
    enum kr_err err = kr_ticket_print(&ticket, text, sizeof text);
    while (err == KR_BOUNDS && ticket.more_count > 0) { /* long addresses: those in front */
        ticket.more_count--;
        err = kr_ticket_print(&ticket, text, sizeof text);
    }
    if (err == KR_OK) {
        struct kr_writer result;
        kr_writer_init(&result, 2 * KR_KIB);
        kr_writer_array(&result, 1);
        kr_writer_str(&result, text);
        err = kr_step_end(step, event->client, event->request, &result);
        kr_writer_deinit(&result);
    }
    sodium_memzero(&ticket, sizeof ticket);
    sodium_memzero(text, sizeof text);
    return err;
}

/* ---- what this node says ---- */

enum kr_err kr_invitation_say_made(struct kr_step *step, const struct kr_invitation *invitation)
{
    struct kr_ticket_word word = {.what = invitation->is_by_hand ? KR_TICKET_INVITED_BY_HAND : KR_TICKET_INVITED,
                                  .at_ms = step->now_ms,
                                  .expires_s = invitation->expires_s};
    memcpy(word.ticket, invitation->public_key, 32);
    memcpy(word.person, invitation->community, invitation->has_community ? 32 : 0);
    return invitation->is_for_node ? KR_OK : kr_ticket_word_say(step, &word, invitation->expires_s + KR_TICKET_KEPT_S);
}

enum kr_err kr_invitation_say_used(struct kr_step *step, const struct kr_invitation *invitation)
{
    struct kr_ticket_word word = {
        .what = KR_TICKET_JOINED, .has_machine = true, .at_ms = step->now_ms, .expires_s = invitation->expires_s};
    memcpy(word.ticket, invitation->public_key, 32);
    memcpy(word.machine, invitation->used_by, 32);
    return invitation->is_for_node ? KR_OK : kr_ticket_word_say(step, &word, step->now_ms / 1000 + KR_TICKET_USED_KEPT_S);
}

/* ---- what another node said ---- */

static struct kr_invitation *find(const struct kr_core *core, const uint8_t key[static 32])
{
    for (uint32_t i = 0; i < core->invitation_count; i++) {
        if (memcmp(core->invitations[i]->public_key, key, 32) == 0) {
            return core->invitations[i];
        }
    }
    return NULL;
}

enum kr_err kr_invitation_learn(struct kr_step *step, const struct kr_ticket_word *word)
{
    static const uint8_t none[32];
    struct kr_core *core = step->core;
    if (find(core, word->ticket) != NULL || word->expires_s <= step->now_ms / 1000) {
        return KR_OK;
    }
    if (core->invitation_count == KR_TICKETS_MAX || core->link_count + core->invitation_count >= KR_LINKS_MAX) {
        return kr_step_log(
            step, KR_LOG_WARNING,
            "an invitation, made at another node of this council, is not let in here: there are too many open tickets or "
            "links. It is good at that node");
    }
    struct kr_invitation *invitation = calloc(1, sizeof *invitation);
    if (invitation == NULL) {
        return KR_NOMEM;
    }
    invitation->expires_s = word->expires_s;
    invitation->is_by_hand = word->what == KR_TICKET_INVITED_BY_HAND;
    invitation->has_community = memcmp(word->person, none, 32) != 0;
    memcpy(invitation->community, word->person, 32);
    memcpy(invitation->public_key, word->ticket, 32);
    enum kr_err err = kr_number_next(step, &invitation->number);
    if (err == KR_OK) {
        err = kr_invitation_put(step, invitation);
    }
    if (err != KR_OK) {
        kr_invitation_free(invitation);
        return err;
    }
    core->invitations[core->invitation_count++] = invitation;
    core->keys_are_stale = true;
    return KR_OK;
}

enum kr_err kr_invitation_joined(struct kr_step *step, const uint8_t key[static 32], const uint8_t council[static 32])
{
    char name[KR_NAME_BYTES_MAX + 1];
    struct kr_invitation *invitation = find(step->core, key);
    if (invitation == NULL || (invitation->is_used && memcmp(invitation->used_by, council, 32) == 0)) {
        return KR_OK;
    }
    invitation->is_used = true;
    memcpy(invitation->used_by, council, 32);
    enum kr_err err = kr_invitation_put(step, invitation);
    return err == KR_OK
               ? kr_step_log(step, KR_LOG_NOTICE,
                             "%s has joined with a ticket of ours at another node of this council: the code is there (`kairan peer "
                             "code`), and the link comes here when it is in force",
                             kr_core_name(step->core, council, false, name, sizeof name))
               : err;
}

enum kr_err kr_invitation_forget(struct kr_step *step, const uint8_t key[static 32])
{
    struct kr_core *core = step->core;
    struct kr_invitation *invitation = find(core, key);
    if (invitation == NULL) {
        return KR_OK;
    }
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_TICKETS, key, 32);
    for (uint32_t i = 0; i < core->invitation_count && err == KR_OK; i++) {
        if (core->invitations[i] == invitation) {
            core->invitations[i] = core->invitations[--core->invitation_count];
            kr_invitation_free(invitation);
            core->keys_are_stale = true;
            break;
        }
    }
    return err;
}
