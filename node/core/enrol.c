#include "node/core/enrol.h"

#include <string.h>

#include "crypto/sign.h"
#include "node/core/claim.h"
#include "node/core/enrol_shared.h"
#include "node/core/people_put.h"
#include "node/core/sister.h"
#include "proto/client/enrol.h"
#include "proto/wire/machine_ticket.h"
#include "proto/wire/ticket.h"

#define ROW_BYTES    33u
#define TTL_S_MAX    (90u * 86400u)
#define USED_FOR_S   3600u /* so long is whoever shows a used ticket told so */
#define LIST_BYTES   (128u * KR_KIB)
#define ENTRY_PERSON 3u /* enum kr_net_peer_kind of node/net/channel.h */

static _Thread_local struct kr_person_row person_row;
static _Thread_local char note[64]; /* of the act, for the audit log */

/* ---- rows ---- */

static void row_key(uint8_t ret_key[static ROW_BYTES], const uint8_t key[static 32])
{
    ret_key[0] = 'E';
    memcpy(ret_key + 1, key, 32);
}

static enum kr_err read_row(struct kr_slice value, struct kr_enrol_ticket *ret_ticket)
{
    struct kr_enrol_ticket ticket;
    struct kr_reader reader;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 3);
    kr_reader_fixed(&reader, ticket.person, 32);
    ticket.expires_s = kr_reader_uint(&reader, UINT64_MAX);
    ticket.is_used = kr_reader_fixed_or_empty(&reader, ticket.used_by, 32);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    *ret_ticket = ticket;
    return KR_OK;
}

enum kr_err kr_enrol_ticket_get(struct kr_txn *txn, const uint8_t key[static 32], struct kr_enrol_ticket *ret_ticket)
{
    uint8_t row[ROW_BYTES], value[128];
    size_t len;
    row_key(row, key);
    enum kr_err err = kr_store_get(txn, KR_TABLE_DRAFTS, row, sizeof row, value, sizeof value, &len);
    return err == KR_OK ? read_row((struct kr_slice){value, len}, ret_ticket) : err == KR_BOUNDS ? KR_CORRUPT : err;
}

static enum kr_err put_ticket(struct kr_step *step, const uint8_t key[static 32], const struct kr_enrol_ticket *ticket)
{
    uint8_t row[ROW_BYTES];
    struct kr_writer writer;
    row_key(row, key);
    kr_writer_init(&writer, 128);
    kr_writer_array(&writer, 3);
    kr_writer_bin(&writer, ticket->person, 32);
    kr_writer_uint(&writer, ticket->expires_s);
    kr_writer_bin(&writer, ticket->used_by, ticket->is_used ? 32 : 0);
    enum kr_err err = kr_store_put_writer(step->txn, KR_TABLE_DRAFTS, row, sizeof row, &writer);
    step->core->keys_are_stale = true;
    return err;
}

static enum kr_err drop_ticket(struct kr_step *step, const uint8_t key[static 32])
{
    uint8_t row[ROW_BYTES];
    row_key(row, key);
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_DRAFTS, row, sizeof row);
    step->core->keys_are_stale = true;
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* ---- whom net lets in ---- */

struct list {
    struct kr_writer *writer; /* NULL: they are only counted */
    uint64_t now_s, due_s;
    uint32_t count, machines, tickets, left_out;
};

static bool list_key(struct list *list, const uint8_t *key)
{
    if (list->count == KR_PERSON_KEYS_MAX) {
        list->left_out++;
        return true;
    }
    list->count++;
    if (list->writer != NULL) {
        kr_writer_array(list->writer, 3);
        kr_writer_uint(list->writer, 0);
        kr_writer_uint(list->writer, ENTRY_PERSON);
        kr_writer_bin(list->writer, key, 32);
    }
    return true;
}

static bool list_machine(void *context, struct kr_slice key, struct kr_slice value)
{
    struct list *list = context;
    (void)value;
    if (key.len != 2 + KR_CREDENTIAL_KEY_BYTES) {
        return true;
    }
    list->machines++;
    return list_key(list, key.bytes + 2);
}

static bool list_ticket(void *context, struct kr_slice key, struct kr_slice value)
{
    struct list *list = context;
    struct kr_enrol_ticket ticket;
    if (key.len != ROW_BYTES || read_row(value, &ticket) != KR_OK || ticket.expires_s <= list->now_s) {
        return true;
    }
    list->tickets++;
    list->due_s = ticket.expires_s < list->due_s ? ticket.expires_s : list->due_s;
    return list_key(list, key.bytes + 1);
}

static enum kr_err walk(struct kr_step *step, struct list *list)
{
    static const uint8_t machines[2] = {'U', KR_CREDENTIAL_KEY};
    uint32_t damaged;
    list->now_s = step->now_ms / 1000;
    list->due_s = UINT64_MAX;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_DRAFTS, machines, sizeof machines, list_machine, list, &damaged);
    return err == KR_OK ? kr_store_each_whole(step->txn, KR_TABLE_DRAFTS, "E", 1, list_ticket, list, &damaged) : err;
}

enum kr_err kr_enrol_list(struct kr_step *step, struct kr_writer *writer, uint32_t *ret_count)
{
    struct list list = {.writer = writer};
    enum kr_err err = walk(step, &list);
    step->core->enrol_due_s = list.due_s;
    *ret_count = list.count;
    return err != KR_OK || list.left_out == 0
               ? err
               : kr_step_log(step, KR_LOG_WARNING,
                             "%u machines of persons, or tickets for them, are not let in: there are more than %u, since the "
                             "council's nodes bound some apart from each other. Unbind those of whom nobody has need "
                             "(`kairan person unbind`)",
                             list.left_out, KR_PERSON_KEYS_MAX);
}

enum kr_err kr_enrol_count(struct kr_step *step, uint32_t *ret_count)
{
    struct list list = {0};
    enum kr_err err = walk(step, &list);
    *ret_count = list.count;
    return err;
}

struct over {
    uint64_t now_s;
    bool all;
    uint8_t keys[KR_ENROL_TICKETS_MAX][32];
    uint32_t count;
};

static bool note_over(void *context, struct kr_slice key, struct kr_slice value)
{
    struct over *over = context;
    struct kr_enrol_ticket ticket;
    const bool is_over =
        key.len == ROW_BYTES && (over->all || (read_row(value, &ticket) == KR_OK && ticket.expires_s <= over->now_s));
    if (is_over) {
        memcpy(over->keys[over->count++], key.bytes + 1, 32);
    }
    return over->count < KR_ENROL_TICKETS_MAX;
}

enum kr_err kr_enrol_sweep(struct kr_step *step, bool all)
{
    static _Thread_local struct over over;
    uint32_t damaged;
    if (!all && (step->core->options.doubts_clock || step->now_ms / 1000 < step->core->enrol_due_s)) {
        return KR_OK;
    }
    over.now_s = step->now_ms / 1000;
    over.all = all;
    over.count = 0;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_DRAFTS, "E", 1, note_over, &over, &damaged);
    for (uint32_t i = 0; i < over.count && err == KR_OK; i++) {
        err = drop_ticket(step, over.keys[i]);
    }
    return err;
}

/* ---- of other nodes ---- */

enum kr_err kr_enrol_ticket_learn(struct kr_step *step, const uint8_t key[static 32], const uint8_t person[static 32],
                                  uint64_t expires_s)
{
    struct kr_enrol_ticket ticket = {.expires_s = expires_s};
    struct list list = {0};
    enum kr_err err = kr_enrol_ticket_get(step->txn, key, &ticket);
    if (err != KR_NOT_FOUND || expires_s <= step->now_ms / 1000) {
        return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
    }
    memcpy(ticket.person, person, 32);
    err = walk(step, &list);
    if (err == KR_OK && list.tickets >= KR_ENROL_TICKETS_MAX) {
        return kr_step_log(
            step, KR_LOG_WARNING,
            "a ticket for a machine, made at another node of this council, is not let in here: as many are open as one "
            "node keeps. It is good at that node");
    }
    return err == KR_OK ? put_ticket(step, key, &ticket) : err;
}

enum kr_err kr_enrol_ticket_used(struct kr_step *step, const uint8_t key[static 32], const uint8_t machine[static 32],
                                 uint64_t at_ms)
{
    struct kr_enrol_ticket ticket;
    enum kr_err err = kr_enrol_ticket_get(step->txn, key, &ticket);
    if (err != KR_OK || (ticket.is_used && memcmp(ticket.used_by, machine, 32) == 0)) {
        return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
    }
    const uint64_t until_s = at_ms / 1000 + USED_FOR_S;
    ticket.is_used = true;
    memcpy(ticket.used_by, machine, 32);
    ticket.expires_s = ticket.expires_s < until_s ? ticket.expires_s : until_s;
    return ticket.expires_s > step->now_ms / 1000 ? put_ticket(step, key, &ticket) : drop_ticket(step, key);
}

enum kr_err kr_enrol_ticket_forget(struct kr_step *step, const uint8_t key[static 32])
{
    return drop_ticket(step, key);
}

/* ---- tickets ---- */

/* Before one is made: what would keep it from being of use. NULL: nothing. */
static const char *why_no_ticket(const struct kr_machine_ticket *ticket, const struct list *list, enum kr_err *ret_code)
{
    const struct kr_person_card *card = &person_row.card;
    *ret_code = KR_INVALID;
    if (ticket->node_count == 0) {
        *ret_code = KR_CONFIG;
        return "this node has no address that others can dial, so nobody can reach it from a machine of his own: set `listen` and "
               "`endpoint` in kairan.conf, and restart the node";
    }
    if (card->standing == KR_STANDING_ENDED) {
        return "this person was revoked, for good: add it anew where it comes back";
    }
    if (card->credential_count == KR_CREDENTIALS_MAX) {
        return "this person is known by as many users and machines as one may be: unbind one first";
    }
    *ret_code = KR_BOUNDS;
    if (list->tickets == KR_ENROL_TICKETS_MAX || list->count == KR_PERSON_KEYS_MAX) {
        return "too many machines, or open tickets for them: unbind those of whom nobody has need, or wait until tickets expire";
    }
    return NULL;
}

/* Where it is good: here, and at the other nodes. A council with one node has one way, whatever its card calls it. */
static void name_nodes(const struct kr_core *core, struct kr_machine_ticket *ticket)
{
    static _Thread_local struct kr_ways ways;
    kr_node_ways(core, &ways);
    const uint32_t count = core->shares_council || ways.count == 0 ? ways.count : 1;
    ticket->node_count = count < KR_TICKET_NODES_MAX ? count : KR_TICKET_NODES_MAX;
    memcpy(ticket->nodes, ways.items, ticket->node_count * sizeof ticket->nodes[0]);
}

static enum kr_err print_ticket(struct kr_step *step, const struct kr_event *event, struct kr_machine_ticket *ticket)
{
    struct kr_writer result;
    char text[KR_TICKET_TEXT_BYTES_MAX];
    enum kr_err err = kr_machine_ticket_print(ticket, text, sizeof text);
    while (err == KR_BOUNDS && ticket->node_count > 1) { /* long addresses: those in front */
        ticket->node_count--;
        err = kr_machine_ticket_print(ticket, text, sizeof text);
    }
    if (err == KR_OK) {
        kr_writer_init(&result, 2 * KR_KIB);
        kr_enrol_given_write(
            &(struct kr_enrol_given){.ticket = {(const uint8_t *)text, strlen(text)}, .expires_s = ticket->expires_s}, &result);
        err = kr_step_end(step, event->client, event->request, &result);
        kr_writer_deinit(&result);
    }
    sodium_memzero(text, sizeof text);
    return err;
}

enum kr_err kr_enrol_ticket_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_enrol_ask ask;
    struct list list = {0};
    struct kr_machine_ticket printed = {0};
    uint8_t seed[32], key[32];
    enum kr_err code = KR_OK;
    if (kr_enrol_ask_read(event->bytes, &ask) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    enum kr_err err = kr_person_get(step->txn, ask.person, &person_row);
    if (err == KR_NOT_FOUND || err == KR_CORRUPT) {
        return kr_person_refuse(step, event, err);
    }
    if (err == KR_OK) {
        err = kr_enrol_sweep(step, false);
    }
    if (err == KR_OK) {
        err = walk(step, &list);
    }
    if (err != KR_OK) {
        return err;
    }
    name_nodes(step->core, &printed);
    const char *why = why_no_ticket(&printed, &list, &code);
    if (why != NULL) {
        return kr_step_error(step, event->client, event->request, code, "%s", why);
    }
    const uint64_t ttl_s = ask.ttl_s == 0 ? KR_TICKET_TTL_S : ask.ttl_s < TTL_S_MAX ? ask.ttl_s : TTL_S_MAX;
    struct kr_enrol_ticket ticket = {.expires_s = step->now_ms / 1000 + ttl_s};
    memcpy(ticket.person, ask.person, 32);
    memcpy(printed.council, step->core->self, 32);
    printed.expires_s = ticket.expires_s;
    kr_rng_bytes(step->rng, seed, sizeof seed);
    kr_box_keypair(key, printed.secret, seed);
    err = put_ticket(step, key, &ticket);
    if (err == KR_OK) {
        err = kr_enrol_say_open(step, key, &ticket);
    }
    if (err == KR_OK) {
        err = print_ticket(step, event, &printed);
    }
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(&printed, sizeof printed);
    return err;
}

/* ---- machines ---- */

static void take_note(struct kr_step *step, const uint8_t key[static 32])
{
    char hex[17];
    (void)sodium_bin2hex(hex, sizeof hex, key, 8);
    memcpy(note, "machine ", 8);
    memcpy(note + 8, hex, sizeof hex);
    step->note = (struct kr_slice){(const uint8_t *)note, strlen(note)};
}

uint32_t kr_enrol_find_machine(const struct kr_person_card *card, const uint8_t machine[static KR_CREDENTIAL_KEY_BYTES])
{
    uint32_t at = 0;
    while (at < card->credential_count && !(card->credentials[at].kind == KR_CREDENTIAL_KEY &&
                                            memcmp(card->credentials[at].bytes.bytes, machine, KR_CREDENTIAL_KEY_BYTES) == 0)) {
        at++;
    }
    return at;
}

static enum kr_err end_enrolment(struct kr_step *step, const struct kr_event *event, const uint8_t person[static 32],
                                 bool was_there)
{
    struct kr_enrol_done done = {.name = person_row.card.name, .was_there = was_there};
    struct kr_writer result;
    memcpy(done.person, person, 32);
    kr_writer_init(&result, KR_KIB);
    kr_enrol_done_write(&done, &result);
    enum kr_err err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}

/* The person itself stands on its card as who did it. */
static enum kr_err bind(struct kr_step *step, const struct kr_event *event, const struct kr_enrol_ticket *ticket,
                        const uint8_t key[static 32])
{
    struct kr_person_card card = person_row.card;
    struct kr_who self = {.facts = {.is_person = true}};
    struct list list = {0};
    enum kr_err verdict = KR_OK, err = walk(step, &list);
    if (err != KR_OK) {
        return err;
    }
    if (card.standing == KR_STANDING_ENDED) {
        return kr_step_error(step, event->client, event->request, KR_DENIED,
                             "you are no person of this council any more: ask one of its admins");
    }
    if (card.standing == KR_STANDING_SUSPENDED) {
        return kr_step_error(
            step, event->client, event->request, KR_DENIED,
            "you are suspended, and no machine of yours is enrolled while you are; the ticket stays good. Ask one of "
            "the council's admins");
    }
    if (card.credential_count == KR_CREDENTIALS_MAX) {
        return kr_step_error(step, event->client, event->request, KR_BOUNDS,
                             "you are known by as many users and machines as one may be: an admin has to unbind one first");
    }
    if (list.machines >= KR_PERSON_KEYS_MAX) {
        return kr_step_error(step, event->client, event->request, KR_BOUNDS,
                             "as many machines as this node can let in are enrolled: an admin has to unbind one that nobody needs; "
                             "the ticket stays good until then");
    }
    memcpy(self.person, ticket->person, 32);
    card.credentials[card.credential_count++] =
        (struct kr_credential){.kind = KR_CREDENTIAL_KEY, .bytes = {key, KR_CREDENTIAL_KEY_BYTES}};
    err = kr_person_put(&(struct kr_people_put){.step = step, .who = &self}, ticket->person, &card, &verdict);
    if (err != KR_OK || verdict != KR_OK) {
        return err != KR_OK ? err : kr_person_refuse(step, event, verdict);
    }
    err = kr_enrol_ticket_used(step, event->caller.key, key, step->now_ms);
    if (err == KR_OK) {
        err = kr_enrol_say_used(step, event->caller.key, ticket, key);
    }
    return err == KR_OK ? end_enrolment(step, event, ticket->person, false) : err;
}

/* The key comes without a proof, and net knows who connects by the key alone: whoever gave a peer's would have that peer taken for
 * a machine. That of another person's machine is refused where the card is put; the person's own would stand there twice, and go
 * once. `person_row`: who enrols it. */
static enum kr_err is_taken(struct kr_step *step, const uint8_t key[static 32], bool *ret_is_taken)
{
    static const uint8_t nobody[32];
    struct kr_enrol_ticket ticket;
    enum kr_err err = kr_enrol_ticket_get(step->txn, key, &ticket);
    *ret_is_taken = err != KR_NOT_FOUND || kr_link_bears(step->core, key) || kr_link_key_is_taken(step->core, key, nobody) ||
                    kr_enrol_find_machine(&person_row.card, key) < person_row.card.credential_count;
    if (err == KR_NOT_FOUND && !*ret_is_taken) { /* or one of which more than one thing is said then */
        err = kr_machine_was_enrolled(step->txn, key, ret_is_taken);
    }
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

enum kr_err kr_enrol_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who)
{
    struct kr_reader reader;
    struct kr_enrol_ticket ticket;
    bool has_other_use = false;
    uint8_t key[32];
    (void)who;
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    kr_reader_array(&reader, 1);
    kr_reader_fixed(&reader, key, sizeof key);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK || kr_box_public_check(key) != KR_OK || memcmp(key, event->caller.key, 32) == 0) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    take_note(step, key);
    enum kr_err err = event->caller.has_key ? kr_enrol_ticket_get(step->txn, event->caller.key, &ticket) : KR_NOT_FOUND;
    if (err == KR_OK) {
        err = kr_person_get(step->txn, ticket.person, &person_row);
    }
    if (err == KR_NOT_FOUND || err == KR_CORRUPT) {
        return kr_person_refuse(step, event, err);
    }
    if (err == KR_OK && ticket.is_used) {
        return memcmp(ticket.used_by, key, 32) == 0
                   ? end_enrolment(step, event, ticket.person, true)
                   : kr_step_error(step, event->client, event->request, KR_USED,
                                   "another machine was enrolled with this ticket already: if that was not yours, tell an admin of "
                                   "the council at once; for one more machine ask for one more ticket");
    }
    if (err == KR_OK) {
        err = is_taken(step, key, &has_other_use);
    }
    if (err == KR_OK && has_other_use) {
        return kr_step_error(step, event->client, event->request, KR_KEY,
                             "that key is a node's or a ticket's, or was enrolled before, so it can be no machine's: run kairan "
                             "enrol again, which makes a new one");
    }
    return err == KR_OK ? bind(step, event, &ticket, key) : err;
}

enum kr_err kr_unenrol_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who)
{
    struct kr_unenrol unenrol;
    struct kr_writer result;
    enum kr_err verdict = KR_OK;
    if (kr_unenrol_read(event->bytes, &unenrol) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    take_note(step, unenrol.key);
    enum kr_err err = kr_person_get(step->txn, unenrol.person, &person_row);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND || err == KR_CORRUPT ? kr_person_refuse(step, event, err) : err;
    }
    struct kr_person_card card = person_row.card;
    const uint32_t at = kr_enrol_find_machine(&card, unenrol.key);
    if (at == card.credential_count) {
        return kr_step_error(step, event->client, event->request, KR_NOT_FOUND, "that machine is not this person's");
    }
    card.credentials[at] = card.credentials[--card.credential_count];
    err = kr_person_put(&(struct kr_people_put){.step = step, .who = who}, unenrol.person, &card, &verdict);
    if (err != KR_OK || verdict != KR_OK) {
        return err != KR_OK ? err : kr_person_refuse(step, event, verdict);
    }
    err = kr_enrol_say_over(step, unenrol.person, unenrol.key);
    if (err != KR_OK) {
        return err;
    }
    kr_writer_init(&result, 16);
    kr_writer_array(&result, 0);
    err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}
