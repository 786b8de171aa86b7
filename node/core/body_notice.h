/* Names of bodies that agreed to it, told to communities (docs/PROTOCOL.md, "Body notices"; docs/adr/0057): what this council tells
 * of its own, and the rows of what all councils tell.
 *
 *   KR_TABLE_DIRECTORY  39 ‖ council 32 ‖ community 32 ‖ body 32 → as directory.h says; names empty: told no more
 *
 * A name is a council's word about a body of its own: the council is in the key, so that nobody's word about an id stands in the
 * way of another's. */
#ifndef KR_NODE_CORE_BODY_NOTICE_H
#define KR_NODE_CORE_BODY_NOTICE_H

#include "node/core/directory.h"
#include "proto/record/body_notice.h"
#include "store/store.h"

struct kr_step;
struct kr_job;
struct kr_link;

#define KR_BODY_NOTICE_ROW_BYTES (4u * KR_KIB)
/* Once so many were made in a step, what makes them goes on in another one; one body's communities are dealt with together. */
#define KR_BODY_NOTICES_SLICE 16u

/* How far the comparison is of what stands with what should stand; of the core, not durable: a core that is made anew begins at
 * once. */
struct kr_body_notices {
    uint64_t at_ms;      /* when the next one begins */
    uint64_t generation; /* of the directory, when it was last looked at */
    bool has_bodies;     /* some card of one is here, or something that was told of one */
    bool is_under_way;
    bool is_past_rows;   /* those of communities that this council is out of have been looked through: the cards are next */
    bool has_complained; /* since it began: what cannot be said of one body cannot of others either */
    bool trusts_cards;   /* cards went back to an older version: for one comparison, what a newer one said does not count */
    uint8_t row[KR_DIRECTORY_KEY_BYTES]; /* key of the row that was looked at last */
    uint8_t after[32];                   /* the body whose card was; all zero: none */
};

/* The row; KR_NOT_FOUND. `value` (KR_BODY_NOTICE_ROW_BYTES) is what the entry borrows from. */
enum kr_err kr_body_notice_get(struct kr_txn *txn, const uint8_t council[static 32], const uint8_t community[static 32],
                               const uint8_t body[static 32], uint8_t *value, struct kr_directory_entry *ret_entry) KR_WARN_UNUSED;
/* Whether the row tells a name that this council may be shown now: it has one and has not expired, both councils are members, and
 * it is not from before this one was in, where newcomers get what is GREEN from then on. */
bool kr_body_notice_is_told(const struct kr_directory *directory, const uint8_t self[static 32], uint64_t now_ms,
                            const uint8_t council[static 32], const uint8_t community[static 32],
                            const struct kr_directory_entry *entry);

/* What the job's record must be, beyond what holds for any GREEN one: form, content, room for one more body of that council there.
 * KR_MALFORMED, KR_BOUNDS. */
enum kr_err kr_body_notice_judge(struct kr_step *step, const struct kr_job *job) KR_WARN_UNUSED;
/* Whether it tells no name. That is taken from whom nothing else is taken any more. */
bool kr_body_notice_withdraws(const struct kr_job *job);
/* It is stored: its row. */
enum kr_err kr_body_notice_take(struct kr_step *step, const struct kr_job *job) KR_WARN_UNUSED;
/* The record counts no more (expired, false, its author is no member by genuine vouches): its row goes, if it is its. */
enum kr_err kr_body_notice_forget(struct kr_step *step, const struct kr_head *head) KR_WARN_UNUSED;

/* A card of a body was taken, made by this node or by another one of this council, which is given time to say so itself. */
enum kr_err kr_body_notices_card(struct kr_step *step, bool is_made_here) KR_WARN_UNUSED;
/* The card that stood is false: what it said is taken back, and the one before counts, if there is one. */
enum kr_err kr_body_notices_card_is_false(struct kr_step *step, const uint8_t body[static 32]) KR_WARN_UNUSED;
/* This council has left a community: its names are taken back there from the next tick on. What is left to be done is what the rows
 * still name; kr_takeback_out tells the members. */
enum kr_err kr_body_notices_left(struct kr_step *step) KR_WARN_UNUSED;
/* A slice of the comparison, where it is due. */
enum kr_err kr_body_notices_tick(struct kr_step *step) KR_WARN_UNUSED;

#endif
