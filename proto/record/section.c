#include "proto/record/section.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "proto/record/record.h"

#define SLOTS_MIN     8u
#define PAD_CLASS_MAX 20u
#define AD_BYTES      44u

_Static_assert(KR_ADDRESSED_MAX + 1u == KR_SECTION_SLOTS_MAX, "whoever submits has a slot, too");

struct parsed {
    uint8_t commitment[32];
    uint32_t slot_count;
    struct kr_slice slots[KR_SECTION_SLOTS_MAX], box;
};

static const uint8_t nonce[KR_NONCE_BYTES];

void kr_section_deinit(struct kr_section *section)
{
    if (section->bytes != NULL) {
        sodium_memzero(section->bytes, section->len);
    }
    free(section->bytes);
    *section = (struct kr_section){0};
}

bool kr_section_is_due(enum kr_label label, uint32_t kind)
{
    return kr_label_is_for_people(label) && (kind == KR_KIND_REPORT || kind == KR_KIND_ADVISORY);
}

static void put_be32(uint8_t *ret, size_t number)
{
    for (unsigned i = 0; i < 4; i++) {
        ret[i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

static void associated(const struct kr_section_of *of, uint8_t ret_ad[static AD_BYTES])
{
    memcpy(ret_ad, of->author, 32);
    put_be32(ret_ad + 32, of->kind);
    put_be32(ret_ad + 36, (size_t)of->label);
    put_be32(ret_ad + 40, of->flags);
}

static void commit(uint8_t ret_commitment[static 32], const uint8_t key[static 32])
{
    kr_hash(ret_commitment, "kairan section key", key, KR_CONTENT_KEY_BYTES);
}

/* ---- making ---- */

static int by_slot(const void *a, const void *b)
{
    return memcmp(a, b, KR_SLOT_BYTES);
}

/* One for each, and as many that open for nobody as fill up the next number. */
static enum kr_err seal_slots(const struct kr_addressed *addressed, uint32_t count, const uint8_t *own,
                              const uint8_t key[static 32], struct kr_rng *rng, struct kr_writer *writer)
{
    uint8_t slots[KR_SECTION_SLOTS_MAX][KR_SLOT_BYTES], seed[32], nobody[32], secret[32];
    const uint32_t wanted = count + (own != NULL);
    uint32_t total = SLOTS_MIN;
    enum kr_err err = KR_OK;
    while (total < wanted) {
        total *= 2;
    }
    for (uint32_t i = 0; i < total && err == KR_OK; i++) {
        kr_rng_bytes(rng, seed, sizeof seed);
        kr_box_keypair(nobody, secret, seed);
        kr_rng_bytes(rng, seed, sizeof seed);
        err = kr_slot_seal(slots[i], key, i < count ? addressed[i].key : i < wanted ? own : nobody, seed);
    }
    if (err == KR_OK) {
        qsort(slots, total, KR_SLOT_BYTES, by_slot);
        kr_writer_array(writer, total);
        for (uint32_t i = 0; i < total; i++) {
            kr_writer_bin(writer, slots[i], KR_SLOT_BYTES);
        }
    }
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(secret, sizeof secret);
    return err;
}

static enum kr_err write_inside(const struct kr_addressed *addressed, uint32_t count, struct kr_slice content,
                                struct kr_writer *inside)
{
    kr_writer_array(inside, 2);
    kr_writer_array(inside, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_array(inside, 3);
        kr_writer_uint(inside, addressed[i].sort);
        kr_writer_bin(inside, addressed[i].council, 32);
        kr_writer_bin(inside, addressed[i].id, 32);
    }
    kr_writer_slice(inside, content);
    return kr_writer_finish(inside);
}

static enum kr_err seal_box(const struct kr_section_of *of, const struct kr_writer *inside, const uint8_t key[static 32],
                            struct kr_writer *writer)
{
    uint8_t ad[AD_BYTES];
    const uint32_t pad_class = kr_pad_class(inside->len);
    const size_t padded_len = kr_pad_class_bytes(pad_class);
    if (pad_class == 0 || pad_class > PAD_CLASS_MAX) {
        return KR_BOUNDS;
    }
    uint8_t *padded = calloc(1, padded_len + KR_AEAD_BYTES);
    if (padded == NULL) {
        return KR_NOMEM;
    }
    put_be32(padded, inside->len);
    memcpy(padded + 4, inside->bytes, inside->len);
    associated(of, ad);
    kr_aead_seal(padded, padded, padded_len, ad, sizeof ad, nonce, key);
    kr_writer_bin(writer, padded, padded_len + KR_AEAD_BYTES);
    free(padded);
    return KR_OK;
}

enum kr_err kr_section_make(const struct kr_section_of *of, const struct kr_addressed *addressed, uint32_t count,
                            const uint8_t *own, struct kr_slice content, const uint8_t seed[static 32], struct kr_writer *writer)
{
    uint8_t key[KR_CONTENT_KEY_BYTES], commitment[32];
    struct kr_writer inside;
    struct kr_rng rng;
    if (count == 0 || content.len == 0) {
        return KR_INVALID;
    }
    if (count > KR_ADDRESSED_MAX) {
        return KR_BOUNDS;
    }
    kr_rng_init(&rng, seed);
    kr_rng_bytes(&rng, key, sizeof key);
    kr_writer_init(&inside, KR_BODY_BYTES_MAX);
    enum kr_err err = write_inside(addressed, count, content, &inside);
    if (err == KR_OK) {
        commit(commitment, key);
        kr_writer_array(writer, 3);
        kr_writer_bin(writer, commitment, sizeof commitment);
        err = seal_slots(addressed, count, own, key, &rng, writer);
    }
    if (err == KR_OK) {
        err = seal_box(of, &inside, key, writer);
    }
    if (err == KR_OK) {
        err = kr_writer_finish(writer);
    }
    if (inside.bytes != NULL) {
        sodium_memzero(inside.bytes, inside.len);
    }
    kr_writer_deinit(&inside);
    sodium_memzero(key, sizeof key);
    sodium_memzero(&rng, sizeof rng);
    return err;
}

/* ---- reading ---- */

static bool is_class(size_t len)
{
    for (uint32_t pad_class = 1; pad_class <= PAD_CLASS_MAX; pad_class++) {
        if (len == kr_pad_class_bytes(pad_class) + KR_AEAD_BYTES) {
            return true;
        }
    }
    return false;
}

static enum kr_err parse(struct kr_slice bytes, struct parsed *ret)
{
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    kr_reader_fixed(&reader, ret->commitment, sizeof ret->commitment);
    ret->slot_count = kr_reader_array_between(&reader, SLOTS_MIN, KR_SECTION_SLOTS_MAX);
    if ((ret->slot_count & (ret->slot_count - 1)) != 0) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    for (uint32_t i = 0; i < ret->slot_count; i++) {
        ret->slots[i] = kr_reader_bin(&reader, KR_SLOT_BYTES, KR_SLOT_BYTES);
        if (reader.err == KR_OK && i > 0 && memcmp(ret->slots[i - 1].bytes, ret->slots[i].bytes, KR_SLOT_BYTES) >= 0) {
            kr_reader_fail(&reader, KR_MALFORMED); /* in any other order they could tell whose they are */
        }
    }
    kr_reader_close(&reader);
    ret->box = kr_reader_bin(&reader, 1, KR_BODY_BYTES_MAX);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && !is_class(ret->box.len)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    return kr_reader_end(&reader);
}

enum kr_err kr_section_check(struct kr_slice bytes)
{
    struct parsed parsed;
    enum kr_err err = parse(bytes, &parsed);
    return err == KR_OK || err == KR_NOMEM ? err : KR_MALFORMED;
}

static enum kr_err find_key(const struct parsed *parsed, const struct kr_box_pair *keys, size_t count, uint8_t ret_key[static 32])
{
    uint8_t commitment[32];
    bool was_opened = false;
    for (uint32_t i = 0; i < parsed->slot_count; i++) {
        for (size_t j = 0; j < count; j++) {
            if (kr_slot_open(ret_key, parsed->slots[i].bytes, keys[j].public_key, keys[j].secret) != KR_OK) {
                continue;
            }
            was_opened = true;
            commit(commitment, ret_key);
            if (sodium_memcmp(commitment, parsed->commitment, sizeof commitment) == 0) {
                return KR_OK;
            }
        }
    }
    return was_opened ? KR_DECRYPT : KR_NOT_FOUND;
}

static enum kr_err read_inside(struct kr_slice inside, struct kr_section *ret)
{
    struct kr_reader reader;
    kr_reader_init(&reader, inside.bytes, inside.len);
    kr_reader_array(&reader, 2);
    ret->addressed_count = kr_reader_array_between(&reader, 1, KR_ADDRESSED_MAX);
    for (uint32_t i = 0; i < ret->addressed_count; i++) {
        struct kr_addressed *addressed = &ret->addressed[i];
        kr_reader_array(&reader, 3);
        addressed->sort = (uint32_t)kr_reader_uint(&reader, KR_ADDRESSED_PERSON);
        kr_reader_fixed(&reader, addressed->council, 32);
        kr_reader_fixed(&reader, addressed->id, 32);
        kr_reader_close(&reader);
        if (reader.err == KR_OK && addressed->sort < KR_ADDRESSED_BODY) {
            kr_reader_fail(&reader, KR_MALFORMED);
        }
    }
    kr_reader_close(&reader);
    ret->content = kr_reader_bin(&reader, 1, KR_BODY_BYTES_MAX);
    kr_reader_close(&reader);
    return kr_reader_end(&reader);
}

static enum kr_err open_box(const struct parsed *parsed, const struct kr_section_of *of, const uint8_t key[static 32],
                            struct kr_section *section)
{
    uint8_t ad[AD_BYTES];
    section->len = parsed->box.len - KR_AEAD_BYTES;
    section->bytes = malloc(section->len);
    if (section->bytes == NULL) {
        return KR_NOMEM;
    }
    associated(of, ad);
    enum kr_err err = kr_aead_open(section->bytes, parsed->box.bytes, parsed->box.len, ad, sizeof ad, nonce, key);
    if (err != KR_OK) {
        return err;
    }
    const uint8_t *padded = section->bytes;
    const size_t len = (size_t)padded[0] << 24 | (size_t)padded[1] << 16 | (size_t)padded[2] << 8 | (size_t)padded[3];
    if (len > section->len - 4 || !sodium_is_zero(padded + 4 + len, section->len - 4 - len)) {
        return KR_MALFORMED;
    }
    err = read_inside((struct kr_slice){padded + 4, len}, section);
    return err == KR_OK ? KR_OK : KR_MALFORMED;
}

enum kr_err kr_section_open(struct kr_slice bytes, const struct kr_section_of *of, const struct kr_box_pair *keys, size_t count,
                            struct kr_section *ret_section)
{
    struct parsed parsed;
    struct kr_section section = {0};
    uint8_t key[KR_CONTENT_KEY_BYTES] = {0};
    enum kr_err err = parse(bytes, &parsed);
    if (err != KR_OK) {
        return KR_MALFORMED;
    }
    err = find_key(&parsed, keys, count, key);
    if (err == KR_OK) {
        err = open_box(&parsed, of, key, &section);
    }
    sodium_memzero(key, sizeof key);
    if (err != KR_OK) {
        kr_section_deinit(&section);
        return err;
    }
    *ret_section = section;
    return KR_OK;
}
