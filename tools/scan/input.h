/* A log as a stream of bytes: a file, compressed or not, or standard input. Memory is bounded whatever is in it. */
#ifndef KR_TOOLS_SCAN_INPUT_H
#define KR_TOOLS_SCAN_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "proto/codec/reader.h"

enum kr_input_kind {
    KR_INPUT_PLAIN = 0,
    KR_INPUT_GZIP = 1,    /* RFC 1952, also several members one behind the other */
    KR_INPUT_ZSTD = 2,    /* RFC 8878, windows up to 8 MiB */
    KR_INPUT_FOREIGN = 3, /* bzip2, xz, zip, 7z: read as they are, which finds nothing */
};

struct kr_input;

/* "-" is standard input. KR_IO, KR_INVALID (a directory or a device), KR_MALFORMED (damaged from the beginning), KR_NOMEM; with a
 * sentence in `error`. */
enum kr_err kr_input_open(const char *path, struct kr_input **ret, struct kr_error *error) KR_WARN_UNUSED;
void kr_input_close(struct kr_input *input);

enum kr_input_kind kr_input_kind(const struct kr_input *input);
/* Its first bytes, decompressed; at most 8 KiB. They come again when it is read. Borrowed from the input. */
struct kr_slice kr_input_peek(const struct kr_input *input);
/* A regular file that is not compressed can be read anywhere (pread), by several at once; -1 for others. */
int kr_input_place(const struct kr_input *input);
/* On disk; 0: not known. */
uint64_t kr_input_bytes(const struct kr_input *input);
/* Read so far, on disk. */
uint64_t kr_input_consumed(const struct kr_input *input);

/* Fills `room` bytes; of a pipe, gives what is there. Nothing only at the end. KR_MALFORMED where compressed data is damaged: what
 * came before was given. */
enum kr_err kr_input_read(struct kr_input *input, uint8_t *to, size_t room, size_t *ret_len, struct kr_error *error) KR_WARN_UNUSED;

#endif
