#include "crypto/root_file.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/keyring.h"
#include "crypto/locked_file.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

/* ---- the file ---- */

#define CONTENT_BYTES (32 + 32 + 64)

static const struct kr_locked_sort sort = {.magic = "KRROOT",
                                           .what = "a root key",
                                           .repair = "take another copy of it",
                                           .version = 1,
                                           .is_private = false,
                                           .content_bytes = CONTENT_BYTES};

struct work {
    struct kr_lock lock;
    uint8_t content[CONTENT_BYTES];
};

enum kr_err kr_root_file_write(const struct kr_root_key *key, const char *path, const char *passphrase, struct kr_error *error)
{
    void *memory = NULL;
    if (passphrase == NULL || passphrase[0] == 0) {
        return kr_fail(error, KR_PASSPHRASE, "a root key is kept under a passphrase: give one");
    }
    enum kr_err err = kr_secret_new(sizeof(struct work), &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct work *work = memory;
    memcpy(work->content, key->council, 32);
    memcpy(work->content + 32, key->public_key, 32);
    memcpy(work->content + 64, key->secret, 64);
    err = kr_lock_make(&work->lock, passphrase, KR_KEYRING_OPSLIMIT, KR_KEYRING_MEMORY_KIB, error);
    if (err == KR_OK) {
        err = kr_locked_write(path, &sort, &work->lock, work->content, false, error);
    }
    kr_secret_free(memory);
    return err;
}

enum kr_err kr_root_file_read(const char *path, const char *passphrase, struct kr_root_key **ret_key, struct kr_error *error)
{
    void *memory = NULL, *key_memory = NULL;
    enum kr_err err = kr_secret_new(sizeof(struct work), &memory, error);
    if (err == KR_OK) {
        err = kr_secret_new(sizeof(struct kr_root_key), &key_memory, error);
    }
    if (err == KR_OK) {
        err = kr_locked_read(path, &sort, passphrase, NULL, ((struct work *)memory)->content, error);
    }
    if (err == KR_OK) {
        const uint8_t *content = ((struct work *)memory)->content;
        struct kr_root_key *key = key_memory;
        memcpy(key->council, content, 32);
        memcpy(key->public_key, content + 32, 32);
        memcpy(key->secret, content + 64, 64);
        err = kr_sign_is_pair(key->public_key, key->secret)
                  ? KR_OK
                  : kr_fail(error, KR_CORRUPT, "%s holds keys that do not belong together: %s", path, sort.repair);
    }
    kr_secret_free(memory);
    if (err != KR_OK) {
        kr_secret_free(key_memory);
        return err;
    }
    *ret_key = key_memory;
    return KR_OK;
}

/* ---- paper ---- */

#define LINE_DATA  8u
#define LINE_BYTES (LINE_DATA + 2u)
#define LINE_CHARS 16u /* of 5 bits */
#define ALL_BYTES  (KR_PAPER_LINES * LINE_DATA)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's: no I, L, O, U */

static void checksum(uint8_t ret_sum[static 2], uint32_t line, const uint8_t data[static LINE_DATA])
{
    uint8_t bytes[1 + LINE_DATA], hash[32];
    bytes[0] = (uint8_t)line;
    memcpy(bytes + 1, data, LINE_DATA);
    kr_hash(hash, "kairan paper line", bytes, sizeof bytes);
    memcpy(ret_sum, hash, 2);
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(hash, sizeof hash);
}

static void write_line(char ret_text[static KR_PAPER_LINE_BYTES], uint32_t line, const uint8_t data[static LINE_DATA])
{
    uint8_t bytes[LINE_BYTES];
    memcpy(bytes, data, LINE_DATA);
    checksum(bytes + LINE_DATA, line, data);
    size_t at = (size_t)snprintf(ret_text, KR_PAPER_LINE_BYTES, "%u ", line);
    for (uint32_t i = 0; i < LINE_CHARS; i++) {
        const uint32_t bit = i * 5;
        const uint32_t two = (uint32_t)bytes[bit / 8] << 8 | (bit / 8 + 1 < LINE_BYTES ? bytes[bit / 8 + 1] : 0u);
        if (i % 4 == 0) {
            ret_text[at++] = ' ';
        }
        ret_text[at++] = alphabet[two >> (11 - bit % 8) & 31u];
    }
    ret_text[at] = 0;
    sodium_memzero(bytes, sizeof bytes);
}

void kr_paper_write(const uint8_t seed[static 32], const uint8_t council[static 32],
                    char ret_lines[static KR_PAPER_LINES][KR_PAPER_LINE_BYTES])
{
    uint8_t all[ALL_BYTES];
    memcpy(all, seed, 32);
    memcpy(all + 32, council, ALL_BYTES - 32);
    for (uint32_t i = 0; i < KR_PAPER_LINES; i++) {
        write_line(ret_lines[i], i + 1, all + (size_t)i * LINE_DATA);
    }
    sodium_memzero(all, sizeof all);
}

/* 0 to 31; -1: no such character; -2: passed over. */
static int value_of(char c)
{
    if (c == ' ' || c == '-' || c == '\t' || c == '\r') {
        return -2;
    }
    c = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    c = (char)(c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c);
    const char *found = c != 0 ? strchr(alphabet, c) : NULL;
    return found != NULL ? (int)(found - alphabet) : -1;
}

/* What stands behind the line's number. */
static bool read_line(const char *text, size_t len, uint32_t line, uint8_t ret_data[static LINE_DATA])
{
    uint8_t bytes[LINE_BYTES] = {0}, sum[2];
    uint32_t count = 0;
    for (size_t i = 0; i < len; i++) {
        const int value = value_of(text[i]);
        if (value == -2) {
            continue;
        }
        if (value < 0 || count == LINE_CHARS) {
            return false;
        }
        for (uint32_t bit = 0; bit < 5; bit++) {
            const uint32_t at = count * 5 + bit;
            bytes[at / 8] |= (uint8_t)(((uint32_t)value >> (4 - bit) & 1u) << (7 - at % 8));
        }
        count++;
    }
    checksum(sum, line, bytes);
    const bool is_right = count == LINE_CHARS && sodium_memcmp(sum, bytes + LINE_DATA, 2) == 0;
    memcpy(ret_data, bytes, LINE_DATA);
    sodium_memzero(bytes, sizeof bytes);
    return is_right;
}

struct paper {
    uint8_t all[ALL_BYTES];
    bool has[KR_PAPER_LINES];
};

static enum kr_err take_line(struct paper *paper, const char *text, size_t len, struct kr_error *error)
{
    uint8_t data[LINE_DATA];
    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    if (len < 2 || *text < '1' || *text > '0' + (char)KR_PAPER_LINES || (text[1] != ' ' && text[1] != '\t')) {
        return KR_OK; /* not one of the lines */
    }
    const uint32_t line = (uint32_t)(*text - '0');
    uint8_t *place = paper->all + (size_t)(line - 1) * LINE_DATA;
    enum kr_err err = KR_OK;
    if (!read_line(text + 1, len - 1, line, data)) {
        err = kr_fail(error, KR_MALFORMED, "line %u is mistyped: compare it with the paper", line);
    } else if (paper->has[line - 1] && sodium_memcmp(place, data, LINE_DATA) != 0) {
        err = kr_fail(error, KR_MALFORMED, "line %u stands there twice, and differs", line);
    } else {
        memcpy(place, data, LINE_DATA);
        paper->has[line - 1] = true;
    }
    sodium_memzero(data, sizeof data);
    return err;
}

enum kr_err kr_paper_read(const char *text, size_t len, uint8_t ret_seed[static 32], uint8_t ret_council_begin[static 8],
                          struct kr_error *error)
{
    struct paper paper = {.has = {false}};
    enum kr_err err = KR_OK;
    memset(ret_seed, 0, 32);
    for (size_t at = 0; err == KR_OK && at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        const size_t line_len = end != NULL ? (size_t)(end - text) - at : len - at;
        err = take_line(&paper, text + at, line_len, error);
        at += line_len + 1;
    }
    for (uint32_t i = 0; err == KR_OK && i < KR_PAPER_LINES; i++) {
        err = paper.has[i] ? KR_OK : kr_fail(error, KR_MALFORMED, "line %u is missing: all %u are needed", i + 1, KR_PAPER_LINES);
    }
    if (err == KR_OK) {
        memcpy(ret_seed, paper.all, 32);
        memcpy(ret_council_begin, paper.all + 32, ALL_BYTES - 32);
    }
    sodium_memzero(&paper, sizeof paper);
    return err;
}
