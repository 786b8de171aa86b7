#include "proto/backup/backup.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define MAGIC       "KRBKUP"
#define MAGIC_BYTES 6u
#define VERSION     1u
#define LISTS       "warninglists/"

static void put_be(uint8_t *to, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
}

static uint64_t get_be(const uint8_t *from, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | from[i];
    }
    return value;
}

/* ---- head ---- */

void kr_backup_head_write(const struct kr_backup_head *head, uint8_t ret_bytes[static KR_BACKUP_HEAD_BYTES])
{
    memcpy(ret_bytes, MAGIC, MAGIC_BYTES);
    ret_bytes[MAGIC_BYTES] = VERSION;
    ret_bytes[7] = 0;
    memcpy(ret_bytes + 8, head->council, 32);
    memcpy(ret_bytes + 40, head->recovery_public, 32);
    memcpy(ret_bytes + 72, head->chain, KR_BACKUP_CHAIN_BYTES);
    put_be(ret_bytes + 88, head->number, 4);
    put_be(ret_bytes + 92, head->page_bytes, 4);
    put_be(ret_bytes + 96, head->pages, 8);
    put_be(ret_bytes + 104, head->made_s, 8);
    put_be(ret_bytes + 112, head->transaction, 8);
    memcpy(ret_bytes + 120, head->previous, 32);
    memcpy(ret_bytes + 152, head->slot, KR_SLOT_BYTES);
    memcpy(ret_bytes + 232, head->commitment, 32);
}

enum kr_err kr_backup_head_read(const uint8_t bytes[static KR_BACKUP_HEAD_BYTES], struct kr_backup_head *ret_head)
{
    struct kr_backup_head head;
    if (memcmp(bytes, MAGIC, MAGIC_BYTES) != 0) {
        return KR_MALFORMED;
    }
    if (bytes[MAGIC_BYTES] != VERSION) {
        return bytes[MAGIC_BYTES] > VERSION ? KR_VERSION : KR_MALFORMED;
    }
    memcpy(head.council, bytes + 8, 32);
    memcpy(head.recovery_public, bytes + 40, 32);
    memcpy(head.chain, bytes + 72, KR_BACKUP_CHAIN_BYTES);
    head.number = (uint32_t)get_be(bytes + 88, 4);
    head.page_bytes = (uint32_t)get_be(bytes + 92, 4);
    head.pages = get_be(bytes + 96, 8);
    head.made_s = get_be(bytes + 104, 8);
    head.transaction = get_be(bytes + 112, 8);
    memcpy(head.previous, bytes + 120, 32);
    memcpy(head.slot, bytes + 152, KR_SLOT_BYTES);
    memcpy(head.commitment, bytes + 232, 32);
    const uint32_t page = head.page_bytes;
    const bool fits = bytes[7] == 0 && page >= 512 && page <= 65536 && (page & (page - 1)) == 0 && head.pages >= 2 &&
                      head.pages <= KR_BACKUP_PAGES_MAX;
    if (!fits) {
        return KR_MALFORMED;
    }
    *ret_head = head;
    return KR_OK;
}

enum kr_err kr_backup_key_seal(struct kr_backup_head *head, const uint8_t seed[static 32], uint8_t ret_key[static 32])
{
    uint8_t box_public[32], key[32], ephemeral[32];
    enum kr_err err = kr_box_public_of_sign(box_public, head->recovery_public);
    kr_hash_keyed(key, sizeof key, seed, "kairan backup content key", NULL, 0);
    kr_hash_keyed(ephemeral, sizeof ephemeral, seed, "kairan backup slot", NULL, 0);
    if (err == KR_OK) {
        err = kr_slot_seal(head->slot, key, box_public, ephemeral);
    }
    if (err == KR_OK) {
        kr_commitment(head->commitment, key);
        memcpy(ret_key, key, sizeof key);
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(ephemeral, sizeof ephemeral);
    return err;
}

enum kr_err kr_backup_key_open(const struct kr_backup_head *head, const uint8_t recovery_secret[static 64],
                               uint8_t ret_key[static 32])
{
    uint8_t box_public[32], box_secret[32], key[32], commitment[32];
    if (memcmp(recovery_secret + 32, head->recovery_public, 32) != 0) {
        return KR_KEY;
    }
    enum kr_err err = kr_box_public_of_sign(box_public, head->recovery_public);
    if (err == KR_OK) {
        kr_box_secret_of_sign(box_secret, recovery_secret);
        err = kr_slot_open(key, head->slot, box_public, box_secret);
    }
    if (err == KR_OK) {
        kr_commitment(commitment, key);
        err = memcmp(commitment, head->commitment, sizeof commitment) == 0 ? KR_OK : KR_DECRYPT;
    }
    if (err == KR_OK) {
        memcpy(ret_key, key, sizeof key);
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(box_secret, sizeof box_secret);
    return err == KR_OK || err == KR_KEY ? err : KR_DECRYPT;
}

/* ---- chunks ---- */

void kr_backup_chunk_write(const struct kr_backup_chunk *chunk, uint8_t ret_bytes[static KR_BACKUP_CHUNK_HEAD_BYTES])
{
    ret_bytes[0] = (uint8_t)chunk->kind;
    put_be(ret_bytes + 1, chunk->entries, 4);
    put_be(ret_bytes + 5, chunk->sealed, 4);
}

enum kr_err kr_backup_chunk_read(const uint8_t bytes[static KR_BACKUP_CHUNK_HEAD_BYTES], uint32_t page_bytes,
                                 struct kr_backup_chunk *ret_chunk)
{
    const struct kr_backup_chunk chunk = {
        .kind = bytes[0], .entries = (uint32_t)get_be(bytes + 1, 4), .sealed = (uint32_t)get_be(bytes + 5, 4)};
    bool fits = false;
    if (chunk.entries > KR_BACKUP_ENTRIES_MAX || chunk.sealed > KR_BACKUP_SEALED_MAX) {
        return KR_BOUNDS;
    }
    switch (chunk.kind) {
    case KR_BACKUP_PAGES:
        fits = chunk.entries > 0 && chunk.sealed == (uint64_t)chunk.entries * page_bytes + KR_AEAD_BYTES;
        break;
    case KR_BACKUP_GONE:
        fits = chunk.entries > 0 && chunk.sealed == KR_AEAD_BYTES;
        break;
    case KR_BACKUP_FILE:
        fits = chunk.entries == 0 && chunk.sealed > KR_AEAD_BYTES;
        break;
    case KR_BACKUP_END:
        fits = chunk.entries == 1 && chunk.sealed == KR_AEAD_BYTES;
        break;
    default:
        break;
    }
    if (!fits) {
        return KR_MALFORMED;
    }
    *ret_chunk = chunk;
    return KR_OK;
}

void kr_backup_entry_write(const struct kr_backup_entry *entry, uint8_t ret_bytes[static KR_BACKUP_ENTRY_BYTES])
{
    put_be(ret_bytes, entry->page, 8);
    memcpy(ret_bytes + 8, entry->hash, KR_BACKUP_HASH_BYTES);
}

void kr_backup_entry_read(const uint8_t bytes[static KR_BACKUP_ENTRY_BYTES], struct kr_backup_entry *ret_entry)
{
    ret_entry->page = get_be(bytes, 8);
    memcpy(ret_entry->hash, bytes + 8, KR_BACKUP_HASH_BYTES);
}

void kr_backup_page_hash(uint64_t page, const uint8_t *bytes, size_t len, uint8_t ret_hash[static KR_BACKUP_HASH_BYTES])
{
    struct kr_hash_state state;
    uint8_t number[8], hash[KR_HASH_BYTES];
    put_be(number, page, sizeof number);
    kr_hash_init(&state, "kairan backup page");
    kr_hash_update(&state, number, sizeof number);
    kr_hash_update(&state, bytes, len);
    kr_hash_final(&state, hash);
    memcpy(ret_hash, hash, KR_BACKUP_HASH_BYTES);
}

/* ---- sealing ---- */

void kr_backup_head_hash(const uint8_t bytes[static KR_BACKUP_HEAD_BYTES], uint8_t ret_hash[static 32])
{
    kr_hash(ret_hash, "kairan backup head", bytes, KR_BACKUP_HEAD_BYTES);
}

/* The associated data is hashed first, so that it need not be copied behind the head's. */
static void bind(const struct kr_backup_sealing *sealing, uint8_t ret_nonce[static KR_NONCE_BYTES], uint8_t ret_bound[static 32])
{
    struct kr_hash_state state;
    memset(ret_nonce, 0, 16);
    put_be(ret_nonce + 16, sealing->number, 8);
    kr_hash_init(&state, "kairan backup chunk");
    kr_hash_update(&state, sealing->head_hash, sizeof sealing->head_hash);
    kr_hash_update(&state, sealing->open.bytes, sealing->open.len);
    kr_hash_final(&state, ret_bound);
}

void kr_backup_seal(const struct kr_backup_sealing *sealing, const uint8_t *bytes, size_t len, uint8_t *ret)
{
    uint8_t nonce[KR_NONCE_BYTES], bound[32];
    bind(sealing, nonce, bound);
    kr_aead_seal(ret, bytes, len, bound, sizeof bound, nonce, sealing->key);
}

enum kr_err kr_backup_open(const struct kr_backup_sealing *sealing, uint8_t *bytes, size_t sealed_len)
{
    uint8_t nonce[KR_NONCE_BYTES], bound[32];
    bind(sealing, nonce, bound);
    return kr_aead_open(bytes, bytes, sealed_len, bound, sizeof bound, nonce, sealing->key) == KR_OK ? KR_OK : KR_DECRYPT;
}

/* ---- files beside the store ---- */

void kr_backup_part_write(const struct kr_backup_part *part, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    kr_writer_str_slice(writer, part->name);
    kr_writer_uint(writer, part->mode);
    kr_writer_uint(writer, part->offset);
    kr_writer_uint(writer, part->all);
    kr_writer_slice(writer, part->bytes);
}

static bool is(struct kr_slice name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.bytes, text, name.len) == 0;
}

static bool is_name(struct kr_slice name)
{
    const size_t begin = strlen(LISTS);
    if (is(name, "keyring") || is(name, "kairan.conf")) {
        return true;
    }
    if (name.len <= begin || memcmp(name.bytes, LISTS, begin) != 0 || name.bytes[begin] == '.') {
        return false;
    }
    for (size_t i = begin; i < name.len; i++) {
        if (name.bytes[i] == '/' || name.bytes[i] == 0) {
            return false;
        }
    }
    return true;
}

enum kr_err kr_backup_part_read(struct kr_slice bytes, struct kr_backup_part *ret_part)
{
    struct kr_reader reader;
    struct kr_backup_part part;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 5);
    part.name = kr_reader_str(&reader, KR_BACKUP_NAME_BYTES_MAX);
    part.mode = (uint32_t)kr_reader_uint(&reader, 0777);
    part.offset = kr_reader_uint(&reader, UINT64_MAX / 2);
    part.all = kr_reader_uint(&reader, UINT64_MAX / 2);
    part.bytes = kr_reader_bin(&reader, 0, KR_MIB);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK && (!is_name(part.name) || part.offset > part.all || part.bytes.len > part.all - part.offset)) {
        err = KR_MALFORMED;
    }
    if (err == KR_OK) {
        *ret_part = part;
    }
    return err;
}

/* ---- what kairand --snapshot prints ---- */

void kr_backup_stream_write(const struct kr_backup_stream *stream, uint8_t ret_bytes[static KR_BACKUP_STREAM_BYTES])
{
    memcpy(ret_bytes, "KRSNAP", MAGIC_BYTES);
    ret_bytes[MAGIC_BYTES] = VERSION;
    ret_bytes[7] = 0;
    put_be(ret_bytes + 8, stream->page_bytes, 4);
    put_be(ret_bytes + 12, stream->pages, 8);
    put_be(ret_bytes + 20, stream->used, 8);
    put_be(ret_bytes + 28, stream->number, 8);
}

enum kr_err kr_backup_stream_read(const uint8_t bytes[static KR_BACKUP_STREAM_BYTES], struct kr_backup_stream *ret_stream)
{
    const struct kr_backup_stream stream = {.page_bytes = (uint32_t)get_be(bytes + 8, 4),
                                            .pages = get_be(bytes + 12, 8),
                                            .used = get_be(bytes + 20, 8),
                                            .number = get_be(bytes + 28, 8)};
    if (memcmp(bytes, "KRSNAP", MAGIC_BYTES) != 0 || bytes[MAGIC_BYTES] != VERSION || bytes[7] != 0) {
        return KR_VERSION;
    }
    if (stream.page_bytes < 512 || stream.page_bytes > 65536 || stream.pages < 2 || stream.pages > KR_BACKUP_PAGES_MAX ||
        stream.used > stream.pages) {
        return KR_MALFORMED;
    }
    *ret_stream = stream;
    return KR_OK;
}

void kr_backup_number_write(uint64_t number, uint8_t ret_bytes[static 8])
{
    put_be(ret_bytes, number, 8);
}

uint64_t kr_backup_number_read(const uint8_t bytes[static 8])
{
    return get_be(bytes, 8);
}

/* ---- backup.key ---- */

#define COUNCIL_WORD  "council "
#define RECOVERY_WORD "recovery "

void kr_backup_key_print(const uint8_t council[static 32], const uint8_t recovery_public[static 32],
                         char ret_text[static KR_BACKUP_KEY_TEXT_BYTES + 1])
{
    char hex[2][65];
    (void)sodium_bin2hex(hex[0], sizeof hex[0], council, 32);
    (void)sodium_bin2hex(hex[1], sizeof hex[1], recovery_public, 32);
    (void)snprintf(ret_text, KR_BACKUP_KEY_TEXT_BYTES + 1, COUNCIL_WORD "%s\n" RECOVERY_WORD "%s\n", hex[0], hex[1]);
}

static bool take_line(const char **text, const char *end, const char *word, uint8_t ret_bytes[static 32])
{
    const size_t len = strlen(word);
    size_t got = 0;
    if ((size_t)(end - *text) < len + 65 || memcmp(*text, word, len) != 0 || (*text)[len + 64] != '\n' ||
        sodium_hex2bin(ret_bytes, 32, *text + len, 64, NULL, &got, NULL) != 0 || got != 32) {
        return false;
    }
    *text += len + 65;
    return true;
}

enum kr_err kr_backup_key_parse(const char *text, size_t len, uint8_t ret_council[static 32],
                                uint8_t ret_recovery_public[static 32])
{
    const char *at = text;
    uint8_t council[32], recovery_public[32];
    if (!take_line(&at, text + len, COUNCIL_WORD, council) || !take_line(&at, text + len, RECOVERY_WORD, recovery_public) ||
        at != text + len) {
        return KR_MALFORMED;
    }
    memcpy(ret_council, council, 32);
    memcpy(ret_recovery_public, recovery_public, 32);
    return KR_OK;
}
