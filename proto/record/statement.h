/* Statements of the directory: council card, charter, vouch, expulsion (docs/PROTOCOL.md, "Statements").
 *
 *   council genesis     = array of 4: version 1, root public key (bin 32), recovery commitment (bin 32), nonce (bin 16)
 *   council id          = BLAKE2b-256("kairan council id" ‖ council genesis)
 *   recovery commitment = BLAKE2b-256("kairan recovery key" ‖ recovery public key)
 *   council card        = array of 10: genesis (bin), name ja, name en, region (strs), contact (array of [name, mail, telephone,
 *                         hours], strs), hosted by (bin 0 or 32), transport keys (array of [public (bin 32), from_s, until_s,
 *                         endpoint (str)]), node keys, sealing keys (arrays of [public (bin 32), from_s, until_s]), previous
 *                         version's record id (bin 0 or 32); once the root key was replaced, array of 12: behind them the two
 *                         fields of rekeying.h
 *   charter genesis     = array of 6: version 1, name (str), founders (array of bin 32, strictly ascending), vouches needed k,
 *                         quorum, nonce (bin 16); where newcomers get what is GREEN from now on: array of 7, version 2, and behind
 *                         these the number 1
 *   community id        = BLAKE2b-256("kairan community id" ‖ charter genesis)
 *   charter             = array of 3: genesis (bin), text (str), previous (bin 0 or 32)
 *   vouch, expulsion    = array of 4: council vouched for or expelled (bin 32), withdrawn (0/1), reason (str), previous (bin 0 or
 *                         32); of an expulsion whose author is that council: it leaves. A vouch where newcomers get what is GREEN
 *                         from now on: array of 5, behind these since when its author vouches for that council (ms)
 *
 * All are records signed by the root key, label CLEAR or GREEN; their header's community names the directory that they belong to.
 */
#ifndef KR_PROTO_RECORD_STATEMENT_H
#define KR_PROTO_RECORD_STATEMENT_H

#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/record/rekeying.h"

struct kr_card_key {
    uint8_t public_key[32];
    uint64_t from_s, until_s; /* until 0: open end */
    struct kr_slice endpoint; /* transport keys only; "tcp://host:port" or empty: dials out only */
};

struct kr_card {
    struct kr_slice genesis;
    uint8_t council[32]; /* computed from the genesis on parsing */
    /* From the genesis. */
    uint8_t genesis_root[32], commitment[32];
    uint8_t root_public[32]; /* in force by this card: the last re-keying's, else the genesis' */
    struct kr_rekeyings rekeyings;
    struct kr_slice name_ja, name_en, region;
    struct kr_slice contact_name, contact_mail, contact_telephone, contact_hours;
    struct kr_slice hosted_by, previous;
    uint32_t transport_count, node_count, sealing_count;
    struct kr_card_key transport[KR_CARD_KEYS_MAX], node[KR_CARD_KEYS_MAX], sealing[KR_CARD_KEYS_MAX];
};
/* Every key is checked as a valid point (KR_KEY), and re-keyings as proved. */
enum kr_err kr_card_parse(struct kr_slice content, struct kr_card *ret_card) KR_WARN_UNUSED;
/* The same without that check, which is nearly all of the cost: for a card that has passed it before. */
enum kr_err kr_card_read(struct kr_slice content, struct kr_card *ret_card) KR_WARN_UNUSED;
void kr_card_write(const struct kr_card *card,
                   struct kr_writer *writer); /* what is computed on parsing is not written: genesis and re-keyings have it */
/* The transport key, or node key, that takes the place of `key` at the same node; NULL: none does. A node's next key is put on the
 * card when the one before gets its end, KR_KEY_OVERLAP_S later: by these two dates they are known to belong together. (Two node
 * keys that were replaced at once in the same second have the same dates; one that is to be replaced later has its own.) */
const struct kr_card_key *kr_card_transport_after(const struct kr_card *card, const uint8_t key[static 32]);
const struct kr_card_key *kr_card_node_after(const struct kr_card *card, const uint8_t key[static 32]);
/* Whether the node that had `key` has `later` after it, or after others. */
bool kr_card_transport_comes_behind(const struct kr_card *card, const uint8_t key[static 32], const uint8_t later[static 32]);
bool kr_card_node_comes_behind(const struct kr_card *card, const uint8_t key[static 32], const uint8_t later[static 32]);
/* Whether `later` says that a node key was in force more than a day (clocks err) before `before` was made, which does not list it:
 * whoever signed the later one would have something taken for genuine that was signed before that key was. `before_ms`: when the
 * former was created. */
bool kr_card_dates_back(const struct kr_card *before, uint64_t before_ms, const struct kr_card *later);
/* Packs a council genesis into `writer` and computes the id. */
void kr_council_genesis_write(const uint8_t root_public[static 32], const uint8_t recovery_public[static 32],
                              const uint8_t nonce[static 16], struct kr_writer *writer);
void kr_council_id(uint8_t ret_id[static 32], struct kr_slice genesis);

struct kr_charter {
    struct kr_slice genesis;
    uint8_t community[32]; /* computed on parsing */
    struct kr_slice name, text, previous;
    uint32_t founder_count;
    uint8_t founders[KR_FOUNDERS_MAX][32];
    uint32_t vouches_needed, quorum;
    bool is_from_now_on; /* newcomers get what is GREEN from when they are in */
};
enum kr_err kr_charter_parse(struct kr_slice content, struct kr_charter *ret_charter) KR_WARN_UNUSED;
void kr_charter_write(const struct kr_charter *charter, struct kr_writer *writer); /* writes genesis, text, previous */
void kr_charter_genesis_write(const struct kr_charter *charter, const uint8_t nonce[static 16], struct kr_writer *writer);
void kr_community_id(uint8_t ret_id[static 32], struct kr_slice genesis);

/* A vouch or an expulsion. */
struct kr_vouch {
    uint8_t council[32];
    bool is_withdrawn;
    struct kr_slice reason, previous;
    uint64_t since_ms; /* 0: as its record is dated */
};
enum kr_err kr_vouch_parse(struct kr_slice content, struct kr_vouch *ret_vouch) KR_WARN_UNUSED;
void kr_vouch_write(const struct kr_vouch *vouch, struct kr_writer *writer);

#endif
