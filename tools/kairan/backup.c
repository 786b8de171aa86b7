/* kairan backup: makes one, looks one over. */
#include "tools/kairan/backup.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/private_file.h"
#include "crypto/secret.h"
#include "tools/backup/make.h"
#include "tools/kairan/kairand.h"
#include "tools/kairan/out.h"
#include "tools/kairan/root_key.h"

#define SYSTEM_STATE  "/var/lib/kairan"
#define SYSTEM_CONFIG "/etc/kairan/kairan.conf"
#define LISTS         "warninglists"

/* ---- progress ---- */

static void show(struct kr_backup_progress *progress)
{
    const uint64_t all = progress->all > 0 ? progress->all : 1;
    const uint32_t percent = (uint32_t)(progress->done >= all ? 100 : progress->done * 100 / all);
    if (progress->app->is_json || percent + 1 == progress->shown || isatty(STDERR_FILENO) != 1) {
        return;
    }
    progress->shown = percent + 1;
    (void)fputc('\r', stderr);
    (void)fprintf(stderr, "%s: %u%%", _(progress->what), percent);
    (void)fflush(stderr);
}

void kr_backup_progress_add(void *context, uint64_t bytes)
{
    struct kr_backup_progress *progress = context;
    progress->done += bytes;
    show(progress);
}

void kr_backup_progress_end(struct kr_backup_progress *progress)
{
    if (progress->shown > 0) {
        (void)fputs("\r\033[K", stderr);
    }
}

/* ---- what goes in ---- */

struct backup {
    struct kr_app *app;
    struct kr_backup_progress progress;
    struct kr_backup_making making;
    struct kr_backup_made made;
    struct kr_backup_source sources[KR_BACKUP_SOURCES_MAX];
    uint32_t source_count;
    FILE *snapshot;
    pid_t child;
};

static bool in_state(const struct kr_app *app, const char *name, char ret_path[static KR_BACKUP_PATH_MAX])
{
    const int len = snprintf(ret_path, KR_BACKUP_PATH_MAX, "%s/%s", app->directory, name);
    const bool fits = len > 0 && len < (int)KR_BACKUP_PATH_MAX;
    (void)(fits ? 0 : kr_app_fail(app, KR_BOUNDS, _("the path is too long")));
    return fits;
}

static bool add_source(struct backup *backup, const char *name, const char *path)
{
    if (backup->source_count == KR_BACKUP_SOURCES_MAX) {
        (void)kr_app_fail(backup->app, KR_BOUNDS, _("there are more than %u files beside the store"), KR_BACKUP_SOURCES_MAX);
        return false;
    }
    struct kr_backup_source *source = &backup->sources[backup->source_count++];
    (void)snprintf(source->name, sizeof source->name, "%s", name);
    (void)snprintf(source->path, sizeof source->path, "%s", path);
    return true;
}

static bool add_lists(struct backup *backup)
{
    char directory[KR_BACKUP_PATH_MAX];
    bool ok = in_state(backup->app, LISTS, directory);
    DIR *dir = ok ? opendir(directory) : NULL;
    for (struct dirent *entry; ok && dir != NULL && (entry = readdir(dir)) != NULL;) {
        char name[KR_BACKUP_NAME_BYTES_MAX + 1], path[KR_BACKUP_PATH_MAX];
        const int name_len = snprintf(name, sizeof name, LISTS "/%s", entry->d_name);
        const int len = snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        const bool fits = name_len > 0 && (size_t)name_len < sizeof name && len > 0 && (size_t)len < sizeof path;
        ok = entry->d_name[0] == '.' || !fits || add_source(backup, name, path);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return ok;
}

/* As kairand finds it. */
static bool add_config(struct backup *backup, const char *named)
{
    char path[KR_BACKUP_PATH_MAX];
    const bool is_system = backup->app->state == NULL && strcmp(backup->app->directory, SYSTEM_STATE) == 0;
    if (named != NULL || is_system) {
        (void)snprintf(path, sizeof path, "%s", named != NULL ? named : SYSTEM_CONFIG);
    } else if (!in_state(backup->app, "kairan.conf", path)) {
        return false;
    }
    return (named == NULL && access(path, F_OK) != 0) || add_source(backup, "kairan.conf", path);
}

static bool find_sources(struct backup *backup, const char *config)
{
    char path[KR_BACKUP_PATH_MAX];
    return in_state(backup->app, "keyring", path) && add_source(backup, "keyring", path) && add_config(backup, config) &&
           add_lists(backup);
}

static bool read_key(struct backup *backup)
{
    char path[KR_BACKUP_PATH_MAX], text[KR_BACKUP_KEY_TEXT_BYTES + 1];
    struct kr_error error = {0};
    size_t len = 0;
    if (!in_state(backup->app, KR_BACKUP_KEY_NAME, path)) {
        return false;
    }
    enum kr_err err = kr_private_file_read(path, text, sizeof text, &len, &error);
    if (err == KR_NOT_FOUND) {
        (void)kr_app_fail(
            backup->app, err,
            _("there is no %s: it says to whom backups are sealed, and a node writes it when it starts. Start the node of "
              "this version once, or name the right directory with --state"),
            path);
        return false;
    }
    if (err == KR_OK) {
        err = kr_backup_key_parse(text, len, backup->making.council, backup->making.recovery_public);
        err = err == KR_OK ? KR_OK : kr_fail(&error, err, "%s is damaged: delete it and restart the node", path);
    }
    (void)(err == KR_OK ? 0 : kr_app_tell(backup->app, err, &error));
    return err == KR_OK;
}

/* ---- making ---- */

static FILE *open_snapshot(void *context)
{
    struct backup *backup = context;
    return kr_kairand_start(backup->app, "--snapshot", &backup->snapshot, &backup->child) ? backup->snapshot : NULL;
}

static void on_progress(void *context, uint64_t pages, uint64_t all)
{
    struct backup *backup = context;
    backup->progress.done = pages;
    backup->progress.all = all;
    show(&backup->progress);
}

/* A paper that was never printed opens nothing on the day when the disk is gone. */
static bool recovery_is_on_node(struct kr_app *app)
{
    static struct kr_status status;
    static const uint8_t nothing[] = {0x90};
    struct kr_slice result;
    struct kr_error error = {0};
    struct kr_conn *conn = NULL;
    enum kr_err err = kr_conn_open(app->path, "kairan", kr_tr_language(), &conn, &error);
    if (err == KR_OK) {
        err =
            kr_conn_call(conn, KR_OP_STATUS, (struct kr_slice){nothing, sizeof nothing}, KR_ANSWER_MS, NULL, NULL, &result, &error);
    }
    const bool is_there = err == KR_OK && kr_status_read(result, &status) == KR_OK && status.has_recovery;
    kr_conn_free(conn);
    return is_there;
}

/* For status and doctor. */
static void note_last(const struct backup *backup)
{
    char path[KR_BACKUP_PATH_MAX], text[KR_BACKUP_PATH_MAX + 128], hex[65];
    struct kr_error error = {0};
    (void)sodium_bin2hex(hex, sizeof hex, backup->made.digest, sizeof backup->made.digest);
    const int len = snprintf(text, sizeof text, "%llu %s %s\n", (unsigned long long)backup->making.made_s, hex, backup->made.path);
    if (!in_state(backup->app, KR_BACKUP_LAST_NAME, path)) {
        return;
    }
    if (len < 0 || (size_t)len >= sizeof text || kr_private_file_write(path, text, (size_t)len, true, &error) != KR_OK) {
        (void)fprintf(stderr, _("kairan: the backup is whole, but status and doctor do not know of it: %s\n"), error.text);
    }
}

static int tell_made(struct backup *backup, int64_t took_ms)
{
    const struct kr_backup_made *made = &backup->made;
    const bool warns = recovery_is_on_node(backup->app);
    if (backup->app->is_json) {
        json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "file", made->path, "kind",
                                   made->number == 0 ? "full" : "added", "number", (json_int_t)made->number, "pages",
                                   (json_int_t)made->pages, "pages_new", (json_int_t)made->pages_put, "pages_freed",
                                   (json_int_t)made->pages_gone, "bytes", (json_int_t)made->bytes, "took_ms", (json_int_t)took_ms,
                                   "store_grown_bytes", (json_int_t)made->grown, "recovery_on_node", warns);
        if (object != NULL) {
            (void)json_object_set_new(object, "chain_broken",
                                      made->why_whole.text[0] != 0 ? json_string(made->why_whole.text) : json_null());
        }
        return kr_json_line(object) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    if (made->why_whole.text[0] != 0) {
        (void)fprintf(stderr, _("kairan: nothing was added to the backups that are there, a new whole one was made: %s\n"),
                      made->why_whole.text);
    }
    (void)fputs(made->number == 0 ? _("A whole backup was made: ") : _("What is new since the last backup was added: "), stdout);
    kr_out_bytes(stdout, made->bytes);
    (void)printf("\n  %s\n", made->path);
    if (made->number > 0) {
        (void)printf(_("It needs the %u files before it, from the whole one on: keep them together.\n"), made->number);
    }
    (void)fputs(_("It opens with the recovery paper alone, and the keyring in it with the passphrase of the node.\n"), stdout);
    if (warns) {
        (void)fputs(
            _("WARNING: the recovery key is still on this node. Is it on paper, too? Without the paper no backup opens: kairan "
              "root paper\n"),
            stderr);
    }
    return KR_EXIT_DONE;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int make(struct backup *backup)
{
    uint8_t seed[32];
    struct kr_error error = {0};
    const int64_t began_ms = now_ms();
    randombytes_buf(seed, sizeof seed);
    backup->making.made_s = (uint64_t)time(NULL);
    backup->making.seed = seed;
    backup->making.sources = backup->sources;
    backup->making.source_count = backup->source_count;
    backup->making.open_snapshot = open_snapshot;
    backup->making.on_progress = on_progress;
    backup->making.context = backup;
    enum kr_err err = kr_backup_make(&backup->making, &backup->made, &error);
    kr_backup_progress_end(&backup->progress);
    sodium_memzero(seed, sizeof seed);
    if (backup->snapshot != NULL) {
        (void)fclose(backup->snapshot);
        (void)kr_kairand_end(backup->child);
    }
    if (err != KR_OK) {
        return err == KR_CANCELLED ? KR_EXIT_ERROR : kr_app_tell(backup->app, err, &error);
    }
    note_last(backup);
    return tell_made(backup, now_ms() - began_ms);
}

static int run_make(struct kr_app *app, const char *to, const char *config, bool wants_whole)
{
    struct backup *backup = calloc(1, sizeof *backup);
    char here[KR_BACKUP_PATH_MAX];
    struct stat status;
    int result = KR_EXIT_ERROR;
    if (backup == NULL || kr_crypto_init() != KR_OK) {
        free(backup);
        return kr_app_fail(app, KR_NOMEM, "%s", _(kr_err_text(KR_NOMEM)));
    }
    if (to == NULL && getcwd(here, sizeof here) != NULL) {
        to = here;
    }
    backup->app = app;
    backup->progress = (struct kr_backup_progress){.app = app, .what = N_("reading the store")};
    backup->making.to = to;
    backup->making.is_file = to != NULL && !(stat(to, &status) == 0 && S_ISDIR(status.st_mode));
    backup->making.wants_whole = wants_whole;
    if (to != NULL && kr_app_place(app) && read_key(backup) && find_sources(backup, config)) {
        result = make(backup);
    }
    free(backup);
    return result;
}

/* ---- looking one over ---- */

bool kr_backup_chain_named(const struct kr_app *app, char **names, int count, struct kr_backup_chain *ret_chain)
{
    struct kr_error error = {0};
    struct stat status;
    enum kr_err err = KR_OK;
    if (count == 1 && stat(names[0], &status) == 0 && S_ISDIR(status.st_mode)) {
        err = kr_backup_chain_in(names[0], NULL, NULL, ret_chain, &error);
    } else {
        err = kr_backup_chain_of((const char *const *)names, (uint32_t)count, ret_chain, &error);
    }
    (void)(err == KR_OK ? 0 : kr_app_tell(app, err, &error));
    return err == KR_OK;
}

bool kr_backup_paper(const struct kr_app *app, const char *paper, const struct kr_backup_chain *chain, struct kr_root_key **ret_key)
{
    const struct kr_backup_head *head = &chain->files[0].head;
    struct kr_root_key *key = NULL;
    if (!kr_paper_open(app, paper, &key)) {
        return false;
    }
    if (memcmp(key->public_key, head->recovery_public, 32) != 0 || memcmp(key->council, head->council, 8) != 0) {
        char hex[17];
        (void)sodium_bin2hex(hex, sizeof hex, head->council, 8);
        (void)kr_app_fail(app, KR_KEY, _("this backup is sealed to another recovery key: take the paper of the council %s"), hex);
        kr_secret_free(key);
        return false;
    }
    *ret_key = key;
    return true;
}

static int tell_verified(const struct kr_app *app, const struct kr_backup_chain *chain, uint64_t pages, bool is_opened)
{
    const struct kr_backup_head *last = &chain->files[chain->count - 1].head;
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:I, s:I, s:I, s:o, s:b}", "council", kr_json_id(last->council, 32), "files",
                                      (json_int_t)chain->count, "pages", (json_int_t)pages, "bytes", (json_int_t)chain->bytes,
                                      "made", kr_json_time(last->made_s * 1000), "opened", is_opened))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)printf(_("The chain is whole: %u files, "), chain->count);
    kr_out_bytes(stdout, chain->bytes);
    (void)fputs(_(", as of "), stdout);
    kr_out_time(stdout, last->made_s);
    (void)fputc('\n', stdout);
    (void)fputs(is_opened ? _("Every byte was opened with the recovery key and is as it was when the backup was made.\n")
                          : _("Every byte is as its hashes say. Whether it opens only the recovery paper tells: --paper -\n"),
                stdout);
    return KR_EXIT_DONE;
}

int kr_backup_verify(const struct kr_app *app, const char *paper, struct kr_backup_chain *chain)
{
    struct kr_root_key *key = NULL;
    struct kr_error error = {0};
    struct kr_pages pages = {0};
    if (kr_crypto_init() != KR_OK || (paper != NULL && !kr_backup_paper(app, paper, chain, &key))) {
        return KR_EXIT_ERROR;
    }
    struct kr_backup_progress progress = {.app = app, .what = N_("reading the backup"), .all = chain->bytes};
    const struct kr_backup_reading reading = {.is_whole = true,
                                              .recovery_secret = key != NULL ? key->secret : NULL,
                                              .on_bytes = kr_backup_progress_add,
                                              .context = &progress};
    enum kr_err err = kr_backup_chain_walk(chain, &reading, &pages, &error);
    kr_backup_progress_end(&progress);
    const int result = err == KR_OK ? tell_verified(app, chain, pages.count, key != NULL) : kr_app_tell(app, err, &error);
    kr_pages_free(&pages);
    kr_secret_free(key);
    return result;
}

static int run_verify(struct kr_app *app, const char *paper, char **names, int count)
{
    struct kr_backup_chain chain = {0};
    if (count == 0) {
        return kr_app_fail(app, KR_INVALID, _("which backup? Name its directory, or all files of it"));
    }
    if (!kr_backup_chain_named(app, names, count, &chain)) {
        return KR_EXIT_ERROR;
    }
    const int result = kr_backup_verify(app, paper, &chain);
    kr_backup_chain_free(&chain);
    return result;
}

int kr_run_backup(struct kr_app *app, int argc, char **argv)
{
    const char *to = NULL, *config = NULL, *paper = NULL;
    bool wants_whole = false;
    const struct kr_option options[] = {{.name = "to", .text = &to},
                                        {.name = "config", .text = &config},
                                        {.name = "paper", .text = &paper},
                                        {.name = "full", .flag = &wants_whole}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc && strcmp(argv[rest], "verify") == 0) {
        return to == NULL && config == NULL && !wants_whole
                   ? run_verify(app, paper, argv + rest + 1, argc - rest - 1)
                   : kr_app_fail(app, KR_INVALID, _("backup verify takes --paper and nothing else"));
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (paper != NULL) {
        return kr_app_fail(app, KR_INVALID, _("a backup is made without the paper: that opens it again"));
    }
    return run_make(app, to, config, wants_whole);
}
