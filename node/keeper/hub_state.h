/* What hub.c and reader.c share. Private to them. */
#ifndef KR_NODE_KEEPER_HUB_STATE_H
#define KR_NODE_KEEPER_HUB_STATE_H

#include <stdatomic.h>

#include "node/keeper/client.h"
#include "node/keeper/hub.h"

#define KR_READERS 2u

struct kr_reader_thread {
    struct kr_hub *hub;
    unsigned index; /* serves the slots whose number leaves this remainder */
    pthread_t thread;
    int epoll_fd, wake_fd;
};

struct kr_hub {
    struct kr_hub_options options;
    struct kr_client clients[KR_CLIENTS_MAX];
    _Atomic(uint64_t) next_id;
    struct kr_reader_thread readers[KR_READERS];
    unsigned reader_count; /* started */
    atomic_bool is_stopping;
    atomic_size_t charged; /* arguments of requests that the core has: they end by themselves, so others may wait for that */
    atomic_size_t held;    /* arguments of queries: they end when their client wants, so nobody waits */
    atomic_uint paused;    /* clients that wait for something to end */
    bool is_touched[KR_CLIENTS_MAX]; /* has items that are not flushed; the core's thread's */
    pthread_mutex_t mutex;           /* for the identity */
    uint8_t council[32];
    char name_ja[KR_NAME_BYTES_MAX + 1], name_en[KR_NAME_BYTES_MAX + 1];
};

/* The slot of a client's id. */
static inline struct kr_client *kr_hub_slot(struct kr_hub *hub, uint64_t id)
{
    return &hub->clients[id % KR_CLIENTS_MAX];
}

/* Something that the core had has ended: gives its bytes back and lets those go on that wait for that. */
void kr_hub_release(struct kr_hub *hub, size_t charged);

/* For the audit log: a query that is an act was begun, or one was refused. input.c */
void kr_hub_note(struct kr_hub *hub, const struct kr_client *client, uint32_t op);

/* reader.c */
void *kr_reader_run(void *context);

/* input.c; the client's reader thread only, without the client's mutex. */
void kr_input_read(struct kr_client *client);                     /* once, what the socket has */
void kr_input_take(struct kr_hub *hub, struct kr_client *client); /* the whole frames in it, until one must wait */
void kr_input_refuse(struct kr_client *client, enum kr_err code, const char *text); /* says why, and lets it go */
void kr_input_resume(struct kr_hub *hub, struct kr_client *client);                 /* no longer paused */

#endif
