/* Communities, as clients ask about them and take part (docs/PROTOCOL.md, "Client protocol"). */
#ifndef KR_PROTO_CLIENT_COMMUNITY_H
#define KR_PROTO_CLIENT_COMMUNITY_H

#include "proto/client/client.h"

/* What a council is in a community: bits. */
enum kr_standing {
    KR_IS_FOUNDER = 1,
    KR_IS_NAMED = 2,     /* some vouch is for it, withdrawn or not */
    KR_IS_VOICE = 4,     /* its word counts, or would, if nobody were expelled */
    KR_IS_MEMBER = 8,    /* gets GREEN now */
    KR_WAS_MEMBER = 16,  /* its records belong to the trees for good */
    KR_IS_EXPELLED = 32, /* by a quorum */
    KR_HAS_LEFT = 64,    /* expelled itself */
};

/* KR_OP_COMMUNITIES, and with the text of its charter the result of KR_OP_COMMUNITY. */
struct kr_community_item {
    uint8_t id[32];
    struct kr_slice name, text;
    uint64_t created_ms; /* of its charter; 0: not here */
    uint32_t founders, members, vouches_needed, quorum;
    uint32_t standing;   /* this council's */
    bool is_from_now_on; /* newcomers get what is GREEN from when they are in; and then … */
    uint64_t since_ms;   /* … this council does since; 0: from the beginning */
};
void kr_community_item_write(const struct kr_community_item *item, struct kr_writer *writer);
enum kr_err kr_community_item_read(struct kr_slice bytes, struct kr_community_item *ret_item) KR_WARN_UNUSED;

/* KR_OP_COMMUNITY, KR_OP_COMMUNITY_WHY: which, and there about whom. Array of 2: bin 32, bin 0 or 32. */
struct kr_community_ask {
    uint8_t community[32];
    bool has_council;
    uint8_t council[32];
};
void kr_community_ask_write(const struct kr_community_ask *ask, struct kr_writer *writer);
enum kr_err kr_community_ask_read(struct kr_slice bytes, struct kr_community_ask *ret_ask) KR_WARN_UNUSED;

/* A council in a community: items of KR_OP_COMMUNITY, and the result of KR_OP_COMMUNITY_WHY. */
struct kr_community_council {
    uint8_t council[32];
    struct kr_slice name; /* as the asking client's language has it */
    uint32_t standing;
    bool is_self, is_linked;
    uint32_t vouches, expulsions; /* for and against it, that stand and are by members */
    uint64_t since_ms;            /* gets what is GREEN from then on; 0: from the beginning */
};
void kr_community_council_write(const struct kr_community_council *council, struct kr_writer *writer);
enum kr_err kr_community_council_read(struct kr_slice bytes, struct kr_community_council *ret_council) KR_WARN_UNUSED;

/* What one says of another, for KR_OP_COMMUNITY_WHY: all that is said of the council asked about; then the vouches that stand for
 * those members who vouch for it, and so on up to the founders. At most KR_COMMUNITY_WORDS_MAX. */
struct kr_community_word {
    uint8_t from[32], to[32];
    struct kr_slice from_name, to_name;
    bool is_expulsion, is_withdrawn;
    uint32_t standing; /* its author's */
    uint64_t created_ms;
    struct kr_slice reason;
};
#define KR_COMMUNITY_WORDS_MAX 1024u
void kr_community_word_write(const struct kr_community_word *word, struct kr_writer *writer);
enum kr_err kr_community_word_read(struct kr_slice bytes, struct kr_community_word *ret_word) KR_WARN_UNUSED;

/* KR_OP_SAY: a vouch for a council, its expulsion, or the withdrawal of either; an expulsion of this council itself: it leaves.
 * Result: array of bin 32, the record's id. */
struct kr_say {
    bool has_community; /* left out: the only one */
    uint8_t community[32], council[32];
    bool is_expulsion, is_withdrawn;
    struct kr_slice reason;
};
void kr_say_write(const struct kr_say *say, struct kr_writer *writer);
enum kr_err kr_say_read(struct kr_slice bytes, struct kr_say *ret_say) KR_WARN_UNUSED;

/* As people name what newcomers of a community get of what is GREEN: all of it, or what is created from when they are in. */
#define KR_NEWCOMERS_PAST        "past"
#define KR_NEWCOMERS_FROM_NOW_ON "from-now-on"
/* Whether it is the second one; empty is the first one. KR_INVALID: it is neither. */
enum kr_err kr_newcomers_parse(struct kr_slice name, bool *ret_is_from_now_on) KR_WARN_UNUSED;

/* KR_OP_FOUND: a new community. This council is a founder and need not be named. Result as of KR_OP_SAY: the charter's id. */
struct kr_founding {
    struct kr_slice name, text;
    uint32_t vouches_needed, quorum;
    bool is_from_now_on; /* newcomers get what is GREEN from when they are in */
    uint32_t founder_count;
    uint8_t founders[KR_FOUNDERS_MAX][32];
};
void kr_founding_write(const struct kr_founding *found, struct kr_writer *writer);
enum kr_err kr_founding_read(struct kr_slice bytes, struct kr_founding *ret_found) KR_WARN_UNUSED;

#endif
