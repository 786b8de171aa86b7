#include "tools/kairan/enrol.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "proto/client/enrol.h"
#include "proto/wire/machine_ticket.h"
#include "proto/wire/ticket.h"
#include "tools/client/enrolled.h"
#include "tools/kairan/addressed.h"
#include "tools/kairan/afar.h"
#include "tools/kairan/qr.h"
#include "tools/kairan/root_key.h"

_Static_assert(KR_ENROL_TICKET_BYTES > KR_TICKET_TEXT_BYTES_MAX, "every ticket has room");

/* ---- on the admin's side ---- */

uint32_t kr_machines_of(const struct kr_person_card *card, const uint8_t **ret_keys)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < card->credential_count; i++) {
        if (card->credentials[i].kind == KR_CREDENTIAL_KEY) {
            ret_keys[count++] = card->credentials[i].bytes.bytes;
        }
    }
    return count;
}

void kr_enrol_out_how(FILE *out, const char *ticket)
{
    (void)fprintf(
        out,
        _("\n\nOn that machine, as yourself:\n\n    kairan enrol %s\n\n    kairan whoami          who you are, and what you may "
          "do\n"
          "    kairan --help\n\nWhoever has this ticket before you is taken for you: keep it to yourself. If it says that it was "
          "used already and that was\nnot you, tell an admin of your council at once. Once it is used, destroy this letter.\n"),
        ticket);
}

struct letter {
    const struct kr_app *app;
    const struct kr_person_entry *person;
    const char *ticket;
    uint64_t expires_s;
};

/* As for the person, who has never heard of it. */
static void letter_text(FILE *out, const struct letter *letter)
{
    (void)fputs(_("To: "), out);
    kr_out_text(out, letter->person->card.name, false);
    (void)fprintf(
        out,
        _("\n\nWith this ticket you reach the node of %s (Kairan, sharing of threat information) from a machine of your own. It is "
          "for one\nmachine, and good once.\n\n  until: "),
        kr_conn_name(letter->app->conn));
    kr_out_time(out, letter->expires_s);
    kr_enrol_out_how(out, letter->ticket);
}

FILE *kr_letter_open(const struct kr_app *app, const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    const int reason = errno;
    if (out == NULL && fd >= 0) {
        (void)close(fd);
        (void)unlink(path);
    }
    if (out == NULL) {
        (void)kr_app_fail(app, KR_IO, _("cannot write the letter %s: %s"), path, strerror(reason));
    }
    return out;
}

bool kr_letter_close(const struct kr_app *app, const char *path, FILE *out)
{
    bool is_written = fflush(out) == 0 && ferror(out) == 0;
    int reason = is_written ? 0 : errno;
    if (fclose(out) != 0 && is_written) {
        is_written = false;
        reason = errno;
    }
    if (!is_written) {
        (void)unlink(path); /* half a letter is none */
        (void)kr_app_fail(app, KR_IO, _("cannot write the letter %s: %s"), path, strerror(reason));
    }
    return is_written;
}

static int tell_ticket(const struct kr_app *app, const struct kr_person_entry *person, const struct kr_enrol_wishes *wishes,
                       const char *ticket, uint64_t expires_s, FILE *out)
{
    const struct letter letter = {.app = app, .person = person, .ticket = ticket, .expires_s = expires_s};
    if (out != NULL) {
        letter_text(out, &letter);
        if (!kr_letter_close(app, wishes->letter, out)) {
            return KR_EXIT_ERROR;
        }
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:s, s:o}", "person", kr_json_id(person->id, 32), "ticket", ticket, "expires",
                                      kr_json_time(expires_s * 1000)))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    if (wishes->letter != NULL) {
        (void)printf(_("The letter lies in %s; it is as good as the ticket in it.\n"), wishes->letter);
    } else {
        (void)puts(ticket);
        (void)fputs(_("For one machine, once (there: kairan enrol TICKET). Hand it over so that nobody else sees it. Good until "),
                    stderr);
        kr_out_time(stderr, expires_s);
        (void)fputc('\n', stderr);
    }
    return wishes->shows_qr && !kr_qr_print_ticket(stdout, ticket) ? KR_EXIT_ERROR : KR_EXIT_DONE;
}

bool kr_enrol_ask_for(struct kr_app *app, const uint8_t person[static 32], uint64_t ttl_s,
                      char ret_ticket[static KR_ENROL_TICKET_BYTES], uint64_t *ret_expires_s)
{
    struct kr_enrol_ask ask = {.ttl_s = ttl_s};
    struct kr_enrol_given given;
    struct kr_writer args;
    struct kr_slice result;
    memcpy(ask.person, person, 32);
    kr_writer_init(&args, KR_KIB);
    kr_enrol_ask_write(&ask, &args);
    enum kr_err err = kr_app_call(app, KR_OP_ENROL_TICKET, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return false;
    }
    if (kr_enrol_given_read(result, &given) != KR_OK || !kr_slice_text(given.ticket, ret_ticket, KR_ENROL_TICKET_BYTES)) {
        (void)kr_app_unreadable(app);
        return false;
    }
    *ret_expires_s = given.expires_s;
    return true;
}

int kr_enrol_person(struct kr_app *app, const struct kr_person_entry *person, const struct kr_enrol_wishes *wishes)
{
    char ticket[KR_ENROL_TICKET_BYTES];
    uint64_t days = 0, expires_s = 0;
    if (wishes->days != NULL && (!kr_count_parse(wishes->days, 90, &days) || days == 0)) {
        return kr_app_fail(app, KR_INVALID, _("--days takes a number from 1 to 90"));
    }
    FILE *out = wishes->letter != NULL ? kr_letter_open(app, wishes->letter) : NULL;
    if (wishes->letter != NULL && out == NULL) {
        return KR_EXIT_ERROR;
    }
    if (!kr_enrol_ask_for(app, person->id, days * 86400u, ticket, &expires_s)) {
        if (out != NULL) {
            (void)fclose(out);
            (void)unlink(wishes->letter);
        }
        return KR_EXIT_ERROR;
    }
    const int status = tell_ticket(app, person, wishes, ticket, expires_s, out);
    sodium_memzero(ticket, sizeof ticket);
    return status;
}

int kr_unenrol_machine(struct kr_app *app, const struct kr_person_entry *person, const char *key)
{
    const uint8_t *keys[KR_CREDENTIALS_MAX], *found = NULL;
    uint8_t wanted[32];
    size_t len = 0;
    struct kr_unenrol unenrol;
    struct kr_writer args;
    struct kr_slice result;
    const uint32_t count = kr_id_parse(key, wanted, &len) ? kr_machines_of(&person->card, keys) : 0;
    for (uint32_t i = 0; i < count && found == NULL; i++) {
        found = memcmp(keys[i], wanted, len) == 0 ? keys[i] : NULL;
    }
    if (found == NULL) {
        return kr_app_fail(app, KR_NOT_FOUND,
                           _("no machine of this person has a key that begins with \"%s\"; see kairan person ls"), key);
    }
    memcpy(unenrol.person, person->id, 32);
    memcpy(unenrol.key, found, 32);
    kr_writer_init(&args, KR_KIB);
    kr_unenrol_write(&unenrol, &args);
    enum kr_err err = kr_app_call(app, KR_OP_UNENROL, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:s, s:o}", "person", kr_json_id(person->id, 32), "done", "unbound", "machine",
                                      kr_json_id(unenrol.key, 32)))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)fputs(_("That machine is nobody's here any more; its connections have ended.\n"), stdout);
    return KR_EXIT_DONE;
}

/* ---- on the machine ---- */

struct enrolling {
    struct kr_app *app;
    const char *name, *via, *passphrase_file, *passphrase_fd;
    bool wants_passphrase, was_begun; /* was_begun: an earlier try has left its key, of which the node may know already */
    struct kr_machine_ticket ticket;
    struct kr_way way; /* where somebody answered */
    struct kr_enrolled *enrolled;
    char chosen[KR_ENROLLED_NAME_BYTES_MAX + 1], path[PATH_MAX];
};

static bool take_ticket(struct enrolling *enrolling, const char *argument)
{
    char text[2 * KR_TICKET_TEXT_BYTES_MAX];
    struct kr_error error = {0};
    size_t len = strlen(argument);
    if (strcmp(argument, "-") == 0) {
        len = fread(text, 1, sizeof text - 1, stdin);
    } else if (len < sizeof text) {
        memcpy(text, argument, len);
    }
    while (len > 0 && len < sizeof text && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }
    enum kr_err err = len < sizeof text ? kr_machine_ticket_parse(text, len, &enrolling->ticket, &error) : KR_BOUNDS;
    sodium_memzero(text, sizeof text);
    if (err != KR_OK) {
        (void)kr_app_fail(enrolling->app, err, _("this is no usable ticket: %s"),
                          kr_tr(error.text[0] != 0 ? error.text : kr_err_text(err)));
        return false;
    }
    if (enrolling->ticket.expires_s <= (uint64_t)time(NULL)) {
        (void)kr_app_fail(enrolling->app, KR_EXPIRED, _("this ticket is no longer valid: ask for a new one"));
        return false;
    }
    if (enrolling->via != NULL) {
        err = kr_endpoint_check(enrolling->via, strlen(enrolling->via), &error);
        if (err != KR_OK) {
            (void)kr_app_tell(enrolling->app, err, &error);
            return false;
        }
    }
    return true;
}

/* Under the ticket's key, the council's nodes in turn: any of them may be gone for good. Who answers has to be the council in the
 * ticket. Where none serves, what is told is that one does not admit the ticket, before that another cannot be reached. */
static bool reach(struct enrolling *enrolling, uint8_t ret_node_key[static 32])
{
    static const uint8_t none[32];
    static struct kr_in_turn turn;
    static struct kr_ways ways;
    const struct kr_machine_ticket *ticket = &enrolling->ticket;
    struct kr_error error = {0};
    struct kr_afar_told told;
    uint8_t public_key[32];
    if (crypto_scalarmult_base(public_key, ticket->secret) != 0) {
        (void)kr_app_fail(enrolling->app, KR_MALFORMED, _("this is no usable ticket: %s"), _(kr_err_text(KR_KEY)));
        return false;
    }
    ways.count = 0;
    for (uint32_t i = 0; i < ticket->node_count; i++) {
        const char *endpoint =
            enrolling->via != NULL ? enrolling->via : ticket->nodes[i].endpoint; /* whichever of them it leads to */
        (void)kr_ways_add(&ways, (struct kr_slice){(const uint8_t *)endpoint, strlen(endpoint)}, ticket->nodes[i].transport);
    }
    turn = (struct kr_in_turn){
        .target = {.council = ticket->council, .node_key = none, .public_key = public_key, .secret = ticket->secret},
        .ways = &ways,
        .program = "kairan " KR_VERSION_TEXT,
        .language = kr_tr_language()};
    enum kr_err err = kr_in_turn_connect(&turn, &enrolling->app->conn, &told, &error);
    if (err != KR_OK) {
        err = kr_explain_no_node(&turn, err, &error);
        (void)kr_app_tell(enrolling->app, err, &error);
        return false;
    }
    kr_tell_other_node(&turn);
    enrolling->way = ways.items[turn.way];
    memcpy(ret_node_key, told.node_key, 32);
    free(told.card);
    return true;
}

/* The council's name where it makes one word, else "node". */
static bool choose_name(struct enrolling *enrolling)
{
    struct kr_error error = {0};
    const char *council = kr_conn_name(enrolling->app->conn);
    const char *name = enrolling->name != NULL ? enrolling->name : council;
    enum kr_err err = kr_enrolled_path(name, enrolling->path, sizeof enrolling->path, &error);
    if (err == KR_INVALID && enrolling->name == NULL) {
        name = "node";
        err = kr_enrolled_path(name, enrolling->path, sizeof enrolling->path, &error);
    }
    if (err == KR_OK) {
        err = kr_enrolled_make_folder(&error);
    }
    if (err != KR_OK) {
        (void)kr_app_tell(enrolling->app, err, &error);
        return false;
    }
    memcpy(enrolling->chosen, name, strlen(name) + 1);
    return true;
}

static bool is_zero(const uint8_t id[static 32])
{
    return sodium_is_zero(id, 32);
}

/* What an earlier try has left is taken up again: the answer may have been lost on its way. */
static enum kr_err take_up(struct enrolling *enrolling, struct kr_error *error)
{
    char *passphrase = NULL;
    bool is_protected = false;
    enum kr_err err = kr_enrolled_is_protected(enrolling->path, &is_protected, error);
    if (err == KR_OK && is_protected &&
        !kr_app_passphrase(enrolling->app, enrolling->passphrase_file, enrolling->passphrase_fd,
                           _("Passphrase of this machine's enrolment: "), NULL, &passphrase)) {
        return KR_CANCELLED;
    }
    if (err == KR_OK) {
        err = kr_enrolled_read(enrolling->path, passphrase, &enrolling->enrolled, error);
    }
    kr_secret_free(passphrase);
    if (err == KR_OK &&
        (!is_zero(enrolling->enrolled->person) || memcmp(enrolling->enrolled->council, enrolling->ticket.council, 32) != 0)) {
        return kr_fail(error, KR_EXISTS,
                       "this machine has an enrolment of that name already: choose another with --name, or remove the file");
    }
    enrolling->was_begun = err == KR_OK;
    return err;
}

static enum kr_err make_keys(struct enrolling *enrolling, struct kr_error *error)
{
    uint8_t seed[32];
    char *passphrase = NULL;
    const bool has_one = enrolling->wants_passphrase || enrolling->passphrase_file != NULL || enrolling->passphrase_fd != NULL;
    enum kr_err err = kr_enrolled_new(&enrolling->enrolled, error);
    if (err == KR_OK && has_one &&
        !kr_app_passphrase(enrolling->app, enrolling->passphrase_file, enrolling->passphrase_fd,
                           _("New passphrase of this machine's enrolment: "), _("Once more: "), &passphrase)) {
        return KR_CANCELLED;
    }
    if (err == KR_OK) {
        err = kr_lock_make(&enrolling->enrolled->lock, passphrase, KR_KEYRING_OPSLIMIT, KR_KEYRING_MEMORY_KIB, error);
    }
    kr_secret_free(passphrase);
    if (err == KR_OK) {
        randombytes_buf(seed, sizeof seed);
        kr_box_keypair(enrolling->enrolled->public_key, enrolling->enrolled->secret, seed);
        sodium_memzero(seed, sizeof seed);
    }
    return err;
}

/* On the disk before the node hears of it: a key that it knows is never lost. */
static bool begin(struct enrolling *enrolling, const uint8_t node_key[static 32])
{
    struct kr_error error = {0};
    enum kr_err err = take_up(enrolling, &error);
    if (err == KR_NOT_FOUND) {
        error = (struct kr_error){0};
        err = make_keys(enrolling, &error);
    }
    if (err == KR_OK) {
        struct kr_enrolled *enrolled = enrolling->enrolled;
        memcpy(enrolled->council, enrolling->ticket.council, 32);
        memcpy(enrolled->transport_public, enrolling->way.transport, 32);
        memcpy(enrolled->node_public, node_key, 32);
        memcpy(enrolled->endpoint, enrolling->way.endpoint, sizeof enrolled->endpoint);
        (void)snprintf(enrolled->name, sizeof enrolled->name, "%s", kr_conn_name(enrolling->app->conn));
        enrolled->enrolled_s = (uint64_t)time(NULL);
        err = kr_enrolled_write(enrolled, enrolling->path, enrolling->was_begun, &error);
    }
    if (err != KR_OK && err != KR_CANCELLED) {
        (void)kr_app_tell(enrolling->app, err, &error);
    }
    return err == KR_OK;
}

static enum kr_err give_key(struct enrolling *enrolling, struct kr_slice *ret_result, struct kr_error *error)
{
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, enrolling->enrolled->public_key, 32);
    enum kr_err err = kr_writer_finish(&args);
    if (err == KR_OK) {
        err = kr_conn_call(enrolling->app->conn, KR_OP_ENROL, (struct kr_slice){args.bytes, args.len}, KR_ANSWER_MS, NULL, NULL,
                           ret_result, error);
    }
    kr_writer_deinit(&args);
    return err;
}

/* What an earlier try has left may have been enrolled by another ticket, and unbound since: such a key never comes back. */
static enum kr_err change_key(struct enrolling *enrolling, struct kr_error *error)
{
    uint8_t seed[32];
    *error = (struct kr_error){0};
    randombytes_buf(seed, sizeof seed);
    kr_box_keypair(enrolling->enrolled->public_key, enrolling->enrolled->secret, seed);
    sodium_memzero(seed, sizeof seed);
    enum kr_err err = kr_enrolled_write(enrolling->enrolled, enrolling->path, true, error);
    enrolling->was_begun = enrolling->was_begun && err != KR_OK;
    if (err == KR_OK) {
        (void)fputs(_("The node takes the key that an earlier try has left no more: this machine has a new one.\n"), stderr);
    }
    return err;
}

static bool hand_over(struct enrolling *enrolling, char ret_person[static KR_NAME_BYTES_MAX + 1])
{
    struct kr_error error = {0};
    struct kr_enrol_done done;
    struct kr_slice result;
    enum kr_err err = give_key(enrolling, &result, &error);
    if (err == KR_KEY && enrolling->was_begun) {
        err = change_key(enrolling, &error);
        err = err == KR_OK ? give_key(enrolling, &result, &error) : err;
    }
    if (err == KR_OK &&
        (kr_enrol_done_read(result, &done) != KR_OK || !kr_slice_text(done.name, ret_person, KR_NAME_BYTES_MAX + 1))) {
        err = kr_fail(&error, KR_MALFORMED, "the node's answer cannot be read");
    }
    if (err != KR_OK) {
        const bool may_be_done = err == KR_CLOSED || err == KR_TIMEOUT || err == KR_IO || err == KR_MALFORMED;
        (void)kr_app_tell(enrolling->app, err, &error);
        if (!may_be_done && !enrolling->was_begun) {
            (void)unlink(enrolling->path); /* a key that nobody knows */
        } else if (may_be_done) {
            (void)fputs(_("Whether the node has taken this machine's key is not known: run the same command again.\n"), stderr);
        }
        return false;
    }
    memcpy(enrolling->enrolled->person, done.person, 32);
    err = kr_enrolled_write(enrolling->enrolled, enrolling->path, true, &error);
    if (err != KR_OK) {
        (void)kr_app_tell(enrolling->app, err, &error);
    }
    return err == KR_OK;
}

/* With the machine's own key, as every command will. */
static bool try_it(struct enrolling *enrolling)
{
    struct kr_app *app = enrolling->app;
    struct kr_error error = {0};
    struct kr_slice result;
    kr_conn_free(app->conn);
    app->conn = NULL;
    app->enrolled = enrolling->enrolled;
    app->has_chosen = true;
    (void)snprintf(app->afar, sizeof app->afar, "%s", enrolling->chosen);
    (void)snprintf(app->enrolled_path, sizeof app->enrolled_path, "%s", enrolling->path);
    enum kr_err err = kr_app_connect(app, &app->conn, &error);
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
        return false;
    }
    return kr_app_ask(app, KR_OP_WHOAMI, KR_ANSWER_MS, NULL, NULL, &result) == KR_OK;
}

static int tell_enrolled(const struct enrolling *enrolling, const char *person)
{
    const struct kr_enrolled *enrolled = enrolling->enrolled;
    char node[KR_FINGERPRINT_BYTES], machine[KR_FINGERPRINT_BYTES];
    if (enrolling->app->is_json) {
        return kr_json_line(json_pack("{s:s, s:o, s:s, s:o, s:s, s:o, s:o, s:s, s:b}", "node", enrolling->chosen, "council",
                                      kr_json_id(enrolled->council, 32), "council_name", enrolled->name, "person",
                                      kr_json_id(enrolled->person, 32), "person_name", person, "node_key",
                                      kr_json_id(enrolled->node_public, 32), "machine", kr_json_id(enrolled->public_key, 32),
                                      "file", enrolling->path, "protected", enrolled->lock.is_protected))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    kr_fingerprint(node, enrolled->node_public);
    kr_fingerprint(machine, enrolled->public_key);
    (void)fputs(_("This machine is enrolled.\n  you are:           "), stdout);
    kr_out_string(stdout, person);
    (void)fputs(_("\n  council:           "), stdout);
    kr_out_string(stdout, enrolled->name);
    (void)printf(_("\n  the node's key:    %s\n  this machine's:    %s\n  kept in:           %s\n"), node, machine,
                 enrolling->path);
    (void)fputs(enrolled->lock.is_protected ? "" : _("That file is not under a passphrase: whoever has it is you.\n"), stdout);
    (void)printf(_("From here on: kairan --node %s COMMAND\n"), enrolling->chosen);
    return KR_EXIT_DONE;
}

int kr_run_enrol(struct kr_app *app, int argc, char **argv)
{
    static struct enrolling enrolling; /* paths: not on the stack */
    const struct kr_option options[] = {{.name = "name", .text = &enrolling.name},
                                        {.name = "via", .text = &enrolling.via},
                                        {.name = "passphrase", .flag = &enrolling.wants_passphrase},
                                        {.name = "passphrase-file", .text = &enrolling.passphrase_file},
                                        {.name = "passphrase-fd", .text = &enrolling.passphrase_fd}};
    char person[KR_NAME_BYTES_MAX + 1];
    uint8_t node_key[32];
    int rest;
    enrolling = (struct enrolling){.app = app};
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 3 == argc && strcmp(argv[rest], "via") == 0) {
        return kr_enrol_via(app, argv[rest + 1], argv[rest + 2]);
    }
    if (rest + 1 != argc) {
        return rest < argc
                   ? kr_app_unwanted(app, argv[rest + 1])
                   : kr_app_fail(app, KR_INVALID, _("which ticket? kairan enrol TICKET; an admin of the council makes one"));
    }
    if (strcmp(argv[rest], "ls") == 0) {
        return kr_enrol_list(app);
    }
    if (kr_crypto_init() != KR_OK) {
        return kr_app_fail(app, KR_SYSTEM, "%s", _(kr_err_text(KR_SYSTEM)));
    }
    const bool is_done = take_ticket(&enrolling, argv[rest]) && reach(&enrolling, node_key) && choose_name(&enrolling) &&
                         begin(&enrolling, node_key) && hand_over(&enrolling, person) && try_it(&enrolling);
    sodium_memzero(&enrolling.ticket, sizeof enrolling.ticket);
    if (!is_done && app->enrolled == NULL) {
        kr_secret_free(enrolling.enrolled);
    }
    return is_done ? tell_enrolled(&enrolling, person) : KR_EXIT_ERROR;
}
