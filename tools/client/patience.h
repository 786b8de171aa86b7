/* Waiting for the answer to a small question: it comes within microseconds, and most of what it costs is to fall asleep and be
 * woken on a core that sleeps as well. Who had the last answer that soon looks out for the next one before it sleeps, as the node
 * does for questions (ADR 0032). Not for who has many requests under way: there is work to do meanwhile, for which the core is
 * needed. */
#ifndef KR_TOOLS_CLIENT_PATIENCE_H
#define KR_TOOLS_CLIENT_PATIENCE_H

#include <poll.h>
#include <stdbool.h>

#define KR_PATIENCE_US 50u

/* All zero at the beginning. */
struct kr_patience {
    bool has_begun, has_cores, is_patient;
};
/* poll(2) of one descriptor. */
int kr_patience_poll(struct kr_patience *patience, struct pollfd *wait, int timeout_ms);

#endif
