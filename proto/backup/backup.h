/* A backup in bytes: one file of a chain, sealed to the council's recovery key.
 *
 *   file    = head ‖ chunks, the last of them the end ‖ digest of all that is before it (32)
 *   digest  = H("kairan backup file" ‖ …)
 *
 *   head    at      magic 6 "KRBKUP" ‖ version 1 (1) ‖ 0
 *           8       council id 32
 *           40      public recovery key 32 (Ed25519)
 *           72      chain 16: random, the same in all of its files
 *           88      number BE32: 0 the whole, then what changed since the file before
 *           92      bytes of a page BE32
 *           96      pages of the store's file BE64, those that are free among them
 *           104     made at BE64 (s)
 *           112     number of the store's transaction BE64
 *           120     digest of the file before 32 (number 0: zeros)
 *           152     slot 80: the file's content key, sealed to the recovery key as X25519
 *           232     commitment to that key 32
 *
 *   chunk   = kind 1 ‖ entries BE32 ‖ bytes sealed BE32 ‖ entries of 24: page BE64 ‖ hash 16 ‖ sealed
 *           1 pages  their bytes, in the order of the entries
 *           2 gone   entries with a hash of zeros: pages that are free now; nothing sealed
 *           3 file   no entries; part of a file beside the store: array [name (str), mode, offset, all bytes, bytes (bin)]
 *           4 end    one entry: bytes 0 to 7 zeros, then 16 of the digest of the state; seals nothing
 *           entries of kinds 1 and 2 ascend, each through the whole file
 *   sealed  = XChaCha20-Poly1305(content key, nonce: zeros 16 ‖ number of the chunk BE64 (from 0)), with H("kairan backup chunk" ‖
 *             H("kairan backup head" ‖ head) ‖ the chunk up to there) as associated data; 16 bytes more than what it seals
 *
 *   hash of a page      first 16 of H("kairan backup page" ‖ page BE64 ‖ its bytes)
 *   digest of a state   first 16 of H("kairan backup state" ‖ bytes of a page BE32 ‖ pages BE64 ‖ entries of all used pages,
 * ascending)
 *
 * What stands in the open (which pages changed, hashes of what is encrypted already) lets anybody check a chain, and make the next
 * file of it; what it says opens with the recovery key alone. */
#ifndef KR_PROTO_BACKUP_BACKUP_H
#define KR_PROTO_BACKUP_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/hash.h"
#include "crypto/limits.h"
#include "crypto/seal.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

#define KR_BACKUP_HEAD_BYTES       264u
#define KR_BACKUP_CHUNK_HEAD_BYTES 9u
#define KR_BACKUP_ENTRY_BYTES      24u
#define KR_BACKUP_HASH_BYTES       16u
#define KR_BACKUP_CHAIN_BYTES      16u
#define KR_BACKUP_ENTRIES_MAX      4096u
#define KR_BACKUP_SEALED_MAX       (KR_MIB + KR_AEAD_BYTES)
#define KR_BACKUP_PAGES_MAX        (UINT64_C(1) << 40)
#define KR_BACKUP_NAME_BYTES_MAX   255u

struct kr_backup_head {
    uint8_t council[32], recovery_public[32], chain[KR_BACKUP_CHAIN_BYTES];
    uint32_t number, page_bytes;
    uint64_t pages, made_s, transaction;
    uint8_t previous[32];
    uint8_t slot[KR_SLOT_BYTES], commitment[32];
};
void kr_backup_head_write(const struct kr_backup_head *head, uint8_t ret_bytes[static KR_BACKUP_HEAD_BYTES]);
/* KR_MALFORMED: it is none; KR_VERSION: of a newer program. */
enum kr_err kr_backup_head_read(const uint8_t bytes[static KR_BACKUP_HEAD_BYTES], struct kr_backup_head *ret_head) KR_WARN_UNUSED;
/* Draws nothing: `seed` makes the content key and its sealing. KR_KEY where nothing can be sealed to that recovery key. */
enum kr_err kr_backup_key_seal(struct kr_backup_head *head, const uint8_t seed[static 32],
                               uint8_t ret_key[static 32]) KR_WARN_UNUSED;
/* `recovery_secret`: Ed25519, 64 bytes. KR_KEY: of another recovery key; KR_DECRYPT: the head was altered. */
enum kr_err kr_backup_key_open(const struct kr_backup_head *head, const uint8_t recovery_secret[static 64],
                               uint8_t ret_key[static 32]) KR_WARN_UNUSED;

enum kr_backup_kind { KR_BACKUP_PAGES = 1, KR_BACKUP_GONE = 2, KR_BACKUP_FILE = 3, KR_BACKUP_END = 4 };
struct kr_backup_chunk {
    uint32_t kind, entries, sealed;
};
void kr_backup_chunk_write(const struct kr_backup_chunk *chunk, uint8_t ret_bytes[static KR_BACKUP_CHUNK_HEAD_BYTES]);
/* KR_MALFORMED, KR_BOUNDS: no such chunk can be, where pages have so many bytes. */
enum kr_err kr_backup_chunk_read(const uint8_t bytes[static KR_BACKUP_CHUNK_HEAD_BYTES], uint32_t page_bytes,
                                 struct kr_backup_chunk *ret_chunk) KR_WARN_UNUSED;

struct kr_backup_entry {
    uint64_t page;
    uint8_t hash[KR_BACKUP_HASH_BYTES]; /* zeros: free */
};
void kr_backup_entry_write(const struct kr_backup_entry *entry, uint8_t ret_bytes[static KR_BACKUP_ENTRY_BYTES]);
void kr_backup_entry_read(const uint8_t bytes[static KR_BACKUP_ENTRY_BYTES], struct kr_backup_entry *ret_entry);
void kr_backup_page_hash(uint64_t page, const uint8_t *bytes, size_t len, uint8_t ret_hash[static KR_BACKUP_HASH_BYTES]);

/* What chunk `number` of a file is sealed with: `open` is the chunk up to what is sealed. */
struct kr_backup_sealing {
    const uint8_t *key;    /* 32 */
    uint8_t head_hash[32]; /* kr_backup_head_hash */
    uint64_t number;
    struct kr_slice open;
};
void kr_backup_head_hash(const uint8_t bytes[static KR_BACKUP_HEAD_BYTES], uint8_t ret_hash[static 32]);
/* `ret` has room for len + KR_AEAD_BYTES; may be `bytes`. */
void kr_backup_seal(const struct kr_backup_sealing *sealing, const uint8_t *bytes, size_t len, uint8_t *ret);
/* In place; KR_DECRYPT. */
enum kr_err kr_backup_open(const struct kr_backup_sealing *sealing, uint8_t *bytes, size_t sealed_len) KR_WARN_UNUSED;

struct kr_backup_part {
    struct kr_slice name, bytes;
    uint32_t mode;
    uint64_t offset, all;
};
void kr_backup_part_write(const struct kr_backup_part *part, struct kr_writer *writer);
/* A name is "keyring", "kairan.conf", or one of a file in "warninglists/": no other comes out of a backup. */
enum kr_err kr_backup_part_read(struct kr_slice bytes, struct kr_backup_part *ret_part) KR_WARN_UNUSED;

/* What `kairand --snapshot` prints: magic 6 "KRSNAP" ‖ version 1 (1) ‖ 0 ‖ bytes of a page BE32 ‖ pages BE64 ‖ used BE64 ‖ number
 * of the transaction BE64; each used page: its number BE64 ‖ its bytes; all ones BE64 ‖ what the store's file has grown by BE64. */
#define KR_BACKUP_STREAM_BYTES 36u
struct kr_backup_stream {
    uint32_t page_bytes;
    uint64_t pages, used, number;
};
void kr_backup_stream_write(const struct kr_backup_stream *stream, uint8_t ret_bytes[static KR_BACKUP_STREAM_BYTES]);
enum kr_err kr_backup_stream_read(const uint8_t bytes[static KR_BACKUP_STREAM_BYTES],
                                  struct kr_backup_stream *ret_stream) KR_WARN_UNUSED;
void kr_backup_number_write(uint64_t number, uint8_t ret_bytes[static 8]); /* BE64 */
uint64_t kr_backup_number_read(const uint8_t bytes[static 8]);

/* The file `backup.key` in a node's state directory: to whom its backups are sealed. Two lines, "council HEX" and "recovery HEX".
 * The node writes it, so that a backup needs no passphrase. */
#define KR_BACKUP_KEY_NAME       "backup.key"
#define KR_BACKUP_KEY_TEXT_BYTES 147u
void kr_backup_key_print(const uint8_t council[static 32], const uint8_t recovery_public[static 32],
                         char ret_text[static KR_BACKUP_KEY_TEXT_BYTES + 1]);
enum kr_err kr_backup_key_parse(const char *text, size_t len, uint8_t ret_council[static 32],
                                uint8_t ret_recovery_public[static 32]) KR_WARN_UNUSED; /* KR_MALFORMED */
/* And `backup.last`: when the last one was made (s, decimal), its digest in hex, its path. A note for status and doctor. */
#define KR_BACKUP_LAST_NAME "backup.last"
/* `restored`, put there by `kairan restore`: the node is to be told so at its next start. */
#define KR_BACKUP_RESTORED_NAME "restored"

#endif
