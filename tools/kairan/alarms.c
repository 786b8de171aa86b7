/* Councils that signed two statements of one version, tickets that two machines used: listed, proved, settled. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"

/* ---- list ---- */

struct listing {
    const struct kr_app *app;
    uint64_t count, of_tickets;
};

static json_t *json_record(struct kr_slice record)
{
    char *hex = malloc(record.len * 2 + 1);
    if (hex == NULL) {
        return NULL;
    }
    json_t *text = json_string(sodium_bin2hex(hex, record.len * 2 + 1, record.bytes, record.len));
    free(hex);
    return text;
}

static const char *const sort_names[] = {"two statements", "re-keyed twice", "root key", "ticket", "invitation", "dated back"};

static enum kr_err alarm_json(const struct kr_alarm *alarm, const struct kr_header *header)
{
    return kr_json_line(json_pack("{s:s, s:o, s:o, s:s, s:I, s:o, s:b, s:o, s:o}", "alarm", sort_names[alarm->sort], "council",
                                  kr_json_id(alarm->council, 32), "name", kr_json_slice(alarm->name), "kind",
                                  kr_kind_name(header->kind), "version", (json_int_t)header->version, "noted",
                                  kr_json_time(alarm->noted_ms), "settled", alarm->is_settled, "first",
                                  json_record(alarm->records[0]), "second", json_record(alarm->records[1])))
               ? KR_OK
               : KR_IO;
}

/* A linked council has another root key, and nobody here has asked it yet. */
static enum kr_err show_root(const struct listing *listing, const struct kr_alarm *alarm)
{
    if (listing->app->is_json) {
        return kr_json_line(json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "alarm", "root key", "council",
                                      kr_json_id(alarm->council, 32), "name", kr_json_slice(alarm->name), "noted",
                                      kr_json_time(alarm->noted_ms), "settled", 0, "root_key",
                                      kr_json_id(alarm->records[0].bytes, 32), "before", kr_json_id(alarm->records[1].bytes, 32)))
                   ? KR_OK
                   : KR_IO;
    }
    kr_out_style(stdout, KR_STYLE_RED);
    kr_out_text(stdout, alarm->name, false);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)fputs(_(": its root key was replaced by its recovery key. Nothing but TLP:CLEAR goes over the link\n    "), stdout);
    kr_out_time(stdout, alarm->noted_ms / 1000);
    (void)fputs(_(", the new root key begins with: "), stdout);
    kr_out_digits(stdout, alarm->records[0].bytes);
    (void)fputs(_("\n    Call it, let it read these digits out, then: kairan peer confirm-root COUNCIL\n"), stdout);
    return KR_OK;
}

/* Two machines came with one ticket, each to another of our nodes. */
static enum kr_err show_ticket(const struct listing *listing, const struct kr_alarm *alarm)
{
    if (listing->app->is_json) {
        return kr_json_line(json_pack(
                   "{s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "alarm", "ticket used twice", "council", kr_json_id(alarm->council, 32),
                   "name", kr_json_slice(alarm->name), "noted", kr_json_time(alarm->noted_ms), "settled", alarm->is_settled,
                   "machine", kr_json_id(alarm->records[0].bytes, 32), "taken_off", kr_json_id(alarm->records[1].bytes, 32)))
                   ? KR_OK
                   : KR_IO;
    }
    kr_out_style(stdout, alarm->is_settled ? KR_STYLE_NONE : KR_STYLE_RED);
    kr_out_text(stdout, alarm->name, false);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)fputs(_(": one ticket was used by two machines, at two nodes of this council\n    "), stdout);
    kr_out_time(stdout, alarm->noted_ms / 1000);
    (void)fputs(_(", first came the machine "), stdout);
    kr_out_id(stdout, alarm->records[0].bytes, 16);
    (void)fputs(_("; taken off is "), stdout);
    kr_out_id(stdout, alarm->records[1].bytes, 16);
    (void)fputs(alarm->is_settled ? _(", settled\n") : "\n", stdout);
    (void)fputs(
        _("    Ask that person by telephone which machine is his own: the other one's holder had the ticket. Where the wrong one "
          "was first: kairan\n    person unbind, a new ticket, and look what that machine did (kairan audit)\n"),
        stdout);
    return KR_OK;
}

/* Two councils came with one invitation, likewise. */
static enum kr_err show_invitation(const struct listing *listing, const struct kr_alarm *alarm)
{
    if (listing->app->is_json) {
        return kr_json_line(json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "alarm", "invitation used twice", "council",
                                      kr_json_id(alarm->council, 32), "name", kr_json_slice(alarm->name), "noted",
                                      kr_json_time(alarm->noted_ms), "settled", alarm->is_settled, "first",
                                      kr_json_id(alarm->records[0].bytes, 32), "second", kr_json_id(alarm->records[1].bytes, 32)))
                   ? KR_OK
                   : KR_IO;
    }
    kr_out_style(stdout, alarm->is_settled ? KR_STYLE_NONE : KR_STYLE_RED);
    kr_out_text(stdout, alarm->name, false);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)fputs(_(": used an invitation of ours that another council had used before it, at another node of ours\n    "), stdout);
    kr_out_time(stdout, alarm->noted_ms / 1000);
    (void)fputs(_(", first came the council "), stdout);
    kr_out_id(stdout, alarm->records[0].bytes, 16);
    (void)fputs(alarm->is_settled ? _(", settled\n") : "\n", stdout);
    (void)fputs(_("    Whom did you invite? The other one had the ticket: kairan peer remove, and telephone whom you meant\n"),
                stdout);
    return KR_OK;
}

static enum kr_err show_alarm(void *context, struct kr_slice item)
{
    struct listing *listing = context;
    struct kr_alarm alarm;
    struct kr_header header;
    enum kr_err err = kr_alarm_read(item, &alarm);
    if (err == KR_OK && alarm.sort == KR_ALARM_ROOT) {
        listing->count++;
        return show_root(listing, &alarm);
    }
    if (err == KR_OK && (alarm.sort == KR_ALARM_TICKET || alarm.sort == KR_ALARM_INVITATION)) {
        listing->count++;
        listing->of_tickets++;
        return alarm.sort == KR_ALARM_TICKET ? show_ticket(listing, &alarm) : show_invitation(listing, &alarm);
    }
    if (err == KR_OK) {
        err = kr_alarm_check(alarm.records, &header);
    }
    if (err != KR_OK) {
        return err;
    }
    listing->count++;
    if (listing->app->is_json) {
        return alarm_json(&alarm, &header);
    }
    kr_out_style(stdout, alarm.is_settled ? KR_STYLE_NONE : KR_STYLE_RED);
    kr_out_text(stdout, alarm.name, false);
    kr_out_style(stdout, KR_STYLE_NONE);
    if (alarm.sort == KR_ALARM_REKEYED) {
        (void)fputs(_(": its root key was replaced twice with one recovery paper"), stdout);
    } else if (alarm.sort == KR_ALARM_DATED) {
        (void)fputs(_(": its card dates a node key back to before the card before, which does not list it"), stdout);
    } else {
        (void)printf(_(": two different statements (%s) of version %ju"), kr_kind_name(header.kind), (uintmax_t)header.version);
    }
    (void)fputs("\n    ", stdout);
    kr_out_time(stdout, alarm.noted_ms / 1000);
    (void)fputs(alarm.is_settled ? _(", settled\n") : "\n", stdout);
    return KR_OK;
}

static int list(struct kr_app *app)
{
    struct listing listing = {.app = app};
    if (kr_crypto_init() != KR_OK || kr_app_ask(app, KR_OP_ALARMS, KR_ANSWER_MS, show_alarm, &listing, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (listing.count == 0) {
        if (!app->is_json) {
            (void)fputs(_("There is no alarm.\n"), stdout);
        }
        return KR_EXIT_NONE;
    }
    if (!app->is_json && listing.of_tickets > 0) {
        (void)fputs(_("When a ticket's alarm is dealt with: kairan alarms settle, with the name of this council\n"), stdout);
    }
    if (!app->is_json && listing.count > listing.of_tickets) {
        (void)fputs(
            _("Call each of these councils on a number that you know: its root key may be in two hands. Then: kairan alarms settle "
              "COUNCIL\n"),
            stdout);
    }
    return KR_EXIT_DONE;
}

/* ---- settle ---- */

static int settle(struct kr_app *app, const char *name)
{
    const struct kr_texts names = {.items = {name}, .count = 1};
    uint8_t id[1][32];
    struct kr_reader reader;
    struct kr_slice result;
    if (!kr_app_find_councils(app, &names, id)) {
        return KR_EXIT_ERROR;
    }
    enum kr_err err = kr_app_ask_about(app, KR_OP_SETTLE, id[0], 32, NULL, NULL, &result);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    kr_reader_init(&reader, result.bytes, result.len);
    kr_reader_array(&reader, 1);
    const uint64_t count = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:I}", "settled", (json_int_t)count)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)printf(_("settled: %ju\n"), (uintmax_t)count);
    return KR_EXIT_DONE;
}

/* ---- check: what somebody else saw, without a node ---- */

struct half {
    uint8_t bytes[16u * KR_KIB];
    size_t len;
};

static bool take_half(const json_t *object, const char *key, struct half *half)
{
    const char *hex = json_string_value(json_object_get(object, key));
    const char *end = NULL;
    return hex != NULL && sodium_hex2bin(half->bytes, sizeof half->bytes, hex, strlen(hex), NULL, &half->len, &end) == 0 &&
           *end == 0 && half->len > 0;
}

/* Of two re-keyings the cards themselves are the proof. */
static bool is_whole(const struct half *half)
{
    struct kr_record record;
    return kr_record_split(half->bytes, half->len, &record) == KR_OK && !record.is_header_only;
}

static int check_one(const struct kr_app *app, const json_t *object)
{
    static struct half halves[2];
    struct kr_header header;
    enum kr_err err = KR_MALFORMED;
    if (take_half(object, "first", &halves[0]) && take_half(object, "second", &halves[1])) {
        const struct kr_slice records[2] = {{halves[0].bytes, halves[0].len}, {halves[1].bytes, halves[1].len}};
        err = kr_alarm_check(records, &header);
    }
    if (err != KR_OK) {
        return kr_app_fail(app, err, _("this proves nothing: %s"), kr_err_text(err));
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:b, s:o, s:s, s:I}", "proved", 1, "council", kr_json_id(header.author, 32), "kind",
                                      kr_kind_name(header.kind), "version", (json_int_t)header.version))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    if (header.kind == KR_KIND_COUNCIL_CARD && is_whole(&halves[0])) {
        (void)fputs(_("Proved: with one recovery paper the root key was replaced twice, of the council "), stdout);
        kr_out_id(stdout, header.author, 64);
        (void)fputc('\n', stdout);
        return KR_EXIT_DONE;
    }
    (void)fputs(_("Proved: both were signed with the root key of the council "), stdout);
    kr_out_id(stdout, header.author, 64);
    (void)printf(_(" (%s, version %ju)\n"), kr_kind_name(header.kind), (uintmax_t)header.version);
    return KR_EXIT_DONE;
}

static int check(struct kr_app *app, const char *path)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    int status = KR_EXIT_NONE;
    if (in == NULL) {
        return kr_app_fail(app, KR_IO, _("cannot open %s: %s"), path, strerror(errno));
    }
    if (kr_crypto_init() != KR_OK) {
        status = KR_EXIT_ERROR;
    }
    for (;;) {
        json_error_t why;
        json_t *object = status == KR_EXIT_ERROR ? NULL : json_loadf(in, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &why);
        if (object == NULL) {
            break;
        }
        status = check_one(app, object);
        json_decref(object);
    }
    const bool is_whole = feof(in) != 0;
    if (in != stdin) {
        (void)fclose(in);
    }
    if (status == KR_EXIT_NONE || (status == KR_EXIT_DONE && !is_whole)) {
        return kr_app_fail(app, KR_MALFORMED, _("%s has no lines as kairan --json alarms prints them"), path);
    }
    return status;
}

int kr_run_alarms(struct kr_app *app, int argc, char **argv)
{
    int rest;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest == argc) {
        return list(app);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "settle") == 0) {
        return settle(app, argv[rest + 1]);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "check") == 0) {
        return check(app, argv[rest + 1]);
    }
    return kr_app_fail(app, KR_INVALID, _("it is kairan alarms, kairan alarms settle COUNCIL, or kairan alarms check FILE"));
}
