/* Spreading new records: a tree for each scope and author, made by the records themselves (after Plumtree: Leitão, Pereira,
 * Rodrigues, "Epidemic Broadcast Trees", SRDS 2007; docs/PROTOCOL.md, "Gossip"). Private to node/core.
 *
 * A new record goes along eager links whole and along lazy ones as a short id (IHAVE). A copy that was not needed makes its link
 * lazy (PRUNE); an id that is not followed by its record within a round trip makes that link eager and brings the record (GRAFT).
 * Queues, windows and credit are gossip.c's. All that is remembered here is memory: lost, it is learnt again, and catching up
 * brings what is missed meanwhile. */
#ifndef KR_NODE_CORE_SPREAD_H
#define KR_NODE_CORE_SPREAD_H

#include "node/core/awaited.h"
#include "node/core/budget.h"
#include "node/core/job.h"
#include "node/core/route.h"

struct kr_step;
struct kr_link;
struct kr_core;

#define KR_EAGER_MAX       5u      /* of so many links that share a scope all are eager at first; of more, four */
#define KR_RTT_MS_FIRST    200u    /* a link's round trip before it was measured */
#define KR_PATIENCE_MS_MIN 25u     /* an announced record is waited for at least so long before it is asked for */
#define KR_PATIENCE_MS_MAX 2000u   /* and at most so long */
#define KR_PRUNES_MAX      32u     /* trees that a peer is asked in one message to leave */
#define KR_SPREAD_AGE_MS   600000u /* what catching up brought and is older than this is left to others' catching up */

/* What spreading remembers of a link. */
struct kr_spread_link {
    uint32_t slot;                     /* of this core's links; another one's once the link is dropped */
    uint64_t rtt_ms;                   /* 0: not measured yet */
    uint64_t ping_ms;                  /* when the ping went out whose answer is timed; 0: none */
    uint32_t pings_out;                /* pings not answered yet */
    uint8_t (*ids)[KR_SHORT_ID_BYTES]; /* to be announced: a ring */
    uint32_t id_head, id_count, id_capacity;
    struct {
        uint8_t route[KR_ROUTE_KEY_BYTES], id[KR_SHORT_ID_BYTES];
    } prunes[KR_PRUNES_MAX]; /* to be sent, one a tree */
    uint32_t prune_count;
    struct kr_budget moves; /* grafts and prunes of the peer's that are looked at */
};

#define KR_BROUGHT_MAX 256u /* records of which it is remembered by which link they came first */
struct kr_brought {
    uint64_t arrival;
    uint32_t number; /* of the link */
};

struct kr_spread {
    bool has_secret;
    uint8_t secret[32]; /* keys of trees are hashed with it */
    struct kr_routes routes;
    struct kr_awaiting awaiting;
    struct kr_brought brought[KR_BROUGHT_MAX]; /* by arrival */
    uint64_t out_generation;                   /* of the directory, by which kr_takebacks_out last looked */
    struct kr_takebacks_walk {                 /* takeback_out.c */
        bool is_due, is_under_way, is_long;    /* long: of several slices */
        struct kr_slots asked, links;          /* that are to be told by the next walk; by the one under way */
        uint64_t begun_ms, at_ms;              /* when the last one began; nothing is done before */
        uint32_t pauses;                       /* that were made in a row, since some link had no room */
        bool is_at_notices;                    /* retractions have been looked through: `at` is a body notice's row */
        uint8_t at[97];                        /* row that it is at: KR_TAKEN_KEY_BYTES, KR_DIRECTORY_KEY_BYTES */
    } out;
    uint64_t due_ms; /* no awaited record is due before */
    uint64_t progress_ms,
        progress_announced_ms; /* when an announced record came without being asked for, and when it was announced */
};

enum kr_spread_how {
    KR_SPREAD_WHOLE, /* along eager links whole, along the others as an id */
    KR_SPREAD_IDS,   /* as an id along all: most have it, or get it as we did */
};

/* A record has entered these scopes: offers it to every peer that shares one of them and may hold it, but not to `except`, and not
 * to those that have announced it. */
enum kr_err kr_spread_offer(struct kr_step *step, const struct kr_head *head, const struct kr_scope *scopes, uint32_t count,
                            bool is_bulk, enum kr_spread_how how, const struct kr_link *except) KR_WARN_UNUSED;

/* A record that came by the link was stored under that number: which of several nodes of one council brought it. */
void kr_spread_brought(struct kr_spread *spread, const struct kr_link *link, uint64_t arrival);
/* A copy came by the link and goes to be checked; kr_spread_unchecked when that check is over, or will never come back. */
enum kr_err kr_spread_checking(struct kr_step *step, const struct kr_link *link, const uint8_t id[static 32]) KR_WARN_UNUSED;
void kr_spread_unchecked(struct kr_core *core, const uint8_t id[static 32]);
/* That check has ended with this verdict, and the record is admitted or not. */
enum kr_err kr_spread_checked(struct kr_step *step, struct kr_link *link, const struct kr_job *job,
                              enum kr_err verdict) KR_WARN_UNUSED;
/* A copy came by the link of a record that is here. */
enum kr_err kr_spread_doubled(struct kr_step *step, struct kr_link *link, const uint8_t id[static 32]) KR_WARN_UNUSED;

enum kr_err kr_spread_ihave(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
enum kr_err kr_spread_graft(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
enum kr_err kr_spread_prune(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;

/* At the end of a batch, before gossip fills frames: asks for what is due; says over one link what there is to say. */
enum kr_err kr_spread_flush(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_spread_flush_link(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;

/* ---- spread_link.c ---- */
/* To be said with the next flush. Ids beyond the bound are left to catching up. */
enum kr_err kr_spread_announce(struct kr_link *link, const uint8_t id[static 32]) KR_WARN_UNUSED;
void kr_spread_ask_to_prune(struct kr_link *link, const uint8_t route[static KR_ROUTE_KEY_BYTES], const uint8_t id[static 32]);

uint64_t kr_spread_round_trip(const struct kr_link *link); /* as measured, or a guess */
/* How long a record that it announced may take by other ways: half a round trip, so that asking for it is over within two. */
uint64_t kr_spread_patience(const struct kr_link *link);
/* Pongs answer pings in order. */
void kr_spread_pinged(struct kr_link *link, uint64_t now_ms);
void kr_spread_ponged(struct kr_link *link, uint64_t now_ms);

/* The link is new here: gets a slot. */
void kr_spread_add_link(const struct kr_core *core, struct kr_link *link);
void kr_spread_open(struct kr_step *step, struct kr_link *link);      /* its session begins */
void kr_spread_close(struct kr_link *link);                           /* and ends */
void kr_spread_drop_link(struct kr_core *core, struct kr_link *link); /* it is forgotten */
void kr_spread_free_link(struct kr_link *link);
void kr_spread_deinit(struct kr_spread *spread);

#endif
