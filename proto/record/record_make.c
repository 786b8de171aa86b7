/* Making a record: header, sealed slots and body, signature. Everything random comes from the caller's seed, in the order nonce,
 * content key, one ephemeral for each recipient. */
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "proto/record/header.h"
#include "proto/record/record.h"

#define SLOT_ENTRY_BYTES (KR_HINT_BYTES + KR_SLOT_BYTES)
#define ROUTING_FIELDS   16u
/* What inner = [author, content] adds at most: array head, author, head of the content. */
#define INNER_OVERHEAD_BYTES (1u + 34u + 5u)

/* A record under construction. */
struct making {
    const struct kr_draft *draft;
    bool is_sealed;
    uint8_t (*audience)[32]; /* sorted, without duplicates */
    uint32_t audience_count;
    uint8_t nonce[KR_NONCE_BYTES];
    uint8_t content_key[KR_CONTENT_KEY_BYTES];
    uint32_t pad_class;
    struct kr_writer inner, header, slots, body, record;
};

static int by_bytes_32(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

static int by_slot_entry(const void *a, const void *b)
{
    return memcmp(a, b, SLOT_ENTRY_BYTES);
}

/* What no header could show: the rest is checked by parsing the finished header. */
static enum kr_err check_draft(const struct kr_draft *draft)
{
    if (draft->label == KR_TLP_NONE) {
        return KR_UNLABELLED;
    }
    if (draft->label > KR_TLP_RED || draft->content.len == 0) {
        return KR_INVALID;
    }
    if (draft->content.len > KR_BODY_BYTES_MAX || draft->recipient_count > KR_SLOTS_MAX) {
        return KR_BOUNDS;
    }
    return kr_label_is_sealed(draft->label) == (draft->recipient_count > 0) ? KR_OK : KR_INVALID;
}

static enum kr_err sort_audience(struct making *making)
{
    const struct kr_draft *draft = making->draft;
    uint32_t kept = 0;

    if (draft->audience_count == 0) {
        return KR_OK;
    }
    making->audience = calloc(draft->audience_count, sizeof *making->audience);
    if (making->audience == NULL) {
        return KR_NOMEM;
    }
    memcpy(making->audience, draft->audience, (size_t)draft->audience_count * 32);
    qsort(making->audience, draft->audience_count, 32, by_bytes_32);
    for (uint32_t i = 0; i < draft->audience_count; i++) {
        if (kept == 0 || memcmp(making->audience[kept - 1], making->audience[i], 32) != 0) {
            memmove(making->audience[kept++], making->audience[i], 32);
        }
    }
    making->audience_count = kept;
    return KR_OK;
}

static void write_id_or_empty(struct kr_writer *writer, const uint8_t *id)
{
    kr_writer_bin(writer, id, id != NULL ? 32 : 0);
}

/* Prefix and all routing fields but the two hashes: what the body's associated data covers. */
static void write_header(struct making *making, const uint8_t author[static 32], const uint8_t signing_public[static 32])
{
    const struct kr_draft *draft = making->draft;
    struct kr_writer *writer = &making->header;
    uint8_t commitment[32];

    kr_writer_raw(writer, (const uint8_t[]){KR_RECORD_FORMAT, KR_RECORD_SUITE}, 2);
    kr_writer_raw(writer, author, 32);
    kr_writer_raw(writer, signing_public, 32);
    kr_writer_array(writer, ROUTING_FIELDS);
    kr_writer_uint(writer, draft->kind);
    kr_writer_uint(writer, draft->created_ms);
    kr_writer_uint(writer, draft->expires_s);
    kr_writer_uint(writer, (uint64_t)draft->label);
    write_id_or_empty(writer, draft->community);
    kr_writer_array(writer, making->audience_count);
    for (uint32_t i = 0; i < making->audience_count; i++) {
        kr_writer_bin(writer, making->audience[i], 32);
    }
    write_id_or_empty(writer, draft->relay);
    kr_writer_uint(writer, draft->flags);
    write_id_or_empty(writer, draft->subject);
    kr_writer_uint(writer, draft->version);
    write_id_or_empty(writer, draft->target);
    kr_writer_bin(writer, making->nonce, sizeof making->nonce);
    kr_writer_uint(writer, making->pad_class);
    kr_commitment(commitment, making->content_key);
    write_id_or_empty(writer, making->is_sealed ? commitment : NULL);
}

/* One slot for each recipient, sorted by their bytes, that is by hint: the order tells nothing about the audience's. */
static enum kr_err seal_slots(struct making *making, struct kr_rng *rng)
{
    const struct kr_draft *draft = making->draft;
    uint8_t(*entries)[SLOT_ENTRY_BYTES] = calloc(draft->recipient_count, sizeof *entries);
    uint8_t seed[32];
    enum kr_err err = entries != NULL ? KR_OK : KR_NOMEM;

    for (uint32_t i = 0; err == KR_OK && i < draft->recipient_count; i++) {
        kr_rng_bytes(rng, seed, sizeof seed);
        kr_hint(entries[i], draft->recipients[i]);
        err = kr_slot_seal(entries[i] + KR_HINT_BYTES, making->content_key, draft->recipients[i], seed);
    }
    if (err == KR_OK) {
        qsort(entries, draft->recipient_count, SLOT_ENTRY_BYTES, by_slot_entry);
        kr_writer_array(&making->slots, draft->recipient_count);
        for (uint32_t i = 0; i < draft->recipient_count; i++) {
            kr_writer_bin(&making->slots, entries[i], SLOT_ENTRY_BYTES);
        }
        err = kr_writer_finish(&making->slots);
    }
    sodium_memzero(seed, sizeof seed);
    free(entries);
    return err;
}

/* body = AEAD(BE32 length ‖ inner ‖ zeros up to the class) with the header so far as associated data. */
static enum kr_err seal_body(struct making *making)
{
    const struct kr_writer *inner = &making->inner;
    size_t class_bytes = kr_pad_class_bytes(making->pad_class);
    uint8_t *padded = calloc(1, class_bytes + KR_AEAD_BYTES);

    if (padded == NULL) {
        return KR_NOMEM;
    }
    for (unsigned i = 0; i < 4; i++) {
        padded[i] = (uint8_t)(inner->len >> (24 - 8 * i));
    }
    memcpy(padded + 4, inner->bytes, inner->len);
    kr_aead_seal(padded, padded, class_bytes, making->header.bytes, making->header.len, making->nonce, making->content_key);
    kr_writer_raw(&making->body, padded, class_bytes + KR_AEAD_BYTES);
    free(padded);
    return kr_writer_finish(&making->body);
}

/* The content as it goes under seal, and the size class that it needs. */
static enum kr_err write_inner(struct making *making, const uint8_t author[static 32])
{
    enum kr_err err;

    kr_writer_array(&making->inner, 2);
    kr_writer_bin(&making->inner, author, 32);
    kr_writer_slice(&making->inner, making->draft->content);
    err = kr_writer_finish(&making->inner);
    if (err == KR_OK) {
        making->pad_class = kr_pad_class(making->inner.len);
        err = making->pad_class != 0 ? KR_OK : KR_BOUNDS;
    }
    return err;
}

/* Appends the hashes, checks the header by the receivers' own rules and assembles; the signature is still zero. */
static enum kr_err finish(struct making *making)
{
    struct kr_slice slots = {.bytes = making->slots.bytes, .len = making->slots.len};
    struct kr_slice body = {.bytes = making->body.bytes, .len = making->body.len};
    struct kr_header parsed;
    uint8_t hash[KR_HASH_BYTES];
    static const uint8_t signature[KR_SIGNATURE_BYTES];
    enum kr_err err;

    kr_slots_hash(hash, slots);
    kr_writer_bin(&making->header, hash, sizeof hash);
    kr_body_hash(hash, body);
    kr_writer_bin(&making->header, hash, sizeof hash);
    err = kr_writer_finish(&making->header);
    if (err != KR_OK) {
        return err;
    }
    err = kr_header_parse((struct kr_slice){.bytes = making->header.bytes, .len = making->header.len}, &parsed);
    if (err != KR_OK) {
        return err == KR_MALFORMED ? KR_INVALID : err;
    }
    kr_writer_array(&making->record, 4);
    kr_writer_bin(&making->record, making->header.bytes, making->header.len);
    kr_writer_slice(&making->record, slots);
    kr_writer_slice(&making->record, body);
    kr_writer_bin(&making->record, signature, sizeof signature);
    return kr_writer_finish(&making->record);
}

enum kr_err kr_record_prepare(const struct kr_draft *draft, const uint8_t author[static 32],
                              const uint8_t signing_public[static 32], const uint8_t seed[static 32], uint8_t **ret_bytes,
                              size_t *ret_len)
{
    struct making making = {.draft = draft, .is_sealed = kr_label_is_sealed(draft->label)};
    struct kr_rng rng;
    enum kr_err err = check_draft(draft);

    kr_writer_init(&making.inner, KR_BODY_BYTES_MAX + INNER_OVERHEAD_BYTES);
    kr_writer_init(&making.header, KR_HEADER_BYTES_MAX);
    kr_writer_init(&making.slots, KR_RECORD_BYTES_MAX);
    kr_writer_init(&making.body, KR_RECORD_BYTES_MAX);
    kr_writer_init(&making.record, KR_RECORD_BYTES_MAX);
    kr_rng_init(&rng, seed);
    kr_rng_bytes(&rng, making.nonce, sizeof making.nonce);
    kr_rng_bytes(&rng, making.content_key, sizeof making.content_key);
    if (err == KR_OK) {
        err = sort_audience(&making);
    }
    if (err == KR_OK && making.is_sealed) {
        err = write_inner(&making, author);
    }
    if (err == KR_OK) {
        write_header(&making, author, signing_public);
        err = kr_writer_finish(&making.header);
    }
    if (err == KR_OK && making.is_sealed) {
        err = seal_slots(&making, &rng);
    }
    if (err == KR_OK && making.is_sealed) {
        err = seal_body(&making);
    } else if (err == KR_OK) {
        kr_writer_raw(&making.body, draft->content.bytes, draft->content.len);
        err = kr_writer_finish(&making.body);
    }
    if (err == KR_OK) {
        err = finish(&making);
    }
    if (err == KR_OK) {
        err = kr_writer_take(&making.record, ret_bytes, ret_len);
    }
    sodium_memzero(making.content_key, sizeof making.content_key);
    sodium_memzero(&rng, sizeof rng);
    free(making.audience);
    kr_writer_deinit(&making.inner);
    kr_writer_deinit(&making.header);
    kr_writer_deinit(&making.slots);
    kr_writer_deinit(&making.body);
    kr_writer_deinit(&making.record);
    return err;
}

enum kr_err kr_record_sign(uint8_t *bytes, size_t len, const uint8_t signing_secret[static 64], uint8_t ret_id[static 32])
{
    struct kr_record record;
    struct kr_header header = {0};
    enum kr_err err = kr_record_split(bytes, len, &record);
    if (err == KR_OK) {
        err = kr_header_prefix(record.header, &header);
    }
    if (err == KR_OK && memcmp(header.signing_key, signing_secret + 32, 32) != 0) {
        err = KR_KEY;
    }
    if (err != KR_OK) {
        return err;
    }
    kr_sign(bytes + (record.signature.bytes - bytes), signing_secret, "kairan record sig", record.id, KR_ID_BYTES);
    memcpy(ret_id, record.id, KR_ID_BYTES);
    return KR_OK;
}

enum kr_err kr_record_make(const struct kr_draft *draft, const uint8_t author[static 32], const uint8_t signing_secret[static 64],
                           const uint8_t seed[static 32], uint8_t **ret_bytes, size_t *ret_len, uint8_t ret_id[static 32])
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum kr_err err = kr_record_prepare(draft, author, signing_secret + 32, seed, &bytes, &len);
    if (err == KR_OK) {
        err = kr_record_sign(bytes, len, signing_secret, ret_id);
    }
    if (err != KR_OK) {
        free(bytes);
        return err;
    }
    *ret_bytes = bytes;
    *ret_len = len;
    return KR_OK;
}
