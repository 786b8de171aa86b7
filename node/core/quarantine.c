/* What waits for its author to be trusted: bounded, never shown, indexed or offered; looked at again, in slices, when the directory
 * has changed. */
#include <stdlib.h>
#include <string.h>

#include "node/core/change.h"
#include "node/core/takeback.h"

#define QUARANTINE_SLICE       32u
#define QUARANTINE_SLICE_BYTES (128u * KR_KIB) /* each is verified, opened and indexed here: a few ms */

static uint64_t above_floor(uint64_t bytes)
{
    return bytes > KR_QUARANTINE_FLOOR_BYTES ? bytes - KR_QUARANTINE_FLOOR_BYTES : 0;
}

/* Every link that there can be has its floor. Of the rest no peer may have more than it leaves free: one that floods gets half, a
 * second one a quarter, and so on, and there is always something left for who comes after them. */
bool kr_quarantine_has_room(struct kr_core *core, const struct kr_link *link, size_t bytes)
{
    const struct kr_link *first = kr_link_by_council(core, link->council); /* what all nodes of a council bring counts there */
    link = first != NULL ? first : link;
    const uint64_t shared = KR_QUARANTINE_BYTES_MAX - KR_LINKS_MAX * KR_QUARANTINE_FLOOR_BYTES;
    const uint64_t own = above_floor(link->quarantine_bytes + bytes);
    uint64_t others = core->quarantine_bytes; /* above their floors; of those that are not linked any more, all */
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_link *other = core->links[i];
        others -= other == link ? other->quarantine_bytes : other->quarantine_bytes - above_floor(other->quarantine_bytes);
    }
    return core->quarantine_bytes + bytes <= KR_QUARANTINE_BYTES_MAX && (own == 0 || others + 2 * own <= shared);
}

static void count_in(struct kr_core *core, const uint8_t from[static 32], uint64_t bytes)
{
    struct kr_link *link = kr_link_by_council(core, from);
    core->quarantine_count++;
    core->quarantine_bytes += bytes;
    if (link != NULL) {
        link->quarantine_bytes += bytes;
    }
}

void kr_quarantine_left(struct kr_core *core, const uint8_t from[static 32], uint64_t bytes)
{
    struct kr_link *link = kr_link_by_council(core, from);
    /* One whose row could not be read at the start was not counted. */
    core->quarantine_count -= core->quarantine_count > 0;
    core->quarantine_bytes -= core->quarantine_bytes < bytes ? core->quarantine_bytes : bytes;
    if (link != NULL && link->quarantine_bytes >= bytes) { /* less: what came over an earlier link with the same council */
        link->quarantine_bytes -= bytes;
    }
}

/* Table: id → array of 2: record bytes (uint), council that it came from (bin 32). */
enum kr_err kr_quarantine_put(struct kr_step *step, const struct kr_head *head)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 2);
    kr_writer_uint(&writer, head->record_bytes);
    kr_writer_bin(&writer, head->from, 32);
    enum kr_err err = kr_store_put_writer(step->txn, KR_TABLE_QUARANTINE, head->id, 32, &writer);
    if (err == KR_OK) {
        count_in(step->core, head->from, head->record_bytes);
    }
    return err;
}

static bool read_quarantined(struct kr_slice value, uint64_t *ret_bytes, uint8_t ret_from[static 32])
{
    struct kr_reader reader;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 2);
    *ret_bytes = kr_reader_uint(&reader, KR_RECORD_BYTES_MAX * 2);
    kr_reader_fixed(&reader, ret_from, 32);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK;
}

static bool count_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct kr_core *core = context;
    uint64_t bytes = 0;
    uint8_t from[32];
    (void)key;
    if (read_quarantined(value, &bytes, from)) {
        count_in(core, from, bytes);
    } else {
        core->rows_skipped++;
    }
    return true;
}

enum kr_err kr_core_quarantine_count(struct kr_step *step)
{
    uint32_t damaged = 0;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_QUARANTINE, NULL, 0, count_one, step->core, &damaged);
    step->core->rows_skipped += damaged;
    return err;
}

struct pick {
    uint64_t work;
    uint8_t after[32];
    uint8_t ids[QUARANTINE_SLICE][32], from[QUARANTINE_SLICE][32];
    uint64_t bytes[QUARANTINE_SLICE];
    uint32_t count;
};

static bool pick_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct pick *pick = context;
    if (key.len == 32 && memcmp(key.bytes, pick->after, 32) > 0 &&
        read_quarantined(value, &pick->bytes[pick->count], pick->from[pick->count])) {
        pick->work += pick->bytes[pick->count];
        memcpy(pick->ids[pick->count++], key.bytes, 32);
    }
    return pick->count < QUARANTINE_SLICE && pick->work < QUARANTINE_SLICE_BYTES;
}

/* The next few behind `after`. Ids are hashes: one first byte after the other leaves little to step over. */
static enum kr_err pick_slice(struct kr_step *step, struct pick *pick, bool *ret_is_full)
{
    enum kr_err err = KR_OK;
    *ret_is_full = false;
    for (uint32_t first = pick->after[0]; first < 256 && err == KR_OK && !*ret_is_full; first++) {
        uint8_t prefix = (uint8_t)first;
        uint32_t damaged; /* counted at the start */
        err = kr_store_each_whole(step->txn, KR_TABLE_QUARANTINE, &prefix, 1, pick_one, pick, &damaged);
        *ret_is_full = pick->count == QUARANTINE_SLICE || pick->work >= QUARANTINE_SLICE_BYTES;
    }
    return err;
}

static enum kr_err quarantine_leave(struct kr_step *step, const uint8_t id[static 32], const uint8_t from[static 32],
                                    uint64_t bytes)
{
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_QUARANTINE, id, 32);
    if (err == KR_OK) {
        kr_quarantine_left(step->core, from, bytes);
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* One that was taken back or has expired meanwhile leaves with its header alone. */
static enum kr_err show(struct kr_step *step, const struct kr_job *job, struct kr_head *head)
{
    if (job->record.is_header_only) {
        head->state = KR_HEAD_HEADER_ONLY;
        return kr_store_record_purge(step->txn, head->arrival, (struct kr_slice){job->bytes, job->len});
    }
    head->state = KR_HEAD_SHOWN;
    enum kr_err err = kr_store_head_update(step->txn, head);
    return err == KR_OK && !kr_kind_is_of_council(head->kind) ? kr_change_note(step->txn, head->arrival) : err;
}

static enum kr_err look_again(struct kr_step *step, const uint8_t id[static 32], const uint8_t from[static 32], uint64_t bytes)
{
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    struct kr_head head;
    uint64_t arrival = 0;
    enum kr_err err = job != NULL && scratch != NULL ? kr_store_record_find(step->txn, id, &arrival) : KR_NOMEM;
    if (err == KR_OK) {
        err = kr_store_record_get(step->txn, arrival, &job->bytes, &job->len);
    }
    if (err == KR_OK) {
        err = kr_store_head_get(step->txn, arrival, &head, scratch);
    }
    if (err != KR_OK) { /* one that is damaged or gone must not stop the others */
        err = err == KR_CORRUPT     ? kr_step_log_damage(step, arrival)
              : err == KR_NOT_FOUND ? quarantine_leave(step, id, from, bytes)
                                    : err;
        goto out;
    }
    if (head.state != KR_HEAD_QUARANTINED) { /* it was taken back by one that left just before */
        err = quarantine_leave(step, id, from, bytes);
        goto out;
    }
    job->is_bulk = true;
    kr_job_run(job, step->core->keyring);
    const struct kr_link *link = kr_link_by_council(step->core, from);
    enum kr_err verdict = job->err != KR_OK ? job->err : kr_admit_judge(step, job, link != NULL ? link->council : NULL);
    if (verdict == KR_OK) {
        err = kr_takeback_meet(step, job, link, &verdict);
    }
    if (err != KR_OK) {
        goto out;
    }
    if (verdict == KR_NOMEM || verdict == KR_IO || verdict == KR_STORE_FULL || verdict == KR_CORRUPT) {
        err = verdict;
    } else if (verdict == KR_OK) {
        err = show(step, job, &head);
        if (err == KR_OK) {
            err = quarantine_leave(step, id, from, bytes);
        }
        if (err == KR_OK) {
            err = kr_admit_enter(step, job, &head, link, true);
        }
    } else if (verdict != KR_UNKNOWN_AUTHOR && verdict != KR_QUOTA && verdict != KR_EXPIRED) {
        /* (What has expired goes with all that has, once the clock can be believed.) */
        err = kr_store_record_purge(step->txn, arrival, (struct kr_slice){0});
        if (err == KR_OK) {
            err = quarantine_leave(step, id, from, bytes);
        }
    }
out:
    free(scratch);
    kr_job_free(job);
    return err;
}

/* A round that is under way goes on to its end, and another follows: else who brings statements all the time would keep us at the
 * beginning for ever. */
void kr_quarantine_is_due(struct kr_core *core)
{
    core->quarantine_is_due = core->quarantine_is_stale = true;
}

enum kr_err kr_admit_quarantined(struct kr_step *step, bool *ret_more)
{
    static const uint8_t begin[32];
    struct kr_core *core = step->core;
    *ret_more = false;
    if (!core->quarantine_is_due || core->quarantine_count == 0) {
        core->quarantine_is_due = false;
        memset(core->quarantine_at, 0, 32);
        return KR_OK;
    }
    struct pick *pick = calloc(1, sizeof *pick);
    if (pick == NULL) {
        return KR_NOMEM;
    }
    memcpy(pick->after, core->quarantine_at, 32);
    core->quarantine_is_stale = core->quarantine_is_stale && memcmp(pick->after, begin, 32) != 0;
    bool is_full;
    enum kr_err err = pick_slice(step, pick, &is_full);
    for (uint32_t i = 0; i < pick->count && err == KR_OK; i++) {
        err = look_again(step, pick->ids[i], pick->from[i], pick->bytes[i]);
    }
    memcpy(core->quarantine_at, is_full ? pick->ids[pick->count - 1] : begin, 32);
    core->quarantine_is_due = is_full || core->quarantine_is_stale;
    *ret_more = core->quarantine_is_due;
    free(pick);
    return err;
}
