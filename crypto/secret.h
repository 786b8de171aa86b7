/* Memory for secrets: guarded, locked (and the locking checked, which sodium_malloc does not do), wiped on free. */
#ifndef KR_CRYPTO_SECRET_H
#define KR_CRYPTO_SECRET_H

#include <stddef.h>

#include "crypto/err.h"

/* Once per process before anything else of this layer; safe to repeat. KR_SYSTEM where libsodium cannot start. */
enum kr_err kr_crypto_init(void) KR_WARN_UNUSED;
/* KR_MLOCK (with advice in `error`) where the memory cannot be locked, KR_NOMEM where there is none. Zeroed. */
enum kr_err kr_secret_new(size_t len, void **ret_secret, struct kr_error *error) KR_WARN_UNUSED;
void kr_secret_free(void *secret);

#endif
