/* What goes into the core and what comes out of it.
 *
 * Events carry everything that the core may know of the world: time, seeds, bytes. Effects say what is to be done; whoever runs the
 * core lets them out only after the transaction in which they arose is durable. Within a batch effects keep their order. */
#ifndef KR_NODE_CORE_EVENT_H
#define KR_NODE_CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "proto/client/client.h"
#include "proto/codec/reader.h"

struct kr_job;

/* Stands for a dial that is only tried, in effects and events; no link has it. There is one at a time: CONNECTED, TURNED_AWAY or
 * LOST says what came of it. */
#define KR_NUMBER_TRIAL 0x80000000u

enum kr_event_type {
    KR_EVENT_TICK = 1,    /* time has passed (an earlier KR_EFFECT_WAKE is due, or just so) */
    KR_EVENT_INIT,        /* once in a node's life, by `kairand --init`: bytes = kr_init_write */
    KR_EVENT_INIT_NODE,   /* likewise, by `kairand --init-node`: bytes = kr_node_init_write: it asks to be a node of a council */
    KR_EVENT_NET_UP,      /* net runs, knows the allow-list and listens; bytes = endpoint as bound ("" where it does not listen) */
    KR_EVENT_NET_DOWN,    /* net is gone: all sessions are */
    KR_EVENT_FRAME,       /* number, bytes: a frame over a connection that authenticated as that peer's transport key */
    KR_EVENT_LOST,        /* number: a frame of ours was not handed on */
    KR_EVENT_TURNED_AWAY, /* number: the node that we dialled does not admit our key; nothing comes of that connection any more */
    KR_EVENT_UNREACHED,   /* number: a ticket's node was dialled, and no connection was made; net tries again by itself */
    KR_EVENT_CONNECTED,   /* number: a connection that was only tried stands: CURVE proved whose it is (KR_NUMBER_TRIAL) */
    KR_EVENT_JOB_DONE,    /* job: the core takes it over */
    KR_EVENT_REQUEST,     /* client, request, op, bytes = args */
    KR_EVENT_CANCEL,      /* client, request */
    KR_EVENT_CLIENT_GONE, /* client */
    KR_EVENT_NOTED,       /* caller, op: a query was begun, or refused, for the audit log */
    KR_EVENT_RESTORED,    /* the store was restored from a backup: before any other event of that life */
};

/* Which lane an event waits in: control first, then fresh records and their jobs, then clients' writes, then bulk. Defined in one
 * place for keeper and simulator. */
enum kr_lane { KR_CORE_LANE_CONTROL, KR_CORE_LANE_FRESH, KR_CORE_LANE_CLIENT, KR_CORE_LANE_BULK, KR_CORE_LANE_COUNT };

/* How a client proved who it is; caller.h makes a person of it. All zero: the node's own operator. */
struct kr_caller {
    bool is_guest; /* neither the user that the node runs as nor root */
    uint32_t uid;  /* of a local user, as the kernel says; 0 where it came by a key */
    bool has_key;  /* from afar: a guest, who proved this key */
    uint8_t key[32];
};

struct kr_event {
    enum kr_event_type type;
    uint64_t now_ms; /* Unix time when the batch began; never goes back within a core's life (the runner sees to it) */
    uint32_t number; /* peer or ticket number */
    uint64_t client, request;
    uint32_t op;
    struct kr_caller caller; /* request: who asks */
    bool speaks_japanese;    /* request: language of the client */
    struct kr_slice bytes;   /* borrowed for the step */
    struct kr_job *job;
};
enum kr_lane kr_event_lane(const struct kr_event *event);

enum kr_effect_type {
    KR_EFFECT_SEND = 1, /* number, bytes: one frame */
    KR_EFFECT_PAGE,  /* client, request, bytes: one encoded item (the runner gathers items into pages under the client's credits) */
    KR_EFFECT_END,   /* client, request, bytes: result */
    KR_EFFECT_ERROR, /* client, request, code, text */
    KR_EFFECT_JOB, /* job: to be run (kr_job_run) by whoever has time; comes back as KR_EVENT_JOB_DONE. The runner takes it over */
    KR_EFFECT_ALLOW,  /* generation, bytes: array of [number, kind, key]: the whole allow-list for net (kr_net_entry) */
    KR_EFFECT_DIAL,   /* number, bytes: array of [endpoint (str), server key (bin 32), client secret (bin 0 or 32)] */
    KR_EFFECT_HANGUP, /* number */
    KR_EFFECT_LOG,    /* code = level (1 error … 5 debug), text */
    KR_EFFECT_FORGET, /* client, request, code = enum kr_key_role: take that secret out of the keyring, then answer (empty array) */
    KR_EFFECT_KEYS_MAKE,      /* client, request, at_ms = now, code = enum kr_next_keys, bytes = seed 32: keys that come next into
                                 the keyring (kr_keyring_prepare), then answer (empty array) */
    KR_EFFECT_ROOT_TURN,      /* bytes = root key 32, recovery key 32: the keyring follows the card (kr_keyring_follow), and so do
                                 backups */
    KR_EFFECT_KEYS_TURN,      /* at_ms = now: they take the place of those before (kr_keyring_turn) */
    KR_EFFECT_STORAGE_MAKE,   /* client, request, at_ms = now, bytes = seed 32: a storage key that comes next into the keyring
                                 (kr_keyring_storage_prepare), then to the store (kr_store_rekey_begin), then answer (empty array) */
    KR_EFFECT_STORAGE_TURN,   /* it takes the place of the one before, in the keyring (kr_keyring_storage_turn), then in the store
                                 (kr_store_rekey_end) */
    KR_EFFECT_TRANSPORT_MAKE, /* client, request, bytes = seed 32: a transport key that comes next into the keyring
                                 (kr_keyring_transport_prepare), then answer (empty array) */
    KR_EFFECT_TRANSPORT_TURN, /* it takes the place of the one before (kr_keyring_transport_turn), then net is started anew */
    KR_EFFECT_KEYS_SHARE,     /* bytes = kr_node_keys: of another node of this council, into the keyring (kr_keyring_share) */
    KR_EFFECT_WAKE,           /* at_ms: call again (TICK) at that time at the latest; the earliest of several counts,
                               * what is behind it is heard at the next tick, within a minute */
};

struct kr_effect {
    enum kr_effect_type type;
    uint32_t number;
    uint64_t client, request, generation, at_ms;
    uint32_t code;
    uint8_t *bytes; /* owned by the effect */
    size_t len;
    struct kr_job *job; /* owned by the effect */
};

/* A growing list of effects. Freed with everything it still owns. */
struct kr_effects {
    struct kr_effect *items;
    size_t count, capacity;
};
void kr_effects_init(struct kr_effects *effects);
void kr_effects_deinit(struct kr_effects *effects);
/* Drops effects from `from` on (a step that failed). */
void kr_effects_truncate(struct kr_effects *effects, size_t from);

#endif
