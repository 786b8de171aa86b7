/* Real nodes: kairand processes in directories of their own, listening on loopback. */
#ifndef KR_BENCH_NODE_H
#define KR_BENCH_NODE_H

#include <stdint.h>
#include <sys/types.h>

struct node {
    char directory[300], socket[330];
    char name[32];
    const char *program; /* NULL: kairand; borrowed */
    uint16_t port;
    pid_t pid;   /* keeper; 0: not running */
    int manager; /* where its READY=1 arrives */
};

/* Makes a node (`kairand --init`) and starts it; returns when it is ready. `community`: founds it; NULL: not. */
void node_make(struct node *node, const char *name, const char *community);
/* The same of one that listens nowhere: it dials its peers. */
void node_make_outgoing(struct node *node, const char *name);
void node_start(struct node *node);
/* SIGTERM, and waits for its end. */
void node_stop(struct node *node);
/* Ends it and removes what it had. */
void node_remove(struct node *node);
/* `guest` joins `host` with a ticket of its; returns when it is linked. */
void node_link(const struct node *host, const struct node *guest);
/* Anonymous resident memory of keeper and net together. */
uint64_t node_rss_anon_bytes(const struct node *node);
void nodes_kill_all(void);

#endif
