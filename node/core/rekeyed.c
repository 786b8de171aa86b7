#include "node/core/rekeyed.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/alarm.h"
#include "node/core/change.h"
#include "node/core/facts.h"
#include "node/core/revoke.h"
#include "node/core/root_confirm.h"
#include "node/core/takeback.h"

#define SWEEP_SLICE 256u /* heads looked at */
#define DROP_SLICE  32u  /* of them, records that leave */

static const char row_key[] = "ever";

/* ---- judging ---- */

static enum kr_root_rank rank_of(const struct kr_directory *directory, const struct kr_header *header, struct kr_slice content)
{
    struct kr_card card;
    const bool is_card = header->kind == KR_KIND_COUNCIL_CARD && kr_card_read(content, &card) == KR_OK;
    return is_card ? kr_directory_rank_card(directory, &card) : kr_directory_rank(directory, header->author, header->signing_key);
}

/* Two cards of one council whose re-keyings part: whoever has the paper made one of them. */
static enum kr_err look_for_fork(struct kr_step *step, const struct kr_job *job)
{
    const struct kr_council *known = kr_directory_council(&step->core->directory, job->header.author);
    struct kr_card card, other;
    if (job->header.kind != KR_KIND_COUNCIL_CARD || known == NULL || known->rekeyings == 0 ||
        kr_card_read((struct kr_slice){job->content, job->content_len}, &card) != KR_OK) {
        return KR_OK;
    }
    kr_council_card(known, &other);
    return kr_rekeyings_agree(&card.rekeyings, &other.rekeyings) ? KR_OK : kr_alarm_raise_rekeyed(step, job, known->record_id);
}

enum kr_err kr_rekeyed_judge(struct kr_step *step, const struct kr_job *job)
{
    const struct kr_header *header = &job->header;
    enum kr_revoked_word word;
    const enum kr_root_rank rank = rank_of(&step->core->directory, header, (struct kr_slice){job->content, job->content_len});
    enum kr_err err = look_for_fork(step, job);
    if (err != KR_OK) {
        return err;
    }
    if (rank >= KR_ROOT_IN_FORCE || KR_FAULT(KR_FAULT_FORMER_ROOT_SIGNS)) {
        return KR_OK;
    }
    if (rank == KR_ROOT_NONE) {
        return KR_DENIED;
    }
    err = kr_revoke_asks(step, header->author, header->signing_key, job->record.id, &word);
    if (err != KR_OK) {
        return err;
    }
    return word == KR_REVOKED_GENUINE ? KR_OK : word == KR_REVOKED_FALSE ? KR_DENIED : KR_QUOTA;
}

static enum kr_err head_of(struct kr_step *step, const uint8_t id[static 32], struct kr_head *ret_head, uint8_t *scratch)
{
    uint64_t arrival;
    enum kr_err err = kr_store_record_find(step->txn, id, &arrival);
    return err == KR_OK ? kr_store_head_get(step->txn, arrival, ret_head, scratch) : err;
}

enum kr_err kr_rekeyed_ranks(struct kr_step *step, const struct kr_job *job, const uint8_t id[static 32],
                             enum kr_root_rank *ret_job, enum kr_root_rank *ret_standing)
{
    const struct kr_directory *directory = &step->core->directory;
    const struct kr_council *council = kr_directory_council(directory, job->header.author);
    struct kr_head head;
    *ret_job = *ret_standing = KR_ROOT_IN_FORCE;
    if (!kr_kind_is_statement(job->header.kind)) {
        return KR_OK;
    }
    *ret_job = rank_of(directory, &job->header, (struct kr_slice){job->content, job->content_len});
    if (*ret_job == KR_ROOT_IN_FORCE && (council == NULL || council->rekeyings == 0)) {
        return KR_OK;
    }
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    enum kr_err err = scratch != NULL ? head_of(step, id, &head, scratch) : KR_NOMEM;
    if (err == KR_OK) {
        *ret_standing = kr_directory_rank(directory, head.author, head.signing_key);
    } else if (err == KR_NOT_FOUND || err == KR_CORRUPT) {
        *ret_standing = KR_ROOT_NONE;
        err = KR_OK;
    }
    free(scratch);
    return err;
}

/* ---- statements that leave ---- */

struct row {
    uint8_t key[KR_DIRECTORY_KEY_BYTES], record_id[32];
};
struct rows {
    struct row *items;
    size_t count, capacity;
    enum kr_err err;
};

static bool add_row(void *context, struct kr_slice key, struct kr_slice value)
{
    struct rows *rows = context;
    struct kr_directory_entry entry;
    if (key.len != KR_DIRECTORY_KEY_BYTES || kr_directory_entry_read(value, &entry) != KR_OK) {
        return true;
    }
    if (rows->count == rows->capacity) {
        const size_t capacity = rows->capacity == 0 ? 64 : rows->capacity * 2;
        struct row *items = realloc(rows->items, capacity * sizeof *items);
        if (items == NULL) {
            rows->err = KR_NOMEM;
            return false;
        }
        rows->items = items;
        rows->capacity = capacity;
    }
    memcpy(rows->items[rows->count].key, key.bytes, KR_DIRECTORY_KEY_BYTES);
    memcpy(rows->items[rows->count++].record_id, entry.record_id, 32);
    return true;
}

static enum kr_err collect(struct kr_step *step, const uint8_t author[static 32], struct rows *rows)
{
    static const uint8_t kinds[] = {KR_KIND_COUNCIL_CARD, KR_KIND_CHARTER, KR_KIND_VOUCH, KR_KIND_EXPULSION, KR_KIND_REVOCATION};
    enum kr_err err = KR_OK;
    for (size_t i = 0; i < sizeof kinds && err == KR_OK; i++) {
        uint8_t prefix[33] = {kinds[i]};
        uint32_t damaged = 0;
        memcpy(prefix + 1, author, 32);
        err = kr_store_each_whole(step->txn, KR_TABLE_DIRECTORY, prefix, sizeof prefix, add_row, rows, &damaged);
        err = err == KR_OK ? rows->err : err;
    }
    return err;
}

static enum kr_err is_false(struct kr_step *step, const struct kr_head *head, bool *ret_false)
{
    enum kr_revoked_word word = KR_REVOKED_FALSE;
    const enum kr_root_rank rank = kr_directory_rank(&step->core->directory, head->author, head->signing_key);
    enum kr_err err = KR_OK;
    if (rank == KR_ROOT_FORMER) {
        err = kr_revoke_asks(step, head->author, head->signing_key, head->id, &word);
    }
    *ret_false = rank < KR_ROOT_IN_FORCE && word == KR_REVOKED_FALSE;
    return err;
}

/* Out of tree, directory and log. */
static enum kr_err take_out(struct kr_step *step, const struct kr_head *head, const uint8_t key[static KR_DIRECTORY_KEY_BYTES])
{
    enum kr_err err = kr_admit_leave_of(step, head);
    if (err == KR_OK) {
        err = kr_store_delete(step->txn, KR_TABLE_DIRECTORY, key, KR_DIRECTORY_KEY_BYTES);
    }
    return err == KR_OK ? kr_store_record_purge(step->txn, head->arrival, (struct kr_slice){0}) : err;
}

/* Which node key it spoke of, where it was a revocation: what it called false is not any more. */
static enum kr_err revoked_key_of(struct kr_step *step, const struct kr_head *head, uint8_t ret_key[static 32], bool *ret_is_one)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct kr_record record;
    struct kr_revocation revocation;
    *ret_is_one = false;
    if (head->kind != KR_KIND_REVOCATION) {
        return KR_OK;
    }
    enum kr_err err = kr_store_record_get(step->txn, head->arrival, &bytes, &len);
    if (err == KR_OK && kr_record_split(bytes, len, &record) == KR_OK && kr_revocation_parse(record.body, &revocation) == KR_OK) {
        memcpy(ret_key, revocation.key, 32);
        *ret_is_one = true;
    }
    free(bytes);
    return err == KR_CORRUPT ? KR_OK : err;
}

struct revoked_keys {
    uint8_t items[KR_REVOKED_ROWS_MAX][32];
    uint32_t count;
};

static enum kr_err sweep_row(struct kr_step *step, const struct row *row, uint8_t *scratch, struct revoked_keys *keys,
                             bool *ret_left)
{
    struct kr_head head;
    uint8_t key[32];
    bool is_revocation = false;
    *ret_left = false;
    enum kr_err err = head_of(step, row->record_id, &head, scratch);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err; /* passed over as at every start */
    }
    err = is_false(step, &head, ret_left);
    if (err == KR_OK && *ret_left) {
        err = revoked_key_of(step, &head, key, &is_revocation);
    }
    if (err == KR_OK && is_revocation && keys->count < KR_REVOKED_ROWS_MAX) {
        memcpy(keys->items[keys->count++], key, 32);
    }
    return err == KR_OK && *ret_left ? take_out(step, &head, row->key) : err;
}

static enum kr_err look_for_strangers(struct kr_step *step);

/* What followed from the statements that left is worked out anew. */
static enum kr_err follow(struct kr_step *step, const uint8_t author[static 32], const struct revoked_keys *keys, size_t left)
{
    struct kr_core *core = step->core;
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = kr_directory_reload(&core->directory, step->txn);
    kr_revoked_page_free(core);
    kr_quarantine_is_due(core);
    for (uint32_t i = 0; i < keys->count && err == KR_OK; i++) {
        err = kr_revoke_again(step, author, keys->items[i]);
    }
    if (err == KR_OK) {
        err = look_for_strangers(step);
    }
    return err != KR_OK
               ? err
               : kr_step_log(step, KR_LOG_WARNING,
                             "%zu statements here were signed with a former root key of %s and are not genuine: they count "
                             "no longer",
                             left, kr_core_name(core, author, false, name, sizeof name));
}

enum kr_err kr_rekeyed_sweep(struct kr_step *step, const uint8_t author[static 32])
{
    struct rows rows = {.items = NULL};
    struct revoked_keys *keys = calloc(1, sizeof *keys);
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    size_t left = 0;
    enum kr_err err = keys != NULL && scratch != NULL ? collect(step, author, &rows) : KR_NOMEM;
    for (size_t i = 0; i < rows.count && err == KR_OK && !KR_FAULT(KR_FAULT_FORMER_ROOT_STAYS); i++) {
        bool has_left = false;
        err = sweep_row(step, &rows.items[i], scratch, keys, &has_left);
        left += has_left;
    }
    if (err == KR_OK && left > 0) {
        err = follow(step, author, keys, left);
    }
    free(rows.items);
    free(keys);
    free(scratch);
    return err;
}

enum kr_err kr_rekeyed_entered(struct kr_step *step, const uint8_t author[static 32])
{
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = kr_step_log(step, KR_LOG_WARNING, "%s has another root key, by the word of its recovery key",
                                  kr_core_name(step->core, author, false, name, sizeof name));
    if (err == KR_OK) {
        err = kr_root_confirm_changed(step, author);
    }
    return err == KR_OK ? kr_rekeyed_sweep(step, author) : err;
}

/* ---- who was in a community by false vouches alone ---- */

/* How far the log was looked through. */
struct place {
    uint64_t next, end;
    bool looks_again; /* what was vouched for by those who left is looked at once they have */
};

static enum kr_err put_place(struct kr_step *step, const struct place *place)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 3);
    kr_writer_uint(&writer, place->next);
    kr_writer_uint(&writer, place->end);
    kr_writer_flag(&writer, place->looks_again);
    enum kr_err err = kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, row_key, sizeof row_key - 1, &writer);
    if (err == KR_OK) {
        step->core->strangers_are_due = place->next < place->end;
    }
    return err;
}

static enum kr_err get_place(struct kr_step *step, struct place *ret_place)
{
    uint8_t value[64];
    size_t len;
    struct kr_reader reader;
    struct place place;
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, row_key, sizeof row_key - 1, value, sizeof value, &len);
    if (err != KR_OK) {
        return err;
    }
    kr_reader_init(&reader, value, len);
    kr_reader_array(&reader, 3);
    place.next = kr_reader_uint(&reader, UINT64_MAX);
    place.end = kr_reader_uint(&reader, UINT64_MAX);
    place.looks_again = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    *ret_place = place;
    return KR_OK;
}

static enum kr_err look_for_strangers(struct kr_step *step)
{
    struct kr_store_stat stat;
    enum kr_err err = kr_store_stat(step->txn, &stat);
    return err == KR_OK ? put_place(step, &(struct place){.next = 1, .end = stat.arrivals + 1}) : err;
}

enum kr_err kr_rekeyed_load(struct kr_step *step)
{
    struct place place;
    enum kr_err err = get_place(step, &place);
    step->core->strangers_are_due = err == KR_CORRUPT || (err == KR_OK && place.next < place.end);
    step->core->rows_skipped += err == KR_CORRUPT;
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

/* Whether it would be kept apart if it came now, because its author never was in that community. A card is taken from whoever is
 * linked (admit.c). */
static bool is_strangers(struct kr_core *core, const struct kr_head *head)
{
    if (!head->has_community || head->state == KR_HEAD_QUARANTINED || memcmp(head->author, core->self, 32) == 0 ||
        kr_directory_community(&core->directory, head->community) == NULL ||
        kr_directory_was_member(&core->directory, head->community, head->author)) {
        return false;
    }
    if (kr_kind_is_statement(head->kind)) {
        const bool is_of_itself = head->kind == KR_KIND_COUNCIL_CARD || head->kind == KR_KIND_REVOCATION;
        const bool may_stay = is_of_itself && (kr_link_by_council(core, head->author) != NULL ||
                                               kr_directory_is_candidate(&core->directory, head->community, head->author));
        return !may_stay;
    }
    return head->label == KR_TLP_GREEN;
}

static enum kr_err drop_statement(struct kr_step *step, const struct kr_head *head)
{
    struct kr_header header = {.kind = head->kind};
    struct kr_directory_entry entry;
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    memcpy(header.author, head->author, 32);
    memcpy(header.community, head->community, 32);
    memcpy(header.subject, head->subject, 32);
    kr_directory_key(key, &header);
    enum kr_err err = kr_admit_standing(step, &header, &entry);
    if (err != KR_OK || memcmp(entry.record_id, head->id, 32) != 0) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    return take_out(step, head, key);
}

static enum kr_err drop(struct kr_step *step, const struct kr_head *head, bool *ret_was_statement)
{
    if (kr_kind_is_statement(head->kind)) {
        *ret_was_statement = true;
        return drop_statement(step, head);
    }
    enum kr_err err = kr_takeback_forget(step, head);
    if (err == KR_OK) {
        err = kr_body_notice_forget(step, head);
    }
    return err == KR_OK ? kr_revoke_bring_back(step, head->arrival, head) : err;
}

static enum kr_err look_at_some(struct kr_step *step, struct place *place, bool *ret_had_statement)
{
    struct kr_head head;
    uint32_t dropped = 0;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    enum kr_err err = scratch != NULL ? KR_OK : KR_NOMEM;
    for (uint32_t i = 0; i < SWEEP_SLICE && dropped < DROP_SLICE && place->next < place->end && err == KR_OK; i++) {
        err = kr_store_head_next(step->txn, place->next, false, &head, scratch);
        if (err == KR_NOT_FOUND || (err == KR_OK && head.arrival >= place->end)) {
            place->next = place->end;
            err = KR_OK;
        } else if (err == KR_CORRUPT) {
            err = kr_step_log_damage(step, place->next++);
        } else if (err == KR_OK) {
            place->next = head.arrival + 1;
            if (is_strangers(step->core, &head)) {
                dropped++;
                err = drop(step, &head, ret_had_statement);
            }
        }
    }
    free(scratch);
    return err;
}

enum kr_err kr_rekeyed_slice(struct kr_step *step, bool *ret_more)
{
    struct kr_core *core = step->core;
    struct place place;
    bool had_statement = false;
    *ret_more = false;
    if (!core->strangers_are_due) {
        return KR_OK;
    }
    enum kr_err err = get_place(step, &place);
    if (err == KR_CORRUPT || err == KR_NOT_FOUND) { /* damaged: from the beginning */
        *ret_more = true;
        return look_for_strangers(step);
    }
    if (err == KR_OK) {
        err = look_at_some(step, &place, &had_statement);
    }
    if (err == KR_OK && had_statement) {
        place.looks_again = true;
        err = kr_directory_reload(&core->directory, step->txn);
    }
    if (err == KR_OK && place.next >= place.end && place.looks_again) {
        place.looks_again = false;
        place.next = 1;
    }
    if (err == KR_OK) {
        err = put_place(step, &place);
        *ret_more = core->strangers_are_due;
    }
    return err;
}
