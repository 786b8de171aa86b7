/* Reaching one node of a council over the network, whichever answers: its nodes are dialled one after another.
 *
 * Where nobody listens, the next one is dialled at once; one that says nothing is waited for KR_IN_TURN_TRY_MS while there are
 * others. Who answers and does not prove to be a node of that council is passed over as well. Where none answers in that way, all
 * are given the time that one alone would have: a slow network is no reason to give up, nor is a node that is being started.
 *
 * This is for connecting alone. A node's own marks (which submissions it has, how far somebody has read) mean nothing at another
 * one: who was connected and goes on with what he began comes back to the same node (kr_known_nodes_keep). */
#ifndef KR_TOOLS_CLIENT_IN_TURN_H
#define KR_TOOLS_CLIENT_IN_TURN_H

#include "proto/wire/ways.h"
#include "tools/client/afar.h"

#define KR_IN_TURN_TRY_MS     4000
#define KR_IN_TURN_ALL_MS     60000 /* past this no further one is tried */
#define KR_IN_TURN_MISSES_MAX 16u

struct kr_in_turn_miss {
    const char *endpoint; /* in the ways */
    enum kr_err err;
    struct kr_error error;
};
struct kr_in_turn {
    struct kr_afar_target target; /* all but endpoint, transport key and patience */
    const struct kr_ways *ways;   /* in the order in which they are tried; borrowed */
    const char *program, *language;
    int try_ms, open_ms; /* 0: KR_IN_TURN_TRY_MS, KR_AFAR_OPEN_MS */
    /* From kr_in_turn_connect. */
    uint32_t way; /* that answered */
    uint32_t miss_count;
    struct kr_in_turn_miss misses[KR_IN_TURN_MISSES_MAX]; /* addresses that did not, each once, as tried */
};
/* `ret_told` as kr_conn_open_afar. Else the error of the first miss that is more than an absence, or of the first. */
enum kr_err kr_in_turn_connect(struct kr_in_turn *turn, struct kr_conn **ret_conn, struct kr_afar_told *ret_told,
                               struct kr_error *error) KR_WARN_UNUSED;

#endif
