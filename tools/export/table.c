/* csv and json: everything that is known of each value, one row or object an indicator. */
#include <jansson.h>
#include <string.h>

#include "tools/export/formats.h"

/* ---- csv (RFC 4180) ---- */

/* A spreadsheet takes a cell that begins so for a formula; an apostrophe before it makes it text (OWASP, "CSV Injection"). */
static bool is_formula(const char *text, size_t len)
{
    return len > 0 && strchr("=+-@\t\r", text[0]) != NULL && text[0] != 0;
}

static void write_cell(const char *text, size_t len, bool is_last, FILE *out)
{
    bool is_quoted = false, is_guarded = is_formula(text, len);
    for (size_t i = 0; i < len; i++) {
        is_quoted = is_quoted || strchr("\",;\r\n\t", text[i]) != NULL;
    }
    is_quoted = is_quoted || (len > 0 && (text[0] == ' ' || text[len - 1] == ' '));
    (void)fputs(is_quoted ? "\"" : "", out);
    (void)fputs(is_guarded ? "'" : "", out);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"') {
            (void)fputc('"', out);
        }
        (void)fputc(text[i], out);
    }
    (void)fputs(is_quoted ? "\"" : "", out);
    (void)fputs(is_last ? "\r\n" : ",", out);
}

static void write_text(const char *text, FILE *out)
{
    write_cell(text, strlen(text), false, out);
}

static void write_slice(struct kr_slice text, bool is_last, FILE *out)
{
    write_cell(text.len > 0 ? (const char *)text.bytes : "", text.len, is_last, out);
}

static void write_time(uint64_t unix_s, FILE *out)
{
    char text[KR_TIME_TEXT_BYTES] = "";
    if (unix_s != 0) {
        kr_time_text(unix_s, text);
    }
    write_text(text, out);
}

static const char *action_name(uint32_t action)
{
    return action == KR_ACTION_BLOCK ? "block" : action == KR_ACTION_DETECT ? "detect" : "none";
}

static void write_id(const uint8_t *id, char ret_hex[static 65])
{
    for (size_t i = 0; i < 32; i++) {
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", id[i]);
    }
}

static enum kr_left judge(const struct kr_rendering *rendering, const struct kr_export_part *part, const struct kr_entry *entry)
{
    char text[KR_INDICATOR_PRINT_BYTES_MAX];
    (void)rendering;
    (void)part;
    return kr_entry_text(entry, text) ? KR_LEFT_NOT : KR_LEFT_FORM;
}

static void write_title(const struct kr_rendering *rendering, const struct kr_gathered_record *record, FILE *out)
{
    char title[sizeof KR_EXERCISE_MARK + KR_TITLE_BYTES_MAX];
    const int len = snprintf(title, sizeof title, "%s%.*s", rendering->is_exercise ? KR_EXERCISE_MARK : "", (int)record->title.len,
                             (const char *)record->title.bytes);
    write_cell(title, len > 0 ? (size_t)len : 0, false, out);
}

static void write_row(const struct kr_rendering *rendering, const struct kr_entry *entry, FILE *out)
{
    const struct kr_mention *newest = &rendering->selection->mentions[entry->first];
    const struct kr_gathered_record *record = newest->record;
    char text[KR_INDICATOR_PRINT_BYTES_MAX], number[16], id[65];
    if (!kr_entry_text(entry, text)) {
        return;
    }
    write_text(kr_indicator_type_name(entry->type), out);
    write_text(text, out);
    write_text(kr_label_name(entry->label), out);
    (void)snprintf(number, sizeof number, "%u", entry->councils);
    write_text(number, out);
    (void)snprintf(number, sizeof number, "%u", entry->confidence);
    write_text(entry->confidence < KR_CONFIDENCE_NONE ? number : "", out);
    write_text(action_name(entry->action), out);
    write_time(entry->first_s, out);
    write_time(entry->last_s, out);
    write_time(entry->oldest_ms / 1000, out);
    write_time(entry->newest_ms / 1000, out);
    write_slice(record->summary.author_name, false, out);
    write_title(rendering, record, out);
    write_slice(newest->indicator.note, false, out);
    write_id(record->id, id);
    write_text(id, out);
    write_slice(record->origin_organisation, false, out);
    write_slice(record->origin_id, false, out);
    write_slice(record->origin_terms, true, out);
}

enum kr_err kr_render_csv(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                          struct kr_tally *ret_tally)
{
    struct kr_chosen chosen;
    enum kr_err err = kr_choose(rendering, part, rendering->entries_max > 0 ? KR_CHOOSE_RANKED : 0, judge, &chosen, ret_tally);
    if (err != KR_OK) {
        return err;
    }
    (void)fputs(rendering->is_excel ? "\xef\xbb\xbf" : "", out);
    (void)fputs(
        "type,value,label,councils,confidence,action,first_seen,last_seen,first_reported,last_reported,author,title,note,record,"
        "origin,origin_id,origin_terms\r\n",
        out);
    for (size_t i = 0; i < chosen.count; i++) {
        write_row(rendering, chosen.items[i], out);
    }
    kr_chosen_deinit(&chosen);
    return KR_OK;
}

/* ---- json ---- */

static json_t *slice_json(struct kr_slice text)
{
    return json_stringn(text.len > 0 ? (const char *)text.bytes : "", text.len);
}

static json_t *time_json(uint64_t unix_s)
{
    char text[KR_TIME_TEXT_BYTES];
    kr_time_text(unix_s, text);
    return unix_s == 0 ? json_null() : json_string(text);
}

static json_t *mention_json(const struct kr_mention *mention)
{
    const struct kr_gathered_record *record = mention->record;
    char id[65], author[65];
    write_id(record->id, id);
    write_id(record->summary.author, author);
    return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", id, "author", author, "author_name",
                     slice_json(record->summary.author_name), "label", kr_label_name(record->label), "created",
                     time_json(record->summary.created_ms / 1000), "title", slice_json(record->title), "note",
                     slice_json(mention->indicator.note), "origin", slice_json(record->origin_organisation), "origin_id",
                     slice_json(record->origin_id), "origin_terms", slice_json(record->origin_terms));
}

static json_t *entry_json(const struct kr_selection *selection, const struct kr_entry *entry)
{
    char text[KR_INDICATOR_PRINT_BYTES_MAX];
    json_t *records = json_array();
    if (!kr_entry_text(entry, text)) {
        text[0] = 0;
    }
    for (uint32_t i = 0; i < entry->count; i++) {
        (void)json_array_append_new(records, mention_json(&selection->mentions[entry->first + i]));
    }
    return json_pack("{s:s, s:s, s:s, s:i, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "type", kr_indicator_type_name(entry->type),
                     "value", text, "label", kr_label_name(entry->label), "councils", (int)entry->councils, "confidence",
                     entry->confidence < KR_CONFIDENCE_NONE ? json_integer(entry->confidence) : json_null(), "action",
                     action_name(entry->action), "first_seen", time_json(entry->first_s), "last_seen", time_json(entry->last_s),
                     "first_reported", time_json(entry->oldest_ms / 1000), "last_reported", time_json(entry->newest_ms / 1000),
                     "records", records);
}

static int put_json(const char *bytes, size_t len, void *context)
{
    return fwrite(bytes, 1, len, context) == len ? 0 : -1;
}

/* Lets go of it. */
static enum kr_err dump(json_t *value, FILE *out)
{
    int failed = value == NULL ? -1 : json_dump_callback(value, put_json, out, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
    return failed == 0 ? KR_OK : ferror(out) != 0 ? KR_IO : KR_NOMEM;
}

static enum kr_err write_json_head(const struct kr_rendering *rendering, const struct kr_chosen *chosen, FILE *out)
{
    char when[KR_TIME_TEXT_BYTES], council[65];
    kr_time_text(rendering->time_s, when);
    write_id(rendering->council, council);
    (void)fputs("{\"kairan_export\":1,\"council\":", out);
    enum kr_err err = dump(json_string(council), out);
    (void)fputs(",\"council_name\":", out);
    if (err == KR_OK) {
        json_t *name = json_string(rendering->council_name);
        err = dump(name != NULL ? name : json_string("?"), out);
    }
    (void)fprintf(out, ",\"label\":\"%s\",\"exercise\":%s,\"as_of\":\"%s\",\"count\":%zu,\"indicators\":[",
                  kr_label_name(chosen->label), rendering->is_exercise ? "true" : "false", when, chosen->count);
    return err;
}

enum kr_err kr_render_json(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                           struct kr_tally *ret_tally)
{
    struct kr_chosen chosen;
    enum kr_err err = kr_choose(rendering, part, rendering->entries_max > 0 ? KR_CHOOSE_RANKED : 0, judge, &chosen, ret_tally);
    if (err != KR_OK) {
        return err;
    }
    err = write_json_head(rendering, &chosen, out);
    for (size_t i = 0; err == KR_OK && i < chosen.count; i++) {
        (void)fputs(i == 0 ? "\n" : ",\n", out);
        err = dump(entry_json(rendering->selection, chosen.items[i]), out);
    }
    (void)fputs("\n]}\n", out);
    kr_chosen_deinit(&chosen);
    return err;
}
