#include "node/keeper/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/core/directory.h"
#include "node/keeper/log.h"
#include "proto/wire/remote.h"

#define OUT_HIGH    (2u * KR_MIB) /* waiting for net; beyond, clients are not read */
#define END_MS      2000u         /* a machine that was told that nothing more comes has gone within */
#define HUNG_UP_MS  30000u        /* and has taken what the hub said last within */
#define FRAME_BYTES (KR_REMOTE_DOWN_BYTES + KR_REMOTE_MORE_BYTES)
#define RATE_US(n)  ((uint64_t)(n)*1000000u / KR_REMOTE_RATE_BYTES_S)
#define GONE        0u /* what came in: the connection ended */

struct word {
    struct word *next;
    uint32_t type, connection, generation;
    uint32_t frames, bytes; /* taken */
    size_t len;
    uint8_t frame[];
};
struct words {
    struct word *first, **end;
    size_t bytes;
};

/* How fast one machine may send, over all its connections: `at_us` runs ahead of the clock with each byte. */
struct account {
    uint8_t key[32];
    uint64_t at_us;
    uint32_t users;
};

enum state { HELLO, PROVED, UP, ENDING };
struct session {
    uint32_t connection, generation; /* connection 0: none */
    enum state state;
    struct kr_session session;
    uint8_t key[32];
    struct account *account;
    int fd;               /* our end of the pair; -1: none */
    bool is_hung_up;      /* the hub has let it go, and what it said last still waits */
    uint64_t deadline_ms; /* of HELLO, PROVED, ENDING, and then */
    uint8_t *in;          /* bytes for the client's end that it has no room for yet */
    size_t in_at, in_len;
    uint32_t in_parts;                /* parts with bytes that the machine was not told were taken */
    uint32_t hand_frames, hand_bytes; /* what net was not told was taken */
    uint32_t out_parts;               /* parts with bytes that the machine has not said that it took */
};

struct kr_remote {
    struct kr_remote_options options;
    uint8_t council[32];
    pthread_t thread;
    bool is_started;
    int wake_fd;
    pthread_mutex_t mutex; /* for what follows */
    struct words in, out;
    uint32_t generation; /* of net processes */
    bool is_stopping, is_throttled;
    uint8_t (*next_keys)[32]; /* NULL: no other list */
    uint32_t next_key_count;

    /* The thread's own. */
    uint32_t current; /* generation */
    uint8_t (*keys)[32];
    uint32_t key_count;
    struct session sessions[KR_REMOTE_CLIENTS_MAX];
    struct account accounts[KR_REMOTE_CLIENTS_MAX];
    uint8_t plain[FRAME_BYTES], sealed[FRAME_BYTES];
};

/* ---- words ---- */

static void words_init(struct words *words)
{
    *words = (struct words){.end = &words->first};
}

static void words_put(struct words *words, struct word *word)
{
    word->next = NULL;
    *words->end = word;
    words->end = &word->next;
    words->bytes += word->len;
}

static struct word *words_pop(struct words *words)
{
    struct word *word = words->first;
    if (word != NULL) {
        words->first = word->next;
        words->end = word->next == NULL ? &words->first : words->end;
        words->bytes -= word->len;
    }
    return word;
}

static void words_free(struct words *words)
{
    for (struct word *word = words_pop(words); word != NULL; word = words_pop(words)) {
        free(word);
    }
}

static struct word *word_new(uint32_t type, uint32_t connection, const uint8_t *bytes, size_t len)
{
    struct word *word = malloc(sizeof *word + len);
    if (word != NULL) {
        *word = (struct word){.type = type, .connection = connection, .len = len};
        if (len > 0) {
            memcpy(word->frame, bytes, len);
        }
    }
    return word;
}

static void wake(struct kr_remote *remote)
{
    const uint64_t one = 1;
    if (write(remote->wake_fd, &one, sizeof one) < 0) {
        return; /* its counter is full, so it is awake already */
    }
}

/* Says something to net. What is meant for a net that is gone is dropped. False: no memory. */
static bool say(struct kr_remote *remote, struct word *word)
{
    if (word == NULL) {
        return false;
    }
    pthread_mutex_lock(&remote->mutex);
    const bool is_current = remote->generation == remote->current;
    if (is_current) {
        words_put(&remote->out, word);
    }
    pthread_mutex_unlock(&remote->mutex);
    if (is_current) {
        kr_lanes_wake(remote->options.lanes);
    } else {
        free(word);
    }
    return true;
}

/* ---- sessions ---- */

static struct session *session_of(struct kr_remote *remote, uint32_t connection)
{
    for (uint32_t i = 0; i < KR_REMOTE_CLIENTS_MAX; i++) {
        if (remote->sessions[i].connection == connection) {
            return &remote->sessions[i];
        }
    }
    return NULL;
}

/* Without memory even for that, net's window stays in use: it is a matter of a few bytes, and of the process's last hour. */
static void say_taken(struct kr_remote *remote, struct session *session)
{
    if (session->hand_frames == 0) {
        return;
    }
    struct word *word = word_new(KR_NET_CLIENT_TAKEN, session->connection, NULL, 0);
    if (word != NULL) {
        word->frames = session->hand_frames;
        word->bytes = session->hand_bytes;
    }
    if (say(remote, word)) {
        session->hand_frames = session->hand_bytes = 0;
    }
}

static void drop(struct kr_remote *remote, struct session *session)
{
    say_taken(remote, session);
    if (session->fd >= 0) {
        (void)close(session->fd);
    }
    if (session->account != NULL) {
        session->account->users--;
    }
    free(session->in);
    sodium_memzero(session, sizeof *session);
    session->fd = -1;
}

static void cut(struct kr_remote *remote, struct session *session)
{
    (void)say(remote, word_new(KR_NET_CLIENT_CUT, session->connection, NULL, 0));
    drop(remote, session);
}

static bool is_allowed(const struct kr_remote *remote, const uint8_t key[static 32])
{
    bool is_there = false;
    for (uint32_t i = 0; i < remote->key_count && !is_there; i++) {
        is_there = memcmp(remote->keys[i], key, 32) == 0;
    }
    return is_there;
}

static struct account *account_of(struct kr_remote *remote, const uint8_t key[static 32])
{
    struct account *oldest = NULL;
    for (uint32_t i = 0; i < KR_REMOTE_CLIENTS_MAX; i++) {
        struct account *account = &remote->accounts[i];
        if (memcmp(account->key, key, 32) == 0) {
            return account;
        }
        if (account->users == 0 && (oldest == NULL || account->at_us < oldest->at_us)) {
            oldest = account;
        }
    }
    KR_ASSERT(oldest != NULL); /* as many as sessions, and this session has none yet */
    *oldest = (struct account){0};
    memcpy(oldest->key, key, 32);
    return oldest;
}

/* Seals one part and has net send it. */
static bool send_part(struct kr_remote *remote, struct session *session, enum kr_remote_part part, const uint8_t *bytes, size_t len)
{
    const size_t sealed = kr_remote_seal(&session->session, part, bytes, len, remote->sealed);
    return say(remote, word_new(KR_NET_CLIENT_FRAME, session->connection, remote->sealed, sealed));
}

/* ---- hello ---- */

static void refuse(struct kr_remote *remote, struct session *session, enum kr_err reason)
{
    struct kr_writer frame;
    kr_writer_init(&frame, KR_KIB);
    kr_remote_refuse(reason, &frame);
    if (kr_writer_finish(&frame) != KR_OK ||
        !say(remote, word_new(KR_NET_CLIENT_FRAME, session->connection, frame.bytes, frame.len))) {
        cut(remote, session);
    } else {
        session->state = ENDING;
        session->deadline_ms = kr_monotonic_ms() + END_MS;
    }
    kr_writer_deinit(&frame);
}

static enum kr_err own_card(struct kr_remote *remote, uint8_t **ret_bytes, size_t *ret_len)
{
    struct kr_txn *txn = NULL;
    enum kr_err err = kr_store_read_begin(remote->options.store, &txn);
    if (err == KR_OK) {
        err = kr_directory_card_record(txn, remote->council, ret_bytes, ret_len);
        kr_txn_abort(txn);
    }
    return err;
}

static void answer(struct kr_remote *remote, struct session *session, struct kr_slice bytes, const struct kr_remote_hello *hello)
{
    struct kr_writer frame;
    uint8_t seed[32], *card = NULL;
    size_t card_len = 0;
    kr_writer_init(&frame, KR_FRAME_BYTES_MAX);
    enum kr_err err = own_card(remote, &card, &card_len);
    if (err == KR_OK) {
        randombytes_buf(seed, sizeof seed);
        const struct kr_keyring *keyring = kr_shared_keyring_use(remote->options.keyring);
        err = kr_remote_answer(bytes, hello, keyring->node_public, keyring->node_secret, (struct kr_slice){card, card_len}, seed,
                               &frame, &session->session);
        kr_shared_keyring_done(remote->options.keyring);
        sodium_memzero(seed, sizeof seed);
    }
    free(card);
    if (err == KR_KEY) {
        cut(remote, session); /* a key that no honest machine makes: nothing to tell of, as often as it likes */
    } else if (err != KR_OK || !say(remote, word_new(KR_NET_CLIENT_FRAME, session->connection, frame.bytes, frame.len))) {
        kr_log(KR_LOG_WARNING, "a person's machine could not be answered: %s", kr_err_text(err != KR_OK ? err : KR_NOMEM));
        cut(remote, session);
    } else {
        session->state = PROVED;
        memcpy(session->key, hello->key, 32);
    }
    kr_writer_deinit(&frame);
}

static void take_hello(struct kr_remote *remote, struct session *session, struct kr_slice frame)
{
    struct kr_remote_hello hello;
    const bool is_hello =
        frame.len > KR_REMOTE_HEAD_BYTES && frame.bytes[0] == KR_FRAME_REMOTE && frame.bytes[1] == KR_REMOTE_HELLO;
    const struct kr_slice bytes = {frame.bytes + KR_REMOTE_HEAD_BYTES, is_hello ? frame.len - KR_REMOTE_HEAD_BYTES : 0};
    if (!is_hello || kr_remote_hello_read(bytes, &hello) != KR_OK) {
        cut(remote, session);
    } else if (hello.version != KR_REMOTE_VERSION) {
        refuse(remote, session, KR_VERSION);
    } else if (memcmp(hello.council, remote->council, 32) != 0) {
        refuse(remote, session, KR_NOT_FOUND);
    } else if (!is_allowed(remote, hello.key)) {
        refuse(remote, session, KR_DENIED);
    } else {
        answer(remote, session, bytes, &hello);
    }
}

/* ---- parts ---- */

/* The machine has proved its key: from here on it is a client like any other. */
static bool go_up(struct kr_remote *remote, struct session *session)
{
    struct kr_caller caller = {.is_guest = true, .has_key = true};
    int pair[2];
    memcpy(caller.key, session->key, 32);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        kr_log(KR_LOG_WARNING, "a person's machine was not let in: %s", strerror(errno));
        return false;
    }
    session->fd = pair[0];
    session->state = UP;
    session->deadline_ms = 0;
    session->account = account_of(remote, session->key);
    session->account->users++;
    kr_hub_adopt(remote->options.hub, pair[1], &caller);
    return true;
}

static bool keep_bytes(struct session *session, struct kr_slice bytes)
{
    if (session->in == NULL) {
        session->in = malloc(KR_REMOTE_UP_FRAMES * KR_REMOTE_UP_BYTES);
        if (session->in == NULL) {
            return false;
        }
    }
    if (session->in_at > 0) {
        memmove(session->in, session->in + session->in_at, session->in_len - session->in_at);
        session->in_len -= session->in_at;
        session->in_at = 0;
    }
    memcpy(session->in + session->in_len, bytes.bytes, bytes.len);
    session->in_len += bytes.len;
    return true;
}

/* Who has more under way than it may, or says what cannot be, does not speak this protocol. False: it is to be cut. */
static bool take_part(struct kr_remote *remote, struct session *session, struct kr_slice frame)
{
    enum kr_remote_part part;
    struct kr_slice bytes;
    if (kr_remote_open(&session->session, frame, remote->plain, sizeof remote->plain, &part, &bytes) != KR_OK) {
        return false;
    }
    if (session->state == PROVED && !go_up(remote, session)) {
        return false;
    }
    if (part == KR_REMOTE_TAKEN) {
        const uint32_t taken = bytes.bytes[0];
        const bool is_right = taken > 0 && taken <= session->out_parts;
        session->out_parts -= is_right ? taken : 0;
        return is_right;
    }
    if (part == KR_REMOTE_END) {
        return false;
    }
    if (session->in_parts == KR_REMOTE_UP_FRAMES || bytes.len > KR_REMOTE_UP_BYTES) {
        return false;
    }
    session->in_parts++;
    const uint64_t now_us = kr_monotonic_us(), burst_us = RATE_US(KR_REMOTE_BURST_BYTES);
    const uint64_t least_us = now_us > burst_us ? now_us - burst_us : 0;
    struct account *account = session->account;
    account->at_us = (account->at_us > least_us ? account->at_us : least_us) + RATE_US(bytes.len);
    return session->fd < 0 || keep_bytes(session, bytes);
}

static void take_frame(struct kr_remote *remote, uint32_t connection, struct kr_slice frame)
{
    struct session *session = session_of(remote, connection);
    if (session == NULL) {
        session = session_of(remote, 0);
        if (session == NULL) { /* net has as many places: it counts wrong */
            struct session none = {.connection = connection, .fd = -1, .hand_frames = 1, .hand_bytes = (uint32_t)frame.len};
            cut(remote, &none);
            return;
        }
        *session = (struct session){.connection = connection,
                                    .generation = remote->current,
                                    .fd = -1,
                                    .deadline_ms = kr_monotonic_ms() + remote->options.hello_ms};
    }
    session->hand_frames++;
    session->hand_bytes += (uint32_t)frame.len;
    if (frame.len > KR_REMOTE_FRAME_BYTES_MAX) { /* an honest net hands over none of these */
        cut(remote, session);
    } else if (session->state == HELLO) {
        take_hello(remote, session, frame);
    } else if (session->state != ENDING && !take_part(remote, session, frame)) {
        cut(remote, session);
    }
}

/* ---- moving bytes ---- */

static bool is_throttled(struct kr_remote *remote)
{
    pthread_mutex_lock(&remote->mutex);
    remote->is_throttled = remote->out.bytes > OUT_HIGH;
    const bool is_full = remote->is_throttled;
    pthread_mutex_unlock(&remote->mutex);
    return is_full;
}

/* To the hub. False: it is gone. */
static bool write_bytes(struct session *session)
{
    while (session->in_at < session->in_len) {
        const ssize_t sent = send(session->fd, session->in + session->in_at, session->in_len - session->in_at, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        session->in_at += (size_t)sent;
    }
    session->in_at = session->in_len = 0;
    return true;
}

/* From the hub to the machine, as much as it may have under way. False: the hub has let it go. */
static bool read_bytes(struct kr_remote *remote, struct session *session)
{
    uint8_t *bytes = remote->plain;
    while (session->out_parts < KR_REMOTE_DOWN_FRAMES && !is_throttled(remote)) {
        const ssize_t got = recv(session->fd, bytes, KR_REMOTE_DOWN_BYTES, 0);
        if (got <= 0) {
            return got < 0 && (errno == EAGAIN || errno == EINTR);
        }
        session->out_parts++;
        if (!send_part(remote, session, KR_REMOTE_BYTES, bytes, (size_t)got)) {
            return false;
        }
    }
    return true;
}

/* The hub has let it go: what it said last is on its way. */
static void end(struct kr_remote *remote, struct session *session)
{
    (void)close(session->fd);
    session->fd = -1;
    session->in_at = session->in_len = session->in_parts = 0;
    session->state = ENDING;
    session->deadline_ms = kr_monotonic_ms() + END_MS;
    if (!send_part(remote, session, KR_REMOTE_END, NULL, 0)) {
        cut(remote, session);
    }
}

/* What is dealt with is told once the hub has it all, and not faster than the machine may send. */
static void tell_taken(struct kr_remote *remote, struct session *session)
{
    const bool may_go_on = session->account == NULL || session->account->at_us <= kr_monotonic_us();
    if (session->in_len > 0 || (session->in_parts > 0 && !may_go_on)) {
        return;
    }
    say_taken(remote, session); /* before the machine hears that it may send as much again */
    const uint8_t taken = (uint8_t)session->in_parts;
    if (taken > 0 && session->state == UP) {
        session->in_parts = 0;
        if (!send_part(remote, session, KR_REMOTE_TAKEN, &taken, 1)) {
            cut(remote, session);
        }
    }
}

static void pump(struct kr_remote *remote, struct session *session)
{
    if (session->state == UP) {
        const bool is_open = write_bytes(session); /* what the hub said before it let it go is read all the same */
        if (!read_bytes(remote, session) || !is_open) {
            end(remote, session);
        }
    }
    if (session->connection != 0) {
        tell_taken(remote, session);
    }
    if (session->connection != 0 && session->deadline_ms != 0 && kr_monotonic_ms() >= session->deadline_ms) {
        cut(remote, session);
    }
}

/* ---- the thread ---- */

static void take_list(struct kr_remote *remote, uint8_t (*keys)[32], uint32_t count)
{
    free(remote->keys);
    remote->keys = keys;
    remote->key_count = count;
    for (uint32_t i = 0; i < KR_REMOTE_CLIENTS_MAX; i++) {
        struct session *session = &remote->sessions[i];
        if ((session->state == PROVED || session->state == UP) && !is_allowed(remote, session->key)) {
            cut(remote, session);
        }
    }
}

static void drop_all(struct kr_remote *remote)
{
    for (uint32_t i = 0; i < KR_REMOTE_CLIENTS_MAX; i++) {
        if (remote->sessions[i].connection != 0) {
            drop(remote, &remote->sessions[i]);
        }
    }
}

/* False where it is time to end. */
static bool take_in(struct kr_remote *remote)
{
    struct words words;
    words_init(&words);
    pthread_mutex_lock(&remote->mutex);
    const bool is_stopping = remote->is_stopping;
    const uint32_t generation = remote->generation;
    uint8_t(*keys)[32] = remote->next_keys;
    const uint32_t key_count = remote->next_key_count;
    remote->next_keys = NULL;
    for (struct word *word = words_pop(&remote->in); word != NULL; word = words_pop(&remote->in)) {
        words_put(&words, word);
    }
    pthread_mutex_unlock(&remote->mutex);
    if (generation != remote->current) {
        drop_all(remote); /* what that says to net is dropped */
        remote->current = generation;
    }
    if (keys != NULL) {
        take_list(remote, keys, key_count);
    }
    for (struct word *word = words_pop(&words); word != NULL; word = words_pop(&words)) {
        struct session *session = session_of(remote, word->connection);
        if (word->type != GONE) {
            take_frame(remote, word->connection, (struct kr_slice){word->frame, word->len});
        } else if (session != NULL) {
            drop(remote, session);
        }
        free(word);
    }
    return !is_stopping;
}

/* What is waited for; how long at most (-1: for ever). */
static int fill_pollers(struct kr_remote *remote, struct pollfd *pollers, nfds_t *ret_count)
{
    const bool is_full = is_throttled(remote);
    const uint64_t now_ms = kr_monotonic_ms(), now_us = kr_monotonic_us();
    uint64_t due_ms = UINT64_MAX;
    nfds_t count = 0;
    pollers[count++] = (struct pollfd){.fd = remote->wake_fd, .events = POLLIN};
    for (uint32_t i = 0; i < KR_REMOTE_CLIENTS_MAX; i++) {
        const struct session *session = &remote->sessions[i];
        if (session->connection == 0) {
            continue;
        }
        if (session->fd >= 0 && !session->is_hung_up) {
            const short in = session->out_parts < KR_REMOTE_DOWN_FRAMES && !is_full ? POLLIN : 0;
            pollers[count++] = (struct pollfd){.fd = session->fd, .events = (short)(in | (session->in_len > 0 ? POLLOUT : 0))};
        }
        if (session->deadline_ms != 0 && session->deadline_ms < due_ms) {
            due_ms = session->deadline_ms;
        }
        if (session->in_parts > 0 && session->in_len == 0 && session->account != NULL) {
            const uint64_t left_us = session->account->at_us > now_us ? session->account->at_us - now_us : 0;
            const uint64_t at_ms = now_ms + left_us / 1000 + 1;
            due_ms = at_ms < due_ms ? at_ms : due_ms;
        }
    }
    *ret_count = count;
    return due_ms == UINT64_MAX ? -1 : due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

/* That the hub has let somebody go is seen also where nothing is to be read of it now: the machine has to take first. */
static void note_hung_up(struct kr_remote *remote, const struct pollfd *pollers, nfds_t count)
{
    for (nfds_t i = 1; i < count; i++) {
        struct session *session = remote->sessions;
        if ((pollers[i].revents & (POLLHUP | POLLERR)) == 0) {
            continue;
        }
        while (session->fd != pollers[i].fd) {
            session++;
        }
        session->is_hung_up = true;
        session->deadline_ms = kr_monotonic_ms() + HUNG_UP_MS;
    }
}

static void *run(void *context)
{
    struct kr_remote *remote = context;
    struct pollfd pollers[KR_REMOTE_CLIENTS_MAX + 1];
    while (take_in(remote)) {
        for (uint32_t i = 0; i < KR_REMOTE_CLIENTS_MAX; i++) {
            if (remote->sessions[i].connection != 0) {
                pump(remote, &remote->sessions[i]);
            }
        }
        nfds_t count = 0;
        const int wait_ms = fill_pollers(remote, pollers, &count);
        (void)poll(pollers, count, wait_ms);
        note_hung_up(remote, pollers, count);
        uint64_t woken = 0;
        if ((pollers[0].revents & POLLIN) != 0 && read(remote->wake_fd, &woken, sizeof woken) < 0) {
            continue; /* taken already */
        }
    }
    drop_all(remote);
    return NULL;
}

/* ---- life ---- */

enum kr_err kr_remote_new(const struct kr_remote_options *options, struct kr_remote **ret_remote, struct kr_error *error)
{
    struct kr_remote *remote = calloc(1, sizeof *remote);
    if (remote == NULL) {
        return KR_NOMEM;
    }
    remote->options = *options;
    remote->options.hello_ms = options->hello_ms == 0 ? KR_CLIENT_HELLO_MS : options->hello_ms;
    words_init(&remote->in);
    words_init(&remote->out);
    for (uint32_t i = 0; i < KR_REMOTE_CLIENTS_MAX; i++) {
        remote->sessions[i].fd = -1;
    }
    remote->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (remote->wake_fd < 0) {
        free(remote);
        return kr_fail(error, KR_SYSTEM, "clients from afar cannot be served: %s", strerror(errno));
    }
    pthread_mutex_init(&remote->mutex, NULL);
    *ret_remote = remote;
    return KR_OK;
}

enum kr_err kr_remote_start(struct kr_remote *remote, const uint8_t council[static 32], struct kr_error *error)
{
    memcpy(remote->council, council, 32);
    const int reason = pthread_create(&remote->thread, NULL, run, remote);
    remote->is_started = reason == 0;
    return reason == 0 ? KR_OK : kr_fail(error, KR_SYSTEM, "cannot start a thread for clients from afar: %s", strerror(reason));
}

void kr_remote_free(struct kr_remote *remote)
{
    if (remote == NULL) {
        return;
    }
    if (remote->is_started) {
        pthread_mutex_lock(&remote->mutex);
        remote->is_stopping = true;
        pthread_mutex_unlock(&remote->mutex);
        wake(remote);
        pthread_join(remote->thread, NULL);
    }
    words_free(&remote->in);
    words_free(&remote->out);
    (void)close(remote->wake_fd);
    pthread_mutex_destroy(&remote->mutex);
    free(remote->next_keys);
    free(remote->keys);
    free(remote);
}

/* ---- from and to net's side ---- */

enum kr_err kr_remote_allow(struct kr_remote *remote, const struct kr_net_entry *entries, uint32_t count)
{
    uint8_t(*keys)[32] = malloc(((size_t)count + 1) * 32u);
    uint32_t kept = 0;
    if (keys == NULL) {
        return KR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (entries[i].kind == KR_NET_PERSON) {
            memcpy(keys[kept++], entries[i].key, 32);
        }
    }
    pthread_mutex_lock(&remote->mutex);
    free(remote->next_keys);
    remote->next_keys = keys;
    remote->next_key_count = kept;
    pthread_mutex_unlock(&remote->mutex);
    wake(remote);
    return KR_OK;
}

void kr_remote_take(struct kr_remote *remote, uint32_t connection, struct kr_slice frame)
{
    if (connection == 0) {
        return; /* net counts from 1, and 0 is a place that is free */
    }
    struct word *word = word_new(KR_NET_CLIENT_FRAME, connection, frame.bytes, frame.len);
    pthread_mutex_lock(&remote->mutex);
    if (word != NULL) {
        words_put(&remote->in, word);
    }
    pthread_mutex_unlock(&remote->mutex);
    if (word == NULL) {
        kr_log(KR_LOG_ERROR, "no memory for what a person's machine says: it will have to connect anew");
        kr_remote_gone(remote, connection);
        return;
    }
    wake(remote);
}

void kr_remote_gone(struct kr_remote *remote, uint32_t connection)
{
    struct word *word = word_new(GONE, connection, NULL, 0);
    if (word == NULL) {
        return; /* it is cut when it is to say something, or comes to its deadline */
    }
    pthread_mutex_lock(&remote->mutex);
    words_put(&remote->in, word);
    pthread_mutex_unlock(&remote->mutex);
    wake(remote);
}

void kr_remote_reset(struct kr_remote *remote)
{
    pthread_mutex_lock(&remote->mutex);
    remote->generation++;
    words_free(&remote->in);
    words_free(&remote->out);
    pthread_mutex_unlock(&remote->mutex);
    wake(remote);
}

bool kr_remote_next(struct kr_remote *remote, struct kr_remote_word *ret_word)
{
    pthread_mutex_lock(&remote->mutex);
    const struct word *word = remote->out.first; /* this thread alone takes it away */
    pthread_mutex_unlock(&remote->mutex);
    if (word != NULL) {
        *ret_word = (struct kr_remote_word){.type = word->type,
                                            .connection = word->connection,
                                            .frame = {word->frame, word->len},
                                            .frames = word->frames,
                                            .bytes = word->bytes};
    }
    return word != NULL;
}

void kr_remote_told(struct kr_remote *remote)
{
    pthread_mutex_lock(&remote->mutex);
    struct word *word = words_pop(&remote->out);
    const bool goes_on = remote->is_throttled && remote->out.bytes <= OUT_HIGH / 2;
    remote->is_throttled = remote->is_throttled && !goes_on;
    pthread_mutex_unlock(&remote->mutex);
    free(word);
    if (goes_on) {
        wake(remote);
    }
}
