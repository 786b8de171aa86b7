#include "node/core/enrol_shared.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/internal.h"
#include "node/core/people_put.h"
#include "node/core/restored.h"
#include "node/core/sister.h"
#include "proto/record/ticket_word.h"

#define PREFIX_BYTES (1u + 32u)
#define KEY_BYTES    (PREFIX_BYTES + 32u)
#define VALUE_BYTES  128u
#define USES_MAX     KR_CARD_KEYS_MAX /* of one ticket, that are told from each other: a council has no more nodes */
#define CHANGES_MAX  16u              /* of cards, at one tick */
#define AGAIN_MS     600000u          /* by one use the same is done to cards once in so long, whatever they say in between */
#define REFUSED_MS   3600000u         /* or tried, where it was refused */
#define SETTLE_SLICE 64u              /* of alarms, in memory at once */

struct use {
    uint8_t ticket[32], machine[32], person[32];
    uint64_t at_ms, noted_ms;
    bool is_over, is_settled;
    uint64_t in_due_ms, off_due_ms; /* not before is it put on a card, or taken off, once more; 0: at once */
};

/* ---- rows ---- */

static void row_key(uint8_t ret_key[static KEY_BYTES], const uint8_t ticket[static 32], const uint8_t machine[static 32])
{
    ret_key[0] = 'T';
    memcpy(ret_key + 1, ticket, 32);
    memcpy(ret_key + PREFIX_BYTES, machine, 32);
}

static enum kr_err read_use(struct kr_slice key, struct kr_slice value, struct use *ret_use)
{
    struct kr_reader reader;
    struct use use = {0};
    if (key.len != KEY_BYTES) {
        return KR_CORRUPT;
    }
    memcpy(use.ticket, key.bytes + 1, 32);
    memcpy(use.machine, key.bytes + PREFIX_BYTES, 32);
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 7);
    kr_reader_fixed(&reader, use.person, 32);
    use.at_ms = kr_reader_uint(&reader, UINT64_MAX);
    use.is_over = kr_reader_flag(&reader);
    use.noted_ms = kr_reader_uint(&reader, UINT64_MAX);
    use.is_settled = kr_reader_flag(&reader);
    use.in_due_ms = kr_reader_uint(&reader, UINT64_MAX);
    use.off_due_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    *ret_use = use;
    return KR_OK;
}

static enum kr_err put_use(struct kr_step *step, const struct use *use)
{
    uint8_t key[KEY_BYTES];
    struct kr_writer writer;
    row_key(key, use->ticket, use->machine);
    kr_writer_init(&writer, VALUE_BYTES);
    kr_writer_array(&writer, 7);
    kr_writer_bin(&writer, use->person, 32);
    kr_writer_uint(&writer, use->at_ms);
    kr_writer_flag(&writer, use->is_over);
    kr_writer_uint(&writer, use->noted_ms);
    kr_writer_flag(&writer, use->is_settled);
    kr_writer_uint(&writer, use->in_due_ms);
    kr_writer_uint(&writer, use->off_due_ms);
    return kr_store_put_writer(step->txn, KR_TABLE_DRAFTS, key, sizeof key, &writer);
}

static enum kr_err get_use(struct kr_txn *txn, const uint8_t ticket[static 32], const uint8_t machine[static 32],
                           struct use *ret_use)
{
    uint8_t key[KEY_BYTES], value[VALUE_BYTES];
    size_t len;
    row_key(key, ticket, machine);
    enum kr_err err = kr_store_get(txn, KR_TABLE_DRAFTS, key, sizeof key, value, sizeof value, &len);
    err = err == KR_OK ? read_use((struct kr_slice){key, sizeof key}, (struct kr_slice){value, len}, ret_use) : err;
    return err == KR_CORRUPT || err == KR_BOUNDS ? KR_NOT_FOUND : err; /* it is told anew */
}

static bool is_invitation(const struct use *use)
{
    return sodium_is_zero(use->person, 32) == 1;
}

static bool is_before(const struct use *a, const struct use *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : memcmp(a->machine, b->machine, 32) < 0;
}

/* Those of one ticket, the one that stands first; of more than there can be, the earliest. */
struct uses {
    struct use items[USES_MAX];
    uint32_t count;
};

static bool collect_use(void *context, struct kr_slice key, struct kr_slice value)
{
    struct uses *uses = context;
    struct use use;
    if (read_use(key, value, &use) != KR_OK) {
        return true;
    }
    uint32_t at = uses->count < USES_MAX ? uses->count++ : USES_MAX;
    if (at == USES_MAX && !is_before(&use, &uses->items[--at])) {
        return true;
    }
    for (; at > 0 && is_before(&use, &uses->items[at - 1]); at--) {
        uses->items[at] = uses->items[at - 1];
    }
    uses->items[at] = use;
    return true;
}

static enum kr_err uses_of(struct kr_txn *txn, const uint8_t ticket[static 32], struct uses *ret_uses)
{
    uint8_t prefix[PREFIX_BYTES] = {'T'};
    uint32_t damaged;
    memcpy(prefix + 1, ticket, 32);
    ret_uses->count = 0;
    return sodium_is_zero(ticket, 32) == 1
               ? KR_OK
               : kr_store_each_whole(txn, KR_TABLE_DRAFTS, prefix, sizeof prefix, collect_use, ret_uses, &damaged);
}

/* ---- one ticket, two machines ---- */

static enum kr_err raise_alarm(struct kr_step *step, const struct use *first, const struct use *second)
{
    static _Thread_local struct kr_person_row row;
    char name[KR_NAME_BYTES_MAX + 1] = "?", other_name[KR_NAME_BYTES_MAX + 1], one[17], other[17];
    if (is_invitation(second)) {
        return kr_step_log(
            step, KR_LOG_ERROR,
            "ALARM: one invitation of ours was used by two councils, at two nodes of this council: by %s, which was first, "
            "and by %s. Whom did you invite? Remove the other one (kairan alarms, kairan peer remove)",
            kr_core_name(step->core, first->machine, false, name, sizeof name),
            kr_core_name(step->core, second->machine, false, other_name, sizeof other_name));
    }
    enum kr_err err = kr_person_get(step->txn, second->person, &row);
    if (err == KR_OK) {
        (void)kr_slice_text(row.card.name, name, sizeof name);
    } else if (err != KR_NOT_FOUND && err != KR_CORRUPT) {
        return err;
    }
    (void)sodium_bin2hex(one, sizeof one, first->machine, 8);
    (void)sodium_bin2hex(other, sizeof other, second->machine, 8);
    return kr_step_log(
        step, KR_LOG_ERROR,
        "ALARM: one ticket for a machine of %s was used by two machines, at two nodes of this council: %s, which was "
        "first, and %s, which is taken off. Ask that person by telephone which is his own (kairan alarms)",
        name, one, other);
}

/* What the rows of that ticket come to. */
static enum kr_err judge_uses(struct kr_step *step, const uint8_t ticket[static 32])
{
    static _Thread_local struct uses uses;
    enum kr_err err = uses_of(step->txn, ticket, &uses);
    for (uint32_t i = 0; i < uses.count && err == KR_OK; i++) {
        struct use *use = &uses.items[i];
        if ((use->noted_ms != 0) == (i > 0)) {
            continue;
        }
        step->core->alarms_open += i > 0 ? 1 : 0;
        step->core->alarms_open -=
            i == 0 && !use->is_settled && step->core->alarms_open > 0 ? 1 : 0; /* it is the first after all */
        use->noted_ms = i > 0 ? step->now_ms : 0;
        use->is_settled = false;
        err = put_use(step, use);
        if (err == KR_OK && i > 0) {
            err = raise_alarm(step, &uses.items[0], use);
        }
    }
    if (err != KR_OK || uses.count == 0) {
        return err;
    }
    return is_invitation(&uses.items[0]) ? kr_invitation_joined(step, ticket, uses.items[0].machine)
                                         : kr_enrol_ticket_used(step, ticket, uses.items[0].machine, uses.items[0].at_ms);
}

/* ---- what this node says ---- */

enum kr_err kr_ticket_word_say(struct kr_step *step, struct kr_ticket_word *word, uint64_t expires_s)
{
    uint8_t subject[32];
    struct kr_directory_entry entry;
    struct kr_writer content;
    enum kr_err verdict = KR_OK;
    if (!step->core->shares_council) {
        return KR_OK;
    }
    kr_ticket_word_subject(word, subject);
    enum kr_err err = kr_internal_standing(step, KR_KIND_TICKET, subject, &entry);
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    word->previous = err == KR_OK ? (struct kr_slice){entry.record_id, 32} : (struct kr_slice){0};
    const struct kr_internal what = {
        .kind = KR_KIND_TICKET, .subject = subject, .version = err == KR_OK ? entry.version + 1 : 1, .expires_s = expires_s};
    kr_writer_init(&content, KR_TICKET_WORD_BYTES_MAX);
    kr_ticket_word_write(word, &content);
    err = kr_internal_put(step, &what, &content, &verdict);
    return err == KR_OK && verdict != KR_OK
               ? kr_step_log(step, KR_LOG_WARNING, "other nodes of this council cannot be told of a ticket: %s",
                             kr_err_text(verdict))
               : err;
}

enum kr_err kr_enrol_say_open(struct kr_step *step, const uint8_t key[static 32], const struct kr_enrol_ticket *ticket)
{
    struct kr_ticket_word word = {.what = KR_TICKET_OPEN, .at_ms = step->now_ms, .expires_s = ticket->expires_s};
    memcpy(word.ticket, key, 32);
    memcpy(word.person, ticket->person, 32);
    return kr_ticket_word_say(step, &word, ticket->expires_s + KR_TICKET_KEPT_S);
}

enum kr_err kr_enrol_say_used(struct kr_step *step, const uint8_t key[static 32], const struct kr_enrol_ticket *ticket,
                              const uint8_t machine[static 32])
{
    struct kr_ticket_word word = {
        .what = KR_TICKET_USED, .has_machine = true, .at_ms = step->now_ms, .expires_s = ticket->expires_s};
    memcpy(word.ticket, key, 32);
    memcpy(word.person, ticket->person, 32);
    memcpy(word.machine, machine, 32);
    return kr_ticket_word_say(step, &word, step->now_ms / 1000 + KR_TICKET_USED_KEPT_S);
}

struct enrolment {
    const uint8_t *machine;
    struct use use;
    bool is_found;
};

static bool find_enrolment(void *context, struct kr_slice key, struct kr_slice value)
{
    struct enrolment *enrolment = context;
    struct use use;
    enrolment->is_found =
        read_use(key, value, &use) == KR_OK && !is_invitation(&use) && memcmp(use.machine, enrolment->machine, 32) == 0;
    if (enrolment->is_found) {
        enrolment->use = use;
    }
    return !enrolment->is_found;
}

/* The ticket that it was enrolled with stays known. Where it was enrolled with several, at nodes apart, one that is over is
 * enough: none of the others puts it on a card any more. */
static enum kr_err find_ticket(struct kr_step *step, struct kr_ticket_word *word)
{
    struct enrolment enrolment = {.machine = word->machine};
    struct kr_ticket_word before;
    struct kr_directory_entry entry;
    uint8_t subject[32], *content = NULL;
    size_t len = 0;
    uint32_t damaged;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_DRAFTS, "T", 1, find_enrolment, &enrolment, &damaged);
    if (err != KR_OK || !enrolment.is_found) {
        return err;
    }
    memcpy(word->ticket, enrolment.use.ticket, 32);
    word->at_ms = enrolment.use.at_ms;
    kr_ticket_word_subject(word, subject);
    err = kr_internal_standing(step, KR_KIND_TICKET, subject, &entry);
    if (err == KR_OK) {
        err = kr_internal_open(step->txn, step->core->keyring, entry.record_id, &content, &len);
    }
    if (err == KR_OK && kr_ticket_word_parse((struct kr_slice){content, len}, &before) == KR_OK) {
        word->expires_s = before.expires_s;
    }
    free(content);
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

enum kr_err kr_enrol_say_over(struct kr_step *step, const uint8_t person[static 32], const uint8_t machine[static 32])
{
    struct kr_ticket_word word = {.what = KR_TICKET_OVER, .has_machine = true, .at_ms = step->now_ms};
    memcpy(word.person, person, 32);
    memcpy(word.machine, machine, 32);
    enum kr_err err = step->core->shares_council ? find_ticket(step, &word) : KR_OK;
    return err == KR_OK ? kr_ticket_word_say(step, &word, step->now_ms / 1000 + KR_TICKET_USED_KEPT_S) : err;
}

/* ---- records ---- */

enum kr_err kr_ticket_word_fits(const struct kr_header *header, struct kr_slice content)
{
    struct kr_ticket_word word;
    uint8_t subject[32];
    if (content.len > KR_TICKET_WORD_BYTES_MAX || kr_ticket_word_parse(content, &word) != KR_OK) {
        return KR_MALFORMED;
    }
    kr_ticket_word_subject(&word, subject);
    return memcmp(subject, header->subject, 32) == 0 ? KR_OK : KR_MALFORMED;
}

enum kr_err kr_machines_are_due(struct kr_step *step)
{
    step->core->machines_differ = step->core->machines_differ || step->core->shares_council;
    return step->core->machines_differ ? kr_step_wake(step, step->now_ms) : KR_OK;
}

enum kr_err kr_ticket_word_take(struct kr_step *step, struct kr_slice content)
{
    struct kr_ticket_word word;
    struct use use = {0};
    enum kr_err err = kr_ticket_word_parse(content, &word);
    if (err != KR_OK) {
        return err;
    }
    if (word.what == KR_TICKET_OPEN) {
        const struct kr_enrol_ticket ticket = {.expires_s = word.expires_s};
        err = kr_enrol_ticket_learn(step, word.ticket, word.person, ticket.expires_s);
        return err == KR_OK ? judge_uses(step, word.ticket) : err; /* it may have been used already */
    }
    if (word.what == KR_TICKET_INVITED || word.what == KR_TICKET_INVITED_BY_HAND) {
        err = kr_invitation_learn(step, &word);
        return err == KR_OK ? judge_uses(step, word.ticket) : err;
    }
    err = get_use(step->txn, word.ticket, word.machine, &use);
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    memcpy(use.ticket, word.ticket, 32);
    memcpy(use.machine, word.machine, 32);
    memcpy(use.person, word.person, 32);
    use.at_ms = word.at_ms;
    use.is_over = word.what == KR_TICKET_OVER;
    err = put_use(step, &use);
    if (err == KR_OK) {
        err = judge_uses(step, word.ticket);
    }
    return err == KR_OK ? kr_machines_are_due(step) : err;
}

enum kr_err kr_ticket_word_leave(struct kr_step *step, const uint8_t record_id[static 32])
{
    uint8_t *content = NULL, key[KEY_BYTES];
    size_t len = 0;
    struct kr_ticket_word word;
    struct use use;
    enum kr_err err = kr_internal_open(step->txn, step->core->keyring, record_id, &content, &len);
    err = err == KR_OK && kr_ticket_word_parse((struct kr_slice){content, len}, &word) != KR_OK ? KR_CORRUPT : err;
    free(content);
    if (err != KR_OK) {
        return err == KR_CORRUPT || err == KR_NOT_FOUND ? KR_OK : err;
    }
    if (word.what == KR_TICKET_OPEN) {
        return kr_enrol_ticket_forget(step, word.ticket);
    }
    if (word.what == KR_TICKET_INVITED || word.what == KR_TICKET_INVITED_BY_HAND) {
        return kr_invitation_forget(step, word.ticket);
    }
    err = get_use(step->txn, word.ticket, word.machine, &use);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    row_key(key, word.ticket, word.machine);
    err = kr_store_delete(step->txn, KR_TABLE_DRAFTS, key, sizeof key);
    if (err == KR_OK && use.noted_ms != 0 && !use.is_settled && step->core->alarms_open > 0) {
        step->core->alarms_open--;
    }
    if (err == KR_OK) {
        err = judge_uses(step, word.ticket);
    }
    return err == KR_OK ? kr_machines_are_due(step) : err;
}

/* ---- cards follow ---- */

/* A machine that is this person's no more, or nobody's (person zero): whatever else was said of it, no card is to have it back. */
struct off {
    uint8_t machine[32], person[32];
};
struct change {
    uint8_t ticket[32], person[32], machine[32];
    bool is_in; /* it shall be on the card */
};
struct changes {
    struct kr_txn *txn;
    uint64_t now_ms, due_ms;
    struct off *off; /* owned; sorted */
    size_t off_count, off_room;
    struct change items[CHANGES_MAX];
    uint32_t count;
    enum kr_err err;
};

static int compare_off(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct off));
}

static bool collect_off(void *context, struct kr_slice key, struct kr_slice value)
{
    struct changes *changes = context;
    struct use use;
    if (read_use(key, value, &use) != KR_OK || is_invitation(&use) || (use.noted_ms == 0 && !use.is_over)) {
        return true;
    }
    if (changes->off_count == changes->off_room) {
        const size_t room = changes->off_room == 0 ? 64 : 2 * changes->off_room;
        struct off *grown = realloc(changes->off, room * sizeof *grown);
        if (grown == NULL) {
            changes->err = KR_NOMEM;
            return false;
        }
        changes->off = grown;
        changes->off_room = room;
    }
    struct off *off = &changes->off[changes->off_count++];
    *off = (struct off){0};
    memcpy(off->machine, use.machine, 32);
    if (use.noted_ms == 0) {
        memcpy(off->person, use.person, 32);
    }
    return true;
}

/* One machine may have been enrolled with several tickets, and what became of them differs. One answer for all of them: else each
 * row would undo what the other has done. */
static bool is_off(const struct changes *changes, const struct use *use)
{
    struct off off = {0};
    memcpy(off.machine, use->machine, 32);
    if (changes->off_count == 0) {
        return false;
    }
    if (bsearch(&off, changes->off, changes->off_count, sizeof off, compare_off) != NULL) {
        return true;
    }
    memcpy(off.person, use->person, 32);
    return bsearch(&off, changes->off, changes->off_count, sizeof off, compare_off) != NULL;
}

/* Whether it is on that card, and can be put there where it is not: a card that is over takes nothing any more. */
static enum kr_err is_on_card(const struct changes *changes, const struct use *use, bool *ret_is, bool *ret_can)
{
    static _Thread_local struct kr_person_row row;
    enum kr_err err = kr_person_get(changes->txn, use->person, &row);
    const bool is_over = err == KR_OK && row.card.until_s != 0 && row.card.until_s <= changes->now_ms / 1000;
    *ret_is = err == KR_OK && kr_enrol_find_machine(&row.card, use->machine) < row.card.credential_count;
    *ret_can = err == KR_OK && !is_over && row.card.standing != KR_STANDING_ENDED && row.card.credential_count < KR_CREDENTIALS_MAX;
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

static void note_change(struct changes *changes, const struct use *use, const uint8_t person[static 32], bool is_in)
{
    const uint64_t due_ms = is_in ? use->in_due_ms : use->off_due_ms;
    if (due_ms > changes->now_ms && due_ms <= changes->now_ms + REFUSED_MS) { /* (beyond that the clock was put back) */
        changes->due_ms = due_ms < changes->due_ms ? due_ms : changes->due_ms;
        return;
    }
    if (changes->count < CHANGES_MAX) {
        struct change *change = &changes->items[changes->count++];
        change->is_in = is_in;
        memcpy(change->ticket, use->ticket, 32);
        memcpy(change->machine, use->machine, 32);
        memcpy(change->person, person, 32);
    }
}

/* One that came second goes off every card: its person may have moved meanwhile. */
static enum kr_err look_at_second(struct changes *changes, const struct use *use)
{
    uint8_t persons[KR_CREDENTIAL_PERSONS][32];
    uint32_t count = 0;
    enum kr_err err = kr_credential_persons(changes->txn, KR_CREDENTIAL_KEY,
                                            (struct kr_slice){use->machine, KR_CREDENTIAL_KEY_BYTES}, persons, &count);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        note_change(changes, use, persons[i], false);
    }
    return err == KR_CORRUPT ? KR_OK : err;
}

static bool look_at_use(void *context, struct kr_slice key, struct kr_slice value)
{
    struct changes *changes = context;
    struct use use;
    bool is = false, can = false;
    if (read_use(key, value, &use) != KR_OK || is_invitation(&use)) {
        return true;
    }
    if (use.noted_ms != 0) {
        changes->err = look_at_second(changes, &use);
    } else {
        changes->err = is_on_card(changes, &use, &is, &can);
        const bool is_wanted = !use.is_over && !is_off(changes, &use);
        if (changes->err == KR_OK && (is_wanted ? !is && can : is && use.is_over)) {
            note_change(changes, &use, use.person, is_wanted);
        }
    }
    return changes->err == KR_OK && changes->count < CHANGES_MAX;
}

/* Two nodes, or two cards, may differ for whatever reason: it is no reason to write them without end. */
static enum kr_err put_off(struct kr_step *step, const struct change *change, uint64_t by_ms)
{
    struct use use;
    enum kr_err err = get_use(step->txn, change->ticket, change->machine, &use);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    *(change->is_in ? &use.in_due_ms : &use.off_due_ms) = step->now_ms + by_ms;
    return put_use(step, &use);
}

static enum kr_err make_change(struct kr_step *step, const struct change *change)
{
    static _Thread_local struct kr_person_row row;
    const struct kr_who nobody = {.facts = {.is_person = false}};
    enum kr_err verdict = KR_OK, err = put_off(step, change, AGAIN_MS);
    if (err == KR_OK) {
        err = kr_person_get(step->txn, change->person, &row);
    }
    if (err != KR_OK) {
        return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
    }
    struct kr_person_card card = row.card;
    const uint32_t at = kr_enrol_find_machine(&card, change->machine);
    const bool is_full = card.credential_count == KR_CREDENTIALS_MAX;
    if ((at < card.credential_count) == change->is_in || (change->is_in && is_full)) {
        return KR_OK;
    }
    if (change->is_in) {
        card.credentials[card.credential_count++] =
            (struct kr_credential){.kind = KR_CREDENTIAL_KEY, .bytes = {change->machine, KR_CREDENTIAL_KEY_BYTES}};
    } else {
        card.credentials[at] = card.credentials[--card.credential_count];
    }
    err = kr_person_put(&(struct kr_people_put){.step = step, .who = &nobody}, change->person, &card, &verdict);
    if (err != KR_OK || verdict == KR_OK) {
        return err;
    }
    err = put_off(step, change, REFUSED_MS);
    return err == KR_OK
               ? kr_step_log(step, KR_LOG_WARNING, "the machines on a person's card cannot be set right: %s", kr_err_text(verdict))
               : err;
}

static enum kr_err find_changes(struct changes *changes)
{
    uint32_t damaged;
    enum kr_err err = kr_store_each_whole(changes->txn, KR_TABLE_DRAFTS, "T", 1, collect_off, changes, &damaged);
    err = err == KR_OK ? changes->err : err;
    if (err == KR_OK && changes->off_count > 1) {
        qsort(changes->off, changes->off_count, sizeof changes->off[0], compare_off);
    }
    if (err == KR_OK) {
        err = kr_store_each_whole(changes->txn, KR_TABLE_DRAFTS, "T", 1, look_at_use, changes, &damaged);
    }
    free(changes->off);
    changes->off = NULL;
    return err == KR_OK ? changes->err : err;
}

enum kr_err kr_machines_tick(struct kr_step *step)
{
    static _Thread_local struct changes changes;
    struct kr_core *core = step->core;
    const bool is_due = core->machines_differ || step->now_ms >= core->machines_due_ms;
    if (!is_due || !core->shares_council || kr_restored_holds(core) || core->keyring->sealing_count == 0) {
        return KR_OK;
    }
    changes = (struct changes){.txn = step->txn, .now_ms = step->now_ms, .due_ms = UINT64_MAX};
    enum kr_err err = find_changes(&changes);
    core->machines_differ = false;
    for (uint32_t i = 0; i < changes.count && err == KR_OK; i++) {
        err = make_change(step, &changes.items[i]);
    }
    core->machines_due_ms = changes.due_ms;
    if (err == KR_OK && changes.due_ms != UINT64_MAX) {
        err = kr_step_wake(step, changes.due_ms);
    }
    if (err == KR_OK && changes.count > 0) {
        err = kr_machines_are_due(step); /* there may be more than were made at once */
    }
    core->machines_differ = core->machines_differ || err != KR_OK;
    return err;
}

struct known {
    const uint8_t *machine;
    bool is_known;
};

static bool look_for_machine(void *context, struct kr_slice key, struct kr_slice value)
{
    struct known *known = context;
    struct use use;
    known->is_known = read_use(key, value, &use) == KR_OK && !is_invitation(&use) && memcmp(use.machine, known->machine, 32) == 0;
    return !known->is_known;
}

enum kr_err kr_machine_was_enrolled(struct kr_txn *txn, const uint8_t machine[static 32], bool *ret_was)
{
    struct known known = {.machine = machine};
    uint32_t damaged;
    enum kr_err err = kr_store_each_whole(txn, KR_TABLE_DRAFTS, "T", 1, look_for_machine, &known, &damaged);
    *ret_was = known.is_known;
    return err;
}

/* ---- alarms ---- */

static bool count_alarm(void *context, struct kr_slice key, struct kr_slice value)
{
    uint64_t *count = context;
    struct use use;
    *count += read_use(key, value, &use) == KR_OK && use.noted_ms != 0 && !use.is_settled;
    return true;
}

enum kr_err kr_enrol_alarms_count(struct kr_step *step, uint64_t *ret_open)
{
    uint32_t damaged;
    *ret_open = 0;
    return kr_store_each_whole(step->txn, KR_TABLE_DRAFTS, "T", 1, count_alarm, ret_open, &damaged);
}

struct listing {
    struct kr_step *step;
    const struct kr_event *event;
    enum kr_err err;
};

static bool list_alarm(void *context, struct kr_slice key, struct kr_slice value)
{
    static _Thread_local struct kr_person_row row;
    static _Thread_local struct uses uses;
    struct listing *listing = context;
    struct use use;
    if (read_use(key, value, &use) != KR_OK || use.noted_ms == 0) {
        return true;
    }
    char name[KR_NAME_BYTES_MAX + 1];
    struct kr_alarm alarm = {.sort = is_invitation(&use) ? KR_ALARM_INVITATION : KR_ALARM_TICKET,
                             .noted_ms = use.noted_ms,
                             .is_settled = use.is_settled};
    struct kr_writer writer;
    enum kr_err err = uses_of(listing->step->txn, use.ticket, &uses);
    if (err == KR_OK && is_invitation(&use)) {
        (void)kr_core_name(listing->step->core, use.machine, listing->event->speaks_japanese, name, sizeof name);
        alarm.name = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    } else if (err == KR_OK) {
        err = kr_person_get(listing->step->txn, use.person, &row);
        alarm.name = err == KR_OK ? row.card.name : (struct kr_slice){(const uint8_t *)"?", 1};
        err = err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
    }
    memcpy(alarm.council, listing->step->core->self, 32);
    alarm.records[0] = (struct kr_slice){uses.items[0].machine, 32};
    alarm.records[1] = (struct kr_slice){use.machine, 32};
    if (err == KR_OK) {
        kr_writer_init(&writer, KR_KIB);
        kr_alarm_write(&alarm, &writer);
        err = kr_step_item(listing->step, listing->event->client, listing->event->request, &writer);
        kr_writer_deinit(&writer);
    }
    listing->err = err;
    return err == KR_OK;
}

enum kr_err kr_enrol_alarms_list(struct kr_step *step, const struct kr_event *event)
{
    struct listing listing = {.step = step, .event = event};
    uint32_t damaged;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_DRAFTS, "T", 1, list_alarm, &listing, &damaged);
    return err == KR_OK ? listing.err : err;
}

struct settling {
    struct use items[SETTLE_SLICE];
    uint32_t count;
};

static bool pick_open(void *context, struct kr_slice key, struct kr_slice value)
{
    struct settling *settling = context;
    struct use use;
    if (read_use(key, value, &use) == KR_OK && use.noted_ms != 0 && !use.is_settled) {
        settling->items[settling->count++] = use;
    }
    return settling->count < SETTLE_SLICE;
}

enum kr_err kr_enrol_alarms_settle(struct kr_step *step, uint32_t *ret_count)
{
    static _Thread_local struct settling settling;
    uint8_t from[KEY_BYTES] = {'T'};
    uint32_t damaged;
    enum kr_err err = KR_OK;
    *ret_count = 0;
    do {
        settling.count = 0;
        err =
            kr_store_each_from(step->txn, KR_TABLE_DRAFTS, (struct kr_slice){from, sizeof from}, 1, pick_open, &settling, &damaged);
        for (uint32_t i = 0; i < settling.count && err == KR_OK; i++) {
            settling.items[i].is_settled = true;
            err = put_use(step, &settling.items[i]);
            row_key(from, settling.items[i].ticket, settling.items[i].machine);
        }
        *ret_count += settling.count;
    } while (err == KR_OK && settling.count == SETTLE_SLICE);
    return err;
}
