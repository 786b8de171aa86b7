/* Rows of delimited text out of a source of any size (RFC 4180, and what spreadsheets make of it), in bounded memory, and which
 * column is what. Used by the reader of CSV (import_csv.c) and by the telling of formats.
 *
 * A row that cannot be taken is told as such, with its line, and the next one begins where a person would see it begin: a quotation
 * mark that is never closed costs its own line, not the rest of the file. */
#ifndef KR_TOOLS_FORMATS_CSV_H
#define KR_TOOLS_FORMATS_CSV_H

#include "tools/formats/import.h"

#define KR_CSV_ROW_BYTES_MAX (64u * KR_KIB)
#define KR_CSV_ROW_LINES_MAX 64u /* of a quoted field over several lines */
#define KR_CSV_COLUMNS_MAX   256u
#define KR_CSV_BLOCK_BYTES   (256u * KR_KIB)
#define KR_CSV_SAMPLE_ROWS   200u
#define KR_CSV_HEADING_BYTES 64u

struct kr_csv_dialect {
    char delimiter; /* ',', ';', tab, '|'; 0: there is one column */
    char quote;     /* '"' or '\'' */
    char line_end;  /* '\n', or '\r' where there is no '\n' at all */
};

enum kr_csv_outcome {
    KR_CSV_ROW,
    KR_CSV_SKIPPED, /* see `reason` */
    KR_CSV_END,
};

/* Cells and raw text lie in the reader's block until the next row. */
struct kr_csv_row {
    uint64_t line;
    uint32_t count;
    struct kr_slice cells[KR_CSV_COLUMNS_MAX]; /* without quotes; valid UTF-8. Bytes that were no characters are 0x1a or U+FFFD */
    bool is_comment;                           /* begins with '#', outside quotes */
    enum kr_import_reason reason;              /* NUL, TOO_LARGE, MALFORMED */
    struct kr_slice raw;                       /* of a skipped row, its beginning */
};

struct kr_csv_rows {
    struct kr_csv_dialect dialect;

    /* For csv.c. */
    const struct kr_import_source *source;
    const char *charset; /* NULL: ASCII so far */
    uint64_t offset;     /* of the next byte of the source */
    uint8_t *raw, *text;
    size_t raw_len, at, len, capacity;
    uint64_t line;
    bool is_end;
};

/* `charset` NULL: told from the first bytes that are not ASCII. The source is borrowed. */
enum kr_err kr_csv_rows_init(struct kr_csv_rows *rows, const struct kr_import_source *source, const char *charset) KR_WARN_UNUSED;
void kr_csv_rows_deinit(struct kr_csv_rows *rows);
enum kr_err kr_csv_next(struct kr_csv_rows *rows, struct kr_csv_row *ret_row, enum kr_csv_outcome *ret_outcome,
                        struct kr_error *error) KR_WARN_UNUSED;
/* From the beginning of what was read so far (nothing may have been taken yet). */
enum kr_err kr_csv_rows_dialect(struct kr_csv_rows *rows, struct kr_error *error) KR_WARN_UNUSED;
bool kr_csv_is_damaged(struct kr_slice cell);

/* ---- columns ---- */

enum kr_csv_role {
    KR_CSV_NOTHING = 0,
    KR_CSV_VALUE, /* of `type`; ANY: told by the row's type column, or the value itself */
    KR_CSV_TYPE,
    KR_CSV_NOTE,
    KR_CSV_FIRST,
    KR_CSV_LAST,
    KR_CSV_CONFIDENCE,
    KR_CSV_ACTION,
    KR_CSV_LABEL,
    KR_CSV_REFERENCE,
};
#define KR_CSV_UTC 1u /* `type` of a column of dates: they are UTC's, not Japan's */

/* Columns of our own export (tools/export/table.c) that say where a row comes from. */
#define KR_CSV_EXPORT_AUTHOR 10u
#define KR_CSV_EXPORT_TITLE  11u
#define KR_CSV_EXPORT_RECORD 13u
#define KR_CSV_EXPORT_ORIGIN 14u
#define KR_CSV_EXPORT_TERMS  16u

struct kr_csv_columns {
    uint32_t count; /* of the heading, or of most rows */
    struct {
        uint8_t role, type; /* enum kr_csv_role; of values: enum kr_indicator_type */
    } columns[KR_CSV_COLUMNS_MAX];
    uint64_t heading_line;               /* 0: there is none */
    uint32_t named, valued;              /* columns that the heading tells; columns of values */
    uint32_t sample_rows, sample_values; /* of the sample: rows behind the heading, and those of them with a value */
    bool is_jpcert;                      /* date, URL, description, as JPCERT/CC publishes phishing URLs */
    bool is_export;                      /* as `kairan export csv` writes it */
};

/* Goes through a sample of rows (its own; `rows` is to be made anew afterwards). `map`: "value=2,type=1,note=備考,heading=none":
 * columns by number from 1 or by heading. KR_INVALID where it cannot be read; KR_NOT_FOUND where no column has values. */
enum kr_err kr_csv_columns_find(struct kr_csv_rows *rows, const char *map, struct kr_csv_columns *ret_columns,
                                struct kr_error *error) KR_WARN_UNUSED;
/* How a type column says it: ours, MISP's and STIX's names, and Japanese ones; composite ones ("domain|ip") as two. False: not
 * known. */
bool kr_csv_type(struct kr_slice cell, uint32_t ret_types[static 2], uint32_t *ret_count);

/* Whether the beginning of a text can only be meant as CSV. */
bool kr_csv_looks(struct kr_slice head);

kr_import_reader kr_import_csv;

#endif
