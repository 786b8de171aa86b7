#include "tools/kairan/ship.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/formats/collect.h"
#include "tools/kairan/out.h"
#include "tools/kairan/wait.h"

#define RETURN_MS  10000 /* for a node that was started again to be back */
#define SALTED_MAX 16u   /* times that the same content may come back after it was taken back */

/* A lot under way. */
struct kr_ship_going {
    struct kr_lot *lot;
    struct kr_sending sending;
    struct kr_origin origin;
    char title[KR_TITLE_BYTES_MAX + 16];
    size_t guarded; /* items that were told */
};

static const char *const shipped_names[] = {[KR_SHIPPED_NEW] = "new",
                                            [KR_SHIPPED_KNOWN] = "known",
                                            [KR_SHIPPED_UNCHANGED] = "unchanged",
                                            [KR_SHIPPED_REVISED] = "revised",
                                            [KR_SHIPPED_RETRACTED] = "retracted"};

const char *kr_shipped_name(enum kr_shipped state)
{
    KR_ASSERT(state < KR_SHIPPED_COUNT);
    return shipped_names[state];
}

/* ---- label ---- */

enum kr_err kr_ship_label(const struct kr_submit *request, enum kr_label own, enum kr_label *ret_label, struct kr_error *error)
{
    const bool is_forced = request->is_forced && request->label != KR_TLP_NONE;
    const enum kr_label label = is_forced || request->label >= own ? request->label : own;
    if (label == KR_TLP_NONE) {
        return kr_fail(error, KR_UNLABELLED, "%s",
                       _("no label: choose who may have it, --label clear (everyone), green (a community) or amber (with --to)"));
    }
    if (label > KR_TLP_AMBER) {
        return kr_fail(error, KR_DENIED, _("it is marked %s, which is for persons by name: it cannot be sent yet"),
                       kr_label_name(label));
    }
    if (label == KR_TLP_AMBER && request->audience_count == 0) {
        return kr_fail(error, KR_DENIED, "%s", _("TLP:AMBER goes to councils by name: add --to NAME; see kairan councils"));
    }
    *ret_label = label;
    return KR_OK;
}

bool kr_ship_is_exercise(const struct kr_lot *lot)
{
    static const char *const marks[] = {"[EXERCISE]", "【訓練】"};
    bool is = false;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const size_t len = strlen(marks[i]);
        is = is || (lot->title.len >= len && memcmp(lot->title.bytes, marks[i], len) == 0);
    }
    return is;
}

/* ---- a lot as a plan ---- */

static void free_going(struct kr_ship_going *going)
{
    if (going != NULL) {
        kr_sending_deinit(&going->sending);
        kr_origin_deinit(&going->origin);
        kr_lot_free(going->lot);
        free(going);
    }
}

static void make_title(const struct kr_ship *ship, const struct kr_lot *lot, struct kr_ship_going *going)
{
    struct kr_slice title = lot->title.len > 0 ? lot->title : kr_first_line(lot->text, 120);
    if (ship->title != NULL || (title.len == 0 && ship->name != NULL)) {
        const char *text = ship->title != NULL ? ship->title : ship->name;
        title = (struct kr_slice){(const uint8_t *)text, strlen(text)};
    }
    title.len = kr_collect_cut((const char *)title.bytes, title.len, KR_TITLE_BYTES_MAX - 12);
    if (lot->number > 0) {
        (void)snprintf(going->title, sizeof going->title, "%.*s (%u)", (int)title.len, (const char *)title.bytes, lot->number + 1);
    } else {
        (void)snprintf(going->title, sizeof going->title, "%.*s", (int)title.len, (const char *)title.bytes);
    }
}

static const char *language_of(const struct kr_ship *ship, const struct kr_lot *lot, const char *title)
{
    const struct kr_slice of_title = {(const uint8_t *)title, strlen(title)};
    const char *guessed = kr_guess_language(lot->text.len > 0 ? lot->text : of_title);
    return ship->language != NULL ? ship->language : guessed;
}

static void make_plan(const struct kr_ship *ship, const struct kr_lot *lot, struct kr_ship_going *going)
{
    struct kr_plan *plan = &going->sending.plan;
    make_title(ship, lot, going);
    const char *language = language_of(ship, lot, going->title);
    *plan = (struct kr_plan){.kind = KR_KIND_REPORT,
                             .title = {(const uint8_t *)going->title, strlen(going->title)},
                             .text = lot->text,
                             .language = {(const uint8_t *)language, strlen(language)},
                             .severity = ship->has_severity ? ship->severity : lot->severity,
                             .has_case = lot->number > 0 || !lot->is_last,
                             .organisation = lot->organisation,
                             .origin_id = lot->id,
                             .terms = lot->terms,
                             .references = lot->references,
                             .attack_ids = lot->attack_ids,
                             .reference_count = lot->reference_count,
                             .attack_id_count = lot->attack_id_count,
                             .first_s = lot->first_s,
                             .last_s = lot->last_s};
    if (ship->language == NULL && lot->language.len > 0) {
        plan->language = lot->language;
    }
    memcpy(plan->case_id, lot->mark, sizeof plan->case_id);
}

static void tell_refused(struct kr_ship *ship, const struct kr_lot *lot, enum kr_err err, const char *why)
{
    ship->counts.refused++;
    if (ship->on_refused != NULL) {
        ship->on_refused(ship->context, lot, err, why);
    }
}

/* A lot with label and parts. KR_CANCELLED: it has been told why not. */
static enum kr_err make_going(struct kr_ship *ship, const struct kr_lot *lot, struct kr_ship_going **ret, struct kr_error *error)
{
    struct kr_error why = {.text = ""};
    enum kr_label label = KR_TLP_NONE;
    enum kr_err err = kr_ship_label(&ship->request, lot->label, &label, &why);
    if (err == KR_OK && kr_ship_is_exercise(lot) && !ship->request.is_forced && (ship->request.flags & KR_FLAG_EXERCISE) == 0) {
        err = kr_fail(&why, KR_DENIED, "%s", _("it belongs to an exercise: import it with --exercise"));
    }
    if (err != KR_OK) {
        tell_refused(ship, lot, err, why.text);
        return KR_CANCELLED;
    }
    struct kr_ship_going *going = calloc(1, sizeof *going);
    if (going == NULL) {
        return KR_NOMEM;
    }
    struct kr_sending *sending = &going->sending;
    sending->conn = ship->conn;
    sending->request = ship->request;
    sending->request.kind = KR_KIND_REPORT;
    sending->request.label = label;
    if (label != KR_TLP_AMBER) {
        sending->request.audience_count = 0;
    }
    if (label != KR_TLP_GREEN) {
        sending->request.has_community = false;
    }
    sending->has_content_tokens = true;
    sending->drops_guarded = !ship->request.is_forced;
    make_plan(ship, lot, going);
    err = kr_sending_take(sending, lot->items, lot->item_count);
    if (err != KR_OK) {
        free_going(going);
        return kr_fail(error, err, "too many indicators");
    }
    *ret = going;
    return KR_OK;
}

/* ---- connections ---- */

static enum kr_err open_conn(struct kr_ship *ship, struct kr_error *error)
{
    return ship->conn != NULL ? KR_OK : kr_app_connect(ship->app, &ship->conn, error);
}

static bool is_lost(enum kr_err err)
{
    return err == KR_CLOSED || err == KR_TIMEOUT || err == KR_IO;
}

/* Both connections anew, once the node is back. */
static bool come_back(struct kr_ship *ship)
{
    struct kr_error error;
    kr_conn_free(ship->conn);
    kr_conn_free(ship->app->conn);
    ship->conn = ship->app->conn = NULL;
    return kr_wait_for_node(ship->app, RETURN_MS) && open_conn(ship, &error) == KR_OK;
}

/* ---- looking ---- */

enum kr_err kr_ship_look(struct kr_ship *ship, const struct kr_lot *lot, struct kr_error *error)
{
    struct kr_ship_going *going = NULL;
    if (lot->state != KR_IMPORT_LIVE || lot->item_count == 0) {
        return KR_OK;
    }
    enum kr_err err = open_conn(ship, error);
    if (err == KR_OK) {
        err = make_going(ship, lot, &going, error);
    }
    if (err != KR_OK || going == NULL) {
        return err == KR_CANCELLED ? KR_OK : err;
    }
    err = kr_sending_look(&going->sending, true, error);
    if (err == KR_OK) {
        ship->counts.guarded += going->sending.guarded_total;
        for (size_t i = 0; ship->on_guarded != NULL && i < going->sending.guarded_total && i < KR_SENDING_GUARDED_MAX; i++) {
            ship->on_guarded(ship->context, lot, going->sending.guarded[i].item, going->sending.guarded[i].list);
        }
    }
    if (err == KR_OK && ship->on_looked != NULL) {
        ship->on_looked(ship->context, lot, &going->sending);
    }
    free_going(going);
    return err;
}

/* ---- sending ---- */

static void tell_record(struct kr_ship *ship, const struct kr_lot *lot, enum kr_shipped state, const uint8_t id[static 32],
                        uint32_t indicators)
{
    ship->counts.records[state]++;
    ship->counts.indicators += state == KR_SHIPPED_NEW || state == KR_SHIPPED_REVISED ? indicators : 0;
    if (ship->on_record != NULL) {
        ship->on_record(ship->context, lot, state, id, indicators);
    }
}

static void on_guarded(void *context, size_t item, const char *list)
{
    struct kr_ship *ship = context;
    ship->counts.guarded++;
    if (ship->on_guarded != NULL) {
        ship->on_guarded(ship->context, ship->going->lot, item, list);
    }
}

static enum kr_err retract(struct kr_ship *ship, const struct kr_lot *lot, const uint8_t id[static 32], struct kr_error *error)
{
    uint8_t by[32];
    enum kr_err err = kr_origin_retract(ship->app, lot, id, by, error);
    if (err == KR_OK) {
        tell_record(ship, lot, KR_SHIPPED_RETRACTED, id, 0);
    }
    return err;
}

/* What its origin has taken back, or has nothing left of. */
static enum kr_err retract_all(struct kr_ship *ship, const struct kr_lot *lot, struct kr_error *error)
{
    struct kr_origin origin = {.count = 0};
    enum kr_err err = kr_origin_find(ship->app, lot, &origin, error);
    for (uint32_t i = 0; err == KR_OK && i < origin.count; i++) {
        err = retract(ship, lot, origin.records[i].id, error);
    }
    kr_origin_deinit(&origin);
    return err;
}

/* What is there of the origin, part by part: what stands as it is need not go, what changed is revised, what is no part any more is
 * retracted. */
static enum kr_err compare(struct kr_ship *ship, struct kr_ship_going *going, struct kr_error *error)
{
    struct kr_sending *sending = &going->sending;
    enum kr_err err = kr_origin_find(ship->app, going->lot, &going->origin, error);
    for (uint32_t i = 0; err == KR_OK && sending->drops_guarded && i < sending->parts.count; i++) {
        err = kr_sending_hold_back(sending, i, error); /* so that what is compared is what would go */
    }
    if (err == KR_OK && sending->parts.count == 1 && kr_sending_indicators(sending, 0) == 0) {
        sending->sent[0].is_held = true; /* nothing is left of it: what is there stays */
        sending->pushing.next = 1;
        return KR_OK;
    }
    for (uint32_t i = 0; err == KR_OK && i < going->origin.count; i++) {
        struct kr_origin_record *record = &going->origin.records[i];
        const uint32_t part = record->part - 1;
        const bool is_wider = record->label < (uint32_t)going->lot->label; /* its origin has made it stricter */
        if (part >= sending->parts.count || sending->sent[part].revises || sending->sent[part].is_done || is_wider) {
            err = part >= sending->parts.count || is_wider ? retract(ship, going->lot, record->id, error) : KR_OK;
            continue;
        }
        struct kr_writer body;
        kr_writer_init(&body, KR_BODY_BYTES_MAX);
        err = kr_sending_body(sending, part, &body);
        const bool is_same = err == KR_OK && body.len == record->body_len && memcmp(body.bytes, record->body, body.len) == 0;
        kr_writer_deinit(&body);
        memcpy(sending->sent[part].target, record->id, 32);
        sending->sent[part].is_done = is_same;
        sending->sent[part].revises = !is_same;
        if (is_same) {
            memcpy(sending->sent[part].id, record->id, 32);
        }
    }
    return err;
}

/* The same content as something that was taken back meanwhile is a record of its own: its token is salted with that one's id. */
static enum kr_err send_again(struct kr_ship *ship, struct kr_ship_going *going, struct kr_error *error)
{
    struct kr_sending *sending = &going->sending;
    enum kr_err err = KR_OK;
    for (uint32_t round = 0; err == KR_OK && round < SALTED_MAX; round++) {
        bool is_any = false;
        for (uint32_t i = 0; err == KR_OK && i < sending->parts.count; i++) {
            struct kr_sent *sent = &sending->sent[i];
            bool is_gone = false;
            if (sent->is_done && sent->is_known && !sent->waits) {
                err = kr_origin_is_gone(ship->app, sent->id, &is_gone, error);
            }
            if (err == KR_OK && is_gone) {
                memcpy(sent->target, sent->id, 32);
                sent->is_done = sent->is_known = false;
                is_any = true;
            }
        }
        if (err != KR_OK || !is_any) {
            return err;
        }
        err = kr_sending_send(sending, error);
    }
    return err;
}

static enum kr_err finish_going(struct kr_ship *ship, struct kr_error *error)
{
    struct kr_ship_going *going = ship->going;
    struct kr_sending *sending = &going->sending;
    const bool has_origin = kr_origin_has(going->lot);
    enum kr_err err = kr_sending_send(sending, error);
    if (is_lost(err) && come_back(ship)) {
        sending->conn = ship->conn;
        err = kr_sending_send(sending, error);
    }
    if (err == KR_OK && has_origin) {
        err = send_again(ship, going, error);
    }
    for (uint32_t i = 0; err == KR_OK && i < sending->parts.count; i++) {
        const struct kr_sent *sent = &sending->sent[i];
        const bool stood = has_origin && sent->is_done && memcmp(sent->id, sent->target, 32) == 0;
        if (sent->is_done) {
            tell_record(ship, going->lot,
                        stood            ? KR_SHIPPED_UNCHANGED
                        : sent->is_known ? KR_SHIPPED_KNOWN
                        : sent->revises  ? KR_SHIPPED_REVISED
                                         : KR_SHIPPED_NEW,
                        sent->id, kr_sending_indicators(sending, i));
        }
    }
    return err;
}

enum kr_err kr_ship_finish(struct kr_ship *ship, struct kr_error *error)
{
    if (ship->going == NULL) {
        return KR_OK;
    }
    enum kr_err err = finish_going(ship, error);
    free_going(ship->going);
    ship->going = NULL;
    return err;
}

enum kr_err kr_ship_breathe(struct kr_ship *ship, struct kr_error *error)
{
    if (ship->going == NULL) {
        return KR_OK;
    }
    enum kr_err err = kr_sending_push(&ship->going->sending, error);
    if (!is_lost(err)) {
        return err;
    }
    if (!come_back(ship)) {
        return err;
    }
    ship->going->sending.conn = ship->conn;
    return KR_OK; /* the pass begins anew over the new connection */
}

static enum kr_err begin(struct kr_ship *ship, struct kr_lot *lot, struct kr_error *error)
{
    const bool has_origin = kr_origin_has(lot);
    struct kr_ship_going *going = NULL;
    if (lot->state != KR_IMPORT_LIVE || lot->item_count == 0) {
        /* An empty list may be a download that broke off: it takes nothing back. */
        const bool is_told = lot->state != KR_IMPORT_LIVE || lot->revoked > 0;
        return has_origin && is_told ? retract_all(ship, lot, error) : KR_OK;
    }
    bool is_here = false;
    uint8_t id[32];
    enum kr_err err = kr_origin_find_exported(ship->app, lot, &ship->exports, &is_here, id, error);
    if (err == KR_OK && is_here) {
        tell_record(ship, lot, KR_SHIPPED_KNOWN, id, (uint32_t)lot->item_count);
        return KR_OK;
    }
    err = err != KR_OK ? err : make_going(ship, lot, &going, error);
    if (err != KR_OK || going == NULL) {
        return err == KR_CANCELLED ? KR_OK : err;
    }
    going->lot = lot;
    going->sending.context = ship;
    going->sending.on_guarded = on_guarded;
    ship->going = going;
    err = kr_sending_prepare(&going->sending);
    if (err == KR_OK && has_origin) {
        err = compare(ship, going, error);
    }
    return err == KR_OK ? kr_ship_breathe(ship, error) : err;
}

enum kr_err kr_ship_send(struct kr_ship *ship, struct kr_lot *lot, struct kr_error *error)
{
    enum kr_err err = kr_ship_finish(ship, error);
    if (err == KR_OK) {
        err = open_conn(ship, error);
    }
    if (err == KR_OK) {
        err = begin(ship, lot, error);
    }
    if (ship->going == NULL || ship->going->lot != lot) {
        kr_lot_free(lot);
    }
    return err;
}

void kr_ship_deinit(struct kr_ship *ship)
{
    free_going(ship->going);
    kr_conn_free(ship->conn);
    kr_origin_exports_deinit(&ship->exports);
    ship->going = NULL;
    ship->conn = NULL;
}
