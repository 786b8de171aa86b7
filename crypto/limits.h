/* Every bound of the system, in one place (lowest layer, so that all can include it).
 *
 * Units come last in each name. Where two bounds depend on each other, a static assertion at the end says so. */
#ifndef KR_CRYPTO_LIMITS_H
#define KR_CRYPTO_LIMITS_H

#include <stdint.h>

#define KR_KIB 1024u
#define KR_MIB (1024u * 1024u)

/* Records. */
#define KR_RECORD_BYTES_MAX      (256u * KR_KIB)
#define KR_BODY_CLASS_BYTES_MAX  (224u * KR_KIB)                /* largest padded body */
#define KR_BODY_BYTES_MAX        (KR_BODY_CLASS_BYTES_MAX - 4u) /* what fits in it behind its length */
#define KR_HEADER_BYTES_MAX      (10u * KR_KIB)
#define KR_AUDIENCE_MAX          256u
#define KR_SLOTS_MAX             (KR_AUDIENCE_MAX + 1u)
#define KR_REPORT_INDICATORS_MAX 4096u
#define KR_INDICATOR_BYTES_MAX   2048u
#define KR_TITLE_BYTES_MAX       512u
#define KR_TEXT_BYTES_MAX        (64u * KR_KIB)
#define KR_NAME_BYTES_MAX        256u
#define KR_NOTE_BYTES_MAX        1024u
#define KR_ENDPOINT_BYTES_MAX    256u
#define KR_REFERENCES_MAX        64u
#define KR_EXPIRES_S_MAX         (10u * 366u * 86400u) /* after creation */
#define KR_SIGNED_DAY_MAX        131072u               /* records that a node signs in a day; only the signer counts */
#define KR_SIGNED_STEP           256u                  /* of them, noted at a time */
#define KR_FUTURE_MS_MAX         (10u * 60u * 1000u)   /* dated further ahead: hidden until then */
#define KR_AHEAD_MS_MAX          (86400u * 1000u)      /* dated further ahead: not taken yet; a clock further off is wrong */
#define KR_TAKEBACKS_DAY_MAX     32u                   /* of one other council: more wait for the operator */
#define KR_CARD_KEYS_MAX         16u                   /* of each sort on a council card */
#define KR_CARD_BYTES_MAX        (16u * KR_KIB)        /* more than any card can have: three lists of keys, eight texts */
#define KR_FOUNDERS_MAX          64u
#define KR_REKEYINGS_MAX         16u    /* of one council's root key, ever */
#define KR_REVOKED_PAGES_MAX     16u    /* of one revocation */
#define KR_REVOKED_NAMES_MAX     14000u /* genuine records that one page of it names */
#define KR_REVOKED_ROWS_MAX      64u    /* pages of one council in one community, of all its keys together */

/* Communities and links. */
#define KR_COMMUNITY_COUNCILS_MAX 4096u
#define KR_COMMUNITIES_MAX        16u
#define KR_VOUCHES_MAX            1024u /* of one council in one community: more are not taken and do not count */
#define KR_EDGES_MAX              (8u * KR_COMMUNITY_COUNCILS_MAX) /* vouches of one community */
#define KR_EXPULSIONS_MAX         256u                             /* by one council in one community, as for vouches */
#define KR_EXPULSION_EDGES_MAX    (4u * KR_COMMUNITY_COUNCILS_MAX) /* of one community */
#define KR_CHARTERS_MAX           4u                               /* of one other council, that name us as a founder */
#define KR_CARDS_MAX              (KR_COMMUNITIES_MAX + 1u)        /* of one council: one a community, and one without */
#define KR_ALARMS_MAX             8u                               /* of one council wait to be settled: more say nothing new */
#define KR_LINKS_MAX              256u
#define KR_BLOCKED_MAX            1024u /* councils that the operator does not want to be linked with */
#define KR_TICKETS_MAX            64u
#define KR_TICKET_TTL_S           (7u * 86400u)
#define KR_NODE_BODY_BYTES_MAX    (8u * KR_KIB) /* what nodes of one council tell each other: all sealing keys */
#define KR_NODE_ASKS_MAX          16u           /* machines that ask to be a node of this council */
#define KR_PAIRING_DIGITS         8u     /* of the code that two operators compare: whoever is in between hits it once in 10^8 */
#define KR_PAIRING_TEXT_BYTES_MAX 64u    /* of one that somebody typed */
#define KR_PAIRING_WRONG_MAX      3u     /* so many that are not it end the link */
#define KR_LINK_QUEUE_MAX         65536u /* arrival numbers waiting for one peer */
#define KR_LINK_ASKED_MAX         2048u  /* of these that it asked for: two pages of catching up */
#define KR_LINK_GRAFTED_MAX       2048u  /* of these that it asked for by GRAFT */

/* People of one council. */
#define KR_BODIES_MAX           1024u
#define KR_BODY_NOTICES_MAX     1024u           /* of one council in one community, those without names included */
#define KR_BODY_NOTICE_S        (180u * 86400u) /* how long a name stands that nobody tells anew; renewed at half of it */
#define KR_BODY_NOTICE_S_MAX    (366u * 86400u) /* one that ends later is not taken */
#define KR_PERSONS_MAX          8192u
#define KR_BODY_PERSONS_MAX     256u                       /* of one body, who are not revoked */
#define KR_CREDENTIALS_MAX      4u                         /* of one person */
#define KR_DRAFTS_MAX           4096u                      /* that wait or were decided of late */
#define KR_DRAFTS_BYTES_MAX     (64u * KR_MIB)             /* of those that wait */
#define KR_DRAFT_DECIDED_MS     (90u * UINT64_C(86400000)) /* how long is kept what became of one */
#define KR_DRAFT_KEPT_S         (732u * 86400u)            /* and the record of one that waits, or waited, since it was submitted */
#define KR_DRAFT_OPENINGS_MAX   8u                         /* persons who may have learnt whom a draft is by */
#define KR_OPENING_BYTES_MAX    200u                       /* of the reason: it is an entry's note in the audit log, too */
#define KR_CONSENTS_MAX         128u                       /* standing ones, and those that ended of late */
#define KR_CONSENT_S_MAX        (400u * 86400u)            /* how long one may stand */
#define KR_DUTY_ENTRIES_MAX     512u                       /* of the duty roster */
#define KR_AUDIT_DENIED_DAY_MAX 64u                        /* entries about what one user was refused in a day */
#define KR_AUDIT_FAILED_DAY_MAX 512u                       /* entries about acts of one user in a day that came to nothing */
#define KR_AUDIT_COUNTS_MAX     256u                       /* users and sorts of entries that are counted for that at a time */
#define KR_STANDS_FOR_MAX       8u                         /* for so many may one person be a deputy */
#define KR_INTERNAL_DAY_MAX     4096u  /* of the council's own records, of one other node's key, made on a day */
#define KR_INTERNAL_COMING_MAX  32768u /* likewise, that come on one day, whenever they were made */
#define KR_INTERNAL_KIND_MAX    65536u /* subjects of which one of one kind stands */
#define KR_BODY_KEYS_MAX        256u   /* keys that a body had before, and that lead on from the one that it has */

/* What is sealed to bodies and persons. */
#define KR_SECTION_SLOTS_MAX  64u
#define KR_ADDRESSED_MAX      63u                  /* one slot is its submitter's */
#define KR_SECTION_INSIDE_MAX (192u * KR_KIB - 4u) /* the last pad class but one, so that the record has room for it */

/* Wire. */
#define KR_FRAME_BYTES_MAX      KR_MIB
#define KR_LINK_WINDOW_BYTES    (2u * KR_MIB) /* records under way to one peer, unacknowledged */
#define KR_NET_BUFFER_BYTES_MAX (24u * KR_MIB)
#define KR_LINK_FLOOR_BYTES     (32u * KR_KIB) /* of the window, what every link has however many there are */
#define KR_LOANS_BYTES          (2u * KR_MIB)  /* kept for records that are larger than their link's window */
/* Frames that came over one connection and wait. An honest peer has at most its window under way, and all windows together fit
 * KR_NET_BUFFER_BYTES_MAX. A hostile one that was admitted can make net hold 16 frames of the largest size, 16
 * MiB, on one connection, as long as keeper takes no more. */
#define KR_NET_FRAMES_MAX 16
/* What one connection may bring without ending a message: as much as the frames that may wait. */
#define KR_NET_UNENDED_BYTES_MAX (KR_NET_FRAMES_MAX * KR_FRAME_BYTES_MAX)
/* What all connections together may have brought, each since its last message: nothing else bounds how many connections one
 * admitted key opens. Honest peers stay below it even where keeper takes nothing for a while: their windows, and a few lists of ids
 * from each of KR_LINKS_MAX; and persons' machines. */
#define KR_NET_UNENDED_ALL_BYTES_MAX (72u * KR_MIB)
/* Connections to a node that no message has come over yet: honest ones bring one as soon as they
 * have proved a key. All peers may come back at once, each by two connections. */
#define KR_NET_STRANGERS_MAX       512u
#define KR_CHANNEL_CHUNK_BYTES_MAX (64u * KR_KIB)
#define KR_IDS_PER_FRAME_MAX       1024u /* records in one frame */
#define KR_PAGE_IDS_MAX            4096u /* ids in one list */

/* Links through a third node (docs/adr/0045). Frames travel in pieces; a piece uses up its own length and the same again for its
 * being one, so that many small ones cost as a few large ones do. */
#define KR_FORWARD_PIECE_BYTES_MAX (12u * KR_KIB)
#define KR_FORWARD_PIECE_COST      (4u * KR_KIB)
#define KR_FORWARD_WINDOW          (64u * KR_KIB)  /* of one direction of a pair, what waits or is under way on each leg */
#define KR_FORWARD_TO_MAX          (128u * KR_KIB) /* under way from the node in the middle to one council, of all pairs */
#define KR_FORWARDS_MAX            64u             /* pairs that one node passes on between */
#define KR_FORWARD_FRAME_BYTES_MAX (384u * KR_KIB) /* of a frame that is passed on */
#define KR_FORWARD_RATE_MIN        (16u * KR_KIB)  /* bytes a second of one pair */
#define KR_FORWARD_RATE            (256u * KR_KIB) /* where the operator names none */
#define KR_FORWARD_RATE_MAX        (64u * KR_MIB)
#define KR_THROUGH_LINKS_MAX       16u            /* links of one node that go through others */
#define KR_THROUGH_PUSH_BYTES      (64u * KR_KIB) /* a frame of pushed records over one ends past this */
#define KR_THROUGH_QUEUE_BYTES_MAX (2u * KR_MIB)  /* frames of one that wait for room */

/* Spreading. */
#define KR_ROUTES_MAX       4096u  /* trees of which is remembered which links are eager: a power of two */
#define KR_ANNOUNCE_MAX     8192u  /* ids that wait to be announced to one peer */
#define KR_AWAITED_MAX      16384u /* records announced by all peers and not here yet */
#define KR_AWAITED_LINK_MAX 2048u  /* of them, by one peer */
#define KR_AWAITED_FLOOR    32u    /* of them, what every link may have whatever the others announce */

/* Walking trees: what one message says, and what of it waits. */
#define KR_SYNC_BYTES_MAX   (64u * KR_KIB) /* parts of one message */
#define KR_SYNC_LIST_MAX    1024u          /* names of one list */
#define KR_SYNC_MONTHS_MAX  128u           /* records expire within ten years */
#define KR_WALK_GENERATIONS 80u            /* of messages; no key has more nibbles */
#define KR_WALK_WINDOW      16u            /* messages of one generation on their way: 1 MiB, and what the last part gives */
#define KR_WALK_FRAMES_MAX  56u            /* waiting here, of all generations; more are let go, and found again */
#define KR_WALK_PUSHES_MAX  8192u          /* records waiting to be pushed, before a walk adds to them */
#define KR_WALK_BYTES_MAX   (4u * KR_MIB)  /* of all walks together */

/* Clients. */
#define KR_CLIENTS_MAX            256u
#define KR_CLIENT_FRAME_BYTES_MAX (512u * KR_KIB)
#define KR_PAGE_BYTES_MAX         (64u * KR_KIB)
#define KR_PAGE_MS_MAX            5u
#define KR_BULK_BYTES_MIN         (16u * KR_KIB) /* a submission larger than this waits in the bulk lane */
#define KR_WATCHERS_MAX           64u

/* Clients from afar (proto/wire/remote.h). What one may have under way is counted in frames, whatever their size, so that small
 * ones fill no queue: those with bytes, and of those that say how many were taken as many as a window can cause. */
#define KR_PERSON_KEYS_MAX        1024u          /* machines of persons, and open tickets for them, of one council */
#define KR_ENROL_TICKETS_MAX      256u           /* of them, tickets */
#define KR_REMOTE_CLIENTS_MAX     128u           /* connections; all count as clients, too */
#define KR_REMOTE_KEY_CLIENTS_MAX 8u             /* of one machine; net cuts at twice as many */
#define KR_REMOTE_UP_BYTES        (7u * KR_KIB)  /* of one frame to keeper */
#define KR_REMOTE_UP_FRAMES       8u             /* with bytes, under way to keeper */
#define KR_REMOTE_DOWN_BYTES      (32u * KR_KIB) /* of one frame to a client */
#define KR_REMOTE_DOWN_FRAMES     16u            /* with bytes, under way to a client */
#define KR_REMOTE_FRAME_BYTES_MAX (8u * KR_KIB)  /* of any frame to keeper */
#define KR_REMOTE_IN_HAND_MAX     32u            /* frames of one connection that keeper has and is not through with, */
#define KR_REMOTE_IN_HAND_BYTES   (64u * KR_KIB) /* and their bytes: who sends more is cut */
#define KR_REMOTE_RATE_BYTES_S    (2u * KR_MIB)  /* to keeper, of one machine in the long run */
#define KR_REMOTE_BURST_BYTES     (2u * KR_MIB)  /* and at once */

/* Store. */
#define KR_CHUNK_BYTES_MAX        2000u
#define KR_INDEX_FRESH_MAX        32768u
#define KR_RUN_FANOUT             4u
#define KR_MERGE_SLICE            10000u
#define KR_TXN_DIRTY_PAGES_MAX    1024u
#define KR_QUARANTINE_BYTES_MAX   (128u * KR_MIB)
#define KR_QUARANTINE_FLOOR_BYTES KR_RECORD_BYTES_MAX /* of that, what every link has whatever the others send */
#define KR_TREE_LEAF_MAX          64u                 /* keys of a subtree that has no node */
#define KR_TREE_LAG               512u                /* entries of a scope that its trees' rows may not have yet */
#define KR_TREE_LAG_TXN           1024u               /* the same within a transaction, before it commits */
#define KR_TREE_DROP_SLICE        256u                /* rows of trees that are over, dropped at a time */
#define KR_MONTH_GRACE_S          86400u              /* a month of expiry is over so long after its end */

_Static_assert(KR_SECTION_INSIDE_MAX + 4u + 16u + KR_SECTION_SLOTS_MAX * 82u + 64u <= KR_BODY_BYTES_MAX - 64u,
               "a record holds the largest section with the most slots");
_Static_assert(KR_BODY_NOTICES_MAX >= KR_BODIES_MAX, "every body of a council can be named in a community");
_Static_assert(KR_FRAME_BYTES_MAX >= 2u * KR_RECORD_BYTES_MAX, "a frame holds at least one record");
_Static_assert(KR_LINK_WINDOW_BYTES >= KR_FRAME_BYTES_MAX, "a window holds at least one frame");
_Static_assert(KR_LINKS_MAX *KR_LINK_FLOOR_BYTES + KR_LOANS_BYTES <= KR_NET_BUFFER_BYTES_MAX, "every link has its floor");
_Static_assert(KR_NET_BUFFER_BYTES_MAX + KR_LINKS_MAX * 2u * KR_PAGE_IDS_MAX * 17u +
                       KR_REMOTE_CLIENTS_MAX * KR_REMOTE_IN_HAND_BYTES <=
                   KR_NET_UNENDED_ALL_BYTES_MAX,
               "what honest peers and clients have under way is never too much together: all windows, and two lists of ids a link");
_Static_assert(KR_NET_UNENDED_BYTES_MAX <= KR_NET_UNENDED_ALL_BYTES_MAX / 2u, "one connection alone is no reason to cut others");
_Static_assert(KR_NET_STRANGERS_MAX >= 2u * KR_LINKS_MAX, "all peers may come back at once");
_Static_assert(KR_LOANS_BYTES >= KR_RECORD_BYTES_MAX, "any record can be lent for");
_Static_assert(KR_QUARANTINE_FLOOR_BYTES >= KR_RECORD_BYTES_MAX, "the floor holds any record");
_Static_assert(KR_LINKS_MAX *KR_QUARANTINE_FLOOR_BYTES <= KR_QUARANTINE_BYTES_MAX / 2u, "all floors leave as much to share");
_Static_assert(KR_LINKS_MAX *KR_AWAITED_FLOOR <= KR_AWAITED_MAX / 2u, "all floors leave as much to share");
_Static_assert(KR_ANNOUNCE_MAX * 16u <= KR_LINK_QUEUE_MAX * 8u, "announcements of one link take no more than its queue");
_Static_assert(KR_BODY_CLASS_BYTES_MAX + 16u + KR_SLOTS_MAX * 88u + KR_HEADER_BYTES_MAX + 128u <= KR_RECORD_BYTES_MAX + 4u * KR_KIB,
               "the largest body with the largest audience is a record");
_Static_assert(32u * KR_VOUCHES_MAX <= KR_EDGES_MAX, "a few councils cannot use up a community's vouches");
_Static_assert(64u * KR_EXPULSIONS_MAX <= KR_EXPULSION_EDGES_MAX, "nor its expulsions");
_Static_assert(KR_CLIENT_FRAME_BYTES_MAX >= KR_RECORD_BYTES_MAX + KR_PAGE_BYTES_MAX, "a client frame holds any draft");

_Static_assert(KR_THROUGH_PUSH_BYTES + KR_RECORD_BYTES_MAX + 16u * KR_KIB <= KR_FORWARD_FRAME_BYTES_MAX,
               "what is pushed through a third node is a frame that it passes on");
_Static_assert(KR_CARD_BYTES_MAX + KR_SYNC_BYTES_MAX + KR_PAGE_IDS_MAX * 16u <= KR_FORWARD_FRAME_BYTES_MAX,
               "so is whatever else is said");
_Static_assert(2u * (KR_FORWARD_PIECE_BYTES_MAX + KR_FORWARD_PIECE_COST) <= KR_FORWARD_WINDOW, "one piece may wait for another");
_Static_assert(KR_FORWARD_WINDOW <= KR_FORWARD_TO_MAX, "a pair alone has its whole window");
_Static_assert(2u * KR_FORWARDS_MAX * KR_FORWARD_WINDOW <= 8u * KR_MIB, "all that is passed on is small");
_Static_assert(KR_WALK_WINDOW *KR_SYNC_BYTES_MAX + KR_LINK_WINDOW_BYTES / 4u <= KR_THROUGH_QUEUE_BYTES_MAX,
               "a walk never overruns what waits");

_Static_assert((KR_WALK_FRAMES_MAX + 1u) * KR_SYNC_BYTES_MAX <= KR_WALK_BYTES_MAX, "a walk alone has all the room that it may use");
_Static_assert(3u * KR_WALK_WINDOW < KR_WALK_FRAMES_MAX, "three generations may wait at once");
_Static_assert(KR_WALK_PUSHES_MAX >= 2u * KR_SYNC_LIST_MAX, "all that one list lacks has room");

_Static_assert(KR_REMOTE_UP_FRAMES + KR_REMOTE_DOWN_FRAMES + 2u <= KR_REMOTE_IN_HAND_MAX, "an honest machine is never cut");
_Static_assert(KR_REMOTE_UP_FRAMES *(KR_REMOTE_UP_BYTES + 64u) + (KR_REMOTE_DOWN_FRAMES + 2u) * 128u <= KR_REMOTE_IN_HAND_BYTES,
               "likewise");
_Static_assert(KR_REMOTE_UP_BYTES + KR_KIB <= KR_REMOTE_FRAME_BYTES_MAX, "a full part fits its frame");
_Static_assert(KR_REMOTE_CLIENTS_MAX <= KR_CLIENTS_MAX / 2u, "local clients have as many places, whoever comes from afar");

#endif
