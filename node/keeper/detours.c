#include "node/keeper/detours.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/limits.h"
#include "proto/wire/ticket.h"

struct way {
    char from[KR_ENDPOINT_BYTES_MAX + 1], to[KR_ENDPOINT_BYTES_MAX + 1];
};

struct kr_detours {
    uint32_t count;
    struct way ways[KR_LINKS_MAX];
};

enum kr_err kr_detours_new(struct kr_detours **ret_ways)
{
    *ret_ways = calloc(1, sizeof **ret_ways);
    return *ret_ways != NULL ? KR_OK : KR_NOMEM;
}

void kr_detours_free(struct kr_detours *ways)
{
    free(ways);
}

enum kr_err kr_detours_add(struct kr_detours *ways, const char *text, struct kr_error *error)
{
    const size_t from_len = strcspn(text, " \t");
    const char *to = text + from_len + strspn(text + from_len, " \t");
    if (*to == 0) {
        return kr_fail(error, KR_INVALID, "a way reads: tcp://HOST:PORT tcp://HOST:PORT, the peer's address and where to dial");
    }
    enum kr_err err = kr_endpoint_check(text, from_len, error);
    if (err == KR_OK) {
        err = kr_endpoint_check(to, strlen(to), error); /* neither is longer than KR_ENDPOINT_BYTES_MAX after that */
    }
    if (err != KR_OK) {
        return err;
    }
    struct way way = {0};
    memcpy(way.from, text, from_len);
    memcpy(way.to, to, strlen(to));
    if (kr_detours_find(ways, way.from) != way.from) {
        return kr_fail(error, KR_INVALID, "%s has a way already", way.from);
    }
    if (ways->count == KR_LINKS_MAX) {
        return kr_fail(error, KR_BOUNDS, "there are %u ways at most", (unsigned)KR_LINKS_MAX);
    }
    ways->ways[ways->count++] = way;
    return KR_OK;
}

const char *kr_detours_find(const struct kr_detours *ways, const char *endpoint)
{
    for (uint32_t i = 0; ways != NULL && i < ways->count; i++) {
        if (strcasecmp(ways->ways[i].from, endpoint) == 0) {
            return ways->ways[i].to;
        }
    }
    return endpoint;
}
