/* The directory as the core knows it: cards, charters, vouches; who is in which community; which key speaks for whom.
 *
 * A cache of the store's statements, rebuilt with the core and kept up to date as statements are stored. */
#ifndef KR_NODE_CORE_DIRECTORY_H
#define KR_NODE_CORE_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/keyring.h"
#include "node/core/membership.h"
#include "node/core/revoked.h"
#include "proto/record/record.h"
#include "proto/record/statement.h"
#include "store/store.h"

/* There may be thousands: so a card is kept as it came, an eighth of its size when read, and read when it is needed. */
struct kr_council {
    uint8_t id[32];
    uint64_t version;
    uint8_t community[32]; /* of the record that this card came in; zero: none */
    uint8_t record_id[32];
    uint8_t root_public[32]; /* in force: what stands in the card's genesis, or in its last re-keying */
    uint32_t rekeyings;      /* on the card; 0: that of the genesis */
    uint32_t content_len;
    uint8_t content[]; /* of the card's record */
};

struct kr_community {
    uint8_t id[32];
    char name[KR_NAME_BYTES_MAX + 1];
    uint8_t founders[KR_FOUNDERS_MAX][32];
    uint32_t founder_count;
    bool is_from_now_on; /* newcomers get what is GREEN from when they are in: membership has dates */
    struct kr_membership membership;
};

struct kr_directory {
    struct kr_council **councils; /* ascending by id */
    uint32_t council_count, council_capacity;
    struct kr_community *communities[KR_COMMUNITIES_MAX];
    uint32_t community_count;
    struct kr_revoked revoked;
    uint64_t generation; /* grows with every change */
    uint32_t waiting;    /* vouches and expulsions in the store whose charter is not: taken when it comes */
    bool is_loading;     /* they come by the thousand: sorted and counted when all are there */
    uint32_t skipped;    /* rows of the store that could not be read or taken */
};

void kr_directory_init(struct kr_directory *directory);
void kr_directory_deinit(struct kr_directory *directory);
/* Reads all statements that the store holds as current. One that cannot be found, authenticated, parsed or taken is passed over and
 * counted: whatever one council wrote, or the disk did to it, must not keep a node from starting. */
enum kr_err kr_directory_load(struct kr_directory *directory, struct kr_txn *txn) KR_WARN_UNUSED;

/* Key and value of a statement in KR_TABLE_DIRECTORY. key: kind ‖ author ‖ community ‖ subject = 97 bytes. value: array of 5:
 * version, record id (bin 32), and for cards and charters: name ja, name en, region (else empty strs). Queries read the same table.
 * Rows of body notices (body_notice.h) stand beside them: array of 8, with the body's names, and behind them since (s), created
 * (ms) and expires (s). */
#define KR_DIRECTORY_KEY_BYTES 97
struct kr_directory_entry {
    uint64_t version;
    uint8_t record_id[32];
    struct kr_slice name_ja, name_en, region;
    /* Of a body notice alone, where the names are the body's; else 0. */
    uint64_t since_s, created_ms, expires_s;
};
void kr_directory_key(uint8_t ret_key[static KR_DIRECTORY_KEY_BYTES], const struct kr_header *header);
enum kr_err kr_directory_entry_read(struct kr_slice bytes, struct kr_directory_entry *ret_entry) KR_WARN_UNUSED;
void kr_directory_entry_write(const struct kr_directory_entry *entry, struct kr_writer *writer);

/* A council's newest card as it is stored: the whole record (free()). Any transaction, any thread. KR_NOT_FOUND. */
enum kr_err kr_directory_card_record(struct kr_txn *txn, const uint8_t council[static 32], uint8_t **ret_bytes,
                                     size_t *ret_len) KR_WARN_UNUSED;

/* The same anew, after statements left the store. On failure the directory is as before. */
enum kr_err kr_directory_reload(struct kr_directory *directory, struct kr_txn *txn) KR_WARN_UNUSED;

/* Whether a statement would be taken, as far as it and the bounds can tell: its content is what its kind says and agrees with its
 * header, there is room. KR_MALFORMED, KR_BOUNDS. To be asked before a statement is stored: whoever signed it is not to be trusted
 * with that. */
enum kr_err kr_directory_fits(const struct kr_directory *directory, const struct kr_header *header,
                              struct kr_slice content) KR_WARN_UNUSED;
/* Takes a statement (verified, open, stored or about to be) into memory. KR_MALFORMED where its content does not fit its header;
 * KR_BOUNDS; KR_NOMEM. */
enum kr_err kr_directory_take(struct kr_directory *directory, const struct kr_header *header, const uint8_t record_id[static 32],
                              struct kr_slice content) KR_WARN_UNUSED;
/* A community's genesis is named by its own hash: known from any charter, whoever brought it. */
enum kr_err kr_directory_learn_genesis(struct kr_directory *directory, const struct kr_charter *charter) KR_WARN_UNUSED;

/* NULL where unknown. Borrowed until the directory changes. */
const struct kr_council *kr_directory_council(const struct kr_directory *directory, const uint8_t id[static 32]);
/* The council's card that is known, where it counts before this one: by its re-keyings, or else its version. NULL: none does. */
const struct kr_council *kr_directory_newer(const struct kr_directory *directory, const struct kr_card *card, uint64_t version);
/* The council's card; its slices are borrowed from the council. */
void kr_council_card(const struct kr_council *council, struct kr_card *ret_card);
const struct kr_community *kr_directory_community(const struct kr_directory *directory, const uint8_t id[static 32]);
/* Who gets GREEN now, and whose records belong to the trees for good (membership.h). */
bool kr_directory_is_member(const struct kr_directory *directory, const uint8_t community[static 32],
                            const uint8_t council[static 32]);
bool kr_directory_was_member(const struct kr_directory *directory, const uint8_t community[static 32],
                             const uint8_t council[static 32]);
/* From which hour on (kr_tree_hour) what was created and is GREEN there is for that council as well, as far as it is a member: 0
 * but where newcomers get it from now on. */
uint32_t kr_directory_hour_from(const struct kr_directory *directory, const uint8_t community[static 32],
                                const uint8_t council[static 32]);
/* The latest of these hours of its members: what was created before it somebody there has not got. 0 likewise. */
uint32_t kr_directory_hour_newest(const struct kr_directory *directory, const uint8_t community[static 32]);
/* Founder, or somebody vouched for it (withdrawn or not). */
bool kr_directory_is_candidate(const struct kr_directory *directory, const uint8_t community[static 32],
                               const uint8_t council[static 32]);
/* What a key was or is to a council. */
enum kr_root_rank {
    KR_ROOT_NONE,   /* no root key of its, as far as its card tells */
    KR_ROOT_FORMER, /* replaced by a re-keying */
    KR_ROOT_IN_FORCE,
    KR_ROOT_NEWER, /* of a card alone: that card's re-keyings count before those known here */
};
enum kr_root_rank kr_directory_rank(const struct kr_directory *directory, const uint8_t author[static 32],
                                    const uint8_t key[static 32]);
/* The same of one who signs this card of its own. */
enum kr_root_rank kr_directory_rank_card(const struct kr_directory *directory, const struct kr_card *card);

/* Whether the key may sign what this header says: a root key for statements, a node key dated around `created_ms` for the rest.
 * KR_UNKNOWN_AUTHOR where a card that is still to come may say so: the council has none here, or its card does not list the key.
 * KR_DENIED where none can: a key that the card lists for other dates (replaced, revoked). A card proves itself (`content` needed;
 * else NULL). What a root key signed that was replaced is genuine where its revocation says so (revoke.h); that is not asked
 * here. */
enum kr_err kr_directory_may_sign(const struct kr_directory *directory, const struct kr_header *header,
                                  const struct kr_slice *content) KR_WARN_UNUSED;
/* The newest key of the list that holds at `now_s`; NULL where none does. */
const struct kr_card_key *kr_card_key_at(const struct kr_card_key *keys, uint32_t count, uint64_t now_s);
/* Whether a node may show that key now: KR_DENIED where the card does not list it, KR_EXPIRED where it has ended, KR_BUSY where it
 * begins later on. */
enum kr_err kr_card_node_key(const struct kr_card *card, const uint8_t key[static 32], uint64_t now_ms) KR_WARN_UNUSED;
/* Whether it has ended on the card of that council that is known here. */
bool kr_directory_node_has_ended(const struct kr_directory *directory, const uint8_t council[static 32],
                                 const uint8_t key[static 32], uint64_t now_ms);

#endif
