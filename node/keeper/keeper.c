#include "node/keeper/keeper.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "node/keeper/backups.h"
#include "node/keeper/config.h"
#include "node/keeper/log.h"
#include "node/keeper/runner.h"
#include "node/keeper/warninglists.h"

#define UPGRADE_SAY_MS  5000u
#define UPGRADE_WAIT_US (120u * 1000000u) /* for the next word of it */

struct keeper {
    const struct kr_place *place;
    struct kr_notify notify;
    struct kr_config config;
    int lock_fd, signal_fd, failed_fd, listen_fd, people_fd;
    bool is_protected;
    uint64_t upgrade_said_ms; /* when the log was last told how far the store is on its way to today's format */
    struct kr_clock clock;
    struct kr_keyring *keyring;
    struct kr_shared_keyring shared;
    bool is_shared;
    struct kr_store *store;
    struct kr_lanes *lanes;
    struct kr_workers *workers;
    struct kr_hub *hub;
    struct kr_remote *remote;
    struct kr_runner *runner;
};

enum kr_err kr_keeper_harden(struct kr_error *error)
{
    const struct rlimit none = {0, 0};
    (void)umask(077);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
        return kr_fail(error, KR_SYSTEM, "this process cannot be protected from being read by others: %s", strerror(errno));
    }
    return KR_OK;
}

/* ---- start ---- */

static enum kr_err read_config(const struct kr_place *place, struct kr_config *ret_config, struct kr_error *error)
{
    enum kr_err err = kr_config_read(place->config, ret_config, error);
    if (err == KR_NOT_FOUND && !place->config_was_named) {
        err = kr_config_init(ret_config);
    }
    if (err == KR_OK) {
        struct kr_listed *listed = NULL;
        err = kr_warninglists_read(place->directory, &listed);
        if (err == KR_OK) {
            kr_guards_set_listed(ret_config->guards, listed);
        } else {
            kr_config_deinit(ret_config);
        }
    }
    return err;
}

static enum kr_err open_keyring(struct keeper *keeper, const struct kr_passphrase_source *source, struct kr_error *error)
{
    enum kr_err err = kr_passphrase_open_keyring(keeper->place, source, &keeper->keyring, &keeper->is_protected, error);
    if (err == KR_OK && !keeper->is_protected) {
        kr_log(KR_LOG_NOTICE, "the keyring is unprotected: whoever can read this user's files has the node's keys; give it one "
                              "with `kairan passphrase`");
    }
    return err;
}

static enum kr_err open_signals(struct keeper *keeper, struct kr_error *error)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        sigaddset(&set, taken[i]);
    }
    (void)signal(SIGPIPE, SIG_IGN);                      /* a write may meet nobody: the call says so itself */
    int reason = pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any thread, which inherits it */
    keeper->signal_fd = reason == 0 ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
    keeper->failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (keeper->signal_fd < 0 || keeper->failed_fd < 0) {
        return kr_fail(error, KR_SYSTEM, "signals cannot be received: %s", strerror(reason != 0 ? reason : errno));
    }
    return KR_OK;
}

static enum kr_err listen_on(const char *path, mode_t mode, int *ret_fd, struct kr_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1); /* kr_place_init or the configuration has checked that it fits */
    *ret_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*ret_fd < 0 || bind(*ret_fd, (const struct sockaddr *)&address, sizeof address) != 0 || chmod(path, mode) != 0 ||
        listen(*ret_fd, 64) != 0) {
        return kr_fail(error, KR_IO, "cannot listen on %s: %s", path, strerror(errno));
    }
    return KR_OK;
}

/* The lock says that whatever socket is there is a dead one's. */
static enum kr_err open_socket(struct keeper *keeper, struct kr_error *error)
{
    (void)unlink(keeper->place->socket);
    return listen_on(keeper->place->socket, 0600, &keeper->listen_fd, error);
}

/* Anybody may knock there: who may stay is what cards say (kr_hub_accept). It lies outside the state directory, so only what is a
 * socket is taken for a left-over. */
static enum kr_err open_people_socket(struct keeper *keeper, struct kr_error *error)
{
    const char *path = keeper->config.socket;
    struct stat status;
    if (path[0] == 0) {
        return KR_OK;
    }
    if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
        return kr_fail(error, KR_CONFIG, "socket = %s: something else lies there; choose another path", path);
    }
    (void)unlink(path);
    return listen_on(path, 0666, &keeper->people_fd, error);
}

static uint32_t count_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > (long)KR_WORKERS_MAX ? KR_WORKERS_MAX : (uint32_t)cores;
}

/* It may take longer than the service manager waits for a start. */
static void upgrading(void *context, uint32_t percent)
{
    struct keeper *keeper = context;
    const uint64_t now_ms = kr_monotonic_ms();
    (void)kr_notify_send(&keeper->notify, "EXTEND_TIMEOUT_USEC=%u\nSTATUS=bringing the store up to date: %u %%", UPGRADE_WAIT_US,
                         (unsigned)percent);
    if (percent == 0 && keeper->upgrade_said_ms == 0) {
        kr_log(KR_LOG_NOTICE,
               "the store is of an older format: it is brought up to date, which takes some seconds for each 100,000 "
               "records. Nobody is served meanwhile; whatever ends it, the next start goes on or begins anew");
    } else if (percent == 100) {
        kr_log(KR_LOG_NOTICE, "the store is up to date");
    } else if (now_ms >= keeper->upgrade_said_ms + UPGRADE_SAY_MS) {
        kr_log(KR_LOG_NOTICE, "bringing the store up to date: %u %%", (unsigned)percent);
    } else {
        return;
    }
    keeper->upgrade_said_ms = now_ms;
}

/* Neither is worth not to start. */
static void look_at_backups(const struct keeper *keeper, bool was_restored)
{
    struct kr_error error = {0};
    uint8_t council[32];
    kr_runner_council(keeper->runner, council);
    const bool has_recovery = !sodium_is_zero(keeper->keyring->recovery_public, 32); /* a new node of a council is told it later */
    if (has_recovery && kr_backups_put_key(keeper->place->directory, council, keeper->keyring->recovery_public, &error) != KR_OK) {
        kr_log(KR_LOG_WARNING, "no backup can be made: %s", error.text);
    }
    if (was_restored && kr_backups_restored_is_told(keeper->place->directory, &error) != KR_OK) {
        kr_log(KR_LOG_WARNING, "%s", error.text);
    }
}

static enum kr_err start_parts(struct keeper *keeper, struct kr_error *error)
{
    struct kr_keyring *keyring = keeper->keyring;
    const struct kr_store_options store = {.path = keeper->place->store,
                                           .storage_key = kr_keyring_storage(keyring),
                                           .old_storage_key = kr_keyring_storage_before(keyring),
                                           .term_key = keyring->term_key,
                                           .term_generation = keyring->term_generation,
                                           .upgrading = upgrading,
                                           .upgrading_context = keeper};
    kr_shared_keyring_init(&keeper->shared, keyring);
    keeper->is_shared = true;
    enum kr_err err = kr_store_open(&store, &keeper->store, error);
    if (err == KR_OK) {
        kr_store_reap_readers(keeper->store);
        err = kr_lanes_new(&keeper->lanes);
    }
    if (err == KR_OK) {
        uint32_t workers = keeper->config.workers > 0 ? keeper->config.workers : count_cores();
        err = kr_workers_new(workers, keeper->lanes, &keeper->shared, &keeper->workers, error);
    }
    if (err == KR_OK) {
        const struct kr_hub_options hub = {
            .store = keeper->store, .keyring = &keeper->shared, .lanes = keeper->lanes, .clock = &keeper->clock};
        err = kr_hub_new(&hub, &keeper->hub, error);
    }
    if (err == KR_OK) {
        const struct kr_remote_options remote = {.store = keeper->store,
                                                 .keyring = &keeper->shared,
                                                 .lanes = keeper->lanes,
                                                 .hub = keeper->hub,
                                                 .clock = &keeper->clock};
        err = kr_remote_new(&remote, &keeper->remote, error);
    }
    if (err == KR_OK) {
        const struct kr_runner_options runner = {.store = keeper->store,
                                                 .keyring = &keeper->shared,
                                                 .keyring_path = keeper->place->keyring,
                                                 .lanes = keeper->lanes,
                                                 .workers = keeper->workers,
                                                 .hub = keeper->hub,
                                                 .remote = keeper->remote,
                                                 .clock = &keeper->clock,
                                                 .notify = &keeper->notify,
                                                 .guards = keeper->config.guards,
                                                 .endpoint = keeper->config.endpoint,
                                                 .approval = keeper->config.approval,
                                                 .audit_keep_s = keeper->config.audit_years * UINT64_C(366) * 86400u,
                                                 .listen = keeper->config.listen,
                                                 .directory = keeper->place->directory,
                                                 .is_protected = keeper->is_protected,
                                                 .failed_fd = keeper->failed_fd,
                                                 .was_restored = kr_backups_was_restored(keeper->place->directory)};
        err = kr_runner_new(&runner, &keeper->runner, error);
        if (err == KR_OK) {
            look_at_backups(keeper, runner.was_restored);
        }
    }
    if (err == KR_OK) {
        kr_runner_set_ways(keeper->runner, keeper->config.ways);
        keeper->config.ways = NULL;
        err = open_socket(keeper, error);
    }
    if (err == KR_OK) {
        err = open_people_socket(keeper, error);
    }
    if (err == KR_OK) {
        uint8_t council[32];
        kr_runner_council(keeper->runner, council);
        err = kr_remote_start(keeper->remote, council, error);
    }
    return err == KR_OK ? kr_runner_start(keeper->runner, error) : err;
}

static enum kr_err start(struct keeper *keeper, const struct kr_passphrase_source *source, struct kr_error *error)
{
    enum kr_err err = kr_keeper_harden(error);
    if (err == KR_OK) {
        err = kr_crypto_init();
    }
    if (err == KR_OK) {
        err = read_config(keeper->place, &keeper->config, error);
    }
    if (err == KR_OK) {
        kr_log_set_level(keeper->config.log_level);
        struct kr_error why = {0};
        if (kr_notify_init(&keeper->notify, &why) != KR_OK) {
            kr_log(KR_LOG_WARNING, "%s: the service manager is not told how this node is", why.text);
        }
        err = kr_place_make(keeper->place, error);
    }
    if (err == KR_OK) {
        err = kr_place_lock(keeper->place, KR_PLACE_LOCK_WAIT_MS, &keeper->lock_fd, error);
    }
    if (err == KR_OK) {
        err = open_keyring(keeper, source, error);
    }
    if (err == KR_OK) {
        err = open_signals(keeper, error);
    }
    return err == KR_OK ? start_parts(keeper, error) : err;
}

/* ---- running ---- */

static void reload(struct keeper *keeper)
{
    struct kr_config config;
    struct kr_error error = {0};
    enum kr_err err = read_config(keeper->place, &config, &error);
    if (err != KR_OK) {
        kr_log(KR_LOG_ERROR, "the configuration stays as it was: %s", error.text[0] != 0 ? error.text : kr_err_text(err));
        return;
    }
    if (strcmp(config.listen, keeper->config.listen) != 0 || strcmp(config.endpoint, keeper->config.endpoint) != 0 ||
        strcmp(config.socket, keeper->config.socket) != 0 || config.audit_years != keeper->config.audit_years ||
        memcmp(&config.approval, &keeper->config.approval, sizeof config.approval) != 0 ||
        config.workers != keeper->config.workers) {
        kr_log(KR_LOG_WARNING,
               "listen, endpoint, socket, workers, [approval] and keep_years change only when the node is restarted");
    }
    kr_log_set_level(config.log_level);
    keeper->config.log_level = config.log_level;
    kr_runner_set_ways(keeper->runner, config.ways);
    kr_runner_set_guards(keeper->runner, config.guards);
    kr_guards_free(keeper->config.guards);
    keeper->config.guards = config.guards;
    kr_log(KR_LOG_NOTICE, "log level, guards, warning lists and ways to dial were read anew from %s and its folder",
           keeper->place->config);
}

/* False where it is time to end. */
static bool take_signals(struct keeper *keeper)
{
    struct signalfd_siginfo info;
    while (read(keeper->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGHUP) {
            return false;
        }
        reload(keeper);
    }
    return true;
}

static void take_newcomers(struct keeper *keeper, int listen_fd)
{
    for (;;) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            kr_hub_accept(keeper->hub, fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* Says that we live, as long as the core's thread does not hang on one piece of work. */
static void feed_watchdog(struct keeper *keeper)
{
    if (kr_runner_busy_ms(keeper->runner) < keeper->notify.watchdog_ms) {
        (void)kr_notify_send(&keeper->notify, "WATCHDOG=1");
    }
}

static enum kr_err serve(struct keeper *keeper, struct kr_error *error)
{
    const int timeout_ms = keeper->notify.watchdog_ms > 0 ? (int)(keeper->notify.watchdog_ms / 2 + 1) : -1;
    for (;;) {
        struct pollfd pollers[] = {{.fd = keeper->signal_fd, .events = POLLIN},
                                   {.fd = keeper->failed_fd, .events = POLLIN},
                                   {.fd = keeper->listen_fd, .events = POLLIN},
                                   {.fd = keeper->people_fd, .events = POLLIN}}; /* -1 is passed over */
        (void)poll(pollers, 4, timeout_ms);
        if (pollers[1].revents != 0) {
            kr_runner_why(keeper->runner, error);
            return KR_IO;
        }
        if (!take_signals(keeper)) {
            return KR_OK;
        }
        if (pollers[2].revents != 0) {
            take_newcomers(keeper, keeper->listen_fd);
        }
        if (pollers[3].revents != 0) {
            take_newcomers(keeper, keeper->people_fd);
        }
        if (keeper->notify.watchdog_ms > 0) {
            feed_watchdog(keeper);
        }
    }
}

/* ---- end ---- */

static void close_fd(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* Copes with a keeper that was only half started. The core first, so that what it has made durable is also answered. */
static void stop(struct keeper *keeper)
{
    (void)kr_notify_send(&keeper->notify, "STOPPING=1");
    if (keeper->listen_fd >= 0) {
        (void)unlink(keeper->place->socket);
    }
    if (keeper->people_fd >= 0) {
        (void)unlink(keeper->config.socket);
    }
    close_fd(keeper->listen_fd);
    close_fd(keeper->people_fd);
    kr_runner_free(keeper->runner);
    kr_remote_free(keeper->remote);
    kr_hub_free(keeper->hub);
    kr_workers_free(keeper->workers);
    kr_lanes_free(keeper->lanes);
    kr_store_close(keeper->store);
    if (keeper->is_shared) {
        kr_shared_keyring_deinit(&keeper->shared);
    }
    kr_keyring_free(keeper->keyring);
    kr_config_deinit(&keeper->config);
    close_fd(keeper->signal_fd);
    close_fd(keeper->failed_fd);
    close_fd(keeper->lock_fd);
    kr_clock_deinit(&keeper->clock);
    kr_notify_deinit(&keeper->notify);
}

int kr_keeper_run(const struct kr_place *place, const struct kr_passphrase_source *source)
{
    struct keeper keeper = {
        .place = place, .notify = {.fd = -1}, .lock_fd = -1, .signal_fd = -1, .failed_fd = -1, .listen_fd = -1, .people_fd = -1};
    struct kr_error error = {0};
    /* Few arenas keep resident memory low. LMDB takes 3 MiB for every nested transaction and touches little of them: they must come
     * from the heap and stay there, for mapping and unmapping them took a tenth of the time of small records. */
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 8 * 1024 * 1024);
    kr_log_init(KR_LOG_NOTICE);
    kr_clock_init(&keeper.clock);
    enum kr_err err = start(&keeper, source, &error);
    if (err == KR_OK) {
        kr_log(KR_LOG_NOTICE, "started (version %s), state in %s", KR_VERSION_TEXT, place->directory);
        err = serve(&keeper, &error);
    }
    if (err != KR_OK) {
        kr_log(KR_LOG_ERROR, "%s", error.text[0] != 0 ? error.text : kr_err_text(err));
    }
    stop(&keeper);
    if (err == KR_OK) {
        kr_log(KR_LOG_NOTICE, "stopped");
    }
    return err == KR_OK ? KR_EXIT_OK : err == KR_LOCKED ? KR_EXIT_RUNNING : KR_EXIT_FAILURE;
}
