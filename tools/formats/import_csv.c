/* CSV for import: rows into items; one group, or one for each label, month and origin where rows have labels, the list is
 * JPCERT/CC's, or it is an export of ours, whose rows say where they come from. Groups do not overlap in time, rows of several do:
 * see csv_keys.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/record/record.h"
#include "tools/formats/collect.h"
#include "tools/formats/csv_keys.h"

#define JAPAN_S     (9 * 3600) /* dates without a zone are Japan's, unless their column says UTC */
#define STEP_ROWS   1024u
#define JPCERT      "JPCERT/CC"
#define JPCERT_LIST "phishing-urls"

/* What makes rows belong together. */
struct key {
    enum kr_label label;
    uint32_t month; /* 202602; 0: none */
    char organisation[KR_NAME_BYTES_MAX + 1], terms[256];
    bool is_exercise;
};

struct reading {
    const struct kr_import_source *source;
    const struct kr_import_options *options;
    const struct kr_import_sink *sink;
    struct kr_error *error;
    struct kr_csv_dialect dialect;
    struct kr_csv_columns columns;
    struct kr_csv_row row;
    bool is_keyed, is_jpcert, is_export;
    struct kr_csv_keys keys;
    struct kr_csv_held held;
    uint32_t first, end; /* keys of this pass */
    uint64_t pass, passes;
    uint64_t seen_bytes; /* of the rows of these keys, held */
    bool has_begun;      /* the group */
    char note[KR_NOTE_BYTES_MAX + 8];
};

static struct kr_slice slice_of(const char *text)
{
    return text == NULL ? (struct kr_slice){0} : (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

static bool is_blank(uint8_t c)
{
    return c <= ' ' && c != 0x1a; /* which stands for what could not be read */
}

static struct kr_slice trim(struct kr_slice text)
{
    while (text.len > 0 && is_blank(text.bytes[0])) {
        text.bytes++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.bytes[text.len - 1])) {
        text.len--;
    }
    return text;
}

static enum kr_err skip(const struct reading *reading, enum kr_import_reason reason, bool is_kept, struct kr_slice what,
                        const char *detail)
{
    const struct kr_import_skip skipped = {
        .reason = reason, .is_kept = is_kept, .what = what, .detail = detail, .place = {.line = reading->row.line}};
    return reading->sink->on_skip(reading->sink->context, &skipped);
}

/* ---- one row ---- */

/* An apostrophe before what a spreadsheet would take for a formula was put there so that it does not (OWASP, "CSV Injection"), by
 * our own export, too: it is no part of the value. */
static struct kr_slice cell_of(const struct reading *reading, uint32_t column)
{
    struct kr_slice cell = column < reading->row.count ? trim(reading->row.cells[column]) : (struct kr_slice){0};
    if (cell.len > 1 && cell.bytes[0] == '\'' && strchr("=+-@", cell.bytes[1]) != NULL && cell.bytes[1] != 0) {
        cell.bytes++;
        cell.len--;
    }
    return cell;
}

/* The first cell with that role that is not empty. */
static struct kr_slice cell_as(const struct reading *reading, enum kr_csv_role role, uint32_t *ret_column)
{
    for (uint32_t i = 0; i < reading->columns.count; i++) {
        if (reading->columns.columns[i].role == role && cell_of(reading, i).len > 0) {
            *ret_column = i;
            return cell_of(reading, i);
        }
    }
    *ret_column = 0;
    return (struct kr_slice){0};
}

static bool says(struct kr_slice cell, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (cell.len == strlen(*words) && strncasecmp((const char *)cell.bytes, *words, cell.len) == 0) {
            return true;
        }
    }
    return false;
}

/* A number of 0 to 100, or a word with the number that STIX 2.1 gives it (appendix A, None/Low/Med/High). */
static uint32_t confidence_of(struct kr_slice cell)
{
    static const char *const high[] = {"high", "高", NULL}, *const medium[] = {"medium", "med", "中", NULL},
                             *const low[] = {"low", "低", NULL};
    uint32_t value = 0;
    size_t i = 0;
    for (; i < cell.len && i < 3 && cell.bytes[i] >= '0' && cell.bytes[i] <= '9'; i++) {
        value = value * 10 + (uint32_t)(cell.bytes[i] - '0');
    }
    const bool is_number = i > 0 && value <= 100 && (i == cell.len || (i + 1 == cell.len && cell.bytes[i] == '%'));
    return is_number ? value : says(cell, high) ? 85 : says(cell, medium) ? 50 : says(cell, low) ? 15 : KR_CONFIDENCE_NONE;
}

/* An empty cell of a column that says it is for nothing. */
static uint32_t action_of(const struct reading *reading)
{
    bool has_column = false;
    uint32_t column;
    const struct kr_slice cell = cell_as(reading, KR_CSV_ACTION, &column);
    for (uint32_t i = 0; i < reading->columns.count; i++) {
        has_column = has_column || reading->columns.columns[i].role == KR_CSV_ACTION;
    }
    if (!has_column) {
        return KR_IMPORT_ACTION_UNSAID;
    }

    static const char *const block[] = {"block", "deny", "drop", "遮断", "ブロック", "拒否", NULL},
                             *const detect[] = {"detect", "alert", "monitor", "検知", "監視", NULL},
                             *const fit[] = {"1", "true", "yes", NULL};
    return says(cell, block)    ? KR_ACTION_BLOCK
           : says(cell, detect) ? KR_ACTION_DETECT
           : says(cell, fit)    ? KR_IMPORT_ACTION_FIT
                                : KR_ACTION_NONE;
}

static enum kr_err date_of(const struct reading *reading, enum kr_csv_role role, uint64_t *ret_s)
{
    uint32_t column;
    const struct kr_slice cell = cell_as(reading, role, &column);
    const int32_t zone_s = reading->columns.columns[column].type == KR_CSV_UTC ? 0 : JAPAN_S;
    if (cell.len == 0 || kr_import_date(cell, zone_s, ret_s) == KR_OK) {
        return KR_OK;
    }
    return skip(reading, KR_IMPORT_REASON_BAD_DATE, true, cell, "");
}

/* All notes of the row, then its references. */
static enum kr_err join_notes(struct reading *reading, struct kr_slice *ret_note)
{
    static const enum kr_csv_role roles[] = {KR_CSV_NOTE, KR_CSV_REFERENCE};
    size_t len = 0;
    bool is_cut = false, is_damaged = false;
    for (size_t r = 0; r < 2; r++) {
        for (uint32_t i = 0; i < reading->columns.count; i++) {
            const struct kr_slice cell = cell_of(reading, i);
            if (reading->columns.columns[i].role != roles[r] || cell.len == 0 || len + 2 >= KR_NOTE_BYTES_MAX) {
                continue;
            }
            if (len > 0) {
                reading->note[len++] = ';';
                reading->note[len++] = ' ';
            }
            const size_t fitting = kr_collect_cut((const char *)cell.bytes, cell.len, KR_NOTE_BYTES_MAX - len);
            is_cut = is_cut || fitting < cell.len;
            is_damaged = is_damaged || kr_csv_is_damaged(cell);
            memcpy(reading->note + len, cell.bytes, fitting);
            len += fitting;
        }
    }
    for (size_t i = 0; i < len; i++) {
        const uint8_t c = (uint8_t)reading->note[i];
        reading->note[i] = c == 0x1a ? '?' : c < ' ' ? ' ' : (char)c;
    }
    *ret_note = (struct kr_slice){(const uint8_t *)reading->note, len};
    enum kr_err err = is_cut ? skip(reading, KR_IMPORT_REASON_CUT, true, (struct kr_slice){0}, "the note") : KR_OK;
    return err == KR_OK && is_damaged ? skip(reading, KR_IMPORT_REASON_ENCODING, true, *ret_note, "the note") : err;
}

static enum kr_err give_value(const struct reading *reading, uint32_t type, struct kr_slice text, struct kr_import_item *item)
{
    const struct kr_import_sink *sink = reading->sink;
    struct kr_indicator indicator;
    if (kr_csv_is_damaged(text)) {
        return skip(reading, KR_IMPORT_REASON_ENCODING, false, text, "");
    }
    item->type = type;
    if (type != KR_INDICATOR_ANY && !kr_import_parse(type, text, &indicator, &item->guessed) &&
        kr_import_parse(KR_INDICATOR_ANY, text, &indicator, &item->guessed) && !kr_import_is_masked(text)) {
        enum kr_err err = skip(reading, KR_IMPORT_REASON_BAD_VALUE, true, text, "it is of another type than is said");
        if (err != KR_OK) {
            return err;
        }
        item->type = KR_INDICATOR_ANY;
    }
    return kr_import_value(sink, item, text);
}

/* A value of the row's type, or two in one cell. */
static enum kr_err give_typed(const struct reading *reading, struct kr_slice text, struct kr_import_item *item)
{
    uint32_t types[2] = {KR_INDICATOR_ANY}, count = 1, column;
    const struct kr_slice type = cell_as(reading, KR_CSV_TYPE, &column);
    struct kr_indicator indicator;
    if (type.len > 0 && !kr_csv_type(type, types, &count)) {
        const bool is_told = kr_import_parse(KR_INDICATOR_ANY, text, &indicator, &item->guessed);
        enum kr_err err = skip(reading, KR_IMPORT_REASON_UNKNOWN_TYPE, is_told, type, "");
        if (err != KR_OK || !is_told) {
            return err;
        }
        types[0] = KR_INDICATOR_ANY;
        count = 1;
    }
    const uint8_t *bar = count == 2 ? memchr(text.bytes, '|', text.len) : NULL;
    if (bar == NULL) {
        return give_value(reading, types[0], text, item);
    }
    const size_t first = (size_t)(bar - text.bytes);
    enum kr_err err = give_value(reading, types[0], (struct kr_slice){text.bytes, first}, item);
    return err == KR_OK ? give_value(reading, types[1], (struct kr_slice){bar + 1, text.len - first - 1}, item) : err;
}

/* Whether the row's cells are where the heading says. What lacks columns at its end still has its value; what has more of them
 * probably has a delimiter within one of them. */
static bool has_surplus(const struct reading *reading)
{
    bool has = false;
    for (uint32_t i = reading->columns.count; i < reading->row.count; i++) {
        has = has || trim(reading->row.cells[i]).len > 0;
    }
    return has;
}

static enum kr_err give_row(struct reading *reading)
{
    const struct kr_csv_columns *columns = &reading->columns;
    struct kr_import_item item = {.confidence = KR_CONFIDENCE_NONE, .place = {.line = reading->row.line}};
    uint32_t column, values = 0;
    if (has_surplus(reading)) {
        return skip(reading, KR_IMPORT_REASON_UNEQUAL, false, reading->row.cells[0], "a field with a delimiter in it needs quotes");
    }
    enum kr_err err = date_of(reading, KR_CSV_FIRST, &item.first_s);
    if (err == KR_OK) {
        err = date_of(reading, KR_CSV_LAST, &item.last_s);
    }
    if (err == KR_OK) {
        err = join_notes(reading, &item.note);
    }
    const struct kr_slice confidence = cell_as(reading, KR_CSV_CONFIDENCE, &column);
    item.confidence = confidence.len > 0 ? confidence_of(confidence) : KR_CONFIDENCE_NONE;
    item.action = action_of(reading);
    item.record = reading->is_export ? cell_of(reading, KR_CSV_EXPORT_RECORD) : (struct kr_slice){0};
    for (uint32_t i = 0; err == KR_OK && i < columns->count; i++) {
        const struct kr_slice text = cell_of(reading, i);
        if (columns->columns[i].role != KR_CSV_VALUE || text.len == 0) {
            continue;
        }
        values++;
        err = columns->columns[i].type == KR_INDICATOR_ANY ? give_typed(reading, text, &item)
                                                           : give_value(reading, columns->columns[i].type, text, &item);
    }
    if (err == KR_OK && values == 0) {
        return skip(reading, KR_IMPORT_REASON_EMPTY, false, reading->row.cells[0], "");
    }
    return err == KR_OK && reading->row.count < columns->count
               ? skip(reading, KR_IMPORT_REASON_UNEQUAL, true, reading->row.cells[0], "")
               : err;
}

/* ---- groups ---- */

static void keep(struct kr_slice text, char *ret_text, size_t size)
{
    const size_t len = kr_collect_cut((const char *)text.bytes, text.len, size - 1);
    memcpy(ret_text, text.len > 0 ? (const char *)text.bytes : "", len);
    ret_text[len] = 0;
}

static struct key key_of(const struct reading *reading)
{
    struct key key = {.label = KR_TLP_NONE};
    uint32_t column;
    uint64_t at_s;
    const struct kr_slice label = cell_as(reading, KR_CSV_LABEL, &column);
    if (label.len > 0 && kr_label_parse((const char *)label.bytes, label.len, &key.label) != KR_OK) {
        key.label = KR_TLP_RED; /* a marking that is not known is kept to the strictest */
    }
    const struct kr_slice date = cell_as(reading, KR_CSV_FIRST, &column);
    if (reading->is_jpcert && kr_import_date(date, JAPAN_S, &at_s) == KR_OK) {
        const time_t local = (time_t)(at_s + JAPAN_S);
        struct tm broken;
        (void)gmtime_r(&local, &broken);
        key.month = (uint32_t)(broken.tm_year + 1900) * 100 + (uint32_t)broken.tm_mon + 1;
    }
    if (reading->is_export) {
        const struct kr_slice origin = cell_of(reading, KR_CSV_EXPORT_ORIGIN), author = cell_of(reading, KR_CSV_EXPORT_AUTHOR);
        keep(origin.len > 0 ? origin : author, key.organisation, sizeof key.organisation);
        keep(cell_of(reading, KR_CSV_EXPORT_TERMS), key.terms, sizeof key.terms);
        const struct kr_slice title = cell_of(reading, KR_CSV_EXPORT_TITLE);
        key.is_exercise =
            title.len >= sizeof KR_EXERCISE_MARK - 2 && memcmp(title.bytes, KR_EXERCISE_MARK, sizeof KR_EXERCISE_MARK - 2) == 0;
    }
    return key;
}

static void hash_key(const struct key *key, uint8_t ret_hash[static KR_HASH_BYTES])
{
    struct kr_hash_state state;
    const uint32_t numbers[] = {(uint32_t)key->label, key->month, key->is_exercise};
    kr_hash_init(&state, "kairan csv key");
    kr_hash_update(&state, numbers, sizeof numbers);
    kr_hash_update(&state, key->organisation, strlen(key->organisation) + 1);
    kr_hash_update(&state, key->terms, strlen(key->terms) + 1);
    kr_hash_final(&state, ret_hash);
}

/* "202502.csv" of whatever folder. */
static bool is_called_as_month(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash != NULL ? slash + 1 : name;
    return strlen(base) == 10 && strspn(base, "0123456789") == 6 && strcmp(base + 6, ".csv") == 0;
}

static enum kr_err begin_group(struct reading *reading, const struct key *key)
{
    const struct kr_import_options *options = reading->options;
    const char *slash = strrchr(reading->source->name, '/');
    char title[KR_TITLE_BYTES_MAX], id[64];
    (void)snprintf(title, sizeof title, "%s%s", key->is_exercise ? KR_EXERCISE_MARK : "",
                   strcmp(reading->source->name, "-") == 0 ? "CSV"
                   : slash != NULL                         ? slash + 1
                                                           : reading->source->name);
    struct kr_import_group group = {.label = key->label,
                                    .organisation = slice_of(options->organisation),
                                    .id = slice_of(options->origin_id),
                                    .terms = slice_of(options->terms),
                                    .place = {.line = 1}};
    if (reading->is_export && options->organisation == NULL) {
        group.organisation = slice_of(key->organisation);
        group.terms = slice_of(key->terms);
    }
    if (key->month > 0) {
        (void)snprintf(title, sizeof title, JPCERT " phishing URLs %04u-%02u", key->month / 100, key->month % 100);
        (void)snprintf(id, sizeof id, JPCERT_LIST "/%04u-%02u", key->month / 100, key->month % 100);
        group.organisation = options->organisation != NULL ? group.organisation : slice_of(JPCERT);
        group.id = options->origin_id != NULL ? group.id : slice_of(id);
    }
    reading->has_begun = true;
    group.title = (struct kr_slice){(const uint8_t *)title, kr_collect_cut(title, strlen(title), sizeof title - 1)};
    return reading->sink->on_group(reading->sink->context, &group);
}

static enum kr_err tell_progress(const struct reading *reading, const struct kr_csv_rows *rows)
{
    return reading->sink->on_progress(reading->sink->context,
                                      (reading->pass * reading->source->bytes + rows->offset) / reading->passes);
}

/* A row of a group that is given as it comes. */
static enum kr_err give(struct reading *reading, const struct key *key)
{
    const enum kr_err err = reading->has_begun ? KR_OK : begin_group(reading, key);
    return err == KR_OK ? give_row(reading) : err;
}

enum step { FIND, HOLD, GIVE };

/* What one pass found is not what another did. */
static enum kr_err has_changed(const struct reading *reading)
{
    return kr_fail(reading->error, KR_IO, "%.300s changed while it was read: import it again", reading->source->name);
}

static enum kr_err look_at(struct reading *reading, enum step step)
{
    const struct key key = key_of(reading);
    uint8_t hash[KR_HASH_BYTES];
    enum kr_err err = KR_OK;
    hash_key(&key, hash);
    const uint32_t number = step == FIND ? 0 : kr_csv_keys_find(&reading->keys, hash);
    if (step == FIND) {
        err = kr_csv_keys_note(&reading->keys, hash, &reading->row);
        if (err == KR_BOUNDS) {
            err =
                kr_fail(reading->error, KR_BOUNDS, "%.300s:%ju: the rows are of more than %u labels, months and origins: cut it up",
                        reading->source->name, (uintmax_t)reading->row.line, KR_CSV_KEYS_MAX);
        }
    } else if (number == reading->keys.count) {
        err = has_changed(reading);
    } else if (number < reading->first || number >= reading->end) {
        /* Of another pass. */
    } else if (step == GIVE) {
        reading->seen_bytes += kr_csv_held_bytes(&reading->row);
        err = give(reading, &key);
    } else {
        reading->seen_bytes += kr_csv_held_bytes(&reading->row);
        err = kr_csv_held_put(&reading->held, number, &reading->row);
        err = err == KR_BOUNDS ? has_changed(reading) : err;
    }
    return err;
}

/* Goes through all rows. */
static enum kr_err go_through(struct reading *reading, enum step step)
{
    struct kr_csv_rows rows;
    struct kr_csv_row *row = &reading->row;
    enum kr_csv_outcome outcome = KR_CSV_ROW;
    enum kr_err err = kr_csv_rows_init(&rows, reading->source, reading->options->charset);
    rows.dialect = reading->dialect;
    for (uint64_t count = 1; err == KR_OK; count++) {
        err = kr_csv_next(&rows, row, &outcome, reading->error);
        if (err != KR_OK || outcome == KR_CSV_END) {
            break;
        }
        const bool is_data = outcome == KR_CSV_ROW && !row->is_comment && row->line > reading->columns.heading_line &&
                             (row->count > 1 || trim(row->cells[0]).len > 0);
        if (outcome == KR_CSV_SKIPPED) {
            err = step != FIND && reading->pass == 0 ? skip(reading, row->reason, false, row->raw, "") : KR_OK;
        } else if (is_data) {
            err = reading->is_keyed ? look_at(reading, step) : give_row(reading);
        }
        if (err == KR_OK && step != FIND && count % STEP_ROWS == 0) {
            err = tell_progress(reading, &rows);
        }
    }
    if (err == KR_OK && step != FIND) {
        err = tell_progress(reading, &rows);
    }
    kr_csv_rows_deinit(&rows);
    return err;
}

/* All rows of the keys of this pass; KR_IO where they are not as many as were noted. */
static enum kr_err go_through_keys(struct reading *reading, enum step step)
{
    uint64_t bytes = 0;
    for (uint32_t i = reading->first; i < reading->end; i++) {
        bytes += reading->keys.keys[i].bytes;
    }
    reading->seen_bytes = 0;
    const enum kr_err err = go_through(reading, step);
    return err == KR_OK && reading->seen_bytes != bytes ? has_changed(reading) : err;
}

static enum kr_err end_group(struct reading *reading)
{
    reading->has_begun = false;
    return reading->sink->on_end(reading->sink->context);
}

/* The groups of one pass whose rows can be held, one after the other. */
static enum kr_err give_held(struct reading *reading)
{
    enum kr_err err = kr_csv_held_init(&reading->held, &reading->keys, reading->first, reading->end);
    if (err == KR_OK) {
        err = go_through_keys(reading, HOLD);
    }
    for (uint32_t i = reading->first; i < reading->end && err == KR_OK; i++) {
        for (uint32_t place = 0; err == KR_OK && kr_csv_held_next(&reading->held, i, &place, &reading->row);) {
            const struct key key = key_of(reading);
            err = give(reading, &key);
        }
        if (err == KR_OK && reading->has_begun) {
            err = end_group(reading);
        }
    }
    kr_csv_held_deinit(&reading->held);
    return err;
}

static enum kr_err give_groups(struct reading *reading)
{
    enum kr_err err = KR_OK;
    reading->passes = 0;
    for (uint32_t first = 0; first < reading->keys.count; first = kr_csv_keys_lot(&reading->keys, first)) {
        reading->passes++;
    }
    for (; err == KR_OK && reading->end < reading->keys.count; reading->pass++) {
        reading->first = reading->end;
        reading->end = kr_csv_keys_lot(&reading->keys, reading->first);
        if (!kr_csv_held_fits(&reading->keys, reading->first, reading->end)) {
            err = go_through_keys(reading, GIVE);
            err = err == KR_OK && reading->has_begun ? end_group(reading) : err;
        } else {
            err = give_held(reading);
        }
    }
    return err;
}

static char delimiter_of(const char *map, char found)
{
    static const struct {
        const char *name;
        char delimiter;
    } names[] = {{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'}, {"pipe", '|'}, {"none", 0}};
    const char *at = map != NULL ? strstr(map, "delimiter=") : NULL;
    for (size_t i = 0; at != NULL && i < sizeof names / sizeof names[0]; i++) {
        const size_t len = strlen(names[i].name);
        if (strncmp(at + 10, names[i].name, len) == 0 && (at[10 + len] == 0 || at[10 + len] == ',')) {
            return names[i].delimiter;
        }
    }
    return found;
}

static enum kr_err look(struct reading *reading)
{
    struct kr_csv_rows rows;
    enum kr_err err = kr_csv_rows_init(&rows, reading->source, reading->options->charset);
    if (err == KR_OK) {
        err = kr_csv_rows_dialect(&rows, reading->error);
        rows.dialect.delimiter = delimiter_of(reading->options->map, rows.dialect.delimiter);
        reading->dialect = rows.dialect;
    }
    if (err == KR_OK) {
        err = kr_csv_columns_find(&rows, reading->options->map, &reading->columns, reading->error);
    }
    kr_csv_rows_deinit(&rows);
    for (uint32_t i = 0; err == KR_OK && i < reading->columns.count; i++) {
        reading->is_keyed = reading->is_keyed || reading->columns.columns[i].role == KR_CSV_LABEL;
    }
    reading->is_jpcert =
        reading->columns.is_jpcert && (reading->options->organisation != NULL ? strcmp(reading->options->organisation, JPCERT) == 0
                                                                              : is_called_as_month(reading->source->name));
    reading->is_export = reading->columns.is_export;
    reading->is_keyed = reading->is_keyed || reading->is_jpcert || reading->is_export;
    return err;
}

enum kr_err kr_import_csv(const struct kr_import_source *source, const struct kr_import_options *options,
                          const struct kr_import_sink *sink, struct kr_error *error)
{
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        return KR_NOMEM;
    }
    reading->source = source;
    reading->options = options;
    reading->sink = sink;
    reading->error = error;
    reading->passes = 1;
    enum kr_err err = look(reading);
    if (err == KR_OK && reading->is_keyed) {
        err = go_through(reading, FIND);
    }
    if (err == KR_OK && reading->keys.count > 0) {
        err = give_groups(reading);
    } else if (err == KR_OK) { /* one group, also of nothing */
        const struct key key = {.label = KR_TLP_NONE};
        err = begin_group(reading, &key);
        if (err == KR_OK) {
            err = go_through(reading, GIVE);
        }
        err = err == KR_OK ? end_group(reading) : err;
    }
    kr_csv_keys_deinit(&reading->keys);
    free(reading);
    return err;
}
