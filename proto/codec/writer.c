#include "proto/codec/writer.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

/* Large enough for every small message in one allocation (a ticket's payload too, so that its secret is never left behind by a
 * move). */
#define FIRST_CAPACITY 512u

void kr_writer_init(struct kr_writer *writer, size_t max)
{
    *writer = (struct kr_writer){.max = max};
}

void kr_writer_deinit(struct kr_writer *writer)
{
    free(writer->bytes);
    *writer = (struct kr_writer){.max = writer->max};
}

void kr_writer_clear(struct kr_writer *writer)
{
    writer->len = 0;
    writer->err = KR_OK;
}

static bool reserve(struct kr_writer *writer, size_t more)
{
    size_t capacity = writer->capacity > 0 ? writer->capacity : FIRST_CAPACITY;
    uint8_t *bytes;

    if (more > writer->max - writer->len) {
        writer->err = KR_BOUNDS;
        return false;
    }
    if (more <= writer->capacity - writer->len) {
        return true;
    }
    while (capacity - writer->len < more) {
        capacity = capacity > writer->max / 2 ? writer->max : capacity * 2;
    }
    if (capacity > writer->max) {
        capacity = writer->max;
    }
    bytes = realloc(writer->bytes, capacity);
    if (bytes == NULL) {
        writer->err = KR_NOMEM;
        return false;
    }
    writer->bytes = bytes;
    writer->capacity = capacity;
    return true;
}

/* msgpack-c's write callback. It stops packing on -1; our own error is sticky anyway. */
static int append(void *context, const char *bytes, size_t len)
{
    struct kr_writer *writer = context;

    if (writer->err != KR_OK || !reserve(writer, len)) {
        return -1;
    }
    if (len > 0) {
        memcpy(writer->bytes + writer->len, bytes, len);
        writer->len += len;
    }
    return 0;
}

static msgpack_packer packer(struct kr_writer *writer)
{
    return (msgpack_packer){.data = writer, .callback = append};
}

void kr_writer_array(struct kr_writer *writer, uint32_t count)
{
    msgpack_packer pk = packer(writer);

    (void)msgpack_pack_array(&pk, count);
}

void kr_writer_uint(struct kr_writer *writer, uint64_t value)
{
    msgpack_packer pk = packer(writer);

    (void)msgpack_pack_uint64(&pk, value);
}

void kr_writer_flag(struct kr_writer *writer, bool value)
{
    kr_writer_uint(writer, value ? 1 : 0);
}

void kr_writer_bin(struct kr_writer *writer, const void *bytes, size_t len)
{
    msgpack_packer pk = packer(writer);

    if (len > writer->max) { /* also keeps the length within msgpack's 32 bits wherever `max` is */
        kr_writer_raw(writer, bytes, len);
        return;
    }
    (void)msgpack_pack_bin(&pk, len);
    (void)append(writer, bytes, len);
}

void kr_writer_str(struct kr_writer *writer, const char *text)
{
    kr_writer_str_slice(writer, (struct kr_slice){.bytes = (const uint8_t *)text, .len = text != NULL ? strlen(text) : 0});
}

void kr_writer_str_slice(struct kr_writer *writer, struct kr_slice text)
{
    msgpack_packer pk = packer(writer);

    if (text.len > writer->max) {
        kr_writer_raw(writer, text.bytes, text.len);
        return;
    }
    (void)msgpack_pack_str(&pk, text.len);
    (void)append(writer, (const char *)text.bytes, text.len);
}

void kr_writer_slice(struct kr_writer *writer, struct kr_slice bin)
{
    kr_writer_bin(writer, bin.bytes, bin.len);
}

void kr_writer_raw(struct kr_writer *writer, const void *encoded, size_t len)
{
    (void)append(writer, encoded, len);
}

enum kr_err kr_writer_finish(const struct kr_writer *writer)
{
    return writer->err;
}

enum kr_err kr_writer_take(struct kr_writer *writer, uint8_t **ret_bytes, size_t *ret_len)
{
    if (writer->err != KR_OK) {
        return writer->err;
    }
    *ret_bytes = writer->bytes;
    *ret_len = writer->len;
    *writer = (struct kr_writer){.max = writer->max};
    return KR_OK;
}
