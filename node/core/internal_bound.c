#include "node/core/internal_bound.h"

#include <string.h>

#include "node/core/internal.h"
#include "node/core/rotate.h"
#include "node/core/sister.h"

/* In KR_TABLE_RECEIPTS:
 *
 *   "intday" ‖ signing key 32 → array of 2: day since 1970, records taken on it
 *   "intall" ‖ kind           → array of 1: subjects of which one stands; none: they have not been counted yet */
#define PREFIX_BYTES  6u
#define DAY_KEY_BYTES (PREFIX_BYTES + 32u)
#define ALL_KEY_BYTES (PREFIX_BYTES + 1u)
#define DAY_MS        86400000u

/* ---- a day's share ---- */

static void day_key(uint8_t ret_key[static DAY_KEY_BYTES], const uint8_t signing_key[static 32])
{
    memcpy(ret_key, "intday", PREFIX_BYTES);
    memcpy(ret_key + PREFIX_BYTES, signing_key, 32);
}

/* 0 where none were, or the row cannot be read. */
static enum kr_err taken_today(struct kr_step *step, const uint8_t signing_key[static 32], uint64_t *ret_count)
{
    uint8_t key[DAY_KEY_BYTES], value[64];
    struct kr_reader reader;
    size_t len = 0;
    *ret_count = 0;
    day_key(key, signing_key);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND || err == KR_CORRUPT || err == KR_BOUNDS ? KR_OK : err;
    }
    kr_reader_init(&reader, value, len);
    kr_reader_array(&reader, 2);
    const uint64_t day = kr_reader_uint(&reader, UINT64_MAX), count = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    *ret_count = kr_reader_end(&reader) == KR_OK && day == step->now_ms / DAY_MS ? count : 0;
    return KR_OK;
}

static enum kr_err put_today(struct kr_step *step, const uint8_t signing_key[static 32], uint64_t count)
{
    uint8_t key[DAY_KEY_BYTES];
    struct kr_writer writer;
    day_key(key, signing_key);
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 2);
    kr_writer_uint(&writer, step->now_ms / DAY_MS);
    kr_writer_uint(&writer, count);
    return kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

/* What was ours before a restore comes back without a bound. */
static bool is_counted(const struct kr_step *step, const struct kr_job *job, const struct kr_link *link)
{
    return link != NULL && kr_kind_is_internal(job->header.kind) && link->linked_ms + DAY_MS <= step->now_ms &&
           memcmp(job->header.signing_key, kr_keys_signing(step->core).public_key, 32) != 0;
}

/* ---- all of one kind ---- */

struct counting {
    uint64_t count;
};

static bool count_row(void *context, struct kr_slice key, struct kr_slice value)
{
    struct counting *counting = context;
    (void)key;
    (void)value;
    counting->count++;
    return true;
}

static void all_key(uint8_t ret_key[static ALL_KEY_BYTES], uint32_t kind)
{
    memcpy(ret_key, "intall", PREFIX_BYTES);
    ret_key[PREFIX_BYTES] = (uint8_t)kind;
}

static enum kr_err subjects(struct kr_step *step, uint32_t kind, uint64_t *ret_count)
{
    uint8_t key[ALL_KEY_BYTES], value[16];
    const uint8_t row = (uint8_t)kind;
    struct counting counting = {0};
    struct kr_reader reader;
    size_t len = 0;
    uint32_t damaged;
    all_key(key, kind);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    if (err == KR_OK) {
        kr_reader_init(&reader, value, len);
        kr_reader_array(&reader, 1);
        counting.count = kr_reader_uint(&reader, UINT64_MAX);
        kr_reader_close(&reader);
        err = kr_reader_end(&reader) == KR_OK ? KR_OK : KR_CORRUPT;
    }
    if (err == KR_NOT_FOUND || err == KR_CORRUPT || err == KR_BOUNDS) { /* by an older version, or damaged */
        counting.count = 0;
        err = kr_store_each_whole(step->txn, KR_TABLE_DIRECTORY, &row, 1, count_row, &counting, &damaged);
    }
    *ret_count = counting.count;
    return err;
}

static enum kr_err put_subjects(struct kr_step *step, uint32_t kind, uint64_t count)
{
    uint8_t key[ALL_KEY_BYTES];
    struct kr_writer writer;
    all_key(key, kind);
    kr_writer_init(&writer, 16);
    kr_writer_array(&writer, 1);
    kr_writer_uint(&writer, count);
    return kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

static enum kr_err stands(struct kr_step *step, const struct kr_header *header, bool *ret_stands)
{
    struct kr_directory_entry entry;
    enum kr_err err = kr_admit_standing(step, header, &entry);
    *ret_stands = err == KR_OK;
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_internal_row_put(struct kr_step *step, const struct kr_header *header, const uint8_t id[static 32])
{
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    struct kr_directory_entry entry = {.version = header->version};
    struct kr_writer writer;
    uint64_t count = 0;
    bool stood = false;
    enum kr_err err = stands(step, header, &stood);
    if (err == KR_OK && !stood) {
        err = subjects(step, header->kind, &count);
    }
    if (err == KR_OK && !stood) {
        err = put_subjects(step, header->kind, count + 1);
    }
    if (err != KR_OK) {
        return err;
    }
    kr_directory_key(key, header);
    memcpy(entry.record_id, id, 32);
    kr_writer_init(&writer, KR_KIB);
    kr_directory_entry_write(&entry, &writer);
    return kr_store_put_writer(step->txn, KR_TABLE_DIRECTORY, key, sizeof key, &writer);
}

enum kr_err kr_internal_row_drop(struct kr_step *step, const struct kr_header *header)
{
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    uint64_t count = 0;
    enum kr_err err = subjects(step, header->kind, &count);
    kr_directory_key(key, header);
    if (err == KR_OK) {
        err = kr_store_delete(step->txn, KR_TABLE_DIRECTORY, key, sizeof key);
    }
    return err == KR_OK ? put_subjects(step, header->kind, count > 0 ? count - 1 : 0) : err;
}

/* ---- what is taken ---- */

enum kr_err kr_internal_bound(struct kr_step *step, const struct kr_job *job, const struct kr_link *link, enum kr_err *ret_verdict)
{
    uint64_t today = 0, all = 0;
    bool stood = true;
    enum kr_err err = KR_OK;
    *ret_verdict = KR_OK;
    if (link == NULL || !kr_kind_is_internal(job->header.kind)) {
        return KR_OK;
    }
    if (is_counted(step, job, link)) {
        err = taken_today(step, job->header.signing_key, &today);
    }
    if (err == KR_OK) {
        err = stands(step, &job->header, &stood);
    }
    if (err == KR_OK && !stood) {
        err = subjects(step, job->header.kind, &all);
    }
    *ret_verdict = today >= KR_INTERNAL_DAY_MAX || all >= KR_INTERNAL_KIND_MAX ? KR_QUOTA : KR_OK;
    return err;
}

enum kr_err kr_internal_bound_taken(struct kr_step *step, const struct kr_job *job, const struct kr_link *link)
{
    uint64_t count = 0;
    char key[17];
    if (!is_counted(step, job, link)) {
        return KR_OK;
    }
    enum kr_err err = taken_today(step, job->header.signing_key, &count);
    if (err == KR_OK) {
        err = put_today(step, job->header.signing_key, ++count);
    }
    if (err != KR_OK || count != KR_INTERNAL_DAY_MAX) {
        return err;
    }
    sodium_bin2hex(key, sizeof key, job->header.signing_key, 8);
    return kr_step_log(
        step, KR_LOG_ERROR,
        "another node of this council, with the key %s, said %u things of its people, drafts and links today: what comes "
        "behind them waits until tomorrow. If nobody entered so much there, its key is in other hands: `kairan node revoke`",
        key, KR_INTERNAL_DAY_MAX);
}
