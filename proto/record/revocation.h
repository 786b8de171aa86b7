/* A node key that was stolen: the statement that takes it back and names what the council itself signed with it, so that
 * back-dating does not help the thief (docs/PROTOCOL.md, "Revocations").
 *
 *   revocation = array of 7: node key (bin 32), since_ms, made_ms, page, pages (1 to 16), names (bin: so many times 16 bytes,
 *                strictly ascending), previous version's record id (bin 0 or 32)
 *   subject    = first 31 bytes of BLAKE2b-256("kairan revoked key" ‖ node key) ‖ page (1 byte)
 *   name       = first 16 bytes of BLAKE2b-256("kairan revoked name" ‖ node key ‖ record id)
 *
 * A name stands on the page floor(its first two bytes, big-endian, × pages / 65536). Pages of one list bear the same made_ms, which
 * counts: whatever list has the latest, once all of its pages are there. Names are hashes, so that the list tells nobody ids of
 * records that he has not. */
#ifndef KR_PROTO_RECORD_REVOCATION_H
#define KR_PROTO_RECORD_REVOCATION_H

#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

#define KR_REVOKED_NAME_BYTES 16u

struct kr_revocation {
    uint8_t key[32];
    uint64_t since_ms; /* when the thief may first have had it, as far as the council knows; for people */
    uint64_t made_ms;  /* when the list was made */
    uint32_t page, pages;
    struct kr_slice names, previous;
};
/* KR_MALFORMED also where a name stands on another page's place. */
enum kr_err kr_revocation_parse(struct kr_slice content, struct kr_revocation *ret_revocation) KR_WARN_UNUSED;
void kr_revocation_write(const struct kr_revocation *revocation, struct kr_writer *writer);

void kr_revocation_subject(uint8_t ret_subject[static 32], const uint8_t key[static 32], uint32_t page);
void kr_revocation_name(uint8_t ret_name[static KR_REVOKED_NAME_BYTES], const uint8_t key[static 32], const uint8_t id[static 32]);
uint32_t kr_revocation_page(const uint8_t name[static KR_REVOKED_NAME_BYTES], uint32_t pages);
/* Whether the name stands on that page. */
bool kr_revocation_names(struct kr_slice names, const uint8_t name[static KR_REVOKED_NAME_BYTES]);

#endif
