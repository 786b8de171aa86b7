#include "crypto/secret.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/resource.h>

enum kr_err kr_crypto_init(void)
{
    return sodium_init() < 0 ? KR_SYSTEM : KR_OK;
}

static enum kr_err fail_mlock(size_t len, int reason, struct kr_error *error)
{
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return kr_fail(error, KR_MLOCK, "cannot lock %zu bytes of memory for secrets: %s", len, strerror(reason));
    }
    return kr_fail(error, KR_MLOCK,
                   "cannot lock %zu bytes of memory for secrets (%s; the limit is %llu KiB): raise it with LimitMEMLOCK= in the "
                   "service's unit, or with \"ulimit -l\" in the shell",
                   len, strerror(reason), (unsigned long long)limit.rlim_cur / 1024);
}

enum kr_err kr_secret_new(size_t len, void **ret_secret, struct kr_error *error)
{
    void *secret = sodium_malloc(len);
    if (secret == NULL) {
        return kr_fail(error, KR_NOMEM, "no memory for %zu bytes of secrets", len);
    }
    /* sodium_malloc has tried this already but does not say how it ended; locking twice is locking once. */
    if (sodium_mlock(secret, len) != 0) {
        int reason = errno;
        sodium_free(secret);
        return fail_mlock(len, reason, error);
    }
    sodium_memzero(secret, len);
    *ret_secret = secret;
    return KR_OK;
}

void kr_secret_free(void *secret)
{
    sodium_free(secret);
}
