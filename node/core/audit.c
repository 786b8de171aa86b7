#include "node/core/audit.h"

#include <string.h>

#include "node/core/draft.h"
#include "node/core/effect.h"
#include "node/core/people.h"
#include "proto/client/client.h"

#define KEY_BYTES 9u
#define DAY_MS    86400000u
#define HOUR_MS   3600000u
#define SLICE     256u /* entries dropped at a time */

#define COUNT_NOTHING UINT32_MAX /* in the place of an operation: acts that come to nothing */

/* ---- rows ---- */

static void row_key(uint8_t ret_key[static KEY_BYTES], uint64_t number)
{
    ret_key[0] = 'A';
    kr_put_be(ret_key + 1, number, 8);
}

void kr_audit_hash(uint8_t hash[static KR_AUDIT_HASH_BYTES], struct kr_slice entry)
{
    uint8_t bytes[KR_AUDIT_HASH_BYTES + KR_AUDIT_ROW_BYTES];
    KR_ASSERT(entry.len <= KR_AUDIT_ROW_BYTES);
    memcpy(bytes, hash, KR_AUDIT_HASH_BYTES);
    memcpy(bytes + KR_AUDIT_HASH_BYTES, entry.bytes, entry.len);
    kr_hash(hash, "kairan audit", bytes, KR_AUDIT_HASH_BYTES + entry.len);
}

enum kr_err kr_audit_chain_get(struct kr_txn *txn, struct kr_audit_chain *ret_chain)
{
    struct kr_audit_chain chain = {0};
    struct kr_reader reader;
    uint8_t value[128];
    size_t len;
    enum kr_err err = kr_store_get(txn, KR_TABLE_DRAFTS, "a", 1, value, sizeof value, &len);
    if (err == KR_OK) {
        kr_reader_init(&reader, value, len);
        kr_reader_array(&reader, 4);
        chain.next = kr_reader_uint(&reader, UINT64_MAX);
        kr_reader_fixed(&reader, chain.hash, sizeof chain.hash);
        chain.first = kr_reader_uint(&reader, UINT64_MAX);
        kr_reader_fixed(&reader, chain.before, sizeof chain.before);
        kr_reader_close(&reader);
        err = kr_reader_end(&reader) == KR_OK && chain.first <= chain.next ? KR_OK : KR_CORRUPT;
    }
    if (err == KR_OK || err == KR_NOT_FOUND) {
        *ret_chain = chain;
        return KR_OK;
    }
    return err == KR_BOUNDS ? KR_CORRUPT : err;
}

static enum kr_err put_chain(struct kr_txn *txn, const struct kr_audit_chain *chain)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 128);
    kr_writer_array(&writer, 4);
    kr_writer_uint(&writer, chain->next);
    kr_writer_bin(&writer, chain->hash, sizeof chain->hash);
    kr_writer_uint(&writer, chain->first);
    kr_writer_bin(&writer, chain->before, sizeof chain->before);
    return kr_store_put_writer(txn, KR_TABLE_DRAFTS, "a", 1, &writer);
}

enum kr_err kr_audit_row_get(struct kr_txn *txn, uint64_t number, uint8_t *ret_bytes, struct kr_slice *ret_entry,
                             uint8_t ret_hash[static KR_AUDIT_HASH_BYTES])
{
    uint8_t key[KEY_BYTES];
    struct kr_reader reader;
    size_t len;
    row_key(key, number);
    enum kr_err err = kr_store_get(txn, KR_TABLE_DRAFTS, key, sizeof key, ret_bytes, KR_AUDIT_ROW_BYTES, &len);
    if (err != KR_OK) {
        return err == KR_BOUNDS ? KR_CORRUPT : err;
    }
    kr_reader_init(&reader, ret_bytes, len);
    kr_reader_array(&reader, 2);
    *ret_entry = kr_reader_bin(&reader, 1, KR_AUDIT_ROW_BYTES);
    kr_reader_fixed(&reader, ret_hash, KR_AUDIT_HASH_BYTES);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK ? KR_OK : KR_CORRUPT;
}

static bool is_zero(const uint8_t id[static 32])
{
    static const uint8_t none[32];
    return memcmp(id, none, 32) == 0;
}

static void write_entry(const struct kr_audit_entry *entry, struct kr_writer *writer)
{
    kr_writer_array(writer, 11);
    kr_writer_uint(writer, entry->number);
    kr_writer_uint(writer, entry->at_ms);
    kr_writer_bin(writer, entry->person, is_zero(entry->person) ? 0 : 32);
    kr_writer_bin(writer, entry->stands_for, is_zero(entry->stands_for) ? 0 : 32);
    kr_writer_uint(writer, entry->credential);
    kr_writer_uint(writer, entry->uid);
    kr_writer_uint(writer, entry->op);
    kr_writer_uint(writer, entry->outcome);
    kr_writer_bin(writer, entry->target, entry->target_len);
    kr_writer_str_slice(writer, entry->note);
    kr_writer_bin(writer, entry->salt, sizeof entry->salt);
}

enum kr_err kr_audit_entry_read(struct kr_slice bytes, struct kr_audit_entry *ret_entry)
{
    struct kr_audit_entry entry = {0};
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    entry.is_salted = kr_reader_array_between(&reader, 10, 11) == 11;
    entry.number = kr_reader_uint(&reader, UINT64_MAX);
    entry.at_ms = kr_reader_uint(&reader, UINT64_MAX);
    (void)kr_reader_fixed_or_empty(&reader, entry.person, sizeof entry.person);
    (void)kr_reader_fixed_or_empty(&reader, entry.stands_for, sizeof entry.stands_for);
    entry.credential = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    entry.uid = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    entry.op = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    entry.outcome = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    const struct kr_slice target = kr_reader_bin(&reader, 0, sizeof entry.target);
    entry.note = kr_reader_str(&reader, KR_AUDIT_NOTE_BYTES);
    if (entry.is_salted) {
        kr_reader_fixed(&reader, entry.salt, sizeof entry.salt);
    }
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    entry.target_len = target.len;
    if (target.len > 0) {
        memcpy(entry.target, target.bytes, target.len);
    }
    *ret_entry = entry;
    return KR_OK;
}

/* A head that cannot be read is no reason to stop the council's work: the chain begins anew behind whatever stands, and `audit
 * verify` says that it is broken. */
static enum kr_err find_end(struct kr_step *step, struct kr_audit_chain *chain)
{
    enum kr_err err = kr_audit_chain_get(step->txn, chain);
    if (err == KR_CORRUPT) {
        *chain = (struct kr_audit_chain){.next = step->now_ms, .first = step->now_ms};
        err = kr_step_log(step, KR_LOG_ERROR, "the audit log is damaged and goes on in a new chain: run `kairan audit verify`");
    }
    return err;
}

static enum kr_err append(struct kr_step *step, struct kr_audit_entry *entry)
{
    struct kr_audit_chain chain;
    struct kr_writer bytes, row;
    uint8_t key[KEY_BYTES];
    enum kr_err err = find_end(step, &chain);
    if (err != KR_OK) {
        return err;
    }
    entry->number = chain.next;
    entry->at_ms = step->now_ms;
    kr_rng_bytes(step->rng, entry->salt, sizeof entry->salt);
    kr_writer_init(&bytes, KR_AUDIT_ROW_BYTES);
    write_entry(entry, &bytes);
    err = kr_writer_finish(&bytes);
    if (err == KR_OK) {
        kr_audit_hash(chain.hash, (struct kr_slice){bytes.bytes, bytes.len});
        row_key(key, chain.next++);
        kr_writer_init(&row, KR_AUDIT_ROW_BYTES);
        kr_writer_array(&row, 2);
        kr_writer_bin(&row, bytes.bytes, bytes.len);
        kr_writer_bin(&row, chain.hash, sizeof chain.hash);
        err = kr_store_put_writer(step->txn, KR_TABLE_DRAFTS, key, sizeof key, &row);
    }
    kr_writer_deinit(&bytes);
    return err == KR_OK ? put_chain(step->txn, &chain) : err;
}

/* ---- what is bounded ---- */

/* The caller's place in memory for that sort of entry; the oldest one's where there is no room. */
static struct kr_audit_count *find_count(struct kr_core *core, uint64_t mark, uint32_t op)
{
    struct kr_audit_count *oldest = &core->audit_counts[0];
    for (uint32_t i = 0; i < KR_AUDIT_COUNTS_MAX; i++) {
        struct kr_audit_count *count = &core->audit_counts[i];
        if (count->is_used && count->mark == mark && count->op == op) {
            return count;
        }
        oldest = count->since_ms < oldest->since_ms ? count : oldest;
    }
    *oldest = (struct kr_audit_count){.is_used = true, .mark = mark, .op = op};
    return oldest;
}

/* Whether there is to be one more entry. `*ret_is_last`: until `span_ms` are over. */
static bool may_note(struct kr_step *step, uint64_t mark, uint32_t op, uint64_t span_ms, uint32_t max, bool *ret_is_last)
{
    struct kr_audit_count *count = find_count(step->core, mark, op);
    if (count->count == 0 || step->now_ms >= count->since_ms + span_ms) {
        count->since_ms = step->now_ms;
        count->count = 0;
    }
    count->count += count->count < max + 1;
    *ret_is_last = count->count == max;
    return count->count <= max;
}

/* What came to nothing changes nothing that could be bounded, and costs its caller nothing. */
static enum kr_err append_nothing(struct kr_step *step, const struct kr_caller *caller, struct kr_audit_entry *entry)
{
    static const char more[] = "further ones that come to nothing are not written for a day";
    bool is_last = false;
    if (!may_note(step, kr_caller_mark(caller), COUNT_NOTHING, DAY_MS, KR_AUDIT_FAILED_DAY_MAX, &is_last)) {
        return KR_OK;
    }
    entry->note = is_last ? (struct kr_slice){(const uint8_t *)more, sizeof more - 1} : entry->note;
    return append(step, entry);
}

/* ---- what came of it ---- */

/* For whom it stood in, where its own roles are not enough. */
static void fill_who(const struct kr_who *who, const struct kr_caller *caller, uint32_t op, struct kr_audit_entry *entry)
{
    const uint32_t needed = kr_op_roles(op);
    const uint32_t own = who->own_roles | (who->facts.is_operator ? KR_ROLE_ADMIN : 0);
    entry->credential = caller->has_key ? KR_CREDENTIAL_KEY : KR_CREDENTIAL_USER;
    entry->uid = caller->has_key ? KR_AUDIT_BY_KEY : caller->uid;
    entry->op = op;
    if (who->facts.is_person || who->facts.has_ticket) {
        memcpy(entry->person, who->person, 32);
    }
    for (uint32_t i = 0; i < who->stands_for_count && (own & needed) == 0 && is_zero(entry->stands_for); i++) {
        if ((who->stands_for_roles[i] & needed) != 0) {
            memcpy(entry->stands_for, who->stands_for[i], 32);
        }
    }
}

/* The first id among the first elements of arguments or of a result: of what the act was. */
static bool find_target(struct kr_slice bytes, struct kr_audit_entry *entry)
{
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    const uint32_t count = kr_reader_array_between(&reader, 1, 64);
    for (uint32_t i = 0; i < count && i < 3 && reader.err == KR_OK; i++) {
        const struct kr_slice raw = kr_reader_raw(&reader);
        const bool is_id = reader.err == KR_OK && raw.len > 2 && raw.bytes[0] == 0xC4 && (raw.bytes[1] == 32 || raw.bytes[1] == 16);
        if (is_id && raw.len == 2u + raw.bytes[1]) {
            entry->target_len = raw.bytes[1];
            memcpy(entry->target, raw.bytes + 2, raw.bytes[1]);
            return true;
        }
    }
    return false;
}

/* The end of that request; NULL: none yet. */
static const struct kr_effect *find_answer(const struct kr_effects *effects, size_t from, uint64_t client, uint64_t request,
                                           bool *ret_has_job)
{
    for (size_t i = from; i < effects->count; i++) {
        const struct kr_effect *effect = &effects->items[i];
        *ret_has_job =
            *ret_has_job || (effect->type == KR_EFFECT_JOB && effect->job->client == client && effect->job->request == request);
        if ((effect->type == KR_EFFECT_END || effect->type == KR_EFFECT_ERROR) && effect->client == client &&
            effect->request == request) {
            return effect;
        }
    }
    return NULL;
}

static bool is_made_by_job(uint32_t op)
{
    return op == KR_OP_SUBMIT || op == KR_OP_REVISE || op == KR_OP_SIGHT || op == KR_OP_RETRACT;
}

enum kr_err kr_audit_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who, size_t from)
{
    struct kr_audit_entry entry = {.outcome = KR_AUDIT_BEGUN, .note = step->note};
    bool has_job = false;
    bool has_people = who->facts.has_people;
    if (!has_people && event->op == KR_OP_PERSON) { /* who entered the first one is the first that is to be known */
        struct kr_machine machine;
        enum kr_err err = kr_machine_get(step->txn, &machine);
        if (err != KR_OK && err != KR_NOT_FOUND) {
            return err;
        }
        has_people = err == KR_OK && machine.persons > 0;
    }
    if (!has_people || !kr_op_is_act(event->op)) {
        return KR_OK;
    }
    const struct kr_effect *answer = find_answer(step->effects, from, event->client, event->request, &has_job);
    if (answer == NULL && has_job) {
        return KR_OK; /* what comes of it is told then */
    }
    fill_who(who, &event->caller, event->op, &entry);
    if (answer != NULL) {
        entry.outcome = answer->type == KR_EFFECT_END ? (uint32_t)KR_OK : answer->code;
    }
    if (answer == NULL || answer->type != KR_EFFECT_END || !find_target((struct kr_slice){answer->bytes, answer->len}, &entry)) {
        (void)find_target(event->bytes, &entry);
    }
    /* What is sent by a job and has ended without one was sent before. */
    const bool is_again = answer != NULL && answer->type == KR_EFFECT_END && is_made_by_job(event->op);
    return is_again || (answer != NULL && answer->type != KR_EFFECT_END) ? append_nothing(step, &event->caller, &entry)
                                                                         : append(step, &entry);
}

enum kr_err kr_audit_job(struct kr_step *step, const struct kr_job *job, const struct kr_who *who, size_t from)
{
    struct kr_audit_entry entry = {.note = step->note};
    bool has_job = false;
    if (!who->facts.has_people || !kr_op_is_act(job->op)) {
        return KR_OK;
    }
    const struct kr_effect *answer = find_answer(step->effects, from, job->client, job->request, &has_job);
    if (answer == NULL) {
        return KR_OK; /* nobody waits for it any more, and nothing was done */
    }
    fill_who(who, &job->caller, job->op, &entry);
    entry.outcome = answer->type == KR_EFFECT_END ? (uint32_t)KR_OK : answer->code;
    if (answer->type != KR_EFFECT_END) {
        return append_nothing(step, &job->caller, &entry);
    }
    (void)find_target((struct kr_slice){answer->bytes, answer->len}, &entry);
    return append(step, &entry);
}

/* ---- what was refused, or only looked at ---- */

enum kr_err kr_audit_denied(struct kr_step *step, const struct kr_caller *caller, const struct kr_who *who, uint32_t op)
{
    static const char more[] = "further ones of this user are not written for a day";
    struct kr_audit_entry entry = {.outcome = KR_DENIED};
    bool is_last = false;
    if (!who->facts.has_people || !may_note(step, kr_caller_mark(caller), 0, DAY_MS, KR_AUDIT_DENIED_DAY_MAX, &is_last)) {
        return KR_OK;
    }
    fill_who(who, caller, op, &entry);
    memset(entry.stands_for, 0, sizeof entry.stands_for);
    entry.note = is_last ? (struct kr_slice){(const uint8_t *)more, sizeof more - 1} : entry.note;
    return append(step, &entry);
}

enum kr_err kr_audit_noted(struct kr_step *step, const struct kr_event *event)
{
    struct kr_audit_entry entry = {0};
    struct kr_who who;
    bool is_last = false;
    enum kr_err err = kr_who_find(step->txn, &event->caller, step->now_ms, &who);
    if (err != KR_OK || !who.facts.has_people) {
        return err;
    }
    if (!kr_role_is_allowed(kr_roles(event->op, &who.facts))) {
        return kr_audit_denied(step, &event->caller, &who, event->op);
    }
    if (!kr_op_is_act(event->op) || !may_note(step, kr_caller_mark(&event->caller), event->op, HOUR_MS, 1, &is_last)) {
        return KR_OK;
    }
    fill_who(&who, &event->caller, event->op, &entry);
    return append(step, &entry);
}

/* ---- what is kept no longer ---- */

bool kr_audit_is_due(const struct kr_core *core)
{
    return core->options.audit_keep_s > 0 && core->now_ms >= core->audit_at_ms;
}

static enum kr_err drop_one(struct kr_step *step, struct kr_audit_chain *chain, uint64_t before_ms, bool *ret_dropped)
{
    uint8_t bytes[KR_AUDIT_ROW_BYTES], key[KEY_BYTES], hash[KR_AUDIT_HASH_BYTES];
    struct kr_audit_entry entry;
    struct kr_slice row = {0};
    enum kr_err err = kr_audit_row_get(step->txn, chain->first, bytes, &row, hash);
    *ret_dropped = false;
    if (err != KR_OK || kr_audit_entry_read(row, &entry) != KR_OK || entry.at_ms >= before_ms) {
        return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err; /* what is damaged stays, to be found */
    }
    row_key(key, chain->first);
    err = kr_store_delete(step->txn, KR_TABLE_DRAFTS, key, sizeof key);
    if (err == KR_OK) {
        memcpy(chain->before, hash, sizeof hash);
        chain->first++;
        *ret_dropped = true;
    }
    return err;
}

enum kr_err kr_audit_slice(struct kr_step *step, bool *ret_more)
{
    struct kr_core *core = step->core;
    struct kr_audit_chain chain;
    const uint64_t keep_ms = core->options.audit_keep_s * 1000u;
    uint32_t dropped = 0;
    bool was_dropped = true;
    *ret_more = false;
    if (core->options.doubts_clock || step->now_ms < keep_ms) {
        core->audit_at_ms = step->now_ms + HOUR_MS;
        return KR_OK;
    }
    enum kr_err err = kr_drafts_sweep(step);
    if (err == KR_OK) {
        err = kr_audit_chain_get(step->txn, &chain);
    }
    while (err == KR_OK && was_dropped && dropped < SLICE && chain.first < chain.next) {
        err = drop_one(step, &chain, step->now_ms - keep_ms, &was_dropped);
        dropped += was_dropped;
    }
    if (err == KR_OK && dropped > 0) {
        err = put_chain(step->txn, &chain);
    }
    *ret_more = err == KR_OK && dropped == SLICE;
    core->audit_at_ms = *ret_more ? step->now_ms : step->now_ms + HOUR_MS;
    return err == KR_CORRUPT ? KR_OK : err;
}
