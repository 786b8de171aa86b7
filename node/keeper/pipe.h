/* Keeper's side of net: starts it, tells it the transport key, whom to let in and where to listen, carries frames both ways, and
 * starts it again when it has gone. Used by the thread that runs the core alone, but for kr_pipe_facts.
 *
 *   RESTING --due--> GREETING --READY, ALLOWED--> BINDING --BOUND--> UP
 *      ^                |  (nothing to listen on: straight to UP)     |
 *      +--- channel ended, no answer within KR_PIPE_GREETING_MS ------+
 *
 *   state      invariant
 *   RESTING    no process, no channel; nothing is kept for it but the allow-list
 *   GREETING   a process that has the secret; knows no peers and listens nowhere yet
 *   BINDING    it holds the newest allow-list that was sent before BIND
 *   UP         KR_EVENT_NET_UP was put; KR_EVENT_NET_DOWN follows before the next one */
#ifndef KR_NODE_KEEPER_PIPE_H
#define KR_NODE_KEEPER_PIPE_H

#include <sys/types.h>

#include "node/keeper/detours.h"
#include "node/keeper/lanes.h"
#include "node/keeper/remote.h"
#include "node/net/channel.h"

#define KR_PIPE_GREETING_MS     5000u
#define KR_PIPE_BACKOFF_MS_MIN  50u
#define KR_PIPE_BACKOFF_MS_MAX  1500u /* with the start itself: back within two seconds */
#define KR_PIPE_STEADY_MS       1000u /* up for so long: the next fall starts at the shortest wait again */
#define KR_PIPE_FIRST_BIND_MS   3000u /* an address that is in use this long is somebody else's */
#define KR_PIPE_MESSAGES_A_TURN 1024u /* more than a batch takes: what waits does so in the lanes, where links take turns */
/* Frames that wait because net's window is used up; with both windows under KR_NET_BUFFER_BYTES_MAX. */
#define KR_PIPE_WAITING_BYTES_MAX (KR_NET_BUFFER_BYTES_MAX - 2u * KR_CHANNEL_WINDOW)

struct kr_pipe_options {
    const char *program;                                /* NULL: ourselves */
    const char *listen;                                 /* "": nowhere */
    const uint8_t *transport_secret, *transport_public; /* borrowed */
    struct kr_lanes *lanes;
    struct kr_remote *remote; /* clients from afar; NULL: there are none */
};

struct kr_pipe;
enum kr_err kr_pipe_new(const struct kr_pipe_options *options, struct kr_pipe **ret_pipe, struct kr_error *error) KR_WARN_UNUSED;
/* Tells net to stop, waits for its end (at most 0.8 s), frees everything. */
void kr_pipe_free(struct kr_pipe *pipe);

/* The transport key is another one: what is on its way goes out (at most 0.8 s), and net is started anew with it. */
void kr_pipe_renew(struct kr_pipe *pipe);

/* What the core wants of net (effects). The list is kept for the next net, dials are not: the core dials anew on NET_UP. KR_NOMEM,
 * KR_MALFORMED. */
enum kr_err kr_pipe_allow(struct kr_pipe *pipe, struct kr_slice entries) KR_WARN_UNUSED;
enum kr_err kr_pipe_dial(struct kr_pipe *pipe, uint32_t number, struct kr_slice dial) KR_WARN_UNUSED;
/* By what way it dials from now on (handed over); what is dialled already stays. */
void kr_pipe_set_ways(struct kr_pipe *pipe, struct kr_detours *ways);
void kr_pipe_hangup(struct kr_pipe *pipe, uint32_t number);
/* A frame; `bytes` (malloc) are handed over. Without a net it is dropped: the sessions are gone anyway. Where too much waits, the
 * frame is dropped and KR_EVENT_LOST put. */
void kr_pipe_send(struct kr_pipe *pipe, uint32_t number, uint8_t *bytes, size_t len);
/* So many frames that net brought, of so many bytes together, are dealt with. */
void kr_pipe_dealt(struct kr_pipe *pipe, size_t frames, size_t bytes);

/* Moves bytes, puts what arrived into the lanes, starts net where it is due. Never blocks. KR_IO with a sentence where the address
 * cannot be listened on at the first start: nothing that waiting would mend. */
enum kr_err kr_pipe_turn(struct kr_pipe *pipe, struct kr_error *error) KR_WARN_UNUSED;
/* For poll: -1 where there is none now. */
int kr_pipe_fd(const struct kr_pipe *pipe);
short kr_pipe_poll_events(const struct kr_pipe *pipe);
/* Whether bytes from net wait to be read (one system call). */
bool kr_pipe_has_input(const struct kr_pipe *pipe);
/* kr_monotonic_ms at which kr_pipe_turn wants to be called; UINT64_MAX: when the descriptor says so. */
uint64_t kr_pipe_due_ms(const struct kr_pipe *pipe);

/* Any thread. */
struct kr_pipe_facts {
    bool is_up;
    uint64_t restarts;
    pid_t pid;                                /* 0: none */
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1]; /* as bound, "" where it does not listen */
};
void kr_pipe_facts(struct kr_pipe *pipe, struct kr_pipe_facts *ret_facts);

#endif
