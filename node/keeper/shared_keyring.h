/* The keyring of a running node: the core's thread alone changes it, workers and readers use it meanwhile.
 *
 * Who reads on another thread holds it for one job or one page; the core's thread reads without asking, since nobody else writes.
 */
#ifndef KR_NODE_KEEPER_SHARED_KEYRING_H
#define KR_NODE_KEEPER_SHARED_KEYRING_H

#include <pthread.h>

#include "crypto/keyring.h"

struct kr_shared_keyring {
    struct kr_keyring *keyring; /* borrowed */
    pthread_rwlock_t lock;
};
void kr_shared_keyring_init(struct kr_shared_keyring *shared, struct kr_keyring *keyring);
void kr_shared_keyring_deinit(struct kr_shared_keyring *shared);
/* Until kr_shared_keyring_done the keyring stays as it is. */
const struct kr_keyring *kr_shared_keyring_use(struct kr_shared_keyring *shared);
/* Waits until nobody uses it; until kr_shared_keyring_done nobody does. */
struct kr_keyring *kr_shared_keyring_change(struct kr_shared_keyring *shared);
void kr_shared_keyring_done(struct kr_shared_keyring *shared);

#endif
