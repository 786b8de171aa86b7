/* Records that a stolen key signed: what a revocation does to them here.
 *
 *   revocation, all of its pages ──▶ the log is swept, in slices, each record that this key signed
 *                                      not named ──▶ false: out of the trees, its content gone (but at its own council's node),
 *                                                    what it took back undone
 *                                      named, and called false by an earlier list ──▶ out of the log: it comes anew, whole
 *                                    and once more, for what takes back: one that stood behind a false one has its effect now
 *   a record that comes later ──▶ named: like any other          not named: refused
 *
 * Of the council's own kinds (cards of its people, consents, links) what stood before a false one stands again (internal_older.h).
 *
 * So what is in a tree follows from the record and the directory alone: of a revoked key the records that its list names. What a
 * false retraction cut down is taken out of log and trees, and comes whole from whoever has it, its author's node at least.
 *
 * In KR_TABLE_RECEIPTS: "revo" ‖ author ‖ key → array of 5: made_ms of the list that is swept by, next arrival, end (equal: done),
 * whether what takes back is looked at, records called false. */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/change.h"
#include "node/core/facts.h"
#include "node/core/internal_older.h"
#include "node/core/rekeyed.h"
#include "node/core/revoke.h"
#include "node/core/takeback.h"

#define SWEEP_SLICE  256u /* heads looked at */
#define CHANGE_SLICE 32u  /* of them, records changed */
#define KEY_BYTES    68u

/* ---- the list ---- */

void kr_revoked_page_free(struct kr_core *core)
{
    free(core->revoked_page.bytes);
    core->revoked_page = (struct kr_revoked_page){0};
}

/* The names on one page, kept until another one is asked for. KR_NOT_FOUND, KR_CORRUPT: it cannot be read. */
static enum kr_err load_page(struct kr_step *step, const uint8_t record_id[static 32])
{
    struct kr_revoked_page page = {0};
    struct kr_record record;
    struct kr_revocation revocation;
    uint64_t arrival;
    size_t len = 0;
    if (step->core->revoked_page.bytes != NULL && memcmp(step->core->revoked_page.record_id, record_id, 32) == 0) {
        return KR_OK;
    }
    enum kr_err err = kr_store_record_find(step->txn, record_id, &arrival);
    if (err == KR_OK) {
        err = kr_store_record_get(step->txn, arrival, &page.bytes, &len);
    }
    if (err == KR_OK &&
        (kr_record_split(page.bytes, len, &record) != KR_OK || kr_revocation_parse(record.body, &revocation) != KR_OK)) {
        err = KR_CORRUPT;
    }
    if (err != KR_OK) {
        free(page.bytes);
        return err;
    }
    kr_revoked_page_free(step->core);
    memcpy(page.record_id, record_id, 32);
    page.names = revocation.names;
    step->core->revoked_page = page;
    return KR_OK;
}

enum kr_err kr_revoke_asks(struct kr_step *step, const uint8_t author[static 32], const uint8_t key[static 32],
                           const uint8_t id[static 32], enum kr_revoked_word *ret_word)
{
    const struct kr_revoked_key *revoked = kr_revoked_find(&step->core->directory.revoked, author, key);
    uint8_t name[KR_REVOKED_NAME_BYTES];
    *ret_word = KR_REVOKED_NOT;
    if (revoked == NULL) {
        return KR_OK;
    }
    *ret_word = KR_REVOKED_UNDECIDED;
    if (!kr_revoked_is_whole(revoked)) {
        return KR_OK;
    }
    kr_revocation_name(name, key, id);
    enum kr_err err = load_page(step, revoked->record_ids[kr_revocation_page(name, revoked->pages)]);
    if (err == KR_OK) {
        *ret_word = kr_revocation_names(step->core->revoked_page.names, name) ? KR_REVOKED_GENUINE : KR_REVOKED_FALSE;
    }
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

enum kr_err kr_revoke_judge(struct kr_step *step, const struct kr_job *job)
{
    enum kr_revoked_word word;
    enum kr_err err = kr_revoke_asks(step, job->header.author, job->header.signing_key, job->record.id, &word);
    if (err != KR_OK) {
        return err;
    }
    return word == KR_REVOKED_FALSE ? KR_DENIED : word == KR_REVOKED_UNDECIDED ? KR_QUOTA : KR_OK;
}

/* ---- how far the sweep is ---- */

struct sweep {
    uint8_t author[32], key[32];
    uint64_t made_ms, next, end, called_false;
    bool looks_at_takebacks;
};

static void sweep_key(uint8_t ret_key[static KEY_BYTES], const uint8_t author[static 32], const uint8_t key[static 32])
{
    memcpy(ret_key, "revo", 4);
    memcpy(ret_key + 4, author, 32);
    memcpy(ret_key + 36, key, 32);
}

static bool sweep_read(struct kr_slice key, struct kr_slice value, struct sweep *ret_sweep)
{
    struct sweep sweep;
    struct kr_reader reader;
    if (key.len != KEY_BYTES) {
        return false;
    }
    memcpy(sweep.author, key.bytes + 4, 32);
    memcpy(sweep.key, key.bytes + 36, 32);
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 5);
    sweep.made_ms = kr_reader_uint(&reader, UINT64_MAX);
    sweep.next = kr_reader_uint(&reader, UINT64_MAX);
    sweep.end = kr_reader_uint(&reader, UINT64_MAX);
    sweep.looks_at_takebacks = kr_reader_flag(&reader);
    sweep.called_false = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return false;
    }
    *ret_sweep = sweep;
    return true;
}

static enum kr_err sweep_put(struct kr_step *step, const struct sweep *sweep)
{
    uint8_t key[KEY_BYTES];
    struct kr_writer writer;
    sweep_key(key, sweep->author, sweep->key);
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 5);
    kr_writer_uint(&writer, sweep->made_ms);
    kr_writer_uint(&writer, sweep->next);
    kr_writer_uint(&writer, sweep->end);
    kr_writer_flag(&writer, sweep->looks_at_takebacks);
    kr_writer_uint(&writer, sweep->called_false);
    return kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

static enum kr_err sweep_get(struct kr_step *step, const uint8_t author[static 32], const uint8_t key[static 32],
                             struct sweep *ret_sweep)
{
    uint8_t row[KEY_BYTES], value[64];
    size_t len;
    sweep_key(row, author, key);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, row, sizeof row, value, sizeof value, &len);
    if (err == KR_OK && !sweep_read((struct kr_slice){row, sizeof row}, (struct kr_slice){value, len}, ret_sweep)) {
        err = KR_CORRUPT;
    }
    return err == KR_CORRUPT || err == KR_BOUNDS ? KR_NOT_FOUND : err; /* swept anew */
}

static enum kr_err arrivals(struct kr_step *step, uint64_t *ret_end)
{
    struct kr_store_stat stat;
    enum kr_err err = kr_store_stat(step->txn, &stat);
    if (err == KR_OK) {
        *ret_end = stat.arrivals + 1;
    }
    return err;
}

/* The log is swept by that list; made_ms 0: there is none any more, and all is genuine. */
static enum kr_err begin_sweep(struct kr_step *step, const uint8_t author[static 32], const uint8_t key[static 32],
                               uint64_t made_ms)
{
    struct sweep sweep = {.made_ms = made_ms, .next = 1};
    memcpy(sweep.author, author, 32);
    memcpy(sweep.key, key, 32);
    enum kr_err err = arrivals(step, &sweep.end);
    if (err == KR_OK) {
        err = sweep_put(step, &sweep);
    }
    step->core->revoked_is_due = step->core->revoked_is_due || err == KR_OK;
    return err;
}

enum kr_err kr_revoke_again(struct kr_step *step, const uint8_t author[static 32], const uint8_t key[static 32])
{
    const struct kr_revoked_key *revoked = kr_revoked_find(&step->core->directory.revoked, author, key);
    return revoked == NULL || kr_revoked_is_whole(revoked) ? begin_sweep(step, author, key, revoked != NULL ? revoked->made_ms : 0)
                                                           : KR_OK;
}

/* Of a root key that was replaced: it signed statements alone. */
static enum kr_err root_entered(struct kr_step *step, const uint8_t author[static 32])
{
    enum kr_err err = kr_rekeyed_sweep(step, author);
    return err == KR_OK && memcmp(author, step->core->self, 32) == 0 ? kr_links_renew(step) : err;
}

enum kr_err kr_revoke_entered(struct kr_step *step, const struct kr_header *header, struct kr_slice content)
{
    struct kr_revocation revocation;
    struct sweep sweep;
    char name[KR_NAME_BYTES_MAX + 1];
    if (kr_revocation_parse(content, &revocation) != KR_OK) {
        return KR_OK; /* it was looked at before it was stored */
    }
    kr_revoked_page_free(step->core); /* its record may be another one's by now */
    const struct kr_revoked_key *revoked = kr_revoked_find(&step->core->directory.revoked, header->author, revocation.key);
    if (revoked == NULL || !kr_revoked_is_whole(revoked)) {
        return KR_OK;
    }
    if (kr_directory_rank(&step->core->directory, header->author, revocation.key) != KR_ROOT_NONE) {
        return root_entered(step, header->author);
    }
    enum kr_err err = sweep_get(step, header->author, revocation.key, &sweep);
    if (err == KR_OK && sweep.made_ms == revoked->made_ms) {
        return KR_OK; /* the same list in another community's directory */
    }
    if (err == KR_OK || err == KR_NOT_FOUND) {
        err = begin_sweep(step, header->author, revocation.key, revoked->made_ms);
    }
    if (err == KR_OK && memcmp(header->author, step->core->self, 32) == 0) {
        err = kr_links_renew(step); /* so that all peers hear of it: kr_revoke_announce */
    }
    return err != KR_OK ? err
                        : kr_step_log(step, KR_LOG_WARNING,
                                      "%s says that a key of its node was stolen: what it did not sign itself is taken out",
                                      kr_core_name(step->core, header->author, false, name, sizeof name));
}

static bool is_due(void *context, struct kr_slice key, struct kr_slice value)
{
    struct kr_core *core = context;
    struct sweep sweep;
    if (!sweep_read(key, value, &sweep)) {
        core->rows_skipped++;
    } else {
        core->revoked_is_due = core->revoked_is_due || sweep.next < sweep.end;
    }
    return true;
}

enum kr_err kr_revoke_load(struct kr_step *step)
{
    uint32_t damaged = 0;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, "revo", 4, is_due, step->core, &damaged);
    step->core->rows_skipped += damaged;
    return err;
}

/* ---- one record ---- */

enum kr_err kr_revoke_bring_back(struct kr_step *step, uint64_t arrival, const struct kr_head *head)
{
    enum kr_err err = kr_admit_leave_of(step, head);
    if (err == KR_OK) {
        err = kr_change_forget(step->txn, arrival);
    }
    return err == KR_OK ? kr_store_record_purge(step->txn, arrival, (struct kr_slice){0}) : err;
}

static enum kr_err enter_trees(struct kr_step *step, const struct kr_head *head)
{
    struct kr_header header;
    struct kr_scope scopes[KR_SCOPES_MAX];
    uint8_t *audience = NULL;
    uint64_t number;
    const struct kr_entry entry = kr_tree_entry(head);
    enum kr_err err = kr_facts_header(head, &header, &audience);
    const uint32_t count = err == KR_OK ? kr_scopes_of(step->core, &header, scopes) : 0;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        err = kr_store_scope_append(step->txn, &scopes[i], &entry, &number);
        kr_roots_touch(step->core, &scopes[i]);
        err = err == KR_EXISTS ? KR_OK : err;
    }
    free(audience);
    return err;
}

static enum kr_err set_state(struct kr_step *step, const struct kr_head *head, enum kr_head_state state)
{
    struct kr_head changed = *head;
    changed.state = state;
    return kr_store_head_update(step->txn, &changed);
}

/* At its own council's node it is kept, for whoever has to look into it, and should the list turn out to be wrong. */
static enum kr_err call_false(struct kr_step *step, const struct kr_head *head, const uint8_t by[static 32])
{
    /* (What is said of bodies is said anew: nothing of it is kept.) */
    const bool is_own = memcmp(head->author, step->core->self, 32) == 0 && head->kind != KR_KIND_BODY_NOTICE;
    struct kr_taken_row row = {.kind = KR_KIND_REVOCATION, .is_done = true};
    uint64_t bytes = 0;
    memcpy(row.by, by, 32);
    const bool undoes = kr_kind_takes_back(head->kind) && head->has_target && !KR_FAULT(KR_FAULT_FALSE_NOT_UNDONE);
    enum kr_err err = undoes ? kr_takeback_undo(step, head) : KR_OK;
    if (err == KR_OK && !KR_FAULT(KR_FAULT_FALSE_IN_TREES)) {
        err = kr_admit_leave_of(step, head);
    }
    if (err == KR_OK) {
        err = kr_body_notice_forget(step, head);
    }
    if (err == KR_OK && head->state == KR_HEAD_SHOWN) {
        err = is_own ? set_state(step, head, KR_HEAD_QUARANTINED) : kr_expiry_strip(step, head->arrival, &bytes);
    }
    if (err == KR_OK) {
        err = kr_taken_put(step->txn, head->id, head->author, &row);
    }
    return err == KR_OK ? kr_change_note(step->txn, head->arrival) : err;
}

/* Named after all. */
static enum kr_err call_genuine(struct kr_step *step, const struct kr_head *head)
{
    uint8_t key[KR_TAKEN_KEY_BYTES];
    kr_taken_key(key, head->id, head->author);
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    if (err != KR_OK || head->state != KR_HEAD_QUARANTINED) {
        return err == KR_OK ? kr_revoke_bring_back(step, head->arrival, head) : err;
    }
    err = set_state(step, head, KR_HEAD_SHOWN);
    if (err == KR_OK) {
        err = enter_trees(step, head);
    }
    return err == KR_OK ? kr_change_note(step->txn, head->arrival) : err;
}

/* What the council says of itself: the one before stands again, or none. */
static enum kr_err sweep_internal(struct kr_step *step, const struct kr_revoked_key *revoked, const struct kr_head *head,
                                  bool is_false)
{
    uint8_t key[KR_TAKEN_KEY_BYTES];
    struct kr_taken_row row = {.kind = KR_KIND_REVOCATION, .is_done = true};
    bool changed;
    enum kr_err err = KR_OK;
    if (is_false) {
        memcpy(row.by, revoked->record_ids[0], 32);
        err = kr_taken_put(step->txn, head->id, head->author, &row);
    } else {
        kr_taken_key(key, head->id, head->author);
        err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    }
    return err == KR_OK ? kr_internal_settle(step, head, &changed) : err;
}

/* `*ret_changed`: it was not before what it is now. */
static enum kr_err sweep_one(struct kr_step *step, const struct kr_revoked_key *revoked, const struct kr_head *head,
                             bool *ret_changed)
{
    enum kr_revoked_word word;
    struct kr_taken_row row;
    *ret_changed = false;
    enum kr_err err = kr_revoke_asks(step, head->author, head->signing_key, head->id, &word);
    if (err != KR_OK || word == KR_REVOKED_UNDECIDED) {
        return err;
    }
    err = kr_taken_get(step->txn, head->id, head->author, &row);
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    const bool was_false = err == KR_OK && row.kind == KR_KIND_REVOCATION;
    const bool is_internal = kr_kind_is_internal(head->kind), waits = head->state == KR_HEAD_QUARANTINED && !is_internal;
    if (was_false == (word == KR_REVOKED_FALSE) || (waits && !was_false)) {
        return KR_OK; /* (what waits for trust is judged anew for itself) */
    }
    *ret_changed = true;
    if (is_internal) {
        return sweep_internal(step, revoked, head, word == KR_REVOKED_FALSE && revoked != NULL);
    }
    return word == KR_REVOKED_FALSE && revoked != NULL ? call_false(step, head, revoked->record_ids[0]) : call_genuine(step, head);
}

/* It may have stood behind a false one of the same target. */
static enum kr_err take_effect_after_all(struct kr_step *step, const struct kr_head *head, bool *ret_changed)
{
    struct kr_taken_row row;
    enum kr_err err = kr_taken_get(step->txn, head->target, head->author, &row);
    *ret_changed = false;
    if (err != KR_NOT_FOUND) {
        return err;
    }
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    err = job != NULL ? kr_store_record_get(step->txn, head->arrival, &job->bytes, &job->len) : KR_NOMEM;
    if (err == KR_OK) {
        *ret_changed = true;
        kr_job_run(job, step->core->keyring);
        err = job->err == KR_OK ? kr_takeback_entered(step, job, head) : job->err == KR_NOMEM ? KR_NOMEM : KR_OK;
    }
    kr_job_free(job);
    return err == KR_CORRUPT ? kr_step_log_damage(step, head->arrival) : err;
}

/* ---- slices ---- */

static enum kr_err look_at(struct kr_step *step, struct sweep *sweep, const struct kr_revoked_key *revoked,
                           const struct kr_head *head, uint32_t *changes)
{
    bool changed = false;
    enum kr_err err = KR_OK;
    if (memcmp(head->author, sweep->author, 32) != 0 || kr_kind_is_statement(head->kind)) {
        return KR_OK;
    }
    if (sweep->looks_at_takebacks && kr_kind_is_internal(head->kind)) {
        /* It may not have fitted beside another false one. */
        err = memcmp(head->signing_key, sweep->key, 32) == 0 ? kr_internal_settle(step, head, &changed) : KR_OK;
    } else if (sweep->looks_at_takebacks) {
        const bool is_meant = head->state == KR_HEAD_SHOWN && kr_kind_takes_back(head->kind) && head->has_target &&
                              !kr_is_expired(step, head->expires_s);
        err = is_meant ? take_effect_after_all(step, head, &changed) : KR_OK;
    } else if (memcmp(head->signing_key, sweep->key, 32) == 0) {
        err = sweep_one(step, revoked, head, &changed);
        sweep->called_false += err == KR_OK && changed;
    }
    *changes += changed;
    return err;
}

static enum kr_err tell_end(struct kr_step *step, const struct sweep *sweep)
{
    char name[KR_NAME_BYTES_MAX + 1];
    return sweep->called_false == 0
               ? KR_OK
               : kr_step_log(step, KR_LOG_WARNING, "%llu records here are changed by what %s says of its stolen key",
                             (unsigned long long)sweep->called_false,
                             kr_core_name(step->core, sweep->author, false, name, sizeof name));
}

static enum kr_err next_pass(struct kr_step *step, struct sweep *sweep)
{
    if (sweep->looks_at_takebacks || sweep->called_false == 0) {
        return tell_end(step, sweep);
    }
    sweep->looks_at_takebacks = true;
    sweep->next = 1;
    return KR_OK;
}

static enum kr_err sweep_slice(struct kr_step *step, struct sweep *sweep)
{
    const struct kr_revoked_key *revoked = kr_revoked_find(&step->core->directory.revoked, sweep->author, sweep->key);
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    struct kr_head head;
    uint32_t changes = 0;
    enum kr_err err = scratch == NULL ? KR_NOMEM : KR_OK;
    const bool is_over = sweep->made_ms == 0; /* the list was false itself */
    if (is_over ? revoked != NULL : revoked == NULL || !kr_revoked_is_whole(revoked)) {
        sweep->next = sweep->end; /* another list is on its way, and begins anew */
    }
    for (uint32_t i = 0; i < SWEEP_SLICE && err == KR_OK && changes < CHANGE_SLICE && sweep->next < sweep->end &&
                         step->notices_made < KR_BODY_NOTICES_SLICE;
         i++) {
        err = kr_store_head_next(step->txn, sweep->next, false, &head, scratch);
        if (err == KR_NOT_FOUND || (err == KR_OK && head.arrival >= sweep->end)) {
            sweep->next = sweep->end;
            err = KR_OK;
        } else if (err == KR_CORRUPT) { /* somewhere from here on: step by step past it */
            err = kr_step_log_damage(step, sweep->next++);
        } else if (err == KR_OK) {
            sweep->next = head.arrival + 1;
            err = look_at(step, sweep, revoked, &head, &changes);
        }
    }
    free(scratch);
    if (err == KR_OK && sweep->next >= sweep->end) {
        err = next_pass(step, sweep);
    }
    return err == KR_OK ? sweep_put(step, sweep) : err;
}

struct picking {
    struct sweep sweep;
    bool is_found;
};

static bool pick_due(void *context, struct kr_slice key, struct kr_slice value)
{
    struct picking *picking = context;
    picking->is_found = sweep_read(key, value, &picking->sweep) && picking->sweep.next < picking->sweep.end;
    return !picking->is_found;
}

enum kr_err kr_revoke_slice(struct kr_step *step, bool *ret_more)
{
    struct picking picking = {.is_found = false};
    uint32_t damaged;
    *ret_more = false;
    if (!step->core->revoked_is_due) {
        return KR_OK;
    }
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, "revo", 4, pick_due, &picking, &damaged);
    step->core->revoked_is_due = *ret_more = err == KR_OK && picking.is_found;
    return err == KR_OK && picking.is_found ? sweep_slice(step, &picking.sweep) : err;
}

/* ---- who else must hear of it ---- */

/* Whoever reads a directory with us finds it there; the copy without a community is for the others: which communities we are in is
 * not theirs to know. */
enum kr_err kr_revoke_announce(struct kr_step *step, struct kr_link *link)
{
    const struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->directory.revoked.count && err == KR_OK; i++) {
        const struct kr_revoked_key *revoked = &core->directory.revoked.items[i];
        struct kr_header header = {.kind = KR_KIND_REVOCATION};
        struct kr_directory_entry entry;
        if (memcmp(revoked->author, core->self, 32) != 0) {
            continue;
        }
        memcpy(header.author, core->self, 32);
        for (uint32_t page = 0; page < revoked->pages && err == KR_OK; page++) {
            kr_revocation_subject(header.subject, revoked->key, page);
            err = kr_admit_standing(step, &header, &entry);
            if (err == KR_OK) {
                err = kr_spread_announce(link, entry.record_id);
            }
            err = err == KR_NOT_FOUND ? KR_OK : err;
        }
    }
    return err;
}
