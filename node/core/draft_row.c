/* Drafts in the store: the records that all nodes of a council share, and the rows that lists read. */
#include <stdlib.h>
#include <string.h>

#include "node/core/draft.h"
#include "node/core/internal.h"
#include "node/core/restored.h"

#define KEY_BYTES      (1u + KR_DRAFT_ID_BYTES)
#define OLD_PART_BYTES (KR_TABLE_VALUE_BYTES_MAX - 256u)
#define OLD_FIELDS     18u
#define FIELDS         20u
#define PART_BYTES     (KR_BODY_BYTES_MAX - KR_KIB) /* of arguments in one record */
#define ARGS_DOMAIN    "kairan draft args"
#define RANK_SHIFT     32u
#define SHARE_SLICE    16u
#define LEAST_KEPT_S   (366u * 86400u)

bool kr_draft_is_open(const struct kr_draft_row *row)
{
    return row->state == KR_DRAFT_WAITS || row->state == KR_DRAFT_RETURNED;
}

/* ---- rows ---- */

static void row_key(uint8_t ret_key[static KEY_BYTES], const uint8_t token[static KR_DRAFT_ID_BYTES])
{
    ret_key[0] = 'D';
    memcpy(ret_key + 1, token, KR_DRAFT_ID_BYTES);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    return sodium_is_zero(bytes, len) == 1;
}

static void write_row(const struct kr_draft_row *row, struct kr_writer *writer)
{
    kr_writer_array(writer, FIELDS);
    kr_writer_uint(writer, row->state);
    kr_writer_uint(writer, row->op);
    kr_writer_uint(writer, row->kind);
    kr_writer_uint(writer, row->label);
    kr_writer_bin(writer, row->submitter, is_zero(row->submitter, 32) ? 0 : 32);
    kr_writer_bin(writer, row->decider, is_zero(row->decider, 32) ? 0 : 32);
    kr_writer_uint(writer, row->submitted_ms);
    kr_writer_uint(writer, row->changed_ms);
    kr_writer_bin(writer, row->community, row->has_community ? 32 : 0);
    kr_writer_bin(writer, row->record_id, row->has_record ? 32 : 0);
    kr_writer_slice(writer, row->audience);
    kr_writer_bin(writer, row->reach, sizeof row->reach);
    kr_writer_bin(writer, row->args_hash, sizeof row->args_hash);
    kr_writer_uint(writer, row->args_len);
    kr_writer_str_slice(writer, row->title);
    kr_writer_str_slice(writer, row->reason);
    kr_writer_uint(writer, 0);
    kr_writer_bin(writer, row->alias, sizeof row->alias);
    kr_writer_bin(writer, row->consent, row->has_consent ? 32 : 0);
    kr_writer_array(writer, row->opened_count);
    for (uint32_t i = 0; i < row->opened_count; i++) {
        const struct kr_draft_opened *opened = &row->opened[i];
        kr_writer_array(writer, 3);
        kr_writer_bin(writer, opened->person, is_zero(opened->person, 32) ? 0 : 32);
        kr_writer_uint(writer, opened->at_ms);
        kr_writer_str_slice(writer, opened->reason);
    }
}

static void read_opened(struct kr_reader *reader, struct kr_draft_row *row)
{
    row->opened_count = kr_reader_array_between(reader, 0, KR_DRAFT_OPENINGS_MAX);
    for (uint32_t i = 0; i < row->opened_count; i++) {
        struct kr_draft_opened *opened = &row->opened[i];
        kr_reader_array(reader, 3);
        (void)kr_reader_fixed_or_empty(reader, opened->person, 32);
        opened->at_ms = kr_reader_uint(reader, UINT64_MAX);
        opened->reason = kr_reader_str(reader, KR_OPENING_BYTES_MAX);
        kr_reader_close(reader);
    }
    kr_reader_close(reader);
}

/* Of whatever length it is: bytes of a row, or of another node's record. */
static enum kr_err read_row(const uint8_t token[static KR_DRAFT_ID_BYTES], struct kr_slice value, struct kr_draft_row *row)
{
    struct kr_reader reader;
    if (value.len > sizeof row->bytes) {
        return KR_CORRUPT;
    }
    memmove(row->token, token, KR_DRAFT_ID_BYTES);
    memmove(row->bytes, value.bytes, value.len);
    kr_reader_init(&reader, row->bytes, value.len);
    const uint32_t fields = kr_reader_array_between(&reader, OLD_FIELDS, FIELDS);
    row->is_old = fields == OLD_FIELDS;
    row->state = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    row->op = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    row->kind = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    row->label = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    (void)kr_reader_fixed_or_empty(&reader, row->submitter, 32);
    (void)kr_reader_fixed_or_empty(&reader, row->decider, 32);
    row->submitted_ms = kr_reader_uint(&reader, UINT64_MAX);
    row->changed_ms = kr_reader_uint(&reader, UINT64_MAX);
    row->has_community = kr_reader_fixed_or_empty(&reader, row->community, 32);
    row->has_record = kr_reader_fixed_or_empty(&reader, row->record_id, 32);
    row->audience = kr_reader_bin(&reader, 0, KR_AUDIENCE_MAX * 32u);
    kr_reader_fixed(&reader, row->reach, sizeof row->reach);
    kr_reader_fixed(&reader, row->args_hash, sizeof row->args_hash);
    row->args_len = (uint32_t)kr_reader_uint(&reader, KR_CLIENT_FRAME_BYTES_MAX);
    row->title = kr_reader_str(&reader, KR_TITLE_BYTES_MAX);
    row->reason = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    kr_reader_skip(&reader);
    (void)kr_reader_fixed_or_empty(&reader, row->alias, sizeof row->alias);
    row->has_consent = false;
    row->opened_count = 0;
    if (!row->is_old) {
        row->has_consent = kr_reader_fixed_or_empty(&reader, row->consent, 32);
        read_opened(&reader, row);
    }
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK ? KR_OK : KR_CORRUPT;
}

enum kr_err kr_draft_row_read(struct kr_slice key, struct kr_slice value, struct kr_draft_row *ret_row)
{
    return key.len == KEY_BYTES ? read_row(key.bytes + 1, value, ret_row) : KR_CORRUPT;
}

enum kr_err kr_draft_get(struct kr_txn *txn, const uint8_t token[static KR_DRAFT_ID_BYTES], struct kr_draft_row *ret_row)
{
    uint8_t key[KEY_BYTES];
    size_t len;
    row_key(key, token);
    enum kr_err err = kr_store_get(txn, KR_TABLE_DRAFTS, key, sizeof key, ret_row->bytes, sizeof ret_row->bytes, &len);
    if (err != KR_OK) {
        return err == KR_BOUNDS ? KR_CORRUPT : err;
    }
    return read_row(key + 1, (struct kr_slice){ret_row->bytes, len}, ret_row);
}

static enum kr_err put_bytes(struct kr_txn *txn, const uint8_t token[static KR_DRAFT_ID_BYTES], struct kr_slice bytes)
{
    uint8_t key[KEY_BYTES];
    row_key(key, token);
    return kr_store_put(txn, KR_TABLE_DRAFTS, key, sizeof key, bytes.bytes, bytes.len);
}

enum kr_err kr_draft_row_put(struct kr_txn *txn, const struct kr_draft_row *row)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_TABLE_VALUE_BYTES_MAX);
    write_row(row, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = put_bytes(txn, row->token, (struct kr_slice){writer.bytes, writer.len});
    }
    kr_writer_deinit(&writer);
    return err;
}

enum kr_err kr_drafts_each(struct kr_txn *txn, const uint8_t *after, kr_store_visit *visit, void *context)
{
    uint8_t from[KEY_BYTES] = {'D'};
    uint32_t damaged;
    if (after != NULL) { /* the next key there can be */
        memcpy(from + 1, after, KR_DRAFT_ID_BYTES);
        for (size_t i = KEY_BYTES; i > 1 && ++from[i - 1] == 0; i--) {
        }
    }
    return kr_store_each_from(txn, KR_TABLE_DRAFTS, (struct kr_slice){from, sizeof from}, 1, visit, context, &damaged);
}

/* ---- records ---- */

/* How final: whatever says more, and was said anywhere, stands. That something has left is not undone by any other word. */
static uint64_t rank_of(uint32_t state)
{
    switch (state) {
    case KR_DRAFT_WAITS:
    case KR_DRAFT_RETURNED:
        return 0;
    case KR_DRAFT_REJECTED:
    case KR_DRAFT_WITHDRAWN:
        return 1;
    default:
        return 2;
    }
}

static void state_subject(const struct kr_draft_row *row, uint8_t ret_subject[static 32])
{
    memcpy(ret_subject, row->token, KR_DRAFT_ID_BYTES);
    memset(ret_subject + KR_DRAFT_ID_BYTES, 0, 32 - KR_DRAFT_ID_BYTES);
}

static void part_subject(const struct kr_draft_row *row, uint32_t part, uint8_t ret_subject[static 32])
{
    memcpy(ret_subject, row->token, KR_DRAFT_ID_BYTES);
    memcpy(ret_subject + KR_DRAFT_ID_BYTES, row->args_hash, 12);
    for (unsigned i = 0; i < 4; i++) {
        ret_subject[28 + i] = (uint8_t)(part >> (24 - 8 * i));
    }
}

static bool is_state_subject(const uint8_t subject[static 32])
{
    return is_zero(subject + KR_DRAFT_ID_BYTES, 32 - KR_DRAFT_ID_BYTES);
}

/* Later versions never expire before earlier ones, or what was decided would come back as what waits. */
static uint64_t expires_of(const struct kr_step *step, const struct kr_draft_row *row)
{
    const uint64_t now_s = step->now_ms / 1000, kept_s = row->submitted_ms / 1000 + KR_DRAFT_KEPT_S;
    const uint64_t most_s = now_s + KR_EXPIRES_S_MAX - 86400u; /* (a clock was far ahead when it was submitted) */
    return kept_s < now_s + LEAST_KEPT_S ? now_s + LEAST_KEPT_S : kept_s < most_s ? kept_s : most_s;
}

static enum kr_err put_record(struct kr_step *step, const struct kr_draft_row *row, const uint8_t subject[static 32], uint64_t rank,
                              struct kr_slice bytes)
{
    struct kr_directory_entry standing = {0};
    struct kr_writer content;
    enum kr_err verdict = KR_OK, err = kr_internal_standing(step, KR_KIND_DRAFT, subject, &standing);
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    const struct kr_internal what = {.kind = KR_KIND_DRAFT,
                                     .subject = subject,
                                     .version = (rank << RANK_SHIFT) + (standing.version & UINT32_MAX) + 1,
                                     .expires_s = expires_of(step, row)};
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_writer_array(&content, 2);
    kr_writer_uint(&content, 1);
    kr_writer_slice(&content, bytes);
    err = kr_internal_put(step, &what, &content, &verdict);
    return err == KR_OK ? verdict : err;
}

static uint32_t parts_of(const struct kr_draft_row *row)
{
    return (row->args_len + PART_BYTES - 1) / PART_BYTES;
}

static enum kr_err put_args(struct kr_step *step, const struct kr_draft_row *row, struct kr_slice args)
{
    uint8_t subject[32];
    enum kr_err err = KR_OK;
    for (uint32_t part = 1; part <= parts_of(row) && err == KR_OK; part++) {
        const size_t at = (size_t)(part - 1) * PART_BYTES;
        part_subject(row, part, subject);
        err = put_record(step, row, subject, 0,
                         (struct kr_slice){args.bytes + at, args.len - at < PART_BYTES ? args.len - at : PART_BYTES});
    }
    return err;
}

/* Empty ones stand in their places, so that no node keeps what was decided about, and none brings it back. */
static enum kr_err drop_args(struct kr_step *step, const struct kr_draft_row *row)
{
    uint8_t subject[32];
    enum kr_err err = KR_OK;
    for (uint32_t part = 1; part <= parts_of(row) && err == KR_OK; part++) {
        part_subject(row, part, subject);
        err = put_record(step, row, subject, 0, (struct kr_slice){0});
    }
    return err;
}

static enum kr_err put_state(struct kr_step *step, const struct kr_draft_row *row)
{
    struct kr_writer bytes;
    uint8_t subject[32];
    state_subject(row, subject);
    kr_writer_init(&bytes, KR_TABLE_VALUE_BYTES_MAX);
    write_row(row, &bytes);
    enum kr_err err = kr_writer_finish(&bytes);
    if (err == KR_OK) {
        err = put_record(step, row, subject, rank_of(row->state), (struct kr_slice){bytes.bytes, bytes.len});
    }
    kr_writer_deinit(&bytes);
    return err;
}

/* The record of its state that stands. KR_NOT_FOUND. */
static enum kr_err standing_state(struct kr_step *step, const struct kr_draft_row *row, struct kr_directory_entry *ret_entry)
{
    uint8_t subject[32];
    state_subject(row, subject);
    return kr_internal_standing(step, KR_KIND_DRAFT, subject, ret_entry);
}

enum kr_err kr_draft_put(struct kr_step *step, struct kr_draft_row *row, const struct kr_slice *args)
{
    struct kr_directory_entry standing = {0};
    uint8_t hash[32];
    enum kr_err err = standing_state(step, row, &standing);
    if (err == KR_OK && standing.version >> RANK_SHIFT > rank_of(row->state)) {
        return KR_EXISTS; /* before anything is put */
    }
    err = err == KR_NOT_FOUND ? KR_OK : err;
    if (err == KR_OK && args != NULL) {
        kr_hash(hash, ARGS_DOMAIN, args->bytes, args->len);
        if (memcmp(hash, row->args_hash, sizeof hash) != 0 || row->args_len == 0) {
            err = drop_args(step, row);
            memcpy(row->args_hash, hash, sizeof hash);
            row->args_len = (uint32_t)args->len;
            err = err == KR_OK ? put_args(step, row, *args) : err;
        }
    }
    if (err == KR_OK && !kr_draft_is_open(row)) {
        err = drop_args(step, row);
        row->args_len = 0;
    }
    return err == KR_OK ? put_state(step, row) : err;
}

/* ---- what a record holds ---- */

static enum kr_err read_content(struct kr_slice content, struct kr_slice *ret_bytes)
{
    struct kr_reader reader;
    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 2);
    const uint64_t version = kr_reader_uint(&reader, 1);
    *ret_bytes = kr_reader_bin(&reader, 0, PART_BYTES);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK && version == 1 ? KR_OK : KR_MALFORMED;
}

enum kr_err kr_draft_find(struct kr_step *step, const uint8_t token[static KR_DRAFT_ID_BYTES], struct kr_draft_row *ret_row)
{
    struct kr_directory_entry standing = {0};
    struct kr_slice bytes = {0};
    uint8_t *content = NULL;
    size_t len = 0;
    enum kr_err err = kr_draft_get(step->txn, token, ret_row);
    if (err != KR_NOT_FOUND) {
        return err;
    }
    memcpy(ret_row->token, token, KR_DRAFT_ID_BYTES);
    err = standing_state(step, ret_row, &standing);
    if (err == KR_OK && standing.version >> RANK_SHIFT == 0) {
        return KR_NOT_FOUND; /* nothing was decided that a new one would contradict */
    }
    if (err == KR_OK) {
        err = kr_internal_open(step->txn, step->core->keyring, standing.record_id, &content, &len);
        err = err == KR_NOT_FOUND ? KR_CORRUPT : err;
    }
    if (err == KR_OK) {
        err = read_content((struct kr_slice){content, len}, &bytes) == KR_OK ? read_row(token, bytes, ret_row) : KR_CORRUPT;
    }
    free(content);
    return err;
}

enum kr_err kr_draft_content_check(struct kr_slice content)
{
    struct kr_slice bytes;
    return read_content(content, &bytes);
}

enum kr_err kr_draft_fits(const struct kr_header *header, struct kr_slice content)
{
    struct kr_slice bytes = {0};
    const uint64_t rank = header->version >> RANK_SHIFT;
    enum kr_err err = read_content(content, &bytes);
    if (err != KR_OK || !is_state_subject(header->subject)) {
        return err == KR_OK && rank > 0 ? KR_MALFORMED : err;
    }
    struct kr_draft_row *row = malloc(sizeof *row);
    if (row == NULL) {
        return KR_NOMEM;
    }
    err = read_row(header->subject, bytes, row);
    const bool is_known = err == KR_OK && row->state >= KR_DRAFT_WAITS && row->state <= KR_DRAFT_REVIEWED && !row->is_old;
    const bool fits = is_known && rank_of(row->state) == rank && row->has_record == (rank == 2);
    free(row);
    return fits ? KR_OK : KR_MALFORMED;
}

/* Two nodes that did not see each other have sent it, each under its own key: both have left, and one is to be taken back. */
static enum kr_err tell_of_twin(struct kr_step *step, const struct kr_draft_row *row, const uint8_t stands[static 32])
{
    char ids[2][17], token[17];
    sodium_bin2hex(token, sizeof token, row->token, 8);
    sodium_bin2hex(ids[0], sizeof ids[0], row->record_id, 8);
    sodium_bin2hex(ids[1], sizeof ids[1], stands, 8);
    return kr_step_log(
        step, KR_LOG_WARNING,
        "draft %s was approved at two nodes of this council and has gone out twice: as %s, which stands for it, and as "
        "%s. Take the second back: kairan retract %s",
        token, ids[1], ids[0], ids[0]);
}

enum kr_err kr_draft_take(struct kr_step *step, const struct kr_header *header, struct kr_slice content)
{
    struct kr_slice bytes = {0};
    struct kr_draft_row *before = malloc(sizeof *before), *row = malloc(sizeof *row);
    enum kr_err err = before == NULL || row == NULL ? KR_NOMEM : read_content(content, &bytes);
    if (err == KR_OK && is_state_subject(header->subject)) {
        err = read_row(header->subject, bytes, row);
        if (err == KR_OK) {
            err = kr_draft_get(step->txn, header->subject, before);
        }
        if (err == KR_OK && before->has_record && row->has_record && memcmp(before->record_id, row->record_id, 32) != 0) {
            err = tell_of_twin(step, before, row->record_id);
        }
        err = err == KR_OK || err == KR_NOT_FOUND || err == KR_CORRUPT ? put_bytes(step->txn, header->subject, bytes) : err;
    }
    free(before);
    free(row);
    return err;
}

enum kr_err kr_draft_expire(struct kr_txn *txn, const uint8_t subject[static 32])
{
    uint8_t key[KEY_BYTES];
    row_key(key, subject);
    enum kr_err err = is_state_subject(subject) ? kr_store_delete(txn, KR_TABLE_DRAFTS, key, sizeof key) : KR_OK;
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* ---- arguments ---- */

static enum kr_err add_part(struct kr_step *step, const struct kr_draft_row *row, uint32_t part, uint8_t *args, size_t *at)
{
    struct kr_directory_entry standing = {0};
    struct kr_slice bytes = {0};
    uint8_t subject[32], *content = NULL;
    size_t len = 0;
    part_subject(row, part, subject);
    enum kr_err err = kr_internal_standing(step, KR_KIND_DRAFT, subject, &standing);
    if (err == KR_OK) {
        err = kr_internal_open(step->txn, step->core->keyring, standing.record_id, &content, &len);
        err = err == KR_NOT_FOUND ? KR_CORRUPT : err;
    }
    if (err == KR_OK) {
        err =
            read_content((struct kr_slice){content, len}, &bytes) == KR_OK && bytes.len <= row->args_len - *at ? KR_OK : KR_CORRUPT;
    }
    if (err == KR_OK && bytes.len > 0) {
        memcpy(args + *at, bytes.bytes, bytes.len);
        *at += bytes.len;
    }
    free(content);
    return err;
}

enum kr_err kr_draft_args_get(struct kr_step *step, const struct kr_draft_row *row, uint8_t **ret_args)
{
    uint8_t hash[32];
    size_t at = 0;
    uint8_t *args = malloc((size_t)row->args_len + 1);
    enum kr_err err = args == NULL ? KR_NOMEM : KR_OK;
    for (uint32_t part = 1; part <= parts_of(row) && err == KR_OK; part++) {
        err = add_part(step, row, part, args, &at);
    }
    if (err == KR_OK) {
        kr_hash(hash, ARGS_DOMAIN, args, at);
        err = at == row->args_len && memcmp(hash, row->args_hash, sizeof hash) == 0 ? KR_OK : KR_CORRUPT;
    }
    if (err != KR_OK) {
        free(args);
        return err;
    }
    *ret_args = args;
    return KR_OK;
}

/* ---- drafts of an earlier version ---- */

static void old_key(uint8_t ret_key[static KEY_BYTES + 2], const uint8_t token[static KR_DRAFT_ID_BYTES], uint32_t part)
{
    ret_key[0] = 'd';
    memcpy(ret_key + 1, token, KR_DRAFT_ID_BYTES);
    ret_key[KEY_BYTES] = (uint8_t)(part >> 8);
    ret_key[KEY_BYTES + 1] = (uint8_t)part;
}

static enum kr_err read_old_args(struct kr_txn *txn, const struct kr_draft_row *row, uint8_t *ret_args)
{
    uint8_t key[KEY_BYTES + 2], hash[32];
    enum kr_err err = KR_OK;
    for (size_t at = 0, part = 0; at < row->args_len && err == KR_OK; part++) {
        size_t len = 0;
        old_key(key, row->token, (uint32_t)part);
        err = kr_store_get(txn, KR_TABLE_DRAFTS, key, sizeof key, ret_args + at, row->args_len - at, &len);
        at += len;
        err = err == KR_NOT_FOUND || err == KR_BOUNDS || (err == KR_OK && len == 0) ? KR_CORRUPT : err;
    }
    if (err == KR_OK) {
        kr_hash(hash, ARGS_DOMAIN, ret_args, row->args_len);
        err = memcmp(hash, row->args_hash, sizeof hash) == 0 ? KR_OK : KR_CORRUPT;
    }
    return err;
}

static enum kr_err drop_old_args(struct kr_txn *txn, const uint8_t token[static KR_DRAFT_ID_BYTES], uint32_t len)
{
    uint8_t key[KEY_BYTES + 2];
    enum kr_err err = KR_OK;
    for (uint32_t part = 0; part * OLD_PART_BYTES < len && err == KR_OK; part++) {
        old_key(key, token, part);
        err = kr_store_delete(txn, KR_TABLE_DRAFTS, key, sizeof key);
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    return err;
}

enum kr_err kr_draft_share(struct kr_step *step, struct kr_draft_row *row)
{
    const uint32_t len = row->args_len;
    uint8_t *args = malloc((size_t)len + 1);
    enum kr_err err = args == NULL ? KR_NOMEM : KR_OK;
    if (err == KR_OK && kr_draft_is_open(row)) {
        err = read_old_args(step->txn, row, args);
    }
    if (err == KR_OK) {
        row->args_len = 0; /* none of it is in a record */
        err = kr_draft_put(step, row, kr_draft_is_open(row) ? &(struct kr_slice){args, len} : NULL);
    }
    if (err == KR_OK) {
        err = drop_old_args(step->txn, row->token, len);
        row->is_old = false;
    }
    free(args);
    return err;
}

bool kr_drafts_share_is_due(const struct kr_core *core)
{
    return core->drafts_are_old && !kr_restored_holds(core);
}

struct sharing {
    struct kr_draft_row *row;
    uint8_t tokens[SHARE_SLICE][KR_DRAFT_ID_BYTES];
    uint32_t count;
};

static bool find_old(void *context, struct kr_slice key, struct kr_slice value)
{
    struct sharing *sharing = context;
    if (kr_draft_row_read(key, value, sharing->row) == KR_OK && sharing->row->is_old) {
        memcpy(sharing->tokens[sharing->count++], sharing->row->token, KR_DRAFT_ID_BYTES);
    }
    return sharing->count < SHARE_SLICE;
}

/* Nothing more can be done now; all else is that one draft's trouble. */
static bool is_of_the_store(enum kr_err err)
{
    return err == KR_NOMEM || err == KR_IO || err == KR_STORE_FULL;
}

/* What is damaged stays as it is: `kairan verify` tells of it. */
enum kr_err kr_drafts_share_slice(struct kr_step *step, bool *ret_more)
{
    struct kr_core *core = step->core;
    struct sharing *sharing = calloc(1, sizeof *sharing);
    struct kr_draft_row *row = malloc(sizeof *row);
    enum kr_err err = sharing == NULL || row == NULL ? KR_NOMEM : KR_OK;
    *ret_more = false;
    if (err == KR_OK && kr_drafts_share_is_due(core)) {
        sharing->row = row;
        err =
            kr_drafts_each(step->txn, is_zero(core->drafts_at, sizeof core->drafts_at) ? NULL : core->drafts_at, find_old, sharing);
        for (uint32_t i = 0; i < sharing->count && err == KR_OK; i++) {
            memcpy(core->drafts_at, sharing->tokens[i], KR_DRAFT_ID_BYTES);
            err = kr_draft_get(step->txn, sharing->tokens[i], row);
            err = err == KR_OK ? kr_draft_share(step, row) : err;
            err = is_of_the_store(err) ? err : KR_OK;
        }
        *ret_more = err == KR_OK && sharing->count == SHARE_SLICE;
        core->drafts_are_old = err != KR_OK || *ret_more;
    }
    free(sharing);
    free(row);
    return err;
}
