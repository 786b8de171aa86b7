/* The root key and the recovery key of a council, away from the node: on a stick, on paper, in a safe. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "crypto/sign.h"
#include "tools/kairan/out.h"
#include "tools/kairan/recover.h"
#include "tools/kairan/root_key.h"

#define PAPER_BYTES_MAX 4096u

/* ---- taking a copy ---- */

struct copy_secrets {
    uint8_t box_public[32], box_secret[32], seed[32];
    struct kr_root_key key;
};

static bool unseal(struct copy_secrets *secrets, struct kr_slice result)
{
    struct kr_key_sealed sealed;
    if (kr_key_sealed_read(result, &sealed) != KR_OK ||
        kr_slot_open(secrets->seed, sealed.slot.bytes, secrets->box_public, secrets->box_secret) != KR_OK) {
        return false;
    }
    kr_sign_keypair(secrets->key.public_key, secrets->key.secret, secrets->seed);
    memcpy(secrets->key.council, sealed.council, 32);
    return memcmp(secrets->key.public_key, sealed.public_key, 32) == 0;
}

/* In locked memory, released with kr_secret_free. Tells failures. */
static bool copy_key(struct kr_app *app, enum kr_key_role role, struct copy_secrets **ret_secrets)
{
    void *memory = NULL;
    struct kr_error error = {0};
    struct kr_key_copy copy = {.role = role};
    struct kr_writer args;
    struct kr_slice result;
    enum kr_err err = kr_crypto_init();
    if (err == KR_OK) {
        err = kr_secret_new(sizeof(struct copy_secrets), &memory, &error);
    }
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
        return false;
    }
    struct copy_secrets *secrets = memory;
    randombytes_buf(secrets->seed, sizeof secrets->seed);
    kr_box_keypair(secrets->box_public, secrets->box_secret, secrets->seed);
    memcpy(copy.box_public, secrets->box_public, 32);
    kr_writer_init(&args, KR_KIB);
    kr_key_copy_write(&copy, &args);
    err = kr_app_call(app, KR_OP_COPY_KEY, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    bool ok = err == KR_OK && unseal(secrets, result);
    if (!ok) {
        (void)(err == KR_OK ? kr_app_unreadable(app) : 0);
        kr_secret_free(secrets);
        return false;
    }
    *ret_secrets = secrets;
    return true;
}

/* ---- export ---- */

bool kr_root_place(const struct kr_app *app, const char *to, const uint8_t council[static 32], uint32_t number, char *ret_path,
                   size_t size)
{
    struct stat status;
    char hex[9], suffix[16] = "";
    const bool is_directory = stat(to, &status) == 0 && S_ISDIR(status.st_mode);
    sodium_bin2hex(hex, sizeof hex, council, 4);
    if (number > 1) {
        (void)snprintf(suffix, sizeof suffix, "-%u", number);
    }
    const int len =
        is_directory ? snprintf(ret_path, size, "%s/kairan-root-%s%s.key", to, hex, suffix) : snprintf(ret_path, size, "%s", to);
    if (len < 0 || (size_t)len >= size) {
        (void)kr_app_fail(app, KR_BOUNDS, _("the path is too long"));
        return false;
    }
    return true;
}

/* What is on the stick is read again, from there: a copy that cannot be read is worse than none. */
bool kr_root_write(const struct kr_app *app, const struct kr_root_key *key, const char *path, const char *passphrase)
{
    struct kr_error error = {0};
    struct kr_root_key *again = NULL;
    enum kr_err err = kr_root_file_write(key, path, passphrase, &error);
    if (err == KR_OK) {
        err = kr_root_file_read(path, passphrase, &again, &error);
    }
    if (err == KR_OK && sodium_memcmp(again, key, sizeof *key) != 0) {
        err = kr_fail(&error, KR_IO, "%s does not read as it was written: use another medium", path);
    }
    kr_secret_free(again);
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
    }
    return err == KR_OK;
}

static int export_root(struct kr_app *app, const char *to, const struct kr_root_options *options)
{
    struct copy_secrets *secrets = NULL;
    char *passphrase = NULL, path[PATH_MAX];
    if (to == NULL) {
        return kr_app_fail(app, KR_INVALID, _("where to? Name the stick's directory: --to /media/usb"));
    }
    bool ok = copy_key(app, KR_KEY_ROOT, &secrets) && kr_root_place(app, to, secrets->key.council, 1, path, sizeof path) &&
              kr_app_passphrase(app, options->passphrase_file, options->passphrase_fd,
                                _("Passphrase for the root key on that medium: "), _("The same again: "), &passphrase) &&
              kr_root_write(app, &secrets->key, path, passphrase);
    kr_secret_free(secrets);
    kr_secret_free(passphrase);
    if (!ok) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s}", "file", path)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)printf(_("The root key was written to %s and read back.\n"), path);
    (void)fputs(_("It is still on the node too. Make a second copy, then take it off: kairan root forget --root FILE\n"), stdout);
    return KR_EXIT_DONE;
}

/* ---- paper ---- */

void kr_paper_print(const uint8_t council[static 32], char lines[static KR_PAPER_LINES][KR_PAPER_LINE_BYTES])
{
    char hex[17];
    sodium_bin2hex(hex, sizeof hex, council, 8);
    (void)printf(_("Kairan: recovery key of the council %s\n"), hex);
    (void)fputs(_("Whoever has this paper can replace the council's root key. Keep it in a safe, apart from the root key.\n\n"),
                stdout);
    for (uint32_t i = 0; i < KR_PAPER_LINES; i++) {
        (void)printf("    %s\n", lines[i]);
    }
}

static bool print_paper(const struct kr_app *app, const struct copy_secrets *secrets)
{
    char lines[KR_PAPER_LINES][KR_PAPER_LINE_BYTES];
    bool ok = true;
    kr_paper_write(secrets->seed, secrets->key.council, lines);
    if (app->is_json) {
        json_t *array = json_array();
        for (uint32_t i = 0; i < KR_PAPER_LINES; i++) {
            (void)json_array_append_new(array, json_string(lines[i]));
        }
        ok = kr_json_line(json_pack("{s:o}", "lines", array));
    } else {
        kr_paper_print(secrets->key.council, lines);
        (void)fputs(_("\nWhen it is on paper: kairan root forget --paper - (and type it in)\n"), stdout);
    }
    sodium_memzero(lines, sizeof lines);
    return ok;
}

static int paper(struct kr_app *app)
{
    struct copy_secrets *secrets = NULL;
    if (!copy_key(app, KR_KEY_RECOVERY, &secrets)) {
        return KR_EXIT_ERROR;
    }
    const bool ok = print_paper(app, secrets);
    kr_secret_free(secrets);
    return ok ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* ---- forget ---- */

static bool read_paper(const struct kr_app *app, const char *path, char *text, size_t *ret_len)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (in == NULL) {
        (void)kr_app_fail(app, KR_IO, _("cannot open %s: %s"), path, strerror(errno));
        return false;
    }
    if (isatty(fileno(in)) == 1) {
        (void)fputs(_("Type the lines of the paper, then press Ctrl-D:\n"), stderr);
    }
    (void)setvbuf(in, NULL, _IONBF, 0); /* no copy of it in a buffer */
    const size_t len = fread(text, 1, PAPER_BYTES_MAX, in);
    const bool ok = ferror(in) == 0 && len < PAPER_BYTES_MAX;
    if (in != stdin) {
        (void)fclose(in);
    }
    if (!ok) {
        (void)kr_app_fail(app, KR_INVALID, _("%s is not the lines of a paper"), path);
        return false;
    }
    *ret_len = len;
    return true;
}

struct paper_secrets {
    char text[PAPER_BYTES_MAX];
    uint8_t seed[32];
};

bool kr_paper_open(const struct kr_app *app, const char *path, struct kr_root_key **ret_key)
{
    void *memory = NULL, *key = NULL;
    struct kr_error error = {0};
    size_t len = 0;
    enum kr_err err = kr_crypto_init();
    if (err == KR_OK) {
        err = kr_secret_new(sizeof(struct paper_secrets), &memory, &error);
    }
    if (err == KR_OK) {
        err = kr_secret_new(sizeof(struct kr_root_key), &key, &error);
    }
    if (err != KR_OK) {
        kr_secret_free(memory);
        (void)kr_app_tell(app, err, &error);
        return false;
    }
    struct paper_secrets *secrets = memory;
    struct kr_root_key *root = key;
    bool ok = read_paper(app, path, secrets->text, &len);
    if (ok) {
        err = kr_paper_read(secrets->text, len, secrets->seed, root->council, &error);
        ok = err == KR_OK;
        (void)(ok ? 0 : kr_app_tell(app, err, &error));
    }
    if (ok) {
        kr_sign_keypair(root->public_key, root->secret, secrets->seed);
    }
    kr_secret_free(memory);
    if (!ok) {
        kr_secret_free(key);
        return false;
    }
    *ret_key = root;
    return true;
}

static bool send_forget(struct kr_app *app, enum kr_key_role role, const struct kr_root_key *key, const uint8_t council[static 32])
{
    uint8_t signature[KR_SIGNATURE_BYTES];
    struct kr_writer args;
    struct kr_slice result;
    kr_sign(signature, key->secret, KR_KEY_COPY_DOMAIN, council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_key_forget_write(&(struct kr_key_forget){.role = role, .signature = {signature, sizeof signature}}, &args);
    enum kr_err err = kr_app_call(app, KR_OP_FORGET_KEY, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    return err == KR_OK;
}

static int forget(struct kr_app *app, const char *paper_file, const struct kr_root_options *options)
{
    static struct kr_status status;
    struct kr_root_key *key = NULL;
    const enum kr_key_role role = paper_file != NULL ? KR_KEY_RECOVERY : KR_KEY_ROOT;
    if ((paper_file != NULL) == (options->file != NULL)) {
        return kr_app_fail(app, KR_INVALID,
                           _("show the copy that stays: --root FILE for the root key, or --paper FILE (- to type it in) "
                             "for the recovery key"));
    }
    if (!kr_app_ask_status(app, &status)) {
        return KR_EXIT_ERROR;
    }
    bool ok = role == KR_KEY_ROOT ? kr_root_open(app, options, &key) : kr_paper_open(app, paper_file, &key);
    if (ok && memcmp(key->council, status.council, role == KR_KEY_ROOT ? 32 : 8) != 0) {
        (void)kr_app_fail(app, KR_KEY, _("that is the key of another council: nothing was taken off the node"));
        ok = false;
    }
    ok = ok && send_forget(app, role, key, status.council);
    kr_secret_free(key);
    if (!ok) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s}", "forgotten", role == KR_KEY_ROOT ? "root" : "recovery")) ? KR_EXIT_DONE
                                                                                                        : KR_EXIT_ERROR;
    }
    (void)fputs(role == KR_KEY_ROOT ? _("The root key is not on this node any more. Commands that need it take --root FILE.\n")
                                    : _("The recovery key is not on this node any more: the paper is all there is.\n"),
                stdout);
    (void)fputs(_("Copies of the keyring that were made before still have it: delete them.\n"), stdout);
    return KR_EXIT_DONE;
}

/* ---- show ---- */

static int show(struct kr_app *app)
{
    static struct kr_status status;
    uint8_t root[32];
    if (!kr_app_ask_status(app, &status)) {
        return KR_EXIT_ERROR;
    }
    if (!kr_root_in_force(app, root)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:b, s:b, s:o}", "root_on_node", status.has_root, "recovery_on_node", status.has_recovery,
                                      "root_key", kr_json_id(root, 32)))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)fputs(_("the root key begins with: "), stdout);
    kr_out_digits(stdout, root);
    (void)fputc('\n', stdout);
    (void)fputs(status.has_root ? _("root key: on this node. Take it off: kairan root export --to DIRECTORY\n")
                                : _("root key: not on this node\n"),
                stdout);
    (void)fputs(status.has_recovery ? _("recovery key: on this node. Take it off: kairan root paper\n")
                                    : _("recovery key: not on this node\n"),
                stdout);
    return KR_EXIT_DONE;
}

int kr_run_root(struct kr_app *app, int argc, char **argv)
{
    struct kr_root_options root = {0};
    struct kr_recover_options recover = {0};
    const char *to = NULL, *paper_file = NULL, *passphrase_file = NULL, *passphrase_fd = NULL;
    const struct kr_option options[] = {{.name = "to", .text = &to},
                                        {.name = "paper", .text = &paper_file},
                                        {.name = "since", .text = &recover.since},
                                        {.name = "taken-over", .flag = &recover.is_taken_over},
                                        {.name = "keep-others", .flag = &recover.keeps_others},
                                        {.name = "end-others", .flag = &recover.ends_others},
                                        {.name = "finish", .flag = &recover.is_finish},
                                        {.name = "yes", .letter = 'y', .flag = &recover.is_sure},
                                        {.name = "passphrase-file", .text = &passphrase_file},
                                        {.name = "passphrase-fd", .text = &passphrase_fd},
                                        {.name = "root", .text = &root.file}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    root.passphrase_file = passphrase_file;
    root.passphrase_fd = passphrase_fd;
    const char *what = rest < argc ? argv[rest++] : "show";
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (strcmp(what, "recover") == 0) {
        recover.paper = paper_file;
        recover.to = to;
        recover.root = root;
        return kr_root_recover(app, &recover);
    }
    if (strcmp(what, "show") == 0) {
        return show(app);
    }
    if (strcmp(what, "export") == 0) {
        return export_root(app, to, &root);
    }
    if (strcmp(what, "paper") == 0) {
        return paper(app);
    }
    if (strcmp(what, "forget") == 0) {
        return forget(app, paper_file, &root);
    }
    return kr_app_fail(app, KR_INVALID, _("it is kairan root show, export, paper, forget or recover"));
}
