/* handover (引継書): what whoever takes over a council's desk has to know, with room for what no program knows. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/client/draft.h"
#include "tools/kairan/duty.h"
#include "tools/kairan/keys.h"

#define SILENT_MS (7u * UINT64_C(86400000))
#define SOON_S    (90u * UINT64_C(86400))

struct handover {
    struct kr_app *app;
    uint64_t now_s, started_ms; /* started_ms: the node was */
    uint32_t drafts, returned, peers, silent;
    uint64_t oldest_ms; /* of the drafts that wait */
    bool may_see_drafts;
    struct kr_duty duty;
    uint64_t bare_days_s[KR_DUTY_DAYS];
    uint32_t bare_days;
    json_t *silent_peers;
    struct kr_own_keys keys;
};

/* ---- asking ---- */

static enum kr_err take_draft(void *context, struct kr_slice bytes)
{
    struct handover *handover = context;
    struct kr_draft_item item;
    enum kr_err err = kr_draft_item_read(bytes, &item);
    if (err == KR_OK) {
        handover->drafts += item.state == KR_DRAFT_WAITS;
        handover->returned += item.state == KR_DRAFT_RETURNED;
        handover->oldest_ms =
            handover->oldest_ms == 0 || item.submitted_ms < handover->oldest_ms ? item.submitted_ms : handover->oldest_ms;
    }
    return err;
}

/* For who is an admin alone it is told by approvers. */
static bool ask_drafts(struct handover *handover)
{
    struct kr_error error = {0};
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    enum kr_err err = kr_app_open(handover->app)
                          ? kr_conn_call(handover->app->conn, KR_OP_DRAFTS, (struct kr_slice){args.bytes, args.len}, KR_ANSWER_MS,
                                         take_draft, handover, NULL, &error)
                          : KR_CLOSED;
    kr_writer_deinit(&args);
    handover->may_see_drafts = err == KR_OK;
    if (err != KR_OK && err != KR_DENIED) {
        (void)kr_app_tell(handover->app, err, &error);
    }
    return err == KR_OK || err == KR_DENIED;
}

static enum kr_err take_peer(void *context, struct kr_slice bytes)
{
    struct handover *handover = context;
    struct kr_peer peer;
    enum kr_err err = kr_peer_read(bytes, &peer);
    if (err != KR_OK) {
        return err;
    }
    handover->peers++;
    if (kr_peer_silent_ms(&peer, handover->started_ms, handover->now_s * 1000) >= SILENT_MS) {
        handover->silent++;
        (void)json_array_append_new(handover->silent_peers, json_pack("{s:o, s:o}", "name", kr_json_slice(peer.name), "last_seen",
                                                                      kr_json_time(peer.last_seen_ms)));
    }
    return KR_OK;
}

/* ---- saying ---- */

static uint32_t count_active(const struct kr_people *people, uint32_t role)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < people->person_count; i++) {
        count += people->persons[i].state == KR_PERSON_STATE_ACTIVE && (people->persons[i].card.roles & role) != 0;
    }
    return count;
}

static void say_name(const struct kr_people *people, const struct kr_person_entry *person)
{
    const struct kr_body_entry *body = kr_people_body_by_id(people, person->card.body);
    (void)fputs("    ", stdout);
    kr_out_text(stdout, person->card.name, false);
    (void)fputs(" (", stdout);
    if (body != NULL) {
        kr_out_text(stdout, kr_people_body_name(&body->card), false);
    }
    (void)fputc(')', stdout);
    if (person->card.telephone.len > 0) {
        (void)fputs("  ", stdout);
        kr_out_text(stdout, person->card.telephone, false);
    }
    if (person->card.until_s > 0) {
        (void)fputs(_(", until "), stdout);
        kr_out_time(stdout, person->card.until_s);
    }
    (void)fputc('\n', stdout);
}

static void say_role(const struct kr_people *people, uint32_t role, const char *what)
{
    (void)printf("  %s\n", what);
    for (uint32_t i = 0; i < people->person_count; i++) {
        if (people->persons[i].state == KR_PERSON_STATE_ACTIVE && (people->persons[i].card.roles & role) != 0) {
            say_name(people, &people->persons[i]);
        }
    }
    if (count_active(people, role) == 0) {
        (void)fputs(_("    NOBODY\n"), stdout);
    }
}

/* Bodies whose key is in fewer than two hands, or in one that should not have it. */
static void say_body_keys(const struct kr_people *people)
{
    (void)fputs(_("  keys of bodies (kairan key body):\n"), stdout);
    for (uint32_t i = 0; i < people->body_count; i++) {
        const struct kr_body_entry *body = &people->bodies[i];
        if (body->card.key.len == 0 || body->card.standing == KR_STANDING_ENDED) {
            continue;
        }
        (void)fputs("    ", stdout);
        kr_out_text(stdout, kr_people_body_name(&body->card), false);
        (void)printf(_(": held by %u"), body->holders);
        (void)fputs(body->is_rotation_due ? _(", TO BE REPLACED: kairan key body rotate\n")
                    : body->holders < 2   ? _(", TOO FEW\n")
                                          : "\n",
                    stdout);
    }
}

static json_t *body_keys_json(const struct kr_people *people)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < people->body_count; i++) {
        const struct kr_body_entry *body = &people->bodies[i];
        if (body->card.key.len > 0 && body->card.standing != KR_STANDING_ENDED) {
            (void)json_array_append_new(array, json_pack("{s:o, s:o, s:i, s:b}", "body", kr_json_id(body->id, 32), "name",
                                                         kr_json_slice(kr_people_body_name(&body->card)), "holders",
                                                         (int)body->holders, "rotation_due", body->is_rotation_due));
        }
    }
    return array;
}

static void say_people(const struct handover *handover, const struct kr_people *people)
{
    (void)fputs(_("\n2. People\n"), stdout);
    say_role(people, KR_ROLE_ADMIN, _("admins (people, links, keys):"));
    say_role(people, KR_ROLE_APPROVER, _("approvers:"));
    say_role(people, KR_ROLE_INTAKE, _("intake:"));
    (void)printf(_("  Whoever runs the machine (root, the node's user) is an admin besides.\n  ends within 90 days:\n"));
    uint32_t count = 0;
    for (uint32_t i = 0; i < people->person_count; i++) {
        const struct kr_person_entry *person = &people->persons[i];
        const uint64_t until_s = person->card.until_s;
        if (person->card.standing != KR_STANDING_ENDED && until_s > handover->now_s && until_s <= handover->now_s + SOON_S) {
            say_name(people, person);
            count++;
        }
    }
    if (count == 0) {
        (void)fputs(_("    none\n"), stdout);
    }
    say_body_keys(people);
}

/* Consents that hold, and who is on duty. */
static void say_duty(const struct handover *handover)
{
    const struct kr_duty *duty = &handover->duty;
    uint32_t now = 0;
    for (uint32_t i = 0; i < duty->count; i++) {
        const struct kr_duty_item *item = &duty->items[i].item;
        if (item->type == KR_DUTY_CONSENT && item->state == KR_CONSENT_HOLDS) {
            (void)fputs(_("  standing consent "), stdout);
            kr_out_id(stdout, item->id.bytes, 16);
            (void)fputs(_(", until "), stdout);
            kr_out_time(stdout, item->until_s);
            (void)fputs(kr_consent_ends_soon(item, handover->now_s) ? _(" (AGREE ANEW SOON): ") : ": ", stdout);
            kr_out_text(stdout, item->reason, false);
            (void)fputc('\n', stdout);
        }
    }
    if (!duty->sum.has_roster) {
        return;
    }
    (void)fputs(_("  on duty now:\n"), stdout);
    for (uint32_t i = 0; i < duty->count; i++) {
        if (kr_duty_covers(&duty->items[i].item, handover->now_s, handover->now_s + 1)) {
            (void)fputs("    ", stdout);
            kr_out_text(stdout, duty->items[i].item.person_name, false);
            (void)fputs(_(", until "), stdout);
            kr_out_time(stdout, duty->items[i].item.until_s);
            (void)fputc('\n', stdout);
            now++;
        }
    }
    if (now == 0) {
        (void)fputs(_("    NOBODY\n"), stdout);
    }
    if (handover->bare_days > 0) {
        (void)printf(_("  days of the next %u without anybody on duty: %u\n"), KR_DUTY_DAYS, handover->bare_days);
    }
}

/* What was replaced has nothing to come. */
static bool is_ahead(const struct kr_key_item *item)
{
    return item->state != KR_KEY_REPLACED;
}

/* Until when each holds, and what has its turn when. */
static void say_node_keys(const struct kr_own_keys *keys)
{
    (void)fputs(_("  keys of the node, with their end (kairan node keys):\n"), stdout);
    for (uint32_t i = 0; i < keys->count; i++) {
        if (is_ahead(&keys->items[i])) {
            (void)fputs("    ", stdout);
            kr_key_text(&keys->items[i]);
        }
    }
}

static json_t *node_keys_json(const struct kr_own_keys *keys)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < keys->count; i++) {
        if (is_ahead(&keys->items[i])) {
            (void)json_array_append_new(array, kr_key_json(&keys->items[i]));
        }
    }
    return array;
}

static void say_keys(const struct handover *handover, const struct kr_status *status)
{
    (void)fputs(_("\n1. Keys\n"), stdout);
    (void)printf("  %s\n", status->has_root ? _("root key: ON THIS NODE. Take it off: kairan root export, then kairan root forget")
                                            : _("root key: not on the node. The stick is at: ____________________"));
    (void)printf("  %s\n", status->has_recovery
                               ? _("recovery key: ON THIS NODE. Put it on paper: kairan root paper, then kairan root forget")
                               : _("recovery key: on paper. The paper is at: ____________________"));
    (void)fputs(_("  passphrase of the stick: known to ____________________ (never written beside it)\n"), stdout);
    (void)printf("  %s\n", status->keyring_is_protected
                               ? _("keyring: under a passphrase, which the machine gets from: ____________________")
                               : _("keyring: UNPROTECTED. kairan passphrase"));
    if (status->backup_s > 0) {
        (void)fputs(_("  last backup: "), stdout);
        kr_out_time(stdout, status->backup_s);
        (void)fputs(_(", kept at: ____________________\n"), stdout);
    } else {
        (void)fputs(_("  last backup: NONE is known of\n"), stdout);
    }
    say_node_keys(&handover->keys);
}

static void say_waiting(const struct handover *handover, const struct kr_status *status)
{
    (void)fputs(_("\n3. What waits\n"), stdout);
    if (!handover->may_see_drafts) {
        (void)fputs(_("  drafts: ask an approver (kairan drafts)\n"), stdout);
    } else {
        (void)printf(_("  drafts: %u wait for approval, %u for their submitter\n"), handover->drafts, handover->returned);
        if (handover->oldest_ms > 0) {
            (void)fputs(_("  the oldest since: "), stdout);
            kr_out_time(stdout, handover->oldest_ms / 1000);
            (void)fputc('\n', stdout);
        }
    }
    (void)printf(_("  sent under a standing consent, to be reviewed: %ju (kairan drafts --review)\n"),
                 (uintmax_t)handover->duty.sum.unreviewed);
    (void)printf(_("  retractions of others that wait for your word: %ju (kairan retractions)\n"),
                 (uintmax_t)status->takebacks_waiting);
    (void)printf(_("  open alarms: %ju (kairan alarms)\n  open invitations: %ju\n  records in quarantine: %ju (kairan "
                   "quarantine)\n"),
                 (uintmax_t)status->alarms, (uintmax_t)status->tickets, (uintmax_t)status->quarantined);
}

static void say_peers(const struct handover *handover)
{
    size_t at;
    json_t *peer;
    (void)fputs(_("\n4. Other councils\n"), stdout);
    (void)printf(_("  linked: %u, silent for a week or more: %u\n"), handover->peers, handover->silent);
    json_array_foreach(handover->silent_peers, at, peer)
    {
        (void)fputs("    ", stdout);
        kr_out_string(stdout, json_string_value(json_object_get(peer, "name")));
        (void)fputc('\n', stdout);
    }
    (void)fputs(_("  whom to call there: kairan council NAME\n"), stdout);
}

static void say_all(const struct handover *handover, const struct kr_status *status, const struct kr_people *people)
{
    (void)fputs(_("HANDOVER of "), stdout);
    kr_out_text(stdout, status->name_ja.len > 0 ? status->name_ja : status->name_en, false);
    (void)fputs(", ", stdout);
    kr_out_time(stdout, handover->now_s);
    (void)fputs(_("\n  council: "), stdout);
    kr_out_id(stdout, status->council, 64);
    (void)fputc('\n', stdout);
    say_keys(handover, status);
    say_people(handover, people);
    say_duty(handover);
    say_waiting(handover, status);
    say_peers(handover);
    (void)fputs(_("\n5. Handed over\n  by: ____________________  to: ____________________  on: ____________________\n"
                  "  Then: kairan audit verify, and keep what it prints with this paper.\n"),
                stdout);
}

/* ---- JSON ---- */

static json_t *json_persons(const struct kr_people *people, uint32_t role)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < people->person_count; i++) {
        const struct kr_person_entry *person = &people->persons[i];
        if (person->state == KR_PERSON_STATE_ACTIVE && (person->card.roles & role) != 0) {
            (void)json_array_append_new(array, json_pack("{s:o, s:o, s:o}", "person", kr_json_id(person->id, 32), "name",
                                                         kr_json_slice(person->card.name), "until",
                                                         kr_json_time(person->card.until_s * 1000)));
        }
    }
    return array;
}

static json_t *json_consents(const struct handover *handover)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < handover->duty.count; i++) {
        const struct kr_duty_item *item = &handover->duty.items[i].item;
        if (item->type == KR_DUTY_CONSENT && item->state == KR_CONSENT_HOLDS) {
            (void)json_array_append_new(array, json_pack("{s:o, s:o, s:b}", "consent", kr_json_id(item->id.bytes, 32), "until",
                                                         kr_json_time(item->until_s * 1000), "ends_soon",
                                                         kr_consent_ends_soon(item, handover->now_s)));
        }
    }
    return array;
}

static json_t *json_on_duty(const struct handover *handover)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < handover->duty.count; i++) {
        const struct kr_duty_item *item = &handover->duty.items[i].item;
        if (kr_duty_covers(item, handover->now_s, handover->now_s + 1)) {
            (void)json_array_append_new(array,
                                        json_pack("{s:o, s:o, s:o}", "person", kr_json_id(item->person.bytes, 32), "name",
                                                  kr_json_slice(item->person_name), "until", kr_json_time(item->until_s * 1000)));
        }
    }
    return array;
}

static bool all_json(struct handover *handover, const struct kr_status *status, const struct kr_people *people)
{
    json_t *peers = handover->silent_peers;
    handover->silent_peers = NULL;
    return kr_json_line(json_pack(
        "{s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:I, s:o, s:o}",
        "council", kr_json_id(status->council, 32), "root_on_node", status->has_root, "recovery_on_node", status->has_recovery,
        "keyring_protected", status->keyring_is_protected, "last_backup", kr_json_time(status->backup_s * 1000), "admins",
        json_persons(people, KR_ROLE_ADMIN), "approvers", json_persons(people, KR_ROLE_APPROVER), "intake",
        json_persons(people, KR_ROLE_INTAKE), "drafts", handover->may_see_drafts ? json_integer(handover->drafts) : json_null(),
        "drafts_returned", handover->may_see_drafts ? json_integer(handover->returned) : json_null(), "oldest_draft",
        kr_json_time(handover->oldest_ms), "retractions_waiting", (json_int_t)status->takebacks_waiting, "alarms",
        (json_int_t)status->alarms, "tickets", (json_int_t)status->tickets, "quarantined", (json_int_t)status->quarantined, "peers",
        (json_int_t)handover->peers, "silent_peers", peers, "unreviewed", (json_int_t)handover->duty.sum.unreviewed, "consents",
        json_consents(handover), "on_duty", json_on_duty(handover), "days_without_duty", (json_int_t)handover->bare_days,
        "body_keys", body_keys_json(people), "node_keys", node_keys_json(&handover->keys)));
}

/* The status at first, for since when the node knows of its peers; and last: its names are borrowed until the next answer. */
static bool gather(struct handover *handover, struct kr_people *people, struct kr_status *ret_status)
{
    if (!kr_app_ask_status(handover->app, ret_status)) {
        return false;
    }
    handover->started_ms = ret_status->started_ms;
    if (!kr_people_load(handover->app, people) || !kr_duty_load(handover->app, &handover->duty) || !ask_drafts(handover) ||
        !kr_keys_ask(handover->app, &handover->keys) ||
        kr_app_ask(handover->app, KR_OP_PEERS, KR_ANSWER_MS, take_peer, handover, NULL) != KR_OK) {
        return false;
    }
    return kr_app_ask_status(handover->app, ret_status);
}

int kr_run_handover(struct kr_app *app, int argc, char **argv)
{
    static struct kr_status status; /* large */
    struct handover handover = {.app = app, .now_s = (uint64_t)time(NULL)};
    struct kr_people people = {0};
    int rest;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    handover.silent_peers = json_array();
    bool is_fine = gather(&handover, &people, &status);
    handover.bare_days = kr_duty_bare_days(&handover.duty, handover.now_s, handover.bare_days_s);
    if (is_fine && app->is_json) {
        is_fine = all_json(&handover, &status, &people);
    } else if (is_fine) {
        say_all(&handover, &status, &people);
    }
    kr_people_free(&people);
    kr_duty_free(&handover.duty);
    json_decref(handover.silent_peers);
    return is_fine ? KR_EXIT_DONE : KR_EXIT_ERROR;
}
