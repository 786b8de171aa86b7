/* Opening a record: finds our slot, checks the commitment before the body is decrypted, and the author inside before anything of
 * the content is believed. */
#include <stdlib.h>
#include <string.h>

#include "proto/record/header.h"
#include "proto/record/record.h"

#define SLOT_ENTRY_BYTES (KR_HINT_BYTES + KR_SLOT_BYTES)
/* How many slots that bear our hint are tried. Honest ones collide once in 2^32; a hostile author could fill all with our hint to
 * make us multiply points. */
#define SLOT_TRIES_MAX 8u

/* Tries one slot with every key that its hint names. */
static enum kr_err try_slot(const uint8_t *entry, const struct kr_header *header, const struct kr_keyring *keyring, uint32_t *tries,
                            uint8_t ret_content_key[static 32])
{
    const struct kr_dated_key *key;
    uint8_t commitment[32];

    for (uint32_t i = 0; *tries < SLOT_TRIES_MAX && (key = kr_keyring_sealing_by_hint(keyring, entry, i)) != NULL; i++) {
        (*tries)++;
        if (kr_slot_open(ret_content_key, entry + KR_HINT_BYTES, key->public_key, key->secret) != KR_OK) {
            continue;
        }
        kr_commitment(commitment, ret_content_key);
        if (sodium_memcmp(commitment, header->commitment, sizeof commitment) == 0) {
            return KR_OK;
        }
    }
    return KR_DECRYPT;
}

static enum kr_err find_content_key(struct kr_slice slots, const struct kr_header *header, const struct kr_keyring *keyring,
                                    uint8_t ret_content_key[static 32])
{
    struct kr_reader reader;
    uint32_t count;
    uint32_t tries = 0;
    bool is_found = false;
    enum kr_err err;

    kr_reader_init(&reader, slots.bytes, slots.len);
    count = kr_reader_array_between(&reader, 1, KR_SLOTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct kr_slice entry = kr_reader_bin(&reader, SLOT_ENTRY_BYTES, SLOT_ENTRY_BYTES);

        if (reader.err == KR_OK && !is_found) {
            is_found = try_slot(entry.bytes, header, keyring, &tries, ret_content_key) == KR_OK;
        }
    }
    kr_reader_close(&reader);
    err = kr_reader_end(&reader);
    if (err == KR_OK && !is_found) {
        err = tries > 0 ? KR_DECRYPT : KR_NOT_FOUND;
    }
    return err;
}

/* Takes the content out of BE32 length ‖ inner ‖ zeros. */
static enum kr_err read_padded(const uint8_t *padded, size_t len, const uint8_t author[static 32], struct kr_slice *ret_content)
{
    size_t inner_len = (size_t)padded[0] << 24 | (size_t)padded[1] << 16 | (size_t)padded[2] << 8 | (size_t)padded[3];
    struct kr_reader reader;
    struct kr_slice content;
    uint8_t inner_author[32];
    enum kr_err err;

    if (inner_len > len - 4 || !sodium_is_zero(padded + 4 + inner_len, len - 4 - inner_len)) {
        return KR_MALFORMED;
    }
    kr_reader_init(&reader, padded + 4, inner_len);
    kr_reader_array(&reader, 2);
    kr_reader_fixed(&reader, inner_author, sizeof inner_author);
    content = kr_reader_bin(&reader, 1, KR_BODY_BYTES_MAX);
    kr_reader_close(&reader);
    err = kr_reader_end(&reader);
    if (err == KR_OK && memcmp(inner_author, author, sizeof inner_author) != 0) {
        err = KR_DECRYPT; /* somebody re-signed another's ciphertext as their own */
    }
    if (err == KR_OK) {
        *ret_content = content;
    }
    return err;
}

static enum kr_err open_sealed(const struct kr_record *record, const struct kr_header *header, const struct kr_keyring *keyring,
                               uint8_t **ret_content, size_t *ret_len)
{
    size_t class_bytes = kr_pad_class_bytes(header->pad_class);
    uint8_t content_key[KR_CONTENT_KEY_BYTES] = {0};
    uint8_t *padded = NULL;
    struct kr_slice content;
    enum kr_err err;

    if (class_bytes == 0 || record->body.len != class_bytes + KR_AEAD_BYTES) {
        return KR_MALFORMED;
    }
    err = find_content_key(record->slots, header, keyring, content_key);
    if (err != KR_OK) {
        goto out;
    }
    padded = malloc(class_bytes);
    if (padded == NULL) {
        err = KR_NOMEM;
        goto out;
    }
    err = kr_aead_open(padded, record->body.bytes, record->body.len, record->header.bytes, header->ad_len, header->nonce,
                       content_key);
    if (err != KR_OK) {
        goto out;
    }
    err = read_padded(padded, class_bytes, header->author, &content);
    if (err != KR_OK) {
        goto out;
    }
    memmove(padded, content.bytes, content.len);
    *ret_content = padded;
    *ret_len = content.len;
    padded = NULL;
out:
    sodium_memzero(content_key, sizeof content_key);
    free(padded);
    return err;
}

enum kr_err kr_record_open(const struct kr_record *record, const struct kr_header *header, const struct kr_keyring *keyring,
                           uint8_t **ret_content, size_t *ret_len)
{
    uint8_t *copy;

    if (header->format != KR_RECORD_FORMAT) {
        return KR_VERSION;
    }
    if (record->is_header_only) {
        return KR_NOT_FOUND;
    }
    if (kr_label_is_sealed(header->label)) {
        return open_sealed(record, header, keyring, ret_content, ret_len);
    }
    copy = malloc(record->body.len);
    if (copy == NULL) {
        return KR_NOMEM;
    }
    memcpy(copy, record->body.bytes, record->body.len);
    *ret_content = copy;
    *ret_len = record->body.len;
    return KR_OK;
}
