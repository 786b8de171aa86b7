/* The bounded writer: packs the canonical subset with msgpack-c into a growing buffer whose maximum is set at init.
 * Sticky error like the reader's: KR_BOUNDS past the maximum, KR_NOMEM; kr_writer_finish reports it. */
#ifndef KR_PROTO_CODEC_WRITER_H
#define KR_PROTO_CODEC_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "proto/codec/reader.h"

struct kr_writer {
    uint8_t *bytes;
    size_t len, capacity, max;
    enum kr_err err;
};

void kr_writer_init(struct kr_writer *writer, size_t max);
void kr_writer_deinit(struct kr_writer *writer); /* also half-built; may be called twice */
void kr_writer_clear(struct kr_writer *writer);  /* empty again, in the memory that it has */

void kr_writer_array(struct kr_writer *writer, uint32_t count);
void kr_writer_uint(struct kr_writer *writer, uint64_t value);
void kr_writer_flag(struct kr_writer *writer, bool value);
void kr_writer_bin(struct kr_writer *writer, const void *bytes, size_t len);
void kr_writer_str(struct kr_writer *writer, const char *text); /* NUL-terminated; NULL writes "" */
void kr_writer_str_slice(struct kr_writer *writer, struct kr_slice text);
void kr_writer_slice(struct kr_writer *writer, struct kr_slice bin);           /* as bin */
void kr_writer_raw(struct kr_writer *writer, const void *encoded, size_t len); /* already encoded elements */

/* KR_OK where everything fitted. The bytes stay the writer's. */
enum kr_err kr_writer_finish(const struct kr_writer *writer) KR_WARN_UNUSED;
/* Hands the bytes over (free() them) and leaves the writer empty. */
enum kr_err kr_writer_take(struct kr_writer *writer, uint8_t **ret_bytes, size_t *ret_len) KR_WARN_UNUSED;

#endif
