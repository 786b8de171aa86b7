/* Councils, records, and records that a key signed but that no honest node would make. For tests, vectors and corpora: everything
 * follows from small numbers, so that the same call gives the same bytes for ever. */
#ifndef KR_TEST_FORGE_H
#define KR_TEST_FORGE_H

#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "proto/record/record.h"

#define CREATED_MS UINT64_C(1751328000123) /* 2025-07-01 */
#define EXPIRES_S  UINT64_C(1759276800)    /* 2025-10-01 */

/* The fields of a header by their place in the array. */
enum field {
    FIELD_KIND,
    FIELD_CREATED,
    FIELD_EXPIRES,
    FIELD_LABEL,
    FIELD_COMMUNITY,
    FIELD_AUDIENCE,
    FIELD_RELAY,
    FIELD_FLAGS,
    FIELD_SUBJECT,
    FIELD_VERSION,
    FIELD_TARGET,
    FIELD_NONCE,
    FIELD_PAD_CLASS,
    FIELD_COMMITMENT,
    FIELD_SLOTS_HASH,
    FIELD_BODY_HASH,
    FIELD_COUNT,
};

struct bytes {
    uint8_t *at;
    size_t len;
};

struct council {
    uint8_t id[32];
    uint8_t node_public[32], node_secret[64];
    struct kr_keyring keyring; /* only its sealing keys are used here */
};

static inline struct kr_slice slice(const void *bytes, size_t len)
{
    return (struct kr_slice){.bytes = bytes, .len = len};
}

static inline struct kr_slice text_slice(const char *text)
{
    return slice(text, strlen(text));
}

/* A council whose every key follows from `number`. */
static inline void council_init(struct council *council, uint8_t number)
{
    uint8_t seed[32] = {number, 1};

    memset(council, 0, sizeof *council);
    memset(council->id, number, sizeof council->id);
    kr_sign_keypair(council->node_public, council->node_secret, seed);
    seed[1] = 2;
    council->keyring.sealing_count = 1;
    kr_box_keypair(council->keyring.sealing[0].public_key, council->keyring.sealing[0].secret, seed);
}

/* A draft that is right for its label; for sealed ones `readers` (one or more) are addressed. */
static inline struct kr_draft draft_for(enum kr_label label, const struct council *const *readers, uint32_t reader_count,
                                        const char *content)
{
    static uint8_t audience[KR_AUDIENCE_MAX][32];
    static uint8_t recipients[KR_AUDIENCE_MAX][32];
    static const uint8_t community[32] = {0xc0, 0xff, 0xee};
    struct kr_draft draft = {
        .kind = KR_KIND_REPORT,
        .created_ms = CREATED_MS,
        .expires_s = EXPIRES_S,
        .label = label,
        .community = label == KR_TLP_GREEN ? community : NULL,
        .content = text_slice(content),
    };

    if (kr_label_is_sealed(label)) {
        for (uint32_t i = 0; i < reader_count; i++) {
            memcpy(audience[i], readers[i]->id, 32);
            memcpy(recipients[i], readers[i]->keyring.sealing[0].public_key, 32);
        }
        draft.audience = (const uint8_t(*)[32])audience;
        draft.recipients = (const uint8_t(*)[32])recipients;
        draft.audience_count = draft.recipient_count = reader_count;
    }
    return draft;
}

static inline struct bytes make_record(const struct kr_draft *draft, const struct council *author)
{
    static const uint8_t seed[32] = {42};
    struct bytes record = {0};
    uint8_t id[32];

    KR_ASSERT(kr_record_make(draft, author->id, author->node_secret, seed, &record.at, &record.len, id) == KR_OK);
    return record;
}

/* Packs and signs whatever it is given. */
static inline struct bytes sign_parts(struct kr_slice header, struct kr_slice slots, struct kr_slice body,
                                      const struct council *author)
{
    struct bytes record = {0};
    struct kr_writer writer;
    uint8_t id[32];
    uint8_t signature[64];

    kr_hash(id, "kairan record id", header.bytes, header.len);
    kr_sign(signature, author->node_secret, "kairan record sig", id, sizeof id);
    kr_writer_init(&writer, 2 * KR_RECORD_BYTES_MAX);
    kr_writer_array(&writer, 4);
    kr_writer_slice(&writer, header);
    kr_writer_slice(&writer, slots);
    kr_writer_slice(&writer, body);
    kr_writer_bin(&writer, signature, sizeof signature);
    KR_ASSERT(kr_writer_take(&writer, &record.at, &record.len) == KR_OK);
    return record;
}

/* A header like `header`, but with one field (none: FIELD_COUNT) replaced by other encoded bytes, with fields appended (`extra`,
 * encoded, `extra_count` of them), and with another format version. */
static inline struct bytes forge_header(struct kr_slice header, enum field replaced, struct kr_slice by, uint8_t format,
                                        struct kr_slice extra, uint32_t extra_count)
{
    struct bytes forged = {0};
    struct kr_reader reader;
    struct kr_writer writer;

    kr_reader_init(&reader, header.bytes + KR_RECORD_PREFIX_BYTES, header.len - KR_RECORD_PREFIX_BYTES);
    kr_writer_init(&writer, 64 * KR_KIB);
    kr_writer_raw(&writer, &format, 1);
    kr_writer_raw(&writer, header.bytes + 1, KR_RECORD_PREFIX_BYTES - 1);
    kr_reader_array(&reader, FIELD_COUNT);
    kr_writer_array(&writer, FIELD_COUNT + extra_count);
    for (enum field field = FIELD_KIND; field < FIELD_COUNT; field++) {
        struct kr_slice raw = kr_reader_raw(&reader);

        raw = field == replaced ? by : raw;
        kr_writer_raw(&writer, raw.bytes, raw.len);
    }
    kr_writer_raw(&writer, extra.bytes, extra.len);
    kr_reader_close(&reader);
    KR_ASSERT(kr_reader_end(&reader) == KR_OK);
    KR_ASSERT(kr_writer_take(&writer, &forged.at, &forged.len) == KR_OK);
    return forged;
}

static inline struct bytes encoded_uint(uint64_t value)
{
    struct bytes encoded = {0};
    struct kr_writer writer;

    kr_writer_init(&writer, 16);
    kr_writer_uint(&writer, value);
    KR_ASSERT(kr_writer_take(&writer, &encoded.at, &encoded.len) == KR_OK);
    return encoded;
}

static inline struct bytes encoded_bin(const void *bytes, size_t len)
{
    struct bytes encoded = {0};
    struct kr_writer writer;

    kr_writer_init(&writer, len + 8);
    kr_writer_bin(&writer, bytes, len);
    KR_ASSERT(kr_writer_take(&writer, &encoded.at, &encoded.len) == KR_OK);
    return encoded;
}

/* A record to `reader` whose sealed text is `padded`, of exactly the size class of a short content: right in all but what it says
 * inside. */
static inline struct bytes seal_anything(const uint8_t *padded, size_t class_bytes, const struct council *author,
                                         const struct council *reader)
{
    static const uint8_t content_key[32] = {0xaa};
    static const uint8_t seed[32] = {5};
    struct kr_draft draft = draft_for(KR_TLP_AMBER, &reader, 1, "content");
    struct bytes original = make_record(&draft, author);
    struct bytes body = {.at = malloc(class_bytes + KR_AEAD_BYTES), .len = class_bytes + KR_AEAD_BYTES};
    struct kr_record record;
    struct kr_header header;
    struct kr_writer slots, head;
    uint8_t commitment[32], hash[32], entry[KR_HINT_BYTES + KR_SLOT_BYTES];
    struct bytes field, forged, result;

    KR_ASSERT(kr_record_split(original.at, original.len, &record) == KR_OK);
    KR_ASSERT(kr_header_parse(record.header, &header) == KR_OK);
    KR_ASSERT(body.at != NULL && kr_pad_class_bytes(header.pad_class) == class_bytes);
    kr_commitment(commitment, content_key);
    field = encoded_bin(commitment, 32);
    forged = forge_header(record.header, FIELD_COMMITMENT, slice(field.at, field.len), 1, (struct kr_slice){0}, 0);
    kr_aead_seal(body.at, padded, class_bytes, forged.at, header.ad_len, header.nonce, content_key);
    kr_hint(entry, reader->keyring.sealing[0].public_key);
    KR_ASSERT(kr_slot_seal(entry + KR_HINT_BYTES, content_key, reader->keyring.sealing[0].public_key, seed) == KR_OK);
    kr_writer_init(&slots, 256);
    kr_writer_array(&slots, 1);
    kr_writer_bin(&slots, entry, sizeof entry);
    kr_writer_init(&head, KR_HEADER_BYTES_MAX);
    kr_writer_raw(&head, forged.at, header.ad_len);
    kr_hash(hash, "kairan slots", slots.bytes, slots.len);
    kr_writer_bin(&head, hash, sizeof hash);
    kr_hash(hash, "kairan body", body.at, body.len);
    kr_writer_bin(&head, hash, sizeof hash);
    result = sign_parts(slice(head.bytes, head.len), slice(slots.bytes, slots.len), slice(body.at, body.len), author);
    kr_writer_deinit(&slots);
    kr_writer_deinit(&head);
    free(body.at);
    free(forged.at);
    free(field.at);
    free(original.at);
    return result;
}

#endif
