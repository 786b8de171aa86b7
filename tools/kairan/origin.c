#include "tools/kairan/origin.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/client/draft.h"
#include "proto/record/record.h"

#define RECORDS_MAX  4096u
#define EXPORTS_STEP 1024u

void kr_origin_deinit(struct kr_origin *origin)
{
    for (uint32_t i = 0; i < origin->count; i++) {
        free(origin->records[i].body);
    }
    free(origin->records);
    *origin = (struct kr_origin){.count = 0};
}

bool kr_origin_has(const struct kr_lot *lot)
{
    return lot->id.len > 0;
}

/* ---- finding ---- */

struct finding {
    const uint8_t *self; /* our council */
    struct kr_origin *origin;
};

static enum kr_err take_match(void *context, struct kr_slice item)
{
    const struct finding *finding = context;
    struct kr_origin *origin = finding->origin;
    struct kr_match match;
    enum kr_err err = kr_match_read(item, &match);
    if (err != KR_OK || memcmp(match.record.author, finding->self, 32) != 0 || match.record.taken != KR_TAKEN_NOT ||
        origin->count == RECORDS_MAX) {
        return err;
    }
    if (origin->count % 16 == 0) {
        struct kr_origin_record *more = realloc(origin->records, (origin->count + 16) * sizeof *more);
        if (more == NULL) {
            return KR_NOMEM;
        }
        origin->records = more;
    }
    struct kr_origin_record *record = &origin->records[origin->count++];
    *record = (struct kr_origin_record){.label = match.record.label};
    memcpy(record->id, match.record.id, 32);
    return KR_OK;
}

static enum kr_err call(struct kr_app *app, enum kr_op op, struct kr_writer *args, kr_conn_item *on_item, void *context,
                        struct kr_slice *ret_result, struct kr_error *error)
{
    enum kr_err err = kr_writer_finish(args);
    if (err == KR_OK) {
        err = kr_conn_call(app->conn, op, (struct kr_slice){args->bytes, args->len}, KR_ANSWER_MS, on_item, context, ret_result,
                           error);
    }
    return err;
}

static enum kr_err show(struct kr_app *app, const uint8_t id[static 32], struct kr_shown *ret_shown, struct kr_error *error)
{
    struct kr_writer args;
    struct kr_slice result;
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, id, 32);
    enum kr_err err = call(app, KR_OP_SHOW, &args, NULL, NULL, &result, error);
    kr_writer_deinit(&args);
    return err == KR_OK ? kr_shown_read(result, ret_shown) : err;
}

static bool is_same(struct kr_slice a, struct kr_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

/* Its part and its content. `*ret_is_ours` false: it is of another origin after all, or no report. */
static enum kr_err read_record(struct kr_app *app, const struct kr_lot *lot, struct kr_origin_record *record, bool *ret_is_ours,
                               struct kr_error *error)
{
    static struct kr_shown shown;
    static struct kr_report report;
    *ret_is_ours = false;
    enum kr_err err = show(app, record->id, &shown, error);
    if (err != KR_OK || shown.content_kind != KR_KIND_REPORT || shown.content.len == 0 ||
        kr_report_parse_again(shown.content, &report) != KR_OK || !is_same(report.origin_organisation, lot->organisation) ||
        !is_same(report.origin_id, lot->id)) {
        return err;
    }
    record->body = malloc(shown.content.len);
    if (record->body == NULL) {
        return KR_NOMEM;
    }
    memcpy(record->body, shown.content.bytes, shown.content.len);
    record->body_len = shown.content.len;
    record->part = report.part;
    *ret_is_ours = true;
    return KR_OK;
}

enum kr_err kr_origin_find(struct kr_app *app, const struct kr_lot *lot, struct kr_origin *ret_origin, struct kr_error *error)
{
    uint8_t key[KR_ORIGIN_KEY_BYTES_MAX];
    struct finding finding = {.self = kr_conn_council(app->conn), .origin = ret_origin};
    struct kr_writer args;
    const size_t len = kr_report_origin_key(lot->organisation, lot->id, key);
    if (len == 0) {
        return KR_OK;
    }
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_array(&args, 2);
    kr_writer_uint(&args, KR_INDICATOR_ORIGIN);
    kr_writer_bin(&args, key, len);
    enum kr_err err = call(app, KR_OP_LOOKUP, &args, take_match, &finding, NULL, error);
    kr_writer_deinit(&args);
    uint32_t kept = 0;
    for (uint32_t i = 0; err == KR_OK && i < ret_origin->count; i++) {
        bool is_ours;
        err = read_record(app, lot, &ret_origin->records[i], &is_ours, error);
        if (err == KR_OK && is_ours) {
            ret_origin->records[kept++] = ret_origin->records[i];
        }
    }
    ret_origin->count = err == KR_OK ? kept : ret_origin->count;
    return err;
}

/* ---- exports of records that are here ---- */

void kr_origin_exports_deinit(struct kr_origin_exports *exports)
{
    free(exports->items);
    *exports = (struct kr_origin_exports){.count = 0};
}

static int compare_uuids(const void *left, const void *right)
{
    const struct kr_origin_export *a = left, *b = right;
    return strcmp(a->uuid, b->uuid);
}

static enum kr_err note_export(void *context, struct kr_slice item)
{
    struct kr_origin_exports *exports = context;
    struct kr_summary summary;
    enum kr_err err = kr_summary_read(item, &summary);
    if (err != KR_OK || summary.taken != KR_TAKEN_NOT) {
        return err;
    }
    if (exports->count % EXPORTS_STEP == 0) {
        struct kr_origin_export *more = realloc(exports->items, (exports->count + EXPORTS_STEP) * sizeof *more);
        if (more == NULL) {
            return KR_NOMEM;
        }
        exports->items = more;
    }
    struct kr_origin_export *export = &exports->items[exports->count++];
    memcpy(export->id, summary.id, 32);
    kr_export_uuid("record", summary.id, 32, export->uuid);
    return KR_OK;
}

static enum kr_err fill(struct kr_app *app, struct kr_origin_exports *exports, struct kr_error *error)
{
    const struct kr_ls all = {.kind = 0};
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_ls_write(&all, &args);
    enum kr_err err = call(app, KR_OP_LS, &args, note_export, exports, NULL, error);
    kr_writer_deinit(&args);
    if (err == KR_OK && exports->count > 1) {
        qsort(exports->items, exports->count, sizeof *exports->items, compare_uuids);
    }
    exports->is_filled = err == KR_OK;
    return err;
}

/* NULL where no record is known by that UUID. */
static enum kr_err find_export(struct kr_app *app, struct kr_origin_exports *exports, const char *uuid,
                               const struct kr_origin_export **ret_found, struct kr_error *error)
{
    struct kr_origin_export wanted;
    enum kr_err err = exports->is_filled ? KR_OK : fill(app, exports, error);
    if (err != KR_OK) {
        return err;
    }
    (void)snprintf(wanted.uuid, sizeof wanted.uuid, "%s", uuid);
    *ret_found = exports->count == 0 ? NULL : bsearch(&wanted, exports->items, exports->count, sizeof wanted, compare_uuids);
    return KR_OK;
}

enum kr_err kr_origin_is_here(struct kr_app *app, struct kr_slice hex, struct kr_origin_exports *exports, bool *ret_is_here,
                              struct kr_error *error)
{
    const struct kr_origin_export *found = NULL;
    char uuid[KR_UUID_TEXT_BYTES];
    uint8_t id[32];
    size_t len = 0;
    *ret_is_here = false;
    if (sodium_hex2bin(id, sizeof id, (const char *)hex.bytes, hex.len, NULL, &len, NULL) != 0 || len != sizeof id) {
        return KR_OK;
    }
    kr_export_uuid("record", id, sizeof id, uuid);
    enum kr_err err = find_export(app, exports, uuid, &found, error);
    *ret_is_here = err == KR_OK && found != NULL;
    return err;
}

enum kr_err kr_origin_find_exported(struct kr_app *app, const struct kr_lot *lot, struct kr_origin_exports *exports,
                                    bool *ret_is_here, uint8_t ret_id[static 32], struct kr_error *error)
{
    const struct kr_origin_export *found = NULL;
    char uuid[KR_UUID_TEXT_BYTES];
    const size_t len = sizeof uuid - 1;
    *ret_is_here = false;
    /* "report--…" or a UUID alone; ours are of version 5, and so nobody else's cost anything. */
    if (lot->id.len < len || lot->id.bytes[lot->id.len - len + 14] != '5') {
        return KR_OK;
    }
    memcpy(uuid, lot->id.bytes + lot->id.len - len, len);
    uuid[len] = 0;
    enum kr_err err = find_export(app, exports, uuid, &found, error);
    if (err == KR_OK && found != NULL) {
        memcpy(ret_id, found->id, 32);
        *ret_is_here = true;
    }
    return err;
}

enum kr_err kr_origin_is_gone(struct kr_app *app, const uint8_t id[static 32], bool *ret_is_gone, struct kr_error *error)
{
    static struct kr_shown shown;
    enum kr_err err = show(app, id, &shown, error);
    *ret_is_gone = err == KR_NOT_FOUND || (err == KR_OK && shown.summary.taken != KR_TAKEN_NOT);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* ---- taking back ---- */

enum kr_err kr_origin_retract(struct kr_app *app, const struct kr_lot *lot, const uint8_t id[static 32], uint8_t ret_by[static 32],
                              struct kr_error *error)
{
    static const char domain[] = "kairan import retraction";
    struct kr_retract retract = {.id = {id, 32}};
    struct kr_writer args;
    struct kr_slice result;
    struct kr_stored stored;
    char reason[KR_NOTE_BYTES_MAX];
    crypto_generichash_state state;
    (void)snprintf(reason, sizeof reason, _("its origin (%.*s) has taken it back or changed what it is"),
                   (int)lot->organisation.len, (const char *)lot->organisation.bytes);
    retract.reason = (struct kr_slice){(const uint8_t *)reason, strlen(reason)};
    retract.language = (struct kr_slice){(const uint8_t *)kr_tr_language(), strlen(kr_tr_language())};
    (void)crypto_generichash_init(&state, NULL, 0, sizeof retract.token);
    (void)crypto_generichash_update(&state, (const uint8_t *)domain, sizeof domain);
    (void)crypto_generichash_update(&state, id, 32);
    (void)crypto_generichash_final(&state, retract.token, sizeof retract.token);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_retract_write(&retract, &args);
    enum kr_err err = call(app, KR_OP_RETRACT, &args, NULL, NULL, &result, error);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return err;
    }
    if (kr_stored_read(result, &stored) != KR_OK) {
        return kr_fail(error, KR_MALFORMED, "the node's answer cannot be read");
    }
    memcpy(ret_by, stored.id, 32);
    return KR_OK;
}
