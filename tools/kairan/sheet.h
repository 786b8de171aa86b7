/* Spreadsheets that people keep, one row a person, as a CSV file whose first row names the columns: rosters of members and of duty.
 */
#ifndef KR_TOOLS_KAIRAN_SHEET_H
#define KR_TOOLS_KAIRAN_SHEET_H

#include "tools/formats/csv.h"

struct kr_sheet {
    const struct kr_sheet_heading {
        const char *heading; /* in lower or upper case */
        int column;          /* below KR_SHEET_COLUMNS_MAX; several headings may mean one */
    } * headings;
    size_t heading_count;
    uint32_t needed;     /* the columns that have to be there, as bits */
    const char *missing; /* what is said where one is not, translated */
    /* A row with something in it; `at`: for each column which of its cells, -1: none. */
    enum kr_err (*on_row)(void *context, const struct kr_csv_row *row, const int *at, struct kr_error *error);
    void *context;
};
#define KR_SHEET_COLUMNS_MAX 8

/* Any delimiter and charset that kr_csv_rows tells (UTF-8, CP932 ...). Passes over empty rows and comments. KR_INVALID with the
 * line of the first mistake. */
enum kr_err kr_sheet_read(const struct kr_sheet *sheet, const struct kr_import_source *source,
                          struct kr_error *error) KR_WARN_UNUSED;
/* The cell without spaces around it, wide ones included; within, several are one. "" where there is none; false where it is damaged
 * or does not fit. */
bool kr_sheet_cell(const struct kr_csv_row *row, int at, char *ret, size_t size);
bool kr_sheet_clean(struct kr_slice text, char *ret, size_t size); /* the same of any text */

#endif
