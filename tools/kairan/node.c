/* Commands about the node itself: status, verify. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/kairan/duty.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/keys.h"
#include "tools/kairan/out.h"
#include "tools/kairan/storage_key.h"
#include "tools/kairan/transport_key.h"
#include "tools/kairan/wait.h"

/* ---- status ---- */

#define KEY_DAYS 30u

static bool is_well(const struct kr_status *status, const struct kr_own_keys *keys)
{
    return status->net_is_up && status->store_is_writable && status->restored == 0 && !kr_keys_is_mute(keys, status->now_ms / 1000);
}

static bool status_json(const struct kr_status *status, const struct kr_own_keys *keys, const struct kr_duty_sum *duty)
{
    bool is_here = false;
    const struct kr_key_item *key = kr_keys_of_node(keys), *planned = kr_keys_planned(keys, &is_here);
    json_t *communities = json_array();
    for (uint32_t i = 0; i < status->community_count; i++) {
        (void)json_array_append_new(communities, json_pack("{s:o, s:o, s:I}", "id", kr_json_id(status->communities[i].id, 32),
                                                           "name", kr_json_slice(status->communities[i].name), "members",
                                                           (json_int_t)status->communities[i].members));
    }
    json_t *object =
        json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:o, s:o}", "well", is_well(status, keys),
                  "council", kr_json_id(status->council, 32), "name_ja", kr_json_slice(status->name_ja), "name_en",
                  kr_json_slice(status->name_en), "version", kr_json_slice(status->version), "endpoint",
                  kr_json_slice(status->endpoint), "started", kr_json_time(status->started_ms), "now", kr_json_time(status->now_ms),
                  "net_up", status->net_is_up, "keyring_protected", status->keyring_is_protected, "store_writable",
                  status->store_is_writable, "root_on_node", status->has_root, "recovery_on_node", status->has_recovery,
                  "node_key_until", kr_json_time(key != NULL ? key->until_s * 1000 : 0), "communities", communities);
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {{"records", status->records},
                   {"indicators", status->indicators},
                   {"quarantined", status->quarantined},
                   {"retractions_waiting", status->takebacks_waiting},
                   {"alarms", status->alarms},
                   {"store_bytes", status->store_bytes},
                   {"disk_free_bytes", status->disk_free_bytes},
                   {"links", status->links},
                   {"links_online", status->links_online},
                   {"tickets", status->tickets},
                   {"links_pending", status->links_pending},
                   {"links_stopped", status->links_stopped},
                   {"claims", status->claims},
                   {"commits", status->commits},
                   {"commit_us_p50", status->commit_us_p50},
                   {"commit_us_p99", status->commit_us_p99},
                   {"net_restarts", status->net_restarts},
                   {"awaited", status->awaited},
                   {"unreviewed", duty->unreviewed}};
    static const char *const restored[] = {"no", "told", "recognised"};
    for (size_t i = 0; object != NULL && i < sizeof numbers / sizeof numbers[0]; i++) {
        (void)json_object_set_new(object, numbers[i].key, json_integer((json_int_t)numbers[i].value));
    }
    if (object != NULL) {
        (void)json_object_set_new(object, "restored", json_string(restored[status->restored <= 2 ? status->restored : 1]));
        (void)json_object_set_new(object, "restored_since",
                                  status->restored != 0 ? kr_json_time(status->restored_since_ms) : json_null());
        (void)json_object_set_new(object, "node_key_next",
                                  planned != NULL ? json_pack("{s:o, s:o, s:b}", "key", kr_json_id(planned->public_key, 32), "at",
                                                              kr_json_time(kr_key_turn_s(planned->from_s) * 1000), "here", is_here)
                                                  : json_null());
        (void)json_object_set_new(object, "storage_key", kr_storage_json(&status->storage));
        (void)json_object_set_new(object, "transport_key", kr_transport_json(&status->transport));
        (void)json_object_set_new(object, "needs_approval", json_boolean(status->needs_approval));
        (void)json_object_set_new(object, "backup", status->backup_s > 0 ? kr_json_time(status->backup_s * 1000) : json_null());
    }
    return kr_json_line(object);
}

static void signing_text(const struct kr_status *status, const struct kr_own_keys *keys)
{
    const uint64_t now_s = status->now_ms / 1000;
    bool is_here = false;
    const struct kr_key_item *key = kr_keys_of_node(keys), *planned = kr_keys_planned(keys, &is_here);
    if (planned != NULL && is_here) {
        (void)fputs(_("\n  turns to a new key by itself: "), stdout);
        kr_out_moment(stdout, kr_key_turn_s(planned->from_s));
    }
    if (kr_keys_is_mute(keys, now_s)) {
        kr_out_style(stdout, KR_STYLE_RED);
        (void)fputs(_("\n  NOTHING THAT THIS NODE SIGNS IS ACCEPTED: its key is not valid (see kairan doctor)"), stdout);
        kr_out_style(stdout, KR_STYLE_NONE);
    } else if (key != NULL && key->until_s != 0 && key->until_s < now_s + KEY_DAYS * 86400u) {
        (void)printf(_("\n  the key that this node signs with ends in %ju days: kairan node rotate"),
                     (uintmax_t)((key->until_s - now_s) / 86400u));
    }
}

static void status_text(const struct kr_status *status, const struct kr_own_keys *keys, const struct kr_duty_sum *duty)
{
    kr_out_style(stdout, KR_STYLE_BOLD);
    kr_out_text(stdout, status->name_ja, false);
    (void)fputs(status->name_ja.len > 0 && status->name_en.len > 0 ? " / " : "", stdout);
    kr_out_text(stdout, status->name_en, false);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)fputs("\n  id: ", stdout);
    kr_out_id(stdout, status->council, 64);
    (void)printf("\n  %s: kairand ", _("node"));
    kr_out_text(stdout, status->version, false);
    (void)printf(", %s ", _("running since"));
    kr_out_time(stdout, status->started_ms / 1000);
    (void)printf("\n  %s: ", _("network"));
    kr_out_style(stdout, status->net_is_up ? KR_STYLE_GREEN : KR_STYLE_RED);
    (void)fputs(status->net_is_up ? _("up") : _("DOWN: the node starts it again; its log says why"), stdout);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)printf("\n  %s: ", _("reached at"));
    if (status->endpoint.len > 0) {
        kr_out_text(stdout, status->endpoint, false);
    } else {
        (void)fputs(_("nowhere, it only dials out"), stdout);
    }
    (void)printf(_("\n  links: %ju of %ju online, tickets open: %ju"), status->links_online, status->links, status->tickets);
    if (status->links_pending > 0) {
        (void)printf(_("\n  links to be confirmed by telephone (kairan peers): %ju"), status->links_pending);
    }
    if (status->links_stopped > 0) {
        (void)printf(_("\n  LINKS STOPPED BECAUSE OF A KEY (kairan peers): %ju"), status->links_stopped);
    }
    if (status->claims > 0) {
        (void)printf(_("\n  COUNCILS WHOSE CARD LISTS ANOTHER'S TRANSPORT KEY (kairan peers): %ju"), status->claims);
    }
    (void)printf(_("\n  records: %ju, indicators: %ju, in quarantine: %ju"), status->records, status->indicators,
                 status->quarantined);
    if (status->restored != 0) {
        kr_out_style(stdout, KR_STYLE_RED);
        (void)printf(
            _("\n  RESTORED: signs nothing until it is equal with its peers again; waits for: %ju (see kairan peers, kairan "
              "restore finish)"),
            status->awaited);
        kr_out_style(stdout, KR_STYLE_NONE);
    }
    signing_text(status, keys);
    if (status->alarms > 0) {
        kr_out_style(stdout, KR_STYLE_RED);
        (void)printf(_("\n  ALARM: open ones: %ju (see kairan alarms)"), status->alarms);
        kr_out_style(stdout, KR_STYLE_NONE);
    }
    if (status->takebacks_waiting > 0) {
        (void)printf(_("\n  retractions that wait for your word: %ju (see kairan retractions)"), status->takebacks_waiting);
    }
    if (duty->unreviewed > 0) {
        (void)printf(_("\n  sent under a standing consent, to be reviewed: %ju (see kairan drafts --review)"), duty->unreviewed);
    }
    (void)printf("\n  %s: ", _("store"));
    kr_out_bytes(stdout, status->store_bytes);
    (void)printf(", %s ", _("free on its disk:"));
    kr_out_bytes(stdout, status->disk_free_bytes);
    (void)fputs(status->store_is_writable ? "" : _("; NOT WRITABLE: make room on the disk"), stdout);
    if (status->storage.next_s != 0) {
        (void)printf(_("\n  the storage key is being replaced: %u %% (kairan node storage)"), kr_storage_percent(&status->storage));
    }
    if (status->transport.comes) {
        (void)fputs(_("\n  the transport key is being replaced (kairan node transport)"), stdout);
    }
    (void)printf("\n  %s: ", _("last backup"));
    if (status->backup_s > 0) {
        kr_out_time(stdout, status->backup_s);
    } else {
        (void)fputs(_("none (kairan backup)"), stdout);
    }
    (void)printf("\n  %s: %s\n", _("keyring"), status->keyring_is_protected ? _("protected by a passphrase") : _("no passphrase"));
    (void)printf("  %s: ", _("root key"));
    (void)fputs(status->has_root ? _("on this node (better in a safe: kairan root)\n") : _("not on this node\n"), stdout);
    for (uint32_t i = 0; i < status->community_count; i++) {
        (void)printf("  %s: ", _("community"));
        kr_out_text(stdout, status->communities[i].name, false);
        (void)printf(_(" (members: %ju)\n"), status->communities[i].members);
    }
}

int kr_run_status(struct kr_app *app, int argc, char **argv)
{
    static struct kr_status status;
    static struct kr_own_keys keys;
    struct kr_duty duty;
    const char *wait = NULL;
    const struct kr_option options[] = {{.name = "wait", .text = &wait}};
    uint64_t wait_s = 0;
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 1, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (wait != NULL && (!kr_seconds_parse(wait, &wait_s) || wait_s > 86400)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a span like 90s, 5m, 2h or 7d"), "wait");
    }
    if (wait != NULL && !kr_wait_for_node(app, (int)wait_s * 1000)) {
        return KR_EXIT_ERROR;
    }
    const bool is_loaded = kr_duty_load(app, &duty);
    const struct kr_duty_sum sum = duty.sum;
    kr_duty_free(&duty);
    if (!is_loaded || !kr_keys_ask(app, &keys) || !kr_app_ask_status(app, &status)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return status_json(&status, &keys, &sum) ? (is_well(&status, &keys) ? KR_EXIT_DONE : KR_EXIT_NONE) : KR_EXIT_ERROR;
    }
    status_text(&status, &keys, &sum);
    return is_well(&status, &keys) ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* ---- verify ---- */

struct listing {
    const struct kr_app *app;
    uint64_t count;
};

static enum kr_err show_problem(void *context, struct kr_slice item)
{
    struct listing *listing = context;
    struct kr_reader reader;
    kr_reader_init(&reader, item.bytes, item.len);
    kr_reader_array(&reader, 1);
    struct kr_slice problem = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err != KR_OK) {
        return err;
    }
    listing->count++;
    if (listing->app->is_json) {
        return kr_json_line(json_pack("{s:o}", "problem", kr_json_slice(problem))) ? KR_OK : KR_IO;
    }
    kr_out_text(stdout, problem, false);
    (void)fputc('\n', stdout);
    return KR_OK;
}

int kr_run_verify(struct kr_app *app, int argc, char **argv)
{
    struct listing listing = {.app = app};
    struct kr_slice result;
    struct kr_reader reader;
    int rest;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (kr_app_ask(app, KR_OP_VERIFY, KR_WAIT_FOREVER, show_problem, &listing, &result) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    kr_reader_init(&reader, result.bytes, result.len);
    kr_reader_array(&reader, 2);
    uint64_t checked = kr_reader_uint(&reader, UINT64_MAX), problems = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        if (!kr_json_line(json_pack("{s:I, s:I}", "checked", (json_int_t)checked, "problems", (json_int_t)problems))) {
            return KR_EXIT_ERROR;
        }
    } else {
        (void)printf(_("values checked: %ju, problems: %ju\n"), checked, problems);
    }
    return problems == 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}
