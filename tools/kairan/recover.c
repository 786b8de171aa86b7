/* The root key was lost or stolen: the paper makes another one. What the new keys are is on a stick and on paper before anything is
 * changed: nobody shall have a council whose keys are nowhere. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "crypto/sign.h"
#include "proto/client/rekey.h"
#include "proto/record/statement.h"
#include "tools/kairan/out.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/recover.h"

/* What this council is before. */
struct own {
    struct kr_rekeyings rekeyings;
    uint8_t council[32], genesis_root[32], commitment[32];
    bool is_found;
};

static enum kr_err take_own(void *context, struct kr_slice bytes)
{
    static struct kr_council_item item;
    struct own *own = context;
    struct kr_card card;
    enum kr_err err = kr_council_item_read(bytes, &item);
    if (err != KR_OK || !item.is_self) {
        return err;
    }
    err = kr_card_parse(item.card, &card);
    if (err == KR_OK) {
        own->rekeyings = card.rekeyings;
        memcpy(own->council, card.council, 32);
        memcpy(own->genesis_root, card.genesis_root, 32);
        memcpy(own->commitment, card.commitment, 32);
        own->is_found = true;
    }
    return err;
}

static bool ask_own(struct kr_app *app, struct own *own)
{
    *own = (struct own){.is_found = false};
    if (kr_crypto_init() != KR_OK || kr_app_ask(app, KR_OP_COUNCILS, KR_ANSWER_MS, take_own, own, NULL) != KR_OK) {
        return false;
    }
    if (!own->is_found) {
        (void)kr_app_fail(app, KR_NOT_FOUND, _("this council's own card cannot be read: run kairan verify"));
    }
    return own->is_found;
}

bool kr_root_in_force(struct kr_app *app, uint8_t ret_root[static 32])
{
    struct own own;
    if (!ask_own(app, &own)) {
        return false;
    }
    memcpy(ret_root, own.rekeyings.count > 0 ? own.rekeyings.items[own.rekeyings.count - 1].root_public : own.genesis_root, 32);
    return true;
}

/* ---- the new keys ---- */

struct fresh {
    struct kr_root_key root;
    uint8_t recovery_public[32], recovery_secret[64], recovery_seed[32];
};

/* In locked memory. */
static bool make_keys(const struct kr_app *app, const struct own *own, struct fresh **ret_fresh)
{
    void *memory = NULL;
    struct kr_error error = {0};
    uint8_t seed[32];
    if (kr_secret_new(sizeof(struct fresh), &memory, &error) != KR_OK) {
        (void)kr_app_tell(app, KR_NOMEM, &error);
        return false;
    }
    struct fresh *fresh = memory;
    memcpy(fresh->root.council, own->council, 32);
    randombytes_buf(seed, sizeof seed);
    kr_sign_keypair(fresh->root.public_key, fresh->root.secret, seed);
    sodium_memzero(seed, sizeof seed);
    randombytes_buf(fresh->recovery_seed, sizeof fresh->recovery_seed);
    kr_sign_keypair(fresh->recovery_public, fresh->recovery_secret, fresh->recovery_seed);
    *ret_fresh = fresh;
    return true;
}

/* By the word of the paper. */
static bool sign_rekeying(const struct kr_app *app, const struct own *own, const struct kr_root_key *paper,
                          const struct fresh *fresh, struct kr_recover *recover)
{
    struct kr_rekeyings rekeyings = own->rekeyings;
    enum kr_err err = memcmp(paper->council, own->council, 8) != 0 ? KR_KEY : KR_OK;
    if (err == KR_OK) {
        err = kr_rekeyings_append(&rekeyings, own->council, own->commitment, paper->secret, fresh->root.public_key,
                                  fresh->recovery_public);
    }
    if (err == KR_BOUNDS) {
        (void)kr_app_fail(app, err,
                          _("the root key of this council was replaced as often as it may be: begin anew with kairan init"));
    } else if (err != KR_OK) {
        (void)kr_app_fail(app, err,
                          memcmp(paper->council, own->council, 8) != 0
                              ? _("that is the paper of another council: nothing was changed")
                              : _("that is not the paper in force: it was replaced by a later one. Nothing was changed"));
    }
    if (err != KR_OK) {
        return false;
    }
    memcpy(recover->recovery_public, rekeyings.recovery_public, 32);
    recover->rekeying = rekeyings.items[rekeyings.count - 1];
    return true;
}

/* ---- what is asked of the node ---- */

static bool put_on_card(struct kr_app *app, const struct kr_recover *recover, const struct fresh *fresh)
{
    const struct kr_root_options root = {.key = &fresh->root};
    struct kr_writer args;
    uint8_t id[32];
    kr_writer_init(&args, KR_KIB);
    kr_recover_write(recover, &args);
    const bool ok = kr_app_state(app, KR_OP_RECOVER, &args, KR_KIND_COUNCIL_CARD, fresh->root.council, &root, id);
    kr_writer_deinit(&args);
    return ok;
}

/* Which statements of each root key that was replaced are genuine. */
static bool name_genuine(struct kr_app *app, const struct own *own, const struct kr_recover_options *options, uint64_t since_ms,
                         const struct kr_root_options *root)
{
    bool ok = true;
    for (uint32_t i = 0; i < own->rekeyings.count && ok; i++) {
        struct kr_revoke revoke = {.since_ms = since_ms, .is_taken_over = options->is_taken_over};
        struct kr_writer args;
        uint8_t id[32];
        memcpy(revoke.key, i == 0 ? own->genesis_root : own->rekeyings.items[i - 1].root_public, 32);
        kr_writer_init(&args, KR_KIB);
        kr_revoke_write(&revoke, &args);
        ok = kr_app_state(app, KR_OP_REVOKE, &args, KR_KIND_REVOCATION, revoke.key, root, id);
        kr_writer_deinit(&args);
    }
    return ok;
}

/* ---- saying ---- */

static bool show_keys(const struct kr_app *app, const struct fresh *fresh, const char *path)
{
    char lines[KR_PAPER_LINES][KR_PAPER_LINE_BYTES];
    bool ok = true;
    kr_paper_write(fresh->recovery_seed, fresh->root.council, lines);
    if (app->is_json) {
        json_t *array = json_array();
        for (uint32_t i = 0; i < KR_PAPER_LINES; i++) {
            (void)json_array_append_new(array, json_string(lines[i]));
        }
        ok = kr_json_line(
            json_pack("{s:o, s:s, s:o}", "root_key", kr_json_id(fresh->root.public_key, 32), "file", path, "lines", array));
    } else {
        kr_paper_print(fresh->root.council, lines);
    }
    sodium_memzero(lines, sizeof lines);
    return ok && fflush(stdout) == 0;
}

static bool is_written_down(const struct kr_app *app, bool is_sure)
{
    if (is_sure) {
        return true;
    }
    clearerr(stdin); /* the lines of the paper may have been typed in, up to Ctrl-D */
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        return false;
    }
    const bool is_yes = kr_ask_about(_("Is the new recovery key on paper? Then the root key is replaced. Go on? [y/N] "));
    if (!is_yes) {
        (void)fputs(_("Nothing was changed. Delete the file of the new root key.\n"), stderr);
    }
    return is_yes;
}

static int tell(const struct kr_app *app, const struct fresh *fresh)
{
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o}", "replaced", kr_json_id(fresh->root.public_key, 32))) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)fputs(_("The root key of this council is another one from now on: "), stdout);
    kr_out_digits(stdout, fresh->root.public_key);
    (void)fputs(_("\nCall each linked council: it gives you nothing but TLP:CLEAR until it has compared these digits with you and\n"
                  "run kairan peer confirm-root.\n"
                  "Look at kairan council: the card that was there may have been changed by whoever had the root key.\n"
                  "Make a backup: those before open with the former paper alone. Keep that paper as long as you keep them, then\n"
                  "destroy it: it is as good as ever to a thief.\n"),
                stdout);
    return KR_EXIT_DONE;
}

/* ---- the commands ---- */

/* `*ret_since_ms`: what came from peers before it is genuine; all where the key was lost and nobody else had it. */
static bool parse_since(const struct kr_app *app, const struct kr_recover_options *options, uint64_t *ret_since_ms)
{
    uint64_t since_ms = UINT64_MAX;
    if (options->since != NULL && !kr_moment_parse_ms(options->since, false, &since_ms)) {
        (void)kr_app_fail(app, KR_INVALID, _("--%s takes a span like 36h or 7d, or a date like 2026-04-01"), "since");
        return false;
    }
    if (options->since == NULL && options->is_taken_over) {
        (void)kr_app_fail(app, KR_INVALID, _("--taken-over needs --since: when was it?"));
        return false;
    }
    *ret_since_ms = since_ms;
    return true;
}

static int finish(struct kr_app *app, const struct kr_recover_options *options, uint64_t since_ms)
{
    struct own own;
    if (!ask_own(app, &own)) {
        return KR_EXIT_ERROR;
    }
    if (own.rekeyings.count == 0) {
        return kr_app_fail(app, KR_NOT_FOUND, _("the root key of this council was never replaced"));
    }
    if (!name_genuine(app, &own, options, since_ms, &options->root)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:b}", "finished", true)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)fputs(_("It is said which statements of the former root keys hold.\n"), stdout);
    return KR_EXIT_DONE;
}

/* The former root is on the card now. */
static bool replace(struct kr_app *app, const struct kr_recover_options *options, uint64_t since_ms, struct own *own,
                    const struct kr_recover *recover, const struct fresh *fresh)
{
    const struct kr_root_options root = {.key = &fresh->root};
    if (options->since != NULL && kr_app_ask(app, KR_OP_NEW_KEYS, KR_ANSWER_MS, NULL, NULL, NULL) != KR_OK) {
        return false;
    }
    if (!put_on_card(app, recover, fresh)) {
        return false;
    }
    const bool ok = ask_own(app, own) && name_genuine(app, own, options, since_ms, &root);
    if (!ok) {
        (void)fputs(_("The root key is replaced, but not all is said: run kairan root recover --finish --root FILE.\n"), stderr);
    }
    return ok;
}

int kr_root_recover(struct kr_app *app, const struct kr_recover_options *options)
{
    struct own own;
    struct kr_recover recover = {.others = options->keeps_others  ? KR_OTHERS_KEEP
                                           : options->ends_others ? KR_OTHERS_END
                                                                  : KR_OTHERS_ASK};
    struct kr_root_key *paper = NULL;
    struct fresh *fresh = NULL;
    char *passphrase = NULL, path[PATH_MAX];
    uint64_t since_ms;
    if (!parse_since(app, options, &since_ms)) {
        return KR_EXIT_ERROR;
    }
    if (options->is_finish) {
        return finish(app, options, since_ms);
    }
    if (options->paper == NULL || options->to == NULL) {
        return kr_app_fail(app, KR_INVALID,
                           _("which paper, and where does the new root key go? kairan root recover --paper - --to /media/usb"));
    }
    if (options->keeps_others && options->ends_others) {
        return kr_app_fail(app, KR_INVALID, _("--keep-others or --end-others, not both"));
    }
    bool ok = ask_own(app, &own) && kr_paper_open(app, options->paper, &paper) && make_keys(app, &own, &fresh) &&
              sign_rekeying(app, &own, paper, fresh, &recover);
    kr_secret_free(paper);
    ok = ok && kr_root_place(app, options->to, own.council, own.rekeyings.count + 2, path, sizeof path) &&
         kr_app_passphrase(app, options->root.passphrase_file, options->root.passphrase_fd,
                           _("Passphrase for the new root key on that medium: "), _("The same again: "), &passphrase) &&
         kr_root_write(app, &fresh->root, path, passphrase) && show_keys(app, fresh, path) &&
         is_written_down(app, options->is_sure) && replace(app, options, since_ms, &own, &recover, fresh);
    kr_secret_free(passphrase);
    const int result = ok ? tell(app, fresh) : KR_EXIT_ERROR;
    kr_secret_free(fresh);
    return result;
}
