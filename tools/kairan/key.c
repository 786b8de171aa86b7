/* kairan key: a person's own key, its body's key, and to whom one can seal something. Secret halves are made here and stay here. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "proto/wire/address.h"
#include "tools/kairan/addressed.h"
#include "tools/kairan/out.h"
#include "tools/kairan/people.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/request.h"
#include "tools/kairan/root_key.h"
#include "tools/kairan/sealed.h"

struct given {
    bool is_lost, is_sure, wants_passphrase;
    const char *passphrase_file, *passphrase_fd; /* of the new one */
};

/* Whether the caller is somebody whose keys these could be. */
static bool is_person(const struct kr_app *app, const struct kr_sealed *sealed)
{
    if (!sealed->is_person) {
        (void)kr_app_fail(app, KR_DENIED, _("keys are persons', and you are no person of this council; see kairan whoami"));
    }
    return sealed->is_person;
}

static bool is_agreed(const struct kr_app *app, const struct given *given, const char *question)
{
    if (given->is_sure) {
        return true;
    }
    if (!kr_has_terminal()) {
        (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        return false;
    }
    if (!kr_ask_about(question)) {
        (void)fputs(_("Nothing was changed.\n"), stderr);
        return false;
    }
    return true;
}

/* ---- a person's own ---- */

static bool publish(struct kr_app *app, const uint8_t key[static 32])
{
    return kr_app_ask_about(app, KR_OP_PERSON_KEY, key, 32, NULL, NULL, NULL) == KR_OK;
}

static bool tell_own(const struct kr_app *app, const struct kr_sealed *sealed, const char *done)
{
    char fingerprint[KR_FINGERPRINT_BYTES];
    const struct kr_person_keys *own = sealed->own;
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:o, s:s, s:b, s:b, s:i, s:s}", "person", kr_json_id(sealed->person, 32), "key",
                                      own->count > 0 ? kr_json_id(own->pairs[0].public_key, 32) : json_null(), "file", own->path,
                                      "protected", own->lock.is_protected, "published", own->count > 0 && sealed->is_own_published,
                                      "before", own->count > 0 ? (int)own->count - 1 : 0, "done", done));
    }
    if (own->count == 0) {
        (void)printf(_("You have no key on this machine: kairan key person make makes one.\n"));
        return true;
    }
    kr_fingerprint(fingerprint, own->pairs[0].public_key);
    (void)printf(_("your key: %s\n  its secret half is in %s: keep a copy where nobody else reads it\n"), fingerprint, own->path);
    (void)fputs(own->lock.is_protected ? _("  it is under a passphrase\n")
                                       : _("  it is not under a passphrase: whoever has the file reads what was sealed to you. "
                                           "kairan key person passphrase\n"),
                stdout);
    if (!sealed->is_own_published) {
        (void)printf(_("  it is NOT the one on your card: what is sealed to you now, opens elsewhere. kairan key person make "
                       "--lost replaces that\n"));
    }
    return true;
}

static bool has_key_elsewhere(const struct kr_sealed *sealed)
{
    for (uint32_t i = 0; i < sealed->person_count; i++) {
        if (memcmp(sealed->persons[i].id, sealed->person, 32) == 0) {
            return sealed->persons[i].has_key;
        }
    }
    return false;
}

/* Asks for the new one; what is held is under it from then on. Tells failures. */
static bool take_passphrase(const struct kr_app *app, const struct given *given, struct kr_person_keys *own)
{
    struct kr_error error = {0};
    char *passphrase = NULL;
    if (!kr_app_passphrase(app, given->passphrase_file, given->passphrase_fd, _("New passphrase of your own key: "),
                           _("Once more: "), &passphrase)) {
        return false;
    }
    enum kr_err err = kr_person_keys_set_passphrase(own, passphrase, &error);
    kr_secret_free(passphrase);
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
    }
    return err == KR_OK;
}

/* Another passphrase, or one where there was none. The keys stay as they are. */
static bool change_passphrase(const struct kr_app *app, const struct given *given, const struct kr_sealed *sealed)
{
    struct kr_error error = {0};
    if (sealed->own->count == 0) {
        (void)kr_app_fail(app, KR_NOT_FOUND, _("you have no key on this machine: kairan key person make"));
        return false;
    }
    if (!take_passphrase(app, given, sealed->own)) {
        return false;
    }
    enum kr_err err = kr_person_keys_write(sealed->council, sealed->own, &error);
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
    }
    return err == KR_OK;
}

/* The file is there before the node hears of the key: what comes sealed to it can always be opened. */
static bool make_own(struct kr_app *app, const struct given *given, struct kr_sealed *sealed)
{
    struct kr_error error = {0};
    const bool has_one = has_key_elsewhere(sealed);
    const bool is_half_done = sealed->own->count > 0 && !has_one; /* made, and the node did not hear of it */
    if (has_one && !given->is_lost) {
        (void)kr_app_fail(
            app, KR_EXISTS,
            sealed->is_own_published
                ? _("you have a key; to replace it, add --lost: then whoever holds your body's key has to replace that, too")
                : _("you have a key, on another machine or in another file: copy %s from there, or, if it is lost, add --lost"),
            sealed->own->path);
        return false;
    }
    if (given->wants_passphrase && !take_passphrase(app, given, sealed->own)) {
        return false;
    }
    enum kr_err err = !is_half_done             ? kr_person_keys_add(sealed->council, sealed->own, (uint64_t)time(NULL), &error)
                      : given->wants_passphrase ? kr_person_keys_write(sealed->council, sealed->own, &error)
                                                : KR_OK;
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
        return false;
    }
    if (!publish(app, sealed->own->pairs[0].public_key)) {
        return false;
    }
    sealed->is_own_published = true;
    return true;
}

static int run_person(struct kr_app *app, const char *action, const struct given *given)
{
    const bool makes = strcmp(action, "make") == 0, locks = strcmp(action, "passphrase") == 0;
    if ((!makes && !locks && strcmp(action, "show") != 0) || (given->wants_passphrase && !makes && !locks)) {
        return kr_app_unwanted(app, action);
    }
    struct kr_sealed *sealed = kr_app_open(app) ? kr_sealed_new(app, true, false) : NULL;
    bool is_fine = sealed != NULL && is_person(app, sealed) && (!makes || make_own(app, given, sealed)) &&
                   (!locks || change_passphrase(app, given, sealed));
    is_fine = is_fine && tell_own(app, sealed, makes ? "made" : locks ? "locked" : "shown");
    if (is_fine && makes && !app->is_json && sealed->has_body_key) {
        (void)printf(_("Your body has a key: somebody who holds it gives it to you with kairan key body share.\n"));
    } else if (is_fine && makes && !app->is_json) {
        (void)printf(_("Your body has no key yet: kairan key body make makes one.\n"));
    }
    kr_sealed_free(sealed);
    return is_fine ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* ---- the body's ---- */

static bool tell_body(const struct kr_app *app, const struct kr_sealed *sealed, const char *done)
{
    char fingerprint[KR_FINGERPRINT_BYTES];
    uint32_t holders = 0;
    for (uint32_t i = 0; i < sealed->person_count; i++) {
        holders += sealed->persons[i].holds;
    }
    if (app->is_json) {
        json_t *persons = json_array();
        for (uint32_t i = 0; i < sealed->person_count; i++) {
            const struct kr_sealed_person *person = &sealed->persons[i];
            (void)json_array_append_new(persons, json_pack("{s:o, s:s, s:s, s:o, s:b}", "person", kr_json_id(person->id, 32),
                                                           "name", person->name, "state", kr_person_state_word(person->state),
                                                           "key", person->has_key ? kr_json_id(person->key, 32) : json_null(),
                                                           "holds", person->holds));
        }
        return kr_json_line(json_pack(
            "{s:o, s:s, s:o, s:b, s:i, s:b, s:o, s:s}", "body", kr_json_id(sealed->body, 32), "name", sealed->body_name, "key",
            sealed->has_body_key ? kr_json_id(sealed->body_key, 32) : json_null(), "held", sealed->body_pair != NULL, "holders",
            (int)holders, "rotation_due", sealed->is_rotation_due, "persons", persons, "done", done));
    }
    kr_out_string(stdout, sealed->body_name);
    if (!sealed->has_body_key) {
        (void)printf(_(": has no key yet; kairan key body make makes one\n"));
        return true;
    }
    kr_fingerprint(fingerprint, sealed->body_key);
    (void)printf(": %s\n", fingerprint);
    for (uint32_t i = 0; i < sealed->person_count; i++) {
        const struct kr_sealed_person *person = &sealed->persons[i];
        if (!person->holds && !(person->has_key && person->state == KR_PERSON_STATE_ACTIVE)) {
            continue;
        }
        (void)fputs("  ", stdout);
        kr_out_string(stdout, person->name);
        (void)printf(", %s: %s\n", kr_person_state_text(person->state), person->holds ? _("holds it") : _("has not got it yet"));
    }
    if (sealed->is_rotation_due) {
        (void)printf(_("  Somebody who had it is here no more, or has another key now: kairan key body rotate\n"));
    }
    if (holders < 2) {
        (void)printf(_("  Held by fewer than two: if that key is lost, what was sealed to the body is lost with it\n"));
    }
    return true;
}

struct handing {
    struct kr_body_key_act act;
    uint8_t slots[KR_BODY_PERSONS_MAX][KR_SLOT_BYTES], before[KR_SLOT_BYTES];
};

static bool seal_copy(struct handing *handing, const struct kr_sealed_person *person, const uint8_t secret[static 32])
{
    struct kr_body_key_act *act = &handing->act;
    uint8_t seed[32], *slot = handing->slots[act->copy_count];
    randombytes_buf(seed, sizeof seed);
    const bool is_sealed = kr_slot_seal(slot, secret, person->key, seed) == KR_OK;
    sodium_memzero(seed, sizeof seed);
    if (is_sealed) {
        act->copies[act->copy_count++] = (struct kr_body_key_copy){{person->id, 32}, {person->key, 32}, {slot, KR_SLOT_BYTES}};
    }
    return is_sealed;
}

static bool is_self(const struct kr_sealed *sealed, const struct kr_sealed_person *person)
{
    return memcmp(person->id, sealed->person, 32) == 0;
}

static bool is_meant(const struct kr_sealed *sealed, const struct kr_sealed_person *person, uint32_t action)
{
    const bool can_have = person->has_key && person->state == KR_PERSON_STATE_ACTIVE;
    switch (action) {
    case KR_BODY_KEY_MAKE:
        return is_self(sealed, person) && can_have;
    case KR_BODY_KEY_SHARE:
        return can_have && !person->holds;
    default: /* whoever stays */
        return can_have && (person->holds || is_self(sealed, person));
    }
}

static uint32_t show_meant(const struct kr_sealed *sealed, uint32_t action)
{
    char fingerprint[KR_FINGERPRINT_BYTES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < sealed->person_count; i++) {
        const struct kr_sealed_person *person = &sealed->persons[i];
        if (!is_meant(sealed, person, action)) {
            continue;
        }
        if (count++ == 0) {
            (void)fputs(action == KR_BODY_KEY_SHARE
                            ? _("These persons get the key of your body, and can then read all that it was ever sent:\n")
                            : _("These persons have the new key of your body:\n"),
                        stderr);
        }
        kr_fingerprint(fingerprint, person->key);
        (void)fputs("  ", stderr);
        kr_out_string(stderr, person->name);
        (void)fprintf(stderr, "  %s\n", fingerprint);
    }
    return count;
}

/* Every copy is sealed here; the node gets slots. */
static bool hand_over(struct kr_app *app, const struct kr_sealed *sealed, uint32_t action, const struct kr_box_pair *key)
{
    struct handing *handing = calloc(1, sizeof *handing);
    struct kr_writer args;
    uint8_t seed[32];
    bool is_fine = handing != NULL;
    kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX);
    if (is_fine) {
        handing->act.action = action;
        memcpy(handing->act.key, key->public_key, 32);
    }
    if (is_fine && action == KR_BODY_KEY_ROTATE) {
        randombytes_buf(seed, sizeof seed);
        is_fine = kr_slot_seal(handing->before, sealed->body_pair->secret, key->public_key, seed) == KR_OK;
        handing->act.before = (struct kr_slice){handing->before, sizeof handing->before};
    }
    for (uint32_t i = 0; i < sealed->person_count && is_fine; i++) {
        is_fine = !is_meant(sealed, &sealed->persons[i], action) || seal_copy(handing, &sealed->persons[i], key->secret);
    }
    if (!is_fine) {
        (void)kr_app_tell(app, handing == NULL ? KR_NOMEM : KR_KEY, &(struct kr_error){.text = ""});
    } else {
        kr_body_key_act_write(&handing->act, &args);
        is_fine = kr_app_call(app, KR_OP_BODY_KEY, &args, KR_ANSWER_MS, NULL, NULL, NULL) == KR_OK;
    }
    sodium_memzero(seed, sizeof seed);
    kr_writer_deinit(&args);
    free(handing);
    return is_fine;
}

static bool hand_over_new(struct kr_app *app, const struct kr_sealed *sealed, uint32_t action)
{
    struct kr_error error = {0};
    void *memory = NULL;
    enum kr_err err = kr_secret_new(sizeof(struct kr_box_pair), &memory, &error);
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
        return false;
    }
    struct kr_box_pair *key = memory;
    (void)crypto_box_keypair(key->public_key, key->secret);
    const bool is_fine = hand_over(app, sealed, action, key);
    kr_secret_free(memory);
    return is_fine;
}

/* Why not; told. */
static bool may_act(const struct kr_app *app, const struct given *given, const struct kr_sealed *sealed, uint32_t action)
{
    if (sealed->own->count == 0 || !sealed->is_own_published) {
        (void)kr_app_fail(app, KR_NOT_FOUND, _("first make your own key, on this machine: kairan key person make"));
        return false;
    }
    if (action == KR_BODY_KEY_MAKE && sealed->has_body_key && !given->is_lost) {
        (void)kr_app_fail(
            app, KR_EXISTS,
            _("your body has a key. If nobody holds it any more, add --lost: what was sealed to the body before can then be read "
              "by nobody, ever"));
        return false;
    }
    if (action != KR_BODY_KEY_MAKE && sealed->body_pair == NULL) {
        (void)kr_app_fail(
            app, KR_DENIED,
            _("you do not hold the key of your body: whoever does, shares it with kairan key body share; if nobody does, "
              "kairan key body make --lost makes another one"));
        return false;
    }
    return true;
}

/* Those who get it, as one seals something to them otherwise, some at a time: their keys are the ones of before, or are kept for
 * the next time. */
static bool each_meant(const struct kr_app *app, const struct kr_sealed *sealed, uint32_t action, bool keeps)
{
    static struct kr_addressed_list list;
    bool is_fine = true;
    list.count = 0;
    for (uint32_t i = 0; i < sealed->person_count && is_fine; i++) {
        const struct kr_sealed_person *person = &sealed->persons[i];
        if (is_meant(sealed, person, action) && !is_self(sealed, person)) {
            struct kr_addressed *one = &list.items[list.count];
            *one = (struct kr_addressed){.sort = KR_ADDRESSED_PERSON};
            memcpy(one->council, sealed->council, 32);
            memcpy(one->id, person->id, 32);
            memcpy(one->key, person->key, 32);
            memcpy(list.names[list.count++], person->name, sizeof person->name);
        }
        if (list.count == KR_ADDRESSED_MAX || (i + 1 == sealed->person_count && list.count > 0)) {
            is_fine = keeps ? kr_addressed_keep(app, &list) : kr_addressed_know(app, NULL, &list);
            list.count = 0;
        }
    }
    return is_fine;
}

static int act_on_body(struct kr_app *app, const struct given *given, const struct kr_sealed *sealed, uint32_t action)
{
    if (!may_act(app, given, sealed, action) || !each_meant(app, sealed, action, false)) {
        return KR_EXIT_ERROR;
    }
    if (show_meant(sealed, action) == 0) {
        (void)fputs(_("Everybody of your body who has a key holds it already.\n"), stderr);
        return KR_EXIT_NONE;
    }
    if (action != KR_BODY_KEY_MAKE &&
        !is_agreed(app, given, action == KR_BODY_KEY_SHARE ? _("Do you know them all? [y/N] ") : _("Replace it? [y/N] "))) {
        return KR_EXIT_ERROR;
    }
    if (!each_meant(app, sealed, action, true)) {
        return KR_EXIT_ERROR;
    }
    const bool is_done =
        action == KR_BODY_KEY_SHARE ? hand_over(app, sealed, action, sealed->body_pair) : hand_over_new(app, sealed, action);
    if (!is_done) {
        return KR_EXIT_ERROR;
    }
    static const char *const done[] = {
        [KR_BODY_KEY_MAKE] = "made", [KR_BODY_KEY_SHARE] = "shared", [KR_BODY_KEY_ROTATE] = "rotated"};
    struct kr_sealed *now = kr_sealed_new(app, true, false);
    const bool is_fine = now != NULL && tell_body(app, now, done[action]);
    kr_sealed_free(now);
    return is_fine ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

static int run_body(struct kr_app *app, const char *action, const struct given *given)
{
    const uint32_t act = strcmp(action, "make") == 0     ? KR_BODY_KEY_MAKE
                         : strcmp(action, "share") == 0  ? KR_BODY_KEY_SHARE
                         : strcmp(action, "rotate") == 0 ? KR_BODY_KEY_ROTATE
                                                         : 0;
    if (act == 0 && strcmp(action, "show") != 0) {
        return kr_app_unwanted(app, action);
    }
    struct kr_sealed *sealed = kr_app_open(app) ? kr_sealed_new(app, true, false) : NULL;
    int status = KR_EXIT_ERROR;
    if (sealed != NULL && is_person(app, sealed)) {
        status = act != 0 ? act_on_body(app, given, sealed, act) : tell_body(app, sealed, "shown") ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    kr_sealed_free(sealed);
    return status;
}

/* ---- whom one can seal something to ---- */

struct listing {
    const struct kr_app *app;
    uint32_t count;
};

static enum kr_err list_one(void *context, struct kr_slice bytes)
{
    struct listing *listing = context;
    struct kr_addressee one;
    char fingerprint[KR_FINGERPRINT_BYTES];
    enum kr_err err = kr_addressee_read(bytes, &one);
    if (err != KR_OK) {
        return err;
    }
    const char *sort = one.sort == KR_ADDRESSED_BODY ? "body" : "person";
    const struct kr_slice name = kr_people_body_name(&(struct kr_body_card){.name_ja = one.name_ja, .name_en = one.name_en});
    const struct kr_slice body =
        kr_people_body_name(&(struct kr_body_card){.name_ja = one.body_name_ja, .name_en = one.body_name_en});
    listing->count++;
    if (listing->app->is_json) {
        return kr_json_line(json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "sort", sort, "id", kr_json_id(one.id, 32), "name",
                                      kr_json_slice(name), "body_name",
                                      one.sort == KR_ADDRESSED_BODY ? json_null() : kr_json_slice(body), "key",
                                      kr_json_id(one.key, 32), "since", kr_json_time(one.key_since_s * 1000)))
                   ? KR_OK
                   : KR_IO;
    }
    kr_fingerprint(fingerprint, one.key);
    kr_out_id(stdout, one.id, 16);
    (void)printf("  %s  ", one.sort == KR_ADDRESSED_BODY ? _("body") : _("person"));
    kr_out_padded(stdout, name, 20);
    (void)printf("  %s  ", fingerprint);
    kr_out_text(stdout, body, false);
    (void)fputc('\n', stdout);
    return KR_OK;
}

static int run_ls(struct kr_app *app)
{
    struct listing listing = {.app = app};
    if (kr_app_ask(app, KR_OP_ADDRESSEES, KR_ANSWER_MS, list_one, &listing, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (listing.count == 0 && !app->is_json) {
        (void)fputs(_("Nobody of this council has a key yet: kairan key person make makes one's own.\n"), stdout);
    }
    return listing.count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* ---- a key that was compared ---- */

/* From now on that key is the one of that body or person: the user says so. */
static int run_trust(struct kr_app *app, const char *sort, const char *name, const struct given *given)
{
    static struct kr_addressed_list list;
    const bool is_body = strcmp(sort, "body") == 0;
    struct kr_texts named = {.count = 1, .items = {name}}, none = {.count = 0};
    if (!is_body && strcmp(sort, "person") != 0) {
        return kr_app_unwanted(app, sort);
    }
    if (!kr_app_open(app) || !kr_addressed_find(app, is_body ? KR_TLP_AMBER_STRICT : KR_TLP_RED, is_body ? &named : &none,
                                                is_body ? &none : &named, &list)) {
        return KR_EXIT_ERROR;
    }
    kr_addressed_print(stderr, &list);
    if (!is_agreed(app, given, _("Are these the digits that they read out to you? [y/N] ")) || !kr_addressed_keep(app, &list)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s, s:o, s:o}", "sort", sort, "id", kr_json_id(list.items[0].id, 32), "key",
                                      kr_json_id(list.items[0].key, 32)))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)fputs(_("It is the key that you seal to from now on; another one would be told.\n"), stdout);
    return KR_EXIT_DONE;
}

/* ---- addresses ---- */

static bool print_address(const struct kr_app *app, uint32_t sort, const struct kr_sealed *sealed, const uint8_t id[static 32],
                          const uint8_t key[static 32])
{
    struct kr_addressed address = {.sort = sort};
    char text[KR_ADDRESS_TEXT_BYTES_MAX];
    memcpy(address.council, sealed->council, 32);
    memcpy(address.id, id, 32);
    memcpy(address.key, key, 32);
    if (kr_address_print(&address, text, sizeof text) != KR_OK) {
        return false;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s, s:s}", "sort", sort == KR_ADDRESSED_BODY ? "body" : "person", "address", text));
    }
    (void)printf("%s\n", text);
    return true;
}

static int run_address(struct kr_app *app, const char *what)
{
    const bool is_body = strcmp(what, "body") == 0;
    if (!is_body && strcmp(what, "person") != 0) {
        return kr_app_unwanted(app, what);
    }
    struct kr_sealed *sealed = kr_app_open(app) ? kr_sealed_new(app, true, false) : NULL;
    bool is_fine = sealed != NULL && is_person(app, sealed);
    if (is_fine && (is_body ? !sealed->has_body_key : sealed->own->count == 0)) {
        (void)kr_app_fail(app, KR_NOT_FOUND,
                          is_body ? _("your body has no key yet: kairan key body make")
                                  : _("you have no key on this machine: kairan key person make"));
        is_fine = false;
    }
    is_fine =
        is_fine && (is_body ? print_address(app, KR_ADDRESSED_BODY, sealed, sealed->body, sealed->body_key)
                            : print_address(app, KR_ADDRESSED_PERSON, sealed, sealed->person, sealed->own->pairs[0].public_key));
    kr_sealed_free(sealed);
    return is_fine ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

int kr_run_key(struct kr_app *app, int argc, char **argv)
{
    struct given given = {.is_lost = false};
    const struct kr_option options[] = {{.name = "lost", .flag = &given.is_lost},
                                        {.name = "passphrase", .flag = &given.wants_passphrase},
                                        {.name = "new-passphrase-file", .text = &given.passphrase_file},
                                        {.name = "new-passphrase-fd", .text = &given.passphrase_fd},
                                        {.name = "yes", .letter = 'y', .flag = &given.is_sure}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    const char *what = rest < argc ? argv[rest] : "ls", *action = rest + 1 < argc ? argv[rest + 1] : NULL;
    if (strcmp(what, "trust") == 0 && action != NULL && rest + 3 == argc) {
        return run_trust(app, action, argv[rest + 2], &given);
    }
    if (rest + 2 < argc) {
        return kr_app_unwanted(app, argv[rest + 2]);
    }
    given.wants_passphrase = given.wants_passphrase || given.passphrase_file != NULL || given.passphrase_fd != NULL;
    if (given.wants_passphrase && strcmp(what, "person") != 0) {
        return kr_app_unwanted(app, what);
    }
    if (strcmp(what, "person") == 0) {
        return run_person(app, action != NULL ? action : "show", &given);
    }
    if (strcmp(what, "body") == 0) {
        return run_body(app, action != NULL ? action : "show", &given);
    }
    if (strcmp(what, "address") == 0) {
        return run_address(app, action != NULL ? action : "person");
    }
    return strcmp(what, "ls") == 0 && action == NULL ? run_ls(app) : kr_app_unwanted(app, action != NULL ? action : what);
}
