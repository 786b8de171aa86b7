/* All clients: who may connect, the reader threads that serve them, and the way of the core's answers to them.
 *
 * Requests that only read (kr_query_answers) are answered on the reader threads, a page at a time in a read transaction of its own;
 * all others become events for the core. Bounds: KR_CLIENTS_MAX clients, per client those of client.h, all requests under way
 * together KR_REQUEST_BYTES_MAX: where they are reached, sockets are not read until something has ended. */
#ifndef KR_NODE_KEEPER_HUB_H
#define KR_NODE_KEEPER_HUB_H

#include "node/keeper/clock.h"
#include "node/keeper/lanes.h"
#include "node/keeper/shared_keyring.h"
#include "proto/client/client.h"
#include "store/store.h"

#define KR_CLIENTS_USER_MAX  32u           /* so that no user keeps out the others */
#define KR_REQUEST_BYTES_MAX (4u * KR_MIB) /* arguments of all requests under way */
#define KR_CLIENT_HELLO_MS   5000u         /* a client says hello within */
#define KR_CLIENT_FRAME_MS   30000u        /* a frame begun is whole within */
#define KR_CLIENT_BYE_MS     1000u         /* who was told why it is cut off has read that within */

struct kr_hub_options {
    struct kr_store *store; /* all borrowed */
    struct kr_shared_keyring *keyring;
    struct kr_lanes *lanes;
    struct kr_clock *clock;
    uint32_t hello_ms; /* 0: KR_CLIENT_HELLO_MS; tests do not wait so long */
    uint32_t frame_ms; /* 0: KR_CLIENT_FRAME_MS */
};

struct kr_hub;
enum kr_err kr_hub_new(const struct kr_hub_options *options, struct kr_hub **ret_hub, struct kr_error *error) KR_WARN_UNUSED;
/* Ends the reader threads and all connections. */
void kr_hub_free(struct kr_hub *hub);
/* What our hello says from now on. Names are cut at KR_NAME_BYTES_MAX. */
void kr_hub_set_identity(struct kr_hub *hub, const uint8_t council[static 32], struct kr_slice name_ja, struct kr_slice name_en);
/* A new connection; takes over the descriptor. Any thread. This process's user and root may stay, and users whom a card
 * says to be a person of the council (kr_who_find); who that is now is asked anew with each request. Of such a user at most
 * KR_CLIENTS_USER_MAX connections. */
void kr_hub_accept(struct kr_hub *hub, int fd);

/* The same for somebody who has proved to be `caller` in another way: a machine's key that is on a card, or that of a ticket. Of
 * one key at most KR_REMOTE_KEY_CLIENTS_MAX connections. */
void kr_hub_adopt(struct kr_hub *hub, int fd, const struct kr_caller *caller);

/* The core's answers. One thread, the one that runs the core. Answers to clients or requests that are gone are dropped. */
void kr_hub_item(struct kr_hub *hub, uint64_t client, uint64_t request, struct kr_slice item);
void kr_hub_end(struct kr_hub *hub, uint64_t client, uint64_t request, struct kr_slice result);
void kr_hub_error(struct kr_hub *hub, uint64_t client, uint64_t request, enum kr_err code, const char *text);
/* After a batch: items gathered since go out as pages. */
void kr_hub_flush(struct kr_hub *hub);
/* What a request is (enum kr_op); 0 where it is gone. */
uint32_t kr_hub_op(struct kr_hub *hub, uint64_t client, uint64_t request);
/* The core was made anew and has forgotten those who wait for news (WATCH, JOIN): they are told. */
void kr_hub_end_standing(struct kr_hub *hub, enum kr_err code, const char *text);

#endif
