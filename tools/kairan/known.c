#include "tools/kairan/known.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/private_file.h"
#include "tools/kairan/person_key.h"

#define VERSION        1u
#define FILE_BYTES_MAX (16u + KR_KNOWN_MAX * 112u)

static enum kr_err read_items(struct kr_slice bytes, struct kr_known *known)
{
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    const bool is_ours = kr_reader_uint(&reader, UINT32_MAX) == VERSION;
    const uint32_t count = kr_reader_array_between(&reader, 0, KR_KNOWN_MAX);
    for (uint32_t i = 0; i < count && reader.err == KR_OK; i++) {
        struct kr_addressed *one = &known->items[i];
        kr_reader_array(&reader, 4);
        one->sort = (uint32_t)kr_reader_uint(&reader, KR_ADDRESSED_PERSON);
        kr_reader_fixed(&reader, one->council, 32);
        kr_reader_fixed(&reader, one->id, 32);
        kr_reader_fixed(&reader, one->key, 32);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK || !is_ours) {
        return KR_CORRUPT;
    }
    known->count = count;
    return KR_OK;
}

enum kr_err kr_known_load(const uint8_t council[static 32], struct kr_known **ret_known, struct kr_error *error)
{
    struct kr_known *known = calloc(1, sizeof *known);
    uint8_t *bytes = malloc(FILE_BYTES_MAX);
    size_t len = 0;
    enum kr_err err = known == NULL || bytes == NULL ? KR_NOMEM : kr_person_file_path(council, "known", known->path, error);
    if (err == KR_OK) {
        err = kr_private_file_read(known->path, bytes, FILE_BYTES_MAX, &len, error);
        if (err == KR_OK && read_items((struct kr_slice){bytes, len}, known) != KR_OK) {
            err =
                kr_fail(error, KR_CORRUPT, "%s is damaged: move it aside, and compare all keys anew (kairan key ls)", known->path);
        }
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    free(bytes);
    if (err != KR_OK) {
        free(known);
        return err;
    }
    *ret_known = known;
    return KR_OK;
}

static uint32_t place_of(const struct kr_known *known, const struct kr_addressed *one)
{
    uint32_t i = 0;
    while (i < known->count && (known->items[i].sort != one->sort || memcmp(known->items[i].council, one->council, 32) != 0 ||
                                memcmp(known->items[i].id, one->id, 32) != 0)) {
        i++;
    }
    return i;
}

enum kr_known_state kr_known_find(const struct kr_known *known, const struct kr_addressed *one, uint8_t ret_former[static 32])
{
    const uint32_t at = place_of(known, one);
    if (at == known->count) {
        return KR_KNOWN_NEW;
    }
    memcpy(ret_former, known->items[at].key, 32);
    return memcmp(known->items[at].key, one->key, 32) == 0 ? KR_KNOWN_SAME : KR_KNOWN_CHANGED;
}

void kr_known_put(struct kr_known *known, const struct kr_addressed *one)
{
    const struct kr_addressed kept = *one;
    uint32_t at = place_of(known, &kept);
    if (at == known->count && known->count < KR_KNOWN_MAX) {
        known->items[known->count++] = kept;
        return;
    }
    at = at == known->count ? 0 : at;
    memmove(&known->items[at], &known->items[at + 1], (known->count - at - 1) * sizeof known->items[0]);
    known->items[known->count - 1] = kept;
}

enum kr_err kr_known_save(const struct kr_known *known, struct kr_error *error)
{
    struct kr_writer writer;
    kr_writer_init(&writer, FILE_BYTES_MAX);
    kr_writer_array(&writer, 2);
    kr_writer_uint(&writer, VERSION);
    kr_writer_array(&writer, known->count);
    for (uint32_t i = 0; i < known->count; i++) {
        const struct kr_addressed *one = &known->items[i];
        kr_writer_array(&writer, 4);
        kr_writer_uint(&writer, one->sort);
        kr_writer_bin(&writer, one->council, 32);
        kr_writer_bin(&writer, one->id, 32);
        kr_writer_bin(&writer, one->key, 32);
    }
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_person_file_folders(known->path, error);
    }
    if (err == KR_OK) {
        err = kr_private_file_write(known->path, writer.bytes, writer.len, true, error);
    }
    kr_writer_deinit(&writer);
    return err;
}
