/* What the core wants dialled: from its effects, by way of the resolver where there is a name, to messages for net. */
#ifndef KR_NODE_KEEPER_DIALS_H
#define KR_NODE_KEEPER_DIALS_H

#include "node/keeper/detours.h"
#include "node/net/channel.h"

struct kr_dials;
/* `wake(context)` is called from another thread when kr_dials_next has something new. */
enum kr_err kr_dials_new(void (*wake)(void *context), void *context, struct kr_dials **ret_dials,
                         struct kr_error *error) KR_WARN_UNUSED;
void kr_dials_free(struct kr_dials *dials);
/* `dial`: array of [endpoint (str), server key (bin 32), client secret (bin 0 or 32)], instead of what this number had before.
 * KR_MALFORMED, KR_NOMEM. */
enum kr_err kr_dials_put(struct kr_dials *dials, uint32_t number, struct kr_slice dial) KR_WARN_UNUSED;
/* By what way from the next kr_dials_put on; handed over. */
void kr_dials_set_ways(struct kr_dials *dials, struct kr_detours *ways);
void kr_dials_forget(struct kr_dials *dials, uint32_t number);
void kr_dials_forget_all(struct kr_dials *dials);
/* The next message for net (DIAL; before it HANGUP where the address changed); false where there is none. Its text is borrowed
 * until the next call. */
bool kr_dials_next(struct kr_dials *dials, struct kr_net_message *ret_message);

#endif
