/* Taking back: what a retraction or a revision does to its target here.
 *
 *   entered ──▶ somebody else's, and over the day's limit? ── yes ──▶ waits: held and passed on, without effect, until the operator
 *      │ no                                                           confirms ──▶ (in slices) ──┐
 *      ▼                                                                                         ▼
 *   target here in full ──▶ its header stays, body, title and terms go      not here ──▶ its header is put, from what was carried
 *
 * Whatever comes first, the end is the same: the target's header in the log and in its scopes, and nothing of its content. So the
 * sets of all nodes stay equal, and what was taken back stays so after restarts, old backups and peers that were away.
 *
 * In KR_TABLE_RECEIPTS:
 *   "back" ‖ target ‖ author                  → as taken.h says
 *   "baks" ‖ author                           → array of 4: day since 1970, how many took effect on it, how many wait, last arrival
 *                                               that the operator has confirmed and that is still to be dealt with (0: none)
 *   "wait" ‖ author ‖ BE64(its arrival)       → array of 1: target (bin 32) */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/change.h"
#include "node/core/reason.h"
#include "node/core/revoke.h"
#include "node/core/rotate.h"
#include "node/core/sister.h"
#include "node/core/takeback.h"

#define SLICE              32u
#define DAY_MS             86400000u
#define COUNCIL_KEY_BYTES  36u
#define WAITING_KEY_BYTES  44u
#define WAITING_PREFIX_LEN 36u

/* ---- rows ---- */

struct council {
    uint64_t day, count, waiting, confirmed;
};

static void council_key(uint8_t ret_key[static COUNCIL_KEY_BYTES], const uint8_t author[static 32])
{
    memcpy(ret_key, "baks", 4);
    memcpy(ret_key + 4, author, 32);
}

static bool council_read(struct kr_slice value, struct council *ret_council)
{
    struct council council;
    struct kr_reader reader;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 4);
    council.day = kr_reader_uint(&reader, UINT64_MAX);
    council.count = kr_reader_uint(&reader, UINT64_MAX);
    council.waiting = kr_reader_uint(&reader, UINT64_MAX);
    council.confirmed = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return false;
    }
    *ret_council = council;
    return true;
}

/* All zero where there is none, or none that can be read. */
static enum kr_err council_get(struct kr_step *step, const uint8_t author[static 32], struct council *ret_council)
{
    uint8_t key[COUNCIL_KEY_BYTES], value[64];
    size_t len;
    struct council council = {0};
    council_key(key, author);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
        return err;
    }
    if (err == KR_OK && !council_read((struct kr_slice){value, len}, &council)) {
        council = (struct council){0};
    }
    *ret_council = council;
    return KR_OK;
}

static enum kr_err council_put(struct kr_step *step, const uint8_t author[static 32], const struct council *council)
{
    uint8_t key[COUNCIL_KEY_BYTES];
    struct kr_writer writer;
    council_key(key, author);
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 4);
    kr_writer_uint(&writer, council->day);
    kr_writer_uint(&writer, council->count);
    kr_writer_uint(&writer, council->waiting);
    kr_writer_uint(&writer, council->confirmed);
    return kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

static void waiting_key(uint8_t ret_key[static WAITING_KEY_BYTES], const uint8_t author[static 32], uint64_t arrival)
{
    memcpy(ret_key, "wait", 4);
    memcpy(ret_key + 4, author, 32);
    kr_put_be(ret_key + WAITING_PREFIX_LEN, arrival, 8);
}

static uint64_t waiting_arrival(struct kr_slice key)
{
    return kr_get_be(key.bytes + WAITING_PREFIX_LEN, 8);
}

static bool waiting_read(struct kr_slice value, uint8_t ret_target[static 32])
{
    struct kr_reader reader;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 1);
    kr_reader_fixed(&reader, ret_target, 32);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK;
}

static enum kr_err waiting_put(struct kr_step *step, const uint8_t author[static 32], uint64_t arrival,
                               const uint8_t target[static 32])
{
    uint8_t key[WAITING_KEY_BYTES];
    struct kr_writer writer;
    waiting_key(key, author, arrival);
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 1);
    kr_writer_bin(&writer, target, 32);
    return kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

/* It waits no longer, whatever became of it. */
static enum kr_err waiting_end(struct kr_step *step, const uint8_t author[static 32], uint64_t arrival)
{
    struct kr_core *core = step->core;
    uint8_t key[WAITING_KEY_BYTES];
    struct council council;
    waiting_key(key, author, arrival);
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    err = council_get(step, author, &council);
    if (err == KR_OK) {
        council.waiting -= council.waiting > 0;
        err = council_put(step, author, &council);
    }
    if (err == KR_OK) {
        core->takebacks_waiting -= core->takebacks_waiting > 0;
    }
    return err;
}

/* ---- the effect ---- */

enum kr_err kr_takeback_judge(const struct kr_job *job)
{
    const struct kr_header *header = &job->header;
    if (!header->has_target) {
        return KR_MALFORMED;
    }
    if (job->record.is_header_only || kr_label_is_sealed(header->label)) {
        /* Of a sealed one not everybody can see what it carries, and all must hold the same set: one that does not hold has no
         * effect. */
        return KR_OK;
    }
    return job->is_open ? job->target_err : KR_MALFORMED;
}

/* The record as it is stored; `*ret_bytes` (free()) is what header and record are borrowed from. */
static enum kr_err load(struct kr_step *step, uint64_t arrival, uint8_t **ret_bytes, struct kr_record *ret_record,
                        struct kr_header *ret_header)
{
    uint8_t *bytes = NULL;
    size_t len;
    enum kr_err err = kr_store_record_get(step->txn, arrival, &bytes, &len);
    if (err != KR_OK) {
        return err;
    }
    if (kr_record_split(bytes, len, ret_record) != KR_OK || kr_header_parse(ret_record->header, ret_header) != KR_OK) {
        free(bytes);
        return KR_CORRUPT;
    }
    *ret_bytes = bytes;
    return KR_OK;
}

/* What was said about a record goes with its content. */
static enum kr_err strip(struct kr_step *step, uint64_t arrival, const uint8_t id[static 32])
{
    uint64_t bytes = 0;
    enum kr_err err = kr_expiry_strip(step, arrival, &bytes);
    return err == KR_OK ? kr_reason_forget(step->txn, id) : err;
}

/* Takes it out of the log altogether; its header comes back from what was carried. */
static enum kr_err drop(struct kr_step *step, const struct kr_head *head, uint64_t arrival)
{
    enum kr_err err = KR_OK;
    if (head != NULL && head->state == KR_HEAD_QUARANTINED) {
        err = kr_store_delete(step->txn, KR_TABLE_QUARANTINE, head->id, 32);
        if (err == KR_OK) {
            kr_quarantine_left(step->core, head->from, head->record_bytes);
        }
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    if (err == KR_OK) {
        err = kr_change_forget(step->txn, arrival);
    }
    return err == KR_OK ? kr_store_record_purge(step->txn, arrival, (struct kr_slice){0}) : err;
}

/* What is known of the target beside its id. Borrowed. */
struct carried {
    struct kr_slice header, signature; /* empty: nothing */
};

static enum kr_err put_header(struct kr_step *step, const struct carried *carried, const uint8_t from[static 32])
{
    struct kr_writer writer;
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    const struct kr_record target = {.header = carried->header, .signature = carried->signature};
    if (job == NULL) {
        return KR_NOMEM;
    }
    kr_writer_init(&writer, KR_RECORD_BYTES_MAX);
    enum kr_err err = kr_record_strip(&target, &writer);
    if (err == KR_OK) {
        err = kr_writer_take(&writer, &job->bytes, &job->len);
    }
    if (err == KR_OK) {
        err = kr_record_split(job->bytes, job->len, &job->record);
    }
    if (err == KR_OK) {
        err = kr_header_parse(job->record.header, &job->header);
    }
    if (err == KR_OK) {
        err = kr_admit_header(step, job, from);
    }
    kr_writer_deinit(&writer);
    kr_job_free(job);
    return err;
}

static enum kr_err take_effect(struct kr_step *step, const struct kr_header *by, const struct carried *carried,
                               const uint8_t from[static 32])
{
    uint64_t arrival;
    struct kr_head head;
    struct kr_record target;
    struct kr_header header;
    uint8_t *bytes = NULL, *scratch = malloc(KR_HEAD_SCRATCH);
    bool is_gone = false;
    enum kr_err err = scratch != NULL ? kr_store_record_find(step->txn, by->target, &arrival) : KR_NOMEM;
    if (err == KR_OK) {
        err = kr_store_head_get(step->txn, arrival, &head, scratch);
        if (err == KR_OK) {
            err = load(step, arrival, &bytes, &target, &header);
        }
        if (err == KR_CORRUPT) { /* nothing of it may stay, readable or not */
            err = drop(step, NULL, arrival);
            is_gone = true;
        } else if (err == KR_OK && kr_takeback_covers(by, &header, target.id) == KR_OK) {
            is_gone = head.state == KR_HEAD_QUARANTINED;
            err = is_gone ? drop(step, &head, arrival) : head.state == KR_HEAD_HEADER_ONLY ? KR_OK : strip(step, arrival, head.id);
        }
    } else if (err == KR_NOT_FOUND) {
        is_gone = true;
        err = KR_OK;
    }
    free(bytes);
    free(scratch);
    return err == KR_OK && is_gone && carried->header.len > 0 ? put_header(step, carried, from) : err;
}

/* ---- entering ---- */

/* What was noted of that target has turned out not to hold. */
static enum kr_err unnote(struct kr_step *step, const uint8_t target[static 32], const uint8_t author[static 32],
                          const struct kr_taken_row *row)
{
    uint64_t arrival;
    uint8_t key[KR_TAKEN_KEY_BYTES];
    enum kr_err err = row->is_done ? KR_NOT_FOUND : kr_store_record_find(step->txn, row->by, &arrival);
    if (err == KR_OK) {
        err = waiting_end(step, author, arrival);
    }
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    kr_taken_key(key, target, author);
    err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* Whether the retraction or revision with that id takes back the record with this header, by what the two headers say. */
static enum kr_err covers(struct kr_step *step, const uint8_t by[static 32], const struct kr_header *target,
                          const uint8_t target_id[static 32], bool *ret_covers)
{
    uint64_t arrival;
    struct kr_record record;
    struct kr_header header;
    uint8_t *bytes = NULL;
    enum kr_err err = kr_store_record_find(step->txn, by, &arrival);
    if (err == KR_OK) {
        err = load(step, arrival, &bytes, &record, &header);
    }
    if (err == KR_NOT_FOUND || err == KR_CORRUPT) {
        *ret_covers = true; /* it was there, and is damaged: what was taken back must not come back for that */
        return KR_OK;
    }
    if (err == KR_OK) {
        *ret_covers = kr_takeback_covers(&header, target, target_id) == KR_OK;
    }
    free(bytes);
    return err;
}

/* Nobody who cannot read it sees whether a sealed one fits its target before that one's header is known. One that does not must
 * neither be noted, nor keep another from being. `*ret_err`: KR_OK: it may be noted; KR_EXISTS: another is; KR_INVALID: it does not
 * fit. */
static enum kr_err look_at_others(struct kr_step *step, const struct kr_job *job, enum kr_err *ret_err)
{
    const struct kr_header *by = &job->header, *target = job->is_open ? &job->target_header : NULL;
    struct kr_record record;
    struct kr_header header;
    struct kr_taken_row row;
    uint64_t arrival;
    uint8_t *bytes = NULL;
    bool is_covered = true;
    enum kr_err err = target == NULL ? kr_store_record_find(step->txn, by->target, &arrival) : KR_NOT_FOUND;
    if (err == KR_OK) {
        err = load(step, arrival, &bytes, &record, &header);
        target = err == KR_OK ? &header : NULL;
    }
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
        goto out;
    }
    if (target != NULL && kr_takeback_covers(by, target, by->target) != KR_OK) {
        *ret_err = KR_INVALID;
        err = KR_OK;
        goto out;
    }
    err = kr_taken_get(step->txn, by->target, by->author, &row);
    if (err == KR_NOT_FOUND) {
        *ret_err = err = KR_OK;
        goto out;
    }
    if (err == KR_OK && row.kind == KR_KIND_REVOCATION) { /* it is called false: nothing is left to take back */
        *ret_err = KR_EXISTS;
        goto out;
    }
    if (err == KR_OK && target != NULL) {
        err = covers(step, row.by, target, by->target, &is_covered);
    }
    if (err == KR_OK && !is_covered) {
        err = unnote(step, by->target, by->author, &row);
    }
    if (err == KR_OK) {
        *ret_err = is_covered ? KR_EXISTS : KR_OK;
    }
out:
    free(bytes);
    return err;
}

static enum kr_err let_wait(struct kr_step *step, const struct kr_header *by, const struct kr_head *head, struct council *council)
{
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = waiting_put(step, by->author, head->arrival, by->target);
    council->waiting++;
    if (err == KR_OK) {
        err = council_put(step, by->author, council);
    }
    if (err == KR_OK) {
        step->core->takebacks_waiting++;
        err =
            council->waiting > 1 ? KR_OK
            : memcmp(by->author, step->core->self, 32) == 0
                ? kr_step_log(step, KR_LOG_WARNING,
                              "records of this council's own were taken back, and not here, more than %u today or with this node's "
                              "own key: the others wait. Where another node of yours did so, run `kairan retractions confirm`; "
                              "else a key is in other hands: `kairan node revoke`",
                              KR_TAKEBACKS_DAY_MAX)
                : kr_step_log(step, KR_LOG_WARNING,
                              "%s took back more than %u records today: the others wait until an operator here has asked it by "
                              "telephone and runs `kairan retractions confirm`",
                              kr_core_name(step->core, by->author, false, name, sizeof name), KR_TAKEBACKS_DAY_MAX);
    }
    return err;
}

static bool is_strange_key(const struct kr_core *core, const struct kr_head *head, const uint8_t signing_key[static 32],
                           uint64_t now_ms)
{
    const bool is_from_us = memcmp(head->from, core->self, 32) == 0; /* from another node of ours */
    return is_from_us ? memcmp(signing_key, kr_keys_signing(core).public_key, 32) == 0
                      : !kr_sister_signed(core, signing_key, now_ms);
}

enum kr_err kr_takeback_entered(struct kr_step *step, const struct kr_job *job, const struct kr_head *head)
{
    const struct kr_header *by = &job->header;
    const uint64_t today = step->now_ms / DAY_MS;
    const bool is_own = memcmp(by->author, step->core->self, 32) == 0;
    struct kr_taken_row row = {.kind = by->kind, .is_done = true};
    struct carried carried = {0};
    struct council council;
    if ((job->is_open && job->target_err != KR_OK) || (KR_FAULT(KR_FAULT_TAKEN_BACK_AT_HOME) && !is_own) ||
        (KR_FAULT(KR_FAULT_TAKEN_BACK_FORGOTTEN) && job->was_wanted)) {
        return KR_OK;
    }
    enum kr_err verdict = KR_OK, err = look_at_others(step, job, &verdict);
    if (err != KR_OK || verdict != KR_OK) {
        return err; /* once is enough */
    }
    if (job->is_open) {
        carried = (struct carried){job->target.header, job->target.signature};
    }
    memcpy(row.by, head->id, 32);
    /* One of our own that came in was made by another node of ours, or by who has our key, or by us, and our store has forgotten
     * it: never one that is dated since this node was started. Of another node of ours whoever may be the first to tell. */
    const bool was_made_here = is_own && job->kind == KR_JOB_MAKE;
    const bool is_strange = is_own && !was_made_here && is_strange_key(step->core, head, by->signing_key, step->now_ms);
    if (!was_made_here) {
        err = council_get(step, by->author, &council);
        if (err != KR_OK) {
            return err;
        }
        council.count = council.day == today ? council.count : 0;
        council.day = today;
        row.is_done = council.count < KR_TAKEBACKS_DAY_MAX && !(is_strange && by->created_ms >= step->core->started_ms);
        council.count += row.is_done;
        err = row.is_done ? council_put(step, by->author, &council) : let_wait(step, by, head, &council);
    } else {
        err = KR_OK;
    }
    if (err == KR_OK) {
        err = kr_taken_put(step->txn, by->target, by->author, &row);
    }
    return err == KR_OK && row.is_done ? take_effect(step, by, &carried, head->from) : err;
}

static enum kr_err strip_job(struct kr_job *job)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_RECORD_BYTES_MAX);
    enum kr_err err = kr_record_strip(&job->record, &writer);
    if (err == KR_OK) {
        uint8_t *old = job->bytes;
        err = kr_writer_take(&writer, &job->bytes, &job->len);
        free(err == KR_OK ? old : NULL);
    }
    if (err == KR_OK) {
        err = kr_record_split(job->bytes, job->len, &job->record);
    }
    if (err == KR_OK) {
        err = kr_header_parse(job->record.header, &job->header);
    }
    job->is_open = false;
    job->severity = job->indicator_count = 0;
    job->title_len = job->term_count = 0;
    kr_writer_deinit(&writer);
    return err;
}

enum kr_err kr_takeback_meet(struct kr_step *step, struct kr_job *job, const struct kr_link *link, enum kr_err *ret_verdict)
{
    struct kr_taken_row row = {0};
    bool is_covered = false;
    const bool is_header_only = job->record.is_header_only;
    enum kr_err err = kr_taken_get(step->txn, job->record.id, job->header.author, &row);
    if (err == KR_OK) {
        err = covers(step, row.by, &job->header, job->record.id, &is_covered);
        if (err == KR_OK && !is_covered) {
            err = unnote(step, job->record.id, job->header.author, &row);
        }
    } else if (err == KR_NOT_FOUND) {
        err = KR_OK;
    }
    if (err != KR_OK) {
        return err;
    }
    const bool is_expired = kr_is_expired(step, job->header.expires_s);
    if (is_header_only && !is_covered && !is_expired && !KR_FAULT(KR_FAULT_HEADER_TAKEN)) {
        *ret_verdict = KR_NOT_FOUND;
        return KR_OK;
    }
    const bool is_for_good = is_covered && (row.is_done || is_header_only); /* whatever the clock says */
    if (is_expired && !is_for_good && kr_expiry_doubts(step, link, job->header.expires_s)) {
        *ret_verdict = KR_EXPIRED;
        return KR_OK;
    }
    if (is_header_only && is_covered && !row.is_done) { /* nothing is left that an operator could decide about */
        uint64_t arrival;
        err = kr_store_record_find(step->txn, row.by, &arrival);
        if (err == KR_OK) {
            err = waiting_end(step, job->header.author, arrival);
        }
        if (err == KR_OK || err == KR_NOT_FOUND) {
            row.is_done = true;
            err = kr_taken_put(step->txn, job->record.id, job->header.author, &row);
        }
        return err;
    }
    const bool is_taken_back = is_covered && row.is_done;
    return !is_header_only && (is_taken_back || is_expired) ? strip_job(job) : KR_OK;
}

enum kr_err kr_takeback_undo(struct kr_step *step, const struct kr_head *by)
{
    uint8_t key[KR_TAKEN_KEY_BYTES];
    struct kr_taken_row row;
    struct kr_head target;
    uint64_t arrival;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    enum kr_err err = scratch != NULL ? kr_taken_get(step->txn, by->target, by->author, &row) : KR_NOMEM;
    if (err != KR_OK || memcmp(row.by, by->id, 32) != 0) {
        goto out; /* it had no effect */
    }
    err = row.is_done ? KR_OK : waiting_end(step, by->author, by->arrival);
    if (err == KR_OK) {
        kr_taken_key(key, by->target, by->author);
        err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    }
    if (err == KR_OK) {
        err = kr_store_head_find(step->txn, by->target, &arrival, &target, scratch);
    }
    if (err == KR_OK && target.state == KR_HEAD_HEADER_ONLY && !kr_is_expired(step, target.expires_s)) {
        err = kr_revoke_bring_back(step, arrival, &target);
    }
out:
    free(scratch);
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

enum kr_err kr_takeback_forget(struct kr_step *step, const struct kr_head *head)
{
    uint8_t key[KR_TAKEN_KEY_BYTES];
    struct kr_taken_row row;
    enum kr_err own = kr_taken_get(step->txn, head->id, head->author, &row);
    if (own == KR_OK && row.kind == KR_KIND_REVOCATION) {
        kr_taken_key(key, head->id, head->author);
        own = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    }
    if (own != KR_OK && own != KR_NOT_FOUND) {
        return own;
    }
    if (!kr_kind_takes_back(head->kind) || !head->has_target) {
        return KR_OK;
    }
    enum kr_err err = kr_taken_get(step->txn, head->target, head->author, &row);
    if (err == KR_NOT_FOUND || (err == KR_OK && memcmp(row.by, head->id, 32) != 0)) {
        return KR_OK;
    }
    if (err == KR_OK && !row.is_done) {
        err = waiting_end(step, head->author, head->arrival);
    }
    if (err != KR_OK) {
        return err;
    }
    kr_taken_key(key, head->target, head->author);
    return kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
}

/* ---- what waits ---- */

static bool sum_up(void *context, struct kr_slice key, struct kr_slice value)
{
    struct kr_core *core = context;
    struct council council;
    (void)key;
    if (!council_read(value, &council)) {
        core->rows_skipped++;
        return true;
    }
    core->takebacks_waiting += council.waiting;
    core->takeback_is_due = core->takeback_is_due || council.confirmed > 0;
    return true;
}

enum kr_err kr_takeback_load(struct kr_step *step)
{
    uint32_t damaged = 0;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, "baks", 4, sum_up, step->core, &damaged);
    step->core->rows_skipped += damaged;
    return err;
}

/* Gives one that waited its effect. */
static enum kr_err let_go(struct kr_step *step, const uint8_t author[static 32], uint64_t arrival, const uint8_t target[static 32])
{
    struct kr_record record;
    struct kr_header header;
    struct kr_takeback takeback;
    struct carried carried = {0};
    uint8_t *bytes = NULL, *content = NULL;
    size_t len;
    struct kr_taken_row row = {0};
    enum kr_err err = waiting_end(step, author, arrival);
    if (err == KR_OK) {
        err = load(step, arrival, &bytes, &record, &header);
    }
    if (err == KR_NOT_FOUND) { /* damaged once, it may have come again under another arrival */
        err = kr_taken_get(step->txn, target, author, &row);
        if (err == KR_OK) {
            err = kr_store_record_find(step->txn, row.by, &arrival);
        }
        if (err == KR_OK) {
            err = load(step, arrival, &bytes, &record, &header);
        }
    }
    if (err == KR_CORRUPT || err == KR_NOT_FOUND) { /* it comes again from peers, and waits anew */
        enum kr_err logged = err == KR_CORRUPT ? kr_step_log_damage(step, arrival) : KR_OK;
        return logged == KR_OK ? unnote(step, target, author, &row) : logged;
    }
    if (err == KR_OK) {
        row.is_done = true;
        row.kind = header.kind;
        memcpy(row.by, record.id, 32);
        err = kr_taken_put(step->txn, target, author, &row);
    }
    if (err == KR_OK) {
        err = kr_record_open(&record, &header, step->core->keyring, &content, &len);
        if (err == KR_OK && kr_takeback_parse(header.kind, (struct kr_slice){content, len}, &takeback) == KR_OK) {
            carried = (struct carried){takeback.target_header, takeback.target_signature};
        }
        err = err == KR_NOMEM ? err : take_effect(step, &header, &carried, header.author);
    }
    if (err == KR_OK) {
        err = kr_store_record_find(step->txn, target, &arrival);
        err = err == KR_OK ? kr_change_note(step->txn, arrival) : err == KR_NOT_FOUND ? KR_OK : err;
    }
    free(content);
    free(bytes);
    return err;
}

struct confirmed {
    uint8_t author[32];
    uint64_t until;
    uint32_t count;
    uint64_t arrivals[SLICE];
    uint8_t targets[SLICE][32];
    bool is_full;
};

static bool pick_council(void *context, struct kr_slice key, struct kr_slice value)
{
    struct confirmed *confirmed = context;
    struct council council;
    if (key.len != COUNCIL_KEY_BYTES || !council_read(value, &council) || council.confirmed == 0) {
        return true;
    }
    memcpy(confirmed->author, key.bytes + 4, 32);
    confirmed->until = council.confirmed;
    return false;
}

static bool pick_waiting(void *context, struct kr_slice key, struct kr_slice value)
{
    struct confirmed *confirmed = context;
    if (key.len != WAITING_KEY_BYTES || waiting_arrival(key) > confirmed->until) {
        return false; /* ascending */
    }
    if (waiting_read(value, confirmed->targets[confirmed->count])) {
        confirmed->arrivals[confirmed->count++] = waiting_arrival(key);
    }
    confirmed->is_full = confirmed->count == SLICE;
    return !confirmed->is_full;
}

enum kr_err kr_takeback_slice(struct kr_step *step, bool *ret_more)
{
    struct kr_core *core = step->core;
    *ret_more = false;
    if (!core->takeback_is_due) {
        return KR_OK;
    }
    uint8_t prefix[COUNCIL_KEY_BYTES];
    uint32_t damaged;
    struct confirmed *confirmed = calloc(1, sizeof *confirmed);
    if (confirmed == NULL) {
        return KR_NOMEM;
    }
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, "baks", 4, pick_council, confirmed, &damaged);
    if (err != KR_OK || confirmed->until == 0) {
        core->takeback_is_due = err != KR_OK;
        goto out;
    }
    *ret_more = true;
    memcpy(prefix, "wait", 4);
    memcpy(prefix + 4, confirmed->author, 32);
    err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, pick_waiting, confirmed, &damaged);
    for (uint32_t i = 0; i < confirmed->count && err == KR_OK; i++) {
        err = let_go(step, confirmed->author, confirmed->arrivals[i], confirmed->targets[i]);
    }
    if (err == KR_OK && !confirmed->is_full) {
        struct council council;
        err = council_get(step, confirmed->author, &council);
        council.confirmed = 0;
        err = err == KR_OK ? council_put(step, confirmed->author, &council) : err;
    }
out:
    free(confirmed);
    return err;
}

enum kr_err kr_takeback_confirm(struct kr_step *step, const uint8_t author[static 32], uint64_t *ret_count)
{
    struct kr_store_stat stat;
    struct council council;
    enum kr_err err = council_get(step, author, &council);
    if (err == KR_OK) {
        err = kr_store_stat(step->txn, &stat);
    }
    if (err == KR_OK && council.waiting > 0) {
        council.confirmed = stat.arrivals;
        err = council_put(step, author, &council);
    }
    if (err == KR_OK) {
        *ret_count = council.waiting;
        step->core->takeback_is_due = step->core->takeback_is_due || council.waiting > 0;
    }
    return err;
}

enum kr_err kr_takeback_confirm_one(struct kr_step *step, const struct kr_head *head)
{
    struct kr_taken_row row;
    enum kr_err err = kr_taken_get(step->txn, head->target, head->author, &row);
    if (err == KR_OK && (row.is_done || memcmp(row.by, head->id, 32) != 0)) {
        err = KR_NOT_FOUND;
    }
    return err == KR_OK ? let_go(step, head->author, head->arrival, head->target) : err;
}

struct visiting {
    kr_takeback_visit_council *visit;
    void *context;
};

static bool visit_council(void *context, struct kr_slice key, struct kr_slice value)
{
    const struct visiting *visiting = context;
    struct council council;
    if (key.len != COUNCIL_KEY_BYTES || !council_read(value, &council) || council.waiting == 0) {
        return true;
    }
    return visiting->visit(visiting->context, key.bytes + 4, council.waiting);
}

enum kr_err kr_takeback_each_council(struct kr_step *step, kr_takeback_visit_council *visit, void *context)
{
    struct visiting visiting = {visit, context};
    uint32_t damaged;
    return kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, "baks", 4, visit_council, &visiting, &damaged);
}

struct listing {
    uint64_t *arrivals;
    uint32_t max, count;
};

static bool list_waiting(void *context, struct kr_slice key, struct kr_slice value)
{
    struct listing *listing = context;
    (void)value;
    if (key.len == WAITING_KEY_BYTES && listing->count < listing->max) {
        listing->arrivals[listing->count++] = waiting_arrival(key);
    }
    return listing->count < listing->max;
}

enum kr_err kr_takeback_waiting(struct kr_step *step, const uint8_t author[static 32], uint64_t *ret_arrivals, uint32_t max,
                                uint32_t *ret_count)
{
    struct listing listing = {.arrivals = ret_arrivals, .max = max};
    uint8_t prefix[COUNCIL_KEY_BYTES];
    uint32_t damaged;
    memcpy(prefix, "wait", 4);
    memcpy(prefix + 4, author, 32);
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, list_waiting, &listing, &damaged);
    if (err == KR_OK) {
        *ret_count = listing.count;
    }
    return err;
}
