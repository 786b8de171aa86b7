#include "proto/record/rekeying.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/sign.h"

#define DOMAIN "kairan rekeying"

void kr_rekeyings_read(struct kr_reader *reader, struct kr_rekeyings *ret_rekeyings)
{
    kr_reader_fixed(reader, ret_rekeyings->recovery_public, 32);
    const uint32_t count = kr_reader_array_between(reader, 1, KR_REKEYINGS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct kr_rekeying *item = &ret_rekeyings->items[i];
        kr_reader_array(reader, 3);
        kr_reader_fixed(reader, item->root_public, 32);
        kr_reader_fixed(reader, item->recovery_public, 32);
        kr_reader_fixed(reader, item->signature, 64);
        kr_reader_close(reader);
    }
    kr_reader_close(reader);
    ret_rekeyings->count = count;
}

void kr_rekeyings_write(const struct kr_rekeyings *rekeyings, struct kr_writer *writer)
{
    kr_writer_bin(writer, rekeyings->recovery_public, 32);
    kr_writer_array(writer, rekeyings->count);
    for (uint32_t i = 0; i < rekeyings->count; i++) {
        const struct kr_rekeying *item = &rekeyings->items[i];
        kr_writer_array(writer, 3);
        kr_writer_bin(writer, item->root_public, 32);
        kr_writer_bin(writer, item->recovery_public, 32);
        kr_writer_bin(writer, item->signature, 64);
    }
}

void kr_recovery_commitment(uint8_t ret_commitment[static 32], const uint8_t recovery_public[static 32])
{
    kr_hash(ret_commitment, "kairan recovery key", recovery_public, 32);
}

/* What the signature of the last of the first `count` is over. Returns its length. */
static size_t fill_signed(uint8_t ret_bytes[static 32 + 64 * KR_REKEYINGS_MAX], const struct kr_rekeyings *rekeyings,
                          const uint8_t council[static 32], uint32_t count)
{
    memcpy(ret_bytes, council, 32);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(ret_bytes + 32 + (size_t)64 * i, rekeyings->items[i].root_public, 32);
        memcpy(ret_bytes + 64 + (size_t)64 * i, rekeyings->items[i].recovery_public, 32);
    }
    return 32 + (size_t)64 * count;
}

static bool was_root(const struct kr_rekeyings *rekeyings, const uint8_t genesis_root[static 32], uint32_t before,
                     const uint8_t root[static 32])
{
    bool was = memcmp(genesis_root, root, 32) == 0;
    for (uint32_t i = 0; i < before; i++) {
        was = was || memcmp(rekeyings->items[i].root_public, root, 32) == 0;
    }
    return was;
}

enum kr_err kr_rekeyings_check(const struct kr_rekeyings *rekeyings, const uint8_t council[static 32],
                               const uint8_t genesis_root[static 32], const uint8_t commitment[static 32])
{
    uint8_t bytes[32 + 64 * KR_REKEYINGS_MAX], opened[32];
    const uint8_t *recovery = rekeyings->recovery_public;
    kr_recovery_commitment(opened, recovery);
    enum kr_err err = memcmp(opened, commitment, 32) == 0 ? kr_sign_public_check(recovery) : KR_KEY;
    for (uint32_t i = 0; i < rekeyings->count && err == KR_OK; i++) {
        const struct kr_rekeying *item = &rekeyings->items[i];
        const size_t len = fill_signed(bytes, rekeyings, council, i + 1);
        err = was_root(rekeyings, genesis_root, i, item->root_public) ? KR_MALFORMED : kr_sign_public_check(item->root_public);
        if (err == KR_OK) {
            err = kr_sign_public_check(item->recovery_public);
        }
        if (err == KR_OK) {
            err = kr_verify(item->signature, recovery, DOMAIN, bytes, len);
        }
        recovery = item->recovery_public;
    }
    return err;
}

static int compare_keys(const struct kr_rekeying *a, const struct kr_rekeying *b)
{
    const int roots = memcmp(a->root_public, b->root_public, 32);
    return roots != 0 ? roots : memcmp(a->recovery_public, b->recovery_public, 32);
}

int kr_rekeyings_compare(const struct kr_rekeyings *a, const struct kr_rekeyings *b)
{
    if (a->count != b->count) {
        return a->count > b->count ? 1 : -1;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const int order = compare_keys(&a->items[i], &b->items[i]);
        if (order != 0) {
            return order < 0 ? 1 : -1;
        }
    }
    return 0;
}

bool kr_rekeyings_agree(const struct kr_rekeyings *a, const struct kr_rekeyings *b)
{
    const uint32_t both = a->count < b->count ? a->count : b->count;
    bool agree = true;
    for (uint32_t i = 0; i < both; i++) {
        agree = agree && compare_keys(&a->items[i], &b->items[i]) == 0;
    }
    return agree;
}

enum kr_err kr_rekeyings_append(struct kr_rekeyings *rekeyings, const uint8_t council[static 32],
                                const uint8_t commitment[static 32], const uint8_t recovery_secret[static 64],
                                const uint8_t new_root[static 32], const uint8_t new_recovery[static 32])
{
    uint8_t bytes[32 + 64 * KR_REKEYINGS_MAX], opened[32];
    const uint8_t *recovery_public = recovery_secret + 32;
    const uint32_t count = rekeyings->count;
    if (count == KR_REKEYINGS_MAX) {
        return KR_BOUNDS;
    }
    kr_recovery_commitment(opened, recovery_public);
    if (count == 0 ? memcmp(opened, commitment, 32) != 0
                   : memcmp(recovery_public, rekeyings->items[count - 1].recovery_public, 32) != 0) {
        return KR_KEY;
    }
    if (count == 0) {
        memcpy(rekeyings->recovery_public, recovery_public, 32);
    }
    struct kr_rekeying *item = &rekeyings->items[count];
    memcpy(item->root_public, new_root, 32);
    memcpy(item->recovery_public, new_recovery, 32);
    const size_t len = fill_signed(bytes, rekeyings, council, count + 1);
    kr_sign(item->signature, recovery_secret, DOMAIN, bytes, len);
    rekeyings->count++;
    return KR_OK;
}
