#include "tools/kairan/sheet.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/kairan/kairan.h"

#define HEADING_BYTES_MAX 64u

bool kr_sheet_clean(struct kr_slice text, char *ret, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const bool is_wide = i + 2 < text.len && memcmp(text.bytes + i, "\xE3\x80\x80", 3) == 0;
        const char c = is_wide || text.bytes[i] == '\t' ? ' ' : (char)text.bytes[i];
        i += is_wide ? 2 : 0;
        if (c == ' ' && (len == 0 || ret[len - 1] == ' ')) {
            continue;
        }
        if (len + 1 >= size) {
            return false;
        }
        ret[len++] = c;
    }
    len -= len > 0 && ret[len - 1] == ' ';
    ret[len] = 0;
    return true;
}

bool kr_sheet_cell(const struct kr_csv_row *row, int at, char *ret, size_t size)
{
    ret[0] = 0;
    return at < 0 || (uint32_t)at >= row->count ||
           (!kr_csv_is_damaged(row->cells[at]) && kr_sheet_clean(row->cells[at], ret, size));
}

static bool find_columns(const struct kr_sheet *sheet, const struct kr_csv_row *row, int ret_at[static KR_SHEET_COLUMNS_MAX])
{
    uint32_t found = 0;
    for (int i = 0; i < KR_SHEET_COLUMNS_MAX; i++) {
        ret_at[i] = -1;
    }
    for (uint32_t cell = 0; cell < row->count; cell++) {
        char text[HEADING_BYTES_MAX];
        for (size_t i = 0; kr_sheet_cell(row, (int)cell, text, sizeof text) && i < sheet->heading_count; i++) {
            const int column = sheet->headings[i].column;
            if (strcasecmp(text, sheet->headings[i].heading) == 0 && ret_at[column] < 0) {
                ret_at[column] = (int)cell;
                found |= 1u << column;
            }
        }
    }
    return (found & sheet->needed) == sheet->needed;
}

static bool is_empty(const struct kr_csv_row *row)
{
    for (uint32_t i = 0; i < row->count; i++) {
        if (row->cells[i].len > 0) {
            return false;
        }
    }
    return true;
}

static enum kr_err read_rows(const struct kr_sheet *sheet, struct kr_csv_rows *rows, struct kr_csv_row *row, struct kr_error *error)
{
    int at[KR_SHEET_COLUMNS_MAX];
    bool has_heading = false;
    enum kr_csv_outcome outcome = KR_CSV_ROW;
    enum kr_err err = kr_csv_rows_dialect(rows, error);
    while (err == KR_OK) {
        err = kr_csv_next(rows, row, &outcome, error);
        if (err != KR_OK || outcome == KR_CSV_END) {
            break;
        }
        if (outcome == KR_CSV_SKIPPED) {
            return kr_fail(error, KR_INVALID, _("line %ju: this row cannot be read"), (uintmax_t)row->line);
        }
        if (is_empty(row) || row->is_comment) {
            continue;
        }
        if (has_heading) {
            err = sheet->on_row(sheet->context, row, at, error);
        } else if (!find_columns(sheet, row, at)) {
            return kr_fail(error, KR_INVALID, "%s", sheet->missing);
        }
        has_heading = true;
    }
    return err;
}

enum kr_err kr_sheet_read(const struct kr_sheet *sheet, const struct kr_import_source *source, struct kr_error *error)
{
    struct kr_csv_rows rows;
    struct kr_csv_row *row = malloc(sizeof *row);
    enum kr_err err = row == NULL ? KR_NOMEM : kr_csv_rows_init(&rows, source, NULL);
    if (err == KR_OK) {
        err = read_rows(sheet, &rows, row, error);
        kr_csv_rows_deinit(&rows);
    }
    free(row);
    return err;
}
