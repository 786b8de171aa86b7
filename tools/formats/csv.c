#include "tools/formats/csv.h"

#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "tools/formats/formats.h"

#define ESC 0x1b
#define SUB 0x1a /* ASCII's own sign for a character that could not be read */
#define NUL 0x01 /* what a NUL is turned into before conversion, which would make it a blank */

enum kr_err kr_csv_rows_init(struct kr_csv_rows *rows, const struct kr_import_source *source, const char *charset)
{
    *rows = (struct kr_csv_rows){
        .dialect = {.delimiter = ',', .quote = '"', .line_end = '\n'}, .source = source, .charset = charset, .line = 1};
    rows->raw = malloc(KR_CSV_BLOCK_BYTES);
    rows->capacity = 2 * KR_CSV_BLOCK_BYTES;
    rows->text = malloc(rows->capacity);
    if (rows->raw == NULL || rows->text == NULL) {
        kr_csv_rows_deinit(rows);
        return KR_NOMEM;
    }
    return KR_OK;
}

void kr_csv_rows_deinit(struct kr_csv_rows *rows)
{
    free(rows->raw);
    free(rows->text);
    rows->raw = rows->text = NULL;
}

/* ---- bytes to text ---- */

static bool is_7bit(const uint8_t *bytes, size_t len)
{
    uint8_t all = 0;
    for (size_t i = 0; i < len; i++) {
        all |= bytes[i];
    }
    return all < 0x80;
}

/* Without the escapes by which ISO-2022-JP begins. */
static bool is_ascii(const uint8_t *bytes, size_t len)
{
    return is_7bit(bytes, len) && (len == 0 || memchr(bytes, ESC, len) == NULL);
}

/* UTF-16 without its mark has a zero in nearly every other byte; a list with a few NULs in it has not. */
static bool has_many_zeros(const uint8_t *bytes, size_t len)
{
    size_t zeros = 0;
    const size_t looked = len < 512 ? len : 512;
    for (size_t i = 0; i < looked; i++) {
        zeros += bytes[i] == 0;
    }
    return 4 * zeros >= looked;
}

static bool is_wide(const char *charset)
{
    return strncmp(charset, "UTF-16", 6) == 0;
}

/* Up to where a block can be converted by itself: the last line's end. None of the Japanese charsets has 0x0a within a character,
 * and those with states are in their first one there. */
static size_t whole_lines(const struct kr_csv_rows *rows, const char *charset)
{
    const uint8_t *raw = rows->raw;
    size_t len = rows->raw_len;
    if (is_wide(charset)) {
        len -= len % 2;
        const size_t low = strcmp(charset, "UTF-16BE") == 0 ? 1 : 0;
        for (size_t i = len; i >= 2; i -= 2) {
            if (raw[i - 2 + low] == '\n' && raw[i - 1 - low] == 0) {
                return i;
            }
        }
        return len;
    }
    const uint8_t *feed = len > 0 ? memrchr(raw, '\n', len) : NULL;
    return feed != NULL ? (size_t)(feed - raw) + 1 : len;
}

static bool reserve(struct kr_csv_rows *rows, size_t more)
{
    if (rows->capacity - rows->len >= more) {
        return true;
    }
    uint8_t *text = realloc(rows->text, rows->len + more);
    if (text == NULL) {
        return false;
    }
    rows->text = text;
    rows->capacity = rows->len + more;
    return true;
}

static enum kr_err append_converted(struct kr_csv_rows *rows, size_t len, struct kr_error *error)
{
    char name[KR_CHARSET_NAME_BYTES], *text = NULL;
    size_t text_len = 0;
    for (uint8_t *at = is_wide(rows->charset) ? NULL : memchr(rows->raw, 0, len); at != NULL;
         at = memchr(at, 0, (size_t)(rows->raw + len - at))) {
        *at = NUL;
    }
    enum kr_err err = kr_charset_to_utf8(rows->raw, len, rows->charset, &text, &text_len, name, error);
    if (err == KR_OK && !reserve(rows, text_len)) {
        err = KR_NOMEM;
    }
    if (err == KR_OK) {
        memcpy(rows->text + rows->len, text, text_len);
        rows->len += text_len;
    }
    free(text);
    return err;
}

/* The charset, from the first block that is not ASCII. */
static void settle_charset(struct kr_csv_rows *rows)
{
    static const char utf8_mark[] = "\xef\xbb\xbf";
    size_t mark = 0;
    const bool begins = rows->offset == rows->raw_len;
    if (begins && rows->raw_len >= 3 && memcmp(rows->raw, utf8_mark, 3) == 0) {
        mark = 3;
        rows->charset = rows->charset == NULL ? "UTF-8" : rows->charset;
    } else if (rows->charset == NULL && (begins || !is_ascii(rows->raw, rows->raw_len))) {
        const char *name = kr_charset_detect(rows->raw, whole_lines(rows, "UTF-8"));
        const bool is_little = rows->raw_len >= 2 && rows->raw[0] == 0xff;
        const bool is_marked = strcmp(name, "UTF-16") == 0;
        mark = is_marked ? 2 : 0;
        name = is_marked                                                    ? is_little ? "UTF-16LE" : "UTF-16BE"
               : is_wide(name) && !has_many_zeros(rows->raw, rows->raw_len) ? "UTF-8"
                                                                            : name;
        rows->charset = is_ascii(rows->raw, rows->raw_len) && !is_wide(name) ? NULL : name;
    }
    rows->raw_len -= mark;
    memmove(rows->raw, rows->raw + mark, rows->raw_len);
}

/* Reads on behind what is there. */
static enum kr_err fill(struct kr_csv_rows *rows, struct kr_error *error)
{
    size_t got = 0;
    memmove(rows->text, rows->text + rows->at, rows->len - rows->at);
    rows->len -= rows->at;
    rows->at = 0;
    const size_t wanted = KR_CSV_BLOCK_BYTES - rows->raw_len;
    enum kr_err err = rows->source->read(rows->source->context, rows->offset, rows->raw + rows->raw_len, wanted, &got, error);
    if (err != KR_OK) {
        return err;
    }
    rows->offset += got;
    rows->raw_len += got;
    rows->is_end = got < wanted;
    settle_charset(rows);
    if (rows->charset == NULL || strcmp(rows->charset, "UTF-8") == 0) {
        if (!reserve(rows, rows->raw_len)) {
            return KR_NOMEM;
        }
        memcpy(rows->text + rows->len, rows->raw, rows->raw_len);
        rows->len += rows->raw_len;
        rows->raw_len = 0;
        return KR_OK;
    }
    const size_t len = rows->is_end ? rows->raw_len : whole_lines(rows, rows->charset);
    err = append_converted(rows, len, error);
    if (err == KR_OK) {
        rows->raw_len -= len;
        memmove(rows->raw, rows->raw + len, rows->raw_len);
    }
    return err;
}

/* ---- where a row ends ---- */

static size_t line_end(const struct kr_csv_rows *rows, size_t from)
{
    const uint8_t *end = from < rows->len ? memchr(rows->text + from, rows->dialect.line_end, rows->len - from) : NULL;
    return end != NULL ? (size_t)(end - rows->text) : rows->len;
}

/* Goes through the fields of the row at `at`. `*ret_end`: its end, or of what there is. False: within quotes there. */
static bool find_end(const struct kr_csv_rows *rows, size_t *ret_end, uint32_t *ret_lines)
{
    const uint8_t *text = rows->text;
    const char quote = rows->dialect.quote, delimiter = rows->dialect.delimiter, feed = rows->dialect.line_end;
    bool within = false, begins = true;
    uint32_t lines = 1;
    size_t i = rows->at;
    for (; i < rows->len && lines <= KR_CSV_ROW_LINES_MAX && i - rows->at <= KR_CSV_ROW_BYTES_MAX; i++) {
        const char c = (char)text[i];
        if (within) {
            lines += c == feed;
            if (c == quote && i + 1 < rows->len && (char)text[i + 1] == quote) {
                i++;
            } else {
                within = c != quote;
            }
        } else if (c == feed) {
            break;
        } else {
            within = begins && c == quote;
            begins = c == delimiter || (begins && c == ' ');
        }
    }
    *ret_end = i;
    *ret_lines = lines;
    return !within && lines <= KR_CSV_ROW_LINES_MAX;
}

/* ---- a row ---- */

static void take_cell(struct kr_csv_row *row, uint8_t *from, uint8_t *to, char quote)
{
    uint8_t *begin = from;
    while (begin < to && *begin == ' ') {
        begin++;
    }
    if (begin < to && (char)*begin == quote) {
        uint8_t *out = ++begin;
        bool within = true;
        for (uint8_t *at = begin; at < to; at++) {
            if (within && (char)*at == quote) {
                within = at + 1 < to && (char)at[1] == quote;
                at += within ? 1 : 0;
                if (!within) {
                    continue;
                }
            }
            *out++ = *at;
        }
        from = begin;
        to = out;
    }
    row->cells[row->count++] = (struct kr_slice){from, (size_t)(to - from)};
}

/* Splits in place. False: there are too many columns. */
static bool split(const struct kr_csv_rows *rows, uint8_t *text, size_t len, bool has_quotes, struct kr_csv_row *row)
{
    const char quote = rows->dialect.quote, delimiter = rows->dialect.delimiter;
    size_t from = 0;
    for (bool more = true; more;) {
        size_t to = from;
        if (row->count == KR_CSV_COLUMNS_MAX) {
            return false;
        }
        if (has_quotes) {
            bool within = false, begins = true;
            for (; to < len && (within || delimiter == 0 || (char)text[to] != delimiter); to++) {
                if (within && (char)text[to] == quote && to + 1 < len && (char)text[to + 1] == quote) {
                    to++;
                } else if ((char)text[to] == quote && (within || begins)) {
                    within = !within;
                }
                begins = begins && text[to] == ' ';
            }
        } else {
            const uint8_t *next = delimiter != 0 && from < len ? memchr(text + from, delimiter, len - from) : NULL;
            to = next != NULL ? (size_t)(next - text) : len;
        }
        take_cell(row, text + from, text + to, quote);
        more = to < len;
        from = to + 1;
    }
    return true;
}

/* Bytes that are no UTF-8 become SUB, each for itself. */
static void mend(uint8_t *text, size_t len)
{
    for (const uint8_t *bad = u8_check(text, len); bad != NULL; bad = u8_check(bad, (size_t)(text + len - bad))) {
        text[bad - text] = SUB;
    }
}

bool kr_csv_is_damaged(struct kr_slice cell)
{
    return memchr(cell.bytes, SUB, cell.len) != NULL || memmem(cell.bytes, cell.len, "\xef\xbf\xbd", 3) != NULL;
}

static enum kr_csv_outcome skip_row(struct kr_csv_row *row, enum kr_import_reason reason, uint8_t *text, size_t len)
{
    size_t shown = len < 200 ? len : 200;
    row->reason = reason;
    for (size_t i = 0; i < shown; i++) {
        text[i] = text[i] < ' ' ? ' ' : text[i];
    }
    mend(text, shown);
    row->raw = (struct kr_slice){text, shown};
    return KR_CSV_SKIPPED;
}

static enum kr_csv_outcome take_row(const struct kr_csv_rows *rows, uint8_t *text, size_t len, bool has_quotes,
                                    struct kr_csv_row *row)
{
    while (len > 0 && text[len - 1] == '\r') {
        len--;
    }
    if (len > 0 && (memchr(text, 0, len) != NULL || memchr(text, NUL, len) != NULL)) {
        return skip_row(row, KR_IMPORT_REASON_NUL, text, len);
    }
    if (!is_7bit(text, len)) {
        mend(text, len);
    }
    row->is_comment = len > 0 && text[0] == '#';
    if (!split(rows, text, len, has_quotes && !row->is_comment, row)) {
        row->count = 0;
        return skip_row(row, KR_IMPORT_REASON_MALFORMED, text, len);
    }
    return KR_CSV_ROW;
}

/* Reads until the row at `at` is whole, or too large for it. */
static enum kr_err need_row(struct kr_csv_rows *rows, size_t *ret_end, bool *ret_has_quotes, bool *ret_is_open, uint32_t *ret_lines,
                            struct kr_error *error)
{
    for (;;) {
        const size_t end = line_end(rows, rows->at);
        const bool has_quotes = end > rows->at && memchr(rows->text + rows->at, rows->dialect.quote, end - rows->at) != NULL;
        *ret_has_quotes = has_quotes;
        *ret_is_open = false;
        *ret_end = end;
        *ret_lines = 1;
        if (has_quotes) {
            *ret_is_open = !find_end(rows, ret_end, ret_lines);
        }
        const bool is_whole = *ret_end < rows->len || *ret_end - rows->at > KR_CSV_ROW_BYTES_MAX;
        if (is_whole || rows->is_end) {
            return KR_OK;
        }
        enum kr_err err = fill(rows, error);
        if (err != KR_OK) {
            return err;
        }
    }
}

/* Goes to the end of a line that is longer than can be taken, however long. */
static enum kr_err pass_line(struct kr_csv_rows *rows, struct kr_error *error)
{
    for (;;) {
        const size_t end = line_end(rows, rows->at);
        rows->at = end;
        if (end < rows->len) {
            rows->at = end + 1;
            return KR_OK;
        }
        if (rows->is_end) {
            return KR_OK;
        }
        enum kr_err err = fill(rows, error);
        if (err != KR_OK) {
            return err;
        }
    }
}

enum kr_err kr_csv_next(struct kr_csv_rows *rows, struct kr_csv_row *ret_row, enum kr_csv_outcome *ret_outcome,
                        struct kr_error *error)
{
    bool has_quotes, is_open;
    uint32_t lines;
    size_t end;
    enum kr_err err = need_row(rows, &end, &has_quotes, &is_open, &lines, error);
    if (err != KR_OK) {
        return err;
    }
    ret_row->line = rows->line;
    ret_row->count = 0;
    ret_row->is_comment = false;
    if (rows->at == rows->len) {
        *ret_outcome = KR_CSV_END;
        return KR_OK;
    }
    uint8_t *text = rows->text + rows->at;
    if (is_open && line_end(rows, rows->at) - rows->at <= KR_CSV_ROW_BYTES_MAX) { /* the mark is never closed: this line alone */
        end = line_end(rows, rows->at);
        lines = 1;
        *ret_outcome = skip_row(ret_row, KR_IMPORT_REASON_MALFORMED, text, end - rows->at);
    } else if (end - rows->at > KR_CSV_ROW_BYTES_MAX) {
        static uint8_t beginning[200]; /* the block moves on */
        memcpy(beginning, text, sizeof beginning);
        rows->line++;
        err = pass_line(rows, error);
        *ret_outcome = skip_row(ret_row, KR_IMPORT_REASON_TOO_LARGE, beginning, sizeof beginning);
        return err;
    } else {
        *ret_outcome = take_row(rows, text, end - rows->at, has_quotes, ret_row);
    }
    rows->line += lines;
    rows->at = end < rows->len ? end + 1 : end;
    return KR_OK;
}

/* ---- delimiter, quotes, line ends ---- */

struct shape {
    uint32_t rows, modal, agreeing; /* of so many rows so many have the number of columns that most have */
};

static struct shape shape_of(struct kr_slice sample, struct kr_csv_dialect dialect, bool is_whole)
{
    static struct kr_csv_row row;
    uint32_t counts[KR_CSV_COLUMNS_MAX + 1] = {0};
    struct shape shape = {0};
    struct kr_import_source source;
    struct kr_csv_rows rows;
    enum kr_csv_outcome outcome = KR_CSV_ROW;
    kr_import_source_memory(&source, "", &sample);
    if (kr_csv_rows_init(&rows, &source, "UTF-8") != KR_OK) {
        return shape;
    }
    rows.dialect = dialect;
    while (shape.rows < KR_CSV_SAMPLE_ROWS && kr_csv_next(&rows, &row, &outcome, NULL) == KR_OK && outcome != KR_CSV_END) {
        const bool is_cut = !is_whole && rows.at == rows.len && rows.is_end;
        if (outcome == KR_CSV_ROW && !row.is_comment && !is_cut && (row.count > 1 || row.cells[0].len > 0)) {
            counts[row.count]++;
            shape.rows++;
        }
    }
    for (uint32_t i = 1; i <= KR_CSV_COLUMNS_MAX; i++) {
        if (counts[i] >= shape.agreeing && counts[i] > 0) {
            shape.modal = i;
            shape.agreeing = counts[i];
        }
    }
    kr_csv_rows_deinit(&rows);
    return shape;
}

/* Whether fields stand in apostrophes: many lines have one at a field's beginning, and none has a quotation mark. */
static char quote_of(struct kr_slice sample)
{
    uint32_t apostrophes = 0, lines = 1;
    if (memchr(sample.bytes, '"', sample.len) != NULL) {
        return '"';
    }
    for (size_t i = 0; i < sample.len; i++) {
        const uint8_t before = i == 0 ? '\n' : sample.bytes[i - 1];
        lines += sample.bytes[i] == '\n';
        apostrophes += sample.bytes[i] == '\'' && strchr("\n\r,;\t|", before) != NULL;
    }
    return 2 * apostrophes >= lines && apostrophes > 1 ? '\'' : '"';
}

enum kr_err kr_csv_rows_dialect(struct kr_csv_rows *rows, struct kr_error *error)
{
    static const char delimiters[] = {'\t', ';', '|', ','};
    enum kr_err err = rows->len == 0 && !rows->is_end ? fill(rows, error) : KR_OK;
    if (err != KR_OK) {
        return err;
    }
    const struct kr_slice sample = {rows->text, rows->len < KR_IMPORT_HEAD_BYTES ? rows->len : KR_IMPORT_HEAD_BYTES};
    struct kr_csv_dialect best = {.delimiter = 0, .quote = quote_of(sample), .line_end = '\n'};
    if (memchr(sample.bytes, '\n', sample.len) == NULL && memchr(sample.bytes, '\r', sample.len) != NULL) {
        best.line_end = '\r';
    }
    uint64_t best_score = 0;
    uint32_t best_columns = 0;
    for (size_t i = 0; i < sizeof delimiters; i++) {
        struct kr_csv_dialect dialect = best;
        dialect.delimiter = delimiters[i];
        const struct shape shape = shape_of(sample, dialect, rows->is_end && sample.len == rows->len);
        const uint64_t score = shape.rows > 0 ? (uint64_t)shape.agreeing * 1000 / shape.rows : 0;
        /* Agreement first, then columns ("a;1,5;b"); then the comma, which stands last. */
        if (shape.modal >= 2 && score >= 500 && (score > best_score || (score == best_score && shape.modal >= best_columns))) {
            best_score = score;
            best_columns = shape.modal;
            best.delimiter = delimiters[i];
        }
    }
    rows->dialect = best;
    return KR_OK;
}
