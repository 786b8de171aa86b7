#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* a lock that does not let readers starve a writer */
#endif
#include "node/keeper/shared_keyring.h"

void kr_shared_keyring_init(struct kr_shared_keyring *shared, struct kr_keyring *keyring)
{
    pthread_rwlockattr_t attributes;
    shared->keyring = keyring;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&shared->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

void kr_shared_keyring_deinit(struct kr_shared_keyring *shared)
{
    pthread_rwlock_destroy(&shared->lock);
    shared->keyring = NULL;
}

const struct kr_keyring *kr_shared_keyring_use(struct kr_shared_keyring *shared)
{
    pthread_rwlock_rdlock(&shared->lock);
    return shared->keyring;
}

struct kr_keyring *kr_shared_keyring_change(struct kr_shared_keyring *shared)
{
    pthread_rwlock_wrlock(&shared->lock);
    return shared->keyring;
}

void kr_shared_keyring_done(struct kr_shared_keyring *shared)
{
    pthread_rwlock_unlock(&shared->lock);
}
