#include "tools/scan/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define RAW_BYTES  (128u * 1024u)
#define PEEK_BYTES 8192u
/* 8 MiB: what RFC 8878 section 3.1.1.1.2 wants decoders to have, and levels up to 19 need. */
#define ZSTD_WINDOW_BITS 23

struct kr_input {
    int fd;
    bool is_standard, is_regular, at_end, is_finished; /* at_end: of the file; is_finished: a member or frame just ended */
    enum kr_input_kind kind;
    uint64_t bytes, consumed;
    z_stream gzip;
    ZSTD_DStream *zstd;
    size_t raw_len, raw_at;
    size_t peek_len, peek_at;
    uint8_t raw[RAW_BYTES], peek[PEEK_BYTES];
};

static enum kr_err fill(struct kr_input *input, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    ssize_t got = 0;
    do {
        got = input->at_end ? 0 : read(input->fd, input->raw, sizeof input->raw);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        err = kr_fail(error, KR_IO, "cannot be read: %s", strerror(errno));
    } else {
        input->at_end = got == 0;
        input->raw_len = (size_t)got;
        input->raw_at = 0;
        input->consumed += (uint64_t)got;
    }
    return err;
}

static enum kr_input_kind tell(const uint8_t *bytes, size_t len)
{
    static const struct {
        const char *magic;
        size_t len;
        enum kr_input_kind kind;
    } magics[] = {{"\x1f\x8b", 2, KR_INPUT_GZIP},
                  {"\x28\xb5\x2f\xfd", 4, KR_INPUT_ZSTD},
                  {"BZh", 3, KR_INPUT_FOREIGN},
                  {"\xfd"
                   "7zXZ",
                   5, KR_INPUT_FOREIGN},
                  {"PK\x03\x04", 4, KR_INPUT_FOREIGN},
                  {"7z\xbc\xaf", 4, KR_INPUT_FOREIGN}};
    enum kr_input_kind kind = KR_INPUT_PLAIN;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        kind = len >= magics[i].len && memcmp(bytes, magics[i].magic, magics[i].len) == 0 ? magics[i].kind : kind;
    }
    /* Skippable frames may stand in front of zstd's own. */
    if (len >= 4 && (bytes[0] & 0xf0) == 0x50 && memcmp(bytes + 1, "\x2a\x4d\x18", 3) == 0) {
        kind = KR_INPUT_ZSTD;
    }
    return kind;
}

static enum kr_err damaged(const struct kr_input *input, struct kr_error *error, const char *why)
{
    return kr_fail(error, KR_MALFORMED, "damaged within its first %llu bytes: %s", (unsigned long long)input->consumed, why);
}

/* One step of decompression; *ret_len may be 0 without being at the end. */
static enum kr_err step_gzip(struct kr_input *input, uint8_t *to, size_t room, size_t *ret_len, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    if (input->is_finished) {
        /* Another member, or padding: what begins otherwise is left alone, as gzip does. */
        if (input->raw[input->raw_at] != 0x1f) {
            input->at_end = true;
            input->raw_at = input->raw_len;
            *ret_len = 0;
            return KR_OK;
        }
        input->is_finished = inflateReset(&input->gzip) != Z_OK;
    }
    input->gzip.next_in = input->raw + input->raw_at;
    input->gzip.avail_in = (uInt)(input->raw_len - input->raw_at);
    input->gzip.next_out = to;
    input->gzip.avail_out = (uInt)(room < 1u << 30 ? room : 1u << 30);
    const uInt offered = input->gzip.avail_out;
    const int code = inflate(&input->gzip, Z_NO_FLUSH);
    input->raw_at = input->raw_len - input->gzip.avail_in;
    *ret_len = offered - input->gzip.avail_out;
    input->is_finished = code == Z_STREAM_END;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        err = damaged(input, error, input->gzip.msg != NULL ? input->gzip.msg : "not gzip");
    }
    return err;
}

static enum kr_err step_zstd(struct kr_input *input, uint8_t *to, size_t room, size_t *ret_len, struct kr_error *error)
{
    ZSTD_inBuffer in = {input->raw, input->raw_len, input->raw_at};
    ZSTD_outBuffer out = {to, room, 0};
    const size_t code = ZSTD_decompressStream(input->zstd, &out, &in);
    input->raw_at = in.pos;
    *ret_len = out.pos;
    input->is_finished = code == 0;
    enum kr_err err = KR_OK;
    if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge) {
        err = kr_fail(error, KR_MALFORMED,
                      "packed by zstd --long or --ultra so that unpacking takes more than 8 MiB of memory: unpack it with "
                      "zstd -d --long=31 and search that");
    } else if (ZSTD_isError(code) != 0) {
        err = damaged(input, error, ZSTD_getErrorName(code));
    }
    return err;
}

static enum kr_err read_some(struct kr_input *input, uint8_t *to, size_t room, size_t *ret_len, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    size_t len = 0;
    bool more = true;
    while (len < room && more && err == KR_OK) {
        size_t got = 0;
        if (input->raw_at == input->raw_len && !input->at_end) {
            err = fill(input, error);
        }
        const size_t have = input->raw_len - input->raw_at;
        if (err != KR_OK) {
            /* as it is */
        } else if (input->kind == KR_INPUT_PLAIN || input->kind == KR_INPUT_FOREIGN) {
            got = have < room - len ? have : room - len;
            memcpy(to + len, input->raw + input->raw_at, got);
            input->raw_at += got;
            more = got > 0 || !input->at_end;
        } else if (have == 0 && input->is_finished) {
            more = false;
        } else {
            err = input->kind == KR_INPUT_GZIP ? step_gzip(input, to + len, room - len, &got, error)
                                               : step_zstd(input, to + len, room - len, &got, error);
            if (err == KR_OK && have == 0 && got == 0) {
                err = damaged(input, error, "the end is missing");
            }
        }
        len += got;
        /* Who follows a growing log wants to see what is there. */
        more = more && (input->is_regular || len == 0 || input->raw_at < input->raw_len);
    }
    *ret_len = len;
    return err;
}

enum kr_err kr_input_read(struct kr_input *input, uint8_t *to, size_t room, size_t *ret_len, struct kr_error *error)
{
    size_t len = input->peek_len - input->peek_at, more = 0;
    len = len < room ? len : room;
    memcpy(to, input->peek + input->peek_at, len);
    input->peek_at += len;
    const enum kr_err err = len < room ? read_some(input, to + len, room - len, &more, error) : KR_OK;
    *ret_len = len + more;
    return err;
}

static enum kr_err begin(struct kr_input *input, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    struct stat status;
    if (fstat(input->fd, &status) != 0) {
        return kr_fail(error, KR_IO, "cannot be read: %s", strerror(errno));
    }
    if (S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)) {
        return kr_fail(error, KR_INVALID, "is no file that can be searched");
    }
    input->is_regular = S_ISREG(status.st_mode);
    input->bytes = input->is_regular ? (uint64_t)status.st_size : 0;
    err = fill(input, error);
    if (err != KR_OK) {
        return err;
    }
    input->kind = tell(input->raw, input->raw_len);
    if (input->kind == KR_INPUT_GZIP && inflateInit2(&input->gzip, 15 + 16) != Z_OK) {
        err = KR_NOMEM;
    } else if (input->kind == KR_INPUT_ZSTD) {
        input->zstd = ZSTD_createDStream();
        err = input->zstd == NULL ? KR_NOMEM : KR_OK;
        if (err == KR_OK && ZSTD_isError(ZSTD_DCtx_setParameter(input->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_BITS)) != 0) {
            err = KR_SYSTEM;
        }
    }
    if (err == KR_OK) {
        err = read_some(input, input->peek, sizeof input->peek, &input->peek_len, error);
        /* What could be read is read first; the error comes again. */
        err = err == KR_MALFORMED && input->peek_len > 0 ? KR_OK : err;
    }
    return err;
}

enum kr_err kr_input_open(const char *path, struct kr_input **ret, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    struct kr_input *input = calloc(1, sizeof *input);
    if (input == NULL) {
        return KR_NOMEM;
    }
    input->is_standard = strcmp(path, "-") == 0;
    input->fd = input->is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (input->fd < 0) {
        err = kr_fail(error, KR_IO, "cannot be read: %s", strerror(errno));
    } else {
        err = begin(input, error);
    }
    if (err != KR_OK) {
        kr_input_close(input);
    } else {
        *ret = input;
    }
    return err;
}

void kr_input_close(struct kr_input *input)
{
    if (input != NULL) {
        if (input->kind == KR_INPUT_GZIP) {
            (void)inflateEnd(&input->gzip);
        }
        (void)ZSTD_freeDStream(input->zstd);
        if (input->fd >= 0 && !input->is_standard) {
            (void)close(input->fd);
        }
        free(input);
    }
}

enum kr_input_kind kr_input_kind(const struct kr_input *input)
{
    return input->kind;
}

struct kr_slice kr_input_peek(const struct kr_input *input)
{
    return (struct kr_slice){input->peek, input->peek_len};
}

int kr_input_place(const struct kr_input *input)
{
    return input->is_regular && !input->is_standard && input->kind == KR_INPUT_PLAIN ? input->fd : -1;
}

uint64_t kr_input_bytes(const struct kr_input *input)
{
    return input->bytes;
}

uint64_t kr_input_consumed(const struct kr_input *input)
{
    return input->consumed - (input->raw_len - input->raw_at);
}
