/* A world of nodes in one process: the production core, loop and store, virtual time, a network that misbehaves, nodes that crash.
 * Everything follows from one seed.
 *
 * What is simulated is what lies outside the core: clocks (under the rule that keeper has for them), the net process (allow-lists,
 * dialling, lost frames), worker threads (jobs come back later, in any order), clients (who repeat a submission until it is
 * acknowledged), crashes between any two effects, commits that fail. */
#ifndef KR_TESTS_SIM_WORLD_H
#define KR_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "node/core/guard.h"
#include "node/core/loop.h"
#include "node/keeper/clock.h"
#include "tests/sim/topology.h"
#include "tests/support/membership_model.h"

#define SIM_EPOCH_MS 1790000000000ull /* September 2026, when every world begins: a time that dates make sense in */

/* What an honest node may send over one link in a minute of virtual time: many times the most that was ever seen
 * (docs/TESTING.md). */
#define SIM_MINUTE_FRAMES 2048u
#define SIM_MINUTE_BYTES  (64u * KR_MIB)

/* Exit codes of kr-sim; each failure has its own. */
enum sim_verdict {
    SIM_HOLDS = 0,
    SIM_LEAK = 10,
    SIM_LOSS = 11,
    SIM_NO_CONVERGENCE = 12,
    SIM_CRASH = 13,
    SIM_NOT_DETERMINISTIC = 14,
    SIM_SETUP = 15,
    SIM_UNBOUNDED = 16,  /* a queue, a buffer, or work without end */
    SIM_UNEXPECTED = 17, /* a scenario's `expect` does not hold */
    SIM_SIGNED = 19,     /* a node that went back to an older state signed, or signed one version twice */
    SIM_MEMBERSHIP = 20, /* a core counts others as members than its statements make */
    SIM_LATE = 18        /* with everything quiet a new record was not everywhere at once */
};

/* How badly the world behaves; all in parts of 1,000. */
struct sim_faults {
    uint32_t drop, duplicate, reorder, fail_commit, crash;
    uint32_t delay_ms_max;
};

/* Who asks a node for something. */
#define SIM_CLIENT_SETUP   1u /* request: twice the edge's index to invite, and one more to join */
#define SIM_CLIENT_SUBMIT  7u /* request: the record's index */
#define SIM_CLIENT_RETRACT 8u /* likewise */
#define SIM_CLIENT_FORCE   9u /* the operator of a restored node */
#define SIM_CLIENT_FOUND   10u
#define SIM_CLIENT_THROUGH 11u
#define SIM_CLIENT_PAIR    12u
#define SIM_CLIENT_ROOT    13u
#define SIM_CLIENT_NODE    14u /* who takes in a further node of a council */
#define SIM_CLIENT_BODY    15u
#define SIM_CLIENT_SAY     16u /* request: what was said, by its index */
#define SIM_CLIENT_TURN    17u /* request: enum kr_transport_act */

struct sim_event {
    uint64_t at_ms, order; /* order of scheduling breaks ties */
    uint32_t node, life;   /* for which life of the node; 0: whichever */
    enum { SIM_CORE_EVENT, SIM_WAKE, SIM_RESTART, SIM_SUBMIT, SIM_RETRACT } kind;
    struct kr_event event;
    uint8_t *bytes; /* owned; event.bytes points here */
};

struct sim_allowed {
    uint32_t number, kind;
    uint8_t key[32];
};

/* A connection that a node dials. */
struct sim_dial {
    bool is_turned_away; /* CURVE refused its key once: ZeroMQ tries no more */
    uint32_t number;
    uint8_t server_key[32], client_key[32];
    uint64_t last_arrival_ms[2]; /* per direction: frames of one connection keep their order */
};

/* What a node has sent over one link in that minute. */
struct sim_traffic {
    uint32_t number;
    uint64_t minute, frames, bytes;
};

/* A link of two nodes through a third one, both of which are linked with that. */
#define SIM_THROUGHS_MAX 8u
struct sim_through {
    uint32_t a, middle, b;
    bool is_allowed; /* that is, wanted: the ends have added it for good */
};

/* What one direction of a link does to frames, until then. */
struct sim_wire {
    bool is_mute;         /* they vanish */
    bool is_cut;          /* the sender hears that they are not handed on */
    uint32_t bytes_per_s; /* 0: as many as come */
    uint64_t until_ms;
    uint64_t busy_ms; /* with what was sent before */
};

/* Who gets what of the second community, by what one node's store holds of statements, worked out apart from its core. A council's
 * bound is the hour from which on records are for it; SIM_NO_HOUR: none is. */
#define SIM_NO_HOUR UINT32_MAX
struct sim_view {
    struct model_sets sets;
    uint64_t generation; /* of the directory that was looked at */
    uint32_t life;       /* of the node; 0: it was not looked at yet */
    uint32_t bound[MODEL_COUNCILS_MAX], before[MODEL_COUNCILS_MAX];
    uint64_t changed_ms[MODEL_COUNCILS_MAX]; /* since when it is no more what it was before */
};

struct sim_node {
    uint32_t index, life;
    char name[32];
    char path[160];
    bool is_up;
    bool is_listening; /* its net has an allow-list */
    uint8_t side;      /* of a split */
    struct kr_keyring *keyring;
    bool has_plain_keys; /* the keyring is not in locked memory */
    struct kr_store *store;
    struct kr_loop *loop;
    uint8_t council[32];
    uint32_t first;        /* of its council: another node's index where this is a further one */
    bool is_gone;          /* for good, with its disk */
    struct kr_clock clock; /* keeper's, over a system clock that is wrong by skew_ms */
    int64_t skew_ms;
    uint64_t now_ms, wake_ms; /* by its own clock */
    uint64_t backup_ms;       /* when its last backup was made */
    bool is_to_be_told;       /* that it was restored: before anything else, once it is durable no more */
    bool was_copied;          /* its files were put back and nobody told it: before it noticed it may have signed anything */
    bool was_restored;        /* what it alone had since then may be lost, and its log is another one than was read */
    bool is_hostile;
    uint32_t turns;      /* bit per enum sim_turn */
    struct sim_ill *ill; /* hostile.c */
    uint8_t *has;        /* for the story: enum sim_held per record */
    uint32_t has_count;
    uint64_t commits;
    struct sim_allowed *allowed;
    uint32_t allowed_count;
    struct sim_dial *dials;
    uint32_t dial_count, dial_capacity;
    struct sim_traffic *traffic;
    uint32_t traffic_count, traffic_capacity;
    uint32_t *edges; /* indices into the world's */
    uint32_t edge_count;
    bool is_member, is_in_second; /* the latter: or has a ticket for it, so that it sees that directory */
    struct sim_view *view;        /* where the second community has a life of its own; else NULL */
    bool is_newcomer;             /* joined when there were records already, of which it gets none that is GREEN */
    bool is_stolen, is_revoked;   /* a thief has that node key; its council has said so */
    uint64_t stolen_ms;           /* by its own clock */
    uint8_t stolen_key[32], stolen_secret[64];
    bool has_lied, is_rekeyed;    /* a thief has its first root key and has used it; its council has replaced it since */
    uint64_t lied_ms, changed_ms; /* when first; since when somebody's root key is to be confirmed; by its own clock */
    uint8_t stolen_root[64];
};

/* What a node's store says of a record. */
enum sim_held { SIM_HELD_NOT, SIM_HELD_HIDDEN /* header only */, SIM_HELD_SHOWN };

/* What a client of some node wants stored. */
struct sim_submission {
    uint32_t node;
    uint32_t name; /* whatever the caller calls it */
    enum kr_label label;
    const uint32_t *audience; /* nodes, ascending; AMBER only */
    uint32_t audience_count;
    uint32_t text_bytes; /* large ones go by the bulk lane and use up windows */
    uint64_t lives_ms;   /* 0: as long as reports do */
    bool is_in_second;   /* GREEN: in the second community */
};

struct sim_record {
    uint32_t node, name;
    enum kr_label label;
    bool is_in_second;
    bool is_old;        /* GREEN, and submitted before newcomers joined */
    uint32_t *audience; /* nodes, ascending; owned */
    uint32_t audience_count;
    uint8_t token[16], id[32];
    uint8_t canary[16]; /* the first half is the same in all records of a world */
    bool is_accepted;
    bool is_false;       /* a thief signed it with its node's key */
    bool is_at_risk;     /* its node went back to a backup that was older: it may be lost, to everybody */
    bool is_exempt;      /* its node's clock was wrong by too much: nobody has to take it */
    bool is_dated_back;  /* by so much that it may have expired long ago */
    uint32_t forgotten;  /* how often its node went back to a backup before it was acknowledged */
    uint64_t created_ms; /* in the second community: as its header says; 0: not known yet */
    uint64_t accepted_ms, expires_ms;
    bool is_taken_back;         /* somebody wants it taken back */
    bool is_retracted;          /* and was told that it is */
    bool is_retraction_at_risk; /* as is_at_risk */
    uint64_t retracted_ms;
    uint8_t retract_token[16];
    uint8_t *request;
    size_t request_len;
};

/* What one council says of another. */
enum sim_word { SIM_WORD_VOUCHES, SIM_WORD_UNVOUCHES, SIM_WORD_EXPELS, SIM_WORD_READMITS, SIM_WORD_COUNT };

/* What a charter says that makes a difference. */
struct sim_charter {
    uint32_t needed, quorum;
    bool is_from_now_on;
};

/* What a council was told to say of another in the second community. */
struct sim_said {
    uint32_t node, other, kind;
    bool is_accepted, is_at_risk; /* as records are */
    uint64_t version, accepted_ms;
};

/* Under which transport key which node dials. */
struct sim_caller {
    uint8_t key[32];
    uint32_t node, next;
};

struct sim_world {
    bool has_rekeyed; /* some council has another root key: operators confirm */
    uint64_t seed;
    struct kr_rng rng; /* of the world; nodes' seeds are drawn from it */
    struct sim_faults faults;
    bool is_quiet;         /* heal phase and setup: no faults */
    bool is_trusting;      /* large worlds: frames are not read along */
    struct sim_memo *memo; /* likewise: checks of records that were made before; NULL: each node makes its own */
    uint64_t now_ms, order;
    struct sim_node **nodes; /* each stays where it is */
    uint32_t node_count;
    struct sim_edges edges;
    struct sim_through throughs[SIM_THROUGHS_MAX];
    uint32_t through_count;
    char *ticket; /* of a council's further node; owned */
    struct sim_event *heap;
    size_t heap_count, heap_capacity;
    struct sim_record *records;
    uint32_t record_count, record_capacity;
    uint32_t newcomer_count;    /* the last of the nodes; their community is one where they get what is GREEN from now on */
    uint64_t newcomers_ms;      /* when they began to join */
    bool has_second, has_life;  /* the latter: in it vouches and expulsions come and go */
    uint8_t communities[2][32]; /* their ids, where there is a second one */
    struct sim_charter charter; /* of that, and then its councils: a node's number in the model, founders first, and … */
    uint32_t founder_count, model_of[MODEL_COUNCILS_MAX];
    uint32_t earliest[MODEL_COUNCILS_MAX], latest[MODEL_COUNCILS_MAX]; /* … the bounds that any node ever had for each */
    struct sim_said *said;
    uint32_t said_count, said_capacity;
    uint64_t map_bytes;     /* of each node's store */
    uint32_t delay_ms;      /* from one node to the next; faults add to it */
    bool doubts_clocks;     /* nodes trust their clock only after an hour, as keeper has it */
    uint64_t ahead_ever_ms; /* so much the clock of some node was ahead at some time, trusted or not */
    uint64_t ahead_ms;      /* so much a clock was ahead at some time: its node may have let go of what expires so much later */
    bool has_wrong_clocks;  /* or had */
    bool is_split;
    uint64_t split_until_ms;
    struct sim_caller *callers;
    uint32_t *caller_heads;
    uint32_t caller_count, caller_capacity;
    struct kr_guards *guards;   /* the built-in ones; documentation values pass */
    struct kr_message *message; /* room for frames that are read along */
    uint8_t *plain;
    uint8_t canary[8];
    char root[128];
    FILE *trace;       /* everything that happens; NULL: none */
    FILE *story;       /* what a person wants to know of it; NULL: none */
    uint64_t story_ms; /* its time counts from here */
    struct kr_hash_state trace_hash;
    uint64_t turns; /* how often a node took a new transport key into use */
    uint64_t events_run, crashes, failed_commits, frames, frame_bytes, dropped, records_seen, retractions;
    uint64_t second_ms, second_events;    /* how much has happened in this second */
    uint64_t minute_frames, minute_bytes; /* the most that an honest node has sent over one link in one minute */
    char complaint[512];
    enum sim_verdict verdict; /* beside a complaint that was made where none can be returned */
    /* Sees each effect before it is let out; true: it goes no further. For tests of the core in this world; may be NULL. */
    bool (*on_effect)(void *context, struct sim_node *node, const struct kr_effect *effect);
    void *context;
};

/* ---- world.c ---- */
/* Makes `node_count` nodes in a chain, linked by tickets, in one community that node 1 founds. SIM_SETUP where that fails. */
enum sim_verdict sim_world_init(struct sim_world *world, uint64_t seed, uint32_t node_count, FILE *trace);
/* The same with these edges (copied), which must reach every node from the founder. So many of the last nodes are newcomers, which
 * nobody else is linked through. */
enum sim_verdict sim_world_init_with(struct sim_world *world, uint64_t seed, uint32_t node_count, const struct sim_edges *edges,
                                     uint32_t founder, uint32_t newcomers, FILE *trace);
/* One more node, of a council that is linked with nobody and in no community. */
enum sim_verdict sim_world_add(struct sim_world *world);
/* A machine that asks to be a further node of the council that made the ticket. */
enum sim_verdict sim_world_add_node(struct sim_world *world, const char *ticket);
void sim_world_deinit(struct sim_world *world);
/* Starts a node that is down, now. */
enum sim_verdict sim_world_start(struct sim_world *world, uint32_t node);
void sim_world_crash(struct sim_world *world, uint32_t node, uint64_t down_ms);
/* Copies the node's store aside, and puts that copy (of before all trouble, where none was made) in its place; the node is told so,
 * or not. */
enum sim_verdict sim_world_backup(struct sim_world *world, uint32_t node);
enum sim_verdict sim_world_restore(struct sim_world *world, uint32_t node, bool is_told);
/* Its operator says that it need not wait for those that it has not met since. */
void sim_world_force(struct sim_world *world, uint32_t node);
/* From now on its system clock is wrong by so much. */
void sim_world_clock(struct sim_world *world, uint32_t node, int64_t skew_ms);
uint32_t sim_world_below(struct sim_world *world, uint32_t bound);
void sim_world_trace_hash(const struct sim_world *world, uint8_t ret_hash[static 32]);
void sim_trace(struct sim_world *world, const char *fmt, ...) KR_PRINTF(2, 3);
/* One line of the story. */
void sim_tell(struct sim_world *world, const char *fmt, ...) KR_PRINTF(2, 3);
enum sim_verdict sim_fail(struct sim_world *world, enum sim_verdict verdict, const char *fmt, ...) KR_PRINTF(3, 4);

/* ---- link.c ---- */
/* Links the edges from index `from` on by tickets, as many at once as can be; whoever is linked first by one becomes a member. */
enum sim_verdict sim_world_link(struct sim_world *world, uint32_t from);
/* The operator of `node` enters the code that is read out to him from `other`, if both are up and there is one. */
void sim_world_confirm(struct sim_world *world, uint32_t node, uint32_t other);
/* All that is still to be confirmed is, as soon as there are codes. */
enum sim_verdict sim_world_confirm_all(struct sim_world *world);
bool sim_world_are_linked(const struct sim_world *world, uint32_t a, uint32_t b);

/* ---- through.c ---- */
/* The ends add the link, and the node in between allows it, or no more. */
void sim_world_through(struct sim_world *world, uint32_t a, uint32_t middle, uint32_t b, bool is_allowed);
/* What has not come about, because a node was down, a commit failed, or a backup was put back. */
void sim_throughs_again(struct sim_world *world);
/* Whether all three have done their part, and all are honest. */
bool sim_through_stands(const struct sim_world *world, const struct sim_through *through);

/* ---- newcomers.c ---- */
/* Links all but the last nodes, has them share records for hours, and then links those, too. */
enum sim_verdict sim_world_grow(struct sim_world *world);
/* Whether what is GREEN and was created then is not for that node. */
bool sim_is_too_new(const struct sim_world *world, const struct sim_node *node, uint64_t created_ms);

/* ---- sisters.c ---- */
/* One more node, of the council of `of`, which is up, quiet, and has its root key: it asks by a ticket, is taken in, and is linked
 * with whom that one is linked with. */
enum sim_verdict sim_world_take_in(struct sim_world *world, uint32_t of);
/* A node is gone for good. What it alone had is lost, and what it had handed on is not. */
void sim_world_destroy(struct sim_world *world, uint32_t node);
/* The node's operator puts a body on the council's list, if the node is up. */
void sim_world_body(struct sim_world *world, uint32_t node);
/* Its ticket, for a further node. */
void sim_node_invited(struct sim_world *world, const struct kr_effect *effect);
/* After healing: what one node of a council holds of sealed records, the others hold as well, whatever trees say. */
enum sim_verdict sim_check_sisters(struct sim_world *world);

/* ---- transport.c ---- */
/* Its operator has the node's transport key replaced (docs/adr/0050), if it is up. */
void sim_world_transport(struct sim_world *world, uint32_t node);
/* A new one is in its keyring: it goes on the card. */
void sim_transport_made(struct sim_world *world, const struct sim_node *node, const struct kr_effect *effect);
/* After healing: nobody who plays by the rules waits with a new transport key any more. */
enum sim_verdict sim_check_turned(struct sim_world *world);

/* ---- second.c ---- */
/* These nodes, all linked with the first of them, found a second community; all are in the first one already. */
enum sim_verdict sim_world_found(struct sim_world *world, const struct sim_charter *charter, const uint32_t *members,
                                 uint32_t count);

/* ---- community.c: a second community with a life of its own ---- */
/* The founders are in it. Who has a ticket for it takes that; where newcomers get what is GREEN from now on, an hour ends
 * `before_ms` from then on at the latest. */
enum sim_verdict sim_life_begin(struct sim_world *world, const uint32_t *founders, uint32_t count, uint64_t before_ms);
/* An operator has the node's council say that of another one, or of itself, if the node is up. */
void sim_life_say(struct sim_world *world, uint32_t node, uint32_t other, enum sim_word word);
void sim_life_said(struct sim_world *world, const struct sim_node *node, const struct kr_effect *effect);
/* The node went back to its backup. */
void sim_life_restored(struct sim_world *world, uint32_t node);
/* What its store holds of statements may be other ones: after a batch. */
void sim_life_look(struct sim_world *world, struct sim_node *node);
/* Whether `from` may send `to` what was created then, by what was in its store since no longer ago than a frame is on its way. */
bool sim_life_may_get(const struct sim_world *world, const struct sim_node *from, const struct sim_node *to, uint64_t created_ms);
/* Whether it ever might be had by the node, by anybody's statements. */
bool sim_life_could_get(const struct sim_world *world, const struct sim_node *node, uint64_t created_ms);
/* Whether a mark may be past it at `reader` for what `peer` has: it is of before one of them was in. */
bool sim_life_is_before(const struct sim_world *world, const struct sim_node *reader, const struct sim_node *peer,
                        uint64_t created_ms);
/* Any time: what each core makes of the statements in its store is what the model makes of them. */
enum sim_verdict sim_check_membership(struct sim_world *world);
/* After healing: everybody in it holds the same statements, nothing that was acknowledged is missing, and trees and quarantine are
 * what follows from that. */
enum sim_verdict sim_check_community(struct sim_world *world);
/* After healing: who must have a GREEN record of it, given who has; whether its author may write there now; what two share. */
void sim_life_must_hold(const struct sim_world *world, const struct sim_record *record, bool *ret_must);
/* Likewise who may show it no more once it was taken back. */
void sim_life_must_hide(const struct sim_world *world, const struct sim_record *record, bool *ret_must);
bool sim_life_may_write(const struct sim_world *world, const struct sim_node *node);
bool sim_life_shares(const struct sim_world *world, const struct sim_node *a, const struct sim_node *b, uint32_t *ret_hour_from);

/* ---- run.c ---- */
/* Runs until virtual `until_ms`. */
enum sim_verdict sim_world_run(struct sim_world *world, uint64_t until_ms);
/* Hands a node's core an event of the test's own making at `at_ms`; bytes are copied. */
void sim_world_push(struct sim_world *world, const struct sim_node *node, struct kr_event event, const void *bytes, size_t len,
                    uint64_t at_ms);
/* Ends all faults, starts every node that is down, sets clocks right. Who is hostile stays so. */
void sim_world_heal(struct sim_world *world);

/* ---- net.c ---- */
/* These nodes on one side, the others on the other. */
void sim_world_split(struct sim_world *world, const uint32_t *nodes, uint32_t count, uint64_t until_ms);
/* What becomes of frames from one node to the other, where they are linked. */
void sim_world_wire(struct sim_world *world, uint32_t from, uint32_t to, struct sim_wire wire);

/* ---- client.c ---- */
/* Schedules a submission by a client of `node`, repeated until acknowledged. `audience`: nodes, ascending (AMBER only). Returns the
 * record's index. */
uint32_t sim_world_submit(struct sim_world *world, uint32_t node, enum kr_label label, const uint32_t *audience,
                          uint32_t audience_count, uint64_t at_ms);
uint32_t sim_world_submit_as(struct sim_world *world, const struct sim_submission *submission, uint64_t at_ms);
/* Schedules that its author's client takes it back, repeated until acknowledged. NULL: nothing to do. */
void sim_world_retract(struct sim_world *world, struct sim_record *record);
/* The node's council issues its card anew (`about` NULL), or says that of another council, if the node is up: what replaces an
 * older statement must do so everywhere. */
enum sim_verdict sim_world_state(struct sim_world *world, uint32_t node, const struct sim_node *about, enum sim_word word);
/* ---- theft.c: what needs the node to be up does nothing where it is down ---- */
/* New keys for a node, on its council's card. */
enum sim_verdict sim_world_rotate(struct sim_world *world, uint32_t node);
/* A thief with the key that `node` had when this was first done signs a report, dated back by so much, and brings it to a linked
 * node as if it came from there. */
enum sim_verdict sim_world_forge(struct sim_world *world, uint32_t node, uint32_t other, uint32_t name, uint64_t back_ms);
/* The same of a retraction of that record of the node's, if `other` has it and it is not sealed. */
enum sim_verdict sim_world_unsay(struct sim_world *world, uint32_t node, uint32_t other, struct sim_record *record);
/* ---- roots.c ---- */
/* A thief with the root key that `node` had when this was first done signs a vouch for a council of his own making, or a card, with
 * some version, and brings it to a linked node as if it came from there. */
enum sim_verdict sim_world_lie(struct sim_world *world, uint32_t node, uint32_t other);
/* The node's council replaces its root key with its recovery key, and names what is genuine. */
enum sim_verdict sim_world_rekey(struct sim_world *world, uint32_t node);
/* After healing: where it has, nobody counts what the thief said. */
enum sim_verdict sim_check_lies(struct sim_world *world);
/* ---- theft.c ---- */
/* The node's council revokes the stolen key. */
enum sim_verdict sim_world_revoke(struct sim_world *world, uint32_t node);
/* After healing: where the key is revoked, nobody shows what the thief signed. */
enum sim_verdict sim_check_false(struct sim_world *world, const struct sim_record *record);
/* Some of the other nodes, at least one, drawn at random: for an audience. Returns how many; ascending. */
uint32_t sim_world_draw_audience(struct sim_world *world, uint32_t node, uint32_t *ret_audience);

/* ---- checkers.c, converge.c: look at the stores from outside ---- */
/* No node holds what it may not have, and no sealed record opens for whom it is not addressed. Any time. */
enum sim_verdict sim_check_leaks(struct sim_world *world);
/* What was accepted is in its author's store. Any time. */
enum sim_verdict sim_check_accepted(struct sim_world *world);
/* After healing: everybody who may have a record and can be reached has it; linked nodes hold equal sets in each shared scope. */
enum sim_verdict sim_check_convergence(struct sim_world *world);
/* The same of the disks' bytes: no canary in the open. */
enum sim_verdict sim_check_disks(struct sim_world *world);
/* What is about to be delivered, read along with the receiver's session: no record that is not for it, even if it would refuse it.
 */
enum sim_verdict sim_check_delivery(struct sim_world *world, const struct sim_node *to, const struct kr_event *events,
                                    size_t count);
/* No canary stands in a frame in the open. */
enum sim_verdict sim_check_frame(struct sim_world *world, const uint8_t *bytes, size_t len);
/* Nothing of what is passed on can be read by who passes it on. (through.c) */
enum sim_verdict sim_check_piece(struct sim_world *world, const struct sim_node *to, const struct kr_message *message);
/* So much may wait, at the ends and in the middle. */
enum sim_verdict sim_check_forwards(struct sim_world *world, const struct sim_node *node);
/* Whether it is the author's or one of those for whom it is. */
bool sim_is_addressed(const struct sim_world *world, const struct sim_record *record, uint32_t node);
/* Who must have a record in the end: ret_must[node], from the links, the label and the audience. */
void sim_must_hold(const struct sim_world *world, const struct sim_record *record, bool *ret_must);
/* No durable mark says more than both stores do. Any time. (marks.c) */
enum sim_verdict sim_check_marks(struct sim_world *world);
/* Queues and buffers of every core stay within their bounds. Any time. */
enum sim_verdict sim_check_bounds(struct sim_world *world);
/* `from` sends a frame over that link: not more than SIM_MINUTE_FRAMES in one minute, nor SIM_MINUTE_BYTES. (traffic.c) */
enum sim_verdict sim_check_traffic(struct sim_world *world, struct sim_node *from, uint32_t number, size_t len);
/* After healing: no honest node waits for another honest one since it was restored, and none has fallen out with itself. (held.c)
 */
enum sim_verdict sim_check_held(struct sim_world *world);
/* What came out of a node that was to sign nothing, before the batch and after it. */
enum sim_verdict sim_check_silent(struct sim_world *world, const struct sim_node *node, bool was_held,
                                  const struct kr_effects *effects);
/* Whether it went back to an older state and has not reconciled since. */
bool sim_is_held(const struct sim_node *node);
/* Linked honest nodes hold equal sets in each scope that they share. */
enum sim_verdict sim_check_same(struct sim_world *world);
enum sim_held sim_held(const struct sim_node *node, const uint8_t id[static 32]);
bool sim_holds(const struct sim_node *node, const uint8_t id[static 32]);

#endif
