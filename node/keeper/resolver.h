/* Host names of endpoints to numeric ones: net, in its sandbox, can ask nobody. One thread waits for the name service, so that
 * nothing else has to. A name that does not resolve is tried again (and logged); one that does is looked up now and then, and told
 * again when the address has changed. */
#ifndef KR_NODE_KEEPER_RESOLVER_H
#define KR_NODE_KEEPER_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"

#define KR_RESOLVER_RETRY_MS_MIN 1000u
#define KR_RESOLVER_RETRY_MS_MAX 60000u
#define KR_RESOLVER_AGAIN_MS     300000u

/* Whether "tcp://HOST:PORT" has a numeric host (IPv6 in brackets). */
bool kr_endpoint_is_numeric(const char *endpoint);
/* Asks the name service, which may take long. `ret_endpoint` has room for KR_ENDPOINT_BYTES_MAX + 1 and gets the numeric endpoint;
 * `current` (may be "") is kept where it is still one of the name's addresses. KR_NOT_FOUND, KR_INVALID. */
enum kr_err kr_endpoint_resolve(const char *endpoint, const char *current, char *ret_endpoint,
                                struct kr_error *error) KR_WARN_UNUSED;

struct kr_resolver;
/* `wake(context)` is called from the thread when something can be taken. */
enum kr_err kr_resolver_new(void (*wake)(void *context), void *context, struct kr_resolver **ret_resolver,
                            struct kr_error *error) KR_WARN_UNUSED;
/* Does not wait for a name service that hangs: the thread then ends by itself. `wake` is not called any more. */
void kr_resolver_free(struct kr_resolver *resolver);
/* Asks for this number's endpoint, instead of what was asked for it before. KR_NOMEM. */
enum kr_err kr_resolver_ask(struct kr_resolver *resolver, uint32_t number, const char *endpoint) KR_WARN_UNUSED;
void kr_resolver_forget(struct kr_resolver *resolver, uint32_t number);
void kr_resolver_forget_all(struct kr_resolver *resolver);
/* One answer that has not been taken; false where there is none. `ret_endpoint` has room for KR_ENDPOINT_BYTES_MAX + 1. */
bool kr_resolver_take(struct kr_resolver *resolver, uint32_t *ret_number, char *ret_endpoint);

#endif
