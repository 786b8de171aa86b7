/* Tells the service manager how we are (sd_notify(3), "Notes": one datagram to the socket that NOTIFY_SOCKET names; a name that
 * begins with @ is in the abstract name space). Without NOTIFY_SOCKET all calls do nothing. Any thread. */
#ifndef KR_NODE_KEEPER_NOTIFY_H
#define KR_NODE_KEEPER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"

struct kr_notify {
    int fd;               /* -1: nobody asked */
    uint64_t watchdog_ms; /* say WATCHDOG=1 at least this often (half of WATCHDOG_USEC); 0: not asked for */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment, so that no child speaks for us. A
 * name that cannot be used is reported and then ignored. */
enum kr_err kr_notify_init(struct kr_notify *notify, struct kr_error *error) KR_WARN_UNUSED;
void kr_notify_deinit(struct kr_notify *notify);
/* `state`: lines such as "READY=1\nSTATUS=…". False where it could not be said; nobody waits for that. */
bool kr_notify_send(const struct kr_notify *notify, const char *fmt, ...) KR_PRINTF(2, 3);

#endif
