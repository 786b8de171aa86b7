#include "node/keeper/dials.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "node/keeper/resolver.h"

struct dial {
    struct dial *next;
    uint32_t number;
    uint8_t key[32], secret[32];
    bool has_secret;
    bool is_ready;   /* `endpoint` is numeric and net does not know it yet */
    bool is_dialled; /* net dials an older address */
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
};

struct kr_dials {
    struct dial *first;
    struct kr_resolver *resolver;
    struct kr_detours *ways; /* NULL: none */
};

enum kr_err kr_dials_new(void (*wake)(void *context), void *context, struct kr_dials **ret_dials, struct kr_error *error)
{
    struct kr_dials *dials = calloc(1, sizeof *dials);
    if (dials == NULL) {
        return KR_NOMEM;
    }
    enum kr_err err = kr_resolver_new(wake, context, &dials->resolver, error);
    if (err != KR_OK) {
        free(dials);
        return err;
    }
    *ret_dials = dials;
    return KR_OK;
}

void kr_dials_free(struct kr_dials *dials)
{
    if (dials != NULL) {
        kr_dials_forget_all(dials);
        kr_resolver_free(dials->resolver);
        kr_detours_free(dials->ways);
        free(dials);
    }
}

void kr_dials_set_ways(struct kr_dials *dials, struct kr_detours *ways)
{
    kr_detours_free(dials->ways);
    dials->ways = ways;
}

static struct dial *find(const struct kr_dials *dials, uint32_t number)
{
    struct dial *at = dials->first;
    while (at != NULL && at->number != number) {
        at = at->next;
    }
    return at;
}

static void free_dial(struct dial *dial)
{
    sodium_memzero(dial->secret, sizeof dial->secret);
    free(dial);
}

enum kr_err kr_dials_put(struct kr_dials *dials, uint32_t number, struct kr_slice bytes)
{
    struct dial *dial = calloc(1, sizeof *dial);
    if (dial == NULL) {
        return KR_NOMEM;
    }
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    struct kr_slice endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    kr_reader_fixed(&reader, dial->key, sizeof dial->key);
    dial->has_secret = kr_reader_fixed_or_empty(&reader, dial->secret, sizeof dial->secret);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK && !kr_slice_text(endpoint, dial->endpoint, sizeof dial->endpoint)) {
        err = KR_MALFORMED;
    }
    if (err == KR_OK) {
        const char *way = kr_detours_find(dials->ways, dial->endpoint);
        if (way != dial->endpoint) {
            memcpy(dial->endpoint, way, strlen(way) + 1);
        }
        dial->number = number;
        dial->is_ready = kr_endpoint_is_numeric(dial->endpoint);
        const struct dial *older = find(dials, number);
        dial->is_dialled = older != NULL && older->is_dialled;
        kr_dials_forget(dials, number);
        err = dial->is_ready ? KR_OK : kr_resolver_ask(dials->resolver, number, dial->endpoint);
    }
    if (err != KR_OK) {
        free_dial(dial);
        return err;
    }
    dial->next = dials->first;
    dials->first = dial;
    return KR_OK;
}

void kr_dials_forget(struct kr_dials *dials, uint32_t number)
{
    kr_resolver_forget(dials->resolver, number);
    for (struct dial **at = &dials->first; *at != NULL; at = &(*at)->next) {
        struct dial *dial = *at;
        if (dial->number == number) {
            *at = dial->next;
            free_dial(dial);
            return;
        }
    }
}

void kr_dials_forget_all(struct kr_dials *dials)
{
    kr_resolver_forget_all(dials->resolver);
    while (dials->first != NULL) {
        struct dial *dial = dials->first;
        dials->first = dial->next;
        free_dial(dial);
    }
}

static void take_answers(struct kr_dials *dials)
{
    uint32_t number = 0;
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    while (kr_resolver_take(dials->resolver, &number, endpoint)) {
        struct dial *dial = find(dials, number);
        if (dial != NULL) {
            memcpy(dial->endpoint, endpoint, sizeof endpoint);
            dial->is_ready = true;
        }
    }
}

bool kr_dials_next(struct kr_dials *dials, struct kr_net_message *ret_message)
{
    take_answers(dials);
    for (struct dial *dial = dials->first; dial != NULL; dial = dial->next) {
        if (!dial->is_ready) {
            continue;
        }
        ret_message->number = dial->number;
        if (dial->is_dialled) {
            dial->is_dialled = false;
            ret_message->type = KR_NET_HANGUP;
            return true;
        }
        dial->is_ready = false;
        dial->is_dialled = true;
        ret_message->type = KR_NET_DIAL;
        ret_message->text = (struct kr_slice){(const uint8_t *)dial->endpoint, strlen(dial->endpoint)};
        memcpy(ret_message->key, dial->key, sizeof dial->key);
        memcpy(ret_message->secret, dial->secret, sizeof dial->secret);
        ret_message->has_secret = dial->has_secret;
        return true;
    }
    return false;
}
