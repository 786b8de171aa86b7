/* Work that can wait: what has expired goes, submission tokens that nobody will repeat go. In slices. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"

#define EXPIRY_SLICE 64u
#define EXPIRY_MS    60000u
#define TOKEN_SLICE  256u

/* A statement that has ended leaves the directory too, or a node would look for it in vain when it starts. */
static enum kr_err forget_statement(struct kr_step *step, const struct kr_head *head, bool *ret_was_known)
{
    struct kr_header header = {.kind = head->kind};
    uint8_t key[KR_DIRECTORY_KEY_BYTES], value[KR_KIB * 2];
    size_t len;
    struct kr_directory_entry entry;
    memcpy(header.author, head->author, 32);
    memcpy(header.community, head->community, 32);
    memcpy(header.subject, head->subject, 32);
    kr_directory_key(key, &header);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_DIRECTORY, key, sizeof key, value, sizeof value, &len);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    if (kr_directory_entry_read((struct kr_slice){value, len}, &entry) != KR_OK) {
        return KR_CORRUPT;
    }
    if (memcmp(entry.record_id, head->id, 32) != 0) {
        return KR_OK;
    }
    err = kr_store_delete(step->txn, KR_TABLE_DIRECTORY, key, sizeof key);
    *ret_was_known = *ret_was_known || err == KR_OK;
    return err;
}

static enum kr_err expire_one(struct kr_step *step, uint64_t arrival, uint8_t *scratch, bool *ret_changes_directory)
{
    struct kr_head head;
    enum kr_err err = kr_store_head_get(step->txn, arrival, &head, scratch);
    if (err != KR_OK) {
        return err;
    }
    if (kr_kind_is_statement(head.kind) && head.state != KR_HEAD_QUARANTINED) {
        if (memcmp(head.author, step->core->self, 32) == 0) {
            return KR_OK; /* our own card is who we are, until there is a newer one */
        }
        err = forget_statement(step, &head, ret_changes_directory);
        if (err != KR_OK) {
            return err;
        }
    }
    if (head.state == KR_HEAD_QUARANTINED) {
        err = kr_store_delete(step->txn, KR_TABLE_QUARANTINE, head.id, 32);
        step->core->quarantine_count -= err == KR_OK;
        step->core->quarantine_bytes -= err == KR_OK ? head.record_bytes : 0;
    }
    if (err == KR_OK || err == KR_NOT_FOUND) {
        err = kr_store_record_purge(step->txn, arrival, (struct kr_slice){0});
    }
    if (err == KR_OK) {
        kr_indicators_remove(step->core, &head);
        uint8_t reason[KR_REASON_KEY_BYTES];
        kr_reason_key(reason, head.id);
        err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, reason, sizeof reason);
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    return err;
}

struct old_tokens {
    uint64_t before_ms;
    uint8_t tokens[TOKEN_SLICE][16];
    uint32_t count;
};

static bool pick_token(void *context, struct kr_slice key, struct kr_slice value)
{
    struct old_tokens *old = context;
    struct kr_reader reader;
    uint8_t id[32];
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 2);
    kr_reader_fixed(&reader, id, 32);
    uint64_t created_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK && created_ms < old->before_ms && key.len == 16) {
        memcpy(old->tokens[old->count++], key.bytes, 16);
    }
    return old->count < TOKEN_SLICE;
}

static enum kr_err forget_tokens(struct kr_step *step, bool *ret_more)
{
    struct old_tokens *old = calloc(1, sizeof *old);
    if (old == NULL) {
        return KR_NOMEM;
    }
    old->before_ms = step->now_ms > KR_TOKEN_TTL_MS ? step->now_ms - KR_TOKEN_TTL_MS : 0;
    /* Tokens are random: each time those with one first byte, so that what is looked through stays little. */
    uint8_t prefix = step->core->tokens_at;
    enum kr_err err = kr_store_each(step->txn, KR_TABLE_TOKENS, &prefix, 1, pick_token, old);
    for (uint32_t i = 0; i < old->count && err == KR_OK; i++) {
        err = kr_store_delete(step->txn, KR_TABLE_TOKENS, old->tokens[i], 16);
    }
    *ret_more = old->count == TOKEN_SLICE;
    step->core->tokens_at += err == KR_OK && !*ret_more;
    free(old);
    return err;
}

enum kr_err kr_expiry_slice(struct kr_step *step, bool *ret_more)
{
    struct kr_core *core = step->core;
    *ret_more = false;
    if (step->now_ms < core->expiry_at_ms) {
        return KR_OK;
    }
    uint64_t arrivals[EXPIRY_SLICE];
    uint32_t count = 0;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    if (scratch == NULL) {
        return KR_NOMEM;
    }
    enum kr_err err = kr_store_expired(step->txn, step->now_ms / 1000, arrivals, EXPIRY_SLICE, &count);
    bool changes_directory = false;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        err = expire_one(step, arrivals[i], scratch, &changes_directory);
    }
    if (err == KR_OK && changes_directory) {
        err = kr_directory_reload(&core->directory, step->txn);
    }
    free(scratch);
    *ret_more = count == EXPIRY_SLICE;
    if (err == KR_OK && !*ret_more) {
        err = forget_tokens(step, ret_more);
    }
    if (err == KR_OK && !*ret_more) {
        core->expiry_at_ms = step->now_ms + EXPIRY_MS;
        err = kr_step_wake(step, core->expiry_at_ms);
    }
    return err;
}
