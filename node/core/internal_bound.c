#include "node/core/internal_bound.h"

#include <string.h>

#include "node/core/internal.h"
#include "node/core/rotate.h"
#include "node/core/sister.h"
#include "proto/record/statement.h"

/* In KR_TABLE_RECEIPTS:
 *
 *   "intday" ‖ signing key 32 → array of 2 + DAYS: day since 1970, records taken on it, and how many of those made on that day, on
 *                               the one before, and so on; one whose day had its share counts as made on the day it was taken
 *   "intall" ‖ kind           → array of 1: subjects of which one stands; none: they have not been counted yet */
#define PREFIX_BYTES  6u
#define DAY_KEY_BYTES (PREFIX_BYTES + 32u)
#define ALL_KEY_BYTES (PREFIX_BYTES + 1u)
#define DAY_MS        86400000u
#define DAYS          64u
#define DAY_ROW_BYTES 512u

/* ---- a day's share ---- */

struct share {
    uint64_t today, came;
    uint64_t made[DAYS]; /* so many days ago */
};

static void day_key(uint8_t ret_key[static DAY_KEY_BYTES], const uint8_t signing_key[static 32])
{
    memcpy(ret_key, "intday", PREFIX_BYTES);
    memcpy(ret_key + PREFIX_BYTES, signing_key, 32);
}

/* As it stands today. Empty where there is none, or the row cannot be read, or is of a day that has not come. */
static enum kr_err share_get(struct kr_step *step, const uint8_t signing_key[static 32], struct share *ret_share)
{
    uint8_t key[DAY_KEY_BYTES], value[DAY_ROW_BYTES];
    const uint64_t today = step->now_ms / DAY_MS;
    struct share before = {0}, share = {.today = today};
    struct kr_reader reader;
    size_t len = 0;
    day_key(key, signing_key);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT && err != KR_BOUNDS) {
        return err;
    }
    kr_reader_init(&reader, value, err == KR_OK ? len : 0);
    kr_reader_array(&reader, 2 + DAYS);
    before.today = kr_reader_uint(&reader, UINT64_MAX);
    before.came = kr_reader_uint(&reader, UINT32_MAX);
    for (uint32_t i = 0; i < DAYS; i++) {
        before.made[i] = kr_reader_uint(&reader, UINT32_MAX);
    }
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK && before.today <= today) {
        const uint64_t passed = today - before.today;
        share.came = passed == 0 ? before.came : 0;
        for (uint64_t i = passed; i < DAYS; i++) {
            share.made[i] = before.made[i - passed];
        }
    }
    *ret_share = share;
    return KR_OK;
}

static enum kr_err share_put(struct kr_step *step, const uint8_t signing_key[static 32], const struct share *share)
{
    uint8_t key[DAY_KEY_BYTES];
    struct kr_writer writer;
    day_key(key, signing_key);
    kr_writer_init(&writer, DAY_ROW_BYTES);
    kr_writer_array(&writer, 2 + DAYS);
    kr_writer_uint(&writer, share->today);
    kr_writer_uint(&writer, share->came);
    for (uint32_t i = 0; i < DAYS; i++) {
        kr_writer_uint(&writer, share->made[i]);
    }
    return kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

/* Of which day's share one made then is. That of today is for what has no room in its own, so that all comes in the end; for what
 * is older than is remembered; and for what is dated ahead, which would have tomorrow's as well. */
static uint32_t share_of(const struct share *share, uint64_t created_ms)
{
    const uint64_t day = created_ms / DAY_MS, ago = day < share->today ? share->today - day : 0;
    return ago < DAYS && share->made[ago] < KR_INTERNAL_DAY_MAX ? (uint32_t)ago : 0;
}

/* Whether it is the key that this node signs with, or one that it signed with before. */
static bool is_our_key(const struct kr_core *core, const uint8_t key[static 32])
{
    const uint8_t *ours = kr_keys_signing(core).public_key;
    const struct kr_council *known = kr_directory_council(&core->directory, core->self);
    struct kr_card card = {0};
    if (memcmp(key, ours, 32) == 0) {
        return true;
    }
    if (known != NULL) {
        kr_council_card(known, &card);
    }
    return kr_card_node_comes_behind(&card, key, ours);
}

/* What was ours before a restore comes back without a bound. */
static bool is_counted(const struct kr_step *step, const struct kr_job *job, const struct kr_link *link)
{
    return link != NULL && kr_kind_is_internal(job->header.kind) && link->linked_ms + DAY_MS <= step->now_ms &&
           !is_our_key(step->core, job->header.signing_key);
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
    uint64_t all = 0;
    struct share share = {0};
    bool stood = true;
    enum kr_err err = KR_OK;
    *ret_verdict = KR_OK;
    if (link == NULL || !kr_kind_is_internal(job->header.kind)) {
        return KR_OK;
    }
    if (is_counted(step, job, link)) {
        err = share_get(step, job->header.signing_key, &share);
    }
    if (err == KR_OK) {
        err = stands(step, &job->header, &stood);
    }
    if (err == KR_OK && !stood) {
        err = subjects(step, job->header.kind, &all);
    }
    const bool is_much =
        share.came >= KR_INTERNAL_COMING_MAX || share.made[share_of(&share, job->header.created_ms)] >= KR_INTERNAL_DAY_MAX;
    *ret_verdict = is_much || all >= KR_INTERNAL_KIND_MAX ? KR_QUOTA : KR_OK;
    return err;
}

/* Once, when what comes behind it has to wait, and once when it is much for one day, but made on several. */
static enum kr_err tell(struct kr_step *step, const uint8_t signing_key[static 32], const struct share *share, bool is_of_today)
{
    char key[17];
    sodium_bin2hex(key, sizeof key, signing_key, 8);
    if (share->came == KR_INTERNAL_COMING_MAX || (is_of_today && share->made[0] == KR_INTERNAL_DAY_MAX)) {
        return kr_step_log(
            step, KR_LOG_ERROR,
            "of what another node of this council, with the key %s, says of people, drafts and links %llu were taken today: what "
            "comes behind them waits until tomorrow, nothing is lost. That is so after a large import there, when that node or "
            "this one was away, and when that key was stolen. Look first what was entered there, and by whom (`kairan audit` at "
            "that node); where nobody did, revoke the key: `kairan node revoke`",
            key, (unsigned long long)share->came);
    }
    return share->came != KR_INTERNAL_DAY_MAX
               ? KR_OK
               : kr_step_log(step, KR_LOG_NOTICE,
                             "of what another node of this council, with the key %s, says of people, drafts and links %u were "
                             "taken today, made on several days: more than it says in a day comes when that node or this one was "
                             "away",
                             key, KR_INTERNAL_DAY_MAX);
}

enum kr_err kr_internal_bound_taken(struct kr_step *step, const struct kr_job *job, const struct kr_link *link)
{
    struct share share;
    if (!is_counted(step, job, link)) {
        return KR_OK;
    }
    enum kr_err err = share_get(step, job->header.signing_key, &share);
    if (err != KR_OK) {
        return err;
    }
    const uint32_t of = share_of(&share, job->header.created_ms);
    share.came++;
    share.made[of]++;
    err = share_put(step, job->header.signing_key, &share);
    return err == KR_OK ? tell(step, job->header.signing_key, &share, of == 0) : err;
}
