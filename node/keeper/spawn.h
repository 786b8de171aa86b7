/* Starts the net process: the same program again, with nothing of ours but one end of a socket pair. */
#ifndef KR_NODE_KEEPER_SPAWN_H
#define KR_NODE_KEEPER_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "crypto/err.h"

#define KR_SPAWN_FD 3 /* the descriptor that the child finds its channel at */

/* Runs `program` (NULL: /proc/self/exe) with the argument --net; `*ret_fd` is our end of the channel. The child has no other
 * descriptor than standard error, an environment of what logs and sanitizers need, and no blocked signals. KR_SYSTEM. */
enum kr_err kr_spawn_net(const char *program, pid_t *ret_pid, int *ret_fd, struct kr_error *error) KR_WARN_UNUSED;
/* Gives the child `grace_ms` to end, kills it if it has not, and takes its status: what it died of, as a few words. */
void kr_spawn_reap(pid_t pid, int grace_ms, char *ret_how, size_t size);

#endif
