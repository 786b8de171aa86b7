/* Walking trees: two nodes find what differs between their trees of one scope, and each hands over what the other lacks
 * (docs/PROTOCOL.md, "Walking the trees"). Private to node/core.
 *
 * What a part asks for is answered from the trees as they are then: nothing of a walk is remembered but the messages that wait to
 * be dealt with (at most KR_WALK_FRAMES_MAX), and how far each is. So whatever a peer says costs a bounded piece of
 * work, and a walk that ends early has lost nothing: the next one finds the rest. */
#ifndef KR_NODE_CORE_WALK_H
#define KR_NODE_CORE_WALK_H

#include "crypto/hash.h"
#include "proto/wire/sync.h"
#include "store/store.h"

#define KR_WALK_LIST_ALL 1024u   /* where no more differ, as far as we know, all are listed: it saves a round trip */
#define KR_WALK_MS_MAX   60000u  /* no progress for so long: the walk ends */
#define KR_WALK_PAUSE_MS 600000u /* a peer that costs more than its trees can account for is not walked with for so long */

/* Work, in bytes of messages or what takes as long. */
#define KR_WALK_COST_LOOK  64u     /* a row of a tree */
#define KR_WALK_COST_KEY   4u      /* a key of a list */
#define KR_WALK_COST_PUSH  128u    /* a record found, to be pushed */
#define KR_WALK_COST_SAID  4096u   /* any message of the peer's: trees are opened for it */
#define KR_WALK_COST_BEGIN 8192u   /* that the peer begins a walk */
#define KR_WALK_COST_STEP  196608u /* in one step, 3 ms or so; the rest in the next */

/* What all walks of a link may cost in KR_WALK_PAUSE_MS: a whole walk in which everything differs, several times. */
#define KR_WALK_BUDGET_MIN (4u * KR_MIB)
#define KR_WALK_BUDGET_KEY 64u /* for each key of both; of the peer's, no more than 4 times ours and 65,536 */

struct kr_step;
struct kr_link;
struct kr_core;

/* A walk that we began is over. `found`: records that one of the two lacked, as far as we know; `came`: that came by the link
 * meanwhile. */
typedef enum kr_err kr_walk_done(struct kr_step *step, struct kr_link *link, const struct kr_scope *scope, uint64_t found,
                                 uint64_t came);

/* A message that waits, and how far it is dealt with. */
struct kr_walk_frame {
    uint32_t generation;
    size_t at; /* begin of the part that is next */
    bool is_weighed, lists_all;
    /* Of that part: what it asks for is said; records are pushed up to this key of this month. */
    bool is_said, has_after;
    uint32_t after_month;
    uint8_t after[KR_TREE_KEY_BYTES];
    size_t len;
    uint8_t bytes[];
};

struct kr_walk {
    bool is_active;
    kr_walk_done *done;    /* of one that we began; else NULL */
    struct kr_scope scope; /* in our own naming */
    uint64_t number;       /* of the last one: the dialler counts them in each session */
    uint8_t key[KR_SHORT_KEY_BYTES];
    struct {
        uint32_t sent, sent_dealt;  /* messages with parts of ours, and how many of them the peer has dealt with */
        uint32_t came, dealt, told; /* of the peer's; how many we have dealt with, and have told it so */
    } generations[KR_WALK_GENERATIONS];
    struct kr_walk_frame *frames[KR_WALK_FRAMES_MAX]; /* of the peer's, to be dealt with; owned, in order of arrival */
    uint32_t count;
    size_t bytes; /* of all of them */

    struct kr_writer parts; /* said in answer to that generation, and not sent yet: a message fills over several steps */
    uint32_t part_count, answers;

    uint64_t found;                        /* records that one of the two lacked */
    uint64_t keys;                         /* in our tree when it began */
    uint64_t progress_ms;                  /* when there last was some */
    uint64_t records_before, records_seen; /* that came by the link: when it began, when last looked at */
    uint64_t ended_ms;                     /* when it did; 0: not yet, or with its session */

    /* Kept from walk to walk, whatever session. */
    uint64_t budget;          /* of this one */
    uint64_t spent, spent_ms; /* so much of budgets, in parts of 2^32, and when that was */
    uint64_t paused_until_ms;
};

/* Begins to walk that scope. At its end `done` is called, but not where the session ends before.
 * `*ret_begun` false: a walk is under way, walks with this peer are paused, or the scope is not shared. Only who dials begins. */
enum kr_err kr_walk_begin(struct kr_step *step, struct kr_link *link, const struct kr_scope *scope, kr_walk_done *done,
                          bool *ret_begun) KR_WARN_UNUSED;
enum kr_err kr_walk_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
/* Goes on with what waits, of all links in turn, and ends walks that do not go on. */
enum kr_err kr_walks_tick(struct kr_step *step) KR_WARN_UNUSED;
/* The session is over. */
void kr_walk_close(struct kr_link *link);

/* ---- walk_part.c: one part ---- */
/* What deals with parts in one step; large, so on the heap. */
struct kr_walker {
    struct kr_step *step;
    struct kr_link *link;
    struct kr_walk *walk;
    struct kr_walk_frame *frame; /* that is dealt with; NULL while a walk begins */
    bool lists_all;              /* few enough differ */
    struct kr_tree_view *view;   /* from when it is needed */
    uint32_t month_from;         /* earlier ones are over, for us or for the peer */
    uint64_t left, cost;         /* work that may still be done in this step, and what was done */
    struct kr_tree_node node;
    uint8_t keys[2u * KR_SYNC_LIST_MAX + 1u][KR_TREE_KEY_BYTES];
    uint8_t names[KR_SYNC_LIST_MAX * KR_SYNC_NAME_BYTES];
    struct kr_tree_month months[KR_SYNC_MONTHS_MAX]; /* ours, once read */
    uint32_t month_count;
    bool has_months;
    struct kr_walk_plan *plan;
};
enum kr_err kr_walker_new(struct kr_step *step, struct kr_link *link, struct kr_walker **ret_walker) KR_WARN_UNUSED;
void kr_walker_free(struct kr_walker *walker);
/* Reads our months, once. */
enum kr_err kr_walker_months(struct kr_walker *walker) KR_WARN_UNUSED;
/* Deals with the part, as far as there is room to push records; `*ret_done`: with all of it. */
enum kr_err kr_walk_part(struct kr_walker *walker, const struct kr_sync_part *part, bool *ret_done) KR_WARN_UNUSED;
/* Adds to `*total` how many of our keys are where something differs. */
enum kr_err kr_walk_weigh(struct kr_walker *walker, const struct kr_sync_part *part, uint64_t *total) KR_WARN_UNUSED;
/* Adds a part; sends what was added before where both do not fit one message. */
enum kr_err kr_walk_say(struct kr_walker *walker, const struct kr_sync_part *part) KR_WARN_UNUSED;

#endif
