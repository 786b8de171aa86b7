#include "node/keeper/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/keeper/clock.h"
#include "node/keeper/log.h"

#define SCHEME "tcp://"

struct question {
    struct question *next;
    uint32_t number;
    uint64_t serial; /* an answer to an older question is not one to this */
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1], answer[KR_ENDPOINT_BYTES_MAX + 1];
    bool is_news;
    uint64_t at_ms, wait_ms;
};

struct kr_resolver {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct question *questions;
    uint64_t serial;
    bool is_over; /* the owner is gone: the thread ends and frees */
    void (*wake)(void *context);
    void *context;
};

/* Cuts "tcp://HOST:PORT" into its parts, brackets taken off. */
static bool split(const char *endpoint, char ret_host[static KR_ENDPOINT_BYTES_MAX + 1], char ret_port[static 6])
{
    const char *colon = strrchr(endpoint, ':');
    const size_t scheme = sizeof SCHEME - 1;
    if (strncmp(endpoint, SCHEME, scheme) != 0 || colon == NULL || colon <= endpoint + scheme) {
        return false;
    }
    const char *host = endpoint + scheme;
    size_t len = (size_t)(colon - host), port_len = strlen(colon + 1);
    if (host[0] == '[') {
        if (len < 2 || host[len - 1] != ']') {
            return false;
        }
        host++;
        len -= 2;
    }
    if (len == 0 || len > KR_ENDPOINT_BYTES_MAX || port_len == 0 || port_len > 5) {
        return false;
    }
    memcpy(ret_host, host, len);
    ret_host[len] = 0;
    memcpy(ret_port, colon + 1, port_len + 1);
    return true;
}

bool kr_endpoint_is_numeric(const char *endpoint)
{
    char host[KR_ENDPOINT_BYTES_MAX + 1], port[6];
    struct in6_addr address; /* large enough for both families */
    if (!split(endpoint, host, port)) {
        return false;
    }
    bool is_bracketed = endpoint[sizeof SCHEME - 1] == '[';
    return inet_pton(is_bracketed ? AF_INET6 : AF_INET, host, &address) == 1;
}

static bool print_numeric(const struct addrinfo *found, const char *port, char ret_endpoint[static KR_ENDPOINT_BYTES_MAX + 1])
{
    char host[NI_MAXHOST];
    if (getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0) {
        return false;
    }
    int len = snprintf(ret_endpoint, KR_ENDPOINT_BYTES_MAX + 1, found->ai_family == AF_INET6 ? "tcp://[%s]:%s" : "tcp://%s:%s",
                       host, port);
    return len > 0 && (size_t)len <= KR_ENDPOINT_BYTES_MAX;
}

enum kr_err kr_endpoint_resolve(const char *endpoint, const char *current, char *ret_endpoint, struct kr_error *error)
{
    char host[KR_ENDPOINT_BYTES_MAX + 1], port[6], first[KR_ENDPOINT_BYTES_MAX + 1] = "", other[KR_ENDPOINT_BYTES_MAX + 1];
    if (!split(endpoint, host, port)) {
        return kr_fail(error, KR_INVALID, "%.100s reads not like tcp://host:port", endpoint);
    }
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int reason = getaddrinfo(host, port, &hints, &found);
    if (reason != 0) {
        return kr_fail(error, KR_NOT_FOUND, "%s", gai_strerror(reason));
    }
    bool keeps = false;
    for (const struct addrinfo *at = found; at != NULL && !keeps; at = at->ai_next) {
        if (print_numeric(at, port, other)) {
            keeps = strcmp(other, current) == 0;
            if (first[0] == 0) {
                memcpy(first, other, sizeof first);
            }
        }
    }
    freeaddrinfo(found);
    if (first[0] == 0) {
        return kr_fail(error, KR_NOT_FOUND, "the name has no address that can be used");
    }
    memcpy(ret_endpoint, keeps ? other : first, sizeof first);
    return KR_OK;
}

static void free_all(struct kr_resolver *resolver)
{
    kr_resolver_forget_all(resolver);
    pthread_cond_destroy(&resolver->changed);
    pthread_mutex_destroy(&resolver->mutex);
    free(resolver);
}

static struct question *earliest(const struct kr_resolver *resolver)
{
    struct question *first = resolver->questions;
    for (struct question *at = first; at != NULL; at = at->next) {
        if (at->at_ms < first->at_ms) {
            first = at;
        }
    }
    return first;
}

static void wait_for_change(struct kr_resolver *resolver, const struct question *next)
{
    if (next == NULL) {
        pthread_cond_wait(&resolver->changed, &resolver->mutex);
        return;
    }
    const struct timespec until = {.tv_sec = (time_t)(next->at_ms / 1000), .tv_nsec = (long)(next->at_ms % 1000) * 1000000};
    pthread_cond_timedwait(&resolver->changed, &resolver->mutex, &until);
}

static struct question *find(const struct kr_resolver *resolver, uint64_t serial)
{
    struct question *at = resolver->questions;
    while (at != NULL && at->serial != serial) {
        at = at->next;
    }
    return at;
}

/* Takes what the name service said into the question, if it is still asked. */
static void take_answer(struct kr_resolver *resolver, uint64_t serial, enum kr_err err, const char *answer)
{
    struct question *question = find(resolver, serial);
    if (question == NULL) {
        return;
    }
    uint64_t now_ms = kr_monotonic_ms();
    if (err != KR_OK) {
        question->wait_ms = question->wait_ms == 0 ? KR_RESOLVER_RETRY_MS_MIN : question->wait_ms * 2;
        question->wait_ms = question->wait_ms < KR_RESOLVER_RETRY_MS_MAX ? question->wait_ms : KR_RESOLVER_RETRY_MS_MAX;
        question->at_ms = now_ms + question->wait_ms;
        return;
    }
    question->wait_ms = 0;
    question->at_ms = now_ms + KR_RESOLVER_AGAIN_MS;
    if (strcmp(question->answer, answer) != 0) {
        memcpy(question->answer, answer, sizeof question->answer);
        question->is_news = true;
        resolver->wake(resolver->context);
    }
}

static void *resolve(void *context)
{
    struct kr_resolver *resolver = context;
    pthread_mutex_lock(&resolver->mutex);
    while (!resolver->is_over) {
        struct question *next = earliest(resolver);
        if (next == NULL || next->at_ms > kr_monotonic_ms()) {
            wait_for_change(resolver, next);
            continue;
        }
        const struct question asked = *next;
        pthread_mutex_unlock(&resolver->mutex);
        char answer[KR_ENDPOINT_BYTES_MAX + 1] = "";
        struct kr_error error = {0};
        enum kr_err err = kr_endpoint_resolve(asked.endpoint, asked.answer, answer, &error);
        if (err != KR_OK) {
            kr_log(KR_LOG_WARNING,
                   "the name in %s cannot be resolved (%s): it is tried again; check the name and this machine's DNS",
                   asked.endpoint, error.text);
        }
        pthread_mutex_lock(&resolver->mutex);
        if (!resolver->is_over) {
            take_answer(resolver, asked.serial, err, answer);
        }
    }
    pthread_mutex_unlock(&resolver->mutex);
    free_all(resolver);
    return NULL;
}

enum kr_err kr_resolver_new(void (*wake)(void *context), void *context, struct kr_resolver **ret_resolver, struct kr_error *error)
{
    struct kr_resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL) {
        return KR_NOMEM;
    }
    resolver->wake = wake;
    resolver->context = context;
    pthread_mutex_init(&resolver->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&resolver->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_t thread;
    int reason = pthread_create(&thread, NULL, resolve, resolver);
    if (reason != 0) {
        free_all(resolver);
        return kr_fail(error, KR_SYSTEM, "cannot start the resolver's thread: %s", strerror(reason));
    }
    pthread_detach(thread);
    *ret_resolver = resolver;
    return KR_OK;
}

void kr_resolver_free(struct kr_resolver *resolver)
{
    if (resolver != NULL) {
        pthread_mutex_lock(&resolver->mutex);
        resolver->is_over = true;
        pthread_cond_signal(&resolver->changed);
        pthread_mutex_unlock(&resolver->mutex);
    }
}

static void drop(struct kr_resolver *resolver, uint32_t number, bool all)
{
    struct question **at = &resolver->questions;
    while (*at != NULL) {
        struct question *question = *at;
        if (all || question->number == number) {
            *at = question->next;
            free(question);
        } else {
            at = &question->next;
        }
    }
}

enum kr_err kr_resolver_ask(struct kr_resolver *resolver, uint32_t number, const char *endpoint)
{
    struct question *question = calloc(1, sizeof *question);
    size_t len = strlen(endpoint);
    if (question == NULL || len > KR_ENDPOINT_BYTES_MAX) {
        free(question);
        return KR_NOMEM;
    }
    memcpy(question->endpoint, endpoint, len + 1);
    question->number = number;
    pthread_mutex_lock(&resolver->mutex);
    drop(resolver, number, false);
    question->serial = ++resolver->serial;
    question->next = resolver->questions;
    resolver->questions = question;
    pthread_cond_signal(&resolver->changed);
    pthread_mutex_unlock(&resolver->mutex);
    return KR_OK;
}

void kr_resolver_forget(struct kr_resolver *resolver, uint32_t number)
{
    pthread_mutex_lock(&resolver->mutex);
    drop(resolver, number, false);
    pthread_mutex_unlock(&resolver->mutex);
}

void kr_resolver_forget_all(struct kr_resolver *resolver)
{
    pthread_mutex_lock(&resolver->mutex);
    drop(resolver, 0, true);
    pthread_mutex_unlock(&resolver->mutex);
}

bool kr_resolver_take(struct kr_resolver *resolver, uint32_t *ret_number, char *ret_endpoint)
{
    bool found = false;
    pthread_mutex_lock(&resolver->mutex);
    for (struct question *at = resolver->questions; at != NULL && !found; at = at->next) {
        if (at->is_news) {
            at->is_news = false;
            *ret_number = at->number;
            memcpy(ret_endpoint, at->answer, sizeof at->answer);
            found = true;
        }
    }
    pthread_mutex_unlock(&resolver->mutex);
    return found;
}
