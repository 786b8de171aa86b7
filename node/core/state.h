/* What the core remembers between events, and what its files ask of each other. Private to node/core.
 *
 *   core.c     events in, one dispatch          link.c      hello, sessions, frames; links.c which links there are
 *   init.c     a node's first statements        gossip.c    queues, windows, credit: pushing records to peers
 *   admit.c    what may enter, and where to     roots.c     what both hold: digests, roots, marks
 *   submit.c   a client's record                catchup.c   cursors, have, want: what was missed
 *   answer.c   status, peers, preview, explain  ticket.c    invitations
 *   expiry.c   work that can wait               quarantine.c, pairs.c: what waits for trust; pair trees of new links
 *   walk.c, walk_part.c: trees compared         spread.c, spread_link.c: trees of dissemination
 *   takeback.c what a retraction does           through.c, forward.c: links through a third node, from the ends and in the middle
 *
 * Rule: a function looks first and changes memory last, so that an error of the store leaves nothing half done that the rebuilt
 * core would not see. */
#ifndef KR_NODE_CORE_STATE_H
#define KR_NODE_CORE_STATE_H

#include "crypto/session.h"
#include "node/core/body_notice.h"
#include "node/core/budget.h"
#include "node/core/core.h"
#include "node/core/directory.h"
#include "node/core/guard.h"
#include "node/core/job.h"
#include "node/core/policy.h"
#include "node/core/rate.h"
#include "node/core/spread.h"
#include "node/core/trial.h"
#include "node/core/walk.h"
#include "node/log.h"
#include "proto/client/community.h"
#include "proto/wire/pairing.h"
#include "proto/wire/wire.h"

#define KR_PING_MS           15000u
#define KR_SILENCE_MS        (3u * KR_PING_MS + 5000u) /* no word for so long: the session is dead */
#define KR_HELLO_MS_MIN      100u
#define KR_HELLO_MS_MAX      30000u /* with what is drawn on top: who is away is tried at least once a minute */
#define KR_HELLO_NEAR_MS_MAX 2000u  /* while joining, since a person waits for it, and who is there: it has said something, … */
#define KR_NEAR_MS           60000u /* … however unreadable, no longer ago than this */
#define KR_FIRST_TICK_MS     2000u
#define KR_WELCOME_MS        1000u           /* who joins waits so long for the welcome before it says hello again */
#define KR_TURNED_AWAY_MS    30000u          /* a node that did not admit our key is dialled again after so long */
#define KR_CATCHUP_MS_MAX    30000u          /* no progress for so long: others have their turn */
#define KR_SHORT_LOG         1024u           /* entries that are read, not walked, whatever is there already */
#define KR_PAUSE_MS_MIN      60000u          /* a scope of which nothing came is left alone for so long, then twice as long … */
#define KR_PAUSE_MS_MAX      3600000u        /* … up to this */
#define KR_HELD_MS           60000u          /* a record for which there was no room is asked for again after so long */
#define KR_PUSH_FRAME_BYTES  (256u * KR_KIB) /* a frame of pushed records ends past this */
#define KR_MAKES_FIRST_MS    1000u           /* so long large submissions of our own become durable before they are passed on */
#define KR_BULK_WINDOW_BYTES (512u * KR_KIB) /* of the peer's window, bulk uses no more: fresh records never wait behind it */
#define KR_CHECK_BYTES_MAX   KR_NET_BUFFER_BYTES_MAX /* records of all peers under check together */
#define KR_LOAN_MS_MAX       120000u /* who was lent room, has not used it for so long and is in another's way loses the session */
#define KR_LINK_LOGS_MAX     20u
#define KR_LEAVING_MAX       16u /* links that were rejected in the last few seconds */

/* Arrival numbers waiting for one peer. A full queue drops the newest: catch-up brings them. */
struct kr_queue {
    uint64_t *items;
    uint8_t (*ids)[32]; /* beside them, of records that were asked for; else NULL */
    uint32_t head, count, capacity;
    uint64_t need; /* bytes of the first one's record, where they were more than the window; else 0 */
};

/* What was in vain is not tried again for a while, each time for longer. */
struct kr_pause {
    uint64_t ms, until_ms;
};

/* One mutual scope of a link: what the peer said it has, and how far we have read. */
struct kr_progress {
    struct kr_scope scope; /* a pair bears the peer's id */
    bool is_told;          /* the peer's roots named it, and nothing was begun since that makes what follows old */
    bool is_equal;         /* what both held then was the same */
    bool is_behind;        /* records went both ways since, and stand in the peer's log: the mark follows once pings are equal */
    bool is_walk_due;      /* its trees are to be walked as soon as the link has done with another scope */
    bool is_foreign;       /* `at` is not of the peer's log: it was restored */
    uint64_t skip_ms;      /* since when … */
    bool skips_log;        /* … it is not read: most of that log is here: walking the trees finds the rest for less */
    uint64_t their_count;  /* of its log, and the running hash */
    uint8_t their_hash[KR_MARK_HASH_BYTES];
    uint64_t mark; /* durable: all before it is dealt with */
    uint8_t mark_hash[KR_MARK_HASH_BYTES];
    uint64_t at; /* how far we have read: the mark, or beyond it while that is held */
    uint8_t at_hash[KR_MARK_HASH_BYTES];
    uint64_t anew_ms; /* when the peer last said that its log is another one, and reading began from the start; 0: never */
    bool is_held;     /* there was no room for a record behind the mark: it is read again from there when that may have changed */
    uint64_t held_ms, held_generation; /* when that was, and of which directory */
    struct kr_pause reading, walking;  /* after attempts in vain */
    uint64_t waits_ms;                 /* since when it waits for the turn of another link; 0: it does not */
    struct kr_budget vain;             /* ids listed that brought nothing */
};
#define KR_PROGRESS_MAX (2u + 2u * KR_COMMUNITIES_MAX)

enum kr_catchup_phase { KR_CATCHUP_REST, KR_CATCHUP_READING, KR_CATCHUP_WALKING };

struct kr_wanted {
    uint8_t id[KR_SHORT_ID_BYTES];
    bool is_settled;
};

/* A page of the peer's log that is being dealt with. */
struct kr_page {
    uint64_t next_at, next_total; /* where the next one begins, and the end of the log */
    uint8_t next_hash[KR_MARK_HASH_BYTES];
    struct kr_wanted *wanted; /* ascending by id; owned */
    uint32_t wanted_count, wanted_left, came;
    bool holds_mark; /* there was no room for one of them */
};
#define KR_PAGES_MAX 2u /* while one is settled, the next is asked for */

/* What the peer wants of a page of our log and is not in `asked` yet. */
struct kr_order {
    struct kr_scope scope;
    uint64_t from;
    uint32_t count, at; /* bits, and how many of them are dealt with */
    uint8_t bits[KR_PAGE_IDS_MAX / 8];
};
#define KR_ORDERS_MAX 4u /* of one peer: honest ones have KR_PAGES_MAX */

/* Where a link stands whose operators have to compare a code (pairing.c). Durable. */
struct kr_pairing {
    bool was_begun;    /* false: the link is in force by a ticket that was handed over, or since before there were codes */
    bool is_pending;   /* nothing but CLEAR and the directory passes */
    bool is_vouch_due; /* we invited it to a community: our vouch is given when our operator confirms */
    bool has_random, has_commitment, has_their_random;
    uint8_t random[32], commitment[32], their_random[32]; /* the commitment is the first one's, whichever end that is */
    bool we_confirmed, they_confirmed;
    uint32_t wrong;                   /* codes that were typed here and are not it */
    char code[KR_PAIRING_CODE_BYTES]; /* "" where it is not known yet */
};

struct kr_link {
    uint32_t number;
    enum kr_link_state state;
    uint8_t council[32]; /* a council with several nodes has as many links; another node of our own council: our own id */
    uint8_t transport_key[32];
    bool is_second;  /* its card names the node beside the one that the link was first made with; of our own council: always */
    uint8_t row[32]; /* what its row in the store stands under, which tells it from all others */
    bool has_proved; /* who is there showed in this run of ours that the transport key is its own. claim.h */
    bool told_claim; /* the operator was told that a card of this council lists another one's key */
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1]; /* where we dial it; "" where we cannot */
    bool we_dial;                             /* through a third node: says hello */
    struct kr_through *through;            /* it goes through a third node (through.h), unknown to net; owned; NULL: it does not */
    uint8_t node_key[32], session_key[32]; /* of who said hello last, and of whose hello the session is */
    uint8_t keys_told[32]; /* another node of our council: hash of what it was told of the keyring in this session */
    bool has_secret;       /* joining: the ticket's one-time secret */
    uint8_t secret[32];
    bool has_community; /* the invitation's: its directory is read before membership is known */
    uint8_t community[32];
    uint64_t linked_ms;
    uint64_t pair_next, pair_end; /* arrivals still to be looked through for the pair tree of a new link: [next, end) */
    uint64_t client, request;     /* joining: who waits for it; 0: nobody */
    struct kr_pairing pairing;
    uint32_t stop;       /* enum kr_link_stop (stop.c) */
    uint64_t stopped_ms; /* since when */

    /* Session. As initiator we have at most one hello out; as responder at most one answered session that the peer has not used
     * yet. */
    bool has_session, has_pending, has_hello;
    bool is_turned_away;   /* it did not admit our key, or the link rests: to be dialled anew before the next hello */
    bool knows_next;       /* who is there has our card with the next transport key. transport_key.c */
    bool refuses_next;     /* and said that it has no room for a link under it, or that it goes by another card … */
    bool told_full;        /* … as we said to it of a key of its card */
    bool is_pending_there; /* by its word in this session the link is not in force there: it follows no card of ours yet */
    bool has_other_card;   /* we go by a card of its council without a transport key of the one that its hello bore, which is: */
    uint8_t shown_id[32];
    uint64_t session_no; /* random: jobs of an older session, or of a core before this one, earn no credit */
    struct kr_session session, pending;
    uint8_t ephemeral_public[32], ephemeral_secret[32], hello_hash[32];
    uint64_t hello_at_ms, hello_wait_ms; /* next try, and how long to wait after it */
    uint64_t heard_ms, ping_at_ms, hello_heard_ms;
    uint64_t up_ms;      /* when the session began */
    uint64_t word_ms;    /* when any frame came last, readable or not */
    int64_t clock_ms;    /* the peer's minus ours, as its last ping or pong said */
    bool is_clock_wrong; /* they are further apart than KR_AHEAD_MS_MAX, and the log says so */

    /* Pushing. */
    struct kr_queue fresh, bulk;
    struct kr_queue asked; /* what it wants, each once, at most KR_LINK_ASKED_MAX */
    bool is_asked_next;    /* of bulk and asked */
    uint64_t *grafted;     /* of fresh and bulk, what it asked for by GRAFT, once each, <= KR_LINK_GRAFTED_MAX; NULL: nothing yet */
    uint32_t grafted_count;
    bool has_room;
    uint64_t room;   /* bytes that the peer takes while nothing is under way: its first credit */
    uint64_t window; /* bytes that it takes now */
    bool has_asked;  /* for room enough for one record, since its last credit */

    /* Taking: granted + check_bytes <= share + lent, and the sum of these over all links <= KR_CHECK_BYTES_MAX. */
    uint64_t share;         /* what the peer may have under way here in this session */
    uint64_t lent, lent_ms; /* beyond that, for one record; since when */
    uint64_t granted;       /* bytes that it may still send */
    uint64_t check_bytes;   /* of its records under check, by this session or an earlier one */
    uint64_t needed;        /* bytes of a record for which it has not room enough; 0: none */

    struct kr_spread_link spread;
    struct kr_walk walk;

    uint64_t quarantine_bytes; /* of records in quarantine that the peer brought */
    bool root_is_unconfirmed;  /* its council's root key was replaced (root_confirm.h) */
    bool is_awaited;           /* not found equal since this node went back to an older state (restored.h) */

    /* Catching up: what both hold. */
    struct kr_progress *progress; /* in order of kind and id; owned */
    uint32_t progress_count;
    uint64_t progress_generation; /* of the directory, when the list was made */
    bool is_equal;                /* the last digest was ours */
    bool is_compared;             /* there was one in this session */
    uint64_t their_entries;       /* in the logs of all mutual scopes */
    uint8_t digest[16];           /* ours, where nothing changed since */
    uint64_t digest_generation, digest_entries;
    uint32_t digest_month;
    uint8_t talked[32];                 /* two digests that differ: ours, theirs */
    uint64_t talk_at_ms, talk_pause_ms; /* while they stay so, roots are sent next then, and how long is waited after that */
    struct kr_budget roots_budget;      /* scopes that may be told of */
    struct kr_budget pages_budget;      /* cursors and wants of the peer's that are answered */
    struct kr_budget refusals;          /* that the peer is told of */
    struct kr_budget forward_asks;      /* for links through this node that are not allowed, and are answered */

    /* Catching up: what is read of the peer's logs. */
    enum kr_catchup_phase phase;
    uint32_t phase_at;                  /* index in `progress` */
    uint64_t phase_ms, phase_began_ms;  /* last progress; when it began */
    uint64_t phase_came;                /* records that came of it */
    bool is_waiting;                    /* another link reads that scope */
    bool is_asked;                      /* a cursor is out, for what stands behind `pages` or `at` */
    bool yields;                        /* no further one: another link has waited long enough */
    struct kr_page pages[KR_PAGES_MAX]; /* in order */
    uint32_t page_count;
    /* And what the peer wants of ours. */
    struct kr_order *orders[KR_ORDERS_MAX]; /* in order; owned */
    uint32_t order_count;

    /* Lines that the peer gave reason for: so many in the minute that began then. */
    uint64_t log_ms;
    uint32_t log_count;

    uint64_t trial_asked_ms, trial_served_ms; /* when it was last asked to try our address, and we tried its; 0: never */

    /* Counters of this run. */
    uint64_t sent_records, sent_bytes, received_records, received_bytes, refused_records;
    struct kr_rate sent_rate, received_rate;
};

/* An invitation of ours. Lives until it has expired or the council that used it is linked; once used it admits only that one. */
struct kr_invitation {
    uint32_t number;
    uint8_t public_key[32]; /* of the one-time secret */
    uint64_t expires_s;
    bool has_community;
    uint8_t community[32];
    bool is_for_node; /* of our own council */
    bool is_used;
    uint8_t used_by[32]; /* council; for a node its node key */
    bool is_by_hand;     /* its link is in force at once */
    /* The joiner's session while it is being welcomed. */
    bool has_pending;
    struct kr_session pending;
    uint8_t joiner[32];
    uint64_t heard_ms; /* last hello */
    uint8_t *card;     /* record of the joiner's card, owned */
    size_t card_len;
};

struct kr_watcher {
    uint64_t client, request;
    struct kr_caller caller; /* asked for anew before each record */
    bool speaks_japanese;
};

/* How many entries of the audit log were written about a user of late. */
struct kr_audit_count {
    bool is_used;
    uint64_t mark;      /* kr_caller_mark */
    uint32_t op, count; /* op 0: what was refused */
    uint64_t since_ms;
};

/* Whether this node went back to an older state of its store, and has not reconciled since (restored.h). */
enum kr_restored_how { KR_RESTORED_NOT, KR_RESTORED_TOLD, KR_RESTORED_RECOGNISED };
struct kr_restored {
    uint32_t how; /* enum kr_restored_how */
    uint64_t since_ms, ended_ms /* the last time; 0: never */;
};

struct kr_core {
    struct kr_core_options options;
    const struct kr_keyring *keyring;
    bool has_identity;
    struct kr_novice *novice; /* asks to be a node of `self`, and has no identity until then; owned; NULL: does not */
    bool shares_council;      /* there are, or were, other nodes: what the council alone may hold is in a scope, too */
    uint8_t self[32];
    uint64_t started_ms, now_ms;
    uint32_t next_number;
    uint64_t allow_generation;
    bool net_is_up, greeted;
    struct kr_directory directory;
    struct kr_link *links[KR_LINKS_MAX];
    uint32_t link_count;
    struct kr_leaving { /* links that are gone, while the last word to their peers is on its way */
        uint32_t number;
        uint8_t transport_key[32];
        bool we_dial;
        uint64_t until_ms;
    } leaving[KR_LEAVING_MAX];
    uint32_t leaving_count;
    uint32_t pending_count;    /* of them, not confirmed by both operators yet */
    uint32_t links_skipped;    /* links in the store that bear our own transport key */
    uint32_t rows_skipped;     /* rows of the small tables that could not be read when the core was made */
    uint64_t roots_generation; /* goes up with every change of what some scope holds */
    struct kr_held *held;      /* roots as last worked out; owned */
    uint32_t held_count, held_capacity;
    uint32_t lend_at; /* index of the link that is lent to next, so that each has its turn */
    struct kr_spread spread;
    uint32_t walk_at;                             /* index of the link whose walk goes on first */
    struct kr_forward *forwards[KR_FORWARDS_MAX]; /* forward.h; owned */
    uint32_t forward_count, forward_at;           /* at: whose turn is first */
    struct kr_invitation *invitations[KR_TICKETS_MAX];
    uint32_t invitation_count;
    struct kr_watcher watchers[KR_WATCHERS_MAX];
    uint32_t watcher_count;
    bool people_are_stale; /* a card was taken in this batch: watchers are looked at */
    bool keys_are_stale;   /* a machine's key, or a ticket for one: net is told at the end of the batch */
    uint64_t enrol_due_s;  /* when the next ticket for a machine expires; UINT64_MAX: there is none */
    uint64_t jobs_out, check_bytes;
    uint64_t makes_out, makes_since_ms; /* of jobs_out: large submissions of our own; since when flushes have found any */
    uint64_t quarantine_count, quarantine_bytes;
    uint64_t takebacks_waiting; /* for the operator's word */
    uint64_t alarms_open;       /* likewise (alarm.h) */
    uint32_t unconfirmed_count; /* councils whose root key is to be confirmed (root_confirm.h) */
    struct kr_restored restored;
    struct kr_body_notices body_notices;
    bool takeback_is_due;              /* some have it now */
    bool quarantine_is_due;            /* the directory changed since the last look */
    bool quarantine_is_stale;          /* it did since the round began that is under way */
    uint8_t quarantine_at[32];         /* how far that round is; zero: at its beginning */
    uint32_t idle_turn;                /* which kind of work that can wait is next */
    uint64_t signed_day, signed_count; /* records that our node key signed on that day since 1970, UTC */
    uint64_t signed_noted;             /* how many of them the store knows of, in steps ahead */
    uint64_t ahead_at_ms;              /* when the first of the records dated ahead is shown; UINT64_MAX: none is held back */
    uint64_t damage_ms;                /* when a damaged record was last spoken of */
    bool drafts_are_old;               /* of an earlier version, some of them: draft_row.c makes records of them */
    uint8_t drafts_at[16];             /* how far it is; zero: at the beginning */
    struct kr_audit_count audit_counts[KR_AUDIT_COUNTS_MAX];
    uint64_t audit_at_ms; /* when it is next looked whether entries are to be dropped */
    uint64_t expiry_at_ms;
    uint64_t expiry_next;               /* arrival from which expired records are looked for next */
    bool links_are_due_anew;            /* at the next tick all sessions begin anew */
    bool links_differ, machines_differ; /* at the next tick it is looked whether all nodes of this council have the same */
    uint64_t machines_due_ms;           /* or when that is next done for machines: a card was put in order just before */
    bool links_follow_cards;            /* at the next tick it is looked which nodes there are: cards changed */
    uint64_t links_follow_ms;           /* or when that is next done without cause, for keys that have ended since */
    struct kr_revoked_page {            /* names of genuine records: the page that was asked about last. revoke.c */
        uint8_t record_id[32];
        uint8_t *bytes;        /* owned; NULL: none */
        struct kr_slice names; /* in them */
    } revoked_page;
    bool revoked_is_due;     /* some are to be swept by */
    bool strangers_are_due;  /* rekeyed.h */
    uint8_t listed_next[32]; /* the node key that came next when our card began to list it; zero: none. rotate.c */
    uint64_t next_turn_s;    /* when that one has its turn; 0: there is none */
    uint64_t next_late_ms;   /* when it was first seen that the time for it had gone by meanwhile; 0: it was not */
    bool next_had_turn;      /* it had */
    uint8_t named_for[32];   /* the node key of the keyring when our card was last looked at */
    uint8_t named_next[32];  /* the one that our card names for after it; zero: none */
    uint64_t named_turn_s;   /* when that one has its turn; 0: there is none */
    uint64_t lost_told_ms;   /* when it was last said that it is not in the keyring */
    uint32_t month_from;     /* months before it are gone from the trees; 0: since the start nobody has looked */
    struct kr_trials trial;
    struct kr_rekey rekey;                 /* how far the storage key's replacement is. storage_key.c */
    uint64_t rekey_at_ms, transport_at_ms; /* not before; when it is next looked whether the next transport key has its turn */
};

/* One event being worked on. */
struct kr_step {
    struct kr_core *core;
    struct kr_txn *txn;
    struct kr_rng *rng;
    struct kr_effects *effects;
    uint64_t now_ms;
    bool speaks_japanese;
    const struct kr_event *asking; /* the request that is being worked on: jobs inherit who asked; NULL: none */
    struct kr_slice asked;         /* its arguments, or those of a draft that it edits; borrowed */
    struct kr_slice note;          /* for its entry in the audit log; borrowed */
    uint32_t notices_made;         /* body notices that were signed for it so far */
};

/* ---- core.c ---- */
enum kr_err kr_step_log(struct kr_step *step, uint32_t level, const char *fmt, ...) KR_PRINTF(3, 4) KR_WARN_UNUSED;
/* The same for what a peer did: KR_LINK_LOGS_MAX lines a minute from each link, or a peer could fill the log. */
enum kr_err kr_step_log_peer(struct kr_step *step, struct kr_link *link, uint32_t level, const char *fmt, ...)
    KR_PRINTF(4, 5) KR_WARN_UNUSED;
/* A record of ours is damaged. */
enum kr_err kr_step_log_damage(struct kr_step *step, uint64_t arrival) KR_WARN_UNUSED;
enum kr_err kr_step_error(struct kr_step *step, uint64_t client, uint64_t request, enum kr_err code, const char *fmt, ...)
    KR_PRINTF(5, 6) KR_WARN_UNUSED;
enum kr_err kr_step_end(struct kr_step *step, uint64_t client, uint64_t request,
                        struct kr_writer *result) KR_WARN_UNUSED;                                      /* takes the bytes */
enum kr_err kr_step_end_empty(struct kr_step *step, uint64_t client, uint64_t request) KR_WARN_UNUSED; /* an array of 0 */
enum kr_err kr_step_item(struct kr_step *step, uint64_t client, uint64_t request,
                         struct kr_writer *item) KR_WARN_UNUSED; /* likewise */
enum kr_err kr_step_wake(struct kr_step *step, uint64_t at_ms) KR_WARN_UNUSED;
enum kr_err kr_step_job(struct kr_step *step, struct kr_job *job) KR_WARN_UNUSED; /* takes it over */
/* The council's name as people read it: its card's, else its id in hex. `size` >= KR_NAME_BYTES_MAX + 1. */
const char *kr_core_name(const struct kr_core *core, const uint8_t council[static 32], bool japanese, char *ret_name, size_t size);

/* ---- links.c, link.c ---- */
enum kr_err kr_links_load(struct kr_step *step) KR_WARN_UNUSED;
void kr_link_free(struct kr_link *link);
struct kr_link *kr_link_by_number(struct kr_core *core, uint32_t number);
/* The one that was first made; NULL also for our own council, whose links are all of its other nodes. */
struct kr_link *kr_link_by_council(struct kr_core *core, const uint8_t council[static 32]);
/* All links with a council: from `*at` = 0 on; NULL behind the last. */
struct kr_link *kr_link_of_council(struct kr_core *core, const uint8_t council[static 32], uint32_t *at);
struct kr_link *kr_link_by_row(struct kr_core *core, const uint8_t row[static 32]);
/* Whether nothing but CLEAR and the directory goes over it: its council's code, or its root key, is not confirmed. */
bool kr_link_is_held(const struct kr_core *core, const struct kr_link *link);
bool kr_council_is_held(const struct kr_core *core, const uint8_t council[static 32]);
/* Whether it is in force and direct: both operators have agreed, nothing stands still because of a key. */
bool kr_link_is_settled(const struct kr_link *link);
bool kr_link_is_sister(const struct kr_core *core, const struct kr_link *link); /* with another node of our own council */
enum kr_err kr_links_follow_soon(struct kr_step *step) KR_WARN_UNUSED; /* all links follow their cards at the next tick, at once */
enum kr_err kr_link_add(struct kr_step *step, const struct kr_link *init,
                        struct kr_link **ret_link) KR_WARN_UNUSED; /* durable; `init` is copied, its `through` taken over */
enum kr_err kr_link_put(struct kr_step *step, const struct kr_link *link) KR_WARN_UNUSED;
enum kr_err kr_link_drop(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED; /* forgets it, durably */
enum kr_err kr_links_allow(struct kr_step *step) KR_WARN_UNUSED;                     /* tells net whom to let in */
void kr_link_settle_dialler(const struct kr_core *core, struct kr_link *link);       /* decides anew which side dials */
enum kr_err kr_link_dial(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
enum kr_err kr_link_frame(struct kr_step *step, uint32_t number, struct kr_slice frame) KR_WARN_UNUSED;
enum kr_err kr_link_lost(struct kr_step *step, uint32_t number) KR_WARN_UNUSED;
enum kr_err kr_link_turned_away(struct kr_step *step, uint32_t number) KR_WARN_UNUSED;
enum kr_err kr_links_net_up(struct kr_step *step) KR_WARN_UNUSED;
void kr_links_net_down(struct kr_core *core);
enum kr_err kr_links_tick(struct kr_step *step) KR_WARN_UNUSED;
/* All sessions begin anew, at once, but not in the middle of what one brings: our card has other keys, and a hello brings it, also
 * to who reads no directory with us. */
enum kr_err kr_links_renew(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_link_renew(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED; /* the same of one, now */
enum kr_err kr_link_send(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
/* Hands a frame to net, or to the link that this one goes through; takes over `bytes`. */
enum kr_err kr_frame_send(struct kr_step *step, uint32_t number, uint8_t *bytes, size_t len) KR_WARN_UNUSED;
/* One frame in the open. */
enum kr_err kr_send_plain(struct kr_step *step, uint32_t number, uint8_t class, const uint8_t *bytes, size_t len) KR_WARN_UNUSED;
/* Seals a message under any session to a peer number. */
enum kr_err kr_session_send(struct kr_step *step, uint32_t number, struct kr_session *session,
                            const struct kr_message *message) KR_WARN_UNUSED;
enum kr_err kr_link_session_up(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
void kr_link_session_down(struct kr_core *core, struct kr_link *link);
/* Our hello as responder to `hello` (whose bytes hash to `hello_hash`): sends it and sets up the session that the peer must use
 * first. */
enum kr_err kr_hello_answer(struct kr_step *step, uint32_t number, const struct kr_hello *hello,
                            const uint8_t hello_hash[static 32], struct kr_session *ret_session) KR_WARN_UNUSED;
/* Checks the card that came with a hello: its own record, whole; that it speaks for hello->council and lists hello->node_key now
 * (KR_BUSY: only later). */
enum kr_err kr_hello_card(struct kr_step *step, const struct kr_hello *hello, struct kr_job *ret_job,
                          struct kr_card *ret_card) KR_WARN_UNUSED;

/* ---- gossip.c ---- */
/* To be pushed. Nothing is said to who was to get it, if it is gone by then. */
enum kr_err kr_gossip_enqueue(struct kr_link *link, uint64_t arrival,
                              bool is_bulk) KR_WARN_UNUSED; /* KR_QUOTA where the queue is full */
/* The peer asks for it because it was announced. What waits for it already is not queued again, or sixteen bytes said over and over
 * would bring a megabyte each time. KR_QUOTA where so much waits that the peer has to ask somebody else. */
enum kr_err kr_gossip_graft(struct kr_link *link, uint64_t arrival, bool is_bulk) KR_WARN_UNUSED;
/* The peer asks for it, by that id, and is told that it is gone where it is by then. KR_QUOTA where it has asked for too much
 * already. */
enum kr_err kr_gossip_ask(struct kr_link *link, uint64_t arrival, const uint8_t id[static 32]) KR_WARN_UNUSED;
enum kr_err kr_gossip_records(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
/* The peer uses up so many bytes of the room that it was given. False where it was given less: the session is closed, and logged.
 */
bool kr_gossip_take_room(struct kr_step *step, struct kr_link *link, uint64_t bytes, enum kr_err *ret_err);
/* How many short ids the peer's window takes now: they use no more of it than bulk does. */
uint32_t kr_gossip_ids_room(const struct kr_link *link);
/* The record of that job is under check no longer. */
void kr_gossip_forget(struct kr_core *core, const struct kr_job *job);
enum kr_err kr_gossip_checked(struct kr_step *step, struct kr_job *job) KR_WARN_UNUSED;
/* At the end of a batch: fill frames, give credit. */
enum kr_err kr_gossip_flush(struct kr_step *step) KR_WARN_UNUSED;
bool kr_gossip_is_due(const struct kr_core *core); /* whether a flush might do anything */
/* A session begins: decides how much the peer may have under way and gives the first credit. */
enum kr_err kr_gossip_open(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
void kr_gossip_close(struct kr_link *link);
void kr_gossip_free(struct kr_link *link);                     /* its queues */
void kr_gossip_credited(struct kr_link *link, uint64_t bytes); /* the peer takes so much more */
/* The peer lacks room for one record of so many bytes. */
void kr_gossip_needed(struct kr_link *link, uint64_t bytes);
/* Whether the peer was lent room long ago, has not used it, and another peer waits for it. */
bool kr_gossip_owes(const struct kr_step *step, const struct kr_link *link);

/* ---- roots.c ---- */
bool kr_link_shares(const struct kr_core *core, const struct kr_link *link, const struct kr_scope *scope);
/* Brings link->progress up to date with the directory. */
enum kr_err kr_catchup_scopes(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
/* What a scope holds changed (NULL: any may have): its root is worked out anew when it is needed. */
void kr_roots_touch(struct kr_core *core, const struct kr_scope *scope);
void kr_roots_free(struct kr_core *core);
/* Sends a ping or a pong with our digest. */
enum kr_err kr_roots_ping(struct kr_step *step, struct kr_link *link, uint32_t type) KR_WARN_UNUSED;
enum kr_err kr_roots_pinged(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
/* Tells what we hold in that scope (NULL: in all) and asks for the same. */
enum kr_err kr_roots_ask(struct kr_step *step, struct kr_link *link, const struct kr_progress *only) KR_WARN_UNUSED;
enum kr_err kr_roots_told(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
/* The scope that the peer names, as the directory is now; NULL: one that is not shared. */
enum kr_err kr_progress_named(struct kr_step *step, struct kr_link *link, const uint8_t tag[static KR_SCOPE_TAG_BYTES],
                              struct kr_progress **ret_progress) KR_WARN_UNUSED;
struct kr_progress *kr_progress_of(const struct kr_link *link, const struct kr_scope *scope); /* NULL: not shared */
/* The mark moves to `count`, durably. */
enum kr_err kr_mark_move(struct kr_step *step, const struct kr_link *link, struct kr_progress *progress, uint64_t count,
                         const uint8_t hash[static KR_MARK_HASH_BYTES]) KR_WARN_UNUSED;
void kr_progress_reread(struct kr_progress *progress); /* from the mark */
void kr_pause(struct kr_pause *pause, uint64_t now_ms);

/* ---- catchup.c ---- */
enum kr_err kr_catchup_have(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
enum kr_err kr_catchup_gone(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
enum kr_err kr_catchup_cursor(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
enum kr_err kr_catchup_want(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
/* Fills the queue of what was asked for from the orders. */
enum kr_err kr_catchup_serve(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
/* A record that was wanted is dealt with (stored, refused), or `is_put_off`: there is no room for it now, and the mark must not
 * pass it. */
enum kr_err kr_catchup_settled(struct kr_step *step, struct kr_link *link, const uint8_t id[static 32],
                               bool is_put_off) KR_WARN_UNUSED;
bool kr_catchup_awaits(const struct kr_link *link, const uint8_t id[static 32]);
/* Begins whatever is next, where nothing is under way. */
enum kr_err kr_catchup_go_on(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
/* How far it is: the phase, entries, behind. */
void kr_catchup_show(const struct kr_link *link, struct kr_peer *ret_peer);
enum kr_err kr_catchup_tick(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
/* Whether all that the peer's log tells is read: what still differs is for the walk. */
bool kr_catchup_is_read(const struct kr_progress *progress);
/* Both have read each other's log and differ. */
enum kr_err kr_catchup_walk(struct kr_step *step, struct kr_link *link, struct kr_progress *progress) KR_WARN_UNUSED;
/* A record that nobody asked for was stored: where a walk brought it, the next one need not wait for long. */
void kr_catchup_gained(const struct kr_step *step, struct kr_link *link, const struct kr_job *job);
void kr_catchup_stop(struct kr_link *link);  /* nothing is read any more */
void kr_catchup_close(struct kr_link *link); /* nor served: the session is over */

/* ---- admit.c ---- */
#define KR_SCOPES_MAX (KR_LINKS_MAX + 2u)
/* What of all that a council holds no scope shared with others has, or cannot be found by: that is in its own. */
bool kr_is_of_council_scope(uint32_t kind, uint32_t label, bool has_community);
/* The scopes that a record belongs to at this node: a pure function of header, directory and links. Returns their number. */
uint32_t kr_scopes_of(const struct kr_core *core, const struct kr_header *header, struct kr_scope ret_scopes[static KR_SCOPES_MAX]);
/* The facts that policy needs, for `council`. */
void kr_policy_facts_of(const struct kr_core *core, const struct kr_header *header, const uint8_t council[static 32],
                        struct kr_policy_facts *ret_facts);
/* What policy says of a stored record. */
enum kr_err kr_policy_of_head(const struct kr_core *core, enum kr_policy_use use, const struct kr_head *head,
                              const uint8_t council[static 32], enum kr_policy_reason *ret_reason) KR_WARN_UNUSED;
/* Whether it is dated so far ahead that it is not taken now: it would be passed on, and shown to nobody, for as long. With that no
 * record lives longer than KR_EXPIRES_S_MAX and KR_AHEAD_MS_MAX from now. */
bool kr_is_far_ahead(const struct kr_step *step, const struct kr_header *header);
/* Stores a checked or made record if it may enter, indexes it, appends it to its scopes, offers it on. `*ret_verdict`: KR_OK
 * stored; KR_EXISTS known; KR_UNKNOWN_AUTHOR quarantined; KR_QUOTA not now; KR_NOT_FOUND a header alone that is not taken; else why
 * it was refused. `from`: council that handed it to us; `link` NULL for our own. */
enum kr_err kr_admit(struct kr_step *step, struct kr_job *job, const uint8_t from[static 32], const struct kr_link *link,
                     enum kr_err *ret_verdict, uint64_t *ret_arrival) KR_WARN_UNUSED;
/* The statement that stands where one with this header would; KR_NOT_FOUND where none does that can be read: such a row is written
 * over. Of `*ret_entry`, version and record id are set. */
enum kr_err kr_admit_standing(struct kr_step *step, const struct kr_header *header,
                              struct kr_directory_entry *ret_entry) KR_WARN_UNUSED;
/* What `kr_admit` would say of it, before anything is written: KR_EXISTS where we have it, or a newer one. `from` NULL: our own. */
enum kr_err kr_admit_foresee(struct kr_step *step, const struct kr_job *job, const uint8_t *from,
                             enum kr_err *ret_verdict) KR_WARN_UNUSED;
/* Puts the header of a record that was taken back before it came here, as kr_admit would have put the record; nothing where that
 * would not have taken it. */
enum kr_err kr_admit_header(struct kr_step *step, struct kr_job *job, const uint8_t from[static 32]) KR_WARN_UNUSED;
/* The parts of kr_admit, for what waited in quarantine. The first says whether it may enter, and lets the statement go that it
 * replaces; the second gives it all that a record has beyond its place in the log. `is_late`: it was caught up with, or waited in
 * quarantine, so that most peers have it, or get it the same way. */
enum kr_err kr_admit_judge(struct kr_step *step, const struct kr_job *job, const uint8_t *from) KR_WARN_UNUSED;
enum kr_err kr_admit_enter(struct kr_step *step, struct kr_job *job, const struct kr_head *head, const struct kr_link *link,
                           bool is_late) KR_WARN_UNUSED;
/* Takes a statement, which is replaced or has ended, out of the trees of its scopes: only what stands is in them. */
enum kr_err kr_admit_leave(struct kr_step *step, const struct kr_header *header, const uint8_t id[static 32]) KR_WARN_UNUSED;
enum kr_err kr_admit_leave_of(struct kr_step *step, const struct kr_head *head) KR_WARN_UNUSED;

/* ---- quarantine.c ---- */
/* The directory changed: all that is quarantined must be looked at again. */
void kr_quarantine_is_due(struct kr_core *core);
enum kr_err kr_quarantine_put(struct kr_step *step, const struct kr_head *head) KR_WARN_UNUSED;
/* Looks again at some of the quarantined records; `*ret_more`. */
enum kr_err kr_admit_quarantined(struct kr_step *step, bool *ret_more) KR_WARN_UNUSED;
enum kr_err kr_core_quarantine_count(struct kr_step *step) KR_WARN_UNUSED;
/* Whether the peer may bring so many bytes more that have to wait there. */
bool kr_quarantine_has_room(struct kr_core *core, const struct kr_link *link, size_t bytes);
/* A record that `from` brought is there no more. */
void kr_quarantine_left(struct kr_core *core, const uint8_t from[static 32], uint64_t bytes);

/* ---- pairs.c ---- */
/* Appends one older record of the log to the pair tree of a new link, in slices. */
enum kr_err kr_admit_pairs(struct kr_step *step, bool *ret_more) KR_WARN_UNUSED;
bool kr_admit_pairs_is_due(const struct kr_core *core);

/* ---- statement.c ---- */
/* A statement of our own, to be signed with the root key. Its version is the next after the one that stands, whose id it names. */
struct kr_statement {
    uint32_t kind;
    const uint8_t *community; /* NULL: none */
    const uint8_t *subject;
    void (*write)(const void *what, struct kr_slice previous, struct kr_writer *writer);
    const void *what;
};
/* The `write` of a struct kr_card, kr_charter, kr_vouch, with `previous` in place of its own. */
void kr_statement_write_card(const void *what, struct kr_slice previous, struct kr_writer *writer);
void kr_statement_write_charter(const void *what, struct kr_slice previous, struct kr_writer *writer);
void kr_statement_write_vouch(const void *what, struct kr_slice previous, struct kr_writer *writer);
/* Made and not stored yet; to be freed. */
enum kr_err kr_statement_make(struct kr_step *step, const struct kr_statement *statement, struct kr_job **ret_job) KR_WARN_UNUSED;
/* Makes, stores and offers one. */
enum kr_err kr_statement_put(struct kr_step *step, const struct kr_statement *statement) KR_WARN_UNUSED;
/* The same of all that a client's request comes to: all of them or none. The client has its answer then: the first one's id (array
 * of bin 32), before it those that the root key must sign elsewhere, or why there is none. */
enum kr_err kr_statement_ask(struct kr_step *step, const struct kr_event *event, const struct kr_statement *statements,
                             uint32_t count) KR_WARN_UNUSED;
/* The same, to be signed with a root key that is not in force yet, elsewhere. */
enum kr_err kr_statement_ask_of(struct kr_step *step, const struct kr_event *event, const struct kr_statement *statements,
                                uint32_t count, const uint8_t root[static 32]) KR_WARN_UNUSED;

enum kr_err kr_state_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

/* ---- pairing.c ---- */
/* The link is to be confirmed from now on, whatever it was before. To be stored by the caller. */
void kr_pairing_begin(struct kr_step *step, struct kr_link *link);
/* A session came up: what was said is said again. */
enum kr_err kr_pairing_open(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
/* A COMMIT, REVEAL or PAIRED. The link may be gone afterwards. */
enum kr_err kr_pairing_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
enum kr_err kr_pair_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
/* Our vouch for who was invited, not stored yet; NULL where none is needed (`community` NULL). */
enum kr_err kr_invite_vouch(struct kr_step *step, const uint8_t *community, const uint8_t council[static 32],
                            struct kr_job **ret_job) KR_WARN_UNUSED;
/* Whether it can be stored: else `*ret_verdict` is why not. */
enum kr_err kr_invite_vouch_foresee(struct kr_step *step, const uint8_t *community, const struct kr_job *vouch,
                                    enum kr_err *ret_verdict) KR_WARN_UNUSED;
/* Net lets those in no more whose last word has had its time. */
enum kr_err kr_pairings_tick(struct kr_step *step) KR_WARN_UNUSED;
/* This node went back to an older state, and may have forgotten what was said: links that are pending are stopped. */
enum kr_err kr_pairings_void(struct kr_step *step) KR_WARN_UNUSED;

/* ---- stop.c ---- */
/* The link stands still, with all others of its council, until the operator removes it, and it is told why. */
enum kr_err kr_link_stop(struct kr_step *step, struct kr_link *link, enum kr_link_stop why) KR_WARN_UNUSED;
/* Whether nothing of it is let in or out: paused or stopped. */
bool kr_link_is_shut(const struct kr_link *link);
/* Stopped in a way that the operator may have tried again without making the link anew. */
bool kr_link_may_try_again(const struct kr_link *link);

/* ---- peer.c ---- */
/* The link ends as by the operator's word, with all others of its council: what waits for it, and the ticket that made it, too. */
enum kr_err kr_peer_remove(struct kr_step *step, const struct kr_link *link) KR_WARN_UNUSED;
enum kr_err kr_peer_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_blocked_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
/* Whether the operator wants no link with it. */
enum kr_err kr_peer_is_blocked(struct kr_step *step, const uint8_t council[static 32], bool *ret_blocked) KR_WARN_UNUSED;

/* ---- people_act.c ---- */
struct kr_who;
enum kr_err kr_body_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;
enum kr_err kr_person_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;

/* ---- recover.c ---- */
enum kr_err kr_recover_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

/* ---- card.c ---- */
/* One card for each community's directory, and one without: each stands alone there. */
struct kr_card_places {
    uint8_t communities[KR_CARDS_MAX][32];
    uint32_t count, standing; /* in the first `standing` it stands; who joined a community without the root key has it to come */
};
/* Our card, and where it belongs. KR_CANCELLED: it cannot be read, and whoever asked was told. */
enum kr_err kr_card_own(struct kr_step *step, const struct kr_event *event, struct kr_card_places *ret_places,
                        struct kr_card *ret_card) KR_WARN_UNUSED;
/* That card for each place; `ret_statements` borrows all three. */
void kr_card_fill(const struct kr_card_places *places, const struct kr_card *card, const uint8_t self[static 32],
                  struct kr_statement *ret_statements);
enum kr_err kr_card_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

/* ---- keys.c ---- */
enum kr_err kr_copy_key_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_forget_key_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

/* ---- storage_key.c ---- */
enum kr_err kr_storage_load(struct kr_step *step) KR_WARN_UNUSED;
bool kr_storage_is_due(const struct kr_core *core);
enum kr_err kr_storage_slice(struct kr_step *step, bool *ret_more) KR_WARN_UNUSED;
struct kr_status_storage kr_storage_status(const struct kr_core *core);
enum kr_err kr_storage_rotate_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

/* ---- community.c ---- */
/* The community that is named, else the only one, of those in which this council has that standing. KR_CANCELLED: there is none,
 * and the client knows. */
enum kr_err kr_community_choose(struct kr_step *step, const struct kr_event *event, const uint8_t *named, unsigned standing,
                                const struct kr_community **ret_community) KR_WARN_UNUSED;
/* Our card, for the community's directory, where it is not there. */
enum kr_err kr_community_publish_card(struct kr_step *step, const uint8_t community[static 32]) KR_WARN_UNUSED;
bool kr_community_founds(const struct kr_charter *charter, const uint8_t council[static 32]);
/* Whether a charter of a community that we take no part in makes us a founder: by a founder's own word, over our link with it.
 * KR_DENIED; KR_BOUNDS where it did so too often. */
enum kr_err kr_community_invites(struct kr_step *step, const struct kr_header *header, const struct kr_charter *charter,
                                 bool is_own_word) KR_WARN_UNUSED;
/* A charter was stored: where it makes us a founder, that is said, and our card published. */
enum kr_err kr_community_entered(struct kr_step *step, const struct kr_header *header) KR_WARN_UNUSED;
/* A session is up: charters of ours that make the peer a founder, where we have no card of it yet. It shares no scope in which it
 * could find them. */
enum kr_err kr_community_offer_charters(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
enum kr_err kr_say_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_found_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

/* ---- ticket.c ---- */
/* A session came up over an open link: what was used to make the link is not needed any more. */
enum kr_err kr_invitations_fulfilled(struct kr_step *step, const struct kr_link *link) KR_WARN_UNUSED;

/* ---- ahead.c ---- */
/* A record that is dated too far ahead to be shown: to be told when it may, durably. */
enum kr_err kr_ahead_put(struct kr_step *step, const struct kr_head *head) KR_WARN_UNUSED;
enum kr_err kr_ahead_load(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_ahead_tick(struct kr_step *step) KR_WARN_UNUSED;

/* ---- submit.c: how many records were signed today. ---- */
enum kr_err kr_signed_load(struct kr_step *step) KR_WARN_UNUSED;

/* ---- submit.c, answer.c, ticket.c, init.c, expiry.c ---- */
enum kr_err kr_submit_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
/* Whether a request with this token may make a record: else the client has its answer (it did before, or as many were signed today
 * as may be). */
enum kr_err kr_submit_may(struct kr_step *step, const struct kr_event *event, const uint8_t token[static 16],
                          bool *ret_may) KR_WARN_UNUSED;
enum kr_err kr_submit_made(struct kr_step *step, struct kr_job *job) KR_WARN_UNUSED;
enum kr_err kr_preview_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_preview_made(struct kr_step *step, struct kr_job *job) KR_WARN_UNUSED;
enum kr_err kr_explain_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_status_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_peers_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_watch_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
/* sighting.c */
enum kr_err kr_sight_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_watch_publish(struct kr_step *step, const struct kr_head *head) KR_WARN_UNUSED;
/* `name` (KR_NAME_BYTES_MAX + 1) holds the author's name. */
void kr_core_summarise(const struct kr_core *core, const struct kr_head *head, bool japanese, char *name, size_t size,
                       struct kr_summary *ret_summary);
void kr_watch_forget(struct kr_core *core, uint64_t client, uint64_t request, bool all_of_client);
/* Ends those who may watch no more. */
enum kr_err kr_watch_look(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_invite_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_join_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_join_welcomed(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
/* The inviter's node does not admit the ticket: says so to who waits, and forgets the link. */
enum kr_err kr_join_turned_away(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
/* A try to dial it made no connection: after a few seconds of that the same, unless a session stood. Of another number: nothing. */
enum kr_err kr_join_unreached(struct kr_step *step, uint32_t number) KR_WARN_UNUSED;
enum kr_err kr_join_step_say(struct kr_step *step, struct kr_link *link, uint32_t phase) KR_WARN_UNUSED;

/* The directory has changed: whoever waits for a membership that is there now hears so. */
enum kr_err kr_joins_settle(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_invitations_load(struct kr_step *step) KR_WARN_UNUSED;
/* All that are open here: who knows which of them were used since. (Other nodes of the council know, and go on with theirs.) */
enum kr_err kr_invitations_void(struct kr_step *step) KR_WARN_UNUSED;
struct kr_invitation *kr_invitation_by_number(struct kr_core *core, uint32_t number);
enum kr_err kr_invitation_frame(struct kr_step *step, struct kr_invitation *invitation, struct kr_slice frame) KR_WARN_UNUSED;
enum kr_err kr_invitations_tick(struct kr_step *step) KR_WARN_UNUSED;
void kr_invitation_free(struct kr_invitation *invitation);
enum kr_err kr_init_event(struct kr_step *step, struct kr_slice bytes) KR_WARN_UNUSED;
enum kr_err kr_identity_load(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_number_next(struct kr_step *step, uint32_t *ret_number) KR_WARN_UNUSED; /* durable: a number is never used twice */
enum kr_err kr_expiry_slice(struct kr_step *step, bool *ret_more) KR_WARN_UNUSED;
/* Only the header and the signature of a record stay, so that it keeps its place in the trees; a damaged one is deleted, and would
 * be taken anew. Adds its length to `*bytes`. */
enum kr_err kr_expiry_strip(struct kr_step *step, uint64_t arrival, uint64_t *bytes) KR_WARN_UNUSED;
/* Whether it has expired by our clock. */
bool kr_is_expired(const struct kr_step *step, uint64_t expires_s);
/* Whether our clock has stood for an hour, and most of those who are there are within a day of it: what can wait for that does. */
bool kr_clock_is_borne_out(const struct kr_core *core);
/* What the peer's clock says now, as far as it told. */
uint64_t kr_link_their_s(const struct kr_step *step, const struct kr_link *link);
/* Whether its month is over by our clock, or gone from our trees already. */
bool kr_is_month_over(const struct kr_step *step, uint64_t expires_s);
/* Expired by our clock, but not by the peer's, which is more than ten minutes behind ours: one of the two is wrong, and the record
 * may not be let go for that. */
bool kr_lives_by_their_clock(const struct kr_step *step, const struct kr_link *link, uint64_t expires_s);
/* Whether what has expired by our clock may not be cut down to its header for that: the clock may be ahead. `link`: whose record
 * it is; may be NULL. */
bool kr_expiry_doubts(const struct kr_step *step, const struct kr_link *link, uint64_t expires_s);
/* What a peer gets of a record. */
enum kr_share {
    KR_SHARE_NOTHING,
    KR_SHARE_HEADER, /* header and signature, of one that is stripped here, or expired by both clocks */
    KR_SHARE_WHOLE,
};
/* The record as it is stored goes to that peer so, by policy and by both clocks; quarantined: not at all. */
enum kr_err kr_expiry_share(const struct kr_step *step, const struct kr_link *link, const struct kr_head *head,
                            enum kr_share *ret_share) KR_WARN_UNUSED;

#endif
