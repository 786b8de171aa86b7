/* The client protocol: what kairan (and later the gateway) says to keeper over the local socket (docs/PROTOCOL.md, "Client
 * protocol").
 *
 * A frame on the stream is BE32 length ‖ canonical array [type, ...], at most KR_CLIENT_FRAME_BYTES_MAX. Versioned by hello; every
 * request has a number of the client's choosing; answers are pages of items under credits (one credit = one page), then `end` or
 * `error`; `cancel` ends a request early.
 *
 *   client → keeper:  hello [0, version, program, language]   request [1, number, op, args (bin), credits]   credit [2, number,
 * more]   cancel [3, number] keeper → client:  hello [0, version, council id, name]    page [4, number, items (array of bin)]  end
 * [5, number, result (bin)]   error [6, number, code, detail]
 */
#ifndef KR_PROTO_CLIENT_CLIENT_H
#define KR_PROTO_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/record/body.h"
#include "proto/record/label.h"
#include "proto/record/record.h"

#define KR_CLIENT_VERSION      1
#define KR_PAGE_ITEMS_MAX      1024u
#define KR_LOOKUP_VALUES_MAX   1024u
#define KR_CLIENT_AUDIENCE_MAX KR_AUDIENCE_MAX

enum kr_client_frame_type {
    KR_CLIENT_HELLO = 0,
    KR_CLIENT_REQUEST = 1,
    KR_CLIENT_CREDIT = 2,
    KR_CLIENT_CANCEL = 3,
    KR_CLIENT_PAGE = 4,
    KR_CLIENT_END = 5,
    KR_CLIENT_ERROR = 6,
};

struct kr_client_frame {
    uint32_t type;
    uint32_t version;        /* hello */
    struct kr_slice text;    /* hello: program or council name; error: detail */
    struct kr_slice text2;   /* hello of a client: language */
    uint8_t council[32];     /* hello of keeper; all zero from a client */
    uint64_t number;         /* request, credit, cancel, page, end, error */
    uint32_t op;             /* request: enum kr_op */
    uint32_t credits;        /* request, credit */
    uint32_t code;           /* error: enum kr_err */
    struct kr_slice payload; /* request: args; end: result */
    uint32_t item_count;     /* page */
    struct kr_slice items[KR_PAGE_ITEMS_MAX];
};
/* `from_client` tells which hello is meant. The length prefix is the transport's. */
void kr_client_frame_write(const struct kr_client_frame *frame, bool from_client, struct kr_writer *writer);
enum kr_err kr_client_frame_read(struct kr_slice bytes, bool from_client, struct kr_client_frame *ret_frame) KR_WARN_UNUSED;

enum kr_op {
    KR_OP_STATUS = 1,   /* args: empty array; result: kr_status */
    KR_OP_PEERS = 2,    /* pages of kr_peer */
    KR_OP_COUNCILS = 3, /* pages of kr_council_item: the directory as known here */
    KR_OP_INVITE = 4,   /* args: kr_invite; result: ticket text (array of 1 str) */
    KR_OP_JOIN = 5,     /* args: kr_join; pages of kr_join_step while it goes on; ends when linked and a member of the ticket's
                           community (if it is for one), or a candidate who needs more vouches, or when there is a code to be
                           confirmed, durably, or error */
    KR_OP_PREVIEW = 6,  /* args: kr_submit; result: kr_preview. Changes nothing */
    KR_OP_SUBMIT = 7, /* args: kr_submit; result: kr_stored (draft.h): a record, or a draft that waits for approval, when durable */
    KR_OP_LOOKUP = 8, /* args: array of [type, value (bin, normal form)]; pages of kr_match, newest first; result: array of uint,
                         the values (by index) of which matches were left out: older ones than these, or damaged ones. Asked for
                         KR_INDICATOR_ORIGIN with kr_report_origin_key, the reports of that origin, with that as the indicator:
                         those that were stored since there is this key */
    KR_OP_LS = 9,     /* args: kr_ls; pages of kr_summary, newest first */
    KR_OP_SHOW = 10,  /* args: array of 1 bin (id or unique prefix of >= 4 bytes); result: kr_shown */
    KR_OP_EXPLAIN = 11,     /* args: array of 1 bin (id or prefix); result: kr_explained */
    KR_OP_WATCH = 12,       /* pages of kr_summary as records become visible, until cancelled */
    KR_OP_VERIFY = 13,      /* walks the store; pages of array [str problem]; result: array of [values checked, problems] */
    KR_OP_RETRACT = 14,     /* args: kr_retract; result as of KR_OP_SUBMIT. The record disappears at everybody who has it */
    KR_OP_REVISE = 15,      /* args: kr_revise; result as of KR_OP_SUBMIT. The same, and the submission stands instead */
    KR_OP_RETRACTIONS = 16, /* pages of kr_waiting: what waits for the operator's word, the first 64 of each council */
    KR_OP_CONFIRM = 17,     /* args: kr_confirm; result: array of [how many take effect now] */
    KR_OP_EXPORT = 18,      /* args: kr_export; pages of kr_shown; result: array of 1 uint: the cursor to ask from next time */
    KR_OP_SIGHT = 19,       /* args: kr_sight; result as of KR_OP_SUBMIT. Whoever has the record is told that it was seen */
    KR_OP_SIGHTINGS = 20,   /* args: array of 1 bin (id or prefix of a record); pages of kr_sighting_item, newest first */
    /* proto/client/community.h: */
    KR_OP_COMMUNITIES = 21,   /* pages of kr_community_item: those that are known here */
    KR_OP_COMMUNITY = 22,     /* args: kr_community_ask; pages of kr_community_council; result: kr_community_item with its text */
    KR_OP_COMMUNITY_WHY = 23, /* args: kr_community_ask; pages of kr_community_word; result: kr_community_council */
    KR_OP_SAY = 24,           /* args: kr_say; result: array of [id (bin 32)] when durable */
    KR_OP_FOUND = 25,         /* args: kr_founding; result: array of [id (bin 32)] of the charter when durable */
    KR_OP_STATE = 30,         /* args: kr_stated: what a request for a statement gave to be signed, signed; result as there */
    KR_OP_COPY_KEY = 31,      /* args: kr_key_copy; result: kr_key_sealed: a secret that can be kept elsewhere. It stays here too */
    KR_OP_FORGET_KEY = 32,    /* args: kr_key_forget; result: empty array when the node has the secret no more, in no file either */
    KR_OP_CARD = 33,    /* args: kr_card_edit; answers as KR_OP_STATE does: this council's card with some of it changed; nothing to
                          change: published where it does not stand yet */
    KR_OP_ALARMS = 34,  /* pages of kr_alarm */
    KR_OP_SETTLE = 35,  /* args: array of 1 bin 32, a council; result: array of 1 uint, how many alarms are settled now */
    KR_OP_PEER = 36,    /* args: kr_peer_act; result: empty array when it is in force, net included */
    KR_OP_BLOCKED = 37, /* pages of kr_blocked: councils that may not be linked */
    KR_OP_QUARANTINE = 38, /* pages of kr_quarantined: what waits for its author to be trusted */
    KR_OP_RECONCILE = 40, /* args: array of 1 flag, forced; result: empty array: this node signs. Went it back to an older state, it
                             is refused as long as it has to wait, and forced it is not */
    /* proto/client/rekey.h: */
    KR_OP_STORAGE_ROTATE =
        41,             /* result: empty array when a new storage key is in the keyring's file: what is in the store is sealed
                           under it from now on (kr_status tells how far that is). Nothing new where one comes already */
    KR_OP_RECOVER = 43, /* args: kr_recover; answers as KR_OP_STATE does: this council's card with another root key, for that one to
                           sign */
    KR_OP_TRIAL = 42,   /* result: kr_tried (proto/client/trial.h): a linked council's node tries this node's address, within 12 s;
                           of the last minute what it found then */
    KR_OP_CONFIRM_ROOT = 44, /* args: kr_root_confirm; result: empty array: the link with that council is open again */
    KR_OP_NEW_KEYS = 45, /* args: array of 1 uint, enum kr_new_keys, or of none; result: empty array when a node key and a sealing
                            key that come next are in the keyring's file */
    KR_OP_ROTATE = 46,   /* args: kr_rotate; answers as KR_OP_STATE does: this council's card with those keys in place of the
                            ones in use, now or from a day on; or with what was planned called off */
    KR_OP_REVOKE = 48,   /* args: kr_revoke; answers as KR_OP_STATE does: the card with that key ended, and which of its records are
                            genuine */
    KR_OP_KEYS = 47,     /* pages of kr_key_item: this node's keys */
    KR_OP_TRANSPORT = 66, /* args: array of 1 uint, enum kr_transport_act, which says what the answer is */
    /* proto/client/people.h: */
    KR_OP_BODIES = 50,      /* pages of kr_body_item */
    KR_OP_BODY = 51,        /* args: kr_body_act; result: kr_body_done */
    KR_OP_PERSONS = 52,     /* pages of kr_person_item */
    KR_OP_PERSON = 53,      /* args: kr_person_act; result: array of 1 bin 32: the person */
    KR_OP_WHOAMI = 54,      /* result: kr_whoami */
    KR_OP_TOLD_BODIES = 88, /* args: kr_told_ask; pages of kr_told_body: bodies that agreed to it, as their councils name them */
    /* proto/client/audit.h: */
    KR_OP_AUDIT = 55,        /* args: kr_audit_ask; pages of kr_audit_item, oldest first */
    KR_OP_AUDIT_VERIFY = 56, /* args: kr_audit_anchor; pages of array [str problem]; result: kr_audit_checked */
    /* proto/client/draft.h: */
    KR_OP_DRAFTS = 57,         /* pages of kr_draft_item: what waits for approval, or to be reviewed */
    KR_OP_DRAFT = 58,          /* args: array of 1 bin 16; result: kr_draft_shown */
    KR_OP_DRAFT_APPROVE = 59,  /* args: kr_draft_act; result: kr_stored */
    KR_OP_DRAFT_REJECT = 60,   /* args: kr_draft_act; result: empty array */
    KR_OP_DRAFT_EDIT = 61,     /* args: kr_draft_act; result: kr_stored. Goes back to its submitter */
    KR_OP_DRAFT_CONSENT = 62,  /* args: kr_draft_act; its submitter's word to what came back */
    KR_OP_DRAFT_WITHDRAW = 63, /* args: kr_draft_act */
    KR_OP_MINE = 64,           /* pages of kr_draft_item: what became of what the caller submitted */
    KR_OP_PAIR = 65, /* args: kr_pair_act; answers as KR_OP_STATE does: our vouch for who was invited; zeros where there is none to
                        be made */
    /* proto/client/forward.h: */
    KR_OP_FORWARD = 67,  /* args: kr_forward_act; result: empty array when it is in force */
    KR_OP_FORWARDS = 68, /* pages of kr_forward_item: between whom this node passes frames on */
    /* proto/client/body_key.h: */
    KR_OP_ADDRESSEES = 78, /* pages of kr_addressee: to whom of this council something can be sealed */
    KR_OP_SEALED = 79, /* as KR_OP_EXPORT (its use is not looked at), of reports and advisories that only bodies and persons open:
                          `content` is their inner section (proto/record/section.h) */
    KR_OP_BODY_KEYS = 80, /* pages of kr_body_key_item; result: kr_body_keys: the caller's own body */
    KR_OP_BODY_KEY = 81,  /* args: kr_body_key_act; result: array of 1 bin 32: the body */
    KR_OP_PERSON_KEY =
        82, /* args: array of 1 bin 32, the caller's own public key from now on; result: array of 1 bin 32: the person */
    /* proto/client/enrol.h: */
    KR_OP_ENROL_TICKET = 75, /* args: kr_enrol_ask; result: kr_enrol_given: a ticket with which a person's machine is enrolled */
    KR_OP_ENROL = 76,        /* over a connection whose key is such a ticket's; args: array of 1 bin 32, the machine's public key;
                                result: kr_enrol_done, when durable */
    KR_OP_UNENROL = 77,      /* args: kr_unenrol; result: empty array: that machine is nobody's any more */
    KR_OP_DRAFT_WHO = 83, /* args: kr_draft_act with a reason; result: kr_draft_who. Its submitter sees it, and so does the log */
    KR_OP_DRAFT_REVIEWED = 86, /* args: kr_draft_act; result: empty array. What was sent under a standing consent */
    /* proto/client/duty.h: */
    KR_OP_DUTY_ACT = 84, /* args: kr_duty_act; result: array of 1 bin 32: the consent, or the roster */
    KR_OP_DUTY = 85,     /* pages of kr_duty_item; result: kr_duty_sum */
    /* proto/client/node.h: */
    KR_OP_NODE_INVITE = 70, /* args: array of 1 uint, seconds (0: KR_TICKET_TTL_S); result: ticket text (array of 1 str) */
    KR_OP_NODE_ADD =
        71,           /* args: array of 1 bin 32, the node key of who asks; answers as KR_OP_STATE does: the card with its keys */
    KR_OP_NODES = 72, /* pages of kr_node_item: this node, the council's others, who asks to be one */
    KR_OP_NODE_REFUSE = 73, /* args: as KR_OP_NODE_ADD; result: empty array: it does not ask any more, and its ticket is void */
};

/* A submission: one record. `body` is the content as kr_report_write or kr_advisory_write gives it. */
struct kr_submit {
    uint8_t token[16]; /* the client's: a repeated submission with the same token gives the same record */
    uint32_t kind;     /* KR_KIND_REPORT or KR_KIND_ADVISORY */
    enum kr_label label;
    bool has_community;
    uint8_t community[32]; /* GREEN: which; may be left out where the node is in just one */
    uint32_t flags;
    uint64_t expires_s; /* 0: default by kind */
    uint32_t audience_count;
    uint8_t audience[KR_CLIENT_AUDIENCE_MAX][32]; /* AMBER: addressed councils; empty with `all_linked` false is refused */
    bool is_forced;                               /* guards were shown and overridden; needs a reason */
    struct kr_slice reason;
    struct kr_slice body;
};
void kr_submit_write(const struct kr_submit *submit, struct kr_writer *writer);
enum kr_err kr_submit_read(struct kr_slice bytes, struct kr_submit *ret_submit) KR_WARN_UNUSED;

/* Takes a record of this council back. */
struct kr_retract {
    uint8_t token[16];  /* as in kr_submit */
    struct kr_slice id; /* or its beginning, at least 4 bytes */
    struct kr_slice reason, language;
};
void kr_retract_write(const struct kr_retract *retract, struct kr_writer *writer);
enum kr_err kr_retract_read(struct kr_slice bytes, struct kr_retract *ret_retract) KR_WARN_UNUSED;
/* `submit` stands instead of the record with that id. Label, community, audience, flags and the earliest expiry are those of the
 * record: what the submission says of them is not looked at, but for a later expiry. Array of 2: id, kr_submit. */
void kr_revise_write(struct kr_slice id, const struct kr_submit *submit, struct kr_writer *writer);
enum kr_err kr_revise_read(struct kr_slice bytes, struct kr_slice *ret_id, struct kr_submit *ret_submit) KR_WARN_UNUSED;

/* What waits for the operator may take effect: all of a council so far, or one retraction. */
struct kr_confirm {
    bool has_council;
    uint8_t council[32];
    struct kr_slice id; /* empty with a council */
};
void kr_confirm_write(const struct kr_confirm *confirm, struct kr_writer *writer);
enum kr_err kr_confirm_read(struct kr_slice bytes, struct kr_confirm *ret_confirm) KR_WARN_UNUSED;

struct kr_invite {
    uint64_t ttl_s;     /* 0: KR_TICKET_TTL_S */
    bool has_community; /* vouch for the joiner there; left out: the only community, if there is one */
    uint8_t community[32];
    bool is_link_only; /* do not vouch */
    bool is_by_hand;   /* the ticket is handed over in person: the link is in force without a code */
};
struct kr_join {
    struct kr_slice ticket;
    bool is_by_hand; /* the operator knows that it came by hand: only then a ticket that says so is taken */
};
void kr_join_write(const struct kr_join *join, struct kr_writer *writer);
enum kr_err kr_join_read(struct kr_slice bytes, struct kr_join *ret_join) KR_WARN_UNUSED;
void kr_invite_write(const struct kr_invite *invite, struct kr_writer *writer);
enum kr_err kr_invite_read(struct kr_slice bytes, struct kr_invite *ret_invite) KR_WARN_UNUSED;

struct kr_ls {
    uint32_t kind;     /* 0: any */
    uint32_t label;    /* 0: any */
    uint64_t since_ms; /* created */
    uint64_t limit;    /* 0: all */
    bool has_author;
    uint8_t author[32];
};
void kr_ls_write(const struct kr_ls *ls, struct kr_writer *writer);
enum kr_err kr_ls_read(struct kr_slice bytes, struct kr_ls *ret_ls) KR_WARN_UNUSED;

/* What a list shows of a record. Encoded as one item. Text is borrowed. */
struct kr_summary {
    uint8_t id[32], author[32];
    struct kr_slice author_name; /* as the asking client's language has it: ja where its hello said so, else en */
    uint32_t kind, label, flags, severity, indicator_count;
    uint64_t created_ms, received_ms, expires_s;
    struct kr_slice title;  /* of a retraction: its reason */
    struct kr_slice target; /* retraction, revision: the id of what it takes back; else empty */
    uint32_t taken;         /* enum kr_taken_state */
};
void kr_summary_write(const struct kr_summary *summary, struct kr_writer *writer);
enum kr_err kr_summary_read(struct kr_slice bytes, struct kr_summary *ret_summary) KR_WARN_UNUSED;

/* Whether a record was taken back, by what, when and why. */
enum kr_taken_state {
    KR_TAKEN_NOT = 0,
    KR_TAKEN_WAITS = 1, /* its author took it back, and so many others that the operator is to confirm it */
    KR_TAKEN_RETRACTED = 2,
    KR_TAKEN_REVISED = 3,
    KR_TAKEN_FALSE = 4, /* a stolen key signed it: the council's revocation does not name it */
};
struct kr_taken {
    uint32_t state; /* enum kr_taken_state */
    uint8_t by[32]; /* the retraction or revision, where there is one */
    uint64_t at_ms;
    struct kr_slice reason; /* of a retraction */
};

/* One retraction that waits, and how many of its author do. */
struct kr_waiting {
    uint64_t total;
    struct kr_summary record;
};
void kr_waiting_write(const struct kr_waiting *waiting, struct kr_writer *writer);
enum kr_err kr_waiting_read(struct kr_slice bytes, struct kr_waiting *ret_waiting) KR_WARN_UNUSED;

struct kr_match {
    uint32_t query;                       /* index of the asked value */
    struct kr_report_indicator indicator; /* as stored */
    struct kr_summary record;
};
void kr_match_write(const struct kr_match *match, struct kr_writer *writer);
/* The same with a summary that kr_summary_write has encoded before. */
void kr_match_write_parts(uint32_t query, const struct kr_report_indicator *indicator, struct kr_slice summary,
                          struct kr_writer *writer);
enum kr_err kr_match_read(struct kr_slice bytes, struct kr_match *ret_match) KR_WARN_UNUSED;

/* A record as `show` gives it: its summary, scope facts, and the opened content (same encoding as in the record). */
/* That somebody had the guards overridden for a record of this node's, and why. No other node knows. */
struct kr_forced {
    uint64_t at_ms; /* 0: nobody had */
    struct kr_slice reason;
};

struct kr_shown {
    struct kr_summary summary;
    uint32_t audience_count;
    struct kr_slice audience[KR_AUDIENCE_MAX]; /* ids */
    struct kr_slice community;                 /* 0 or 32 */
    struct kr_slice content;
    uint32_t content_kind; /* as which kind it is read: of a revision, the kind of what stands instead */
    uint64_t record_bytes;
    struct kr_forced forced;
    struct kr_taken taken; /* where it was taken back, content is empty */
};
void kr_shown_write(const struct kr_shown *shown, struct kr_writer *writer);
enum kr_err kr_shown_read(struct kr_slice bytes, struct kr_shown *ret_shown) KR_WARN_UNUSED;

/* Everything that policy allows for a use, of all that is here: for what searches logs and writes block lists.
 *
 * Given are reports, advisories and whatever other records people wrote, a revision with the new content under its own id and with
 * `summary.target` the id that it replaces. Left out: what has expired, is quarantined, dated ahead, was taken back (what waits for
 * the operator's word is still given), damaged, the directory, sightings
 * (KR_OP_SIGHTINGS has them); RED and AMBER+STRICT, which only a body or persons may read.
 * `forced` and hence who overrode a guard is not told. An item may be as long as a record's content (KR_BODY_BYTES_MAX); a page
 * ends with the first one that takes it past KR_PAGE_BYTES_MAX - 8 KiB.
 *
 * From 0, each record is given once, in the order in which it came to this node. From a cursor that was the result of an earlier
 * call here: each record that came since or can be read only since (left quarantine, was dated ahead), and with `content` empty
 * each that stopped being given: `taken.state` says that it was taken back; where it is KR_TAKEN_NOT it expired, as
 * `summary.expires_s` had announced (up to a minute later; not at all where the node was off for a month after that). Ids that one
 * has never been given may be among them, and an id may come twice: what comes last holds. Order of arrival is no order of
 * creation: a record that was under way for weeks comes when it comes, with its old `created_ms`, so that nothing is lost.
 *
 * A cursor is of this node's store and of one use and exercise. It does not tell when the council enters or leaves a community, nor
 * when another's key is withdrawn: ask from 0 from time to time, and behind a restored backup. One that was never given out is
 * KR_INVALID. */
enum kr_export_use {
    KR_EXPORT_USE_SCAN = 0, /* read here (KR_POLICY_READ) */
    KR_EXPORT_USE_OUT = 1,  /* out of Kairan, to one's own members' defences (KR_POLICY_EXPORT) */
};
struct kr_export {
    uint32_t use;   /* enum kr_export_use */
    uint64_t since; /* 0: from the beginning */
    bool exercise;  /* nothing but records of exercises; else none of them */
};
void kr_export_write(const struct kr_export *export, struct kr_writer *writer);
enum kr_err kr_export_read(struct kr_slice bytes, struct kr_export *ret_export) KR_WARN_UNUSED;

/* A sighting of this council's. It goes where its target went: the same label, community and flags; of a sealed one the audience
 * and the author. It expires with its target. KR_NOT_FOUND: no such record, or (`value`) it has no such indicator; KR_DENIED: a
 * record that the council's people may not read (policy), or that is none of those that people write. */
struct kr_sight {
    uint8_t token[16];  /* as in kr_submit */
    struct kr_slice id; /* of the record, or its beginning, at least 4 bytes */
    struct kr_sighting sighting;
};
void kr_sight_write(const struct kr_sight *sight, struct kr_writer *writer);
enum kr_err kr_sight_read(struct kr_slice bytes, struct kr_sight *ret_sight) KR_WARN_UNUSED;

/* Given of a record while it stands: sightings of a record that was taken back or has expired are shown nowhere. Those that do not
 * bear its label, community and flags are left out. */
struct kr_sighting_item {
    struct kr_summary record; /* the sighting itself */
    struct kr_sighting sighting;
};
void kr_sighting_item_write(const struct kr_sighting_item *item, struct kr_writer *writer);
enum kr_err kr_sighting_item_read(struct kr_slice bytes, struct kr_sighting_item *ret_item) KR_WARN_UNUSED;

struct kr_council_item {
    uint8_t council[32];
    struct kr_slice name_ja, name_en, region;
    struct kr_slice card; /* for kr_card_read */
    bool is_self, is_linked;
    uint32_t community_count;
    struct kr_slice communities[KR_COMMUNITIES_MAX]; /* ids */
    struct kr_slice community_names[KR_COMMUNITIES_MAX];
};
void kr_council_item_write(const struct kr_council_item *item, struct kr_writer *writer);
enum kr_err kr_council_item_read(struct kr_slice bytes, struct kr_council_item *ret_item) KR_WARN_UNUSED;

/* One council in a preview or an explanation, and why it may or may not have the record (enum kr_policy_reason of
 * node/core/policy.h, as a number and a name). */
struct kr_reach {
    uint8_t council[32];
    struct kr_slice name;
    bool may_hold, may_read, is_linked; /* linked: gets it at once; otherwise only through others or not at all */
    uint32_t reason;
    struct kr_slice reason_name;
    struct kr_slice host_name; /* of the council whose operator runs its machine; empty: its own */
};
struct kr_preview {
    uint32_t reach_count;
    struct kr_reach reach[KR_AUDIENCE_MAX];
    uint64_t reach_total; /* may be more than listed (communities of thousands) */
    uint32_t guarded_count;
    struct kr_guarded {     /* values that a guard holds back */
        uint32_t indicator; /* index in the report */
        struct kr_slice list, detail;
    } guarded[64];
    uint64_t guarded_total;
};
void kr_preview_write(const struct kr_preview *preview, struct kr_writer *writer);
enum kr_err kr_preview_read(struct kr_slice bytes, struct kr_preview *ret_preview) KR_WARN_UNUSED;

struct kr_explained {
    struct kr_summary summary;
    struct kr_slice from_name; /* council that handed it to us; our own name where we wrote it */
    uint8_t from[32];
    uint64_t hops_known; /* 0: we wrote it, 1: straight from the author, 2: through others */
    uint32_t scope_count;
    struct kr_explained_scope {
        uint32_t kind;
        struct kr_slice id;
        uint64_t entry; /* number in that tree */
    } scopes[64];
    uint32_t reach_count;
    struct kr_reach reach[KR_AUDIENCE_MAX];
    struct kr_forced forced;
    struct kr_taken taken;
};
void kr_explained_write(const struct kr_explained *explained, struct kr_writer *writer);
enum kr_err kr_explained_read(struct kr_slice bytes, struct kr_explained *ret_explained) KR_WARN_UNUSED;

enum kr_link_state {
    KR_LINK_JOINING = 1, /* ticket in use, not yet welcomed */
    KR_LINK_OPEN = 2,
    KR_LINK_PAUSED = 3, /* by the operator: net lets nothing of it in or out */
};
/* Why a link stands still until it is removed and made anew: another key than the one that the council's root key vouches for. The
 * first two may also be resumed: that makes no key good, it only tries again. */
enum kr_link_stop {
    KR_STOP_NOT = 0,
    KR_STOP_NODE_KEY = 1, /* its node signed with a key that is not on the council's card, and did not end there either */
    KR_STOP_CARD = 2,     /* it shows a card that another key than the council's root key signed */
    KR_STOP_PAIRING = 3,  /* while the code was agreed on it said one thing, and then another */
    KR_STOP_RESTORED = 4, /* this node went back to an older state before the code was confirmed */
};
/* How far this node and a peer are with what both may hold. */
enum kr_peer_phase {
    KR_PEER_UNKNOWN = 0, /* not compared in this session */
    KR_PEER_EQUAL = 1,
    KR_PEER_DIFFERS = 2, /* compared, and the next step is due later */
    KR_PEER_READING = 3, /* what entered its scopes since we read them last */
    KR_PEER_WALKING = 4, /* the trees, for what differs */
};
/* How it is with a link that goes through a third node. */
enum kr_through_state {
    KR_THROUGH_NOT = 0, /* it does not */
    KR_THROUGH_READY = 1,
    KR_THROUGH_NO_CARRIER = 2, /* the council in between is not linked, or not online */
    KR_THROUGH_ASKING = 3,
    KR_THROUGH_SILENT = 4,   /* it does not answer: an older version, which passes nothing on */
    KR_THROUGH_DENIED = 5,   /* its operator has not allowed it */
    KR_THROUGH_WAITING = 6,  /* the council at the other end has not added the link */
    KR_THROUGH_NOT_UP = 7,   /* the council at the other end is not online there */
    KR_THROUGH_EXPELLED = 8, /* the council in between was expelled */
    KR_THROUGH_TAKEN = 9,    /* another node of this council has that link */
};
struct kr_peer {
    uint8_t council[32], transport_key[32];
    struct kr_slice name, endpoint;
    uint32_t state; /* enum kr_link_state */
    bool is_online, we_dial;
    uint64_t last_seen_ms, linked_ms;
    int64_t clock_ms; /* theirs minus ours, where known; on the wire + 2^62 */
    uint64_t sent_records, received_records, refused_records, queued,
        behind; /* behind: entries of its logs that we have not read */
    uint64_t sent_bytes, received_bytes;
    struct kr_peer_rate { /* what went over it in the last `span_ms`, a minute or little more */
        uint64_t span_ms, sent_records, sent_bytes, received_records, received_bytes;
    } rate;
    uint32_t phase;              /* enum kr_peer_phase */
    uint64_t entries;            /* of its logs, of all scopes that both share; 0 where it is not known */
    uint64_t next_try_ms;        /* when it is dialled next; 0: there is a session, it is paused, or the other side dials */
    bool is_awaited;             /* this node went back to an older state and waits until both are equal */
    uint32_t through;            /* enum kr_through_state */
    uint8_t through_council[32]; /* the one in between; zeros where it goes through none */
    struct kr_slice through_name;
    bool is_pending; /* until both operators have confirmed the code: nothing but CLEAR and the directory passes */
    bool we_confirmed, they_confirmed;
    struct kr_slice code; /* eight digits; empty where there is none (yet) */
    uint32_t wrong_codes; /* that were typed here */
    uint32_t stop;        /* enum kr_link_stop */
    uint64_t stopped_ms;  /* since when; 0: it is not */
    bool claims_key;      /* the council's card lists a transport key that is another's; at one of its links */
};
void kr_peer_write(const struct kr_peer *peer, struct kr_writer *writer);
enum kr_err kr_peer_read(struct kr_slice bytes, struct kr_peer *ret_peer) KR_WARN_UNUSED;

struct kr_status {
    uint8_t council[32];
    struct kr_slice name_ja, name_en, version, endpoint;
    uint64_t started_ms, now_ms;
    uint64_t records, indicators, quarantined, store_bytes, disk_free_bytes;
    uint64_t alarms;            /* not settled */
    uint64_t takebacks_waiting; /* retractions and revisions that wait for the operator's word */
    uint64_t links, links_online, tickets;
    uint64_t links_pending, links_stopped; /* of the links: to be confirmed by telephone; standing still because of a key */
    uint64_t claims;                       /* councils whose card lists a transport key that is another's */
    uint64_t commits, commit_us_p50, commit_us_p99;
    bool net_is_up, keyring_is_protected, store_is_writable;
    bool has_root, has_recovery; /* those secrets are on this node */
    uint64_t net_restarts;
    uint32_t restored;          /* 0: no; else it went back to an older state and signs nothing yet: 1 restored from a backup,
                                   2 a peer showed that it was */
    uint64_t restored_since_ms; /* 0: it was not */
    uint64_t awaited;           /* linked councils that it was not found equal with since */
    uint64_t backup_s;          /* when the last backup was made; 0: none ever was, as far as is known */
    bool needs_approval;        /* something that is submitted waits for another person's word ([approval]) */
    struct kr_status_storage {  /* the storage key */
        uint64_t from_s;        /* when the one in use was made */
        uint64_t next_s;        /* when the one was made that takes its place; 0: none does, and the rest is 0 */
        uint64_t moved_s;       /* when that last got on; 0: it has not begun */
        uint64_t done, all;     /* values that are under it, and about how many there are */
        uint64_t damaged;       /* values that could not be read before either */
    } storage;
    struct kr_status_transport { /* the transport key */
        bool comes, is_listed;   /* one was made that takes its place; the card lists it. Without the latter the rest is 0 */
        uint64_t from_s;         /* from when on the card has it */
        uint64_t until_s;        /* its turn comes then at the latest */
        uint64_t links, tickets, machines; /* that it waits for: persons' machines to the end */
        struct kr_slice names;             /* of the councils of the first of these links */
    } transport;
    struct kr_status_room {             /* the store's map; all 0: not known */
        uint64_t map_bytes, used_bytes; /* its size, and how much of it the file takes */
        uint64_t free_bytes;            /* of that: waits to be used again */
        uint64_t reader_commits;        /* who has read longest is so many of them behind; 0: nobody is, the rest is 0 */
        uint64_t reader_s;              /* for so long at least */
        uint32_t reader_process;        /* its number there */
        bool is_reader_own;             /* it is the node's own process */
    } room;
    uint32_t community_count;
    struct kr_status_community {
        uint8_t id[32];
        struct kr_slice name;
        uint64_t members;
    } communities[KR_COMMUNITIES_MAX];
};
void kr_status_write(const struct kr_status *status, struct kr_writer *writer);
enum kr_err kr_status_read(struct kr_slice bytes, struct kr_status *ret_status) KR_WARN_UNUSED;

/* Statements that the root key must sign, and it is not at this node: a request that comes to some (KR_OP_STATE says which are
 * done) answers with the id of the first, and with the whole records as pages, but for their signatures. None: all is done. */
#define KR_STATEMENTS_MAX (KR_CARDS_MAX * (1u + KR_REVOKED_PAGES_MAX)) /* its card, and a revocation's pages, for each place */
struct kr_stated {
    uint32_t count;
    struct kr_slice records[KR_STATEMENTS_MAX];
};
void kr_stated_write(const struct kr_stated *stated, struct kr_writer *writer); /* array of 1 to KR_STATEMENTS_MAX bins */
enum kr_err kr_stated_read(struct kr_slice bytes, struct kr_stated *ret_stated) KR_WARN_UNUSED;

/* A record that waits for its author to be trusted, without anything of what is in it. */
struct kr_quarantined {
    uint64_t bytes;
    uint8_t from[32]; /* the council that brought it */
    struct kr_slice from_name;
    struct kr_summary record; /* title, severity, indicators: none */
};
void kr_quarantined_write(const struct kr_quarantined *quarantined, struct kr_writer *writer);
enum kr_err kr_quarantined_read(struct kr_slice bytes, struct kr_quarantined *ret_quarantined) KR_WARN_UNUSED;

/* What the operator does with the link to a council. */
enum kr_peer_action {
    KR_PEER_PAUSE = 1,
    KR_PEER_RESUME = 2,
    KR_PEER_REMOVE = 3, /* forgets the link; records stay */
    KR_PEER_BLOCK = 4,  /* the same, and no ticket links that council again; linked or not */
    KR_PEER_UNBLOCK = 5,
    KR_PEER_ADD = 6, /* a link through a third node: comes about once the other council has added it too, and that node allows it */
};
struct kr_peer_act {
    uint32_t action;
    uint8_t council[32];
    uint8_t through[32]; /* add: the council in between */
};
void kr_peer_act_write(const struct kr_peer_act *act, struct kr_writer *writer);
enum kr_err kr_peer_act_read(struct kr_slice bytes, struct kr_peer_act *ret_act) KR_WARN_UNUSED;
/* What the operator says of a link that is pending. */
enum kr_pair_action {
    KR_PAIR_CONFIRM = 1, /* the code is the one that the other operator reads out */
    KR_PAIR_REJECT = 2,
};
struct kr_pair_act {
    uint32_t action;
    uint8_t council[32];
    struct kr_slice code; /* digits, as typed; empty where it is rejected */
};
void kr_pair_act_write(const struct kr_pair_act *act, struct kr_writer *writer);
enum kr_err kr_pair_act_read(struct kr_slice bytes, struct kr_pair_act *ret_act) KR_WARN_UNUSED;
struct kr_blocked {
    uint8_t council[32];
    struct kr_slice name;
    uint64_t since_ms;
};
void kr_blocked_write(const struct kr_blocked *blocked, struct kr_writer *writer);
enum kr_err kr_blocked_read(struct kr_slice bytes, struct kr_blocked *ret_blocked) KR_WARN_UNUSED;

/* Two statements of one council, kind, subject and version: its root key is in two hands. Each record is header and signature
 * alone: with them anybody can convince himself (kr_alarm_check). */
enum kr_alarm_sort {
    KR_ALARM_VERSION = 0, /* two statements of one version, both without slots and body */
    KR_ALARM_REKEYED = 1, /* two cards, whole, whose root keys were replaced by one recovery key */
    KR_ALARM_ROOT = 2,    /* no proof: a linked council's root key is to be confirmed. First the new one, then the one before */
    KR_ALARM_TICKET = 3, /* no proof: a ticket of ours enrolled two machines of the person `name`. The one that counts, the other */
    KR_ALARM_INVITATION = 4, /* no proof: an invitation of ours was used by two councils. The first one's id, that of `name` */
    KR_ALARM_DATED = 5,      /* two cards, whole, of one root key: the second dates a node key back (kr_card_dates_back) */
};
struct kr_alarm {
    uint32_t sort;
    uint8_t council[32];
    struct kr_slice name;
    uint64_t noted_ms;
    bool is_settled; /* the operator has dealt with it */
    struct kr_slice records[2];
};
void kr_alarm_write(const struct kr_alarm *alarm, struct kr_writer *writer);
enum kr_err kr_alarm_read(struct kr_slice bytes, struct kr_alarm *ret_alarm) KR_WARN_UNUSED;
/* Whether the two prove what they are said to: both signatures hold, by one key, for one author, kind, community, subject and
 * version, and the records differ; or they are two cards as said above. KR_MALFORMED, KR_SIGNATURE; KR_INVALID where they prove
 * nothing. `*ret_header` is the first one's, borrowed. */
enum kr_err kr_alarm_check(const struct kr_slice records[static 2], struct kr_header *ret_header) KR_WARN_UNUSED;

/* What is to change on this council's card. */
enum kr_card_field {
    KR_CARD_NAME_JA,
    KR_CARD_NAME_EN,
    KR_CARD_REGION,
    KR_CARD_CONTACT_NAME,
    KR_CARD_CONTACT_MAIL,
    KR_CARD_CONTACT_TELEPHONE,
    KR_CARD_CONTACT_HOURS,
    KR_CARD_ENDPOINT, /* of the transport key that this node uses; empty: it only dials out */
    KR_CARD_FIELDS
};
struct kr_card_edit {
    bool changes[KR_CARD_FIELDS];
    struct kr_slice texts[KR_CARD_FIELDS];
    bool changes_host;
    struct kr_slice host; /* council whose operator runs the machine: 32 bytes; empty: our own */
};
/* array of 2 * KR_CARD_FIELDS + 2: flag and text of each, flag and host */
void kr_card_edit_write(const struct kr_card_edit *edit, struct kr_writer *writer);
enum kr_err kr_card_edit_read(struct kr_slice bytes, struct kr_card_edit *ret_edit) KR_WARN_UNUSED;

/* A secret on its way to the operator's own medium: sealed to a key that the client makes for this one answer. */
struct kr_key_copy {
    uint32_t role;          /* enum kr_key_role */
    uint8_t box_public[32]; /* X25519 */
};
struct kr_key_sealed {
    uint8_t council[32], public_key[32];
    struct kr_slice slot; /* KR_SLOT_BYTES: the Ed25519 seed */
};
/* That the client has the copy: the key's own signature, domain "kairan key copy", over the council's id. */
struct kr_key_forget {
    uint32_t role;
    struct kr_slice signature;
};
#define KR_KEY_COPY_DOMAIN "kairan key copy"
void kr_key_copy_write(const struct kr_key_copy *copy, struct kr_writer *writer);
enum kr_err kr_key_copy_read(struct kr_slice bytes, struct kr_key_copy *ret_copy) KR_WARN_UNUSED;
void kr_key_sealed_write(const struct kr_key_sealed *sealed, struct kr_writer *writer);
enum kr_err kr_key_sealed_read(struct kr_slice bytes, struct kr_key_sealed *ret_sealed) KR_WARN_UNUSED;
void kr_key_forget_write(const struct kr_key_forget *forget, struct kr_writer *writer);
enum kr_err kr_key_forget_read(struct kr_slice bytes, struct kr_key_forget *ret_forget) KR_WARN_UNUSED;

enum kr_join_phase {
    KR_JOIN_DIALLING = 1,
    KR_JOIN_SESSION = 2,
    KR_JOIN_WELCOMED = 3,
    KR_JOIN_LINKED = 4,
    KR_JOIN_MEMBER = 5,
    KR_JOIN_CANDIDATE = 6,
    KR_JOIN_PENDING = 7 /* linked; both operators have to confirm the code */
};
struct kr_join_step {
    uint32_t phase;
    struct kr_slice council_name;
    uint32_t missing;     /* candidate: vouches that are needed still */
    struct kr_slice code; /* pending */
};
void kr_join_step_write(const struct kr_join_step *step, struct kr_writer *writer);
enum kr_err kr_join_step_read(struct kr_slice bytes, struct kr_join_step *ret_step) KR_WARN_UNUSED;

#endif
