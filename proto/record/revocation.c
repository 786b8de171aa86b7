#include "proto/record/revocation.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"

uint32_t kr_revocation_page(const uint8_t name[static KR_REVOKED_NAME_BYTES], uint32_t pages)
{
    return ((uint32_t)name[0] << 8 | name[1]) * pages >> 16;
}

/* Ascending, each once, and none that another page would be asked about. */
static bool are_in_order(const struct kr_revocation *revocation)
{
    const struct kr_slice names = revocation->names;
    for (size_t at = 0; at < names.len; at += KR_REVOKED_NAME_BYTES) {
        if (kr_revocation_page(names.bytes + at, revocation->pages) != revocation->page ||
            (at > 0 && memcmp(names.bytes + at - KR_REVOKED_NAME_BYTES, names.bytes + at, KR_REVOKED_NAME_BYTES) >= 0)) {
            return false;
        }
    }
    return true;
}

enum kr_err kr_revocation_parse(struct kr_slice content, struct kr_revocation *ret_revocation)
{
    struct kr_revocation revocation;
    struct kr_reader reader;
    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 7);
    kr_reader_fixed(&reader, revocation.key, sizeof revocation.key);
    revocation.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    revocation.made_ms = kr_reader_uint(&reader, UINT64_MAX);
    revocation.page = (uint32_t)kr_reader_uint(&reader, KR_REVOKED_PAGES_MAX - 1);
    revocation.pages = (uint32_t)kr_reader_uint(&reader, KR_REVOKED_PAGES_MAX);
    revocation.names = kr_reader_bin(&reader, 0, KR_REVOKED_NAMES_MAX * KR_REVOKED_NAME_BYTES);
    revocation.previous = kr_reader_bin_or_empty(&reader, 32);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK &&
        (revocation.page >= revocation.pages || revocation.names.len % KR_REVOKED_NAME_BYTES != 0 || !are_in_order(&revocation))) {
        err = KR_MALFORMED;
    }
    if (err == KR_OK) {
        *ret_revocation = revocation;
    }
    return err;
}

void kr_revocation_write(const struct kr_revocation *revocation, struct kr_writer *writer)
{
    kr_writer_array(writer, 7);
    kr_writer_bin(writer, revocation->key, sizeof revocation->key);
    kr_writer_uint(writer, revocation->since_ms);
    kr_writer_uint(writer, revocation->made_ms);
    kr_writer_uint(writer, revocation->page);
    kr_writer_uint(writer, revocation->pages);
    kr_writer_slice(writer, revocation->names);
    kr_writer_slice(writer, revocation->previous);
}

void kr_revocation_subject(uint8_t ret_subject[static 32], const uint8_t key[static 32], uint32_t page)
{
    kr_hash(ret_subject, "kairan revoked key", key, 32);
    ret_subject[31] = (uint8_t)page;
}

void kr_revocation_name(uint8_t ret_name[static KR_REVOKED_NAME_BYTES], const uint8_t key[static 32], const uint8_t id[static 32])
{
    uint8_t both[64], hash[KR_HASH_BYTES];
    memcpy(both, key, 32);
    memcpy(both + 32, id, 32);
    kr_hash(hash, "kairan revoked name", both, sizeof both);
    memcpy(ret_name, hash, KR_REVOKED_NAME_BYTES);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, KR_REVOKED_NAME_BYTES);
}

bool kr_revocation_names(struct kr_slice names, const uint8_t name[static KR_REVOKED_NAME_BYTES])
{
    return names.len > 0 && bsearch(name, names.bytes, names.len / KR_REVOKED_NAME_BYTES, KR_REVOKED_NAME_BYTES, compare) != NULL;
}
