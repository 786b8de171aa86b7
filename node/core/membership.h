/* Who is in a community, by what its councils say of each other (docs/PROTOCOL.md, "Membership"; docs/adr/0028-expulsion.md).
 *
 * Vouches let in, expulsions put out; either may be withdrawn. Three sets come of them, the same at every node that has the same
 * statements, in whatever order they came:
 *
 *   voices   whose word counts: founders, and whoever k voices vouch for, unless a quorum of voices that stand before it has
 *            expelled it. Out of two that expel each other's members, those who were there first prevail
 *   members  who gets GREEN now: founders and whoever k members vouch for, but nobody whom a quorum of voices has expelled or who
 *            has left (expelled itself)
 *   ever     whose records belong to the trees for good: as members, but what was withdrawn counts and no expulsion does, since
 *            that must not depend on when a node learnt of it
 *
 * Where newcomers get what is GREEN from now on, there is a date for each council beside them (kr_membership_since).
 *
 * Councils are numbers here. What one statement changes is worked out from what it changes, not from all that was ever said. All
 * vouches are gone through, once for each set, only where it changes much, where a community has no room for all, or where some
 * expel each other and it may change who stands before whom. */
#ifndef KR_NODE_CORE_MEMBERSHIP_H
#define KR_NODE_CORE_MEMBERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"
#include "proto/client/community.h"

enum kr_word { KR_WORD_VOUCH, KR_WORD_EXPULSION, KR_WORD_COUNT };

/* What one council says of another. */
struct kr_edge {
    uint64_t created_ms;
    uint32_t from;
    uint32_t to : 31;
    uint32_t is_withdrawn : 1;
};

/* Those of one kind, in groups: vouches by author, expulsions by council expelled. That of council i is items[first[i] …
 * first[i + 1]), unless they are unsorted (as they came). */
struct kr_edges {
    struct kr_edge *items;
    uint32_t *first;
    uint32_t count, capacity;
    bool is_unsorted;
};

/* A set that is reached from the founders: who is in it has the vouches that it needs from others who were in before. So what one
 * vouch less changes is found by following those who came in behind. */
struct kr_reached {
    uint8_t as, barred; /* bits of enum kr_standing: of who is in it; of who may not be */
    bool with_withdrawn;
    bool is_stale;     /* to be worked out from all vouches */
    bool is_cut;       /* there was no room for all: likewise, whenever one changes */
    uint32_t count;    /* of who is in it */
    uint32_t *rank;    /* in which order they came in; KR_NOT_IN */
    uint32_t *votes;   /* vouches for each by who is in, and … */
    uint32_t *support; /* … of who is in itself, those of them by lower ranks */
    uint32_t *queue;   /* councils to be followed; room for each twice */
    uint32_t next_rank;
};
#define KR_NOT_IN UINT32_MAX /* as a rank or distance */
enum kr_set { KR_SET_VOICES, KR_SET_MEMBERS, KR_SET_EVER, KR_SET_COUNT };

struct kr_membership {
    uint32_t vouches_needed, quorum;
    uint8_t (*ids)[32]; /* of the councils, by number */
    uint32_t *by_id;    /* their numbers, ascending by id */
    uint8_t *standing;  /* of each: bits of enum kr_standing */
    uint32_t council_count, council_capacity;
    struct kr_edges words[KR_WORD_COUNT];
    struct kr_edges vouches_for;          /* the vouches once more, by council vouched for */
    struct kr_reached sets[KR_SET_COUNT]; /* voices without regard to who expels whom, but for who left */
    bool is_settled, is_contested;        /* nothing was said since; who was there first decides about some expulsion */
    struct kr_seniority *seniority;       /* then who stands before whom; NULL: to be worked out */
    bool is_dated, is_undated;            /* whether dates are asked for; whether all are still to be worked out */
    uint64_t *since_ms; /* of each council, where they are: when it first had the vouches that stand; KR_NOT_SINCE */
};
#define KR_NOT_SINCE UINT64_MAX

void kr_membership_init(struct kr_membership *membership, uint32_t vouches_needed, uint32_t quorum);
void kr_membership_deinit(struct kr_membership *membership);
/* Asks for dates, which `kr_membership_settle` then works out. Before anything else. */
void kr_membership_date(struct kr_membership *membership);
enum kr_err kr_membership_found(struct kr_membership *membership, const uint8_t founder[static 32]) KR_WARN_UNUSED;

/* Whether one more of that council's words about `to` would be taken: it replaces one, or there is room. */
bool kr_membership_has_room(const struct kr_membership *membership, enum kr_word word, const uint8_t from[static 32],
                            const uint8_t to[static 32]);
/* Takes one; it replaces an older one of the same two councils. KR_BOUNDS without room; KR_NOMEM. The sets
 * hold again after `kr_membership_settle`. */
enum kr_err kr_membership_put(struct kr_membership *membership, enum kr_word word, const uint8_t from[static 32],
                              const uint8_t to[static 32], uint64_t created_ms, bool is_withdrawn) KR_WARN_UNUSED;
/* The same for many at once, each for another two councils: they are not found before `kr_membership_settle` has sorted them. */
enum kr_err kr_membership_append(struct kr_membership *membership, enum kr_word word, const uint8_t from[static 32],
                                 const uint8_t to[static 32], uint64_t created_ms, bool is_withdrawn) KR_WARN_UNUSED;
/* Brings the sets up to date. KR_NOMEM. */
enum kr_err kr_membership_settle(struct kr_membership *membership) KR_WARN_UNUSED;

/* The council's number; UINT32_MAX where nobody has spoken of it. */
uint32_t kr_membership_number(const struct kr_membership *membership, const uint8_t council[static 32]);
/* Bits of enum kr_standing; 0 where nobody has spoken of it. */
uint8_t kr_membership_standing(const struct kr_membership *membership, const uint8_t council[static 32]);
uint32_t kr_membership_count(const struct kr_membership *membership); /* of members */
/* Since when (ms) the council is in: when it had as many as it needs of the vouches that stand, each counted from when its author
 * was in; of one that left and came back, no earlier than it did. 0: a founder, or no dates are asked for. KR_NOT_SINCE: it is
 * not. */
uint64_t kr_membership_since(const struct kr_membership *membership, const uint8_t council[static 32]);
/* What `from` says of `to`; NULL: nothing. Borrowed until the next statement. */
const struct kr_edge *kr_membership_find(const struct kr_membership *membership, enum kr_word word, const uint8_t from[static 32],
                                         const uint8_t to[static 32]);

#endif
